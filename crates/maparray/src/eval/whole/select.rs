//! Which elements have so many others before them?
//!
//! Words are counted by their first sixteen bits, then those in the bins of the wanted ranks by the
//! next sixteen, until so few are left that they fit into the budget: those are fetched and selected
//! from. Any number of ranks takes two or three sweeps at the speed of reading.
//!
//! Knows: words, inputs. Must not know: what the ranks are for.

use std::sync::{Mutex, PoisonError};

use super::order::{Input, Word, room};
use crate::crew::Crew;
use crate::error::Result;

/// Elements of one task.
pub(super) const TASK: usize = 1 << 20;

/// Elements that are counted at once.
const STRIP: usize = 2048;

/// Bins of one count.
const BINS: usize = 1 << 16;

/// Words that share their first bits.
#[derive(Clone, Copy)]
struct Group<W> {
    prefix: W,
    /// Words before all of them.
    before: u64,
    count: u64,
}

/// Elements to select from.
pub(super) struct Selection<'f, 'w, W> {
    /// How elements become words.
    pub(super) convert: fn(&[u8], &mut [W]),
    /// The last word that is not a NaN's.
    pub(super) last: W,
    pub(super) input: &'f Input<'f>,
    pub(super) start: usize,
    pub(super) count: usize,
    pub(super) crew: &'f Crew<'w>,
    pub(super) memory: usize,
}

/// How often each word of at most sixteen bits occurs.
pub(super) fn tally<W: Word>(
    crew: &Crew<'_>,
    convert: fn(&[u8], &mut [W]),
    input: &Input<'_>,
    start: usize,
    count: usize,
) -> Result<Vec<u64>> {
    let selection = Selection {
        convert,
        last: W::MAX,
        input,
        start,
        count,
        crew,
        memory: 0,
    };
    Ok(selection.first()?.0)
}

impl<W: Word> Selection<'_, '_, W> {
    /// Sweeps over all words in strips; returns what the threads have made of them.
    fn sweep<S: Send>(
        &self,
        start: impl Fn() -> Result<S> + Sync,
        visit: impl Fn(&mut S, &[W]) + Sync,
    ) -> Result<Vec<S>> {
        let made = Mutex::new(vec![]);
        let (convert, input, from, count) = (self.convert, self.input, self.start, self.count);
        let item = input.source.layout().item_size() as u64;
        self.crew.run(
            count.div_ceil(TASK),
            || {
                let state = Kept {
                    state: Some(start()?),
                    home: &made,
                };
                Ok((state, room::<W>(STRIP)?))
            },
            |task, (kept, words), member| {
                let (first, end) = (task * TASK, ((task + 1) * TASK).min(count));
                for at in (first..end).step_by(STRIP) {
                    let words = &mut words[..STRIP.min(end - at)];
                    input.load(convert, from + at, words)?;
                    if let Some(state) = &mut kept.state {
                        visit(state, words);
                    }
                }
                input.passed(from + first, end - first);
                member.advance(item * (end - first) as u64)
            },
        )?;
        Ok(made.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts words by their first sixteen bits, or all of them if they have no more, and NaNs.
    fn first(&self) -> Result<(Vec<u64>, u64)> {
        let shift = W::BITS.saturating_sub(16);
        let last = self.last;
        let parts = self.sweep(
            || Ok((room::<u64>(2 * BINS)?, 0_u64)),
            |(bins, nans), words| {
                // Neighbours are often alike: two counts, so that one need not wait for the other.
                let (even, odd) = bins.split_at_mut(BINS);
                for pair in words.chunks(2) {
                    even[usize::from((pair[0] >> shift).low16())] += 1;
                    if let Some(&word) = pair.get(1) {
                        odd[usize::from((word >> shift).low16())] += 1;
                    }
                }
                *nans += words
                    .iter()
                    .map(|&word| u64::from(word > last))
                    .sum::<u64>();
            },
        )?;
        let mut bins = room::<u64>(BINS)?;
        let mut nans = 0;
        for (part, some) in parts {
            for (i, bin) in bins.iter_mut().enumerate() {
                *bin += part[i] + part[BINS + i];
            }
            nans += some;
        }
        Ok((bins, nans))
    }

    /// The words that have so many before them, for ranks that `ranks` says in ascending order once
    /// it knows how many elements are not NaN.
    pub(super) fn select(&self, ranks: impl FnOnce(u64) -> Vec<u64>) -> Result<Vec<W>> {
        let (bins, nans) = self.first()?;
        let ranks = ranks(self.count as u64 - nans);
        let mut shift = W::BITS.saturating_sub(16);
        let mut groups = vec![];
        narrow(&bins, W::zeroed(), 0, &ranks, &mut groups);
        let fits = self.memory.max(super::sort::LEAST_MEMORY) / 4 / size_of::<W>();
        while shift > 0 && groups.iter().map(|group| group.count).sum::<u64>() > fits as u64 {
            let next = shift.saturating_sub(16);
            let mut finer = vec![];
            // As many at once as have room for their bins.
            let many = self.memory / 2 / (BINS * size_of::<u64>()) / self.crew.threads();
            for some in groups.chunks(many.max(1)) {
                let bins = self.refine(some, shift, next)?;
                for (group, bins) in some.iter().zip(bins.chunks_exact(BINS)) {
                    let prefix = group.prefix << (shift - next);
                    narrow(bins, prefix, group.before, &ranks, &mut finer);
                }
            }
            (groups, shift) = (finer, next);
        }
        if groups.is_empty() {
            // No ranks; or the file has changed meanwhile, and what is not there cannot be found.
            return Ok(vec![W::zeroed(); ranks.len()]);
        }
        if shift == 0 {
            let group = |rank: &u64| {
                let place = groups.partition_point(|group| group.before <= *rank);
                groups[place.saturating_sub(1)].prefix
            };
            return Ok(ranks.iter().map(group).collect());
        }
        self.fetch(&groups, shift, &ranks)
    }

    /// Counts the words of each group by their next bits.
    fn refine(&self, groups: &[Group<W>], shift: u32, next: u32) -> Result<Vec<u64>> {
        let parts = self.sweep(
            || room::<u64>(groups.len() * BINS),
            |bins, words| {
                for &word in words {
                    if let Some(group) = find(groups, word >> shift) {
                        bins[group * BINS + usize::from((word >> next).low16())] += 1;
                    }
                }
            },
        )?;
        let mut bins = room::<u64>(groups.len() * BINS)?;
        for part in parts {
            bins.iter_mut()
                .zip(part)
                .for_each(|(bin, more)| *bin += more);
        }
        Ok(bins)
    }

    /// Fetches the words of all groups and selects from them.
    fn fetch(&self, groups: &[Group<W>], shift: u32, ranks: &[u64]) -> Result<Vec<W>> {
        let parts = self.sweep(
            || Ok(vec![]),
            |found: &mut Vec<W>, words| match groups {
                [only] => found.extend(words.iter().filter(|&&word| word >> shift == only.prefix)),
                _ => {
                    let among = |word: &&W| find(groups, **word >> shift).is_some();
                    found.extend(words.iter().filter(among));
                }
            },
        )?;
        let mut found = parts.concat();
        // Here too the file may have changed.
        let most = found.len().saturating_sub(1);
        let mut places = vec![];
        let mut here = 0;
        let mut group = 0;
        for &rank in ranks {
            while group + 1 < groups.len() && groups[group + 1].before <= rank {
                here += groups[group].count;
                group += 1;
            }
            places.push(((rank.saturating_sub(groups[group].before) + here) as usize).min(most));
        }
        if found.is_empty() {
            return Ok(vec![W::zeroed(); ranks.len()]);
        }
        select_among(&mut found, &places);
        Ok(places.iter().map(|&place| found[place]).collect())
    }
}

/// Puts the words that belong at ascending places there.
pub(super) fn select_among<W: Word>(words: &mut [W], places: &[usize]) {
    let Some(&middle) = places.get(places.len() / 2) else {
        return;
    };
    if words.len() < 2 {
        return;
    }
    if places.len() > 16 {
        return words.sort_unstable();
    }
    words.select_nth_unstable(middle);
    let before = places.partition_point(|&place| place < middle);
    let after = places.partition_point(|&place| place <= middle);
    let (left, right) = words.split_at_mut(middle);
    select_among(left, &places[..before]);
    let rest: Vec<usize> = places[after..]
        .iter()
        .map(|place| place - middle - 1)
        .collect();
    select_among(&mut right[1..], &rest);
}

/// Which of the groups, in ascending order, has this prefix.
#[inline(always)]
fn find<W: Word>(groups: &[Group<W>], prefix: W) -> Option<usize> {
    let place = groups.partition_point(|group| group.prefix < prefix);
    groups.get(place).filter(|group| group.prefix == prefix)?;
    Some(place)
}

/// Adds the bins in which any of the ranks lies.
fn narrow<W: Word>(
    bins: &[u64],
    prefix: W,
    mut before: u64,
    ranks: &[u64],
    groups: &mut Vec<Group<W>>,
) {
    for (bin, &count) in bins.iter().enumerate().filter(|(_, count)| **count > 0) {
        let next = ranks.partition_point(|&rank| rank < before);
        if ranks.get(next).is_some_and(|&rank| rank < before + count) {
            groups.push(Group {
                prefix: prefix | W::of(bin as u64),
                before,
                count,
            });
        }
        before += count;
    }
}

/// What a thread has made, which finds its way home when the thread ends.
struct Kept<'h, S> {
    state: Option<S>,
    home: &'h Mutex<Vec<S>>,
}

impl<S> Drop for Kept<'_, S> {
    fn drop(&mut self) {
        let mut home = self.home.lock().unwrap_or_else(PoisonError::into_inner);
        home.extend(self.state.take());
    }
}
