//! What does a safetensors file hold?
//!
//! Eight bytes: the length of the header, little-endian. The header: a JSON object that says of each
//! tensor its `dtype`, `shape` and `data_offsets` (first byte and the one behind the last, counted
//! from the end of the header), and texts under `__metadata__`; blanks pad it. Then the tensors, in C
//! order and little-endian, one behind the other without a hole, up to the end of the file.
//!
//! Knows: errors, dtypes, layouts. Must not know: files, maps.

use super::json::{Reader, quote};
use super::{Format, Header};
use crate::dtype::{ByteOrder, DType, Scalar};
use crate::error::{Error, Problem, Result};
use crate::layout::{Order, extent};

/// Longest header that is read or written, as in the reference implementation.
pub const HEADER_LIMIT: u64 = 100_000_000;

/// Bytes before the header.
const PREFIX: u64 = 8;

const METADATA: &str = "__metadata__";

/// Axes that an array may have; one more is kept, so that it is noticed.
const MOST_AXES: usize = 65;

/// An element type of the format.
struct Kind {
    name: &'static str,
    bits: u64,
    /// What it is here; `None` if it is smaller than a byte.
    dtype: Option<DType>,
}

const fn number(name: &'static str, scalar: Scalar) -> Kind {
    Kind {
        name,
        bits: scalar.size() as u64 * 8,
        dtype: Some(DType::Number(scalar, ByteOrder::Little)),
    }
}

/// One byte that nobody here computes on.
const fn byte(name: &'static str) -> Kind {
    Kind {
        name,
        bits: 8,
        dtype: Some(DType::Void(1)),
    }
}

const fn fraction(name: &'static str, bits: u64) -> Kind {
    Kind {
        name,
        bits,
        dtype: None,
    }
}

/// In the order in which the reference implementation sorts them, the last first.
static KINDS: [Kind; 22] = [
    number("BOOL", Scalar::Bool),
    fraction("F4", 4),
    fraction("F6_E2M3", 6),
    fraction("F6_E3M2", 6),
    number("U8", Scalar::U8),
    number("I8", Scalar::I8),
    number("F8_E5M2", Scalar::F8E5M2),
    number("F8_E4M3", Scalar::F8E4M3),
    byte("F8_E8M0"),
    byte("F8_E4M3FNUZ"),
    byte("F8_E5M2FNUZ"),
    number("I16", Scalar::I16),
    number("U16", Scalar::U16),
    number("F16", Scalar::F16),
    number("BF16", Scalar::BF16),
    number("I32", Scalar::I32),
    number("U32", Scalar::U32),
    number("F32", Scalar::F32),
    number("C64", Scalar::C64),
    number("F64", Scalar::F64),
    number("I64", Scalar::I64),
    number("U64", Scalar::U64),
];

/// What a header says of one tensor.
#[derive(Clone)]
pub struct Tensor {
    name: String,
    kind: &'static Kind,
    shape: Vec<usize>,
    /// First byte of the file, and the one behind the last.
    place: (u64, u64),
}

impl Tensor {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What array it is, and where.
    ///
    /// # Errors
    /// `Unsupported` if its elements are smaller than a byte, `Malformed` if it could not exist on
    /// this machine.
    pub fn header(&self) -> Result<Header> {
        let Some(dtype) = &self.kind.dtype else {
            let dtype = self.kind.name;
            return Err(Error::new(Problem::PartOfAByte { dtype }));
        };
        extent(&self.shape, dtype.size())?;
        Ok(Header {
            format: Format::Safetensors,
            version: (0, 0),
            dtype: dtype.clone(),
            shape: self.shape.clone(),
            order: Order::C,
            data_offset: self.place.0,
            unit: None,
            scaling: None,
        })
    }
}

/// What a file holds: its tensors in the order in which they lie, and its metadata.
#[derive(Clone, Default)]
pub struct Tensors {
    /// The tensors.
    pub tensors: Vec<Tensor>,
    /// Texts by their names, in the order of the file.
    pub metadata: Vec<(String, String)>,
}

/// Whether a file may be one of this format, by its first bytes.
pub(super) fn begins(start: &[u8]) -> bool {
    let len = header_len(start);
    start.get(8) == Some(&b'{') && len.is_some_and(|len| (2..=HEADER_LIMIT).contains(&len))
}

fn header_len(start: &[u8]) -> Option<u64> {
    let prefix = start.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*prefix))
}

/// Bytes from the start of a file to the end of its header.
///
/// ```
/// use maparray::format::safetensors;
/// assert_eq!(safetensors::start_len(&[2, 0, 0, 0, 0, 0, 0, 0], 10)?, 10);
/// assert!(safetensors::start_len(&[2, 0, 0, 0, 0, 0, 0, 0], 9).is_err());
/// # Ok::<(), maparray::Error>(())
/// ```
///
/// # Errors
/// `Malformed` if it is more than the file has, or than [`HEADER_LIMIT`].
pub fn start_len(start: &[u8], file_len: u64) -> Result<usize> {
    let needed = PREFIX;
    let Some(len) = header_len(start) else {
        return Err(Error::new(Problem::HeaderTruncated { file_len, needed }));
    };
    if len > HEADER_LIMIT {
        let limit = HEADER_LIMIT;
        return Err(Error::new(Problem::TensorsHeader { len, limit }));
    }
    let needed = PREFIX + len;
    match usize::try_from(needed) {
        Ok(start) if needed <= file_len => Ok(start),
        _ => Err(Error::new(Problem::HeaderTruncated { file_len, needed })),
    }
}

/// Reads the header of a file of `file_len` bytes from its first [`start_len`] bytes.
///
/// ```
/// use maparray::format::safetensors;
/// let mut file = br#"########{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#.to_vec();
/// let header_len = file.len() as u64 - 8;
/// file[..8].copy_from_slice(&header_len.to_le_bytes());
/// let read = safetensors::parse(&file, 8 + header_len + 8)?;
/// assert_eq!(read.tensors[0].name(), "x");
/// assert_eq!(read.tensors[0].header()?.data_offset, 8 + header_len);
/// assert!(safetensors::parse(&file, 8 + header_len + 9).is_err());
/// # Ok::<(), maparray::Error>(())
/// ```
///
/// # Errors
/// `Malformed` if it contradicts the format, or the length of the file.
pub fn parse(start: &[u8], file_len: u64) -> Result<Tensors> {
    let end = start_len(start, file_len)?;
    let needed = end as u64;
    let Some(text) = start.get(PREFIX as usize..end) else {
        let file_len = start.len() as u64;
        return Err(Error::new(Problem::HeaderTruncated { file_len, needed }));
    };
    let mut read = read_object(text).map_err(Error::new)?;
    for tensor in &mut read.tensors {
        // Both are less than the file's length once they are checked below.
        tensor.place.0 = tensor.place.0.saturating_add(needed);
        tensor.place.1 = tensor.place.1.saturating_add(needed);
    }
    read.tensors.sort_by_key(|tensor| tensor.place);
    check(&read.tensors, needed, file_len).map_err(Error::new)?;
    Ok(read)
}

fn read_object(text: &[u8]) -> Result<Tensors, Problem> {
    let mut read = Tensors::default();
    let mut reader = Reader::new(text, PREFIX as usize)?;
    if text.first() != Some(&b'{') {
        return Err(reader.complaint("`{` as the first byte of the header"));
    }
    reader.object(|reader, name| {
        if name == METADATA {
            return reader.object(|reader, key| {
                let value = reader.string("a text in quotes: metadata has no others")?;
                read.metadata.push((key, value));
                Ok(())
            });
        }
        read.tensors.push(read_tensor(reader, name)?);
        Ok(())
    })?;
    reader.end()?;
    Ok(read)
}

fn read_tensor(reader: &mut Reader<'_>, name: String) -> Result<Tensor, Problem> {
    reader.peek();
    let begin = reader.position();
    let (mut kind, mut shape, mut place) = (None, None, None);
    reader.object(|reader, key| match key.as_str() {
        "dtype" => {
            reader.peek();
            let complaint = reader.complaint("a dtype such as `F32`");
            let found = reader.string("a dtype such as `F32`")?;
            kind = KINDS.iter().find(|kind| kind.name == found);
            kind.map(drop).ok_or(complaint)
        }
        "shape" => {
            let axes = shape.insert(vec![]);
            reader.array(|reader| {
                let len = reader.whole()?;
                if axes.len() < MOST_AXES {
                    axes.push(usize::try_from(len).unwrap_or(usize::MAX));
                }
                Ok(())
            })
        }
        "data_offsets" => {
            let mut ends = [0; 2];
            let mut count = 0;
            reader.array(|reader| {
                let end = ends.get_mut(count);
                let end = end.ok_or_else(|| reader.complaint("two offsets and no more"))?;
                *end = reader.whole()?;
                count += 1;
                Ok(())
            })?;
            if count < 2 {
                return Err(reader.complaint("two offsets before this"));
            }
            place = Some((ends[0], ends[1]));
            Ok(())
        }
        // The reference implementation does not mind others.
        _ => reader.skip(),
    })?;
    let missing = |key: &str| Problem::HeaderKey {
        at: begin,
        key: key.into(),
        problem: "is missing",
    };
    Ok(Tensor {
        kind: kind.ok_or_else(|| missing("dtype"))?,
        shape: shape.ok_or_else(|| missing("shape"))?,
        place: place.ok_or_else(|| missing("data_offsets"))?,
        name,
    })
}

/// Whether the tensors fill the file from `start` on, in this order.
fn check(tensors: &[Tensor], start: u64, file_len: u64) -> Result<(), Problem> {
    let mut at = start;
    for tensor in tensors {
        let wrong = |expected: String| Problem::TensorPlace {
            name: tensor.name.clone(),
            begin: tensor.place.0 - start,
            end: tensor.place.1 - start,
            expected,
        };
        let (begin, end) = tensor.place;
        if begin != at {
            return Err(wrong(format!("to begin at {}, without a hole", at - start)));
        }
        if end < begin || end > file_len {
            let most = file_len - start;
            return Err(wrong(format!("an end from {} to {most}", begin - start)));
        }
        let bits = bits_of(tensor)?;
        if bits % 8 != 0 || bits / 8 != end - begin {
            return Err(wrong(format!("{} bytes of data", bits.div_ceil(8))));
        }
        at = end;
    }
    if at != file_len {
        return Err(Problem::TensorsEnd {
            found: file_len,
            expected: at,
        });
    }
    Ok(())
}

/// Bits of all elements, as the shape says.
fn bits_of(tensor: &Tensor) -> Result<u64, Problem> {
    let shape = &tensor.shape;
    if shape.len() >= MOST_AXES {
        return Err(Problem::TooManyAxes { found: shape.len() });
    }
    let mut factors = shape.iter().map(|&len| len as u64);
    let bits = factors.try_fold(tensor.kind.bits, u64::checked_mul);
    bits.ok_or_else(|| Problem::TooBig {
        shape: crate::layout::shape_text(shape),
        item_size: tensor.kind.bits.div_ceil(8) as usize,
    })
}

/// Where a tensor comes to lie in a file that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number among those that were given.
    pub index: usize,
    /// Its first byte, counted from the start of the file.
    pub offset: u64,
}

/// The bytes of a new file before the first tensor, and where each of them comes to lie: byte for byte
/// what the reference implementation writes, with the metadata sorted by name.
///
/// ```
/// use maparray::{DType, format::safetensors};
/// let float = DType::of::<f32>();
/// let (start, places) = safetensors::write(&[("x", &float, &[2])], &[("of", "a test")])?;
/// assert_eq!(start.len() % 8, 0);
/// assert_eq!(places[0].offset, start.len() as u64);
/// let read = safetensors::parse(&start, places[0].offset + 8)?;
/// assert_eq!(read.metadata, [("of".to_owned(), "a test".to_owned())]);
/// # Ok::<(), maparray::Error>(())
/// ```
///
/// # Errors
/// `Unsupported` for a dtype that the format has not, `Mismatch` for a name that is there twice or
/// that means the metadata, `Malformed` if the header gets too long.
pub fn write(
    tensors: &[(&str, &DType, &[usize])],
    metadata: &[(&str, &str)],
) -> Result<(Vec<u8>, Vec<Place>)> {
    let ranked = |(index, tensor): (usize, &(_, &DType, _))| Ok((rank(tensor.1)?, index));
    let ranks: Result<Vec<(usize, usize)>> = tensors.iter().enumerate().map(ranked).collect();
    let mut ranks = ranks?;
    let name = |index: usize| tensors[index].0;
    ranks.sort_by(|&(rank, index), &(other, another)| {
        other
            .cmp(&rank)
            .then_with(|| name(index).cmp(name(another)))
    });
    check_names(tensors.iter().map(|tensor| tensor.0))?;
    check_names(metadata.iter().map(|text| text.0))?;

    let mut items = vec![];
    if !metadata.is_empty() {
        let mut texts = metadata.to_vec();
        texts.sort_unstable();
        let texts: Vec<String> = texts
            .iter()
            .map(|(key, value)| format!("{}:{}", quote(key), quote(value)))
            .collect();
        items.push(format!("\"{METADATA}\":{{{}}}", texts.join(",")));
    }
    let (mut at, mut places) = (0_u64, vec![]);
    for (rank, index) in ranks {
        let (name, dtype, shape) = tensors[index];
        let (_, bytes) = extent(shape, dtype.size())?;
        let end = at + bytes as u64;
        let axes: Vec<String> = shape.iter().map(usize::to_string).collect();
        items.push(format!(
            "{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{at},{end}]}}",
            quote(name),
            KINDS[rank].name,
            axes.join(",")
        ));
        places.push(Place { index, offset: at });
        at = end;
    }
    let mut header = format!("{{{}}}", items.join(",")).into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let len = header.len() as u64;
    if len > HEADER_LIMIT {
        let limit = HEADER_LIMIT;
        return Err(Error::new(Problem::TensorsHeader { len, limit }));
    }
    for place in &mut places {
        place.offset += PREFIX + len;
    }
    let mut start = len.to_le_bytes().to_vec();
    start.append(&mut header);
    Ok((start, places))
}

/// The place of a dtype in the table.
fn rank(dtype: &DType) -> Result<usize> {
    let little = match dtype {
        DType::Number(scalar, _) => Some(DType::Number(*scalar, ByteOrder::Little)),
        _ => None,
    };
    let place = KINDS
        .iter()
        .position(|kind| little.is_some() && kind.dtype == little);
    place.ok_or_else(|| {
        Error::new(Problem::ForeignDType {
            dtype: dtype.to_string(),
            format: "safetensors",
        })
    })
}

fn check_names<'n>(names: impl Iterator<Item = &'n str>) -> Result<()> {
    let mut known = std::collections::HashSet::new();
    for name in names {
        if name == METADATA || !known.insert(name) {
            let name = name.to_owned();
            return Err(Error::new(Problem::TensorName { name }));
        }
    }
    Ok(())
}
