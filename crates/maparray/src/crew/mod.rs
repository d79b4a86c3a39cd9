//! Who computes what, with how much memory, and when does it stop?
//!
//! Tasks are numbered; threads claim the next number until none is left, one of them has failed, or
//! the caller asks to stop. What a task covers never depends on the number of threads.
//!
//! Knows: errors. Must not know: what a task computes.

mod caller;
mod memory;
mod pool;

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Problem, Result};
pub(crate) use caller::callers_watch;
pub use caller::watched;
pub use memory::free_memory;
pub(crate) use memory::{fills_memory, modest_memory, throttles};

/// How far a computation is, in bytes read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes done.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
    /// Time since the computation began.
    pub elapsed: Duration,
}

impl Progress {
    /// Bytes per second so far.
    ///
    /// ```
    /// use maparray::Progress;
    /// use std::time::Duration;
    /// let progress = Progress { done: 3_000, total: 4_000, elapsed: Duration::from_secs(3) };
    /// assert_eq!(progress.rate(), 1_000.0);
    /// assert_eq!(progress.remaining(), Some(Duration::from_secs(1)));
    /// ```
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// The time that the rest will take if it goes on like this; `None` before anything is done.
    pub fn remaining(&self) -> Option<Duration> {
        let left = self.total.saturating_sub(self.done) as f64;
        (self.done > 0).then(|| Duration::try_from_secs_f64(left / self.rate()).ok())?
    }
}

/// What a watcher wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop at once; the computation ends with `Cancelled`.
    Stop,
}

/// A watcher of progress, called on the calling thread.
pub(crate) type Watch<'a> = Box<dyn FnMut(Progress) -> Flow + 'a>;

/// How often a watcher is called.
const WATCH_EVERY: Duration = Duration::from_millis(50);

/// Bytes that a thread does before it tells the others.
const TELL_BYTES: u64 = 1 << 18;

/// Below this many bytes one thread is faster than waking a second.
const ALONE_BYTES: u64 = 1 << 19;

/// Threads of one computation at most, unless the machine has more cores: beyond that they only cost
/// memory.
const MOST_THREADS: usize = 64;

/// The threads of one computation.
pub(crate) struct Crew<'a> {
    threads: usize,
    watch: RefCell<Option<Watch<'a>>>,
    shared: Shared,
}

/// What the threads share.
struct Shared {
    /// Bytes done by everything that this crew has run so far.
    done: AtomicU64,
    total: u64,
    began: Instant,
    stop: AtomicBool,
}

/// A thread's part in its crew.
pub(crate) struct Member<'c, 'a> {
    shared: &'c Shared,
    /// The calling thread watches; the others only work.
    watch: Option<&'c RefCell<Option<Watch<'a>>>>,
    last_watch: Instant,
    /// Bytes that this thread has done and told nobody of.
    untold: u64,
}

/// Cores that this process may use; asked once, because the answer takes the system tens of
/// microseconds.
pub(crate) fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

impl<'a> Crew<'a> {
    pub(crate) fn new(threads: usize, total: u64, watch: Option<Watch<'a>>) -> Crew<'a> {
        let threads = if total < ALONE_BYTES {
            1
        } else {
            threads.min(MOST_THREADS.max(cores()))
        };
        let shared = Shared {
            done: AtomicU64::new(0),
            total,
            began: Instant::now(),
            stop: AtomicBool::new(false),
        };
        Crew {
            threads: threads.max(1),
            watch: RefCell::new(watch),
            shared,
        }
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Runs every task once. `start` makes what a thread needs for all of its tasks.
    ///
    /// # Errors
    /// The first that any thread met.
    pub(crate) fn run<S>(
        &self,
        tasks: usize,
        start: impl Fn() -> Result<S> + Sync,
        work: impl Fn(usize, &mut S, &mut Member<'_, 'a>) -> Result<()> + Sync,
    ) -> Result<()> {
        let next = AtomicUsize::new(0);
        let failure = Mutex::new(None);
        let (shared, threads) = (&self.shared, self.threads);
        let member = |watch: Option<&RefCell<Option<Watch<'a>>>>| {
            let mut member = Member {
                shared,
                watch,
                last_watch: shared.began,
                untold: 0,
            };
            let done = start().and_then(|mut scratch| {
                loop {
                    let task = next.fetch_add(1, Ordering::Relaxed);
                    if task >= tasks || shared.stop.load(Ordering::Relaxed) {
                        return Ok(());
                    }
                    work(task, &mut scratch, &mut member)?;
                }
            });
            if let Err(error) = done {
                failure
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(error);
                shared.stop.store(true, Ordering::Relaxed);
            }
        };
        let helpers = threads.min(tasks).saturating_sub(1);
        pool::together(helpers, &|| member(None), || member(Some(&self.watch)));
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Member<'_, '_> {
    /// Counts bytes as done and, now and then, tells the watcher.
    ///
    /// # Errors
    /// `Cancelled` if the watcher or another thread says to stop.
    pub(crate) fn advance(&mut self, bytes: u64) -> Result<()> {
        let shared = self.shared;
        self.untold += bytes;
        if self.untold < TELL_BYTES {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.untold);
        let done = shared.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if shared.stop.load(Ordering::Relaxed) {
            return Err(Error::new(Problem::Cancelled));
        }
        let Some(watch) = self
            .watch
            .filter(|_| self.last_watch.elapsed() >= WATCH_EVERY)
        else {
            return Ok(());
        };
        self.last_watch = Instant::now();
        let progress = Progress {
            done: done.min(shared.total),
            total: shared.total,
            elapsed: shared.began.elapsed(),
        };
        match watch.borrow_mut().as_mut().map(|watch| watch(progress)) {
            Some(Flow::Stop) => Err(Error::new(Problem::Cancelled)),
            _ => Ok(()),
        }
    }
}
