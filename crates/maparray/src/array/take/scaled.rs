//! How are rows taken of numbers that are stored scaled?
//!
//! As of others; each piece is converted when it has been filled.
//!
//! Knows: errors, dtypes, layouts, maps. Must not know: formats, operations.

use std::path::Path;

use super::{Indices, Picks};
use crate::array::{Create, MemMapArray, NewArray, Opened, Scaled};
use crate::error::Result;
use crate::layout::Order;
use crate::map::Flush;

impl Scaled {
    /// Copies of the numbers that are meant, of the rows at `indices` along an axis: as
    /// [`MemMapArray::take`].
    ///
    /// # Errors
    /// As [`MemMapArray::take`].
    ///
    /// ```
    /// use maparray::{MemMapArray, Scaled, format::Scaling};
    /// let raw = MemMapArray::from_slice(&[0_i16, 4, 6]);
    /// let scaled = Scaled::new(raw, Scaling { scale: 0.5, zero: 1.0, blank: None })?;
    /// assert_eq!(scaled.take(&[-1, 0], 0)?.to_vec::<f32>()?, [4.0, 1.0]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn take<'a>(&self, indices: impl Into<Indices<'a>>, axis: i64) -> Result<MemMapArray> {
        let indices = indices.into();
        self.copied(Picks::List(indices.values), indices.shape, axis)
    }

    fn copied(&self, picks: Picks<'_>, places: Option<&[usize]>, axis: i64) -> Result<MemMapArray> {
        let (take, shape) = self.raw().taking(picks, places, axis)?;
        let mut taken = MemMapArray::zeros(&self.dtype(), &shape, Order::C)?;
        let (_, writer) = taken.split()?;
        take.each_piece(|start, bytes| writer.place(start, &mut self.meant(bytes)))
            .map_err(|error| self.raw().name(error))?;
        drop(writer);
        Ok(taken.sharing_unit(self.shared_unit().cloned()))
    }

    fn copied_into(
        &self,
        picks: Picks<'_>,
        places: Option<&[usize]>,
        axis: i64,
        out: &mut MemMapArray,
    ) -> Result<()> {
        let (take, shape) = self.raw().taking(picks.clone(), places, axis)?;
        out.check_takes(&shape, &self.dtype())?;
        let measured = self.raw().clone();
        out.check_unit_of(&measured.sharing_unit(self.shared_unit().cloned()))?;
        if self.raw().source().meets(&out.source()) {
            let mut copy = self.copied(picks, places, axis)?;
            return out.split()?.1.place(0, copy.own_bytes()?);
        }
        let (_, writer) = out.split()?;
        take.each_piece(|start, bytes| writer.place(start, &mut self.meant(bytes)))
            .map_err(|error| self.raw().name(error))
    }

    fn copied_to(
        &self,
        picks: Picks<'_>,
        places: Option<&[usize]>,
        axis: i64,
        path: &Path,
    ) -> Result<NewArray> {
        let (take, shape) = self.raw().taking(picks, places, axis)?;
        let new = NewArray::create(path, &self.dtype(), &shape, &Create::default(), self.unit())?;
        take.each_piece(|start, bytes| new.store(start, &mut self.meant(bytes)))
            .map_err(|error| self.raw().name(error))?;
        Ok(new)
    }
}

impl Opened {
    /// Copies of the rows at `indices` along an axis, as [`MemMapArray::take`] and [`Scaled::take`].
    ///
    /// # Errors
    /// As [`MemMapArray::take`].
    pub fn take<'a>(&self, indices: impl Into<Indices<'a>>, axis: i64) -> Result<MemMapArray> {
        match self {
            Opened::Plain(array) => array.take(indices, axis),
            Opened::Scaled(scaled) => scaled.take(indices, axis),
        }
    }

    /// Copies the rows at `indices` to an array that is there, as [`MemMapArray::take_into`].
    ///
    /// # Errors
    /// As [`MemMapArray::take_into`].
    pub fn take_into<'a>(
        &self,
        indices: impl Into<Indices<'a>>,
        axis: i64,
        out: &mut MemMapArray,
    ) -> Result<()> {
        let indices = indices.into();
        self.copied_into(Picks::List(indices.values), indices.shape, axis, out)
    }

    /// Copies the rows where `keep` is true to an array that is there, as
    /// [`MemMapArray::compress_into`].
    ///
    /// # Errors
    /// As [`MemMapArray::compress_into`].
    pub fn compress_into(&self, keep: &[bool], axis: i64, out: &mut MemMapArray) -> Result<()> {
        self.copied_into(Picks::mask(keep), None, axis, out)
    }

    /// Writes the rows at `indices` to a new file, as [`MemMapArray::take_to`], and gives what it
    /// holds, mapped.
    ///
    /// # Errors
    /// As [`MemMapArray::take_to`].
    ///
    /// ```
    /// use maparray::{MemMapArray, Opened};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("some.fits");
    /// let counts = Opened::from(MemMapArray::from_slice(&[10_u16, 20, 30]));
    /// let taken = counts.take_to(&[2, 0], 0, &path)?;
    /// assert!(matches!(&taken, Opened::Scaled(_)));
    /// assert_eq!(taken.into_plain()?.to_vec::<u16>()?, [30, 10]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_to<'a>(
        &self,
        indices: impl Into<Indices<'a>>,
        axis: i64,
        path: impl AsRef<Path>,
    ) -> Result<Opened> {
        let indices = indices.into();
        self.copied_to(
            Picks::List(indices.values),
            indices.shape,
            axis,
            path.as_ref(),
        )
    }

    /// Writes the rows where `keep` is true to a new file: `take_to` of their positions.
    ///
    /// # Errors
    /// As [`MemMapArray::compress_to`].
    pub fn compress_to(&self, keep: &[bool], axis: i64, path: impl AsRef<Path>) -> Result<Opened> {
        self.copied_to(Picks::mask(keep), None, axis, path.as_ref())
    }

    fn copied_into(
        &self,
        picks: Picks<'_>,
        places: Option<&[usize]>,
        axis: i64,
        out: &mut MemMapArray,
    ) -> Result<()> {
        match self {
            Opened::Plain(array) => array.copied_into(picks, places, axis, out),
            Opened::Scaled(scaled) => scaled.copied_into(picks, places, axis, out),
        }
    }

    fn copied_to(
        &self,
        picks: Picks<'_>,
        places: Option<&[usize]>,
        axis: i64,
        path: &Path,
    ) -> Result<Opened> {
        let new = match self {
            Opened::Plain(array) => array.copied_to(array.taking(picks, places, axis)?, path)?,
            Opened::Scaled(scaled) => scaled.copied_to(picks, places, axis, path)?,
        };
        new.finish_opened(Flush::Start)
    }
}
