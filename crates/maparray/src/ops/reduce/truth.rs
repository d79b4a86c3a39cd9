//! How many elements are not zero: any, all, so many?
//!
//! Knows: slots. Must not know: axes, threads.

use std::ops::AddAssign;

use bytemuck::{Pod, cast_slice_mut};

use super::lanes::{Tile, over_lanes};
use super::{Accumulator, Begin, Plan, Reduction, same};
use crate::ops::cast::Cast;
use crate::ops::dispatch::widest;
use crate::ops::kernel::Cell;
use crate::strip::{Elements, Strip};

/// Elements that are zero or not; counted in lanes as wide as they are.
pub(super) trait Truth: Cell + Cast<bool> + Send + 'static {
    type Lane: Pod + Send + AddAssign;
    /// What a lane holds.
    const MOST: u32;
    fn one(counted: bool) -> Self::Lane;
    fn whole(lane: Self::Lane) -> i64;
    fn count(values: Elements<'_, Self::Raw>, counted: bool) -> i64;
}

macro_rules! truths {
    ($($lane:ty, $lanes:literal, $most:expr, $($type:ty)*;)*) => {$($(
        impl Truth for $type {
            type Lane = $lane;
            const MOST: u32 = $most;
            #[inline(always)]
            fn one(counted: bool) -> $lane { <$lane>::from(counted) }
            #[inline(always)]
            fn whole(lane: $lane) -> i64 { lane as i64 }
            #[inline(always)]
            fn count(values: Elements<'_, <$type as Cell>::Raw>, counted: bool) -> i64 {
                count_of::<$type, $lanes>(values, counted)
            }
        }
    )*)*};
}
truths! {
    u8, 256, u8::MAX as u32, bool i8 u8;
    u16, 128, u16::MAX as u32, i16 u16;
    u32, 64, u32::MAX, i32 u32 f32;
    u64, 64, u32::MAX, i64 u64 f64 num_complex::Complex<f32>;
    u64, 64, u32::MAX, num_complex::Complex<f64>;
}

#[inline(always)]
fn add<A: Truth>(counted: bool) -> impl Fn(A::Lane, A::Raw) -> A::Lane + Copy {
    #[inline(always)]
    move |mut lane, raw| {
        lane += A::one(A::get(raw).cast() == counted);
        lane
    }
}

#[inline(always)]
fn count_of<A: Truth, const N: usize>(values: Elements<'_, A::Raw>, counted: bool) -> i64 {
    let mut total = 0;
    if values.len() < N {
        for raw in values.iter() {
            total += i64::from(A::get(raw).cast() == counted);
        }
        return total;
    }
    for piece in values.chunks((A::MOST as usize - 1).saturating_mul(N)) {
        let mut lanes = [A::one(false); N];
        over_lanes(&mut lanes, piece, add::<A>(counted));
        total += lanes.into_iter().map(A::whole).sum::<i64>();
    }
    total
}

/// Counts of the elements that are true; for `all`, of those that are false.
pub(super) struct Truths<A: Truth> {
    plan: Plan,
    counted: bool,
    slots: Vec<i64>,
    tile: Tile<A::Lane>,
}

/// Elements that `any` and `all` look at before they ask whether the answer is known.
const PIECE: usize = 4096;

impl<A: Truth> Begin for Truths<A> {
    fn begin(plan: Plan) -> Truths<A> {
        let counted = plan.reduction != Reduction::All;
        Truths {
            plan,
            counted,
            slots: vec![0; plan.slots],
            tile: Tile::new(plan.slots),
        }
    }
}

impl<A: Truth> Accumulator for Truths<A> {
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, _: u64, _: u64) {
        let values = values.elements::<A::Raw>();
        let (counted, slot) = (self.counted, &mut self.slots[slot]);
        let known_by_one = self.plan.reduction != Reduction::CountNonzero;
        widest(
            #[inline(always)]
            || {
                let piece = if known_by_one { PIECE } else { usize::MAX };
                for piece in values.chunks(piece) {
                    if known_by_one && *slot > 0 {
                        break;
                    }
                    *slot += A::count(piece, counted);
                }
            },
        );
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, _: u64) {
        let values = values.elements::<A::Raw>();
        let (slots, tile, counted) = (&mut self.slots, &mut self.tile, self.counted);
        widest(
            #[inline(always)]
            || {
                tile.add(
                    first,
                    [values],
                    A::MOST,
                    add::<A>(counted),
                    #[inline(always)]
                    |start, lanes| {
                        for (slot, lane) in slots[start..].iter_mut().zip(lanes) {
                            *slot += A::whole(*lane);
                            *lane = A::one(false);
                        }
                    },
                );
            },
        );
    }

    fn merge(&mut self, other: &dyn Accumulator) {
        let other: &Truths<A> = same(other);
        for (slot, &more) in self.slots.iter_mut().zip(&other.slots) {
            *slot += more;
        }
        for (slot, &lane) in self.slots.iter_mut().zip(other.tile.lanes()) {
            *slot += A::whole(lane);
        }
    }

    fn finish(&self, output: &mut [u8]) {
        let mut counts = self.slots.clone();
        for (count, &lane) in counts.iter_mut().zip(self.tile.lanes()) {
            *count += A::whole(lane);
        }
        match self.plan.reduction {
            Reduction::CountNonzero => cast_slice_mut(output).copy_from_slice(&counts),
            reduction => {
                // The least of bools is whether all are true, the greatest whether any is.
                for (result, &count) in output.iter_mut().zip(&counts) {
                    *result = u8::from((count == 0) == (reduction == Reduction::All));
                }
            }
        }
    }
}
