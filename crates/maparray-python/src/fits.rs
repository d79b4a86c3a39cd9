//! What does Python see of FITS files?
//!
//! Arrays whose numbers are stored scaled, headers as cards, and the function that writes images.
//!
//! Knows: the library's FITS. Must not know: how anything is computed.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use maparray::fits::{self, Value};
use maparray::{Existing, FitsHeader, FitsImage, Flush, MemMapArray, Opened};
use pyo3::exceptions::{PyIndexError, PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyComplex, PyFloat, PyInt, PyString, PyTuple};

use crate::array::Container;
use crate::dtype;
use crate::error::{Answer, interruptible};
use crate::eval::operand;
use crate::numpy::{from_numpy, lend, path_argument};
use crate::unit::{self, Unit};

/// An array of a file whose stored numbers stand for others, as BSCALE, BZERO and BLANK of FITS say.
///
/// `shape`, `dtype` and `unit` are those of the numbers that are meant; `raw` is the MemMapArray of
/// those that are stored. An index converts a part, `read()` all of it, and `maparray.eval` what it
/// needs, strip by strip.
///
/// `maparray.Scaled` is the class of Python on top of it.
#[pyclass(frozen, subclass, module = "maparray._maparray")]
pub(crate) struct Scaled {
    /// None if closed. Never locked while Python code could run.
    open: Mutex<Option<maparray::Scaled>>,
}

impl Scaled {
    fn new(scaled: maparray::Scaled) -> Scaled {
        let open = Mutex::new(Some(scaled));
        Scaled { open }
    }

    fn lock(&self) -> MutexGuard<'_, Option<maparray::Scaled>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another share of the array.
    pub(crate) fn scaled(&self) -> PyResult<maparray::Scaled> {
        let scaled = self.lock().clone();
        scaled.ok_or_else(|| PyValueError::new_err("array is closed"))
    }

    pub(crate) fn give(py: Python<'_>, opened: Opened) -> Answer<Bound<'_, PyAny>> {
        static WRAP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        match opened {
            Opened::Plain(array) => Container::give(py, array),
            Opened::Scaled(scaled) => {
                let wrap = dtype::import_once(py, &WRAP, "maparray._scaled", "_wrap")?;
                Ok(wrap.call1((Bound::new(py, Scaled::new(scaled))?,))?)
            }
        }
    }

    /// The numbers that are meant as a NumPy array.
    fn meant<'py>(&self, py: Python<'py>) -> Answer<Bound<'py, PyAny>> {
        let scaled = self.scaled()?;
        let array = interruptible(py, || scaled.to_memory())?;
        lend(py, &array)
    }
}

#[pymethods]
impl Scaled {
    /// The same array.
    #[new]
    fn py_new(source: &Bound<'_, Scaled>) -> PyResult<Scaled> {
        Ok(Scaled::new(source.get().scaled()?))
    }

    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.scaled()?.shape())
    }

    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        dtype::to_numpy(py, &self.scaled()?.dtype())
    }

    #[getter]
    fn ndim(&self) -> PyResult<usize> {
        Ok(self.scaled()?.ndim())
    }

    #[getter]
    fn size(&self) -> PyResult<usize> {
        Ok(self.scaled()?.len())
    }

    #[getter]
    fn unit(&self) -> PyResult<Option<Unit>> {
        Ok(self.scaled()?.unit().cloned().map(Unit))
    }

    #[getter]
    fn _unit(&self) -> PyResult<Option<Unit>> {
        self.unit()
    }

    #[getter]
    fn filename(&self) -> PyResult<Option<PathBuf>> {
        Ok(self.scaled()?.path().map(PathBuf::from))
    }

    /// What stored numbers are multiplied by.
    #[getter]
    fn scale(&self) -> PyResult<f64> {
        Ok(self.scaled()?.scaling().scale)
    }

    /// What is added then.
    #[getter]
    fn zero(&self) -> PyResult<f64> {
        Ok(self.scaled()?.scaling().zero)
    }

    /// The stored number that stands for none.
    #[getter]
    fn blank(&self) -> PyResult<Option<i64>> {
        Ok(self.scaled()?.scaling().blank)
    }

    /// The stored numbers, mapped.
    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> Answer<Bound<'py, PyAny>> {
        Container::give(py, self.scaled()?.raw().clone())
    }

    /// The header of the HDU, a FitsHeader.
    #[getter]
    fn header<'py>(&self, py: Python<'py>) -> Answer<Bound<'py, PyAny>> {
        static WRAP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let scaled = self.scaled()?;
        let header = py.detach(|| scaled.header())?;
        let wrap = dtype::import_once(py, &WRAP, "maparray._fits", "_wrap")?;
        Ok(wrap.call1((Cards(Mutex::new(header)),))?)
    }

    /// A MemMapArray in memory of the numbers that are meant, in their unit.
    fn read<'py>(&self, py: Python<'py>) -> Answer<Bound<'py, PyAny>> {
        let scaled = self.scaled()?;
        Container::give(py, interruptible(py, || scaled.to_memory())?)
    }

    /// Write the numbers that are meant into a new .npy file.
    fn save(&self, py: Python<'_>, path: &Bound<'_, PyAny>) -> Answer<()> {
        let path = path_argument(path)?;
        let scaled = self.scaled()?;
        interruptible(py, || scaled.save(path))
    }

    /// Write changes back and let go of the file; what was taken before keeps it until it is gone.
    fn close(&self, py: Python<'_>) -> Answer<()> {
        let Some(scaled) = self.lock().take() else {
            return Ok(());
        };
        Ok(py.detach(|| {
            let flushed = scaled.raw().flush(Flush::Durable);
            drop(scaled);
            flushed
        })?)
    }

    /// Whether `close` was called.
    #[getter]
    fn closed(&self) -> bool {
        self.lock().is_none()
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().scaled()?;
        Ok(slf)
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        kind: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> Answer<()> {
        match self.close(py) {
            // An exception on its way is the one to report.
            Err(_) if !kind.is_none() => Ok(()),
            closed => closed,
        }
    }

    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> Answer<Bound<'py, PyAny>> {
        if copy == Some(false) {
            let message = "stored numbers must be converted, which cannot be done without a copy";
            return Err(PyValueError::new_err(message).into());
        }
        let array = self.meant(py)?;
        match dtype {
            Some(dtype) => Ok(array.call_method1("astype", (dtype,))?),
            None => Ok(array),
        }
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        index: &Bound<'py, PyAny>,
    ) -> Answer<Bound<'py, PyAny>> {
        let scaled = self.scaled()?;
        let raw = lend(py, scaled.raw())?;
        let stored = from_numpy(&raw.get_item(index)?)?;
        let part = maparray::Scaled::new(stored, scaled.scaling())?;
        let part = Scaled::new(part).meant(py)?;
        let part = match part.getattr("ndim")?.extract::<usize>()? {
            0 => part.get_item(PyTuple::empty(py))?,
            _ => part,
        };
        match scaled.unit().filter(|unit| !unit.is_unity()) {
            Some(unit) => unit::part(&part, unit),
            None => Ok(part),
        }
    }

    fn __len__(&self) -> PyResult<usize> {
        let first = self.scaled()?.shape().first().copied();
        first.ok_or_else(|| PyTypeError::new_err("len() of an array without axes"))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        if self.closed() {
            return Ok("Scaled(closed)".into());
        }
        let scaled = self.scaled()?;
        let dtype = dtype::to_numpy(py, &scaled.dtype())?;
        let shape = maparray::layout::shape_text(scaled.shape());
        let unit = scaled.unit().map(|unit| format!(", unit={unit}"));
        let (unit, stored) = (unit.unwrap_or_default(), scaled.raw().dtype());
        Ok(format!(
            "Scaled(shape={shape}, dtype={dtype}{unit}, stored as {stored})"
        ))
    }
}

/// The cards of a header; `maparray.FitsHeader` is the mapping of Python over it.
#[pyclass(frozen, module = "maparray._maparray")]
pub(crate) struct Cards(Mutex<FitsHeader>);

impl Cards {
    fn header(&self) -> MutexGuard<'_, FitsHeader> {
        // Every change leaves the header whole, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Cards {
    #[new]
    #[pyo3(signature = (path, hdu=None))]
    fn py_new(
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        hdu: Option<&Bound<'_, PyAny>>,
    ) -> Answer<Cards> {
        let path = path_argument(path)?;
        let key = hdu.map(key_of).transpose()?;
        let header = py.detach(|| match key {
            Some(key) => FitsHeader::of(path, &key),
            None => FitsHeader::open(path),
        })?;
        Ok(Cards(Mutex::new(header)))
    }

    #[getter]
    fn filename(&self) -> PathBuf {
        self.header().path().to_path_buf()
    }

    #[getter]
    fn number(&self) -> usize {
        self.header().number()
    }

    /// Every card: keyword, value and comment.
    fn cards<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Bound<'py, PyAny>, String)>> {
        let header = self.header();
        let cards: Vec<fits::Card> = header.cards().iter().cloned().collect();
        drop(header);
        cards
            .iter()
            .map(|card| {
                let keyword = card.keyword().into_owned();
                Ok((keyword, to_python(py, card.value())?, card.comment()))
            })
            .collect()
    }

    /// Value and comment of the first card of a keyword.
    fn get<'py>(&self, py: Python<'py>, keyword: &str) -> PyResult<(Bound<'py, PyAny>, String)> {
        let card = self.header().cards().get(keyword).cloned();
        let card = card.ok_or_else(|| PyKeyError::new_err(keyword.to_owned()))?;
        Ok((to_python(py, card.value())?, card.comment()))
    }

    fn has(&self, keyword: &str) -> bool {
        self.header().cards().get(keyword).is_some()
    }

    #[pyo3(signature = (keyword, value, comment=None))]
    fn set(&self, keyword: &str, value: &Bound<'_, PyAny>, comment: Option<&str>) -> Answer<()> {
        let value = of_python(value)?;
        Ok(self.header().cards_mut().set(keyword, value, comment)?)
    }

    fn add(&self, keyword: &str, text: &str) -> Answer<()> {
        Ok(self.header().cards_mut().add(keyword, text)?)
    }

    fn remove(&self, keyword: &str) -> bool {
        self.header().cards_mut().remove(keyword)
    }

    fn flush(&self, py: Python<'_>, rewrite: bool) -> Answer<()> {
        Ok(py.detach(|| {
            let mut header = self.header();
            match rewrite {
                true => header.rewrite(),
                false => header.flush(),
            }
        })?)
    }

    /// Cards of their own, over the same file.
    fn copy(&self) -> Cards {
        Cards(Mutex::new(self.header().clone()))
    }

    fn text(&self) -> String {
        let header = self.header();
        let cards = header.cards().iter().map(fits::Card::to_string);
        cards.collect::<Vec<_>>().join("\n")
    }
}

/// How Python names an HDU: a number, a name, or a name and a version.
fn key_of(hdu: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok((name, version)) = hdu.extract::<(String, i64)>() {
        return Ok(format!("{name},{version}"));
    }
    if let Ok(number) = hdu.extract::<usize>() {
        return Ok(number.to_string());
    }
    let expected = "expected a number, not negative, a name, or a name and a version";
    if hdu.is_instance_of::<PyInt>() {
        let message = format!("hdu: found {hdu}, {expected}");
        return Err(PyIndexError::new_err(message));
    }
    hdu.extract::<String>().map_err(|_| {
        let found = hdu.get_type();
        PyTypeError::new_err(format!("hdu: found {found}, {expected}"))
    })
}

fn to_python(py: Python<'_>, value: Value) -> PyResult<Bound<'_, PyAny>> {
    Ok(match value {
        // More digits than the library counts with.
        Value::Unknown(text) if is_whole(&text) => py.get_type::<PyInt>().call1((text,))?,
        Value::Text(text) | Value::Commentary(text) | Value::Unknown(text) => {
            text.into_pyobject(py)?.into_any()
        }
        Value::Integer(number) => number.into_pyobject(py)?.into_any(),
        Value::Float(number) => number.into_pyobject(py)?.into_any(),
        Value::Logical(truth) => truth.into_pyobject(py)?.to_owned().into_any(),
        Value::Complex(real, imaginary) => PyComplex::from_doubles(py, real, imaginary).into_any(),
        Value::Undefined => py.None().into_bound(py),
    })
}

/// Whether a text is a whole number, as long as a card at most.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    (1..=80).contains(&digits.len()) && digits.bytes().all(|sign| sign.is_ascii_digit())
}

fn of_python(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    if value.is_none() || value.get_type().name()? == "Undefined" {
        return Ok(Value::Undefined);
    }
    // Scalars of NumPy, and what else is one number.
    let plain = match value.hasattr("item")? {
        true => value.call_method0("item")?,
        false => value.clone(),
    };
    if plain.is_instance_of::<PyBool>() {
        Ok(Value::Logical(plain.extract()?))
    } else if plain.is_instance_of::<PyInt>() {
        let number = plain.extract().map_err(|_| {
            let message = "value of a card: found a whole number of more than 38 digits, expected \
                           one of fewer, or a float";
            PyValueError::new_err(message)
        });
        Ok(Value::Integer(number?))
    } else if plain.is_instance_of::<PyFloat>() {
        Ok(Value::Float(plain.extract()?))
    } else if plain.is_instance_of::<PyComplex>() {
        let number = plain.cast::<PyComplex>()?;
        Ok(Value::Complex(number.real(), number.imag()))
    } else if plain.is_instance_of::<PyString>() {
        Ok(Value::Text(plain.extract()?))
    } else {
        let found = value.get_type();
        let message = format!("value of a card: found {found}, expected a text, a number or None");
        Err(PyTypeError::new_err(message))
    }
}

/// Images for a file: an array, its name, and further cards.
type Images<'py> = Vec<(
    Bound<'py, PyAny>,
    Option<String>,
    Vec<(String, Bound<'py, PyAny>, Option<String>)>,
)>;

/// Write a new FITS file of images; `maparray.save_fits` says what may be given.
#[pyfunction]
fn write_fits(
    py: Python<'_>,
    path: &Bound<'_, PyAny>,
    images: Images<'_>,
    overwrite: bool,
) -> Answer<()> {
    let path = path_argument(path)?;
    let mut ready: Vec<(MemMapArray, Option<String>, fits::Cards)> = vec![];
    for (array, name, given) in images {
        let array = operand(&array)?;
        let array = interruptible(py, || array.into_plain())?;
        let mut cards = fits::Cards::default();
        for (keyword, value, comment) in given {
            match keyword.to_ascii_uppercase().as_str() {
                // What is left of a long text that lost its beginning.
                "CONTINUE" | "END" => {}
                "COMMENT" | "HISTORY" | "" => {
                    cards.add(&keyword, &value.str()?.extract::<String>()?)?
                }
                _ => cards.set(&keyword, of_python(&value)?, comment.as_deref())?,
            }
        }
        ready.push((array, name, cards));
    }
    let existing = match overwrite {
        true => Existing::Replace,
        false => Existing::Refuse,
    };
    interruptible(py, || {
        let images: Vec<FitsImage<'_>> = ready
            .iter()
            .map(|(array, name, cards)| FitsImage {
                array,
                name: name.as_deref(),
                cards: Some(cards),
            })
            .collect();
        maparray::save_fits(path, &images, existing)
    })
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Scaled>()?;
    module.add_class::<Cards>()?;
    module.add_function(wrap_pyfunction!(write_fits, module)?)
}
