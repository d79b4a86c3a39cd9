//! How are rows copied that lie here and there?
//!
//! Bounds are proved once for all rows; then each is a load and a store of a size that the compiler
//! knows, or one `memmove`. By raw pointers, as everything that may meet a foreign writer.
//!
//! Knows: errors. Must not know: what the bytes mean.

use std::ptr;

use super::Region;
use crate::error::{Error, Problem, Result};

/// How many rows ahead the processor is told to fetch.
const AHEAD: usize = 8;
/// The same for items that are evenly spaced.
const STRIDED_AHEAD: usize = 32;

/// Rows of a region, evenly spaced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    /// Byte of the first.
    pub(crate) at: usize,
    /// Bytes from each to the next.
    pub(crate) stride: isize,
    /// How many there are.
    pub(crate) count: usize,
    /// Bytes of each.
    pub(crate) size: usize,
}

impl Rows {
    /// The row that an index means, counted from the back if it is negative.
    #[inline(always)]
    pub(crate) fn resolve(&self, index: i64) -> Option<usize> {
        resolve(index, self.count)
    }
}

/// The position that an index means on an axis of so many, counted from the back if it is negative.
#[inline(always)]
pub(crate) fn resolve(index: i64, len: usize) -> Option<usize> {
    let back = if index < 0 { len as i64 } else { 0 };
    // An index this far out is caught by the comparison, whatever the sum wraps to.
    let position = index.wrapping_add(back) as u64;
    (position < len as u64).then_some(position as usize)
}

impl Region {
    /// Copies items of `item` bytes that lie `stride` bytes apart, from `at` on, until `out` is full.
    ///
    /// # Errors
    /// `OutOfBounds` if they are not all inside the region.
    pub(crate) fn gather(
        &self,
        at: usize,
        stride: isize,
        item: usize,
        out: &mut [u8],
    ) -> Result<()> {
        if stride == item as isize {
            return self.read(at, out);
        }
        let rows = Rows {
            at,
            stride,
            count: out.len() / item.max(1),
            size: item,
        };
        let row = |n| (n < rows.count).then_some(n);
        // Every item has a row, so none is missing.
        // SAFETY: `out` has `rows.count` whole items, and is ours to write.
        unsafe { self.copy_rows(rows, row, STRIDED_AHEAD, out.as_mut_ptr(), rows.count) }?;
        Ok(())
    }

    /// Copies the rows that `indices` name, one after the other, until `out` is full.
    ///
    /// # Errors
    /// `OutOfBounds` if rows lie outside the region or an index names none of them.
    pub(crate) fn gather_rows(&self, rows: Rows, indices: &[i64], out: &mut [u8]) -> Result<()> {
        let places = out.len() / rows.size.max(1);
        // SAFETY: `out` is ours to write, all of it.
        unsafe { self.gather_rows_to(rows, indices, out.as_mut_ptr(), places) }
    }

    /// Copies the rows that `indices` name to so many places, one after the other.
    ///
    /// # Safety
    /// From `to` on, `places * rows.size` bytes may be written.
    pub(super) unsafe fn gather_rows_to(
        &self,
        rows: Rows,
        indices: &[i64],
        to: *mut u8,
        places: usize,
    ) -> Result<()> {
        let row = |n: usize| indices.get(n).and_then(|&index| rows.resolve(index));
        // SAFETY: by this function's contract.
        let missing = unsafe { self.copy_rows(rows, row, AHEAD, to, places) }?;
        match missing {
            None => Ok(()),
            Some(n) => Err(Error::new(Problem::Index {
                index: indices.get(n).copied().unwrap_or(i64::MAX),
                axis: 0,
                len: rows.count as u64,
            })),
        }
    }

    /// Copies row `row(n)` to place `n` from `to` on, for all places or to the first that gets none.
    ///
    /// # Safety
    /// From `to` on, `places * rows.size` bytes may be written.
    #[inline(always)]
    unsafe fn copy_rows(
        &self,
        rows: Rows,
        row: impl Fn(usize) -> Option<usize>,
        ahead: usize,
        to: *mut u8,
        places: usize,
    ) -> Result<Option<usize>> {
        self.check_strided(rows.at, rows.stride, rows.size, rows.count)?;
        let start = self.start()?.as_ptr().wrapping_add(rows.at).cast_const();
        let copy = Copying {
            start,
            rows,
            row,
            ahead,
            to,
            places,
        };
        // Sizes that the compiler knows become a load and a store.
        Ok(match rows.size {
            0 => None,
            1 => copy.all(1),
            2 => copy.all(2),
            4 => copy.all(4),
            8 => copy.all(8),
            16 => copy.all(16),
            size => copy.all(size),
        })
    }
}

/// Rows to copy. Invariant: `rows` lie inside a region that `start` is the place of, and `places` of
/// their size may be written from `to` on (checked by whoever makes one).
struct Copying<F> {
    start: *const u8,
    rows: Rows,
    row: F,
    ahead: usize,
    to: *mut u8,
    places: usize,
}

impl<F: Fn(usize) -> Option<usize>> Copying<F> {
    /// Copies a row of `size` bytes to each place; says which place got none. `size` is `rows.size`.
    #[inline(always)]
    fn all(&self, size: usize) -> Option<usize> {
        debug_assert_eq!(size, self.rows.size);
        let at = |row: usize| {
            let shift = (row as isize).wrapping_mul(self.rows.stride);
            self.start.wrapping_offset(shift)
        };
        for n in 0..self.places {
            let Some(row) = (self.row)(n).filter(|&row| row < self.rows.count) else {
                return Some(n);
            };
            if let Some(next) = (self.row)(n + self.ahead) {
                fetch(at(next), size);
            }
            let to = self.to.wrapping_add(n * size);
            // SAFETY: the invariant; `row` is one of the rows and `n` one of the places. `copy` allows
            // the two to overlap.
            unsafe { ptr::copy(at(row), to, size) };
        }
        None
    }
}

/// Tells the processor that these bytes will be read soon.
#[inline(always)]
fn fetch(from: *const u8, size: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        for line in (0..size.min(512)).step_by(64) {
            // SAFETY: a hint about an address; it reads nothing and faults on nothing.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(line).cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (from, size);
}
