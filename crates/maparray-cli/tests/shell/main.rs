//! The shell's door, called as a library: what it prints, and how it ends.
//!
//! Knows: `maparray_cli::run`, files. Must not know: how commands work.

mod combine;
mod compute;
mod convert;
mod create;
mod ends;
mod files;
mod fits;
mod grow;
mod json;
mod memory;
mod npz;
mod pack;

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

    /// A folder where large files fit: beside what is built, not in memory.
    fn new_on_disk() -> Shell {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"));
        Shell {
            folder: folder.expect("a folder for the test"),
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
