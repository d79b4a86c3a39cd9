//! Where is the first of the least or the greatest elements?
//!
//! Knows: slots and indices. Must not know: axes, threads.

use bytemuck::cast_slice_mut;

use super::extreme::{Ordered, beyond, start};
use super::{Accumulator, Begin, Plan, Reduction, same};
use crate::ops::dispatch::widest;
use crate::strip::{Elements, Strip};

/// Indices of the least or greatest elements; of equal ones the smallest, in whatever order they
/// come, and of NaNs likewise; of none -1.
pub(super) struct Places<A> {
    least: bool,
    best: Vec<A>,
    places: Vec<u64>,
}

/// Whether a value at an index is more extreme than the best, or as extreme and earlier.
#[inline(always)]
fn better<A: Ordered, const LEAST: bool>(value: A, index: u64, best: A, place: u64) -> bool {
    let earlier = index < place;
    let (odd, known) = (value.is_nan(), best.is_nan());
    let number = beyond::<A, LEAST>(value, best) | ((value == best) & earlier);
    (odd & (!known | earlier)) | (!odd & !known & number)
}

/// Where the first of these values lies that is equal to `found`, or NaN as it is.
#[inline(always)]
fn position<A: Ordered>(values: Elements<'_, A::Raw>, found: A) -> Option<usize> {
    const MANY: usize = 256;
    let odd = found.is_nan();
    let same = |raw| {
        let value = A::get(raw);
        (value == found) | (odd & value.is_nan())
    };
    let mut before = 0;
    for piece in values.chunks(MANY) {
        // Without a way out of the loop, so that the compiler looks at many at once.
        if piece.iter().fold(
            false,
            #[inline(always)]
            |any, raw| any | same(raw),
        ) {
            return piece.iter().position(same).map(|place| before + place);
        }
        before += piece.len();
    }
    None
}

impl<A: Ordered> Places<A> {
    #[inline(always)]
    fn row<const LEAST: bool>(
        &mut self,
        slot: usize,
        values: Elements<'_, A::Raw>,
        index: u64,
        step: u64,
    ) {
        let (best, place) = (&mut self.best[slot], &mut self.places[slot]);
        widest(
            #[inline(always)]
            || {
                let found = A::extreme::<LEAST>(values);
                // No index of the row is smaller than this one.
                let last =
                    index.wrapping_add(step.wrapping_mul((values.len() as u64).wrapping_sub(1)));
                if values.is_empty() || !better::<A, LEAST>(found, index.min(last), *best, *place) {
                    return;
                }
                if let Some(position) = position(values, found) {
                    let at = index.wrapping_add(step.wrapping_mul(position as u64));
                    if better::<A, LEAST>(found, at, *best, *place) {
                        (*best, *place) = (found, at);
                    }
                }
            },
        );
    }

    fn columns<const LEAST: bool>(
        &mut self,
        first: usize,
        values: Elements<'_, A::Raw>,
        index: u64,
    ) {
        let count = values.len();
        let (best, places) = (
            &mut self.best[first..][..count],
            &mut self.places[first..][..count],
        );
        widest(
            #[inline(always)]
            || {
                const N: usize = 64;
                let (blocks, rest) = best.as_chunks_mut::<N>();
                let (place_blocks, place_rest) = places.as_chunks_mut::<N>();
                let done = count - rest.len();
                for (i, (best, places)) in blocks.iter_mut().zip(place_blocks).enumerate() {
                    let chunk = values.chunk::<N>(i);
                    for lane in 0..N {
                        let (value, place) = (A::get(chunk[lane]), places[lane]);
                        let better = better::<A, LEAST>(value, index, best[lane], place);
                        best[lane] = if better { value } else { best[lane] };
                        places[lane] = if better { index } else { place };
                    }
                }
                for (i, (best, place)) in rest.iter_mut().zip(place_rest).enumerate() {
                    let value = A::get(values.get(done + i));
                    if better::<A, LEAST>(value, index, *best, *place) {
                        (*best, *place) = (value, index);
                    }
                }
            },
        );
    }
}

impl<A: Ordered> Begin for Places<A> {
    fn begin(plan: Plan) -> Places<A> {
        let least = plan.reduction == Reduction::ArgMin;
        Places {
            least,
            best: vec![start(least); plan.slots],
            places: vec![u64::MAX; plan.slots],
        }
    }
}

impl<A: Ordered> Accumulator for Places<A> {
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, index: u64, step: u64) {
        let values = values.elements::<A::Raw>();
        if self.least {
            self.row::<true>(slot, values, index, step);
        } else {
            self.row::<false>(slot, values, index, step);
        }
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, index: u64) {
        let values = values.elements::<A::Raw>();
        if self.least {
            self.columns::<true>(first, values, index);
        } else {
            self.columns::<false>(first, values, index);
        }
    }

    fn takes_again(&self) -> bool {
        true
    }

    fn merge(&mut self, other: &dyn Accumulator) {
        let other: &Places<A> = same(other);
        let better = if self.least {
            better::<A, true>
        } else {
            better::<A, false>
        };
        let mine = self.best.iter_mut().zip(&mut self.places);
        for ((best, place), (&value, &index)) in mine.zip(other.best.iter().zip(&other.places)) {
            if index != u64::MAX && better(value, index, *best, *place) {
                (*best, *place) = (value, index);
            }
        }
    }

    fn finish(&self, output: &mut [u8]) {
        cast_slice_mut(output).copy_from_slice(&self.places);
    }
}
