//! In which sweeps is everything computed?
//!
//! Reductions of one depth along the same axes of values of one shape share a sweep, so that an array
//! is read once for all of them; their results stand as arrays in the graph from then on. What is
//! left is computed element by element, results of one shape together.
//!
//! Knows: arrays, graphs. Must not know: formats, maps.

mod wholes;

use std::path::Path;

use super::cross::Bands;
use super::fill::{self, Filling};
use super::graph::{Graph, Reduced, Value};
use super::output::Output;
use super::plan::{Plan, Use};
use super::reduce::{self, Reducing};
use super::{Report, fits};
use crate::array::{
    ArrayWriter, Behind, Create, Flush, MemMapArray, NewArray, Source, check_apart,
};
use crate::crew::{self, Crew, Watch};
use crate::dtype::{DType, Scalar};
use crate::error::{Error, Problem, Result};
use crate::expr::{Does, Typed, Work};
use crate::layout::Order;
use crate::ops;
use crate::unit::Unit;

/// Bytes of work that fit into every machine's memory.
const SMALL: u64 = 64 << 20;

/// What the caller said about how to compute.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settings {
    pub(super) threads: Option<usize>,
    /// Bytes to keep to; the pages of outputs count too, if the caller says so many.
    pub(super) memory: Option<usize>,
    pub(super) durable: bool,
}

/// A graph on its way to being computed.
pub(super) struct Program<'a> {
    pub(super) graph: Graph<'a>,
    pub(super) roots: Vec<usize>,
    settings: Settings,
    memory: usize,
    /// Results of reductions, with their nodes.
    results: Vec<(usize, MemMapArray)>,
    /// Roots whose results the caller gets: they are made in memory.
    kept: Vec<usize>,
    /// Roots that are functions over whole arrays, and computed right into their outputs.
    direct: Vec<usize>,
}

/// A new file for a root.
pub(super) struct Target<'a> {
    pub(super) path: &'a Path,
    pub(super) dtype: DType,
    pub(super) unit: Option<&'a Unit>,
    /// In the order of the arrays it is made of, if nothing is said.
    pub(super) options: Option<&'a Create>,
}

/// Reductions that share a sweep.
pub(super) struct Stage {
    pub(super) nodes: Vec<usize>,
    depth: usize,
}

impl<'a> Program<'a> {
    pub(super) fn new(
        arrays: &'a [(String, Source)],
        typed: &[Typed],
        settings: Settings,
    ) -> Result<Program<'a>> {
        let mut graph = Graph::new(arrays);
        let roots: Result<Vec<usize>> = typed.iter().map(|typed| graph.add(typed)).collect();
        let mut program = Program {
            graph,
            roots: roots?,
            settings,
            memory: settings.memory.unwrap_or(SMALL as usize),
            results: vec![],
            kept: vec![],
            direct: vec![],
        };
        let (read, written) = program.bytes();
        // Asking the system takes longer than small work.
        if settings.memory.is_none() && read.saturating_add(written) > SMALL {
            program.memory = crew::modest_memory();
        }
        Ok(program)
    }

    /// Bytes to keep to.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// A root as another type.
    pub(super) fn cast(&mut self, number: usize, wanted: Scalar) {
        let root = self.roots[number];
        let (from, shape) = (
            self.graph.nodes[root].scalar,
            self.graph.nodes[root].shape.clone(),
        );
        if from != wanted {
            let work = Work {
                does: Does::Cast,
                kernel: ops::cast(from, wanted),
            };
            self.roots[number] = self
                .graph
                .push(wanted, shape, Value::Apply(work, vec![root]));
        }
    }

    /// The sweeps of reductions and the functions over whole arrays, in the order in which they can
    /// be done.
    pub(super) fn stages(&self) -> Vec<Stage> {
        let depths = self.graph.depths();
        let mut stages: Vec<Stage> = vec![];
        let reductions = (0..self.graph.nodes.len()).filter_map(|node| {
            let reduced = self.reduced(node)?;
            Some((depths[node], node, reduced))
        });
        for (depth, node, reduced) in reductions {
            let shape = &self.graph.nodes[reduced.of].shape;
            let goes_with = |stage: &&mut Stage| {
                let other = stage.nodes.first().and_then(|&node| self.reduced(node));
                stage.depth == depth
                    && other.is_some_and(|other| {
                        other.axes == reduced.axes && self.graph.nodes[other.of].shape == *shape
                    })
            };
            match stages.iter_mut().find(goes_with) {
                Some(stage) => stage.nodes.push(node),
                None => stages.push(Stage {
                    nodes: vec![node],
                    depth,
                }),
            }
        }
        let wholes = (0..self.graph.nodes.len())
            .filter(|node| !self.direct.contains(node) && self.is_whole(*node));
        stages.extend(wholes.map(|node| Stage {
            nodes: vec![node],
            depth: depths[node],
        }));
        stages.sort_by_key(|stage| stage.depth);
        stages
    }

    fn reduced(&self, node: usize) -> Option<&Reduced> {
        match &self.graph.nodes[node].value {
            Value::Reduce(reduced) => Some(reduced),
            _ => None,
        }
    }

    /// The values that a stage folds.
    pub(super) fn folded(&self, stage: &Stage) -> Vec<usize> {
        let reduced = stage.nodes.iter().filter_map(|&node| self.reduced(node));
        let mut values: Vec<usize> = reduced
            .flat_map(|reduced| [Some(reduced.of), reduced.mask])
            .flatten()
            .collect();
        for &node in &stage.nodes {
            if let Value::Whole(_, operands) = &self.graph.nodes[node].value {
                values.extend(operands);
            }
        }
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Has results of functions over whole arrays that are roots stay in memory.
    pub(super) fn keep_roots(&mut self) {
        self.kept.clone_from(&self.roots);
    }

    /// Bytes of the arrays that a sweep reads.
    pub(super) fn bytes_read(&self, values: &[usize]) -> u64 {
        let arrays = self.graph.arrays_of(values);
        arrays
            .iter()
            .map(|array| array.layout().byte_len() as u64)
            .sum()
    }

    /// Bytes that a sweep over `values` of this shape moves, broadcast arrays as often as they are used.
    fn work(&self, values: &[usize], shape: &[usize]) -> u64 {
        let arrays = self.graph.arrays_of(values);
        let item: usize = arrays.iter().map(|array| array.layout().item_size()).sum();
        elements(shape).saturating_mul(item as u64)
    }

    /// Roots that are no reduction, and thus need a sweep to themselves.
    pub(super) fn open_roots(&self) -> Vec<usize> {
        let is_open = |root: &usize| self.reduced(*root).is_none();
        self.roots.iter().copied().filter(is_open).collect()
    }

    /// Bytes read and written by everything.
    pub(super) fn bytes(&self) -> (u64, u64) {
        let stages = self.stages();
        let mut read: u64 = stages
            .iter()
            .map(|stage| self.bytes_read(&self.folded(stage)))
            .sum();
        let open = self.open_roots();
        if !open.is_empty() {
            read += self.bytes_read(&open);
        }
        let written = self.roots.iter().map(|&root| self.bytes_of(root)).sum();
        (read, written)
    }

    pub(super) fn bytes_of(&self, node: usize) -> u64 {
        let node = &self.graph.nodes[node];
        elements(&node.shape).saturating_mul(node.scalar.size() as u64)
    }

    /// The threads for all of it.
    pub(super) fn crew<'w>(&self, watch: Option<Watch<'w>>) -> Crew<'w> {
        let stages = self.stages();
        let mut total: u64 = 0;
        for stage in &stages {
            let values = self.folded(stage);
            if let Some(&first) = values.first() {
                let shape = &self.graph.nodes[first].shape;
                total = total.saturating_add(self.work(&values, shape));
            }
        }
        for &root in &self.roots {
            total = total.saturating_add(self.bytes_of(root));
            if self.reduced(root).is_none() {
                total = total.saturating_add(self.work(&[root], &self.graph.nodes[root].shape));
            }
        }
        let threads = self.settings.threads.unwrap_or_else(crew::cores);
        Crew::new(threads, total, watch)
    }

    /// Computes all reductions; afterwards the graph has arrays in their places.
    pub(super) fn reduce(&mut self, crew: &Crew<'_>) -> Result<()> {
        for stage in self.stages() {
            if let [node] = stage.nodes[..]
                && self.is_whole(node)
            {
                self.whole(node, crew)?;
                continue;
            }
            let values = self.folded(&stage);
            let jobs: Vec<&Reduced> = stage
                .nodes
                .iter()
                .filter_map(|&node| self.reduced(node))
                .collect();
            let room = |job: usize, shape: &[usize]| {
                self.room(self.graph.nodes[stage.nodes[job]].scalar, shape, Order::C)
            };
            let shape = match values.first() {
                Some(&first) => &self.graph.nodes[first].shape,
                None => continue,
            };
            let results = reduce::reduce(
                &Reducing {
                    graph: &self.graph,
                    jobs,
                    order: self.memory_order(&values, shape),
                    release: self.bytes_read(&values) > self.memory as u64,
                    room: &room,
                },
                crew,
            )?;
            for (&node, result) in stage.nodes.iter().zip(results) {
                let check = self.graph.checks.iter().find(|check| check.0 == node);
                if let Some((_, refusal)) = check
                    && result.get::<bool>(&[])?
                {
                    return Err(refusal.error());
                }
                self.graph.nodes[node].value = Value::Array(result.source());
                self.results.push((node, result));
            }
        }
        Ok(())
    }

    /// Memory for a result, or a file without a name if it would not fit into the budget.
    pub(super) fn room(
        &self,
        scalar: Scalar,
        shape: &[usize],
        order: Order,
    ) -> Result<MemMapArray> {
        let bytes = elements(shape).saturating_mul(scalar.size() as u64);
        if bytes > self.memory as u64 {
            return MemMapArray::temporary(&scalar.native(), shape, order, None);
        }
        MemMapArray::zeros(&scalar.native(), shape, order)
    }

    /// The array that takes longest to read among those of these values: others follow its order.
    fn largest(&self, values: &[usize]) -> Option<&Source> {
        let arrays = self.graph.arrays_of(values);
        // The first of equals, so that the answer does not depend on chance.
        arrays
            .into_iter()
            .rev()
            .max_by_key(|array| array.layout().byte_len())
    }

    /// The axes of a shape in the order in which the largest array lies in memory.
    pub(super) fn memory_order(&self, values: &[usize], shape: &[usize]) -> Vec<usize> {
        let layout = self
            .largest(values)
            .and_then(|array| array.layout().broadcast_to(shape).ok());
        layout.map_or_else(
            || (0..shape.len()).collect(),
            |layout| layout.memory_order(),
        )
    }

    /// The order for a new array with the elements of a root.
    pub(super) fn order(&self, root: usize) -> Order {
        if let Some(order) = self.whole_order(root) {
            return order;
        }
        let fortran = |array: &Source| {
            let layout = array.layout();
            layout.shape() == self.graph.nodes[root].shape && layout.order() == Order::F
        };
        if self.largest(&[root]).is_some_and(fortran) {
            Order::F
        } else {
            Order::C
        }
    }

    /// Computes every root into memory, reductions being done.
    pub(super) fn run(mut self, crew: &Crew<'_>) -> Result<Vec<MemMapArray>> {
        let mut finished: Vec<Option<MemMapArray>> = vec![];
        let mut made: Vec<MemMapArray> = vec![];
        let mut open: Vec<usize> = vec![];
        for &root in &self.roots {
            let reduced = self.results.iter().position(|(node, _)| *node == root);
            // Handed out once: whoever gets it may write to it.
            let result = reduced.map(|known| self.results.swap_remove(known).1);
            if result.is_none() {
                let node = &self.graph.nodes[root];
                let order = self.order(root);
                made.push(MemMapArray::zeros(
                    &node.scalar.native(),
                    &node.shape,
                    order,
                )?);
                open.push(root);
            }
            finished.push(result);
        }
        let outputs: Result<Vec<Output<'_>>> = made
            .iter_mut()
            .map(|array| Ok(Output::Array(array.split()?.1)))
            .collect();
        self.fill_all(&open, outputs?, crew)?;
        let mut made = made.into_iter();
        let results = finished.into_iter();
        Ok(results
            .filter_map(|result| result.or_else(|| made.next()))
            .collect())
    }

    /// Computes every root into a new file; `finish` gives them their names when all are whole.
    pub(super) fn save<T>(
        mut self,
        targets: &[Target<'_>],
        watch: Option<Watch<'_>>,
        finish: impl Fn(NewArray, Flush) -> Result<T>,
    ) -> Result<Vec<(Report, T)>> {
        check_apart(targets.iter().map(|target| target.path))?;
        let crew = self.crew(watch);
        let mut reports = self.reports(&crew);
        self.go_direct(true);
        self.reduce(&crew)?;
        for (report, &root) in reports.iter_mut().zip(&self.roots) {
            report.shape.clone_from(&self.graph.nodes[root].shape);
            report.bytes_written = self.bytes_of(root);
        }
        let files: Result<Vec<NewArray>> = targets
            .iter()
            .zip(&self.roots)
            .map(|(target, &root)| {
                let options = target.options.copied().unwrap_or(Create {
                    order: self.order(root),
                    ..Create::default()
                });
                let shape = &self.graph.nodes[root].shape;
                NewArray::create(target.path, &target.dtype, shape, &options, target.unit)
            })
            .collect();
        let files = files?;
        let (mut roots, mut outputs) = (vec![], vec![]);
        for (&root, file) in self.roots.iter().zip(&files) {
            if self.direct.contains(&root) {
                self.whole_into(root, &Output::File(file), &crew)?;
            } else {
                roots.push(root);
                outputs.push(Output::File(file));
            }
        }
        self.fill_all(&roots, outputs, &crew)?;
        let flush = if self.settings.durable {
            Flush::Durable
        } else {
            Flush::Start
        };
        let finished = files.into_iter().map(|file| finish(file, flush));
        let both = reports.into_iter().zip(finished);
        both.map(|(report, file)| Ok((report, file?))).collect()
    }

    /// Computes the one root into an array that exists, and that it may read.
    pub(super) fn write(
        mut self,
        out: &Source,
        writer: ArrayWriter<'_>,
        watch: Option<Watch<'_>>,
    ) -> Result<Report> {
        let crew = self.crew(watch);
        let report = self.reports(&crew).into_iter().next();
        let node = &self.graph.nodes[self.roots[0]];
        let alike = out.dtype().scalar() == Some(node.scalar) && out.layout().shape() == node.shape;
        self.go_direct(alike);
        self.reduce(&crew)?;
        let root = self.roots[0];
        if self.direct.contains(&root) {
            let operands = self.graph.operands(root);
            let apart = |&operand: &usize| match &self.graph.nodes[operand].value {
                Value::Array(source) => !source.meets(out),
                _ => true,
            };
            if operands.iter().all(apart) {
                self.whole_into(root, &Output::Array(writer), &crew)?;
                return report.ok_or_else(|| Error::new(Problem::Cancelled));
            }
            self.whole(root, &crew)?;
        }
        let arrays = self.graph.arrays_of(&[root]);
        let whole;
        if arrays.iter().any(|array| array.clashes(out)) {
            // An input lies across the output: compute first, then copy.
            let node = &self.graph.nodes[root];
            let (scalar, shape) = (node.scalar, node.shape.clone());
            let mut copy = self.room(scalar, &shape, self.order(root))?;
            self.fill(&[root], &[Output::Array(copy.split()?.1)], &crew)?;
            whole = copy;
            self.roots[0] = self.graph.push(scalar, shape, Value::Array(whole.source()));
        }
        if let Some(wanted) = out.dtype().scalar() {
            self.cast(0, wanted);
        }
        fits(&self.graph.nodes[root].shape, out.layout().shape())?;
        self.fill(&self.roots, &[Output::Array(writer)], &crew)?;
        report.ok_or_else(|| Error::new(Problem::Cancelled))
    }

    fn reports(&self, crew: &Crew<'_>) -> Vec<Report> {
        let bytes_read = self.bytes().0;
        let report = |&root: &usize| Report {
            dtype: self.graph.nodes[root].scalar.native(),
            shape: self.graph.nodes[root].shape.clone(),
            bytes_read,
            bytes_written: self.bytes_of(root),
            threads: crew.threads(),
        };
        self.roots.iter().map(report).collect()
    }

    /// Computes roots into outputs, those that lie alike in one sweep.
    fn fill_all(&self, roots: &[usize], outputs: Vec<Output<'_>>, crew: &Crew<'_>) -> Result<()> {
        let mut left: Vec<(usize, Output<'_>)> = roots.iter().copied().zip(outputs).collect();
        while let Some((_, first)) = left.first() {
            let layout = first.layout();
            let (shape, axes) = (layout.shape().to_vec(), layout.memory_order());
            let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, output)| {
                output.layout().shape() == shape && output.layout().memory_order() == axes
            });
            let (roots, outputs): (Vec<usize>, Vec<Output<'_>>) = now.into_iter().unzip();
            self.fill(&roots, &outputs, crew)?;
            left = later;
        }
        Ok(())
    }

    /// Computes roots of one shape into outputs that lie in one order.
    pub(super) fn fill(
        &self,
        roots: &[usize],
        outputs: &[Output<'_>],
        crew: &Crew<'_>,
    ) -> Result<()> {
        let Some(first) = outputs.first() else {
            return Ok(());
        };
        let (shape, axes) = (first.layout().shape(), first.layout().memory_order());
        let plan = Plan::new(&self.graph, roots, shape, &axes, Use::Store)?;
        let bands = Bands::of(&plan, shape, &axes)?;
        let written: u64 = outputs
            .iter()
            .map(|output| output.layout().byte_len() as u64)
            .sum();
        let (over, behind) = self.behind(self.bytes_read(roots), written);
        fill::fill(
            &Filling {
                plan: &plan,
                bands: bands.as_ref(),
                outputs,
                total: first.layout().len(),
                room: (self.memory / 4).max(1 << 16),
                release: over,
                behind,
            },
            crew,
        )
    }

    /// Whether memory is let go behind a sweep that reads and writes so many bytes, and what becomes
    /// of what it has written to files.
    fn behind(&self, read: u64, written: u64) -> (bool, Behind) {
        let over = read.saturating_add(written) > self.memory as u64;
        let behind = if over && (self.settings.memory.is_some() || crew::fills_memory(written)) {
            Behind::Drop
        } else if self.settings.durable || crew::throttles(written) {
            Behind::Start
        } else {
            Behind::Leave
        };
        (over, behind)
    }
}

/// The number of elements of a shape.
pub(super) fn elements(shape: &[usize]) -> u64 {
    shape
        .iter()
        .fold(1, |count, &len| count.saturating_mul(len as u64))
}
