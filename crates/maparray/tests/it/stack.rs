//! Many arrays as one, and what is made of the numbers above each other.

use maparray::{
    Center, Clip, Combine, DType, ErrorKind, MemMapArray, Missing, Mode, Order, Scalar, Stack,
    Statistic, Unit,
};
use proptest::prelude::*;

/// A column's numbers by the rules of `Combine`, one after the other.
fn naive(column: &[f64], statistic: Statistic, clip: Option<Clip>, missing: Missing) -> f64 {
    let spread = clip.is_none() && missing == Missing::Spread;
    if spread && column.iter().any(|x| x.is_nan()) && statistic != Statistic::Count {
        return f64::NAN;
    }
    let keep = |x: &&f64| match (&clip, missing) {
        (Some(_), _) => x.is_finite(),
        (None, Missing::Skip) => !x.is_nan(),
        (None, Missing::Spread) => true,
    };
    let mut left: Vec<f64> = column.iter().filter(keep).copied().collect();
    left.sort_by(f64::total_cmp);
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let median = |x: &[f64]| (x[(x.len() - 1) / 2] + x[x.len() / 2]) / 2.0;
    let variance = |x: &[f64]| {
        let middle = mean(x);
        x.iter().map(|x| (x - middle).powi(2)).sum::<f64>() / x.len() as f64
    };
    if let Some(clip) = clip {
        let (all, mut limits) = (left.clone(), None);
        for _ in 0..clip.steps.unwrap_or(usize::MAX) {
            let before = left.len();
            if before == 0 {
                break;
            }
            let (deviation, center) = match clip.center {
                Center::Mean => (variance(&left).sqrt(), mean(&left)),
                Center::Median => (variance(&left).sqrt(), median(&left)),
            };
            let (low, high) = (
                center - clip.low * deviation,
                center + clip.high * deviation,
            );
            left.retain(|x| *x >= low && *x <= high);
            limits = Some(low..=high);
            if left.len() == before {
                break;
            }
        }
        // The last limits decide, as in astropy: what an earlier step left out may lie within them.
        if let Some(limits) = limits {
            left = all;
            left.retain(|x| limits.contains(x));
        }
    }
    match statistic {
        Statistic::Count => left.len() as f64,
        // As NumPy's `nansum`; what was clipped away has no sum.
        Statistic::Sum if clip.is_none() => left.iter().sum(),
        _ if left.is_empty() => f64::NAN,
        Statistic::Sum => left.iter().sum(),
        Statistic::Mean => mean(&left),
        Statistic::Median => median(&left),
        Statistic::Min => left[0],
        Statistic::Max => left[left.len() - 1],
        Statistic::Var => variance(&left),
        Statistic::Std => variance(&left).sqrt(),
        Statistic::Percentile(percent) => {
            let place = percent / 100.0 * (left.len() - 1) as f64;
            let (below, above) = (place.floor() as usize, place.ceil() as usize);
            let (difference, share) = (left[above] - left[below], place.fract());
            match share >= 0.5 {
                true => left[above] - difference * (1.0 - share),
                false => left[below] + difference * share,
            }
        }
    }
}

fn near(found: f64, expected: f64) -> bool {
    (found.is_nan() && expected.is_nan())
        || found == expected
        || (found - expected).abs() <= 1e-5 * expected.abs().max(1e-3)
}

fn statistics() -> impl Strategy<Value = Statistic> {
    prop_oneof![
        Just(Statistic::Mean),
        Just(Statistic::Median),
        Just(Statistic::Sum),
        Just(Statistic::Min),
        Just(Statistic::Max),
        Just(Statistic::Std),
        Just(Statistic::Var),
        Just(Statistic::Count),
        (0.0..=100.0).prop_map(Statistic::Percentile),
    ]
}

fn clips() -> impl Strategy<Value = Clip> {
    let center = prop_oneof![Just(Center::Mean), Just(Center::Median)];
    let steps = prop_oneof![Just(None), (1..6_usize).prop_map(Some)];
    (1.0..3.0, 1.0..3.0, center, steps).prop_map(|(low, high, center, steps)| Clip {
        low,
        high,
        center,
        steps,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn columns_are_computed_as_one_by_one(
        (count, places) in (1..20_usize, 1..50_usize),
        seed in any::<u64>(),
        holes in 0..3_u64,
        statistic in statistics(),
        clip in proptest::option::of(clips()),
        skip in any::<bool>(),
        memory in prop_oneof![Just(1_usize), Just(1 << 20)],
    ) {
        let missing = if skip { Missing::Skip } else { Missing::Spread };
        let mut state = seed | 1;
        let mut number = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            match (state >> 33) % 20 {
                n if n < holes => f32::NAN,
                19 => 1000.0,
                18 if holes > 0 => f32::INFINITY,
                n => n as f32 + (state >> 40) as f32 / 1e8,
            }
        };
        let frames: Vec<Vec<f32>> = (0..count).map(|_| (0..places).map(|_| number()).collect()).collect();
        let stack = Stack::of(frames.iter().map(|frame| MemMapArray::from_slice(frame))).unwrap();
        let mut combine = Combine::new(&stack, statistic).missing(missing).memory(memory);
        if let Some(clip) = clip {
            combine = combine.clip(clip);
        }
        let result = combine.run().unwrap();
        for place in 0..places {
            let column: Vec<f64> = frames.iter().map(|frame| frame[place].into()).collect();
            let expected = naive(&column, statistic, clip, missing);
            let found = match statistic {
                Statistic::Count => result.get::<i64>(&[place as i64]).unwrap() as f64,
                _ => result.get::<f32>(&[place as i64]).unwrap().into(),
            };
            prop_assert!(near(found, expected), "{statistic:?} {clip:?} of {column:?}: {found}, not {expected}");
        }
    }
}

#[test]
fn more_files_than_may_stay_open_are_opened_in_turn() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..150)
        .map(|n| folder.path().join(format!("{n}.npy")))
        .collect();
    for (n, path) in paths.iter().enumerate() {
        let frame = ndarray::Array::from_elem((3, 7), n as i16);
        MemMapArray::from_array(&frame).unwrap().save(path).unwrap();
    }
    let stack = Stack::open(&paths).unwrap();
    assert_eq!(stack.shape(), [150, 3, 7]);
    let median = Combine::new(&stack, Statistic::Median).run().unwrap();
    assert_eq!(median.to_vec::<f64>().unwrap(), [74.5; 21]);
    MemMapArray::from_slice(&[1_i16]).save(&paths[9]).unwrap();
    let changed = Combine::new(&stack, Statistic::Median).run().unwrap_err();
    assert_eq!(changed.kind(), ErrorKind::Mismatch);
    assert_eq!(changed.path(), Some(&*paths[9]));
}

#[test]
fn a_stack_of_unlike_arrays_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let save = |name: &str, array: MemMapArray| {
        let path = folder.path().join(name);
        array.save(&path).unwrap();
        path
    };
    let first = save("a.npy", MemMapArray::from_slice(&[1_u8, 2]));
    let adu: Unit = "adu".parse().unwrap();
    for (path, kind) in [
        (
            save("shape.npy", MemMapArray::from_slice(&[1_u8])),
            ErrorKind::Mismatch,
        ),
        (
            save(
                "unit.npy",
                MemMapArray::from_slice(&[1_u8, 2]).with_unit(adu),
            ),
            ErrorKind::Unit,
        ),
        (
            save(
                "complex.npy",
                MemMapArray::zeros(&"c16".parse().unwrap(), &[2], Order::C).unwrap(),
            ),
            ErrorKind::Mismatch,
        ),
        (
            save(
                "text.npy",
                MemMapArray::zeros(&"S3".parse().unwrap(), &[2], Order::C).unwrap(),
            ),
            ErrorKind::Unsupported,
        ),
        (folder.path().join("none.npy"), ErrorKind::Io),
    ] {
        let error = Stack::open([&first, &path]).err().unwrap();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.path(), Some(&*path));
    }
    assert_eq!(
        Stack::open([""; 0]).err().unwrap().kind(),
        ErrorKind::Mismatch
    );
}

#[test]
fn results_have_the_stacks_unit_and_numpys_types() {
    let volt: Unit = "V".parse().unwrap();
    let frame = |x: f64| MemMapArray::from_slice(&[x]).with_unit(volt.clone());
    let stack = Stack::of([frame(1.0), frame(3.0)]).unwrap();
    let unit = |statistic| {
        let result = Combine::new(&stack, statistic).run().unwrap();
        result.unit().map(Unit::to_string)
    };
    assert_eq!(unit(Statistic::Std).as_deref(), Some("V"));
    assert_eq!(unit(Statistic::Var).as_deref(), Some("V2"));
    assert_eq!(unit(Statistic::Count), None);
    for (dtype, expected) in [
        (">i2", Scalar::F64),
        ("f2", Scalar::F32),
        (">f4", Scalar::F32),
        ("u8", Scalar::F64),
        ("?", Scalar::F64),
    ] {
        let zeros = || MemMapArray::zeros(&dtype.parse().unwrap(), &[5], Order::F).unwrap();
        let stack = Stack::of([zeros(), zeros(), zeros()]).unwrap();
        let result = Combine::new(&stack, Statistic::Median).run().unwrap();
        assert_eq!(result.dtype(), &DType::from(expected));
        assert_eq!(result.shape(), [5]);
    }
}

#[test]
fn a_result_goes_to_a_file_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.npy");
    let big = |x: f32| MemMapArray::from_slice(&vec![x; 1 << 20]);
    let stack = Stack::of([big(1.0), big(2.0), big(9.0)]).unwrap();
    let stop = Combine::new(&stack, Statistic::Mean).watch(|_| maparray::Flow::Stop);
    let _ = stop.save(&path, &Default::default());
    let report = Combine::new(&stack, Statistic::Mean)
        .threads(2)
        .save(&path, &Default::default())
        .unwrap();
    assert_eq!(report.bytes_read, 12 << 20);
    let mean = MemMapArray::open(&path, Mode::Read).unwrap();
    assert!(mean.to_vec::<f32>().unwrap().iter().all(|x| *x == 4.0));
    let wrong = Combine::new(&stack, Statistic::Percentile(101.0)).run();
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Mismatch);
}
