//! What is in an HDU?
//!
//! Knows: errors, dtypes, layouts, cards. Must not know: files, maps.

use super::card::Value;
use super::cards::{BLOCK, Cards};
use super::table;
use crate::dtype::{ByteOrder, DType, Scalar};
use crate::error::{Error, Problem, Result};
use crate::format::{Format, Header, Scaling};
use crate::layout::{MAX_AXES, Order};

/// Axes that the standard allows.
const MOST_AXES: i64 = 999;

/// What kind of data an HDU has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers along axes.
    Image,
    /// A binary table.
    Table,
    /// An image or a table that is compressed, in a binary table.
    Compressed,
    /// Something else, such as a table of text.
    Other(String),
}

/// A header and where its data lies.
///
/// ```
/// use maparray::fits::{Cards, Hdu, Kind, Value};
/// let mut cards = Cards::default();
/// cards.set("SIMPLE", Value::Logical(true), None)?;
/// cards.set("BITPIX", Value::Integer(-32), None)?;
/// cards.set("NAXIS", Value::Integer(2), None)?;
/// cards.set("NAXIS1", Value::Integer(3), None)?;
/// cards.set("NAXIS2", Value::Integer(2), None)?;
/// let hdu = Hdu::new(0, 0, 2880, cards)?;
/// assert_eq!((&hdu.kind, hdu.data_len), (&Kind::Image, 24));
/// assert_eq!(hdu.header()?.shape, [2, 3]);
/// # Ok::<(), maparray::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Hdu {
    /// Its number in the file, the first one's is 0.
    pub number: usize,
    /// What it holds.
    pub kind: Kind,
    /// `EXTNAME`, empty if there is none.
    pub name: String,
    /// `EXTVER`, 1 if there is none.
    pub version: i64,
    /// Byte of the file at which its header begins.
    pub offset: u64,
    /// Bytes of the header, whole blocks.
    pub header_len: u64,
    /// Bytes of the data, without those that fill up the last block.
    pub data_len: u64,
    /// Its cards.
    pub cards: Cards,
    /// `BITPIX`.
    bitpix: i64,
    /// `NAXIS1` and so on.
    axes: Vec<u64>,
}

impl Hdu {
    /// What the cards of a header say, which begins at byte `offset` of a file.
    ///
    /// # Errors
    /// `Malformed` if what every header must have is missing, there twice, or makes no sense.
    pub fn new(number: usize, offset: u64, header_len: u64, cards: Cards) -> Result<Hdu> {
        let look = Look {
            cards: &cards,
            offset,
        };
        let first = if number == 0 { "SIMPLE" } else { "XTENSION" };
        let kind = match look.needed(first)? {
            Value::Logical(true) if number == 0 => Kind::Image,
            Value::Text(text) if number > 0 => kind_of(&text, &cards),
            value => {
                let expected = if number == 0 { "`T`" } else { "a text" };
                return Err(look.wrong(first, &value, expected));
            }
        };
        let bitpix = look.integer("BITPIX")?;
        if !matches!(bitpix, 8 | 16 | 32 | 64 | -32 | -64) {
            let value = Value::Integer(bitpix.into());
            return Err(look.wrong("BITPIX", &value, "8, 16, 32, 64, -32 or -64"));
        }
        let count = look.within("NAXIS", 0, MOST_AXES, "0 to 999")?;
        let axes: Result<Vec<u64>> = (1..=count)
            .map(|axis| {
                let most = i64::MAX;
                let len = look.within(&format!("NAXIS{axis}"), 0, most, "0 or more")?;
                Ok(len.unsigned_abs())
            })
            .collect();
        let axes = axes?;
        let (mut pcount, mut gcount) = (0, 1);
        if number > 0 {
            pcount = look.or("PCOUNT", 0, "0 or more")?;
            gcount = look.or("GCOUNT", 1, "0 or more")?;
        } else if axes.first() == Some(&0) && cards.value("GROUPS") == Some(Value::Logical(true)) {
            return Err(Error::new(Problem::FitsKind {
                found: "random groups".into(),
            }));
        }
        let data_len = match axes.is_empty() {
            true => Some(0),
            false => data_len(bitpix, &axes, pcount, gcount),
        };
        let Some(data_len) = data_len else {
            let found = axes.iter().map(u64::to_string).collect::<Vec<_>>();
            let value = Value::Unknown(found.join(" x "));
            return Err(look.wrong("NAXIS", &value, "axes of an array that can exist"));
        };
        let name = cards.value("EXTNAME");
        let name = name.as_ref().and_then(Value::as_text);
        let version = cards.value("EXTVER");
        Ok(Hdu {
            number,
            kind,
            name: name.unwrap_or_default().trim().to_owned(),
            version: version.and_then(|value| value.as_integer()).unwrap_or(1),
            offset,
            header_len,
            data_len,
            bitpix,
            axes,
            cards,
        })
    }

    /// Byte of the file at which its data begins.
    pub fn data_offset(&self) -> u64 {
        self.offset.saturating_add(self.header_len)
    }

    /// Byte of the file at which the next HDU begins.
    pub fn end(&self) -> u64 {
        let block = BLOCK as u64;
        let blocks = self.data_len.div_ceil(block);
        self.data_offset()
            .saturating_add(blocks.saturating_mul(block))
    }

    /// Whether it has a place for data; the first HDU of a file of extensions has none.
    pub fn has_data(&self) -> bool {
        !self.axes.is_empty()
    }

    /// What array it is.
    ///
    /// # Errors
    /// `Empty` if it has no data, `Unsupported` for kinds of data that are no array, `Malformed` if its
    /// cards contradict each other.
    pub fn header(&self) -> Result<Header> {
        if !self.has_data() {
            return Err(Error::new(Problem::FitsNoData {
                number: self.number,
            }));
        }
        match &self.kind {
            Kind::Image => self.image(),
            Kind::Table => self.table(),
            Kind::Compressed => Err(Error::new(Problem::FitsCompressed)),
            Kind::Other(found) => Err(Error::new(Problem::FitsKind {
                found: found.clone(),
            })),
        }
    }

    /// What the image is that is compressed here.
    ///
    /// # Errors
    /// `Malformed` if its cards make no sense, `Unsupported` if it is a table.
    pub fn compressed(&self) -> Result<Header> {
        let look = self.look();
        if self.cards.value("ZIMAGE") != Some(Value::Logical(true)) {
            return Err(Error::new(Problem::FitsCompressed));
        }
        let count = look.within("ZNAXIS", 0, MAX_AXES as i64, "0 to 64")?;
        let axes: Result<Vec<u64>> = (1..=count)
            .map(|axis| {
                let len = look.within(&format!("ZNAXIS{axis}"), 0, i64::MAX, "0 or more")?;
                Ok(len.unsigned_abs())
            })
            .collect();
        self.header_of(look.integer("ZBITPIX")?, &axes?)
    }

    fn look(&self) -> Look<'_> {
        Look {
            cards: &self.cards,
            offset: self.offset,
        }
    }

    fn image(&self) -> Result<Header> {
        self.header_of(self.bitpix, &self.axes)
    }

    fn header_of(&self, bitpix: i64, axes: &[u64]) -> Result<Header> {
        let look = self.look();
        let scalar = match bitpix {
            8 => Scalar::U8,
            16 => Scalar::I16,
            32 => Scalar::I32,
            64 => Scalar::I64,
            -32 => Scalar::F32,
            _ => Scalar::F64,
        };
        let dtype = DType::from(scalar).with_order(ByteOrder::Big);
        let header = self.header_with(dtype, axes)?;
        let scaling = Scaling {
            scale: look.number("BSCALE", 1.0)?,
            zero: look.number("BZERO", 0.0)?,
            blank: match self.cards.value("BLANK") {
                Some(value) if bitpix > 0 && value != Value::Undefined => Some(
                    value
                        .as_integer()
                        .ok_or_else(|| look.wrong("BLANK", &value, "a whole number"))?,
                ),
                _ => None,
            },
        };
        let plain = scaling.scale == 1.0 && scaling.zero == 0.0 && scaling.blank.is_none();
        let unit = self.cards.value("BUNIT");
        let unit = unit.as_ref().and_then(Value::as_text).map(str::trim);
        Ok(Header {
            unit: unit.filter(|text| !text.is_empty()).map(str::to_owned),
            scaling: Some(scaling).filter(|_| !plain),
            ..header
        })
    }

    fn table(&self) -> Result<Header> {
        let look = self.look();
        let [row, rows] = self.axes[..] else {
            let found = Value::Integer(self.axes.len() as i128);
            return Err(look.wrong("NAXIS", &found, "2 for a table"));
        };
        if self.bitpix != 8 {
            let found = Value::Integer(self.bitpix.into());
            return Err(look.wrong("BITPIX", &found, "8 for a table"));
        }
        let record = table::record(&look, row)?;
        self.header_with(record, &[rows])
    }

    fn header_with(&self, dtype: DType, axes: &[u64]) -> Result<Header> {
        if axes.len() > MAX_AXES {
            return Err(Error::new(Problem::TooManyAxes { found: axes.len() }));
        }
        let shape = axes.iter().rev().map(|&len| {
            // `data_len` of axes without a zero is a size of memory; with one, lengths may be any.
            usize::try_from(len).unwrap_or(usize::MAX)
        });
        let header = Header {
            format: Format::Fits,
            version: (4, 0),
            dtype,
            shape: shape.collect(),
            order: Order::C,
            data_offset: self.data_offset(),
            unit: None,
            scaling: None,
        };
        header.byte_len()?;
        Ok(header)
    }
}

/// Bytes of the data, or `None` if no machine could have it.
fn data_len(bitpix: i64, axes: &[u64], pcount: u64, gcount: u64) -> Option<u64> {
    let mut elements = 1u64;
    for &len in axes {
        elements = elements.checked_mul(len)?;
    }
    let group = elements.checked_add(pcount)?.checked_mul(gcount)?;
    let bytes = group.checked_mul(bitpix.unsigned_abs() / 8)?;
    i64::try_from(bytes).ok().map(i64::unsigned_abs)
}

fn kind_of(text: &str, cards: &Cards) -> Kind {
    let says = |keyword| cards.value(keyword) == Some(Value::Logical(true));
    match text.trim() {
        "IMAGE" | "IUEIMAGE" => Kind::Image,
        "BINTABLE" | "A3DTABLE" if says("ZIMAGE") || says("ZTABLE") => Kind::Compressed,
        "BINTABLE" | "A3DTABLE" => Kind::Table,
        "TABLE" => Kind::Other("table of text (`TABLE`)".into()),
        other => Kind::Other(format!("`{other}`")),
    }
}

/// Cards to be asked for what must be there.
pub(super) struct Look<'c> {
    pub(super) cards: &'c Cards,
    offset: u64,
}

impl Look<'_> {
    /// A card that makes no sense.
    pub(super) fn wrong(&self, keyword: &str, found: &Value, expected: &'static str) -> Error {
        let at = self.cards.byte_of(keyword).unwrap_or(0);
        let found = match found {
            Value::Text(text) | Value::Unknown(text) | Value::Commentary(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Logical(truth) => if *truth { "T" } else { "F" }.into(),
            Value::Complex(real, imaginary) => format!("({real}, {imaginary})"),
            Value::Undefined => "nothing".into(),
        };
        Error::new(Problem::FitsCard {
            at: self.offset.saturating_add(at),
            keyword: keyword.into(),
            found,
            expected,
        })
    }

    /// The value of a card that must be there, once.
    pub(super) fn needed(&self, keyword: &str) -> Result<Value> {
        match self.once(keyword)? {
            Some(value) => Ok(value),
            None => Err(Error::new(Problem::FitsMissing {
                at: self.offset,
                keyword: keyword.into(),
            })),
        }
    }

    /// The value of a card that must not be there twice.
    fn once(&self, keyword: &str) -> Result<Option<Value>> {
        if self.cards.is_repeated(keyword) {
            let at = self.cards.byte_of(keyword).unwrap_or(0);
            return Err(Error::new(Problem::FitsTwice {
                at: self.offset.saturating_add(at),
                keyword: keyword.into(),
            }));
        }
        Ok(self.cards.value(keyword))
    }

    pub(super) fn integer(&self, keyword: &str) -> Result<i64> {
        let value = self.needed(keyword)?;
        match value {
            Value::Integer(_) => value.as_integer(),
            _ => None,
        }
        .ok_or_else(|| self.wrong(keyword, &value, "a whole number"))
    }

    pub(super) fn within(
        &self,
        keyword: &str,
        least: i64,
        most: i64,
        expected: &'static str,
    ) -> Result<i64> {
        let number = self.integer(keyword)?;
        match (least..=most).contains(&number) {
            true => Ok(number),
            false => Err(self.wrong(keyword, &Value::Integer(number.into()), expected)),
        }
    }

    fn or(&self, keyword: &str, usual: u64, expected: &'static str) -> Result<u64> {
        match self.once(keyword)? {
            None => Ok(usual),
            Some(_) => Ok(self.within(keyword, 0, i64::MAX, expected)?.unsigned_abs()),
        }
    }

    fn number(&self, keyword: &str, usual: f64) -> Result<f64> {
        match self.once(keyword)? {
            None | Some(Value::Undefined) => Ok(usual),
            Some(value) => {
                let number = value.as_float();
                number.ok_or_else(|| self.wrong(keyword, &value, "a finite number"))
            }
        }
    }
}

/// Keywords that say how the data lies, and not what it means.
const STRUCTURE: [&str; 13] = [
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "TFIELDS",
    "THEAP", "BSCALE", "BZERO", "BLANK",
];

/// Whether a keyword is one of those.
pub(crate) fn is_structural(keyword: &str) -> bool {
    let stem = keyword.trim_end_matches(|sign: char| sign.is_ascii_digit());
    let counted = keyword.len() > stem.len() && matches!(stem, "NAXIS" | "TFORM" | "TDIM");
    counted || STRUCTURE.contains(&keyword)
}

/// The cards that say how data lies, as they are in these cards.
pub(crate) fn structure(cards: &Cards) -> Vec<(String, Value)> {
    let all = cards
        .iter()
        .map(|card| (card.keyword().to_ascii_uppercase(), card.value()));
    all.filter(|(keyword, _)| is_structural(keyword)).collect()
}
