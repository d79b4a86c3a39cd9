//! Along which lines of elements does a function run?
//!
//! Knows: shapes. Must not know: arrays, files.

use super::Call;
use crate::error::Result;

/// An operand's elements seen as `outer` slabs of `len` rows of `inner` elements, in the order in
/// which the result lies; the function runs down the rows.
#[derive(Clone, Copy)]
pub(super) struct Lanes {
    pub(super) outer: usize,
    pub(super) len: usize,
    pub(super) inner: usize,
}

impl Lanes {
    /// Those of an operand along the axis of the call; all of it is one lane if there is none.
    pub(super) fn new(call: &Call<'_>, operand: usize) -> Result<Lanes> {
        let shape = call.operands[operand].layout().shape();
        let Some(axis) = call.parameters.axis("axis") else {
            return Ok(Lanes {
                outer: 1,
                len: shape.iter().product(),
                inner: 1,
            });
        };
        let axes = call.output.layout().memory_order();
        let place = axes.iter().position(|&other| other == axis).unwrap_or(axis);
        let product = |axes: &[usize]| axes.iter().map(|&axis| shape[axis]).product();
        Ok(Lanes {
            outer: product(&axes[..place]),
            len: shape[axis],
            inner: product(&axes[place + 1..]),
        })
    }
}
