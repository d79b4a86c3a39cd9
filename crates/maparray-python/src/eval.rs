//! How does Python have an expression computed?
//!
//! Arguments become arrays of the library, or numbers inside the expression; the interpreter is free
//! while the library works, and is asked now and then whether Ctrl-C was pressed.
//!
//! Knows: the library's expressions. Must not know: how they are computed.

use std::collections::HashMap;
use std::path::PathBuf;

use maparray::expr::{Literal, Node, Reduce};
use maparray::ops::{Op, Reduction};
use maparray::{Accuracy, Eval, Expr, Flow, MemMapArray, Mode, Opened, Order, Progress, Unit};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyComplex, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::array::Container;
use crate::dtype;
use crate::error::{self, Answer};
use crate::fits::Scaled;
use crate::numpy;
use crate::unit;

/// Compute an expression over arrays.
///
/// Each name of the expression is a keyword: a NumPy array or what converts to one, a memmap, a
/// MemMapArray, the path of a .npy file, or a number, which adapts to the arrays it meets. (The names
/// `out`, `threads`, `memory` and `strict` are taken.)
///
/// The result is a new NumPy array, or a NumPy scalar if it has no axes; with a unit it is a
/// MemMapArray, or a Quantity of astropy. With `out` it goes into
/// that array, which is returned, or into a new .npy file of that name, which is returned open.
///
/// Elementary functions are at most 2 units in the last place off; if `strict`, they are those of the
/// C library, and slower.
#[pyfunction]
#[pyo3(signature = (expr, /, *, out=None, threads=None, memory=None, strict=false, **arrays))]
fn eval<'py>(
    py: Python<'py>,
    expr: String,
    out: Option<Bound<'py, PyAny>>,
    threads: Option<Bound<'py, PyAny>>,
    memory: Option<Bound<'py, PyAny>>,
    strict: bool,
    arrays: Option<&Bound<'py, PyDict>>,
) -> Answer<Bound<'py, PyAny>> {
    let job = Job::new(py, &[expr], (threads, memory, strict), arrays)?;
    match out {
        Some(out) => match numpy::path_of(&out)? {
            Some(path) => {
                let result = job.run(py, |eval| eval.save_opened(&path))?;
                Scaled::give(py, result)
            }
            None => {
                let mut target = writable(&out)?;
                job.run(py, |eval| eval.write(&mut target))?;
                Ok(out)
            }
        },
        None if !job.exprs.iter().all(Expr::has_known_shape) => {
            let values = job.run(py, |eval| eval.run())?;
            let value = Job {
                exprs: vec![Expr::array("values")],
                arrays: vec![("values".into(), values.into())],
                ..job
            };
            value.into_new(py)
        }
        None => job.into_new(py),
    }
}

/// As `eval` with `out`, a MemMapArray that takes over the unit of the result; what cannot be
/// computed leaves it its own.
#[pyfunction]
#[pyo3(signature = (expr, out, /, **arrays))]
fn update<'py>(
    py: Python<'py>,
    expr: String,
    out: Bound<'py, Container>,
    arrays: Option<&Bound<'py, PyDict>>,
) -> Answer<Bound<'py, Container>> {
    let job = Job::new(py, &[expr], (None, None, false), arrays)?;
    let container = out.get();
    let (old, new) = (container.own_unit()?, job.eval().unit()?);
    let mut target = container.share()?.with_unit(new.clone());
    let changed = old != new;
    if changed {
        container.alter(py, |place| place.set_unit(new))?;
    }
    let done = job.run(py, |eval| eval.write(&mut target));
    if changed && done.is_err() {
        container.alter(py, |place| place.set_unit(old))?;
    }
    done?;
    Ok(out)
}

/// Compute several expressions over the same arrays together.
///
/// What they have in common is computed once, and an array that several of them reduce is read once:
/// `eval_many(["min(a)", "max(a)"], a=a)` is one sweep over `a`. The results come as a list, as those
/// of `eval`. With `out`, a list of as many paths, each goes into a new .npy file.
#[pyfunction]
#[pyo3(signature = (exprs, /, *, out=None, threads=None, memory=None, strict=false, **arrays))]
fn eval_many<'py>(
    py: Python<'py>,
    exprs: &Bound<'py, PyAny>,
    out: Option<Vec<Bound<'py, PyAny>>>,
    threads: Option<Bound<'py, PyAny>>,
    memory: Option<Bound<'py, PyAny>>,
    strict: bool,
    arrays: Option<&Bound<'py, PyDict>>,
) -> Answer<Bound<'py, PyList>> {
    let texts = exprs.extract::<Vec<String>>().map_err(|_| {
        let found = exprs.get_type();
        PyTypeError::new_err(format!(
            "exprs: found {found}, expected a list of expressions"
        ))
    })?;
    let job = Job::new(py, &texts, (threads, memory, strict), arrays)?;
    let results = PyList::empty(py);
    if let Some(out) = out {
        let paths: PyResult<Vec<Option<PathBuf>>> = out.iter().map(numpy::path_of).collect();
        let Some(paths) = paths?.into_iter().collect::<Option<Vec<PathBuf>>>() else {
            let message = "out: found something else, expected a list of paths";
            return Err(PyTypeError::new_err(message).into());
        };
        for array in job.run(py, |eval| eval.save_opened_all(&paths))? {
            results.append(Scaled::give(py, array)?)?;
        }
        return Ok(results);
    }
    for array in job.run(py, |eval| eval.run_all())? {
        let whole = PyTuple::empty(py);
        let scalar = array.ndim() == 0;
        let unit = array.unit().filter(|unit| !unit.is_unity()).cloned();
        let container = Container::new(py, array)?;
        let view = container.call_method0("view")?;
        let result = if scalar { view.get_item(whole)? } else { view };
        results.append(match unit {
            Some(unit) => unit::part(&result, &unit)?,
            None => result,
        })?;
    }
    Ok(results)
}

/// Tell what computing an expression will do, without reading an element: the sweeps over arrays with
/// their steps and dtypes, blocks, threads, bytes to read and to write, and about how long it takes.
#[pyfunction]
#[pyo3(signature = (expr, /, *, threads=None, memory=None, strict=false, **arrays))]
fn explain(
    py: Python<'_>,
    expr: String,
    threads: Option<Bound<'_, PyAny>>,
    memory: Option<Bound<'_, PyAny>>,
    strict: bool,
    arrays: Option<&Bound<'_, PyDict>>,
) -> Answer<String> {
    let job = Job::new(py, &[expr], (threads, memory, strict), arrays)?;
    Ok(job.eval().explain()?.to_string())
}

/// Runs with the interpreter free; an exception of a signal handler ends it and is raised.
pub(crate) fn watched<T: Send>(
    py: Python<'_>,
    work: impl FnOnce(&mut dyn FnMut(Progress) -> Flow) -> maparray::Result<T> + Send,
) -> Answer<T> {
    let mut signal = None;
    let done = py.detach(|| {
        work(&mut |_| match Python::attach(|py| py.check_signals()) {
            Ok(()) => Flow::Continue,
            Err(raised) => {
                signal = Some(raised);
                Flow::Stop
            }
        })
    });
    match signal {
        Some(raised) => Err(raised.into()),
        None => Ok(done?),
    }
}

/// A number that may be left out.
type Number<'py> = Option<Bound<'py, PyAny>>;

/// Expressions with their arrays.
struct Job {
    exprs: Vec<Expr>,
    arrays: Vec<(String, Opened)>,
    threads: Option<usize>,
    memory: Option<usize>,
    accuracy: Accuracy,
}

impl Job {
    fn new(
        py: Python<'_>,
        exprs: &[String],
        (threads, memory, strict): (Number<'_>, Number<'_>, bool),
        arrays: Option<&Bound<'_, PyDict>>,
    ) -> Answer<Job> {
        let threads = dtype::count("threads", threads.as_ref())?;
        let memory = dtype::count("memory", memory.as_ref())?;
        let (numbers, arrays) = arguments(arrays)?;
        let exprs: Result<Vec<Expr>, maparray::Error> =
            exprs.iter().map(|expr| Expr::parse(expr)).collect();
        let exprs = exprs?;
        let names: Vec<String> = exprs.iter().flat_map(Expr::names).collect();
        let unused = numbers.keys().find(|name| !names.contains(name));
        let job = Job {
            exprs: insert(exprs, &numbers),
            arrays,
            threads,
            memory,
            accuracy: match strict {
                true => Accuracy::Strict,
                false => Accuracy::Fast,
            },
        };
        if let Some(name) = unused {
            // Where a name is unknown too, that is the better news.
            job.eval().describe()?;
            return Err(error::unused(py, name)?);
        }
        Ok(job)
    }

    fn eval(&self) -> Eval<'_> {
        let mut eval = Eval::many(self.exprs.iter().cloned()).accuracy(self.accuracy);
        for (name, array) in &self.arrays {
            eval = eval.opened(name, array);
        }
        if let Some(threads) = self.threads {
            eval = eval.threads(threads);
        }
        if let Some(memory) = self.memory {
            eval = eval.memory(memory);
        }
        eval
    }

    /// The unit of the result, if it has one that is more than a plain number.
    fn unit(&self) -> Answer<Option<Unit>> {
        match self.arrays.iter().any(|(_, array)| array.unit().is_some()) {
            true => Ok(self.eval().unit()?.filter(|unit| !unit.is_unity())),
            false => Ok(None),
        }
    }

    /// Computes into a new NumPy array, or a MemMapArray if there is a unit.
    fn into_new<'py>(self, py: Python<'py>) -> Answer<Bound<'py, PyAny>> {
        static EMPTY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        static ROOM: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let (dtype, shape) = self.eval().describe()?;
        if let Some(unit) = self.unit()? {
            let order = dtype::order_letter(self.order(&shape));
            let room = dtype::import_once(py, &ROOM, "maparray._container", "_make_room")?;
            let kind = dtype::to_numpy(py, &dtype)?;
            let result = room.call1((PyTuple::new(py, &shape)?, kind, order))?;
            let mut target = readable(&result)?.with_unit(unit.clone());
            self.run(py, |eval| eval.write(&mut target))?;
            drop(target);
            return match shape.len() {
                0 => unit::part(&result.get_item(PyTuple::empty(py))?, &unit),
                _ => {
                    result.call_method1("set_unit", (unit::Unit(unit),))?;
                    Ok(result)
                }
            };
        }
        let options = PyDict::new(py);
        options.set_item("dtype", dtype::to_numpy(py, &dtype)?)?;
        options.set_item("order", dtype::order_letter(self.order(&shape)))?;
        let shape = PyTuple::new(py, shape)?;
        let result =
            dtype::import_once(py, &EMPTY, "numpy", "empty")?.call((shape,), Some(&options))?;
        let mut target = numpy::from_numpy(&result)?;
        self.run(py, |eval| eval.write(&mut target))?;
        // A NumPy scalar, if there are no axes; else the array itself.
        match target.ndim() {
            0 => Ok(result.get_item(PyTuple::empty(py))?),
            _ => Ok(result),
        }
    }

    /// Runs with the interpreter free; an exception of a signal handler ends it and is raised.
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        finish: impl FnOnce(Eval<'_>) -> maparray::Result<T> + Send,
    ) -> Answer<T> {
        watched(py, |watch| finish(self.eval().watch(watch)))
    }

    /// The order of the result: F where every array of its shape has that order, as NumPy does.
    fn order(&self, shape: &[usize]) -> Order {
        let mut alike = self
            .arrays
            .iter()
            .filter(|(_, array)| array.shape() == shape)
            .peekable();
        let all = alike.peek().is_some() && alike.all(|(_, array)| array.raw().order() == Order::F);
        if all { Order::F } else { Order::C }
    }
}

/// Numbers by name, and arrays by name.
type Arguments = (HashMap<String, Node>, Vec<(String, Opened)>);

fn arguments(given: Option<&Bound<'_, PyDict>>) -> Answer<Arguments> {
    let (mut numbers, mut arrays) = (HashMap::new(), Vec::new());
    for (name, value) in given.into_iter().flatten() {
        let name: String = name.extract()?;
        match literal(&value)? {
            Some(number) => {
                numbers.insert(name, Node::Literal(number));
            }
            None => arrays.push((name, value.clone(), operand(&value)?)),
        }
    }
    // Beside units a number counts that is known now: as an exponent, or as the zero that goes with
    // every unit. Its dtype stays what it is.
    if arrays.iter().any(|(_, _, array)| array.unit().is_some()) {
        let known = arrays
            .iter()
            .map(|(_, value, array)| constant(value, array))
            .collect::<Answer<Vec<_>>>()?;
        // Of nothing but numbers, the first one with a unit says what the result is in.
        let first = match known.iter().all(Option::is_some) {
            true => arrays
                .iter()
                .position(|(_, _, array)| array.unit().is_some()),
            false => None,
        };
        let mut rest = Vec::new();
        for (at, (array, known)) in arrays.into_iter().zip(known).enumerate() {
            match known.filter(|_| first != Some(at)) {
                Some(number) => {
                    numbers.insert(array.0, number);
                }
                None => rest.push(array),
            }
        }
        arrays = rest;
    }
    let arrays = arrays.into_iter().map(|(name, _, array)| (name, array));
    Ok((numbers, arrays.collect()))
}

/// A plain number without axes, with its dtype.
fn constant(value: &Bound<'_, PyAny>, array: &Opened) -> Answer<Option<Node>> {
    let Opened::Plain(array) = array else {
        return Ok(None);
    };
    let plain = array.unit().is_none_or(Unit::is_unity);
    let kind = array
        .dtype()
        .scalar()
        .filter(|_| array.ndim() == 0 && plain);
    let Some(kind) = kind.filter(|_| value.hasattr("dtype").unwrap_or(false)) else {
        return Ok(None);
    };
    let array = numpy::lend(value.py(), array)?;
    let number = literal(&array.call_method0("item")?)?;
    Ok(number.map(|number| Node::Cast(kind, Expr::new(Node::Literal(number)))))
}

/// A number of Python's own. NumPy's are arrays without axes: their dtype counts.
fn literal(value: &Bound<'_, PyAny>) -> PyResult<Option<Literal>> {
    Ok(Some(if value.is_exact_instance_of::<PyBool>() {
        Literal::Bool(value.extract()?)
    } else if value.is_exact_instance_of::<PyInt>() {
        let too_big = |_| PyOverflowError::new_err("integer of more than 128 bits");
        Literal::Int(value.str()?.to_str()?.parse().map_err(too_big)?)
    } else if value.is_exact_instance_of::<PyFloat>() {
        Literal::Float(value.extract()?)
    } else if let Ok(number) = value.cast_exact::<PyComplex>() {
        Literal::Complex(number.real(), number.imag())
    } else {
        return Ok(None);
    }))
}

/// The expressions with numbers in the place of their names.
fn insert(exprs: Vec<Expr>, numbers: &HashMap<String, Node>) -> Vec<Expr> {
    if numbers.is_empty() {
        return exprs;
    }
    exprs.iter().map(|expr| replaced(expr, numbers)).collect()
}

fn replaced(expr: &Expr, numbers: &HashMap<String, Node>) -> Expr {
    Expr::new(match expr.node() {
        Node::Name { name, .. } => match numbers.get(name) {
            Some(number) => number.clone(),
            None => return expr.clone(),
        },
        Node::Apply(op, parts) => Node::Apply(
            *op,
            parts.iter().map(|part| replaced(part, numbers)).collect(),
        ),
        Node::Cast(scalar, of) => Node::Cast(*scalar, replaced(of, numbers)),
        Node::Reduce(reduce) => Node::Reduce(Reduce {
            of: replaced(&reduce.of, numbers),
            mask: reduce.mask.as_ref().map(|mask| replaced(mask, numbers)),
            initial: reduce
                .initial
                .as_ref()
                .map(|number| replaced(number, numbers)),
            ..reduce.clone()
        }),
        Node::Whole {
            function,
            operands,
            parameters,
        } => Node::Whole {
            function: *function,
            operands: operands
                .iter()
                .map(|part| replaced(part, numbers))
                .collect(),
            parameters: parameters.clone(),
        },
        Node::Literal(_) | Node::Index(_) => return expr.clone(),
    })
}

/// An argument as an array to read, be its numbers stored as they are or scaled.
pub(crate) fn operand(value: &Bound<'_, PyAny>) -> Answer<Opened> {
    if let Ok(scaled) = value.cast::<Scaled>() {
        return Ok(Opened::Scaled(scaled.get().scaled()?));
    }
    if let Some(path) = numpy::path_of(value)? {
        return Ok(value.py().detach(|| Opened::open(path, Mode::Read))?);
    }
    readable(value).map(Opened::Plain)
}

/// An argument as an array to read.
pub(crate) fn readable(value: &Bound<'_, PyAny>) -> Answer<MemMapArray> {
    if let Ok(container) = value.cast::<Container>() {
        return container.get().share();
    }
    if let Some(path) = numpy::path_of(value)? {
        return Ok(value.py().detach(|| MemMapArray::open(path, Mode::Read))?);
    }
    numpy::from_numpy(value)
}

/// An argument as an array to write.
pub(crate) fn writable(value: &Bound<'_, PyAny>) -> Answer<MemMapArray> {
    static NDARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if let Ok(container) = value.cast::<Container>() {
        return container.get().share();
    }
    if value.is_instance(dtype::import_once(
        value.py(),
        &NDARRAY,
        "numpy",
        "ndarray",
    )?)? {
        // Its memory may be writable for others.
        if !value.getattr("flags")?.getattr("writeable")?.extract()? {
            return Err(error::read_only(value.py(), None)?);
        }
        return numpy::from_numpy(value);
    }
    let class = value.get_type().name()?;
    let message = format!("out: found {class}, expected a path, a numpy.ndarray or a MemMapArray");
    Err(PyTypeError::new_err(message).into())
}

/// The operations: for each its name, its other names, the sign in expressions, and how many
/// operands it takes.
fn operations(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
    PyTuple::new(
        py,
        Op::ALL
            .iter()
            .map(|op| (op.name(), op.aliases().to_vec(), op.sign(), op.arity())),
    )
}

/// The dtype that two dtypes are promoted to, as numpy.result_type says it.
#[pyfunction]
fn promote_types<'py>(
    left: &Bound<'py, PyAny>,
    right: &Bound<'py, PyAny>,
) -> Answer<Bound<'py, PyAny>> {
    let common = maparray::dtype::promote(&dtype::from_numpy(left)?, &dtype::from_numpy(right)?)?;
    Ok(dtype::to_numpy(left.py(), &common)?)
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("OPERATIONS", operations(py)?)?;
    let reductions = Reduction::ALL.iter().map(|reduction| reduction.name());
    module.add(
        "REDUCTIONS",
        PyTuple::new(py, reductions.map(|name| PyString::new(py, name)))?,
    )?;
    module.add_function(wrap_pyfunction!(eval, module)?)?;
    module.add_function(wrap_pyfunction!(update, module)?)?;
    module.add_function(wrap_pyfunction!(eval_many, module)?)?;
    module.add_function(wrap_pyfunction!(explain, module)?)?;
    module.add_function(wrap_pyfunction!(promote_types, module)?)
}
