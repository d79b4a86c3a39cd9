//! Who watches a computation?
//!
//! A bar on standard error if a person sits there, and signals everywhere: the first Ctrl-C, SIGTERM
//! or SIGHUP stops the computation, which then leaves no half-written file; a second ends the
//! program at once, as all of them do while nothing is computed.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Once};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use maparray::{Flow, Progress};
#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::args::How;

/// The signal that asked for a stop, 0 before.
static SIGNAL: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// Whether a signal ends the program at once.
static AT_ONCE: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// How many ask that a signal waits for them.
static GUARDS: AtomicUsize = AtomicUsize::new(0);

/// While one of these lives, the first signal asks for a stop instead of ending the program.
pub(crate) struct Guard(());

impl Guard {
    pub(crate) fn new() -> Guard {
        static LISTENING: Once = Once::new();
        LISTENING.call_once(listen);
        GUARDS.fetch_add(1, Ordering::SeqCst);
        AT_ONCE.store(SIGNAL.load(Ordering::SeqCst) != 0, Ordering::SeqCst);
        Guard(())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if GUARDS.fetch_sub(1, Ordering::SeqCst) == 1 {
            AT_ONCE.store(true, Ordering::SeqCst);
        }
    }
}

fn listen() {
    let mut signals = vec![SIGINT, SIGTERM];
    #[cfg(unix)]
    if !hangup_is_ignored() {
        signals.push(SIGHUP);
    }
    for signal in signals {
        // Without a handler a signal ends the program, as it does everywhere. The order matters: the
        // first signal finds the flag as it was, the second finds it set.
        let _ = flag::register_conditional_default(signal, Arc::clone(&AT_ONCE));
        let _ = flag::register(signal, Arc::clone(&AT_ONCE));
        let _ = flag::register_usize(signal, Arc::clone(&SIGNAL), signal as usize);
    }
}

/// Whether the program shall outlive its terminal, as `nohup` wants it; where the system does not
/// tell, nothing is changed.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask >> (SIGHUP - 1) & 1 == 1)
}

/// Whether a signal asked for a stop.
pub(crate) fn is_stopped() -> bool {
    SIGNAL.load(Ordering::SeqCst) != 0
}

/// The exit code of a program that was stopped, as shells count them: 130 after Ctrl-C.
pub(crate) fn exit_code() -> u8 {
    match SIGNAL.load(Ordering::SeqCst) {
        0 => 128 + SIGINT as u8,
        signal => 128 + signal as u8,
    }
}

/// Makes a file that grows past the limit of `ulimit -f` an error and not the end of the program.
pub(crate) fn survive_size_limits() {
    #[cfg(unix)]
    let _ = flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
}

/// Watches one computation.
pub(crate) fn watcher(how: &How) -> impl FnMut(Progress) -> Flow + use<> {
    let visible = !how.quiet && std::io::stderr().is_terminal();
    let bar = ProgressBar::with_draw_target(
        None,
        if visible {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        },
    );
    let template = "{bar:30} {bytes:>10} of {total_bytes}  {bytes_per_sec}  {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸ "));
    }
    let watch = Watch {
        bar,
        _guard: Guard::new(),
    };
    move |progress| {
        watch.bar.set_length(progress.total);
        watch.bar.set_position(progress.done);
        match SIGNAL.load(Ordering::SeqCst) {
            0 => Flow::Continue,
            _ => Flow::Stop,
        }
    }
}

/// A bar that goes away when the computation is over.
struct Watch {
    bar: ProgressBar,
    _guard: Guard,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
