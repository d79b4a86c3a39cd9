//! What are the hyperbolic functions and their inverses?
//!
//! With x = n log 2 + r, sinh and cosh of x are sums of sinh r and cosh r times powers of two, which
//! loses nothing near 0. The inverses are logarithms of 1 and something, given in two parts.
//!
//! Knows: numbers. Must not know: strips, dtypes.

use std::f64::consts::{LN_2, LOG2_E};

use super::exponential::{TAIL_SINGLE, reduced};
use super::logarithm::{log1p_of_sum, short_log1p};
use super::parts::{
    Pair, exact_sum, exact_sum_ordered, nearest, nearest_single, pick, polynomial,
    polynomial_single, power_of_two, power_of_two_single,
};

/// (sinh(r) / r − 1) / r² as a function of r², |r| ≤ (log 2) / 2.
const SINE: [f64; 5] = [
    0.16666666666666669,
    0.008333333333330039,
    0.00019841269863171557,
    2.7557268276905696e-06,
    2.5100472505694996e-08,
];

/// (cosh(r) − 1) / r² as a function of r².
const COSINE: [f64; 6] = [
    0.5,
    0.04166666666666668,
    0.0013888888888879004,
    2.480158733663095e-05,
    2.755726307730941e-07,
    2.091821231913398e-09,
];

/// As [`SINE`], to 2⁻³⁵.
const SHORT_SINE: [f64; 3] = [
    0.16666666681704215,
    0.008333310844647862,
    0.00019891080463998843,
];

/// As [`COSINE`], to 2⁻³².
const SHORT_COSINE: [f64; 3] = [
    0.500000001353873,
    0.04166646419740569,
    0.0013933730715792083,
];

/// (tanh(r) / r − 1) / r² as a function of r², |r| ≤ 5/8, to 2⁻²⁷ of the tangent.
const TANGENT_SINGLE: [f32; 6] = [
    -0.333_333_34,
    0.133_333_04,
    -0.053_959_258,
    0.021_768_918,
    -0.008_343_945,
    0.002_292_744_8,
];

/// Below this, the functions that are 0 at 0 are their argument.
const TINY: f64 = 1.0 / (1_u64 << 28) as f64;

/// Beyond this, 1 vanishes beside the square of a number.
const LARGE: f64 = (1_u64 << 28) as f64;

/// An eighth of 2ⁿ and of 2⁻ⁿ for 0 ≤ n < 1027; of the second, which vanishes, as if n were at most
/// 100.
#[inline(always)]
fn eighths(n: f64) -> (f64, f64) {
    let least = pick(n > 100.0, 100.0, n);
    (power_of_two(n - 3.0), power_of_two(-3.0 - least))
}

/// A quarter of sinh and of cosh of 0 ≤ x < 711.5, the result being the sum of each pair.
#[inline(always)]
fn quarters(x: f64) -> (Pair, Pair) {
    let (n, r) = reduced(x, 0.0);
    let (up, down) = eighths(n);
    let square = r.high * r.high;
    let sine = r.low + r.high * (square * polynomial(square, &SINE));
    let cosine = square * polynomial(square, &COSINE);
    let plus = exact_sum_ordered(up, down);
    let minus = exact_sum_ordered(up, -down);
    let combined = |a: Pair, b: Pair| {
        let sum = exact_sum(a.high, b.high * r.high);
        let low = (a.low + b.low * r.high) + (a.high * cosine + b.high * sine);
        Pair {
            high: sum.high,
            low: sum.low + low,
        }
    };
    (combined(minus, plus), combined(plus, minus))
}

#[inline(always)]
pub(super) fn sinh(x: f64) -> f64 {
    let size = pick(x.abs() > 711.0, 711.0, x.abs());
    let (sine, _) = quarters(size);
    let result = 4.0 * (sine.high + sine.low);
    pick(x.abs() < TINY, x, result.copysign(x))
}

#[inline(always)]
pub(super) fn cosh(x: f64) -> f64 {
    let size = pick(x.abs() > 711.0, 711.0, x.abs());
    let (_, cosine) = quarters(size);
    4.0 * (cosine.high + cosine.low)
}

#[inline(always)]
pub(super) fn tanh(x: f64) -> f64 {
    let size = pick(x.abs() > 20.0, 20.0, x.abs());
    let (sine, cosine) = quarters(size);
    let cosine = exact_sum_ordered(cosine.high, cosine.low);
    let quotient = sine.high / cosine.high;
    let rest = (sine.low - quotient * cosine.low) / cosine.high;
    pick(x.abs() < TINY, x, (quotient + rest).copysign(x))
}

/// 2ⁿ⁻¹, 2⁻ⁿ⁻¹, sinh r and cosh r for x = n log 2 + r that `f32` holds.
#[inline(always)]
fn short_parts(x: f32) -> (f64, f64, f64, f64) {
    let size = f64::from(x).abs();
    let size = pick(size > 100.0, 100.0, size);
    let n = nearest(size * LOG2_E);
    let r = size - n * LN_2;
    let square = r * r;
    let sine = r + r * square * polynomial(square, &SHORT_SINE);
    let cosine = 1.0 + square * polynomial(square, &SHORT_COSINE);
    (power_of_two(n - 1.0), power_of_two(-1.0 - n), sine, cosine)
}

#[inline(always)]
pub(super) fn sinh_single(x: f32) -> f32 {
    let (up, down, sine, cosine) = short_parts(x);
    let result = (up - down) * cosine + (up + down) * sine;
    (result as f32).copysign(x)
}

#[inline(always)]
pub(super) fn cosh_single(x: f32) -> f32 {
    let (up, down, sine, cosine) = short_parts(x);
    ((up + down) * cosine + (up - down) * sine) as f32
}

#[inline(always)]
pub(super) fn tanh_single(x: f32) -> f32 {
    let size = x.abs();
    let square = x * x;
    let near = size + size * square * polynomial_single(square, &TANGENT_SINGLE);
    // 1 − 2 / (e²ˣ + 1)
    let double = 2.0 * pick(size > 10.0, 10.0, size);
    let n = nearest_single(double * std::f32::consts::LOG2_E);
    let r = (double - n * 0.693_145_75) - n * 1.428_606_8e-6;
    let power = power_of_two_single(n) * (1.0 + (r + r * r * polynomial_single(r, &TAIL_SINGLE)));
    let far = 1.0 - 2.0 / (power + 1.0);
    pick(size < 0.625, near, far).copysign(x)
}

#[inline(always)]
pub(super) fn arcsinh(x: f64) -> f64 {
    let size = x.abs();
    let square = size * size;
    let sum = exact_sum(size, square / (1.0 + (1.0 + square).sqrt()));
    let result = log1p_of_extended(size, sum.high, sum.low);
    let result = pick(size < TINY, size, result);
    pick(size < f64::INFINITY, result, size).copysign(x)
}

/// log(1 + sum), or log(2 size) if the size is large.
#[inline(always)]
fn log1p_of_extended(size: f64, sum: f64, rest: f64) -> f64 {
    let large = size > LARGE;
    log1p_of_sum(
        pick(large, size, sum),
        pick(large, -1.0, rest),
        pick(large, 1.0, 0.0),
    )
}

#[inline(always)]
pub(super) fn arccosh(x: f64) -> f64 {
    let above = x - 1.0;
    let sum = exact_sum(above, (above * (above + 2.0)).sqrt());
    let result = log1p_of_extended(x, sum.high, sum.low);
    let result = pick(x < f64::INFINITY, result, x);
    pick(x >= 1.0, result, f64::NAN)
}

#[inline(always)]
pub(super) fn arctanh(x: f64) -> f64 {
    let size = x.abs();
    let result = 0.5 * log1p_of_sum(2.0 * size / (1.0 - size), 0.0, 0.0);
    let result = pick(size < TINY, size, result);
    let outside = pick(size == 1.0, f64::INFINITY, f64::NAN);
    pick(size < 1.0, result, outside).copysign(x)
}

#[inline(always)]
pub(super) fn arcsinh_single(x: f32) -> f32 {
    let size = f64::from(x).abs();
    let square = size * size;
    let result = short_log1p(size + square / (1.0 + (1.0 + square).sqrt()));
    (pick(size < f64::INFINITY, result, size) as f32).copysign(x)
}

#[inline(always)]
pub(super) fn arccosh_single(x: f32) -> f32 {
    let wide = f64::from(x);
    let above = wide - 1.0;
    let result = short_log1p(above + (above * (above + 2.0)).sqrt());
    let result = pick(wide < f64::INFINITY, result, wide);
    pick(x >= 1.0, result as f32, f32::NAN)
}

#[inline(always)]
pub(super) fn arctanh_single(x: f32) -> f32 {
    let size = f64::from(x).abs();
    let result = 0.5 * short_log1p(2.0 * size / (1.0 - size));
    let outside = pick(size == 1.0, f64::INFINITY, f64::NAN);
    (pick(size < 1.0, result, outside) as f32).copysign(x)
}
