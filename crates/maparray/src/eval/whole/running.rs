//! How are running sums and products computed?
//!
//! Blocks are read, summed on their own and stored by any thread; in between each waits for its turn
//! to hear what the blocks before it come to. Blocks do not depend on threads or memory, so neither
//! does the result. Floats are summed in `f64`.
//!
//! Knows: readers, outputs. Must not know: formats, maps.

use bytemuck::{Pod, Zeroable};
use num_complex::Complex;

use super::lanes::Lanes;
use super::turns::Turns;
use super::{Buffer, Call};
use crate::crew::Crew;
use crate::dtype::{Kind, Scalar};
use crate::error::Result;
use crate::expr::Whole;
use crate::ops::{cast, widest};
use crate::strip::Strip;

pub(super) fn run(call: &Call<'_>, crew: &Crew<'_>) -> Result<()> {
    match call.scalar.kind() {
        Kind::Float => of::<f64>(call, crew, Scalar::F64),
        Kind::Complex => of::<Complex<f64>>(call, crew, Scalar::C128),
        Kind::Unsigned => of::<u64>(call, crew, Scalar::U64),
        // Wrapped sums and products have the same bits with and without signs.
        Kind::Signed => of::<u64>(call, crew, Scalar::I64),
        Kind::Bool => of::<Truth>(call, crew, Scalar::Bool),
    }
}

fn of<A: Number>(call: &Call<'_>, crew: &Crew<'_>, scalar: Scalar) -> Result<()> {
    match call.function {
        Whole::CumProd | Whole::NanCumProd => scan::<A, Product>(call, crew, scalar),
        _ => scan::<A, Sum>(call, crew, scalar),
    }
}

/// What the running totals are made of.
trait Number: Pod + PartialEq + Send + Sync {
    const ZERO: Self;
    const ONE: Self;
    /// Whether a product is the same however it is split.
    const EXACT: bool;
    fn plus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
}

impl Number for u64 {
    const ZERO: u64 = 0;
    const ONE: u64 = 1;
    const EXACT: bool = true;

    #[inline(always)]
    fn plus(self, other: u64) -> u64 {
        self.wrapping_add(other)
    }

    #[inline(always)]
    fn times(self, other: u64) -> u64 {
        self.wrapping_mul(other)
    }
}

/// A bool: what is not 0 is true. The sum of two is whether one is true, as in NumPy.
#[derive(Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(transparent)]
struct Truth(u8);

impl Number for Truth {
    const ZERO: Truth = Truth(0);
    const ONE: Truth = Truth(1);
    const EXACT: bool = true;

    #[inline(always)]
    fn plus(self, other: Truth) -> Truth {
        Truth(u8::from(self.0 | other.0 != 0))
    }

    #[inline(always)]
    fn times(self, other: Truth) -> Truth {
        Truth(u8::from(self.0 != 0 && other.0 != 0))
    }
}

impl Number for f64 {
    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;
    const EXACT: bool = false;

    #[inline(always)]
    fn plus(self, other: f64) -> f64 {
        self + other
    }

    #[inline(always)]
    fn times(self, other: f64) -> f64 {
        self * other
    }
}

impl Number for Complex<f64> {
    const ZERO: Complex<f64> = Complex::new(0.0, 0.0);
    const ONE: Complex<f64> = Complex::new(1.0, 0.0);
    const EXACT: bool = false;

    #[inline(always)]
    fn plus(self, other: Complex<f64>) -> Complex<f64> {
        self + other
    }

    #[inline(always)]
    fn times(self, other: Complex<f64>) -> Complex<f64> {
        self * other
    }
}

/// What is done to two neighbours.
trait Join {
    fn join<A: Number>(total: A, next: A) -> A;
    fn identity<A: Number>() -> A;
    /// Whether blocks may be joined within themselves first. A part of a product of floats may
    /// overflow where the whole does not.
    fn splits<A: Number>() -> bool;
}

struct Sum;
struct Product;

impl Join for Sum {
    #[inline(always)]
    fn join<A: Number>(total: A, next: A) -> A {
        total.plus(next)
    }

    fn identity<A: Number>() -> A {
        A::ZERO
    }

    fn splits<A: Number>() -> bool {
        true
    }
}

impl Join for Product {
    #[inline(always)]
    fn join<A: Number>(total: A, next: A) -> A {
        total.times(next)
    }

    fn identity<A: Number>() -> A {
        A::ONE
    }

    fn splits<A: Number>() -> bool {
        A::EXACT
    }
}

fn scan<A: Number, J: Join>(call: &Call<'_>, crew: &Crew<'_>, scalar: Scalar) -> Result<()> {
    let lanes = Lanes::new(call, 0, 0, 1);
    let skip_nan = matches!(call.function, Whole::NanCumSum | Whole::NanCumProd);
    // Which elements are NaN is asked before they are cast to integers, which cannot be.
    let own = call.operands[0].dtype().number()?.kind();
    let read = match own {
        Kind::Float if skip_nan && scalar.kind() < own => Scalar::F64,
        Kind::Complex if skip_nan && scalar.kind() < own => Scalar::C128,
        _ => scalar,
    };
    let narrow = (read != scalar).then(|| cast(read, scalar));
    let reader = call.reader_along(0, read)?;
    let back = (scalar != call.scalar).then(|| cast(scalar, call.scalar));
    let (item, out_item) = (scalar.size(), call.scalar.size());
    let turns = Turns::new(vec![]);
    let room = lanes.room();
    crew.run(
        lanes.tasks(),
        || {
            let given = Buffer::new(if narrow.is_some() { room } else { 0 }, read.size())?;
            Ok((
                given,
                Buffer::new(room, item)?,
                Buffer::new(room, out_item)?,
            ))
        },
        |task, (given, totals, result), member| {
            let piece = lanes.piece(task);
            let count = piece.count();
            if let Some(narrow) = narrow {
                piece.load(&reader, given.bytes(count, read.size()))?;
                match read {
                    Scalar::F64 => replace_nan::<f64, J>(given.elements(count)),
                    _ => replace_nan::<Complex<f64>, J>(given.elements(count)),
                }
                let given = Strip::from(&*given.bytes(count, read.size()));
                narrow(&[given], totals.bytes(count, item));
            } else {
                piece.load(&reader, totals.bytes(count, item))?;
            }
            let values = totals.elements::<A>(count);
            if skip_nan {
                replace_nan::<A, J>(values);
            }
            if !lanes.chained() {
                // Whole lanes.
                for slab in values.chunks_mut(piece.rows * piece.width) {
                    prefix::<A, J>(slab, piece.width);
                }
            } else if J::splits::<A>() {
                prefix::<A, J>(values, piece.width);
                let base = turns.take(task, member, |base| {
                    let before = (!piece.first).then(|| base.clone());
                    let last = &values[count - piece.width..];
                    base.clear();
                    base.extend_from_slice(last);
                    if let Some(before) = &before {
                        add_before::<A, J>(base, before);
                    }
                    before
                })?;
                if let Some(base) = base {
                    add_before::<A, J>(values, &base);
                }
            } else {
                turns.take(task, member, |base| {
                    if !piece.first {
                        add_before::<A, J>(&mut values[..piece.width], base);
                    }
                    chain::<A, J>(values, piece.width);
                    base.clear();
                    base.extend_from_slice(&values[count - piece.width..]);
                })?;
            }
            match back {
                Some(back) => {
                    let result = result.bytes(count, out_item);
                    back(&[Strip::from(&*values)], result);
                    piece.store(call, &reader, result)?;
                }
                None => piece.store(call, &reader, totals.bytes(count, item))?,
            }
            member.advance((count * (reader.bytes() + out_item)) as u64)
        },
    )
}

/// Joins every row of a block with the row that came before the block.
fn add_before<A: Number, J: Join>(values: &mut [A], before: &[A]) {
    if let [before] = *before {
        widest(
            #[inline(always)]
            || {
                for value in values {
                    *value = J::join(before, *value);
                }
            },
        );
        return;
    }
    for row in values.chunks_exact_mut(before.len().max(1)) {
        widest(
            #[inline(always)]
            || {
                for (value, &before) in row.iter_mut().zip(before) {
                    *value = J::join(before, *value);
                }
            },
        );
    }
}

/// Replaces rows of so many elements by what they and all rows above come to.
fn prefix<A: Number, J: Join>(values: &mut [A], width: usize) {
    if width > 1 || !J::splits::<A>() {
        chain::<A, J>(values, width);
    } else {
        flat::<A, J>(values);
    }
}

/// The same, one after the other.
fn chain<A: Number, J: Join>(values: &mut [A], width: usize) {
    if width == 1 {
        let mut values = values.iter_mut();
        let Some(mut total) = values.next().map(|first| *first) else {
            return;
        };
        for value in values {
            total = J::join(total, *value);
            *value = total;
        }
        return;
    }
    let mut rest = values;
    while rest.len() > width {
        let (above, below) = rest.split_at_mut(width);
        let row = &mut below[..width];
        widest(
            #[inline(always)]
            || {
                for (value, &above) in row.iter_mut().zip(&*above) {
                    *value = J::join(above, *value);
                }
            },
        );
        rest = below;
    }
}

/// Elements that are joined one after the other; rows of them side by side, because each step has to
/// wait for the one before.
const ROW: usize = 256;

/// Rows side by side.
const ROWS: usize = 8;

/// The same for rows of one element. Each row of `ROW` is summed from nothing, and then joined with
/// the rows before it, so that sums of numbers that are not negative never decrease.
fn flat<A: Number, J: Join>(values: &mut [A]) {
    let mut before: Option<A> = None;
    let mut add = |row: &mut [A]| {
        let Some(&last) = row.last() else { return };
        let Some(so_far) = before else {
            before = Some(last);
            return;
        };
        before = Some(J::join(so_far, last));
        add_before::<A, J>(row, &[so_far]);
    };
    let mut groups = values.chunks_exact_mut(ROW * ROWS);
    for group in &mut groups {
        side_by_side::<A, J>(group);
        group.chunks_exact_mut(ROW).for_each(&mut add);
    }
    for row in groups.into_remainder().chunks_mut(ROW) {
        chain::<A, J>(row, 1);
        add(row);
    }
}

fn side_by_side<A: Number, J: Join>(group: &mut [A]) {
    let (rows, _) = group.as_chunks_mut::<ROW>();
    let [a, b, c, d, e, f, g, h] = rows else {
        return;
    };
    let mut totals = [a[0], b[0], c[0], d[0], e[0], f[0], g[0], h[0]];
    for i in 1..ROW {
        let mut step = |row: &mut [A; ROW], place: usize| {
            totals[place] = J::join(totals[place], row[i]);
            row[i] = totals[place];
        };
        step(a, 0);
        step(b, 1);
        step(c, 2);
        step(d, 3);
        step(e, 4);
        step(f, 5);
        step(g, 6);
        step(h, 7);
    }
}

/// Puts what joining does not notice in the place of NaNs.
fn replace_nan<A: Number, J: Join>(values: &mut [A]) {
    let identity = J::identity();
    for value in values.iter_mut().filter(|value| is_nan(**value)) {
        *value = identity;
    }
}

#[expect(clippy::eq_op, reason = "only NaN differs from itself")]
#[inline(always)]
fn is_nan<A: Number>(value: A) -> bool {
    value != value
}
