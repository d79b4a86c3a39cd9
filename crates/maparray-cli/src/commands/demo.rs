//! `maparray demo`: two arrays larger than the memory allowed, added into a third.
//!
//! The first thing that maparray's ancestor did in 2002, with time, speed and memory to look at, and
//! a sample of the answer checked.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use maparray::{Eval, Expr, Flow, MemMapArray, Mode, Report, Scalar};
use serde_json::json;

use super::{configured, print_json};
use crate::args::{Demo, How, Size};
use crate::failure::Failure;
use crate::progress::{self, Guard};
use crate::value::{self, grouped, size, time};

/// Memory that the addition keeps to if nothing else is said.
const BUDGET: usize = 64 << 20;

/// Elements that are checked.
const SAMPLE: usize = 10_000;

pub(super) fn run(
    demo: &Demo,
    how: &How,
    program: &str,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let folder = Folder::new(&demo.dir, demo.keep)?;
    let count = (demo.size.0 / size_of::<f32>()).max(1);
    let budget = how.memory.unwrap_or(Size(BUDGET));
    let how = How {
        memory: Some(budget),
        ..*how
    };
    let [a, b, c] = ["a.npy", "b.npy", "c.npy"].map(|name| folder.path.join(name));
    let index = Expr::index(&[count]);
    let tell = !how.json;

    if tell {
        let (each, budget) = (size(4 * count as u64), size(budget.0 as u64));
        writeln!(
            out,
            "Two arrays of {each} are added into a third, in {budget} of memory.\n"
        )?;
    }
    let inputs = [
        (
            &a,
            "a",
            "count up to a million, again and again",
            &index % 1_000_000,
        ),
        (&b, "b", "random numbers from 0 to 1", index.random(2002)),
    ];
    for (path, name, what, elements) in inputs {
        let started = Instant::now();
        let elements = elements.cast(Scalar::F32);
        configured(Eval::new(elements), &how).save(path)?;
        if tell {
            let (count, took) = (grouped(count as u64), time(started.elapsed()));
            writeln!(
                out,
                "  {name}      {count} float32, {what}: written in {took}"
            )?;
            out.flush()?;
        }
    }

    let inputs = [
        MemMapArray::open(&a, Mode::Read)?,
        MemMapArray::open(&b, Mode::Read)?,
    ];
    let (report, elapsed, memory) = add(&inputs, &c, &how)?;
    let moved = report.bytes_read + report.bytes_written;
    let checked = check(&inputs, &MemMapArray::open(&c, Mode::Read)?)?;

    if how.json {
        let document = json!({
            "elements": count,
            "bytes_per_array": 4 * count,
            "budget_bytes": budget.0,
            "threads": report.threads,
            "seconds": elapsed.as_secs_f64(),
            "bytes_read": report.bytes_read,
            "bytes_written": report.bytes_written,
            "bytes_per_second": value::rate(moved, elapsed),
            "peak_anonymous_bytes": memory.map(|memory| memory.anonymous),
            "peak_bytes": memory.map(|memory| memory.total),
            "checked": checked,
            "folder": demo.keep.then(|| folder.path.display().to_string()),
        });
        return print_json(out, &document);
    }
    let speed = moved as f64 / elapsed.as_secs_f64() / 1e9;
    let threads = report.threads;
    let crew = if threads == 1 { "thread" } else { "threads" };
    writeln!(out, "  a + b  {} on {threads} {crew}\n", time(elapsed))?;
    writeln!(
        out,
        "  speed   {speed:.1} GB/s: {} read and written",
        size(moved)
    )?;
    match memory {
        Some(memory) => writeln!(
            out,
            "  memory  {} at most, besides the pages of the files ({} with them)",
            size(memory.anonymous),
            size(memory.total)
        )?,
        None => writeln!(out, "  memory  not known on this system")?,
    }
    writeln!(
        out,
        "  answer  right: {} elements of the sum checked",
        grouped(checked as u64)
    )?;
    try_next(&folder, program, out)
}

/// Adds two files into a third and watches the memory meanwhile.
fn add(
    inputs: &[MemMapArray; 2],
    output: &Path,
    how: &How,
) -> Result<(Report, Duration, Option<Memory>), Failure> {
    let mut peak = Memory::now();
    let mut watcher = progress::watcher(how);
    let sum = Expr::array("a") + Expr::array("b");
    let eval = Eval::new(sum).array("a", &inputs[0]).array("b", &inputs[1]);
    let started = Instant::now();
    let report = configured(eval, how)
        .watch(|progress| -> Flow {
            peak = Memory::now().zip(peak).map(|(now, peak)| now.most(peak));
            watcher(progress)
        })
        .save(output)?;
    Ok((report, started.elapsed(), peak))
}

/// Compares elements all over the result with the sums of the inputs, and says how many.
fn check(inputs: &[MemMapArray; 2], sum: &MemMapArray) -> Result<usize, Failure> {
    let len = sum.len();
    let count = len.min(SAMPLE);
    for place in 0..count {
        // From the first element to the last, at even distances.
        let index = [(place as u128 * (len as u128 - 1) / (count as u128 - 1).max(1)) as i64];
        let [a, b] = [inputs[0].get::<f32>(&index)?, inputs[1].get::<f32>(&index)?];
        let c = sum.get::<f32>(&index)?;
        if c != a + b {
            let index = index[0];
            return Err(Failure::Wrong(format!(
                "element {index}: found {c}, expected {}",
                a + b
            )));
        }
    }
    Ok(count)
}

fn try_next(folder: &Folder, program: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let file = |name: &str| value::path(&folder.path.join(name));
    let (a, b, c) = (file("a.npy"), file("b.npy"), file("c.npy"));
    let commands = if folder.keep {
        vec![
            format!("info {c}"),
            format!("head {c}"),
            format!("stats {c}"),
            format!("eval 'mean((c - a - b) ** 2)' a={a} b={b} c={c}"),
            format!("eval 'where(b < 0.5, a, -b)' a={a} b={b} -o d.npy"),
        ]
    } else {
        [
            "demo --keep",
            "create x.npy --shape 20,30 --dtype float32 --random",
            "info x.npy",
        ]
        .into_iter()
        .chain(["stats x.npy", "eval 'mean(x, axis=0)' x=x.npy", "--help"])
        .map(str::to_owned)
        .collect()
    };
    writeln!(out, "\nTry next:")?;
    for command in commands {
        writeln!(out, "  {} {command}", value::plain(program))?;
    }
    if folder.keep {
        writeln!(out, "\nThe files are in {}", value::path(&folder.path))?;
    }
    Ok(())
}

/// A folder of our own, gone when the demonstration is over unless it is kept.
struct Folder {
    path: PathBuf,
    keep: bool,
    /// No signal ends the program before the folder is gone.
    _guard: Guard,
}

impl Folder {
    fn new(inside: &Path, keep: bool) -> Result<Folder, Failure> {
        let guard = Guard::new();
        let process = std::process::id();
        let name = |attempt: u32| match attempt {
            0 => format!("maparray-demo-{process}"),
            _ => format!("maparray-demo-{process}-{attempt}"),
        };
        let mut attempt = 0;
        loop {
            // Names are shorter without a dot in front.
            let inside = if inside == Path::new(".") {
                Path::new("")
            } else {
                inside
            };
            let path = inside.join(name(attempt));
            match std::fs::create_dir(&path) {
                Ok(()) => {
                    return Ok(Folder {
                        path,
                        keep,
                        _guard: guard,
                    });
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => attempt += 1,
                Err(error) => {
                    return Err(Failure::Folder { path, error });
                }
            }
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // Whatever cannot be removed is named like this program and can be removed by hand.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Memory of this process, in bytes.
#[derive(Clone, Copy, Debug)]
struct Memory {
    anonymous: u64,
    total: u64,
}

impl Memory {
    /// As Linux counts it; nothing elsewhere.
    fn now() -> Option<Memory> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let bytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            let kibibytes: u64 = line
                .trim_start_matches(':')
                .split_whitespace()
                .next()?
                .parse()
                .ok()?;
            Some(kibibytes << 10)
        };
        Some(Memory {
            anonymous: bytes("RssAnon")?,
            total: bytes("VmHWM")?,
        })
    }

    fn most(self, other: Memory) -> Memory {
        Memory {
            anonymous: self.anonymous.max(other.anonymous),
            total: self.total.max(other.total),
        }
    }
}
