//! How are functions over whole arrays read and written?
//!
//! `name(array, …, parameter=value)`: arrays first, then parameters by name or in their order.
//!
//! Knows: the tree. Must not know: arrays, files.

use std::fmt;

use winnow::combinator::{alt, not, opt, peek};
use winnow::prelude::*;
use winnow::stream::{Location, Stream};

use super::super::call::{dtype_named, quoted};
use super::super::parse::{Failure, Input, Outcome, Reason, close, space, token, whole, word};
use super::super::show::write_float;
use super::{Accepts, Expr, Node, Parameters, S, Setting, Whole};
use crate::expr::Literal;

/// The rest of a call whose name has just been read at byte `at`.
pub(in crate::expr) fn call(input: &mut Input<'_>, at: usize, function: Whole) -> Outcome<Node> {
    let row = function.row();
    let mut operands: Vec<Expr> = vec![];
    let mut parameters = Parameters::new(function);
    let mut given = vec![false; row.parameters.len()];
    let (mut found, mut named) = (0, false);
    let wrong = |found: usize| {
        let most = row.operands + row.parameters.len();
        let expected = match row.operands {
            least if least == most => format!("{least}"),
            least => format!("{least} to {most}"),
        };
        let function = function.name().to_owned();
        let reason = Reason::Arguments {
            function,
            found,
            expected,
        };
        Failure::cut(at, reason)
    };
    token(input, "(")?;
    while peek(opt(')')).parse_next(input)?.is_none() {
        let here = input.current_token_start();
        let mut keyword = opt((word, '=', not('=')).map(|found| found.0));
        let place = match keyword.parse_next(input)? {
            Some(keyword) => {
                space(input)?;
                if found < row.operands {
                    return Err(wrong(found));
                }
                named = true;
                let mut names = function.parameters();
                let place = names.position(|known| known == keyword);
                Some(place.ok_or_else(|| Failure::expected(here, function.known_parameters()))?)
            }
            None if named => return Err(Failure::expected(here, function.known_parameters())),
            None => found.checked_sub(row.operands),
        };
        found += 1;
        match place {
            None => operands.push(whole(input)?),
            Some(place) => {
                let Some(&(_, accepts, _)) = row.parameters.get(place) else {
                    return Err(wrong(found));
                };
                if std::mem::replace(&mut given[place], true) {
                    return Err(Failure::expected(here, "each parameter once"));
                }
                parameters.values[place] = setting(input, accepts, &mut operands)?;
            }
        }
        if opt(',').parse_next(input)?.is_none() {
            break;
        }
        space(input)?;
    }
    close(input, "`,` or `)`")?;
    let mut needed = row.parameters.iter().zip(&given);
    let missing = needed.any(|(row, given)| !given && !row.1.none() && row.2 == S::None);
    if found < row.operands || missing {
        return Err(wrong(found));
    }
    Ok(Node::Whole {
        function,
        operands,
        parameters,
    })
}

/// A value for a parameter that accepts such.
fn setting(input: &mut Input<'_>, accepts: Accepts, operands: &mut Vec<Expr>) -> Outcome<Setting> {
    let at = input.current_token_start();
    let bad = || Failure::expected(at, accepts.expected());
    let value = match accepts {
        Accepts::DType | Accepts::Word(_) => {
            let text = match peek(opt(alt(('"', '\'')))).parse_next(input)? {
                Some(_) => quoted(input)?,
                None => word(input).map_err(|_| bad())?,
            };
            match accepts {
                Accepts::Word(words) => {
                    let known = words.iter().find(|known| **known == text);
                    let unknown = || Failure::instead(at, text, accepts.expected());
                    S::Word(known.ok_or_else(unknown)?)
                }
                _ if text == "None" => S::None,
                _ => S::DType(dtype_named(text, at)?),
            }
        }
        _ if opt("None").parse_next(input)?.is_some() => {
            space(input)?;
            S::None
        }
        _ => match list(input)? {
            Some(list) => S::List(list),
            None => {
                let expr = whole(input)?;
                match (expr.node(), accepts) {
                    (Node::Literal(Literal::Int(value)), _) => {
                        S::Int(i64::try_from(*value).map_err(|_| bad())?)
                    }
                    (Node::Literal(Literal::Float(value)), _) => S::Float(*value),
                    (Node::Literal(Literal::Bool(value)), _) => S::Bool(*value),
                    (_, Accepts::Bins | Accepts::Array) => {
                        operands.push(expr);
                        S::Operand(operands.len() - 1)
                    }
                    _ => return Err(Failure::instead(at, &expr, accepts.expected())),
                }
            }
        },
    };
    accepts.take(&value).ok_or_else(bad)
}

/// Numbers in brackets, or with commas in parentheses.
fn list(input: &mut Input<'_>) -> Outcome<Option<Vec<f64>>> {
    let (start, state) = (input.checkpoint(), input.state);
    let Some(open) = opt(alt(('(', '['))).parse_next(input)? else {
        return Ok(None);
    };
    let end = if open == '(' { ')' } else { ']' };
    space(input)?;
    let (mut numbers, mut comma) = (vec![], open == '[');
    let complete = loop {
        if opt(end).parse_next(input)?.is_some() {
            break comma || numbers.is_empty();
        }
        let number = whole(input).ok().and_then(|expr| match expr.node() {
            Node::Literal(Literal::Int(value)) => Some(*value as f64),
            Node::Literal(Literal::Float(value)) => Some(*value),
            _ => None,
        });
        let Some(number) = number else { break false };
        numbers.push(number);
        if opt(',').parse_next(input)?.is_some() {
            space(input)?;
            comma = true;
        } else if peek(opt(end)).parse_next(input)?.is_none() {
            break false;
        }
    };
    if complete {
        space(input)?;
        return Ok(Some(numbers));
    }
    // Perhaps an expression in parentheses.
    input.reset(&start);
    input.state = state;
    Ok(None)
}

/// Writes what [`call`] reads.
pub(in crate::expr) fn write(
    f: &mut fmt::Formatter<'_>,
    function: Whole,
    operands: &[Expr],
    parameters: &Parameters,
) -> fmt::Result {
    write!(f, "{}(", function.name())?;
    for (place, operand) in operands.iter().take(function.arity()).enumerate() {
        write!(f, "{}{operand}", if place == 0 { "" } else { ", " })?;
    }
    for ((name, _, default), value) in function.row().parameters.iter().zip(&parameters.values) {
        if value == default {
            continue;
        }
        write!(f, ", {name}=")?;
        write_value(f, value, operands)?;
    }
    write!(f, ")")
}

fn write_value(f: &mut fmt::Formatter<'_>, value: &Setting, operands: &[Expr]) -> fmt::Result {
    match value {
        S::None => write!(f, "None"),
        S::Bool(true) => write!(f, "True"),
        S::Bool(false) => write!(f, "False"),
        S::Int(value) => write!(f, "{value}"),
        S::Float(value) => write_float(f, *value),
        S::Word(word) => write!(f, "'{word}'"),
        S::DType(scalar) => write!(f, "{}", scalar.name()),
        S::Axes(axes) => write!(f, "{axes:?}"),
        S::List(list) => {
            write!(f, "[")?;
            for (place, number) in list.iter().enumerate() {
                write!(f, "{}", if place == 0 { "" } else { ", " })?;
                write_float(f, *number)?;
            }
            write!(f, "]")
        }
        S::Operand(place) => match operands.get(*place) {
            Some(operand) => write!(f, "{operand}"),
            None => write!(f, "None"),
        },
    }
}

/// A default, as text.
struct Default<'a>(&'a Setting);

impl fmt::Display for Default<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_value(f, self.0, &[])
    }
}

/// A function's name, its arrays, and its parameters with their defaults.
pub(super) fn signature(function: Whole) -> String {
    let row = function.row();
    let arrays = ["a", "b"].iter().take(row.operands);
    let mut arguments: Vec<String> = arrays.map(|name| (*name).to_owned()).collect();
    for (name, accepts, default) in row.parameters {
        arguments.push(match default {
            S::None if !accepts.none() => (*name).to_owned(),
            default => format!("{name}={}", Default(default)),
        });
    }
    format!("{}({})", row.name, arguments.join(", "))
}
