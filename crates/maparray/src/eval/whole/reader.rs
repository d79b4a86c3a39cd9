//! How are the operands of a function over whole arrays read?
//!
//! In C order of their axes, block by block, as native elements of the type that the function
//! computes with.
//!
//! Knows: arrays, kernels. Must not know: formats, maps, functions.

use std::ops::Range;

use bytemuck::Pod;

use crate::array::{FOLIO, Source};
use crate::dtype::Scalar;
use crate::error::Result;
use crate::eval::block;
use crate::layout::{Layout, Walk};
use crate::ops::{Kernel, cast};
use crate::strip::Strip;

/// Elements cast at a time.
const PIECE: usize = 1024;

/// An operand, walked in C order.
pub(in crate::eval) struct Reader<'a> {
    source: &'a Source,
    walk: Walk,
    /// Makes elements of the wanted type of those that lie there.
    cast: Option<Kernel>,
    /// Bytes of an element where it lies.
    from: usize,
    /// Bytes of an element as it is wanted.
    item: usize,
    len: usize,
    release: bool,
}

/// How many rows that begin so many bytes apart are let go together.
pub(super) fn together(pitch: usize) -> usize {
    (FOLIO / pitch.max(1)).max(1)
}

/// Memory for elements of any type, aligned for every kernel.
pub(in crate::eval) struct Buffer(block::Buffer);

impl<'a> Reader<'a> {
    /// With the axes of the operand in this order.
    pub(super) fn new(
        source: &'a Source,
        axes: &[usize],
        scalar: Scalar,
        release: bool,
    ) -> Result<Reader<'a>> {
        Reader::over(source, &source.layout().permuted(axes), scalar, release)
    }

    /// Over other places of the operand's elements: repeated, or with other axes.
    pub(in crate::eval) fn over(
        source: &'a Source,
        layout: &Layout,
        scalar: Scalar,
        release: bool,
    ) -> Result<Reader<'a>> {
        let own = source.dtype().number()?;
        Ok(Reader {
            source,
            walk: Walk::new(layout),
            cast: (own != scalar).then(|| cast(own, scalar)),
            from: own.size(),
            item: scalar.size(),
            len: layout.len(),
            release,
        })
    }

    /// How many elements there are.
    pub(in crate::eval) fn len(&self) -> usize {
        self.len
    }

    /// Bytes that are read for each.
    pub(in crate::eval) fn bytes(&self) -> usize {
        self.from
    }

    /// Fills `out`, which is 16-byte aligned, with the elements from position `start` on.
    pub(in crate::eval) fn load(&self, start: usize, out: &mut [u8]) -> Result<()> {
        let Some(cast) = self.cast else {
            return self.source.load(&self.walk, start, out);
        };
        let mut piece = [0_u128; PIECE];
        let piece: &mut [u8] = bytemuck::cast_slice_mut(&mut piece);
        let mut at = start;
        for part in out.chunks_mut(PIECE * self.item) {
            let count = part.len() / self.item;
            let own = &mut piece[..count * self.from];
            self.source.load(&self.walk, at, own)?;
            cast(&[Strip::from(&*own)], part);
            at += count;
        }
        Ok(())
    }

    /// The same for `out` at any alignment.
    pub(in crate::eval) fn load_anywhere(&self, start: usize, out: &mut [u8]) -> Result<()> {
        let Some(cast) = self.cast else {
            return self.source.load(&self.walk, start, out);
        };
        let (mut own, mut wanted) = ([0_u128; PIECE], [0_u128; PIECE]);
        let own: &mut [u8] = bytemuck::cast_slice_mut(&mut own);
        let wanted: &mut [u8] = bytemuck::cast_slice_mut(&mut wanted);
        let mut at = start;
        for part in out.chunks_mut(PIECE * self.item) {
            let count = part.len() / self.item;
            self.source
                .load(&self.walk, at, &mut own[..count * self.from])?;
            let wanted = &mut wanted[..part.len()];
            cast(&[Strip::from(&own[..count * self.from])], wanted);
            part.copy_from_slice(wanted);
            at += count;
        }
        Ok(())
    }

    /// Fills `out` with rows of evenly spaced elements, the first from position `start` on and each
    /// `pitch` after the one before; lets go of what lies between as it goes, if memory is short.
    pub(super) fn load_rows(
        &self,
        start: usize,
        pitch: usize,
        row: usize,
        out: &mut [u8],
    ) -> Result<()> {
        let (row_bytes, together) = ((row * self.item).max(1), together(pitch * self.from));
        let mut behind = start;
        for (place, part) in out.chunks_mut(row_bytes).enumerate() {
            let at = start + place * pitch;
            self.load_anywhere(at, part)?;
            if (place + 1) % together == 0 {
                self.release(behind..at + row);
                behind = at + row;
            }
        }
        let end = start + (out.len() / row_bytes).saturating_sub(1) * pitch + row;
        self.release(behind..end.min(self.len));
        Ok(())
    }

    /// Lets go of the memory behind elements that will not be read again soon, if memory is short.
    pub(in crate::eval) fn release(&self, elements: Range<usize>) {
        if self.release {
            self.source.release(&self.walk, elements);
        }
    }
}

impl Buffer {
    /// Room for so many elements of so many bytes. What it holds at first is left over from before.
    ///
    /// # Errors
    /// `Io` if there is no room.
    pub(in crate::eval) fn new(count: usize, item: usize) -> Result<Buffer> {
        block::Buffer::new(count.saturating_mul(item)).map(Buffer)
    }

    /// The first `count` elements, to be filled as bytes.
    pub(in crate::eval) fn bytes(&mut self, count: usize, item: usize) -> &mut [u8] {
        self.0.bytes_mut(count * item)
    }

    /// The first `count` elements.
    pub(in crate::eval) fn elements<T: Pod>(&mut self, count: usize) -> &mut [T] {
        bytemuck::cast_slice_mut(self.0.bytes_mut(count * size_of::<T>()))
    }
}
