//! `maparray eval`: an expression over files, into a file or onto the screen.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use maparray::format::Format;
use maparray::{Address, Eval, Explanation, Expr, Opened};
use serde_json::json;

use super::rows::{End, slice};
use super::{configured, open, print_json};
use crate::args::{self, How};
use crate::failure::Failure;
use crate::{table, value};

/// Memory that a result may take if nothing else is said.
const MEMORY: usize = 256 << 20;

pub(super) fn run(
    eval: &args::Eval,
    how: &How,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let failed = |error: maparray::Error| Failure::Expression {
        text: eval.expr.clone(),
        error,
    };
    let expr = Expr::parse(&eval.expr).map_err(failed)?;
    let told = eval.raw.told();
    let mut arrays: Vec<(&str, Opened)> = Vec::new();
    for binding in &eval.arrays {
        if arrays.iter().any(|(name, _)| *name == binding.name) {
            return Err(Failure::Usage {
                message: format!("two files for the name `{}`", value::plain(&binding.name)),
                hint: "each name of the expression stands for one file",
            });
        }
        let file = Address::parse(&binding.file)?.path;
        let named = Format::of_name(&file.to_string_lossy());
        let headless = matches!(named, None | Some(Format::Raw));
        let array = open(&binding.file, told.as_ref().filter(|_| headless), how, err)?;
        arrays.push((&binding.name, array));
    }
    let bound = arrays.iter().fold(Eval::new(expr), |eval, (name, array)| {
        eval.opened(name, array)
    });
    let bound = configured(bound, how);
    let (dtype, shape) = bound.describe().map_err(failed)?;
    let unit = bound.unit().map_err(failed)?.map(|unit| unit.to_string());
    if eval.explain {
        return explain(&bound.explain().map_err(failed)?, how, out);
    }
    let started = Instant::now();
    if let Some(path) = &eval.output {
        let report = bound.save(path).map_err(failed)?;
        return saved(path, &report, unit, started, how, out);
    }
    let bytes = dtype.size().saturating_mul(shape.iter().product());
    let limit = how.memory.map_or(MEMORY, |memory| memory.0);
    if bytes > limit {
        let (bytes, limit) = (value::size(bytes as u64), value::size(limit as u64));
        let message =
            format!("the result is too large to print: found {bytes}, expected at most {limit}");
        let hint = "write it to a file with `-o result.npy`, or give it room with `--memory`";
        return Err(Failure::Usage { message, hint });
    }
    let result = bound.run().map_err(failed)?;
    let (_, part) = slice(&result, eval.rows, End::First)?;
    if how.json {
        let document = json!({
            "dtype": dtype.to_string(),
            "shape": shape,
            "unit": unit,
            "complete": part.len() == result.len(),
            "values": value::array_to_json(&part)?,
            "seconds": started.elapsed().as_secs_f64(),
        });
        return print_json(out, &document);
    }
    match unit.filter(|unit| result.ndim() == 0 && !unit.is_empty()) {
        Some(unit) => {
            let number = dtype.show(&result.bytes_of(&[])?);
            writeln!(out, "{number} {}", value::plain(&unit))?;
        }
        None => {
            table::write(&part, out)?;
            super::tell_unit(result.unit(), how, out, err)?;
        }
    }
    if part.len() < result.len() && !how.quiet {
        // Not among the values, where a program would take it for one.
        let (name, shape) = (value::dtype_name(&dtype), value::shape(&shape));
        out.flush()?;
        let advice = "print more of it with `-n`, or write it to a file with `-o result.npy`";
        writeln!(err, "… of {name} {shape}; {advice}")?;
    }
    Ok(())
}

/// Says what would be done.
fn explain(plan: &Explanation, how: &How, out: &mut dyn Write) -> Result<(), Failure> {
    if !how.json {
        writeln!(out, "{plan}")?;
        return Ok(());
    }
    let sweeps = plan.sweeps.iter().map(|sweep| {
        json!({
            "purpose": sweep.purpose,
            "shape": sweep.shape,
            "reads": sweep.reads,
            "steps": sweep.steps,
            "strip": sweep.strip,
            "block": sweep.block,
            "bytes_read": sweep.bytes_read,
        })
    });
    let document = json!({
        "sweeps": sweeps.collect::<Vec<_>>(),
        "bytes_read": plan.bytes_read,
        "bytes_cold": plan.bytes_cold,
        "bytes_written": plan.bytes_written,
        "threads": plan.threads,
        "memory": plan.memory,
        "expected_seconds": plan.expected.as_secs_f64(),
    });
    print_json(out, &document)
}

/// Says what was written.
pub(super) fn saved(
    path: &Path,
    report: &maparray::Report,
    unit: Option<String>,
    started: Instant,
    how: &How,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let elapsed = started.elapsed();
    let file_bytes = std::fs::metadata(maparray::Address::parse(path)?.path)?.len();
    let moved = report.bytes_read + report.bytes_written;
    if how.json {
        let document = json!({
            "path": path.display().to_string(),
            "dtype": report.dtype.to_string(),
            "shape": report.shape,
            "unit": unit,
            "file_bytes": file_bytes,
            "bytes_read": report.bytes_read,
            "bytes_written": report.bytes_written,
            "threads": report.threads,
            "seconds": elapsed.as_secs_f64(),
            "bytes_per_second": value::rate(moved, elapsed),
        });
        return print_json(out, &document);
    }
    if !how.quiet {
        let (name, shape) = (
            value::dtype_name(&report.dtype),
            value::shape(&report.shape),
        );
        let (size, time) = (value::size(file_bytes), value::time(elapsed));
        let path = value::path(path);
        writeln!(out, "{path}: {name} {shape}, {size} in {time}")?;
    }
    Ok(())
}
