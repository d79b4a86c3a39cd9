//! What does a number measure?
//!
//! A [`Unit`] is a scale times powers of named units, as in `10**-17 W/m2`, and knows what that is
//! in base units. Names, spellings and values are astropy's. Table: `table.rs`.
//!
//! Knows: text and factors. Must not know: elements, arrays, files.

mod names;
mod number;
mod parse;
mod power;
mod show;
mod table;

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Problem, Result};
use names::Named;
pub use power::Power;

/// How a unit is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnitFormat {
    /// As astropy writes it by default, with every unit there is: `erg / (Angstrom s cm2)`.
    #[default]
    Generic,
    /// As the FITS standard has it: `erg Angstrom-1 s-1 cm-2`.
    Fits,
    /// As the IVOA's VOUnit standard has it: `erg.Angstrom**-1.s**-1.cm**-2`.
    VoUnit,
}

/// A physical unit.
///
/// It keeps the spelling: `km / h` stays that, and is equal to `1000 m / (60 min)`. Units are equal
/// if they measure the same and their scales agree but for rounding.
///
/// # Examples
///
/// ```
/// use maparray::Unit;
///
/// let speed: Unit = "km s-1".parse()?;
/// let time: Unit = "Myr".parse()?;
/// let distance = speed.multiply(&time)?;
/// assert_eq!(distance.to_string(), "Myr km / s");
/// let factor = distance.factor_to(&"pc".parse()?)?;
/// assert!((factor - 1.0227).abs() < 1e-4);
/// # Ok::<(), maparray::Error>(())
/// ```
#[derive(Clone)]
pub struct Unit {
    scale: f64,
    /// No unit twice, no power of zero; the highest power first, equal ones by name.
    parts: Vec<(Named, Power)>,
    base: Base,
}

/// A number of base units; a base unit is the number of its row in the table.
#[derive(Clone, Debug)]
struct Base {
    scale: f64,
    /// By row, without zeros.
    powers: Vec<(usize, Power)>,
}

impl Base {
    fn one(row: usize) -> Base {
        Base {
            scale: 1.0,
            powers: vec![(row, Power::from(1))],
        }
    }

    /// The base units of a product.
    fn product(
        scale: f64,
        parts: &[(Named, Power)],
        base_of: impl Fn(Named) -> Base,
    ) -> Result<Base> {
        let (mut factor, mut powers) = (1.0, Vec::new());
        for &(named, power) in parts {
            let base = base_of(named);
            factor *= power.of(base.scale);
            for (row, inner) in base.powers {
                gather(&mut powers, row, inner.times(power)?)?;
            }
        }
        powers.retain(|(_, power)| !power.is_zero());
        powers.sort_unstable_by_key(|(row, _)| *row);
        // The scale comes last, so that scales that are nearly equal stay so.
        let scale = sound(scale * factor)?;
        Ok(Base { scale, powers })
    }
}

/// Multiplies a power into a product.
fn gather<T: PartialEq>(product: &mut Vec<(T, Power)>, factor: T, power: Power) -> Result<()> {
    match product.iter_mut().find(|(found, _)| *found == factor) {
        Some((_, sum)) => *sum = sum.plus(power)?,
        None => product.push((factor, power)),
    }
    Ok(())
}

/// Whether a quotient of scales is one but for the rounding of a few operations.
fn is_one(ratio: f64) -> bool {
    const SLIP: f64 = 4.0 * f64::EPSILON;
    (1.0 - SLIP / 2.0..=1.0 + SLIP).contains(&ratio)
}

/// A scale that can be divided by, with exactly 1 for what rounding took away from it.
fn sound(scale: f64) -> Result<f64> {
    if is_one(scale) {
        Ok(1.0)
    } else if scale.is_finite() && scale != 0.0 {
        Ok(scale)
    } else {
        let found = scale.to_string();
        Err(Error::new(Problem::UnitScale { found }))
    }
}

impl Unit {
    /// The unit of plain numbers.
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::Unit;
    ///
    /// assert_eq!(Unit::dimensionless().to_string(), "");
    /// ```
    pub fn dimensionless() -> Unit {
        Unit {
            scale: 1.0,
            parts: Vec::new(),
            base: Base {
                scale: 1.0,
                powers: Vec::new(),
            },
        }
    }

    /// The unit that a text means, in the generic spelling.
    ///
    /// That spelling takes what FITS and VOUnit write as well. See [`Unit::parse_as`].
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::Unit;
    ///
    /// let flux = Unit::parse("10**-17 erg/s/cm2/AA")?;
    /// assert_eq!(flux.to_string(), "1e-17 erg / (Angstrom s cm2)");
    /// assert_eq!(Unit::parse("m.s**-1")?, Unit::parse("km / ks")?);
    /// let error = Unit::parse("erg / sec").unwrap_err();
    /// assert_eq!(error.column(), Some(7));
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Unit`, as [`Unit::parse_as`].
    pub fn parse(text: &str) -> Result<Unit> {
        Unit::parse_as(text, UnitFormat::Generic)
    }

    /// The unit that a text means in this format.
    ///
    /// FITS and VOUnit take the names of their standards only, FITS no scale but a power of ten, and
    /// VOUnit one `/` at most.
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::{Unit, UnitFormat};
    ///
    /// let unit = Unit::parse_as("10**3 count", UnitFormat::Fits)?;
    /// assert_eq!(unit, "kct".parse()?);
    /// assert!(Unit::parse_as("M_sun", UnitFormat::Fits).is_err());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Unit` if the text is not a unit of this format; if it is logarithmic (`mag(AB)`) or a
    /// temperature with an offset (`deg_C`), which no factor converts; if it has more than 1024
    /// bytes; if a power or scale is out of range.
    pub fn parse_as(text: &str, format: UnitFormat) -> Result<Unit> {
        parse::parse(text, format)
    }

    /// The text that means this unit in this format.
    ///
    /// The scale is written with six digits (VOUnit: eight), with more if fewer would read back as
    /// another one.
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::{Unit, UnitFormat};
    ///
    /// let unit = Unit::parse("1000 electron / s")?;
    /// assert_eq!(unit.to_text(UnitFormat::Generic)?, "1000 electron / s");
    /// assert!(unit.to_text(UnitFormat::Fits).is_err());
    /// let unit = Unit::parse("1000 adu / s")?;
    /// assert_eq!(unit.to_text(UnitFormat::Fits)?, "10**3 adu s-1");
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Unit` if the standard of the format has neither the unit nor what it consists of, or cannot
    /// express the scale.
    pub fn to_text(&self, format: UnitFormat) -> Result<String> {
        show::to_text(self, format)
    }

    /// The number before the units of the spelling.
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::Unit;
    ///
    /// assert_eq!(Unit::parse("10**-17 W/m2")?.scale(), 1e-17);
    /// assert_eq!(Unit::parse("km")?.scale(), 1.0);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// The units of the spelling by their names, and the power of each.
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::Unit;
    ///
    /// let unit = Unit::parse("1e-3 adu / s")?;
    /// let parts: Vec<_> = unit.parts().map(|(name, power)| format!("{name}^{power}")).collect();
    /// assert_eq!(parts, ["adu^1", "s^-1"]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn parts(&self) -> impl Iterator<Item = (String, Power)> {
        let parts = self.parts.iter();
        parts.map(|&(named, power)| (named.name().into_owned(), power))
    }

    /// This unit times a number.
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::Unit;
    ///
    /// let unit = Unit::parse("m")?.scaled(1000.0)?;
    /// assert_eq!(unit, "km".parse()?);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Unit` if the scale becomes zero or infinite.
    pub fn scaled(&self, factor: f64) -> Result<Unit> {
        Unit::product(self.scale * factor, self.parts.clone())
    }

    /// The product of two units.
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::Unit;
    ///
    /// let unit = Unit::parse("adu / s")?.multiply(&"s".parse()?)?;
    /// assert_eq!(unit.to_string(), "adu");
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Unit` if a power or the scale leaves its range.
    pub fn multiply(&self, other: &Unit) -> Result<Unit> {
        if other.is_unity() {
            return Ok(self.clone());
        }
        if self.is_unity() {
            return Ok(other.clone());
        }
        let parts = self.parts.iter().chain(&other.parts).copied();
        Unit::product(self.scale * other.scale, parts)
    }

    /// The quotient of two units.
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::Unit;
    ///
    /// let unit = Unit::parse("electron")?.divide(&"s".parse()?)?;
    /// assert_eq!(unit.to_string(), "electron / s");
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Unit` if a power or the scale leaves its range.
    pub fn divide(&self, other: &Unit) -> Result<Unit> {
        if other.is_unity() {
            return Ok(self.clone());
        }
        self.multiply(&other.pow(Power::from(-1))?)
    }

    /// The unit to this power.
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::{Power, Unit};
    ///
    /// let unit = Unit::parse("km / s")?;
    /// assert_eq!(unit.pow(2.into())?.to_string(), "km2 / s2");
    /// assert_eq!(unit.pow(Power::new(1, 3)?)?.to_string(), "km(1/3) / s(1/3)");
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Unit` if a power or the scale leaves its range, or if the scale is negative (as that of
    /// `mag`, in base units) and has no such root.
    pub fn pow(&self, power: Power) -> Result<Unit> {
        let parts: Result<Vec<_>> = self
            .parts
            .iter()
            .map(|&(named, inner)| Ok((named, inner.times(power)?)))
            .collect();
        Unit::product(power.of(self.scale), parts?)
    }

    /// The square root of the unit.
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::Unit;
    ///
    /// assert_eq!(Unit::parse("adu2")?.sqrt()?.to_string(), "adu");
    /// assert_eq!(Unit::parse("Hz")?.sqrt()?.to_string(), "Hz(1/2)");
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Unit::pow`].
    pub fn sqrt(&self) -> Result<Unit> {
        self.pow(Power::new(1, 2)?)
    }

    /// What a value in this unit is multiplied by to have it in another.
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::{ErrorKind, Unit};
    ///
    /// let (km, mile) = (Unit::parse("km")?, Unit::parse("mi")?);
    /// assert!((mile.factor_to(&km)? - 1.609344).abs() < 1e-12);
    /// assert_eq!(km.factor_to(&"s".parse()?).unwrap_err().kind(), ErrorKind::Unit);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Unit` if the two measure different things, or the factor is out of range.
    pub fn factor_to(&self, other: &Unit) -> Result<f64> {
        if !self.same_dimensions(other) {
            return Err(Error::new(Problem::UnlikeUnits {
                left: self.to_string(),
                right: other.to_string(),
            }));
        }
        sound(self.base.scale / other.base.scale)
    }

    /// Whether both measure the same, so that a factor converts one into the other.
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::Unit;
    ///
    /// let unit = Unit::parse("Jy")?;
    /// assert!(unit.same_dimensions(&"erg s-1 cm-2 Hz-1".parse()?));
    /// assert!(!unit.same_dimensions(&"Jy / beam".parse()?));
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn same_dimensions(&self, other: &Unit) -> bool {
        self.base.powers == other.base.powers
    }

    /// The same unit, in base units: those that nothing else defines, such as `kg`, `s` or `adu`.
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::Unit;
    ///
    /// let unit = Unit::parse("erg")?.in_base_units();
    /// assert_eq!(unit.to_string(), "1e-07 m2 kg / s2");
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn in_base_units(&self) -> Unit {
        let named = |&(row, power): &(usize, Power)| (Named::base_unit(row), power);
        let mut parts: Vec<_> = self.base.powers.iter().map(named).collect();
        sort(&mut parts);
        Unit {
            scale: self.base.scale,
            parts,
            base: self.base.clone(),
        }
    }

    /// Whether it measures plain numbers, scaled or not.
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::Unit;
    ///
    /// assert!(Unit::parse("%")?.is_dimensionless());
    /// assert!(Unit::parse("m / km")?.is_dimensionless());
    /// assert!(!Unit::parse("rad")?.is_dimensionless());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn is_dimensionless(&self) -> bool {
        self.base.powers.is_empty()
    }

    /// Whether it is 1: plain numbers, not scaled.
    ///
    /// # Examples
    ///
    /// ```
    /// use maparray::Unit;
    ///
    /// assert!(Unit::parse("Hz s")?.is_unity());
    /// assert!(!Unit::parse("%")?.is_unity());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn is_unity(&self) -> bool {
        self.is_dimensionless() && self.base.scale == 1.0
    }

    /// A scale times powers of units, each of which may come several times.
    fn product(scale: f64, factors: impl IntoIterator<Item = (Named, Power)>) -> Result<Unit> {
        let mut parts = Vec::new();
        for (named, power) in factors {
            gather(&mut parts, named, power)?;
        }
        parts.retain(|(_, power)| !power.is_zero());
        sort(&mut parts);
        let scale = sound(scale)?;
        let base = Base::product(scale, &parts, Named::base)?;
        Ok(Unit { scale, parts, base })
    }
}

fn sort(parts: &mut [(Named, Power)]) {
    parts.sort_by_cached_key(|(named, power)| (std::cmp::Reverse(*power), named.name()));
}

impl Default for Unit {
    fn default() -> Unit {
        Unit::dimensionless()
    }
}

impl PartialEq for Unit {
    fn eq(&self, other: &Unit) -> bool {
        let (left, right) = (self.base.scale, other.base.scale);
        self.same_dimensions(other) && (is_one(left / right) || is_one(right / left))
    }
}

impl FromStr for Unit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Unit> {
        Unit::parse(text)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show::generic(self, f)
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unit({self})")
    }
}
