//! How are matrices multiplied?
//!
//! The result is cut into blocks; for each, panels of both operands are read into memory, multiplied
//! there, and added up. How rows and columns are cut depends on memory and threads, how sums are cut
//! does not.
//!
//! Knows: readers, ndarray's products. Must not know: formats, maps.

use bytemuck::Pod;
use ndarray::linalg::{general_mat_mul, general_mat_vec_mul};
use ndarray::{ArrayView2, ArrayViewMut2, LinalgScalar};
use num_complex::Complex;

use super::{Buffer, Call, Reader};
use crate::array::Source;
use crate::crew::Crew;
use crate::dtype::{Kind, Scalar};
use crate::error::Result;
use crate::expr::Whole;
use crate::layout::{Layout, broadcast};
use crate::ops::{cast, widest};
use crate::strip::Strip;

/// Products that are summed at a time.
const DEPTH: usize = 1024;

/// Rows and columns of the largest block, and of the smallest if memory allows.
const SIDES: (usize, usize) = (2048, 128);

pub(super) fn run(call: &Call<'_>, crew: &Crew<'_>) -> Result<()> {
    match (call.scalar, call.scalar.kind()) {
        (Scalar::F64, _) => product::<f64>(call, crew, Scalar::F64),
        (Scalar::C64, _) => product::<Complex<f32>>(call, crew, Scalar::C64),
        (Scalar::C128, _) => product::<Complex<f64>>(call, crew, Scalar::C128),
        (_, Kind::Float) => product::<f32>(call, crew, Scalar::F32),
        (_, Kind::Unsigned) => product::<u64>(call, crew, Scalar::U64),
        // Wrapped products and sums have the same bits with and without signs.
        _ => product::<u64>(call, crew, Scalar::I64),
    }
}

/// Numbers that matrices are made of.
trait Number: Pod {
    /// Adds the product of `a` and `b` to `c`, or begins with it.
    fn multiply(a: &Panel<'_, Self>, b: &Panel<'_, Self>, begin: bool, c: &mut [Self]);
}

/// A part of a matrix in memory.
struct Panel<'a, T> {
    elements: &'a [T],
    rows: usize,
    columns: usize,
    /// Whether it lies column by column.
    turned: bool,
}

impl<T> Panel<'_, T> {
    fn view(&self) -> Option<ArrayView2<'_, T>> {
        if self.turned {
            let view = ArrayView2::from_shape((self.columns, self.rows), self.elements);
            return view.ok().map(|view| view.reversed_axes());
        }
        ArrayView2::from_shape((self.rows, self.columns), self.elements).ok()
    }
}

fn float<T: LinalgScalar>(a: &Panel<'_, T>, b: &Panel<'_, T>, begin: bool, c: &mut [T]) {
    let c = ArrayViewMut2::from_shape((a.rows, b.columns), c);
    if let (Some(a), Some(b), Ok(mut c)) = (a.view(), b.view(), c) {
        let keep = if begin { T::zero() } else { T::one() };
        if begin {
            c.fill(T::zero());
        }
        if b.ncols() == 1 && a.is_standard_layout() {
            general_mat_vec_mul(T::one(), &a, &b.column(0), keep, &mut c.column_mut(0));
            return;
        }
        general_mat_mul(T::one(), &a, &b, keep, &mut c);
    }
}

macro_rules! floats {
    ($($number:ty),*) => {$(
        impl Number for $number {
            fn multiply(a: &Panel<'_, Self>, b: &Panel<'_, Self>, begin: bool, c: &mut [Self]) {
                float(a, b, begin, c);
            }
        }
    )*};
}
floats!(f32, f64, Complex<f32>, Complex<f64>);

impl Number for u64 {
    fn multiply(a: &Panel<'_, u64>, b: &Panel<'_, u64>, begin: bool, c: &mut [u64]) {
        if begin {
            c.fill(0);
        }
        let (a, b) = match (a.view(), b.view()) {
            (Some(a), Some(b)) => (a, b.as_standard_layout().into_owned()),
            _ => return,
        };
        for (row, c) in a
            .rows()
            .into_iter()
            .zip(c.chunks_exact_mut(b.ncols().max(1)))
        {
            for (&factor, b) in row.iter().zip(b.rows()) {
                let Some(b) = b.to_slice() else { return };
                widest(
                    #[inline(always)]
                    || {
                        for (c, &b) in c.iter_mut().zip(b) {
                            *c = c.wrapping_add(factor.wrapping_mul(b));
                        }
                    },
                );
            }
        }
    }
}

/// A stack of matrices, read panel by panel.
struct Stack<'a> {
    reader: Reader<'a>,
    rows: usize,
    columns: usize,
    /// Whether the reader goes column by column.
    turned: bool,
}

impl<'a> Stack<'a> {
    /// The matrices of an operand whose layout, seen as one of matrices, is `layout`.
    fn new(
        source: &'a Source,
        layout: &Layout,
        scalar: Scalar,
        release: bool,
    ) -> Result<Stack<'a>> {
        let ndim = layout.ndim();
        let (rows, columns) = (layout.shape()[ndim - 2], layout.shape()[ndim - 1]);
        let stride = |axis: usize| layout.strides()[axis].unsigned_abs();
        let turned = stride(ndim - 2) < stride(ndim - 1) && rows > 1 && columns > 1;
        let mut axes: Vec<usize> = (0..ndim).collect();
        if turned {
            axes.swap(ndim - 2, ndim - 1);
        }
        let layout = layout.permuted(&axes);
        Ok(Stack {
            reader: Reader::over(source, &layout, scalar, release)?,
            rows,
            columns,
            turned,
        })
    }

    /// Reads a part of one matrix.
    fn load<'b, T: Number>(
        &self,
        matrix: usize,
        rows: std::ops::Range<usize>,
        columns: std::ops::Range<usize>,
        buffer: &'b mut Buffer,
    ) -> Result<Panel<'b, T>> {
        let (size, item) = (rows.len() * columns.len(), size_of::<T>());
        let (lines, line, length) = match self.turned {
            true => (columns.clone(), rows.clone(), self.rows),
            false => (rows.clone(), columns.clone(), self.columns),
        };
        let start = matrix * self.rows * self.columns;
        let bytes = buffer.bytes(size, item);
        if line.len() == length {
            let (first, last) = (start + lines.start * length, start + lines.end * length);
            self.reader.load(first, bytes)?;
            // It is in the buffer now, whoever needs it again.
            self.reader.release(first..last);
        } else {
            let first = start + lines.start * length + line.start;
            self.reader.load_rows(first, length, line.len(), bytes)?;
        }
        Ok(Panel {
            elements: buffer.elements(size),
            rows: rows.len(),
            columns: columns.len(),
            turned: self.turned,
        })
    }
}

/// What is to be multiplied.
struct Shapes {
    /// How each operand is seen as a stack of matrices.
    left: Layout,
    right: Layout,
    /// Matrices of the result, and which of each operand makes one.
    matrices: usize,
    left_matrix: fn(usize) -> usize,
    right_matrix: fn(usize) -> usize,
    rows: usize,
    depth: usize,
    columns: usize,
    /// Where row `row` of matrix `matrix` begins in the result.
    place: fn(&Shapes, usize, usize) -> usize,
}

impl Shapes {
    fn new(call: &Call<'_>) -> Result<Shapes> {
        let (a, b) = (call.operands[0].layout(), call.operands[1].layout());
        // A vector on the left is one row, on the right one column.
        let swapped = |layout: Layout| {
            let ndim = layout.ndim();
            let mut axes: Vec<usize> = (0..ndim).collect();
            axes.swap(ndim - 2, ndim - 1);
            layout.permuted(&axes)
        };
        let left = match a.shape() {
            [depth] => a.broadcast_to(&[1, *depth])?,
            _ => a.clone(),
        };
        let right = match b.shape() {
            [depth] => swapped(b.broadcast_to(&[1, *depth])?),
            _ => b.clone(),
        };
        let matrix = |layout: &Layout| {
            let (batch, matrix) = layout.shape().split_at(layout.ndim() - 2);
            (batch.to_vec(), matrix[0], matrix[1])
        };
        let ((a_batch, rows, depth), (b_batch, _, columns)) = (matrix(&left), matrix(&right));
        if call.function == Whole::Dot {
            // Every row of one with every matrix of the other, which come between them.
            let matrices = b_batch.iter().product();
            return Ok(Shapes {
                rows: a_batch.iter().product::<usize>() * rows,
                left,
                right,
                matrices,
                left_matrix: |_| 0,
                right_matrix: |matrix| matrix,
                depth,
                columns,
                place: |all, matrix, row| (row * all.matrices + matrix) * all.columns,
            });
        }
        let batch = broadcast(&a_batch, &b_batch)?;
        let stack = |layout: &Layout| {
            let (_, rows, columns) = matrix(layout);
            layout.broadcast_to(&[&batch[..], &[rows, columns]].concat())
        };
        Ok(Shapes {
            left: stack(&left)?,
            right: stack(&right)?,
            matrices: batch.iter().product(),
            left_matrix: |matrix| matrix,
            right_matrix: |matrix| matrix,
            rows,
            depth,
            columns,
            place: |all, matrix, row| (matrix * all.rows + row) * all.columns,
        })
    }
}

fn product<T: Number + Send>(call: &Call<'_>, crew: &Crew<'_>, scalar: Scalar) -> Result<()> {
    let shapes = Shapes::new(call)?;
    let (rows, columns, depth) = (shapes.rows, shapes.columns, shapes.depth);
    let release = call.release;
    let mut left = Stack::new(&call.operands[0], &shapes.left, scalar, release)?;
    let right = Stack::new(&call.operands[1], &shapes.right, scalar, release)?;
    if call.function == Whole::Dot {
        // All of its rows as those of one matrix, which is read row by row.
        left = Stack {
            reader: Reader::over(&call.operands[0], &shapes.left, scalar, release)?,
            rows,
            columns: depth,
            turned: false,
        };
    }
    let item = size_of::<T>();
    let deep = depth.clamp(1, DEPTH);
    let side = side(call, &shapes, deep, item);
    let (high, wide) = (side.min(rows.max(1)), side.min(columns.max(1)));
    let (bands, tiles) = (rows.div_ceil(high), columns.div_ceil(wide));
    let back = (scalar != call.scalar).then(|| cast(scalar, call.scalar));
    let out_item = call.scalar.size();
    crew.run(
        shapes.matrices * bands * tiles,
        || {
            let panels = (
                Buffer::new(high * deep, item)?,
                Buffer::new(deep * wide, item)?,
            );
            let result = Buffer::new(high * wide, item)?;
            Ok((panels, result, Buffer::new(high * wide, out_item)?))
        },
        |task, ((a, b), result, stored), member| {
            let (matrix, block) = (task / (bands * tiles), task % (bands * tiles));
            let (row, column) = ((block / tiles) * high, (block % tiles) * wide);
            let (row_end, column_end) = ((row + high).min(rows), (column + wide).min(columns));
            let count = (row_end - row) * (column_end - column);
            result.bytes(count, item).fill(0);
            for start in (0..depth).step_by(deep) {
                let end = (start + deep).min(depth);
                let (left_matrix, right_matrix) =
                    ((shapes.left_matrix)(matrix), (shapes.right_matrix)(matrix));
                let a = left.load::<T>(left_matrix, row..row_end, start..end, a)?;
                let b = right.load::<T>(right_matrix, start..end, column..column_end, b)?;
                T::multiply(&a, &b, start == 0, result.elements(count));
                // Reading shows progress, multiplying takes the time.
                let read = a.elements.len() * left.reader.bytes() / tiles
                    + b.elements.len() * right.reader.bytes() / bands;
                member.advance(read as u64)?;
            }
            let bytes = match back {
                Some(back) => {
                    let bytes = stored.bytes(count, out_item);
                    back(&[Strip::from(&*result.bytes(count, item))], bytes);
                    bytes
                }
                None => result.bytes(count, item),
            };
            let line = (column_end - column) * out_item;
            for (row, line) in (row..row_end).zip(bytes.chunks_mut(line.max(1))) {
                call.place((shapes.place)(&shapes, matrix, row) + column, line)?;
            }
            member.advance((count * out_item) as u64)
        },
    )
}

/// Rows and columns of a block: as many as memory allows, and few enough for all threads to work.
fn side(call: &Call<'_>, shapes: &Shapes, deep: usize, item: usize) -> usize {
    let (most, least) = SIDES;
    // Two panels, the block, and the block as it is stored.
    let held = |side: usize| (2 * deep + 2 * side) * side * item;
    let mut side = most;
    while side > 8 && held(side) > call.share() {
        side /= 2;
    }
    let tasks =
        |side: usize| shapes.matrices * shapes.rows.div_ceil(side) * shapes.columns.div_ceil(side);
    while side > least && tasks(side) < 2 * call.threads {
        side /= 2;
    }
    side
}
