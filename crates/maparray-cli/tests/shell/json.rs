//! What does `--json` print? The README beside the crate promises it.

use std::fs;
use std::path::Path;

use crate::Shell;

fn keys(value: &serde_json::Value) -> Vec<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
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
    let appended = shell.json(&["append", "@/b.npy", "@/b.npy"]);
    assert_eq!(keys(&appended), promised("`append`, `resize`"));
    let resized = shell.json(&["resize", "@/b.npy", "1"]);
    assert_eq!(keys(&resized), promised("`append`, `resize`"));
    let recovered = shell.json(&["recover", "@/b.npy"]);
    assert_eq!(keys(&recovered), promised("`recover`"));
    assert_eq!(
        keys(&shell.json(&["eval", "a", "a=@/a.npy"])),
        promised("`eval`")
    );
    let saved = shell.json(&["eval", "a", "a=@/a.npy", "-o", "@/c.npy"]);
    assert_eq!(keys(&saved), promised("`eval -o`"));
    let made = promised("`combine`, `convert`, `transpose`, `concat`, `stack`");
    for command in [
        &["combine", "median"][..],
        &["convert"],
        &["transpose"],
        &["concat"],
        &["stack"],
    ] {
        let rest = ["@/a.npy", "-o", "@/new.npy"];
        let document = shell.json(&[command, &rest].concat());
        assert_eq!(keys(&document), made, "{command:?}");
        fs::remove_file(shell.path("new.npy")).expect("a new file");
    }
    let plan = shell.json(&["eval", "a", "a=@/a.npy", "--explain"]);
    assert_eq!(keys(&plan), promised("`eval --explain`"));
    shell.out(&["convert", "@/a.npy", "--to", "u2", "-o", "@/u.fits"]);
    let several = shell.json(&["info", "@/u.fits"]);
    let row = "`info` of a file of several arrays";
    assert_eq!(keys(&several[0]), promised(row));
    let scaling = &several[0]["arrays"][0]["scaling"];
    assert_eq!(scaling["zero"], 32768.0);
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
        let out = shell.out(&["head", "@/a.raw", "--dtype", dtype, "--json"]);
        // The text itself: who parses a number rounds it.
        let (_, values) = out.split_once("\"values\":").expect("the last key");
        let values = values.replace([' ', '\n'], "");
        values.strip_suffix('}').expect("the end").to_owned()
    };
    assert_eq!(values("|i1", &[1, 255]), "[1,-1]");
    assert_eq!(values("|b1", &[0, 1]), "[false,true]");
    assert_eq!(values("<u8", &[255; 8]), "[18446744073709551615]");
    assert_eq!(
        values("<i8", &[0, 0, 0, 0, 0, 0, 0, 128]),
        "[-9223372036854775808]"
    );
    assert_eq!(
        values("<f4", &0.1_f32.to_le_bytes()),
        "[0.10000000149011612]"
    );
    assert_eq!(
        values("<f8", &1.877_047_717_571_258_3_f64.to_le_bytes()),
        "[1.8770477175712583]"
    );
    // 65504, 2 ** -24 and 2 ** -10, whose shortest digits as halves are fewer.
    assert_eq!(
        values("<f2", &[0xFF, 0x7B, 1, 0, 0, 0x14, 0, 0x80]),
        "[65504.0,5.960464477539063e-8,0.0009765625,-0.0]"
    );
    assert_eq!(values(">f2", &[0x7B, 0xFF]), "[65504.0]");
    assert_eq!(values("<f2", &[0, 0x7C]), "[\"inf\"]");
    assert_eq!(
        values("<f4", &16_777_217_e3_f32.to_le_bytes()),
        "[16777217024.0]"
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
