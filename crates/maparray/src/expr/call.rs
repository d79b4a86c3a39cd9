//! Text → tree, for everything that is written `name(…)`.
//!
//! Operations and reductions by NumPy's names, casts by the names of dtypes, and the spellings that
//! `Display` needs for numbers without a literal.
//!
//! Knows: the tree, names of operations. Must not know: arrays, dtypes of arrays.

use winnow::combinator::{alt, not, opt, peek};
use winnow::error::ErrMode;
use winnow::prelude::*;
use winnow::stream::Location;
use winnow::token::take_while;

use super::parse::{Failure, Input, Outcome, Reason, close, number, space, token, whole, word};
use super::{Axes, Expr, KeepAxes, Literal, Node, Reduce, Whole};
use crate::dtype::{DType, Kind, Scalar};
use crate::ops::{Nans, Op, Reduction};

/// What stands between the parentheses.
#[derive(Default)]
struct Arguments<'a> {
    values: Vec<Value<'a>>,
    axes: Option<Axes>,
    keep: Option<KeepAxes>,
    ddof: Option<f64>,
    dtype: Option<Scalar>,
    /// Of `isclose`, relative and absolute.
    tolerances: [Option<Expr>; 2],
    equal_nan: Option<bool>,
    mask: Option<Expr>,
    initial: Option<Expr>,
}

enum Value<'a> {
    Expr(Expr),
    /// A text in quotes and the byte where it begins.
    Text(&'a str, usize),
}

/// What a name before a parenthesis can mean.
enum Function {
    Op(Op),
    /// Two results, of which `[0]` or `[1]` says one.
    Pair([Op; 2]),
    IsClose,
    Reduction(Reduction, Nans),
    /// The greatest less the least.
    Ptp,
    Cast(Scalar),
    AsType,
    Index,
    Complex,
    Float,
}

/// Python's own names for types; `float('nan')` and `complex(1, 2)` are numbers, too.
const PYTHON_TYPES: &[(&str, Scalar)] = &[
    ("int", Scalar::I64),
    ("float", Scalar::F64),
    ("complex", Scalar::C128),
];

fn find(name: &str) -> Option<Function> {
    match name {
        "astype" => return Some(Function::AsType),
        "index" => return Some(Function::Index),
        "complex" => return Some(Function::Complex),
        "float" => return Some(Function::Float),
        "isclose" => return Some(Function::IsClose),
        "ptp" => return Some(Function::Ptp),
        _ => {}
    }
    let op = Op::find(name).map(Function::Op);
    let half = |place: usize| Op::find(&format!("{name}[{place}]"));
    let pair = || Some(Function::Pair([half(0)?, half(1)?]));
    op.or_else(pair)
        .or_else(|| reduction_named(name))
        .or_else(|| type_named(name).map(Function::Cast))
}

/// `sum`, and `nansum` for one that skips NaNs.
fn reduction_named(name: &str) -> Option<Function> {
    let plain = Reduction::find(name).map(|found| Function::Reduction(found, Nans::Count));
    plain.or_else(|| {
        let found = Reduction::find(name.strip_prefix("nan")?)?;
        let skips = found.skips_nans() && name[3..] == *found.name();
        skips.then_some(Function::Reduction(found, Nans::Skip))
    })
}

/// `float32`, and Python's `int`, `float`, `complex`.
fn type_named(name: &str) -> Option<Scalar> {
    let python = PYTHON_TYPES
        .iter()
        .find(|row| row.0 == name)
        .map(|row| row.1);
    python.or_else(|| {
        Scalar::STORED
            .iter()
            .copied()
            .find(|scalar| scalar.name() == name)
    })
}

/// The rest of a call whose name has just been read at byte `at`.
pub(super) fn call<'a>(input: &mut Input<'a>, at: usize, name: &'a str) -> Outcome<Node> {
    if let Some(function) = Whole::find(name) {
        return super::whole::call(input, at, function);
    }
    let Some(function) = find(name) else {
        let reason = Reason::Function {
            name: name.to_owned(),
            known: known(name),
        };
        return Err(Failure::cut(at, reason));
    };
    let mut arguments = arguments(input, &function)?;
    let wrong = |found: usize, expected: &str| {
        let (function, expected) = (name.to_owned(), expected.to_owned());
        Failure::cut(
            at,
            Reason::Arguments {
                function,
                found,
                expected,
            },
        )
    };
    let found = arguments.values.len();
    let mut values = std::mem::take(&mut arguments.values).into_iter();
    let mut next = |expected: &str| match values.next() {
        Some(Value::Expr(expr)) => Ok(expr),
        Some(Value::Text(_, at)) => Err(Failure::expected(at, "an expression")),
        None => Err(wrong(found, expected)),
    };
    let node = match function {
        Function::Op(Op::Round) if found == 1 => {
            Node::Apply(Op::Round, vec![next("1 or 2")?, Expr::from(0)])
        }
        Function::Pair(halves) => {
            let arity = halves[0].arity();
            let expected = arity.to_string();
            let operands = (0..arity)
                .map(|_| next(&expected))
                .collect::<Outcome<_>>()?;
            if found > arity {
                return Err(wrong(found, &expected));
            }
            let at = input.current_token_start();
            let one_of_two =
                |_: ErrMode<Failure>| Failure::expected(at, "`[0]` or `[1]`: it has two results");
            let mut half = ('[', alt(('0'.value(0), '1'.value(1))), ']').map(|found| found.1);
            let half: usize = half.parse_next(input).map_err(one_of_two)?;
            space(input)?;
            Node::Apply(halves[half], operands)
        }
        Function::IsClose => {
            let expected = "two arrays, then `rtol=`, `atol=`, `equal_nan=`";
            let (a, b) = (next(expected)?, next(expected)?);
            if found > 2 {
                return Err(wrong(found, expected));
            }
            let [relative, absolute] = arguments.tolerances;
            let relative = relative.unwrap_or_else(|| Expr::from(1e-5));
            let absolute = absolute.unwrap_or_else(|| Expr::from(1e-8));
            let close = a.isclose(&b, relative, absolute);
            let close = match arguments.equal_nan {
                Some(true) => close | a.isnan() & b.isnan(),
                _ => close,
            };
            return Ok(close.node().clone());
        }
        Function::Op(op) => {
            let expected = op.arity().to_string();
            let operands: Vec<Expr> = (0..op.arity())
                .map(|_| next(&expected))
                .collect::<Outcome<_>>()?;
            if found > op.arity() {
                return Err(wrong(found, &expected));
            }
            Node::Apply(op, operands)
        }
        Function::Reduction(..) | Function::Ptp => {
            let of = next("an array, then `axis`")?;
            let positional = match found {
                1 => None,
                2 => Some(axis_of(&next("an axis")?).ok_or_else(|| wrong(2, one_array(name)))?),
                _ => return Err(wrong(found, one_array(name))),
            };
            let axes = match (positional, arguments.axes) {
                (Some(axis), None) => Axes::Named(vec![axis]),
                (None, axes) => axes.unwrap_or(Axes::All),
                (Some(_), Some(_)) => return Err(wrong(found, "`axis` once")),
            };
            let mut mask = arguments.mask;
            let skips = matches!(function, Function::Reduction(_, Nans::Skip));
            // An integer cannot be NaN: which elements are is asked before the cast.
            let ahead = skips
                && arguments
                    .dtype
                    .is_some_and(|dtype| dtype.kind() < Kind::Float);
            if ahead {
                let numbers = of.equal(&of);
                mask = Some(match mask {
                    Some(mask) => numbers.logical_and(mask),
                    None => numbers,
                });
            }
            let of = match arguments.dtype {
                Some(scalar) => Expr::new(Node::Cast(scalar, of)),
                None => of,
            };
            let keep = arguments.keep.unwrap_or_default();
            let reduced = |reduction, nans| {
                Node::Reduce(Reduce {
                    nans: if ahead { Nans::Count } else { nans },
                    mask: mask.clone(),
                    initial: arguments.initial.clone(),
                    axes: axes.clone(),
                    keep,
                    ddof: arguments.ddof.unwrap_or(0.0),
                    ..Reduce::new(reduction, of.clone())
                })
            };
            match (function, arguments.dtype) {
                // Small integers are summed as wide ones, and come back as what was asked for.
                (
                    Function::Reduction(found @ (Reduction::Sum | Reduction::Prod), nans),
                    Some(scalar),
                ) => Node::Cast(scalar, Expr::new(reduced(found, nans))),
                (Function::Reduction(found, nans), _) => reduced(found, nans),
                _ => {
                    let ends = [Reduction::Max, Reduction::Min];
                    let ends = ends.map(|end| Expr::new(reduced(end, Nans::Count)));
                    Node::Apply(Op::Subtract, ends.to_vec())
                }
            }
        }
        Function::Cast(scalar) => {
            let of = next("1")?;
            if found > 1 {
                return Err(wrong(found, "1"));
            }
            Node::Cast(scalar, of)
        }
        Function::AsType => {
            let expected = "an array and a dtype";
            let of = next(expected)?;
            let scalar = match (values.next(), arguments.dtype) {
                (None, Some(scalar)) => scalar,
                (Some(Value::Text(text, at)), None) => dtype_named(text, at)?,
                (Some(Value::Expr(expr)), None) => match expr.node() {
                    Node::Name { name, .. } => dtype_named(name, at)?,
                    _ => return Err(wrong(found, expected)),
                },
                _ => return Err(wrong(found, expected)),
            };
            if found > 2 {
                return Err(wrong(found, expected));
            }
            Node::Cast(scalar, of)
        }
        Function::Index => {
            let lengths = (0..found).map(|_| {
                let length = next("lengths of axes")?;
                match length.node() {
                    Node::Literal(Literal::Int(len)) => usize::try_from(*len).ok(),
                    _ => None,
                }
                .ok_or_else(|| {
                    let expected = "lengths of axes: plain numbers, not negative";
                    Failure::instead(at, &length, expected)
                })
            });
            Node::Index(lengths.collect::<Outcome<_>>()?)
        }
        Function::Float => match values.next() {
            Some(Value::Text(text, at)) if found == 1 => {
                Node::Literal(Literal::Float(text.trim().parse().map_err(|_| {
                    Failure::expected(at, "a number such as `'nan'` or `'inf'`")
                })?))
            }
            Some(Value::Expr(of)) if found == 1 => Node::Cast(Scalar::F64, of),
            _ => return Err(wrong(found, "1")),
        },
        Function::Complex => {
            let real = next("1 or 2 numbers")?;
            match found {
                1 => Node::Cast(Scalar::C128, real),
                2 => {
                    let imaginary = next("2 numbers")?;
                    match (real_of(&real), real_of(&imaginary)) {
                        (Some(real), Some(imaginary)) => {
                            Node::Literal(Literal::Complex(real, imaginary))
                        }
                        _ => return Err(wrong(found, "2 numbers without operators")),
                    }
                }
                _ => return Err(wrong(found, "1 or 2")),
            }
        }
    };
    Ok(node)
}

/// What a reduction takes; for those with an elementwise twin, its name.
fn one_array(name: &str) -> &'static str {
    match name {
        "min" | "amin" => "one array and an axis (`minimum(a, b)` compares two)",
        "max" | "amax" => "one array and an axis (`maximum(a, b)` compares two)",
        _ => "one array and an axis",
    }
}

fn axis_of(expr: &Expr) -> Option<i64> {
    match expr.node() {
        Node::Literal(Literal::Int(axis)) => i64::try_from(*axis).ok(),
        _ => None,
    }
}

fn real_of(expr: &Expr) -> Option<f64> {
    match expr.node() {
        Node::Literal(Literal::Int(value)) => Some(*value as f64),
        Node::Literal(Literal::Float(value)) => Some(*value),
        _ => None,
    }
}

pub(super) fn dtype_named(text: &str, at: usize) -> Outcome<Scalar> {
    let dtype: Option<DType> = text.parse().ok();
    let native = dtype
        .filter(DType::is_native)
        .and_then(|dtype| dtype.scalar());
    native
        .or_else(|| type_named(text))
        .ok_or_else(|| Failure::instead(at, text, "a number type such as `float32` or `'f4'`"))
}

fn arguments<'a>(input: &mut Input<'a>, function: &Function) -> Outcome<Arguments<'a>> {
    let mut arguments = Arguments::default();
    token(input, "(")?;
    loop {
        if peek(opt(')')).parse_next(input)?.is_some() {
            break;
        }
        argument(input, function, &mut arguments)?;
        if opt(',').parse_next(input)?.is_none() {
            break;
        }
        space(input)?;
    }
    close(input, "`,` or `)`")?;
    Ok(arguments)
}

fn argument<'a>(
    input: &mut Input<'a>,
    function: &Function,
    arguments: &mut Arguments<'a>,
) -> Outcome<()> {
    let at = input.current_token_start();
    let mut keyword = opt((word, '=', not('=')).map(|found| found.0));
    let Some(keyword) = keyword.parse_next(input)? else {
        let value = match peek(opt(alt(('"', '\'')))).parse_next(input)? {
            Some(_) => Value::Text(quoted(input)?, at),
            None => Value::Expr(whole(input)?),
        };
        arguments.values.push(value);
        return Ok(());
    };
    use Reduction as R;
    space(input)?;
    let twice = match (function, keyword) {
        (Function::Reduction(..) | Function::Ptp, "axis") => {
            arguments.axes.replace(axes(input)?).is_some()
        }
        (Function::Reduction(..) | Function::Ptp, "keepdims") => {
            arguments.keep.replace(keep(input)?).is_some()
        }
        (Function::Reduction(found, _), "where") if found.takes_mask() => {
            arguments.mask.replace(whole(input)?).is_some()
        }
        (Function::Reduction(found, _), "initial") if found.join().is_some() => {
            arguments.initial.replace(whole(input)?).is_some()
        }
        (Function::Reduction(R::Var | R::Std, _), "ddof" | "correction") => {
            let at = input.current_token_start();
            let ddof = real_of(&whole(input)?).ok_or_else(|| Failure::expected(at, "a number"))?;
            arguments.ddof.replace(ddof).is_some()
        }
        (Function::AsType, "dtype")
        | (Function::Reduction(R::Sum | R::Prod | R::Mean | R::Var | R::Std, _), "dtype") => {
            let at = input.current_token_start();
            let text = match peek(opt(alt(('"', '\'')))).parse_next(input)? {
                Some(_) => quoted(input)?,
                None => word(input).map_err(|_| Failure::expected(at, "a dtype"))?,
            };
            let scalar = dtype_named(text, at)?;
            // A mean of integers is no integer, and NumPy's answer there is of no use.
            let means = matches!(function, Function::Reduction(R::Mean | R::Var | R::Std, _));
            if means && scalar.kind() < Kind::Float {
                return Err(Failure::expected(at, "a float or complex dtype"));
            }
            arguments.dtype.replace(scalar).is_some()
        }
        (Function::Reduction(found, _), _) => {
            return Err(Failure::expected(at, keywords(*found)));
        }
        (Function::Ptp, _) => return Err(Failure::expected(at, keywords(R::ArgMin))),
        (Function::AsType, _) => return Err(Failure::expected(at, "`dtype=`")),
        (Function::Op(Op::Round), "decimals") if arguments.values.len() == 1 => {
            arguments.values.push(Value::Expr(whole(input)?));
            false
        }
        (Function::IsClose, "rtol") => arguments.tolerances[0].replace(whole(input)?).is_some(),
        (Function::IsClose, "atol") => arguments.tolerances[1].replace(whole(input)?).is_some(),
        (Function::IsClose, "equal_nan") => arguments.equal_nan.replace(truth(input)?).is_some(),
        _ => return Err(Failure::expected(at, "an argument without a name")),
    };
    if twice {
        return Err(Failure::expected(at, "each keyword once"));
    }
    Ok(())
}

/// The arguments with a name that a reduction takes.
fn keywords(reduction: Reduction) -> &'static str {
    use Reduction as R;
    match reduction {
        R::Var | R::Std => "`axis=`, `keepdims=`, `where=`, `ddof=` or `dtype=`",
        R::Mean => "`axis=`, `keepdims=`, `where=` or `dtype=`",
        R::Sum | R::Prod => "`axis=`, `keepdims=`, `where=`, `initial=` or `dtype=`",
        R::Min | R::Max => "`axis=`, `keepdims=`, `where=` or `initial=`",
        R::Any | R::All => "`axis=`, `keepdims=` or `where=`",
        R::CountNonzero | R::ArgMin | R::ArgMax => "`axis=` or `keepdims=`",
    }
}

pub(super) fn quoted<'a>(input: &mut Input<'a>) -> Outcome<&'a str> {
    let at = input.current_token_start();
    let text = alt((
        ('"', take_while(0.., |c| c != '"'), '"').map(|found| found.1),
        ('\'', take_while(0.., |c| c != '\''), '\'').map(|found| found.1),
    ))
    .parse_next(input)
    .map_err(|_: ErrMode<Failure>| Failure::expected(at, "a text in quotes"))?;
    space(input)?;
    Ok(text)
}

/// `None`, one axis, or several in parentheses.
fn axes(input: &mut Input<'_>) -> Outcome<Axes> {
    let at = input.current_token_start();
    if opt('(').parse_next(input)?.is_none() {
        if opt("None").parse_next(input)?.is_some() {
            space(input)?;
            return Ok(Axes::All);
        }
        return Ok(Axes::Named(vec![axis(input)?]));
    }
    space(input)?;
    let mut axes = Vec::new();
    while peek(opt(')')).parse_next(input)?.is_none() {
        axes.push(axis(input)?);
        if opt(',').parse_next(input)?.is_none() {
            break;
        }
        space(input)?;
    }
    if axes.len() > crate::layout::MAX_AXES {
        return Err(Failure::expected(at, "at most 64 axes"));
    }
    close(input, "`,` or `)`")?;
    Ok(Axes::Named(axes))
}

fn axis(input: &mut Input<'_>) -> Outcome<i64> {
    let at = input.current_token_start();
    let sign = opt('-').parse_next(input)?;
    space(input)?;
    let found = match number(input) {
        Ok(Literal::Int(axis)) => i64::try_from(axis).ok(),
        _ => None,
    };
    let axis = found.ok_or_else(|| Failure::expected(at, "the number of an axis"))?;
    Ok(if sign.is_some() { -axis } else { axis })
}

fn keep(input: &mut Input<'_>) -> Outcome<KeepAxes> {
    Ok(if truth(input)? {
        KeepAxes::Keep
    } else {
        KeepAxes::Drop
    })
}

fn truth(input: &mut Input<'_>) -> Outcome<bool> {
    let at = input.current_token_start();
    match opt(alt(("True", "False"))).parse_next(input)? {
        Some(text) => {
            space(input)?;
            Ok(text == "True")
        }
        None => Err(Failure::expected(at, "`True` or `False`")),
    }
}

/// The function that the caller may have meant.
fn known(name: &str) -> String {
    let names = (Op::ALL.iter().map(|op| op.name()))
        .chain(Reduction::ALL.iter().map(|reduction| reduction.name()))
        .chain(Whole::ALL.iter().map(|whole| whole.name()))
        .chain(Scalar::STORED.iter().map(|scalar| scalar.name()))
        .chain(["astype", "where", "isclose", "divmod", "frexp", "modf"]);
    let nearest = names.map(|known| (distance(name, known), known)).min();
    match nearest {
        Some((edits, known)) if edits * 3 <= name.chars().count().max(3) => {
            format!("a function, perhaps `{known}`")
        }
        _ => "a function such as `sqrt` or `mean`".to_owned(),
    }
}

/// Letters to insert, remove or replace between two words.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().take(40).enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, &b) in right.iter().enumerate() {
            let replaced = corner + usize::from(a != b);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}
