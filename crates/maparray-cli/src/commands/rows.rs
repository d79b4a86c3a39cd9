//! `maparray head` and `maparray tail`: which values are at the ends of an array?
//!
//! Maps the file and touches only the rows that it prints.

use std::io::Write;

use maparray::{MemMapArray, Select};
use serde_json::json;

use super::{grow, open, open_plain, print_json, tell_unit};
use crate::args::{How, Rows};
use crate::failure::Failure;
use crate::{table, value};

/// Which end of the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    First,
    Last,
}

pub(super) fn run(
    rows: &Rows,
    end: End,
    how: &How,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let array = open(&rows.file, rows.raw.told().as_ref(), how, err)?;
    let (start, picks) = picks(array.shape(), rows.rows, end);
    let part = array.select(&picks)?.into_plain()?;
    if how.json {
        let document = json!({
            "path": rows.file.display().to_string(),
            "dtype": array.dtype().to_string(),
            "shape": array.shape(),
            "unit": array.unit().map(ToString::to_string),
            "start": start,
            "values": value::array_to_json(&part)?,
        });
        return print_json(out, &document);
    }
    table::write(&part, out)?;
    tell_unit(array.unit(), how, out, err)
}

/// The last rows, and then those that come.
pub(super) fn follow(
    rows: &Rows,
    how: &How,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let told = rows.raw.told();
    let array = open_plain(&rows.file, told.as_ref())?;
    grow::check_follows(&array, how)?;
    let (_, part) = slice(&array, rows.rows, End::Last)?;
    table::write(&part, out)?;
    tell_unit(array.unit(), how, out, err)?;
    let seen = array.shape().first().copied().unwrap_or(0);
    grow::follow(&rows.file, told.as_ref(), seen, out, err)
}

/// So many rows from one end, and the place of the first of them.
pub(super) fn slice(
    array: &MemMapArray,
    rows: u32,
    end: End,
) -> Result<(usize, MemMapArray), Failure> {
    let (start, picks) = picks(array.shape(), rows, end);
    Ok((start, array.select(&picks)?))
}

/// Where they are.
fn picks(shape: &[usize], rows: u32, end: End) -> (usize, Vec<Select>) {
    let Some(&len) = shape.first() else {
        return (0, vec![]);
    };
    let count = len.min(rows as usize);
    let start = match end {
        End::First => 0,
        End::Last => len - count,
    };
    let (first, stop) = (Some(start as i64), Some((start + count) as i64));
    let mut picks = vec![Select::ALL; shape.len()];
    picks[0] = Select::Range {
        start: first,
        stop,
        step: 1,
    };
    (start, picks)
}
