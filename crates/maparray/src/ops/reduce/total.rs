//! How are integers summed and multiplied?
//!
//! In 64 bits, wrapping; two's complement makes `u64` of the same bits as `i64`. Small integers are
//! summed in lanes just wide enough for a block of them.
//!
//! Knows: slots. Must not know: axes, threads.

use bytemuck::{Pod, Zeroable, cast_slice_mut};

use super::lanes::{Tile, over_lanes, side_by_side, together};
use super::{ABREAST, Accumulator, Begin, Plan, Reduction, same};
use crate::ops::cast::Cast;
use crate::ops::dispatch::widest;
use crate::ops::kernel::Cell;
use crate::strip::{Elements, Strip};

/// An integer that is summed in lanes.
pub(super) trait Addend: Cell + Cast<i64> + Send + 'static {
    /// Holds the sum of `MOST` elements.
    type Lane: Pod + Send;
    const MOST: u32;
    fn add(lane: Self::Lane, raw: Self::Raw) -> Self::Lane;
    fn whole(lane: Self::Lane) -> i64;
    /// The sum of a row.
    fn total(values: Elements<'_, Self::Raw>) -> i64;
}

macro_rules! addends {
    ($($type:ty: $raw:ty, $lane:ty, $lanes:literal, $most:literal, $widen:expr;)*) => {$(
        impl Addend for $type {
            type Lane = $lane;
            const MOST: u32 = $most;
            #[inline(always)]
            fn add(lane: $lane, raw: $raw) -> $lane {
                let widen: fn($raw) -> $lane = $widen;
                lane.wrapping_add(widen(raw))
            }
            #[inline(always)]
            fn whole(lane: $lane) -> i64 { lane as i64 }
            #[inline(always)]
            fn total(values: Elements<'_, $raw>) -> i64 { total_of::<$type, $lanes>(values) }
        }
    )*};
}
addends! {
    bool: u8, u8, 256, 255, |raw| u8::from(raw != 0);
    i8: i8, i16, 128, 255, i16::from;
    u8: u8, u16, 128, 255, u16::from;
    i16: i16, i32, 64, 65535, i32::from;
    u16: u16, u32, 64, 65535, u32::from;
    i32: i32, i64, 64, 0xffff_ffff, i64::from;
    u32: u32, i64, 64, 0xffff_ffff, i64::from;
    i64: i64, i64, 64, 0xffff_ffff, |raw| raw;
    u64: u64, i64, 64, 0xffff_ffff, |raw| raw as i64;
}

#[inline(always)]
fn total_of<A: Addend, const N: usize>(values: Elements<'_, A::Raw>) -> i64 {
    let plus = |total: i64, raw| total.wrapping_add(A::get(raw).cast());
    if values.len() < N {
        return values.iter().fold(0, plus);
    }
    let mut total = 0i64;
    // One less than fit, for the lanes that have one more of the rest.
    for piece in values.chunks((A::MOST as usize - 1).saturating_mul(N)) {
        let mut lanes = [A::Lane::zeroed(); N];
        over_lanes(&mut lanes, piece, A::add);
        for lane in lanes {
            total = total.wrapping_add(A::whole(lane));
        }
    }
    total
}

#[inline(always)]
fn product_of<A: Addend>(values: Elements<'_, A::Raw>) -> i64 {
    let times = |product: i64, raw| product.wrapping_mul(A::get(raw).cast());
    if values.len() < 64 {
        return values.iter().fold(1, times);
    }
    let mut lanes = [1_i64; 64];
    over_lanes(&mut lanes, values, times);
    together(lanes, 1, i64::wrapping_mul)[0]
}

/// Sums of integers.
pub(super) struct Totals<A: Addend> {
    slots: Vec<i64>,
    tile: Tile<A::Lane>,
}

impl<A: Addend> Begin for Totals<A> {
    fn begin(plan: Plan) -> Totals<A> {
        Totals {
            slots: vec![0; plan.slots],
            tile: Tile::new(plan.slots),
        }
    }
}

impl<A: Addend> Accumulator for Totals<A> {
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, _: u64, _: u64) {
        let values = values.elements();
        let total = widest(
            #[inline(always)]
            || A::total(values),
        );
        self.slots[slot] = self.slots[slot].wrapping_add(total);
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, _: u64) {
        self.add_rows(first, [values]);
    }

    fn fold_columns(&mut self, first: usize, rows: &[(Strip<'_>, u64); ABREAST]) {
        self.add_rows(first, rows.map(|(values, _)| values));
    }

    fn merge(&mut self, other: &dyn Accumulator) {
        let other: &Totals<A> = same(other);
        for (slot, &value) in self.slots.iter_mut().zip(&other.slots) {
            *slot = slot.wrapping_add(value);
        }
        for (slot, &lane) in self.slots.iter_mut().zip(other.tile.lanes()) {
            *slot = slot.wrapping_add(A::whole(lane));
        }
    }

    fn finish(&self, output: &mut [u8]) {
        let output: &mut [i64] = cast_slice_mut(output);
        output.copy_from_slice(&self.slots);
        for (result, &lane) in output.iter_mut().zip(self.tile.lanes()) {
            *result = result.wrapping_add(A::whole(lane));
        }
    }
}

impl<A: Addend> Totals<A> {
    fn add_rows<const N: usize>(&mut self, first: usize, rows: [Strip<'_>; N]) {
        let (slots, tile) = (&mut self.slots, &mut self.tile);
        let rows = rows.map(|values| values.elements::<A::Raw>());
        widest(
            #[inline(always)]
            || {
                tile.add(
                    first,
                    rows,
                    A::MOST,
                    A::add,
                    #[inline(always)]
                    |start, lanes| {
                        for (slot, lane) in slots[start..].iter_mut().zip(lanes) {
                            *slot = slot.wrapping_add(A::whole(*lane));
                            *lane = A::Lane::zeroed();
                        }
                    },
                );
            },
        );
    }
}

/// Products of integers.
pub(super) struct Powers<A> {
    slots: Vec<i64>,
    element: std::marker::PhantomData<A>,
}

impl<A: Addend> Begin for Powers<A> {
    fn begin(plan: Plan) -> Powers<A> {
        debug_assert_eq!(plan.reduction, Reduction::Prod);
        Powers {
            slots: vec![1; plan.slots],
            element: std::marker::PhantomData,
        }
    }
}

impl<A: Addend> Accumulator for Powers<A> {
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, _: u64, _: u64) {
        let values = values.elements();
        let product = widest(
            #[inline(always)]
            || product_of::<A>(values),
        );
        self.slots[slot] = self.slots[slot].wrapping_mul(product);
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, _: u64) {
        let values = values.elements::<A::Raw>();
        let slots = &mut self.slots[first..first + values.len()];
        widest(
            #[inline(always)]
            || {
                side_by_side(
                    slots,
                    [values],
                    #[inline(always)]
                    |product, raw| product.wrapping_mul(A::get(raw).cast()),
                );
            },
        );
    }

    fn merge(&mut self, other: &dyn Accumulator) {
        let other: &Powers<A> = same(other);
        for (slot, &value) in self.slots.iter_mut().zip(&other.slots) {
            *slot = slot.wrapping_mul(value);
        }
    }

    fn finish(&self, output: &mut [u8]) {
        cast_slice_mut(output).copy_from_slice(&self.slots);
    }
}
