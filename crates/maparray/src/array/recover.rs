//! What becomes of a file that was cut short?
//!
//! Its whole rows are shown, or its header is made to speak of them alone. Nothing is deleted.
//!
//! Knows: errors, layouts, formats, maps. Must not know: operations, expressions.

use std::path::Path;
use std::sync::Arc;

use super::MemMapArray;
use super::grow::{Ground, settled};
use super::open::{at, read_header};
use crate::error::{Error, Problem, Result};
use crate::format::npy::HEADER_LIMIT;
use crate::map::{Flush, Mode, OpenFile};

/// What [`recover`] found in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Rows that are whole; the header says so now.
    pub rows: usize,
    /// Rows that the header claimed.
    pub claimed: usize,
    /// Bytes behind the last whole row. They stay, and the next append overwrites them.
    pub surplus_bytes: u64,
}

impl MemMapArray {
    /// Maps the rows of a `.npy` file that are whole, and says how many are missing of those that its
    /// header claims. [`MemMapArray::open`] refuses a file that was cut short. Of an
    /// [`Address`](crate::Address) the part is one of the whole rows.
    ///
    /// # Errors
    /// As [`MemMapArray::open`]; `Mismatch` for an array without axes, which has no rows.
    ///
    /// ```
    /// use maparray::{MemMapArray, Mode};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// MemMapArray::from_slice(&[1_i64, 2, 3]).save(&path)?;
    /// std::fs::OpenOptions::new().write(true).open(&path)?.set_len(128 + 20)?;
    /// assert!(MemMapArray::open(&path, Mode::Read).is_err());
    /// let (array, missing) = MemMapArray::open_whole_rows(&path, Mode::Read)?;
    /// assert_eq!((array.to_vec::<i64>()?, missing), (vec![1, 2], 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_whole_rows(path: impl AsRef<Path>, mode: Mode) -> Result<(MemMapArray, usize)> {
        let mut missing = 0;
        let array = at(path.as_ref(), mode, HEADER_LIMIT, |contents, _| {
            let path = contents.path();
            let file = OpenFile::open(path, mode)?;
            let mut open = || {
                let mut ground = ground_of(&file)?;
                let claimed = ground.rows();
                ground.set_rows(claimed.min(ground.whole_rows()));
                missing = claimed - ground.rows();
                MemMapArray::map(&file, &ground.header, path, mode)
            };
            open().map_err(|error: Error| error.at(path))
        })?;
        Ok((array, missing))
    }
}

/// Makes the header of a `.npy` file that was cut short speak of the rows that are whole.
///
/// # Errors
/// `Io` if the file cannot be read or written, `InUse` while rows are added to it, `Malformed` if it
/// has no header that can be read, `Mismatch` for an array without axes, which has no rows.
///
/// ```
/// use maparray::{MemMapArray, Recovered, recover};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.npy");
/// MemMapArray::from_slice(&[1_i64, 2, 3]).save(&path)?;
/// std::fs::OpenOptions::new().write(true).open(&path)?.set_len(128 + 20)?;
/// let found = recover(&path)?;
/// assert_eq!(found, Recovered { rows: 2, claimed: 3, surplus_bytes: 4 });
/// assert_eq!(MemMapArray::read(&path)?.to_vec::<i64>()?, [1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn recover(path: impl AsRef<Path>) -> Result<Recovered> {
    let path = path.as_ref();
    let file = OpenFile::open(path, Mode::ReadWrite)?;
    repair(&file).map_err(|error| error.at(path))
}

fn repair(file: &Arc<OpenFile>) -> Result<Recovered> {
    let lock = file.lock_growth()?;
    let mut ground = ground_of(file)?;
    let claimed = ground.rows();
    let rows = claimed.min(ground.whole_rows());
    if rows < claimed {
        ground.set_rows(rows);
        ground.write_header(file)?;
        lock.sync(Flush::Durable)?;
    }
    let surplus_bytes = ground.file_len.saturating_sub(ground.end_of(rows)?);
    Ok(Recovered {
        rows,
        claimed,
        surplus_bytes,
    })
}

fn ground_of(file: &OpenFile) -> Result<Ground> {
    let offset = read_header(file, HEADER_LIMIT)?.data_offset;
    let file_len = file.len()?;
    // No longer than the limit, which is a `usize`.
    let start = settled(file, offset as usize)?;
    if start.len() as u64 != offset {
        let needed = offset;
        return Err(Error::new(Problem::HeaderTruncated { file_len, needed }));
    }
    Ground::of_npy(start, file_len)
}
