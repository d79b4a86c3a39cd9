//! How long do single steps of the engine take, in memory and on one thread?
//!
//! One row for each: an expression, and the answer it must have before its time is told. The input is
//! `a`, `b` = 0, 1, … 99 over and over, small enough for the last cache.
//!
//! Knows: the library's public face. Must not know: how the engine works.

use std::time::{Duration, Instant};

use maparray::{Element, Eval, Expr, MemMapArray, Order, Result, Select};

/// 4 MiB of float32: three arrays fit into the last cache.
pub(crate) const ELEMENTS: usize = 1 << 20;

const ROUNDS: usize = 15;
/// Work is repeated until a round takes so long, for the clock's sake.
const LEAST: Duration = Duration::from_millis(2);

/// What is computed element by element, how many arrays it reads, and the same for one element.
type Map = (&'static str, usize, fn(f64, f64) -> f64);

const MAPS: &[Map] = &[
    ("a + 1", 1, |a, _| a + 1.0),
    ("a + b", 2, |a, b| a + b),
    ("a * 0.5 + b", 2, |a, b| a * 0.5 + b),
    ("(a*0.5 + b)/(b + 1)", 2, |a, b| (a * 0.5 + b) / (b + 1.0)),
    ("sqrt(a)", 1, |a, _| a.sqrt()),
    ("exp(a / 64)", 1, |a, _| (a / 64.0).exp()),
    (
        "where(a > 50, a, -b)",
        2,
        |a, b| if a > 50.0 { a } else { -b },
    ),
    ("maximum(a, b)", 2, f64::max),
];

/// A reduction, how many arrays it reads, and its answer for 0, 1, … 99 over and over.
const FOLDS: &[(&str, usize, f64)] = &[
    ("sum(a - 49.5)", 1, 0.0),
    ("mean(a)", 1, 49.5),
    ("min(a)", 1, 0.0),
    ("max(a)", 1, 99.0),
    ("var(a)", 1, 833.25),
    ("mean((a + b)**2)", 2, 13134.0),
];

/// Runs what has `filter` in its text, on arrays of so many elements, and prints a table.
pub(crate) fn run(elements: usize, filter: &str) -> Result<()> {
    let elements = elements.next_multiple_of(200);
    println!("{:36} {:>12} {:>10}", "what", "time", "GB/s");
    let bench = Bench { filter };
    bench.numbers::<f32>(elements, f32::from)?;
    bench.numbers::<f64>(elements, f64::from)?;
    bench.access(elements)
}

/// 0, 1, … 99 over and over.
fn cycle<T>(elements: usize, of: fn(u8) -> T) -> Vec<T> {
    (0..elements).map(|i| of((i % 100) as u8)).collect()
}

/// An expression over `a` and `b`, on one thread.
fn bind<'a>(text: &str, a: &'a MemMapArray, b: &'a MemMapArray) -> Result<Eval<'a>> {
    let expr: Expr = text.parse()?;
    let names = expr.names();
    let mut eval = Eval::new(expr).threads(1);
    for (name, array) in [("a", a), ("b", b)] {
        if names.iter().any(|known| known == name) {
            eval = eval.array(name, array);
        }
    }
    Ok(eval)
}

struct Bench<'a> {
    filter: &'a str,
}

impl Bench<'_> {
    fn numbers<T: Element + Into<f64>>(&self, elements: usize, of: fn(u8) -> T) -> Result<()> {
        let a = MemMapArray::from_slice(&cycle(elements, of));
        let b = MemMapArray::from_slice(&cycle(elements, of));
        let dtype = a.dtype().clone();
        let mut out = MemMapArray::zeros(&dtype, a.shape(), Order::C)?;
        let size = elements * size_of::<T>();
        for (text, reads, right) in MAPS {
            bind(text, &a, &b)?.write(&mut out)?;
            for (i, found) in out.to_vec::<T>()?.into_iter().enumerate() {
                let number = (i % 100) as f64;
                close(text, found.into(), right(number, number));
            }
            self.report(&format!("{text} [{dtype}]"), (reads + 1) * size, || {
                bind(text, &a, &b)?.write(&mut out).map(drop)
            })?;
        }
        for (text, reads, right) in FOLDS {
            let found = bind(text, &a, &b)?.run()?.get::<T>(&[])?;
            close(text, found.into(), *right);
            self.report(&format!("{text} [{dtype}]"), reads * size, || {
                bind(text, &a, &b)?.run().map(drop)
            })?;
        }
        Ok(())
    }

    /// Elements that do not follow each other, and work so small that its beginning is all of it.
    fn access(&self, elements: usize) -> Result<()> {
        let a = MemMapArray::from_slice(&cycle(elements, f32::from));
        for (name, step) in [("every second", 2), ("backwards", -1)] {
            let (start, stop) = (None, None);
            let part = a.select(&[Select::Range { start, stop, step }])?;
            let sum = bind("sum(a)", &part, &part)?.run()?.get::<f32>(&[])?;
            let right = if step == 2 { 49.0 } else { 49.5 } * part.len() as f64;
            close(name, sum.into(), right);
            self.report(&format!("sum(a), {name}"), part.byte_len(), || {
                bind("sum(a)", &part, &part)?.run().map(drop)
            })?;
        }
        let picks: Vec<i64> = (0..1000).map(|i| i * 7 % elements as i64).collect();
        let taken = a.take(&picks, 0)?.to_vec::<f32>()?;
        for (found, pick) in taken.into_iter().zip(&picks) {
            close("take", found.into(), (pick % 100) as f64);
        }
        self.report("take of 1000", 8 * picks.len(), || {
            a.take(&picks, 0).map(drop)
        })?;
        let tiny = MemMapArray::from_slice(&cycle(100, f32::from));
        let sum = bind("sum(a + b)", &tiny, &tiny)?.run()?.get::<f32>(&[])?;
        close("sum of 100", sum.into(), 9900.0);
        self.report("sum(a + b) of 100", 8 * tiny.len(), || {
            bind("sum(a + b)", &tiny, &tiny)?.run().map(drop)
        })
    }

    /// The median time of one call, and the bytes it moves in that time.
    fn report(&self, name: &str, bytes: usize, mut work: impl FnMut() -> Result<()>) -> Result<()> {
        if !name.contains(self.filter) {
            return Ok(());
        }
        let mut round = |repeat: u32| -> Result<Duration> {
            let started = Instant::now();
            for _ in 0..repeat {
                work()?;
            }
            Ok(started.elapsed())
        };
        let mut repeat = 1;
        while round(repeat)? < LEAST {
            repeat *= 2;
        }
        let mut times = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            times.push(round(repeat)?.as_secs_f64() / f64::from(repeat));
        }
        times.sort_by(f64::total_cmp);
        let time = times[ROUNDS / 2];
        let speed = bytes as f64 / time / 1e9;
        println!("{name:36} {:9.1} µs {speed:10.2}", time * 1e6);
        Ok(())
    }
}

/// # Panics
/// If the answer is not the right one: a time without it is worth nothing.
fn close(text: &str, found: f64, right: f64) {
    let error = (found - right).abs() / right.abs().max(1.0);
    assert!(error < 1e-6, "{text}: found {found}, expected {right}");
}
