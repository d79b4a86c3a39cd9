//! How are the rows of an array reached along any of its axes?
//!
//! A row is the elements along the reduced axes at one position of the kept ones; positions are
//! counted in C order. Rows whose elements lie far apart are read and written together with their
//! neighbours, as tiles that are turned over in memory, so that each line of memory is touched once.
//!
//! Knows: words, sources, places in the result. Must not know: what is done to a row.

use std::cmp::Reverse;
use std::ops::Range;

use bytemuck::cast_slice_mut;

use super::Call;
use super::order::{Input, PIECE, Word, by_pieces, room};
use super::reader::together;
use crate::array::Source;
use crate::crew::Member;
use crate::error::Result;
use crate::layout::{Layout, Order, Walk};

/// Rows that are turned over together: a cache line of small words.
const BAND: usize = 16;

/// Bytes of a result that are worth being written back as soon as they are stored.
const FAR: usize = 1 << 20;

/// The rows of an array along some axes.
pub(super) struct Rows<'s> {
    source: &'s Source,
    /// Rows one after the other.
    pub(super) input: Input<'s>,
    /// How many rows there are.
    pub(super) count: usize,
    /// Elements of each.
    pub(super) len: usize,
    /// Neighbouring rows whose elements lie side by side: positions along the innermost kept axis.
    inner: usize,
    /// The same elements with those rows turned over, if that is how they lie in memory.
    turned: Option<Walk>,
    /// Rows whose elements lie side by side in a result in C order that has the same axes: 1 if rows
    /// follow each other there.
    beside: usize,
}

/// In which order the elements of a row come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// C order.
    C,
    /// That in which they are read fastest.
    Any,
}

/// One thread's room for rows.
pub(super) struct Band<W> {
    pub(super) words: Vec<W>,
    pub(super) scratch: Vec<W>,
}

impl<'s> Rows<'s> {
    /// The rows along `axes`, which are sorted; the elements of each in C order, or in whatever order
    /// they lie.
    pub(super) fn new(
        source: &'s Source,
        axes: &[usize],
        order: Within,
        release: bool,
    ) -> Rows<'s> {
        let layout = source.layout();
        let shape = layout.shape();
        let (mut reduced, kept): (Vec<usize>, Vec<usize>) =
            (0..shape.len()).partition(|axis| axes.contains(axis));
        let last = reduced.last().copied().unwrap_or(0);
        if order == Within::Any {
            reduced.sort_by_key(|&axis| Reverse(layout.strides()[axis].unsigned_abs()));
        }
        let count = |axes: &[usize]| axes.iter().map(|&axis| shape[axis]).product::<usize>();
        let rows_first = [&kept[..], &reduced[..]].concat();
        let input = Input {
            source,
            walk: Walk::new(&layout.permuted(&rows_first)),
            release,
        };
        let (mut inner, mut turned) = (1, None);
        if let Some(end) = kept.iter().rposition(|&axis| shape[axis] > 1) {
            let axis = kept[end];
            // Axes that continue each other, all on one side of the reduced ones.
            let mut start = end;
            while start > 0 && continues(layout, kept[start - 1], kept[start]) {
                if (kept[start - 1] > last) != (axis > last) {
                    break;
                }
                start -= 1;
            }
            inner = count(&kept[start..]);
            if closer(layout, axis, &reduced) {
                let order = [&kept[..start], &reduced, &kept[start..]].concat();
                turned = Some(Walk::new(&layout.permuted(&order)));
            }
        }
        let beside = shape[last.min(shape.len())..].iter().skip(1).product();
        Rows {
            source,
            input,
            count: count(&kept),
            len: count(&reduced),
            inner,
            turned,
            beside,
        }
    }

    /// How many rows a thread takes at once, given the bytes of its share of memory; 0 if not even
    /// one row fits.
    pub(super) fn width<W: Word>(&self, share: usize, threads: usize) -> usize {
        let fits = share / (2 * size_of::<W>() * self.len.max(1));
        let item = self.source.layout().item_size();
        let wanted = if self.turned.is_some() || self.beside > 1 {
            4096 / item
        } else {
            (1 << 16) / self.len.max(1)
        };
        // Enough tasks for everyone, but tiles no narrower than a cache line.
        let fair = self.count.div_ceil(threads * 4).max(64 / item);
        fits.min(wanted.max(64 / item)).min(fair)
    }

    /// Ranges of rows to be taken at once; those that lie side by side stay together.
    pub(super) fn tasks(&self, width: usize) -> usize {
        let (groups, each) = self.groups();
        groups * each.div_ceil(width.max(1))
    }

    /// Groups of rows that tasks do not cross, and rows of each.
    fn groups(&self) -> (usize, usize) {
        if self.turned.is_some() || self.beside > 1 {
            (self.count / self.inner.max(1), self.inner)
        } else {
            (1, self.count)
        }
    }

    /// The rows of a task.
    pub(super) fn task(&self, task: usize, width: usize) -> Range<usize> {
        let (_, each) = self.groups();
        let per_group = each.div_ceil(width.max(1)).max(1);
        let first = task / per_group * each;
        let start = task % per_group * width;
        first + start..first + (start + width).min(each)
    }

    pub(super) fn band<W: Word>(&self, width: usize) -> Result<Band<W>> {
        // A band to turn over holds short rows too.
        let count = (width * self.len).max(width * BAND);
        Ok(Band {
            words: room(count)?,
            scratch: room(count)?,
        })
    }

    /// Where an element of a row stands in a result in C order that has the same axes, with rows of
    /// `len` elements.
    fn place_of(&self, row: usize, len: usize, place: usize) -> usize {
        (row / self.beside * len + place) * self.beside + row % self.beside
    }

    /// Fills `words` with a part of one row, from element `first` on.
    pub(super) fn load_part<W: Word>(
        &self,
        convert: impl Fn(&[u8], &mut [W]),
        row: usize,
        first: usize,
        words: &mut [W],
    ) -> Result<()> {
        let start = row * self.len + first;
        self.input.load(convert, start, words)?;
        self.input.passed(start, words.len());
        Ok(())
    }

    /// Stores words of one row of `len`, from element `first` on.
    pub(super) fn place_part<W: Word>(
        &self,
        call: &Call<'_>,
        convert: impl Fn(&mut [W], &mut [u8]),
        (row, len, first): (usize, usize, usize),
        words: &mut [W],
    ) -> Result<()> {
        if self.beside == 1 {
            return call.put(convert, self.place_of(row, len, first), words);
        }
        for (i, word) in words.iter_mut().enumerate() {
            let place = self.place_of(row, len, first + i);
            call.put(&convert, place, std::slice::from_mut(word))?;
        }
        Ok(())
    }

    /// Fills a band's words with rows, one after the other.
    pub(super) fn load<W: Word>(
        &self,
        convert: impl Fn(&[u8], &mut [W]),
        rows: Range<usize>,
        band: &mut Band<W>,
        member: &mut Member<'_, '_>,
    ) -> Result<()> {
        let (width, len) = (rows.len(), self.len);
        let words = &mut band.words[..width * len];
        let item = self.source.layout().item_size();
        let Some(turned) = &self.turned else {
            self.input.load(&convert, rows.start * len, words)?;
            self.input.passed(rows.start * len, width * len);
            return member.advance((width * len * item) as u64);
        };
        let (group, column) = (rows.start / self.inner, rows.start % self.inner);
        let (together, mut behind) = (together(self.inner * item).max(BAND), 0);
        for first in (0..len).step_by(BAND) {
            let height = BAND.min(len - first);
            for (i, line) in band.scratch.chunks_mut(width).take(height).enumerate() {
                let start = (group * len + first + i) * self.inner + column;
                by_pieces(line, item, |at, part, bytes| {
                    self.source.load(turned, start + at, bytes)?;
                    convert(bytes, part);
                    Ok(())
                })?;
            }
            for (c, row) in words.chunks_exact_mut(len).enumerate() {
                for (i, word) in row[first..first + height].iter_mut().enumerate() {
                    *word = band.scratch[i * width + c];
                }
            }
            let done = first + height;
            if done - behind >= together || done == len {
                // All columns between: pages hold neighbours of what was read.
                let start = |row: usize| (group * len + row) * self.inner;
                if self.input.release {
                    self.source.release(turned, start(behind)..start(done));
                }
                behind = done;
            }
            member.advance((height * width * item) as u64)?;
        }
        Ok(())
    }

    /// Stores the first `len` words of each row of a band, as rows of a result that has the same axes
    /// but for their length.
    pub(super) fn place<W: Word>(
        &self,
        call: &Call<'_>,
        convert: impl Fn(&mut [W], &mut [u8]),
        rows: Range<usize>,
        len: usize,
        band: &mut Band<W>,
    ) -> Result<()> {
        let width = rows.len();
        let Band { words, scratch } = band;
        let words = &mut words[..width * self.len];
        if self.beside == 1 {
            if len == self.len {
                return call.put(convert, rows.start * len, words);
            }
            for (row, words) in rows.zip(words.chunks_exact_mut(self.len)) {
                call.put(&convert, row * len, &mut words[..len])?;
            }
            return Ok(());
        }
        for first in (0..len).step_by(BAND) {
            let height = BAND.min(len - first);
            for (c, row) in words.chunks_exact(self.len).enumerate() {
                for (i, &word) in row[first..first + height].iter().enumerate() {
                    scratch[i * width + c] = word;
                }
            }
            for (i, line) in scratch.chunks_mut(width).take(height).enumerate() {
                call.put(&convert, self.place_of(rows.start, len, first + i), line)?;
            }
        }
        Ok(())
    }
}

impl Call<'_> {
    /// Stores words as elements, no larger than they, from position `start` of the result on. The
    /// words are lost: the elements take their place first, so that they are stored all at once.
    pub(super) fn put<W: Word>(
        &self,
        convert: impl Fn(&mut [W], &mut [u8]),
        start: usize,
        words: &mut [W],
    ) -> Result<()> {
        let (count, item) = (words.len(), self.scalar.size());
        let mut piece = [0_u128; PIECE / 16];
        let piece: &mut [u8] = cast_slice_mut(&mut piece);
        let each = PIECE / item;
        for first in (0..count).step_by(each) {
            let end = count.min(first + each);
            let bytes = &mut piece[..(end - first) * item];
            convert(&mut words[first..end], bytes);
            cast_slice_mut::<W, u8>(words)[first * item..end * item].copy_from_slice(bytes);
        }
        self.place(start, &mut cast_slice_mut::<W, u8>(words)[..count * item])?;
        if count * item >= FAR && self.output.layout().is_contiguous(Order::C) {
            self.behind(start..start + count)?;
        }
        Ok(())
    }
}

/// Whether the elements along `outer` continue those along `inner`.
fn continues(layout: &Layout, outer: usize, inner: usize) -> bool {
    let step = layout.strides()[inner].checked_mul(layout.shape()[inner] as isize);
    step == Some(layout.strides()[outer])
}

/// Whether neighbours along `axis` lie closer together than those along any of `others`.
fn closer(layout: &Layout, axis: usize, others: &[usize]) -> bool {
    let step = |axis: usize| layout.strides()[axis].unsigned_abs();
    let long = |axis: &&usize| layout.shape()[**axis] > 1;
    let nearest = others.iter().filter(long).map(|&axis| step(axis)).min();
    nearest.is_some_and(|nearest| step(axis) < nearest)
}
