//! How does a dtype read and write?
//!
//! Descriptors as they stand in a `.npy` header (`<f8`, `[('a', '<i4'), ('b', '<f8', (2,))]`),
//! NumPy's names (`float64`, `datetime64[ns]`), its one-letter codes and Numeric's of 2002.
//!
//! Knows: errors, literals, dtypes. Must not know: headers, files.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::literal::{self, Literal, Notation, Value, complaint, quote};
use super::{ByteOrder, DType, Field, Record, Scalar, TimeStep, TimeUnit};
use crate::error::{Error, Problem, Result};

/// NumPy counts the bytes of an element in a C `int`.
const MAX_ITEM_SIZE: usize = i32::MAX as usize;

/// NumPy's limit on the axes of a sub-array.
const MAX_BLOCK_AXES: usize = 64;

/// Who wrote a descriptor, and so what it may leave out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writer {
    /// A file: elements of several bytes name their byte order.
    File,
    /// A person: no order means that of the machine, and names such as `float64` will do.
    Person,
}

/// Every unit with the code that stands between the brackets.
const UNITS: [(TimeUnit, &str); 14] = [
    (TimeUnit::Year, "Y"),
    (TimeUnit::Month, "M"),
    (TimeUnit::Week, "W"),
    (TimeUnit::Day, "D"),
    (TimeUnit::Hour, "h"),
    (TimeUnit::Minute, "m"),
    (TimeUnit::Second, "s"),
    (TimeUnit::Millisecond, "ms"),
    (TimeUnit::Microsecond, "us"),
    (TimeUnit::Nanosecond, "ns"),
    (TimeUnit::Picosecond, "ps"),
    (TimeUnit::Femtosecond, "fs"),
    (TimeUnit::Attosecond, "as"),
    (TimeUnit::Generic, "generic"),
];

/// NumPy's names besides those of the scalar table, with the descriptor they stand for.
const ALIASES: [(&str, &str); 36] = [
    ("bool_", "?"),
    ("byte", "i1"),
    ("ubyte", "u1"),
    ("short", "i2"),
    ("ushort", "u2"),
    ("intc", "i4"),
    ("uintc", "u4"),
    ("int", "i8"),
    ("uint", "u8"),
    ("int_", "i8"),
    ("intp", "i8"),
    ("uintp", "u8"),
    ("long", "i8"),
    ("ulong", "u8"),
    ("longlong", "i8"),
    ("ulonglong", "u8"),
    ("half", "f2"),
    ("bf16", "E"),
    ("single", "f4"),
    ("double", "f8"),
    ("float", "f8"),
    ("csingle", "c8"),
    ("cdouble", "c16"),
    ("complex", "c16"),
    ("float96", "f12"),
    ("float128", "f16"),
    ("longdouble", "f16"),
    ("complex192", "c24"),
    ("complex256", "c32"),
    ("clongdouble", "c32"),
    ("bytes", "S0"),
    ("bytes_", "S0"),
    ("str", "U0"),
    ("str_", "U0"),
    ("void", "V0"),
    ("unicode", "U0"),
];

impl TimeUnit {
    /// NumPy's code, such as `ns`.
    pub fn code(self) -> &'static str {
        UNITS[self as usize].1
    }
}

impl DType {
    /// The same dtype with its bytes in another order, also inside records.
    ///
    /// ```
    /// use maparray::{ByteOrder, DType};
    /// let big: DType = "[('a', '<i4'), ('b', '|u1')]".parse::<DType>()?.with_order(ByteOrder::Big);
    /// assert_eq!(big.to_string(), "[('a', '>i4'), ('b', '|u1')]");
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn with_order(&self, order: ByteOrder) -> DType {
        match self {
            DType::Number(scalar, _) if scalar.size() == 1 => scalar.native(),
            DType::Number(scalar, _) => DType::Number(*scalar, order),
            DType::Bytes(_) | DType::Void(_) => self.clone(),
            DType::Text(len, _) => DType::Text(*len, order),
            DType::Moment(step, _) => DType::Moment(*step, order),
            DType::Duration(step, _) => DType::Duration(*step, order),
            &DType::LongDouble { size, complex, .. } => DType::LongDouble {
                size,
                complex,
                order,
            },
            DType::Record(record) => {
                let mut record = Record::clone(record);
                for field in &mut record.fields {
                    field.dtype = field.dtype.with_order(order);
                }
                DType::Record(Arc::new(record))
            }
            DType::SubArray(block) => {
                DType::SubArray(Arc::new((block.0.with_order(order), block.1.clone())))
            }
        }
    }

    /// The same dtype in the byte order of this machine.
    ///
    /// ```
    /// use maparray::DType;
    /// assert_eq!(">f8".parse::<DType>()?.to_native(), DType::of::<f64>());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn to_native(&self) -> DType {
        self.with_order(ByteOrder::NATIVE)
    }

    /// The dtype of one of Numeric's one-letter type codes, the module that NumPy came from.
    ///
    /// They differ from NumPy's: `b` has no sign here, `s` and `w` are the 16-bit integers.
    ///
    /// ```
    /// use maparray::{DType, Scalar};
    /// assert_eq!(DType::from_typecode('w')?, Scalar::U16.native());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Unsupported` for `O`, `Mismatch` for a letter that is none of `c b 1 s w i u l f d F D`.
    pub fn from_typecode(code: char) -> Result<DType> {
        Ok(match code {
            'c' => DType::Bytes(1),
            'b' => Scalar::U8.native(),
            '1' => Scalar::I8.native(),
            's' => Scalar::I16.native(),
            'w' => Scalar::U16.native(),
            'i' => Scalar::I32.native(),
            'u' => Scalar::U32.native(),
            'l' => Scalar::I64.native(),
            'f' => Scalar::F32.native(),
            'd' => Scalar::F64.native(),
            'F' => Scalar::C64.native(),
            'D' => Scalar::C128.native(),
            'O' => return Err(Error::new(Problem::ObjectDType)),
            _ => {
                let expected = "one of the codes c b 1 s w i u l f d F D";
                return Err(Error::new(complaint(0, code, expected)));
            }
        })
    }

    /// The dtype that a descriptor describes: a text, a list of fields, or a pair of a descriptor
    /// and the shape of a sub-array.
    pub(crate) fn from_literal(literal: &Literal, writer: Writer) -> Result<DType, Problem> {
        let dtype = match &literal.value {
            Value::Text(text) => from_descriptor(text, literal.at, writer)?,
            Value::List(fields) => from_fields(fields, writer)?,
            Value::Tuple(pair) if pair.len() == 2 => {
                let element = DType::from_literal(&pair[0], writer)?;
                from_block(element, &pair[1])?
            }
            other => {
                let expected = "a dtype: a text or a list of fields";
                return Err(complaint(literal.at, other.describe(), expected));
            }
        };
        match dtype.checked_size() {
            Some(0) => Err(Problem::ItemSize {
                dtype: dtype.to_string(),
            }),
            Some(..=MAX_ITEM_SIZE) => Ok(dtype),
            _ => Err(Problem::ItemTooBig {
                dtype: dtype.to_string(),
            }),
        }
    }

    /// Bytes of one element, `None` if they cannot be counted.
    fn checked_size(&self) -> Option<usize> {
        match self {
            DType::Text(characters, _) => characters.checked_mul(4),
            DType::SubArray(block) => {
                let product = |product: usize, &len| product.checked_mul(len);
                block.1.iter().try_fold(block.0.checked_size()?, product)
            }
            _ => Some(self.size()),
        }
    }

    /// Whether a descriptor can say where the fields lie: one after the other, gaps allowed.
    pub(crate) fn has_descriptor(&self) -> bool {
        match self {
            DType::Record(record) => {
                let mut end = Some(0);
                for field in &record.fields {
                    end = end
                        .filter(|&end| end <= field.offset && field.dtype.has_descriptor())
                        .and_then(|_| field.offset.checked_add(field.dtype.checked_size()?));
                }
                end.is_some_and(|end| end <= record.size)
            }
            DType::SubArray(block) => block.0.has_descriptor(),
            _ => true,
        }
    }
}

/// Reads a list of fields as NumPy's `descr_to_dtype` does.
fn from_fields(list: &[Literal], writer: Writer) -> Result<DType, Problem> {
    const EXPECTED: &str = "a field: `(name, dtype)` or `(name, dtype, shape)`";
    let mut fields = Vec::new();
    let mut names = HashSet::new();
    let mut size = 0usize;
    for literal in list {
        let parts = match &literal.value {
            Value::Tuple(parts) if matches!(parts.len(), 2 | 3) => parts,
            other => return Err(complaint(literal.at, other.describe(), EXPECTED)),
        };
        let (title, name) = match &parts[0].value {
            Value::Text(name) => (None, name),
            Value::Tuple(pair) => match (pair.first().map(|p| &p.value), pair.get(1..)) {
                (
                    Some(Value::Text(title)),
                    Some(
                        [
                            Literal {
                                value: Value::Text(name),
                                ..
                            },
                        ],
                    ),
                ) => (Some(title), name),
                _ => return Err(complaint(parts[0].at, "a tuple", "`(title, name)`")),
            },
            other => {
                let expected = "a field name or `(title, name)`";
                return Err(complaint(parts[0].at, other.describe(), expected));
            }
        };
        let mut dtype = DType::from_literal(&parts[1], writer)?;
        if let Some(shape) = parts.get(2) {
            dtype = from_block(dtype, shape)?;
        }
        let field_size = dtype.checked_size().filter(|&size| size <= MAX_ITEM_SIZE);
        let too_big = || Problem::ItemTooBig {
            dtype: dtype.to_string(),
        };
        let offset = size;
        size += field_size.ok_or_else(too_big)?;
        if size > MAX_ITEM_SIZE {
            return Err(too_big());
        }
        if field_size == Some(0) {
            return Err(Problem::ItemSize {
                dtype: dtype.to_string(),
            });
        }
        let is_padding = name.is_empty()
            && title.is_none()
            && matches!(dtype, DType::Void(_) | DType::SubArray(_));
        if is_padding {
            continue;
        }
        for label in [Some(name), title].into_iter().flatten() {
            if !names.insert(label.as_str()) {
                let expected = "every name and title once";
                return Err(complaint(parts[0].at, label, expected));
            }
        }
        fields.push(Field {
            name: name.clone(),
            title: title.cloned(),
            dtype,
            offset,
        });
    }
    Ok(DType::Record(Arc::new(Record { fields, size })))
}

/// A block of elements with the shape that a literal says.
fn from_block(element: DType, shape: &Literal) -> Result<DType, Problem> {
    const EXPECTED: &str = "the shape of a sub-array: whole numbers that fit";
    let single = std::slice::from_ref(shape);
    let axes = match &shape.value {
        Value::Tuple(axes) if axes.is_empty() => return Ok(element),
        Value::Tuple(axes) if axes.len() <= MAX_BLOCK_AXES => axes,
        Value::Int(_) => single,
        other => return Err(complaint(shape.at, other.describe(), EXPECTED)),
    };
    let len = |axis: &Literal| match axis.value {
        Value::Int(len) if (0..=MAX_ITEM_SIZE as i128).contains(&len) => Ok(len as usize),
        ref other => Err(complaint(axis.at, other.describe(), EXPECTED)),
    };
    let shape = axes.iter().map(len).collect::<Result<_, _>>()?;
    Ok(DType::SubArray(Arc::new((element, shape))))
}

/// Reads one descriptor or name.
fn from_descriptor(text: &str, at: usize, writer: Writer) -> Result<DType, Problem> {
    let unknown = || complaint(at, text, "a dtype such as `<f8`, `|S5` or `<M8[ns]`");
    let (sign, rest) = match text.chars().next() {
        Some(sign @ ('<' | '>' | '=' | '|')) => (Some(sign), &text[1..]),
        _ => (None, text),
    };
    let order = match sign {
        Some('<') => ByteOrder::Little,
        Some('>') => ByteOrder::Big,
        _ => ByteOrder::NATIVE,
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if rest == "object" || rest == "object_" || rest.strip_prefix('O').is_some_and(digits) {
        return Err(Problem::ObjectDType);
    }
    if sign.is_none() && writer == Writer::Person {
        let named = Scalar::STORED.iter().find(|scalar| scalar.name() == rest);
        if let Some(scalar) = named {
            return Ok(scalar.native());
        }
        if let Some((_, descriptor)) = ALIASES.iter().find(|(name, _)| *name == rest) {
            return from_descriptor(descriptor, at, writer);
        }
    }
    let long = |size, complex| DType::LongDouble {
        size,
        complex,
        order,
    };
    let number = |scalar: Scalar| DType::from(scalar).with_order(order);
    let step = |text: &str| from_step(text).ok_or_else(unknown);
    if rest == "bf16" && writer == Writer::Person {
        return Ok(number(Scalar::BF16));
    }
    let letter = rest.chars().next().ok_or_else(unknown)?;
    let tail = &rest[letter.len_utf8()..];
    let size = || from_digits(tail, text, unknown);
    let dtype = match (letter, tail) {
        ('l' | 'q' | 'n' | 'p', "") => number(Scalar::I64),
        ('L' | 'Q' | 'N' | 'P', "") => number(Scalar::U64),
        ('g', "") => long(16, false),
        ('G', "") => long(32, true),
        ('c', "") => DType::Bytes(1),
        ('S' | 'a', "") => DType::Bytes(0),
        ('U', "") => DType::Text(0, order),
        ('V', "") => DType::Void(0),
        ('M', "") => DType::Moment(step("")?, order),
        ('m', "") => DType::Duration(step("")?, order),
        (_, "") => {
            // In a file, `E` is no dtype of NumPy's.
            let known = |scalar: &&Scalar| **scalar != Scalar::BF16 || writer == Writer::Person;
            let mut known = Scalar::ALL.iter().filter(known);
            let coded = known.find(|scalar| scalar.code() == letter);
            number(*coded.ok_or_else(unknown)?)
        }
        ('S' | 'a', _) => DType::Bytes(size()?),
        ('U', _) => DType::Text(size()?, order),
        ('V', _) => DType::Void(size()?),
        ('b' | 'i' | 'u' | 'f' | 'c', _) => {
            let size = size()?;
            let row = |scalar: &&Scalar| scalar.letter() == letter && scalar.size() == size;
            match (Scalar::ALL.iter().find(row), letter, size) {
                (Some(scalar), ..) => number(*scalar),
                (None, 'f', 10 | 12 | 16) => long(size, false),
                (None, 'c', 20 | 24 | 32) => long(size, true),
                _ => return Err(unknown()),
            }
        }
        _ => {
            let is_person = writer == Writer::Person && sign.is_none();
            let short = |letter| rest.strip_prefix(letter);
            let long = |name| rest.strip_prefix(name).filter(|_| is_person);
            if let Some(tail) = short("M8").or_else(|| long("datetime64")) {
                DType::Moment(step(tail)?, order)
            } else if let Some(tail) = short("m8").or_else(|| long("timedelta64")) {
                DType::Duration(step(tail)?, order)
            } else {
                return Err(unknown());
            }
        }
    };
    let has_order = match &dtype {
        DType::Number(scalar, _) => scalar.size() > 1,
        dtype => !matches!(dtype, DType::Bytes(_) | DType::Void(_)),
    };
    if has_order
        && (sign == Some('|') || writer == Writer::File && matches!(sign, None | Some('=')))
    {
        let expected = "a byte order: `<` or `>` before the letter";
        return Err(complaint(at, text, expected));
    }
    Ok(dtype)
}

/// The number behind the letter of a descriptor.
fn from_digits(digits: &str, text: &str, unknown: impl Fn() -> Problem) -> Result<usize, Problem> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(unknown());
    }
    let too_big = || Problem::ItemTooBig { dtype: text.into() };
    let size = digits.parse().ok().filter(|&size| size <= MAX_ITEM_SIZE);
    size.ok_or_else(too_big)
}

/// The step between brackets, `[25s]`; nothing at all means no unit.
fn from_step(text: &str) -> Option<TimeStep> {
    let inside = match text {
        "" => "generic",
        _ => text.strip_prefix('[')?.strip_suffix(']')?,
    };
    let digits = inside.bytes().take_while(u8::is_ascii_digit).count();
    let (count, code) = inside.split_at(digits);
    let code = if code == "μs" { "us" } else { code };
    let unit = UNITS.iter().find(|(_, known)| *known == code)?.0;
    let count = match count {
        "" => 1,
        _ if unit == TimeUnit::Generic => return None,
        _ => count
            .parse()
            .ok()
            .filter(|count| (1..=i32::MAX as u32).contains(count))?,
    };
    Some(TimeStep { unit, count })
}

impl FromStr for DType {
    type Err = Error;

    /// Reads what `numpy.dtype` reads: descriptors with or without byte order, names, one-letter
    /// codes, and lists of fields in Python's notation.
    ///
    /// ```
    /// use maparray::DType;
    /// assert_eq!("float64".parse::<DType>()?, DType::of::<f64>());
    /// assert_eq!("[('a', '<i4'), ('b', '<f8', (2,))]".parse::<DType>()?.size(), 20);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Mismatch` if it is no dtype, `Unsupported` for objects, `Malformed` for elements of no
    /// bytes or too many.
    fn from_str(text: &str) -> Result<DType> {
        let text = text.trim();
        let parsed = if text.starts_with(['[', '(', '\'', '"']) {
            literal::read(text.as_bytes(), Notation::Utf8)
                .and_then(|literal| DType::from_literal(&literal, Writer::Person))
        } else {
            let literal = Literal {
                at: 0,
                value: Value::Text(text.into()),
            };
            DType::from_literal(&literal, Writer::Person)
        };
        parsed.map_err(|problem| {
            Error::new(match problem {
                Problem::DTypeText { at, expected, .. } => complaint(at, text, expected),
                problem => problem,
            })
        })
    }
}

/// Writes the descriptor that NumPy's `dtype_to_descr` gives, as Python writes it, but a simple
/// one without quotes.
///
/// A record whose fields overlap or are out of order has no descriptor; it reads like NumPy's
/// dictionary of names, formats and offsets.
impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = |step: &TimeStep| match *step {
            TimeStep {
                unit: TimeUnit::Generic,
                ..
            } => String::new(),
            TimeStep { unit, count: 1 } => format!("[{}]", unit.code()),
            TimeStep { unit, count } => format!("[{count}{}]", unit.code()),
        };
        match self {
            DType::Number(scalar, _) if scalar.is_eight_bits() => f.write_str(scalar.name()),
            DType::Number(scalar, _) if scalar.size() == 1 => {
                write!(f, "|{}1", scalar.letter())
            }
            DType::Number(Scalar::BF16, order) => write!(f, "{}bf16", order.sign()),
            DType::Number(scalar, order) => {
                write!(f, "{}{}{}", order.sign(), scalar.letter(), scalar.size())
            }
            DType::Bytes(size) => write!(f, "|S{size}"),
            DType::Void(size) => write!(f, "|V{size}"),
            DType::Text(characters, order) => write!(f, "{}U{characters}", order.sign()),
            DType::Moment(unit, order) => write!(f, "{}M8{}", order.sign(), step(unit)),
            DType::Duration(unit, order) => write!(f, "{}m8{}", order.sign(), step(unit)),
            DType::LongDouble {
                size,
                complex,
                order,
            } => {
                let letter = if *complex { 'c' } else { 'f' };
                write!(f, "{}{letter}{size}", order.sign())
            }
            DType::Record(record) if self.has_descriptor() => write_fields(f, record),
            DType::Record(record) => write_offsets(f, record),
            DType::SubArray(block) => {
                write!(f, "({}, {})", Quoted(&block.0), shape_text(&block.1))
            }
        }
    }
}

/// A dtype as a part of another: quoted where it is a text.
struct Quoted<'a>(&'a DType);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            DType::Record(_) | DType::SubArray(_) => self.0.fmt(f),
            // NumPy has no word for it, and ml_dtypes writes it so. In the other order no reader
            // could tell.
            DType::Number(Scalar::BF16, ByteOrder::Little) => f.write_str("'|V2'"),
            DType::Number(Scalar::BF16, ByteOrder::Big) => f.write_str("'>V2'"),
            DType::Number(scalar, _) if scalar.is_eight_bits() => f.write_str("'|V1'"),
            simple => write!(f, "'{simple}'"),
        }
    }
}

impl DType {
    /// The descriptor as a Python literal, quotes included.
    pub(crate) fn to_literal(&self) -> String {
        Quoted(self).to_string()
    }
}

fn write_fields(f: &mut fmt::Formatter<'_>, record: &Record) -> fmt::Result {
    let mut end = 0;
    let mut comma = "";
    f.write_str("[")?;
    let padding = |f: &mut fmt::Formatter<'_>, comma, len| write!(f, "{comma}('', '|V{len}')");
    for field in &record.fields {
        if field.offset > end {
            padding(f, comma, field.offset - end)?;
            comma = ", ";
        }
        let name = quote(&field.name);
        match &field.title {
            Some(title) => write!(f, "{comma}(({}, {name}), ", quote(title))?,
            None => write!(f, "{comma}({name}, ")?,
        }
        match &field.dtype {
            DType::SubArray(block) => {
                write!(f, "{}, {})", Quoted(&block.0), shape_text(&block.1))?;
            }
            dtype => write!(f, "{})", Quoted(dtype))?,
        }
        comma = ", ";
        end = field.offset + field.dtype.size();
    }
    if record.size > end {
        padding(f, comma, record.size - end)?;
    }
    f.write_str("]")
}

fn write_offsets(f: &mut fmt::Formatter<'_>, record: &Record) -> fmt::Result {
    let list = |text: &dyn Fn(&Field) -> String| {
        let parts: Vec<String> = record.fields.iter().map(text).collect();
        format!("[{}]", parts.join(", "))
    };
    write!(
        f,
        "{{'names': {}, 'formats': {}, 'offsets': {}, 'itemsize': {}}}",
        list(&|field| quote(&field.name)),
        list(&|field| Quoted(&field.dtype).to_string()),
        list(&|field| field.offset.to_string()),
        record.size,
    )
}

/// A tuple of numbers as Python writes it.
fn shape_text(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        _ => {
            let parts: Vec<String> = shape.iter().map(usize::to_string).collect();
            format!("({})", parts.join(", "))
        }
    }
}
