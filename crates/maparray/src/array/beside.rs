//! Which small file says what a raw one holds?
//!
//! `name.json` of ours, else the ENVI header `name.hdr`, or `stem.hdr` for `stem.raw`. What is not of these
//! formats does not count.
//!
//! Knows: errors, formats, maps. Must not know: operations, expressions.

use std::path::{Path, PathBuf};

use super::{Inflate, MemMapArray, unit};
use crate::error::{Error, Problem, Result};
use crate::format::raw::{self, Raw};
use crate::format::wav::{self, Sound};
use crate::format::{Header, envi, sidecar};
use crate::map::{Allocate, Existing, Flush, Mode, NewFile, OpenFile, Region};
use crate::unit::Unit;

/// Samples that are widened at once.
const SAMPLES: u64 = 1 << 16;

fn named(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// What the file beside a raw one says; `None` if there is none.
pub(super) fn said_beside(path: &Path) -> Result<Option<Header>> {
    type Parse = fn(&[u8]) -> Result<Option<Header>>;
    let places: [(PathBuf, Parse); 3] = [
        (named(path, ".json"), sidecar::parse),
        (named(path, ".hdr"), envi::parse),
        (path.with_extension("hdr"), envi::parse),
    ];
    for (place, parse) in places {
        if place == path || !place.is_file() {
            continue;
        }
        let read = || parse(&whole_text(&place)?);
        if let Some(header) = read().map_err(|error| error.at(&place))? {
            return Ok(Some(header));
        }
    }
    Ok(None)
}

fn whole_text(path: &Path) -> Result<Vec<u8>> {
    let file = OpenFile::open(path, Mode::Read)?;
    let (len, limit) = (file.len()?, sidecar::LIMIT as u64);
    if len > limit {
        return Err(Error::new(Problem::TensorsHeader { len, limit }));
    }
    let mut text = vec![0; len as usize];
    let count = file.read_at(0, &mut text)?;
    text.truncate(count);
    Ok(text)
}

/// Copies samples of three bytes as numbers of four.
pub(super) fn widen(file: &OpenFile, sound: &Sound, how: &Inflate) -> Result<MemMapArray> {
    let numbers = sound.numbers();
    sound.header.check_len(file.len()?)?;
    let (stored, plain) = (sound.header.byte_len()?, numbers.byte_len()?);
    // No more than the file has, and a third: only a limit that was set holds.
    if let Some(limit) = how.most.filter(|limit| plain > *limit) {
        let name = "data".into();
        return Err(Error::new(Problem::InflateLimit { name, plain, limit }));
    }
    let mut array = how.room(&numbers)?;
    let writer = Region::writer(&mut array.region)?;
    let (mut packed, mut out) = (vec![], vec![]);
    let mut done = 0;
    while done < stored {
        packed.resize((stored - done).min(SAMPLES * 3) as usize, 0);
        let found = file.read_at(sound.header.data_offset + done, &mut packed)?;
        if found < packed.len() {
            let (found, needed) = (done + found as u64, stored);
            return Err(Error::new(Problem::ShortData {
                found,
                needed,
                whole_rows: 0,
            }));
        }
        out.resize(packed.len() / 3 * 4, 0);
        sound.widen(&packed, &mut out);
        writer.write(done as usize / 3 * 4, &out)?;
        done += packed.len() as u64;
    }
    Ok(array)
}

/// What a WAV file holds.
pub(super) fn read_wav(file: &OpenFile) -> Result<Sound> {
    wav::parse(|at, count| {
        let mut bytes = vec![0; count];
        let found = file.read_at(at, &mut bytes)?;
        bytes.truncate(found);
        Ok(bytes)
    })
}

/// Writes down, in a small file beside a raw one, what it holds, so that it opens from then on without
/// being told. Gives the name of that file, `name.json`.
///
/// # Errors
/// As [`MemMapArray::open_raw`](crate::MemMapArray::open_raw); `Unsupported` for a dtype whose text does
/// not read as the same.
///
/// ```
/// use maparray::{DType, MemMapArray, Mode, Order, Raw, write_sidecar};
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("frame.bin");
/// std::fs::write(&path, [0, 0, 1, 0, 2, 0])?;
/// let raw = Raw { dtype: "<u2".parse()?, shape: None, order: Order::C, offset: 2 };
/// write_sidecar(&path, &raw, Some(&"adu".parse()?))?;
/// let array = MemMapArray::open(&path, Mode::Read)?;
/// assert_eq!(array.to_vec::<u16>()?, [1, 2]);
/// assert_eq!(array.unit(), Some(&"adu".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_sidecar(path: impl AsRef<Path>, raw: &Raw, unit: Option<&Unit>) -> Result<PathBuf> {
    let path = path.as_ref();
    let place = named(path, ".json");
    let describe = || {
        let file_len = OpenFile::open(path, Mode::Read)?.len()?;
        let header = raw::header(raw, file_len)?;
        header.check_len(file_len)?;
        let unit = unit::text_of(unit);
        sidecar::write(&Header { unit, ..header })
    };
    let text = describe().map_err(|error: Error| error.at(path))?;
    let write = || {
        let len = text.len() as u64;
        let new = NewFile::create(&place, len, Existing::Replace, Allocate::Full)?;
        new.write_at(0, text.as_bytes())?;
        new.commit(Flush::Durable)
    };
    write().map_err(|error: Error| error.at(&place))?;
    Ok(place)
}
