//! How fast is the library, asked from Rust?
//!
//! `bench open FILE…` opens files and reads the first element of each; the comparison with NumPy calls
//! it. `bench micro [FILTER]` times kernels, reductions and access, each after a look at its answer.
//!
//! Knows: the library's public face. Must not know: the Python door, the peers.

mod micro;

use std::process::ExitCode;
use std::time::Instant;

use maparray::{MemMapArray, Mode, Result};

const USAGE: &str = "usage: bench open FILE… | bench micro [FILTER]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.split_first() {
        Some((task, files)) if task == "open" => open(files),
        Some((task, rest)) if task == "micro" && rest.len() < 2 => {
            micro::run(micro::ELEMENTS, rest.first().map_or("", String::as_str))
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the seconds that opening took, and the sum of the first elements.
fn open(files: &[String]) -> Result<()> {
    let started = Instant::now();
    let total = first_elements(files)?;
    println!("{:.9} {total}", started.elapsed().as_secs_f64());
    Ok(())
}

fn first_elements(files: &[String]) -> Result<f64> {
    let mut total = 0.0;
    for file in files {
        total += f64::from(MemMapArray::open(file, Mode::Read)?.get::<f32>(&[0])?);
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_element_of_every_file_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut files = vec![];
        for number in 0..3_u8 {
            let path = folder.path().join(format!("{number}.npy"));
            let elements = [f32::from(number), 9.0];
            MemMapArray::from_slice(&elements)
                .save(&path)
                .expect("a file");
            files.push(path.to_string_lossy().into_owned());
        }
        assert_eq!(first_elements(&files).expect("arrays"), 3.0);
    }

    #[test]
    fn every_micro_benchmark_finds_its_answer() {
        micro::run(10_000, "").expect("right answers");
    }
}
