//! What are the elementary functions of a complex number?
//!
//! C99's answers (annex G) at infinities, NaN and signed zeros, as NumPy has them from the C
//! library; the methods are those of FreeBSD's msun. `complex64` is computed here too and rounded.
//!
//! Knows: numbers. Must not know: arrays, dtypes.

use std::f64::consts::{LN_2, LOG2_E, LOG10_E, PI};

use num_complex::Complex;

use super::complex::divide;

pub(super) type C = Complex<f64>;

/// The logarithm of the largest power of two that is finite.
const LARGE_EXPONENT: f64 = 709.0;

/// exp(x) (cos y + i sin y), for finite y, although exp(x) alone may overflow.
fn exp_polar(x: f64, cosine: f64, sine: f64) -> C {
    let (mut x, mut cosine, mut sine) = (x, cosine, sine);
    let step = LARGE_EXPONENT.exp();
    for _ in 0..2 {
        if x > LARGE_EXPONENT {
            (x, cosine, sine) = (x - LARGE_EXPONENT, cosine * step, sine * step);
        }
    }
    let size = x.exp();
    C::new(size * cosine, size * sine)
}

pub(super) fn exp(z: C) -> C {
    let C { re: x, im: y } = z;
    if y == 0.0 {
        return C::new(x.exp(), y);
    }
    if y.is_finite() {
        let (sine, cosine) = y.sin_cos();
        return match x {
            f64::INFINITY => C::new(x * cosine, x * sine),
            f64::NEG_INFINITY => C::new(0.0_f64.copysign(cosine), 0.0_f64.copysign(sine)),
            _ => exp_polar(x, cosine, sine),
        };
    }
    match x {
        f64::INFINITY => C::new(x, f64::NAN),
        f64::NEG_INFINITY => C::new(0.0, 0.0_f64.copysign(y)),
        _ => C::new(f64::NAN, f64::NAN),
    }
}

pub(super) fn exp2(z: C) -> C {
    exp(C::new(z.re * LN_2, z.im * LN_2))
}

pub(super) fn expm1(z: C) -> C {
    let half = (z.im / 2.0).sin();
    C::new(
        z.re.exp_m1() * z.im.cos() - 2.0 * half * half,
        z.re.exp() * z.im.sin(),
    )
}

/// log |z|, accurate where |z| is near 1 and where its square would leave the range.
fn log_size(z: C) -> f64 {
    let (x, y) = (z.re.abs(), z.im.abs());
    let (large, small) = if x < y { (y, x) } else { (x, y) };
    let size = x.hypot(y);
    if !(0.5..=2.0).contains(&size) || !small.is_finite() {
        return if size.is_infinite() && large.is_finite() {
            (large / 2.0).hypot(small / 2.0).ln() + LN_2
        } else if size < 1e-300 {
            const UP: f64 = (1_u64 << 54) as f64;
            (large * UP).hypot(small * UP).ln() - 54.0 * LN_2
        } else {
            size.ln()
        };
    }
    // large² + small² − 1, each square exact as a sum of two numbers.
    let (a, a_rest) = exact_square(large);
    let (b, b_rest) = exact_square(small);
    let sum = a + b;
    let sum_rest = (a - sum) + b;
    (((sum - 1.0) + sum_rest) + a_rest + b_rest).ln_1p() / 2.0
}

/// The square, rounded, and what the rounding cut off.
fn exact_square(a: f64) -> (f64, f64) {
    let square = a * a;
    (square, a.mul_add(a, -square))
}

pub(super) fn log(z: C) -> C {
    C::new(log_size(z), z.im.atan2(z.re))
}

pub(super) fn log2(z: C) -> C {
    log(z) * LOG2_E
}

pub(super) fn log10(z: C) -> C {
    log(z) * LOG10_E
}

pub(super) fn log1p(z: C) -> C {
    C::new((z.re + 1.0).hypot(z.im).ln(), z.im.atan2(z.re + 1.0))
}

pub(super) fn sqrt(z: C) -> C {
    let C { re: x, im: y } = z;
    if x == 0.0 && y == 0.0 {
        return C::new(0.0, y);
    }
    if y.is_infinite() {
        return C::new(f64::INFINITY, y);
    }
    if x.is_nan() {
        return C::new(x, x);
    }
    if x.is_infinite() {
        // Of a finite number the vanishing part, of NaN itself.
        let rest = if y.is_nan() { y } else { 0.0 };
        return if x < 0.0 {
            C::new(rest, x.abs().copysign(y))
        } else {
            C::new(x, rest.copysign(y))
        };
    }
    const LARGE: f64 = f64::MAX / 4.0;
    const SMALL: f64 = f64::MIN_POSITIVE * (1_u64 << 54) as f64;
    const UP: f64 = (1_u64 << 54) as f64;
    let (scale, back) = if x.abs() >= LARGE || y.abs() >= LARGE {
        (0.25, 2.0)
    } else if x.abs() < SMALL && y.abs() < SMALL {
        (UP, 1.0 / (1_u64 << 27) as f64)
    } else {
        (1.0, 1.0)
    };
    let (x, y) = (x * scale, y * scale);
    let size = ((x.abs() + x.hypot(y)) * 0.5).sqrt();
    if x >= 0.0 {
        C::new(size * back, y / (2.0 * size) * back)
    } else {
        C::new(y.abs() / (2.0 * size) * back, (size * back).copysign(y))
    }
}

pub(super) fn sinh(z: C) -> C {
    let C { re: x, im: y } = z;
    if y == 0.0 {
        return C::new(x.sinh(), y);
    }
    if !y.is_finite() {
        let re = match x {
            0.0 => x,
            _ if x.is_infinite() => f64::INFINITY,
            _ => f64::NAN,
        };
        return C::new(re, f64::NAN);
    }
    let (sine, cosine) = y.sin_cos();
    if x.abs() < 22.0 || !x.is_finite() {
        C::new(x.sinh() * cosine, x.cosh() * sine)
    } else {
        exp_polar(x.abs(), (cosine * 0.5).copysign(x * cosine), sine * 0.5)
    }
}

pub(super) fn cosh(z: C) -> C {
    let C { re: x, im: y } = z;
    if y == 0.0 {
        return C::new(
            x.cosh(),
            if x.is_nan() {
                y
            } else {
                y * 1.0_f64.copysign(x)
            },
        );
    }
    if !y.is_finite() {
        let re = if x.is_infinite() {
            f64::INFINITY
        } else {
            f64::NAN
        };
        return C::new(re, if x == 0.0 { 0.0 } else { f64::NAN });
    }
    let (sine, cosine) = y.sin_cos();
    if x.abs() < 22.0 || !x.is_finite() {
        C::new(x.cosh() * cosine, x.sinh() * sine)
    } else {
        exp_polar(x.abs(), cosine * 0.5, (sine * 0.5).copysign(x * sine))
    }
}

pub(super) fn tanh(z: C) -> C {
    let C { re: x, im: y } = z;
    if x.is_nan() {
        return C::new(x, if y == 0.0 { y } else { x });
    }
    if x.is_infinite() {
        let slope = if y.is_finite() { y.sin() * y.cos() } else { y };
        return C::new(1.0_f64.copysign(x), 0.0_f64.copysign(slope));
    }
    if !y.is_finite() {
        return C::new(if x == 0.0 { x } else { f64::NAN }, f64::NAN);
    }
    if x.abs() >= 22.0 {
        let small = (-x.abs()).exp();
        return C::new(1.0_f64.copysign(x), 4.0 * y.sin() * y.cos() * small * small);
    }
    // Kahan's method.
    let tangent = y.tan();
    let slope = 1.0 + tangent * tangent;
    let sine = x.sinh();
    let cosine = (1.0 + sine * sine).sqrt();
    if tangent.is_infinite() {
        return C::new(cosine / sine, 1.0 / tangent);
    }
    let size = 1.0 + slope * sine * sine;
    C::new(slope * cosine * sine / size, tangent / size)
}

/// i z.
fn turned(z: C) -> C {
    C::new(-z.im, z.re)
}

/// −i z.
fn turned_back(z: C) -> C {
    C::new(z.im, -z.re)
}

pub(super) fn sin(z: C) -> C {
    turned(sinh(turned_back(z)))
}

pub(super) fn cos(z: C) -> C {
    cosh(turned(z))
}

pub(super) fn tan(z: C) -> C {
    turned_back(tanh(turned(z)))
}

/// Small integer exponents by multiplication, others through the logarithm. Source: NumPy, `npy_cpow`.
pub(super) fn power(a: C, b: C) -> C {
    let zero = C::new(0.0, 0.0);
    if b == zero {
        return C::new(1.0, 0.0);
    }
    if a == zero {
        return if b.re > 0.0 {
            zero
        } else {
            C::new(f64::NAN, f64::NAN)
        };
    }
    if b.im == 0.0 && b.re.abs() < 100.0 && b.re.fract() == 0.0 {
        return whole_power(a, b.re as i32);
    }
    exp(product(b, log(a)))
}

/// By squaring. As in NumPy, only small positive exponents do without the factor 1, which makes NaN
/// of an infinity.
fn whole_power(base: C, exponent: i32) -> C {
    match exponent {
        1 => return base,
        2 => return base * base,
        3 => return base * (base * base),
        _ => {}
    }
    let one = C::new(1.0, 0.0);
    let (mut result, mut square, mut rest) = (one, base, exponent.unsigned_abs());
    loop {
        if rest & 1 == 1 {
            result *= square;
        }
        rest >>= 1;
        if rest == 0 {
            return if exponent < 0 {
                divide(one, result)
            } else {
                result
            };
        }
        square = square * square;
    }
}

/// The product as C99 has it: infinite if a factor is, even where the plain formula gives NaN.
fn product(a: C, b: C) -> C {
    let plain = a * b;
    let infinite = |z: C| z.re.is_infinite() || z.im.is_infinite();
    if !(plain.re.is_nan() && plain.im.is_nan()) || !(infinite(a) || infinite(b)) {
        return plain;
    }
    let corner = |z: C| {
        let part = |x: f64| {
            let kept = if infinite(z) {
                f64::from(x.is_infinite())
            } else {
                x
            };
            if kept.is_nan() {
                0.0_f64.copysign(x)
            } else {
                kept.copysign(x)
            }
        };
        C::new(part(z.re), part(z.im))
    };
    let (a, b) = (corner(a), corner(b));
    C::new(
        f64::INFINITY * (a.re * b.re - a.im * b.im),
        f64::INFINITY * (a.re * b.im + a.im * b.re),
    )
}

/// As that of a real number.
pub(super) fn sinc(a: C) -> C {
    // Multiplied as complex numbers, as NumPy does: so zeros get their signs.
    let angle = a * C::new(PI, 0.0);
    if angle == C::new(0.0, 0.0) {
        C::new(1.0, 0.0)
    } else {
        divide(sin(angle), angle)
    }
}
