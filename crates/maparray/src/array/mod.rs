//! What array is in this file, or in memory?
//!
//! [`MemMapArray`]: elements of a dtype known at run time, in a mapped file, in memory, or lent by a
//! caller. Opening and copying are safe; borrowing elements is in `view.rs`, writing files in
//! `save.rs`.
//!
//! Knows: errors, dtypes, layouts, formats, maps. Must not know: operations, expressions.

mod access;
mod address;
mod archive;
mod atomic;
mod beside;
mod chunks;
mod container;
mod contents;
mod fits;
mod grow;
mod info;
mod names;
mod open;
mod pack;

mod ragged;
mod records;
mod recover;
mod room;
mod save;
mod save_fits;
mod scaled;
mod share;
mod stack;
mod switch;
mod take;
mod target;
mod tensors;
mod typed;
mod unit;
mod view;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::dtype::{DType, Element, Scalar};
use crate::error::{Error, Problem, Result};
pub(crate) use crate::format::Scaling;
use crate::layout::{self, Layout, Order, Select, Walk};
use crate::map::{Advice, Mode, Region, StableFiles};
pub(crate) use crate::map::{Behind, FOLIO, Flush};
use crate::unit::Unit;
use share::share_out;

pub(crate) use access::{ArrayWriter, Source};
pub use address::{Address, Key};
pub use archive::{
    Inflate, SaveNpz, Storing, align_npz, append_npz, extend_npz, repair_npz, save_npz,
};
pub use atomic::Integer;
pub use beside::write_sidecar;
pub use chunks::{ChunkSize, Chunks, ScaledChunks};
pub use container::{AfterUse, Container, Mapping};
pub use contents::Contents;

pub use fits::FitsHeader;
pub use info::{Info, info, info_raw};
pub(crate) use names::check_apart;
pub use pack::{convert_all, pack, unpack};
pub use ragged::Ragged;
pub use recover::{Recovered, recover};
pub use save::Create;
pub(crate) use save::NewArray;
pub use save_fits::{FitsImage, save_fits};
pub(crate) use scaled::Meaning;
pub use scaled::{Opened, Scaled};
pub use stack::Stack;
pub use take::Indices;
pub use tensors::{safetensors_metadata, save_safetensors};
pub use typed::{MapArray, MapArrayMut, Packed};

/// Bytes that are copied at once when an array moves.
const COPY_BYTES: usize = 1 << 18;

/// An N-dimensional array of a dtype known at run time, in a mapped file or in memory.
///
/// ```
/// use maparray::{MemMapArray, Mode};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.npy");
/// MemMapArray::from_slice(&[1.5_f32, 2.5, 3.5]).save(&path)?;
/// let array = MemMapArray::open(&path, Mode::Read)?;
/// assert_eq!(array.shape(), [3]);
/// assert_eq!(array.get::<f32>(&[-1])?, 3.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct MemMapArray {
    region: Arc<Region>,
    dtype: DType,
    /// Invariant: lies inside the region (checked by whoever makes an array).
    layout: Layout,
    /// The name of the mapped file, if it has one.
    path: Option<Arc<Path>>,
    promise: Option<StableFiles>,
    unit: Option<Arc<Unit>>,
}

impl MemMapArray {
    /// Zeroed memory as an array.
    ///
    /// # Errors
    /// `Io` if there is no room, `Malformed` if the shape is too big.
    ///
    /// ```
    /// use maparray::{DType, MemMapArray, Order};
    /// let array = MemMapArray::zeros(&DType::of::<i16>(), &[2, 3], Order::C)?;
    /// assert_eq!(array.byte_len(), 12);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn zeros(dtype: &DType, shape: &[usize], order: Order) -> Result<MemMapArray> {
        let layout = Layout::contiguous(shape, dtype.size(), order, 0)?;
        let region = Region::heap(layout.byte_len())?;
        Ok(MemMapArray::over(region, dtype.clone(), layout))
    }

    /// An array over a region of bytes, such as memory lent by a caller.
    ///
    /// # Errors
    /// `OutOfBounds` if the layout reaches outside the region, `Mismatch` if its elements are not as
    /// large as the dtype's.
    ///
    /// ```
    /// use maparray::{DType, Layout, MemMapArray, Order, Region};
    /// let layout = Layout::contiguous(&[2, 2], 4, Order::F, 8)?;
    /// let array = MemMapArray::from_region(Region::heap(24)?, DType::of::<f32>(), layout)?;
    /// assert_eq!(array.strides(), [4, 8]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn from_region(
        region: impl Into<Arc<Region>>,
        dtype: DType,
        layout: Layout,
    ) -> Result<MemMapArray> {
        let region = region.into();
        if layout.item_size() != dtype.size() {
            let found = format!("{} bytes", layout.item_size());
            return Err(Error::new(Problem::WrongDType {
                found,
                expected: dtype.to_string(),
            }));
        }
        let range = layout.byte_range();
        if range.end > region.len() && !layout.is_empty() {
            return Err(Error::new(Problem::MapRange {
                offset: range.start as u64,
                len: range.len() as u64,
                region_len: region.len() as u64,
            }));
        }
        Ok(MemMapArray::over(region, dtype, layout))
    }

    fn over(region: impl Into<Arc<Region>>, dtype: DType, layout: Layout) -> MemMapArray {
        MemMapArray {
            region: region.into(),
            dtype,
            layout,
            path: None,
            promise: None,
            unit: None,
        }
    }

    /// A copy of a slice, one-dimensional.
    ///
    /// ```
    /// let array = maparray::MemMapArray::from_slice(&[1_u8, 2, 3]);
    /// assert_eq!(array.to_vec::<u8>()?, [1, 2, 3]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the system has no memory left, as `Vec` does.
    pub fn from_slice<T: Element>(elements: &[T]) -> MemMapArray {
        // The slice exists, so its copy is a legal size: only memory can be lacking.
        MemMapArray::filled(&[elements.len()], elements).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A copy of an ndarray array, in the same order where that is C or F.
    ///
    /// # Errors
    /// `Io` if there is no room.
    ///
    /// ```
    /// use maparray::MemMapArray;
    /// let array = MemMapArray::from_array(&ndarray::array![[1.0, 2.0], [3.0, 4.0]])?;
    /// assert_eq!(array.shape(), [2, 2]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn from_array<T: Element, D: ndarray::Dimension>(
        array: &ndarray::ArrayRef<T, D>,
    ) -> Result<MemMapArray> {
        let elements: Vec<T> = array.iter().copied().collect();
        MemMapArray::filled(array.shape(), &elements)
    }

    /// Memory with a copy of these elements in C order.
    fn filled<T: Element>(shape: &[usize], elements: &[T]) -> Result<MemMapArray> {
        let mut array = MemMapArray::zeros(&DType::of::<T>(), shape, Order::C)?;
        let walk = Walk::new(&array.layout);
        array
            .split()?
            .1
            .store_raw(&walk, 0, bytemuck::cast_slice(elements))?;
        Ok(array)
    }

    /// Type of the elements.
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// Length of each axis.
    pub fn shape(&self) -> &[usize] {
        self.layout.shape()
    }

    /// Bytes from an element to the next along each axis.
    pub fn strides(&self) -> &[isize] {
        self.layout.strides()
    }

    /// Where each element lies inside [`MemMapArray::region`].
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The bytes behind the array, which other arrays may share.
    pub fn region(&self) -> &Arc<Region> {
        &self.region
    }

    /// Number of axes.
    pub fn ndim(&self) -> usize {
        self.layout.ndim()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.layout.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.layout.is_empty()
    }

    /// Bytes of all elements together.
    pub fn byte_len(&self) -> usize {
        self.layout.byte_len()
    }

    /// The file that it maps; `None` in memory.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref().filter(|_| self.mode().is_some())
    }

    /// How the file is mapped; `None` in memory.
    pub fn mode(&self) -> Option<Mode> {
        self.region.mode()
    }

    /// Whether elements may be written.
    pub fn is_writable(&self) -> bool {
        self.region.is_writable()
    }

    /// Byte of the file at which the first element lies; 0 in memory.
    pub fn data_offset(&self) -> u64 {
        match self.mode() {
            Some(_) => self.region.file_offset() + self.layout.offset() as u64,
            None => 0,
        }
    }

    /// The same array with the promise that its file stays as it is while elements are borrowed.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// use maparray::{MemMapArray, Mode, StableFiles};
    /// # MemMapArray::from_slice(&[1_u8, 2]).save(&path)?;
    /// // SAFETY: this folder is ours; nothing else writes to it while we run.
    /// let stable = unsafe { StableFiles::promise() };
    /// let array = MemMapArray::open(&path, Mode::Read)?.promise(stable);
    /// assert_eq!(array.view::<u8>()?.sum(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn promise(mut self, stable: StableFiles) -> MemMapArray {
        self.region.note_promise(stable);
        self.promise = Some(stable);
        self
    }

    /// One element, in the byte order of the machine.
    ///
    /// # Errors
    /// `OutOfBounds` if there is no such element, `Mismatch` if it is of another type.
    ///
    /// ```
    /// let array = maparray::MemMapArray::from_slice(&[1.5_f32, 2.5]);
    /// assert_eq!(array.get::<f32>(&[-1])?, 2.5);
    /// assert!(array.get::<f64>(&[-1]).is_err());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn get<T: Element>(&self, index: &[i64]) -> Result<T> {
        self.expect_scalar(T::SCALAR)?;
        let bytes = self.bytes_of(index)?;
        bytemuck::checked::try_pod_read_unaligned(&bytes).map_err(|_| {
            let found = format!("{bytes:?}");
            Error::new(Problem::WrongDType {
                found,
                expected: T::SCALAR.name().into(),
            })
        })
    }

    /// Writes one element.
    ///
    /// # Errors
    /// `OutOfBounds` if there is no such element, `Mismatch` if it is of another type, `ReadOnly` if
    /// the array is, `InUse` if it is memory that other arrays share.
    ///
    /// ```
    /// let mut array = maparray::MemMapArray::from_slice(&[1_u8, 2]);
    /// array.set(&[-1], 7_u8)?;
    /// assert_eq!(array.to_vec::<u8>()?, [1, 7]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn set<T: Element>(&mut self, index: &[i64], value: T) -> Result<()> {
        self.expect_scalar(T::SCALAR)?;
        let at = self.layout.position(index)?;
        let mut bytes = bytemuck::bytes_of(&value).to_vec();
        self.dtype.swap_to_native(&mut bytes);
        let place = Walk::new(&Layout::contiguous(&[], bytes.len(), Order::C, at)?);
        self.split()?.1.store_raw(&place, 0, &bytes)
    }

    /// The bytes of one element, in the byte order of the machine.
    ///
    /// # Errors
    /// `OutOfBounds` if there is no such element.
    ///
    /// ```
    /// let array = maparray::MemMapArray::from_slice(&[1_i64, 2]);
    /// let bytes = array.bytes_of(&[1])?;
    /// assert_eq!(array.dtype().show(&bytes), "2");
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn bytes_of(&self, index: &[i64]) -> Result<Vec<u8>> {
        let at = self.layout.position(index)?;
        let mut bytes = vec![0; self.layout.item_size()];
        self.region.read(at, &mut bytes)?;
        self.dtype.swap_to_native(&mut bytes);
        Ok(bytes)
    }

    /// A copy of all elements in C order.
    ///
    /// # Errors
    /// `Mismatch` if they are of another type, `Io` if there is no room.
    ///
    /// ```
    /// let array = maparray::MemMapArray::from_array(&ndarray::array![[1, 2], [3, 4]].t())?;
    /// assert_eq!(array.to_vec::<i32>()?, [1, 3, 2, 4]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        self.expect_scalar(T::SCALAR)?;
        let view = MemMapArray {
            promise: None,
            ..self.copy_in(Order::C)?
        };
        Ok(view.view::<T>()?.iter().copied().collect())
    }

    /// A part of the array that shares its bytes.
    ///
    /// # Errors
    /// `OutOfBounds` for too many picks or a position outside its axis, `Mismatch` for step 0.
    ///
    /// ```
    /// use maparray::{MemMapArray, Select};
    /// let array = MemMapArray::from_slice(&[1_i32, 2, 3, 4]);
    /// let backwards = array.select(&[Select::Range { start: None, stop: None, step: -2 }])?;
    /// assert_eq!(backwards.to_vec::<i32>()?, [4, 2]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn select(&self, picks: &[Select]) -> Result<MemMapArray> {
        Ok(MemMapArray {
            layout: self.layout.select(picks)?,
            ..self.clone()
        })
    }

    /// A copy in memory, without gaps and in the byte order of the machine.
    ///
    /// # Errors
    /// `Io` if there is no room.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.raw");
    /// use maparray::{DType, MemMapArray, Mode, Order, Raw};
    /// std::fs::write(&path, [1, 0, 2])?;
    /// let raw = Raw { dtype: ">i2".parse()?, shape: None, order: Order::C, offset: 1 };
    /// let copy = MemMapArray::open_raw(&path, &raw, Mode::Read)?.to_memory()?;
    /// assert_eq!(copy.view::<i16>()?[0], 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_memory(&self) -> Result<MemMapArray> {
        self.copy_in(self.order())
    }

    /// `F` if the elements follow each other in that order and not in C order.
    pub fn order(&self) -> Order {
        self.layout.order()
    }

    /// Writes what was changed back to the file; does nothing in memory, for `r` and for `c`.
    ///
    /// # Errors
    /// `Io` if the system cannot write it, `Malformed` if the file has been cut short meanwhile.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// use maparray::{Flush, MemMapArray, Mode};
    /// # MemMapArray::from_slice(&[1_u8, 2]).save(&path)?;
    /// let mut array = MemMapArray::open(&path, Mode::ReadWrite)?;
    /// array.set(&[0], 9_u8)?;
    /// array.flush(Flush::Durable)?;
    /// assert_eq!(std::fs::read(&path)?[128..], [9, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn flush(&self, how: Flush) -> Result<()> {
        self.region
            .flush(self.layout.byte_range(), how)
            .map_err(|error| self.name(error))
    }

    /// Tells the kernel how the elements will be read; does nothing in memory.
    ///
    /// # Errors
    /// `Io` if the system refuses.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// use maparray::{Advice, MemMapArray, Mode};
    /// # MemMapArray::from_slice(&[1_u8, 2]).save(&path)?;
    /// let array = MemMapArray::open(&path, Mode::Read)?;
    /// array.advise(Advice::WillNeed)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn advise(&self, advice: Advice) -> Result<()> {
        self.region
            .advise(self.layout.byte_range(), advice)
            .map_err(|error| self.name(error))
    }

    /// Adds the file's name to an error.
    pub(crate) fn name(&self, error: Error) -> Error {
        match self.path() {
            Some(path) => error.at(path),
            None => error,
        }
    }

    fn expect_scalar(&self, expected: Scalar) -> Result<()> {
        if self.dtype.scalar() == Some(expected) {
            return Ok(());
        }
        let found = self.dtype.to_string();
        Err(self.name(Error::new(Problem::WrongDType {
            found,
            expected: expected.name().into(),
        })))
    }

    fn copy_in(&self, order: Order) -> Result<MemMapArray> {
        let mut copy = MemMapArray::zeros(&self.dtype.to_native(), self.shape(), order)?;
        // Walked in the order in which the copy lies.
        let axes = copy.layout.memory_order();
        let from = Walk::new(&self.layout.permuted(&axes));
        let source = self.source();
        let item = self.layout.item_size().max(1);
        let piece = (COPY_BYTES / item).max(1);
        let pieces = copy.own_bytes()?.chunks_mut(piece * item);
        share_out(pieces.enumerate(), self.byte_len(), |(n, bytes), _| {
            source.load(&from, n * piece, bytes)
        })?;
        Ok(copy.in_unit_of(self))
    }

    /// The bytes of an array in memory that nobody else holds yet.
    fn own_bytes(&mut self) -> Result<&mut [u8]> {
        let holders = Arc::strong_count(&self.region);
        match Arc::get_mut(&mut self.region) {
            Some(region) => region.as_mut_slice(None),
            None => Err(Error::new(Problem::Shared { holders })),
        }
    }
}

impl fmt::Debug for MemMapArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.path() {
            Some(path) => format!(
                "{} ({})",
                path.display(),
                self.mode().map_or("", Mode::text)
            ),
            None => "memory".into(),
        };
        let shape = layout::shape_text(self.shape());
        let unit = self
            .unit()
            .map_or(String::new(), |unit| format!(", unit `{unit}`"));
        write!(
            f,
            "MemMapArray({}, shape {shape}{unit}, {place})",
            self.dtype
        )
    }
}
