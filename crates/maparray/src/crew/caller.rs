//! Who watches what is copied?
//!
//! Computations are given their watcher; copying functions take none. For the time of [`watched`] a
//! thread has one, which they ask.
//!
//! Knows: watchers. Must not know: what is copied.

use std::cell::RefCell;

use super::{Flow, Progress, Watch};

thread_local! {
    static WATCH: RefCell<Option<Watch<'static>>> = const { RefCell::new(None) };
}

/// Has `watch` be called a few times a second while `work` copies many bytes on this thread (`save`,
/// `take`, `compress` and their kind); it can stop them, and they leave no half-written file.
///
/// ```
/// use maparray::{Flow, MemMapArray};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.npy");
/// let array = MemMapArray::from_slice(&vec![1_u8; 1 << 22]);
/// let show = |progress: maparray::Progress| {
///     println!("{} of {} bytes", progress.done, progress.total);
///     Flow::Continue
/// };
/// maparray::watched(show, || array.save(&path))?;
/// assert_eq!(MemMapArray::read(&path)?.len(), 1 << 22);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn watched<T>(watch: impl FnMut(Progress) -> Flow + 'static, work: impl FnOnce() -> T) -> T {
    let _restore = Restore(WATCH.replace(Some(Box::new(watch))));
    work()
}

/// Puts back the watcher that a thread had before, also when the work panics.
struct Restore(Option<Watch<'static>>);

impl Drop for Restore {
    fn drop(&mut self) {
        WATCH.set(self.0.take());
    }
}

/// The watcher of this thread, if it has one.
pub(crate) fn callers_watch() -> Option<Watch<'static>> {
    let watched = WATCH.with_borrow(Option::is_some);
    watched.then(|| -> Watch<'static> { Box::new(ask) })
}

fn ask(progress: Progress) -> Flow {
    // Taken out meanwhile: what it does may be watched itself.
    let Some(mut watch) = WATCH.take() else {
        return Flow::Continue;
    };
    let flow = watch(progress);
    WATCH.set(Some(watch));
    flow
}
