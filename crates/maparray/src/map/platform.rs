//! What do Unix systems call it?
//!
//! Knows: system calls. Must not know: regions.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use memmap2::MmapRaw;
use rustix::fs::OFlags;

use super::Behind;

/// What tells one file from another, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId(u64, u64);

impl FileId {
    /// Device and inode.
    pub(super) fn numbers(self) -> Option<(u64, u64)> {
        Some((self.0, self.1))
    }
}

pub(super) fn file_id(metadata: &std::fs::Metadata) -> FileId {
    FileId(metadata.dev(), metadata.ino())
}

/// Opens without waiting for the other end of a pipe.
pub(super) fn open_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(OFlags::NONBLOCK.bits() as i32);
    options
}

/// Whether a descriptor may be written to.
pub(super) fn is_writable(file: &File) -> io::Result<bool> {
    let flags = rustix::fs::fcntl_getfl(file)?;
    Ok(flags.intersects(OFlags::RDWR | OFlags::WRONLY))
}

/// Takes the disk's blocks for the first `len` bytes; `Unsupported` where the file system cannot.
#[cfg(target_os = "linux")]
pub(super) fn allocate(file: &File, len: u64) -> io::Result<()> {
    use rustix::io::Errno;
    loop {
        match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, len) {
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Err(io::ErrorKind::Unsupported.into()),
            other => return other.map_err(io::Error::from),
        }
    }
}

/// Takes the disk's blocks for the first `len` bytes: there is no call for it here.
#[cfg(not(target_os = "linux"))]
pub(super) fn allocate(_file: &File, _len: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A file in this folder that has no name and goes away with its descriptor, whatever ends the
/// program; `None` where there is no such thing.
#[cfg(target_os = "linux")]
pub(super) fn unnamed(folder: &Path) -> Option<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let mode = rustix::fs::Mode::from_raw_mode(0o666);
    let file = File::from(rustix::fs::open(folder, flags, mode).ok()?);
    // Its name will be given through this link.
    descriptor_link(&file).exists().then_some(file)
}

/// Gives a name to an unnamed file; an error if the name is taken.
#[cfg(target_os = "linux")]
pub(super) fn give_name(file: &File, name: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD};
    let link = descriptor_link(file);
    Ok(rustix::fs::linkat(
        CWD,
        &link,
        CWD,
        name,
        AtFlags::SYMLINK_FOLLOW,
    )?)
}

#[cfg(target_os = "linux")]
fn descriptor_link(file: &File) -> std::path::PathBuf {
    use std::os::fd::AsRawFd;
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

/// A name that other processes can open a file by, as long as this one has it open.
#[cfg(target_os = "linux")]
pub(super) fn link(file: &File) -> Option<std::path::PathBuf> {
    use std::os::fd::AsRawFd;
    Some(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()).into())
}

/// There is no such name here.
#[cfg(not(target_os = "linux"))]
pub(super) fn link(_file: &File) -> Option<std::path::PathBuf> {
    None
}

/// There are no unnamed files here.
#[cfg(not(target_os = "linux"))]
pub(super) fn unnamed(_folder: &Path) -> Option<File> {
    None
}

/// There are no unnamed files here.
#[cfg(not(target_os = "linux"))]
pub(super) fn give_name(_file: &File, _name: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A file in this folder whose name is taken away at once.
pub(super) fn unlinked(folder: &Path) -> io::Result<File> {
    let name = super::replace::hidden("temporary", folder);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&name)?;
    std::fs::remove_file(&name)?;
    Ok(file)
}

/// What the pages of a range are made ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// Makes the pages of a range ready at once; does nothing where the system has no call for it.
#[cfg(target_os = "linux")]
pub(super) fn populate(map: &MmapRaw, range: Range<usize>, access: Access) -> io::Result<()> {
    let advice = match access {
        Access::Read => memmap2::Advice::PopulateRead,
        Access::Write => memmap2::Advice::PopulateWrite,
    };
    let done = map.advise_range(advice, range.start, range.len());
    match done {
        // Kernels before 5.14 do not know it, some file systems refuse it.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
        // A store would end the process with SIGBUS: the disk has no room for what is not there yet.
        Err(error) if error.raw_os_error() == Some(libc::EFAULT) => {
            Err(io::Error::from_raw_os_error(libc::ENOSPC))
        }
        done => done,
    }
}

/// There is no call for it here.
#[cfg(not(target_os = "linux"))]
pub(super) fn populate(_map: &MmapRaw, _range: Range<usize>, _access: Access) -> io::Result<()> {
    Ok(())
}

/// How far dropping stays behind writing: what is on its way to the disk cannot be dropped.
#[cfg(target_os = "linux")]
const LAG: u64 = 16 << 20;

/// Starts writing back a range, and drops what lies a while before it.
#[cfg(target_os = "linux")]
pub(super) fn behind(file: &File, range: Range<u64>, behind: Behind) -> io::Result<()> {
    use rustix::fs::{Advice, fadvise};
    if behind == Behind::Leave || range.is_empty() {
        return Ok(());
    }
    sync_range(file, &range, libc::SYNC_FILE_RANGE_WRITE)?;
    if behind == Behind::Drop && range.end > LAG {
        let before = range.start.saturating_sub(LAG)..range.end - LAG;
        let wait = libc::SYNC_FILE_RANGE_WAIT_BEFORE
            | libc::SYNC_FILE_RANGE_WRITE
            | libc::SYNC_FILE_RANGE_WAIT_AFTER;
        sync_range(file, &before, wait)?;
        let len = std::num::NonZero::new(before.end - before.start);
        fadvise(file, before.start, len, Advice::DontNeed)?;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn sync_range(file: &File, range: &Range<u64>, flags: libc::c_uint) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let (start, len) = (range.start as i64, (range.end - range.start) as i64);
    // SAFETY: the call takes numbers only, and the descriptor is open while `file` is borrowed.
    let done = unsafe { libc::sync_file_range(file.as_raw_fd(), start, len, flags) };
    match (done, io::Error::last_os_error()) {
        (0, _) => Ok(()),
        // File systems without it write back as they like.
        (_, error)
            if matches!(
                error.raw_os_error(),
                Some(libc::ENOSYS | libc::ESPIPE | libc::EINVAL)
            ) =>
        {
            Ok(())
        }
        (_, error) => Err(error),
    }
}

/// The system writes back as it likes here.
#[cfg(not(target_os = "linux"))]
pub(super) fn behind(_file: &File, _range: Range<u64>, _behind: Behind) -> io::Result<()> {
    Ok(())
}

/// Makes a rename inside this folder outlive a crash.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Writes at an offset, leaving the file's position alone.
pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

/// Reads at an offset, leaving the file's position alone; may read less.
pub(super) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, offset)
}

/// Gives the new file the permissions of the old one.
pub(super) fn keep_permissions(file: &File, old: &std::fs::Metadata) -> io::Result<()> {
    file.set_permissions(old.permissions())
}

/// Bytes of a page of memory.
pub(super) fn page_size() -> usize {
    rustix::param::page_size()
}

/// Fills in, for each page from `first` on, a flag whose lowest bit says whether it is in memory.
///
/// # Safety
/// `first` is the first byte of `flags.len()` pages of `page` bytes that are mapped.
pub(super) unsafe fn resident_pages(first: usize, page: usize, flags: &mut [u8]) {
    let address = std::ptr::without_provenance_mut::<libc::c_void>(first);
    // SAFETY: by this function's contract; the call reads no memory of ours and writes one byte of
    // `flags` for each page.
    let answer = unsafe { libc::mincore(address, flags.len() * page, flags.as_mut_ptr().cast()) };
    if answer != 0 {
        flags.fill(1);
    }
}

/// Lets go of what the page cache holds of a part of a file.
#[cfg(target_os = "linux")]
pub(super) fn forget(file: &File, offset: u64, len: u64) {
    use std::num::NonZero;
    // Pages that are mapped or unwritten stay: the advice is not more than that.
    let Some(len) = NonZero::new(len) else { return };
    let _ = rustix::fs::fadvise(file, offset, Some(len), rustix::fs::Advice::DontNeed);
}

/// Lets go of what the page cache holds of a part of a file: there is no call for it here.
#[cfg(not(target_os = "linux"))]
pub(super) fn forget(_file: &File, _offset: u64, _len: u64) {}

/// Whether a file can be mapped beyond its end, and the bytes that it gets later are seen.
pub(super) const CAN_MAP_AHEAD: bool = true;

/// The same file, opened once more: its locks are not shared with child processes.
#[cfg(target_os = "linux")]
pub(super) fn opened_again(file: &File) -> io::Result<File> {
    // Without /proc the locks are shared with children.
    let again = OpenOptions::new()
        .read(true)
        .write(true)
        .open(descriptor_link(file));
    again.or_else(|_| file.try_clone())
}

/// The same file; its locks are shared with child processes.
#[cfg(not(target_os = "linux"))]
pub(super) fn opened_again(file: &File) -> io::Result<File> {
    file.try_clone()
}

/// Whether [`move_pages`] works.
pub(super) const CAN_MOVE_PAGES: bool = cfg!(target_os = "linux");

/// Moves the pages of `len` bytes at `from` to `to`, in place of those that are there, in one step.
///
/// # Safety
/// Both are the first bytes of pages, of mappings of `len` bytes that do not overlap. Nothing uses
/// `from` any more, and whoever uses `to` can live with the bytes that were at `from`.
#[cfg(target_os = "linux")]
pub(super) unsafe fn move_pages(from: *mut u8, len: usize, to: *mut u8) -> io::Result<()> {
    use rustix::mm::{MremapFlags, mremap_fixed};
    // SAFETY: by this function's contract.
    let moved = unsafe { mremap_fixed(from.cast(), len, len, MremapFlags::MAYMOVE, to.cast()) };
    moved.map(drop).map_err(io::Error::from)
}

/// There is no call for it here.
///
/// # Safety
/// None: it does nothing.
#[cfg(not(target_os = "linux"))]
pub(super) unsafe fn move_pages(_from: *mut u8, _len: usize, _to: *mut u8) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
