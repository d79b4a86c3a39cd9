//! What are the steps?
//!
//! A typed tree becomes a straight line of steps over a few registers, each a strip of elements.
//! Every operand is read in one common order of the axes, so a place in that order is all that a
//! step has to know.
//!
//! Knows: arrays, layouts, kernels. Must not know: formats, maps.

use crate::array::Source;
use crate::dtype::Scalar;
use crate::error::Result;
use crate::layout::{Layout, Order, Walk};
use crate::ops::Kernel;

/// An expression whose names are bound and whose inner reductions are done.
pub(super) struct Tree {
    pub(super) scalar: Scalar,
    pub(super) shape: Vec<usize>,
    pub(super) node: Node,
}

pub(super) enum Node {
    Array(Source),
    Constant([u8; 16]),
    Apply(Kernel, Vec<Tree>),
    Index,
}

impl Tree {
    /// The arrays that it reads.
    pub(super) fn arrays<'t>(&'t self, found: &mut Vec<&'t Source>) {
        match &self.node {
            Node::Array(array) => found.push(array),
            Node::Apply(_, arguments) => {
                arguments.iter().for_each(|argument| argument.arrays(found))
            }
            Node::Constant(_) | Node::Index => {}
        }
    }

    /// The array that takes longest to read: the others follow its order.
    pub(super) fn largest(&self) -> Option<&Source> {
        let mut arrays = vec![];
        self.arrays(&mut arrays);
        // The first of equals, so that the answer does not depend on chance.
        arrays
            .into_iter()
            .rev()
            .max_by_key(|array| array.layout().byte_len())
    }

    /// The axes of its shape in the order in which the largest array lies in memory.
    pub(super) fn memory_order(&self) -> Vec<usize> {
        let layout = self
            .largest()
            .and_then(|array| array.layout().broadcast_to(&self.shape).ok());
        layout.map_or_else(
            || (0..self.shape.len()).collect(),
            |layout| layout.memory_order(),
        )
    }

    /// The order for a new array with its elements.
    pub(super) fn order(&self) -> Order {
        let fortran = |array: &Source| {
            let layout = array.layout();
            layout.shape() == self.shape && layout.order() == Order::F
        };
        if self.largest().is_some_and(fortran) {
            Order::F
        } else {
            Order::C
        }
    }
}

/// Where the elements of a register come from.
pub(super) enum Load<'a> {
    /// An array, walked.
    Array { array: &'a Source, walk: Walk },
    /// The element's own place among all.
    Index { walk: Walk },
}

pub(super) enum Action {
    /// Fill the result from this load.
    Load(usize),
    /// Run a kernel over these registers, each with the bytes of its elements.
    Apply(Kernel, Vec<(usize, usize)>),
}

pub(super) struct Step {
    pub(super) action: Action,
    pub(super) result: usize,
    pub(super) item: usize,
}

/// Straight-line code for one strip.
pub(super) struct Plan<'a> {
    pub(super) loads: Vec<Load<'a>>,
    pub(super) steps: Vec<Step>,
    /// Registers that hold the same element throughout, and its bytes.
    pub(super) constants: Vec<(usize, Vec<u8>)>,
    /// Bytes per element that each register must have room for.
    pub(super) registers: Vec<usize>,
    /// The register of the result.
    pub(super) result: usize,
    /// Bytes of one element of the result.
    pub(super) item: usize,
}

impl<'a> Plan<'a> {
    /// A plan for the elements of `shape`, its axes taken in the order `axes`.
    pub(super) fn new(tree: &'a Tree, shape: &[usize], axes: &[usize]) -> Result<Plan<'a>> {
        let mut draft = Draft {
            shape,
            axes,
            loads: vec![],
            seen: vec![],
            steps: vec![],
            constants: vec![],
            next: 0,
        };
        let result = draft.emit(tree)?;
        Ok(draft.finish(result, tree.scalar.size()))
    }

    /// Bytes that are read for each element of the result.
    pub(super) fn bytes_read(&self) -> usize {
        let bytes = |load: &Load<'_>| match load {
            Load::Array { array, .. } => array.layout().item_size(),
            Load::Index { .. } => 0,
        };
        self.loads.iter().map(bytes).sum()
    }
}

impl Plan<'_> {
    /// Lets go of the memory behind elements that have been computed.
    pub(super) fn release(&self, elements: std::ops::Range<usize>) {
        for load in &self.loads {
            if let Load::Array { array, walk } = load {
                array.release(walk, elements.clone());
            }
        }
    }
}

/// A plan in the making: every value has a register of its own.
struct Draft<'a, 's> {
    shape: &'s [usize],
    axes: &'s [usize],
    loads: Vec<Load<'a>>,
    /// Arrays that are loaded already, and their registers.
    seen: Vec<(&'a Source, usize)>,
    steps: Vec<Step>,
    constants: Vec<(usize, Vec<u8>)>,
    next: usize,
}

impl<'a> Draft<'a, '_> {
    fn register(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    fn emit(&mut self, tree: &'a Tree) -> Result<usize> {
        let item = tree.scalar.size();
        let action = match &tree.node {
            Node::Constant(bytes) => {
                let register = self.register();
                self.constants.push((register, bytes[..item].to_vec()));
                return Ok(register);
            }
            Node::Array(array) => {
                let same = |(seen, _): &&(&Source, usize)| seen.is_same(array);
                if let Some(&(_, register)) = self.seen.iter().find(same) {
                    return Ok(register);
                }
                // The register that this load will get.
                self.seen.push((array, self.next));
                let walk = self.walk(array.layout())?;
                self.load(Load::Array { array, walk })
            }
            Node::Index => {
                // A layout of one-byte items: the byte offset of an element is its place.
                let places = Layout::contiguous(&tree.shape, 1, Order::C, 0)?;
                let walk = self.walk(&places)?;
                self.load(Load::Index { walk })
            }
            Node::Apply(kernel, arguments) => {
                let operand = |tree: &'a Tree| Ok((self.emit(tree)?, tree.scalar.size()));
                let operands: Result<Vec<(usize, usize)>> = arguments.iter().map(operand).collect();
                Action::Apply(*kernel, operands?)
            }
        };
        let result = self.register();
        self.steps.push(Step {
            action,
            result,
            item,
        });
        Ok(result)
    }

    fn load(&mut self, load: Load<'a>) -> Action {
        self.loads.push(load);
        Action::Load(self.loads.len() - 1)
    }

    fn walk(&self, layout: &Layout) -> Result<Walk> {
        Ok(Walk::new(
            &layout.broadcast_to(self.shape)?.permuted(self.axes),
        ))
    }

    /// Lets values share registers: one is free again after its last use.
    fn finish(mut self, result: usize, item: usize) -> Plan<'a> {
        let mut last_use = vec![0; self.next];
        for (place, step) in self.steps.iter().enumerate() {
            if let Action::Apply(_, arguments) = &step.action {
                arguments
                    .iter()
                    .for_each(|&(value, _)| last_use[value] = place);
            }
        }
        last_use[result] = usize::MAX;
        let mut home = vec![usize::MAX; self.next];
        let mut registers = vec![];
        for (value, bytes) in &mut self.constants {
            home[*value] = registers.len();
            last_use[*value] = usize::MAX;
            registers.push(bytes.len());
            *value = home[*value];
        }
        let mut free: Vec<usize> = vec![];
        for (place, step) in self.steps.iter_mut().enumerate() {
            // The result's register is chosen before the arguments' are free: no kernel overlaps.
            let register = free.pop().unwrap_or_else(|| {
                registers.push(0);
                registers.len() - 1
            });
            registers[register] = registers[register].max(step.item);
            home[step.result] = register;
            step.result = register;
            if let Action::Apply(_, arguments) = &mut step.action {
                for (value, _) in arguments.iter_mut() {
                    if last_use[*value] == place {
                        free.push(home[*value]);
                        last_use[*value] = usize::MAX;
                    }
                    *value = home[*value];
                }
            }
        }
        Plan {
            loads: self.loads,
            steps: self.steps,
            constants: self.constants,
            registers,
            result: home[result],
            item,
        }
    }
}
