//! `maparray pack`, `unpack`: how do several files become one, and one several?
//!
//! Files get their names when they are whole. None is replaced unless that is said.

use std::io::Write;

use maparray::{Contents, Existing, MemMapArray, pack as pack_all, unpack as unpack_all};
use serde_json::json;

use super::convert::unless_taken;
use super::npz::written;
use super::{open, print_json};
use crate::args::{How, Pack, Unpack};
use crate::failure::Failure;
use crate::{progress, value};

pub(super) fn pack(
    pack: &Pack,
    how: &How,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let mut arrays = vec![];
    for binding in &pack.arrays {
        let opened = open(&binding.file, None, how, err)?;
        arrays.push((binding.name.as_str(), opened.into_plain()?));
    }
    let arrays = arrays.iter().map(|(name, array)| (*name, array));
    let arrays: Vec<(&str, &MemMapArray)> = arrays.collect();
    let existing = match pack.overwrite {
        true => Existing::Replace,
        false => Existing::Refuse,
    };
    let work = || pack_all(&pack.output, &arrays, existing);
    maparray::watched(progress::watcher(how), work).map_err(unless_taken)?;
    written(&pack.output, how, out)
}

pub(super) fn unpack(unpack: &Unpack, how: &How, out: &mut dyn Write) -> Result<(), Failure> {
    let keys = match unpack.names.is_empty() {
        true => Contents::open(&unpack.file)?.keys(),
        false => unpack.names.clone(),
    };
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let work = || unpack_all(&unpack.file, &keys, &unpack.folder, &unpack.limit.inflate());
    let files = maparray::watched(progress::watcher(how), work)?;
    if how.json {
        let files = files.iter().map(|file| json!(file.display().to_string()));
        return print_json(out, &files.collect());
    }
    for file in files.iter().filter(|_| !how.quiet) {
        writeln!(out, "{}", value::path(file))?;
    }
    Ok(())
}
