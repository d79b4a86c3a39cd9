//! What do NumPy's integer operations answer where C or Rust would trap?
//!
//! Everything wraps; a division by zero is zero.
//!
//! Knows: numbers. Must not know: arrays, dtypes.

use super::cast::Cast;
use num_traits::{PrimInt, WrappingAdd, WrappingMul, WrappingNeg, WrappingSub};

/// Integers of any width, with arithmetic that wraps.
pub(super) trait Integer:
    PrimInt + WrappingAdd + WrappingSub + WrappingMul + WrappingNeg
{
}
impl<T: PrimInt + WrappingAdd + WrappingSub + WrappingMul + WrappingNeg> Integer for T {}

fn is_minus_one<T: Integer>(a: T) -> bool {
    a < T::zero() && a.wrapping_add(&T::one()) == T::zero()
}

fn signs_differ<T: Integer>(a: T, b: T) -> bool {
    (a < T::zero()) != (b < T::zero())
}

/// Rounds towards minus infinity, as Python's `//`; 0 for a zero divisor.
pub(super) fn floor_divide<T: Integer>(a: T, b: T) -> T {
    if b == T::zero() {
        T::zero()
    } else if is_minus_one(b) {
        a.wrapping_neg()
    } else {
        let quotient = a / b;
        let inexact = a - quotient * b != T::zero();
        if inexact && signs_differ(a, b) {
            quotient - T::one()
        } else {
            quotient
        }
    }
}

/// Takes the sign of the divisor, as Python's `%`; 0 for a zero divisor.
pub(super) fn remainder<T: Integer>(a: T, b: T) -> T {
    let rest = fmod(a, b);
    if rest != T::zero() && signs_differ(rest, b) {
        rest + b
    } else {
        rest
    }
}

/// Takes the sign of the dividend, as C's `%`; 0 for a zero divisor.
pub(super) fn fmod<T: Integer>(a: T, b: T) -> T {
    if b == T::zero() || is_minus_one(b) {
        T::zero()
    } else {
        a % b
    }
}

/// Wraps. NumPy refuses a negative exponent; here the true value is cut to an integer, so that it
/// is 0 for every base but 1 and −1 (and 0 for the base 0).
pub(super) fn power<T: Integer>(base: T, exponent: T) -> T {
    if exponent < T::zero() {
        return if base == T::one() || is_minus_one(base) {
            power(base, exponent & T::one())
        } else {
            T::zero()
        };
    }
    let (mut base, mut exponent, mut result) = (base, exponent, T::one());
    while exponent != T::zero() {
        if exponent & T::one() == T::one() {
            result = result.wrapping_mul(&base);
        }
        base = base.wrapping_mul(&base);
        exponent = exponent >> 1;
    }
    result
}

pub(super) fn absolute<T: Integer>(a: T) -> T {
    if a < T::zero() { a.wrapping_neg() } else { a }
}

pub(super) fn sign<T: Integer>(a: T) -> T {
    if a > T::zero() {
        T::one()
    } else if a < T::zero() {
        T::zero().wrapping_sub(&T::one())
    } else {
        T::zero()
    }
}

/// How far to shift, unless that is negative or as far as the integer is wide.
fn distance<T: Integer>(b: T) -> Option<usize> {
    let width = T::zero().count_zeros() as usize;
    b.to_usize().filter(|&distance| distance < width)
}

/// Shifting everything out leaves 0.
pub(super) fn left_shift<T: Integer>(a: T, b: T) -> T {
    distance(b).map_or(T::zero(), |distance| a << distance)
}

/// Shifting everything out leaves the sign: 0 or −1.
pub(super) fn right_shift<T: Integer>(a: T, b: T) -> T {
    let rest = if a < T::zero() { !T::zero() } else { T::zero() };
    distance(b).map_or(rest, |distance| a >> distance)
}

/// Ones among the bits of its size without sign.
pub(super) fn count_bits<T: Integer>(a: T) -> u8 {
    absolute(a).count_ones() as u8
}

/// Rounded to so many decimals, which changes an integer only if they are negative: the even tens (or
/// hundreds) where two are equally near.
pub(super) fn round<T: Integer + Cast<f64>>(a: T, decimals: i64) -> T
where
    f64: Cast<T>,
    i64: Cast<T>,
{
    if decimals >= 0 {
        return a;
    }
    let unit = 10_f64.powi(decimals.saturating_neg().min(400) as i32);
    if unit.is_infinite() {
        return T::zero();
    }
    let value: f64 = a.cast();
    let result = (value / unit).round_ties_even() * unit;
    if T::min_value() < T::zero() || T::zero().count_zeros() == u64::BITS {
        result.cast()
    } else {
        // What does not fit wraps.
        Cast::<i64>::cast(result).cast()
    }
}

/// The size without sign. The size of the least number fits here, but not in the number's own type.
fn size<T: Integer + Cast<i64> + Cast<u64>>(a: T) -> u64 {
    if a < T::zero() {
        Cast::<i64>::cast(a).unsigned_abs()
    } else {
        a.cast()
    }
}

/// Euclid's algorithm, by subtractions and shifts.
fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    if a == 0 || b == 0 {
        return a | b;
    }
    let twos = (a | b).trailing_zeros();
    a >>= a.trailing_zeros();
    while b != 0 {
        b >>= b.trailing_zeros();
        (a, b) = (a.min(b), a.abs_diff(b));
    }
    a << twos
}

pub(super) fn gcd<T: Integer + Cast<i64> + Cast<u64>>(a: T, b: T) -> T
where
    u64: Cast<T>,
{
    common_divisor(size(a), size(b)).cast()
}

/// 0 if one of the two is.
pub(super) fn lcm<T: Integer + Cast<i64> + Cast<u64>>(a: T, b: T) -> T
where
    u64: Cast<T>,
{
    let (a, b) = (size(a), size(b));
    if a == 0 || b == 0 {
        return T::zero();
    }
    (a / common_divisor(a, b)).wrapping_mul(b).cast()
}

/// A number in [0, 1) that depends on the seed and the index alone: splitmix64's mixing of a
/// counter, so that neither blocks nor threads change what is drawn. The seed is mixed twice, lest
/// neighbouring seeds walk through the same sequence.
pub(super) fn random(seed: i64, index: i64) -> f64 {
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
    let start = mix(mix((seed as u64).wrapping_add(STEP)));
    let bits = mix(start.wrapping_add((index as u64).wrapping_mul(STEP)));
    (bits >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
