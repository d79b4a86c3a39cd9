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
    pub(crate) fn resolve(&self, index: i64) -> Option<usize> {
        let back = if index < 0 { self.count as i64 } else { 0 };
        // An index this far out is caught by the comparison, whatever the sum wraps to.
        let row = index.wrapping_add(back) as u64;
        (row < self.count as u64).then_some(row as usize)
    }
}

impl Region {
    /// Copies the rows that `indices` name, one after the other, until `out` is full.
    ///
    /// # Errors
    /// `OutOfBounds` if rows lie outside the region or an index names none of them.
    pub(crate) fn gather_rows(&self, rows: Rows, indices: &[i64], out: &mut [u8]) -> Result<()> {
        self.check_strided(rows.at, rows.stride, rows.size, rows.count)?;
        let start = self.start.as_ptr().wrapping_add(rows.at).cast_const();
        let outside = match rows.size {
            0 => None,
            1 => sized::<1>(start, rows, indices, out),
            2 => sized::<2>(start, rows, indices, out),
            4 => sized::<4>(start, rows, indices, out),
            8 => sized::<8>(start, rows, indices, out),
            16 => sized::<16>(start, rows, indices, out),
            size => {
                let items = out.chunks_exact_mut(size);
                each(start, rows, indices, items, |from, to| {
                    // SAFETY: `each` gives the address of a whole row of `size` bytes inside the
                    // region, and `to` is a slice of ours of that length.
                    unsafe { ptr::copy(from, to.as_mut_ptr(), size) }
                })
            }
        };
        match outside {
            None => Ok(()),
            Some(index) => Err(Error::new(Problem::Index {
                index,
                axis: 0,
                len: rows.count as u64,
            })),
        }
    }
}

fn sized<const N: usize>(
    start: *const u8,
    rows: Rows,
    indices: &[i64],
    out: &mut [u8],
) -> Option<i64> {
    let (items, _) = out.as_chunks_mut::<N>();
    each(start, rows, indices, items.iter_mut(), |from, to| {
        // SAFETY: as above, with a size that the compiler knows.
        unsafe { ptr::copy(from, to.as_mut_ptr(), N) }
    })
}

/// Calls `copy` with the address of each row and its place; stops at an index that names no row.
///
/// The caller has proved the first and the last row to be inside the region, hence all between.
#[inline(always)]
fn each<T>(
    start: *const u8,
    rows: Rows,
    indices: &[i64],
    items: impl Iterator<Item = T>,
    copy: impl Fn(*const u8, T),
) -> Option<i64> {
    let place = |row: usize| start.wrapping_offset(row as isize * rows.stride);
    for (n, (item, &index)) in items.zip(indices).enumerate() {
        let Some(row) = rows.resolve(index) else {
            return Some(index);
        };
        if let Some(&next) = indices.get(n + AHEAD)
            && let Some(next) = rows.resolve(next)
        {
            fetch(place(next), rows.size);
        }
        copy(place(row), item);
    }
    None
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
