//! Are rows taken as one by one they would be?
//!
//! Knows: the public face of the library. Must not know: how rows are copied.

use maparray::{DType, ErrorKind, Eval, Expr, Indices, Layout, MemMapArray, Mode, Order, Select};

/// What `take` means, element by element, in the byte order of the machine.
fn one_by_one(array: &MemMapArray, indices: &[i64], axis: usize) -> Vec<u8> {
    let mut shape = array.shape().to_vec();
    shape[axis] = indices.len();
    let mut bytes = vec![];
    for position in 0..shape.iter().product::<usize>() {
        let mut rest = position;
        let mut index = vec![0; shape.len()];
        for axis in (0..shape.len()).rev() {
            index[axis] = (rest % shape[axis]) as i64;
            rest /= shape[axis];
        }
        index[axis] = indices[index[axis] as usize];
        bytes.extend(array.bytes_of(&index).expect("inside"));
    }
    bytes
}

fn all_bytes(array: &MemMapArray) -> Vec<u8> {
    let every: Vec<i64> = (0..array.shape()[0] as i64).collect();
    one_by_one(array, &every, 0)
}

fn every(start: Option<i64>, step: i64) -> Select {
    Select::Range {
        start,
        stop: None,
        step,
    }
}

/// Arrays of one dtype in every kind of layout, in memory and in a file.
fn arrays(folder: &std::path::Path, dtype: &str) -> Vec<MemMapArray> {
    let dtype: DType = dtype.parse().expect("a dtype");
    let mut found = vec![];
    for order in [Order::C, Order::F] {
        let layout = Layout::contiguous(&[6, 5, 4], dtype.size(), order, 0).expect("small");
        let bytes: Vec<u8> = (0..layout.byte_len())
            .map(|at| (at * 7 % 251) as u8)
            .collect();
        let bytes = if dtype.to_string() == "|b1" {
            bytes.iter().map(|byte| byte % 2).collect()
        } else {
            bytes
        };
        let region = MemMapArray::from_slice(&bytes).region().clone();
        let raw = MemMapArray::from_region(region, dtype.clone(), layout).expect("it fits");
        let path = folder.join(format!("{order:?}.npy"));
        raw.save(&path).expect("room");
        found.push(MemMapArray::open(&path, Mode::Read).expect("a file"));
        found.push(MemMapArray::open(&path, Mode::CopyOnWrite).expect("a file"));
        found.push(raw);
    }
    let parts = [
        vec![every(None, -1)],
        vec![every(Some(1), 2), every(None, -2)],
        vec![Select::ALL, Select::ALL, every(None, 3)],
        vec![Select::ALL, Select::ALL, every(None, -1)],
        vec![Select::ALL, Select::At(2)],
        vec![Select::At(1)],
        vec![Select::ALL, Select::ALL, Select::At(-1)],
    ];
    let views = found.clone();
    for view in views {
        found.extend(
            parts
                .iter()
                .map(|picks| view.select(picks).expect("a part")),
        );
    }
    found
}

const DTYPES: &[&str] = &[
    "|b1",
    "|i1",
    "<i2",
    ">i2",
    "<f4",
    ">f4",
    "<f8",
    ">c8",
    "<c16",
    ">c16",
    "|S3",
    ">U2",
    "|V5",
    "<M8[s]",
    "[('id', '>u2'), ('x', '<f4', (2,))]",
];

#[test]
fn rows_of_any_dtype_and_layout_are_those_that_one_by_one_would_be_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    for dtype in DTYPES {
        for array in arrays(folder.path(), dtype) {
            for axis in 0..array.ndim() {
                let len = array.shape()[axis] as i64;
                for indices in [vec![], vec![len - 1], vec![0, -1, 1 - len, 1, 1, -len]] {
                    let taken = array.take(&indices, axis as i64).expect("inside");
                    let expected = one_by_one(&array, &indices, axis);
                    let what = format!("{array:?} {:?} {indices:?} {axis}", array.strides());
                    assert_eq!(taken.dtype(), &array.dtype().to_native(), "{what}");
                    if taken.is_empty() {
                        continue;
                    }
                    assert_eq!(all_bytes(&taken), expected, "{what}");
                }
            }
        }
    }
}

#[test]
fn rows_are_taken_into_arrays_of_any_layout_and_byte_order() {
    let folder = tempfile::tempdir().expect("a folder");
    for dtype in ["<f4", ">i2", "|S3", "[('id', '>u2'), ('x', '<f4')]"] {
        let native = dtype.parse::<DType>().expect("a dtype").to_native();
        for array in arrays(folder.path(), dtype) {
            let indices = [-1, 0, 2];
            let mut shape = array.shape().to_vec();
            let Ok(expected) = array.take(&indices, 0) else {
                continue;
            };
            shape[0] = 3;
            for dtype in [array.dtype(), &native] {
                for order in [Order::C, Order::F] {
                    let mut out = MemMapArray::zeros(dtype, &shape, order).expect("room");
                    array.take_into(&indices, 0, &mut out).expect("it fits");
                    assert_eq!(all_bytes(&out), all_bytes(&expected));
                }
            }
        }
    }
}

#[test]
fn rows_taken_to_a_file_keep_their_byte_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("some.npy");
    for dtype in DTYPES {
        for array in arrays(folder.path(), dtype) {
            array.take_to(&[1, -1, 0], -1, &path).expect("room");
            let file = MemMapArray::open(&path, Mode::Read).expect("a file");
            assert_eq!(file.dtype(), array.dtype());
            assert_eq!(
                all_bytes(&file),
                one_by_one(&array, &[1, -1, 0], array.ndim() - 1)
            );
        }
    }
}

#[test]
fn indices_have_a_shape_that_stands_in_the_place_of_the_axis() {
    let array = MemMapArray::from_array(&ndarray::array![[0, 1, 2], [3, 4, 5]]).expect("room");
    let indices = Indices::shaped(&[2, 0, 1, 1], &[2, 2]).expect("four");
    let taken = array.take(indices, 1).expect("inside");
    assert_eq!(taken.shape(), [2, 2, 2]);
    assert_eq!(
        taken.to_vec::<i32>().expect("i32"),
        [2, 0, 1, 1, 5, 3, 4, 4]
    );
    let one = array
        .take(Indices::shaped(&[-1], &[]).expect("one"), 1)
        .expect("inside");
    assert_eq!(
        (one.shape(), one.to_vec::<i32>().expect("i32")),
        (&[2][..], vec![2, 5])
    );
    let none = Indices::shaped(&[], &[2, 0]).expect("none");
    assert_eq!(array.take(none, 0).expect("inside").shape(), [2, 0, 3]);
    let wrong = Indices::shaped(&[1, 2], &[3]).expect_err("three");
    assert_eq!(wrong.kind(), ErrorKind::Mismatch);
}

#[test]
fn an_index_outside_is_named_with_its_axis_and_nothing_is_written() {
    let array = MemMapArray::from_slice(&[1_i32, 2, 3]);
    for index in [3, -4, i64::MAX, i64::MIN] {
        let mut out = MemMapArray::from_slice(&[9_i32, 9]);
        let error = array
            .take_into(&[0, index], 0, &mut out)
            .expect_err("outside");
        assert_eq!(error.kind(), ErrorKind::OutOfBounds);
        let text = error.to_string();
        assert!(
            text.contains(&index.to_string()) && text.contains("axis 0, expected -3 to 2"),
            "{text}"
        );
        assert_eq!(out.to_vec::<i32>().expect("i32"), [9, 9]);
    }
    let empty = MemMapArray::from_slice::<i32>(&[]);
    assert_eq!(
        empty.take(&[0], 0).expect_err("none").kind(),
        ErrorKind::OutOfBounds
    );
    assert!(empty.take(&[], 0).expect("nothing").is_empty());
}

#[test]
fn what_does_not_fit_the_rows_is_refused() {
    let array = MemMapArray::from_slice(&[1_i32, 2, 3]);
    let mut short = MemMapArray::from_slice(&[9_i32]);
    let error = array.take_into(&[0, 1], 0, &mut short).expect_err("short");
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    let mut other = MemMapArray::from_slice(&[9_f32, 9.0]);
    let error = array.take_into(&[0, 1], 0, &mut other).expect_err("floats");
    assert_eq!(error.kind(), ErrorKind::Mismatch);
}

#[test]
fn rows_may_be_taken_into_the_array_that_they_are_taken_from() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.npy");
    let numbers: Vec<i64> = (0..1000).collect();
    MemMapArray::from_slice(&numbers).save(&path).expect("room");
    let mut array = MemMapArray::open(&path, Mode::ReadWrite).expect("a file");
    let back: Vec<i64> = (0..1000).rev().collect();
    let source = array.clone();
    source.take_into(&back, 0, &mut array).expect("it fits");
    assert_eq!(array.to_vec::<i64>().expect("i64"), back);
    // A second map of the same file is the same bytes at another address.
    let source = MemMapArray::open(&path, Mode::Read).expect("a file");
    source.take_into(&back, 0, &mut array).expect("it fits");
    assert_eq!(array.to_vec::<i64>().expect("i64"), numbers);
}

#[test]
fn many_rows_are_taken_by_several_threads_and_from_a_file_that_is_not_in_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.npy");
    let rows = 40_000;
    for width in [1, 3, 100] {
        let numbers: Vec<u32> = (0..rows * width).map(|n| n as u32).collect();
        let numbers = ndarray::Array2::from_shape_vec((rows, width), numbers).expect("it fits");
        let memory = MemMapArray::from_array(&numbers).expect("room");
        memory.save(&path).expect("room");
        let file = MemMapArray::open(&path, Mode::Read).expect("a file");
        let indices: Vec<i64> = (0..30_000)
            .map(|n| n * 7919 % rows as i64 - (n % 2) * rows as i64)
            .collect();
        let expected: Vec<u32> = indices
            .iter()
            .flat_map(|&index| numbers.row(index.rem_euclid(rows as i64) as usize).to_vec())
            .collect();
        file.release().expect("a file");
        for array in [&memory, &file] {
            assert_eq!(
                array
                    .take(&indices, 0)
                    .expect("inside")
                    .to_vec::<u32>()
                    .expect("u32"),
                expected
            );
        }
        let mut out = MemMapArray::zeros(memory.dtype(), &[30_000, width], Order::F).expect("room");
        file.release().expect("a file");
        file.take_into(&indices, 0, &mut out).expect("it fits");
        assert_eq!(out.to_vec::<u32>().expect("u32"), expected);
        let copy = folder.path().join("copy.npy");
        file.take_to(&indices, 0, &copy).expect("room");
        assert_eq!(
            MemMapArray::read(&copy)
                .expect("a file")
                .to_vec::<u32>()
                .expect("u32"),
            expected
        );
    }
}

#[test]
fn rows_longer_than_a_piece_are_cut() {
    let width = 300_000;
    let numbers: Vec<u16> = (0..4 * width).map(|n| (n % 65_521) as u16).collect();
    let numbers = ndarray::Array2::from_shape_vec((4, width), numbers).expect("it fits");
    for array in [
        MemMapArray::from_array(&numbers).expect("room"),
        MemMapArray::from_array(&numbers.t()).expect("room"),
    ] {
        let axis = array
            .shape()
            .iter()
            .position(|&len| len == 4)
            .expect("an axis");
        let taken = array.take(&[3, 1, -4], axis as i64).expect("inside");
        let expected = numbers.select(ndarray::Axis(0), &[3, 1, 0]);
        let expected = if axis == 0 {
            expected
        } else {
            expected.reversed_axes()
        };
        assert_eq!(taken.view::<u16>().expect("memory"), expected.into_dyn());
    }
}

#[test]
fn a_mask_keeps_the_rows_where_it_is_true() {
    let array = MemMapArray::from_array(&ndarray::array![[0, 1, 2], [3, 4, 5]]).expect("room");
    let kept = array.compress(&[true, false, true], 1).expect("inside");
    assert_eq!(kept.to_vec::<i32>().expect("i32"), [0, 2, 3, 5]);
    assert_eq!(
        array.compress(&[false, true], 1).expect("inside").shape(),
        [2, 1]
    );
    let error = array
        .compress(&[false, false, true], 0)
        .expect_err("outside");
    assert_eq!(error.kind(), ErrorKind::OutOfBounds);
}

#[test]
fn rows_where_a_mask_is_true_are_those_that_a_list_of_them_gives() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = |shape: &[usize]| Eval::new(Expr::index(shape)).run().expect("room");
    for shape in [&[30_000][..], &[10_000, 3], &[3, 10_000], &[2, 5000, 3]] {
        let array = count(shape);
        for axis in 0..shape.len() {
            for every in [1, 2, 7000] {
                let keep: Vec<bool> = (0..shape[axis]).map(|i| i % every == every / 2).collect();
                let list: Vec<i64> = (0..keep.len() as i64)
                    .filter(|&i| keep[i as usize])
                    .collect();
                let expected = array.take(&list, axis as i64).expect("rows");
                let all = |array: &MemMapArray| array.to_vec::<i64>().expect("elements");
                let found = array.compress(&keep, axis as i64).expect("rows");
                assert_eq!(found.shape(), expected.shape());
                assert_eq!(all(&found), all(&expected), "{shape:?} {axis} {every}");
                let mut out =
                    MemMapArray::zeros(found.dtype(), found.shape(), Order::F).expect("room");
                array
                    .compress_into(&keep, axis as i64, &mut out)
                    .expect("rows");
                assert_eq!(all(&out), all(&expected));
                let path = folder.path().join("c.npy");
                let saved = array.compress_to(&keep, axis as i64, &path).expect("rows");
                assert_eq!(all(&saved), all(&expected));
            }
        }
    }
    let error = count(&[30_000])
        .compress(&vec![true; 30_001], 0)
        .expect_err("one too many");
    assert_eq!(error.kind(), ErrorKind::OutOfBounds);
    assert!(error.to_string().contains("found 30000"), "{error}");
}

#[test]
fn where_there_is_nothing_to_take_from_no_index_is_wrong() {
    let array =
        |shape: &[usize]| MemMapArray::zeros(&DType::of::<f64>(), shape, Order::C).expect("room");
    assert_eq!(
        array(&[0, 3]).take(&[5], 1).expect("nothing").shape(),
        [0, 1]
    );
    assert_eq!(
        array(&[0, 3])
            .compress(&[false, false, false, true], 1)
            .expect("nothing")
            .shape(),
        [0, 1]
    );
    for (shape, index, axis) in [([0, 3], 0, 0), ([3, 0], 7, 0), ([3, 0], 0, 1)] {
        let error = array(&shape)
            .take(&[index], axis)
            .expect_err("there is no such row");
        assert_eq!(error.kind(), ErrorKind::OutOfBounds);
    }
}
