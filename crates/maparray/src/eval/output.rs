//! Where does a result go?
//!
//! To a new file, block by block at its offset, or to the bytes of an array. Blocks arrive in any
//! order and from any thread.
//!
//! Knows: arrays, dtypes, layouts. Must not know: formats, maps.

use std::ops::Range;

use crate::array::{ArrayWriter, NewArray};
use crate::error::Result;
use crate::layout::Layout;

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

    /// Stores native elements from position `start` on; may leave `elements` in another byte order.
    pub(super) fn store(&self, start: usize, elements: &mut [u8]) -> Result<()> {
        match self {
            Output::File(file) => file.store(start, elements),
            Output::Array(writer) => writer.store(start, elements),
        }
    }

    /// Lets go of the memory behind elements that have been stored.
    pub(super) fn release(&self, elements: Range<usize>) {
        if let Output::Array(writer) = self {
            writer.release(elements);
        }
    }
}
