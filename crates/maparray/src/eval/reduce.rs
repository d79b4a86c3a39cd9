//! How is a reduction computed?
//!
//! The elements are seen as a table: outer and inner positions, the inner ones lying closer together
//! in memory. Where the inner axes are the reduced ones, each row folds into one slot; where they are
//! kept, each row folds into a row of slots. Tasks are ranges of that table that depend on the shape
//! alone, and partial results merge in their order, so the answer does not depend on threads.
//!
//! Knows: arrays, layouts, folds. Must not know: formats, maps.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::block::{STRIP, Scratch};
use super::plan::{Plan, Tree};
use crate::array::MemMapArray;
use crate::crew::{Crew, Member};
use crate::error::{Error, Result};
use crate::expr::KeepAxes;
use crate::layout::{Layout, Order, Walk};
use crate::ops::{Accumulator, Fold};
use crate::strip::Strip;

/// Elements of one task.
const TASK: usize = 1 << 20;

/// Slots of one task at most, where the inner axes are kept.
const SLOTS: usize = 1 << 16;

/// Partial results that may wait for each other, where the inner axes are kept.
const PARTIALS: usize = 16;

/// What to reduce.
pub(super) struct Reducing<'a> {
    pub(super) of: &'a Tree,
    pub(super) fold: &'a Fold,
    pub(super) axes: &'a [usize],
    pub(super) keep: KeepAxes,
    pub(super) ddof: f64,
    /// Whether memory is let go behind the computation.
    pub(super) release: bool,
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

/// Reduces; the result is a new array in memory.
pub(super) fn reduce(job: &Reducing<'_>, crew: &Crew<'_>) -> Result<MemMapArray> {
    let shape = &job.of.shape;
    let order = job.of.memory_order();
    let is_reduced = |axis: &usize| job.axes.contains(axis);
    let (reduced_axes, kept_axes): (Vec<usize>, Vec<usize>) =
        order.iter().partition(|axis| is_reduced(axis));
    let count = |axes: &[usize]| axes.iter().map(|&axis| shape[axis]).product::<usize>();
    let innermost = order.iter().rev().find(|&&axis| shape[axis] != 1);
    let rows = innermost.is_none_or(is_reduced);
    let axes = if rows {
        [&kept_axes[..], &reduced_axes[..]].concat()
    } else {
        [&reduced_axes[..], &kept_axes[..]].concat()
    };

    // Places among the reduced elements in C order, and slots of the result in C order.
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
    let item = job.fold.output.size();
    let places = Walk::new(&c_order(reduced_axes.clone(), &reduced_axes, 1)?);
    let slots = Walk::new(&c_order(kept_axes.clone(), &kept_axes, item)?);
    let table = Table {
        rows,
        kept: count(&kept_axes),
        reduced: count(&reduced_axes),
        places,
    };

    let result_shape: Vec<usize> = (0..shape.len())
        .filter(|axis| job.keep == KeepAxes::Keep || !is_reduced(axis))
        .map(|axis| if is_reduced(&axis) { 1 } else { shape[axis] })
        .collect();
    let mut result = MemMapArray::zeros(&job.fold.output.native(), &result_shape, Order::C)?;
    let (_, writer) = result.split()?;
    let finish = |kept: Range<usize>, slots_of: &dyn Accumulator| {
        let mut bytes = super::block::block_buffer(kept.len() * item)?;
        let bytes = &mut bytemuck::cast_slice_mut(&mut bytes)[..kept.len() * item];
        slots_of.finish(bytes);
        writer.store_raw(&slots, kept.start, bytes)
    };

    let plan = Plan::new(job.of, shape, &axes)?;
    let (chunks, tasks) = table.tasks();
    let partials: Mutex<Vec<Option<Box<dyn Accumulator>>>> =
        Mutex::new((0..tasks.len()).map(|_| None).collect());
    crew.run(
        tasks.len(),
        || Scratch::new(&plan),
        |number, scratch, member| {
            let task = &tasks[number];
            let mut slots = (job.fold.start)(task.kept.len(), job.ddof);
            let trail = Trail::new(&plan, job.release);
            table.fold(task, trail, scratch, slots.as_mut(), member)?;
            if chunks == 1 {
                return finish(task.kept.clone(), slots.as_ref());
            }
            partials.lock().unwrap_or_else(PoisonError::into_inner)[number] = Some(slots);
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
                parts.for_each(|part| whole.merge(part.as_ref()));
                finish(tasks[first * chunks].kept.clone(), whole.as_ref())?;
            }
        }
    }
    Ok(result)
}

/// The elements that a task has read and whose memory it still holds.
struct Trail<'p> {
    plan: &'p Plan<'p>,
    release: bool,
    held: Range<usize>,
}

impl<'p> Trail<'p> {
    /// Elements that are let go together: small pieces cost more than they free.
    const LENGTH: usize = 1 << 19;

    fn new(plan: &'p Plan<'p>, release: bool) -> Trail<'p> {
        Trail {
            plan,
            release,
            held: 0..0,
        }
    }

    /// Notes that these elements have been read.
    fn passed(&mut self, elements: Range<usize>) {
        if elements.start != self.held.end {
            self.let_go();
            self.held.start = elements.start;
        }
        self.held.end = elements.end;
        if self.held.len() >= Trail::LENGTH {
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
            (
                if self.reduced >= TASK {
                    1
                } else {
                    TASK / self.reduced.max(1)
                },
                TASK,
            )
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

    /// A task's outer and inner positions, and the length of a row.
    fn sides<'t>(&self, task: &'t Task) -> (&'t Range<usize>, &'t Range<usize>, usize) {
        if self.rows {
            (&task.kept, &task.reduced, self.reduced)
        } else {
            (&task.reduced, &task.kept, self.kept)
        }
    }

    /// Folds one task's elements into its slots.
    fn fold(
        &self,
        task: &Task,
        mut trail: Trail<'_>,
        scratch: &mut Scratch<'_>,
        slots: &mut dyn Accumulator,
        member: &mut Member<'_, '_>,
    ) -> Result<()> {
        let (outer, inner, row) = self.sides(task);
        let (plan, item) = (trail.plan, trail.plan.item);
        let mut buffer = super::block::block_buffer(STRIP * item)?;
        let buffer: &mut [u8] = bytemuck::cast_slice_mut(&mut buffer);
        let read = plan.bytes_read() as u64;
        if inner.len() == row && row < STRIP {
            // Short rows: a strip holds many, which follow each other.
            let many = STRIP / row.max(1);
            for first in outer.clone().step_by(many) {
                let count = many.min(outer.end - first);
                let strip = &mut buffer[..count * row * item];
                scratch.strip(first * row, strip)?;
                for (i, values) in strip.chunks_exact(row.max(1) * item).enumerate() {
                    self.fold_part(task, first + i, 0, values, item, slots)?;
                }
                trail.passed(first * row..(first + count) * row);
                member.advance(read * (count * row) as u64)?;
            }
            return Ok(());
        }
        for position in outer.clone() {
            for start in inner.clone().step_by(STRIP) {
                let count = STRIP.min(inner.end - start);
                let strip = &mut buffer[..count * item];
                scratch.strip(position * row + start, strip)?;
                self.fold_part(task, position, start, strip, item, slots)?;
                trail.passed(position * row + start..position * row + start + count);
                member.advance(read * count as u64)?;
            }
        }
        Ok(())
    }

    /// Folds a part of one row: its elements from inner position `start` on.
    fn fold_part(
        &self,
        task: &Task,
        outer: usize,
        start: usize,
        values: &[u8],
        item: usize,
        slots: &mut dyn Accumulator,
    ) -> Result<()> {
        if self.rows {
            let mut rest = values;
            self.places
                .runs(start, values.len() / item, |place, step, count| {
                    let (part, after) = rest.split_at(count * item);
                    rest = after;
                    slots.fold_row(
                        outer - task.kept.start,
                        Strip::from(part),
                        place as u64,
                        step as u64,
                    );
                    Ok(())
                })
        } else {
            self.places.runs(outer, 1, |place, _, _| {
                slots.fold_column(start - task.kept.start, Strip::from(values), place as u64);
                Ok(())
            })
        }
    }
}
