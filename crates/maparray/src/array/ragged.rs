//! Which items of different lengths are in this folder?
//!
//! `values.npy` has the rows of all items, one after the other, `offsets.npy` where each of them
//! begins, and where the last one ends. Values are written first: what a crash leaves is whole items.
//!
//! Knows: errors, dtypes, layouts, formats, maps. Must not know: operations, expressions.

use std::borrow::Borrow;
use std::fs;
use std::ops::Range;
use std::path::Path;

use super::{Create, MemMapArray};
use crate::dtype::DType;
use crate::error::{Error, Problem, Result};
use crate::layout::{Order, Select, extent, shape_text};
use crate::map::{Existing, Flush, Mode};

const VALUES: &str = "values.npy";
const OFFSETS: &str = "offsets.npy";

/// Items of different lengths, such as sentences or spectra, in two files of a folder that grow.
///
/// ```
/// use maparray::{DType, Existing, Flush, MemMapArray, Mode, Ragged};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("words");
/// let mut words = Ragged::create(&path, &DType::of::<u8>(), &[], Existing::Refuse)?;
/// words.append(&MemMapArray::from_slice(b"ragged"), Flush::Durable)?;
/// words.append(&MemMapArray::from_slice(b"rows"), Flush::Durable)?;
/// let words = Ragged::open(&path, Mode::Read)?;
/// assert_eq!(words.len(), 2);
/// assert_eq!(words.get(-1)?.to_vec::<u8>()?, b"rows");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ragged {
    values: MemMapArray,
    offsets: MemMapArray,
    /// Items whose values are all there.
    len: usize,
}

impl Ragged {
    /// Makes a folder for items whose rows have this dtype and shape; `&[]` for items of one axis.
    ///
    /// # Errors
    /// `Io` if the files cannot be made, or are there and must stay.
    pub fn create(
        folder: impl AsRef<Path>,
        dtype: &DType,
        row: &[usize],
        existing: Existing,
    ) -> Result<Ragged> {
        let folder = folder.as_ref();
        let made = fs::create_dir_all(folder);
        made.map_err(|error| Error::io("make a folder", error).at(folder))?;
        let options = Create {
            existing,
            ..Create::default()
        };
        let (values, offsets) = (folder.join(VALUES), folder.join(OFFSETS));
        let mut shape = vec![0];
        shape.extend(row);
        // The offsets say what is there: old ones do not speak of new values.
        if existing == Existing::Refuse && offsets.exists() {
            return Err(Error::new(Problem::Exists).at(offsets));
        }
        let start = MemMapArray::create(&offsets, &DType::of::<i64>(), &[1], &options)?;
        start.flush(Flush::Durable)?;
        let values = MemMapArray::create(values, dtype, &shape, &options)?;
        Ragged::over(values, start)
    }

    /// Opens a folder. Items that a crash has cut short are not among the others.
    ///
    /// # Errors
    /// As [`MemMapArray::open`], for either file; `Mismatch` if they are not what they should be.
    pub fn open(folder: impl AsRef<Path>, mode: Mode) -> Result<Ragged> {
        let folder = folder.as_ref();
        // Values are written first, so they are opened last.
        let offsets = MemMapArray::open(folder.join(OFFSETS), mode)?;
        let values = MemMapArray::open(folder.join(VALUES), mode)?;
        Ragged::over(values, offsets)
    }

    fn over(values: MemMapArray, offsets: MemMapArray) -> Result<Ragged> {
        if *offsets.dtype() != DType::of::<i64>() {
            let found = offsets.dtype().to_string();
            let expected = DType::of::<i64>().to_string();
            let error = Error::new(Problem::WrongDType { found, expected });
            return Err(offsets.name(error));
        }
        if offsets.ndim() != 1 || offsets.is_empty() {
            let found = shape_text(offsets.shape());
            let expected = "one axis, of at least 1".into();
            let error = Error::new(Problem::WrongShape { found, expected });
            return Err(offsets.name(error));
        }
        if values.ndim() == 0 || !values.layout().is_contiguous(Order::C) {
            let found = "values that are not rows in C order";
            return Err(values.name(Error::new(Problem::CannotGrow { found })));
        }
        let mut ragged = Ragged {
            values,
            offsets,
            len: 0,
        };
        ragged.count()?;
        Ok(ragged)
    }

    /// Counts the items whose values are there.
    fn count(&mut self) -> Result<()> {
        let mut len = self.offsets.len().saturating_sub(1);
        while len > 0 && self.offset(len)? > self.values.shape()[0] {
            len -= 1;
        }
        self.len = len;
        Ok(())
    }

    /// The row at which an item begins, and the one before it ends; none of the values if it is
    /// negative.
    fn offset(&self, item: usize) -> Result<usize> {
        let offset = self.offsets.get::<i64>(&[item as i64])?;
        Ok(usize::try_from(offset).unwrap_or(usize::MAX))
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The rows of all items, one after the other; behind the last item there may be more.
    pub fn values(&self) -> &MemMapArray {
        &self.values
    }

    /// The rows at which items begin, and the one behind the last.
    pub fn offsets(&self) -> &MemMapArray {
        &self.offsets
    }

    /// Adds an item.
    ///
    /// # Errors
    /// As [`MemMapArray::append`]; the items are as they were then.
    pub fn append(&mut self, item: &MemMapArray, how: Flush) -> Result<()> {
        self.extend([item], how)
    }

    /// Adds some items, all of which are there then, or none.
    ///
    /// # Errors
    /// As [`Ragged::append`].
    ///
    /// ```
    /// use maparray::{DType, Existing, Flush, MemMapArray, Ragged};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("tracks");
    /// let mut tracks = Ragged::create(&path, &DType::of::<f32>(), &[2], Existing::Refuse)?;
    /// let track = MemMapArray::from_array(&ndarray::array![[1.0_f32, 2.0], [3.0, 4.0]])?;
    /// tracks.extend([&track, &track], Flush::Start)?;
    /// assert_eq!(tracks.get(1)?.shape(), [2, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn extend<A: Borrow<MemMapArray>>(
        &mut self,
        items: impl IntoIterator<Item = A>,
        how: Flush,
    ) -> Result<()> {
        let Ragged {
            values, offsets, ..
        } = self;
        let ndim = values.ndim();
        // Offsets change under the lock of the values alone.
        let known = std::cell::RefCell::new(offsets);
        let write = |growth: &mut super::grow::Growth| {
            let mut offsets = known.borrow_mut();
            offsets.refresh()?;
            let mut len = offsets.len().saturating_sub(1);
            let last = loop {
                let last = offsets.get::<i64>(&[len as i64])?;
                let last = usize::try_from(last).unwrap_or(usize::MAX);
                if last <= growth.rows() || len == 0 {
                    break last;
                }
                len -= 1;
            };
            growth.give_up(last);
            let mut ends = vec![];
            for item in items {
                let item = item.borrow();
                if item.ndim() != ndim {
                    return Err(Error::new(Problem::WrongShape {
                        found: shape_text(item.shape()),
                        expected: format!("{ndim} axes, of which the first may have any length"),
                    }));
                }
                growth.write(item)?;
                ends.push(growth.rows() as i64);
            }
            Ok((len + 1, ends))
        };
        values.change_rows(how, write, |(len, ends)| {
            let mut offsets = known.borrow_mut();
            if offsets.len() > len {
                offsets.resize(len, how)?;
            }
            offsets.append(&MemMapArray::from_slice(&ends), how)
        })?;
        self.count()
    }

    /// An item, as a part of the values; a negative number counts from the end.
    ///
    /// # Errors
    /// `OutOfBounds` if there is none of this number, `Malformed` if the offsets lie.
    pub fn get(&self, item: i64) -> Result<MemMapArray> {
        let rows = self.rows_of(item)?;
        let mut picks = vec![Select::ALL; self.values.ndim()];
        picks[0] = Select::Range {
            start: Some(rows.start as i64),
            stop: Some(rows.end as i64),
            step: 1,
        };
        self.values.select(&picks)
    }

    fn rows_of(&self, item: i64) -> Result<Range<usize>> {
        let len = self.len;
        let place = if item < 0 {
            item.checked_add(len as i64)
        } else {
            Some(item)
        };
        let place = place.and_then(|place| usize::try_from(place).ok());
        let Some(place) = place.filter(|place| *place < len) else {
            let (index, axis, len) = (item, 0, len as u64);
            return Err(self
                .offsets
                .name(Error::new(Problem::Index { index, axis, len })));
        };
        let (start, end) = (self.offset(place)?, self.offset(place + 1)?);
        let rows = self.values.shape()[0];
        if start <= end && end <= rows {
            return Ok(start..end);
        }
        Err(self.offsets.name(Error::new(Problem::Offsets {
            item: place,
            found: format!("{start}..{end}"),
            rows,
        })))
    }

    /// Some items, copied one after the other, and where each of them begins and the last one ends.
    ///
    /// # Errors
    /// As [`Ragged::get`]; `Io` if there is no room.
    ///
    /// ```
    /// use maparray::{DType, Existing, Flush, MemMapArray, Ragged};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("words");
    /// let mut words = Ragged::create(&path, &DType::of::<u8>(), &[], Existing::Refuse)?;
    /// let texts = [b"map".as_slice(), b"", b"array"].map(MemMapArray::from_slice);
    /// words.extend(&texts, Flush::Start)?;
    /// let (values, offsets) = words.gather(&[2, 0, -2])?;
    /// assert_eq!(values.to_vec::<u8>()?, b"arraymap");
    /// assert_eq!(offsets, [0, 5, 8, 8]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn gather(&self, items: &[i64]) -> Result<(MemMapArray, Vec<usize>)> {
        let rows = items.iter().map(|item| self.rows_of(*item));
        let rows: Vec<Range<usize>> = rows.collect::<Result<_>>()?;
        let mut offsets = vec![0];
        let mut total = 0_usize;
        for rows in &rows {
            total = total.saturating_add(rows.len());
            offsets.push(total);
        }
        let mut shape = self.values.shape().to_vec();
        shape[0] = total;
        let dtype = self.values.dtype();
        let (_, row_len) = extent(&shape[1..], dtype.size())?;
        let mut copy = MemMapArray::zeros(&dtype.to_native(), &shape, Order::C)?;
        let mut rest = copy.own_bytes()?;
        for rows in rows {
            let (out, after) = rest.split_at_mut(rows.len() * row_len);
            self.values.region().read(rows.start * row_len, out)?;
            dtype.swap_to_native(out);
            rest = after;
        }
        Ok((copy.in_unit_of(&self.values), offsets))
    }

    /// Writes items back to the files that were added without [`Flush::Durable`], or changed.
    ///
    /// # Errors
    /// As [`MemMapArray::flush`].
    ///
    /// ```
    /// use maparray::{DType, Existing, Flush, MemMapArray, Ragged};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("words");
    /// let mut words = Ragged::create(&path, &DType::of::<u8>(), &[], Existing::Refuse)?;
    /// for word in ["many", "words"] {
    ///     words.append(&MemMapArray::from_slice(word.as_bytes()), Flush::Start)?;
    /// }
    /// words.flush(Flush::Durable)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn flush(&self, how: Flush) -> Result<()> {
        // The offsets say what is there, so they come last.
        self.values.flush(how)?;
        self.offsets.flush(how)
    }

    /// Looks at the files again, for items that another program has added, and says whether there are
    /// any.
    ///
    /// # Errors
    /// As [`MemMapArray::refresh`].
    ///
    /// ```
    /// use maparray::{DType, Existing, Flush, MemMapArray, Mode, Ragged};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("words");
    /// let mut words = Ragged::create(&path, &DType::of::<u8>(), &[], Existing::Refuse)?;
    /// let mut seen = Ragged::open(&path, Mode::Read)?;
    /// words.append(&MemMapArray::from_slice(b"new"), Flush::Start)?;
    /// assert!(seen.refresh()?);
    /// assert_eq!(seen.get(0)?.to_vec::<u8>()?, b"new");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refresh(&mut self) -> Result<bool> {
        let before = self.len;
        self.offsets.refresh()?;
        self.values.refresh()?;
        self.count()?;
        Ok(self.len != before)
    }
}
