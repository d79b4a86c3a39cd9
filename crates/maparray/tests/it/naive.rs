//! The evaluator that nobody can doubt: whole arrays of plain values, one element at a time, no
//! blocks, no threads, no strides. Integers are `i128` wrapped to their width, floats `f64` rounded
//! to theirs.

use std::cmp::Ordering;

use maparray::Scalar;
use maparray::dtype::Kind;
use maparray::expr::{Axes, Expr, KeepAxes, Node};
use maparray::layout::{broadcast, resolve_axis};
use maparray::ops::{Op, Reduction};

/// An array of values in C order; a value is an integer, a float or the real part of a complex.
#[derive(Clone, Debug)]
pub(crate) struct Naive {
    pub(crate) scalar: Scalar,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<Value>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Int(i128),
    Real(f64),
}

impl Value {
    pub(crate) fn real(self) -> f64 {
        match self {
            Value::Int(value) => value as f64,
            Value::Real(value) => value,
        }
    }

    fn int(self) -> i128 {
        match self {
            Value::Int(value) => value,
            Value::Real(value) => value as i128,
        }
    }

    /// Which is larger; no value here is NaN.
    fn compare(self, other: Value) -> Ordering {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => a.cmp(&b),
            (a, b) => a.real().partial_cmp(&b.real()).expect("no value is NaN"),
        }
    }

    fn truth(self) -> bool {
        self.real() != 0.0
    }
}

/// A value as an element of this type holds it.
pub(crate) fn fit(value: Value, scalar: Scalar) -> Value {
    let bits = 8 * scalar.size() as u32;
    match scalar.kind() {
        Kind::Bool => Value::Int(i128::from(value.truth())),
        Kind::Unsigned => Value::Int(value.int().rem_euclid(1 << bits)),
        Kind::Signed => {
            let half = 1_i128 << (bits - 1);
            Value::Int((value.int() + half).rem_euclid(1 << bits) - half)
        }
        Kind::Float | Kind::Complex => Value::Real(match scalar {
            Scalar::F16 => f64::from(half::f16::from_f64(value.real())),
            Scalar::BF16 => f64::from(half::bf16::from_f64(value.real())),
            Scalar::F32 | Scalar::C64 => f64::from(value.real() as f32),
            _ => value.real(),
        }),
    }
}

/// Every index of a shape, in C order.
pub(crate) fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![vec![]], |found, &len| {
        let longer = |index: &Vec<usize>| {
            (0..len)
                .map(|i| [&index[..], &[i]].concat())
                .collect::<Vec<_>>()
        };
        found.iter().flat_map(longer).collect()
    })
}

impl Naive {
    fn at(&self, index: &[usize]) -> Value {
        let own = &index[index.len() - self.shape.len()..];
        let place = own.iter().zip(&self.shape).fold(0, |place, (&i, &len)| {
            place * len + if len == 1 { 0 } else { i }
        });
        self.values[place]
    }
}

/// Evaluates an expression over arrays by name. Literals are not known here: cast arrays instead.
pub(crate) fn evaluate(expr: &Expr, lookup: &dyn Fn(&str) -> Naive) -> Naive {
    match expr.node() {
        Node::Name { name, .. } => lookup(name),
        Node::Cast(scalar, of) => {
            let of = evaluate(of, lookup);
            let values = of.values.iter().map(|&value| fit(value, *scalar)).collect();
            Naive {
                scalar: *scalar,
                values,
                ..of
            }
        }
        Node::Apply(op, parts) => {
            let parts: Vec<Naive> = parts.iter().map(|part| evaluate(part, lookup)).collect();
            let scalars: Vec<Scalar> = parts.iter().map(|part| part.scalar).collect();
            let chosen = op
                .resolve(&scalars)
                .expect("the test builds trees that have loops");
            let shape = parts.iter().fold(vec![], |shape, part| {
                broadcast(&shape, &part.shape).unwrap()
            });
            let value = |index: &Vec<usize>| {
                let operands: Vec<Value> = parts
                    .iter()
                    .zip(&chosen.inputs)
                    .map(|(part, &input)| fit(part.at(index), input))
                    .collect();
                fit(apply(*op, &operands), chosen.output)
            };
            Naive {
                scalar: chosen.output,
                values: indices(&shape).iter().map(value).collect(),
                shape,
            }
        }
        Node::Reduce(reduce) => {
            let of = evaluate(&reduce.of, lookup);
            let ndim = of.shape.len();
            let axes: Vec<usize> = match &reduce.axes {
                Axes::All => (0..ndim).collect(),
                Axes::Named(axes) => axes
                    .iter()
                    .map(|&axis| resolve_axis(axis, ndim).unwrap())
                    .collect(),
            };
            let part = |kept: bool| -> Vec<usize> {
                let len = |(axis, &len): (usize, &usize)| {
                    if axes.contains(&axis) == kept { 1 } else { len }
                };
                of.shape.iter().enumerate().map(len).collect()
            };
            let (outer, inner) = (part(true), part(false));
            let mask = reduce.mask.as_ref().map(|mask| evaluate(mask, lookup));
            let initial = reduce.initial.as_ref().map(|more| evaluate(more, lookup));
            let scalar = reduce.reduction.resolve(of.scalar).unwrap().output;
            let value = |base: &Vec<usize>| {
                let place = |offset: &Vec<usize>| -> Vec<usize> {
                    base.iter().zip(offset).map(|(a, b)| a + b).collect()
                };
                let taken = indices(&inner).into_iter().map(|offset| place(&offset));
                let taken = taken.filter(|at| mask.as_ref().is_none_or(|mask| mask.at(at).truth()));
                let mut lane: Vec<Value> = taken.map(|at| of.at(&at)).collect();
                // One more number that takes part.
                lane.extend(initial.iter().map(|initial| fit(initial.values[0], scalar)));
                fit(fold(reduce.reduction, &lane, reduce.ddof), scalar)
            };
            let values = indices(&outer).iter().map(value).collect();
            let dropped = (0..ndim)
                .filter(|axis| !axes.contains(axis))
                .map(|axis| of.shape[axis]);
            let shape = if reduce.keep == KeepAxes::Keep {
                outer
            } else {
                dropped.collect()
            };
            Naive {
                scalar,
                shape,
                values,
            }
        }
        other => unreachable!("the test builds no {other:?}"),
    }
}

/// One element of an operation whose operands have its loop's types.
fn apply(op: Op, operands: &[Value]) -> Value {
    let truth = |answer: bool| Value::Int(i128::from(answer));
    let by =
        |int: fn(i128, i128) -> i128, real: fn(f64, f64) -> f64| match (operands[0], operands[1]) {
            (Value::Int(a), Value::Int(b)) => Value::Int(int(a, b)),
            (a, b) => Value::Real(real(a.real(), b.real())),
        };
    match op {
        Op::Add => by(|a, b| a + b, |a, b| a + b),
        Op::Subtract => by(|a, b| a - b, |a, b| a - b),
        Op::Multiply => by(i128::wrapping_mul, |a, b| a * b),
        Op::Maximum => by(i128::max, f64::max),
        Op::Minimum => by(i128::min, f64::min),
        Op::Less => truth(operands[0].compare(operands[1]).is_lt()),
        Op::GreaterEqual => truth(operands[0].compare(operands[1]).is_ge()),
        Op::Equal => truth(operands[0].compare(operands[1]).is_eq()),
        Op::LogicalNot => truth(!operands[0].truth()),
        Op::LogicalXor => truth(operands[0].truth() != operands[1].truth()),
        Op::Where => {
            if operands[0].truth() {
                operands[1]
            } else {
                operands[2]
            }
        }
        Op::Absolute => match operands[0] {
            Value::Int(a) => Value::Int(a.abs()),
            Value::Real(a) => Value::Real(a.abs()),
        },
        Op::Square => match operands[0] {
            Value::Int(a) => Value::Int(a.wrapping_mul(a)),
            Value::Real(a) => Value::Real(a * a),
        },
        other => unreachable!("the test builds no {other:?}"),
    }
}

/// The exact sum of numbers with a few binary places, rounded once.
fn total(numbers: impl Iterator<Item = f64> + Clone) -> f64 {
    const PLACES: f64 = (1_u64 << 40) as f64;
    if numbers.clone().any(|x| x.abs() > 1e24) {
        return numbers.sum();
    }
    numbers.map(|x| (x * PLACES) as i128).sum::<i128>() as f64 / PLACES
}

/// The product of numbers, its exponent kept apart so that it overflows at the end or not at all.
fn product(numbers: impl Iterator<Item = f64>) -> f64 {
    let (mut product, mut exponent) = (1.0_f64, 0.0_f64);
    for number in numbers {
        product *= number;
        if product != 0.0 && product.is_finite() {
            let scale = product.abs().log2().floor();
            product /= scale.exp2();
            exponent += scale;
        }
    }
    let half = (exponent / 2.0).floor();
    product * half.exp2() * (exponent - half).exp2()
}

/// One result of a reduction.
fn fold(reduction: Reduction, lane: &[Value], ddof: f64) -> Value {
    let real = || lane.iter().map(|value| value.real());
    let mean = || total(real()) / lane.len() as f64;
    let variance =
        || real().map(|x| (x - mean()).powi(2)).sum::<f64>() / (lane.len() as f64 - ddof).max(0.0);
    // The first of equals, in both directions.
    let best = |wanted: Ordering| {
        let better = |best: usize, i: usize| {
            if lane[i].compare(lane[best]) == wanted {
                i
            } else {
                best
            }
        };
        (0..lane.len()).fold(0, better)
    };
    let whole = |int: fn(i128, i128) -> i128, real_fold: f64, unit: i128| match lane.first() {
        // Wrapped on the way as well: i128 holds no product of many int64.
        // Of no elements the two agree.
        Some(Value::Int(_)) | None => Value::Int(
            lane.iter()
                .fold(unit, |all, value| int(all, value.int()).rem_euclid(1 << 64)),
        ),
        _ => Value::Real(real_fold),
    };
    match reduction {
        Reduction::Sum => whole(|a, b| a + b, total(real()), 0),
        Reduction::Prod => whole(i128::wrapping_mul, product(real()), 1),
        Reduction::Mean => Value::Real(mean()),
        Reduction::Var => Value::Real(variance()),
        Reduction::Std => Value::Real(variance().sqrt()),
        Reduction::Min => lane[best(Ordering::Less)],
        Reduction::Max => lane[best(Ordering::Greater)],
        Reduction::ArgMin => Value::Int(best(Ordering::Less) as i128),
        Reduction::ArgMax => Value::Int(best(Ordering::Greater) as i128),
        Reduction::Any => Value::Int(i128::from(lane.iter().any(|value| value.truth()))),
        Reduction::All => Value::Int(i128::from(lane.iter().all(|value| value.truth()))),
        Reduction::CountNonzero => {
            Value::Int(lane.iter().filter(|value| value.truth()).count() as i128)
        }
    }
}
