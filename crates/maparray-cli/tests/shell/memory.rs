//! Files far larger than the memory allowed: the real program, under a limit that the system keeps.
//!
//! `ulimit -d` counts every private writable page, heap and anonymous mappings alike; beyond it the
//! system refuses memory and the program fails.
#![cfg(target_os = "linux")]

use std::process::{Command, Output};

use super::Shell;

/// 64 MiB, in the KiB that `ulimit` counts.
const LIMIT: &str = "65536";

/// Calls the program with no more than 64 MiB of anonymous memory.
fn limited(shell: &Shell, words: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_maparray");
    Command::new("sh")
        .args(["-c", "ulimit -d $0 && exec \"$@\"", LIMIT, program])
        .args(words)
        .current_dir(shell.folder.path())
        .output()
        .expect("a shell")
}

fn printed(shell: &Shell, words: &[&str]) -> String {
    let output = limited(shell, words);
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {err}");
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

#[test]
fn two_gibibytes_are_made_and_summed_in_64_mebibytes() {
    let shell = Shell::new_on_disk();
    let count: i64 = 1 << 28;
    let create = [
        "create",
        "a.npy",
        "--dtype",
        "int64",
        "--shape",
        &count.to_string(),
        "--arange",
    ];
    printed(&shell, &create);
    let sum = printed(&shell, &["eval", "sum(a)", "a=a.npy"]);
    assert_eq!(sum, (count * (count - 1) / 2).to_string());
}

#[test]
fn eight_sparse_gibibytes_are_summed_in_64_mebibytes() {
    let shell = Shell::new_on_disk();
    let create = [
        "create",
        "a.npy",
        "--dtype",
        "float64",
        "--shape",
        "1024,1048576",
        "--sparse",
    ];
    printed(&shell, &create);
    assert_eq!(printed(&shell, &["eval", "sum(a)", "a=a.npy"]), "0.0");
}

#[test]
fn the_limit_is_one_that_bites() {
    let shell = Shell::new();
    // A result of 128 MiB in memory, which the budget allows and the limit does not.
    shell.out(&[
        "create", "@/a.npy", "--dtype", "float64", "--shape", "16777216", "--sparse",
    ]);
    let words = ["eval", "cos(a)", "a=a.npy", "--memory", "1G"];
    let output = limited(&shell, &words);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("not enough memory"));
}
