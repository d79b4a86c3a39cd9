//! Which elements of a strip take part?
//!
//! Those whose bool is true. Where all are, the accumulator sees the strip as it lies; where some are
//! not, a copy without them; in columns the runs between them.
//!
//! Knows: accumulators. Must not know: what they compute, axes, threads.

use bytemuck::Pod;

use super::Accumulator;
use crate::ops::dispatch::widest;
use crate::strip::{Elements, Strip};

/// Elements that are looked at together: where all of them take part they are not copied.
const PIECE: usize = 1024;

/// As [`Accumulator::fold_row`], but only those values take part whose byte in `mask` is not 0: one
/// byte for each value.
///
/// ```
/// use maparray::{Scalar, ops::{Reduction, fold_row_where}};
/// let fold = Reduction::Sum.resolve(Scalar::U8)?;
/// let mut total = (fold.start)(1, 0.0);
/// fold_row_where(total.as_mut(), 0, (&[1_u8, 2, 4][..]).into(), (&[1_u8, 0, 1][..]).into(), 0, 1);
/// let mut result = [0_u64];
/// total.finish(bytemuck::cast_slice_mut(&mut result));
/// assert_eq!(result, [5]);
/// # Ok::<(), maparray::Error>(())
/// ```
pub fn fold_row_where(
    accumulator: &mut dyn Accumulator,
    slot: usize,
    values: Strip<'_>,
    mask: Strip<'_>,
    index: u64,
    step: u64,
) {
    let row = Row {
        slot,
        mask: mask.elements(),
        index,
        step,
    };
    match values.len() / mask.len().max(1) {
        1 => row.fold::<u8>(accumulator, values),
        2 => row.fold::<u16>(accumulator, values),
        4 => row.fold::<u32>(accumulator, values),
        8 => row.fold::<u64>(accumulator, values),
        16 => row.fold::<u128>(accumulator, values),
        _ => {}
    }
}

/// As [`Accumulator::fold_column`], but only those values take part whose byte in `mask` is not 0: one
/// byte for each value.
///
/// ```
/// use maparray::{Scalar, ops::{Reduction, fold_column_where}};
/// let fold = Reduction::Max.resolve(Scalar::U8)?;
/// let mut greatest = (fold.start)(2, 0.0);
/// greatest.fold_column(0, (&[1_u8, 2][..]).into(), 0);
/// fold_column_where(greatest.as_mut(), 0, (&[7_u8, 8][..]).into(), (&[1_u8, 0][..]).into(), 1);
/// let mut results = [0_u8; 2];
/// greatest.finish(&mut results);
/// assert_eq!(results, [7, 2]);
/// # Ok::<(), maparray::Error>(())
/// ```
pub fn fold_column_where(
    accumulator: &mut dyn Accumulator,
    first: usize,
    values: Strip<'_>,
    mask: Strip<'_>,
    index: u64,
) {
    let size = values.len() / mask.len().max(1);
    let mut fold = |start: usize, end: usize| {
        let run = values.part(start * size..end * size);
        accumulator.fold_column(first + start, run, index);
    };
    let mask = mask.elements();
    // Where a run began that has not ended yet.
    let mut open = None;
    for start in (0..mask.len()).step_by(64) {
        let bits = widest(
            #[inline(always)]
            || bits(mask, start),
        );
        // Places where truth changes: the lowest bit is compared with the end of the last word.
        let mut changes = bits ^ (bits << 1 | u64::from(open.is_some()));
        while changes != 0 {
            let place = start + changes.trailing_zeros() as usize;
            changes &= changes - 1;
            match open.take() {
                Some(begin) => fold(begin, place),
                None => open = Some(place),
            }
        }
    }
    if let Some(begin) = open {
        fold(begin, mask.len());
    }
}

/// A bit for each of the 64 bytes from `start` on; those after the end are 0.
#[inline(always)]
fn bits(mask: Elements<'_, u8>, start: usize) -> u64 {
    let mut bytes = [0; 64];
    let rest = mask.from(start);
    if rest.len() >= 64 {
        bytes = rest.chunk::<64>(0);
    } else {
        for (byte, found) in bytes.iter_mut().zip(rest.iter()) {
            *byte = found;
        }
    }
    let mut bits = 0;
    for (place, eight) in bytes.as_chunks::<8>().0.iter().enumerate() {
        const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
        let eight = u64::from_le_bytes(*eight);
        // The highest bit of each byte: whether it is not 0. The product collects them.
        let truth = (((eight & LOW) + LOW) | eight) & !LOW;
        let together = (truth >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits |= together << (8 * place);
    }
    bits
}

/// How many of the bytes are not 0, up to 255 of them at a time.
#[inline(always)]
fn trues(mask: Elements<'_, u8>) -> usize {
    let count = |piece: Elements<'_, u8>| -> u8 {
        piece
            .iter()
            .map(
                #[inline(always)]
                |byte| u8::from(byte != 0),
            )
            .sum()
    };
    mask.chunks(128)
        .map(
            #[inline(always)]
            |piece| usize::from(count(piece)),
        )
        .sum()
}

/// Where the values of a row go.
struct Row<'a> {
    slot: usize,
    mask: Elements<'a, u8>,
    index: u64,
    step: u64,
}

impl Row<'_> {
    fn place(&self, i: usize) -> u64 {
        self.index.wrapping_add(self.step.wrapping_mul(i as u64))
    }

    fn fold<T: Pod>(&self, accumulator: &mut dyn Accumulator, values: Strip<'_>) {
        let values = values.elements::<T>();
        let again = accumulator.takes_again();
        let mut room: Vec<T> = Vec::new();
        // Elements waiting in the room, and the first of the values that wait where they lie.
        let (mut waiting, mut begin) = (0, 0);
        let lying = |accumulator: &mut dyn Accumulator, begin: usize, end: usize| {
            if begin < end {
                let run = values.from(begin).first(end - begin).strip();
                accumulator.fold_row(self.slot, run, self.place(begin), self.step);
            }
        };
        for start in (0..values.len()).step_by(PIECE) {
            let len = PIECE.min(values.len() - start);
            let (piece, mask) = (
                values.from(start).first(len),
                self.mask.from(start).first(len),
            );
            let count = widest(
                #[inline(always)]
                || trues(mask),
            );
            if count == len {
                continue;
            }
            lying(accumulator, begin, start);
            begin = start + len;
            if count == 0 {
                continue;
            }
            room.resize(values.len().min(2 * PIECE), T::zeroed());
            if again {
                let (first, filled) = widest(
                    #[inline(always)]
                    || fill(piece, mask, (self.step as i64) < 0, &mut room),
                );
                let index = self.place(start + first);
                accumulator.fold_row(self.slot, Strip::from(filled), index, self.step);
                continue;
            }
            waiting += widest(
                #[inline(always)]
                || compress(piece, mask, &mut room[waiting..]),
            );
            if waiting >= PIECE {
                accumulator.fold_row(self.slot, Strip::from(&room[..waiting]), 0, 0);
                waiting = 0;
            }
        }
        lying(accumulator, begin, values.len());
        if waiting > 0 {
            accumulator.fold_row(self.slot, Strip::from(&room[..waiting]), 0, 0);
        }
    }
}

/// Copies the elements that take part to the front of `room`; how many they are.
#[inline(always)]
fn compress<T: Pod>(values: Elements<'_, T>, mask: Elements<'_, u8>, room: &mut [T]) -> usize {
    let mut count = 0;
    for start in (0..values.len()).step_by(64) {
        let len = 64.min(values.len() - start);
        let (values, mask) = (values.from(start).first(len), mask.from(start).first(len));
        let room = &mut room[count..count + len];
        match trues(mask) {
            0 => {}
            all if all == len => {
                for (out, value) in room.iter_mut().zip(values.iter()) {
                    *out = value;
                }
                count += len;
            }
            some => {
                let mut next = 0;
                for (value, byte) in values.iter().zip(mask.iter()) {
                    // Never outside: `next` counts values before this one.
                    room[next.min(len - 1)] = value;
                    next += usize::from(byte != 0);
                }
                count += some;
            }
        }
    }
    count
}

/// Copies the elements, and in place of those that take no part the one that takes part first in the
/// order of indices: for accumulators to which once and again are the same. The place where the copy
/// begins, and the copy.
#[inline(always)]
fn fill<'r, T: Pod>(
    values: Elements<'_, T>,
    mask: Elements<'_, u8>,
    backwards: bool,
    room: &'r mut [T],
) -> (usize, &'r [T]) {
    let first = mask.iter().position(|byte| byte != 0).unwrap_or(0);
    let last = mask.iter().rposition(|byte| byte != 0).unwrap_or(0);
    let filler = values.get(if backwards { last } else { first });
    let count = last + 1 - first;
    let (values, mask) = (
        values.from(first).first(count),
        mask.from(first).first(count),
    );
    for (i, out) in room[..count].iter_mut().enumerate() {
        *out = if mask.get(i) != 0 {
            values.get(i)
        } else {
            filler
        };
    }
    (first, &room[..count])
}
