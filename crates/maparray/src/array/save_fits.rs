//! How do arrays become a FITS file?
//!
//! Headers first, so that every length is known; then elements, piece by piece, into a file that gets
//! its name when it is whole.
//!
//! Knows: errors, dtypes, layouts, formats, maps. Must not know: operations, expressions.

use std::path::Path;

use super::{MemMapArray, unit};
use crate::crew::{Crew, callers_watch};
use crate::dtype::{ByteOrder, DType, Scalar};
use crate::error::{Error, Problem, Result};
use crate::format::Header;
use crate::format::fits::{BLOCK, Cards, Value, is_structural};
use crate::layout::{Order, Walk};
use crate::map::{Allocate, Existing, FOLIO, Flush, NewFile};
use crate::unit::Unit;

/// Cards that are about the bytes of an old file.
const STALE: [&str; 2] = ["CHECKSUM", "DATASUM"];

/// An image for a FITS file.
#[derive(Clone, Copy, Debug)]
pub struct FitsImage<'a> {
    /// Its numbers; its unit becomes `BUNIT`.
    pub array: &'a MemMapArray,
    /// `EXTNAME`.
    pub name: Option<&'a str>,
    /// Further cards; those that say how data lies are left out.
    pub cards: Option<&'a Cards>,
}

impl<'a> FitsImage<'a> {
    /// An image of an array without a name and without further cards.
    pub fn new(array: &'a MemMapArray) -> FitsImage<'a> {
        FitsImage {
            array,
            name: None,
            cards: None,
        }
    }

    /// The same with a name.
    #[must_use]
    pub fn named(self, name: &'a str) -> FitsImage<'a> {
        let name = Some(name);
        FitsImage { name, ..self }
    }

    /// The same with further cards.
    #[must_use]
    pub fn with(self, cards: &'a Cards) -> FitsImage<'a> {
        let cards = Some(cards);
        FitsImage { cards, ..self }
    }
}

/// Writes a new FITS file of images, whole and durable or not at all: the first one is the primary
/// image, the others are extensions.
///
/// Unsigned integers and `int8` are stored shifted, as the standard has it: see
/// [`Scaled`](crate::Scaled).
///
/// # Errors
/// `Unsupported` for dtypes that FITS has no image of (`bool`, `float16`, complex numbers) and arrays
/// without axes, `Mismatch` for names and cards that it cannot
/// have, `Io` if the file cannot be written; an old file of that name is then still there.
///
/// ```
/// use maparray::fits::{Cards, Value};
/// use maparray::{Existing, FitsImage, MemMapArray, Mode, Unit, save_fits};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.fits");
/// let science = MemMapArray::from_slice(&[1.0_f32, 2.0]).with_unit(Unit::parse("adu")?);
/// let mask = MemMapArray::from_slice(&[0_u8, 1]);
/// let mut cards = Cards::default();
/// cards.set("EXPTIME", Value::Float(30.0), Some("[s]"))?;
/// let images = [FitsImage::new(&science).with(&cards), FitsImage::new(&mask).named("MASK")];
/// save_fits(&path, &images, Existing::Refuse)?;
/// let again = MemMapArray::open(&path, Mode::Read)?;
/// assert_eq!(again.unit(), Some(&"adu".parse()?));
/// let mask = MemMapArray::open(format!("{}[MASK]", path.display()), Mode::Read)?;
/// assert_eq!(mask.to_vec::<u8>()?, [0, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn save_fits(
    path: impl AsRef<Path>,
    images: &[FitsImage<'_>],
    existing: Existing,
) -> Result<()> {
    let path = path.as_ref();
    write(path, images, existing).map_err(|error| error.at(path))
}

fn write(path: &Path, images: &[FitsImage<'_>], existing: Existing) -> Result<()> {
    let mut headers = vec![];
    for (number, image) in images.iter().enumerate() {
        headers.push(cards_of(number, image)?.to_bytes());
    }
    if images.is_empty() {
        let mut cards = Cards::default();
        start(&mut cards, 0, 8, &[])?;
        headers.push(cards.to_bytes());
    }
    let padded = |image: &FitsImage<'_>| padded(image.array.byte_len() as u64);
    let data: u64 = images.iter().map(padded).sum();
    let all: u64 = headers.iter().map(|header| header.len() as u64).sum();
    let file = NewFile::create(path, all + data, existing, Allocate::Full)?;
    let mut at = 0;
    for (number, header) in headers.iter().enumerate() {
        file.write_at(at, header)?;
        at += header.len() as u64;
        if let Some(image) = images.get(number) {
            write_data(&file, at, image.array)?;
            at += padded(image);
        }
    }
    file.commit(Flush::Durable)
}

/// `BITPIX`, and `BZERO` of numbers that are stored shifted.
fn bitpix(dtype: &DType) -> Result<(i64, Option<i128>)> {
    Ok(match dtype.scalar() {
        Some(Scalar::U8) => (8, None),
        Some(Scalar::I8) => (8, Some(-128)),
        Some(Scalar::I16) => (16, None),
        Some(Scalar::U16) => (16, Some(1 << 15)),
        Some(Scalar::I32) => (32, None),
        Some(Scalar::U32) => (32, Some(1 << 31)),
        Some(Scalar::I64) => (64, None),
        Some(Scalar::U64) => (64, Some(1 << 63)),
        Some(Scalar::F32) => (-32, None),
        Some(Scalar::F64) => (-64, None),
        _ => return Err(no_image(dtype)),
    })
}

/// What numbers of a dtype are stored as that FITS has only shifted, and what they are shifted by.
pub(super) fn shifted_form(dtype: &DType) -> Option<(DType, f64)> {
    let (stored, zero) = match bitpix(dtype).ok()? {
        (8, Some(zero)) => (Scalar::U8, zero),
        (16, Some(zero)) => (Scalar::I16, zero),
        (32, Some(zero)) => (Scalar::I32, zero),
        (64, Some(zero)) => (Scalar::I64, zero),
        _ => return None,
    };
    // A power of two, which a float has exactly.
    Some((stored.native().with_order(ByteOrder::Big), zero as f64))
}

/// Turns the first bit of numbers over, the most significant bytes first: half of the range is added or
/// taken away.
pub(super) fn shift(bytes: &mut [u8], item: usize) {
    bytes
        .iter_mut()
        .step_by(item.max(1))
        .for_each(|byte| *byte ^= 0x80);
}

/// The bytes before the elements of a new file of one image; the header says from then on how they are
/// stored.
pub(super) fn begin(
    header: &mut Header,
    unit: Option<&Unit>,
    name: Option<&str>,
) -> Result<Vec<u8>> {
    if header.shape.is_empty() {
        return Err(Error::new(Problem::FitsAxes));
    }
    let (bitpix, zero) = bitpix(&header.dtype)?;
    let mut cards = Cards::default();
    start(&mut cards, 0, bitpix, &header.shape)?;
    shifted_by(&mut cards, zero)?;
    named(&mut cards, 0, name)?;
    if let Some(text) = unit::fits_text(unit) {
        cards.set("BUNIT", Value::Text(text), None)?;
    }
    let bytes = cards.to_bytes();
    header.dtype = header.dtype.with_order(ByteOrder::Big);
    header.order = Order::C;
    header.data_offset = bytes.len() as u64;
    Ok(bytes)
}

/// The bytes that a file of so many has when its last block is full.
pub(super) fn padded(len: u64) -> u64 {
    len.next_multiple_of(BLOCK as u64)
}

/// Whether numbers are stored shifted.
pub(super) fn is_shifted(dtype: &DType) -> bool {
    bitpix(dtype).is_ok_and(|(_, zero)| zero.is_some())
}

fn shifted_by(cards: &mut Cards, zero: Option<i128>) -> Result<()> {
    let Some(zero) = zero else { return Ok(()) };
    cards.set("BSCALE", Value::Integer(1), None)?;
    cards.set("BZERO", Value::Integer(zero), None)
}

/// Gives the image at a place its name. A number is no name: it finds the image at that place.
fn named(cards: &mut Cards, place: usize, name: Option<&str>) -> Result<()> {
    let Some(name) = name.filter(|name| *name != place.to_string()) else {
        return Ok(());
    };
    let name = name.to_owned();
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::new(Problem::FitsName { name, place }));
    }
    let text = Value::Text(name);
    cards.set("EXTNAME", text, Some("extension name"))
}

fn no_image(dtype: &DType) -> Error {
    let dtype = dtype.to_string();
    Error::new(Problem::FitsDType { dtype })
}

/// The cards of an image.
fn cards_of(number: usize, image: &FitsImage<'_>) -> Result<Cards> {
    if image.array.ndim() == 0 {
        return Err(Error::new(Problem::FitsAxes));
    }
    let (bitpix, zero) = bitpix(image.array.dtype())?;
    let mut cards = Cards::default();
    start(&mut cards, number, bitpix, image.array.shape())?;
    shifted_by(&mut cards, zero)?;
    named(&mut cards, number, image.name)?;
    for card in image.cards.iter().flat_map(|cards| cards.iter()) {
        let keyword = card.keyword().to_ascii_uppercase();
        let ours = keyword == "EXTNAME" && image.name.is_some();
        if !ours && !is_structural(&keyword) && !STALE.contains(&keyword.as_str()) {
            cards.push(card.clone());
        }
    }
    if let Some(text) = unit::fits_text(image.array.unit()) {
        cards.set("BUNIT", Value::Text(text), None)?;
    }
    Ok(cards)
}

/// What every header begins with; the comments are astropy's, so that its tools see no difference.
fn start(cards: &mut Cards, number: usize, bitpix: i64, shape: &[usize]) -> Result<()> {
    let integer = |number: usize| Value::Integer(number as i128);
    match number {
        0 => cards.set(
            "SIMPLE",
            Value::Logical(true),
            Some("conforms to FITS standard"),
        )?,
        _ => {
            let kind = Value::Text("IMAGE".into());
            cards.set("XTENSION", kind, Some("Image extension"))?;
        }
    }
    cards.set(
        "BITPIX",
        Value::Integer(bitpix.into()),
        Some("array data type"),
    )?;
    cards.set(
        "NAXIS",
        integer(shape.len()),
        Some("number of array dimensions"),
    )?;
    for (axis, &len) in shape.iter().rev().enumerate() {
        cards.set(&format!("NAXIS{}", axis + 1), integer(len), None)?;
    }
    if number == 0 {
        return cards.set("EXTEND", Value::Logical(true), None);
    }
    cards.set("PCOUNT", Value::Integer(0), Some("number of parameters"))?;
    cards.set("GCOUNT", Value::Integer(1), Some("number of groups"))
}

/// Writes elements in C order, the most significant bytes first.
fn write_data(file: &NewFile, at: u64, array: &MemMapArray) -> Result<()> {
    let item = array.layout().item_size();
    let shifted = is_shifted(array.dtype());
    let big = array.dtype().with_order(ByteOrder::Big);
    let walk = Walk::new(array.layout());
    let source = array.source();
    let most = FOLIO / item;
    let crew = Crew::new(1, array.byte_len() as u64, callers_watch());
    crew.run(
        1,
        || Ok(vec![]),
        |_, buffer: &mut Vec<u8>, member| {
            for start in (0..array.len()).step_by(most) {
                buffer.resize(most.min(array.len() - start) * item, 0);
                source.load(&walk, start, buffer)?;
                big.swap_to_native(buffer);
                if shifted {
                    shift(buffer, item);
                }
                file.write_at(at + (start * item) as u64, buffer)?;
                member.advance(buffer.len() as u64)?;
            }
            Ok(())
        },
    )
}
