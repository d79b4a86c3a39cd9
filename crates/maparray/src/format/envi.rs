//! What does an ENVI header say of the raw file beside it?
//!
//! Text: `ENVI` alone on the first line, then lines `key = value`, a value in braces over several lines
//! if need be. `samples`, `lines` and `bands` are lengths, `interleave` says in which order they lie:
//! `bsq` (bands, lines, samples), `bil` (lines, bands, samples), `bip` (lines, samples, bands).
//!
//! Knows: errors, dtypes, layouts. Must not know: files, maps.

use super::Header;
use super::raw::{self, Raw};
use crate::dtype::{ByteOrder, DType, Scalar};
use crate::error::{Error, Problem, Result};
use crate::layout::Order;

/// The numbers under which the format knows its element types.
const TYPES: [(u64, Scalar); 11] = [
    (1, Scalar::U8),
    (2, Scalar::I16),
    (3, Scalar::I32),
    (4, Scalar::F32),
    (5, Scalar::F64),
    (6, Scalar::C64),
    (9, Scalar::C128),
    (12, Scalar::U16),
    (13, Scalar::U32),
    (14, Scalar::I64),
    (15, Scalar::U64),
];

/// What a header says of its raw file; `None` if it is no ENVI header.
///
/// ```
/// use maparray::format::envi;
/// let text = b"ENVI\nsamples = 4\nlines = 3\nbands = 2\ndata type = 12\ninterleave = bil\nbyte order = 1\n";
/// let header = envi::parse(text)?.expect("a header");
/// assert_eq!(header.shape, [3, 2, 4]);
/// assert_eq!(header.dtype.to_string(), ">u2");
/// assert!(envi::parse(b"NCOLS 4")?.is_none());
/// # Ok::<(), maparray::Error>(())
/// ```
///
/// # Errors
/// `Malformed` if a key is missing, is there twice, or has a value that it cannot have.
pub fn parse(text: &[u8]) -> Result<Option<Header>> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines();
    if lines.next().map(str::trim_end) != Some("ENVI") {
        return Ok(None);
    }
    let said = Said::read(lines)?;
    let samples = said.whole("samples", None)?;
    let count = said.whole("lines", None)?;
    let bands = said.whole("bands", Some(1))?;
    let code = said.whole("data type", None)?;
    let scalar = TYPES.iter().find(|row| row.0 == code);
    let scalar = scalar
        .ok_or_else(|| said.bad("data type", "1 to 6, 9, or 12 to 15"))?
        .1;
    let order = match said.whole("byte order", Some(0))? {
        0 => ByteOrder::Little,
        1 => ByteOrder::Big,
        _ => return Err(said.bad("byte order", "0 or 1")),
    };
    let order = match scalar.size() {
        1 => ByteOrder::Little,
        _ => order,
    };
    let interleave = said
        .value("interleave")
        .unwrap_or("bsq")
        .to_ascii_lowercase();
    let shape = match interleave.as_str() {
        "bsq" => [bands, count, samples],
        "bil" => [count, bands, samples],
        "bip" => [count, samples, bands],
        _ => return Err(said.bad("interleave", "bsq, bil or bip")),
    };
    let axis = |len: u64| i64::try_from(len).unwrap_or(i64::MAX);
    let raw = Raw {
        dtype: DType::Number(scalar, order),
        shape: Some(shape.map(axis).to_vec()),
        order: Order::C,
        offset: said.whole("header offset", Some(0))?,
    };
    raw::header(&raw, raw.offset).map(Some)
}

/// Keys in lower case, and their values.
struct Said(Vec<(String, String)>);

impl Said {
    fn read<'t>(mut lines: impl Iterator<Item = &'t str>) -> Result<Said> {
        let mut said = Said(vec![]);
        while let Some(line) = lines.next() {
            // What is no `key = value` is a comment.
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            let words: Vec<String> = key
                .split_whitespace()
                .map(str::to_ascii_lowercase)
                .collect();
            let (key, mut value) = (words.join(" "), value.trim().to_owned());
            while value.starts_with('{') && !value.ends_with('}') {
                let Some(line) = lines.next() else {
                    return Err(said.bad(&key, "a closing brace"));
                };
                value.push(' ');
                value.push_str(line.trim());
            }
            if said.value(&key).is_some() {
                let (at, problem) = (0, "is there twice");
                return Err(Error::new(Problem::HeaderKey { at, key, problem }));
            }
            said.0.push((key, value));
        }
        Ok(said)
    }

    fn value(&self, key: &str) -> Option<&str> {
        let pair = self.0.iter().find(|pair| pair.0 == key);
        pair.map(|pair| pair.1.as_str())
    }

    fn whole(&self, key: &str, default: Option<u64>) -> Result<u64> {
        match (self.value(key), default) {
            (None, Some(default)) => Ok(default),
            (value, _) => {
                let number = value.and_then(|value| value.parse().ok());
                number.ok_or_else(|| self.bad(key, "a whole number, not negative"))
            }
        }
    }

    fn bad(&self, key: &str, expected: &'static str) -> Error {
        let found = self.value(key).unwrap_or("nothing");
        Error::new(Problem::SidecarValue {
            key: key.to_owned(),
            found: found.to_owned(),
            expected,
        })
    }
}
