//! What does the caller want?
//!
//! `Expr` is a tree of operations over named arrays and numbers. It is built from text, or in Rust
//! with operators and methods; it holds no array and computes nothing.
//!
//! Knows: errors, dtypes, layouts, units, ops. Must not know: arrays, files; it sees names.

mod adapt;
mod build;
mod call;
mod infer;
mod literal;
mod parse;
mod reduced;
mod show;
mod time;
mod unit;
mod whole;

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::dtype::Scalar;
use crate::error::{Error, Result};
use crate::ops::{Nans, Op, Reduction};

pub use build::{Reduced, where_};
pub use infer::{Does, Lookup, Refusal, Typed, Units, What, Work, infer, infer_in, infer_to};
pub use time::Time;
pub use whole::{Parameters, Setting, Whole};

/// Operations inside each other that an expression may hold; deeper trees are refused before they
/// can exhaust the stack.
pub const DEPTH_LIMIT: usize = 500;

/// Nodes that an expression may hold, shared parts counted each time they are used.
pub const SIZE_LIMIT: usize = 1 << 16;

/// An expression over named arrays.
///
/// Cloning is cheap: parts are shared. `Display` writes text that [`Expr::parse`] reads back to an
/// equal expression.
///
/// ```
/// use maparray::expr::Expr;
/// let from_text: Expr = "a * 0.5 + mean(b, axis=0)".parse()?;
/// let built = Expr::array("a") * 0.5 + Expr::array("b").mean().axis(0);
/// assert_eq!(from_text, built);
/// assert_eq!(built.to_string(), "a * 0.5 + mean(b, axis=0)");
/// # Ok::<(), maparray::Error>(())
/// ```
#[derive(Clone)]
pub struct Expr(Arc<Tree>);

struct Tree {
    node: Node,
    depth: usize,
    size: usize,
}

/// The top of an [`Expr`]: what it is, and of which parts.
#[derive(Clone, Debug)]
pub enum Node {
    /// An array, or one of the constants `pi`, `e`, `inf`, `nan` if no array has that name.
    Name {
        /// What it is called.
        name: String,
        /// Where it stands in the text, counted from 1; 0 if there was no text. Not compared.
        column: usize,
    },
    /// A number.
    Literal(Literal),
    /// An operation on as many expressions as its arity says.
    Apply(Op, Vec<Expr>),
    /// The same numbers in another type.
    Cast(Scalar, Expr),
    /// One number from many.
    Reduce(Reduce),
    /// A function over whole arrays.
    Whole {
        /// Which one.
        function: Whole,
        /// The arrays; after those that it always takes, those that parameters refer to.
        operands: Vec<Expr>,
        /// How it is done.
        parameters: Parameters,
    },
    /// The `int64` array of this shape that holds 0, 1, 2, … in C order.
    Index(Vec<usize>),
}

/// A number in an expression. It adapts to the dtype of the array it meets, as Python's numbers do
/// in NumPy (NEP 50).
///
/// Equal means the same bits: `nan` equals itself, `0.0` and `-0.0` differ.
#[derive(Clone, Copy, Debug)]
pub enum Literal {
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A number with a point or an exponent.
    Float(f64),
    /// A number with an imaginary part.
    Complex(f64, f64),
}

/// A reduction and how it is done.
#[derive(Clone, Debug)]
pub struct Reduce {
    /// Which one.
    pub reduction: Reduction,
    /// What is reduced.
    pub of: Expr,
    /// Which elements take part (NumPy's `where=`); all of them if there is none.
    pub mask: Option<Expr>,
    /// One more number that takes part, for `sum`, `prod`, `min` and `max`.
    pub initial: Option<Expr>,
    /// Whether NaNs take part: `nansum` is a `sum` that skips them.
    pub nans: Nans,
    /// Along which axes.
    pub axes: Axes,
    /// What becomes of those axes.
    pub keep: KeepAxes,
    /// `var` and `std` divide by the number of elements minus this.
    pub ddof: f64,
}

impl Reduce {
    /// A reduction of all elements to one.
    pub fn new(reduction: Reduction, of: Expr) -> Reduce {
        Reduce {
            reduction,
            of,
            mask: None,
            initial: None,
            nans: Nans::Count,
            axes: Axes::All,
            keep: KeepAxes::Drop,
            ddof: 0.0,
        }
    }

    /// The expressions in it.
    fn parts(&self) -> impl DoubleEndedIterator<Item = &Expr> {
        let more = self.mask.iter().chain(&self.initial);
        std::slice::from_ref(&self.of).iter().chain(more)
    }
}

/// Which axes a reduction runs along.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Axes {
    /// All of them: the result is one number.
    All,
    /// These, counted from the back if negative.
    Named(Vec<i64>),
}

/// What becomes of reduced axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeepAxes {
    /// They go away.
    #[default]
    Drop,
    /// They stay, with length 1 (NumPy's `keepdims=True`).
    Keep,
}

impl Expr {
    /// Reads an expression: NumPy's names, Python's operators and their precedence.
    ///
    /// ```
    /// # use maparray::expr::Expr;
    /// let variance = Expr::parse("mean((a - mean(a)) ** 2)")?;
    /// assert_eq!(variance.names(), ["a"]);
    /// let error = Expr::parse("a + * b").unwrap_err();
    /// assert_eq!(error.column(), Some(5));
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Expression` if the text cannot be understood; the error knows the column.
    pub fn parse(text: &str) -> Result<Expr> {
        parse::parse(text)
    }

    /// The array of this name.
    pub fn array(name: &str) -> Expr {
        Expr::new(Node::Name {
            name: name.to_owned(),
            column: 0,
        })
    }

    /// The `int64` array of this shape that holds 0, 1, 2, … in C order.
    ///
    /// ```
    /// use maparray::{Eval, Expr};
    /// let table = Eval::new(Expr::index(&[2, 2]) * 10).run()?;
    /// assert_eq!(table.to_vec::<i64>()?, [0, 10, 20, 30]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn index(shape: &[usize]) -> Expr {
        Expr::new(Node::Index(shape.to_vec()))
    }

    /// An expression with this node on top.
    pub fn new(node: Node) -> Expr {
        let mut tree = Tree {
            node,
            depth: 1,
            size: 1,
        };
        let (mut depth, mut size) = (0, 1usize);
        for part in parts(&tree.node) {
            depth = depth.max(part.0.depth);
            size = size.saturating_add(part.0.size);
        }
        tree.depth = depth + 1;
        tree.size = size;
        Expr(Arc::new(tree))
    }

    /// What it is.
    pub fn node(&self) -> &Node {
        &self.0.node
    }

    /// How many operations lie inside each other.
    pub fn depth(&self) -> usize {
        self.0.depth
    }

    /// How many nodes it holds, shared parts counted each time they are used.
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// Every name in it, in the order of first use. Constants such as `pi` are among them: only who
    /// has the arrays knows whether one of them has that name.
    ///
    /// ```
    /// # use maparray::Expr;
    /// assert_eq!(Expr::parse("b * sin(a) + b")?.names(), ["b", "a"]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut known = HashSet::new();
        let mut visited = HashSet::new();
        let mut pending = vec![self];
        while let Some(expr) = pending.pop() {
            if !visited.insert(Arc::as_ptr(&expr.0)) {
                continue;
            }
            match expr.node() {
                Node::Name { name, .. } if known.insert(name.as_str()) => names.push(name.clone()),
                node => pending.extend(parts(node).rev()),
            }
        }
        names
    }
}

/// The expressions directly under a node.
fn parts(node: &Node) -> impl DoubleEndedIterator<Item = &Expr> {
    let (plain, reduce): (&[Expr], Option<&Reduce>) = match node {
        Node::Name { .. } | Node::Literal(_) | Node::Index(_) => (&[], None),
        Node::Apply(_, arguments) => (arguments, None),
        Node::Whole { operands, .. } => (operands, None),
        Node::Cast(_, of) => (std::slice::from_ref(of), None),
        Node::Reduce(reduce) => (&[], Some(reduce)),
    };
    plain
        .iter()
        .chain(reduce.into_iter().flat_map(Reduce::parts))
}

impl FromStr for Expr {
    type Err = Error;

    fn from_str(text: &str) -> Result<Expr> {
        Expr::parse(text)
    }
}

impl From<Literal> for Expr {
    fn from(literal: Literal) -> Expr {
        Expr::new(Node::Literal(literal))
    }
}

impl From<Reduce> for Expr {
    fn from(reduce: Reduce) -> Expr {
        Expr::new(Node::Reduce(reduce))
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expr({self})")
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Literal) -> bool {
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        match (*self, *other) {
            (Literal::Bool(a), Literal::Bool(b)) => a == b,
            (Literal::Int(a), Literal::Int(b)) => a == b,
            (Literal::Float(a), Literal::Float(b)) => same(a, b),
            (Literal::Complex(a, b), Literal::Complex(c, d)) => same(a, c) && same(b, d),
            _ => false,
        }
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Expr) -> bool {
        let mut pending = vec![(self, other)];
        while let Some((left, right)) = pending.pop() {
            if Arc::ptr_eq(&left.0, &right.0) {
                continue;
            }
            if (left.size(), left.depth()) != (right.size(), right.depth())
                || !same_top(left.node(), right.node())
            {
                return false;
            }
            pending.extend(parts(left.node()).zip(parts(right.node())));
        }
        true
    }
}

/// Whether two nodes are equal as far as they are not made of other expressions.
fn same_top(left: &Node, right: &Node) -> bool {
    match (left, right) {
        (Node::Name { name: a, .. }, Node::Name { name: b, .. }) => a == b,
        (Node::Literal(a), Node::Literal(b)) => a == b,
        (Node::Apply(a, x), Node::Apply(b, y)) => a == b && x.len() == y.len(),
        (Node::Cast(a, _), Node::Cast(b, _)) => a == b,
        (Node::Index(a), Node::Index(b)) => a == b,
        (
            Node::Whole {
                operands: x,
                parameters: a,
                ..
            },
            Node::Whole {
                operands: y,
                parameters: b,
                ..
            },
        ) => a == b && x.len() == y.len(),
        (Node::Reduce(a), Node::Reduce(b)) => {
            a.reduction == b.reduction
                && a.mask.is_some() == b.mask.is_some()
                && a.initial.is_some() == b.initial.is_some()
                && a.nans == b.nans
                && a.axes == b.axes
                && a.keep == b.keep
                && a.ddof.to_bits() == b.ddof.to_bits()
        }
        _ => false,
    }
}

/// A deep tree is taken apart in a loop: the compiler's own recursion would exhaust the stack.
impl Drop for Expr {
    fn drop(&mut self) {
        const SHALLOW: usize = 64;
        if self.depth() <= SHALLOW {
            return;
        }
        let leaf = Expr::from(Literal::Bool(false));
        let mut pending = vec![std::mem::replace(&mut self.0, leaf.0.clone())];
        while let Some(tree) = pending.pop() {
            let mut give = |mut part: Expr| {
                pending.push(std::mem::replace(&mut part.0, leaf.0.clone()));
            };
            match Arc::into_inner(tree).map(|tree| tree.node) {
                Some(
                    Node::Apply(_, parts)
                    | Node::Whole {
                        operands: parts, ..
                    },
                ) => parts.into_iter().for_each(give),
                Some(Node::Cast(_, of)) => give(of),
                Some(Node::Reduce(reduce)) => {
                    give(reduce.of);
                    reduce.mask.into_iter().chain(reduce.initial).for_each(give);
                }
                Some(Node::Name { .. } | Node::Literal(_) | Node::Index(_)) | None => {}
            }
        }
    }
}
