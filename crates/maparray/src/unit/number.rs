//! Text → numbers and powers.
//!
//! `10**-17`, `1.5e3` and `3 10^5` before units; `2`, `-1/2` in parentheses, `^0.5` and raised
//! digits behind them.
//!
//! Knows: errors. Must not know: names of units.

use winnow::combinator::{alt, opt, peek};
use winnow::prelude::*;
use winnow::stream::Location;
use winnow::token::{literal, one_of, take_while};

use super::parse::{Input, Outcome, Reason, close, cut, expected, space};
use super::{Power, UnitFormat, is_one};
use crate::error::{Error, Problem};

/// The largest denominator of the fraction that a decimal power is taken for.
const DENOMINATOR_LIMIT: i64 = 100;

/// Which parentheses open a power.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Open {
    /// Behind a unit: `m(1/2)`.
    Always,
    /// Behind a parenthesis, where another one may be a factor: `(m)(s)`.
    BeforeNumber,
}

/// The power behind a unit, if there is one.
pub(super) fn power(input: &mut Input<'_>, open: Open) -> Outcome<Option<Power>> {
    let at = input.current_token_start();
    if let Some(power) = raised_number(input)? {
        return whole_power(at, &power).map(Some);
    }
    let sign = opt(alt(("**", "^"))).parse_next(input)?;
    space(input)?;
    let at = input.current_token_start();
    let parenthesis = match peek(opt('(')).parse_next(input)? {
        Some(_) if sign.is_none() && open == Open::BeforeNumber => opens_power(input),
        found => found.is_some(),
    };
    if parenthesis {
        opt('(').parse_next(input)?;
        space(input)?;
        let power = power_in_parentheses(input)?;
        close(input)?;
        return Ok(Some(power));
    }
    match signed_digits(input)? {
        Some(digits) => whole_power(at, &digits).map(Some),
        None if sign.is_some() => Err(expected(at, "a power")),
        None => Ok(None),
    }
}

/// Whether the parenthesis that comes next holds a number first.
pub(super) fn opens_power(input: &Input<'_>) -> bool {
    let inside = input.input.strip_prefix('(').unwrap_or_default();
    let inside = inside.trim_start_matches(' ');
    let inside = inside.strip_prefix(['+', '-']).unwrap_or(inside);
    inside.starts_with(|c: char| c.is_ascii_digit())
}

/// `-2`, `1/2` or `0.5`.
fn power_in_parentheses(input: &mut Input<'_>) -> Outcome<Power> {
    const POWER: &str = "a power";
    let at = input.current_token_start();
    let above = signed_number(input)?.ok_or_else(|| expected(at, POWER))?;
    if opt('/').parse_next(input)?.is_some() {
        space(input)?;
        let below_at = input.current_token_start();
        let below = signed_digits(input)?.ok_or_else(|| expected(below_at, "a whole number"))?;
        let (above, below) = (whole_number(at, &above)?, whole_number(below_at, &below)?);
        return Power::fraction(above, below).map_err(|error| cut(at, Reason::Other(error)));
    }
    if above.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return whole_power(at, &above);
    }
    simple_fraction(&above).ok_or_else(|| {
        let found = format!("the power {above}");
        let expected = "a fraction of whole numbers";
        cut(at, Reason::Instead { found, expected })
    })
}

fn whole_number(at: usize, digits: &str) -> Outcome<i64> {
    digits.parse().map_err(|_| {
        let found = digits.to_owned();
        cut(at, Reason::Other(Error::new(Problem::UnitPower { found })))
    })
}

fn whole_power(at: usize, digits: &str) -> Outcome<Power> {
    let whole = whole_number(at, digits)?;
    Power::fraction(whole, 1).map_err(|error| cut(at, Reason::Other(error)))
}

/// The fraction with a small denominator that a decimal number stands for, or that it is.
fn simple_fraction(text: &str) -> Option<Power> {
    let value: f64 = text.parse().ok()?;
    for denominator in 1..=DENOMINATOR_LIMIT {
        let numerator = (value * denominator as f64).round();
        let ratio = numerator / (value * denominator as f64);
        if numerator.abs() < f64::from(i32::MAX) && (value == 0.0 || is_one(ratio)) {
            return Power::fraction(numerator as i64, denominator).ok();
        }
    }
    let (whole, decimals) = text.split_once('.')?;
    let digits: i64 = format!("{whole}{decimals}").parse().ok()?;
    let denominator = 10_i64.checked_pow(decimals.len().try_into().ok()?)?;
    Power::fraction(digits, denominator).ok()
}

/// The number that the text begins with; none if it begins with a unit.
pub(super) fn factor(input: &mut Input<'_>) -> Outcome<Option<f64>> {
    let at = input.current_token_start();
    let Some(first) = signed_number(input)? else {
        return Ok(None);
    };
    let fits = input.state.format == UnitFormat::Fits;
    let refuse = || {
        let found = format!("the number {first}");
        let expected = "a power of 10: `10**3`";
        cut(at, Reason::Instead { found, expected })
    };
    let plain = first.bytes().all(|b| b.is_ascii_digit());
    let ten = plain && first.parse() == Ok(10);
    if plain && let Some(power) = exponent(input)? {
        let (power, bare) = match power {
            Exponent::Bare(power) => (power, true),
            Exponent::Signed(power) => (power, false),
        };
        // Without a sign of its own `2-3` is more likely a slip than an eighth.
        let sound = ten || !(bare || fits);
        if !sound || fits && power.denominator() != 1 {
            return Err(refuse());
        }
        return Ok(Some(raise(&first, power)));
    }
    if fits {
        return Err(refuse());
    }
    let scale: f64 = first.parse().map_err(|_| expected(at, "a number"))?;
    let at = input.current_token_start();
    let Some(second) = digits(input)? else {
        return Ok(Some(scale));
    };
    match exponent(input)? {
        Some(Exponent::Bare(power) | Exponent::Signed(power)) => {
            Ok(Some(scale * raise(&second, power)))
        }
        None => {
            let found = "a second number".to_owned();
            let expected = "a power of 10: `10**3`";
            Err(cut(at, Reason::Instead { found, expected }))
        }
    }
}

/// How an exponent of a number was marked.
enum Exponent {
    /// By its sign or parentheses: `10-3`, `10(-3)`.
    Bare(Power),
    /// By `**` or `^`, or by raised digits.
    Signed(Power),
}

fn exponent(input: &mut Input<'_>) -> Outcome<Option<Exponent>> {
    let at = input.current_token_start();
    let sign = peek(opt(alt(("**", "^", "+", "-", "(")))).parse_next(input)?;
    match sign {
        None if superscript(*input.input) == Some(0) => {
            Ok(power(input, Open::Always)?.map(Exponent::Signed))
        }
        None => Ok(None),
        Some("**" | "^") => Ok(power(input, Open::Always)?.map(Exponent::Signed)),
        Some(_) => match power(input, Open::Always)? {
            Some(power) => Ok(Some(Exponent::Bare(power))),
            None => Err(expected(at, "a power")),
        },
    }
}

/// A whole number to a power, as near as a float comes to it.
fn raise(base: &str, power: Power) -> f64 {
    let base: f64 = base.parse().unwrap_or(f64::NAN);
    match power.denominator() {
        1 if base == 10.0 => format!("1e{}", power.numerator())
            .parse()
            .unwrap_or(f64::NAN),
        _ => power.of(base),
    }
}

/// Where raised digits begin, with their sign.
pub(super) fn superscript(text: &str) -> Option<usize> {
    let (at, _) = text
        .char_indices()
        .find(|(_, c)| raised(*c).is_some_and(|c| c.is_ascii_digit()))?;
    let sign = text[..at]
        .chars()
        .next_back()
        .filter(|c| raised(*c).is_some());
    Some(at - sign.map_or(0, char::len_utf8))
}

/// The digit or sign that stands above the line.
fn raised(c: char) -> Option<char> {
    Some(match c {
        '⁰' => '0',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁴'..='⁹' => char::from_digit(u32::from(c) - u32::from('⁰'), 10)?,
        '⁺' => '+',
        '⁻' => '-',
        _ => return None,
    })
}

/// Raised digits: `⁻²`.
fn raised_number(input: &mut Input<'_>) -> Outcome<Option<String>> {
    if superscript(*input.input) != Some(0) {
        return Ok(None);
    }
    let text: &str = take_while(1.., |c| raised(c).is_some()).parse_next(input)?;
    space(input)?;
    let digits: String = text.chars().filter_map(raised).collect();
    Ok(Some(digits.trim_start_matches('+').to_owned()))
}

/// Digits, without a point among them; one at the end is taken for multiplication, and skipped.
fn digits(input: &mut Input<'_>) -> Outcome<Option<String>> {
    let at = input.current_token_start();
    match number(input)? {
        Some(found) if found.bytes().all(|b| b.is_ascii_digit()) => Ok(Some(found)),
        Some(_) => Err(expected(at, "a whole number")),
        None => Ok(None),
    }
}

fn signed_digits(input: &mut Input<'_>) -> Outcome<Option<String>> {
    let sign = sign(input)?;
    Ok(digits(input)?.map(|digits| format!("{sign}{digits}")))
}

fn signed_number(input: &mut Input<'_>) -> Outcome<Option<String>> {
    let sign = sign(input)?;
    Ok(number(input)?.map(|number| format!("{sign}{number}")))
}

/// A sign right before a digit: `-`, or nothing for `+` and for none.
fn sign(input: &mut Input<'_>) -> Outcome<&'static str> {
    let at = input.current_token_start();
    let sign: Option<char> = opt(one_of(['+', '-'])).parse_next(input)?;
    let digit: Option<char> = peek(opt(one_of('0'..='9'))).parse_next(input)?;
    match (sign, digit) {
        (Some(_), None) => Err(expected(at, "a sign right before a digit")),
        (Some('-'), _) => Ok("-"),
        _ => Ok(""),
    }
}

/// A number without sign. `2.` is 2.
fn number(input: &mut Input<'_>) -> Outcome<Option<String>> {
    let digits = |input: &mut Input<'_>| -> Outcome<String> {
        let digits: &str = take_while(0.., '0'..='9').parse_next(input)?;
        Ok(digits.to_owned())
    };
    let mut text = digits(input)?;
    let point = input.input.strip_prefix('.');
    let decimals = point.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if text.is_empty() && !decimals {
        return Ok(None);
    }
    if point.is_some() {
        literal(".").void().parse_next(input)?;
        if decimals {
            text += ".";
            text += &digits(input)?;
        }
    }
    let exponent = input.input.strip_prefix(['e', 'E']);
    let exponent = exponent.map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
    if exponent.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        one_of(['e', 'E']).void().parse_next(input)?;
        text += "e";
        if let Some(sign) = opt(one_of(['+', '-'])).parse_next(input)? {
            text.push(sign);
        }
        text += &digits(input)?;
    }
    space(input)?;
    Ok(Some(text))
}
