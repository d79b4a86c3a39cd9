//! How does an archive of arrays come to be?
//!
//! Member after member, each at its place before its local header is written, which has the checksum
//! in it; then the directory. Several threads read and deflate pieces of one member at a time.
//!
//! Knows: errors, layouts, formats, maps. Must not know: operations, expressions.

use std::path::Path;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::checksum;
use crate::array::access::Source;
use crate::array::share::share_out;
use crate::array::{MemMapArray, unit};
use crate::crew::cores;
use crate::error::{Error, Problem, Result};
use crate::format::zip::{self, Method, NewMember};
use crate::format::{Header, npy};
use crate::layout::Walk;
use crate::map::{Allocate, Existing, Flush, NewFile, OpenFile};

/// Bytes that are stored or deflated at once.
const PIECE: usize = 1 << 20;
/// Where elements begin unless something else is said: at multiples of so many bytes.
const ALIGN: u32 = 64;

/// How members keep their data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Storing {
    /// As they are, so that they can be mapped.
    #[default]
    Stored,
    /// Deflated.
    Deflated,
}

/// How an archive is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaveNpz {
    /// How its members keep their data.
    pub storing: Storing,
    /// The byte of the file at which the elements of a stored member begin is a multiple of this power
    /// of two, at most 32768.
    pub align: u32,
    /// What happens to a file of that name.
    pub existing: Existing,
}

impl Default for SaveNpz {
    fn default() -> SaveNpz {
        SaveNpz {
            storing: Storing::Stored,
            align: ALIGN,
            existing: Existing::Replace,
        }
    }
}

impl SaveNpz {
    pub(super) fn check(&self) -> Result<()> {
        let found = u64::from(self.align);
        match self.align.is_power_of_two() && self.align <= 1 << 15 {
            true => Ok(()),
            false => Err(Error::new(Problem::Alignment { found })),
        }
    }
}

/// Writes arrays to a new `.npz` archive, whole and durable or not at all; NumPy reads it.
///
/// # Errors
/// `Io` if it cannot be written; an old file of that name is then still there. `Mismatch` for a name
/// that is there twice or cannot be one, and for an alignment that is none.
///
/// ```
/// use maparray::{MemMapArray, Mode, SaveNpz, save_npz};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.npz");
/// let (x, y) = (MemMapArray::from_slice(&[1.5_f64]), MemMapArray::from_slice(&[1_u8, 2]));
/// save_npz(&path, &[("x", &x), ("y", &y)], &SaveNpz::default())?;
/// let y = MemMapArray::open(format!("{}:y", path.display()), Mode::Read)?;
/// assert_eq!(y.to_vec::<u8>()?, [1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn save_npz(
    path: impl AsRef<Path>,
    arrays: &[(&str, &MemMapArray)],
    options: &SaveNpz,
) -> Result<()> {
    let path = path.as_ref();
    let save = || {
        options.check()?;
        let new = NewFile::create(path, 0, options.existing, Allocate::Sparse)?;
        let put = |at: u64, bytes: &[u8]| new.write_at(at, bytes);
        let mut archive = Writing::new(&put, *options);
        for (name, array) in arrays {
            archive.add(name, array)?;
        }
        archive.finish()?;
        new.commit(Flush::Durable)
    };
    save().map_err(|error: Error| error.at(path))
}

/// A new archive of one array whose elements come from elsewhere, in any order.
pub(in crate::array) struct NewArchive {
    member: NewMember,
    /// Bytes of the local header.
    local: u64,
}

impl NewArchive {
    /// The byte of the file where the header of the array is to be written, and that header; the one
    /// that is given says from then on where the elements begin.
    ///
    /// # Errors
    /// `Mismatch` for a name that no member can have; `Unsupported` for a dtype that is none of NumPy's.
    pub(in crate::array) fn new(
        name: &str,
        header: &mut Header,
    ) -> Result<(u64, Vec<u8>, NewArchive)> {
        let name = member_name(name)?;
        let unit = header.unit.as_deref();
        let start = npy::write_in(unit, &header.dtype, &header.shape, header.order)?;
        let behind = start.len() as u64;
        let plain = behind.saturating_add(header.byte_len()?);
        let member = NewMember::new(name, Method::Stored, plain, 0);
        let local = member.local_len(ALIGN.into(), behind);
        header.data_offset = local + behind;
        Ok((local, start, NewArchive { member, local }))
    }

    /// Writes what an archive has before its array and behind it, once all elements are there.
    pub(in crate::array) fn finish(mut self, file: &NewFile) -> Result<()> {
        let end = self.local + self.member.plain;
        let written = OpenFile::from_file(file.share()?)?;
        self.member.crc = checksum(&written, self.local, end)?;
        file.write_at(0, &self.member.write_local(self.local, ALIGN.into()))?;
        let put = |at: u64, bytes: &[u8]| file.write_at(at, bytes);
        let mut archive = Writing::new(&put, SaveNpz::default());
        archive.at = end;
        archive.members.push(self.member);
        archive.finish()
    }
}

/// Where bytes of the archive go.
pub(super) type Put<'p> = &'p (dyn Fn(u64, &[u8]) -> Result<()> + Sync);

/// An archive that is being written.
pub(super) struct Writing<'p> {
    pub(super) put: Put<'p>,
    pub(super) options: SaveNpz,
    /// Where the next member begins.
    pub(super) at: u64,
    pub(super) members: Vec<NewMember>,
    names: std::collections::HashSet<String>,
}

impl<'p> Writing<'p> {
    pub(super) fn new(put: Put<'p>, options: SaveNpz) -> Writing<'p> {
        Writing {
            put,
            options,
            at: 0,
            members: vec![],
            names: std::collections::HashSet::new(),
        }
    }

    /// # Errors
    /// `Mismatch` for a name that no member can have, or that one has.
    pub(super) fn take_name(&mut self, name: &str) -> Result<()> {
        let name = name.to_owned();
        if name.is_empty() || name.contains('\0') || name.len() > usize::from(u16::MAX) {
            return Err(Error::new(Problem::MemberName { name }));
        }
        match self.names.insert(name.clone()) {
            true => Ok(()),
            false => Err(Error::new(Problem::MemberKnown { name })),
        }
    }

    /// Writes an array behind what is there.
    pub(super) fn add(&mut self, key: &str, array: &MemMapArray) -> Result<()> {
        let name = member_name(key)?;
        self.take_name(&name)?;
        let data = Data::new(array)?;
        let method = match self.options.storing {
            Storing::Stored => Method::Stored,
            Storing::Deflated => Method::Deflated,
        };
        let mut member = NewMember::new(name, method, data.len(), self.at);
        let align = u64::from(self.options.align);
        let local = member.local_len(align, data.header.len() as u64);
        (member.crc, member.packed) = match self.options.storing {
            Storing::Stored => (data.store(self.put, self.at + local)?, data.len()),
            Storing::Deflated => data.deflate(self.put, self.at + local)?,
        };
        (self.put)(self.at, &member.write_local(local, align))?;
        self.at += local + member.packed;
        self.members.push(member);
        Ok(())
    }

    /// Bytes that a stored member takes which begins at `at`.
    pub(super) fn space(key: &str, array: &MemMapArray, at: u64, align: u64) -> Result<u64> {
        let data = Data::new(array)?;
        let member = NewMember::new(format!("{key}.npy"), Method::Stored, data.len(), at);
        Ok(member.local_len(align, data.header.len() as u64) + data.len())
    }

    /// Writes the directory.
    pub(super) fn finish(&self) -> Result<()> {
        let mut bytes = vec![];
        for member in &self.members {
            member.write_entry(&mut bytes);
        }
        let end = zip::write_end(self.members.len() as u64, self.at, bytes.len() as u64);
        bytes.extend(end);
        (self.put)(self.at, &bytes)
    }
}

/// What the member of an array is called.
pub(super) fn member_name(key: &str) -> Result<String> {
    let name = format!("{key}.npy");
    if key.is_empty() || key.contains('\0') || name.len() > usize::from(u16::MAX) {
        let name = key.to_owned();
        return Err(Error::new(Problem::MemberName { name }));
    }
    Ok(name)
}

/// What becomes the data of a member: a header and elements.
struct Data {
    header: Vec<u8>,
    source: Source,
    walk: Walk,
    item: usize,
    /// Bytes of the elements.
    bytes: usize,
}

impl Data {
    fn new(array: &MemMapArray) -> Result<Data> {
        let (dtype, shape, order) = (array.dtype(), array.shape(), array.order());
        let text = unit::text_of(array.unit());
        // In the order in which they will lie.
        let lying = crate::layout::Layout::contiguous(shape, dtype.size(), order, 0)?;
        let axes = lying.memory_order();
        Ok(Data {
            header: npy::write_in(text.as_deref(), dtype, shape, order)?,
            source: array.source(),
            walk: Walk::new(&array.layout().permuted(&axes)),
            item: dtype.size().max(1),
            bytes: lying.byte_len(),
        })
    }

    fn len(&self) -> u64 {
        self.header.len() as u64 + self.bytes as u64
    }

    /// Bytes of a piece.
    fn piece(&self) -> usize {
        (PIECE / self.item).max(1) * self.item
    }

    /// Reads a piece.
    fn load(&self, n: usize, buffer: &mut Vec<u8>) -> Result<()> {
        let from = n * self.piece();
        buffer.resize(self.piece().min(self.bytes - from), 0);
        self.source.load_raw(&self.walk, from / self.item, buffer)
    }

    /// The checksum of all, from those of the pieces.
    fn sum(&self, sums: &[u32]) -> u32 {
        let mut all = crc32fast::Hasher::new();
        all.update(&self.header);
        for (n, &sum) in sums.iter().enumerate() {
            let len = self.piece().min(self.bytes - n * self.piece());
            all.combine(&crc32fast::Hasher::new_with_initial_len(sum, len as u64));
        }
        all.finalize()
    }

    /// Writes it as it is; its checksum.
    fn store(&self, put: Put<'_>, at: u64) -> Result<u32> {
        put(at, &self.header)?;
        let first = at + self.header.len() as u64;
        let mut sums = vec![0; self.bytes.div_ceil(self.piece())];
        share_out(
            sums.iter_mut().enumerate(),
            self.bytes,
            |(n, sum), buffer| {
                self.load(n, buffer)?;
                *sum = crc32fast::hash(buffer);
                put(first + (n * self.piece()) as u64, buffer)
            },
        )?;
        Ok(self.sum(&sums))
    }

    /// Writes it deflated; its checksum, and how many bytes it takes.
    ///
    /// Pieces are deflated on their own and end at whole bytes: put behind each other they are one
    /// stream. The first is the header.
    fn deflate(&self, put: Put<'_>, at: u64) -> Result<(u32, u64)> {
        let count = self.bytes.div_ceil(self.piece());
        let last = |n: usize| match n == count {
            true => FlushCompress::Finish,
            false => FlushCompress::Sync,
        };
        let mut packed = vec![];
        deflate(&self.header, last(0), &mut packed)?;
        put(at, &packed)?;
        let mut done = packed.len() as u64;
        let mut sums = vec![0; count];
        // So many at once that no thread waits long for another.
        let batch = 4 * cores();
        let mut outputs = vec![vec![]; batch.min(count)];
        for (turn, sums) in sums.chunks_mut(batch).enumerate() {
            let bytes = (sums.len() * self.piece()).min(self.bytes - turn * batch * self.piece());
            let work = sums.iter_mut().zip(&mut outputs).enumerate();
            share_out(work, bytes, |(i, (sum, output)), buffer| {
                let n = turn * batch + i;
                self.load(n, buffer)?;
                *sum = crc32fast::hash(buffer);
                output.clear();
                deflate(buffer, last(n + 1), output)
            })?;
            for output in &outputs[..sums.len()] {
                put(at + done, output)?;
                done += output.len() as u64;
            }
        }
        Ok((self.sum(&sums), done))
    }
}

/// Deflates bytes to the end of `out`.
fn deflate(bytes: &[u8], end: FlushCompress, out: &mut Vec<u8>) -> Result<()> {
    let mut deflater = Compress::new(Compression::default(), false);
    out.reserve(bytes.len() / 2 + 64);
    loop {
        let rest = &bytes[deflater.total_in() as usize..];
        let before = out.len();
        let status = deflater.compress_vec(rest, out, end);
        let room = out.capacity() - out.len();
        match status {
            Ok(Status::StreamEnd) => return Ok(()),
            // Room that is left was not needed: all is out.
            Ok(_)
                if end == FlushCompress::Sync
                    && deflater.total_in() == bytes.len() as u64
                    && room > 0 =>
            {
                return Ok(());
            }
            Ok(_) if out.len() > before || room < 64 => out.reserve(bytes.len() / 2 + 64),
            _ => return Err(Error::new(Problem::Deflate)),
        }
    }
}
