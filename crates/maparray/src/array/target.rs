//! Where does a new array go?
//!
//! To a file of its own, or by a name into one that may hold several: `out.npz:x`, `out.safetensors:w`,
//! `out.fits:MASK`. An archive that is there gets one array more; other files are only made.
//!
//! Knows: errors, formats, maps. Must not know: operations, expressions.

use std::path::{Path, PathBuf};

use super::archive::{NewArchive, SaveNpz, append_npz, check_new};
use super::contents::Contents;
use super::{Create, MemMapArray, save_fits};
use crate::dtype::{ByteOrder, DType};
use crate::error::{Error, Problem, Result};
use crate::format::{Format, Header, safetensors};
use crate::layout::Order;
use crate::map::{Existing, Mode, NewFile, OpenFile};
use crate::unit::Unit;

/// The name that NumPy gives to an array that has none.
const UNNAMED: &str = "arr_0";

/// A file to be made, or a place in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    /// The name of the array, if one is given.
    pub(super) name: Option<String>,
}

impl Place {
    /// What a text means, if a format is asked for or not: the name of a file ends at the first colon
    /// behind the ending of a format that names its arrays.
    pub(super) fn parse(path: &Path, format: Option<Format>) -> Place {
        let whole = || Place {
            path: path.to_path_buf(),
            name: None,
        };
        let Some(text) = path.to_str().filter(|text| text.contains(':')) else {
            return whole();
        };
        if path.exists() || format.is_some_and(|format| !names_arrays(format)) {
            return whole();
        }
        let mut ends = text.match_indices(':').map(|(at, _)| at);
        let end = ends.find(|&at| Format::of_name(&text[..at]).is_some_and(names_arrays));
        match end {
            Some(at) => Place {
                path: text[..at].into(),
                name: Some(text[at + 1..].to_owned()),
            },
            None => whole(),
        }
    }
}

/// Whether arrays have names in files of this format.
pub(super) fn names_arrays(format: Format) -> bool {
    matches!(format, Format::Npz | Format::Safetensors | Format::Fits)
}

/// What is to be done when all elements are there.
pub(super) enum Ending {
    /// Nothing.
    Whole,
    /// The checksum and the directory of a new archive.
    Archive(NewArchive),
    /// The file, which will have no name, becomes an array of this name of the archive that is there.
    Added(String),
}

/// A file that was begun, and what is still to be done.
pub(super) struct Begun {
    pub(super) file: NewFile,
    pub(super) ending: Ending,
}

/// Begins a new file of an array, or of one array more for an archive; the header says from then on
/// where the elements begin and how they are stored.
pub(super) fn begin(
    place: &Place,
    header: &mut Header,
    unit: Option<&Unit>,
    options: &Create,
) -> Result<Begun> {
    let Place { path, name } = place;
    let there = name.is_some() && path.exists();
    let name = name.as_deref();
    let mut existing = options.existing;
    let (at, start, ending) = match header.format {
        Format::Npz if there => {
            let name = name.unwrap_or(UNNAMED);
            check_new(path, name)?;
            header.format = Format::Npy;
            // Of this file only the elements are wanted: it takes no other's place.
            existing = Existing::Replace;
            (0, header.begin()?, Ending::Added(name.to_owned()))
        }
        Format::Npz => {
            // Who names an array does not mean to replace others.
            existing = name.map_or(existing, |_| Existing::Refuse);
            let (at, start, archive) = NewArchive::new(name.unwrap_or(UNNAMED), header)?;
            (at, start, Ending::Archive(archive))
        }
        Format::Safetensors => {
            check_alone(there, path, name, existing)?;
            (0, begin_tensor(header, name)?, Ending::Whole)
        }
        Format::Fits => {
            check_alone(there, path, name, existing)?;
            (0, save_fits::begin(header, unit, name)?, Ending::Whole)
        }
        _ => (0, header.begin()?, Ending::Whole),
    };
    let end = header.data_offset.saturating_add(header.byte_len()?);
    let len = match header.format {
        Format::Fits => save_fits::padded(end),
        _ => end,
    };
    let file = NewFile::create(path, len, existing, options.allocate)?;
    file.write_at(at, &start)?;
    Ok(Begun { file, ending })
}

fn begin_tensor(header: &mut Header, name: Option<&str>) -> Result<Vec<u8>> {
    let tensor = (name.unwrap_or(UNNAMED), &header.dtype, &*header.shape);
    let (start, _) = safetensors::write(&[tensor], &[])?;
    if let Some(scalar) = header.dtype.scalar() {
        header.dtype = DType::Number(scalar, ByteOrder::Little);
    }
    header.order = Order::C;
    header.data_offset = start.len() as u64;
    Ok(start)
}

/// Checks that a file which is to be replaced for one array has no others.
fn check_alone(there: bool, path: &Path, name: Option<&str>, existing: Existing) -> Result<()> {
    if !there || existing == Existing::Refuse {
        return Ok(());
    }
    let keys = Contents::open(path).map_or(vec![], |contents| contents.keys());
    match keys.iter().find(|key| Some(key.as_str()) != name) {
        Some(other) => {
            let (found, other) = (name.unwrap_or_default().to_owned(), other.clone());
            Err(Error::new(Problem::NotAdded { found, other }))
        }
        None => Ok(()),
    }
}

impl Ending {
    /// Does what is still to be done, before the file gets its name; whether it is to have one.
    pub(super) fn reach(self, path: &Path, file: &NewFile, header: &Header) -> Result<bool> {
        match self {
            Ending::Whole => Ok(true),
            Ending::Archive(archive) => {
                archive.finish(file)?;
                Ok(true)
            }
            Ending::Added(name) => {
                let file = OpenFile::from_file(file.share()?)?;
                let array = MemMapArray::map(&file, header, path, Mode::Read)?;
                append_npz(path, &name, &array, &SaveNpz::default())?;
                Ok(false)
            }
        }
    }
}
