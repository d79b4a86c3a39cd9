//! Tests of the public interface, one module per room.

mod array;
mod docs;
mod dtype;
mod eval;
mod expr;
mod format;
mod hostile;
mod infer;
mod laws;
mod map;
mod naive;
mod ops;
mod promote;
mod reduce;
