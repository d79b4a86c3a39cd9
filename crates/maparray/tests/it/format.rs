//! What do the file's bytes mean?

use std::path::PathBuf;

use maparray::format::{Format, Header, Parsed, npy, raw};
use maparray::{DType, ErrorKind, Order, layout};
use proptest::prelude::*;

use crate::dtype::any_dtype;

fn header(file: &[u8]) -> Header {
    match npy::parse(file, file.len() as u64).expect("a good header") {
        Parsed::Header(header) => header,
        Parsed::Needs(needed) => panic!("asked for {needed} bytes, had {}", file.len()),
    }
}

/// A file with this dictionary and no data, for headers that NumPy does not write.
fn file_with(dictionary: &str, version: u8) -> Vec<u8> {
    let mut file = b"\x93NUMPY".to_vec();
    file.extend([version, 0]);
    let len = (dictionary.len() as u32).to_le_bytes();
    file.extend(&len[..if version == 1 { 2 } else { 4 }]);
    file.extend(dictionary.bytes());
    file
}

// -- Files of real releases --------------------------------------------------------------------

struct Fixture {
    name: String,
    file: Vec<u8>,
    version: String,
    order: Order,
    shape: String,
    descr: String,
    data: String,
    elements: Vec<String>,
}

/// What NumPy wrote, release by release.
fn fixtures() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/npy");
    for release in ["1.26.4", "2.4.6"] {
        let folder = root.join(release);
        let index = std::fs::read_to_string(folder.join("index.tsv")).expect("an index");
        for line in index.lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<&str> = line.split('\t').collect();
            let [name, version, order, shape, descr, data, elements] = columns[..] else {
                panic!("seven columns: {line}");
            };
            fixtures.push(Fixture {
                name: format!("{release}/{name}"),
                file: std::fs::read(folder.join(name)).expect(name),
                version: version.into(),
                order: if order == "F" { Order::F } else { Order::C },
                shape: shape.into(),
                descr: descr.into(),
                data: data.into(),
                elements: elements.split(" | ").map(str::to_owned).collect(),
            });
        }
    }
    assert!(fixtures.len() > 150, "a matrix of files");
    fixtures
}

#[test]
fn what_numpy_wrote_reads_as_numpy_says() {
    for fixture in fixtures() {
        let (name, file) = (&fixture.name, &fixture.file);
        let header = header(file);
        let (major, minor) = header.version;
        assert_eq!(format!("{major}.{minor}"), fixture.version, "{name}");
        assert_eq!(header.order, fixture.order, "{name}");
        assert_eq!(layout::shape_text(&header.shape), fixture.shape, "{name}");
        assert_eq!(header.dtype.to_string(), fixture.descr, "{name}");
        assert_eq!(header.dtype, fixture.descr.parse().expect(name), "{name}");
        header.check_len(file.len() as u64).expect(name);

        let data = &file[header.data_offset as usize..];
        let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, fixture.data, "{name}");
        assert_eq!(header.byte_len().expect(name), data.len() as u64, "{name}");
    }
}

#[test]
fn every_element_numpy_wrote_reads_as_numpy_prints_it() {
    for fixture in fixtures() {
        let header = header(&fixture.file);
        let data = &fixture.file[header.data_offset as usize..];
        let layout = header.layout().expect("a file that exists");
        let mut index = vec![0; layout.ndim()];
        let mut found = Vec::new();
        for _ in 0..layout.len() {
            let position = layout.position(&index).expect("an element");
            found.push(header.dtype.show(&data[position..]));
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                if (index[axis] as usize) < header.shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        if found.is_empty() {
            found.push(String::new());
        }
        assert_eq!(found, fixture.elements, "{}", fixture.name);
    }
}

#[test]
fn headers_are_written_byte_for_byte_as_numpy_writes_them() {
    for fixture in fixtures() {
        let header = header(&fixture.file);
        let expected = &fixture.file[..header.data_offset as usize];
        let (dtype, shape, order) = (&header.dtype, &header.shape, header.order);
        let version = Some(header.version);
        let written = npy::write_version(dtype, shape, order, version).expect(&fixture.name);
        assert_eq!(written, expected, "{}", fixture.name);
        if !fixture.name.contains("/version_") {
            let written = npy::write(dtype, shape, order).expect(&fixture.name);
            assert_eq!(written, expected, "{}", fixture.name);
        }
    }
}

// -- Reading -----------------------------------------------------------------------------------

#[test]
fn a_header_reads_as_it_was_written() {
    for scalar in crate::dtype::numpys() {
        let dtype = DType::from(scalar);
        for shape in [&[][..], &[0], &[7], &[3, 4], &[2, 0, 5]] {
            for order in [Order::C, Order::F] {
                let file = npy::write(&dtype, shape, order).expect("a plain array");
                let expected = Header {
                    format: Format::Npy,
                    version: (1, 0),
                    dtype: dtype.clone(),
                    shape: shape.to_vec(),
                    order,
                    data_offset: file.len() as u64,
                    unit: None,
                    scaling: None,
                };
                assert_eq!(header(&file), expected);
            }
        }
    }
}

#[test]
fn bfloat16_is_written_as_two_bytes_without_meaning() {
    let dtype = |text: &str| text.parse::<DType>().expect(text);
    let file = npy::write(&dtype("<bf16"), &[3], Order::C).expect("a plain array");
    assert_eq!(header(&file).dtype, DType::Void(2));
    let error = npy::write(&dtype(">bf16"), &[3], Order::C).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn reading_asks_for_no_more_than_the_header() {
    let file = npy::write(&DType::of::<u8>(), &[1 << 20], Order::C).expect("a plain array");
    let file_len = file.len() as u64 + (1 << 20);
    for have in 0..file.len() {
        match npy::parse(&file[..have], file_len).expect("nothing wrong so far") {
            Parsed::Needs(needed) => assert!(have < needed && needed <= file.len()),
            Parsed::Header(_) => panic!("read {have} bytes of a longer header"),
        }
    }
}

#[test]
fn python_2_integers_are_read_in_the_versions_that_python_2_wrote() {
    let dictionary = "{'descr': '<f8', 'fortran_order': False, 'shape': (3L, 0L), }\n";
    for version in [1, 2] {
        assert_eq!(header(&file_with(dictionary, version)).shape, [3, 0]);
    }
    let file = file_with(dictionary, 3);
    let error = npy::parse(&file, file.len() as u64).expect_err("Python 3 never wrote it");
    assert_eq!(error.kind(), ErrorKind::Malformed);
}

#[test]
fn any_order_of_keys_any_quotes_and_any_blanks_are_read() {
    for dictionary in [
        "{'shape':(2,),'fortran_order':True,'descr':'>i2'}",
        " {\"fortran_order\": True, \"descr\": \">i2\",\n\t\"shape\": (2 , ) , } \r\n\n",
        "{u'descr': ('>i2'), 'fortran_order': (True), 'shape': ((2),)}",
        "{'descr': '\\x3ei\\62', 'fortran_order': True, 'shape': (2,)}",
    ] {
        let found = header(&file_with(dictionary, 1));
        assert_eq!(found.dtype, ">i2".parse().expect("a dtype"));
        assert_eq!((found.shape, found.order), (vec![2], Order::F));
    }
}

#[test]
fn a_name_is_latin_1_before_version_3_and_utf_8_since() {
    let dictionary = "{'descr': [('é', '|u1')], 'fortran_order': False, 'shape': (1,)}";
    let name = |version| match header(&file_with(dictionary, version)).dtype {
        DType::Record(record) => record.fields[0].name.clone(),
        other => panic!("not a record: {other}"),
    };
    assert_eq!(name(1), "Ã©");
    assert_eq!(name(2), "Ã©");
    assert_eq!(name(3), "é");
}

#[test]
fn a_byte_order_is_wanted_only_where_it_means_something() {
    let parse = |descr: &str| {
        let dictionary = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (0,)}}");
        let file = file_with(&dictionary, 1);
        npy::parse(&file, file.len() as u64).map(|_| ())
    };
    for descr in [
        "'|u1'", "'<u1'", "'u1'", "'>S3'", "'S3'", "'<V3'", "'?'", "'<d'",
    ] {
        parse(descr).expect(descr);
    }
    for descr in [
        "'|f8'",
        "'=f8'",
        "'f8'",
        "'U3'",
        "'|U3'",
        "'M8[s]'",
        "'d'",
        "[('a', 'f8')]",
    ] {
        let error = parse(descr).expect_err(descr);
        assert!(
            error.to_string().contains("expected a byte order"),
            "{error}"
        );
    }
}

#[test]
fn a_record_may_nest_as_deep_as_brackets_may_and_no_deeper() {
    let nested = |depth: usize| {
        let open = "[('a', ".repeat(depth);
        let close = ")]".repeat(depth);
        let dictionary =
            format!("{{'descr': {open}'|u1'{close}, 'fortran_order': False, 'shape': ()}}");
        let file = file_with(&dictionary, 1);
        npy::parse(&file, file.len() as u64 + 1).map(|_| ())
    };
    nested(15).expect("one brace and thirty brackets");
    assert_eq!(
        nested(16).expect_err("33 brackets").kind(),
        ErrorKind::Malformed
    );
}

#[test]
fn data_cut_short_says_how_many_rows_are_whole() {
    let file = npy::write(&DType::of::<f32>(), &[5, 3], Order::C).expect("a plain array");
    let header = header(&file);
    let whole = file.len() as u64 + 60;
    header.check_len(whole).expect("all there");
    header.check_len(whole + 7).expect("more behind it");
    let error = header.check_len(whole - 1).expect_err("one byte missing");
    assert_eq!(error.kind(), ErrorKind::Malformed);
    let message = "data cut short: found 59 bytes (4 whole rows), expected 60";
    assert_eq!(error.to_string(), message);
}

// -- Writing -----------------------------------------------------------------------------------

#[test]
fn the_axis_that_may_grow_has_room_for_21_digits() {
    // numpy.lib.format.open_memmap(…, dtype="u1", shape=(3,), fortran_order=True), NumPy 2.4.6.
    let written = npy::write(&DType::of::<u8>(), &[3], Order::F).expect("a plain array");
    let expected = "\u{93}NUMPY\u{1}\0v\0{'descr': '|u1', 'fortran_order': True, 'shape': (3,), }";
    let expected: Vec<u8> = expected.chars().map(|c| c as u8).collect();
    assert!(written.starts_with(&expected));
    assert_eq!(written[expected.len()..].trim_ascii_end(), b"");
    assert_eq!((written.len(), written.last()), (128, Some(&b'\n')));

    let len = |shape: &[usize], order| {
        let header = npy::write(&DType::of::<u8>(), shape, order).expect("a plain array");
        header.len()
    };
    // However long the axis that grows, the header stays as long; so data need not move.
    let (big, long) = (isize::MAX as usize, 10usize.pow(9));
    assert_eq!(len(&[1], Order::C), len(&[big], Order::C));
    assert_eq!(len(&[1, 12_345], Order::C), len(&[long, 12_345], Order::C));
    assert_eq!(len(&[12_345, 1], Order::F), len(&[12_345, long], Order::F));
}

/// A record of one field, whose header has this many bytes in version 1 before padding.
fn record_with_name_of(len: usize) -> DType {
    let name = "n".repeat(len);
    format!("[('{name}', '|u1')]").parse().expect("a record")
}

#[test]
fn a_header_beyond_65535_bytes_is_version_2() {
    let version = |len| {
        let dtype = record_with_name_of(len);
        let file = npy::write_version(&dtype, &[1], Order::C, None).expect("a long name");
        assert_eq!(file.len() % 64, 0);
        let parsed = npy::parse_limited(&file, file.len() as u64, 1 << 20).expect("it reads back");
        let Parsed::Header(header) = parsed else {
            panic!("all bytes were there");
        };
        assert_eq!(
            (header.dtype, header.data_offset),
            (dtype, file.len() as u64)
        );
        (header.version, file.len())
    };
    // As numpy.save chose for the same record, NumPy 2.4.6.
    assert_eq!(version(65_439), ((1, 0), 65_536));
    assert_eq!(version(65_440), ((2, 0), 65_600));
}

#[test]
fn what_could_not_be_read_back_is_not_written() {
    let error = npy::write(&record_with_name_of(65_440), &[1], Order::C).expect_err("too long");
    assert!(error.to_string().starts_with("header too long"), "{error}");

    let unicode: DType = "[('Ω', '|u1')]".parse().expect("a record");
    for major in [1, 2] {
        let version = Some((major, 0));
        let error = npy::write_version(&unicode, &[1], Order::C, version).expect_err("Latin-1");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
    let version = Some((1, 1));
    assert!(npy::write_version(&unicode, &[1], Order::C, version).is_err());

    for (dtype, kind) in [
        (DType::Bytes(0), ErrorKind::Malformed),
        (DType::Void(usize::MAX), ErrorKind::Malformed),
        (
            DType::Text(usize::MAX, maparray::ByteOrder::Big),
            ErrorKind::Malformed,
        ),
        (
            "('<f8', (2,))".parse().expect("a block"),
            ErrorKind::Unsupported,
        ),
        (overlapping(), ErrorKind::Unsupported),
    ] {
        let error = npy::write(&dtype, &[1], Order::C).expect_err("not in a header");
        assert_eq!(error.kind(), kind, "{error}");
    }
    let error = npy::write(&DType::of::<f64>(), &[usize::MAX], Order::C).expect_err("too big");
    assert_eq!(error.kind(), ErrorKind::Malformed);
    let error = npy::write(&DType::of::<f64>(), &[1; 65], Order::C).expect_err("too many axes");
    assert_eq!(error.kind(), ErrorKind::Malformed);
}

/// Two fields of one record that share bytes.
fn overlapping() -> DType {
    let DType::Record(mut record) = "[('a', '<i4'), ('b', '<i4')]".parse().expect("a record")
    else {
        panic!("a list of fields is a record");
    };
    std::sync::Arc::make_mut(&mut record).fields[1].offset = 2;
    DType::Record(record)
}

#[test]
fn a_record_that_has_no_descriptor_still_reads_as_something() {
    let text = "{'names': ['a', 'b'], 'formats': ['<i4', '<i4'], 'offsets': [0, 2], 'itemsize': 8}";
    assert_eq!(overlapping().to_string(), text);
}

// -- Files without a header --------------------------------------------------------------------

fn raw(dtype: &str, shape: Option<&[i64]>, offset: u64) -> raw::Raw {
    raw::Raw {
        dtype: dtype.parse().expect(dtype),
        shape: shape.map(<[i64]>::to_vec),
        order: Order::F,
        offset,
    }
}

#[test]
fn a_raw_file_is_what_the_caller_says() {
    let header = raw::header(&raw(">f4", Some(&[2, 3]), 5), 100).expect("a good file");
    let expected = Header {
        format: Format::Raw,
        version: (0, 0),
        dtype: ">f4".parse().expect("a dtype"),
        shape: vec![2, 3],
        order: Order::F,
        data_offset: 5,
        unit: None,
        scaling: None,
    };
    assert_eq!(header, expected);
    let header = raw::header(&raw("<f4", None, 4), 24).expect("five floats");
    assert_eq!(header.shape, [5]);
    let header = raw::header(&raw("<f4", None, 24), 24).expect("none at all");
    assert_eq!(header.shape, [0]);
    let header = raw::header(&raw("<f4", Some(&[2, -1]), 0), 24).expect("three columns");
    assert_eq!(header.shape, [2, 3]);
}

#[test]
fn a_raw_file_that_the_caller_misjudged_is_refused() {
    for (raw, file_len, kind, words) in [
        (raw("<f4", None, 0), 10, ErrorKind::Malformed, "multiple of"),
        (
            raw("<f4", None, 9),
            8,
            ErrorKind::OutOfBounds,
            "found 9, expected at most 8",
        ),
        (
            raw("<f4", Some(&[-1]), 9),
            8,
            ErrorKind::OutOfBounds,
            "found 9, expected at most 8",
        ),
        (
            raw("<f4", Some(&[-1, 3]), 0),
            16,
            ErrorKind::Mismatch,
            "cannot infer",
        ),
        (
            raw("<f4", Some(&[-1, 0]), 0),
            16,
            ErrorKind::Mismatch,
            "cannot infer",
        ),
        (
            raw("<f4", Some(&[-1, -1]), 0),
            16,
            ErrorKind::Mismatch,
            "more than one unknown",
        ),
        (
            raw("<f4", Some(&[-2]), 0),
            16,
            ErrorKind::Mismatch,
            "not a shape",
        ),
        (
            raw("<f4", Some(&[i64::MAX, 4]), 0),
            16,
            ErrorKind::Malformed,
            "too big",
        ),
        (
            raw("|u1", None, 0),
            u64::MAX,
            ErrorKind::Malformed,
            "too big",
        ),
    ] {
        let error = raw::header(&raw, file_len).expect_err(words);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    let header = raw::header(&raw("<f4", Some(&[4]), 9), 8).expect("taken as it is");
    let error = header.check_len(8).expect_err("begins behind the end");
    assert_eq!(error.kind(), ErrorKind::OutOfBounds);
    let error = header.check_len(24).expect_err("one byte short");
    assert_eq!(error.kind(), ErrorKind::Malformed);
}

// -- Laws --------------------------------------------------------------------------------------

fn any_order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::C), Just(Order::F)]
}

/// One way to spoil a file.
#[derive(Clone, Debug)]
enum Damage {
    Replace(prop::sample::Index, u8),
    Insert(prop::sample::Index, String),
    Remove(prop::sample::Index, usize),
}

fn spoil(file: &mut Vec<u8>, damage: Damage) {
    if file.is_empty() {
        return;
    }
    let (at, len, with) = match damage {
        Damage::Replace(at, byte) => (at.index(file.len()), 1, vec![byte]),
        Damage::Insert(at, text) => (at.index(file.len()), 0, text.into_bytes()),
        Damage::Remove(at, len) => (at.index(file.len()), len, vec![]),
    };
    let end = file.len().min(at + len);
    file.splice(at..end, with);
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let place = any::<prop::sample::Index>;
    let pieces = r#"[\[\](){}'",:\\<>|=a-zO0-9 -]{1,6}|True|None|-1|np\.int64\(3\)|\\x00|'O'|L"#;
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        (place(), pieces).prop_map(|(at, text)| Damage::Insert(at, text)),
        (place(), 1..40usize).prop_map(|(at, len)| Damage::Remove(at, len)),
    ]
}

proptest! {
    #[test]
    fn any_header_reads_as_it_was_written(
        dtype in any_dtype(),
        shape in prop::collection::vec(0..200usize, 0..5),
        order in any_order(),
    ) {
        let file = npy::write(&dtype, &shape, order).expect("a dtype that NumPy could write");
        let found = header(&file);
        prop_assert_eq!((found.dtype, found.shape, found.order), (dtype, shape, order));
        prop_assert_eq!(found.data_offset, file.len() as u64);
        prop_assert_eq!(file.len() % 64, 0);
    }

    #[test]
    fn a_damaged_header_is_refused_or_means_what_it_says(
        dtype in any_dtype(),
        damages in prop::collection::vec(any_damage(), 1..6),
    ) {
        let mut file = npy::write(&dtype, &[3, 4], Order::C).expect("a good header");
        for damage in damages {
            spoil(&mut file, damage);
        }
        // The length of the header is mended, or most damage would go no further.
        for mend in [false, true] {
            if mend && file.len() > 10 {
                let len = (file.len() - 10) as u16;
                file[8..10].copy_from_slice(&len.to_le_bytes());
            }
            if let Ok(Parsed::Header(found)) = npy::parse(&file, file.len() as u64) {
                let again = npy::write(&found.dtype, &found.shape, found.order).expect("good");
                let again = header(&again);
                let data_offset = again.data_offset;
                prop_assert_eq!(again, Header { version: again_version(&found), data_offset, ..found });
            }
        }
    }
}

/// The version that a header gets when it is written anew.
fn again_version(found: &Header) -> (u8, u8) {
    let text = found.dtype.to_string();
    if text.chars().all(|c| u32::from(c) < 256) {
        (1, 0)
    } else {
        (3, 0)
    }
}
