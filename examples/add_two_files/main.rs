//! Two files are added into a third, in less memory than any of them takes.

use std::env;
use std::error::Error;
use std::path::PathBuf;

use maparray::{Eval, MemMapArray, Mode};

fn main() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let folder = env::args_os()
        .nth(1)
        .map_or(temporary.path().into(), PathBuf::from);
    let (x, y, z) = (
        folder.join("x.npy"),
        folder.join("y.npy"),
        folder.join("z.npy"),
    );

    // Two files of 16 MB: one counts up, the other counts down.
    Eval::new("float32(index(2000, 2000))".parse()?).save(&x)?;
    Eval::new("float32(4000000 - index(2000, 2000))".parse()?).save(&y)?;

    // Opening reads the header only. Adding takes 8 MB at most.
    let x = MemMapArray::open(&x, Mode::Read)?;
    let y = MemMapArray::open(&y, Mode::Read)?;
    let sum = Eval::new("x + y".parse()?).array("x", &x).array("y", &y);
    let report = sum.memory(8 << 20).save(&z)?;
    println!(
        "z.npy: {} {:?}, {} bytes",
        report.dtype, report.shape, report.bytes_written
    );

    let z = MemMapArray::open(&z, Mode::Read)?;
    let right = Eval::new("all(z == 4000000)".parse()?)
        .array("z", &z)
        .run()?;
    assert!(right.get::<bool>(&[])?, "a wrong sum");
    println!("every sum is 4000000");
    Ok(())
}
