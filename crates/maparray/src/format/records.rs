//! Which records does an unformatted file of Fortran's hold?
//!
//! Each record stands between two markers, its length in bytes as a number of four bytes, with some
//! compilers eight. A negative one says that a record goes on in the next; those are not read here.
//!
//! Knows: errors, dtypes. Must not know: files, maps.

use crate::dtype::{ByteOrder, DType};
use crate::error::{Error, Problem, Result};

/// How many bytes a marker has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marker {
    /// Four, as with nearly all compilers.
    #[default]
    Four,
    /// Eight.
    Eight,
}

impl Marker {
    /// Bytes of a marker.
    pub const fn size(self) -> usize {
        match self {
            Marker::Four => 4,
            Marker::Eight => 8,
        }
    }
}

/// How the records of a file are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FortranRecords {
    /// What an element is.
    pub dtype: DType,
    /// How long the markers are.
    pub marker: Marker,
    /// The byte order of the markers.
    pub order: ByteOrder,
}

/// Where the bytes of a record lie, without its markers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its first byte.
    pub offset: u64,
    /// How many bytes it has.
    pub len: u64,
}

/// Lists the records of a file of `file_len` bytes. `read` fills a slice with bytes of the file, from one
/// on.
///
/// ```
/// use maparray::{ByteOrder, DType, format::records};
/// let file = [2, 0, 0, 0, 7, 8, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// let how = records::FortranRecords {
///     dtype: DType::of::<u8>(),
///     marker: records::Marker::Four,
///     order: ByteOrder::Little,
/// };
/// let found = records::list(&how, 18, |at, out| {
///     let from = &file[at as usize..];
///     Ok(out.copy_from_slice(&from[..out.len()]))
/// })?;
/// assert_eq!(found.iter().map(|record| record.len).collect::<Vec<_>>(), [2, 0]);
/// # Ok::<(), maparray::Error>(())
/// ```
///
/// # Errors
/// `Malformed` if two markers of a record differ, one reaches past the end, or a record is no whole
/// number of elements.
pub fn list(
    how: &FortranRecords,
    file_len: u64,
    mut read: impl FnMut(u64, &mut [u8]) -> Result<()>,
) -> Result<Vec<Record>> {
    let size = how.marker.size() as u64;
    let item = how.dtype.size() as u64;
    if item == 0 {
        let dtype = how.dtype.to_string();
        return Err(Error::new(Problem::ItemSize { dtype }));
    }
    let mut marker_at = |at: u64| {
        let mut bytes = [0; 8];
        let bytes = &mut bytes[..how.marker.size()];
        read(at, bytes)?;
        if how.order == ByteOrder::Big {
            bytes.reverse();
        }
        let sign = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let number = bytes
            .iter()
            .rev()
            .fold(0, |number, &byte| number << 8 | u64::from(byte));
        Ok::<(u64, bool), Error>((number, sign))
    };
    let (mut records, mut at) = (vec![], 0);
    while at < file_len {
        let wrong = |found: u64, expected: String| {
            let record = records.len() as u64;
            Error::new(Problem::Marker {
                record,
                at,
                found,
                expected,
            })
        };
        let room = file_len - at;
        let Some(most) = room.checked_sub(2 * size) else {
            return Err(wrong(
                room,
                format!("{} bytes of two markers at least", 2 * size),
            ));
        };
        let (len, negative) = marker_at(at)?;
        if negative || len > most {
            return Err(wrong(len, format!("a length of {most} at most")));
        }
        let (end, _) = marker_at(at + size + len)?;
        if end != len {
            return Err(wrong(
                end,
                format!("the same length, {len}, behind the record"),
            ));
        }
        if len % item != 0 {
            return Err(wrong(len, format!("a multiple of {item}")));
        }
        let offset = at + size;
        records.push(Record { offset, len });
        at += len + 2 * size;
    }
    Ok(records)
}
