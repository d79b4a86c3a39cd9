//! Where a test goes that would disturb others: a process of its own, with a small disk, few rights, few
//! descriptors or little memory. The test starts itself again there.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Says in the process of its own which folder is for its files.
const FOLDER: &str = "MAPARRAY_FOLDER";

/// A process of a test's own: what it is started through, and what the shell does there before.
#[derive(Clone, Copy, Default)]
pub(crate) struct Stage {
    pub(crate) through: &'static [&'static str],
    pub(crate) before: &'static str,
}

impl Stage {
    /// A file system of the process's own on the folder `disk`.
    pub(crate) fn disk(before: &'static str) -> Stage {
        let through: &[&str] = match rustix::process::geteuid().is_root() {
            true => &["unshare", "--mount"],
            false => &["unshare", "--user", "--map-root-user", "--mount"],
        };
        Stage { through, before }
    }

    /// The folder for the files of a test, of `switch_fails` if no other module is named, if this is that process. Else it is
    /// started, and its end is this test's; a test that cannot have its stage is skipped.
    pub(crate) fn enter(self, test: &str) -> Option<PathBuf> {
        if let Some(folder) = std::env::var_os(FOLDER) {
            return Some(folder.into());
        }
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("disk")).unwrap();
        let run = |program: &OsStr, arguments: &[&str]| {
            let script = format!("cd \"${FOLDER}\"; {} exec \"$0\" \"$@\"", self.before);
            let mut words: Vec<&OsStr> = self.through.iter().map(OsStr::new).collect();
            words.extend(["sh", "-c", &script].map(OsStr::new));
            words.push(program);
            words.extend(arguments.iter().map(OsStr::new));
            let mut command = Command::new(words[0]);
            command.args(&words[1..]).env(FOLDER, folder.path());
            // Where memory is short, there is none for such a list.
            command.env("RUST_BACKTRACE", "0").output()
        };
        if !run(OsStr::new("true"), &[]).is_ok_and(|ended| ended.status.success()) {
            println!("skipped: no right to {:?} {:?}", self.through, self.before);
            return None;
        }
        let program = std::env::current_exe().unwrap();
        let test = match test.contains("::") {
            true => test.to_owned(),
            false => format!("switch_fails::{test}"),
        };
        let ended = run(program.as_ref(), &["--exact", "--nocapture", &test]).unwrap();
        let said = String::from_utf8_lossy(&ended.stdout);
        let complaint = String::from_utf8_lossy(&ended.stderr);
        let passed = ended.status.success() && said.contains("1 passed");
        assert!(passed, "{}\n{said}\n{complaint}", ended.status);
        println!("{said}");
        None
    }
}

/// Does something under a limit of this process.
pub(crate) fn limited<T>(resource: Resource, most: u64, what: impl FnOnce() -> T) -> T {
    let before = getrlimit(resource);
    let less = Rlimit {
        current: Some(most),
        ..before
    };
    setrlimit(resource, less).unwrap();
    let done = what();
    setrlimit(resource, before).unwrap();
    done
}

/// A file that leaves no room on the disk, block by block.
pub(crate) struct Filler {
    pub(crate) file: File,
    disk: PathBuf,
}

impl Filler {
    pub(crate) fn new(disk: &Path) -> Filler {
        Filler {
            file: File::create(disk.join("filler")).unwrap(),
            disk: disk.to_path_buf(),
        }
    }

    pub(crate) fn fill(&mut self) {
        self.file.seek(SeekFrom::End(0)).unwrap();
        for piece in [1 << 14, 1 << 10, 1] {
            while self.file.write_all(&vec![1; piece]).is_ok() {}
        }
    }

    /// Bytes that are free.
    pub(crate) fn free(&self) -> u64 {
        let found = rustix::fs::statvfs(&self.disk).unwrap();
        found.f_bfree * found.f_frsize
    }

    pub(crate) fn leave_one_block_more(&self) {
        let block = rustix::fs::statvfs(&self.disk).unwrap().f_frsize;
        let len = self.file.metadata().unwrap().len();
        let shorter = len.next_multiple_of(block) - block;
        self.file.set_len(shorter).unwrap();
    }
}

/// Does something when only `more` bytes of addresses can be had.
pub(crate) fn with_memory<T>(more: u64, what: impl FnOnce() -> T) -> T {
    let used = fs::read_to_string("/proc/self/statm").unwrap();
    let used: u64 = used.split(' ').next().unwrap().parse().unwrap();
    let used = used * rustix::param::page_size() as u64;
    limited(Resource::As, used + more, what)
}
