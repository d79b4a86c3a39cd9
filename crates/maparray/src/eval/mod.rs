//! How is an expression computed, and where does the result go?
//!
//! [`Eval`] binds arrays to the names of an expression, and runs it into memory, a new file or an
//! existing array, in blocks and on several threads. It opens no file itself.
//!
//! Knows: arrays, operations, expressions. Must not know: formats, maps.

mod block;
mod output;
mod plan;
mod reduce;

use std::path::Path;

use crate::array::{Create, MemMapArray, NewArray, Source};
use crate::crew::{self, Crew, Watch};
use crate::crew::{Flow, Progress};
use crate::dtype::{DType, Scalar};
use crate::error::{Error, Problem, Result};
use crate::expr::{self, Expr, Typed, What};
use crate::layout::shape_text;
use crate::ops;

use block::{BLOCK_BYTES, STRIP, Scratch, block_buffer};
use output::Output;
use plan::{Node, Plan, Tree};
use reduce::Reducing;

/// Memory that a computation keeps to if nothing else is said.
const MEMORY: usize = 256 << 20;

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
    expr: Expr,
    arrays: Vec<(String, Source)>,
    threads: Option<usize>,
    memory: usize,
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
        Eval {
            expr,
            arrays: vec![],
            threads: None,
            memory: MEMORY,
            watch: None,
        }
    }

    /// Binds an array to a name of the expression.
    #[must_use]
    pub fn array(mut self, name: &str, array: &'a MemMapArray) -> Eval<'a> {
        self.arrays.push((name.into(), array.source()));
        self
    }

    /// How many threads take part; by default as many as the machine has cores.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Eval<'a> {
        self.threads = Some(threads);
        self
    }

    /// Bytes of memory to keep to for buffers and for the pages of mapped files; by default 256 MiB.
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Eval<'a> {
        self.memory = bytes;
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
        let typed = self.infer()?;
        Ok((typed.dtype(), typed.shape))
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
        let typed = self.infer()?;
        let crew = self.crew(&typed);
        self.compute(&typed, &crew)?.reinterpret(&typed.dtype())
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
        let typed = self.infer()?;
        let crew = self.crew(&typed);
        let tree = self.bind(&typed, &crew)?;
        let options = Create {
            order: tree.order(),
            ..Create::default()
        };
        self.save_tree(&tree, path.as_ref(), &typed.dtype(), &options, &crew)?;
        Ok(self.report(&typed, &crew))
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
        let typed = self.infer()?;
        let wanted = typed.fits(dtype)?;
        let crew = self.crew(&typed);
        let tree = cast_to(wanted, self.bind(&typed, &crew)?);
        self.save_tree(&tree, path.as_ref(), dtype, options, &crew)?;
        Ok(self.report(&typed, &crew))
    }

    fn save_tree(
        &self,
        tree: &Tree,
        path: &Path,
        dtype: &DType,
        options: &Create,
        crew: &Crew<'_>,
    ) -> Result<()> {
        let file = NewArray::create(path, dtype, &tree.shape, options)?;
        self.fill(tree, &Output::File(&file), crew)?;
        file.finish()
    }

    /// Computes into an array that exists, whose shape the result must broadcast to.
    ///
    /// # Errors
    /// As [`Eval::run`]; `Mismatch` if the result does not fit or its type cannot be cast to the
    /// array's within the same kind, `ReadOnly` or `InUse` if the array cannot be written.
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
        let typed = self.infer()?;
        let wanted = typed.fits(&dtype)?;
        let crew = self.crew(&typed);
        let mut tree = self.bind(&typed, &crew)?;
        let mut arrays = vec![];
        tree.arrays(&mut arrays);
        if arrays.iter().any(|array| array.clashes(&source)) {
            // An input lies across the output: compute first, then copy.
            let whole = self.to_memory(&tree, &crew)?;
            tree.node = Node::Array(whole.source());
        }
        tree = cast_to(wanted, tree);
        tree = Tree {
            shape: fits(&tree.shape, source.layout().shape())?,
            ..tree
        };
        self.fill(&tree, &Output::Array(writer), &crew)?;
        Ok(self.report(&typed, &crew))
    }

    fn infer(&self) -> Result<Typed> {
        for (name, array) in &self.arrays {
            // An array of strings or records is an error that names it, not an unknown name.
            if !matches!(array.dtype(), DType::Moment(..) | DType::Duration(..)) {
                array.dtype().number()?;
            }
            if !self.expr.names().contains(name) {
                return Err(Error::new(Problem::Unused { name: name.clone() }));
            }
        }
        let lookup = |name: &str| {
            let source = self.source(name)?;
            Some((source.dtype().clone(), source.layout().shape().to_vec()))
        };
        expr::infer(&self.expr, &lookup)
    }

    fn source(&self, name: &str) -> Option<&Source> {
        self.arrays
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, source)| source)
    }

    fn crew(&mut self, typed: &Typed) -> Crew<'a> {
        let threads = self.threads.unwrap_or_else(crew::cores);
        let sweeps = self.sweeps(typed);
        let work = sweeps
            .iter()
            .map(|sweep| sweep.elements.saturating_mul(sweep.item));
        let total = work.fold(bytes_of(typed), u64::saturating_add);
        Crew::new(threads, total, self.watch.take())
    }

    fn report(&self, typed: &Typed, crew: &Crew<'_>) -> Report {
        Report {
            dtype: typed.dtype(),
            shape: typed.shape.clone(),
            bytes_read: self.sweeps(typed).iter().map(|sweep| sweep.bytes).sum(),
            bytes_written: bytes_of(typed),
            threads: crew.threads(),
        }
    }

    /// The sweeps over arrays that an expression takes: one for itself, one for each reduction in it.
    fn sweeps(&self, typed: &Typed) -> Vec<Sweep> {
        let mut sweeps = vec![];
        let mut open = vec![typed];
        while let Some(top) = open.pop() {
            let mut sweep = Sweep {
                elements: elements_of(top),
                item: 0,
                bytes: 0,
            };
            let mut names: Vec<&str> = vec![];
            let mut parts = vec![top];
            while let Some(part) = parts.pop() {
                match &part.what {
                    What::Array(name) if !names.contains(&name.as_str()) => {
                        names.push(name);
                        sweep.item += part.scalar.size() as u64;
                        sweep.bytes += bytes_of(part);
                    }
                    What::Apply(_, arguments) => parts.extend(arguments),
                    What::Reduce { of, .. } => open.push(of),
                    What::Unless { negative, value } => {
                        open.push(negative);
                        parts.push(value);
                    }
                    What::Array(_) | What::Constant(_) | What::Index => {}
                }
            }
            sweeps.push(sweep);
        }
        sweeps
    }

    /// Binds names to arrays and computes the reductions inside.
    fn bind(&self, typed: &Typed, crew: &Crew<'_>) -> Result<Tree> {
        let node = match &typed.what {
            What::Array(name) => match self.source(name) {
                Some(source) => Node::Array(source.clone()),
                None => return Err(Error::new(Problem::Unused { name: name.clone() })),
            },
            What::Constant(bytes) => Node::Constant(*bytes),
            What::Index => Node::Index,
            What::Apply(work, arguments) => {
                let bound: Result<Vec<Tree>> = arguments
                    .iter()
                    .map(|argument| self.bind(argument, crew))
                    .collect();
                Node::Apply(work.kernel, bound?)
            }
            What::Reduce { .. } => Node::Array(self.compute(typed, crew)?.source()),
            What::Unless { negative, value } => {
                if self.compute(negative, crew)?.get::<bool>(&[])? {
                    return Err(Error::new(Problem::NegativePower));
                }
                return self.bind(value, crew);
            }
        };
        Ok(Tree {
            scalar: typed.scalar,
            shape: typed.shape.clone(),
            node,
        })
    }

    /// Computes into memory.
    fn compute(&self, typed: &Typed, crew: &Crew<'_>) -> Result<MemMapArray> {
        let What::Reduce {
            fold,
            of,
            axes,
            keep,
            ddof,
            mask: _,
        } = &typed.what
        else {
            let tree = self.bind(typed, crew)?;
            return self.to_memory(&tree, crew);
        };
        let of = self.bind(of, crew)?;
        let job = Reducing {
            of: &of,
            fold,
            axes,
            keep: *keep,
            ddof: *ddof,
            release: self.release(&of),
        };
        reduce::reduce(&job, crew)
    }

    fn to_memory(&self, tree: &Tree, crew: &Crew<'_>) -> Result<MemMapArray> {
        let mut result = MemMapArray::zeros(&tree.scalar.native(), &tree.shape, tree.order())?;
        self.fill(tree, &Output::Array(result.split()?.1), crew)?;
        Ok(result)
    }

    /// Whether pages are let go behind the computation: if they would not fit into the budget.
    fn release(&self, tree: &Tree) -> bool {
        let mut arrays = vec![];
        tree.arrays(&mut arrays);
        arrays
            .iter()
            .map(|array| array.layout().byte_len())
            .sum::<usize>()
            > self.memory / 2
    }

    /// Computes every element of a tree into an output.
    fn fill(&self, tree: &Tree, output: &Output<'_>, crew: &Crew<'_>) -> Result<()> {
        let layout = output.layout();
        let plan = Plan::new(tree, layout.shape(), &layout.memory_order())?;
        let (total, item) = (layout.len(), plan.item);
        // Each thread holds one block; never less than a strip.
        let budget = (self.memory / 4 / crew.threads()).clamp(STRIP * item, BLOCK_BYTES);
        let block = (budget / item).next_multiple_of(STRIP).min(total.max(1));
        let release = self.release(tree);
        let bytes = (plan.bytes_read() + item) as u64;
        crew.run(
            total.div_ceil(block),
            || Ok((Scratch::new(&plan)?, block_buffer(block * item)?)),
            |task, (scratch, buffer), member| {
                let (start, end) = (task * block, ((task + 1) * block).min(total));
                let part = &mut bytemuck::cast_slice_mut(buffer)[..(end - start) * item];
                scratch.block(start, part)?;
                output.store(start, part)?;
                if release {
                    plan.release(start..end);
                    output.release(start..end);
                }
                member.advance(bytes * (end - start) as u64)
            },
        )
    }
}

/// One pass over arrays.
struct Sweep {
    elements: u64,
    /// Bytes read for each element.
    item: u64,
    /// Bytes of the arrays.
    bytes: u64,
}

fn elements_of(typed: &Typed) -> u64 {
    typed
        .shape
        .iter()
        .fold(1, |count, &len| count.saturating_mul(len as u64))
}

fn bytes_of(typed: &Typed) -> u64 {
    elements_of(typed).saturating_mul(typed.scalar.size() as u64)
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

/// The same elements as another type.
fn cast_to(wanted: Scalar, tree: Tree) -> Tree {
    if tree.scalar == wanted {
        return tree;
    }
    Tree {
        scalar: wanted,
        shape: tree.shape.clone(),
        node: Node::Apply(ops::cast(tree.scalar, wanted), vec![tree]),
    }
}
