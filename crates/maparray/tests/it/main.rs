//! Tests of the public interface, one module per room.

mod array;
mod dtype;
mod expr;
mod format;
mod map;
mod hostile;
