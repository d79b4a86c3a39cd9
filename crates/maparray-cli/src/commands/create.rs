//! `maparray create`: a new file, and what its elements are.
//!
//! Values are expressions: positions of elements, arithmetic and random numbers, evaluated like any
//! other. There is no second way to make numbers.

use std::io::Write;

use maparray::expr::where_;
use maparray::{Allocate, Eval, Existing, Expr, MemMapArray, Mode, Scalar};
use serde_json::json;

use super::{configured, print_json};
use crate::args::{Create, How};
use crate::failure::Failure;
use crate::value;

/// The error number of POSIX for a file that is there already.
pub(super) const EXISTS: i32 = 17;

pub(super) fn run(create: &Create, how: &How, out: &mut dyn Write) -> Result<(), Failure> {
    let shape = lengths(create)?;
    let elements = elements(create, &shape)?;
    let options = maparray::Create {
        format: None,
        order: create.order.into(),
        existing: if create.exclusive {
            Existing::Refuse
        } else {
            Existing::Replace
        },
        allocate: if create.sparse {
            Allocate::Sparse
        } else {
            Allocate::Full
        },
    };
    let made = match elements {
        Some(elements) => configured(Eval::new(elements), how)
            .save_as(&create.file, &create.dtype, &options)
            .map(drop),
        None => MemMapArray::create(&create.file, &create.dtype, &shape, &options).map(drop),
    };
    made.map_err(|error| match error.os_error() {
        Some(EXISTS) => Failure::Hinted {
            error,
            hint: "without `--exclusive` the file is replaced",
        },
        _ => error.into(),
    })?;
    if let Some(unit) = &create.unit {
        let made = MemMapArray::open(&create.file, Mode::ReadWrite)?;
        made.with_unit(unit.clone()).store_unit()?;
    }
    let file_bytes = maparray::info(&create.file)?.file_len;
    if how.json {
        let document = json!({
            "path": create.file.display().to_string(),
            "dtype": create.dtype.to_string(),
            "shape": shape,
            "file_bytes": file_bytes,
        });
        return print_json(out, &document);
    }
    if how.quiet {
        return Ok(());
    }
    let (path, shape) = (value::path(&create.file), value::shape(&shape));
    let (dtype, size) = (value::dtype_name(&create.dtype), value::size(file_bytes));
    Ok(writeln!(out, "{path}: {dtype} {shape}, {size}")?)
}

fn lengths(create: &Create) -> Result<Vec<usize>, Failure> {
    let lengths = create.shape.0.iter().map(|len| usize::try_from(*len));
    lengths
        .collect::<Result<_, _>>()
        .map_err(|_| Failure::Usage {
            message: "a new array has no -1 in its shape".to_owned(),
            hint: "-1 stands for what a file's length decides; this file does not exist yet",
        })
}

/// What the elements are; nothing if they are zeros.
fn elements(create: &Create, shape: &[usize]) -> Result<Option<Expr>, Failure> {
    let index = Expr::index(shape);
    let values = if let Some(fill) = &create.fill {
        let fill = number(fill)?;
        let cast = fill.cast(create.dtype.number()?);
        where_(index.greater_equal(0), &cast, &cast)
    } else if let Some(range) = &create.arange {
        let (start, step) = range.split_once(':').unwrap_or((range, "1"));
        let (start, step) = (number(start)?, number(step)?);
        // What the dtype cannot hold is refused, as for `--fill`; nothing lies beyond the ends.
        let count: usize = shape.iter().product();
        for place in [0, count.saturating_sub(1)] {
            let end = (Expr::from(place) * &step + &start).cast(create.dtype.number()?);
            Eval::new(end).describe()?;
        }
        index * step + start
    } else if create.random {
        random(create.dtype.number()?, &index, create.seed)
    } else {
        return Ok(None);
    };
    Ok(Some(values.cast(create.dtype.number()?)))
}

/// An expression of numbers, such as `-1` or `2 * pi`.
fn number(text: &str) -> Result<Expr, Failure> {
    let failed = |error| Failure::Expression {
        text: text.to_owned(),
        error,
    };
    let expr = Expr::parse(text).map_err(failed)?;
    // An unknown name is told here, where its text is at hand.
    Eval::new(expr.clone()).describe().map_err(failed)?;
    Ok(expr)
}

/// A random element at each position.
///
/// Floats and the parts of complex numbers lie in [0, 1) also after rounding to the dtype; integers
/// use their whole range, as finely as 53 random bits allow.
fn random(scalar: Scalar, index: &Expr, seed: i64) -> Expr {
    // As many bits as the dtype holds exactly.
    let unit = |index: &Expr, bits: i32| {
        let steps = 2.0_f64.powi(bits);
        (index.random(seed) * steps).floor() / steps
    };
    let parts = |bits| unit(&(index * 2), bits) + unit(&(index * 2 + 1), bits) * imaginary();
    let bits = 8 * scalar.size() as i32;
    match scalar {
        Scalar::Bool => index.random(seed).less(0.5),
        Scalar::F16 => unit(index, 11),
        Scalar::BF16 => unit(index, 8),
        Scalar::F8E4M3 => unit(index, 4),
        Scalar::F8E5M2 => unit(index, 3),
        Scalar::F32 => unit(index, 24),
        Scalar::F64 => index.random(seed),
        Scalar::C64 => parts(24),
        Scalar::C128 => parts(53),
        Scalar::U8 | Scalar::U16 | Scalar::U32 | Scalar::U64 => {
            (index.random(seed) * 2.0_f64.powi(bits)).floor()
        }
        Scalar::I8 | Scalar::I16 | Scalar::I32 | Scalar::I64 => {
            ((index.random(seed) - 0.5) * 2.0_f64.powi(bits)).floor()
        }
    }
}

fn imaginary() -> Expr {
    maparray::expr::Literal::Complex(0.0, 1.0).into()
}
