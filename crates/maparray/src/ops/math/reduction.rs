//! Where in its quarter turn does an angle lie?
//!
//! Moderate angles lose multiples of π/2 kept in parts (Cody and Waite), which is branch-free. Far
//! ones need hundreds of digits of 2/π (Payne and Hanek): few angles of few arrays are far, so they are
//! computed one by one.
//!
//! Knows: numbers. Must not know: strips, dtypes.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

use super::parts::{Pair, ROUND, exact_product, exact_sum};

/// Angles beyond this are far.
const FAR: f64 = 1_500_000.0;

/// As [`FAR`]: angles that `f32` holds leave more room in `f64`.
const FAR_SINGLE: f32 = 1_500_000.0;

/// π/2 in parts; a multiple of the first three by an integer below 2²⁰ is exact.
const HALF_PI: [f64; 4] = [
    1.5707963267341256,
    6.077100506303966e-11,
    2.0222662487111665e-21,
    8.4784276603689e-32,
];

/// What π/2 goes on with after the first `f64`.
const HALF_PI_REST: f64 = 6.123233995736766e-17;

/// π in parts.
const PI: [f64; 2] = [3.1415926534682512, 1.2154201012607932e-10];

/// The bits of 2/π after the point, after 64 zeros.
const TWO_OVER_PI: [u64; 21] = [
    0,
    0xA2F9_836E_4E44_1529,
    0xFC27_57D1_F534_DDC0,
    0xDB62_9599_3C43_9041,
    0xFE51_63AB_DEBB_C561,
    0xB724_6E3A_424D_D2E0,
    0x0649_2EEA_09D1_921C,
    0xFE1D_EB1C_B129_A73E,
    0xE882_35F5_2EBB_4484,
    0xE99C_7026_B45F_7E41,
    0x3991_D639_8353_39F4,
    0x9C84_5F8B_BDF9_283B,
    0x1FF8_97FF_DE05_980F,
    0xEF2F_118B_5A0A_6D1F,
    0x6D36_7ECF_27CB_09B7,
    0x4F46_3F66_9E5F_EA2D,
    0x7527_BAC7_EBE5_F17B,
    0x3D07_39F7_8A52_92EA,
    0x6BFB_5FB1_1F8D_5D08,
    0x5603_3046_FC7B_6BAB,
    0xF0CF_BC20_9AF4_361D,
];

/// An angle without its quarter turns: what is left, within ±π/4, and how many were taken away, of
/// which the last two bits count.
#[derive(Clone, Copy)]
pub(super) struct Reduced {
    pub(super) rest: Pair,
    pub(super) quarters: u64,
}

/// Whether an angle is finite and needs [`reduce_far`].
#[inline(always)]
pub(super) fn is_far(x: f64) -> bool {
    (x.abs() > FAR) & (x.abs() < f64::INFINITY)
}

/// As [`is_far`].
#[inline(always)]
pub(super) fn is_far_single(x: f32) -> bool {
    (x.abs() > FAR_SINGLE) & (x.abs() < f32::INFINITY)
}

/// For an angle that is not far.
#[inline(always)]
pub(super) fn reduce(x: f64) -> Reduced {
    let rounded = x * FRAC_2_PI + ROUND;
    let n = rounded - ROUND;
    let first = x - n * HALF_PI[0];
    let second = exact_sum(first, -(n * HALF_PI[1]));
    let third = exact_sum(second.high, -(n * HALF_PI[2]));
    let low = (second.low + third.low) - n * HALF_PI[3];
    Reduced {
        rest: Pair {
            high: third.high,
            low,
        },
        quarters: rounded.to_bits(),
    }
}

/// As [`reduce`], for an angle that `f32` holds: one `f64` is enough for what is left.
#[inline(always)]
pub(super) fn reduce_short(x: f64) -> (f64, u64) {
    let rounded = x * FRAC_2_PI + ROUND;
    let n = rounded - ROUND;
    let rest = (x - n * HALF_PI[0]) - n * HALF_PI[1];
    (rest, rounded.to_bits())
}

/// An angle that `f32` holds without its half turns, within ±π/2, and how many were taken away.
#[inline(always)]
pub(super) fn reduce_to_half_turn(x: f64) -> (f64, u64) {
    let rounded = x * std::f64::consts::FRAC_1_PI + ROUND;
    let n = rounded - ROUND;
    ((x - n * PI[0]) - n * PI[1], rounded.to_bits())
}

/// As [`reduce_to_half_turn`], for x − π/2.
#[inline(always)]
pub(super) fn reduce_to_half_turn_less_quarter(x: f64) -> (f64, u64) {
    let rounded = (x * std::f64::consts::FRAC_1_PI - 0.5) + ROUND;
    let n = (rounded - ROUND) + 0.5;
    ((x - n * PI[0]) - n * PI[1], rounded.to_bits())
}

/// For a finite angle beyond 2²⁰.
///
/// |x| = m 2ᵉ with an integer m. Of 2/π only those bits count that make less than four quarter turns
/// of it: 192 of them, as an integer, times m, are the quarter turns modulo 4 in units of 2⁻¹⁹⁰.
pub(super) fn reduce_far(x: f64) -> Reduced {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7FF) as usize;
    let m = u128::from((bits & 0x000F_FFFF_FFFF_FFFF) | 0x0010_0000_0000_0000);
    // e − 2 bits of 2/π are left out, counted from the 64 zeros: e = exponent − 1075.
    let skipped = (exponent + 64).saturating_sub(1077);
    let (word, shift) = (skipped / 64, skipped % 64);
    let digit = |i: usize| TWO_OVER_PI.get(word + i).copied().unwrap_or(0);
    let window = |i: usize| {
        let both = (u128::from(digit(i)) << 64) | u128::from(digit(i + 1));
        (both << shift >> 64) as u64
    };
    let low = m * u128::from(window(2));
    let middle = m * u128::from(window(1)) + (low >> 64);
    let high = (m * u128::from(window(0)) + (middle >> 64)) as u64;
    let turns = (u128::from(high) << 64) | u128::from(middle as u64);

    // The nearest whole number of quarter turns, and the signed rest in units of 2⁻¹²⁸ of one.
    let rest = ((turns << 2) | u128::from((low as u64) >> 62)) as i128;
    let quarters = (turns >> 126) as u64 + u64::from(rest < 0);
    let first = rest as f64;
    let second = (rest - first as i128) as f64;
    const UNIT: f64 = 1.0 / (1_u128 << 127) as f64 / 2.0;
    let (first, second) = (first * UNIT, second * UNIT);
    let product = exact_product(first, FRAC_PI_2);
    let low = product.low + (first * HALF_PI_REST + second * FRAC_PI_2);
    if x < 0.0 {
        Reduced {
            rest: Pair {
                high: -product.high,
                low: -low,
            },
            quarters: quarters.wrapping_neg(),
        }
    } else {
        Reduced {
            rest: Pair {
                high: product.high,
                low,
            },
            quarters,
        }
    }
}
