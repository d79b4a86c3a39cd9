//! How is a strip computed?
//!
//! All steps of a plan run over one strip, which stays in the first-level cache, before the next
//! begins. Operands are read where they lie if they lie there as kernels want them; otherwise they
//! are gathered into a strip first.
//!
//! Knows: plans, arrays, kernels. Must not know: formats, maps.

use std::cell::RefCell;

use super::plan::{Load, Place, Plan, Target};
use crate::error::{Error, Problem, Result};
use crate::strip::Strip;

thread_local! {
    /// Buffers that the last computations of this thread left behind.
    static SPARE: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// Buffers that a thread keeps, and bytes of the largest that is kept.
const SPARES: usize = 16;
const SPARE_BYTES: usize = 1 << 16;

/// A line of the cache: a vector that lies in two of them costs twice.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([u8; LINE]);

const LINE: usize = 64;

/// Room for elements, aligned for every kernel. What it holds at first is left over from before.
pub(super) struct Buffer(Vec<Line>);

impl Buffer {
    /// # Errors
    /// `Io` if there is no room.
    pub(super) fn new(bytes: usize) -> Result<Buffer> {
        let lines = bytes.div_ceil(LINE);
        let mut room = if (1..=SPARE_BYTES).contains(&bytes) {
            let spare = SPARE.try_with(|spare| spare.borrow_mut().pop());
            spare.ok().flatten().unwrap_or_default()
        } else {
            vec![]
        };
        let no_room = |_| {
            Error::new(Problem::OutOfMemory {
                bytes: bytes as u64,
            })
        };
        room.try_reserve_exact(lines.saturating_sub(room.len()))
            .map_err(no_room)?;
        if room.len() < lines {
            room.resize(lines, Line([0; LINE]));
        }
        Ok(Buffer(room))
    }

    /// The first so many bytes.
    pub(super) fn bytes(&self, len: usize) -> &[u8] {
        &bytemuck::cast_slice(&self.0)[..len]
    }

    /// The first so many bytes, to be written.
    pub(super) fn bytes_mut(&mut self, len: usize) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.0)[..len]
    }

    fn take(&mut self) -> Buffer {
        Buffer(std::mem::take(&mut self.0))
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let room = std::mem::take(&mut self.0);
        if room.is_empty() || room.len() * LINE > SPARE_BYTES {
            return;
        }
        // A thread that is ending has no spares left; the buffer is then freed.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < SPARES {
                spare.push(room);
            }
        });
    }
}

/// Fills `room` with copies of an element: with one, and then with twice as many each time.
fn repeat(element: &[u8], room: &mut [u8]) {
    let mut done = element.len().min(room.len());
    room[..done].copy_from_slice(&element[..done]);
    while done > 0 && done < room.len() {
        let more = done.min(room.len() - done);
        room.copy_within(..more, done);
        done += more;
    }
}

/// Where the elements of a load are for the current strip.
#[derive(Clone, Copy)]
enum Now<'a> {
    InPlace(Strip<'a>),
    Gathered,
    /// In the band that was given to [`Scratch::cross`].
    Crossed,
}

/// What one thread needs to run a plan.
pub(super) struct Scratch<'a> {
    pub(super) plan: &'a Plan<'a>,
    registers: Vec<Buffer>,
    /// The loads, and room for those that have to be gathered.
    now: Vec<Now<'a>>,
    gathered: Vec<Buffer>,
    /// Elements of the current strip.
    count: usize,
    /// Its first element within the band.
    cross_at: usize,
}

impl<'a> Scratch<'a> {
    /// # Errors
    /// `Io` if there is no room.
    pub(super) fn new(plan: &'a Plan<'a>) -> Result<Scratch<'a>> {
        let room = |&item: &usize| Buffer::new(item * plan.strip);
        let registers: Result<Vec<Buffer>> = plan.registers.iter().map(room).collect();
        let mut registers = registers?;
        for (register, bytes) in &plan.constants {
            repeat(
                bytes,
                registers[*register].bytes_mut(bytes.len() * plan.strip),
            );
        }
        let gathered: Result<Vec<Buffer>> = plan.loads.iter().map(|_| Buffer::new(0)).collect();
        Ok(Scratch {
            plan,
            registers,
            now: vec![Now::Gathered; plan.loads.len()],
            gathered: gathered?,
            count: 0,
            cross_at: 0,
        })
    }

    /// Lends the scratch the elements of a load for a band, or takes them back: swaps buffers.
    pub(super) fn cross(&mut self, load: usize, band: &mut Buffer) {
        std::mem::swap(&mut self.gathered[load], band);
        self.now[load] = match self.now[load] {
            Now::Crossed => Now::Gathered,
            _ => Now::Crossed,
        };
    }

    /// Says where within the band the next strip begins.
    pub(super) fn cross_at(&mut self, element: usize) {
        self.cross_at = element;
    }

    /// Computes `count` elements, at most a strip, from position `start` on. Results of the plan's
    /// outputs go to `outputs`, one slice of `count` elements each, 16-byte aligned.
    pub(super) fn compute(
        &mut self,
        start: usize,
        count: usize,
        outputs: &mut [&mut [u8]],
    ) -> Result<()> {
        self.count = count;
        for (number, load) in self.plan.loads.iter().enumerate() {
            if matches!(self.now[number], Now::Crossed) {
                continue;
            }
            self.now[number] = match in_place(load, start, count)? {
                Some(strip) => Now::InPlace(strip),
                None => {
                    let buffer = &mut self.gathered[number];
                    if buffer.0.len() * LINE < load.item * self.plan.strip {
                        *buffer = Buffer::new(load.item * self.plan.strip)?;
                    }
                    gather(load, start, buffer.bytes_mut(count * load.item))?;
                    Now::Gathered
                }
            };
        }
        for step in &self.plan.steps {
            match step.target {
                Target::Output(output) => self.apply(step, outputs[output]),
                Target::Register(register) => {
                    // Taken out, so that the operands can be borrowed beside it.
                    let mut result = self.registers[register].take();
                    self.apply(step, result.bytes_mut(count * step.item));
                    self.registers[register] = result;
                }
            }
        }
        for (root, output) in self.plan.roots.iter().zip(outputs) {
            if let Some(place) = root.place {
                self.strip_of(place, root.item).copy_to(output);
            }
        }
        Ok(())
    }

    #[inline]
    fn apply(&self, step: &super::plan::Step, out: &mut [u8]) {
        let operand = |i: usize| match step.operands.get(i) {
            Some(&(place, item)) => self.strip_of(place, item),
            None => Strip::from(&[0u8; 0][..]),
        };
        let operands = [operand(0), operand(1), operand(2)];
        (step.work.kernel)(&operands[..step.operands.len()], out);
    }

    fn strip_of(&self, place: Place, item: usize) -> Strip<'_> {
        match place {
            Place::Register(register) => {
                Strip::from(self.registers[register].bytes(self.count * item))
            }
            Place::Load(load) => match self.now[load] {
                Now::InPlace(strip) => strip,
                Now::Gathered => Strip::from(self.gathered[load].bytes(self.count * item)),
                Now::Crossed => {
                    let end = (self.cross_at + self.count) * item;
                    Strip::from(&self.gathered[load].bytes(end)[self.cross_at * item..])
                }
            },
        }
    }

    /// The elements of a root where they lie, if the plan computes nothing and they do.
    pub(super) fn lying(
        &self,
        root: usize,
        start: usize,
        count: usize,
    ) -> Result<Option<Strip<'a>>> {
        match self.plan.roots[root].place {
            Some(Place::Load(load)) if self.plan.steps.is_empty() => {
                in_place(&self.plan.loads[load], start, count)
            }
            _ => Ok(None),
        }
    }

    /// The elements of a root of the current strip.
    pub(super) fn root(&self, number: usize) -> Strip<'_> {
        let root = self.plan.roots[number];
        match root.place {
            Some(place) => self.strip_of(place, root.item),
            None => Strip::from(&[0u8; 0][..]),
        }
    }
}

/// The elements where they lie, if they follow each other there in the machine's byte order.
fn in_place<'a>(load: &Load<'a>, start: usize, count: usize) -> Result<Option<Strip<'a>>> {
    match load.source {
        Some(source) => source.strip(&load.walk, start, count),
        None => Ok(None),
    }
}

/// Fills a strip with elements in the machine's byte order.
fn gather(load: &Load<'_>, start: usize, out: &mut [u8]) -> Result<()> {
    match load.source {
        Some(source) => source.load(&load.walk, start, out),
        None => {
            let mut places = bytemuck::cast_slice_mut::<u8, i64>(out).iter_mut();
            load.walk.runs(start, places.len(), |first, step, count| {
                for (i, place) in places.by_ref().take(count).enumerate() {
                    *place = first as i64 + i as i64 * step as i64;
                }
                Ok(())
            })
        }
    }
}
