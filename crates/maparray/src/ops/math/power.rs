//! What are powers, cube roots and lengths?
//!
//! xʸ is e to y log x, the logarithm and the product in two parts, so that what is lost is far below
//! the last bit of a result; C's answers (annex F) at zeros, infinities and NaN.
//!
//! Knows: numbers. Must not know: strips, dtypes.

use std::f64::consts::{LN_2, LOG2_E};

use super::exponential::{SHORT_TAIL, exp_of_sum};
use super::logarithm::{exponent, exponent_of_normal, short_log};
use super::parts::{
    Pair, exact_product, exact_sum_ordered, nearest, pick, polynomial, power_of_two,
};

/// log 2 in two parts; a multiple of the first by an integer below 2¹² is exact.
const LN_2_LONG: [f64; 2] = [0.693147180559663, 2.8235290563031577e-13];

const TWO_THIRDS: [f64; 2] = [0.6666666666666666, 3.700743415417188e-17];

/// (2 artanh(s) / s − 2 − 2/3 s²) / s⁴ as a function of s².
const SERIES: [f64; 8] = [
    0.4,
    0.2857142857142937,
    0.22222222221652765,
    0.18181818336099848,
    0.1538459488700718,
    0.1333480879881234,
    0.11706126464563398,
    0.11724327060846747,
];

/// The natural logarithm of a finite positive number, to 2⁻⁶⁴.
#[inline(always)]
fn long_log(x: f64) -> Pair {
    let (k, m) = exponent(x);
    let f = m - 1.0;
    // s = f / (2 + f)
    let under = exact_sum_ordered(2.0, f);
    let inverse = 1.0 / under.high;
    let s = f * inverse;
    let back = exact_product(s, under.high);
    let s_low = (((f - back.high) - back.low) - s * under.low) * inverse;
    // log(1 + f) = s (2 + s² (2/3 + s² …))
    let square = exact_product(s, s);
    let square_low = square.low + 2.0 * s * s_low;
    let inner = square.high * polynomial(square.high, &SERIES);
    let sum = exact_sum_ordered(TWO_THIRDS[0], inner);
    let sum_low = sum.low + TWO_THIRDS[1];
    let term = exact_product(square.high, sum.high);
    let term_low = term.low + (square.high * sum_low + square_low * sum.high);
    let factor = exact_sum_ordered(2.0, term.high);
    let factor_low = factor.low + term_low;
    let log = exact_product(s, factor.high);
    let log_low = log.low + (s * factor_low + s_low * factor.high);
    let whole = exact_sum_ordered(k * LN_2_LONG[0], log.high);
    exact_sum_ordered(whole.high, whole.low + (log_low + k * LN_2_LONG[1]))
}

/// Whether it is an integer, and whether an odd one.
#[inline(always)]
fn is_integer_and_odd(y: f64) -> (bool, bool) {
    const ALL_WHOLE: f64 = 4_503_599_627_370_496.0;
    let size = y.abs();
    let whole = (size + ALL_WHOLE) - ALL_WHOLE == size;
    let half = size * 0.5;
    let odd = (half - ((half + ALL_WHOLE) - ALL_WHOLE)).abs() == 0.5;
    (whole | (size >= ALL_WHOLE), odd & (size < 2.0 * ALL_WHOLE))
}

/// The power of |x|, `result`, as the power of x.
#[inline(always)]
fn with_edges(x: f64, y: f64, result: f64) -> f64 {
    let size = x.abs();
    let (integer, odd) = is_integer_and_odd(y);
    let end = (size == 0.0) | (size == f64::INFINITY);
    let at_end = pick((size == 0.0) == (y > 0.0), 0.0, f64::INFINITY);
    let result = pick(end, at_end, result);
    let result = pick((x < 0.0) & !end & !integer, f64::NAN, result);
    let result = pick(x.is_sign_negative() & odd, -result, result);
    let result = pick(x.is_nan() | y.is_nan(), f64::NAN, result);
    pick((x == 1.0) | (y == 0.0), 1.0, result)
}

/// Cut to where every power but those of 1 and −1 has left the range.
#[inline(always)]
fn bounded(y: f64) -> f64 {
    const MOST: f64 = 18_446_744_073_709_551_616.0;
    let y = pick(y > MOST, MOST, y);
    pick(y < -MOST, -MOST, y)
}

#[inline(always)]
pub(super) fn power(x: f64, y: f64) -> f64 {
    let bounded = bounded(y);
    let log = long_log(x.abs());
    let product = exact_product(bounded, log.high);
    let low = product.low + bounded * log.low;
    let result = exp_of_sum(product.high, pick(product.high.abs() < 1000.0, low, 0.0));
    with_edges(x, y, result)
}

#[inline(always)]
pub(super) fn power_single(x: f32, y: f32) -> f32 {
    let (x, y) = (f64::from(x), f64::from(y));
    let (k, m) = exponent_of_normal(x.abs());
    let exponent = bounded(y) * (k + short_log(m - 1.0) * LOG2_E);
    let exponent = pick(exponent > 200.0, 200.0, exponent);
    let exponent = pick(exponent < -200.0, -200.0, exponent);
    let n = nearest(exponent);
    let r = (exponent - n) * LN_2;
    let result = power_of_two(n) * (1.0 + (r + r * r * polynomial(r, &SHORT_TAIL)));
    with_edges(x, y, result) as f32
}

/// The cube root between √½ and √2, to 2⁻¹⁹.
const ROOT: [f64; 6] = [
    0.4233082672241438,
    1.0479258711331414,
    -0.8201430628513885,
    0.495520725788132,
    -0.17217607026882265,
    0.025563650239939707,
];

/// The cube roots of 1/2 and 2.
const ROOT_OF_HALF: f64 = 0.7937005259840998;
const ROOT_OF_TWO: f64 = 1.2599210498948732;

#[inline(always)]
pub(super) fn cbrt(x: f64) -> f64 {
    let (k, m) = exponent(x.abs());
    let third = nearest(k * (1.0 / 3.0));
    let rest = k - 3.0 * third;
    let (less, more) = (rest < 0.0, rest > 0.0);
    let m = m * pick(less, 0.5, pick(more, 2.0, 1.0));
    let root = polynomial(m * pick(less, 2.0, pick(more, 0.5, 1.0)), &ROOT)
        * pick(less, ROOT_OF_HALF, pick(more, ROOT_OF_TWO, 1.0));
    // Cut to 17 bits, so that its cube is exact.
    const CUT: f64 = 1.5 * (1_u64 << 36) as f64;
    let root = (root + CUT) - CUT;
    let cube = root * root * root;
    let off = (m - cube) / cube;
    const THIRD: f64 = 1.0 / 3.0;
    let growth = off * (THIRD - off * (1.0 / 9.0 - off * (5.0 / 81.0 - off * (10.0 / 243.0))));
    let result = ((root + root * growth) * power_of_two(third)).copysign(x);
    let same = (x == 0.0) | x.is_nan() | (x.abs() == f64::INFINITY);
    pick(same, x, result)
}

#[inline(always)]
pub(super) fn cbrt_single(x: f32) -> f32 {
    cbrt(f64::from(x)) as f32
}

#[inline(always)]
pub(super) fn hypot(x: f64, y: f64) -> f64 {
    let (x, y) = (x.abs(), y.abs());
    const LARGE: f64 = 1e150;
    let longer = pick(x > y, x, y);
    // Powers of two near 10⁻¹⁸⁰ and 10¹⁸⁰, so that squares stay within the range.
    let up = f64::from_bits((1023 + 600) << 52);
    let down = f64::from_bits((1023 - 600) << 52);
    let (large, small) = (longer > LARGE, longer < 1.0 / LARGE);
    let there = pick(large, down, pick(small, up, 1.0));
    let back = pick(large, up, pick(small, down, 1.0));
    let (a, b) = (x * there, y * there);
    let result = (a * a + b * b).sqrt() * back;
    let infinite = (x == f64::INFINITY) | (y == f64::INFINITY);
    pick(infinite, f64::INFINITY, result)
}

#[inline(always)]
pub(super) fn hypot_single(x: f32, y: f32) -> f32 {
    let infinite = (x.abs() == f32::INFINITY) | (y.abs() == f32::INFINITY);
    let (x, y) = (f64::from(x), f64::from(y));
    pick(infinite, f32::INFINITY, (x * x + y * y).sqrt() as f32)
}
