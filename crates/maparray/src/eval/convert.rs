//! How do an array's elements come to another unit?
//!
//! By a multiplication, as any other expression is computed.
//!
//! Knows: arrays, expressions, units. Must not know: formats, maps.

use super::Eval;
use crate::array::MemMapArray;
use crate::error::Result;
use crate::expr::Expr;
use crate::unit::Unit;

impl MemMapArray {
    /// A copy in memory with the elements converted to this unit.
    ///
    /// Floats and complex numbers keep their dtype, integers become `float64`. An array without a unit
    /// holds plain numbers.
    ///
    /// # Errors
    /// `Unit` if the two measure different things, `Unsupported` if the elements are no numbers, `Io`
    /// if there is no room.
    ///
    /// ```
    /// use maparray::{MemMapArray, Unit};
    /// let length = MemMapArray::from_slice(&[1.5_f32, 20.0]).with_unit(Unit::parse("km")?);
    /// let metres = length.to(&"m".parse()?)?;
    /// assert_eq!(metres.to_vec::<f32>()?, [1500.0, 20000.0]);
    /// assert!(length.to(&"s".parse()?).is_err());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn to(&self, unit: &Unit) -> Result<MemMapArray> {
        let own = self.unit().cloned().unwrap_or_default();
        let factor = own.factor_to(unit).map_err(|error| self.name(error))?;
        let converted = Expr::array("a") * factor;
        let result = Eval::new(converted).array("a", self).run()?;
        Ok(result.with_unit(unit.clone()))
    }
}
