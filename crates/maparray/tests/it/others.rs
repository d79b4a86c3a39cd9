//! Do damaged sounds, records, and files beside raw ones each get their answer? (`fixtures/others.py`)

use std::fs;
use std::path::{Path, PathBuf};

use maparray::format::records::{FortranRecords, Marker};
use maparray::{ByteOrder, Contents, Error, MemMapArray, Mode, layout};

/// Four samples of two bytes.
const RAW: [u8; 8] = [1, 0, 0xFE, 0xFF, 3, 0, 0xFC, 0xFF];

fn hostile() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/hostile/others")
}

struct Attack {
    how: String,
    name: String,
    answer: String,
    words: String,
}

fn attacks() -> Vec<Attack> {
    let index = fs::read_to_string(hostile().join("index.tsv")).expect("the index");
    let lines = index.lines().filter(|line| !line.starts_with('#'));
    let attack = |line: &str| {
        let columns: Vec<String> = line.split('\t').map(String::from).collect();
        let [how, name, answer, words] = columns.try_into().expect("four columns");
        Attack {
            how,
            name,
            answer,
            words,
        }
    };
    lines.map(attack).collect()
}

/// Opens a file, its bytes beside a raw file if that is how it is meant.
fn open(how: &str, name: &str, bytes: &[u8], folder: &Path) -> Result<MemMapArray, Error> {
    let write = |path: &Path, bytes: &[u8]| fs::write(path, bytes).expect("written");
    match how {
        "beside" => {
            let (_, ending) = name.rsplit_once('.').expect("an ending");
            let raw = folder.join("raw.bin");
            write(&raw, &RAW);
            write(&folder.join(format!("raw.bin.{ending}")), bytes);
            MemMapArray::open(&raw, Mode::Read)
        }
        "records" => {
            let how = FortranRecords {
                dtype: "<i2".parse()?,
                marker: Marker::Four,
                order: ByteOrder::Little,
            };
            let path = folder.join(name);
            write(&path, bytes);
            let listed = Contents::open_fortran(&path, &how, Mode::Read);
            let rows = MemMapArray::open_fortran(&path, &how, Mode::Read);
            // What cannot be listed cannot be rows either.
            assert!(listed.is_ok() || rows.is_err(), "{name}");
            rows
        }
        _ => {
            let path = folder.join(name);
            write(&path, bytes);
            MemMapArray::open(&path, Mode::Read)
        }
    }
}

#[test]
fn every_attack_gets_the_right_answer() {
    let mut wrong = vec![];
    for attack in attacks() {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = fs::read(hostile().join(&attack.name)).expect("committed");
        let found = open(&attack.how, &attack.name, &bytes, folder.path());
        let (answer, words) = match found {
            Ok(array) => {
                let shape = layout::shape_text(array.shape());
                array.to_vec::<i16>().expect("all there");
                ("accept".into(), format!("{} {shape}", array.dtype()))
            }
            Err(error) => {
                let path = error.path().expect("named");
                assert!(path.starts_with(folder.path()), "{}", attack.name);
                (format!("{:?}", error.kind()), error.to_string())
            }
        };
        if answer != attack.answer || !words.contains(&attack.words) {
            let Attack {
                name,
                answer: expected,
                words: wanted,
                ..
            } = attack;
            wrong.push(format!(
                "{name}: {answer}: {words}; expected {expected}: {wanted}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_attack_that_is_cut_short_or_changed_ends_well() {
    for attack in attacks() {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = fs::read(hostile().join(&attack.name)).expect("committed");
        let step = bytes.len() / 64 + 1;
        for at in (0..bytes.len()).step_by(step) {
            // Whatever is found, reading all of it gives numbers or an error.
            let mut changed = bytes.clone();
            changed[at] ^= 0x81;
            for bytes in [&bytes[..at], &changed] {
                if let Ok(array) = open(&attack.how, &attack.name, bytes, folder.path()) {
                    assert!(
                        array.byte_len() <= bytes.len().max(RAW.len()),
                        "{}",
                        attack.name
                    );
                    array.to_memory().expect("all there");
                }
            }
        }
    }
}
