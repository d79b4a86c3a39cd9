//! How is memory lent to Python, and how does Python lend memory to us?
//!
//! [`Lease`] is the object under a NumPy array of ours: it owns a share of the region, so the bytes
//! stay as long as an array is alive. The other way, [`borrow_array`] takes the memory of Python's.
//!
//! Knows: regions and buffers. Must not know: dtypes, shapes. The only unsafe file of this door.

use std::ffi::c_int;
use std::fs::File;
use std::ops::Range;
#[cfg(unix)]
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use maparray::{Advice, Flush, Region};
use pyo3::exceptions::{PyBufferError, PyIndexError, PyOSError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyWeakrefMethods, PyWeakrefReference};

use crate::error::{Answer, Raised};

/// A share of a mapped file, as the object under a NumPy array.
///
/// It exports the buffer protocol and answers to the names that code expects of `mmap.mmap`. Under a
/// `memmap` it claims to be one (`isinstance`): joblib and others look for that, and then ask the
/// array above for its file name. Under any other array it claims nothing.
#[pyclass(frozen, weakref, module = "maparray._maparray")]
pub(crate) struct Lease {
    /// Invariant 1: once bytes were exported, the region stays until this object is freed or until
    /// `close` has proved that no array is left.
    region: Mutex<Option<Arc<Region>>>,
    /// First byte of the region in its file.
    file_offset: u64,
    /// The arrays made on this lease by `memmap`, which NumPy lets us watch only by weak references.
    arrays: Mutex<Vec<Py<PyWeakrefReference>>>,
    /// Buffers handed out so far. NumPy gives a buffer back at once and keeps its address, so a
    /// buffer that was given back says nothing.
    exports: AtomicUsize,
    /// Buffers handed out and not given back: memoryviews and the like.
    open_exports: AtomicUsize,
}

/// A lock that is never left with its data half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lease {
    pub(crate) fn new(region: Arc<Region>, file_offset: u64) -> Lease {
        Lease {
            region: Mutex::new(Some(region)),
            file_offset,
            arrays: Mutex::default(),
            exports: AtomicUsize::new(0),
            open_exports: AtomicUsize::new(0),
        }
    }

    fn region(&self) -> PyResult<Arc<Region>> {
        lock(&self.region)
            .clone()
            .ok_or_else(|| PyValueError::new_err("mmap closed or invalid"))
    }

    /// The bytes that `offset` and `size` name, as `mmap.flush` and `mmap.madvise` count them.
    fn range(region: &Region, offset: usize, size: Option<usize>) -> PyResult<Range<usize>> {
        let end = match size {
            Some(size) => offset.checked_add(size).filter(|&end| end <= region.len()),
            None => Some(region.len()).filter(|&end| offset <= end),
        };
        end.map(|end| offset..end).ok_or_else(|| {
            let len = region.len();
            PyValueError::new_err(format!(
                "range outside the mapping: expected at most {len} bytes"
            ))
        })
    }
}

#[pymethods]
impl Lease {
    /// `mmap.mmap` under a `memmap`; `type(lease)` tells the truth.
    #[getter(__class__)]
    fn class<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        if lock(&slf.get().arrays).is_empty() {
            return Ok(slf.get_type().into_any());
        }
        slf.py().import("mmap")?.getattr("mmap")
    }

    /// Address of the first byte.
    #[getter]
    fn address(&self) -> Answer<usize> {
        Ok(self.region()?.as_ptr()?.addr())
    }

    /// Byte of the file at which the first byte lies.
    #[getter]
    fn file_offset(&self) -> u64 {
        self.file_offset
    }

    /// Whether `close` has let go of the memory.
    #[getter]
    fn closed(&self) -> bool {
        lock(&self.region).is_none()
    }

    /// Length of the file in bytes, now.
    fn size(&self) -> Answer<u64> {
        let region = self.region()?;
        match region.file() {
            Some(file) => Ok(file.len()?),
            None => Ok(region.len() as u64),
        }
    }

    /// Device and inode of the mapped file.
    fn identity(&self) -> Answer<Option<(u64, u64)>> {
        Ok(self.region()?.file().and_then(|file| file.identity()))
    }

    /// Writes what was changed back to the file and waits until it is there.
    #[pyo3(signature = (offset=0, size=None, /, *, durable=true))]
    fn flush(
        &self,
        py: Python<'_>,
        offset: usize,
        size: Option<usize>,
        durable: bool,
    ) -> Answer<()> {
        let region = self.region()?;
        let range = Lease::range(&region, offset, size)?;
        let how = if durable {
            Flush::Durable
        } else {
            Flush::Start
        };
        Ok(py.detach(|| region.flush(range, how))?)
    }

    /// Tells the kernel what to expect: one of the `MADV_` numbers of the module `mmap`.
    #[pyo3(signature = (option, start=0, length=None, /))]
    fn madvise(
        &self,
        py: Python<'_>,
        option: i32,
        start: usize,
        length: Option<usize>,
    ) -> Answer<()> {
        let mmap = py.import("mmap")?;
        let is = |name: &str| -> PyResult<bool> {
            Ok(mmap.hasattr(name)? && mmap.getattr(name)?.extract::<i32>()? == option)
        };
        let region = self.region()?;
        let range = Lease::range(&region, start, length)?;
        let advice = if is("MADV_NORMAL")? {
            Advice::Normal
        } else if is("MADV_SEQUENTIAL")? {
            Advice::Sequential
        } else if is("MADV_RANDOM")? {
            Advice::Random
        } else if is("MADV_WILLNEED")? {
            Advice::WillNeed
        } else if is("MADV_DONTNEED")? {
            region.release(range);
            return Ok(());
        } else {
            let message = format!("advice {option} is not one that maparray gives");
            return Err(PyOSError::new_err((22, message)).into());
        };
        Ok(region.advise(range, advice)?)
    }

    /// Lets go of the memory; refuses while anything could still reach it.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let mut region = lock(&self.region);
        if region.is_none() {
            return Ok(());
        }
        let arrays = lock(&self.arrays);
        let alive = arrays
            .iter()
            .filter(|array| array.bind(py).upgrade().is_some())
            .count();
        // Every buffer that NumPy took must belong to an array that we watch, or nothing is proved.
        let unknown = self
            .exports
            .load(Ordering::SeqCst)
            .saturating_sub(arrays.len());
        let open = self.open_exports.load(Ordering::SeqCst);
        if alive + unknown + open > 0 {
            return Err(PyBufferError::new_err(format!(
                "cannot close: found {} arrays or buffers on this memory, expected none",
                alive.max(open).max(1)
            )));
        }
        *region = None;
        Ok(())
    }

    /// A NumPy array of this class on these bytes, for which `close` waits; the options are those of
    /// `numpy.ndarray`.
    ///
    /// Made here, so that what is watched is what took a buffer, each once.
    #[pyo3(signature = (class, shape, /, **options))]
    fn array<'py>(
        slf: &Bound<'py, Self>,
        class: &Bound<'py, PyAny>,
        shape: &Bound<'py, PyAny>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let options = options.cloned().unwrap_or_else(|| PyDict::new(py));
        options.set_item("buffer", slf)?;
        let ndarray = py.import("numpy")?.getattr("ndarray")?;
        let array = ndarray.call_method("__new__", (class, shape), Some(&options))?;
        let watched = PyWeakrefReference::new(&array)?.unbind();
        lock(&slf.get().arrays).push(watched);
        Ok(array)
    }

    fn __len__(&self) -> PyResult<usize> {
        Ok(self.region()?.len())
    }

    fn __repr__(&self) -> String {
        match &*lock(&self.region) {
            Some(region) => format!("<maparray Lease of {} bytes>", region.len()),
            None => "<maparray Lease, closed>".into(),
        }
    }

    /// # Safety
    /// Called by Python with a `view` to fill in.
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let lease = slf.get();
        let region = lease.region()?;
        let len = isize::try_from(region.len())
            .map_err(|_| PyIndexError::new_err("mapping too large for a buffer"))?;
        let read_only = c_int::from(!region.is_writable());
        let start = region.as_ptr().map_err(Raised::from)?.cast();
        let object = slf.as_ptr();
        // SAFETY: `view` is Python's to fill in. The region has `len` bytes from `start`, writable
        // unless `read_only`; they stay while `slf` lives (invariant 1), and the call makes `view`
        // hold a reference to `slf`. It refuses a writable view of read-only bytes by itself.
        let filled = unsafe { ffi::PyBuffer_FillInfo(view, object, start, len, read_only, flags) };
        if filled != 0 {
            return Err(PyErr::fetch(slf.py()));
        }
        lease.exports.fetch_add(1, Ordering::SeqCst);
        lease.open_exports.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// # Safety
    /// Called by Python with a `view` that `__getbuffer__` filled in.
    unsafe fn __releasebuffer__(&self, _view: *mut ffi::Py_buffer) {
        self.open_exports.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A file of its own for a descriptor that a Python file object keeps open.
#[cfg(unix)]
pub(crate) fn duplicate(descriptor: &Bound<'_, PyAny>) -> PyResult<File> {
    let number: i32 = descriptor.extract()?;
    if number < 0 {
        return Err(PyOSError::new_err((9, "bad file descriptor")));
    }
    // SAFETY: not -1. It is open for the duration of this call: the caller holds the file object
    // and the interpreter's lock; were it not, `dup` would only say so.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(File::from(borrowed.try_clone_to_owned()?))
}

/// Elsewhere a descriptor is a number of the C library's, which Rust does not know.
#[cfg(not(unix))]
pub(crate) fn duplicate(_descriptor: &Bound<'_, PyAny>) -> PyResult<File> {
    Err(PyOSError::new_err(
        "file objects cannot be mapped on this system: give the file's name",
    ))
}

/// The memory of a NumPy array, and where its elements lie in it.
pub(crate) struct Borrowed {
    pub(crate) region: Region,
    /// Byte of the region at which the first element lies.
    pub(crate) first: usize,
    pub(crate) shape: Vec<usize>,
    pub(crate) strides: Vec<isize>,
}

/// The memory of a `numpy.ndarray`, any strides.
///
/// Only the class itself is taken: a subclass could say what it likes about its address.
pub(crate) fn borrow_array(array: &Bound<'_, PyAny>) -> PyResult<Borrowed> {
    let ndarray = array.py().import("numpy")?.getattr("ndarray")?;
    if !array.get_type().is(&ndarray) {
        return Err(PyTypeError::new_err("expected a plain numpy.ndarray"));
    }
    let interface = array.getattr("__array_interface__")?;
    let (address, read_only): (usize, bool) = interface.get_item("data")?.extract()?;
    let shape: Vec<usize> = array.getattr("shape")?.extract()?;
    let strides: Vec<isize> = array.getattr("strides")?.extract()?;
    let item_size: usize = array.getattr("itemsize")?.extract()?;
    let (mut low, mut high) = (address, address + item_size);
    if shape.contains(&0) {
        high = low;
    } else {
        for (&len, &stride) in shape.iter().zip(&strides) {
            // Inside the address space, since NumPy has these elements in memory.
            let reach = (len - 1) * stride.unsigned_abs();
            if stride < 0 {
                low -= reach
            } else {
                high += reach
            }
        }
    }
    let start = std::ptr::with_exposed_provenance_mut(low);
    let keeper = Box::new(array.clone().unbind());
    // SAFETY: `low..high` spans the elements of an exact ndarray, by its own account of address,
    // shape and strides; NumPy keeps them in place while the array is referred to, as `keeper` does.
    let region = unsafe { Region::lent(start, high - low, !read_only, keeper) };
    Ok(Borrowed {
        region,
        first: address - low,
        shape,
        strides,
    })
}

/// The region of the lease that an array lies on, and where in it the array's memory begins.
pub(crate) fn region_under(
    array: &Bound<'_, PyAny>,
    memory: &Region,
) -> PyResult<Option<(Arc<Region>, usize)>> {
    let ndarray = array.py().import("numpy")?.getattr("ndarray")?;
    // NumPy's own answer, whatever a subclass has in its place.
    let base_of = ndarray.getattr("base")?;
    let mut base = array.clone();
    while base.is_instance(&ndarray)? {
        base = base_of.call_method1("__get__", (base,))?;
    }
    let Ok(lease) = base.cast::<Lease>() else {
        return Ok(None);
    };
    let Some(region) = lock(&lease.get().region).clone() else {
        return Ok(None);
    };
    let address = |region: &Region| region.as_ptr().map(|start| start.addr());
    let (Ok(ours), Ok(theirs)) = (address(&region), address(memory)) else {
        return Ok(None);
    };
    let start = theirs.checked_sub(ours);
    let room = |start: &usize| region.len().checked_sub(*start) >= Some(memory.len());
    let inside = start.filter(room);
    Ok(inside.map(|start| (region, start)))
}

/// What exports the buffer of the array that its method `view` gives: the base of the container.
#[pyclass(frozen, subclass, module = "maparray._maparray")]
pub(crate) struct Lender;

#[pymethods]
impl Lender {
    /// # Safety
    /// Called by Python with a `view` to fill in.
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let array = slf.call_method0("view")?;
        // NumPy would take the buffer for the array, which does not say all about records.
        if array.getattr("dtype")?.getattr("kind")?.eq("V")? {
            let message = "buffer of records: found a structured dtype, expected numbers or text";
            return Err(PyBufferError::new_err(message));
        }
        // SAFETY: `view` is Python's to fill in. The array does that, and `view` refers to it from
        // then on, so that it is the array which the buffer is given back to.
        match unsafe { ffi::PyObject_GetBuffer(array.as_ptr(), view, flags) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(slf.py())),
        }
    }
}

/// How many references there are to an object besides the one given.
pub(crate) fn other_references(object: &Py<PyAny>, _py: Python<'_>) -> usize {
    // SAFETY: `object` is alive, and the interpreter is attached.
    let count = unsafe { ffi::Py_REFCNT(object.as_ptr()) };
    usize::try_from(count - 1).unwrap_or(0)
}
