//! Which elements are there, and how often?
//!
//! Small types are counted; others are sorted onto a shelf, in memory or in a file without a name, and
//! told apart there by two sweeps: one counts, so that every task of the other knows its place.
//!
//! Knows: words. Must not know: formats, maps.

use bytemuck::cast_slice_mut;

use std::sync::{Mutex, PoisonError};

use super::Call;
use super::order::{Codec, PIECE, Word, Work, room, with_words};
use super::rows::{Rows, Within};
use super::select::{TASK, tally};
use super::sort::{Flat, Shelf, shelf, sort};
use crate::crew::Crew;
use crate::error::Result;
use crate::expr::Whole;

/// Computes `unique` and `unique_counts`.
pub(super) fn run(call: &Call<'_>, crew: &Crew<'_>) -> Result<usize> {
    with_words(call.operands[0].dtype().number()?, Unique { call, crew })
}

struct Unique<'c, 'w> {
    call: &'c Call<'c>,
    crew: &'c Crew<'w>,
}

impl Work for Unique<'_, '_> {
    type Answer = usize;

    fn with<W: Word>(self, codec: &Codec<W>) -> Result<usize> {
        let (call, crew) = (self.call, self.crew);
        let source = &call.operands[0];
        let axes: Vec<usize> = (0..source.layout().ndim()).collect();
        let rows = Rows::new(source, &axes, Within::Any, call.release);
        if rows.len == 0 {
            return Ok(0);
        }
        let out = Told {
            codec,
            call,
            counts: call.function == Whole::UniqueCounts,
        };
        if W::BITS <= 16 {
            let bins = tally(crew, codec.equal, &rows.input, 0, rows.len)?;
            let found = bins.iter().enumerate().filter(|(_, count)| **count > 0);
            let (mut words, counts): (Vec<W>, Vec<i64>) = found
                .map(|(word, &count)| (W::of(word as u64), count as i64))
                .unzip();
            out.place(0, &mut words, &counts)?;
            return Ok(words.len());
        }
        let mut array = shelf::<W>(rows.len, call.memory)?;
        let shelf = Shelf::of(&mut array)?;
        let flat = Flat {
            count: rows.len,
            low: 0,
            load: &|first, words| rows.load_part(codec.equal, 0, first, words),
            store: &|first, words| {
                shelf.write(first, words)?;
                shelf.release::<W>(first..first + words.len());
                Ok(())
            },
        };
        sort(&flat, crew, call.memory, codec.item() as u64)?;
        tell_apart(crew, &shelf, rows.len, &out)
    }
}

/// Writes the different ones among sorted words; says how many there are.
fn tell_apart<W: Word>(
    crew: &Crew<'_>,
    shelf: &Shelf<'_>,
    count: usize,
    out: &Told<'_, W>,
) -> Result<usize> {
    let item = out.codec.item() as u64;
    let tasks = count.div_ceil(TASK);
    let range = |task: usize| (task * TASK, ((task + 1) * TASK).min(count));
    // How many different words begin in each task, and the place of the first of them.
    let begin = Mutex::new(vec![(0_usize, count); tasks]);
    crew.run(
        tasks,
        || room::<W>(PIECE),
        |task, words, member| {
            let (first, end) = range(task);
            let mut found = (0, count);
            begins(shelf, first, end, words, |_, place| {
                found = (found.0 + 1, found.1.min(place));
                Ok(())
            })?;
            begin.lock().unwrap_or_else(PoisonError::into_inner)[task] = found;
            shelf.release::<W>(first..end);
            member.advance(item * (end - first) as u64)
        },
    )?;
    let begin = begin.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut places = Vec::with_capacity(tasks);
    let mut sum = 0;
    for &(some, _) in &begin {
        places.push(sum);
        sum += some;
    }
    // Where the next word begins after each task.
    let mut next = vec![count; tasks];
    for task in (1..tasks).rev() {
        next[task - 1] = next[task].min(begin[task].1);
    }
    crew.run(
        tasks,
        || Ok((room::<W>(PIECE)?, vec![], vec![])),
        |task, (words, different, starts), member| {
            let (first, end) = range(task);
            let mut place = places[task];
            different.clear();
            starts.clear();
            begins(shelf, first, end, words, |word, start| {
                if different.len() == PIECE {
                    starts.push(start);
                    place = out.place_some(place, different, starts)?;
                    starts.clear();
                    different.clear();
                }
                different.push(word);
                starts.push(start);
                Ok(())
            })?;
            starts.push(next[task]);
            out.place_some(place, different, starts)?;
            shelf.release::<W>(first..end);
            shelf.release::<W>(first..end);
            member.advance(item * (end - first) as u64)
        },
    )?;
    Ok(sum)
}

/// Calls `visit` for each word of a range that is not as the one before, and its place.
fn begins<W: Word>(
    shelf: &Shelf<'_>,
    first: usize,
    end: usize,
    words: &mut [W],
    mut visit: impl FnMut(W, usize) -> Result<()>,
) -> Result<()> {
    let mut last = match first {
        0 => None,
        _ => Some(shelf.get::<W>(first - 1)?),
    };
    for at in (first..end).step_by(words.len()) {
        let count = words.len().min(end - at);
        let words = &mut words[..count];
        shelf.read(at, words)?;
        for (i, &word) in words.iter().enumerate() {
            if last != Some(word) {
                visit(word, at + i)?;
                last = Some(word);
            }
        }
    }
    Ok(())
}

/// What is written of different words: themselves, or how often they occur.
struct Told<'c, W> {
    codec: &'c Codec<W>,
    call: &'c Call<'c>,
    counts: bool,
}

impl<W: Word> Told<'_, W> {
    fn place(&self, start: usize, words: &mut [W], counts: &[i64]) -> Result<()> {
        if !self.counts {
            let elements = self.codec.elements;
            return self
                .call
                .put(|words, bytes| elements(words, bytes), start, words);
        }
        let mut counts: Vec<u64> = counts.iter().map(|&count| count as u64).collect();
        let write = |counts: &mut [u64], bytes: &mut [u8]| {
            cast_slice_mut::<u8, u64>(bytes).copy_from_slice(counts);
        };
        self.call.put(write, start, &mut counts)
    }

    /// The same for words that begin at these places; one more place says where the last one ends.
    /// Says where the next is written.
    fn place_some(&self, start: usize, words: &mut [W], starts: &[usize]) -> Result<usize> {
        let counts = starts.windows(2).map(|pair| (pair[1] - pair[0]) as i64);
        let counts: Vec<i64> = counts.collect();
        self.place(start, words, &counts)?;
        Ok(start + words.len())
    }
}
