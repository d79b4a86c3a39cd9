//! What will come out of an expression: dtypes, shapes, constants.
//!
//! The table `fixtures/infer.tsv` is NumPy's own word on dtypes; `fixtures/infer.py` writes it.

use std::collections::HashMap;

use maparray::expr::{Expr, Typed, What, infer};
use maparray::{ErrorKind, Scalar};

/// Parses and infers over arrays of these names, dtypes and shapes.
fn typed(text: &str, arrays: &[(&str, Scalar, &[usize])]) -> maparray::Result<Typed> {
    infer(&Expr::parse(text)?, &|name| {
        let row = arrays.iter().find(|row| row.0 == name)?;
        Some((row.1.into(), row.2.to_vec()))
    })
}

fn shape(text: &str, arrays: &[(&str, Scalar, &[usize])]) -> Vec<usize> {
    typed(text, arrays)
        .unwrap_or_else(|error| panic!("`{text}`: {error}"))
        .shape
}

/// The value of an expression that holds only numbers.
fn number(text: &str) -> f64 {
    let typed = typed(text, &[]).unwrap_or_else(|error| panic!("`{text}`: {error}"));
    let What::Constant(bytes) = typed.what else {
        panic!("`{text}` is not folded")
    };
    match typed.scalar {
        Scalar::Bool => f64::from(bytes[0]),
        Scalar::I64 => bytemuck::pod_read_unaligned::<i64>(&bytes[..8]) as f64,
        Scalar::F64 => bytemuck::pod_read_unaligned(&bytes[..8]),
        other => panic!("`{text}` is {}", other.name()),
    }
}

#[test]
fn dtypes_are_those_of_numpy() {
    let table = include_str!("../../../../fixtures/infer.tsv");
    let mut lines = table.lines();
    let header: Vec<&str> = lines
        .next()
        .expect("a header")
        .split('\t')
        .skip(2)
        .collect();
    let scalars: HashMap<&str, Scalar> = Scalar::ALL.iter().map(|s| (s.name(), *s)).collect();
    let mut wrong = Vec::new();
    let mut checked = 0;
    for line in lines {
        let mut cells = line.split('\t');
        let (text, b) = (cells.next().expect("text"), cells.next().expect("b"));
        for (column, expected) in cells.enumerate() {
            let a = scalars[header[column]];
            let found = match typed(
                text,
                &[
                    ("a", a, &[2, 2]),
                    (
                        "b",
                        scalars.get(b).copied().unwrap_or(Scalar::Bool),
                        &[2, 2],
                    ),
                ],
            ) {
                Ok(typed) => typed.scalar.name().to_owned(),
                Err(error) if error.to_string().starts_with("number out of") => "range".into(),
                Err(error) if error.to_string().contains("is not defined for") => "loop".into(),
                Err(error) if error.to_string().contains("no negative powers") => "x".into(),
                Err(error) => error.to_string(),
            };
            checked += 1;
            // NumPy compares every integer dtype with every integer, but not bool; we do.
            let bool_beyond = a == Scalar::Bool && expected == "range" && found == "bool";
            // NumPy's `angle` is not one loop; of bools it makes float64, where all its loops make
            // the smallest float.
            let angle = text == "angle(a)" && a == Scalar::Bool;
            if found != expected && !bool_beyond && !angle {
                wrong.push(format!(
                    "{text} (a {}, b {b}): {found}, NumPy {expected}",
                    a.name()
                ));
            }
        }
    }
    assert!(checked > 12_000, "{checked}");
    assert!(
        wrong.is_empty(),
        "{} of {checked} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn numbers_alone_compute_as_in_python() {
    for (text, value) in [
        ("1 / 2", 0.5),
        ("7 // -2", -4.0),
        ("-7 % 3", 2.0),
        ("7 % -3", -2.0),
        ("-7.5 // 2", -4.0),
        ("-7.5 % 2", 0.5),
        ("2 ** 10", 1024.0),
        ("2 ** -1", 0.5),
        ("-2 ** 2", -4.0),
        ("2 ** 100 >> 98", 4.0),
        ("True + True", 2.0),
        ("~5", -6.0),
        ("6 & 3 | 8 ^ 1", 11.0),
        ("9007199254740993 == 9007199254740992.0", 0.0),
        ("9007199254740993 > 9007199254740992.0", 1.0),
        ("2 ** 100 > 1e30", 1.0),
        ("nan == nan", 0.0),
        ("inf > 10 ** 30", 1.0),
        ("1j ** 2 == -1", 1.0),
        ("sqrt(16)", 4.0),
        ("maximum(3, 2.5)", 3.0),
        ("where(0, 1, 2)", 2.0),
        ("float(3) / 2", 1.5),
    ] {
        assert_eq!(number(text), value, "{text}");
    }
    for (text, problem) in [
        ("1 / 0", "cannot compute `1 / 0`: division by zero"),
        ("1 % 0.0", "cannot compute `1 % 0.0`: division by zero"),
        (
            "2 ** 200",
            "cannot compute `2 ** 200`: the integer is longer than 128 bits",
        ),
        ("1 << -1", "cannot compute `1 << -1`: the shift is negative"),
        ("1.0 & 2", "`bitwise_and` is not defined for float and int"),
        ("1j < 2", "`less` is not defined for complex and int"),
        (
            "2 ** 64",
            "number out of bounds: found 18446744073709551616, expected a value of `int64`",
        ),
    ] {
        assert_eq!(
            typed(text, &[]).err().map(|e| e.to_string()).as_deref(),
            Some(problem)
        );
    }
}

#[test]
fn a_comparison_beyond_the_dtype_has_one_answer_for_all_elements() {
    for (text, answer) in [
        ("a < 300", 1),
        ("a > 300", 0),
        ("a == -1", 0),
        ("a != -1", 1),
        ("-1 < a", 1),
        ("2 ** 100 <= a", 0),
    ] {
        let typed = typed(text, &[("a", Scalar::U8, &[3])]).expect(text);
        assert_eq!(
            (typed.scalar, &typed.shape[..]),
            (Scalar::Bool, &[3usize][..])
        );
        let What::Apply(_, operands) = typed.what else {
            panic!("{text} is a loop")
        };
        let What::Constant(bytes) = operands[0].what else {
            panic!("{text} holds its answer")
        };
        assert_eq!(bytes[0], answer, "{text}");
    }
}

#[test]
fn a_number_that_numpy_would_wrap_into_where_is_refused() {
    let error = typed("where(a, a, 300)", &[("a", Scalar::I8, &[3])])
        .err()
        .expect("refused");
    assert_eq!(error.kind(), ErrorKind::Mismatch);
}

#[test]
fn shapes_broadcast_and_axes_reduce() {
    let arrays: &[(&str, Scalar, &[usize])] = &[
        ("a", Scalar::F32, &[3, 4]),
        ("b", Scalar::F32, &[4]),
        ("c", Scalar::I8, &[3, 1]),
    ];
    for (text, expected) in [
        ("a + b", &[3, 4][..]),
        ("b + c", &[3, 4]),
        ("b * 2", &[4]),
        ("where(c > 0, b, 1)", &[3, 4]),
        ("sum(a)", &[]),
        ("sum(a, axis=0)", &[4]),
        ("sum(a, axis=-1)", &[3]),
        ("sum(a, axis=(0, -1))", &[]),
        ("sum(a, axis=())", &[3, 4]),
        ("a - mean(a, axis=1, keepdims=True)", &[3, 4]),
        ("max(a, keepdims=True)", &[1, 1]),
        ("argmax(a, axis=0)", &[4]),
        ("index(5, 2) + 1", &[5, 2]),
    ] {
        assert_eq!(shape(text, arrays), expected, "{text}");
    }
    let failure = |text: &str| {
        typed(text, arrays)
            .err()
            .map(|error| error.kind())
            .expect(text)
    };
    assert_eq!(failure("a + sum(a, axis=1)"), ErrorKind::Mismatch);
    assert_eq!(failure("sum(a, axis=2)"), ErrorKind::OutOfBounds);
    assert_eq!(failure("sum(a, axis=(0, -2))"), ErrorKind::OutOfBounds);
    assert_eq!(failure("unknown + 1"), ErrorKind::Expression);
    assert_eq!(failure("index(9223372036854775807)"), ErrorKind::Malformed);
    let cube: &[(&str, Scalar, &[usize])] = &[("a", Scalar::F32, &[2, 3, 4])];
    assert_eq!(
        typed("argmax(a, axis=(0, 1))", cube)
            .err()
            .map(|e| e.kind()),
        Some(ErrorKind::Mismatch)
    );
    assert_eq!(shape("std(a, axis=(0, 2), keepdims=True)", cube), [1, 3, 1]);
}

#[test]
fn a_least_of_nothing_has_no_value() {
    let arrays: &[(&str, Scalar, &[usize])] = &[("a", Scalar::F32, &[0, 3])];
    let failure = |text: &str| typed(text, arrays).err().map(|error| error.kind());
    assert_eq!(failure("min(a)"), Some(ErrorKind::Mismatch));
    assert_eq!(failure("max(a, axis=0)"), Some(ErrorKind::Mismatch));
    assert_eq!(failure("argmin(a, axis=0)"), Some(ErrorKind::Mismatch));
    assert_eq!(shape("min(a, axis=1)", arrays), [0]);
    assert_eq!(shape("sum(a)", arrays), [0; 0]);
}

#[test]
fn a_constant_gives_way_to_an_array_of_its_name() {
    let typed = typed("e + 1", &[("e", Scalar::F32, &[7])]).expect("an array called e");
    assert_eq!((typed.scalar, typed.shape), (Scalar::F32, vec![7]));
    assert_eq!(number("e"), std::f64::consts::E);
}

#[test]
fn an_unknown_name_knows_its_column() {
    let error = typed("1 + größe * x", &[("größe", Scalar::F32, &[])])
        .err()
        .expect("no x");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Expression, Some(13))
    );
    let built = infer(&(Expr::array("x") + 1), &|_| None)
        .err()
        .expect("no x");
    assert_eq!(built.column(), None);
    assert!(built.to_string().starts_with("unknown name `x`"));
}
