//! Files that get more rows, or fewer: `append`, `resize`, `recover`, `tail -f`.

use std::fs::OpenOptions;

use crate::Shell;

#[test]
fn rows_are_appended_from_files_and_the_new_shape_is_told() {
    let shell = Shell::new();
    shell.out(&["create", "@/a.npy", "--shape", "2,2", "--arange=0"]);
    shell.out(&["create", "@/b.npy", "--shape", "1,2", "--fill", "7"]);
    shell.out(&["create", "@/one.npy", "--shape", "2", "--fill", "8"]);
    let words = ["append", "@/a.npy", "@/b.npy", "@/one.npy"];
    assert_eq!(shell.out(&words), "@/a.npy: float64 (4, 2), 192 bytes\n");
    let head = "0.0\t1.0\n2.0\t3.0\n7.0\t7.0\n8.0\t8.0\n";
    assert_eq!(shell.out(&["head", "@/a.npy"]), head);
    let durable = shell.out(&["append", "@/a.npy", "@/a.npy", "--durable", "-q"]);
    assert_eq!(durable, "");
    assert_eq!(shell.out(&["head", "@/a.npy"]), [head, head].concat());
    shell.out(&["create", "@/wrong.npy", "--shape", "3"]);
    let (code, message) = shell.failure(&["append", "@/a.npy", "@/one.npy", "@/wrong.npy"]);
    assert_eq!(code, 5);
    let expected = "maparray: @/a.npy: wrong shape: found (3,), expected (2,) or (n, 2)\n";
    assert_eq!(message, expected);
    assert_eq!(shell.out(&["head", "@/a.npy"]), [head, head].concat());
}

#[test]
fn a_file_is_resized_and_a_file_without_a_header_grows_too() {
    let shell = Shell::new();
    shell.out(&[
        "create",
        "@/a.npy",
        "--shape",
        "3",
        "--arange=1",
        "--dtype",
        "i2",
    ]);
    assert_eq!(
        shell.out(&["resize", "@/a.npy", "5"]),
        "@/a.npy: int16 (5,), 138 bytes\n"
    );
    assert_eq!(shell.out(&["head", "@/a.npy"]), "1\n2\n3\n0\n0\n");
    assert_eq!(
        shell.out(&["resize", "@/a.npy", "2", "--durable", "-q"]),
        ""
    );
    assert_eq!(shell.out(&["head", "@/a.npy"]), "1\n2\n");
    std::fs::write(shell.path("a.raw"), [1, 0]).expect("a file");
    let raw = ["--dtype", "<i2"];
    shell.out(&[&["append", "@/a.raw", "@/a.npy"], &raw[..]].concat());
    shell.out(&[&["resize", "@/a.raw", "4"], &raw[..]].concat());
    assert_eq!(
        shell.out(&[&["head", "@/a.raw"], &raw[..]].concat()),
        "1\n1\n2\n0\n"
    );
    let (code, message) = shell.failure(&[&["resize", "@/a.raw", "1"], &raw[..]].concat());
    assert_eq!(code, 5);
    assert!(message.contains("no header to say so"), "{message}");
}

#[test]
fn a_file_that_was_cut_is_recovered_once() {
    let shell = Shell::new();
    shell.out(&["create", "@/a.npy", "--shape", "1000", "--dtype", "f4"]);
    let file = OpenOptions::new().write(true).open(shell.path("a.npy"));
    file.and_then(|file| file.set_len(128 + 4 * 99 + 3))
        .expect("a shorter file");
    let (code, message) = shell.failure(&["head", "@/a.npy"]);
    assert_eq!(code, 4);
    assert!(message.contains("99 whole rows"), "{message}");
    let said = "@/a.npy: 99 of 1000 rows are there, and claimed now; 3 bytes lie behind them\n";
    assert_eq!(shell.out(&["recover", "@/a.npy"]), said);
    let said = "@/a.npy: all of 99 rows are there; 3 bytes lie behind them\n";
    assert_eq!(shell.out(&["recover", "@/a.npy"]), said);
    let found = shell.json(&["recover", "@/a.npy"]);
    assert_eq!(
        (found["rows"].as_u64(), found["claimed"].as_u64()),
        (Some(99), Some(99))
    );
    assert_eq!(shell.failure(&["recover", "@/none.npy"]).0, 3);
}

#[test]
fn tail_does_not_follow_what_does_not_grow_along_the_first_axis() {
    let shell = Shell::new();
    shell.out(&["create", "@/f.npy", "--shape", "2,3", "--order", "F"]);
    let (code, message) = shell.failure(&["tail", "-f", "@/f.npy"]);
    assert_eq!(code, 2);
    assert!(message.contains("does not grow there"), "{message}");
    assert_eq!(shell.failure(&["tail", "-f", "@/f.npy", "--json"]).0, 2);
}

#[cfg(unix)]
#[test]
fn tail_follows_a_file_until_ctrl_c() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let shell = Shell::new();
    shell.out(&[
        "create",
        "@/log.npy",
        "--shape",
        "3",
        "--arange=0",
        "--dtype",
        "i8",
    ]);
    shell.out(&[
        "create",
        "@/more.npy",
        "--shape",
        "2",
        "--arange=3",
        "--dtype",
        "i8",
    ]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_maparray"))
        .args(["tail", "-f", "-n", "2"])
        .arg(shell.path("log.npy"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut next = || lines.next().expect("a line").expect("text");
    assert_eq!([next(), next()], ["1", "2"]);
    for _ in 0..2 {
        shell.out(&["append", "@/log.npy", "@/more.npy"]);
        assert_eq!([next(), next()], ["3", "4"]);
    }
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.expect("kill runs").success());
    assert_eq!(child.wait().expect("the program ends").code(), Some(130));
    let output = child.wait_with_output().expect("its messages");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
