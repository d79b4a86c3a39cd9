//! Memory-mapped N-dimensional arrays.

pub mod dtype;
mod error;
pub mod format;
pub mod layout;

pub use dtype::{ByteOrder, DType, Element, Scalar};
pub use error::{Error, ErrorKind, Result};
pub use layout::{Order, Select};
