//! What does a loop read?
//!
//! A [`Strip`]: bytes that stay readable for a while, but that somebody else may change meanwhile, as
//! those of a mapped file. They are read element by element through raw pointers, bounds checked, so
//! that no reference to them is ever formed; the compiler makes vector loads of it.
//!
//! Knows: nothing. Must not know: where the bytes come from, what is computed with them.

pub(crate) mod dispatch;

use std::marker::PhantomData;
use std::ops::Range;

use bytemuck::Pod;

/// Bytes to be read, at any alignment.
///
/// ```
/// use maparray::strip::Strip;
/// let numbers = [1.0_f32, 2.0, 4.0];
/// let strip = Strip::from(&numbers[..]);
/// assert_eq!(strip.elements::<f32>().iter().sum::<f32>(), 7.0);
/// assert_eq!(strip.part(4..12).elements::<f32>().get(1), 4.0);
/// ```
#[derive(Clone, Copy)]
pub struct Strip<'a> {
    /// Invariant 1: the first of `len` bytes that stay readable during `'a`.
    start: *const u8,
    len: usize,
    life: PhantomData<&'a [u8]>,
}

/// The elements of a [`Strip`], at any alignment.
#[derive(Clone, Copy)]
pub struct Elements<'a, T> {
    /// Invariant 2: the first of `len` elements that stay readable during `'a`.
    start: *const T,
    len: usize,
    life: PhantomData<&'a [T]>,
}

impl<'a, T: Pod> From<&'a [T]> for Strip<'a> {
    #[inline]
    fn from(elements: &'a [T]) -> Strip<'a> {
        let bytes: &[u8] = bytemuck::cast_slice(elements);
        Strip {
            start: bytes.as_ptr(),
            len: bytes.len(),
            life: PhantomData,
        }
    }
}

impl<'a> Strip<'a> {
    /// # Safety
    /// `start` is the first of `len` bytes that stay readable during `'a`. Others may write to them.
    #[inline]
    pub(crate) unsafe fn over(start: *const u8, len: usize) -> Strip<'a> {
        Strip {
            start,
            len,
            life: PhantomData,
        }
    }

    /// Number of bytes.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A part of it.
    ///
    /// # Panics
    /// If the range does not lie inside, as for slices.
    #[inline(always)]
    pub fn part(self, range: Range<usize>) -> Strip<'a> {
        assert!(range.start <= range.end && range.end <= self.len);
        Strip {
            // Inside by the check, and wrapping because an offset of nothing may be dangling.
            start: self.start.wrapping_add(range.start),
            len: range.len(),
            life: PhantomData,
        }
    }

    /// The whole elements in it.
    #[inline(always)]
    pub fn elements<T: Pod>(self) -> Elements<'a, T> {
        Elements {
            start: self.start.cast(),
            len: self.len / size_of::<T>().max(1),
            life: PhantomData,
        }
    }

    /// Copies its bytes.
    ///
    /// # Panics
    /// If `out` has another length, as for slices.
    #[inline]
    pub fn copy_to(self, out: &mut [u8]) {
        assert_eq!(self.len, out.len());
        // SAFETY: `len` bytes are readable (invariant 1) and as many writable, for `out` is a slice;
        // `copy` lets the two overlap.
        unsafe { std::ptr::copy(self.start, out.as_mut_ptr(), out.len()) };
    }
}

impl<'a, T: Pod> Elements<'a, T> {
    /// How many there are.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One of them.
    ///
    /// # Panics
    /// If there are not so many, as for slices.
    #[inline(always)]
    pub fn get(&self, i: usize) -> T {
        assert!(i < self.len);
        // Inside by the check: the address is that of element `i`.
        let place = self.start.wrapping_add(i);
        // SAFETY: `size_of::<T>()` bytes are readable there (invariant 2), at any alignment, and every
        // pattern of bits is a `T`.
        unsafe { place.read_unaligned() }
    }

    /// `N` of them: from `i * N` on.
    ///
    /// # Panics
    /// If there are not so many, as for slices.
    #[inline(always)]
    pub fn chunk<const N: usize>(&self, i: usize) -> [T; N] {
        assert!(i < self.len / N);
        let place = self.start.cast::<[T; N]>().wrapping_add(i);
        // SAFETY: as in `get`, for `N` elements, which lie inside by the check.
        unsafe { place.read_unaligned() }
    }

    /// The first so many.
    ///
    /// # Panics
    /// If there are not so many, as for slices.
    #[inline(always)]
    pub fn first(self, count: usize) -> Elements<'a, T> {
        assert!(count <= self.len);
        Elements { len: count, ..self }
    }

    /// Those from `first` on.
    ///
    /// # Panics
    /// If there are not so many, as for slices.
    #[inline(always)]
    pub fn from(self, first: usize) -> Elements<'a, T> {
        assert!(first <= self.len);
        Elements {
            start: self.start.wrapping_add(first),
            len: self.len - first,
            life: PhantomData,
        }
    }

    /// Pieces of `count` elements; the last may be shorter.
    #[inline(always)]
    pub fn chunks(self, count: usize) -> impl ExactSizeIterator<Item = Elements<'a, T>> {
        (0..self.len).step_by(count.max(1)).map(move |first| {
            let rest = self.from(first);
            rest.first(count.max(1).min(rest.len))
        })
    }

    /// One after the other.
    #[inline(always)]
    pub fn iter(self) -> impl ExactSizeIterator<Item = T> + DoubleEndedIterator {
        (0..self.len).map(move |i| self.get(i))
    }

    /// As the bytes that they are.
    #[inline(always)]
    pub fn strip(self) -> Strip<'a> {
        Strip {
            start: self.start.cast(),
            len: self.len * size_of::<T>(),
            life: PhantomData,
        }
    }
}
