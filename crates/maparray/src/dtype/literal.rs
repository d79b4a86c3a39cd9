//! How is a Python literal read and written?
//!
//! The part of Python's notation that a `.npy` header is made of: text, whole numbers, tuples,
//! lists, dictionaries, `True`, `False`, `None`. One pass, bounded depth, nothing is evaluated.
//!
//! Knows: errors. Must not know: dtypes, headers, files.

use crate::error::Problem;

/// Brackets that may be open at once.
const MAX_DEPTH: usize = 32;

/// How the bytes are to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notation {
    /// One byte is one character; Python 2 may have written `3L` for `3`.
    Latin1,
    /// UTF-8, as Python 3 writes.
    Utf8,
}

/// A value and the byte where it begins.
#[derive(Debug)]
pub(crate) struct Literal {
    pub(crate) at: usize,
    pub(crate) value: Value,
}

/// What a literal says.
#[derive(Debug)]
pub(crate) enum Value {
    Text(String),
    /// Saturated where it does not fit.
    Int(i128),
    Bool(bool),
    None,
    Tuple(Vec<Literal>),
    List(Vec<Literal>),
    Dict(Vec<(Literal, Literal)>),
}

impl Value {
    /// What it is called in a message.
    pub(crate) fn describe(&self) -> String {
        match self {
            Value::Text(text) => quote(text),
            Value::Int(number) => number.to_string(),
            Value::Bool(true) => "True".into(),
            Value::Bool(false) => "False".into(),
            Value::None => "None".into(),
            Value::Tuple(items) => format!("a tuple of {}", items.len()),
            Value::List(items) => format!("a list of {}", items.len()),
            Value::Dict(items) => format!("a dictionary of {}", items.len()),
        }
    }
}

/// A complaint about the byte `at`; whoever asked says what the text was to be.
pub(crate) fn complaint(at: usize, text: impl Into<String>, expected: &'static str) -> Problem {
    Problem::DTypeText {
        text: text.into(),
        at,
        expected,
    }
}

/// Reads one literal, blanks around it allowed, and nothing else.
pub(crate) fn read(bytes: &[u8], notation: Notation) -> Result<Literal, Problem> {
    match read_start(bytes, notation)? {
        (literal, end) if end == bytes.len() => Ok(literal),
        (_, end) => Err(too_much(bytes, end)),
    }
}

/// The complaint about what stands behind a literal.
pub(crate) fn too_much(bytes: &[u8], at: usize) -> Problem {
    complaint(at, snippet(bytes, at), "nothing more but blanks")
}

/// Reads one literal, blanks around it allowed; says where what follows begins.
pub(crate) fn read_start(bytes: &[u8], notation: Notation) -> Result<(Literal, usize), Problem> {
    if notation == Notation::Utf8
        && let Err(error) = std::str::from_utf8(bytes)
    {
        let at = error.valid_up_to();
        return Err(complaint(at, snippet(bytes, at), "UTF-8"));
    }
    let mut reader = Reader {
        bytes,
        at: 0,
        notation,
    };
    let literal = reader.value(0)?;
    reader.skip_blanks();
    Ok((literal, reader.at))
}

/// The next few bytes, for a message; empty at the end.
fn snippet(bytes: &[u8], at: usize) -> String {
    const LENGTH: usize = 24;
    let rest = bytes.get(at..).unwrap_or_default();
    String::from_utf8_lossy(&rest[..rest.len().min(LENGTH)])
        .trim_end()
        .into()
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    notation: Notation,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn expected(&self, expected: &'static str) -> Problem {
        complaint(self.at, snippet(self.bytes, self.at), expected)
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r' | b'\x0c') = self.peek() {
            self.at += 1;
        }
    }

    /// Skips blanks, and then this byte if it is next.
    fn accept(&mut self, byte: u8) -> bool {
        self.skip_blanks();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// A value inside so many open brackets.
    fn value(&mut self, depth: usize) -> Result<Literal, Problem> {
        self.skip_blanks();
        let at = self.at;
        let byte = self.peek();
        if let Some(b'(' | b'[' | b'{') = byte {
            if depth == MAX_DEPTH {
                return Err(self.expected("at most 32 open brackets"));
            }
            self.at += 1;
        }
        let value = match byte {
            Some(b'\'' | b'"') => Value::Text(self.text()?),
            Some(b'0'..=b'9' | b'-') => Value::Int(self.int()?),
            Some(b'[') => Value::List(self.items(b']', depth + 1)?.0),
            Some(b'(') => match self.items(b')', depth + 1)? {
                // Brackets around one value without a comma only group.
                (mut items, Commas::None) if items.len() == 1 => items.remove(0).value,
                (items, _) => Value::Tuple(items),
            },
            Some(b'{') => Value::Dict(self.pairs(depth + 1)?),
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => self.word()?,
            _ => return Err(self.expected("a value in Python's notation")),
        };
        Ok(Literal { at, value })
    }

    fn items(&mut self, close: u8, depth: usize) -> Result<(Vec<Literal>, Commas), Problem> {
        let mut items = Vec::new();
        let mut commas = Commas::None;
        while !self.accept(close) {
            items.push(self.value(depth)?);
            if self.accept(b',') {
                commas = Commas::Some;
            } else if self.accept(close) {
                break;
            } else {
                return Err(self.expected("a comma or a closing bracket"));
            }
        }
        Ok((items, commas))
    }

    fn pairs(&mut self, depth: usize) -> Result<Vec<(Literal, Literal)>, Problem> {
        let mut pairs = Vec::new();
        while !self.accept(b'}') {
            let key = self.value(depth)?;
            if !self.accept(b':') {
                return Err(self.expected("a colon"));
            }
            pairs.push((key, self.value(depth)?));
            if !self.accept(b',') {
                if self.accept(b'}') {
                    break;
                }
                return Err(self.expected("a comma or a closing brace"));
            }
        }
        Ok(pairs)
    }

    fn int(&mut self) -> Result<i128, Problem> {
        let start = self.at;
        let negative = self.peek() == Some(b'-');
        self.at += usize::from(negative);
        let first = self.at;
        let mut value = 0i128;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value
                .saturating_mul(10)
                .saturating_add(i128::from(digit - b'0'));
            self.at += 1;
        }
        let digits = self.at - first;
        if self.notation == Notation::Latin1 && digits > 0 && self.peek() == Some(b'L') {
            self.at += 1;
        }
        let more = matches!(
            self.peek(),
            Some(b'.' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | 0x80..)
        );
        let leading_zero = digits > 1 && self.bytes[first] == b'0' && value != 0;
        if digits == 0 || more || leading_zero {
            self.at = start;
            return Err(self.expected("a whole number in decimal digits"));
        }
        Ok(if negative { -value } else { value })
    }

    /// `True`, `False`, `None`, or an explanation why not.
    fn word(&mut self) -> Result<Value, Problem> {
        let rest = &self.bytes[self.at..];
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        let len = rest.iter().position(|byte| !is_part(byte));
        let word = &rest[..len.unwrap_or(rest.len())];
        let quoted = matches!(rest.get(word.len()), Some(b'\'' | b'"'));
        let value = match word {
            b"True" => Value::Bool(true),
            b"False" => Value::Bool(false),
            b"None" => Value::None,
            b"u" | b"U" if quoted => {
                self.at += 1;
                return self.text().map(Value::Text);
            }
            _ if quoted => return Err(self.expected("text without a prefix")),
            _ if word.starts_with(b"np.") || word.starts_with(b"numpy.") => {
                return Err(self.expected(
                    "a plain number (numpy.lib.format.open_memmap writes this when it is given \
                     NumPy numbers: numpy#28334)",
                ));
            }
            _ => return Err(self.expected("a literal; nothing in a header is called")),
        };
        self.at += word.len();
        Ok(value)
    }

    /// A text in single or double quotes.
    fn text(&mut self) -> Result<String, Problem> {
        let quote = self.bytes[self.at];
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek() {
                Some(byte) if byte == quote => break,
                None | Some(b'\n' | b'\r' | b'\0') => {
                    return Err(self.expected("the end of the text"));
                }
                Some(b'\\') => text.extend(self.escape()?),
                Some(byte) if byte.is_ascii() || self.notation == Notation::Latin1 => {
                    text.push(char::from(byte));
                    self.at += 1;
                }
                Some(_) => {
                    let rest = &self.bytes[self.at..];
                    let len = rest.iter().position(u8::is_ascii).unwrap_or(rest.len());
                    // The whole was checked to be UTF-8; a run that ends before ASCII is, too.
                    text.push_str(&String::from_utf8_lossy(&rest[..len]));
                    self.at += len;
                }
            }
        }
        self.at += 1;
        Ok(text)
    }

    /// One backslash and what it stands for; a backslash at the end of a line stands for nothing.
    fn escape(&mut self) -> Result<Option<char>, Problem> {
        let unknown = self.expected("one of Python's escapes");
        let Some(&letter) = self.bytes.get(self.at + 1) else {
            return Err(unknown);
        };
        let (start, digits, radix) = match letter {
            b'x' => (2, 2, 16),
            b'u' => (2, 4, 16),
            b'U' => (2, 8, 16),
            b'0'..=b'7' => {
                let rest = &self.bytes[self.at + 1..];
                let octal = |byte: &&u8| matches!(byte, b'0'..=b'7');
                (1, rest.iter().take(3).take_while(octal).count(), 8)
            }
            _ => {
                self.at += 2;
                return Ok(match letter {
                    b'\n' => None,
                    b'\\' | b'\'' | b'"' => Some(char::from(letter)),
                    b'a' => Some('\x07'),
                    b'b' => Some('\x08'),
                    b'f' => Some('\x0c'),
                    b'n' => Some('\n'),
                    b'r' => Some('\r'),
                    b't' => Some('\t'),
                    b'v' => Some('\x0b'),
                    _ => return Err(unknown),
                });
            }
        };
        let from = self.at + start;
        let character = self
            .bytes
            .get(from..from + digits)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, radix).ok())
            .and_then(char::from_u32)
            .ok_or(unknown)?;
        self.at = from + digits;
        Ok(Some(character))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Commas {
    None,
    Some,
}

/// A text as Python's `repr` writes it.
pub(crate) fn quote(text: &str) -> String {
    let mark = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut quoted = String::from(mark);
    for character in text.chars() {
        match character {
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if character == mark => quoted.extend(['\\', mark]),
            _ if is_printable(character) => quoted.push(character),
            _ => quoted.push_str(&match u32::from(character) {
                code @ ..=0xff => format!("\\x{code:02x}"),
                code @ ..=0xffff => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }),
        }
    }
    quoted.push(mark);
    quoted
}

/// Bytes as Python's `repr` writes them, prefix included.
pub(crate) fn quote_bytes(bytes: &[u8]) -> String {
    let mark = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        b'"'
    } else {
        b'\''
    };
    let mut quoted = format!("b{}", char::from(mark));
    for &byte in bytes {
        match byte {
            b'\\' => quoted.push_str("\\\\"),
            b'\n' => quoted.push_str("\\n"),
            b'\r' => quoted.push_str("\\r"),
            b'\t' => quoted.push_str("\\t"),
            _ if byte == mark => quoted.extend(['\\', char::from(mark)]),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("\\x{byte:02x}")),
        }
    }
    quoted.push(char::from(mark));
    quoted
}

/// Python's `str.isprintable`: neither unassigned nor a control, format or private character nor a
/// separator other than the space. The standard library escapes by the same rule in `Debug`, except
/// for quotes, which never come here, and marks that combine with what stands before them: hence
/// the letter in front.
fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return (' '..='~').contains(&character);
    }
    let mut pair = [b'a', 0, 0, 0, 0];
    let len = character.encode_utf8(&mut pair[1..]).len();
    // It was just encoded, so it is UTF-8.
    let pair = std::str::from_utf8(&pair[..=len]).unwrap_or("a");
    pair.escape_debug().nth(1) == Some(character)
}
