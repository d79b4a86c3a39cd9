//! How is a deflated member copied?
//!
//! Piece by piece, and never more than was allowed or the directory claims: into memory, or into a
//! file without a name where it is too large for that.
//!
//! Knows: errors, formats, maps. Must not know: operations, expressions.

use std::sync::{Mutex, PoisonError};

use flate2::{Decompress, FlushDecompress, Status};

use super::{Archive, check_sum, member_header};
use crate::array::{MemMapArray, unit};
use crate::crew::{Crew, callers_watch, cores, free_memory};
use crate::error::{Error, Problem, Result};
use crate::format::zip::{Member, Method};
use crate::format::{Header, npy};
use crate::map::{OpenFile, Region};

/// Bytes that are read and inflated at once.
const PIECE: usize = 1 << 18;

/// How much may come of a deflated member, and where it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inflate {
    /// The most bytes that may come of it. If `None`, the least of 4 GiB and 1000 times what it takes
    /// in the archive, but 16 MiB in any case.
    pub most: Option<u64>,
    /// Up to so many bytes go to memory, more to a file without a name that is mapped; if `None`, half
    /// of the memory that is free.
    pub memory: Option<u64>,
}

impl Inflate {
    /// Into memory, however much is allowed.
    pub(in crate::array) const IN_MEMORY: Inflate = Inflate {
        most: None,
        memory: Some(u64::MAX),
    };

    /// The most bytes that may come of so many.
    fn limit(&self, packed: u64) -> u64 {
        const LEAST: u64 = 16 << 20;
        const MOST: u64 = 4 << 30;
        let usual = packed.saturating_mul(1000).clamp(LEAST, MOST);
        self.most.unwrap_or(usual)
    }

    pub(super) fn check(&self, name: &str, packed: u64, plain: u64) -> Result<()> {
        let limit = self.limit(packed);
        if plain <= limit {
            return Ok(());
        }
        let name = name.into();
        Err(Error::new(Problem::InflateLimit { name, plain, limit }))
    }

    /// Room for the elements of an array, in memory or in a file without a name.
    pub(in crate::array) fn room(&self, header: &Header) -> Result<MemMapArray> {
        let (dtype, shape, order) = (&header.dtype, &header.shape, header.order);
        match self.fits_memory(header.byte_len()?) {
            true => MemMapArray::zeros(dtype, shape, order),
            false => MemMapArray::temporary(dtype, shape, order, None),
        }
    }

    fn fits_memory(&self, bytes: u64) -> bool {
        let half = || free_memory().map_or(1 << 30, |free| free / 2);
        bytes <= self.memory.unwrap_or_else(half)
    }
}

impl Archive {
    /// Copies a deflated member as it is in the archive, byte order and all; one that is stored, too.
    pub(in crate::array) fn inflate(
        &self,
        file: &OpenFile,
        index: usize,
        how: &Inflate,
    ) -> Result<MemMapArray> {
        let member = self.member(index)?;
        let (header, data) = member_header(file, member, npy::HEADER_LIMIT)?;
        how.check(&member.name, member.packed, member.plain)?;
        let unit = unit::of_header(&header)?;
        let mut array = how.room(&header)?;
        let (first, len) = (header.data_offset, array.byte_len());
        let writer = Region::writer(&mut array.region)?;
        inflate(file, member, data, |at, bytes| {
            // The header is known, and what follows the elements is nobody's.
            let skip = first.saturating_sub(at).min(bytes.len() as u64) as usize;
            let to = (at + skip as u64).saturating_sub(first);
            let to = usize::try_from(to).unwrap_or(usize::MAX).min(len);
            let bytes = &bytes[skip..];
            writer.write(to, &bytes[..bytes.len().min(len - to)])
        })?;
        Ok(array.sharing_unit(unit))
    }

    /// Copies every array, several at a time.
    pub(in crate::array) fn inflate_all(
        &self,
        file: &OpenFile,
        how: &Inflate,
    ) -> Result<Vec<(String, MemMapArray)>> {
        let members: Vec<(usize, &Member)> = self.arrays().collect();
        let total = |size: fn(&Member) -> u64| {
            let sizes = members.iter().map(|(_, member)| size(member));
            sizes.fold(0, u64::saturating_add)
        };
        // What is allowed is allowed for all of them together.
        let plain = total(|member| member.plain);
        how.check("all members", total(|member| member.packed), plain)?;
        let memory = match how.fits_memory(plain) {
            true => Some(u64::MAX),
            false => Some(0),
        };
        let each = Inflate {
            most: Some(u64::MAX),
            memory,
        };
        let copies: Mutex<Vec<_>> = Mutex::new(vec![None; members.len()]);
        let crew = Crew::new(cores(), plain, callers_watch());
        crew.run(
            members.len(),
            || Ok(()),
            |n, (), thread| {
                let (index, member) = members[n];
                let copy = self.inflate(file, index, &each)?;
                copies.lock().unwrap_or_else(PoisonError::into_inner)[n] =
                    Some((member.key().to_owned(), copy));
                thread.advance(member.plain)
            },
        )?;
        let copies = copies.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(copies.into_iter().flatten().collect())
    }
}

fn damaged(member: &Member) -> Error {
    Error::new(Problem::Inflate {
        name: member.name.clone(),
        plain: member.plain,
    })
}

/// Gives the data of a member to `take`, piece by piece with the place of each, and compares them with
/// their checksum.
///
/// # Errors
/// `Malformed` if they are damaged, or of another size than the directory claims.
pub(super) fn inflate(
    file: &OpenFile,
    member: &Member,
    data: u64,
    mut take: impl FnMut(u64, &[u8]) -> Result<()>,
) -> Result<()> {
    let mut sum = crc32fast::Hasher::new();
    let mut done = 0;
    pieces(file, member, data, PIECE, |bytes| {
        if bytes.len() as u64 > member.plain - done {
            return Err(damaged(member));
        }
        sum.update(bytes);
        take(done, bytes)?;
        done += bytes.len() as u64;
        Ok(true)
    })?;
    if done < member.plain {
        return Err(damaged(member));
    }
    check_sum(member, sum.finalize())
}

/// The first bytes of a member's data; how many there are.
pub(super) fn start(file: &OpenFile, member: &Member, data: u64, out: &mut [u8]) -> Result<usize> {
    let mut done = 0;
    pieces(file, member, data, out.len(), |bytes| {
        let count = bytes.len().min(out.len() - done);
        out[done..done + count].copy_from_slice(&bytes[..count]);
        done += count;
        Ok(done < out.len())
    })?;
    Ok(done)
}

/// Gives data to `take` until they end, or it wants no more.
fn pieces(
    file: &OpenFile,
    member: &Member,
    data: u64,
    size: usize,
    mut take: impl FnMut(&[u8]) -> Result<bool>,
) -> Result<()> {
    let mut input = vec![0; size.clamp(1 << 10, PIECE)];
    let mut output = vec![0; input.len()];
    let (mut from, end) = (data, data + member.packed);
    let mut inflater = Decompress::new(false);
    loop {
        let left = usize::try_from(end - from).unwrap_or(usize::MAX);
        let count = input.len().min(left);
        super::read_all(file, from, &mut input[..count])?;
        from += count as u64;
        if member.method == Method::Stored {
            if count == 0 || !take(&input[..count])? {
                return Ok(());
            }
            continue;
        }
        let mut rest = &input[..count];
        loop {
            let (read, written) = (inflater.total_in(), inflater.total_out());
            let status = inflater.decompress(rest, &mut output, FlushDecompress::None);
            // No more than `rest` and `output`, which are slices.
            let read = (inflater.total_in() - read) as usize;
            let written = (inflater.total_out() - written) as usize;
            rest = &rest[read..];
            let more = written == 0 || take(&output[..written])?;
            match status {
                Err(_) => return Err(damaged(member)),
                Ok(_) if !more => return Ok(()),
                Ok(Status::StreamEnd) => return Ok(()),
                Ok(_) if written == output.len() => {}
                Ok(_) if rest.is_empty() && from < end => break,
                Ok(_) if read == 0 && written == 0 => return Err(damaged(member)),
                Ok(_) => {}
            }
        }
    }
}
