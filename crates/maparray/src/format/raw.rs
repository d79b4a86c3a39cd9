//! What does a file without a header hold?
//!
//! Whatever the caller says: dtype, shape, order and the byte where the elements begin.
//!
//! Knows: errors, dtypes, layouts. Must not know: files, maps.

use super::{Format, Header};
use crate::dtype::DType;
use crate::error::{Error, Problem, Result};
use crate::layout::{Order, extent, infer_shape};

/// What the caller says about a file without a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    /// What an element is.
    pub dtype: DType,
    /// Length of each axis, one of them -1 if the length of the file shall decide; `None` is one
    /// axis to the end of the file.
    pub shape: Option<Vec<i64>>,
    /// Order of the elements in the file.
    pub order: Order,
    /// Byte of the file where the elements begin.
    pub offset: u64,
}

/// The header that a raw file of so many bytes would have.
///
/// A shape without -1 is taken as it is; [`Header::check_len`] tells whether the file holds it.
///
/// ```
/// use maparray::{DType, Order, format::raw};
/// let dtype = DType::of::<f32>();
/// let raw = raw::Raw { dtype, shape: Some(vec![-1, 3]), order: Order::C, offset: 4 };
/// assert_eq!(raw::header(&raw, 28)?.shape, [2, 3]);
/// # Ok::<(), maparray::Error>(())
/// ```
///
/// # Errors
/// `OutOfBounds` if a length is to be inferred and the offset lies past the end; `Malformed` if the
/// bytes are no whole number of elements, or the shape is too big; `Mismatch` for a shape with a
/// negative length or one that cannot be inferred.
pub fn header(raw: &Raw, file_len: u64) -> Result<Header> {
    let item_size = raw.dtype.size();
    if item_size == 0 {
        let dtype = raw.dtype.to_string();
        return Err(Error::new(Problem::ItemSize { dtype }));
    }
    let available = || {
        file_len.checked_sub(raw.offset).ok_or_else(|| {
            Error::new(Problem::OffsetPastEnd {
                offset: raw.offset,
                file_len,
            })
        })
    };
    let shape = match &raw.shape {
        Some(shape) if shape.contains(&-1) => infer_shape(shape, item_size, available()?)?,
        Some(shape) => infer_shape(shape, item_size, 0)?,
        None => {
            let available = available()?;
            if available % item_size as u64 != 0 {
                return Err(Error::new(Problem::NotWhole {
                    available,
                    item_size,
                }));
            }
            // A file on this machine has fewer elements than `usize` counts, or `extent` says so.
            vec![usize::try_from(available / item_size as u64).unwrap_or(usize::MAX)]
        }
    };
    extent(&shape, item_size)?;
    Ok(Header {
        format: Format::Raw,
        version: (0, 0),
        dtype: raw.dtype.clone(),
        shape,
        order: raw.order,
        data_offset: raw.offset,
        unit: None,
        scaling: None,
    })
}
