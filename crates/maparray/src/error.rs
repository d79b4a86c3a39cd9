//! What went wrong?
//!
//! One opaque [`Error`] around a private `Problem`, one variant per distinct failure. Every message
//! of the library is written here, in one form: `path: what was wrong: found x, expected y`.
//!
//! Knows: nothing. Must not know: anything.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be done.
///
/// Read it as text, or ask [`Error::kind`] what can be done about it.
pub struct Error(Box<Report>);

struct Report {
    path: Option<PathBuf>,
    problem: Problem,
}

/// What the caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused: open, map, disk full.
    Io,
    /// The file's bytes contradict its format.
    Malformed,
    /// Real, but not for us: object dtypes, borrowing foreign byte order.
    Unsupported,
    /// The dtype or shape asked for is not that of the file or of the other operand.
    Mismatch,
    /// An index or axis outside the array.
    OutOfBounds,
    /// An expression that cannot be understood.
    Expression,
    /// A write to an array that was opened for reading.
    ReadOnly,
    /// Somebody else holds what would have to be ours alone.
    InUse,
    /// The caller asked for the work to stop.
    Cancelled,
}

impl ErrorKind {
    /// Every kind, so that a door can prove that it maps each of them.
    pub const ALL: &'static [ErrorKind] = &[
        ErrorKind::Io,
        ErrorKind::Malformed,
        ErrorKind::Unsupported,
        ErrorKind::Mismatch,
        ErrorKind::OutOfBounds,
        ErrorKind::Expression,
        ErrorKind::ReadOnly,
        ErrorKind::InUse,
        ErrorKind::Cancelled,
    ];
}

/// One variant per distinct failure; fields, never a finished sentence.
#[derive(Debug)]
pub(crate) enum Problem {
    // map
    Io {
        doing: &'static str,
        source: io::Error,
    },
    NotAFile {
        found: &'static str,
    },
    TooShort {
        file_len: u64,
        needed: u64,
    },
    ReadOnly,
    Shared {
        holders: usize,
    },
    NoPromise,
    MapRange {
        offset: u64,
        len: u64,
        region_len: u64,
    },

    // dtype
    ObjectDType,
    DTypeText {
        text: String,
        at: usize,
        expected: &'static str,
    },
    ItemSize {
        dtype: String,
    },
    ItemTooBig {
        dtype: String,
    },
    NoDescriptor {
        dtype: String,
    },
    NotANumber {
        dtype: String,
    },
    NoPromotion {
        left: String,
        right: String,
    },

    // layout
    TooBig {
        shape: String,
        item_size: usize,
    },
    TooManyAxes {
        found: usize,
    },
    ShapeText {
        text: String,
    },
    UnknownShape {
        shape: String,
    },
    TwoInferred {
        shape: String,
    },
    CannotInfer {
        shape: String,
        available: u64,
        item_size: usize,
    },
    NotWhole {
        available: u64,
        item_size: usize,
    },
    IndexCount {
        found: usize,
        ndim: usize,
    },
    Index {
        index: i64,
        axis: usize,
        len: u64,
    },
    Axis {
        axis: i64,
        ndim: usize,
    },
    AxisTwice {
        axis: usize,
    },
    SliceStep,
    ElementCount {
        found: String,
        expected: String,
    },
    Broadcast {
        left: String,
        right: String,
    },
    OutOfMemory {
        bytes: u64,
    },

    // format
    NotNpy {
        found: Vec<u8>,
    },
    NpyVersion {
        major: u8,
        minor: u8,
    },
    HeaderTruncated {
        file_len: u64,
        needed: u64,
    },
    HeaderTooLong {
        len: u64,
        limit: u64,
    },
    Header {
        at: usize,
        found: String,
        expected: &'static str,
    },
    HeaderKey {
        at: usize,
        key: String,
        problem: &'static str,
    },
    ShortData {
        found: u64,
        needed: u64,
        whole_rows: u64,
    },
    NpyVersionUnfit {
        major: u8,
        problem: &'static str,
    },
    OffsetPastEnd {
        offset: u64,
        file_len: u64,
    },

    // array
    WrongDType {
        found: String,
        expected: String,
    },
    WrongShape {
        found: String,
        expected: String,
    },
    ForeignOrder {
        dtype: String,
    },
    Misaligned {
        address: usize,
        align: usize,
    },
    Strided {
        strides: String,
        item_size: usize,
    },
    Exists,

    // ops, expr, eval
    NoLoop {
        operation: &'static str,
        dtypes: String,
    },
    Literal {
        literal: String,
        dtype: String,
    },
    Parse {
        column: usize,
        found: String,
        expected: String,
    },
    UnknownName {
        column: usize,
        name: String,
        known: String,
    },
    ArgumentCount {
        column: usize,
        function: String,
        found: usize,
        expected: String,
    },
    Unused {
        name: String,
    },
    EmptyReduction {
        operation: &'static str,
    },
    Constant {
        text: String,
        problem: &'static str,
    },
    TreeSize {
        depth: usize,
        size: usize,
    },
    OneAxis {
        operation: &'static str,
        found: usize,
    },
    Ddof {
        operation: &'static str,
    },
    Cancelled,
}

impl Error {
    pub(crate) fn new(problem: Problem) -> Error {
        Error(Box::new(Report {
            path: None,
            problem,
        }))
    }

    /// An operating-system error and what was being done.
    pub(crate) fn io(doing: &'static str, source: io::Error) -> Error {
        Error::new(Problem::Io { doing, source })
    }

    /// The same error, with the file it is about; the first path given stays.
    #[must_use]
    pub fn at(mut self, path: impl AsRef<Path>) -> Error {
        if self.0.path.is_none() {
            self.0.path = Some(path.as_ref().to_path_buf());
        }
        self
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        use ErrorKind as Kind;
        match &self.0.problem {
            Problem::Io { .. } | Problem::NotAFile { .. } | Problem::Exists => Kind::Io,
            Problem::OutOfMemory { .. } => Kind::Io,
            Problem::TooShort { .. }
            | Problem::TooBig { .. }
            | Problem::TooManyAxes { .. }
            | Problem::ItemSize { .. }
            | Problem::ItemTooBig { .. }
            | Problem::NotWhole { .. }
            | Problem::NotNpy { .. }
            | Problem::NpyVersion { .. }
            | Problem::HeaderTruncated { .. }
            | Problem::HeaderTooLong { .. }
            | Problem::Header { .. }
            | Problem::HeaderKey { .. }
            | Problem::ShortData { .. } => Kind::Malformed,
            Problem::ObjectDType
            | Problem::NoDescriptor { .. }
            | Problem::NpyVersionUnfit { .. }
            | Problem::NotANumber { .. }
            | Problem::NoPromise
            | Problem::ForeignOrder { .. }
            | Problem::Misaligned { .. }
            | Problem::Strided { .. } => Kind::Unsupported,
            Problem::DTypeText { .. }
            | Problem::NoPromotion { .. }
            | Problem::ShapeText { .. }
            | Problem::UnknownShape { .. }
            | Problem::TwoInferred { .. }
            | Problem::CannotInfer { .. }
            | Problem::SliceStep
            | Problem::ElementCount { .. }
            | Problem::Broadcast { .. }
            | Problem::WrongDType { .. }
            | Problem::WrongShape { .. }
            | Problem::NoLoop { .. }
            | Problem::Literal { .. }
            | Problem::OneAxis { .. }
            | Problem::EmptyReduction { .. } => Kind::Mismatch,
            Problem::MapRange { .. }
            | Problem::OffsetPastEnd { .. }
            | Problem::IndexCount { .. }
            | Problem::Index { .. }
            | Problem::Axis { .. }
            | Problem::AxisTwice { .. } => Kind::OutOfBounds,
            Problem::Parse { .. }
            | Problem::UnknownName { .. }
            | Problem::ArgumentCount { .. }
            | Problem::Constant { .. }
            | Problem::TreeSize { .. }
            | Problem::Ddof { .. }
            | Problem::Unused { .. } => Kind::Expression,
            Problem::ReadOnly => Kind::ReadOnly,
            Problem::Shared { .. } => Kind::InUse,
            Problem::Cancelled => Kind::Cancelled,
        }
    }

    /// The file it is about, if it is about one.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The error number of the operating system, if it came from there.
    pub fn os_error(&self) -> Option<i32> {
        match &self.0.problem {
            Problem::Io { source, .. } => source.raw_os_error(),
            Problem::Exists => Some(17),
            _ => None,
        }
    }

    /// Column of the expression, counted from 1, where it went wrong.
    pub fn column(&self) -> Option<usize> {
        match self.0.problem {
            Problem::Parse { column, .. }
            | Problem::UnknownName { column, .. }
            | Problem::ArgumentCount { column, .. } => Some(column).filter(|column| *column > 0),
            _ => None,
        }
    }

    /// One line on what to do about it, for a door to print after the message.
    pub fn hint(&self) -> Option<&'static str> {
        match &self.0.problem {
            Problem::ObjectDType => Some(
                "object arrays hold Python pickles, which can run code; save numbers or records instead",
            ),
            Problem::NoPromise => Some(
                "copy with `read`, or promise that nobody else changes the file: `array.promise(stable)`",
            ),
            Problem::ForeignOrder { .. } | Problem::Misaligned { .. } => {
                Some("copy with `to_native`")
            }
            Problem::ReadOnly => {
                Some("open it with mode `r+` to change the file, or `c` to change a private copy")
            }
            Problem::ShortData { .. } => Some("the file was cut short or is still being written"),
            Problem::Exists => Some("mode `w+` replaces a file, mode `x` never does"),
            _ => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Io { doing, source } => write!(f, "cannot {doing}: {source}"),
            Problem::NotAFile { found } => {
                write!(f, "not a regular file: found {found}, expected a file")
            }
            Problem::TooShort { file_len, needed } => write!(
                f,
                "mmap length is greater than file size: found {file_len} bytes, expected {needed}"
            ),
            Problem::ReadOnly => write!(f, "assignment destination is read-only"),
            Problem::Shared { holders } => write!(
                f,
                "memory is shared: found {holders} arrays on it, expected this one alone"
            ),
            Problem::NoPromise => write!(
                f,
                "cannot borrow the elements of a file that others may change: found no promise, \
                 expected `StableFiles`"
            ),
            Problem::MapRange {
                offset,
                len,
                region_len,
            } => write!(
                f,
                "range outside the mapping: found bytes {offset}..{}, expected at most {region_len}",
                offset.saturating_add(*len)
            ),

            Problem::ObjectDType => {
                write!(f, "object dtype: found `O`, expected plain data")
            }
            Problem::DTypeText { text, at, expected } => {
                write!(
                    f,
                    "not a dtype: found `{}` (at {at}), expected {expected}",
                    show(text)
                )
            }
            Problem::ItemSize { dtype } => {
                write!(
                    f,
                    "element of no bytes: found dtype `{dtype}`, expected at least 1 byte"
                )
            }
            Problem::ItemTooBig { dtype } => write!(
                f,
                "element too big: found dtype `{}`, expected at most {} bytes",
                show(dtype),
                i32::MAX
            ),
            Problem::NoDescriptor { dtype } => write!(
                f,
                "dtype cannot stand in a header: found `{}`, expected fields that follow each other",
                show(dtype)
            ),
            Problem::NotANumber { dtype } => write!(
                f,
                "cannot compute on this dtype: found `{dtype}`, expected bool, integer, float or \
                 complex"
            ),
            Problem::NoPromotion { left, right } => {
                write!(f, "no common dtype: found `{left}` and `{right}`")
            }

            Problem::TooBig { shape, item_size } => write!(
                f,
                "array too big: found shape {shape} of {item_size}-byte elements, expected at most \
                 {} bytes",
                isize::MAX
            ),
            Problem::TooManyAxes { found } => {
                write!(f, "too many axes: found {found}, expected at most 64")
            }
            Problem::ShapeText { text } => write!(
                f,
                "not a shape: found `{}`, expected whole numbers separated by commas, one of them \
                 -1 at most",
                show(text)
            ),
            Problem::UnknownShape { shape } => write!(
                f,
                "shape of a new file: found {shape}, expected every axis given"
            ),
            Problem::TwoInferred { shape } => {
                write!(
                    f,
                    "shape with more than one unknown: found {shape}, expected one -1"
                )
            }
            Problem::CannotInfer {
                shape,
                available,
                item_size,
            } => write!(
                f,
                "cannot infer the -1 of shape {shape}: found {available} bytes, expected a \
                 multiple of the other axes times {item_size}"
            ),
            Problem::NotWhole {
                available,
                item_size,
            } => write!(
                f,
                "Size of available data is not a multiple of the data-type size.: found \
                 {available} bytes, expected a multiple of {item_size}"
            ),
            Problem::IndexCount { found, ndim } => {
                write!(f, "wrong number of indices: found {found}, expected {ndim}")
            }
            Problem::Index { index, axis, len } => write!(
                f,
                "index out of bounds: found {index} for axis {axis}, expected -{len} to {}",
                *len as i128 - 1
            ),
            Problem::Axis { axis, ndim } => {
                write!(
                    f,
                    "axis out of bounds: found {axis}, expected an axis of {ndim}"
                )
            }
            Problem::AxisTwice { axis } => write!(f, "axis named twice: found {axis}"),
            Problem::SliceStep => write!(f, "slice step: found 0, expected another number"),
            Problem::ElementCount { found, expected } => {
                write!(
                    f,
                    "wrong number of elements: found {found}, expected {expected}"
                )
            }
            Problem::Broadcast { left, right } => {
                write!(
                    f,
                    "shapes do not broadcast together: found {left} and {right}"
                )
            }
            Problem::OutOfMemory { bytes } => {
                write!(f, "not enough memory: found no room for {bytes} bytes")
            }

            Problem::NotNpy { found } => write!(
                f,
                "not a .npy file: found {}, expected `\\x93NUMPY` at byte 0",
                if found.is_empty() {
                    "nothing".into()
                } else {
                    format!("`{}`", found.escape_ascii())
                }
            ),
            Problem::NpyVersion { major, minor } => write!(
                f,
                "unknown .npy version at byte 6: found {major}.{minor}, expected 1.0, 2.0 or 3.0"
            ),
            Problem::HeaderTruncated { file_len, needed } => write!(
                f,
                "truncated header: found {file_len} bytes, expected at least {needed}"
            ),
            Problem::HeaderTooLong { len, limit } => {
                write!(
                    f,
                    "header too long at byte 8: found {len} bytes, expected at most {limit}"
                )
            }
            Problem::Header {
                at,
                found,
                expected,
            } => {
                write!(
                    f,
                    "bad header at byte {at}: found {}, expected {expected}",
                    show(found)
                )
            }
            Problem::HeaderKey { at, key, problem } => {
                write!(f, "bad header at byte {at}: key `{}` {problem}", show(key))
            }
            Problem::ShortData {
                found,
                needed,
                whole_rows,
            } => write!(
                f,
                "data cut short: found {found} bytes ({whole_rows} whole rows), expected {needed}"
            ),
            Problem::NpyVersionUnfit { major, problem } => {
                write!(
                    f,
                    "header does not fit into .npy version {major}.0: {problem}"
                )
            }
            Problem::OffsetPastEnd { offset, file_len } => write!(
                f,
                "offset past the end of the file: found {offset}, expected at most {file_len}"
            ),

            Problem::WrongDType { found, expected } => {
                write!(f, "wrong dtype: found `{found}`, expected `{expected}`")
            }
            Problem::WrongShape { found, expected } => {
                write!(f, "wrong shape: found {found}, expected {expected}")
            }
            Problem::ForeignOrder { dtype } => write!(
                f,
                "foreign byte order: found `{dtype}`, expected the order of this machine"
            ),
            Problem::Misaligned { address, align } => write!(
                f,
                "misaligned elements: found address {address:#x}, expected a multiple of {align}"
            ),
            Problem::Strided { strides, item_size } => write!(
                f,
                "elements lie too irregularly to be borrowed: found strides {strides}, expected \
                 multiples of {item_size}"
            ),
            Problem::Exists => write!(f, "file exists: expected a new name"),

            Problem::NoLoop { operation, dtypes } => {
                write!(f, "`{operation}` is not defined for {dtypes}")
            }
            Problem::Literal { literal, dtype } => {
                write!(
                    f,
                    "number out of bounds: found {literal}, expected a value of `{dtype}`"
                )
            }
            Problem::Parse {
                column,
                found,
                expected,
            } => {
                write!(f, "column {column}: found {found}, expected {expected}")
            }
            Problem::UnknownName {
                column,
                name,
                known,
            } => {
                write!(
                    f,
                    "{}unknown name `{}`, expected {known}",
                    place(*column),
                    show(name)
                )
            }
            Problem::ArgumentCount {
                column,
                function,
                found,
                expected,
            } => write!(
                f,
                "{}wrong number of arguments for `{function}`: found {found}, expected {expected}",
                place(*column)
            ),
            Problem::Unused { name } => {
                write!(
                    f,
                    "array `{}` is given but not used in the expression",
                    show(name)
                )
            }
            Problem::EmptyReduction { operation } => {
                write!(f, "`{operation}` of no elements has no value")
            }
            Problem::Constant { text, problem } => {
                write!(f, "cannot compute `{}`: {problem}", show(text))
            }
            Problem::TreeSize { depth, size } => write!(
                f,
                "expression too large: found {depth} operations inside each other and {size} in \
                 all, expected at most 500 and 65536"
            ),
            Problem::OneAxis { operation, found } => {
                write!(
                    f,
                    "wrong number of axes for `{operation}`: found {found}, expected one"
                )
            }
            Problem::Ddof { operation } => {
                write!(f, "`ddof` given to `{operation}`, expected `var` or `std`")
            }
            Problem::Cancelled => write!(f, "stopped on request"),
        }
    }
}

/// Where in an expression, if it was read from text.
fn place(column: usize) -> String {
    if column == 0 {
        String::new()
    } else {
        format!("column {column}: ")
    }
}

/// A text that came from outside, safe to print and not too long.
fn show(text: &str) -> String {
    const LIMIT: usize = 80;
    let mut shown = String::new();
    for character in text.chars().take(LIMIT) {
        match character {
            '\'' | '"' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    if text.chars().nth(LIMIT).is_some() {
        shown.push('…');
    }
    shown
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = self.path() {
            write!(f, "{}: ", show(&path.to_string_lossy()))?;
        }
        self.0.problem.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}, {self})", self.kind())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.problem {
            Problem::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
