//! Computing at the limits: of numbers, names, threads and sizes.

use maparray::{DType, ErrorKind, Eval, Expr, MemMapArray, Order};

#[test]
fn one_more_number_of_a_sum_or_product_is_taken_before_the_result_is_rounded() {
    let halves = [60000.0, 10000.0].map(half::f16::from_f32);
    let a = MemMapArray::from_slice(&halves);
    let run = |text: &str, a: &MemMapArray| {
        Eval::new(text.parse().unwrap())
            .array("a", a)
            .run()
            .unwrap()
    };
    let sum = run("sum(a, initial=-60000)", &a);
    assert_eq!(sum.get::<half::f16>(&[]).unwrap().to_f32(), 10000.0);
    let a = MemMapArray::from_slice(&[1e-25_f32, 1e-25]);
    let product = run("prod(a, initial=1e38)", &a).get::<f32>(&[]).unwrap();
    assert!((product / 1e-12 - 1.0).abs() < 1e-6, "{product}");
    let a = MemMapArray::from_slice(&[1e200_f64, 1e200]);
    let product = run("prod(a, initial=1e-300)", &a).get::<f64>(&[]).unwrap();
    assert!((product / 1e100 - 1.0).abs() < 1e-12, "{product}");
    // Along an axis each result has it once, and it may be a reduction itself.
    let a = MemMapArray::from_slice(&[1.5_f32; 6]);
    assert_eq!(
        run("sum(a, axis=0, keepdims=True, initial=max(a) + 1)", &a)
            .to_vec::<f32>()
            .unwrap(),
        [11.5]
    );
    let twice = run("sum(a, initial=2) + sum(a, initial=3) + sum(a)", &a);
    assert_eq!(twice.get::<f32>(&[]).unwrap(), 32.0);
}

#[test]
fn two_results_in_one_file_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let a = MemMapArray::from_slice(&[1_i64, 2]);
    let both = || ["a", "a + 1"].map(|text| text.parse().unwrap());
    let save = |paths: [std::path::PathBuf; 2]| Eval::many(both()).array("a", &a).save_all(paths);
    let here = folder.path().join("s.npy");
    let around = inner.join("..").join("s.npy");
    for other in [here.clone(), around] {
        let error = save([here.clone(), other]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        assert!(
            error.to_string().contains("expected a file for each"),
            "{error}"
        );
        assert!(!here.exists());
    }
    save([here.clone(), inner.join("s.npy")]).unwrap();
    #[cfg(unix)]
    {
        let link = inner.join("link.npy");
        std::os::unix::fs::symlink(&here, &link).unwrap();
        assert_eq!(save([link, here]).unwrap_err().kind(), ErrorKind::Mismatch);
    }
}

#[test]
fn a_result_that_is_saved_and_opened_stays_itself_when_its_name_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.npy");
    let a = MemMapArray::from_slice(&vec![1_i64; 10_000]);
    let save = |text: &str| {
        let eval = Eval::new(text.parse().unwrap()).array("a", &a);
        eval.save_open(&path).unwrap()
    };
    let (first, second) = (save("a"), save("a + 1"));
    assert_eq!(first.path(), Some(path.as_path()));
    assert_eq!(first.get::<i64>(&[5]).unwrap(), 1);
    assert_eq!(second.get::<i64>(&[5]).unwrap(), 2);
    let taken = a.take_to(&[0, 1], 0, &path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(taken.to_vec::<i64>().unwrap(), [1, 1]);
    assert!(first.clone().set(&[0], 3_i64).is_err());
}

#[test]
fn any_number_of_threads_is_as_good_as_the_most_that_are_of_use() {
    let a = MemMapArray::from_slice(&vec![1_i64; 200_000]);
    for threads in [2000, 1 << 31, usize::MAX >> 2, usize::MAX >> 1, usize::MAX] {
        for text in ["a + 1", "sum(a)", "rolling_sum(a, 3)", "sort(a)"] {
            let eval = Eval::new(text.parse().unwrap())
                .array("a", &a)
                .threads(threads);
            let folder = tempfile::tempdir().unwrap();
            let report = eval.save(folder.path().join("r.npy")).unwrap();
            assert!(report.threads <= 1024, "{}", report.threads);
        }
    }
}

#[test]
fn a_power_of_no_elements_asks_for_no_exponent() {
    let a = MemMapArray::zeros(&DType::of::<i64>(), &[0, 3], Order::C).unwrap();
    let b = MemMapArray::from_slice(&[-1_i64, 2, 3]);
    let power = Eval::new("power(a, b)".parse().unwrap())
        .array("a", &a)
        .array("b", &b);
    assert_eq!(power.run().unwrap().shape(), [0, 3]);
}

#[test]
fn a_name_that_is_not_known_is_told_before_one_that_is_not_used() {
    let a = MemMapArray::from_slice(&[1_i64]);
    for name in ["x", "é"] {
        let eval = Eval::new(Expr::parse(&format!("{name} + 1")).unwrap()).array("a", &a);
        let error = eval.run().unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("unknown name `{name}`")),
            "{error}"
        );
        assert_eq!(error.column(), Some(1));
    }
}

#[test]
fn a_mean_of_a_number_has_no_axis_to_run_along() {
    let a = MemMapArray::zeros(&DType::of::<f64>(), &[], Order::C).unwrap();
    let run = |text: &str| Eval::new(text.parse().unwrap()).array("a", &a).run();
    for name in ["mean", "var", "std"] {
        let error = run(&format!("{name}(a, axis=0)")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfBounds);
        run(&format!("nan{name}(a, axis=0)")).unwrap();
    }
    assert_eq!(
        run("sum(a, axis=-1)").unwrap().get::<f64>(&[]).unwrap(),
        0.0
    );
}
