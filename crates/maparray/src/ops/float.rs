//! What do NumPy's operations on real floating-point numbers answer?
//!
//! Only what the standard library does not have or does otherwise: Python's division, maxima that
//! keep NaN, inverse hyperbolics that are accurate near their zeros.
//!
//! Knows: numbers. Must not know: arrays, dtypes.

use std::f64::consts::{LN_2, PI};

use num_traits::{AsPrimitive, Float};

/// Quotient rounded down and remainder with the divisor's sign, for a divisor that is not 0.
/// Source: NumPy, `npy_divmod`.
fn divmod<T: Float>(a: T, b: T) -> (T, T) {
    let zero = T::zero();
    let mut rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest == zero {
        rest = zero.copysign(b);
    } else if (b < zero) != (rest < zero) {
        rest = rest + b;
        quotient = quotient - T::one();
    }
    let floor = if quotient == zero {
        zero.copysign(a / b)
    } else {
        let floor = quotient.floor();
        // The division may have rounded down to just below an integer.
        if quotient - floor > T::one() / (T::one() + T::one()) {
            floor + T::one()
        } else {
            floor
        }
    };
    (floor, rest)
}

pub(super) fn floor_divide<T: Float>(a: T, b: T) -> T {
    if b == T::zero() {
        a / b
    } else {
        divmod(a, b).0
    }
}

pub(super) fn remainder<T: Float>(a: T, b: T) -> T {
    if b == T::zero() {
        T::nan()
    } else {
        divmod(a, b).1
    }
}

/// Zero, of either sign, has the sign 0.
pub(super) fn sign<T: Float>(a: T) -> T {
    if a > T::zero() {
        T::one()
    } else if a < T::zero() {
        -T::one()
    } else if a == T::zero() {
        T::zero()
    } else {
        a
    }
}

/// NaN if either is.
#[inline]
pub(super) fn maximum<T: Float>(a: T, b: T) -> T {
    if a >= b || a.is_nan() { a } else { b }
}

/// NaN if either is.
#[inline]
pub(super) fn minimum<T: Float>(a: T, b: T) -> T {
    if a <= b || a.is_nan() { a } else { b }
}

/// NaN only if both are.
#[inline]
pub(super) fn fmax<T: Float>(a: T, b: T) -> T {
    if a >= b || b.is_nan() { a } else { b }
}

/// NaN only if both are.
#[inline]
pub(super) fn fmin<T: Float>(a: T, b: T) -> T {
    if a <= b || b.is_nan() { a } else { b }
}

/// 0, or π for negative numbers; −0 counts as negative.
#[inline(always)]
pub(super) fn angle<T: Real>(a: T) -> T {
    let angle = if a.is_sign_negative() {
        T::rounded(PI)
    } else {
        T::zero()
    };
    if a.is_nan() { a } else { angle }
}

/// The part behind the point, with the sign of the number.
#[inline(always)]
pub(super) fn fraction<T: Float>(a: T) -> T {
    let rest = if a.is_infinite() {
        T::zero()
    } else {
        a - a.trunc()
    };
    rest.copysign(a)
}

/// 0 below zero, 1 above, `middle` at zero.
#[inline(always)]
pub(super) fn heaviside<T: Float>(a: T, middle: T) -> T {
    if a == T::zero() {
        middle
    } else if a.is_nan() {
        a
    } else if a < T::zero() {
        T::zero()
    } else {
        T::one()
    }
}

/// Rounded to so many decimals; of two that are equally near, the even one. Where NumPy overflows on
/// the way, the number stays as it is.
pub(super) fn round<T: Real>(a: T, decimals: i64) -> T {
    let unit = 10_f64.powi(decimals.unsigned_abs().min(400) as i32);
    let unit = T::rounded(unit);
    // Ties to even: `Float` has no name for it.
    let even = |a: T| T::rounded(a.as_().round_ties_even());
    let result = match decimals {
        0 => even(a),
        1.. => even(a * unit) / unit,
        _ if unit.is_infinite() => a * T::zero(),
        _ => even(a / unit) * unit,
    };
    if result.is_finite() { result } else { a }
}

/// The logarithm of the sum of two exponentials. Source: NumPy, `npy_logaddexp`.
pub(super) fn logaddexp<T: Float>(a: T, b: T) -> T {
    if a == b {
        // Equal infinities, too.
        return a + (T::one() + T::one()).ln();
    }
    let apart = a - b;
    if apart.is_nan() {
        apart
    } else if apart > T::zero() {
        a + (-apart).exp().ln_1p()
    } else {
        b + apart.exp().ln_1p()
    }
}

/// As [`logaddexp`], to the base 2.
pub(super) fn logaddexp2<T: Real>(a: T, b: T) -> T {
    if a == b {
        return a + T::one();
    }
    let apart = a - b;
    let log = |a: T| T::LOG2_E * a.ln_1p();
    if apart.is_nan() {
        apart
    } else if apart > T::zero() {
        a + log((-apart).exp2())
    } else {
        b + log(apart.exp2())
    }
}

/// The sine of π a divided by π a: 1 at zero.
pub(super) fn sinc<T: Real>(a: T) -> T {
    let angle = T::PI * a;
    if angle == T::zero() {
        T::one()
    } else {
        angle.sin() / angle
    }
}

/// A real number whose inverse hyperbolics are computed in `f64`.
pub(super) trait Real: Float + AsPrimitive<f64> {
    const DEGREES: Self;
    const LOG2_E: Self;
    const PI: Self;
    fn rounded(wide: f64) -> Self;
}

impl Real for f32 {
    const DEGREES: f32 = 180.0 / std::f32::consts::PI;
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const PI: f32 = std::f32::consts::PI;
    fn rounded(wide: f64) -> f32 {
        wide as f32
    }
}

impl Real for f64 {
    const DEGREES: f64 = 180.0 / PI;
    const LOG2_E: f64 = std::f64::consts::LOG2_E;
    const PI: f64 = PI;
    fn rounded(wide: f64) -> f64 {
        wide
    }
}

pub(super) fn degrees<T: Real>(a: T) -> T {
    a * T::DEGREES
}

/// Beyond this, 1 vanishes beside the square of a number.
const LARGE: f64 = (1_u64 << 28) as f64;

pub(super) fn arcsinh<T: Real>(a: T) -> T {
    let a: f64 = a.as_();
    let x = a.abs();
    if !x.is_finite() || x < 1.0 / LARGE {
        return T::rounded(a);
    }
    let size = if x > LARGE {
        x.ln() + LN_2
    } else if x > 2.0 {
        (2.0 * x + 1.0 / ((x * x + 1.0).sqrt() + x)).ln()
    } else {
        (x + x * x / (1.0 + (1.0 + x * x).sqrt())).ln_1p()
    };
    T::rounded(size.copysign(a))
}

pub(super) fn arccosh<T: Real>(a: T) -> T {
    let x: f64 = a.as_();
    T::rounded(if x < 1.0 {
        f64::NAN
    } else if x > LARGE {
        x.ln() + LN_2
    } else if x > 2.0 {
        (2.0 * x - 1.0 / (x + (x * x - 1.0).sqrt())).ln()
    } else {
        let above = x - 1.0;
        (above + (2.0 * above + above * above).sqrt()).ln_1p()
    })
}

pub(super) fn arctanh<T: Real>(a: T) -> T {
    T::rounded(wide_arctanh(a.as_()))
}

pub(super) fn wide_arctanh(a: f64) -> f64 {
    let x = a.abs();
    if x < 1.0 / LARGE || x.is_nan() {
        return a;
    }
    let doubled = 2.0 * x;
    let size = if x < 0.5 {
        (doubled + doubled * x / (1.0 - x)).ln_1p()
    } else {
        (doubled / (1.0 - x)).ln_1p()
    };
    (0.5 * size).copysign(a)
}
