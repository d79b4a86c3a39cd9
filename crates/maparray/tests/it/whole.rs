//! Functions over whole arrays, against what their definitions say element by element.

use maparray::expr::{Setting, Whole};
use maparray::{DType, ErrorKind, Eval, Expr, Flow, MemMapArray, Order, Scalar};
use proptest::prelude::*;

/// Numbers with few binary places, so that every sum is exact.
fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let step = |state: u64| {
        state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(seed | 1)
    };
    let states = std::iter::successors(Some(step(seed)), |&state| Some(step(state)));
    let number = |state: u64| ((state >> 40) % 2001) as f64 / 8.0 - 125.0;
    states.take(count).map(number).collect()
}

fn array(shape: &[usize], order: Order, scalar: Scalar, values: &[f64]) -> MemMapArray {
    let flat = MemMapArray::from_slice(values);
    let mut plain = MemMapArray::zeros(&DType::of::<f64>(), shape, Order::C).unwrap();
    let mut index = vec![0; shape.len()];
    for value in flat.to_vec::<f64>().unwrap() {
        plain.set(&index, value).unwrap();
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] as i64 {
                break;
            }
            index[axis] = 0;
        }
    }
    let mut array = MemMapArray::zeros(&scalar.native(), shape, order).unwrap();
    let cast = Eval::new(Expr::array("a").cast(scalar)).array("a", &plain);
    cast.write(&mut array).unwrap();
    array
}

/// The lanes of an array along an axis: for each, the places of its elements in C order.
fn lanes(shape: &[usize], axis: usize) -> Vec<Vec<usize>> {
    let inner: usize = shape[axis + 1..].iter().product();
    let outer: usize = shape[..axis].iter().product();
    let (len, mut lanes) = (shape[axis], vec![]);
    for slab in 0..outer {
        for column in 0..inner {
            let place = |row| (slab * len + row) * inner + column;
            lanes.push((0..len).map(place).collect());
        }
    }
    lanes
}

/// Runs `expr` over `a` and gives the result in C order as `f64`.
fn run(expr: &str, a: &MemMapArray, threads: usize, memory: usize) -> (Vec<usize>, Vec<f64>) {
    let eval = Eval::new(expr.parse().unwrap()).array("a", a);
    let result = eval.threads(threads).memory(memory).run().unwrap();
    let wide = Eval::new(Expr::array("r").cast(Scalar::F64)).array("r", &result);
    let values = wide.run().unwrap().to_vec().unwrap();
    (result.shape().to_vec(), values)
}

/// The result of `lane`, which makes the numbers of a lane of those of another.
fn by_lanes(
    shape: &[usize],
    axis: usize,
    values: &[f64],
    lane: impl Fn(&[f64]) -> Vec<f64>,
) -> (Vec<usize>, Vec<f64>) {
    let results: Vec<Vec<f64>> = lanes(shape, axis)
        .iter()
        .map(|places| {
            lane(
                &places
                    .iter()
                    .map(|&place| values[place])
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    let mut out = shape.to_vec();
    out[axis] = results.first().map_or(0, Vec::len);
    let mut all = vec![0.0; out.iter().product()];
    for (places, result) in lanes(&out, axis).iter().zip(results) {
        for (&place, value) in places.iter().zip(result) {
            all[place] = value;
        }
    }
    (out, all)
}

fn shapes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        prop::collection::vec(1..9_usize, 1..4),
        (30_000..80_000_usize).prop_map(|len| vec![len]),
        (1..4_usize, 9_000..20_000_usize).prop_map(|(a, b)| vec![a, b]),
        (9_000..20_000_usize, 1..6_usize).prop_map(|(a, b)| vec![a, b]),
        (2..4_usize, 10..40_usize, 300..900_usize).prop_map(|(a, b, c)| vec![a, b, c]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_function_along_an_axis_does_what_its_definition_says(
        shape in shapes(),
        axis in 0..3_usize,
        fortran in any::<bool>(),
        single in any::<bool>(),
        threads in 1..4_usize,
        small in any::<bool>(),
        window in 1..40_usize,
        seed in any::<u64>(),
    ) {
        let axis = axis % shape.len();
        let window = window.min(shape[axis]);
        let order = if fortran { Order::F } else { Order::C };
        let scalar = if single { Scalar::F32 } else { Scalar::F64 };
        let values = numbers(shape.iter().product(), seed);
        let a = array(&shape, order, scalar, &values);
        let memory = if small { 1 << 20 } else { 1 << 28 };
        let round = |x: f64| if single { f64::from(x as f32) } else { x };
        type Lane<'l> = Box<dyn Fn(&[f64]) -> Vec<f64> + 'l>;
        let windows = |of: fn(&[f64]) -> f64| -> Lane<'_> {
            Box::new(move |lane| lane.windows(window).map(of).map(round).collect())
        };
        let cases: Vec<(String, Lane<'_>)> = vec![
            ("cumsum(a, axis={})".into(), Box::new(|lane| {
                let mut total = 0.0;
                lane.iter().map(|x| { total += x; round(total) }).collect()
            })),
            ("diff(a, axis={})".into(), Box::new(|lane| {
                lane.windows(2).map(|pair| round(pair[1] - pair[0])).collect()
            })),
            ("diff(a, 2, axis={})".into(), Box::new(|lane| {
                lane.windows(3).map(|w| round(w[2] - 2.0 * w[1] + w[0])).collect()
            })),
            (format!("rolling_sum(a, {window}, axis={{}})"), windows(|w| w.iter().sum())),
            (
                format!("rolling_mean(a, {window}, axis={{}})"),
                windows(|w| w.iter().sum::<f64>() / w.len() as f64),
            ),
            (
                format!("rolling_max(a, {window}, axis={{}})"),
                windows(|w| w.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
            ),
        ];
        for (text, lane) in cases {
            let text = text.replace("{}", &axis.to_string());
            let (found_shape, found) = run(&text, &a, threads, memory);
            let (wanted_shape, wanted) = by_lanes(&shape, axis, &values, lane);
            prop_assert_eq!(&found_shape[..], &wanted_shape[..], "{}", &text);
            prop_assert_eq!(found, wanted, "{} of {:?}", &text, &shape);
        }
    }

    #[test]
    fn a_product_of_matrices_is_the_sum_of_products(
        rows in 1..300_usize,
        depth in 0..2100_usize,
        columns in 1..200_usize,
        fortran in any::<bool>(),
        threads in 1..4_usize,
        small in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let values = numbers(rows * depth, seed);
        let other = numbers(depth * columns, !seed);
        let order = if fortran { Order::F } else { Order::C };
        let a = array(&[rows, depth], order, Scalar::F64, &values);
        let b = array(&[depth, columns], Order::C, Scalar::F64, &other);
        let eval = Eval::new("a @ b".parse()?).array("a", &a).array("b", &b);
        let memory = if small { 1 << 20 } else { 1 << 28 };
        let product = eval.threads(threads).memory(memory).run()?;
        prop_assert_eq!(product.shape(), [rows, columns]);
        // A few of them, at random.
        for pick in 0..20 {
            let state = seed.wrapping_mul(2 * pick + 1) as usize >> 7;
            let (row, column) = (state % rows, (state / rows) % columns);
            let wanted: f64 = (0..depth)
                .map(|k| values[row * depth + k] * other[k * columns + column])
                .sum();
            prop_assert_eq!(product.get::<f64>(&[row as i64, column as i64])?, wanted);
        }
    }

    #[test]
    fn a_histogram_counts_what_lies_between_the_edges(
        count in 1..100_000_usize,
        bins in 1..50_usize,
        threads in 1..4_usize,
        seed in any::<u64>(),
    ) {
        let values = numbers(count, seed);
        let a = MemMapArray::from_slice(&values);
        let eval = |text: String| {
            let eval = Eval::new(text.parse().unwrap()).array("a", &a);
            eval.threads(threads).run().unwrap()
        };
        let edges = eval(format!("histogram_bin_edges(a, {bins})")).to_vec::<f64>()?;
        let counts = eval(format!("histogram(a, {bins})")).to_vec::<i64>()?;
        for (bin, pair) in edges.windows(2).enumerate() {
            let last = bin + 1 == bins;
            let within = |x: &&f64| **x >= pair[0] && (**x < pair[1] || last && **x == pair[1]);
            prop_assert_eq!(counts[bin], values.iter().filter(within).count() as i64);
        }
    }
}

#[test]
fn every_function_reads_back_from_its_text() {
    for text in [
        "cumsum(a)",
        "cumsum(a - 1, axis=0, dtype=float32)",
        "diff(a, n=2, axis=-2)",
        "histogram(a, bins=20, range=[0.0, 1.5], density=True)",
        "histogram(a, bins=e + 1, weights=w * 2)",
        "a @ b @ c",
        "a @ (b @ c)",
        "(a + b) @ c * 2",
        "rolling_std(a, window=7, ddof=1.0)",
        "quantile(a, q=[0.25, 0.5], axis=[0, 1], method='lower', keepdims=True)",
    ] {
        let expr: Expr = text.parse().unwrap();
        assert_eq!(expr.to_string(), text);
        assert_eq!(expr.to_string().parse::<Expr>().unwrap(), expr);
    }
    let places: Expr = "np.diff(a, 2, 0)".parse().unwrap();
    assert_eq!(places, "diff(a, axis=0, n=2)".parse().unwrap());
    let range: Expr = "histogram(a, range=(0, 1))".parse().unwrap();
    assert_eq!(range.to_string(), "histogram(a, range=[0.0, 1.0])");
}

#[test]
fn arguments_that_make_no_sense_are_errors_that_say_where() {
    for (text, column) in [
        ("cumsum()", 1),
        ("cumsum(a, 0, 1, 2)", 14),
        ("cumsum(a, 0, float32, 2)", 1),
        ("rolling_sum(a)", 1),
        ("diff(a, m=1)", 9),
        ("diff(a, n=-1)", 11),
        ("diff(a, n=1, n=2)", 14),
        ("cumsum(axis=0)", 1),
        ("quantile(a, 0.5, method='best')", 25),
        ("histogram(a, range=(1, 2, 3))", 20),
    ] {
        let error = text.parse::<Expr>().unwrap_err();
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Expression, Some(column)),
            "{text}"
        );
    }
    let a = Expr::array("a");
    let unknown = [("bins", Setting::Int(3))];
    let error = Expr::whole(Whole::CumSum, vec![a.clone()], &unknown).unwrap_err();
    assert!(
        error.to_string().contains("expected `axis=` or `dtype=`"),
        "{error}"
    );
    assert!(Expr::whole(Whole::MatMul, vec![a], &[]).is_err());
}

#[test]
fn a_length_that_values_tell_stands_on_top_only() {
    let a = MemMapArray::from_slice(&[1.0_f64, 2.0]);
    for text in ["unique(a) + 1", "sum(unique(a))", "cumsum(unique(a))"] {
        let error = Eval::new(text.parse().unwrap())
            .array("a", &a)
            .run()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{text}");
    }
}

#[test]
fn a_function_of_a_function_is_computed_first() {
    let a = MemMapArray::from_slice(&[1.0_f64, 2.0, 4.0]);
    let (_, values) = run("diff(cumsum(a)) / sum(cumsum(a) @ a)", &a, 1, 1 << 20);
    // 1·1 + 3·2 + 7·4 = 35.
    assert_eq!(values, [2.0 / 35.0, 4.0 / 35.0]);
}

#[test]
fn a_result_goes_right_into_a_file_of_any_type_and_order() -> Result<(), Box<dyn std::error::Error>>
{
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("c.npy");
    let values = numbers(300 * 200, 1);
    let a = array(&[300, 200], Order::C, Scalar::F64, &values);
    let eval = |text: &str| Eval::new(text.parse().unwrap()).array("a", &a);
    for text in [
        "cumsum(a, axis=0)",
        "cumsum(a, axis=1)",
        "diff(a)",
        "dot(a, sum(a, axis=0))",
    ] {
        let wanted = eval(text).run()?.to_vec::<f64>()?;
        let report = eval(text).save(&path)?;
        let saved = MemMapArray::read(&path)?;
        assert_eq!(report.shape, saved.shape());
        assert_eq!(saved.to_vec::<f64>()?, wanted);
        let options = maparray::Create {
            order: Order::F,
            ..Default::default()
        };
        eval(text).save_as(&path, &">f8".parse()?, &options)?;
        assert_eq!(
            MemMapArray::read(&path)?.to_memory()?.to_vec::<f64>()?,
            wanted
        );
    }
    Ok(())
}

#[test]
fn a_result_may_take_the_place_of_its_operand() {
    let mut a = MemMapArray::from_slice(&[1.0_f64, 2.0, 4.0]);
    Eval::new("cumsum(a)".parse().unwrap())
        .update("a", &mut a)
        .unwrap();
    assert_eq!(a.to_vec::<f64>().unwrap(), [1.0, 3.0, 7.0]);
}

#[test]
fn a_long_function_can_be_stopped() {
    let a = MemMapArray::from_slice(&vec![1.0_f64; 1 << 23]);
    for text in [
        "cumsum(a)",
        "rolling_mean(a, 5)",
        "histogram(a, 7, range=(0, 2))",
    ] {
        let mut calls = 0;
        let eval = Eval::new(text.parse().unwrap()).array("a", &a).threads(2);
        let watched = eval.watch(|_| {
            calls += 1;
            Flow::Stop
        });
        // A machine may be done before the watcher is asked.
        match watched.run() {
            Ok(result) => assert!(!result.is_empty()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Cancelled),
        }
    }
}

#[test]
fn a_window_too_long_for_memory_is_an_error_that_says_how_long_it_may_be() {
    let a = MemMapArray::from_slice(&vec![1.0_f64; 1 << 20]);
    let eval = Eval::new("rolling_sum(a, 500000)".parse().unwrap()).array("a", &a);
    let error = eval.memory(1 << 20).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("at most about"), "{error}");
}

#[test]
fn a_window_of_complex_numbers_needs_no_more_than_the_least_budget() {
    let a = MemMapArray::zeros(
        &DType::of::<num_complex::Complex<f64>>(),
        &[100_000],
        Order::C,
    );
    let a = a.unwrap();
    for (window, memory) in [(2, 1 << 20), (7, 8 << 20), (1000, 1)] {
        let text = format!("rolling_sum(a, {window})");
        let eval = Eval::new(text.parse().unwrap()).array("a", &a);
        let result = eval.memory(memory).threads(2).run().unwrap();
        assert_eq!(result.shape(), [100_001 - window]);
    }
}
