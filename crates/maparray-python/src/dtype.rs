//! Which NumPy dtype is it, and which mode, order and shape did the caller mean?
//!
//! Knows: NumPy's spelling of dtypes and arguments. Must not know: arrays.

use maparray::{DType, Mode, Order, Scalar};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyAny, PyString};

use crate::error::Answer;

/// A function or class of a Python module, looked up once.
pub(crate) fn import_once<'py>(
    py: Python<'py>,
    cell: &'static PyOnceLock<Py<PyAny>>,
    module: &str,
    name: &str,
) -> PyResult<&'py Bound<'py, PyAny>> {
    cell.import(py, module, name)
}

/// What NumPy does not know, and ml_dtypes does.
const FOREIGN: [Scalar; 3] = [Scalar::BF16, Scalar::F8E4M3, Scalar::F8E5M2];

/// The dtype that `numpy.dtype(value)` is.
pub(crate) fn from_numpy(value: &Bound<'_, PyAny>) -> Answer<DType> {
    static DTYPE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static TO_DESCR: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let dtype = import_once(py, &DTYPE, "numpy", "dtype")?.call1((value,))?;
    // Of ml_dtypes, which calls the kind of some V, and of others f.
    let kind = dtype.getattr("kind")?.extract::<char>()?;
    if kind == 'V' || (kind == 'f' && dtype.getattr("itemsize")?.extract::<usize>()? == 1) {
        let name = dtype.getattr("name")?;
        let name = name.extract::<&str>()?;
        if let Some(scalar) = FOREIGN.iter().find(|scalar| scalar.name() == name) {
            return Ok(scalar.native());
        }
    }
    // The descriptor of anything but a record is the attribute `str`.
    let descr = if kind == 'V' {
        import_once(py, &TO_DESCR, "numpy.lib.format", "dtype_to_descr")?.call1((dtype,))?
    } else {
        dtype.getattr("str")?
    };
    // Not `to_string`, which asks Python once more, and loses what a signal handler raises there.
    let text = match descr.cast::<PyString>() {
        Ok(text) => text.to_str()?.to_owned(),
        Err(_) => descr.repr()?.to_str()?.to_owned(),
    };
    Ok(text.parse::<DType>()?)
}

/// The `numpy.dtype` of a dtype.
pub(crate) fn to_numpy<'py>(py: Python<'py>, dtype: &DType) -> PyResult<Bound<'py, PyAny>> {
    static DTYPE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static FROM_DESCR: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static LITERAL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let foreign = |scalar: &Scalar| FOREIGN.contains(scalar);
    if let Some(scalar) = dtype.scalar().filter(foreign) {
        let module = py.import("ml_dtypes").inspect_err(|error| {
            let name = scalar.name();
            let hint = format!(
                "hint: NumPy has no {name} of its own; it comes with `pip install ml_dtypes`"
            );
            // Without its hint the error is still the right one.
            let _ = error.value(py).call_method1("add_note", (hint,));
        })?;
        let class = module.getattr(scalar.name())?;
        return import_once(py, &DTYPE, "numpy", "dtype")?.call1((class,));
    }
    let text = dtype.to_string();
    let descr = if text.starts_with(['[', '(']) {
        import_once(py, &LITERAL, "ast", "literal_eval")?.call1((text,))?
    } else {
        return import_once(py, &DTYPE, "numpy", "dtype")?.call1((text,));
    };
    import_once(py, &FROM_DESCR, "numpy.lib.format", "descr_to_dtype")?.call1((descr,))
}

/// The value that a word of the caller's stands for.
pub(crate) fn one_of<T, const N: usize>(
    argument: &str,
    found: &str,
    words: [(&str, T); N],
) -> PyResult<T> {
    let expected = words
        .iter()
        .map(|(word, _)| format!("{word:?}"))
        .collect::<Vec<_>>()
        .join(", ");
    let chosen = words.into_iter().find(|(word, _)| *word == found);
    chosen.map(|(_, value)| value).ok_or_else(|| {
        PyValueError::new_err(format!(
            "{argument}: found {found:?}, expected one of {expected}"
        ))
    })
}

/// How an existing file is to be opened.
pub(crate) fn mode(text: &str) -> PyResult<Mode> {
    let words = [
        ("r", Mode::Read),
        ("r+", Mode::ReadWrite),
        ("c", Mode::CopyOnWrite),
    ];
    one_of("mode", text, words).inspect_err(|error| {
        if matches!(text, "w+" | "x") {
            let hint = "hint: `maparray.create` makes files";
            // Without its hint the error is still the right one.
            let _ =
                Python::attach(|py| error.value(py).call_method1("add_note", (hint,)).map(drop));
        }
    })
}

/// `"C"` or `"F"`.
pub(crate) fn order(text: &str) -> PyResult<Order> {
    one_of("order", text, [("C", Order::C), ("F", Order::F)])
}

/// NumPy's letter for an order.
pub(crate) fn order_letter(order: Order) -> &'static str {
    match order {
        Order::C => "C",
        Order::F => "F",
    }
}

/// A number of things, if one is given.
pub(crate) fn count(name: &str, value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<usize>> {
    let Some(value) = value.filter(|value| !value.is_none()) else {
        return Ok(None);
    };
    value.extract().map(Some).map_err(|_| {
        let message = match value.str() {
            Ok(found) => format!("{name}: found {found}, expected a whole number, not negative"),
            Err(error) => return error,
        };
        match value.hasattr("__index__") {
            Ok(true) => PyValueError::new_err(message),
            _ => PyTypeError::new_err(message),
        }
    })
}

/// The byte where something begins; the first one if nothing is said.
pub(crate) fn offset(value: Option<&Bound<'_, PyAny>>) -> PyResult<u64> {
    Ok(count("offset", value)?.unwrap_or(0) as u64)
}

/// Bytes from an element to the next along each axis.
pub(crate) fn strides(value: &Bound<'_, PyAny>) -> PyResult<Vec<isize>> {
    value.extract().map_err(|_| {
        let found = value.repr().map_or("?".into(), |text| text.to_string());
        PyTypeError::new_err(format!(
            "strides: found {found}, expected a sequence of whole numbers, one for each axis"
        ))
    })
}

/// A shape: one integer, or a sequence of them; `-1` may be among them.
pub(crate) fn shape(value: &Bound<'_, PyAny>) -> PyResult<Vec<i64>> {
    match value.extract::<i64>() {
        Ok(len) => Ok(vec![len]),
        Err(_) => value.try_iter()?.map(|len| len?.extract()).collect(),
    }
}

/// The shape of a new array, which has no -1: there is nothing yet that it could be inferred from.
pub(crate) fn new_shape(value: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    let shape = shape(value)?;
    shape
        .iter()
        .map(|&len| usize::try_from(len))
        .collect::<Result<_, _>>()
        .map_err(|_| {
            let message =
                format!("shape of a new array: found {shape:?}, expected no negative length");
            PyValueError::new_err(message)
        })
}
