//! To which power?
//!
//! Exact fractions of 32-bit integers, always reduced; what does not fit is an error.
//!
//! Knows: errors. Must not know: units.

use std::cmp::Ordering;
use std::fmt;

use crate::error::{Error, Problem, Result};

/// An exact rational power, such as 2 or -1/2.
///
/// # Examples
///
/// ```
/// use maparray::Power;
///
/// let half = Power::new(2, 4)?;
/// assert_eq!((half.numerator(), half.denominator()), (1, 2));
/// assert_eq!(half.to_string(), "1/2");
/// assert!(half < Power::from(1));
/// # Ok::<(), maparray::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Power {
    numerator: i32,
    /// Above zero, and without a divisor in common with the numerator.
    denominator: i32,
}

impl Power {
    /// The fraction of these two numbers.
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::{ErrorKind, Power};
    ///
    /// assert_eq!(Power::new(3, -1)?, Power::from(-3));
    /// assert_eq!(Power::new(1, 0).unwrap_err().kind(), ErrorKind::Unit);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Unit` if the denominator is zero, or the reduced fraction does not fit.
    pub fn new(numerator: i32, denominator: i32) -> Result<Power> {
        Power::fraction(numerator.into(), denominator.into())
    }

    /// The number above the line.
    pub fn numerator(self) -> i32 {
        self.numerator
    }

    /// The number below the line, above zero.
    pub fn denominator(self) -> i32 {
        self.denominator
    }

    pub(super) fn fraction(numerator: i64, denominator: i64) -> Result<Power> {
        Power::reduced(numerator, denominator).ok_or_else(|| {
            let found = match denominator {
                1 => numerator.to_string(),
                _ => format!("{numerator}/{denominator}"),
            };
            Error::new(Problem::UnitPower { found })
        })
    }

    fn reduced(numerator: i64, denominator: i64) -> Option<Power> {
        let divisor = divisor(numerator.unsigned_abs(), denominator.unsigned_abs());
        let divisor = i64::try_from(divisor).ok()?;
        let sign = denominator.signum();
        let part = |number: i64| number.checked_div(divisor)?.checked_mul(sign);
        let (numerator, denominator) = (part(numerator)?, part(denominator)?);
        let numerator = i32::try_from(numerator).ok()?;
        let denominator = i32::try_from(denominator).ok()?;
        // The least integer has no counterpart on the other side of a fraction line.
        let fits = denominator != 0 && numerator != i32::MIN;
        fits.then_some(Power {
            numerator,
            denominator,
        })
    }

    pub(super) fn plus(self, other: Power) -> Result<Power> {
        let (left, right) = self.common(other);
        // Products of two numbers of 31 bits: their sum does not overflow.
        let denominator = i64::from(self.denominator) * i64::from(other.denominator);
        Power::fraction(left + right, denominator)
    }

    pub(super) fn times(self, other: Power) -> Result<Power> {
        Power::fraction(
            i64::from(self.numerator) * i64::from(other.numerator),
            i64::from(self.denominator) * i64::from(other.denominator),
        )
    }

    pub(super) fn is_zero(self) -> bool {
        self.numerator == 0
    }

    pub(super) fn is_negative(self) -> bool {
        self.numerator < 0
    }

    /// A number to this power; NaN if there is no real one.
    pub(super) fn of(self, base: f64) -> f64 {
        match (self.numerator, self.denominator) {
            (1, 1) => base,
            (1, 2) => base.sqrt(),
            (numerator, denominator) => base.powf(f64::from(numerator) / f64::from(denominator)),
        }
    }

    /// Both numerators over the product of the denominators.
    fn common(self, other: Power) -> (i64, i64) {
        (
            i64::from(self.numerator) * i64::from(other.denominator),
            i64::from(other.numerator) * i64::from(self.denominator),
        )
    }
}

impl From<i32> for Power {
    fn from(whole: i32) -> Power {
        Power {
            numerator: whole,
            denominator: 1,
        }
    }
}

impl Ord for Power {
    fn cmp(&self, other: &Power) -> Ordering {
        let (left, right) = self.common(*other);
        left.cmp(&right)
    }
}

impl PartialOrd for Power {
    fn partial_cmp(&self, other: &Power) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denominator {
            1 => write!(f, "{}", self.numerator),
            denominator => write!(f, "{}/{denominator}", self.numerator),
        }
    }
}

/// The greatest common divisor.
fn divisor(mut left: u64, mut right: u64) -> u64 {
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}
