//! What if the process is forked while an array moves?
//!
//! The child has one thread: what the others had locked or frozen stays so for ever. So a fork waits
//! until no array moves, and none begins to before it is over.
//!
//! Knows: nothing. Must not know: arrays.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pyo3::prelude::*;

/// How many arrays move; the highest bit is set while a thread forks. No lock: it could be held by a
/// thread that the child does not have.
static MOVING: AtomicUsize = AtomicUsize::new(0);
const FORKING: usize = 1 << (usize::BITS - 1);
const PAUSE: Duration = Duration::from_micros(50);

/// That an array moves; no fork until this is gone.
pub(crate) struct Moving;

impl Moving {
    /// Waits while a thread forks. The interpreter must be free.
    pub(crate) fn begin() -> Moving {
        let one_more = |now: usize| (now & FORKING == 0).then_some(now + 1);
        while MOVING
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more)
            .is_err()
        {
            std::thread::sleep(PAUSE);
        }
        Moving
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        MOVING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits until no array moves, and keeps them from moving.
#[pyfunction]
fn before_fork(py: Python<'_>) {
    py.detach(|| {
        while MOVING.fetch_or(FORKING, Ordering::SeqCst) & FORKING != 0 {
            std::thread::sleep(PAUSE);
        }
        while MOVING.load(Ordering::SeqCst) != FORKING {
            std::thread::sleep(PAUSE);
        }
    });
}

/// Arrays may move again, in the parent and in the child.
#[pyfunction]
fn after_fork() {
    MOVING.fetch_and(!FORKING, Ordering::SeqCst);
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let os = py.import("os")?;
    if !os.hasattr("register_at_fork")? {
        return Ok(());
    }
    let before = wrap_pyfunction!(before_fork, module)?;
    let after = wrap_pyfunction!(after_fork, module)?;
    let hooks = pyo3::types::PyDict::new(py);
    hooks.set_item("before", before)?;
    hooks.set_item("after_in_parent", &after)?;
    hooks.set_item("after_in_child", &after)?;
    os.call_method("register_at_fork", (), Some(&hooks))?;
    Ok(())
}
