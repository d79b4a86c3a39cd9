//! Which array does Python hold?
//!
//! The container: an array with a file behind it that can be closed. It lends plain NumPy arrays and
//! refuses to close while one of them is alive.
//!
//! Knows: the library's array. Must not know: expressions.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use maparray::{Allocate, Create, DType, Existing, Flush, Layout, Mode, Raw};
use pyo3::exceptions::{PyBufferError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyInt, PyMemoryView, PyString, PyTuple};

use crate::access;
use crate::dtype;
use crate::error::{self, Answer};
use crate::lease::{self, Borrowed, Lease};

/// An array in a file or in memory that lends NumPy arrays and can be closed.
///
/// Made by `maparray.open`, `maparray.create` and `maparray.frombuffer`.
#[pyclass(frozen, module = "maparray", weakref)]
pub(crate) struct MemMapArray {
    /// Never locked while Python code could run or the interpreter is free: what is needed is
    /// taken out first.
    open: Mutex<Option<Open>>,
}

struct Open {
    array: maparray::MemMapArray,
    /// The array over the whole of it, made when one is first wanted. Every array that is lent is a
    /// view of it and refers to it, so its count of references tells whether any is alive.
    whole: Option<Py<PyAny>>,
    /// Whether an element was asked for: who does so again gets it from the array over the whole.
    touched: bool,
}

impl MemMapArray {
    pub(crate) fn new(py: Python<'_>, array: maparray::MemMapArray) -> Answer<MemMapArray> {
        // Memory is there already; a small file may never be mapped.
        let whole = match array.mode() {
            None => Some(lend(py, &array)?.unbind()),
            Some(_) => None,
        };
        Ok(MemMapArray {
            open: Mutex::new(Some(Open {
                array,
                whole,
                touched: false,
            })),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `get` takes out of an open array; it must not run Python code.
    fn open<T>(&self, get: impl FnOnce(&Open) -> T) -> PyResult<T> {
        self.lock()
            .as_ref()
            .map(get)
            .ok_or_else(|| PyValueError::new_err("array is closed"))
    }

    /// The library's array, sharing this one's memory; `close` counts it as a use.
    pub(crate) fn share(&self) -> PyResult<maparray::MemMapArray> {
        self.open(|open| open.array.clone())
    }

    /// Takes out what is open, unless something else uses it: then it says how many.
    fn take_unused(&self, py: Python<'_>) -> Result<Option<Open>, usize> {
        let mut guard = self.lock();
        let Some(open) = &*guard else {
            return Ok(None);
        };
        let whole = open.whole.as_ref();
        let lent = whole.map_or(0, |whole| lease::other_references(whole, py));
        // One share for `array`, one for the lease under `whole`; more while a computation runs.
        let ours = 1 + usize::from(whole.is_some());
        let used = Arc::strong_count(open.array.region()).saturating_sub(ours);
        match lent + used {
            0 => Ok(guard.take()),
            uses => Err(uses),
        }
    }

    /// The array over the whole of it; `close` counts it as a use.
    pub(crate) fn whole<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let made = self.open(|open| open.whole.as_ref().map(|whole| whole.bind(py).clone()))?;
        if let Some(whole) = made {
            return Ok(whole);
        }
        let lent = lend(py, &self.share()?)?;
        match self.lock().as_mut() {
            // Another thread may have been faster: then its array is the one.
            Some(open) => {
                let whole = open.whole.get_or_insert_with(|| lent.clone().unbind());
                Ok(whole.bind(py).clone())
            }
            None => Err(PyValueError::new_err("array is closed")),
        }
    }

    /// The element of a file's array that was not lent yet, if the index names one and it is a number.
    fn element<'py>(
        &self,
        py: Python<'py>,
        index: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let index: [i64; 1] = match index.is_exact_instance_of::<PyInt>() {
            true => match index.extract() {
                Ok(index) => [index],
                Err(_) => return Ok(None),
            },
            false => return Ok(None),
        };
        let found = match self.lock().as_mut() {
            Some(open) if open.whole.is_none() && !open.touched && open.array.ndim() == 1 => {
                open.touched = true;
                let dtype = open.array.dtype();
                let number = dtype.scalar().map(|_| dtype.to_native());
                number.and_then(|dtype| Some((dtype, open.array.bytes_of(&index).ok()?)))
            }
            _ => None,
        };
        let Some((dtype, bytes)) = found else {
            return Ok(None);
        };
        static FROM_BUFFER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let from_buffer = dtype::import_once(py, &FROM_BUFFER, "numpy", "frombuffer")?;
        let one = from_buffer.call1((PyBytes::new(py, &bytes), dtype::to_numpy(py, &dtype)?))?;
        one.get_item(0).map(Some)
    }
}

impl Open {
    /// Writes back what was changed. Whoever took this out has closed the array, also if that fails.
    fn let_go(self, py: Python<'_>) -> Answer<()> {
        let Open { array, whole, .. } = self;
        let flushed = py.detach(|| {
            let flushed = array.flush(Flush::Durable);
            drop(array);
            flushed
        });
        drop(whole);
        Ok(flushed?)
    }
}

/// A NumPy array over the memory of one of ours, which a lease keeps in place.
fn lend<'py>(py: Python<'py>, array: &maparray::MemMapArray) -> Answer<Bound<'py, PyAny>> {
    static NDARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let ndarray = dtype::import_once(py, &NDARRAY, "numpy", "ndarray")?;
    let layout = array.layout();
    let file_offset = array.data_offset().saturating_sub(layout.offset() as u64);
    let lease = Bound::new(py, Lease::new(Arc::clone(array.region()), file_offset))?;
    let options = PyDict::new(py);
    options.set_item("dtype", dtype::to_numpy(py, array.dtype())?)?;
    options.set_item("buffer", lease)?;
    options.set_item("offset", layout.offset())?;
    options.set_item("strides", PyTuple::new(py, array.strides())?)?;
    Ok(ndarray.call((PyTuple::new(py, array.shape())?,), Some(&options))?)
}

#[pymethods]
impl MemMapArray {
    /// Length of each axis.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.whole(py)?.getattr("shape")
    }

    /// The NumPy dtype of the elements.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.whole(py)?.getattr("dtype")
    }

    /// Number of axes.
    #[getter]
    fn ndim(&self) -> PyResult<usize> {
        self.open(|open| open.array.ndim())
    }

    /// Number of elements.
    #[getter]
    fn size(&self) -> PyResult<usize> {
        self.open(|open| open.array.len())
    }

    /// Bytes of all elements together.
    #[getter]
    fn nbytes(&self) -> PyResult<usize> {
        self.open(|open| open.array.byte_len())
    }

    /// Bytes of one element.
    #[getter]
    fn itemsize(&self) -> PyResult<usize> {
        self.open(|open| open.array.dtype().size())
    }

    /// Bytes from an element to the next along each axis.
    #[getter]
    fn strides<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.whole(py)?.getattr("strides")
    }

    /// The mapped file, as an absolute path; None in memory.
    #[getter]
    fn filename(&self) -> PyResult<Option<PathBuf>> {
        self.open(|open| open.array.path().map(PathBuf::from))
    }

    /// How the file is mapped, 'r', 'r+' or 'c'; None in memory.
    #[getter]
    fn mode(&self) -> PyResult<Option<&'static str>> {
        self.open(|open| open.array.mode().map(maparray::Mode::text))
    }

    /// Byte of the file at which the first element lies.
    #[getter]
    fn offset(&self) -> PyResult<u64> {
        self.open(|open| open.array.data_offset())
    }

    /// Whether `close` was called.
    #[getter]
    fn closed(&self) -> bool {
        self.lock().is_none()
    }

    /// A NumPy array of all elements that shares the memory.
    fn view<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.whole(py)?.call_method0("view")
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        index: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self.element(py, index)? {
            Some(element) => Ok(element),
            None => self.whole(py)?.get_item(index),
        }
    }

    /// The rows at some indices along an axis, as numpy.take gives them; see `maparray.take`.
    #[pyo3(signature = (indices, axis=0, out=None, *, mode="raise"))]
    fn take<'py>(
        slf: &Bound<'py, Self>,
        indices: &Bound<'py, PyAny>,
        axis: i64,
        out: Option<Bound<'py, PyAny>>,
        mode: &str,
    ) -> Answer<Bound<'py, PyAny>> {
        access::take(slf.py(), slf, indices, axis, out, mode)
    }

    /// The rows where a condition is true, as numpy.compress gives them.
    #[pyo3(signature = (condition, axis=0, out=None))]
    fn compress<'py>(
        slf: &Bound<'py, Self>,
        condition: &Bound<'py, PyAny>,
        axis: i64,
        out: Option<Bound<'py, PyAny>>,
    ) -> Answer<Bound<'py, PyAny>> {
        access::compress(slf.py(), condition, slf, axis, out)
    }

    /// Views of consecutive rows; see `maparray.iter_chunks`.
    #[pyo3(signature = (chunk_bytes=None, *, rows=None, release=false))]
    fn iter_chunks(
        slf: &Bound<'_, Self>,
        chunk_bytes: Option<usize>,
        rows: Option<usize>,
        release: bool,
    ) -> Answer<access::Chunks> {
        access::iter_chunks(slf, chunk_bytes, rows, release)
    }

    /// Tells the kernel how it will be read: 'normal', 'sequential', 'random' or 'willneed'.
    fn advise(slf: &Bound<'_, Self>, advice: &str) -> Answer<()> {
        access::advise(slf.py(), slf, advice)
    }

    /// Asks for rows `start` to `stop`, or all of it, to be read in from the disk.
    #[pyo3(signature = (start=None, stop=None))]
    fn prefetch(slf: &Bound<'_, Self>, start: Option<i64>, stop: Option<i64>) -> Answer<()> {
        access::prefetch(slf.py(), slf, start, stop)
    }

    /// Gives the memory back to the system, which reads the file again; never in mode 'c'.
    fn release(slf: &Bound<'_, Self>) -> Answer<()> {
        access::release(slf.py(), slf)
    }

    /// How many bytes from the first to the last element are in memory.
    fn resident(slf: &Bound<'_, Self>) -> Answer<usize> {
        access::resident(slf.py(), slf)
    }

    fn __setitem__(
        &self,
        py: Python<'_>,
        index: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> Answer<()> {
        if !self.open(|open| open.array.is_writable())? {
            let path = self.open(|open| open.array.path().map(PathBuf::from))?;
            return Err(error::read_only(py, path.as_deref())?);
        }
        Ok(self.whole(py)?.set_item(index, value)?)
    }

    fn __len__(&self) -> PyResult<usize> {
        self.open(|open| open.array.shape().first().copied())?
            .ok_or_else(|| PyTypeError::new_err("len() of unsized object"))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.view(py)?.try_iter()?.into_any())
    }

    fn __contains__(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.whole(py)?.contains(value)
    }

    /// A NumPy array that shares the memory, or a copy if one is asked for or needed.
    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<&Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let whole = self.whole(py)?;
        let same = match dtype {
            Some(dtype) => whole.getattr("dtype")?.eq(dtype)?,
            None => true,
        };
        match (copy, same) {
            (Some(true), true) => whole.call_method0("copy"),
            (Some(false), false) => Err(PyValueError::new_err(
                "a copy is needed to change the dtype, and none is allowed",
            )),
            (_, false) => whole.call_method1("astype", (dtype,)),
            (_, true) => whole.call_method0("view"),
        }
    }

    /// Writes changes back to the file; `durable` waits until they are on the disk.
    #[pyo3(signature = (*, durable=true))]
    fn flush(&self, py: Python<'_>, durable: bool) -> Answer<()> {
        let array = self.share()?;
        let how = if durable {
            Flush::Durable
        } else {
            Flush::Start
        };
        Ok(py.detach(|| array.flush(how))?)
    }

    /// Writes changes back and lets go of the file. BufferError while an array that was lent, or a
    /// view of one, is alive.
    fn close(&self, py: Python<'_>) -> Answer<()> {
        match self.take_unused(py) {
            Ok(None) => Ok(()),
            Ok(Some(open)) => open.let_go(py),
            Err(uses) => {
                let message =
                    format!("cannot close: found {uses} arrays on this memory, expected none");
                let error = PyBufferError::new_err(message);
                let hint = "hint: delete them first, or copy what is to stay: `array[...].copy()`";
                error.value(py).call_method1("add_note", (hint,))?;
                Err(error.into())
            }
        }
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().open(|_| ())?;
        Ok(slf)
    }

    /// Writes changes back and closes; arrays that were lent keep the file until they are gone.
    fn __exit__(
        &self,
        py: Python<'_>,
        kind: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> Answer<()> {
        let open = self.lock().take();
        match open.map_or(Ok(()), |open| open.let_go(py)) {
            // An exception on its way is the one to report.
            Err(_) if !kind.is_none() => Ok(()),
            closed => closed,
        }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let Ok(whole) = self.whole(py) else {
            return Ok("MemMapArray(closed)".into());
        };
        let (path, mode) =
            self.open(|open| (open.array.path().map(PathBuf::from), open.array.mode()))?;
        let place = match path {
            Some(path) => format!(
                "filename={}, mode={:?}",
                path.into_pyobject(py)?.str()?.repr()?,
                mode.map_or("", maparray::Mode::text)
            ),
            None => "in memory".into(),
        };
        Ok(format!(
            "MemMapArray(shape={}, dtype={}, {place})",
            whole.getattr("shape")?.repr()?,
            whole.getattr("dtype")?.str()?.repr()?,
        ))
    }
}

/// The library's array over the memory of a NumPy array, or of what converts to one.
pub(crate) fn from_numpy(value: &Bound<'_, PyAny>) -> Answer<maparray::MemMapArray> {
    static AS_ARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    if is_masked(value)? {
        let message = "masked array: found numpy.ma.MaskedArray, whose mask would be lost";
        let hint = "hint: give `array.filled(...)`, or `array.data` and the mask as two arrays";
        return Err(error::unsupported(py, message, hint)?);
    }
    let array = dtype::import_once(py, &AS_ARRAY, "numpy", "asarray")?.call1((value,))?;
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
    Ok(maparray::MemMapArray::from_region(region, dtype, layout)?)
}

/// Whether it is an array of which some elements do not count.
fn is_masked(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    static NDARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static MASKED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let ndarray = dtype::import_once(py, &NDARRAY, "numpy", "ndarray")?;
    // Most arrays are none, and `numpy.ma` takes a while to import.
    if value.get_type().is(ndarray) || !value.is_instance(ndarray)? {
        return Ok(false);
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

fn path_argument(value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    path_of(value)?.ok_or_else(|| {
        let class = value
            .get_type()
            .name()
            .map_or_else(|_| "?".into(), |name| name.to_string());
        PyTypeError::new_err(format!("path: found {class}, expected str or os.PathLike"))
    })
}

/// Open an array file, mapped.
///
/// A .npy file says what it holds. Of a file without a header `dtype` must be given; `shape` is one
/// axis to the end of the file if left out, and may have one -1; `offset` is the byte where the
/// elements begin. `mode` is 'r', 'r+' or 'c' (changes stay private).
#[pyfunction]
#[pyo3(signature = (path, mode="r", *, dtype=None, shape=None, offset=0, order="C"))]
fn open(
    py: Python<'_>,
    path: &Bound<'_, PyAny>,
    mode: &str,
    dtype: Option<&Bound<'_, PyAny>>,
    shape: Option<&Bound<'_, PyAny>>,
    offset: u64,
    order: &str,
) -> Answer<MemMapArray> {
    let (path, mode) = (path_argument(path)?, dtype::mode(mode)?);
    let array = match dtype {
        Some(dtype) => {
            let raw = raw(dtype, shape, offset, order)?;
            py.detach(|| maparray::MemMapArray::open_raw(path, &raw, mode))?
        }
        None if shape.is_some() || offset != 0 || order != "C" => {
            let message =
                "shape, offset and order describe a file without a header: dtype is missing";
            return Err(PyTypeError::new_err(message).into());
        }
        None => py.detach(|| maparray::MemMapArray::open(path, mode))?,
    };
    MemMapArray::new(py, array)
}

/// What the caller says about bytes without a header.
fn raw(
    dtype: &Bound<'_, PyAny>,
    shape: Option<&Bound<'_, PyAny>>,
    offset: u64,
    order: &str,
) -> Answer<Raw> {
    let shape = shape.map(dtype::shape).transpose()?;
    Ok(Raw {
        dtype: dtype::from_numpy(dtype)?,
        shape,
        order: dtype::order(order)?,
        offset,
    })
}

/// Make a .npy file of zeros and open it for reading and writing.
///
/// It takes the place of a file of that name in one step ('w+'), or refuses to ('x'). Its space on
/// the disk is allocated at once unless `allocate` is 'sparse'.
#[pyfunction]
#[pyo3(signature = (path, *, shape, dtype=None, order="C", mode="w+", allocate="full"))]
fn create(
    py: Python<'_>,
    path: &Bound<'_, PyAny>,
    shape: &Bound<'_, PyAny>,
    dtype: Option<&Bound<'_, PyAny>>,
    order: &str,
    mode: &str,
    allocate: &str,
) -> Answer<MemMapArray> {
    let path = path_argument(path)?;
    let dtype = dtype.map_or(Ok(DType::of::<f64>()), dtype::from_numpy)?;
    let shape = dtype::new_shape(shape)?;
    let existing = dtype::one_of(
        "mode",
        mode,
        [("w+", Existing::Replace), ("x", Existing::Refuse)],
    )?;
    let allocate = dtype::one_of(
        "allocate",
        allocate,
        [("full", Allocate::Full), ("sparse", Allocate::Sparse)],
    )?;
    let options = Create {
        order: dtype::order(order)?,
        existing,
        allocate,
    };
    let array = py.detach(|| maparray::MemMapArray::create(path, &dtype, &shape, &options))?;
    MemMapArray::new(py, array)
}

/// Copy a .npy file into a NumPy array, in the byte order of the machine.
#[pyfunction]
fn read<'py>(py: Python<'py>, path: &Bound<'py, PyAny>) -> Answer<Bound<'py, PyAny>> {
    static ARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let path = path_argument(path)?;
    let mapped = py.detach(|| maparray::MemMapArray::open(path, Mode::Read))?;
    let options = PyDict::new(py);
    options.set_item("dtype", dtype::to_numpy(py, &mapped.dtype().to_native())?)?;
    let copy = dtype::import_once(py, &ARRAY, "numpy", "array")?;
    Ok(copy.call((lend(py, &mapped)?,), Some(&options))?)
}

/// A NumPy array of the bytes of an object that has the buffer protocol.
fn bytes_of<'py>(object: &Bound<'py, PyAny>) -> Answer<Bound<'py, PyAny>> {
    static FROM_BUFFER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = object.py();
    let view = PyMemoryView::from(object)?;
    let format: String = view.getattr("format")?.extract()?;
    // Between colons stand the names of a record's fields.
    if format
        .split(':')
        .step_by(2)
        .any(|codes| codes.contains('O'))
    {
        let message =
            format!("Python objects in buffer: found format {format:?}, expected plain data");
        let hint = "hint: their references must not be read or written as numbers";
        return Err(error::unsupported(py, &message, hint)?);
    }
    if !view.getattr("c_contiguous")?.extract::<bool>()? {
        let message = "buffer with gaps or in another order: expected contiguous bytes in C order";
        return Err(PyBufferError::new_err(message).into());
    }
    let from_buffer = dtype::import_once(py, &FROM_BUFFER, "numpy", "frombuffer")?;
    Ok(from_buffer.call1((view, "u1"))?)
}

/// An array over the memory of any object with the buffer protocol.
///
/// Without `shape` it has one axis to the end of the buffer. With `strides`, in bytes, the elements
/// may lie anywhere inside it.
#[pyfunction]
#[pyo3(signature = (buffer, dtype, shape=None, offset=0, order="C", strides=None))]
fn frombuffer(
    py: Python<'_>,
    buffer: &Bound<'_, PyAny>,
    dtype: &Bound<'_, PyAny>,
    shape: Option<&Bound<'_, PyAny>>,
    offset: u64,
    order: &str,
    strides: Option<Vec<isize>>,
) -> Answer<MemMapArray> {
    let region = lease::borrow_array(&bytes_of(buffer)?)?.region;
    let raw = raw(dtype, shape, offset, order)?;
    let header = maparray::format::raw::header(&raw, region.len() as u64)?;
    let (shape, item_size) = (&header.shape, header.dtype.size());
    let first = usize::try_from(offset).unwrap_or(usize::MAX);
    let layout = match strides {
        Some(strides) => Layout::strided(shape, &strides, item_size, first, region.len())?,
        None => {
            header.check_len(region.len() as u64)?;
            Layout::contiguous(shape, item_size, header.order, first)?
        }
    };
    MemMapArray::new(
        py,
        maparray::MemMapArray::from_region(region, header.dtype, layout)?,
    )
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<MemMapArray>()?;
    module.add_function(wrap_pyfunction!(open, module)?)?;
    module.add_function(wrap_pyfunction!(create, module)?)?;
    module.add_function(wrap_pyfunction!(read, module)?)?;
    module.add_function(wrap_pyfunction!(frombuffer, module)?)
}
