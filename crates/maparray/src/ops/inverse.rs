//! What are the inverse trigonometric and hyperbolic functions of a complex number?
//!
//! After Hull, Fairgrieve and Tang, "Implementing the complex arcsine and arccosine functions using
//! exception handling" (1997), and Kahan for the tangent, with C99's answers at the edges.
//!
//! Knows: numbers. Must not know: arrays, dtypes.

use std::f64::consts::{FRAC_PI_2, LN_2};

use super::elementary::{C, log};
use super::float::wide_arctanh;

/// Beyond this, 1 vanishes beside a number.
const LARGE: f64 = 1.0 / f64::EPSILON;

/// Below this, a number's cube vanishes beside it.
const SMALL: f64 = 9e-9;

/// The inverse sine's two parts for x, y ≥ 0: the hyperbolic one, and the tangent of the angle as a
/// fraction (or its sine alone).
struct Parts {
    size: f64,
    angle: Angle,
}

enum Angle {
    Sine(f64),
    Tangent { opposite: f64, adjacent: f64 },
}

/// (hypot(a, b) − b) / 2 without cancellation, given the hypotenuse.
fn half_excess(a: f64, b: f64, hypotenuse: f64) -> f64 {
    if b < 0.0 {
        (hypotenuse - b) / 2.0
    } else if b == 0.0 {
        a / 2.0
    } else {
        a * a / (hypotenuse + b) / 2.0
    }
}

fn parts(x: f64, y: f64) -> Parts {
    let far = x.hypot(y + 1.0);
    let near = x.hypot(y - 1.0);
    let mean = ((far + near) / 2.0).max(1.0);
    let off_line = x >= f64::EPSILON * (y - 1.0).abs();

    let size = if mean >= 10.0 {
        (mean + (mean * mean - 1.0).sqrt()).ln()
    } else if y == 1.0 && x < f64::EPSILON * f64::EPSILON / 128.0 {
        x.sqrt()
    } else if off_line {
        let excess = half_excess(x, 1.0 + y, far) + half_excess(x, 1.0 - y, near);
        (excess + (excess * (mean + 1.0)).sqrt()).ln_1p()
    } else if y < 1.0 {
        x / ((1.0 - y) * (1.0 + y)).sqrt()
    } else {
        ((y - 1.0) + ((y - 1.0) * (y + 1.0)).sqrt()).ln_1p()
    };

    const TINY: f64 = 5.966_672_584_960_166e-154; // 4 √(least normal number)
    let up = 2.0 / f64::EPSILON;
    let angle = if y < TINY {
        Angle::Tangent {
            opposite: y * up,
            adjacent: mean * up,
        }
    } else if y / mean <= 0.6417 {
        Angle::Sine(y / mean)
    } else if y == 1.0 && x < f64::EPSILON / 128.0 {
        Angle::Tangent {
            opposite: y,
            adjacent: x.sqrt() * ((mean + y) / 2.0).sqrt(),
        }
    } else if off_line {
        let excess = half_excess(x, y + 1.0, far) + half_excess(x, y - 1.0, near);
        Angle::Tangent {
            opposite: y,
            adjacent: (excess * (mean + y)).sqrt(),
        }
    } else if y > 1.0 {
        let up = up * up;
        Angle::Tangent {
            opposite: y * up,
            adjacent: x * up * y / ((y + 1.0) * (y - 1.0)).sqrt(),
        }
    } else {
        Angle::Tangent {
            opposite: y,
            adjacent: ((1.0 - y) * (1.0 + y)).sqrt(),
        }
    };
    Parts { size, angle }
}

pub(super) fn arcsinh(z: C) -> C {
    let C { re: x, im: y } = z;
    if x.is_nan() || y.is_nan() {
        return if x.is_infinite() {
            C::new(x, f64::NAN)
        } else if y.is_infinite() {
            C::new(f64::INFINITY, f64::NAN)
        } else if y == 0.0 {
            C::new(f64::NAN, y)
        } else {
            C::new(f64::NAN, f64::NAN)
        };
    }
    let (width, height) = (x.abs(), y.abs());
    if width > LARGE || height > LARGE {
        let w = log(C::new(width, height));
        return C::new((w.re + LN_2).copysign(x), w.im.copysign(y));
    }
    if width < SMALL && height < SMALL {
        return z;
    }
    let Parts { size, angle } = parts(width, height);
    let angle = match angle {
        Angle::Sine(sine) => sine.asin(),
        Angle::Tangent { opposite, adjacent } => opposite.atan2(adjacent),
    };
    C::new(size.copysign(x), angle.copysign(y))
}

pub(super) fn arcsin(z: C) -> C {
    let w = arcsinh(C::new(z.im, z.re));
    C::new(w.im, w.re)
}

pub(super) fn arccos(z: C) -> C {
    let C { re: x, im: y } = z;
    if x.is_nan() || y.is_nan() {
        return if x.is_infinite() {
            C::new(f64::NAN, f64::NEG_INFINITY)
        } else if y.is_infinite() {
            C::new(f64::NAN, -y)
        } else if x == 0.0 {
            C::new(FRAC_PI_2, f64::NAN)
        } else {
            C::new(f64::NAN, f64::NAN)
        };
    }
    let (width, height) = (x.abs(), y.abs());
    let down = |size: f64| if y.is_sign_negative() { size } else { -size };
    if width > LARGE || height > LARGE {
        let w = log(C::new(x, height));
        return C::new(w.im.abs(), down(w.re + LN_2));
    }
    if x == 1.0 && y == 0.0 {
        return C::new(0.0, -y);
    }
    if width < SMALL && height < SMALL {
        return C::new(FRAC_PI_2 - x, -y);
    }
    let Parts { size, angle } = parts(height, width);
    let angle = match angle {
        Angle::Sine(sine) => sine.copysign(x).acos(),
        Angle::Tangent { opposite, adjacent } => adjacent.atan2(opposite.copysign(x)),
    };
    C::new(angle, down(size))
}

pub(super) fn arccosh(z: C) -> C {
    if z.re == 0.0 && z.im.is_nan() {
        return C::new(f64::NAN, FRAC_PI_2);
    }
    let w = arccos(z);
    if w.re.is_nan() && w.im.is_nan() {
        C::new(w.im, w.re)
    } else if w.re.is_nan() {
        C::new(w.im.abs(), w.re)
    } else if w.im.is_nan() {
        C::new(w.im, w.im)
    } else {
        C::new(w.im.abs(), w.re.copysign(z.im))
    }
}

pub(super) fn arctanh(z: C) -> C {
    let C { re: x, im: y } = z;
    let (width, height) = (x.abs(), y.abs());
    if y == 0.0 && width <= 1.0 {
        return C::new(wide_arctanh(x), y);
    }
    if x == 0.0 {
        return C::new(x, y.atan());
    }
    if x.is_nan() || y.is_nan() {
        return if x.is_infinite() {
            C::new(0.0_f64.copysign(x), f64::NAN)
        } else if y.is_infinite() {
            C::new(0.0_f64.copysign(x), FRAC_PI_2.copysign(y))
        } else {
            C::new(f64::NAN, f64::NAN)
        };
    }
    if width > LARGE || height > LARGE {
        return C::new(real_of_reciprocal(x, y), FRAC_PI_2.copysign(y));
    }
    if width < SMALL && height < SMALL {
        return z;
    }
    let below = width - 1.0;
    let re = if width == 1.0 && height < f64::EPSILON {
        (LN_2 - height.ln()) / 2.0
    } else {
        let square = if height < f64::MIN_POSITIVE {
            0.0
        } else {
            height * height
        };
        (4.0 * width / (below * below + square)).ln_1p() / 4.0
    };
    let adjacent = (1.0 - width) * (1.0 + width);
    let im = if width == 1.0 {
        2.0_f64.atan2(-height) / 2.0
    } else if height < f64::EPSILON {
        (2.0 * height).atan2(adjacent) / 2.0
    } else {
        (2.0 * height).atan2(adjacent - height * height) / 2.0
    };
    C::new(re.copysign(x), im.copysign(y))
}

/// x / (x² + y²), where the squares may overflow.
fn real_of_reciprocal(x: f64, y: f64) -> f64 {
    if x.is_infinite() || y.is_infinite() {
        return 0.0_f64.copysign(x);
    }
    let ratio = y / x;
    1.0 / (x * (1.0 + ratio * ratio))
}

pub(super) fn arctan(z: C) -> C {
    let w = arctanh(C::new(z.im, z.re));
    C::new(w.im, w.re)
}
