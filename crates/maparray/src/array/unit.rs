//! What do an array's numbers measure?
//!
//! An array may carry a [`Unit`]. Parts and copies of it have the same one, and its text goes into
//! the header of a file.
//!
//! Knows: errors, layouts, formats, maps, units. Must not know: operations, expressions.

use std::sync::Arc;

use super::MemMapArray;
use super::fits;
use super::open::read_header;
use crate::error::{Error, Problem, Result};
use crate::format::npy::{self, HEADER_LIMIT};
use crate::format::{Format, Header};
use crate::layout::shape_text;
use crate::map::{Mode, OpenFile};
use crate::unit::{Unit, UnitFormat};

impl MemMapArray {
    /// The unit of the elements; `None` if nobody has said one, which computes as plain numbers do.
    ///
    /// ```
    /// use maparray::{MemMapArray, Unit};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("dark.npy");
    /// let dark = MemMapArray::from_slice(&[7.0_f32, 9.0]).with_unit(Unit::parse("adu")?);
    /// dark.save(&path)?;
    /// let again = MemMapArray::read(&path)?;
    /// assert_eq!(again.unit(), Some(&"adu".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unit(&self) -> Option<&Unit> {
        self.unit.as_deref()
    }

    /// The same array with another unit, or none. The numbers stay as they are.
    ///
    /// ```
    /// use maparray::{MemMapArray, Unit};
    /// let counts = MemMapArray::from_slice(&[7_u16, 9]).with_unit(Unit::parse("ct")?);
    /// assert_eq!(counts.unit().map(Unit::to_string).as_deref(), Some("ct"));
    /// assert_eq!(counts.with_unit(None).unit(), None);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn with_unit(mut self, unit: impl Into<Option<Unit>>) -> MemMapArray {
        self.set_unit(unit);
        self
    }

    /// Says what the elements measure; the numbers stay as they are. A file that is mapped hears of it
    /// by [`MemMapArray::store_unit`].
    ///
    /// ```
    /// use maparray::{MemMapArray, Unit};
    /// let mut counts = MemMapArray::from_slice(&[7_u16, 9]);
    /// counts.set_unit(Unit::parse("ct")?);
    /// assert!(counts.unit().is_some());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn set_unit(&mut self, unit: impl Into<Option<Unit>>) {
        self.unit = unit.into().map(Arc::new);
    }

    /// Writes the unit, or that there is none, into the header of the `.npy` or FITS file that the array
    /// maps for writing. Its elements stay where they are.
    ///
    /// # Errors
    /// `Unit` if the header has no room for it, `ReadOnly` if the file may not be written, `Mismatch`
    /// if there is no file, or if this is a part of what is in it; `Malformed` if it has no header.
    ///
    /// ```
    /// use maparray::{MemMapArray, Mode, Unit};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("dark.npy");
    /// MemMapArray::from_slice(&[7.0_f32, 9.0]).save(&path)?;
    /// let dark = MemMapArray::open(&path, Mode::ReadWrite)?.with_unit(Unit::parse("adu")?);
    /// dark.store_unit()?;
    /// assert_eq!(MemMapArray::read(&path)?.unit(), Some(&"adu".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn store_unit(&self) -> Result<()> {
        self.write_unit().map_err(|error| self.name(error))
    }

    fn write_unit(&self) -> Result<()> {
        let (Some(file), Some(mode)) = (self.region.file(), self.mode()) else {
            return Err(Error::new(Problem::NoFile));
        };
        if mode != Mode::ReadWrite {
            return Err(Error::new(Problem::ReadOnly));
        }
        if fits::is_fits(&file)? {
            return fits::write_unit(&file, self);
        }
        let header = read_header(&file, HEADER_LIMIT)?;
        if !self.is_what_says(&header) {
            return Err(Error::new(Problem::WrongShape {
                found: shape_text(self.shape()),
                expected: format!("all of {}", shape_text(&header.shape)),
            }));
        }
        // No longer than the limit, which is a `usize`.
        let mut start = vec![0; header.data_offset as usize];
        let count = file.read_at(0, &mut start)?;
        let unit = text_of(self.unit());
        let start = npy::replace_unit(&start[..count], unit.as_deref())?;
        file.write_at(0, &start)
    }

    /// Whether a header speaks of these very elements.
    fn is_what_says(&self, header: &Header) -> bool {
        header.shape == self.shape() && header.data_offset == self.data_offset()
    }

    /// Whether the file that it maps is a `.npy` of this array, and not one of which this is a part.
    pub(super) fn is_all_of_npy(&self) -> bool {
        let header = |file: Arc<OpenFile>| read_header(&file, HEADER_LIMIT).ok();
        let header = self.region.file().and_then(header);
        header.is_some_and(|header| self.is_what_says(&header) && header.dtype == self.dtype)
    }

    /// The same array in the unit of another.
    pub(super) fn in_unit_of(self, other: &MemMapArray) -> MemMapArray {
        MemMapArray {
            unit: other.unit.clone(),
            ..self
        }
    }

    /// The same array in a unit that others share.
    pub(crate) fn sharing_unit(self, unit: Option<Arc<Unit>>) -> MemMapArray {
        MemMapArray { unit, ..self }
    }

    /// Checks that elements of `from` mean the same numbers here.
    ///
    /// # Errors
    /// `Unit` if their units differ; an array without one has plain numbers.
    pub(super) fn check_unit_of(&self, from: &MemMapArray) -> Result<()> {
        let plain = Unit::dimensionless();
        let (found, own) = (from.unit().unwrap_or(&plain), self.unit().unwrap_or(&plain));
        if found == own {
            return Ok(());
        }
        let words = |unit: &Unit| match unit.is_unity() {
            true => "plain numbers".to_string(),
            false => format!("`{unit}`"),
        };
        Err(self.name(Error::new(Problem::UnitOperand {
            operation: "out",
            found: words(found),
            expected: words(own),
        })))
    }
}

/// The text for a header.
pub(super) fn text_of(unit: Option<&Unit>) -> Option<String> {
    unit.map(Unit::to_string)
}

/// The text for a card of FITS: the spelling of the standard, or that of everywhere else for what the
/// standard does not know, such as `electron`. astropy reads both.
pub(super) fn fits_text(unit: Option<&Unit>) -> Option<String> {
    let unit = unit.filter(|unit| !unit.is_unity())?;
    let fits = unit.to_text(UnitFormat::Fits);
    Some(fits.unwrap_or_else(|_| unit.to_string()))
}

/// The unit that a header says. Those of FITS are often of somebody's own: what is none is no unit
/// there, and its text stays in the header.
///
/// # Errors
/// `Unit` if it is no unit, of other formats.
pub(super) fn of_header(header: &Header) -> Result<Option<Arc<Unit>>> {
    let text = header.unit.as_deref();
    if header.format != Format::Fits {
        return text.map(|text| Unit::parse(text).map(Arc::new)).transpose();
    }
    let known = |text: &str| {
        let fits = Unit::parse_as(text, UnitFormat::Fits);
        fits.or_else(|_| Unit::parse(text)).ok()
    };
    Ok(text.and_then(known).map(Arc::new))
}
