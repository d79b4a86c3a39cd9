//! Do the examples still tell the truth?
//!
//! Each folder of `examples/` is one story, told in Rust, in Python and in the shell; each ends with
//! an error if its answer is wrong.
//!
//! Knows: the stories' file names. Must not know: what they tell.

use std::env::consts::EXE_SUFFIX;
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use crate::python::Python;
use crate::step::{Failure, Steps};

/// The names of the stories.
fn stories(steps: &Steps) -> Result<Vec<String>, Failure> {
    let folder = steps.root().join("examples");
    let unreadable = |error| {
        Failure::new(
            "examples",
            format!("cannot read {}: {error}", folder.display()),
        )
    };
    let mut stories = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.path().is_dir() {
            stories.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    stories.sort();
    Ok(stories)
}

/// The programs that `cargo test --workspace` has built on its way.
fn built(steps: &Steps) -> PathBuf {
    steps.target().join("debug")
}

/// The examples in Rust among them.
pub(crate) fn programs(steps: &Steps) -> PathBuf {
    built(steps).join("examples")
}

pub(crate) fn in_rust(steps: &mut Steps) -> Result<(), Failure> {
    for story in stories(steps)? {
        let file = format!("{story}{EXE_SUFFIX}");
        let mut command = Command::new(programs(steps).join(file));
        steps.run(&format!("example {story} in Rust"), &mut command)?;
    }
    Ok(())
}

pub(crate) fn in_shell(steps: &mut Steps) -> Result<(), Failure> {
    if !cfg!(unix) {
        return Ok(());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(std::iter::once(built(steps)).chain(env::split_paths(&path)))
        .map_err(|error| Failure::new("shell", format!("cannot put it on PATH: {error}")))?;
    for story in stories(steps)? {
        let mut command = Command::new("sh");
        command
            .arg(format!("examples/{story}/main.sh"))
            .env("PATH", &path);
        steps.run(&format!("example {story} in the shell"), &mut command)?;
    }
    Ok(())
}

pub(crate) fn in_python(steps: &mut Steps, python: &Python) -> Result<(), Failure> {
    for story in stories(steps)? {
        let mut command = python.command(&[&format!("examples/{story}/main.py")]);
        steps.run(&format!("example {story} in Python"), &mut command)?;
    }
    Ok(())
}
