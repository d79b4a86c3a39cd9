//! What do the file's bytes mean?
//!
//! A [`Header`] says what a file holds and where; each format is a pure function from the first
//! bytes of a file to a header, and back.
//!
//! Knows: errors, dtypes, layouts. Must not know: files, maps. It sees slices.

pub mod envi;
pub mod fits;
mod json;
pub mod npy;
pub mod raw;
pub mod records;
pub(crate) mod rows;
pub mod safetensors;
mod scaling;
pub mod sidecar;
mod table;
pub mod wav;
pub mod zip;

pub use table::{FORMATS, Row};

use crate::dtype::DType;
use crate::error::{Error, Problem, Result};
use crate::layout::{Layout, Order, extent};

/// How a file says what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// NumPy's `.npy`: a header, then one array.
    #[default]
    Npy,
    /// Elements only; the caller says what they are.
    Raw,
    /// FITS: HDUs, each a header and an image or a table.
    Fits,
    /// NumPy's `.npz`: a zip archive of `.npy` files.
    Npz,
    /// Named tensors, as models are kept.
    Safetensors,
    /// Samples of sound.
    Wav,
}

/// One array of a file that may hold several.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name in the file; empty where a file holds one array.
    pub key: String,
    /// What it is, and where its bytes lie once they are as they should be.
    pub header: Header,
    /// How its bytes are kept.
    pub storage: Storage,
}

/// How the bytes of an array are kept in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Storage {
    /// As they are: they can be mapped.
    #[default]
    Plain,
    /// Compressed, in so many bytes: they can be copied.
    Compressed(u64),
}

/// What array a file holds, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The format that said so.
    pub format: Format,
    /// Its version, `(0, 0)` for raw files.
    pub version: (u8, u8),
    /// What an element is.
    pub dtype: DType,
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// Order of the elements in the file.
    pub order: Order,
    /// Byte of the file where the elements begin.
    pub data_offset: u64,
    /// The text of the unit that the elements are in, if the file says one.
    pub unit: Option<String>,
    /// How the stored numbers become those that they stand for; `None` if they are the same.
    pub scaling: Option<Scaling>,
}

/// What is stored for a number x is (x - zero) / scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    /// What stored numbers are multiplied by.
    pub scale: f64,
    /// What is added then.
    pub zero: f64,
    /// The stored number that stands for no value, of integers.
    pub blank: Option<i64>,
}

/// What came out of the first bytes of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Parsed {
    /// All there is to know.
    Header(Header),
    /// Call again with at least so many bytes from the start of the file.
    Needs(usize),
}

impl Header {
    /// The bytes before the elements of a new file; says from then on where these begin, and how they
    /// are stored in a file of this format.
    ///
    /// # Errors
    /// `Unsupported` if the format does not hold such an array, or none by itself.
    pub(crate) fn begin(&mut self) -> Result<Vec<u8>> {
        let (unit, dtype, shape) = (self.unit.as_deref(), &self.dtype, &self.shape);
        let start = match self.format {
            Format::Npy => npy::write_in(unit, dtype, shape, self.order)?,
            Format::Raw => vec![],
            format => {
                let format = format.row().name;
                return Err(Error::new(Problem::NotAlone { format }));
            }
        };
        if let (Format::Npy, [_, _, _, _, _, _, major, minor, ..]) = (self.format, &*start) {
            self.version = (*major, *minor);
        }
        self.data_offset = start.len() as u64;
        Ok(start)
    }

    /// Bytes of all elements together.
    ///
    /// # Errors
    /// `Malformed` if the array could not exist on this machine.
    pub fn byte_len(&self) -> Result<u64> {
        let (_, bytes) = extent(&self.shape, self.dtype.size())?;
        Ok(bytes as u64)
    }

    /// Checks that a file of so many bytes holds all elements; more bytes are no error.
    ///
    /// # Errors
    /// `Malformed` if the data is cut short, `OutOfBounds` if it begins behind the end.
    ///
    /// ```
    /// use maparray::format::{Parsed, npy};
    /// use maparray::{DType, Order};
    /// let start = npy::write(&DType::of::<f32>(), &[10], Order::C)?;
    /// let Parsed::Header(header) = npy::parse(&start, 168)? else { panic!("it is all there") };
    /// assert!(header.check_len(168).is_ok());
    /// assert!(header.check_len(167).is_err());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn check_len(&self, file_len: u64) -> Result<()> {
        let needed = self.byte_len()?;
        let found = file_len.checked_sub(self.data_offset).ok_or_else(|| {
            Error::new(Problem::OffsetPastEnd {
                offset: self.data_offset,
                file_len,
            })
        })?;
        if found >= needed {
            return Ok(());
        }
        let rows = match self.order {
            Order::C => self.shape.first(),
            Order::F => self.shape.last(),
        };
        // Not zero: an array without elements needs no bytes, so it is never short.
        let row_len = needed / rows.map_or(1, |&rows| rows as u64);
        Err(Error::new(Problem::ShortData {
            found,
            needed,
            whole_rows: found / row_len,
        }))
    }

    /// Where each element lies, counted from the first byte of the data.
    ///
    /// # Errors
    /// `Malformed` if the array could not exist on this machine.
    pub fn layout(&self) -> Result<Layout> {
        Layout::contiguous(&self.shape, self.dtype.size(), self.order, 0)
    }
}
