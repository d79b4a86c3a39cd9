//! Which arrays are in this file?
//!
//! A file is asked what it is, by its content and then by its name, and lists its arrays. Headers of
//! arrays are read when they are asked for.
//!
//! Knows: errors, dtypes, layouts, formats, maps. Must not know: operations, expressions.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::MemMapArray;
use super::address::{Address, Key};
use super::beside::{read_wav, said_beside};
use super::open::read_header;
use super::tensors::read_tensors;
use crate::dtype::DType;
use crate::error::{Error, Problem, Result};
use crate::format::raw::{self, Raw};
use crate::format::records::Record;
use crate::format::safetensors::Tensor;
use crate::format::{Entry, Format, Header, Storage, npy};
use crate::layout::{Order, Picks};
use crate::map::{Mode, OpenFile};

/// Bytes from which a format is told.
const START: usize = 64;

/// The arrays of a file.
///
/// ```
/// use maparray::{Contents, Mode};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.npy");
/// # maparray::MemMapArray::from_slice(&[1_i64, 2]).save(&path)?;
/// let contents = Contents::open(&path)?;
/// assert_eq!(contents.keys(), [""]);
/// assert_eq!(contents.entry(0)?.header.shape, [2]);
/// assert_eq!(contents.array(0, Mode::Read)?.get::<i64>(&[1])?, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Contents {
    path: PathBuf,
    file: Arc<OpenFile>,
    kind: Kind,
}

/// What a file turned out to be.
enum Kind {
    /// A file of one array.
    One(Box<Header>),
    /// Named tensors.
    Tensors(Vec<Tensor>),
    /// Records of Fortran's, by their numbers.
    Records(DType, Vec<Record>),
}

impl Contents {
    /// Asks a file what it holds.
    ///
    /// # Errors
    /// `Io` if it cannot be read, `Malformed` if it is none of the formats, or contradicts its own.
    pub fn open(path: impl AsRef<Path>) -> Result<Contents> {
        let path = path.as_ref();
        let file = OpenFile::open(path, Mode::Read)?;
        Contents::of(file, path, npy::HEADER_LIMIT).map_err(|error| error.at(path))
    }

    pub(super) fn of(file: Arc<OpenFile>, path: &Path, limit: usize) -> Result<Contents> {
        let mut start = [0; START];
        let count = file.read_at(0, &mut start)?;
        let told = Format::of_content(&start[..count]);
        let said = match told {
            Some(_) => None,
            // What says nothing itself may have a small file beside it that does.
            None => said_beside(path)?,
        };
        let kind = match said {
            Some(header) => Kind::One(Box::new(header)),
            None => match told.or_else(|| Format::of_name(&path.to_string_lossy())) {
                Some(Format::Safetensors) => Kind::Tensors(read_tensors(&file)?.tensors),
                Some(Format::Wav) => Kind::One(Box::new(read_wav(&file)?)),
                // What says nothing is told what was expected of it.
                Some(Format::Npy | Format::Raw) | None => {
                    Kind::One(Box::new(read_header(&file, limit)?))
                }
            },
        };
        Ok(Contents {
            path: path.to_path_buf(),
            file,
            kind,
        })
    }

    /// The records of a file that does not say itself what it is.
    pub(super) fn of_records(
        file: Arc<OpenFile>,
        path: &Path,
        dtype: DType,
        records: Vec<Record>,
    ) -> Contents {
        Contents {
            path: path.to_path_buf(),
            file,
            kind: Kind::Records(dtype, records),
        }
    }

    /// The format of the file.
    pub fn format(&self) -> Format {
        match &self.kind {
            Kind::One(header) => header.format,
            Kind::Tensors(_) => Format::Safetensors,
            Kind::Records(..) => Format::Raw,
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file_len(&self) -> Result<u64> {
        self.file.len()
    }

    /// The names of its arrays, in the order in which they lie; the one of a file of one array is "".
    pub fn keys(&self) -> Vec<String> {
        match &self.kind {
            Kind::One(_) => vec![String::new()],
            Kind::Tensors(tensors) => tensors.iter().map(|one| one.name().to_owned()).collect(),
            Kind::Records(_, records) => {
                (0..records.len()).map(|place| place.to_string()).collect()
            }
        }
    }

    /// What one of the arrays is, without touching its elements.
    ///
    /// # Errors
    /// `OutOfBounds` if there is none of this number, `Malformed` or `Unsupported` if its header is no
    /// good.
    pub fn entry(&self, index: usize) -> Result<Entry> {
        match &self.kind {
            Kind::One(header) if index == 0 => Ok(Entry {
                key: String::new(),
                header: Header::clone(header),
                storage: Storage::Plain,
            }),
            Kind::One(_) => Err(self.no_such(&index.to_string())),
            Kind::Tensors(tensors) => match tensors.get(index) {
                Some(tensor) => Ok(Entry {
                    key: tensor.name().to_owned(),
                    header: tensor.header()?,
                    storage: Storage::Plain,
                }),
                None => Err(self.no_such(&index.to_string())),
            },
            Kind::Records(dtype, records) => match records.get(index) {
                Some(record) => {
                    let raw = Raw {
                        dtype: dtype.clone(),
                        shape: None,
                        order: Order::C,
                        offset: record.offset,
                    };
                    Ok(Entry {
                        key: index.to_string(),
                        header: raw::header(&raw, record.offset + record.len)?,
                        storage: Storage::Plain,
                    })
                }
                None => Err(self.no_such(&index.to_string())),
            },
        }
    }

    /// The number of an array that an address names; without a name, the one that a file stands for.
    ///
    /// # Errors
    /// `OutOfBounds` if there is none of this name, `Mismatch` if a name is missing.
    pub fn find(&self, key: Option<&str>) -> Result<usize> {
        let keys = self.keys();
        match key {
            Some(key) => {
                let place = keys.iter().position(|known| known == key);
                place.ok_or_else(|| self.no_such(key))
            }
            None if keys.len() == 1 => Ok(0),
            None => Err(Error::new(Problem::SeveralArrays {
                found: keys.len(),
                names: some(&keys),
            })
            .at(&self.path)),
        }
    }

    /// Maps one of the arrays.
    ///
    /// # Errors
    /// As [`Contents::entry`] and [`MemMapArray::open`]; `Unsupported` if it is compressed.
    pub fn array(&self, index: usize, mode: Mode) -> Result<MemMapArray> {
        let map = || {
            let header = self.entry(index)?.header;
            MemMapArray::map(&self.file, &header, &self.path, mode)
        };
        map().map_err(|error| error.at(&self.path))
    }

    /// Copies one of the arrays into memory.
    ///
    /// # Errors
    /// As [`Contents::entry`]; `Io` if there is no room.
    pub fn read(&self, index: usize) -> Result<MemMapArray> {
        let read = || MemMapArray::read_data(&self.file, &self.entry(index)?.header);
        read().map_err(|error| error.at(&self.path))
    }

    fn no_such(&self, key: &str) -> Error {
        let (key, names) = (key.into(), some(&self.keys()));
        Error::new(Problem::NoSuchArray { key, names }).at(&self.path)
    }
}

/// Some names, for a message.
fn some(keys: &[String]) -> String {
    const MOST: usize = 8;
    let shown: Vec<String> = keys
        .iter()
        .take(MOST)
        .map(|key| format!("`{key}`"))
        .collect();
    let more = if keys.len() > MOST { ", …" } else { "" };
    shown.join(", ") + more
}

/// An array that an address names, opened or copied by `get`, and the part of it.
pub(super) fn at_address(
    address: &Address,
    contents: &Contents,
    get: impl FnOnce(&Contents, usize) -> Result<MemMapArray>,
) -> Result<MemMapArray> {
    let one = matches!(contents.kind, Kind::One(_));
    let take = || {
        let mut parts = address.parts.clone();
        let key = match &address.key {
            // The only array needs no name, so this is a part of it.
            Some(Key::Bracket(part)) if one => {
                parts.insert(0, Picks::parse(part)?);
                None
            }
            Some(Key::Bracket(name) | Key::Name(name)) => Some(name.as_str()),
            None => None,
        };
        let whole = get(contents, contents.find(key)?)?;
        parts.iter().try_fold(whole, |array, picks| {
            array.select(&picks.select(array.ndim())?)
        })
    };
    take().map_err(|error: Error| error.at(&address.path))
}
