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
        // Every item has a row, so none is missing.
        self.copy_rows(rows, |n| (n < rows.count).then_some(n), STRIDED_AHEAD, out)?;
        Ok(())
    }

    /// Copies the rows that `indices` name, one after the other, until `out` is full.
    ///
    /// # Errors
    /// `OutOfBounds` if rows lie outside the region or an index names none of them.
    pub(crate) fn gather_rows(&self, rows: Rows, indices: &[i64], out: &mut [u8]) -> Result<()> {
        let row = |n: usize| indices.get(n).and_then(|&index| rows.resolve(index));
        match self.copy_rows(rows, row, AHEAD, out)? {
            None => Ok(()),
            Some(n) => Err(Error::new(Problem::Index {
                index: indices.get(n).copied().unwrap_or(i64::MAX),
                axis: 0,
                len: rows.count as u64,
            })),
        }
    }

    /// Copies row `row(n)` to place `n` of `out` for all places, or to the first that gets none.
    #[inline(always)]
    fn copy_rows(
        &self,
        rows: Rows,
        row: impl Fn(usize) -> Option<usize>,
        ahead: usize,
        out: &mut [u8],
    ) -> Result<Option<usize>> {
        self.check_strided(rows.at, rows.stride, rows.size, rows.count)?;
        let source = Spaced {
            start: self.start()?.as_ptr().wrapping_add(rows.at).cast_const(),
            rows,
            row,
            ahead,
        };
        Ok(match rows.size {
            0 => None,
            1 => source.sized::<1>(out),
            2 => source.sized::<2>(out),
            4 => source.sized::<4>(out),
            8 => source.sized::<8>(out),
            16 => source.sized::<16>(out),
            size => source.each(out.chunks_exact_mut(size), |from, to| {
                // SAFETY: `each` gives the address of a whole row of `size` bytes inside the region,
                // and `to` is a slice of ours of that length.
                unsafe { ptr::copy(from, to.as_mut_ptr(), size) }
            }),
        })
    }
}

/// Rows in memory, all of them inside a region (checked by whoever makes one), and which to copy.
struct Spaced<F> {
    start: *const u8,
    rows: Rows,
    row: F,
    ahead: usize,
}

impl<F: Fn(usize) -> Option<usize>> Spaced<F> {
    #[inline(always)]
    fn sized<const N: usize>(&self, out: &mut [u8]) -> Option<usize> {
        let (items, _) = out.as_chunks_mut::<N>();
        self.each(items.iter_mut(), |from, to| {
            // SAFETY: as above, with a size that the compiler knows.
            unsafe { ptr::copy(from, to.as_mut_ptr(), N) }
        })
    }

    /// Calls `copy` with the address of a row for each place; says which place got none.
    #[inline(always)]
    fn each<T>(
        &self,
        places: impl Iterator<Item = T>,
        copy: impl Fn(*const u8, T),
    ) -> Option<usize> {
        let at = |row: usize| {
            // `row` is below the count here, so this is inside the region.
            self.start
                .wrapping_offset((row as isize).wrapping_mul(self.rows.stride))
        };
        for (n, place) in places.enumerate() {
            let Some(row) = (self.row)(n).filter(|&row| row < self.rows.count) else {
                return Some(n);
            };
            if let Some(next) = (self.row)(n + self.ahead) {
                fetch(at(next), self.rows.size);
            }
            copy(at(row), place);
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
