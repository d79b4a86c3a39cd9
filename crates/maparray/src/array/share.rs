//! Who copies what?
//!
//! Pieces of work that threads claim one after the other.
//!
//! Knows: errors. Must not know: what a piece is.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use crate::error::{Error, Result};

/// Below this many bytes one thread is faster than two.
const ALONE_BYTES: usize = 1 << 19;

/// Gives every piece to `work`, on several threads if there are many bytes, with memory that each
/// thread keeps from piece to piece.
///
/// # Errors
/// The first that any thread met.
pub(super) fn share_out<T: Send>(
    pieces: impl Iterator<Item = T> + Send,
    bytes: usize,
    work: impl Fn(T, &mut Vec<u8>) -> Result<()> + Sync,
) -> Result<()> {
    let mut pieces = pieces;
    if bytes < ALONE_BYTES || cores() == 1 {
        let mut scratch = vec![];
        return pieces.try_for_each(|piece| work(piece, &mut scratch));
    }
    let pieces = Mutex::new(pieces);
    let failure: Mutex<Option<Error>> = Mutex::new(None);
    let next = || pieces.lock().unwrap_or_else(PoisonError::into_inner).next();
    let failed = || failure.lock().unwrap_or_else(PoisonError::into_inner);
    let member = || {
        let mut scratch = vec![];
        while let Some(piece) = next() {
            if failed().is_some() {
                return;
            }
            if let Err(error) = work(piece, &mut scratch) {
                failed().get_or_insert(error);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..cores() {
            // A thread that the system refuses is done without.
            let _ = thread::Builder::new().spawn_scoped(scope, member);
        }
        member();
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}
