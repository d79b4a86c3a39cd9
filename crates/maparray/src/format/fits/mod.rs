//! What does a FITS file say?
//!
//! The standard is FITS 4.0 (Pence et al. 2010, and the text of 2018). In brief:
//!
//! * A file is a sequence of HDUs, each a header and its data, both filled up to blocks of 2880 bytes.
//! * A header is a sequence of cards of 80 bytes, the last one `END`. The first HDU begins with
//!   `SIMPLE = T`, the others with `XTENSION = '…'`: `IMAGE`, `BINTABLE`, `TABLE` or something else.
//! * `BITPIX` is 8, 16, 32 or 64 for integers (8 without a sign, the others with one), -32 or -64 for
//!   floats, all with their most significant byte first. `NAXIS` is the number of axes and `NAXIS1` the
//!   length of the one that varies fastest: the last one of our shape.
//! * The data has |BITPIX| / 8 · GCOUNT · (PCOUNT + NAXIS1 · NAXIS2 · …) bytes, and none if NAXIS is 0.
//! * A stored number x stands for BZERO + BSCALE · x, the integer BLANK for none. `BUNIT` is the unit.
//! * A binary table is an image of bytes, NAXIS1 of them to a row. `TFORMn` says what the n-th column is
//!   made of (a count and a letter), `TTYPEn` how it is called, `TDIMn` the shape of its elements.
//!   Columns of variable length hold a count and a place in what follows the rows.
//! * `EXTNAME` and `EXTVER` are the name of an HDU.
//!
//! Knows: errors, dtypes, layouts. Must not know: files, maps, units.

mod card;
mod cards;
mod hdu;
mod table;

pub use card::{CARD, Card, Value};
pub use cards::{BLOCK, Cards, end_in};
pub use hdu::{Hdu, Kind};
pub(crate) use hdu::{is_structural, structure};

/// Bytes of a header that are read at most: some 800,000 cards.
pub const HEADER_LIMIT: usize = 1 << 26;
