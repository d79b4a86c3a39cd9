//! Arrays whose files grow: what is appended is there, in the file, in memory and for others.

use std::fs::{self, OpenOptions};
use std::path::Path;

use maparray::format::npy;
use maparray::{
    Allocate, Create, DType, Error, ErrorKind, Existing, Flush, MemMapArray, Mode, Order, Raw,
    Result, Select, StableFiles, Unit, recover,
};
use proptest::prelude::*;

fn rows(first: i64, count: i64) -> MemMapArray {
    let elements: Vec<i64> = (first * 2..(first + count) * 2).collect();
    let array = ndarray::Array2::from_shape_vec((count as usize, 2), elements).unwrap();
    MemMapArray::from_array(&array).unwrap()
}

fn numbers(rows: i64) -> Vec<i64> {
    (0..rows * 2).collect()
}

fn log(path: &Path, count: i64) -> MemMapArray {
    rows(0, count).save(path).unwrap();
    MemMapArray::open(path, Mode::ReadWrite).unwrap()
}

fn cut(path: &Path, len: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(len).unwrap();
}

fn fails(done: Result<()>, kind: ErrorKind) -> Error {
    let error = done.expect_err("this cannot be done");
    assert_eq!(error.kind(), kind, "{error}");
    error
}

/// A `.npy` file whose header has no blank to spare.
fn tight(path: &Path, shape: &str, elements: usize) {
    let text = format!("{{'descr':'<i8','fortran_order':False,'shape':{shape}}}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((text.len() as u16).to_le_bytes());
    file.extend(text.bytes());
    file.resize(file.len() + elements * 8, 0);
    fs::write(path, file).unwrap();
}

#[test]
fn rows_are_appended_one_by_one_and_together_and_the_file_is_as_if_saved_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (path, once) = (folder.path().join("a.npy"), folder.path().join("once.npy"));
    let mut array = log(&path, 0);
    let mut count = 0;
    for how in [Flush::Durable, Flush::Start] {
        for more in [1, 8, 1, 0, 91, 899] {
            array.append(&rows(count, more), how).unwrap();
            count += more;
            let one = rows(count, 1).select(&[Select::At(0)]).unwrap();
            array.append(&one, how).unwrap();
            count += 1;
            assert_eq!(array.to_vec::<i64>().unwrap(), numbers(count));
            rows(0, count).save(&once).unwrap();
            assert_eq!(fs::read(&path).unwrap(), fs::read(&once).unwrap());
        }
    }
}

#[test]
fn arrays_that_were_made_before_stay_and_write_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut array = log(&path, 3);
    let mut views = vec![];
    for count in 3..200 {
        views.push(array.clone());
        array.append(&rows(count, 1), Flush::Start).unwrap();
    }
    for (i, view) in views.iter_mut().enumerate() {
        assert_eq!(view.shape(), [i + 3, 2]);
        view.set(&[-1, 0], -(i as i64)).unwrap();
        assert_eq!(array.get::<i64>(&[i as i64 + 2, 0]).unwrap(), -(i as i64));
    }
    let read = MemMapArray::read(&path).unwrap();
    assert_eq!(
        read.to_vec::<i64>().unwrap(),
        array.to_vec::<i64>().unwrap()
    );
}

#[cfg(unix)]
#[test]
fn growth_moves_no_address_for_which_room_was_reserved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut array = log(&path, 3);
    array.reserve(0).unwrap();
    let start = array.region().as_ptr().unwrap();
    let mut view = array.clone();
    for count in 3..1000 {
        array.append(&rows(count, 1), Flush::Start).unwrap();
        assert_eq!(array.region().as_ptr().unwrap(), start);
    }
    array.resize(100_000, Flush::Start).unwrap();
    array.resize(1000, Flush::Start).unwrap();
    assert_eq!(array.region().as_ptr().unwrap(), start);
    view.set(&[0, 1], 77_i64).unwrap();
    assert_eq!(array.get::<i64>(&[0, 1]).unwrap(), 77);
}

#[cfg(unix)]
#[test]
fn more_than_the_reserve_goes_to_another_address_and_the_old_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.raw");
    let raw = Raw {
        dtype: DType::of::<u8>(),
        shape: Some(vec![3]),
        order: Order::C,
        offset: 0,
    };
    let mut array = MemMapArray::create_raw(&path, &raw, Existing::Refuse, Allocate::Full).unwrap();
    array.reserve(0).unwrap();
    let mut view = array.clone();
    let start = array.region().as_ptr().unwrap();
    array.reserve(3 << 30).unwrap();
    assert_ne!(array.region().as_ptr().unwrap(), start);
    view.set(&[1], 9_u8).unwrap();
    assert_eq!(array.to_vec::<u8>().unwrap(), [0, 9, 0]);
}

#[test]
fn a_file_in_fortran_order_grows_along_its_last_axis() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let options = Create {
        order: Order::F,
        ..Create::default()
    };
    let mut array = MemMapArray::create(&path, &DType::of::<i64>(), &[2, 0], &options).unwrap();
    let more = MemMapArray::from_array(&ndarray::array![[1_i64, 2, 3], [4, 5, 6]]).unwrap();
    array.append(&more, Flush::Durable).unwrap();
    array
        .append(&MemMapArray::from_slice(&[7_i64, 8]), Flush::Durable)
        .unwrap();
    assert_eq!(array.shape(), [2, 4]);
    let read = MemMapArray::read(&path).unwrap();
    assert_eq!(read.to_vec::<i64>().unwrap(), [1, 2, 3, 7, 4, 5, 6, 8]);
    let error = fails(array.append(&rows(0, 3), Flush::Start), ErrorKind::Mismatch);
    assert!(
        error
            .to_string()
            .contains("found (3, 2), expected (2,) or (2, n)"),
        "{error}"
    );
}

#[test]
fn foreign_byte_order_gaps_and_records_are_appended_as_what_they_mean() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let big: DType = ">i2".parse().unwrap();
    let mut array = MemMapArray::create(&path, &big, &[1], &Create::default()).unwrap();
    let more = MemMapArray::from_slice(&[1_i16, 2, 3, 4]);
    let odd = Select::Range {
        start: None,
        stop: None,
        step: -2,
    };
    array
        .append(&more.select(&[odd]).unwrap(), Flush::Start)
        .unwrap();
    assert_eq!(array.to_vec::<i16>().unwrap(), [0, 4, 2]);
    assert_eq!(fs::read(&path).unwrap()[128..], [0, 0, 0, 4, 0, 2]);
    let itself = array.clone();
    array.append(&itself, Flush::Start).unwrap();
    assert_eq!(array.to_vec::<i16>().unwrap(), [0, 4, 2, 0, 4, 2]);

    let path = folder.path().join("records.npy");
    let record: DType = "[('x', '<f8'), ('n', '<i4')]".parse().unwrap();
    let mut array = MemMapArray::create(&path, &record, &[9], &Create::default()).unwrap();
    let more = MemMapArray::zeros(&record, &[2], Order::C).unwrap();
    array.append(&more, Flush::Start).unwrap();
    assert_eq!(MemMapArray::read(&path).unwrap().shape(), [11]);
}

#[test]
fn what_does_not_fit_is_refused_and_the_file_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut array = log(&path, 3);
    let before = fs::read(&path).unwrap();
    let (start, one) = (Flush::Start, rows(3, 1));
    let floats = MemMapArray::from_slice(&[1.0, 2.0]);
    fails(array.append(&floats, start), ErrorKind::Mismatch);
    fails(
        array.append(&MemMapArray::from_slice(&[1_i64]), start),
        ErrorKind::Mismatch,
    );
    // The first of them has been written when the second turns out to be wrong.
    fails(array.extend([&one, &floats], start), ErrorKind::Mismatch);
    let mut part = array
        .select(&[Select::Range {
            start: Some(0),
            stop: Some(2),
            step: 1,
        }])
        .unwrap();
    fails(part.append(&one, start), ErrorKind::Mismatch);
    fails(rows(0, 3).append(&one, start), ErrorKind::Mismatch);
    for (mode, kind) in [
        (Mode::Read, ErrorKind::ReadOnly),
        (Mode::CopyOnWrite, ErrorKind::Mismatch),
    ] {
        let mut other = MemMapArray::open(&path, mode).unwrap();
        fails(other.append(&one, start), kind);
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    array.append(&one, start).unwrap();
    let point = folder.path().join("point.npy");
    MemMapArray::zeros(&DType::of::<i64>(), &[], Order::C)
        .unwrap()
        .save(&point)
        .unwrap();
    let mut point = MemMapArray::open(&point, Mode::ReadWrite).unwrap();
    let none = MemMapArray::zeros(&DType::of::<i64>(), &[], Order::C).unwrap();
    fails(point.append(&none, start), ErrorKind::Mismatch);
    let mut room = MemMapArray::temporary(&DType::of::<i64>(), &[3, 2], Order::C, None).unwrap();
    fails(room.append(&one, start), ErrorKind::Mismatch);
}

#[test]
fn an_array_under_a_promise_grows_only_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    // SAFETY: this folder is ours; nothing else writes to it while we run.
    #[expect(unsafe_code, reason = "the promise is what is tested")]
    let stable = unsafe { StableFiles::promise() };
    let mut array = log(&path, 3).promise(stable);
    let holder = array.clone();
    fails(array.append(&rows(3, 1), Flush::Start), ErrorKind::InUse);
    fails(array.resize(1, Flush::Start), ErrorKind::InUse);
    fails(array.reserve(0), ErrorKind::InUse);
    drop(holder);
    array.append(&rows(3, 1), Flush::Start).unwrap();
    // The longer one is under the same promise.
    let _holder = array.clone();
    fails(array.set(&[0, 0], 1_i64), ErrorKind::InUse);
    assert_eq!(array.view::<i64>().unwrap().sum(), 28);
}

#[test]
fn a_header_without_room_says_so_and_one_of_numpys_has_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tight.npy");
    tight(&path, "(8,)", 8);
    let before = fs::read(&path).unwrap();
    let mut array = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    let one = MemMapArray::from_slice(&[1_i64]);
    array.append(&one, Flush::Durable).unwrap();
    assert_eq!(array.len(), 9);
    let at_nine = fs::read(&path).unwrap();
    assert_eq!(at_nine.len(), before.len() + 8);
    let error = fails(array.append(&one, Flush::Durable), ErrorKind::Unsupported);
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("save the array anew"))
    );
    fails(array.resize(10, Flush::Durable), ErrorKind::Unsupported);
    assert_eq!(fs::read(&path).unwrap(), at_nine);
    array.save(&path).unwrap();
    let mut array = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    array.append(&one, Flush::Durable).unwrap();
    assert_eq!(MemMapArray::read(&path).unwrap().len(), 10);
}

#[test]
fn growth_keeps_the_unit_in_the_header() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let counts = MemMapArray::from_slice(&[1.0_f32; 9]).with_unit(Unit::parse("adu / s").unwrap());
    counts.save(&path).unwrap();
    let mut array = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    array.resize(12_345, Flush::Start).unwrap();
    let read = MemMapArray::read(&path).unwrap();
    assert_eq!((read.unit(), read.len()), (counts.unit(), 12_345));
    assert_eq!(array.unit(), counts.unit());
}

#[test]
fn a_file_without_a_header_grows_behind_its_last_whole_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.raw");
    fs::write(&path, [9, 9, 1, 0, 2, 0, 3]).unwrap();
    let raw = Raw {
        dtype: "<u2".parse().unwrap(),
        shape: Some(vec![2]),
        order: Order::C,
        offset: 2,
    };
    let mut array = MemMapArray::open_raw(&path, &raw, Mode::ReadWrite).unwrap();
    array
        .append(&MemMapArray::from_slice(&[7_u16, 8]), Flush::Durable)
        .unwrap();
    assert_eq!(fs::read(&path).unwrap(), [9, 9, 1, 0, 2, 0, 7, 0, 8, 0]);
    array.resize(5, Flush::Start).unwrap();
    assert_eq!(array.to_vec::<u16>().unwrap(), [1, 2, 7, 8, 0]);
    fails(array.resize(1, Flush::Start), ErrorKind::Mismatch);
    assert_eq!(array.len(), 5);
}

#[test]
fn fewer_rows_leave_the_file_as_long_and_later_ones_overwrite_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut array = log(&path, 100);
    let view = array.clone();
    let len = fs::metadata(&path).unwrap().len();
    array.resize(7, Flush::Durable).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), len);
    assert_eq!(view.to_vec::<i64>().unwrap(), numbers(100));
    assert_eq!(
        MemMapArray::read(&path).unwrap().to_vec::<i64>().unwrap(),
        numbers(7)
    );
    array.append(&rows(7, 2), Flush::Durable).unwrap();
    assert_eq!(array.to_vec::<i64>().unwrap(), numbers(9));
    // New rows are zero, whatever was there.
    array.resize(120, Flush::Durable).unwrap();
    let all = array.to_vec::<i64>().unwrap();
    assert_eq!((&all[..18], &all[18..]), (&numbers(9)[..], &[0; 222][..]));
}

#[test]
fn rows_that_somebody_else_has_appended_come_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut ours = log(&path, 3);
    let mut theirs = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    theirs.append(&rows(3, 2), Flush::Start).unwrap();
    assert_eq!(ours.shape(), [3, 2]);
    ours.append(&rows(5, 1), Flush::Start).unwrap();
    assert_eq!(ours.to_vec::<i64>().unwrap(), numbers(6));
    assert!(theirs.refresh().unwrap());
    assert_eq!(theirs.to_vec::<i64>().unwrap(), numbers(6));
}

#[test]
fn a_second_writer_is_told_that_the_file_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut array = log(&path, 3);
    let mut second = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    let mut refused = None;
    let one = std::iter::once_with(|| {
        refused = Some(second.append(&rows(3, 1), Flush::Start));
        rows(3, 1)
    });
    array.extend(one, Flush::Start).unwrap();
    let error = fails(refused.unwrap(), ErrorKind::InUse);
    assert!(
        error.to_string().contains("another writer's lock"),
        "{error}"
    );
    // Another process holds the lock of the system.
    let other = fs::File::open(&path).unwrap();
    other.try_lock().unwrap();
    fails(array.append(&rows(4, 1), Flush::Start), ErrorKind::InUse);
    fails(recover(&path).map(drop), ErrorKind::InUse);
    other.unlock().unwrap();
    array.append(&rows(4, 1), Flush::Start).unwrap();
    assert_eq!(array.to_vec::<i64>().unwrap(), numbers(5));
}

#[test]
fn a_reader_sees_only_rows_that_the_file_has_and_no_other_elements() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut array = log(&path, 3);
    let mut reader = MemMapArray::open(&path, Mode::Read).unwrap();
    array.append(&rows(3, 4), Flush::Start).unwrap();
    cut(&path, 128 + 16 * 5 + 3);
    assert!(reader.refresh().unwrap());
    assert_eq!(reader.to_vec::<i64>().unwrap(), numbers(5));
    let mut start = npy::write(&DType::of::<f64>(), &[3, 2], Order::C).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[..start.len()].swap_with_slice(&mut start);
    fs::write(&path, &bytes).unwrap();
    fails(reader.refresh().map(drop), ErrorKind::Mismatch);
    bytes[..start.len()].copy_from_slice(&npy::write(&DType::of::<i64>(), &[4], Order::C).unwrap());
    fs::write(&path, &bytes).unwrap();
    fails(reader.refresh().map(drop), ErrorKind::Mismatch);
}

#[test]
fn a_file_cut_short_opens_with_its_whole_rows_and_is_repaired_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut array = log(&path, 1000);
    cut(&path, 128 + 16 * 99 + 5);
    let error = fails(
        array.append(&rows(0, 1), Flush::Start),
        ErrorKind::Malformed,
    );
    assert!(error.to_string().contains("99 whole rows"), "{error}");
    drop(array);
    let error = MemMapArray::open(&path, Mode::ReadWrite).unwrap_err();
    assert!(error.to_string().contains("(99 whole rows)"), "{error}");
    let (part, missing) = MemMapArray::open_whole_rows(&path, Mode::Read).unwrap();
    assert_eq!((part.to_vec::<i64>().unwrap(), missing), (numbers(99), 901));
    let found = recover(&path).unwrap();
    assert_eq!(
        (found.rows, found.claimed, found.surplus_bytes),
        (99, 1000, 5)
    );
    let again = recover(&path).unwrap();
    assert_eq!(
        (again.rows, again.claimed, again.surplus_bytes),
        (99, 99, 5)
    );
    let mut array = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    array.append(&rows(99, 1), Flush::Durable).unwrap();
    assert_eq!(array.to_vec::<i64>().unwrap(), numbers(100));
    assert_eq!(recover(&path).unwrap().surplus_bytes, 0);
    cut(&path, 100);
    assert!(recover(&path).is_err());
}

#[test]
fn a_grown_array_moves_to_memory_when_no_other_array_is_on_the_mapping() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut array = log(&path, 3000);
    array.append(&rows(3000, 1), Flush::Start).unwrap();
    let view = array.clone();
    array.append(&rows(3001, 1), Flush::Start).unwrap();
    drop(view);
    array.disable_memmap().unwrap();
    array.set(&[0, 0], 5_i64).unwrap();
    assert_eq!(array.get::<i64>(&[3001, 1]).unwrap(), 6003);
    assert_eq!(
        MemMapArray::read(&path)
            .unwrap()
            .get::<i64>(&[0, 0])
            .unwrap(),
        0
    );
    // And to another file, in which it grows again.
    let other = folder.path().join("b.npy");
    array
        .enable_memmap(&other, Default::default(), Existing::Refuse)
        .unwrap();
    array.append(&rows(3002, 2000), Flush::Start).unwrap();
    let mut expected = numbers(5002);
    expected[0] = 5;
    assert!(MemMapArray::read(&other).unwrap().to_vec::<i64>().unwrap() == expected);
    assert!(array.to_vec::<i64>().unwrap() == expected);
}

/// What is done to a growing array.
#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Resize(usize),
    Reserve,
    Reopen,
    Set(usize),
    View,
    Refresh,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..600_usize).prop_map(Step::Append),
        1 => (0..2000_usize).prop_map(Step::Resize),
        1 => Just(Step::Reserve),
        1 => Just(Step::Reopen),
        2 => any::<usize>().prop_map(Step::Set),
        2 => Just(Step::View),
        1 => Just(Step::Refresh),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_steps_leave_what_a_vector_has_and_every_view_sees_the_file(
        steps in proptest::collection::vec(step(), 1..40)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        MemMapArray::from_slice::<i64>(&[]).save(&path).unwrap();
        let open = || MemMapArray::open(&path, Mode::ReadWrite).unwrap();
        let (mut array, mut other) = (open(), open());
        let mut views: Vec<MemMapArray> = vec![];
        let (mut oracle, mut next): (Vec<i64>, i64) = (vec![], 1);
        for step in steps {
            match step {
                Step::Append(count) => {
                    let more: Vec<i64> = (next..next + count as i64).collect();
                    next += count as i64;
                    let appender = if next % 2 == 0 { &mut other } else { &mut array };
                    appender.append(&MemMapArray::from_slice(&more), Flush::Start).unwrap();
                    oracle.extend(more);
                    array.refresh().unwrap();
                }
                Step::Resize(rows) => {
                    array.resize(rows, Flush::Start).unwrap();
                    oracle.resize(rows, 0);
                }
                Step::Reserve => array.reserve(0).unwrap(),
                Step::Reopen => array = open(),
                Step::Set(at) => {
                    if !oracle.is_empty() {
                        let at = at % oracle.len();
                        array.set(&[at as i64], -next).unwrap();
                        oracle[at] = -next;
                    }
                }
                Step::View => views.push(array.clone()),
                Step::Refresh => { other.refresh().unwrap(); }
            }
            prop_assert_eq!(&array.to_vec::<i64>().unwrap(), &oracle);
            prop_assert_eq!(&MemMapArray::read(&path).unwrap().to_vec::<i64>().unwrap(), &oracle);
            for view in &views {
                let both = view.len().min(oracle.len());
                prop_assert_eq!(&view.to_vec::<i64>().unwrap()[..both], &oracle[..both]);
            }
        }
    }
}
