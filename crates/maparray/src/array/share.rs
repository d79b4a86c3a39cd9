//! Who copies which piece?
//!
//! Threads claim one piece after the other; a little work stays with the caller's.
//!
//! Knows: errors, threads. Must not know: what a piece is.

use std::sync::{Mutex, PoisonError};

use crate::crew::{Crew, callers_watch, cores};
use crate::error::Result;

/// Gives every piece to `work`, on several threads if there are many bytes, with memory that each
/// thread keeps from piece to piece.
///
/// # Errors
/// The first that any thread met.
pub(super) fn share_out<T: Send>(
    pieces: impl ExactSizeIterator<Item = T> + Send,
    bytes: usize,
    work: impl Fn(T, &mut Vec<u8>) -> Result<()> + Sync,
) -> Result<()> {
    let count = pieces.len();
    let pieces = Mutex::new(pieces);
    let next = || pieces.lock().unwrap_or_else(PoisonError::into_inner).next();
    let crew = Crew::new(cores(), bytes as u64, callers_watch());
    let each = bytes / count.max(1);
    crew.run(
        count,
        || Ok(vec![]),
        |_, scratch, member| {
            next().map_or(Ok(()), |piece| work(piece, scratch))?;
            member.advance(each as u64)
        },
    )
}
