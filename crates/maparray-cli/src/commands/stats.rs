//! `maparray stats`: which numbers are in an array?
//!
//! Every answer is an expression over the array, evaluated in blocks. NaN is counted and otherwise
//! left out; infinities take part.

use std::io::Write;
use std::path::Path;

use maparray::dtype::Kind;
use maparray::expr::where_;
use maparray::{Eval, Expr, MemMapArray, Opened, Scalar};
use serde_json::{Map, Value, json};

use super::{configured, open, print_json};
use crate::args::{How, RawArgs};
use crate::failure::Failure;
use crate::value;

/// One line of the answer.
struct Row {
    name: &'static str,
    text: String,
    json: Value,
}

impl Row {
    fn count(name: &'static str, count: u64) -> Row {
        Row {
            name,
            text: count.to_string(),
            json: json!(count),
        }
    }

    /// A number that an array without elements does not have.
    fn number(name: &'static str, number: Option<&MemMapArray>) -> Result<Row, Failure> {
        Ok(match number {
            None => Row {
                name,
                text: "none".to_owned(),
                json: Value::Null,
            },
            Some(number) => {
                let (dtype, bytes) = (number.dtype(), number.bytes_of(&[])?);
                Row {
                    name,
                    text: dtype.show(&bytes),
                    json: value::to_json(dtype, &bytes),
                }
            }
        })
    }
}

pub(super) fn run(
    file: &Path,
    raw: &RawArgs,
    how: &How,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let array = open(file, raw.told().as_ref(), how, err)?;
    let rows = statistics(&array, how).map_err(|failure| match failure {
        Failure::Array(error) => Failure::Array(error.at(file)),
        other => other,
    })?;
    if how.json {
        let mut document = Map::new();
        document.insert("path".to_owned(), json!(file.display().to_string()));
        document.insert("dtype".to_owned(), json!(array.dtype().to_string()));
        document.insert("shape".to_owned(), json!(array.shape()));
        let unit = array.unit().map(ToString::to_string);
        document.insert("unit".to_owned(), json!(unit));
        document.extend(rows.into_iter().map(|row| (row.name.to_owned(), row.json)));
        return print_json(out, &Value::Object(document));
    }
    if let Some(unit) = array.unit() {
        writeln!(out, "unit   {}", value::plain(&unit.to_string()))?;
    }
    for Row { name, text, .. } in rows {
        writeln!(out, "{name:<7}{text}")?;
    }
    Ok(())
}

fn statistics(array: &Opened, how: &How) -> Result<Vec<Row>, Failure> {
    let kind = array.dtype().number()?.kind();
    let compute = |expr: Expr| configured(Eval::new(expr).opened("a", array), how).run();
    let count = |expr: Expr| -> Result<u64, Failure> {
        let count = compute(expr.count_nonzero().into())?.get::<i64>(&[])?;
        Ok(count.unsigned_abs())
    };
    let a = Expr::array("a");
    let inexact = kind >= Kind::Float;
    let nan = if inexact { count(a.isnan())? } else { 0 };
    let infinite = if inexact { count(a.isinf())? } else { 0 };
    let present = array.len() as u64 - nan;

    // In the place of NaN stands what changes nothing.
    let or = |instead: f64, of: &Expr| match nan {
        0 => of.clone(),
        _ => where_(a.isnan(), instead, of),
    };
    let wide = a.cast(if kind == Kind::Complex {
        Scalar::C128
    } else {
        Scalar::F64
    });
    let mean = or(0.0, &wide).sum() / present;
    let distance = (&wide - &mean).absolute();
    let spread = ((or(0.0, &distance.square())).sum() / present).sqrt();
    let some = |expr: Expr| match present {
        0 => Ok(None),
        _ => compute(expr).map(Some),
    };
    // Complex numbers have no order.
    let ordered = |expr: Expr| {
        if kind == Kind::Complex {
            Ok(None)
        } else {
            some(expr)
        }
    };

    Ok(vec![
        Row::count("count", array.len() as u64),
        Row::number("min", ordered(or(f64::INFINITY, &a).min().into())?.as_ref())?,
        Row::number(
            "max",
            ordered(or(f64::NEG_INFINITY, &a).max().into())?.as_ref(),
        )?,
        Row::number("mean", some(mean)?.as_ref())?,
        Row::number("std", some(spread)?.as_ref())?,
        Row::count("nan", nan),
        Row::count("inf", infinite),
        Row::count("zeros", count(a.equal(0))?),
    ])
}
