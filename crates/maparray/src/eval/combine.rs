//! How are the arrays of a stack made one?
//!
//! Place by place, from the numbers above each other there: the places are cut into pieces, a piece of
//! each array is read where it lies, and what has been read is let go of, so that memory is bounded by
//! the pieces and not by the arrays.
//!
//! Knows: arrays, kernels. Must not know: formats, maps, expressions.

use std::ops::Range;
use std::path::Path;

use super::output::Output;
use super::{Report, block};
use crate::array::{Behind, Create, FOLIO, Flush, MemMapArray, NewArray, Scaling, Source, Stack};
use crate::crew::{self, Crew, Flow, Member, Progress, Watch};
use crate::dtype::{DType, Kind, Scalar};
use crate::error::{Error, Problem, Result};
use crate::layout::{Order, Walk};
use crate::ops::{Clip, Columns, Kernel, LANES, Missing, Number, Row, Statistic, cast};
use crate::strip::Strip;
use crate::unit::{Power, Unit};

/// Bytes of all arrays that are in the second-level cache at a time.
const NEAR: usize = 1 << 18;

/// Elements cast at a time.
const CAST: usize = 1024;

/// One array made of a stack, about to be computed.
///
/// ```
/// use maparray::{Clip, Combine, MemMapArray, Stack, Statistic};
/// let frames = [[1.0_f32, 5.0], [2.0, 5.0], [9.0, 5.0]].map(|row| MemMapArray::from_slice(&row));
/// let stack = Stack::of(frames)?;
/// let median = Combine::new(&stack, Statistic::Median).run()?;
/// assert_eq!(median.to_vec::<f32>()?, [2.0, 5.0]);
/// let mean = Combine::new(&stack, Statistic::Mean).clip(Clip::sigma(1.2)).run()?;
/// assert_eq!(mean.to_vec::<f32>()?, [1.5, 5.0]);
/// # Ok::<(), maparray::Error>(())
/// ```
pub struct Combine<'a> {
    stack: &'a Stack,
    statistic: Statistic,
    clip: Option<Clip>,
    missing: Missing,
    threads: Option<usize>,
    memory: Option<usize>,
    watch: Option<Watch<'a>>,
}

impl<'a> Combine<'a> {
    /// Begins with a stack, and what is to be computed of the numbers above each other.
    pub fn new(stack: &'a Stack, statistic: Statistic) -> Combine<'a> {
        Combine {
            stack,
            statistic,
            clip: None,
            missing: Missing::default(),
            threads: None,
            memory: None,
            watch: None,
        }
    }

    /// Leaves out numbers that are too far from the others, and all that are not finite.
    #[must_use]
    pub fn clip(mut self, clip: Clip) -> Combine<'a> {
        self.clip = Some(clip);
        self
    }

    /// What becomes of places where a number is NaN, if nothing is clipped.
    #[must_use]
    pub fn missing(mut self, missing: Missing) -> Combine<'a> {
        self.missing = missing;
        self
    }

    /// How many threads take part; by default as many as the machine has cores.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Combine<'a> {
        self.threads = Some(threads.max(1));
        self
    }

    /// Bytes of memory to keep to for buffers and pages of mapped files; see
    /// [`Eval::memory`](crate::Eval::memory).
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Combine<'a> {
        self.memory = Some(bytes);
        self
    }

    /// Calls `watch` on this thread a few times a second; it can stop the computation.
    #[must_use]
    pub fn watch(mut self, watch: impl FnMut(Progress) -> Flow + 'a) -> Combine<'a> {
        self.watch = Some(Box::new(watch));
        self
    }

    /// Type of the result's elements: `float32` of numbers that it holds and `float64` of others, as
    /// NumPy's `median`; `int64` of a count.
    ///
    /// ```
    /// use maparray::{Combine, MemMapArray, Scalar, Stack, Statistic};
    /// let stack = Stack::of([MemMapArray::from_slice(&[1_u16])])?;
    /// assert_eq!(Combine::new(&stack, Statistic::Mean).dtype(), Scalar::F64.into());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn dtype(&self) -> DType {
        self.result().into()
    }

    fn result(&self) -> Scalar {
        match (self.statistic, self.stack.scalar()) {
            (Statistic::Count, _) => Scalar::I64,
            (_, own) if own.kind() == Kind::Float && own.size() <= 4 => Scalar::F32,
            _ => Scalar::F64,
        }
    }

    /// What the result measures.
    ///
    /// # Errors
    /// `Unit` if the square of the stack's unit is out of bounds.
    pub fn unit(&self) -> Result<Option<Unit>> {
        let unit = self.stack.unit();
        match self.statistic {
            Statistic::Count => Ok(None),
            Statistic::Var => unit.map(|unit| unit.pow(Power::new(2, 1)?)).transpose(),
            _ => Ok(unit.cloned()),
        }
    }

    /// Computes into memory.
    ///
    /// # Errors
    /// `Io` if a file cannot be read or there is no room, `Mismatch` for percentiles outside 0 to 100,
    /// limits below 0 and files that have changed, `Cancelled` if the watcher says so.
    pub fn run(mut self) -> Result<MemMapArray> {
        let unit = self.unit()?;
        let shape = &self.stack.shape()[1..];
        let mut result = MemMapArray::zeros(&self.dtype(), shape, Order::C)?;
        let (_, writer) = result.split()?;
        self.fill(&Output::Array(writer))?;
        Ok(result.with_unit(unit))
    }

    /// Computes into a new `.npy` file, which gets its name when it is whole.
    ///
    /// # Errors
    /// As [`Combine::run`]; `Io` if the file cannot be written. Whatever was there before stays then.
    ///
    /// ```
    /// use maparray::{Combine, MemMapArray, Stack, Statistic};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("master.npy");
    /// let stack = Stack::of([[1.0, 2.0], [3.0, 6.0]].map(|row| MemMapArray::from_slice(&row)))?;
    /// Combine::new(&stack, Statistic::Mean).save(&path, &Default::default())?;
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<f64>()?, [2.0, 4.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(self, path: impl AsRef<Path>, options: &Create) -> Result<Report> {
        Ok(self.save_with(path.as_ref(), options, NewArray::finish)?.0)
    }

    /// The same; gives the array that the file holds, mapped to be read.
    ///
    /// # Errors
    /// As [`Combine::save`].
    pub fn save_open(self, path: impl AsRef<Path>, options: &Create) -> Result<MemMapArray> {
        let saved = self.save_with(path.as_ref(), options, NewArray::finish_open)?;
        Ok(saved.1)
    }

    fn save_with<T>(
        mut self,
        path: &Path,
        options: &Create,
        finish: impl FnOnce(NewArray, Flush) -> Result<T>,
    ) -> Result<(Report, T)> {
        let unit = self.unit()?;
        let (dtype, shape) = (self.dtype(), self.stack.shape()[1..].to_vec());
        let create = Create {
            order: Order::C,
            ..*options
        };
        let new = NewArray::create(path, &dtype, &shape, &create, unit.as_ref())?;
        let threads = self.fill(&Output::File(&new))?;
        let report = Report {
            dtype,
            bytes_read: self.bytes_read(),
            bytes_written: new.layout().byte_len() as u64,
            shape,
            threads,
        };
        Ok((report, finish(new, Flush::Start)?))
    }

    fn bytes_read(&self) -> u64 {
        let elements = self.stack.shape().iter().product::<usize>();
        elements as u64 * self.stack.scalar().size() as u64
    }

    fn fill(&mut self, output: &Output<'_>) -> Result<usize> {
        if let Statistic::Percentile(percent) = self.statistic
            && !(0.0..=100.0).contains(&percent)
        {
            return Err(Error::new(Problem::Parameter {
                function: "percentile",
                name: "q".into(),
                found: percent.to_string(),
                expected: "0 to 100".into(),
            }));
        }
        if let Some(Clip { low, high, .. }) = self.clip
            && let Some(wrong) = [low, high]
                .into_iter()
                .find(|&sigma| sigma.is_nan() || sigma < 0.0)
        {
            return Err(Error::new(Problem::Parameter {
                function: "sigma_clip",
                name: "sigma".into(),
                found: wrong.to_string(),
                expected: "0 or more".into(),
            }));
        }
        let total = output.layout().byte_len() as u64 + self.bytes_read();
        let threads = self.threads.unwrap_or_else(crew::cores);
        let crew = Crew::new(threads, total, self.watch.take());
        let own = self.stack.scalar();
        // Numbers that float32 holds are compared as such.
        let narrow = own.size() <= 2 || own == Scalar::F32;
        match narrow {
            true => self.pieces::<f32>(Scalar::F32, output, &crew)?,
            false => self.pieces::<f64>(Scalar::F64, output, &crew)?,
        }
        Ok(crew.threads())
    }

    fn pieces<T: Number>(
        &self,
        wanted: Scalar,
        output: &Output<'_>,
        crew: &Crew<'_>,
    ) -> Result<()> {
        let count = self.stack.len();
        let places = output.layout().len();
        let memory = self.memory.unwrap_or_else(crew::modest_memory);
        let column = count * size_of::<T>();
        let stay = self.stack.is_open();
        // What a thread may have of all arrays at once.
        let room = memory / 2 / crew.threads() / column.max(1);
        let fair = places.div_ceil(4 * crew.threads());
        let most = FOLIO / size_of::<T>();
        let piece = room.min(fair).min(most).next_multiple_of(LANES).max(LANES);
        let near = (NEAR / column.max(1)).next_multiple_of(LANES).max(LANES);
        let job = Job {
            open: match stay {
                true => (0..count)
                    .map(|index| Frame::new(self.stack, index, wanted))
                    .collect::<Result<_>>()?,
                false => vec![],
            },
            stack: self.stack,
            columns: Columns::new(self.statistic, self.clip, self.missing, count),
            result: cast(Scalar::F64, self.result()),
            item: self.result().size(),
            wanted,
            tile: if stay { near.min(piece) } else { piece },
            release: self.bytes_read() > memory as u64 / 2,
        };
        let start = || Scratch::<T>::new(&job, piece);
        crew.run(places.div_ceil(piece), start, |task, scratch, member| {
            let range = task * piece..((task + 1) * piece).min(places);
            job.piece(range.clone(), scratch, member)?;
            let bytes = scratch.out.bytes_mut(range.len() * job.item);
            output.prepare(range.clone())?;
            output.store(range.start, bytes)?;
            if job.release {
                output.behind(range, Behind::Start)?;
            }
            Ok(())
        })
    }
}

/// What all threads do.
struct Job<'a> {
    stack: &'a Stack,
    /// The arrays, if all of them are open.
    open: Vec<Frame>,
    columns: Columns,
    /// Makes results of what is computed.
    result: Kernel,
    /// Bytes of a result.
    item: usize,
    wanted: Scalar,
    /// Places of which all numbers are together at a time.
    tile: usize,
    /// Whether to let go of what has been read.
    release: bool,
}

/// What a thread has for itself.
struct Scratch<T> {
    /// Numbers of a tile, array by array.
    tile: Vec<T>,
    /// Columns abreast.
    rows: Vec<Row<T>>,
    found: Vec<f64>,
    /// Results of a piece.
    out: block::Buffer,
}

impl<T: Number> Scratch<T> {
    fn new(job: &Job<'_>, piece: usize) -> Result<Scratch<T>> {
        let count = job.stack.len();
        Ok(Scratch {
            tile: zeroed(count * job.tile)?,
            rows: zeroed(count)?,
            found: zeroed(job.tile)?,
            out: block::Buffer::new(piece * job.item)?,
        })
    }
}

fn zeroed<T: bytemuck::Zeroable + Clone>(len: usize) -> Result<Vec<T>> {
    let mut room = vec![];
    room.try_reserve_exact(len).map_err(|_| {
        Error::new(Problem::OutOfMemory {
            bytes: (len * size_of::<T>()) as u64,
        })
    })?;
    room.resize(len, T::zeroed());
    Ok(room)
}

impl Job<'_> {
    /// Computes a piece into the thread's results.
    fn piece<T: Number>(
        &self,
        range: Range<usize>,
        scratch: &mut Scratch<T>,
        member: &mut Member<'_, '_>,
    ) -> Result<()> {
        for frame in &self.open {
            frame.source.prepare(&frame.walk, range.clone());
        }
        for start in range.clone().step_by(self.tile) {
            let tile = start..(start + self.tile).min(range.end);
            for (index, numbers) in scratch.tile.chunks_mut(self.tile).enumerate() {
                let numbers = &mut numbers[..tile.len()];
                match self.open.get(index) {
                    Some(frame) => frame.load(tile.start, numbers)?,
                    None => {
                        let frame = Frame::new(self.stack, index, self.wanted)?;
                        frame.load(tile.start, numbers)?;
                    }
                }
                member.advance(self.stack.scalar().size() as u64 * tile.len() as u64)?;
            }
            self.columns_of(tile.len(), scratch);
            let at = (tile.start - range.start) * self.item;
            let out = &mut scratch.out.bytes_mut(at + tile.len() * self.item)[at..];
            let found: &[u8] = bytemuck::cast_slice(&scratch.found[..tile.len()]);
            (self.result)(&[Strip::from(found)], out);
        }
        if self.release {
            for frame in &self.open {
                frame.source.release(&frame.walk, range.clone());
            }
        }
        Ok(())
    }

    /// Computes the columns of a tile.
    fn columns_of<T: Number>(&self, len: usize, scratch: &mut Scratch<T>) {
        for start in (0..len).step_by(LANES) {
            let count = LANES.min(len - start);
            for (row, numbers) in scratch.rows.iter_mut().zip(scratch.tile.chunks(self.tile)) {
                row[..count].copy_from_slice(&numbers[start..start + count]);
            }
            let found = self.columns.compute(&mut scratch.rows);
            scratch.found[start..start + count].copy_from_slice(&found[..count]);
        }
    }
}

/// One of the arrays, to be read.
struct Frame {
    source: Source,
    walk: Walk,
    scaling: Option<Scaling>,
    /// Makes numbers of the elements, unless these are what is wanted.
    cast: Option<Kernel>,
    /// Bytes of an element.
    from: usize,
}

impl Frame {
    fn new(stack: &Stack, index: usize, wanted: Scalar) -> Result<Frame> {
        let (source, scaling) = stack.source(index)?;
        let own = source.dtype().number()?;
        Ok(Frame {
            walk: Walk::new(source.layout()),
            source,
            scaling: scaling.map(|scaling| Scaling {
                blank: scaling.blank_of(own),
                ..scaling
            }),
            cast: (own != wanted).then(|| cast(own, wanted)),
            from: own.size(),
        })
    }

    /// Fills `out` with the numbers from place `start` on.
    fn load<T: Number>(&self, start: usize, out: &mut [T]) -> Result<()> {
        let mut at = start;
        match self.cast {
            None => self
                .source
                .load(&self.walk, at, bytemuck::cast_slice_mut(out))?,
            Some(cast) => {
                let mut room = [0_u128; CAST / 2];
                let room: &mut [u8] = bytemuck::cast_slice_mut(&mut room);
                for part in out.chunks_mut(CAST) {
                    let own = &mut room[..part.len() * self.from];
                    self.source.load(&self.walk, at, own)?;
                    cast(&[Strip::from(&*own)], bytemuck::cast_slice_mut(part));
                    at += part.len();
                }
            }
        }
        if let Some(Scaling { scale, zero, blank }) = self.scaling {
            let blank = blank.map_or(f64::NAN, |blank| blank as f64);
            T::scale(out, scale, zero, blank);
        }
        Ok(())
    }
}
