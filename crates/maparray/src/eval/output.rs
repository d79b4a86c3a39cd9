//! Where does a result go?
//!
//! To a new file, block by block at its offset, or to the bytes of an array. Blocks arrive in any
//! order and from any thread.
//!
//! Knows: arrays, dtypes, layouts. Must not know: formats, maps.

use std::ops::Range;

use crate::array::{ArrayWriter, Behind, NewArray, Source};
use crate::error::Result;
use crate::layout::{Layout, Order, Walk};

/// Where blocks go; positions are counted in the order in which its elements lie.
pub(super) enum Output<'a> {
    /// A file that has no name yet.
    File(&'a NewArray),
    /// An array in memory or in a mapped file.
    Array(ArrayWriter<'a>),
}

impl Output<'_> {
    /// Where its elements lie.
    pub(super) fn layout(&self) -> &Layout {
        match self {
            Output::File(file) => file.layout(),
            Output::Array(writer) => writer.layout(),
        }
    }

    /// Whether blocks are written to a file.
    pub(super) fn is_file(&self) -> bool {
        match self {
            Output::File(_) => true,
            Output::Array(writer) => writer.is_file(),
        }
    }

    /// Whether blocks are written to a file that is new.
    pub(super) fn is_new_file(&self) -> bool {
        matches!(self, Output::File(_))
    }

    /// Whether it lies where `source` is read from.
    pub(super) fn is_over(&self, source: &Source) -> bool {
        match self {
            Output::File(_) => false,
            Output::Array(writer) => writer.is_over(source),
        }
    }

    /// Bytes of the file before the first element.
    pub(super) fn header_len(&self) -> usize {
        match self {
            Output::File(file) => file.header_len(),
            Output::Array(_) => 0,
        }
    }

    /// Makes room for elements that are about to be computed.
    pub(super) fn prepare(&self, elements: Range<usize>) -> Result<()> {
        match self {
            Output::File(_) => Ok(()),
            Output::Array(writer) => writer.prepare(elements),
        }
    }

    /// Stores native elements from position `start` on; may leave `elements` in another byte order.
    pub(super) fn store(&self, start: usize, elements: &mut [u8]) -> Result<()> {
        match self {
            Output::File(file) => file.store(start, elements),
            Output::Array(writer) => writer.store(start, elements),
        }
    }

    /// Stores native elements from position `start` in C order on, whatever the order in which they
    /// lie; may leave `elements` in another byte order.
    pub(super) fn place(&self, start: usize, elements: &mut [u8]) -> Result<()> {
        match self {
            Output::File(file) if file.layout().is_contiguous(Order::C) => {
                file.store(start, elements)
            }
            Output::File(file) => file.place(&Walk::new(file.layout()), start, elements),
            Output::Array(writer) => writer.place(start, elements),
        }
    }

    /// Starts writing back elements that have been stored, and lets go of their memory.
    pub(super) fn behind(&self, elements: Range<usize>, behind: Behind) -> Result<()> {
        match self {
            Output::File(file) => file.behind(elements, behind),
            Output::Array(writer) => writer.behind(elements, behind),
        }
    }
}
