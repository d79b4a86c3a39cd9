//! Which failures are there, and how do they read?
//!
//! Every message of the library is written here, in one form:
//! `what was wrong: found x, expected y`.
//!
//! Knows: nothing. Must not know: anything.

use std::fmt;
use std::io;

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
    Overlapping {
        strides: String,
    },
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
    SameOutput {
        first: String,
        second: String,
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
    NegativePower,
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
    Keyword {
        keyword: &'static str,
        operation: &'static str,
    },
    MaskDType {
        found: String,
    },
    MaskWithoutInitial {
        operation: &'static str,
    },
    AllNan {
        operation: &'static str,
    },
    Parameter {
        function: &'static str,
        name: String,
        found: String,
        expected: String,
    },
    Inner {
        left: String,
        right: String,
    },
    UnknownLength {
        operation: &'static str,
    },
    Cancelled,
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
            Problem::Overlapping { strides } => write!(
                f,
                "elements share bytes and cannot be written: found strides {strides}, expected \
                 bytes of its own for each element"
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
                "size of available data is not a multiple of the data-type size: found \
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
            Problem::SameOutput { first, second } => write!(
                f,
                "two outputs are one file: found `{}` and `{}`, expected a file for each",
                show(first),
                show(second)
            ),
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
            Problem::NegativePower => write!(
                f,
                "integers to negative integer powers are not allowed: found an exponent below 0"
            ),
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
            Problem::Keyword { keyword, operation } => {
                write!(f, "`{operation}` does not take `{keyword}`")
            }
            Problem::MaskDType { found } => {
                write!(f, "wrong dtype of `where`: found {found}, expected bool")
            }
            Problem::MaskWithoutInitial { operation } => write!(
                f,
                "`{operation}` of no elements has no value: found `where` alone, expected `initial` \
                 beside it"
            ),
            Problem::AllNan { operation } => write!(
                f,
                "`nan{operation}` of nothing but NaN has no value: found such a slice"
            ),
            Problem::Parameter {
                function,
                name,
                found,
                expected,
            } => write!(
                f,
                "`{}` of `{function}`: found {}, expected {expected}",
                show(name),
                show(found)
            ),
            Problem::Inner { left, right } => write!(
                f,
                "matrices do not fit together: found {left} and {right}, expected the last axis of \
                 one to be as long as the last but one of the other"
            ),
            Problem::UnknownLength { operation } => write!(
                f,
                "`{operation}` inside an expression: found a length that only values tell, expected \
                 it on top"
            ),
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
pub(super) fn show(text: &str) -> String {
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
