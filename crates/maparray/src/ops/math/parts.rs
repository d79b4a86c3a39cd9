//! What are branch-free functions made of?
//!
//! Choices that become blends, rounding by adding a large number, powers of two made of bits, sums
//! and products with what their rounding cut off. Nothing here calls a library or contracts a product
//! and a sum, so that every instruction set gives the same bits.
//!
//! Knows: bits of numbers. Must not know: which function is computed.

/// One of two numbers that are both computed.
#[inline(always)]
pub(super) fn pick<T: Copy>(condition: bool, yes: T, no: T) -> T {
    if condition { yes } else { no }
}

/// Adding it leaves no room for a fraction: the sum is rounded to an integer, which its low bits hold.
pub(super) const ROUND: f64 = 6_755_399_441_055_744.0;

/// As [`ROUND`].
pub(super) const ROUND_SINGLE: f32 = 12_582_912.0;

/// The nearest integer, ties to even, for |x| < 2⁵¹.
#[inline(always)]
pub(super) fn nearest(x: f64) -> f64 {
    (x + ROUND) - ROUND
}

/// The nearest integer, ties to even, for |x| < 2²².
#[inline(always)]
pub(super) fn nearest_single(x: f32) -> f32 {
    (x + ROUND_SINGLE) - ROUND_SINGLE
}

/// 2ⁿ for integers −1022 ≤ n ≤ 1023; 0 for −1023.
#[inline(always)]
pub(super) fn power_of_two(n: f64) -> f64 {
    f64::from_bits((n + (ROUND + 1023.0)).to_bits() << 52)
}

/// 2ⁿ for integers −126 ≤ n ≤ 127; 0 for −127.
#[inline(always)]
pub(super) fn power_of_two_single(n: f32) -> f32 {
    f32::from_bits((n + (ROUND_SINGLE + 127.0)).to_bits() << 23)
}

/// x 2ⁿ for |n| < 2045, rounded once even where the result is subnormal, if 1/2 < |x| < 2.
#[inline(always)]
pub(super) fn scale(x: f64, n: f64) -> f64 {
    let half = nearest(n * 0.5);
    x * power_of_two(half) * power_of_two(n - half)
}

/// As [`scale`], for |n| < 253.
#[inline(always)]
pub(super) fn scale_single(x: f32, n: f32) -> f32 {
    let half = nearest_single(n * 0.5);
    x * power_of_two_single(half) * power_of_two_single(n - half)
}

/// c₀ + c₁ x + c₂ x² + …
#[inline(always)]
pub(super) fn polynomial<const N: usize>(x: f64, coefficients: &[f64; N]) -> f64 {
    let mut sum = coefficients[N - 1];
    let mut i = N - 1;
    while i > 0 {
        i -= 1;
        sum = sum * x + coefficients[i];
    }
    sum
}

/// As [`polynomial`].
#[inline(always)]
pub(super) fn polynomial_single<const N: usize>(x: f32, coefficients: &[f32; N]) -> f32 {
    let mut sum = coefficients[N - 1];
    let mut i = N - 1;
    while i > 0 {
        i -= 1;
        sum = sum * x + coefficients[i];
    }
    sum
}

/// A number that is more than one `f64` holds: the sum of both, the second far smaller.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub(super) high: f64,
    pub(super) low: f64,
}

/// The sum and what its rounding cut off.
#[inline(always)]
pub(super) fn exact_sum(a: f64, b: f64) -> Pair {
    let high = a + b;
    let of_b = high - a;
    let low = (a - (high - of_b)) + (b - of_b);
    Pair { high, low }
}

/// As [`exact_sum`], if |a| ≥ |b| or a is 0.
#[inline(always)]
pub(super) fn exact_sum_ordered(a: f64, b: f64) -> Pair {
    let high = a + b;
    Pair {
        high,
        low: b - (high - a),
    }
}

/// The product and what its rounding cut off, if neither comes near the ends of the range (Dekker).
#[inline(always)]
pub(super) fn exact_product(a: f64, b: f64) -> Pair {
    let (a_high, a_low) = halves(a);
    let (b_high, b_low) = halves(b);
    let high = a * b;
    let low = ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low;
    Pair { high, low }
}

/// The upper 26 bits of a number, and the rest.
#[inline(always)]
pub(super) fn halves(a: f64) -> (f64, f64) {
    let stretched = a * 134_217_729.0;
    let high = stretched - (stretched - a);
    (high, a - high)
}
