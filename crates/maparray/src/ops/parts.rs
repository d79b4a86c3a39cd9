//! What is a floating-point number made of?
//!
//! Mantissa, exponent, neighbours: functions of the number's own format, so that halves are taken as
//! they are.
//!
//! Knows: numbers and their bits. Must not know: arrays, dtypes.

use half::{bf16, f16};

use super::float::{self, Real};

/// A number in an IEEE 754 format.
pub(super) trait Ieee: Copy + PartialOrd {
    const MAX: Self;
    /// Whether NumPy measures the spacing of this format upwards, and not away from zero.
    const SPACED_UPWARDS: bool;
    fn wide(self) -> f64;
    /// The nearest number of this format.
    fn near(wide: f64) -> Self;
    /// What it is computed in.
    type Computed: Real;
    fn to_computed(self) -> Self::Computed;
    fn from_computed(result: Self::Computed) -> Self;
    /// The neighbour above or below a finite number.
    fn neighbour(self, above: bool) -> Self;
}

macro_rules! ieee {
    ($($type:ty: $wide:expr, $near:expr, $upwards:literal, $computed:ty, $to:expr, $from:expr;)*) => {$(
        impl Ieee for $type {
            const MAX: $type = <$type>::MAX;
            const SPACED_UPWARDS: bool = $upwards;
            #[inline(always)]
            fn wide(self) -> f64 {
                $wide(self)
            }
            #[inline(always)]
            fn near(wide: f64) -> $type {
                $near(wide)
            }
            type Computed = $computed;
            #[inline(always)]
            fn to_computed(self) -> $computed {
                $to(self)
            }
            #[inline(always)]
            fn from_computed(result: $computed) -> $type {
                $from(result)
            }
            #[inline(always)]
            fn neighbour(self, above: bool) -> $type {
                let bits = self.to_bits();
                if self.wide() == 0.0 {
                    let least = <$type>::from_bits(1);
                    if above { least } else { -least }
                } else if (self.wide() > 0.0) == above {
                    <$type>::from_bits(bits.wrapping_add(1))
                } else {
                    <$type>::from_bits(bits.wrapping_sub(1))
                }
            }
        }
    )*};
}

ieee! {
    f16: f16::to_f64, f16::from_f64, true, f32, f16::to_f32, f16::from_f32;
    bf16: bf16::to_f64, bf16::from_f64, false, f32, bf16::to_f32, bf16::from_f32;
    f32: f64::from, |wide| wide as f32, false, f32, |a| a, |a| a;
    f64: |a| a, |a| a, false, f64, |a| a, |a| a;
}

/// 2 to this power, which is that of a normal number.
fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// The mantissa in [½, 1) and the exponent of a number.
#[inline(always)]
fn split(a: f64) -> (f64, i32) {
    if a == 0.0 || !a.is_finite() {
        return (a, 0);
    }
    // Numbers below the normal ones are scaled up first.
    let (a, scale) = if a.abs() < f64::MIN_POSITIVE {
        (a * power_of_two(64), 64)
    } else {
        (a, 0)
    };
    let bits = a.to_bits();
    let exponent = (bits >> 52 & 0x7FF) as i32 - 1022;
    let mantissa = f64::from_bits(bits & !(0x7FF << 52) | 1022 << 52);
    (mantissa, exponent - scale)
}

pub(super) fn mantissa<T: Ieee>(a: T) -> T {
    T::near(split(a.wide()).0)
}

pub(super) fn exponent<T: Ieee>(a: T) -> i32 {
    split(a.wide()).1
}

/// A number times a power of two, rounded once.
pub(super) fn scaled<T: Ieee>(a: T, exponent: i64) -> T {
    let (mantissa, own) = split(a.wide());
    let exponent = exponent.clamp(-5000, 5000) + i64::from(own);
    // Two steps, as a single factor may not be a number; the first is exact unless it overflows.
    T::near(if exponent < -1021 {
        let rest = exponent.max(-1200) + 1000;
        mantissa * power_of_two(rest) * power_of_two(-1000)
    } else {
        let rest = exponent.min(1100) - 1;
        mantissa * 2.0 * power_of_two(rest.min(1000)) * power_of_two((rest - 1000).max(0))
    })
}

pub(super) fn round<T: Ieee>(a: T, decimals: i64) -> T {
    T::from_computed(float::round(a.to_computed(), decimals))
}

/// The neighbour of a number on the way to another.
pub(super) fn next_after<T: Ieee>(a: T, to: T) -> T {
    if a.wide().is_nan() {
        a
    } else if a == to || to.wide().is_nan() {
        to
    } else {
        a.neighbour(to > a)
    }
}

/// The distance to the neighbour, with the sign of the way there.
pub(super) fn spacing<T: Ieee>(a: T) -> T {
    let wide = a.wide();
    if !wide.is_finite() {
        return T::near(f64::NAN);
    }
    let above = T::SPACED_UPWARDS || wide >= 0.0;
    T::near(a.neighbour(above).wide() - wide)
}

/// 0 for NaN, and the greatest numbers for the infinities.
pub(super) fn finite<T: Ieee>(a: T) -> T {
    let wide = a.wide();
    if wide.is_nan() {
        T::near(0.0)
    } else if wide.is_infinite() {
        T::near(T::MAX.wide().copysign(wide))
    } else {
        a
    }
}
