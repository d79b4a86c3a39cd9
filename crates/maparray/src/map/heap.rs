//! How is memory of our own made?
//!
//! As an anonymous mapping: zeroed, page-aligned, taken from the system page by page when first
//! touched, and given back as a whole.
//!
//! Knows: errors. Must not know: files.

use memmap2::{MmapOptions, MmapRaw};

use super::{Owner, Region};
use crate::error::{Error, Problem, Result};

/// From so many bytes on, memory is asked for in large pages, as NumPy does.
#[cfg(target_os = "linux")]
const LARGE: usize = 4 << 20;

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
        let map = match len {
            0 => None,
            _ => {
                let no_room = |_| Error::new(Problem::OutOfMemory { bytes: len as u64 });
                let map = MmapOptions::new().len(len).map_anon().map_err(no_room)?;
                #[cfg(target_os = "linux")]
                if len >= LARGE {
                    // Advice: without it, pages are small and touching them costs more.
                    let _ = map.advise(memmap2::Advice::HugePage);
                }
                Some(MmapRaw::from(map))
            }
        };
        Ok(Region::from_map(map, true, |map| Owner::Heap { _map: map }))
    }
}
