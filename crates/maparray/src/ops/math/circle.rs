//! What are sine, cosine and tangent?
//!
//! Of an angle reduced to a quarter turn both sine and cosine are computed, polynomials in its square,
//! and one is chosen by the bits of the number of quarter turns. Those named `far` are for angles too
//! large for the branch-free reduction.
//!
//! Knows: numbers. Must not know: strips, dtypes.

use super::parts::{Pair, exact_sum_ordered, pick, polynomial};
use super::reduction::{
    Reduced, reduce, reduce_far, reduce_short, reduce_to_half_turn,
    reduce_to_half_turn_less_quarter,
};

/// (sin(r) / r − 1) / r² as a function of r², |r| ≤ π/4, to 2⁻⁵⁵ of the sine.
const SINE: [f64; 6] = [
    -0.16666666666666666,
    0.008333333333330936,
    -0.00019841269836740532,
    2.7557316093198404e-06,
    -2.5051129896450185e-08,
    1.5917988979397435e-10,
];

/// (cos(r) − 1 + r²/2) / r⁴ as a function of r², to 2⁻⁵⁹.
const COSINE: [f64; 6] = [
    0.041666666666666664,
    -0.0013888888888887389,
    2.48015872987544e-05,
    -2.755731726587808e-07,
    2.087614504941318e-09,
    -1.138254464534925e-11,
];

/// As [`SINE`], to 2⁻³⁵.
const SHORT_SINE: [f64; 4] = [
    -0.16666666663844049,
    0.008333331870341349,
    -0.00019840084376422702,
    2.724962008007533e-06,
];

/// As [`COSINE`], to 2⁻³⁰.
const SHORT_COSINE: [f64; 3] = [
    0.04166666465348879,
    -0.001388830186756237,
    2.454768977246003e-05,
];

/// As [`SINE`], for |r| ≤ π/2, to 2⁻³³.
const WIDE_SINE: [f64; 5] = [
    -0.16666666663867363,
    0.008333332766508383,
    -0.00019841086016215184,
    2.7536422355454945e-06,
    -2.4079236990903226e-08,
];

/// Below this, an angle is its sine and its tangent.
const TINY: f64 = 1.0 / (1_u64 << 27) as f64;

/// Sine and cosine of what is left of an angle.
#[inline(always)]
fn sine_and_cosine(reduced: Reduced) -> (Pair, Pair) {
    let (r, low) = (reduced.rest.high, reduced.rest.low);
    let square = r * r;
    let half = 0.5 * square;
    let sine_rest = low * (1.0 - half) + r * square * polynomial(square, &SINE);
    let one = 1.0 - half;
    let cut = (1.0 - one) - half;
    let cosine_rest = cut + (square * square * polynomial(square, &COSINE) - r * low);
    (
        exact_sum_ordered(r, sine_rest),
        exact_sum_ordered(one, cosine_rest),
    )
}

/// The first number after an even number of quarter turns, the second after an odd one.
#[inline(always)]
fn by_parity(quarters: u64, even: f64, odd: f64) -> f64 {
    let mask = (quarters & 1).wrapping_neg();
    f64::from_bits((even.to_bits() & !mask) | (odd.to_bits() & mask))
}

/// The other sign if bit 1 is set.
#[inline(always)]
fn turned(quarters: u64, x: f64) -> f64 {
    f64::from_bits(x.to_bits() ^ ((quarters & 2) << 62))
}

#[inline(always)]
fn sin_of(reduced: Reduced) -> f64 {
    let (sine, cosine) = sine_and_cosine(reduced);
    turned(
        reduced.quarters,
        by_parity(reduced.quarters, sine.high, cosine.high),
    )
}

#[inline(always)]
fn cos_of(reduced: Reduced) -> f64 {
    let (sine, cosine) = sine_and_cosine(reduced);
    turned(
        reduced.quarters.wrapping_add(1),
        by_parity(reduced.quarters, cosine.high, sine.high),
    )
}

#[inline(always)]
fn tan_of(reduced: Reduced) -> f64 {
    let (sine, cosine) = sine_and_cosine(reduced);
    let quarters = reduced.quarters;
    let over = by_parity(quarters, sine.high, -cosine.high);
    let over_rest = by_parity(quarters, sine.low, -cosine.low);
    let under = by_parity(quarters, cosine.high, sine.high);
    let under_rest = by_parity(quarters, cosine.low, sine.low);
    let tangent = over / under;
    tangent + (over_rest - tangent * under_rest) / under
}

#[inline(always)]
pub(super) fn sin(x: f64) -> f64 {
    pick(x.abs() < TINY, x, sin_of(reduce(x)))
}

#[inline(always)]
pub(super) fn cos(x: f64) -> f64 {
    cos_of(reduce(x))
}

#[inline(always)]
pub(super) fn tan(x: f64) -> f64 {
    pick(x.abs() < TINY, x, tan_of(reduce(x)))
}

pub(super) fn sin_far(x: f64) -> f64 {
    sin_of(reduce_far(x))
}

pub(super) fn cos_far(x: f64) -> f64 {
    cos_of(reduce_far(x))
}

pub(super) fn tan_far(x: f64) -> f64 {
    tan_of(reduce_far(x))
}

/// The sine within ±π/2, with the other sign after an odd number of half turns.
#[inline(always)]
fn wide_sine(r: f64, half_turns: u64) -> f64 {
    let square = r * r;
    let sine = r + r * square * polynomial(square, &WIDE_SINE);
    f64::from_bits(sine.to_bits() ^ (half_turns << 63))
}

#[inline(always)]
pub(super) fn sin_single(x: f32) -> f32 {
    let (r, half_turns) = reduce_to_half_turn(f64::from(x));
    pick(x == 0.0, x, wide_sine(r, half_turns) as f32)
}

#[inline(always)]
pub(super) fn cos_single(x: f32) -> f32 {
    let (r, half_turns) = reduce_to_half_turn_less_quarter(f64::from(x));
    wide_sine(r, half_turns.wrapping_add(1)) as f32
}

#[inline(always)]
pub(super) fn tan_single(x: f32) -> f32 {
    let (r, quarters) = reduce_short(f64::from(x));
    let square = r * r;
    let sine = r + r * square * polynomial(square, &SHORT_SINE);
    let cosine = 1.0 - square * (0.5 - square * polynomial(square, &SHORT_COSINE));
    let over = by_parity(quarters, sine, -cosine);
    let tangent = over / by_parity(quarters, cosine, sine);
    pick(x == 0.0, x, tangent as f32)
}

pub(super) fn sin_far_single(x: f32) -> f32 {
    sin_far(f64::from(x)) as f32
}

pub(super) fn cos_far_single(x: f32) -> f32 {
    cos_far(f64::from(x)) as f32
}

pub(super) fn tan_far_single(x: f32) -> f32 {
    tan_far(f64::from(x)) as f32
}
