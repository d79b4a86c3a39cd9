//! How do files become others?

use crate::Shell;

fn shell() -> Shell {
    let shell = Shell::new();
    shell.out(&[
        "create",
        "@/a.npy",
        "--shape",
        "3,4",
        "--dtype",
        "int16",
        "--arange=-2",
    ]);
    shell
}

#[test]
fn convert_changes_dtype_byte_order_and_order() {
    let shell = shell();
    let told = shell.out(&[
        "convert",
        "@/a.npy",
        "-o",
        "@/b.npy",
        "--to",
        "f4",
        "--as-order",
        "F",
    ]);
    assert!(told.starts_with("@/b.npy: float32 (3, 4), "), "{told}");
    let info = shell.out(&["info", "@/b.npy"]);
    assert!(info.contains("order   F"), "{info}");
    assert_eq!(
        shell.out(&["head", "@/b.npy", "-n1"]),
        "-2.0\t-1.0\t0.0\t1.0\n"
    );
    shell.out(&[
        "convert",
        "@/b.npy",
        "-o",
        "@/c.npy",
        "--to",
        "u1",
        "--as-order",
        "C",
    ]);
    assert_eq!(shell.out(&["head", "@/c.npy", "-n1"]), "254\t255\t0\t1\n");
    shell.out(&["convert", "@/a.npy", "-o", "@/d.npy", "--big-endian"]);
    assert!(shell.out(&["info", "@/d.npy"]).contains(">i2"));
    assert_eq!(
        shell.out(&["tail", "@/d.npy", "-n1"]),
        shell.out(&["tail", "@/a.npy", "-n1"])
    );
}

#[test]
fn convert_writes_raw_files_and_reads_them() {
    let shell = shell();
    shell.out(&["convert", "@/a.npy[1:]", "-o", "@/a.bin"]);
    assert_eq!(
        std::fs::read(shell.path("a.bin")).unwrap()[..4],
        [2, 0, 3, 0]
    );
    shell.out(&[
        "convert", "@/a.bin", "--dtype", "<i2", "--shape", "-1,4", "-o", "@/b.npy",
    ]);
    assert_eq!(
        shell.out(&["head", "@/b.npy"]),
        shell.out(&["tail", "@/a.npy", "-n2"])
    );
}

#[test]
fn no_file_is_replaced_unless_that_is_said() {
    let shell = shell();
    let ended = shell.call(&["convert", "@/a.npy", "-o", "@/a.npy", "--to", "f8"]);
    assert_eq!(ended.code, 3);
    assert!(shell.out(&["info", "@/a.npy"]).contains("int16"));
    shell.out(&[
        "convert",
        "@/a.npy",
        "-o",
        "@/a.npy",
        "--to",
        "f8",
        "--overwrite",
    ]);
    assert!(shell.out(&["info", "@/a.npy"]).contains("float64"));
}

#[test]
fn transpose_turns_axes() {
    let shell = shell();
    shell.out(&["transpose", "@/a.npy", "-o", "@/t.npy"]);
    assert_eq!(
        shell.out(&["head", "@/t.npy"]),
        "-2\t2\t6\n-1\t3\t7\n0\t4\t8\n1\t5\t9\n"
    );
    shell.out(&["transpose", "@/t.npy", "-1,0", "-o", "@/b.npy"]);
    assert_eq!(
        shell.out(&["head", "@/b.npy"]),
        shell.out(&["head", "@/a.npy"])
    );
    let ended = shell.call(&["transpose", "@/t.npy", "0,0", "-o", "@/c.npy"]);
    assert_eq!(ended.code, 5, "{}", ended.err);
}

#[test]
fn concat_stack_and_split_undo_each_other() {
    let shell = shell();
    shell.out(&["split", "@/a.npy", "--rows", "2", "-o", "@/part-{}.npy"]);
    assert_eq!(shell.out(&["head", "@/part-1.npy"]), "6\t7\t8\t9\n");
    shell.out(&["concat", "@/part-0.npy", "@/part-1.npy", "-o", "@/b.npy"]);
    assert_eq!(
        shell.out(&["head", "@/b.npy"]),
        shell.out(&["head", "@/a.npy"])
    );
    shell.out(&[
        "concat",
        "@/a.npy",
        "@/a.npy[:, :1]",
        "--axis",
        "-1",
        "-o",
        "@/wide.npy",
    ]);
    assert_eq!(
        shell.out(&["head", "@/wide.npy", "-n1"]),
        "-2\t-1\t0\t1\t-2\n"
    );
    shell.out(&[
        "stack",
        "@/a.npy",
        "@/a.npy",
        "--axis",
        "1",
        "-o",
        "@/deep.npy",
    ]);
    assert!(shell.out(&["info", "@/deep.npy"]).contains("(3, 2, 4)"));
    for (arguments, code) in [
        (&["concat", "@/a.npy", "@/a.npy[0]", "-o", "@/x.npy"][..], 5),
        (&["split", "@/a.npy", "-o", "@/x.npy"], 2),
        (
            &["split", "@/a.npy", "--rows", "2", "-o", "@/part-{}.npy"],
            2,
        ),
    ] {
        assert_eq!(shell.call(arguments).code, code, "{arguments:?}");
    }
}

#[test]
fn split_makes_as_many_parts_as_asked_for_and_one_document() {
    let shell = shell();
    let parts = shell.json(&["split", "@/a.npy", "--parts", "2", "-o", "@/p{}.npy"]);
    let parts = parts.as_array().expect("a list");
    let rows = |parts: &[serde_json::Value]| -> Vec<u64> {
        let first = |part: &serde_json::Value| part["shape"][0].as_u64();
        parts.iter().filter_map(first).collect()
    };
    assert_eq!(rows(parts), [2, 1]);
    shell.out(&["create", "@/ten.npy", "--shape", "10", "--arange"]);
    let parts = shell.json(&["split", "@/ten.npy", "--parts", "4", "-o", "@/t{}.npy"]);
    assert_eq!(rows(parts.as_array().expect("a list")), [3, 3, 2, 2]);
    assert_eq!(shell.out(&["head", "@/t3.npy"]), "8.0\n9.0\n");
    let parts = shell.json(&["split", "@/ten.npy", "--parts", "99", "-o", "@/s{}.npy"]);
    assert_eq!(rows(parts.as_array().expect("a list")), [1; 10]);
    shell.out(&["create", "@/none.npy", "--shape", "0,3"]);
    let parts = shell.json(&["split", "@/none.npy", "-o", "@/n{}.npy"]);
    assert_eq!(parts, serde_json::json!([]));
}

#[test]
fn a_file_in_the_way_is_told_with_the_option_that_replaces_it() {
    let shell = shell();
    for command in [&["convert"][..], &["concat"], &["stack"], &["transpose"]] {
        let ended = shell.call(&[command, &["@/a.npy", "-o", "@/a.npy"]].concat());
        assert_eq!(ended.code, 3, "{command:?}");
        assert!(ended.err.contains("--overwrite"), "{}", ended.err);
    }
}
