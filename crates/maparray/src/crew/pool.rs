//! Where do the threads come from?
//!
//! From a pool of our own, which waits between computations: waking a thread takes a fifth of the
//! time that starting one does. One computation at a time has it; another that runs meanwhile, or
//! inside it, starts threads for itself.
//!
//! Knows: threads. Must not know: what they do.

use std::sync::Mutex;
use std::thread;

use rayon_core::{ThreadPool, ThreadPoolBuilder};

/// The pool of this process.
static POOL: Mutex<Option<Pool>> = Mutex::new(None);

struct Pool {
    threads: ThreadPool,
    /// The process that made it: after a fork the child has the pool, but not its threads.
    process: u32,
}

/// Runs `own` on this thread and `help` on so many others, and returns when all are done.
pub(super) fn together(helpers: usize, help: &(impl Fn() + Sync), own: impl FnOnce()) {
    if helpers == 0 {
        return own();
    }
    // A lock that is taken means that the pool is in use, or was when this process was forked.
    let Ok(mut pool) = POOL.try_lock() else {
        return alone(helpers, help, own);
    };
    let process = std::process::id();
    if let Some(old) = pool.take_if(|pool| pool.process != process) {
        // Its threads are the parent's: there is nothing here to end.
        std::mem::forget(old);
    }
    if pool
        .as_ref()
        .is_none_or(|pool| pool.threads.current_num_threads() < helpers)
    {
        let threads = ThreadPoolBuilder::new()
            .num_threads(helpers)
            .thread_name(|number| format!("maparray {number}"))
            .build();
        *pool = threads.ok().map(|threads| Pool { threads, process });
    }
    match pool.as_ref() {
        Some(pool) => pool.threads.in_place_scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(|_| help());
            }
            own();
        }),
        // A pool that the system refuses is done without.
        None => own(),
    }
}

/// The same with threads that end when they are done.
fn alone(helpers: usize, help: &(impl Fn() + Sync), own: impl FnOnce()) {
    thread::scope(|scope| {
        for _ in 0..helpers {
            // A thread that the system refuses is done without.
            let _ = thread::Builder::new().spawn_scoped(scope, help);
        }
        own();
    });
}
