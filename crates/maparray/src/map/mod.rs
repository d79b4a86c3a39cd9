//! How do a file's bytes come to memory?
//!
//! A [`Region`] is a range of bytes at a fixed address: a mapped file, memory of our own, or memory
//! that a caller lends. It moves bytes in and out with bounds checked, and forms a slice over them
//! only where nobody else can write, or where somebody promised so ([`StableFiles`]).
//!
//! Knows: errors. Must not know: dtypes, shapes, formats. The only unsafe room.

mod atomic;
mod bytes;
mod file;
#[cfg_attr(not(target_os = "linux"), path = "thaw.rs")]
mod freeze;
mod grow;
mod heap;
mod late;
#[cfg_attr(not(unix), path = "portable.rs")]
mod platform;
mod ready;
mod replace;
mod resident;
mod rows;
mod seal;
mod stream;
mod switch;

use std::any::Any;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use memmap2::{MmapRaw, UncheckedAdvice};

use crate::error::{Error, Problem, Result};
use ready::Ready;

pub(crate) use atomic::Change;
pub(crate) use bytes::Writer;
pub use file::{Extend, OpenFile, Span};
pub(crate) use grow::GrowthLock;
pub(crate) use replace::{Aside, Mark, NewFile, rename};
pub(crate) use rows::{Rows, resolve};
pub(crate) use switch::Claim;

/// Bytes that files are written and given up in: the page cache's largest folios, which readers map by
/// large pages.
pub(crate) const FOLIO: usize = 2 << 20;

/// How an existing file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// `r`: for reading.
    Read,
    /// `r+`: for reading and writing; what is written reaches the file and everyone who maps it.
    ReadWrite,
    /// `c`: what is written stays in this mapping and never reaches the file.
    CopyOnWrite,
}

impl Mode {
    /// NumPy's word for it.
    pub fn text(self) -> &'static str {
        match self {
            Mode::Read => "r",
            Mode::ReadWrite => "r+",
            Mode::CopyOnWrite => "c",
        }
    }
}

/// What happens to a file that has the name of a new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Existing {
    /// `w+`: the new file takes its place in one step; whoever has the old one mapped keeps it.
    #[default]
    Replace,
    /// `x`: it stays, and creating is an error.
    Refuse,
}

/// Whether the disk's blocks are taken when a file is created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Allocate {
    /// Now, so that a full disk is an error here and not a signal later.
    #[default]
    Full,
    /// When they are written; a full disk then ends the process at some later store.
    Sparse,
}

/// How far a flush goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Flush {
    /// Start writing back and return at once; says nothing about a crash.
    Start,
    /// Return when the bytes are on the disk.
    #[default]
    Durable,
}

/// What becomes of bytes that have been written to a file while more are being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// The system writes them back when it likes.
    Leave,
    /// Writing back begins at once, so that it need not be waited for in the end.
    Start,
    /// The same, and the page cache gives up what has been written a while ago.
    Drop,
}

/// What the kernel should expect of the next accesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Advice {
    /// Nothing special.
    Normal,
    /// From front to back.
    Sequential,
    /// Here and there: read no more than asked for.
    Random,
    /// Soon: read it in now.
    WillNeed,
}

/// The promise that files stay as they are while their elements are borrowed.
///
/// Opening, reading, copying and computing need no promise. Borrowing does: `view` hands out
/// references to memory that another program could change, and Rust forbids that to happen.
///
/// ```
/// use maparray::{MemMapArray, Mode, StableFiles};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("dark.npy");
/// # MemMapArray::from_slice(&[1.0_f64, 2.0]).save(&path)?;
/// // SAFETY: this folder is ours; nothing else writes to it while we run.
/// let stable = unsafe { StableFiles::promise() };
/// let dark = MemMapArray::open(&path, Mode::Read)?.promise(stable);
/// assert_eq!(dark.view::<f64>()?.sum(), 3.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StableFiles(());

impl StableFiles {
    /// Makes the promise.
    ///
    /// # Safety
    /// For as long as anything borrowed under this promise lives: no other process and no other
    /// mapping in this process writes to, truncates or replaces in place the bytes of the files
    /// concerned. (Other handles on the same mapping cannot begin to: from the promise on, only one
    /// that is alone may write. None of them is writing when the promise is given. An array that has
    /// grown since a handle was made counts as another mapping.)
    pub const unsafe fn promise() -> StableFiles {
        StableFiles(())
    }
}

/// What holds a region's addresses, as long as it lives.
enum Place {
    /// A mapping; nothing for no bytes, and for a small file until they are needed in place.
    Map(OnceLock<MmapRaw>),
    /// A mapping of a file that goes on behind its end, shared by regions of several lengths.
    Ahead(Arc<MmapRaw>),
    /// A little memory from the allocator. Never touched but through the region's address.
    Little { _lines: Vec<heap::Line> },
    /// Somebody else's memory, and what keeps it alive.
    Lent { _keeper: Box<dyn Any + Send + Sync> },
}

/// What the bytes at these addresses are; changed by `switch.rs` alone.
#[derive(Clone)]
enum Backing {
    /// Those of a file; `file` keeps the one descriptor that this process has of it.
    File {
        file: Arc<OpenFile>,
        /// Byte of the file at which the region begins.
        offset: u64,
        mode: Mode,
    },
    /// Memory of our own.
    Memory,
    /// Somebody else's memory.
    Lent { writable: bool },
}

/// A range of bytes at a fixed address.
pub struct Region {
    /// Invariant 1: once set, `start` is the first of `len` readable bytes that stay mapped while
    /// `place` lives; writable too if the backing is. With `len` 0 it is dangling, not null, and
    /// page-aligned. Only that of a small file is not set from the beginning (`late.rs`).
    start: OnceLock<NonNull<u8>>,
    len: usize,
    /// Whether others reach the bytes by their address, as NumPy arrays do. Never unset.
    open: AtomicBool,
    /// Set once somebody promised that nobody else writes, so that slices may be alive.
    promised: AtomicBool,
    /// What has been made ready to be read.
    ready: Ready,
    place: Place,
    /// Never locked while a byte of a region is touched: a touch may have to wait for a switch.
    backing: RwLock<Backing>,
    /// Held while the bytes move.
    moving: Mutex<()>,
    /// Whether they have ever been moved: pages behind them in the same mapping were left behind.
    moved: AtomicBool,
    /// Whether somebody has the right to move them.
    claimed: Arc<AtomicBool>,
    /// What has to follow changes.
    seal: Option<seal::Seal>,
    /// Whether something besides the bytes says how many they are.
    described: bool,
}

// SAFETY: `start` is only an address. What it points to is owned by `place`, whose variants are all
// `Send`; nothing in a region depends on the thread that made it.
unsafe impl Send for Region {}
// SAFETY: through `&Region` bytes are only copied by raw pointers (see `bytes.rs`) or lent as shared
// slices where no writer can exist; both are fine from several threads at once.
unsafe impl Sync for Region {}

/// An address for a region without bytes: aligned for every element type.
fn dangling() -> NonNull<u8> {
    NonNull::without_provenance(std::num::NonZero::<usize>::MIN.saturating_add(4095))
}

impl Region {
    fn over(start: NonNull<u8>, len: usize, place: Place, backing: Backing) -> Region {
        Region {
            start: OnceLock::from(start),
            len,
            open: AtomicBool::new(false),
            promised: AtomicBool::new(false),
            ready: Ready::default(),
            place,
            backing: RwLock::new(backing),
            moving: Mutex::new(()),
            moved: AtomicBool::new(false),
            claimed: Arc::default(),
            seal: None,
            described: false,
        }
    }

    fn from_map(map: Option<MmapRaw>, backing: Backing) -> Region {
        let (start, len) = match &map {
            Some(map) => (
                NonNull::new(map.as_mut_ptr()).unwrap_or_else(dangling),
                map.len(),
            ),
            None => (dangling(), 0),
        };
        let place = Place::Map(map.map_or_else(OnceLock::new, OnceLock::from));
        Region::over(start, len, place, backing)
    }

    fn backing(&self) -> RwLockReadGuard<'_, Backing> {
        // It is replaced as a whole, so a panic elsewhere does not spoil it.
        self.backing.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn map(&self) -> Option<&MmapRaw> {
        match &self.place {
            Place::Map(map) => map.get(),
            Place::Ahead(map) => Some(map),
            _ => None,
        }
    }

    /// Memory that a caller lends, such as the buffer of a Python object.
    ///
    /// # Safety
    /// `start` is the first of `len` readable bytes (writable ones, if `writable`) that stay in
    /// place until `keeper` is dropped. Others may write to them meanwhile, as to a shared file.
    pub unsafe fn lent(
        start: *mut u8,
        len: usize,
        writable: bool,
        keeper: Box<dyn Any + Send + Sync>,
    ) -> Region {
        let start = if len == 0 {
            dangling()
        } else {
            NonNull::new(start).unwrap_or_else(dangling)
        };
        let place = Place::Lent { _keeper: keeper };
        Region::over(start, len, place, Backing::Lent { writable })
    }

    /// Address of the first byte. Valid while the region lives.
    ///
    /// # Errors
    /// A small file is mapped when its address is first asked for: `Io` if the system refuses to,
    /// `Malformed` if the file has become too short.
    pub fn as_ptr(&self) -> Result<*mut u8> {
        self.break_seal();
        Ok(self.start()?.as_ptr())
    }

    /// The number of that address, with which nobody can write.
    ///
    /// # Errors
    /// As [`Region::as_ptr`].
    pub(crate) fn first_address(&self) -> Result<usize> {
        Ok(self.start()?.as_ptr().addr())
    }

    /// Address of the first byte, unless nobody has asked for it yet.
    pub(crate) fn address(&self) -> Option<usize> {
        self.start.get().map(|start| start.as_ptr().addr())
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether bytes may be written, be it to the file or to a private copy.
    pub fn is_writable(&self) -> bool {
        match &*self.backing() {
            Backing::File { mode, .. } => *mode != Mode::Read,
            Backing::Memory => true,
            Backing::Lent { writable } => *writable,
        }
    }

    /// The mode of a mapped file; `None` for memory.
    pub fn mode(&self) -> Option<Mode> {
        match &*self.backing() {
            Backing::File { mode, .. } => Some(*mode),
            _ => None,
        }
    }

    /// Whether no one but the holder of this region can reach its bytes.
    pub fn is_private(&self) -> bool {
        !self.open.load(Ordering::Acquire)
            && match &*self.backing() {
                Backing::Memory => true,
                Backing::File { file, .. } => file.is_temporary(),
                Backing::Lent { .. } => false,
            }
    }

    /// Byte of the file at which a mapped region begins; 0 for memory.
    pub fn file_offset(&self) -> u64 {
        match &*self.backing() {
            Backing::File { offset, .. } => *offset,
            _ => 0,
        }
    }

    /// Notes the promise: from now on only a holder that is alone writes through this region.
    pub(crate) fn note_promise(&self, _promise: StableFiles) {
        self.promised.store(true, Ordering::Release);
    }

    /// Whether slices of the bytes may be alive, so that only a holder that is alone may write.
    pub(crate) fn needs_one_writer(&self) -> bool {
        self.is_private() || self.promised.load(Ordering::Acquire)
    }

    /// The open file behind a mapped region.
    pub fn file(&self) -> Option<Arc<OpenFile>> {
        match &*self.backing() {
            Backing::File { file, .. } => Some(Arc::clone(file)),
            _ => None,
        }
    }

    /// The bytes as a slice.
    ///
    /// # Errors
    /// `Unsupported` if somebody else could write to them and nobody promised otherwise.
    pub(crate) fn as_slice(&self, promise: Option<StableFiles>) -> Result<&[u8]> {
        if !self.is_private() && promise.is_none() {
            return Err(Error::new(Problem::NoPromise));
        }
        let start = self.start()?.as_ptr();
        // SAFETY: invariant 1 gives validity for `&self`. Nobody writes meanwhile: through this region
        // only a holder that is alone does (`needs_one_writer`), and that holder is borrowed as long
        // as the slice; for memory that others reach, the promise excludes them.
        Ok(unsafe { std::slice::from_raw_parts(start, self.len) })
    }

    /// The bytes as a slice that can be changed.
    ///
    /// # Errors
    /// `ReadOnly` if they cannot be written; `Unsupported` without a promise where one is needed.
    pub(crate) fn as_mut_slice(&mut self, promise: Option<StableFiles>) -> Result<&mut [u8]> {
        if !self.is_writable() {
            return Err(Error::new(Problem::ReadOnly));
        }
        if !self.is_private() && promise.is_none() {
            return Err(Error::new(Problem::NoPromise));
        }
        self.break_seal();
        let start = self.start()?.as_ptr();
        // SAFETY: invariant 1, and `&mut self` excludes every other access through this region; for
        // memory that others can reach, the promise excludes theirs.
        Ok(unsafe { std::slice::from_raw_parts_mut(start, self.len) })
    }

    /// Writes a range of a shared mapping back to its file; does nothing for other regions.
    ///
    /// # Errors
    /// `Io` if the system cannot write, `Malformed` if the file has become shorter than the mapping,
    /// `OutOfBounds` for a range outside the region.
    pub fn flush(&self, range: std::ops::Range<usize>, how: Flush) -> Result<()> {
        let len = range.end.saturating_sub(range.start);
        self.check(range.start, len)?;
        let (Some(Mode::ReadWrite), Some(file)) = (self.mode(), self.file()) else {
            return Ok(());
        };
        if let Some(map) = self.map() {
            match how {
                Flush::Start => map.flush_async_range(range.start, len),
                Flush::Durable => map.flush_range(range.start, len),
            }
            .map_err(|error| Error::io("flush", error))?;
        }
        if how == Flush::Durable {
            file.sync_growth()?;
        }
        file.check_not_shorter()?;
        match how {
            Flush::Start => Ok(()),
            Flush::Durable => self.mend_seal(),
        }
    }

    /// Tells the kernel what to expect; does nothing for memory that is not a mapped file.
    ///
    /// # Errors
    /// `Io` if the system refuses, `OutOfBounds` for a range outside the region.
    pub fn advise(&self, range: std::ops::Range<usize>, advice: Advice) -> Result<()> {
        let len = range.end.saturating_sub(range.start);
        self.check(range.start, len)?;
        let (Some(map), Some(_)) = (self.map(), self.mode()) else {
            return Ok(());
        };
        #[cfg(unix)]
        {
            use memmap2::Advice as Kernel;
            let advice = match advice {
                Advice::Normal => Kernel::Normal,
                Advice::Sequential => Kernel::Sequential,
                Advice::Random => Kernel::Random,
                Advice::WillNeed => Kernel::WillNeed,
            };
            map.advise_range(advice, range.start, len)
                .map_err(|error| Error::io("advise", error))?;
        }
        #[cfg(not(unix))]
        let _ = (map, advice);
        Ok(())
    }

    /// Lets go of the physical memory behind a range of a shared file mapping: the next access reads
    /// it from the page cache again. Does nothing for other regions, whose pages are the only copy.
    pub fn release(&self, range: std::ops::Range<usize>) {
        let len = range.end.saturating_sub(range.start);
        // Held to the end: these advices would empty memory that has taken the file's place.
        let backing = self.backing();
        let (
            Some(map),
            Backing::File {
                mode: Mode::Read | Mode::ReadWrite,
                ..
            },
        ) = (self.map(), &*backing)
        else {
            return;
        };
        if self.check(range.start, len).is_ok() && len > 0 {
            self.ready.clear(range.clone());
            #[cfg(target_os = "linux")]
            const ADVICE: UncheckedAdvice = UncheckedAdvice::DontNeed;
            #[cfg(target_os = "linux")]
            // SAFETY: on Linux this drops page-table entries of a shared file mapping; the bytes stay
            // in the page cache or the file, so every later access finds them unchanged. A refusal
            // leaves everything as it was.
            let _ = unsafe { map.unchecked_advise_range(ADVICE, range.start, len) };
            #[cfg(not(target_os = "linux"))]
            let _ = map;
        }
    }
}

impl std::fmt::Debug for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match &*self.backing() {
            Backing::File { .. } => "file",
            Backing::Memory => "memory",
            Backing::Lent { .. } => "lent memory",
        };
        write!(f, "Region({kind}, {} bytes)", self.len)
    }
}
