//! How are variances computed in one sweep?
//!
//! Pieces of a row by their own mean and squared deviations, which then merge (Chan, Golub and
//! LeVeque); columns by Welford's update. Everything in `f64`; the variance of complex numbers is
//! the sum of those of their parts.
//!
//! Knows: slots. Must not know: axes, threads.

use std::marker::PhantomData;

use super::sum::{Parts, add};
use super::{Accumulator, Begin, Plan, Reduction, same};
use crate::dtype::Scalar;
use crate::ops::cast::{Cast, cast};
use crate::ops::kernel::Cell;
use crate::strip::Strip;

/// Count, mean and sum of squared deviations of some numbers.
#[derive(Clone, Copy)]
struct Spread {
    count: f64,
    /// One of the numbers, or near them.
    base: f64,
    /// The mean less `base`: small, so that little is rounded away where all numbers are large.
    mean: f64,
    squares: f64,
    /// What the additions to `squares` rounded away.
    lost: f64,
}

impl Spread {
    const NONE: Spread = Spread {
        count: 0.0,
        base: 0.0,
        mean: 0.0,
        squares: 0.0,
        lost: 0.0,
    };

    #[inline(always)]
    fn of(values: &[f64]) -> Spread {
        let count = values.len() as f64;
        let base = sum(values, |x| x) / count;
        let rest = sum(values, |x| x - base);
        let squares = sum(values, |x| (x - base) * (x - base)) - rest * rest / count;
        Spread {
            count,
            base,
            mean: rest / count,
            squares,
            lost: 0.0,
        }
    }

    /// As [`merge`](Spread::merge) of a single number.
    #[inline(always)]
    fn push(&mut self, value: f64) {
        self.base = if self.count == 0.0 { value } else { self.base };
        self.count += 1.0;
        let distance = value - self.base;
        let before = distance - self.mean;
        self.mean += before / self.count;
        add(
            &mut self.squares,
            &mut self.lost,
            before * (distance - self.mean),
        );
    }

    fn merge(&mut self, other: Spread) {
        if self.count == 0.0 {
            *self = other;
        } else if other.count != 0.0 {
            let count = self.count + other.count;
            let between = (other.base - self.base) + (other.mean - self.mean);
            let squares = between * between * (self.count * other.count / count);
            add(&mut self.squares, &mut self.lost, other.squares);
            add(&mut self.squares, &mut self.lost, squares);
            self.lost += other.lost;
            self.mean += between * (other.count / count);
            self.count = count;
        }
    }

    /// The sum of squared deviations; where it is infinite or NaN, so is what was lost.
    fn squares(&self) -> f64 {
        if self.squares.is_finite() {
            self.squares + self.lost
        } else {
            self.squares
        }
    }
}

/// A sum by eight partial sums.
#[inline(always)]
fn sum(values: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; 8];
    let (chunks, rest) = values.as_chunks::<8>();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += term(x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane += term(x);
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + c) + (e + g)) + ((b + d) + (f + h))
}

/// Variances and standard deviations.
pub(super) struct Spreads<A> {
    plan: Plan,
    /// Part by part.
    slots: Vec<Spread>,
    element: PhantomData<A>,
}

/// Numbers converted to `f64` at a time.
const PIECE: usize = 256;

#[inline(never)]
fn fold_piece(slot: &mut Spread, values: &[f64]) {
    slot.merge(Spread::of(values));
}

#[inline(never)]
fn push_all(slots: &mut [Spread], values: &[f64]) {
    for (slot, &value) in slots.iter_mut().zip(values) {
        slot.push(value);
    }
}

impl<A: Parts> Begin for Spreads<A> {
    fn begin(plan: Plan) -> Spreads<A> {
        let slots = vec![Spread::NONE; plan.slots * A::COUNT];
        Spreads {
            plan,
            slots,
            element: PhantomData,
        }
    }
}

impl<A: Parts> Accumulator for Spreads<A> {
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, _: u64, _: u64) {
        let values = values.elements::<<A::Part as Cell>::Raw>();
        let mut wide = [0.0; PIECE];
        for piece in values.chunks(PIECE * A::COUNT) {
            let wide = &mut wide[..piece.len() / A::COUNT];
            for part in 0..A::COUNT {
                for (i, wide) in wide.iter_mut().enumerate() {
                    *wide = A::Part::get(piece.get(i * A::COUNT + part)).cast();
                }
                fold_piece(&mut self.slots[slot * A::COUNT + part], wide);
            }
        }
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, _: u64) {
        let values = values.elements::<<A::Part as Cell>::Raw>();
        let mut wide = [0.0; PIECE];
        let mut begin = first * A::COUNT;
        for piece in values.chunks(PIECE) {
            let wide = &mut wide[..piece.len()];
            for (wide, raw) in wide.iter_mut().zip(piece.iter()) {
                *wide = A::Part::get(raw).cast();
            }
            push_all(&mut self.slots[begin..begin + piece.len()], wide);
            begin += piece.len();
        }
    }

    fn merge(&mut self, other: &dyn Accumulator) {
        let other: &Spreads<A> = same(other);
        for (slot, &more) in self.slots.iter_mut().zip(&other.slots) {
            slot.merge(more);
        }
    }

    fn finish(&self, output: &mut [u8]) {
        let variance = |parts: &[Spread]| {
            let squares: f64 = parts.iter().map(Spread::squares).sum();
            let variance = squares / (parts[0].count - self.plan.ddof).max(0.0);
            if self.plan.reduction == Reduction::Std {
                variance.sqrt()
            } else {
                variance
            }
        };
        let results: Vec<f64> = self.slots.chunks_exact(A::COUNT).map(variance).collect();
        cast(Scalar::F64, self.plan.output)(&[Strip::from(&results[..])], output);
    }
}
