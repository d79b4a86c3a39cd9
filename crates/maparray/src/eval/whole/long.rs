//! What holds a word of 128 bits and a position behind it?
//!
//! An unsigned integer of 256 bits, as far as sorting needs one.
//!
//! Knows: words. Must not know: elements.

use std::ops::{BitAnd, BitOr, BitXor, Shl, Shr};

use bytemuck::{Pod, Zeroable};

use super::order::Word;

/// An integer in two halves, the high one compared first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Long {
    high: u128,
    low: u128,
}

const HALF: u32 = u128::BITS;

macro_rules! bitwise {
    ($($trait:ident $method:ident,)*) => {$(
        impl $trait for Long {
            type Output = Long;
            #[inline(always)]
            fn $method(self, other: Long) -> Long {
                Long {
                    high: self.high.$method(other.high),
                    low: self.low.$method(other.low),
                }
            }
        }
    )*};
}
bitwise! { BitAnd bitand, BitOr bitor, BitXor bitxor, }

impl Shl<u32> for Long {
    type Output = Long;
    #[inline(always)]
    fn shl(self, bits: u32) -> Long {
        match bits {
            0 => self,
            HALF.. => Long {
                high: self.low << (bits - HALF),
                low: 0,
            },
            _ => Long {
                high: self.high << bits | self.low >> (HALF - bits),
                low: self.low << bits,
            },
        }
    }
}

impl Shr<u32> for Long {
    type Output = Long;
    #[inline(always)]
    fn shr(self, bits: u32) -> Long {
        match bits {
            0 => self,
            HALF.. => Long {
                high: 0,
                low: self.high >> (bits - HALF),
            },
            _ => Long {
                high: self.high >> bits,
                low: self.low >> bits | self.high << (HALF - bits),
            },
        }
    }
}

impl Word for Long {
    const BITS: u32 = 2 * HALF;
    const MAX: Long = Long {
        high: u128::MAX,
        low: u128::MAX,
    };
    #[inline(always)]
    fn low16(self) -> u16 {
        self.low as u16
    }
    #[inline(always)]
    fn low64(self) -> u64 {
        self.low as u64
    }
    #[inline(always)]
    fn low128(self) -> u128 {
        self.low
    }
    #[inline(always)]
    fn of128(number: u128) -> Long {
        Long {
            high: 0,
            low: number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_move_bits_between_the_halves() {
        let word = Long::of128(0x1234_5678 << 90);
        for bits in [0, 1, 38, 127, 128] {
            assert_eq!(word << bits >> bits, word, "{bits}");
        }
        assert_eq!((word << 200).low128(), 0);
        assert!(word << 60 > Long::of128(u128::MAX));
        assert_eq!((Long::MAX >> 128).low128(), u128::MAX);
        assert_eq!((Long::MAX >> 250).low64(), 63);
    }
}
