//! How are floats multiplied?
//!
//! A product carries its exponent apart, so that it overflows only if the whole product does, wherever
//! strips were cut.
//!
//! Knows: slots. Must not know: axes, threads.

use std::marker::PhantomData;
use std::ops::Mul;

use num_complex::Complex;

use super::lanes::over_arrays;
use super::sum::Parts;
use super::{Accumulator, Begin, Plan, same};
use crate::dtype::Scalar;
use crate::ops::cast::{Cast, cast};
use crate::ops::dispatch::widest;
use crate::ops::kernel::Cell;
use crate::strip::{Elements, Strip};

/// Products of floats.
pub(super) struct Products<A> {
    plan: Plan,
    slots: Vec<Complex<f64>>,
    /// Powers of 2 taken out of each slot.
    powers: Vec<i64>,
    element: PhantomData<A>,
}

const EXPONENT: u64 = 0x7ff << 52;
const ONE: u64 = 1023 << 52;

/// A number as one of size 1 to 2 and a power of 2; zeros, infinities and NaNs as they are.
#[inline(always)]
fn split(number: f64) -> (f64, i64) {
    // Numbers too small for a whole mantissa are lifted first.
    const LIFT: f64 = f64::from_bits((1023 + 54) << 52);
    let small = number.to_bits() & EXPONENT == 0;
    let lifted = if small { number * LIFT } else { number };
    let bits = lifted.to_bits();
    let odd = (number == 0.0) | (bits & EXPONENT == EXPONENT);
    let near = f64::from_bits(bits & !EXPONENT | ONE);
    let power = ((bits & EXPONENT) >> 52) as i64 - 1023 - if small { 54 } else { 0 };
    if odd { (number, 0) } else { (near, power) }
}

/// Numbers between these are multiplied as they are.
const GREAT: f64 = f64::from_bits((1023 + 300) << 52);
const LITTLE: f64 = f64::from_bits((1023 - 300) << 52);

/// 2 to a power that a number can have.
#[inline(always)]
fn two_to(power: i64) -> f64 {
    f64::from_bits(((1023 + power) as u64) << 52)
}

/// A number times a power of 2, rounded once.
fn scaled(number: f64, power: i64) -> f64 {
    let (near, own) = split(number);
    let power = power.saturating_add(own).clamp(-1100, 1100);
    match power {
        1023.. => near * two_to(1023) * two_to(power - 1023),
        -1022..1023 => near * two_to(power),
        // The first step is exact: the result of the second may not be a whole mantissa.
        _ => near * two_to(-900) * two_to(power + 900),
    }
}

/// One more factor of a product and its power; both are brought near 1, so that nothing overflows.
#[inline(always)]
fn multiply<T: Copy + Mul<T, Output = T> + Mul<f64, Output = T>>(
    product: &mut T,
    power: &mut i64,
    factor: T,
    size: impl Fn(T) -> f64,
) {
    // Halves, for the power of a number near the ends has no inverse.
    let near_one = |number: T| {
        if (LITTLE..=GREAT).contains(&size(number)) {
            return (number, 0);
        }
        let power = split(size(number)).1.clamp(-1023, 1023);
        let (half, rest) = (power / 2, power - power / 2);
        (number * two_to(-half) * two_to(-rest), power)
    };
    let (factor, more) = near_one(factor);
    let (next, step) = near_one(*product * factor);
    *product = next;
    *power += more + step;
}

/// Products of a row, side by side.
const LANES: usize = 16;

/// Factors of size up to 2 that a number can take before it is split again.
const PIECE: usize = 500 * LANES;

/// The product of a row, and its power of 2.
#[inline(always)]
fn product_of<P: Cell + Cast<f64>>(values: Elements<'_, P::Raw>) -> (f64, i64) {
    let (mut product, mut power) = (1.0, 0);
    for piece in values.chunks(PIECE) {
        let (mut products, mut powers) = ([1.0; LANES], [0; LANES]);
        over_arrays::<_, LANES>(
            piece,
            #[inline(always)]
            |lane, raw| {
                let (near, more) = split(P::get(raw).cast());
                products[lane] *= near;
                powers[lane] += more;
            },
        );
        for (near, more) in products.into_iter().zip(powers) {
            multiply(&mut product, &mut power, near, f64::abs);
            power += more;
        }
    }
    (product, power)
}

/// The element as a complex number.
pub(super) trait Factor: Parts + Cast<Complex<f64>> {}
impl<A: Parts + Cast<Complex<f64>>> Factor for A {}

impl<A: Factor> Products<A> {
    #[inline(always)]
    fn take(product: &mut Complex<f64>, power: &mut i64, factor: Complex<f64>) {
        if A::COUNT == 1 {
            multiply(&mut product.re, power, factor.re, f64::abs);
        } else {
            multiply(
                product,
                power,
                factor,
                #[inline(always)]
                |z| z.re.abs().max(z.im.abs()),
            );
        }
    }
}

impl<A: Factor> Begin for Products<A> {
    fn begin(plan: Plan) -> Products<A> {
        Products {
            plan,
            slots: vec![Complex::new(1.0, 0.0); plan.slots],
            powers: vec![0; plan.slots],
            element: PhantomData,
        }
    }
}

impl<A: Factor> Accumulator for Products<A> {
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, _: u64, _: u64) {
        let (slot, power) = (&mut self.slots[slot], &mut self.powers[slot]);
        if A::COUNT == 1 {
            let values = values.elements::<<A::Part as Cell>::Raw>();
            let (product, more) = widest(
                #[inline(always)]
                || product_of::<A::Part>(values),
            );
            Self::take(slot, power, Complex::new(product, 0.0));
            *power += more;
            return;
        }
        let values = values.elements::<A::Raw>();
        widest(
            #[inline(always)]
            || {
                for raw in values.iter() {
                    Self::take(slot, power, A::get(raw).cast());
                }
            },
        );
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, _: u64) {
        let values = values.elements::<A::Raw>();
        let end = first + values.len();
        let (slots, powers) = (&mut self.slots[first..end], &mut self.powers[first..end]);
        widest(
            #[inline(always)]
            || {
                for (i, (product, power)) in slots.iter_mut().zip(powers).enumerate() {
                    Self::take(product, power, A::get(values.get(i)).cast());
                }
            },
        );
    }

    fn merge(&mut self, other: &dyn Accumulator) {
        let other: &Products<A> = same(other);
        let products = self.slots.iter_mut().zip(&mut self.powers);
        for ((product, power), (&factor, &more)) in
            products.zip(other.slots.iter().zip(&other.powers))
        {
            Self::take(product, power, factor);
            *power += more;
        }
    }

    fn finish(&self, output: &mut [u8]) {
        let results = self.slots.iter().zip(&self.powers);
        let results: Vec<Complex<f64>> = results
            .map(|(&z, &power)| Complex::new(scaled(z.re, power), scaled(z.im, power)))
            .collect();
        cast(Scalar::C128, self.plan.output)(&[Strip::from(&results[..])], output);
    }
}
