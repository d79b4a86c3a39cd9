//! What do two plain numbers make?
//!
//! Operators between literals compute as Python does, before any array is met: `1 / 3` is a float
//! that still adapts to the array it meets, `2 ** 70` is exact as long as it fits 128 bits.
//!
//! Knows: literals. Must not know: arrays, dtypes.

use std::cmp::Ordering;

use num_complex::Complex;

use super::Literal;
use crate::dtype::Kind;
use crate::error::{Error, Problem, Result};
use crate::ops::Op;

const ZERO: &str = "division by zero";
const TOO_LONG: &str = "the integer is longer than 128 bits";
const TOO_LARGE: &str = "the result is too large";

impl Literal {
    /// What kind of number it is; `Signed` stands for every integer.
    pub fn kind(self) -> Kind {
        match self {
            Literal::Bool(_) => Kind::Bool,
            Literal::Int(_) => Kind::Signed,
            Literal::Float(_) => Kind::Float,
            Literal::Complex(..) => Kind::Complex,
        }
    }

    fn int(self) -> Option<i128> {
        match self {
            Literal::Bool(value) => Some(i128::from(value)),
            Literal::Int(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn float(self) -> Option<f64> {
        match self {
            Literal::Float(value) => Some(value),
            Literal::Complex(..) => None,
            _ => self.int().map(|value| value as f64),
        }
    }

    pub(super) fn complex(self) -> Complex<f64> {
        match self {
            Literal::Complex(real, imaginary) => Complex::new(real, imaginary),
            _ => Complex::new(self.float().unwrap_or(0.0), 0.0),
        }
    }

    fn type_name(self) -> &'static str {
        match self {
            Literal::Bool(_) => "bool",
            Literal::Int(_) => "int",
            Literal::Float(_) => "float",
            Literal::Complex(..) => "complex",
        }
    }
}

/// The result of an operator on literals; `None` if the operation is not one of Python's operators.
///
/// # Errors
/// `Expression` where Python raises `ZeroDivisionError` and the like; `Mismatch` where the operator
/// is not defined for such numbers.
pub(super) fn operate(op: Op, arguments: &[Literal]) -> Option<Result<Literal>> {
    let sign = op.sign()?;
    let undefined = || {
        let dtypes: Vec<_> = arguments
            .iter()
            .map(|literal| literal.type_name())
            .collect();
        Error::new(Problem::NoLoop {
            operation: op.name(),
            dtypes: dtypes.join(" and "),
        })
    };
    let failed = |problem: &'static str| {
        let text = match arguments {
            [of] => format!("{sign}{of}"),
            [left, right] => format!("{left} {sign} {right}"),
            _ => String::new(),
        };
        Error::new(Problem::Constant { text, problem })
    };
    let outcome = match *arguments {
        [of] => unary(sign, of)?,
        [left, right] => match comparison(sign, left, right) {
            Some(outcome) => outcome,
            None => match (left.int(), right.int()) {
                (Some(a), Some(b)) => ints(sign, a, b, left.kind().max(right.kind()))?,
                _ => match (left.float(), right.float()) {
                    (Some(a), Some(b)) => floats(sign, a, b)?,
                    _ => complexes(sign, left.complex(), right.complex())?,
                },
            },
        },
        _ => return None,
    };
    Some(outcome.map_err(|failure| match failure {
        Some(problem) => failed(problem),
        None => undefined(),
    }))
}

/// A literal; or why there is none: a problem with these numbers, or none for numbers of this kind.
type Outcome = std::result::Result<Literal, Option<&'static str>>;

fn unary(sign: &str, of: Literal) -> Option<Outcome> {
    let int = of.int();
    Some(match (sign, of) {
        ("-", Literal::Float(value)) => Ok(Literal::Float(-value)),
        ("-", Literal::Complex(real, imaginary)) => Ok(Literal::Complex(-real, -imaginary)),
        ("-", _) => int
            .and_then(i128::checked_neg)
            .map(Literal::Int)
            .ok_or(Some(TOO_LONG)),
        ("+", _) => Ok(int.map_or(of, Literal::Int)),
        ("~", _) => int.map(|value| Literal::Int(!value)).ok_or(None),
        _ => return None,
    })
}

fn comparison(sign: &str, left: Literal, right: Literal) -> Option<Outcome> {
    let ordering = match (left, right) {
        (Literal::Complex(..), _) | (_, Literal::Complex(..)) => {
            let equal = left.complex() == right.complex();
            return match sign {
                "==" => Some(Ok(Literal::Bool(equal))),
                "!=" => Some(Ok(Literal::Bool(!equal))),
                "<" | "<=" | ">" | ">=" => Some(Err(None)),
                _ => None,
            };
        }
        (Literal::Float(a), Literal::Float(b)) => a.partial_cmp(&b),
        (Literal::Float(a), _) => right
            .int()
            .and_then(|b| exactly(b, a))
            .map(Ordering::reverse),
        (_, Literal::Float(b)) => left.int().and_then(|a| exactly(a, b)),
        _ => Some(left.int().cmp(&right.int())),
    };
    let holds = match sign {
        "==" => ordering == Some(Ordering::Equal),
        "!=" => ordering != Some(Ordering::Equal),
        "<" => ordering == Some(Ordering::Less),
        "<=" => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
        ">" => ordering == Some(Ordering::Greater),
        ">=" => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
        _ => return None,
    };
    Some(Ok(Literal::Bool(holds)))
}

/// Compares without rounding the integer; `None` for NaN.
fn exactly(int: i128, float: f64) -> Option<Ordering> {
    const LIMIT: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if float.is_nan() {
        None
    } else if float >= LIMIT {
        Some(Ordering::Less)
    } else if float < -LIMIT {
        Some(Ordering::Greater)
    } else {
        let whole = float.trunc();
        let fraction = 0.0_f64.partial_cmp(&(float - whole));
        Some(
            int.cmp(&(whole as i128))
                .then(fraction.unwrap_or(Ordering::Equal)),
        )
    }
}

fn ints(sign: &str, a: i128, b: i128, kind: Kind) -> Option<Outcome> {
    let long = |value: Option<i128>| value.map(Literal::Int).ok_or(Some(TOO_LONG));
    // Two truth values stay truth values under these three.
    let bits = |value: i128| match kind {
        Kind::Bool => Literal::Bool(value != 0),
        _ => Literal::Int(value),
    };
    Some(match sign {
        "+" => long(a.checked_add(b)),
        "-" => long(a.checked_sub(b)),
        "*" => long(a.checked_mul(b)),
        "/" | "//" | "%" if b == 0 => Err(Some(ZERO)),
        "/" => Ok(Literal::Float(a as f64 / b as f64)),
        "//" => long(a.checked_div(b).map(|quotient| {
            let exact = a.wrapping_rem(b) == 0;
            quotient - i128::from(!exact && (a < 0) != (b < 0))
        })),
        "%" => long(a.checked_rem(b).map(|rest| {
            if rest != 0 && (rest < 0) != (b < 0) {
                rest + b
            } else {
                rest
            }
        })),
        "**" if b < 0 => return floats(sign, a as f64, b as f64),
        "**" => match (a, u32::try_from(b)) {
            (0 | 1, _) => long(Some(if b == 0 { 1 } else { a })),
            (-1, _) => long(Some(if b % 2 == 0 { 1 } else { -1 })),
            (_, Ok(exponent)) => long(a.checked_pow(exponent)),
            (_, Err(_)) => Err(Some(TOO_LONG)),
        },
        "<<" | ">>" if b < 0 => Err(Some("the shift is negative")),
        "<<" if a == 0 => Ok(Literal::Int(0)),
        "<<" => long(u32::try_from(b).ok().and_then(|bits| {
            let power = 1i128.checked_shl(bits).filter(|power| *power > 0);
            power.and_then(|power| a.checked_mul(power))
        })),
        ">>" => Ok(Literal::Int(a >> b.min(127))),
        "&" => Ok(bits(a & b)),
        "|" => Ok(bits(a | b)),
        "^" => Ok(bits(a ^ b)),
        _ => return None,
    })
}

fn floats(sign: &str, a: f64, b: f64) -> Option<Outcome> {
    let float = |value: f64| Ok(Literal::Float(value));
    Some(match sign {
        "+" => float(a + b),
        "-" => float(a - b),
        "*" => float(a * b),
        "/" | "//" | "%" if b == 0.0 => Err(Some(ZERO)),
        "/" => float(a / b),
        "//" => float(floor_divide(a, b).0),
        "%" => float(floor_divide(a, b).1),
        "**" if a == 0.0 && b < 0.0 => Err(Some(ZERO)),
        // Python: a root of a negative number is complex.
        "**" if a < 0.0 && a.is_finite() && b.is_finite() && b.fract() != 0.0 => {
            return complexes(sign, Complex::new(a, 0.0), Complex::new(b, 0.0));
        }
        "**" => match a.powf(b) {
            power if power.is_infinite() && a.is_finite() && b.is_finite() => Err(Some(TOO_LARGE)),
            power => float(power),
        },
        "<<" | ">>" | "&" | "|" | "^" => Err(None),
        _ => return None,
    })
}

/// Quotient and remainder as Python's `divmod`: the remainder has the sign of the divisor.
fn floor_divide(a: f64, b: f64) -> (f64, f64) {
    let mut rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest == 0.0 {
        rest = 0.0_f64.copysign(b);
    } else if (rest < 0.0) != (b < 0.0) {
        rest += b;
        quotient -= 1.0;
    }
    let floor = quotient.floor();
    let quotient = if quotient == 0.0 {
        0.0_f64.copysign(a / b)
    } else if quotient - floor > 0.5 {
        floor + 1.0
    } else {
        floor
    };
    (quotient, rest)
}

fn complexes(sign: &str, a: Complex<f64>, b: Complex<f64>) -> Option<Outcome> {
    let complex = |value: Complex<f64>| Ok(Literal::Complex(value.re, value.im));
    let zero = Complex::new(0.0, 0.0);
    Some(match sign {
        "+" => complex(a + b),
        "-" => complex(a - b),
        "*" => complex(a * b),
        "/" if b == zero => Err(Some(ZERO)),
        "/" => complex(a / b),
        "**" if b == zero => complex(Complex::new(1.0, 0.0)),
        "**" if a == zero && (b.re < 0.0 || b.im != 0.0) => Err(Some(ZERO)),
        "**" if a == zero => complex(zero),
        "**" if b.im == 0.0 && b.re.fract() == 0.0 && b.re.abs() <= 100.0 => {
            complex(a.powi(b.re as i32))
        }
        "**" => complex(a.powc(b)),
        "//" | "%" | "<<" | ">>" | "&" | "|" | "^" => Err(None),
        _ => return None,
    })
}
