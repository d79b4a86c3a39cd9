//! How are bytes copied in and out of a region?
//!
//! By raw pointers with the bounds checked first: no reference to memory that others may change is
//! ever formed here, so a program that writes at the same time gives us old or new bytes and nothing
//! worse.
//!
//! Knows: errors. Must not know: what the bytes mean.

use std::ptr;
use std::sync::Arc;

use super::platform::{self, Access};
use super::{Behind, Mode, Region, Rows, stream};
use crate::error::{Error, Problem, Result};
use crate::strip::Strip;

/// The right to write to a region.
///
/// Threads may share it; each writes ranges of its own. Memory that may be borrowed (private, or
/// under a promise) is written only by the one holder that it has, who is borrowed meanwhile, so that
/// no slice of it is alive.
pub(crate) struct Writer<'a>(&'a Arc<Region>);

impl Region {
    /// # Errors
    /// `OutOfBounds` if the range is not inside the region.
    pub(super) fn check(&self, at: usize, len: usize) -> Result<()> {
        match at.checked_add(len) {
            Some(end) if end <= self.len => Ok(()),
            _ => Err(Error::new(Problem::MapRange {
                offset: at as u64,
                len: len as u64,
                region_len: self.len as u64,
            })),
        }
    }

    /// Checks that `count` items, `stride` bytes apart, lie inside the region.
    pub(super) fn check_strided(
        &self,
        at: usize,
        stride: isize,
        item: usize,
        count: usize,
    ) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        self.check(at, item)?;
        let last = isize::try_from(count - 1)
            .ok()
            .and_then(|steps| steps.checked_mul(stride))
            .and_then(|span| at.checked_add_signed(span))
            .unwrap_or(usize::MAX);
        self.check(last, item)
    }

    /// Copies `out.len()` bytes from `at` on.
    ///
    /// # Errors
    /// `OutOfBounds` if they are not all inside the region.
    pub(crate) fn read(&self, at: usize, out: &mut [u8]) -> Result<()> {
        if !self.is_mapped() {
            self.check(at, out.len())?;
            return self.read_unmapped(at, out);
        }
        self.strip(at, out.len())?.copy_to(out);
        Ok(())
    }

    /// Bytes to be read in place, while others may change them.
    ///
    /// # Errors
    /// `OutOfBounds` if they are not all inside the region.
    pub(crate) fn strip(&self, at: usize, len: usize) -> Result<Strip<'_>> {
        self.check(at, len)?;
        let start = self.start()?.as_ptr().wrapping_add(at);
        // SAFETY: `check` keeps the bytes inside the region, and they stay readable while it is
        // borrowed (invariant 1).
        Ok(unsafe { Strip::over(start, len) })
    }

    /// Makes the pages of a range of a file ready to be read: all at once, where loads would take a
    /// fault for every few of them. Does nothing for memory; what cannot be made ready is left to the
    /// loads.
    pub(crate) fn prepare(&self, range: std::ops::Range<usize>) {
        if let Some(map) = self.map()
            && self.check(range.start, range.len()).is_ok()
            && !range.is_empty()
            && self.mode().is_some()
            && self.ready.mark(range.clone(), self.len)
        {
            let _ = platform::populate(map, range, Access::Read);
        }
    }

    /// The right to write.
    ///
    /// # Errors
    /// `ReadOnly` if the region cannot be written, `InUse` if it may be borrowed and others hold it.
    pub(crate) fn writer(region: &mut Arc<Region>) -> Result<Writer<'_>> {
        if !region.is_writable() {
            return Err(Error::new(Problem::ReadOnly));
        }
        if region.needs_one_writer() && Arc::get_mut(region).is_none() {
            return Err(Error::new(Problem::Shared {
                holders: Arc::strong_count(region),
            }));
        }
        region.break_seal();
        Ok(Writer(region))
    }
}

impl Writer<'_> {
    /// The region, for reading what is being written: by copies only, while this writer is in use.
    pub(crate) fn region(&self) -> Arc<Region> {
        Arc::clone(self.0)
    }

    /// Whether what is written goes to a file that others may map.
    pub(crate) fn is_shared_file(&self) -> bool {
        self.0.mode() == Some(Mode::ReadWrite)
    }

    /// Makes the pages of a range of a file ready to be written: all at once, where stores would take
    /// a fault each.
    ///
    /// # Errors
    /// `OutOfBounds` if they are not all inside the region, `Io` if the system has no room for them:
    /// then a store would end the process.
    pub(crate) fn prepare(&self, range: std::ops::Range<usize>) -> Result<()> {
        self.0.check(range.start, range.len())?;
        let (Some(map), Some(file)) = (self.0.map(), self.0.file()) else {
            return Ok(());
        };
        match self.is_shared_file() && !range.is_empty() {
            true => platform::populate(map, range, Access::Write).or_else(|error| {
                // Behind the end of a file that was cut short there is no room, either.
                file.check_not_shorter()?;
                Err(Error::io("make room for what is written", error))
            }),
            false => Ok(()),
        }
    }

    /// Starts writing back a range of a file, and lets go of its memory.
    ///
    /// # Errors
    /// `Io` if the system cannot write.
    pub(crate) fn behind(&self, range: std::ops::Range<usize>, behind: Behind) -> Result<()> {
        let (Some(file), true) = (self.0.file(), self.is_shared_file()) else {
            return Ok(());
        };
        if behind == Behind::Drop {
            self.0.release(range.clone());
        }
        let place = |at: usize| self.0.file_offset() + at as u64;
        let range = place(range.start)..place(range.end);
        platform::behind(&file.descriptor(), range, behind)
            .map_err(|error| Error::io("write back", error))
    }

    /// Copies `bytes` to `at`.
    ///
    /// # Errors
    /// `OutOfBounds` if they do not fit inside the region.
    pub(crate) fn write(&self, at: usize, bytes: &[u8]) -> Result<()> {
        self.0.check(at, bytes.len())?;
        let start = self.0.start()?.as_ptr();
        // SAFETY: `check` keeps the offset inside the region (invariant 1).
        let to = unsafe { start.add(at) };
        if self.0.len() >= stream::REGION && bytes.len() >= stream::LEAST {
            // SAFETY: the bytes at `to` are writable (a `Writer` exists only for writable regions).
            // `bytes` is a Rust slice, and thus no part of memory that others reach.
            unsafe { stream::copy(bytes.as_ptr(), to, bytes.len()) };
            return Ok(());
        }
        // SAFETY: as above; and `copy` allows the two to overlap.
        unsafe { ptr::copy(bytes.as_ptr(), to, bytes.len()) };
        Ok(())
    }

    /// Copies the rows of a region that `indices` name to `at`, one after the other.
    ///
    /// # Errors
    /// `OutOfBounds` if they do not fit inside the region, or an index names no row.
    pub(crate) fn gather_rows(
        &self,
        at: usize,
        from: &Region,
        rows: Rows,
        indices: &[i64],
    ) -> Result<()> {
        self.0.check(at, indices.len().saturating_mul(rows.size))?;
        let to = self.0.start()?.as_ptr().wrapping_add(at);
        // SAFETY: these bytes are inside the region by `check`, and writable, for this is a `Writer`.
        unsafe { from.gather_rows_to(rows, indices, to, indices.len()) }
    }

    /// Copies items of `item` bytes to places `stride` bytes apart, from `at` on.
    ///
    /// # Errors
    /// `OutOfBounds` if they do not all fit inside the region.
    pub(crate) fn scatter(
        &self,
        at: usize,
        stride: isize,
        item: usize,
        bytes: &[u8],
    ) -> Result<()> {
        if stride == item as isize {
            return self.write(at, bytes);
        }
        self.0
            .check_strided(at, stride, item, bytes.len() / item.max(1))?;
        let start = self.0.start()?.as_ptr().wrapping_add(at);
        for (i, from) in bytes.chunks_exact(item.max(1)).enumerate() {
            let to = start.wrapping_offset(i as isize * stride);
            // SAFETY: `check_strided` proved the first and the last item to be inside, hence all
            // between; they are writable as in `write`.
            unsafe { ptr::copy(from.as_ptr(), to, from.len()) };
        }
        Ok(())
    }
}
