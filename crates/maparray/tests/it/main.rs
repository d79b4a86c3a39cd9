//! Tests of the public interface, one module per room.

mod array;
mod dtype;
mod eval;
mod expr;
mod format;
mod hostile;
mod infer;
mod map;
mod promote;
