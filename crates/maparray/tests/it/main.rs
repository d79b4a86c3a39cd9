//! Tests of the public interface, one module per room.

mod archive;
mod array;
mod beside;
mod chunks;
mod docs;
mod dtype;
mod eight;
mod elementary;
mod eval;
mod expr;
mod fits;
mod format;
mod grow;
#[cfg(target_os = "linux")]
mod grow_killed;
mod hostile;
mod infer;
mod join;
mod late;
mod laws;
mod limits;
mod map;
mod naive;
mod ops;
mod order;
mod others;
mod promote;
mod racing;
mod reduce;
#[cfg(target_os = "linux")]
mod room;
mod scaled;
mod stack;
mod stage;
mod switch;
#[cfg(target_os = "linux")]
mod switch_fails;
#[cfg(target_os = "linux")]
mod switch_threads;
mod take;
mod tensors;
mod times;
mod unit;
mod units;
mod whole;
