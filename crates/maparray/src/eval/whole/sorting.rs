//! How are elements, or their positions, put in order?
//!
//! Rows that fit into a thread's share of memory are sorted there; longer ones by [`sort`], one after
//! the other, with all threads. Positions are sorted as the low bits of words whose high bits are the
//! elements' words, so that equal elements keep their order.
//!
//! Knows: rows and words. Must not know: formats, maps.

use bytemuck::cast_slice_mut;

use super::long::Long;
use super::order::{Codec, PIECE, Word, Work, room, with_words};
use super::rows::{Rows, Within};
use super::select::{TASK, tally};
use super::sort::{Flat, LEAST_MEMORY, sort};
use super::{Call, radix};
use crate::array::Source;
use crate::crew::Crew;
use crate::error::Result;
use crate::expr::Whole;

/// Elements of a row that all threads sort together if there are few rows.
const LONG: usize = 1 << 16;

/// Computes `sort` and `argsort`.
pub(super) fn run(call: &Call<'_>, crew: &Crew<'_>) -> Result<()> {
    with_words(call.operands[0].dtype().number()?, Sorting { call, crew })
}

struct Sorting<'c, 'w> {
    call: &'c Call<'c>,
    crew: &'c Crew<'w>,
}

impl Work for Sorting<'_, '_> {
    type Answer = ();

    fn with<W: Word>(self, codec: &Codec<W>) -> Result<()> {
        let (call, crew) = (self.call, self.crew);
        if call.function == Whole::Sort {
            // Sorted, elements do not tell in which order they came.
            return values(call, crew, codec, &rows_of(call, Within::Any));
        }
        let rows = rows_of(call, Within::C);
        let short = rows.len as u64 <= 1 << 32;
        match W::BITS {
            ..=32 if short => positions::<W, u64>(call, crew, codec, &rows, |words, bytes| {
                for (place, &word) in cast_slice_mut::<u8, i64>(bytes).iter_mut().zip(&*words) {
                    *place = i64::from(word as u32);
                }
            }),
            ..=64 => positions::<W, u128>(call, crew, codec, &rows, |words, bytes| {
                for (place, &word) in cast_slice_mut::<u8, i64>(bytes).iter_mut().zip(&*words) {
                    *place = word as i64;
                }
            }),
            _ => positions::<W, Long>(call, crew, codec, &rows, |words, bytes| {
                for (place, &word) in cast_slice_mut::<u8, i64>(bytes).iter_mut().zip(&*words) {
                    *place = word.low64() as i64;
                }
            }),
        }
    }
}

/// The rows along a call's axis; one row of all elements if it has none.
pub(super) fn rows_of<'a>(call: &Call<'a>, within: Within) -> Rows<'a> {
    let source: &'a Source = &call.operands[0];
    let axes = match call.parameters.axis("axis") {
        Some(axis) => vec![axis],
        None => (0..source.layout().ndim()).collect(),
    };
    Rows::new(source, &axes, within, call.release)
}

/// How many rows a thread takes at once; 0 if all threads work on one row together.
pub(super) fn width<W: Word>(call: &Call<'_>, rows: &Rows<'_>) -> usize {
    let threads = call.threads;
    if rows.count < threads && rows.len >= LONG {
        return 0;
    }
    let share = call.memory.max(LEAST_MEMORY) / 2 / threads;
    rows.width::<W>(share, threads)
}

fn values<W: Word>(
    call: &Call<'_>,
    crew: &Crew<'_>,
    codec: &Codec<W>,
    rows: &Rows<'_>,
) -> Result<()> {
    let width = width::<W>(call, rows);
    if width > 0 {
        return crew.run(
            rows.tasks(width),
            || rows.band::<W>(width),
            |task, band, member| {
                let range = rows.task(task, width);
                rows.load(codec.words, range.clone(), band, member)?;
                let words = &mut band.words[..range.len() * rows.len];
                for row in words.chunks_exact_mut(rows.len) {
                    radix::sort(row, &mut band.scratch, 0);
                }
                rows.place(call, elements(codec), range, rows.len, band)
            },
        );
    }
    for row in 0..rows.count {
        let place = |first: usize, words: &mut [W]| {
            rows.place_part(call, elements(codec), (row, rows.len, first), words)
        };
        if W::BITS <= 16 {
            counted(crew, codec, rows, row, &place)?;
            continue;
        }
        let flat = Flat {
            count: rows.len,
            low: 0,
            load: &|first, words| rows.load_part(codec.words, row, first, words),
            store: &place,
        };
        sort(&flat, crew, call.memory, codec.item() as u64)?;
    }
    Ok(())
}

/// Counts each word of a row, then writes it as often as it was found.
fn counted<W: Word>(
    crew: &Crew<'_>,
    codec: &Codec<W>,
    rows: &Rows<'_>,
    row: usize,
    store: &(dyn Fn(usize, &mut [W]) -> Result<()> + Sync),
) -> Result<()> {
    let count = rows.len;
    let bins = tally(crew, codec.words, &rows.input, row * count, count)?;
    let mut before = vec![0];
    before.extend(bins.iter().scan(0, |sum, &bin| {
        *sum += bin as usize;
        Some(*sum)
    }));
    crew.run(
        count.div_ceil(TASK),
        || room::<W>(PIECE),
        |task, words, member| {
            let (first, end) = (task * TASK, ((task + 1) * TASK).min(count));
            let mut bin = before.partition_point(|&before| before <= first) - 1;
            for at in (first..end).step_by(PIECE) {
                let words = &mut words[..PIECE.min(end - at)];
                let mut filled = 0;
                while filled < words.len() {
                    let some = (before[bin + 1] - at - filled).min(words.len() - filled);
                    words[filled..filled + some].fill(W::of(bin as u64));
                    filled += some;
                    bin += usize::from(before[bin + 1] == at + filled);
                }
                store(at, words)?;
            }
            member.advance((codec.item() * (end - first)) as u64)
        },
    )
}

/// From words to elements, as results are stored.
pub(super) fn elements<W: Word>(codec: &Codec<W>) -> impl Fn(&mut [W], &mut [u8]) + Sync {
    let elements = codec.elements;
    move |words, bytes| elements(words, bytes)
}

/// Sorts words of the elements that have their positions behind them.
fn positions<W: Word, P: Word>(
    call: &Call<'_>,
    crew: &Crew<'_>,
    codec: &Codec<W>,
    rows: &Rows<'_>,
    convert: fn(&mut [P], &mut [u8]),
) -> Result<()> {
    let low = P::BITS / 2;
    let width = width::<P>(call, rows);
    if width > 0 {
        return crew.run(
            rows.tasks(width),
            || rows.band::<P>(width),
            |task, band, member| {
                let range = rows.task(task, width);
                rows.load(wide(codec), range.clone(), band, member)?;
                let words = &mut band.words[..range.len() * rows.len];
                for row in words.chunks_exact_mut(rows.len) {
                    number(row, 0);
                    radix::sort(row, &mut band.scratch, low);
                }
                rows.place(call, convert, range, rows.len, band)
            },
        );
    }
    for row in 0..rows.count {
        let flat = Flat {
            count: rows.len,
            low,
            load: &|first, words| {
                rows.load_part(wide(codec), row, first, words)?;
                number(words, first);
                Ok(())
            },
            store: &|first, words| rows.place_part(call, convert, (row, rows.len, first), words),
        };
        sort(&flat, crew, call.memory, codec.item() as u64)?;
    }
    Ok(())
}

/// Words that are equal where elements may come in any order, in the low half of wider ones.
pub(super) fn wide<W: Word, P: Word>(codec: &Codec<W>) -> impl Fn(&[u8], &mut [P]) {
    let ranks = codec.ranks;
    move |bytes, out| {
        let mut words = [0_u128; PIECE / 16];
        let words = &mut cast_slice_mut::<u128, W>(&mut words)[..out.len()];
        ranks(bytes, words);
        for (out, &word) in out.iter_mut().zip(&*words) {
            *out = P::of128(word.low128());
        }
    }
}

/// Moves words to the high half and puts their positions, counted from `first`, behind them.
pub(super) fn number<P: Word>(words: &mut [P], first: usize) {
    for (i, word) in words.iter_mut().enumerate() {
        *word = *word << (P::BITS / 2) | P::of((first + i) as u64);
    }
}
