//! Is a safetensors file read and written as its format says, and as no other?

use std::collections::BTreeMap;
use std::path::PathBuf;

use half::{bf16, f16};
use maparray::format::Format;
use maparray::{
    Contents, DType, ErrorKind, Flush, MemMapArray, Mode, Order, layout, safetensors_metadata,
    save_safetensors,
};

fn hostile() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/hostile/safetensors")
}

struct Attack {
    row: u32,
    path: PathBuf,
    answer: String,
    words: String,
}

fn attacks() -> Vec<Attack> {
    let index = std::fs::read_to_string(hostile().join("index.tsv")).expect("the index");
    let lines = index.lines().filter(|line| !line.starts_with('#'));
    let attack = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [row, name, answer, words] = columns[..] else {
            panic!("four columns: {line}");
        };
        Attack {
            row: row.parse().expect("a row"),
            path: hostile().join(name),
            answer: answer.into(),
            words: words.into(),
        }
    };
    lines.map(attack).collect()
}

/// The array `x` of a file, by one way or the other.
fn x(path: &std::path::Path, mode: Option<Mode>) -> maparray::Result<MemMapArray> {
    let contents = Contents::open(path)?;
    let index = contents.find(Some("x"))?;
    match mode {
        Some(mode) => contents.array(index, mode),
        None => contents.read(index),
    }
}

#[test]
fn every_row_of_the_table_has_its_file() {
    let rows: Vec<u32> = attacks().iter().map(|attack| attack.row).collect();
    for row in 78..=91 {
        assert!(rows.contains(&row), "row {row}");
    }
}

#[test]
fn every_attack_gets_the_right_answer() {
    for attack in attacks() {
        for mode in [Some(Mode::Read), Some(Mode::CopyOnWrite), None] {
            let what = format!("row {}, {:?}, {mode:?}", attack.row, attack.path);
            match (attack.answer.as_str(), x(&attack.path, mode)) {
                ("accept", Ok(array)) => {
                    let shape = layout::shape_text(array.shape());
                    assert_eq!(
                        format!("{} {shape} C", array.dtype()),
                        attack.words,
                        "{what}"
                    );
                    assert_eq!(
                        array.to_vec::<f64>().expect("all there"),
                        [1.5, 2.5],
                        "{what}"
                    );
                }
                (answer, Err(error)) => {
                    assert_eq!(format!("{:?}", error.kind()), answer, "{what}: {error}");
                    assert!(error.to_string().contains(&attack.words), "{what}: {error}");
                    assert_eq!(error.path(), Some(&*attack.path), "{what}: {error}");
                }
                (_, Ok(array)) => panic!("{what} was accepted as {array:?}"),
            }
        }
    }
}

#[test]
fn every_attack_that_is_cut_short_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.safetensors");
    let good = std::fs::read(hostile().join("good.safetensors")).expect("committed");
    for attack in attacks() {
        let file = std::fs::read(&attack.path).expect("committed");
        // Cut where the glue is, one of them is good again.
        for len in (0..file.len().min(200)).filter(|&len| file[..len] != good) {
            std::fs::write(&path, &file[..len]).expect("a copy");
            assert!(
                x(&path, Some(Mode::Read)).is_err(),
                "{:?}, {len} bytes",
                attack.path
            );
        }
    }
}

#[test]
fn a_header_that_claims_100_mb_costs_no_memory() {
    let path = hostile().join("header_of_100_mb.safetensors");
    let start = std::fs::read(path).expect("committed");
    let error = maparray::format::safetensors::start_len(&start, start.len() as u64);
    assert_eq!(error.expect_err("not there").kind(), ErrorKind::Malformed);
    let read = maparray::format::safetensors::start_len(&start, 100_000_008);
    assert_eq!(read.expect("as long as the file"), 100_000_008);
}

#[test]
fn data_at_an_odd_offset_can_be_copied_but_not_borrowed() {
    let array = x(
        &hostile().join("data_at_an_odd_offset.safetensors"),
        Some(Mode::Read),
    );
    let array = array.expect("a good file");
    assert_eq!(array.data_offset() % 2, 1);
    assert_eq!(array.to_vec::<f64>().expect("a copy"), [1.5, 2.5]);
    assert_eq!(
        array
            .to_memory()
            .expect("a copy")
            .view::<f64>()
            .expect("ours")[1],
        2.5
    );
}

fn written() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.bin");
    let weight = ndarray::array![[1.5_f32, 2.5, 3.5], [4.5, 5.5, 6.5]];
    let weight = MemMapArray::from_array(&weight.t()).expect("memory");
    let halves = MemMapArray::from_slice(&[bf16::ONE, bf16::NAN]);
    let short = MemMapArray::from_slice(&[f16::ONE]);
    let flags = MemMapArray::from_slice(&[true, false, true]);
    let none = MemMapArray::zeros(&DType::of::<f32>(), &[0, 4], Order::C).expect("memory");
    let arrays = [
        ("layer.0.weight", &weight),
        ("flags", &flags),
        ("a \"name\"", &short),
        ("halves", &halves),
        ("none", &none),
    ];
    save_safetensors(&path, &arrays, &[("b", "2"), ("a", "é\n")]).expect("written");
    (folder, path)
}

#[test]
fn what_is_written_is_read_by_names_and_told_by_its_content() {
    let (_folder, path) = written();
    let contents = Contents::open(&path).expect("a good file");
    assert_eq!(contents.format(), Format::Safetensors);
    let keys = contents.keys();
    assert_eq!(
        keys,
        ["layer.0.weight", "none", "halves", "a \"name\"", "flags"]
    );
    let open = |address: &str| {
        let address = format!("{}{address}", path.display());
        MemMapArray::open(address, Mode::Read)
    };
    let weight = open(":layer.0.weight").expect("there");
    assert_eq!(weight.shape(), [3, 2]);
    let flat = weight.to_vec::<f32>().expect("floats");
    assert_eq!(flat, [1.5, 4.5, 2.5, 5.5, 3.5, 6.5]);
    let part = open(":layer.0.weight[1:, -1]").expect("a part");
    assert_eq!(part.to_vec::<f32>().expect("floats"), [5.5, 6.5]);
    assert_eq!(
        open(":halves")
            .expect("there")
            .get::<bf16>(&[0])
            .expect("a half"),
        bf16::ONE
    );
    assert_eq!(open(":none").expect("there").shape(), [0, 4]);
    let error = open(":bias").expect_err("not there");
    assert_eq!(error.kind(), ErrorKind::OutOfBounds);
    assert_eq!(
        open("").expect_err("one of five").kind(),
        ErrorKind::Mismatch
    );
    let metadata = safetensors_metadata(&path).expect("a good file");
    let expected = [("a", "é\n"), ("b", "2")].map(|(key, text)| (key.to_owned(), text.to_owned()));
    assert_eq!(metadata, BTreeMap::from(expected));
}

#[test]
fn tensors_are_changed_in_place_and_copied_on_write() {
    let (_folder, path) = written();
    let address = format!("{}:flags", path.display());
    let before = std::fs::read(&path).expect("there");
    let mut copy = MemMapArray::open(&address, Mode::CopyOnWrite).expect("there");
    copy.set(&[1], true).expect("a copy");
    drop(copy);
    assert!(std::fs::read(&path).expect("there") == before);
    let mut flags = MemMapArray::open(&address, Mode::ReadWrite).expect("there");
    flags.set(&[1], true).expect("writable");
    flags.flush(Flush::Durable).expect("written");
    let after = std::fs::read(&path).expect("there");
    let differing: Vec<usize> = (0..after.len())
        .filter(|&at| after[at] != before[at])
        .collect();
    assert_eq!(differing, [before.len() - 2]);
}

#[test]
fn a_file_that_is_mapped_can_be_written_anew_from_itself() {
    let (_folder, path) = written();
    let contents = Contents::open(&path).expect("a good file");
    let keys = contents.keys();
    let arrays = (0..keys.len()).map(|index| contents.array(index, Mode::Read));
    let arrays: Vec<MemMapArray> = arrays.map(|array| array.expect("there")).collect();
    let named: Vec<(&str, &MemMapArray)> =
        keys.iter().map(|key| key.as_str()).zip(&arrays).collect();
    let before = std::fs::read(&path).expect("there");
    save_safetensors(&path, &named, &[("a", "é\n"), ("b", "2")]).expect("written");
    assert!(std::fs::read(&path).expect("there") == before);
}

#[test]
fn what_the_format_cannot_hold_is_refused_and_leaves_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.safetensors");
    let wide = MemMapArray::zeros(&DType::of::<num_complex::Complex<f64>>(), &[1], Order::C);
    let wide = wide.expect("memory");
    let text: DType = "S3".parse().expect("a dtype");
    let text = MemMapArray::zeros(&text, &[1], Order::C).expect("memory");
    let void = MemMapArray::zeros(&"V1".parse().expect("a dtype"), &[1], Order::C).expect("memory");
    let small = MemMapArray::from_slice(&[1_u8]);
    let kind = |arrays: &[(&str, &MemMapArray)], texts: &[(&str, &str)]| {
        save_safetensors(&path, arrays, texts)
            .expect_err("refused")
            .kind()
    };
    for array in [&wide, &text, &void] {
        assert_eq!(kind(&[("x", array)], &[]), ErrorKind::Unsupported);
    }
    assert_eq!(
        kind(&[("x", &small), ("x", &small)], &[]),
        ErrorKind::Mismatch
    );
    assert_eq!(kind(&[("__metadata__", &small)], &[]), ErrorKind::Mismatch);
    assert_eq!(
        kind(&[("x", &small)], &[("a", "1"), ("a", "2")]),
        ErrorKind::Mismatch
    );
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("a folder").count(),
        0
    );
}

#[test]
fn numbers_of_foreign_byte_order_are_turned() {
    let folder = tempfile::tempdir().expect("a folder");
    let (raw, path) = (
        folder.path().join("a.raw"),
        folder.path().join("a.safetensors"),
    );
    std::fs::write(&raw, [0, 1, 0, 2]).expect("a file");
    let big = maparray::Raw {
        dtype: ">i2".parse().expect("a dtype"),
        shape: None,
        order: Order::C,
        offset: 0,
    };
    let big = MemMapArray::open_raw(&raw, &big, Mode::Read).expect("open");
    save_safetensors(&path, &[("x", &big)], &[]).expect("written");
    let read = MemMapArray::read(&path).expect("the only one");
    assert_eq!(read.to_vec::<i16>().expect("shorts"), [1, 2]);
}
