//! How does every element of a result come to its place?
//!
//! Block by block: threads claim blocks, compute each strip by strip into a buffer that stays in the
//! cache, and hand it to the output. Where an operand lies across, blocks are bands of rows.
//!
//! Knows: plans, outputs. Must not know: formats, maps.

use std::ops::Range;

use super::block::{Buffer, Scratch};
use super::cross::{Band, Bands};
use super::output::Output;
use super::plan::{Place, Plan};
use crate::array::{Behind, FOLIO};
use crate::crew::{Crew, Member};
use crate::error::Result;

/// Bytes of a block that is copied within memory: it stays in the second-level cache.
const MEMORY_BYTES: usize = 1 << 18;

/// Bytes of a block that replaces what it is computed from: they are still in the first-level cache
/// when they are overwritten.
const PLACE_BYTES: usize = 1 << 12;

/// Rows of a band, and its bytes: so many neighbours share the cache lines that a band reads.
const BAND_ROWS: usize = 64;
const BAND_BYTES: usize = 4 << 20;

/// What a sweep is to fill.
pub(super) struct Filling<'a> {
    pub(super) plan: &'a Plan<'a>,
    pub(super) bands: Option<&'a Bands<'a>>,
    /// As many as the plan has roots, all of them with elements in the plan's order.
    pub(super) outputs: &'a [Output<'a>],
    pub(super) total: usize,
    /// Bytes for the buffers of all threads.
    pub(super) room: usize,
    /// Whether memory is let go behind the computation.
    pub(super) release: bool,
    /// What becomes of what has been written to files.
    pub(super) behind: Behind,
}

/// How the elements are cut into blocks.
enum Cut {
    /// In runs of positions, each handed over in parts; the first one is shorter, so that others begin
    /// where folios do.
    Line {
        first: usize,
        block: usize,
        part: usize,
    },
    /// In bands of so many rows and inner positions.
    Band { rows: usize, width: usize },
}

/// Computes every element.
pub(super) fn fill(job: &Filling<'_>, crew: &Crew<'_>) -> Result<()> {
    let cut = job.cut(crew.threads());
    crew.run(
        job.tasks(&cut),
        || Worker::new(job, &cut),
        |task, worker, member| match cut {
            Cut::Line { first, block, part } => {
                let start = if task == 0 {
                    0
                } else {
                    first + (task - 1) * block
                };
                let end = (first + task * block).min(job.total);
                worker.line(start..end, part, member)
            }
            Cut::Band { rows, width } => match job.bands {
                Some(bands) => worker.band(bands, &band_at(bands, rows, width, task), member),
                None => Ok(()),
            },
        },
    )
}

fn band_at(bands: &Bands<'_>, rows: usize, width: usize, task: usize) -> Band {
    let across = bands.inner.div_ceil(width);
    let down = bands.rows.div_ceil(rows);
    let (inner, rest) = (task % across * width, task / across);
    let (row, outer) = (rest % down * rows, rest / down);
    Band {
        outer,
        row,
        rows: rows.min(bands.rows - row),
        inner,
        width: width.min(bands.inner - inner),
    }
}

impl Filling<'_> {
    fn cut(&self, threads: usize) -> Cut {
        let item = self.plan.bytes_written().max(1);
        if let Some(bands) = self.bands {
            let widest = self.plan.loads.iter().map(|load| load.item).max();
            let bytes = (BAND_BYTES.min(self.room / threads.max(1) / 2)).max(1 << 16);
            let elements = bytes / item.max(widest.unwrap_or(1));
            let rows = BAND_ROWS.min(bands.rows);
            let width = (elements / rows).clamp(1, bands.inner.max(1));
            // A cache line of rows at least; more, where whole rows are short.
            let rows = (elements / width).clamp(rows, bands.rows.max(1));
            return Cut::Band { rows, width };
        }
        // A new file wants large writes, a mapped one large steps.
        let whole = self.outputs.iter().any(|output| output.is_new_file());
        let large = whole || self.outputs.iter().any(Output::is_file);
        let bytes = if large { FOLIO } else { MEMORY_BYTES };
        // Small work is shared all the same, but not in crumbs.
        let fair = (self.total * item / (4 * threads)).max(1 << 16);
        let bytes = bytes.min(self.room / threads.max(1)).min(fair).max(item);
        // Blocks are a power of two, so that they fit folios whatever their number.
        let block = (bytes / item).max(1);
        let block = (1 << block.ilog2()).max(64.min(self.total));
        let header = self.outputs.first().map_or(0, Output::header_len);
        let first_item = self.plan.roots.first().map_or(1, |root| root.item).max(1);
        let lead = header.div_ceil(first_item) % block;
        let loads = || self.plan.loads.iter().filter_map(|load| load.source);
        let replaces = |output: &Output<'_>| loads().any(|source| output.is_over(source));
        let part = if self.outputs.iter().any(replaces) {
            PLACE_BYTES
        } else {
            MEMORY_BYTES
        };
        let part = (part / item).max(64);
        Cut::Line {
            first: (block - lead).min(self.total),
            block,
            part: if whole { block } else { part.min(block) },
        }
    }

    fn tasks(&self, cut: &Cut) -> usize {
        match (cut, self.bands) {
            (Cut::Line { first, block, .. }, _) => {
                usize::from(self.total > 0) + (self.total - first).div_ceil(*block)
            }
            (Cut::Band { rows, width }, Some(bands)) => {
                bands.outer * bands.rows.div_ceil(*rows) * bands.inner.div_ceil(*width)
            }
            (Cut::Band { .. }, None) => 0,
        }
    }
}

/// What one thread needs.
struct Worker<'a> {
    job: &'a Filling<'a>,
    scratch: Scratch<'a>,
    /// A block of every output.
    blocks: Vec<Buffer>,
    /// A band of every crossed load.
    crossed: Vec<Buffer>,
}

impl<'a> Worker<'a> {
    fn new(job: &'a Filling<'a>, cut: &Cut) -> Result<Worker<'a>> {
        let count = match *cut {
            Cut::Line { part, .. } => part.min(job.total),
            Cut::Band { rows, width } => rows * width,
        };
        let block = |item: usize| Buffer::new(count * item);
        let blocks: Result<Vec<Buffer>> =
            job.plan.roots.iter().map(|root| block(root.item)).collect();
        let bands = job.bands.iter().flat_map(|bands| &bands.crossed);
        let crossed: Result<Vec<Buffer>> = bands
            .map(|crossed| {
                let item = job.plan.loads[crossed.load].item;
                let copied = copies(job.plan, crossed.load);
                block(if copied { 0 } else { item })
            })
            .collect();
        Ok(Worker {
            job,
            scratch: Scratch::new(job.plan)?,
            blocks: blocks?,
            crossed: crossed?,
        })
    }

    fn line(
        &mut self,
        elements: Range<usize>,
        part: usize,
        member: &mut Member<'_, '_>,
    ) -> Result<()> {
        for output in self.job.outputs {
            output.prepare(elements.clone())?;
        }
        self.job.plan.prepare(elements.clone());
        for start in elements.clone().step_by(part) {
            let count = part.min(elements.end - start);
            self.strips(start, count, 0)?;
            for (number, output) in self.job.outputs.iter().enumerate() {
                let item = self.job.plan.roots[number].item;
                output.store(start, self.blocks[number].bytes_mut(count * item))?;
            }
        }
        if self.job.release {
            self.job.plan.release(elements.clone());
        }
        for output in self.job.outputs {
            output.behind(elements.clone(), self.job.behind)?;
        }
        self.advance(elements.len(), member)
    }

    /// Computes elements that follow each other into the blocks, from their element `at` on.
    fn strips(&mut self, start: usize, count: usize, at: usize) -> Result<()> {
        let strip = self.job.plan.strip;
        for first in (0..count).step_by(strip.max(1)) {
            let part = strip.min(count - first);
            let from = at + first;
            self.scratch.cross_at(from);
            let mut slices =
                self.blocks
                    .iter_mut()
                    .zip(&self.job.plan.roots)
                    .map(|(block, root)| {
                        let bytes = block.bytes_mut((from + part) * root.item);
                        &mut bytes[from * root.item..]
                    });
            if let ([_], Some(only)) = (&self.job.plan.roots[..], slices.next()) {
                self.scratch.compute(start + first, part, &mut [only])?;
                continue;
            }
            drop(slices);
            let mut outputs: Vec<&mut [u8]> = self
                .blocks
                .iter_mut()
                .zip(&self.job.plan.roots)
                .map(|(block, root)| {
                    let bytes = block.bytes_mut((from + part) * root.item);
                    &mut bytes[from * root.item..]
                })
                .collect();
            self.scratch.compute(start + first, part, &mut outputs)?;
        }
        Ok(())
    }

    fn band(&mut self, bands: &Bands<'_>, band: &Band, member: &mut Member<'_, '_>) -> Result<()> {
        let plan = self.job.plan;
        let count = band.rows * band.width;
        let mut whole = false;
        for (crossed, buffer) in bands.crossed.iter().zip(&mut self.crossed) {
            let item = plan.loads[crossed.load].item;
            if copies(plan, crossed.load) {
                crossed.fill(bands, band, self.blocks[0].bytes_mut(count * item))?;
                whole = true;
            } else {
                crossed.fill(bands, band, buffer.bytes_mut(count * item))?;
            }
        }
        if !whole {
            for (crossed, buffer) in bands.crossed.iter().zip(&mut self.crossed) {
                self.scratch.cross(crossed.load, buffer);
            }
            for row in 0..band.rows {
                self.strips(bands.position(band, row), band.width, row * band.width)?;
            }
            for (crossed, buffer) in bands.crossed.iter().zip(&mut self.crossed) {
                self.scratch.cross(crossed.load, buffer);
            }
        }
        // Rows that follow each other go out together.
        let (rows, run) = if band.width == bands.inner {
            (1, count)
        } else {
            (band.rows, band.width)
        };
        for (number, output) in self.job.outputs.iter().enumerate() {
            let item = plan.roots[number].item;
            let block = self.blocks[number].bytes_mut(count * item);
            for (row, part) in block.chunks_mut(run * item).enumerate().take(rows) {
                let start = bands.position(band, row);
                output.prepare(start..start + run)?;
                output.store(start, part)?;
            }
        }
        for row in 0..rows {
            let start = bands.position(band, row);
            for output in self.job.outputs {
                output.behind(start..start + run, self.job.behind)?;
            }
        }
        self.advance(count, member)
    }

    fn advance(&self, count: usize, member: &mut Member<'_, '_>) -> Result<()> {
        let item = self.job.plan.bytes_read() + self.job.plan.bytes_written();
        member.advance((item * count) as u64)
    }
}

/// Whether the plan does nothing but copy this load.
fn copies(plan: &Plan<'_>, load: usize) -> bool {
    matches!(&plan.roots[..], [root] if root.place == Some(Place::Load(load)))
}
