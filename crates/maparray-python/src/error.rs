//! Which exception does an error become?
//!
//! One exception for each `ErrorKind`, most of them subclasses of what NumPy raises in such a case.
//!
//! Knows: the library's errors. Must not know: what failed.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use maparray::{Error, ErrorKind, Flow};
use pyo3::exceptions::{
    PyBufferError, PyIndexError, PyKeyboardInterrupt, PyOSError, PyRuntimeError, PyTypeError,
    PyValueError,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};

/// An exception on its way to Python; `?` makes it from an error of the library.
pub(crate) struct Raised(PyErr);

/// What a function of this door returns.
pub(crate) type Answer<T> = Result<T, Raised>;

impl From<Error> for Raised {
    fn from(error: Error) -> Raised {
        Raised(Python::attach(|py| {
            exception(py, &error).unwrap_or_else(|broken| broken)
        }))
    }
}

impl From<PyErr> for Raised {
    fn from(error: PyErr) -> Raised {
        Raised(error)
    }
}

impl From<Raised> for PyErr {
    fn from(raised: Raised) -> PyErr {
        raised.0
    }
}

/// Exceptions of our own, made once.
struct Classes {
    format: Py<PyType>,
    unsupported: Py<PyType>,
    mismatch: Py<PyType>,
    expression: Py<PyType>,
    read_only: Py<PyType>,
    empty: Py<PyType>,
    unit: Py<PyType>,
}

fn classes(py: Python<'_>) -> PyResult<&Classes> {
    static CLASSES: PyOnceLock<Classes> = PyOnceLock::new();
    CLASSES.get_or_try_init(py, || {
        let (type_error, value_error) =
            (py.get_type::<PyTypeError>(), py.get_type::<PyValueError>());
        let new = |name: &str, bases: &[&Bound<'_, PyType>], doc: &str| {
            let names = PyDict::new(py);
            names.set_item("__doc__", doc)?;
            names.set_item("__module__", "maparray")?;
            let class = py
                .get_type::<PyType>()
                .call1((name, PyTuple::new(py, bases)?, names))?;
            Ok::<_, PyErr>(class.cast_into::<PyType>()?.unbind())
        };
        Ok(Classes {
            format: new(
                "FormatError",
                &[&value_error],
                "The bytes of a file contradict its format, or are too few.",
            )?,
            unsupported: new(
                "UnsupportedError",
                &[&value_error],
                "Real, but not for maparray: object dtypes, arithmetic on strings.",
            )?,
            mismatch: new(
                "MismatchError",
                &[&type_error, &value_error],
                "A dtype or shape does not fit the file, the operation or the other operand.",
            )?,
            expression: new(
                "ExpressionError",
                &[&value_error],
                "An expression that cannot be understood; `column` says where, counted from 1.",
            )?,
            read_only: new(
                "ReadOnlyError",
                &[&value_error],
                "A write to an array that was opened for reading.",
            )?,
            empty: new(
                "EmptyDataError",
                &[&value_error],
                "A container without an array was asked for its elements.",
            )?,
            unit: new(
                "UnitError",
                &[&value_error, &type_error],
                "A text that is no unit, or units that do not fit together.",
            )?,
        })
    })
}

/// The exception class of a kind of error.
fn class(py: Python<'_>, kind: ErrorKind) -> PyResult<Bound<'_, PyType>> {
    let ours = classes(py)?;
    Ok(match kind {
        ErrorKind::Io => py.get_type::<PyOSError>(),
        ErrorKind::Malformed => ours.format.bind(py).clone(),
        ErrorKind::Unsupported => ours.unsupported.bind(py).clone(),
        ErrorKind::Mismatch => ours.mismatch.bind(py).clone(),
        ErrorKind::OutOfBounds => py.get_type::<PyIndexError>(),
        ErrorKind::Expression => ours.expression.bind(py).clone(),
        ErrorKind::ReadOnly => ours.read_only.bind(py).clone(),
        ErrorKind::InUse => py.get_type::<PyBufferError>(),
        ErrorKind::Empty => ours.empty.bind(py).clone(),
        ErrorKind::Unit => unit_class(py)?,
        ErrorKind::Cancelled => py.get_type::<PyKeyboardInterrupt>(),
        // A kind added later; the Python tests go through `ErrorKind::ALL` and find it here.
        _ => py.get_type::<PyRuntimeError>(),
    })
}

/// `UnitError`; astropy's own class besides, for programs that have it loaded and expect that.
fn unit_class(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    static BOTH: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let ours = classes(py)?.unit.bind(py);
    let modules = py.import("sys")?.getattr("modules")?;
    let Ok(astropy) = modules.get_item("astropy.units") else {
        return Ok(ours.clone());
    };
    let both = BOTH.get_or_try_init(py, || {
        let theirs = astropy.getattr("UnitConversionError")?;
        let names = PyDict::new(py);
        names.set_item("__doc__", ours.getattr("__doc__")?)?;
        names.set_item("__module__", "maparray")?;
        // It has the name of the other class, so a pickle tells how to find either.
        let reduce = py.import("maparray._unit")?.getattr("_reduced")?;
        names.set_item("__reduce__", reduce)?;
        let bases = PyTuple::new(py, [ours.as_any(), &theirs])?;
        let class = py.get_type::<PyType>().call1(("UnitError", bases, names))?;
        Ok::<_, PyErr>(class.cast_into::<PyType>()?.unbind())
    })?;
    Ok(both.bind(py).clone())
}

fn exception(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let class = class(py, error.kind())?;
    let message = error.to_string();
    let mut number = error.os_error();
    if let (ErrorKind::Io, None, Some(path)) = (error.kind(), number, error.path()) {
        // Refused before the system was asked; Python has its own words for these two.
        if path.as_os_str().as_encoded_bytes().contains(&0) {
            return Ok(PyValueError::new_err("embedded null byte in path"));
        }
        if path.is_dir() {
            number = Some(py.import("errno")?.getattr("EISDIR")?.extract()?);
        }
    }
    let value = match (number, error.path()) {
        // With a number, `OSError` becomes `FileNotFoundError` and the like by itself.
        (Some(number), Some(path)) => {
            let prefix = format!("{}: ", path.display());
            let message = message.strip_prefix(&prefix).unwrap_or(&message);
            class.call1((number, message, path.as_os_str()))?
        }
        (Some(number), None) => class.call1((number, message))?,
        (None, _) => class.call1((message,))?,
    };
    if error.kind() == ErrorKind::Expression {
        value.setattr("column", error.column())?;
    }
    if let Some(hint) = error.hint() {
        value.call_method1("add_note", (format!("hint: {hint}"),))?;
    }
    Ok(PyErr::from_value(value))
}

/// Copies with the interpreter free; an exception of a signal handler ends it and is raised.
pub(crate) fn interruptible<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> maparray::Result<T> + Send,
) -> Answer<T> {
    let (done, signal) = py.detach(|| {
        let signal = Rc::new(RefCell::new(None));
        let raised = Rc::clone(&signal);
        let ask = move |_| match Python::attach(|py| py.check_signals()) {
            Ok(()) => Flow::Continue,
            Err(error) => {
                raised.replace(Some(error));
                Flow::Stop
            }
        };
        let done = maparray::watched(ask, work);
        (done, signal.take())
    });
    match signal {
        Some(raised) => Err(raised.into()),
        None => Ok(done?),
    }
}

/// The exception for a write to a read-only array that is refused at this door.
pub(crate) fn read_only(py: Python<'_>, path: Option<&Path>) -> PyResult<Raised> {
    let place = path.map_or(String::new(), |path| format!("{}: ", path.display()));
    let message = format!("{place}assignment destination is read-only");
    Ok(Raised(PyErr::from_value(
        class(py, ErrorKind::ReadOnly)?.call1((message,))?,
    )))
}

/// The exception for what is real but not for maparray, refused at this door.
pub(crate) fn unsupported(py: Python<'_>, message: &str, hint: &str) -> PyResult<Raised> {
    let value = class(py, ErrorKind::Unsupported)?.call1((message,))?;
    value.call_method1("add_note", (hint,))?;
    Ok(Raised(PyErr::from_value(value)))
}

/// The exception for what is no unit, refused at this door.
pub(crate) fn unit(py: Python<'_>, message: &str) -> PyResult<Raised> {
    let value = class(py, ErrorKind::Unit)?.call1((message,))?;
    Ok(Raised(PyErr::from_value(value)))
}

/// A `UnitError`, which is one of astropy as well where that is loaded.
#[pyfunction]
fn unit_error<'py>(message: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    class(message.py(), ErrorKind::Unit)?.call1((message,))
}

/// The exception for a number that the expression does not name.
pub(crate) fn unused(py: Python<'_>, name: &str) -> PyResult<Raised> {
    let message = format!("number `{name}` is given but not used in the expression");
    let value = class(py, ErrorKind::Expression)?.call1((message,))?;
    value.setattr("column", py.None())?;
    Ok(Raised(PyErr::from_value(value)))
}

/// Adds the exceptions of our own, and `ERROR_KINDS`: the exception of every kind, by its name.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let ours = classes(py)?;
    for class in [
        &ours.format,
        &ours.unsupported,
        &ours.mismatch,
        &ours.expression,
        &ours.read_only,
        &ours.empty,
        &ours.unit,
    ] {
        let class = class.bind(py);
        module.add(class.name()?, class)?;
    }
    let kinds = PyDict::new(py);
    for &kind in ErrorKind::ALL {
        let class = match kind {
            ErrorKind::Unit => ours.unit.bind(py).clone(),
            kind => class(py, kind)?,
        };
        kinds.set_item(format!("{kind:?}"), class)?;
    }
    module.add_function(wrap_pyfunction!(unit_error, module)?)?;
    module.add("ERROR_KINDS", kinds)
}
