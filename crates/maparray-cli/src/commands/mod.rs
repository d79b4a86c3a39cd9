//! What does each command do?
//!
//! One file per command; here what they share: opening files, and computing with the options that
//! hold for every command.

mod combine;
mod convert;
mod create;
mod demo;
mod eval;
mod grow;
mod info;
mod npz;
mod pack;
mod rows;
mod stats;
mod wrap;

use std::io::Write;
use std::path::Path;

use maparray::format::records::{FortranRecords, Marker};
use maparray::{
    Accuracy, Address, ByteOrder, Contents, DType, Eval, Inflate, MemMapArray, Mode, Opened, Raw,
    Unit,
};

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
        Command::Tail {
            rows,
            follow: false,
        } => rows::run(rows, rows::End::Last, how, out, err),
        Command::Tail { rows, follow: true } => rows::follow(rows, how, out, err),
        Command::Append(append) => grow::append(append, how, out, err),
        Command::Resize(resize) => grow::resize(resize, how, out),
        Command::Recover { file } => grow::recover(file, how, out),
        Command::Create(create) => create::run(create, how, out),
        Command::Eval(eval) => eval::run(eval, how, out, err),
        Command::Stats { file, raw } => stats::run(file, raw, how, out, err),
        Command::Npz(npz) => npz::run(npz, how, out),
        Command::Wrap(wrap) => wrap::run(wrap, how, out),
        Command::Combine(combine) => combine::run(combine, how, out),
        Command::Convert(how_to) => convert::convert(how_to, how, out, err),
        Command::Pack(files) => pack::pack(files, how, out, err),
        Command::Unpack(file) => pack::unpack(file, how, out),
        Command::Transpose(axes) => convert::transpose(axes, how, out, err),
        Command::Concat(join) => convert::join(join, convert::Along::Old, how, out, err),
        Command::Stack(join) => convert::join(join, convert::Along::New, how, out, err),
        Command::Split(split) => convert::split(split, how, out, err),
        Command::Demo(demo) => demo::run(demo, how, program, out),
    }
}

/// What the caller says about a file without a header.
enum Told {
    /// Its elements are alone.
    Raw(Raw),
    /// They stand in records of Fortran's.
    Records(FortranRecords),
}

impl Told {
    fn open(&self, path: &Path, mode: Mode) -> maparray::Result<MemMapArray> {
        match self {
            Told::Raw(raw) => MemMapArray::open_raw(path, raw, mode),
            Told::Records(records) => MemMapArray::open_fortran(path, records, mode),
        }
    }
}

impl RawArgs {
    /// What the caller says about a file without a header, if anything.
    fn told(&self) -> Option<Told> {
        let dtype: DType = self.dtype.clone()?;
        if let Some(marker) = &self.fortran {
            return Some(Told::Records(FortranRecords {
                // Who wrote the elements wrote the markers.
                order: match dtype {
                    DType::Number(scalar, order) if scalar.size() > 1 => order,
                    _ => ByteOrder::NATIVE,
                },
                dtype,
                marker: match marker.as_str() {
                    "8" => Marker::Eight,
                    _ => Marker::Four,
                },
            }));
        }
        let shape = self.shape.as_ref().map(|shape| shape.0.clone());
        Some(Told::Raw(Raw {
            dtype,
            shape,
            order: self.order.into(),
            offset: self.offset,
        }))
    }
}

/// Maps a file for reading, be its numbers stored as they are or scaled; what is compressed is copied,
/// and that is said.
fn open(
    path: &Path,
    told: Option<&Told>,
    how: &How,
    err: &mut dyn Write,
) -> Result<Opened, Failure> {
    if let Some(told) = told {
        return Ok(told.open(path, Mode::Read)?.into());
    }
    let opened = Opened::open_inflated(path, Mode::Read, &Inflate::default())?;
    let bytes = opened.raw();
    if bytes.path().is_none() && !how.quiet {
        let (name, size) = (value::path(path), value::size(bytes.byte_len() as u64));
        let sound = Contents::open(Address::parse(path)?.path)?.sample_rate();
        match sound {
            Some(_) => writeln!(err, "{name}: samples of 24 bits, widened to {size}")?,
            None => writeln!(err, "{name}: compressed, inflated to {size}")?,
        }
    }
    Ok(opened)
}

/// Maps a file for reading, its numbers stored as they are.
fn open_plain(path: &Path, told: Option<&Told>) -> Result<MemMapArray, Failure> {
    Ok(match told {
        Some(told) => told.open(path, Mode::Read)?,
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
