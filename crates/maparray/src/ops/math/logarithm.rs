//! What are the logarithms?
//!
//! x = 2ᵏ (1 + f) with 1 + f between √½ and √2; then log(1 + f) = 2 artanh(s), s = f / (2 + f), a
//! series in s². For base 2 and 10 the result of that is multiplied in two parts, so that powers of
//! the base give integers.
//!
//! Knows: numbers. Must not know: strips, dtypes.

use super::exponential::LN_2_PARTS;
use super::parts::{pick, polynomial, polynomial_single};

/// (2 artanh(s) / s − 2) / s² as a function of s², to 2⁻⁶⁰ of the logarithm.
const SERIES: [f64; 8] = [
    0.6666666666666666,
    0.40000000000000885,
    0.28571428570799784,
    0.22222222392581045,
    0.18181795547521137,
    0.15386244737621665,
    0.13268638369266825,
    0.13088034850927555,
];

/// The same to 2⁻³⁶.
const SHORT_SERIES: [f64; 4] = [
    0.6666666655404201,
    0.4000012221181065,
    0.28550778633191964,
    0.23331614471843498,
];

/// (log(1 + f) − f + f²/2) / f³, to 2⁻²⁸ of the logarithm.
const SERIES_SINGLE: [f32; 9] = [
    0.333_333_3,
    -0.249_999_97,
    0.200_007_2,
    -0.166_678_18,
    0.142_489_06,
    -0.124_251_95,
    0.116_865_14,
    -0.114_841_71,
    0.069_743_34,
];

const LOG2_E_PARTS: [f64; 2] = [1.4426946640014648, 3.768874985636099e-07];
const LOG10_E_PARTS: [f64; 2] = [0.4342944622039795, 1.9699272335463627e-08];
const LOG10_2_PARTS: [f64; 2] = [0.3010299956367817, 2.7199517610017277e-11];
/// As [`LN_2_PARTS`], for integers below 2⁹.
const LN_2_SINGLE: [f32; 2] = [0.693_145_75, 1.428_606_8e-6];

const ROOT_HALF: u64 = 0x3FE6_A09E_667F_3BCD;
const ONE: u64 = 0x3FF0_0000_0000_0000;
const FRACTION: u64 = 0x000F_FFFF_FFFF_FFFF;
/// The bits of 2⁵²: with a small integer below, they are 2⁵² and that integer.
const COUNTER: u64 = 0x4330_0000_0000_0000;

/// k and m with x = 2ᵏ m, √½ ≤ m < √2, for normal positive x.
#[inline(always)]
pub(super) fn exponent_of_normal(x: f64) -> (f64, f64) {
    let bits = x.to_bits().wrapping_add(ONE - ROOT_HALF);
    let k = f64::from_bits((bits >> 52) | COUNTER) - (4_503_599_627_370_496.0 + 1023.0);
    (k, f64::from_bits((bits & FRACTION) + ROOT_HALF))
}

/// As [`exponent_of_normal`], for all finite positive x.
#[inline(always)]
pub(super) fn exponent(x: f64) -> (f64, f64) {
    let subnormal = x < f64::MIN_POSITIVE;
    let (k, m) = exponent_of_normal(pick(subnormal, x * (1_u64 << 54) as f64, x));
    (pick(subnormal, k - 54.0, k), m)
}

/// The logarithm's answer where x is not a finite positive number.
#[inline(always)]
fn beyond(x: f64, result: f64) -> f64 {
    let result = pick(x < f64::INFINITY, result, x);
    let outside = pick(x == 0.0, f64::NEG_INFINITY, f64::NAN);
    pick(x > 0.0, result, outside)
}

/// As [`beyond`].
#[inline(always)]
fn beyond_single(x: f32, result: f32) -> f32 {
    let result = pick(x < f32::INFINITY, result, x);
    let outside = pick(x == 0.0, f32::NEG_INFINITY, f32::NAN);
    pick(x > 0.0, result, outside)
}

/// log(1 + f) = f − half + rest: half of f², and the rest.
#[inline(always)]
fn terms(f: f64) -> (f64, f64) {
    let s = f / (2.0 + f);
    let square = s * s;
    let half = 0.5 * f * f;
    (half, s * (half + square * polynomial(square, &SERIES)))
}

#[inline(always)]
pub(super) fn log(x: f64) -> f64 {
    let (k, m) = exponent(x);
    let f = m - 1.0;
    let (half, rest) = terms(f);
    let result = k * LN_2_PARTS[0] - ((half - (rest + k * LN_2_PARTS[1])) - f);
    beyond(x, result)
}

/// log(1 + f) in two parts, the first of few bits, so that a product with it is exact.
#[inline(always)]
fn log_in_parts(f: f64) -> (f64, f64) {
    let (half, rest) = terms(f);
    let high = f64::from_bits((f - half).to_bits() & 0xFFFF_FFFF_0000_0000);
    (high, ((f - high) - half) + rest)
}

#[inline(always)]
pub(super) fn log2(x: f64) -> f64 {
    let (k, m) = exponent(x);
    let (high, low) = log_in_parts(m - 1.0);
    let main = high * LOG2_E_PARTS[0];
    let rest = (low + high) * LOG2_E_PARTS[1] + low * LOG2_E_PARTS[0];
    let sum = k + main;
    beyond(x, ((k - sum) + main + rest) + sum)
}

#[inline(always)]
pub(super) fn log10(x: f64) -> f64 {
    let (k, m) = exponent(x);
    let (high, low) = log_in_parts(m - 1.0);
    let main = high * LOG10_E_PARTS[0];
    let rest = (low + high) * LOG10_E_PARTS[1] + low * LOG10_E_PARTS[0] + k * LOG10_2_PARTS[1];
    let power = k * LOG10_2_PARTS[0];
    let sum = power + main;
    beyond(x, ((power - sum) + main + rest) + sum)
}

/// log((1 + x) 2ᵈᵒᵘᵇˡⁱⁿᵍˢ) for finite x ≥ −1/2 or so that goes on in `rest`.
#[inline(always)]
pub(super) fn log1p_of_sum(x: f64, rest: f64, doublings: f64) -> f64 {
    let sum = 1.0 + x;
    let (k, m) = exponent_of_normal(sum);
    let f = m - 1.0;
    // What the sum cut off, as part of the sum.
    let cut = pick(x > 1.0, 1.0 - (sum - x), x - (sum - 1.0)) + rest;
    let correction = cut / sum;
    let (half, tail) = terms(f);
    let k = k + doublings;
    k * LN_2_PARTS[0] - ((half - (tail + (k * LN_2_PARTS[1] + correction))) - f)
}

#[inline(always)]
pub(super) fn log1p(x: f64) -> f64 {
    let result = log1p_of_sum(x, 0.0, 0.0);
    let result = pick(x < f64::INFINITY, result, x);
    let result = pick(x.abs() < 1.0 / (1_u64 << 54) as f64, x, result);
    let outside = pick(x == -1.0, f64::NEG_INFINITY, f64::NAN);
    pick(x > -1.0, result, outside)
}

#[inline(always)]
pub(super) fn log_single(x: f32) -> f32 {
    let subnormal = x < f32::MIN_POSITIVE;
    let scaled = pick(subnormal, x * 16_777_216.0, x);
    let bits = scaled.to_bits().wrapping_add(0x3F80_0000 - 0x3F35_04F3);
    let k = (bits >> 23) as i32 as f32 - 127.0;
    let k = pick(subnormal, k - 24.0, k);
    let f = f32::from_bits((bits & 0x007F_FFFF) + 0x3F35_04F3) - 1.0;
    let square = f * f;
    let tail = f * square * polynomial_single(f, &SERIES_SINGLE);
    let small = (tail + k * LN_2_SINGLE[1]) - 0.5 * square;
    let result = (small + f) + k * LN_2_SINGLE[0];
    beyond_single(x, result)
}

/// log(1 + f), to 2⁻³⁶.
#[inline(always)]
pub(super) fn short_log(f: f64) -> f64 {
    let s = f / (2.0 + f);
    let square = s * s;
    2.0 * s + s * (square * polynomial(square, &SHORT_SERIES))
}

#[inline(always)]
pub(super) fn log2_single(x: f32) -> f32 {
    let (k, m) = exponent_of_normal(f64::from(x));
    let result = k + short_log(m - 1.0) * std::f64::consts::LOG2_E;
    beyond_single(x, result as f32)
}

#[inline(always)]
pub(super) fn log10_single(x: f32) -> f32 {
    let (k, m) = exponent_of_normal(f64::from(x));
    let result = k * std::f64::consts::LOG10_2 + short_log(m - 1.0) * std::f64::consts::LOG10_E;
    beyond_single(x, result as f32)
}

/// log(1 + x) for finite x > −1, to 2⁻³⁵.
#[inline(always)]
pub(super) fn short_log1p(x: f64) -> f64 {
    let (k, m) = exponent_of_normal(1.0 + x);
    let f = pick(k == 0.0, x, m - 1.0);
    k * std::f64::consts::LN_2 + short_log(f)
}

#[inline(always)]
pub(super) fn log1p_single(x: f32) -> f32 {
    let result = short_log1p(f64::from(x)) as f32;
    let result = pick(x < f32::INFINITY, result, x);
    let result = pick(x == 0.0, x, result);
    let outside = pick(x == -1.0, f32::NEG_INFINITY, f32::NAN);
    pick(x > -1.0, result, outside)
}
