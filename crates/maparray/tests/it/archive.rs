//! What becomes of archives: mapped, inflated, written, added to, hostile?
#![expect(unsafe_code, reason = "promises about files are tested, too")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use maparray::format::{Format, Storage, zip};
use maparray::{
    Contents, DType, Error, ErrorKind, Eval, Existing, Flush, Inflate, MemMapArray, Mode, Order,
    SaveNpz, StableFiles, Storing, align_npz, append_npz, extract_npz, repair_npz, save_npz,
};
use tempfile::TempDir;

const STORED: SaveNpz = SaveNpz {
    storing: Storing::Stored,
    align: 64,
    existing: Existing::Replace,
};
const DEFLATED: SaveNpz = SaveNpz {
    storing: Storing::Deflated,
    ..STORED
};

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

fn hostile() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/hostile/npz")
}

fn member(path: &Path, key: &str) -> String {
    format!("{}:{key}", path.display())
}

fn numbers(len: usize) -> MemMapArray {
    let numbers: Vec<f64> = (0..len).map(|i| (i as f64 * 0.7).sin()).collect();
    MemMapArray::from_slice(&numbers)
}

fn kind<T>(result: Result<T, Error>) -> ErrorKind {
    match result {
        Err(error) => error.kind(),
        Ok(_) => panic!("it was accepted"),
    }
}

#[test]
fn every_attack_on_archives_gets_the_right_answer() {
    let index = fs::read_to_string(hostile().join("index.tsv")).expect("the index");
    let mut rows = vec![];
    for line in index.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [row, name, opened, read, words] = columns[..] else {
            panic!("five columns: {line}");
        };
        rows.push(row.parse::<u32>().expect("a row"));
        let path = hostile().join(name);
        let start = Instant::now();
        let check = |answer: &str, error: Option<Error>| {
            let found = error.as_ref().map(|error| format!("{:?}", error.kind()));
            assert_eq!(
                found.as_deref().unwrap_or("accept"),
                answer,
                "{name}: {error:?}"
            );
            if let Some(error) = error {
                assert!(error.to_string().contains(words), "{name}: {error}");
                assert_eq!(error.path(), Some(&*path), "{name}: {error}");
            }
        };
        check(opened, Contents::open(&path).err());
        let array = MemMapArray::read(member(&path, "x"));
        if let Ok(array) = &array {
            assert_eq!(array.to_vec::<f64>().expect(name), [1.5, 2.5, 3.5]);
        }
        check(read, array.err());
        assert!(start.elapsed() < Duration::from_secs(1), "{name}");
    }
    rows.extend([74]);
    rows.sort_unstable();
    rows.dedup();
    let expected: Vec<u32> = [0].into_iter().chain(57..=77).collect();
    assert_eq!(rows, expected);
}

#[test]
fn every_cut_of_an_attack_is_harmless() {
    let folder = folder();
    let path = folder.path().join("cut.npz");
    for entry in fs::read_dir(hostile()).expect("the folder") {
        let file = fs::read(entry.expect("an entry").path()).expect("a file");
        if file.len() > 2000 {
            continue;
        }
        for len in (0..file.len()).step_by(7) {
            fs::write(&path, &file[..len]).expect("a copy");
            if let Ok(contents) = Contents::open(&path) {
                for index in 0..contents.keys().len() {
                    let _ = contents.read(index);
                }
            }
        }
    }
}

/// An archive of so many members with these names and places, all of them empty.
fn crowd(count: usize, place: impl Fn(usize) -> u64) -> Vec<u8> {
    let mut file = vec![];
    let mut directory = vec![];
    for i in 0..count {
        let offset = place(i);
        let name = format!("{i:06}.npy");
        let member = zip::NewMember::new(name, zip::Method::Stored, 0, offset);
        if offset == file.len() as u64 {
            file.extend(member.write_local(member.local_len(1, 0), 1));
        }
        member.write_entry(&mut directory);
    }
    let end = zip::write_end(count as u64, file.len() as u64, directory.len() as u64);
    file.extend(directory);
    file.extend(end);
    file
}

#[test]
fn sixty_thousand_entries_of_one_body_are_refused_and_as_many_true_ones_found_at_once() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    fs::write(&path, crowd(60_000, |_| 0)).expect("a file");
    let start = Instant::now();
    let error = Contents::open(&path).err().expect("overlapping members");
    let refused = start.elapsed();
    assert!(error.to_string().contains("members overlap"), "{error}");
    fs::write(&path, crowd(60_000, |i| i as u64 * 40)).expect("a file");
    let start = Instant::now();
    let contents = Contents::open(&path).expect("a good archive");
    assert_eq!(contents.keys().len(), 60_000);
    for i in 0..60_000 {
        assert_eq!(contents.find(Some(&format!("{i:06}"))).expect("a key"), i);
    }
    let found = start.elapsed();
    let most = Duration::from_secs(3);
    assert!(refused < most && found < most, "{refused:?}, {found:?}");
}

#[test]
fn a_stored_member_is_mapped_where_it_lies() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let x = numbers(5000);
    save_npz(&path, &[("x", &x), ("y/z", &x)], &STORED).expect("a file");
    let contents = Contents::open(&path).expect("an archive");
    assert_eq!(contents.format(), Format::Npz);
    assert_eq!(contents.keys(), ["x", "y/z"]);
    for key in ["x", "x.npy", "y/z"] {
        let array = MemMapArray::open(member(&path, key), Mode::Read).expect(key);
        assert_eq!(array.mode(), Some(Mode::Read));
        assert_eq!(array.data_offset() % 64, 0);
        assert_eq!(
            array.to_vec::<f64>().expect(key),
            x.to_vec::<f64>().expect("all")
        );
    }
    let part = MemMapArray::open(member(&path, "x[10:12]"), Mode::Read).expect("a part");
    assert_eq!(part.shape(), [2]);
    assert_eq!(
        kind(MemMapArray::open(&path, Mode::Read)),
        ErrorKind::Mismatch
    );
    assert_eq!(
        kind(contents.find(Some("q")).map(|_| ())),
        ErrorKind::OutOfBounds
    );
    assert_eq!(kind(contents.entry(2)), ErrorKind::OutOfBounds);
}

#[test]
fn alignment_is_as_asked_for_whatever_the_names() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let x = numbers(3);
    let names: Vec<String> = (1..80).map(|len| "n".repeat(len)).collect();
    let arrays: Vec<(&str, &MemMapArray)> = names.iter().map(|name| (&**name, &x)).collect();
    for align in [1, 2, 4, 8, 64, 4096] {
        save_npz(&path, &arrays, &SaveNpz { align, ..STORED }).expect("a file");
        let contents = Contents::open(&path).expect("an archive");
        for i in 0..contents.keys().len() {
            let offset = contents.entry(i).expect("an entry").header.data_offset;
            assert_eq!(offset % u64::from(align), 0, "{align}");
            contents.verify(i).expect("its checksum");
        }
    }
    for align in [0, 3, 1 << 16] {
        let options = SaveNpz { align, ..STORED };
        assert_eq!(
            kind(save_npz(&path, &arrays, &options)),
            ErrorKind::Mismatch
        );
    }
}

/// Arrays of each kind of element, some of them in Fortran order.
fn some_of_each() -> Vec<(String, MemMapArray)> {
    let bytes = numbers(90).to_vec::<f64>().expect("all");
    let make = |text: &str, order| {
        let dtype: DType = text.parse().expect(text);
        let mut array = MemMapArray::zeros(&dtype, &[3, 5], order).expect(text);
        for (i, value) in bytes.iter().take(15).enumerate() {
            let index = [(i / 5) as i64, (i % 5) as i64];
            let _ = array.set(&index, *value as f32);
            let _ = array.set(&index, (*value * 99.0) as i16);
            let _ = array.set(&index, *value);
            let _ = array.set(&index, *value > 0.0);
        }
        (format!("{text} {order:?}"), array)
    };
    let mut made = vec![];
    for text in [
        "<f4",
        "<f8",
        ">f8",
        "<i2",
        "?",
        "<c16",
        "S7",
        "[('a', '<i4'), ('b', 'u1')]",
    ] {
        made.push(make(text, Order::C));
        made.push(make(text, Order::F));
    }
    made
}

#[test]
fn arrays_come_back_as_they_went_stored_and_deflated() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let made = some_of_each();
    let arrays: Vec<(&str, &MemMapArray)> = made.iter().map(|(name, a)| (&**name, a)).collect();
    for options in [STORED, DEFLATED, SaveNpz { align: 1, ..STORED }] {
        save_npz(&path, &arrays, &options).expect("a file");
        let contents = Contents::open(&path).expect("an archive");
        let all = contents.read_all(&Inflate::default()).expect("copies");
        assert_eq!(all.len(), made.len());
        for (i, (name, array)) in made.iter().enumerate() {
            let header = contents.entry(i).expect(name).header;
            assert_eq!(
                (&header.dtype, header.order),
                (array.dtype(), array.order()),
                "{name}"
            );
            let read = contents.read(i).expect(name);
            assert!(read.dtype().is_native(), "{name}");
            let inflated = contents.inflate(i, &Inflate::default()).expect(name);
            assert_eq!(inflated.dtype(), array.dtype(), "{name}");
            for copy in [&read, &inflated, &all[i].1] {
                for place in [[0, 0], [1, 3], [2, -1]] {
                    let bytes = array.bytes_of(&place).expect(name);
                    assert_eq!(copy.bytes_of(&place).expect(name), bytes, "{name}");
                }
            }
        }
    }
}

#[test]
fn a_large_member_is_deflated_in_pieces_and_inflated_into_a_file() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    // More than one round of pieces, and no whole number of them.
    let bytes: Vec<u8> = (0..21_000_001_u32)
        .map(|i| (i.wrapping_mul(i) >> 13) as u8)
        .collect();
    let x = MemMapArray::from_slice(&bytes);
    save_npz(
        &path,
        &[("x", &x), ("none", &MemMapArray::from_slice::<u8>(&[]))],
        &DEFLATED,
    )
    .expect("a file");
    let contents = Contents::open(&path).expect("an archive");
    let Storage::Compressed(packed) = contents.entry(0).expect("x").storage else {
        panic!("it is deflated");
    };
    assert!(packed < 21_000_000);
    for memory in [Some(0), None] {
        let how = Inflate { most: None, memory };
        let copy = contents.inflate(0, &how).expect("a copy");
        assert_eq!(copy.mode().is_some(), memory == Some(0));
        assert!(copy.to_vec::<u8>().expect("all") == bytes);
    }
    assert!(contents.read(1).expect("nothing").is_empty());
    contents.verify(0).expect("its checksum");
}

#[test]
fn what_is_deflated_is_never_mapped_and_inflated_only_within_limits() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    save_npz(&path, &[("x", &numbers(5000))], &DEFLATED).expect("a file");
    let error = MemMapArray::open(&path, Mode::Read).expect_err("deflated");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.hint().is_some_and(|hint| hint.contains("inflate")),
        "{error}"
    );
    let contents = Contents::open(&path).expect("an archive");
    let tight = Inflate {
        most: Some(40_127),
        memory: None,
    };
    assert_eq!(kind(contents.inflate(0, &tight)), ErrorKind::Unsupported);
    assert_eq!(kind(contents.read_all(&tight)), ErrorKind::Unsupported);
    let enough = Inflate {
        most: Some(40_128),
        memory: None,
    };
    assert_eq!(contents.inflate(0, &enough).expect("a copy").len(), 5000);
    let write = MemMapArray::open_inflated(&path, Mode::ReadWrite, &enough);
    assert_eq!(kind(write), ErrorKind::Unsupported);
    let bomb = hostile().join("inflates_to_20_mb.npz");
    let raised = Inflate {
        most: Some(1 << 30),
        memory: None,
    };
    let array = MemMapArray::open_inflated(&bomb, Mode::Read, &raised).expect("allowed");
    assert_eq!(array.len(), 20 << 20);
}

#[test]
fn what_is_written_through_a_map_gets_its_checksum() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let save = || save_npz(&path, &[("x", &numbers(900)), ("y", &numbers(9))], &STORED);
    let verify = || Contents::open(&path).and_then(|contents| contents.verify(0));
    save().expect("a file");
    let open = |mode| MemMapArray::open(member(&path, "x"), mode).expect("x");
    // By a flush, with the map still there.
    let mut array = open(Mode::ReadWrite);
    array.set(&[7], 5.0).expect("written");
    array.flush(Flush::Durable).expect("flushed");
    verify().expect("mended by the flush");
    // By the end of the array.
    array.set(&[8], 6.0).expect("written");
    assert_eq!(kind(verify()), ErrorKind::Malformed);
    drop(array);
    verify().expect("mended by the drop");
    // By the end of a view.
    // SAFETY: nobody else knows this folder.
    let stable = unsafe { StableFiles::promise() };
    let mut array = open(Mode::ReadWrite).promise(stable);
    array.view_mut::<f64>().expect("a view")[9] = 7.0;
    drop(array);
    verify().expect("mended by the drop");
    let array = open(Mode::Read);
    let found = [7, 8, 9].map(|i| array.get::<f64>(&[i]).expect("an element"));
    assert_eq!(found, [5.0, 6.0, 7.0]);
    // A private copy reaches nothing.
    let before = fs::read(&path).expect("the file");
    let mut private = open(Mode::CopyOnWrite);
    private.set(&[1], 1.0).expect("written");
    drop(private);
    assert!(fs::read(&path).expect("the file") == before);
}

#[test]
fn an_array_that_is_mapped_while_another_is_added_finds_its_checksum_afterwards() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    save_npz(&path, &[("x", &numbers(900))], &STORED).expect("a file");
    let mut array = MemMapArray::open(member(&path, "x"), Mode::ReadWrite).expect("x");
    array.set(&[0], 5.0).expect("written");
    append_npz(&path, "y", &numbers(3), &STORED).expect("added");
    array.set(&[1], 6.0).expect("written");
    array.flush(Flush::Durable).expect("flushed");
    let contents = Contents::open(&path).expect("an archive");
    contents.verify(0).expect("x");
    contents.verify(1).expect("y");
}

#[test]
fn elements_at_odd_places_are_computed_and_borrowed() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    // No alignment, and a name that makes the place odd.
    let loose = SaveNpz { align: 1, ..STORED };
    for (text, name) in [
        ("<f4", "abc"),
        ("<f8", "abc"),
        ("<c16", "abc"),
        ("<i2", "abc"),
    ] {
        let values = numbers(100_003);
        let dtype: DType = text.parse().expect(text);
        let cast = format!("astype(a * 1000, '{}')", dtype.scalar().expect(text).name());
        let expr = cast.parse().expect("an expression");
        let array = Eval::new(expr).array("a", &values).run().expect(text);
        save_npz(&path, &[(name, &array)], &loose).expect("a file");
        let mapped = MemMapArray::open(&path, Mode::Read).expect(text);
        assert_eq!(mapped.data_offset() % 2, 1, "{text}");
        let sum = |of: &MemMapArray| {
            let sum = Eval::new("sum(a)".parse().expect("an expression"));
            let sum = sum.array("a", of).run().expect(text);
            sum.bytes_of(&[]).expect(text)
        };
        assert_eq!(sum(&mapped), sum(&array), "{text}");
    }
    let mapped = MemMapArray::open(&path, Mode::Read).expect("i2");
    assert_eq!(
        kind(mapped.view_packed::<i16>().map(|_| ())),
        ErrorKind::Unsupported
    );
    // SAFETY: nobody else knows this folder.
    let mapped = mapped.promise(unsafe { StableFiles::promise() });
    assert_eq!(
        kind(mapped.view::<i16>().map(|_| ())),
        ErrorKind::Unsupported
    );
    let view = mapped.view_packed::<i16>().expect("at any place");
    let copy = mapped.to_vec::<i16>().expect("a copy");
    assert!(view.iter().map(|element| element.get()).eq(copy));
}

#[test]
fn packed_truths_are_checked_as_others_are() {
    let array = MemMapArray::from_slice(&[0_u8, 1, 2]);
    let truths = array
        .reinterpret(&DType::of::<bool>())
        .expect("one byte each");
    assert_eq!(
        kind(truths.view_packed::<bool>().map(|_| ())),
        ErrorKind::Mismatch
    );
    let part = truths.select(&"0:2".parse_picks()).expect("a part");
    let view = part.view_packed::<bool>().expect("two truths");
    assert_eq!(
        view.iter().map(|truth| truth.get()).collect::<Vec<_>>(),
        [false, true]
    );
}

trait ParsePicks {
    fn parse_picks(&self) -> Vec<maparray::Select>;
}

impl ParsePicks for str {
    fn parse_picks(&self) -> Vec<maparray::Select> {
        let (start, stop) = self.split_once(':').expect("two numbers");
        let number = |text: &str| text.parse().ok();
        let (start, stop) = (number(start), number(stop));
        vec![maparray::Select::Range {
            start,
            stop,
            step: 1,
        }]
    }
}

#[test]
fn an_append_that_is_cut_anywhere_leaves_the_old_archive_or_the_new() {
    let folder = folder();
    let (path, cut) = (folder.path().join("a.npz"), folder.path().join("cut.npz"));
    for options in [STORED, DEFLATED] {
        save_npz(&path, &[("x", &numbers(30))], &STORED).expect("a file");
        let old = fs::read(&path).expect("the file");
        append_npz(&path, "y", &numbers(40), &options).expect("added");
        let new = fs::read(&path).expect("the file");
        assert!(new.starts_with(&old));
        for len in old.len()..=new.len() {
            fs::write(&cut, &new[..len]).expect("a copy");
            let contents = Contents::open(&cut).unwrap_or_else(|error| panic!("{len}: {error}"));
            let keys = contents.keys();
            let whole = len == new.len();
            assert_eq!(
                keys,
                if whole { vec!["x", "y"] } else { vec!["x"] },
                "{len}"
            );
            for i in 0..keys.len() {
                contents.verify(i).expect("its checksum");
            }
            if len % 40 > 0 && !whole {
                continue;
            }
            // And it can be gone on with.
            append_npz(&cut, "z", &numbers(2), &options).expect("added");
            let contents = Contents::open(&cut).expect("an archive");
            assert_eq!(contents.keys().len(), keys.len() + 1, "{len}");
        }
    }
}

#[test]
fn a_member_that_was_not_finished_leaves_an_archive_that_is_found_again() {
    let folder = folder();
    let (path, cut) = (folder.path().join("a.npz"), folder.path().join("cut.npz"));
    save_npz(&path, &[("x", &numbers(30))], &STORED).expect("a file");
    let old = fs::read(&path).expect("the file");
    append_npz(&path, "y", &numbers(40_000), &STORED).expect("added");
    let new = fs::read(&path).expect("the file");
    // What a crash of the whole machine may leave: the middle of a member, with nothing behind it.
    fs::write(&cut, &new[..old.len() + 200_000]).expect("a copy");
    assert!(Contents::open(&cut).is_err());
    let said = repair_npz(&cut).expect("repaired");
    assert_eq!(said, ["200000 bytes behind the archive cut off"]);
    assert!(fs::read(&cut).expect("the file") == old);
    assert!(repair_npz(&cut).expect("nothing to do").is_empty());
    fs::write(&cut, b"PK\x03\x04 and no more").expect("a file");
    assert_eq!(kind(repair_npz(&cut)), ErrorKind::Malformed);
}

#[test]
fn between_any_two_steps_of_an_append_the_old_archive_is_there() {
    let folder = folder();
    let (path, cut) = (folder.path().join("a.npz"), folder.path().join("cut.npz"));
    save_npz(&path, &[("x", &numbers(30))], &STORED).expect("a file");
    let old = fs::read(&path).expect("the file");
    append_npz(&path, "y", &numbers(40_000), &STORED).expect("added");
    let new = fs::read(&path).expect("the file");
    let end = zip::end(&new, new.len() as u64).expect("an end");
    // What is written first is the old directory, where it is found while the member is written.
    let guard = end.directory.start as usize;
    let mut gap = new[..guard].to_vec();
    let first = gap.len() - (old.len() - zip_directory(&old).start as usize);
    gap[old.len()..first].fill(0);
    fs::write(&cut, &gap).expect("a copy");
    let contents = Contents::open(&cut).expect("the old archive");
    assert_eq!(contents.keys(), ["x"]);
    contents.verify(0).expect("its checksum");
}

fn zip_directory(file: &[u8]) -> std::ops::Range<u64> {
    let end = zip::end(file, file.len() as u64).expect("an end");
    end.directory
}

#[test]
fn many_arrays_are_added_to_each_other() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    for i in 0..20 {
        let options = if i % 2 == 0 { STORED } else { DEFLATED };
        append_npz(&path, &format!("a{i}"), &numbers(i), &options).expect("added");
    }
    let contents = Contents::open(&path).expect("an archive");
    for i in 0..20 {
        contents.verify(i).expect("its checksum");
        assert_eq!(contents.read(i).expect("a copy").len(), i);
    }
    let taken = append_npz(&path, "a7", &numbers(1), &STORED);
    assert_eq!(kind(taken), ErrorKind::Mismatch);
    let long = fs::metadata(&path).expect("the file").len();
    align_npz(&path, &path, &STORED, Some(&Inflate::default())).expect("written anew");
    assert!(fs::metadata(&path).expect("the file").len() < long);
    let contents = Contents::open(&path).expect("an archive");
    for i in 0..20 {
        let entry = contents.entry(i).expect("an entry");
        assert_eq!(
            (entry.storage, entry.header.data_offset % 64),
            (Storage::Plain, 0)
        );
        contents.verify(i).expect("its checksum");
    }
}

#[test]
fn numbers_of_eight_bytes_are_written_and_read_back() {
    let far = zip::NewMember::new("far.npy".into(), zip::Method::Stored, 5 << 32, 6 << 32);
    let mut directory = vec![];
    far.write_entry(&mut directory);
    let at = 12 << 32;
    let end = zip::write_end(1, at, directory.len() as u64);
    let file_len = at + (directory.len() + end.len()) as u64;
    let tail = [&directory[..], &end].concat();
    let end = zip::end(&tail, file_len).expect("an end");
    let members = zip::directory(&directory, &end).expect("a member");
    assert_eq!((members[0].plain, members[0].offset), (5 << 32, 6 << 32));
    let local = far.write_local(far.local_len(64, 128), 64);
    let data = members[0].data(&local).expect("a local header");
    assert_eq!((data + 128) % 64, 0);
}

#[test]
fn a_member_beyond_four_gigabytes_is_mapped() {
    let folder = folder();
    let path = folder.path().join("sparse.npz");
    let dtype = DType::of::<u8>();
    // Nobody writes its pages, and nobody has to store them.
    let small = numbers(3);
    save_npz(&path, &[("x", &small)], &STORED).expect("a file");
    let old = fs::read(&path).expect("the file");
    let file = fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("the file");
    let contents = Contents::open(&path).expect("an archive");
    let entry = contents.entry(0).expect("x");
    // The same member again, five gigabytes behind, and a directory of both.
    let offset = 5_u64 << 30;
    let len = 30 + 5 + 128 + 24;
    let put = |at: u64, bytes: &[u8]| {
        use std::io::{Seek, SeekFrom, Write};
        (&file).seek(SeekFrom::Start(at)).expect("a place");
        (&file).write_all(bytes).expect("written");
    };
    let at = entry.header.data_offset as usize;
    let crc = {
        let end = zip::end(&old, old.len() as u64).expect("an end");
        let bytes = &old[end.directory.start as usize..end.directory.end as usize];
        zip::directory(bytes, &end).expect("a member")[0].crc
    };
    let mut directory = vec![];
    for (name, offset) in [("x.npy", 0), ("y.npy", offset)] {
        let mut member = zip::NewMember::new(name.into(), zip::Method::Stored, 152, offset);
        member.crc = crc;
        member.write_entry(&mut directory);
        if offset > 0 {
            let local = member.write_local(member.local_len(1, 0), 1);
            put(offset, &[&local[..], &old[at - 128..at + 24]].concat());
        }
    }
    put(offset + len, &directory);
    put(
        offset + len + directory.len() as u64,
        &zip::write_end(2, offset + len, directory.len() as u64),
    );
    let y = MemMapArray::open(member(&path, "y"), Mode::Read).expect("far away");
    assert!(y.data_offset() > 5 << 30 && dtype.size() == 1);
    assert_eq!(
        y.to_vec::<f64>().expect("all"),
        small.to_vec::<f64>().expect("all")
    );
    Contents::open(&path)
        .expect("an archive")
        .verify(1)
        .expect("its checksum");
}

#[test]
fn names_that_lead_out_of_the_folder_are_not_extracted() {
    let folder = folder();
    let how = Inflate::default();
    for (name, key) in [("absolute_name", "/etc/x"), ("name_that_climbs", "../../x")] {
        let path = hostile().join(format!("{name}.npz"));
        assert_eq!(
            kind(extract_npz(&path, &["x", key], folder.path(), &how)),
            ErrorKind::Mismatch
        );
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0);
        assert_eq!(MemMapArray::read(member(&path, key)).expect(key).len(), 3);
    }
    let path = folder.path().join("a.npz");
    save_npz(&path, &[("deep/er", &numbers(4))], &DEFLATED).expect("a file");
    let names = extract_npz(&path, &["deep/er"], folder.path(), &how).expect("extracted");
    assert_eq!(names, [folder.path().join("deep/er.npy")]);
    assert_eq!(MemMapArray::read(&names[0]).expect("a file").len(), 4);
    assert_eq!(
        kind(extract_npz(&path, &["deep/er"], folder.path(), &how)),
        ErrorKind::Io
    );
}

#[test]
fn names_are_taken_once_and_files_not_replaced_unless_allowed() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let x = numbers(3);
    assert_eq!(
        kind(save_npz(&path, &[("x", &x), ("x", &x)], &STORED)),
        ErrorKind::Mismatch
    );
    assert_eq!(
        kind(save_npz(&path, &[("a\0b", &x)], &STORED)),
        ErrorKind::Mismatch
    );
    assert!(!path.exists());
    save_npz(&path, &[], &STORED).expect("no arrays");
    assert!(Contents::open(&path).expect("an archive").keys().is_empty());
    let refuse = SaveNpz {
        existing: Existing::Refuse,
        ..STORED
    };
    assert_eq!(kind(save_npz(&path, &[("x", &x)], &refuse)), ErrorKind::Io);
    append_npz(&path, "été", &x, &STORED).expect("added");
    assert_eq!(Contents::open(&path).expect("an archive").keys(), ["été"]);
}
