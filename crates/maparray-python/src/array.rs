//! Which array does Python hold?
//!
//! The container: an array with a file behind it that can be closed. It lends plain NumPy arrays and
//! refuses to close while one of them is alive.
//!
//! Knows: the library's array. Must not know: expressions.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use maparray::format::Format;
use maparray::{AfterUse, Existing, Flush, Mapping, Mode};
use pyo3::exceptions::{PyBufferError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyInt};

use crate::access;
use crate::dtype;
use crate::error::{self, Answer};
use crate::fork::Moving;
use crate::lease::{self, Lease, Lender};
use crate::numpy::{lend, path_argument};
use crate::unit::{self, Unit};

/// A place for an array, in a file or in memory, that lends NumPy arrays and can be closed.
///
/// `maparray.MemMapArray` is the class of Python on top of it.
#[pyclass(frozen, subclass, extends = Lender, module = "maparray._maparray", weakref)]
pub(crate) struct Container {
    /// Never locked while Python code could run or the interpreter is free: what is needed is
    /// taken out first.
    open: Mutex<Option<Open>>,
    /// Held while the array moves; never waited for with the interpreter held.
    moving: Mutex<()>,
}

pub(crate) struct Open {
    place: maparray::Container,
    /// The array over the whole of it, made when one is first wanted. Every array that is lent is a
    /// view of it and refers to it, so its count of references tells whether any is alive.
    pub(crate) whole: Option<Py<PyAny>>,
    /// Those of before the array grew, of which somebody has a view.
    pub(crate) earlier: Vec<Py<PyAny>>,
    /// Whether an element was asked for: who does so again gets it from the array over the whole.
    pub(crate) touched: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Container {
    pub(crate) fn new(
        py: Python<'_>,
        array: maparray::MemMapArray,
    ) -> Answer<Bound<'_, Container>> {
        Container::over(py, maparray::Container::new(Some(array), None))
    }

    fn over(py: Python<'_>, place: maparray::Container) -> Answer<Bound<'_, Container>> {
        // Memory is there already; a small file may never be mapped.
        let memory = place.array().ok().filter(|array| array.mode().is_none());
        let whole = match memory {
            Some(array) => Some(lend(py, array)?.unbind()),
            None => None,
        };
        let container = Container::of(Open {
            place,
            whole,
            earlier: vec![],
            touched: false,
        });
        Ok(Bound::new(py, container.lending())?)
    }

    /// An array as the `maparray.MemMapArray` that Python gets.
    pub(crate) fn give<'py>(
        py: Python<'py>,
        array: maparray::MemMapArray,
    ) -> Answer<Bound<'py, PyAny>> {
        Container::give_place(py, maparray::Container::new(Some(array), None))
    }

    /// The same of the library's container.
    pub(crate) fn give_place(
        py: Python<'_>,
        place: maparray::Container,
    ) -> Answer<Bound<'_, PyAny>> {
        static WRAP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let container = Container::over(py, place)?;
        let wrap = dtype::import_once(py, &WRAP, "maparray._container", "_wrap")?;
        Ok(wrap.call1((container,))?)
    }

    fn of(open: Open) -> Container {
        Container {
            open: Mutex::new(Some(open)),
            moving: Mutex::default(),
        }
    }

    fn lending(self) -> PyClassInitializer<Container> {
        PyClassInitializer::from(Lender).add_subclass(self)
    }

    /// What `get` takes out of an open container; it must not run Python code.
    pub(crate) fn open<T>(&self, get: impl FnOnce(&mut Open) -> T) -> PyResult<T> {
        lock(&self.open)
            .as_mut()
            .map(get)
            .ok_or_else(|| PyValueError::new_err("array is closed"))
    }

    /// What `get` takes out of the array; it must not run Python code.
    fn array<T>(&self, get: impl FnOnce(&maparray::MemMapArray) -> T) -> Answer<T> {
        Ok(self.open(|open| open.place.array().map(get))??)
    }

    /// The library's array, sharing this one's memory; `close` counts it as a use.
    pub(crate) fn share(&self) -> Answer<maparray::MemMapArray> {
        self.array(maparray::MemMapArray::clone)
    }

    /// Its unit, or that of an array that comes without one.
    pub(crate) fn own_unit(&self) -> Answer<Option<maparray::Unit>> {
        Ok(self.open(|open| open.place.unit().cloned())?)
    }

    /// Changes what it is without moving its array, and lets other threads go on meanwhile.
    pub(crate) fn alter(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut maparray::Container) -> maparray::Result<()> + Send,
    ) -> Answer<()> {
        Ok(py.detach(|| {
            let _no_fork = Moving::begin();
            let _moving = lock(&self.moving);
            let place = lock(&self.open).as_ref().map(|open| open.place.clone());
            let Some(mut place) = place else {
                return Ok(());
            };
            let done = change(&mut place);
            if let Some(open) = lock(&self.open).as_mut() {
                open.place = place;
            }
            done
        })?)
    }

    /// Takes out what is open, unless something else uses it: then it says how many.
    fn take_unused(&self, py: Python<'_>) -> Result<Option<Open>, usize> {
        let mut guard = lock(&self.open);
        let Some(open) = &*guard else {
            return Ok(None);
        };
        let Ok(array) = open.place.array() else {
            return Ok(guard.take());
        };
        let whole = open.whole.as_ref();
        let all = whole.into_iter().chain(&open.earlier);
        let lent: usize = all.map(|whole| lease::other_references(whole, py)).sum();
        // One share for the array, one for the lease under `whole`; more while a computation runs.
        let ours = 1 + usize::from(whole.is_some());
        let used = Arc::strong_count(array.region()).saturating_sub(ours);
        match lent + used {
            0 => Ok(guard.take()),
            uses => Err(uses),
        }
    }

    /// The array over the whole of it; `close` counts it as a use.
    pub(crate) fn whole<'py>(&self, py: Python<'py>) -> Answer<Bound<'py, PyAny>> {
        loop {
            let made = self.open(|open| open.whole.as_ref().map(|whole| whole.bind(py).clone()))?;
            if let Some(whole) = made {
                return Ok(whole);
            }
            let share = self.share()?;
            let lent = lend(py, &share)?;
            // Meanwhile another thread may have been faster, and its array is the one; or another
            // array has come to this place.
            let whole = self.open(|open| {
                let same = |now: &maparray::MemMapArray| {
                    Arc::ptr_eq(now.region(), share.region()) && now.layout() == share.layout()
                };
                if open.whole.is_none() && open.place.array().is_ok_and(same) {
                    open.whole = Some(lent.clone().unbind());
                }
                open.whole.as_ref().map(|whole| whole.bind(py).clone())
            })?;
            if let Some(whole) = whole {
                return Ok(whole);
            }
        }
    }

    /// Changes the place while its array keeps its address, and lets other threads go on meanwhile.
    fn change(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut maparray::Container) -> maparray::Result<()> + Send,
    ) -> Answer<()> {
        let still = self.open(|open| open.place.array().is_ok_and(|array| !array.can_switch()))?;
        if still {
            let mut unused = |whole: &mut Py<PyAny>| lease::other_references(whole, py) == 0;
            // Dropped while nothing is locked: it may call somebody who comes back here.
            let old = self.open(|open| open.whole.take_if(&mut unused))?;
            let lost = old.is_some();
            drop(old);
            // Memory that cannot be exchanged: nobody may have it, and nobody can get it meanwhile.
            let mut guard = lock(&self.open);
            let Some(open) = guard.as_mut() else {
                return Ok(());
            };
            let done = change(&mut open.place);
            drop(guard);
            if lost {
                self.whole(py)?;
            }
            return Ok(done?);
        }
        let writable = |open: &Open| open.place.array().is_ok_and(|array| array.is_writable());
        let read_only = self.open(|open| !writable(open))?;
        let done = self.alter(py, change);
        // Arrays that were lent for reading stay so; the next ones need not.
        let old = self.open(|open| open.whole.take_if(|_| read_only))?;
        drop(old);
        done
    }

    /// The element of a file's array that was not lent yet, if the index names one and it is a number.
    fn element<'py>(
        &self,
        py: Python<'py>,
        index: &Bound<'py, PyAny>,
    ) -> Answer<Option<Bound<'py, PyAny>>> {
        let index: [i64; 1] = match index.is_exact_instance_of::<PyInt>() {
            true => match index.extract() {
                Ok(index) => [index],
                Err(_) => return Ok(None),
            },
            false => return Ok(None),
        };
        let found = self.open(|open| {
            let array = open.place.array().ok()?;
            if open.whole.is_some() || open.touched || array.ndim() != 1 {
                return None;
            }
            open.touched = true;
            let number = array.dtype().scalar().map(|_| array.dtype().to_native());
            number.and_then(|dtype| Some((dtype, array.bytes_of(&index).ok()?)))
        })?;
        let Some((dtype, bytes)) = found else {
            return Ok(None);
        };
        static FROM_BUFFER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let from_buffer = dtype::import_once(py, &FROM_BUFFER, "numpy", "frombuffer")?;
        let one = from_buffer.call1((PyBytes::new(py, &bytes), dtype::to_numpy(py, &dtype)?))?;
        Ok(Some(one.get_item(0)?))
    }
}

impl Open {
    /// Writes back what was changed. Whoever took this out has closed the array, also if that fails.
    fn let_go(self, py: Python<'_>) -> Answer<()> {
        let Open { place, whole, .. } = self;
        let flushed = py.detach(|| {
            let flushed = place.flush(Flush::Durable);
            drop(place);
            flushed
        });
        drop(whole);
        Ok(flushed?)
    }
}

#[pymethods]
impl Container {
    /// What is in another container, which is closed by that; without one, nothing.
    #[new]
    #[pyo3(signature = (source=None, filename=None))]
    fn py_new(
        source: Option<&Bound<'_, Container>>,
        filename: Option<PathBuf>,
    ) -> PyClassInitializer<Container> {
        let taken = source.and_then(|source| lock(&source.get().open).take());
        let mut open = taken.unwrap_or_else(|| Open {
            place: maparray::Container::default(),
            whole: None,
            earlier: vec![],
            touched: false,
        });
        if let Some(filename) = filename {
            open.place = open.place.named(filename);
        }
        Container::of(open).lending()
    }

    /// Whether there is no array.
    #[getter]
    fn empty(&self) -> PyResult<bool> {
        self.open(|open| open.place.is_empty())
    }

    /// Whether the array is in a file, or would be if there were one.
    #[getter]
    fn memmap(&self) -> PyResult<bool> {
        self.open(|open| open.place.is_mapped())
    }

    /// Moves the array to a new file, mapped, under the eyes of all who hold a view of it.
    ///
    /// Without any file name to a file that nobody sees, in `folder`, and that goes away with it.
    #[pyo3(signature = (filename=None, *, format="npy", overwrite=false, folder=None))]
    fn enable_memmap(
        &self,
        py: Python<'_>,
        filename: Option<&Bound<'_, PyAny>>,
        format: &str,
        overwrite: bool,
        folder: Option<PathBuf>,
    ) -> Answer<()> {
        let filename = filename.map(path_argument).transpose()?;
        let how = Mapping {
            format: dtype::one_of(
                "format",
                format,
                [("npy", Format::Npy), ("raw", Format::Raw)],
            )?,
            existing: existing(overwrite),
        };
        self.change(py, |place| match (&filename, place.filename(), folder) {
            (None, None, Some(folder)) => place.enable_temporary(&folder),
            _ => place.enable_memmap(filename.as_deref(), how),
        })
    }

    /// Moves the array to memory, under the eyes of all who hold a view of it; `remove` takes the
    /// file away if this container made it.
    #[pyo3(signature = (remove=false))]
    fn disable_memmap(&self, py: Python<'_>, remove: bool) -> Answer<()> {
        let file = if remove {
            AfterUse::Remove
        } else {
            AfterUse::Keep
        };
        self.change(py, |place| place.disable_memmap(file))
    }

    /// Gives the file another name, and moves it there if it is in use.
    #[pyo3(signature = (filename, *, overwrite=false))]
    fn set_filename(
        &self,
        py: Python<'_>,
        filename: &Bound<'_, PyAny>,
        overwrite: bool,
    ) -> Answer<()> {
        let filename = path_argument(filename)?;
        self.change(py, |place| {
            place.set_filename(&filename, existing(overwrite))
        })
    }

    /// Puts what is in another container in the place of the array, or nothing.
    #[pyo3(signature = (source=None))]
    fn put_in(&self, py: Python<'_>, source: Option<&Bound<'_, Container>>) -> Answer<()> {
        // What is closed takes nothing.
        self.open(|_| ())?;
        let new = source.and_then(|source| lock(&source.get().open).take());
        // Its right to move the bytes goes with the place, and comes to this one.
        let array = match new {
            Some(Open { place, whole, .. }) => {
                drop(whole);
                place.array().map(drop)?;
                place.into_array()
            }
            None => None,
        };
        let old = py.detach(|| {
            let _no_fork = Moving::begin();
            let _moving = lock(&self.moving);
            let place = lock(&self.open).as_ref().map(|open| open.place.clone());
            let Some(mut place) = place else {
                return Ok(None);
            };
            place.reset_data(array)?;
            let mut guard = lock(&self.open);
            let old = guard.as_mut().map(|open| {
                open.touched = false;
                (std::mem::replace(&mut open.place, place), open.whole.take())
            });
            Ok::<_, maparray::Error>(old)
        })?;
        // What goes away may call somebody who comes back here: nothing is locked any more.
        if let Some((place, whole)) = old {
            drop(whole);
            py.detach(|| drop(place));
        }
        Ok(())
    }

    /// A name that the mapped file has now, if one is known.
    fn name(&self) -> Answer<Option<PathBuf>> {
        self.array(|array| array.region().file().and_then(|file| file.name()))
    }

    /// A name by which other processes can open the mapped file as long as this one has it open.
    fn link(&self) -> Answer<Option<PathBuf>> {
        self.array(|array| array.region().file().and_then(|file| file.link()))
    }

    /// A share of the memory, as the object under a NumPy array.
    fn lease(&self) -> Answer<Lease> {
        let array = self.share()?;
        Ok(Lease::new(
            Arc::clone(array.region()),
            array
                .data_offset()
                .saturating_sub(array.layout().offset() as u64),
        ))
    }

    /// Length of each axis.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> Answer<Bound<'py, PyAny>> {
        Ok(self.whole(py)?.getattr("shape")?)
    }

    /// The NumPy dtype of the elements.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> Answer<Bound<'py, PyAny>> {
        Ok(self.whole(py)?.getattr("dtype")?)
    }

    /// Number of axes.
    #[getter]
    fn ndim(&self) -> Answer<usize> {
        self.array(|array| array.ndim())
    }

    /// Number of elements.
    #[getter]
    fn size(&self) -> Answer<usize> {
        self.array(|array| array.len())
    }

    /// Bytes of all elements together.
    #[getter]
    fn nbytes(&self) -> Answer<usize> {
        self.array(|array| array.byte_len())
    }

    /// Bytes of one element.
    #[getter]
    fn itemsize(&self) -> Answer<usize> {
        self.array(|array| array.dtype().size())
    }

    /// Bytes from an element to the next along each axis.
    #[getter]
    fn strides<'py>(&self, py: Python<'py>) -> Answer<Bound<'py, PyAny>> {
        Ok(self.whole(py)?.getattr("strides")?)
    }

    /// The mapped file, as an absolute path; else the name that a file will get, if it is known.
    #[getter]
    fn filename(&self) -> PyResult<Option<PathBuf>> {
        self.open(|open| open.place.filename().map(PathBuf::from))
    }

    /// Says which file is its own, if none is known; ValueError for another than the known one.
    #[setter(filename)]
    fn name_file(&self, py: Python<'_>, filename: &Bound<'_, PyAny>) -> Answer<()> {
        let filename = path_argument(filename)?;
        self.change(py, |place| place.name_file(&filename))
    }

    /// How the file is mapped, 'r', 'r+' or 'c'; None in memory.
    #[getter]
    fn mode(&self) -> PyResult<Option<&'static str>> {
        self.open(|open| {
            let array = open.place.array().ok();
            array.and_then(|array| array.mode().map(Mode::text))
        })
    }

    /// Byte of the file at which the first element lies.
    #[getter]
    fn offset(&self) -> Answer<u64> {
        self.array(|array| array.data_offset())
    }

    /// Whether `close` was called.
    #[getter]
    fn closed(&self) -> bool {
        lock(&self.open).is_none()
    }

    /// A NumPy array of all elements that shares the memory.
    fn view<'py>(&self, py: Python<'py>) -> Answer<Bound<'py, PyAny>> {
        Ok(self.whole(py)?.call_method0("view")?)
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        index: &Bound<'py, PyAny>,
    ) -> Answer<Bound<'py, PyAny>> {
        let item = match self.element(py, index)? {
            Some(element) => element,
            None => self.whole(py)?.get_item(index)?,
        };
        match self.own_unit()?.filter(|unit| !unit.is_unity()) {
            Some(unit) => unit::part(&item, &unit),
            None => Ok(item),
        }
    }

    /// Its unit; None if there is none.
    #[getter]
    fn _unit(&self) -> Answer<Option<Unit>> {
        Ok(self.own_unit()?.map(Unit))
    }

    /// Says what the elements measure; the numbers stay as they are. A .npy file that is mapped for
    /// writing says it from now on, too.
    #[pyo3(signature = (unit=None))]
    fn set_unit(&self, py: Python<'_>, unit: Option<&Bound<'_, PyAny>>) -> Answer<()> {
        let unit = unit::argument(unit)?;
        self.open(|_| ())?;
        self.alter(py, |place| place.set_unit(unit))
    }

    /// Views of consecutive rows; see `maparray.iter_chunks`.
    #[pyo3(signature = (chunk_bytes=None, *, rows=None, release=false))]
    fn iter_chunks(
        slf: &Bound<'_, Self>,
        chunk_bytes: Option<&Bound<'_, PyAny>>,
        rows: Option<&Bound<'_, PyAny>>,
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
        if !self.array(maparray::MemMapArray::is_writable)? {
            let path = self.array(|array| array.path().map(PathBuf::from))?;
            return Err(error::read_only(py, path.as_deref())?);
        }
        let unit = self.own_unit()?;
        if unit.is_none() && unit::of_operand(value)?.is_none() {
            return Ok(self.whole(py)?.set_item(index, value)?);
        }
        let whole = self.whole(py)?;
        let numbers = unit::numbers(value, unit, &whole.getattr("dtype")?)?;
        Ok(whole.set_item(index, numbers)?)
    }

    fn __len__(&self) -> Answer<usize> {
        let len = self.array(|array| array.shape().first().copied())?;
        Ok(len.ok_or_else(|| PyTypeError::new_err("len() of unsized object"))?)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> Answer<Bound<'py, PyAny>> {
        Ok(self.view(py)?.try_iter()?.into_any())
    }

    fn __contains__(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> Answer<bool> {
        Ok(self.whole(py)?.contains(value)?)
    }

    /// A NumPy array that shares the memory, or a copy if one is asked for or needed.
    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<&Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> Answer<Bound<'py, PyAny>> {
        let whole = self.whole(py)?;
        let same = match dtype {
            Some(dtype) => whole.getattr("dtype")?.eq(dtype)?,
            None => true,
        };
        Ok(match (copy, same) {
            (Some(true), true) => whole.call_method0("copy")?,
            (Some(false), false) => {
                let message = "a copy is needed to change the dtype, and none is allowed";
                return Err(PyValueError::new_err(message).into());
            }
            (_, false) => whole.call_method1("astype", (dtype,))?,
            (_, true) => whole.call_method0("view")?,
        })
    }

    /// Writes changes back to the file; `durable` waits until they are on the disk.
    #[pyo3(signature = (*, durable=true))]
    fn flush(&self, py: Python<'_>, durable: bool) -> Answer<()> {
        let place = self.open(|open| open.place.clone())?;
        let how = if durable {
            Flush::Durable
        } else {
            Flush::Start
        };
        Ok(py.detach(|| {
            let flushed = place.flush(how);
            drop(place);
            flushed
        })?)
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
        let open = lock(&self.open).take();
        match open.map_or(Ok(()), |open| open.let_go(py)) {
            // An exception on its way is the one to report.
            Err(_) if !kind.is_none() => Ok(()),
            closed => closed,
        }
    }
}

pub(crate) fn existing(overwrite: bool) -> Existing {
    if overwrite {
        Existing::Replace
    } else {
        Existing::Refuse
    }
}
