//! `maparray info`: what does the header say, and does the file agree?
//!
//! Reads headers only; the data is never touched.

use std::cmp::Ordering;
use std::io::Write;
use std::path::{Path, PathBuf};

use maparray::format::Format;
use maparray::{Contents, Info, Order, info, info_raw};
use serde_json::{Value, json};

use super::print_json;
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
    let raw = raw.raw();
    let mut documents = Vec::new();
    let mut first_failure = None;
    let described = files.iter().flat_map(|path| match &raw {
        Some(raw) => vec![(path.clone(), info_raw(path, raw))],
        None => describe(path),
    });
    for (place, (path, described)) in described.enumerate() {
        let path = &path;
        match described {
            Ok(info) if how.json => documents.push(to_json(path, &info)),
            Ok(info) => {
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

/// What a file holds: each array under an address of its own, if there are several.
fn describe(path: &Path) -> Vec<(PathBuf, maparray::Result<Info>)> {
    let contents = match Contents::open(path) {
        Ok(contents) if contents.keys().len() > 1 => contents,
        _ => return vec![(path.to_path_buf(), info(path))],
    };
    let keys = contents.keys().into_iter().enumerate();
    keys.map(|(index, key)| {
        let mut address = path.as_os_str().to_owned();
        address.push(format!(":{key}"));
        (address.into(), contents.info(index))
    })
    .collect()
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
