//! How does an array read as text?
//!
//! A line per row of the last axis, an empty line between planes; of a vector, a line per element.
//! For a program that reads it, values are separated by tabs and complete; for a person they stand
//! in columns, and the middle of a long row is left out.

use std::io::{IsTerminal, Write};

use maparray::MemMapArray;

use crate::failure::Failure;

/// Values of a row that a person gets to see.
const COLUMNS: usize = 10;

/// Writes an array as text in the way that suits the reader of standard output.
pub(crate) fn write(array: &MemMapArray, out: &mut dyn Write) -> Result<(), Failure> {
    let person = std::io::stdout().is_terminal();
    if person {
        write_columns(array, out)
    } else {
        write_tabs(array, out)
    }
}

/// Complete rows, separated by tabs.
fn write_tabs(array: &MemMapArray, out: &mut dyn Write) -> Result<(), Failure> {
    let dtype = array.dtype().to_native();
    let rows = Rows::of(array.shape());
    for row in 0..rows.count {
        if rows.begins_plane(row) {
            writeln!(out)?;
        }
        for column in 0..rows.width {
            let tab = if column == 0 { "" } else { "\t" };
            let element = array.bytes_of(&rows.index(row, column))?;
            write!(out, "{tab}{}", dtype.show(&element))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Aligned columns, the middle of long rows left out.
fn write_columns(array: &MemMapArray, out: &mut dyn Write) -> Result<(), Failure> {
    let dtype = array.dtype().to_native();
    let rows = Rows::of(array.shape());
    let mut shown: Vec<usize> = (0..rows.width.min(COLUMNS)).collect();
    if rows.width > COLUMNS {
        shown.truncate(COLUMNS - 3);
        shown.extend(rows.width - 3..rows.width);
    }
    let mut lines: Vec<Vec<String>> = Vec::new();
    for row in 0..rows.count {
        let cell = |column: &usize| -> Result<String, Failure> {
            Ok(dtype.show(&array.bytes_of(&rows.index(row, *column))?))
        };
        lines.push(shown.iter().map(cell).collect::<Result<_, _>>()?);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..shown.len())
        .map(|column| width(column).unwrap_or(0))
        .collect();
    for (row, cells) in lines.iter().enumerate() {
        if rows.begins_plane(row) {
            writeln!(out)?;
        }
        for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let gap = match column {
                0 => "",
                _ if shown[column] > shown[column - 1] + 1 => "  …  ",
                _ => "  ",
            };
            write!(out, "{gap}{cell:>width$}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// An array as lines of text.
struct Rows<'a> {
    shape: &'a [usize],
    count: usize,
    width: usize,
}

impl Rows<'_> {
    fn of(shape: &[usize]) -> Rows<'_> {
        let (width, outer) = match shape {
            [outer @ .., width] if !outer.is_empty() => (*width, outer),
            _ => (1, shape),
        };
        let count = if width == 0 {
            0
        } else {
            outer.iter().product()
        };
        Rows {
            shape,
            count,
            width,
        }
    }

    /// Whether an empty line stands before this row.
    fn begins_plane(&self, row: usize) -> bool {
        let plane = self.shape.iter().rev().nth(1);
        self.shape.len() > 2 && row > 0 && plane.is_some_and(|rows| row.is_multiple_of(*rows))
    }

    fn index(&self, row: usize, column: usize) -> Vec<i64> {
        let mut rest = row * self.width + column;
        let mut index = vec![0; self.shape.len()];
        for (place, len) in index.iter_mut().zip(self.shape).rev() {
            *place = (rest % len) as i64;
            rest /= len;
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(values: &[i64]) -> String {
        let mut out = Vec::new();
        write_columns(&MemMapArray::from_slice(values), &mut out).expect("a vector of bytes");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_vector_is_a_column() {
        assert_eq!(columns(&[1, -20, 3]), "  1\n-20\n  3\n");
        assert_eq!(columns(&[]), "");
    }

    #[test]
    fn planes_are_apart_and_long_rows_are_short() {
        let place = |shape: &[usize], row| Rows::of(shape).begins_plane(row);
        assert!(place(&[2, 3, 4], 3) && !place(&[2, 3, 4], 0) && !place(&[2, 3, 4], 4));
        assert!(!place(&[6, 4], 3));
        assert_eq!(Rows::of(&[2, 3, 4]).index(4, 1), [1, 1, 1]);
        assert_eq!(Rows::of(&[5]).index(3, 0), [3]);
        assert_eq!(Rows::of(&[]).index(0, 0), [0_i64; 0]);
        assert_eq!((Rows::of(&[4, 0]).count, Rows::of(&[0, 4]).count), (0, 0));
    }
}
