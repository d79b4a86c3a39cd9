//! How are words sorted in memory?
//!
//! Short rows by comparisons, longer ones digit by digit: as many sweeps as there are bytes in which
//! the words differ. Sorted pieces are merged two by two.
//!
//! Knows: words. Must not know: where they come from.

use super::order::Word;

/// Below this many words comparing is faster than counting digits.
const FEW: usize = 256;

/// Sorts words by their bits from `low` on; those that differ only below `low` stay in their order.
/// `scratch` is at least as long; what is left in it means nothing.
pub(super) fn sort<W: Word>(words: &mut [W], scratch: &mut [W], low: u32) {
    let scratch = &mut scratch[..words.len()];
    if words.len() < FEW {
        // Those that are equal from `low` on stay where they are, for `low` bits hold their place.
        return words.sort_unstable();
    }
    let first = words[0];
    let mut differing = first ^ words[words.len() - 1];
    let mut last = first;
    let mut ascending = true;
    for &word in words.iter() {
        differing = differing | (word ^ first);
        ascending &= last <= word;
        last = word;
    }
    if ascending {
        return;
    }
    let shifts: Vec<u32> = (low..W::BITS)
        .step_by(8)
        .filter(|&shift| (differing >> shift).low16() & 0xFF != 0)
        .collect();
    let mut counts = vec![[0_usize; 256]; shifts.len()];
    for &word in words.iter() {
        for (counts, &shift) in counts.iter_mut().zip(&shifts) {
            counts[digit(word, shift)] += 1;
        }
    }
    let (mut from, mut to) = (words, scratch);
    for (counts, &shift) in counts.iter_mut().zip(&shifts) {
        let mut place = 0;
        for count in counts.iter_mut() {
            place += std::mem::replace(count, place);
        }
        for &word in from.iter() {
            let place = &mut counts[digit(word, shift)];
            to[*place] = word;
            *place += 1;
        }
        std::mem::swap(&mut from, &mut to);
    }
    if shifts.len() % 2 == 1 {
        // `from` is the scratch now, and `to` the words.
        to.copy_from_slice(from);
    }
}

#[inline(always)]
fn digit<W: Word>(word: W, shift: u32) -> usize {
    usize::from((word >> shift).low16() & 0xFF)
}

/// Merges sorted pieces that follow each other in `words`, ending at `ends`; equal words stay in
/// their order. `scratch` is as long.
pub(super) fn merge<W: Word>(words: &mut [W], scratch: &mut [W], mut ends: Vec<usize>) {
    let (mut from, mut to) = (&mut *words, &mut scratch[..]);
    let mut swapped = false;
    while ends.len() > 1 {
        let mut merged = Vec::with_capacity(ends.len().div_ceil(2));
        let mut start = 0;
        for pair in ends.chunks(2) {
            match *pair {
                [middle, end] => {
                    merge_two(
                        &from[start..middle],
                        &from[middle..end],
                        &mut to[start..end],
                    );
                    start = end;
                }
                [end] => {
                    to[start..end].copy_from_slice(&from[start..end]);
                    start = end;
                }
                _ => {}
            }
            merged.push(start);
        }
        ends = merged;
        std::mem::swap(&mut from, &mut to);
        swapped = !swapped;
    }
    if swapped {
        to.copy_from_slice(from);
    }
}

fn merge_two<W: Word>(left: &[W], right: &[W], out: &mut [W]) {
    let (mut i, mut j, mut k) = (0, 0, 0);
    while i < left.len() && j < right.len() {
        let (a, b) = (left[i], right[j]);
        let second = b < a;
        out[k] = if second { b } else { a };
        i += usize::from(!second);
        j += usize::from(second);
        k += 1;
    }
    let rest = out.len() - k;
    let left = &left[i..];
    if left.len() == rest {
        out[k..].copy_from_slice(left);
    } else {
        out[k..].copy_from_slice(&right[j..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random: a xorshift.
    fn noise(count: usize, mask: u64) -> Vec<u64> {
        let mut state = 88_172_645_463_325_252_u64;
        (0..count)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state & mask
            })
            .collect()
    }

    fn check<W: Word + std::fmt::Debug>(count: usize, mask: u64) {
        let mut words: Vec<W> = noise(count, mask).into_iter().map(W::of).collect();
        let mut expected = words.clone();
        expected.sort();
        sort(&mut words, &mut vec![W::of(0); count + 3], 0);
        assert_eq!(
            words,
            expected,
            "{count} words of {} bits, mask {mask:x}",
            W::BITS
        );
    }

    #[test]
    fn sorting_by_digits_sorts_as_comparing_does() {
        for count in [0, 1, 2, 255, 256, 1000, 70_000] {
            for mask in [0, 1, 0xFF00, 0x00FF_0000_0000_0001, u64::MAX] {
                check::<u8>(count, mask);
                check::<u16>(count, mask);
                check::<u32>(count, mask);
                check::<u64>(count, mask);
                check::<u128>(count, mask);
            }
        }
    }

    #[test]
    fn low_bits_keep_the_order_in_which_they_come() {
        let key = |i: usize| (i * 7 % 5) as u64;
        let mut words: Vec<u64> = (0..1000).map(|i| key(i) << 32 | i as u64).collect();
        let mut expected = words.clone();
        expected.sort();
        sort(&mut words, &mut vec![0; 1000], 32);
        assert_eq!(words, expected);
    }

    #[test]
    fn merged_pieces_are_sorted() {
        for pieces in [1, 2, 3, 7, 16] {
            let mut words = noise(1000, 0xFF);
            let mut ends: Vec<usize> = (1..pieces).map(|i| i * 1000 / pieces).collect();
            ends.push(1000);
            let mut start = 0;
            for &end in &ends {
                words[start..end].sort();
                start = end;
            }
            let mut expected = words.clone();
            expected.sort();
            merge(&mut words, &mut vec![0; 1000], ends);
            assert_eq!(words, expected, "{pieces} pieces");
        }
    }
}
