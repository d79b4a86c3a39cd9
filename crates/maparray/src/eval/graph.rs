//! What has to be computed, each thing once?
//!
//! Typed expressions become one graph: equal parts are one node, names are bound to arrays. A node's
//! operands always stand before it.
//!
//! Knows: arrays, expressions. Must not know: how anything is computed.

use std::collections::HashMap;

use crate::array::Source;
use crate::dtype::Scalar;
use crate::error::{Error, Problem, Result};
use crate::expr::{Does, KeepAxes, Parameters, Refusal, Typed, What, Whole, Work};
use crate::ops::{Fold, Nans, Reduction};

/// A value of the graph.
pub(super) struct Node {
    pub(super) scalar: Scalar,
    pub(super) shape: Vec<usize>,
    pub(super) value: Value,
}

/// How the elements of a node come about; numbers name other nodes.
pub(super) enum Value {
    Array(Source),
    Constant([u8; 16]),
    /// The position of each element in C order.
    Index,
    Apply(Work, Vec<usize>),
    Reduce(Reduced),
    /// A function over whole arrays.
    Whole(Parameters, Vec<usize>),
}

/// A reduction over a node.
#[derive(Clone)]
pub(super) struct Reduced {
    pub(super) fold: Fold,
    pub(super) of: usize,
    pub(super) mask: Option<usize>,
    /// One more element of each result, without axes.
    pub(super) initial: Option<usize>,
    pub(super) axes: Vec<usize>,
    pub(super) keep: KeepAxes,
    pub(super) ddof: f64,
}

/// What makes two nodes the same.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Constant(Scalar, [u8; 16]),
    Index(Vec<usize>),
    Apply(Does, Scalar, Vec<usize>),
    Reduce(
        (Reduction, Nans),
        usize,
        [Option<usize>; 2],
        Vec<usize>,
        KeepAxes,
        u64,
    ),
    /// The parameters as text: numbers among them are equal if their digits are.
    Whole(Whole, String, Vec<usize>),
}

/// Nodes, and where they came from.
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node>,
    /// Reductions to a bool that must be false, or the expression has no answer.
    pub(super) checks: Vec<(usize, Refusal)>,
    pub(super) arrays: &'a [(String, Source)],
    known: HashMap<Key, usize>,
}

impl<'a> Graph<'a> {
    /// An empty graph over these arrays.
    pub(super) fn new(arrays: &'a [(String, Source)]) -> Graph<'a> {
        Graph {
            nodes: vec![],
            checks: vec![],
            arrays,
            known: HashMap::new(),
        }
    }

    /// Adds an expression; returns its node.
    pub(super) fn add(&mut self, typed: &Typed) -> Result<usize> {
        let (key, value) = match &typed.what {
            What::Array(name) => return self.array(typed, name),
            What::Constant(bytes) => (Key::Constant(typed.scalar, *bytes), Value::Constant(*bytes)),
            What::Index => (Key::Index(typed.shape.clone()), Value::Index),
            What::Apply(work, arguments) => {
                let arguments: Result<Vec<usize>> = arguments
                    .iter()
                    .map(|argument| self.add(argument))
                    .collect();
                let arguments = arguments?;
                (
                    Key::Apply(work.does, typed.scalar, arguments.clone()),
                    Value::Apply(*work, arguments),
                )
            }
            What::Reduce {
                fold,
                of,
                mask,
                initial,
                axes,
                keep,
                ddof,
            } => {
                let of = self.add(of)?;
                let mut more = |part: &Option<Box<Typed>>| {
                    let part = part.as_ref().map(|part| self.add(part));
                    part.transpose()
                };
                let (mask, initial) = (more(mask)?, more(initial)?);
                let key = Key::Reduce(
                    (fold.reduction, fold.nans),
                    of,
                    [mask, initial],
                    axes.clone(),
                    *keep,
                    ddof.to_bits(),
                );
                let reduced = Reduced {
                    fold: fold.clone(),
                    of,
                    mask,
                    initial,
                    axes: axes.clone(),
                    keep: *keep,
                    ddof: *ddof,
                };
                (key, Value::Reduce(reduced))
            }
            What::Whole {
                function,
                operands,
                parameters,
            } => {
                let operands: Result<Vec<usize>> =
                    operands.iter().map(|operand| self.add(operand)).collect();
                let operands = operands?;
                let text = format!("{:?} {parameters:?}", typed.scalar);
                (
                    Key::Whole(*function, text, operands.clone()),
                    Value::Whole(parameters.clone(), operands),
                )
            }
            What::Unless {
                lacking,
                refusal,
                value,
            } => {
                let check = (self.add(lacking)?, *refusal);
                if !self.checks.contains(&check) {
                    self.checks.push(check);
                }
                return self.add(value);
            }
        };
        if let Some(&known) = self.known.get(&key) {
            return Ok(known);
        }
        let node = self.push(typed.scalar, typed.shape.clone(), value);
        self.known.insert(key, node);
        Ok(node)
    }

    fn array(&mut self, typed: &Typed, name: &str) -> Result<usize> {
        let bound = self.arrays.iter().find(|(known, _)| known == name);
        let Some((_, source)) = bound else {
            return Err(Error::new(Problem::Unused { name: name.into() }));
        };
        // Two names may stand for the same elements.
        let same =
            |node: &Node| matches!(&node.value, Value::Array(known) if known.is_same(source));
        match self.nodes.iter().position(same) {
            Some(known) => Ok(known),
            None => Ok(self.push(
                typed.scalar,
                typed.shape.clone(),
                Value::Array(source.clone()),
            )),
        }
    }

    /// Adds a node that nothing else can be equal to.
    pub(super) fn push(&mut self, scalar: Scalar, shape: Vec<usize>, value: Value) -> usize {
        self.nodes.push(Node {
            scalar,
            shape,
            value,
        });
        self.nodes.len() - 1
    }

    /// The nodes right below one.
    pub(super) fn operands(&self, node: usize) -> Vec<usize> {
        match &self.nodes[node].value {
            Value::Apply(_, operands) | Value::Whole(_, operands) => operands.clone(),
            Value::Reduce(reduced) => {
                let more = reduced.mask.into_iter().chain(reduced.initial);
                more.chain([reduced.of]).collect()
            }
            Value::Array(_) | Value::Constant(_) | Value::Index => vec![],
        }
    }

    /// The nodes that one sweep for `roots` loads or computes, each after its operands; what is
    /// reduced or computed as a whole below them counts as loaded.
    pub(super) fn needed(&self, roots: &[usize]) -> Vec<usize> {
        let mut wanted = vec![false; self.nodes.len()];
        for &root in roots {
            wanted[root] = true;
        }
        for node in (0..self.nodes.len()).rev() {
            if let (true, Value::Apply(_, arguments)) = (wanted[node], &self.nodes[node].value) {
                for &argument in arguments {
                    wanted[argument] = true;
                }
            }
        }
        (0..self.nodes.len()).filter(|&node| wanted[node]).collect()
    }

    /// The arrays that one sweep for `roots` reads.
    pub(super) fn arrays_of(&self, roots: &[usize]) -> Vec<&Source> {
        let source = |node: usize| match &self.nodes[node].value {
            Value::Array(source) => Some(source),
            _ => None,
        };
        self.needed(roots).into_iter().filter_map(source).collect()
    }

    /// How many reductions and functions over whole arrays lie below a node, one inside the other;
    /// such a node counts itself.
    pub(super) fn depths(&self) -> Vec<usize> {
        let mut depths = vec![0usize; self.nodes.len()];
        for node in 0..self.nodes.len() {
            let below = self.operands(node);
            let deepest = below.iter().map(|&node| depths[node]).max().unwrap_or(0);
            let itself = matches!(self.nodes[node].value, Value::Reduce(_) | Value::Whole(..));
            depths[node] = deepest + usize::from(itself);
        }
        depths
    }
}
