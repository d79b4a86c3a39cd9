//! How does an array become a file?
//!
//! Knows: errors, dtypes, layouts, formats, maps. Must not know: operations, expressions.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::archive::find_npz;
use super::target::{self, Begun, Ending, Place};
use super::{MemMapArray, Opened, Scaled, save_fits, unit};
use crate::crew::{Crew, callers_watch};
use crate::dtype::DType;
use crate::error::{Error, Problem, Result};
use crate::format::raw::{self, Raw};
use crate::format::{Format, Header, Scaling};
use crate::layout::{Layout, Order, Walk, shape_text};
use crate::map::{
    Allocate, Behind, Existing, Extend, FOLIO, Flush, Mode, NewFile, OpenFile, Region, Span,
};
use crate::unit::Unit;

/// How a new file is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Create {
    /// Format of the file; `None`: the one that its name ends in, or `.npy`.
    pub format: Option<Format>,
    /// Order of the elements.
    pub order: Order,
    /// What happens to a file of that name.
    pub existing: Existing,
    /// Whether the disk's blocks are taken now.
    pub allocate: Allocate,
}

impl Create {
    /// The same for a file of this name, which means the elements alone if it ends as those of raw files.
    pub(crate) fn by_name(&self, path: &Path) -> Create {
        Create {
            format: self.format.or_else(|| self.by_ending(path)),
            ..*self
        }
    }

    fn by_ending(&self, path: &Path) -> Option<Format> {
        let place = Place::parse(path, self.format);
        place.path.to_str().and_then(Format::of_name)
    }

    /// The format of a file of this name.
    pub(crate) fn format_of(&self, path: &Path) -> Format {
        self.format.unwrap_or_else(|| {
            let by_name = self.by_ending(path);
            // A file without a header has to be asked for: nobody could tell what is in it.
            by_name
                .filter(|&format| format != Format::Raw)
                .unwrap_or_default()
        })
    }
}

impl MemMapArray {
    /// Makes a `.npy` file of zeros and maps it for reading and writing.
    ///
    /// # Errors
    /// `Io` if the file cannot be made or the disk has no room, `Malformed` if the shape is too big.
    ///
    /// ```
    /// use maparray::{Create, DType, MemMapArray};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("new.npy");
    /// let mut array = MemMapArray::create(&path, &DType::of::<f32>(), &[3], &Create::default())?;
    /// array.set(&[1], 5.0_f32)?;
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<f32>()?, [0.0, 5.0, 0.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(
        path: impl AsRef<Path>,
        dtype: &DType,
        shape: &[usize],
        options: &Create,
    ) -> Result<MemMapArray> {
        let path = path.as_ref();
        let format = options.format_of(path);
        if matches!(format, Format::Npz | Format::Safetensors) {
            let format = format.row().name;
            return Err(Error::new(Problem::NotAlone { format }).at(path));
        }
        let new = NewArray::create(path, dtype, shape, options, None)?;
        let header = new.header.clone();
        let map = || {
            if new.shifted {
                let stored = header.dtype.to_string();
                return Err(Error::new(Problem::Scaled { stored }));
            }
            // Mapped first: a failure leaves no file behind.
            let file = OpenFile::from_file(new.file.share()?)?;
            let array = MemMapArray::map(&file, &header, path, Mode::ReadWrite)?;
            new.file.commit(Flush::Start)?;
            Ok(array)
        };
        map().map_err(|error: Error| error.at(path))
    }

    /// Zeros in a file without a name, mapped for reading and writing: room for what memory does not
    /// hold. It goes away with the last array over it, whatever ends the program.
    ///
    /// It lies in `folder`, or where the system keeps temporary files.
    ///
    /// # Errors
    /// `Io` if the file cannot be made or the disk has no room, `Malformed` if the shape is too big.
    ///
    /// ```
    /// use maparray::{DType, MemMapArray, Order};
    /// let mut room = MemMapArray::temporary(&DType::of::<f64>(), &[1000], Order::C, None)?;
    /// room.set(&[999], 1.0)?;
    /// assert_eq!(room.path(), None);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn temporary(
        dtype: &DType,
        shape: &[usize],
        order: Order,
        folder: Option<&Path>,
    ) -> Result<MemMapArray> {
        let layout = Layout::contiguous(shape, dtype.size(), order, 0)?;
        let file = OpenFile::temporary(folder, layout.byte_len() as u64)?;
        let span = Span {
            offset: 0,
            len: Some(layout.byte_len() as u64),
        };
        let region = file.map(span, Mode::ReadWrite, Extend::Never)?;
        MemMapArray::from_region(region, dtype.clone(), layout)
    }

    /// Makes a file of zeros without a header and maps it for reading and writing.
    ///
    /// # Errors
    /// As [`MemMapArray::create`]; `Mismatch` if the shape has a `-1`, which has no file to be
    /// inferred from.
    ///
    /// ```
    /// use maparray::{Allocate, DType, Existing, MemMapArray, Order, Raw};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("new.raw");
    /// let raw = Raw { dtype: DType::of::<u16>(), shape: Some(vec![3]), order: Order::C, offset: 2 };
    /// let mut array = MemMapArray::create_raw(&path, &raw, Existing::Refuse, Allocate::Full)?;
    /// array.set(&[0], 0x0101_u16)?;
    /// assert_eq!(std::fs::read(&path)?, [0, 0, 1, 1, 0, 0, 0, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create_raw(
        path: impl AsRef<Path>,
        raw: &Raw,
        existing: Existing,
        allocate: Allocate,
    ) -> Result<MemMapArray> {
        let path = path.as_ref();
        let make = || {
            if raw.shape.as_ref().is_none_or(|shape| shape.contains(&-1)) {
                let shape = raw
                    .shape
                    .as_ref()
                    .map_or("None".into(), |shape| shape_text(shape));
                return Err(Error::new(Problem::UnknownShape { shape }));
            }
            let header = raw::header(raw, raw.offset)?;
            let len = header.data_offset.saturating_add(header.byte_len()?);
            let new = NewFile::create(path, len, existing, allocate)?;
            let file = OpenFile::from_file(new.share()?)?;
            let array = MemMapArray::map(&file, &header, path, Mode::ReadWrite)?;
            new.commit(Flush::Start)?;
            Ok(array)
        };
        make().map_err(|error| error.at(path))
    }

    /// Writes a new `.npy` file, whole and durable or not at all: it replaces a file of that name in
    /// one step, also one that this array maps.
    ///
    /// Elements, dtype, byte order and unit stay as they are; Fortran order is kept.
    ///
    /// # Errors
    /// `Io` if it cannot be written; an old file of that name is then still there.
    ///
    /// ```
    /// use maparray::{MemMapArray, Mode};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// MemMapArray::from_slice(&[1.5_f64, 2.5]).save(&path)?;
    /// assert_eq!(MemMapArray::open(&path, Mode::Read)?.to_vec::<f64>()?, [1.5, 2.5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let options = Create {
            order: self.order(),
            ..Create::default()
        };
        self.save_as(path, &options)
    }

    /// Writes a new file of this format and order, whole and durable or not at all.
    ///
    /// The end of the name says the format if `options` do not. `out.npz:x`, `out.safetensors:w` and
    /// `out.fits:MASK` name the array, too; without a name it is NumPy's `arr_0`, in FITS the primary
    /// image. To an archive that is there a named array is added in place, as by
    /// [`append_npz`](crate::append_npz), and no array of it is replaced; files of the other formats
    /// are made anew. Safetensors are in C order and little-endian, FITS in C order and big-endian.
    ///
    /// # Errors
    /// As [`MemMapArray::save`]; `Unsupported` if the format cannot hold such an array, `Mismatch` if
    /// an archive has an array of that name, or if a file that is to be replaced for a named array has
    /// others.
    ///
    /// ```
    /// use maparray::{Create, MemMapArray, format::Format};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.raw");
    /// let options = Create { format: Some(Format::Raw), ..Create::default() };
    /// MemMapArray::from_slice(&[1_u8, 2]).save_as(&path, &options)?;
    /// assert_eq!(std::fs::read(&path)?, [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save_as(&self, path: impl AsRef<Path>, options: &Create) -> Result<()> {
        let path = path.as_ref();
        let new = NewArray::create(path, &self.dtype, self.shape(), options, self.unit())?;
        let item = self.layout.item_size().max(1);
        let axes = new.layout().memory_order();
        let walk = Walk::new(&self.layout.permuted(&axes));
        let source = self.source();
        let as_is = new.keeps(&self.dtype);
        let most = (FOLIO / item).clamp(1, self.len().max(1));
        // The first piece is shorter, so that the others begin where folios do.
        let lead = new.header_len() / item % most;
        let crew = Crew::new(1, self.byte_len() as u64, callers_watch());
        let buffer = || Ok(vec![0; most * item]);
        crew.run(1, buffer, |_, buffer, member| {
            let (mut start, mut count) = (0, (most - lead).min(self.len()));
            while start < self.len() {
                let bytes = &mut buffer[..count * item];
                if as_is {
                    source.load_raw(&walk, start, bytes)?;
                    new.write(start, bytes)?;
                } else {
                    source.load(&walk, start, bytes)?;
                    new.store(start, bytes)?;
                }
                member.advance(bytes.len() as u64)?;
                start += count;
                count = most.min(self.len() - start);
            }
            Ok(())
        })?;
        new.publish(Flush::Durable)
    }
}

/// A file of one array, or one more array of a file, that is being written and has no name yet.
pub(crate) struct NewArray {
    /// Whether numbers are stored without the first half of their range.
    shifted: bool,
    file: NewFile,
    ending: Ending,
    path: PathBuf,
    header: Header,
    layout: Layout,
}

impl NewArray {
    pub(crate) fn create(
        path: &Path,
        dtype: &DType,
        shape: &[usize],
        options: &Create,
        unit: Option<&Unit>,
    ) -> Result<NewArray> {
        let place = Place::parse(path, options.format);
        let make = || {
            let mut header = Header {
                format: options.format_of(path),
                version: (0, 0),
                dtype: dtype.clone(),
                shape: shape.to_vec(),
                order: options.order,
                data_offset: 0,
                unit: unit::text_of(unit),
                scaling: None,
            };
            let Begun { file, ending } = target::begin(&place, &mut header, unit, options)?;
            let layout = header.layout()?;
            Ok(NewArray {
                shifted: header.format == Format::Fits && save_fits::is_shifted(dtype),
                file,
                ending,
                path: place.path.clone(),
                header,
                layout,
            })
        };
        make().map_err(|error: Error| error.at(&place.path))
    }

    /// Where the elements lie, counted from the first.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Writes elements from position `start` on, positions counted in the order of the file.
    pub(super) fn write(&self, start: usize, elements: &[u8]) -> Result<()> {
        let at = start as u64 * self.layout.item_size() as u64;
        self.file.write_at(self.header.data_offset + at, elements)
    }

    /// Whether elements of this dtype lie in the file as they lie elsewhere.
    pub(super) fn keeps(&self, dtype: &DType) -> bool {
        self.header.dtype == *dtype && !self.shifted
    }

    /// Writes native elements, leaving them in the file's byte order.
    pub(crate) fn store(&self, start: usize, elements: &mut [u8]) -> Result<()> {
        self.as_stored(elements);
        self.write(start, elements)
    }

    /// Stores native elements at the places of a walk over the file's elements, which need not follow
    /// each other.
    pub(crate) fn place(&self, walk: &Walk, start: usize, elements: &mut [u8]) -> Result<()> {
        self.as_stored(elements);
        let item = self.layout.item_size().max(1);
        let (offset, mut rest) = (self.header.data_offset, &*elements);
        walk.runs(start, elements.len() / item, |place, stride, count| {
            let (part, after) = rest.split_at(count * item);
            rest = after;
            if stride == item as isize {
                return self.file.write_at(offset + place as u64, part);
            }
            let mut elements = part.chunks_exact(item).enumerate();
            elements.try_for_each(|(i, element)| {
                let place = place.wrapping_add_signed(i as isize * stride);
                self.file.write_at(offset + place as u64, element)
            })
        })
    }

    /// Brings native elements to the form that they have in the file.
    fn as_stored(&self, elements: &mut [u8]) {
        self.header.dtype.swap_to_native(elements);
        if self.shifted {
            save_fits::shift(elements, self.layout.item_size());
        }
    }

    /// Bytes before the first element.
    pub(crate) fn header_len(&self) -> usize {
        self.header.data_offset as usize
    }

    /// Starts writing back elements that have been stored, and lets go of their memory.
    pub(crate) fn behind(&self, elements: Range<usize>, behind: Behind) -> Result<()> {
        let item = self.layout.item_size() as u64;
        let place = |element: usize| self.header.data_offset + element as u64 * item;
        self.file
            .behind(place(elements.start)..place(elements.end), behind)
    }

    /// Gives the file its name.
    pub(crate) fn finish(self, flush: Flush) -> Result<()> {
        self.publish(flush)
    }

    /// The same; the array that it holds, of this very file whoever takes its name next. Numbers that are
    /// stored shifted cannot be mapped as what they stand for: they are copied.
    pub(crate) fn finish_open(self, flush: Flush) -> Result<MemMapArray> {
        self.finish_opened(flush)?.into_plain()
    }

    /// The same as the file has it: numbers that are stored shifted are a [`Scaled`], mapped too.
    pub(crate) fn finish_opened(self, flush: Flush) -> Result<Opened> {
        if let Ending::Added(name) = &self.ending {
            let (path, name) = (self.path.clone(), name.clone());
            self.publish(flush)?;
            return find_npz(&path, &name).map(Opened::Plain);
        }
        let map = || {
            let file = OpenFile::from_file(self.file.share()?)?;
            let array = MemMapArray::map(&file, &self.header, &self.path, Mode::Read)?;
            let array = match self.header.format {
                Format::Npy | Format::Raw => array,
                _ => array.of_region(Region::described)?,
            };
            let form = save_fits::shifted_form(&self.header.dtype);
            let Some((stored, zero)) = form.filter(|_| self.shifted) else {
                return Ok(Opened::Plain(array));
            };
            let scaling = Scaling {
                scale: 1.0,
                zero,
                blank: None,
            };
            Scaled::new(array.reinterpret(&stored)?, scaling).map(Opened::Scaled)
        };
        let opened = map().map_err(|error: Error| error.at(&self.path))?;
        self.publish(flush)?;
        Ok(opened)
    }

    pub(super) fn publish(self, flush: Flush) -> Result<()> {
        let NewArray {
            file,
            ending,
            path,
            header,
            ..
        } = self;
        let publish = || match ending.reach(&path, &file, &header)? {
            true => file.commit(flush),
            false => Ok(()),
        };
        publish().map_err(|error| error.at(&path))
    }
}
