//! In which unit is a result?
//!
//! A rule for each operation, as astropy's quantities have it. Operands of like units are brought to
//! one by multiplications, written out as casts are; parts without a unit are plain numbers. Nothing
//! of this is done where no part has a unit.
//!
//! Knows: operations, units. Must not know: arrays, files.

use std::mem::replace;
use std::sync::Arc;

use super::infer::{Part, Typed, What, apply, cast_to, strong};
use super::{Literal, Reduce, Whole, time};
use crate::dtype::{Kind, Scalar};
use crate::error::{Error, Problem, Result};
use crate::ops::{Accuracy, Op, Reduction};
use crate::unit::{Power, Unit};

/// The unit of a part; none if it is a plain number of which nobody said more.
pub(super) type Measure = Option<Arc<Unit>>;

/// What an operation makes of units.
#[derive(Clone, Copy)]
enum Rule {
    /// Operands of like units, brought to that of the first, which the result has.
    Same,
    /// The same with bounds, which are brought to the unit of the first operand.
    Within,
    /// Operands of like units; a bare result.
    Compare,
    /// Operands of like units; a ratio.
    Ratio,
    /// Operands of like units; an angle.
    AngleBetween,
    Product,
    Quotient,
    Power,
    /// The unit to this power.
    Raised(i32, i32),
    /// The unit of the first operand; what follows are plain numbers.
    Keep,
    /// The unit of the first operand, whatever the second has.
    First,
    /// A bare result, whatever the operand has.
    Bare,
    /// Angles or plain numbers; a plain number.
    OfAngle,
    /// A plain number; an angle.
    ToAngle,
    /// Angles, in this unit first and in that one afterwards.
    Turned(&'static str, &'static str),
    /// Anything; an angle.
    Phase,
    /// Anything, and the plain number that it has at zero; a plain number.
    Step,
    /// Plain numbers; a bare result.
    Bits,
    /// Plain numbers.
    Plain,
}

fn rule_of(op: Op) -> Rule {
    use Op as O;
    match op {
        O::Add | O::Subtract | O::Maximum | O::Minimum | O::Fmax | O::Fmin => Rule::Same,
        O::Hypot | O::Remainder | O::Fmod | O::Nextafter | O::Where => Rule::Same,
        O::Clip => Rule::Within,
        O::Equal | O::NotEqual | O::Less | O::LessEqual | O::Greater | O::GreaterEqual => {
            Rule::Compare
        }
        O::FloorDivide => Rule::Ratio,
        O::Arctan2 => Rule::AngleBetween,
        O::Multiply => Rule::Product,
        O::Divide => Rule::Quotient,
        O::Power | O::FloatPower => Rule::Power,
        O::Square => Rule::Raised(2, 1),
        O::Sqrt => Rule::Raised(1, 2),
        O::Cbrt => Rule::Raised(1, 3),
        O::Reciprocal => Rule::Raised(-1, 1),
        O::Negative | O::Positive | O::Absolute | O::Fabs | O::Conjugate => Rule::Keep,
        O::Real | O::Imag | O::Spacing | O::NanToNum => Rule::Keep,
        O::Floor | O::Ceil | O::Trunc | O::Rint | O::Round | O::Ldexp => Rule::Keep,
        O::Copysign => Rule::First,
        O::Isnan | O::Isinf | O::Isfinite | O::Isposinf | O::Isneginf => Rule::Bare,
        O::Isreal | O::Iscomplex | O::Signbit | O::Sign => Rule::Bare,
        O::Sin | O::Cos | O::Tan | O::Sinh | O::Cosh | O::Tanh | O::Sinc => Rule::OfAngle,
        O::Arcsin | O::Arccos | O::Arctan => Rule::ToAngle,
        O::Arcsinh | O::Arccosh | O::Arctanh => Rule::ToAngle,
        O::Deg2rad => Rule::Turned("deg", "rad"),
        O::Rad2deg => Rule::Turned("rad", "deg"),
        O::Angle => Rule::Phase,
        O::Heaviside => Rule::Step,
        O::LogicalAnd | O::LogicalOr | O::LogicalXor | O::LogicalNot => Rule::Bits,
        O::FrexpMantissa | O::FrexpExponent => Rule::Bits,
        _ => Rule::Plain,
    }
}

impl Part {
    fn unit(&self) -> Option<&Arc<Unit>> {
        match self {
            Part::Strong(typed) => typed.unit.as_ref(),
            Part::Weak(_) => None,
        }
    }

    /// The same part in a unit; a literal has none.
    pub(super) fn measuring(self, unit: Measure) -> Part {
        match self {
            Part::Strong(typed) => Part::Strong(Typed { unit, ..typed }),
            weak @ Part::Weak(_) => weak,
        }
    }

    /// Whether it is zero, infinite or not a number, and thus a value in every unit.
    fn is_of_any_unit(&self) -> bool {
        self.number()
            .is_some_and(|number| number == 0.0 || !number.is_finite())
    }

    /// Its value, if that is known now and real.
    fn number(&self) -> Option<f64> {
        match self {
            Part::Weak(literal) => literal.float(),
            Part::Strong(typed) if typed.scalar.kind() < Kind::Complex => {
                let What::Constant(_) = typed.what else {
                    return None;
                };
                match cast_to(Scalar::F64, typed.clone()).ok()?.what {
                    What::Constant(bytes) => bytemuck::try_pod_read_unaligned(&bytes[..8]).ok(),
                    _ => None,
                }
            }
            Part::Strong(_) => None,
        }
    }
}

/// Whether a part has a unit.
pub(super) fn among(parts: &[Part]) -> bool {
    parts.iter().any(|part| part.unit().is_some())
}

/// Brings operands to the units that an operation wants; says that of its result.
///
/// # Errors
/// `Unit` if it is not defined for these units.
pub(super) fn settle(op: Op, parts: &mut [Part], accuracy: Accuracy) -> Result<Measure> {
    let settling = Settling {
        operation: op.name(),
        accuracy,
    };
    if time::among(parts) {
        return Err(time_with_unit(parts));
    }
    let first = parts.first().and_then(Part::unit).cloned();
    match rule_of(op) {
        Rule::Same if op == Op::Where => {
            settling.plain(&mut parts[..1])?;
            settling.common(&mut parts[1..])
        }
        Rule::Same => settling.common(parts),
        Rule::Within => {
            let unit = first.unwrap_or_default();
            settling.bring(parts, &unit)?;
            Ok(Some(unit))
        }
        Rule::Compare => settling.common(parts).map(|_| None),
        Rule::Ratio => settling.common(parts).map(|_| plain()),
        Rule::AngleBetween => settling.common(parts).and_then(|_| named("rad")),
        Rule::Product => product(first, parts[1].unit().cloned()),
        Rule::Quotient => quotient(first, parts[1].unit().cloned()),
        Rule::Power => settling.power(parts),
        Rule::Raised(above, below) => raised(first, Power::new(above, below)?),
        Rule::Keep => {
            settling.plain(&mut parts[1..])?;
            Ok(first.or_else(plain))
        }
        Rule::First => Ok(first),
        Rule::Bare => Ok(None),
        Rule::OfAngle => {
            settling.angle(&mut parts[0], "rad", true)?;
            Ok(plain())
        }
        Rule::ToAngle => {
            settling.plain(parts)?;
            named("rad")
        }
        Rule::Turned(from, to) => {
            settling.angle(&mut parts[0], from, false)?;
            named(to)
        }
        Rule::Phase => named("rad"),
        Rule::Step => {
            settling.plain(&mut parts[1..])?;
            Ok(plain())
        }
        Rule::Bits => settling.plain(parts).map(|()| None),
        Rule::Plain => settling.plain(parts).map(|()| plain()),
    }
}

/// The same for a reduction of `of`; `initial` takes part, too.
///
/// # Errors
/// As [`settle`].
pub(super) fn settle_reduction(
    reduce: &Reduce,
    of: &mut Part,
    initial: Option<&mut Part>,
    accuracy: Accuracy,
) -> Result<Measure> {
    use Reduction as R;
    let settling = Settling {
        operation: reduce.reduction.name(),
        accuracy,
    };
    let unit = match (reduce.reduction, initial) {
        (R::Prod, initial) => {
            settling.plain(std::slice::from_mut(of))?;
            if let Some(initial) = initial {
                settling.plain(std::slice::from_mut(initial))?;
            }
            return Ok(plain());
        }
        (_, Some(initial)) => {
            let unit = of.unit().cloned().unwrap_or_default();
            settling.bring_one(initial, &unit)?;
            Some(unit)
        }
        (_, None) => of.unit().cloned(),
    };
    Ok(match reduce.reduction {
        R::Sum | R::Mean | R::Std | R::Min | R::Max => unit,
        R::Var => raised(unit, Power::from(2))?,
        R::Any | R::All | R::CountNonzero | R::ArgMin | R::ArgMax | R::Prod => None,
    })
}

/// The same for a function over whole arrays; the operands at these places are weights and edges of
/// bins.
///
/// # Errors
/// As [`settle`].
pub(super) fn settle_whole(
    function: Whole,
    parameters: &super::Parameters,
    parts: &mut [Part],
    accuracy: Accuracy,
) -> Result<Measure> {
    use Whole as W;
    let settling = Settling {
        operation: function.name(),
        accuracy,
    };
    let first = parts.first().and_then(Part::unit).cloned();
    match function {
        W::CumProd | W::NanCumProd => settling.plain(parts).map(|()| plain()),
        W::RollingVar => raised(first, Power::from(2)),
        W::ArgSort | W::ArgTopK | W::UniqueCounts => Ok(None),
        W::MatMul | W::Dot => product(first, parts[1].unit().cloned()),
        W::Histogram | W::HistogramEdges => {
            let unit = first.unwrap_or_default();
            if let Some(place) = parameters.operand("bins") {
                settling.bring_one(&mut parts[place], &unit)?;
            }
            if function == W::HistogramEdges {
                return Ok(Some(unit));
            }
            let weights = parameters.operand("weights");
            let weight = weights.map(|place| parts[place].unit().cloned().unwrap_or_default());
            match parameters.flag("density") {
                true => quotient(weight, Some(unit)),
                false => Ok(weight),
            }
        }
        _ => Ok(first),
    }
}

impl Typed {
    /// The same values in the unit of a place that they are written to; a place without one takes
    /// plain numbers.
    ///
    /// # Errors
    /// `Unit` if they do not measure the same.
    pub(crate) fn for_place(self, unit: Option<&Arc<Unit>>) -> Result<Typed> {
        if self.unit.is_none() && unit.is_none() {
            return Ok(self);
        }
        let settling = Settling {
            operation: "out",
            accuracy: Accuracy::default(),
        };
        let mut part = [Part::Strong(self)];
        match unit {
            Some(unit) => settling.bring(&mut part, unit)?,
            None => settling.plain(&mut part)?,
        }
        let [part] = part;
        strong(part)
    }
}

/// An operation at work on the units of its operands.
struct Settling {
    operation: &'static str,
    accuracy: Accuracy,
}

impl Settling {
    /// Brings parts of like units to one: the first that is there, or none at all where plain numbers
    /// are among them.
    fn common(&self, parts: &mut [Part]) -> Result<Measure> {
        let mut units = parts.iter().filter_map(Part::unit);
        let Some(first) = units.next().cloned() else {
            return Ok(plain());
        };
        let bare = parts.iter().any(|part| part.unit().is_none());
        let unit = match first.is_dimensionless() && bare {
            true => Arc::default(),
            false => first,
        };
        self.bring(parts, &unit)?;
        Ok(Some(unit))
    }

    fn bring(&self, parts: &mut [Part], unit: &Arc<Unit>) -> Result<()> {
        let mut parts = parts.iter_mut();
        parts.try_for_each(|part| self.bring_one(part, unit))
    }

    /// Brings a part to this unit; plain numbers if it measures plain numbers, zero in any case.
    fn bring_one(&self, part: &mut Part, unit: &Arc<Unit>) -> Result<()> {
        let factor = match part.unit() {
            Some(own) if Arc::ptr_eq(own, unit) => return Ok(()),
            Some(own) if own.same_dimensions(unit) => own.factor_to(unit)?,
            None if unit.is_dimensionless() => Unit::dimensionless().factor_to(unit)?,
            None if part.is_of_any_unit() => return Ok(()),
            own => {
                let found = match own {
                    Some(own) if own.is_unity() => "plain numbers".into(),
                    Some(own) => format!("`{own}`"),
                    None => "no unit".into(),
                };
                return Err(Error::new(Problem::UnitOperand {
                    operation: self.operation,
                    found,
                    expected: match unit.is_unity() {
                        true => "plain numbers".into(),
                        false => format!("one like `{unit}`"),
                    },
                }));
            }
        };
        self.scale(part, factor)
    }

    fn scale(&self, part: &mut Part, factor: f64) -> Result<()> {
        if factor == 1.0 {
            return Ok(());
        }
        let own = replace(part, Part::Weak(Literal::Bool(false)));
        let factor = Part::Weak(Literal::Float(factor));
        *part = apply(Op::Multiply, vec![own, factor], self.accuracy)?;
        Ok(())
    }

    /// Brings parts to plain numbers.
    fn plain(&self, parts: &mut [Part]) -> Result<()> {
        let units = parts.iter_mut().filter(|part| part.unit().is_some());
        let one = Arc::default();
        units
            .into_iter()
            .try_for_each(|part| self.bring_one(part, &one))
    }

    /// Brings an angle to this unit.
    fn angle(&self, part: &mut Part, unit: &str, or_plain: bool) -> Result<()> {
        let unit = Arc::new(Unit::parse(unit)?);
        match part.unit() {
            Some(own) if or_plain && own.is_dimensionless() => {
                self.plain(std::slice::from_mut(part))
            }
            _ => self.bring_one(part, &unit),
        }
    }

    fn power(&self, parts: &mut [Part]) -> Result<Measure> {
        self.plain(&mut parts[1..])?;
        let Some(unit) = parts[0].unit().cloned() else {
            return Ok(plain());
        };
        if unit.is_unity() {
            return Ok(plain());
        }
        let exponent = parts[1].number();
        match (exponent.and_then(fraction), exponent) {
            (Some(power), _) => raised(Some(unit), power),
            _ if unit.is_dimensionless() => {
                self.plain(&mut parts[..1])?;
                Ok(plain())
            }
            (None, Some(number)) => Err(Error::new(Problem::UnitPower {
                found: number.to_string(),
            })),
            (None, None) => Err(Error::new(Problem::UnitExponent {
                unit: unit.to_string(),
            })),
        }
    }
}

/// The error for dates or durations beside what has a unit.
fn time_with_unit(parts: &[Part]) -> Error {
    let unit = parts
        .iter()
        .find_map(Part::unit)
        .map_or(String::new(), |unit| unit.to_string());
    let dtype = parts.iter().find_map(|part| match part {
        Part::Strong(typed) if typed.time.is_some() => Some(typed.dtype().to_string()),
        _ => None,
    });
    let dtype = dtype.unwrap_or_default();
    Error::new(Problem::UnitOfTime { unit, dtype })
}

fn plain() -> Measure {
    Some(Arc::default())
}

fn named(text: &str) -> Result<Measure> {
    Unit::parse(text).map(|unit| Some(Arc::new(unit)))
}

fn product(left: Measure, right: Measure) -> Result<Measure> {
    match (left, right) {
        (Some(left), Some(right)) => left.multiply(&right).map(|unit| Some(Arc::new(unit))),
        (one, None) | (None, one) => Ok(one),
    }
}

fn quotient(left: Measure, right: Measure) -> Result<Measure> {
    match (left, right) {
        (left, None) => Ok(left),
        (None, right) => raised(right, Power::from(-1)),
        (Some(left), Some(right)) => left.divide(&right).map(|unit| Some(Arc::new(unit))),
    }
}

fn raised(unit: Measure, power: Power) -> Result<Measure> {
    unit.map(|unit| unit.pow(power).map(Arc::new)).transpose()
}

/// The fraction with a small denominator that a number is, but for its rounding.
fn fraction(number: f64) -> Option<Power> {
    const MOST: i32 = 100;
    (1..=MOST).find_map(|below| {
        let above = number * f64::from(below);
        let whole = above.round();
        let near = (above - whole).abs() <= 4.0 * f64::EPSILON * above.abs();
        let fits = whole.abs() <= f64::from(i32::MAX);
        (near && fits).then(|| Power::new(whole as i32, below).ok())?
    })
}
