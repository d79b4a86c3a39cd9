//! Who watches a computation?
//!
//! A bar on standard error if a person sits there, and Ctrl-C everywhere: the first stops the
//! computation, which then leaves no half-written file; a second ends the program at once.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Once};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use maparray::{Flow, Progress};
use signal_hook::consts::SIGINT;
use signal_hook::flag;

use crate::args::How;

/// Set by Ctrl-C.
static STOPPED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Makes Ctrl-C ask for a stop instead of ending the program. Once is enough.
fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        // Without a handler Ctrl-C ends the program, as it does everywhere. The order matters: the
        // second Ctrl-C finds the flag set.
        let _ = flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&STOPPED));
        let _ = flag::register(SIGINT, Arc::clone(&STOPPED));
    });
}

/// Makes a file that grows past the limit of `ulimit -f` an error and not the end of the program.
pub(crate) fn survive_size_limits() {
    #[cfg(unix)]
    let _ = flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
}

/// Watches one computation.
pub(crate) fn watcher(how: &How) -> impl FnMut(Progress) -> Flow + use<> {
    listen();
    let visible = !how.quiet && std::io::stderr().is_terminal();
    let bar = Bar(ProgressBar::with_draw_target(
        None,
        if visible {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        },
    ));
    let template = "{bar:30} {bytes:>10} of {total_bytes}  {bytes_per_sec}  {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.0.set_style(style.progress_chars("━╸ "));
    }
    move |progress| {
        bar.0.set_length(progress.total);
        bar.0.set_position(progress.done);
        if STOPPED.load(Ordering::SeqCst) {
            Flow::Stop
        } else {
            Flow::Continue
        }
    }
}

/// A bar that goes away when the computation is over.
struct Bar(ProgressBar);

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
