//! How does one element read?
//!
//! One element as NumPy 2 would print it: numbers with as many digits as tell them apart, texts in
//! quotes, dates in ISO 8601, records as tuples.
//!
//! Knows: dtypes, and how Python quotes. Must not know: arrays, files.

use std::fmt::Write;

use half::{bf16, f16};

use super::literal::{quote, quote_bytes};
use super::{ByteOrder, DType, F8E4M3, F8E5M2, Scalar, TimeStep, TimeUnit};

/// Characters, bytes or elements of one block that are shown at most.
const LIMIT: usize = 1000;

/// Stands for what is left out, or is not there.
const ELLIPSIS: char = '…';

impl DType {
    /// One element as text for people; `…` stands for bytes that are missing, and for what comes
    /// after the first thousand characters of a text or elements of a sub-array.
    ///
    /// ```
    /// use maparray::DType;
    /// let record: DType = "[('id', '>u2'), ('name', '|S3'), ('x', '<f4', (2,))]".parse()?;
    /// assert_eq!(record.show(b"\x01\x00ab\0\0\0\0\x3f\0\0\0\0"), "(256, b'ab', [0.5, 0.0])");
    /// assert_eq!(record.show(b"\x01\x00"), "(256, …)");
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn show(&self, bytes: &[u8]) -> String {
        let Some(bytes) = bytes.get(..self.size()) else {
            return match self {
                DType::Record(_) | DType::SubArray(_) => self.show_parts(bytes),
                _ => ELLIPSIS.into(),
            };
        };
        match self {
            DType::Number(scalar, order) => show_number(*scalar, bytes, *order),
            DType::Bytes(_) => {
                let len = bytes.iter().rposition(|&byte| byte != 0);
                shorten(&bytes[..len.map_or(0, |last| last + 1)], quote_bytes)
            }
            DType::Void(_) => shorten(bytes, |bytes| {
                let hex: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
                format!("b'{hex}'")
            }),
            DType::Text(_, order) => {
                let code = |piece: &[u8]| u32::from_le_bytes(little(piece, *order));
                let codes: Vec<u32> = bytes.chunks_exact(4).take(LIMIT + 1).map(code).collect();
                let len = codes.iter().rposition(|&code| code != 0);
                shorten(&codes[..len.map_or(0, |last| last + 1)], |codes| {
                    let character = |&code| char::from_u32(code);
                    let text: String = codes
                        .iter()
                        .map(|code| character(code).unwrap_or(char::REPLACEMENT_CHARACTER))
                        .collect();
                    quote(&text)
                })
            }
            DType::Moment(step, order) => show_time(bytes, *order, *step, show_moment),
            DType::Duration(step, order) => show_time(bytes, *order, *step, show_duration),
            DType::LongDouble {
                complex: true,
                order,
                ..
            } => {
                let (real, imaginary) = bytes.split_at(bytes.len() / 2);
                format!("({}, {})", hex(real, *order), hex(imaginary, *order))
            }
            DType::LongDouble { order, .. } => hex(bytes, *order),
            DType::Record(_) | DType::SubArray(_) => self.show_parts(bytes),
        }
    }

    /// A record or a block; what the bytes do not reach is left out.
    fn show_parts(&self, bytes: &[u8]) -> String {
        match self {
            DType::Record(record) => {
                let mut text = String::from("(");
                for (i, field) in record.fields.iter().enumerate() {
                    let Some(part) = bytes.get(field.offset..).filter(|part| !part.is_empty())
                    else {
                        text.push(ELLIPSIS);
                        break;
                    };
                    text.push_str(&field.dtype.show(part));
                    match (i + 1 == record.fields.len(), i) {
                        (false, _) => text.push_str(", "),
                        (true, 0) => text.push(','),
                        (true, _) => {}
                    }
                }
                text + ")"
            }
            DType::SubArray(block) => {
                let mut left = LIMIT;
                let mut text = String::new();
                show_block(&block.0, &block.1, bytes, &mut left, &mut text);
                text
            }
            single => single.show(bytes),
        }
    }
}

/// Nested lists, one per axis.
fn show_block(element: &DType, shape: &[usize], bytes: &[u8], left: &mut usize, text: &mut String) {
    let Some((&len, rest)) = shape.split_first() else {
        *left = left.saturating_sub(1);
        text.push_str(&element.show(bytes));
        return;
    };
    let size = rest
        .iter()
        .fold(element.size(), |size, &len| size.saturating_mul(len));
    text.push('[');
    for i in 0..len {
        let part = bytes
            .get(i.saturating_mul(size)..)
            .filter(|part| !part.is_empty());
        text.push_str(if i == 0 { "" } else { ", " });
        match part {
            Some(part) if *left > 0 => show_block(element, rest, part, left, text),
            _ => {
                text.push(ELLIPSIS);
                break;
            }
        }
    }
    text.push(']');
}

/// All bits of a number, most significant first.
fn hex(bytes: &[u8], order: ByteOrder) -> String {
    let digits = |byte: &u8| format!("{byte:02x}");
    let digits: String = match order {
        ByteOrder::Big => bytes.iter().map(digits).collect(),
        ByteOrder::Little => bytes.iter().rev().map(digits).collect(),
    };
    format!("0x{digits}")
}

/// What `show` makes of the items, but of a thousand at most.
fn shorten<T>(items: &[T], show: impl Fn(&[T]) -> String) -> String {
    match items.get(..LIMIT) {
        Some(first) if items.len() > LIMIT => show(first) + "…",
        _ => show(items),
    }
}

/// The first bytes of a piece, least significant first.
fn little<const N: usize>(piece: &[u8], order: ByteOrder) -> [u8; N] {
    let mut bytes = [0; N];
    for (byte, &from) in bytes.iter_mut().zip(piece) {
        *byte = from;
    }
    if order == ByteOrder::Big {
        bytes.reverse();
    }
    bytes
}

fn show_number(scalar: Scalar, bytes: &[u8], order: ByteOrder) -> String {
    let half = bytes.len() / 2;
    let f32_at = |at: usize| f32::from_le_bytes(little(&bytes[at..], order));
    let f64_at = |at: usize| f64::from_le_bytes(little(&bytes[at..], order));
    match scalar {
        Scalar::Bool if bytes == [0] => "False".into(),
        Scalar::Bool => "True".into(),
        Scalar::I8 => i8::from_le_bytes(little(bytes, order)).to_string(),
        Scalar::U8 => u8::from_le_bytes(little(bytes, order)).to_string(),
        Scalar::I16 => i16::from_le_bytes(little(bytes, order)).to_string(),
        Scalar::U16 => u16::from_le_bytes(little(bytes, order)).to_string(),
        Scalar::I32 => i32::from_le_bytes(little(bytes, order)).to_string(),
        Scalar::U32 => u32::from_le_bytes(little(bytes, order)).to_string(),
        Scalar::I64 => i64::from_le_bytes(little(bytes, order)).to_string(),
        Scalar::U64 => u64::from_le_bytes(little(bytes, order)).to_string(),
        Scalar::F16 => show_f16(f16::from_le_bytes(little(bytes, order))),
        Scalar::BF16 => show_bf16(bf16::from_le_bytes(little(bytes, order))),
        Scalar::F8E4M3 => show_f32(F8E4M3::from_bits(bytes[0]).to_f32()),
        Scalar::F8E5M2 => show_f32(F8E5M2::from_bits(bytes[0]).to_f32()),
        Scalar::F32 => show_f32(f32_at(0)),
        Scalar::F64 => show_f64(f64_at(0)),
        Scalar::C64 => show_complex(show_f32(f32_at(0)), show_f32(f32_at(half))),
        Scalar::C128 => show_complex(show_f64(f64_at(0)), show_f64(f64_at(half))),
    }
}

/// The fewest digits that read back as the same number; then plain notation where all digits before
/// the point are meant, as NumPy 2.4 has it: below 1e3, 1e6 or 1e16, by precision.
fn show_f16(value: f16) -> String {
    let wide = f32::from(value);
    let shortest = (0..5)
        .map(|digits| format!("{wide:.digits$e}"))
        .find(|text| text.parse().map(f16::from_f32) == Ok(value));
    show_float(
        &shortest.unwrap_or_else(|| format!("{wide:e}")),
        f64::from(wide),
        1e3,
    )
}

fn show_bf16(value: bf16) -> String {
    let wide = f32::from(value);
    let shortest = (0..4)
        .map(|digits| format!("{wide:.digits$e}"))
        .find(|text| text.parse().map(bf16::from_f32) == Ok(value));
    show_float(
        &shortest.unwrap_or_else(|| format!("{wide:e}")),
        f64::from(wide),
        1e3,
    )
}

fn show_f32(value: f32) -> String {
    show_float(&format!("{value:e}"), f64::from(value), 1e6)
}

fn show_f64(value: f64) -> String {
    show_float(&format!("{value:e}"), value, 1e16)
}

/// Rearranges `-1.25e-5` as Python writes it.
fn show_float(scientific: &str, value: f64, plain_below: f64) -> String {
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific.to_lowercase();
    };
    let exponent: i32 = exponent.parse().unwrap_or(0); // Rust wrote it: a small whole number.
    let size = value.abs();
    if size != 0.0 && !(1e-4..plain_below).contains(&size) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(|&digit| digit != '.').collect();
    match usize::try_from(exponent) {
        Err(_) => {
            let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
            format!("{sign}0.{zeros}{digits}")
        }
        Ok(exponent) => {
            let padded = format!("{digits:0<width$}", width = exponent + 2);
            let (whole, fraction) = padded.split_at(exponent + 1);
            format!("{sign}{whole}.{fraction}")
        }
    }
}

/// `(1+2j)`, or only the imaginary part where the real one is zero.
fn show_complex(real: String, imaginary: String) -> String {
    let trim = |text: &str| text.strip_suffix(".0").unwrap_or(text).to_owned();
    let (real, imaginary) = (trim(&real), trim(&imaginary));
    let sign = if imaginary.starts_with('-') { "" } else { "+" };
    match real.as_str() {
        "0" => format!("{imaginary}j"),
        _ => format!("({real}{sign}{imaginary}j)"),
    }
}

fn show_time(
    bytes: &[u8],
    order: ByteOrder,
    step: TimeStep,
    show: fn(i128, TimeUnit) -> String,
) -> String {
    match i64::from_le_bytes(little(bytes, order)) {
        // NumPy's "not a time".
        i64::MIN => "NaT".into(),
        steps => show(i128::from(steps) * i128::from(step.count), step.unit),
    }
}

fn show_duration(count: i128, unit: TimeUnit) -> String {
    let unit = match unit {
        TimeUnit::Year => "years",
        TimeUnit::Month => "months",
        TimeUnit::Week => "weeks",
        TimeUnit::Day => "days",
        TimeUnit::Hour => "hours",
        TimeUnit::Minute => "minutes",
        TimeUnit::Second => "seconds",
        TimeUnit::Millisecond => "milliseconds",
        TimeUnit::Microsecond => "microseconds",
        TimeUnit::Nanosecond => "nanoseconds",
        TimeUnit::Picosecond => "picoseconds",
        TimeUnit::Femtosecond => "femtoseconds",
        TimeUnit::Attosecond => "attoseconds",
        TimeUnit::Generic => "generic time units",
    };
    format!("{count} {unit}")
}

/// The date so many units after the beginning of 1970, in ISO 8601, as fine as the unit.
fn show_moment(count: i128, unit: TimeUnit) -> String {
    const SECOND: i128 = 24 * 60 * 60;
    let (per_day, decimals) = match unit {
        TimeUnit::Generic => return count.to_string(),
        TimeUnit::Year => return format!("{:04}", 1970 + count),
        TimeUnit::Month => {
            let year = 1970 + count.div_euclid(12);
            return format!("{year:04}-{:02}", 1 + count.rem_euclid(12));
        }
        TimeUnit::Week => return show_day(count * 7),
        TimeUnit::Day => return show_day(count),
        TimeUnit::Hour => (24, 0),
        TimeUnit::Minute => (24 * 60, 0),
        TimeUnit::Second => (SECOND, 0),
        TimeUnit::Millisecond => (SECOND * 1_000, 3),
        TimeUnit::Microsecond => (SECOND * 1_000_000, 6),
        TimeUnit::Nanosecond => (SECOND * 1_000_000_000, 9),
        TimeUnit::Picosecond => (SECOND * 1_000_000_000_000, 12),
        TimeUnit::Femtosecond => (SECOND * 1_000_000_000_000_000, 15),
        TimeUnit::Attosecond => (SECOND * 1_000_000_000_000_000_000, 18),
    };
    let mut text = show_day(count.div_euclid(per_day));
    let rest = count.rem_euclid(per_day);
    let part = |per_day_of_part: i128| rest / (per_day / per_day_of_part);
    // Writing to a `String` cannot fail.
    let _ = write!(text, "T{:02}", part(24));
    if unit >= TimeUnit::Minute {
        let _ = write!(text, ":{:02}", part(24 * 60) % 60);
    }
    if unit >= TimeUnit::Second {
        let _ = write!(text, ":{:02}", part(SECOND) % 60);
    }
    if decimals > 0 {
        let _ = write!(text, ".{:0decimals$}", rest % (per_day / SECOND));
    }
    text
}

/// The Gregorian date so many days after 1970-01-01, also before it was invented.
///
/// Years are counted from March, so that the leap day comes last; source: Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn show_day(days: i128) -> String {
    const DAYS_IN_400_YEARS: i128 = 146_097;
    let shifted = days + 719_468;
    let era = shifted.div_euclid(DAYS_IN_400_YEARS);
    let day = shifted.rem_euclid(DAYS_IN_400_YEARS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day + 2) / 153;
    let day = day - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year + era * 400 + i128::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
