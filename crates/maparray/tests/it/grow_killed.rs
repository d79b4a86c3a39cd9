//! Growth that is cut off: by `kill -9` at any moment, by a disk that is full, by a limit.
//!
//! `MAPARRAY_KILLS=10000` kills so many writers; without it some hundred.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use maparray::{DType, ErrorKind, Existing, Flush, MemMapArray, Mode, Order, Ragged};
use rustix::process::{Pid, Signal, kill_process};

use crate::stage::{Filler, Stage, with_memory};

/// Says in a child process where the files are.
const FOLDER: &str = "MAPARRAY_GROWING";

/// What writer, reader and judge share: rows that were acknowledged, the number of the file that is
/// written, whether to stop, rows that the reader has seen.
const ACKNOWLEDGED: i64 = 0;
const FILE: i64 = 1;
const STOP: i64 = 2;
const SEEN: i64 = 3;

fn shared(folder: &Path) -> MemMapArray {
    MemMapArray::open(folder.join("shared.npy"), Mode::ReadWrite).unwrap()
}

fn file(folder: &Path, number: i64) -> PathBuf {
    folder.join(format!("{number}.npy"))
}

/// Numbers that follow from a row's.
fn mixed(row: u64) -> u64 {
    let mut z = row.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn row(number: u64) -> [u64; 4] {
    [number, mixed(number), !mixed(number), mixed(!number)]
}

fn rows(first: u64, count: u64) -> MemMapArray {
    let elements: Vec<u64> = (first..first + count).flat_map(row).collect();
    let shape = (count as usize, 4);
    let array = ndarray::Array2::from_shape_vec(shape, elements).unwrap();
    MemMapArray::from_array(&array).unwrap()
}

/// Checks the rows from `from` on.
fn check(array: &MemMapArray, from: usize) {
    let part = maparray::Select::Range {
        start: Some(from as i64),
        stop: None,
        step: 1,
    };
    let part = array.select(&[part]).unwrap().to_vec::<u64>().unwrap();
    for (i, found) in part.chunks_exact(4).enumerate() {
        assert_eq!(found, row((from + i) as u64), "row {}", from + i);
    }
}

/// A test of this module in a process of its own, which ends with this one.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The folder of the files, in such a process.
fn folder_of_parent() -> Option<PathBuf> {
    let folder = std::env::var_os(FOLDER).map(PathBuf::from)?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
    Some(folder)
}

fn start(test: &str, folder: &Path) -> Other {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", &format!("grow_killed::{test}")])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn();
    Other(child.unwrap())
}

/// The writer: appends without an end. A test that does nothing unless it is that process.
#[test]
fn the_writer() {
    let Some(folder) = folder_of_parent() else {
        return;
    };
    let mut shared = shared(&folder);
    let path = file(&folder, shared.get(&[FILE]).unwrap());
    let mut array = MemMapArray::open(path, Mode::ReadWrite).unwrap();
    for turn in 0_u64.. {
        let next = array.shape()[0] as u64;
        let how = match turn % 64 {
            63 => Flush::Durable,
            _ => Flush::Start,
        };
        array.append(&rows(next, 1 + turn % 5), how).unwrap();
        shared
            .set(&[ACKNOWLEDGED], array.shape()[0] as i64)
            .unwrap();
    }
}

/// The reader: refreshes all the while, and never sees a row that is not there.
#[test]
fn the_reader() {
    let Some(folder) = folder_of_parent() else {
        return;
    };
    let mut shared = shared(&folder);
    let mut number = -1;
    let mut array = MemMapArray::from_slice::<u64>(&[]);
    let mut seen = 0;
    while shared.get::<i64>(&[STOP]).unwrap() == 0 {
        let now = shared.get(&[FILE]).unwrap();
        if now != number {
            array = MemMapArray::open(file(&folder, now), Mode::Read).unwrap();
            (number, seen) = (now, 0);
        }
        array.refresh().unwrap();
        let rows = array.shape()[0];
        assert!(rows >= seen, "{rows} rows after {seen}");
        check(&array, seen);
        shared.fetch_add(&[SEEN], (rows - seen) as i64).unwrap();
        seen = rows;
    }
}

/// Other moments with every run.
fn random(most: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) % most
}

#[test]
fn no_row_is_lost_and_none_is_made_up_by_a_writer_that_is_killed() {
    let asked = std::env::var("MAPARRAY_KILLS").ok();
    let kills: i64 = asked.map_or(150, |text| text.parse().expect("a number of kills"));
    let folder = tempfile::tempdir().unwrap();
    MemMapArray::from_slice(&[0_i64; 4])
        .save(folder.path().join("shared.npy"))
        .unwrap();
    let mut shared = shared(folder.path());
    let mut reader = None;
    let (mut in_all, mut unsaid, mut behind, mut late) = (0, 0, 0, 0);
    let mut checked = 0;
    for kill in 0..kills {
        // Another file now and then, so that the number of digits changes often.
        if kill % 50 == 0 {
            let number = kill / 50;
            let dtype = DType::of::<u64>();
            MemMapArray::create(
                file(folder.path(), number),
                &dtype,
                &[0, 4],
                &Default::default(),
            )
            .unwrap();
            shared.set(&[ACKNOWLEDGED], 0_i64).unwrap();
            shared.set(&[FILE], number).unwrap();
            in_all += checked;
            checked = 0;
            if number > 1 {
                fs::remove_file(file(folder.path(), number - 2)).unwrap();
            }
        }
        reader.get_or_insert_with(|| start("the_reader", folder.path()));
        let before: i64 = shared.get(&[ACKNOWLEDGED]).unwrap();
        let mut writer = start("the_writer", folder.path());
        let began = Instant::now();
        while shared.get::<i64>(&[ACKNOWLEDGED]).unwrap() == before {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "the writer does not write"
            );
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_micros(random(3000)));
        kill_process(Pid::from_child(&writer.0), Signal::KILL).unwrap();
        writer.0.wait().unwrap();

        let acknowledged: i64 = shared.get(&[ACKNOWLEDGED]).unwrap();
        let path = file(folder.path(), kill / 50);
        let array = MemMapArray::open(&path, Mode::Read).unwrap();
        let there = array.shape()[0] as i64;
        assert!(
            there >= acknowledged,
            "{there} rows, {acknowledged} were acknowledged"
        );
        // The last call may have been done, and its answer not given.
        assert!(
            there - acknowledged <= 5,
            "{there} rows, {acknowledged} were acknowledged"
        );
        check(&array, checked);
        unsaid += i64::from(there > acknowledged);
        let end = array.data_offset() + array.byte_len() as u64;
        behind += i64::from(fs::metadata(&path).unwrap().len() > end);
        late += i64::from(there == acknowledged);
        checked = there as usize;
    }
    in_all += checked;
    shared.set(&[STOP], 1_i64).unwrap();
    let reader = reader.unwrap().0.wait().unwrap();
    assert!(reader.success(), "the reader saw rows that are not there");
    let seen: i64 = shared.get(&[SEEN]).unwrap();
    assert!(seen > 0);
    println!(
        "{kills} kills, {in_all} rows, {seen} seen meanwhile; after {unsaid} the last append was \
         there and not acknowledged, after {behind} rows lay behind the data, {late} between two"
    );
}

#[test]
fn a_full_disk_leaves_the_file_as_it_was() {
    let mount = "mount -t tmpfs -o size=2m none disk &&";
    let test = "grow_killed::a_full_disk_leaves_the_file_as_it_was";
    let Some(folder) = Stage::disk(mount).enter(test) else {
        return;
    };
    let path = folder.join("disk/log.npy");
    rows(0, 3).save(&path).unwrap();
    let ragged = folder.join("disk/items");
    let mut items = Ragged::create(&ragged, &DType::of::<u64>(), &[4], Existing::Refuse).unwrap();
    items.append(&rows(0, 2), Flush::Start).unwrap();
    let mut array = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    let mut filler = Filler::new(&folder.join("disk"));
    filler.fill();
    let before = fs::read(&path).unwrap();
    let mut refused = 0;
    let more = rows(3, 2000);
    while let Err(error) = array.append(&more, Flush::Durable) {
        assert_eq!(
            (error.kind(), error.os_error()),
            (ErrorKind::Io, Some(28)),
            "{error}"
        );
        assert!(
            fs::read(&path).unwrap() == before,
            "a changed file after {error}"
        );
        assert_eq!(array.shape(), [3, 4]);
        array
            .resize(3000, Flush::Durable)
            .expect_err("there is no room for so much");
        assert!(fs::read(&path).unwrap() == before, "a changed file");
        items
            .append(&more, Flush::Start)
            .expect_err("there is no room for so much");
        assert_eq!(Ragged::open(&ragged, Mode::Read).unwrap().len(), 1);
        filler.leave_one_block_more();
        refused += 1;
    }
    assert!(refused > 10, "only {refused} refused");
    check(&array, 0);
    assert_eq!(array.shape(), [2003, 4]);
}

#[test]
fn little_memory_makes_the_reserve_smaller_and_growth_goes_on() {
    let test = "grow_killed::little_memory_makes_the_reserve_smaller_and_growth_goes_on";
    let Some(folder) = Stage::default().enter(test) else {
        return;
    };
    let path = folder.join("log.npy");
    rows(0, 3).save(&path).unwrap();
    let mut array = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    // Less than the reserve that is asked for first.
    let more = [rows(3, 10_000), rows(10_003, 100_000)];
    with_memory(40 << 20, || {
        for more in &more {
            array.append(more, Flush::Start).unwrap();
        }
    });
    check(&array, 0);
    assert_eq!(array.shape(), [110_003, 4]);
}

#[test]
fn a_ragged_folder_has_whole_items_wherever_its_files_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items");
    let mut items = Ragged::create(&path, &DType::of::<u64>(), &[4], Existing::Refuse).unwrap();
    for count in 0..20 {
        items
            .append(&rows(100 * count, count), Flush::Start)
            .unwrap();
    }
    let read = |name: &str| fs::read(path.join(name)).unwrap();
    let (values, offsets) = (read("values.npy"), read("offsets.npy"));
    // Values that were written, and offsets that were not; and the other way round, which only a
    // crash without `Durable` leaves.
    for (kept, values_rows, offsets_rows) in [(7, 190, 8), (12, 70, 21)] {
        fs::write(path.join("values.npy"), &values).unwrap();
        fs::write(path.join("offsets.npy"), &offsets).unwrap();
        let open = |name| MemMapArray::open(path.join(name), Mode::ReadWrite).unwrap();
        open("values.npy")
            .resize(values_rows, Flush::Start)
            .unwrap();
        open("offsets.npy")
            .resize(offsets_rows, Flush::Start)
            .unwrap();
        let mut items = Ragged::open(&path, Mode::ReadWrite).unwrap();
        assert_eq!(items.len(), kept);
        items.append(&rows(5000, 3), Flush::Start).unwrap();
        let items = Ragged::open(&path, Mode::Read).unwrap();
        assert_eq!(items.len(), kept + 1);
        for item in 0..kept {
            let found = items.get(item as i64).unwrap();
            assert_eq!(found.shape(), [item, 4]);
            let expected = rows(100 * item as u64, item as u64);
            let expected = expected.to_vec::<u64>().unwrap();
            assert_eq!(found.to_vec::<u64>().unwrap(), expected);
        }
        let last = items.get(-1).unwrap();
        assert_eq!(
            last.to_vec::<u64>().unwrap(),
            rows(5000, 3).to_vec::<u64>().unwrap()
        );
        assert_eq!(
            items.get(kept as i64 + 1).unwrap_err().kind(),
            ErrorKind::OutOfBounds
        );
    }
}

#[test]
fn offsets_that_lie_are_malformed_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items");
    let mut items = Ragged::create(&path, &DType::of::<u64>(), &[4], Existing::Refuse).unwrap();
    items
        .extend([&rows(0, 3), &rows(3, 4)], Flush::Start)
        .unwrap();
    for lies in [
        [0, 9, 7],
        [0, -1, 7],
        [5, 3, 7],
        [i64::MIN, 3, 7],
        [0, i64::MAX, 7],
    ] {
        MemMapArray::from_slice(&lies)
            .save(path.join("offsets.npy"))
            .unwrap();
        let items = Ragged::open(&path, Mode::Read).unwrap();
        let first = items.get(0).and_then(|_| items.get(1));
        assert_eq!(first.unwrap_err().kind(), ErrorKind::Malformed, "{lies:?}");
        assert!(items.gather(&[0, 1]).is_err());
    }
    let wrong = MemMapArray::from_slice(&[0.5]);
    wrong.save(path.join("offsets.npy")).unwrap();
    assert_eq!(
        Ragged::open(&path, Mode::Read).unwrap_err().kind(),
        ErrorKind::Mismatch
    );
    let none = MemMapArray::zeros(&DType::of::<i64>(), &[0], Order::C).unwrap();
    none.save(path.join("offsets.npy")).unwrap();
    assert_eq!(
        Ragged::open(&path, Mode::Read).unwrap_err().kind(),
        ErrorKind::Mismatch
    );
}
