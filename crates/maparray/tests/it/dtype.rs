//! What is an element, and how does it read and write?

use maparray::{ByteOrder, DType, ErrorKind, Scalar};

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
