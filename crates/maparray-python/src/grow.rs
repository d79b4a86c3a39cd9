//! How does Python add rows to a file, and items of different lengths to a folder?
//!
//! Knows: the library's array. Must not know: expressions.

use std::sync::{Mutex, MutexGuard, PoisonError};

use maparray::{DType, Existing, Flush, MemMapArray, Mode};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::array::Container;
use crate::dtype;
use crate::error::Answer;
use crate::lease;
use crate::numpy::{from_numpy, lend, path_argument};

fn how(durable: bool) -> Flush {
    if durable {
        Flush::Durable
    } else {
        Flush::Start
    }
}

impl Container {
    /// Changes how many rows there are. Arrays that were lent before keep theirs, and `close` counts
    /// them as uses.
    fn grow<T: Send>(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut MemMapArray) -> maparray::Result<T> + Send,
    ) -> Answer<T> {
        let mut done = None;
        self.alter(py, |place| {
            done = Some(change(place.array_mut()?)?);
            Ok(())
        })?;
        // Dropped while nothing is locked: it may call somebody who comes back here.
        let unused = self.open(|open| {
            open.touched = false;
            open.earlier.extend(open.whole.take());
            let unused = |whole: &mut Py<PyAny>| lease::other_references(whole, py) == 0;
            open.earlier.extract_if(.., unused).collect::<Vec<_>>()
        })?;
        drop(unused);
        done.ok_or_else(|| PyValueError::new_err("array is closed").into())
    }
}

/// Adds arrays of rows to the file of a container, all or none; one without room for them may be
/// written anew if `rewrite` says so.
#[pyfunction]
fn append(
    py: Python<'_>,
    array: &Bound<'_, Container>,
    rows: Vec<Bound<'_, PyAny>>,
    durable: bool,
    rewrite: bool,
) -> Answer<()> {
    let rows: Vec<MemMapArray> = rows.iter().map(from_numpy).collect::<Answer<_>>()?;
    let how = how(durable);
    array.get().grow(py, |array| match rewrite {
        true => array.extend_rewriting(&rows, how),
        false => array.extend(rows, how),
    })
}

/// Gives the file of a container another number of rows.
#[pyfunction]
fn resize_rows(
    py: Python<'_>,
    array: &Bound<'_, Container>,
    rows: usize,
    durable: bool,
) -> Answer<()> {
    let how = how(durable);
    array.get().grow(py, |array| array.resize(rows, how))
}

/// Takes addresses for what the array of a container will grow to.
#[pyfunction]
fn reserve(py: Python<'_>, array: &Bound<'_, Container>, nbytes: usize) -> Answer<()> {
    array.get().grow(py, |array| array.reserve(nbytes))
}

/// Looks at the file of a container again, and says whether it has other rows.
#[pyfunction]
fn refresh(py: Python<'_>, array: &Bound<'_, Container>) -> Answer<bool> {
    // What is as it was leaves the arrays that were lent alone.
    let mut array_now = array.get().share()?;
    if !py
        .detach(|| array_now.refresh().map(|changed| (changed, array_now)))?
        .0
    {
        return Ok(false);
    }
    array.get().grow(py, MemMapArray::refresh)
}

/// Makes the header of a .npy file that was cut short speak of its whole rows: how many these are, how
/// many it claimed, and how many bytes lie behind them.
#[pyfunction]
fn recover(py: Python<'_>, path: &Bound<'_, PyAny>) -> Answer<(usize, usize, u64)> {
    let path = path_argument(path)?;
    let found = py.detach(|| maparray::recover(path))?;
    Ok((found.rows, found.claimed, found.surplus_bytes))
}

/// Items of different lengths, in two .npy files of a folder that grow.
#[pyclass(frozen, module = "maparray")]
struct Ragged {
    /// None if closed. Never locked while Python code could run.
    items: Mutex<Option<maparray::Ragged>>,
}

impl Ragged {
    fn lock(&self) -> MutexGuard<'_, Option<maparray::Ragged>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, ask: impl FnOnce(&mut maparray::Ragged) -> maparray::Result<T>) -> Answer<T> {
        match &mut *self.lock() {
            Some(items) => Ok(ask(items)?),
            None => Err(PyValueError::new_err("folder is closed").into()),
        }
    }

    fn add(&self, py: Python<'_>, items: &[Bound<'_, PyAny>], durable: bool) -> Answer<()> {
        let items: Vec<MemMapArray> = items.iter().map(from_numpy).collect::<Answer<_>>()?;
        py.detach(|| self.with(|files| files.extend(items, how(durable))))
    }

    /// An object as an item: an array as it is, else with the dtype of the values.
    fn item<'py>(&self, item: &Bound<'py, PyAny>) -> Answer<Bound<'py, PyAny>> {
        let py = item.py();
        let numpy = py.import("numpy")?;
        let known =
            item.is_instance(&numpy.getattr("ndarray")?)? || item.is_instance_of::<Container>();
        let dtype = match known {
            true => py.None().into_bound(py),
            false => self.dtype(py)?,
        };
        Ok(numpy.call_method1("asarray", (item, dtype))?)
    }
}

#[pymethods]
impl Ragged {
    /// Add an item: rows of any number.
    #[pyo3(signature = (item, durable=true))]
    fn append(&self, py: Python<'_>, item: &Bound<'_, PyAny>, durable: bool) -> Answer<()> {
        let item = self.item(item)?;
        self.add(py, &[item], durable)
    }

    /// Add items, all of which are there then, or none.
    #[pyo3(signature = (items, durable=true))]
    fn extend(&self, py: Python<'_>, items: &Bound<'_, PyAny>, durable: bool) -> Answer<()> {
        let items = items.try_iter()?;
        let items = items.map(|item| self.item(&item?));
        let items: Vec<Bound<'_, PyAny>> = items.collect::<Answer<_>>()?;
        self.add(py, &items, durable)
    }

    /// Some items, copied one after the other, and the rows at which they begin, with the end of the
    /// last.
    fn gather<'py>(
        &self,
        py: Python<'py>,
        indices: Vec<i64>,
    ) -> Answer<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let (values, offsets) = py.detach(|| self.with(|items| items.gather(&indices)))?;
        let offsets: Vec<i64> = offsets.into_iter().map(|offset| offset as i64).collect();
        let offsets = MemMapArray::from_slice(&offsets);
        Ok((lend(py, &values)?, lend(py, &offsets)?))
    }

    /// Look at the files again, for items that another program has added; whether there are any.
    fn refresh(&self, py: Python<'_>) -> Answer<bool> {
        py.detach(|| self.with(maparray::Ragged::refresh))
    }

    /// Write items back that were added without `durable`, or changed.
    #[pyo3(signature = (*, durable=true))]
    fn flush(&self, py: Python<'_>, durable: bool) -> Answer<()> {
        py.detach(|| self.with(|items| items.flush(how(durable))))
    }

    /// Write changes back and let go of the files; items that were taken before keep them until they
    /// are gone.
    fn close(&self, py: Python<'_>) -> Answer<()> {
        let Some(items) = self.lock().take() else {
            return Ok(());
        };
        Ok(py.detach(|| items.flush(Flush::Durable))?)
    }

    /// Whether `close` was called.
    #[getter]
    fn closed(&self) -> bool {
        self.lock().is_none()
    }

    fn __enter__(slf: Bound<'_, Self>) -> Answer<Bound<'_, Self>> {
        slf.get().with(|_| Ok(()))?;
        Ok(slf)
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        kind: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> Answer<()> {
        match self.close(py) {
            // An exception on its way is the one to report.
            Err(_) if !kind.is_none() => Ok(()),
            closed => closed,
        }
    }

    /// The rows of all items, one after the other; behind the last item there may be more.
    #[getter]
    fn values<'py>(&self, py: Python<'py>) -> Answer<Bound<'py, PyAny>> {
        let values = self.with(|items| Ok(items.values().clone()))?;
        lend(py, &values)
    }

    /// The rows at which items begin, and the end of the last.
    #[getter]
    fn offsets<'py>(&self, py: Python<'py>) -> Answer<Bound<'py, PyAny>> {
        let offsets = self.with(|items| Ok(items.offsets().clone()))?;
        lend(py, &offsets)
    }

    /// The NumPy dtype of the values.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> Answer<Bound<'py, PyAny>> {
        let dtype = self.with(|items| Ok(items.values().dtype().clone()))?;
        Ok(dtype::to_numpy(py, &dtype)?.into_any())
    }

    fn __len__(&self) -> Answer<usize> {
        self.with(|items| Ok(items.len()))
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: i64) -> Answer<Bound<'py, PyAny>> {
        let item = self.with(|items| items.get(index))?;
        lend(py, &item)
    }

    fn __repr__(&self, py: Python<'_>) -> Answer<String> {
        if self.closed() {
            return Ok("<maparray.Ragged, closed>".into());
        }
        let (len, dtype) = (self.__len__()?, self.dtype(py)?);
        Ok(format!("<maparray.Ragged: {len} items of {dtype}>"))
    }
}

/// Items of different lengths, in a folder of two .npy files: ``values.npy`` has their rows, one after
/// the other, ``offsets.npy`` where each begins.
///
/// `mode` is 'r', 'r+', 'w+' (new files, which take the place of old ones) or 'x' (new files, or
/// none). New files need `dtype`; `row` is the shape of a row, () for items of one axis. An item is a
/// NumPy array over the mapped values.
#[pyfunction]
#[pyo3(signature = (path, mode="r", *, dtype=None, row=None))]
fn ragged(
    py: Python<'_>,
    path: &Bound<'_, PyAny>,
    mode: &str,
    dtype: Option<&Bound<'_, PyAny>>,
    row: Option<&Bound<'_, PyAny>>,
) -> Answer<Ragged> {
    let path = path_argument(path)?;
    let modes = [
        ("r", Ok(Mode::Read)),
        ("r+", Ok(Mode::ReadWrite)),
        ("w+", Err(Existing::Replace)),
        ("x", Err(Existing::Refuse)),
    ];
    let items = match (dtype::one_of("mode", mode, modes)?, dtype) {
        (Ok(mode), None) if row.is_none() => py.detach(|| maparray::Ragged::open(path, mode))?,
        (Ok(_), _) => {
            let message = "dtype and row describe new files: expected mode 'w+' or 'x'";
            return Err(PyTypeError::new_err(message).into());
        }
        (Err(_), None) => {
            let message = "new files need a dtype: found None";
            return Err(PyTypeError::new_err(message).into());
        }
        (Err(existing), Some(dtype)) => {
            let dtype: DType = dtype::from_numpy(dtype)?;
            let row = row.map(dtype::new_shape).transpose()?.unwrap_or_default();
            py.detach(|| maparray::Ragged::create(path, &dtype, &row, existing))?
        }
    };
    Ok(Ragged {
        items: Mutex::new(Some(items)),
    })
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Ragged>()?;
    module.add_function(wrap_pyfunction!(append, module)?)?;
    module.add_function(wrap_pyfunction!(resize_rows, module)?)?;
    module.add_function(wrap_pyfunction!(reserve, module)?)?;
    module.add_function(wrap_pyfunction!(refresh, module)?)?;
    module.add_function(wrap_pyfunction!(recover, module)?)?;
    module.add_function(wrap_pyfunction!(ragged, module)?)
}
