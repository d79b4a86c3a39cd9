//! Which rows are wanted?
//!
//! A list of their indices, or a truth for each: then indices are made of a few truths at a time, for
//! a list of all would take eight times the memory of small rows.
//!
//! Knows: indices. Must not know: where rows lie.

use std::ops::Range;

/// Truths that become indices at once.
const BLOCK: usize = 4096;

/// The wanted rows, in the order of the result.
#[derive(Clone)]
pub(super) enum Picks<'a> {
    List(&'a [i64]),
    Mask {
        keep: &'a [bool],
        /// True ones before each block, and in all.
        before: Vec<usize>,
    },
}

impl<'a> Picks<'a> {
    pub(super) fn mask(keep: &'a [bool]) -> Picks<'a> {
        let mut before = vec![0];
        let mut all = 0;
        before.extend(keep.chunks(BLOCK).map(|block| {
            all += block.iter().filter(|keep| **keep).count();
            all
        }));
        Picks::Mask { keep, before }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Picks::List(indices) => indices.len(),
            Picks::Mask { before, .. } => before.last().copied().unwrap_or(0),
        }
    }

    /// The only one, if there is one only.
    pub(super) fn only(&self) -> Option<i64> {
        if self.len() != 1 {
            return None;
        }
        match self {
            Picks::List(indices) => indices.first().copied(),
            Picks::Mask { keep, .. } => keep.iter().position(|keep| *keep).map(|at| at as i64),
        }
    }

    /// The first that `is_wrong`.
    pub(super) fn find(&self, is_wrong: impl Fn(i64) -> bool) -> Option<i64> {
        match self {
            Picks::List(indices) => indices.iter().copied().find(|&index| is_wrong(index)),
            Picks::Mask { keep, .. } => {
                let kept = keep.iter().enumerate().filter(|(_, keep)| **keep);
                kept.map(|(at, _)| at as i64).find(|&index| is_wrong(index))
            }
        }
    }

    /// Calls `visit` with the indices of a range, a few at a time.
    pub(super) fn each<E>(
        &self,
        range: Range<usize>,
        mut visit: impl FnMut(&[i64]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (keep, before) = match self {
            Picks::List(indices) => return visit(&indices[range]),
            Picks::Mask { keep, before } => (keep, before),
        };
        if range.is_empty() {
            return Ok(());
        }
        let mut indices = Vec::with_capacity(BLOCK.min(range.len()));
        // The last block before which there are not more than those to be left out.
        let first = before.partition_point(|&count| count <= range.start) - 1;
        let mut skip = range.start - before[first];
        let mut left = range.len();
        for (block, truths) in keep.chunks(BLOCK).enumerate().skip(first) {
            let kept = truths.iter().enumerate().filter(|(_, keep)| **keep);
            let kept = kept.map(|(at, _)| (block * BLOCK + at) as i64);
            indices.clear();
            indices.extend(kept.skip(skip).take(left));
            left -= indices.len();
            skip = 0;
            if !indices.is_empty() {
                visit(&indices)?;
            }
            if left == 0 {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_range_of_a_mask_gives_the_indices_that_a_list_would() {
        let keep: Vec<bool> = (0..3 * BLOCK + 7)
            .map(|i| i % 3 == 0 && i / BLOCK != 1)
            .collect();
        let list: Vec<i64> = (0..keep.len() as i64)
            .filter(|&i| keep[i as usize])
            .collect();
        let (mask, list) = (Picks::mask(&keep), Picks::List(&list));
        assert_eq!(mask.len(), list.len());
        for start in (0..list.len()).step_by(97) {
            for end in [start, start + 1, list.len()] {
                let all = |picks: &Picks<'_>| {
                    let mut all = vec![];
                    let _ = picks.each(start..end, |some| {
                        all.extend_from_slice(some);
                        Ok::<(), ()>(())
                    });
                    all
                };
                assert_eq!(all(&mask), all(&list));
            }
        }
    }
}
