//! How does Python read and write files that hold more than one plain array?
//!
//! Knows: the library's array, Python's dictionaries. Must not know: expressions.

use std::collections::BTreeMap;
use std::path::PathBuf;

use maparray::ByteOrder;
use maparray::format::records::{FortranRecords, Marker};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::array::Container;
use crate::error::{Answer, interruptible};
use crate::eval::readable;
use crate::make::raw;
use crate::numpy::path_argument;
use crate::{dtype, unit};

/// Write named arrays into a new safetensors file, whole or not at all.
///
/// `arrays` is a dictionary of names and of arrays, containers or paths; `metadata` one of texts. The
/// bytes are those that the package `safetensors` writes.
#[pyfunction]
#[pyo3(signature = (path, arrays, metadata=None))]
fn save_safetensors(
    py: Python<'_>,
    path: &Bound<'_, PyAny>,
    arrays: &Bound<'_, PyDict>,
    metadata: Option<BTreeMap<String, String>>,
) -> Answer<()> {
    let path = path_argument(path)?;
    let mut named = vec![];
    for (name, array) in arrays {
        named.push((name.extract::<String>()?, readable(&array)?));
    }
    let metadata = metadata.unwrap_or_default();
    let save = || {
        let arrays: Vec<(&str, &maparray::MemMapArray)> = named
            .iter()
            .map(|(name, array)| (name.as_str(), array))
            .collect();
        let texts: Vec<(&str, &str)> = metadata
            .iter()
            .map(|(key, text)| (key.as_str(), text.as_str()))
            .collect();
        maparray::save_safetensors(path, &arrays, &texts)
    };
    interruptible(py, save)
}

/// The texts that a safetensors file holds beside its tensors, as a dictionary.
#[pyfunction]
fn safetensors_metadata(
    py: Python<'_>,
    path: &Bound<'_, PyAny>,
) -> Answer<BTreeMap<String, String>> {
    let path = path_argument(path)?;
    Ok(py.detach(|| maparray::safetensors_metadata(path))?)
}

/// Write down, beside a raw file, what it holds; from then on `open` needs no telling.
///
/// Gives the name of the small file, the raw one's with `.json` behind it. The arguments are those of
/// `open`; `unit` is what the elements measure.
#[pyfunction]
#[pyo3(signature = (path, dtype, shape=None, *, offset=None, order="C", unit=None))]
fn wrap(
    path: &Bound<'_, PyAny>,
    dtype: &Bound<'_, PyAny>,
    shape: Option<&Bound<'_, PyAny>>,
    offset: Option<Bound<'_, PyAny>>,
    order: &str,
    unit: Option<&Bound<'_, PyAny>>,
) -> Answer<PathBuf> {
    let raw = raw(dtype, shape, dtype::offset(offset.as_ref())?, order)?;
    let unit = unit::argument(unit)?;
    let path = path_argument(path)?;
    Ok(maparray::write_sidecar(path, &raw, unit.as_ref())?)
}

fn records(dtype: &Bound<'_, PyAny>, marker: u8, byteorder: &str) -> Answer<FortranRecords> {
    let marker = match marker {
        4 => Marker::Four,
        8 => Marker::Eight,
        _ => {
            let message = format!("marker: found {marker} bytes, expected 4 or 8");
            return Err(PyValueError::new_err(message).into());
        }
    };
    let orders = [
        ("=", ByteOrder::NATIVE),
        ("<", ByteOrder::Little),
        (">", ByteOrder::Big),
    ];
    Ok(FortranRecords {
        dtype: dtype::from_numpy(dtype)?,
        marker,
        order: dtype::one_of("byteorder", byteorder, orders)?,
    })
}

/// The records of an unformatted file of Fortran's, each an array of one axis that is mapped.
///
/// A record stands between two markers of `marker` bytes, 4 or 8, whose order is `byteorder`: '=' that
/// of this machine, '<' or '>'. `dtype` is what its elements are.
#[pyfunction]
#[pyo3(signature = (path, dtype, *, marker=4, byteorder="=", mode="r"))]
fn fortran_records<'py>(
    py: Python<'py>,
    path: &Bound<'_, PyAny>,
    dtype: &Bound<'_, PyAny>,
    marker: u8,
    byteorder: &str,
    mode: &str,
) -> Answer<Vec<Bound<'py, PyAny>>> {
    let how = records(dtype, marker, byteorder)?;
    let (path, mode) = (path_argument(path)?, dtype::mode(mode)?);
    let contents = py.detach(|| maparray::Contents::open_fortran(path, &how, mode))?;
    let count = contents.keys().len();
    let record = |index| Container::give(py, contents.array(index, mode)?);
    (0..count).map(record).collect()
}

/// The records of an unformatted file of Fortran's as the rows of one array that is mapped; they have
/// to have one length. The arguments are those of `fortran_records`.
#[pyfunction]
#[pyo3(signature = (path, dtype, *, marker=4, byteorder="=", mode="r"))]
fn open_fortran<'py>(
    py: Python<'py>,
    path: &Bound<'_, PyAny>,
    dtype: &Bound<'_, PyAny>,
    marker: u8,
    byteorder: &str,
    mode: &str,
) -> Answer<Bound<'py, PyAny>> {
    let how = records(dtype, marker, byteorder)?;
    let (path, mode) = (path_argument(path)?, dtype::mode(mode)?);
    let array = py.detach(|| maparray::MemMapArray::open_fortran(path, &how, mode))?;
    Container::give(py, array)
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(save_safetensors, module)?)?;
    module.add_function(wrap_pyfunction!(wrap, module)?)?;
    module.add_function(wrap_pyfunction!(fortran_records, module)?)?;
    module.add_function(wrap_pyfunction!(open_fortran, module)?)?;
    module.add_function(wrap_pyfunction!(safetensors_metadata, module)?)
}
