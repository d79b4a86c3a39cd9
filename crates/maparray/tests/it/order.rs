//! Sorting, selecting, and telling elements apart, against the plainest way to do it.

use std::cmp::Ordering;

use maparray::{DType, Eval, Layout, MemMapArray, Order};

/// A budget so small that every array of some size is sorted in pieces.
const TINY: usize = 1;

fn eval(text: &str, a: &MemMapArray, threads: usize, memory: usize) -> MemMapArray {
    let eval = Eval::new(text.parse().unwrap()).array("a", a);
    eval.threads(threads).memory(memory).run().unwrap()
}

/// Numbers of every kind with duplicates, both zeros, infinities and NaNs among them.
fn number(rng: &mut Xorshift, spread: u64) -> f64 {
    match rng.next() % 40 {
        0 => 0.0,
        1 => -0.0,
        2 => f64::INFINITY,
        3 => f64::NEG_INFINITY,
        4 => f64::NAN,
        _ => (rng.next() % spread) as f64 - spread as f64 / 3.0,
    }
}

struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn numbers(count: usize, spread: u64, seed: u64) -> Vec<f64> {
    let mut rng = Xorshift(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    (0..count).map(|_| number(&mut rng, spread)).collect()
}

/// NaN after everything else; −0 and 0 are equal.
fn compare(a: f64, b: f64) -> Ordering {
    a.is_nan()
        .cmp(&b.is_nan())
        .then(a.partial_cmp(&b).unwrap_or(Ordering::Equal))
}

fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

/// The values of a result as `f64`.
fn values(array: &MemMapArray) -> Vec<f64> {
    let wide = Eval::new("float64(r)".parse().unwrap()).array("r", array);
    wide.run().unwrap().to_vec::<f64>().unwrap()
}

fn cast(array: &MemMapArray, dtype: &str) -> MemMapArray {
    let text = format!("astype(a, '{dtype}')");
    Eval::new(text.parse().unwrap())
        .array("a", array)
        .run()
        .unwrap()
}

const DTYPES: &[&str] = &[
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16",
    "float32", "float64",
];

/// Elements of a shape, seen along one axis: the position of each row's elements in C order.
fn rows(shape: &[usize], axis: usize) -> Vec<Vec<usize>> {
    let after: usize = shape[axis + 1..].iter().product();
    let before: usize = shape[..axis].iter().product();
    let mut rows = vec![];
    for a in 0..before {
        for b in 0..after {
            let place = |i| (a * shape[axis] + i) * after + b;
            rows.push((0..shape[axis]).map(place).collect());
        }
    }
    rows
}

/// An array of a dtype with these values, lying in C order, in F order, or backwards.
fn array(values: &[f64], shape: &[usize], dtype: &str, lies: usize) -> MemMapArray {
    let plain = MemMapArray::from_slice(values);
    let region = std::sync::Arc::clone(plain.region());
    let layout = Layout::contiguous(shape, 8, Order::C, 0).unwrap();
    let plain = MemMapArray::from_region(region, DType::of::<f64>(), layout).unwrap();
    let dtype: DType = cast(&plain, dtype).dtype().clone();
    let order = if lies == 1 { Order::F } else { Order::C };
    let mut array = MemMapArray::zeros(&dtype, shape, order).unwrap();
    let text = format!("astype(a, '{}')", dtype.scalar().unwrap().name());
    let eval = Eval::new(text.parse().unwrap()).array("a", &plain);
    if lies < 2 {
        eval.write(&mut array).unwrap();
        return array;
    }
    let backwards = maparray::Select::Range {
        start: None,
        stop: None,
        step: -1,
    };
    let picks = vec![backwards; shape.len()];
    let mut turned = array.select(&picks).unwrap();
    drop(array);
    eval.write(&mut turned).unwrap();
    turned
}

/// A case: an array and its values in C order.
fn case(shape: &[usize], dtype: &str, seed: u64) -> (MemMapArray, Vec<f64>) {
    let spread = [3, 60, 1000][seed as usize % 3];
    let mut values = numbers(shape.iter().product(), spread, seed);
    if dtype.starts_with("uint") {
        // Negative ones would become so large that `f64` does not tell them apart.
        values.iter_mut().for_each(|value| *value = value.abs());
    }
    let array = array(&values, shape, dtype, seed as usize / 3 % 3);
    let values = self::values(&array);
    (array, values)
}

const SHAPES: &[&[usize]] = &[
    &[7],
    &[1000],
    &[1, 5],
    &[300, 3],
    &[3, 300],
    &[5, 40, 6],
    &[4, 3, 2, 5],
    &[2, 0, 3],
    &[70_000, 2],
];

fn each_case(check: impl Fn(&[usize], &str, &MemMapArray, &[f64], usize, usize)) {
    let mut seed = 1;
    for shape in SHAPES {
        for dtype in DTYPES {
            seed += 1;
            if shape[0] > 10_000 && seed % 3 != 0 {
                continue;
            }
            let (array, values) = case(shape, dtype, seed);
            let memory = if seed % 2 == 0 { TINY } else { 1 << 24 };
            check(shape, dtype, &array, &values, 1 + seed as usize % 3, memory);
        }
    }
}

#[test]
fn sorting_along_any_axis_orders_each_row() {
    each_case(|shape, dtype, array, values, threads, memory| {
        for axis in 0..shape.len() {
            let sorted = self::values(&eval(
                &format!("sort(a, axis={axis})"),
                array,
                threads,
                memory,
            ));
            let text = format!("argsort(a, axis={axis})");
            let places = eval(&text, array, threads, memory).to_vec::<i64>().unwrap();
            for row in rows(shape, axis) {
                let mut expected: Vec<usize> = (0..row.len()).collect();
                expected.sort_by(|&a, &b| compare(values[row[a]], values[row[b]]));
                for (i, &from) in expected.iter().enumerate() {
                    let found = sorted[row[i]];
                    assert!(
                        same(found, values[row[from]]),
                        "{shape:?} {dtype} axis {axis}"
                    );
                    assert_eq!(places[row[i]], from as i64, "{shape:?} {dtype} axis {axis}");
                }
            }
        }
    });
}

#[test]
fn sorting_all_elements_gives_one_row() {
    each_case(|shape, dtype, array, values, threads, memory| {
        let mut expected: Vec<usize> = (0..values.len()).collect();
        expected.sort_by(|&a, &b| compare(values[a], values[b]));
        let sorted = self::values(&eval("sort(a, axis=None)", array, threads, memory));
        let places = eval("argsort(a, axis=None)", array, threads, memory);
        let places = places.to_vec::<i64>().unwrap();
        assert_eq!(sorted.len(), values.len());
        for (i, &from) in expected.iter().enumerate() {
            assert!(same(sorted[i], values[from]), "{shape:?} {dtype}");
            assert_eq!(places[i], from as i64, "{shape:?} {dtype}");
        }
    });
}

#[test]
fn long_arrays_are_sorted_in_pieces_that_fit_the_budget() {
    for (dtype, count) in [
        ("float64", 200_000),
        ("int32", 300_000),
        ("complex128", 100_000),
    ] {
        for threads in [1, 3] {
            let values = numbers(count, 1 << 40, count as u64 + threads as u64);
            let array = array(&values, &[count], dtype, 0);
            let real = cast(&array, "float64").to_vec::<f64>().unwrap();
            let mut expected: Vec<usize> = (0..count).collect();
            expected.sort_by(|&a, &b| compare(real[a], real[b]));
            let sorted = cast(&eval("sort(a)", &array, threads, TINY), "float64");
            let sorted = sorted.to_vec::<f64>().unwrap();
            assert!(
                (0..count).all(|i| same(sorted[i], real[expected[i]])),
                "{dtype}"
            );
            let places = eval("argsort(a)", &array, threads, TINY)
                .to_vec::<i64>()
                .unwrap();
            assert!(
                (0..count).all(|i| places[i] == expected[i] as i64),
                "{dtype}"
            );
        }
    }
}

#[test]
fn different_elements_are_told_apart_and_counted() {
    each_case(|shape, dtype, array, values, threads, memory| {
        let mut sorted = values.to_vec();
        sorted.sort_by(|&a, &b| compare(a, b));
        let mut expected: Vec<(f64, i64)> = vec![];
        for value in sorted {
            match expected.last_mut() {
                Some((last, count)) if same(*last, value) => *count += 1,
                _ => expected.push((value, 1)),
            }
        }
        let found = self::values(&eval("unique(a)", array, threads, memory));
        let counts = eval("unique_counts(a)", array, threads, memory)
            .to_vec::<i64>()
            .unwrap();
        assert_eq!(
            (found.len(), counts.len()),
            (expected.len(), expected.len()),
            "{shape:?} {dtype}"
        );
        for (i, &(value, count)) in expected.iter().enumerate() {
            assert!(
                same(found[i], value) && counts[i] == count,
                "{shape:?} {dtype}"
            );
        }
    });
}

#[test]
fn the_greatest_and_the_least_come_in_order_with_their_places() {
    each_case(|shape, dtype, array, values, threads, memory| {
        for axis in 0..shape.len() {
            for (k, largest) in [(0, true), (1, true), (3, false), (shape[axis], true)] {
                let k = k.min(shape[axis]);
                let word = if largest { "True" } else { "False" };
                let text = format!("topk(a, {k}, axis={axis}, largest={word})");
                let top = self::values(&eval(&text, array, threads, memory));
                let places = eval(&format!("arg{text}"), array, threads, memory);
                let places = places.to_vec::<i64>().unwrap();
                let mut shorter = shape.to_vec();
                shorter[axis] = k;
                for (row, out) in rows(shape, axis).iter().zip(rows(&shorter, axis)) {
                    let mut expected: Vec<usize> = (0..row.len()).collect();
                    expected.sort_by(|&a, &b| {
                        let order = compare(values[row[a]], values[row[b]]);
                        if largest { order.reverse() } else { order }
                    });
                    for (i, &place) in out.iter().enumerate() {
                        let from = expected[i];
                        assert!(
                            same(top[place], values[row[from]]),
                            "{text} {shape:?} {dtype}"
                        );
                        assert_eq!(places[place], from as i64, "{text} {shape:?} {dtype}");
                    }
                }
            }
        }
    });
}

/// NumPy's formula, for elements in order.
fn quantile(sorted: &[f64], q: f64, method: &str) -> f64 {
    let last = sorted.len() - 1;
    let place = last as f64 * q;
    match method {
        "lower" => return sorted[place.floor() as usize],
        "higher" => return sorted[place.ceil() as usize],
        "nearest" => return sorted[place.round_ties_even() as usize],
        _ => {}
    }
    let low = sorted[place as usize];
    let high = sorted[last.min(place as usize + 1)];
    let share = match method {
        "midpoint" if place == place.floor() => 0.0,
        "midpoint" => 0.5,
        _ => place - place.floor(),
    };
    if share >= 0.5 {
        high - (high - low) * (1.0 - share)
    } else {
        low + (high - low) * share
    }
}

#[test]
fn quantiles_are_those_of_the_sorted_elements() {
    let shares = [0.0, 0.1, 0.25, 0.5, 2.0 / 3.0, 0.99, 1.0];
    let list = "[0.0, 0.1, 0.25, 0.5, 0.6666666666666666, 0.99, 1.0]";
    each_case(|shape, dtype, array, values, threads, memory| {
        if shape.contains(&0) || ["bool", "float16"].contains(&dtype) {
            return;
        }
        for axis in 0..=shape.len() {
            let (named, rows) = match axis < shape.len() {
                true => (format!("{axis}"), rows(shape, axis)),
                false => ("None".into(), vec![(0..values.len()).collect()]),
            };
            for method in ["linear", "lower", "higher", "midpoint", "nearest"] {
                for skip in ["", "nan"] {
                    let text =
                        format!("{skip}quantile(a, {list}, axis={named}, method='{method}')");
                    let found = self::values(&eval(&text, array, threads, memory));
                    assert_eq!(found.len(), shares.len() * rows.len());
                    for (r, row) in rows.iter().enumerate() {
                        let mut sorted: Vec<f64> = row.iter().map(|&place| values[place]).collect();
                        sorted.sort_by(|&a, &b| compare(a, b));
                        let nans = sorted.iter().filter(|value| value.is_nan()).count();
                        if skip == "nan" {
                            sorted.truncate(sorted.len() - nans);
                        }
                        for (j, &share) in shares.iter().enumerate() {
                            let found = found[j * rows.len() + r];
                            let expected = match sorted.last() {
                                Some(last) if !last.is_nan() => quantile(&sorted, share, method),
                                _ => f64::NAN,
                            };
                            let near = (found - expected).abs() <= expected.abs() * 1e-6;
                            assert!(
                                near || same(found, expected),
                                "{text} {shape:?} {dtype}: {found}, not {expected}"
                            );
                        }
                    }
                }
            }
        }
    });
}

#[test]
fn the_median_of_many_elements_takes_a_few_sweeps_whatever_they_are() {
    let count = 150_001;
    // Alike in their first bits, all equal, and spread over the whole range.
    let close = (0..count)
        .map(|i| 1.0 + (i * 7919 % count) as f64 * 1e-14)
        .collect();
    let equal = vec![2.5; count];
    let apart = numbers(count, 1 << 50, 7)
        .into_iter()
        .map(|a| if a.is_nan() { 0.0 } else { a });
    for values in [close, equal, apart.collect::<Vec<f64>>()] {
        let array = MemMapArray::from_slice(&values);
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        for (threads, memory) in [(1, TINY), (2, TINY), (2, 1 << 26)] {
            let median = eval("median(a)", &array, threads, memory)
                .get::<f64>(&[])
                .unwrap();
            assert_eq!(median, sorted[count / 2]);
            let text = "quantile(a, [0.0, 0.001, 0.3, 0.7, 1.0], method='lower')";
            let found = eval(text, &array, threads, memory).to_vec::<f64>().unwrap();
            let places = [0.0, 0.001, 0.3, 0.7, 1.0].map(|q| ((count - 1) as f64 * q) as usize);
            assert_eq!(found, places.map(|place| sorted[place]));
        }
    }
}

#[test]
fn medians_have_numpys_types_and_nans() {
    let single = MemMapArray::from_slice(&[1.0_f32, 4.0]);
    assert_eq!(
        eval("median(a)", &single, 1, TINY).get::<f32>(&[]).unwrap(),
        2.5
    );
    let list = eval("quantile(a, [0.5])", &single, 1, TINY);
    assert_eq!(list.to_vec::<f64>().unwrap(), [2.5]);
    let truth = MemMapArray::from_slice(&[true, false]);
    assert_eq!(
        eval("median(a)", &truth, 1, TINY).get::<f64>(&[]).unwrap(),
        0.5
    );
    let nan = MemMapArray::from_slice(&[1.0, f64::NAN, 3.0]);
    assert!(
        eval("median(a)", &nan, 1, TINY)
            .get::<f64>(&[])
            .unwrap()
            .is_nan()
    );
    assert_eq!(
        eval("nanmedian(a)", &nan, 1, TINY).get::<f64>(&[]).unwrap(),
        2.0
    );
    let none = MemMapArray::from_slice::<f64>(&[]);
    assert!(
        eval("median(a)", &none, 1, TINY)
            .get::<f64>(&[])
            .unwrap()
            .is_nan()
    );
    let empty = Eval::new("quantile(a, 0.5)".parse().unwrap())
        .array("a", &none)
        .run();
    assert_eq!(empty.unwrap_err().kind(), maparray::ErrorKind::Mismatch);
}
