//! How many elements are not zero: any, all, so many?
//!
//! Knows: slots. Must not know: axes, threads.

use std::marker::PhantomData;

use bytemuck::cast_slice_mut;

use super::{Accumulator, Begin, Plan, Reduction, same};
use crate::ops::cast::Cast;
use crate::ops::kernel::Cell;
use crate::strip::Strip;

/// Counts of the elements that are true; for `all`, of those that are false.
pub(super) struct Truths<A> {
    plan: Plan,
    counted: bool,
    slots: Vec<i64>,
    element: PhantomData<A>,
}

impl<A: Cell + Cast<bool> + Send + 'static> Begin for Truths<A> {
    fn begin(plan: Plan) -> Truths<A> {
        let counted = plan.reduction != Reduction::All;
        Truths {
            plan,
            counted,
            slots: vec![0; plan.slots],
            element: PhantomData,
        }
    }
}

impl<A: Cell + Cast<bool> + Send + 'static> Accumulator for Truths<A> {
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, _: u64, _: u64) {
        let counted = self.counted;
        // Few enough for their count to fit in a byte: then the compiler adds bytes.
        for piece in values.elements::<A::Raw>().chunks(255) {
            let count: u8 = piece
                .iter()
                .map(|raw| u8::from(A::get(raw).cast() == counted))
                .sum();
            self.slots[slot] += i64::from(count);
        }
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, _: u64) {
        let counted = self.counted;
        for (slot, raw) in self.slots[first..]
            .iter_mut()
            .zip(values.elements::<A::Raw>().iter())
        {
            *slot += i64::from(A::get(raw).cast() == counted);
        }
    }

    fn merge(&mut self, other: &dyn Accumulator) {
        let other: &Truths<A> = same(other);
        for (slot, &more) in self.slots.iter_mut().zip(&other.slots) {
            *slot += more;
        }
    }

    fn finish(&self, output: &mut [u8]) {
        match self.plan.reduction {
            Reduction::CountNonzero => cast_slice_mut(output).copy_from_slice(&self.slots),
            reduction => {
                for (result, &count) in output.iter_mut().zip(&self.slots) {
                    *result = u8::from((count == 0) == (reduction == Reduction::All));
                }
            }
        }
    }
}
