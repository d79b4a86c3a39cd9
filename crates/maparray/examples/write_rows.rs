//! How does a program in Rust hand rows to one in Python, while both have the array mapped?
//!
//! Python makes the array, whose row 0 holds two counters: rows written, and rows taken.
//!
//! ```python
//! table = maparray.create("table.npy", shape=(1 + 100, 4), dtype="i8")
//! for row in range(1, 101):
//!     table.wait((0, 0), row - 1)  # until there is one more
//!     print(table[row])
//!     table.atomic_add((0, 1), 1)
//! ```
//!
//! `cargo run --example write_rows table.npy` is the other side.

use std::env;
use std::error::Error;
use std::time::Duration;

use maparray::{MemMapArray, Mode};

const WRITTEN: [i64; 2] = [0, 0];
const TAKEN: [i64; 2] = [0, 1];

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).ok_or("expected the name of a file")?;
    let mut table = MemMapArray::open(path, Mode::ReadWrite)?;
    let &[rows, columns] = table.shape() else {
        return Err("expected rows and columns".into());
    };
    for row in 1..rows as i64 {
        for column in 0..columns as i64 {
            table.set(&[row, column], row * row + column)?;
        }
        // Whoever sees the new number sees the row, too.
        table.fetch_add(&WRITTEN, 1_i64)?;
        let taken = table.wait(&TAKEN, row - 1, Duration::from_secs(60))?;
        if taken != row {
            return Err(format!("row {row}: nobody took it").into());
        }
    }
    println!("{} rows written", rows - 1);
    Ok(())
}
