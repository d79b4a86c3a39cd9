//! How can memory be kept from changing while others hold its address?
//!
//! Not at all here: regions with other holders are not switched.
//!
//! Knows: nothing. Must not know: regions.

use std::io;

/// Pages that nobody can write to: there are none.
pub(super) enum Freeze {}

impl Freeze {
    /// There is no call for it here.
    ///
    /// # Safety
    /// None: it does nothing.
    pub(super) unsafe fn new(_first: *mut u8, _len: usize, _writable: bool) -> io::Result<Freeze> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
