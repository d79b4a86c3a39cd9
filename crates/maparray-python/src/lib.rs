//! What does Python see of maparray?
//!
//! The compiled module `maparray._maparray`. It converts arguments, lends memory and reports errors;
//! everything else is the library's.
//!
//! Knows: the library, NumPy's spelling. Must not know: how anything is computed.

mod access;
mod array;
mod contents;
mod convert;
mod dtype;
mod error;
mod eval;
mod files;
mod fits;
mod fork;
mod grow;
#[expect(
    unsafe_code,
    reason = "memory is lent to and borrowed from Python here"
)]
mod lease;
mod make;
mod memmap;
mod numpy;
mod share;
mod stack;
mod unit;

use pyo3::prelude::*;

#[pymodule]
fn _maparray(module: &Bound<'_, PyModule>) -> PyResult<()> {
    error::add_to(module)?;
    make::add_to(module)?;
    access::add_to(module)?;
    convert::add_to(module)?;
    contents::add_to(module)?;
    eval::add_to(module)?;
    fits::add_to(module)?;
    files::add_to(module)?;
    fork::add_to(module)?;
    grow::add_to(module)?;
    memmap::add_to(module)?;
    share::add_to(module)?;
    stack::add_to(module)?;
    unit::add_to(module)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    // PyO3 lists what was added; which names are public says `maparray/__init__.py`.
    module.delattr("__all__")
}
