//! Memory-mapped N-dimensional arrays.

mod array;
pub mod dtype;
mod error;
mod eval;
pub mod expr;
pub mod format;
pub mod layout;
#[expect(unsafe_code, reason = "mapping files is what this room is for")]
pub mod map;
pub mod ops;

pub use array::{Create, Info, MapArray, MapArrayMut, MemMapArray, info, info_raw};
pub use dtype::{ByteOrder, DType, Element, Scalar};
pub use error::{Error, ErrorKind, Result};
pub use eval::{Eval, Flow, Progress, Report};
pub use expr::Expr;
pub use format::raw::Raw;
pub use layout::{Layout, Order, Select};
pub use map::{
    Advice, Allocate, Existing, Extend, Flush, Mode, OpenFile, Region, Span, StableFiles,
};
