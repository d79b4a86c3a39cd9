//! Computing: into memory, files and arrays, over every layout, on any number of threads.

use std::fs;

use maparray::expr::{Expr, Node};
use maparray::ops::Op;
use maparray::{
    ByteOrder, Create, DType, Error, ErrorKind, Eval, Flow, Layout, MemMapArray, Mode, Order, Raw,
    Region, Select,
};
use ndarray::{Array1, Array2, Array3, Axis};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("the test machine has a temporary folder")
}

fn eval(text: &str, arrays: &[(&str, &MemMapArray)]) -> Result<MemMapArray, Error> {
    let eval = Eval::new(text.parse()?);
    arrays
        .iter()
        .fold(eval, |eval, (name, array)| eval.array(name, array))
        .run()
}

/// A cube of different numbers, long enough for several strips and short in its last axis.
fn cube() -> Array3<f64> {
    Array3::from_shape_fn((7, 301, 5), |(i, j, k)| {
        ((i * 31 + j * 7 + k * 3) % 101) as f64 - 50.0
    })
}

/// The same elements as they may lie elsewhere: C, F, strided, reversed, big-endian, misaligned.
fn everywhere(array: &Array3<f64>) -> Vec<(&'static str, MemMapArray)> {
    let plain = MemMapArray::from_array(array).unwrap();
    let shape = array.shape();
    let mut fortran = MemMapArray::zeros(&DType::of::<f64>(), shape, Order::F).unwrap();
    Eval::new("a".parse().unwrap())
        .array("a", &plain)
        .write(&mut fortran)
        .unwrap();

    // Every second element of a larger array, the first axis backwards.
    let mut wide = Array3::from_elem((shape[0], shape[1] * 2, shape[2] + 3), f64::NAN);
    wide.slice_mut(ndarray::s![..;-1, ..;2, 1..shape[2] + 1])
        .assign(array);
    let step = |start, stop, step| Select::Range { start, stop, step };
    let strided = MemMapArray::from_array(&wide)
        .unwrap()
        .select(&[
            step(None, None, -1),
            step(None, None, 2),
            step(Some(1), Some(shape[2] as i64 + 1), 1),
        ])
        .unwrap();

    let foreign = if ByteOrder::NATIVE == ByteOrder::Little {
        ">f8"
    } else {
        "<f8"
    };
    let foreign: DType = foreign.parse().unwrap();
    let mut swapped = MemMapArray::zeros(&foreign, shape, Order::C).unwrap();
    Eval::new("a".parse().unwrap())
        .array("a", &plain)
        .write(&mut swapped)
        .unwrap();

    let region = Region::heap(array.len() * 8 + 3).unwrap();
    let layout = Layout::contiguous(shape, 8, Order::C, 3).unwrap();
    let mut odd = MemMapArray::from_region(region, DType::of::<f64>(), layout).unwrap();
    Eval::new("a".parse().unwrap())
        .array("a", &plain)
        .write(&mut odd)
        .unwrap();

    vec![
        ("C", plain),
        ("F", fortran),
        ("strided", strided),
        ("foreign", swapped),
        ("misaligned", odd),
    ]
}

#[test]
fn every_layout_gives_the_same_elements_and_the_same_sums() {
    let cube = cube();
    let double: Vec<f64> = cube.iter().map(|x| x * 2.0 - 1.0).collect();
    for (name, array) in everywhere(&cube) {
        assert_eq!(
            array.to_vec::<f64>().unwrap(),
            cube.iter().copied().collect::<Vec<_>>()
        );
        let result = eval("a * 2 - 1", &[("a", &array)]).unwrap();
        assert_eq!(result.to_vec::<f64>().unwrap(), double, "{name}");
        let sum = eval("sum(a)", &[("a", &array)]).unwrap();
        assert_eq!(sum.get::<f64>(&[]).unwrap(), cube.sum(), "{name}");
        for axis in 0..3 {
            let result = eval(&format!("sum(a, axis={axis})"), &[("a", &array)]).unwrap();
            let expected = cube.sum_axis(Axis(axis));
            assert_eq!(
                result.view::<f64>().unwrap(),
                expected.into_dyn(),
                "{name} axis {axis}"
            );
        }
        let outer = eval("sum(a, axis=(0, 2), keepdims=True)", &[("a", &array)]).unwrap();
        let expected = cube.sum_axis(Axis(2)).sum_axis(Axis(0));
        assert_eq!(outer.shape(), [1, 301, 1]);
        assert_eq!(outer.to_vec::<f64>().unwrap(), expected.to_vec(), "{name}");
    }
}

#[test]
fn the_place_of_the_smallest_is_counted_in_c_order_in_every_layout() {
    let cube = cube();
    let flat: Vec<f64> = cube.iter().copied().collect();
    let smallest = flat.iter().copied().fold(f64::INFINITY, f64::min);
    let first = flat.iter().position(|&x| x == smallest).unwrap() as i64;
    for (name, array) in everywhere(&cube) {
        let place = eval("argmin(a)", &[("a", &array)]).unwrap();
        assert_eq!(place.get::<i64>(&[]).unwrap(), first, "{name}");
        for axis in 0..3 {
            let places = eval(&format!("argmax(a, axis={axis})"), &[("a", &array)]).unwrap();
            let expected = cube.map_axis(Axis(axis), |lane| {
                let most = lane.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                lane.iter().position(|&x| x == most).unwrap() as i64
            });
            assert_eq!(
                places.view::<i64>().unwrap(),
                expected.into_dyn(),
                "{name} axis {axis}"
            );
        }
    }
}

#[test]
fn shapes_broadcast_as_in_numpy() {
    let column =
        MemMapArray::from_array(&Array2::from_shape_fn((2000, 1), |(i, _)| i as i64)).unwrap();
    let row = MemMapArray::from_slice(&[10_i64, 20, 30]);
    let result = eval("a + b", &[("a", &column), ("b", &row)]).unwrap();
    let expected = Array2::from_shape_fn((2000, 3), |(i, j)| (i + 10 * (j + 1)) as i64);
    assert_eq!(result.view::<i64>().unwrap(), expected.into_dyn());
    let error = eval(
        "a + b",
        &[("a", &MemMapArray::from_slice(&[1, 2])), ("b", &row)],
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("(2,) and (3,)"), "{error}");
}

#[test]
fn a_reduction_inside_an_expression_is_computed_first() {
    let values = Array1::from_shape_fn(5000, |i| (i % 17) as f64);
    let array = MemMapArray::from_array(&values).unwrap();
    let result = eval("(a - mean(a)) / std(a)", &[("a", &array)]).unwrap();
    let (mean, std) = (values.mean().unwrap(), values.std(0.0));
    for (ours, value) in result.to_vec::<f64>().unwrap().iter().zip(&values) {
        assert!((ours - (value - mean) / std).abs() < 1e-12);
    }
    let cube = cube();
    let array = MemMapArray::from_array(&cube).unwrap();
    let centred = eval("a - mean(a, axis=1, keepdims=True)", &[("a", &array)]).unwrap();
    let means = cube.mean_axis(Axis(1)).unwrap().insert_axis(Axis(1));
    let error = &centred.view::<f64>().unwrap() - &(&cube - &means).into_dyn();
    assert!(error.iter().all(|x| x.abs() < 1e-12));
}

#[test]
fn sums_do_not_depend_on_threads() {
    let values = Array1::from_shape_fn(3_000_001, |i| ((i * 7919) % 10007) as f32 * 1e-3 + 1e4);
    let array = MemMapArray::from_array(&values).unwrap();
    let exact: f64 = values.iter().map(|&x| f64::from(x)).sum();
    let matrix = MemMapArray::from_array(
        &values
            .slice(ndarray::s![..3_000_000])
            .to_shape((3000, 1000))
            .unwrap(),
    );
    let matrix = matrix.unwrap();
    let mut seen: Option<(u32, u32, Vec<f32>)> = None;
    for threads in [1, 2, 3, 8] {
        let run = |text: &str, array| {
            Eval::new(text.parse().unwrap())
                .array("a", array)
                .threads(threads)
                .run()
                .unwrap()
        };
        let sum = run("sum(a)", &array).get::<f32>(&[]).unwrap();
        assert_eq!(sum, exact as f32);
        let std = run("std(a)", &array).get::<f32>(&[]).unwrap();
        let columns = run("sum(a, axis=0)", &matrix).to_vec::<f32>().unwrap();
        let now = (sum.to_bits(), std.to_bits(), columns);
        assert_eq!(
            *seen.get_or_insert_with(|| now.clone()),
            now,
            "{threads} threads"
        );
    }
}

#[test]
fn empty_arrays_have_sums_but_no_smallest_element() {
    let empty = MemMapArray::zeros(&DType::of::<f64>(), &[0, 3], Order::C).unwrap();
    let arrays = [("a", &empty)];
    assert_eq!(eval("a + 1", &arrays).unwrap().shape(), [0, 3]);
    assert_eq!(
        eval("sum(a)", &arrays).unwrap().get::<f64>(&[]).unwrap(),
        0.0
    );
    assert_eq!(
        eval("sum(a, axis=0)", &arrays)
            .unwrap()
            .to_vec::<f64>()
            .unwrap(),
        [0.0; 3]
    );
    assert_eq!(
        eval("prod(a, axis=0)", &arrays)
            .unwrap()
            .to_vec::<f64>()
            .unwrap(),
        [1.0; 3]
    );
    assert!(
        eval("mean(a)", &arrays)
            .unwrap()
            .get::<f64>(&[])
            .unwrap()
            .is_nan()
    );
    assert_eq!(eval("min(a, axis=1)", &arrays).unwrap().shape(), [0]);
    for text in ["min(a)", "max(a, axis=0)", "argmin(a)"] {
        assert_eq!(
            eval(text, &arrays).unwrap_err().kind(),
            ErrorKind::Mismatch,
            "{text}"
        );
    }
    let scalar = MemMapArray::zeros(&DType::of::<i8>(), &[], Order::C).unwrap();
    let result = eval("a + 3", &[("a", &scalar)]).unwrap();
    assert_eq!(
        (result.shape(), result.get::<i8>(&[]).unwrap()),
        (&[][..], 3)
    );
    assert_eq!(eval("2 * 21", &[]).unwrap().get::<i64>(&[]).unwrap(), 42);
}

#[test]
fn a_new_file_holds_the_result_and_numpys_header() {
    let folder = folder();
    let path = folder.path().join("c.npy");
    let a = MemMapArray::from_array(&Array1::from_shape_fn(1_000_000, |i| i as f32)).unwrap();
    let report = Eval::new("a + a".parse().unwrap())
        .array("a", &a)
        .save(&path)
        .unwrap();
    assert_eq!(report.bytes_written, 4_000_000);
    assert_eq!(report.dtype, DType::of::<f32>());
    let file = MemMapArray::open(&path, Mode::Read).unwrap();
    assert_eq!(file.get::<f32>(&[999_999]).unwrap(), 2.0 * 999_999.0);
    assert_eq!(fs::metadata(&path).unwrap().len(), 128 + 4_000_000);
    // The result of an expression over a file may replace that file.
    Eval::new("a - 1".parse().unwrap())
        .array("a", &file)
        .save(&path)
        .unwrap();
    assert_eq!(
        MemMapArray::read(&path).unwrap().get::<f32>(&[0]).unwrap(),
        -1.0
    );
    assert_eq!(file.get::<f32>(&[0]).unwrap(), 0.0);
}

#[test]
fn a_failed_or_stopped_computation_leaves_no_file() {
    let folder = folder();
    let path = folder.path().join("c.npy");
    fs::write(&path, "old").unwrap();
    let a = MemMapArray::zeros(&DType::of::<f32>(), &[1 << 24], Order::C).unwrap();
    let mut calls = 0;
    let stopped = Eval::new("exp(sin(a) + cos(a))".parse().unwrap())
        .array("a", &a)
        .watch(|progress| {
            assert!(progress.done <= progress.total && progress.total == 2 << 26);
            calls += 1;
            Flow::Stop
        })
        .save(&path);
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(calls, 1);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_array_is_updated_in_place() {
    let folder = folder();
    let path = folder.path().join("a.npy");
    let values = Array2::from_shape_fn((300, 700), |(i, j)| (i * 700 + j) as i32);
    MemMapArray::from_array(&values)
        .unwrap()
        .save(&path)
        .unwrap();
    let mut mapped = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    let mut memory = mapped.to_memory().unwrap();
    for array in [&mut mapped, &mut memory] {
        Eval::new("a * 2 + 1".parse().unwrap())
            .update("a", array)
            .unwrap();
        assert_eq!(
            array.to_vec::<i32>().unwrap(),
            (&values * 2 + 1).iter().copied().collect::<Vec<_>>()
        );
    }
    assert_eq!(
        MemMapArray::read(&path)
            .unwrap()
            .get::<i32>(&[0, 1])
            .unwrap(),
        3
    );
    let mut reading = MemMapArray::open(&path, Mode::Read).unwrap();
    let error = Eval::new("a + 1".parse().unwrap())
        .update("a", &mut reading)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
}

#[test]
fn an_output_that_lies_across_an_input_gets_the_right_answer() {
    let folder = folder();
    let path = folder.path().join("a.npy");
    let count = 1_000_000_i64;
    MemMapArray::from_slice(&(0..count).collect::<Vec<_>>())
        .save(&path)
        .unwrap();
    let mapped = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    let part = |start, stop, step| {
        mapped
            .select(&[Select::Range { start, stop, step }])
            .unwrap()
    };
    // a[1:] = a[:-1] + 10
    let (from, mut to) = (part(None, Some(-1), 1), part(Some(1), None, 1));
    Eval::new("a + 10".parse().unwrap())
        .array("a", &from)
        .write(&mut to)
        .unwrap();
    let expected: Vec<i64> = std::iter::once(0)
        .chain((0..count - 1).map(|x| x + 10))
        .collect();
    assert_eq!(mapped.to_vec::<i64>().unwrap(), expected);
    // a[:] = a[::-1]
    let (from, mut to) = (part(None, None, -1), part(None, None, 1));
    Eval::new("a".parse().unwrap())
        .array("a", &from)
        .write(&mut to)
        .unwrap();
    let expected: Vec<i64> = expected.into_iter().rev().collect();
    assert_eq!(mapped.to_vec::<i64>().unwrap(), expected);
}

#[test]
fn an_output_that_lies_across_an_input_is_found_through_another_map_of_the_file() {
    let folder = folder();
    let path = folder.path().join("a.npy");
    let count = 500_000_i64;
    MemMapArray::from_slice(&(0..count).collect::<Vec<_>>())
        .save(&path)
        .unwrap();
    let input = MemMapArray::open(&path, Mode::Read).unwrap();
    let mapped = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    let back = Select::Range {
        start: None,
        stop: None,
        step: -1,
    };
    let mut out = mapped.select(&[back]).unwrap();
    Eval::new("a + 0".parse().unwrap())
        .array("a", &input)
        .write(&mut out)
        .unwrap();
    let expected: Vec<i64> = (0..count).rev().collect();
    assert_eq!(mapped.to_vec::<i64>().unwrap(), expected);
}

#[test]
fn elements_that_share_bytes_are_read_but_not_written() {
    let layout = Layout::contiguous(&[1], 8, Order::C, 0).unwrap();
    let layout = layout.broadcast_to(&[1 << 20]).unwrap();
    let region = Region::heap(8).unwrap();
    let mut array = MemMapArray::from_region(region, DType::of::<f64>(), layout).unwrap();
    let sum = eval("sum(a + 1)", &[("a", &array)]).unwrap();
    assert_eq!(sum.get::<f64>(&[]).unwrap(), f64::from(1 << 20));
    let expr: Expr = "a + 1".parse().unwrap();
    let error = Eval::new(expr).update("a", &mut array).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let windows = Layout::strided(&[3, 4], &[8, 8], 8, 0, 48).unwrap();
    let region = Region::heap(48).unwrap();
    let mut array = MemMapArray::from_region(region, DType::of::<f64>(), windows).unwrap();
    let error = array.set(&[0, 0], 1.0_f64).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn an_array_without_axes_is_reduced_along_its_first_as_in_numpy() {
    let scalar = MemMapArray::from_slice(&[7_i32])
        .select(&[Select::At(0)])
        .unwrap();
    for text in ["sum(a, axis=0)", "max(a, axis=-1)", "sum(a)"] {
        let result = eval(text, &[("a", &scalar)]).unwrap();
        assert_eq!(result.shape(), [0; 0], "{text}");
    }
    let error = eval("sum(a, axis=1)", &[("a", &scalar)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfBounds);
}

#[test]
fn results_are_cast_to_an_output_of_the_same_kind_only() {
    let a = MemMapArray::from_slice(&[1.5_f64, -2.5]);
    let write = |text: &str, dtype: &str, shape: &[usize]| {
        let mut out = MemMapArray::zeros(&dtype.parse().unwrap(), shape, Order::C).unwrap();
        let expr: Expr = text.parse().unwrap();
        Eval::new(expr).array("a", &a).write(&mut out).map(|_| out)
    };
    assert_eq!(
        write("a", "<f4", &[2]).unwrap().to_vec::<f32>().unwrap(),
        [1.5, -2.5]
    );
    assert_eq!(
        write("a", ">f4", &[2]).unwrap().to_vec::<f32>().unwrap(),
        [1.5, -2.5]
    );
    assert_eq!(
        write("a > 0", "<i8", &[2])
            .unwrap()
            .to_vec::<i64>()
            .unwrap(),
        [1, 0]
    );
    assert_eq!(
        write("a", "<i8", &[2]).unwrap_err().kind(),
        ErrorKind::Mismatch
    );
    assert_eq!(
        write("a + 0j", "<f8", &[2]).unwrap_err().kind(),
        ErrorKind::Mismatch
    );
    assert_eq!(
        write("a", "<U3", &[2]).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    // An output may be larger where the result broadcasts, never smaller.
    let twice = write("a", "<f8", &[2, 2]).unwrap();
    assert_eq!(twice.to_vec::<f64>().unwrap(), [1.5, -2.5, 1.5, -2.5]);
    assert_eq!(
        write("a", "<f8", &[1]).unwrap_err().kind(),
        ErrorKind::Mismatch
    );
    assert_eq!(
        write("a", "<f8", &[3]).unwrap_err().kind(),
        ErrorKind::Mismatch
    );
}

#[test]
fn integers_have_no_negative_powers() {
    let base = MemMapArray::from_slice(&[2_i32, 3]);
    let exponent = MemMapArray::from_slice(&[3_i32, 0]);
    let power = eval("a ** b", &[("a", &base), ("b", &exponent)]).unwrap();
    assert_eq!(power.to_vec::<i32>().unwrap(), [8, 1]);
    for text in ["a ** (b - 1)", "sum(a ** (b - 1)) + 1", "a ** -1"] {
        let arrays = [("a", &base), ("b", &exponent)];
        let named = if text.contains('b') {
            &arrays[..]
        } else {
            &arrays[..1]
        };
        assert_eq!(
            eval(text, named).unwrap_err().kind(),
            ErrorKind::Expression,
            "{text}"
        );
    }
    let real = eval("float64(a) ** (b - 1)", &[("a", &base), ("b", &exponent)]).unwrap();
    assert_eq!(real.to_vec::<f64>().unwrap(), [4.0, 1.0 / 3.0]);
}

#[test]
fn names_and_arrays_must_match() {
    let a = MemMapArray::from_slice(&[1.5_f64]);
    let unknown = eval("a + bb", &[("a", &a)]).unwrap_err();
    assert_eq!(
        (unknown.kind(), unknown.column()),
        (ErrorKind::Expression, Some(5))
    );
    let unused = eval("a", &[("a", &a), ("b", &a)]).unwrap_err();
    assert_eq!(unused.kind(), ErrorKind::Expression);
    let text = MemMapArray::zeros(&"<U3".parse().unwrap(), &[1], Order::C).unwrap();
    let error = eval("a + 1", &[("a", &text)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("<U3"), "{error}");
}

#[test]
fn arange_and_random_are_expressions_and_do_not_depend_on_blocks() {
    let range = Eval::new(Expr::index(&[1000, 3]) * 0.5 + 2.0)
        .run()
        .unwrap();
    assert_eq!(range.shape(), [1000, 3]);
    assert_eq!(range.get::<f64>(&[999, 2]).unwrap(), 2999.0 * 0.5 + 2.0);
    let draw = |threads, memory| {
        let places = [Expr::from(7), Expr::index(&[100_000])];
        let random = Expr::new(Node::Apply(Op::Random, places.into()));
        Eval::new(random)
            .threads(threads)
            .memory(memory)
            .run()
            .unwrap()
            .to_vec::<f64>()
            .unwrap()
    };
    let numbers = draw(1, 1 << 30);
    assert_eq!(numbers, draw(5, 1));
    assert!(numbers.iter().all(|x| (0.0..1.0).contains(x)));
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    assert!((mean - 0.5).abs() < 0.01, "{mean}");
}

#[test]
fn the_result_is_described_without_reading() {
    let folder = folder();
    let path = folder.path().join("sparse.npy");
    let options = Create {
        allocate: maparray::Allocate::Sparse,
        ..Create::default()
    };
    let big =
        MemMapArray::create(&path, &DType::of::<f32>(), &[1 << 20, 1 << 12], &options).unwrap();
    let eval = Eval::new("mean(a * 2, axis=1)".parse().unwrap()).array("a", &big);
    assert_eq!(
        eval.describe().unwrap(),
        (DType::of::<f32>(), vec![1 << 20])
    );
}

#[test]
fn raw_files_are_computed_on_where_they_lie() {
    let folder = folder();
    let path = folder.path().join("frames.raw");
    let bytes: Vec<u8> = (0..1000_u16).flat_map(|x| x.to_be_bytes()).collect();
    fs::write(&path, [&[0xaa; 5][..], &bytes].concat()).unwrap();
    let raw = Raw {
        dtype: ">u2".parse().unwrap(),
        shape: Some(vec![10, -1]),
        order: Order::F,
        offset: 5,
    };
    let frames = MemMapArray::open_raw(&path, &raw, Mode::Read).unwrap();
    let sums = eval("sum(a, axis=1)", &[("a", &frames)]).unwrap();
    let expected: Vec<u64> = (0..10)
        .map(|i| (0..100).map(|j| i + 10 * j).sum())
        .collect();
    assert_eq!(sums.to_vec::<u64>().unwrap(), expected);
}

#[test]
fn a_sum_has_the_dtype_that_was_asked_for() {
    let a = MemMapArray::from_slice(&[300_i64, 2, -5]);
    let sum = eval("sum(a, dtype=int8)", &[("a", &a)]).unwrap();
    assert_eq!(sum.get::<i8>(&[]).unwrap(), 41);
    let product = eval("prod(a, dtype=int8)", &[("a", &a)]).unwrap();
    assert_eq!(product.get::<i8>(&[]).unwrap(), 72);
    let any = eval("sum(a, dtype=bool)", &[("a", &a)]).unwrap();
    assert!(any.get::<bool>(&[]).unwrap());
    let wide = eval("sum(a, dtype=float32)", &[("a", &a)]).unwrap();
    assert_eq!(wide.get::<f32>(&[]).unwrap(), 297.0);
}
