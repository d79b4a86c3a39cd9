//! How do the members of an archive become arrays?
//!
//! Opening reads the directory alone; the headers of a member are read when it is asked for. What is
//! stored is mapped where it lies, what is deflated is copied. Copies are compared with their
//! checksum; maps are not, for that would read them.
//!
//! Knows: errors, formats, maps. Must not know: operations, expressions.

mod add;
mod align;
mod inflate;
mod save;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::open::header_by;
use super::share::share_out;
use super::{COPY_BYTES, MemMapArray, unit};
use crate::error::{Error, Problem, Result};
use crate::format::zip::{self, End, Member, Method};
use crate::format::{Entry, Header, Storage, npy};
use crate::map::{Mode, OpenFile, Region};

pub use add::{append_npz, extend_npz, repair_npz};
pub(super) use add::{check_new, find_npz};
pub use align::align_npz;
pub use inflate::Inflate;
pub(super) use save::NewArchive;
pub use save::{SaveNpz, Storing, save_npz};

/// Bytes of the end of a file that are read first: enough for small archives as a whole.
const LAST_BYTES: usize = 4096;
/// Bytes of which a checksum is computed at once.
const SUM_BYTES: u64 = 1 << 20;

/// The directory of an archive.
pub(super) struct Archive {
    members: Vec<Member>,
    /// The number of each member by its name and by its key; a name comes before the key of another.
    numbers: OnceLock<HashMap<String, usize>>,
}

impl Archive {
    pub(super) fn open(file: &OpenFile) -> Result<Archive> {
        let (end, bytes) = read_directory(file)?;
        let members = zip::directory(&bytes, &end)?;
        Ok(Archive {
            members,
            numbers: OnceLock::new(),
        })
    }

    pub(super) fn keys(&self) -> Vec<String> {
        let keys = self.members.iter();
        keys.map(|member| member.key().to_owned()).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// The number of a member by its key or its whole name.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        let numbers = self.numbers.get_or_init(|| {
            let numbered = || self.members.iter().enumerate();
            let keys = numbered().map(|(i, member)| (member.key().to_owned(), i));
            keys.chain(numbered().map(|(i, member)| (member.name.clone(), i)))
                .collect()
        });
        numbers.get(key).copied()
    }

    /// The member that has the arrays' format by its name, and its number.
    fn arrays(&self) -> impl Iterator<Item = (usize, &Member)> {
        let numbered = self.members.iter().enumerate();
        numbered.filter(|(_, member)| member.name.ends_with(".npy"))
    }

    pub(super) fn entry(&self, file: &OpenFile, index: usize, limit: usize) -> Result<Entry> {
        let member = self.member(index)?;
        let (header, data) = member_header(file, member, limit)?;
        let storage = match member.method {
            Method::Stored => Storage::Plain,
            _ => Storage::Compressed(member.packed),
        };
        let data_offset = match storage {
            Storage::Plain => data + header.data_offset,
            Storage::Compressed(_) => header.data_offset,
        };
        Ok(Entry {
            key: member.key().to_owned(),
            header: Header {
                data_offset,
                ..header
            },
            storage,
        })
    }

    fn member(&self, index: usize) -> Result<&Member> {
        self.members.get(index).ok_or_else(|| {
            let (key, names) = (index.to_string(), format!("0 to {}", self.members.len()));
            Error::new(Problem::NoSuchArray { key, names })
        })
    }

    /// Maps a member that is stored.
    pub(super) fn map(
        &self,
        file: &Arc<OpenFile>,
        index: usize,
        path: &Path,
        mode: Mode,
    ) -> Result<MemMapArray> {
        let member = self.member(index)?;
        let entry = self.entry(file, index, npy::HEADER_LIMIT)?;
        if let Storage::Compressed(packed) = entry.storage {
            return Err(Error::new(Problem::Compressed {
                name: member.name.clone(),
                packed,
                plain: member.plain,
            }));
        }
        let array = MemMapArray::map(file, &entry.header, path, mode)?;
        if mode != Mode::ReadWrite {
            return Ok(array);
        }
        let (file, offset) = (Arc::clone(file), member.offset);
        array.of_region(|region| region.sealed(move || mend(&file, offset)))
    }

    /// Copies a member into memory, in the byte order of the machine.
    pub(super) fn read(&self, file: &OpenFile, index: usize) -> Result<MemMapArray> {
        let member = self.member(index)?;
        if member.method != Method::Stored {
            let copy = self.inflate(file, index, &Inflate::IN_MEMORY)?;
            return copy.native_in_place();
        }
        let (header, data) = member_header(file, member, npy::HEADER_LIMIT)?;
        let unit = unit::of_header(&header)?;
        let dtype = header.dtype.to_native();
        let mut array = MemMapArray::zeros(&dtype, &header.shape, header.order)?;
        let (byte_len, item) = (array.byte_len(), dtype.size().max(1));
        let piece = (COPY_BYTES / item).max(1) * item;
        let mut sums = vec![0; byte_len.div_ceil(piece)];
        let elements = data + header.data_offset;
        let pieces = array.own_bytes()?.chunks_mut(piece).zip(&mut sums);
        share_out(pieces.enumerate(), byte_len, |(n, (bytes, sum)), _| {
            let from = elements + (n * piece) as u64;
            read_all(file, from, bytes)?;
            *sum = crc32fast::hash(bytes);
            header.dtype.swap_to_native(bytes);
            Ok(())
        })?;
        // Before the elements lies their header, and behind them may lie more.
        let end = elements + byte_len as u64;
        let mut sum = crc32fast::Hasher::new_with_initial(checksum(file, data, elements)?);
        for (n, crc) in sums.into_iter().enumerate() {
            let len = piece.min(byte_len - n * piece);
            sum.combine(&crc32fast::Hasher::new_with_initial_len(crc, len as u64));
        }
        let rest = data + member.plain - end;
        let tail = checksum(file, end, data + member.plain)?;
        sum.combine(&crc32fast::Hasher::new_with_initial_len(tail, rest));
        check_sum(member, sum.finalize())?;
        Ok(array.sharing_unit(unit))
    }

    /// Compares the data of a member with its checksum.
    pub(super) fn verify(&self, file: &OpenFile, index: usize) -> Result<()> {
        let member = self.member(index)?;
        let data = data_of(file, member)?;
        match member.method {
            Method::Stored => check_sum(member, checksum(file, data, data + member.plain)?),
            _ => inflate::inflate(file, member, data, |_, _| Ok(())),
        }
    }
}

impl MemMapArray {
    /// The same array, which was mapped just now, with something noted of its region.
    pub(super) fn of_region(mut self, note: impl FnOnce(Region) -> Region) -> Result<MemMapArray> {
        let holders = Arc::strong_count(&self.region);
        let region = Arc::into_inner(self.region);
        let region = region.ok_or_else(|| Error::new(Problem::Shared { holders }))?;
        self.region = Arc::new(note(region));
        Ok(self)
    }

    /// Memory of its own in the byte order of the machine.
    pub(super) fn native_in_place(mut self) -> Result<MemMapArray> {
        if !self.dtype.is_native() {
            let dtype = self.dtype.clone();
            let item = dtype.size().max(1);
            let (byte_len, piece) = (self.byte_len(), (COPY_BYTES / item).max(1) * item);
            share_out(self.own_bytes()?.chunks_mut(piece), byte_len, |bytes, _| {
                dtype.swap_to_native(bytes);
                Ok(())
            })?;
            self.dtype = dtype.to_native();
        }
        Ok(self)
    }
}

/// The end of the archive and the bytes of its directory.
fn read_directory(file: &OpenFile) -> Result<(End, Vec<u8>)> {
    let file_len = file.len()?;
    let last = |count: usize| {
        let count = file_len.min(count as u64);
        let mut tail = vec![0; count as usize];
        read_all(file, file_len - count, &mut tail)?;
        Ok::<_, Error>(tail)
    };
    // Most archives end with a record without a comment.
    let tail = last(LAST_BYTES)?;
    let found = zip::end(&tail, file_len).ok();
    let (tail, end) = match found.filter(|end| end.stop == file_len) {
        Some(end) => (tail, end),
        None => {
            let tail = last(zip::TAIL)?;
            let end = zip::end(&tail, file_len)?;
            (tail, end)
        }
    };
    let directory = end.directory.clone();
    let first = file_len - tail.len() as u64;
    let bytes = match directory.start.checked_sub(first) {
        Some(from) => {
            let to = directory.end - first;
            tail[from as usize..to as usize].to_vec()
        }
        None => {
            // Inside the file, as `end` has seen.
            let mut bytes = vec![0; (directory.end - directory.start) as usize];
            read_all(file, directory.start, &mut bytes)?;
            bytes
        }
    };
    Ok((end, bytes))
}

/// Where the data of a member begin.
fn data_of(file: &OpenFile, member: &Member) -> Result<u64> {
    member.check_readable()?;
    let mut local = vec![0; member.local_len()];
    let count = file.read_at(member.offset, &mut local)?;
    member.data(&local[..count])
}

/// The header of the array in a member, counted from the first byte of its data, and where they begin.
fn member_header(file: &OpenFile, member: &Member, limit: usize) -> Result<(Header, u64)> {
    let data = data_of(file, member)?;
    let header = header_by(member.plain, limit, |start| match member.method {
        Method::Stored => {
            let count = start
                .len()
                .min(usize::try_from(member.plain).unwrap_or(usize::MAX));
            file.read_at(data, &mut start[..count])
        }
        _ => inflate::start(file, member, data, start),
    })
    .map_err(|error| error.of_member(&member.name))?;
    header.check_len(member.plain)?;
    Ok((header, data))
}

/// Fills `out` from a byte of the file on.
fn read_all(file: &OpenFile, from: u64, out: &mut [u8]) -> Result<()> {
    let found = file.read_at(from, out)?;
    if found < out.len() {
        return Err(Error::new(Problem::TooShort {
            file_len: from + found as u64,
            needed: from + out.len() as u64,
        }));
    }
    Ok(())
}

/// CRC-32 of bytes of a file, computed by several threads.
fn checksum(file: &OpenFile, from: u64, to: u64) -> Result<u32> {
    let len = to - from;
    let mut sums = vec![0; len.div_ceil(SUM_BYTES) as usize];
    let place = |n: usize| n as u64 * SUM_BYTES;
    let size = |n: usize| SUM_BYTES.min(len - place(n));
    let bytes = usize::try_from(len).unwrap_or(usize::MAX);
    share_out(sums.iter_mut().enumerate(), bytes, |(n, sum), buffer| {
        buffer.resize(size(n) as usize, 0);
        read_all(file, from + place(n), buffer)?;
        *sum = crc32fast::hash(buffer);
        Ok(())
    })?;
    let mut all = crc32fast::Hasher::new();
    for (n, sum) in sums.into_iter().enumerate() {
        all.combine(&crc32fast::Hasher::new_with_initial_len(sum, size(n)));
    }
    Ok(all.finalize())
}

fn check_sum(member: &Member, found: u32) -> Result<()> {
    if found == member.crc {
        return Ok(());
    }
    Err(Error::new(Problem::Checksum {
        name: member.name.clone(),
        found,
        expected: member.crc,
    }))
}

/// Writes the checksum of a stored member anew, whose local header begins at this byte.
///
/// The directory is read again, before and after: another array may be added meanwhile.
fn mend(file: &OpenFile, offset: u64) -> Result<()> {
    let mut written = None;
    loop {
        let archive = Archive::open(file)?;
        let mut members = archive.members.iter();
        let Some(member) = members.find(|member| member.offset == offset) else {
            let (key, names) = (format!("at byte {offset}"), archive.keys().join(", "));
            return Err(Error::new(Problem::NoSuchArray { key, names }));
        };
        if written == Some(member.entry) {
            return file.sync();
        }
        let data = data_of(file, member)?;
        let crc = checksum(file, data, data + member.plain)?;
        let mut place = member.crc_place(data);
        let mut local = [0; 4];
        let behind = member.crc_is_behind();
        if behind && file.read_at(place, &mut local)? == 4 && &local == b"PK\x07\x08" {
            place += 4;
        }
        let known = file.read_at(place, &mut local)? == 4 && u32::from_le_bytes(local) == crc;
        if known && member.crc == crc && written.is_none() {
            return Ok(());
        }
        file.write_at(place, &crc.to_le_bytes())?;
        file.write_at(member.crc_in_directory(), &crc.to_le_bytes())?;
        written = Some(member.entry);
    }
}
