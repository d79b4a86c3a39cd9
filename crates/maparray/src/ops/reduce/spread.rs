//! How are variances computed in one sweep?
//!
//! Pieces of a row, and tiles of a few rows of columns, by sums of distances from a number near their
//! mean and of the squares of these; the pieces merge (Chan, Golub and LeVeque). Everything in `f64`;
//! the variance of complex numbers is the sum of those of their parts.
//!
//! Knows: slots. Must not know: axes, threads.

use std::marker::PhantomData;

use super::lanes::{over_arrays, over_lanes, together};
use super::sum::{Parts, add};
use super::{Accumulator, Begin, Nans, Plan, Reduction, same, same_nan};
use crate::dtype::Scalar;
use crate::ops::cast::{Cast, cast};
use crate::ops::dispatch::widest;
use crate::ops::kernel::Cell;
use crate::strip::{Elements, Strip};

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

    /// Of so many numbers, given the sums of their distances from `base` and of the squares of these.
    #[inline(always)]
    fn from_sums(count: f64, base: f64, sum: f64, squares: f64) -> Spread {
        let mean = sum / count;
        Spread {
            count,
            base,
            mean,
            squares: squares - sum * mean,
            lost: 0.0,
        }
    }

    #[inline(always)]
    fn merge(&mut self, other: Spread) {
        if self.count == 0.0 {
            *self = other;
        } else if other.count != 0.0 {
            let unknown = self.squares.is_nan() | other.squares.is_nan();
            let count = self.count + other.count;
            let share = other.count / count;
            let between = (other.base - self.base) + (other.mean - self.mean);
            let squares = between * between * (self.count * share);
            add(&mut self.squares, &mut self.lost, other.squares);
            add(&mut self.squares, &mut self.lost, squares);
            self.lost += other.lost;
            self.mean += between * share;
            self.count = count;
            // Numbers too far apart for a float are infinitely far apart.
            if self.squares.is_nan() & !unknown {
                self.squares = f64::INFINITY;
            }
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

/// Partial sums of a row.
const LANES: usize = 32;

/// Elements of a piece of a row.
const PIECE: usize = 1024;

/// Count, mean and squared deviations of every `COUNT`th number of a piece: with complex numbers,
/// those of both parts.
#[inline(always)]
fn spread_of<P: Cell + Cast<f64>, const COUNT: usize>(
    piece: Elements<'_, P::Raw>,
) -> [Spread; COUNT] {
    let first = piece.first(piece.len().min(LANES));
    let each = (first.len() / COUNT) as f64;
    let count = (piece.len() / COUNT) as f64;
    let value = |raw| -> f64 { P::get(raw).cast() };
    let mut lanes = [0.0; LANES];
    let plus = |a, b| a + b;
    over_lanes(
        &mut lanes,
        first,
        #[inline(always)]
        |sum, raw| sum + value(raw),
    );
    let near = together(lanes, COUNT, plus);
    let bases: [f64; LANES] = std::array::from_fn(|i| near[i % COUNT] / each);

    let (mut sums, mut squares) = ([0.0; LANES], [0.0; LANES]);
    over_arrays::<_, LANES>(
        piece,
        #[inline(always)]
        |lane, raw| {
            let distance = value(raw) - bases[lane];
            sums[lane] += distance;
            squares[lane] += distance * distance;
        },
    );
    let sums = together(sums, COUNT, plus);
    let squares = together(squares, COUNT, plus);
    std::array::from_fn(|part| {
        let mut spread = Spread::from_sums(count, bases[part], sums[part], squares[part]);
        if spread.squares.is_nan() {
            let of_part = piece.iter().skip(part).step_by(COUNT);
            if of_part.map(value).all(f64::is_finite) {
                spread.squares = f64::INFINITY;
            }
        }
        spread
    })
}

/// Slots of columns that lie side by side.
const GROUP: usize = 64;

/// Rows that a tile takes before it is merged: at first few, for the first of them is no good guess of
/// the mean.
const ROWS: [u32; 2] = [4, 64];

/// Sums over a few rows of a group of columns.
#[derive(Clone)]
struct Tile {
    /// The first number of each column, or their mean so far; infinite before it is known, NaN if a
    /// number is not finite.
    base: [f64; GROUP],
    /// Distances from the base, and their squares.
    sum: [f64; GROUP],
    squares: [f64; GROUP],
    /// Numbers in each column, besides the rows that went through all of them.
    counts: [u32; GROUP],
    rows: u32,
    /// Rows that went through some or all of them, and how many may.
    touched: u32,
    most: u32,
}

/// Takes one number of a column.
#[expect(
    clippy::eq_op,
    reason = "what is infinite or NaN has no distance from itself"
)]
#[inline(always)]
fn take(base: &mut f64, sum: &mut f64, squares: &mut f64, value: f64) {
    let known = if *base == f64::INFINITY { value } else { *base };
    // Adds nothing but what makes NaN of infinity and NaN.
    let near = known + (value - value);
    let distance = value - near;
    *base = near;
    *sum += distance;
    *squares += distance * distance;
}

impl Tile {
    const EMPTY: Tile = Tile {
        base: [f64::INFINITY; GROUP],
        sum: [0.0; GROUP],
        squares: [0.0; GROUP],
        counts: [0; GROUP],
        rows: 0,
        touched: 0,
        most: ROWS[0],
    };

    /// Takes one number for each column from `first` on.
    #[inline(always)]
    fn take<P: Cell + Cast<f64>>(&mut self, first: usize, values: Elements<'_, P::Raw>) {
        let count = values.len();
        self.touched += 1;
        let (base, sum) = (
            &mut self.base[first..][..count],
            &mut self.sum[first..][..count],
        );
        let squares = &mut self.squares[first..][..count];
        if count == GROUP {
            let row = values.chunk::<GROUP>(0);
            for i in 0..GROUP {
                take(
                    &mut base[i],
                    &mut sum[i],
                    &mut squares[i],
                    P::get(row[i]).cast(),
                );
            }
            self.rows += 1;
        } else {
            for i in 0..count {
                let value = P::get(values.get(i)).cast();
                take(&mut base[i], &mut sum[i], &mut squares[i], value);
            }
            for count in &mut self.counts[first..][..count] {
                *count += 1;
            }
        }
    }

    /// What it holds of one column.
    fn spread(&self, column: usize) -> Spread {
        let count = f64::from(self.rows + self.counts[column]);
        let base = self.base[column];
        let mut spread = Spread::from_sums(count, base, self.sum[column], self.squares[column]);
        if count == 0.0 {
            return Spread::NONE;
        }
        if base.is_nan() {
            spread.squares = f64::NAN;
        } else if spread.squares.is_nan() {
            spread.squares = f64::INFINITY;
        }
        spread
    }

    /// Moves what it holds into slots.
    fn empty(&mut self, slots: &mut [Spread]) {
        let most = (4 * self.most).min(ROWS[1]);
        let spreads: [Spread; GROUP] = std::array::from_fn(|column| self.spread(column));
        *self = Tile {
            most,
            ..Tile::EMPTY
        };
        for ((slot, spread), base) in slots.iter_mut().zip(spreads).zip(&mut self.base) {
            slot.merge(spread);
            if slot.count > 0.0 && slot.squares.is_finite() {
                *base = slot.base + slot.mean;
            }
        }
    }
}

/// Variances and standard deviations.
pub(super) struct Spreads<A> {
    plan: Plan,
    /// Part by part.
    slots: Vec<Spread>,
    /// Made when the first row of columns comes.
    tiles: Vec<Tile>,
    element: PhantomData<A>,
}

impl<A: Parts> Begin for Spreads<A> {
    fn begin(plan: Plan) -> Spreads<A> {
        Spreads {
            plan,
            slots: vec![Spread::NONE; plan.slots * A::COUNT],
            tiles: vec![],
            element: PhantomData,
        }
    }
}

impl<A: Parts> Spreads<A> {
    /// The slots, with what the tiles hold.
    fn whole(&self) -> Vec<Spread> {
        let mut slots = self.slots.clone();
        for (tile, slots) in self.tiles.iter().zip(slots.chunks_mut(GROUP)) {
            for (column, slot) in slots.iter_mut().enumerate() {
                slot.merge(tile.spread(column));
            }
        }
        slots
    }
}

impl<A: Parts> Accumulator for Spreads<A> {
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, _: u64, _: u64) {
        let values = values.elements::<<A::Part as Cell>::Raw>();
        let slots = &mut self.slots[slot * A::COUNT..(slot + 1) * A::COUNT];
        widest(
            #[inline(always)]
            || {
                for piece in values.chunks(PIECE * A::COUNT) {
                    if let [slot] = slots {
                        let [spread] = spread_of::<A::Part, 1>(piece);
                        slot.merge(spread);
                    } else {
                        let spreads = spread_of::<A::Part, 2>(piece);
                        for (slot, spread) in slots.iter_mut().zip(spreads) {
                            slot.merge(spread);
                        }
                    }
                }
            },
        );
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, _: u64) {
        let values = values.elements::<<A::Part as Cell>::Raw>();
        if self.tiles.is_empty() {
            self.tiles = vec![Tile::EMPTY; self.slots.len().div_ceil(GROUP)];
        }
        let (slots, tiles) = (&mut self.slots, &mut self.tiles);
        let first = first * A::COUNT;
        widest(
            #[inline(always)]
            || {
                let mut done = 0;
                while done < values.len() {
                    let (group, start) = ((first + done) / GROUP, (first + done) % GROUP);
                    let count = (GROUP - start).min(values.len() - done);
                    let tile = &mut tiles[group];
                    tile.take::<A::Part>(start, values.from(done).first(count));
                    if tile.touched >= tile.most {
                        tile.empty(&mut slots[group * GROUP..]);
                    }
                    done += count;
                }
            },
        );
    }

    fn merge(&mut self, other: &dyn Accumulator) {
        let other: &Spreads<A> = same(other);
        self.slots = self.whole();
        self.tiles.fill(Tile::EMPTY);
        for (slot, more) in self.slots.iter_mut().zip(other.whole()) {
            slot.merge(more);
        }
    }

    fn finish(&self, output: &mut [u8]) {
        let variance = |parts: &[Spread]| {
            let squares: f64 = parts.iter().map(Spread::squares).sum();
            let freedom = parts[0].count - self.plan.ddof;
            let variance = if freedom <= 0.0 && self.plan.nans == Nans::Skip {
                f64::NAN
            } else {
                squares / freedom.max(0.0)
            };
            same_nan(if self.plan.reduction == Reduction::Std {
                variance.sqrt()
            } else {
                variance
            })
        };
        let results: Vec<f64> = self.whole().chunks_exact(A::COUNT).map(variance).collect();
        cast(Scalar::F64, self.plan.output)(&[Strip::from(&results[..])], output);
    }
}
