//! Who watches a computation?
//!
//! A bar on standard error if a person sits there, and Ctrl-C everywhere: the first stops the
//! computation, which then leaves no half-written file; a second ends the program at once.

use std::io::IsTerminal;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use maparray::{Flow, Progress};

use crate::args::How;

static STOPPED: AtomicBool = AtomicBool::new(false);

/// Makes Ctrl-C ask for a stop instead of ending the program. Once is enough.
fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        // Without a handler Ctrl-C ends the program, as it does everywhere.
        let _ = ctrlc::set_handler(|| {
            if STOPPED.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        });
    });
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
