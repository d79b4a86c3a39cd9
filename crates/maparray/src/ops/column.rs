//! What is the median, or the mean without outliers, of the numbers above each other?
//!
//! Arrays of one shape lie above each other, and each place has a column of numbers, one of each array.
//! Sixteen columns are worked on abreast: they are sorted by a network of exchanges, the same for all
//! of them, so that no loop depends on what it finds (K. E. Batcher, Sorting networks and their
//! applications, 1968; as Knuth's algorithm 5.2.2M).
//!
//! Knows: elements. Must not know: arrays, files, shapes.

use super::widest;

/// Columns that are worked on abreast.
pub(crate) const LANES: usize = 16;

/// One number of each of the columns.
pub(crate) type Row<T> = [T; LANES];

/// A number that columns are made of.
pub(crate) trait Number: Copy + PartialOrd + bytemuck::Pod {
    const ABOVE_ALL: Self;
    fn to_f64(self) -> f64;
    fn lesser(self, other: Self) -> Self;
    fn greater(self, other: Self) -> Self;
    /// What numbers stand for, in their own precision; those that are `blank` stand for NaN.
    fn scale(numbers: &mut [Self], scale: f64, zero: f64, blank: f64);
}

macro_rules! numbers {
    ($($own:ty)*) => {$(
        impl Number for $own {
            const ABOVE_ALL: Self = <$own>::INFINITY;
            #[inline(always)]
            fn to_f64(self) -> f64 { self.into() }
            #[inline(always)]
            fn lesser(self, other: Self) -> Self { self.min(other) }
            #[inline(always)]
            fn greater(self, other: Self) -> Self { self.max(other) }
            fn scale(numbers: &mut [Self], scale: f64, zero: f64, blank: f64) {
                let (scale, zero, blank) = (scale as $own, zero as $own, blank as $own);
                widest(
                    #[inline(always)]
                    || {
                        for number in numbers {
                            let scaled = *number * scale + zero;
                            *number = if *number == blank { <$own>::NAN } else { scaled };
                        }
                    },
                );
            }
        }
    )*};
}
numbers! { f32 f64 }

/// What is computed of each column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// The mean.
    Mean,
    /// The median; of an even count the mean of the two in the middle.
    Median,
    /// The sum.
    Sum,
    /// The least number.
    Min,
    /// The greatest number.
    Max,
    /// The standard deviation of the population.
    Std,
    /// The variance of the population.
    Var,
    /// So many percent of the numbers are at most this; between two of them in proportion.
    Percentile(f64),
    /// How many numbers there are, without those left out.
    Count,
}

/// Which numbers of a column are left out: step by step those too far from the middle of the others.
///
/// As `sigma_clip` of astropy: NaN and infinities are left out from the beginning, and in the end what
/// is outside the limits of the last step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clip {
    /// Deviations below the middle from which on numbers are left out.
    pub low: f64,
    /// Deviations above the middle.
    pub high: f64,
    /// What the middle is.
    pub center: Center,
    /// Steps at most; `None`: until nothing is left out any more.
    pub steps: Option<usize>,
}

impl Clip {
    /// Numbers farther than so many standard deviations from the median, five times at most.
    pub fn sigma(sigma: f64) -> Clip {
        Clip {
            low: sigma,
            high: sigma,
            center: Center::Median,
            steps: Some(5),
        }
    }
}

/// What deviations are counted from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Center {
    /// The median of the numbers that are left.
    #[default]
    Median,
    /// Their mean.
    Mean,
}

/// What becomes of a column with NaN in it, if nothing is clipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// Its result is NaN.
    #[default]
    Spread,
    /// They are left out.
    Skip,
}

/// What is done to columns, and what has been prepared for it.
pub(crate) struct Columns {
    statistic: Statistic,
    clip: Option<Clip>,
    missing: Missing,
    /// Rows to be compared, and exchanged if the second has the less number.
    exchanges: Vec<(u32, u32)>,
}

/// The rows of each column that take part: from the first to before the last.
struct Part {
    from: Row<i32>,
    to: Row<i32>,
}

impl Columns {
    /// For columns of `count` numbers.
    pub(crate) fn new(
        statistic: Statistic,
        clip: Option<Clip>,
        missing: Missing,
        count: usize,
    ) -> Columns {
        // Where all numbers take part it is known which of them matter, if order does at all.
        let places = match statistic {
            _ if clip.is_some() || missing == Missing::Skip => None,
            Statistic::Median => Some(vec![count.saturating_sub(1) / 2, count / 2]),
            Statistic::Percentile(percent) => {
                let (below, above, _) = between(percent, count as f64);
                Some(vec![below as usize, above as usize])
            }
            _ => Some(vec![]),
        };
        let mut exchanges = network(count);
        if let Some(places) = places {
            keep_what_matters(&mut exchanges, count, &places);
        }
        Columns {
            statistic,
            clip,
            missing,
            exchanges,
        }
    }

    /// Computes columns abreast; `rows` is left in disorder.
    pub(crate) fn compute<T: Number>(&self, rows: &mut [Row<T>]) -> Row<f64> {
        widest(
            #[inline(always)]
            || self.columns(rows),
        )
    }

    #[inline(always)]
    fn columns<T: Number>(&self, rows: &mut [Row<T>]) -> Row<f64> {
        let clips = self.clip.is_some();
        let all = clips || self.missing == Missing::Skip;
        // What is no number goes above all others.
        let mut missing = [0_i32; LANES];
        for row in rows.iter_mut() {
            for lane in 0..LANES {
                let number = row[lane].to_f64();
                let out = number.is_nan() | (clips & number.is_infinite());
                missing[lane] += i32::from(out);
                row[lane] = if out { T::ABOVE_ALL } else { row[lane] };
            }
        }
        for &(first, second) in &self.exchanges {
            exchange(rows, first as usize, second as usize);
        }
        let count = rows.len() as i32;
        let mut part = Part {
            from: [0; LANES],
            to: std::array::from_fn(|lane| if all { count - missing[lane] } else { count }),
        };
        if let Some(clip) = &self.clip {
            leave_out(clip, rows, &mut part);
        }
        let result = self.result(rows, &part);
        std::array::from_fn(|lane| {
            let none = part.to[lane] <= part.from[lane] || (!all && missing[lane] > 0);
            // The sum of no numbers is 0, as `nansum` has it; where numbers are clipped, it is not known.
            let skipped = self.statistic == Statistic::Sum && all && !clips;
            let defined = self.statistic == Statistic::Count || skipped || !none;
            if defined { result[lane] } else { f64::NAN }
        })
    }

    #[inline(always)]
    fn result<T: Number>(&self, rows: &[Row<T>], part: &Part) -> Row<f64> {
        match self.statistic {
            Statistic::Mean => mean(rows, part),
            Statistic::Median => median(rows, part),
            Statistic::Sum => fold(rows, part, 0.0, |sum, number| sum + number),
            Statistic::Min => fold(rows, part, f64::INFINITY, f64::min),
            Statistic::Max => fold(rows, part, f64::NEG_INFINITY, f64::max),
            Statistic::Var => variance(rows, part, &mean(rows, part)),
            Statistic::Std => variance(rows, part, &mean(rows, part)).map(f64::sqrt),
            Statistic::Count => std::array::from_fn(|lane| part.len(lane)),
            Statistic::Percentile(percent) => std::array::from_fn(|lane| {
                let (below, above, share) = between(percent, part.len(lane));
                let at = |place| at(rows, part, lane, place);
                lerp(at(below), at(above), share)
            }),
        }
    }
}

impl Part {
    #[inline(always)]
    fn len(&self, lane: usize) -> f64 {
        f64::from(self.to[lane] - self.from[lane])
    }
}

/// Leaves out what is too far from the middle, until nothing is. The rows are in order, so that these
/// are the first and the last.
///
/// The limits of the last step decide, for numbers that a step before left out, too: the middle moves.
#[inline(always)]
fn leave_out<T: Number>(clip: &Clip, rows: &[Row<T>], part: &mut Part) {
    let whole = part.to;
    let (mut least, mut most) = ([f64::NEG_INFINITY; LANES], [f64::INFINITY; LANES]);
    // Each step leaves out a number or is the last.
    for _ in 0..clip.steps.unwrap_or(usize::MAX) {
        let mean = mean(rows, part);
        let center = match clip.center {
            Center::Mean => mean,
            Center::Median => median(rows, part),
        };
        let deviation = variance(rows, part, &mean).map(f64::sqrt);
        let low: Row<f64> = std::array::from_fn(|i| center[i] - clip.low * deviation[i]);
        let high: Row<f64> = std::array::from_fn(|i| center[i] + clip.high * deviation[i]);
        let (mut below, mut above) = ([0; LANES], [0; LANES]);
        for (place, row) in rows.iter().enumerate() {
            for lane in 0..LANES {
                let (place, number) = (place as i32, row[lane].to_f64());
                let inside = (place >= part.from[lane]) & (place < part.to[lane]);
                below[lane] += i32::from(inside & (number < low[lane]));
                above[lane] += i32::from(inside & (number > high[lane]));
            }
        }
        let mut changed = 0;
        for lane in 0..LANES {
            part.from[lane] += below[lane];
            part.to[lane] -= above[lane];
            changed |= below[lane] | above[lane];
            // Of no numbers there is no middle.
            let some = !low[lane].is_nan();
            least[lane] = if some { low[lane] } else { least[lane] };
            most[lane] = if some { high[lane] } else { most[lane] };
        }
        if changed == 0 {
            break;
        }
    }
    (part.from, part.to) = ([0; LANES], whole);
    for (place, row) in rows.iter().enumerate() {
        for lane in 0..LANES {
            let (inside, number) = ((place as i32) < whole[lane], row[lane].to_f64());
            part.from[lane] += i32::from(inside & (number < least[lane]));
            part.to[lane] -= i32::from(inside & (number > most[lane]));
        }
    }
}

#[inline(always)]
fn fold<T: Number>(
    rows: &[Row<T>],
    part: &Part,
    start: f64,
    with: impl Fn(f64, f64) -> f64,
) -> Row<f64> {
    let mut folded = [start; LANES];
    for (place, row) in rows.iter().enumerate() {
        for lane in 0..LANES {
            let place = place as i32;
            let inside = (place >= part.from[lane]) & (place < part.to[lane]);
            let next = with(folded[lane], row[lane].to_f64());
            folded[lane] = if inside { next } else { folded[lane] };
        }
    }
    folded
}

#[inline(always)]
fn mean<T: Number>(rows: &[Row<T>], part: &Part) -> Row<f64> {
    let sum = fold(rows, part, 0.0, |sum, number| sum + number);
    std::array::from_fn(|lane| sum[lane] / part.len(lane))
}

#[inline(always)]
fn variance<T: Number>(rows: &[Row<T>], part: &Part, mean: &Row<f64>) -> Row<f64> {
    let mut sum = [0.0; LANES];
    for (place, row) in rows.iter().enumerate() {
        for lane in 0..LANES {
            let place = place as i32;
            let inside = (place >= part.from[lane]) & (place < part.to[lane]);
            let deviation = row[lane].to_f64() - mean[lane];
            sum[lane] += if inside { deviation * deviation } else { 0.0 };
        }
    }
    std::array::from_fn(|lane| sum[lane] / part.len(lane))
}

#[inline(always)]
fn median<T: Number>(rows: &[Row<T>], part: &Part) -> Row<f64> {
    std::array::from_fn(|lane| {
        let len = part.len(lane);
        let at = |place: f64| at(rows, part, lane, place);
        let (a, b) = (at(((len - 1.0) / 2.0).floor()), at((len / 2.0).floor()));
        // Half of each, where their sum is too large.
        let sum = a + b;
        if sum.is_infinite() {
            a / 2.0 + b / 2.0
        } else {
            sum / 2.0
        }
    })
}

/// The number at a place of those that take part; of rows in order.
#[inline(always)]
fn at<T: Number>(rows: &[Row<T>], part: &Part, lane: usize, place: f64) -> f64 {
    let row = rows.get((f64::from(part.from[lane]) + place) as usize);
    row.map_or(f64::NAN, |row| row[lane].to_f64())
}

/// The places of the two numbers of `len` between which a percentile lies, and how far from the first.
#[inline(always)]
fn between(percent: f64, len: f64) -> (f64, f64, f64) {
    let place = percent / 100.0 * (len - 1.0).max(0.0);
    let below = place.floor();
    (
        below,
        (below + 1.0).min((len - 1.0).max(0.0)),
        place - below,
    )
}

/// Source: NumPy, `_lerp`.
#[inline(always)]
fn lerp(a: f64, b: f64, share: f64) -> f64 {
    let difference = b - a;
    if share >= 0.5 {
        b - difference * (1.0 - share)
    } else {
        a + difference * share
    }
}

#[inline(always)]
fn exchange<T: Number>(rows: &mut [Row<T>], first: usize, second: usize) {
    let (head, tail) = rows.split_at_mut(second);
    let (x, y) = (head[first], tail[0]);
    // Not by a comparison: a store of some lanes only would be made of that, from which the next exchange
    // cannot be served.
    head[first] = std::array::from_fn(|lane| x[lane].lesser(y[lane]));
    tail[0] = std::array::from_fn(|lane| x[lane].greater(y[lane]));
}

/// The exchanges that sort `count` rows. Source: Knuth, The Art of Computer Programming, 5.2.2M.
fn network(count: usize) -> Vec<(u32, u32)> {
    let mut exchanges = vec![];
    let top = count.next_power_of_two() / 2;
    let mut p = top;
    while p > 0 {
        let (mut q, mut r, mut d) = (top, 0, p);
        loop {
            let pairs = (0..count.saturating_sub(d)).filter(|i| i & p == r);
            exchanges.extend(pairs.map(|i| (i as u32, (i + d) as u32)));
            if q == p {
                break;
            }
            (d, q, r) = (q - p, q / 2, p);
        }
        p /= 2;
    }
    exchanges
}

/// Drops the exchanges that do not change what is at these places in the end.
fn keep_what_matters(exchanges: &mut Vec<(u32, u32)>, count: usize, places: &[usize]) {
    let mut matters = vec![false; count];
    for &place in places {
        if let Some(matters) = matters.get_mut(place) {
            *matters = true;
        }
    }
    let mut kept: Vec<(u32, u32)> = vec![];
    for &(first, second) in exchanges.iter().rev() {
        let (a, b) = (first as usize, second as usize);
        if matters[a] | matters[b] {
            (matters[a], matters[b]) = (true, true);
            kept.push((first, second));
        }
    }
    kept.reverse();
    *exchanges = kept;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_sort_all_columns_of_zeros_and_ones() {
        // Knuth's principle: what sorts these sorts everything.
        for count in 0..=10_usize {
            let exchanges = network(count);
            for bits in 0..1_u32 << count {
                let mut rows: Vec<Row<f32>> = (0..count)
                    .map(|row| [(bits >> row & 1) as f32; LANES])
                    .collect();
                for &(first, second) in &exchanges {
                    exchange(&mut rows, first as usize, second as usize);
                }
                assert!(rows.is_sorted_by(|a, b| a[0] <= b[0]), "{count} {bits:b}");
            }
        }
    }
}
