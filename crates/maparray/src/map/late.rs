//! When is a small file mapped?
//!
//! When somebody wants its bytes in place. Until then they are read from the open file each time, so
//! that changes are seen as through a map: to map, touch and unmap one page costs more than to open a
//! file and read it several times.
//!
//! Knows: errors. Must not know: what the bytes mean.

use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};

use super::{Backing, Mode, OpenFile, Place, Region, dangling};
use crate::error::Result;

/// Up to so many bytes are read rather than mapped.
pub(super) const SMALL: usize = 16 << 10;

impl OpenFile {
    /// A part of a file to be read, mapped now or, if it is small, when it is first needed in place.
    /// The caller has seen that the file has these bytes.
    ///
    /// # Errors
    /// As [`OpenFile::map`]; of a small part, what stands in the way of mapping is reported later.
    pub(crate) fn map_small_late(self: &Arc<OpenFile>, span: super::Span) -> Result<Region> {
        let small = span
            .len
            .and_then(|len| usize::try_from(len).ok())
            .filter(|len| (1..=SMALL).contains(len));
        let Some(len) = small else {
            return self.map(span, Mode::Read, super::Extend::Never);
        };
        let backing = Backing::File {
            file: Arc::clone(self),
            offset: span.offset,
            mode: Mode::Read,
        };
        Ok(Region {
            start: OnceLock::new(),
            ..Region::over(dangling(), len, Place::Map(OnceLock::new()), backing)
        })
    }
}

impl Region {
    /// Whether its bytes have an address already.
    pub(super) fn is_mapped(&self) -> bool {
        self.start.get().is_some()
    }

    /// The first byte, mapped if it was not.
    ///
    /// # Errors
    /// `Io` if the system refuses to map, `Malformed` if the file has become too short.
    #[inline]
    pub(super) fn start(&self) -> Result<NonNull<u8>> {
        match self.start.get() {
            Some(start) => Ok(*start),
            None => self.map_now(),
        }
    }

    #[cold]
    fn map_now(&self) -> Result<NonNull<u8>> {
        let (Place::Map(map), Some(file)) = (&self.place, self.file()) else {
            return Ok(dangling());
        };
        let new = file.map_for_reading(self.file_offset(), self.len)?;
        // Another thread may have been faster; then its map is the one, and this one goes away.
        let map = map.get_or_init(|| new);
        let start = NonNull::new(map.as_mut_ptr()).unwrap_or_else(dangling);
        Ok(*self.start.get_or_init(|| start))
    }

    /// Reads from the open file, for a region that is not mapped yet.
    pub(super) fn read_unmapped(&self, at: usize, out: &mut [u8]) -> Result<()> {
        match self.file() {
            Some(file) => file.read_all(self.file_offset() + at as u64, out),
            None => Ok(()),
        }
    }
}
