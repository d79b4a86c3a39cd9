//! The shell's door: arguments in, text or JSON out, an exit code at the end.
//!
//! It converts, calls the library and reports; it computes nothing itself. The README beside it
//! says what `--json` prints and what the exit codes mean; the tests hold it to that.
//!
//! Knows: `maparray`'s public interface, clap. Must not know: formats, maps, operations.

mod args;
mod commands;
mod failure;
mod progress;
mod table;
mod value;

use std::ffi::OsString;
use std::io::{BufWriter, Write};

use clap::Parser;

use args::Arguments;
use failure::Failure;

/// Runs the program with these arguments, the first of which is its name, and says its exit code.
///
/// ```
/// let (mut out, mut err) = (Vec::new(), Vec::new());
/// let code = maparray_cli::run(["maparray", "eval", "2 ** 10"], &mut out, &mut err);
/// assert_eq!((code, out.as_slice()), (0, b"1024\n".as_slice()));
/// ```
pub fn run<T: Into<OsString> + Clone>(
    arguments: impl IntoIterator<Item = T>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    progress::survive_size_limits();
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let program = arguments
        .first()
        .map_or("maparray".into(), |name| name.to_string_lossy());
    let outcome = match Arguments::try_parse_from(&arguments) {
        Ok(arguments) => commands::run(&program, &arguments, &mut out, err),
        Err(message) => Err(Failure::Arguments(message)),
    };
    let outcome = outcome.and_then(|()| Ok(out.flush()?));
    match outcome {
        Ok(()) => 0,
        Err(failure) => {
            // What was printed so far belongs before the error; if nobody reads it, so be it.
            let _ = out.flush();
            failure.report(&mut out, err)
        }
    }
}
