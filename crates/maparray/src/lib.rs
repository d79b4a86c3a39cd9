//! Memory-mapped N-dimensional arrays, and arithmetic on them in bounded memory.
//!
//! A `.npy` file, or a raw one whose dtype and shape you name, opens in microseconds as a
//! [`MemMapArray`]: its elements stay in the file and come to memory as they are touched. An
//! [`Expr`] says what to compute, and [`Eval`] computes it block by block on several threads, so
//! that arrays larger than memory can be added, averaged and written to new files. Types, names and
//! answers are NumPy's.
//!
//! ```
//! # let folder = tempfile::tempdir()?;
//! # std::env::set_current_dir(&folder)?;
//! use maparray::{Create, DType, Eval, Flush, MemMapArray, Mode};
//!
//! // A file that becomes an array …
//! let mut a = MemMapArray::create("a.npy", &DType::of::<f32>(), &[2, 3], &Create::default())?;
//! a.set(&[1, -1], 8.0_f32)?;
//! a.flush(Flush::Durable)?;
//!
//! // … is part of an expression …
//! let a = MemMapArray::open("a.npy", Mode::Read)?;
//! let b = MemMapArray::from_slice(&[10_i16, 20, 30]);
//! let expr = "a * 0.5 + b".parse()?;
//!
//! // … whose value becomes a file.
//! let report = Eval::new(expr).array("a", &a).array("b", &b).save("c.npy")?;
//! assert_eq!(report.shape, [2, 3]);
//! let c = MemMapArray::read("c.npy")?;
//! assert_eq!(c.to_vec::<f32>()?, [10.0, 20.0, 30.0, 10.0, 20.0, 34.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is where
//!
//! | to | see |
//! |---|---|
//! | open, create, read, index, change and save arrays | [`MemMapArray`] |
//! | borrow elements as ndarray views; own a typed array | [`MemMapArray::view`], [`MapArray`] |
//! | say what to compute | [`Expr`], and the module [`expr`] for its parts |
//! | compute it, into memory, a new file or an array | [`Eval`] |
//! | look at a file without touching its data | [`info()`] |
//! | react to what went wrong | [`Error`], [`ErrorKind`] |
//! | say what numbers measure, and convert | [`Unit`] |
//! | name types of elements | [`DType`], [`Scalar`], the module [`dtype`] |
//! | know which operations there are | [`ops`], and the page [`docs::ops`] |
//! | compute with shapes and strides | [`layout`] |
//! | read and write headers without files | [`mod@format`], and the page [`docs::formats`] |
//! | map bytes that are no array | [`map`] |
//! | hand bytes to a loop that others may change | [`strip`] |
//!
//! Pages to read: [`docs::safety`] on what mapping risks, [`docs::for_numpy_users`], a phrase book,
//! [`docs::units`] on units, [`docs::dtypes`] and [`docs::ops`], the tables.
//!
//! # Safe, with one promise
//!
//! Opening, copying and computing are safe functions. Borrowing the elements of a mapped file is
//! not something that a library can check, as any program may change the file; so
//! [`MemMapArray::view`] of a file asks for a [`StableFiles`] promise first. See [`docs::safety`].
//!
//! # Three doors
//!
//! This crate is one of three doors to the same house. The shell has `maparray eval 'a * 0.5 + b'
//! a=a.npy b=b.npy -o c.npy`, and Python has `maparray.eval("a * 0.5 + b", a="a.npy", b=b,
//! out="c.npy")`, besides `maparray.memmap`, which stands in for `numpy.memmap`. The same word means
//! the same thing at each of them.

mod array;
mod crew;
pub mod dtype;
mod error;
mod eval;
pub mod expr;
pub mod format;
pub mod layout;
#[expect(unsafe_code, reason = "mapping files is what this room is for")]
pub mod map;
pub mod ops;
#[expect(
    unsafe_code,
    reason = "bytes that may change must not be borrowed, instructions be asked for"
)]
pub mod strip;
mod unit;

pub use array::{
    Address, AfterUse, ChunkSize, Chunks, Container, Contents, Create, FitsHeader, FitsImage,
    Indices, Info, Integer, Key, MapArray, MapArrayMut, Mapping, MemMapArray, Opened, Ragged,
    Recovered, Scaled, ScaledChunks, Stack, info, info_raw, recover, save_fits,
};
pub use array::{
    Inflate, Packed, SaveNpz, Storing, align_npz, append_npz, convert_all, extend_npz, pack,
    repair_npz, safetensors_metadata, save_npz, save_safetensors, unpack, write_sidecar,
};
pub use crew::{Flow, Progress, free_memory, watched};
pub use dtype::{ByteOrder, DType, Element, Scalar};
pub use error::{Error, ErrorKind, Result};
pub use eval::{Combine, Eval, Explanation, Join, Report, Sweep};
pub use expr::Expr;
pub use format::fits;
pub use format::raw::Raw;
pub use layout::{Layout, Order, Select};
pub use map::{
    Advice, Allocate, Existing, Extend, Flush, Mode, OpenFile, Region, Span, StableFiles,
};
pub use ops::{Accuracy, Center, Clip, Missing, Statistic};
pub use unit::{Power, Unit, UnitFormat};

/// Pages to read, not code.
pub mod docs {
    #[doc = include_str!("../docs/safety.md")]
    pub mod safety {}

    #[doc = include_str!("../docs/for-numpy-users.md")]
    pub mod for_numpy_users {}

    #[doc = include_str!("../docs/dtypes.md")]
    pub mod dtypes {}

    #[doc = include_str!("../docs/units.md")]
    pub mod units {}

    #[doc = include_str!("../docs/ops.md")]
    pub mod ops {}

    #[doc = include_str!("../docs/formats.md")]
    pub mod formats {}
}
