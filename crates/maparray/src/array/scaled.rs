//! What if the stored numbers stand for others?
//!
//! A [`Scaled`] is an array of stored numbers and how they are meant. Nothing is converted before it
//! is asked for: an element, a part, all of it, or strip by strip inside a computation.
//!
//! Knows: errors, dtypes, layouts, formats, maps. Must not know: operations, expressions.

use std::path::Path;
use std::sync::Arc;

use super::ChunkSize;
use super::contents::{Contents, Whole};
use super::open::at;
use super::share::share_out;
use super::{COPY_BYTES, Create, FitsHeader, Inflate, MemMapArray, NewArray, ScaledChunks, Source};
use crate::crew::{Crew, callers_watch, free_memory};
use crate::dtype::{DType, Element, Scalar};
use crate::error::{Error, Problem, Result};
use crate::format::{Format, Scaling, npy};
use crate::layout::{Order, Select, Walk};
use crate::map::{Behind, FOLIO, Flush, Mode};
use crate::unit::Unit;

/// An array whose stored numbers x stand for zero + scale · x, as in FITS.
///
/// ```
/// use maparray::{Eval, Existing, FitsImage, MemMapArray, Mode, Scaled, save_fits};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.fits");
/// // FITS has no unsigned numbers: it stores them shifted.
/// let counts = MemMapArray::from_slice(&[0_u16, 65535]);
/// save_fits(&path, &[FitsImage::new(&counts)], Existing::Refuse)?;
/// let counts = Scaled::open(&path, Mode::Read)?;
/// assert_eq!(counts.raw().to_vec::<i16>()?, [-32768, 32767]);
/// assert_eq!(counts.get::<u16>(&[1])?, 65535);
/// let mean = Eval::new("mean(a)".parse()?).scaled("a", &counts).run()?;
/// assert_eq!(mean.get::<f64>(&[])?, 32767.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scaled {
    /// Invariant: of numbers that have no unit.
    raw: MemMapArray,
    stored: Scalar,
    scaling: Scaling,
    unit: Option<Arc<Unit>>,
}

impl Scaled {
    /// Maps a scaled image, or the one that an [`Address`](crate::Address) names.
    ///
    /// # Errors
    /// As [`MemMapArray::open`]; `Mismatch` if its numbers are stored as they are.
    pub fn open(path: impl AsRef<Path>, mode: Mode) -> Result<Scaled> {
        let path = path.as_ref();
        match Opened::open(path, mode)? {
            Opened::Scaled(scaled) => Ok(scaled),
            Opened::Plain(array) => {
                let (found, expected) = (array.dtype().to_string(), "scaled numbers".into());
                Err(Error::new(Problem::WrongDType { found, expected }).at(path))
            }
        }
    }

    /// Numbers of an array that stand for others, in the unit of the array.
    ///
    /// # Errors
    /// `Unsupported` if they are none of those that FITS has.
    ///
    /// ```
    /// use maparray::{MemMapArray, Scaled, format::Scaling};
    /// let raw = MemMapArray::from_slice(&[1_i16, -1]);
    /// let scaled = Scaled::new(raw, Scaling { scale: 0.5, zero: 10.0, blank: Some(-1) })?;
    /// assert_eq!(scaled.get::<f32>(&[0])?, 10.5);
    /// assert!(scaled.get::<f32>(&[1])?.is_nan());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn new(raw: MemMapArray, scaling: Scaling) -> Result<Scaled> {
        use Scalar::{F32, F64, I16, I32, I64, U8};
        let stored = raw.dtype().number()?;
        if !matches!(stored, U8 | I16 | I32 | I64 | F32 | F64) {
            let dtype = raw.dtype().to_string();
            return Err(Error::new(Problem::FitsDType { dtype }));
        }
        Ok(Scaled {
            unit: raw.unit.clone(),
            raw: raw.with_unit(None),
            stored,
            scaling,
        })
    }

    /// The stored numbers.
    pub fn raw(&self) -> &MemMapArray {
        &self.raw
    }

    /// How they are meant.
    pub fn scaling(&self) -> Scaling {
        self.scaling
    }

    /// The type of the numbers that are meant.
    pub fn dtype(&self) -> DType {
        self.scaling.scalar(self.stored).native()
    }

    /// Length of each axis.
    pub fn shape(&self) -> &[usize] {
        self.raw.shape()
    }

    /// Number of axes.
    pub fn ndim(&self) -> usize {
        self.raw.ndim()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// The unit of the numbers that are meant.
    pub fn unit(&self) -> Option<&Unit> {
        self.unit.as_deref()
    }

    pub(crate) fn shared_unit(&self) -> Option<&Arc<Unit>> {
        self.unit.as_ref()
    }

    /// The file that it maps; `None` in memory.
    pub fn path(&self) -> Option<&Path> {
        self.raw.path()
    }

    /// The header of the HDU that it maps.
    ///
    /// # Errors
    /// `Mismatch` if it is in memory, or a part of an image; `Io` if the file cannot be read.
    ///
    /// ```
    /// use maparray::fits::Value;
    /// use maparray::{Existing, FitsImage, MemMapArray, Mode, Scaled, save_fits};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.fits");
    /// let counts = MemMapArray::from_slice(&[0_u16, 65535]);
    /// save_fits(&path, &[FitsImage::new(&counts)], Existing::Refuse)?;
    /// let header = Scaled::open(&path, Mode::Read)?.header()?;
    /// assert_eq!(header.cards().value("BZERO"), Some(Value::Integer(32768)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn header(&self) -> Result<FitsHeader> {
        let path = self.path().ok_or_else(|| Error::new(Problem::NoFile))?;
        FitsHeader::before(path, self.raw.data_offset())
    }

    /// One element.
    ///
    /// # Errors
    /// `OutOfBounds` if there is no such element, `Mismatch` if it is of another type.
    ///
    /// ```
    /// use maparray::{MemMapArray, Scaled, format::Scaling};
    /// let raw = MemMapArray::from_slice(&[0_i16, 4]);
    /// let scaled = Scaled::new(raw, Scaling { scale: 0.5, zero: 1.0, blank: None })?;
    /// assert_eq!(scaled.get::<f32>(&[-1])?, 3.0);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn get<T: Element>(&self, index: &[i64]) -> Result<T> {
        let element = self.select_all(index)?.to_memory()?;
        element.get(&[]).map_err(|error| self.raw.name(error))
    }

    fn select_all(&self, index: &[i64]) -> Result<Scaled> {
        if index.len() != self.ndim() {
            let (found, ndim) = (index.len(), self.ndim());
            return Err(Error::new(Problem::IndexCount { found, ndim }));
        }
        let picks: Vec<Select> = index.iter().map(|&i| Select::At(i)).collect();
        self.select(&picks)
    }

    /// A part that shares the stored numbers.
    ///
    /// # Errors
    /// As [`MemMapArray::select`].
    ///
    /// ```
    /// use maparray::{MemMapArray, Scaled, Select, format::Scaling};
    /// let raw = MemMapArray::from_slice(&[0_i16, 4]);
    /// let scaled = Scaled::new(raw, Scaling { scale: 0.5, zero: 1.0, blank: None })?;
    /// assert_eq!(scaled.select(&[Select::At(1)])?.get::<f32>(&[])?, 3.0);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn select(&self, picks: &[Select]) -> Result<Scaled> {
        Ok(self.over(self.raw.select(picks)?))
    }

    /// Others of the stored numbers, meant in the same way.
    pub(super) fn over(&self, raw: MemMapArray) -> Scaled {
        Scaled {
            raw,
            ..self.clone()
        }
    }

    /// The axes in another order, as [`MemMapArray::transpose`]; it shares the stored numbers.
    ///
    /// # Errors
    /// As [`MemMapArray::transpose`].
    pub fn transpose(&self, axes: Option<&[i64]>) -> Result<Scaled> {
        Ok(self.over(self.raw.transpose(axes)?))
    }

    /// Consecutive parts along the first axis, as [`MemMapArray::iter_chunks`]; bytes are counted as
    /// those of the numbers that are meant.
    ///
    /// # Errors
    /// As [`MemMapArray::iter_chunks`].
    ///
    /// ```
    /// use maparray::{ChunkSize, MemMapArray, Scaled, format::Scaling};
    /// let raw = MemMapArray::from_slice(&[0_i16, 4, 6]);
    /// let scaled = Scaled::new(raw, Scaling { scale: 0.5, zero: 1.0, blank: None })?;
    /// let mut sums = vec![];
    /// for (rows, chunk) in scaled.iter_chunks(ChunkSize::Bytes(8))? {
    ///     sums.push((rows.start, chunk.to_memory()?.to_vec::<f32>()?.iter().sum::<f32>()));
    /// }
    /// assert_eq!(sums, [(0, 4.0), (2, 4.0)]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn iter_chunks(&self, size: ChunkSize) -> Result<ScaledChunks> {
        let size = match size {
            ChunkSize::Bytes(bytes) => {
                let row: usize = self.shape().iter().skip(1).product();
                ChunkSize::Rows(bytes / row.saturating_mul(self.dtype().size()).max(1))
            }
            rows => rows,
        };
        Ok(ScaledChunks {
            walk: self.raw.iter_chunks(size)?,
            whole: self.clone(),
        })
    }

    /// The numbers that are meant, to be copied out.
    pub(crate) fn meaning(&self) -> Meaning {
        Meaning {
            source: self.raw.source(),
            stored: self.stored,
            scaling: self.scaling,
        }
    }

    /// What stored numbers of this array, their bytes as they lie, stand for.
    pub(super) fn meant(&self, bytes: &mut [u8]) -> Vec<u8> {
        self.raw.dtype().swap_to_native(bytes);
        let mut meant = vec![0; bytes.len() / self.stored.size() * self.dtype().size()];
        self.scaling.convert(self.stored, bytes, &mut meant);
        meant
    }

    /// A copy in memory of the numbers that are meant.
    ///
    /// # Errors
    /// `Io` if there is no room.
    ///
    /// ```
    /// use maparray::{MemMapArray, Scaled, format::Scaling};
    /// let raw = MemMapArray::from_slice(&[0_i16, 4]);
    /// let scaled = Scaled::new(raw, Scaling { scale: 0.5, zero: 1.0, blank: None })?;
    /// assert_eq!(scaled.to_memory()?.to_vec::<f32>()?, [1.0, 3.0]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn to_memory(&self) -> Result<MemMapArray> {
        let mut copy = MemMapArray::zeros(&self.dtype(), self.shape(), self.raw.order())?;
        let axes = copy.layout.memory_order();
        let from = Walk::new(&self.raw.layout.permuted(&axes));
        let meaning = self.meaning();
        let (item, byte_len) = (copy.layout.item_size(), copy.byte_len());
        let piece = COPY_BYTES / item;
        let pieces = copy.own_bytes()?.chunks_mut(piece * item).enumerate();
        share_out(pieces, byte_len, |(n, bytes), stored| {
            stored.resize(bytes.len() / item * self.stored.size(), 0);
            meaning.load(&from, n * piece, stored, bytes)
        })?;
        Ok(copy.sharing_unit(self.unit.clone()))
    }

    /// The same; what takes more than half of the free memory goes to a file without a name instead.
    fn to_room(&self) -> Result<MemMapArray> {
        let (dtype, order) = (self.dtype(), self.raw.order());
        let byte_len = (self.len() as u64).saturating_mul(dtype.size() as u64);
        if byte_len <= free_memory().map_or(u64::MAX, |free| free / 2) {
            return self.to_memory();
        }
        self.to_file(MemMapArray::temporary(&dtype, self.shape(), order, None)?)
    }

    /// Fills an array of the shape and dtype of the numbers that are meant with them.
    fn to_file(&self, mut room: MemMapArray) -> Result<MemMapArray> {
        let axes = room.layout.memory_order();
        let walk = Walk::new(&self.raw.layout.permuted(&axes));
        let (meaning, item) = (self.meaning(), room.layout.item_size());
        let piece = FOLIO / item;
        let (_, writer) = room.split()?;
        let (mut stored, mut meant) = (vec![], vec![]);
        for start in (0..self.len()).step_by(piece) {
            let count = piece.min(self.len() - start);
            stored.resize(count * self.stored.size(), 0);
            meant.resize(count * item, 0);
            meaning.load(&walk, start, &mut stored, &mut meant)?;
            writer.prepare(start..start + count)?;
            writer.store(start, &mut meant)?;
            writer.behind(start..start + count, Behind::Start)?;
        }
        Ok(room.sharing_unit(self.unit.clone()))
    }

    /// Writes the numbers that are meant into a new file, whole and durable or not at all: `.npy`, or what
    /// the end of the name says.
    ///
    /// # Errors
    /// As [`MemMapArray::save`].
    ///
    /// ```
    /// use maparray::{MemMapArray, Scaled, format::Scaling};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// let raw = MemMapArray::from_slice(&[-32768_i16, 0]);
    /// let scaling = Scaling { scale: 1.0, zero: 32768.0, blank: None };
    /// Scaled::new(raw, scaling)?.save(&path)?;
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<u16>()?, [0, 32768]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let options = Create {
            order: Order::C,
            ..Create::default()
        };
        let dtype = self.dtype();
        let new = NewArray::create(path.as_ref(), &dtype, self.shape(), &options, self.unit())?;
        let walk = Walk::new(self.raw.layout());
        let meaning = self.meaning();
        let piece = FOLIO / dtype.size();
        let total = self.len() * dtype.size();
        let crew = Crew::new(1, total as u64, callers_watch());
        let buffers = || Ok((vec![], vec![]));
        crew.run(1, buffers, |_, buffers: &mut (Vec<u8>, Vec<u8>), member| {
            for start in (0..self.len()).step_by(piece) {
                let count = piece.min(self.len() - start);
                let (stored, meant) = buffers;
                stored.resize(count * self.stored.size(), 0);
                meant.resize(count * dtype.size(), 0);
                meaning.load(&walk, start, stored, meant)?;
                new.store(start, meant)?;
                member.advance(meant.len() as u64)?;
            }
            Ok(())
        })?;
        new.publish(Flush::Durable)
    }
}

/// The numbers that are meant, to be copied out.
pub(crate) struct Meaning {
    source: Source,
    stored: Scalar,
    scaling: Scaling,
}

impl Meaning {
    /// The stored numbers.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The type of the numbers that are meant.
    pub(crate) fn scalar(&self) -> Scalar {
        self.scaling.scalar(self.stored)
    }

    /// Fills `out` with native elements from position `start` of a walk over the stored numbers, for
    /// which there must be room in `stored`.
    pub(crate) fn load(
        &self,
        walk: &Walk,
        start: usize,
        stored: &mut [u8],
        out: &mut [u8],
    ) -> Result<()> {
        let count = out.len() / self.scalar().size();
        let stored = &mut stored[..count * self.stored.size()];
        self.source.load(walk, start, stored)?;
        self.scaling.convert(self.stored, stored, out);
        Ok(())
    }
}

/// An array as a file has it: of numbers as they are, or of numbers that stand for others.
///
/// ```
/// use maparray::{MemMapArray, Mode, Opened};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.npy");
/// # MemMapArray::from_slice(&[1_i64, 2]).save(&path)?;
/// let opened = Opened::open(&path, Mode::Read)?;
/// assert_eq!((opened.shape(), opened.dtype().to_string().as_str()), (&[2][..], "<i8"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub enum Opened {
    /// Numbers as they are.
    Plain(MemMapArray),
    /// Numbers that stand for others.
    Scaled(Scaled),
}

impl From<MemMapArray> for Opened {
    fn from(array: MemMapArray) -> Opened {
        Opened::Plain(array)
    }
}

impl From<&MemMapArray> for Opened {
    fn from(array: &MemMapArray) -> Opened {
        Opened::Plain(array.clone())
    }
}

impl From<Scaled> for Opened {
    fn from(scaled: Scaled) -> Opened {
        Opened::Scaled(scaled)
    }
}

impl From<&Scaled> for Opened {
    fn from(scaled: &Scaled) -> Opened {
        Opened::Scaled(scaled.clone())
    }
}

impl From<&Opened> for Opened {
    fn from(opened: &Opened) -> Opened {
        opened.clone()
    }
}

impl Opened {
    /// Maps what an [`Address`](crate::Address) names, scaled or not.
    ///
    /// # Errors
    /// As [`MemMapArray::open`].
    pub fn open(path: impl AsRef<Path>, mode: Mode) -> Result<Opened> {
        let open = |contents: &Contents, index| contents.opened(index, mode);
        at(path.as_ref(), mode, npy::HEADER_LIMIT, open)
    }

    /// The same; what is compressed is copied, as far as that is allowed.
    ///
    /// # Errors
    /// As [`Opened::open`] and [`MemMapArray::open_inflated`].
    pub fn open_inflated(path: impl AsRef<Path>, mode: Mode, how: &Inflate) -> Result<Opened> {
        let open = |contents: &Contents, index| match contents.format() {
            Format::Npz | Format::Wav => contents.inflated(index, mode, how).map(Opened::Plain),
            _ => contents.opened(index, mode),
        };
        at(path.as_ref(), mode, npy::HEADER_LIMIT, open)
    }

    /// The type of the numbers that are meant.
    pub fn dtype(&self) -> DType {
        match self {
            Opened::Plain(array) => array.dtype().clone(),
            Opened::Scaled(scaled) => scaled.dtype(),
        }
    }

    /// The stored numbers.
    pub fn raw(&self) -> &MemMapArray {
        match self {
            Opened::Plain(array) => array,
            Opened::Scaled(scaled) => scaled.raw(),
        }
    }

    /// Length of each axis.
    pub fn shape(&self) -> &[usize] {
        self.raw().shape()
    }

    /// Number of axes.
    pub fn ndim(&self) -> usize {
        self.raw().ndim()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.raw().len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.raw().is_empty()
    }

    /// The unit of the numbers that are meant.
    pub fn unit(&self) -> Option<&Unit> {
        match self {
            Opened::Plain(array) => array.unit(),
            Opened::Scaled(scaled) => scaled.unit(),
        }
    }

    /// A part that shares the stored numbers.
    ///
    /// # Errors
    /// As [`MemMapArray::select`].
    pub fn select(&self, picks: &[Select]) -> Result<Opened> {
        Ok(match self {
            Opened::Plain(array) => Opened::Plain(array.select(picks)?),
            Opened::Scaled(scaled) => Opened::Scaled(scaled.select(picks)?),
        })
    }

    /// The axes in another order, as [`MemMapArray::transpose`]; it shares the stored numbers.
    ///
    /// # Errors
    /// As [`MemMapArray::transpose`].
    pub fn transpose(&self, axes: Option<&[i64]>) -> Result<Opened> {
        Ok(match self {
            Opened::Plain(array) => Opened::Plain(array.transpose(axes)?),
            Opened::Scaled(scaled) => Opened::Scaled(scaled.transpose(axes)?),
        })
    }

    /// The array itself, or a copy of the numbers that are meant: in memory, or in a file without a
    /// name if it would take more than half of the free memory.
    ///
    /// # Errors
    /// `Io` if there is no room.
    pub fn into_plain(self) -> Result<MemMapArray> {
        match self {
            Opened::Plain(array) => Ok(array),
            Opened::Scaled(scaled) => scaled.to_room(),
        }
    }
}

impl Whole for Opened {
    fn axes(&self) -> usize {
        self.ndim()
    }

    fn part(&self, picks: &[Select]) -> Result<Opened> {
        self.select(picks)
    }
}
