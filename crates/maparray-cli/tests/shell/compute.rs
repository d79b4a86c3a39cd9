//! What do `eval` and `stats` answer?

use maparray::MemMapArray;

use crate::Shell;

#[test]
fn eval_prints_numbers_and_rows() {
    let shell = Shell::new();
    shell.out(&[
        "create", "@/a.npy", "--shape", "3,4", "--dtype", "int32", "--arange",
    ]);
    shell.out(&[
        "create", "@/b.npy", "--shape", "4", "--dtype", "float32", "--fill", "0.5",
    ]);
    assert_eq!(shell.out(&["eval", "2 ** 10"]), "1024\n");
    assert_eq!(
        shell.out(&["eval", "-a", "a=@/a.npy"]),
        "0\t-1\t-2\t-3\n-4\t-5\t-6\t-7\n-8\t-9\t-10\t-11\n"
    );
    assert_eq!(shell.out(&["eval", "mean(a)", "a=@/a.npy"]), "5.5\n");
    assert_eq!(
        shell.out(&["eval", "max(x * y, axis=1)", "x=@/a.npy", "y=@/b.npy"]),
        "1.5\n3.5\n5.5\n"
    );
    let ended = shell.call(&["eval", "index(1000) + 0", "-n", "2"]);
    assert_eq!((ended.code, ended.out.as_str()), (0, "0\n1\n"));
    assert_eq!(
        ended.err,
        "… of int64 (1000,); print more of it with `-n`, or write it to a file with `-o result.npy`\n"
    );
    assert_eq!(
        shell.out(&["eval", "index(1000) + 0", "-n", "2", "--quiet"]),
        "0\n1\n"
    );
}

#[test]
fn eval_writes_a_file_and_replaces_its_own_input() {
    let shell = Shell::new();
    shell.out(&[
        "create", "@/a.npy", "--shape", "100000", "--dtype", "float32", "--arange",
    ]);
    let out = shell.out(&["eval", "a * 2 + 1", "a=@/a.npy", "-o", "@/b.npy"]);
    assert!(
        out.starts_with("@/b.npy: float32 (100000,), 390.8 KiB in "),
        "{out}"
    );
    assert_eq!(shell.out(&["tail", "@/b.npy", "-n1"]), "199999.0\n");
    assert_eq!(
        shell.out(&["eval", "-a", "a=@/a.npy", "-o", "@/a.npy", "--quiet"]),
        ""
    );
    assert_eq!(shell.out(&["tail", "@/a.npy", "-n1"]), "-99999.0\n");
}

#[test]
fn eval_says_what_is_wrong_and_where() {
    let shell = Shell::new();
    shell.out(&["create", "@/a.npy", "--shape", "3"]);
    shell.out(&["create", "@/b.npy", "--shape", "4"]);
    for (words, code, message) in [
        (
            &["a + * b", "a=@/a.npy", "b=@/b.npy"][..],
            6,
            "maparray: column 5: found `*`, expected a number, a name, a function or `(`\n  \
               a + * b\n      ^\n",
        ),
        (
            &["a + c", "a=@/a.npy"],
            6,
            "maparray: column 5: unknown name `c`, expected an array that is given, or `pi`, `e`, \
             `inf`, `nan`\n  a + c\n      ^\n",
        ),
        (
            &["a + 1", "a=@/a.npy", "b=@/b.npy"],
            6,
            "maparray: array `b` is given but not used in the expression\n",
        ),
        (
            &["a + b", "a=@/a.npy", "b=@/b.npy"],
            5,
            "maparray: shapes do not broadcast together: found (3,) and (4,)\n",
        ),
        (
            &["a << 2", "a=@/a.npy"],
            5,
            "maparray: `left_shift` is not defined for float64, float64\n",
        ),
        (
            &["sum(a, axis=1)", "a=@/a.npy"],
            5,
            "maparray: axis out of bounds: found 1, expected an axis of 1\n",
        ),
        (
            &["a", "a=@/a.npy", "a=@/b.npy"],
            2,
            "maparray: two files for the name `a`\n\
             hint: each name of the expression stands for one file\n",
        ),
        (
            &["a + a", "a=@/a.npy", "--memory", "8"],
            2,
            "maparray: the result is too large to print: found 24 bytes, expected at most 8 bytes\n\
             hint: write it to a file with `-o result.npy`, or give it room with `--memory`\n",
        ),
    ] {
        let words = [&["eval"], words].concat();
        assert_eq!(
            shell.failure(&words),
            (code, message.to_owned()),
            "{words:?}"
        );
    }
    assert_eq!(shell.failure(&["eval", "a", "a=@/none.npy"]).0, 3);
    assert_eq!(
        shell
            .failure(&["eval", "a", "a=@/a.npy", "-o", "@/none/c.npy"])
            .0,
        3
    );
}

#[test]
fn stats_count_nan_and_leave_it_out() {
    let shell = Shell::new();
    let values = [1.0_f32, f32::NAN, -3.0, 0.0, -0.0, 2.0];
    MemMapArray::from_slice(&values)
        .save(shell.path("a.npy"))
        .expect("a file");
    assert_eq!(
        shell.out(&["stats", "@/a.npy"]),
        "count  6\nmin    -3.0\nmax    2.0\nmean   0.0\nstd    1.6733200530681511\nnan    1\n\
         inf    0\nzeros  2\n"
    );
    MemMapArray::from_slice(&[f64::INFINITY, 1.0])
        .save(shell.path("i.npy"))
        .expect("a file");
    let infinite = shell.json(&["stats", "@/i.npy"]);
    assert_eq!(
        (&infinite["inf"], &infinite["max"]),
        (&1.into(), &"inf".into())
    );
    MemMapArray::from_slice(&[f64::NAN])
        .save(shell.path("n.npy"))
        .expect("a file");
    assert!(
        shell
            .out(&["stats", "@/n.npy"])
            .contains("min    none\nmax    none\nmean   none\n")
    );
    shell.out(&["create", "@/e.npy", "--shape", "0,5", "--dtype", "int8"]);
    let empty = shell.json(&["stats", "@/e.npy"]);
    assert_eq!(
        (&empty["count"], &empty["min"]),
        (&0.into(), &serde_json::Value::Null)
    );
    shell.out(&[
        "create",
        "@/c.npy",
        "--shape",
        "2",
        "--dtype",
        "complex128",
        "--fill",
        "3+4j",
    ]);
    assert!(
        shell
            .out(&["stats", "@/c.npy"])
            .starts_with("count  2\nmin    none\nmax    none\nmean   (3+4j)\nstd    0.0\n")
    );
    shell.out(&[
        "create", "@/b.npy", "--shape", "4", "--dtype", "bool", "--arange",
    ]);
    assert!(
        shell
            .out(&["stats", "@/b.npy"])
            .contains("min    False\nmax    True\nmean   0.75\n")
    );
    shell.out(&["create", "@/s.npy", "--shape", "4", "--dtype", "S3"]);
    let (code, message) = shell.failure(&["stats", "@/s.npy"]);
    assert!(
        code == 4 && message.starts_with("maparray: @/s.npy: cannot compute"),
        "{message}"
    );
}

#[test]
fn eval_may_be_told_to_use_the_c_library() {
    let shell = Shell::new();
    shell.out(&[
        "create", "@/a.npy", "--shape", "3", "--dtype", "float64", "--fill", "0.7",
    ]);
    let strict = shell.out(&["eval", "sin(a)", "a=@/a.npy", "--strict"]);
    assert_eq!(strict, format!("{0}\n{0}\n{0}\n", 0.7_f64.sin()));
}

#[test]
fn units_are_told_with_what_is_computed() {
    let shell = Shell::new();
    let unit = "adu".parse::<maparray::Unit>().ok();
    let flux = maparray::MemMapArray::from_slice(&[1.0_f64, 3.0]).with_unit(unit);
    flux.save(shell.path("u.npy")).expect("a file with a unit");
    let eval = |expr: &str| shell.out(&["eval", expr, "a=@/u.npy"]);
    assert_eq!(eval("mean(a)"), "2.0 adu\n");
    assert_eq!(eval("var(a)"), "1.0 adu2\n");
    assert_eq!(eval("max(a) / min(a)"), "3.0\n");
    // Beside the values, and not among them.
    let ended = shell.call(&["eval", "a * 2", "a=@/u.npy"]);
    assert_eq!((&*ended.out, &*ended.err), ("2.0\n6.0\n", "in adu\n"));
    let ended = shell.call(&["head", "@/u.npy", "-n", "1"]);
    assert_eq!((&*ended.out, &*ended.err), ("1.0\n", "in adu\n"));
    assert_eq!(shell.out(&["tail", "@/u.npy", "--quiet"]), "1.0\n3.0\n");
    assert_eq!(shell.json(&["tail", "@/u.npy"])["unit"], "adu");
    let json = shell.json(&["eval", "a * a", "a=@/u.npy"]);
    assert_eq!(json["unit"], "adu2");
    assert!(shell.json(&["eval", "a > 0", "a=@/u.npy"])["unit"].is_null());
    let json = shell.json(&["eval", "sqrt(a)", "a=@/u.npy", "-o", "@/r.npy"]);
    assert_eq!(json["unit"], "adu(1/2)");
    assert!(
        shell
            .out(&["stats", "@/u.npy"])
            .starts_with("unit   adu\ncount  2\n")
    );
    assert_eq!(shell.json(&["stats", "@/u.npy"])["unit"], "adu");
    let (_, message) = shell.failure(&["eval", "a + 1", "a=@/u.npy"]);
    assert!(
        message.contains("found no unit, expected one like `adu`"),
        "{message}"
    );
}
