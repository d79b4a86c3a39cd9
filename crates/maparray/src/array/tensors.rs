//! How do named tensors come from a safetensors file, and go into one?
//!
//! Knows: errors, dtypes, layouts, formats, maps. Must not know: operations, expressions.

use std::collections::BTreeMap;
use std::path::Path;

use super::MemMapArray;
use crate::crew::{Crew, callers_watch};
use crate::dtype::{ByteOrder, DType};
use crate::error::Result;
use crate::format::safetensors::{self, Tensors};
use crate::layout::Walk;
use crate::map::{Allocate, Existing, FOLIO, Flush, Mode, NewFile, OpenFile};

/// Reads the header of a safetensors file, and checks it against the file's length.
pub(super) fn read_tensors(file: &OpenFile) -> Result<Tensors> {
    let file_len = file.len_when_opened();
    let mut start = vec![0; 8];
    let count = file.read_at(0, &mut start)?;
    start.truncate(count);
    // No more than the file has.
    start.resize(safetensors::start_len(&start, file_len)?, 0);
    let count = file.read_at(0, &mut start)?;
    start.truncate(count);
    safetensors::parse(&start, file_len)
}

/// The texts that a safetensors file holds beside its tensors.
///
/// # Errors
/// `Io` if it cannot be read, `Malformed` if it is no such file.
///
/// ```
/// use maparray::{MemMapArray, safetensors_metadata, save_safetensors};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("model.safetensors");
/// let weights = MemMapArray::from_slice(&[1.5_f32, 2.5]);
/// save_safetensors(&path, &[("weights", &weights)], &[("format", "np")])?;
/// assert_eq!(safetensors_metadata(&path)?["format"], "np");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn safetensors_metadata(path: impl AsRef<Path>) -> Result<BTreeMap<String, String>> {
    let path = path.as_ref();
    let file = OpenFile::open(path, Mode::Read)?;
    let read = read_tensors(&file).map_err(|error| error.at(path))?;
    Ok(read.metadata.into_iter().collect())
}

/// Writes named arrays and texts into a new safetensors file, whole and durable or not at all: it
/// replaces a file of that name in one step, also one that the arrays map.
///
/// The bytes are those that the reference implementation writes; texts are sorted by name. Arrays come
/// to lie in C order and little-endian, whatever they are. Units are not kept: the format has no place
/// for them.
///
/// # Errors
/// `Unsupported` for dtypes that the format has not, `Mismatch` for names that are there twice, `Io` if
/// the file cannot be written; an old file of that name is then still there.
///
/// ```
/// use maparray::{MemMapArray, Mode, save_safetensors};
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("model.safetensors");
/// let weights = MemMapArray::from_slice(&[1.5_f32, 2.5]);
/// let steps = MemMapArray::from_slice(&[7_i64]);
/// save_safetensors(&path, &[("layer.0.weight", &weights), ("steps", &steps)], &[])?;
/// let address = format!("{}:layer.0.weight[1:]", path.display());
/// assert_eq!(MemMapArray::open(address, Mode::Read)?.to_vec::<f32>()?, [2.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn save_safetensors(
    path: impl AsRef<Path>,
    arrays: &[(&str, &MemMapArray)],
    metadata: &[(&str, &str)],
) -> Result<()> {
    let path = path.as_ref();
    save(path, arrays, metadata, Existing::Replace).map_err(|error| error.at(path))
}

pub(super) fn save(
    path: &Path,
    arrays: &[(&str, &MemMapArray)],
    metadata: &[(&str, &str)],
    existing: Existing,
) -> Result<()> {
    let tensors: Vec<(&str, &DType, &[usize])> = arrays
        .iter()
        .map(|(name, array)| (*name, array.dtype(), array.shape()))
        .collect();
    let (start, places) = safetensors::write(&tensors, metadata)?;
    let byte_len = |array: &MemMapArray| array.byte_len() as u64;
    let bytes: u64 = arrays.iter().map(|(_, array)| byte_len(array)).sum();
    let len = start.len() as u64 + bytes;
    let new = NewFile::create(path, len, existing, Allocate::Full)?;
    new.write_at(0, &start)?;
    let crew = Crew::new(1, bytes, callers_watch());
    crew.run(
        1,
        || Ok(vec![0; FOLIO]),
        |_, buffer, member| {
            for place in &places {
                let array = arrays[place.index].1;
                write_tensor(&new, place.offset, array, buffer, |bytes| {
                    member.advance(bytes)
                })?;
            }
            Ok(())
        },
    )?;
    new.commit(Flush::Durable)
}

/// Writes the elements of one array from a byte of the file on.
fn write_tensor(
    new: &NewFile,
    offset: u64,
    array: &MemMapArray,
    buffer: &mut [u8],
    mut wrote: impl FnMut(u64) -> Result<()>,
) -> Result<()> {
    let item = array.dtype().size().max(1);
    let walk = Walk::new(array.layout());
    let source = array.source();
    let most = buffer.len() / item;
    let mut start = 0;
    while start < array.len() {
        let count = most.min(array.len() - start);
        let bytes = &mut buffer[..count * item];
        source.load(&walk, start, bytes)?;
        swap_to_little(array.dtype(), bytes);
        new.write_at(offset + (start * item) as u64, bytes)?;
        wrote(bytes.len() as u64)?;
        start += count;
    }
    Ok(())
}

/// Native elements as the file keeps them.
fn swap_to_little(dtype: &DType, bytes: &mut [u8]) {
    if let Some(scalar) = dtype.scalar() {
        DType::Number(scalar, ByteOrder::Little).swap_to_native(bytes);
    }
}
