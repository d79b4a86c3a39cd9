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

/// What a file of sound holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    /// Its samples as they are stored; those of three bytes are `V3`.
    pub header: Header,
    /// Frames in a second.
    pub rate: u32,
    /// The order of the bytes of a sample.
    pub order: ByteOrder,
}

impl Sound {
    /// Whether samples have three bytes, which no number has: a copy holds them in four.
    pub fn is_packed(&self) -> bool {
        self.header.dtype == DType::Void(3)
    }

    /// Its samples as numbers.
    pub fn numbers(&self) -> Header {
        let mut header = self.header.clone();
        if self.is_packed() {
            header.dtype = DType::Number(Scalar::I32, self.order);
        }
        header
    }

    /// Samples of three bytes as numbers of four with the same values, in the same order of bytes.
    ///
    /// ```
    /// use maparray::format::wav::Sound;
    /// use maparray::format::Header;
    /// # let mut file = b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x44\xAC\0\0\0\0\0\0\x03\0\x18\0".to_vec();
    /// # file.extend(b"data\x03\0\0\0\xFE\xFF\xFF");
    /// # let sound = maparray::format::wav::parse(|at, count| Ok(file[at as usize..].iter().take(count).copied().collect()))?;
    /// let mut out = [0; 4];
    /// sound.widen(&[0xFE, 0xFF, 0xFF], &mut out);
    /// assert_eq!(i32::from_le_bytes(out), -2);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn widen(&self, packed: &[u8], out: &mut [u8]) {
        let sign = |byte: u8| if byte & 0x80 == 0 { 0 } else { 0xFF };
        let samples = packed.as_chunks::<3>().0.iter();
        for (&[a, b, c], out) in samples.zip(out.as_chunks_mut::<4>().0) {
            *out = match self.order {
                ByteOrder::Little => [a, b, c, sign(c)],
                ByteOrder::Big => [sign(a), a, b, c],
            };
        }
    }
}

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
/// let sound = wav::parse(|at, count| Ok(file[at as usize..].iter().take(count).copied().collect()))?;
/// assert_eq!((sound.header.dtype.to_string().as_str(), &*sound.header.shape), ("<i2", &[1, 2][..]));
/// assert_eq!((sound.header.data_offset, sound.rate), (44, 44100));
/// # Ok::<(), maparray::Error>(())
/// ```
///
/// # Errors
/// `Malformed` if there is no data, or no word of what it is before it; `Unsupported` for compressed
/// samples.
pub fn parse(mut read: impl FnMut(u64, usize) -> Result<Vec<u8>>) -> Result<Sound> {
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
                let rate = sample.rate;
                let header = header(sample, len, at + 8)?;
                return Ok(Sound {
                    header,
                    rate,
                    order,
                });
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
    /// Frames in a second.
    rate: u32,
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
    let halves = [short(4)?, short(6)?].map(u32::from);
    let rate = match order {
        ByteOrder::Little => halves[1] << 16 | halves[0],
        ByteOrder::Big => halves[0] << 16 | halves[1],
    };
    Ok(Sample {
        dtype,
        channels,
        rate,
    })
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
