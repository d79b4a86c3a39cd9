//! What is the integer below, above, towards zero, nearest?
//!
//! By adding a number so large that the sum has no room for a fraction: one instruction where a call
//! would be, on machines whose instruction set has no rounding.
//!
//! Knows: numbers. Must not know: strips, dtypes.

use super::parts::pick;

macro_rules! rounding {
    ($($type:ty: $large:literal, $floor:ident $ceil:ident $trunc:ident $rint:ident;)*) => {$(
        /// The nearest integer to a size, ties to even.
        #[inline(always)]
        pub(super) fn $rint(x: $type) -> $type {
            let size = x.abs();
            let rounded = pick(size < $large, (size + $large) - $large, size);
            rounded.copysign(x)
        }

        #[inline(always)]
        pub(super) fn $floor(x: $type) -> $type {
            let near = $rint(x);
            pick(near > x, near - 1.0, near)
        }

        #[inline(always)]
        pub(super) fn $ceil(x: $type) -> $type {
            let near = $rint(x);
            pick(near < x, near + 1.0, near).copysign(x)
        }

        #[inline(always)]
        pub(super) fn $trunc(x: $type) -> $type {
            let near = $rint(x.abs());
            pick(near > x.abs(), near - 1.0, near).copysign(x)
        }
    )*};
}
rounding! {
    f64: 4_503_599_627_370_496.0, floor ceil trunc rint;
    f32: 8_388_608.0, floor_single ceil_single trunc_single rint_single;
}
