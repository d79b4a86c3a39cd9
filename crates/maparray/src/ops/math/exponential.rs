//! What are e and 2 to a power?
//!
//! The power is an integer n and a rest: 2ⁿ is made of bits, the rest goes through a polynomial. What
//! is too large or too small for a result is cut first, so that infinities and subnormal results come
//! about by themselves.
//!
//! Knows: numbers. Must not know: strips, dtypes.

use std::f64::consts::{LN_2, LOG2_E};

use super::logarithm::log1p;
use super::parts::{
    Pair, exact_sum, exact_sum_ordered, nearest, nearest_single, pick, polynomial,
    polynomial_single, power_of_two, scale, scale_single,
};

/// log 2 in two parts; a multiple of the first by an integer below 2²¹ is exact.
pub(super) const LN_2_PARTS: [f64; 2] = [0.6931471803691238, 1.9082149292705877e-10];

/// As [`LN_2_PARTS`], for integers below 2⁹.
const LN_2_SINGLE: [f32; 2] = [0.693_145_75, 1.428_606_8e-6];

/// (eʳ − 1 − r) / r² for |r| ≤ (log 2) / 2, to 2⁻⁶⁰ of eʳ − 1.
const TAIL: [f64; 11] = [
    0.5,
    0.1666666666666667,
    0.04166666666666667,
    0.008333333333326084,
    0.0013888888888883711,
    0.0001984126987500228,
    2.480158732567746e-05,
    2.755725517000089e-06,
    2.755727347871858e-07,
    2.5105312729622103e-08,
    2.09147553258932e-09,
];

/// The same to 2⁻³¹.
pub(super) const SHORT_TAIL: [f64; 6] = [
    0.500000001353873,
    0.16666666681704215,
    0.04166646419740569,
    0.008333310844647862,
    0.0013933730715792083,
    0.00019891080463998843,
];

/// The same to 2⁻²⁷.
pub(super) const TAIL_SINGLE: [f32; 5] = [
    0.5,
    0.166_665_76,
    0.041_666_552,
    0.008_363_233,
    0.001_392_625,
];

/// (2ʳ − 1) / r for |r| ≤ 1/2, to 2⁻⁵⁵.
const TWO: [f64; 11] = [
    LN_2,
    0.24022650695910097,
    0.0555041086648216,
    0.009618129107606854,
    0.0013333558146416916,
    0.00015403530441794136,
    1.525273382986708e-05,
    1.3215442552522291e-06,
    1.0178062426976924e-07,
    7.072593027878997e-09,
    4.4549643712692967e-10,
];

/// The same to 2⁻²⁷.
const TWO_SINGLE: [f32; 6] = [
    std::f32::consts::LN_2,
    0.240_226_5,
    0.055_503_57,
    0.009_618_082,
    0.001_339_088_7,
    0.000_154_531_82,
];

/// An exponent of e as n log 2 + r, r in two parts.
#[inline(always)]
pub(super) fn reduced(x: f64, rest: f64) -> (f64, Pair) {
    let n = nearest(x * LOG2_E);
    let high = x - n * LN_2_PARTS[0];
    let low = n * LN_2_PARTS[1] - rest;
    let r = high - low;
    let cut = (high - r) - low;
    (n, Pair { high: r, low: cut })
}

/// Cut to where exponentials are neither infinite nor 0, and a little beyond; NaN stays.
#[inline(always)]
fn within(x: f64, least: f64, most: f64) -> f64 {
    let x = pick(x > most, most, x);
    pick(x < least, least, x)
}

/// eˣ⁺ʳᵉˢᵗ.
#[inline(always)]
pub(super) fn exp_of_sum(x: f64, rest: f64) -> f64 {
    let (n, r) = reduced(within(x, -746.0, 710.0), rest);
    let square = r.high * r.high;
    let one = exact_sum_ordered(1.0, r.high);
    let small = one.low + (r.low + square * polynomial(r.high, &TAIL));
    scale(one.high + small, n)
}

#[inline(always)]
pub(super) fn exp(x: f64) -> f64 {
    exp_of_sum(x, 0.0)
}

#[inline(always)]
pub(super) fn exp_single(x: f32) -> f32 {
    let x = pick(x > 89.0, 89.0, x);
    let x = pick(x < -104.5, -104.5, x);
    let n = nearest_single(x * std::f32::consts::LOG2_E);
    let r = (x - n * LN_2_SINGLE[0]) - n * LN_2_SINGLE[1];
    let small = r + r * r * polynomial_single(r, &TAIL_SINGLE);
    scale_single(1.0 + small, n)
}

#[inline(always)]
pub(super) fn exp2(x: f64) -> f64 {
    let x = within(x, -1080.0, 1025.0);
    let n = nearest(x);
    let r = x - n;
    scale(1.0 + r * polynomial(r, &TWO), n)
}

#[inline(always)]
pub(super) fn exp2_single(x: f32) -> f32 {
    let x = pick(x > 129.0, 129.0, x);
    let x = pick(x < -151.0, -151.0, x);
    let n = nearest_single(x);
    let r = x - n;
    scale_single(1.0 + r * polynomial_single(r, &TWO_SINGLE), n)
}

/// Below this, eˣ − 1 is x.
const TINY: f64 = 1.0 / (1_u64 << 54) as f64;

#[inline(always)]
pub(super) fn expm1(x: f64) -> f64 {
    let (n, r) = reduced(within(x, -40.0, 710.0), 0.0);
    let small = r.low + r.high * r.high * polynomial(r.high, &TAIL);
    // Halved, for 2¹⁰²⁴ is none.
    let power = power_of_two(n - 1.0);
    let sum = exact_sum(power - 0.5, power * r.high);
    let result = 2.0 * (sum.high + (sum.low + power * small));
    pick(x.abs() < TINY, x, result)
}

/// eˣ − 1 for an `f32` and |x| < 700, to 2⁻³⁰.
#[inline(always)]
pub(super) fn expm1_short(x: f64) -> f64 {
    let n = nearest(x * LOG2_E);
    let r = x - n * LN_2;
    let power = power_of_two(n);
    let small = r * r * polynomial(r, &SHORT_TAIL);
    (power - 1.0) + power * (r + small)
}

#[inline(always)]
pub(super) fn expm1_single(x: f32) -> f32 {
    let wide = within(f64::from(x), -40.0, 100.0);
    pick(x == 0.0, x, expm1_short(wide) as f32)
}

/// log(eᵃ + eᵇ).
#[inline(always)]
pub(super) fn logaddexp(a: f64, b: f64) -> f64 {
    let (greater, less) = (pick(a > b, a, b), pick(a > b, b, a));
    let sum = greater + log1p(exp(less - greater));
    pick(a == b, a + LN_2, sum)
}

/// log₂(2ᵃ + 2ᵇ).
#[inline(always)]
pub(super) fn logaddexp2(a: f64, b: f64) -> f64 {
    let (greater, less) = (pick(a > b, a, b), pick(a > b, b, a));
    let sum = greater + LOG2_E * log1p(exp2(less - greater));
    pick(a == b, a + 1.0, sum)
}

#[inline(always)]
pub(super) fn logaddexp_single(a: f32, b: f32) -> f32 {
    logaddexp(f64::from(a), f64::from(b)) as f32
}

#[inline(always)]
pub(super) fn logaddexp2_single(a: f32, b: f32) -> f32 {
    logaddexp2(f64::from(a), f64::from(b)) as f32
}
