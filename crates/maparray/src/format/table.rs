//! Which formats are there, and how are they told apart?
//!
//! One row for each: what it is called, how its files begin and end, what it can hold. By its content
//! first, then by its name.
//!
//! Knows: nothing but bytes and names. Must not know: files, maps.

use super::{Format, safetensors, wav};

/// What is known of a format.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The format.
    pub format: Format,
    /// What it is called.
    pub name: &'static str,
    /// How names of its files end, without the dot, in lower case.
    pub endings: &'static [&'static str],
    /// What it holds.
    pub holds: &'static str,
    /// How its elements come to memory.
    pub access: &'static str,
    /// How files of it are made.
    pub writes: &'static str,
    /// Whether a file begins like one of its own.
    begins: fn(&[u8]) -> bool,
}

/// All formats, in the order in which a file is asked for them.
pub const FORMATS: [Row; 6] = [
    Row {
        format: Format::Npy,
        name: "npy",
        endings: &["npy"],
        holds: "one array of any dtype but `object`, in C or Fortran order",
        access: "mapped in r, r+ and c",
        writes: "whole, or grown in place",
        begins: |start| start.starts_with(b"\x93NUMPY"),
    },
    Row {
        format: Format::Raw,
        name: "raw",
        endings: &["raw", "bin", "dat"],
        holds: "elements and nothing else; the caller says what they are, or a small file beside it",
        access: "mapped in r, r+ and c",
        writes: "whole, or grown in place",
        begins: |_| false,
    },
    Row {
        format: Format::Fits,
        name: "fits",
        endings: &["fits", "fit", "fts"],
        holds: "images and binary tables, each with a header of cards",
        access: "mapped in r, r+ and c; scaled images converted as they are read",
        writes: "images, whole",
        begins: |start| start.starts_with(b"SIMPLE  ="),
    },
    Row {
        format: Format::Npz,
        name: "npz",
        endings: &["npz"],
        holds: "named arrays of any dtype but `object`, in C or Fortran order",
        access: "mapped in r, r+ and c if stored; copied if deflated",
        writes: "whole; members are added in place",
        // The first member, or the end of an archive without any.
        begins: |start| start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06"),
    },
    Row {
        format: Format::Safetensors,
        name: "safetensors",
        endings: &["safetensors"],
        holds: "named arrays of numbers, in C order, and texts",
        access: "mapped in r, r+ and c",
        writes: "whole",
        begins: safetensors::begins,
    },
    Row {
        format: Format::Wav,
        name: "wav",
        endings: &["wav"],
        holds: "samples of sound: (frames,) of one channel, (frames, channels) of several",
        access: "mapped in r, r+ and c",
        writes: "not",
        begins: wav::begins,
    },
];

impl Format {
    /// The row of the table.
    pub fn row(self) -> &'static Row {
        let own = FORMATS.iter().find(|row| row.format == self);
        // Every format has a row, which a test checks.
        own.unwrap_or(&FORMATS[0])
    }

    /// What a file is, by its first bytes (a few hundred are enough); `None` if they say nothing.
    ///
    /// ```
    /// use maparray::format::Format;
    /// assert_eq!(Format::of_content(b"\x93NUMPY\x01\x00"), Some(Format::Npy));
    /// assert_eq!(Format::of_content(b"hello"), None);
    /// ```
    pub fn of_content(start: &[u8]) -> Option<Format> {
        let row = FORMATS.iter().find(|row| (row.begins)(start));
        row.map(|row| row.format)
    }

    /// What a file is, by its name.
    ///
    /// ```
    /// use maparray::format::Format;
    /// assert_eq!(Format::of_name("folder/A.NPY"), Some(Format::Npy));
    /// assert_eq!(Format::of_name("npy"), None);
    /// ```
    pub fn of_name(name: &str) -> Option<Format> {
        let (_, ending) = name.rsplit_once('.')?;
        let ending = ending.to_ascii_lowercase();
        let row = FORMATS.iter().find(|row| row.endings.contains(&&*ending));
        row.map(|row| row.format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_its_row() {
        for row in &FORMATS {
            assert_eq!(row.format.row().name, row.name);
        }
    }
}
