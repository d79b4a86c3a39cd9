//! Tests of the public interface, one module per room.

mod dtype;
mod expr;
mod format;
