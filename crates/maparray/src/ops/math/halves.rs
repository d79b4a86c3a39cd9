//! What is a number of half precision, in single precision and back?
//!
//! With shifts and one multiplication or sum, which do the rounding: many at a time on machines that
//! have no instruction for it, and the same on all of them.
//!
//! Knows: bits of numbers. Must not know: strips, dtypes.

use super::parts::pick;

/// The bits of infinity in either format.
const INFINITE: u32 = 0x7F80_0000;
const INFINITE_HALF: u32 = 0x7C00;

/// The number of these bits, exactly.
#[inline(always)]
pub(in super::super) fn to_single(half: u16) -> f32 {
    let half = u32::from(half);
    let size = half & 0x7FFF;
    // The exponent is too small by the difference of the biases, 112; this holds for subnormals too.
    const SCALE: f32 = (1_u128 << 112) as f32;
    let scaled = (f32::from_bits(size << 13) * SCALE).to_bits();
    let bits = pick(size >= INFINITE_HALF, INFINITE | (size << 13), scaled);
    f32::from_bits(bits | ((half & 0x8000) << 16))
}

/// The bits of the nearest half, ties to even.
#[inline(always)]
pub(in super::super) fn from_single(single: f32) -> u16 {
    let bits = single.to_bits();
    let size = bits & 0x7FFF_FFFF;
    // A subnormal half: adding 1/2 leaves room for its last bit, and no more.
    let small = (f32::from_bits(size) + 0.5)
        .to_bits()
        .wrapping_sub(0.5_f32.to_bits());
    // A normal one: rounded by adding a little less than half of its last bit, or just half of it.
    let odd = (size >> 13) & 1;
    let normal = size.wrapping_add(0x0FFF + odd).wrapping_sub(112 << 23) >> 13;
    let finite = pick(size < 0x3880_0000, small, normal);
    let finite = pick(size >= 0x477F_F000, INFINITE_HALF, finite);
    // NaN keeps what it holds, and is quiet.
    let nan = INFINITE_HALF | 0x0200 | ((size >> 13) & 0x03FF);
    let half = pick(size > INFINITE, nan, finite);
    (half | ((bits >> 16) & 0x8000)) as u16
}
