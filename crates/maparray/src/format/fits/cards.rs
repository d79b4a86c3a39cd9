//! Which cards are in a FITS header?
//!
//! In their order, the unknown ones too: what is written back differs only where it was changed.
//!
//! Knows: errors. Must not know: files, what keywords mean.

use std::collections::HashMap;

use super::card::{CARD, Card, Value};
use crate::error::Result;

/// Bytes of a block: headers and data are padded to whole ones.
pub const BLOCK: usize = 2880;

/// The cards of a header in their order, found by keyword in upper or lower case.
///
/// ```
/// use maparray::fits::{Cards, Value};
/// let mut cards = Cards::default();
/// cards.set("OBJECT", Value::Text("M 31".into()), Some("what we see"))?;
/// cards.set("ESO DET DIT", Value::Float(0.5), None)?;
/// cards.add("HISTORY", "flat fielded")?;
/// assert_eq!(cards.value("object"), Some(Value::Text("M 31".into())));
/// assert_eq!(cards.len(), 3);
/// assert!(cards.remove("HISTORY"));
/// # Ok::<(), maparray::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cards {
    cards: Vec<Card>,
    /// Where the first card of a keyword is, and whether there are more. Invariant: of every keyword,
    /// in upper case.
    places: HashMap<String, (usize, bool)>,
}

impl PartialEq for Cards {
    fn eq(&self, other: &Cards) -> bool {
        self.cards == other.cards
    }
}

/// Where the card `END` begins in the bytes of a header; cards before `from` are known not to be it.
pub fn end_in(bytes: &[u8], from: usize) -> Option<usize> {
    let mut cards = bytes.chunks_exact(CARD).skip(from / CARD);
    let blank = |sign: &u8| matches!(sign, b' ' | 0);
    let is_end = |card: &[u8]| card.starts_with(b"END") && card[3..].iter().all(blank);
    Some((from / CARD + cards.position(is_end)?) * CARD)
}

impl Cards {
    /// The cards of a header without its `END`.
    pub fn parse(bytes: &[u8]) -> Cards {
        let mut cards = Cards::default();
        // Blanks before `END` are room for more.
        let last = bytes.iter().rposition(|&sign| sign != b' ');
        let end = last.map_or(0, |last| (last + 1).next_multiple_of(CARD));
        for image in bytes[..end.min(bytes.len())].chunks_exact(CARD) {
            match cards.cards.last_mut() {
                Some(last) if image.starts_with(b"CONTINUE") && last.is_text() => {
                    last.extend(image);
                }
                _ => cards.push(Card::of(image)),
            }
        }
        cards
    }

    /// The header's bytes: all cards and `END`, filled up to whole blocks.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![];
        for card in &self.cards {
            bytes.extend_from_slice(card.image());
        }
        bytes.extend_from_slice(b"END");
        bytes.resize(bytes.len().next_multiple_of(BLOCK), b' ');
        bytes
    }

    /// The same in exactly so many bytes, `END` standing at the end of the last card; `None` if there
    /// is no room.
    pub fn to_bytes_in(&self, len: usize) -> Option<Vec<u8>> {
        let mut bytes = self.to_bytes();
        if bytes.len() > len {
            return None;
        }
        if bytes.len() < len {
            // The standard has no blank blocks behind `END`; before it, blank cards may stand.
            let end = self
                .cards
                .iter()
                .map(|card| card.image().len())
                .sum::<usize>();
            bytes[end..end + 3].fill(b' ');
            bytes.resize(len, b' ');
            bytes[len - CARD..len - CARD + 3].copy_from_slice(b"END");
        }
        Some(bytes)
    }

    /// How many cards there are; a text on several counts once.
    pub fn len(&self) -> usize {
        self.cards.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.cards.is_empty()
    }

    /// All of them in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Card> + ExactSizeIterator {
        self.cards.iter()
    }

    /// The first card of a keyword.
    pub fn get(&self, keyword: &str) -> Option<&Card> {
        let (place, _) = *self.places.get(&canonical(keyword))?;
        self.cards.get(place)
    }

    /// The value of the first card of a keyword.
    pub fn value(&self, keyword: &str) -> Option<Value> {
        self.get(keyword).map(Card::value)
    }

    /// Byte of the header at which the first card of a keyword begins.
    pub(super) fn byte_of(&self, keyword: &str) -> Option<u64> {
        let (place, _) = *self.places.get(&canonical(keyword))?;
        let before = self.cards[..place].iter().map(|card| card.image().len());
        Some(before.sum::<usize>() as u64)
    }

    /// Whether a keyword has more than one card.
    pub(super) fn is_repeated(&self, keyword: &str) -> bool {
        let place = self.places.get(&canonical(keyword));
        place.is_some_and(|(_, repeated)| *repeated)
    }

    /// Gives a keyword a value where it stands, or in a new card at the end. Without a comment the old
    /// one stays.
    ///
    /// # Errors
    /// `Mismatch` if the keyword is none, or the value does not fit into a card.
    pub fn set(&mut self, keyword: &str, value: Value, comment: Option<&str>) -> Result<()> {
        if matches!(value, Value::Commentary(_)) {
            self.push(Card::new(keyword, &value, comment)?);
            return Ok(());
        }
        match self.places.get(&canonical(keyword)) {
            Some(&(place, _)) => {
                let old = self.cards[place].comment();
                let card = Card::new(keyword, &value, comment.or(Some(&old)))?;
                self.cards[place] = card;
            }
            None => self.push(Card::new(keyword, &value, comment)?),
        }
        Ok(())
    }

    /// Adds a text under `COMMENT`, `HISTORY` or nothing, on as many cards as it takes.
    ///
    /// # Errors
    /// `Mismatch` if it is not printable ASCII, or the keyword is another.
    pub fn add(&mut self, keyword: &str, text: &str) -> Result<()> {
        let mut rest = text;
        loop {
            let at = rest.char_indices().nth(72).map_or(rest.len(), |(at, _)| at);
            let (line, more) = rest.split_at(at);
            self.push(Card::new(keyword, &Value::Commentary(line.into()), None)?);
            rest = more;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// Adds a card at the end.
    pub fn push(&mut self, card: Card) {
        let place = self.cards.len();
        let known = self.places.entry(canonical(&card.keyword()));
        known
            .and_modify(|known| known.1 = true)
            .or_insert((place, false));
        self.cards.push(card);
    }

    /// Takes away all cards of a keyword; whether there was one.
    pub fn remove(&mut self, keyword: &str) -> bool {
        let found = self.places.contains_key(&canonical(keyword));
        if found {
            let cards = std::mem::take(&mut self.cards);
            self.places.clear();
            let kept = cards.into_iter().filter(|card| !card.is_of(keyword));
            kept.for_each(|card| self.push(card));
        }
        found
    }
}

/// A keyword as it is looked for.
fn canonical(keyword: &str) -> String {
    let upper = keyword.trim().to_ascii_uppercase();
    match upper.strip_prefix("HIERARCH ") {
        Some(bare) => bare.trim().to_owned(),
        None => upper,
    }
}
