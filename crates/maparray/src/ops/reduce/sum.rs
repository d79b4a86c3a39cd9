//! How are numbers summed and averaged in floating point?
//!
//! In `f64`: pieces of a row by many partial sums, a few rows of columns in a tile, and these with the
//! error of every addition kept, so that no sum is less accurate than NumPy's. Small integers are
//! exact until then.
//!
//! Knows: slots. Must not know: axes, threads.

use std::marker::PhantomData;

use num_complex::Complex;

use super::lanes::{Counts, Tile, over_lanes, together};
use super::total::Addend;
use super::{ABREAST, Accumulator, Begin, Plan, Reduction, same, same_nan};
use crate::dtype::Scalar;
use crate::ops::cast::{Cast, cast};
use crate::ops::dispatch::widest;
use crate::ops::kernel::Cell;
use crate::strip::{Elements, Strip};

/// An element as real numbers side by side: two for complex numbers.
pub(super) trait Parts: Cell + Send + 'static {
    type Part: Cell + Cast<f64>;
    const COUNT: usize;
    /// Rows that columns are summed over before errors are looked at.
    const ROWS: u32;
    /// Adds a row to sums and what their additions rounded away; complex parts alternate.
    fn sum(row: Elements<'_, <Self::Part as Cell>::Raw>, sums: &mut [(f64, f64); 2]);
}

macro_rules! parts {
    ($($type:ty, $piece:literal, $rows:literal;)*) => {$(
        // Singles are exact far beyond a piece; the errors of doubles are looked at more often.
        parts! { @one $type, $type, 1, $rows, sum_row::<$type, 1, $piece>; }
        parts! { @one Complex<$type>, $type, 2, $rows, sum_row::<$type, 2, $piece>; }
    )*};
    ($($type:ty)*) => {$(
        // Exact, and then rounded once.
        parts! { @one $type, $type, 1, 64, exact_row::<$type>; }
    )*};
    (@one $type:ty, $part:ty, $count:literal, $rows:literal, $sum:expr;) => {
        impl Parts for $type {
            type Part = $part;
            const COUNT: usize = $count;
            const ROWS: u32 = $rows;
            #[inline(always)]
            fn sum(row: Elements<'_, <$part as Cell>::Raw>, sums: &mut [(f64, f64); 2]) {
                $sum(row, sums);
            }
        }
    };
}
parts! { f32, 2048, 64; f64, 1024, 16; }
parts! { bool i8 u8 i16 u16 i32 u32 }
parts! { @one i64, i64, 1, 16, sum_row::<i64, 1, 1024>; }
parts! { @one u64, u64, 1, 16, sum_row::<u64, 1, 1024>; }

/// Partial sums of a row. Fewer would be taken apart by the compiler, and put together badly.
const LANES: usize = 64;

/// The sum of a piece by many partial sums.
#[inline(always)]
fn sum_piece<P: Cell + Cast<f64>, const COUNT: usize>(piece: Elements<'_, P::Raw>) -> [f64; 2] {
    let plus = |sum: f64, raw| sum + P::get(raw).cast();
    if COUNT == 1 && piece.len() < 8 {
        return [piece.iter().fold(0.0, plus), 0.0];
    }
    let mut lanes = [0.0; LANES];
    over_lanes(&mut lanes, piece, plus);
    let lanes = together(
        lanes,
        COUNT,
        #[inline(always)]
        |a, b| a + b,
    );
    [lanes[0], if COUNT == 1 { 0.0 } else { lanes[1] }]
}

/// Adds a row of integers whose sum fits into 64 bits.
#[inline(always)]
fn exact_row<A: Addend>(row: Elements<'_, A::Raw>, sums: &mut [(f64, f64); 2]) {
    add(&mut sums[0].0, &mut sums[0].1, A::total(row) as f64);
}

/// Adds a row, piece by piece.
#[inline(always)]
fn sum_row<P: Cell + Cast<f64>, const COUNT: usize, const PIECE: usize>(
    row: Elements<'_, P::Raw>,
    sums: &mut [(f64, f64); 2],
) {
    for piece in row.chunks(PIECE) {
        let found = sum_piece::<P, COUNT>(piece);
        for part in 0..COUNT {
            add(&mut sums[part].0, &mut sums[part].1, found[part]);
        }
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

/// Sums of floats, and means of anything.
pub(super) struct Sums<A> {
    plan: Plan,
    /// The sums, part by part, and what their additions rounded away.
    high: Vec<f64>,
    low: Vec<f64>,
    /// Rows that are not in them yet.
    tile: Tile<f64>,
    /// Elements in each slot, for means only.
    counts: Counts,
    element: PhantomData<A>,
}

impl<A: Parts> Begin for Sums<A> {
    fn begin(plan: Plan) -> Sums<A> {
        let parts = plan.slots * A::COUNT;
        Sums {
            plan,
            high: vec![0.0; parts],
            low: vec![0.0; parts],
            tile: Tile::new(parts),
            counts: if plan.reduction == Reduction::Mean {
                Counts::new(plan.slots)
            } else {
                Counts::default()
            },
            element: PhantomData,
        }
    }
}

impl<A: Parts> Accumulator for Sums<A> {
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, _: u64, _: u64) {
        let values = values.elements::<<A::Part as Cell>::Raw>();
        let parts = slot * A::COUNT..(slot + 1) * A::COUNT;
        let (high, low) = (&mut self.high[parts.clone()], &mut self.low[parts]);
        widest(
            #[inline(always)]
            || {
                let mut sums = [(0.0, 0.0); 2];
                for ((sum, high), low) in sums.iter_mut().zip(&*high).zip(&*low) {
                    *sum = (*high, *low);
                }
                A::sum(values, &mut sums);
                for ((sum, high), low) in sums.iter().zip(high).zip(low) {
                    (*high, *low) = *sum;
                }
            },
        );
        self.counts.row(slot, values.len() / A::COUNT);
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, _: u64) {
        self.add_rows(first, [values]);
    }

    fn fold_columns(&mut self, first: usize, rows: &[(Strip<'_>, u64); ABREAST]) {
        self.add_rows(first, rows.map(|(values, _)| values));
    }

    fn merge(&mut self, other: &dyn Accumulator) {
        let other: &Sums<A> = same(other);
        let lanes = self.tile.lanes_mut();
        empty(&mut self.high[..lanes.len()], &mut self.low[..], lanes);
        let (other_high, other_low) = other.sums();
        let sums = self.high.iter_mut().zip(&mut self.low);
        for ((high, low), (other_high, other_low)) in sums.zip(other_high.iter().zip(other_low)) {
            add(high, low, *other_high);
            *low += other_low;
        }
        self.counts.merge(&other.counts);
    }

    fn finish(&self, output: &mut [u8]) {
        let (mut results, low) = self.sums();
        for (result, low) in results.iter_mut().zip(low) {
            // Of an infinity or NaN the error is NaN, and the sum is right.
            if result.is_finite() {
                *result += low;
            }
        }
        if self.plan.reduction == Reduction::Mean {
            for (slot, parts) in results.chunks_mut(A::COUNT).enumerate() {
                let count = self.counts.get(slot) as f64;
                parts.iter_mut().for_each(|part| *part /= count);
            }
        }
        results
            .iter_mut()
            .for_each(|result| *result = same_nan(*result));
        write_parts(A::COUNT, &results, self.plan.output, output);
    }
}

impl<A: Parts> Sums<A> {
    fn add_rows<const N: usize>(&mut self, first: usize, rows: [Strip<'_>; N]) {
        let rows = rows.map(|values| values.elements::<<A::Part as Cell>::Raw>());
        let (high, low, tile) = (&mut self.high, &mut self.low, &mut self.tile);
        let plus = |sum: f64, raw| sum + A::Part::get(raw).cast();
        widest(
            #[inline(always)]
            || {
                tile.add(
                    first * A::COUNT,
                    rows,
                    A::ROWS,
                    plus,
                    #[inline(always)]
                    |start, lanes| {
                        empty(&mut high[start..], &mut low[start..], lanes);
                    },
                );
            },
        );
        for row in rows {
            self.counts.column(first, row.len() / A::COUNT);
        }
    }

    /// The sums and what was rounded away, with the rows of the tile.
    fn sums(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut high, mut low) = (self.high.clone(), self.low.clone());
        empty(&mut high, &mut low, &mut self.tile.lanes().to_vec());
        (high, low)
    }
}

/// Moves what a tile holds into sums.
#[inline(always)]
fn empty(high: &mut [f64], low: &mut [f64], lanes: &mut [f64]) {
    let count = lanes.len();
    let (high, low) = (&mut high[..count], &mut low[..count]);
    for i in 0..count {
        add(&mut high[i], &mut low[i], lanes[i]);
        lanes[i] = 0.0;
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
