//! Text → unit.
//!
//! A number, then units with powers between `*`, `.` or spaces, then more of them behind each `/`.
//! What stands behind a `/` is divided by as far as the next one: `J/m s` is `J/(m s)`, as in
//! astropy and in the FITS standard.
//!
//! Knows: units, their names. Must not know: how units are written.

use std::borrow::Cow;

use winnow::combinator::{eof, opt, peek};
use winnow::error::{ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location, Stateful};
use winnow::token::{any, one_of, take, take_while};

use super::names::{Found, Named, find, near};
use super::number::{Open, factor, opens_power, power, superscript};
use super::{Power, Unit, UnitFormat, show};
use crate::error::{Error, Problem, Result};

/// The most bytes that a text may have.
const LENGTH_LIMIT: usize = 1024;

/// Parentheses that a text may nest.
const NESTING_LIMIT: usize = 64;

/// Words that are functions when a parenthesis follows.
const FUNCTIONS: &[&str] = &["sqrt", "ln", "exp", "log", "mag", "dB", "dex"];

const UNIT: &str = "a unit";

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) format: UnitFormat,
    depth: usize,
    divided: bool,
}

pub(super) type Input<'a> = Stateful<LocatingSlice<&'a str>, State>;
pub(super) type Outcome<T> = std::result::Result<T, ErrMode<Failure>>;

/// Why and where (in bytes) the text made no sense.
#[derive(Debug)]
pub(super) struct Failure {
    at: usize,
    reason: Reason,
}

#[derive(Debug)]
pub(super) enum Reason {
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

pub(super) fn cut(at: usize, reason: Reason) -> ErrMode<Failure> {
    ErrMode::Cut(Failure { at, reason })
}

pub(super) fn expected(at: usize, what: &'static str) -> ErrMode<Failure> {
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
        let function_name = FUNCTIONS.contains(&name) && !(is_unit(name) && opens_fraction(input));
        if function_name && opt('(').parse_next(input)?.is_some() {
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

pub(super) fn close(input: &mut Input<'_>) -> Outcome<()> {
    let at = input.current_token_start();
    match opt(')').parse_next(input)? {
        Some(_) => space(input),
        None => Err(expected(at, "`)`")),
    }
}

/// Whether the parenthesis that comes next holds a power as units are written with it, `(1/2)`, and
/// not what a logarithm is of, as in `mag(1)`.
fn opens_fraction(input: &Input<'_>) -> bool {
    let inside = input.input.strip_prefix('(').unwrap_or_default();
    let inside = inside.split(')').next().unwrap_or_default();
    opens_power(input) && inside.contains(['/', '.'])
}

/// Whether a function is a unit, too, and may have a power: `dex(1/2)`.
fn is_unit(function: &str) -> bool {
    matches!(function, "mag" | "dB" | "dex")
}

fn function(input: &mut Input<'_>, at: usize, name: &str) -> Outcome<Product> {
    match name {
        "sqrt" => {
            let half = Power::new(1, 2).map_err(|error| cut(at, Reason::Other(error)))?;
            deeper(input, at, scaled)?
                .raised(half)
                .map_err(|error| cut(at, Reason::Other(error)))
        }
        _ if is_unit(name) => Err(cut(at, Reason::Logarithm(format!("{name}(…)")))),
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

/// Whether a unit comes next, which multiplies what stands before it.
fn begins_unit(input: &mut Input<'_>) -> Outcome<bool> {
    let next: Option<char> = peek(opt(any)).parse_next(input)?;
    Ok(next.is_some_and(|c| c == '(' || continues_name(c)))
}

fn continues_name(c: char) -> bool {
    !(c.is_whitespace() || c.is_ascii_digit() || "+-./*^(),".contains(c))
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

pub(super) fn space(input: &mut Input<'_>) -> Outcome<()> {
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
                Some(c) => format!("`{c}`"),
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
        Reason::Logarithm(name) => Problem::UnitText {
            text,
            column,
            found: format!("logarithmic unit `{name}`"),
            expected: "one that a factor converts",
        },
        Reason::Offset(name) => Problem::UnitText {
            text,
            column,
            found: format!("temperature with an offset `{name}`"),
            expected: "one that a factor converts, such as `K`",
        },
        Reason::Other(error) => return error,
    })
}
