//! How do programs of Python agree on a number in an array that they share?
//!
//! Knows: the library's array. Must not know: files, expressions.

use std::time::Duration;

use maparray::{Integer, MemMapArray, Scalar};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::array::Container;
use crate::error::Answer;
use crate::eval::writable;

/// What is done to the number.
enum Change<'a, 'py> {
    Load,
    Swap(&'a Bound<'py, PyAny>),
    Add(&'a Bound<'py, PyAny>),
    Exchange(&'a Bound<'py, PyAny>, &'a Bound<'py, PyAny>),
    Wait(&'a Bound<'py, PyAny>, Duration),
}

/// The index as the library counts: one number for each axis.
fn place(index: &Bound<'_, PyAny>) -> PyResult<Vec<i64>> {
    match index.extract::<i64>() {
        Ok(one) => Ok(vec![one]),
        Err(_) => index.extract(),
    }
}

fn change<'py>(
    array: &Bound<'py, PyAny>,
    index: &Bound<'py, PyAny>,
    change: &Change<'_, 'py>,
) -> Answer<Bound<'py, PyAny>> {
    fn done<'py, T>(
        py: Python<'py>,
        mut array: MemMapArray,
        index: &[i64],
        change: &Change<'_, 'py>,
    ) -> Answer<Bound<'py, PyAny>>
    where
        T: Integer + for<'a> FromPyObject<'a, 'py> + IntoPyObject<'py>,
    {
        let number = |value: &Bound<'py, PyAny>| value.extract::<T>().map_err(Into::<PyErr>::into);
        let found = match change {
            Change::Load => array.atomic_load::<T>(index)?,
            Change::Swap(new) => array.swap(index, number(new)?)?,
            Change::Add(by) => array.fetch_add(index, number(by)?)?,
            Change::Exchange(current, new) => {
                array.compare_exchange(index, number(current)?, number(new)?)?
            }
            Change::Wait(seen, timeout) => wait(py, &array, index, number(seen)?, *timeout)?,
        };
        found.into_bound_py_any(py).map_err(Into::into)
    }
    let py = array.py();
    let index = place(index)?;
    let array = match array.cast::<Container>() {
        Ok(container) => container.get().share()?,
        Err(_) => writable(array)?,
    };
    match array.dtype().scalar() {
        Some(Scalar::I8) => done::<i8>(py, array, &index, change),
        Some(Scalar::U8) => done::<u8>(py, array, &index, change),
        Some(Scalar::I16) => done::<i16>(py, array, &index, change),
        Some(Scalar::U16) => done::<u16>(py, array, &index, change),
        Some(Scalar::I32) => done::<i32>(py, array, &index, change),
        Some(Scalar::U32) => done::<u32>(py, array, &index, change),
        Some(Scalar::I64) => done::<i64>(py, array, &index, change),
        Some(Scalar::U64) => done::<u64>(py, array, &index, change),
        _ => {
            let message = format!("dtype: found {}, expected integers", array.dtype());
            Err(PyTypeError::new_err(message).into())
        }
    }
}

/// Waits in pieces, so that Ctrl-C is heard.
fn wait<T: Integer>(
    py: Python<'_>,
    array: &MemMapArray,
    index: &[i64],
    seen: T,
    timeout: Duration,
) -> Answer<T> {
    const PIECE: Duration = Duration::from_millis(100);
    let mut left = timeout;
    loop {
        let piece = left.min(PIECE);
        let found = py.detach(|| array.wait(index, seen, piece))?;
        left -= piece;
        if found != seen || left.is_zero() {
            return Ok(found);
        }
        py.check_signals()?;
    }
}

/// Reads an integer as a whole, whatever other programs do to it.
#[pyfunction]
fn atomic_load<'py>(
    array: &Bound<'py, PyAny>,
    index: &Bound<'py, PyAny>,
) -> Answer<Bound<'py, PyAny>> {
    change(array, index, &Change::Load)
}

/// Puts an integer in the place of another, in one step; what was there before.
#[pyfunction]
fn atomic_swap<'py>(
    array: &Bound<'py, PyAny>,
    index: &Bound<'py, PyAny>,
    new: &Bound<'py, PyAny>,
) -> Answer<Bound<'py, PyAny>> {
    change(array, index, &Change::Swap(new))
}

/// Adds to an integer, wrapping around, in one step; what was there before.
#[pyfunction]
fn atomic_add<'py>(
    array: &Bound<'py, PyAny>,
    index: &Bound<'py, PyAny>,
    by: &Bound<'py, PyAny>,
) -> Answer<Bound<'py, PyAny>> {
    change(array, index, &Change::Add(by))
}

/// Puts `new` in the place of `current` if that is what is there, in one step; what was there.
#[pyfunction]
fn compare_exchange<'py>(
    array: &Bound<'py, PyAny>,
    index: &Bound<'py, PyAny>,
    current: &Bound<'py, PyAny>,
    new: &Bound<'py, PyAny>,
) -> Answer<Bound<'py, PyAny>> {
    change(array, index, &Change::Exchange(current, new))
}

/// Waits until an integer is another than `seen`, at most `timeout` seconds; the integer then.
#[pyfunction]
#[pyo3(name = "wait", signature = (array, index, seen, timeout=None))]
fn wait_for<'py>(
    array: &Bound<'py, PyAny>,
    index: &Bound<'py, PyAny>,
    seen: &Bound<'py, PyAny>,
    timeout: Option<f64>,
) -> Answer<Bound<'py, PyAny>> {
    let timeout = match timeout {
        None => Duration::MAX,
        Some(seconds) if seconds >= 0.0 => {
            Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
        }
        Some(seconds) => {
            let message = format!("timeout: found {seconds}, expected seconds, 0 or more");
            return Err(PyValueError::new_err(message).into());
        }
    };
    change(array, index, &Change::Wait(seen, timeout))
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(atomic_load, module)?)?;
    module.add_function(wrap_pyfunction!(atomic_swap, module)?)?;
    module.add_function(wrap_pyfunction!(atomic_add, module)?)?;
    module.add_function(wrap_pyfunction!(compare_exchange, module)?)?;
    module.add_function(wrap_pyfunction!(wait_for, module)?)
}
