//! How is an existing file opened as an array?
//!
//! Its header is read, its length compared with what the header claims, and its data mapped. Nothing
//! is allocated on the word of a header.
//!
//! Knows: errors, dtypes, layouts, formats, maps. Must not know: operations, expressions.

use std::path::Path;
use std::sync::Arc;

use super::address::Address;
use super::archive::Inflate;
use super::contents::{Contents, Whole, at_address};
use super::share::share_out;
use super::{COPY_BYTES, MemMapArray, unit};
use crate::error::{Error, Problem, Result};
use crate::format::raw::{self, Raw};
use crate::format::{Format, Header, Parsed, npy};
use crate::map::{Extend, Mode, OpenFile, Span};

/// Bytes read first: enough for all but unusual headers, and one page of the file.
const FIRST_BYTES: usize = 4096;

/// How often a header is read until two readings are equal.
pub(super) const READINGS: usize = 100;

impl MemMapArray {
    /// Maps an array file, or the array or the part of one that an [`Address`](crate::Address) names.
    ///
    /// # Errors
    /// `Io` if it cannot be opened or mapped, `Malformed` if its bytes contradict the format or are
    /// too few, `Unsupported` for object arrays, `Unit` if the header says a unit that is none;
    /// `Mismatch` if the file holds several arrays and none is named, `OutOfBounds` if there is none of
    /// that name.
    ///
    /// ```
    /// use maparray::{MemMapArray, Mode};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// # MemMapArray::from_slice(&[1_i64, 2]).save(&path)?;
    /// let mut array = MemMapArray::open(&path, Mode::ReadWrite)?;
    /// array.set(&[0], 7_i64)?;
    /// array.flush(maparray::Flush::Durable)?;
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<i64>()?, [7, 2]);
    /// let last = MemMapArray::open(format!("{}[-1:]", path.display()), Mode::Read)?;
    /// assert_eq!(last.to_vec::<i64>()?, [2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(path: impl AsRef<Path>, mode: Mode) -> Result<MemMapArray> {
        MemMapArray::open_limited(path, mode, npy::HEADER_LIMIT)
    }

    /// The same; an array that is compressed is copied, as [`Contents::inflate`] does.
    ///
    /// A copy has no mode, and changes to it reach no file: in mode `r+` it is an error.
    ///
    /// # Errors
    /// As [`MemMapArray::open`] and [`Contents::inflate`].
    ///
    /// ```
    /// use maparray::{Inflate, MemMapArray, Mode, SaveNpz, Storing, save_npz};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npz");
    /// let deflated = SaveNpz { storing: Storing::Deflated, ..SaveNpz::default() };
    /// save_npz(&path, &[("x", &MemMapArray::from_slice(&[1.5_f64]))], &deflated)?;
    /// let x = MemMapArray::open_inflated(&path, Mode::Read, &Inflate::default())?;
    /// assert_eq!((x.to_vec::<f64>()?, x.mode()), (vec![1.5], None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_inflated(path: impl AsRef<Path>, mode: Mode, how: &Inflate) -> Result<MemMapArray> {
        at(path.as_ref(), mode, npy::HEADER_LIMIT, |contents, index| {
            contents.inflated(index, mode, how)
        })
    }

    /// Maps an array file whose header has no more bytes than `header_limit`.
    ///
    /// # Errors
    /// As [`MemMapArray::open`]; `Malformed` if the header is longer.
    pub fn open_limited(
        path: impl AsRef<Path>,
        mode: Mode,
        header_limit: usize,
    ) -> Result<MemMapArray> {
        at(path.as_ref(), mode, header_limit, |contents, index| {
            contents.array(index, mode)
        })
    }

    /// Maps a file without a header; the caller says what is in it.
    ///
    /// # Errors
    /// `Io` if it cannot be opened or mapped, `Malformed` if it is too short, `Mismatch` if a `-1` of
    /// the shape does not come out even.
    ///
    /// ```
    /// use maparray::{DType, MemMapArray, Mode, Order, Raw};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.raw");
    /// std::fs::write(&path, [0, 0, 1, 0, 2, 0, 3, 0, 4, 0])?;
    /// let raw = Raw { dtype: "<u2".parse()?, shape: Some(vec![-1, 2]), order: Order::C, offset: 2 };
    /// let array = MemMapArray::open_raw(&path, &raw, Mode::Read)?;
    /// assert_eq!(array.shape(), [2, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_raw(path: impl AsRef<Path>, raw: &Raw, mode: Mode) -> Result<MemMapArray> {
        let path = path.as_ref();
        let file = OpenFile::open(path, mode)?;
        let open = || {
            MemMapArray::map(
                &file,
                &raw::header(raw, file.len_when_opened())?,
                path,
                mode,
            )
        };
        open().map_err(|error| error.at(path))
    }

    /// Copies an array file into memory.
    ///
    /// # Errors
    /// As [`MemMapArray::open`]; also `Io` if there is no room.
    ///
    /// ```
    /// use maparray::MemMapArray;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// # MemMapArray::from_slice(&[1_i64, 2]).save(&path)?;
    /// let array = MemMapArray::read(&path)?;
    /// assert_eq!(array.path(), None);
    /// assert_eq!(array.view::<i64>()?.sum(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<MemMapArray> {
        at(path.as_ref(), Mode::Read, npy::HEADER_LIMIT, Contents::read)
    }

    /// Reads the data that a header describes, without a map.
    pub(super) fn read_data(file: &OpenFile, header: &Header) -> Result<MemMapArray> {
        check_data(file, header)?;
        let unit = unit::of_header(header)?;
        let (stored, scaling) = (header.dtype.to_native(), header.scaling);
        let meant = scaling.and_then(|scaling| Some((scaling, stored.scalar()?)));
        let dtype = meant.map_or(stored.clone(), |(scaling, stored)| {
            scaling.scalar(stored).native()
        });
        let mut array = MemMapArray::zeros(&dtype, &header.shape, header.order)?;
        let (byte_len, item) = (array.byte_len(), dtype.size().max(1));
        let piece = (COPY_BYTES / item).max(1) * item;
        let pieces = array.own_bytes()?.chunks_mut(piece).enumerate();
        let needed = header.data_offset + header.byte_len()?;
        let read = |from: u64, bytes: &mut [u8]| {
            let found = file.read_at(from, bytes)?;
            if found < bytes.len() {
                let file_len = from + found as u64;
                return Err(Error::new(Problem::TooShort { file_len, needed }));
            }
            header.dtype.swap_to_native(bytes);
            Ok(())
        };
        share_out(pieces, byte_len, |(n, bytes), scratch| {
            let Some((scaling, scalar)) = meant else {
                return read(header.data_offset + (n * piece) as u64, bytes);
            };
            let size = scalar.size();
            scratch.resize(bytes.len() / item * size, 0);
            let first = n * (piece / item) * size;
            read(header.data_offset + first as u64, scratch)?;
            scaling.convert(scalar, scratch, bytes);
            Ok(())
        })?;
        Ok(array.sharing_unit(unit))
    }

    /// Maps the data that a header describes.
    pub(super) fn map(
        file: &Arc<OpenFile>,
        header: &Header,
        path: &Path,
        mode: Mode,
    ) -> Result<MemMapArray> {
        check_data(file, header)?;
        if header.scaling.is_some() {
            let stored = header.dtype.to_string();
            return Err(Error::new(Problem::Scaled { stored }));
        }
        let unit = unit::of_header(header)?;
        let span = Span {
            offset: header.data_offset,
            len: Some(header.byte_len()?),
        };
        let region = match mode {
            Mode::Read => file.map_small_late(span)?,
            _ => file.map(span, mode, Extend::Never)?,
        };
        file.note_name(path);
        if header.format == Format::Npy {
            file.note_header(header.data_offset);
        }
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let array = MemMapArray::over(region, header.dtype.clone(), header.layout()?);
        Ok(MemMapArray {
            path: Some(path.into()),
            unit,
            ..array
        })
    }
}

/// What an address names, opened or copied by `get`.
pub(super) fn at<W: Whole>(
    path: &Path,
    mode: Mode,
    limit: usize,
    get: impl FnOnce(&Contents, usize) -> Result<W>,
) -> Result<W> {
    // Most addresses are names of files, which are not looked at twice.
    let address = match OpenFile::open(path, mode) {
        Ok(file) => {
            let contents = Contents::of(file, path, limit).map_err(|error| error.at(path))?;
            return get(&contents, contents.find(None)?);
        }
        Err(error) => match Address::parse(path)? {
            address if address.path == path => return Err(error),
            address => address,
        },
    };
    let path = &*address.path;
    let file = OpenFile::open(path, mode)?;
    let contents = Contents::of(file, path, limit).map_err(|error| error.at(path))?;
    at_address(&address, &contents, get)
}

/// Checks that a file holds what its header says. One that has grown since it was opened may have more.
fn check_data(file: &OpenFile, header: &Header) -> Result<()> {
    match header.check_len(file.len_when_opened()) {
        Err(_) => header.check_len(file.len()?),
        held => held,
    }
}

/// Whether a header is still what was read: another program may be writing it.
fn is_settled(file: &OpenFile, header: &[u8]) -> Result<bool> {
    let mut again = vec![0; header.len()];
    let count = file.read_at(0, &mut again)?;
    Ok(again.get(..count) == Some(header))
}

/// Reads the header of an array file, and no more of it than needed.
pub(super) fn read_header(file: &OpenFile, limit: usize) -> Result<Header> {
    let mut read = Err(Error::new(Problem::RestlessHeader));
    for _ in 0..READINGS {
        let (len, bytes) = (file.len_when_opened(), |start: &mut [u8]| {
            file.read_at(0, start)
        });
        let start = read_start(len, limit, bytes, &mut read)?;
        if is_settled(file, &start)? {
            break;
        }
        read = Err(Error::new(Problem::RestlessHeader));
    }
    read
}

/// Reads the header of `len` bytes, of which `bytes` gives the first ones.
pub(super) fn header_by(
    len: u64,
    limit: usize,
    bytes: impl FnMut(&mut [u8]) -> Result<usize>,
) -> Result<Header> {
    let mut read = Err(Error::new(Problem::RestlessHeader));
    read_start(len, limit, bytes, &mut read)?;
    read
}

/// Reads the header, good or not; gives the bytes that decided on it.
fn read_start(
    file_len: u64,
    limit: usize,
    mut bytes: impl FnMut(&mut [u8]) -> Result<usize>,
    read: &mut Result<Header>,
) -> Result<Vec<u8>> {
    let mut start = vec![0; FIRST_BYTES];
    loop {
        let wanted = start.len();
        let count = bytes(&mut start)?;
        start.truncate(count);
        match npy::parse_limited(&start, file_len, limit) {
            // The parser asks for no more than its limit, and never for more than the file had.
            Ok(Parsed::Needs(needed)) if count == wanted => {
                start.resize(needed.max(count + 1), 0);
                continue;
            }
            Ok(Parsed::Needs(needed)) => {
                let (file_len, needed) = (count as u64, needed as u64);
                *read = Err(Error::new(Problem::HeaderTruncated { file_len, needed }));
            }
            Ok(Parsed::Header(header)) => {
                // It lies in what was read, which is no longer than memory.
                start.truncate(usize::try_from(header.data_offset).unwrap_or(usize::MAX));
                *read = Ok(header);
            }
            Err(error) => *read = Err(error),
        }
        return Ok(start);
    }
}
