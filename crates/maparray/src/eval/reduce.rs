//! How are reductions computed?
//!
//! The elements are seen as a table: outer and inner positions, the inner ones lying closer together
//! in memory. Where the inner axes are the reduced ones, each row folds into one slot; where they are
//! kept, each row folds into a row of slots. Tasks are ranges of that table that depend on the shape
//! alone, and partial results merge in their order, so the answer does not depend on threads.
//!
//! Knows: arrays, layouts, folds. Must not know: formats, maps.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::block::{Buffer, Scratch};
use super::graph::{Graph, Reduced};
use super::plan::{Plan, Use};
use crate::array::{ArrayWriter, FOLIO, MemMapArray};
use crate::crew::{Crew, Member};
use crate::error::{Error, Result};
use crate::expr::KeepAxes;
use crate::layout::{Layout, Order, Walk};
use crate::ops::{ABREAST, Accumulator, fold_column_where, fold_row_where};
use crate::strip::Strip;

/// Elements of one task.
pub(super) const TASK: usize = 1 << 20;

/// Slots of one task at most, where the inner axes are kept.
const SLOTS: usize = 1 << 16;

/// Slots that are folded into while they stay in the cache.
const TILE: usize = 1 << 12;

/// Rows that are folded into a tile of slots before the next tile's turn.
const ROWS: usize = 64;

/// Partial results that may wait for each other, where the inner axes are kept.
const PARTIALS: usize = 16;

/// Reductions along the same axes of values of one shape, which one sweep computes together.
pub(super) struct Reducing<'a> {
    pub(super) graph: &'a Graph<'a>,
    pub(super) jobs: Vec<&'a Reduced>,
    /// The axes of the shape in the order in which the largest array lies.
    pub(super) order: Vec<usize>,
    pub(super) release: bool,
    /// Makes the array of a result.
    pub(super) room: &'a dyn Fn(usize, &[usize]) -> Result<MemMapArray>,
}

/// The table of elements.
struct Table {
    /// Whether the inner positions are the reduced ones.
    rows: bool,
    kept: usize,
    reduced: usize,
    /// Place of each reduced position in C order, walked as a layout of one-byte items.
    places: Walk,
}

/// A range of kept and of reduced positions.
#[derive(Clone, Debug)]
struct Task {
    kept: Range<usize>,
    reduced: Range<usize>,
}

/// A fold of a root of the plan, under a mask that is another.
struct Folding {
    root: usize,
    mask: Option<usize>,
}

type Slots = Vec<Box<dyn Accumulator>>;

/// The shape of a reduction's result.
pub(super) fn result_shape(shape: &[usize], axes: &[usize], keep: KeepAxes) -> Vec<usize> {
    (0..shape.len())
        .filter(|axis| keep == KeepAxes::Keep || !axes.contains(axis))
        .map(|axis| if axes.contains(&axis) { 1 } else { shape[axis] })
        .collect()
}

/// Reduces; one new array for each job.
pub(super) fn reduce(sweep: &Reducing<'_>, crew: &Crew<'_>) -> Result<Vec<MemMapArray>> {
    let Some(first) = sweep.jobs.first() else {
        return Ok(vec![]);
    };
    let shape = &sweep.graph.nodes[first.of].shape;
    let is_reduced = |axis: &usize| first.axes.contains(axis);
    let (reduced_axes, kept_axes): (Vec<usize>, Vec<usize>) =
        sweep.order.iter().partition(|axis| is_reduced(axis));
    let count = |axes: &[usize]| axes.iter().map(|&axis| shape[axis]).product::<usize>();
    let innermost = sweep.order.iter().rev().find(|&&axis| shape[axis] != 1);
    let rows = innermost.is_none_or(is_reduced);
    let axes = if rows {
        [&kept_axes[..], &reduced_axes[..]].concat()
    } else {
        [&reduced_axes[..], &kept_axes[..]].concat()
    };

    // Places among the reduced elements in C order, and slots of the results in C order.
    let c_order = |mut axes: Vec<usize>, walked: &[usize], item: usize| {
        axes.sort_unstable();
        let lens: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
        let layout = Layout::contiguous(&lens, item, Order::C, 0)?;
        let rank = |axis: &usize| {
            axes.iter()
                .position(|other| other == axis)
                .unwrap_or_default()
        };
        Ok::<Layout, Error>(layout.permuted(&walked.iter().map(rank).collect::<Vec<usize>>()))
    };
    let table = Table {
        rows,
        kept: count(&kept_axes),
        reduced: count(&reduced_axes),
        places: Walk::new(&c_order(reduced_axes.clone(), &reduced_axes, 1)?),
    };

    let mut roots = vec![];
    let mut root_of = |node: usize| {
        let known = roots.iter().position(|&root| root == node);
        known.unwrap_or_else(|| {
            roots.push(node);
            roots.len() - 1
        })
    };
    let foldings: Vec<Folding> = sweep
        .jobs
        .iter()
        .map(|job| Folding {
            root: root_of(job.of),
            mask: job.mask.map(&mut root_of),
        })
        .collect();
    let plan = Plan::new(sweep.graph, &roots, shape, &axes, Use::Fold)?;

    let results: Result<Vec<MemMapArray>> = sweep
        .jobs
        .iter()
        .enumerate()
        .map(|(number, job)| (sweep.room)(number, &result_shape(shape, &job.axes, job.keep)))
        .collect();
    let mut results = results?;
    let writers: Result<Vec<(ArrayWriter<'_>, Walk)>> = results
        .iter_mut()
        .zip(&sweep.jobs)
        .map(|(result, job)| {
            let item = job.fold.output.size();
            let walk = Walk::new(&c_order(kept_axes.clone(), &kept_axes, item)?);
            Ok((result.split()?.1, walk))
        })
        .collect();
    let writers = writers?;
    let jobs = &sweep.jobs;
    let initials: Result<Vec<Option<Buffer>>> =
        jobs.iter().map(|job| initial(sweep.graph, job)).collect();
    let initials = initials?;
    let finish = |kept: Range<usize>, slots: &mut Slots| {
        let each = jobs.iter().zip(slots).zip(&initials).zip(&writers);
        for (((job, accumulator), initial), (writer, walk)) in each {
            if let Some(initial) = initial {
                let number = initial.bytes(job.fold.input.size());
                for slot in 0..kept.len() {
                    accumulator.fold_row(slot, Strip::from(number), 0, 0);
                }
            }
            let bytes = kept.len() * job.fold.output.size();
            let mut buffer = Buffer::new(bytes)?;
            accumulator.finish(buffer.bytes_mut(bytes));
            writer.store_raw(walk, kept.start, buffer.bytes(bytes))?;
        }
        Ok(())
    };

    let release = sweep.release;
    let (chunks, tasks) = table.tasks();
    let partials: Mutex<Vec<Option<Slots>>> = Mutex::new((0..tasks.len()).map(|_| None).collect());
    crew.run(
        tasks.len(),
        || Scratch::new(&plan),
        |number, scratch, member| {
            let task = &tasks[number];
            let start = |job: &&Reduced| (job.fold.start)(task.kept.len(), job.ddof);
            let mut fold = Fold {
                table: &table,
                task,
                foldings: &foldings,
                slots: jobs.iter().map(start).collect(),
            };
            let trail = Trail::new(&plan, release);
            fold.run(trail, scratch, member)?;
            if chunks == 1 {
                return finish(task.kept.clone(), &mut fold.slots);
            }
            partials.lock().unwrap_or_else(PoisonError::into_inner)[number] = Some(fold.slots);
            Ok(())
        },
    )?;
    if chunks > 1 {
        let mut partials = partials
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        for (first, group) in partials.chunks_mut(chunks).enumerate() {
            let mut parts = group.iter_mut().filter_map(Option::take);
            if let Some(mut whole) = parts.next() {
                for part in parts {
                    for (whole, part) in whole.iter_mut().zip(&part) {
                        whole.merge(part.as_ref());
                    }
                }
                finish(tasks[first * chunks].kept.clone(), &mut whole)?;
            }
        }
    }
    drop(writers);
    Ok(results)
}

/// The number that is one more element of each result of a job.
fn initial(graph: &Graph<'_>, job: &Reduced) -> Result<Option<Buffer>> {
    let Some(initial) = job.initial else {
        return Ok(None);
    };
    let plan = Plan::new(graph, &[initial], &[], &[], Use::Store)?;
    let item = job.fold.input.size();
    let mut number = Buffer::new(item)?;
    Scratch::new(&plan)?.compute(0, 1, &mut [number.bytes_mut(item)])?;
    Ok(Some(number))
}

/// The elements that a task has read and whose memory it still holds.
struct Trail<'p> {
    plan: &'p Plan<'p>,
    release: bool,
    held: Range<usize>,
    /// Elements that are let go together.
    length: usize,
}

impl<'p> Trail<'p> {
    fn new(plan: &'p Plan<'p>, release: bool) -> Trail<'p> {
        let item = plan.loads.iter().map(|load| load.item).min();
        Trail {
            plan,
            release,
            held: 0..0,
            length: FOLIO / item.unwrap_or(1).max(1),
        }
    }

    /// Notes that these elements have been read.
    fn passed(&mut self, elements: Range<usize>) {
        if elements.start != self.held.end {
            self.let_go();
            self.held.start = elements.start;
        }
        self.held.end = elements.end;
        if self.held.len() >= self.length {
            self.let_go();
        }
    }

    fn let_go(&mut self) {
        if self.release && !self.held.is_empty() {
            self.plan.release(self.held.clone());
        }
        self.held.start = self.held.end;
    }
}

impl Drop for Trail<'_> {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl Table {
    /// The tasks, and how many of them in a row share their slots.
    fn tasks(&self) -> (usize, Vec<Task>) {
        let (width, chunk) = if self.rows {
            let width = if self.reduced >= TASK {
                1
            } else {
                TASK / self.reduced.max(1)
            };
            (width, TASK)
        } else {
            let tiles = self.kept.div_ceil(SLOTS);
            let chunks = (PARTIALS / tiles.max(1)).max(1);
            let fair = self.reduced.div_ceil(chunks);
            (SLOTS, fair.max(TASK / self.kept.clamp(1, SLOTS)))
        };
        let (width, chunk) = (width.min(self.kept).max(1), chunk.min(self.reduced).max(1));
        // Nothing to reduce still has a result for each slot.
        let chunks = self.reduced.div_ceil(chunk).max(1);
        let tasks = (0..self.kept).step_by(width).flat_map(|first| {
            (0..chunks).map(move |part| Task {
                kept: first..(first + width).min(self.kept),
                reduced: part * chunk..((part + 1) * chunk).min(self.reduced),
            })
        });
        (chunks, tasks.collect())
    }
}

/// One task at work.
struct Fold<'t> {
    table: &'t Table,
    task: &'t Task,
    foldings: &'t [Folding],
    slots: Slots,
}

impl Fold<'_> {
    /// Folds the task's elements into its slots.
    fn run(
        &mut self,
        mut trail: Trail<'_>,
        scratch: &mut Scratch<'_>,
        member: &mut Member<'_, '_>,
    ) -> Result<()> {
        if self.table.rows {
            self.rows(&mut trail, scratch, member)
        } else {
            self.columns(&mut trail, scratch, member)
        }
    }

    fn rows(
        &mut self,
        trail: &mut Trail<'_>,
        scratch: &mut Scratch<'_>,
        member: &mut Member<'_, '_>,
    ) -> Result<()> {
        let (row, strip) = (self.table.reduced, scratch.plan.strip);
        let (kept, reduced) = (self.task.kept.clone(), self.task.reduced.clone());
        if reduced.len() == row {
            scratch.plan.prepare(kept.start * row..kept.end * row);
        } else {
            for position in kept.clone() {
                let first = position * row;
                scratch
                    .plan
                    .prepare(first + reduced.start..first + reduced.end);
            }
        }
        if reduced.len() == row && row < strip {
            // Short rows: a strip holds many, which follow each other.
            let many = strip / row.max(1);
            for first in kept.clone().step_by(many) {
                let count = many.min(kept.end - first);
                scratch.compute(first * row, count * row, &mut [])?;
                for i in 0..count {
                    let slot = first + i - kept.start;
                    self.part(scratch, slot, 0, i * row..(i + 1) * row)?;
                }
                self.passed(trail, member, first * row..(first + count) * row)?;
            }
            return Ok(());
        }
        for position in kept.clone() {
            for start in reduced.clone().step_by(strip) {
                let count = strip.min(reduced.end - start);
                let first = position * row + start;
                scratch.compute(first, count, &mut [])?;
                self.part(scratch, position - kept.start, start, 0..count)?;
                self.passed(trail, member, first..first + count)?;
            }
        }
        Ok(())
    }

    fn columns(
        &mut self,
        trail: &mut Trail<'_>,
        scratch: &mut Scratch<'_>,
        member: &mut Member<'_, '_>,
    ) -> Result<()> {
        let row = self.table.kept;
        let tile = TILE.min(scratch.plan.strip);
        let (kept, reduced) = (self.task.kept.clone(), self.task.reduced.clone());
        for first in reduced.clone().step_by(ROWS) {
            let rows = first..(first + ROWS).min(reduced.end);
            if kept.len() == row {
                scratch.plan.prepare(rows.start * row..rows.end * row);
            }
            for start in kept.clone().step_by(tile) {
                let count = tile.min(kept.end - start);
                let mut left = rows.clone();
                while left.len() >= ABREAST && self.abreast(scratch, left.start, start, count)? {
                    left.start += ABREAST;
                }
                for position in left {
                    scratch.compute(position * row + start, count, &mut [])?;
                    self.column(scratch, position, start - kept.start)?;
                }
                let read = scratch.plan.bytes_read() * count * rows.len();
                member.advance(read as u64)?;
            }
            if kept.len() == row {
                trail.passed(rows.start * row..rows.end * row);
            } else {
                for position in rows {
                    trail.passed(position * row + kept.start..position * row + kept.end);
                }
            }
        }
        Ok(())
    }

    fn passed(
        &self,
        trail: &mut Trail<'_>,
        member: &mut Member<'_, '_>,
        elements: Range<usize>,
    ) -> Result<()> {
        let bytes = trail.plan.bytes_read() * elements.len();
        trail.passed(elements);
        member.advance(bytes as u64)
    }

    /// Folds elements of the current strip, from reduced position `start` on, into one slot.
    fn part(
        &mut self,
        scratch: &Scratch<'_>,
        slot: usize,
        start: usize,
        elements: Range<usize>,
    ) -> Result<()> {
        let mut first = elements.start;
        self.table
            .places
            .runs(start, elements.len(), |place, step, count| {
                for (folding, accumulator) in self.foldings.iter().zip(&mut self.slots) {
                    let item = scratch.plan.roots[folding.root].item;
                    let values = scratch.root(folding.root);
                    let values = values.part(first * item..(first + count) * item);
                    let (place, step) = (place as u64, step as u64);
                    match folding.mask {
                        None => accumulator.fold_row(slot, values, place, step),
                        Some(mask) => {
                            let mask = scratch.root(mask).part(first..first + count);
                            let accumulator = accumulator.as_mut();
                            fold_row_where(accumulator, slot, values, mask, place, step);
                        }
                    }
                }
                first += count;
                Ok(())
            })
    }

    /// Folds `count` elements of each of several reduced positions, from kept position `start` on, if
    /// all lie where they can be read together; whether they do.
    fn abreast(
        &mut self,
        scratch: &Scratch<'_>,
        position: usize,
        start: usize,
        count: usize,
    ) -> Result<bool> {
        if self.foldings.iter().any(|folding| folding.mask.is_some()) {
            return Ok(false);
        }
        let mut strips = Vec::with_capacity(self.foldings.len());
        for folding in self.foldings {
            let mut rows = [(Strip::from(&[0u8; 0][..]), 0); ABREAST];
            for (i, (strip, index)) in rows.iter_mut().enumerate() {
                let row = position + i;
                let first = row * self.table.kept + start;
                match scratch.lying(folding.root, first, count)? {
                    Some(found) => *strip = found,
                    None => return Ok(false),
                }
                self.table.places.runs(row, 1, |place, _, _| {
                    *index = place as u64;
                    Ok(())
                })?;
            }
            strips.push(rows);
        }
        for (rows, accumulator) in strips.iter().zip(&mut self.slots) {
            accumulator.fold_columns(start - self.task.kept.start, rows);
        }
        Ok(true)
    }

    /// Folds the current strip, all of one reduced position, into slots from `first` on.
    fn column(&mut self, scratch: &Scratch<'_>, position: usize, first: usize) -> Result<()> {
        self.table.places.runs(position, 1, |place, _, _| {
            for (folding, accumulator) in self.foldings.iter().zip(&mut self.slots) {
                let (values, place) = (scratch.root(folding.root), place as u64);
                match folding.mask {
                    None => accumulator.fold_column(first, values, place),
                    Some(mask) => {
                        let mask = scratch.root(mask);
                        fold_column_where(accumulator.as_mut(), first, values, mask, place);
                    }
                }
            }
            Ok(())
        })
    }
}
