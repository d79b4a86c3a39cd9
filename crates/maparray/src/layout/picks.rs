//! What does `[0:5, :, -1]` pick?
//!
//! Python's notation for a part of an array: positions, `start:stop:step`, and one `...` for the axes
//! that are not named.
//!
//! Knows: errors, layouts. Must not know: files.

use super::Select;
use crate::error::{Error, Problem, Result};

/// A part of an array as a text says it; how many axes `...` stands for shows when the array is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picks {
    before: Vec<Select>,
    /// What stands behind `...`, if that is there.
    after: Option<Vec<Select>>,
}

impl Picks {
    /// Reads what stands between the brackets.
    ///
    /// ```
    /// use maparray::layout::{Picks, Select};
    /// let picks = Picks::parse("1:3, ..., -1")?;
    /// assert_eq!(picks.select(3)?[1..], [Select::ALL, Select::At(-1)]);
    /// assert!(Picks::parse("a").is_err());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Mismatch` if it is no such text.
    pub fn parse(text: &str) -> Result<Picks> {
        let wrong = || Error::new(Problem::PicksText { text: text.into() });
        let mut picks = Picks::default();
        let trimmed = text.trim();
        let list = trimmed.strip_suffix(',').unwrap_or(trimmed);
        if list.is_empty() {
            return Err(wrong());
        }
        for part in list.split(',') {
            if part.trim() == "..." {
                if picks.after.replace(vec![]).is_some() {
                    return Err(wrong());
                }
                continue;
            }
            let pick = read(part).ok_or_else(wrong)?;
            picks.after.as_mut().unwrap_or(&mut picks.before).push(pick);
        }
        Ok(picks)
    }

    /// What to take along each axis of an array with so many of them.
    ///
    /// # Errors
    /// `OutOfBounds` if more axes are named than there are.
    pub fn select(&self, ndim: usize) -> Result<Vec<Select>> {
        let after = self.after.as_deref().unwrap_or_default();
        let found = self.before.len() + after.len();
        let Some(between) = ndim.checked_sub(found) else {
            return Err(Error::new(Problem::IndexCount { found, ndim }));
        };
        let mut all = self.before.clone();
        all.extend(std::iter::repeat_n(Select::ALL, between));
        all.extend(after);
        Ok(all)
    }
}

/// A position, or a range of them.
fn read(part: &str) -> Option<Select> {
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        text => text.parse::<i64>().ok().map(Some),
    };
    let mut parts = part.split(':');
    let first = number(parts.next()?)?;
    let Some(stop) = parts.next() else {
        return first.map(Select::At);
    };
    let (stop, step) = (number(stop)?, number(parts.next().unwrap_or(""))?);
    let range = Select::Range {
        start: first,
        stop,
        step: step.unwrap_or(1),
    };
    parts.next().is_none().then_some(range)
}
