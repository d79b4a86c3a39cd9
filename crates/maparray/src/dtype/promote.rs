//! Which dtype holds the values of two others?
//!
//! NumPy's promotion (NEP 50): symmetric, and never by value.
//!
//! Knows: dtypes. Must not know: operations, files.

use std::sync::Arc;

use super::{ByteOrder, DType, Field, Kind, Record, Scalar, TimeStep, TimeUnit};
use crate::error::{Error, Problem, Result};

/// The smallest dtype that holds the values of both: NumPy's `promote_types`. Its byte order is the
/// machine's.
///
/// ```
/// use maparray::{DType, dtype::promote};
/// let (days, seconds): (DType, DType) = ("M8[D]".parse()?, "M8[25s]".parse()?);
/// assert_eq!(promote(&days, &seconds)?, seconds);
/// # Ok::<(), maparray::Error>(())
/// ```
///
/// # Errors
/// `Mismatch` if no dtype holds both, such as for a date and a float.
pub fn promote(left: &DType, right: &DType) -> Result<DType> {
    common(left, right).ok_or_else(|| {
        Error::new(Problem::NoPromotion {
            left: left.to_string(),
            right: right.to_string(),
        })
    })
}

/// Where a type stands when many are promoted one after the other: complex numbers, then floats. An
/// integer is held by a float as it is, while two integers may need a larger one first. NumPy's
/// `result_type` does so.
pub(crate) fn turn(scalar: Scalar) -> u8 {
    match scalar.kind() {
        Kind::Complex => 0,
        Kind::Float => 1,
        Kind::Bool | Kind::Unsigned | Kind::Signed => 2,
    }
}

fn common(left: &DType, right: &DType) -> Option<DType> {
    use DType as D;
    const NATIVE: ByteOrder = ByteOrder::NATIVE;
    Some(match (left, right) {
        (&D::Number(a, _), &D::Number(b, _)) => promote_scalars(a, b).native(),
        (&D::LongDouble { size, complex, .. }, &D::Number(number, _))
        | (&D::Number(number, _), &D::LongDouble { size, complex, .. }) => {
            let grows = !complex && number.kind() == Kind::Complex;
            let size = if grows { size * 2 } else { size };
            D::LongDouble {
                size,
                complex: complex || grows,
                order: NATIVE,
            }
        }
        (
            &D::LongDouble {
                size: a,
                complex: c,
                ..
            },
            &D::LongDouble {
                size: b,
                complex: d,
                ..
            },
        ) => {
            let part = |size: usize, complex: bool| if complex { size / 2 } else { size };
            let part = part(a, c).max(part(b, d));
            let complex = c || d;
            D::LongDouble {
                size: if complex { part * 2 } else { part },
                complex,
                order: NATIVE,
            }
        }
        (&D::Bytes(a), &D::Bytes(b)) => D::Bytes(a.max(b)),
        (&D::Text(a, _), &D::Text(b, _) | &D::Bytes(b)) | (&D::Bytes(b), &D::Text(a, _)) => {
            D::Text(a.max(b), NATIVE)
        }
        (&D::Bytes(a), number) | (number, &D::Bytes(a)) => D::Bytes(a.max(characters(number)?)),
        (&D::Text(a, _), number) | (number, &D::Text(a, _)) => {
            D::Text(a.max(characters(number)?), NATIVE)
        }
        (&D::Void(a), &D::Void(b)) if a == b => D::Void(a),
        (&D::Duration(a, _), &D::Duration(b, _)) => {
            D::Duration(common_step(a, b, Calendar::Apart)?, NATIVE)
        }
        (&D::Moment(a, _), &D::Moment(b, _) | &D::Duration(b, _))
        | (&D::Duration(b, _), &D::Moment(a, _)) => {
            D::Moment(common_step(a, b, Calendar::Together)?, NATIVE)
        }
        (&D::Duration(step, _), &D::Number(number, _))
        | (&D::Number(number, _), &D::Duration(step, _))
            if promote_scalars(number, Scalar::I64) == Scalar::I64 =>
        {
            D::Duration(step, NATIVE)
        }
        (D::SubArray(a), D::SubArray(b)) if a.1 == b.1 => {
            D::SubArray(Arc::new((common(&a.0, &b.0)?, a.1.clone())))
        }
        (D::Record(a), D::Record(b)) => D::Record(Arc::new(common_record(a, b)?)),
        _ => return None,
    })
}

/// Characters that NumPy allows for the text of a number.
fn characters(dtype: &DType) -> Option<usize> {
    Some(match dtype {
        DType::Number(scalar, _) => match (scalar.kind(), scalar.size()) {
            (Kind::Bool, _) => 5,
            (Kind::Unsigned, 1) => 3,
            (Kind::Unsigned, 2) => 5,
            (Kind::Unsigned, 4) => 10,
            (Kind::Unsigned, _) => 20,
            (Kind::Signed, 1) => 4,
            (Kind::Signed, 2) => 6,
            (Kind::Signed, 4) => 11,
            (Kind::Signed, _) => 21,
            (Kind::Float, _) => 32,
            (Kind::Complex, _) => 64,
        },
        DType::LongDouble { complex: false, .. } => 48,
        DType::LongDouble { complex: true, .. } => 96,
        _ => return None,
    })
}

/// Field by field, packed; the names and titles have to be the same.
fn common_record(left: &Record, right: &Record) -> Option<Record> {
    if left.fields.len() != right.fields.len() {
        return None;
    }
    let mut record = Record {
        fields: vec![],
        size: 0,
    };
    for (a, b) in left.fields.iter().zip(&right.fields) {
        if (&a.name, &a.title) != (&b.name, &b.title) {
            return None;
        }
        let dtype = common(&a.dtype, &b.dtype)?;
        let offset = record.size;
        record.size = offset.checked_add(dtype.size())?;
        record.fields.push(Field {
            name: a.name.clone(),
            title: a.title.clone(),
            dtype,
            offset,
        });
    }
    Some(record)
}

/// Whether years and months have a common step with days.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Calendar {
    /// No: a month has no fixed number of days. So for durations.
    Apart,
    /// Yes: every month begins on a day. So for moments.
    Together,
}

/// How many steps of `fine` make one of `coarse`; `None` if that is no whole number, or depends on the
/// calendar.
pub(crate) fn steps_in(coarse: TimeStep, fine: TimeStep) -> Option<i64> {
    if coarse == fine || coarse.unit == TimeUnit::Generic {
        return Some(1);
    }
    let by_month = |step: TimeStep| step.unit <= TimeUnit::Month;
    if coarse.unit > fine.unit || by_month(coarse) != by_month(fine) {
        return None;
    }
    let years = coarse.unit == TimeUnit::Year && fine.unit == TimeUnit::Month;
    let mut steps = i128::from(coarse.count) * if years { 12 } else { 1 };
    for &(unit, in_next) in UNITS_IN_NEXT {
        if (coarse.unit..fine.unit).contains(&unit) {
            steps = steps.checked_mul(i128::from(in_next))?;
        }
    }
    let count = i128::from(fine.count);
    let whole = (steps % count == 0).then_some(steps / count)?;
    i64::try_from(whole).ok()
}

/// The longest step that both are multiples of.
fn common_step(left: TimeStep, right: TimeStep, calendar: Calendar) -> Option<TimeStep> {
    let (coarse, fine) = if left.unit <= right.unit {
        (left, right)
    } else {
        (right, left)
    };
    if fine.unit == TimeUnit::Generic {
        return Some(coarse);
    }
    let years = coarse.unit == TimeUnit::Year && fine.unit == TimeUnit::Month;
    let apart = coarse.unit <= TimeUnit::Month && fine.unit > TimeUnit::Month;
    if apart && calendar == Calendar::Apart {
        return None;
    }
    let mut factor: u64 = if years { 12 } else { 1 };
    for &(unit, in_next) in UNITS_IN_NEXT {
        if (coarse.unit..fine.unit).contains(&unit) {
            factor = factor.checked_mul(in_next)?;
            // NumPy's own limit.
            if factor >> 56 != 0 {
                return None;
            }
        }
    }
    let coarse_count = u64::from(coarse.count).checked_mul(factor)?;
    let count = greatest_common_divisor(coarse_count, u64::from(fine.count));
    let count = i32::try_from(count).ok()?.unsigned_abs();
    Some(TimeStep {
        unit: fine.unit,
        count,
    })
}

/// How many of the next finer unit make one of each. NumPy counts a year or a month as one
/// week when it looks for a common step, and so does this.
const UNITS_IN_NEXT: &[(TimeUnit, u64)] = &[
    (TimeUnit::Week, 7),
    (TimeUnit::Day, 24),
    (TimeUnit::Hour, 60),
    (TimeUnit::Minute, 60),
    (TimeUnit::Second, 1000),
    (TimeUnit::Millisecond, 1000),
    (TimeUnit::Microsecond, 1000),
    (TimeUnit::Nanosecond, 1000),
    (TimeUnit::Picosecond, 1000),
    (TimeUnit::Femtosecond, 1000),
];

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The smallest number type that holds the values of both: NumPy's `promote_types`.
///
/// ```
/// use maparray::Scalar;
/// use maparray::dtype::promote_scalars;
/// assert_eq!(promote_scalars(Scalar::I16, Scalar::U16), Scalar::I32);
/// assert_eq!(promote_scalars(Scalar::I64, Scalar::U64), Scalar::F64);
/// ```
pub fn promote_scalars(left: Scalar, right: Scalar) -> Scalar {
    if left == right {
        return left;
    }
    // Nothing is computed in eight bits.
    let (left, right) = (left.computed(), right.computed());
    let (low, high) = if (left.kind(), left.size()) <= (right.kind(), right.size()) {
        (left, right)
    } else {
        (right, left)
    };
    // Each has bits that the other lacks.
    if (low, high) == (Scalar::F16, Scalar::BF16) || (low, high) == (Scalar::BF16, Scalar::F16) {
        return Scalar::F32;
    }
    if low.kind() == Kind::Bool || low.kind() == high.kind() {
        return high;
    }
    match high.kind() {
        Kind::Bool | Kind::Unsigned => high,
        // From here on `low` is of a lesser kind.
        Kind::Signed if low.size() < high.size() => high,
        Kind::Signed => match low.size() {
            1 => Scalar::I16,
            2 => Scalar::I32,
            4 => Scalar::I64,
            _ => Scalar::F64,
        },
        Kind::Float => wider(high, float_for(low)),
        Kind::Complex => match float_for(low) {
            Scalar::F64 => Scalar::C128,
            _ => high,
        },
    }
}

fn wider(left: Scalar, right: Scalar) -> Scalar {
    if left.size() < right.size() {
        right
    } else {
        left
    }
}

/// The float that holds a real number's values, as nearly as NumPy asks for.
fn float_for(scalar: Scalar) -> Scalar {
    match (scalar.kind(), scalar.size()) {
        (Kind::Float, _) => scalar,
        (_, 1) => Scalar::F16,
        (_, 2) => Scalar::F32,
        _ => Scalar::F64,
    }
}
