//! How is an archive written anew?
//!
//! Data are copied as they are, or inflated; nothing is computed. What was damaged is not copied.
//!
//! Knows: errors, formats, maps. Must not know: operations, expressions.

use std::path::{Path, PathBuf};

use super::save::{SaveNpz, Writing};
use super::{Archive, COPY_BYTES, check_sum, checksum, data_of, inflate, member_header, read_all};
use crate::array::Inflate;
use crate::error::{Error, Result};
use crate::format::npy;
use crate::format::zip::{Member, Method, NewMember};
use crate::map::{Allocate, Flush, Mode, NewFile, OpenFile};

/// Writes an archive anew, with the elements of stored members at multiples of `options.align`.
///
/// Deflated members stay so, unless `inflate` allows that they are stored; to deflate, save the arrays.
/// The two names may be one: the new archive takes the place of the old one in one step.
///
/// # Errors
/// `Io` if it cannot be read or written, `Malformed` if it is damaged, `Unsupported` if a member would
/// be larger than `inflate` allows.
///
/// ```
/// use maparray::{Contents, MemMapArray, SaveNpz, align_npz, save_npz};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.npz");
/// let x = MemMapArray::from_slice(&[1.5_f64]);
/// save_npz(&path, &[("x", &x)], &SaveNpz::default())?;
/// align_npz(&path, &path, &SaveNpz { align: 4096, ..SaveNpz::default() }, None)?;
/// assert_eq!(Contents::open(&path)?.entry(0)?.header.data_offset, 4096);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn align_npz(
    from: impl AsRef<Path>,
    to: impl AsRef<Path>,
    options: &SaveNpz,
    inflate: Option<&Inflate>,
) -> Result<()> {
    let (from, to) = (from.as_ref(), to.as_ref());
    let file = OpenFile::open(from, Mode::Read)?;
    let archive = Archive::open(&file).map_err(|error| error.at(from))?;
    let write = || {
        options.check()?;
        let new = NewFile::create(to, 0, options.existing, Allocate::Sparse)?;
        let put = |at: u64, bytes: &[u8]| new.write_at(at, bytes);
        let mut writing = Writing::new(&put, *options);
        for (index, member) in archive.members.iter().enumerate() {
            let copied = writing.copy(&archive, &file, index, inflate);
            // Of two files, the one that was read is more likely to be meant.
            copied.map_err(|error| error.at(member_name(from, member)))?;
        }
        writing.finish()?;
        new.commit(Flush::Durable)
    };
    write().map_err(|error: Error| error.at(to))
}

fn member_name(path: &Path, member: &Member) -> PathBuf {
    format!("{}:{}", path.display(), member.key()).into()
}

impl Writing<'_> {
    fn copy(
        &mut self,
        archive: &Archive,
        file: &OpenFile,
        index: usize,
        inflate: Option<&Inflate>,
    ) -> Result<()> {
        let member = &archive.members[index];
        self.take_name(&member.name)?;
        let data = data_of(file, member)?;
        // Of what is no array, the first byte is aligned.
        let header = member_header(file, member, npy::HEADER_LIMIT);
        let behind = header.map_or(0, |(header, _)| header.data_offset);
        let align = u64::from(self.options.align);
        let stored = member.method == Method::Deflated && inflate.is_some();
        let (mut new, align) = match (member.method, inflate) {
            (Method::Deflated, Some(how)) => {
                how.check(&member.name, member.packed, member.plain)?;
                let name = member.name.clone();
                let new = NewMember::new(name, Method::Stored, member.plain, self.at);
                (new, align)
            }
            (Method::Stored, _) => (member.again(self.at), align),
            _ => (member.again(self.at), 1),
        };
        new.crc = member.crc;
        let local = new.local_len(align, behind);
        let to = self.at + local;
        if stored {
            inflate::inflate(file, member, data, |at, bytes| (self.put)(to + at, bytes))?;
        } else {
            if member.method == Method::Stored {
                check_sum(member, checksum(file, data, data + member.plain)?)?;
            }
            let mut buffer = vec![0; COPY_BYTES];
            let mut done = 0;
            while done < member.packed {
                let count = (member.packed - done).min(COPY_BYTES as u64) as usize;
                read_all(file, data + done, &mut buffer[..count])?;
                (self.put)(to + done, &buffer[..count])?;
                done += count as u64;
            }
        }
        (self.put)(self.at, &new.write_local(local, align))?;
        self.at = to + new.packed;
        self.members.push(new);
        Ok(())
    }
}
