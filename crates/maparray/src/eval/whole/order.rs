//! In what order do numbers stand?
//!
//! Every number has a [`Word`]: an unsigned integer that stands as NumPy sorts the number, NaN last.
//! The algorithms of sorting and selecting know words only; a [`Codec`] leads there and back.
//!
//! Knows: elements, sources. Must not know: what is sorted for.

use std::ops::{BitAnd, BitOr, BitXor, Shl, Shr};

use bytemuck::{Pod, cast_slice, cast_slice_mut};
use half::{bf16, f16};
use num_complex::Complex;

use crate::array::Source;
use crate::dtype::Scalar;
use crate::error::{Error, Problem, Result};
use crate::layout::Walk;

/// An unsigned integer that takes a number's place.
pub(super) trait Word:
    Pod
    + Ord
    + Send
    + Sync
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + BitXor<Output = Self>
    + Shl<u32, Output = Self>
    + Shr<u32, Output = Self>
{
    const BITS: u32;
    const MAX: Self;
    fn low16(self) -> u16;
    fn low64(self) -> u64;
    fn low128(self) -> u128;
    fn of128(number: u128) -> Self;
    #[inline(always)]
    fn of(number: u64) -> Self {
        Self::of128(u128::from(number))
    }
}

macro_rules! words {
    ($($type:ident)*) => {$(
        impl Word for $type {
            const BITS: u32 = $type::BITS;
            const MAX: $type = $type::MAX;
            #[inline(always)]
            fn low16(self) -> u16 { self as u16 }
            #[inline(always)]
            fn low64(self) -> u64 { self as u64 }
            #[inline(always)]
            fn low128(self) -> u128 { self.into() }
            #[inline(always)]
            fn of128(number: u128) -> $type { number as $type }
        }
    )*};
}
words! { u8 u16 u32 u64 u128 }

/// Numbers of one kind, their words, and back.
pub(super) trait Ordered {
    /// An element as it lies in memory.
    type Raw: Pod;
    type Word: Word;
    /// The last word that is not a NaN's.
    const LAST: Self::Word;
    /// Different for different bits: −0 stands before 0.
    fn word(raw: Self::Raw) -> Self::Word;
    fn raw(word: Self::Word) -> Self::Raw;
    /// The word of the element that stands for all equal ones: 0 for −0, one NaN for all.
    #[inline(always)]
    fn same(word: Self::Word) -> Self::Word {
        word
    }
    /// The word that stands for all elements that may come in any order.
    #[inline(always)]
    fn rank(word: Self::Word) -> Self::Word {
        Self::same(word)
    }
}

macro_rules! integers {
    ($($type:ident $word:ident: $flip:expr;)*) => {$(
        impl Ordered for $type {
            type Raw = $type;
            type Word = $word;
            const LAST: $word = $word::MAX;
            #[inline(always)]
            fn word(raw: $type) -> $word { raw as $word ^ $flip }
            #[inline(always)]
            fn raw(word: $word) -> $type { (word ^ $flip) as $type }
        }
    )*};
}
integers! {
    u8 u8: 0; u16 u16: 0; u32 u32: 0; u64 u64: 0;
    i8 u8: 1 << 7; i16 u16: 1 << 15; i32 u32: 1 << 31; i64 u64: 1 << 63;
}

impl Ordered for bool {
    type Raw = u8;
    type Word = u8;
    const LAST: u8 = u8::MAX;
    #[inline(always)]
    fn word(raw: u8) -> u8 {
        u8::from(raw != 0)
    }
    #[inline(always)]
    fn raw(word: u8) -> u8 {
        word
    }
}

macro_rules! floats {
    ($($type:ident $word:ident $signed:ident;)*) => {$(
        impl Ordered for $type {
            type Raw = $type;
            type Word = $word;
            const LAST: $word =
                ($type::INFINITY.to_bits() | SIGN!($word)).wrapping_sub(!$type::NEG_INFINITY.to_bits());
            #[inline(always)]
            fn word(raw: $type) -> $word {
                let bits = raw.to_bits();
                // Negative numbers stand the other way round.
                let flip = (bits as $signed >> ($word::BITS - 1)) as $word | SIGN!($word);
                // So that −∞ is 0: negative NaNs wrap around to the end.
                (bits ^ flip).wrapping_sub(!$type::NEG_INFINITY.to_bits())
            }
            #[inline(always)]
            fn raw(word: $word) -> $type {
                let bits = word.wrapping_add(!$type::NEG_INFINITY.to_bits());
                let flip = !((bits as $signed >> ($word::BITS - 1)) as $word) | SIGN!($word);
                $type::from_bits(bits ^ flip)
            }
            #[inline(always)]
            fn same(word: $word) -> $word {
                let sign: $word = SIGN!($word);
                let zero = sign.wrapping_sub(!$type::NEG_INFINITY.to_bits());
                if word > Self::LAST {
                    Self::word($type::NAN)
                } else if word == zero - 1 {
                    zero
                } else {
                    word
                }
            }
        }
    )*};
}
macro_rules! SIGN {
    ($word:ident) => {
        (1 << ($word::BITS - 1))
    };
}
floats! { f16 u16 i16; bf16 u16 i16; f32 u32 i32; f64 u64 i64; }

/// Lexicographic; NaNs stand last in NumPy's order: `R + NaN j`, `NaN + R j`, `NaN + NaN j`. Zeros lose
/// their sign and NaNs their bits.
macro_rules! complex {
    ($($part:ident $half:ident $word:ident;)*) => {$(
        impl Ordered for Complex<$part> {
            type Raw = Complex<$part>;
            type Word = $word;
            const LAST: $word =
                ((<$part as Ordered>::LAST as $word) << $half::BITS) | <$part as Ordered>::LAST as $word;
            #[inline(always)]
            fn word(raw: Self) -> $word {
                let part = |part: $part| <$part as Ordered>::same(<$part as Ordered>::word(part));
                let last = <$part as Ordered>::LAST;
                let (re, im) = match (raw.re.is_nan(), raw.im.is_nan()) {
                    (false, false) => (part(raw.re), part(raw.im)),
                    (false, true) => (last + 1, part(raw.re)),
                    (true, false) => (last + 2, part(raw.im)),
                    (true, true) => (last + 3, 0),
                };
                (re as $word) << $half::BITS | im as $word
            }
            #[inline(always)]
            fn raw(word: $word) -> Self {
                let (re, im) = ((word >> $half::BITS) as $half, word as $half);
                let part = <$part as Ordered>::raw;
                match re.wrapping_sub(<$part as Ordered>::LAST) {
                    1 => Complex::new(part(im), $part::NAN),
                    2 => Complex::new($part::NAN, part(im)),
                    3 => Complex::new($part::NAN, $part::NAN),
                    _ => Complex::new(part(re), part(im)),
                }
            }
            #[inline(always)]
            fn rank(word: $word) -> $word { word }
            #[inline(always)]
            fn same(word: $word) -> $word {
                if word > Self::LAST {
                    Self::word(Complex::new($part::NAN, $part::NAN))
                } else {
                    word
                }
            }
        }
    )*};
}
complex! { f32 u32 u64; f64 u64 u128; }

/// From elements to words and back, for one dtype.
#[derive(Clone, Copy)]
pub(super) struct Codec<W> {
    pub(super) scalar: Scalar,
    /// The last word that is not a NaN's.
    pub(super) last: W,
    pub(super) words: fn(&[u8], &mut [W]),
    /// Words that are equal where elements are.
    pub(super) equal: fn(&[u8], &mut [W]),
    /// Words that are equal where elements may come in any order.
    pub(super) ranks: fn(&[u8], &mut [W]),
    pub(super) elements: fn(&[W], &mut [u8]),
}

impl<W: Word> Codec<W> {
    fn of<T: Ordered<Word = W>>(scalar: Scalar) -> Codec<W> {
        Codec {
            scalar,
            last: T::LAST,
            words: |bytes, words| {
                for (word, &raw) in words.iter_mut().zip(cast_slice::<u8, T::Raw>(bytes)) {
                    *word = T::word(raw);
                }
            },
            equal: |bytes, words| {
                for (word, &raw) in words.iter_mut().zip(cast_slice::<u8, T::Raw>(bytes)) {
                    *word = T::same(T::word(raw));
                }
            },
            ranks: |bytes, words| {
                for (word, &raw) in words.iter_mut().zip(cast_slice::<u8, T::Raw>(bytes)) {
                    *word = T::rank(T::word(raw));
                }
            },
            elements: |words, bytes| {
                for (raw, &word) in cast_slice_mut::<u8, T::Raw>(bytes).iter_mut().zip(words) {
                    *raw = T::raw(word);
                }
            },
        }
    }

    /// Bytes of one element.
    pub(super) fn item(&self) -> usize {
        self.scalar.size()
    }
}

/// What is done once the width of a dtype's words is known.
pub(super) trait Work {
    type Answer;
    fn with<W: Word>(self, codec: &Codec<W>) -> Result<Self::Answer>;
}

/// Does the work with the words of a dtype.
pub(super) fn with_words<T: Work>(scalar: Scalar, work: T) -> Result<T::Answer> {
    macro_rules! rows {
        ($($scalar:ident $type:ty,)*) => {
            match scalar {
                $(Scalar::$scalar => work.with(&Codec::of::<$type>(scalar)),)*
                Scalar::F8E4M3 | Scalar::F8E5M2 => {
                    // The tree has casts before this.
                    let dtypes = scalar.name().to_owned();
                    Err(Error::new(Problem::NoLoop { operation: "sort", dtypes }))
                }
            }
        };
    }
    rows! {
        Bool bool, I8 i8, U8 u8, I16 i16, U16 u16, I32 i32, U32 u32, I64 i64, U64 u64,
        F16 f16, BF16 bf16, F32 f32, F64 f64, C64 Complex<f32>, C128 Complex<f64>,
    }
}

/// Words to work with.
///
/// # Errors
/// `Io` if there is no memory left.
pub(super) fn room<W: Word>(count: usize) -> Result<Vec<W>> {
    let mut words = vec![];
    words.try_reserve_exact(count).map_err(|_| {
        let bytes = (count as u64).saturating_mul(size_of::<W>() as u64);
        Error::new(Problem::OutOfMemory { bytes })
    })?;
    words.resize(count, W::zeroed());
    Ok(words)
}

/// Bytes that are converted at a time; they stay in the nearest cache.
pub(super) const PIECE: usize = 8192;

/// Calls `convert` for pieces of `words` with as many bytes, 16-byte aligned.
pub(super) fn by_pieces<W: Word>(
    words: &mut [W],
    item: usize,
    mut convert: impl FnMut(usize, &mut [W], &mut [u8]) -> Result<()>,
) -> Result<()> {
    let mut piece = [0_u128; PIECE / 16];
    let piece: &mut [u8] = cast_slice_mut(&mut piece);
    let count = PIECE / item;
    for (i, part) in words.chunks_mut(count).enumerate() {
        let bytes = &mut piece[..part.len() * item];
        convert(i * count, part, bytes)?;
    }
    Ok(())
}

/// Elements in the order of a walk.
pub(super) struct Input<'s> {
    pub(super) source: &'s Source,
    pub(super) walk: Walk,
    /// Whether memory is let go behind the computation.
    pub(super) release: bool,
}

impl Input<'_> {
    /// Words of the elements from position `start` on, by `convert`, one of a codec's.
    pub(super) fn load<W: Word>(
        &self,
        convert: impl Fn(&[u8], &mut [W]),
        start: usize,
        words: &mut [W],
    ) -> Result<()> {
        let item = self.source.layout().item_size();
        by_pieces(words, item, |first, words, bytes| {
            self.source.load(&self.walk, start + first, bytes)?;
            convert(bytes, words);
            Ok(())
        })
    }

    /// Says that a range of elements has been read.
    pub(super) fn passed(&self, start: usize, count: usize) {
        if self.release {
            self.source.release(&self.walk, start..start + count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_as_numbers_do_and_lead_back() {
        let numbers = [
            f64::NEG_INFINITY,
            -2.0,
            -f64::MIN_POSITIVE,
            -0.0,
            0.0,
            1e-300,
            3.0,
            f64::INFINITY,
            f64::NAN,
        ];
        let words = numbers.map(<f64 as Ordered>::word);
        assert!(words.is_sorted_by(|a, b| a < b), "{words:x?}");
        assert_eq!(words[0], 0);
        assert_eq!(words[7], <f64 as Ordered>::LAST);
        assert!(<f64 as Ordered>::word(-f64::NAN) > words[7]);
        for (number, word) in numbers.iter().zip(words) {
            assert_eq!(<f64 as Ordered>::raw(word).to_bits(), number.to_bits());
        }
        assert_eq!(<f64 as Ordered>::same(words[3]), words[4]);
        assert_eq!(
            [i8::MIN, -1, 0, 5].map(<i8 as Ordered>::word),
            [0, 127, 128, 133]
        );
        let halves = [-1.0, -0.0, 0.0, 2.0].map(|a: f64| <f16 as Ordered>::word(f16::from_f64(a)));
        assert!(halves.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn complex_nans_stand_as_numpy_sorts_them() {
        let nan = f32::NAN;
        let numbers = [
            (1.0, 5.0),
            (7.0, -1.0),
            (2.0, nan),
            (9.0, nan),
            (nan, 3.0),
            (nan, nan),
        ];
        let word = |(re, im)| <Complex<f32> as Ordered>::word(Complex::new(re, im));
        let words = numbers.map(word);
        assert!(words.is_sorted_by(|a, b| a < b), "{words:x?}");
        assert!(words[1] <= <Complex<f32> as Ordered>::LAST && words[2] > words[1]);
        for (number, word) in numbers.iter().zip(words) {
            let back = <Complex<f32> as Ordered>::raw(word);
            assert_eq!(format!("{number:?}"), format!("{:?}", (back.re, back.im)));
        }
        assert!(word((-0.0, 5.0)) > word((0.0, 3.0)));
    }
}
