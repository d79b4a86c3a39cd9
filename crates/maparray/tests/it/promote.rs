//! Promotion is NumPy's, for every pair of a list of dtypes.
//!
//! `promote.txt` is written by `fixtures/promote.py`.

use maparray::dtype::{promote, promote_scalars};
use maparray::{DType, ErrorKind, Scalar};

fn dtypes(lines: &str) -> Vec<DType> {
    lines
        .lines()
        .map(|line| line.parse().unwrap_or_else(|e| panic!("{line}: {e}")))
        .collect()
}

/// The dtypes, and what each promotes to with each.
fn table() -> (Vec<DType>, Vec<Vec<Option<DType>>>) {
    let parts: Vec<&str> = include_str!("promote.txt").split("\n\n").collect();
    let [inputs, rows, results] = parts[..] else {
        panic!("three parts")
    };
    let results = dtypes(results);
    let cell = |text: &str| {
        text.parse::<usize>()
            .ok()
            .map(|number| results[number].clone())
    };
    (
        dtypes(inputs),
        rows.lines()
            .map(|row| row.split(' ').map(cell).collect())
            .collect(),
    )
}

#[test]
fn every_pair_of_dtypes_promotes_as_in_numpy() {
    let (dtypes, rows) = table();
    let mut wrong = vec![];
    for (left, row) in dtypes.iter().zip(&rows) {
        for (right, expected) in dtypes.iter().zip(row) {
            let found = promote(left, right).ok();
            if found != *expected {
                wrong.push(format!(
                    "{left} with {right}: found {found:?}, expected {expected:?}"
                ));
            }
        }
    }
    assert_eq!(
        dtypes.len() * dtypes.len(),
        rows.iter().map(Vec::len).sum::<usize>()
    );
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn numbers_promote_as_their_dtypes_do() {
    for &left in Scalar::ALL {
        for &right in Scalar::ALL {
            let expected = promote(&left.native(), &right.native()).unwrap();
            assert_eq!(
                promote_scalars(left, right).native(),
                expected,
                "{left:?} {right:?}"
            );
            assert_eq!(promote_scalars(left, right), promote_scalars(right, left));
        }
    }
}

#[test]
fn a_date_and_a_float_have_no_common_dtype() {
    let date: DType = "M8[D]".parse().unwrap();
    let error = promote(&date, &DType::of::<f64>()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert_eq!(
        error.to_string(),
        "no common dtype: found `<M8[D]` and `<f8`"
    );
}
