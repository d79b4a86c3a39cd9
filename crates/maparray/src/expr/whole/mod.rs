//! Which functions need whole arrays?
//!
//! [`Whole`]: functions whose every result may depend on many elements far away: running sums, sorts,
//! products of matrices. One row each: name, operands, parameters, and the rule for the result.
//!
//! Knows: the tree, dtypes, shapes. Must not know: arrays, files.

mod build;
mod result;
mod text;

use super::{Expr, Node};
use crate::dtype::Scalar;
use crate::error::{Error, Problem, Result};

pub(super) use text::{call, write};

/// The value of a parameter of a function over whole arrays.
///
/// Equal means the same bits, as for literals.
#[derive(Clone, Debug)]
pub enum Setting {
    /// Python's `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// One of a few words, in quotes in a text.
    Word(&'static str),
    /// A type of elements.
    DType(Scalar),
    /// Axes; after [`infer`](super::infer) counted from the front and sorted.
    Axes(Vec<i64>),
    /// Numbers.
    List(Vec<f64>),
    /// An array: the operand at this place.
    Operand(usize),
}

/// The values of a function's parameters: one for each, in the order of its row.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    function: Whole,
    values: Vec<Setting>,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug)]
enum Accepts {
    /// One axis, or `None` for all elements in C order.
    Axis,
    /// One axis, several, or `None` for all.
    Axes,
    /// A whole number that is not negative.
    Count,
    /// A number.
    Number,
    /// A number or a list of them.
    Numbers,
    /// Two numbers or `None`.
    Range,
    /// `True` or `False`.
    Flag,
    /// One of these.
    Word(&'static [&'static str]),
    /// A dtype or `None`.
    DType,
    /// A number of bins, or an array of edges.
    Bins,
    /// An array or `None`.
    Array,
}

/// An operand as far as a rule has to know it.
#[derive(Clone, Copy)]
struct Operand<'a> {
    scalar: Scalar,
    shape: &'a [usize],
}

/// Finds dtype and shape of the result and resolves the parameters: axes from the front, lengths
/// within bounds.
type Rule = fn(Whole, &mut Parameters, &[Operand<'_>]) -> Result<(Scalar, Vec<usize>)>;

struct Row {
    name: &'static str,
    /// What it computes, in a sentence.
    says: &'static str,
    aliases: &'static [&'static str],
    /// Arrays that come first.
    operands: usize,
    parameters: &'static [(&'static str, Accepts, Setting)],
    rule: Rule,
}

macro_rules! functions {
    ($(
        #[doc = $says:literal]
        $variant:ident = $name:literal $(| $alias:literal)*
            ($operands:literal $(, $parameter:ident: $accepts:expr => $default:expr)* $(,)?) $rule:ident;
    )*) => {
        /// A function over whole arrays.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Whole {
            $(#[doc = $says] $variant,)*
        }

        impl Whole {
            /// Every one.
            pub const ALL: &'static [Whole] = &[$(Whole::$variant),*];

            fn row(self) -> &'static Row {
                match self {
                    $(Whole::$variant => {
                        const ROW: Row = Row {
                            name: $name,
                            says: $says,
                            aliases: &[$($alias),*],
                            operands: $operands,
                            parameters: &[$((stringify!($parameter), $accepts, $default)),*],
                            rule: result::$rule,
                        };
                        &ROW
                    })*
                }
            }
        }
    };
}

use Accepts as A;
use Setting as S;

functions! {
    /// The sums of all elements so far.
    CumSum = "cumsum" (1, axis: A::Axis => S::None, dtype: A::DType => S::None) running;
    /// The products of all elements so far.
    CumProd = "cumprod" (1, axis: A::Axis => S::None, dtype: A::DType => S::None) running;
    /// The sums of all elements so far that are numbers.
    NanCumSum = "nancumsum" (1, axis: A::Axis => S::None, dtype: A::DType => S::None) running;
    /// The products of all elements so far that are numbers.
    NanCumProd = "nancumprod" (1, axis: A::Axis => S::None, dtype: A::DType => S::None) running;
    /// Each element less the one before, `n` times over.
    Diff = "diff" (1, n: A::Count => S::Int(1), axis: A::Axis => S::Int(-1)) difference;
    /// How many elements lie in each bin.
    Histogram = "histogram" (1,
        bins: A::Bins => S::Int(10), range: A::Range => S::None, density: A::Flag => S::Bool(false),
        weights: A::Array => S::None) histogram;
    /// The edges of those bins.
    HistogramEdges = "histogram_bin_edges" (1,
        bins: A::Bins => S::Int(10), range: A::Range => S::None) histogram_edges;
    /// The product of two matrices, or of two stacks of them.
    MatMul = "matmul" (2) matmul;
    /// The sum of products along the last axis of one and the last but one of the other.
    Dot = "dot" (2) dot;
    /// The sum of each window.
    RollingSum = "rolling_sum" (1, window: A::Count => S::None, axis: A::Axis => S::Int(-1)) rolling;
    /// The mean of each window.
    RollingMean = "rolling_mean" (1,
        window: A::Count => S::None, axis: A::Axis => S::Int(-1)) rolling;
    /// The least element of each window.
    RollingMin = "rolling_min" (1, window: A::Count => S::None, axis: A::Axis => S::Int(-1)) rolling;
    /// The greatest element of each window.
    RollingMax = "rolling_max" (1, window: A::Count => S::None, axis: A::Axis => S::Int(-1)) rolling;
    /// The variance of each window.
    RollingVar = "rolling_var" (1,
        window: A::Count => S::None, axis: A::Axis => S::Int(-1),
        ddof: A::Number => S::Float(0.0)) rolling;
    /// The standard deviation of each window.
    RollingStd = "rolling_std" (1,
        window: A::Count => S::None, axis: A::Axis => S::Int(-1),
        ddof: A::Number => S::Float(0.0)) rolling;
    /// The elements in ascending order, NaN last.
    Sort = "sort" (1, axis: A::Axis => S::Int(-1)) sort;
    /// The positions of the elements in ascending order; equal ones keep theirs.
    ArgSort = "argsort" (1, axis: A::Axis => S::Int(-1)) sort;
    /// The elements in ascending order, each once.
    Unique = "unique" (1) unique;
    /// How often each of them occurs.
    UniqueCounts = "unique_counts" (1) unique;
    /// The `k` greatest elements, the greatest first; or the least.
    TopK = "topk" (1,
        k: A::Count => S::None, axis: A::Axis => S::Int(-1),
        largest: A::Flag => S::Bool(true)) top;
    /// Their positions; of equal elements the first.
    ArgTopK = "argtopk" (1,
        k: A::Count => S::None, axis: A::Axis => S::Int(-1),
        largest: A::Flag => S::Bool(true)) top;
    /// The number that a share `q` of the elements is below.
    Quantile = "quantile" (1,
        q: A::Numbers => S::None, axis: A::Axes => S::None,
        method: A::Word(METHODS) => S::Word("linear"), keepdims: A::Flag => S::Bool(false)) quantile;
    /// The same with `q` from 0 to 100.
    Percentile = "percentile" (1,
        q: A::Numbers => S::None, axis: A::Axes => S::None,
        method: A::Word(METHODS) => S::Word("linear"), keepdims: A::Flag => S::Bool(false)) quantile;
    /// The number that half of the elements are below.
    Median = "median" (1,
        axis: A::Axes => S::None, keepdims: A::Flag => S::Bool(false)) quantile;
    /// The number that a share `q` of the elements that are numbers is below.
    NanQuantile = "nanquantile" (1,
        q: A::Numbers => S::None, axis: A::Axes => S::None,
        method: A::Word(METHODS) => S::Word("linear"), keepdims: A::Flag => S::Bool(false)) quantile;
    /// The same with `q` from 0 to 100.
    NanPercentile = "nanpercentile" (1,
        q: A::Numbers => S::None, axis: A::Axes => S::None,
        method: A::Word(METHODS) => S::Word("linear"), keepdims: A::Flag => S::Bool(false)) quantile;
    /// The number that half of the elements that are numbers are below.
    NanMedian = "nanmedian" (1,
        axis: A::Axes => S::None, keepdims: A::Flag => S::Bool(false)) quantile;
}

/// NumPy's ways to choose a quantile between two elements.
const METHODS: &[&str] = &["linear", "lower", "higher", "midpoint", "nearest"];

impl Whole {
    /// NumPy's name; where it has none, ours.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What it computes, in a sentence.
    ///
    /// ```
    /// use maparray::expr::Whole;
    /// assert_eq!(Whole::CumSum.says(), "The sums of all elements so far.");
    /// ```
    pub fn says(self) -> &'static str {
        self.row().says.trim()
    }

    /// How it is called: arrays, then parameters with their defaults.
    ///
    /// ```
    /// use maparray::expr::Whole;
    /// assert_eq!(Whole::RollingSum.signature(), "rolling_sum(a, window, axis=-1)");
    /// ```
    pub fn signature(self) -> String {
        text::signature(self)
    }

    /// Other names.
    pub fn aliases(self) -> &'static [&'static str] {
        self.row().aliases
    }

    /// How many arrays it takes; others may be given as parameters.
    pub fn arity(self) -> usize {
        self.row().operands
    }

    /// Names of its parameters, in the order in which they are taken without names.
    pub fn parameters(self) -> impl ExactSizeIterator<Item = &'static str> {
        self.row().parameters.iter().map(|parameter| parameter.0)
    }

    /// The function with this name.
    ///
    /// ```
    /// use maparray::expr::Whole;
    /// assert_eq!(Whole::find("cumsum"), Some(Whole::CumSum));
    /// ```
    pub fn find(name: &str) -> Option<Whole> {
        let named = |whole: &Whole| whole.name() == name || whole.aliases().contains(&name);
        Whole::ALL.iter().copied().find(named)
    }

    /// Whether the result's shape is known before it is computed. If not, [`infer`](super::infer)
    /// says the largest that it can have, and the function stands at the top of an expression only.
    pub fn has_known_shape(self) -> bool {
        !matches!(self, Whole::Unique | Whole::UniqueCounts)
    }

    /// Whether NaNs are left out.
    pub fn skips_nan(self) -> bool {
        matches!(
            self,
            Whole::NanCumSum
                | Whole::NanCumProd
                | Whole::NanQuantile
                | Whole::NanPercentile
                | Whole::NanMedian
        )
    }

    /// Whether it runs along an axis and is computed in whatever order its operand lies.
    pub(crate) fn keeps_order(self) -> bool {
        use Whole as W;
        matches!(
            self,
            W::CumSum
                | W::CumProd
                | W::NanCumSum
                | W::NanCumProd
                | W::Diff
                | W::RollingSum
                | W::RollingMean
                | W::RollingMin
                | W::RollingMax
                | W::RollingVar
                | W::RollingStd
        )
    }

    /// Dtype and shape of the result for operands of these dtypes and shapes, and the parameters
    /// resolved.
    pub(super) fn resolve(
        self,
        parameters: &Parameters,
        operands: &[(Scalar, &[usize])],
    ) -> Result<(Scalar, Vec<usize>, Parameters)> {
        let mut parameters = parameters.clone();
        for (place, &(name, accepts, _)) in self.row().parameters.iter().enumerate() {
            if matches!(parameters.values[place], S::None) && !accepts.none() {
                return Err(self.wrong(name, "nothing", accepts.expected()));
            }
        }
        let operands: Vec<Operand<'_>> = operands
            .iter()
            .map(|&(scalar, shape)| Operand { scalar, shape })
            .collect();
        let (scalar, shape) = (self.row().rule)(self, &mut parameters, &operands)?;
        Ok((scalar, shape, parameters))
    }

    fn wrong(self, name: &str, found: impl ToString, expected: impl ToString) -> Error {
        Error::new(Problem::Parameter {
            function: self.name(),
            name: name.to_owned(),
            found: found.to_string(),
            expected: expected.to_string(),
        })
    }
}

impl Expr {
    /// A function over whole arrays, with those parameters that differ from their defaults.
    ///
    /// ```
    /// use maparray::expr::{Expr, Setting, Whole};
    /// let steps = Expr::whole(Whole::Diff, vec![Expr::array("a")], &[("axis", Setting::Int(0))])?;
    /// assert_eq!(steps.to_string(), "diff(a, axis=0)");
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Expression` for a parameter that it has not or of the wrong kind, and for too many or too few
    /// operands.
    pub fn whole(
        function: Whole,
        operands: Vec<Expr>,
        parameters: &[(&str, Setting)],
    ) -> Result<Expr> {
        let mut all = Parameters::new(function);
        for (name, value) in parameters {
            all.set(name, value.clone())?;
        }
        let arrays = function.arity() + all.operands();
        if operands.len() != arrays {
            return Err(Error::new(Problem::ArgumentCount {
                column: 0,
                function: function.name().to_owned(),
                found: operands.len(),
                expected: arrays.to_string(),
            }));
        }
        Ok(Expr::new(Node::Whole {
            function,
            operands,
            parameters: all,
        }))
    }
}

impl Parameters {
    /// The defaults.
    pub fn new(function: Whole) -> Parameters {
        let values = function.row().parameters.iter().map(|row| row.2.clone());
        Parameters {
            function,
            values: values.collect(),
        }
    }

    /// Whose they are.
    pub fn function(&self) -> Whole {
        self.function
    }

    /// Sets one of them.
    ///
    /// # Errors
    /// `Expression` if there is none of this name, or it takes other values.
    pub fn set(&mut self, name: &str, value: Setting) -> Result<()> {
        let mut rows = self.function.row().parameters.iter();
        let Some(place) = rows.position(|row| row.0 == name) else {
            let expected = self.function.known_parameters();
            return Err(self.function.wrong(name, "no such parameter", expected));
        };
        let accepts = self.function.row().parameters[place].1;
        let taken = accepts.take(&value);
        self.values[place] = taken.ok_or_else(|| {
            self.function
                .wrong(name, format!("{value:?}"), accepts.expected())
        })?;
        Ok(())
    }

    /// One of them.
    ///
    /// # Panics
    /// If the function has none of this name.
    pub fn get(&self, name: &str) -> &Setting {
        let mut names = self.function.parameters();
        let place = names.position(|known| known == name);
        &self.values[place.expect("a parameter of the function")]
    }

    /// A whole number.
    pub fn int(&self, name: &str) -> usize {
        match self.get(name) {
            S::Int(value) => usize::try_from(*value).unwrap_or(0),
            _ => 0,
        }
    }

    /// A number.
    pub fn number(&self, name: &str) -> f64 {
        match self.get(name) {
            S::Float(value) => *value,
            S::Int(value) => *value as f64,
            _ => 0.0,
        }
    }

    /// A yes or no.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), S::Bool(true))
    }

    /// An axis, once resolved; `None` if all elements count as one row.
    pub fn axis(&self, name: &str) -> Option<usize> {
        match self.get(name) {
            S::Int(axis) => usize::try_from(*axis).ok(),
            _ => None,
        }
    }

    /// Axes, once resolved.
    pub fn axes(&self, name: &str) -> Vec<usize> {
        match self.get(name) {
            S::Axes(axes) => axes.iter().map(|&axis| axis as usize).collect(),
            S::Int(axis) => vec![*axis as usize],
            _ => vec![],
        }
    }

    /// One number or many.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        match self.get(name) {
            S::List(values) => values.clone(),
            S::Float(value) => vec![*value],
            S::Int(value) => vec![*value as f64],
            _ => vec![],
        }
    }

    /// One of a few words.
    pub fn word(&self, name: &str) -> &'static str {
        match self.get(name) {
            S::Word(word) => word,
            _ => "",
        }
    }

    /// The place of an array among the operands.
    pub fn operand(&self, name: &str) -> Option<usize> {
        match self.get(name) {
            S::Operand(place) => Some(*place),
            _ => None,
        }
    }

    /// How many of them are arrays.
    fn operands(&self) -> usize {
        let arrays = self.values.iter();
        arrays
            .filter(|value| matches!(value, S::Operand(_)))
            .count()
    }

    /// After the rule has found what an axis or a length means.
    fn resolved(&mut self, name: &str, value: Setting) {
        let mut names = self.function.parameters();
        if let Some(place) = names.position(|known| known == name) {
            self.values[place] = value;
        }
    }
}

impl Whole {
    fn known_parameters(self) -> String {
        let names: Vec<String> = self.parameters().map(|name| format!("`{name}=`")).collect();
        match names.as_slice() {
            [] => "no parameters".to_owned(),
            [one] => one.clone(),
            [first @ .., last] => format!("{} or {last}", first.join(", ")),
        }
    }
}

impl Accepts {
    /// Whether it may be left out without a default.
    fn none(self) -> bool {
        matches!(self, A::Axis | A::Axes | A::Range | A::DType | A::Array)
    }

    fn expected(self) -> String {
        match self {
            A::Axis => "an axis or `None`".into(),
            A::Axes => "an axis, several in parentheses, or `None`".into(),
            A::Count => "a whole number, not negative".into(),
            A::Number => "a number".into(),
            A::Numbers => "a number or a list of numbers".into(),
            A::Range => "two numbers in parentheses, or `None`".into(),
            A::Flag => "`True` or `False`".into(),
            A::Word(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
                words.join(" or ")
            }
            A::DType => "a number type such as `float32` or `'f4'`, or `None`".into(),
            A::Bins => "a number of bins or an array of edges".into(),
            A::Array => "an array or `None`".into(),
        }
    }

    /// The value as this parameter keeps it, if it takes such.
    fn take(self, value: &Setting) -> Option<Setting> {
        Some(match (self, value) {
            (_, S::None) if self.none() => S::None,
            (A::Axis | A::Axes, S::Int(axis)) => S::Int(*axis),
            (A::Axes, S::Axes(axes)) => S::Axes(axes.clone()),
            (A::Axes, S::List(list)) => S::Axes(
                list.iter()
                    .map(|&axis| (axis as i64 as f64 == axis).then_some(axis as i64))
                    .collect::<Option<_>>()?,
            ),
            (A::Count | A::Bins, S::Int(count)) if *count >= 0 => S::Int(*count),
            (A::Number | A::Numbers, S::Int(value)) => S::Float(*value as f64),
            (A::Number | A::Numbers, S::Float(value)) => S::Float(*value),
            (A::Numbers, S::List(list)) => S::List(list.clone()),
            (A::Range, S::List(list)) if list.len() == 2 => S::List(list.clone()),
            (A::Flag, S::Bool(flag)) => S::Bool(*flag),
            (A::Word(words), S::Word(word)) => S::Word(words.iter().find(|known| *known == word)?),
            (A::DType, S::DType(scalar)) => S::DType(*scalar),
            (A::Bins | A::Array, S::Operand(place)) => S::Operand(*place),
            _ => return None,
        })
    }
}

impl PartialEq for Setting {
    fn eq(&self, other: &Setting) -> bool {
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        match (self, other) {
            (S::None, S::None) => true,
            (S::Bool(a), S::Bool(b)) => a == b,
            (S::Int(a), S::Int(b)) => a == b,
            (S::Float(a), S::Float(b)) => same(*a, *b),
            (S::Word(a), S::Word(b)) => a == b,
            (S::DType(a), S::DType(b)) => a == b,
            (S::Axes(a), S::Axes(b)) => a == b,
            (S::List(a), S::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(*a, *b))
            }
            (S::Operand(a), S::Operand(b)) => a == b,
            _ => false,
        }
    }
}
