//! Frames in adu move to a file under the eyes of their owner, are calibrated there, and come back.

use std::env;
use std::error::Error;
use std::path::PathBuf;

use maparray::{AfterUse, Container, Eval, Mapping, MemMapArray, Unit};

fn main() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let folder = env::args_os()
        .nth(1)
        .map_or(temporary.path().into(), PathBuf::from);
    let adu: Unit = "adu".parse()?;
    let frames = Eval::new("index(3, 4) * 10.0 + 100".parse()?).run()?;
    let bias = MemMapArray::from_slice(&[100.0_f64; 4]).with_unit(adu.clone());
    let time = MemMapArray::from_slice(&[2.0_f64]).with_unit(Unit::parse("s")?);

    // In memory, then in the file, then in memory again: the same instance.
    let file = folder.join("frames.npy");
    let mut place = Container::new(Some(frames.with_unit(adu)), Some(&file));
    place.enable_memmap(None, Mapping::default())?;
    let rate = Eval::new("(m - bias) / time".parse()?)
        .array("m", place.array()?)
        .array("bias", &bias)
        .array("time", &time)
        .run()?;
    place.disable_memmap(AfterUse::Remove)?;

    assert_eq!(rate.unit(), Some(&"adu / s".parse()?));
    assert_eq!(rate.get::<f64>(&[2, 3])?, 55.0);
    assert!(!file.exists());
    // What measures something else is refused before an element is read.
    let wrong = Eval::new("m + time".parse()?).array("m", place.array()?);
    assert!(wrong.array("time", &time).run().is_err());
    println!("the last element is {} adu / s", rate.get::<f64>(&[2, 3])?);
    Ok(())
}
