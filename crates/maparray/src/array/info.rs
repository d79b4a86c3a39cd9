//! What does a file's header say, and does the file agree?
//!
//! Knows: errors, dtypes, formats, maps. Must not know: operations, expressions.

use std::path::{Path, PathBuf};

use super::address::{Address, Key};
use super::contents::Contents;
use crate::error::Result;
use crate::format::raw::{self, Raw};
use crate::format::{Format, Header};
use crate::map::{Mode, OpenFile};

/// What is known of an array file without touching its data.
#[derive(Clone, Debug)]
pub struct Info {
    /// The file.
    pub path: PathBuf,
    /// What its header says, or the caller of a raw file.
    pub header: Header,
    /// Its length in bytes.
    pub file_len: u64,
    /// The length that header and data need.
    pub expected_len: u64,
}

impl Info {
    /// The largest power of two, up to 4096, that the data's place in the file is a multiple of.
    pub fn alignment(&self) -> u64 {
        1 << self.header.data_offset.trailing_zeros().min(12)
    }

    fn new(path: &Path, header: Header, file_len: u64) -> Result<Info> {
        let mut expected_len = header.data_offset.saturating_add(header.byte_len()?);
        if header.format == Format::Fits {
            // Behind the data come the rest of its block, and other HDUs.
            expected_len = expected_len.max(file_len);
        }
        Ok(Info {
            path: path.to_path_buf(),
            header,
            file_len,
            expected_len,
        })
    }
}

impl Contents {
    /// What is known of one of the arrays without touching its data.
    ///
    /// # Errors
    /// As [`Contents::entry`].
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// # maparray::MemMapArray::from_slice(&[1_i64, 2]).save(&path)?;
    /// let info = maparray::Contents::open(&path)?.info(0)?;
    /// assert_eq!(info.expected_len, 128 + 16);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn info(&self, index: usize) -> Result<Info> {
        let read = || Info::new(self.path(), self.entry(index)?.header, self.file_len()?);
        read().map_err(|error| error.at(self.path()))
    }
}

/// Reads the header of an array file, or of an array in it that is named as in `a.npz:x`, and nothing
/// else; a file that is too short is described, too.
///
/// # Errors
/// `Io` if it cannot be opened, `Malformed` or `Unsupported` if its header is no good, `Mismatch` if
/// it holds several arrays and none is named.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.npy");
/// # maparray::MemMapArray::from_slice(&[1_i64, 2]).save(&path)?;
/// let info = maparray::info(&path)?;
/// assert_eq!(info.header.shape, [2]);
/// assert_eq!(info.file_len, 128 + 16);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn info(path: impl AsRef<Path>) -> Result<Info> {
    let address = Address::parse(path)?;
    let contents = Contents::open(&address.path)?;
    let key = address.key.as_ref().map(|key| match key {
        Key::Name(key) | Key::Bracket(key) => key.as_str(),
    });
    contents.info(contents.find(key)?)
}

/// The same for a file without a header.
///
/// # Errors
/// `Io` if it cannot be opened, `Mismatch` if a `-1` of the shape does not come out even.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.raw");
/// use maparray::{DType, Order, Raw};
/// std::fs::write(&path, [0; 20])?;
/// let raw = Raw { dtype: DType::of::<f32>(), shape: None, order: Order::C, offset: 4 };
/// assert_eq!(maparray::info_raw(&path, &raw)?.header.shape, [4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn info_raw(path: impl AsRef<Path>, raw: &Raw) -> Result<Info> {
    let path = path.as_ref();
    let file = OpenFile::open(path, Mode::Read)?;
    let read = || {
        let file_len = file.len()?;
        Info::new(path, raw::header(raw, file_len)?, file_len)
    };
    read().map_err(|error| error.at(path))
}
