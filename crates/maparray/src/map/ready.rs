//! Which pages of a mapped file have been made ready?
//!
//! A mark for each [`PIECE`], so that the next computation on the same map does not ask the system
//! again. Only a hint: a page that the system has taken back meanwhile costs a fault.
//!
//! Knows: nothing. Must not know: what the bytes mean, how pages are made ready.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a mark.
const PIECE: usize = 1 << 16;

/// The marks of a region; none until the first is set.
#[derive(Default)]
pub(super) struct Ready(OnceLock<Box<[AtomicU64]>>);

impl Ready {
    /// Marks the pieces of a region of `len` bytes that lie in `range`; whether one of them was not
    /// marked before.
    pub(super) fn mark(&self, range: Range<usize>, len: usize) -> bool {
        let words = || (0..len.div_ceil(64 * PIECE)).map(|_| AtomicU64::new(0));
        let marks = self.0.get_or_init(|| words().collect());
        let pieces = range.start.div_ceil(PIECE)..range.end.min(len) / PIECE;
        let mut new = pieces.is_empty();
        for piece in pieces {
            let bit = 1 << (piece % 64);
            new |= marks[piece / 64].fetch_or(bit, Ordering::Relaxed) & bit == 0;
        }
        new
    }

    /// Takes the marks away from all pieces that `range` touches.
    pub(super) fn clear(&self, range: Range<usize>) {
        let Some(marks) = self.0.get() else {
            return;
        };
        for piece in range.start / PIECE..range.end.div_ceil(PIECE).min(64 * marks.len()) {
            marks[piece / 64].fetch_and(!(1 << (piece % 64)), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_marked_once_until_it_is_cleared() {
        let (ready, len) = (Ready::default(), 100 * PIECE + 5);
        assert!(ready.mark(PIECE - 1..3 * PIECE + 1, len));
        assert!(!ready.mark(PIECE..2 * PIECE, len));
        assert!(ready.mark(0..2 * PIECE, len));
        ready.clear(2 * PIECE..2 * PIECE + 1);
        assert!(!ready.mark(0..2 * PIECE, len));
        assert!(ready.mark(0..3 * PIECE, len));
        // What holds no whole piece is never marked.
        assert!(ready.mark(100 * PIECE..len, len));
        assert!(ready.mark(100 * PIECE..len, len));
        ready.clear(0..len);
        assert!(ready.mark(0..PIECE, len));
    }
}
