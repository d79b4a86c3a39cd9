//! How do blocks that are computed at once hear of those before them?
//!
//! Knows: threads. Must not know: what is computed.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::crew::Member;
use crate::error::Result;

/// What the tasks so far have come to; each adds its part in its turn, in the order of their numbers.
pub(super) struct Turns<T> {
    turn: Mutex<Turn<T>>,
    passed: Condvar,
}

struct Turn<T> {
    task: usize,
    total: T,
}

impl<T> Turns<T> {
    pub(super) fn new(total: T) -> Turns<T> {
        Turns {
            turn: Mutex::new(Turn { task: 0, total }),
            passed: Condvar::new(),
        }
    }

    /// Waits for this task's turn.
    ///
    /// # Errors
    /// `Cancelled` if the computation ends meanwhile.
    pub(super) fn take<R>(
        &self,
        task: usize,
        member: &mut Member<'_, '_>,
        work: impl FnOnce(&mut T) -> R,
    ) -> Result<R> {
        /// After so long a thread looks whether the one that it waits for has given up.
        const PATIENCE: Duration = Duration::from_millis(5);
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        while turn.task != task {
            member.advance(0)?;
            let waited = self.passed.wait_timeout(turn, PATIENCE);
            turn = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let done = work(&mut turn.total);
        turn.task += 1;
        drop(turn);
        self.passed.notify_all();
        Ok(done)
    }

    /// What all of them came to.
    pub(super) fn finish(self) -> T {
        let turn = self.turn.into_inner();
        turn.unwrap_or_else(PoisonError::into_inner).total
    }
}
