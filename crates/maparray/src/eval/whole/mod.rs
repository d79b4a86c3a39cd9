//! How is a function over whole arrays computed?
//!
//! Its operands are arrays by then, in memory or in files, and are read block by block; so is its
//! result written. [`run`] knows which family computes which function.
//!
//! Knows: arrays, operations, the tree. Must not know: formats, maps.

mod diff;
mod histogram;
mod lanes;
mod long;
mod matmul;
mod order;
mod quantile;
mod radix;
pub(super) mod reader;
mod rolling;
mod rows;
mod running;
mod select;
mod sort;
mod sorting;
mod top;
mod turns;
mod unique;

use std::ops::Range;

use crate::array::{Behind, Source};
use crate::crew::Crew;
use crate::dtype::Scalar;
use crate::error::{Error, Problem, Result};
use crate::expr::{Parameters, Whole};

use super::output::Output;

pub(in crate::eval) use reader::{Buffer, Reader};

/// A function, what it is computed of, and where its result goes.
pub(in crate::eval) struct Call<'a> {
    pub(in crate::eval) function: Whole,
    pub(in crate::eval) parameters: &'a Parameters,
    /// As they were given: of any dtype, byte order and layout.
    pub(in crate::eval) operands: &'a [Source],
    /// The dtype of the result.
    pub(in crate::eval) scalar: Scalar,
    /// Of the shape that was inferred.
    pub(in crate::eval) output: &'a Output<'a>,
    pub(in crate::eval) threads: usize,
    /// Bytes to keep to besides operands and output.
    pub(in crate::eval) memory: usize,
    /// Whether memory is let go behind what has been read.
    pub(in crate::eval) release: bool,
    /// What becomes of what has been written to a file.
    pub(in crate::eval) behind: Behind,
}

/// Computes the whole result. Says how many of its first elements are the result, if its shape was
/// not known before; all of them if it was.
pub(in crate::eval) fn run(call: &Call<'_>, crew: &Crew<'_>) -> Result<usize> {
    use Whole as W;
    if call.output.layout().is_empty() {
        return Ok(0);
    }
    match call.function {
        W::CumSum | W::CumProd | W::NanCumSum | W::NanCumProd => running::run(call, crew)?,
        W::Diff => diff::run(call, crew)?,
        W::Histogram | W::HistogramEdges => histogram::run(call, crew)?,
        W::MatMul | W::Dot => matmul::run(call, crew)?,
        W::RollingSum
        | W::RollingMean
        | W::RollingMin
        | W::RollingMax
        | W::RollingVar
        | W::RollingStd => rolling::run(call, crew)?,
        W::Sort | W::ArgSort => sorting::run(call, crew)?,
        W::TopK | W::ArgTopK => top::run(call, crew)?,
        W::Unique | W::UniqueCounts => return unique::run(call, crew),
        W::Median
        | W::NanMedian
        | W::Quantile
        | W::NanQuantile
        | W::Percentile
        | W::NanPercentile => quantile::run(call, crew)?,
    }
    Ok(call.output.layout().len())
}

impl Call<'_> {
    /// Stores native elements of the result from position `start` on, counted in C order; may leave
    /// `elements` in another byte order.
    pub(in crate::eval) fn place(&self, start: usize, elements: &mut [u8]) -> Result<()> {
        self.output.place(start, elements)
    }

    /// An operand to be read as elements of this type, in C order.
    pub(in crate::eval) fn reader(&self, operand: usize, scalar: Scalar) -> Result<Reader<'_>> {
        let axes: Vec<usize> = (0..self.operands[operand].layout().ndim()).collect();
        Reader::new(&self.operands[operand], &axes, scalar, self.release)
    }

    /// The same in the order in which the result lies, for functions along an axis; in C order if
    /// there is no axis.
    fn reader_along(&self, operand: usize, scalar: Scalar) -> Result<Reader<'_>> {
        if self.parameters.axis("axis").is_none() {
            return self.reader(operand, scalar);
        }
        let axes = self.output.layout().memory_order();
        Reader::new(&self.operands[operand], &axes, scalar, self.release)
    }

    /// Starts writing back elements that have been stored, by their positions in the order in which
    /// the result lies, and lets go of their memory, if that is wanted.
    pub(in crate::eval) fn behind(&self, elements: Range<usize>) -> Result<()> {
        self.output.behind(elements, self.behind)
    }

    /// A parameter that turned out to be impossible.
    fn wrong(&self, name: &str, found: impl ToString, expected: impl ToString) -> Error {
        Error::new(Problem::Parameter {
            function: self.function.name(),
            name: name.to_owned(),
            found: found.to_string(),
            expected: expected.to_string(),
        })
    }

    /// Bytes that each thread may hold.
    pub(in crate::eval) fn share(&self) -> usize {
        self.memory / 2 / self.threads.max(1)
    }
}
