//! Regions: a mapped file, memory of our own and lent memory behave alike where they should.

use std::fs;
use std::path::{Path, PathBuf};

use maparray::{Allocate, Error, ErrorKind, Existing, Extend, Flush, Mode, OpenFile, Region, Span};

/// A folder that goes away with everything in it.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("the test machine has a temporary folder")
}

fn file_with(folder: &Path, bytes: &[u8]) -> PathBuf {
    let path = folder.join("bytes.bin");
    fs::write(&path, bytes).expect("the folder is ours");
    path
}

const ALL: Span = Span {
    offset: 0,
    len: None,
};

fn map(path: &Path, mode: Mode) -> Result<Region, Error> {
    OpenFile::open(path, mode)?.map(ALL, mode, Extend::Never)
}

#[test]
fn the_end_of_a_part_may_be_left_open() {
    let folder = folder();
    let path = file_with(folder.path(), &[7; 5000]);
    let file = OpenFile::open(&path, Mode::Read).unwrap();
    let span = Span {
        offset: 4097,
        len: None,
    };
    let region = file.map(span, Mode::Read, Extend::Never).unwrap();
    assert_eq!(region.len(), 903);
    // Not at a page boundary: the address keeps the offset's remainder.
    assert_eq!(region.as_ptr().unwrap().addr() % 4096, 1);
}

#[test]
fn a_part_beyond_the_end_is_refused_for_reading_and_for_copies() {
    let folder = folder();
    let path = file_with(folder.path(), &[7; 100]);
    for mode in [Mode::Read, Mode::CopyOnWrite, Mode::ReadWrite] {
        let file = OpenFile::open(&path, mode).unwrap();
        let span = Span {
            offset: 50,
            len: Some(51),
        };
        let error = file.map(span, mode, Extend::Never).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
        let wrap = Span {
            offset: u64::MAX,
            len: Some(2),
        };
        assert_eq!(
            file.map(wrap, mode, Extend::Never).unwrap_err().kind(),
            ErrorKind::Malformed
        );
    }
    assert_eq!(fs::metadata(&path).unwrap().len(), 100);
}

#[test]
fn a_file_grows_only_when_asked_to() {
    let folder = folder();
    let path = file_with(folder.path(), &[7; 10]);
    let file = OpenFile::open(&path, Mode::ReadWrite).unwrap();
    let span = Span {
        offset: 0,
        len: Some(20_000),
    };
    assert!(file.map(span, Mode::ReadWrite, Extend::Never).is_err());
    let region = file.map(span, Mode::ReadWrite, Extend::Grow).unwrap();
    assert_eq!(region.len(), 20_000);
    assert_eq!(fs::metadata(&path).unwrap().len(), 20_000);
    assert_eq!(
        fs::read(&path).unwrap()[..11],
        [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0]
    );
}

#[test]
fn a_file_that_cannot_grow_keeps_its_length() {
    let folder = folder();
    let path = file_with(folder.path(), &[7; 10]);
    let file = OpenFile::open(&path, Mode::ReadWrite).unwrap();
    let span = Span {
        offset: 0,
        len: Some(1 << 60),
    };
    let error = file.map(span, Mode::ReadWrite, Extend::Grow).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert_eq!(fs::metadata(&path).unwrap().len(), 10);
}

#[test]
fn one_file_has_one_descriptor_however_many_regions_share_it() {
    let folder = folder();
    let path = file_with(folder.path(), &[7; 10]);
    let first = OpenFile::open(&path, Mode::Read).unwrap();
    let link = folder.path().join("link");
    fs::hard_link(&path, &link).unwrap();
    let regions: Vec<Region> = (0..50).map(|_| map(&link, Mode::Read).unwrap()).collect();
    for region in &regions {
        assert!(std::sync::Arc::ptr_eq(&region.file().unwrap(), &first));
    }
    // Opened for writing, the same file keeps one descriptor, now with both rights.
    let writing = OpenFile::open(&path, Mode::ReadWrite).unwrap();
    assert!(std::sync::Arc::ptr_eq(&writing, &first));
    assert!(map(&path, Mode::ReadWrite).unwrap().is_writable());
    let descriptors = fs::read_dir("/proc/self/fd").map(|entries| {
        let path = fs::canonicalize(&path).unwrap();
        let link = fs::canonicalize(&link).unwrap();
        let targets = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        targets
            .filter(|target| *target == path || *target == link)
            .count()
    });
    if let Ok(count) = descriptors {
        assert_eq!(count, 1);
    }
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let folder = folder();
    for path in [
        folder.path(),
        Path::new("/dev/null"),
        Path::new("/dev/zero"),
    ] {
        let error = OpenFile::open(path, Mode::Read).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("not a regular file"), "{error}");
        assert_eq!(error.path(), Some(path));
    }
    let missing = OpenFile::open(folder.path().join("missing"), Mode::Read).unwrap_err();
    assert_eq!(missing.os_error(), Some(2));
}

#[cfg(unix)]
#[test]
fn a_pipe_without_a_writer_does_not_make_us_wait() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if made.is_ok_and(|status| status.success()) {
        assert_eq!(
            OpenFile::open(&pipe, Mode::Read).unwrap_err().kind(),
            ErrorKind::Io
        );
    }
}

#[test]
fn regions_without_bytes_need_no_mapping() {
    let folder = folder();
    let path = file_with(folder.path(), &[]);
    let file = map(&path, Mode::ReadWrite).unwrap();
    let heap = Region::heap(0).unwrap();
    for region in [file, heap] {
        assert!(region.is_empty());
        assert_eq!(region.as_ptr().unwrap().addr() % 64, 0);
        region.flush(0..0, Flush::Durable).unwrap();
        assert!(region.flush(0..1, Flush::Durable).is_err());
    }
}

#[test]
fn memory_is_zeroed_and_aligned_and_too_much_is_an_error() {
    // A little memory to a cache line, more to a page.
    for (len, align) in [
        (1, 64),
        (10_000, 64),
        (16_384, 64),
        (16_385, 4096),
        (5 << 20, 4096),
    ] {
        let region = Region::heap(len).unwrap();
        assert_eq!(region.as_ptr().unwrap().addr() % align, 0, "{len}");
        assert!(region.is_writable() && region.is_private());
        let dtype = maparray::DType::of::<u8>();
        let layout = maparray::Layout::contiguous(&[len], 1, maparray::Order::C, 0).unwrap();
        let array = maparray::MemMapArray::from_region(region, dtype, layout).unwrap();
        assert!(array.view::<u8>().unwrap().iter().all(|&byte| byte == 0));
    }
    assert_eq!(
        Region::heap(usize::MAX / 2).unwrap_err().kind(),
        ErrorKind::Io
    );
}

#[test]
fn flushing_a_file_that_was_cut_short_is_an_error() {
    let folder = folder();
    let path = file_with(folder.path(), &[7; 10_000]);
    let region = map(&path, Mode::ReadWrite).unwrap();
    region.flush(0..10_000, Flush::Start).unwrap();
    region.flush(4000..5000, Flush::Durable).unwrap();
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(5)
        .unwrap();
    let error = region.flush(0..10_000, Flush::Durable).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
}

#[test]
fn released_pages_come_back_with_what_was_written() {
    use maparray::{DType, Layout, MemMapArray, Order};
    let folder = folder();
    let path = file_with(folder.path(), &vec![7; 1 << 20]);
    let region = map(&path, Mode::ReadWrite).unwrap();
    let layout = Layout::contiguous(&[1 << 20], 1, Order::C, 0).unwrap();
    let mut array = MemMapArray::from_region(region, DType::of::<u8>(), layout).unwrap();
    array.set(&[5000], 9_u8).unwrap();
    array.region().release(0..1 << 20);
    assert_eq!(array.get::<u8>(&[5000]).unwrap(), 9);
    assert_eq!(array.get::<u8>(&[5001]).unwrap(), 7);
}

#[test]
fn releasing_a_private_copy_keeps_what_was_written() {
    use maparray::{DType, Layout, MemMapArray, Order};
    let folder = folder();
    let path = file_with(folder.path(), &[7; 8192]);
    let region = map(&path, Mode::CopyOnWrite).unwrap();
    let layout = Layout::contiguous(&[8192], 1, Order::C, 0).unwrap();
    let mut array = MemMapArray::from_region(region, DType::of::<u8>(), layout).unwrap();
    array.set(&[5], 9_u8).unwrap();
    array.region().release(0..8192);
    assert_eq!(array.get::<u8>(&[5]).unwrap(), 9);
    array.flush(Flush::Durable).unwrap();
    assert_eq!(fs::read(&path).unwrap()[5], 7);
}

#[test]
fn a_new_file_replaces_the_old_one_which_stays_with_those_who_map_it() {
    use maparray::{Create, DType, MemMapArray};
    let folder = folder();
    let path = folder.path().join("a.npy");
    let ones = MemMapArray::from_slice(&[1_i32; 5000]);
    ones.save(&path).unwrap();
    let old = MemMapArray::open(&path, Mode::Read).unwrap();
    MemMapArray::create(&path, &DType::of::<i32>(), &[2], &Create::default()).unwrap();
    assert_eq!(old.get::<i32>(&[4999]).unwrap(), 1);
    assert_eq!(MemMapArray::open(&path, Mode::Read).unwrap().shape(), [2]);
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing is left beside it");
}

#[test]
fn a_name_that_is_taken_is_refused_where_asked() {
    use maparray::{Create, DType, MemMapArray};
    let folder = folder();
    let path = file_with(folder.path(), b"precious");
    let options = Create {
        existing: Existing::Refuse,
        ..Create::default()
    };
    let dtype = DType::of::<u8>();
    let error = MemMapArray::create(&path, &dtype, &[3], &options).unwrap_err();
    assert_eq!((error.kind(), error.os_error()), (ErrorKind::Io, Some(17)));
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    let fresh = folder.path().join("fresh.npy");
    MemMapArray::create(&fresh, &dtype, &[3], &options).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_full_disk_is_an_error_when_a_file_is_made_and_leaves_the_old_one() {
    use maparray::{Create, DType, MemMapArray};
    let folder = folder();
    let path = file_with(folder.path(), b"precious");
    let dtype = DType::of::<u8>();
    let error = MemMapArray::create(&path, &dtype, &[1 << 55], &Create::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_sparse_file_takes_no_blocks_and_a_full_one_takes_them_all() {
    use maparray::{Create, DType, MemMapArray};
    use std::os::unix::fs::MetadataExt;
    let folder = folder();
    for (allocate, full) in [(Allocate::Full, true), (Allocate::Sparse, false)] {
        let path = folder.path().join(format!("{full}.npy"));
        let options = Create {
            allocate,
            ..Create::default()
        };
        MemMapArray::create(&path, &DType::of::<u8>(), &[1 << 22], &options).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.len(), (1 << 22) + 128);
        assert_eq!(metadata.blocks() * 512 >= 1 << 22, full);
    }
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_permissions_are_kept() {
    use maparray::MemMapArray;
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let path = file_with(folder.path(), b"old");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("link.npy");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    MemMapArray::from_slice(&[1_u8, 2]).save(&link).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(
        MemMapArray::read(&path).unwrap().to_vec::<u8>().unwrap(),
        [1, 2]
    );
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o640
    );
}
