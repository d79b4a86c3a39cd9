//! How does Python have an expression computed?
//!
//! Arguments become arrays of the library, or numbers inside the expression; the interpreter is free
//! while the library works, and is asked now and then whether Ctrl-C was pressed.
//!
//! Knows: the library's expressions. Must not know: how they are computed.

use std::collections::HashMap;

use maparray::expr::{Literal, Node, Reduce};
use maparray::ops::{Op, Reduction};
use maparray::{Eval, Expr, Flow, MemMapArray, Mode, Order};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyComplex, PyDict, PyFloat, PyInt, PyString, PyTuple};

use crate::array::{self, MemMapArray as Container};
use crate::dtype;
use crate::error::{self, Answer};

/// Compute an expression over arrays.
///
/// Each name of the expression is a keyword: a NumPy array or what converts to one, a memmap, a
/// MemMapArray, the path of a .npy file, or a number, which adapts to the arrays it meets. (The names
/// `out`, `threads` and `memory` are taken.)
///
/// The result is a new NumPy array, or a NumPy scalar if it has no axes. With `out` it goes into
/// that array, which is returned, or into a new .npy file of that name, which is returned open.
#[pyfunction]
#[pyo3(signature = (expr, /, *, out=None, threads=None, memory=None, **arrays))]
fn eval<'py>(
    py: Python<'py>,
    expr: &str,
    out: Option<Bound<'py, PyAny>>,
    threads: Option<usize>,
    memory: Option<usize>,
    arrays: Option<&Bound<'py, PyDict>>,
) -> Answer<Bound<'py, PyAny>> {
    let (numbers, arrays) = arguments(arrays)?;
    let expr = Expr::parse(expr)?;
    let job = Job {
        expr: insert(py, &expr, &numbers)?,
        arrays,
        threads,
        memory,
    };
    match out {
        Some(out) => match array::path_of(&out)? {
            Some(path) => {
                job.run(py, |eval| eval.save(&path))?;
                let result = py.detach(|| MemMapArray::open(&path, Mode::Read))?;
                Ok(Bound::new(py, Container::new(py, result)?)?.into_any())
            }
            None => {
                let mut target = writable(&out)?;
                job.run(py, |eval| eval.write(&mut target))?;
                Ok(out)
            }
        },
        None => {
            static EMPTY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
            let (dtype, shape) = job.eval().describe()?;
            let options = PyDict::new(py);
            options.set_item("dtype", dtype::to_numpy(py, &dtype)?)?;
            options.set_item("order", dtype::order_letter(job.order(&shape)))?;
            let shape = PyTuple::new(py, shape)?;
            let result =
                dtype::import_once(py, &EMPTY, "numpy", "empty")?.call((shape,), Some(&options))?;
            let mut target = array::from_numpy(&result)?;
            job.run(py, |eval| eval.write(&mut target))?;
            // A NumPy scalar, if there are no axes; else the array itself.
            match target.ndim() {
                0 => Ok(result.get_item(PyTuple::empty(py))?),
                _ => Ok(result),
            }
        }
    }
}

/// An expression with its arrays.
struct Job {
    expr: Expr,
    arrays: Vec<(String, MemMapArray)>,
    threads: Option<usize>,
    memory: Option<usize>,
}

impl Job {
    fn eval(&self) -> Eval<'_> {
        let mut eval = Eval::new(self.expr.clone());
        for (name, array) in &self.arrays {
            eval = eval.array(name, array);
        }
        if let Some(threads) = self.threads {
            eval = eval.threads(threads);
        }
        if let Some(memory) = self.memory {
            eval = eval.memory(memory);
        }
        eval
    }

    /// Runs with the interpreter free; an exception of a signal handler ends it and is raised.
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        finish: impl FnOnce(Eval<'_>) -> maparray::Result<T> + Send,
    ) -> Answer<T> {
        let mut signal = None;
        let done = py.detach(|| {
            let watched = self
                .eval()
                .watch(|_| match Python::attach(|py| py.check_signals()) {
                    Ok(()) => Flow::Continue,
                    Err(raised) => {
                        signal = Some(raised);
                        Flow::Stop
                    }
                });
            finish(watched)
        });
        match signal {
            Some(raised) => Err(raised.into()),
            None => Ok(done?),
        }
    }

    /// The order of the result: F where every array of its shape has that order, as NumPy does.
    fn order(&self, shape: &[usize]) -> Order {
        let mut alike = self
            .arrays
            .iter()
            .filter(|(_, array)| array.shape() == shape)
            .peekable();
        let all = alike.peek().is_some() && alike.all(|(_, array)| array.order() == Order::F);
        if all { Order::F } else { Order::C }
    }
}

/// Numbers by name, and arrays by name.
type Arguments = (HashMap<String, Literal>, Vec<(String, MemMapArray)>);

fn arguments(given: Option<&Bound<'_, PyDict>>) -> Answer<Arguments> {
    let (mut numbers, mut arrays) = (HashMap::new(), Vec::new());
    for (name, value) in given.into_iter().flatten() {
        let name: String = name.extract()?;
        match literal(&value)? {
            Some(number) => {
                numbers.insert(name, number);
            }
            None => arrays.push((name, readable(&value)?)),
        }
    }
    Ok((numbers, arrays))
}

/// A number of Python's own. NumPy's are arrays without axes: their dtype counts.
fn literal(value: &Bound<'_, PyAny>) -> PyResult<Option<Literal>> {
    Ok(Some(if value.is_exact_instance_of::<PyBool>() {
        Literal::Bool(value.extract()?)
    } else if value.is_exact_instance_of::<PyInt>() {
        let too_big = |_| PyOverflowError::new_err("integer of more than 128 bits");
        Literal::Int(value.str()?.to_string().parse().map_err(too_big)?)
    } else if value.is_exact_instance_of::<PyFloat>() {
        Literal::Float(value.extract()?)
    } else if let Ok(number) = value.cast_exact::<PyComplex>() {
        Literal::Complex(number.real(), number.imag())
    } else {
        return Ok(None);
    }))
}

/// The expression with numbers in the place of their names.
fn insert(py: Python<'_>, expr: &Expr, numbers: &HashMap<String, Literal>) -> Answer<Expr> {
    if let Some(name) = numbers.keys().find(|name| !expr.names().contains(name)) {
        return Err(error::unused(py, name)?);
    }
    Ok(if numbers.is_empty() {
        expr.clone()
    } else {
        replaced(expr, numbers)
    })
}

fn replaced(expr: &Expr, numbers: &HashMap<String, Literal>) -> Expr {
    Expr::new(match expr.node() {
        Node::Name { name, .. } => match numbers.get(name) {
            Some(&number) => Node::Literal(number),
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
        Node::Literal(_) | Node::Index(_) => return expr.clone(),
    })
}

/// An argument as an array to read.
fn readable(value: &Bound<'_, PyAny>) -> Answer<MemMapArray> {
    if let Ok(container) = value.cast::<Container>() {
        return Ok(container.get().share()?);
    }
    if let Some(path) = array::path_of(value)? {
        return Ok(value.py().detach(|| MemMapArray::open(path, Mode::Read))?);
    }
    array::from_numpy(value)
}

/// An argument as an array to write.
fn writable(value: &Bound<'_, PyAny>) -> Answer<MemMapArray> {
    static NDARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if let Ok(container) = value.cast::<Container>() {
        return Ok(container.get().share()?);
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
        return array::from_numpy(value);
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
    module.add_function(wrap_pyfunction!(promote_types, module)?)
}
