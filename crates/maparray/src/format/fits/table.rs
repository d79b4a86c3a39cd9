//! What is a row of a binary table?
//!
//! Columns of fixed width become fields. Logical ones are the bytes `T`, `F` and NUL, bits are packed
//! into bytes, and a column of variable length is a count and an offset. What `TSCALn` and `TZEROn` say
//! is left to the caller.
//!
//! Knows: errors, dtypes, cards. Must not know: files.

use std::collections::HashSet;
use std::sync::Arc;

use super::card::Value;
use super::hdu::Look;
use crate::dtype::{ByteOrder, DType, Field, Record, Scalar};
use crate::error::Result;
use crate::layout::extent;

/// The dtype of a row of so many bytes.
pub(super) fn record(look: &Look<'_>, row: u64) -> Result<DType> {
    let count = look.within("TFIELDS", 0, 999, "0 to 999")?;
    let size = i32::try_from(row)
        .ok()
        .and_then(|row| usize::try_from(row).ok());
    let unfit = || {
        let found = Value::Integer(row.into());
        look.wrong("NAXIS1", &found, "the bytes of all columns")
    };
    let size = size.filter(|size| *size > 0).ok_or_else(unfit)?;
    let (mut fields, mut offset): (Vec<Field>, usize) = (vec![], 0);
    let mut names = HashSet::new();
    for number in 1..=count {
        let Some(dtype) = column(look, number)? else {
            continue;
        };
        let end = offset.checked_add(dtype.size()).filter(|end| *end <= size);
        let end = end.ok_or_else(unfit)?;
        let name = look.cards.value(&format!("TTYPE{number}"));
        let name = name.as_ref().and_then(Value::as_text).unwrap_or_default();
        let mut name = match name.trim() {
            "" => format!("col{number}"),
            name => name.to_owned(),
        };
        while !names.insert(name.clone()) {
            name = format!("{name}_{number}");
        }
        fields.push(Field {
            name,
            title: None,
            dtype,
            offset,
        });
        offset = end;
    }
    Ok(DType::Record(Arc::new(Record { fields, size })))
}

/// The dtype of a column; `None` if it has no bytes.
fn column(look: &Look<'_>, number: i64) -> Result<Option<DType>> {
    let keyword = format!("TFORM{number}");
    let value = look.needed(&keyword)?;
    let expected = "a count and one of L X B I J K A E D C M P Q";
    let wrong = || look.wrong(&keyword, &value, expected);
    let text = value.as_text().map(str::trim).unwrap_or_default();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, rest) = text.split_at(digits);
    let count: usize = match count {
        "" => 1,
        count => count.parse().map_err(|_| wrong())?,
    };
    let letter = rest.chars().next().ok_or_else(wrong)?;
    let number_of = |scalar: Scalar| DType::from(scalar).with_order(ByteOrder::Big);
    if count == 0 {
        return Ok(None);
    }
    let (dtype, count) = match letter.to_ascii_uppercase() {
        'L' => (DType::Bytes(1), count),
        'X' => (number_of(Scalar::U8), count.div_ceil(8)),
        'B' => (number_of(Scalar::U8), count),
        'I' => (number_of(Scalar::I16), count),
        'J' => (number_of(Scalar::I32), count),
        'K' => (number_of(Scalar::I64), count),
        'E' => (number_of(Scalar::F32), count),
        'D' => (number_of(Scalar::F64), count),
        'C' => (number_of(Scalar::C64), count),
        'M' => (number_of(Scalar::C128), count),
        'A' => return strings(look, number, count).map(Some),
        // A count and a place, as often as `count` says, which is once.
        'P' if count == 1 => (number_of(Scalar::I32), 2),
        'Q' if count == 1 => (number_of(Scalar::I64), 2),
        _ => return Err(wrong()),
    };
    let counted = !matches!(letter, 'X' | 'P' | 'Q');
    let shape = dimensions(look, number).filter(|shape| {
        let product = shape
            .iter()
            .try_fold(1usize, |all, len| all.checked_mul(*len));
        counted && product == Some(count)
    });
    block(dtype, shape, count).map(Some)
}

/// Characters, which a shape cuts into several texts.
fn strings(look: &Look<'_>, number: i64, count: usize) -> Result<DType> {
    if let Some(mut shape) = dimensions(look, number)
        && let Some(width) = shape.pop()
    {
        let texts = shape
            .iter()
            .try_fold(width, |all, len| all.checked_mul(*len));
        if texts == Some(count) && width > 0 {
            return match shape.is_empty() {
                true => Ok(DType::Bytes(width)),
                false => block(DType::Bytes(width), Some(shape), 0),
            };
        }
    }
    extent(&[count], 1)?;
    Ok(DType::Bytes(count))
}

fn block(dtype: DType, shape: Option<Vec<usize>>, count: usize) -> Result<DType> {
    let shape = match (shape, count) {
        (Some(shape), _) => shape,
        (None, 1) => return Ok(dtype),
        (None, count) => vec![count],
    };
    extent(&shape, dtype.size())?;
    Ok(DType::SubArray(Arc::new((dtype, shape))))
}

/// What `TDIMn` says, the axis that varies fastest last; what makes no sense says nothing.
fn dimensions(look: &Look<'_>, number: i64) -> Option<Vec<usize>> {
    let value = look.cards.value(&format!("TDIM{number}"))?;
    let inside = value
        .as_text()?
        .trim()
        .strip_prefix('(')?
        .strip_suffix(')')?;
    let lengths = inside.split(',').map(|len| len.trim().parse().ok());
    let mut lengths: Vec<usize> = lengths.collect::<Option<_>>()?;
    lengths.reverse();
    (lengths.len() <= 32).then_some(lengths)
}
