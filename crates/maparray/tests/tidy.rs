//! Is the house in order?
//!
//! The rules of ARCHITECTURE.md and CONTRIBUTING.md, executed: who may import whom, file heads,
//! names, lengths, and where `unsafe` may stand. It reads the sources as text.
//!
//! Knows: files of this repository. Must not know: what they do.

use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom. Data runs down, imports point up, never back.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("strip", &[]),
    ("dtype", &["error", "strip"]),
    ("layout", &["error", "dtype"]),
    ("unit", &["error"]),
    ("format", &["error", "dtype", "layout"]),
    ("crew", &["error"]),
    ("map", &["error", "strip"]),
    (
        "array",
        &[
            "error", "dtype", "layout", "unit", "format", "strip", "crew", "map",
        ],
    ),
    ("ops", &["error", "dtype", "strip"]),
    (
        "expr",
        &["error", "dtype", "layout", "unit", "strip", "ops"],
    ),
    (
        "eval",
        &[
            "error", "dtype", "layout", "unit", "strip", "crew", "array", "ops", "expr",
        ],
    ),
];

/// Which rooms may use a crate of somebody else's; every other crate is for all of them.
const CRATE_USED_BY: &[(&str, &[&str])] = &[
    ("memmap2", &["map"]),
    ("rayon_core", &["crew"]),
    ("rustix", &["map"]),
    ("libc", &["map"]),
    ("ndarray", &["array", "eval", "lib"]),
    ("winnow", &["expr", "unit"]),
    ("flate2", &["array"]),
    ("crc32fast", &["array"]),
];

/// Rooms that see no file at all.
const NO_FILES: &[&str] = &["dtype", "layout", "unit", "format", "ops", "expr", "eval"];

/// What each crate of the workspace may depend on besides small things: doors see `maparray` only.
const DOOR_ONLY: &[(&str, &str)] = &[
    ("pyo3", "maparray-python"),
    ("clap", "maparray-cli"),
    ("memmap2", "maparray"),
    ("winnow", "maparray"),
];

/// The only places where `unsafe` may be written.
const UNSAFE_IN: &[&str] = &[
    "crates/maparray/src/map/",
    "crates/maparray/src/map.rs",
    "crates/maparray/src/array/typed.rs",
    "crates/maparray/src/strip/",
    "crates/maparray-python/src/lease.rs",
];

/// Heads longer than eight lines: the front door, and the files that are a format's specification.
const LONG_HEAD: &[&str] = &[
    "crates/maparray/src/lib.rs",
    "crates/maparray/src/format/npy.rs",
    "crates/maparray/src/format/fits/mod.rs",
    "crates/maparray/src/format/zip.rs",
];

const HEAD_LINES: usize = 8;
const FILE_LINES: usize = 700;
const DRAWERS: &[&str] = &[
    "util", "utils", "common", "helper", "helpers", "misc", "core", "types",
];

/// Everything wrong with one Rust file; `path` is relative to the repository, with `/`.
fn complaints(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut complain = |line: usize, what: String| found.push(format!("{path}:{line}: {what}"));

    let lines = text.lines().count();
    if lines > FILE_LINES {
        complain(
            lines,
            format!("{lines} lines; cut it, {FILE_LINES} is the most"),
        );
    }
    let head = text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .count();
    if head == 0 {
        complain(
            1,
            "no head: begin with `//!` and the question this file answers".into(),
        );
    } else if head > HEAD_LINES && !LONG_HEAD.contains(&path) {
        complain(
            head,
            format!("a head of {head} lines; {HEAD_LINES} is the most"),
        );
    }
    let path_words = path
        .trim_end_matches(".rs")
        .split('/')
        .skip_while(|word| *word != "src");
    for word in path_words {
        if DRAWERS.contains(&word) || word.starts_with("impl_") {
            complain(1, format!("`{word}` names a drawer; find the noun"));
        }
    }

    let room = room_of(path);
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if let Some(at) = line.find("TODO") {
            let rest = &line[at + 4..];
            let issue = rest
                .strip_prefix("(#")
                .is_some_and(|rest| rest.starts_with(digit));
            if !issue {
                complain(number, "a TODO needs an issue number: `TODO(#12)`".into());
            }
        }
        let code = without_comment(line);
        if word_in(code, "unsafe") && !UNSAFE_IN.iter().any(|place| path.starts_with(place)) {
            complain(number, "`unsafe` outside the places planned for it".into());
        }
        let Some(room) = room else { continue };
        for (krate, rooms) in CRATE_USED_BY {
            if word_in(code, krate)
                && code.contains(&format!("{krate}::"))
                && !rooms.contains(&room)
            {
                complain(
                    number,
                    format!("`{krate}` belongs to {rooms:?}, not to `{room}`"),
                );
            }
        }
        if code.contains("std::fs") && NO_FILES.contains(&room) {
            complain(number, format!("`{room}` must not know files"));
        }
    }
    if let Some(room) = room.filter(|room| *room != "lib") {
        let allowed = MAY_IMPORT
            .iter()
            .find(|(name, _)| *name == room)
            .map(|(_, rooms)| *rooms);
        match allowed {
            None => complain(
                1,
                format!("`{room}` is not a room of the plan; see MAY_IMPORT"),
            ),
            Some(allowed) => {
                for (line, import) in imports(text) {
                    if import != room && !allowed.contains(&import.as_str()) {
                        complain(line, format!("`{room}` may not import `{import}`"));
                    }
                }
            }
        }
    }
    found
}

/// The room a file of the library lives in: `map` for `crates/maparray/src/map/file.rs`.
fn room_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("crates/maparray/src/")?;
    let room = inside.split('/').next()?;
    Some(room.strip_suffix(".rs").unwrap_or(room))
}

/// What stands after `crate::`, with the line; `use crate::{a, b::c}` counts as `a` and `b`.
/// `super::room` reaches the same place from a room's first file, so it counts too.
fn imports(text: &str) -> Vec<(usize, String)> {
    let code: Vec<&str> = text.lines().map(without_comment).collect();
    let code = code.join("\n");
    let line_of = |at: usize| code[..at].matches('\n').count() + 1;
    let mut found = Vec::new();
    for (at, start) in code.match_indices("crate::") {
        let rest = &code[at + start.len()..];
        match rest.strip_prefix('{') {
            None => found.push((line_of(at), first_word(rest))),
            Some(group) => {
                found.extend(
                    group_members(group)
                        .into_iter()
                        .map(|name| (line_of(at), name)),
                );
            }
        }
    }
    for (at, start) in code.match_indices("super::") {
        let name = first_word(&code[at + start.len()..]);
        if MAY_IMPORT.iter().any(|(room, _)| *room == name) {
            found.push((line_of(at), name));
        }
    }
    found
}

/// First words of the members of a `use` group whose `{` has been read.
fn group_members(group: &str) -> Vec<String> {
    let (mut depth, mut members, mut fresh) = (1, Vec::new(), true);
    for (at, sign) in group.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => fresh = true,
            _ if fresh && !sign.is_whitespace() => {
                members.push(first_word(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    members
}

fn first_word(text: &str) -> String {
    text.chars()
        .take_while(|&sign| sign.is_alphanumeric() || sign == '_')
        .collect()
}

fn digit(sign: char) -> bool {
    sign.is_ascii_digit()
}

/// The line up to its comment. A `//` inside a string ends it too, which hides nothing we look for.
fn without_comment(line: &str) -> &str {
    line.find("//").map_or(line, |at| &line[..at])
}

/// Whether `word` stands in `code` as a word of its own.
fn word_in(code: &str, word: &str) -> bool {
    let part = |sign: char| sign.is_alphanumeric() || sign == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

/// Everything wrong with a crate's manifest: a door that uses what is not its own.
fn manifest_complaints(name: &str, manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let names = manifest.lines().filter_map(|line| {
        let end = line.find(['.', ' ', '='])?;
        Some(line[..end].trim())
    });
    for dependency in names {
        for (krate, owner) in DOOR_ONLY {
            if dependency == *krate && name != *owner {
                found.push(format!("{name}: `{krate}` belongs to `{owner}`"));
            }
        }
        if dependency.starts_with("maparray-") {
            found.push(format!("{name}: no door imports `{dependency}`"));
        }
    }
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every file below `folder` with this ending, as a path relative to the repository and its text.
fn sources(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                let text = fs::read_to_string(&path).expect("a source is text");
                found.push((relative(&path), text));
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).expect("below the root");
    path.to_string_lossy().replace('\\', "/")
}

#[test]
fn the_house_is_in_order() {
    let mut found = Vec::new();
    for crate_folder in ["maparray", "maparray-cli", "maparray-python"] {
        for (path, text) in sources(&format!("crates/{crate_folder}/src"), "rs") {
            found.extend(complaints(&path, &text));
        }
    }
    for folder in ["bench/src", "xtask/src"] {
        for (path, text) in sources(folder, "rs") {
            found.extend(complaints(&path, &text));
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn tests_and_python_files_are_not_too_long() {
    let folders = [
        ("crates", "rs"),
        ("python", "py"),
        ("fixtures", "py"),
        ("examples", "py"),
        ("bench", "py"),
    ];
    for (folder, ending) in folders {
        for (path, text) in sources(folder, ending) {
            let lines = text.lines().count();
            assert!(
                lines <= FILE_LINES,
                "{path} has {lines} lines, {FILE_LINES} is the most"
            );
        }
    }
}

#[test]
fn every_room_of_the_plan_exists_and_opens_with_a_question() {
    for (room, _) in MAY_IMPORT {
        let folder = root().join("crates/maparray/src");
        let file = [format!("{room}.rs"), format!("{room}/mod.rs")];
        let text = file
            .iter()
            .find_map(|file| fs::read_to_string(folder.join(file)).ok());
        let text =
            text.unwrap_or_else(|| panic!("the plan has a room `{room}`, the house has not"));
        let question = text.lines().next().unwrap_or_default();
        assert!(
            question.ends_with('?'),
            "`{room}` opens with no question: {question}"
        );
    }
}

#[test]
fn doors_import_the_library_only() {
    for (path, manifest) in sources("crates", "toml") {
        let name = path.split('/').nth(1).expect("crates/NAME/Cargo.toml");
        let found = manifest_complaints(name, &manifest);
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

// The checker itself: each rule must be able to fail.

const HEAD: &str = "//! What is it?\n";

fn complaint(path: &str, text: &str) -> String {
    complaints(path, text).join("\n")
}

#[test]
fn a_good_file_has_no_complaint() {
    let text =
        format!("{HEAD}use crate::error::Error;\nuse crate::map::Region;\n// TODO(#3) later\n");
    assert_eq!(complaint("crates/maparray/src/array/mod.rs", &text), "");
}

#[test]
fn a_back_import_is_found_in_each_spelling() {
    let path = "crates/maparray/src/map/mod.rs";
    for line in [
        "use crate::dtype::DType;",
        "use crate::{error::Error, dtype};",
        "use crate::{\n    error::{Error, Result},\n    dtype::DType,\n};",
        "fn size(dtype: &crate::dtype::DType) {}",
        "use super::dtype::DType;",
    ] {
        let text = format!("{HEAD}{line}\n");
        assert!(
            complaint(path, &text).contains("`map` may not import `dtype`"),
            "{line}"
        );
    }
}

#[test]
fn an_import_through_the_front_door_is_found() {
    let text = format!("{HEAD}use crate::DType;\n");
    let found = complaint("crates/maparray/src/array/mod.rs", &text);
    assert!(found.contains("`array` may not import `DType`"), "{found}");
}

#[test]
fn the_line_of_an_import_is_right() {
    let text = format!("{HEAD}\n\nuse crate::eval::run;\n");
    let found = complaint("crates/maparray/src/ops/mod.rs", &text);
    assert!(
        found.starts_with("crates/maparray/src/ops/mod.rs:4:"),
        "{found}"
    );
}

#[test]
fn a_room_outside_the_plan_is_found() {
    assert!(complaint("crates/maparray/src/cache.rs", HEAD).contains("not a room"));
}

#[test]
fn foreign_crates_stay_where_they_belong() {
    let text = format!("{HEAD}use memmap2::Mmap;\n");
    assert!(complaint("crates/maparray/src/array/mod.rs", &text).contains("`memmap2` belongs to"));
    assert_eq!(complaint("crates/maparray/src/map/mod.rs", &text), "");
}

#[test]
fn files_stay_out_of_rooms_that_must_not_know_them() {
    let text = format!("{HEAD}use std::fs::File;\n");
    assert!(complaint("crates/maparray/src/format/npy.rs", &text).contains("must not know files"));
}

#[test]
fn unsafe_code_is_found_and_the_word_in_prose_is_not() {
    let path = "crates/maparray/src/array/mod.rs";
    let code = format!("{HEAD}let x = unsafe {{ *pointer }};\n");
    assert!(complaint(path, &code).contains("`unsafe` outside"));
    let prose = format!("{HEAD}// unsafe only there\n#[expect(unsafe_code)]\n");
    assert_eq!(complaint(path, &prose), "");
    assert_eq!(complaint("crates/maparray/src/array/typed.rs", &code), "");
}

#[test]
fn a_missing_head_and_a_long_head_are_found() {
    let path = "crates/maparray/src/map/file.rs";
    assert!(complaint(path, "use std::io;\n").contains("no head"));
    assert!(complaint(path, &"//! line\n".repeat(9)).contains("a head of 9 lines"));
}

#[test]
fn a_long_file_is_found() {
    let text = format!("{HEAD}{}", "\n".repeat(FILE_LINES));
    assert!(complaint("crates/maparray/src/map/file.rs", &text).contains("701 lines"));
}

#[test]
fn a_drawer_is_found() {
    for name in ["utils.rs", "helpers/mod.rs", "impl_methods.rs"] {
        let path = format!("crates/maparray/src/array/{name}");
        assert!(complaint(&path, HEAD).contains("names a drawer"), "{name}");
    }
}

#[test]
fn a_todo_without_an_issue_is_found() {
    // Written in two halves, or this file would be one that a search for such marks finds.
    let text = format!("{HEAD}// TO{} tidy up\n", "DO");
    assert!(complaint("crates/maparray/src/map/file.rs", &text).contains("needs an issue number"));
}

#[test]
fn a_door_with_a_key_to_another_is_found() {
    assert!(!manifest_complaints("maparray-cli", "[dependencies]\nmemmap2 = \"0.9\"\n").is_empty());
    assert!(!manifest_complaints("maparray-cli", "maparray-python.workspace = true\n").is_empty());
    assert!(manifest_complaints("maparray-python", "pyo3 = { version = \"0.30\" }\n").is_empty());
}
