//! How is a function over whole arrays computed?
//!
//! Its operands are arrays by then, in memory or in files, and are read block by block; so is its
//! result written. [`run`] knows which family computes which function.
//!
//! Knows: arrays, operations, the tree. Must not know: formats, maps.

mod diff;
mod histogram;
mod lanes;
mod matmul;
mod reader;
mod rolling;
mod running;
mod turns;

use std::ops::Range;

use crate::array::{MemMapArray, Source};
use crate::crew::Crew;
use crate::dtype::Scalar;
use crate::error::{Error, Problem, Result};
use crate::expr::{Parameters, Typed, What, Whole};
use crate::layout::Order;

use super::output::Output;
use super::plan::Node;
use super::{Eval, bytes_of};

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
}

/// Computes the whole result. Says how many of its first elements are the result, if its shape was
/// not known before; all of them if it was.
pub(in crate::eval) fn run(call: &Call<'_>, crew: &Crew<'_>) -> Result<usize> {
    use Whole as W;
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
        other => {
            return Err(Error::new(Problem::NoLoop {
                operation: other.name(),
                dtypes: call.scalar.name().to_owned(),
            }));
        }
    }
    Ok(call.output.layout().len())
}

impl Call<'_> {
    /// Stores native elements of the result from position `start` on, counted in C order; may leave
    /// `elements` in another byte order.
    pub(in crate::eval) fn place(&self, start: usize, elements: &mut [u8]) -> Result<()> {
        self.output.store(start, elements)
    }

    /// Whether pages are to be let go behind what has been read and written.
    pub(in crate::eval) fn releases(&self) -> bool {
        let operands = self.operands.iter();
        operands
            .map(|operand| operand.layout().byte_len())
            .sum::<usize>()
            > self.memory / 2
    }

    /// An operand to be read as elements of this type, in C order.
    pub(in crate::eval) fn reader(&self, operand: usize, scalar: Scalar) -> Result<Reader<'_>> {
        let axes: Vec<usize> = (0..self.operands[operand].layout().ndim()).collect();
        Reader::new(&self.operands[operand], &axes, scalar, self.releases())
    }

    /// The same in the order in which the result lies, for functions along an axis; in C order if
    /// there is no axis.
    fn reader_along(&self, operand: usize, scalar: Scalar) -> Result<Reader<'_>> {
        if self.parameters.axis("axis").is_none() {
            return self.reader(operand, scalar);
        }
        let axes = self.output.layout().memory_order();
        Reader::new(&self.operands[operand], &axes, scalar, self.releases())
    }

    /// Lets go of the memory behind elements that have been stored, if memory is short.
    pub(in crate::eval) fn release(&self, elements: Range<usize>) {
        if self.releases() {
            self.output.release(elements);
        }
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

impl Eval<'_> {
    /// Computes a function over whole arrays: into memory, or, if that is no result but goes into
    /// another computation, perhaps into a file without a name.
    pub(super) fn whole(&self, typed: &Typed, crew: &Crew<'_>, room: Room) -> Result<MemMapArray> {
        let What::Whole {
            function,
            operands,
            parameters,
        } = &typed.what
        else {
            let tree = self.bind(typed, crew)?;
            return self.to_memory(&tree, crew);
        };
        let operands: Vec<Source> = operands
            .iter()
            .map(|operand| self.operand(operand, crew))
            .collect::<Result<_>>()?;
        let order = match operands.first().map(Source::layout) {
            Some(layout) if function.keeps_order() && layout.ndim() == typed.shape.len() => {
                layout.order()
            }
            _ => Order::C,
        };
        let mut result = self.room(typed, order, room)?;
        let call = Call {
            function: *function,
            parameters,
            operands: &operands,
            scalar: typed.scalar,
            output: &Output::Array(result.split()?.1),
            threads: crew.threads(),
            memory: self.memory,
        };
        let count = run(&call, crew)?;
        if function.has_known_shape() {
            return Ok(result);
        }
        result.select(&[crate::layout::Select::Range {
            start: None,
            stop: Some(count as i64),
            step: 1,
        }])
    }

    /// An operand as an array: the one that was given, or its values computed first.
    fn operand(&self, typed: &Typed, crew: &Crew<'_>) -> Result<Source> {
        let tree = self.bind(typed, crew)?;
        if let Node::Array(source) = tree.node {
            return Ok(source);
        }
        let mut values = self.room(typed, tree.order(), Room::Scratch)?;
        self.fill(&tree, &Output::Array(values.split()?.1), crew)?;
        Ok(values.source())
    }

    /// Zeros for so many values.
    fn room(&self, typed: &Typed, order: Order, room: Room) -> Result<MemMapArray> {
        let dtype = typed.scalar.native();
        match room {
            Room::Scratch if bytes_of(typed) > self.memory as u64 / 2 => {
                MemMapArray::scratch(&dtype, &typed.shape, order)
            }
            _ => MemMapArray::zeros(&dtype, &typed.shape, order),
        }
    }
}

/// Where values go that have no place yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Memory.
    Memory,
    /// Memory, or a file without a name if they are more than the budget allows.
    Scratch,
}
