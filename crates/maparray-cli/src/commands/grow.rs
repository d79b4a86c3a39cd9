//! `maparray append`, `resize` and `recover`: which rows does a file have? And `tail -f`: which new ones?

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use maparray::{Flush, MemMapArray, Mode, Order, Select};
use serde_json::json;

use super::{Told, open, open_plain, print_json};
use crate::args::{Append, How, RawArgs, Resize};
use crate::failure::Failure;
use crate::{progress, table, value};

/// How often a file is looked at for new rows.
const POLL: Duration = Duration::from_millis(100);

fn flush(durable: bool) -> Flush {
    match durable {
        true => Flush::Durable,
        false => Flush::Start,
    }
}

fn open_to_write(path: &Path, raw: &RawArgs) -> Result<MemMapArray, Failure> {
    Ok(match raw.told() {
        Some(told) => told.open(path, Mode::ReadWrite)?,
        None => MemMapArray::open(path, Mode::ReadWrite)?,
    })
}

pub(super) fn append(
    append: &Append,
    how: &How,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let mut array = open_to_write(&append.file, &append.raw)?;
    let rows = append
        .rows
        .iter()
        .map(|path| Ok(open(path, None, how, err)?.into_plain()?));
    let rows: Vec<MemMapArray> = rows.collect::<Result<_, Failure>>()?;
    match append.rewrite {
        true => array.extend_rewriting(&rows, flush(append.durable))?,
        false => array.extend(rows, flush(append.durable))?,
    }
    tell(&append.file, &array, how, out)
}

pub(super) fn resize(resize: &Resize, how: &How, out: &mut dyn Write) -> Result<(), Failure> {
    let mut array = open_to_write(&resize.file, &resize.raw)?;
    array.resize(resize.rows, flush(resize.durable))?;
    tell(&resize.file, &array, how, out)
}

/// Says what the file holds now.
fn tell(path: &Path, array: &MemMapArray, how: &How, out: &mut dyn Write) -> Result<(), Failure> {
    let file_bytes = fs::metadata(path)?.len();
    if how.json {
        let document = json!({
            "path": path.display().to_string(),
            "dtype": array.dtype().to_string(),
            "shape": array.shape(),
            "file_bytes": file_bytes,
        });
        return print_json(out, &document);
    }
    if how.quiet {
        return Ok(());
    }
    let (path, shape) = (value::path(path), value::shape(array.shape()));
    let (dtype, size) = (value::dtype_name(array.dtype()), value::size(file_bytes));
    Ok(writeln!(out, "{path}: {dtype} {shape}, {size}")?)
}

pub(super) fn recover(path: &Path, how: &How, out: &mut dyn Write) -> Result<(), Failure> {
    let found = maparray::recover(path)?;
    if how.json {
        let document = json!({
            "path": path.display().to_string(),
            "rows": found.rows,
            "claimed": found.claimed,
            "surplus_bytes": found.surplus_bytes,
        });
        return print_json(out, &document);
    }
    if how.quiet {
        return Ok(());
    }
    let (path, rows) = (value::path(path), found.rows);
    match found.claimed {
        claimed if claimed == rows => write!(out, "{path}: all of {rows} rows are there")?,
        claimed => write!(
            out,
            "{path}: {rows} of {claimed} rows are there, and claimed now"
        )?,
    }
    match found.surplus_bytes {
        0 => writeln!(out)?,
        bytes => writeln!(out, "; {bytes} bytes lie behind them")?,
    }
    Ok(())
}

/// Prints rows as they come, behind the first `seen`, until a signal stops it.
pub(super) fn follow(
    path: &Path,
    told: Option<&Told>,
    mut seen: usize,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let _guard = progress::Guard::new();
    let mut array = open_plain(path, told)?;
    loop {
        out.flush()?;
        // Twice as often as needed: a stop is not to be waited for.
        std::thread::sleep(POLL / 2);
        if progress::is_stopped() {
            return Err(Failure::Reported(progress::exit_code()));
        }
        std::thread::sleep(POLL / 2);
        array.refresh()?;
        let rows = array.shape().first().copied().unwrap_or(0);
        if rows < seen {
            let (path, gone) = (value::path(path), seen - rows);
            writeln!(err, "maparray: {path}: {gone} rows were taken away")?;
        }
        if rows > seen {
            let mut picks = vec![Select::ALL; array.ndim()];
            picks[0] = Select::Range {
                start: Some(seen as i64),
                stop: None,
                step: 1,
            };
            table::write(&array.select(&picks)?, out)?;
        }
        seen = rows;
    }
}

/// Whether what `tail` prints are rows that a file grows by.
pub(super) fn check_follows(array: &MemMapArray, how: &How) -> Result<(), Failure> {
    if how.json {
        return Err(Failure::Usage {
            message: "`tail -f` has no end, and JSON must have one".to_owned(),
            hint: "without `--json` it prints a line per row, separated by tabs",
        });
    }
    if array.ndim() == 0 || (array.ndim() > 1 && array.order() == Order::F) {
        return Err(Failure::Usage {
            message: "`tail -f` shows rows along the first axis: this file does not grow there"
                .to_owned(),
            hint: "files in Fortran order grow along the last axis, and single elements do not",
        });
    }
    Ok(())
}
