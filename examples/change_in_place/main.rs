//! A file is changed where it lies; whoever has it mapped sees the change.

use std::env;
use std::error::Error;
use std::path::PathBuf;

use maparray::{Eval, Flush, MemMapArray, Mode};

fn main() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let folder = env::args_os()
        .nth(1)
        .map_or(temporary.path().into(), PathBuf::from);
    let file = folder.join("a.npy");
    MemMapArray::from_slice(&[1.0_f64, 2.0, 3.0]).save(&file)?;
    let reader = MemMapArray::open(&file, Mode::Read)?;

    // One element, then all of them; `flush` returns when they are on the disk.
    let mut a = MemMapArray::open(&file, Mode::ReadWrite)?;
    a.set(&[-1], 30.0_f64)?;
    Eval::new("a + 1".parse()?).update("a", &mut a)?;
    a.flush(Flush::Durable)?;

    let seen = reader.to_vec::<f64>()?;
    assert_eq!(seen, [2.0, 3.0, 31.0]);
    println!("the file holds {seen:?} now");
    Ok(())
}
