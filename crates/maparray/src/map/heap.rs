//! How is memory of our own made?
//!
//! As an anonymous mapping: zeroed, page-aligned, taken from the system page by page when first
//! touched, and given back as a whole. A little memory comes from the allocator, which has some.
//!
//! Knows: errors. Must not know: files.

use std::ptr::NonNull;

use memmap2::{MmapOptions, MmapRaw};

use super::late::SMALL;
use super::{Backing, Place, Region};
use crate::error::{Error, Problem, Result};

/// From so many bytes on, memory is asked for in large pages, as NumPy does.
#[cfg(target_os = "linux")]
const LARGE: usize = 4 << 20;

/// A line of the processor's cache: what little memory is aligned to.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Line {
    _bytes: [u8; 64],
}

impl Region {
    /// Zeroed memory of our own.
    ///
    /// # Errors
    /// `Io` if the system has no room for so many bytes.
    ///
    /// ```
    /// let region = maparray::Region::heap(100)?;
    /// assert!(region.is_private() && region.len() == 100);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn heap(len: usize) -> Result<Region> {
        if (1..=SMALL).contains(&len) {
            return Ok(Region::little(len));
        }
        Ok(Region::from_map(anonymous(len)?, Backing::Memory))
    }

    fn little(len: usize) -> Region {
        let zero = Line { _bytes: [0; 64] };
        let mut lines = vec![zero; len.div_ceil(size_of::<Line>())];
        let start = NonNull::from(lines.as_mut_slice()).cast::<u8>();
        Region::over(start, len, Place::Little { _lines: lines }, Backing::Memory)
    }
}

/// Zeroed pages of memory; none for no bytes.
///
/// # Errors
/// `Io` if the system has no room.
pub(super) fn anonymous(len: usize) -> Result<Option<MmapRaw>> {
    if len == 0 {
        return Ok(None);
    }
    let no_room = |_| Error::new(Problem::OutOfMemory { bytes: len as u64 });
    let map = MmapOptions::new().len(len).map_anon().map_err(no_room)?;
    #[cfg(target_os = "linux")]
    if len >= LARGE {
        // Advice: without it, pages are small and touching them costs more.
        let _ = map.advise(memmap2::Advice::HugePage);
    }
    Ok(Some(MmapRaw::from(map)))
}
