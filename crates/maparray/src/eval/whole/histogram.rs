//! How are elements counted in bins?
//!
//! A bin is guessed from the distance to the first edge, and then set right by the edges themselves,
//! which alone decide, as in NumPy. Between edges of any distance it is searched for.
//!
//! Knows: readers. Must not know: formats, maps.

use super::turns::Turns;
use super::{Buffer, Call};
use crate::crew::Crew;
use crate::dtype::{Kind, Scalar};
use crate::error::{Error, Problem, Result};
use crate::expr::{Setting, Whole};
use crate::ops::{cast, widest};
use crate::strip::Strip;

/// Elements of a block, if there are few bins.
const BLOCK: usize = 1 << 16;

/// Elements whose bins are guessed at a time.
const STRIP: usize = 512;

/// Bins, as numbers that are compared with elements.
struct Bins {
    edges: Vec<f64>,
    /// Bins per unit, if all are equally wide.
    scale: Option<f64>,
    /// Rounds to the dtype of the edges.
    round: fn(f64) -> f64,
}

pub(super) fn run(call: &Call<'_>, crew: &Crew<'_>) -> Result<()> {
    let bins = bins(call, crew)?;
    if call.function == Whole::HistogramEdges {
        return finish(call, &bins.edges, Scalar::F64);
    }
    let count = bins.edges.len().saturating_sub(1);
    let density = call.parameters.flag("density");
    let weights = call.parameters.operand("weights");
    let complex = weights.is_some() && call.scalar.kind() == Kind::Complex;
    let mut parts = vec![];
    match weights {
        None => {
            let counts = fill::<u64>(call, crew, &bins, None, 0)?;
            if !density {
                return finish(call, &counts, Scalar::I64);
            }
            parts.push(counts.iter().map(|&count| count as f64).collect());
        }
        Some(operand) if complex => {
            // The real numbers lie at even places, the imaginary ones at odd places.
            let totals = fill::<[f64; 2]>(call, crew, &bins, Some(operand), 16)?;
            parts.push(totals.iter().map(|total| total[0]).collect());
            parts.push(totals.iter().map(|total| total[1]).collect());
        }
        Some(operand) => parts.push(fill::<f64>(call, crew, &bins, Some(operand), 8)?),
    }
    if density {
        density_of(&mut parts, &bins);
    }
    match parts.as_slice() {
        [totals] => finish(call, totals, Scalar::F64),
        [real, imaginary] => {
            let pairs: Vec<[f64; 2]> = (real.iter().zip(imaginary))
                .map(|(&real, &imaginary)| [real, imaginary])
                .collect();
            finish(call, &pairs, Scalar::C128)
        }
        _ => finish(call, &vec![0.0; count], Scalar::F64),
    }
}

/// Totals divided by the width of their bins and by all totals together.
fn density_of(parts: &mut [Vec<f64>], bins: &Bins) {
    let widths = |totals: &mut Vec<f64>| {
        for (total, edge) in totals.iter_mut().zip(bins.edges.windows(2)) {
            *total /= (bins.round)(edge[1] - edge[0]);
        }
    };
    let sum = |totals: &[f64]| totals.iter().sum::<f64>();
    match parts {
        [totals] => {
            let all = sum(totals);
            widths(totals);
            totals.iter_mut().for_each(|total| *total /= all);
        }
        [real, imaginary] => {
            let all = num_complex::Complex::new(sum(real), sum(imaginary));
            widths(real);
            widths(imaginary);
            for (real, imaginary) in real.iter_mut().zip(imaginary) {
                let share = num_complex::Complex::new(*real, *imaginary) / all;
                (*real, *imaginary) = (share.re, share.im);
            }
        }
        _ => {}
    }
}

/// Stores results of this type as those of the call.
fn finish<T: bytemuck::Pod>(call: &Call<'_>, results: &[T], scalar: Scalar) -> Result<()> {
    let count = call.output.layout().len().min(results.len());
    if count == 0 {
        return Ok(());
    }
    let mut stored = Buffer::new(count, call.scalar.size())?;
    let bytes = stored.bytes(count, call.scalar.size());
    if scalar == call.scalar {
        bytes.copy_from_slice(bytemuck::cast_slice(&results[..count]));
    } else {
        cast(scalar, call.scalar)(&[Strip::from(&results[..count])], bytes);
    }
    call.place(0, bytes)
}

fn bins(call: &Call<'_>, crew: &Crew<'_>) -> Result<Bins> {
    if let Some(place) = call.parameters.operand("bins") {
        let reader = call.reader(place, Scalar::F64)?;
        let mut edges = Buffer::new(reader.len(), 8)?;
        reader.load(0, edges.bytes(reader.len(), 8))?;
        let edges = edges.elements::<f64>(reader.len()).to_vec();
        if edges.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err(call.wrong("bins", "edges that decrease", "edges in ascending order"));
        }
        return Ok(Bins {
            scale: even(&edges),
            edges,
            round: rounding(call.operands[place].dtype().number()?),
        });
    }
    let scalar = call.operands[0].dtype().number()?;
    let (mut low, mut high) = match call.parameters.get("range") {
        Setting::List(range) => (range[0], range[1]),
        _ => extremes(call, crew)?,
    };
    if !low.is_finite() || !high.is_finite() || low > high {
        let found = format!("{low:?} to {high:?}");
        return Err(call.wrong("range", found, "finite numbers, the lower one first"));
    }
    // Edges have the dtype of the elements, where that is a float; numbers of a range are taken as
    // `float64` on the way, those of the array as what they are.
    let empty = call.operands[0].layout().is_empty();
    let given = empty || matches!(call.parameters.get("range"), Setting::List(_));
    let count = call.parameters.int("bins");
    let round = rounding(scalar);
    let step_round = if given { |x| x } else { round };
    if low == high {
        (low, high) = (step_round(low - 0.5), step_round(high + 0.5));
    }
    let step = step_round(step_round(high - low) / count as f64);
    let mut edges: Vec<f64> = vec![];
    edges.try_reserve_exact(count + 1).map_err(|_| {
        Error::new(Problem::OutOfMemory {
            bytes: 8 * count as u64,
        })
    })?;
    edges.extend((0..count).map(|i| {
        let distance = step_round(i as f64 * step);
        round(step_round(low + distance))
    }));
    edges.push(round(high));
    if edges.windows(2).any(|pair| pair[0] >= pair[1]) {
        let expected = format!("fewer between {low:?} and {high:?}");
        return Err(call.wrong("bins", count, expected));
    }
    let scale = count as f64 / (edges[count] - edges[0]);
    Ok(Bins {
        edges,
        scale: Some(scale),
        round,
    })
}

/// Bins per unit, if a guess by it is wrong by one bin at most.
fn even(edges: &[f64]) -> Option<f64> {
    let (first, last) = (*edges.first()?, *edges.last()?);
    let scale = (edges.len() - 1) as f64 / (last - first);
    let near = |(place, &edge): (usize, &f64)| ((edge - first) * scale - place as f64).abs() < 1.0;
    let even = scale.is_finite() && scale > 0.0 && edges.iter().enumerate().all(near);
    even.then_some(scale)
}

/// Rounds to a number that this dtype has, if it is a float.
fn rounding(scalar: Scalar) -> fn(f64) -> f64 {
    match scalar {
        Scalar::F32 => |x| f64::from(x as f32),
        Scalar::BF16 => |x| half::bf16::from_f64(x).to_f64(),
        Scalar::F16 => |x| half::f16::from_f64(x).to_f64(),
        _ => |x| x,
    }
}

/// The least and the greatest element; 0 and 1 if there is none.
fn extremes(call: &Call<'_>, crew: &Crew<'_>) -> Result<(f64, f64)> {
    let reader = call.reader(0, Scalar::F64)?;
    let len = reader.len();
    if len == 0 {
        return Ok((0.0, 1.0));
    }
    let ends = Turns::new([f64::INFINITY, f64::NEG_INFINITY]);
    crew.run(
        len.div_ceil(BLOCK),
        || Buffer::new(BLOCK, 8),
        |task, values, member| {
            let range = task * BLOCK..((task + 1) * BLOCK).min(len);
            let count = range.len();
            reader.load(range.start, values.bytes(count, 8))?;
            let values = values.elements::<f64>(count);
            let (low, high, finite) = widest(
                #[inline(always)]
                || {
                    let (mut low, mut high, mut finite) =
                        ([f64::INFINITY; 16], [f64::NEG_INFINITY; 16], [true; 16]);
                    for chunk in values.chunks(16) {
                        for (i, &value) in chunk.iter().enumerate() {
                            low[i] = if value < low[i] { value } else { low[i] };
                            high[i] = if value > high[i] { value } else { high[i] };
                            finite[i] &= value.abs() < f64::INFINITY;
                        }
                    }
                    let low = low.into_iter().fold(f64::INFINITY, f64::min);
                    let high = high.into_iter().fold(f64::NEG_INFINITY, f64::max);
                    (low, high, !finite.contains(&false))
                },
            );
            ends.take(task, member, |ends| {
                ends[0] = if finite { ends[0].min(low) } else { f64::NAN };
                ends[1] = if finite { ends[1].max(high) } else { f64::NAN };
                // What is not finite stays.
                if !finite {
                    *ends = [f64::NEG_INFINITY, f64::INFINITY];
                }
            })?;
            reader.release(range);
            member.advance((count * reader.bytes()) as u64)
        },
    )?;
    let [low, high] = ends.finish();
    Ok((low, high))
}

/// What a bin holds.
trait Total: Copy + Send + bytemuck::Zeroable {
    fn add(&mut self, other: Self);
    /// Of element `i`, given the weights of all.
    fn of(weights: &[f64], i: usize) -> Self;
}

impl Total for u64 {
    #[inline(always)]
    fn add(&mut self, other: u64) {
        *self += other;
    }

    #[inline(always)]
    fn of(_: &[f64], _: usize) -> u64 {
        1
    }
}

impl Total for f64 {
    #[inline(always)]
    fn add(&mut self, other: f64) {
        *self += other;
    }

    #[inline(always)]
    fn of(weights: &[f64], i: usize) -> f64 {
        weights[i]
    }
}

impl Total for [f64; 2] {
    #[inline(always)]
    fn add(&mut self, other: [f64; 2]) {
        self[0] += other[0];
        self[1] += other[1];
    }

    #[inline(always)]
    fn of(weights: &[f64], i: usize) -> [f64; 2] {
        [weights[2 * i], weights[2 * i + 1]]
    }
}

/// The totals of all bins; a weight has so many bytes.
fn fill<T: Total>(
    call: &Call<'_>,
    crew: &Crew<'_>,
    bins: &Bins,
    weights: Option<usize>,
    weight: usize,
) -> Result<Vec<T>> {
    let reader = call.reader(0, Scalar::F64)?;
    let scalar = if weight == 16 {
        Scalar::C128
    } else {
        Scalar::F64
    };
    let weights = match weights {
        Some(place) => Some(call.reader(place, scalar)?),
        None => None,
    };
    let (len, count) = (reader.len(), bins.edges.len().saturating_sub(1));
    if count == 0 {
        return Ok(vec![]);
    }
    // Adding a block's totals to those of the others must not take longer than finding them.
    let block = BLOCK.max(count.saturating_mul(2)).min(len.max(1));
    let totals = Turns::new(vec![T::zeroed(); count]);
    crew.run(
        len.div_ceil(block),
        || {
            let buffers = (Buffer::new(block, 8)?, Buffer::new(block, weight)?);
            Ok((buffers, vec![T::zeroed(); count]))
        },
        |task, ((values, weighed), own), member| {
            let range = task * block..((task + 1) * block).min(len);
            let size = range.len();
            reader.load(range.start, values.bytes(size, 8))?;
            let values = values.elements::<f64>(size);
            let mut read = reader.bytes();
            let mut weighed_values: &[f64] = &[];
            if let Some(weights) = &weights {
                weights.load(range.start, weighed.bytes(size, weight))?;
                weighed_values = weighed.elements::<f64>(size * weight / 8);
                read += weights.bytes();
            }
            bins.sort_in(values, weighed_values, weight / 8, own);
            totals.take(task, member, |totals| {
                for (total, own) in totals.iter_mut().zip(own.iter_mut()) {
                    total.add(*own);
                    *own = T::zeroed();
                }
            })?;
            if let Some(weights) = &weights {
                weights.release(range.clone());
            }
            reader.release(range);
            member.advance((size * read) as u64)
        },
    )?;
    Ok(totals.finish())
}

impl Bins {
    /// Adds every element to its bin, with so many numbers as its weight.
    fn sort_in<T: Total>(&self, values: &[f64], weights: &[f64], width: usize, totals: &mut [T]) {
        let (first, last) = (self.edges[0], self.edges[totals.len()]);
        let Some(scale) = self.scale else {
            for (i, &value) in values.iter().enumerate() {
                if value >= first && value <= last {
                    let bin = self.edges.partition_point(|&edge| edge <= value);
                    totals[(bin - 1).min(totals.len() - 1)].add(T::of(weights, i));
                }
            }
            return;
        };
        let most = totals.len() - 1;
        let mut guesses = [0_u32; STRIP];
        for (strip, values) in values.chunks(STRIP).enumerate() {
            widest(
                #[inline(always)]
                || {
                    for (guess, &value) in guesses.iter_mut().zip(values) {
                        let place = (value - first) * scale;
                        // Also what is not a number, which is sorted out below.
                        let place = if place > 0.0 { place } else { 0.0 };
                        let place = if place < most as f64 {
                            place
                        } else {
                            most as f64
                        };
                        *guess = place as i32 as u32;
                    }
                },
            );
            let weights = weights.get(strip * STRIP * width..).unwrap_or_default();
            for (i, (&value, &guess)) in values.iter().zip(&guesses).enumerate() {
                if !(value >= first && value <= last) {
                    continue;
                }
                let mut bin = guess as usize;
                while bin > 0 && value < self.edges[bin] {
                    bin -= 1;
                }
                while bin < most && value >= self.edges[bin + 1] {
                    bin += 1;
                }
                totals[bin].add(T::of(weights, i));
            }
        }
    }
}
