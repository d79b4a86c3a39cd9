//! Do the examples still tell the truth?
//!
//! Each folder of `examples/` is one story, told in Rust, in Python and in the shell; each ends with
//! an error if its answer is wrong.
//!
//! Knows: the stories' file names. Must not know: what they tell.

use std::env;
use std::fs;
use std::process::Command;

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

pub(crate) fn in_rust(steps: &mut Steps) -> Result<(), Failure> {
    for story in stories(steps)? {
        let run = [
            "run",
            "--quiet",
            "--package",
            "maparray",
            "--example",
            &story,
        ];
        steps.cargo(&format!("example {story} in Rust"), &run)?;
    }
    Ok(())
}

pub(crate) fn in_shell(steps: &mut Steps) -> Result<(), Failure> {
    if !cfg!(unix) {
        return Ok(());
    }
    steps.cargo(
        "shell door",
        &["build", "--quiet", "--package", "maparray-cli"],
    )?;
    let own = steps.target().join("debug");
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(std::iter::once(own).chain(env::split_paths(&path)))
        .map_err(|error| Failure::new("shell door", format!("cannot put it on PATH: {error}")))?;
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
