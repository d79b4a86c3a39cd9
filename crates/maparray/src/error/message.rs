//! How do failures read?
//!
//! Every message of the library is written here, in one form:
//! `what was wrong: found x, expected y`.
//!
//! Knows: problems. Must not know: anything else.

use std::fmt;

use super::Problem;
use super::formats;

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
            Problem::Empty => write!(f, "the container is empty: found no array, expected one"),
            Problem::NoFile => write!(f, "the array is in memory: found no file to move"),
            Problem::OtherDisk => write!(f, "the new name is on another file system"),
            Problem::FilenameLocked { found, locked } => {
                write!(f, "Filename locked: found {found:?}, expected {locked:?}")
            }
            Problem::OtherFile => write!(
                f,
                "the name belongs to another file by now, expected the one that is mapped"
            ),
            Problem::NameGone => write!(
                f,
                "the name is gone: found no file there, expected the one that is mapped"
            ),
            Problem::HeaderGone => write!(
                f,
                "the header is gone: found other bytes at the begin of the file, expected a `.npy` header"
            ),
            Problem::NotOurs => write!(
                f,
                "the file was not made by this array, so that it is not for it to remove"
            ),
            Problem::NoPromise => write!(
                f,
                "cannot borrow the elements of a file that others may change: found no promise, \
                 expected `StableFiles`"
            ),
            Problem::Growing => write!(
                f,
                "the file is growing: found another writer's lock, expected none"
            ),
            Problem::LostGrowth => write!(
                f,
                "an earlier growth may not be on the disk: found a sync that failed"
            ),
            Problem::CannotGrow { found } => write!(
                f,
                "the file cannot change its rows: found {found}, expected all of a `.npy` or raw \
                 file with axes"
            ),
            Problem::Offsets { item, found, rows } => write!(
                f,
                "item {item} is not among the values: found rows {found}, expected some of {rows}"
            ),
            Problem::RestlessHeader => write!(
                f,
                "the header changes while it is read: found no two readings that are equal"
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
            Problem::StrideCount { found, ndim } => write!(
                f,
                "wrong number of strides: found {found}, expected {ndim}, one for each axis"
            ),
            Problem::Reach {
                low,
                high,
                region_len,
            } => write!(
                f,
                "elements outside the memory: found bytes {low} to {high}, expected 0 to {region_len}"
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
            Problem::PicksText { text } => write!(
                f,
                "not a part of an array: found `[{}]`, expected positions and ranges such as \
                 `[0:5, :, -1]`",
                show(text)
            ),
            Problem::SeveralArrays { found: 0, .. } => {
                write!(f, "no array in the file: found none, expected one")
            }
            Problem::SeveralArrays { found, names } => write!(
                f,
                "several arrays in the file: found {found} ({names}), expected the name of one \
                 behind the name of the file and a colon"
            ),
            Problem::NotAlone { format } => write!(
                f,
                "files of this format are not written array by array: found {format}"
            ),
            Problem::NoSuchArray { key, names } => write!(
                f,
                "no such array in the file: found `{}`, expected one of {names}",
                show(key)
            ),
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
            Problem::NoRoomInHeader { found, needed } => write!(
                f,
                "no room in the header for so many rows: found {found} blanks, expected {needed}"
            ),
            Problem::TornHeader { at } => write!(
                f,
                "a power cut could tear the header: found the number of rows on both sides of byte \
                 {at}, expected it in one sector of the disk"
            ),
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
            Problem::UnitText {
                text,
                column,
                found,
                expected,
            } => write!(
                f,
                "unit `{}`, column {column}: found {}, expected {expected}",
                show(text),
                show(found)
            ),
            Problem::UnitName {
                text,
                column,
                name,
                format,
                near,
            } => {
                write!(
                    f,
                    "unit `{}`, column {column}: unknown unit `{}`, expected ",
                    show(text),
                    show(name)
                )?;
                match near.as_slice() {
                    [] => write!(f, "one of the {format} spelling"),
                    near => write!(f, "`{}`", near.join("` or `")),
                }
            }
            Problem::UnitPower { found } => write!(
                f,
                "power of a unit: found {}, expected a fraction of 32-bit integers",
                show(found)
            ),
            Problem::UnitScale { found } => write!(
                f,
                "scale of a unit: found {found}, expected a finite number other than 0"
            ),
            Problem::UnitSpelling {
                unit,
                format,
                found,
                expected,
            } => write!(
                f,
                "cannot write unit `{}` for {format}: found {found}, expected {expected}",
                show(unit)
            ),
            Problem::UnlikeUnits { left, right } => write!(
                f,
                "units do not measure the same: found {} and {}",
                measure(left),
                measure(right)
            ),
            Problem::UnitOperand {
                operation,
                found,
                expected,
            } => write!(
                f,
                "units of `{operation}`: found {}, expected {}",
                show(found),
                show(expected)
            ),
            Problem::UnitExponent { unit } => write!(
                f,
                "power of the unit `{}`: found an exponent that only values tell, expected a \
                 constant fraction",
                show(unit)
            ),
            Problem::UnitOfTime { unit, dtype } => write!(
                f,
                "unit of dates or durations: found `{}`, expected none beside dtype `{dtype}`",
                show(unit)
            ),

            Problem::Alignment { .. }
            | Problem::Checksum { .. }
            | Problem::Compressed { .. }
            | Problem::Compression { .. }
            | Problem::Deflate
            | Problem::Encrypted { .. }
            | Problem::FitsCard { .. }
            | Problem::FitsChanged
            | Problem::FitsCompressed
            | Problem::FitsAxes
            | Problem::FitsName { .. }
            | Problem::FitsNameKnown { .. }
            | Problem::FitsDType { .. }
            | Problem::FitsKind { .. }
            | Problem::FitsMissing { .. }
            | Problem::FitsNoData { .. }
            | Problem::FitsNoEnd { .. }
            | Problem::FitsNoRoom { .. }
            | Problem::FitsStructure { .. }
            | Problem::FitsTwice { .. }
            | Problem::FitsValue { .. }
            | Problem::ForeignDType { .. }
            | Problem::Gzipped
            | Problem::Inflate { .. }
            | Problem::InflateLimit { .. }
            | Problem::Marker { .. }
            | Problem::MemberNotNpy { .. }
            | Problem::MemberKnown { .. }
            | Problem::MemberName { .. }
            | Problem::MemberOverlap { .. }
            | Problem::MemberTwice { .. }
            | Problem::NotForOne { .. }
            | Problem::NotOneArray { .. }
            | Problem::NotAdded { .. }
            | Problem::NotForSeveral { .. }
            | Problem::WavPacked
            | Problem::NotZip
            | Problem::PartOfAByte { .. }
            | Problem::RecordLength { .. }
            | Problem::Scaled { .. }
            | Problem::SidecarValue { .. }
            | Problem::SidecarVersion { .. }
            | Problem::TensorName { .. }
            | Problem::TensorPlace { .. }
            | Problem::TensorsEnd { .. }
            | Problem::TensorsHeader { .. }
            | Problem::WavCode { .. }
            | Problem::ZipField { .. } => formats::write(self, f),
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

/// A unit in a sentence.
fn measure(unit: &str) -> String {
    match unit.is_empty() {
        true => "plain numbers".into(),
        false => format!("`{}`", show(unit)),
    }
}
