//! Which element is the least or the greatest, and where is the first of them?
//!
//! NaN is more extreme than every number, as in NumPy; complex numbers are ordered by their real
//! part, then by their imaginary part.
//!
//! Knows: slots and indices. Must not know: axes, threads.

use bytemuck::cast_slice_mut;
use num_complex::Complex;

use super::{Accumulator, Begin, Plan, Reduction, same};
use crate::dtype::Scalar;
use crate::ops::cast::{Cast, cast};
use crate::ops::complex;
use crate::ops::kernel::Cell;
use crate::strip::{Elements, Strip};

/// Elements that have an order.
pub(super) trait Ordered: Cell + PartialEq + Cast<Self> + Send + 'static {
    /// No element is less, none greater.
    const ENDS: (Self, Self);
    /// As what the results are written.
    const SCALAR: Scalar;
    fn less(self, other: Self) -> bool;
    fn is_nan(self) -> bool;
}

macro_rules! ordered {
    ($($scalar:ident $type:ty: $least:expr, $greatest:expr, $nan:expr;)*) => {$(
        impl Ordered for $type {
            const ENDS: ($type, $type) = ($least, $greatest);
            const SCALAR: Scalar = Scalar::$scalar;
            #[inline(always)]
            fn less(self, other: $type) -> bool { self < other }
            #[inline(always)]
            fn is_nan(self) -> bool { $nan(self) }
        }
    )*};
    ($($scalar:ident $part:ty;)*) => {$(
        impl Ordered for Complex<$part> {
            const ENDS: (Self, Self) = (
                Complex { re: <$part>::NEG_INFINITY, im: <$part>::NEG_INFINITY },
                Complex { re: <$part>::INFINITY, im: <$part>::INFINITY },
            );
            const SCALAR: Scalar = Scalar::$scalar;
            #[inline(always)]
            fn less(self, other: Self) -> bool { complex::less(self, other) }
            #[inline(always)]
            fn is_nan(self) -> bool { complex::is_nan(self) }
        }
    )*};
}
ordered! {
    Bool bool: false, true, never;
    I8 i8: i8::MIN, i8::MAX, never;
    U8 u8: 0, u8::MAX, never;
    I16 i16: i16::MIN, i16::MAX, never;
    U16 u16: 0, u16::MAX, never;
    I32 i32: i32::MIN, i32::MAX, never;
    U32 u32: 0, u32::MAX, never;
    I64 i64: i64::MIN, i64::MAX, never;
    U64 u64: 0, u64::MAX, never;
    F32 f32: f32::NEG_INFINITY, f32::INFINITY, f32::is_nan;
    F64 f64: f64::NEG_INFINITY, f64::INFINITY, f64::is_nan;
}
ordered! { C64 f32; C128 f64; }

#[inline(always)]
fn never<T>(_: T) -> bool {
    false
}

/// Whether `a` is more extreme than `b`; never for a NaN.
#[inline(always)]
fn beyond<A: Ordered, const LEAST: bool>(a: A, b: A) -> bool {
    if LEAST { a.less(b) } else { b.less(a) }
}

/// The more extreme of two.
#[inline(always)]
fn pick<A: Ordered, const LEAST: bool>(a: A, b: A) -> A {
    if beyond::<A, LEAST>(b, a) | b.is_nan() {
        b
    } else {
        a
    }
}

fn start<A: Ordered>(least: bool) -> A {
    if least { A::ENDS.1 } else { A::ENDS.0 }
}

/// The extreme of a row, found by sixteen partial ones.
#[inline(never)]
fn extreme<A: Ordered, const LEAST: bool>(values: Elements<'_, A::Raw>) -> A {
    let mut lanes = [start::<A>(LEAST); 16];
    let whole = values.len() / 16;
    for i in 0..whole {
        for (lane, raw) in lanes.iter_mut().zip(values.chunk::<16>(i)) {
            *lane = pick::<A, LEAST>(*lane, A::get(raw));
        }
    }
    let rest = values.from(whole * 16);
    for (lane, raw) in lanes.iter_mut().zip(rest.iter()) {
        *lane = pick::<A, LEAST>(*lane, A::get(raw));
    }
    lanes.into_iter().fold(start(LEAST), pick::<A, LEAST>)
}

/// Least or greatest elements; of no elements, the other end of the dtype's range.
pub(super) struct Extremes<A> {
    plan: Plan,
    slots: Vec<A>,
}

impl<A: Ordered> Extremes<A> {
    fn least(&self) -> bool {
        self.plan.reduction == Reduction::Min
    }

    fn pick(&self) -> fn(A, A) -> A {
        if self.least() {
            pick::<A, true>
        } else {
            pick::<A, false>
        }
    }
}

impl<A: Ordered> Begin for Extremes<A> {
    fn begin(plan: Plan) -> Extremes<A> {
        Extremes {
            plan,
            slots: vec![start(plan.reduction == Reduction::Min); plan.slots],
        }
    }
}

#[inline(never)]
fn pick_column<A: Ordered, const LEAST: bool>(slots: &mut [A], values: Elements<'_, A::Raw>) {
    for (slot, raw) in slots.iter_mut().zip(values.iter()) {
        *slot = pick::<A, LEAST>(*slot, A::get(raw));
    }
}

impl<A: Ordered> Accumulator for Extremes<A> {
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, _: u64, _: u64) {
        let values = values.elements::<A::Raw>();
        let found = if self.least() {
            extreme::<A, true>(values)
        } else {
            extreme::<A, false>(values)
        };
        self.slots[slot] = self.pick()(self.slots[slot], found);
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, _: u64) {
        let values = values.elements::<A::Raw>();
        let least = self.least();
        let slots = &mut self.slots[first..];
        if least {
            pick_column::<A, true>(slots, values);
        } else {
            pick_column::<A, false>(slots, values);
        }
    }

    fn takes_again(&self) -> bool {
        true
    }

    fn merge(&mut self, other: &dyn Accumulator) {
        let other: &Extremes<A> = same(other);
        let pick = self.pick();
        for (slot, &more) in self.slots.iter_mut().zip(&other.slots) {
            *slot = pick(*slot, more);
        }
    }

    fn finish(&self, output: &mut [u8]) {
        let raw: Vec<A::Raw> = self.slots.iter().map(|slot| slot.put()).collect();
        cast(A::SCALAR, self.plan.output)(&[Strip::from(&raw[..])], output);
    }
}

/// Indices of the least or greatest elements; of equal ones the smallest, in whatever order they
/// come, and of NaNs likewise.
pub(super) struct Places<A> {
    least: bool,
    slots: Vec<(A, u64)>,
}

impl<A: Ordered> Places<A> {
    #[inline(always)]
    fn take<const LEAST: bool>(slot: &mut (A, u64), value: A, index: u64) {
        let (best, place) = *slot;
        let earlier = index < place;
        let better = match (value.is_nan(), best.is_nan()) {
            (true, known) => !known | earlier,
            (false, true) => false,
            (false, false) => beyond::<A, LEAST>(value, best) | ((value == best) & earlier),
        };
        if better {
            *slot = (value, index);
        }
    }

    fn row<const LEAST: bool>(
        slot: &mut (A, u64),
        values: Elements<'_, A::Raw>,
        index: u64,
        step: u64,
    ) {
        let found = extreme::<A, LEAST>(values);
        let mut trial = *slot;
        Self::take::<LEAST>(&mut trial, found, index);
        // Even at the first index it would not be taken: no need to look where it is.
        if trial.1 == slot.1 && index != slot.1 {
            return;
        }
        let position = values.iter().position(|raw| {
            let value = A::get(raw);
            value == found || (value.is_nan() && found.is_nan())
        });
        if let Some(position) = position {
            let place = index.wrapping_add(step.wrapping_mul(position as u64));
            Self::take::<LEAST>(slot, found, place);
        }
    }
}

impl<A: Ordered> Begin for Places<A> {
    fn begin(plan: Plan) -> Places<A> {
        let least = plan.reduction == Reduction::ArgMin;
        Places {
            least,
            slots: vec![(start(least), u64::MAX); plan.slots],
        }
    }
}

impl<A: Ordered> Accumulator for Places<A> {
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, index: u64, step: u64) {
        let values = values.elements::<A::Raw>();
        let slot = &mut self.slots[slot];
        if self.least {
            Self::row::<true>(slot, values, index, step);
        } else {
            Self::row::<false>(slot, values, index, step);
        }
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, index: u64) {
        let values = values.elements::<A::Raw>().iter().map(A::get);
        for (slot, value) in self.slots[first..].iter_mut().zip(values) {
            if self.least {
                Self::take::<true>(slot, value, index);
            } else {
                Self::take::<false>(slot, value, index);
            }
        }
    }

    fn takes_again(&self) -> bool {
        true
    }

    fn merge(&mut self, other: &dyn Accumulator) {
        let other: &Places<A> = same(other);
        for (slot, &(value, index)) in self.slots.iter_mut().zip(&other.slots) {
            if index == u64::MAX {
                continue;
            }
            if self.least {
                Self::take::<true>(slot, value, index);
            } else {
                Self::take::<false>(slot, value, index);
            }
        }
    }

    fn finish(&self, output: &mut [u8]) {
        let output: &mut [i64] = cast_slice_mut(output);
        for (result, &(_, index)) in output.iter_mut().zip(&self.slots) {
            *result = index as i64;
        }
    }
}
