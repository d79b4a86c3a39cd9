//! Who computes what, and when does it stop?
//!
//! Tasks are numbered; threads claim the next number until none is left, one of them has failed, or
//! the caller asks to stop. What a task covers never depends on the number of threads.
//!
//! Knows: errors. Must not know: what a task computes.

use std::cell::RefCell;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Problem, Result};

/// How far a computation is, in bytes read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes done.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
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

/// Below this many bytes one thread is faster than waking a second.
const ALONE_BYTES: u64 = 1 << 19;

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
    stop: AtomicBool,
}

/// A thread's part in its crew.
pub(crate) struct Member<'c, 'a> {
    shared: &'c Shared,
    /// The calling thread watches; the others only work.
    watch: Option<&'c RefCell<Option<Watch<'a>>>>,
    last_watch: Instant,
}

/// Bytes that a computation keeps to if nothing else is said: 1 GiB, but never more than half of what
/// is free.
pub(crate) fn modest_memory() -> usize {
    const MODEST: u64 = 1 << 30;
    let half = free_memory().map_or(MODEST, |free| free / 2);
    usize::try_from(MODEST.min(half)).unwrap_or(usize::MAX)
}

/// Whether so many bytes in the page cache would push out much else.
pub(crate) fn fills_memory(bytes: u64) -> bool {
    bytes > (64 << 20) && free_memory().is_some_and(|free| bytes > free / 2)
}

/// Whether the system would slow down a writer of so many bytes that does not start writing them back:
/// it does from about an eighth of its memory on.
pub(crate) fn throttles(bytes: u64) -> bool {
    bytes > (512 << 20) && free_memory().is_some_and(|free| bytes > free / 16)
}

/// Bytes of memory that this process can have without pushing others out, its control group's limit
/// respected; `None` where the system does not tell.
fn free_memory() -> Option<u64> {
    let read = |path: &str| fs::read_to_string(path).ok();
    let number = |path: &str| read(path)?.trim().parse::<u64>().ok();
    let table = read("/proc/meminfo")?;
    let line = table
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    let free = line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024;
    let groups = read("/proc/self/cgroup").unwrap_or_default();
    let limits = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (kind, group) = (parts.next()?, parts.next()?);
        // Version 2 has one tree, version 1 one for memory.
        let (root, limit, used) = match kind {
            "" => ("/sys/fs/cgroup", "memory.max", "memory.current"),
            _ if kind.split(',').any(|kind| kind == "memory") => (
                "/sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
            ),
            _ => return None,
        };
        // Inside a container the group's own path may not be there, its root is.
        [group, ""].iter().find_map(|group| {
            let limit = number(&format!("{root}{group}/{limit}"))?;
            let used = number(&format!("{root}{group}/{used}"))?;
            // Used by the page cache, for the most part: half of the limit is there to be had.
            Some(limit.saturating_sub(used).max(limit / 2))
        })
    });
    Some(limits.fold(free, u64::min))
}

/// Cores that this process may use; asked once, because the answer takes the system tens of
/// microseconds.
pub(crate) fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

impl<'a> Crew<'a> {
    pub(crate) fn new(threads: usize, total: u64, watch: Option<Watch<'a>>) -> Crew<'a> {
        let threads = if total < ALONE_BYTES { 1 } else { threads };
        let shared = Shared {
            done: AtomicU64::new(0),
            total,
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
                last_watch: Instant::now(),
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
        thread::scope(|scope| {
            for _ in 1..threads.min(tasks) {
                // A thread that the system refuses is done without.
                let _ = thread::Builder::new().spawn_scoped(scope, || member(None));
            }
            member(Some(&self.watch));
        });
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
        };
        match watch.borrow_mut().as_mut().map(|watch| watch(progress)) {
            Some(Flow::Stop) => Err(Error::new(Problem::Cancelled)),
            _ => Ok(()),
        }
    }
}
