//! The shell's door, called as a library: what it prints, and how it ends.
//!
//! Knows: `maparray_cli::run`, files. Must not know: how commands work.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use maparray::{ByteOrder, Create, DType, MemMapArray, Order, Scalar};
use tempfile::TempDir;

/// A folder to work in, and calls in which `@` stands for it.
struct Shell {
    folder: TempDir,
}

/// How a call ended.
#[derive(Debug, PartialEq)]
struct Ended {
    code: u8,
    out: String,
    err: String,
}

impl Shell {
    fn new() -> Shell {
        Shell {
            folder: TempDir::new().expect("a folder for the test"),
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Calls the program with these words; the folder reads `@` in what it prints, too.
    fn call(&self, words: &[&str]) -> Ended {
        let folder = self.folder.path().to_str().expect("a plain name");
        let words = std::iter::once("maparray".to_owned())
            .chain(words.iter().map(|word| word.replace('@', folder)));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = maparray_cli::run(words, &mut out, &mut err);
        let text = |bytes| String::from_utf8(bytes).expect("text").replace(folder, "@");
        Ended {
            code,
            out: text(out),
            err: text(err),
        }
    }

    /// The output of a call that must succeed, without a word on standard error.
    fn out(&self, words: &[&str]) -> String {
        let ended = self.call(words);
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{words:?}");
        ended.out
    }

    fn json(&self, words: &[&str]) -> serde_json::Value {
        let out = self.out(&[words, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{words:?}: {error}: {out}"))
    }

    /// Code and message of a call that must fail and print nothing else.
    fn failure(&self, words: &[&str]) -> (u8, String) {
        let ended = self.call(words);
        assert_eq!(ended.out, "", "{words:?}");
        (ended.code, ended.err)
    }
}

fn keys(value: &serde_json::Value) -> Vec<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn info_describes_a_file_and_prints_nothing_of_its_data() {
    let shell = Shell::new();
    shell.out(&["create", "@/a.npy", "--shape", "3,4", "--dtype", "float32"]);
    assert_eq!(
        shell.out(&["info", "@/a.npy"]),
        "@/a.npy\n  \
           dtype   <f4, float32\n  \
           shape   (3, 4), 12 elements of 4 bytes\n  \
           order   C\n  \
           format  .npy 1.0\n  \
           data    from byte 128, a multiple of 128\n  \
           size    176 bytes, as expected\n"
    );
    fs::write(shell.path("a.raw"), [0; 1000]).expect("a raw file");
    let raw = &[
        "info",
        "@/a.raw",
        "--dtype",
        ">i2",
        "--shape=-1,7",
        "--offset",
        "20",
        "--order",
        "F",
    ];
    assert_eq!(
        shell.out(raw),
        "@/a.raw\n  \
           dtype   >i2, int16, big-endian\n  \
           shape   (70, 7), 490 elements of 2 bytes\n  \
           order   F\n  \
           format  raw\n  \
           data    from byte 20, a multiple of 4\n  \
           size    1,000 bytes, as expected\n"
    );
}

#[test]
fn info_says_how_much_a_file_is_cut_short() {
    let shell = Shell::new();
    shell.out(&["create", "@/a.npy", "--shape", "100"]);
    let whole = fs::read(shell.path("a.npy")).expect("the file");
    fs::write(shell.path("cut.npy"), &whole[..500]).expect("a shorter file");
    let text = shell.out(&["info", "@/cut.npy"]);
    assert!(
        text.ends_with("size    500 bytes, cut short: 928 expected\n"),
        "{text}"
    );
    assert_eq!(shell.json(&["info", "@/cut.npy"])[0]["complete"], false);
    let (code, message) = shell.failure(&["head", "@/cut.npy"]);
    assert_eq!(code, 4);
    assert_eq!(
        message,
        "maparray: @/cut.npy: data cut short: found 372 bytes (46 whole rows), expected 800\n\
         hint: the file was cut short or is still being written\n"
    );
}

#[test]
fn info_goes_on_after_a_file_that_it_cannot_describe() {
    let shell = Shell::new();
    shell.out(&["create", "@/a.npy", "--shape", "2"]);
    fs::write(shell.path("text"), "not an array").expect("a text file");
    let ended = shell.call(&["info", "@/none", "@/text", "@/a.npy"]);
    assert_eq!(ended.code, 3);
    assert!(ended.out.contains("@/a.npy") && ended.out.contains("size    144 bytes"));
    assert_eq!(
        ended.err.matches("maparray: @/").count(),
        2,
        "{}",
        ended.err
    );
    assert!(
        ended.err.contains("@/text: not a .npy file"),
        "{}",
        ended.err
    );
}

#[test]
fn head_and_tail_print_rows_for_programs_to_read() {
    let shell = Shell::new();
    shell.out(&[
        "create",
        "@/v.npy",
        "--shape",
        "12",
        "--dtype",
        "int16",
        "--arange=-1:2",
    ]);
    assert_eq!(
        shell.out(&["head", "@/v.npy"]),
        "-1\n1\n3\n5\n7\n9\n11\n13\n15\n17\n"
    );
    assert_eq!(shell.out(&["head", "@/v.npy", "-n", "2"]), "-1\n1\n");
    assert_eq!(shell.out(&["tail", "@/v.npy", "-n", "2"]), "19\n21\n");
    assert_eq!(
        shell.out(&["tail", "@/v.npy", "-n", "100"]).lines().count(),
        12
    );
    assert_eq!(shell.out(&["head", "@/v.npy", "-n", "0"]), "");
    shell.out(&[
        "create", "@/m.npy", "--shape", "3,2,2", "--order", "F", "--arange",
    ]);
    assert_eq!(
        shell.out(&["tail", "@/m.npy", "-n2"]),
        "4.0\t5.0\n6.0\t7.0\n\n8.0\t9.0\n10.0\t11.0\n"
    );
    shell.out(&["create", "@/s.npy", "--shape", "()", "--fill", "2 * pi"]);
    assert_eq!(shell.out(&["head", "@/s.npy"]), "6.283185307179586\n");
}

#[test]
fn raw_files_are_read_as_the_caller_says() {
    let shell = Shell::new();
    fs::write(shell.path("a.raw"), [9, 0, 1, 0, 2, 0, 3, 0, 4]).expect("a raw file");
    let raw = ["--dtype", ">u2", "--shape", "2,-1", "--offset", "1"];
    assert_eq!(
        shell.out(&[&["head", "@/a.raw"][..], &raw].concat()),
        "1\t2\n3\t4\n"
    );
    let sum = [&["eval", "sum(a, axis=0)", "a=@/a.raw"][..], &raw].concat();
    assert_eq!(shell.out(&sum), "4\n6\n");
    assert!(
        shell
            .out(&[&["stats", "@/a.raw"][..], &raw].concat())
            .contains("max    4\n")
    );
    let (code, message) = shell.failure(&["head", "@/a.raw", "--dtype", "<i4"]);
    assert_eq!(code, 4, "{message}");
}

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
            &["--shape=-1", "--fill", "1"],
            2,
            "maparray: a new array has no -1 in its shape\n\
             hint: -1 stands for what a file's length decides; this file does not exist yet\n",
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
        out.starts_with("@/b.npy: float32 (100000,), 390.6 KiB in "),
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
fn json_has_the_keys_that_the_readme_promises() {
    let shell = Shell::new();
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let readme = readme.expect("the README");
    let promised = |command: &str| {
        let row = readme
            .lines()
            .find(|line| line.starts_with(&format!("| {command} |")));
        let row = row.unwrap_or_else(|| panic!("no row for {command}"));
        let cell = row
            .trim_start_matches("| ")
            .split(" | ")
            .nth(1)
            .expect("a second cell");
        let list = cell.split('`').nth(1).expect("keys between backticks");
        let mut keys: Vec<String> = list.split(' ').map(str::to_owned).collect();
        keys.sort();
        keys
    };
    shell.out(&["create", "@/a.npy", "--shape", "2,2", "--dtype", "float32"]);
    let info = shell.json(&["info", "@/a.npy"]);
    assert_eq!(keys(&info[0]), promised("`info`"));
    assert_eq!(
        keys(&shell.json(&["tail", "@/a.npy"])),
        promised("`head`, `tail`")
    );
    assert_eq!(
        keys(&shell.json(&["create", "@/b.npy", "--shape", "2"])),
        promised("`create`")
    );
    assert_eq!(
        keys(&shell.json(&["eval", "a", "a=@/a.npy"])),
        promised("`eval`")
    );
    let saved = shell.json(&["eval", "a", "a=@/a.npy", "-o", "@/c.npy"]);
    assert_eq!(keys(&saved), promised("`eval -o`"));
    assert_eq!(
        keys(&shell.json(&["stats", "@/a.npy"])),
        promised("`stats`")
    );
    let demo = shell.json(&["demo", "--size", "1M", "--dir", "@"]);
    assert_eq!(keys(&demo), promised("`demo`"));
}

#[test]
fn json_shows_elements_as_numbers_where_json_has_them() {
    let shell = Shell::new();
    let values = |dtype: &str, bytes: &[u8]| {
        fs::write(shell.path("a.raw"), bytes).expect("a raw file");
        shell.json(&["head", "@/a.raw", "--dtype", dtype])["values"].to_string()
    };
    assert_eq!(values("|i1", &[1, 255]), "[1,-1]");
    assert_eq!(values("|b1", &[0, 1]), "[false,true]");
    assert_eq!(values("<u8", &[255; 8]), "[18446744073709551615]");
    assert_eq!(
        values("<i8", &[0, 0, 0, 0, 0, 0, 0, 128]),
        "[-9223372036854775808]"
    );
    assert_eq!(values("<f4", &0.1_f32.to_le_bytes()), "[0.1]");
    assert_eq!(
        values("<f8", &1.877_047_717_571_258_3_f64.to_le_bytes()),
        "[1.8770477175712583]"
    );
    assert_eq!(values(">f4", &f32::NAN.to_be_bytes()), "[\"nan\"]");
    assert_eq!(
        values("<f8", &f64::NEG_INFINITY.to_le_bytes()),
        "[\"-inf\"]"
    );
    assert_eq!(values("<c8", &[0, 0, 128, 63, 0, 0, 0, 64]), "[\"(1+2j)\"]");
    assert_eq!(values("|S4", b"a\"b\0"), "[\"a\\\"b\"]");
    assert_eq!(values(">U2", &[0, 0, 0, 97, 0, 1, 0xF6, 0]), "[\"a😀\"]");
    assert_eq!(
        values("<M8[D]", &[1, 0, 0, 0, 0, 0, 0, 0]),
        "[\"1970-01-02\"]"
    );
    let eval = shell.json(&["eval", "index(2, 30) * 1.5", "-n", "1"]);
    assert_eq!(
        (&eval["complete"], &eval["values"][0][1]),
        (&false.into(), &1.5.into())
    );
}

#[test]
fn demo_adds_checks_and_cleans_up() {
    let shell = Shell::new();
    let out = shell.out(&["demo", "--size", "3M", "--dir", "@"]);
    for line in [
        "Two arrays of 3 MiB are added into a third, in 64 MiB of memory.",
        "  a      786,432 float32, count up to a million, again and again: written in ",
        "  speed   ",
        "  memory  ",
        "  answer  right: 10,000 elements of the sum checked",
        "Try next:",
        "  maparray demo --keep",
    ] {
        assert!(out.contains(line), "no `{line}` in:\n{out}");
    }
    assert_eq!(
        fs::read_dir(shell.folder.path())
            .expect("the folder")
            .count(),
        0
    );
    assert_eq!(
        shell
            .failure(&["demo", "--size", "1M", "--dir", "@/none"])
            .0,
        3
    );

    let kept = shell.json(&["demo", "--size", "5", "--dir", "@", "--keep"]);
    let folder = kept["folder"].as_str().expect("a folder").to_owned();
    assert_eq!(shell.out(&["head", &format!("{folder}/a.npy")]), "0.0\n");
    // The advice that the demonstration gives works.
    let out = shell.out(&["demo", "--size", "1M", "--dir", "@", "--keep"]);
    let folder = out
        .lines()
        .last()
        .and_then(|line| line.strip_prefix("The files are in "))
        .expect("a folder");
    let files = ["a", "b", "c"].map(|name| format!("{name}={folder}/{name}.npy"));
    let same = [
        "eval",
        "mean((c - a - b) ** 2) < 1e-3",
        &files[0],
        &files[1],
        &files[2],
    ];
    assert_eq!(shell.out(&same), "True\n");
}

#[test]
fn help_is_output_and_nonsense_is_usage() {
    let shell = Shell::new();
    assert!(shell.out(&["--help"]).contains("Usage: maparray"));
    assert!(
        shell
            .out(&["eval", "--help"])
            .contains("-o, --output <FILE>")
    );
    assert!(shell.out(&["--version"]).starts_with("maparray "));
    assert_eq!(shell.call(&[]).code, 2);
    for words in [
        &["frobnicate"][..],
        &["info"],
        &["head", "@/a.npy", "--shape", "3"],
        &["head", "@/a.npy", "--dtype", "O"],
        &["head", "@/a.npy", "--threads", "0"],
        &["create", "@/a.npy"],
        &[
            "create", "@/a.npy", "--shape", "3", "--fill", "1", "--random",
        ],
        &["create", "@/a.npy", "--shape", "3", "--seed", "1"],
        &["eval", "a", "a"],
        &["demo", "--size", "big"],
    ] {
        let (code, message) = shell.failure(words);
        assert!(
            code == 2 && message.starts_with("maparray: "),
            "{words:?}: {code} {message}"
        );
    }
}

#[test]
fn object_arrays_and_damaged_files_end_with_their_code() {
    let shell = Shell::new();
    shell.out(&["create", "@/a.npy", "--shape", "2"]);
    let text = fs::read(shell.path("a.npy")).expect("the file");
    let object = String::from_utf8_lossy(&text[..]).replace("'<f8'", "'|O' ");
    let bytes: Vec<u8> = [
        &text[..10],
        &object.as_bytes()[object.len() - text.len() + 10..],
    ]
    .concat();
    fs::write(shell.path("o.npy"), bytes).expect("a file");
    let (code, message) = shell.failure(&["head", "@/o.npy"]);
    assert!(code == 4 && message.contains("object dtype"), "{message}");
    fs::write(shell.path("x.npy"), "hello").expect("a file");
    assert_eq!(shell.failure(&["eval", "x", "x=@/x.npy"]).0, 4);
    assert_eq!(shell.failure(&["head", "@"]).0, 3);
}

/// A reader that has seen enough.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let shell = Shell::new();
    shell.out(&["create", "@/a.npy", "--shape", "100000"]);
    let file = shell.path("a.npy").display().to_string();
    let mut err = Vec::new();
    let words = ["maparray", "head", &file, "-n", "100000"];
    assert_eq!(maparray_cli::run(words, &mut Closed, &mut err), 0);
    assert_eq!(err, b"");
}

#[test]
fn names_that_are_not_text_are_files_like_others() {
    let shell = Shell::new();
    let array = MemMapArray::create(
        shell.path("größe 1=2.npy"),
        &DType::of::<i16>(),
        &[2],
        &Create::default(),
    );
    array.expect("a file");
    assert_eq!(
        shell.out(&["eval", "`die größe` + 1", "die größe=@/größe 1=2.npy"]),
        "1\n1\n"
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_a_computation_and_leaves_nothing_behind() {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    let shell = Shell::new();
    shell.out(&["create", "@/old.npy", "--shape", "3", "--arange"]);
    // Work for many seconds, if nobody stopped it.
    let slow = format!("{}index(30000000){}", "sin(".repeat(100), ")".repeat(100));
    let mut child = Command::new(env!("CARGO_BIN_EXE_maparray"))
        .args(["eval", &slow, "-o"])
        .arg(shell.path("old.npy"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    std::thread::sleep(Duration::from_millis(500));
    let started = Instant::now();
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .expect("kill runs")
            .success()
    );
    let code = child.wait().expect("the program ends").code();
    assert_eq!(code, Some(130));
    assert!(started.elapsed() < Duration::from_secs(5));
    let output = child.wait_with_output().expect("its output");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "maparray: stopped on request\n"
    );
    assert_eq!(shell.out(&["head", "@/old.npy"]), "0.0\n1.0\n2.0\n");
    assert_eq!(
        fs::read_dir(shell.folder.path())
            .expect("the folder")
            .count(),
        1
    );
}
