//! How are rows taken from here and there?
//!
//! Threads claim pieces of the result, in the order in which it lies, and fill each with rows of the
//! source. If these are not in memory, the pages that they lie on are asked for first, sorted and
//! joined, so that the disk always has many requests to work on.
//!
//! Knows: errors, dtypes, layouts, maps. Must not know: formats, operations.

mod picks;
mod scaled;

use std::ops::Range;
use std::path::Path;

use picks::Picks;

use super::share::share_out;
use super::{COPY_BYTES, Create, MemMapArray, NewArray};
use crate::dtype::DType;
use crate::error::{Error, Problem, Result};
use crate::layout::{self, Layout, Order, Select, Walk, shape_text};
use crate::map::{Advice, Flush, Region, Rows, resolve};

/// Rows whose pages are asked for at once, at most.
const ASK_ROWS: usize = 1 << 17;
/// Bytes of the result whose pages are asked for at once, at most.
const ASK_BYTES: usize = 128 << 20;
/// Rows that are looked at to tell whether an array is in memory.
const SAMPLES: usize = 64;
/// Pages that nobody asked for and that are read all the same, if the pages on both sides are wanted.
const GAP: usize = 32 << 10;

/// Which rows to take, and in which shape: positions along an axis, from the back if negative.
///
/// ```
/// use maparray::{Indices, MemMapArray};
/// let array = MemMapArray::from_slice(&[10_i32, 20, 30]);
/// let square = array.take(Indices::shaped(&[2, 0, -1, 1], &[2, 2])?, 0)?;
/// assert_eq!(square.shape(), [2, 2]);
/// # Ok::<(), maparray::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Indices<'a> {
    values: &'a [i64],
    /// `None` for one axis.
    shape: Option<&'a [usize]>,
}

impl<'a> Indices<'a> {
    /// Indices in C order of a shape, which will stand in the place of the axis.
    ///
    /// # Errors
    /// `Mismatch` if it is a shape of another number of indices.
    pub fn shaped(values: &'a [i64], shape: &'a [usize]) -> Result<Indices<'a>> {
        let (count, _) = layout::extent(shape, 1)?;
        if count != values.len() {
            return Err(Error::new(Problem::WrongShape {
                found: shape_text(shape),
                expected: format!("a shape of {} elements", values.len()),
            }));
        }
        Ok(Indices {
            values,
            shape: Some(shape),
        })
    }
}

impl<'a> From<&'a [i64]> for Indices<'a> {
    fn from(values: &'a [i64]) -> Indices<'a> {
        Indices {
            values,
            shape: None,
        }
    }
}

impl<'a, const N: usize> From<&'a [i64; N]> for Indices<'a> {
    fn from(values: &'a [i64; N]) -> Indices<'a> {
        values.as_slice().into()
    }
}

impl<'a> From<&'a Vec<i64>> for Indices<'a> {
    fn from(values: &'a Vec<i64>) -> Indices<'a> {
        values.as_slice().into()
    }
}

/// The rows of one `take`, seen as a table: outer positions by indices, each entry a row of inner
/// elements.
struct Take<'a> {
    region: &'a Region,
    indices: Picks<'a>,
    item: usize,
    /// The axis itself, from outer position 0; the size is that of a whole row.
    rows: Rows,
    /// The first row of each outer position.
    outer: Walk,
    /// The elements of the first row.
    inner: Walk,
    outer_len: usize,
    inner_len: usize,
    /// The bytes of the first row, first to last.
    reach: Range<usize>,
    /// Whether there is nothing else between them.
    gapless: bool,
}

impl MemMapArray {
    /// Copies of the rows at `indices` along an axis, in that order and in the byte order of the
    /// machine.
    ///
    /// # Errors
    /// `OutOfBounds` for an axis or index that is not there, `Io` if there is no room.
    ///
    /// ```
    /// let array = maparray::MemMapArray::from_slice(&[10_i32, 20, 30]);
    /// assert_eq!(array.take(&[2, 0, -1], 0)?.to_vec::<i32>()?, [30, 10, 30]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn take<'a>(&self, indices: impl Into<Indices<'a>>, axis: i64) -> Result<MemMapArray> {
        let indices = indices.into();
        self.copied(self.taking(Picks::List(indices.values), indices.shape, axis)?)
    }

    fn copied(&self, (take, shape): (Take<'_>, Vec<usize>)) -> Result<MemMapArray> {
        let mut taken = MemMapArray::zeros(&self.dtype.to_native(), &shape, Order::C)?;
        let bytes = taken.own_bytes()?;
        for part in take.parts() {
            let out = &mut bytes[part.start * take.item..part.end * take.item];
            let pieces = out.chunks_mut(take.piece() * take.item).enumerate();
            share_out(pieces, part.len() * take.item, |(n, out), _| {
                take.fill(part.start + n * take.piece(), out)?;
                self.dtype.swap_to_native(out);
                Ok(())
            })
            .map_err(|error| self.name(error))?;
        }
        Ok(taken.in_unit_of(self))
    }

    /// Copies the rows at `indices` along an axis to an array that is there, and may share bytes with
    /// this one.
    ///
    /// # Errors
    /// As [`MemMapArray::take`]; `Mismatch` if the shape or the dtype does not fit, `Unit` if the
    /// two are not in the same unit, which an array without one is not; `ReadOnly` and `InUse` if the array cannot be written.
    ///
    /// ```
    /// use maparray::{DType, MemMapArray, Order};
    /// let array = MemMapArray::from_slice(&[10_i32, 20, 30]);
    /// let mut out = MemMapArray::zeros(&DType::of::<i32>(), &[2], Order::C)?;
    /// array.take_into(&[2, 0], 0, &mut out)?;
    /// assert_eq!(out.to_vec::<i32>()?, [30, 10]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn take_into<'a>(
        &self,
        indices: impl Into<Indices<'a>>,
        axis: i64,
        out: &mut MemMapArray,
    ) -> Result<()> {
        let indices = indices.into();
        self.copied_into(Picks::List(indices.values), indices.shape, axis, out)
    }

    /// Checks that rows of this shape and dtype can go here.
    fn check_takes(&self, shape: &[usize], dtype: &DType) -> Result<()> {
        if self.shape() != shape {
            return Err(self.name(Error::new(Problem::WrongShape {
                found: shape_text(self.shape()),
                expected: shape_text(shape),
            })));
        }
        if self.dtype.to_native() != dtype.to_native() {
            return Err(self.name(Error::new(Problem::WrongDType {
                found: self.dtype.to_string(),
                expected: dtype.to_string(),
            })));
        }
        Ok(())
    }

    fn copied_into(
        &self,
        picks: Picks<'_>,
        places: Option<&[usize]>,
        axis: i64,
        out: &mut MemMapArray,
    ) -> Result<()> {
        let (take, shape) = self.taking(picks.clone(), places, axis)?;
        out.check_takes(&shape, &self.dtype)?;
        out.check_unit_of(self)?;
        if self.source().meets(&out.source()) {
            let copy = self.to_memory()?;
            return copy.copied_into(picks, places, axis, out);
        }
        let swap = out.dtype != self.dtype;
        let walk = Walk::new(&out.layout);
        let from = self.dtype.clone();
        let to = out.dtype.clone();
        // Rows go straight to their places; those longer than a piece are cut, below.
        let direct = take.gapless && !swap && take.rows.size <= COPY_BYTES;
        let (_, writer) = out.split()?;
        if let Some(at) = writer.gapless_from().filter(|_| direct) {
            let store = |start: usize, place: usize, indices: &[i64]| {
                let rows = Rows {
                    at: place,
                    ..take.rows
                };
                writer.gather_rows(at + start * take.item, take.region, rows, indices)
            };
            return take.each_rows(store).map_err(|error| self.name(error));
        }
        take.each_piece(|start, bytes| {
            if swap {
                from.swap_to_native(bytes);
                to.swap_to_native(bytes);
            }
            writer.store_raw(&walk, start, bytes)
        })
        .map_err(|error| self.name(error))
    }

    /// Writes the rows at `indices` along an axis to a new `.npy` file, in the byte order of this
    /// array; the file takes the place of an old one when it is whole. Gives the array that it holds,
    /// to be read.
    ///
    /// # Errors
    /// As [`MemMapArray::take`]; `Io` if the file cannot be written.
    ///
    /// ```
    /// use maparray::MemMapArray;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("some.npy");
    /// MemMapArray::from_slice(&[10_i32, 20, 30]).take_to(&[2, 0], 0, &path)?;
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<i32>()?, [30, 10]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_to<'a>(
        &self,
        indices: impl Into<Indices<'a>>,
        axis: i64,
        path: impl AsRef<Path>,
    ) -> Result<MemMapArray> {
        let indices = indices.into();
        let taking = self.taking(Picks::List(indices.values), indices.shape, axis)?;
        self.copied_to(taking, path.as_ref())?
            .finish_open(Flush::Start)
    }

    fn copied_to(&self, (take, shape): (Take<'_>, Vec<usize>), path: &Path) -> Result<NewArray> {
        let options = Create::default();
        let new = NewArray::create(path, &self.dtype, &shape, &options, self.unit())?;
        let as_is = new.keeps(&self.dtype);
        take.each_piece(|start, bytes| {
            if as_is {
                return new.write(start, bytes);
            }
            self.dtype.swap_to_native(bytes);
            new.store(start, bytes)
        })
        .map_err(|error| self.name(error))?;
        Ok(new)
    }

    /// The rows where `keep` is true, along an axis: `take` of their positions. Positions behind the
    /// end of `keep` are left out.
    ///
    /// # Errors
    /// As [`MemMapArray::take`]; `OutOfBounds` if `keep` is true behind the end of the axis.
    ///
    /// ```
    /// let array = maparray::MemMapArray::from_slice(&[10_i32, 20, 30]);
    /// assert_eq!(array.compress(&[true, false, true], 0)?.to_vec::<i32>()?, [10, 30]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn compress(&self, keep: &[bool], axis: i64) -> Result<MemMapArray> {
        self.copied(self.taking(Picks::mask(keep), None, axis)?)
    }

    /// Copies the rows where `keep` is true to an array that is there: `take_into` of their positions.
    ///
    /// # Errors
    /// As [`MemMapArray::compress`] and [`MemMapArray::take_into`].
    pub fn compress_into(&self, keep: &[bool], axis: i64, out: &mut MemMapArray) -> Result<()> {
        self.copied_into(Picks::mask(keep), None, axis, out)
    }

    /// Writes the rows where `keep` is true to a new `.npy` file: `take_to` of their positions.
    ///
    /// # Errors
    /// As [`MemMapArray::compress`] and [`MemMapArray::take_to`].
    pub fn compress_to(
        &self,
        keep: &[bool],
        axis: i64,
        path: impl AsRef<Path>,
    ) -> Result<MemMapArray> {
        let taking = self.taking(Picks::mask(keep), None, axis)?;
        self.copied_to(taking, path.as_ref())?
            .finish_open(Flush::Start)
    }

    /// What to take, and the shape of the result.
    fn taking<'a>(
        &'a self,
        picks: Picks<'a>,
        places: Option<&[usize]>,
        axis: i64,
    ) -> Result<(Take<'a>, Vec<usize>)> {
        let axis = layout::resolve_axis(axis, self.ndim())?;
        let mut shape = self.shape().to_vec();
        let count = [picks.len()];
        shape.splice(axis..=axis, places.unwrap_or(&count).iter().copied());
        let len = self.shape()[axis];
        // As in NumPy: where there is nothing to take from, no index is wrong.
        let empty = shape[..axis].contains(&0);
        let missing = |index| !empty && resolve(index, len).is_none();
        if let Some(index) = picks.find(missing) {
            return Err(self.name(Error::new(Problem::Index {
                index,
                axis,
                len: len as u64,
            })));
        }
        Ok((self.table(picks, axis)?, shape))
    }

    fn table<'a>(&'a self, indices: Picks<'a>, axis: usize) -> Result<Take<'a>> {
        let (layout, indices, axis) = match indices.only() {
            // The elements of one row are evenly spaced, whatever the axis: a table of one long row.
            Some(index) if !self.layout.is_empty() => {
                let mut picks = vec![Select::ALL; axis + 1];
                picks[axis] = Select::Range {
                    start: Some(index),
                    stop: Some(index + 1).filter(|&stop| stop != 0),
                    step: 1,
                };
                let mut axes: Vec<usize> = (0..self.ndim()).collect();
                axes.remove(axis);
                axes.insert(0, axis);
                let layout = self.layout.select(&picks)?.permuted(&axes);
                (layout, Picks::List(&[0]), 0)
            }
            _ => (self.layout.clone(), indices, axis),
        };
        let (shape, strides, item) = (layout.shape(), layout.strides(), layout.item_size());
        let outer_len: usize = shape[..axis].iter().product();
        let inner_len: usize = shape[axis + 1..].iter().product();
        // Of an empty array nothing is taken, and its first row may lie anywhere.
        let first = |axes: Range<usize>| -> Result<Layout> {
            if layout.is_empty() {
                return Layout::contiguous(&[], item, Order::C, 0);
            }
            let pick = |at| {
                if axes.contains(&at) {
                    Select::ALL
                } else {
                    Select::At(0)
                }
            };
            let picks: Vec<Select> = (0..shape.len()).map(pick).collect();
            layout.select(&picks)
        };
        let row = first(axis + 1..shape.len())?;
        let (inner, reach) = (Walk::new(&row), row.byte_range());
        let gapless = inner_len == 1 || inner.run_at(0, inner_len, item).is_some();
        Ok(Take {
            region: &self.region,
            indices,
            item,
            rows: Rows {
                at: layout.offset(),
                stride: strides[axis],
                count: shape[axis],
                size: inner_len * item,
            },
            outer: Walk::new(&first(0..axis)?),
            inner,
            outer_len,
            inner_len,
            reach,
            gapless,
        })
    }
}

impl Take<'_> {
    /// Elements of the result.
    fn len(&self) -> usize {
        self.outer_len * self.indices.len() * self.inner_len
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Elements of the result that a thread claims at once.
    fn piece(&self) -> usize {
        let elements = (COPY_BYTES / self.item.max(1)).max(1);
        // Whole rows, unless they are long.
        match elements / self.inner_len.max(1) {
            0 => elements,
            rows => rows * self.inner_len.max(1),
        }
    }

    /// Gives `consume` every piece of the result, with the position of its first element.
    fn each_piece(&self, consume: impl Fn(usize, &mut [u8]) -> Result<()> + Sync) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        for part in self.parts() {
            let starts = part.clone().step_by(self.piece());
            share_out(starts, part.len() * self.item, |start, scratch| {
                scratch.resize(self.piece() * self.item, 0);
                let count = self.piece().min(part.end - start);
                let bytes = &mut scratch[..count * self.item];
                self.fill(start, bytes)?;
                consume(start, bytes)
            })?;
        }
        Ok(())
    }

    /// Gives `store` every run of whole rows: the position of its first element in the result, the
    /// place of the axis, and indices into it.
    fn each_rows(&self, store: impl Fn(usize, usize, &[i64]) -> Result<()> + Sync) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        // Rows are whole, however long.
        let (inner, rows) = (self.inner_len, (self.piece() / self.inner_len).max(1));
        for part in self.parts() {
            let (first, last) = (part.start / inner, part.end / inner);
            let starts = (first..last).step_by(rows);
            share_out(starts, part.len() * self.item, |start, _| {
                let mut row = start;
                self.each_run(start..last.min(start + rows), |place, indices| {
                    store(row * inner, place, indices)?;
                    row += indices.len();
                    Ok(())
                })
            })?;
        }
        Ok(())
    }

    /// The result in parts, each of them asked for when it comes up, if it is not in memory.
    fn parts(&self) -> impl Iterator<Item = Range<usize>> {
        let (len, inner) = (self.len(), self.inner_len.max(1));
        let rows = match self.is_cold() {
            true => ASK_ROWS.min(ASK_BYTES / self.rows.size.max(1)).max(1),
            false => len,
        };
        let part = rows.saturating_mul(inner);
        (0..len).step_by(part.max(1)).map(move |start| {
            let end = start.saturating_add(part).min(len);
            if part < len || rows < len {
                self.ask(start / inner..end.div_ceil(inner));
            }
            start..end
        })
    }

    /// Whether the pages of some rows are not in memory.
    fn is_cold(&self) -> bool {
        let all = self.outer_len * self.indices.len();
        if self.region.mode().is_none()
            || self.is_empty()
            || all < SAMPLES
            || self.reach.len() > COPY_BYTES
        {
            return false;
        }
        let missing = |place: &usize| self.region.resident(*place..place + 1).unwrap_or(1) == 0;
        let samples = (0..all).step_by(all / SAMPLES);
        samples
            .filter_map(|row| self.places(row..row + 1).next())
            .any(|place| missing(&place))
    }

    /// The first byte of each of these rows of the result.
    fn places(&self, rows: Range<usize>) -> impl Iterator<Item = usize> {
        let mut places = Vec::with_capacity(rows.len());
        let _ = self.each_run(rows, |origin, indices| {
            places.extend(indices.iter().filter_map(|&index| {
                let row = self.rows.resolve(index)? as isize * self.rows.stride;
                Some(origin.wrapping_add_signed(row) + self.reach.start - self.rows.at)
            }));
            Ok(())
        });
        places.into_iter()
    }

    /// Asks for the pages of these rows of the result to be read in.
    fn ask(&self, rows: Range<usize>) {
        let mut places: Vec<usize> = self.places(rows).collect();
        places.sort_unstable();
        let mut spans: Vec<Range<usize>> = vec![];
        for place in places {
            let end = place + self.reach.len();
            match spans.last_mut() {
                Some(last) if place <= last.end + GAP && last.len() < COPY_BYTES * 8 => {
                    last.end = last.end.max(end);
                }
                _ => spans.push(place..end),
            }
        }
        // Advice that is not taken costs time only.
        let _ = share_out(spans.chunks(64), COPY_BYTES * spans.len(), |spans, _| {
            for span in spans {
                let _ = self.region.advise(span.clone(), Advice::WillNeed);
            }
            Ok(())
        });
    }

    /// Calls `visit` with the place of the axis and indices into it, for rows of the result.
    fn each_run(
        &self,
        rows: Range<usize>,
        mut visit: impl FnMut(usize, &[i64]) -> Result<()>,
    ) -> Result<()> {
        let width = self.indices.len();
        let (first, last) = (rows.start / width, rows.end.div_ceil(width));
        let mut position = first;
        self.outer.runs(first, last - first, |byte, stride, count| {
            for n in 0..count {
                let from = rows.start.saturating_sub(position * width);
                let to = width.min(rows.end - position * width);
                let place = byte.wrapping_add_signed(n as isize * stride);
                self.indices
                    .each(from..to, |indices| visit(place, indices))?;
                position += 1;
            }
            Ok(())
        })
    }

    /// Fills `out` with the elements of the result from position `start` on, bytes as they lie.
    fn fill(&self, start: usize, out: &mut [u8]) -> Result<()> {
        let end = start + out.len() / self.item;
        let inner = self.inner_len;
        let (first, last) = (start / inner, end.div_ceil(inner));
        let mut rest = out;
        // Pieces may begin and end inside a row.
        let whole = start.is_multiple_of(inner) && end.is_multiple_of(inner);
        let mut position = start;
        self.each_run(first..last, |at, indices| {
            if whole && self.gapless {
                let (rows, after) =
                    std::mem::take(&mut rest).split_at_mut(indices.len() * self.rows.size);
                rest = after;
                return self
                    .region
                    .gather_rows(Rows { at, ..self.rows }, indices, rows);
            }
            for &index in indices {
                let Some(row) = self.rows.resolve(index) else {
                    continue;
                };
                let shift = (at as isize - self.rows.at as isize)
                    .wrapping_add(row as isize * self.rows.stride);
                let column = position % inner;
                let count = (inner - column).min(end - position);
                position += count;
                self.inner.runs(column, count, |place, stride, count| {
                    let (part, after) = std::mem::take(&mut rest).split_at_mut(count * self.item);
                    rest = after;
                    let place = place.wrapping_add_signed(shift);
                    self.region.gather(place, stride, self.item, part)
                })?;
            }
            Ok(())
        })
    }
}
