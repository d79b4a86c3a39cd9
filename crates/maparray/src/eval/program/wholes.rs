//! When and where are functions over whole arrays computed?
//!
//! Like sweeps of reductions, before what is made of their results; but those that are results
//! themselves go right into their files.
//!
//! Knows: graphs, arrays. Must not know: formats, maps.

use super::Program;
use crate::array::{MemMapArray, Source};
use crate::crew::Crew;
use crate::error::Result;
use crate::eval::graph::Value;
use crate::eval::output::Output;
use crate::eval::whole::{self, Call};
use crate::layout::{Order, Select};

impl Program<'_> {
    pub(super) fn is_whole(&self, node: usize) -> bool {
        matches!(self.graph.nodes[node].value, Value::Whole(..))
    }

    /// Computes a function over whole arrays; afterwards the graph has an array in its place.
    pub(super) fn whole(&mut self, node: usize, crew: &Crew<'_>) -> Result<()> {
        let order = self.order(node);
        let found = &self.graph.nodes[node];
        let mut result = if self.kept.contains(&node) {
            MemMapArray::zeros(&found.scalar.native(), &found.shape, order)?
        } else {
            self.room(found.scalar, &found.shape, order)?
        };
        let count = self.whole_into(node, &Output::Array(result.split()?.1), crew)?;
        if count < result.len() {
            result = result.select(&[Select::Range {
                start: None,
                stop: Some(count as i64),
                step: 1,
            }])?;
        }
        let found = &mut self.graph.nodes[node];
        found.shape = result.shape().to_vec();
        found.value = Value::Array(result.source());
        self.results.push((node, result));
        Ok(())
    }

    /// Computes a function over whole arrays into an output; says how many elements it has.
    pub(super) fn whole_into(
        &self,
        node: usize,
        output: &Output<'_>,
        crew: &Crew<'_>,
    ) -> Result<usize> {
        let found = &self.graph.nodes[node];
        let Value::Whole(parameters, operands) = &found.value else {
            return Ok(0);
        };
        let operands: Vec<Source> = operands
            .iter()
            .map(|&operand| self.operand(operand, crew))
            .collect::<Result<_>>()?;
        let read = operands
            .iter()
            .map(|operand| operand.layout().byte_len() as u64);
        let (release, behind) = self.behind(read.sum(), output.layout().byte_len() as u64);
        let call = Call {
            function: parameters.function(),
            parameters,
            operands: &operands,
            scalar: found.scalar,
            output,
            threads: crew.threads(),
            memory: self.memory,
            release,
            behind,
        };
        whole::run(&call, crew)
    }

    /// A node as an array: the one that it is, or its values computed first.
    fn operand(&self, node: usize, crew: &Crew<'_>) -> Result<Source> {
        let found = &self.graph.nodes[node];
        if let Value::Array(source) = &found.value {
            return Ok(source.clone());
        }
        let mut values = self.room(found.scalar, &found.shape, self.order(node))?;
        self.fill(&[node], &[Output::Array(values.split()?.1)], crew)?;
        Ok(values.source())
    }

    /// Has roots be computed right into their outputs, if these fit, where they are functions over
    /// whole arrays that nothing else needs.
    pub(super) fn go_direct(&mut self, fit: bool) {
        let mut users = vec![0; self.graph.nodes.len()];
        for node in 0..self.graph.nodes.len() {
            for operand in self.graph.operands(node) {
                users[operand] += 1;
            }
        }
        self.roots.iter().for_each(|&root| users[root] += 1);
        let direct = |&root: &usize| match &self.graph.nodes[root].value {
            Value::Whole(parameters, _) => {
                let known = parameters.function().has_known_shape();
                known && fit && users[root] == 1
            }
            _ => false,
        };
        self.direct = self.roots.iter().copied().filter(direct).collect();
    }

    /// The order for the result of a function over whole arrays.
    pub(super) fn whole_order(&self, node: usize) -> Option<Order> {
        let Value::Whole(parameters, operands) = &self.graph.nodes[node].value else {
            return None;
        };
        let first = *operands.first()?;
        let operand = &self.graph.nodes[first];
        let keeps = parameters.function().keeps_order()
            && operand.shape.len() == self.graph.nodes[node].shape.len();
        Some(match &operand.value {
            _ if !keeps => Order::C,
            Value::Array(source) => source.layout().order(),
            _ => self.order(first),
        })
    }
}
