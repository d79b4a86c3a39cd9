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
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::array::Container;
use crate::dtype;
use crate::error::{self, Answer};
use crate::fits::Scaled;
use crate::numpy::refuse_masked;

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
    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (name, power) in self.0.in_base_units().parts() {
            (name, power).hash(&mut hasher);
        }
        hasher.finish()
    }

    fn __mul__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> Answer<Py<PyAny>> {
        match of_text_or_unit(other)? {
            Some(other) => Unit(slf.get().0.multiply(&other)?).give(slf.py()),
            None => with_numbers("multiply", slf, other),
        }
    }

    fn __rmul__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> Answer<Py<PyAny>> {
        Unit::__mul__(slf, other)
    }

    fn __truediv__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> Answer<Py<PyAny>> {
        match of_text_or_unit(other)? {
            Some(other) => Unit(slf.get().0.divide(&other)?).give(slf.py()),
            None => with_numbers("divide", slf, other),
        }
    }

    fn __rtruediv__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> Answer<Py<PyAny>> {
        match of_text_or_unit(other)? {
            Some(other) => Unit(other.divide(&slf.get().0)?).give(slf.py()),
            None => with_numbers("divide", other, slf),
        }
    }

    /// What NumPy's arrays do with it: products and quotients have the unit.
    #[pyo3(signature = (ufunc, method, *inputs, **options))]
    fn __array_ufunc__<'py>(
        slf: &Bound<'py, Self>,
        ufunc: &Bound<'py, PyAny>,
        method: &str,
        inputs: &Bound<'py, PyTuple>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> Answer<Bound<'py, PyAny>> {
        static UFUNC: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let work = dtype::import_once(slf.py(), &UFUNC, "maparray._measured", "ufunc_of_unit")?;
        Ok(work.call1((ufunc, method, inputs, options))?)
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

impl Unit {
    fn give(self, py: Python<'_>) -> Answer<Py<PyAny>> {
        Ok(self.into_pyobject(py)?.into_any().unbind())
    }
}

/// The product or quotient of a unit and numbers.
fn with_numbers(
    name: &str,
    left: &Bound<'_, PyAny>,
    right: &Bound<'_, PyAny>,
) -> Answer<Py<PyAny>> {
    static SCALED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let scaled = dtype::import_once(left.py(), &SCALED, "maparray._measured", "with_numbers")?;
    Ok(scaled.call1((name, left, right))?.unbind())
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
        let Ok(text) = text.to_str() else {
            let text = text.to_string_lossy();
            let message = format!("unit: found `{text}`, expected text that UTF-8 can hold");
            return Err(error::unit(value.py(), &message)?);
        };
        return Ok(Some(maparray::Unit::parse(text)?));
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
    static OF_ASTROPY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if !value.hasattr("physical_type")? || !value.hasattr("to_string")? || value.hasattr("unit")? {
        return Ok(None);
    }
    // Not its text: that has six digits of the scale, and names that may mean something else here.
    let made = dtype::import_once(value.py(), &OF_ASTROPY, "maparray._unit", "of_astropy")?;
    let unit = made.call1((value,))?;
    let unit = unit.cast::<Unit>().map_err(PyErr::from)?;
    Ok(Some(unit.get().0.clone()))
}

/// A power as a fraction: exactly, or but for the rounding of a decimal number.
fn exponent(power: &Bound<'_, PyAny>) -> Answer<Power> {
    static FRACTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let made = dtype::import_once(power.py(), &FRACTION, "maparray._unit", "fraction")?;
    let (above, below): (i32, i32) = made.call1((power,))?.extract()?;
    Ok(Power::new(above, below)?)
}

/// The unit of an operand: of a container, or of a Quantity, which says its unit by itself; of a list
/// that of the first part that has one.
pub(crate) fn of_operand(value: &Bound<'_, PyAny>) -> Answer<Option<maparray::Unit>> {
    static NDARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if let Ok(container) = value.cast::<Container>() {
        return container.get().own_unit();
    }
    if let Ok(scaled) = value.cast::<Scaled>() {
        return Ok(scaled.get().scaled()?.unit().cloned());
    }
    if is_list(value) {
        for part in value.try_iter()? {
            let part = part?;
            let number = part.is_exact_instance_of::<PyFloat>();
            if number || part.is_exact_instance_of::<PyInt>() {
                continue;
            }
            if let Some(unit) = of_operand(&part)? {
                return Ok(Some(unit));
            }
        }
        return Ok(None);
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

fn is_list(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyList>() || value.is_exact_instance_of::<PyTuple>()
}

/// A value without its unit, and the unit; the parts of a list are brought to one.
pub(crate) fn measured<'py>(
    value: &Bound<'py, PyAny>,
) -> Answer<(Bound<'py, PyAny>, Option<maparray::Unit>)> {
    static NUMBERS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let unit = of_operand(value)?;
    let value = match &unit {
        Some(unit) if is_list(value) => {
            let numbers = dtype::import_once(value.py(), &NUMBERS, "maparray._unit", "numbers")?;
            numbers.call1((value, Unit(unit.clone())))?
        }
        _ => value.clone(),
    };
    Ok((value, unit))
}

/// The unit of a container, of a Quantity, of a list of them or of a unit itself; None if it has none.
#[pyfunction]
fn unit_of(value: &Bound<'_, PyAny>) -> Answer<Option<Unit>> {
    let unit = match of_operand(value)? {
        None => of_unit(value)?,
        found => found,
    };
    Ok(unit.map(Unit))
}

/// The scale of a unit, and its parts: a name, and a power as a fraction.
#[pyfunction]
fn parts_of(unit: &Unit) -> (f64, Vec<(String, i32, i32)>) {
    let parts = unit.0.parts();
    let parts = parts.map(|(name, power)| (name, power.numerator(), power.denominator()));
    (unit.0.scale(), parts.collect())
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

/// The numbers that a value is in this unit, or without one, for a place of this dtype.
pub(crate) fn numbers<'py>(
    value: &Bound<'py, PyAny>,
    unit: Option<maparray::Unit>,
    dtype: &Bound<'py, PyAny>,
) -> Answer<Bound<'py, PyAny>> {
    static NUMBERS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let numbers = dtype::import_once(py, &NUMBERS, "maparray._unit", "numbers")?;
    Ok(numbers.call1((value, unit.map(Unit), dtype))?)
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Unit>()?;
    module.add_function(wrap_pyfunction!(parts_of, module)?)?;
    module.add_function(wrap_pyfunction!(refuse_masked, module)?)?;
    module.add_function(wrap_pyfunction!(unit_of, module)?)
}
