//! How does an array move between memory and a file without becoming another?
//!
//! Its bytes keep their addresses where the system can exchange pages under them, so that whoever
//! has an address goes on using it. Elsewhere, and for memory that is not ours, the array gets other
//! bytes; then nobody else may hold the old ones.
//!
//! Knows: errors, dtypes, layouts, formats, maps. Must not know: operations, expressions.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{MemMapArray, unit};
use crate::dtype::DType;
use crate::error::{Error, Problem, Result};
use crate::format::{Format, npy};
use crate::layout::{Layout, Order, Walk};
use crate::map::{Allocate, Existing, FOLIO, Flush, Mark, NewFile, OpenFile, Region, rename};

/// A file that elements go to.
enum Target<'a> {
    Named(&'a Path, Format, Existing),
    /// In a folder, or where the system keeps temporary files.
    Unnamed(Option<&'a Path>),
}

impl Target<'_> {
    /// What comes before the elements. `place` rounds up the offset at which they may begin.
    fn start(&self, array: &MemMapArray, place: &dyn Fn(usize) -> usize) -> Result<Vec<u8>> {
        match self {
            Target::Named(_, Format::Npy, _) => {
                let unit = unit::text_of(array.unit());
                let (dtype, shape) = (&array.dtype, array.shape());
                npy::write_placed(unit.as_deref(), dtype, shape, array.order(), place)
            }
            Target::Named(_, format @ Format::Npz, _) => {
                let format = format.row().name;
                Err(Error::new(Problem::NotOneArray { format }))
            }
            _ => Ok(vec![0; place(0)]),
        }
    }

    /// The file, with its start and room for `bytes` behind it; and how it gets its name.
    fn make(&self, start: &[u8], bytes: usize) -> Result<(Arc<OpenFile>, Option<NewFile>)> {
        let len = (start.len() as u64).saturating_add(bytes as u64);
        match self {
            Target::Named(path, _, existing) => {
                let new = NewFile::create(path, len, *existing, Allocate::Full)?;
                new.write_at(0, start)?;
                Ok((OpenFile::from_file(new.share()?)?, Some(new)))
            }
            Target::Unnamed(folder) => Ok((OpenFile::temporary(*folder, len)?, None)),
        }
    }
}

fn publish(new: Option<NewFile>) -> Result<()> {
    new.map_or(Ok(()), |new| new.commit(Flush::Start))
}

impl MemMapArray {
    /// Zeroed memory as an array that can be moved to a file and back while others hold its address.
    ///
    /// [`MemMapArray::zeros`] makes memory that is borrowed without a promise; this one is shared, as
    /// a file is.
    ///
    /// # Errors
    /// `Io` if there is no room, `Malformed` if the shape is too big.
    ///
    /// ```
    /// use maparray::{DType, MemMapArray, Order};
    /// let array = MemMapArray::pages(&DType::of::<f64>(), &[3], Order::C)?;
    /// assert_eq!(array.to_vec::<f64>()?, [0.0; 3]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn pages(dtype: &DType, shape: &[usize], order: Order) -> Result<MemMapArray> {
        let layout = Layout::contiguous(shape, dtype.size(), order, 0)?;
        let region = Region::pages(layout.byte_len())?;
        Ok(MemMapArray::over(region, dtype.clone(), layout))
    }

    /// The same array, whose memory others will reach by its address: it is not borrowed without a
    /// promise any more, and can be moved to a file and back as [`MemMapArray::pages`].
    ///
    /// # Errors
    /// `InUse` if other arrays are on the memory.
    ///
    /// ```
    /// use maparray::{DType, MemMapArray, Order};
    /// let array = MemMapArray::temporary(&DType::of::<f64>(), &[10], Order::C, None)?.lent_out()?;
    /// assert!(array.view::<f64>().is_err());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn lent_out(mut self) -> Result<MemMapArray> {
        self.check_alone()?;
        if let Some(region) = Arc::get_mut(&mut self.region) {
            region.note_others();
        }
        Ok(self)
    }

    /// Moves the elements to a new file and maps it; what is written from then on reaches the file.
    ///
    /// The array stays the same: in memory of our own, and from one file to another, its elements keep
    /// their addresses (on Linux). A `.npy` file gets a header that puts its data where pages begin; a
    /// raw one has the elements alone. An array that maps a file already goes on in the new one, and
    /// the old one stays as it is.
    ///
    /// # Errors
    /// `Io` if the file cannot be made, its name is taken and must stay, or the disk has no room;
    /// `InUse` if others hold the memory and it cannot be exchanged under them; `Unsupported` for formats
    /// that hold other things than one array. The array then is as it was.
    ///
    /// ```
    /// use maparray::{Existing, MemMapArray, Mode, format::Format};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// let mut array = MemMapArray::from_slice(&[1.5_f64, 2.5]);
    /// array.enable_memmap(&path, Format::Npy, Existing::Refuse)?;
    /// array.set(&[0], 9.0)?;
    /// assert_eq!(array.mode(), Some(Mode::ReadWrite));
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<f64>()?, [9.0, 2.5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enable_memmap(
        &mut self,
        path: impl AsRef<Path>,
        format: Format,
        existing: Existing,
    ) -> Result<()> {
        let path = path.as_ref();
        if !matches!(format, Format::Npy | Format::Raw) {
            let format = format.row().name;
            return Err(Error::new(Problem::NotForOne { format }).at(path));
        }
        let target = Target::Named(path, format, existing);
        self.put_into(&target).map_err(|error| error.at(path))?;
        self.is_called(path);
        Ok(())
    }

    /// Notes the name of the file that it maps.
    fn is_called(&mut self, path: &Path) {
        if let Some(file) = self.region.file() {
            file.note_name(path);
        }
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        self.path = Some(path.into());
    }

    /// The same array with the name that the file under it is known by, if it has none: parts of an
    /// array do not show it.
    #[must_use]
    pub fn named_by_file(mut self) -> MemMapArray {
        if self.path.is_none() {
            let name = self.region.file().and_then(|file| file.name());
            self.path = name.map(Into::into);
        }
        self
    }

    /// Moves the elements to a file without a name, which goes away with the array, whatever ends the
    /// program. It lies in `folder`, or where the system keeps temporary files.
    ///
    /// # Errors
    /// As [`MemMapArray::enable_memmap`].
    ///
    /// ```
    /// let mut array = maparray::MemMapArray::from_slice(&[1_u8, 2, 3]);
    /// array.enable_temporary(None)?;
    /// assert!(array.mode().is_some() && array.path().is_none());
    /// assert_eq!(array.to_vec::<u8>()?, [1, 2, 3]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn enable_temporary(&mut self, folder: Option<&Path>) -> Result<()> {
        self.put_into(&Target::Unnamed(folder))?;
        self.path = None;
        Ok(())
    }

    /// Whether the elements can move to a file and back while others hold their address: pages of our
    /// own and mapped files can, on Linux.
    pub fn can_switch(&self) -> bool {
        self.region.can_switch() && self.fills_region()
    }

    /// Puts a new file behind the elements.
    fn put_into(&mut self, target: &Target<'_>) -> Result<()> {
        if !self.can_switch() {
            return self.move_into(target);
        }
        let start = target.start(self, &|at| self.region.place_in_file(at))?;
        let offset = start.len() as u64;
        let frozen = Region::freeze(&mut self.region)?;
        let (file, new) = target.make(&start, frozen.len())?;
        frozen.copy_to(&file, offset)?;
        frozen.become_file(&file, offset, || publish(new))
    }

    /// The same for bytes that cannot be exchanged: other bytes take their place in this array.
    fn move_into(&mut self, target: &Target<'_>) -> Result<()> {
        self.check_alone()?;
        let start = target.start(self, &|at| at)?;
        let layout = Layout::contiguous(self.shape(), self.dtype.size(), self.order(), 0)?;
        let (file, new) = target.make(&start, layout.byte_len())?;
        let walk = Walk::new(&self.layout.permuted(&layout.memory_order()));
        let source = self.source();
        let item = layout.item_size().max(1);
        let most = (FOLIO / item).clamp(1, self.len().max(1));
        let mut buffer = vec![0; most * item];
        for at in (0..self.len()).step_by(most) {
            let bytes = &mut buffer[..most.min(self.len() - at) * item];
            source.load_raw(&walk, at, bytes)?;
            file.write_at((start.len() + at * item) as u64, bytes)?;
        }
        let region = file.map_whole(start.len() as u64, layout.byte_len() as u64)?;
        publish(new)?;
        (self.region, self.layout) = (Arc::new(region), layout);
        Ok(())
    }

    /// Moves the elements of a file to memory; the file keeps what it has, and hears of no later
    /// change. Does nothing for an array in memory.
    ///
    /// # Errors
    /// `Io` if there is no room, `Malformed` if the file has been cut short, `InUse` as in
    /// [`MemMapArray::enable_memmap`]. The array then is as it was.
    ///
    /// ```
    /// use maparray::{MemMapArray, Mode};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// MemMapArray::from_slice(&[1_i32, 2]).save(&path)?;
    /// let mut array = MemMapArray::open(&path, Mode::ReadWrite)?;
    /// array.disable_memmap()?;
    /// array.set(&[0], 7)?;
    /// assert_eq!(array.to_vec::<i32>()?, [7, 2]);
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<i32>()?, [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn disable_memmap(&mut self) -> Result<()> {
        if self.mode().is_none() {
            return Ok(());
        }
        let mut to_memory = || {
            if self.can_switch() {
                return Region::freeze(&mut self.region)?.become_memory();
            }
            self.check_alone()?;
            let mut copy = MemMapArray::pages(&self.dtype, self.shape(), self.order())?;
            let walk = Walk::new(&self.layout.permuted(&copy.layout.memory_order()));
            self.source().load_raw(&walk, 0, copy.own_bytes()?)?;
            *self = copy.in_unit_of(self);
            Ok(())
        };
        to_memory().map_err(|error: Error| self.name(error))?;
        self.path = None;
        Ok(())
    }

    /// Gives the file behind the array another name on the same file system; the array and whoever
    /// maps the file go on.
    ///
    /// # Errors
    /// `Io` if the name is taken and must stay, or the file cannot be moved, as to another disk, where
    /// [`MemMapArray::enable_memmap`] makes a copy; `Mismatch` for an array without a file that has a
    /// name, or whose name has come to another file.
    ///
    /// ```
    /// use maparray::{Existing, MemMapArray, Mode};
    /// # let folder = tempfile::tempdir()?;
    /// # let (old, new) = (folder.path().join("a.npy"), folder.path().join("b.npy"));
    /// MemMapArray::from_slice(&[1_i32, 2]).save(&old)?;
    /// let mut array = MemMapArray::open(&old, Mode::ReadWrite)?;
    /// array.rename(&new, Existing::Refuse)?;
    /// array.set(&[0], 7)?;
    /// assert_eq!(MemMapArray::read(&new)?.to_vec::<i32>()?, [7, 2]);
    /// assert!(!old.exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rename(&mut self, path: impl AsRef<Path>, existing: Existing) -> Result<()> {
        let path = path.as_ref();
        let to = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let from = match &self.path {
            Some(from) if self.mode().is_some() => PathBuf::from(&**from),
            _ => return Err(Error::new(Problem::NoFile).at(path)),
        };
        if from == to {
            return Ok(());
        }
        let mapped = self.region.file().and_then(|file| file.mark());
        if mapped.is_none() || Mark::at(&from) != mapped {
            return Err(Error::new(Problem::OtherFile).at(&from));
        }
        // Another spelling of the same name is no other name.
        let same = std::fs::canonicalize(&from).ok();
        if same.is_none() || same != std::fs::canonicalize(&to).ok() {
            rename(&from, &to, existing).map_err(|error| error.at(path))?;
        }
        self.is_called(&to);
        Ok(())
    }

    /// Whether the elements are all there is in the region.
    pub(super) fn fills_region(&self) -> bool {
        let layout = &self.layout;
        layout.is_contiguous(self.order())
            && (layout.is_empty() || layout.offset() == 0)
            && layout.byte_len() == self.region.len()
    }

    pub(super) fn check_alone(&mut self) -> Result<()> {
        let holders = Arc::strong_count(&self.region);
        match Arc::get_mut(&mut self.region) {
            Some(_) => Ok(()),
            None => Err(Error::new(Problem::Shared { holders })),
        }
    }
}
