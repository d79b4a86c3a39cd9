//! Which operations are there?
//!
//! One row each: its name here, NumPy's name and aliases, its sign in expressions, how many operands it
//! takes, the rule for its dtypes, a scalar function per family of element types, and behind `@` those over
//! times, with the forms they serve (`Mm_M`: a moment and a duration make a moment). To add an operation,
//! add a row; the macro `operations` makes everything else of it.
//!
//! Knows: scalar functions. Must not know: arrays, shapes, how a loop runs.

use half::{bf16, f16};
use num_complex::Complex;

use super::cast::Cast;
use super::family::{RealPart, Rule};
use super::kernel::{
    Kernel, binary, binary_but, ternary, unary, unary_but, widened, widened_to_bool,
};
use super::math::Math;
use super::{complex, elementary, float, integer, inverse, parts, time};
use crate::dtype::Scalar;

operations! {
    // Arithmetic
    Add "add" as "+": 2 Same {
        bool: |a, b| a | b,
        int: |a, b| a.wrapping_add(b),
        float: |a, b| a + b,
        complex: |a, b| a + b,
        @ mm_m Mm_M mM_M: time::add,
    }
    Subtract "subtract" as "-": 2 Same {
        int: |a, b| a.wrapping_sub(b),
        float: |a, b| a - b,
        complex: |a, b| a - b,
        @ mm_m Mm_M MM_m: time::subtract,
    }
    Multiply "multiply" as "*": 2 Same {
        bool: |a, b| a & b,
        int: |a, b| a.wrapping_mul(b),
        float: |a, b| a * b,
        complex: |a, b| a * b,
        @ mq_m: time::multiply,
        @ qm_m: |a, b| time::multiply(b, a),
        @ md_m: time::multiply_float,
        @ dm_m: |a, b| time::multiply_float(b, a),
    }
    Divide "divide" | "true_divide" as "/": 2 Quotient {
        float: |a, b| a / b,
        complex: complex::divide,
        @ mq_m: time::divide,
        @ md_m: time::divide_float,
        @ mm_d: time::ratio,
    }
    FloorDivide "floor_divide" | "divmod[0]" as "//": 2 Same {
        int: integer::floor_divide,
        math_but: (Math::floor_divide, Math::is_far_quotient, float::floor_divide),
        @ mq_m: time::divide,
        @ md_m: time::divide_float,
        @ mm_q: time::count,
    }
    Remainder "remainder" | "mod" | "divmod[1]" as "%": 2 Same {
        int: integer::remainder,
        math_but: (Math::remainder, Math::is_far_quotient, float::remainder),
        @ mm_m: time::remainder,
    }
    Fmod "fmod": 2 Same {
        int: integer::fmod,
        math_but: (Math::fmod, Math::is_far_quotient, |a, b| a % b),
    }
    Power "power" | "pow" as "**": 2 Same {
        int: integer::power,
        math: Math::power,
        strict_float: |a, b| a.powf(b),
        double_complex: elementary::power,
    }
    FloatPower "float_power": 2 Same {
        double: |a, b| a.powf(b),
        wide_complex: elementary::power,
    }
    Negative "negative" as "-": 1 Same {
        int: |a| a.wrapping_neg(),
        float: |a| -a,
        complex: |a| -a,
        @ m_m: |a: i64| a.wrapping_neg(),
    }
    Positive "positive" as "+": 1 Same {
        int: |a| a,
        float: |a| a,
        complex: |a| a,
        @ m_m: |a| a,
    }
    Absolute "absolute" | "abs": 1 Real {
        bool: |a| a,
        int: integer::absolute,
        float: |a| a.abs(),
        complex: |a| a.re.hypot(a.im),
        @ m_m: |a: i64| a.wrapping_abs(),
    }
    Fabs "fabs": 1 Same {
        float: |a| a.abs(),
    }
    Sign "sign": 1 Same {
        int: integer::sign,
        float: float::sign,
        complex: complex::sign,
        @ m_m: time::sign,
    }
    Square "square": 1 Same {
        int: |a| a.wrapping_mul(a),
        float: |a| a * a,
        complex: complex::square,
    }
    Reciprocal "reciprocal": 1 Same {
        int: |a| (1.0 / a as f64).cast(),
        float: |a| 1.0 / a,
        complex: complex::reciprocal,
    }
    Sqrt "sqrt": 1 Same {
        float: |a| a.sqrt(),
        double_complex: elementary::sqrt,
    }
    Cbrt "cbrt": 1 Same {
        math: Math::cbrt,
        strict_float: |a| a.cbrt(),
    }

    // Exponentials and logarithms
    Exp "exp": 1 Same {
        math: Math::exp,
        strict_float: |a| a.exp(),
        double_complex: elementary::exp,
    }
    Exp2 "exp2": 1 Same {
        math: Math::exp2,
        strict_float: |a| a.exp2(),
        double_complex: elementary::exp2,
    }
    Expm1 "expm1": 1 Same {
        math: Math::expm1,
        strict_float: |a| a.exp_m1(),
        double_complex: elementary::expm1,
    }
    Log "log": 1 Same {
        math: Math::log,
        strict_float: |a| a.ln(),
        double_complex: elementary::log,
    }
    Log2 "log2": 1 Same {
        math: Math::log2,
        strict_float: |a| a.log2(),
        double_complex: elementary::log2,
    }
    Log10 "log10": 1 Same {
        math: Math::log10,
        strict_float: |a| a.log10(),
        double_complex: elementary::log10,
    }
    Log1p "log1p": 1 Same {
        math: Math::log1p,
        strict_float: |a| a.ln_1p(),
        double_complex: elementary::log1p,
    }
    Logaddexp "logaddexp": 2 Same {
        math: Math::logaddexp,
        strict_float: float::logaddexp,
    }
    Logaddexp2 "logaddexp2": 2 Same {
        math: Math::logaddexp2,
        strict_float: float::logaddexp2,
    }

    // Trigonometry
    Sin "sin": 1 Same {
        math_but: (Math::sin, Math::is_far, Math::sin_far),
        strict_float: |a| a.sin(),
        double_complex: elementary::sin,
    }
    Cos "cos": 1 Same {
        math_but: (Math::cos, Math::is_far, Math::cos_far),
        strict_float: |a| a.cos(),
        double_complex: elementary::cos,
    }
    Tan "tan": 1 Same {
        math_but: (Math::tan, Math::is_far, Math::tan_far),
        strict_float: |a| a.tan(),
        double_complex: elementary::tan,
    }
    Arcsin "arcsin" | "asin": 1 Same {
        math: Math::arcsin,
        strict_float: |a| a.asin(),
        double_complex: inverse::arcsin,
    }
    Arccos "arccos" | "acos": 1 Same {
        math: Math::arccos,
        strict_float: |a| a.acos(),
        double_complex: inverse::arccos,
    }
    Arctan "arctan" | "atan": 1 Same {
        math: Math::arctan,
        strict_float: |a| a.atan(),
        double_complex: inverse::arctan,
    }
    Arctan2 "arctan2" | "atan2": 2 Same {
        math: Math::arctan2,
        strict_float: |a, b| a.atan2(b),
    }
    Hypot "hypot": 2 Same {
        math: Math::hypot,
        strict_float: |a, b| a.hypot(b),
    }
    Sinh "sinh": 1 Same {
        math: Math::sinh,
        strict_float: |a| a.sinh(),
        double_complex: elementary::sinh,
    }
    Cosh "cosh": 1 Same {
        math: Math::cosh,
        strict_float: |a| a.cosh(),
        double_complex: elementary::cosh,
    }
    Tanh "tanh": 1 Same {
        math: Math::tanh,
        strict_float: |a| a.tanh(),
        double_complex: elementary::tanh,
    }
    Arcsinh "arcsinh" | "asinh": 1 Same {
        math: Math::arcsinh,
        strict_float: float::arcsinh,
        double_complex: inverse::arcsinh,
    }
    Arccosh "arccosh" | "acosh": 1 Same {
        math: Math::arccosh,
        strict_float: float::arccosh,
        double_complex: inverse::arccosh,
    }
    Arctanh "arctanh" | "atanh": 1 Same {
        math: Math::arctanh,
        strict_float: float::arctanh,
        double_complex: inverse::arctanh,
    }
    Deg2rad "deg2rad" | "radians": 1 Same {
        float: |a| a.to_radians(),
    }
    Rad2deg "rad2deg" | "degrees": 1 Same {
        float: float::degrees,
    }

    Sinc "sinc": 1 Quotient {
        float: float::sinc,
        double_complex: elementary::sinc,
    }

    // Rounding
    Floor "floor": 1 Same {
        bool: |a| a,
        int: |a| a,
        math: Math::floor,
    }
    Ceil "ceil": 1 Same {
        bool: |a| a,
        int: |a| a,
        math: Math::ceil,
    }
    Trunc "trunc" | "fix": 1 Same {
        bool: |a| a,
        int: |a| a,
        math: Math::trunc,
    }
    Rint "rint": 1 Same {
        math: Math::rint,
        complex: |a| Complex::new(a.re.round_ties_even(), a.im.round_ties_even()),
    }

    Round "round" | "around": 2 Beside {
        int: integer::round,
        every_float: parts::round,
        complex: complex::round,
    }

    // Parts of a number; `[0]` and `[1]` are the results of a function that has two
    ModfFraction "modf[0]": 1 Same {
        float: float::fraction,
    }
    ModfWhole "modf[1]": 1 Same {
        float: |a| a.trunc(),
    }
    FrexpMantissa "frexp[0]": 1 Same {
        float: parts::mantissa,
    }
    FrexpExponent "frexp[1]": 1 Exponent {
        every_float: parts::exponent,
    }
    Ldexp "ldexp": 2 Beside {
        every_float: parts::scaled,
    }
    Nextafter "nextafter": 2 Same {
        every_float: parts::next_after,
    }
    Spacing "spacing": 1 Same {
        every_float: parts::spacing,
    }
    NanToNum "nan_to_num": 1 Same {
        bool: |a| a,
        int: |a| a,
        every_float: parts::finite,
        complex: |a| Complex::new(parts::finite(a.re), parts::finite(a.im)),
    }

    // Questions about one number
    Isnan "isnan": 1 Truth {
        bool: |_| false,
        int: |_| false,
        float: |a| a.is_nan(),
        complex: complex::is_nan,
        @ m_b M_b: |a| a == time::NAT,
    }
    Isinf "isinf": 1 Truth {
        bool: |_| false,
        int: |_| false,
        float: |a| a.is_infinite(),
        complex: |a| a.re.is_infinite() | a.im.is_infinite(),
        @ m_b M_b: |_| false,
    }
    Isfinite "isfinite": 1 Truth {
        bool: |_| true,
        int: |_| true,
        float: |a| a.is_finite(),
        complex: |a| a.re.is_finite() & a.im.is_finite(),
        @ m_b M_b: |a| a != time::NAT,
    }
    Isposinf "isposinf": 1 Truth {
        bool: |_| false,
        int: |_| false,
        float: |a| a.is_infinite() & a.is_sign_positive(),
    }
    Isneginf "isneginf": 1 Truth {
        bool: |_| false,
        int: |_| false,
        float: |a| a.is_infinite() & a.is_sign_negative(),
    }
    Isreal "isreal": 1 Truth {
        bool: |_| true,
        int: |_| true,
        float: |_| true,
        complex: |a| a.im == 0.0,
    }
    Iscomplex "iscomplex": 1 Truth {
        bool: |_| false,
        int: |_| false,
        float: |_| false,
        complex: |a| a.im != 0.0,
    }
    Isnat "isnat": 1 Truth {
        @ m_b M_b: |a| a == time::NAT,
    }
    Signbit "signbit": 1 Truth {
        float: |a| a.is_sign_negative(),
    }
    Copysign "copysign": 2 Same {
        float: |a, b| a.copysign(b),
    }
    Heaviside "heaviside": 2 Same {
        float: float::heaviside,
    }

    // The greater and the less
    Maximum "maximum": 2 Same {
        bool: |a, b| a | b,
        int: |a, b| a.max(b),
        float: float::maximum,
        complex: complex::maximum,
        @ mm_m MM_M: time::maximum,
    }
    Minimum "minimum": 2 Same {
        bool: |a, b| a & b,
        int: |a, b| a.min(b),
        float: float::minimum,
        complex: complex::minimum,
        @ mm_m MM_M: time::minimum,
    }
    Fmax "fmax": 2 Same {
        bool: |a, b| a | b,
        int: |a, b| a.max(b),
        float: float::fmax,
        complex: complex::fmax,
        @ mm_m MM_M: time::fmax,
    }
    Fmin "fmin": 2 Same {
        bool: |a, b| a & b,
        int: |a, b| a.min(b),
        float: float::fmin,
        complex: complex::fmin,
        @ mm_m MM_M: time::fmin,
    }
    Clip "clip": 3 Same {
        bool: |a, low, high| (a | low) & high,
        int: |a, low, high| a.max(low).min(high),
        float: |a, low, high| float::minimum(float::maximum(a, low), high),
        complex: complex::clip,
        @ mmm_m MMM_M: time::clip,
    }

    // Comparisons
    Equal "equal" as "==": 2 Order {
        bool: |a, b| a == b,
        int: |a, b| a == b,
        float: |a, b| a == b,
        complex: |a, b| a == b,
        @ mm_b MM_b: |a, b| time::compare(a, b, a == b),
    }
    NotEqual "not_equal" as "!=": 2 Order {
        bool: |a, b| a != b,
        int: |a, b| a != b,
        float: |a, b| a != b,
        complex: |a, b| a != b,
        @ mm_b MM_b: |a, b| !time::compare(a, b, a == b),
    }
    Less "less" as "<": 2 Order {
        bool: |a, b| !a & b,
        int: |a, b| a < b,
        float: |a, b| a < b,
        complex: complex::less,
        @ mm_b MM_b: |a, b| time::compare(a, b, a < b),
    }
    LessEqual "less_equal" as "<=": 2 Order {
        bool: |a, b| !a | b,
        int: |a, b| a <= b,
        float: |a, b| a <= b,
        complex: complex::less_equal,
        @ mm_b MM_b: |a, b| time::compare(a, b, a <= b),
    }
    Greater "greater" as ">": 2 Order {
        bool: |a, b| a & !b,
        int: |a, b| a > b,
        float: |a, b| a > b,
        complex: |a, b| complex::less(b, a),
        @ mm_b MM_b: |a, b| time::compare(a, b, a > b),
    }
    GreaterEqual "greater_equal" as ">=": 2 Order {
        bool: |a, b| a | !b,
        int: |a, b| a >= b,
        float: |a, b| a >= b,
        complex: |a, b| complex::less_equal(b, a),
        @ mm_b MM_b: |a, b| time::compare(a, b, a >= b),
    }

    // Logic
    LogicalAnd "logical_and": 2 Logic {
        bool: |a, b| a & b,
        int: |a, b| (a != 0) & (b != 0),
        float: |a, b| (a != 0.0) & (b != 0.0),
        complex: |a, b| Cast::<bool>::cast(a) & Cast::<bool>::cast(b),
    }
    LogicalOr "logical_or": 2 Logic {
        bool: |a, b| a | b,
        int: |a, b| (a != 0) | (b != 0),
        float: |a, b| (a != 0.0) | (b != 0.0),
        complex: |a, b| Cast::<bool>::cast(a) | Cast::<bool>::cast(b),
    }
    LogicalXor "logical_xor": 2 Logic {
        bool: |a, b| a ^ b,
        int: |a, b| (a != 0) ^ (b != 0),
        float: |a, b| (a != 0.0) ^ (b != 0.0),
        complex: |a, b| Cast::<bool>::cast(a) ^ Cast::<bool>::cast(b),
    }
    LogicalNot "logical_not": 1 Logic {
        bool: |a| !a,
        int: |a| a == 0,
        float: |a| a == 0.0,
        complex: |a| !Cast::<bool>::cast(a),
    }

    // Bits
    BitwiseAnd "bitwise_and" as "&": 2 Same {
        bool: |a, b| a & b,
        int: |a, b| a & b,
    }
    BitwiseOr "bitwise_or" as "|": 2 Same {
        bool: |a, b| a | b,
        int: |a, b| a | b,
    }
    BitwiseXor "bitwise_xor" as "^": 2 Same {
        bool: |a, b| a ^ b,
        int: |a, b| a ^ b,
    }
    Invert "invert" | "bitwise_not" | "bitwise_invert" as "~": 1 Same {
        bool: |a| !a,
        int: |a| !a,
    }
    LeftShift "left_shift" | "bitwise_left_shift" as "<<": 2 Same {
        int: integer::left_shift,
    }
    RightShift "right_shift" | "bitwise_right_shift" as ">>": 2 Same {
        int: integer::right_shift,
    }

    BitwiseCount "bitwise_count" | "popcount": 1 Count {
        int: integer::count_bits,
    }

    // Divisors and multiples
    Gcd "gcd": 2 Same {
        int: integer::gcd,
    }
    Lcm "lcm": 2 Same {
        int: integer::lcm,
    }

    // Complex numbers
    Conjugate "conjugate" | "conj": 1 Same {
        int: |a| a,
        float: |a| a,
        complex: |a| a.conj(),
    }
    Real "real": 1 Real {
        bool: |a| a,
        int: |a| a,
        float: |a| a,
        complex: |a| a.re,
    }
    Imag "imag": 1 Real {
        bool: |_| false,
        int: |_| 0,
        float: |_| 0.0,
        complex: |a| a.im,
    }
    Angle "angle": 1 Real {
        float: float::angle,
        complex: |a| a.im.atan2(a.re),
    }

    // Choices and chance
    Where "where": 3 Choice {
        any: |condition, a, b| if condition { a } else { b },
        @ bmm_m bMM_M: |condition, a, b| if condition { a } else { b },
    }
    Random "random": 2 Draw {
        long: integer::random,
    }
}
