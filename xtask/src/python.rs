//! Which Python runs our tests, and what does it check?
//!
//! A virtual environment under the target directory with pinned packages and our extension.
//!
//! Knows: Python's tools. Must not know: Rust's checks.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::examples;
use crate::step::{Failure, Steps};

/// Our virtual environment.
pub(crate) struct Python {
    home: PathBuf,
}

impl Python {
    /// Makes an environment in the target directory and installs what a file of requirements pins,
    /// unless that was done before with the same file and the same interpreter.
    pub(crate) fn prepare(
        steps: &mut Steps,
        name: &str,
        requirements: &str,
    ) -> Result<Python, Failure> {
        let python = Python {
            home: steps.target().join(name),
        };
        let requirements = steps.root().join(requirements);
        let pinned = fs::read_to_string(&requirements).map_err(|error| {
            Failure::new(
                "requirements",
                format!("cannot read {}: {error}", requirements.display()),
            )
        })?;
        let interpreter = interpreter()?;
        let wanted = format!("{}\n{pinned}", interpreter.version);
        let stamp = python.home.join("installed.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(python);
        }
        let home = python.home.to_string_lossy().into_owned();
        let mut venv = Command::new(&interpreter.program);
        venv.args(["-m", "venv", "--clear", &home]);
        steps.run("virtual environment", &mut venv)?;
        let requirements = requirements.to_string_lossy().into_owned();
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            &requirements,
        ];
        steps
            .run("packages", &mut python.command(&install))
            .map_err(|failure| failure.hint("pip needs the network, once"))?;
        fs::write(&stamp, wanted).map_err(|error| {
            Failure::new(
                "packages",
                format!("cannot write {}: {error}", stamp.display()),
            )
        })?;
        Ok(python)
    }

    /// Compiles the Python door and puts it where `import maparray` finds it.
    pub(crate) fn build_extension(&self, steps: &mut Steps) -> Result<(), Failure> {
        let mut maturin = Command::new(self.tool("maturin"));
        maturin.args(["develop", "--quiet"]);
        self.enter(&mut maturin);
        steps.run("Python extension", &mut maturin)
    }

    /// Compiles the Python door with optimisation and installs it as users do, from a wheel.
    pub(crate) fn install_wheel(&self, steps: &mut Steps) -> Result<(), Failure> {
        let wheels = steps.target().join("bench-wheel");
        // Only the newest one shall be found there.
        if wheels.exists() {
            fs::remove_dir_all(&wheels).map_err(|error| {
                let what = format!("cannot empty {}: {error}", wheels.display());
                Failure::new("wheel", what)
            })?;
        }
        let wheels = wheels.to_string_lossy().into_owned();
        let mut maturin = Command::new(self.tool("maturin"));
        maturin.args(["build", "--release", "--quiet", "--out", &wheels]);
        self.enter(&mut maturin);
        steps.run("wheel", &mut maturin)?;
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--force-reinstall",
            "--no-deps",
            "--no-index",
            "--find-links",
            &wheels,
            "maparray",
        ];
        steps.run("installation", &mut self.command(&install))
    }

    /// The environment's interpreter with these arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.tool("python"));
        command.args(arguments);
        self.enter(&mut command);
        command
    }

    fn tool(&self, name: &str) -> PathBuf {
        let folder = if cfg!(windows) { "Scripts" } else { "bin" };
        self.home.join(folder).join(name)
    }

    fn enter(&self, command: &mut Command) {
        command.env("VIRTUAL_ENV", &self.home);
        // Whatever the caller's shell has set belongs to another environment.
        for variable in ["PYTHONHOME", "PYTHONPATH", "CONDA_PREFIX"] {
            command.env_remove(variable);
        }
    }
}

/// The Python half of `cargo xtask test`.
pub(crate) fn check(steps: &mut Steps, python: &Python) -> Result<(), Failure> {
    let ours = ["python", "fixtures", "examples", "bench"];
    let ours: Vec<&str> = ours
        .into_iter()
        .filter(|path| steps.root().join(path).exists())
        .collect();
    let ruff = |arguments: &[&str]| python.command(&[&["-m", "ruff"], arguments, &ours].concat());
    steps.run(
        "Python formatting",
        &mut ruff(&["format", "--check", "--quiet"]),
    )?;
    steps.run("Python lints", &mut ruff(&["check", "--quiet"]))?;
    let stubs = ["-m", "mypy.stubtest", "maparray"];
    steps.run("stubs", &mut python.command(&stubs))?;
    let tests = ["-m", "pytest", "--quiet", "python/tests"];
    let mut tests = python.command(&tests);
    tests.env("MAPARRAY_EXAMPLES", examples::programs(steps));
    steps.run("Python tests", &mut tests)?;
    let answers = ["bench/compare", "--check"];
    steps.run("answers of the comparison", &mut python.command(&answers))?;
    numpy_suite(
        steps,
        python,
        "test_memmap",
        &["numpy._core.tests.test_memmap"],
    )?;
    // Not those that ask for no map, that save objects, or that fill gigabytes.
    let mapped = "(memmap or mmap or huge_header or npz or Savez or savez) and not (None or object or \
                  nopickle or huge_header_npz or non_npy or big_arrays)";
    let suites = [
        "numpy.lib.tests.test_format",
        "numpy.lib.tests.test_io",
        "-k",
        mapped,
    ];
    numpy_suite(steps, python, "test_format and test_io", &suites)
}

/// NumPy's own tests, out of the installed wheel, with our class in the place of `numpy.memmap`.
/// The plugin fails every test that never constructed it.
fn numpy_suite(
    steps: &mut Steps,
    python: &Python,
    name: &str,
    selection: &[&str],
) -> Result<(), Failure> {
    let folder = steps.root().join("python/tests/numpy_suite");
    let settings = folder.join("pytest.ini").to_string_lossy().into_owned();
    let pytest = ["-m", "pytest", "--quiet", "-c", &settings, "--pyargs"];
    let mut command = python.command(&[&pytest, selection].concat());
    command.env("PYTHONPATH", folder);
    steps.run(&format!("NumPy's {name} on our memmap"), &mut command)
}

struct Interpreter {
    program: String,
    version: String,
}

/// The Python that makes the environment: `$PYTHON`, or `python3`.
fn interpreter() -> Result<Interpreter, Failure> {
    const STEP: &str = "Python 3.11 or newer";
    const PROBE: &str = "import sys, ensurepip, venv; print(sys.version); \
                         sys.exit(0 if sys.version_info >= (3, 11) else 3)";
    let default = if cfg!(windows) { "python" } else { "python3" };
    let program = env::var("PYTHON").unwrap_or_else(|_| default.into());
    let hint = "install Python 3.11 or newer (Debian, Ubuntu: apt install python3 python3-venv), \
                or name one with PYTHON=/path/to/python";
    let probe = Command::new(&program)
        .args(["-c", PROBE])
        .output()
        .map_err(|error| {
            Failure::new(STEP, format!("cannot start `{program}`: {error}")).hint(hint)
        })?;
    let version = String::from_utf8_lossy(&probe.stdout).trim().to_owned();
    match probe.status.code() {
        Some(0) => Ok(Interpreter { program, version }),
        Some(3) => Err(Failure::new(STEP, format!("`{program}` is {version}")).hint(hint)),
        _ => {
            let said = String::from_utf8_lossy(&probe.stderr);
            let said = said.lines().last().unwrap_or("nothing").to_owned();
            let what = format!("`{program}` cannot make a virtual environment: {said}");
            Err(Failure::new(STEP, what)
                .hint("Debian and Ubuntu keep that part apart: apt install python3-venv"))
        }
    }
}
