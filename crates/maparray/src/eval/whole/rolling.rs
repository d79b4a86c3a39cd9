//! How are functions of moving windows computed?
//!
//! Lanes are cut into pieces as long as the window. Each window is the end of one piece and the
//! beginning of the next, and both are known for all places after one sweep in each direction: three
//! steps per element, whatever the window. Nothing is ever subtracted, so nothing drifts, and an
//! infinity is forgotten once the window has passed it.
//!
//! Knows: readers. Must not know: formats, maps.

use bytemuck::Pod;
use num_complex::Complex;

use super::lanes::Lanes;
use super::{Buffer, Call};
use crate::crew::Crew;
use crate::dtype::{Kind, Scalar};
use crate::error::Result;
use crate::expr::Whole;
use crate::ops::{cast, widest};
use crate::strip::Strip;

pub(super) fn run(call: &Call<'_>, crew: &Crew<'_>) -> Result<()> {
    let kind = call.scalar.kind();
    match (call.function, kind) {
        (Whole::RollingMin, Kind::Float) => slide::<f64, Least>(call, crew, Scalar::F64),
        (Whole::RollingMin, Kind::Unsigned) => slide::<u64, Least>(call, crew, Scalar::U64),
        (Whole::RollingMin, _) => slide::<i64, Least>(call, crew, Scalar::I64),
        (Whole::RollingMax, Kind::Float) => slide::<f64, Greatest>(call, crew, Scalar::F64),
        (Whole::RollingMax, Kind::Unsigned) => slide::<u64, Greatest>(call, crew, Scalar::U64),
        (Whole::RollingMax, _) => slide::<i64, Greatest>(call, crew, Scalar::I64),
        (Whole::RollingVar | Whole::RollingStd, _) => slide::<f64, Spread>(call, crew, Scalar::F64),
        (_, Kind::Complex) => slide::<Complex<f64>, Total>(call, crew, Scalar::C128),
        (_, Kind::Float) => slide::<f64, Total>(call, crew, Scalar::F64),
        // Wrapped sums have the same bits with and without signs.
        (_, Kind::Unsigned) => slide::<u64, Total>(call, crew, Scalar::U64),
        _ => slide::<u64, Total>(call, crew, Scalar::I64),
    }
}

/// Bytes that a thread may hold in any case.
const LEAST: usize = 2 << 20;

/// What is known of some neighbouring elements of type `T`.
trait Window<T> {
    type State: Pod + Send;
    /// Of one element.
    fn one(value: T) -> Self::State;
    /// Of `a` elements and `b` others.
    fn both(left: Self::State, a: f64, right: Self::State, b: f64) -> Self::State;
    /// The result for a window.
    fn finish(state: Self::State, finish: Finish) -> T;
}

/// How the state of a window becomes its result.
#[derive(Clone, Copy)]
struct Finish {
    /// A mean or deviation, not a sum or variance.
    scaled: bool,
    /// Elements of the window.
    count: f64,
    /// What a variance divides by.
    free: f64,
}

struct Total;
struct Least;
struct Greatest;
struct Spread;

macro_rules! totals {
    ($($number:ty, $plus:expr, $scale:expr;)*) => {$(
        impl Window<$number> for Total {
            type State = $number;

            #[inline(always)]
            fn one(value: $number) -> $number {
                value
            }

            #[inline(always)]
            fn both(left: $number, _: f64, right: $number, _: f64) -> $number {
                $plus(left, right)
            }

            #[inline(always)]
            fn finish(state: $number, finish: Finish) -> $number {
                if finish.scaled { $scale(state, finish.count) } else { state }
            }
        }
    )*};
}
totals! {
    f64, |a, b| a + b, |a, count| a / count;
    Complex<f64>, |a, b| a + b, |a, count| a / count;
    u64, u64::wrapping_add, |a, _| a;
}

macro_rules! extremes {
    ($($extreme:ident $number:ty, $better:expr;)*) => {$(
        impl Window<$number> for $extreme {
            type State = $number;

            #[inline(always)]
            fn one(value: $number) -> $number {
                value
            }

            #[inline(always)]
            fn both(left: $number, _: f64, right: $number, _: f64) -> $number {
                let better: fn($number, $number) -> bool = $better;
                if better(left, right) { left } else { right }
            }

            #[inline(always)]
            fn finish(state: $number, _: Finish) -> $number {
                state
            }
        }
    )*};
}
extremes! {
    // What is not a number wins, as in NumPy.
    Least f64, |a, b| a < b || a.is_nan();
    Least i64, |a, b| a < b;
    Least u64, |a, b| a < b;
    Greatest f64, |a, b| a > b || a.is_nan();
    Greatest i64, |a, b| a > b;
    Greatest u64, |a, b| a > b;
}

impl Window<f64> for Spread {
    /// Mean, and the sum of squared distances from it.
    type State = [f64; 2];

    #[inline(always)]
    fn one(value: f64) -> [f64; 2] {
        // Of an infinity this is no number.
        [value, value * 0.0]
    }

    #[inline(always)]
    fn both(left: [f64; 2], a: f64, right: [f64; 2], b: f64) -> [f64; 2] {
        let (distance, share) = (right[0] - left[0], b / (a + b));
        [
            left[0] + distance * share,
            left[1] + right[1] + distance * distance * (a * share),
        ]
    }

    #[inline(always)]
    fn finish(state: [f64; 2], finish: Finish) -> f64 {
        let variance = state[1] / finish.free;
        if finish.scaled {
            variance.sqrt()
        } else {
            variance
        }
    }
}

fn slide<T: Pod + Send, W: Window<T>>(
    call: &Call<'_>,
    crew: &Crew<'_>,
    scalar: Scalar,
) -> Result<()> {
    let window = call.parameters.int("window");
    let ddof = match call.function {
        Whole::RollingVar | Whole::RollingStd => call.parameters.number("ddof"),
        _ => 0.0,
    };
    let finish = Finish {
        scaled: matches!(call.function, Whole::RollingMean | Whole::RollingStd),
        count: window as f64,
        free: (window as f64 - ddof).max(0.0),
    };
    let reader = call.reader_along(0, scalar)?;
    let back = (scalar != call.scalar).then(|| cast(scalar, call.scalar));
    let (item, out_item) = (scalar.size(), call.scalar.size());
    let state = size_of::<W::State>();
    let each = 2 * state + item + out_item;
    // Blocks are multiples of the window, so that pieces begin at the same places whatever they are.
    let share = call.share().max(LEAST);
    let lanes = Lanes::within(share / each, call, 0, window - 1, window);
    let room = lanes.room();
    let held = room.saturating_mul(each);
    if held > share {
        let most = share / (held / window.max(1)).max(1);
        let expected = format!("at most about {most} with {} bytes of memory", call.memory);
        return Err(call.wrong("window", window, expected));
    }
    crew.run(
        lanes.tasks(),
        || {
            let states = [Buffer::new(room, state)?, Buffer::new(room, state)?];
            Ok((
                Buffer::new(room, item)?,
                states,
                Buffer::new(room, out_item)?,
            ))
        },
        |task, (values, [tails, heads], result), member| {
            let piece = lanes.piece(task);
            let (count, out_count) = (piece.count(), piece.out_count());
            piece.load(&reader, values.bytes(count, item))?;
            let elements = values.elements::<T>(count);
            let (slab, out) = (piece.rows * piece.width, piece.out * piece.width);
            for i in 0..piece.slabs {
                let input = &elements[i * slab..(i + 1) * slab];
                let tails = tails.elements::<W::State>(slab);
                let heads = heads.elements::<W::State>(slab);
                sweep::<T, W>(input, piece.width, window, tails, heads);
                // The input of this slab is not needed any more, and results are no more than it.
                let results = &mut elements[i * out..(i + 1) * out];
                join::<T, W>(tails, heads, piece.width, window, finish, results);
            }
            match back {
                Some(back) => {
                    let result = result.bytes(out_count, out_item);
                    back(&[Strip::from(&elements[..out_count])], result);
                    piece.store(call, &reader, result)?;
                }
                None => piece.store(call, &reader, values.bytes(out_count, item))?,
            }
            member.advance((out_count * (reader.bytes() + out_item)) as u64)
        },
    )
}

/// Of each row: what the rows of its piece from there on come to (tails), and those up to there
/// (heads).
fn sweep<T: Pod, W: Window<T>>(
    rows: &[T],
    width: usize,
    window: usize,
    tails: &mut [W::State],
    heads: &mut [W::State],
) {
    let piece = window * width;
    let pieces = rows.chunks(piece).zip(tails.chunks_mut(piece));
    for ((values, tails), heads) in pieces.zip(heads.chunks_mut(piece)) {
        widest(
            #[inline(always)]
            || {
                let count = values.len() / width;
                if width == 1 {
                    let (mut head, mut so_far) = (W::one(values[0]), 0.0);
                    heads[0] = head;
                    for (state, &value) in heads.iter_mut().zip(values).skip(1) {
                        so_far += 1.0;
                        head = W::both(head, so_far, W::one(value), 1.0);
                        *state = head;
                    }
                    let (mut tail, mut so_far) = (W::one(values[count - 1]), 0.0);
                    tails[count - 1] = tail;
                    for (state, &value) in tails.iter_mut().zip(values).rev().skip(1) {
                        so_far += 1.0;
                        tail = W::both(W::one(value), 1.0, tail, so_far);
                        *state = tail;
                    }
                    return;
                }
                let ends = (count - 1) * width..count * width;
                for (state, &value) in heads.iter_mut().zip(&values[..width]) {
                    *state = W::one(value);
                }
                let (last, values_last) = (&mut tails[ends.clone()], &values[ends]);
                for (state, &value) in last.iter_mut().zip(values_last) {
                    *state = W::one(value);
                }
                for row in 1..count {
                    let so_far = row as f64;
                    let (done, open) = heads.split_at_mut(row * width);
                    let (done, values_here) = (&done[(row - 1) * width..], &values[row * width..]);
                    for ((state, &done), &value) in open.iter_mut().zip(done).zip(values_here) {
                        *state = W::both(done, so_far, W::one(value), 1.0);
                    }
                    let row = count - 1 - row;
                    let (open, done) = tails.split_at_mut((row + 1) * width);
                    let (open, values_here) = (&mut open[row * width..], &values[row * width..]);
                    for ((state, &done), &value) in open.iter_mut().zip(&*done).zip(values_here) {
                        *state = W::both(W::one(value), 1.0, done, so_far);
                    }
                }
            },
        );
    }
}

/// The result of each window: the end of one piece and the beginning of the next.
fn join<T: Pod, W: Window<T>>(
    tails: &[W::State],
    heads: &[W::State],
    width: usize,
    window: usize,
    finish: Finish,
    results: &mut [T],
) {
    let piece = window * width;
    for (start, results) in (0..results.len())
        .step_by(piece)
        .zip(results.chunks_mut(piece))
    {
        widest(
            #[inline(always)]
            || {
                let (first, rest) = results.split_at_mut(width);
                for (result, &state) in first.iter_mut().zip(&tails[start..]) {
                    *result = W::finish(state, finish);
                }
                let tails = &tails[start + width..];
                let heads = &heads[start + piece..];
                if width == 1 {
                    let mut behind = 0.0;
                    for ((result, &left), &right) in rest.iter_mut().zip(tails).zip(heads) {
                        behind += 1.0;
                        let state = W::both(left, finish.count - behind, right, behind);
                        *result = W::finish(state, finish);
                    }
                    return;
                }
                let mut behind = 0.0;
                let rows = rest.chunks_mut(width).zip(tails.chunks(width));
                for ((results, tails), heads) in rows.zip(heads.chunks(width)) {
                    behind += 1.0;
                    for ((result, &left), &right) in results.iter_mut().zip(tails).zip(heads) {
                        let state = W::both(left, finish.count - behind, right, behind);
                        *result = W::finish(state, finish);
                    }
                }
            },
        );
    }
}
