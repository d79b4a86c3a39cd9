//! What do other systems call it?
//!
//! Knows: system calls. Must not know: regions.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Behind;

/// What the pages of a range are made ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// What tells one file from another: here each opening counts as a file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId(u64);

impl FileId {
    /// Nothing that another process would find again.
    pub(super) fn numbers(self) -> Option<(u64, u64)> {
        None
    }
}

pub(super) fn file_id(_metadata: &std::fs::Metadata) -> FileId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    FileId(NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(super) fn open_options() -> OpenOptions {
    OpenOptions::new()
}

/// Whether a descriptor may be written to: unknown here, so the attempt decides.
pub(super) fn is_writable(_file: &File) -> io::Result<bool> {
    Ok(true)
}

/// Takes the disk's blocks for the first `len` bytes: there is no call for it here.
pub(super) fn allocate(_file: &File, _len: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// There are no unnamed files here.
pub(super) fn unnamed(_folder: &Path) -> Option<File> {
    None
}

/// There are no unnamed files here.
pub(super) fn give_name(_file: &File, _name: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A file in this folder that goes away when it is closed.
pub(super) fn unlinked(folder: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    const DELETE_ON_CLOSE: u32 = 0x0400_0000;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .custom_flags(DELETE_ON_CLOSE)
        .open(super::replace::hidden("temporary", folder))
}

/// There is no call for it here.
pub(super) fn populate(
    _map: &memmap2::MmapRaw,
    _range: Range<usize>,
    _access: Access,
) -> io::Result<()> {
    Ok(())
}

/// The system writes back as it likes here.
pub(super) fn behind(_file: &File, _range: Range<u64>, _behind: Behind) -> io::Result<()> {
    Ok(())
}

/// A rename needs no further step here.
pub(super) fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Writes at an offset.
pub(super) fn write_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}

/// Reads at an offset; may read less.
pub(super) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}

/// Permissions are inherited from the folder here.
pub(super) fn keep_permissions(_file: &File, _old: &std::fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// Bytes of a page of memory, near enough for counting.
pub(super) fn page_size() -> usize {
    4096
}

/// Which pages are in memory is not known here: all of them.
///
/// # Safety
/// None needed: nothing is read.
pub(super) unsafe fn resident_pages(_first: usize, _page: usize, flags: &mut [u8]) {
    flags.fill(1);
}

/// Lets go of what the page cache holds of a part of a file: there is no call for it here.
pub(super) fn forget(_file: &File, _offset: u64, _len: u64) {}

/// Whether a file can be mapped beyond its end: here that would make it longer.
pub(super) const CAN_MAP_AHEAD: bool = false;

/// The same file.
pub(super) fn opened_again(file: &File) -> io::Result<File> {
    file.try_clone()
}

/// Whether [`move_pages`] works.
pub(super) const CAN_MOVE_PAGES: bool = false;

/// There is no call for it here.
///
/// # Safety
/// None: it does nothing.
pub(super) unsafe fn move_pages(_from: *mut u8, _len: usize, _to: *mut u8) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// There is no such name here.
pub(super) fn link(_file: &File) -> Option<std::path::PathBuf> {
    None
}
