//! What are the steps?
//!
//! A part of the graph becomes a straight line of steps over a few registers, each a strip of
//! elements. Every operand is read in one common order of the axes, so a place in that order is all
//! that a step has to know.
//!
//! Knows: arrays, layouts, kernels. Must not know: formats, maps.

use std::ops::Range;

use super::graph::{Graph, Value};
use crate::array::Source;
use crate::error::Result;
use crate::expr::Work;
use crate::layout::{Layout, Order, Walk};

/// Where the elements of a value are found while a strip is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Register(usize),
    Load(usize),
}

/// Where the result of a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Register(usize),
    /// The output of this number; nothing else needs it.
    Output(usize),
}

/// Elements that come from outside.
pub(super) struct Load<'a> {
    /// The array; the element's own position in C order if there is none.
    pub(super) source: Option<&'a Source>,
    pub(super) walk: Walk,
    pub(super) item: usize,
}

pub(super) struct Step {
    pub(super) work: Work,
    /// Operands, each with the bytes of its elements.
    pub(super) operands: Vec<(Place, usize)>,
    pub(super) target: Target,
    pub(super) item: usize,
}

/// A value that the plan is made for.
#[derive(Clone, Copy)]
pub(super) struct Root {
    /// Where it is after the steps; `None` if its step has put it into the output.
    pub(super) place: Option<Place>,
    pub(super) item: usize,
}

/// What becomes of the roots.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// They are stored: the last step may write them to where they are going.
    Store,
    /// They are folded where they are.
    Fold,
}

/// Straight-line code for one strip.
pub(super) struct Plan<'a> {
    pub(super) loads: Vec<Load<'a>>,
    pub(super) steps: Vec<Step>,
    /// Registers that hold the same element throughout, and its bytes.
    pub(super) constants: Vec<(usize, Vec<u8>)>,
    /// Bytes per element that each register must have room for.
    pub(super) registers: Vec<usize>,
    pub(super) roots: Vec<Root>,
    /// Elements that are computed at a time.
    pub(super) strip: usize,
}

/// Bytes of a strip where steps hand each other registers and the last is stored: the first-level
/// cache holds all of them, and loads from memory overlap with arithmetic.
const CHAINED_BYTES: usize = 1 << 10;

/// Bytes of a strip where elements of one array are computed on and folded: a page, which is how far
/// the machine reads ahead.
const FOLDED_BYTES: usize = 1 << 12;

/// Bytes of a strip where elements of several arrays are: the machine must find each of them anew
/// after every strip, so it is long, and registers stay in the second-level cache.
const MINGLED_BYTES: usize = 1 << 16;

/// Bytes of a strip where elements are only copied or folded, or take one step.
const SINGLE_BYTES: usize = 1 << 14;

impl<'a> Plan<'a> {
    /// A plan for the elements of `roots`, which have or broadcast to `shape`, its axes taken in the
    /// order `axes`.
    pub(super) fn new(
        graph: &'a Graph<'_>,
        roots: &[usize],
        shape: &[usize],
        axes: &[usize],
        purpose: Use,
    ) -> Result<Plan<'a>> {
        let needed = graph.needed(roots);
        let mut last_use = vec![0; graph.nodes.len()];
        let mut users = vec![0; graph.nodes.len()];
        for &node in &needed {
            if let Value::Apply(_, arguments) = &graph.nodes[node].value {
                for &argument in arguments {
                    last_use[argument] = node;
                    users[argument] += 1;
                }
            }
        }
        for &root in roots {
            last_use[root] = usize::MAX;
            users[root] += 1;
        }
        let walk = |layout: &Layout| Ok(Walk::new(&layout.broadcast_to(shape)?.permuted(axes)));
        let mut plan = Plan {
            loads: vec![],
            steps: vec![],
            constants: vec![],
            registers: vec![],
            roots: vec![],
            strip: 0,
        };
        let mut places: Vec<Option<Place>> = vec![None; graph.nodes.len()];
        let mut free: Vec<usize> = vec![];
        for &number in &needed {
            let node = &graph.nodes[number];
            let item = node.scalar.size();
            let place = match &node.value {
                Value::Constant(bytes) => {
                    let register = plan.register(item);
                    plan.constants.push((register, bytes[..item].to_vec()));
                    Some(Place::Register(register))
                }
                Value::Array(source) => Some(plan.load(Some(source), walk(source.layout())?, item)),
                Value::Index => {
                    // A layout of one-byte items: the byte offset of an element is its place.
                    let places = Layout::contiguous(&node.shape, 1, Order::C, 0)?;
                    Some(plan.load(None, walk(&places)?, item))
                }
                Value::Apply(work, arguments) => {
                    let operand = |&argument: &usize| {
                        let item = graph.nodes[argument].scalar.size();
                        places[argument].map(|place| (place, item))
                    };
                    let operands: Vec<(Place, usize)> =
                        arguments.iter().filter_map(operand).collect();
                    let output = roots.iter().position(|&root| root == number);
                    let target = match output {
                        Some(output) if purpose == Use::Store && users[number] == 1 => {
                            Target::Output(output)
                        }
                        // Chosen before the operands' registers are free: no kernel overlaps.
                        _ => Target::Register(free.pop().unwrap_or_else(|| plan.register(0))),
                    };
                    let place = match target {
                        Target::Register(register) => {
                            plan.registers[register] = plan.registers[register].max(item);
                            Some(Place::Register(register))
                        }
                        Target::Output(_) => None,
                    };
                    for (&argument, &(place, _)) in arguments.iter().zip(&operands) {
                        let constant = matches!(graph.nodes[argument].value, Value::Constant(_));
                        if let (Place::Register(register), false) = (place, constant)
                            && last_use[argument] == number
                        {
                            free.push(register);
                            // An operand may be given twice.
                            last_use[argument] = usize::MAX;
                        }
                    }
                    plan.steps.push(Step {
                        work: *work,
                        operands,
                        target,
                        item,
                    });
                    place
                }
                // Reductions have been replaced by their results.
                Value::Reduce(_) | Value::Whole(..) => None,
            };
            places[number] = place;
        }
        plan.roots = roots
            .iter()
            .map(|&root| Root {
                place: places[root],
                item: graph.nodes[root].scalar.size(),
            })
            .collect();
        plan.strip = plan.strip_len(purpose);
        Ok(plan)
    }

    fn register(&mut self, item: usize) -> usize {
        self.registers.push(item);
        self.registers.len() - 1
    }

    fn load(&mut self, source: Option<&'a Source>, walk: Walk, item: usize) -> Place {
        self.loads.push(Load { source, walk, item });
        Place::Load(self.loads.len() - 1)
    }

    fn strip_len(&self, purpose: Use) -> usize {
        let swaps = |load: &&Load<'_>| {
            load.source
                .is_some_and(|source| !source.dtype().is_native())
        };
        let passes = self.steps.len() + self.loads.iter().filter(swaps).count();
        let bytes = match (purpose, self.loads.len()) {
            (Use::Store, _) if passes > 1 => CHAINED_BYTES,
            (Use::Fold, 0..=1) if passes > 0 => FOLDED_BYTES,
            (Use::Fold, _) if passes > 0 => MINGLED_BYTES,
            _ => SINGLE_BYTES,
        };
        let loads = self.loads.iter().map(|load| load.item);
        let roots = self.roots.iter().map(|root| root.item);
        let items = self.registers.iter().copied().chain(loads).chain(roots);
        bytes / items.max().unwrap_or(1).max(1)
    }

    /// Bytes that are read for each element.
    pub(super) fn bytes_read(&self) -> usize {
        let bytes = |load: &Load<'_>| load.source.map_or(0, |_| load.item);
        self.loads.iter().map(bytes).sum()
    }

    /// Bytes of one element of every root.
    pub(super) fn bytes_written(&self) -> usize {
        self.roots.iter().map(|root| root.item).sum()
    }

    /// Makes the memory of elements ready that are about to be computed.
    pub(super) fn prepare(&self, elements: Range<usize>) {
        for load in &self.loads {
            if let Some(source) = load.source {
                source.prepare(&load.walk, elements.clone());
            }
        }
    }

    /// Lets go of the memory behind elements that have been computed.
    pub(super) fn release(&self, elements: Range<usize>) {
        for load in &self.loads {
            if let Some(source) = load.source {
                source.release(&load.walk, elements.clone());
            }
        }
    }
}
