//! Dates and durations answer as NumPy's.
//!
//! `fixtures/times.tsv` is NumPy's own word; `fixtures/times.py` writes it.

use maparray::dtype::Kind;
use maparray::{DType, ErrorKind, Eval, MemMapArray, Scalar};

/// An array of this dtype; times are given as counts.
fn array(dtype: &str, elements: &str) -> MemMapArray {
    let dtype: DType = dtype.parse().unwrap();
    let parts = elements.split_whitespace();
    let ints = || -> Vec<i64> { parts.clone().map(|part| part.parse().unwrap()).collect() };
    let floats = || -> Vec<f64> { parts.clone().map(|part| part.parse().unwrap()).collect() };
    let bytes =
        |list: &[i64]| MemMapArray::from_slice(&list.iter().map(|&x| x as u8).collect::<Vec<_>>());
    match dtype.scalar() {
        None => MemMapArray::from_slice(&ints())
            .reinterpret(&dtype)
            .unwrap(),
        Some(Scalar::I64) => MemMapArray::from_slice(&ints()),
        Some(Scalar::U8) => bytes(&ints()),
        Some(Scalar::U64) => MemMapArray::from_slice(&ints())
            .reinterpret(&dtype)
            .unwrap(),
        Some(Scalar::F64) => MemMapArray::from_slice(&floats()),
        Some(Scalar::F32) => {
            MemMapArray::from_slice(&floats().iter().map(|&x| x as f32).collect::<Vec<_>>())
        }
        Some(Scalar::Bool) => {
            MemMapArray::from_slice(&parts.map(|part| part == "True").collect::<Vec<bool>>())
        }
        other => panic!("{other:?}"),
    }
}

fn compute(expression: &str, a: &MemMapArray, b: &MemMapArray) -> maparray::Result<MemMapArray> {
    let expr: maparray::Expr = expression.parse()?;
    let names = expr.names();
    let mut eval = Eval::new(expr);
    if names.contains(&"a".to_owned()) {
        eval = eval.array("a", a);
    }
    if names.contains(&"b".to_owned()) {
        eval = eval.array("b", b);
    }
    eval.run()
}

/// The elements as the fixture writes them.
fn text(array: &MemMapArray) -> String {
    let words: Vec<String> = match array.dtype().scalar() {
        None => {
            let counts = array.reinterpret(&DType::of::<i64>()).unwrap();
            counts
                .to_vec::<i64>()
                .unwrap()
                .iter()
                .map(i64::to_string)
                .collect()
        }
        Some(Scalar::Bool) => {
            let words = array.to_vec::<bool>().unwrap();
            words
                .iter()
                .map(|&x| if x { "True" } else { "False" }.to_owned())
                .collect()
        }
        Some(Scalar::F64) => array
            .to_vec::<f64>()
            .unwrap()
            .iter()
            .map(f64::to_string)
            .collect(),
        _ => array
            .to_vec::<i64>()
            .unwrap()
            .iter()
            .map(i64::to_string)
            .collect(),
    };
    words.join(" ")
}

#[test]
fn operations_on_times_answer_as_numpys() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/times.tsv");
    let table = std::fs::read_to_string(path).unwrap();
    let mut wrong = vec![];
    let mut answered = 0;
    for line in table.lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        let [expression, a_dtype, a, b_dtype, b, dtype, elements] = cells[..] else {
            panic!("{line}")
        };
        let found = compute(expression, &array(a_dtype, a), &array(b_dtype, b));
        let found = match &found {
            Ok(found) => (found.dtype().to_string(), text(found)),
            Err(_) => ("-".to_owned(), "-".to_owned()),
        };
        let mut expected = (dtype.to_owned(), elements.to_owned());
        if expected.0 != "-" {
            answered += 1;
            if dtype.parse::<DType>().unwrap().scalar().map(Scalar::kind) == Some(Kind::Float) {
                expected.1 = text(&array(dtype, elements));
            }
        }
        if found != expected {
            wrong.push(format!(
                "{expression} of {a_dtype} and {b_dtype}: found {found:?}, expected {expected:?}"
            ));
        }
    }
    assert!(answered > 4_000, "{answered}");
    let shown = wrong[..wrong.len().min(60)].join("\n");
    assert!(wrong.is_empty(), "{} wrong:\n{shown}", wrong.len());
}

#[test]
fn a_time_that_64_bits_cannot_hold_is_none() {
    let days = array("<m8[D]", "9223372036854775807 1");
    let far = array("<M8[Y]", "1099511627776 1");
    for (expression, expected) in [
        ("a + a", "-9223372036854775808 2"),
        ("a * 3", "-9223372036854775808 3"),
        ("-a - a", "-9223372036854775808 -2"),
        ("a * 1e30", "-9223372036854775808 -9223372036854775808"),
    ] {
        assert_eq!(text(&compute(expression, &days, &far).unwrap()), expected);
    }
    let second = array("<M8[s]", "0");
    let apart = compute("a - b", &far, &second).unwrap();
    assert_eq!(text(&apart), "-9223372036854775808 31536000");
    assert_eq!(
        text(&compute("a < b", &far, &second).unwrap()),
        "False False"
    );
}

#[test]
fn times_along_an_axis_and_in_any_byte_order() {
    let table = array("<m8[s]", "1 2 3 -9223372036854775808 5 6");
    let expr = "sum(a, axis=0)".parse().unwrap();
    let two_rows = |flat: &MemMapArray| {
        let mut rows = MemMapArray::zeros(flat.dtype(), &[2, 3], maparray::Order::C).unwrap();
        let counts = flat
            .reinterpret(&DType::of::<i64>())
            .unwrap()
            .to_vec::<i64>()
            .unwrap();
        let mut target =
            MemMapArray::zeros(&DType::of::<i64>(), &[2, 3], maparray::Order::C).unwrap();
        for (place, count) in counts.into_iter().enumerate() {
            target
                .set(&[place as i64 / 3, place as i64 % 3], count)
                .unwrap();
        }
        std::mem::swap(&mut rows, &mut target);
        rows.reinterpret(flat.dtype()).unwrap()
    };
    let rows = two_rows(&table);
    let sums = Eval::new(expr).array("a", &rows).run().unwrap();
    assert_eq!(text(&sums), "-9223372036854775808 7 9");
    let greatest = Eval::new("max(a, axis=1, keepdims=True)".parse().unwrap());
    let greatest = greatest.array("a", &rows).run().unwrap();
    assert_eq!(
        (text(&greatest), greatest.shape()),
        ("3 -9223372036854775808".into(), &[2, 1][..])
    );

    let big =
        MemMapArray::from_slice(&[1_i64.swap_bytes()]).reinterpret(&">M8[D]".parse().unwrap());
    let next = compute("a + 1", &big.unwrap(), &table).unwrap();
    assert_eq!(
        (next.dtype().to_string(), text(&next)),
        ("<M8[D]".into(), "2".into())
    );
}

#[test]
fn times_go_to_files_and_arrays_of_their_own_dtype() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spans.npy");
    let (a, b) = (array("<M8[D]", "10 20"), array("<M8[h]", "24 48"));
    let eval = || {
        Eval::new("a - b".parse().unwrap())
            .array("a", &a)
            .array("b", &b)
    };
    assert_eq!(eval().describe().unwrap().0.to_string(), "<m8[h]");
    assert_eq!(eval().save(&path).unwrap().dtype.to_string(), "<m8[h]");
    let saved = MemMapArray::read(&path).unwrap();
    assert_eq!(
        (saved.dtype().to_string(), text(&saved)),
        ("<m8[h]".into(), "216 432".into())
    );

    let mut out = array("<m8[h]", "0 0");
    eval().write(&mut out).unwrap();
    assert_eq!(text(&out), "216 432");
    let mut days = array("<m8[D]", "0 0");
    assert_eq!(
        eval().write(&mut days).unwrap_err().kind(),
        ErrorKind::Mismatch
    );
    let mut numbers = array("<i8", "0 0");
    assert_eq!(
        eval().write(&mut numbers).unwrap_err().kind(),
        ErrorKind::Mismatch
    );
}

#[test]
fn what_has_no_meaning_for_times_says_so() {
    let (a, b) = (array("<M8[D]", "1 2"), array("<m8[M]", "1 2"));
    for (expression, words) in [
        ("a + a", "`add` is not defined for <M8[D], <M8[D]"),
        ("sqrt(b)", "`sqrt` is not defined for <m8[M]"),
        ("a + b", "no common dtype: found `<m8[M]` and `<m8[D]`"),
        ("mean(a)", "`mean` is not defined for <M8[D]"),
        ("a * 2", "`multiply` is not defined for <M8[D], int64"),
    ] {
        let error = compute(expression, &a, &b).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}
