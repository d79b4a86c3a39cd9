//! Headers without room, headers that a power cut could tear, and files that are not what they were.

use std::fs;
use std::path::Path;

use maparray::format::npy;
use maparray::{DType, Error, ErrorKind, Flush, MemMapArray, Mode, Order, Result};

const SECTOR: usize = 512;

fn fails(done: Result<()>, kind: ErrorKind, words: &str) -> Error {
    let error = done.expect_err("this cannot be done");
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(words), "{error}");
    error
}

/// Records with a name so long that the shape stands at another byte for each length.
fn named(len: usize) -> DType {
    format!("[('{}', '<i8')]", "n".repeat(len)).parse().unwrap()
}

/// Records that say which they are.
fn records(dtype: &DType, from: i64, to: i64) -> MemMapArray {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.npy");
    let mut file = npy::write(dtype, &[(to - from) as usize], Order::C).unwrap();
    file.extend(bytes_of(from, to));
    fs::write(&path, file).unwrap();
    MemMapArray::read(&path).unwrap()
}

fn bytes_of(from: i64, to: i64) -> Vec<u8> {
    (from..to).flat_map(i64::to_le_bytes).collect()
}

fn file_of(dtype: &DType, rows: i64) -> Vec<u8> {
    let mut file = npy::write(dtype, &[rows as usize], Order::C).unwrap();
    file.extend(bytes_of(0, rows));
    file
}

/// Checks that a file that a crash left opens with the old rows or the new ones, all of them true.
fn survives(path: &Path, image: &[u8], rows: [i64; 2]) {
    fs::write(path, image).unwrap();
    let array = MemMapArray::open(path, Mode::Read).unwrap();
    let found = array.len() as i64;
    assert!(rows.contains(&found), "found {found}, expected {rows:?}");
    let start = array.region().file_offset() as usize;
    assert_eq!(image[start..start + found as usize * 8], bytes_of(0, found));
}

#[test]
fn no_crash_image_of_an_append_loses_a_row_or_makes_one_up() {
    let folder = tempfile::tempdir().unwrap();
    let (path, crashed) = (folder.path().join("a.npy"), folder.path().join("b.npy"));
    let (mut refused, mut grown) = (0, 0);
    for len in (SECTOR - 150..SECTOR + 10).step_by(3) {
        let dtype = named(len);
        for (old, new) in [(9, 100), (99, 101), (129, 1300)] {
            fs::write(&path, file_of(&dtype, old)).unwrap();
            let before = fs::read(&path).unwrap();
            let mut array = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
            let rows = [records(&dtype, old, new)];
            match array.extend(&rows, Flush::Durable) {
                Ok(()) => grown += 1,
                Err(error) => {
                    fails(Err(error), ErrorKind::Unsupported, "power cut");
                    assert_eq!(fs::read(&path).unwrap(), before);
                    array.extend_rewriting(&rows, Flush::Durable).unwrap();
                    refused += 1;
                    // The old file or the new one has the name; what follows holds for the new one.
                    let rows = records(&dtype, new, new + 900);
                    let before = fs::read(&path).unwrap();
                    array.append(&rows, Flush::Durable).unwrap();
                    let after = fs::read(&path).unwrap();
                    crash(&crashed, &before, &after, [new, new + 900]);
                    continue;
                }
            }
            let after = fs::read(&path).unwrap();
            crash(&crashed, &before, &after, [old, new]);
        }
    }
    assert!(
        refused > 5 && grown > 100,
        "{refused} refused, {grown} grown"
    );
}

/// Every state that a disk may be in when its power is cut during an append.
fn crash(path: &Path, before: &[u8], after: &[u8], rows: [i64; 2]) {
    let start = 10 + usize::from(u16::from_le_bytes([after[8], after[9]]));
    // The data come first: any piece of them, or a hole, with the old header.
    for len in (before.len()..after.len()).step_by(2048) {
        survives(path, &[before, &after[before.len()..len]].concat(), rows);
    }
    let hole = [before, &vec![0; after.len() - before.len()]].concat();
    survives(path, &hole, [rows[0]; 2]);
    // Then the sectors of the header, each old or new.
    let sectors = start.div_ceil(SECTOR);
    for news in 0..1_u32 << sectors {
        let mut image = [before, &after[before.len()..]].concat();
        for sector in (0..sectors).filter(|sector| news & 1 << sector != 0) {
            let range = sector * SECTOR..((sector + 1) * SECTOR).min(start);
            image[range.clone()].copy_from_slice(&after[range]);
        }
        survives(path, &image, rows);
    }
}

#[test]
fn headers_of_every_version_have_room_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let dtype = DType::of::<i64>();
    for version in [(1, 0), (2, 0), (3, 0)] {
        let mut file = npy::write_version(&dtype, &[9], Order::C, Some(version)).unwrap();
        file.extend(bytes_of(0, 9));
        fs::write(&path, &file).unwrap();
        let mut array = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
        let more: Vec<i64> = (9..12_345).collect();
        array
            .append(&MemMapArray::from_slice(&more), Flush::Durable)
            .unwrap();
        let mut whole = npy::write_version(&dtype, &[12_345], Order::C, Some(version)).unwrap();
        whole.extend(bytes_of(0, 12_345));
        assert!(fs::read(&path).unwrap() == whole, "{version:?}");
    }
}

/// A `.npy` file whose header has no blank to spare.
fn tight(path: &Path) {
    let text = "{'descr':'<i8','fortran_order':False,'shape':(9,)}\n";
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((text.len() as u16).to_le_bytes());
    file.extend(text.bytes());
    file.extend(bytes_of(0, 9));
    fs::write(path, file).unwrap();
}

#[test]
fn a_file_without_room_is_written_anew_for_who_asks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tight.npy");
    tight(&path);
    let mut array = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    let (mut other, before) = (array.clone(), fs::read(&path).unwrap());
    let rows = [MemMapArray::from_slice(&[9_i64, 10])];
    let error = fails(
        array.extend(&rows, Flush::Durable),
        ErrorKind::Unsupported,
        "no room",
    );
    assert!(error.hint().is_some_and(|hint| hint.contains("rewrite")));
    assert_eq!(fs::read(&path).unwrap(), before);
    array.extend_rewriting(&rows, Flush::Durable).unwrap();
    array.extend_rewriting(&rows, Flush::Durable).unwrap();
    let expected = [&(0..11).collect::<Vec<i64>>()[..], &[9, 10]].concat();
    assert_eq!(
        MemMapArray::read(&path).unwrap().to_vec::<i64>().unwrap(),
        expected
    );
    assert_eq!(array.to_vec::<i64>().unwrap(), expected);
    // Who has the old file is told, before anything is lost.
    assert_eq!(other.len(), 9);
    fails(
        other.extend_rewriting(&rows, Flush::Durable),
        ErrorKind::Mismatch,
        "belongs to another file",
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_whose_header_was_overwritten_does_not_grow() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    for rest in [
        b"xxxxxxxxxx",
        b"\x93NUMPX\x01\x00v\x00",
        b"\x93NUMPY\x09\x00v\x00",
    ] {
        MemMapArray::from_slice(&[1_i64, 2]).save(&path).unwrap();
        let mut array = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes[..10].copy_from_slice(rest);
        fs::write(&path, &bytes).unwrap();
        let more = MemMapArray::from_slice(&[3_i64]);
        fails(array.append(&more, Flush::Start), ErrorKind::Malformed, "");
        fails(array.refresh().map(drop), ErrorKind::Malformed, "");
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_lost_its_name_does_not_grow_unseen() {
    let folder = tempfile::tempdir().unwrap();
    let (path, aside) = (folder.path().join("a.npy"), folder.path().join("b.npy"));
    let one = MemMapArray::from_slice(&[1_i64]);
    let lost = |lose: &dyn Fn(), words: &str| {
        one.save(&path).unwrap();
        let mut array = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
        lose();
        fails(array.append(&one, Flush::Start), ErrorKind::Mismatch, words);
        fails(array.resize(5, Flush::Start), ErrorKind::Mismatch, words);
        assert_eq!(array.len(), 1);
        array
    };
    lost(&|| fs::remove_file(&path).unwrap(), "found no file there");
    lost(&|| one.save(&path).unwrap(), "belongs to another file");
    let mut renamed = lost(
        &|| fs::rename(&path, &aside).unwrap(),
        "found no file there",
    );
    assert_eq!(MemMapArray::read(&aside).unwrap().len(), 1);
    // Known by its new name, it grows again.
    let mut array = MemMapArray::open(&aside, Mode::ReadWrite).unwrap();
    array.append(&one, Flush::Start).unwrap();
    renamed.append(&one, Flush::Start).unwrap();
    assert_eq!(MemMapArray::read(&aside).unwrap().len(), 3);
}
