//! What does the small file beside a raw one say?
//!
//! `name.json`, a JSON object of ours: `format` is `"maparray-raw"`, `version` 1; `dtype` a text, `shape`
//! a list of whole numbers, `order` `"C"` or `"F"` (C if it is missing), `offset` the byte where the
//! elements begin (0), `unit` a text (none). Other keys do not matter.
//!
//! Knows: errors, dtypes, layouts. Must not know: files, maps.

use super::Header;
use super::json::{Reader, quote};
use super::raw::{self, Raw};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Problem, Result};
use crate::layout::Order;

/// Longest sidecar that is read.
pub const LIMIT: usize = 1 << 20;

const NAME: &str = "maparray-raw";
const VERSION: u64 = 1;

/// What a sidecar says of its raw file; `None` if it is the sidecar of somebody else.
///
/// ```
/// use maparray::format::sidecar;
/// let text = br#"{"format": "maparray-raw", "version": 1, "dtype": "<f4", "shape": [2, 3]}"#;
/// let header = sidecar::parse(text)?.expect("ours");
/// assert_eq!(header.shape, [2, 3]);
/// assert!(sidecar::parse(b"{}")?.is_none());
/// # Ok::<(), maparray::Error>(())
/// ```
///
/// # Errors
/// `Malformed` if it is no JSON, or says other things than it should; `Unsupported` if its version is
/// not known here.
pub fn parse(text: &[u8]) -> Result<Option<Header>> {
    let Said {
        name,
        version,
        dtype,
        shape,
        order,
        offset,
        unit,
    } = read(text).map_err(Error::new)?;
    if name.as_deref() != Some(NAME) {
        return Ok(None);
    }
    if version != Some(VERSION) {
        let found = version.map_or("none".into(), |version| version.to_string());
        return Err(Error::new(Problem::SidecarVersion { found }));
    }
    let missing = |key: &str| {
        let (at, key, problem) = (0, key.into(), "is missing");
        Error::new(Problem::HeaderKey { at, key, problem })
    };
    let raw = Raw {
        dtype: dtype_of(&dtype.ok_or_else(|| missing("dtype"))?)?,
        shape: Some(shape.ok_or_else(|| missing("shape"))?),
        order: order.unwrap_or_default(),
        offset: offset.unwrap_or(0),
    };
    let header = raw::header(&raw, raw.offset)?;
    Ok(Some(Header { unit, ..header }))
}

/// A text that is no dtype is the file's fault, not the caller's.
fn dtype_of(text: &str) -> Result<DType> {
    text.parse::<DType>().map_err(|error| match error.kind() {
        ErrorKind::Mismatch => Error::new(Problem::SidecarValue {
            key: "dtype".into(),
            found: text.to_owned(),
            expected: "a dtype such as `<f8`, `|S5` or `<M8[ns]`",
        }),
        _ => error,
    })
}

#[derive(Default)]
struct Said {
    name: Option<String>,
    version: Option<u64>,
    dtype: Option<String>,
    shape: Option<Vec<i64>>,
    order: Option<Order>,
    offset: Option<u64>,
    unit: Option<String>,
}

fn read(text: &[u8]) -> Result<Said, Problem> {
    let mut said = Said::default();
    let mut reader = Reader::new(text, 0)?;
    reader.object(|reader, key| {
        match key.as_str() {
            "format" if reader.peek() == Some(b'"') => {
                said.name = Some(reader.string("the name of a format")?);
            }
            // What follows means nothing to us in the files of others.
            _ if said.name.as_deref().is_some_and(|name| name != NAME) => reader.skip()?,
            "version" if reader.peek().is_some_and(|first| first.is_ascii_digit()) => {
                said.version = Some(reader.whole()?);
            }
            "dtype" if said.name.is_some() => said.dtype = Some(reader.string("a dtype")?),
            "shape" if said.name.is_some() => {
                let axes = said.shape.insert(vec![]);
                reader.array(|reader| {
                    let complaint = reader.complaint("lengths below 2**63");
                    axes.push(i64::try_from(reader.whole()?).map_err(|_| complaint)?);
                    Ok(())
                })?;
            }
            "order" if said.name.is_some() => {
                let complaint = reader.complaint("\"C\" or \"F\"");
                said.order = match reader.string("\"C\" or \"F\"")?.as_str() {
                    "C" => Some(Order::C),
                    "F" => Some(Order::F),
                    _ => return Err(complaint),
                };
            }
            "offset" if said.name.is_some() => said.offset = Some(reader.whole()?),
            "unit" if said.name.is_some() => said.unit = Some(reader.string("a unit")?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    reader.end()?;
    Ok(said)
}

/// The text of a sidecar.
///
/// ```
/// use maparray::{DType, Order, Raw, format::{raw, sidecar}};
/// let dtype = DType::of::<u8>();
/// let raw = Raw { dtype, shape: Some(vec![3]), order: Order::C, offset: 4 };
/// let header = raw::header(&raw, 7)?;
/// let text = sidecar::write(&header)?;
/// assert_eq!(sidecar::parse(text.as_bytes())?, Some(header));
/// # Ok::<(), maparray::Error>(())
/// ```
///
/// # Errors
/// `Unsupported` for a dtype whose text does not read as the same.
pub fn write(header: &Header) -> Result<String> {
    let dtype = header.dtype.to_string();
    if dtype.parse::<DType>().ok().as_ref() != Some(&header.dtype) {
        return Err(Error::new(Problem::NoDescriptor { dtype }));
    }
    let axes: Vec<String> = header.shape.iter().map(usize::to_string).collect();
    let order = match header.order {
        Order::C => "C",
        Order::F => "F",
    };
    let unit = header.unit.as_deref();
    let unit = unit.map_or(String::new(), |unit| {
        format!(",\n  \"unit\": {}", quote(unit))
    });
    Ok(format!(
        "{{\n  \"format\": \"{NAME}\",\n  \"version\": {VERSION},\n  \"dtype\": {},\n  \"shape\": [{}],\n  \
         \"order\": \"{order}\",\n  \"offset\": {}{unit}\n}}\n",
        quote(&dtype),
        axes.join(", "),
        header.data_offset,
    ))
}
