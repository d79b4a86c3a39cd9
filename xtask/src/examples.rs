//! Do the examples still tell the truth?
//!
//! Each folder of `examples/` is one story, told in Rust, in Python and in the shell; `workflows` is
//! one of Python scripts. Each ends with an error if its answer is wrong.
//!
//! Knows: the stories' file names. Must not know: what they tell.

use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::python::Python;
use crate::step::{Failure, Steps};

/// The folder that has no story of its own, but scripts.
const WORKFLOWS: &str = "workflows";

/// The names of the stories.
fn stories(steps: &Steps) -> Result<Vec<String>, Failure> {
    let mut stories = Vec::new();
    for path in entries(&steps.root().join("examples"))? {
        let name = file_name(&path);
        if path.is_dir() && name != WORKFLOWS {
            stories.push(name);
        }
    }
    Ok(stories)
}

/// What is in a folder, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error| {
        Failure::new(
            "examples",
            format!("cannot read {}: {error}", folder.display()),
        )
    };
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?.path());
    }
    entries.sort();
    Ok(entries)
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
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

/// The jobs that users have, one script each.
pub(crate) fn workflows(steps: &mut Steps, python: &Python) -> Result<(), Failure> {
    for path in entries(&steps.root().join("examples").join(WORKFLOWS))? {
        let name = file_name(&path);
        if !name.ends_with(".py") {
            continue;
        }
        let mut command = python.command(&[&format!("examples/{WORKFLOWS}/{name}")]);
        steps.run(&format!("workflow {name}"), &mut command)?;
    }
    Ok(())
}
