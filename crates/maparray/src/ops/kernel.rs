//! How does an operation run over a strip of elements?
//!
//! The loops, by arity: plain slices, plain Rust, one loop per operation and dtype, written so that
//! the compiler vectorises them. Half precision runs in `f32`, and the transcendentals of
//! `complex64` in `complex128`: see [`widened`].
//!
//! Knows: bytes and elements. Must not know: which operation it runs, shapes, threads.

use bytemuck::{Pod, cast_slice, cast_slice_mut};
use half::{bf16, f16};
use num_complex::Complex;

use super::dispatch::widest;
use super::math::halves;
use crate::dtype::{F8E4M3, F8E5M2};
use crate::strip::{Elements, Strip};

/// A loop over elements.
///
/// Inputs hold at least as many whole elements as the output, in native order, at any alignment; the
/// output is 16-byte aligned and never overlaps an input. A bool is one byte: not 0 counts as true, 0
/// or 1 is written.
pub type Kernel = fn(inputs: &[Strip<'_>], output: &mut [u8]);

/// An element as a scalar function sees it, and as it lies in memory.
pub(super) trait Cell: Copy {
    type Raw: Pod;
    fn get(raw: Self::Raw) -> Self;
    fn put(self) -> Self::Raw;
}

macro_rules! plain_cells {
    ($($type:ty)*) => {$(
        impl Cell for $type {
            type Raw = $type;
            #[inline(always)]
            fn get(raw: $type) -> $type { raw }
            #[inline(always)]
            fn put(self) -> $type { self }
        }
    )*};
}
plain_cells! { i8 u8 i16 u16 i32 u32 i64 u64 f16 bf16 f32 f64 Complex<f32> Complex<f64> [u64; 2] F8E4M3 F8E5M2 }

impl Cell for bool {
    type Raw = u8;
    #[inline(always)]
    fn get(raw: u8) -> bool {
        raw != 0
    }
    #[inline(always)]
    fn put(self) -> u8 {
        u8::from(self)
    }
}

/// Elements are counted, here and below: of an iterator over the output the compiler makes a loop that
/// leaves the last 32 elements to single instructions.
#[inline(always)]
pub(super) fn unary<A: Cell, R: Cell>(
    inputs: &[Strip<'_>],
    output: &mut [u8],
    function: impl Fn(A) -> R,
) {
    let output: &mut [R::Raw] = cast_slice_mut(output);
    let a = inputs[0].elements::<A::Raw>();
    widest(
        #[inline(always)]
        move || {
            // Inside, so that the compiler sees that the lengths are equal.
            let count = output.len();
            let a = a.first(count);
            #[expect(
                clippy::needless_range_loop,
                reason = "faster than an iterator: see `unary`"
            )]
            for i in 0..count {
                output[i] = function(A::get(a.get(i))).put();
            }
        },
    );
}

#[inline(always)]
pub(super) fn binary<A: Cell, B: Cell, R: Cell>(
    inputs: &[Strip<'_>],
    output: &mut [u8],
    function: impl Fn(A, B) -> R,
) {
    let output: &mut [R::Raw] = cast_slice_mut(output);
    let a = inputs[0].elements::<A::Raw>();
    let b = inputs[1].elements::<B::Raw>();
    widest(
        #[inline(always)]
        move || {
            // Inside, so that the compiler sees that the lengths are equal.
            let count = output.len();
            let (a, b) = (a.first(count), b.first(count));
            #[expect(
                clippy::needless_range_loop,
                reason = "faster than an iterator: see `unary`"
            )]
            for i in 0..count {
                output[i] = function(A::get(a.get(i)), B::get(b.get(i))).put();
            }
        },
    );
}

/// As [`unary`]; operands that are rare, by the second function, go through the third afterwards, so
/// that the loop over all of them has no branch.
#[inline(always)]
pub(super) fn unary_but<A: Cell<Raw = A> + Pod>(
    inputs: &[Strip<'_>],
    output: &mut [u8],
    function: impl Fn(A) -> A,
    is_rare: impl Fn(A) -> bool,
    slowly: impl Fn(A) -> A,
) {
    unary::<A, A>(inputs, output, function);
    let output: &mut [A] = cast_slice_mut(output);
    let a = inputs[0].elements::<A>().first(output.len());
    let any = widest(
        #[inline(always)]
        || {
            let count = a.len();
            let a = a.first(count);
            (0..count).fold(false, |any, i| any | is_rare(a.get(i)))
        },
    );
    if any {
        for (out, a) in output.iter_mut().zip(a.iter()) {
            if is_rare(a) {
                *out = slowly(a);
            }
        }
    }
}

/// As [`unary_but`], for two operands.
#[inline(always)]
pub(super) fn binary_but<A: Cell<Raw = A> + Pod>(
    inputs: &[Strip<'_>],
    output: &mut [u8],
    function: impl Fn(A, A) -> A,
    is_rare: impl Fn(A, A) -> bool,
    slowly: impl Fn(A, A) -> A,
) {
    binary::<A, A, A>(inputs, output, function);
    let output: &mut [A] = cast_slice_mut(output);
    let a = inputs[0].elements::<A>().first(output.len());
    let b = inputs[1].elements::<A>().first(output.len());
    let any = widest(
        #[inline(always)]
        || {
            let count = a.len();
            let (a, b) = (a.first(count), b.first(count));
            (0..count).fold(false, |any, i| any | is_rare(a.get(i), b.get(i)))
        },
    );
    if any {
        for ((out, a), b) in output.iter_mut().zip(a.iter()).zip(b.iter()) {
            if is_rare(a, b) {
                *out = slowly(a, b);
            }
        }
    }
}

#[inline(always)]
pub(super) fn ternary<A: Cell, B: Cell, C: Cell, R: Cell>(
    inputs: &[Strip<'_>],
    output: &mut [u8],
    function: impl Fn(A, B, C) -> R,
) {
    let output: &mut [R::Raw] = cast_slice_mut(output);
    let a = inputs[0].elements::<A::Raw>();
    let b = inputs[1].elements::<B::Raw>();
    let c = inputs[2].elements::<C::Raw>();
    widest(
        #[inline(always)]
        move || {
            // Inside, so that the compiler sees that the lengths are equal.
            let count = output.len();
            let (a, b, c) = (a.first(count), b.first(count), c.first(count));
            #[expect(
                clippy::needless_range_loop,
                reason = "faster than an iterator: see `unary`"
            )]
            for i in 0..count {
                output[i] = function(A::get(a.get(i)), B::get(b.get(i)), C::get(c.get(i))).put();
            }
        },
    );
}

/// An element that is computed on in a wider type.
pub(super) trait Narrow: Cell<Raw = Self> + Pod {
    type Wide: Pod;
    fn widen(narrow: Elements<'_, Self>, wide: &mut [Self::Wide]);
    fn narrow(wide: &[Self::Wide], narrow: &mut [Self]);
}

impl Narrow for f16 {
    type Wide = f32;
    fn widen(narrow: Elements<'_, f16>, wide: &mut [f32]) {
        widest(
            #[inline(always)]
            move || {
                let narrow = narrow.first(wide.len());
                for (i, wide) in wide.iter_mut().enumerate() {
                    *wide = halves::to_single(narrow.get(i).to_bits());
                }
            },
        );
    }
    fn narrow(wide: &[f32], narrow: &mut [f16]) {
        widest(
            #[inline(always)]
            move || {
                for (narrow, &wide) in narrow.iter_mut().zip(wide) {
                    *narrow = f16::from_bits(halves::from_single(wide));
                }
            },
        );
    }
}

impl Narrow for bf16 {
    type Wide = f32;
    fn widen(narrow: Elements<'_, bf16>, wide: &mut [f32]) {
        let narrow = narrow.first(wide.len());
        widest(
            #[inline(always)]
            || {
                for (i, wide) in wide.iter_mut().enumerate() {
                    *wide = f32::from_bits(u32::from(narrow.get(i).to_bits()) << 16);
                }
            },
        );
    }
    fn narrow(wide: &[f32], narrow: &mut [bf16]) {
        widest(
            #[inline(always)]
            || {
                for (narrow, &wide) in narrow.iter_mut().zip(wide) {
                    let bits = wide.to_bits();
                    // To the nearest, or the even one; the rest of a NaN might be all zeros.
                    let near = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
                    let nan = bits >> 16 | 0x40;
                    *narrow = bf16::from_bits(if wide.is_nan() { nan } else { near } as u16);
                }
            },
        );
    }
}

macro_rules! eights {
    ($($type:ty)*) => {$(
        impl Narrow for $type {
            type Wide = f32;
            fn widen(narrow: Elements<'_, Self>, wide: &mut [f32]) {
                let narrow = narrow.first(wide.len());
                widest(
                    #[inline(always)]
                    || {
                        for (i, wide) in wide.iter_mut().enumerate() {
                            *wide = narrow.get(i).to_f32();
                        }
                    },
                );
            }
            fn narrow(wide: &[f32], narrow: &mut [Self]) {
                widest(
                    #[inline(always)]
                    || {
                        for (narrow, &wide) in narrow.iter_mut().zip(wide) {
                            *narrow = <$type>::from_f32(wide);
                        }
                    },
                );
            }
        }
    )*};
}
eights! { F8E4M3 F8E5M2 }

impl Narrow for Complex<f32> {
    type Wide = Complex<f64>;
    fn widen(narrow: Elements<'_, Self>, wide: &mut [Complex<f64>]) {
        for (wide, narrow) in wide.iter_mut().zip(narrow.iter()) {
            *wide = Complex::new(f64::from(narrow.re), f64::from(narrow.im));
        }
    }
    fn narrow(wide: &[Complex<f64>], narrow: &mut [Self]) {
        for (narrow, &wide) in narrow.iter_mut().zip(wide) {
            *narrow = Complex::new(wide.re as f32, wide.im as f32);
        }
    }
}

/// Bytes widened at a time: the buffers stay in the first-level cache and cost little to clear.
const PIECE: usize = 1024;

/// Room for a piece of wide elements, aligned as kernels expect.
#[repr(C, align(16))]
struct Buffer([u8; PIECE]);

/// Runs a loop over the wide type on elements of the narrow one, and rounds the results.
#[inline(never)]
pub(super) fn widened<N: Narrow>(inputs: &[Strip<'_>], output: &mut [u8], kernel: Kernel) {
    let mut result = Buffer([0; PIECE]);
    let output: &mut [N] = cast_slice_mut(output);
    widen_inputs::<N>(inputs, output.len(), |wide, done, len| {
        let result = &mut result.0[..len * size_of::<N::Wide>()];
        kernel(wide, result);
        N::narrow(cast_slice(result), &mut output[done..done + len]);
    });
}

/// Runs a loop over the wide type on elements of the narrow one whose results are truth values.
#[inline(never)]
pub(super) fn widened_to_bool<N: Narrow>(inputs: &[Strip<'_>], output: &mut [u8], kernel: Kernel) {
    let mut result = Buffer([0; PIECE]);
    widen_inputs::<N>(inputs, output.len(), |wide, done, len| {
        kernel(wide, &mut result.0[..len]);
        output[done..done + len].copy_from_slice(&result.0[..len]);
    });
}

/// Calls `each` with the widened inputs, how many elements came before them, and how many they are.
#[inline(always)]
fn widen_inputs<N: Narrow>(
    inputs: &[Strip<'_>],
    count: usize,
    mut each: impl FnMut(&[Strip<'_>], usize, usize),
) {
    let mut buffers = [const { Buffer([0; PIECE]) }; 3];
    let size = size_of::<N::Wide>();
    let mut done = 0;
    while done < count {
        let len = (PIECE / size).min(count - done);
        for (buffer, input) in buffers.iter_mut().zip(inputs) {
            let narrow = input.elements::<N>().from(done).first(len);
            N::widen(narrow, cast_slice_mut(&mut buffer.0[..len * size]));
        }
        let wide = buffers
            .each_ref()
            .map(|buffer| Strip::from(&buffer.0[..len * size]));
        each(&wide[..inputs.len().min(3)], done, len);
        done += len;
    }
}
