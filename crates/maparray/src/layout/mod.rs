//! Where is `a[i, j, k]`?
//!
//! Shapes, orders and byte strides, with every product and sum checked: a shape from a file can
//! wrap nothing here. File sizes are `u64`, memory sizes `usize`.
//!
//! Knows: errors, dtypes. Must not know: files.

mod picks;
mod walk;

use crate::error::{Error, Problem, Result};

pub use picks::Picks;
pub(crate) use walk::Walk;

/// NumPy's limit on the number of axes.
pub const MAX_AXES: usize = 64;

/// Order of the elements in a file or in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// The last axis varies fastest (row-major).
    #[default]
    C,
    /// The first axis varies fastest (column-major).
    F,
}

/// Shape, byte strides and first byte of an array inside a region of bytes.
///
/// ```
/// use maparray::{Layout, Order, Select};
/// let layout = Layout::contiguous(&[3, 4], 8, Order::C, 128)?;
/// assert_eq!(layout.position(&[1, -1])?, 128 + 7 * 8);
/// let column = layout.select(&[Select::ALL, Select::At(2)])?;
/// assert_eq!((column.shape(), column.strides()), (&[3][..], &[32][..]));
/// # Ok::<(), maparray::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    shape: Vec<usize>,
    strides: Vec<isize>,
    offset: usize,
    item_size: usize,
}

/// How a shape reads: `(3, 4)`, `(3,)`, `()`.
pub fn shape_text<T: std::fmt::Display>(shape: &[T]) -> String {
    match shape {
        [one] => format!("({one},)"),
        _ => {
            let parts: Vec<String> = shape.iter().map(T::to_string).collect();
            format!("({})", parts.join(", "))
        }
    }
}

/// Number of elements and of bytes of a shape, checked as NumPy checks it: the product of the axes
/// that are not zero must fit, also when another axis is zero.
///
/// # Errors
/// `Malformed` if the array could not exist on this machine or has more than 64 axes.
///
/// ```
/// use maparray::layout::extent;
/// assert_eq!(extent(&[3, 4], 8)?, (12, 96));
/// assert!(extent(&[usize::MAX, 2], 1).is_err());
/// # Ok::<(), maparray::Error>(())
/// ```
pub fn extent(shape: &[usize], item_size: usize) -> Result<(usize, usize)> {
    if shape.len() > MAX_AXES {
        return Err(Error::new(Problem::TooManyAxes { found: shape.len() }));
    }
    let mut full = item_size.max(1);
    for &len in shape.iter().filter(|&&len| len != 0) {
        full = full
            .checked_mul(len)
            .filter(|&bytes| isize::try_from(bytes).is_ok())
            .ok_or_else(|| {
                Error::new(Problem::TooBig {
                    shape: shape_text(shape),
                    item_size,
                })
            })?;
    }
    if shape.contains(&0) {
        return Ok((0, 0));
    }
    let count = full / item_size.max(1);
    Ok((count, count * item_size))
}

/// Fills in the one `-1` of a shape from the bytes that are there.
///
/// # Errors
/// `Mismatch` for two unknowns, other negative numbers, or bytes that do not divide evenly;
/// `Malformed` if the shape is too big.
///
/// ```
/// assert_eq!(maparray::layout::infer_shape(&[-1, 3], 4, 24)?, [2, 3]);
/// # Ok::<(), maparray::Error>(())
/// ```
pub fn infer_shape(shape: &[i64], item_size: usize, available: u64) -> Result<Vec<usize>> {
    let bad = || {
        Error::new(Problem::ShapeText {
            text: shape_text(shape),
        })
    };
    let mut known = Vec::with_capacity(shape.len());
    let mut unknown = None;
    for (axis, &len) in shape.iter().enumerate() {
        match len {
            -1 if unknown.is_some() => {
                return Err(Error::new(Problem::TwoInferred {
                    shape: shape_text(shape),
                }));
            }
            -1 => {
                unknown = Some(axis);
                known.push(1);
            }
            _ => known.push(usize::try_from(len).map_err(|_| bad())?),
        }
    }
    let (_, row) = extent(&known, item_size)?;
    if let Some(axis) = unknown {
        let row = row as u64;
        if row == 0 || !available.is_multiple_of(row) {
            let shape = shape_text(shape);
            return Err(Error::new(Problem::CannotInfer {
                shape,
                available,
                item_size,
            }));
        }
        known[axis] = usize::try_from(available / row).map_err(|_| bad())?;
        extent(&known, item_size)?;
    }
    Ok(known)
}

/// The shape that two shapes broadcast to.
///
/// # Errors
/// `Mismatch` if an axis differs and neither is 1.
///
/// ```
/// assert_eq!(maparray::layout::broadcast(&[4, 1], &[3])?, [4, 3]);
/// # Ok::<(), maparray::Error>(())
/// ```
pub fn broadcast(left: &[usize], right: &[usize]) -> Result<Vec<usize>> {
    let ndim = left.len().max(right.len());
    let axis =
        |shape: &[usize], i: usize| (i + shape.len()).checked_sub(ndim).map_or(1, |k| shape[k]);
    (0..ndim)
        .map(|i| match (axis(left, i), axis(right, i)) {
            (a, b) if a == b => Ok(a),
            (1, b) => Ok(b),
            (a, 1) => Ok(a),
            _ => Err(Error::new(Problem::Broadcast {
                left: shape_text(left),
                right: shape_text(right),
            })),
        })
        .collect()
}

/// An axis counted from the front, or from the back if negative.
///
/// # Errors
/// `OutOfBounds` if there is no such axis.
///
/// ```
/// assert_eq!(maparray::layout::resolve_axis(-1, 3)?, 2);
/// # Ok::<(), maparray::Error>(())
/// ```
pub fn resolve_axis(axis: i64, ndim: usize) -> Result<usize> {
    let resolved = if axis < 0 {
        axis.checked_add_unsigned(ndim as u64)
    } else {
        Some(axis)
    };
    resolved
        .and_then(|axis| usize::try_from(axis).ok())
        .filter(|&axis| axis < ndim)
        .ok_or_else(|| Error::new(Problem::Axis { axis, ndim }))
}

/// What to take along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// One position, from the back if negative; the axis goes away.
    At(i64),
    /// `start:stop:step` with Python's rules; the axis stays.
    Range {
        /// First position; by default the near end.
        start: Option<i64>,
        /// First position not taken; by default the far end.
        stop: Option<i64>,
        /// Distance between positions, not zero.
        step: i64,
    },
}

impl Select {
    /// The whole axis: `:`.
    pub const ALL: Select = Select::Range {
        start: None,
        stop: None,
        step: 1,
    };
}

impl Layout {
    /// An array whose elements follow each other without gaps, from byte `offset` on.
    ///
    /// # Errors
    /// `Malformed` if it is too big.
    pub fn contiguous(
        shape: &[usize],
        item_size: usize,
        order: Order,
        offset: usize,
    ) -> Result<Layout> {
        let (_, bytes) = extent(shape, item_size)?;
        offset
            .checked_add(bytes)
            .filter(|&end| isize::try_from(end).is_ok())
            .ok_or_else(|| {
                Error::new(Problem::TooBig {
                    shape: shape_text(shape),
                    item_size,
                })
            })?;
        let mut strides = vec![0isize; shape.len()];
        let mut step = item_size;
        let mut place = |axis: usize| {
            strides[axis] = step as isize;
            // Cannot wrap: `extent` multiplied the same numbers.
            step *= shape[axis].max(1);
        };
        match order {
            Order::C => (0..shape.len()).rev().for_each(&mut place),
            Order::F => (0..shape.len()).for_each(&mut place),
        }
        Ok(Layout {
            shape: shape.to_vec(),
            strides,
            offset,
            item_size,
        })
    }

    /// An array with strides of the caller's, all of it inside `region_len` bytes.
    ///
    /// # Errors
    /// `Malformed` if it is too big; `OutOfBounds` if an element lies outside the region.
    pub fn strided(
        shape: &[usize],
        strides: &[isize],
        item_size: usize,
        offset: usize,
        region_len: usize,
    ) -> Result<Layout> {
        let (count, _) = extent(shape, item_size)?;
        if shape.len() != strides.len() {
            return Err(Error::new(Problem::StrideCount {
                found: strides.len(),
                ndim: shape.len(),
            }));
        }
        let layout = Layout {
            shape: shape.to_vec(),
            strides: strides.to_vec(),
            offset,
            item_size,
        };
        if count > 0 {
            let outside = |low: isize, high: isize| {
                Error::new(Problem::Reach {
                    low: low as i64,
                    high: high as i64,
                    region_len: region_len as u64,
                })
            };
            let (low, high) = layout
                .reach()
                .ok_or_else(|| outside(isize::MIN, isize::MAX))?;
            if low < 0 || usize::try_from(high).map_or(true, |high| high > region_len) {
                return Err(outside(low, high));
            }
        }
        Ok(layout)
    }

    /// First and one-past-last byte touched; `None` if the sums wrap. Meaningful if not empty.
    fn reach(&self) -> Option<(isize, isize)> {
        let start = isize::try_from(self.offset).ok()?;
        let mut low = start;
        let mut high = start.checked_add(isize::try_from(self.item_size).ok()?)?;
        for (&len, &stride) in self.shape.iter().zip(&self.strides) {
            let span = stride.checked_mul(isize::try_from(len.saturating_sub(1)).ok()?)?;
            if span < 0 {
                low = low.checked_add(span)?;
            } else {
                high = high.checked_add(span)?;
            }
        }
        Some((low, high))
    }

    /// The bytes of the region that the elements lie in; empty if there are none.
    pub fn byte_range(&self) -> std::ops::Range<usize> {
        match (self.is_empty(), self.reach()) {
            (false, Some((low, high))) => low as usize..high as usize,
            // Not at `offset`, which a slice of no elements may have moved past the region's end.
            _ => 0..0,
        }
    }

    /// Length of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Bytes from an element to the next along each axis.
    pub fn strides(&self) -> &[isize] {
        &self.strides
    }

    /// Byte of the first element, `a[0, …, 0]`.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Bytes of one element.
    pub fn item_size(&self) -> usize {
        self.item_size
    }

    /// Number of axes.
    pub fn ndim(&self) -> usize {
        self.shape.len()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        if self.shape.contains(&0) {
            0
        } else {
            self.shape.iter().product()
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all elements together.
    pub fn byte_len(&self) -> usize {
        self.len() * self.item_size
    }

    /// Whether the elements follow each other without gaps in this order.
    pub fn is_contiguous(&self, order: Order) -> bool {
        if self.is_empty() {
            return true;
        }
        let mut step = self.item_size as isize;
        let mut fits = |axis: usize| {
            let fine = self.shape[axis] == 1 || self.strides[axis] == step;
            step *= self.shape[axis] as isize;
            fine
        };
        match order {
            Order::C => (0..self.ndim()).rev().all(&mut fits),
            Order::F => (0..self.ndim()).all(&mut fits),
        }
    }

    /// Whether each element surely has bytes of its own: along every axis a step is longer than all
    /// that lies on the axes with shorter steps.
    pub fn is_disjoint(&self) -> bool {
        let mut reach = self.item_size;
        self.is_empty()
            || self.memory_order().into_iter().rev().all(|axis| {
                let (len, step) = (self.shape[axis], self.strides[axis].unsigned_abs());
                let fine = len == 1 || step >= reach;
                reach = reach.saturating_add((len - 1).saturating_mul(step));
                fine
            })
    }

    /// `F` if the elements follow each other in that order and not in C order.
    pub fn order(&self) -> Order {
        let fortran = self.is_contiguous(Order::F) && !self.is_contiguous(Order::C);
        if fortran { Order::F } else { Order::C }
    }

    /// Byte of one element.
    ///
    /// # Errors
    /// `OutOfBounds` for a wrong number of indices or an index outside its axis.
    pub fn position(&self, index: &[i64]) -> Result<usize> {
        if index.len() != self.ndim() {
            return Err(Error::new(Problem::IndexCount {
                found: index.len(),
                ndim: self.ndim(),
            }));
        }
        let picks: Vec<Select> = index.iter().map(|&i| Select::At(i)).collect();
        Ok(self.select(&picks)?.offset)
    }

    /// The part of an array that `picks` names, axis by axis; axes not named are taken whole.
    ///
    /// # Errors
    /// `OutOfBounds` for too many picks or a position outside its axis, `Mismatch` for step 0.
    pub fn select(&self, picks: &[Select]) -> Result<Layout> {
        if picks.len() > self.ndim() {
            return Err(Error::new(Problem::IndexCount {
                found: picks.len(),
                ndim: self.ndim(),
            }));
        }
        let mut part = Layout {
            shape: vec![],
            strides: vec![],
            ..self.clone()
        };
        let mut offset = self.offset as isize;
        for axis in 0..self.ndim() {
            let (len, stride) = (self.shape[axis], self.strides[axis]);
            let (first, count, step) = match picks.get(axis).copied().unwrap_or(Select::ALL) {
                Select::At(index) => {
                    let from = if index < 0 {
                        index.checked_add_unsigned(len as u64)
                    } else {
                        Some(index)
                    };
                    let from = from
                        .and_then(|i| usize::try_from(i).ok())
                        .filter(|&i| i < len);
                    let Some(from) = from else {
                        return Err(Error::new(Problem::Index {
                            index,
                            axis,
                            len: len as u64,
                        }));
                    };
                    offset += from as isize * stride;
                    continue;
                }
                Select::Range { start, stop, step } => slice_indices(start, stop, step, len)?,
            };
            if count > 0 {
                offset += first as isize * stride;
            }
            part.shape.push(count);
            // One element has no next, so its stride may be anything: saturate.
            part.strides.push(stride.saturating_mul(step as isize));
        }
        part.offset = offset as usize;
        Ok(part)
    }

    /// The same elements read with another shape that has this one's axes at its end: axes that are
    /// new or had length 1 repeat.
    ///
    /// # Errors
    /// `Mismatch` if the shapes do not fit, `Malformed` if the new one is too big.
    pub fn broadcast_to(&self, shape: &[usize]) -> Result<Layout> {
        let misfit = || {
            Error::new(Problem::Broadcast {
                left: shape_text(&self.shape),
                right: shape_text(shape),
            })
        };
        let new_axes = shape.len().checked_sub(self.ndim()).ok_or_else(misfit)?;
        extent(shape, self.item_size)?;
        let mut strides = vec![0; new_axes];
        for (axis, &stride) in self.strides.iter().enumerate() {
            match (self.shape[axis], shape[new_axes + axis]) {
                (a, b) if a == b => strides.push(stride),
                (1, _) => strides.push(0),
                _ => return Err(misfit()),
            }
        }
        Ok(Layout {
            shape: shape.to_vec(),
            strides,
            ..self.clone()
        })
    }

    /// The axes in the order in which they lie in memory, the one with the largest steps first.
    pub fn memory_order(&self) -> Vec<usize> {
        let mut axes: Vec<usize> = (0..self.ndim()).collect();
        axes.sort_by_key(|&axis| std::cmp::Reverse(self.strides[axis].unsigned_abs()));
        axes
    }

    /// The same elements with the axes in another order.
    pub fn permuted(&self, axes: &[usize]) -> Layout {
        Layout {
            shape: axes.iter().map(|&axis| self.shape[axis]).collect(),
            strides: axes.iter().map(|&axis| self.strides[axis]).collect(),
            ..self.clone()
        }
    }
}

/// First position, number of positions and step of a slice, by Python's rules.
fn slice_indices(
    start: Option<i64>,
    stop: Option<i64>,
    step: i64,
    len: usize,
) -> Result<(usize, usize, i64)> {
    if step == 0 {
        return Err(Error::new(Problem::SliceStep));
    }
    let len = len as i128;
    let (lowest, highest) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let clamp = |index: Option<i64>, default: i128| match index {
        None => default,
        Some(index) => {
            let index = i128::from(index);
            (if index < 0 { index + len } else { index }).clamp(lowest, highest)
        }
    };
    let (near, far) = if step > 0 {
        (lowest, highest)
    } else {
        (highest, lowest)
    };
    let (from, to) = (clamp(start, near), clamp(stop, far));
    let wide = i128::from(step);
    let count = if wide > 0 {
        (to - from + wide - 1) / wide
    } else {
        (from - to - wide - 1) / -wide
    };
    let count = count.max(0) as usize;
    Ok((from.max(0) as usize, count, step))
}
