//! How is one step run, timed and reported?
//!
//! Knows: processes and the clock. Must not know: which steps there are.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The steps of one task, done one after the other; the first failure ends the task.
pub(crate) struct Steps {
    root: PathBuf,
    target: PathBuf,
    started: Instant,
    count: usize,
}

/// Why the task ended early.
pub(crate) struct Failure {
    step: String,
    what: String,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(step: &str, what: impl Into<String>) -> Failure {
        Failure {
            step: step.into(),
            what: what.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed: {}\n  {}", self.step, self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl Steps {
    pub(crate) fn new(root: &Path) -> Steps {
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(path) => root.join(path),
            None => root.join("target"),
        };
        Steps {
            root: root.to_path_buf(),
            target,
            started: Instant::now(),
            count: 0,
        }
    }

    /// The repository's folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where everything that can be made again lives.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Steps begun so far.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Time since the task began, for people.
    pub(crate) fn elapsed(&self) -> String {
        seconds(self.started.elapsed())
    }

    /// One `cargo` command.
    pub(crate) fn cargo(&mut self, step: &str, arguments: &[&str]) -> Result<(), Failure> {
        self.cargo_with(step, arguments, &[])
    }

    /// One `cargo` command with variables of its own.
    pub(crate) fn cargo_with(
        &mut self,
        step: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<(), Failure> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(arguments).envs(variables.iter().copied());
        self.run(step, &mut command)
    }

    /// One command: a heading, its output as it comes, the time it took.
    pub(crate) fn run(&mut self, step: &str, command: &mut Command) -> Result<(), Failure> {
        self.count += 1;
        println!("\n== {step}\n   {}", show(command));
        let started = Instant::now();
        if command.get_current_dir().is_none() {
            command.current_dir(&self.root);
        }
        command
            .env("CARGO_TARGET_DIR", &self.target)
            .stdin(Stdio::null());
        let status = command.status().map_err(|error| {
            Failure::new(step, format!("cannot start `{}`: {error}", show(command)))
        })?;
        if !status.success() {
            return Err(Failure::new(
                step,
                format!("`{}` ended with {status}", show(command)),
            ));
        }
        println!("   done in {}", seconds(started.elapsed()));
        Ok(())
    }
}

/// A command as one would type it.
fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| {
        let word = word.to_string_lossy();
        if word.contains([' ', '(', '\'']) {
            format!("{word:?}")
        } else {
            word.into_owned()
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
