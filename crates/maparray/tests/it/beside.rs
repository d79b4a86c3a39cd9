//! Do raw files open by what stands beside them, sounds by their chunks, and records by their markers?

use std::path::{Path, PathBuf};

use maparray::format::Format;
use maparray::format::records::{FortranRecords, Marker};
use maparray::{
    ByteOrder, Contents, DType, Error, ErrorKind, MemMapArray, Mode, Order, Raw, write_sidecar,
};

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("frame.bin");
    (folder, path)
}

fn raw(dtype: &str, shape: &[i64], order: Order, offset: u64) -> Raw {
    Raw {
        dtype: dtype.parse().expect(dtype),
        shape: Some(shape.to_vec()),
        order,
        offset,
    }
}

fn refused(path: &Path) -> Error {
    MemMapArray::open(path, Mode::Read).expect_err("refused")
}

#[test]
fn a_raw_file_opens_without_retelling() {
    let (_folder, path) = folder();
    std::fs::write(&path, [9, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 7]).expect("a file");
    assert_eq!(refused(&path).kind(), ErrorKind::Malformed);
    let place = write_sidecar(
        &path,
        &raw(">u2", &[2, -1], Order::F, 1),
        Some(&"adu".parse().expect("a unit")),
    );
    let error = place.expect_err("13 bytes are no whole rows");
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    let unit = "adu".parse().expect("a unit");
    let place = write_sidecar(&path, &raw(">u2", &[2, 3], Order::F, 1), Some(&unit));
    assert_eq!(
        place.expect("written"),
        path.with_file_name("frame.bin.json")
    );
    let mut array = MemMapArray::open(&path, Mode::ReadWrite).expect("described");
    assert_eq!((array.shape(), array.order()), (&[2, 3][..], Order::F));
    assert_eq!(array.to_vec::<u16>().expect("numbers"), [1, 3, 5, 2, 4, 6]);
    assert_eq!(array.unit(), Some(&unit));
    array.set(&[1, 2], 7_u16).expect("writable");
    assert_eq!(
        MemMapArray::read(&path)
            .expect("a copy")
            .to_vec::<u16>()
            .expect("numbers")[5],
        7
    );
    let part = MemMapArray::open(format!("{}[1, :2]", path.display()), Mode::Read);
    assert_eq!(
        part.expect("a part").to_vec::<u16>().expect("numbers"),
        [2, 4]
    );
    std::fs::write(&path, [0; 12]).expect("a file");
    assert_eq!(refused(&path).kind(), ErrorKind::Malformed);
}

#[test]
fn every_dtype_that_has_a_text_is_described() {
    let (_folder, path) = folder();
    std::fs::write(&path, [0; 64]).expect("a file");
    for dtype in [
        "|b1",
        "<c16",
        "bfloat16",
        "float8_e5m2",
        "<M8[25s]",
        "|S3",
        "[('x', '<f4'), ('n', '|u1', (2,))]",
    ] {
        write_sidecar(&path, &raw(dtype, &[2], Order::C, 0), None).expect(dtype);
        let array = MemMapArray::open(&path, Mode::Read).expect(dtype);
        assert_eq!(array.dtype(), &dtype.parse::<DType>().expect(dtype));
    }
}

#[test]
fn a_description_that_is_wrong_is_refused_and_one_of_others_does_not_count() {
    let (_folder, path) = folder();
    std::fs::write(&path, [0; 16]).expect("a file");
    let beside = path.with_file_name("frame.bin.json");
    let ours = |rest: &str| format!("{{\"format\": \"maparray-raw\", \"version\": 1{rest}}}");
    let good = ", \"dtype\": \"<f4\", \"shape\": [4]";
    let cases = [
        (ours(""), ErrorKind::Malformed, "`dtype` is missing"),
        (
            ours(", \"dtype\": \"<f4\""),
            ErrorKind::Malformed,
            "`shape` is missing",
        ),
        (
            ours(&format!("{good}, \"order\": \"K\"")),
            ErrorKind::Malformed,
            "\"C\" or \"F\"",
        ),
        (
            ours(&format!("{good}, \"offset\": -1")),
            ErrorKind::Malformed,
            "not negative",
        ),
        (
            ours(&format!("{good}, \"offset\": 1")),
            ErrorKind::Malformed,
            "cut short",
        ),
        (
            ours(&format!("{good}, \"shape\": [4]")),
            ErrorKind::Malformed,
            "twice",
        ),
        (
            ours(&good.replace("f4", "O")),
            ErrorKind::Unsupported,
            "object",
        ),
        (
            ours(&good.replace("4]", "1e3]")),
            ErrorKind::Malformed,
            "whole number",
        ),
        (
            ours(&good.replace("[4]", "[9223372036854775807, 8]")),
            ErrorKind::Malformed,
            "too big",
        ),
        (
            ours(&good.replace("[4]", &"[".repeat(5000))),
            ErrorKind::Malformed,
            "whole number",
        ),
        (
            ours(good).replace(": 1", ": 2"),
            ErrorKind::Unsupported,
            "found 2, expected 1",
        ),
        ("{".into(), ErrorKind::Malformed, "a key"),
        // Not ours: the file is asked what it is itself.
        (
            "{\"format\": \"other\", \"version\": [1.5]}".into(),
            ErrorKind::Malformed,
            "not a .npy file",
        ),
        ("{}".into(), ErrorKind::Malformed, "not a .npy file"),
    ];
    for (text, kind, words) in cases {
        std::fs::write(&beside, &text).expect("a file");
        let error = refused(&path);
        assert_eq!(error.kind(), kind, "{text}: {error}");
        assert!(error.to_string().contains(words), "{text}: {error}");
    }
    std::fs::write(&beside, ours(&format!("{good}, \"more\": [{{}}]"))).expect("a file");
    assert!(MemMapArray::open(&path, Mode::Read).is_ok());
}

const ENVI: &str = "ENVI\ndescription = {\n  A scene,\n  of two bands}\nsamples = 4\nlines   = 3\nbands = 2\n\
    header offset = 2\nFile Type = ENVI Standard\ndata type = 2\ninterleave = BIL\nbyte order = 1\n; end\n";

#[test]
fn envi_headers_say_the_shape_in_the_order_of_the_file() {
    let (_folder, path) = folder();
    std::fs::write(&path, vec![1; 2 + 48]).expect("a file");
    for beside in ["frame.bin.hdr", "frame.hdr"] {
        let beside = path.with_file_name(beside);
        for (interleave, shape) in [("bsq", [2, 3, 4]), ("BIL", [3, 2, 4]), ("bip", [3, 4, 2])] {
            std::fs::write(&beside, ENVI.replace("BIL", interleave)).expect("a header");
            let array = MemMapArray::open(&path, Mode::Read).expect(interleave);
            assert_eq!(
                (array.shape(), array.dtype().to_string()),
                (&shape[..], ">i2".into())
            );
            assert_eq!(array.data_offset(), 2);
        }
        for (from, to, words) in [
            ("data type = 2", "data type = 7", "`data type`"),
            ("samples = 4", "samples = -4", "`samples`"),
            ("samples = 4", "sample = 4", "`samples`"),
            ("interleave = BIL", "interleave = bqs", "bsq, bil or bip"),
            ("byte order = 1", "byte order = 2", "0 or 1"),
            ("lines   = 3", "lines = 9999999999999", "cut short"),
            ("bands = 2", "bands = 2\nbands = 3", "twice"),
            ("of two bands}", "of two bands", "closing brace"),
        ] {
            std::fs::write(&beside, ENVI.replace(from, to)).expect("a header");
            let error = refused(&path);
            assert_eq!(error.kind(), ErrorKind::Malformed, "{to}: {error}");
            assert!(error.to_string().contains(words), "{to}: {error}");
        }
        std::fs::remove_file(&beside).expect("there");
    }
}

/// A WAV file of these parts.
fn wav(code: u16, channels: u16, bytes: u16, data: &[u8], claimed: u32) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
    file.extend(code.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend([0; 8]);
    file.extend((channels * bytes).to_le_bytes());
    file.extend((bytes * 8).to_le_bytes());
    file.extend(b"data");
    file.extend(claimed.to_le_bytes());
    file.extend(data);
    file
}

#[test]
fn sounds_are_arrays_of_frames() {
    let (_folder, path) = folder();
    for (code, channels, bytes, dtype, shape) in [
        (1, 1, 1, "|u1", &[24][..]),
        (1, 2, 2, "<i2", &[6, 2]),
        (1, 3, 4, "<i4", &[2, 3]),
        (3, 1, 8, "<f8", &[3]),
        (3, 2, 4, "<f4", &[3, 2]),
    ] {
        let mut file = wav(code, channels, bytes, &[1; 24], 24);
        std::fs::write(&path, &file).expect("a file");
        let array = MemMapArray::open(&path, Mode::Read).expect(dtype);
        assert_eq!(
            (array.dtype().to_string().as_str(), array.shape()),
            (dtype, shape)
        );
        assert_eq!(
            Contents::open(&path).expect("a sound").format(),
            Format::Wav
        );
        // What stands behind the data does not matter, what is missing does.
        file.extend(b"LIST");
        std::fs::write(&path, &file).expect("a file");
        assert!(MemMapArray::open(&path, Mode::Read).is_ok());
        std::fs::write(&path, &file[..file.len() - 5]).expect("a file");
        let error = refused(&path);
        assert!(
            error.to_string().contains("data cut short: found 23 bytes"),
            "{error}"
        );
    }
}

#[test]
fn sounds_longer_than_4_gib_say_so_in_a_chunk_of_their_own() {
    let (_folder, path) = folder();
    let file = wav(1, 2, 2, &[1; 8], u32::MAX);
    std::fs::write(&path, &file).expect("a file");
    assert!(refused(&path).to_string().contains("multiple"));
    let mut long = b"RF64\xFF\xFF\xFF\xFFWAVEds64\x1C\0\0\0".to_vec();
    long.extend([0; 8]);
    long.extend(8_u64.to_le_bytes());
    long.extend([0; 12]);
    long.extend(&file[12..]);
    std::fs::write(&path, &long).expect("a file");
    assert_eq!(
        MemMapArray::open(&path, Mode::Read)
            .expect("two frames")
            .shape(),
        [2, 2]
    );
}

#[test]
fn sounds_that_are_compressed_or_contradict_themselves_are_refused() {
    let (_folder, path) = folder();
    let good = wav(1, 2, 2, &[1; 8], 8);
    let mut no_format = good.clone();
    no_format[24] = b'F';
    for (file, kind) in [
        (wav(6, 1, 1, &[0; 4], 4), ErrorKind::Unsupported),
        (wav(3, 1, 2, &[0; 4], 4), ErrorKind::Unsupported),
        (wav(1, 0, 2, &[0; 4], 4), ErrorKind::Malformed),
        (wav(1, 2, 2, &[0; 8], 7), ErrorKind::Malformed),
        (good[..30].to_vec(), ErrorKind::Malformed),
        (no_format, ErrorKind::Malformed),
        (b"RIFF\0\0\0\0WAVE".to_vec(), ErrorKind::Malformed),
        (
            [&good[..12], &b"JUNK\0\0\0\0".repeat(2000)].concat(),
            ErrorKind::Malformed,
        ),
    ] {
        std::fs::write(&path, &file).expect("a file");
        let error = refused(&path);
        assert_eq!(error.kind(), kind, "{error}");
    }
    for len in 12..good.len() {
        std::fs::write(&path, &good[..len]).expect("a file");
        refused(&path);
    }
}

fn records(lengths: &[usize], marker: Marker, order: ByteOrder) -> Vec<u8> {
    let mut file = vec![];
    for (number, &len) in lengths.iter().enumerate() {
        let mut bytes = (len as u64).to_le_bytes()[..marker.size()].to_vec();
        if order == ByteOrder::Big {
            bytes.reverse();
        }
        file.extend(&bytes);
        file.extend(vec![number as u8; len]);
        file.extend(&bytes);
    }
    file
}

fn how(dtype: &str, marker: Marker, order: ByteOrder) -> FortranRecords {
    let dtype = dtype.parse().expect(dtype);
    FortranRecords {
        dtype,
        marker,
        order,
    }
}

#[test]
fn records_are_arrays_by_number_or_the_rows_of_one() {
    let (_folder, path) = folder();
    for marker in [Marker::Four, Marker::Eight] {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let how = how("<u2", marker, order);
            std::fs::write(&path, records(&[4, 4, 4], marker, order)).expect("a file");
            let mut rows = MemMapArray::open_fortran(&path, &how, Mode::ReadWrite).expect("equal");
            assert_eq!(rows.shape(), [3, 2]);
            assert_eq!(
                rows.to_vec::<u16>().expect("numbers"),
                [0, 0, 257, 257, 514, 514]
            );
            rows.set(&[2, 1], 7_u16).expect("writable");
            std::fs::write(&path, records(&[2, 0, 6000], marker, order)).expect("a file");
            let contents = Contents::open_fortran(&path, &how, Mode::Read).expect("records");
            assert_eq!(contents.keys(), ["0", "1", "2"]);
            let last = contents.array(2, Mode::Read).expect("the last");
            assert_eq!(last.to_vec::<u16>().expect("numbers"), [514; 3000]);
            assert_eq!(contents.read(1).expect("nothing").shape(), [0]);
            let error = MemMapArray::open_fortran(&path, &how, Mode::Read).expect_err("unequal");
            assert_eq!(error.kind(), ErrorKind::Mismatch);
        }
    }
}

#[test]
fn markers_that_contradict_each_other_are_refused() {
    let (_folder, path) = folder();
    let good = records(&[4, 8], Marker::Four, ByteOrder::Little);
    let with = |at: usize, byte: u8| {
        let mut file = good.clone();
        file[at] = byte;
        file
    };
    let how = how("<u2", Marker::Four, ByteOrder::Little);
    let mut bad = vec![
        with(0, 6),
        with(8, 5),
        with(3, 0x80),
        with(0, 200),
        with(15, 0x7F),
    ];
    bad.extend(
        (1..good.len())
            .filter(|&len| len != 12)
            .map(|len| good[..len].to_vec()),
    );
    bad.push(records(&[3], Marker::Four, ByteOrder::Little));
    bad.push(records(&[4], Marker::Four, ByteOrder::Big));
    bad.push(records(&[4], Marker::Eight, ByteOrder::Little));
    for file in bad {
        std::fs::write(&path, &file).expect("a file");
        let error = Contents::open_fortran(&path, &how, Mode::Read)
            .err()
            .expect("refused");
        assert_eq!(error.kind(), ErrorKind::Malformed, "{file:?}: {error}");
        assert!(
            error.to_string().contains("bad marker of record"),
            "{error}"
        );
    }
    std::fs::write(&path, b"").expect("a file");
    assert!(
        Contents::open_fortran(&path, &how, Mode::Read)
            .expect("none")
            .keys()
            .is_empty()
    );
    assert!(MemMapArray::open_fortran(&path, &how, Mode::Read).is_err());
}

#[test]
fn a_file_that_says_nothing_names_the_way_out() {
    let (_folder, path) = folder();
    std::fs::write(&path, [1, 0, 2, 0]).expect("a file");
    let hint = refused(&path).hint();
    assert!(hint.is_some_and(|hint| hint.contains("maparray wrap")));
}
