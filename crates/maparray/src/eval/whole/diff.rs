//! How are differences computed?
//!
//! Block by block, with the rows that the next block begins with; `n` times over in the cache.
//!
//! Knows: readers, kernels. Must not know: formats, maps.

use super::lanes::Lanes;
use super::{Buffer, Call};
use crate::crew::Crew;
use crate::dtype::Scalar;
use crate::error::Result;
use crate::ops::Op;
use crate::strip::Strip;

pub(super) fn run(call: &Call<'_>, crew: &Crew<'_>) -> Result<()> {
    let (n, scalar) = (call.parameters.int("n"), call.scalar);
    // NumPy asks whether neighbours differ, where there is no minus.
    let op = if scalar == Scalar::Bool {
        Op::NotEqual
    } else {
        Op::Subtract
    };
    let minus = op.resolve(&[scalar, scalar])?.kernel;
    let item = scalar.size();
    let lanes = Lanes::new(call, 0, n, n);
    let reader = call.reader_along(0, scalar)?;
    let room = lanes.room();
    crew.run(
        lanes.tasks(),
        || Ok([Buffer::new(room, item)?, Buffer::new(room, item)?]),
        |task, buffers, member| {
            let piece = lanes.piece(task);
            let mut count = piece.count();
            let [values, next] = buffers;
            piece.load(&reader, values.bytes(count, item))?;
            for _ in 0..n {
                // All slabs as one: what comes out at their ends is not used.
                let step = piece.width;
                let all = Strip::from(&*values.bytes(count, item));
                let (later, earlier) = (step * item..count * item, 0..(count - step) * item);
                count -= step;
                minus(
                    &[all.part(later), all.part(earlier)],
                    next.bytes(count, item),
                );
                std::mem::swap(values, next);
            }
            let (slab, out) = (piece.rows * piece.width, piece.out * piece.width);
            let bytes = values.bytes(count.max(piece.out_count()), item);
            if slab != out {
                for i in 1..piece.slabs {
                    let from = i * slab * item;
                    bytes.copy_within(from..from + out * item, i * out * item);
                }
            }
            piece.store(call, &reader, &mut bytes[..piece.out_count() * item])?;
            member.advance(((slab + out) * piece.slabs * item) as u64)
        },
    )
}
