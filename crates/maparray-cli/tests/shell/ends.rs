//! How does a call end? The demonstration, help, Ctrl-C, readers that go away.

use std::process::Command;

use std::fs;
use std::io::{self, Write};

use crate::Shell;

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
fn a_number_below_zero_is_told_what_is_wrong_with_it() {
    let shell = Shell::new();
    for (words, reason) in [
        (
            &["head", "@/a.npy", "-n", "-1"][..],
            "'--rows <N>': -1 is not in 0..",
        ),
        (
            &["tail", "@/a.npy", "-n-1"],
            "'--rows <N>': -1 is not in 0..",
        ),
        (
            &["eval", "1", "--rows", "-1"],
            "'--rows <N>': -1 is not in 0..",
        ),
        (
            &["create", "@/a.npy", "--shape", "-1"],
            "no -1 in its shape\nhint: -1 stands for",
        ),
        (
            &["create", "@/a.npy", "--shape", "3,-2"],
            "found `-2`, expected a whole number",
        ),
        (
            &["info", "@/a", "--dtype", "f4", "--offset", "-1"],
            "'--offset <BYTES>': ",
        ),
        (
            &["eval", "1", "--threads", "-1"],
            "'--threads <N>': -1 is not in 1..",
        ),
    ] {
        let (code, message) = shell.failure(words);
        assert!(
            code == 2 && message.contains(reason),
            "{words:?}: {message}"
        );
    }
}

#[test]
fn quiet_commands_print_answers_and_nothing_else() {
    let shell = Shell::new();
    let quiet = |words: &[&str]| shell.out(&[words, &["--quiet"]].concat());
    assert_eq!(
        quiet(&["create", "@/a.npy", "--shape", "2", "--arange"]),
        ""
    );
    assert_eq!(quiet(&["eval", "a", "a=@/a.npy", "-o", "@/b.npy"]), "");
    assert_eq!(quiet(&["eval", "a", "a=@/a.npy", "-n", "1"]), "0.0\n");
    for words in [
        &["head", "@/a.npy"][..],
        &["tail", "@/a.npy"],
        &["stats", "@/a.npy"],
        &["info", "@/a.npy"],
    ] {
        let answer = shell.out(words);
        assert!(!answer.is_empty() && answer == quiet(words), "{words:?}");
    }
    let document = quiet(&["create", "@/a.npy", "--shape", "2", "--json"]);
    assert!(document.contains("\"file_bytes\": 144"), "{document}");
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

/// The program at work on a demonstration of many seconds, and how these words start it.
#[cfg(unix)]
fn demonstration(shell: &Shell, start: &[&str]) -> std::process::Child {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    let child = Command::new(start[0])
        .args(&start[1..])
        .args(["demo", "--size", "1G", "--threads", "1"])
        .current_dir(shell.folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let begun = Instant::now();
    let empty = || {
        fs::read_dir(shell.folder.path())
            .expect("the folder")
            .count()
            == 0
    };
    while empty() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "no folder is made"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

#[cfg(unix)]
fn send(signal: &str, child: &std::process::Child) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args([signal, &id]).status();
    assert!(sent.expect("kill runs").success());
}

/// It ends with this code, says so and leaves nothing.
#[cfg(unix)]
fn ends_clean(shell: &Shell, child: std::process::Child, code: i32) {
    let output = child.wait_with_output().expect("its output");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.ends_with("stopped on request\n"), "{message}");
    assert_eq!(output.status.code(), Some(code));
    let left = fs::read_dir(shell.folder.path()).expect("the folder");
    assert_eq!(left.count(), 0);
}

#[cfg(unix)]
#[test]
fn a_demonstration_that_is_terminated_removes_its_folder() {
    let shell = Shell::new_on_disk();
    let child = demonstration(&shell, &[env!("CARGO_BIN_EXE_maparray")]);
    send("-TERM", &child);
    ends_clean(&shell, child, 143);
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_goes_away_stops_the_program_unless_it_was_told_to_stay() {
    let program = env!("CARGO_BIN_EXE_maparray");
    let shell = Shell::new_on_disk();
    let child = demonstration(&shell, &["env", "--default-signal=HUP", program]);
    send("-HUP", &child);
    ends_clean(&shell, child, 129);

    let mut child = demonstration(&shell, &["env", "--ignore-signal=HUP", program]);
    send("-HUP", &child);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(child.try_wait().expect("a child"), None);
    send("-TERM", &child);
    ends_clean(&shell, child, 143);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_beyond_the_size_limit_is_an_error_and_leaves_nothing() {
    let shell = Shell::new();
    let program = env!("CARGO_BIN_EXE_maparray");
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -f 100 && exec \"$0\" create a.npy --shape 1000000 --arange",
            program,
        ])
        .current_dir(shell.folder.path())
        .output()
        .expect("a shell");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let left = std::fs::read_dir(shell.folder.path()).expect("a folder");
    assert_eq!(left.count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_is_killed_leaves_nothing() {
    let shell = Shell::new_on_disk();
    let mut child = Command::new(env!("CARGO_BIN_EXE_maparray"))
        .args(["create", "a.npy", "--shape", "400000000", "--random"])
        .current_dir(shell.folder.path())
        .spawn()
        .expect("the program");
    std::thread::sleep(std::time::Duration::from_millis(300));
    child.kill().expect("it runs still");
    child.wait().expect("it ends");
    let left = std::fs::read_dir(shell.folder.path()).expect("a folder");
    assert_eq!(left.count(), 0);
}
