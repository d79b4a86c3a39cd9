//! Which array, or which file, does an argument mean?
//!
//! NumPy's arrays as the library's, and the library's as NumPy's, over the same memory; paths.
//!
//! Knows: the library's array. Must not know: containers, expressions.

use std::path::PathBuf;
use std::sync::Arc;

use maparray::Layout;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};

use crate::dtype;
use crate::error::{self, Answer};
use crate::lease::{self, Borrowed, Lease};
use crate::unit;

/// A NumPy array over the memory of one of ours, which a lease keeps in place.
pub(crate) fn lend<'py>(
    py: Python<'py>,
    array: &maparray::MemMapArray,
) -> Answer<Bound<'py, PyAny>> {
    static NDARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let ndarray = dtype::import_once(py, &NDARRAY, "numpy", "ndarray")?;
    let layout = array.layout();
    let file_offset = array.data_offset().saturating_sub(layout.offset() as u64);
    let lease = Bound::new(py, Lease::new(Arc::clone(array.region()), file_offset))?;
    let options = PyDict::new(py);
    options.set_item("dtype", dtype::to_numpy(py, array.dtype())?)?;
    options.set_item("buffer", lease)?;
    // No elements may begin behind the end, where NumPy looks for none.
    let first = match array.is_empty() {
        true => layout.offset().min(array.region().len()),
        false => layout.offset(),
    };
    options.set_item("offset", first)?;
    options.set_item("strides", PyTuple::new(py, array.strides())?)?;
    Ok(ndarray.call((PyTuple::new(py, array.shape())?,), Some(&options))?)
}

/// The library's array over the memory of a NumPy array, or of what converts to one.
pub(crate) fn from_numpy(value: &Bound<'_, PyAny>) -> Answer<maparray::MemMapArray> {
    static AS_ARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    refuse_masked(value)?;
    let (value, unit) = unit::measured(value)?;
    let array = dtype::import_once(py, &AS_ARRAY, "numpy", "asarray")?.call1((&value,))?;
    let dtype = dtype::from_numpy(&array.getattr("dtype")?)?;
    let Borrowed {
        region,
        first,
        shape,
        strides,
    } = lease::borrow_array(&array)?;
    // Memory of ours is better known: the library sees which file it is.
    let (region, first) = match lease::region_under(&array, &region)? {
        Some((ours, start)) => (ours, start + first),
        None => (Arc::new(region), first),
    };
    let layout = Layout::strided(&shape, &strides, dtype.size(), first, region.len())?;
    let array = maparray::MemMapArray::from_region(region, dtype, layout)?;
    Ok(array.with_unit(unit))
}

/// Refuses an array of which some elements do not count.
#[pyfunction]
pub(crate) fn refuse_masked(value: &Bound<'_, PyAny>) -> Answer<()> {
    if !is_masked(value)? {
        return Ok(());
    }
    let class = value.get_type().fully_qualified_name()?;
    let class = match class.to_str()? {
        "numpy.ma.core.MaskedArray" => "numpy.ma.MaskedArray",
        class => class,
    };
    let message = format!("masked array: found {class}, whose mask would be lost");
    let hint = "hint: give `array.filled(...)`, or `array.data` and the mask as two arrays";
    Err(error::unsupported(value.py(), &message, hint)?)
}

fn is_masked(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    static NDARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static MASKED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let ndarray = dtype::import_once(py, &NDARRAY, "numpy", "ndarray")?;
    // Most arrays are none, and `numpy.ma` takes a while to import.
    let class = value.get_type();
    if class.is(ndarray) || !value.is_instance(ndarray)? {
        return Ok(false);
    }
    // Those of astropy, with a unit or without.
    if class.hasattr("mask")? && class.hasattr("unmasked")? {
        return Ok(true);
    }
    value.is_instance(dtype::import_once(py, &MASKED, "numpy.ma", "MaskedArray")?)
}

/// The path that an argument names, if it is a str, bytes or path object.
pub(crate) fn path_of(value: &Bound<'_, PyAny>) -> PyResult<Option<PathBuf>> {
    if value.is_exact_instance_of::<PyString>() {
        return value.extract().map(Some);
    }
    let is_path = value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyBytes>()
        || value.hasattr("__fspath__")?;
    if !is_path {
        return Ok(None);
    }
    value
        .py()
        .import("os")?
        .call_method1("fsdecode", (value,))?
        .extract()
        .map(Some)
}

pub(crate) fn path_argument(value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    path_of(value)?.ok_or_else(|| {
        let class = value
            .get_type()
            .name()
            .map_or_else(|_| "?".into(), |name| name.to_string());
        PyTypeError::new_err(format!("path: found {class}, expected str or os.PathLike"))
    })
}
