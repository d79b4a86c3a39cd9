//! Which HDUs are in this FITS file?
//!
//! Headers are read one after the other, each no further than its `END`; data is jumped over. What is
//! behind a header that makes no sense is not looked for, what is before it can be opened.
//!
//! Knows: errors, formats, maps. Must not know: operations, expressions.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::address::{Address, Key};
use super::{MemMapArray, unit};
use crate::error::{Error, Problem, Result};
use crate::format::fits::{BLOCK, CARD, Cards, HEADER_LIMIT, Hdu, Kind, Value, end_in, structure};
use crate::format::{Entry, Storage};
use crate::map::{Allocate, Existing, Flush, Mode, NewFile, OpenFile};

/// Bytes that are copied at once when a file is written anew.
const COPIED: usize = 1 << 20;

/// The HDUs of a file.
pub(super) struct Fits {
    hdus: Vec<Hdu>,
    /// Those that have a place for data, with their names.
    listed: Vec<(String, usize)>,
    /// Where the last good one ends.
    end: u64,
    /// Whether there is a bad one.
    broken: bool,
}

impl Fits {
    /// Reads all headers.
    ///
    /// # Errors
    /// `Malformed` or `Unsupported` if the first one is no good.
    pub(super) fn scan(file: &OpenFile) -> Result<Fits> {
        let first = read_hdu(file, 0, 0)?;
        let mut fits = Fits {
            end: 0,
            hdus: vec![],
            listed: vec![],
            broken: false,
        };
        let mut next = first;
        while let Some(hdu) = next {
            fits.end = hdu.end();
            fits.hdus.push(hdu);
            next = match read_hdu(file, fits.hdus.len(), fits.end) {
                Ok(next) => next,
                Err(error) if error.kind() == crate::error::ErrorKind::Io => return Err(error),
                Err(_) => {
                    fits.broken = true;
                    None
                }
            };
        }
        fits.listed = listed(&fits.hdus);
        Ok(fits)
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.listed.iter().map(|(key, _)| key.clone()).collect()
    }

    /// What one of them is; `None` if there is none of this number.
    pub(super) fn entry(&self, index: usize) -> Option<Result<Entry>> {
        let (key, number) = self.listed.get(index)?;
        let hdu = &self.hdus[*number];
        let (header, storage) = match hdu.kind {
            Kind::Compressed => (hdu.compressed(), Storage::Compressed(hdu.data_len)),
            _ => (hdu.header(), Storage::Plain),
        };
        Some(header.map(|header| Entry {
            key: key.clone(),
            header,
            storage,
        }))
    }

    /// The one that an address means: by number, by name, by name and version, or the first one with
    /// data. `None` if there is none such.
    ///
    /// # Errors
    /// `Empty` if it has no data; what is wrong with an HDU that cannot be read.
    pub(super) fn find(&self, key: Option<&str>, file: &OpenFile) -> Result<Option<usize>> {
        let Some(key) = key else {
            let full = |(_, number): &(String, usize)| self.hdus[*number].data_len > 0;
            let first = self.listed.iter().position(full);
            return Ok(first.or((!self.listed.is_empty()).then_some(0)));
        };
        match self.number(key) {
            Some(number) => {
                let place = self.listed.iter().position(|(_, known)| *known == number);
                match place {
                    Some(place) => Ok(Some(place)),
                    None => Err(Error::new(Problem::FitsNoData { number })),
                }
            }
            None if self.broken => {
                read_hdu(file, self.hdus.len(), self.end)?;
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// The number of an HDU.
    fn number(&self, key: &str) -> Option<usize> {
        let key = key.trim();
        if let Ok(number) = key.parse::<usize>() {
            return (number < self.hdus.len()).then_some(number);
        }
        let bare = |name: &str| name.trim().trim_matches(['\'', '"']).trim().to_owned();
        let of = |name: &str, version: Option<i64>| {
            self.hdus.iter().position(|hdu| {
                hdu.name.eq_ignore_ascii_case(name)
                    && version.is_none_or(|version| hdu.version == version)
            })
        };
        let whole = bare(key);
        let named = of(&whole, None).or_else(|| {
            let (name, version) = key.rsplit_once(',')?;
            of(&bare(name), Some(version.trim().parse().ok()?))
        });
        let primary = whole.eq_ignore_ascii_case("PRIMARY") && !self.hdus.is_empty();
        named.or(primary.then_some(0))
    }
}

/// Names for the HDUs with data: what tells them from the others.
fn listed(hdus: &[Hdu]) -> Vec<(String, usize)> {
    let (mut names, mut twins) = (HashMap::new(), HashMap::new());
    for hdu in hdus {
        let name = hdu.name.to_ascii_uppercase();
        *names.entry(name.clone()).or_insert(0) += 1;
        *twins.entry((name, hdu.version)).or_insert(0) += 1;
    }
    let key = |hdu: &Hdu| {
        let name = hdu.name.to_ascii_uppercase();
        let bare = name.is_empty() || name.parse::<usize>().is_ok();
        let (same, twin) = (names.get(&name), twins.get(&(name.clone(), hdu.version)));
        match (same, twin) {
            _ if bare => hdu.number.to_string(),
            (_, Some(2..)) => hdu.number.to_string(),
            (Some(2..), _) => format!("{},{}", hdu.name, hdu.version),
            _ => hdu.name.clone(),
        }
    };
    let with_data = hdus.iter().filter(|hdu| hdu.has_data());
    with_data.map(|hdu| (key(hdu), hdu.number)).collect()
}

/// Reads the header that begins at a byte of a file; `None` if nothing like one does.
fn read_hdu(file: &OpenFile, number: usize, offset: u64) -> Result<Option<Hdu>> {
    let mut bytes = vec![0; BLOCK];
    let (mut have, mut seen) = (0, 0);
    loop {
        let count = file.read_at(offset.saturating_add(have as u64), &mut bytes[have..])?;
        have += count;
        if number > 0 && !bytes[..have].starts_with(b"XTENSION") {
            return Ok(None);
        }
        if let Some(end) = end_in(&bytes[..have], seen) {
            let len = (end + CARD).next_multiple_of(BLOCK) as u64;
            let cards = Cards::parse(&bytes[..end]);
            let hdu = Hdu::new(number, offset, len, cards)?;
            let (file_len, needed) = (file.len_when_opened(), hdu.data_offset());
            if hdu.has_data() && needed > file_len {
                return Err(Error::new(Problem::HeaderTruncated { file_len, needed }));
            }
            return Ok(Some(hdu));
        }
        let done = have < bytes.len();
        if done || have >= HEADER_LIMIT {
            return Err(Error::new(match done {
                true => Problem::FitsNoEnd {
                    at: offset,
                    read: have as u64,
                },
                false => Problem::HeaderTooLong {
                    len: have as u64,
                    limit: HEADER_LIMIT as u64,
                },
            }));
        }
        // Twice as much each time: as many bytes are looked at as there are.
        seen = have;
        bytes.resize(have * 2, 0);
    }
}

/// The HDU whose data is at this byte.
fn hdu_at(file: &OpenFile, data_offset: u64) -> Result<Option<Hdu>> {
    let fits = Fits::scan(file)?;
    let at = |hdu: &Hdu| hdu.has_data() && hdu.data_offset() == data_offset;
    Ok(fits.hdus.into_iter().find(at))
}

/// Whether a file is one of FITS.
pub(super) fn is_fits(file: &OpenFile) -> Result<bool> {
    let mut start = [0; 9];
    let count = file.read_at(0, &mut start)?;
    Ok(&start[..count] == b"SIMPLE  =")
}

/// Writes the unit of an array into the header of the HDU that it is.
pub(super) fn write_unit(file: &OpenFile, array: &MemMapArray) -> Result<()> {
    let hdu = hdu_at(file, array.data_offset())?;
    let whole = |hdu: &Hdu| {
        let header = hdu.header().ok();
        header
            .filter(|header| header.shape == array.shape())
            .is_some()
    };
    let Some(mut hdu) = hdu.filter(whole) else {
        return Err(Error::new(Problem::NoFile));
    };
    match unit::fits_text(array.unit()) {
        Some(text) => hdu.cards.set("BUNIT", Value::Text(text), None)?,
        None => {
            hdu.cards.remove("BUNIT");
        }
    }
    put_back(file, &hdu)
}

/// Writes the cards of an HDU where they stand.
fn put_back(file: &OpenFile, hdu: &Hdu) -> Result<()> {
    let len = hdu.header_len as usize;
    let bytes = hdu.cards.to_bytes_in(len).ok_or_else(|| {
        Error::new(Problem::FitsNoRoom {
            needed: hdu.cards.to_bytes().len() as u64,
            found: hdu.header_len,
        })
    })?;
    file.write_at(hdu.offset, &bytes)
}

/// The header of an HDU, to be looked at and changed.
///
/// Changes are in memory until [`FitsHeader::flush`] writes them where the header stands, or
/// [`FitsHeader::rewrite`] writes the whole file anew.
///
/// ```
/// use maparray::fits::{Cards, Value};
/// use maparray::{Existing, FitsHeader, FitsImage, MemMapArray, save_fits};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.fits");
/// let pixels = MemMapArray::from_slice(&[1.0_f32, 2.0]);
/// save_fits(&path, &[FitsImage::new(&pixels)], Existing::Refuse)?;
/// let mut header = FitsHeader::open(&path)?;
/// header.cards_mut().set("OBJECT", Value::Text("M 31".into()), Some("what we see"))?;
/// header.flush()?;
/// assert_eq!(FitsHeader::open(&path)?.cards().value("OBJECT"), Some(Value::Text("M 31".into())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FitsHeader {
    path: PathBuf,
    hdu: Hdu,
    cards: Cards,
}

impl FitsHeader {
    /// Reads the header of the HDU that an address names: `a.fits[1]`, `a.fits[SCI,2]`; that of the
    /// first HDU, if none is named, be there data or not.
    ///
    /// # Errors
    /// `Io` if it cannot be read, `Malformed` if it makes no sense, `OutOfBounds` if there is no such
    /// HDU.
    pub fn open(address: impl AsRef<Path>) -> Result<FitsHeader> {
        let address = Address::parse(address)?;
        let key = match &address.key {
            Some(Key::Name(key) | Key::Bracket(key)) => key.as_str(),
            None => "0",
        };
        FitsHeader::of(&address.path, key)
    }

    /// Reads the header of the HDU of this number or name: `1`, `SCI`, `SCI,2`.
    ///
    /// # Errors
    /// As [`FitsHeader::open`].
    ///
    /// ```
    /// use maparray::{Existing, FitsHeader, FitsImage, MemMapArray, save_fits};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.fits");
    /// let pixels = MemMapArray::from_slice(&[1.0_f32, 2.0]);
    /// save_fits(&path, &[FitsImage::new(&pixels).named("SCI")], Existing::Refuse)?;
    /// assert_eq!(FitsHeader::of(&path, "sci")?.number(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(path: impl AsRef<Path>, key: &str) -> Result<FitsHeader> {
        let path = path.as_ref();
        let read = || {
            let file = OpenFile::open(path, Mode::Read)?;
            let fits = Fits::scan(&file)?;
            let Some(number) = fits.number(key) else {
                fits.find(Some(key), &file)?;
                let names = fits.hdus.iter().map(|hdu| hdu.number.to_string());
                return Err(Error::new(Problem::NoSuchArray {
                    key: key.into(),
                    names: names.take(8).collect::<Vec<_>>().join(", "),
                }));
            };
            let hdu = fits.hdus[number].clone();
            Ok(FitsHeader {
                path: path.to_path_buf(),
                cards: hdu.cards.clone(),
                hdu,
            })
        };
        read().map_err(|error: Error| error.at(path))
    }

    /// The header that lies before the data of a mapped array.
    pub(crate) fn before(path: &Path, data_offset: u64) -> Result<FitsHeader> {
        let file = OpenFile::open(path, Mode::Read)?;
        let hdu =
            hdu_at(&file, data_offset)?.ok_or_else(|| Error::new(Problem::NoFile).at(path))?;
        Ok(FitsHeader {
            path: path.to_path_buf(),
            cards: hdu.cards.clone(),
            hdu,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the HDU, the first one's is 0.
    pub fn number(&self) -> usize {
        self.hdu.number
    }

    /// Its cards.
    pub fn cards(&self) -> &Cards {
        &self.cards
    }

    /// Its cards, to be changed.
    pub fn cards_mut(&mut self) -> &mut Cards {
        &mut self.cards
    }

    /// Writes the cards into the file where they stand; the data is not touched.
    ///
    /// # Errors
    /// `Mismatch` if there are more cards than have room in the blocks of the header, if a card was
    /// changed that says how the data lies, or if the file has another header by now; `Io` if it cannot
    /// be written.
    pub fn flush(&mut self) -> Result<()> {
        let path = self.path.clone();
        let write = |header: &mut FitsHeader| {
            let file = OpenFile::open(&header.path, Mode::ReadWrite)?;
            let changed = header.checked(&file)?;
            put_back(&file, &changed)?;
            header.hdu = reread(&file, &changed)?;
            Ok(())
        };
        write(self).map_err(|error: Error| error.at(path))
    }

    /// Writes the whole file anew with these cards, however many they are; it takes the place of the
    /// old one in one step, and arrays that are mapped keep the old one.
    ///
    /// # Errors
    /// As [`FitsHeader::flush`], but for the room.
    ///
    /// ```
    /// use maparray::{Existing, FitsHeader, FitsImage, MemMapArray, save_fits};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.fits");
    /// let pixels = MemMapArray::from_slice(&[1.0_f32, 2.0]);
    /// save_fits(&path, &[FitsImage::new(&pixels)], Existing::Refuse)?;
    /// let mut header = FitsHeader::open(&path)?;
    /// (0..100).try_for_each(|i| header.cards_mut().add("HISTORY", &format!("step {i}")))?;
    /// assert!(header.flush().is_err());
    /// header.rewrite()?;
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<f32>()?, [1.0, 2.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rewrite(&mut self) -> Result<()> {
        let path = self.path.clone();
        let write = |header: &mut FitsHeader| {
            let file = OpenFile::open(&header.path, Mode::Read)?;
            let mut changed = header.checked(&file)?;
            let bytes = changed.cards.to_bytes();
            let (old, len) = (changed.data_offset(), file.len()?);
            let total = changed.offset + bytes.len() as u64 + len.saturating_sub(old);
            let new = NewFile::create(&header.path, total, Existing::Replace, Allocate::Full)?;
            copy(&file, 0, &new, 0, changed.offset)?;
            new.write_at(changed.offset, &bytes)?;
            changed.header_len = bytes.len() as u64;
            copy(
                &file,
                old,
                &new,
                changed.data_offset(),
                len.saturating_sub(old),
            )?;
            new.commit(Flush::Durable)?;
            let file = OpenFile::open(&header.path, Mode::Read)?;
            header.hdu = reread(&file, &changed)?;
            Ok(())
        };
        write(self).map_err(|error: Error| error.at(path))
    }

    /// The HDU with the new cards, if the file still is what was read.
    fn checked(&self, file: &Arc<OpenFile>) -> Result<Hdu> {
        let now = read_hdu(file, self.hdu.number, self.hdu.offset)?;
        let old = structure(&self.hdu.cards);
        let same = |now: Hdu| now.header_len == self.hdu.header_len && now.cards == self.hdu.cards;
        if !now.is_some_and(same) {
            return Err(Error::new(Problem::FitsChanged));
        }
        let new = structure(&self.cards);
        if new != old {
            let odd = new.iter().find(|card| !old.contains(card));
            let lost = old.iter().find(|card| !new.contains(card));
            let keyword = odd.or(lost).map_or("NAXIS", |(keyword, _)| keyword).into();
            return Err(Error::new(Problem::FitsStructure { keyword }));
        }
        Hdu::new(
            self.hdu.number,
            self.hdu.offset,
            self.hdu.header_len,
            self.cards.clone(),
        )
    }
}

/// An HDU as it stands in the file now.
fn reread(file: &OpenFile, hdu: &Hdu) -> Result<Hdu> {
    let now = read_hdu(file, hdu.number, hdu.offset)?;
    now.ok_or_else(|| Error::new(Problem::FitsChanged))
}

/// Copies bytes of a file into a new one.
fn copy(from: &OpenFile, at: u64, to: &NewFile, place: u64, len: u64) -> Result<()> {
    let mut buffer = vec![0; COPIED.min(usize::try_from(len).unwrap_or(COPIED))];
    let mut done = 0;
    while done < len {
        let count = buffer
            .len()
            .min(usize::try_from(len - done).unwrap_or(COPIED));
        let found = from.read_at(at + done, &mut buffer[..count])?;
        if found == 0 {
            let (file_len, needed) = (at + done, at + len);
            return Err(Error::new(Problem::TooShort { file_len, needed }));
        }
        to.write_at(place + done, &buffer[..found])?;
        done += found as u64;
    }
    Ok(())
}
