//! `maparray info`: what does the header say, and does the file agree?
//!
//! Reads headers only; the data is never touched.

use std::cmp::Ordering;
use std::io::Write;
use std::path::{Path, PathBuf};

use maparray::format::{Entry, Format, Scaling, Storage};
use maparray::{Address, Contents, Info, Key, Mode, Order, info, info_raw};
use serde_json::{Value, json};

use super::{Told, print_json};
use crate::args::{How, RawArgs};
use crate::failure::Failure;
use crate::value;

pub(super) fn run(
    files: &[PathBuf],
    raw: &RawArgs,
    how: &How,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let told = raw.told();
    let mut documents = Vec::new();
    let mut first_failure = None;
    for (place, path) in files.iter().enumerate() {
        let described = match &told {
            Some(Told::Raw(raw)) => info_raw(path, raw).map(Described::One),
            Some(Told::Records(records)) => {
                Contents::open_fortran(path, records, Mode::Read).map(Described::all)
            }
            None => describe(path),
        };
        match described {
            Ok(Described::Several(contents, indices)) if how.json => {
                documents.push(list_to_json(path, &contents, &indices));
            }
            Ok(Described::Several(contents, indices)) => {
                if place > 0 {
                    writeln!(out)?;
                }
                write_list(path, &contents, &indices, out)?;
            }
            Ok(Described::One(info)) if how.json => documents.push(to_json(path, &info)),
            Ok(Described::One(info)) => {
                if place > 0 {
                    writeln!(out)?;
                }
                write_text(path, &info, out)?;
            }
            Err(error) => {
                let code = Failure::Array(error).report(out, err);
                first_failure.get_or_insert(Failure::Reported(code));
            }
        }
    }
    if how.json {
        print_json(out, &Value::Array(documents))?;
    }
    first_failure.map_or(Ok(()), Err)
}

/// What a file turned out to be.
enum Described {
    /// A file of one array.
    One(Info),
    /// One of several; the numbers of those that were asked for.
    Several(Contents, Vec<usize>),
}

impl Described {
    fn all(contents: Contents) -> Described {
        let all = (0..contents.keys().len()).collect();
        Described::Several(contents, all)
    }
}

fn describe(path: &Path) -> maparray::Result<Described> {
    let address = Address::parse(path)?;
    // One that is cut short is described, too.
    if address.key.is_none() && address.parts.is_empty() {
        let one = info(path);
        match Contents::open(path) {
            Ok(contents) if !matches!(contents.format(), Format::Npy | Format::Raw) => {
                return Ok(Described::all(contents));
            }
            // Of what nobody knows, this says what was expected.
            Err(error) if one.is_err() => return Err(error),
            _ => return one.map(Described::One),
        }
    }
    let contents = Contents::open(&address.path)?;
    let key = match &address.key {
        Some(Key::Name(key) | Key::Bracket(key)) => Some(key.as_str()),
        None => None,
    };
    let index = contents.find(key)?;
    Ok(Described::Several(contents, vec![index]))
}

/// The arrays of a file, a line each.
pub(super) fn write_list(
    path: &Path,
    contents: &Contents,
    indices: &[usize],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let keys = contents.keys();
    let format = contents.format().row().name;
    let noun = if keys.len() == 1 { "array" } else { "arrays" };
    let rate = contents.sample_rate();
    let rate = rate.map_or(String::new(), |rate| format!(", {rate} frames a second"));
    writeln!(
        out,
        "{}: {format}, {} {noun}{rate}",
        value::path(path),
        keys.len()
    )?;
    let width = indices.iter().map(|&i| keys[i].chars().count());
    let width = width.max().unwrap_or(0).min(40);
    for &index in indices {
        let key = value::plain(&keys[index]);
        match contents.entry(index) {
            Ok(Entry {
                header, storage, ..
            }) => {
                let (name, shape) = (
                    value::dtype_name(&header.dtype),
                    value::shape(&header.shape),
                );
                let bytes = value::size(header.byte_len()?);
                let place = match storage {
                    Storage::Plain => format!("from byte {}", header.data_offset),
                    Storage::Compressed(packed) => match contents.format() {
                        Format::Wav => format!("stored as 24 bits in {}", value::size(packed)),
                        _ => format!("compressed to {}", value::size(packed)),
                    },
                };
                let unit = header.unit.as_deref().map(value::plain);
                let unit = unit.map_or(String::new(), |unit| format!(", in {unit}"));
                let scaled = header.scaling.as_ref().map_or(String::new(), scaled);
                writeln!(
                    out,
                    "  {key:<width$}  {name} {shape}, {bytes} {place}{unit}{scaled}"
                )?;
            }
            Err(error) => writeln!(out, "  {key:<width$}  {}", value::plain(&error.to_string()))?,
        }
    }
    Ok(())
}

/// How stored numbers are meant.
fn scaled(scaling: &Scaling) -> String {
    let Scaling { scale, zero, blank } = scaling;
    let blank = blank.map_or(String::new(), |blank| format!(", {blank} is no number"));
    format!(", stored scaled: {zero} + {scale} x{blank}")
}

pub(super) fn list_to_json(path: &Path, contents: &Contents, indices: &[usize]) -> Value {
    let keys = contents.keys();
    let arrays = indices.iter().map(|&index| match contents.entry(index) {
        Ok(entry) => {
            let header = &entry.header;
            let compressed = match entry.storage {
                Storage::Plain => None,
                Storage::Compressed(packed) => Some(packed),
            };
            json!({
                "key": entry.key,
                "dtype": header.dtype.to_string(),
                "shape": header.shape,
                "order": order_name(header.order),
                "unit": header.unit,
                "bytes": header.byte_len().ok(),
                "data_offset": compressed.is_none().then_some(header.data_offset),
                "compressed_bytes": compressed,
                "scaling": header.scaling.map(|scaling| json!({
                    "scale": scaling.scale,
                    "zero": scaling.zero,
                    "blank": scaling.blank,
                })),
            })
        }
        Err(error) => json!({ "key": keys[index], "error": error.to_string() }),
    });
    let mut document = json!({
        "path": path.display().to_string(),
        "format": contents.format().row().name,
        "arrays": arrays.collect::<Vec<_>>(),
    });
    if let Some(rate) = contents.sample_rate() {
        document["sample_rate"] = rate.into();
    }
    document
}

fn order_name(order: Order) -> &'static str {
    match order {
        Order::C => "C",
        Order::F => "F",
    }
}

fn count(info: &Info) -> u64 {
    info.header.shape.iter().map(|len| *len as u64).product()
}

fn to_json(path: &Path, info: &Info) -> Value {
    let header = &info.header;
    let npy = header.format == Format::Npy;
    json!({
        "path": path.display().to_string(),
        "format": header.format.row().name,
        "version": npy.then(|| format!("{}.{}", header.version.0, header.version.1)),
        "dtype": header.dtype.to_string(),
        "shape": header.shape,
        "order": order_name(header.order),
        "elements": count(info),
        "item_bytes": header.dtype.size(),
        "data_offset": header.data_offset,
        "data_alignment": info.alignment(),
        "file_bytes": info.file_len,
        "expected_bytes": info.expected_len,
        "unit": header.unit,
        "complete": info.file_len >= info.expected_len,
    })
}

fn write_text(path: &Path, info: &Info, out: &mut dyn Write) -> Result<(), Failure> {
    let header = &info.header;
    let (name, descriptor) = (value::dtype_name(&header.dtype), header.dtype.to_string());
    let dtype = if name == descriptor {
        name
    } else {
        format!("{descriptor}, {name}")
    };
    let shape = value::shape(&header.shape);
    let elements = value::grouped(count(info));
    let noun = if count(info) == 1 {
        "element"
    } else {
        "elements"
    };
    let each = value::size(header.dtype.size() as u64);
    let format = match header.format {
        Format::Npy => format!(".npy {}.{}", header.version.0, header.version.1),
        other => other.row().name.to_owned(),
    };
    let (found, expected) = (info.file_len, info.expected_len);
    let bytes = value::grouped(found);
    let size = match found.cmp(&expected) {
        Ordering::Equal => format!("{bytes} bytes, as expected"),
        Ordering::Greater => {
            format!(
                "{bytes} bytes, {} more than expected",
                value::grouped(found - expected)
            )
        }
        Ordering::Less => {
            format!(
                "{bytes} bytes, cut short: {} expected",
                value::grouped(expected)
            )
        }
    };
    writeln!(out, "{}", value::path(path))?;
    writeln!(out, "  dtype   {dtype}")?;
    writeln!(out, "  shape   {shape}, {elements} {noun} of {each}")?;
    if let Some(unit) = &header.unit {
        writeln!(out, "  unit    {}", value::plain(unit))?;
    }
    writeln!(out, "  order   {}", order_name(header.order))?;
    writeln!(out, "  format  {format}")?;
    writeln!(
        out,
        "  data    from byte {}, a multiple of {}",
        header.data_offset,
        info.alignment()
    )?;
    Ok(writeln!(out, "  size    {size}")?)
}
