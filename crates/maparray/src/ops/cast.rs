//! How does a number of one dtype become a number of another?
//!
//! As NumPy's `astype` does with "unsafe" casting: integers wrap, complex numbers drop their
//! imaginary part, anything but zero is true. Where C leaves the answer open (a float that does not
//! fit the integer, NaN) this gives what NumPy gives on x86-64, on every machine: see [`Cast`].
//!
//! Knows: bytes and elements. Must not know: operations, shapes.

use bytemuck::cast_slice_mut;
use half::{bf16, f16};
use num_complex::Complex;

use super::kernel::{Cell, Kernel, Narrow, unary};
use super::math::Math;
use crate::dtype::{F8E4M3, F8E5M2, Scalar};
use crate::strip::Strip;

/// One number as another.
pub(super) trait Cast<T> {
    fn cast(self) -> T;
}

macro_rules! as_casts {
    ($($from:ty => $($to:ty)*;)*) => {$($(
        impl Cast<$to> for $from {
            #[inline(always)]
            fn cast(self) -> $to { self as $to }
        }
    )*)*};
}
as_casts! {
    i8 => i8 u8 i16 u16 i32 u32 i64 u64 f32 f64;
    u8 => i8 u8 i16 u16 i32 u32 i64 u64 f32 f64;
    i16 => i8 u8 i16 u16 i32 u32 i64 u64 f32 f64;
    u16 => i8 u8 i16 u16 i32 u32 i64 u64 f32 f64;
    i32 => i8 u8 i16 u16 i32 u32 i64 u64 f32 f64;
    u32 => i8 u8 i16 u16 i32 u32 i64 u64 f32 f64;
    i64 => i8 u8 i16 u16 i32 u32 i64 u64 f32 f64;
    u64 => i8 u8 i16 u16 i32 u32 i64 u64 f32 f64;
    f32 => f32 f64;
    f64 => f32 f64;
}

/// Cut to an integer; what does not fit becomes the least one, as x86's conversion answers.
///
/// Without Rust's saturating conversion, which is no vector instruction: a number that leaves no room
/// for a fraction is added, and the sum's low bits are the integer.
#[inline(always)]
fn to_i32(a: f64) -> i32 {
    let fits = (a > -2_147_483_649.0) & (a < 2_147_483_648.0);
    let bits = (Math::trunc(a) + NO_FRACTION).to_bits() as i32;
    if fits { bits } else { i32::MIN }
}

/// 1.5 · 2⁵²: its low bits are 0, and those of a sum with an integer are the integer's.
const NO_FRACTION: f64 = 6_755_399_441_055_744.0;

/// As [`to_i32`], in two halves.
#[inline(always)]
fn to_i64(a: f64) -> i64 {
    const HALF: f64 = 4_294_967_296.0;
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let fits = (-LIMIT..LIMIT).contains(&a);
    let whole = Math::trunc(a);
    let high = Math::floor(whole * (1.0 / HALF));
    let low = whole - high * HALF;
    let bits =
        ((high + NO_FRACTION).to_bits() << 32) | ((low + NO_FRACTION).to_bits() & 0xFFFF_FFFF);
    if fits { bits as i64 } else { i64::MIN }
}

/// The upper half of the range is shifted down first, so that negative numbers wrap and what does
/// not fit becomes 2³¹ or 0.
#[inline(always)]
fn to_u32(a: f64) -> u32 {
    const HALF: f64 = 2_147_483_648.0;
    let upper = a >= HALF;
    let bits = to_i32(if upper { a - HALF } else { a }) as u32;
    bits ^ (u32::from(upper) << 31)
}

/// As [`to_u32`], for 2⁶³.
#[inline(always)]
fn to_u64(a: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    let upper = a >= HALF;
    let bits = to_i64(if upper { a - HALF } else { a }) as u64;
    bits ^ (u64::from(upper) << 63)
}

macro_rules! float_casts {
    ($($to:ty: $function:ident;)*) => {$(
        impl Cast<$to> for f64 {
            #[inline(always)]
            fn cast(self) -> $to { $function(self) as $to }
        }
        impl Cast<$to> for f32 {
            #[inline(always)]
            fn cast(self) -> $to { $function(f64::from(self)) as $to }
        }
    )*};
}
float_casts! {
    i8: to_i32; u8: to_i32; i16: to_i32; u16: to_i32; i32: to_i32;
    u32: to_u32; i64: to_i64; u64: to_u64;
}

macro_rules! bool_and_complex_casts {
    ($($real:ty)*) => {$(
        impl Cast<bool> for $real {
            #[inline(always)]
            fn cast(self) -> bool { self != 0 as $real }
        }
        impl Cast<$real> for bool {
            #[inline(always)]
            fn cast(self) -> $real { u8::from(self).cast() }
        }
        bool_and_complex_casts! { complex $real, f32 }
        bool_and_complex_casts! { complex $real, f64 }
    )*};
    (complex $real:ty, $part:ty) => {
        impl Cast<Complex<$part>> for $real {
            #[inline(always)]
            fn cast(self) -> Complex<$part> { Complex::new(self.cast(), 0.0) }
        }
        impl Cast<$real> for Complex<$part> {
            #[inline(always)]
            fn cast(self) -> $real { self.re.cast() }
        }
    };
}
bool_and_complex_casts! { i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 }

impl Cast<bool> for bool {
    #[inline(always)]
    fn cast(self) -> bool {
        self
    }
}

macro_rules! complex_casts {
    ($($from:ty => $to:ty;)*) => {$(
        impl Cast<Complex<$to>> for Complex<$from> {
            #[inline(always)]
            fn cast(self) -> Complex<$to> { Complex::new(self.re.cast(), self.im.cast()) }
        }
    )*};
    ($($part:ty)*) => {$(
        impl Cast<bool> for Complex<$part> {
            #[inline(always)]
            fn cast(self) -> bool { (self.re != 0.0) | (self.im != 0.0) }
        }
        impl Cast<Complex<$part>> for bool {
            #[inline(always)]
            fn cast(self) -> Complex<$part> { Complex::new(self.cast(), 0.0) }
        }
    )*};
}
complex_casts! { f32 => f32; f32 => f64; f64 => f32; f64 => f64; }
complex_casts! { f32 f64 }

/// A number as an `f32` that rounds to the same half, of either kind, as the number itself.
trait TowardHalf {
    fn toward_half(self) -> f32;
}

macro_rules! toward_half {
    ($($type:ty)*) => {$(
        impl TowardHalf for $type {
            fn toward_half(self) -> f32 { self.cast() }
        }
    )*};
}
toward_half! { bool i8 u8 i16 u16 f32 Complex<f32> }

macro_rules! long_toward_half {
    ($($type:ty)*) => {$(
        impl TowardHalf for $type {
            fn toward_half(self) -> f32 {
                // Where `f64` does not hold it, one bit says that others were there.
                let odd = self & !0xFFF | <$type>::from(self & 0xFFF != 0) << 12;
                let held = if (self as f64).abs() < (1_u64 << 53) as f64 { self } else { odd };
                round_to_odd(held as f64)
            }
        }
    )*};
}
long_toward_half! { i64 u64 }

impl TowardHalf for i32 {
    fn toward_half(self) -> f32 {
        round_to_odd(f64::from(self))
    }
}

impl TowardHalf for u32 {
    fn toward_half(self) -> f32 {
        round_to_odd(f64::from(self))
    }
}

impl TowardHalf for f64 {
    fn toward_half(self) -> f32 {
        round_to_odd(self)
    }
}

impl TowardHalf for Complex<f64> {
    fn toward_half(self) -> f32 {
        round_to_odd(self.re)
    }
}

/// The `f32` beside `a` whose last bit says that something was cut off, so that rounding it once
/// more, to half precision, gives what rounding `a` at once would give.
fn round_to_odd(a: f64) -> f32 {
    let near = a as f32;
    let back = f64::from(near);
    if back == a || !near.is_finite() {
        return near;
    }
    let bits = near.to_bits() - u32::from(back.abs() > a.abs());
    f32::from_bits(bits | 1)
}

macro_rules! targets {
    ($($scalar:ident $type:ty,)*) => {
        /// Every cast but those from and to half precision.
        trait CastAnywhere: Cell + TowardHalf $(+ Cast<$type>)* {}
        impl<T: Cell + TowardHalf $(+ Cast<$type>)*> CastAnywhere for T {}

        fn kernel_from<A: CastAnywhere>(to: Scalar) -> Kernel {
            match to {
                $(Scalar::$scalar => |i, o| unary::<A, $type>(i, o, |a| a.cast()),)*
                // The rest of the way is the caller's.
                Scalar::F16 | Scalar::BF16 | Scalar::F8E4M3 | Scalar::F8E5M2 => {
                    |i, o| unary::<A, f32>(i, o, |a| a.toward_half())
                }
            }
        }

        /// To an `f32` that rounds to the same narrower float as the number itself.
        fn toward_single(from: Scalar) -> Kernel {
            match from {
                $(Scalar::$scalar => kernel_from::<$type>(Scalar::F16),)*
                _ => cast(from, Scalar::F32),
            }
        }

        /// Converts elements of one dtype to another: NumPy's `astype` with unsafe casting.
        ///
        /// A float that does not fit the integer, or is NaN, becomes what NumPy's vectorised loops
        /// make of it on x86-64: the least `int32` or `int64`; 2³¹ or 2⁶³ or 0 as `uint32` or
        /// `uint64`; and as a smaller integer the low bits of that `int32`.
        ///
        /// ```
        /// use maparray::{Scalar, ops};
        /// let mut small = [0_u8; 2];
        /// let wide = [300_i64, -1];
        /// ops::cast(Scalar::I64, Scalar::U8)(&[wide[..].into()], &mut small);
        /// assert_eq!(small, [44, 255]);
        /// ```
        pub fn cast(from: Scalar, to: Scalar) -> Kernel {
            match (from, to) {
                (Scalar::F16, Scalar::F16)
                | (Scalar::BF16, Scalar::BF16)
                | (Scalar::F8E4M3, Scalar::F8E4M3)
                | (Scalar::F8E5M2, Scalar::F8E5M2) => {
                    |i, o| i[0].part(0..o.len()).copy_to(o)
                }
                (Scalar::F16, Scalar::BF16) => |i, o| from_half::<f16>(i, o, Scalar::BF16),
                (Scalar::BF16, Scalar::F16) => |i, o| from_half::<bf16>(i, o, Scalar::F16),
                $((Scalar::F16, Scalar::$scalar) => |i, o| from_half::<f16>(i, o, Scalar::$scalar),)*
                $((Scalar::BF16, Scalar::$scalar) => |i, o| from_half::<bf16>(i, o, Scalar::$scalar),)*
                $((Scalar::$scalar, Scalar::F16) => |i, o| {
                    to_half::<f16>(i, o, size_of::<$type>(), kernel_from::<$type>(Scalar::F16));
                },)*
                $((Scalar::$scalar, Scalar::BF16) => |i, o| {
                    to_half::<bf16>(i, o, size_of::<$type>(), kernel_from::<$type>(Scalar::BF16));
                },)*
                (Scalar::F8E4M3 | Scalar::F8E5M2, _) | (_, Scalar::F8E4M3 | Scalar::F8E5M2) => {
                    cast_eight(from, to)
                }
                $((Scalar::$scalar, _) => kernel_from::<$type>(to),)*
            }
        }
    };
}
targets! {
    Bool bool, I8 i8, U8 u8, I16 i16, U16 u16, I32 i32, U32 u32, I64 i64, U64 u64,
    F32 f32, F64 f64, C64 Complex<f32>, C128 Complex<f64>,
}

/// Elements converted through `f32` at a time.
const PIECE: usize = 256;

#[repr(C, align(16))]
struct Singles([f32; PIECE]);

/// From half precision through `f32`, which holds every half.
fn from_half<N: Narrow<Wide = f32>>(inputs: &[Strip<'_>], output: &mut [u8], to: Scalar) {
    let kernel = cast(Scalar::F32, to);
    let mut singles = Singles([0.0; PIECE]);
    let halves = inputs[0].elements::<N>();
    for (output, halves) in output
        .chunks_mut(PIECE * to.size())
        .zip(halves.chunks(PIECE))
    {
        let singles = &mut singles.0[..halves.len()];
        N::widen(halves, singles);
        kernel(&[Strip::from(&*singles)], output);
    }
}

/// To half precision through `f32`: `kernel` goes there from elements of `size` bytes.
fn to_half<N: Narrow<Wide = f32>>(
    inputs: &[Strip<'_>],
    output: &mut [u8],
    size: usize,
    kernel: Kernel,
) {
    let mut singles = Singles([0.0; PIECE]);
    let output: &mut [N] = cast_slice_mut(output);
    for (output, input) in output
        .chunks_mut(PIECE)
        .zip(inputs[0].elements::<u8>().chunks(PIECE * size))
    {
        let singles = &mut singles.0[..output.len()];
        kernel(&[input.strip()], cast_slice_mut(singles));
        N::narrow(singles, output);
    }
}

/// A cast from or to a float of eight bits.
fn cast_eight(from: Scalar, to: Scalar) -> Kernel {
    match (from, to) {
        (Scalar::F8E4M3, _) => from_eight::<F8E4M3>(to),
        (Scalar::F8E5M2, _) => from_eight::<F8E5M2>(to),
        (_, Scalar::F8E4M3) => to_eight::<F8E4M3>(from),
        (_, Scalar::F8E5M2) => to_eight::<F8E5M2>(from),
        _ => cast(from, to),
    }
}

macro_rules! eights {
    ($($other:ident)*) => {
        fn from_eight<N: Narrow<Wide = f32>>(to: Scalar) -> Kernel {
            match to {
                $(Scalar::$other => |i, o| from_half::<N>(i, o, Scalar::$other),)*
            }
        }

        fn to_eight<N: Narrow<Wide = f32>>(from: Scalar) -> Kernel {
            match from {
                $(Scalar::$other => |i, o| {
                    let size = Scalar::$other.size();
                    to_half::<N>(i, o, size, toward_single(Scalar::$other));
                },)*
            }
        }
    };
}
eights! { Bool I8 U8 I16 U16 I32 U32 I64 U64 F16 BF16 F32 F64 C64 C128 F8E4M3 F8E5M2 }
