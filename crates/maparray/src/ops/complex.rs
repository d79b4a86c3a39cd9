//! What do NumPy's operations on complex numbers answer?
//!
//! Arithmetic, order and sign in either precision, as NumPy defines them where num-complex differs.
//!
//! Knows: numbers. Must not know: arrays, dtypes.

use num_complex::Complex;
use num_traits::Float;

use super::float::{self, Real};

/// Smith's method, which does not overflow on the way. Source: NumPy, `loops.c.src`.
pub(super) fn divide<T: Float>(a: Complex<T>, b: Complex<T>) -> Complex<T> {
    let (re, im) = (b.re.abs(), b.im.abs());
    if re >= im {
        if re == T::zero() && im == T::zero() {
            return Complex::new(a.re / re, a.im / re);
        }
        let ratio = b.im / b.re;
        let scale = T::one() / (b.re + b.im * ratio);
        Complex::new((a.re + a.im * ratio) * scale, (a.im - a.re * ratio) * scale)
    } else {
        let ratio = b.re / b.im;
        let scale = T::one() / (b.im + b.re * ratio);
        Complex::new((a.re * ratio + a.im) * scale, (a.im * ratio - a.re) * scale)
    }
}

pub(super) fn reciprocal<T: Float>(a: Complex<T>) -> Complex<T> {
    if a.im.abs() <= a.re.abs() {
        let ratio = a.im / a.re;
        let size = a.re + a.im * ratio;
        Complex::new(T::one() / size, -ratio / size)
    } else {
        let ratio = a.re / a.im;
        let size = a.re * ratio + a.im;
        Complex::new(ratio / size, -T::one() / size)
    }
}

pub(super) fn square<T: Float>(a: Complex<T>) -> Complex<T> {
    Complex::new(a.re * a.re - a.im * a.im, a.re * a.im + a.im * a.re)
}

/// The number of size 1 in the same direction.
pub(super) fn sign<T: Float>(a: Complex<T>) -> Complex<T> {
    let size = a.re.hypot(a.im);
    let unit = |part: T| {
        if part.is_infinite() {
            part.signum()
        } else {
            T::zero()
        }
    };
    if size.is_nan() || (a.re.is_infinite() && a.im.is_infinite()) {
        Complex::new(T::nan(), T::nan())
    } else if size.is_infinite() {
        Complex::new(unit(a.re), unit(a.im))
    } else if size == T::zero() {
        Complex::new(T::zero(), T::zero())
    } else {
        Complex::new(a.re / size, a.im / size)
    }
}

pub(super) fn is_nan<T: Float>(a: Complex<T>) -> bool {
    a.re.is_nan() | a.im.is_nan()
}

/// By real part, then by imaginary part; false where a part that decides is NaN.
pub(super) fn less<T: Float>(a: Complex<T>, b: Complex<T>) -> bool {
    (a.re < b.re && !a.im.is_nan() && !b.im.is_nan()) || (a.re == b.re && a.im < b.im)
}

/// By real part, then by imaginary part; false where a part that decides is NaN.
pub(super) fn less_equal<T: Float>(a: Complex<T>, b: Complex<T>) -> bool {
    (a.re < b.re && !a.im.is_nan() && !b.im.is_nan()) || (a.re == b.re && a.im <= b.im)
}

/// NaN if either has a part that is.
pub(super) fn maximum<T: Float>(a: Complex<T>, b: Complex<T>) -> Complex<T> {
    if is_nan(a) || less_equal(b, a) { a } else { b }
}

/// NaN if either has a part that is.
pub(super) fn minimum<T: Float>(a: Complex<T>, b: Complex<T>) -> Complex<T> {
    if is_nan(a) || less_equal(a, b) { a } else { b }
}

/// NaN only if both have a part that is.
pub(super) fn fmax<T: Float>(a: Complex<T>, b: Complex<T>) -> Complex<T> {
    if is_nan(b) || less_equal(b, a) { a } else { b }
}

/// NaN only if both have a part that is.
pub(super) fn fmin<T: Float>(a: Complex<T>, b: Complex<T>) -> Complex<T> {
    if is_nan(b) || less_equal(a, b) { a } else { b }
}

/// Between two bounds; a NaN stays, and one in the imaginary part of a bound does not count where
/// the real parts decide.
pub(super) fn clip<T: Float>(a: Complex<T>, low: Complex<T>, high: Complex<T>) -> Complex<T> {
    let less = |a: Complex<T>, b: Complex<T>| {
        if a.re == b.re {
            a.im < b.im
        } else {
            a.re < b.re
        }
    };
    let raised = if is_nan(a) || less(low, a) { a } else { low };
    if is_nan(raised) || less(raised, high) {
        raised
    } else {
        high
    }
}

/// Both parts rounded to so many decimals.
pub(super) fn round<T: Real>(a: Complex<T>, decimals: i64) -> Complex<T> {
    Complex::new(float::round(a.re, decimals), float::round(a.im, decimals))
}
