//! How does an element, a name, a size, a time read?
//!
//! Text for people, values for JSON.

use std::path::Path;
use std::time::Duration;

use half::{bf16, f16};
use maparray::dtype::{F8E4M3, F8E5M2};
use maparray::{ByteOrder, DType, MemMapArray, Scalar};
use serde_json::{Value, json};

use crate::failure::Failure;

/// One element in the machine's order as JSON: numbers as numbers; NaN, infinities, complex numbers, dates and records as
/// the text that people see; strings as strings.
pub(crate) fn to_json(dtype: &DType, bytes: &[u8]) -> Value {
    match dtype {
        DType::Number(Scalar::Bool, _) => json!(bytes.iter().any(|byte| *byte != 0)),
        DType::Number(..) => {
            number(dtype, bytes).unwrap_or_else(|| Value::String(dtype.show(bytes)))
        }
        DType::Bytes(_) => {
            let end = bytes
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |last| last + 1);
            Value::String(String::from_utf8_lossy(&bytes[..end]).into_owned())
        }
        DType::Text(..) => {
            let characters = bytes.chunks_exact(4).map(|four| {
                let four = [four[0], four[1], four[2], four[3]];
                // `bytes_of` has brought the element into the machine's order.
                let code = match ByteOrder::NATIVE {
                    ByteOrder::Little => u32::from_le_bytes(four),
                    ByteOrder::Big => u32::from_be_bytes(four),
                };
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            });
            let text: String = characters.collect();
            Value::String(text.trim_end_matches('\0').to_owned())
        }
        _ => Value::String(dtype.show(bytes)),
    }
}

/// The exact value of a number, if JSON has it.
fn number(dtype: &DType, bytes: &[u8]) -> Option<Value> {
    let &DType::Number(scalar, order) = dtype else {
        return None;
    };
    // A narrow float is widened first: its own shortest digits would mean another number to a
    // reader of JSON, who takes all of them for double precision.
    let wide = match scalar {
        Scalar::BF16 => bf16::from_le_bytes(little(bytes, order)?).to_f64(),
        Scalar::F8E4M3 => F8E4M3::from_bits(*bytes.first()?).to_f32().into(),
        Scalar::F8E5M2 => F8E5M2::from_bits(*bytes.first()?).to_f32().into(),
        Scalar::F16 => f16::from_le_bytes(little(bytes, order)?).to_f64(),
        Scalar::F32 => f32::from_le_bytes(little(bytes, order)?).into(),
        Scalar::F64 => f64::from_le_bytes(little(bytes, order)?),
        Scalar::C64 | Scalar::C128 => return None,
        _ => {
            let text = dtype.show(bytes);
            let whole = text.parse::<u64>().ok().map(|number| json!(number));
            return whole.or_else(|| text.parse::<i64>().ok().map(|number| json!(number)));
        }
    };
    serde_json::Number::from_f64(wide).map(Value::Number)
}

/// The bytes of a number, least significant first.
fn little<const N: usize>(bytes: &[u8], order: ByteOrder) -> Option<[u8; N]> {
    let mut bytes = *bytes.first_chunk()?;
    if order == ByteOrder::Big {
        bytes.reverse();
    }
    Some(bytes)
}

/// All elements as JSON, nested as the axes are.
pub(crate) fn array_to_json(array: &MemMapArray) -> Result<Value, Failure> {
    fn nested(array: &MemMapArray, dtype: &DType, index: &mut Vec<i64>) -> Result<Value, Failure> {
        match array.shape().get(index.len()) {
            None => Ok(to_json(dtype, &array.bytes_of(index)?)),
            Some(&len) => {
                let mut items = Vec::new();
                for place in 0..len as i64 {
                    index.push(place);
                    items.push(nested(array, dtype, index)?);
                    index.pop();
                }
                Ok(Value::Array(items))
            }
        }
    }
    nested(array, &array.dtype().to_native(), &mut Vec::new())
}

/// The name for people, where NumPy has one: `float32`; the descriptor otherwise: `|S5`.
pub(crate) fn dtype_name(dtype: &DType) -> String {
    match dtype.scalar() {
        Some(scalar) if dtype.is_native() => scalar.name().to_owned(),
        Some(scalar) => format!("{}, {}-endian", scalar.name(), endian(dtype)),
        None => dtype.to_string(),
    }
}

fn endian(dtype: &DType) -> &'static str {
    match dtype {
        DType::Number(_, ByteOrder::Big) => "big",
        _ => "little",
    }
}

/// A file's name on one line: characters that would steer a terminal are escaped.
pub(crate) fn path(path: &Path) -> String {
    plain(&path.to_string_lossy())
}

/// A text from outside on one line, harmless to a terminal.
pub(crate) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        // Those that turn the direction of writing, or end a line, are no control characters.
        let steers = character.is_control()
            || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if steers {
            shown.extend(character.escape_debug());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// `(3, 4)`, `(7,)`, `()`.
pub(crate) fn shape(shape: &[usize]) -> String {
    maparray::layout::shape_text(shape)
}

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `512 MiB`, `1.5 GiB`, `17 bytes`.
pub(crate) fn size(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.iter().find(|(shift, _)| bytes >> shift > 0) {
        Some((shift, unit)) => {
            let number = format!("{:.1}", bytes as f64 / (1u64 << shift) as f64);
            format!("{} {unit}", number.strip_suffix(".0").unwrap_or(&number))
        }
        None if bytes == 1 => "1 byte".to_owned(),
        None => format!("{bytes} bytes"),
    }
}

/// `0.35 s`, `12 ms`.
pub(crate) fn time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 0.1 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{seconds:.2} s")
    }
}

/// Bytes per second as JSON; nothing if no time has passed.
pub(crate) fn rate(bytes: u64, duration: Duration) -> Value {
    let rate = bytes as f64 / duration.as_secs_f64();
    if rate.is_finite() {
        json!(rate.round())
    } else {
        Value::Null
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_counts_are_easy_to_read() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(1), "1 byte");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(512 << 20), "512 MiB");
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(134_217_728), "134,217,728");
        assert_eq!(time(Duration::from_micros(1234)), "1.2 ms");
    }
}
