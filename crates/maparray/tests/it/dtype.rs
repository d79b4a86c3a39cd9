//! What is an element, and how does it read and write?

use std::sync::Arc;

use maparray::dtype::{Field, Record};
use maparray::{ByteOrder, DType, ErrorKind, Scalar};
use proptest::prelude::*;

fn dtype(text: &str) -> DType {
    text.parse().expect(text)
}

fn kind(text: &str) -> ErrorKind {
    text.parse::<DType>().expect_err(text).kind()
}

#[test]
fn every_scalar_reads_back_from_its_descriptor_its_name_and_its_code() {
    for &scalar in Scalar::ALL {
        assert_eq!(dtype(&scalar.native().to_string()), scalar.native());
        assert_eq!(dtype(scalar.name()), scalar.native());
        assert_eq!(dtype(&scalar.code().to_string()), scalar.native());
        let big = scalar.native().with_order(ByteOrder::Big);
        assert_eq!(dtype(&big.to_string()), big);
    }
}

#[test]
fn descriptors_are_written_as_numpy_writes_them() {
    // Left what `numpy.dtype` was given, right `numpy.lib.format.dtype_to_descr` of it (2.4.6).
    for (given, written) in [
        ("f8", "<f8"),
        ("=f8", "<f8"),
        (">d", ">f8"),
        (">?", "|b1"),
        ("<u1", "|u1"),
        ("a5", "|S5"),
        (">S5", "|S5"),
        ("c", "|S1"),
        (">U3", ">U3"),
        ("<V3", "|V3"),
        ("i04", "<i4"),
        ("M8", "<M8"),
        ("M8[generic]", "<M8"),
        ("M8[μs]", "<M8[us]"),
        ("m8[1ns]", "<m8[ns]"),
        ("m8[07s]", "<m8[7s]"),
        (">M8[2147483647as]", ">M8[2147483647as]"),
        ("datetime64[ns]", "<M8[ns]"),
        ("timedelta64[5D]", "<m8[5D]"),
        ("datetime64", "<M8"),
        ("int", "<i8"),
        ("ulonglong", "<u8"),
        ("complex", "<c16"),
        ("longdouble", "<f16"),
        ("<c32", "<c32"),
        ("g", "<f16"),
        ("S2147483647", "|S2147483647"),
        ("U536870911", "<U536870911"),
        ("[('a','<i4',2)]", "[('a', '<i4', (2,))]"),
        ("[('a','<i4',())]", "[('a', '<i4')]"),
        ("[('a',('<i4',(2,)),(3,))]", "[('a', ('<i4', (2,)), (3,))]"),
        ("[('', '<i4')]", "[('', '<i4')]"),
        ("[('', '|V4'), ('a', '<i4')]", "[('', '|V4'), ('a', '<i4')]"),
        (
            "[('', '|V4', (2,)), ('a', '?')]",
            "[('', '|V8'), ('a', '|b1')]",
        ),
        ("[(('t', 'a'), 'float64')]", "[(('t', 'a'), '<f8')]"),
        ("[(('', 'a'), '<i4')]", "[(('', 'a'), '<i4')]"),
        (r#"[("it's", 'S1',)]"#, r#"[("it's", '|S1')]"#),
        (
            r"[('\x41\t\u00e9\u200b', 'S1')]",
            "[('A\\té\\u200b', '|S1')]",
        ),
        (
            "[('r', [('x', 'f4'), ('y', '>f4')], (2, 1))]",
            "[('r', [('x', '<f4'), ('y', '>f4')], (2, 1))]",
        ),
    ] {
        assert_eq!(dtype(given).to_string(), written, "{given}");
        assert_eq!(dtype(written).to_string(), written);
    }
}

#[test]
fn what_numpy_does_not_take_for_a_dtype_is_refused() {
    for text in [
        "",
        "<",
        ">float64",
        "B1",
        "c1",
        "M8[]",
        "M8[-3s]",
        "M8[2147483648s]",
        "M8[0s]",
        "M8[ ns]",
        "M8[ns",
        "M8[zz]",
        "M9",
        "M4",
        "m[s]",
        "<M[ns]",
        "<f3",
        "<q9",
        "d8",
        "l8",
        "?1",
        "s",
        "e2",
        "f8[ns]",
        "Bool",
        "Float64",
        "string",
        "i4;",
        "i-4",
        "é",
        "<é",
        "[",
        "[('a', '<i4')",
        "[3]",
        "[('a',)]",
        "[('a', '<f8', (2,), 3)]",
        "[('a', '<i4', (-1,))]",
        "[('a', '<i4', True)]",
        "[(b'a', '<i4')]",
        "[('a', '<i4'), ('a', '<i4')]",
        "[(('b', 'a'), '<i4'), ('b', '<i4')]",
        "[(('a', 'a'), '<i4')]",
        "[('a', '<i4')] + []",
        "|f8",
    ] {
        assert_eq!(kind(text), ErrorKind::Mismatch, "{text}");
    }
}

#[test]
fn objects_are_refused_wherever_they_hide() {
    for text in [
        "O",
        "|O",
        "O8",
        "object",
        "[('a', '<f8'), ('b', 'O')]",
        "[('a', [('b', '|O', (3,))])]",
        "('O', (2,))",
    ] {
        assert_eq!(kind(text), ErrorKind::Unsupported, "{text}");
    }
    assert!(DType::from_typecode('O').is_err());
}

#[test]
fn an_element_has_at_least_one_byte_and_at_most_what_numpy_can_count() {
    for text in [
        "S",
        "S0",
        "U",
        "V0",
        "str",
        "void",
        "[]",
        "[('a', '|S0')]",
        "[('a', '<i4', (0,))]",
        "[('a', [])]",
        "U536870912",
        "S2147483648",
        "S99999999999999999999999999",
        "[('a', '<i4', (65536, 65536))]",
        "[('a', '<i4', (2147483647, 2147483647, 2147483647, 2147483647))]",
        "[('a', 'S2147483647'), ('b', '|u1')]",
    ] {
        assert_eq!(kind(text), ErrorKind::Malformed, "{text}");
    }
}

#[test]
fn an_error_says_where_in_the_text() {
    let error = "[('a', '<i4'), ('b', '<q9')]"
        .parse::<DType>()
        .expect_err("no such dtype");
    assert!(error.to_string().contains("(at 21)"), "{error}");
}

#[test]
fn numerics_type_codes_of_2002_are_those_of_its_table() {
    for (code, written) in [
        ('c', "|S1"),
        ('b', "|u1"),
        ('1', "|i1"),
        ('s', "<i2"),
        ('w', "<u2"),
        ('i', "<i4"),
        ('u', "<u4"),
        ('l', "<i8"),
        ('f', "<f4"),
        ('d', "<f8"),
        ('F', "<c8"),
        ('D', "<c16"),
    ] {
        let found = DType::from_typecode(code).expect("a code");
        assert_eq!(found.with_order(ByteOrder::Little).to_string(), written);
        assert!(found.is_native());
    }
    let error = DType::from_typecode('x').expect_err("no such code");
    assert_eq!(error.kind(), ErrorKind::Mismatch);
}

#[test]
fn a_byte_order_reaches_into_every_corner_of_a_record() {
    let little = "[('a', '<i4'), ('', '|V4'), ('b', [('c', '<U2'), ('d', '|u1')], (2,)), \
                  ('e', '<M8[s]'), ('f', '<m8'), ('g', '<f16')]";
    let big = little.replace('<', ">");
    let (little, big) = (dtype(little), dtype(&big));
    assert_eq!(little.with_order(ByteOrder::Big), big);
    assert_eq!(big.with_order(ByteOrder::Little), little);
    assert!(little.to_native().is_native() && big.to_native().is_native());
}

#[test]
fn numbers_are_shown_as_numpy_2_prints_them() {
    let f32s = [
        (100_000.0f32, "100000.0"),
        (1e6, "1e+06"),
        (1_234_567.5, "1.2345675e+06"),
        (-16_777_216.0, "-1.6777216e+07"),
        (9e-5, "9e-05"),
        (3e38, "3e+38"),
        (-0.0, "-0.0"),
        (f32::NEG_INFINITY, "-inf"),
        (f32::NAN, "nan"),
    ];
    for (value, text) in f32s {
        assert_eq!(dtype("<f4").show(&value.to_le_bytes()), text);
        assert_eq!(dtype(">f4").show(&value.to_be_bytes()), text);
    }
    let f64s = [
        (1e15f64, "1000000000000000.0"),
        (9_007_199_254_740_992.0, "9007199254740992.0"),
        (1e16, "1e+16"),
        (12_345_678_901_234_568.0, "1.2345678901234568e+16"),
        (0.0001, "0.0001"),
        (0.00012345, "0.00012345"),
        (0.00009, "9e-05"),
        (-123.25, "-123.25"),
    ];
    for (value, text) in f64s {
        assert_eq!(dtype("<f8").show(&value.to_le_bytes()), text);
    }
    let f16s: [(u16, &str); 7] = [
        (0x63cf, "999.5"),
        (0x63d0, "1e+03"),
        (0x6800, "2.048e+03"),
        (0x7bff, "6.55e+04"),
        (0x068e, "0.0001"),
        (0x0001, "6e-08"),
        (0xb555, "-0.3333"),
    ];
    for (bits, text) in f16s {
        assert_eq!(dtype("<f2").show(&bits.to_le_bytes()), text);
    }
}

#[test]
fn dates_far_away_are_shown_as_numpy_prints_them() {
    for (unit, count, text) in [
        ("D", -800_000, "-221-09-04"),
        ("D", -719_529, "-001-12-31"),
        ("D", -719_528, "0000-01-01"),
        ("D", 11_016, "2000-02-29"),
        ("Y", 1 << 62, "4611686018427389874"),
        ("Y", -(1 << 40), "-1099511625806"),
        ("s", -(1 << 62), "-146138510344-07-14T16:14:56"),
        ("M", -1, "1969-12"),
    ] {
        let shown = dtype(&format!("<M8[{unit}]")).show(&i64::to_le_bytes(count));
        assert_eq!(shown, text, "{unit} {count}");
    }
}

#[test]
fn an_element_that_is_not_all_there_is_shown_as_far_as_it_goes() {
    let record = dtype("[('a', '|u1'), ('b', '<u2', (2, 2)), ('c', 'S2')]");
    assert_eq!(
        record.show(b"\x01\x02\0\x03\0\x04\0\x05\0xy"),
        "(1, [[2, 3], [4, 5]], b'xy')"
    );
    assert_eq!(
        record.show(b"\x01\x02\0\x03\0\x04\0\x05\0x"),
        "(1, [[2, 3], [4, 5]], …)"
    );
    assert_eq!(record.show(b"\x01\x02\0\x03"), "(1, [[2, …], …], …)");
    assert_eq!(record.show(b""), "(…)");
    assert_eq!(dtype("<f8").show(b"1234567"), "…");
    let long = dtype("[('a', '|u1', (3000,))]").show(&[7; 3000]);
    assert!(long.ends_with("7, 7, …],)") && long.len() < 4000, "{long}");
    let long = dtype("S3000").show(&[b'x'; 3000]);
    assert_eq!(long.len(), 1000 + "b''…".len());
}

// -- Laws --------------------------------------------------------------------------------------

fn any_byte_order() -> impl Strategy<Value = ByteOrder> {
    prop_oneof![Just(ByteOrder::Little), Just(ByteOrder::Big)]
}

/// The numbers that NumPy's headers have words for.
pub(crate) fn numpys() -> Vec<Scalar> {
    let all = Scalar::ALL.iter().copied();
    all.filter(|&scalar| scalar != Scalar::BF16).collect()
}

#[test]
fn bfloat16_has_a_text_of_its_own_and_stands_in_records() {
    assert_eq!(dtype("bfloat16"), Scalar::BF16.native());
    assert_eq!(dtype("bf16"), Scalar::BF16.native());
    let big = dtype(">bf16");
    assert_eq!(big, DType::Number(Scalar::BF16, ByteOrder::Big));
    assert_eq!(dtype(&big.to_string()), big);
    let bytes = [0x3FC0_u16, 0xFF80, 0x7FC1, 0x8000, 0x7F7F, 1].map(u16::to_le_bytes);
    let shown = bytes.map(|bytes| dtype("<bf16").show(&bytes));
    assert_eq!(shown, ["1.5", "-inf", "nan", "-0.0", "3.39e+38", "9e-41"]);
}

fn any_simple_dtype() -> impl Strategy<Value = DType> {
    const UNITS: [&str; 13] = [
        "Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as",
    ];
    let time = (prop::sample::select(&UNITS[..]), 1..=i32::MAX, "[Mm]");
    let time = time.prop_map(|(unit, count, letter)| dtype(&format!("{letter}8[{count}{unit}]")));
    let long = prop::sample::select(&[(10, false), (16, false), (24, true), (32, true)][..]);
    let simple = prop_oneof![
        4 => prop::sample::select(numpys()).prop_map(DType::from),
        1 => (1..100usize).prop_map(DType::Bytes),
        1 => (1..100usize).prop_map(DType::Void),
        1 => (1..100usize).prop_map(|len| DType::Text(len, ByteOrder::NATIVE)),
        1 => time,
        1 => prop::sample::select(&["M8", "m8"][..]).prop_map(dtype),
        1 => long.prop_map(|(size, complex)| {
            DType::LongDouble { size, complex, order: ByteOrder::NATIVE }
        }),
    ];
    (simple, any_byte_order()).prop_map(|(simple, order)| simple.with_order(order))
}

/// A record with unlike names, gaps before some fields and behind the last.
fn any_record(part: impl Strategy<Value = DType>) -> impl Strategy<Value = DType> {
    let shape = prop::collection::vec(1..4usize, 0..3);
    let field = (".{1,6}", prop::option::of(".{0,6}"), part, shape, 0..4usize);
    let fields = prop::collection::vec(field, 1..5);
    (fields, 0..4usize).prop_map(|(parts, tail)| {
        let mut fields = Vec::new();
        let mut end = 0;
        for (i, (name, title, mut dtype, shape, gap)) in parts.into_iter().enumerate() {
            if !shape.is_empty() {
                dtype = DType::SubArray(Arc::new((dtype, shape)));
            }
            let offset = end + gap;
            end = offset + dtype.size();
            let title = title.map(|title| format!("title {i} {title}"));
            let name = format!("{name} {i}");
            fields.push(Field {
                name,
                title,
                dtype,
                offset,
            });
        }
        let size = end + tail;
        DType::Record(Arc::new(Record { fields, size }))
    })
}

/// Any dtype that an array can have.
pub(crate) fn any_dtype() -> impl Strategy<Value = DType> {
    any_simple_dtype().prop_recursive(3, 20, 4, any_record)
}

proptest! {
    #[test]
    fn any_dtype_reads_as_it_was_written(dtype in any_dtype()) {
        let text = dtype.to_string();
        prop_assert_eq!(text.parse::<DType>().expect("its own text"), dtype, "{}", text);
    }

    #[test]
    fn no_text_makes_a_dtype_panic(text in r#"[\[\](),'"<>|=\\a-zA-Z0-9 -]{0,40}|\PC{0,20}"#) {
        if let Ok(found) = text.parse::<DType>() {
            prop_assert_eq!(dtype(&found.to_string()), found);
        }
    }

    #[test]
    fn no_bytes_make_an_element_panic(
        dtype in any_dtype(),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert!(!dtype.show(&bytes).is_empty());
    }
}
