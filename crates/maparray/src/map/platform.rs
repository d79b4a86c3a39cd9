//! What do Unix systems call it?
//!
//! Knows: system calls. Must not know: regions.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// What tells one file from another, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId(u64, u64);

impl FileId {
    /// Device and inode.
    pub(super) fn numbers(self) -> Option<(u64, u64)> {
        Some((self.0, self.1))
    }
}

pub(super) fn file_id(file: &File) -> io::Result<FileId> {
    let metadata = file.metadata()?;
    Ok(FileId(metadata.dev(), metadata.ino()))
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
