//! How do an array's elements come to another unit, or to a file of another dtype?
//!
//! By a multiplication or a cast, as any other expression is computed.
//!
//! Knows: arrays, expressions, units. Must not know: formats, maps.

use std::path::Path;

use super::{Eval, Report};
use crate::array::{Create, MemMapArray, Opened, Scaled};
use crate::dtype::DType;
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

    /// Writes a new file with the elements as another dtype, in another order or format: whole or not at
    /// all. `set` sets threads, memory and a watcher.
    ///
    /// Numbers are cast as by NumPy's `astype`: cut, wrapped, rounded. What is no number stays what it is.
    ///
    /// # Errors
    /// `Unsupported` if the dtype is another one and not both are numbers, or if the format does not hold
    /// it; `Io` if the file cannot be written or is there and must stay.
    ///
    /// ```
    /// use maparray::{Create, MemMapArray};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// let array = MemMapArray::from_slice(&[1.7_f64, -1.0]);
    /// array.convert(&path, &">u2".parse()?, &Create::default(), |eval| eval.threads(1))?;
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<u16>()?, [1, 65535]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn convert<'a>(
        &'a self,
        path: impl AsRef<Path>,
        dtype: &DType,
        options: &Create,
        set: impl FnOnce(Eval<'a>) -> Eval<'a>,
    ) -> Result<Report> {
        let path = path.as_ref();
        if dtype == self.dtype() && dtype.number().is_err() {
            self.save_as(path, &options.by_name(path))?;
            let bytes = self.byte_len() as u64;
            return Ok(Report {
                dtype: dtype.clone(),
                shape: self.shape().to_vec(),
                bytes_read: bytes,
                bytes_written: bytes,
                threads: 1,
            });
        }
        cast_to(
            set(Eval::new(cast(dtype)?).array("a", self)),
            path,
            dtype,
            options,
        )
    }
}

/// The array `a` as numbers of a dtype.
fn cast(dtype: &DType) -> Result<Expr> {
    Ok(Expr::array("a").cast(dtype.number()?))
}

fn cast_to(eval: Eval<'_>, path: &Path, dtype: &DType, options: &Create) -> Result<Report> {
    let report = eval.save_as(path, dtype, &options.by_name(path))?;
    Ok(Report {
        dtype: dtype.clone(),
        ..report
    })
}

impl Scaled {
    /// Writes a new file with the numbers that are meant, as [`MemMapArray::convert`]: they are
    /// converted strip by strip.
    ///
    /// # Errors
    /// As [`MemMapArray::convert`].
    ///
    /// ```
    /// use maparray::{Create, MemMapArray, Scaled, format::Scaling};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// let raw = MemMapArray::from_slice(&[0_i16, 4]);
    /// let scaled = Scaled::new(raw, Scaling { scale: 0.5, zero: 1.0, blank: None })?;
    /// scaled.convert(&path, &"f8".parse()?, &Create::default(), |eval| eval)?;
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<f64>()?, [1.0, 3.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn convert<'a>(
        &'a self,
        path: impl AsRef<Path>,
        dtype: &DType,
        options: &Create,
        set: impl FnOnce(Eval<'a>) -> Eval<'a>,
    ) -> Result<Report> {
        let path = path.as_ref();
        cast_to(
            set(Eval::new(cast(dtype)?).scaled("a", self)),
            path,
            dtype,
            options,
        )
    }
}

impl Opened {
    /// Writes a new file with the numbers that are meant, as [`MemMapArray::convert`] and
    /// [`Scaled::convert`].
    ///
    /// # Errors
    /// As [`MemMapArray::convert`].
    pub fn convert<'a>(
        &'a self,
        path: impl AsRef<Path>,
        dtype: &DType,
        options: &Create,
        set: impl FnOnce(Eval<'a>) -> Eval<'a>,
    ) -> Result<Report> {
        match self {
            Opened::Plain(array) => array.convert(path, dtype, options, set),
            Opened::Scaled(scaled) => scaled.convert(path, dtype, options, set),
        }
    }
}
