//! How does an archive get another array, in place?
//!
//! The old directory is copied to where the file will end, before anything else is written: from then
//! on readers find it there, whatever becomes of the new members. Then these are written into the
//! gap, then the new directory behind the copy. Each step is on the disk before the next.
//!
//! Knows: errors, formats, maps. Must not know: operations, expressions.

use std::path::Path;
use std::sync::Arc;

use super::save::{SaveNpz, Storing, Writing, save_npz};
use super::{Archive, COPY_BYTES, check_sum, checksum, data_of, mend, read_all, read_directory};
use crate::array::{Contents, MemMapArray};
use crate::error::{Error, Problem, Result};
use crate::format::zip::{self, Method};
use crate::map::{Existing, Mode, OpenFile};

/// What is written at once by the system, or not at all, when the program is killed.
const PAGE: u64 = 4096;

/// Adds an array to an `.npz` archive in place, or makes one.
///
/// Whenever the program is stopped, the file is the old archive or the new one. Arrays that are mapped
/// from it stay where they are. The old directory stays in the file, and a copy of it: bytes that
/// nobody needs, which [`align_npz`](crate::align_npz) leaves out.
///
/// # Errors
/// `Io` if it cannot be written, `Malformed` if it is no archive, `Mismatch` if it has an array of that
/// name, `InUse` while another array is added.
///
/// ```
/// use maparray::{Contents, MemMapArray, SaveNpz, append_npz};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.npz");
/// for (n, name) in ["x", "y"].into_iter().enumerate() {
///     append_npz(&path, name, &MemMapArray::from_slice(&[n as u64]), &SaveNpz::default())?;
/// }
/// assert_eq!(Contents::open(&path)?.keys(), ["x", "y"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn append_npz(
    path: impl AsRef<Path>,
    name: &str,
    array: &MemMapArray,
    options: &SaveNpz,
) -> Result<()> {
    extend_npz(path, &[(name, array)], options)
}

/// Adds arrays to an `.npz` archive in place, all of them or none, or makes one.
///
/// # Errors
/// As [`append_npz`]; `Mismatch` also if two of them have one name.
///
/// ```
/// use maparray::{Contents, MemMapArray, SaveNpz, extend_npz};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.npz");
/// let (x, y) = (MemMapArray::from_slice(&[1.5_f64]), MemMapArray::from_slice(&[1_u8, 2]));
/// extend_npz(&path, &[("x", &x), ("y", &y)], &SaveNpz::default())?;
/// assert!(extend_npz(&path, &[("z", &x), ("y", &y)], &SaveNpz::default()).is_err());
/// assert_eq!(Contents::open(&path)?.keys(), ["x", "y"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn extend_npz(
    path: impl AsRef<Path>,
    arrays: &[(&str, &MemMapArray)],
    options: &SaveNpz,
) -> Result<()> {
    let path = path.as_ref();
    if path.symlink_metadata().is_err() {
        let options = SaveNpz {
            existing: Existing::Refuse,
            ..*options
        };
        match save_npz(path, arrays, &options) {
            // Somebody else was as quick: it is added to what they made.
            Err(error) if error.is_about_name() => {}
            done => return done,
        }
    }
    let file = OpenFile::open(path, Mode::ReadWrite)?;
    append(&file, arrays, options).map_err(|error| error.at(path))
}

fn check_absent(archive: &Archive, name: &str) -> Result<()> {
    let member = format!("{name}.npy");
    if archive.find(&member).is_some() || archive.find(name).is_some() {
        let name = name.to_owned();
        return Err(Error::new(Problem::MemberKnown { name }));
    }
    Ok(())
}

/// Checks, before there is an array, that one of this name could be added to an archive.
pub(in crate::array) fn check_new(path: &Path, name: &str) -> Result<()> {
    let file = OpenFile::open(path, Mode::ReadWrite)?;
    super::save::member_name(name)?;
    check_absent(&Archive::open(&file)?, name)
}

/// An array of an archive, mapped.
pub(in crate::array) fn find_npz(path: &Path, name: &str) -> Result<MemMapArray> {
    let contents = Contents::open(path)?;
    contents.array(contents.find(Some(name))?, Mode::Read)
}

fn append(file: &Arc<OpenFile>, arrays: &[(&str, &MemMapArray)], options: &SaveNpz) -> Result<()> {
    options.check()?;
    let _lock = file.lock_growth()?;
    let archive = Archive::open(file)?;
    let unused = |_: u64, _: &[u8]| Ok(());
    let mut names = Writing::new(&unused, *options);
    for (name, _) in arrays {
        check_absent(&archive, name)?;
        names.take_name(&format!("{name}.npy"))?;
    }
    let (old, directory) = read_directory(file)?;
    let start = file.len()?;
    let align = u64::from(options.align);

    // Their size must be known first: what is deflated goes to a file of its own.
    let temporary = OpenFile::temporary(None, 0)?;
    let put = |at: u64, bytes: &[u8]| temporary.write_at(at, bytes);
    let mut aside = Writing::new(&put, *options);
    let mut deflated = vec![];
    let mut len = 0;
    for (name, array) in arrays {
        len += match options.storing {
            Storing::Stored => Writing::space(name, array, start + len, align)?,
            Storing::Deflated => {
                aside.add(name, array)?;
                let added = aside.members.pop().map(|member| {
                    let from = aside.at - member.packed;
                    let len = member.local_len(1, 0).saturating_add(member.packed);
                    deflated.push((member, from));
                    len
                });
                added.unwrap_or(0)
            }
        };
    }

    // Where the file will end, for readers until the new directory is there.
    let entries = archive.len() as u64;
    let guard_len = (directory.len() + zip::write_end(entries, start + len, 0).len()) as u64;
    let mut guard = start + len;
    if guard % PAGE + guard_len > PAGE {
        guard = guard.next_multiple_of(PAGE);
    }
    let mut bytes = directory.clone();
    bytes.extend(zip::write_end(entries, guard, directory.len() as u64));
    file.write_at(guard, &bytes)?;
    file.sync()?;

    let put = |at: u64, bytes: &[u8]| file.write_at(at, bytes);
    let mut writing = Writing::new(&put, *options);
    writing.at = start;
    if options.storing == Storing::Stored {
        for (name, array) in arrays {
            writing.add(name, array)?;
        }
    }
    for (mut member, from) in deflated {
        let at = writing.at;
        member.offset = at;
        let local = member.local_len(1, 0);
        let mut buffer = vec![0; COPY_BYTES];
        let mut done = 0;
        while done < member.packed {
            let count = (member.packed - done).min(COPY_BYTES as u64) as usize;
            read_all(&temporary, from + done, &mut buffer[..count])?;
            put(at + local + done, &buffer[..count])?;
            done += count as u64;
        }
        put(at, &member.write_local(local, 1))?;
        writing.at += local + member.packed;
        writing.members.push(member);
    }
    file.sync()?;

    let at = guard + bytes.len() as u64;
    let mut bytes = directory.clone();
    for member in &writing.members {
        member.write_entry(&mut bytes);
    }
    let new = zip::write_end(entries + arrays.len() as u64, at, bytes.len() as u64);
    bytes.extend(new);
    put(at, &bytes)?;
    file.sync()?;
    // Who wrote to a member meanwhile brought its checksum up to date where the directory was then.
    let mut now = vec![0; directory.len()];
    for place in [old.directory.start, guard] {
        read_all(file, place, &mut now)?;
        for member in archive.members.iter().filter(|_| now != directory) {
            let at = (member.entry - old.directory.start) as usize;
            let entry = at..at + zip::ENTRY;
            if now.get(entry.clone()) != directory.get(entry) {
                mend(file, member.offset)?;
            }
        }
    }
    Ok(())
}

/// Makes an archive good again whose program was stopped, and says what was wrong, a line each.
///
/// Of one that ends in the middle of something, what follows the last whole directory is cut off. Of
/// members that were changed in place, the checksum is computed anew, so that NumPy reads them: whoever
/// calls this says that the data are right.
///
/// # Errors
/// `Io` if it cannot be read or written, `Malformed` if there is no whole directory in it, `InUse` if
/// what should be cut off is mapped, or while an array is added.
///
/// ```
/// use maparray::{Contents, MemMapArray, SaveNpz, repair_npz, save_npz};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.npz");
/// save_npz(&path, &[("x", &MemMapArray::from_slice(&[1.5_f64]))], &SaveNpz::default())?;
/// let whole = std::fs::read(&path)?;
/// std::fs::write(&path, [&whole[..], &[0; 100_000]].concat())?;
/// assert!(Contents::open(&path).is_err());
/// assert_eq!(repair_npz(&path)?, ["100000 bytes behind the archive cut off"]);
/// assert_eq!(std::fs::read(&path)?, whole);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn repair_npz(path: impl AsRef<Path>) -> Result<Vec<String>> {
    let path = path.as_ref();
    let file = OpenFile::open(path, Mode::ReadWrite)?;
    repair(&file).map_err(|error| error.at(path))
}

fn repair(file: &Arc<OpenFile>) -> Result<Vec<String>> {
    let _lock = file.lock_growth()?;
    let mut said = vec![];
    let (len, stop) = (file.len()?, last_whole(file)?);
    if stop < len {
        file.cut(stop)?;
        file.sync()?;
        said.push(format!("{} bytes behind the archive cut off", len - stop));
    }
    for member in &Archive::open(file)?.members {
        if member.method != Method::Stored || member.check_readable().is_err() {
            continue;
        }
        let data = data_of(file, member)?;
        if check_sum(member, checksum(file, data, data + member.plain)?).is_err() {
            mend(file, member.offset)?;
            said.push(format!("checksum of `{}` computed anew", member.key()));
        }
    }
    Ok(said)
}

/// Where the last directory ends that is whole and has its members in the file.
fn last_whole(file: &OpenFile) -> Result<u64> {
    const STEP: u64 = 1 << 20;
    let len = file.len()?;
    let mut to = len;
    let mut bytes = vec![];
    while to > 0 {
        // A signature may lie across the border of two pieces.
        let from = to.saturating_sub(STEP);
        bytes.resize((len.min(to + 3) - from) as usize, 0);
        read_all(file, from, &mut bytes)?;
        let places = bytes.windows(4).enumerate().rev();
        for (at, _) in places.filter(|(_, four)| *four == b"PK\x05\x06") {
            if let Some(stop) = whole_at(file, from + at as u64, len)? {
                return Ok(stop);
            }
        }
        to = from;
    }
    Err(Error::new(Problem::NotZip))
}

/// Where the archive ends whose end record begins here, if it is one.
fn whole_at(file: &OpenFile, at: u64, len: u64) -> Result<Option<u64>> {
    // The record, and those of zip64 before it; the comment has no part in what counts.
    let from = at.saturating_sub(76);
    let mut tail = vec![0; (len.min(at + 22) - from) as usize];
    read_all(file, from, &mut tail)?;
    let Some(comment) = tail.get((at - from) as usize + 20..) else {
        return Ok(None);
    };
    let [low, high] = *comment else {
        return Ok(None);
    };
    let comment = u64::from(u16::from_le_bytes([low, high]));
    let stop = at + 22 + comment;
    if stop > len {
        return Ok(None);
    }
    tail.resize(tail.len() + comment as usize, 0);
    let Ok(end) = zip::end(&tail, stop) else {
        return Ok(None);
    };
    let mut bytes = vec![0; (end.directory.end - end.directory.start) as usize];
    read_all(file, end.directory.start, &mut bytes)?;
    Ok(zip::directory(&bytes, &end).is_ok().then_some(stop))
}
