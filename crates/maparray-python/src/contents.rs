//! How does Python look into a file of several arrays?
//!
//! The handle below `maparray.Contents` and `maparray.load`, and the functions that write archives.
//!
//! Knows: the library's contents. Must not know: containers' insides, expressions.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use maparray::format::{Entry, Format, Storage};
use maparray::{Inflate, MemMapArray, Mode, SaveNpz, Storing};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};

use crate::array::Container;
use crate::dtype;
use crate::error::{Answer, interruptible};
use crate::fits::Scaled;
use crate::lease::Lease;
use crate::numpy::{from_numpy, lend, path_argument};

/// What an argument `inflate` allows: nothing, what is usual, or so many bytes.
pub(crate) fn inflate_argument(value: &Bound<'_, PyAny>) -> Answer<Option<Inflate>> {
    if let Ok(allowed) = value.cast::<PyBool>() {
        return Ok(allowed.is_true().then(Inflate::default));
    }
    let most: u64 = value.extract().map_err(|_| {
        let message = "inflate: found neither True nor False nor a number of bytes";
        PyTypeError::new_err(message)
    })?;
    Ok(Some(Inflate {
        most: Some(most),
        ..Inflate::default()
    }))
}

/// An open file, whose arrays are numbered.
#[pyclass(frozen, module = "maparray._maparray")]
struct Opened {
    contents: Mutex<Option<Arc<maparray::Contents>>>,
    mode: Mode,
    inflate: Option<Inflate>,
}

impl Opened {
    fn contents(&self) -> Answer<Arc<maparray::Contents>> {
        let contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = || PyValueError::new_err("file is closed").into();
        contents.clone().ok_or_else(closed)
    }

    fn array(&self, py: Python<'_>, index: usize) -> Answer<MemMapArray> {
        let contents = self.contents()?;
        let Some(how) = self.inflate else {
            return Ok(py.detach(|| contents.array(index, self.mode))?);
        };
        let compressed = contents.entry(index)?.storage != Storage::Plain;
        match compressed && self.mode != Mode::ReadWrite {
            true => interruptible(py, || contents.inflate(index, &how)),
            false => Ok(py.detach(|| contents.array(index, self.mode))?),
        }
    }
}

#[pymethods]
impl Opened {
    #[new]
    fn new(
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        mode: &str,
        inflate: &Bound<'_, PyAny>,
    ) -> Answer<Opened> {
        let (path, mode) = (path_argument(path)?, dtype::mode(mode)?);
        let contents = py.detach(|| maparray::Contents::open_in(path, mode))?;
        Ok(Opened {
            contents: Mutex::new(Some(Arc::new(contents))),
            mode,
            inflate: inflate_argument(inflate)?,
        })
    }

    /// The name of the format.
    #[getter]
    fn format(&self) -> Answer<&'static str> {
        Ok(self.contents()?.format().row().name)
    }

    /// The file.
    #[getter]
    fn path(&self) -> Answer<PathBuf> {
        Ok(self.contents()?.path().to_path_buf())
    }

    /// Whether `close` was called.
    #[getter]
    fn closed(&self) -> bool {
        let contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        contents.is_none()
    }

    /// The names of the arrays, in the order in which they lie.
    fn keys(&self) -> Answer<Vec<String>> {
        Ok(self.contents()?.keys())
    }

    /// The number of an array, by its name.
    #[pyo3(signature = (key=None))]
    fn find(&self, key: Option<&str>) -> Answer<usize> {
        Ok(self.contents()?.find(key)?)
    }

    /// What an array is, without touching its elements.
    fn info<'py>(&self, py: Python<'py>, index: usize) -> Answer<Bound<'py, PyDict>> {
        let contents = self.contents()?;
        let Entry {
            key,
            header,
            storage,
        } = py.detach(|| contents.entry(index))?;
        let compressed = match storage {
            Storage::Plain => None,
            Storage::Compressed(bytes) => Some(bytes),
        };
        let info = PyDict::new(py);
        info.set_item("key", key)?;
        info.set_item("dtype", dtype::to_numpy(py, &header.dtype)?)?;
        info.set_item("shape", pyo3::types::PyTuple::new(py, &header.shape)?)?;
        info.set_item("order", dtype::order_letter(header.order))?;
        info.set_item("unit", &header.unit)?;
        info.set_item("nbytes", header.byte_len()?)?;
        let offset = compressed.is_none().then_some(header.data_offset);
        info.set_item("offset", offset)?;
        info.set_item("compressed", compressed)?;
        let scaling = header.scaling.map(|scaling| {
            let told = PyDict::new(py);
            told.set_item("scale", scaling.scale)?;
            told.set_item("zero", scaling.zero)?;
            told.set_item("blank", scaling.blank)?;
            Ok::<_, PyErr>(told)
        });
        info.set_item("scaling", scaling.transpose()?)?;
        info.set_item("sample_rate", contents.sample_rate())?;
        Ok(info)
    }

    /// An array as `maparray.open` gives it: one whose numbers are stored scaled is a `Scaled`.
    fn open<'py>(&self, py: Python<'py>, index: usize) -> Answer<Bound<'py, PyAny>> {
        let contents = self.contents()?;
        if contents.format() == Format::Fits {
            return Scaled::give(py, py.detach(|| contents.opened(index, self.mode))?);
        }
        Container::give(py, self.array(py, index)?)
    }

    /// The same for `maparray.memmap`: the memory, and what is in it; of what was copied, an array.
    fn lease<'py>(&self, py: Python<'py>, index: usize) -> Answer<Bound<'py, PyAny>> {
        let array = self.array(py, index)?;
        if array.path().is_none() {
            return lend(py, &array);
        }
        let lease = Lease::new(Arc::clone(array.region()), array.data_offset());
        let described = (
            Bound::new(py, lease)?,
            dtype::to_numpy(py, array.dtype())?,
            array.shape().to_vec(),
            dtype::order_letter(array.order()),
            array.data_offset(),
        );
        Ok(described.into_pyobject(py)?.into_any())
    }

    /// Compares the data of an array with its checksum.
    fn verify(&self, py: Python<'_>, index: usize) -> Answer<()> {
        let contents = self.contents()?;
        interruptible(py, || contents.verify(index))
    }

    /// Lets go of the file; arrays that are mapped stay.
    fn close(&self) {
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        *contents = None;
    }
}

fn options(deflate: bool, align: u32) -> SaveNpz {
    SaveNpz {
        storing: match deflate {
            true => Storing::Deflated,
            false => Storing::Stored,
        },
        align,
        ..SaveNpz::default()
    }
}

/// Writes arrays to an archive, whole or not at all.
#[pyfunction]
fn save_npz(
    py: Python<'_>,
    path: &Bound<'_, PyAny>,
    arrays: Vec<(String, Bound<'_, PyAny>)>,
    deflate: bool,
    align: u32,
) -> Answer<()> {
    let path = path_argument(path)?;
    let converted = arrays.iter().map(|(_, array)| from_numpy(array));
    let converted: Vec<MemMapArray> = converted.collect::<Answer<_>>()?;
    let names = arrays.iter().map(|(name, _)| name.as_str());
    let arrays: Vec<(&str, &MemMapArray)> = names.zip(&converted).collect();
    let options = options(deflate, align);
    interruptible(py, || maparray::save_npz(path, &arrays, &options))
}

/// Adds arrays to an archive, in place, all or none.
#[pyfunction]
fn append_npz(
    py: Python<'_>,
    path: &Bound<'_, PyAny>,
    arrays: Vec<(String, Bound<'_, PyAny>)>,
    deflate: bool,
    align: u32,
) -> Answer<()> {
    let path = path_argument(path)?;
    let converted = arrays.iter().map(|(_, array)| from_numpy(array));
    let converted: Vec<MemMapArray> = converted.collect::<Answer<_>>()?;
    let names = arrays.iter().map(|(name, _)| name.as_str());
    let arrays: Vec<(&str, &MemMapArray)> = names.zip(&converted).collect();
    let options = options(deflate, align);
    interruptible(py, || maparray::extend_npz(path, &arrays, &options))
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Opened>()?;
    module.add_function(wrap_pyfunction!(save_npz, module)?)?;
    module.add_function(wrap_pyfunction!(append_npz, module)?)
}
