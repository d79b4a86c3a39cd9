//! How are numbers summed, multiplied and averaged?
//!
//! Integers wrap in 64 bits. Floats are summed in `f64`: pieces of a row by eight partial sums, the
//! pieces with the error of every addition kept, so that no sum is less accurate than NumPy's.
//!
//! Knows: slots. Must not know: axes, threads.

use std::marker::PhantomData;
use std::ops::Mul;

use bytemuck::cast_slice;
use num_complex::Complex;

use super::{Accumulator, Begin, Plan, Reduction, same};
use crate::dtype::Scalar;
use crate::ops::cast::{Cast, cast};
use crate::ops::kernel::Cell;
use crate::strip::{Elements, Strip};

/// Sums and products of integers. Two's complement makes `u64` of the same bits as `i64`.
pub(super) struct Totals<A> {
    multiply: bool,
    slots: Vec<i64>,
    element: PhantomData<A>,
}

impl<A: Cell + Cast<i64> + Send + 'static> Begin for Totals<A> {
    fn begin(plan: Plan) -> Totals<A> {
        let multiply = plan.reduction == Reduction::Prod;
        Totals {
            multiply,
            slots: vec![i64::from(multiply); plan.slots],
            element: PhantomData,
        }
    }
}

impl<A: Cell + Cast<i64> + Send + 'static> Accumulator for Totals<A> {
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, _: u64, _: u64) {
        let values = values.elements::<A::Raw>();
        let values = values.iter().map(|raw| A::get(raw).cast());
        let total = &mut self.slots[slot];
        if self.multiply {
            *total = values.fold(*total, i64::wrapping_mul);
        } else {
            *total = values.fold(*total, i64::wrapping_add);
        }
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, _: u64) {
        let values = values.elements::<A::Raw>();
        let slots = &mut self.slots[first..first + values.len()];
        if self.multiply {
            for (slot, raw) in slots.iter_mut().zip(values.iter()) {
                *slot = slot.wrapping_mul(A::get(raw).cast());
            }
        } else {
            for (slot, raw) in slots.iter_mut().zip(values.iter()) {
                *slot = slot.wrapping_add(A::get(raw).cast());
            }
        }
    }

    fn merge(&mut self, other: &dyn Accumulator) {
        let other: &Totals<A> = same(other);
        for (slot, &value) in self.slots.iter_mut().zip(&other.slots) {
            let join = if self.multiply {
                i64::wrapping_mul
            } else {
                i64::wrapping_add
            };
            *slot = join(*slot, value);
        }
    }

    fn finish(&self, output: &mut [u8]) {
        output.copy_from_slice(cast_slice(&self.slots));
    }
}

/// An element as real numbers side by side: two for complex numbers.
pub(super) trait Parts: Cell + Send + 'static {
    type Part: Cell + Cast<f64>;
    const COUNT: usize;
}

macro_rules! parts {
    ($($type:ty),*) => {$(
        impl Parts for $type {
            type Part = $type;
            const COUNT: usize = 1;
        }
        impl Parts for Complex<$type> {
            type Part = $type;
            const COUNT: usize = 2;
        }
    )*};
    ($($type:ty)*) => {$(
        impl Parts for $type {
            type Part = $type;
            const COUNT: usize = 1;
        }
    )*};
}
parts! { f32, f64 }
parts! { bool i8 u8 i16 u16 i32 u32 i64 u64 }

/// Sums of floats, and means of anything.
pub(super) struct Sums<A> {
    plan: Plan,
    /// The sums, part by part, and what their additions rounded away.
    high: Vec<f64>,
    low: Vec<f64>,
    /// Elements in each slot, for means only.
    counts: Vec<u64>,
    element: PhantomData<A>,
}

/// Elements summed before errors are looked at; NumPy's own unit.
const PIECE: usize = 128;

const LANES: usize = 8;

/// The sum of a piece by eight partial sums; complex parts alternate.
#[inline(always)]
fn sum_piece<A: Parts>(piece: Elements<'_, <A::Part as Cell>::Raw>) -> [f64; 2] {
    let mut lanes = [0.0; LANES];
    let whole = piece.len() / LANES;
    for i in 0..whole {
        for (lane, raw) in lanes.iter_mut().zip(piece.chunk::<LANES>(i)) {
            *lane += A::Part::get(raw).cast();
        }
    }
    let rest = piece.from(whole * LANES);
    for (lane, raw) in lanes.iter_mut().zip(rest.iter()) {
        *lane += A::Part::get(raw).cast();
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    let (even, odd) = ((a + c) + (e + g), (b + d) + (f + h));
    if A::COUNT == 1 {
        [even + odd, 0.0]
    } else {
        [even, odd]
    }
}

/// Adds `value` to `high`, and what the rounding cut off to `low` (Knuth's two-sum).
#[inline(always)]
pub(super) fn add(high: &mut f64, low: &mut f64, value: f64) {
    let sum = *high + value;
    let back = sum - *high;
    *low += (*high - (sum - back)) + (value - back);
    *high = sum;
}

impl<A: Parts> Begin for Sums<A> {
    fn begin(plan: Plan) -> Sums<A> {
        let parts = plan.slots * A::COUNT;
        let counted = if plan.reduction == Reduction::Mean {
            plan.slots
        } else {
            0
        };
        Sums {
            plan,
            high: vec![0.0; parts],
            low: vec![0.0; parts],
            counts: vec![0; counted],
            element: PhantomData,
        }
    }
}

impl<A: Parts> Accumulator for Sums<A> {
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, _: u64, _: u64) {
        let values = values.elements::<<A::Part as Cell>::Raw>();
        let first = slot * A::COUNT;
        for piece in values.chunks(PIECE * A::COUNT) {
            let sums = sum_piece::<A>(piece);
            for (part, &sum) in sums[..A::COUNT].iter().enumerate() {
                add(
                    &mut self.high[first + part],
                    &mut self.low[first + part],
                    sum,
                );
            }
        }
        if let Some(count) = self.counts.get_mut(slot) {
            *count += (values.len() / A::COUNT) as u64;
        }
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, _: u64) {
        let values = values.elements::<<A::Part as Cell>::Raw>();
        let (begin, end) = (first * A::COUNT, first * A::COUNT + values.len());
        let sums = self.high[begin..end]
            .iter_mut()
            .zip(&mut self.low[begin..end]);
        for ((high, low), raw) in sums.zip(values.iter()) {
            add(high, low, A::Part::get(raw).cast());
        }
        for count in self
            .counts
            .iter_mut()
            .skip(first)
            .take(values.len() / A::COUNT)
        {
            *count += 1;
        }
    }

    fn merge(&mut self, other: &dyn Accumulator) {
        let other: &Sums<A> = same(other);
        let sums = self.high.iter_mut().zip(&mut self.low);
        for ((high, low), (&other_high, &other_low)) in sums.zip(other.high.iter().zip(&other.low))
        {
            add(high, low, other_high);
            *low += other_low;
        }
        for (count, &more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    fn finish(&self, output: &mut [u8]) {
        let mut results: Vec<f64> = self.high.clone();
        for (result, &low) in results.iter_mut().zip(&self.low) {
            // Of an infinity or NaN the error is NaN, and the sum is right.
            if result.is_finite() {
                *result += low;
            }
        }
        for (parts, &count) in results.chunks_mut(A::COUNT).zip(&self.counts) {
            for part in parts {
                *part /= count as f64;
            }
        }
        write_parts(A::COUNT, &results, self.plan.output, output);
    }
}

/// Writes real or complex results, rounded to the dtype of the output.
fn write_parts(count: usize, results: &[f64], to: Scalar, output: &mut [u8]) {
    let from = if count == 1 {
        Scalar::F64
    } else {
        Scalar::C128
    };
    cast(from, to)(&[Strip::from(results)], output);
}

/// Products of floats.
///
/// A product carries its exponent apart, so that it overflows only if the whole product does, wherever
/// strips were cut.
pub(super) struct Products<A> {
    plan: Plan,
    slots: Vec<Complex<f64>>,
    /// Powers of 2^600 taken out of each slot.
    powers: Vec<i64>,
    element: PhantomData<A>,
}

/// 2^600 and its inverse; numbers between their square roots are multiplied as they are.
const UP: f64 = f64::from_bits((1023 + 600) << 52);
const DOWN: f64 = f64::from_bits((1023 - 600) << 52);
const GREAT: f64 = f64::from_bits((1023 + 300) << 52);
const LITTLE: f64 = f64::from_bits((1023 - 300) << 52);

/// The power of 2^600 that brings a number of this size nearer to 1.
#[inline(always)]
fn step_to_one(size: f64) -> (f64, i64) {
    if (LITTLE..=GREAT).contains(&size) || size == 0.0 || !size.is_finite() {
        (1.0, 0)
    } else if size > GREAT {
        (DOWN, 1)
    } else {
        (UP, -1)
    }
}

/// One more factor; both it and the product are brought near 1, so that nothing can overflow.
#[inline(always)]
fn multiply<T: Copy + Mul<T, Output = T> + Mul<f64, Output = T>>(
    product: &mut T,
    power: &mut i64,
    factor: T,
    size: impl Fn(T) -> f64,
) {
    let (scale, step) = step_to_one(size(factor));
    let next = *product * (factor * scale);
    let (scale, more) = step_to_one(size(next));
    *product = next * scale;
    *power += step + more;
}

/// A number with its powers of 2^600 put back; four of them overflow or vanish whatever they meet.
fn whole(number: f64, power: i64) -> f64 {
    let scale = if power > 0 { UP } else { DOWN };
    (0..power.unsigned_abs().min(4)).fold(number, |number, _| number * scale)
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
            multiply(product, power, factor, |z| z.re.abs().max(z.im.abs()));
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
        let (mut product, mut power) = (self.slots[slot], self.powers[slot]);
        for raw in values.elements::<A::Raw>().iter() {
            Self::take(&mut product, &mut power, A::get(raw).cast());
        }
        (self.slots[slot], self.powers[slot]) = (product, power);
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, _: u64) {
        let products = self.slots[first..]
            .iter_mut()
            .zip(&mut self.powers[first..]);
        for ((product, power), raw) in products.zip(values.elements::<A::Raw>().iter()) {
            Self::take(product, power, A::get(raw).cast());
        }
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
            .map(|(&z, &power)| Complex::new(whole(z.re, power), whole(z.im, power)))
            .collect();
        cast(Scalar::C128, self.plan.output)(&[Strip::from(&results[..])], output);
    }
}
