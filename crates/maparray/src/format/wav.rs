//! What samples does a WAV file hold?
//!
//! `RIFF` (`RIFX`: big-endian; `RF64`: longer than 4 GiB), a length, `WAVE`, then chunks: a name of four
//! bytes, a length of four, that many bytes, one more if they are odd. `fmt ` says what a sample is, `data`
//! holds frames, one sample for each channel; `ds64` has the lengths that four bytes cannot hold.
//!
//! Knows: errors, dtypes, layouts. Must not know: files, maps.

use super::{Format, Header};
use crate::dtype::{ByteOrder, DType, Scalar};
use crate::error::{Error, Problem, Result};
use crate::layout::{Order, extent};

/// Chunks before the data that are looked at.
const MOST_CHUNKS: usize = 1000;

/// Bytes of a chunk that are looked at.
const CHUNK: usize = 40;

pub(super) fn begins(start: &[u8]) -> bool {
    let name = start.get(..4).unwrap_or_default();
    start.get(8..12) == Some(b"WAVE") && matches!(name, b"RIFF" | b"RIFX" | b"RF64")
}

/// Reads the chunks up to the data. `read` gives bytes of the file from one on, fewer than are asked for
/// only at its end. One channel is one axis; several are the last of two, as SciPy has it. Samples of
/// three bytes are bytes without meaning, `V3`.
///
/// ```
/// use maparray::format::wav;
/// let mut file = b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x44\xAC\0\0\x10\xB1\x02\0\x04\0\x10\0".to_vec();
/// file.extend(b"data\x04\0\0\0\x01\0\x02\0");
/// let header = wav::parse(|at, count| Ok(file[at as usize..].iter().take(count).copied().collect()))?;
/// assert_eq!((header.dtype.to_string().as_str(), &*header.shape), ("<i2", &[1, 2][..]));
/// assert_eq!(header.data_offset, 44);
/// # Ok::<(), maparray::Error>(())
/// ```
///
/// # Errors
/// `Malformed` if there is no data, or no word of what it is before it; `Unsupported` for compressed
/// samples.
pub fn parse(mut read: impl FnMut(u64, usize) -> Result<Vec<u8>>) -> Result<Header> {
    let start = read(0, 12)?;
    if !begins(&start) {
        return Err(bad(0, &start, "`RIFF`, a length and `WAVE`"));
    }
    let order = match start.starts_with(b"RIFX") {
        true => ByteOrder::Big,
        false => ByteOrder::Little,
    };
    let (mut at, mut sample, mut long) = (12_u64, None, None);
    for _ in 0..MOST_CHUNKS {
        let chunk = read(at, 8 + CHUNK)?;
        let Some((name, rest)) = chunk.split_first_chunk::<4>() else {
            return Err(bad(at, &chunk, "a chunk `data`"));
        };
        let Some((len, body)) = rest.split_first_chunk::<4>() else {
            return Err(bad(at, &chunk, "a chunk `data`"));
        };
        let len = u64::from(number(*len, order));
        match name {
            b"ds64" => {
                let part = body.get(8..).and_then(|rest| rest.first_chunk::<8>());
                long = part.map(|bytes| u64::from_le_bytes(*bytes));
            }
            b"fmt " => {
                let body = body.get(..(len as usize).min(CHUNK)).unwrap_or(body);
                sample = Some(read_sample(at, body, order)?);
            }
            b"data" => {
                let sample = sample.ok_or_else(|| bad(at, &chunk[..4], "a chunk `fmt ` before"))?;
                let len = long.filter(|_| len == u64::from(u32::MAX)).unwrap_or(len);
                return header(sample, len, at + 8);
            }
            _ => {}
        }
        let next = at.checked_add(8 + len + len % 2);
        at = next.ok_or_else(|| bad(at, name, "a chunk that ends"))?;
    }
    Err(bad(at, b"", "the chunk `data` among the first 1000"))
}

/// What one channel's sample is, and how many channels there are.
struct Sample {
    dtype: DType,
    channels: u16,
}

fn read_sample(at: u64, body: &[u8], order: ByteOrder) -> Result<Sample> {
    const EXTENSIBLE: u16 = 0xFFFE;
    let short = |place: usize| {
        let bytes = body.get(place..).and_then(|rest| rest.first_chunk::<2>());
        let bytes = bytes.ok_or_else(|| bad(at, body, "16 bytes of `fmt ` at least"))?;
        Ok::<u16, Error>(match order {
            ByteOrder::Little => u16::from_le_bytes(*bytes),
            ByteOrder::Big => u16::from_be_bytes(*bytes),
        })
    };
    let (channels, block, bits) = (short(2)?, short(12)?, short(14)?);
    let code = match short(0)? {
        EXTENSIBLE => short(24)?,
        code => code,
    };
    let size = block
        .checked_div(channels)
        .filter(|size| size * channels == block);
    let bytes = size.filter(|&size| size > 0 && bits.div_ceil(8) <= size);
    let bytes = bytes.ok_or_else(|| bad(at, body, "frames of whole samples"))?;
    let scalar = match (code, bytes) {
        (1, 1) => Some(Scalar::U8),
        (1, 2) => Some(Scalar::I16),
        (1, 4) => Some(Scalar::I32),
        (1, 8) => Some(Scalar::I64),
        (3, 4) => Some(Scalar::F32),
        (3, 8) => Some(Scalar::F64),
        _ => None,
    };
    let dtype = match scalar {
        Some(Scalar::U8) => DType::of::<u8>(),
        Some(scalar) => DType::Number(scalar, order),
        None if (code, bytes) == (1, 3) => DType::Void(3),
        None => return Err(Error::new(Problem::WavCode { code, bytes })),
    };
    Ok(Sample { dtype, channels })
}

fn header(sample: Sample, len: u64, data_offset: u64) -> Result<Header> {
    let channels = usize::from(sample.channels);
    let frame = sample.dtype.size() * channels;
    if !len.is_multiple_of(frame as u64) {
        return Err(Error::new(Problem::NotWhole {
            available: len,
            item_size: frame,
        }));
    }
    let frames = usize::try_from(len / frame as u64).unwrap_or(usize::MAX);
    let shape = match channels {
        1 => vec![frames],
        _ => vec![frames, channels],
    };
    extent(&shape, sample.dtype.size())?;
    Ok(Header {
        format: Format::Wav,
        version: (0, 0),
        dtype: sample.dtype,
        shape,
        order: Order::C,
        data_offset,
        unit: None,
        scaling: None,
    })
}

fn number(bytes: [u8; 4], order: ByteOrder) -> u32 {
    match order {
        ByteOrder::Little => u32::from_le_bytes(bytes),
        ByteOrder::Big => u32::from_be_bytes(bytes),
    }
}

fn bad(at: u64, found: &[u8], expected: &'static str) -> Error {
    let found = match found {
        [] => "nothing".into(),
        found => format!("`{}`", found[..found.len().min(16)].escape_ascii()),
    };
    Error::new(Problem::Header {
        at: usize::try_from(at).unwrap_or(usize::MAX),
        found,
        expected,
    })
}
