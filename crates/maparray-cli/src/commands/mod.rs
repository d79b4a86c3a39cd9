//! What does each command do?
//!
//! One file per command; here what they share: opening files, and computing with the options that
//! hold for every command.

mod create;
mod demo;
mod eval;
mod info;
mod rows;
mod stats;
mod wrap;

use std::io::Write;
use std::path::Path;

use maparray::{Accuracy, DType, Eval, MemMapArray, Mode, Raw, Unit};

use crate::args::{Arguments, Command, How, RawArgs};
use crate::failure::Failure;
use crate::{progress, value};

/// Runs the command that the arguments name; `program` is what the caller typed for this program.
pub(crate) fn run(
    program: &str,
    arguments: &Arguments,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let how = &arguments.how;
    match &arguments.command {
        Command::Info { files, raw } => info::run(files, raw, how, out, err),
        Command::Head(rows) => rows::run(rows, rows::End::First, how, out, err),
        Command::Tail(rows) => rows::run(rows, rows::End::Last, how, out, err),
        Command::Create(create) => create::run(create, how, out),
        Command::Eval(eval) => eval::run(eval, how, out, err),
        Command::Stats { file, raw } => stats::run(file, raw, how, out),
        Command::Wrap(wrap) => wrap::run(wrap, how, out),
        Command::Demo(demo) => demo::run(demo, how, program, out),
    }
}

impl RawArgs {
    /// What the caller says about a file without a header, if anything.
    fn raw(&self) -> Option<Raw> {
        let dtype: DType = self.dtype.clone()?;
        let shape = self.shape.as_ref().map(|shape| shape.0.clone());
        Some(Raw {
            dtype,
            shape,
            order: self.order.into(),
            offset: self.offset,
        })
    }
}

/// Maps a file for reading.
fn open(path: &Path, raw: Option<&Raw>) -> Result<MemMapArray, Failure> {
    Ok(match raw {
        Some(raw) => MemMapArray::open_raw(path, raw, Mode::Read)?,
        None => MemMapArray::open(path, Mode::Read)?,
    })
}

/// Says what the printed elements measure, beside them and not among them, where a program would take
/// it for one.
fn tell_unit(
    unit: Option<&Unit>,
    how: &How,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let text = unit.map(Unit::to_string).filter(|text| !text.is_empty());
    if let Some(text) = text.filter(|_| !how.quiet) {
        out.flush()?;
        writeln!(err, "in {}", value::plain(&text))?;
    }
    Ok(())
}

/// The computation with the options of the command line, watched.
fn configured<'a>(eval: Eval<'a>, how: &How) -> Eval<'a> {
    let eval = match how.threads {
        Some(threads) => eval.threads(threads.into()),
        None => eval,
    };
    let eval = match how.memory {
        Some(memory) => eval.memory(memory.0),
        None => eval,
    };
    let eval = match how.strict {
        true => eval.accuracy(Accuracy::Strict),
        false => eval,
    };
    eval.watch(progress::watcher(how))
}

/// Writes one JSON document and ends the line.
fn print_json(out: &mut dyn Write, value: &serde_json::Value) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    Ok(writeln!(out)?)
}
