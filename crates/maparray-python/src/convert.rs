//! How does Python have files written of other files?
//!
//! Knows: the library's arrays. Must not know: how elements are copied, formats.

use std::path::PathBuf;

use maparray::{Create, Existing, Inflate, Join, Mode, Opened};
use pyo3::prelude::*;

use crate::dtype;
use crate::error::{Answer, interruptible};
use crate::eval::{operand, watched};
use crate::fits::Scaled;
use crate::numpy::{path_argument, path_of};

/// How a new file is made.
fn options(order: Option<&str>, format: Option<&str>, overwrite: bool) -> Answer<Create> {
    let formats = maparray::format::FORMATS.map(|row| (row.name, row.format));
    let format = format.map(|word| dtype::one_of("format", word, formats));
    Ok(Create {
        format: format.transpose()?,
        order: dtype::order(order.unwrap_or("C"))?,
        existing: if overwrite {
            Existing::Replace
        } else {
            Existing::Refuse
        },
        ..Create::default()
    })
}

/// An argument as an array to read; what is compressed is copied if that is allowed.
fn any(py: Python<'_>, value: &Bound<'_, PyAny>, inflate: Option<&Inflate>) -> Answer<Opened> {
    match (path_of(value)?, inflate) {
        (Some(path), Some(how)) => Ok(py.detach(|| Opened::open_inflated(path, Mode::Read, how))?),
        _ => operand(value),
    }
}

/// Write an array as a new file of another dtype, order or format.
///
/// `source` is an array, or the path of one. The end of the name `out` says the format, unless
/// `format` does; 'raw' writes the elements alone. 'out.npz:x', 'out.safetensors:w' and
/// 'out.fits:MASK' name the array, too; without a name it is 'arr_0', in FITS the primary image. To
/// an archive that is there a named array is added in place. Numbers are cast as by NumPy's `astype`.
/// `axes` are the old axes in their new order. The file gets its name when it is whole.
///
/// If `source` is the path of a file of several arrays and `out` of one that can hold them, and
/// nothing is said of their dtype, order or axes, all of them are written, with their names. What is
/// deflated is refused unless `inflate`.
#[pyfunction]
#[pyo3(signature = (
    source, out, *, dtype=None, order=None, axes=None, format=None, overwrite=false, inflate=false,
    threads=None, memory=None
))]
#[expect(clippy::too_many_arguments, reason = "Python's caller names them")]
fn convert(
    py: Python<'_>,
    source: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    dtype: Option<&Bound<'_, PyAny>>,
    order: Option<&str>,
    axes: Option<Vec<i64>>,
    format: Option<&str>,
    overwrite: bool,
    inflate: bool,
    threads: Option<Bound<'_, PyAny>>,
    memory: Option<Bound<'_, PyAny>>,
) -> Answer<()> {
    let inflate = inflate.then(Inflate::default);
    let whole = dtype.is_none() && order.is_none() && axes.is_none();
    if let Some(from) = path_of(source)?.filter(|_| whole) {
        let (to, options) = (path_argument(out)?, options(None, format, overwrite)?);
        let all = || maparray::convert_all(from, to, &options, inflate.as_ref());
        if interruptible(py, all)?.is_some() {
            return Ok(());
        }
    }
    let array = any(py, source, inflate.as_ref())?;
    let array = match axes {
        Some(axes) => array.transpose(Some(&axes))?,
        None => array,
    };
    let path = path_argument(out)?;
    let dtype = dtype.map(dtype::from_numpy).transpose()?;
    let dtype = dtype.unwrap_or_else(|| array.dtype());
    let options = options(order, format, overwrite)?;
    let threads = dtype::count("threads", threads.as_ref())?;
    let memory = dtype::count("memory", memory.as_ref())?;
    watched(py, |watch| {
        let done = array.convert(path, &dtype, &options, |mut eval| {
            if let Some(threads) = threads {
                eval = eval.threads(threads);
            }
            if let Some(memory) = memory {
                eval = eval.memory(memory);
            }
            eval.watch(watch)
        });
        done.map(drop)
    })
}

/// Join arrays behind each other along one of their axes, in memory or, with `out`, in a new file,
/// which is returned open.
///
/// `arrays` are arrays, or paths of some. The dtype is the one that holds the elements of all.
#[pyfunction]
#[pyo3(signature = (arrays, axis=0, *, out=None, overwrite=false, threads=None, memory=None))]
fn concatenate<'py>(
    py: Python<'py>,
    arrays: Vec<Bound<'py, PyAny>>,
    axis: i64,
    out: Option<Bound<'py, PyAny>>,
    overwrite: bool,
    threads: Option<Bound<'py, PyAny>>,
    memory: Option<Bound<'py, PyAny>>,
) -> Answer<Bound<'py, PyAny>> {
    let arrays = arrays.iter().map(operand);
    let arrays = arrays.collect::<Answer<Vec<_>>>()?;
    let threads = dtype::count("threads", threads.as_ref())?;
    let memory = dtype::count("memory", memory.as_ref())?;
    let path: Option<PathBuf> = out.as_ref().map(path_argument).transpose()?;
    let options = options(None, None, overwrite)?;
    let result = watched(py, |watch| {
        let mut join = Join::concatenate(&arrays, axis)?.watch(watch);
        if let Some(threads) = threads {
            join = join.threads(threads);
        }
        if let Some(memory) = memory {
            join = join.memory(memory);
        }
        match &path {
            None => join.run().map(Opened::Plain),
            Some(path) => join.save_opened(path, &options),
        }
    })?;
    Scaled::give(py, result)
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(convert, module)?)?;
    module.add_function(wrap_pyfunction!(concatenate, module)?)
}
