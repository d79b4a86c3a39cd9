//! `maparray convert`, `transpose`, `concat`, `stack`, `split`: how does one file become another?
//!
//! Elements are copied in pieces, and a file gets its name when it is whole. No file is replaced unless
//! that is said.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use maparray::format::{Format, Storage};
use maparray::{
    ByteOrder, Contents, Create, DType, Existing, Inflate, Join, Opened, Select, convert_all,
};

use super::create::EXISTS;
use super::eval::saved;
use super::npz::written;
use super::{configured, open, print_json};
use crate::args::{self, How, NewFile};
use crate::failure::Failure;
use crate::{progress, value};

impl NewFile {
    /// How the file is made.
    fn options(&self) -> Create {
        Create {
            existing: if self.overwrite {
                Existing::Replace
            } else {
                Existing::Refuse
            },
            format: self.raw.then_some(Format::Raw),
            ..Create::default()
        }
    }
}

/// Another dtype, order or format.
pub(super) fn convert(
    convert: &args::Convert,
    how: &How,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let new = convert.new_file();
    let same_dtype = convert.to.is_none() && !convert.big_endian && !convert.little_endian;
    let as_is = same_dtype && convert.as_order.is_none() && convert.source.dtype.is_none();
    if as_is && !convert.raw && all(&convert.file, &new, how, err)? {
        return written(&new.output, how, out);
    }
    let array = open(&convert.file, convert.source.told().as_ref(), how, err)?;
    let wanted = convert.to.clone().unwrap_or_else(|| array.dtype());
    let dtype = match (convert.big_endian, convert.little_endian) {
        (true, _) => wanted.with_order(ByteOrder::Big),
        (_, true) => wanted.with_order(ByteOrder::Little),
        _ => wanted,
    };
    let options = Create {
        order: convert.as_order.map_or(array.raw().order(), Into::into),
        ..new.options()
    };
    write(&array, &dtype, &options, &new, how, out)
}

/// Every array of a file that holds several into one that can, with their names; `false` if one of the
/// two is for one array.
fn all(file: &Path, new: &NewFile, how: &How, err: &mut dyn Write) -> Result<bool, Failure> {
    let inflate = Inflate::default();
    let convert = || convert_all(file, &new.output, &new.options(), Some(&inflate));
    let names = maparray::watched(progress::watcher(how), convert).map_err(unless_taken)?;
    let Some(names) = names else { return Ok(false) };
    let contents = Contents::open(file)?;
    for (index, name) in names.iter().enumerate().filter(|_| !how.quiet) {
        let entry = contents.entry(index)?;
        if entry.storage != Storage::Plain {
            let (file, name) = (value::path(file), value::plain(name));
            let size = value::size(entry.header.byte_len()?);
            writeln!(err, "{file}:{name}: compressed, inflated to {size}")?;
        }
    }
    Ok(true)
}

/// The axes in another order.
pub(super) fn transpose(
    transpose: &args::Transpose,
    how: &How,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let array = open(&transpose.file, transpose.source.told().as_ref(), how, err)?;
    let turned = array.transpose(transpose.axes.as_ref().map(|axes| &*axes.0))?;
    let dtype = array.dtype();
    let options = transpose.new.options();
    write(&turned, &dtype, &options, &transpose.new, how, out)
}

/// Writes an array as a new file and says so.
fn write(
    array: &Opened,
    dtype: &DType,
    options: &Create,
    new: &NewFile,
    how: &How,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (started, path) = (Instant::now(), &new.output);
    let unit = array.unit().map(|unit| unit.to_string());
    let report = array.convert(path, dtype, options, |eval| configured(eval, how));
    let report = report.map_err(unless_taken)?;
    saved(path, &report, unit, started, how, out)
}

/// Arrays behind each other.
pub(super) fn join(
    join: &args::Join,
    along: Along,
    how: &How,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let started = Instant::now();
    let arrays = join.files.iter().map(|file| open(file, None, how, err));
    let arrays = arrays.collect::<Result<Vec<_>, Failure>>()?;
    let mut job = match along {
        Along::Old => Join::concatenate(&arrays, join.axis)?,
        Along::New => Join::stack(&arrays, join.axis)?,
    };
    job = job.watch(progress::watcher(how));
    if let Some(threads) = how.threads {
        job = job.threads(threads.into());
    }
    if let Some(memory) = how.memory {
        job = job.memory(memory.0);
    }
    let unit = arrays.first().and_then(Opened::unit);
    let unit = unit.map(|unit| unit.to_string());
    let report = job.save(&join.new.output, &join.new.options());
    let report = report.map_err(unless_taken)?;
    saved(&join.new.output, &report, unit, started, how, out)
}

/// Which axis arrays are joined along.
#[derive(Clone, Copy)]
pub(super) enum Along {
    /// One that they have.
    Old,
    /// One that they have not.
    New,
}

/// Rows of an array in files of their own.
pub(super) fn split(
    split: &args::Split,
    how: &How,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let array = open(&split.file, split.source.told().as_ref(), how, err)?;
    let Some(&len) = array.shape().first() else {
        return Err(Failure::Usage {
            message: "the array has no axes".to_owned(),
            hint: "only an array with a first axis has rows to be split",
        });
    };
    let starts = Starts::new(len, split.rows, split.parts);
    let digits = starts.count.saturating_sub(1).to_string().len();
    let text = split.new.output.to_str().filter(|text| text.contains("{}"));
    let text = text.ok_or_else(|| Failure::Usage {
        message: "the name of the parts has no `{}`".to_owned(),
        hint: "their numbers take its place: `-o part-{}.npy`",
    })?;
    let path = |number: usize| PathBuf::from(text.replace("{}", &format!("{number:0digits$}")));
    // A name that is taken is found before the first part is written.
    if !split.new.overwrite
        && let Some(taken) = (0..starts.count).map(path).find(|path| path.exists())
    {
        return Err(taken_by(&taken));
    }
    let mut documents = vec![];
    for number in 0..starts.count {
        let mut picks = vec![Select::ALL; array.ndim()];
        picks[0] = Select::Range {
            start: Some(starts.of(number) as i64),
            stop: Some(starts.of(number + 1).min(len) as i64),
            step: 1,
        };
        let part = array.select(&picks)?;
        let options = split.new.options();
        let new = NewFile {
            output: path(number),
            ..split.new.clone()
        };
        let mut said = vec![];
        write(&part, &array.dtype(), &options, &new, how, &mut said)?;
        match how.json {
            true => documents.push(serde_json::from_slice(&said)?),
            false => out.write_all(&said)?,
        }
    }
    if how.json {
        return print_json(out, &serde_json::Value::Array(documents));
    }
    Ok(())
}

/// Where the parts of so many rows begin.
struct Starts {
    count: usize,
    rows: usize,
    /// Parts with one row more, the first ones.
    longer: usize,
}

impl Starts {
    fn new(len: usize, rows: Option<u32>, parts: Option<u32>) -> Starts {
        match (rows, parts) {
            // No part is empty.
            (None, Some(parts)) => {
                let count = len.min(parts as usize);
                Starts {
                    count,
                    rows: len.checked_div(count).unwrap_or(0),
                    longer: len.checked_rem(count).unwrap_or(0),
                }
            }
            (rows, _) => {
                let rows = rows.unwrap_or(1).max(1) as usize;
                Starts {
                    count: len.div_ceil(rows),
                    rows,
                    longer: 0,
                }
            }
        }
    }

    fn of(&self, number: usize) -> usize {
        number * self.rows + number.min(self.longer)
    }
}

/// Says how a file is replaced, if one is in the way.
pub(super) fn unless_taken(error: maparray::Error) -> Failure {
    match error.os_error() {
        Some(EXISTS) => Failure::Hinted {
            error,
            hint: REPLACES,
        },
        _ => error.into(),
    }
}

const REPLACES: &str = "`--overwrite` replaces files";

fn taken_by(path: &Path) -> Failure {
    Failure::Usage {
        message: format!("{}: file exists", value::path(path)),
        hint: REPLACES,
    }
}
