//! `maparray npz`: what is in an archive, and how does it become a better one?
//!
//! Arrays are copied by the library, which replaces files in one step and adds to them safely.

use std::io::Write;
use std::path::Path;

use maparray::{
    Contents, Inflate, MemMapArray, Mode, SaveNpz, Storing, align_npz, extend_npz, repair_npz,
};
use serde_json::{Value, json};

use super::info::{list_to_json, write_list};
use super::{pack, print_json};
use crate::args::{How, InflateLimit, Npz, Unpack};
use crate::failure::Failure;
use crate::value;

impl InflateLimit {
    pub(super) fn inflate(self) -> Inflate {
        Inflate {
            most: self.limit.map(|limit| limit.0 as u64),
            ..Inflate::default()
        }
    }
}

pub(super) fn run(npz: &Npz, how: &How, out: &mut dyn Write) -> Result<(), Failure> {
    match npz {
        Npz::List { file } => list(file, how, out),
        Npz::Add {
            file,
            arrays,
            deflate,
            align,
        } => {
            let options = SaveNpz {
                storing: if *deflate {
                    Storing::Deflated
                } else {
                    Storing::Stored
                },
                align: align.align,
                ..SaveNpz::default()
            };
            let opened = arrays.iter().map(|binding| {
                let inflate = Inflate::default();
                MemMapArray::open_inflated(&binding.file, Mode::Read, &inflate)
            });
            let opened = opened.collect::<maparray::Result<Vec<MemMapArray>>>()?;
            let names = arrays.iter().map(|binding| binding.name.as_str());
            let arrays: Vec<(&str, &MemMapArray)> = names.zip(&opened).collect();
            extend_npz(file, &arrays, &options)?;
            written(file, how, out)
        }
        Npz::Extract {
            file,
            names,
            directory,
            limit,
        } => {
            let unpack = Unpack {
                file: file.clone(),
                folder: directory.clone(),
                names: names.clone(),
                limit: *limit,
            };
            pack::unpack(&unpack, how, out)
        }
        Npz::Align {
            file,
            output,
            inflate,
            align,
            limit,
        } => {
            let options = SaveNpz {
                align: align.align,
                ..SaveNpz::default()
            };
            let target = output.as_ref().unwrap_or(file);
            let inflated = limit.inflate();
            align_npz(file, target, &options, inflate.then_some(&inflated))?;
            written(target, how, out)
        }
        Npz::Check { file, repair } => check(file, *repair, how, out),
    }
}

fn list(file: &Path, how: &How, out: &mut dyn Write) -> Result<(), Failure> {
    let contents = Contents::open(file)?;
    let all: Vec<usize> = (0..contents.keys().len()).collect();
    match how.json {
        true => print_json(out, &list_to_json(file, &contents, &all)),
        false => write_list(file, &contents, &all, out),
    }
}

/// What is in a file that was written.
pub(super) fn written(file: &Path, how: &How, out: &mut dyn Write) -> Result<(), Failure> {
    match how.quiet && !how.json {
        true => Ok(()),
        false => list(file, how, out),
    }
}

fn check(file: &Path, repair: bool, how: &How, out: &mut dyn Write) -> Result<(), Failure> {
    let repaired = if repair { repair_npz(file)? } else { vec![] };
    let contents = Contents::open(file)?;
    let keys = contents.keys();
    let checked = keys.iter().enumerate();
    let checked = checked.map(|(index, key)| (key, contents.verify(index)));
    let checked: Vec<(&String, maparray::Result<()>)> = checked.collect();
    let wrong = checked.iter().filter(|(_, found)| found.is_err()).count();
    if how.json {
        let arrays = checked.iter().map(|(key, found)| {
            let error = found.as_ref().err().map(ToString::to_string);
            json!({ "key": key, "good": found.is_ok(), "error": error })
        });
        let document = json!({
            "path": file.display().to_string(),
            "good": wrong == 0,
            "repaired": repaired,
            "arrays": arrays.collect::<Vec<Value>>(),
        });
        print_json(out, &document)?;
    } else if !how.quiet {
        for line in &repaired {
            writeln!(out, "{}", value::plain(line))?;
        }
        for (key, found) in &checked {
            match found {
                Ok(()) => writeln!(out, "{}: good", value::plain(key))?,
                Err(error) => {
                    let error = value::plain(&error.to_string());
                    writeln!(out, "{}: {error}", value::plain(key))?;
                }
            }
        }
    }
    match wrong {
        0 => Ok(()),
        _ => {
            let (file, all) = (value::path(file), keys.len());
            Err(Failure::Wrong(format!(
                "{file}: {wrong} of {all} members are damaged"
            )))
        }
    }
}
