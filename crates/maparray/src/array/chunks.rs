//! How is an array walked piece by piece, and which pieces are in memory?
//!
//! Consecutive rows at a time, given back to the system behind the walk if that is wanted.
//!
//! Knows: errors, layouts, maps. Must not know: operations, expressions.

use std::ops::Range;

use super::{FOLIO, MemMapArray, Scaled};
use crate::error::{Error, Problem, Result};
use crate::layout::Select;

/// How many rows a chunk has; never less than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkSize {
    /// So many.
    Rows(usize),
    /// As many as have no more bytes than this.
    Bytes(usize),
}

/// Consecutive parts of an array along its first axis: see [`MemMapArray::iter_chunks`].
#[derive(Debug)]
pub struct Chunks {
    array: MemMapArray,
    rows: usize,
    next: usize,
    release: bool,
    /// Bytes of the region that have been walked over and not been given back.
    behind: Option<Range<usize>>,
}

impl MemMapArray {
    /// Consecutive parts along the first axis, with the rows that each of them is; together they are
    /// the array, and each shares its bytes.
    ///
    /// # Errors
    /// `OutOfBounds` for an array without axes.
    ///
    /// ```
    /// use maparray::{ChunkSize, MemMapArray};
    /// let array = MemMapArray::from_slice(&[1_i32, 2, 3, 4, 5]);
    /// let mut sums = vec![];
    /// for (rows, chunk) in array.iter_chunks(ChunkSize::Rows(2))? {
    ///     sums.push((rows.start, chunk.to_vec::<i32>()?.iter().sum::<i32>()));
    /// }
    /// assert_eq!(sums, [(0, 3), (2, 7), (4, 5)]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn iter_chunks(&self, size: ChunkSize) -> Result<Chunks> {
        let Some(&len) = self.shape().first() else {
            return Err(Error::new(Problem::Axis { axis: 0, ndim: 0 }));
        };
        let rows = match size {
            ChunkSize::Rows(rows) => rows,
            // An array without rows or bytes is one chunk at most, whatever its size.
            ChunkSize::Bytes(bytes) => bytes / (self.byte_len() / len.max(1)).max(1),
        };
        Ok(Chunks {
            array: self.clone(),
            rows: rows.max(1),
            next: 0,
            release: false,
            behind: None,
        })
    }

    /// Asks for all elements to be read in from the disk, and returns when the system has taken the
    /// requests; does nothing in memory. Asking for what is in memory already costs little.
    ///
    /// A computation that reads from front to back needs none of this: the system reads ahead.
    ///
    /// # Errors
    /// `Io` if the system refuses.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// use maparray::{MemMapArray, Mode};
    /// # MemMapArray::from_slice(&[1_u8, 2]).save(&path)?;
    /// let array = MemMapArray::open(&path, Mode::Read)?;
    /// array.prefetch()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prefetch(&self) -> Result<()> {
        self.region
            .prefetch(self.layout.byte_range())
            .map_err(|error| self.name(error))
    }

    /// Gives the memory behind the elements back to the system: the next access reads the file again.
    /// Pages that somebody else has mapped, or that have changed and are not written back yet, stay.
    /// Does nothing in memory and in mode `c`, whose pages are the only copy.
    ///
    /// # Errors
    /// `OutOfBounds` never, as long as the layout lies inside the region, which it does.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// use maparray::{MemMapArray, Mode};
    /// # MemMapArray::from_slice(&[1_u8, 2]).save(&path)?;
    /// let array = MemMapArray::open(&path, Mode::Read)?;
    /// array.release()?;
    /// assert_eq!(array.to_vec::<u8>()?, [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn release(&self) -> Result<()> {
        self.region
            .evict(self.layout.byte_range())
            .map_err(|error| self.name(error))
    }

    /// How many bytes from the first to the last element are in memory, counted in pages. Systems
    /// that do not tell, or only those who may write to the file, count all of them.
    ///
    /// # Errors
    /// `OutOfBounds` never, as long as the layout lies inside the region, which it does.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// use maparray::{MemMapArray, Mode};
    /// # MemMapArray::from_slice(&[1_u8, 2]).save(&path)?;
    /// let array = MemMapArray::open(&path, Mode::Read)?;
    /// assert_eq!(array.resident()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resident(&self) -> Result<usize> {
        self.region
            .resident(self.layout.byte_range())
            .map_err(|error| self.name(error))
    }
}

impl Chunks {
    /// The same walk, which gives the memory of a chunk back when the next ones are asked for, as
    /// [`MemMapArray::release`] does. For files larger than memory that are read once.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// use maparray::{ChunkSize, MemMapArray, Mode};
    /// # MemMapArray::from_slice(&[1_u8, 2, 3]).save(&path)?;
    /// let array = MemMapArray::open(&path, Mode::Read)?;
    /// let chunks = array.iter_chunks(ChunkSize::Bytes(2))?.releasing();
    /// assert_eq!(chunks.map(|(rows, _)| rows.len()).collect::<Vec<_>>(), [2, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn releasing(mut self) -> Chunks {
        self.release = true;
        self
    }

    /// Notes that a chunk has been handed out, once nobody waits for it any more.
    fn walked(&mut self, chunk: &MemMapArray) {
        let bytes = chunk.layout.byte_range();
        // Rows that lie between those of other chunks are needed again.
        if !self.release || bytes.len() / 2 > chunk.byte_len() {
            return;
        }
        self.behind = Some(match self.behind.take() {
            Some(behind) => behind.start.min(bytes.start)..behind.end.max(bytes.end),
            None => bytes,
        });
    }

    fn give_back(&mut self) {
        if let Some(behind) = self.behind.take() {
            // Inside the region, as every part of the array; a refusal leaves the pages in memory.
            let _ = self.array.region.evict(behind);
        }
    }
}

impl Iterator for Chunks {
    type Item = (Range<usize>, MemMapArray);

    fn next(&mut self) -> Option<Self::Item> {
        if self
            .behind
            .as_ref()
            .is_some_and(|behind| behind.len() >= FOLIO)
        {
            self.give_back();
        }
        let len = self.array.shape()[0];
        let rows = self.next..self.next.saturating_add(self.rows).min(len);
        if rows.is_empty() {
            return None;
        }
        self.next = rows.end;
        let pick = Select::Range {
            start: i64::try_from(rows.start).ok(),
            stop: i64::try_from(rows.end).ok(),
            step: 1,
        };
        let chunk = self.array.select(&[pick]).ok()?;
        self.walked(&chunk);
        Some((rows, chunk))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.array.shape()[0] - self.next).div_ceil(self.rows);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Chunks {}

/// Consecutive parts of numbers that are stored scaled: see [`Scaled::iter_chunks`].
#[derive(Debug)]
pub struct ScaledChunks {
    pub(super) walk: Chunks,
    pub(super) whole: Scaled,
}

impl ScaledChunks {
    /// The same walk, which gives memory back, as [`Chunks::releasing`].
    #[must_use]
    pub fn releasing(self) -> ScaledChunks {
        ScaledChunks {
            walk: self.walk.releasing(),
            whole: self.whole,
        }
    }
}

impl Iterator for ScaledChunks {
    type Item = (Range<usize>, Scaled);

    fn next(&mut self) -> Option<Self::Item> {
        let (rows, stored) = self.walk.next()?;
        Some((rows, self.whole.over(stored)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

impl ExactSizeIterator for ScaledChunks {}

impl Drop for Chunks {
    fn drop(&mut self) {
        self.give_back();
    }
}
