//! Which bytes of a mapping are in memory?
//!
//! Asked of the system (`mincore`), asked for ahead of use, and given back when done with.
//!
//! Knows: errors. Must not know: what the bytes mean.

use std::ops::Range;

use super::{Advice, Backing, FOLIO, Mode, Region, platform};
use crate::error::Result;

impl Region {
    /// How many bytes of a range are in memory, counted in whole pages. Where the system cannot
    /// tell, all of them.
    ///
    /// # Errors
    /// `OutOfBounds` for a range outside the region.
    ///
    /// ```
    /// let region = maparray::Region::heap(1 << 20)?;
    /// assert_eq!(region.resident(0..0)?, 0);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn resident(&self, range: Range<usize>) -> Result<usize> {
        let len = range.end.saturating_sub(range.start);
        self.check(range.start, len)?;
        if len == 0 {
            return Ok(0);
        }
        let page = platform::page_size();
        let address = self.start()?.as_ptr().addr() + range.start;
        let first = address - address % page;
        let mut flags = [0u8; 1024];
        let mut resident = 0;
        for piece in (first..address + len).step_by(page * flags.len()) {
            let pages = (address + len - piece).div_ceil(page).min(flags.len());
            let flags = &mut flags[..pages];
            // SAFETY: these are the pages of bytes `range` of the region, which are mapped while
            // `self` lives (invariant 1); `flags` has a byte for each.
            unsafe { platform::resident_pages(piece, page, flags) };
            for (at, _) in flags.iter().enumerate().filter(|(_, flag)| **flag & 1 == 1) {
                let from = (piece + at * page).max(address);
                let to = (piece + (at + 1) * page).min(address + len);
                resident += to - from;
            }
        }
        Ok(resident)
    }

    /// Asks for a range to be read in, in pieces. Returns when all of it has been asked for; a disk
    /// that is slow to take requests makes that later.
    ///
    /// # Errors
    /// `Io` if the system refuses, `OutOfBounds` for a range outside the region.
    pub fn prefetch(&self, range: Range<usize>) -> Result<()> {
        self.check(range.start, range.end.saturating_sub(range.start))?;
        for start in range.clone().step_by(FOLIO) {
            self.advise(
                start..range.end.min(start.saturating_add(FOLIO)),
                Advice::WillNeed,
            )?;
        }
        Ok(())
    }

    /// Lets go of the physical memory behind a range of a shared file mapping, here and in the page
    /// cache, where nobody else has it mapped and it needs no writing back: the next access reads the
    /// disk. Does nothing for other regions, whose pages are the only copy.
    ///
    /// # Errors
    /// `OutOfBounds` for a range outside the region.
    pub fn evict(&self, range: Range<usize>) -> Result<()> {
        let len = range.end.saturating_sub(range.start);
        self.check(range.start, len)?;
        self.release(range.clone());
        if let Backing::File {
            file,
            offset,
            mode: Mode::Read | Mode::ReadWrite,
        } = &*self.backing()
        {
            // A folio goes as a whole or not at all; what lies before the range has been let go, too,
            // by whoever walks forward.
            let (start, end) = (offset + range.start as u64, offset + range.end as u64);
            let start = start - start % FOLIO as u64;
            file.forget(start, end - start);
        }
        Ok(())
    }
}
