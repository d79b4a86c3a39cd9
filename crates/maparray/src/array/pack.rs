//! How do several arrays become one file, and one file several?
//!
//! Arrays are mapped, and copied one after the other; only what is compressed or scaled is unpacked
//! before, to files without a name if memory is short.
//!
//! Knows: errors, formats, maps. Must not know: operations, expressions.

use std::path::{Component, Path, PathBuf};

use super::archive::{Inflate, SaveNpz, save_npz};
use super::contents::Contents;
use super::save_fits::{FitsImage, save_fits};
use super::target::{Place, names_arrays};
use super::{Address, Create, FitsHeader, MemMapArray, Opened, tensors};
use crate::error::{Error, Problem, Result};
use crate::format::fits::Cards;
use crate::format::{Format, Storage};
use crate::map::{Existing, Mode};

/// Writes arrays by their names into a new file of the format that the end of its name says, an
/// archive, safetensors or FITS: whole and durable or not at all.
///
/// In FITS the first array is the primary image, and names become `EXTNAME`, but for an image's own
/// number and `PRIMARY` of the first one, by which they are found anyway; other numbers are no names.
///
/// # Errors
/// `Io` if it cannot be written, or is there and must stay; `Mismatch` for names that are there twice
/// or that the format cannot have; `Unsupported` for dtypes that it has not, and for other formats.
///
/// ```
/// use maparray::{Contents, Existing, MemMapArray, pack};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.npz");
/// let (x, y) = (MemMapArray::from_slice(&[1.5_f64]), MemMapArray::from_slice(&[1_u8, 2]));
/// pack(&path, &[("x", &x), ("y", &y)], Existing::Refuse)?;
/// assert_eq!(Contents::open(&path)?.keys(), ["x", "y"]);
/// assert!(pack(&path, &[("x", &x)], Existing::Refuse).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn pack(
    path: impl AsRef<Path>,
    arrays: &[(&str, &MemMapArray)],
    existing: Existing,
) -> Result<()> {
    let path = path.as_ref();
    let create = Create {
        existing,
        ..Create::default()
    };
    let format = create.format_of(path);
    write(path, format, arrays, &Beside::default(), existing)
}

/// What a file says beside its arrays.
#[derive(Default)]
struct Beside {
    /// Texts of safetensors.
    texts: Vec<(String, String)>,
    /// The cards of each image of FITS.
    cards: Vec<Cards>,
}

fn write(
    path: &Path,
    format: Format,
    arrays: &[(&str, &MemMapArray)],
    beside: &Beside,
    existing: Existing,
) -> Result<()> {
    match format {
        Format::Npz => {
            let options = SaveNpz {
                existing,
                ..SaveNpz::default()
            };
            save_npz(path, arrays, &options)
        }
        Format::Safetensors => {
            let texts = beside.texts.iter().map(|(name, text)| (&**name, &**text));
            let texts: Vec<(&str, &str)> = texts.collect();
            let saved = tensors::save(path, arrays, &texts, existing);
            saved.map_err(|error| error.at(path))
        }
        Format::Fits => {
            // It does not tell capitals from small letters.
            for (place, (name, _)) in arrays.iter().enumerate() {
                let known = |(known, _): &(&str, _)| known.eq_ignore_ascii_case(name);
                if arrays[..place].iter().any(known) {
                    let name = (*name).to_owned();
                    return Err(Error::new(Problem::FitsNameKnown { name }).at(path));
                }
            }
            let images = arrays.iter().enumerate().map(|(place, (name, array))| {
                let image = FitsImage::new(array);
                match beside.cards.get(place) {
                    // They have its name.
                    Some(cards) => image.with(cards),
                    None if place == 0 && name.eq_ignore_ascii_case("PRIMARY") => image,
                    None => image.named(name),
                }
            });
            save_fits(path, &images.collect::<Vec<_>>(), existing)
        }
        format => {
            let format = format.row().name;
            Err(Error::new(Problem::NotForSeveral { format }).at(path))
        }
    }
}

/// Writes all arrays of a file of several into a new one of another format (or the same), with their
/// names, whole and durable or not at all. Gives the names; `None`, and nothing is done, if one of the
/// two files is for one array.
///
/// Texts of safetensors and cards of FITS go to a file of the same format, not to one of another. FITS
/// has an array's number for a name if it has none. Scaled numbers become those that they stand for.
///
/// # Errors
/// As [`pack`] and [`Contents::inflate`]; `Unsupported` if something is compressed and nobody allowed
/// that it is inflated; `Malformed` if something in the file is no array.
///
/// ```
/// use maparray::{Create, MemMapArray, SaveNpz, convert_all, save_npz};
/// # let folder = tempfile::tempdir()?;
/// let [from, to] = ["a.npz", "a.safetensors"].map(|name| folder.path().join(name));
/// let (x, y) = (MemMapArray::from_slice(&[1.5_f64]), MemMapArray::from_slice(&[1_u8, 2]));
/// save_npz(&from, &[("x", &x), ("y", &y)], &SaveNpz::default())?;
/// let names = convert_all(&from, &to, &Create::default(), None)?;
/// assert_eq!(names, Some(vec!["x".to_owned(), "y".to_owned()]));
/// assert_eq!(convert_all(&from, "a.npy", &Create::default(), None)?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn convert_all(
    from: impl AsRef<Path>,
    to: impl AsRef<Path>,
    options: &Create,
    inflate: Option<&Inflate>,
) -> Result<Option<Vec<String>>> {
    let to = to.as_ref();
    let format = options.format_of(to);
    if !names_arrays(format) || Place::parse(to, options.format).name.is_some() {
        return Ok(None);
    }
    let address = Address::parse(from)?;
    if address.key.is_some() || !address.parts.is_empty() {
        return Ok(None);
    }
    let contents = Contents::open(&address.path)?;
    let keys = contents.keys();
    match contents.format() {
        Format::Npz | Format::Safetensors => {}
        Format::Fits if keys.len() > 1 => {}
        _ => return Ok(None),
    }
    let same = contents.format() == format;
    let mut beside = Beside::default();
    if same && format == Format::Safetensors {
        let texts = super::safetensors_metadata(&address.path)?;
        beside.texts = texts.into_iter().collect();
    }
    let mut arrays = vec![];
    for index in 0..keys.len() {
        let opened = opened(&contents, index, inflate)?;
        if same && format == Format::Fits {
            let header = FitsHeader::before(&address.path, opened.raw().data_offset())?;
            beside.cards.push(header.cards().clone());
        }
        arrays.push(opened.into_plain()?);
    }
    let named = keys.iter().map(String::as_str).zip(&arrays);
    let named: Vec<(&str, &MemMapArray)> = named.collect();
    write(to, format, &named, &beside, options.existing)?;
    Ok(Some(keys))
}

/// Maps an array, or copies what is compressed, if that is allowed.
fn opened(contents: &Contents, index: usize, how: Option<&Inflate>) -> Result<Opened> {
    match (how, contents.format(), contents.entry(index)?.storage) {
        (None, ..) | (_, Format::Fits, _) | (.., Storage::Plain) => {
            contents.opened(index, Mode::Read)
        }
        (Some(how), ..) => contents.inflate(index, how).map(Opened::Plain),
    }
}

/// Writes arrays of a file to `.npy` files of a folder, which are called as the arrays; returns their
/// names. Each file is there whole or not at all.
///
/// # Errors
/// `Io` if they cannot be written, `Mismatch` if a name would lead out of the folder or a file is there
/// already; as [`Contents::inflate`].
///
/// ```
/// use maparray::{Inflate, MemMapArray, SaveNpz, save_npz, unpack};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.npz");
/// save_npz(&path, &[("x", &MemMapArray::from_slice(&[1.5_f64]))], &SaveNpz::default())?;
/// let names = unpack(&path, &["x"], folder.path(), &Inflate::default())?;
/// assert_eq!(MemMapArray::read(&names[0])?.to_vec::<f64>()?, [1.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn unpack(
    path: impl AsRef<Path>,
    keys: &[&str],
    folder: impl AsRef<Path>,
    how: &Inflate,
) -> Result<Vec<PathBuf>> {
    let (path, folder) = (path.as_ref(), folder.as_ref());
    let contents = Contents::open(path)?;
    // All names first, so that nothing is written if one is no good.
    let mut names = vec![];
    for key in keys {
        let name = inside(key).ok_or_else(|| {
            let name = (*key).to_owned();
            Error::new(Problem::MemberName { name }).at(path)
        })?;
        let target = folder.join(name);
        let known = names.iter().any(|(_, known)| *known == target);
        if known || target.symlink_metadata().is_ok() {
            return Err(Error::new(Problem::Exists).at(target));
        }
        names.push((contents.find(Some(key))?, target));
    }
    for (index, target) in &names {
        let array = opened(&contents, *index, Some(how))?.into_plain()?;
        if let Some(parent) = target.parent() {
            let made = std::fs::create_dir_all(parent);
            made.map_err(|error| Error::io("make the folder", error).at(parent))?;
        }
        let options = Create {
            format: Some(Format::Npy),
            order: array.order(),
            existing: Existing::Refuse,
            ..Create::default()
        };
        array.save_as(target, &options)?;
    }
    Ok(names.into_iter().map(|(_, target)| target).collect())
}

/// The file name for an array, if it stays inside the folder that it is joined to.
fn inside(key: &str) -> Option<PathBuf> {
    let key = key.strip_suffix(".npy").unwrap_or(key);
    let path = Path::new(key);
    let mut parts = path.components();
    let plain = parts.all(|part| matches!(part, Component::Normal(_)));
    // A name of another system may mean a folder there.
    (plain && !key.is_empty() && !key.contains('\\') && !key.contains(':'))
        .then(|| PathBuf::from(format!("{key}.npy")))
}
