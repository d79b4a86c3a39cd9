//! How do `_memmap.py` and `_npy.py` map files?
//!
//! The functions below the `ndarray` subclass: they return a [`Lease`] on bytes, and the Python code
//! makes the array over it.
//!
//! Knows: files, `.npy` headers. Must not know: what NumPy's class promises.

use std::path::PathBuf;
use std::sync::Arc;

use maparray::format::npy;
use maparray::{
    Allocate, Create, DType, Existing, Extend, MemMapArray, Mode, OpenFile, Order, Raw, Span,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt};

use crate::dtype;
use crate::error::{Answer, interruptible};
use crate::lease::{self, Lease};
use crate::numpy;

/// An open file, of which parts can be mapped.
#[pyclass(frozen, module = "maparray._maparray")]
struct File {
    open: Arc<OpenFile>,
    /// What it was opened by, if by a name.
    path: Option<PathBuf>,
    mode: Mode,
}

#[pymethods]
impl File {
    /// Opens a file by its name or takes over a descriptor, which stays somebody else's to close.
    #[new]
    fn new(file: &Bound<'_, PyAny>, mode: &str) -> Answer<File> {
        let mode = dtype::mode(mode)?;
        Ok(match file.cast::<PyInt>() {
            Ok(descriptor) => File {
                open: OpenFile::from_file(lease::duplicate(descriptor)?)?,
                path: None,
                mode,
            },
            Err(_) => {
                let path: PathBuf = file.extract()?;
                File {
                    open: OpenFile::open(&path, mode)?,
                    path: Some(path),
                    mode,
                }
            }
        })
    }

    /// Its length in bytes.
    fn size(&self) -> Answer<u64> {
        Ok(self.open.len().map_err(|error| self.named(error))?)
    }

    /// Maps `length` bytes from `offset` on; `extend` lets a file that is too short grow.
    #[pyo3(signature = (offset, length, *, extend=false))]
    fn map(&self, py: Python<'_>, offset: u64, length: u64, extend: bool) -> Answer<Lease> {
        let extend = if extend { Extend::Grow } else { Extend::Never };
        let span = Span {
            offset,
            len: Some(length),
        };
        let region = py.detach(|| self.open.map(span, self.mode, extend));
        Ok(Lease::new(
            Arc::new(region.map_err(|error| self.named(error))?),
            offset,
        ))
    }
}

impl File {
    fn named(&self, error: maparray::Error) -> maparray::Error {
        match &self.path {
            Some(path) => error.at(path),
            None => error,
        }
    }
}

/// Makes a file of `length` zero bytes and maps it; it takes the place of an old one in one step.
#[pyfunction]
#[pyo3(signature = (path, length, *, replace=true))]
fn make_file(py: Python<'_>, path: PathBuf, length: i64, replace: bool) -> Answer<Lease> {
    let existing = if replace {
        Existing::Replace
    } else {
        Existing::Refuse
    };
    let bytes = Raw {
        dtype: DType::of::<u8>(),
        shape: Some(vec![length]),
        order: Order::C,
        offset: 0,
    };
    let array = py.detach(|| MemMapArray::create_raw(path, &bytes, existing, Allocate::Full))?;
    Ok(Lease::new(Arc::clone(array.region()), 0))
}

/// The shape with its -1 filled in from the bytes that are there.
#[pyfunction]
fn infer_shape(shape: Vec<i64>, itemsize: usize, available: u64) -> Answer<Vec<usize>> {
    Ok(maparray::layout::infer_shape(&shape, itemsize, available)?)
}

/// What a `.npy` header says: dtype, shape, order, and the byte where the elements begin.
type Described<'py> = (Bound<'py, PyAny>, Vec<usize>, &'static str, u64);

/// Maps the elements of a `.npy` file. Headers longer than `limit` are refused.
#[pyfunction]
fn open_npy<'py>(
    py: Python<'py>,
    path: PathBuf,
    mode: &str,
    limit: usize,
) -> Answer<(Lease, Described<'py>)> {
    let mode = dtype::mode(mode)?;
    let array = py.detach(|| MemMapArray::open_limited(&path, mode, limit))?;
    let described = (
        dtype::to_numpy(py, array.dtype())?,
        array.shape().to_vec(),
        dtype::order_letter(array.order()),
        array.data_offset(),
    );
    let lease = Lease::new(Arc::clone(array.region()), array.data_offset());
    Ok((lease, described))
}

/// The header of a `.npy` file, as bytes: version, magic, padding and all.
#[pyfunction]
#[pyo3(signature = (dtype, shape, order, version=None))]
fn npy_header<'py>(
    py: Python<'py>,
    dtype: &Bound<'py, PyAny>,
    shape: Vec<usize>,
    order: &str,
    version: Option<(u8, u8)>,
) -> Answer<Bound<'py, PyBytes>> {
    let (dtype, order) = (dtype::from_numpy(dtype)?, dtype::order(order)?);
    Ok(PyBytes::new(
        py,
        &npy::write_version(&dtype, &shape, order, version)?,
    ))
}

/// Makes a `.npy` file of zeros and maps its elements; it takes the place of an old one in one step.
#[pyfunction]
fn make_npy(
    py: Python<'_>,
    path: PathBuf,
    dtype: &Bound<'_, PyAny>,
    shape: Vec<usize>,
    order: &str,
) -> Answer<Lease> {
    let (dtype, order) = (dtype::from_numpy(dtype)?, dtype::order(order)?);
    let options = Create {
        order,
        ..Create::default()
    };
    let array = py.detach(|| MemMapArray::create(path, &dtype, &shape, &options))?;
    Ok(Lease::new(Arc::clone(array.region()), array.data_offset()))
}

/// Save an array as a .npy file, whole or not at all.
#[pyfunction]
fn save(py: Python<'_>, path: PathBuf, array: &Bound<'_, PyAny>) -> Answer<()> {
    let array = numpy::from_numpy(array)?;
    interruptible(py, || array.save(path))
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Lease>()?;
    module.add_class::<File>()?;
    module.add("HEADER_LIMIT", npy::HEADER_LIMIT)?;
    module.add_function(wrap_pyfunction!(make_file, module)?)?;
    module.add_function(wrap_pyfunction!(infer_shape, module)?)?;
    module.add_function(wrap_pyfunction!(open_npy, module)?)?;
    module.add_function(wrap_pyfunction!(npy_header, module)?)?;
    module.add_function(wrap_pyfunction!(make_npy, module)?)?;
    module.add_function(wrap_pyfunction!(save, module)?)
}
