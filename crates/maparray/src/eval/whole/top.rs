//! Which elements are the greatest, or the least?
//!
//! Rows that fit into a thread's share of memory are selected from there. Of longer ones each thread
//! keeps the best that it has met; if even these are too many, the row is sorted.
//!
//! Knows: rows and words. Must not know: formats, maps.

use std::sync::{Mutex, PoisonError};

use bytemuck::cast_slice_mut;

use super::Call;
use super::long::Long;
use super::order::{Codec, PIECE, Word, Work, with_words};
use super::rows::{Rows, Within};
use super::select::TASK;
use super::sort::{Flat, LEAST_MEMORY, sort};
use super::sorting::{number, rows_of, wide, width};
use crate::crew::Crew;
use crate::error::Result;
use crate::expr::Whole;

/// Computes `topk` and `argtopk`.
pub(super) fn run(call: &Call<'_>, crew: &Crew<'_>) -> Result<()> {
    with_words(call.operands[0].dtype().number()?, Top { call, crew })
}

struct Top<'c, 'w> {
    call: &'c Call<'c>,
    crew: &'c Crew<'w>,
}

impl Work for Top<'_, '_> {
    type Answer = ();

    fn with<W: Word>(self, codec: &Codec<W>) -> Result<()> {
        let (call, crew) = (self.call, self.crew);
        // The greatest come first if all bits are turned over.
        let turn = call.parameters.flag("largest");
        let (words, elements) = (codec.words, codec.elements);
        if call.function == Whole::TopK {
            let convert = move |bytes: &[u8], out: &mut [W]| {
                words(bytes, out);
                turn_over(out, turn);
            };
            let back = move |words: &mut [W], bytes: &mut [u8]| {
                turn_over(words, turn);
                elements(words, bytes);
            };
            return top(call, crew, &rows_of(call, Within::Any), convert, None, back);
        }
        let rows = rows_of(call, Within::C);
        let short = rows.len as u64 <= 1 << 32;
        match W::BITS {
            ..=32 if short => positions::<W, u64>(call, crew, codec, &rows, turn),
            ..=64 => positions::<W, u128>(call, crew, codec, &rows, turn),
            _ => positions::<W, Long>(call, crew, codec, &rows, turn),
        }
    }
}

fn turn_over<W: Word>(words: &mut [W], turn: bool) {
    if turn {
        words.iter_mut().for_each(|word| *word = *word ^ W::MAX);
    }
}

fn positions<W: Word, P: Word>(
    call: &Call<'_>,
    crew: &Crew<'_>,
    codec: &Codec<W>,
    rows: &Rows<'_>,
    turn: bool,
) -> Result<()> {
    let wide = wide::<W, P>(codec);
    let convert = move |bytes: &[u8], out: &mut [P]| {
        wide(bytes, out);
        turn_over(out, turn);
    };
    let back = |words: &mut [P], bytes: &mut [u8]| {
        let mask = P::MAX >> (P::BITS / 2);
        for (place, &word) in cast_slice_mut::<u8, i64>(bytes).iter_mut().zip(&*words) {
            *place = (word & mask).low64() as i64;
        }
    };
    top(call, crew, rows, convert, Some(number::<P>), back)
}

/// The first `k` words of each row. `number` puts their places behind words, counted from one on.
fn top<W: Word>(
    call: &Call<'_>,
    crew: &Crew<'_>,
    rows: &Rows<'_>,
    convert: impl Fn(&[u8], &mut [W]) + Sync,
    number: Option<fn(&mut [W], usize)>,
    back: impl Fn(&mut [W], &mut [u8]) + Sync,
) -> Result<()> {
    let k = call.parameters.int("k");
    let width = width::<W>(call, rows);
    if width > 0 {
        return crew.run(
            rows.tasks(width),
            || rows.band::<W>(width),
            |task, band, member| {
                let range = rows.task(task, width);
                rows.load(&convert, range.clone(), band, member)?;
                for row in band.words[..range.len() * rows.len].chunks_exact_mut(rows.len) {
                    if let Some(number) = number {
                        number(row, 0);
                    }
                    least(row, k);
                }
                rows.place(call, &back, range, k, band)
            },
        );
    }
    let threads = call.threads;
    let keep = (2 * k).max(PIECE);
    let fits = keep.saturating_mul(size_of::<W>() * threads) <= call.memory.max(LEAST_MEMORY) / 2;
    for row in 0..rows.count {
        let load = |first: usize, words: &mut [W]| {
            rows.load_part(&convert, row, first, words)?;
            if let Some(number) = number {
                number(words, first);
            }
            Ok(())
        };
        let item = call.operands[0].layout().item_size() as u64;
        if !fits {
            let flat = Flat {
                count: rows.len,
                low: 0,
                load: &load,
                store: &|first, words| {
                    let count = words.len().min(k.saturating_sub(first));
                    rows.place_part(call, &back, (row, k, first), &mut words[..count])
                },
            };
            sort(&flat, crew, call.memory, item)?;
            continue;
        }
        let best = Mutex::new(vec![]);
        crew.run(
            rows.len.div_ceil(TASK),
            || super::order::room::<W>(PIECE),
            |task, words, member| {
                let (first, end) = (task * TASK, ((task + 1) * TASK).min(rows.len));
                let mut mine = Best::new(k, keep, &best);
                for at in (first..end).step_by(PIECE) {
                    let words = &mut words[..PIECE.min(end - at)];
                    load(at, words)?;
                    mine.meet(words);
                }
                mine.end();
                member.advance(item * (end - first) as u64)
            },
        )?;
        let mut best = best.into_inner().unwrap_or_else(PoisonError::into_inner);
        least(&mut best, k);
        let count = k.min(best.len());
        rows.place_part(call, &back, (row, k, 0), &mut best[..count])?;
    }
    Ok(())
}

/// Puts the `k` least words first, in order.
fn least<W: Word>(words: &mut [W], k: usize) {
    if k < words.len() {
        words.select_nth_unstable(k);
    }
    let count = k.min(words.len());
    words[..count].sort_unstable();
}

/// The best words of a task, among those that other tasks have found.
struct Best<'b, W> {
    k: usize,
    /// So many words are kept before the worse ones are let go.
    keep: usize,
    words: Vec<W>,
    /// Words that are not less cannot be among the best.
    limit: Option<W>,
    all: &'b Mutex<Vec<W>>,
}

impl<'b, W: Word> Best<'b, W> {
    fn new(k: usize, keep: usize, all: &'b Mutex<Vec<W>>) -> Best<'b, W> {
        let limit = {
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            cut(&mut all, k)
        };
        Best {
            k,
            keep,
            words: vec![],
            limit,
            all,
        }
    }

    fn meet(&mut self, words: &[W]) {
        for &word in words {
            if self.limit.is_none_or(|limit| word < limit) {
                self.words.push(word);
                if self.words.len() >= self.keep {
                    self.limit = cut(&mut self.words, self.k).or(self.limit);
                }
            }
        }
    }

    fn end(mut self) {
        cut(&mut self.words, self.k);
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(self.words);
        if all.len() >= self.keep {
            cut(&mut all, self.k);
        }
    }
}

/// Keeps the `k` least words, and says which of them is the greatest if there are so many.
fn cut<W: Word>(words: &mut Vec<W>, k: usize) -> Option<W> {
    if words.len() < k || k == 0 {
        return None;
    }
    let (_, &mut limit, _) = words.select_nth_unstable(k - 1);
    words.truncate(k);
    Some(limit)
}
