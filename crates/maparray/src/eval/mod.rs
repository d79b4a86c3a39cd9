//! How is an expression computed, and where does the result go?
//!
//! [`Eval`] binds arrays to the names of expressions, and computes them together into memory, a new
//! file or an existing array: reductions first, sweep by sweep, then what is made of their results.
//!
//! Knows: arrays, operations, expressions. Must not know: formats, maps.

mod block;
mod combine;
mod convert;
mod cross;
mod explain;
mod fill;
mod graph;
mod join;
mod output;
mod plan;
mod program;
mod reduce;
mod scaled;
mod whole;

use std::path::Path;

use crate::array::{Create, Flush, MemMapArray, NewArray, Opened, Source};
use crate::crew::{Flow, Progress, Watch};
use crate::dtype::DType;
use crate::error::{Error, Problem, Result};
use crate::expr::{self, Expr, Typed};
use crate::layout::shape_text;
use crate::ops::Accuracy;
use crate::unit::Unit;

pub use combine::Combine;
pub use explain::{Explanation, Sweep};
pub use join::Join;
use program::{Program, Settings, Target};

/// An expression about to be computed.
///
/// ```
/// use maparray::{Eval, MemMapArray};
/// let a = MemMapArray::from_slice(&[1.0_f32, 2.0]);
/// let b = MemMapArray::from_slice(&[10_i16, 20]);
/// let result = Eval::new("a * 0.5 + b".parse()?).array("a", &a).array("b", &b).run()?;
/// assert_eq!(result.to_vec::<f32>()?, [10.5, 21.0]);
/// # Ok::<(), maparray::Error>(())
/// ```
pub struct Eval<'a> {
    exprs: Vec<Expr>,
    arrays: Vec<(String, Source)>,
    meanings: Vec<scaled::Meaning>,
    settings: Settings,
    accuracy: Accuracy,
    watch: Option<Watch<'a>>,
}

/// What a computation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Type of the result's elements.
    pub dtype: DType,
    /// Shape of the result.
    pub shape: Vec<usize>,
    /// Bytes read from the arrays.
    pub bytes_read: u64,
    /// Bytes of the result.
    pub bytes_written: u64,
    /// Threads that took part.
    pub threads: usize,
}

impl<'a> Eval<'a> {
    /// Begins with an expression.
    pub fn new(expr: Expr) -> Eval<'a> {
        Eval::many([expr])
    }

    /// Begins with several expressions, which are computed together: what they have in common is
    /// computed once, and an array that several of them reduce is read once.
    ///
    /// ```
    /// use maparray::{Eval, MemMapArray};
    /// let a = MemMapArray::from_slice(&[3.0_f64, 1.0, 2.0]);
    /// let both = ["min(a)", "max(a)"].map(|text| text.parse().unwrap());
    /// let results = Eval::many(both).array("a", &a).run_all()?;
    /// assert_eq!(results[0].get::<f64>(&[])?, 1.0);
    /// assert_eq!(results[1].get::<f64>(&[])?, 3.0);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn many(exprs: impl IntoIterator<Item = Expr>) -> Eval<'a> {
        Eval {
            exprs: exprs.into_iter().collect(),
            arrays: vec![],
            meanings: vec![],
            settings: Settings::default(),
            accuracy: Accuracy::default(),
            watch: None,
        }
    }

    /// Binds an array to a name of the expression.
    #[must_use]
    pub fn array(mut self, name: &str, array: &'a MemMapArray) -> Eval<'a> {
        self.arrays.push((name.into(), array.source()));
        self
    }

    /// How many threads take part; by default as many as the machine has cores. More than 64 do if it
    /// has more cores than that.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Eval<'a> {
        self.settings.threads = Some(threads.max(1));
        self
    }

    /// Bytes of memory to keep to for buffers and for the pages of mapped files, those of results
    /// among them.
    ///
    /// By default 1 GiB, but never more than half of what is free, and the pages of results do not
    /// count as long as the system can take them back.
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Eval<'a> {
        self.settings.memory = Some(bytes);
        self
    }

    /// How near the results of elementary functions are to the true ones: by default at most 2 units
    /// in the last place off and many at a time; or those of the C library, one by one.
    ///
    /// ```
    /// use maparray::{Accuracy, Eval, MemMapArray};
    /// let a = MemMapArray::from_slice(&[0.7_f64]);
    /// let strict = Eval::new("sin(a)".parse()?).array("a", &a).accuracy(Accuracy::Strict);
    /// assert_eq!(strict.run()?.to_vec::<f64>()?, [0.7_f64.sin()]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn accuracy(mut self, accuracy: Accuracy) -> Eval<'a> {
        self.accuracy = accuracy;
        self
    }

    /// Has new files outlive a crash: they are on the disk when they get their name. Writing back
    /// begins while the computation goes on.
    ///
    /// ```
    /// use maparray::{Eval, MemMapArray};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("c.npy");
    /// let a = MemMapArray::from_slice(&[1_i64, 2, 3]);
    /// Eval::new("a * a".parse()?).array("a", &a).durable().save(&path)?;
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<i64>()?, [1, 4, 9]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn durable(mut self) -> Eval<'a> {
        self.settings.durable = true;
        self
    }

    /// Calls `watch` on this thread a few times a second; it can stop the computation.
    ///
    /// ```
    /// use maparray::{ErrorKind, Eval, Flow, MemMapArray};
    /// let a = MemMapArray::from_slice(&vec![1_u8; 1 << 22]);
    /// let mut calls = 0;
    /// let watched = Eval::new("sum(a)".parse()?).array("a", &a).watch(|progress| {
    ///     calls += 1;
    ///     assert!(progress.done <= progress.total);
    ///     Flow::Continue
    /// });
    /// assert_eq!(watched.run()?.get::<u64>(&[])?, 1 << 22);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn watch(mut self, watch: impl FnMut(Progress) -> Flow + 'a) -> Eval<'a> {
        self.watch = Some(Box::new(watch));
        self
    }

    /// Type and shape of the result, without reading an element.
    ///
    /// # Errors
    /// `Expression` for names without an array, `Mismatch` if types or shapes do not go together,
    /// `Unsupported` for arrays that are not numbers.
    ///
    /// ```
    /// use maparray::{DType, Eval, MemMapArray};
    /// let a = MemMapArray::from_slice(&[1_i32, 2]);
    /// let eval = Eval::new("a / 2".parse()?).array("a", &a);
    /// assert_eq!(eval.describe()?, (DType::of::<f64>(), vec![2]));
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn describe(&self) -> Result<(DType, Vec<usize>)> {
        let typed = self.first()?;
        Ok((typed.dtype(), typed.shape))
    }

    /// Unit of the result, without reading an element; `None` if no array has one, or if the result
    /// is truth or a position.
    ///
    /// # Errors
    /// As [`Eval::describe`]; `Unit` if the units of operands do not go together.
    ///
    /// ```
    /// use maparray::{Eval, MemMapArray, Unit};
    /// let a = MemMapArray::from_slice(&[1.0_f32, 2.0]).with_unit(Unit::parse("adu")?);
    /// let unit = |text: &str| Eval::new(text.parse()?).array("a", &a).unit();
    /// assert_eq!(unit("var(a)")?, Some("adu2".parse()?));
    /// assert_eq!(unit("a > 0")?, None);
    /// assert!(unit("a + 1").is_err());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn unit(&self) -> Result<Option<Unit>> {
        Ok(self.first()?.unit.as_deref().cloned())
    }

    /// Tells what will be done, without reading an element: the sweeps over arrays with their steps and
    /// dtypes, blocks, threads, bytes to read and to write, and about how long it will take.
    ///
    /// # Errors
    /// As [`Eval::describe`].
    ///
    /// ```
    /// use maparray::{Eval, MemMapArray};
    /// let a = MemMapArray::from_slice(&[1.0_f32, 2.0, 6.0]);
    /// let plan = Eval::new("(a - mean(a)) / std(a)".parse()?).array("a", &a).explain()?;
    /// assert_eq!(plan.sweeps.len(), 2);
    /// assert_eq!(plan.sweeps[0].purpose, "compute mean(a), std(a)");
    /// assert_eq!(plan.sweeps[1].steps[0], "t0 = subtract(a, mean(a)): float32");
    /// println!("{plan}");
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn explain(&self) -> Result<Explanation> {
        let typed = self.infer()?;
        let explanation = Program::new(&self.arrays, &typed, self.settings)?.explain()?;
        let units = typed.iter().map(|typed| typed.unit.as_deref().cloned());
        Ok(Explanation {
            units: units.collect(),
            ..explanation
        })
    }

    /// Computes into memory.
    ///
    /// # Errors
    /// As [`Eval::describe`]; `Io` if there is no room, `Cancelled` if the watcher says so.
    ///
    /// ```
    /// use maparray::{Eval, MemMapArray};
    /// let a = MemMapArray::from_slice(&[1.0_f32, 2.0, 6.0]);
    /// let mean = Eval::new("mean(a)".parse()?).array("a", &a).run()?;
    /// assert_eq!(mean.get::<f32>(&[])?, 3.0);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn run(mut self) -> Result<MemMapArray> {
        self.exprs.truncate(1);
        let mut results = self.run_all()?;
        results.pop().ok_or_else(nothing)
    }

    /// Computes every expression into memory, in the order in which they were given.
    ///
    /// # Errors
    /// As [`Eval::run`].
    ///
    /// ```
    /// use maparray::{Eval, MemMapArray};
    /// let a = MemMapArray::from_slice(&[1.0_f32, 2.0, 6.0]);
    /// let both = ["mean(a)", "a - mean(a)"].map(|text| text.parse().unwrap());
    /// let results = Eval::many(both).array("a", &a).run_all()?;
    /// assert_eq!(results[0].get::<f32>(&[])?, 3.0);
    /// assert_eq!(results[1].to_vec::<f32>()?, [-2.0, -1.0, 3.0]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn run_all(mut self) -> Result<Vec<MemMapArray>> {
        let typed = self.infer()?;
        let mut program = Program::new(&self.arrays, &typed, self.settings)?;
        let crew = program.crew(self.watch.take());
        program.keep_roots();
        program.reduce(&crew)?;
        let results = program.run(&crew)?.into_iter().zip(&typed);
        results
            .map(|(result, typed)| {
                let result = result.reinterpret(&typed.dtype())?;
                Ok(result.sharing_unit(typed.unit.clone()))
            })
            .collect()
    }

    /// Computes into a new `.npy` file, which gets its name when it is whole.
    ///
    /// # Errors
    /// As [`Eval::run`]; `Io` if the file cannot be written. Whatever was there before stays then.
    ///
    /// ```
    /// use maparray::{Eval, MemMapArray};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("c.npy");
    /// let a = MemMapArray::from_slice(&[1_i64, 2, 3]);
    /// Eval::new("a + 1".parse()?).array("a", &a).save(&path)?;
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<i64>()?, [2, 3, 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(mut self, path: impl AsRef<Path>) -> Result<Report> {
        self.exprs.truncate(1);
        let reports = self.save_all([path])?;
        reports.into_iter().next().ok_or_else(nothing)
    }

    /// Computes every expression into a new `.npy` file of its own. They get their names when all of
    /// them are whole.
    ///
    /// # Errors
    /// As [`Eval::save`]; `Mismatch` if there are not as many paths as expressions, or if two of them
    /// name one file.
    ///
    /// ```
    /// use maparray::{Eval, MemMapArray};
    /// # let folder = tempfile::tempdir()?;
    /// let paths = ["sine.npy", "cosine.npy"].map(|name| folder.path().join(name));
    /// let a = MemMapArray::from_slice(&[0.0_f64]);
    /// let both = ["sin(a)", "cos(a)"].map(|text| text.parse().unwrap());
    /// Eval::many(both).array("a", &a).save_all(&paths)?;
    /// assert_eq!(MemMapArray::read(&paths[1])?.to_vec::<f64>()?, [1.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save_all<P: AsRef<Path>>(
        self,
        paths: impl IntoIterator<Item = P>,
    ) -> Result<Vec<Report>> {
        let saved = self.save_each(paths, NewArray::finish)?;
        Ok(saved.into_iter().map(|(report, ())| report).collect())
    }

    /// Computes into a new `.npy` file, and gives the array that it holds: mapped to be read, and of
    /// this file whatever happens to its name meanwhile.
    ///
    /// # Errors
    /// As [`Eval::save`].
    ///
    /// ```
    /// use maparray::{Eval, MemMapArray};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("c.npy");
    /// let a = MemMapArray::from_slice(&[1_i64, 2, 3]);
    /// let c = Eval::new("a + 1".parse()?).array("a", &a).save_open(&path)?;
    /// assert_eq!(c.path(), Some(path.as_path()));
    /// assert_eq!(c.to_vec::<i64>()?, [2, 3, 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save_open(mut self, path: impl AsRef<Path>) -> Result<MemMapArray> {
        self.exprs.truncate(1);
        let arrays = self.save_open_all([path])?;
        arrays.into_iter().next().ok_or_else(nothing)
    }

    /// Computes every expression into a new `.npy` file of its own, as [`Eval::save_all`], and gives
    /// the arrays that they hold, as [`Eval::save_open`].
    ///
    /// # Errors
    /// As [`Eval::save_all`].
    pub fn save_open_all<P: AsRef<Path>>(
        self,
        paths: impl IntoIterator<Item = P>,
    ) -> Result<Vec<MemMapArray>> {
        let saved = self.save_each(paths, NewArray::finish_open)?;
        Ok(saved.into_iter().map(|(_, array)| array).collect())
    }

    /// Computes into a new file, as [`Eval::save_open`], and gives what it holds as it holds it: numbers
    /// that FITS has only shifted are a [`Scaled`](crate::Scaled), mapped, and not copied to memory.
    ///
    /// # Errors
    /// As [`Eval::save`].
    ///
    /// ```
    /// use maparray::{Eval, MemMapArray, Opened};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("c.fits");
    /// let a = MemMapArray::from_slice(&[1_u16, 2, 3]);
    /// let c = Eval::new("a * a".parse()?).array("a", &a).save_opened(&path)?;
    /// assert_eq!(c.raw().to_vec::<i16>()?, [-32767, -32764, -32759]);
    /// assert_eq!(c.into_plain()?.to_vec::<u16>()?, [1, 4, 9]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save_opened(mut self, path: impl AsRef<Path>) -> Result<Opened> {
        self.exprs.truncate(1);
        let opened = self.save_opened_all([path])?;
        opened.into_iter().next().ok_or_else(nothing)
    }

    /// Computes every expression into a new file of its own, as [`Eval::save_all`], and gives what they
    /// hold, as [`Eval::save_opened`].
    ///
    /// # Errors
    /// As [`Eval::save_all`].
    pub fn save_opened_all<P: AsRef<Path>>(
        self,
        paths: impl IntoIterator<Item = P>,
    ) -> Result<Vec<Opened>> {
        let saved = self.save_each(paths, NewArray::finish_opened)?;
        Ok(saved.into_iter().map(|(_, opened)| opened).collect())
    }

    fn save_each<P: AsRef<Path>, T>(
        mut self,
        paths: impl IntoIterator<Item = P>,
        finish: impl Fn(NewArray, Flush) -> Result<T>,
    ) -> Result<Vec<(Report, T)>> {
        let paths: Vec<P> = paths.into_iter().collect();
        if paths.len() != self.exprs.len() {
            return Err(Error::new(Problem::WrongShape {
                found: format!("{} paths", paths.len()),
                expected: format!("{} of them", self.exprs.len()),
            }));
        }
        let typed = self.infer()?;
        let program = Program::new(&self.arrays, &typed, self.settings)?;
        let targets: Vec<Target<'_>> = paths
            .iter()
            .zip(&typed)
            .map(|(path, typed)| Target {
                path: path.as_ref(),
                dtype: typed.dtype(),
                unit: typed.unit.as_deref(),
                options: None,
            })
            .collect();
        let mut saved = program.save(&targets, self.watch.take(), finish)?;
        for ((report, _), typed) in saved.iter_mut().zip(&typed) {
            report.dtype = typed.dtype();
        }
        Ok(saved)
    }

    /// Computes into a new `.npy` file of this dtype, order and allocation, which gets its name when
    /// it is whole.
    ///
    /// # Errors
    /// As [`Eval::save`]; `Mismatch` if the result's type cannot be cast to `dtype` within the same
    /// kind, `Io` if the name is taken and must stay.
    ///
    /// ```
    /// use maparray::{Create, Eval, Expr, MemMapArray, Order};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("c.npy");
    /// let options = Create { order: Order::F, ..Create::default() };
    /// let count = Eval::new(Expr::index(&[2, 2]));
    /// count.save_as(&path, &">f4".parse()?, &options)?;
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<f32>()?, [0.0, 1.0, 2.0, 3.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save_as(
        mut self,
        path: impl AsRef<Path>,
        dtype: &DType,
        options: &Create,
    ) -> Result<Report> {
        let typed = self.first()?;
        let wanted = typed.fits(dtype)?;
        let (own, unit) = (typed.dtype(), typed.unit.clone());
        let mut program = Program::new(&self.arrays, &[typed], self.settings)?;
        program.cast(0, wanted);
        let target = Target {
            path: path.as_ref(),
            dtype: dtype.clone(),
            unit: unit.as_deref(),
            options: Some(options),
        };
        let saved = program.save(&[target], self.watch.take(), NewArray::finish)?;
        let (report, ()) = saved.into_iter().next().ok_or_else(nothing)?;
        Ok(Report {
            dtype: own,
            ..report
        })
    }

    /// Computes into an array that exists, whose shape the result must broadcast to, and whose unit it
    /// is converted to. An array without a unit takes plain numbers.
    ///
    /// # Errors
    /// As [`Eval::run`]; `Mismatch` if the result does not fit or its type cannot be cast to the
    /// array's within the same kind, `Unit` if it measures something else, `ReadOnly` or `InUse` if
    /// the array cannot be written.
    ///
    /// ```
    /// use maparray::{DType, Eval, MemMapArray, Order};
    /// let a = MemMapArray::from_slice(&[1.0_f64, 4.0]);
    /// let mut out = MemMapArray::zeros(&DType::of::<f32>(), &[2], Order::C)?;
    /// Eval::new("sqrt(a)".parse()?).array("a", &a).write(&mut out)?;
    /// assert_eq!(out.to_vec::<f32>()?, [1.0, 2.0]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn write(self, out: &mut MemMapArray) -> Result<Report> {
        self.write_as(None, out)
    }

    /// Computes into an array that the expression also reads, under the name `name`.
    ///
    /// # Errors
    /// As [`Eval::write`].
    ///
    /// ```
    /// let mut a = maparray::MemMapArray::from_slice(&[1.0_f64, 4.0]);
    /// maparray::Eval::new("a + 1".parse()?).update("a", &mut a)?;
    /// assert_eq!(a.to_vec::<f64>()?, [2.0, 5.0]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn update(self, name: &str, array: &mut MemMapArray) -> Result<Report> {
        self.write_as(Some(name), array)
    }

    fn write_as(mut self, name: Option<&str>, out: &mut MemMapArray) -> Result<Report> {
        let dtype = out.dtype().clone();
        let (source, writer) = out.split()?;
        if let Some(name) = name {
            self.arrays.push((name.into(), source.clone()));
        }
        let typed = self.first()?.for_place(source.unit())?;
        typed.fits(&dtype)?;
        let own = typed.dtype();
        let program = Program::new(&self.arrays, &[typed], self.settings)?;
        let report = program.write(&source, writer, self.watch.take())?;
        Ok(Report {
            dtype: own,
            ..report
        })
    }

    /// The expressions with their types.
    fn infer(&self) -> Result<Vec<Typed>> {
        let names: Vec<String> = self.exprs.iter().flat_map(Expr::names).collect();
        for (_, array) in &self.arrays {
            // An array of strings or records is an error that names it, not an unknown name.
            if !matches!(array.dtype(), DType::Moment(..) | DType::Duration(..)) {
                array.dtype().number()?;
            }
        }
        let meant = self.meant()?;
        let meaning = |name: &str| meant.iter().find(|meant| meant.meaning.name == name);
        let lookup = |name: &str| {
            if let Some(meant) = meaning(name) {
                return Some((meant.typed.dtype(), meant.typed.shape.clone()));
            }
            let source = &self.arrays.iter().find(|(known, _)| known == name)?.1;
            Some((source.dtype().clone(), source.layout().shape().to_vec()))
        };
        let units = |name: &str| {
            if let Some(meant) = meaning(name) {
                return meant.meaning.unit.clone();
            }
            let source = &self.arrays.iter().find(|(known, _)| known == name)?.1;
            source.unit().cloned()
        };
        let infer = |expr| {
            let typed = expr::infer_in(expr, &lookup, &units, self.accuracy)?;
            Ok(scaled::told(typed, &meant))
        };
        let typed: Vec<Typed> = self.exprs.iter().map(infer).collect::<Result<_>>()?;
        // Where a name is unknown too, that is the better news: the two may be one, misspelt.
        match self.arrays.iter().find(|(name, _)| !names.contains(name)) {
            Some((name, _)) => Err(Error::new(Problem::Unused { name: name.clone() })),
            None => Ok(typed),
        }
    }

    fn first(&self) -> Result<Typed> {
        self.infer()?.into_iter().next().ok_or_else(nothing)
    }
}

/// There is no expression to compute.
fn nothing() -> Error {
    Error::new(Problem::WrongShape {
        found: "no expression".into(),
        expected: "one or more".into(),
    })
}

/// The shape of an output that a result broadcasts to.
fn fits(result: &[usize], out: &[usize]) -> Result<Vec<usize>> {
    match crate::layout::broadcast(result, out) {
        Ok(shape) if shape == out => Ok(shape),
        _ => Err(Error::new(Problem::WrongShape {
            found: shape_text(result),
            expected: shape_text(out),
        })),
    }
}
