//! How does Python come to an array?
//!
//! The functions that open, make and borrow; each gives a `maparray.MemMapArray`.
//!
//! Knows: the library's array, buffers. Must not know: expressions.

use std::ffi::CString;
use std::path::PathBuf;

use maparray::format::Format;
use maparray::{
    Address, Allocate, Create, DType, Existing, Inflate, Layout, MemMapArray, Mode, Opened, Raw,
};
use pyo3::exceptions::{PyBufferError, PyTypeError, PyUserWarning};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyMemoryView};

use crate::array::Container;
use crate::contents;
use crate::dtype;
use crate::error::{self, Answer, interruptible};
use crate::fits::Scaled;
use crate::lease;
use crate::numpy::{from_numpy, lend, path_argument};
use crate::unit;

/// Open an array file, mapped.
///
/// A .npy file says what it holds; an address such as 'a.fits[1]', 'a.fits[SCI,2]' or
/// 'a.npy[0:5, -1]' names one array of a file, or a part. An image of FITS whose numbers are stored
/// scaled is a `Scaled`. Of a file without a header `dtype` must be given; `shape` is one
/// axis to the end of the file if left out, and may have one -1; `offset` is the byte where the
/// elements begin. `mode` is 'r', 'r+' or 'c' (changes stay private). A .npy file that was cut short
/// is an error; `partial` opens its whole rows and warns.
///
/// 'a.npz:x' names an array of an archive. One that is compressed cannot be mapped: `inflate` says that
/// it may be copied, True to a size that is usual, a number to so many bytes. The same holds of sound
/// with samples of 24 bits, which become int32 of the same values.
#[pyfunction]
#[pyo3(signature = (
    path, mode="r", *, dtype=None, shape=None, offset=None, order="C", inflate=None, partial=false
))]
#[expect(clippy::too_many_arguments, reason = "Python's caller names them")]
fn open<'py>(
    py: Python<'py>,
    path: &Bound<'_, PyAny>,
    mode: &str,
    dtype: Option<&Bound<'_, PyAny>>,
    shape: Option<&Bound<'_, PyAny>>,
    offset: Option<Bound<'_, PyAny>>,
    order: &str,
    inflate: Option<&Bound<'_, PyAny>>,
    partial: bool,
) -> Answer<Bound<'py, PyAny>> {
    let offset = dtype::offset(offset.as_ref())?;
    let (path, mode) = (path_argument(path)?, dtype::mode(mode)?);
    let inflate = inflate.map(contents::inflate_argument).transpose()?;
    if partial && (dtype.is_some() || inflate.is_some()) {
        let message = "partial opens the whole rows of a .npy file: found dtype or inflate, which are \
                       for other files";
        return Err(PyTypeError::new_err(message).into());
    }
    let array = match dtype {
        Some(dtype) => {
            let raw = raw(dtype, shape, offset, order)?;
            py.detach(|| MemMapArray::open_raw(path, &raw, mode))?
        }
        None if shape.is_some() || offset != 0 || order != "C" => {
            let message =
                "shape, offset and order describe a file without a header: dtype is missing";
            return Err(PyTypeError::new_err(message).into());
        }
        None if partial => {
            let (array, missing) = py.detach(|| MemMapArray::open_whole_rows(&path, mode))?;
            if missing > 0 {
                let name = path.display();
                let message = format!("{name}: {missing} rows are missing of those it claims");
                let message = CString::new(message).unwrap_or_default();
                PyErr::warn(py, &py.get_type::<PyUserWarning>(), &message, 1)?;
            }
            array
        }
        None => match inflate.flatten() {
            None => {
                let opened = py.detach(|| Opened::open(path, mode))?;
                return Scaled::give(py, opened);
            }
            Some(how) => interruptible(py, || MemMapArray::open_inflated(path, mode, &how))?,
        },
    };
    Container::give(py, array)
}

/// What the caller says about bytes without a header.
pub(crate) fn raw(
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
/// the disk is allocated at once unless `allocate` is 'sparse'. `unit` is what its elements measure.
#[pyfunction]
#[pyo3(signature = (
    path, *, shape, dtype=None, order="C", mode="w+", allocate="full", unit=None
))]
#[expect(clippy::too_many_arguments, reason = "Python's caller names them")]
fn create<'py>(
    py: Python<'py>,
    path: &Bound<'_, PyAny>,
    shape: &Bound<'_, PyAny>,
    dtype: Option<&Bound<'_, PyAny>>,
    order: &str,
    mode: &str,
    allocate: &str,
    unit: Option<&Bound<'py, PyAny>>,
) -> Answer<Bound<'py, PyAny>> {
    let path = path_argument(path)?;
    let unit = unit::argument(unit)?;
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
        format: None,
        order: dtype::order(order)?,
        existing,
        allocate,
    };
    let array = py.detach(|| {
        let array = MemMapArray::create(path, &dtype, &shape, &options)?;
        match unit {
            None => Ok(array),
            unit => {
                let array = array.with_unit(unit);
                array.store_unit().map(|()| array)
            }
        }
    })?;
    Container::give_place(py, maparray::Container::of_new(array))
}

/// Copy an array file into a NumPy array, in the byte order of the machine.
///
/// Of archives, data are inflated if they are compressed, and compared with their checksum.
#[pyfunction]
fn read<'py>(py: Python<'py>, path: &Bound<'py, PyAny>) -> Answer<Bound<'py, PyAny>> {
    static ARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let path = path_argument(path)?;
    let address = Address::parse(&path)?;
    if address.key.is_some()
        || Format::of_name(&address.path.to_string_lossy()) == Some(Format::Npz)
    {
        return lend(py, &interruptible(py, || MemMapArray::read(path))?);
    }
    let inflate = Inflate::default();
    let open = || Opened::open_inflated(path, Mode::Read, &inflate)?.into_plain();
    let mapped = interruptible(py, open)?;
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
#[pyo3(signature = (buffer, dtype, shape=None, offset=None, order="C", strides=None))]
fn frombuffer<'py>(
    py: Python<'py>,
    buffer: &Bound<'_, PyAny>,
    dtype: &Bound<'_, PyAny>,
    shape: Option<&Bound<'_, PyAny>>,
    offset: Option<Bound<'_, PyAny>>,
    order: &str,
    strides: Option<Bound<'_, PyAny>>,
) -> Answer<Bound<'py, PyAny>> {
    let offset = dtype::offset(offset.as_ref())?;
    let strides = strides.as_ref().map(dtype::strides).transpose()?;
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
    Container::give(py, MemMapArray::from_region(region, header.dtype, layout)?)
}

/// Zeroed memory in pages, which can become a file while views of it are alive.
#[pyfunction]
#[pyo3(signature = (shape, dtype, order="C"))]
fn pages<'py>(
    py: Python<'py>,
    shape: &Bound<'_, PyAny>,
    dtype: &Bound<'_, PyAny>,
    order: &str,
) -> Answer<Bound<'py, PyAny>> {
    let (shape, dtype) = (dtype::new_shape(shape)?, dtype::from_numpy(dtype)?);
    let array = MemMapArray::pages(&dtype, &shape, dtype::order(order)?)?;
    Container::give(py, array)
}

/// Zeros in a file that nobody sees, mapped; it goes away with the container.
#[pyfunction]
#[pyo3(signature = (shape, dtype, order="C", folder=None))]
fn temporary<'py>(
    py: Python<'py>,
    shape: &Bound<'_, PyAny>,
    dtype: &Bound<'_, PyAny>,
    order: &str,
    folder: Option<PathBuf>,
) -> Answer<Bound<'py, PyAny>> {
    let (shape, dtype) = (dtype::new_shape(shape)?, dtype::from_numpy(dtype)?);
    let order = dtype::order(order)?;
    let array = MemMapArray::temporary(&dtype, &shape, order, folder.as_deref())?.lent_out()?;
    Container::give(py, array)
}

/// Bytes of memory that can be had without pushing others out.
#[pyfunction]
fn free_memory() -> u64 {
    maparray::free_memory().unwrap_or(u64::MAX)
}

/// A container of an array's memory, which is kept alive and not copied; its unit is that of the
/// array, or the one that is said. `named`: it is the file's array, and not a part of one.
#[pyfunction]
#[pyo3(signature = (array, unit=None, *, named=false))]
fn over<'py>(
    py: Python<'py>,
    array: &Bound<'py, PyAny>,
    unit: Option<&Bound<'py, PyAny>>,
    named: bool,
) -> Answer<Bound<'py, PyAny>> {
    let array = from_numpy(array)?;
    let array = if named { array.named_by_file() } else { array };
    let array = match unit::argument(unit)? {
        None => array,
        unit => array.with_unit(unit),
    };
    Container::give(py, array)
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<lease::Lender>()?;
    module.add_class::<Container>()?;
    module.add_function(wrap_pyfunction!(pages, module)?)?;
    module.add_function(wrap_pyfunction!(over, module)?)?;
    module.add_function(wrap_pyfunction!(temporary, module)?)?;
    module.add_function(wrap_pyfunction!(free_memory, module)?)?;
    module.add_function(wrap_pyfunction!(open, module)?)?;
    module.add_function(wrap_pyfunction!(create, module)?)?;
    module.add_function(wrap_pyfunction!(read, module)?)?;
    module.add_function(wrap_pyfunction!(frombuffer, module)?)
}
