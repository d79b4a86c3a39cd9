//! How are the records of a Fortran file opened as arrays?
//!
//! Each by its number; or all as the rows of one array, if they have one length.
//!
//! Knows: errors, layouts, formats, maps. Must not know: operations, expressions.

use std::path::Path;
use std::sync::Arc;

use super::MemMapArray;
use super::contents::Contents;
use crate::error::{Error, Problem, Result};
use crate::format::records::{self, FortranRecords, Record};
use crate::layout::Layout;
use crate::map::{Extend, Mode, OpenFile, Span};

/// Bytes that are read at once: markers lie close to each other, or far apart.
const WINDOW: usize = 4096;

fn list(file: &OpenFile, how: &FortranRecords) -> Result<Vec<Record>> {
    let mut window = vec![];
    let mut start = 0;
    records::list(how, file.len_when_opened(), |at, out| {
        let end = at + out.len() as u64;
        if at < start || end > start + window.len() as u64 {
            window.resize(WINDOW, 0);
            let count = file.read_at(at, &mut window)?;
            window.truncate(count);
            start = at;
        }
        let from = window.get((at - start) as usize..).unwrap_or_default();
        let Some(from) = from.get(..out.len()) else {
            let (file_len, needed) = (start + window.len() as u64, end);
            return Err(Error::new(Problem::TooShort { file_len, needed }));
        };
        out.copy_from_slice(from);
        Ok(())
    })
}

impl Contents {
    /// Lists the records of an unformatted file of Fortran's: "0", "1" and so on, each of one axis. They
    /// are to be mapped in this mode.
    ///
    /// # Errors
    /// `Io` if the file cannot be read, `Malformed` if its markers contradict each other or its length.
    ///
    /// ```
    /// use maparray::format::records::{FortranRecords, Marker};
    /// use maparray::{ByteOrder, Contents, DType, Mode};
    /// # let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("fields.dat");
    /// std::fs::write(&path, [2, 0, 0, 0, 7, 8, 2, 0, 0, 0, 1, 0, 0, 0, 9, 1, 0, 0, 0])?;
    /// let (dtype, order) = (DType::of::<u8>(), ByteOrder::Little);
    /// let how = FortranRecords { dtype, marker: Marker::Four, order };
    /// let contents = Contents::open_fortran(&path, &how, Mode::Read)?;
    /// assert_eq!(contents.keys(), ["0", "1"]);
    /// assert_eq!(contents.array(1, Mode::Read)?.to_vec::<u8>()?, [9]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_fortran(
        path: impl AsRef<Path>,
        how: &FortranRecords,
        mode: Mode,
    ) -> Result<Contents> {
        let path = path.as_ref();
        let file = OpenFile::open(path, mode)?;
        let records = list(&file, how).map_err(|error| error.at(path))?;
        Ok(Contents::of_records(file, path, how.dtype.clone(), records))
    }
}

impl MemMapArray {
    /// Maps the records of an unformatted file of Fortran's as the rows of one array; the markers lie
    /// in the gaps between them.
    ///
    /// # Errors
    /// As [`Contents::open_fortran`]; `Mismatch` if the records have several lengths.
    ///
    /// ```
    /// use maparray::format::records::{FortranRecords, Marker};
    /// use maparray::{ByteOrder, DType, MemMapArray, Mode};
    /// # let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("fields.dat");
    /// std::fs::write(&path, [2, 0, 0, 0, 7, 8, 2, 0, 0, 0, 2, 0, 0, 0, 9, 10, 2, 0, 0, 0])?;
    /// let (dtype, order) = (DType::of::<u8>(), ByteOrder::Little);
    /// let how = FortranRecords { dtype, marker: Marker::Four, order };
    /// let array = MemMapArray::open_fortran(&path, &how, Mode::Read)?;
    /// assert_eq!((array.shape(), array.strides()), (&[2, 2][..], &[10, 1][..]));
    /// assert_eq!(array.to_vec::<u8>()?, [7, 8, 9, 10]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_fortran(
        path: impl AsRef<Path>,
        how: &FortranRecords,
        mode: Mode,
    ) -> Result<MemMapArray> {
        let path = path.as_ref();
        let file = OpenFile::open(path, mode)?;
        rows(&file, how, path, mode).map_err(|error| error.at(path))
    }
}

fn rows(
    file: &Arc<OpenFile>,
    how: &FortranRecords,
    path: &Path,
    mode: Mode,
) -> Result<MemMapArray> {
    let records = list(file, how)?;
    let Some((first, last)) = records.first().zip(records.last()) else {
        let names = String::new();
        return Err(Error::new(Problem::SeveralArrays { found: 0, names }));
    };
    if let Some(place) = records.iter().position(|record| record.len != first.len) {
        return Err(Error::new(Problem::RecordLength {
            record: place as u64,
            found: records[place].len,
            expected: first.len,
        }));
    }
    let item = how.dtype.size();
    let span = Span {
        offset: first.offset,
        len: Some(last.offset + last.len - first.offset),
    };
    let region = file.map(span, mode, Extend::Never)?.described();
    // They fit into memory, as the map of them does.
    let (count, len) = (records.len(), first.len as usize);
    let step = (len + 2 * how.marker.size()) as isize;
    let strides = [step, item as isize];
    let layout = Layout::strided(&[count, len / item], &strides, item, 0, region.len())?;
    file.note_name(path);
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    Ok(MemMapArray {
        path: Some(path.into()),
        ..MemMapArray::over(region, how.dtype.clone(), layout)
    })
}
