//! How does a computation reach an array's elements?
//!
//! Through a [`Source`] to read and an [`ArrayWriter`] to write. Both only copy, so they may work on
//! the same bytes, from several threads, while a program on the other side of the file does too.
//!
//! Knows: errors, dtypes, layouts, maps. Must not know: formats, operations.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{FOLIO, MemMapArray};
use crate::dtype::DType;
use crate::error::{Error, Problem, Result};
use crate::layout::{Layout, Order, Walk, shape_text};
use crate::map::{Behind, Region, Rows, Writer};
use crate::strip::Strip;
use crate::unit::Unit;

/// The elements of an array, to be copied out.
#[derive(Clone)]
pub(crate) struct Source {
    region: Arc<Region>,
    layout: Layout,
    dtype: DType,
    /// The name of the mapped file, if it has one.
    path: Option<Arc<Path>>,
    unit: Option<Arc<Unit>>,
}

/// The elements of an array, to be written.
pub(crate) struct ArrayWriter<'a> {
    writer: Writer<'a>,
    layout: Layout,
    dtype: DType,
    /// The elements in the order in which they lie.
    walk: Walk,
    /// What is ready to be written, if that is a file that is mapped: a store for which the disk has
    /// no room would end the process.
    room: Option<Room>,
    path: Option<PathBuf>,
}

/// Pieces of a mapped file for which the system has made room.
struct Room {
    /// The bytes of the elements, first to last.
    bytes: Range<usize>,
    /// Bytes of a piece.
    piece: usize,
    /// A bit for each.
    ready: Box<[AtomicU64]>,
}

impl Room {
    fn new(layout: &Layout) -> Room {
        let bytes = layout.byte_range();
        // Where few elements lie far apart, only the pages that they lie on.
        let dense = bytes.len() / 2 <= layout.byte_len();
        let piece = if dense { FOLIO } else { 4096 };
        let words = bytes.len().div_ceil(piece).div_ceil(64);
        Room {
            bytes,
            piece,
            ready: (0..words).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Calls `make` with each piece of a range that has not been made ready yet.
    fn make(
        &self,
        range: Range<usize>,
        mut make: impl FnMut(Range<usize>) -> Result<()>,
    ) -> Result<()> {
        let (from, to) = (self.bytes.start, self.bytes.end);
        let first = range.start.saturating_sub(from) / self.piece;
        let last = range.end.min(to).saturating_sub(from).div_ceil(self.piece);
        for piece in first..last {
            let (word, bit) = (&self.ready[piece / 64], 1 << (piece % 64));
            if word.load(Ordering::Relaxed) & bit == 0 {
                let start = from + piece * self.piece;
                make(start..(start + self.piece).min(to))?;
                // Marked when it is done: others may be about to store there.
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

impl MemMapArray {
    pub(crate) fn source(&self) -> Source {
        Source {
            region: Arc::clone(&self.region),
            layout: self.layout.clone(),
            dtype: self.dtype.clone(),
            path: self.path.clone(),
            unit: self.unit.clone(),
        }
    }

    /// The right to write, and a source that reads what is being written.
    ///
    /// # Errors
    /// `ReadOnly` if the array is, `InUse` if it is memory that other arrays share, `Unsupported` if
    /// elements share bytes: threads would write them at once.
    pub(crate) fn split(&mut self) -> Result<(Source, ArrayWriter<'_>)> {
        if !self.layout.is_disjoint() {
            let strides = shape_text(self.strides());
            return Err(self.name(Error::new(Problem::Overlapping { strides })));
        }
        let axes = self.layout.memory_order();
        let walk = Walk::new(&self.layout.permuted(&axes));
        let (layout, dtype) = (self.layout.clone(), self.dtype.clone());
        let path = self.path().map(Path::to_path_buf);
        let writer = Region::writer(&mut self.region).map_err(|error| match &path {
            Some(path) => error.at(path),
            None => error,
        })?;
        let region = writer.region();
        let room = writer.is_shared_file().then(|| Room::new(&layout));
        let source = Source {
            region,
            layout: layout.clone(),
            dtype: dtype.clone(),
            path: self.path.clone(),
            unit: self.unit.clone(),
        };
        Ok((
            source,
            ArrayWriter {
                writer,
                layout,
                dtype,
                walk,
                room,
                path,
            },
        ))
    }
}

impl Source {
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// What the elements measure, if that is said.
    pub(crate) fn unit(&self) -> Option<&Arc<Unit>> {
        self.unit.as_ref()
    }

    /// The elements of a walk over this source's region where they lie, if they follow each other
    /// there in the machine's byte order.
    pub(crate) fn strip(
        &self,
        walk: &Walk,
        start: usize,
        count: usize,
    ) -> Result<Option<Strip<'_>>> {
        let item = self.layout.item_size();
        if !self.dtype.is_native() || count == 0 {
            return Ok(None);
        }
        let place = walk.run_at(start, count, item);
        let strip = place.map(|place| self.region.strip(place, count * item));
        strip.transpose().map_err(|error| self.name(error))
    }

    /// The error with the file that it is about.
    fn name(&self, error: Error) -> Error {
        match &self.path {
            Some(path) => error.at(path),
            None => error,
        }
    }

    /// Calls `visit` with `len` bytes from each place of a walk on, bytes as they are.
    pub(crate) fn strips<'s>(
        &'s self,
        walk: &Walk,
        start: usize,
        count: usize,
        len: usize,
        mut visit: impl FnMut(Strip<'s>) -> Result<()>,
    ) -> Result<()> {
        walk.runs(start, count, |place, stride, count| {
            for i in 0..count {
                let place = place.wrapping_add_signed(i as isize * stride);
                visit(self.region.strip(place, len)?)?;
            }
            Ok(())
        })
    }

    /// Fills `out` with the elements from position `start` of a walk over this source's region, in
    /// the machine's byte order.
    pub(crate) fn load(&self, walk: &Walk, start: usize, out: &mut [u8]) -> Result<()> {
        self.load_raw(walk, start, out)?;
        self.dtype.swap_to_native(out);
        Ok(())
    }

    /// The same with the bytes as they lie.
    pub(crate) fn load_raw(&self, walk: &Walk, start: usize, out: &mut [u8]) -> Result<()> {
        let item = self.layout.item_size().max(1);
        let count = out.len() / item;
        let mut rest = out;
        walk.runs(start, count, |place, stride, count| {
            let (part, after) = std::mem::take(&mut rest).split_at_mut(count * item);
            rest = after;
            self.region.gather(place, stride, item, part)
        })
        .map_err(|error| self.name(error))
    }

    /// Makes the memory of elements ready that are about to be read, if they lie in a mapped file with
    /// few gaps between them.
    pub(crate) fn prepare(&self, walk: &Walk, elements: Range<usize>) {
        const LEAST: usize = 1 << 18;
        let wanted = elements.len() * self.layout.item_size();
        if wanted >= LEAST
            && let Some(span) = walk.span_of(elements, self.layout.item_size())
            && span.len() <= wanted.saturating_mul(2)
        {
            self.region.prepare(span);
        }
    }

    /// Bytes of a mapped file that are not in memory; none if the system does not tell.
    pub(crate) fn bytes_missing(&self) -> u64 {
        let range = self.layout.byte_range();
        let len = range.len();
        let resident = self.region.resident(range).unwrap_or(len);
        len.saturating_sub(resident) as u64
    }

    /// Lets go of the memory behind elements that have been read, if they are mapped from a file and
    /// walked in the order in which they lie.
    pub(crate) fn release(&self, walk: &Walk, elements: Range<usize>) {
        if let Some(bytes) = walk.span_of(elements, self.layout.item_size()) {
            self.region.release(bytes);
        }
    }

    /// Whether this is another handle on the very same elements.
    pub(crate) fn is_same(&self, other: &Source) -> bool {
        Arc::ptr_eq(&self.region, &other.region)
            && self.layout == other.layout
            && self.dtype == other.dtype
    }

    /// Whether this and other elements lie in the same bytes, of memory or of a file, in different
    /// places.
    pub(crate) fn clashes(&self, other: &Source) -> bool {
        let (a, b) = self.bytes_of_both(other);
        let same = a == b
            && self.layout.shape() == other.layout.shape()
            && self.layout.strides() == other.layout.strides();
        a.start < b.end && b.start < a.end && !same
    }

    /// Whether this and other elements lie in the same bytes, of memory or of a file.
    pub(crate) fn meets(&self, other: &Source) -> bool {
        let (a, b) = self.bytes_of_both(other);
        a.start < b.end && b.start < a.end
    }

    fn bytes_of_both(&self, other: &Source) -> (Range<u64>, Range<u64>) {
        match (self.region.file(), other.region.file()) {
            // One file may be mapped twice, at different addresses.
            (Some(file), Some(same)) if Arc::ptr_eq(&file, &same) => {
                let place = |source: &Source| source.region.file_offset();
                (self.bytes_from(place(self)), other.bytes_from(place(other)))
            }
            _ => {
                // What has no address yet lies nowhere in memory.
                let bytes = |source: &Source| match source.region.address() {
                    Some(address) => source.bytes_from(address as u64),
                    None => 0..0,
                };
                (bytes(self), bytes(other))
            }
        }
    }

    fn bytes_from(&self, start: u64) -> Range<u64> {
        let range = self.layout.byte_range();
        start.saturating_add(range.start as u64)..start.saturating_add(range.end as u64)
    }
}

impl ArrayWriter<'_> {
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether it writes to the memory that `source` reads.
    pub(crate) fn is_over(&self, source: &Source) -> bool {
        Arc::ptr_eq(&self.writer.region(), &source.region)
    }

    /// Stores native elements from position `start` on, counted in the order in which they lie;
    /// leaves them in the array's byte order.
    pub(crate) fn store(&self, start: usize, elements: &mut [u8]) -> Result<()> {
        self.dtype.swap_to_native(elements);
        self.store_raw(&self.walk, start, elements)
    }

    /// Where the elements begin, if they follow each other without gaps in C order.
    pub(crate) fn gapless_from(&self) -> Option<usize> {
        let gapless = self.layout.is_contiguous(Order::C);
        gapless.then(|| self.layout.offset())
    }

    /// Stores rows of a region at a place of this writer's, bytes as they are.
    pub(crate) fn gather_rows(
        &self,
        at: usize,
        from: &Region,
        rows: Rows,
        indices: &[i64],
    ) -> Result<()> {
        self.make_room(at..at.saturating_add(indices.len().saturating_mul(rows.size)))?;
        self.writer.gather_rows(at, from, rows, indices)
    }

    /// Stores elements at the places of a walk over this writer's region, bytes as they are.
    pub(crate) fn store_raw(&self, walk: &Walk, start: usize, elements: &[u8]) -> Result<()> {
        let item = self.layout.item_size().max(1);
        let mut rest = elements;
        walk.runs(start, elements.len() / item, |place, stride, count| {
            let (part, after) = rest.split_at(count * item);
            rest = after;
            if stride == item as isize {
                self.make_room(place..place + part.len())?;
            } else if self.room.is_some() {
                for i in 0..count {
                    let place = place.wrapping_add_signed(i as isize * stride);
                    self.make_room(place..place + item)?;
                }
            }
            self.writer.scatter(place, stride, item, part)
        })
    }

    /// Stores native elements from position `start` in C order on; leaves them in the array's byte
    /// order.
    pub(crate) fn place(&self, start: usize, elements: &mut [u8]) -> Result<()> {
        self.dtype.swap_to_native(elements);
        self.store_raw(&Walk::new(&self.layout), start, elements)
    }

    /// Whether what is stored goes into a file.
    pub(crate) fn is_file(&self) -> bool {
        self.writer.is_shared_file()
    }

    /// Makes the memory of elements ready to be written, if they lie close together; others are made
    /// ready when they are stored.
    pub(crate) fn prepare(&self, elements: Range<usize>) -> Result<()> {
        match self.walk.span_of(elements, self.layout.item_size()) {
            Some(bytes) if self.room.as_ref().is_some_and(|room| room.piece == FOLIO) => {
                self.make_room(bytes)
            }
            _ => Ok(()),
        }
    }

    /// Has the system make room for bytes that are about to be stored.
    fn make_room(&self, bytes: Range<usize>) -> Result<()> {
        let Some(room) = &self.room else {
            return Ok(());
        };
        let made = room.make(bytes, |piece| self.writer.prepare(piece));
        made.map_err(|error| match &self.path {
            Some(path) => error.at(path),
            None => error,
        })
    }

    /// Starts writing back elements that have been stored in a mapped file, and lets go of their
    /// memory.
    pub(crate) fn behind(&self, elements: Range<usize>, behind: Behind) -> Result<()> {
        match self.walk.span_of(elements, self.layout.item_size()) {
            Some(bytes) => self.writer.behind(bytes, behind),
            None => Ok(()),
        }
    }
}
