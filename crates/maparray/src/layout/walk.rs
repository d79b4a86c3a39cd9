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

    /// The bytes of a range of elements, if these follow each other without gaps.
    pub(crate) fn bytes_of(&self, elements: Range<usize>, item: usize) -> Option<Range<usize>> {
        let gapless = match (&self.shape[..], &self.strides[..]) {
            ([_], [stride]) => *stride == item as isize,
            _ => false,
        };
        gapless.then(|| self.offset + elements.start * item..self.offset + elements.end * item)
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
