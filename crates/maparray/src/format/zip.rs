//! What is in a zip archive, NumPy's `.npz` among them?
//!
//! A member is a *local header* (`PK\3\4`, 30 bytes: method, sizes, CRC; then name and extra fields)
//! and its data, stored as they are or deflated. Behind the members lies the *directory*, an entry
//! for each (`PK\1\2`, 46 bytes: the same again, and where the local header begins; then name, extra
//! fields and comment), and behind that the *end record* (`PK\5\6`, 22 bytes and a comment: how many
//! entries, where the directory begins, how long it is). A number that does not fit its field is all
//! ones there, and stands in an extra field 1, in 8 bytes; of the end record, in the *zip64 end
//! record* (`PK\6\6`), which a *locator* (`PK\6\7`) before the end record points to. Numbers are
//! little-endian.
//!
//! What the directory says counts: a reader asks it, and has the local header confirm name, method and
//! sizes. The two are told apart by nothing else, so whatever does not agree is refused, as are members
//! that overlap, bytes before the first, and directories that do not lie right before the end.
//!
//! An `.npz` holds files of the `.npy` format, whose names end so; the arrays' names do not. An extra
//! field 0xD935 in the local header is there only to move the data to a multiple of some power of two.
//!
//! Knows: errors. Must not know: files, arrays. It sees slices.

use std::collections::HashSet;
use std::ops::Range;

use crate::error::{Error, Problem, Result};

/// Bytes from the end of a file in which its end records begin.
pub const TAIL: usize = END + 65_535 + LOCATOR + END_64;
/// Bytes of a local header before the name.
pub const LOCAL: usize = 30;

const END: usize = 22;
const LOCATOR: usize = 20;
const END_64: usize = 56;
/// Bytes of an entry of the directory before the name.
pub const ENTRY: usize = 46;

const MAX_32: u64 = 0xFFFF_FFFF;
const MAX_16: u64 = 0xFFFF;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// Flags: of any kind of encryption, of sizes that follow the data, of names in UTF-8.
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
const SIZES_BEHIND: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;

/// 1980-01-01, the first day that a zip can name: the same arrays give the same bytes.
const DAY: u16 = 0x21;

/// Where the directory lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// How many members there are said to be.
    pub entries: u64,
    /// The bytes of the file that are the directory.
    pub directory: Range<u64>,
    /// The first byte behind the end record and its comment. What follows is no part of the archive: a
    /// later one that was not finished, if anything.
    pub stop: u64,
}

/// How the data of a member are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// As they are.
    Stored,
    /// Deflated.
    Deflated,
    /// In a way that only other programs know.
    Other(u16),
}

/// A member, as the directory has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// How its data are kept.
    pub method: Method,
    /// CRC-32 of its data as they were.
    pub crc: u32,
    /// Bytes that its data take in the archive.
    pub packed: u64,
    /// Bytes of its data as they were.
    pub plain: u64,
    /// Byte of the file where its local header begins.
    pub offset: u64,
    /// Byte of the file where its entry of the directory begins.
    pub entry: u64,
    /// The byte of the file behind which it cannot reach: there something else begins.
    limit: u64,
    flags: u16,
    /// The name as it stands in the archive.
    raw: Vec<u8>,
}

/// A number of so many bytes; the caller has seen that they are there.
fn number<const N: usize>(bytes: &[u8], at: usize) -> u64 {
    let mut wide = [0; 8];
    if let Some(field) = bytes.get(at..at + N) {
        wide[..N].copy_from_slice(field);
    }
    u64::from_le_bytes(wide)
}

fn short(bytes: &[u8], at: usize) -> u16 {
    number::<2>(bytes, at) as u16
}

fn wrong(at: u64, field: &'static str, found: impl ToString, expected: impl Into<String>) -> Error {
    Error::new(Problem::ZipField {
        at,
        field,
        found: found.to_string(),
        expected: expected.into(),
    })
}

/// Finds the end record in the last bytes of a file, [`TAIL`] of them or all that there are.
///
/// The last record that is whole counts: an append that did not come to its end leaves a piece of
/// another behind it.
///
/// # Errors
/// `Malformed` if there is none, or it contradicts itself.
///
/// ```
/// use maparray::format::zip;
/// let empty = zip::write_end(0, 0, 0);
/// let end = zip::end(&empty, 22)?;
/// assert_eq!((end.entries, end.directory), (0, 0..0));
/// # Ok::<(), maparray::Error>(())
/// ```
pub fn end(tail: &[u8], file_len: u64) -> Result<End> {
    let first = file_len.saturating_sub(tail.len() as u64);
    let mut before = tail.len();
    let at = loop {
        let signatures = tail[..before].windows(4);
        let Some(at) = signatures
            .into_iter()
            .rposition(|four| four == b"PK\x05\x06")
        else {
            return Err(Error::new(Problem::NotZip));
        };
        if tail.len() - at >= END {
            break at;
        }
        before = at + 3;
    };
    let record = &tail[at..];
    let place = first + at as u64;
    let comment = END as u64 + number::<2>(record, 20);
    if comment > record.len() as u64 {
        let expected = format!("at most {} bytes", record.len() - END);
        return Err(wrong(place, "comment", comment - END as u64, expected));
    }
    let mut disks = number::<4>(record, 4);
    let mut counts = (number::<2>(record, 8), number::<2>(record, 10));
    let (mut size, mut offset) = (number::<4>(record, 12), number::<4>(record, 16));
    let mut start = at;
    let locator = at.checked_sub(LOCATOR).map(|from| &tail[from..at]);
    if let Some(locator) = locator.filter(|locator| locator.starts_with(b"PK\x06\x07")) {
        let (from, place) = (number::<8>(locator, 8), place - LOCATOR as u64);
        let inside = from
            .checked_sub(first)
            .and_then(|at| usize::try_from(at).ok());
        let record = inside.and_then(|from| tail.get(from..at - LOCATOR));
        let record = record.filter(|record| {
            record.starts_with(b"PK\x06\x06")
                && record.len() >= END_64
                && number::<8>(record, 4).checked_add(12) == Some(record.len() as u64)
        });
        let Some(record) = record else {
            let expected = "the place of the zip64 end record, right before it";
            return Err(wrong(place, "locator", from, expected));
        };
        disks |= number::<8>(record, 16) | number::<4>(locator, 4);
        let wide = (number::<8>(record, 24), number::<8>(record, 32));
        let same = |narrow: u64, wide: u64, most: u64| narrow == wide || narrow == most;
        let (wide_size, wide_offset) = (number::<8>(record, 40), number::<8>(record, 48));
        if !(same(counts.0, wide.0, MAX_16)
            && same(counts.1, wide.1, MAX_16)
            && same(size, wide_size, MAX_32)
            && same(offset, wide_offset, MAX_32))
        {
            let expected = "the same numbers in both";
            return Err(wrong(from, "end record", "two that differ", expected));
        }
        (counts, size, offset) = (wide, wide_size, wide_offset);
        start = at - LOCATOR - record.len();
    }
    if disks != 0 || counts.0 != counts.1 {
        return Err(wrong(
            place,
            "volume",
            "one of several",
            "all of it in one file",
        ));
    }
    let start = first + start as u64;
    if offset.checked_add(size) != Some(start) {
        let found = format!("{size} bytes from byte {offset} on");
        let expected = format!("to end at byte {start}, where the end record begins");
        return Err(wrong(place, "directory", found, expected));
    }
    Ok(End {
        entries: counts.0,
        directory: offset..start,
        stop: place + comment,
    })
}

/// Reads the directory, in the order in which it stands.
///
/// # Errors
/// `Malformed` if it contradicts itself, if a name is there twice, or if members overlap.
///
/// ```
/// use maparray::format::zip;
/// let end = zip::end(&zip::write_end(0, 0, 0), 22)?;
/// assert!(zip::directory(b"", &end)?.is_empty());
/// # Ok::<(), maparray::Error>(())
/// ```
pub fn directory(bytes: &[u8], end: &End) -> Result<Vec<Member>> {
    let mut members = vec![];
    let mut rest = bytes;
    while !rest.is_empty() {
        let place = end.directory.start + (bytes.len() - rest.len()) as u64;
        let (member, len) = entry(rest, place, end.directory.start)?;
        members.push(member);
        rest = &rest[len..];
    }
    if members.len() as u64 != end.entries {
        let expected = format!("{}, as the end record has it", end.entries);
        let place = end.directory.start;
        return Err(wrong(place, "number of members", members.len(), expected));
    }
    let mut names = HashSet::with_capacity(members.len());
    if let Some(twice) = members.iter().find(|member| !names.insert(&*member.name)) {
        let name = twice.name.clone();
        return Err(Error::new(Problem::MemberTwice { name }));
    }
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_unstable_by_key(|&i| members[i].offset);
    for (place, &i) in order.iter().enumerate() {
        let next = order.get(place + 1);
        let limit = next.map_or(end.directory.start, |&next| members[next].offset);
        // The extra fields of the local header, which lie between, are not known yet.
        if members[i].least_end() > limit {
            return Err(Error::new(Problem::MemberOverlap {
                name: members[i].name.clone(),
                other: next.map_or("the directory".into(), |&next| members[next].name.clone()),
            }));
        }
        members[i].limit = limit;
    }
    Ok(members)
}

/// One entry of the directory, and how long it is.
fn entry(bytes: &[u8], place: u64, limit: u64) -> Result<(Member, usize)> {
    let lens = [28, 30, 32].map(|at| usize::from(short(bytes, at)));
    let len = ENTRY + lens.iter().sum::<usize>();
    if !bytes.starts_with(b"PK\x01\x02") || bytes.len() < len {
        let found = format!("{} bytes", bytes.len());
        return Err(wrong(place, "directory", found, "whole entries"));
    }
    let raw = &bytes[ENTRY..ENTRY + lens[0]];
    let extra = &bytes[ENTRY + lens[0]..ENTRY + lens[0] + lens[1]];
    let flags = short(bytes, 8);
    let name = decode(raw, flags).filter(|name| !name.is_empty() && !name.contains('\0'));
    let Some(name) = name else {
        let found = String::from_utf8_lossy(raw).into_owned();
        return Err(wrong(place, "name", found, "text without NUL"));
    };
    let mut numbers = [
        number::<4>(bytes, 24),
        number::<4>(bytes, 20),
        number::<4>(bytes, 42),
    ];
    widen(&mut numbers, extra, place)?;
    let [plain, packed, offset] = numbers;
    let method = match short(bytes, 10) {
        STORED => Method::Stored,
        DEFLATED => Method::Deflated,
        other => Method::Other(other),
    };
    if method == Method::Stored && packed != plain && flags & ENCRYPTED == 0 {
        let expected = format!("{plain}, as it is stored as it was");
        return Err(wrong(place, "size of data", packed, expected));
    }
    let member = Member {
        name,
        method,
        crc: number::<4>(bytes, 16) as u32,
        packed,
        plain,
        offset,
        entry: place,
        limit,
        flags,
        raw: raw.to_vec(),
    };
    if member.least_end() > limit {
        let found = format!("{packed} bytes from byte {offset} on");
        let expected = format!("to end before byte {limit}, where the directory begins");
        return Err(wrong(place, "place of a member", found, expected));
    }
    Ok((member, len))
}

/// Takes the numbers that are all ones out of the extra field.
fn widen(numbers: &mut [u64], extra: &[u8], place: u64) -> Result<()> {
    let mut rest = extra;
    let mut found = None;
    while rest.len() >= 4 {
        let len = usize::from(short(rest, 2));
        let Some(field) = rest.get(4..4 + len) else {
            return Err(wrong(place, "extra field", len, "no more than there is"));
        };
        if short(rest, 0) == 1 && found.replace(field).is_some() {
            return Err(wrong(place, "extra field", "two for zip64", "one"));
        }
        rest = &rest[4 + len..];
    }
    let Some(mut field) = found else {
        return Ok(());
    };
    for number in numbers.iter_mut().filter(|number| **number == MAX_32) {
        let Some((wide, after)) = field.split_at_checked(8) else {
            let found = format!("{} bytes for zip64", field.len());
            return Err(wrong(place, "extra field", found, "8 for each number"));
        };
        *number = self::number::<8>(wide, 0);
        field = after;
    }
    Ok(())
}

/// The text of a name: UTF-8 if the flag says so, else the characters of the first PCs.
fn decode(raw: &[u8], flags: u16) -> Option<String> {
    const UPPER: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
                         └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
    if flags & UTF8 != 0 {
        return std::str::from_utf8(raw).ok().map(str::to_owned);
    }
    if raw.is_ascii() {
        return Some(raw.iter().map(|&byte| char::from(byte)).collect());
    }
    let upper: Vec<char> = UPPER.chars().collect();
    let character = |&byte: &u8| match byte {
        0..0x80 => Some(char::from(byte)),
        _ => upper.get(usize::from(byte) - 0x80).copied(),
    };
    raw.iter().map(character).collect()
}

impl Member {
    /// The name of the array in it: without the `.npy` at its end.
    pub fn key(&self) -> &str {
        self.name.strip_suffix(".npy").unwrap_or(&self.name)
    }

    /// How many bytes from [`Member::offset`] on [`Member::data`] has to see.
    pub fn local_len(&self) -> usize {
        LOCAL + self.raw.len()
    }

    /// The first byte of the file that it cannot need.
    fn least_end(&self) -> u64 {
        let header = self.offset.saturating_add(self.local_len() as u64);
        header.saturating_add(self.packed)
    }

    /// Checks that its data can be had.
    ///
    /// # Errors
    /// `Unsupported` if they are encrypted, or compressed in another way than by DEFLATE.
    pub fn check_readable(&self) -> Result<()> {
        let name = self.name.clone();
        if self.flags & ENCRYPTED != 0 {
            return Err(Error::new(Problem::Encrypted { name }));
        }
        match self.method {
            Method::Other(method) => Err(Error::new(Problem::Compression { name, method })),
            _ => Ok(()),
        }
    }

    /// Where its data begin, by its local header.
    ///
    /// # Errors
    /// `Malformed` if that contradicts the directory.
    pub fn data(&self, local: &[u8]) -> Result<u64> {
        let wrong = |field, found: String, expected: &str| {
            let expected = format!("{expected}, as the directory has it");
            Err(wrong(self.offset, field, found, expected))
        };
        if local.len() < LOCAL || !local.starts_with(b"PK\x03\x04") {
            let found = format!("{} bytes", local.len());
            return wrong("local header", found, "`PK\\3\\4` and 30 bytes");
        }
        let name_len = usize::from(short(local, 26));
        let name = local.get(LOCAL..LOCAL + name_len);
        if name != Some(&*self.raw) {
            let found = name.map_or("another".into(), |name| {
                String::from_utf8_lossy(name).into_owned()
            });
            return wrong("name", found, &self.name);
        }
        let (flags, method) = (short(local, 6), short(local, 8));
        let known = match self.method {
            Method::Stored => STORED,
            Method::Deflated => DEFLATED,
            Method::Other(method) => method,
        };
        if method != known {
            return wrong("method", method.to_string(), &known.to_string());
        }
        if (flags ^ self.flags) & ENCRYPTED != 0 {
            return wrong("encryption", "another".into(), "the same");
        }
        let sizes = [(18, self.packed), (22, self.plain)];
        for (at, size) in sizes {
            let local = number::<4>(local, at);
            if flags & SIZES_BEHIND == 0 && local != MAX_32 && local != size {
                return wrong("size", local.to_string(), &size.to_string());
            }
        }
        let header = LOCAL as u64 + name_len as u64 + number::<2>(local, 28);
        let data = self.offset + header;
        if data.saturating_add(self.packed) > self.limit {
            let found = format!("{} bytes from byte {data} on", self.packed);
            let expected = format!("to end before byte {}", self.limit);
            return Err(self::wrong(self.offset, "data", found, expected));
        }
        Ok(data)
    }

    /// Where the archive keeps the CRC of its data besides the directory: in the local header, or behind
    /// the data, which begin at `data`.
    pub fn crc_place(&self, data: u64) -> u64 {
        match self.flags & SIZES_BEHIND {
            0 => self.offset + 14,
            _ => data + self.packed,
        }
    }

    /// Whether the CRC follows the data, perhaps behind a signature.
    pub fn crc_is_behind(&self) -> bool {
        self.flags & SIZES_BEHIND != 0
    }

    /// Byte of the file where the directory has its CRC.
    pub fn crc_in_directory(&self) -> u64 {
        self.entry + 16
    }

    /// A member of another archive with the same name and data.
    pub fn again(&self, offset: u64) -> NewMember {
        NewMember {
            name: self.name.clone(),
            method: self.method,
            crc: self.crc,
            packed: self.packed,
            plain: self.plain,
            offset,
            wide: self.packed.max(self.plain) >= MAX_32,
        }
    }
}

/// A member that is being written.
#[derive(Clone, Debug)]
pub struct NewMember {
    /// Its name.
    pub name: String,
    /// How its data are kept.
    pub method: Method,
    /// CRC-32 of its data as they were.
    pub crc: u32,
    /// Bytes that its data take in the archive.
    pub packed: u64,
    /// Bytes of its data as they were.
    pub plain: u64,
    /// Byte of the file where its local header begins.
    pub offset: u64,
    /// Whether its local header has room for sizes of 8 bytes.
    wide: bool,
}

impl NewMember {
    /// A member of which only the size is known.
    pub fn new(name: String, method: Method, plain: u64, offset: u64) -> NewMember {
        // What cannot be made smaller takes a little more.
        let most = plain.saturating_add(plain / 512).saturating_add(1 << 16);
        NewMember {
            name,
            method,
            crc: 0,
            packed: plain,
            plain,
            offset,
            wide: most >= MAX_32,
        }
    }

    /// Bytes of its local header, with as much in the extra field as lets a byte of the data, so many
    /// behind the first, lie at a multiple of `align`.
    pub fn local_len(&self, align: u64, behind: u64) -> u64 {
        let bare = LOCAL as u64 + self.name.len() as u64 + if self.wide { 20 } else { 0 };
        let at = self.offset + bare + behind;
        let pad = at.next_multiple_of(align.max(1)) - at;
        // A field has a head of 4 bytes, and in this one stands the alignment.
        match pad {
            1..6 => bare + pad + 6_u64.next_multiple_of(align),
            pad => bare + pad,
        }
    }

    /// The local header, of so many bytes.
    pub fn write_local(&self, len: u64, align: u64) -> Vec<u8> {
        let mut out = b"PK\x03\x04".to_vec();
        self.write_head(&mut out, self.wide);
        let pad = len as usize - LOCAL - self.name.len() - if self.wide { 20 } else { 0 };
        let extra = (len as usize - LOCAL - self.name.len()) as u16;
        out.extend(extra.to_le_bytes());
        out.extend(self.name.as_bytes());
        if self.wide {
            out.extend([1, 0, 16, 0]);
            out.extend(self.plain.to_le_bytes());
            out.extend(self.packed.to_le_bytes());
        }
        if pad > 0 {
            out.extend(0xD935_u16.to_le_bytes());
            out.extend((pad as u16 - 4).to_le_bytes());
            out.extend((align as u16).to_le_bytes());
            out.resize(len as usize, 0);
        }
        out
    }

    /// The entry of the directory.
    pub fn write_entry(&self, out: &mut Vec<u8>) {
        // As made on Unix, where files have permissions.
        out.extend(b"PK\x01\x02\x2d\x03");
        let sizes = self.packed.max(self.plain) >= MAX_32;
        self.write_head(out, sizes);
        let far = self.offset >= MAX_32;
        let mut wide = vec![];
        if sizes {
            wide.extend(self.plain.to_le_bytes());
            wide.extend(self.packed.to_le_bytes());
        }
        if far {
            wide.extend(self.offset.to_le_bytes());
        }
        let extra = if wide.is_empty() {
            0
        } else {
            4 + wide.len() as u16
        };
        out.extend(extra.to_le_bytes());
        out.extend([0; 6]);
        out.extend((0o600_u32 << 16).to_le_bytes());
        out.extend((self.offset.min(MAX_32) as u32).to_le_bytes());
        out.extend(self.name.as_bytes());
        if extra > 0 {
            out.extend([1, 0, wide.len() as u8, 0]);
            out.extend(wide);
        }
    }

    /// What both have: from the version that a reader needs to the length of the name.
    fn write_head(&self, out: &mut Vec<u8>, wide: bool) {
        let narrow = |size: u64| if wide { u32::MAX } else { size as u32 };
        let version: u16 = if wide || self.offset >= MAX_32 {
            45
        } else {
            20
        };
        let flags = if self.name.is_ascii() { 0 } else { UTF8 };
        let method = match self.method {
            Method::Stored => STORED,
            Method::Deflated => DEFLATED,
            Method::Other(method) => method,
        };
        for word in [version, flags, method, 0, DAY] {
            out.extend(word.to_le_bytes());
        }
        for word in [self.crc, narrow(self.packed), narrow(self.plain)] {
            out.extend(word.to_le_bytes());
        }
        out.extend((self.name.len() as u16).to_le_bytes());
    }
}

/// The end record of an archive, with that of zip64 where numbers are large.
///
/// ```
/// use maparray::format::zip;
/// let end = zip::write_end(70_000, 1 << 40, 5_000_000);
/// let file_len = (1 << 40) + 5_000_000 + end.len() as u64;
/// assert_eq!(zip::end(&end, file_len)?.entries, 70_000);
/// # Ok::<(), maparray::Error>(())
/// ```
pub fn write_end(entries: u64, offset: u64, size: u64) -> Vec<u8> {
    let mut out = vec![];
    if entries >= MAX_16 || offset >= MAX_32 || size >= MAX_32 {
        out.extend(b"PK\x06\x06");
        out.extend((END_64 as u64 - 12).to_le_bytes());
        out.extend([45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for number in [entries, entries, size, offset] {
            out.extend(number.to_le_bytes());
        }
        out.extend(b"PK\x06\x07\0\0\0\0");
        out.extend((offset + size).to_le_bytes());
        out.extend(1_u32.to_le_bytes());
    }
    out.extend(b"PK\x05\x06\0\0\0\0");
    let entries = entries.min(MAX_16) as u16;
    out.extend(entries.to_le_bytes());
    out.extend(entries.to_le_bytes());
    out.extend((size.min(MAX_32) as u32).to_le_bytes());
    out.extend((offset.min(MAX_32) as u32).to_le_bytes());
    out.extend([0, 0]);
    out
}
