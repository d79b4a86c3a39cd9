//! In which runs do the elements of a layout lie?
//!
//! Knows: layouts. Must not know: files.

use std::ops::Range;

use super::{Layout, MAX_AXES};

/// A walk over the elements of a layout in C order of its axes, from any position on.
///
/// Axes that continue each other are merged first, so contiguous memory is one run whatever its
/// shape, and the walk costs nothing per element.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    shape: Vec<usize>,
    strides: Vec<isize>,
    offset: usize,
}

impl Walk {
    pub(crate) fn new(layout: &Layout) -> Walk {
        let mut shape: Vec<usize> = vec![];
        let mut strides: Vec<isize> = vec![];
        for (&len, &stride) in layout.shape.iter().zip(&layout.strides) {
            match (shape.last_mut(), strides.last_mut()) {
                _ if len == 1 => {}
                (Some(outer), Some(step)) if *step == stride.saturating_mul(len as isize) => {
                    *outer *= len;
                    *step = stride;
                }
                _ => {
                    shape.push(len);
                    strides.push(stride);
                }
            }
        }
        Walk {
            shape,
            strides,
            offset: layout.offset,
        }
    }

    /// The first byte of a range of elements, if these follow each other without gaps; other elements
    /// may lie in other places.
    pub(crate) fn run_at(&self, start: usize, count: usize, item: usize) -> Option<usize> {
        let Some((&row, outer_shape)) = self.shape.split_last() else {
            return (count <= 1).then_some(self.offset);
        };
        let last = outer_shape.len();
        let (mut rest, column) = (start / row.max(1), start % row.max(1));
        if column + count > row || (self.strides[last] != item as isize && count > 1) {
            return None;
        }
        let mut byte = self.offset as isize + column as isize * self.strides[last];
        for axis in (0..last).rev() {
            byte += (rest % self.shape[axis].max(1)) as isize * self.strides[axis];
            rest /= self.shape[axis].max(1);
        }
        Some(byte as usize)
    }

    /// The bytes between the first and the last of a range of elements, if the walk only goes forward:
    /// whatever lies there does not come again.
    pub(crate) fn span_of(&self, elements: Range<usize>, item: usize) -> Option<Range<usize>> {
        let mut inner = item as isize;
        for (&len, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if stride < inner {
                return None;
            }
            inner = stride.saturating_mul(len as isize);
        }
        let place = |element| self.run_at(element, 1, item);
        let last = elements.end.checked_sub(1)?;
        Some(place(elements.start)?..place(last)? + item)
    }

    /// Calls `visit(byte, stride, count)` for each run of evenly spaced elements among the `count`
    /// elements from `start` on. The caller keeps inside the layout's element count.
    pub(crate) fn runs<E>(
        &self,
        start: usize,
        count: usize,
        mut visit: impl FnMut(usize, isize, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some((&row, outer_shape)) = self.shape.split_last() else {
            return if count > 0 {
                visit(self.offset, 0, count)
            } else {
                Ok(())
            };
        };
        let (stride, outer_strides) = (
            self.strides[outer_shape.len()],
            &self.strides[..outer_shape.len()],
        );
        let mut index = [0usize; MAX_AXES];
        let mut rest = start / row.max(1);
        let mut column = start % row.max(1);
        let mut byte = self.offset as isize;
        for axis in (0..outer_shape.len()).rev() {
            index[axis] = rest % outer_shape[axis].max(1);
            rest /= outer_shape[axis].max(1);
            byte += index[axis] as isize * outer_strides[axis];
        }
        let mut left = count;
        while left > 0 {
            let run = left.min(row - column);
            visit((byte + column as isize * stride) as usize, stride, run)?;
            left -= run;
            column = 0;
            for axis in (0..outer_shape.len()).rev() {
                index[axis] += 1;
                byte += outer_strides[axis];
                if index[axis] < outer_shape[axis] {
                    break;
                }
                byte -= outer_shape[axis] as isize * outer_strides[axis];
                index[axis] = 0;
            }
        }
        Ok(())
    }
}
