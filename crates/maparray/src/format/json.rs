//! How is JSON read and written?
//!
//! The notation of RFC 8259, read in one pass by whoever knows what comes next: bounded depth, no
//! tree, no key twice. Numbers are whole and not negative, because no header of ours has others.
//!
//! Knows: errors. Must not know: dtypes, headers, files.

use std::collections::HashSet;

use crate::error::Problem;

/// Brackets that may be open at once.
const MAX_DEPTH: usize = 32;

/// A text in this notation and how far it has been read.
pub(super) struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    /// What is added to positions in messages: the byte of the file where the text begins.
    start: usize,
}

impl<'t> Reader<'t> {
    /// Begins to read bytes that lie at byte `start` of their file.
    ///
    /// # Errors
    /// `Malformed` if they are not UTF-8.
    pub(super) fn new(bytes: &'t [u8], start: usize) -> Result<Reader<'t>, Problem> {
        let text = std::str::from_utf8(bytes).map_err(|error| Problem::Header {
            at: start + error.valid_up_to(),
            found: format!("{:#04x}", bytes[error.valid_up_to()]),
            expected: "UTF-8",
        })?;
        Ok(Reader {
            text,
            at: 0,
            depth: 0,
            start,
        })
    }

    /// The byte of the file that is read next.
    pub(super) fn position(&self) -> usize {
        self.start + self.at
    }

    fn rest(&self) -> &'t [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// The next byte that is no blank; it stays.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.rest().iter().take_while(|&byte| blank(byte)).count();
        self.rest().first().copied()
    }

    /// A complaint about what comes next.
    pub(super) fn complaint(&self, expected: &'static str) -> Problem {
        let word: String = self.text[self.at..].chars().take(12).collect();
        Problem::Header {
            at: self.position(),
            found: match word.as_str() {
                "" => "the end".into(),
                word => format!("`{word}`"),
            },
            expected,
        }
    }

    fn take(&mut self, sign: u8, expected: &'static str) -> Result<(), Problem> {
        if self.peek() != Some(sign) {
            return Err(self.complaint(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn open(&mut self, sign: u8, expected: &'static str) -> Result<(), Problem> {
        self.take(sign, expected)?;
        self.depth += 1;
        if self.depth <= MAX_DEPTH {
            return Ok(());
        }
        Err(Problem::Header {
            at: self.position(),
            found: format!("{} open brackets", self.depth),
            expected: "a depth of 32 at most",
        })
    }

    /// Whether another item comes, after `count` items of what ends with `close`.
    fn goes_on(
        &mut self,
        close: u8,
        count: usize,
        expected: &'static str,
    ) -> Result<bool, Problem> {
        match self.peek() {
            Some(sign) if sign == close => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            Some(b',') if count > 0 => {
                self.at += 1;
                Ok(true)
            }
            _ if count == 0 => Ok(true),
            _ => Err(self.complaint(expected)),
        }
    }

    /// An object; `read` reads the value of each key.
    pub(super) fn object(
        &mut self,
        mut read: impl FnMut(&mut Reader<'t>, String) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        self.open(b'{', "an object, `{`")?;
        let mut known = HashSet::new();
        while self.goes_on(b'}', known.len(), "`,` or `}`")? {
            self.peek();
            let at = self.position();
            let key = self.string("a key in quotes")?;
            if !known.insert(key.clone()) {
                let problem = "is there twice";
                return Err(Problem::HeaderKey { at, key, problem });
            }
            self.take(b':', "`:`")?;
            read(self, key)?;
        }
        Ok(())
    }

    /// An array; `read` reads each item.
    pub(super) fn array(
        &mut self,
        mut read: impl FnMut(&mut Reader<'t>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        self.open(b'[', "a list, `[`")?;
        let mut count = 0;
        while self.goes_on(b']', count, "`,` or `]`")? {
            read(self)?;
            count += 1;
        }
        Ok(())
    }

    /// A whole number that is not negative.
    pub(super) fn whole(&mut self) -> Result<u64, Problem> {
        const EXPECTED: &str = "a whole number below 2**64, not negative";
        self.peek();
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit());
        let count = digits.count();
        let text = &self.text[self.at..self.at + count];
        let behind = self.rest().get(count);
        let more = matches!(behind, Some(b'.' | b'e' | b'E' | b'-' | b'+'));
        let zero_before = count > 1 && text.starts_with('0');
        match text.parse() {
            Ok(number) if !more && !zero_before => {
                self.at += count;
                Ok(number)
            }
            _ => Err(self.complaint(EXPECTED)),
        }
    }

    /// A text in quotes.
    pub(super) fn string(&mut self, expected: &'static str) -> Result<String, Problem> {
        self.take(b'"', expected)?;
        let mut text = String::new();
        loop {
            let plain = |byte: &u8| !matches!(byte, b'"' | b'\\' | 0..0x20);
            let count = self.rest().iter().take_while(|&byte| plain(byte)).count();
            text.push_str(&self.text[self.at..self.at + count]);
            self.at += count;
            match self.rest().first() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escaped()?);
                }
                _ => return Err(self.complaint("the end of the text, `\"`")),
            }
        }
    }

    /// What stands behind a backslash.
    fn escaped(&mut self) -> Result<char, Problem> {
        const EXPECTED: &str = "one of `\" \\ / b f n r t u` behind a backslash";
        let plain = match self.rest().first() {
            Some(&sign @ (b'"' | b'\\' | b'/')) => char::from(sign),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.code_point(),
            _ => return Err(self.complaint(EXPECTED)),
        };
        self.at += 1;
        Ok(plain)
    }

    /// `u` and four hexadecimal digits; two of them, where they are the halves of one character.
    fn code_point(&mut self) -> Result<char, Problem> {
        const EXPECTED: &str = "a character as `\\u` and four hexadecimal digits";
        let first = self.hexadecimal(EXPECTED)?;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        if !(0xD800..0xDC00).contains(&first) || self.rest().first() != Some(&b'\\') {
            return Err(self.complaint(EXPECTED));
        }
        self.at += 1;
        let second = self.hexadecimal(EXPECTED)?;
        if !(0xDC00..0xE000).contains(&second) {
            return Err(self.complaint(EXPECTED));
        }
        let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        char::from_u32(code).ok_or_else(|| self.complaint(EXPECTED))
    }

    fn hexadecimal(&mut self, expected: &'static str) -> Result<u32, Problem> {
        let digits = match self.rest() {
            [b'u', digits @ ..] => digits.get(..4),
            _ => None,
        };
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let number = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let number = number.ok_or_else(|| self.complaint(expected))?;
        self.at += 5;
        Ok(number)
    }

    /// A value that nobody asks for.
    pub(super) fn skip(&mut self) -> Result<(), Problem> {
        match self.peek() {
            Some(b'{') => self.object(|reader, _| reader.skip()),
            Some(b'[') => self.array(Reader::skip),
            Some(b'"') => self.string("a text").map(drop),
            _ => {
                let word =
                    |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
                let count = self.rest().iter().take_while(|&byte| word(byte)).count();
                let text = &self.text[self.at..self.at + count];
                let number = text.starts_with(|first: char| first.is_ascii_digit() || first == '-')
                    && text.parse::<f64>().is_ok();
                if !number && !matches!(text, "true" | "false" | "null") {
                    return Err(self.complaint("a value"));
                }
                self.at += count;
                Ok(())
            }
        }
    }

    /// Nothing but blanks is left.
    pub(super) fn end(&mut self) -> Result<(), Problem> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.complaint("nothing behind the object")),
        }
    }
}

/// A text in quotes, with nothing escaped that need not be.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\0'..' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Option<String> {
        let mut reader = Reader::new(json.as_bytes(), 0).ok()?;
        let text = reader.string("a text").ok()?;
        reader.end().ok()?;
        Some(text)
    }

    #[test]
    fn texts_are_read_as_they_were_quoted() {
        for plain in [
            "",
            "a",
            "\"\\/\u{8}\u{c}\n\r\t\0\u{1f}\u{7f}",
            "日本 \u{1F600}",
        ] {
            assert_eq!(text(&quote(plain)).as_deref(), Some(plain));
        }
        assert_eq!(text(r#""\u00e9\ud83d\ude00\/""#).as_deref(), Some("é😀/"));
    }

    #[test]
    fn halves_of_characters_and_bare_control_characters_are_refused() {
        for bad in [
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ud83dx""#,
            r#""\u12"#,
            "\"\n\"",
            "\"",
            r#""\x""#,
        ] {
            assert_eq!(text(bad), None, "{bad}");
        }
    }

    #[test]
    fn whole_numbers_are_exact_and_nothing_else_is_one() {
        let whole = |json: &str| Reader::new(json.as_bytes(), 0)?.whole();
        assert_eq!(whole("18446744073709551615").ok(), Some(u64::MAX));
        for bad in [
            "18446744073709551616",
            "-1",
            "1.0",
            "1e3",
            "01",
            "",
            "x",
            "+1",
        ] {
            assert!(whole(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_nobody_asks_for_still_has_to_be_json() {
        let skip = |json: &str| {
            let mut reader = Reader::new(json.as_bytes(), 0)?;
            reader.skip().and_then(|()| reader.end())
        };
        for good in ["null", " -1.5e3 ", "[1, [], {\"a\": true}]", "\"x\"", "{}"] {
            assert!(skip(good).is_ok(), "{good}");
        }
        for bad in [
            "nul",
            "[1,]",
            "[,1]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{\"a\":1 \"b\":2}",
            "inf",
            "nan",
            "[1",
            "1 2",
        ] {
            assert!(skip(bad).is_err(), "{bad}");
        }
        assert!(skip(&"[".repeat(100_000)).is_err());
    }
}
