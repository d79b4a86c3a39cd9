//! How does the array of a file get more rows, or fewer?
//!
//! Rows are written behind the data, then the header says so: after a crash it never speaks of rows
//! that are not there. The elements stay where they are, in the file and in memory.
//!
//! Knows: errors, dtypes, layouts, formats, maps. Must not know: operations, expressions.

use std::borrow::Borrow;
use std::sync::Arc;

use super::open::READINGS;
use super::{COPY_BYTES, MemMapArray};
use crate::dtype::DType;
use crate::error::{Error, Problem, Result};
use crate::format::rows::{check_untorn, difference, growth_axis, with_shape};
use crate::format::{Format, Header, Parsed, npy};
use crate::layout::{Layout, extent, shape_text};
use crate::map::{Flush, GrowthLock, Mode, OpenFile};
use crate::unit::Unit;

/// Bytes from which a format is told.
const START: usize = 64;

/// Longest header that is taken for one here.
const LONGEST: u64 = 1 << 24;

impl MemMapArray {
    /// Adds rows to the file that the array maps with `r+`, along the first axis, of Fortran order the
    /// last: one row, or an array of some. The array is longer then; arrays that were made of it
    /// before stay as they are, on the same bytes.
    ///
    /// The rows are written behind the data, then the header says that there are more. With
    /// [`Flush::Durable`] they are there after a crash once this returns, and without it after the end
    /// of the program, however that comes; a crash before leaves bytes behind the data, which the
    /// next append overwrites. Rows that another program has added meanwhile come before these.
    ///
    /// The address stays too if [`MemMapArray::reserve`] was called, or after the first growth, as
    /// long as the addresses suffice.
    ///
    /// # Errors
    /// `Mismatch` if dtype or shape do not fit, or the array is not all that the file holds,
    /// `ReadOnly` without `r+`, `InUse` while another writer adds rows, `Unsupported` if the header
    /// has no room; `Io` if the disk has none: the file is then as it was.
    ///
    /// ```
    /// use maparray::{Flush, MemMapArray, Mode};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("log.npy");
    /// MemMapArray::from_slice(&[1.5_f64]).save(&path)?;
    /// let mut log = MemMapArray::open(&path, Mode::ReadWrite)?;
    /// let before = log.clone();
    /// log.append(&MemMapArray::from_slice(&[2.5, 3.5]), Flush::Durable)?;
    /// log.set(&[0], 9.0)?;
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<f64>()?, [9.0, 2.5, 3.5]);
    /// assert_eq!(before.to_vec::<f64>()?, [9.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn append(&mut self, rows: &MemMapArray, how: Flush) -> Result<()> {
        self.extend([rows], how)
    }

    /// [`MemMapArray::append`] for each of some arrays, all of which are there then, or none. The
    /// file is locked while they come.
    ///
    /// # Errors
    /// As [`MemMapArray::append`].
    ///
    /// ```
    /// use maparray::{Flush, MemMapArray, Mode};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("log.npy");
    /// MemMapArray::from_slice(&[1_i64]).save(&path)?;
    /// let mut log = MemMapArray::open(&path, Mode::ReadWrite)?;
    /// log.extend((2..5_i64).map(|i| MemMapArray::from_slice(&[i, i])), Flush::Start)?;
    /// assert_eq!(log.to_vec::<i64>()?, [1, 2, 2, 3, 3, 4, 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn extend<A: Borrow<MemMapArray>>(
        &mut self,
        rows: impl IntoIterator<Item = A>,
        how: Flush,
    ) -> Result<()> {
        let unit = self.unit().cloned();
        let write = |growth: &mut Growth| {
            rows.into_iter().try_for_each(|rows| {
                let rows = rows.borrow();
                check_unit(rows.unit(), unit.as_ref())?;
                growth.write(rows)
            })
        };
        self.change_rows(how, write, |()| Ok(()))
    }

    /// Gives the file another number of rows: new ones are zero, and those that are too many are
    /// forgotten. No file becomes shorter, since it may be mapped elsewhere: the header speaks of fewer
    /// rows, their bytes stay behind the data, and the next append overwrites them, under the eyes of
    /// arrays that were made before.
    ///
    /// # Errors
    /// As [`MemMapArray::append`]; `Mismatch` also for fewer rows in a file without a header.
    ///
    /// ```
    /// use maparray::{Flush, MemMapArray, Mode};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// MemMapArray::from_slice(&[1_u8, 2]).save(&path)?;
    /// let mut array = MemMapArray::open(&path, Mode::ReadWrite)?;
    /// array.resize(3, Flush::Durable)?;
    /// assert_eq!(array.to_vec::<u8>()?, [1, 2, 0]);
    /// array.resize(1, Flush::Durable)?;
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<u8>()?, [1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resize(&mut self, rows: usize, how: Flush) -> Result<()> {
        self.change_rows(how, |growth| growth.resize(rows), |()| Ok(()))
    }

    /// Takes addresses behind the array for what it will grow to, as many as for `bytes` in all, or
    /// more: as long as they suffice it keeps its own. It costs no memory. Without this it moves once,
    /// when it first grows, and takes addresses for eight times its length or a GiB then.
    ///
    /// # Errors
    /// `Mismatch` if the array is not all of a `.npy` or raw file, or mapped with `c`; `Io` if the
    /// system refuses.
    ///
    /// ```
    /// use maparray::{Flush, MemMapArray, Mode};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// MemMapArray::from_slice(&[1_u8, 2]).save(&path)?;
    /// let mut array = MemMapArray::open(&path, Mode::ReadWrite)?;
    /// array.reserve(1 << 20)?;
    /// # #[cfg(unix)]
    /// let start = array.region().as_ptr()?;
    /// array.resize(1 << 20, Flush::Start)?;
    /// # #[cfg(unix)]
    /// assert_eq!(array.region().as_ptr()?, start);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reserve(&mut self, bytes: usize) -> Result<()> {
        let mut reserve = || {
            self.check_may_change()?;
            let file = self.growing_file()?;
            Ground::read(self, &file)?;
            let region = self.region.grown(self.region.len(), bytes)?;
            self.region = Arc::new(region);
            Ok(())
        };
        reserve().map_err(|error: Error| self.name(error))
    }

    /// Looks at the file again, for rows that another program has added or taken away, and says
    /// whether there were any. Of rows that the header speaks of, only those are shown that the file
    /// has. A file that has taken the place of this one is not seen.
    ///
    /// # Errors
    /// `Mismatch` if the header speaks of other elements, or if the array is not all of a `.npy` or raw
    /// file, or is mapped with `c`; `InUse` if the header changes with each reading.
    ///
    /// ```
    /// use maparray::{Flush, MemMapArray, Mode};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("log.npy");
    /// MemMapArray::from_slice(&[1_u8]).save(&path)?;
    /// let mut seen = MemMapArray::open(&path, Mode::Read)?;
    /// let mut log = MemMapArray::open(&path, Mode::ReadWrite)?;
    /// log.append(&MemMapArray::from_slice(&[2_u8]), Flush::Start)?;
    /// assert!(seen.refresh()?);
    /// assert_eq!(seen.to_vec::<u8>()?, [1, 2]);
    /// assert!(!seen.refresh()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refresh(&mut self) -> Result<bool> {
        let mut refresh = || {
            let file = self.growing_file()?;
            let mut ground = Ground::read(self, &file)?;
            ground.set_rows(ground.rows().min(ground.whole_rows()));
            if ground.header.shape == self.shape() {
                return Ok(false);
            }
            self.check_may_change()?;
            self.show(&ground.header)?;
            Ok(true)
        };
        refresh().map_err(|error: Error| self.name(error))
    }

    /// Takes slices for alive where a promise allows them: they must not see another array write.
    pub(super) fn check_may_change(&mut self) -> Result<()> {
        match self.region.needs_one_writer() {
            true => self.check_alone(),
            false => Ok(()),
        }
    }

    /// The file, if the array is all of a shared mapping.
    pub(super) fn growing_file(&self) -> Result<Arc<OpenFile>> {
        let cannot = |found| Error::new(Problem::CannotGrow { found });
        let file = self.region.file().filter(|_| !self.region.is_private());
        let file = file.ok_or_else(|| cannot("an array without a file that has a name"))?;
        if self.mode() == Some(Mode::CopyOnWrite) {
            return Err(cannot("changes that stay in this mapping"));
        }
        if !self.fills_region() {
            return Err(cannot("a part of an array"));
        }
        Ok(file)
    }

    /// Changes the file's rows, and does what comes `then` while nobody else can.
    pub(super) fn change_rows<T>(
        &mut self,
        how: Flush,
        change: impl FnOnce(&mut Growth) -> Result<T>,
        then: impl FnOnce(T) -> Result<()>,
    ) -> Result<()> {
        let done = || {
            let file = self.growing_file()?;
            if self.mode() != Some(Mode::ReadWrite) {
                return Err(Error::new(Problem::ReadOnly));
            }
            self.check_may_change()?;
            let mut growth = Growth::begin(self, &file)?;
            let changed = change(&mut growth)?;
            // Mapped before the header says so: what can fail still leaves the file as it was.
            let mut new = self.clone();
            new.show(&growth.ground.header)?;
            growth.commit(how)?;
            *self = new;
            then(changed)
        };
        done().map_err(|error: Error| self.name(error))
    }

    /// Becomes the array of a header that differs in its rows.
    fn show(&mut self, header: &Header) -> Result<()> {
        let layout = header.layout()?;
        let region = self.region.grown(layout.byte_len(), 0)?;
        (self.region, self.layout) = (Arc::new(region), layout);
        Ok(())
    }
}

/// Checks that rows mean what the array's do; those without a unit are taken for that.
fn check_unit(found: Option<&Unit>, own: Option<&Unit>) -> Result<()> {
    if found.is_none() || found == own {
        return Ok(());
    }
    let words = |unit: Option<&Unit>| unit.map_or("none".into(), |unit| format!("`{unit}`"));
    Err(Error::new(Problem::UnitOperand {
        operation: "append",
        found: words(found),
        expected: words(own),
    }))
}

/// What a file says of the array that it holds.
pub(super) struct Ground {
    pub(super) header: Header,
    /// The bytes before the data of a `.npy`; of a raw file none.
    pub(super) start: Vec<u8>,
    pub(super) file_len: u64,
    axis: usize,
    /// Bytes of a row.
    row_len: usize,
}

impl Ground {
    /// Asks the file of an array what it says now.
    pub(super) fn read(array: &MemMapArray, file: &OpenFile) -> Result<Ground> {
        let offset = array.region().file_offset();
        let mut first = [0; START];
        let count = file.read_at(0, &mut first)?;
        let told = Format::of_content(&first[..count]);
        if told != Some(Format::Npy) && offset > 0 && offset == file.header_len() {
            // What was a header is none any more: these are not the rows that it spoke of.
            return Err(Error::new(Problem::HeaderGone));
        }
        let header = match told {
            Some(Format::Npy) if offset > 0 && offset <= LONGEST => {
                let start = settled(file, offset as usize)?;
                let ground = Ground::of_npy(start, file.len()?)?;
                ground.check_says(array)?;
                return Ok(ground);
            }
            // Such as markers around it, or a small file beside it, would not know of more.
            _ if array.region.is_described() => {
                let found = "an array of which something else says how long it is";
                return Err(Error::new(Problem::CannotGrow { found }));
            }
            Some(Format::Npy) | None => Ground::raw_header(array, offset)?,
            Some(_) if offset == 0 => Ground::raw_header(array, offset)?,
            Some(_) => {
                let found = "a part of a file of another format";
                return Err(Error::new(Problem::CannotGrow { found }));
            }
        };
        let mut ground = Ground::over(header, vec![], file.len()?)?;
        // The length of the file says how many there are; of rows of no bytes, the array does.
        if ground.row_len > 0 {
            ground.set_rows(ground.whole_rows());
        }
        Ok(ground)
    }

    /// What the bytes before the data of a `.npy` say.
    pub(super) fn of_npy(start: Vec<u8>, file_len: u64) -> Result<Ground> {
        let len = start.len() as u64;
        match npy::parse_limited(&start, len, start.len())? {
            Parsed::Header(header) if header.data_offset == len => {
                Ground::over(header, start, file_len)
            }
            _ => {
                let found = "data that does not begin behind the header";
                Err(Error::new(Problem::CannotGrow { found }))
            }
        }
    }

    fn raw_header(array: &MemMapArray, data_offset: u64) -> Result<Header> {
        let item = array.dtype.size();
        let in_c = Layout::contiguous(array.shape(), item, crate::layout::Order::C, 0)?;
        let order = match in_c.strides() == array.strides() {
            true => crate::layout::Order::C,
            false => crate::layout::Order::F,
        };
        Ok(Header {
            format: Format::Raw,
            version: (0, 0),
            dtype: array.dtype.clone(),
            shape: array.shape().to_vec(),
            order,
            data_offset,
            unit: None,
            scaling: None,
        })
    }

    fn over(header: Header, start: Vec<u8>, file_len: u64) -> Result<Ground> {
        let axis = growth_axis(header.order, header.shape.len()).ok_or_else(|| {
            let found = "an array without axes";
            Error::new(Problem::CannotGrow { found })
        })?;
        let mut row = header.shape.clone();
        row.remove(axis);
        let (_, row_len) = extent(&row, header.dtype.size())?;
        Ok(Ground {
            header,
            start,
            file_len,
            axis,
            row_len,
        })
    }

    /// Checks that the header still speaks of the array, with another number of rows at most.
    fn check_says(&self, array: &MemMapArray) -> Result<()> {
        let header = &self.header;
        if header.dtype != array.dtype {
            return Err(Error::new(Problem::WrongDType {
                found: header.dtype.to_string(),
                expected: array.dtype.to_string(),
            }));
        }
        let mut shape = header.shape.clone();
        let rows = array.shape().get(self.axis).copied();
        if let (Some(axis), Some(rows)) = (shape.get_mut(self.axis), rows) {
            *axis = rows;
        }
        let item = array.dtype.size();
        let layout = Layout::contiguous(&shape, item, header.order, 0)?;
        if shape != array.shape() || (!layout.is_empty() && layout.strides() != array.strides()) {
            return Err(Error::new(Problem::WrongShape {
                found: shape_text(&header.shape),
                expected: format!("rows as in {}", shape_text(array.shape())),
            }));
        }
        Ok(())
    }

    /// Rows that the header claims.
    pub(super) fn rows(&self) -> usize {
        self.header.shape[self.axis]
    }

    pub(super) fn set_rows(&mut self, rows: usize) {
        self.header.shape[self.axis] = rows;
    }

    /// Whole rows that the file has.
    pub(super) fn whole_rows(&self) -> usize {
        let bytes = self.file_len.saturating_sub(self.header.data_offset);
        match self.row_len as u64 {
            0 => self.rows(),
            row_len => usize::try_from(bytes / row_len).unwrap_or(usize::MAX),
        }
    }

    /// The byte of the file behind so many rows.
    pub(super) fn end_of(&self, rows: usize) -> Result<u64> {
        let mut shape = self.header.shape.clone();
        shape[self.axis] = rows;
        let (_, bytes) = extent(&shape, self.header.dtype.size())?;
        Ok(self.header.data_offset.saturating_add(bytes as u64))
    }

    /// Checks that the header can speak of another shape, and that no crash of the machine leaves one
    /// half of it old and the other new.
    fn check_room(&self, shape: &[usize]) -> Result<()> {
        if self.start.is_empty() {
            return Ok(());
        }
        check_untorn(&self.start)?;
        with_shape(&self.start, shape).map(drop)
    }

    /// Writes the rows into the header, in one piece.
    pub(super) fn write_header(&self, file: &OpenFile) -> Result<()> {
        if self.start.is_empty() {
            return Ok(());
        }
        let new = with_shape(&self.start, &self.header.shape)?;
        let range = difference(&self.start, &new);
        file.write_at(range.start as u64, &new[range])
    }
}

/// The first bytes of a file as two readings agree on them: another program may be writing there.
pub(super) fn settled(file: &OpenFile, len: usize) -> Result<Vec<u8>> {
    let read = || {
        let mut bytes = vec![0; len];
        let count = file.read_at(0, &mut bytes)?;
        bytes.truncate(count);
        Ok::<_, Error>(bytes)
    };
    let mut before = read()?;
    for _ in 0..READINGS {
        let now = read()?;
        if now == before {
            return Ok(now);
        }
        before = now;
    }
    Err(Error::new(Problem::RestlessHeader))
}

/// A file whose rows are being changed.
pub(super) struct Growth {
    lock: GrowthLock,
    pub(super) ground: Ground,
    /// The header is about to say so, or has: nothing can be taken back.
    said: bool,
}

impl Growth {
    pub(super) fn begin(array: &MemMapArray, file: &Arc<OpenFile>) -> Result<Growth> {
        let lock = file.lock_growth()?;
        file.check_named(array.path())?;
        let ground = Ground::read(array, file)?;
        let (found, needed) = (ground.file_len, ground.end_of(ground.rows())?);
        if found < needed {
            ground.header.check_len(found)?;
        }
        Ok(Growth {
            lock,
            ground,
            said: false,
        })
    }

    /// Rows that are there.
    pub(super) fn rows(&self) -> usize {
        self.ground.rows()
    }

    /// Gives up rows at the end, which the next ones overwrite.
    pub(super) fn give_up(&mut self, rows: usize) {
        self.ground.set_rows(rows.min(self.rows()));
    }

    /// Writes rows behind those that are there.
    pub(super) fn write(&mut self, rows: &MemMapArray) -> Result<()> {
        let count = self.count(rows)?;
        let at = self.ground.end_of(self.ground.rows())?;
        let all = self.ground.rows().saturating_add(count);
        // All that can be found out is found before anything is written.
        self.ground.end_of(all)?;
        let mut header = self.ground.header.shape.clone();
        header[self.ground.axis] = all;
        self.ground.check_room(&header)?;
        self.copy(rows, at)?;
        self.ground.set_rows(all);
        Ok(())
    }

    /// How many rows an array is.
    fn count(&self, rows: &MemMapArray) -> Result<usize> {
        let (dtype, axis) = (&self.ground.header.dtype, self.ground.axis);
        if rows.dtype().to_native() != dtype.to_native() {
            return Err(Error::new(Problem::WrongDType {
                found: rows.dtype().to_string(),
                expected: dtype.to_string(),
            }));
        }
        let mut row = self.ground.header.shape.clone();
        row.remove(axis);
        if rows.shape() == row {
            return Ok(1);
        }
        let mut shape = rows.shape().to_vec();
        if shape.len() == row.len() + 1 {
            let count = shape.remove(axis);
            if shape == row {
                return Ok(count);
            }
        }
        let mut many: Vec<String> = row.iter().map(usize::to_string).collect();
        many.insert(axis, "n".into());
        Err(Error::new(Problem::WrongShape {
            found: shape_text(rows.shape()),
            expected: format!("{} or {}", shape_text(&row), shape_text(&many)),
        }))
    }

    /// Copies elements to a place of the file, in its byte order and the order in which it has them.
    fn copy(&self, rows: &MemMapArray, at: u64) -> Result<()> {
        let dtype: &DType = &self.ground.header.dtype;
        let order = self.ground.header.order;
        let layout = Layout::contiguous(rows.shape(), dtype.size(), order, 0)?;
        let axes = layout.memory_order();
        let walk = crate::layout::Walk::new(&rows.layout().permuted(&axes));
        let (source, item) = (rows.source(), dtype.size().max(1));
        let most = (COPY_BYTES / item).max(1);
        let mut buffer = vec![0; most.min(rows.len()) * item];
        for first in (0..rows.len()).step_by(most) {
            let bytes = &mut buffer[..most.min(rows.len() - first) * item];
            source.load(&walk, first, bytes)?;
            dtype.swap_to_native(bytes);
            self.lock
                .file()
                .write_at(at + (first * item) as u64, bytes)?;
        }
        Ok(())
    }

    fn resize(&mut self, rows: usize) -> Result<()> {
        let (old, end) = (self.ground.rows(), self.ground.end_of(rows)?);
        let raw = self.ground.start.is_empty();
        if rows < old && raw {
            let found = "fewer rows for a file that has no header to say so";
            return Err(Error::new(Problem::CannotGrow { found }));
        }
        if rows > old {
            // What was left behind the data is no zero.
            let from = self.ground.end_of(old)?;
            let left = self.ground.file_len.min(end);
            let zeros = vec![0; COPY_BYTES];
            let mut at = from;
            while at < left {
                let count = zeros.len().min((left - at) as usize);
                self.lock.file().write_at(at, &zeros[..count])?;
                at += count as u64;
            }
            if end > self.ground.file_len {
                self.lock.allocate(end)?;
            }
        }
        self.ground.set_rows(rows);
        self.ground.check_room(&self.ground.header.shape)
    }

    /// Makes the header say so: what it speaks of is on the disk before.
    fn commit(&mut self, how: Flush) -> Result<()> {
        self.lock.sync(how)?;
        self.said = true;
        if self.ground.start.is_empty() {
            return Ok(());
        }
        self.ground.write_header(self.lock.file())?;
        self.lock.sync(how)
    }
}

impl Drop for Growth {
    fn drop(&mut self) {
        if !self.said {
            self.lock.take_back(self.ground.file_len);
        }
    }
}
