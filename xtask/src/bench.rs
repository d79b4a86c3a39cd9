//! How fast are we, and how fast are others?
//!
//! Builds the wheel and the benchmark program with optimisation, installs the peers into an environment
//! of their own, and hands over to `bench/compare`.
//!
//! Knows: what has to be there before anything is measured. Must not know: what is measured.

use std::env::consts::EXE_SUFFIX;
use std::process::Command;

use crate::python::Python;
use crate::step::{Failure, Steps};

/// Where the files go unless something else is said: on the disk of the target directory.
const FOLDER: &str = "--folder";

pub(crate) fn run(steps: &mut Steps, arguments: &[String]) -> Result<(), Failure> {
    let build = ["build", "--release", "--package", "bench", "--quiet"];
    steps.cargo("benchmark program", &build)?;
    let file = format!("bench{EXE_SUFFIX}");
    let program = steps.target().join("release").join(file);
    if let Some((first, rest)) = arguments.split_first()
        && first == "--micro"
    {
        let mut micro = Command::new(program);
        return steps.run("micro-benchmarks", micro.arg("micro").args(rest));
    }
    let python = Python::prepare(steps, "bench-venv", "bench/compare/requirements.txt")?;
    python.install_wheel(steps)?;
    let mut compare = python.command(&["bench/compare", "--program"]);
    compare.arg(program).args(arguments);
    if !arguments
        .iter()
        .any(|argument| argument.starts_with(FOLDER))
    {
        compare.arg(FOLDER).arg(steps.target());
    }
    steps.run("comparison", &mut compare)
}
