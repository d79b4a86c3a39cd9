//! Arrays: opening, copying, borrowing, selecting, saving.

use std::fs;

use maparray::{
    Create, DType, ErrorKind, Flush, Layout, MemMapArray, Mode, Order, Raw, Region, Select,
    StableFiles,
};
use ndarray::{Array2, Array3, Axis, Ix1, Ix2, array, s};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("the test machine has a temporary folder")
}

fn stable() -> StableFiles {
    #[expect(unsafe_code, reason = "the promise is what is tested")]
    // SAFETY: every test keeps its files in a folder of its own and writes to them from one place.
    unsafe {
        StableFiles::promise()
    }
}

fn range(start: Option<i64>, stop: Option<i64>, step: i64) -> Select {
    Select::Range { start, stop, step }
}

/// 2 × 3 × 4 numbers, as ndarray and as ours.
fn cube() -> (Array3<i32>, MemMapArray) {
    let cube = Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (100 * i + 10 * j + k) as i32);
    let ours = MemMapArray::from_array(&cube).unwrap();
    (cube, ours)
}

#[test]
fn elements_come_back_from_a_file_as_they_were_saved() {
    let folder = folder();
    let path = folder.path().join("cube.npy");
    let (cube, ours) = cube();
    ours.save(&path).unwrap();
    for mode in [Mode::Read, Mode::ReadWrite, Mode::CopyOnWrite] {
        let opened = MemMapArray::open(&path, mode).unwrap();
        assert_eq!(opened.shape(), [2, 3, 4]);
        assert_eq!(opened.data_offset(), 128);
        assert_eq!(opened.mode(), Some(mode));
        assert_eq!(
            opened.promise(stable()).view::<i32>().unwrap(),
            cube.view().into_dyn()
        );
    }
}

#[test]
fn selecting_is_ndarrays_slicing() {
    let (cube, ours) = cube();
    let part = ours
        .select(&[
            Select::At(-1),
            range(None, None, -2),
            range(Some(1), Some(100), 2),
        ])
        .unwrap();
    let expected = cube.slice(s![-1, ..;-2, 1..;2]);
    assert_eq!(part.view::<i32>().unwrap(), expected.into_dyn());
    let flat: Vec<i32> = cube.slice(s![-1, ..;-2, 1..;2]).iter().copied().collect();
    assert_eq!(part.to_vec::<i32>().unwrap(), flat);
    let empty = ours.select(&[range(Some(2), Some(1), 1)]).unwrap();
    assert_eq!(empty.shape(), [0, 3, 4]);
    assert_eq!(empty.view::<i32>().unwrap().len(), 0);
    assert_eq!(empty.to_memory().unwrap().shape(), [0, 3, 4]);
}

#[test]
fn a_slice_takes_what_python_takes() {
    let ours = MemMapArray::from_slice(&(0..7).collect::<Vec<i64>>());
    let ends = [
        None,
        Some(0),
        Some(2),
        Some(6),
        Some(7),
        Some(9),
        Some(-1),
        Some(-7),
        Some(-9),
    ];
    let mut cases = 0;
    for start in ends {
        for stop in ends {
            for step in [-3, -1, 1, 2, 8] {
                // Python's definition: slice.indices, then range.
                let clamp = |end: Option<i64>, default: i64| match end {
                    None => default,
                    Some(end) => {
                        let (low, high) = if step > 0 { (0, 7) } else { (-1, 6) };
                        (if end < 0 { end + 7 } else { end }).clamp(low, high)
                    }
                };
                let (mut at, to) = if step > 0 {
                    (clamp(start, 0), clamp(stop, 7))
                } else {
                    (clamp(start, 6), clamp(stop, -1))
                };
                let mut expected = vec![];
                while (step > 0 && at < to) || (step < 0 && at > to) {
                    expected.push(at);
                    at += step;
                }
                let part = ours.select(&[range(start, stop, step)]).unwrap();
                assert_eq!(
                    part.to_vec::<i64>().unwrap(),
                    expected,
                    "{start:?}:{stop:?}:{step}"
                );
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 9 * 9 * 5);
    let none = ours.select(&[range(None, None, 0)]).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::Mismatch);
    // Steps that no array could hold still take the first element.
    let far = ours.select(&[range(Some(3), None, i64::MAX)]).unwrap();
    assert_eq!(far.to_vec::<i64>().unwrap(), [3]);
    let far = ours.select(&[range(Some(3), None, i64::MIN)]).unwrap();
    assert_eq!(far.to_vec::<i64>().unwrap(), [3]);
}

#[test]
fn an_index_outside_its_axis_is_out_of_bounds() {
    let (_, mut ours) = cube();
    assert_eq!(ours.get::<i32>(&[-1, -1, -1]).unwrap(), 123);
    for index in [
        &[2, 0, 0][..],
        &[-3, 0, 0],
        &[0, 0, i64::MAX],
        &[i64::MIN, 0, 0],
        &[0, 0],
    ] {
        assert_eq!(
            ours.get::<i32>(index).unwrap_err().kind(),
            ErrorKind::OutOfBounds
        );
        assert_eq!(
            ours.set(index, 1_i32).unwrap_err().kind(),
            ErrorKind::OutOfBounds
        );
    }
    assert_eq!(
        ours.get::<i64>(&[0, 0, 0]).unwrap_err().kind(),
        ErrorKind::Mismatch
    );
}

#[test]
fn rows_are_taken_along_any_axis() {
    let (cube, ours) = cube();
    for axis in 0..3 {
        let indices = [1, 0, -1, 1];
        let positions: Vec<usize> = indices
            .iter()
            .map(|&i: &i64| i.rem_euclid(cube.shape()[axis] as i64) as usize)
            .collect();
        let expected = cube.select(Axis(axis), &positions);
        let taken = ours.take(&indices, axis as i64).unwrap();
        assert_eq!(taken.view::<i32>().unwrap(), expected.view().into_dyn());
    }
    assert_eq!(
        ours.take(&[2], 0).unwrap_err().kind(),
        ErrorKind::OutOfBounds
    );
    assert_eq!(
        ours.take(&[0], 3).unwrap_err().kind(),
        ErrorKind::OutOfBounds
    );
    assert_eq!(ours.take(&[], -1).unwrap().shape(), [2, 3, 0]);
}

#[test]
fn fortran_order_survives_saving_and_copying() {
    let folder = folder();
    let path = folder.path().join("f.npy");
    let options = Create {
        order: Order::F,
        ..Create::default()
    };
    let mut file = MemMapArray::create(&path, &DType::of::<f64>(), &[2, 3], &options).unwrap();
    assert_eq!(file.strides(), [8, 16]);
    for i in 0..2 {
        for j in 0..3 {
            file.set(&[i, j], (10 * i + j) as f64).unwrap();
        }
    }
    let expected = Array2::from_shape_fn((2, 3), |(i, j)| (10 * i + j) as f64);
    let copy = file.to_memory().unwrap();
    assert_eq!(copy.strides(), [8, 16]);
    assert_eq!(copy.view::<f64>().unwrap(), expected.view().into_dyn());
    let again = folder.path().join("again.npy");
    copy.save(&again).unwrap();
    assert_eq!(fs::read(&again).unwrap(), fs::read(&path).unwrap());
    assert_eq!(
        file.to_vec::<f64>().unwrap(),
        expected.iter().copied().collect::<Vec<_>>()
    );
}

#[test]
fn foreign_byte_order_is_refused_for_views_and_copied_rightly() {
    let folder = folder();
    let path = folder.path().join("big.npy");
    let dtype: DType = ">i4".parse().unwrap();
    let mut file = MemMapArray::create(&path, &dtype, &[3], &Create::default()).unwrap();
    file.set(&[1], 0x0102_0304_i32).unwrap();
    file.flush(Flush::Durable).unwrap();
    assert_eq!(fs::read(&path).unwrap()[132..136], [1, 2, 3, 4]);
    assert_eq!(file.get::<i32>(&[1]).unwrap(), 0x0102_0304);
    let error = file.clone().promise(stable()).view::<i32>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.hint().is_some());
    assert_eq!(
        MemMapArray::read(&path).unwrap().to_vec::<i32>().unwrap(),
        [0, 0x0102_0304, 0]
    );
}

#[test]
fn misaligned_elements_are_refused_for_views_and_copied_rightly() {
    let folder = folder();
    let path = folder.path().join("odd.bin");
    let mut bytes = vec![0xff];
    bytes.extend([1.5_f64, -2.5].iter().flat_map(|x| x.to_le_bytes()));
    fs::write(&path, bytes).unwrap();
    let raw = Raw {
        dtype: "<f8".parse().unwrap(),
        shape: None,
        order: Order::C,
        offset: 1,
    };
    let array = MemMapArray::open_raw(&path, &raw, Mode::Read).unwrap();
    let error = array.clone().promise(stable()).view::<f64>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert_eq!(array.to_vec::<f64>().unwrap(), [1.5, -2.5]);
    let typed = array.to_memory().unwrap().into_typed::<f64, Ix1>().unwrap();
    assert_eq!(typed.sum(), -1.0);
}

#[test]
fn borrowing_a_file_takes_a_promise_and_borrowing_memory_none() {
    let folder = folder();
    let path = folder.path().join("a.npy");
    MemMapArray::from_slice(&[1.0_f64]).save(&path).unwrap();
    let mut array = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    assert_eq!(
        array.view::<f64>().unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    assert_eq!(
        array.view_mut::<f64>().unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    let mut array = array.promise(stable());
    array.view_mut::<f64>().unwrap()[[0]] = 4.0;
    assert_eq!(
        MemMapArray::read(&path).unwrap().view::<f64>().unwrap()[[0]],
        4.0
    );
}

#[test]
fn memory_that_arrays_share_is_not_written_through_one_of_them() {
    let mut first = MemMapArray::from_slice(&[1_u8, 2]);
    let second = first.clone();
    assert_eq!(first.set(&[0], 9_u8).unwrap_err().kind(), ErrorKind::InUse);
    assert_eq!(first.view_mut::<u8>().unwrap_err().kind(), ErrorKind::InUse);
    drop(second);
    first.set(&[0], 9_u8).unwrap();
    assert_eq!(first.to_vec::<u8>().unwrap(), [9, 2]);
}

#[test]
fn what_is_borrowed_under_a_promise_is_not_written_by_another_handle() {
    let folder = folder();
    let path = folder.path().join("a.npy");
    MemMapArray::from_slice(&[9_u8]).save(&path).unwrap();
    let mut plain = MemMapArray::open(&path, Mode::CopyOnWrite).unwrap();
    let promised = plain.clone().promise(stable());
    let view = promised.view::<u8>().unwrap();
    assert_eq!(plain.set(&[0], 11_u8).unwrap_err().kind(), ErrorKind::InUse);
    assert_eq!(view[[0]], 9);
    drop(promised);
    plain.set(&[0], 11_u8).unwrap();
    assert_eq!(plain.get::<u8>(&[0]).unwrap(), 11);
}

#[test]
fn a_layout_too_big_to_count_is_refused() {
    let one = Layout::contiguous(&[1, 1], 1, Order::C, 0).unwrap();
    let error = one.broadcast_to(&[1 << 32, 1 << 32]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
}

#[test]
fn a_file_that_arrays_share_shows_what_each_writes() {
    let folder = folder();
    let path = folder.path().join("a.npy");
    MemMapArray::from_slice(&[1_u8, 2]).save(&path).unwrap();
    let mut first = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    let second = MemMapArray::open(&path, Mode::Read).unwrap();
    let mut private = MemMapArray::open(&path, Mode::CopyOnWrite).unwrap();
    private.set(&[1], 7_u8).unwrap();
    first.set(&[0], 9_u8).unwrap();
    assert_eq!(second.to_vec::<u8>().unwrap(), [9, 2]);
    assert_eq!(private.get::<u8>(&[1]).unwrap(), 7);
    assert_eq!(
        second.clone().set(&[0], 1_u8).unwrap_err().kind(),
        ErrorKind::ReadOnly
    );
}

#[test]
fn a_typed_array_is_an_ndarray_and_shares_its_map() {
    let folder = folder();
    let path = folder.path().join("a.npy");
    MemMapArray::from_array(&array![[1.0, 2.0], [3.0, 4.0]])
        .unwrap()
        .save(&path)
        .unwrap();
    let open = |mode| MemMapArray::open(&path, mode).unwrap().promise(stable());
    let typed = open(Mode::Read).into_typed::<f64, Ix2>().unwrap();
    let shared = typed.clone();
    drop(typed);
    assert_eq!(shared.sum_axis(Axis(0)), array![4.0, 6.0]);
    assert_eq!(shared.dot(&array![1.0, 1.0]), array![3.0, 7.0]);
    let mut writing = open(Mode::ReadWrite).into_typed_mut::<f64, Ix2>().unwrap();
    *writing *= 10.0;
    writing.flush(Flush::Durable).unwrap();
    drop(writing);
    assert_eq!(
        MemMapArray::read(&path).unwrap().to_vec::<f64>().unwrap(),
        [10.0, 20.0, 30.0, 40.0]
    );
    let wrong = open(Mode::Read).into_typed::<f64, Ix1>().unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Mismatch);
    let wrong = open(Mode::Read).into_typed::<f32, Ix2>().unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Mismatch);
    let wrong = open(Mode::Read).into_typed_mut::<f64, Ix2>().unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::ReadOnly);
}

#[test]
fn a_byte_that_is_no_bool_is_found_when_bools_are_borrowed() {
    let folder = folder();
    let path = folder.path().join("flags.bin");
    fs::write(&path, [0, 1, 2]).unwrap();
    let open = |shape: i64| {
        let raw = Raw {
            dtype: "?".parse().unwrap(),
            shape: Some(vec![shape]),
            order: Order::C,
            offset: 0,
        };
        MemMapArray::open_raw(&path, &raw, Mode::Read)
            .unwrap()
            .promise(stable())
    };
    let flags = open(2);
    assert_eq!(
        flags.view::<bool>().unwrap(),
        array![false, true].into_dyn()
    );
    assert_eq!(
        open(3).view::<bool>().unwrap_err().kind(),
        ErrorKind::Mismatch
    );
}

#[test]
fn zero_dimensions_and_zero_sizes_are_arrays_too() {
    let folder = folder();
    for shape in [&[][..], &[0], &[0, 4], &[3, 0, 2], &[1, 1]] {
        let path = folder.path().join(format!("{shape:?}.npy"));
        let mut file =
            MemMapArray::create(&path, &DType::of::<i16>(), shape, &Create::default()).unwrap();
        if file.len() == 1 {
            file.set(&vec![0; shape.len()], 5_i16).unwrap();
        }
        let opened = MemMapArray::open(&path, Mode::Read).unwrap();
        assert_eq!(opened.shape(), shape);
        assert_eq!(opened.to_vec::<i16>().unwrap(), vec![5; file.len()]);
        assert_eq!(
            opened.promise(stable()).view::<i16>().unwrap().shape(),
            shape
        );
    }
}

#[test]
fn an_array_saved_over_the_file_that_it_maps_is_whole() {
    let folder = folder();
    let path = folder.path().join("a.npy");
    MemMapArray::from_slice(&(0..100_000).collect::<Vec<i64>>())
        .save(&path)
        .unwrap();
    let mapped = MemMapArray::open(&path, Mode::Read).unwrap();
    let backwards = mapped.select(&[range(None, None, -1)]).unwrap();
    backwards.save(&path).unwrap();
    assert_eq!(
        mapped.get::<i64>(&[0]).unwrap(),
        0,
        "the old file lives while it is mapped"
    );
    assert_eq!(
        MemMapArray::read(&path).unwrap().get::<i64>(&[0]).unwrap(),
        99_999
    );
}

#[test]
fn raw_files_are_made_with_an_explicit_length() {
    let folder = folder();
    let path = folder.path().join("raw.bin");
    let raw = |shape| Raw {
        dtype: "<u2".parse().unwrap(),
        shape,
        order: Order::C,
        offset: 6,
    };
    let make =
        |raw: &Raw| MemMapArray::create_raw(&path, raw, Default::default(), Default::default());
    let mut file = make(&raw(Some(vec![2, 3]))).unwrap();
    file.set(&[1, 2], 7_u16).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), 18);
    assert_eq!(fs::read(&path).unwrap()[16..], [7, 0]);
    assert_eq!(
        make(&raw(Some(vec![-1, 3]))).unwrap_err().kind(),
        ErrorKind::Mismatch
    );
    assert_eq!(make(&raw(None)).unwrap_err().kind(), ErrorKind::Mismatch);
}

#[test]
fn a_layout_outside_its_region_is_out_of_bounds() {
    let dtype = DType::of::<u16>();
    for (shape, strides, offset) in [
        (&[5][..], &[2_isize][..], 2),
        (&[5], &[-2], 6),
        (&[2], &[isize::MAX], 0),
        (&[2, 2], &[isize::MIN, 2], 0),
    ] {
        let error = Layout::strided(shape, strides, 2, offset, 10).unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::OutOfBounds,
            "{shape:?} {strides:?}"
        );
    }
    let layout = Layout::contiguous(&[6], 2, Order::C, 0).unwrap();
    let region = Region::heap(10).unwrap();
    let error = MemMapArray::from_region(region, dtype, layout).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfBounds);
}

#[test]
fn opening_says_which_file_and_what_is_wrong() {
    let folder = folder();
    let path = folder.path().join("short.npy");
    let array = MemMapArray::from_slice(&[1.0_f64; 10]);
    array.save(&path).unwrap();
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(128 + 45)
        .unwrap();
    let error = MemMapArray::open(&path, Mode::ReadWrite).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert_eq!(
        error.to_string(),
        format!(
            "{}: data cut short: found 45 bytes (5 whole rows), expected 80",
            path.display()
        )
    );
    assert_eq!(
        fs::metadata(&path).unwrap().len(),
        128 + 45,
        "never extended"
    );
    let info = maparray::info(&path).unwrap();
    assert_eq!(
        (info.file_len, info.expected_len, info.alignment()),
        (173, 208, 128)
    );
}

#[test]
fn records_and_strings_open_and_copy_as_they_are() {
    let folder = folder();
    let path = folder.path().join("records.npy");
    let dtype: DType = "[('a', '>i4'), ('b', '<U2'), ('c', '>f8', (2,))]"
        .parse()
        .unwrap();
    let file = MemMapArray::create(&path, &dtype, &[2], &Create::default()).unwrap();
    assert_eq!(file.byte_len(), 2 * (4 + 8 + 16));
    let copy = file.to_memory().unwrap();
    assert!(copy.dtype().is_native());
    assert_eq!(copy.bytes_of(&[1]).unwrap(), vec![0; 28]);
    assert_eq!(copy.view::<f64>().unwrap_err().kind(), ErrorKind::Mismatch);
}

#[test]
fn a_part_without_elements_is_flushed_wherever_it_would_lie() {
    let folder = folder();
    let path = folder.path().join("empty.npy");
    let empty = MemMapArray::zeros(&DType::of::<f64>(), &[0, 3], Order::C).unwrap();
    empty.save(&path).unwrap();
    let array = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    let column = array.select(&[Select::ALL, Select::At(2)]).unwrap();
    assert_eq!(column.shape(), [0]);
    column.flush(Flush::Durable).unwrap();
}

#[test]
fn addresses_name_files_and_parts_of_arrays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd[1]:name.npy");
    let grid = ndarray::Array::from_shape_fn((4, 5), |(i, j)| (i * 10 + j) as i32);
    MemMapArray::from_array(&grid).unwrap().save(&path).unwrap();
    let open = |suffix: &str| {
        let address = format!("{}{suffix}", path.display());
        MemMapArray::open(address, Mode::Read)
    };
    assert_eq!(open("").unwrap().shape(), [4, 5]);
    assert_eq!(
        open("[1]").unwrap().to_vec::<i32>().unwrap(),
        [10, 11, 12, 13, 14]
    );
    assert_eq!(open("[1, -1]").unwrap().to_vec::<i32>().unwrap(), [14]);
    assert_eq!(
        open("[::2, ..., 1:3]").unwrap().to_vec::<i32>().unwrap(),
        [1, 2, 21, 22]
    );
    assert_eq!(
        open("[1:][0][::-4]").unwrap().to_vec::<i32>().unwrap(),
        [14, 10]
    );
    for (suffix, kind) in [
        ("[9]", ErrorKind::OutOfBounds),
        ("[0, 0, 0]", ErrorKind::OutOfBounds),
        ("[::0]", ErrorKind::Mismatch),
        ("[1;2]", ErrorKind::Mismatch),
        ("[..., ...]", ErrorKind::Mismatch),
        (":x", ErrorKind::OutOfBounds),
        ("[x]", ErrorKind::Mismatch),
        ("x", ErrorKind::Io),
    ] {
        let error = open(suffix).unwrap_err();
        assert_eq!(error.kind(), kind, "{suffix}: {error}");
        assert!(error.to_string().contains("odd[1]:name.npy"), "{error}");
    }
    let read = MemMapArray::read(format!("{}[2, 0]", path.display())).unwrap();
    assert_eq!(read.to_vec::<i32>().unwrap(), [20]);
}
