//! What does a Python object measure?
//!
//! The class `Unit`, and the units of astropy, which need not be there: they are known by what they
//! can do.
//!
//! Knows: the library's units. Must not know: arrays' elements.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use maparray::{Power, UnitFormat};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyInt, PyString};

use crate::array::Container;
use crate::dtype;
use crate::error::Answer;

/// A physical unit, such as ``Unit("erg / (s cm2)")``; without a text, that of plain numbers.
///
/// Spellings are those of astropy, FITS and VOUnit. Units are equal if they measure the same and
/// their scales agree.
#[pyclass(frozen, module = "maparray", from_py_object)]
#[derive(Clone)]
pub(crate) struct Unit(pub(crate) maparray::Unit);

#[pymethods]
impl Unit {
    #[new]
    #[pyo3(signature = (unit=None))]
    fn py_new(unit: Option<&Bound<'_, PyAny>>) -> Answer<Unit> {
        argument(unit).map(|unit| Unit(unit.unwrap_or_default()))
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Unit({:?})", self.0.to_string())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        of_text_or_unit(other).is_ok_and(|other| other.is_some_and(|other| other == self.0))
    }

    /// The same for equal units, whose scales may differ by rounding.
    fn __hash__(&self) -> Answer<u64> {
        let base = self.0.in_base_units();
        let mut hasher = DefaultHasher::new();
        base.scaled(1.0 / base.scale())?
            .to_string()
            .hash(&mut hasher);
        Ok(hasher.finish())
    }

    fn __mul__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> Answer<Py<PyAny>> {
        match of_text_or_unit(other)? {
            Some(other) => Ok(Unit(self.0.multiply(&other)?)
                .into_pyobject(py)?
                .into_any()
                .unbind()),
            None => Ok(py.NotImplemented()),
        }
    }

    fn __truediv__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> Answer<Py<PyAny>> {
        match of_text_or_unit(other)? {
            Some(other) => Ok(Unit(self.0.divide(&other)?)
                .into_pyobject(py)?
                .into_any()
                .unbind()),
            None => Ok(py.NotImplemented()),
        }
    }

    fn __pow__(
        &self,
        power: &Bound<'_, PyAny>,
        _modulo: Option<&Bound<'_, PyAny>>,
    ) -> Answer<Unit> {
        Ok(Unit(self.0.pow(exponent(power)?)?))
    }

    /// By what a number in this unit is multiplied to be one in the other.
    fn to(&self, other: &Bound<'_, PyAny>) -> Answer<f64> {
        Ok(self
            .0
            .factor_to(&argument(Some(other))?.unwrap_or_default())?)
    }

    /// Whether it measures the same as another, apart from a factor.
    fn is_equivalent(&self, other: &Bound<'_, PyAny>) -> Answer<bool> {
        let other = argument(Some(other))?.unwrap_or_default();
        Ok(self.0.same_dimensions(&other))
    }

    /// Its text: 'generic', 'fits' or 'vounit'.
    #[pyo3(signature = (format="generic"))]
    fn to_string(&self, format: &str) -> Answer<String> {
        let formats = [
            ("generic", UnitFormat::Generic),
            ("fits", UnitFormat::Fits),
            ("vounit", UnitFormat::VoUnit),
        ];
        Ok(self.0.to_text(dtype::one_of("format", format, formats)?)?)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyAny>, (String,)) {
        (slf.get_type().into_any(), (slf.get().0.to_string(),))
    }
}

/// The unit that an argument names: a text, a `Unit` or one of astropy's.
pub(crate) fn argument(value: Option<&Bound<'_, PyAny>>) -> Answer<Option<maparray::Unit>> {
    let Some(value) = value.filter(|value| !value.is_none()) else {
        return Ok(None);
    };
    match of_text_or_unit(value)? {
        Some(unit) => Ok(Some(unit)),
        None => {
            let class = value.get_type().name()?;
            let message =
                format!("unit: found {class}, expected str, maparray.Unit or a unit of astropy");
            Err(PyTypeError::new_err(message).into())
        }
    }
}

fn of_text_or_unit(value: &Bound<'_, PyAny>) -> Answer<Option<maparray::Unit>> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Some(maparray::Unit::parse(text.to_str()?)?));
    }
    of_unit(value)
}

/// A unit of ours or of astropy; `None` if it is no unit.
fn of_unit(value: &Bound<'_, PyAny>) -> Answer<Option<maparray::Unit>> {
    if let Ok(unit) = value.cast::<Unit>() {
        return Ok(Some(unit.get().0.clone()));
    }
    let known = seen()
        .get(&value.as_ptr().addr())
        .map(|(_, unit)| unit.clone());
    if known.is_some() {
        return Ok(known);
    }
    let unit = of_astropy(value)?;
    if let Some(unit) = &unit {
        let place = value.as_ptr().addr();
        let mut seen = seen();
        // Made anew for each product, some of them. They go when nothing is locked any more.
        let old = match seen.len() >= MOST_SEEN {
            true => std::mem::take(&mut *seen),
            false => Seen::new(),
        };
        seen.insert(place, (value.clone().unbind(), unit.clone()));
        drop(seen);
        drop(old);
    }
    Ok(unit)
}

const MOST_SEEN: usize = 256;

/// Units of astropy by their addresses, and what they are; each is kept alive, so that its address
/// stays its own.
type Seen = HashMap<usize, (Py<PyAny>, maparray::Unit)>;

fn seen() -> MutexGuard<'static, Seen> {
    static SEEN: LazyLock<Mutex<Seen>> = LazyLock::new(Mutex::default);
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn of_astropy(value: &Bound<'_, PyAny>) -> Answer<Option<maparray::Unit>> {
    let py = value.py();
    if !value.hasattr("physical_type")? || !value.hasattr("to_string")? || value.hasattr("unit")? {
        return Ok(None);
    }
    let Some(bases) = value.getattr_opt("bases")? else {
        // Magnitudes and the like, which the parser refuses with its own words.
        let text: PyBackedStr = value.call_method0("to_string")?.extract()?;
        return Ok(Some(maparray::Unit::parse(&text)?));
    };
    // Not its text: that has six digits of the scale.
    let mut unit = maparray::Unit::dimensionless();
    for (base, power) in bases.try_iter()?.zip(value.getattr("powers")?.try_iter()?) {
        let name: PyBackedStr = base?.getattr("name")?.extract()?;
        unit = unit.multiply(&maparray::Unit::parse(&name)?.pow(exponent(&power?)?)?)?;
    }
    let scale = value.getattr("scale")?;
    let scale: f64 = match scale.extract() {
        Ok(scale) => scale,
        Err(_) => {
            let message = format!("unit: found scale {}, expected a real number", scale.str()?);
            return Err(crate::error::unit(py, &message)?);
        }
    };
    Ok(Some(unit.scaled(scale)?))
}

/// A power as a fraction with a small denominator.
fn exponent(power: &Bound<'_, PyAny>) -> Answer<Power> {
    static FRACTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let fraction = match power.is_instance_of::<PyInt>() {
        true => power.clone(),
        false => dtype::import_once(power.py(), &FRACTION, "fractions", "Fraction")?
            .call1((power,))?
            .call_method1("limit_denominator", (100,))?,
    };
    let part = |name: &str| -> PyResult<i32> { fraction.getattr(name)?.extract() };
    Ok(Power::new(part("numerator")?, part("denominator")?)?)
}

/// The unit of an operand: of a container, or of a Quantity, which says its unit by itself.
pub(crate) fn of_operand(value: &Bound<'_, PyAny>) -> Answer<Option<maparray::Unit>> {
    static NDARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if let Ok(container) = value.cast::<Container>() {
        return container.get().own_unit();
    }
    let ndarray = dtype::import_once(value.py(), &NDARRAY, "numpy", "ndarray")?;
    let class = value.get_type();
    if class.is(ndarray) || !value.is_instance(ndarray)? {
        return Ok(None);
    }
    match value.getattr_opt("unit")? {
        Some(unit) => of_unit(&unit),
        None => Ok(None),
    }
}

/// The unit of a container, of a Quantity or of a unit itself; None if it has none.
#[pyfunction]
fn unit_of(value: &Bound<'_, PyAny>) -> Answer<Option<Unit>> {
    let unit = match of_operand(value)? {
        None => of_unit(value)?,
        found => found,
    };
    Ok(unit.map(Unit))
}

/// An array or a number with a unit as Python gets it.
pub(crate) fn part<'py>(
    value: &Bound<'py, PyAny>,
    unit: &maparray::Unit,
) -> Answer<Bound<'py, PyAny>> {
    static WITH_UNIT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let with_unit = dtype::import_once(py, &WITH_UNIT, "maparray._container", "_with_unit")?;
    Ok(with_unit.call1((value, Unit(unit.clone())))?)
}

/// The numbers that a value is in this unit, or without one.
pub(crate) fn numbers<'py>(
    value: &Bound<'py, PyAny>,
    unit: Option<maparray::Unit>,
) -> Answer<Bound<'py, PyAny>> {
    static NUMBERS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let numbers = dtype::import_once(py, &NUMBERS, "maparray._unit", "numbers")?;
    Ok(numbers.call1((value, unit.map(Unit)))?)
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Unit>()?;
    module.add_function(wrap_pyfunction!(unit_of, module)?)
}
