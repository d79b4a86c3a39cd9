//! Along which lines of elements does a function run, and how are they cut into blocks?
//!
//! Blocks depend on shapes alone, not on threads or memory, so that results do not either.
//!
//! Knows: shapes, readers, outputs. Must not know: formats, maps, functions.

use super::{Call, Reader};
use crate::error::Result;

/// Elements of a block, if nothing asks for more.
const BLOCK: usize = 1 << 15;

/// Elements of a row of a block; longer rows are cut.
const WIDTH: usize = 1 << 12;

/// Elements that a row of a block has at least, however many rows there are.
const NARROW: usize = 16;

/// An operand's elements seen as `outer` slabs of `len` rows of `inner` elements, in the order in
/// which the result lies; the function runs down the rows, and gives `out` rows for each slab.
#[derive(Clone, Copy)]
pub(super) struct Lanes {
    outer: usize,
    len: usize,
    out: usize,
    inner: usize,
    /// Elements of a row of a block.
    width: usize,
    /// Rows of the result that a block gives.
    rows: usize,
    /// Slabs in a block, if they fit as a whole.
    slabs: Option<usize>,
}

/// A block: `slabs` times `rows` rows of `width` elements.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    /// Where the operand's first element lies.
    from: usize,
    /// Where the result's first element goes.
    to: usize,
    /// Distance between rows.
    pitch: usize,
    pub(super) slabs: usize,
    /// Rows of the operand in each slab.
    pub(super) rows: usize,
    /// Rows of the result in each slab.
    pub(super) out: usize,
    pub(super) width: usize,
    /// Whether nothing comes before it.
    pub(super) first: bool,
}

impl Lanes {
    /// Those of an operand along the axis of the call; all of it is one lane if there is none. `less`
    /// rows at the end of each lane give no result; blocks give a multiple of `rows`.
    pub(super) fn new(call: &Call<'_>, operand: usize, less: usize, rows: usize) -> Lanes {
        Lanes::within(usize::MAX, call, operand, less, rows)
    }

    /// The same with blocks of at most `most` elements, if rows of a few elements allow that. For
    /// functions that find the same in blocks of any size.
    pub(super) fn within(
        most: usize,
        call: &Call<'_>,
        operand: usize,
        less: usize,
        rows: usize,
    ) -> Lanes {
        let shape = call.operands[operand].layout().shape();
        let (outer, len, inner) = match call.parameters.axis("axis") {
            None => (1, shape.iter().product(), 1),
            Some(axis) => {
                let axes = call.output.layout().memory_order();
                let place = axes.iter().position(|&other| other == axis).unwrap_or(axis);
                let product = |axes: &[usize]| axes.iter().map(|&axis| shape[axis]).product();
                (
                    product(&axes[..place]),
                    shape[axis],
                    product(&axes[place + 1..]),
                )
            }
        };
        let slab = inner.saturating_mul(len);
        let width = inner.clamp(
            1,
            WIDTH
                .min(most.min(BLOCK) / rows.saturating_add(less).max(1))
                .max(NARROW),
        );
        let fit = (most / width).saturating_sub(less).min(BLOCK / width);
        let block = most.min(BLOCK);
        Lanes {
            outer,
            len,
            out: len.saturating_sub(less),
            inner,
            width,
            rows: (fit / rows.max(1)).max(1) * rows.max(1),
            slabs: (slab <= block).then(|| (block / slab.max(1)).max(1)),
        }
    }

    /// Whether a lane goes through several blocks.
    pub(super) fn chained(&self) -> bool {
        self.slabs.is_none()
    }

    /// Number of blocks.
    pub(super) fn tasks(&self) -> usize {
        if self.outer == 0 || self.out == 0 || self.inner == 0 {
            return 0;
        }
        match self.slabs {
            Some(slabs) => self.outer.div_ceil(slabs),
            None => self.outer * self.inner.div_ceil(self.width) * self.bands(),
        }
    }

    /// Blocks above each other.
    fn bands(&self) -> usize {
        self.out.div_ceil(self.rows)
    }

    /// Elements of the operand in the largest block.
    pub(super) fn room(&self) -> usize {
        match self.slabs {
            Some(slabs) => slabs.min(self.outer) * self.len * self.inner,
            None => self.width * (self.rows + self.len - self.out).min(self.len),
        }
    }

    /// A block; those of one lane follow each other.
    pub(super) fn piece(&self, task: usize) -> Piece {
        let (slab, out_slab) = (self.len * self.inner, self.out * self.inner);
        if let Some(slabs) = self.slabs {
            let first = task * slabs;
            return Piece {
                from: first * slab,
                to: first * out_slab,
                pitch: self.inner,
                slabs: slabs.min(self.outer - first),
                rows: self.len,
                out: self.out,
                width: self.inner,
                first: true,
            };
        }
        let (bands, tiles) = (self.bands(), self.inner.div_ceil(self.width));
        let (band, rest) = (task % bands, task / bands);
        let (column, outer) = ((rest % tiles) * self.width, rest / tiles);
        let row = band * self.rows;
        let out = self.rows.min(self.out - row);
        Piece {
            from: outer * slab + row * self.inner + column,
            to: outer * out_slab + row * self.inner + column,
            pitch: self.inner,
            slabs: 1,
            rows: out + self.len - self.out,
            out,
            width: self.width.min(self.inner - column),
            first: band == 0,
        }
    }
}

impl Piece {
    /// Elements of the operand.
    pub(super) fn count(&self) -> usize {
        self.slabs * self.rows * self.width
    }

    /// Elements of the result.
    pub(super) fn out_count(&self) -> usize {
        self.slabs * self.out * self.width
    }

    /// Fills `out` with the elements of the operand.
    pub(super) fn load(&self, reader: &Reader<'_>, out: &mut [u8]) -> Result<()> {
        if self.width == self.pitch {
            return reader.load(self.from, out);
        }
        reader.load_rows(self.from, self.pitch, self.width, out)
    }

    /// Stores the elements of the result and lets go of what is not needed any more.
    pub(super) fn store(
        &self,
        call: &Call<'_>,
        reader: &Reader<'_>,
        elements: &mut [u8],
    ) -> Result<()> {
        if self.width == self.pitch {
            call.output.store(self.to, elements)?;
            // The rows that give no result are those that the next block begins with.
            let read = if self.slabs == 1 {
                self.out_count()
            } else {
                self.count()
            };
            reader.release(self.from..self.from + read);
            return call.behind(self.to..self.to + self.out_count());
        }
        let row = (elements.len() / self.out.max(1)).max(1);
        let mut rows = elements.chunks_exact_mut(row).enumerate();
        rows.try_for_each(|(i, row)| call.output.store(self.to + i * self.pitch, row))
    }
}
