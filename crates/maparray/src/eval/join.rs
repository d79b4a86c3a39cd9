//! How do many arrays become one behind each other?
//!
//! Its elements are written in the order in which they lie, piece by piece, each from the arrays that it
//! is made of, so that files are read and written in long runs.
//!
//! Knows: arrays, dtypes, kernels. Must not know: formats, maps, expressions.

use std::ops::Range;
use std::path::Path;

use super::Report;
use super::output::Output;
use super::whole::reader::Reader;
use crate::array::{Behind, Create, FOLIO, Flush, Meaning, MemMapArray, NewArray, Opened, Source};
use crate::crew::{self, Crew, Flow, Progress, Watch};
use crate::dtype::{DType, Scalar, promote, turn};
use crate::error::{Error, Problem, Result};
use crate::layout::{Order, Walk, extent, resolve_axis, shape_text};
use crate::ops::{Kernel, cast};
use crate::strip::Strip;
use crate::unit::Unit;

/// Arrays about to be joined.
///
/// ```
/// use maparray::{Join, MemMapArray};
/// let (a, b) = (MemMapArray::from_slice(&[1_i16, 2]), MemMapArray::from_slice(&[0.5_f32]));
/// let joined = Join::concatenate([&a, &b], 0)?.run()?;
/// assert_eq!(joined.to_vec::<f32>()?, [1.0, 2.0, 0.5]);
/// # Ok::<(), maparray::Error>(())
/// ```
pub struct Join<'a> {
    parts: Vec<Part>,
    /// Elements of the result between one and the next along the axes before the joined one.
    row: usize,
    shape: Vec<usize>,
    dtype: DType,
    unit: Option<Unit>,
    threads: Option<usize>,
    memory: Option<usize>,
    watch: Option<Watch<'a>>,
}

/// One of the arrays.
struct Part {
    source: Source,
    /// What its numbers stand for, if they are stored scaled.
    meaning: Option<Meaning>,
    /// Its elements within a row of the result.
    range: Range<usize>,
}

impl<'a> Join<'a> {
    /// Arrays behind each other along one of their axes, as NumPy's `concatenate`: each a
    /// [`MemMapArray`], a [`Scaled`](crate::Scaled) or an [`Opened`], or a reference to one.
    ///
    /// # Errors
    /// `Mismatch` if there is none, if shapes differ in another axis or dtypes have nothing in common,
    /// `OutOfBounds` if there is no such axis, `Unit` if units differ, `Malformed` if the result is too
    /// big.
    pub fn concatenate(
        arrays: impl IntoIterator<Item = impl Into<Opened>>,
        axis: i64,
    ) -> Result<Join<'a>> {
        let arrays: Vec<Opened> = arrays.into_iter().map(Into::into).collect();
        let first = arrays.first().ok_or_else(none)?;
        let axis = resolve_axis(axis, first.ndim())?;
        let mut shape = first.shape().to_vec();
        shape[axis] = 0;
        for array in &arrays {
            let mut like = array.shape().to_vec();
            if let Some(len) = like.get_mut(axis) {
                *len = shape[axis];
            }
            if like != shape {
                return Err(array.raw().name(Error::new(Problem::WrongShape {
                    found: shape_text(array.shape()),
                    expected: format!("{} but for axis {axis}", shape_text(first.shape())),
                })));
            }
            shape[axis] = shape[axis].saturating_add(array.shape()[axis]);
        }
        Join::new(&arrays, axis, shape)
    }

    /// Arrays of one shape behind each other along a new axis, as NumPy's `stack`.
    ///
    /// # Errors
    /// As [`Join::concatenate`].
    ///
    /// ```
    /// use maparray::{Join, MemMapArray};
    /// let rows = [[1, 2], [3, 4]].map(|row| MemMapArray::from_slice(&row));
    /// assert_eq!(Join::stack(&rows, -1)?.run()?.to_vec::<i32>()?, [1, 3, 2, 4]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn stack(
        arrays: impl IntoIterator<Item = impl Into<Opened>>,
        axis: i64,
    ) -> Result<Join<'a>> {
        let arrays: Vec<Opened> = arrays.into_iter().map(Into::into).collect();
        let first = arrays.first().ok_or_else(none)?;
        let axis = resolve_axis(axis, first.ndim() + 1)?;
        if let Some(other) = arrays.iter().find(|array| array.shape() != first.shape()) {
            return Err(other.raw().name(Error::new(Problem::WrongShape {
                found: shape_text(other.shape()),
                expected: format!("{}, as the first has", shape_text(first.shape())),
            })));
        }
        let mut shape = first.shape().to_vec();
        shape.insert(axis, arrays.len());
        Join::new(&arrays, axis, shape)
    }

    fn new(arrays: &[Opened], axis: usize, shape: Vec<usize>) -> Result<Join<'a>> {
        let first = arrays.first().ok_or_else(none)?;
        for array in arrays {
            if array.unit() != first.unit() {
                let text = |unit: Option<&Unit>| {
                    unit.map_or("plain numbers".into(), |unit| format!("`{unit}`"))
                };
                return Err(array.raw().name(Error::new(Problem::UnitOperand {
                    operation: "concatenate",
                    found: text(array.unit()),
                    expected: text(first.unit()),
                })));
            }
        }
        let mut turns: Vec<&Opened> = arrays.iter().collect();
        turns.sort_by_key(|array| array.dtype().number().ok().map(turn));
        let mut dtype = turns.first().ok_or_else(none)?.dtype();
        for array in turns {
            let (own, raw) = (array.dtype(), array.raw());
            if own != dtype {
                let joined = promote(&dtype, &own).map_err(|error| raw.name(error))?;
                joined.number().map_err(|error| raw.name(error))?;
                dtype = joined;
            }
        }
        extent(&shape, dtype.size())?;
        let outer = shape[..axis].iter().product::<usize>().max(1);
        let mut end = 0;
        let part = |array: &Opened| {
            let start = end;
            end += array.len() / outer;
            Part {
                source: array.raw().source(),
                meaning: match array {
                    Opened::Plain(_) => None,
                    Opened::Scaled(scaled) => Some(scaled.meaning()),
                },
                range: start..end,
            }
        };
        Ok(Join {
            parts: arrays.iter().map(part).collect(),
            row: shape[axis..].iter().product(),
            shape,
            dtype,
            unit: first.unit().cloned(),
            threads: None,
            memory: None,
            watch: None,
        })
    }

    /// Shape of the result.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Type of the result's elements: the one that holds those of all arrays.
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// How many threads take part; by default as many as the machine has cores.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Join<'a> {
        self.threads = Some(threads.max(1));
        self
    }

    /// Bytes of memory to keep to; see [`Eval::memory`](crate::Eval::memory).
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Join<'a> {
        self.memory = Some(bytes);
        self
    }

    /// Calls `watch` on this thread a few times a second; it can stop the work.
    #[must_use]
    pub fn watch(mut self, watch: impl FnMut(Progress) -> Flow + 'a) -> Join<'a> {
        self.watch = Some(Box::new(watch));
        self
    }

    /// Joins them in memory.
    ///
    /// # Errors
    /// `Io` if there is no room or a file cannot be read, `Cancelled` if the watcher says so.
    pub fn run(mut self) -> Result<MemMapArray> {
        let mut result = MemMapArray::zeros(&self.dtype, &self.shape, Order::C)?;
        self.fill(&Output::Array(result.split()?.1))?;
        Ok(result.with_unit(self.unit))
    }

    /// Joins them in a new `.npy` file, which gets its name when it is whole.
    ///
    /// # Errors
    /// As [`Join::run`]; `Io` if the file cannot be written. Whatever was there before stays then.
    ///
    /// ```
    /// use maparray::{Join, MemMapArray};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("all.npy");
    /// let rows = [[1_u8, 2], [3, 4]].map(|row| MemMapArray::from_slice(&row));
    /// Join::stack(&rows, 0)?.save(&path, &Default::default())?;
    /// assert_eq!(MemMapArray::read(&path)?.shape(), [2, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(self, path: impl AsRef<Path>, options: &Create) -> Result<Report> {
        Ok(self.save_with(path.as_ref(), options, NewArray::finish)?.0)
    }

    /// The same; gives the array that the file holds, mapped to be read.
    ///
    /// # Errors
    /// As [`Join::save`].
    pub fn save_open(self, path: impl AsRef<Path>, options: &Create) -> Result<MemMapArray> {
        let saved = self.save_with(path.as_ref(), options, NewArray::finish_open)?;
        Ok(saved.1)
    }

    /// The same; what the file holds, as it holds it: see [`Eval::save_opened`](crate::Eval::save_opened).
    ///
    /// # Errors
    /// As [`Join::save`].
    pub fn save_opened(self, path: impl AsRef<Path>, options: &Create) -> Result<Opened> {
        let saved = self.save_with(path.as_ref(), options, NewArray::finish_opened)?;
        Ok(saved.1)
    }

    fn save_with<T>(
        mut self,
        path: &Path,
        options: &Create,
        finish: impl FnOnce(NewArray, Flush) -> Result<T>,
    ) -> Result<(Report, T)> {
        let (dtype, unit) = (self.dtype.clone(), self.unit.take());
        let new = NewArray::create(path, &dtype, &self.shape, options, unit.as_ref())?;
        let threads = self.fill(&Output::File(&new))?;
        let report = Report {
            dtype,
            bytes_read: self.parts.iter().map(bytes_of).sum(),
            bytes_written: new.layout().byte_len() as u64,
            shape: self.shape,
            threads,
        };
        Ok((report, finish(new, Flush::Start)?))
    }

    fn fill(&mut self, output: &Output<'_>) -> Result<usize> {
        let read: u64 = self.parts.iter().map(bytes_of).sum();
        let (item, places) = (self.dtype.size().max(1), output.layout().len());
        let total = read + output.layout().byte_len() as u64;
        let threads = self.threads.unwrap_or_else(crew::cores);
        let crew = Crew::new(threads, total, self.watch.take());
        let memory = self.memory.unwrap_or_else(crew::modest_memory);
        let release = read > memory as u64 / 2;
        let readers = self
            .parts
            .iter()
            .map(|part| Bytes::new(part, &self.dtype, release));
        let sources = Sources {
            parts: &self.parts,
            readers: readers.collect::<Result<_>>()?,
            row: self.row.max(1),
            item,
        };
        let piece = (FOLIO.min(memory / 2 / crew.threads()) / item).max(1);
        // The first piece is shorter, so that the others begin where folios do.
        let first = piece - output.header_len() / item % piece;
        let begin = |task: usize| (task * piece).saturating_sub(piece - first).min(places);
        let tasks = places.saturating_sub(first).div_ceil(piece) + 1;
        let room = || Ok(vec![0; piece * item]);
        crew.run(tasks, room, |task, room, member| {
            let range = begin(task)..begin(task + 1);
            let bytes = &mut room[..range.len() * item];
            sources.load(range.clone(), bytes)?;
            output.place(range.start, bytes)?;
            if release {
                sources.release(range.clone());
                if output.layout().is_contiguous(Order::C) {
                    output.behind(range, Behind::Start)?;
                }
            }
            member.advance(2 * bytes.len() as u64)
        })?;
        Ok(crew.threads())
    }
}

/// What all threads read.
struct Sources<'a> {
    parts: &'a [Part],
    readers: Vec<Bytes<'a>>,
    row: usize,
    item: usize,
}

impl Sources<'_> {
    /// The elements of a range of the result.
    fn load(&self, range: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        let (mut at, mut rest) = (range.start, bytes);
        while at < range.end {
            let (outer, within) = (at / self.row, at % self.row);
            // Of parts without elements the last begins here and the next one has it.
            let number = self.parts.partition_point(|part| part.range.end <= within);
            let part = &self.parts[number].range;
            let count = (range.end - at).min(part.end - within);
            let (now, later) = rest.split_at_mut(count * self.item);
            self.readers[number].load(outer * part.len() + within - part.start, now)?;
            (at, rest) = (at + count, later);
        }
        Ok(())
    }

    /// Lets go of what a range of the result was made of.
    fn release(&self, range: Range<usize>) {
        let (first, last) = (range.start / self.row, range.end / self.row);
        for (part, reader) in self.parts.iter().zip(&self.readers) {
            let len = part.range.len();
            // Within one row of the result: what lies in it of this part.
            let place = |at: usize, row: usize| {
                let within = (at % self.row).clamp(part.range.start, part.range.end);
                row * len + within - part.range.start
            };
            let elements = place(range.start, first)..place(range.end, last);
            if !elements.is_empty() {
                reader.release(elements);
            }
        }
    }
}

/// The elements of one of the arrays, in C order, as the result's.
enum Bytes<'a> {
    Numbers(Reader<'a>),
    /// Elements that stay what they are.
    Same(&'a Source, Walk),
    /// Numbers that are stored scaled.
    Meant {
        meaning: &'a Meaning,
        walk: Walk,
        cast: Option<Kernel>,
        item: usize,
    },
}

/// Stored numbers converted at a time.
const PIECE: usize = 1024;

impl<'a> Bytes<'a> {
    fn new(part: &'a Part, dtype: &DType, release: bool) -> Result<Bytes<'a>> {
        let (source, layout) = (&part.source, part.source.layout());
        if let Some(meaning) = &part.meaning {
            let (own, wanted): (Scalar, Scalar) = (meaning.scalar(), dtype.number()?);
            return Ok(Bytes::Meant {
                meaning,
                walk: Walk::new(layout),
                cast: (own != wanted).then(|| cast(own, wanted)),
                item: wanted.size(),
            });
        }
        Ok(match dtype.number() {
            Ok(scalar) => Bytes::Numbers(Reader::over(source, layout, scalar, release)?),
            Err(_) => Bytes::Same(source, Walk::new(layout)),
        })
    }

    fn load(&self, start: usize, out: &mut [u8]) -> Result<()> {
        match self {
            Bytes::Numbers(reader) => reader.load_anywhere(start, out),
            Bytes::Same(source, walk) => source.load(walk, start, out),
            Bytes::Meant {
                meaning,
                walk,
                cast,
                item,
            } => {
                let (mut stored, mut meant, mut wanted) =
                    ([0_u128; PIECE], [0_u128; PIECE], [0_u128; PIECE]);
                let stored: &mut [u8] = bytemuck::cast_slice_mut(&mut stored);
                let meant: &mut [u8] = bytemuck::cast_slice_mut(&mut meant);
                let wanted: &mut [u8] = bytemuck::cast_slice_mut(&mut wanted);
                for (piece, part) in out.chunks_mut(PIECE * item).enumerate() {
                    let at = start + piece * PIECE;
                    let Some(cast) = cast else {
                        meaning.load(walk, at, stored, part)?;
                        continue;
                    };
                    let own = &mut meant[..part.len() / item * meaning.scalar().size()];
                    meaning.load(walk, at, stored, own)?;
                    let wanted = &mut wanted[..part.len()];
                    cast(&[Strip::from(&*own)], wanted);
                    part.copy_from_slice(wanted);
                }
                Ok(())
            }
        }
    }

    fn release(&self, elements: Range<usize>) {
        match self {
            Bytes::Numbers(reader) => reader.release(elements),
            Bytes::Same(source, walk) => source.release(walk, elements),
            Bytes::Meant { meaning, walk, .. } => meaning.source().release(walk, elements),
        }
    }
}

fn bytes_of(part: &Part) -> u64 {
    part.source.layout().byte_len() as u64
}

fn none() -> Error {
    Error::new(Problem::WrongShape {
        found: "no arrays".into(),
        expected: "one or more to be joined".into(),
    })
}
