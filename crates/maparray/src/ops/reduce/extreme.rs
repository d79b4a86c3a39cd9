//! What is the least or the greatest element?
//!
//! NaN is more extreme than every number, as in NumPy; complex numbers are ordered by their real
//! part, then by their imaginary part.
//!
//! Knows: slots. Must not know: axes, threads.

use num_complex::Complex;

use super::lanes::{over_arrays, over_lanes, side_by_side, together};
use super::{ABREAST, Accumulator, Begin, Nans, Plan, Reduction, same};
use crate::dtype::{Kind, Scalar};
use crate::ops::cast::{Cast, cast};
use crate::ops::complex;
use crate::ops::dispatch::widest;
use crate::ops::kernel::Cell;
use crate::strip::{Elements, Strip};

/// Elements that have an order.
pub(super) trait Ordered: Cell + PartialEq + Cast<Self> + Send + 'static {
    /// No element is less, none greater.
    const ENDS: (Self, Self);
    /// What is more extreme than every number, if there is such a thing.
    const NAN: Self;
    /// Whether it is two numbers, which are compared one after the other.
    const PAIR: bool = Self::SCALAR.kind() as u8 == Kind::Complex as u8;
    /// As what the results are written.
    const SCALAR: Scalar;
    fn less(self, other: Self) -> bool;
    fn is_nan(self) -> bool;
    /// The extreme of a row.
    fn extreme<const LEAST: bool>(values: Elements<'_, Self::Raw>) -> Self;
}

macro_rules! ordered {
    ($($scalar:ident $type:ty, $lanes:literal: $least:expr, $greatest:expr, $other:expr, $nan:expr, $less:expr;)*) => {$(
        impl Ordered for $type {
            const ENDS: ($type, $type) = ($least, $greatest);
            const NAN: $type = $other;
            const SCALAR: Scalar = Scalar::$scalar;
            #[inline(always)]
            fn less(self, other: $type) -> bool {
                let less: fn($type, $type) -> bool = $less;
                less(self, other)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                let nan: fn($type) -> bool = $nan;
                nan(self)
            }
            #[inline(always)]
            fn extreme<const LEAST: bool>(values: Elements<'_, Self::Raw>) -> $type {
                extreme::<$type, LEAST, $lanes>(values)
            }
        }
    )*};
    (integers $($scalar:ident $type:ty, $lanes:literal;)*) => {
        ordered! { $($scalar $type, $lanes: <$type>::MIN, <$type>::MAX, 0, |_| false, |a, b| a < b;)* }
    };
    (floats $($scalar:ident $type:ty, $lanes:literal;)*) => {
        ordered! { $($scalar $type, $lanes:
            <$type>::NEG_INFINITY, <$type>::INFINITY, <$type>::NAN, |x| x.is_nan(), |a, b| a < b;)* }
    };
    (complex $($scalar:ident $part:ty, $lanes:literal;)*) => {
        ordered! { $($scalar Complex<$part>, $lanes:
            Complex::new(<$part>::NEG_INFINITY, <$part>::NEG_INFINITY),
            Complex::new(<$part>::INFINITY, <$part>::INFINITY),
            Complex::new(<$part>::NAN, 0.0), complex::is_nan, complex::less;)* }
    };
}
ordered! { Bool bool, 64: false, true, false, |_| false, |a, b| !a & b; }
ordered! { integers
    I8 i8, 256; U8 u8, 256; I16 i16, 128; U16 u16, 128; I32 i32, 64; U32 u32, 64; I64 i64, 64;
    U64 u64, 64;
}
ordered! { floats F32 f32, 64; F64 f64, 32; }
ordered! { complex C64 f32, 16; C128 f64, 8; }

/// Whether `a` is more extreme than `b`; never for a NaN.
#[inline(always)]
pub(super) fn beyond<A: Ordered, const LEAST: bool>(a: A, b: A) -> bool {
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

/// What every element goes beyond or equals.
pub(super) fn start<A: Ordered>(least: bool) -> A {
    if least { A::ENDS.1 } else { A::ENDS.0 }
}

/// The extreme of a row: of its numbers, and whether one is none.
#[inline(always)]
fn extreme<A: Ordered, const LEAST: bool, const N: usize>(values: Elements<'_, A::Raw>) -> A {
    let none = start::<A>(LEAST);
    if values.len() < N {
        let values = values.iter().map(A::get);
        return values.fold(none, pick::<A, LEAST>);
    }
    let (mut best, mut odd) = ([none; N], [none; N]);
    if A::PAIR {
        over_lanes(
            &mut best,
            values,
            #[inline(always)]
            |best, raw| pick::<A, LEAST>(best, A::get(raw)),
        );
        return together(best, 1, pick::<A, LEAST>)[0];
    }
    over_arrays::<_, N>(
        values,
        #[inline(always)]
        |lane, raw| {
            let value = A::get(raw);
            let better = beyond::<A, LEAST>(value, best[lane]);
            best[lane] = if better { value } else { best[lane] };
            odd[lane] = if value.is_nan() { value } else { odd[lane] };
        },
    );
    let best = together(best, 1, pick::<A, LEAST>)[0];
    let odd = together(odd, 1, pick::<A, LEAST>)[0];
    if odd.is_nan() { odd } else { best }
}

/// Least or greatest elements; of no elements, the other end of the dtype's range, or NaN where NaNs
/// are left out.
pub(super) struct Extremes<A> {
    plan: Plan,
    slots: Vec<A>,
    /// Whether any element came, where that matters.
    met: Vec<bool>,
}

impl<A: Ordered> Extremes<A> {
    fn least(&self) -> bool {
        self.plan.reduction == Reduction::Min
    }
}

impl<A: Ordered> Extremes<A> {
    fn pick_rows<const N: usize>(&mut self, first: usize, rows: [Strip<'_>; N]) {
        let rows = rows.map(|values| values.elements::<A::Raw>());
        if !self.met.is_empty() {
            self.met[first..first + rows[0].len()].fill(true);
        }
        if self.least() {
            pick_rows::<A, true, N>(&mut self.slots[first..], rows);
        } else {
            pick_rows::<A, false, N>(&mut self.slots[first..], rows);
        }
    }
}

impl<A: Ordered> Begin for Extremes<A> {
    fn begin(plan: Plan) -> Extremes<A> {
        let asked = plan.nans == Nans::Skip;
        Extremes {
            plan,
            slots: vec![start(plan.reduction == Reduction::Min); plan.slots],
            met: vec![false; if asked { plan.slots } else { 0 }],
        }
    }
}

fn pick_rows<A: Ordered, const LEAST: bool, const N: usize>(
    slots: &mut [A],
    rows: [Elements<'_, A::Raw>; N],
) {
    let slots = &mut slots[..rows[0].len()];
    widest(
        #[inline(always)]
        || {
            side_by_side(
                slots,
                rows,
                #[inline(always)]
                |slot, raw| pick::<A, LEAST>(slot, A::get(raw)),
            );
        },
    );
}

impl<A: Ordered> Accumulator for Extremes<A> {
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, _: u64, _: u64) {
        let values = values.elements::<A::Raw>();
        let least = self.least();
        if let Some(met) = self.met.get_mut(slot) {
            *met |= !values.is_empty();
        }
        let slot = &mut self.slots[slot];
        if least {
            let found = widest(
                #[inline(always)]
                || A::extreme::<true>(values),
            );
            *slot = pick::<A, true>(*slot, found);
        } else {
            let found = widest(
                #[inline(always)]
                || A::extreme::<false>(values),
            );
            *slot = pick::<A, false>(*slot, found);
        }
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, _: u64) {
        self.pick_rows(first, [values]);
    }

    fn fold_columns(&mut self, first: usize, rows: &[(Strip<'_>, u64); ABREAST]) {
        self.pick_rows(first, rows.map(|(values, _)| values));
    }

    fn takes_again(&self) -> bool {
        true
    }

    fn merge(&mut self, other: &dyn Accumulator) {
        let other: &Extremes<A> = same(other);
        let pick = if self.least() {
            pick::<A, true>
        } else {
            pick::<A, false>
        };
        for (slot, &more) in self.slots.iter_mut().zip(&other.slots) {
            *slot = pick(*slot, more);
        }
        for (met, more) in self.met.iter_mut().zip(&other.met) {
            *met |= more;
        }
    }

    fn finish(&self, output: &mut [u8]) {
        let mut raw: Vec<A::Raw> = self.slots.iter().map(|slot| slot.put()).collect();
        for (raw, _) in raw.iter_mut().zip(&self.met).filter(|(_, met)| !**met) {
            *raw = A::NAN.put();
        }
        cast(A::SCALAR, self.plan.output)(&[Strip::from(&raw[..])], output);
    }
}
