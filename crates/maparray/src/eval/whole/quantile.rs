//! Which number is a share of the elements below?
//!
//! NumPy's quantiles and medians. Rows that fit into a thread's share of memory are selected from
//! there; longer ones, such as all elements of an array, by sweeps over them (see `select`).
//!
//! Knows: rows and words, NumPy's ways to interpolate. Must not know: formats, maps.

use std::cell::Cell;

use bytemuck::{Pod, bytes_of, cast_slice_mut, pod_read_unaligned};
use half::{bf16, f16};

use super::Call;
use super::order::{Codec, Word, Work, with_words};
use super::rows::{Rows, Within};
use super::select::{Selection, select_among};
use super::sorting::width;
use crate::array::Source;
use crate::crew::Crew;
use crate::dtype::{Kind, Scalar};
use crate::error::{Error, Problem, Result};
use crate::expr::Whole;

/// Computes medians, quantiles and percentiles.
pub(super) fn run(call: &Call<'_>, crew: &Crew<'_>) -> Result<()> {
    with_words(call.operands[0].dtype().number()?, Quantiles { call, crew })
}

/// How a result lies between two elements.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Linear,
    Lower,
    Higher,
    Midpoint,
    Nearest,
    /// The mean of the two in the middle.
    Median,
}

/// Two of the sorted elements and how far the result is from one to the other.
#[derive(Clone, Copy)]
struct Pick {
    from: u64,
    to: u64,
    share: f64,
}

/// What is asked for.
struct Asked {
    method: Method,
    shares: Vec<f64>,
    /// Whether NaNs are left out.
    skip: bool,
    /// Type of the elements and of the results.
    scalar: Scalar,
    output: Scalar,
}

impl Asked {
    fn of(call: &Call<'_>, scalar: Scalar) -> Asked {
        let function = call.function;
        let median = matches!(function, Whole::Median | Whole::NanMedian);
        let percent = matches!(function, Whole::Percentile | Whole::NanPercentile);
        let (mut method, mut shares) = (Method::Median, vec![0.5]);
        if !median {
            method = match call.parameters.word("method") {
                "lower" => Method::Lower,
                "higher" => Method::Higher,
                "midpoint" => Method::Midpoint,
                "nearest" => Method::Nearest,
                _ => Method::Linear,
            };
            shares = call.parameters.numbers("q");
        }
        if percent {
            shares.iter_mut().for_each(|share| *share /= 100.0);
        }
        Asked {
            method,
            shares,
            skip: function.skips_nan(),
            scalar,
            output: call.scalar,
        }
    }

    /// Where a share of `count` sorted elements lies; there is at least one. Source: NumPy,
    /// `_QuantileMethods` and `_get_indexes`.
    fn pick(&self, share: f64, count: u64) -> Pick {
        let last = count - 1;
        let exact = last as f64 * share;
        let at = |index: f64| Pick {
            from: (index as u64).min(last),
            to: (index as u64).min(last),
            share: 0.0,
        };
        match self.method {
            Method::Lower => at(exact.floor()),
            Method::Higher => at(exact.ceil()),
            Method::Nearest => at(exact.round_ties_even()),
            Method::Median => Pick {
                from: last / 2,
                to: count / 2,
                share: 0.5,
            },
            Method::Linear | Method::Midpoint => {
                let place = match self.method {
                    Method::Midpoint => 0.5 * (exact.floor() + exact.ceil()),
                    _ => exact,
                };
                if place >= last as f64 {
                    return Pick {
                        share: 1.0,
                        ..at(last as f64)
                    };
                }
                let from = place.floor();
                let share = match self.method {
                    Method::Midpoint if place == from => 0.0,
                    Method::Midpoint => 0.5,
                    _ => place - from,
                };
                Pick {
                    from: from as u64,
                    to: from as u64 + 1,
                    share,
                }
            }
        }
    }

    /// The places that picks need, ascending, each once.
    fn places(picks: &[Pick]) -> Vec<u64> {
        let mut places: Vec<u64> = picks.iter().flat_map(|pick| [pick.from, pick.to]).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    fn picks(&self, count: u64) -> Vec<Pick> {
        let pick = |&share: &f64| self.pick(share, count);
        self.shares.iter().map(pick).collect()
    }

    /// The result between two elements, whose words these are.
    fn between<W: Word>(&self, codec: &Codec<W>, from: W, to: W, share: f64, out: &mut [u8]) {
        let mut elements = [0_u128; 2];
        let elements: &mut [u8] = cast_slice_mut(&mut elements);
        let item = codec.item();
        (codec.elements)(&[from, to], &mut elements[..2 * item]);
        let (a, b) = elements[..2 * item].split_at(item);
        if matches!(
            self.method,
            Method::Lower | Method::Higher | Method::Nearest
        ) {
            return out.copy_from_slice(a);
        }
        macro_rules! floats {
            ($float:ty, $halve:expr) => {{
                let (a, b): ($float, $float) = (read(a), read(b));
                match self.method {
                    Method::Median => write(out, $halve(a, b)),
                    // One share keeps the elements' type, a list of them is of `float64`.
                    _ if self.output == self.scalar => {
                        let less = <$float>::from_f64(1.0 - share);
                        let more = <$float>::from_f64(share);
                        write(
                            out,
                            if share >= 0.5 {
                                b - (b - a) * less
                            } else {
                                a + (b - a) * more
                            },
                        );
                    }
                    _ => write(out, lerp(a.to_f64(), b.to_f64(), (b - a).to_f64(), share)),
                }
            }};
        }
        match self.scalar {
            Scalar::F16 => floats!(f16, |a: f16, b: f16| {
                // As NumPy's mean, which adds halves up in single precision.
                f16::from_f32((a.to_f32() + b.to_f32()) / 2.0)
            }),
            Scalar::BF16 => floats!(bf16, |a: bf16, b: bf16| {
                bf16::from_f32((a.to_f32() + b.to_f32()) / 2.0)
            }),
            Scalar::F32 => floats!(f32, |a: f32, b: f32| mean(a, b)),
            Scalar::F64 => floats!(f64, |a: f64, b: f64| mean(a, b)),
            scalar => {
                let (a, b) = (integer(scalar, a), integer(scalar, b));
                write(
                    out,
                    match self.method {
                        Method::Median => mean(a as f64, b as f64),
                        // The difference of two integers is exact here; in NumPy it may wrap.
                        _ => lerp(a as f64, b as f64, (b - a) as f64, share),
                    },
                );
            }
        }
    }
}

/// Numbers that `f64` reads and writes.
trait Real: Pod {
    fn from_f64(wide: f64) -> Self;
    fn to_f64(self) -> f64;
}

impl Real for f32 {
    fn from_f64(wide: f64) -> f32 {
        wide as f32
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    fn from_f64(wide: f64) -> f64 {
        wide
    }
    fn to_f64(self) -> f64 {
        self
    }
}

/// The mean of two numbers; each is halved first where their sum is too large for the type.
fn mean<T: num_traits::Float>(a: T, b: T) -> T {
    let (sum, two) = (a + b, T::one() + T::one());
    if sum.is_infinite() {
        return a / two + b / two;
    }
    sum / two
}

/// Source: NumPy, `_lerp`.
fn lerp(a: f64, b: f64, difference: f64, share: f64) -> f64 {
    if share >= 0.5 {
        b - difference * (1.0 - share)
    } else {
        a + difference * share
    }
}

fn read<T: Pod>(bytes: &[u8]) -> T {
    pod_read_unaligned(bytes)
}

fn write<T: Pod>(out: &mut [u8], value: T) {
    out.copy_from_slice(bytes_of(&value));
}

fn integer(scalar: Scalar, bytes: &[u8]) -> i128 {
    let mut wide = [0; 16];
    wide[..bytes.len()].copy_from_slice(bytes);
    let signed = matches!(scalar.letter(), 'i');
    let unsigned = u128::from_le_bytes(native_to_little(wide, bytes.len()));
    let unused = 128 - 8 * bytes.len() as u32;
    if signed {
        (unsigned << unused) as i128 >> unused
    } else {
        unsigned as i128
    }
}

/// The first `len` bytes, which the machine wrote, in little-endian order.
fn native_to_little(mut bytes: [u8; 16], len: usize) -> [u8; 16] {
    if cfg!(target_endian = "big") {
        bytes[..len].reverse();
    }
    bytes
}

struct Quantiles<'c, 'w> {
    call: &'c Call<'c>,
    crew: &'c Crew<'w>,
}

impl Work for Quantiles<'_, '_> {
    type Answer = ();

    fn with<W: Word>(self, codec: &Codec<W>) -> Result<()> {
        let (call, crew) = (self.call, self.crew);
        let source: &Source = &call.operands[0];
        let axes = call.parameters.axes("axis");
        let rows = Rows::new(source, &axes, Within::Any, call.release);
        let asked = Asked::of(call, codec.scalar);
        let nan = not_a_number(call, &rows)?;
        let item = call.scalar.size();
        let width = width::<W>(call, &rows);
        if width == 0 && rows.len > 0 {
            for row in 0..rows.count {
                let found = long_row((call, crew), codec, &rows, row, &asked)?;
                for place in 0..asked.shares.len() {
                    let mut bytes = [0; 16];
                    let bytes = &mut bytes[..item];
                    match found.get(place) {
                        Some(&(from, to, share)) => asked.between(codec, from, to, share, bytes),
                        None => bytes.copy_from_slice(&nan),
                    }
                    call.place(place * rows.count + row, bytes)?;
                }
            }
            return Ok(());
        }
        let width = width.max(1);
        let usual = rows.len as u64;
        let (picks, places) = if usual == 0 {
            (vec![], vec![])
        } else {
            let picks = asked.picks(usual);
            let places = Asked::places(&picks);
            (picks, places)
        };
        let usual_places: Vec<usize> = places.iter().map(|&place| place as usize).collect();
        crew.run(
            rows.tasks(width),
            || rows.band::<W>(width),
            |task, band, member| {
                let range = rows.task(task, width);
                rows.load(codec.words, range.clone(), band, member)?;
                let each = range.len() * item;
                let mut results = vec![0_u8; asked.shares.len() * each];
                for i in 0..range.len() {
                    let row = &mut band.words[i * rows.len..(i + 1) * rows.len];
                    let nans = row.iter().filter(|&&word| word > codec.last).count() as u64;
                    let count = if asked.skip || nans == 0 {
                        usual - nans
                    } else {
                        0
                    };
                    let own;
                    let picks = match (count, nans) {
                        (0, _) => &[][..],
                        (_, 0) => {
                            select_among(row, &usual_places);
                            &picks[..]
                        }
                        _ => {
                            own = asked.picks(count);
                            let places = Asked::places(&own).into_iter();
                            let places: Vec<usize> = places.map(|place| place as usize).collect();
                            select_among(row, &places);
                            &own[..]
                        }
                    };
                    for place in 0..asked.shares.len() {
                        let at = place * each + i * item;
                        let bytes = &mut results[at..at + item];
                        match picks.get(place) {
                            None => bytes.copy_from_slice(&nan),
                            Some(pick) => {
                                let (from, to) = (row[pick.from as usize], row[pick.to as usize]);
                                asked.between(codec, from, to, pick.share, bytes);
                            }
                        }
                    }
                }
                for (place, results) in results.chunks_exact_mut(each).enumerate() {
                    call.place(place * rows.count + range.start, results)?;
                }
                Ok(())
            },
        )
    }
}

/// The result where there is none; an error where there must be one.
fn not_a_number(call: &Call<'_>, rows: &Rows<'_>) -> Result<Vec<u8>> {
    let median = matches!(call.function, Whole::Median | Whole::NanMedian);
    let float = call.scalar.kind() == Kind::Float;
    if rows.len == 0 && !(float && (median || call.function.skips_nan())) {
        return Err(Error::new(Problem::EmptyReduction {
            operation: call.function.name(),
        }));
    }
    Ok(match call.scalar {
        Scalar::F16 => bytes_of(&f16::NAN).to_vec(),
        Scalar::BF16 => bytes_of(&bf16::NAN).to_vec(),
        Scalar::F32 => bytes_of(&f32::NAN).to_vec(),
        Scalar::F64 => bytes_of(&f64::NAN).to_vec(),
        // Never looked at: other numbers cannot fail to be one.
        scalar => vec![0; scalar.size()],
    })
}

/// Both neighbours of each quantile of a row, found by all threads; none if the result is NaN.
fn long_row<W: Word>(
    (call, crew): (&Call<'_>, &Crew<'_>),
    codec: &Codec<W>,
    rows: &Rows<'_>,
    row: usize,
    asked: &Asked,
) -> Result<Vec<(W, W, f64)>> {
    let selection = Selection {
        convert: codec.words,
        last: codec.last,
        input: &rows.input,
        start: row * rows.len,
        count: rows.len,
        crew,
        memory: call.memory,
    };
    let picks = Cell::new(vec![]);
    let words = selection.select(|count| {
        if count == 0 || (count < rows.len as u64 && !asked.skip) {
            return vec![];
        }
        let mine = asked.picks(count);
        let places = Asked::places(&mine);
        picks.set(mine);
        places
    })?;
    let picks = picks.into_inner();
    let places = Asked::places(&picks);
    let word = |place: u64| words[places.partition_point(|&known| known < place)];
    let both = |pick: &Pick| (word(pick.from), word(pick.to), pick.share);
    Ok(picks.iter().map(both).collect())
}
