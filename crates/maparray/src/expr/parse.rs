//! Text → tree.
//!
//! Python's expressions over arrays: its literals, its operators and their precedence, NumPy's
//! function names. `winnow`'s Pratt parser orders the binary operators; signs, `**` and everything
//! with parentheses descend by hand, so that depth is counted. Functions: `call.rs`.
//!
//! Knows: the tree, names of operations. Must not know: arrays, dtypes of arrays.

use std::borrow::Cow;

use winnow::combinator::{Infix, alt, eof, expression, not, opt, peek};
use winnow::error::{ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location, Stateful};
use winnow::token::{any, literal, one_of, take_while};

use super::{DEPTH_LIMIT, Expr, Literal, Node, Parameters, SIZE_LIMIT, Whole};
use crate::error::{Error, Problem, Result};
use crate::ops::Op;

/// Parentheses, signs and exponents that a text may nest.
const NESTING_LIMIT: usize = 200;

/// The text that is left, the byte where it begins, and how deep the parser is in parentheses.
pub(super) type Input<'a> = Stateful<LocatingSlice<&'a str>, usize>;
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
    Expected(Cow<'static, str>),
    /// What stands there is better described in words.
    Instead {
        found: String,
        expected: Cow<'static, str>,
    },
    /// There is no such function.
    Function { name: String, known: String },
    /// A function was given too many or too few arguments.
    Arguments {
        function: String,
        found: usize,
        expected: String,
    },
}

impl Failure {
    /// The failure ends the parsing: there is no other way to read the text.
    pub(super) fn cut(at: usize, reason: Reason) -> ErrMode<Failure> {
        ErrMode::Cut(Failure { at, reason })
    }

    /// As [`expected`](Failure::expected), of more than the next sign or word.
    pub(super) fn instead(
        at: usize,
        found: impl std::fmt::Display,
        expected: impl Into<Cow<'static, str>>,
    ) -> ErrMode<Failure> {
        let text: String = found.to_string().chars().take(40).collect();
        let found = format!("`{}`", text.trim().escape_debug());
        let expected = expected.into();
        Failure::cut(at, Reason::Instead { found, expected })
    }

    pub(super) fn expected(at: usize, what: impl Into<Cow<'static, str>>) -> ErrMode<Failure> {
        Failure::cut(at, Reason::Expected(what.into()))
    }
}

impl<'a> ParserError<Input<'a>> for Failure {
    type Inner = Failure;

    fn from_input(input: &Input<'a>) -> Failure {
        Failure {
            at: input.current_token_start(),
            reason: Reason::Expected("an expression".into()),
        }
    }

    fn into_inner(self) -> std::result::Result<Failure, Failure> {
        Ok(self)
    }
}

/// How tightly an operator holds its operands, as in Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Binding {
    Comparison,
    Or,
    Xor,
    And,
    Shift,
    Sum,
    Product,
    Unary,
    Power,
    Atom,
}

impl Binding {
    pub(super) fn tighter(self) -> Binding {
        use Binding::*;
        const ALL: [Binding; 10] = [
            Comparison, Or, Xor, And, Shift, Sum, Product, Unary, Power, Atom,
        ];
        ALL[(self as usize + 1).min(ALL.len() - 1)]
    }

    /// As a power of the Pratt parser, with room between two for its "a little tighter".
    fn power(self) -> i64 {
        self as i64 * 2
    }
}

/// Makes the parser of one sign out of each row, the longest of a common beginning first.
macro_rules! infix {
    ($($sign:literal $binding:ident,)*) => {
        const SIGNS: &[(&str, Binding)] = &[$(($sign, Binding::$binding)),*];

        fn infix<'a>(input: &mut Input<'a>) -> Outcome<Infix<Input<'a>, Expr, ErrMode<Failure>>> {
            // Not the first half of what other languages write.
            if peek(opt(alt(("&&", "||")))).parse_next(input)?.is_some() {
                return Err(Failure::expected(input.current_token_start(), OPERATOR));
            }
            $(
                if opt(literal($sign)).parse_next(input)?.is_some() {
                    space(input)?;
                    return Ok(Infix::Left(Binding::$binding.power(), |input, left, right| {
                        binary(input, $sign, left, right)
                    }));
                }
            )*
            Err(ErrMode::Backtrack(Failure::from_input(input)))
        }
    };
}

infix! {
    "==" Comparison, "!=" Comparison, "<=" Comparison, ">=" Comparison,
    "<<" Shift, ">>" Shift, "<" Comparison, ">" Comparison,
    "//" Product, "*" Product, "/" Product, "%" Product, "@" Product,
    "+" Sum, "-" Sum, "&" And, "^" Xor, "|" Or,
}

/// Sign and binding of an operation that is written between or before its operands.
pub(super) fn operator(op: Op) -> Option<(&'static str, Binding)> {
    let sign = op.sign()?;
    let binding = match (op.arity(), sign) {
        (1, _) => Binding::Unary,
        (_, "**") => Binding::Power,
        _ => SIGNS.iter().find(|row| row.0 == sign)?.1,
    };
    Some((sign, binding))
}

fn signed(sign: &str, arity: usize) -> Option<Op> {
    Op::ALL
        .iter()
        .copied()
        .find(|op| op.arity() == arity && op.sign() == Some(sign))
}

pub(super) fn parse(text: &str) -> Result<Expr> {
    let mut input = Input {
        input: LocatingSlice::new(text),
        state: 0,
    };
    if text.len() > SIZE_LIMIT {
        return Err(Error::new(Problem::Parse {
            column: 1,
            found: format!("{} bytes of text", text.len()),
            expected: format!("at most {SIZE_LIMIT}"),
        }));
    }
    space(&mut input)
        .and_then(|()| whole(&mut input))
        .and_then(|expr| {
            let end = eof::<_, ErrMode<Failure>>.parse_next(&mut input);
            end.map(|_| expr).map_err(|_| {
                let at = input.current_token_start();
                Failure::expected(at, OPERATOR)
            })
        })
        .map_err(|error| match error {
            ErrMode::Backtrack(failure) | ErrMode::Cut(failure) => explain(text, failure),
            ErrMode::Incomplete(_) => explain(text, Failure::from_input(&input)),
        })
}

/// An expression between its borders: the text, a pair of parentheses, an argument.
pub(super) fn whole(input: &mut Input<'_>) -> Outcome<Expr> {
    expression(unary).infix(infix).parse_next(input)
}

/// The operation with this sign between two expressions.
fn binary(input: &mut Input<'_>, sign: &'static str, left: Expr, right: Expr) -> Outcome<Expr> {
    let at = input.current_token_start();
    if sign == "@" {
        let (function, operands) = (Whole::MatMul, vec![left, right]);
        return built(
            input,
            Node::Whole {
                function,
                operands,
                parameters: Parameters::new(function),
            },
        );
    }
    let Some(op) = signed(sign, 2) else {
        return Err(Failure::expected(at, "an operator"));
    };
    // Comparisons do not chain: `a < b < c` would compare truth with a number.
    let chained = operator(op).is_some_and(|row| row.1 == Binding::Comparison)
        && matches!(peek(opt(infix)).parse_next(input)?, Some(Infix::Left(power, _))
            if power == Binding::Comparison.power());
    if chained {
        let found = "a second comparison".to_owned();
        let expected = "two joined by `&`: `(a < b) & (b < c)`".into();
        return Err(Failure::cut(at, Reason::Instead { found, expected }));
    }
    built(input, Node::Apply(op, vec![left, right]))
}

/// The expression, unless it has grown too deep.
fn built(input: &Input<'_>, node: Node) -> Outcome<Expr> {
    let expr = Expr::new(node);
    if expr.depth() > DEPTH_LIMIT {
        let found = format!("more than {DEPTH_LIMIT} operations inside each other");
        let reason = Reason::Instead {
            found,
            expected: "a flatter expression".into(),
        };
        return Err(Failure::cut(input.current_token_start(), reason));
    }
    Ok(expr)
}

/// Signs before an operand; they bind less tightly than `**` to their right.
fn unary(input: &mut Input<'_>) -> Outcome<Expr> {
    let at = input.current_token_start();
    input.state += 1;
    // The expression itself is one of them.
    if input.state > NESTING_LIMIT + 1 {
        let found = format!("more than {NESTING_LIMIT} parentheses and signs inside each other");
        return Err(Failure::cut(
            at,
            Reason::Instead {
                found,
                expected: "a flatter expression".into(),
            },
        ));
    }
    let sign = opt(alt(("-", "+", "~"))).parse_next(input)?;
    let expr = match sign {
        None => power(input),
        Some(sign) => {
            space(input)?;
            let parenthesis = peek(opt('(')).parse_next(input)?.is_some();
            let operand = unary(input)?;
            match (operand.node(), sign, parenthesis) {
                // A sign right before a number belongs to the number.
                (Node::Literal(number), "-", false) if negative(*number).is_some() => {
                    let negative = negative(*number);
                    Ok(negative.map_or(operand, Expr::from))
                }
                (Node::Literal(number), "+", false) if !matches!(number, Literal::Bool(_)) => {
                    Ok(operand)
                }
                _ => match signed(sign, 1) {
                    Some(op) => built(input, Node::Apply(op, vec![operand])),
                    None => Err(Failure::expected(at, "an operand")),
                },
            }
        }
    }?;
    input.state -= 1;
    Ok(expr)
}

fn negative(number: Literal) -> Option<Literal> {
    match number {
        Literal::Bool(_) => None,
        Literal::Int(value) => value.checked_neg().map(Literal::Int),
        Literal::Float(value) => Some(Literal::Float(-value)),
        Literal::Complex(real, imaginary) => Some(Literal::Complex(-real, -imaginary)),
    }
}

/// An operand and its exponent; the exponent may have signs.
fn power(input: &mut Input<'_>) -> Outcome<Expr> {
    let base = operand(input)?;
    if opt("**").parse_next(input)?.is_none() {
        return Ok(base);
    }
    space(input)?;
    let exponent = unary(input)?;
    match signed("**", 2) {
        Some(op) => built(input, Node::Apply(op, vec![base, exponent])),
        None => Err(Failure::expected(
            input.current_token_start(),
            "an operator",
        )),
    }
}

const OPERATOR: &str = "an operator or the end";
const OPERAND: &str = "a number, a name, a function or `(`";

fn operand(input: &mut Input<'_>) -> Outcome<Expr> {
    let at = input.current_token_start();
    match peek(opt(any)).parse_next(input)? {
        Some('(') => {
            token(input, "(")?;
            let inner = whole(input)?;
            close(input, "an operator or `)`")?;
            Ok(inner)
        }
        Some('`') => quoted_name(input),
        Some('0'..='9' | '.') => number(input).map(Expr::from),
        Some(first) if starts_word(first) => {
            let name = word(input)?;
            let column = column(input, at);
            match name {
                "True" => Ok(Literal::Bool(true).into()),
                "False" => Ok(Literal::Bool(false).into()),
                _ if RESERVED.contains(&name) => Err(Failure::expected(at, OPERAND)),
                _ if peek(opt('(')).parse_next(input)?.is_some() => {
                    let call = super::call::call(input, at, name)?;
                    built(input, call)
                }
                _ => Ok(Expr::new(Node::Name {
                    name: name.to_owned(),
                    column,
                })),
            }
        }
        _ => Err(Failure::expected(at, OPERAND)),
    }
}

/// Column of a byte, given the input as it stands anywhere behind it.
fn column(input: &Input<'_>, at: usize) -> usize {
    let mut start = input.input;
    start.reset_to_start();
    column_of(&start, at)
}

fn column_of(text: &str, at: usize) -> usize {
    text.get(..at).map_or(0, |before| before.chars().count()) + 1
}

/// Words of Python that cannot be names of arrays without backticks.
const RESERVED: &[&str] = &[
    "True", "False", "None", "and", "or", "not", "if", "else", "in", "is", "lambda", "for",
];

/// Whether a name can stand in a text as it is.
pub(super) fn is_plain_name(name: &str) -> bool {
    name.starts_with(starts_word) && name.chars().all(continues_word) && !RESERVED.contains(&name)
}

fn starts_word(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn continues_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A name without the `np.` that a text copied from Python may carry.
pub(super) fn word<'a>(input: &mut Input<'a>) -> Outcome<&'a str> {
    let mut name =
        (peek(one_of(starts_word)), take_while(1.., continues_word)).map(|(_, word)| word);
    let module = opt((alt(("np", "numpy")), '.', peek(one_of(starts_word)))).parse_next(input)?;
    let at = input.current_token_start();
    let found = name
        .parse_next(input)
        .map_err(|error: ErrMode<Failure>| match module {
            Some(_) => Failure::expected(at, "a name"),
            None => error,
        })?;
    space(input)?;
    Ok(found)
}

/// Any name at all, between backticks; a backtick inside is written twice.
fn quoted_name(input: &mut Input<'_>) -> Outcome<Expr> {
    let at = input.current_token_start();
    let column = column(input, at);
    let mut name = String::new();
    any.parse_next(input)?;
    loop {
        name.push_str(take_while(0.., |c| c != '`').parse_next(input)?);
        if opt('`').parse_next(input)?.is_none() {
            let found = "a name without its end".to_owned();
            return Err(Failure::cut(
                at,
                Reason::Instead {
                    found,
                    expected: "a second backtick".into(),
                },
            ));
        }
        if opt('`').parse_next(input)?.is_none() {
            break;
        }
        name.push('`');
    }
    space(input)?;
    Ok(Expr::new(Node::Name { name, column }))
}

/// A number as Python writes it.
pub(super) fn number(input: &mut Input<'_>) -> Outcome<Literal> {
    let at = input.current_token_start();
    let bad = |expected: &'static str| Failure::expected(at, expected);
    let prefix = opt(('0', one_of(['x', 'X', 'b', 'B', 'o', 'O']))).parse_next(input)?;
    if let Some((_, letter)) = prefix {
        let digits = take_while(0.., continues_word).parse_next(input)?;
        space(input)?;
        let radix = match letter {
            'x' | 'X' => 16,
            'b' | 'B' => 2,
            _ => 8,
        };
        let well_formed = digits.chars().all(|c| c == '_' || c.is_digit(radix))
            && !digits.ends_with('_')
            && !digits.contains("__")
            && !digits.is_empty();
        if !well_formed {
            return Err(bad("the digits of a number"));
        }
        return i128::from_str_radix(&digits.replace('_', ""), radix)
            .map(Literal::Int)
            .map_err(|_| bad("an integer below 2**127"));
    }
    let digits = |input: &mut Input<'_>| -> Outcome<()> {
        take_while(1.., |c: char| c.is_ascii_digit() || c == '_')
            .void()
            .parse_next(input)
    };
    let (whole, point, exponent) = (
        opt(digits).take(),
        opt(('.', opt(digits)).void()).map(|point| point.is_some()),
        opt((one_of(['e', 'E']), opt(one_of(['+', '-'])), digits).void()).map(|e| e.is_some()),
    )
        .parse_next(input)?;
    let end = input.current_token_start();
    let imaginary = opt(one_of(['j', 'J'])).parse_next(input)?.is_some();
    not(one_of(continues_word))
        .parse_next(input)
        .map_err(|_: ErrMode<Failure>| bad("an operator between number and name"))?;
    let whole_len = whole.len();
    let text = taken(input, at, end);
    space(input)?;
    let separated = |(place, c): (usize, char)| {
        let digit = |at: Option<usize>| {
            at.and_then(|at| text.as_bytes().get(at))
                .is_some_and(u8::is_ascii_digit)
        };
        c != '_' || (digit(place.checked_sub(1)) && digit(Some(place + 1)))
    };
    if !text.char_indices().all(separated) || !text.contains(|c: char| c.is_ascii_digit()) {
        return Err(bad("the digits of a number"));
    }
    let text = text.replace('_', "");
    if point || exponent || imaginary {
        let value: f64 = text.parse().map_err(|_| bad("the digits of a number"))?;
        let number = if imaginary {
            Literal::Complex(0.0, value)
        } else {
            Literal::Float(value)
        };
        return Ok(number);
    }
    if whole_len > 1 && text.starts_with('0') && text.contains(|c| c != '0') {
        return Err(bad("an integer without leading zeros"));
    }
    text.parse()
        .map(Literal::Int)
        .map_err(|_| bad("an integer below 2**127"))
}

/// The text between two bytes that were already read.
fn taken<'a>(input: &Input<'a>, start: usize, end: usize) -> &'a str {
    let mut whole = input.input;
    whole.reset_to_start();
    let whole: &'a str = *whole;
    whole.get(start..end).unwrap_or_default()
}

pub(super) fn space(input: &mut Input<'_>) -> Outcome<()> {
    take_while(0.., char::is_whitespace)
        .void()
        .parse_next(input)
}

pub(super) fn token(input: &mut Input<'_>, sign: &'static str) -> Outcome<()> {
    let at = input.current_token_start();
    let found: Outcome<&str> = literal(sign).parse_next(input);
    found.map_err(|_| Failure::expected(at, format!("`{sign}`")))?;
    space(input)
}

/// The closing parenthesis, or what could have stood before it.
pub(super) fn close(input: &mut Input<'_>, expected: &'static str) -> Outcome<()> {
    let at = input.current_token_start();
    match opt(')').parse_next(input)? {
        Some(_) => space(input),
        None => Err(Failure::expected(at, expected)),
    }
}

/// The error for people: column, what stands there, what should, and the likeliest remedy.
fn explain(text: &str, failure: Failure) -> Error {
    let Failure { at, reason } = failure;
    let column = column_of(text, at);
    Error::new(match reason {
        Reason::Function { name, known } => Problem::UnknownName {
            column,
            name,
            known,
        },
        Reason::Arguments {
            function,
            found,
            expected,
        } => Problem::ArgumentCount {
            column,
            function,
            found,
            expected,
        },
        Reason::Instead { found, expected } => Problem::Parse {
            column,
            found,
            expected: expected.into_owned(),
        },
        Reason::Expected(expected) => {
            let found = token_at(text.get(at..).unwrap_or_default());
            // Where something particular is wanted, that is the best advice.
            let anything = expected.contains("an operator")
                || expected.starts_with("`,`")
                || [OPERAND, "an expression"].contains(&&*expected);
            let remedy = remedy(found).filter(|_| anything);
            let expected = remedy.map_or(expected.into_owned(), str::to_owned);
            let found = match found {
                "" => "the end".to_owned(),
                found if found.starts_with(['\'', '"']) => format!("`{found}`"),
                found => format!("`{}`", found.escape_debug()),
            };
            Problem::Parse {
                column,
                found,
                expected,
            }
        }
    })
}

/// What a reader would call the next thing in the text: a word, a number, a text, a sign.
fn token_at(rest: &str) -> &str {
    if let Some(quote) = rest.chars().next().filter(|c| ['\'', '"'].contains(c)) {
        let inside = rest[1..].find(quote).filter(|&end| end <= 40);
        let plain = inside.filter(|&end| !rest[1..=end].contains(char::is_control));
        return &rest[..plain.map_or(1, |end| end + 2)];
    }
    let word_len: usize = rest
        .chars()
        .take(40)
        .take_while(|&c| continues_word(c))
        .map(char::len_utf8)
        .sum();
    let sign_len = ["&&", "||", "**", "<=", ">=", "==", "!=", "->", ":="]
        .iter()
        .find(|sign| rest.starts_with(**sign))
        .map_or_else(
            || rest.chars().next().map_or(0, char::len_utf8),
            |sign| sign.len(),
        );
    &rest[..if word_len > 0 { word_len } else { sign_len }]
}

/// What to write instead of things that Python has and arrays have not.
fn remedy(found: &str) -> Option<&'static str> {
    Some(match found {
        "and" | "&&" => "`&`, with parentheses: `(a > 0) & (b > 0)`",
        "or" | "||" => "`|`, with parentheses: `(a > 0) | (b > 0)`",
        "not" | "!" => "`~`, with parentheses: `~(a > 0)`",
        "if" | "else" => "`where(condition, a, b)`",
        "=" => "`==` to compare",
        "." => "a function: `sum(a)` for `a.sum()`",
        "[" => "a whole array: select from it before",
        text if text.starts_with(['"', '\'']) => "a name or a number without quotes",
        _ => return None,
    })
}
