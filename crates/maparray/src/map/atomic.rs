//! How do programs change one number without losing each other's changes?
//!
//! By the processor's atomic operations on aligned words, in memory that they share.
//!
//! Knows: errors. Must not know: what the bytes mean.

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use super::{Region, Writer};
use crate::error::{Error, Problem, Result};

/// What happens to a word; wrapped as integers with and without sign are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Load,
    Store(u64),
    Add(u64),
    /// The second takes the place of the first, if that is what is there.
    Exchange(u64, u64),
}

impl Writer<'_> {
    /// Changes the word of `size` bytes at `at` in one step; what was there before. All changes of all
    /// programs have one order.
    ///
    /// # Errors
    /// As [`Region::load_word`].
    pub(crate) fn change(&self, at: usize, size: usize, change: Change) -> Result<u64> {
        self.region().change(at, size, change)
    }
}

impl Region {
    /// The word of `size` bytes at `at`, read as a whole.
    ///
    /// # Errors
    /// `OutOfBounds` if it is not inside the region, `Unsupported` if it is not aligned to its size or
    /// the size is none of 1, 2, 4 and 8.
    pub(crate) fn load_word(&self, at: usize, size: usize) -> Result<u64> {
        self.change(at, size, Change::Load)
    }

    /// Whoever asks for more than a load has the right to write.
    fn change(&self, at: usize, size: usize, change: Change) -> Result<u64> {
        self.check(at, size)?;
        let word = self.as_ptr()?.wrapping_add(at);
        let (address, align) = (word.addr(), size);
        if !address.is_multiple_of(align.max(1)) {
            return Err(Error::new(Problem::Misaligned { address, align }));
        }
        macro_rules! changed {
            ($atomic:ty, $word:ty) => {{
                // SAFETY: the word is inside the region and aligned, by the checks above, and stays
                // while `self` lives (invariant 1); a load does not write, and for anything else it is
                // a `Writer` that asks. Others may use atomic operations on it, too; who stores there
                // otherwise gives us old or new bytes.
                let word = unsafe { <$atomic>::from_ptr(word.cast()) };
                let order = Ordering::SeqCst;
                u64::from(match change {
                    Change::Load => word.load(order),
                    Change::Store(new) => word.swap(new as $word, order),
                    Change::Add(by) => word.fetch_add(by as $word, order),
                    Change::Exchange(old, new) => {
                        match word.compare_exchange(old as $word, new as $word, order, order) {
                            Ok(found) | Err(found) => found,
                        }
                    }
                })
            }};
        }
        Ok(match size {
            1 => changed!(AtomicU8, u8),
            2 => changed!(AtomicU16, u16),
            4 => changed!(AtomicU32, u32),
            8 => changed!(AtomicU64, u64),
            _ => return Err(Error::new(Problem::Misaligned { address, align })),
        })
    }
}
