//! How does a mapping grow without moving?
//!
//! The file is mapped beyond its end: addresses of pages that it does not have yet cost nothing, and
//! turn into its bytes when it grows. A longer region is a longer part of the same mapping, so that
//! all who hold a shorter one keep theirs.
//!
//! Knows: errors. Must not know: what the bytes mean.

use std::fs::{File, TryLockError};
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use memmap2::MmapRaw;

use super::{Backing, Flush, Mode, OpenFile, Place, Region, Span, file, platform};
use crate::error::{Error, Problem, Result};

/// Addresses that a mapping takes at least, and how many times its length, if nobody says more.
#[cfg(target_pointer_width = "64")]
const ROOM: (usize, usize) = (1 << 30, 8);
#[cfg(not(target_pointer_width = "64"))]
const ROOM: (usize, usize) = (16 << 20, 2);

/// The right to change the length of a file: one holder in this process and, where the system has
/// locks, in all of them.
pub(crate) struct GrowthLock {
    file: Arc<OpenFile>,
    /// Opened for the lock alone: a child process shares the other one, and with it its locks.
    locked: Option<File>,
}

impl Drop for GrowthLock {
    fn drop(&mut self) {
        if let Some(locked) = &self.locked {
            let _ = locked.unlock();
        }
        self.file.growing.store(false, Ordering::Release);
    }
}

impl OpenFile {
    /// The right to change its length.
    ///
    /// # Errors
    /// `InUse` if somebody has it, `Io` if the system refuses, or if an earlier change may have been
    /// lost.
    pub(crate) fn lock_growth(self: &Arc<OpenFile>) -> Result<GrowthLock> {
        if self.lost.load(Ordering::Acquire) {
            return Err(Error::new(Problem::LostGrowth));
        }
        if self.growing.swap(true, Ordering::AcqRel) {
            return Err(Error::new(Problem::Growing));
        }
        let mut lock = GrowthLock {
            file: Arc::clone(self),
            locked: None,
        };
        let own = platform::opened_again(&self.descriptor());
        let own = own.map_err(|error| Error::io("open it for a lock", error))?;
        match own.try_lock() {
            Ok(()) => lock.locked = Some(own),
            Err(TryLockError::WouldBlock) => return Err(Error::new(Problem::Growing)),
            // Some file systems have no locks; there the caller sees to it.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", error)),
        }
        Ok(lock)
    }
}

impl GrowthLock {
    pub(crate) fn file(&self) -> &Arc<OpenFile> {
        &self.file
    }

    /// Waits until what was written is on the disk, if that is asked for. What the system could not
    /// write it may forget, so that a failure stays.
    ///
    /// # Errors
    /// `Io` if the system cannot write.
    pub(crate) fn sync(&self, how: Flush) -> Result<()> {
        self.file.unsynced.store(true, Ordering::Release);
        match how {
            Flush::Start => Ok(()),
            Flush::Durable => self.file.sync_growth(),
        }
    }

    /// Takes the disk's blocks for the first `len` bytes.
    ///
    /// # Errors
    /// `Io` if there is no room.
    pub(crate) fn allocate(&self, len: u64) -> Result<()> {
        let done = file::allocate(&self.file.descriptor(), len);
        done.map_err(|error| Error::io("allocate space", error))
    }

    /// Gives back the bytes behind a length that the file had when the lock was taken: no header has
    /// spoken of them, so that nobody uses them.
    pub(crate) fn take_back(&self, len: u64) {
        if self.file.len().is_ok_and(|now| now > len) {
            let _ = self.file.descriptor().set_len(len);
        }
    }
}

impl Region {
    /// A region of which something besides its bytes says how many they are.
    pub(crate) fn described(self) -> Region {
        Region {
            described: true,
            ..self
        }
    }

    /// Whether it was made so.
    pub(crate) fn is_described(&self) -> bool {
        self.described
    }

    /// The region of a file that begins at the same byte and has `len` bytes; at the same address, if
    /// this one was made by the same function and its mapping is long enough. `room` is how many bytes
    /// more than usual the mapping shall have addresses for.
    ///
    /// # Errors
    /// `Mismatch` if it is no shared mapping of a file, `Malformed` if the file is too short, `Io` if
    /// the system refuses to map.
    pub(crate) fn grown(&self, len: usize, room: usize) -> Result<Region> {
        // The bytes do not go to another file meanwhile.
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let backing = self.backing().clone();
        let (file, offset, mode) = match &backing {
            Backing::File { file, offset, mode } if *mode != Mode::CopyOnWrite => {
                (Arc::clone(file), *offset, *mode)
            }
            _ => return Err(Error::new(Problem::NoFile)),
        };
        if !platform::CAN_MAP_AHEAD {
            let len = Some(len as u64);
            let region = file.map(Span { offset, len }, mode, super::Extend::Never)?;
            return Ok(region.like(self));
        }
        let wanted = len.max(room);
        let map = match &self.place {
            Place::Ahead(map) if map.len() >= wanted && !self.moved.load(Ordering::Acquire) => {
                file.check_has(offset, len)?;
                Arc::clone(map)
            }
            _ => Arc::new(file.map_ahead(offset, len, room, mode)?),
        };
        let start = match len {
            0 => super::dangling(),
            _ => std::ptr::NonNull::new(map.as_mut_ptr()).unwrap_or_else(super::dangling),
        };
        Ok(Region::over(start, len, Place::Ahead(map), backing).like(self))
    }

    /// Takes over what was noted of another region of the same file.
    pub(crate) fn like(mut self, other: &Region) -> Region {
        *self.open.get_mut() = other.open.load(Ordering::Acquire);
        *self.promised.get_mut() = other.promised.load(Ordering::Acquire);
        self
    }
}

impl OpenFile {
    /// Waits until changes by the descriptor are on the disk, if there are any that nobody has waited
    /// for: a flush of mapped bytes does not reach the header before them.
    ///
    /// # Errors
    /// `Io` if the system cannot write.
    pub(super) fn sync_growth(&self) -> Result<()> {
        if !self.unsynced.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        self.descriptor().sync_data().map_err(|error| {
            self.lost.store(true, Ordering::Release);
            Error::io("sync", error)
        })
    }

    /// Maps bytes that the file has, and addresses behind them for those that it will have. Where the
    /// system is short of them, few are taken, so that some are left for others.
    fn map_ahead(&self, offset: u64, len: usize, room: usize, mode: Mode) -> Result<MmapRaw> {
        self.check_has(offset, len)?;
        let (least, times) = ROOM;
        let usual = least.max(len.saturating_mul(times));
        let few = room.max(len.saturating_mul(2));
        let mut map = Err(io::ErrorKind::OutOfMemory.into());
        for room in [usual.max(room), few, len] {
            map = self.map_beyond(offset, room.max(1), mode);
            if map.is_ok() {
                break;
            }
        }
        map.map_err(|error| Error::io("map", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Extend;

    #[test]
    fn a_durable_flush_waits_for_what_was_written_by_the_descriptor_too() -> Result<()> {
        let file = OpenFile::temporary(None, 10)?;
        let span = Span {
            offset: 0,
            len: Some(10),
        };
        let region = file.map(span, Mode::ReadWrite, Extend::Never)?;
        let lock = file.lock_growth()?;
        lock.sync(Flush::Start)?;
        region.flush(0..10, Flush::Start)?;
        assert!(file.unsynced.load(Ordering::Acquire));
        region.flush(0..10, Flush::Durable)?;
        assert!(!file.unsynced.load(Ordering::Acquire));
        Ok(())
    }
}
