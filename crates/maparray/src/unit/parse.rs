//! Text → unit.
//!
//! A number, then units with powers between `*`, `.` or spaces, then more of them behind each `/`.
//! What stands behind a `/` is divided by as far as the next one: `J/m s` is `J/(m s)`, as in
//! astropy and in the FITS standard.
//!
//! Knows: units, their names. Must not know: how units are written.

use std::borrow::Cow;

use winnow::combinator::{alt, eof, opt, peek};
use winnow::error::{ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location, Stateful};
use winnow::token::{any, literal, one_of, take, take_while};

use super::names::{Found, Named, find, near};
use super::{Power, Unit, UnitFormat, show};
use crate::error::{Error, Problem, Result};

/// The most bytes that a text may have.
const LENGTH_LIMIT: usize = 1024;

/// Parentheses that a text may nest.
const NESTING_LIMIT: usize = 64;

/// The largest denominator of the fraction that a decimal power is taken for.
const DENOMINATOR_LIMIT: i64 = 100;

/// Words that are functions when a parenthesis follows.
const FUNCTIONS: &[&str] = &["sqrt", "ln", "exp", "log", "mag", "dB", "dex"];

const UNIT: &str = "a unit";

#[derive(Clone, Debug)]
struct State {
    format: UnitFormat,
    depth: usize,
    divided: bool,
}

type Input<'a> = Stateful<LocatingSlice<&'a str>, State>;
type Outcome<T> = std::result::Result<T, ErrMode<Failure>>;

/// Why and where (in bytes) the text made no sense.
#[derive(Debug)]
struct Failure {
    at: usize,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    /// Something else should have stood there.
    Expected(&'static str),
    /// What stands there is better described in words.
    Instead {
        found: String,
        expected: &'static str,
    },
    /// There is no such unit.
    Name(String),
    /// It is a unit, but none that factors convert.
    Logarithm(String),
    Offset(String),
    /// Arithmetic that failed.
    Other(Error),
}

fn cut(at: usize, reason: Reason) -> ErrMode<Failure> {
    ErrMode::Cut(Failure { at, reason })
}

fn expected(at: usize, what: &'static str) -> ErrMode<Failure> {
    cut(at, Reason::Expected(what))
}

impl<'a> ParserError<Input<'a>> for Failure {
    type Inner = Failure;

    fn from_input(input: &Input<'a>) -> Failure {
        Failure {
            at: input.current_token_start(),
            reason: Reason::Expected(UNIT),
        }
    }

    fn into_inner(self) -> std::result::Result<Failure, Failure> {
        Ok(self)
    }
}

/// A product on the way to a unit.
struct Product {
    scale: f64,
    parts: Vec<(Named, Power)>,
}

impl Product {
    fn number(scale: f64) -> Product {
        let parts = Vec::new();
        Product { scale, parts }
    }

    fn raised(mut self, power: Power) -> Result<Product> {
        self.scale = power.of(self.scale);
        for (_, inner) in &mut self.parts {
            *inner = inner.times(power)?;
        }
        Ok(self)
    }

    fn multiply(&mut self, other: Product) {
        self.scale *= other.scale;
        self.parts.extend(other.parts);
    }
}

pub(super) fn parse(text: &str, format: UnitFormat) -> Result<Unit> {
    let refuse = |at, reason| Err(explain(text, format, Failure { at, reason }));
    if text.len() > LENGTH_LIMIT {
        let found = format!("{} bytes of text", text.len());
        let expected = "at most 1024";
        return refuse(0, Reason::Instead { found, expected });
    }
    let strange = text.char_indices().find(|(_, c)| !c.is_ascii());
    if let (Some((at, _)), UnitFormat::Fits | UnitFormat::VoUnit) = (strange, format) {
        return refuse(at, Reason::Expected("letters of ASCII"));
    }
    if format == UnitFormat::Fits && text.trim_matches(' ') == "deg C" {
        return refuse(0, Reason::Offset("deg C".to_owned()));
    }
    let plain = plain(text);
    let mut input = Input {
        input: LocatingSlice::new(&plain),
        state: State {
            format,
            depth: 0,
            divided: false,
        },
    };
    let product = space(&mut input).and_then(|()| whole(&mut input));
    let unit = product.and_then(|product| {
        let at = input.current_token_start();
        eof::<_, ErrMode<Failure>>
            .parse_next(&mut input)
            .map_err(|_| expected(at, "a unit, a sign or the end"))?;
        Unit::product(product.scale, product.parts).map_err(|error| cut(0, Reason::Other(error)))
    });
    unit.map_err(|error| match error {
        ErrMode::Backtrack(failure) | ErrMode::Cut(failure) => explain(&plain, format, failure),
        ErrMode::Incomplete(_) => explain(&plain, format, Failure::from_input(&input)),
    })
}

/// The text with one letter for each of those that look the same.
fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    let same = |c: char| match c {
        '\u{2212}' => '-',
        '\u{212a}' => 'K',
        '\u{212b}' => 'Å',
        '\u{2126}' => 'Ω',
        c => c,
    };
    text.chars().map(same).collect::<String>().into()
}

/// All of the text: nothing, or a number with units.
fn whole(input: &mut Input<'_>) -> Outcome<Product> {
    if input.input.is_empty() {
        return Ok(Product::number(1.0));
    }
    scaled(input)
}

/// A `/` and the space behind it. VOUnit has one at most; those inside powers do not count.
fn division(input: &mut Input<'_>) -> Outcome<bool> {
    let at = input.current_token_start();
    if opt('/').parse_next(input)?.is_none() {
        return Ok(false);
    }
    if input.state.divided && input.state.format == UnitFormat::VoUnit {
        let (found, expected) = ("a second `/`".to_owned(), "one: `m/(s.kg)`");
        return Err(cut(at, Reason::Instead { found, expected }));
    }
    input.state.divided = true;
    space(input)?;
    Ok(true)
}

/// Units with a number before them, or one of both.
fn scaled(input: &mut Input<'_>) -> Outcome<Product> {
    let Some(scale) = factor(input)? else {
        return match division(input)? {
            true => inverse(input),
            false => fraction(input),
        };
    };
    let mut product = Product::number(scale);
    let sign = opt(multiplication).parse_next(input)?;
    if division(input)? {
        product.multiply(inverse(input)?);
    } else if sign.is_some() || begins_unit(input)? {
        product.multiply(fraction(input)?);
    }
    Ok(product)
}

/// One unit behind a `/` that has nothing but a number before it.
fn inverse(input: &mut Input<'_>) -> Outcome<Product> {
    let at = input.current_token_start();
    let product = powered(input)?.raised(Power::from(-1));
    let product = product.map_err(|error| cut(at, Reason::Other(error)))?;
    let at = input.current_token_start();
    if peek(opt('/')).parse_next(input)?.is_some() || begins_unit(input)? {
        return Err(expected(at, "the end, or parentheses: `1 / (s m)`"));
    }
    Ok(product)
}

/// Products divided by products.
fn fraction(input: &mut Input<'_>) -> Outcome<Product> {
    let mut result = product(input)?;
    while division(input)? {
        let at = input.current_token_start();
        let divisor = product(input)?.raised(Power::from(-1));
        result.multiply(divisor.map_err(|error| cut(at, Reason::Other(error)))?);
    }
    Ok(result)
}

/// Units, with signs of multiplication between them or without.
fn product(input: &mut Input<'_>) -> Outcome<Product> {
    let mut result = powered(input)?;
    while opt(multiplication).parse_next(input)?.is_some() || begins_unit(input)? {
        result.multiply(powered(input)?);
    }
    Ok(result)
}

fn multiplication(input: &mut Input<'_>) -> Outcome<()> {
    one_of(['*', '.']).void().parse_next(input)?;
    space(input)
}

/// A unit, a function or a parenthesis, with its power.
fn powered(input: &mut Input<'_>) -> Outcome<Product> {
    let at = input.current_token_start();
    let result = if opt('(').parse_next(input)?.is_some() {
        deeper(input, at, fraction)?
    } else {
        let name = name(input)?;
        if name.is_empty() {
            return Err(expected(at, UNIT));
        }
        if FUNCTIONS.contains(&name) && opt('(').parse_next(input)?.is_some() {
            function(input, at, name)?
        } else {
            let named = named(input, at, name)?;
            let parts = vec![(named, power(input, Open::Always)?.unwrap_or(Power::from(1)))];
            return Ok(Product { scale: 1.0, parts });
        }
    };
    match power(input, Open::BeforeNumber)? {
        Some(power) => result
            .raised(power)
            .map_err(|error| cut(at, Reason::Other(error))),
        None => Ok(result),
    }
}

/// Reads on behind a parenthesis, and then closes it.
fn deeper(
    input: &mut Input<'_>,
    at: usize,
    inner: fn(&mut Input<'_>) -> Outcome<Product>,
) -> Outcome<Product> {
    space(input)?;
    input.state.depth += 1;
    if input.state.depth > NESTING_LIMIT {
        let found = format!("more than {NESTING_LIMIT} parentheses inside each other");
        let expected = "fewer";
        return Err(cut(at, Reason::Instead { found, expected }));
    }
    let result = inner(input)?;
    close(input)?;
    input.state.depth -= 1;
    Ok(result)
}

fn close(input: &mut Input<'_>) -> Outcome<()> {
    let at = input.current_token_start();
    match opt(')').parse_next(input)? {
        Some(_) => space(input),
        None => Err(expected(at, "`)`")),
    }
}

fn function(input: &mut Input<'_>, at: usize, name: &str) -> Outcome<Product> {
    match name {
        "sqrt" => {
            let half = Power::new(1, 2).map_err(|error| cut(at, Reason::Other(error)))?;
            deeper(input, at, scaled)?
                .raised(half)
                .map_err(|error| cut(at, Reason::Other(error)))
        }
        "mag" | "dB" | "dex" => Err(cut(at, Reason::Logarithm(format!("{name}(…)")))),
        _ => {
            let found = format!("the function `{name}`");
            let expected = "a unit or `sqrt`";
            Err(cut(at, Reason::Instead { found, expected }))
        }
    }
}

fn named(input: &Input<'_>, at: usize, name: &str) -> Outcome<Named> {
    match find(name, input.state.format) {
        Some(Found::Unit(named)) => Ok(named),
        Some(Found::Offset) => Err(cut(at, Reason::Offset(name.to_owned()))),
        Some(Found::Logarithm) => Err(cut(at, Reason::Logarithm(name.to_owned()))),
        None => Err(cut(at, Reason::Name(name.to_owned()))),
    }
}

/// Which parentheses open a power.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    /// Behind a unit: `m(1/2)`.
    Always,
    /// Behind a parenthesis, where another one may be a factor: `(m)(s)`.
    BeforeNumber,
}

/// The power behind a unit, if there is one.
fn power(input: &mut Input<'_>, open: Open) -> Outcome<Option<Power>> {
    let at = input.current_token_start();
    if let Some(power) = raised_number(input)? {
        return whole_power(at, &power).map(Some);
    }
    let sign = opt(alt(("**", "^"))).parse_next(input)?;
    space(input)?;
    let at = input.current_token_start();
    let parenthesis = match peek(opt('(')).parse_next(input)? {
        Some(_) if sign.is_none() && open == Open::BeforeNumber => {
            let rest = input.input.trim_start_matches(['(', ' ', '+', '-']);
            rest.starts_with(|c: char| c.is_ascii_digit()) && sign_is_sound(*input.input)
        }
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

/// Whether one parenthesis opens, not several.
fn sign_is_sound(text: &str) -> bool {
    text.chars().filter(|c| *c != ' ').nth(1) != Some('(')
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
        if numerator.abs() < f64::from(i32::MAX) && (value == 0.0 || super::is_one(ratio)) {
            return Power::fraction(numerator as i64, denominator).ok();
        }
    }
    let (whole, decimals) = text.split_once('.')?;
    let digits: i64 = format!("{whole}{decimals}").parse().ok()?;
    let denominator = 10_i64.checked_pow(decimals.len().try_into().ok()?)?;
    Power::fraction(digits, denominator).ok()
}

/// The number that the text begins with; none if it begins with a unit.
fn factor(input: &mut Input<'_>) -> Outcome<Option<f64>> {
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
        return match power {
            // Without a sign of its own `2-3` is more likely a slip than an eighth.
            Exponent::Bare(_) if !ten => Err(refuse()),
            _ if fits && !ten => Err(refuse()),
            Exponent::Bare(power) | Exponent::Signed(power) => Ok(Some(raise(&first, power))),
        };
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

/// Whether a unit comes next, which multiplies what stands before it.
fn begins_unit(input: &mut Input<'_>) -> Outcome<bool> {
    let next: Option<char> = peek(opt(any)).parse_next(input)?;
    Ok(next.is_some_and(|c| c == '(' || continues_name(c)))
}

fn continues_name(c: char) -> bool {
    !(c.is_whitespace() || c.is_ascii_digit() || "+-./*^(),".contains(c))
}

/// Where raised digits begin, with their sign.
fn superscript(text: &str) -> Option<usize> {
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

/// A name, up to what cannot belong to it; empty if there is none.
fn name<'a>(input: &mut Input<'a>) -> Outcome<&'a str> {
    let text: &'a str = *input.input;
    let end = text.find(|c| !continues_name(c)).unwrap_or(text.len());
    let end = superscript(&text[..end]).unwrap_or(end);
    let name = take(text[..end].chars().count()).parse_next(input)?;
    space(input)?;
    Ok(name)
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
    let mut digits = |input: &mut Input<'_>| -> Outcome<String> {
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

fn space(input: &mut Input<'_>) -> Outcome<()> {
    take_while(0.., ' ').void().parse_next(input)
}

/// The error for people: column, what stands there, what should, and names that look alike.
fn explain(text: &str, format: UnitFormat, failure: Failure) -> Error {
    let Failure { at, reason } = failure;
    let column = text.get(..at).map_or(0, |before| before.chars().count()) + 1;
    let text = text.to_owned();
    Error::new(match reason {
        Reason::Expected(expected) => {
            let found = match text.get(at..).and_then(|rest| rest.chars().next()) {
                Some(c) => format!("`{}`", c.escape_debug()),
                None => "the end".to_owned(),
            };
            Problem::UnitText {
                text,
                column,
                found,
                expected,
            }
        }
        Reason::Instead { found, expected } => Problem::UnitText {
            text,
            column,
            found,
            expected,
        },
        Reason::Name(name) => Problem::UnitName {
            near: near(&name, format),
            format: show::name(format),
            text,
            column,
            name,
        },
        Reason::Logarithm(name) => Problem::UnitLogarithm { text, column, name },
        Reason::Offset(name) => Problem::UnitOffset { text, column, name },
        Reason::Other(error) => return error,
    })
}
