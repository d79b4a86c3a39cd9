//! What does a card of a FITS header say?
//!
//! Eighty bytes: a keyword, a value, a comment. A long text goes on in `CONTINUE` cards, which belong
//! to the first one. A card keeps its bytes; what they mean is read when it is asked for.
//!
//! Knows: errors. Must not know: files, what keywords mean.

use std::borrow::Cow;

use crate::error::{Error, Problem, Result};

/// Bytes of a card.
pub const CARD: usize = 80;
/// Bytes of a keyword.
const KEYWORD: usize = 8;
/// Where the values of short cards end, so that they stand below each other.
const VALUE_END: usize = 30;
/// Characters of a text that is cut into pieces, `'` and `&'` left out.
const PIECE: usize = 67;
const HIERARCH: &[u8] = b"HIERARCH ";

/// What stands behind a keyword.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text, without the blanks at its end.
    Text(String),
    /// A whole number.
    Integer(i128),
    /// A number with a point or an exponent.
    Float(f64),
    /// `T` or `F`.
    Logical(bool),
    /// A number with an imaginary part.
    Complex(f64, f64),
    /// Nothing, which says that there is no value.
    Undefined,
    /// The text of a card without `=`, as those of `COMMENT` and `HISTORY`.
    Commentary(String),
    /// What the standard has no meaning for, as it stands there.
    Unknown(String),
}

impl Value {
    /// The number, if it is a whole one; `7.0` is, too.
    pub fn as_integer(&self) -> Option<i64> {
        match *self {
            Value::Integer(number) => i64::try_from(number).ok(),
            Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Some(number as i64)
            }
            _ => None,
        }
    }

    /// The number, if it is one and finite.
    pub fn as_float(&self) -> Option<f64> {
        match *self {
            Value::Integer(number) => Some(number as f64),
            Value::Float(number) => Some(number).filter(|number| number.is_finite()),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// A keyword with its value and its comment.
///
/// ```
/// use maparray::fits::{Card, Value};
/// let card = Card::new("EXPTIME", &Value::Float(2.5), Some("[s] open shutter"))?;
/// assert_eq!(card.to_string(), "EXPTIME =                  2.5 / [s] open shutter");
/// assert_eq!(card.value(), Value::Float(2.5));
/// # Ok::<(), maparray::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    /// Invariant: one or more times 80 bytes.
    image: Vec<u8>,
}

impl Card {
    /// A card of a keyword, which is in upper case if it has up to eight signs, `A` to `Z`, `0` to `9`,
    /// `-` and `_`. Others become `HIERARCH` cards, long texts `CONTINUE` cards.
    ///
    /// # Errors
    /// `Mismatch` if the keyword is none, or the value does not fit into a card.
    pub fn new(keyword: &str, value: &Value, comment: Option<&str>) -> Result<Card> {
        let keyword = keyword.trim();
        let upper = keyword.to_ascii_uppercase();
        let wrong = |found: String, expected| Err(refuse(&upper, found, expected));
        // These end a header and a text.
        if matches!(upper.as_str(), "END" | "CONTINUE") {
            return wrong(upper.clone(), "another keyword");
        }
        let comment = comment.unwrap_or_default();
        if !printable(comment) {
            return wrong(comment.into(), "a comment of printable ASCII");
        }
        let text = match value {
            Value::Commentary(text) => return commentary(&upper, text),
            Value::Text(text) if !printable(text) => {
                return wrong(text.clone(), "a text of printable ASCII");
            }
            Value::Text(text) => format!("'{:<8}'", text.replace('\'', "''")),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) if !number.is_finite() => {
                return wrong(number.to_string(), "a finite number");
            }
            Value::Float(number) => float_text(*number),
            Value::Logical(truth) => if *truth { "T" } else { "F" }.into(),
            Value::Complex(real, imaginary) if real.is_finite() && imaginary.is_finite() => {
                format!("({}, {})", float_text(*real), float_text(*imaginary))
            }
            Value::Complex(real, imaginary) => {
                return wrong(format!("{real}, {imaginary}"), "finite numbers");
            }
            Value::Undefined => String::new(),
            Value::Unknown(text) => text.clone(),
        };
        let short = is_short(&upper);
        let head = match short {
            true => format!("{upper:<8}= "),
            false => hierarch(keyword, &upper)?,
        };
        let wide = VALUE_END - KEYWORD - 2;
        let body = match (short, value) {
            (true, Value::Text(text)) if text.is_empty() => format!("{:<wide$}", "''"),
            (true, Value::Text(_)) => format!("{text:<wide$}"),
            (true, _) => format!("{text:>wide$}"),
            (false, _) => text,
        };
        let tail = match comment {
            "" => String::new(),
            comment => format!(" / {comment}"),
        };
        let whole = format!("{head}{body}{tail}");
        if whole.len() <= CARD {
            return Ok(Card::of(whole.as_bytes()));
        }
        match value {
            Value::Text(text) => long_text(&head, text, comment),
            _ => wrong(
                format!("{} characters", whole.len()),
                "a value and a comment that fit into 80",
            ),
        }
    }

    /// The card of these bytes, filled up with blanks.
    pub(super) fn of(bytes: &[u8]) -> Card {
        let mut image = bytes.to_vec();
        image.resize(bytes.len().max(1).next_multiple_of(CARD), b' ');
        Card { image }
    }

    /// Adds a `CONTINUE` card.
    pub(super) fn extend(&mut self, image: &[u8]) {
        self.image.extend_from_slice(image);
    }

    /// Its bytes.
    pub(super) fn image(&self) -> &[u8] {
        &self.image
    }

    /// Its keyword: of a `HIERARCH` card, what stands before `=`.
    pub fn keyword(&self) -> Cow<'_, str> {
        let keyword = match self.hierarch_equals() {
            Some(equals) => &self.image[HIERARCH.len()..equals],
            None => &self.image[..KEYWORD],
        };
        String::from_utf8_lossy(keyword.trim_ascii())
    }

    /// Whether it is this keyword's, in upper or lower case.
    pub fn is_of(&self, keyword: &str) -> bool {
        self.keyword().eq_ignore_ascii_case(keyword.trim())
    }

    /// Whether a `CONTINUE` card could follow.
    pub(super) fn is_text(&self) -> bool {
        let rest = self.rest();
        rest.is_some_and(|rest| rest.trim_ascii_start().starts_with(b"'"))
    }

    /// Where `=` stands, if it is a `HIERARCH` card.
    fn hierarch_equals(&self) -> Option<usize> {
        let first = &self.image[..CARD];
        let equals = first.iter().position(|&sign| sign == b'=')?;
        (first.starts_with(HIERARCH) && equals >= HIERARCH.len()).then_some(equals)
    }

    /// What stands behind `=` in the first 80 bytes; `None` if there is none, where it must be.
    fn rest(&self) -> Option<&[u8]> {
        if let Some(equals) = self.hierarch_equals() {
            return Some(&self.image[equals + 1..CARD]);
        }
        let keyword = self.image[..KEYWORD].trim_ascii();
        let speaks = matches!(keyword, b"" | b"COMMENT" | b"HISTORY" | b"CONTINUE");
        (!speaks && self.image[KEYWORD] == b'=').then(|| &self.image[KEYWORD + 1..CARD])
    }

    /// Its value.
    pub fn value(&self) -> Value {
        let Some(rest) = self.rest() else {
            return Value::Commentary(plain(&self.image[KEYWORD..CARD]));
        };
        match quoted(rest) {
            Some((text, _)) => Value::Text(self.joined(text)),
            None => number(token(rest).0),
        }
    }

    /// Its comment, empty if there is none.
    pub fn comment(&self) -> String {
        let Some(rest) = self.rest() else {
            return String::new();
        };
        let Some((_, behind)) = quoted(rest) else {
            return plain(token(rest).1.trim_ascii_start());
        };
        let first = comment_in(behind);
        let mut comments: Vec<String> = vec![first];
        let more = self
            .continued()
            .filter_map(|more| Some(comment_in(quoted(more)?.1)));
        comments.extend(more);
        comments.retain(|comment| !comment.is_empty());
        comments.join(" ")
    }

    /// What stands in the `CONTINUE` cards behind the keyword.
    fn continued(&self) -> impl Iterator<Item = &[u8]> {
        let more = self.image.chunks_exact(CARD).skip(1);
        more.map(|image| &image[KEYWORD..])
    }

    /// The text with those of the `CONTINUE` cards. An `&` at the end of a piece says that more follows.
    fn joined(&self, first: String) -> String {
        if self.image.len() == CARD {
            return first;
        }
        let more = self.continued().filter_map(quoted).map(|(text, _)| text);
        let mut whole = first;
        for piece in more {
            // One that nothing follows is a sign like any other.
            if whole.ends_with('&') {
                whole.pop();
            }
            whole.push_str(&piece);
        }
        whole.trim_end_matches(' ').to_owned()
    }
}

impl std::fmt::Display for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = self.image.chunks_exact(CARD).map(plain);
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Card({:?})", self.to_string())
    }
}

fn refuse(keyword: &str, found: impl Into<String>, expected: &'static str) -> Error {
    let (keyword, found) = (keyword.into(), found.into());
    Error::new(Problem::FitsValue {
        keyword,
        found,
        expected,
    })
}

fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_end_matches([' ', '\0']).to_owned()
}

fn printable(text: &str) -> bool {
    text.bytes().all(|sign| (b' '..=b'~').contains(&sign))
}

/// Whether a keyword has its place in the first eight bytes.
fn is_short(keyword: &str) -> bool {
    let allowed =
        |sign: u8| sign.is_ascii_uppercase() || sign.is_ascii_digit() || b"-_".contains(&sign);
    !keyword.is_empty() && keyword.len() <= KEYWORD && keyword.bytes().all(allowed)
}

/// The start of a card of any keyword.
fn hierarch(keyword: &str, upper: &str) -> Result<String> {
    let bare = upper.strip_prefix("HIERARCH ").unwrap_or(upper).trim();
    let fine = !bare.is_empty() && printable(bare) && !bare.contains('=') && bare.len() <= 60;
    match fine {
        true => Ok(format!("HIERARCH {bare} = ")),
        false => Err(refuse(
            upper,
            keyword,
            "up to 60 characters of printable ASCII without `=`",
        )),
    }
}

/// Cards of text alone, as many as it takes.
fn commentary(keyword: &str, text: &str) -> Result<Card> {
    if keyword.len() > KEYWORD || !printable(keyword) {
        return Err(refuse(keyword, keyword, "`COMMENT`, `HISTORY` or blanks"));
    }
    if !printable(text) || text.len() > CARD - KEYWORD {
        let expected = "up to 72 characters of printable ASCII";
        return Err(refuse(keyword, text, expected));
    }
    Ok(Card::of(format!("{keyword:<8}{text}").as_bytes()))
}

/// A text, and its comment, on several cards.
fn long_text(head: &str, text: &str, comment: &str) -> Result<Card> {
    let mut card = Card { image: vec![] };
    let mut add = |start: &str, piece: &str, more: bool, comment: &str| {
        let and = if more { "&" } else { "" };
        let tail = if comment.is_empty() {
            String::new()
        } else {
            format!(" / {comment}")
        };
        card.extend(Card::of(format!("{start}'{piece}{and}'{tail}").as_bytes()).image());
    };
    let (mut piece, mut start) = (String::new(), head);
    let mut room = PIECE + KEYWORD + 2 - head.len();
    for sign in text.chars() {
        let sign = match sign {
            '\'' => "''".to_owned(),
            other => other.to_string(),
        };
        if piece.len() + sign.len() > room {
            add(start, &piece, true, "");
            (start, room) = ("CONTINUE  ", PIECE);
            piece.clear();
        }
        piece.push_str(&sign);
    }
    let comments = wrapped(comment, 64);
    add(start, &piece, !comments.is_empty(), "");
    for (place, comment) in comments.iter().enumerate() {
        add("CONTINUE  ", "", place + 1 < comments.len(), comment);
    }
    Ok(card)
}

/// A text in lines of at most so many characters, words being kept whole if they can.
fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    for word in text.split(' ') {
        let mut rest = word;
        match lines.last_mut() {
            Some(line) if line.len() + 1 + rest.len() <= most => {
                line.push(' ');
                line.push_str(rest);
                continue;
            }
            _ => {}
        }
        while rest.len() > most {
            lines.push(rest[..most].into());
            rest = &rest[most..];
        }
        lines.push(rest.into());
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// A float as short as it can be, with a point or an exponent.
fn float_text(number: f64) -> String {
    // Debug's text is the shortest that reads back as the same number, with `.0` where it is whole.
    let text = format!("{number:?}").replace('e', "E");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

/// A text in quotes at the start, and what stands behind it.
fn quoted(bytes: &[u8]) -> Option<(String, &[u8])> {
    let inner = bytes.trim_ascii_start().strip_prefix(b"'")?;
    let (mut text, mut at) = (vec![], 0);
    while at < inner.len() {
        match (inner[at], inner.get(at + 1)) {
            (b'\'', Some(b'\'')) => {
                text.push(b'\'');
                at += 2;
            }
            (b'\'', _) => return Some((plain(&text), &inner[at + 1..])),
            (sign, _) => {
                text.push(sign);
                at += 1;
            }
        }
    }
    // A quote that is never closed: the rest of the card is the text.
    Some((plain(&text), &[]))
}

/// What stands behind `/`.
fn comment_in(bytes: &[u8]) -> String {
    let slash = bytes.iter().position(|&sign| sign == b'/');
    slash.map_or(String::new(), |slash| {
        plain(bytes[slash + 1..].trim_ascii_start())
    })
}

/// What stands before and behind `/`.
fn token(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|&sign| sign == b'/') {
        Some(slash) => (bytes[..slash].trim_ascii(), &bytes[slash + 1..]),
        None => (bytes.trim_ascii(), &[]),
    }
}

/// A value without quotes.
fn number(token: &[u8]) -> Value {
    let text = String::from_utf8_lossy(token);
    let text = text.trim_matches([' ', '\0']);
    let unknown = || Value::Unknown(text.to_owned());
    match text {
        "" => return Value::Undefined,
        "T" => return Value::Logical(true),
        "F" => return Value::Logical(false),
        _ => {}
    }
    let inside = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'));
    if let Some((real, imaginary)) = inside.and_then(|inside| inside.split_once(',')) {
        return match (float(real.trim()), float(imaginary.trim())) {
            (Some(real), Some(imaginary)) => Value::Complex(real, imaginary),
            _ => unknown(),
        };
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|sign| sign.is_ascii_digit()) {
        return text.parse().map_or_else(|_| unknown(), Value::Integer);
    }
    float(text).map_or_else(unknown, Value::Float)
}

/// A number with digits, whose exponent may be `D`: neither `nan` nor `inf`.
fn float(text: &str) -> Option<f64> {
    let allowed = |sign: char| sign.is_ascii_digit() || "+-.EeDd".contains(sign);
    let fine = text.chars().all(allowed) && text.chars().any(|sign| sign.is_ascii_digit());
    fine.then(|| text.replace(['D', 'd'], "E").parse().ok())?
}
