//! Would two results become one file?
//!
//! The last to get a name would replace the others without a word. Names are compared as the system
//! resolves them: folders and links followed, files that are not there yet by their folder.
//!
//! Knows: names. Must not know: what is written there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Problem, Result};

/// # Errors
/// `Mismatch` if two of the names would be one file.
pub(crate) fn check_apart<'p>(paths: impl Iterator<Item = &'p Path>) -> Result<()> {
    let mut known: Vec<(PathBuf, &Path)> = vec![];
    for path in paths {
        let place = resolved(path);
        if let Some((_, first)) = known.iter().find(|(other, _)| *other == place) {
            return Err(Error::new(Problem::SameOutput {
                first: first.display().to_string(),
                second: path.display().to_string(),
            }));
        }
        known.push((place, path));
    }
    Ok(())
}

/// The file that a name leads to; what cannot be resolved stays, and will fail when it is used.
fn resolved(path: &Path) -> PathBuf {
    if let Ok(place) = fs::canonicalize(path) {
        return place;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match (fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_path_buf(),
    }
}
