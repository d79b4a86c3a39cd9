//! How does Python combine the arrays of a stack?
//!
//! Knows: the library's stacks. Must not know: how they are computed, formats.

use std::path::PathBuf;

use maparray::{Center, Clip, Combine, Create, Missing, Statistic};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::array::Container;
use crate::dtype;
use crate::error::Answer;
use crate::eval::{operand, watched};
use crate::numpy::path_of;
use crate::unit::{self, Unit};

/// Arrays of one shape above each other; `maparray.Stack` is the class of Python on top of it.
#[pyclass(frozen, subclass, module = "maparray._maparray")]
pub(crate) struct Stack(maparray::Stack);

/// Deviations below and above, the middle that they are counted from, and steps at most.
type Limits<'a> = (f64, f64, &'a str, Option<usize>);

#[pymethods]
impl Stack {
    #[new]
    fn new(py: Python<'_>, arrays: Vec<Bound<'_, PyAny>>) -> Answer<Stack> {
        let paths = arrays.iter().map(path_of).collect::<PyResult<Vec<_>>>()?;
        if let Some(paths) = paths.into_iter().collect::<Option<Vec<PathBuf>>>() {
            return Ok(Stack(py.detach(|| maparray::Stack::open(paths))?));
        }
        let arrays = arrays.iter().map(operand).collect::<Answer<Vec<_>>>()?;
        Ok(Stack(maparray::Stack::of_opened(arrays)?))
    }

    /// Number of arrays, and the shape of each.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.shape())
    }

    /// The NumPy dtype that holds the numbers of all of them.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        dtype::to_numpy(py, &self.0.dtype())
    }

    #[getter]
    fn _unit(&self) -> Option<Unit> {
        self.0.unit().cloned().map(Unit)
    }

    /// One array made of all: see `maparray.Stack`.
    #[pyo3(signature = (statistic, percent, limits, skip, out, threads, memory))]
    #[expect(clippy::too_many_arguments, reason = "Python's class names them")]
    fn combine<'py>(
        &self,
        py: Python<'py>,
        statistic: &str,
        percent: f64,
        limits: Option<Limits<'_>>,
        skip: bool,
        out: Option<PathBuf>,
        threads: Option<Bound<'py, PyAny>>,
        memory: Option<Bound<'py, PyAny>>,
    ) -> Answer<Bound<'py, PyAny>> {
        let threads = dtype::count("threads", threads.as_ref())?;
        let memory = dtype::count("memory", memory.as_ref())?;
        let statistic = dtype::one_of(
            "statistic",
            statistic,
            [
                ("mean", Statistic::Mean),
                ("median", Statistic::Median),
                ("sum", Statistic::Sum),
                ("min", Statistic::Min),
                ("max", Statistic::Max),
                ("std", Statistic::Std),
                ("var", Statistic::Var),
                ("count", Statistic::Count),
                ("percentile", Statistic::Percentile(percent)),
            ],
        )?;
        let clip = limits.map(|(low, high, center, steps)| {
            let center = dtype::one_of(
                "cenfunc",
                center,
                [("median", Center::Median), ("mean", Center::Mean)],
            )?;
            Ok::<_, PyErr>(Clip {
                low,
                high,
                center,
                steps,
            })
        });
        let clip = clip.transpose()?;
        let missing = if skip { Missing::Skip } else { Missing::Spread };
        let array = watched(py, |watch| {
            let mut combine = Combine::new(&self.0, statistic)
                .missing(missing)
                .watch(watch);
            if let Some(clip) = clip {
                combine = combine.clip(clip);
            }
            if let Some(threads) = threads {
                combine = combine.threads(threads);
            }
            if let Some(memory) = memory {
                combine = combine.memory(memory);
            }
            match &out {
                None => combine.run(),
                Some(path) => combine.save_open(path, &Create::default()),
            }
        })?;
        if out.is_some() {
            return Container::give(py, array);
        }
        let unit = array.unit().filter(|unit| !unit.is_unity()).cloned();
        let view = Container::new(py, array)?.call_method0("view")?;
        match unit {
            Some(unit) => unit::part(&view, &unit),
            None => Ok(view),
        }
    }
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Stack>()
}
