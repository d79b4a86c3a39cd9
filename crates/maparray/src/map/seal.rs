//! What else in a file has to follow when the bytes of a region change?
//!
//! Such as a checksum that stands elsewhere in the file. Brought up to date when the region is flushed
//! and when it goes away, if anybody could have written to it.
//!
//! Knows: errors. Must not know: what follows.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Region;
use crate::error::Result;

/// What has to be done, and whether it is due.
pub(super) struct Seal {
    mend: Box<dyn Fn() -> Result<()> + Send + Sync>,
    /// Whether somebody had the right to write. Never unset: who has it may write later.
    broken: AtomicBool,
}

impl Region {
    /// A region whose changes call for something else, which finds them in the file.
    pub(crate) fn sealed(self, mend: impl Fn() -> Result<()> + Send + Sync + 'static) -> Region {
        Region {
            seal: Some(Seal {
                mend: Box::new(mend),
                broken: AtomicBool::new(false),
            }),
            ..self
        }
    }

    /// Notes that somebody gets the right to write.
    #[inline]
    pub(super) fn break_seal(&self) {
        if let Some(seal) = &self.seal {
            seal.broken.store(true, Ordering::Release);
        }
    }

    /// Does what changes call for.
    ///
    /// # Errors
    /// What went wrong there.
    pub(super) fn mend_seal(&self) -> Result<()> {
        match &self.seal {
            Some(seal) if seal.broken.load(Ordering::Acquire) => (seal.mend)(),
            _ => Ok(()),
        }
    }
}

impl Drop for Seal {
    fn drop(&mut self) {
        if self.broken.load(Ordering::Acquire) {
            // Nobody is left to be told; a flush before would have said it.
            let _ = (self.mend)();
        }
    }
}
