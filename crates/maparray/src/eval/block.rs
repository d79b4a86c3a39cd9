//! How is a block computed?
//!
//! A block is a range of elements, as many as go to the output at once. It is computed strip by
//! strip: all steps of the plan run over a strip that stays in the cache before the next begins.
//!
//! Knows: plans, arrays, kernels. Must not know: formats, maps.

use crate::error::{Error, Problem, Result};

use super::plan::{Action, Load, Plan};
use crate::strip::Strip;

/// Elements of a strip.
pub(super) const STRIP: usize = 1024;

/// Bytes of the result that go to the output at once.
pub(super) const BLOCK_BYTES: usize = 1 << 20;

/// Room for the largest block, aligned for every kernel.
pub(super) fn block_buffer(bytes: usize) -> Result<Vec<u128>> {
    let mut buffer = vec![];
    let no_room = |_| {
        Error::new(Problem::OutOfMemory {
            bytes: bytes as u64,
        })
    };
    buffer
        .try_reserve_exact(bytes.div_ceil(16))
        .map_err(no_room)?;
    buffer.resize(bytes.div_ceil(16), 0);
    Ok(buffer)
}

/// What one thread needs to run a plan: its registers, made once.
pub(super) struct Scratch<'a> {
    plan: &'a Plan<'a>,
    /// Each register holds a strip; `u128` because kernels want 16-byte alignment.
    registers: Vec<Vec<u128>>,
}

impl<'a> Scratch<'a> {
    pub(super) fn new(plan: &'a Plan<'a>) -> Result<Scratch<'a>> {
        let room = |item: &usize| block_buffer(item * STRIP);
        let registers: Result<Vec<Vec<u128>>> = plan.registers.iter().map(room).collect();
        let mut registers = registers?;
        for (register, bytes) in &plan.constants {
            let strip = bytemuck::cast_slice_mut::<u128, u8>(&mut registers[*register]);
            strip
                .chunks_exact_mut(bytes.len())
                .for_each(|element| element.copy_from_slice(bytes));
        }
        Ok(Scratch { plan, registers })
    }

    /// Computes the elements from `start` on until `out` is full; `out` is 16-byte aligned.
    pub(super) fn block(&mut self, start: usize, out: &mut [u8]) -> Result<()> {
        let item = self.plan.item;
        let mut at = start;
        for part in out.chunks_mut(STRIP * item) {
            self.strip(at, part)?;
            at += part.len() / item;
        }
        Ok(())
    }

    /// Computes one strip.
    pub(super) fn strip(&mut self, start: usize, out: &mut [u8]) -> Result<()> {
        let count = out.len() / self.plan.item;
        let Some((last, steps)) = self.plan.steps.split_last() else {
            // No step at all: the result is a constant.
            out.copy_from_slice(strip_of(&self.registers[self.plan.result], out.len()));
            return Ok(());
        };
        for step in steps {
            // The result's register is taken out, so that the arguments can be borrowed beside it.
            let mut result = std::mem::take(&mut self.registers[step.result]);
            let bytes = &mut bytemuck::cast_slice_mut(&mut result)[..count * step.item];
            let done = self.step(&step.action, start, count, bytes);
            self.registers[step.result] = result;
            done?;
        }
        self.step(&last.action, start, count, out)
    }

    fn step(&self, action: &Action, start: usize, count: usize, out: &mut [u8]) -> Result<()> {
        match action {
            Action::Load(load) => load_strip(&self.plan.loads[*load], start, out),
            Action::Apply(kernel, operands) => {
                let operand = |i: usize| match operands.get(i) {
                    Some(&(register, item)) => {
                        Strip::from(strip_of(&self.registers[register], count * item))
                    }
                    None => Strip::from(&[0u8; 0][..]),
                };
                kernel(&[operand(0), operand(1), operand(2)][..operands.len()], out);
                Ok(())
            }
        }
    }
}

fn strip_of(register: &[u128], len: usize) -> &[u8] {
    &bytemuck::cast_slice(register)[..len]
}

/// Fills a strip with elements in the machine's byte order.
fn load_strip(load: &Load<'_>, start: usize, out: &mut [u8]) -> Result<()> {
    match load {
        Load::Array { array, walk } => array.load(walk, start, out),
        Load::Index { walk } => {
            let mut places = bytemuck::cast_slice_mut::<u8, i64>(out).iter_mut();
            walk.runs(start, places.len(), |first, step, count| {
                for (i, place) in places.by_ref().take(count).enumerate() {
                    *place = first as i64 + i as i64 * step as i64;
                }
                Ok(())
            })
        }
    }
}
