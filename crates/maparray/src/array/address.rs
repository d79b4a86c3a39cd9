//! Which array, of which file, and which part of it?
//!
//! `a.npy`, `a.npz:x`, `a.fits[1]`, `a.safetensors:layer.0.weight`, each with a part behind it:
//! `a.npy[0:5, :, -1]`. What is a file by its whole name is that file, whatever stands in the name.
//!
//! Knows: errors, layouts, names of files. Must not know: formats, operations.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::layout::Picks;

/// How an address says which array of a file it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// By what stands behind `:`.
    Name(String),
    /// By a number or a name in brackets, `[1]` or `[SCI, 2]`. Of a file of one array `[1]` is a part.
    Bracket(String),
}

/// The address of an array, or of a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The file.
    pub path: PathBuf,
    /// Which array of the file, if that is said.
    pub key: Option<Key>,
    /// Parts to take, one after the other.
    pub parts: Vec<Picks>,
    /// What stands behind `:` up to the end of each part: a name may have brackets, too.
    pub(super) names: Vec<String>,
}

impl Address {
    /// Reads an address. Looks at the file system, to know where the name of the file ends.
    ///
    /// The longest part of the text that is a file is the file; if none is, all of it.
    ///
    /// ```
    /// use maparray::{Address, Key};
    /// # let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("a.npz");
    /// std::fs::write(&path, "")?;
    /// let address = Address::parse(format!("{}:x[0, ::2]", path.display()))?;
    /// assert_eq!((address.path, address.key), (path, Some(Key::Name("x".into()))));
    /// assert_eq!(address.parts.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Mismatch` if what stands behind the file's name is neither a key nor a part.
    pub fn parse(address: impl AsRef<Path>) -> Result<Address> {
        let whole = address.as_ref();
        let bare = || Address {
            path: whole.to_path_buf(),
            key: None,
            parts: vec![],
            names: vec![],
        };
        // What is not text has no part that is.
        let Some(text) = whole.to_str() else {
            return Ok(bare());
        };
        if !text.contains([':', '[']) || whole.exists() {
            return Ok(bare());
        }
        let ends = text.rmatch_indices([':', '[']).map(|(at, _)| at);
        let mut files = ends.filter(|&at| Path::new(&text[..at]).is_file());
        let Some(at) = files.next() else {
            return Ok(bare());
        };
        let (key, parts, names) = suffix(&text[at..]).map_err(|error| error.at(&text[..at]))?;
        Ok(Address {
            path: text[..at].into(),
            key,
            parts,
            names,
        })
    }
}

/// The key and the parts behind a file's name, and what could be a key up to the end of each part.
fn suffix(text: &str) -> Result<(Option<Key>, Vec<Picks>, Vec<String>)> {
    let mut rest = text;
    let (mut parts, mut names) = (vec![], vec![]);
    let named = text.starts_with(':');
    while let Some(inner) = rest.strip_suffix(']') {
        let Some(open) = inner.rfind('[') else { break };
        let bracket = &inner[open + 1..];
        // The first bracket behind a name may say which array: `[1]`, `[SCI]`, `[SCI,2]`.
        if open == 0 && is_key(bracket) {
            parts.reverse();
            return Ok((Some(Key::Bracket(bracket.into())), parts, names));
        }
        match Picks::parse(bracket) {
            Ok(picks) => parts.push(picks),
            // A name may have brackets in it.
            Err(_) if named => break,
            Err(error) => return Err(error),
        }
        names.extend(rest.strip_prefix(':').map(str::to_owned));
        rest = &inner[..open];
    }
    parts.reverse();
    names.reverse();
    match rest.strip_prefix(':') {
        Some(key) => Ok((Some(Key::Name(key.into())), parts, names)),
        None if rest.is_empty() => Ok((None, parts, names)),
        None => Picks::parse(rest).map(|_| (None, parts, names)),
    }
}

/// Whether the text in a bracket names an array, and not a part of one: a whole number alone, or a name.
fn is_key(bracket: &str) -> bool {
    let first = bracket.trim().split(',').next().unwrap_or("").trim();
    let name = first.starts_with(|c: char| c.is_alphabetic() || c == '\'' || c == '"');
    let number = !bracket.contains(',') && first.parse::<usize>().is_ok();
    name || number
}
