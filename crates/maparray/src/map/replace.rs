//! How does a new file come to its name?
//!
//! Written without a name, or under another one beside the target, then named in one step. Whoever
//! has the old file mapped keeps it whole; a failure at any point leaves the old file and no litter.
//!
//! Knows: errors. Must not know: what the bytes mean.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Allocate, Behind, Existing, Flush, file, platform};
use crate::error::{Error, Problem, Result};

/// A file that is being written and has no name of its own yet.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: File,
    /// The name that it has meanwhile, if any.
    temporary: Option<PathBuf>,
    target: PathBuf,
    existing: Existing,
}

impl NewFile {
    /// Starts a file that will be called `target`, with space for `len` bytes.
    ///
    /// # Errors
    /// `Io` if the name is taken and must stay, if it names something else than a file, if the
    /// folder cannot be written to, or if the disk has no room.
    pub(crate) fn create(
        target: &Path,
        len: u64,
        existing: Existing,
        allocate: Allocate,
    ) -> Result<NewFile> {
        NewFile::start(target, len, existing, allocate).map_err(|error| error.at(target))
    }

    fn start(target: &Path, len: u64, existing: Existing, allocate: Allocate) -> Result<NewFile> {
        let link = match fs::symlink_metadata(target) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // A name that cannot be had is found here, not when the work is done.
            Err(error) => return Err(Error::io("look at the name", error)),
        };
        // A link stays a link: what it points to is made, or replaced.
        let target = match &link {
            Some(metadata) if metadata.is_symlink() => followed(target)?,
            _ => target.to_path_buf(),
        };
        let old = fs::metadata(&target).ok();
        if existing == Existing::Refuse && old.is_some() {
            return Err(Error::new(Problem::Exists));
        }
        if let Some(old) = &old {
            file::check_regular(old)?;
        }
        let (file, temporary) = match platform::unnamed(folder_of(&target)) {
            Some(file) => (file, None),
            None => {
                let temporary = sibling(&target)?;
                let file = OpenOptions::new()
                    .read(true)
                    .write(true)
                    .create_new(true)
                    .open(&temporary)
                    .map_err(|error| Error::io("create a file beside it", error))?;
                (file, Some(temporary))
            }
        };
        let new = NewFile {
            file,
            temporary,
            target,
            existing,
        };
        if let Some(old) = &old {
            let kept = platform::keep_permissions(&new.file, old);
            kept.map_err(|error| Error::io("keep its permissions", error))?;
        }
        match (len, allocate) {
            (0, _) => Ok(()),
            (_, Allocate::Full) => file::allocate(&new.file, len),
            (_, Allocate::Sparse) => new.file.set_len(len),
        }
        .map_err(|error| Error::io("allocate space", error))?;
        Ok(new)
    }

    /// Writes at an offset; several threads may.
    ///
    /// # Errors
    /// `Io` if the system cannot write.
    pub(crate) fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        platform::write_at(&self.file, bytes, offset)
            .map_err(|error| Error::io("write", error).at(&self.target))
    }

    /// Starts writing back a range, and lets go of its memory.
    ///
    /// # Errors
    /// `Io` if the system cannot write.
    pub(crate) fn behind(&self, range: Range<u64>, behind: Behind) -> Result<()> {
        platform::behind(&self.file, range, behind)
            .map_err(|error| Error::io("write back", error).at(&self.target))
    }

    /// The open file, to be used beyond the moment when it gets its name.
    ///
    /// # Errors
    /// `Io` if there is no descriptor left.
    pub(crate) fn share(&self) -> Result<File> {
        let shared = self.file.try_clone();
        shared.map_err(|error| Error::io("keep open", error).at(&self.target))
    }

    /// Gives the file its name. With [`Flush::Durable`] it is there, whole, after a crash.
    ///
    /// # Errors
    /// `Io` if the system cannot write it back or rename it; the old file is then still there.
    pub(crate) fn commit(self, flush: Flush) -> Result<()> {
        let target = self.target.clone();
        self.publish(flush).map_err(|error| error.at(target))
    }

    fn take_name(&mut self) -> Result<()> {
        if self.temporary.is_none() {
            match platform::give_name(&self.file, &self.target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                named => return named.map_err(|error| Error::io("name", error)),
            }
            // Only a rename can take the place of a file.
            if self.existing == Existing::Refuse {
                return Err(Error::new(Problem::Exists));
            }
            let temporary = sibling(&self.target)?;
            platform::give_name(&self.file, &temporary)
                .map_err(|error| Error::io("name", error))?;
            self.temporary = Some(temporary);
        }
        let Some(temporary) = &self.temporary else {
            return Ok(());
        };
        if self.existing == Existing::Refuse {
            // A link fails if the name is taken meanwhile; a rename would win.
            fs::hard_link(temporary, &self.target).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Error::new(Problem::Exists),
                _ => Error::io("link", error),
            })?;
            // The other name goes away with `self`.
            return Ok(());
        }
        fs::rename(temporary, &self.target).map_err(|error| Error::io("rename", error))?;
        self.temporary = None;
        Ok(())
    }

    fn publish(mut self, flush: Flush) -> Result<()> {
        if flush == Flush::Durable {
            self.file
                .sync_data()
                .map_err(|error| Error::io("sync", error))?;
        }
        self.take_name()?;
        if flush == Flush::Durable {
            let folder = folder_of(&self.target);
            platform::sync_folder(folder).map_err(|error| Error::io("sync the folder", error))?;
        }
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _ = fs::remove_file(temporary);
        }
    }
}

/// Gives a file another name on the same file system.
///
/// # Errors
/// `Io` if the name is taken and must stay, or the file cannot be moved; it has its old name alone then.
pub(crate) fn rename(from: &Path, to: &Path, existing: Existing) -> Result<()> {
    let across = |error: &io::Error| error.kind() == io::ErrorKind::CrossesDevices;
    let moved = match existing {
        Existing::Replace => fs::rename(from, to),
        // A link fails if the name is taken; a rename would win.
        Existing::Refuse => fs::hard_link(from, to).and_then(|()| {
            fs::remove_file(from).inspect_err(|_| {
                let _ = fs::remove_file(to);
            })
        }),
    };
    match moved {
        Err(error) if across(&error) => Err(Error::new(Problem::OtherDisk)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Error::new(Problem::Exists))
        }
        moved => moved.map_err(|error| Error::io("rename", error)),
    }
}

/// Which file it is, also when nobody has it open any more. Numbers are given to another file then, but
/// that one is younger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    numbers: (u64, u64),
    born: Option<SystemTime>,
}

impl Mark {
    pub(super) fn of(metadata: &Metadata) -> Option<Mark> {
        Some(Mark {
            numbers: platform::file_id(metadata).numbers()?,
            born: metadata.created().ok(),
        })
    }

    /// That of the file which has this name now.
    pub(crate) fn at(path: &Path) -> Option<Mark> {
        Mark::of(&fs::metadata(path).ok()?)
    }
}

/// A file on its way out: it has a hidden name, and gets its own back unless it is removed.
pub(crate) struct Aside {
    name: PathBuf,
    hidden: PathBuf,
}

impl Aside {
    /// Sets aside the file of a name, if it is the one of this mark.
    ///
    /// # Errors
    /// `Io` if the system does not allow that.
    pub(crate) fn set(path: &Path, mark: Option<Mark>) -> Result<Option<Aside>> {
        let found = Mark::at(path);
        if found.is_none() || found != mark {
            return Ok(None);
        }
        // Of a name that leads to the file, the file goes and not the name.
        let name = fs::canonicalize(path).map_err(|error| Error::io("find", error))?;
        let hidden = sibling(&name)?;
        fs::rename(&name, &hidden).map_err(|error| Error::io("remove", error).at(path))?;
        Ok(Some(Aside { name, hidden }))
    }

    /// Removes it.
    ///
    /// # Errors
    /// `Io` if the system refuses; it has its name again then.
    pub(crate) fn remove(self) -> Result<()> {
        fs::remove_file(&self.hidden).map_err(|error| Error::io("remove", error).at(&self.name))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Whoever has taken the name meanwhile keeps it.
        if fs::hard_link(&self.hidden, &self.name).is_ok() {
            let _ = fs::remove_file(&self.hidden);
        } else if self.hidden.exists() && !self.name.exists() {
            let _ = fs::rename(&self.hidden, &self.name);
        }
    }
}

/// Where a link leads, be there a file or not.
fn followed(link: &Path) -> Result<PathBuf> {
    let wrong = |error| Error::io("follow the link", error);
    let mut at = link.to_path_buf();
    // As many as the system follows.
    for _ in 0..40 {
        match fs::canonicalize(&at) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found.map_err(wrong),
        }
        match fs::read_link(&at) {
            Ok(next) => at = folder_of(&at).join(next),
            // The last name of the chain, which nothing has; its folder is there, or is missed later.
            Err(_) => return Ok(at),
        }
    }
    Ok(at)
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// A name beside a file that nobody has.
fn sibling(target: &Path) -> Result<PathBuf> {
    let Some(name) = target.file_name() else {
        return Err(Error::new(Problem::NotAFile { found: "a folder" }));
    };
    // A name may have 255 bytes; a long one is left out, the random part tells files apart.
    let name = if name.len() <= 200 {
        name.to_os_string()
    } else {
        OsString::from("array")
    };
    Ok(hidden(name, folder_of(target)))
}

/// A name in a folder that nobody has: `.name.0123456789abcdef.partial`.
pub(super) fn hidden(name: impl AsRef<OsStr>, folder: &Path) -> PathBuf {
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(
        ".{:016x}.partial",
        RandomState::new().hash_one(folder)
    ));
    folder.join(hidden)
}
