//! Which arrays are in this file?
//!
//! A file is asked what it is, by its content and then by its name, and lists its arrays. Headers of
//! arrays are read when they are asked for.
//!
//! Knows: errors, dtypes, layouts, formats, maps. Must not know: operations, expressions.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::address::{Address, Key};
use super::archive::{Archive, Inflate};
use super::beside::{read_wav, said_beside, widen};
use super::fits::Fits;
use super::open::read_header;
use super::tensors::read_tensors;
use super::{MemMapArray, Opened, Scaled};
use crate::dtype::DType;
use crate::error::{Error, Problem, Result};
use crate::format::raw::{self, Raw};
use crate::format::records::Record;
use crate::format::safetensors::Tensor;
use crate::format::wav::Sound;
use crate::format::{Entry, Format, Header, Storage, npy};
use crate::layout::{Order, Picks, Select};
use crate::map::{Mode, OpenFile, Region};

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
    /// Samples of sound.
    Sound(Box<Sound>),
    /// HDUs.
    Fits(Fits),
    /// A zip archive of them.
    Archive(Archive),
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

    /// The same of a file whose arrays are to be mapped in this mode.
    ///
    /// # Errors
    /// As [`Contents::open`]; `Io` if the file may not be written and should be.
    pub fn open_in(path: impl AsRef<Path>, mode: Mode) -> Result<Contents> {
        let path = path.as_ref();
        let file = OpenFile::open(path, mode)?;
        Contents::of(file, path, npy::HEADER_LIMIT).map_err(|error| error.at(path))
    }

    pub(super) fn of(file: Arc<OpenFile>, path: &Path, limit: usize) -> Result<Contents> {
        let mut start = [0; START];
        let count = file.read_at(0, &mut start)?;
        if start[..count].starts_with(b"\x1f\x8b") {
            return Err(Error::new(Problem::Gzipped));
        }
        let told = Format::of_content(&start[..count]);
        let said = match told {
            Some(_) => None,
            // What says nothing itself may have a small file beside it that does.
            None => said_beside(path)?,
        };
        // What has something else before it is no archive, whatever its name.
        let pieces = start.starts_with(b"PK");
        let by_name = || of_name(path).filter(|format| pieces || *format != Format::Npz);
        let kind = match said {
            Some(header) => Kind::One(Box::new(header)),
            None => match told.or_else(by_name) {
                Some(Format::Fits) if told.is_none() => {
                    let (at, keyword) = (0, "SIMPLE".into());
                    return Err(Error::new(Problem::FitsMissing { at, keyword }));
                }
                Some(Format::Fits) => Kind::Fits(Fits::scan(&file)?),
                Some(Format::Npz) => Kind::Archive(Archive::open(&file)?),
                Some(Format::Safetensors) => Kind::Tensors(read_tensors(&file)?.tensors),
                Some(Format::Wav) => Kind::Sound(Box::new(read_wav(&file)?)),
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
            Kind::Sound(_) => Format::Wav,
            Kind::Fits(_) => Format::Fits,
            Kind::Archive(_) => Format::Npz,
            Kind::Tensors(_) => Format::Safetensors,
            Kind::Records(..) => Format::Raw,
        }
    }

    /// How many frames of sound there are in a second; `None` of what is no sound.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.wav");
    /// # let mut file = b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x44\xAC\0\0\0\0\0\0\x03\0\x18\0".to_vec();
    /// # file.extend(b"data\x03\0\0\0\xFE\xFF\xFF");
    /// # std::fs::write(&path, file)?;
    /// use maparray::{Contents, Inflate, Mode};
    /// let sound = Contents::open(&path)?;
    /// assert_eq!(sound.sample_rate(), Some(44100));
    /// // Samples of 24 bits are no numbers: a copy holds them in 32.
    /// assert!(sound.array(0, Mode::Read).is_err());
    /// assert_eq!(sound.inflate(0, &Inflate::default())?.to_vec::<i32>()?, [-2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sample_rate(&self) -> Option<u32> {
        match &self.kind {
            Kind::Sound(sound) => Some(sound.rate),
            _ => None,
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
            Kind::One(_) | Kind::Sound(_) => vec![String::new()],
            Kind::Fits(fits) => fits.keys(),
            Kind::Archive(archive) => archive.keys(),
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
            Kind::Sound(sound) if index == 0 => Ok(Entry {
                key: String::new(),
                header: sound.numbers(),
                storage: match sound.is_packed() {
                    true => Storage::Compressed(sound.header.byte_len()?),
                    false => Storage::Plain,
                },
            }),
            Kind::One(_) | Kind::Sound(_) => Err(self.no_such(&index.to_string())),
            Kind::Fits(fits) => {
                let entry = fits.entry(index);
                let entry = entry.unwrap_or_else(|| Err(self.no_such(&index.to_string())));
                entry.map_err(|error| error.at(&self.path))
            }
            Kind::Archive(archive) => archive
                .entry(&self.file, index, npy::HEADER_LIMIT)
                .map_err(|error| error.at(&self.path)),
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
        if let (Kind::Archive(archive), Some(key)) = (&self.kind, key) {
            return archive.find(key).ok_or_else(|| self.no_such(key));
        }
        let keys = self.keys();
        if let Kind::Fits(fits) = &self.kind
            && (key.is_some() || !keys.is_empty())
        {
            let found = fits.find(key, &self.file);
            let found = found.map_err(|error| error.at(&self.path))?;
            return found.ok_or_else(|| self.no_such(key.unwrap_or_default()));
        }
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
        let map = || match &self.kind {
            Kind::Archive(archive) => archive.map(&self.file, index, &self.path, mode),
            _ => self.map_plain(&self.plain(index)?, mode),
        };
        map().map_err(|error| error.at(&self.path))
    }

    /// Maps one of the arrays, be its numbers scaled or not.
    ///
    /// # Errors
    /// As [`Contents::array`].
    ///
    /// ```
    /// use maparray::{Contents, Existing, FitsImage, MemMapArray, Mode, save_fits};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.fits");
    /// let counts = MemMapArray::from_slice(&[0_u16, 65535]);
    /// save_fits(&path, &[FitsImage::new(&counts)], Existing::Refuse)?;
    /// let contents = Contents::open(&path)?;
    /// assert!(contents.array(0, Mode::Read).is_err());
    /// assert_eq!(contents.opened(0, Mode::Read)?.dtype().to_string(), "<u2");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn opened(&self, index: usize, mode: Mode) -> Result<Opened> {
        if matches!(self.kind, Kind::Archive(_)) {
            return self.array(index, mode).map(Opened::Plain);
        }
        let map = || {
            let mut header = self.plain(index)?;
            let scaling = header.scaling.take();
            let array = self.map_plain(&header, mode)?;
            Ok(match scaling {
                Some(scaling) => Opened::Scaled(Scaled::new(array, scaling)?),
                None => Opened::Plain(array),
            })
        };
        map().map_err(|error: Error| error.at(&self.path))
    }

    /// Maps an array whose bytes are in the file as they are.
    fn map_plain(&self, header: &Header, mode: Mode) -> Result<MemMapArray> {
        let array = MemMapArray::map(&self.file, header, &self.path, mode)?;
        match header.format {
            Format::Npy => Ok(array),
            _ => array.of_region(Region::described),
        }
    }

    /// The header of an array whose bytes are in the file as they are.
    fn plain(&self, index: usize) -> Result<Header> {
        let entry = self.entry(index)?;
        match (&self.kind, entry.storage) {
            (Kind::Fits(_), Storage::Compressed(_)) => Err(Error::new(Problem::FitsCompressed)),
            (Kind::Sound(_), Storage::Compressed(_)) => Err(Error::new(Problem::WavPacked)),
            _ => Ok(entry.header),
        }
    }

    /// Copies one of the arrays into memory.
    ///
    /// # Errors
    /// As [`Contents::entry`]; `Io` if there is no room.
    pub fn read(&self, index: usize) -> Result<MemMapArray> {
        let read = || match &self.kind {
            Kind::Archive(archive) => archive.read(&self.file, index),
            Kind::Sound(sound) if sound.is_packed() && index == 0 => {
                widen(&self.file, sound, &Inflate::IN_MEMORY)?.native_in_place()
            }
            _ => MemMapArray::read_data(&self.file, &self.plain(index)?),
        };
        read().map_err(|error| error.at(&self.path))
    }

    /// Maps one of the arrays for reading or, if it is compressed, copies it: into memory, or into a file
    /// without a name if it is large.
    ///
    /// # Errors
    /// As [`Contents::array`]; `Unsupported` if it is larger than is allowed, `Io` if there is no room.
    ///
    /// ```
    /// use maparray::{Contents, Inflate, MemMapArray, Mode, SaveNpz, Storing, save_npz};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npz");
    /// let zeros = MemMapArray::from_slice(&[0_u8; 1000]);
    /// let deflated = SaveNpz { storing: Storing::Deflated, ..SaveNpz::default() };
    /// save_npz(&path, &[("x", &zeros)], &deflated)?;
    /// let contents = Contents::open(&path)?;
    /// assert!(contents.array(0, Mode::Read).is_err());
    /// assert_eq!(contents.inflate(0, &Inflate::default())?.len(), 1000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn inflate(&self, index: usize, how: &Inflate) -> Result<MemMapArray> {
        match (&self.kind, self.entry(index)?.storage) {
            (Kind::Archive(archive), Storage::Compressed(_)) => archive
                .inflate(&self.file, index, how)
                .map_err(|error| error.at(&self.path)),
            (Kind::Sound(sound), Storage::Compressed(_)) => {
                widen(&self.file, sound, how).map_err(|error| error.at(&self.path))
            }
            _ => self.array(index, Mode::Read),
        }
    }

    /// Maps one of the arrays in this mode or, if it is compressed, copies it.
    pub(super) fn inflated(&self, index: usize, mode: Mode, how: &Inflate) -> Result<MemMapArray> {
        let compressed = self.entry(index)?.storage != Storage::Plain;
        match compressed && mode != Mode::ReadWrite {
            true => self.inflate(index, how),
            false => self.array(index, mode),
        }
    }

    /// Copies every array of the file, several at a time; members of an archive that are none are left
    /// out.
    ///
    /// # Errors
    /// As [`Contents::read`] and [`Contents::inflate`]; what is allowed is allowed for all of them
    /// together.
    ///
    /// ```
    /// use maparray::{Contents, Inflate, MemMapArray, SaveNpz, save_npz};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npz");
    /// let one = MemMapArray::from_slice(&[1_u8]);
    /// save_npz(&path, &[("x", &one), ("y", &one)], &SaveNpz::default())?;
    /// let all = Contents::open(&path)?.read_all(&Inflate::default())?;
    /// assert_eq!((all.len(), &*all[1].0), (2, "y"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_all(&self, how: &Inflate) -> Result<Vec<(String, MemMapArray)>> {
        if let Kind::Archive(archive) = &self.kind {
            let copies = archive.inflate_all(&self.file, how);
            return copies.map_err(|error| error.at(&self.path));
        }
        let keys = self.keys().into_iter().enumerate();
        keys.map(|(i, key)| Ok((key, self.read(i)?))).collect()
    }

    /// Compares the data of one of the arrays with the checksum that the file has of them, if it has one,
    /// and with what its header says. Maps do not do that.
    ///
    /// # Errors
    /// `Malformed` if they differ; as [`Contents::entry`].
    pub fn verify(&self, index: usize) -> Result<()> {
        let verify = || match &self.kind {
            Kind::Archive(archive) => archive.verify(&self.file, index),
            Kind::Sound(sound) if index == 0 => sound.header.check_len(self.file.len()?),
            _ => self.entry(index)?.header.check_len(self.file.len()?),
        };
        verify().map_err(|error| error.at(&self.path))
    }

    fn no_such(&self, key: &str) -> Error {
        let (key, names) = (key.into(), some(&self.keys()));
        Error::new(Problem::NoSuchArray { key, names }).at(&self.path)
    }
}

/// The format that a file has by its name.
fn of_name(path: &Path) -> Option<Format> {
    Format::of_name(path.to_str()?)
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

/// What parts can be taken of.
pub(super) trait Whole: Sized {
    fn axes(&self) -> usize;
    fn part(&self, picks: &[Select]) -> Result<Self>;
}

impl Whole for MemMapArray {
    fn axes(&self) -> usize {
        self.ndim()
    }

    fn part(&self, picks: &[Select]) -> Result<MemMapArray> {
        self.select(picks)
    }
}

/// An array that an address names, opened or copied by `get`, and the part of it.
pub(super) fn at_address<W: Whole>(
    address: &Address,
    contents: &Contents,
    get: impl FnOnce(&Contents, usize) -> Result<W>,
) -> Result<W> {
    let one = matches!(contents.kind, Kind::One(_) | Kind::Sound(_));
    let take = || {
        let mut parts = address.parts.clone();
        // The longest part of the text that is a name is the name.
        let known = |name: &String| contents.find(Some(name)).is_ok();
        let longer = address.names.iter().rposition(known);
        let key = match (&address.key, longer) {
            (Some(Key::Name(_)), Some(last)) => {
                parts.drain(..=last);
                Some(address.names[last].as_str())
            }
            // The only array needs no name, so this is a part of it.
            (Some(Key::Bracket(part)), _) if one => {
                parts.insert(0, Picks::parse(part)?);
                None
            }
            (Some(Key::Bracket(name) | Key::Name(name)), _) => Some(name.as_str()),
            (None, _) => None,
        };
        let whole = get(contents, contents.find(key)?)?;
        parts.iter().try_fold(whole, |array, picks| {
            array.part(&picks.select(array.axes())?)
        })
    };
    take().map_err(|error: Error| error.at(&address.path))
}
