//! What does a `.npy` file hold?
//!
//! NumPy's format, as its `numpy.lib.format` writes it. A file is
//!
//! | bytes | what |
//! |---|---|
//! | 6 | `\x93NUMPY` |
//! | 2 | major and minor version: 1.0, 2.0 or 3.0 |
//! | 2 or 4 | length of the header that follows: `u16` in version 1, `u32` in 2 and 3, little-endian |
//! | that many | the header: a dictionary in Python's notation, blanks, a newline |
//! | the rest | the elements, without gaps |
//!
//! The header is Latin-1 in versions 1 and 2, UTF-8 in version 3. The dictionary has three keys,
//! each of them once; NumPy writes them in this order, every value followed by a comma and a blank:
//!
//! * `'descr'`: the dtype. A text such as `'<f8'`: byte order (`<` little, `>` big, `|` none), kind
//!   (`b i u f c` numbers, `S U V` bytes, characters and void, `M m` dates and durations with a unit
//!   in brackets, `O` Python objects), and size in bytes (characters for `U`). Or a list of fields:
//!   `(name, descr)` or `(name, descr, shape)`; a name may be `(title, name)`, and void without a
//!   name is padding.
//! * `'fortran_order'`: `True` if the first axis varies fastest, else `False`.
//! * `'shape'`: a tuple of whole numbers; `()` is an array of one element without axes.
//!
//! So that an array can grow in place, blanks follow the dictionary as if the axis that varies
//! slowest were written with 21 digits. Then at least one blank and a newline pad the file to a
//! multiple of 64 bytes, so that the elements of a mapped file are aligned. The version is the oldest
//! that can hold the header: 2 where it is longer than 65535 bytes, 3 where a name is not Latin-1.
//!
//! Between the dictionary and the blanks there may be a comment, as in any notation of Python's: two
//! blanks and `# unit: 'adu / s'` are the unit of the elements, at most 1024 bytes of text in quotes. Other
//! readers skip it. It is written only if there is a unit.
//!
//! Reading is stricter than NumPy's where a file could harm or mislead: no object dtypes, no
//! elements of zero bytes, no elements of several bytes without byte order (`|f8`), no header longer
//! than [`HEADER_LIMIT`], no brackets deeper than 32, no keys twice, at most 64 axes, nothing but
//! literals. It is as lenient as NumPy's where files differ in the wild: any order of keys, any
//! padding, no newline at the end, data at any offset, bytes behind the data, comments, and in versions
//! 1 and 2 Python 2's `3L`.
//!
//! Knows: errors, dtypes, layouts. Must not know: files, maps.

use super::{Format, Header, Parsed};
use crate::dtype::DType;
use crate::dtype::literal::{self, Literal, Notation, Value};
use crate::dtype::text::Writer;
use crate::error::{Error, Problem, Result};
use crate::layout::{Order, extent, shape_text};

/// Longest header that [`parse`] reads and [`write()`] writes, in bytes.
pub const HEADER_LIMIT: usize = 65536;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
const ALIGN: usize = 64;
const UNIT_LIMIT: usize = 1024;
pub(super) const GROWTH_DIGITS: usize = 21;

/// Reads the header of a `.npy` file from its first bytes.
///
/// Whether the file is long enough for the data is a question of its own:
/// [`Header::check_len`].
///
/// ```
/// use maparray::{DType, Order, format::{Parsed, npy}};
/// let file = npy::write(&DType::of::<u8>(), &[2, 3], Order::C)?;
/// let Parsed::Header(header) = npy::parse(&file, 134)? else { panic!("all bytes were there") };
/// assert_eq!((header.shape, header.data_offset), (vec![2, 3], 128));
/// assert_eq!(npy::parse(&file[..20], 134)?, Parsed::Needs(128));
/// # Ok::<(), maparray::Error>(())
/// ```
///
/// # Errors
/// `Malformed` if the bytes contradict the format, `Unsupported` for object dtypes.
pub fn parse(start: &[u8], file_len: u64) -> Result<Parsed> {
    parse_limited(start, file_len, HEADER_LIMIT)
}

/// [`parse`] with the caller's limit on the length of the header.
///
/// # Errors
/// As [`parse`].
pub fn parse_limited(start: &[u8], file_len: u64, limit: usize) -> Result<Parsed> {
    let truncated = |needed: u64| Error::new(Problem::HeaderTruncated { file_len, needed });
    let magic = &start[..start.len().min(MAGIC.len())];
    if !MAGIC.starts_with(magic) || file_len == 0 {
        return Err(Error::new(Problem::NotNpy {
            found: magic.to_vec(),
        }));
    }
    if file_len < 10 {
        return Err(truncated(10));
    }
    let Some(&[major, minor, a, b]) = start.get(6..10) else {
        return Ok(Parsed::Needs(10));
    };
    let (prefix, header_len) = match (major, minor) {
        (1, 0) => (10, u64::from(u16::from_le_bytes([a, b]))),
        (2 | 3, 0) if file_len < 12 => return Err(truncated(12)),
        (2 | 3, 0) => match start.get(10..12) {
            Some(&[c, d]) => (12, u64::from(u32::from_le_bytes([a, b, c, d]))),
            _ => return Ok(Parsed::Needs(12)),
        },
        _ => return Err(Error::new(Problem::NpyVersion { major, minor })),
    };
    if header_len > limit as u64 {
        return Err(Error::new(Problem::HeaderTooLong {
            len: header_len,
            limit: limit as u64,
        }));
    }
    let data_offset = prefix as u64 + header_len;
    if data_offset > file_len {
        return Err(truncated(data_offset));
    }
    // Not above the limit, which is a `usize`.
    let end = prefix + header_len as usize;
    let Some(header) = start.get(prefix..end) else {
        return Ok(Parsed::Needs(end));
    };
    let notation = if major == 3 {
        Notation::Utf8
    } else {
        Notation::Latin1
    };
    let read = || {
        let (literal, end) = literal::read_start(header, notation)?;
        let unit = read_comments(header, end, notation)?;
        Ok((read_dictionary(literal)?, unit))
    };
    let (dictionary, unit) = read().map_err(|problem| {
        let problem = at_byte_of_file(problem, prefix);
        Error::new(problem)
    })?;
    let Dictionary {
        dtype,
        shape,
        order,
    } = dictionary;
    extent(&shape, dtype.size())?;
    Ok(Parsed::Header(Header {
        format: Format::Npy,
        version: (major, minor),
        dtype,
        shape,
        order,
        data_offset,
        unit,
        scaling: None,
    }))
}

/// The unit that a comment behind the dictionary says, from byte `at` on.
fn read_comments(
    header: &[u8],
    mut at: usize,
    notation: Notation,
) -> Result<Option<String>, Problem> {
    const MARK: &[u8] = b"unit:";
    let mut unit = None;
    while let Some(&first) = header.get(at) {
        if matches!(first, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c') {
            at += 1;
            continue;
        }
        if first != b'#' {
            return Err(literal::too_much(header, at));
        }
        let rest = &header[at + 1..];
        let line_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let line = &rest[..rest.iter().position(line_end).unwrap_or(rest.len())];
        let comment = line.trim_ascii_start();
        if let Some(text) = comment.strip_prefix(MARK) {
            let start = at + 1 + line.len() - text.len();
            let read = read_unit(text, notation).map_err(|problem| at_byte(problem, start))?;
            if unit.replace(read).is_some() {
                return Err(literal::complaint(at, "a second `# unit:`", "one at most"));
            }
        }
        at += 1 + line.len();
    }
    Ok(unit)
}

fn read_unit(text: &[u8], notation: Notation) -> Result<String, Problem> {
    let literal = literal::read(text, notation)?;
    match literal.value {
        Value::Text(unit) if unit.len() <= UNIT_LIMIT => Ok(unit),
        Value::Text(unit) => {
            let found = format!("a unit of {} bytes", unit.len());
            Err(literal::complaint(literal.at, found, "1024 at most"))
        }
        other => {
            let expected = "the unit as a text in quotes";
            Err(literal::complaint(literal.at, other.describe(), expected))
        }
    }
}

/// A complaint about a part of the header that begins at byte `start` of it.
fn at_byte(problem: Problem, start: usize) -> Problem {
    match problem {
        Problem::DTypeText { text, at, expected } => Problem::DTypeText {
            text,
            at: start + at,
            expected,
        },
        problem => problem,
    }
}

/// What the three keys say.
struct Dictionary {
    dtype: DType,
    shape: Vec<usize>,
    order: Order,
}

/// The problem of a dtype or a literal as that of a header that begins at byte `prefix`.
fn at_byte_of_file(problem: Problem, prefix: usize) -> Problem {
    match problem {
        Problem::DTypeText { text, at, expected } => Problem::Header {
            at: prefix + at,
            found: match text.as_str() {
                "" => "nothing".into(),
                text => format!("`{text}`"),
            },
            expected,
        },
        Problem::HeaderKey { at, key, problem } => Problem::HeaderKey {
            at: prefix + at,
            key,
            problem,
        },
        problem => problem,
    }
}

fn read_dictionary(literal: Literal) -> Result<Dictionary, Problem> {
    let Value::Dict(pairs) = literal.value else {
        let found = literal.value.describe();
        return Err(literal::complaint(literal.at, found, "a dictionary"));
    };
    let keys = ["descr", "fortran_order", "shape"];
    let mut values: [Option<Literal>; 3] = [None, None, None];
    for (key, value) in pairs {
        let Value::Text(name) = key.value else {
            let found = key.value.describe();
            return Err(literal::complaint(key.at, found, "a key that is a text"));
        };
        let problem = match keys.iter().position(|&known| known == name) {
            Some(i) if values[i].is_none() => {
                values[i] = Some(value);
                continue;
            }
            Some(_) => "is there twice",
            None => "is not one of `descr`, `fortran_order`, `shape`",
        };
        return Err(Problem::HeaderKey {
            at: key.at,
            key: name,
            problem,
        });
    }
    let missing = |key: &str| Problem::HeaderKey {
        at: literal.at,
        key: key.into(),
        problem: "is missing",
    };
    let [descr, order, shape] = values;
    let descr = descr.ok_or_else(|| missing("descr"))?;
    let order = order.ok_or_else(|| missing("fortran_order"))?;
    let shape = shape.ok_or_else(|| missing("shape"))?;
    Ok(Dictionary {
        dtype: read_dtype(&descr)?,
        order: match order.value {
            Value::Bool(false) => Order::C,
            Value::Bool(true) => Order::F,
            other => {
                let expected = "`fortran_order` to be True or False";
                return Err(literal::complaint(order.at, other.describe(), expected));
            }
        },
        shape: read_shape(&shape)?,
    })
}

fn read_dtype(descr: &Literal) -> Result<DType, Problem> {
    match DType::from_literal(descr, Writer::File)? {
        DType::SubArray(_) => {
            let expected = "a sub-array only inside a record";
            Err(literal::complaint(descr.at, "a sub-array", expected))
        }
        dtype => Ok(dtype),
    }
}

fn read_shape(literal: &Literal) -> Result<Vec<usize>, Problem> {
    const EXPECTED: &str = "`shape` to be a tuple of whole numbers, none of them negative";
    let Value::Tuple(axes) = &literal.value else {
        let found = literal.value.describe();
        return Err(literal::complaint(literal.at, found, EXPECTED));
    };
    let axis = |axis: &Literal| match axis.value {
        Value::Int(len @ 0..) => usize::try_from(len).map_err(|_| Problem::TooBig {
            shape: "with an axis longer than 2**64".into(),
            item_size: 1,
        }),
        ref other => Err(literal::complaint(axis.at, other.describe(), EXPECTED)),
    };
    axes.iter().map(axis).collect()
}

/// Writes the header of a `.npy` file: all of it up to the first element, byte for byte as
/// `numpy.save` does.
///
/// `numpy.save` calls an array of one axis, or of none, C-ordered; say so to get its bytes.
///
/// ```
/// use maparray::{DType, Order, format::npy};
/// let header = npy::write(&DType::of::<u8>(), &[3], Order::C)?;
/// assert!(header.starts_with(b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order': False, "));
/// assert_eq!(header.len() % 64, 0);
/// # Ok::<(), maparray::Error>(())
/// ```
///
/// # Errors
/// `Malformed` if the array could not exist or the header is longer than [`parse`] would read back;
/// `Unsupported` for a dtype that has no descriptor.
pub fn write(dtype: &DType, shape: &[usize], order: Order) -> Result<Vec<u8>> {
    write_in(None, dtype, shape, order)
}

/// [`write()`] with the text of the unit that the elements are in.
///
/// # Errors
/// As [`write()`]; `Unit` if the text has more than 1024 bytes.
///
/// ```
/// use maparray::format::{Parsed, npy};
/// use maparray::{DType, Order};
/// let start = npy::write_in(Some("adu / s"), &DType::of::<f32>(), &[], Order::C)?;
/// assert!(start.windows(18).any(|text| text == b"  # unit: 'adu / s"));
/// let Parsed::Header(header) = npy::parse(&start, 132)? else { panic!("it is all there") };
/// assert_eq!(header.unit.as_deref(), Some("adu / s"));
/// # Ok::<(), maparray::Error>(())
/// ```
pub fn write_in(
    unit: Option<&str>,
    dtype: &DType,
    shape: &[usize],
    order: Order,
) -> Result<Vec<u8>> {
    let header = start(unit, dtype, shape, order, None)?;
    match header.len() {
        ..=HEADER_LIMIT => Ok(header),
        len => Err(Error::new(Problem::HeaderTooLong {
            len: len as u64,
            limit: HEADER_LIMIT as u64,
        })),
    }
}

/// [`write()`] for a given version, or for the oldest that can hold the header; of any length, so
/// that reading a header longer than [`HEADER_LIMIT`] takes [`parse_limited`].
///
/// # Errors
/// As [`write()`]; `Unsupported` also if the version cannot hold the header, `Malformed` if there is
/// no such version.
///
/// ```
/// use maparray::{DType, Order, format::npy};
/// let start = npy::write_version(&DType::of::<f32>(), &[10], Order::C, Some((2, 0)))?;
/// assert_eq!(&start[..8], b"\x93NUMPY\x02\x00");
/// # Ok::<(), maparray::Error>(())
/// ```
pub fn write_version(
    dtype: &DType,
    shape: &[usize],
    order: Order,
    version: Option<(u8, u8)>,
) -> Result<Vec<u8>> {
    start(None, dtype, shape, order, version)
}

fn start(
    unit: Option<&str>,
    dtype: &DType,
    shape: &[usize],
    order: Order,
    version: Option<(u8, u8)>,
) -> Result<Vec<u8>> {
    let fortran_order = match order {
        Order::C => "False",
        Order::F => "True",
    };
    let mut text = format!(
        "{{'descr': {}, 'fortran_order': {fortran_order}, 'shape': {}, }}",
        dtype.to_literal(),
        shape_text(shape),
    );
    let slowest = match order {
        Order::C => shape.first(),
        Order::F => shape.last(),
    };
    check_back(&text, dtype, shape)?;
    if let Some(unit) = unit {
        text.push_str(&comment(unit)?);
    }
    if let Some(len) = slowest {
        let digits = len.checked_ilog10().unwrap_or(0) as usize + 1;
        text.extend(std::iter::repeat_n(' ', GROWTH_DIGITS - digits));
    }
    match version {
        Some((major @ 1..=3, 0)) => wrap(&text, major),
        Some((major, minor)) => Err(Error::new(Problem::NpyVersion { major, minor })),
        None => wrap(&text, 1)
            .or_else(|_| wrap(&text, 2))
            .or_else(|_| wrap(&text, 3)),
    }
}

/// [`write_in`] with more padding, so that the elements begin where `place` says: it is given the
/// first byte that they could begin at, and answers with that or a later one.
///
/// # Errors
/// As [`write_in`].
///
/// ```
/// use maparray::{DType, Order, format::npy};
/// let page = |at: usize| at.next_multiple_of(4096);
/// let start = npy::write_placed(None, &DType::of::<f32>(), &[10], Order::C, page)?;
/// assert_eq!(start.len(), 4096);
/// # Ok::<(), maparray::Error>(())
/// ```
pub fn write_placed(
    unit: Option<&str>,
    dtype: &DType,
    shape: &[usize],
    order: Order,
    place: impl Fn(usize) -> usize,
) -> Result<Vec<u8>> {
    let mut file = write_in(unit, dtype, shape, order)?;
    let wide = file[6] > 1 || place(file.len()) > usize::from(u16::MAX);
    if wide && file[6] == 1 {
        file = start(unit, dtype, shape, order, Some((2, 0)))?;
    }
    let prefix = if wide { 12 } else { 10 };
    file.pop();
    file.resize(place(file.len() + 1).max(file.len() + 1) - 1, b' ');
    file.push(b'\n');
    let len = ((file.len() - prefix) as u32).to_le_bytes();
    file[8..prefix].copy_from_slice(&len[..prefix - 8]);
    Ok(file)
}

/// The bytes before the first element of a `.npy` file, with another unit or none in them: as many
/// bytes as before, so that the elements stay where they are.
///
/// # Errors
/// As [`parse`], for bytes that are not all of the header; `Unit` if it has no room for the unit.
///
/// ```
/// use maparray::format::{Parsed, npy};
/// use maparray::{DType, Order};
/// let start = npy::write(&DType::of::<f32>(), &[3], Order::C)?;
/// let united = npy::replace_unit(&start, Some("km"))?;
/// assert_eq!(united, npy::write_in(Some("km"), &DType::of::<f32>(), &[3], Order::C)?);
/// assert_eq!(npy::replace_unit(&united, None)?, start);
/// # Ok::<(), maparray::Error>(())
/// ```
pub fn replace_unit(start: &[u8], unit: Option<&str>) -> Result<Vec<u8>> {
    let len = start.len() as u64;
    let major = match parse_limited(start, len, start.len())? {
        Parsed::Header(header) if header.data_offset == len => header.version.0,
        _ => {
            let (file_len, needed) = (len, len + 1);
            return Err(Error::new(Problem::HeaderTruncated { file_len, needed }));
        }
    };
    let prefix = if major == 1 { 10 } else { 12 };
    let notation = if major == 3 {
        Notation::Utf8
    } else {
        Notation::Latin1
    };
    let (_, behind) = literal::read_start(&start[prefix..], notation)
        .map_err(|problem| Error::new(at_byte_of_file(problem, prefix)))?;
    let mut file = start[..prefix + behind].trim_ascii_end().to_vec();
    if let Some(unit) = unit {
        file.extend(encode(&comment(unit)?, major)?);
        if file.len() >= start.len() {
            return Err(Error::new(Problem::UnitSpelling {
                unit: unit.to_owned(),
                format: "a header that is there",
                found: format!("{} bytes too many", file.len() + 1 - start.len()),
                expected: "no more than its blanks",
            }));
        }
    }
    file.resize(start.len().saturating_sub(1), b' ');
    file.push(b'\n');
    Ok(file)
}

/// The comment that says a unit.
fn comment(unit: &str) -> Result<String> {
    if unit.len() <= UNIT_LIMIT {
        return Ok(format!("  # unit: {}", literal::quote(unit)));
    }
    Err(Error::new(Problem::UnitSpelling {
        unit: unit.to_owned(),
        format: "a `.npy` header",
        found: format!("{} bytes", unit.len()),
        expected: "1024 at most",
    }))
}

/// Proves that a dictionary reads as what it was written from.
fn check_back(text: &str, dtype: &DType, shape: &[usize]) -> Result<()> {
    match literal::read(text.as_bytes(), Notation::Utf8).and_then(read_dictionary) {
        Ok(read) if read.dtype.to_literal() == dtype.to_literal() && read.shape == shape => {
            extent(shape, read.dtype.size()).map(drop)
        }
        Err(problem @ (Problem::ItemSize { .. } | Problem::ItemTooBig { .. })) => {
            Err(Error::new(problem))
        }
        _ => Err(no_descriptor(dtype)),
    }
}

fn no_descriptor(dtype: &DType) -> Error {
    let dtype = dtype.to_string();
    Error::new(Problem::NoDescriptor { dtype })
}

/// The bytes of a text in a header of this version.
fn encode(text: &str, major: u8) -> Result<Vec<u8>> {
    if major == 3 {
        return Ok(text.into());
    }
    let latin: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
    latin.map_err(|_| {
        let problem = "found a name with characters that are not Latin-1";
        Error::new(Problem::NpyVersionUnfit { major, problem })
    })
}

/// Puts magic, version and length before a dictionary, padding and a newline behind it.
fn wrap(dictionary: &str, major: u8) -> Result<Vec<u8>> {
    let unfit = |problem| Error::new(Problem::NpyVersionUnfit { major, problem });
    let encoded = encode(dictionary, major)?;
    let prefix = if major == 1 { 10 } else { 12 };
    let bare = prefix + encoded.len() + 1;
    let padding = ALIGN - bare % ALIGN;
    let header_len = encoded.len() + 1 + padding;
    let mut file = Vec::with_capacity(bare + padding);
    file.extend_from_slice(MAGIC);
    file.extend([major, 0]);
    if major == 1 {
        let len = u16::try_from(header_len).map_err(|_| unfit("found more than 65535 bytes"))?;
        file.extend(len.to_le_bytes());
    } else {
        let len = u32::try_from(header_len).map_err(|_| unfit("found more than 4 GiB"))?;
        file.extend(len.to_le_bytes());
    }
    file.extend(encoded);
    file.resize(file.len() + padding, b' ');
    file.push(b'\n');
    Ok(file)
}
