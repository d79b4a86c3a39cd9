//! How are many files of one shape an array with one more axis?
//!
//! Their headers are read once, to see that they fit; their elements stay where they are. Few files stay
//! open; of many, each is opened when it is its turn.
//!
//! Knows: errors, dtypes, layouts, formats, maps. Must not know: operations, expressions.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{MemMapArray, Opened, Source};
use crate::dtype::{DType, Kind, Scalar, promote_scalars, turn};
use crate::error::{Error, Problem, Result};
use crate::format::Scaling;
use crate::layout::shape_text;
use crate::map::Mode;
use crate::unit::Unit;

/// Files that stay open; systems allow a program 1024 or so.
const MOST_OPEN: usize = 128;

/// Arrays of one shape, most of them in files, as one array whose first axis counts them.
///
/// ```
/// use maparray::{MemMapArray, Stack};
/// # let folder = tempfile::tempdir()?;
/// let paths = ["a.npy", "b.npy"].map(|name| folder.path().join(name));
/// MemMapArray::from_slice(&[1_u16, 2, 3]).save(&paths[0])?;
/// MemMapArray::from_slice(&[3_u16, 6, 9]).save(&paths[1])?;
/// let stack = Stack::open(&paths)?;
/// assert_eq!(stack.shape(), [2, 3]);
/// assert_eq!(stack.frame(1)?.to_vec::<u16>()?, [3, 6, 9]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Stack {
    frames: Vec<Frame>,
    shape: Vec<usize>,
    /// The types that arrays have, each once.
    types: Vec<Scalar>,
    dtype: Scalar,
    unit: Option<Arc<Unit>>,
}

/// One of the arrays.
struct Frame {
    address: Option<PathBuf>,
    /// The array, if it stays open.
    open: Option<(MemMapArray, Option<Scaling>)>,
}

impl Stack {
    /// Files, or arrays in files, one above the other; each is an [`Address`](crate::Address).
    ///
    /// # Errors
    /// As [`MemMapArray::open`] of each; `Mismatch` if there is none, or if shapes differ; `Unsupported` if
    /// they are no real numbers; `Unit` if they measure different things.
    pub fn open<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Stack> {
        let paths: Vec<PathBuf> = paths.into_iter().map(|path| path.as_ref().into()).collect();
        let mut keep = paths.len() <= MOST_OPEN;
        let mut stack = Stack::empty();
        for path in paths {
            let (array, scaling) = match raw_at(&path) {
                // The program may not have so many open, and needs some for other things.
                Err(error) if keep && error.is_about_open_files() => {
                    keep = false;
                    stack.frames.iter_mut().for_each(|frame| frame.open = None);
                    raw_at(&path)?
                }
                read => read?,
            };
            stack
                .add(&array, scaling)
                .map_err(|error| error.at(&path))?;
            stack.frames.push(Frame {
                address: Some(path),
                open: keep.then_some((array, scaling)),
            });
        }
        stack.filled()
    }

    /// Arrays that are open or in memory, one above the other.
    ///
    /// # Errors
    /// As [`Stack::open`].
    ///
    /// ```
    /// use maparray::{MemMapArray, Stack};
    /// let rows = [[1, 2], [3, 4]].map(|row| MemMapArray::from_slice(&row));
    /// assert_eq!(Stack::of(rows)?.shape(), [2, 2]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn of(arrays: impl IntoIterator<Item = MemMapArray>) -> Result<Stack> {
        Stack::of_opened(arrays.into_iter().map(Opened::Plain))
    }

    /// The same, of which some may be stored scaled.
    ///
    /// # Errors
    /// As [`Stack::open`].
    ///
    /// ```
    /// use maparray::{MemMapArray, Opened, Scaled, Stack, format::Scaling};
    /// let stored = MemMapArray::from_slice(&[0_i16, 2]);
    /// let scaling = Scaling { scale: 0.5, zero: 10.0, blank: None };
    /// let scaled = Opened::Scaled(Scaled::new(stored, scaling)?);
    /// let plain = Opened::Plain(MemMapArray::from_slice(&[1_i16, 2]));
    /// assert_eq!(Stack::of_opened([scaled, plain])?.shape(), [2, 2]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn of_opened(arrays: impl IntoIterator<Item = Opened>) -> Result<Stack> {
        let mut stack = Stack::empty();
        for opened in arrays {
            let (array, scaling) = stored(opened);
            stack
                .add(&array, scaling)
                .map_err(|error| array.name(error))?;
            stack.frames.push(Frame {
                address: None,
                open: Some((array, scaling)),
            });
        }
        stack.filled()
    }

    fn empty() -> Stack {
        Stack {
            frames: vec![],
            shape: vec![],
            types: vec![],
            dtype: Scalar::Bool,
            unit: None,
        }
    }

    /// Takes note of what one more array is.
    fn add(&mut self, array: &MemMapArray, scaling: Option<Scaling>) -> Result<()> {
        let own = array.dtype().number()?;
        let own = scaling.map_or(own, |scaling| scaling.scalar(own));
        if own.kind() == Kind::Complex {
            return Err(Error::new(Problem::NoLoop {
                operation: "stack",
                dtypes: array.dtype().to_string(),
            }));
        }
        if self.frames.is_empty() {
            self.shape = [&[0], array.shape()].concat();
            self.unit = array.unit.clone();
        } else if array.shape() != &self.shape[1..] {
            return Err(Error::new(Problem::WrongShape {
                found: shape_text(array.shape()),
                expected: format!("{}, as the first has", shape_text(&self.shape[1..])),
            }));
        } else if array.unit != self.unit {
            let text = |unit: Option<&Unit>| unit.map_or("none".into(), |unit| format!("`{unit}`"));
            return Err(Error::new(Problem::UnitOperand {
                operation: "stack",
                found: text(array.unit()),
                expected: text(self.unit.as_deref()),
            }));
        }
        if !self.types.contains(&own) {
            self.types.push(own);
            self.types.sort_by_key(|&one| turn(one));
            let all = self.types.iter().copied().reduce(promote_scalars);
            self.dtype = all.unwrap_or(own);
        }
        self.shape[0] += 1;
        Ok(())
    }

    fn filled(self) -> Result<Stack> {
        if self.frames.is_empty() {
            return Err(Error::new(Problem::WrongShape {
                found: "no arrays".into(),
                expected: "one or more to be stacked".into(),
            }));
        }
        Ok(self)
    }

    /// Number of arrays, and the shape of each.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The dtype that holds the numbers of all of them.
    pub fn dtype(&self) -> DType {
        DType::from(self.dtype)
    }

    /// What the elements of all of them measure.
    pub fn unit(&self) -> Option<&Unit> {
        self.unit.as_deref()
    }

    /// How many arrays there are.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there are none, which cannot be.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// One of the arrays, its elements as they are stored.
    ///
    /// # Errors
    /// `OutOfBounds` if there is no such array; as [`MemMapArray::open`].
    pub fn frame(&self, index: usize) -> Result<MemMapArray> {
        Ok(self.stored(index)?.0)
    }

    fn stored(&self, index: usize) -> Result<(MemMapArray, Option<Scaling>)> {
        let Some(frame) = self.frames.get(index) else {
            return Err(Error::new(Problem::Index {
                index: index as i64,
                axis: 0,
                len: self.len() as u64,
            }));
        };
        match (&frame.open, &frame.address) {
            (Some((array, scaling)), _) => Ok((array.clone(), *scaling)),
            (None, Some(path)) => {
                let (array, scaling) = raw_at(path)?;
                if array.shape() != &self.shape[1..] {
                    return Err(Error::new(Problem::WrongShape {
                        found: shape_text(array.shape()),
                        expected: format!("{}, as before", shape_text(&self.shape[1..])),
                    })
                    .at(path));
                }
                let own = array.dtype().number().map_err(|error| error.at(path))?;
                let own = scaling.map_or(own, |scaling| scaling.scalar(own));
                if !self.types.contains(&own) {
                    return Err(Error::new(Problem::WrongDType {
                        found: array.dtype().to_string(),
                        expected: DType::from(self.dtype).to_string(),
                    })
                    .at(path));
                }
                Ok((array, scaling))
            }
            // Whatever has no address is open.
            (None, None) => Err(Error::new(Problem::NoFile)),
        }
    }

    /// The elements of one of the arrays, and what they stand for.
    pub(crate) fn source(&self, index: usize) -> Result<(Source, Option<Scaling>)> {
        let (array, scaling) = self.stored(index)?;
        Ok((array.source(), scaling))
    }

    /// Whether all arrays stay open.
    pub(crate) fn is_open(&self) -> bool {
        self.frames.iter().all(|frame| frame.open.is_some())
    }

    /// The type of the numbers.
    pub(crate) fn scalar(&self) -> Scalar {
        self.dtype
    }
}

/// An array, its elements as they are stored, and what they stand for.
fn raw_at(path: &Path) -> Result<(MemMapArray, Option<Scaling>)> {
    Ok(stored(Opened::open(path, Mode::Read)?))
}

/// The elements as they are stored, and how numbers come of them.
fn stored(opened: Opened) -> (MemMapArray, Option<Scaling>) {
    match opened {
        Opened::Plain(array) => (array, None),
        Opened::Scaled(scaled) => {
            let raw = scaled.raw().clone().with_unit(scaled.unit().cloned());
            (raw, Some(scaled.scaling()))
        }
    }
}
