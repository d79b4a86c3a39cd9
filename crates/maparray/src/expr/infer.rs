//! What will come out, before a byte is read?
//!
//! Gives every node its dtype and shape by NumPy's rules (NEP 50: plain numbers adapt to the arrays
//! they meet), inserts the casts that each loop needs, and computes what holds only constants.
//!
//! Knows: operations, dtypes, shapes. Must not know: arrays, files; it asks for names.

use std::sync::Arc;

use super::adapt::{adaptation, beyond, constant, default_scalar, within};
use super::literal::operate;
use super::reduced::{reduced, unless_any};
use super::time::{self, Time};
use super::{
    DEPTH_LIMIT, Expr, KeepAxes, Literal, Node, Parameters, SIZE_LIMIT, Whole, parts, unit,
};
use crate::dtype::{DType, Kind, Scalar};
use crate::error::{Error, Problem, Result};
use crate::layout::{broadcast, extent};
use crate::ops::{Accuracy, Fold, Kernel, Op, Reduction, cast};
use crate::strip::Strip;
use crate::unit::Unit;

/// An expression whose dtypes and shapes are known, ready to be planned.
#[derive(Clone)]
pub struct Typed {
    /// What each element is; `int64` if it is a moment or a duration.
    pub scalar: Scalar,
    /// What it counts, if it is a moment or a duration.
    pub time: Option<Time>,
    /// What it measures; none if no operand said one.
    pub unit: Option<Arc<Unit>>,
    /// The shape of the result.
    pub shape: Vec<usize>,
    /// How it comes about.
    pub what: What,
}

/// How the elements of a [`Typed`] come about.
#[derive(Clone)]
pub enum What {
    /// They are those of the array of this name.
    Array(String),
    /// One number, as native bytes at the front; its shape is `()`.
    Constant([u8; 16]),
    /// A loop over other elements, which have exactly the types that the loop takes, and shapes
    /// that broadcast to the shape of the result.
    Apply(Work, Vec<Typed>),
    /// A reduction.
    Reduce {
        /// The reduction for elements of this type.
        fold: Fold,
        /// What is reduced, of the type that `fold` takes.
        of: Box<Typed>,
        /// Which elements take part, as bools of the same shape; all of them if there is none.
        mask: Option<Box<Typed>>,
        /// One more element that each result is made of; a number without axes.
        initial: Option<Box<Typed>>,
        /// Which axes of `of`, in ascending order.
        axes: Vec<usize>,
        /// What becomes of them.
        keep: KeepAxes,
        /// What `var` and `std` subtract from the number of elements.
        ddof: f64,
    },
    /// A function over whole arrays.
    Whole {
        /// Which one.
        function: Whole,
        /// The arrays, as they are given.
        operands: Vec<Typed>,
        /// How it is done; axes are counted from the front.
        parameters: Parameters,
    },
    /// The position of each element in C order.
    Index,
    /// A value that there is not always.
    Unless {
        /// A reduction to one bool: whether there is none.
        lacking: Box<Typed>,
        /// Why there is none, then.
        refusal: Refusal,
        /// The value otherwise.
        value: Box<Typed>,
    },
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Integers have no negative powers.
    NegativePower,
    /// Where all numbers are NaN none of them is the least or the greatest.
    AllNan(Reduction),
}

impl Refusal {
    /// The error that says so.
    pub(crate) fn error(self) -> Error {
        Error::new(match self {
            Refusal::NegativePower => Problem::NegativePower,
            Refusal::AllNan(reduction) => Problem::AllNan {
                operation: reduction.name(),
            },
        })
    }
}

/// A loop, and what it does.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// What it does.
    pub does: Does,
    /// The loop.
    pub kernel: Kernel,
}

/// What a loop does: two that do the same with operands of the same types have the same results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Does {
    /// An operation.
    Apply(Op),
    /// It converts elements to another type.
    Cast,
    /// An operation on moments and durations, in the form of these letters.
    Time(Op, &'static str),
    /// It makes days of months, both counted from 1970.
    Days,
    /// It makes longer steps of shorter ones, rounding down.
    Coarser,
}

/// Numbers that have names, unless an array has the name.
const CONSTANTS: &[(&str, f64)] = &[
    ("pi", std::f64::consts::PI),
    ("e", std::f64::consts::E),
    ("inf", f64::INFINITY),
    ("nan", f64::NAN),
];

/// A part of the expression: an array or NumPy number, or a plain number that still adapts.
pub(super) enum Part {
    Weak(Literal),
    Strong(Typed),
}

impl Part {
    /// The function that makes it, if only its values tell how many elements that gives.
    fn unknown_shape(&self) -> Option<&'static str> {
        match self {
            Part::Strong(Typed {
                what: What::Whole { function, .. },
                ..
            }) if !function.has_known_shape() => Some(function.name()),
            _ => None,
        }
    }
}

/// Says dtype and shape of the array of a name, if there is one.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<(DType, Vec<usize>)>;

/// Says the unit of the array of a name, if it has one.
pub type Units<'a> = &'a dyn Fn(&str) -> Option<Arc<Unit>>;

/// Finds dtype and shape of every part of an expression; `lookup` says them for an array's name.
///
/// # Errors
/// `Expression` for unknown names, `Mismatch` for operations that are not defined on their dtypes,
/// numbers out of bounds and shapes that do not broadcast, `OutOfBounds` for axes.
///
/// ```
/// use maparray::{Scalar, expr};
/// let array = |name: &str| (name == "a").then(|| (Scalar::F32.into(), vec![4, 3]));
/// let typed = expr::infer(&"mean(a, axis=0) > 1".parse()?, &array)?;
/// assert_eq!((typed.scalar, typed.shape), (Scalar::Bool, vec![3]));
/// # Ok::<(), maparray::Error>(())
/// ```
pub fn infer(expr: &Expr, lookup: Lookup<'_>) -> Result<Typed> {
    infer_to(expr, lookup, Accuracy::default())
}

/// As [`infer`], with loops of this accuracy.
///
/// # Errors
/// As [`infer`].
pub fn infer_to(expr: &Expr, lookup: Lookup<'_>, accuracy: Accuracy) -> Result<Typed> {
    infer_in(expr, lookup, &|_| None, accuracy)
}

/// As [`infer_to`], for arrays some of which have units.
///
/// # Errors
/// As [`infer`]; `Unit` for operations that are not defined on the units of their operands.
///
/// ```
/// use std::sync::Arc;
/// use maparray::{Accuracy, ErrorKind, Scalar, Unit, expr};
/// let array = |_: &str| Some((Scalar::F32.into(), vec![4, 3]));
/// let unit = |name: &str| Unit::parse(name).map(Arc::new).ok();
/// let infer = |text: &str| expr::infer_in(&text.parse()?, &array, &unit, Accuracy::default());
/// let speed = infer("sqrt(km**2) / s")?;
/// assert_eq!(*speed.unit.unwrap(), "km / s".parse()?);
/// assert_eq!(infer("km + s").err().map(|error| error.kind()), Some(ErrorKind::Unit));
/// # Ok::<(), maparray::Error>(())
/// ```
pub fn infer_in(
    expr: &Expr,
    lookup: Lookup<'_>,
    units: Units<'_>,
    accuracy: Accuracy,
) -> Result<Typed> {
    if expr.depth() > DEPTH_LIMIT || expr.size() > SIZE_LIMIT {
        let (depth, size) = (expr.depth(), expr.size());
        return Err(Error::new(Problem::TreeSize { depth, size }));
    }
    let known = Known {
        lookup,
        units,
        accuracy,
    };
    strong(part(expr, &known)?)
}

/// What is known when a tree is walked.
struct Known<'a> {
    lookup: Lookup<'a>,
    units: Units<'a>,
    accuracy: Accuracy,
}

/// What is to be done next on the way through a tree; a loop, so that depth costs no stack.
enum Step<'e> {
    Enter(&'e Expr),
    Leave(&'e Expr),
}

fn part(expr: &Expr, known: &Known<'_>) -> Result<Part> {
    let mut steps = vec![Step::Enter(expr)];
    let mut done: Vec<Part> = Vec::new();
    while let Some(step) = steps.pop() {
        match step {
            Step::Enter(expr) => {
                steps.push(Step::Leave(expr));
                steps.extend(parts(expr.node()).rev().map(Step::Enter));
            }
            Step::Leave(expr) => {
                let operands = done.split_off(done.len() - parts(expr.node()).count());
                done.push(whole(expr.node(), operands, known)?);
            }
        }
    }
    Ok(done.pop().expect("the whole expression was left last"))
}

/// A node, given the parts that it is made of.
fn whole(node: &Node, mut operands: Vec<Part>, known: &Known<'_>) -> Result<Part> {
    let accuracy = known.accuracy;
    if let Some(operation) = operands.iter().find_map(Part::unknown_shape) {
        return Err(Error::new(Problem::UnknownLength { operation }));
    }
    let united = unit::among(&operands);
    let mut of = || {
        operands
            .pop()
            .expect("a cast and a reduction have one part")
    };
    match node {
        Node::Name { name, column } => named(name, *column, known),
        Node::Literal(literal) => Ok(Part::Weak(*literal)),
        Node::Index(shape) => typed(Scalar::I64, shape.clone(), What::Index).map(Part::Strong),
        Node::Cast(scalar, _) => match of() {
            Part::Weak(literal) => constant(literal, *scalar).map(Part::Strong),
            Part::Strong(of) => {
                let unit = of.unit.clone();
                let cast = cast_to(*scalar, of)?;
                Ok(Part::Strong(Typed { unit, ..cast }))
            }
        },
        Node::Reduce(reduce) => {
            let mut initial = reduce.initial.as_ref().map(|_| of());
            let mask = reduce.mask.as_ref().map(|_| strong(of())).transpose()?;
            let mut elements = of();
            let unit = match united {
                true => {
                    let initial = initial.as_mut();
                    unit::settle_reduction(reduce, &mut elements, initial, accuracy)?
                }
                false => None,
            };
            let value = reduced(reduce, strong(elements)?, mask, initial)?;
            Ok(Part::Strong(Typed { unit, ..value }))
        }
        Node::Apply(op, _) if united && operands.len() == op.arity() => {
            let unit = unit::settle(*op, &mut operands, accuracy)?;
            Ok(apply(*op, operands, accuracy)?.measuring(unit))
        }
        Node::Apply(op, _) => apply(*op, operands, accuracy),
        Node::Whole {
            function,
            parameters,
            ..
        } => {
            let unit = match united {
                true => unit::settle_whole(*function, parameters, &mut operands, accuracy)?,
                false => None,
            };
            let value = whole_array(*function, parameters, operands, accuracy)?;
            Ok(Part::Strong(Typed { unit, ..value }))
        }
    }
}

/// A function over whole arrays; it casts its operands itself, piece by piece.
fn whole_array(
    function: Whole,
    parameters: &Parameters,
    parts: Vec<Part>,
    accuracy: Accuracy,
) -> Result<Typed> {
    let number = |part: &Part| match part {
        Part::Weak(_) => true,
        Part::Strong(typed) => typed.shape.is_empty(),
    };
    if function == Whole::Dot && parts.iter().any(number) {
        // As in NumPy.
        return strong(apply(Op::Multiply, parts, accuracy)?);
    }
    let computed = |part: Typed| cast_to(part.scalar.computed(), part);
    let strong = parts
        .into_iter()
        .map(|part| strong(part).and_then(computed));
    let operands: Vec<Typed> = strong.collect::<Result<_>>()?;
    for operand in &operands {
        // No function over whole arrays takes times.
        operand.dtype().number()?;
    }
    let known: Vec<(Scalar, &[usize])> = operands
        .iter()
        .map(|operand| (operand.scalar, &operand.shape[..]))
        .collect();
    let (scalar, shape, parameters) = function.resolve(parameters, &known)?;
    let what = What::Whole {
        function,
        operands,
        parameters,
    };
    typed(scalar, shape, what)
}

fn named(name: &str, column: usize, known: &Known<'_>) -> Result<Part> {
    if let Some((dtype, shape)) = (known.lookup)(name) {
        let (scalar, time) = time::elements_of(&dtype)?;
        let array = typed(scalar, shape, What::Array(name.to_owned()))?;
        let unit = (known.units)(name);
        if let (Some(_), Some(unit)) = (time, &unit) {
            return Err(Error::new(Problem::UnitOfTime {
                unit: unit.to_string(),
                dtype: dtype.to_string(),
            }));
        }
        return Ok(Part::Strong(Typed {
            time,
            unit,
            ..array
        }));
    }
    let constant = CONSTANTS.iter().find(|row| row.0 == name);
    constant
        .map(|row| Part::Weak(Literal::Float(row.1)))
        .ok_or_else(|| {
            let names: Vec<_> = CONSTANTS.iter().map(|row| format!("`{}`", row.0)).collect();
            Error::new(Problem::UnknownName {
                column,
                name: name.to_owned(),
                known: format!("an array that is given, or {}", names.join(", ")),
            })
        })
}

pub(super) fn typed(scalar: Scalar, shape: Vec<usize>, what: What) -> Result<Typed> {
    extent(&shape, scalar.size())?;
    Ok(Typed {
        scalar,
        time: None,
        unit: None,
        shape,
        what,
    })
}

/// A part on its own: a plain number takes NumPy's default dtype for it.
pub(super) fn strong(part: Part) -> Result<Typed> {
    match part {
        Part::Strong(typed) => Ok(typed),
        Part::Weak(literal) => constant(literal, default_scalar(literal)),
    }
}

pub(super) fn apply(op: Op, parts: Vec<Part>, accuracy: Accuracy) -> Result<Part> {
    if parts.len() != op.arity() {
        return Err(Error::new(Problem::ArgumentCount {
            column: 0,
            function: op.name().to_owned(),
            found: parts.len(),
            expected: op.arity().to_string(),
        }));
    }
    let literals: Vec<Literal> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Weak(literal) => Some(*literal),
            Part::Strong(_) => None,
        })
        .collect();
    if literals.len() == parts.len()
        && let Some(result) = operate(op, &literals)
    {
        return result.map(Part::Weak);
    }
    if time::among(&parts) {
        return time::apply(op, parts).map(Part::Strong);
    }
    let mut parts = parts;
    let op = own_loop(op, &parts).unwrap_or(op);
    parts.truncate(op.arity());
    if op.counts_with_second()
        && let Some(Part::Weak(literal @ (Literal::Int(_) | Literal::Bool(_)))) = parts.get(1)
    {
        parts[1] = Part::Strong(constant(*literal, Scalar::I64)?);
    }
    // A condition takes no part in the choice of the result's dtype.
    let condition = match op {
        Op::Where => Some(cast_to(Scalar::Bool, strong(parts.remove(0))?)?),
        _ => None,
    };
    let adapt = adaptation(op, &parts);
    if let Some(answer) = beyond(op, &parts, &adapt)? {
        return Ok(Part::Strong(answer));
    }
    let mut scalars: Vec<Scalar> = condition.iter().map(|_| Scalar::Bool).collect();
    scalars.extend(parts.iter().map(|part| match part {
        Part::Weak(literal) => adapt(*literal),
        Part::Strong(typed) => typed.scalar,
    }));
    let chosen = op.resolve_to(&scalars, accuracy)?;
    let mut operands: Vec<Typed> = condition.into_iter().collect();
    for (place, part) in parts.into_iter().enumerate() {
        let scalar = chosen.inputs[operands.len()];
        operands.push(match part {
            Part::Strong(typed) => cast_to(scalar, typed)?,
            Part::Weak(literal) => constant(within(op, place, literal, scalar)?, scalar)?,
        });
    }
    let exponent = match (op, &operands[..]) {
        (Op::Power, [_, exponent]) if exponent.scalar.kind() == Kind::Signed => {
            Some(exponent.clone())
        }
        _ => None,
    };
    let value = run(working(op, chosen.kernel), chosen.output, operands)?;
    Ok(Part::Strong(match exponent {
        // Of no elements there is no power that could be asked for.
        Some(exponent) if !value.shape.contains(&0) => unless_negative(exponent, value)?,
        _ => value,
    }))
}

/// A power of integers, computed if no exponent is negative: then there is no integer to give.
fn unless_negative(exponent: Typed, value: Typed) -> Result<Typed> {
    let scalar = exponent.scalar;
    let zero = constant(Literal::Int(0), scalar)?;
    let each = exactly(Op::Less, vec![exponent, zero])?;
    match each.what {
        What::Constant([0, ..]) => Ok(value),
        What::Constant(_) => Err(Error::new(Problem::NegativePower)),
        _ => unless_any(each, Refusal::NegativePower, value),
    }
}

/// The operation that a power with this exponent is: as in NumPy, squares and roots have loops of
/// their own, which are much faster and exact.
fn own_loop(op: Op, parts: &[Part]) -> Option<Op> {
    let (Op::Power, [Part::Strong(base), Part::Weak(exponent)]) = (op, parts) else {
        return None;
    };
    let exponent = match *exponent {
        Literal::Int(value) => value as f64,
        Literal::Float(value) if base.scalar.kind() >= Kind::Float => value,
        _ => return None,
    };
    match (base.scalar.kind(), exponent) {
        (Kind::Bool, _) => None,
        (_, 2.0) => Some(Op::Square),
        (Kind::Float | Kind::Complex, 0.5) => Some(Op::Sqrt),
        (Kind::Float | Kind::Complex, 1.0) => Some(Op::Positive),
        (Kind::Float | Kind::Complex, -1.0) => Some(Op::Reciprocal),
        _ => None,
    }
}

/// A loop over operands of exactly its types; run at once if it holds only constants.
pub(super) fn run(work: Work, output: Scalar, operands: Vec<Typed>) -> Result<Typed> {
    let mut shape = Vec::new();
    for operand in &operands {
        shape = broadcast(&shape, &operand.shape)?;
    }
    let constants: Option<Vec<Cell>> = operands
        .iter()
        .map(|operand| match operand.what {
            What::Constant(bytes) => Some(Cell(bytes)),
            _ => None,
        })
        .collect();
    let Some(cells) = constants else {
        return typed(output, shape, What::Apply(work, operands));
    };
    let inputs: Vec<Strip<'_>> = (cells.iter().zip(&operands))
        .map(|(cell, operand)| Strip::from(&cell.0[..operand.scalar.size()]))
        .collect();
    let mut result = Cell([0; 16]);
    (work.kernel)(&inputs, &mut result.0[..output.size()]);
    typed(output, shape, What::Constant(result.0))
}

/// An operation on operands that have its types already.
pub(super) fn exactly(op: Op, operands: Vec<Typed>) -> Result<Typed> {
    let scalars: Vec<Scalar> = operands.iter().map(|operand| operand.scalar).collect();
    let chosen = op.resolve(&scalars)?;
    run(working(op, chosen.kernel), chosen.output, operands)
}

/// One element, aligned as kernels expect.
#[repr(align(16))]
struct Cell([u8; 16]);

pub(super) fn cast_to(scalar: Scalar, of: Typed) -> Result<Typed> {
    let of = of.plain();
    if of.scalar == scalar {
        return Ok(of);
    }
    run(casting(of.scalar, scalar), scalar, vec![of])
}

pub(super) fn working(op: Op, kernel: Kernel) -> Work {
    Work {
        does: Does::Apply(op),
        kernel,
    }
}

pub(super) fn casting(from: Scalar, to: Scalar) -> Work {
    Work {
        does: Does::Cast,
        kernel: cast(from, to),
    }
}
