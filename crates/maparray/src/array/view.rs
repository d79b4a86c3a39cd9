//! How are elements borrowed?
//!
//! As ndarray views: the dtype must be the machine's own, the address aligned, and nobody else may
//! write meanwhile. Everything else can be copied.
//!
//! Knows: errors, dtypes, layouts, maps. Must not know: formats, operations.

use std::sync::Arc;

use bytemuck::CheckedBitPattern;
use ndarray::{
    ArrayView, ArrayViewD, ArrayViewMutD, Axis, Dimension, IxDyn, ShapeBuilder, StrideShape,
};

use super::{MapArray, MapArrayMut, MemMapArray, Packed};
use crate::dtype::{DType, Element};
use crate::error::{Error, Problem, Result};
use crate::layout::{resolve_axis, shape_text};

impl MemMapArray {
    /// The same bytes as elements of another dtype of the same size: `bfloat16` out of a file whose
    /// header says `V2`, bits of floats as integers.
    ///
    /// # Errors
    /// `Mismatch` if the sizes differ.
    ///
    /// ```
    /// use maparray::MemMapArray;
    /// let bits = MemMapArray::from_slice(&[0x3FC0_u16, 0x4000]);
    /// let halves = bits.reinterpret(&"bfloat16".parse()?)?;
    /// assert_eq!(halves.get::<half::bf16>(&[0])?.to_f32(), 1.5);
    /// assert!(bits.reinterpret(&"f8".parse()?).is_err());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn reinterpret(&self, dtype: &DType) -> Result<MemMapArray> {
        if dtype.size() != self.dtype.size() {
            return Err(self.name(Error::new(Problem::WrongDType {
                found: self.dtype.to_string(),
                expected: format!("{dtype}, which has {} bytes", dtype.size()),
            })));
        }
        Ok(MemMapArray {
            dtype: dtype.clone(),
            ..self.clone()
        })
    }

    /// The same elements with their axes in another order; in the opposite one, if none is given.
    ///
    /// # Errors
    /// `OutOfBounds` if there is no such axis, `Mismatch` if one is there twice or missing.
    ///
    /// ```
    /// use maparray::MemMapArray;
    /// let array = MemMapArray::from_array(&ndarray::array![[1, 2, 3], [4, 5, 6]])?;
    /// assert_eq!(array.transpose(None)?.to_vec::<i32>()?, [1, 4, 2, 5, 3, 6]);
    /// assert_eq!(array.transpose(Some(&[0, 1]))?.shape(), [2, 3]);
    /// assert!(array.transpose(Some(&[0, 0])).is_err());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn transpose(&self, axes: Option<&[i64]>) -> Result<MemMapArray> {
        let ndim = self.ndim();
        let opposite: Vec<i64> = (0..ndim as i64).rev().collect();
        let axes = axes.unwrap_or(&opposite);
        let order = || {
            let axes = axes.iter().map(|&axis| resolve_axis(axis, ndim));
            let axes = axes.collect::<Result<Vec<usize>>>()?;
            let mut seen = vec![false; ndim];
            for &axis in &axes {
                if std::mem::replace(&mut seen[axis], true) {
                    return Err(Error::new(Problem::AxisTwice { axis }));
                }
            }
            if axes.len() != ndim {
                let found = axes.len();
                return Err(Error::new(Problem::IndexCount { found, ndim }));
            }
            Ok(axes)
        };
        let axes = order().map_err(|error| self.name(error))?;
        Ok(MemMapArray {
            layout: self.layout.permuted(&axes),
            ..self.clone()
        })
    }

    /// Borrows the elements.
    ///
    /// Borrowing `bool` reads every byte, because not every byte is a `bool`; other types cost
    /// nothing.
    ///
    /// # Errors
    /// `Mismatch` if the elements are of another type; `Unsupported` for foreign byte order,
    /// misaligned elements, strides that are no multiple of the element, or a file that others could
    /// change and nobody promised not to. All of these can be copied: `to_memory`.
    ///
    /// ```
    /// use maparray::{DType, MemMapArray, Order};
    /// let mut array = MemMapArray::zeros(&DType::of::<f64>(), &[2, 2], Order::C)?;
    /// array.view_mut::<f64>()?.fill(2.0);
    /// assert_eq!(array.view::<f64>()?.sum(), 8.0);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn view<T: Element>(&self) -> Result<ArrayViewD<'_, T>> {
        self.view_as::<T, T>()
    }

    /// Borrows the elements where they lie, aligned or not: NumPy puts most members of an archive at odd
    /// places.
    ///
    /// # Errors
    /// As [`MemMapArray::view`], except that any place will do.
    ///
    /// ```
    /// use maparray::{DType, Layout, MemMapArray, Order, Region};
    /// let layout = Layout::contiguous(&[2], 4, Order::C, 1)?;
    /// let array = MemMapArray::from_region(Region::heap(9)?, DType::of::<f32>(), layout)?;
    /// assert!(array.view::<f32>().is_err());
    /// assert_eq!(array.view_packed::<f32>()?[1].get(), 0.0);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn view_packed<T: Element>(&self) -> Result<ArrayViewD<'_, Packed<T>>> {
        self.view_as::<T, Packed<T>>()
    }

    /// Borrows elements of `T` in the form of `A`, which has the same bytes.
    fn view_as<T: Element, A: CheckedBitPattern>(&self) -> Result<ArrayViewD<'_, A>> {
        let (shape, flipped) = self.shape_for::<T>(align_of::<A>())?;
        if self.is_empty() {
            let shape = IxDyn(self.shape());
            return ArrayViewD::from_shape(shape, &[]).map_err(|_| self.not_valid::<T>());
        }
        let all = self
            .region
            .as_slice(self.promise)
            .map_err(|error| self.name(error))?;
        let bytes = &all[self.layout.byte_range()];
        let elements =
            bytemuck::checked::try_cast_slice(bytes).map_err(|_| self.not_valid::<T>())?;
        let mut view =
            ArrayViewD::from_shape(shape, elements).map_err(|_| self.not_valid::<T>())?;
        flipped.into_iter().for_each(|axis| view.invert_axis(axis));
        Ok(view)
    }

    /// Borrows the elements to change them.
    ///
    /// # Errors
    /// As [`MemMapArray::view`]; also `ReadOnly`, and `InUse` if other arrays share the bytes.
    ///
    /// ```
    /// let mut array = maparray::MemMapArray::from_slice(&[1_i32, 2, 3]);
    /// array.view_mut::<i32>()?.map_inplace(|x| *x *= 10);
    /// assert_eq!(array.to_vec::<i32>()?, [10, 20, 30]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn view_mut<T: Element>(&mut self) -> Result<ArrayViewMutD<'_, T>> {
        let (shape, flipped) = self.shape_for::<T>(align_of::<T>())?;
        let (range, promise) = (self.layout.byte_range(), self.promise);
        let invalid = self.not_valid::<T>();
        if self.is_empty() {
            let shape = IxDyn(self.shape());
            return ArrayViewMutD::from_shape(shape, &mut []).map_err(|_| invalid);
        }
        let holders = Arc::strong_count(&self.region);
        let shared = self.name(Error::new(Problem::Shared { holders }));
        let Some(region) = Arc::get_mut(&mut self.region) else {
            return Err(shared);
        };
        let bytes = &mut region.as_mut_slice(promise)?[range];
        let Ok(elements) = bytemuck::checked::try_cast_slice_mut(bytes) else {
            return Err(invalid);
        };
        let Ok(mut view) = ArrayViewMutD::from_shape(shape, elements) else {
            return Err(invalid);
        };
        flipped.into_iter().for_each(|axis| view.invert_axis(axis));
        Ok(view)
    }

    /// The array as an owned one of a type known when compiling.
    ///
    /// # Errors
    /// As [`MemMapArray::view`]; `Mismatch` if the number of axes is another.
    ///
    /// ```
    /// use maparray::MemMapArray;
    /// use ndarray::Ix1;
    /// let typed = MemMapArray::from_slice(&[1.0_f64, 2.0]).into_typed::<f64, Ix1>()?;
    /// assert_eq!(typed.mean(), Some(1.5));
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn into_typed<T: Element, D: Dimension>(self) -> Result<MapArray<T, D>> {
        MapArray::new(self)
    }

    /// The array as an owned one of a type known when compiling, to change it.
    ///
    /// # Errors
    /// As [`MemMapArray::view_mut`]; `Mismatch` if the number of axes is another.
    ///
    /// ```
    /// use maparray::MemMapArray;
    /// use ndarray::Ix1;
    /// let mut typed = MemMapArray::from_slice(&[1.0_f64, 2.0]).into_typed_mut::<f64, Ix1>()?;
    /// typed[0] = 5.0;
    /// assert_eq!(typed.into_inner().to_vec::<f64>()?, [5.0, 2.0]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn into_typed_mut<T: Element, D: Dimension>(self) -> Result<MapArrayMut<T, D>> {
        MapArrayMut::new(self)
    }

    /// The error for a wrong number of axes.
    pub(super) fn wrong_axes(&self, expected: Option<usize>) -> Error {
        self.name(Error::new(Problem::WrongShape {
            found: shape_text(self.shape()),
            expected: format!("{} axes", expected.unwrap_or_default()),
        }))
    }

    /// Shape and strides in elements for ndarray, which wants strides that are not negative, and the
    /// axes to turn round afterwards.
    fn shape_for<T: Element>(&self, align: usize) -> Result<(StrideShape<IxDyn>, Vec<Axis>)> {
        self.expect_scalar(T::SCALAR)?;
        if !self.dtype.is_native() {
            let dtype = self.dtype.to_string();
            return Err(self.name(Error::new(Problem::ForeignOrder { dtype })));
        }
        let item = self.layout.item_size();
        let address = self.region.first_address()? + self.layout.byte_range().start;
        if !address.is_multiple_of(align) && !self.is_empty() {
            let problem = Problem::Misaligned { address, align };
            return Err(self.name(Error::new(problem)));
        }
        let mut flipped = vec![];
        let mut steps = vec![];
        for (axis, (&len, &stride)) in self.shape().iter().zip(self.strides()).enumerate() {
            if stride.unsigned_abs() % item != 0 && len > 1 {
                let strides = shape_text(self.strides());
                return Err(self.name(Error::new(Problem::Strided {
                    strides,
                    item_size: item,
                })));
            }
            if stride < 0 && len > 1 {
                flipped.push(Axis(axis));
            }
            // The stride of an axis with one element leads nowhere and may be anything.
            steps.push(if len > 1 {
                stride.unsigned_abs() / item
            } else {
                1
            });
        }
        Ok((IxDyn(self.shape()).strides(IxDyn(&steps)), flipped))
    }

    fn not_valid<T: Element>(&self) -> Error {
        let found = format!("bytes that are no {}", T::SCALAR.name());
        self.name(Error::new(Problem::WrongDType {
            found,
            expected: T::SCALAR.name().into(),
        }))
    }
}

/// A view with the number of axes known when compiling.
pub(super) fn with_axes<'a, T: Element, D: Dimension>(
    array: &'a MemMapArray,
) -> Result<ArrayView<'a, T, D>> {
    array
        .view::<T>()?
        .into_dimensionality::<D>()
        .map_err(|_| array.wrong_axes(D::NDIM))
}
