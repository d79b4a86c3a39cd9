//! Which task shall be done?
//!
//! `cargo xtask TASK`: everything this repository asks of a developer or of the CI, with no tool
//! needed beyond Rust and Python 3.11. The rest is installed into the target directory.
//!
//! Knows: the tasks. Must not know: how a step is run, where Python lives.

mod bench;
mod examples;
mod python;
mod step;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use python::Python;
use step::{Failure, Steps};

const USAGE: &str = "\
usage: cargo xtask TASK

  test      everything: formatting, lints, tests, documents, examples, NumPy's own suites
  check     the part of it that needs no Python, for the time between two commits
  setup     make the virtual environment (target/venv) and build the extension into it
  generate  write the tables of the documents anew from the rows of the code
  bench     measure against NumPy and others, and write bench/RESULTS.md; `bench --help` says how";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("test") if arguments.len() == 1 => test(),
        Some("check") if arguments.len() == 1 => check(&mut Steps::new(&root())),
        Some("setup") if arguments.len() == 1 => setup(&mut Steps::new(&root())).map(drop),
        Some("generate") if arguments.len() == 1 => generate(&mut Steps::new(&root())),
        Some("bench") => bench::run(&mut Steps::new(&root()), &arguments[1..]),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Everything; what the CI runs.
fn test() -> Result<(), Failure> {
    let mut steps = Steps::new(&root());
    check(&mut steps)?;
    let python = setup(&mut steps)?;
    python::check(&mut steps, &python)?;
    examples::in_python(&mut steps, &python)?;
    examples::workflows(&mut steps, &python)?;
    println!(
        "\nall {} steps passed in {}",
        steps.count(),
        steps.elapsed()
    );
    Ok(())
}

/// The Rust half.
fn check(steps: &mut Steps) -> Result<(), Failure> {
    steps.cargo("formatting", &["fmt", "--all", "--check"])?;
    let clippy = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ];
    steps.cargo("lints", &clippy)?;
    steps.cargo("Rust tests", &["test", "--workspace", "--quiet"])?;
    let warnings = ("RUSTDOCFLAGS", "-D warnings");
    let doc = ["doc", "--workspace", "--no-deps", "--quiet"];
    steps.cargo_with("documents", &doc, &[warnings])?;
    examples::in_rust(steps)?;
    examples::in_shell(steps)
}

/// The Python environment with the extension in it.
fn setup(steps: &mut Steps) -> Result<Python, Failure> {
    let python = Python::prepare(steps, "venv", "python/requirements.txt")?;
    python.build_extension(steps)?;
    Ok(python)
}

/// The tables in `crates/maparray/docs`; the test that compares them can also write them.
fn generate(steps: &mut Steps) -> Result<(), Failure> {
    let test = [
        "test",
        "-p",
        "maparray",
        "--test",
        "it",
        "--quiet",
        "the_tables_of_the_pages",
    ];
    steps.cargo_with("tables", &test, &[("MAPARRAY_GENERATE", "1")])
}

/// The repository's folder: the parent of this crate's.
fn root() -> PathBuf {
    // Asked of the running cargo: a binary from a shared target folder may have been built elsewhere.
    let here = env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    let mut root = PathBuf::from(here);
    root.pop();
    root
}
