//! `maparray npz`, and archives given to the other commands.

use maparray::{MemMapArray, SaveNpz, Storing, save_npz};

use crate::Shell;

fn numbers(len: usize) -> MemMapArray {
    let numbers: Vec<f64> = (0..len).map(|i| i as f64).collect();
    MemMapArray::from_slice(&numbers)
}

/// A folder with `a.npz` (arrays x and y, stored), `d.npz` (x, deflated) and `c.npy`.
fn shell() -> Shell {
    let shell = Shell::new();
    let (x, y) = (numbers(10), MemMapArray::from_slice(&[1_i16, 2, 3]));
    let deflated = SaveNpz {
        storing: Storing::Deflated,
        ..SaveNpz::default()
    };
    let save = |name: &str, arrays: &[(&str, &MemMapArray)], options: &SaveNpz| {
        save_npz(shell.path(name), arrays, options).expect("a file");
    };
    save("a.npz", &[("x", &x), ("y", &y)], &SaveNpz::default());
    save("d.npz", &[("x", &numbers(1000))], &deflated);
    x.save(shell.path("c.npy")).expect("a file");
    shell
}

#[test]
fn info_lists_every_array_of_an_archive() {
    let shell = shell();
    let text = "@/a.npz: npz, 2 arrays\n  \
                x  float64 (10,), 80 bytes from byte 192\n  \
                y  int16 (3,), 6 bytes from byte 448\n";
    assert_eq!(shell.out(&["info", "@/a.npz"]), text);
    assert_eq!(shell.out(&["npz", "list", "@/a.npz"]), text);
    let one = shell.out(&["info", "@/a.npz:y"]);
    assert!(
        one.contains("int16 (3,)") && !one.contains("float64"),
        "{one}"
    );
    let found = shell.json(&["info", "@/a.npz", "@/d.npz", "@/c.npy"]);
    assert_eq!(found[0]["format"], "npz");
    assert_eq!(found[0]["arrays"][1]["key"], "y");
    assert_eq!(found[0]["arrays"][1]["data_offset"], 448);
    assert!(found[1]["arrays"][0]["compressed_bytes"].is_number());
    assert!(found[1]["arrays"][0]["data_offset"].is_null());
    assert_eq!(found[2]["format"], "npy");
}

#[test]
fn arrays_of_archives_are_computed_and_inflating_is_said() {
    let shell = shell();
    assert_eq!(shell.out(&["eval", "sum(a)", "a=@/a.npz:x"]), "45.0\n");
    let ended = shell.call(&["eval", "sum(a)", "a=@/d.npz"]);
    assert_eq!((ended.code, ended.out.as_str()), (0, "499500.0\n"));
    assert_eq!(ended.err, "@/d.npz: compressed, inflated to 7.8 KiB\n");
    assert_eq!(
        shell.out(&["eval", "sum(a)", "a=@/d.npz:x", "--quiet"]),
        "499500.0\n"
    );
    assert_eq!(
        shell.out(&["head", "-n", "2", "@/a.npz:y"]),
        shell.out(&["head", "@/a.npz:y[:2]"])
    );
    assert!(shell.out(&["stats", "@/a.npz:x"]).contains("4.5"));
    assert!(shell.call(&["stats", "@/d.npz"]).err.contains("inflated"));
    let (code, message) = shell.failure(&["eval", "sum(a)", "a=@/a.npz"]);
    assert_eq!(code, 5);
    assert!(message.contains("several arrays"), "{message}");
    assert_eq!(shell.failure(&["head", "@/a.npz:z"]).0, 5);
}

#[test]
fn what_is_said_of_raw_files_is_not_for_files_of_known_formats() {
    let shell = shell();
    std::fs::write(shell.path("b.raw"), [1, 0, 2, 0]).expect("a file");
    let words = [
        "eval",
        "sum(a) + sum(b)",
        "a=@/a.npz:x",
        "b=@/b.raw",
        "--dtype",
        "<i2",
    ];
    assert_eq!(shell.out(&words), "48.0\n");
}

#[test]
fn arrays_are_added_extracted_and_aligned() {
    let shell = shell();
    let added = shell.out(&[
        "npz",
        "add",
        "@/a.npz",
        "z=@/c.npy",
        "d=@/d.npz:x",
        "--deflate",
    ]);
    assert!(added.starts_with("@/a.npz: npz, 4 arrays"), "{added}");
    assert!(
        added.contains("z  float64 (10,), 80 bytes compressed to"),
        "{added}"
    );
    let (code, message) = shell.failure(&["npz", "add", "@/a.npz", "z=@/c.npy"]);
    assert_eq!(code, 5);
    assert!(message.contains("name is taken"), "{message}");
    assert!(
        shell
            .out(&["npz", "add", "@/new.npz", "z=@/c.npy", "-q"])
            .is_empty()
    );
    assert_eq!(shell.out(&["eval", "sum(a)", "a=@/new.npz"]), "45.0\n");

    let extract = ["npz", "extract", "@/a.npz", "-d", "@/out"];
    assert_eq!(
        shell.out(&extract),
        "@/out/x.npy\n@/out/y.npy\n@/out/z.npy\n@/out/d.npy\n"
    );
    assert_eq!(
        shell.out(&["eval", "sum(a)", "a=@/out/d.npy"]),
        "499500.0\n"
    );
    assert_eq!(shell.failure(&extract).0, 3);

    let before = std::fs::read(shell.path("a.npz")).expect("a file");
    let align = [
        "npz",
        "align",
        "@/a.npz",
        "-o",
        "@/b.npz",
        "--inflate",
        "--align",
        "4096",
    ];
    assert!(!shell.out(&align).contains("compressed"));
    assert!(std::fs::read(shell.path("a.npz")).expect("a file") == before);
    let listed = shell.json(&["npz", "list", "@/b.npz"]);
    for array in listed["arrays"].as_array().expect("arrays") {
        assert_eq!(
            array["data_offset"].as_u64().map(|at| at % 4096),
            Some(0),
            "{array}"
        );
    }
    assert_eq!(
        shell
            .failure(&["npz", "align", "@/a.npz", "--align", "3"])
            .0,
        5
    );
    assert!(
        shell
            .out(&["npz", "align", "@/a.npz"])
            .contains("compressed")
    );
}

#[test]
fn check_finds_what_is_damaged_and_repairs_what_can_be() {
    let shell = shell();
    assert_eq!(
        shell.out(&["npz", "check", "@/a.npz"]),
        "x: good\ny: good\n"
    );
    let path = shell.path("a.npz");
    let whole = std::fs::read(&path).expect("a file");
    let mut damaged = whole.clone();
    damaged[200] ^= 1;
    std::fs::write(&path, &damaged).expect("a file");
    let ended = shell.call(&["npz", "check", "@/a.npz"]);
    assert_eq!(ended.code, 1);
    assert!(
        ended.out.contains("x: @/a.npz: wrong checksum"),
        "{}",
        ended.out
    );
    assert_eq!(ended.err, "maparray: @/a.npz: 1 of 2 members are damaged\n");
    let repaired = shell.out(&["npz", "check", "@/a.npz", "--repair"]);
    assert_eq!(
        repaired,
        "checksum of `x` computed anew\nx: good\ny: good\n"
    );
    std::fs::write(&path, [&whole[..], &[0; 70_000]].concat()).expect("a file");
    assert_eq!(shell.failure(&["npz", "check", "@/a.npz"]).0, 4);
    let found = shell.json(&["npz", "check", "@/a.npz", "--repair"]);
    assert_eq!(found["good"], true);
    assert!(std::fs::read(&path).expect("a file") == whole);
}
