//! Which dtype does a plain number take, and what is it as an element?
//!
//! Plain numbers adapt to the arrays that they meet (NEP 50); where NumPy looks at their values, so do
//! we.
//!
//! Knows: operations, dtypes. Must not know: arrays, files.

use bytemuck::bytes_of;

use super::Literal;
use super::infer::{Part, Typed, What, cast_to, casting, typed};
use super::literal::operate;
use crate::dtype::{Kind, Scalar, promote_scalars};
use crate::error::{Error, Problem, Result};
use crate::ops::Op;

pub(super) fn default_scalar(literal: Literal) -> Scalar {
    match literal {
        Literal::Bool(_) => Scalar::Bool,
        Literal::Int(value) if u64::try_from(value).is_ok() && i64::try_from(value).is_err() => {
            Scalar::U64
        }
        Literal::Int(_) => Scalar::I64,
        Literal::Float(_) => Scalar::F64,
        Literal::Complex(..) => Scalar::C128,
    }
}

/// The dtype that a plain number of this kind takes beside arrays of dtype `beside`.
fn adapted(kind: Kind, beside: Scalar) -> Scalar {
    let beside = beside.computed();
    match (kind, beside.kind()) {
        (Kind::Bool, _) => beside,
        (Kind::Signed | Kind::Unsigned, Kind::Bool) => Scalar::I64,
        (Kind::Signed | Kind::Unsigned, _) => beside,
        (Kind::Float, Kind::Float | Kind::Complex) => beside,
        (Kind::Float, _) => Scalar::F64,
        (Kind::Complex, Kind::Complex) => beside,
        (Kind::Complex, _) if matches!(beside, Scalar::F16 | Scalar::BF16 | Scalar::F32) => {
            Scalar::C64
        }
        (Kind::Complex, _) => Scalar::C128,
    }
}

/// Which dtype each plain number takes beside the other operands.
pub(super) fn adaptation(op: Op, parts: &[Part]) -> impl Fn(Literal) -> Scalar + use<> {
    let strong = parts.iter().filter_map(|part| match part {
        Part::Weak(Literal::Bool(_)) => Some(Scalar::Bool),
        Part::Weak(_) => None,
        Part::Strong(typed) => Some(typed.scalar),
    });
    let beside = strong.reduce(promote_scalars);
    let weak = parts.iter().filter_map(|part| match part {
        Part::Weak(literal) => Some(literal.kind()),
        Part::Strong(_) => None,
    });
    let kind = weak.max();
    // These three ask a number for its truth only.
    let logic = matches!(op, Op::LogicalAnd | Op::LogicalOr | Op::LogicalXor);
    move |literal| match (literal, beside.zip(kind)) {
        _ if logic => Scalar::Bool,
        (Literal::Bool(_), _) | (_, None) => default_scalar(literal),
        (_, Some((beside, kind))) => adapted(kind, beside),
    }
}

/// The number as this operand of a loop over `scalar`: where NumPy looks at the value, so do we.
///
/// A bound of `clip` that the dtype cannot reach is no bound. Integers have no powers below zero.
pub(super) fn within(op: Op, place: usize, literal: Literal, scalar: Scalar) -> Result<Literal> {
    let Literal::Int(value) = literal else {
        return Ok(literal);
    };
    let Some((least, most)) = int_range(scalar) else {
        return Ok(literal);
    };
    match (op, place) {
        (Op::Clip, 1) => Ok(Literal::Int(value.max(least))),
        (Op::Clip, 2) => Ok(Literal::Int(value.min(most))),
        (Op::Power, 1) if (least..0).contains(&value) => Err(Error::new(Problem::Constant {
            text: format!("** {literal}"),
            problem: "integers have no negative powers; make one of them a float",
        })),
        _ => Ok(literal),
    }
}

/// A comparison with an integer that the other side's dtype cannot hold: the answer is the same for
/// every element, and known.
pub(super) fn beyond(
    op: Op,
    parts: &[Part],
    adapt: &dyn Fn(Literal) -> Scalar,
) -> Result<Option<Typed>> {
    if !op.is_comparison() {
        return Ok(None);
    }
    let (literal, other, literal_first) = match parts {
        [Part::Weak(literal), Part::Strong(other)] => (*literal, other, true),
        [Part::Strong(other), Part::Weak(literal)] => (*literal, other, false),
        _ => return Ok(None),
    };
    let Literal::Int(value) = literal else {
        return Ok(None);
    };
    match int_range(adapt(literal)) {
        Some((least, most)) if value < least || value > most => {}
        _ => return Ok(None),
    }
    // Any number on the same side of the literal stands for all of them.
    let zero = Literal::Int(0);
    let pair = if literal_first {
        [literal, zero]
    } else {
        [zero, literal]
    };
    let Some(Ok(Literal::Bool(answer))) = operate(op, &pair) else {
        return Ok(None);
    };
    let answer = constant(Literal::Bool(answer), Scalar::Bool)?;
    let everywhere = What::Apply(casting(Scalar::Bool, Scalar::Bool), vec![answer]);
    typed(Scalar::Bool, other.shape.clone(), everywhere).map(Some)
}

/// A plain number as an element of this type.
pub(super) fn constant(literal: Literal, scalar: Scalar) -> Result<Typed> {
    let element = |scalar: Scalar, bytes: &[u8]| {
        let mut cell = [0; 16];
        cell[..bytes.len()].copy_from_slice(bytes);
        Typed {
            scalar,
            time: None,
            unit: None,
            shape: Vec::new(),
            what: What::Constant(cell),
        }
    };
    match (literal, scalar.kind()) {
        (Literal::Bool(value), _) => cast_to(scalar, element(Scalar::Bool, &[u8::from(value)])),
        (Literal::Int(value), Kind::Signed | Kind::Unsigned) => {
            if int_range(scalar).is_none_or(|(least, most)| value < least || value > most) {
                let (literal, dtype) = (literal.to_string(), scalar.name().to_owned());
                return Err(Error::new(Problem::Literal { literal, dtype }));
            }
            // In range, so that `int64` and `uint64` hold the same bits and the cast loses none.
            let wide = element(Scalar::I64, bytes_of(&(value as i64)));
            cast_to(scalar, wide)
        }
        (Literal::Int(value), Kind::Bool) => Ok(element(Scalar::Bool, &[u8::from(value != 0)])),
        (Literal::Int(_) | Literal::Float(_), _) => {
            let value = literal.float().unwrap_or(f64::NAN);
            cast_to(scalar, element(Scalar::F64, bytes_of(&value)))
        }
        (Literal::Complex(..), _) => {
            cast_to(scalar, element(Scalar::C128, bytes_of(&literal.complex())))
        }
    }
}

/// The least and the greatest value of an integer type.
fn int_range(scalar: Scalar) -> Option<(i128, i128)> {
    let bits = 8 * scalar.size();
    match scalar.kind() {
        Kind::Unsigned => Some((0, (1 << bits) - 1)),
        Kind::Signed => Some((-(1 << (bits - 1)), (1 << (bits - 1)) - 1)),
        _ => None,
    }
}
