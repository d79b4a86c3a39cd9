//! What does `create` write?

use std::fs;

use maparray::{ByteOrder, DType, MemMapArray, Order, Scalar};

use crate::Shell;

#[test]
fn create_writes_what_numpy_would() {
    let shell = Shell::new();
    let values = |words: &[&str]| {
        shell.out(&[&["create", "@/a.npy"], words].concat());
        shell
            .out(&["head", "@/a.npy"])
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(values(&["--shape", "3"]), "0.0 0.0 0.0");
    assert_eq!(
        values(&["--shape", "2", "--dtype", "int8", "--fill", "-7"]),
        "-7 -7"
    );
    assert_eq!(
        values(&["--shape", "2", "--dtype", "complex64", "--fill", "1+2j"]),
        "(1+2j) (1+2j)"
    );
    assert_eq!(
        values(&["--shape", "3", "--dtype", "bool", "--arange"]),
        "False True True"
    );
    assert_eq!(values(&["--shape", "3", "--arange=1:-0.5"]), "1.0 0.5 0.0");
    assert_eq!(
        values(&["--shape", "3", "--dtype", ">u2", "--arange=65533"]),
        "65533 65534 65535"
    );
    assert_eq!(values(&["--shape", "2", "--dtype", "<U3"]), "'' ''");
    assert_eq!(
        values(&["--shape", "2", "--sparse", "--fill", "1"]),
        "1.0 1.0"
    );
    assert_eq!(
        shell.out(&["create", "@/a.npy", "--shape", "2,3", "--dtype", ">f4"]),
        "@/a.npy: float32, big-endian (2, 3), 152 bytes\n"
    );
    let made = maparray::info(shell.path("a.npy")).expect("an array");
    assert_eq!(
        made.header.dtype,
        DType::Number(Scalar::F32, ByteOrder::Big)
    );
    shell.out(&[
        "create", "@/f.npy", "--shape", "2,3", "--order", "F", "--arange",
    ]);
    let made = MemMapArray::read(shell.path("f.npy")).expect("an array");
    assert_eq!(
        maparray::info(shell.path("f.npy"))
            .expect("info")
            .header
            .order,
        Order::F
    );
    assert_eq!(
        made.to_vec::<f64>().expect("numbers"),
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    );
}

#[test]
fn random_arrays_depend_on_the_seed_alone_and_stay_in_their_range() {
    let shell = Shell::new();
    for (dtype, least, most) in [
        ("bool", 0.0, 1.0),
        ("int8", -128.0, 127.0),
        ("uint16", 0.0, 65535.0),
        ("float16", 0.0, 0.9996),
        ("float32", 0.0, 0.99999995),
        ("float64", 0.0, 1.0 - f64::EPSILON / 2.0),
    ] {
        let create = |name: &str, seed: &str, threads: &str| {
            let words = [
                "create", name, "--shape", "300000", "--dtype", dtype, "--random",
            ];
            shell.out(&[&words[..], &["--seed", seed, "--threads", threads]].concat());
            fs::read(shell.path(&name[2..])).expect("the file")
        };
        let first = create("@/a.npy", "1", "1");
        assert!(
            first == create("@/b.npy", "1", "2"),
            "{dtype} depends on threads"
        );
        assert!(
            first != create("@/c.npy", "2", "2"),
            "{dtype} does not depend on the seed"
        );
        let stats = shell.json(&["stats", "@/a.npy"]);
        let stat = |name: &str| match &stats[name] {
            serde_json::Value::Bool(truth) => f64::from(u8::from(*truth)),
            number => number.as_f64().expect("a number"),
        };
        assert!(
            stat("min") >= least && stat("max") <= most,
            "{dtype}: {stats}"
        );
        let middle = (stat("mean") - least) / (most - least);
        assert!((middle - 0.5).abs() < 0.01, "{dtype}: {stats}");
        assert!(
            stat("max") - stat("min") > 0.99 * (most - least),
            "{dtype}: {stats}"
        );
    }
}

#[test]
fn create_refuses_what_it_cannot_make() {
    let shell = Shell::new();
    shell.out(&["create", "@/a.npy", "--shape", "2"]);
    let before = fs::read(shell.path("a.npy")).expect("the file");
    for (words, code, message) in [
        (
            &["--shape", "3", "--exclusive"][..],
            3,
            "maparray: @/a.npy: file exists: expected a new name\n\
             hint: without `--exclusive` the file is replaced\n",
        ),
        (
            &["--shape", "-1", "--fill", "1"],
            2,
            "maparray: a new array has no -1 in its shape\n\
             hint: -1 stands for what a file's length decides; this file does not exist yet\n",
        ),
        (
            &["--shape", "300", "--dtype", "int8", "--arange"],
            5,
            "maparray: number out of bounds: found 299, expected a value of `int8`\n",
        ),
        (
            &["--shape", "3", "--dtype", "int8", "--fill", "300"],
            5,
            "maparray: number out of bounds: found 300, expected a value of `int8`\n",
        ),
        (
            &["--shape", "3", "--fill", "2 * x"],
            6,
            "maparray: column 5: unknown name `x`, expected an array that is given, or `pi`, `e`, \
             `inf`, `nan`\n  2 * x\n      ^\n",
        ),
        (
            &["--shape", "3", "--dtype", "S5", "--random"],
            4,
            "maparray: cannot compute on this dtype: found `|S5`, expected bool, integer, float \
             or complex\n",
        ),
    ] {
        let words = [&["create", "@/a.npy"], words].concat();
        assert_eq!(
            shell.failure(&words),
            (code, message.to_owned()),
            "{words:?}"
        );
    }
    let too_big = ["create", "@/b.npy", "--shape", "9000000000,9000000000"];
    assert_eq!(shell.failure(&too_big).0, 4);
    assert_eq!(
        shell.failure(&["create", "@/none/b.npy", "--shape", "2"]).0,
        3
    );
    assert_eq!(fs::read(shell.path("a.npy")).expect("the file"), before);
    assert_eq!(
        fs::read_dir(shell.folder.path())
            .expect("the folder")
            .count(),
        1
    );
}
