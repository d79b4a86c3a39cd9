//! How is a file opened and mapped?
//!
//! A process holds one descriptor per file, however many arrays share it: a table of (device, inode)
//! finds the one that is open already. Only regular files are taken, and only bytes that they have.
//!
//! Knows: errors. Must not know: what the bytes mean.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use memmap2::{MmapOptions, MmapRaw};

use super::platform::{self, FileId};
use super::replace::Mark;
use super::{Backing, Mode, Region};
use crate::error::{Error, Problem, Result};

/// The open files of this process.
static OPEN: LazyLock<Mutex<HashMap<FileId, Weak<OpenFile>>>> = LazyLock::new(Mutex::default);

/// The part of a file to map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte; need not be at a page boundary.
    pub offset: u64,
    /// Number of bytes; to the end of the file if `None`.
    pub len: Option<u64>,
}

/// What to do when the part to map reaches beyond the end of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extend {
    /// It is an error.
    Never,
    /// The file grows, its new bytes allocated and zero. Needs [`Mode::ReadWrite`].
    Grow,
}

/// An open regular file: the one descriptor that this process has of it.
#[derive(Debug)]
pub struct OpenFile {
    id: FileId,
    /// Whether it has no name, so that no one else can open it.
    temporary: bool,
    handle: Mutex<Handle>,
    /// Whether somebody in this process is changing its length.
    pub(super) growing: AtomicBool,
    /// Whether a change of its length may not have reached the disk.
    pub(super) lost: AtomicBool,
    /// Whether it was changed by its descriptor, and nobody has waited for the disk since.
    pub(super) unsynced: AtomicBool,
    /// Bytes of a header before the elements, which says how many these are; 0 if none is known.
    header_len: AtomicU64,
}

#[derive(Debug)]
struct Handle {
    file: Arc<File>,
    writable: bool,
    /// Its length when it was opened last.
    len: u64,
    /// Bytes that mappings of this file reach to.
    mapped_to: u64,
    /// The name that it was last known to have.
    name: Option<PathBuf>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every critical section leaves the data whole, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OpenFile {
    /// Opens a file by name, or finds the descriptor that is open already.
    ///
    /// # Errors
    /// `Io` if it cannot be opened in this mode or is not a regular file.
    pub fn open(path: impl AsRef<Path>, mode: Mode) -> Result<Arc<OpenFile>> {
        let path = path.as_ref();
        let writable = mode == Mode::ReadWrite;
        platform::open_options()
            .read(true)
            .write(writable)
            .open(path)
            .map_err(|error| Error::io("open", error))
            .and_then(|file| OpenFile::adopt(file, writable))
            .inspect(|file| file.note_name(path))
            .map_err(|error| error.at(path))
    }

    /// Notes a name that it has.
    pub(crate) fn note_name(&self, path: &Path) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        lock(&self.handle).name = Some(path);
    }

    /// A name that it has now; `None` if none is known.
    ///
    /// ```
    /// use maparray::{Mode, OpenFile};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.raw");
    /// std::fs::write(&path, [7; 10])?;
    /// let file = OpenFile::open(&path, Mode::Read)?;
    /// assert_eq!(file.name().as_deref(), Some(&*path));
    /// std::fs::remove_file(&path)?;
    /// assert_eq!(file.name(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn name(&self) -> Option<PathBuf> {
        let name = lock(&self.handle).name.clone()?;
        let known = Mark::at(&name);
        (known.is_some() && known == self.mark()).then_some(name)
    }

    /// Notes that a header of so many bytes says how many elements follow it.
    pub(crate) fn note_header(&self, len: u64) {
        self.header_len.store(len, Ordering::Release);
    }

    /// Bytes of the header that was found in it; 0 if none was.
    pub(crate) fn header_len(&self) -> u64 {
        self.header_len.load(Ordering::Acquire)
    }

    /// Checks that it is still the file of the name that it was last known by, or of `other`. One that
    /// never had a name needs none.
    ///
    /// # Errors
    /// `Mismatch` if another file has the name, or none.
    pub(crate) fn check_named(&self, other: Option<&Path>) -> Result<()> {
        let known = lock(&self.handle).name.clone();
        let Some(own) = self.mark() else {
            return Ok(());
        };
        let mut wrong = Ok(());
        for name in other.into_iter().chain(known.as_deref()) {
            let problem = match Mark::at(name) {
                Some(found) if found == own => return Ok(()),
                Some(_) => Problem::OtherFile,
                None => Problem::NameGone,
            };
            wrong = wrong.and(Err(Error::new(problem).at(name)));
        }
        wrong
    }

    /// Takes over a file that is open already; its position does not matter and is not moved.
    ///
    /// # Errors
    /// `Io` if it is not a regular file.
    pub fn from_file(file: File) -> Result<Arc<OpenFile>> {
        let writable = platform::is_writable(&file).map_err(|error| Error::io("inspect", error))?;
        OpenFile::adopt(file, writable)
    }

    /// A file without a name, with space for `len` bytes, in a folder or where the system keeps
    /// temporary files. It goes away when nobody has it open any more.
    ///
    /// # Errors
    /// `Io` if it cannot be made or the disk has no room.
    pub(crate) fn temporary(folder: Option<&Path>, len: u64) -> Result<Arc<OpenFile>> {
        let usual = std::env::temp_dir();
        let folder = folder.unwrap_or(&usual);
        let make = || {
            let file = match platform::unnamed(folder) {
                Some(file) => file,
                None => platform::unlinked(folder).map_err(|error| Error::io("create", error))?,
            };
            if len > 0 {
                allocate(&file, len).map_err(|error| Error::io("allocate space", error))?;
            }
            let metadata = file.metadata();
            let metadata = metadata.map_err(|error| Error::io("inspect", error))?;
            let id = platform::file_id(&metadata);
            let handle = Mutex::new(Handle {
                file: Arc::new(file),
                writable: true,
                len: metadata.len(),
                mapped_to: 0,
                name: None,
            });
            Ok(Arc::new(OpenFile {
                id,
                temporary: true,
                handle,
                growing: AtomicBool::new(false),
                lost: AtomicBool::new(false),
                unsynced: AtomicBool::new(false),
                header_len: AtomicU64::new(0),
            }))
        };
        make().map_err(|error: Error| error.at(folder))
    }

    /// Which file it is, as its name would say it.
    pub(crate) fn mark(&self) -> Option<Mark> {
        Mark::of(&self.descriptor().metadata().ok()?)
    }

    /// Whether no one else can open it.
    pub(super) fn is_temporary(&self) -> bool {
        self.temporary
    }

    /// Its descriptor.
    pub(super) fn descriptor(&self) -> Arc<File> {
        Arc::clone(&lock(&self.handle).file)
    }

    fn adopt(file: File, writable: bool) -> Result<Arc<OpenFile>> {
        let metadata = file
            .metadata()
            .map_err(|error| Error::io("inspect", error))?;
        check_regular(&metadata)?;
        let (id, len) = (platform::file_id(&metadata), metadata.len());
        let mut open = lock(&OPEN);
        if let Some(known) = open.get(&id).and_then(Weak::upgrade) {
            let mut handle = lock(&known.handle);
            handle.len = len;
            if writable && !handle.writable {
                handle.file = Arc::new(file);
                handle.writable = true;
            }
            drop(handle);
            return Ok(known);
        }
        let handle = Mutex::new(Handle {
            file: Arc::new(file),
            writable,
            len,
            mapped_to: 0,
            name: None,
        });
        let new = Arc::new(OpenFile {
            id,
            temporary: false,
            handle,
            growing: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            unsynced: AtomicBool::new(false),
            header_len: AtomicU64::new(0),
        });
        open.insert(id, Arc::downgrade(&new));
        Ok(new)
    }

    /// Device and inode, which tell it from every other file; `None` where the system has no such
    /// numbers.
    pub fn identity(&self) -> Option<(u64, u64)> {
        self.id.numbers()
    }

    /// A name under which other processes of this user can open it as long as this one has it open,
    /// also if it has no name of its own; `None` where there is no such thing.
    ///
    /// ```
    /// use maparray::{Mode, OpenFile};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.raw");
    /// std::fs::write(&path, [7; 10])?;
    /// let file = OpenFile::open(&path, Mode::Read)?;
    /// std::fs::remove_file(&path)?;
    /// if let Some(link) = file.link() {
    ///     assert_eq!(std::fs::read(link)?, [7; 10]);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn link(&self) -> Option<PathBuf> {
        platform::link(&lock(&self.handle).file)
    }

    /// Its length in bytes, now.
    ///
    /// # Errors
    /// `Io` if the system cannot tell.
    pub fn len(&self) -> Result<u64> {
        let metadata = lock(&self.handle).file.metadata();
        Ok(metadata.map_err(|error| Error::io("inspect", error))?.len())
    }

    /// Its length in bytes when it was last opened; asks nobody.
    pub(crate) fn len_when_opened(&self) -> u64 {
        lock(&self.handle).len
    }

    /// Whether it has no bytes.
    ///
    /// # Errors
    /// `Io` if the system cannot tell.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads from `offset` on until `out` is full or the file ends; returns how many bytes came.
    ///
    /// # Errors
    /// `Io` if the system cannot read.
    pub fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize> {
        let file = Arc::clone(&lock(&self.handle).file);
        let mut done = 0;
        while done < out.len() {
            match platform::read_at(&file, &mut out[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", error)),
            }
        }
        Ok(done)
    }

    /// Fills `out` from `offset` on.
    ///
    /// # Errors
    /// As [`OpenFile::read_at`]; `Malformed` if the file ends before.
    pub(super) fn read_all(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let count = self.read_at(offset, out)?;
        if count == out.len() {
            return Ok(());
        }
        Err(Error::new(Problem::TooShort {
            file_len: self.len()?,
            needed: offset + out.len() as u64,
        }))
    }

    /// Writes at an offset; several threads may.
    ///
    /// # Errors
    /// `Io` if the system cannot write.
    pub(crate) fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        platform::write_at(&self.descriptor(), bytes, offset)
            .map_err(|error| Error::io("write", error))
    }

    /// Waits until what was written is on the disk.
    ///
    /// # Errors
    /// `Io` if the system cannot write.
    pub(crate) fn sync(&self) -> Result<()> {
        let synced = self.descriptor().sync_data();
        synced.map_err(|error| Error::io("sync", error))
    }

    /// Cuts off what lies behind its first `len` bytes.
    ///
    /// # Errors
    /// `InUse` if somebody has mapped that, `Io` if the system refuses.
    pub(crate) fn cut(&self, len: u64) -> Result<()> {
        let handle = lock(&self.handle);
        if handle.mapped_to > len {
            return Err(Error::new(Problem::Shared { holders: 2 }));
        }
        let cut = handle.file.set_len(len);
        cut.map_err(|error| Error::io("cut short", error))
    }

    /// Maps bytes that the file has for reading and writing.
    ///
    /// # Errors
    /// As [`OpenFile::map`].
    pub(crate) fn map_whole(self: &Arc<OpenFile>, offset: u64, len: u64) -> Result<Region> {
        let span = Span {
            offset,
            len: Some(len),
        };
        self.map(span, Mode::ReadWrite, Extend::Never)
    }

    /// A bare mapping of bytes for reading and writing; none of no bytes.
    ///
    /// # Errors
    /// As [`OpenFile::map`].
    pub(super) fn map_raw(&self, offset: u64, len: usize) -> Result<Option<MmapRaw>> {
        if len == 0 {
            return Ok(None);
        }
        self.map_bytes(offset, len, Mode::ReadWrite).map(Some)
    }

    /// Maps a part of the file.
    ///
    /// # Errors
    /// `Malformed` if the part reaches beyond the end of the file and may not grow it; `Io` if the
    /// system refuses to map, or has no room to grow the file, which then keeps its length.
    ///
    /// ```
    /// use maparray::{Extend, Mode, OpenFile, Span};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.raw");
    /// std::fs::write(&path, [0; 100])?;
    /// let file = OpenFile::open(&path, Mode::Read)?;
    /// let part = file.map(Span { offset: 90, len: None }, Mode::Read, Extend::Never)?;
    /// assert_eq!(part.len(), 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map(self: &Arc<OpenFile>, span: Span, mode: Mode, extend: Extend) -> Result<Region> {
        let mut handle = lock(&self.handle);
        let metadata = handle
            .file
            .metadata()
            .map_err(|error| Error::io("inspect", error))?;
        let file_len = metadata.len();
        let len = span.len.unwrap_or(file_len.saturating_sub(span.offset));
        let short = |needed| Error::new(Problem::TooShort { file_len, needed });
        let end = span
            .offset
            .checked_add(len)
            .ok_or_else(|| short(u64::MAX))?;
        if end > file_len {
            if extend == Extend::Never || mode != Mode::ReadWrite {
                return Err(short(end));
            }
            if let Err(error) = allocate(&handle.file, end) {
                // Some file systems leave a failed allocation longer than it was.
                let _ = handle.file.set_len(file_len);
                return Err(Error::io("allocate space", error));
            }
        }
        let size = usize::try_from(len).map_err(|_| short(end))?;
        let map = (size > 0)
            .then(|| map_file(&handle.file, span.offset, size, mode))
            .transpose();
        let map = map.map_err(|error| Error::io("map", error))?;
        handle.mapped_to = handle.mapped_to.max(end);
        let backing = Backing::File {
            file: Arc::clone(self),
            offset: span.offset,
            mode,
        };
        Ok(Region::from_map(map, backing))
    }

    /// Maps bytes for reading.
    ///
    /// # Errors
    /// As [`OpenFile::map`].
    pub(super) fn map_for_reading(&self, offset: u64, len: usize) -> Result<MmapRaw> {
        self.map_bytes(offset, len, Mode::Read)
    }

    fn map_bytes(&self, offset: u64, len: usize, mode: Mode) -> Result<MmapRaw> {
        let (file_len, needed) = (self.len()?, offset + len as u64);
        if file_len < needed {
            return Err(Error::new(Problem::TooShort { file_len, needed }));
        }
        let mut handle = lock(&self.handle);
        let map = map_file(&handle.file, offset, len, mode);
        handle.mapped_to = handle.mapped_to.max(needed);
        map.map_err(|error| Error::io("map", error))
    }

    /// Checks that the file has bytes, and notes that a mapping reaches to them.
    ///
    /// # Errors
    /// `Malformed` if it has not.
    pub(super) fn check_has(&self, offset: u64, len: usize) -> Result<()> {
        let file_len = self.len()?;
        let needed = offset.saturating_add(len as u64);
        if file_len < needed {
            return Err(Error::new(Problem::TooShort { file_len, needed }));
        }
        let mut handle = lock(&self.handle);
        handle.mapped_to = handle.mapped_to.max(needed);
        Ok(())
    }

    /// Maps bytes that the file need not have yet.
    pub(super) fn map_beyond(&self, offset: u64, len: usize, mode: Mode) -> io::Result<MmapRaw> {
        map_file(&self.descriptor(), offset, len, mode)
    }

    /// Lets go of what the page cache holds of a part of the file.
    pub(super) fn forget(&self, offset: u64, len: u64) {
        platform::forget(&lock(&self.handle).file, offset, len);
    }

    /// Finds a file that became shorter than its mappings, which no flush reports.
    pub(super) fn check_not_shorter(&self) -> Result<()> {
        let file_len = self.len()?;
        let needed = lock(&self.handle).mapped_to;
        if file_len < needed {
            return Err(Error::new(Problem::TooShort { file_len, needed }));
        }
        Ok(())
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let mut open = lock(&OPEN);
        if open
            .get(&self.id)
            .is_some_and(|file| file.strong_count() == 0)
        {
            open.remove(&self.id);
        }
    }
}

fn map_file(file: &File, offset: u64, len: usize, mode: Mode) -> io::Result<MmapRaw> {
    let mut options = MmapOptions::new();
    options.offset(offset).len(len);
    match mode {
        Mode::Read => options.map_raw_read_only(file),
        Mode::ReadWrite => options.map_raw(file),
        Mode::CopyOnWrite => {
            // SAFETY: the mapping becomes a `MmapRaw` at once: only its address is used, and slices
            // over it are formed under the rules of `Region::as_slice`.
            unsafe { options.no_reserve_swap().map_copy(file) }.map(MmapRaw::from)
        }
    }
}

/// Refuses what is no file with a length: folders, pipes, devices.
pub(super) fn check_regular(metadata: &Metadata) -> Result<()> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    let found = if kind.is_dir() {
        "a folder"
    } else {
        "a pipe, socket or device"
    };
    Err(Error::new(Problem::NotAFile { found }))
}

/// Takes the disk's blocks for the first `len` bytes; bytes that are there stay.
pub(super) fn allocate(file: &File, len: u64) -> io::Result<()> {
    match platform::allocate(file, len) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => write_zeros(file, len),
        done => done,
    }
}

/// Fills a file with zeros up to `len`, where the system cannot take the blocks otherwise. Bytes that
/// are there stay.
fn write_zeros(file: &File, len: u64) -> io::Result<()> {
    let zeros = vec![0u8; 1 << 20];
    let mut at = file.metadata()?.len();
    while at < len {
        let count = zeros
            .len()
            .min(usize::try_from(len - at).unwrap_or(usize::MAX));
        platform::write_at(file, &zeros[..count], at)?;
        at += count as u64;
    }
    Ok(())
}
