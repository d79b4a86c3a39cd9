//! How does an array own its elements and still be an ndarray array?
//!
//! [`MapArray`] keeps a view beside the array that it views, and derefs to ndarray's `ArrayRef`. The
//! view's lifetime is a private fiction; what makes it true is written at each `unsafe` block.
//! [`Packed`] elements lie at any address.
//!
//! Knows: errors, dtypes, the array. Must not know: formats, operations.
#![expect(
    unsafe_code,
    reason = "a view kept beside its owner has no lifetime that Rust can write, and bytes become \
              elements at any address"
)]

use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};

use bytemuck::{AnyBitPattern, CheckedBitPattern, Zeroable};
use ndarray::{ArrayRef, ArrayView, ArrayViewMut, Dimension};

use super::{MemMapArray, view};
use crate::dtype::Element;
use crate::error::Result;

/// An element at any address, aligned or not. See [`MemMapArray::view_packed`].
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub struct Packed<A>(A);

impl<A: Copy> Packed<A> {
    /// The element.
    pub fn get(self) -> A {
        self.0
    }
}

/// The bits of a [`Packed`] before it is known whether they are one.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub struct PackedBits<B>(B);

// SAFETY: the bytes are those of `B`, and nothing else.
unsafe impl<B: Zeroable> Zeroable for PackedBits<B> {}

// SAFETY: as above: any bytes are a `B`, and so they are this.
unsafe impl<B: AnyBitPattern> AnyBitPattern for PackedBits<B> {}

// SAFETY: `PackedBits` has the size of `A::Bits`, which is that of `A`, and both are aligned to single
// bytes; what `A` accepts as its bits is an `A`.
unsafe impl<A: Element> CheckedBitPattern for Packed<A> {
    type Bits = PackedBits<A::Bits>;

    fn is_valid_bit_pattern(bits: &PackedBits<A::Bits>) -> bool {
        A::is_valid_bit_pattern(&{ bits.0 })
    }
}

impl<A: Copy + fmt::Debug> fmt::Debug for Packed<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// An owned array of a type known when compiling, in a mapped file or in memory, for reading.
///
/// Derefs to [`ArrayRef`], so every method of ndarray that reads is a method of it. See
/// [`MemMapArray::into_typed`].
pub struct MapArray<A: Element, D: Dimension> {
    /// Invariant: views `array`'s region; never handed out by value. Declared first, dropped first.
    view: ArrayView<'static, A, D>,
    array: MemMapArray,
}

/// An owned array of a type known when compiling, in a mapped file or in memory, for reading and
/// writing. See [`MemMapArray::into_typed_mut`].
pub struct MapArrayMut<A: Element, D: Dimension> {
    /// Invariant: views `array`'s region, alone; never handed out by value. Dropped first.
    view: ArrayViewMut<'static, A, D>,
    array: MemMapArray,
}

impl<A: Element, D: Dimension> MapArray<A, D> {
    pub(super) fn new(array: MemMapArray) -> Result<MapArray<A, D>> {
        let view = view::with_axes::<A, D>(&array)?;
        // SAFETY: only the lifetime changes. The elements lie in the region, whose address never
        // changes and which `array`'s `Arc` keeps as long as `self`, longer than `view`. Moving
        // `self` moves the `Arc`, not the region. Nobody writes: `view` borrowed successfully, so
        // the memory is private or promised; to private memory only an array that is alone on it
        // writes, and this one never does.
        let view = unsafe { mem::transmute::<ArrayView<'_, A, D>, ArrayView<'static, A, D>>(view) };
        Ok(MapArray { view, array })
    }

    /// The array without its type.
    pub fn into_inner(self) -> MemMapArray {
        self.array
    }
}

impl<A: Element, D: Dimension> MapArrayMut<A, D> {
    pub(super) fn new(mut array: MemMapArray) -> Result<MapArrayMut<A, D>> {
        let wrong_axes = array.wrong_axes(D::NDIM);
        let view = array
            .view_mut::<A>()?
            .into_dimensionality::<D>()
            .map_err(|_| wrong_axes)?;
        // SAFETY: as in `MapArray::new`. That nobody else reads or writes: `view_mut` proved that
        // `array` is alone on its region, and `array` is private here and lends nothing while `view`
        // lives: `inner` hands out no bytes, and `into_inner` ends the view first.
        let view: ArrayViewMut<'static, A, D> = unsafe { mem::transmute(view) };
        Ok(MapArrayMut { view, array })
    }

    /// The array without its type.
    pub fn into_inner(self) -> MemMapArray {
        self.array
    }

    /// Writes what was changed back to the file.
    ///
    /// # Errors
    /// As [`MemMapArray::flush`].
    pub fn flush(&self, how: crate::map::Flush) -> Result<()> {
        self.array.flush(how)
    }
}

impl<A: Element, D: Dimension> Clone for MapArray<A, D> {
    /// Shares the mapping.
    fn clone(&self) -> Self {
        MapArray {
            view: self.view.clone(),
            array: self.array.clone(),
        }
    }
}

impl<A: Element, D: Dimension> Deref for MapArray<A, D> {
    type Target = ArrayRef<A, D>;

    fn deref(&self) -> &ArrayRef<A, D> {
        &self.view
    }
}

impl<A: Element, D: Dimension> Deref for MapArrayMut<A, D> {
    type Target = ArrayRef<A, D>;

    fn deref(&self) -> &ArrayRef<A, D> {
        &self.view
    }
}

impl<A: Element, D: Dimension> DerefMut for MapArrayMut<A, D> {
    fn deref_mut(&mut self) -> &mut ArrayRef<A, D> {
        &mut self.view
    }
}

impl<A: Element, D: Dimension> fmt::Debug for MapArray<A, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view.fmt(f)
    }
}

impl<A: Element, D: Dimension> fmt::Debug for MapArrayMut<A, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view.fmt(f)
    }
}
