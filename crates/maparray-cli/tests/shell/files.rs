//! What is in a file? `info`, `head`, `tail`, raw and damaged files.

use std::fs;

use maparray::{Create, DType, MemMapArray, Unit};

use crate::Shell;

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
    let flux = MemMapArray::from_slice(&[1.5_f64]).with_unit("adu / s".parse::<Unit>().ok());
    flux.save(shell.path("flux.npy"))
        .expect("a file with a unit");
    let text = shell.out(&["info", "@/flux.npy"]);
    assert!(
        text.contains("\n  unit    adu / s\n  order   C\n"),
        "{text}"
    );
    let json = shell.json(&["info", "@/flux.npy", "@/a.npy"]);
    assert_eq!(json[0]["unit"], "adu / s");
    assert!(json[1]["unit"].is_null());
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

#[test]
fn names_of_any_letters_are_files_like_others() {
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

#[test]
fn every_command_that_makes_a_file_says_the_size_of_the_file() {
    let shell = Shell::new();
    let made = shell.out(&["create", "@/a.npy", "--shape", "3"]);
    let saved = shell.out(&["eval", "a", "a=@/a.npy", "-o", "@/b.npy"]);
    let len = fs::metadata(shell.path("b.npy")).expect("a file").len();
    assert_eq!(len, 152);
    assert!(made.ends_with(", 152 bytes\n"), "{made}");
    assert!(saved.contains(", 152 bytes in "), "{saved}");
    let made = shell.json(&["create", "@/a.npy", "--shape", "3"]);
    let saved = shell.json(&["eval", "a", "a=@/a.npy", "-o", "@/b.npy"]);
    assert_eq!(
        (&made["file_bytes"], &saved["file_bytes"]),
        (&len.into(), &len.into())
    );
    assert_eq!(saved["bytes_written"], 24);
}

#[cfg(unix)]
#[test]
fn a_name_that_would_steer_the_terminal_is_escaped() {
    let shell = Shell::new();
    let name = "@/a\n\u{1b}[31m\u{202e}é.npy";
    let shown = "@/a\\n\\u{1b}[31m\\u{202e}é.npy";
    let line = |out: String| out.lines().next().map(str::to_owned).expect("a line");
    let created = shell.out(&["create", name, "--shape", "3"]);
    assert_eq!(created, format!("{shown}: float64 (3,), 152 bytes\n"));
    assert_eq!(line(shell.out(&["info", name])), shown);
    let saved = shell.out(&["eval", "a", &format!("a={name}"), "-o", name]);
    assert!(saved.starts_with(&format!("{shown}: float64")), "{saved}");
    let demo = ["demo", "--size", "1M", "--dir", name];
    let (code, message) = shell.failure(&demo);
    assert_eq!(code, 3);
    assert!(
        message.starts_with(&format!("maparray: {shown}")),
        "{message}"
    );
    fs::remove_file(shell.path(&name[2..])).expect("the file");
    fs::create_dir(shell.path(&name[2..])).expect("a folder");
    let out = shell.out(&[&demo[..], &["--keep"]].concat());
    assert!(out.contains(&format!("The files are in {shown}")), "{out}");
    assert!(!out.contains('\u{1b}'), "{out}");
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_text_are_files_like_others() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt;

    let shell = Shell::new();
    let file = shell.folder.path().join(OsStr::from_bytes(b"\xff=1.npy"));
    MemMapArray::from_slice(&[1_i16, 2])
        .save(&file)
        .expect("a file");
    let call = |words: &[&OsStr]| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let words = [&[OsStr::new("maparray")], words].concat();
        let code = maparray_cli::run(words, &mut out, &mut err);
        (code, String::from_utf8_lossy(&out).into_owned(), err)
    };
    let mut binding = OsString::from("a=");
    binding.push(&file);
    let answer = (0, "3\n".to_owned(), Vec::new());
    assert_eq!(
        call(&["eval".as_ref(), "sum(a)".as_ref(), &binding]),
        answer
    );
    assert_eq!(call(&["info".as_ref(), file.as_os_str()]).0, 0);
    // The name in the expression is text, always.
    let name = OsStr::from_bytes(b"\xff=a.npy");
    assert_eq!(call(&["eval".as_ref(), "1".as_ref(), name]).0, 2);
}

#[test]
fn wrap_describes_a_raw_file_once_and_for_all() {
    let shell = Shell::new();
    std::fs::write(shell.path("frame.bin"), [9, 0, 1, 0, 2, 0, 3, 0, 4]).expect("a file");
    let words = [
        "--dtype", ">u2", "--shape", "2,-1", "--offset", "1", "--unit", "adu",
    ];
    let said = shell.out(&[&["wrap", "@/frame.bin"], &words[..]].concat());
    assert!(said.trim_end().ends_with("frame.bin.json"), "{said}");
    assert!(shell.out(&["head", "@/frame.bin", "--quiet"]).contains("4"));
    assert_eq!(
        shell
            .out(&["eval", "sum(a)", "a=@/frame.bin[1]", "--quiet"])
            .trim_end(),
        "7 adu"
    );
    let info = shell.out(&["info", "@/frame.bin"]);
    assert!(
        info.contains("unit    adu") && info.contains("format  raw"),
        "{info}"
    );
}

#[test]
fn the_records_of_fortran_are_rows_at_every_command() {
    let shell = Shell::new();
    let mut file = vec![];
    for row in [[1.5_f32, 2.0], [3.0, 4.5]] {
        file.extend(8_i32.to_be_bytes());
        file.extend(row.iter().flat_map(|number| number.to_be_bytes()));
        file.extend(8_i32.to_be_bytes());
    }
    std::fs::write(shell.path("a.dat"), file).expect("a file");
    let with = |words: &[&'static str]| [words, &["--dtype", ">f4", "--fortran"]].concat();
    let info = shell.out(&with(&["info", "@/a.dat"]));
    assert!(info.contains("2 arrays"), "{info}");
    let sum = shell.out(&with(&["eval", "sum(a, axis=0)", "a=@/a.dat", "--quiet"]));
    assert_eq!(sum.split_whitespace().collect::<Vec<_>>(), ["4.5", "6.5"]);
    shell.out(&with(&["convert", "@/a.dat", "@/a.npy"]));
    let rows = maparray::MemMapArray::read(shell.path("a.npy")).expect("an array");
    assert_eq!(rows.shape(), [2, 2]);
    let (code, said) = shell.failure(&["head", "@/a.dat", "--dtype", ">f4", "--fortran=8"]);
    assert!(code != 0 && said.contains("a.dat"), "{said}");
}

#[test]
fn info_lists_the_tensors_of_a_file() {
    let shell = Shell::new();
    let a = maparray::MemMapArray::from_slice(&[1.5_f32, 2.5]);
    let b = maparray::MemMapArray::from_slice(&[7_i64]);
    let path = shell.path("m.safetensors");
    maparray::save_safetensors(&path, &[("a", &a), ("b.c", &b)], &[]).expect("written");
    let info = shell.out(&["info", "@/m.safetensors"]);
    assert!(
        info.contains("  b.c  int64 (1,)") && info.contains("  a    float32 (2,)"),
        "{info}"
    );
    assert_eq!(
        shell.out(&["head", "@/m.safetensors:a[1:]"]).trim_end(),
        "2.5"
    );
}
