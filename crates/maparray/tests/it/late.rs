//! Does a small file behave as if it were mapped, though it is not yet?
//!
//! Knows: the public face of the library. Must not know: when a map is made.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use maparray::{ErrorKind, MemMapArray, Mode, Order, StableFiles};

fn small(folder: &Path) -> PathBuf {
    let path = folder.join("small.npy");
    MemMapArray::from_slice(&[1_u16, 2, 3]).save(&path).unwrap();
    path
}

/// Writes over bytes of a file, as another program would.
fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

/// Whether this process has the file mapped.
#[cfg(target_os = "linux")]
fn is_mapped(path: &Path) -> bool {
    let path = path.canonicalize().unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines()
        .any(|line| line.ends_with(path.to_str().unwrap()))
}

#[cfg(target_os = "linux")]
#[test]
fn a_small_file_is_mapped_when_its_elements_are_borrowed_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = small(folder.path());
    #[expect(unsafe_code, reason = "borrowing is what is tested")]
    // SAFETY: this folder is ours.
    let stable = unsafe { StableFiles::promise() };
    let array = MemMapArray::open(&path, Mode::Read)
        .unwrap()
        .promise(stable);
    assert_eq!(array.get::<u16>(&[1]).unwrap(), 2);
    assert_eq!(array.to_vec::<u16>().unwrap(), [1, 2, 3]);
    assert!(!is_mapped(&path));
    assert_eq!(array.view::<u16>().unwrap().sum(), 6);
    assert!(is_mapped(&path));
    drop(array);
    assert!(!is_mapped(&path));
}

#[test]
fn what_others_write_to_a_small_file_is_seen_before_and_after_it_is_mapped() {
    let folder = tempfile::tempdir().unwrap();
    let path = small(folder.path());
    let array = MemMapArray::open(&path, Mode::Read).unwrap();
    assert_eq!(array.get::<u16>(&[0]).unwrap(), 1);
    overwrite(&path, 128, &[7, 7]);
    assert_eq!(array.get::<u16>(&[0]).unwrap(), 0x0707);
    let first = array.region().as_ptr().unwrap();
    overwrite(&path, 128, &[9, 9]);
    assert_eq!(array.get::<u16>(&[0]).unwrap(), 0x0909);
    assert_eq!(array.region().as_ptr().unwrap(), first);
    // Through a map of ours, too.
    let mut other = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    other.set(&[2], 11_u16).unwrap();
    assert_eq!(array.get::<u16>(&[2]).unwrap(), 11);
}

#[test]
fn a_small_file_that_was_cut_short_is_an_error_and_no_signal() {
    let folder = tempfile::tempdir().unwrap();
    let path = small(folder.path());
    let array = MemMapArray::open(&path, Mode::Read).unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(130)
        .unwrap();
    assert_eq!(array.get::<u16>(&[0]).unwrap(), 1);
    assert_eq!(
        array.get::<u16>(&[1]).unwrap_err().kind(),
        ErrorKind::Malformed
    );
    assert_eq!(
        array.to_vec::<u16>().unwrap_err().kind(),
        ErrorKind::Malformed
    );
    assert_eq!(
        array.region().as_ptr().unwrap_err().kind(),
        ErrorKind::Malformed
    );
}

#[test]
fn a_small_file_outlives_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = small(folder.path());
    let array = MemMapArray::open(&path, Mode::Read).unwrap();
    MemMapArray::from_slice(&[8_u16, 8, 8]).save(&path).unwrap();
    assert_eq!(array.get::<u16>(&[0]).unwrap(), 1);
    fs::remove_file(&path).unwrap();
    assert_eq!(array.to_vec::<u16>().unwrap(), [1, 2, 3]);
}

#[test]
fn many_threads_may_be_the_first_to_want_a_small_file_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = small(folder.path());
    for _ in 0..50 {
        let array = MemMapArray::open(&path, Mode::Read).unwrap();
        let addresses: Vec<usize> = std::thread::scope(|scope| {
            let ask = || array.region().as_ptr().unwrap().addr();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(addresses.iter().all(|&address| address == addresses[0]));
    }
}

#[test]
fn files_of_every_size_order_and_byte_order_are_read_as_they_are_mapped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    for rows in [0, 1, 100, 3000, 100_000] {
        for order in [Order::C, Order::F] {
            for dtype in ["<f4", ">f4", "|S3", "|b1", "[('id', '>u2'), ('x', '<f4')]"] {
                let dtype: maparray::DType = dtype.parse().unwrap();
                let bytes: Vec<u8> = (0..rows * 3 * dtype.size())
                    .map(|n| (n % 2) as u8)
                    .collect();
                let layout =
                    maparray::Layout::contiguous(&[rows, 3], dtype.size(), order, 0).unwrap();
                let region = MemMapArray::from_slice(&bytes).region().clone();
                MemMapArray::from_region(region, dtype.clone(), layout)
                    .unwrap()
                    .save(&path)
                    .unwrap();
                let read = MemMapArray::read(&path).unwrap();
                let mapped = MemMapArray::open(&path, Mode::Read).unwrap();
                assert_eq!((read.dtype(), read.path()), (&dtype.to_native(), None));
                assert_eq!(
                    (read.shape(), read.order()),
                    (mapped.shape(), mapped.order())
                );
                if rows > 0 {
                    for at in [0, rows as i64 / 2, -1] {
                        assert_eq!(
                            read.bytes_of(&[at, 1]).unwrap(),
                            mapped.bytes_of(&[at, 1]).unwrap()
                        );
                    }
                }
            }
        }
    }
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(5000)
        .unwrap();
    assert_eq!(
        MemMapArray::read(&path).unwrap_err().kind(),
        ErrorKind::Malformed
    );
}
