//! How does Python take rows, walk chunks, and say what should be in memory?
//!
//! Functions for containers, NumPy arrays (a `memmap` is one) and paths alike; the container's methods
//! of the same names lead here.
//!
//! Knows: the library's array. Must not know: expressions.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use maparray::{Advice, ChunkSize, Indices, MemMapArray, Opened, Select, Unit};
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PySlice, PyTuple};

use crate::array::Container;
use crate::dtype;
use crate::error::{Answer, interruptible};
use crate::eval::{operand, writable};
use crate::fits::Scaled;
use crate::numpy;
use crate::unit;

/// Which rows to take.
enum Rows {
    /// Those at indices of a shape.
    At { values: Vec<i64>, shape: Vec<usize> },
    /// Those where it is true.
    Where(Vec<bool>),
}

/// Integers of any kind and shape.
fn rows(indices: &Bound<'_, PyAny>, axis: usize, len: usize, mode: &str) -> Answer<Rows> {
    static AS_ARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = indices.py();
    let given = dtype::import_once(py, &AS_ARRAY, "numpy", "asarray")?.call1((indices,))?;
    let kind: char = given.getattr("dtype")?.getattr("kind")?.extract()?;
    // An empty list has no dtype of its own.
    let undecided = given.getattr("size")?.extract::<usize>()? == 0 && !indices.hasattr("dtype")?;
    if !matches!(kind, 'i' | 'u' | 'b') && !undecided {
        let found = given.getattr("dtype")?.str()?.to_str()?.to_owned();
        let message = format!("indices: found dtype {found}, expected integers");
        return Err(PyTypeError::new_err(message).into());
    }
    let mode = dtype::one_of("mode", mode, [("raise", 0), ("wrap", 1), ("clip", 2)])?;
    let shape = given.getattr("shape")?.extract()?;
    let last = i64::try_from(len).unwrap_or(i64::MAX).saturating_sub(1);
    let within = |index: i128| match mode {
        1 if len > 0 => index.rem_euclid(len as i128) as i64,
        2 if len > 0 => index.clamp(0, i128::from(last)) as i64,
        _ => i64::try_from(index).unwrap_or(i64::MAX),
    };
    // NumPy does not look for Ctrl-C while it copies.
    py.check_signals()?;
    let native = given.call_method1("astype", (if kind == 'u' { "u8" } else { "i8" },))?;
    py.check_signals()?;
    let native = numpy::from_numpy(&native)?;
    let values = if kind == 'u' {
        let values = interruptible(py, || native.to_vec::<u64>())?;
        // Too great for an index of any axis.
        if let Some(index) = values.iter().find(|&&value| value > i64::MAX as u64)
            && (mode == 0 || len == 0)
        {
            let expected = format!("expected -{len} to {last}");
            let message = format!("index out of bounds: found {index} for axis {axis}, {expected}");
            return Err(PyIndexError::new_err(message).into());
        }
        let values = values.into_iter();
        values.map(|value| within(i128::from(value))).collect()
    } else {
        let mut values = interruptible(py, || native.to_vec::<i64>())?;
        if mode != 0 {
            values
                .iter_mut()
                .for_each(|value| *value = within(i128::from(*value)));
        }
        values
    };
    Ok(Rows::At { values, shape })
}

/// The rows of an array at some indices, as numpy.take gives them.
///
/// `a` is a NumPy array, a memmap, a MemMapArray, a Scaled or the path of a file; the indices are integers
/// of any shape, counted from the back if negative. Rows that are not in memory are asked for ahead.
/// With `out` they go into that array, which is returned, or into a new .npy file of that name, which
/// is returned open. `mode` is 'raise', 'wrap' or 'clip', as NumPy has it.
#[pyfunction]
#[pyo3(signature = (a, indices, axis=0, out=None, *, mode="raise"))]
pub(crate) fn take<'py>(
    py: Python<'py>,
    a: &Bound<'py, PyAny>,
    indices: &Bound<'py, PyAny>,
    axis: i64,
    out: Option<Bound<'py, PyAny>>,
    mode: &str,
) -> Answer<Bound<'py, PyAny>> {
    let source = operand(a)?;
    let place = maparray::layout::resolve_axis(axis, source.ndim())?;
    let rows = rows(indices, place, source.shape()[place], mode)?;
    give(py, &source, &rows, axis, out)
}

/// The rows of an array where a condition is true, as numpy.compress gives them.
#[pyfunction]
#[pyo3(signature = (condition, a, axis=0, out=None))]
pub(crate) fn compress<'py>(
    py: Python<'py>,
    condition: &Bound<'py, PyAny>,
    a: &Bound<'py, PyAny>,
    axis: i64,
    out: Option<Bound<'py, PyAny>>,
) -> Answer<Bound<'py, PyAny>> {
    let condition = py
        .import("numpy")?
        .getattr("asarray")?
        .call1((condition,))?;
    if condition.getattr("ndim")?.extract::<usize>()? != 1 {
        return Err(PyValueError::new_err("condition must be a 1-d array").into());
    }
    let keep = numpy::from_numpy(&condition.call_method1("astype", ("?",))?)?.to_vec::<bool>()?;
    let source = operand(a)?;
    give(py, &source, &Rows::Where(keep), axis, out)
}

/// Takes the rows into what the caller wants them in.
fn give<'py>(
    py: Python<'py>,
    source: &Opened,
    rows: &Rows,
    axis: i64,
    out: Option<Bound<'py, PyAny>>,
) -> Answer<Bound<'py, PyAny>> {
    let into = |target: &mut MemMapArray| match rows {
        Rows::At { values, shape } => {
            source.take_into(Indices::shaped(values, shape)?, axis, target)
        }
        Rows::Where(keep) => source.compress_into(keep, axis, target),
    };
    match out {
        Some(out) => match numpy::path_of(&out)? {
            Some(path) => {
                let result = interruptible(py, || match rows {
                    Rows::At { values, shape } => {
                        source.take_to(Indices::shaped(values, shape)?, axis, &path)
                    }
                    Rows::Where(keep) => source.compress_to(keep, axis, &path),
                })?;
                Scaled::give(py, result)
            }
            None => {
                let mut target = writable(&out)?;
                interruptible(py, || into(&mut target))?;
                Ok(out)
            }
        },
        None => {
            static EMPTY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
            let place = maparray::layout::resolve_axis(axis, source.ndim())?;
            let mut shape = source.shape().to_vec();
            match rows {
                Rows::At { shape: rows, .. } => {
                    shape.splice(place..=place, rows.iter().copied());
                }
                Rows::Where(keep) => shape[place] = keep.iter().filter(|keep| **keep).count(),
            }
            let options = PyDict::new(py);
            options.set_item("dtype", dtype::to_numpy(py, &source.dtype())?)?;
            let empty = dtype::import_once(py, &EMPTY, "numpy", "empty")?;
            let result = empty.call((PyTuple::new(py, &shape)?,), Some(&options))?;
            let mut target = numpy::from_numpy(&result)?.with_unit(source.unit().cloned());
            interruptible(py, || into(&mut target))?;
            // A NumPy scalar, if there are no axes; else the array itself.
            let result = match shape.is_empty() {
                true => result.get_item(PyTuple::empty(py))?,
                false => result,
            };
            match source.unit().filter(|unit| !unit.is_unity()) {
                Some(unit) => unit::part(&result, unit),
                None => Ok(result),
            }
        }
    }
}

/// Consecutive parts of an array along its first axis.
#[pyclass(frozen, module = "maparray._maparray")]
pub(crate) struct Chunks {
    whole: Py<PyAny>,
    /// That of a container; other arrays say it by themselves.
    unit: Option<Unit>,
    /// Which rows each of them is.
    walk: Mutex<Box<dyn ExactSizeIterator<Item = Range<usize>> + Send>>,
}

#[pymethods]
impl Chunks {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut walk = self.walk.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rows) = walk.next() else {
            return Ok(None);
        };
        drop(walk);
        let (start, stop) = (isize::try_from(rows.start)?, isize::try_from(rows.end)?);
        let rows = self.whole.bind(py);
        let rows = rows.get_item(PySlice::new(py, start, stop, 1))?;
        Ok(Some(match &self.unit {
            Some(unit) => unit::part(&rows, unit)?,
            None => rows,
        }))
    }

    fn __length_hint__(&self) -> usize {
        let walk = self.walk.lock().unwrap_or_else(PoisonError::into_inner);
        walk.len()
    }
}

/// Walk an array in consecutive parts along its first axis: views of so many `rows`, or of as many
/// as have at most `chunk_bytes` bytes (16 MiB if nothing is said). They have its unit. Those of a
/// Scaled are copies of the numbers that are meant.
///
/// With `release` the memory of parts that have been walked over is given back to the system, which
/// reads the file again if they are touched once more.
#[pyfunction]
#[pyo3(signature = (a, chunk_bytes=None, *, rows=None, release=false))]
pub(crate) fn iter_chunks(
    a: &Bound<'_, PyAny>,
    chunk_bytes: Option<&Bound<'_, PyAny>>,
    rows: Option<&Bound<'_, PyAny>>,
    release: bool,
) -> Answer<Chunks> {
    let chunk_bytes = dtype::count("chunk_bytes", chunk_bytes)?;
    let rows = dtype::count("rows", rows)?;
    let size = match (chunk_bytes, rows) {
        (Some(_), Some(_)) => {
            let message = "chunk_bytes and rows: found both, expected one of them";
            return Err(PyTypeError::new_err(message).into());
        }
        (_, Some(rows)) => ChunkSize::Rows(rows),
        (bytes, None) => ChunkSize::Bytes(bytes.unwrap_or(16 << 20)),
    };
    let (array, whole) = both(a)?;
    let array = match array {
        Opened::Plain(array) => array,
        Opened::Scaled(scaled) => {
            let walk = scaled.iter_chunks(size)?;
            let walk = if release { walk.releasing() } else { walk };
            return Ok(Chunks {
                whole: whole.unbind(),
                // Its parts have it.
                unit: None,
                walk: Mutex::new(Box::new(walk.map(|(rows, _)| rows))),
            });
        }
    };
    let walk = array.iter_chunks(size)?;
    let walk = if release { walk.releasing() } else { walk };
    let named = whole.hasattr("unit")?;
    let unit = array.unit().filter(|unit| !named && !unit.is_unity());
    Ok(Chunks {
        whole: whole.unbind(),
        unit: unit.cloned(),
        walk: Mutex::new(Box::new(walk.map(|(rows, _)| rows))),
    })
}

/// An argument as the library's array and as a NumPy array that is sliced into views.
fn both<'py>(a: &Bound<'py, PyAny>) -> Answer<(Opened, Bound<'py, PyAny>)> {
    let py = a.py();
    if let Ok(container) = a.cast::<Container>() {
        return Ok((container.get().share()?.into(), container.get().whole(py)?));
    }
    if a.is_instance_of::<Scaled>() {
        return Ok((operand(a)?, a.clone()));
    }
    if numpy::path_of(a)?.is_some() {
        return Ok(match operand(a)? {
            Opened::Plain(array) => {
                let container = Container::new(py, array)?;
                let whole = container.get().whole(py)?;
                (container.get().share()?.into(), whole)
            }
            scaled => (scaled.clone(), Scaled::give(py, scaled)?),
        });
    }
    let whole = py.import("numpy")?.getattr("asanyarray")?.call1((a,))?;
    Ok((numpy::from_numpy(&whole)?.into(), whole))
}

/// An argument as the array whose bytes it reads.
fn stored(a: &Bound<'_, PyAny>) -> Answer<MemMapArray> {
    Ok(match operand(a)? {
        Opened::Plain(array) => array,
        Opened::Scaled(scaled) => scaled.raw().clone(),
    })
}

/// Tell the kernel how an array will be read: 'normal', 'sequential', 'random' or 'willneed'.
#[pyfunction]
pub(crate) fn advise(py: Python<'_>, a: &Bound<'_, PyAny>, advice: &str) -> Answer<()> {
    let words = [
        ("normal", Advice::Normal),
        ("sequential", Advice::Sequential),
        ("random", Advice::Random),
        ("willneed", Advice::WillNeed),
    ];
    let advice = dtype::one_of("advice", advice, words)?;
    let array = stored(a)?;
    Ok(py.detach(|| array.advise(advice))?)
}

/// Ask for rows `start` to `stop` of an array, or all of it, to be read in from the disk; returns when
/// the system has taken the requests.
#[pyfunction]
#[pyo3(signature = (a, start=None, stop=None))]
pub(crate) fn prefetch(
    py: Python<'_>,
    a: &Bound<'_, PyAny>,
    start: Option<i64>,
    stop: Option<i64>,
) -> Answer<()> {
    let array = stored(a)?;
    let part = match (start, stop) {
        (None, None) => array,
        _ => array.select(&[Select::Range {
            start,
            stop,
            step: 1,
        }])?,
    };
    Ok(py.detach(|| part.prefetch())?)
}

/// Give the memory behind an array's elements back to the system, which reads the file again when they
/// are touched. Does nothing in memory and in mode 'c', whose pages are the only copy.
#[pyfunction]
pub(crate) fn release(py: Python<'_>, a: &Bound<'_, PyAny>) -> Answer<()> {
    let array = stored(a)?;
    Ok(py.detach(|| array.release())?)
}

/// How many bytes from the first to the last element of an array are in memory.
#[pyfunction]
pub(crate) fn resident(py: Python<'_>, a: &Bound<'_, PyAny>) -> Answer<usize> {
    let array = stored(a)?;
    Ok(py.detach(|| array.resident())?)
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Chunks>()?;
    module.add_function(wrap_pyfunction!(take, module)?)?;
    module.add_function(wrap_pyfunction!(compress, module)?)?;
    module.add_function(wrap_pyfunction!(iter_chunks, module)?)?;
    module.add_function(wrap_pyfunction!(advise, module)?)?;
    module.add_function(wrap_pyfunction!(prefetch, module)?)?;
    module.add_function(wrap_pyfunction!(release, module)?)?;
    module.add_function(wrap_pyfunction!(resident, module)?)
}
