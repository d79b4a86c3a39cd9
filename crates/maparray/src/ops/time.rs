//! What do NumPy's operations on moments and durations answer?
//!
//! Both are counts of steps in 64 bits; the least of them is NaT, no time at all, which most operations
//! hand on. So is a time that 64 bits cannot hold, where NumPy wraps.
//!
//! Knows: counts of steps. Must not know: how long a step is, arrays, dtypes.

/// Not a time.
pub(crate) const NAT: i64 = i64::MIN;

/// The result, unless one of the operands is no time.
#[inline(always)]
fn known(operands: &[i64], result: Option<i64>) -> i64 {
    if operands.contains(&NAT) {
        return NAT;
    }
    result.unwrap_or(NAT)
}

#[inline(always)]
pub(super) fn add(a: i64, b: i64) -> i64 {
    known(&[a, b], a.checked_add(b))
}

#[inline(always)]
pub(super) fn subtract(a: i64, b: i64) -> i64 {
    known(&[a, b], a.checked_sub(b))
}

/// A duration so many times.
#[inline(always)]
pub(super) fn multiply(a: i64, times: i64) -> i64 {
    known(&[a], a.checked_mul(times))
}

/// Cut to whole steps.
#[inline(always)]
pub(super) fn multiply_float(a: i64, times: f64) -> i64 {
    known(&[a], whole(a as f64 * times))
}

/// Cut to whole steps, towards zero.
#[inline(always)]
pub(super) fn divide(a: i64, by: i64) -> i64 {
    known(&[a], a.checked_div(by))
}

/// Cut to whole steps, towards zero.
#[inline(always)]
pub(super) fn divide_float(a: i64, by: f64) -> i64 {
    known(&[a], whole(a as f64 / by))
}

fn whole(a: f64) -> Option<i64> {
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&a);
    fits.then_some(a as i64)
}

/// How many times `b` fits into `a`.
#[inline(always)]
pub(super) fn ratio(a: i64, b: i64) -> f64 {
    if a == NAT || b == NAT {
        f64::NAN
    } else {
        a as f64 / b as f64
    }
}

/// As [`ratio`], rounded down; 0 where there is no answer, as NumPy has it.
#[inline(always)]
pub(super) fn count(a: i64, b: i64) -> i64 {
    if a == NAT || b == NAT || b == 0 {
        0
    } else {
        a.div_euclid(b) - i64::from(b < 0 && a.rem_euclid(b) != 0)
    }
}

/// What is left, with the sign of the divisor.
#[inline(always)]
pub(super) fn remainder(a: i64, b: i64) -> i64 {
    if a == NAT || b == NAT || b == 0 {
        return NAT;
    }
    let rest = a.wrapping_rem(b);
    if rest != 0 && (rest < 0) != (b < 0) {
        rest + b
    } else {
        rest
    }
}

/// One step forwards or back, or none.
#[inline(always)]
pub(super) fn sign(a: i64) -> i64 {
    known(&[a], Some(a.signum()))
}

#[inline(always)]
pub(super) fn maximum(a: i64, b: i64) -> i64 {
    known(&[a, b], Some(a.max(b)))
}

#[inline(always)]
pub(super) fn minimum(a: i64, b: i64) -> i64 {
    // NaT is the least of all.
    a.min(b)
}

#[inline(always)]
pub(super) fn fmax(a: i64, b: i64) -> i64 {
    // NaT is the least of all.
    a.max(b)
}

#[inline(always)]
pub(super) fn fmin(a: i64, b: i64) -> i64 {
    if a == NAT || b == NAT {
        a.max(b)
    } else {
        a.min(b)
    }
}

#[inline(always)]
pub(super) fn clip(a: i64, low: i64, high: i64) -> i64 {
    minimum(maximum(a, low), high)
}

/// An answer about two times, which is no if one of them is none.
#[inline(always)]
pub(super) fn compare(a: i64, b: i64, answer: bool) -> bool {
    answer & (a != NAT) & (b != NAT)
}

/// Whole units, rounded down.
#[inline(always)]
pub(super) fn coarser(a: i64, steps: i64) -> i64 {
    known(&[a], a.checked_div_euclid(steps))
}

/// Days from the beginning of 1970 to the first day of a month that is counted from there.
#[inline(always)]
pub(super) fn days(months: i64) -> i64 {
    const PER_400_YEARS: i64 = 146_097;
    // Years that begin in March, so that leap days come last.
    let from_march = months.checked_sub(2).map(|months| months + 1970 * 12);
    let days = from_march.and_then(|months| {
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12));
        let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
        let in_year = (153 * month + 2) / 5;
        let in_era = year * 365 + year / 4 - year / 100 + in_year;
        era.checked_mul(PER_400_YEARS)?
            .checked_add(in_era - 719_468)
    });
    known(&[months], days)
}
