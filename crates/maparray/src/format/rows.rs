//! How does a `.npy` header say another number of rows?
//!
//! In its place: the shape is exchanged, what follows it moves, and the blanks behind it make up for
//! the difference, so that no element moves.
//!
//! Knows: errors, dtypes, layouts. Must not know: files, maps.

use std::ops::Range;

use super::npy::{self, GROWTH_DIGITS, parse_limited};
use super::{Header, Parsed};
use crate::dtype::DType;
use crate::dtype::literal::{self, Notation, Value};
use crate::error::{Error, Problem, Result};
use crate::layout::{Order, shape_text};

/// The axis that a file grows along: the one that varies slowest; none of an array without axes.
pub(crate) fn growth_axis(order: Order, ndim: usize) -> Option<usize> {
    match order {
        Order::C => (ndim > 0).then_some(0),
        Order::F => ndim.checked_sub(1),
    }
}

/// The bytes before the first element of a `.npy` file with another shape in them, as many as before.
///
/// # Errors
/// As [`parse_limited`], for bytes that are not all of the header; `Unsupported` if it has no room.
pub(crate) fn with_shape(start: &[u8], shape: &[usize]) -> Result<Vec<u8>> {
    let (len, found) = (start.len() as u64, 0);
    let old = match parse_limited(start, len, start.len())? {
        Parsed::Header(header) if header.data_offset == len => header,
        _ => {
            let (file_len, needed) = (len, len + 1);
            return Err(Error::new(Problem::HeaderTruncated { file_len, needed }));
        }
    };
    let prefix = if old.version.0 == 1 { 10 } else { 12 };
    let span = shape_span(&start[prefix..], old.version.0).ok_or_else(|| {
        let needed = shape_text(shape).len();
        Error::new(Problem::NoRoomInHeader { found, needed })
    })?;
    let (from, to) = (prefix + span.start, prefix + span.end);
    let mut file = start[..from].to_vec();
    file.extend(shape_text(shape).bytes());
    file.extend(start[to..].trim_ascii_end());
    // The newline at the end may be missing, but is never taken away.
    let ends = start.last() == Some(&b'\n');
    let room = start.len() - usize::from(ends);
    if file.len() > room {
        let text = start.trim_ascii_end().len();
        return Err(Error::new(Problem::NoRoomInHeader {
            found: room - text.min(room),
            needed: file.len() - text.min(file.len()),
        }));
    }
    file.resize(room, b' ');
    if ends {
        file.push(b'\n');
    }
    let expected = Header {
        shape: shape.to_vec(),
        ..old
    };
    match parse_limited(&file, len, file.len()) {
        Ok(Parsed::Header(header)) if header == expected => Ok(file),
        _ => {
            let needed = shape_text(shape).len();
            Err(Error::new(Problem::NoRoomInHeader { found, needed }))
        }
    }
}

/// Bytes that a disk writes all of, or none, when its power is cut.
const SECTOR: usize = 512;

/// The bytes of a header that change while its rows become more, up to numbers of 21 digits.
fn changing(start: &[u8]) -> Option<Range<usize>> {
    let major = *start.get(6)?;
    let prefix = if major == 1 { 10 } else { 12 };
    let from = prefix + shape_span(start.get(prefix..)?, major)?.start + 1;
    let text = start.trim_ascii_end().len();
    let digits = start[from..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let more = GROWTH_DIGITS.saturating_sub(digits.count().max(1));
    // What follows the number moves with it, as far as there are blanks.
    Some(from..(text + more).min(start.len()))
}

/// Checks that what changes of a header lies in one sector: of two, one may be old after a crash and
/// the other new, which together may say any number.
///
/// # Errors
/// `Unsupported` if it lies in two.
pub(crate) fn check_untorn(start: &[u8]) -> Result<()> {
    let Some(range) = changing(start) else {
        return Ok(());
    };
    let at = (range.start + 1).next_multiple_of(SECTOR);
    match range.end > at {
        true => Err(Error::new(Problem::TornHeader { at })),
        false => Ok(()),
    }
}

/// The header of such an array with room for any number of rows, which lies in one sector.
///
/// # Errors
/// As [`npy::write_in`]; `Unsupported` if what follows the shape is longer than a sector.
pub(crate) fn roomy(
    unit: Option<&str>,
    dtype: &DType,
    shape: &[usize],
    order: Order,
) -> Result<Vec<u8>> {
    let plain = npy::write_in(unit, dtype, shape, order)?;
    if check_untorn(&plain).is_ok() {
        return Ok(plain);
    }
    let longer = |at: usize| at + SECTOR;
    let mut start = npy::write_placed(unit, dtype, shape, order, longer)?;
    let major = start[6];
    let prefix = if major == 1 { 10 } else { 12 };
    if let Some(span) = shape_span(&start[prefix..], major) {
        // Blanks go from the end to before the shape, which begins a sector then.
        let at = prefix + span.start;
        let blanks = at.next_multiple_of(SECTOR) - at;
        let newline = start.len() - 1;
        start.drain(newline - blanks..newline);
        start.splice(at..at, std::iter::repeat_n(b' ', blanks));
    }
    check_untorn(&start)?;
    Ok(start)
}

/// Where the shape stands in a dictionary.
fn shape_span(header: &[u8], major: u8) -> Option<Range<usize>> {
    let notation = match major {
        3 => Notation::Utf8,
        _ => Notation::Latin1,
    };
    let (dictionary, _) = literal::read_start(header, notation).ok()?;
    let Value::Dict(pairs) = dictionary.value else {
        return None;
    };
    let is_shape = |key: &Value| matches!(key, Value::Text(key) if key == "shape");
    let (_, shape) = pairs.iter().find(|(key, _)| is_shape(&key.value))?;
    // Whole numbers, commas and blanks: the first bracket that closes is its own.
    let end = header
        .get(shape.at..)?
        .iter()
        .position(|&byte| byte == b')')?;
    Some(shape.at..shape.at + end + 1)
}

/// The bytes in which two headers of one length differ; empty if in none.
pub(crate) fn difference(old: &[u8], new: &[u8]) -> Range<usize> {
    let differ = |(a, b): (&u8, &u8)| a != b;
    let first = old.iter().zip(new).position(differ);
    let last = old.iter().zip(new).rposition(differ);
    first
        .zip(last)
        .map_or(0..0, |(first, last)| first..last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_with_another_shape_is_the_one_that_is_written_for_it() -> Result<()> {
        let dtype = DType::of::<f64>();
        for unit in [None, Some("adu / s")] {
            for order in [Order::C, Order::F] {
                let mut now = npy::write_in(unit, &dtype, &[9, 3], order)?;
                for rows in [10, 99, 100, 12_345_678_901, 0, 7] {
                    let shape = match order {
                        Order::C => [rows, 3],
                        Order::F => [9, rows],
                    };
                    now = with_shape(&now, &shape)?;
                    assert_eq!(now, npy::write_in(unit, &dtype, &shape, order)?);
                }
            }
        }
        Ok(())
    }

    #[test]
    fn a_header_of_somebody_elses_keeps_all_but_its_shape() -> Result<()> {
        let text = "{'shape':(9 , 2L),  'descr':'<f8','fortran_order':False} # theirs \n";
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((text.len() as u16).to_le_bytes());
        file.extend(text.bytes());
        let grown = with_shape(&file, &[10, 2])?;
        let expected = "{'shape':(10, 2),  'descr':'<f8','fortran_order':False} # theirs  \n";
        assert_eq!(&grown[10..], expected.as_bytes());
        assert_eq!(with_shape(&grown, &[9, 2])?.len(), file.len());
        Ok(())
    }

    #[test]
    fn a_header_without_room_is_refused() {
        let text = "{'descr':'<f8','fortran_order':False,'shape':(9,)}\n";
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((text.len() as u16).to_le_bytes());
        file.extend(text.bytes());
        assert!(with_shape(&file, &[8]).is_ok());
        let error = with_shape(&file, &[10]).expect_err("there is no blank");
        assert!(
            error.to_string().contains("found 0 blanks, expected 1"),
            "{error}"
        );
    }

    #[test]
    fn the_difference_is_the_bytes_from_the_first_to_the_last() {
        assert_eq!(difference(b"abcd", b"abcd"), 0..0);
        assert_eq!(difference(b"abcd", b"aXcY"), 1..4);
    }
}
