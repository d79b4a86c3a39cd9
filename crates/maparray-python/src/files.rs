//! How does Python read and write files that hold more than one plain array?
//!
//! Knows: the library's array, Python's dictionaries. Must not know: expressions.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::Answer;
use crate::eval::readable;
use crate::numpy::path_argument;

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
    Ok(py.detach(save)?)
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

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(save_safetensors, module)?)?;
    module.add_function(wrap_pyfunction!(safetensors_metadata, module)?)
}
