//! What comes out of a function over whole arrays?
//!
//! NumPy's rules for dtype and shape, one function for each family.
//!
//! Knows: dtypes, shapes. Must not know: arrays, files, values.

use super::{Operand, Parameters, S, Whole};
use crate::dtype::{Kind, Scalar, promote_scalars};
use crate::error::{Error, Problem, Result};
use crate::layout::{broadcast, resolve_axis, shape_text};
use crate::ops::Reduction;

type Found = Result<(Scalar, Vec<usize>)>;

/// The axis that a function runs along, counted from the front.
fn axis_of(parameters: &mut Parameters, shape: &[usize]) -> Result<Option<usize>> {
    let S::Int(axis) = *parameters.get("axis") else {
        return Ok(None);
    };
    let axis = resolve_axis(axis, shape.len())?;
    parameters.resolved("axis", S::Int(axis as i64));
    Ok(Some(axis))
}

/// The same for functions to which a number is an array of one element.
fn axis_of_any(parameters: &mut Parameters, shape: &[usize]) -> Result<Option<usize>> {
    if !shape.is_empty() {
        return axis_of(parameters, shape);
    }
    axis_of(parameters, &[1])?;
    parameters.resolved("axis", S::None);
    Ok(None)
}

/// An axis that must be one.
fn one_axis(function: Whole, parameters: &mut Parameters, shape: &[usize]) -> Result<usize> {
    let axis = axis_of(parameters, shape)?;
    axis.ok_or_else(|| function.wrong("axis", "None", "an axis"))
}

/// The shape of a result that runs along an axis, or along all elements in C order.
fn along(axis: Option<usize>, shape: &[usize]) -> Vec<usize> {
    match axis {
        Some(_) => shape.to_vec(),
        None => vec![shape.iter().product()],
    }
}

pub(super) fn running(_: Whole, parameters: &mut Parameters, operands: &[Operand<'_>]) -> Found {
    let Operand { scalar, shape } = operands[0];
    let axis = axis_of_any(parameters, shape)?;
    let scalar = match parameters.get("dtype") {
        S::DType(scalar) => *scalar,
        _ => Reduction::Sum.resolve(scalar)?.output,
    };
    Ok((scalar, along(axis, shape)))
}

pub(super) fn difference(
    function: Whole,
    parameters: &mut Parameters,
    operands: &[Operand<'_>],
) -> Found {
    let Operand { scalar, shape } = operands[0];
    let axis = one_axis(function, parameters, shape)?;
    let mut shape = shape.to_vec();
    shape[axis] = shape[axis].saturating_sub(parameters.int("n"));
    Ok((scalar, shape))
}

/// The number of bins of a histogram.
fn bins(function: Whole, parameters: &Parameters, operands: &[Operand<'_>]) -> Result<usize> {
    match (parameters.operand("bins"), parameters.int("bins")) {
        (Some(place), _) => match operands[place].shape {
            [len] => Ok(len.saturating_sub(1)),
            other => Err(function.wrong("bins", shape_text(other), "edges with one axis")),
        },
        (None, 0) => Err(function.wrong("bins", 0, "at least 1")),
        (None, count) => Ok(count),
    }
}

fn check_real(function: Whole, scalar: Scalar) -> Result<()> {
    if scalar.kind() < Kind::Complex {
        return Ok(());
    }
    Err(Error::new(Problem::NoLoop {
        operation: function.name(),
        dtypes: scalar.name().to_owned(),
    }))
}

pub(super) fn histogram(
    function: Whole,
    parameters: &mut Parameters,
    operands: &[Operand<'_>],
) -> Found {
    check_real(function, operands[0].scalar)?;
    let count = bins(function, parameters, operands)?;
    let mut scalar = Scalar::I64;
    if let Some(weights) = parameters.operand("weights") {
        let weights = operands[weights];
        if weights.shape != operands[0].shape {
            let (found, expected) = (shape_text(weights.shape), shape_text(operands[0].shape));
            return Err(Error::new(Problem::WrongShape { found, expected }));
        }
        scalar = weights.scalar;
    }
    if parameters.flag("density") {
        scalar = promote_scalars(scalar, Scalar::F64);
    }
    Ok((scalar, vec![count]))
}

pub(super) fn histogram_edges(
    function: Whole,
    parameters: &mut Parameters,
    operands: &[Operand<'_>],
) -> Found {
    let scalar = operands[0].scalar;
    check_real(function, scalar)?;
    let count = bins(function, parameters, operands)?;
    match parameters.operand("bins") {
        Some(place) => Ok((operands[place].scalar, operands[place].shape.to_vec())),
        None if scalar.kind() < Kind::Float => Ok((Scalar::F64, vec![count + 1])),
        None => Ok((scalar, vec![count + 1])),
    }
}

fn inner(left: usize, right: usize, a: &[usize], b: &[usize]) -> Result<()> {
    if left == right {
        return Ok(());
    }
    Err(Error::new(Problem::Inner {
        left: shape_text(a),
        right: shape_text(b),
    }))
}

pub(super) fn matmul(function: Whole, _: &mut Parameters, operands: &[Operand<'_>]) -> Found {
    let (a, b) = (operands[0], operands[1]);
    let scalar = promote_scalars(a.scalar, b.scalar);
    if a.shape.is_empty() || b.shape.is_empty() {
        return Err(function.wrong("operand", "no axes", "at least one axis, or `*`"));
    }
    // A vector on the left is a row, on the right a column, and that axis goes away again.
    let (a_batch, rows, depth) = match a.shape {
        [batch @ .., rows, depth] => (batch, Some(*rows), *depth),
        [depth] => (&[][..], None, *depth),
        [] => (&[][..], None, 1),
    };
    let (b_batch, b_depth, columns) = match b.shape {
        [batch @ .., depth, columns] => (batch, *depth, Some(*columns)),
        [depth] => (&[][..], *depth, None),
        [] => (&[][..], 1, None),
    };
    inner(depth, b_depth, a.shape, b.shape)?;
    let mut shape = broadcast(a_batch, b_batch)?;
    shape.extend(rows.into_iter().chain(columns));
    Ok((scalar, shape))
}

pub(super) fn dot(_: Whole, _: &mut Parameters, operands: &[Operand<'_>]) -> Found {
    let (a, b) = (operands[0], operands[1]);
    let scalar = promote_scalars(a.scalar, b.scalar);
    let shape = match (a.shape, b.shape) {
        ([], other) | (other, []) => other.to_vec(),
        ([rows @ .., depth], [b_depth]) => {
            inner(*depth, *b_depth, a.shape, b.shape)?;
            rows.to_vec()
        }
        ([rows @ .., depth], [batch @ .., b_depth, columns]) => {
            inner(*depth, *b_depth, a.shape, b.shape)?;
            [rows, batch, &[*columns]].concat()
        }
    };
    Ok((scalar, shape))
}

pub(super) fn rolling(
    function: Whole,
    parameters: &mut Parameters,
    operands: &[Operand<'_>],
) -> Found {
    let Operand { scalar, shape } = operands[0];
    let axis = one_axis(function, parameters, shape)?;
    let (window, len) = (parameters.int("window"), shape[axis]);
    if window == 0 || window > len {
        return Err(function.wrong("window", window, format!("1 to {len}")));
    }
    let reduction = match function {
        Whole::RollingMean => Reduction::Mean,
        Whole::RollingMin => Reduction::Min,
        Whole::RollingMax => Reduction::Max,
        Whole::RollingVar => Reduction::Var,
        Whole::RollingStd => Reduction::Std,
        _ => Reduction::Sum,
    };
    if !matches!(reduction, Reduction::Sum | Reduction::Mean) {
        check_real(function, scalar)?;
    }
    let mut shape = shape.to_vec();
    shape[axis] = len - window + 1;
    Ok((reduction.resolve(scalar)?.output, shape))
}

pub(super) fn sort(
    function: Whole,
    parameters: &mut Parameters,
    operands: &[Operand<'_>],
) -> Found {
    let Operand { scalar, shape } = operands[0];
    let (axis, scalar) = match function {
        Whole::ArgSort => (axis_of_any(parameters, shape)?, Scalar::I64),
        _ => (axis_of(parameters, shape)?, scalar),
    };
    Ok((scalar, along(axis, shape)))
}

pub(super) fn unique(function: Whole, _: &mut Parameters, operands: &[Operand<'_>]) -> Found {
    let scalar = match function {
        Whole::UniqueCounts => Scalar::I64,
        _ => operands[0].scalar,
    };
    Ok((scalar, along(None, operands[0].shape)))
}

pub(super) fn top(function: Whole, parameters: &mut Parameters, operands: &[Operand<'_>]) -> Found {
    let Operand { scalar, shape } = operands[0];
    let axis = axis_of(parameters, shape)?;
    let mut shape = along(axis, shape);
    let axis = axis.unwrap_or(0);
    let (k, len) = (parameters.int("k"), shape[axis]);
    if k > len {
        return Err(function.wrong("k", k, format!("0 to {len}")));
    }
    shape[axis] = k;
    let scalar = match function {
        Whole::ArgTopK => Scalar::I64,
        _ => scalar,
    };
    Ok((scalar, shape))
}

pub(super) fn quantile(
    function: Whole,
    parameters: &mut Parameters,
    operands: &[Operand<'_>],
) -> Found {
    let Operand { scalar, shape } = operands[0];
    check_real(function, scalar)?;
    let named: Vec<i64> = match parameters.get("axis") {
        S::Int(axis) => vec![*axis],
        S::Axes(axes) => axes.clone(),
        _ => (0..shape.len() as i64).collect(),
    };
    let mut axes = Vec::with_capacity(named.len());
    for axis in named {
        let axis = resolve_axis(axis, shape.len())?;
        if axes.contains(&(axis as i64)) {
            return Err(Error::new(Problem::AxisTwice { axis }));
        }
        axes.push(axis as i64);
    }
    axes.sort_unstable();
    let mut result = vec![];
    let median = matches!(function, Whole::Median | Whole::NanMedian);
    if !median {
        let most = if matches!(function, Whole::Percentile | Whole::NanPercentile) {
            100.0
        } else {
            1.0
        };
        let shares = parameters.numbers("q");
        if let Some(bad) = shares.iter().find(|q| !(0.0..=most).contains(*q)) {
            return Err(function.wrong("q", bad, format!("0 to {most}")));
        }
        if let S::List(list) = parameters.get("q") {
            result.push(list.len());
        }
    }
    for (axis, &len) in shape.iter().enumerate() {
        match (axes.contains(&(axis as i64)), parameters.flag("keepdims")) {
            (false, _) => result.push(len),
            (true, true) => result.push(1),
            (true, false) => {}
        }
    }
    parameters.resolved("axis", S::Axes(axes));
    let list = !median && matches!(parameters.get("q"), S::List(_));
    let scalar = match scalar.kind() {
        // One of the elements.
        _ if !median && matches!(parameters.word("method"), "lower" | "higher" | "nearest") => {
            scalar
        }
        // NumPy computes with a list of numbers in their own type.
        Kind::Float if !list => scalar,
        _ => Scalar::F64,
    };
    Ok((scalar, result))
}
