//! What is left of a division with a whole quotient?
//!
//! If the quotient is not too large, the dividend less its whole part times the divisor is exact. The
//! few others are `far`, and are left to the C library, which subtracts bit by bit. Quotient and
//! remainder follow Python's rules as NumPy's do.
//!
//! Knows: numbers. Must not know: strips, dtypes.

use super::parts::{exact_product, pick};
use super::rounding::{floor, floor_single, trunc};

/// Whether `fmod` and what is made of it must be left to the C library.
#[inline(always)]
pub(super) fn is_far(a: f64, b: f64) -> bool {
    const MOST: f64 = (1_u64 << 50) as f64;
    // Products in two parts come neither near infinity nor near 0.
    const LARGE: f64 = 1e280;
    let size = b.abs();
    let near = ((a / b).abs() < MOST) & (size > 1.0 / LARGE) & (size < LARGE);
    !near
}

/// As [`is_far`].
#[inline(always)]
pub(super) fn is_far_single(a: f32, b: f32) -> bool {
    const MOST: f64 = (1_u64 << 28) as f64;
    let near = ((f64::from(a) / f64::from(b)).abs() < MOST) & (b.abs() < f32::INFINITY);
    !near
}

/// What is left, with the sign of the dividend.
#[inline(always)]
pub(super) fn fmod(a: f64, b: f64) -> f64 {
    let (dividend, divisor) = (a.abs(), b.abs());
    let product = exact_product(trunc(dividend / divisor), divisor);
    let rest = (dividend - product.high) - product.low;
    // The quotient was rounded, perhaps to the next integer.
    let rest = pick(rest < 0.0, rest + divisor, rest);
    rest.copysign(a)
}

/// As [`fmod`].
#[inline(always)]
pub(super) fn fmod_single(a: f32, b: f32) -> f32 {
    let (dividend, divisor) = (f64::from(a).abs(), f64::from(b).abs());
    let rest = dividend - trunc(dividend / divisor) * divisor;
    let rest = pick(rest < 0.0, rest + divisor, rest);
    (rest as f32).copysign(a)
}

macro_rules! python {
    ($($type:ty: $fmod:ident $floor:ident $remainder:ident $floor_divide:ident;)*) => {$(
        /// What is left, with the sign of the divisor.
        #[inline(always)]
        pub(super) fn $remainder(a: $type, b: $type) -> $type {
            let rest = $fmod(a, b);
            let turned = pick((b < 0.0) != (rest < 0.0), rest + b, rest);
            pick(rest == 0.0, (0.0 as $type).copysign(b), turned)
        }

        /// The quotient, rounded down. Source: NumPy, `npy_divmod`.
        #[inline(always)]
        pub(super) fn $floor_divide(a: $type, b: $type) -> $type {
            let rest = $fmod(a, b);
            let turned = (rest != 0.0) & ((b < 0.0) != (rest < 0.0));
            let quotient = (a - rest) / b;
            let quotient = pick(turned, quotient - 1.0, quotient);
            let whole = $floor(quotient);
            // The division may have rounded down to just below an integer.
            let whole = pick(quotient - whole > 0.5, whole + 1.0, whole);
            pick(quotient == 0.0, (0.0 as $type).copysign(a / b), whole)
        }
    )*};
}
python! {
    f64: fmod floor remainder floor_divide;
    f32: fmod_single floor_single remainder_single floor_divide_single;
}
