//! How does a failure read, and with which exit code does the program end?
//!
//! `maparray: message` on standard error, then `hint: …` where there is a remedy.

use std::io::{self, Write};
use std::path::PathBuf;

use maparray::ErrorKind;

use crate::{progress, value};

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments make no sense, or ask for help.
    Arguments(clap::Error),
    /// The arguments make sense each, but not together.
    Usage { message: String, hint: &'static str },
    /// The library says no.
    Array(maparray::Error),
    /// The library says no, and here is another remedy than it knows.
    Hinted {
        error: maparray::Error,
        hint: &'static str,
    },
    /// The library says no to this expression.
    Expression {
        text: String,
        error: maparray::Error,
    },
    /// Several files were asked for and some failed, each with its message already printed.
    Reported(u8),
    /// A check found something wrong.
    Wrong(String),
    /// A folder cannot be made.
    Folder { path: PathBuf, error: io::Error },
    /// The output cannot be written.
    Output(io::Error),
}

impl From<maparray::Error> for Failure {
    fn from(error: maparray::Error) -> Failure {
        Failure::Array(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Failure {
        Failure::Output(error.into())
    }
}

/// The exit code for each kind of error.
pub(crate) fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Malformed | ErrorKind::Unsupported => 4,
        ErrorKind::Mismatch
        | ErrorKind::OutOfBounds
        | ErrorKind::ReadOnly
        | ErrorKind::InUse
        | ErrorKind::Unit
        | ErrorKind::Empty => 5,
        ErrorKind::Expression => 6,
        ErrorKind::Cancelled => progress::exit_code(),
        // `Io`, and kinds that are not known yet.
        _ => 3,
    }
}

impl Failure {
    /// Prints the failure and says the exit code. Help goes to `out`.
    pub(crate) fn report(&self, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
        // If the messages cannot be written either, the exit code still tells.
        match self {
            Failure::Arguments(message) if !message.use_stderr() => {
                let _ = write!(out, "{}", message.render()).and_then(|()| out.flush());
                0
            }
            Failure::Arguments(message) => {
                let text = message.render().to_string();
                let _ = match text.strip_prefix("error: ") {
                    Some(text) => write!(err, "maparray: {text}"),
                    None => write!(err, "{text}"),
                };
                2
            }
            Failure::Usage { message, hint } => {
                let _ = write!(err, "maparray: {message}\nhint: {hint}\n");
                2
            }
            Failure::Array(error) => report_error(error, error.hint(), err),
            Failure::Hinted { error, hint } => report_error(error, Some(hint), err),
            Failure::Expression { text, error } => {
                let code = report_error(error, error.hint(), err);
                if let Some(column) = error.column()
                    && !text.contains(char::is_control)
                {
                    let _ = write!(err, "  {text}\n  {:>column$}\n", '^');
                }
                code
            }
            Failure::Reported(code) => *code,
            Failure::Wrong(message) => {
                let _ = writeln!(err, "maparray: {message}");
                1
            }
            Failure::Folder { path, error } => {
                let _ = writeln!(
                    err,
                    "maparray: {}: cannot make a folder: {error}",
                    value::path(path)
                );
                3
            }
            // Whoever read the output has seen enough.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Failure::Output(error) => {
                let _ = writeln!(err, "maparray: cannot write the output: {error}");
                3
            }
        }
    }
}

fn report_error(error: &maparray::Error, hint: Option<&str>, err: &mut dyn Write) -> u8 {
    let _ = writeln!(err, "maparray: {error}");
    if let Some(hint) = hint {
        let _ = writeln!(err, "hint: {hint}");
    }
    exit_code(error.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_has_an_exit_code_of_its_group() {
        for &kind in ErrorKind::ALL {
            let code = exit_code(kind);
            assert!(matches!(code, 3..=6 | 130), "{kind:?} ends with {code}");
            assert_eq!(code == 3, kind == ErrorKind::Io, "{kind:?} needs a code");
        }
    }
}
