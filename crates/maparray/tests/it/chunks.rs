//! Are chunks the array, and does memory come and go?
//!
//! Knows: the public face of the library. Must not know: which calls the system has.

use maparray::{ChunkSize, ErrorKind, MemMapArray, Mode, Select};

/// A file of so many MiB, all of it in memory and written back.
fn file(folder: &tempfile::TempDir, mib: usize, mode: Mode) -> MemMapArray {
    let path = folder.path().join("a.npy");
    let numbers: Vec<u32> = (0..mib << 18).map(|n| n as u32).collect();
    let numbers = ndarray::Array2::from_shape_vec((mib << 10, 256), numbers).expect("it fits");
    MemMapArray::from_array(&numbers)
        .expect("room")
        .save(&path)
        .expect("room");
    MemMapArray::open(&path, mode).expect("a file")
}

#[test]
fn chunks_are_consecutive_rows_and_together_the_array() {
    let array = MemMapArray::from_array(&ndarray::Array2::from_shape_fn((10, 3), |(i, j)| {
        (i * 3 + j) as i32
    }))
    .expect("room");
    let back = Select::Range {
        start: None,
        stop: None,
        step: -1,
    };
    for view in [
        array.clone(),
        array.select(&[back]).expect("a part"),
        array.select(&[Select::ALL, back]).expect("a part"),
    ] {
        for (size, lengths) in [
            (ChunkSize::Rows(4), vec![4, 4, 2]),
            (ChunkSize::Rows(0), vec![1; 10]),
            (ChunkSize::Rows(usize::MAX), vec![10]),
            (ChunkSize::Bytes(40), vec![3, 3, 3, 1]),
            (ChunkSize::Bytes(1), vec![1; 10]),
        ] {
            let chunks = view.iter_chunks(size).expect("axes");
            assert_eq!(chunks.len(), lengths.len());
            let (mut elements, mut found, mut next) = (vec![], vec![], 0);
            for (rows, chunk) in chunks {
                assert_eq!((rows.start, rows.len()), (next, chunk.shape()[0]));
                next = rows.end;
                found.push(rows.len());
                elements.extend(chunk.to_vec::<i32>().expect("i32"));
            }
            assert_eq!(found, lengths);
            assert_eq!(elements, view.to_vec::<i32>().expect("i32"));
        }
    }
}

#[test]
fn arrays_without_rows_have_no_chunks_and_arrays_without_axes_no_iterator() {
    let none = MemMapArray::from_slice::<i32>(&[]);
    assert_eq!(
        none.iter_chunks(ChunkSize::Bytes(100))
            .expect("an axis")
            .count(),
        0
    );
    let one = MemMapArray::from_slice(&[1])
        .select(&[Select::At(0)])
        .expect("a part");
    let error = one.iter_chunks(ChunkSize::Rows(1)).expect_err("no axis");
    assert_eq!(error.kind(), ErrorKind::OutOfBounds);
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_released_leaves_memory_and_comes_back_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    for mode in [Mode::Read, Mode::ReadWrite] {
        let array = file(&folder, 8, mode);
        assert_eq!(array.resident().expect("told"), 8 << 20);
        array.release().expect("a file");
        assert!(array.resident().expect("told") < 1 << 20);
        array.prefetch().expect("a file");
        assert_eq!(array.get::<u32>(&[-1, -1]).expect("inside"), (8 << 18) - 1);
        let half = array
            .select(&[Select::Range {
                start: Some(4096),
                stop: None,
                step: 1,
            }])
            .expect("a part");
        array.to_memory().expect("room");
        half.release().expect("a file");
        let resident = array.resident().expect("told");
        assert!((3 << 20..6 << 20).contains(&resident), "{resident}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn private_changes_are_never_released() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut array = file(&folder, 4, Mode::CopyOnWrite);
    array.set(&[5, 5], 77_u32).expect("private");
    array.release().expect("nothing");
    for (_, chunk) in array
        .iter_chunks(ChunkSize::Rows(16))
        .expect("axes")
        .releasing()
    {
        chunk.release().expect("nothing");
    }
    assert_eq!(array.get::<u32>(&[5, 5]).expect("inside"), 77);
}

#[cfg(target_os = "linux")]
#[test]
fn memory_stays_where_it_is() {
    let mut array = MemMapArray::from_slice(&vec![3_u8; 1 << 20]);
    assert_eq!(array.resident().expect("told"), 1 << 20);
    array.release().expect("nothing");
    array.prefetch().expect("nothing");
    array.set(&[0], 9_u8).expect("ours");
    assert_eq!(array.resident().expect("told"), 1 << 20);
    assert_eq!(array.to_vec::<u8>().expect("u8")[..2], [9, 3]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_releasing_walk_leaves_nothing_in_memory_behind_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let array = file(&folder, 16, Mode::Read);
    let mut sum = 0;
    let mut chunks = array
        .iter_chunks(ChunkSize::Bytes(1 << 20))
        .expect("axes")
        .releasing();
    for (rows, chunk) in chunks.by_ref() {
        sum += chunk
            .to_vec::<u32>()
            .expect("u32")
            .iter()
            .map(|&n| u64::from(n))
            .sum::<u64>();
        if rows.start >= 8 << 10 {
            let walked = Select::Range {
                start: None,
                stop: Some(4 << 10),
                step: 1,
            };
            let walked = array.select(&[walked]).expect("a part");
            assert!(walked.resident().expect("told") < 1 << 20);
        }
    }
    drop(chunks);
    assert!(array.resident().expect("told") < 2 << 20);
    let count = 16_u64 << 18;
    assert_eq!(sum, count * (count - 1) / 2);
}
