//! What are the elementary functions of a real number, many at a time?
//!
//! Pure functions without branches or calls, so that a loop over one of them becomes vector
//! instructions; at most 2 units in the last place off, NumPy's answers at the edges, the same bits on
//! every instruction set. [`Math`] gives them NumPy's names.
//!
//! Knows: numbers. Must not know: strips, dtypes, operations.

mod arc;
mod circle;
mod division;
mod exponential;
pub(super) mod halves;
mod hyperbolic;
mod logarithm;
mod parts;
mod power;
mod reduction;
mod rounding;

macro_rules! functions {
    ($($name:ident($($operand:ident)*) $double:path, $single:path;)*) => {
        /// The elementary functions by NumPy's names.
        pub(super) trait Math: Copy {
            $(fn $name($($operand: Self),*) -> Self;)*

            /// Whether an angle is finite, but too large for sine, cosine and tangent without `_far`.
            fn is_far(self) -> bool;

            /// Whether a quotient is too large for a whole quotient and its remainder.
            fn is_far_quotient(a: Self, b: Self) -> bool;
        }

        impl Math for f64 {
            #[inline(always)]
            fn is_far(self) -> bool {
                reduction::is_far(self)
            }

            #[inline(always)]
            fn is_far_quotient(a: f64, b: f64) -> bool {
                division::is_far(a, b)
            }

            $(#[inline(always)]
            fn $name($($operand: f64),*) -> f64 {
                $double($($operand),*)
            })*
        }

        impl Math for f32 {
            #[inline(always)]
            fn is_far(self) -> bool {
                reduction::is_far_single(self)
            }

            #[inline(always)]
            fn is_far_quotient(a: f32, b: f32) -> bool {
                division::is_far_single(a, b)
            }

            $(#[inline(always)]
            fn $name($($operand: f32),*) -> f32 {
                $single($($operand),*)
            })*
        }
    };
}

functions! {
    exp(a) exponential::exp, exponential::exp_single;
    exp2(a) exponential::exp2, exponential::exp2_single;
    expm1(a) exponential::expm1, exponential::expm1_single;
    logaddexp(a b) exponential::logaddexp, exponential::logaddexp_single;
    logaddexp2(a b) exponential::logaddexp2, exponential::logaddexp2_single;
    log(a) logarithm::log, logarithm::log_single;
    log2(a) logarithm::log2, logarithm::log2_single;
    log10(a) logarithm::log10, logarithm::log10_single;
    log1p(a) logarithm::log1p, logarithm::log1p_single;
    sin(a) circle::sin, circle::sin_single;
    cos(a) circle::cos, circle::cos_single;
    tan(a) circle::tan, circle::tan_single;
    sin_far(a) circle::sin_far, circle::sin_far_single;
    cos_far(a) circle::cos_far, circle::cos_far_single;
    tan_far(a) circle::tan_far, circle::tan_far_single;
    arcsin(a) arc::arcsin, arc::arcsin_single;
    arccos(a) arc::arccos, arc::arccos_single;
    arctan(a) arc::arctan, arc::arctan_single;
    arctan2(a b) arc::arctan2, arc::arctan2_single;
    sinh(a) hyperbolic::sinh, hyperbolic::sinh_single;
    cosh(a) hyperbolic::cosh, hyperbolic::cosh_single;
    tanh(a) hyperbolic::tanh, hyperbolic::tanh_single;
    arcsinh(a) hyperbolic::arcsinh, hyperbolic::arcsinh_single;
    arccosh(a) hyperbolic::arccosh, hyperbolic::arccosh_single;
    arctanh(a) hyperbolic::arctanh, hyperbolic::arctanh_single;
    power(a b) power::power, power::power_single;
    cbrt(a) power::cbrt, power::cbrt_single;
    floor(a) rounding::floor, rounding::floor_single;
    ceil(a) rounding::ceil, rounding::ceil_single;
    trunc(a) rounding::trunc, rounding::trunc_single;
    rint(a) rounding::rint, rounding::rint_single;
    fmod(a b) division::fmod, division::fmod_single;
    remainder(a b) division::remainder, division::remainder_single;
    floor_divide(a b) division::floor_divide, division::floor_divide_single;
    hypot(a b) power::hypot, power::hypot_single;
}
