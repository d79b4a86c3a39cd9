//! A file without a `.npy` header: big-endian numbers after ten bytes that are skipped.

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use maparray::{Eval, MemMapArray, Mode, Order, Raw};

fn main() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let folder = env::args_os()
        .nth(1)
        .map_or(temporary.path().into(), PathBuf::from);

    // What an instrument wrote: its name, then rows of three 16-bit numbers.
    let file = folder.join("samples.raw");
    let mut bytes = b"sensor 7:\n".to_vec();
    bytes.extend((1..=6_i16).flat_map(i16::to_be_bytes));
    fs::write(&file, bytes)?;

    // The length of the file tells how many rows there are.
    let rows = Raw {
        dtype: ">i2".parse()?,
        shape: Some(vec![-1, 3]),
        order: Order::C,
        offset: 10,
    };
    let samples = MemMapArray::open_raw(&file, &rows, Mode::Read)?;
    println!("samples.raw: {} {:?}", samples.dtype(), samples.shape());

    let means = Eval::new("mean(a, axis=1)".parse()?)
        .array("a", &samples)
        .run()?;
    let means = means.to_vec::<f64>()?;
    assert_eq!(means, [2.0, 5.0]);
    println!("the mean of each row is {means:?}");
    Ok(())
}
