//! What is going to be done, and how long will it take?
//!
//! The sweeps of a program as a person would tell them, before anything is computed.
//!
//! Knows: programs, plans. Must not know: how anything is computed.

use std::fmt;
use std::time::Duration;

use super::graph::{Graph, Value};
use super::plan::{Plan, Use};
use super::program::{Program, elements};
use super::reduce::TASK;
use crate::array::FOLIO;
use crate::array::Source;
use crate::error::Result;
use crate::expr::Does;
use crate::layout::shape_text;
use crate::unit::Unit;

/// What a computation is going to do: see [`Eval::explain`](crate::Eval::explain).
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The passes over arrays, in the order in which they are made.
    pub sweeps: Vec<Sweep>,
    /// The unit of each result.
    pub units: Vec<Option<Unit>>,
    /// Bytes that are read from arrays; an array counts once for each sweep.
    pub bytes_read: u64,
    /// How many of them are not in memory, and come from the disk.
    pub bytes_cold: u64,
    /// Bytes of the results.
    pub bytes_written: u64,
    /// Threads that take part.
    pub threads: usize,
    /// Bytes of memory that the computation keeps to.
    pub memory: u64,
    /// The time that it may take, from rates that are typical for a machine of today: good for telling
    /// seconds from hours.
    pub expected: Duration,
}

/// One pass over arrays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// What it is for.
    pub purpose: String,
    /// The shape of what it goes over.
    pub shape: Vec<usize>,
    /// What it reads, and how.
    pub reads: Vec<String>,
    /// What is done to each strip of elements, in this order.
    pub steps: Vec<String>,
    /// Elements of a strip: all steps are done to one before the next begins.
    pub strip: usize,
    /// Elements that a thread takes at a time, at most.
    pub block: usize,
    /// Bytes that it reads.
    pub bytes_read: u64,
}

/// Bytes per second: read from memory by one thread, and by all of them; read from a disk; written to
/// a new file. Steps per second over one element, by one thread.
const THREAD_RATE: f64 = 12e9;
const MEMORY_RATE: f64 = 30e9;
const DISK_RATE: f64 = 2e9;
const WRITE_RATE: f64 = 6e9;
const STEP_RATE: f64 = 4e9;

impl Program<'_> {
    /// Tells what [`Program::reduce`] and [`Program::fill`] will do.
    pub(super) fn explain(&self) -> Result<Explanation> {
        let threads = self.crew(None).threads();
        let mut sweeps = vec![];
        let mut work = 0.0;
        for stage in self.stages() {
            let values = self.folded(&stage);
            let labels: Vec<String> = stage.nodes.iter().map(|&node| self.label(node)).collect();
            let purpose = format!("compute {}", labels.join(", "));
            let sweep = self.sweep(purpose, &values, TASK)?;
            work += self.seconds(&sweep, threads);
            sweeps.push(sweep);
        }
        let open = self.open_roots();
        let mut bytes_written = 0;
        for &root in &self.roots {
            bytes_written += self.bytes_of(root);
        }
        if !open.is_empty() {
            let item = self.graph.nodes[open[0]].scalar.size();
            let sweep = self.sweep("compute the result".into(), &open, FOLIO / item)?;
            work += self.seconds(&sweep, threads);
            sweeps.push(sweep);
        }
        let (mut bytes_read, mut bytes_cold) = (0, 0);
        let mut seen: Vec<usize> = vec![];
        for sweep in &sweeps {
            bytes_read += sweep.bytes_read;
        }
        for node in 0..self.graph.nodes.len() {
            if let Value::Array(source) = &self.graph.nodes[node].value
                && !seen.contains(&node)
            {
                seen.push(node);
                bytes_cold += source.bytes_missing();
            }
        }
        let disk = bytes_cold as f64 / DISK_RATE + bytes_written as f64 / WRITE_RATE;
        Ok(Explanation {
            sweeps,
            units: vec![],
            bytes_read,
            bytes_cold,
            bytes_written,
            threads,
            memory: self.memory() as u64,
            expected: Duration::try_from_secs_f64(disk.max(work)).unwrap_or(Duration::MAX),
        })
    }

    fn sweep(&self, purpose: String, values: &[usize], block: usize) -> Result<Sweep> {
        let shape = match values.first() {
            Some(&first) => self.graph.nodes[first].shape.clone(),
            None => vec![],
        };
        let axes = self.memory_order(values, &shape);
        let plan = Plan::new(&self.graph, values, &shape, &axes, Use::Fold)?;
        let mut reads = vec![];
        let mut steps = vec![];
        for node in self.graph.needed(values) {
            match &self.graph.nodes[node].value {
                Value::Array(source) => {
                    let way = way(source, &shape, &axes)?;
                    let of = shape_text(source.layout().shape());
                    let dtype = source.dtype();
                    reads.push(format!("{}: `{dtype}` {of}, {way}", self.label(node)));
                }
                Value::Apply(work, operands) => {
                    let operands: Vec<String> = operands
                        .iter()
                        .map(|&operand| self.label(operand))
                        .collect();
                    let name = match work.does {
                        Does::Apply(op) => op.name(),
                        Does::Cast => "cast",
                        Does::Time(op, _) => op.name(),
                        Does::Days | Does::Coarser => "to another unit",
                    };
                    let result = self.label(node);
                    let scalar = self.graph.nodes[node].scalar.name();
                    steps.push(format!(
                        "{result} = {name}({}): {scalar}",
                        operands.join(", ")
                    ));
                }
                _ => {}
            }
        }
        Ok(Sweep {
            purpose,
            bytes_read: self.bytes_read(values),
            shape,
            reads,
            steps,
            strip: plan.strip,
            block: block.max(1),
        })
    }

    /// Seconds for the reading and the arithmetic of a sweep.
    fn seconds(&self, sweep: &Sweep, threads: usize) -> f64 {
        let rate = (THREAD_RATE * threads as f64).min(MEMORY_RATE);
        let steps = (elements(&sweep.shape) as f64) * sweep.steps.len() as f64;
        sweep.bytes_read as f64 / rate + steps / (STEP_RATE * threads as f64)
    }

    /// A short name for a value.
    fn label(&self, node: usize) -> String {
        let graph = &self.graph;
        match &graph.nodes[node].value {
            Value::Array(source) => graph.name_of(source).unwrap_or("a result").into(),
            Value::Constant(bytes) => {
                let scalar = graph.nodes[node].scalar;
                scalar.native().show(&bytes[..scalar.size()])
            }
            Value::Index => "index".into(),
            Value::Apply(..) => format!("t{}", graph.steps_before(node)),
            Value::Reduce(reduced) => {
                format!(
                    "{}({})",
                    reduced.fold.reduction.name(),
                    self.label(reduced.of)
                )
            }
            Value::Whole(parameters, operands) => {
                let operands: Vec<String> = operands
                    .iter()
                    .map(|&operand| self.label(operand))
                    .collect();
                format!("{}({})", parameters.function().name(), operands.join(", "))
            }
        }
    }
}

impl Graph<'_> {
    fn name_of(&self, source: &Source) -> Option<&str> {
        let bound = self.arrays.iter().find(|(_, known)| known.is_same(source));
        bound.map(|(name, _)| name.as_str())
    }

    /// How many operations stand before a node.
    fn steps_before(&self, node: usize) -> usize {
        let is_step = |node: &&super::graph::Node| matches!(node.value, Value::Apply(..));
        self.nodes[..node].iter().filter(is_step).count()
    }
}

/// How the elements of an array come to a strip.
fn way(source: &Source, shape: &[usize], axes: &[usize]) -> Result<&'static str> {
    let layout = source.layout().broadcast_to(shape)?.permuted(axes);
    let item = layout.item_size() as isize;
    let long = (0..layout.ndim())
        .rev()
        .find(|&axis| layout.shape()[axis] != 1);
    let stride = long.map_or(item, |axis| layout.strides()[axis]);
    let aside = layout.strides().contains(&item);
    Ok(match stride {
        _ if !source.dtype().is_native() => "swapped to this machine's byte order",
        0 => "the same for a whole row",
        stride if stride == item => "in place",
        _ if aside => "turned, in bands",
        _ => "gathered",
    })
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, sweep) in self.sweeps.iter().enumerate() {
            let shape = shape_text(&sweep.shape);
            writeln!(f, "sweep {}: {} over {shape}", number + 1, sweep.purpose)?;
            for read in &sweep.reads {
                writeln!(f, "  read {read}")?;
            }
            for step in &sweep.steps {
                writeln!(f, "  {step}")?;
            }
            let (strip, block) = (sweep.strip, sweep.block);
            let total = elements(&sweep.shape);
            let blocks = total.div_ceil(block as u64);
            writeln!(
                f,
                "  {blocks} blocks of {block} elements, strips of {strip}"
            )?;
        }
        for unit in self.units.iter().flatten() {
            writeln!(f, "result in `{unit}`")?;
        }
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        writeln!(
            f,
            "read {:.1} MiB ({:.1} MiB from the disk), write {:.1} MiB",
            mib(self.bytes_read),
            mib(self.bytes_cold),
            mib(self.bytes_written),
        )?;
        let (threads, memory) = (self.threads, mib(self.memory));
        let expected = self.expected.as_secs_f64();
        write!(
            f,
            "{threads} threads, {memory:.0} MiB of memory, about {expected:.2} s"
        )
    }
}
