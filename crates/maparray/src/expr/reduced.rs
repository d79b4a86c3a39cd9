//! What comes out of a reduction?
//!
//! Its dtype and shape, the mask of the elements that take part, and what follows: one more number, or
//! the question whether there is a result at all.
//!
//! Knows: operations, dtypes, shapes. Must not know: arrays, files.

use super::adapt::constant;
use super::infer::{Part, Refusal, Typed, What, cast_to, casting, exactly, typed};
use super::{Axes, Expr, KeepAxes, Literal, Reduce, time};
use crate::dtype::{Kind, Scalar};
use crate::error::{Error, Problem, Result};
use crate::layout::{broadcast, resolve_axis, shape_text};
use crate::ops::{Nans, Op, Reduction};

/// A reduction of these elements, those of a mask, and one more number.
pub(super) fn reduced(
    reduce: &Reduce,
    of: Typed,
    mask: Option<Typed>,
    initial: Option<Part>,
) -> Result<Typed> {
    let Reduce {
        reduction,
        nans,
        keep,
        ddof,
        ..
    } = *reduce;
    if let Some(time) = of.time {
        return time::reduced(reduce, of, mask, initial, time);
    }
    let operation = reduction.name();
    let means = matches!(reduction, Reduction::Mean | Reduction::Var | Reduction::Std);
    // As NumPy's: those that divide ask for an axis that is there, others take 0 and -1 of a number.
    let least = usize::from(!means || nans == Nans::Skip);
    let axes = axes_of(&reduce.axes, of.shape.len(), least)?;
    let position = matches!(reduction, Reduction::ArgMin | Reduction::ArgMax);
    if position && axes.len() != 1 && axes.len() != of.shape.len() {
        let found = axes.len();
        return Err(Error::new(Problem::OneAxis { operation, found }));
    }
    if ddof != 0.0 && !matches!(reduction, Reduction::Var | Reduction::Std) {
        return Err(Error::new(Problem::Ddof { operation }));
    }
    // What only some reductions have.
    let unfit = |keyword| Err(Error::new(Problem::Keyword { keyword, operation }));
    if mask.is_some() && !reduction.takes_mask() {
        return unfit("where");
    }
    if initial.is_some() && reduction.join().is_none() {
        return unfit("initial");
    }
    if nans == Nans::Skip && !reduction.skips_nans() {
        return unfit("skip_nans");
    }
    if mask.is_some() && initial.is_none() && !reduction.has_identity() {
        return Err(Error::new(Problem::MaskWithoutInitial { operation }));
    }
    let fold = reduction.resolve_with(of.scalar, nans)?;
    let mut shape = Vec::new();
    let mut count = 1usize;
    for (axis, &len) in of.shape.iter().enumerate() {
        match (axes.binary_search(&axis).is_ok(), keep) {
            (false, _) => shape.push(len),
            (true, KeepAxes::Keep) => shape.push(1),
            (true, KeepAxes::Drop) => {}
        }
        if axes.binary_search(&axis).is_ok() {
            count = count.saturating_mul(len);
        }
    }
    // As in NumPy also where the result is empty, too.
    if count == 0 && !reduction.has_identity() && initial.is_none() {
        return Err(Error::new(Problem::EmptyReduction { operation }));
    }
    let of = cast_to(fold.input, of)?;
    let (scalar, nans) = (fold.output, fold.nans);
    let mask = masked(&of, nans, mask)?.map(Box::new);
    let of = Box::new(of);
    let initial = initial.map(|number| one_more(number, scalar)).transpose()?;
    // What floats come to is rounded at the end only: there the number is one of them.
    let rounds = matches!(reduction, Reduction::Sum | Reduction::Prod);
    let (among, apart) = match scalar.kind() {
        Kind::Float | Kind::Complex if rounds => (initial.map(Box::new), None),
        _ => (None, initial),
    };
    let value = typed(
        scalar,
        shape,
        What::Reduce {
            fold,
            of,
            mask,
            initial: among,
            axes,
            keep,
            ddof,
        },
    )?;
    if let (Some(op), Some(initial)) = (reduction.join(), apart) {
        // Of none, an extreme that skips NaNs is NaN, and the number is all there is.
        let op = match (op, nans) {
            (Op::Minimum, Nans::Skip) => Op::Fmin,
            (Op::Maximum, Nans::Skip) => Op::Fmax,
            _ => op,
        };
        return exactly(op, vec![value, initial]);
    }
    if position && nans == Nans::Skip {
        // The place of an extreme of none is -1.
        let zero = constant(Literal::Int(0), scalar)?;
        let none = exactly(Op::Less, vec![value.clone(), zero])?;
        return unless_any(none, Refusal::AllNan(reduction), value);
    }
    Ok(value)
}

/// Which elements of `of` take part: those that are given, and are not NaN where those are skipped.
fn masked(of: &Typed, nans: Nans, given: Option<Typed>) -> Result<Option<Typed>> {
    if let Some(given) = &given {
        if given.scalar != Scalar::Bool {
            let found = given.scalar.name().to_owned();
            return Err(Error::new(Problem::MaskDType { found }));
        }
        if broadcast(&of.shape, &given.shape)? != of.shape {
            return Err(Error::new(Problem::Broadcast {
                left: shape_text(&given.shape),
                right: shape_text(&of.shape),
            }));
        }
    }
    let mask = match (nans, given) {
        (Nans::Count, None) => return Ok(None),
        (Nans::Count, Some(given)) => given,
        // A NaN is what does not equal itself.
        (Nans::Skip, given) => {
            let numbers = exactly(Op::Equal, vec![of.clone(), of.clone()])?;
            match given {
                Some(given) => exactly(Op::LogicalAnd, vec![numbers, given])?,
                None => numbers,
            }
        }
    };
    if mask.shape == of.shape {
        return Ok(Some(mask));
    }
    let spread = What::Apply(casting(Scalar::Bool, Scalar::Bool), vec![mask]);
    typed(Scalar::Bool, of.shape.clone(), spread).map(Some)
}

/// The number that a reduction begins with, in the type of its result.
fn one_more(initial: Part, scalar: Scalar) -> Result<Typed> {
    let initial = match initial {
        Part::Weak(literal) => constant(literal, scalar)?,
        Part::Strong(initial) => cast_to(scalar, initial)?,
    };
    if initial.shape.is_empty() {
        return Ok(initial);
    }
    Err(Error::new(Problem::Broadcast {
        left: shape_text(&initial.shape),
        right: shape_text::<usize>(&[]),
    }))
}

/// The axes, counted from the front and sorted; a number counts as an array of at least so many axes.
fn axes_of(axes: &Axes, ndim: usize, least: usize) -> Result<Vec<usize>> {
    let Axes::Named(named) = axes else {
        return Ok((0..ndim).collect());
    };
    let mut axes = Vec::with_capacity(named.len());
    for &axis in named {
        if ndim < least && matches!(axis, 0 | -1) {
            continue;
        }
        let axis = resolve_axis(axis, ndim)?;
        if axes.contains(&axis) {
            return Err(Error::new(Problem::AxisTwice { axis }));
        }
        axes.push(axis);
    }
    axes.sort_unstable();
    Ok(axes)
}

/// The value, if none of these bools is true.
pub(super) fn unless_any(each: Typed, refusal: Refusal, value: Typed) -> Result<Typed> {
    let any = Reduce::new(Reduction::Any, Expr::from(false));
    let lacking = Box::new(reduced(&any, each, None, None)?);
    let (scalar, shape) = (value.scalar, value.shape.clone());
    let value = Box::new(value);
    typed(
        scalar,
        shape,
        What::Unless {
            lacking,
            refusal,
            value,
        },
    )
}
