//! How are more words sorted than fit into the budget?
//!
//! Runs that fit are sorted and put by, in memory or in a file without a name. Then the words between
//! two splitters, which samples of the runs give, are fetched from all runs, merged and handed over:
//! every task knows its place in the result, so threads need not wait for each other.
//!
//! Knows: words, arrays that hold them. Must not know: elements, what the result is for.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use bytemuck::{bytes_of_mut, cast_slice, cast_slice_mut};

use super::order::{Word, room};
use super::radix;
use crate::array::{ArrayWriter, MemMapArray, Source};
use crate::crew::{Crew, Member};
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::{Order, Walk};

/// Bytes of a budget that is used in any case.
pub(super) const LEAST_MEMORY: usize = 1 << 20;

/// Bytes that a task of the second phase fetches from each run, where there is room.
const FETCH: usize = 1 << 16;

/// Words to be sorted.
pub(super) struct Flat<'f, W> {
    pub(super) count: usize,
    /// Words that differ only below this bit come in their order.
    pub(super) low: u32,
    /// Fills a slice with the words from a position on.
    pub(super) load: &'f (dyn Fn(usize, &mut [W]) -> Result<()> + Sync),
    /// Takes the sorted words from a position on; they may be changed.
    pub(super) store: &'f (dyn Fn(usize, &mut [W]) -> Result<()> + Sync),
}

/// An array of words, in memory if a budget allows it.
pub(super) fn shelf<W: Word>(count: usize, memory: usize) -> Result<MemMapArray> {
    let bytes = count.saturating_mul(size_of::<W>());
    if bytes <= memory / 2 {
        MemMapArray::zeros(&DType::of::<u8>(), &[bytes], Order::C)
    } else {
        MemMapArray::temporary(&DType::of::<u8>(), &[bytes], Order::C, None)
    }
}

/// Words that wait in an array.
pub(super) struct Shelf<'a> {
    source: Source,
    writer: ArrayWriter<'a>,
    walk: Walk,
}

impl<'a> Shelf<'a> {
    pub(super) fn of(array: &'a mut MemMapArray) -> Result<Shelf<'a>> {
        let (source, writer) = array.split()?;
        let walk = Walk::new(source.layout());
        Ok(Shelf {
            source,
            writer,
            walk,
        })
    }

    pub(super) fn read<W: Word>(&self, start: usize, words: &mut [W]) -> Result<()> {
        let start = start * size_of::<W>();
        self.source
            .load_raw(&self.walk, start, cast_slice_mut(words))
    }

    pub(super) fn write<W: Word>(&self, start: usize, words: &[W]) -> Result<()> {
        let start = start * size_of::<W>();
        self.writer.store_raw(&self.walk, start, cast_slice(words))
    }

    pub(super) fn get<W: Word>(&self, place: usize) -> Result<W> {
        let mut word = W::zeroed();
        let start = place * size_of::<W>();
        self.source
            .load_raw(&self.walk, start, bytes_of_mut(&mut word))?;
        Ok(word)
    }

    /// Lets go of the memory behind a range of words that wait in a file.
    pub(super) fn release<W: Word>(&self, words: Range<usize>) {
        let bytes = words.start * size_of::<W>()..words.end * size_of::<W>();
        self.source.release(&self.walk, bytes);
    }

    /// The first place in a sorted range whose word is not before another.
    fn bound<W: Word>(&self, range: Range<usize>, before: impl Fn(W) -> bool) -> Result<usize> {
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if before(self.get(middle)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

/// Bytes of a run that the caches still help with; more only where there would be many runs.
const RUN: usize = 4 << 20;

/// Runs that a task of the second phase fetches from without trouble.
const FEW_RUNS: usize = 128;

/// How the work is cut.
struct Cut {
    /// Words of one run.
    run: usize,
    runs: usize,
    /// Words of each of a thread's two buffers.
    buffer: usize,
    /// One of so many words of a run is a sample.
    sample: usize,
    /// Words between two splitters, about.
    part: usize,
}

impl Cut {
    fn new<W: Word>(count: usize, threads: usize, memory: usize) -> Cut {
        let size = size_of::<W>();
        let memory = memory.max(LEAST_MEMORY);
        let buffer = (memory / 4 / threads / size).max(64);
        let run = if count <= 1 << 14 {
            count
        } else {
            count.div_ceil(threads)
        };
        let run = run
            .min(buffer)
            .min((RUN / size).max(count / FEW_RUNS))
            .max(1);
        let runs = count.div_ceil(run);
        let part = (FETCH / size * runs).clamp(1, buffer);
        // Samples take an eighth of the budget at most.
        let sample = (part / (4 * runs).max(1))
            .max(count / (memory / 8 / size))
            .max(1);
        Cut {
            run,
            runs,
            buffer: buffer.min(run.max(part)),
            sample,
            part: (part * 3 / 4).max(1),
        }
    }

    fn range(&self, run: usize, count: usize) -> Range<usize> {
        run * self.run..((run + 1) * self.run).min(count)
    }
}

/// Sorts words within a budget of memory; `bytes` of progress are counted for each word and phase.
pub(super) fn sort<W: Word>(
    flat: &Flat<'_, W>,
    crew: &Crew<'_>,
    memory: usize,
    bytes: u64,
) -> Result<()> {
    let cut = Cut::new::<W>(flat.count, crew.threads(), memory);
    sort_cut(flat, &cut, crew, memory, bytes)
}

fn sort_cut<W: Word>(
    flat: &Flat<'_, W>,
    cut: &Cut,
    crew: &Crew<'_>,
    memory: usize,
    bytes: u64,
) -> Result<()> {
    let room = || Ok((room::<W>(cut.buffer)?, room::<W>(cut.buffer)?));
    if cut.runs <= 1 {
        return crew.run(1, room, |_, (words, scratch), member| {
            let words = &mut words[..flat.count];
            (flat.load)(0, words)?;
            radix::sort(words, scratch, flat.low);
            (flat.store)(0, words)?;
            member.advance(2 * bytes * flat.count as u64)
        });
    }
    let mut array = shelf::<W>(flat.count, memory)?;
    let shelf = Shelf::of(&mut array)?;
    let samples = Mutex::new(vec![]);
    crew.run(cut.runs, room, |run, (words, scratch), member| {
        let range = cut.range(run, flat.count);
        let words = &mut words[..range.len()];
        (flat.load)(range.start, words)?;
        radix::sort(words, scratch, flat.low);
        shelf.write(range.start, words)?;
        shelf.release::<W>(range.clone());
        let some = words
            .iter()
            .copied()
            .skip(cut.sample - 1)
            .step_by(cut.sample);
        let mut samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.extend(some);
        drop(samples);
        member.advance(bytes * range.len() as u64)
    })?;
    let mut samples = samples.into_inner().unwrap_or_else(PoisonError::into_inner);
    samples.sort_unstable();
    let step = (cut.part / cut.sample).max(1);
    let mut splitters: Vec<W> = samples.into_iter().step_by(step).collect();
    splitters.dedup();
    crew.run(
        splitters.len() + 1,
        room,
        |task, (words, scratch), member| {
            let from = task.checked_sub(1).map(|before| splitters[before]);
            let part = Part::find(&shelf, cut, flat.count, from, splitters.get(task).copied())?;
            if let Some(word) = from {
                for first in (0..part.equal).step_by(words.len()) {
                    let count = words.len().min(part.equal - first);
                    words[..count].fill(word);
                    (flat.store)(part.place + first, &mut words[..count])?;
                }
            }
            part.hand_over(&shelf, flat, words, scratch, member)?;
            // With what was read the system has mapped its neighbours.
            shelf.release::<W>(0..flat.count);
            member.advance(bytes * (part.equal + part.count()) as u64)
        },
    )
}

/// The words from one splitter to the next.
struct Part {
    /// Words before all of them.
    place: usize,
    /// Words that equal the first splitter.
    equal: usize,
    /// Where those lie in each run that stand strictly between the two splitters.
    between: Vec<Range<usize>>,
}

impl Part {
    fn find<W: Word>(
        shelf: &Shelf<'_>,
        cut: &Cut,
        count: usize,
        from: Option<W>,
        to: Option<W>,
    ) -> Result<Part> {
        let mut part = Part {
            place: 0,
            equal: 0,
            between: Vec::with_capacity(cut.runs),
        };
        for run in 0..cut.runs {
            let all = cut.range(run, count);
            let run = all.clone();
            let (first, after) = match from {
                None => (run.start, run.start),
                Some(from) => {
                    let first = shelf.bound(run.clone(), |word: W| word < from)?;
                    (first, shelf.bound(first..run.end, |word: W| word <= from)?)
                }
            };
            let end = match to {
                None => run.end,
                Some(to) => shelf.bound(after..run.end, |word: W| word < to)?,
            };
            part.place += first - run.start;
            part.equal += after - first;
            part.between.push(after..end);
            // Looking for places has touched pages all over the run.
            shelf.release::<W>(all);
        }
        Ok(part)
    }

    fn count(&self) -> usize {
        self.between.iter().map(ExactSizeIterator::len).sum()
    }

    /// Merges the words between the splitters and hands them over.
    fn hand_over<W: Word>(
        &self,
        shelf: &Shelf<'_>,
        flat: &Flat<'_, W>,
        words: &mut [W],
        scratch: &mut [W],
        member: &mut Member<'_, '_>,
    ) -> Result<()> {
        let count = self.count();
        if count > words.len() {
            return self.stream(shelf, flat, words, scratch, member);
        }
        let (mut end, mut ends) = (0, vec![]);
        for piece in self.between.iter().filter(|piece| !piece.is_empty()) {
            shelf.read(piece.start, &mut words[end..end + piece.len()])?;
            shelf.release::<W>(piece.clone());
            end += piece.len();
            ends.push(end);
        }
        let words = &mut words[..count];
        if ends.len() <= 16 {
            radix::merge(words, &mut scratch[..count], ends);
        } else {
            radix::sort(words, scratch, flat.low);
        }
        (flat.store)(self.place + self.equal, words)
    }

    /// The same for more words than a buffer holds: one after the other.
    fn stream<W: Word>(
        &self,
        shelf: &Shelf<'_>,
        flat: &Flat<'_, W>,
        words: &mut [W],
        scratch: &mut [W],
        member: &mut Member<'_, '_>,
    ) -> Result<()> {
        let share = (words.len() / self.between.len()).max(1);
        let mut pieces: Vec<(Vec<W>, usize, usize)> = vec![];
        let mut heap = BinaryHeap::new();
        for (run, piece) in self.between.iter().enumerate() {
            pieces.push((room(share.min(piece.len()))?, 0, piece.start));
            refill(shelf, &mut pieces[run], piece.end)?;
            heap.extend(pieces[run].0.first().map(|&word| Reverse((word, run))));
        }
        let (mut filled, mut place) = (0, self.place + self.equal);
        while let Some(Reverse((word, run))) = heap.pop() {
            scratch[filled] = word;
            filled += 1;
            if filled == scratch.len() {
                (flat.store)(place, scratch)?;
                place += filled;
                filled = 0;
                member.advance(0)?;
            }
            let piece = &mut pieces[run];
            piece.1 += 1;
            if piece.1 == piece.0.len() {
                refill(shelf, piece, self.between[run].end)?;
            }
            heap.extend(piece.0.get(piece.1).map(|&word| Reverse((word, run))));
        }
        (flat.store)(place, &mut scratch[..filled])
    }
}

/// Reads a run's next words: a buffer, the place in it, and that of the next word on the shelf.
fn refill<W: Word>(
    shelf: &Shelf<'_>,
    (words, at, next): &mut (Vec<W>, usize, usize),
    end: usize,
) -> Result<()> {
    words.truncate(end - *next);
    shelf.read(*next, words)?;
    *next += words.len();
    *at = 0;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sorts words that look random, cut so; `spread` says how many different ones there are.
    fn check(count: usize, spread: u64, cut: &Cut, threads: usize) {
        let word = |i: usize| (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let words: Vec<u64> = (0..count).map(|i| word(i) % spread).collect();
        let sorted = Mutex::new(vec![u64::MAX; count]);
        let flat = Flat {
            count,
            low: 0,
            load: &|start, out: &mut [u64]| {
                out.copy_from_slice(&words[start..start + out.len()]);
                Ok(())
            },
            store: &|start, words: &mut [u64]| {
                let mut sorted = sorted.lock().unwrap();
                let place = &mut sorted[start..start + words.len()];
                assert!(place.iter().all(|&word| word == u64::MAX), "written twice");
                place.copy_from_slice(words);
                Ok(())
            },
        };
        let crew = Crew::new(threads, 1 << 30, None);
        sort_cut(&flat, cut, &crew, 1 << 20, 8).unwrap();
        let mut expected = words.clone();
        expected.sort_unstable();
        assert_eq!(sorted.into_inner().unwrap(), expected);
    }

    #[test]
    fn runs_and_parts_of_any_size_are_put_together() {
        for (run, buffer, sample, part) in [
            (100, 100, 10, 75),
            // So few samples that parts do not fit into a buffer: they are streamed.
            (100, 20, 50, 75),
            (64, 64, 64, 1),
            (1000, 7, 1, 3),
        ] {
            for spread in [1, 2, 50, u64::MAX] {
                for count in [101_usize, 1000, 1003] {
                    let cut = Cut {
                        run,
                        runs: count.div_ceil(run),
                        buffer: buffer.max(run),
                        sample,
                        part,
                    };
                    check(count, spread, &cut, 1 + count % 3);
                }
            }
        }
    }

    #[test]
    fn parts_fit_into_the_budget_that_they_are_cut_for() {
        for count in [1_000_000, 100_000_000, 1 << 33] {
            for memory in [1 << 20, 64 << 20, 1 << 30] {
                let cut = Cut::new::<u64>(count, 2, memory);
                assert!(cut.run <= cut.buffer && cut.part <= cut.buffer);
                assert!(cut.buffer * 8 * 2 * 2 <= memory, "{count} in {memory}");
                assert!(count / cut.sample * 8 <= memory / 8 + 8);
            }
        }
    }
}
