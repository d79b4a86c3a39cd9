//! What are the angles of a sine, a cosine, a tangent, a point?
//!
//! Near the ends of their domain, arcsine and arccosine go through the root of (1 − |x|) / 2. Tangents
//! are turned back by an angle whose tangent is a simple number, so that a short series is left.
//!
//! Knows: numbers. Must not know: strips, dtypes.

use super::parts::{Pair, exact_sum_ordered, pick, polynomial};

/// (arcsin(r) / r − 1) / r² as a function of r² ≤ 1/4, to 2⁻⁵⁷ of the arcsine.
const SINE: [f64; 13] = [
    0.16666666666666669,
    0.07499999999998425,
    0.04464285714637338,
    0.030381944137085216,
    0.022372173002005596,
    0.017352391265909227,
    0.013971235301124539,
    0.011478952690257387,
    0.010324318288744113,
    0.00545087818772055,
    0.017419357964884856,
    -0.014881409392818066,
    0.02877844261259304,
];

/// The same to 2⁻³⁰.
const SHORT_SINE: [f64; 6] = [
    0.1666666633654049,
    0.07500094761172901,
    0.04459931916287114,
    0.031101727829067168,
    0.017143716819253568,
    0.03370072632136513,
];

/// (arctan(r) / r − 1) / r² as a function of r², |r| ≤ 7/16, to 2⁻⁵⁸ of the arctangent.
const TANGENT: [f64; 12] = [
    -0.3333333333333333,
    0.19999999999999404,
    -0.14285714285565465,
    0.111111110965279,
    -0.09090908350382436,
    0.07692285419714515,
    -0.06666239748865294,
    0.05876924062763387,
    -0.05216532007308444,
    0.044916556747777434,
    -0.033114228762660534,
    0.014759380407779155,
];

/// The same to 2⁻³³, for |r| ≤ tan(π/8).
const SHORT_TANGENT: [f64; 6] = [
    -0.33333333278951577,
    0.19999977153974205,
    -0.14284145548273774,
    0.11071260444313767,
    -0.08623896669600505,
    0.05046128167603517,
];

const HALF_PI: Pair = pair(std::f64::consts::FRAC_PI_2, 6.123233995736766e-17);
const QUARTER_PI: Pair = pair(std::f64::consts::FRAC_PI_4, 3.061616997868383e-17);
const PI: Pair = pair(std::f64::consts::PI, 1.2246467991473532e-16);
/// The angle with the tangent 1/2, and with 3/2.
const OF_HALF: Pair = pair(0.4636476090008061, 2.2698777452961687e-17);
const OF_THREE_HALVES: Pair = pair(0.982793723247329, 1.3903311031230998e-17);
const ZERO: Pair = pair(0.0, 0.0);

const fn pair(high: f64, low: f64) -> Pair {
    Pair { high, low }
}

#[inline(always)]
fn pick_pair(condition: bool, yes: Pair, no: Pair) -> Pair {
    pair(
        pick(condition, yes.high, no.high),
        pick(condition, yes.low, no.low),
    )
}

/// A constant less an angle.
#[inline(always)]
fn less(constant: Pair, angle: Pair) -> Pair {
    let difference = exact_sum_ordered(constant.high, -angle.high);
    pair(difference.high, difference.low + (constant.low - angle.low))
}

/// Whether |x| is near 1, the sine that is turned to an angle instead, and the angle's excess over it.
#[inline(always)]
fn arcsine<const N: usize>(x: f64, series: &[f64; N]) -> (bool, f64, f64) {
    let size = x.abs();
    let near_one = size >= 0.5;
    let square = pick(near_one, (1.0 - size) * 0.5, size * size);
    let sine = pick(near_one, square.sqrt(), size);
    (near_one, sine, sine * (square * polynomial(square, series)))
}

#[inline(always)]
pub(super) fn arcsin(x: f64) -> f64 {
    let (near_one, sine, excess) = arcsine(x, &SINE);
    let turned = less(HALF_PI, pair(2.0 * sine, 2.0 * excess));
    pick(near_one, turned.high + turned.low, sine + excess).copysign(x)
}

#[inline(always)]
pub(super) fn arccos(x: f64) -> f64 {
    let (near_one, sine, excess) = arcsine(x, &SINE);
    let double = pair(2.0 * sine, 2.0 * excess);
    let single = pair(sine.copysign(x), excess.copysign(x));
    let turned = less(
        pick_pair(near_one, PI, HALF_PI),
        pick_pair(near_one, double, single),
    );
    let direct = near_one & (x > 0.0);
    pick(direct, double.high + double.low, turned.high + turned.low)
}

#[inline(always)]
pub(super) fn arcsin_single(x: f32) -> f32 {
    let (near_one, sine, excess) = arcsine(f64::from(x), &SHORT_SINE);
    let angle = sine + excess;
    let turned = HALF_PI.high - 2.0 * angle;
    (pick(near_one, turned, angle) as f32).copysign(x)
}

#[inline(always)]
pub(super) fn arccos_single(x: f32) -> f32 {
    let wide = f64::from(x);
    let (near_one, sine, excess) = arcsine(wide, &SHORT_SINE);
    let angle = sine + excess;
    let turned = pick(wide > 0.0, 2.0 * angle, PI.high - 2.0 * angle);
    pick(near_one, turned, HALF_PI.high - angle.copysign(wide)) as f32
}

/// The angle whose tangent is the base's, turned on by the angle whose tangent is `over / under`.
#[inline(always)]
fn from_base<const N: usize>(base: Pair, over: f64, under: f64, series: &[f64; N]) -> Pair {
    let rest = over / under;
    let square = rest * rest;
    let excess = rest * (square * polynomial(square, series));
    let sum = exact_sum_ordered(base.high, rest);
    pair(sum.high, sum.low + (excess + base.low))
}

#[inline(always)]
pub(super) fn arctan(x: f64) -> f64 {
    let t = x.abs();
    let (over, under, base) = (t, 1.0, ZERO);
    let half = t >= 0.4375;
    let (over, under) = (pick(half, 2.0 * t - 1.0, over), pick(half, 2.0 + t, under));
    let base = pick_pair(half, OF_HALF, base);
    let one = t >= 0.6875;
    let (over, under) = (pick(one, t - 1.0, over), pick(one, t + 1.0, under));
    let base = pick_pair(one, QUARTER_PI, base);
    let more = t >= 1.1875;
    let (over, under) = (pick(more, t - 1.5, over), pick(more, 1.0 + 1.5 * t, under));
    let base = pick_pair(more, OF_THREE_HALVES, base);
    let steep = t >= 2.4375;
    let (over, under) = (pick(steep, -1.0, over), pick(steep, t, under));
    let base = pick_pair(steep, HALF_PI, base);
    let angle = from_base(base, over, under, &TANGENT);
    (angle.high + angle.low).copysign(x)
}

#[inline(always)]
pub(super) fn arctan_single(x: f32) -> f32 {
    let t = f64::from(x).abs();
    let diagonal = t >= 0.414_213_562_373_095;
    let (over, under) = (pick(diagonal, t - 1.0, t), pick(diagonal, t + 1.0, 1.0));
    let base = pick(diagonal, QUARTER_PI.high, 0.0);
    let steep = t >= 2.414_213_562_373_095;
    let (over, under) = (pick(steep, -1.0, over), pick(steep, t, under));
    let base = pick(steep, HALF_PI.high, base);
    let rest = over / under;
    let square = rest * rest;
    let angle = base + (rest + rest * square * polynomial(square, &SHORT_TANGENT));
    (angle as f32).copysign(x)
}

/// The angle of the point (x, y).
#[inline(always)]
fn angle<const N: usize>(y: f64, x: f64, series: &[f64; N]) -> f64 {
    let (width, height) = (x.abs(), y.abs());
    let steep = height > width;
    let (long, short) = (pick(steep, height, width), pick(steep, width, height));
    // Both infinite is a diagonal; both zero is along the axis.
    let both_infinite = short == f64::INFINITY;
    let (long, short) = (
        pick(both_infinite, 1.0, long),
        pick(both_infinite, 1.0, short),
    );
    let long = pick(long == 0.0, 1.0, long);
    // So that sums do not overflow, and fractions of a number are not 0.
    const UP: f64 = (1_u128 << 100) as f64;
    let there = pick(long > 1e300, 1.0 / UP, pick(long < 1e-290, UP, 1.0));
    let (long, short) = (long * there, short * there);

    let (over, under, base) = (short, long, ZERO);
    let half = short >= 0.4375 * long;
    let over = pick(half, 2.0 * short - long, over);
    let under = pick(half, 2.0 * long + short, under);
    let base = pick_pair(half, OF_HALF, base);
    let one = short >= 0.6875 * long;
    let over = pick(one, short - long, over);
    let under = pick(one, short + long, under);
    let base = pick_pair(one, QUARTER_PI, base);

    let result = from_base(base, over, under, series);
    let result = pick_pair(steep, less(HALF_PI, result), result);
    let result = pick_pair(x.is_sign_negative(), less(PI, result), result);
    let result = (result.high + result.low).copysign(y);
    pick(x.is_nan() | y.is_nan(), f64::NAN, result)
}

#[inline(always)]
pub(super) fn arctan2(y: f64, x: f64) -> f64 {
    angle(y, x, &TANGENT)
}

#[inline(always)]
pub(super) fn arctan2_single(y: f32, x: f32) -> f32 {
    angle(f64::from(y), f64::from(x), &SHORT_TANGENT_TO_HALF) as f32
}

/// As [`TANGENT`], to 2⁻³³.
const SHORT_TANGENT_TO_HALF: [f64; 6] = [
    -0.3333333323327772,
    0.19999962312654093,
    -0.142833917531889,
    0.1105809039007656,
    -0.0853121155632205,
    0.04820186573277753,
];
