//! How are floats of eight bits read and made?
//!
//! The two of the OCP 8-bit floating point specification: `float8_e4m3fn`, which has no infinity, and
//! `float8_e5m2`, the upper half of a `float16`. What is rounded goes to the nearest, or the even one;
//! what is too large becomes NaN or infinity, as ml_dtypes has it.
//!
//! Knows: bits. Must not know: dtypes, arrays.

use bytemuck::{Pod, Zeroable};

const SIGN: u32 = 0x8000_0000;
const INFINITE: u32 = 0x7F80_0000;
const NAN: u32 = 0x7FC0_0000;

/// A float of eight bits: the bits of its mantissa, its bias, the first code that is no number, and
/// its NaN.
struct Shape {
    mantissa: u32,
    bias: u32,
    limit: u32,
    nan: u32,
}

const E4M3: Shape = Shape {
    mantissa: 3,
    bias: 7,
    limit: 0x7F,
    nan: 0x7F,
};

const E5M2: Shape = Shape {
    mantissa: 2,
    bias: 15,
    limit: 0x7C,
    nan: 0x7E,
};

impl Shape {
    #[inline(always)]
    fn code(&self, value: f32) -> u8 {
        let bits = value.to_bits();
        let (sign, size) = ((bits & SIGN) >> 24, bits & !SIGN);
        let shift = 23 - self.mantissa;
        let near = (size + ((1 << (shift - 1)) - 1) + (size >> shift & 1)) >> shift;
        let normal = near.saturating_sub((127 - self.bias) << self.mantissa);
        // A sum whose last bit is worth as much as that of the smallest code.
        let least = f32::from_bits((127 + 1 - self.bias - self.mantissa + 23) << 23);
        let small = (f32::from_bits(size) + least).to_bits() - least.to_bits();
        let first_normal = (127 + 1 - self.bias) << 23;
        let code = match size {
            _ if size > INFINITE => self.nan,
            _ if size < first_normal => small,
            _ => normal.min(self.limit),
        };
        (sign | code) as u8
    }

    #[inline(always)]
    fn value(&self, code: u8) -> f32 {
        let (sign, size) = (u32::from(code & 0x80) << 24, u32::from(code & 0x7F));
        // Exponents are counted from another place; below the normal ones the product is exact.
        let scale = f32::from_bits((127 + 127 - self.bias) << 23);
        let number = f32::from_bits(size << (23 - self.mantissa)) * scale;
        let size = match size {
            _ if size < self.limit => number.to_bits(),
            _ if size < self.nan.min(self.limit + 1) => INFINITE,
            _ => NAN,
        };
        f32::from_bits(sign | size)
    }
}

macro_rules! eights {
    ($($(#[$doc:meta])* $name:ident $shape:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
        #[repr(transparent)]
        pub struct $name(u8);

        impl $name {
            /// The number of this code.
            pub const fn from_bits(bits: u8) -> $name {
                $name(bits)
            }

            /// Its code.
            pub const fn to_bits(self) -> u8 {
                self.0
            }

            /// The nearest to a number.
            #[inline(always)]
            pub fn from_f32(value: f32) -> $name {
                $name($shape.code(value))
            }

            /// The same number.
            #[inline(always)]
            pub fn to_f32(self) -> f32 {
                $shape.value(self.0)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &$name) -> bool {
                self.to_f32() == other.to_f32()
            }
        }
    )*};
}

eights! {
    /// A `float8_e4m3fn`: four bits of exponent, three of mantissa, no infinity.
    ///
    /// ```
    /// use maparray::dtype::F8E4M3;
    /// assert_eq!(F8E4M3::from_f32(0.3).to_f32(), 0.3125);
    /// assert_eq!(F8E4M3::from_f32(448.0).to_bits(), 0x7E);
    /// assert!(F8E4M3::from_f32(1e6).to_f32().is_nan());
    /// ```
    F8E4M3 E4M3;
    /// A `float8_e5m2`: five bits of exponent, two of mantissa.
    ///
    /// ```
    /// use maparray::dtype::F8E5M2;
    /// assert_eq!(F8E5M2::from_f32(0.3).to_f32(), 0.3125);
    /// assert_eq!(F8E5M2::from_f32(1e6).to_f32(), f32::INFINITY);
    /// ```
    F8E5M2 E5M2;
}
