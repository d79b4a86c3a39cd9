//! How do failures of array files read?
//!
//! Those that are about bytes of one format; the others are in `message.rs`, and the form is the same.
//!
//! Knows: problems. Must not know: anything else.

use std::fmt;

use super::Problem;
use super::message::show;

/// Writes what `message.rs` hands over.
pub(super) fn write(problem: &Problem, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match problem {
        Problem::TensorsHeader { len, limit } => write!(
            f,
            "header too long at byte 0: found {len} bytes, expected at most {limit}"
        ),
        Problem::TensorPlace {
            name,
            begin,
            end,
            expected,
        } => write!(
            f,
            "bad place of tensor `{}`: found bytes {begin} to {end} of the data, expected \
             {expected}",
            show(name)
        ),
        Problem::TensorsEnd { found, expected } => write!(
            f,
            "tensors do not end with the file: found {found} bytes, expected {expected}"
        ),
        Problem::TensorName { name } => write!(
            f,
            "bad name in a safetensors file: found `{}`, expected a name of its own that is \
             not `__metadata__`",
            show(name)
        ),
        Problem::PartOfAByte { dtype } => write!(
            f,
            "elements smaller than a byte: found dtype `{dtype}`, expected whole bytes"
        ),
        Problem::SidecarVersion { found } => write!(
            f,
            "unknown version of the description beside a raw file: found {found}, expected 1"
        ),
        Problem::SidecarValue {
            key,
            found,
            expected,
        } => write!(
            f,
            "bad value of `{}` in an ENVI header: found `{}`, expected {expected}",
            show(key),
            show(found)
        ),
        Problem::WavCode { code, bytes } => write!(
            f,
            "samples that are no plain numbers: found code {code} with {bytes} bytes, expected \
             1 (whole numbers) or 3 (floats)"
        ),
        Problem::Marker {
            record,
            at,
            found,
            expected,
        } => write!(
            f,
            "bad marker of record {record} at byte {at}: found {found}, expected {expected}"
        ),
        Problem::RecordLength {
            record,
            found,
            expected,
        } => write!(
            f,
            "records of several lengths: found {found} bytes in record {record}, expected \
             {expected} as in the first"
        ),
        Problem::NotForOne { format } => write!(
            f,
            "no format to move an array into: found {format}, expected npy or raw"
        ),
        Problem::ForeignDType { dtype, format } => write!(
            f,
            "dtype cannot stand in a {format} file: found `{dtype}`, expected one of the \
             format's own"
        ),
        Problem::FitsCard {
            at,
            keyword,
            found,
            expected,
        } => write!(
            f,
            "bad card at byte {at}: found `{}` for {}, expected {expected}",
            show(found),
            show(keyword)
        ),
        Problem::FitsMissing { at, keyword } => write!(
            f,
            "bad header at byte {at}: found no card `{}`, expected one",
            show(keyword)
        ),
        Problem::FitsTwice { at, keyword } => write!(
            f,
            "bad card at byte {at}: found `{}` again later, expected it once",
            show(keyword)
        ),
        Problem::FitsNoEnd { at, read } => write!(
            f,
            "header without an end at byte {at}: found no card `END` in {read} bytes"
        ),
        Problem::FitsKind { found } => write!(
            f,
            "HDU of another kind: found {}, expected an image or a binary table",
            show(found)
        ),
        Problem::FitsChanged => write!(
            f,
            "the header of the file was changed meanwhile, expected the one that was read"
        ),
        Problem::FitsCompressed => write!(
            f,
            "compressed in tiles: found a binary table of pieces, expected a plain image"
        ),
        Problem::FitsNoData { number } => write!(
            f,
            "HDU without data: found NAXIS = 0 in HDU {number}, expected an image or a table"
        ),
        Problem::FitsValue {
            keyword,
            found,
            expected,
        } => write!(
            f,
            "not for a card `{}`: found `{}`, expected {expected}",
            show(keyword),
            show(found)
        ),
        Problem::FitsNoRoom { needed, found } => write!(
            f,
            "no room for the header: found {found} bytes, expected {needed}"
        ),
        Problem::FitsStructure { keyword } => write!(
            f,
            "card `{}` says how the data lies: expected it as it is in the file",
            show(keyword)
        ),
        Problem::FitsDType { dtype } => write!(
            f,
            "cannot be an image: found dtype `{dtype}`, expected integers, `float32` or `float64`"
        ),
        Problem::FitsAxes => write!(
            f,
            "cannot be an image: found a single element, expected an axis at least"
        ),
        Problem::FitsName { name, place } => write!(
            f,
            "no name for an image: found `{}`, which is the place of another, expected `{place}` or \
             a text",
            show(name)
        ),
        Problem::FitsNameKnown { name } => write!(
            f,
            "name is taken: found `{}` twice, expected names that differ in more than capitals",
            show(name)
        ),
        Problem::Scaled { stored } => write!(
            f,
            "numbers are stored scaled: found `{stored}` with BSCALE, BZERO or BLANK, expected \
             numbers as they are"
        ),
        Problem::Gzipped => write!(f, "compressed file: found gzip, expected a plain one"),
        Problem::NotZip => write!(
            f,
            "not a zip archive: found no end record, expected `PK\\5\\6` near the end of the file"
        ),
        Problem::ZipField {
            at,
            field,
            found,
            expected,
        } => write!(
            f,
            "zip archive contradicts itself (at byte {at}): found {field} {}, expected {}",
            show(found),
            show(expected)
        ),
        Problem::MemberTwice { name } => write!(
            f,
            "two members of one name: found `{}` again, expected it once",
            show(name)
        ),
        Problem::MemberOverlap { name, other } => write!(
            f,
            "members overlap: found `{}` reaching into `{}`, expected bytes of its own",
            show(name),
            show(other)
        ),
        Problem::Encrypted { name } => write!(
            f,
            "encrypted member: found `{}`, expected one that anybody can read",
            show(name)
        ),
        Problem::Compression { name, method } => write!(
            f,
            "unknown compression of `{}`: found method {method}, expected 0 (stored) or 8 \
             (deflated)",
            show(name)
        ),
        Problem::Compressed {
            name,
            packed,
            plain,
        } => write!(
            f,
            "cannot map compressed data: found `{}` of {plain} bytes in {packed}, expected it \
             stored as it is",
            show(name)
        ),
        Problem::InflateLimit { name, plain, limit } => write!(
            f,
            "too much to inflate: found {plain} bytes in `{}`, expected at most {limit}",
            show(name)
        ),
        Problem::Inflate { name, plain } => write!(
            f,
            "damaged compressed data: found no more of `{}`, expected {plain} bytes and the end",
            show(name)
        ),
        Problem::Deflate => write!(f, "cannot compress: the library for it refuses"),
        Problem::Checksum {
            name,
            found,
            expected,
        } => write!(
            f,
            "wrong checksum of `{}`: found {found:08x}, expected {expected:08x}",
            show(name)
        ),
        Problem::MemberNotNpy { name, found } => write!(
            f,
            "member `{}` is not a .npy file: found {}, expected `\\x93NUMPY` at its begin",
            show(name),
            match found.is_empty() {
                true => "nothing".into(),
                false => format!("`{}`", found.escape_ascii()),
            }
        ),
        Problem::MemberKnown { name } => write!(
            f,
            "name is taken: found `{}` in the archive, expected another",
            show(name)
        ),
        Problem::MemberName { name } => write!(
            f,
            "not a name for a file in a folder: found `{}`, expected a relative one that stays \
             inside, of at most 65535 bytes",
            show(name)
        ),
        Problem::WavPacked => write!(
            f,
            "samples of 24 bits cannot be mapped as numbers: found 3 bytes each, expected to be \
             asked for a copy with 4"
        ),
        Problem::NotForSeveral { format } => write!(
            f,
            "several arrays for one file: found format {format}, expected npz, safetensors or fits"
        ),
        Problem::NotAdded { found, other } => write!(
            f,
            "nothing is added to files of this format: found `{}` for a file that holds `{}`, \
             expected the name of a new file",
            show(found),
            show(other)
        ),
        Problem::NotOneArray { format } => write!(
            f,
            "an array cannot become such a file: found format {format}, expected npy or raw"
        ),
        Problem::Alignment { found } => write!(
            f,
            "not an alignment: found {found}, expected a power of two, at most 32768"
        ),
        // `message.rs` names the variants that it hands over, and each of them is above.
        _ => Ok(()),
    }
}
