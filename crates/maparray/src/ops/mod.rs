//! What can be done to elements?
//!
//! [`Op`] names an elementwise operation and [`Reduction`] one that makes one number of many; both
//! are found by NumPy's names, choose their dtypes as NumPy does and run over plain slices.
//!
//! Knows: elements. Must not know: arrays, files, shapes, units.

mod cast;
mod column;
mod complex;
mod elementary;
#[macro_use]
mod family;
mod float;
mod integer;
mod inverse;
mod kernel;
mod math;
mod parts;
mod reduce;
mod table;
mod time;

use crate::strip::dispatch;
pub use cast::cast;
pub use column::{Center, Clip, Missing, Statistic};
pub(crate) use column::{Columns, LANES, Number, Row};
pub(crate) use dispatch::widest;
pub use kernel::Kernel;
pub use reduce::{
    ABREAST, Accumulator, Fold, Nans, Reduction, Start, fold_column_where, fold_row_where,
};
pub use table::Op;
pub(crate) use time::NAT;

use crate::dtype::{Kind, Scalar, promote_scalars};
use crate::error::{Error, Problem, Result};
use family::Rule;

/// The loop that an operation runs for some operands.
#[derive(Clone, Debug)]
pub struct Loop {
    /// The dtypes that the operands are to be cast to first.
    pub inputs: Vec<Scalar>,
    /// The dtype of the result.
    pub output: Scalar,
    /// The loop.
    pub kernel: Kernel,
}

/// A loop over times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLoop {
    /// The letters of its operands, a line, and that of its result: `Mm_M`.
    pub(crate) form: &'static str,
    /// The loop; times are `int64`.
    pub(crate) kernel: Kernel,
}

/// The loop that divides times by a number of steps, rounding down.
pub(crate) const COARSER: Kernel = |i, o| kernel::binary::<i64, i64, i64>(i, o, time::coarser);

/// The loop that makes days of months, both counted from 1970.
pub(crate) const DAYS: Kernel = |i, o| kernel::unary::<i64, i64>(i, o, time::days);

/// How near results are to the true ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Accuracy {
    /// Elementary functions are at most 2 units in the last place off, the same on every machine, and
    /// computed many at a time.
    #[default]
    Fast,
    /// Elementary functions are those of the C library, one by one.
    Strict,
}

impl Op {
    /// The operation with this name of NumPy's, or an alias such as `abs`.
    ///
    /// ```
    /// use maparray::ops::Op;
    /// assert_eq!(Op::find("asin"), Some(Op::Arcsin));
    /// assert_eq!(Op::find("frobnicate"), None);
    /// ```
    pub fn find(name: &str) -> Option<Op> {
        let named = |op: &Op| op.name() == name || op.aliases().contains(&name);
        Op::ALL.iter().copied().find(named)
    }

    /// Whether it compares two numbers: `equal`, `less` and their kind.
    pub fn is_comparison(self) -> bool {
        self.rule() == Rule::Order
    }

    /// The loop for operands of these dtypes: the first in NumPy's order that every operand can be
    /// cast to without loss.
    ///
    /// ```
    /// use maparray::{Scalar, ops::Op};
    /// assert_eq!(Op::Sqrt.resolve(&[Scalar::I16])?.output, Scalar::F32);
    /// assert!(Op::Subtract.resolve(&[Scalar::Bool, Scalar::Bool]).is_err());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Mismatch` if there is no such loop, or the number of operands is not its arity.
    pub fn resolve(self, inputs: &[Scalar]) -> Result<Loop> {
        self.choose(inputs).ok_or_else(|| {
            let names: Vec<&str> = inputs.iter().map(|input| input.name()).collect();
            Error::new(Problem::NoLoop {
                operation: self.name(),
                dtypes: names.join(", "),
            })
        })
    }

    /// The loop over moments (`M`), durations (`m`), `int64` (`q`), `float64` (`d`) and bools (`b`), and
    /// the letter of its result. The times have the same step, and so has the result.
    pub(crate) fn time_loop(self, inputs: &str) -> Option<TimeLoop> {
        let mut forms = self.time_loops().iter();
        let (form, kernel) = forms.find(|(form, _)| form.starts_with(&format!("{inputs}_")))?;
        Some(TimeLoop {
            form,
            kernel: *kernel,
        })
    }

    /// As [`Op::resolve`], with a loop of this accuracy.
    ///
    /// ```
    /// use maparray::ops::{Accuracy, Op};
    /// use maparray::{Scalar, strip::Strip};
    /// let exp = Op::Exp.resolve_to(&[Scalar::F64], Accuracy::Strict)?;
    /// let mut result = [0.0];
    /// (exp.kernel)(&[Strip::from(&[1.0][..])], bytemuck::cast_slice_mut(&mut result));
    /// assert_eq!(result, [1.0_f64.exp()]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Op::resolve`].
    pub fn resolve_to(self, inputs: &[Scalar], accuracy: Accuracy) -> Result<Loop> {
        let mut found = self.resolve(inputs)?;
        if accuracy == Accuracy::Strict {
            let strict = found
                .inputs
                .first()
                .and_then(|&first| self.strict_kernel(first));
            found.kernel = strict.unwrap_or(found.kernel);
        }
        Ok(found)
    }

    fn choose(self, inputs: &[Scalar]) -> Option<Loop> {
        if inputs.len() != self.arity() {
            return None;
        }
        let integers = inputs.iter().all(|input| input.kind() <= Kind::Signed);
        match (self.rule(), inputs) {
            (Rule::Order, &[a, b]) if mixes_signs(a, b) => {
                let unsigned = |scalar: Scalar| scalar.kind() == Kind::Unsigned;
                let inputs = inputs.iter().map(|&input| {
                    if unsigned(input) {
                        Scalar::U64
                    } else {
                        Scalar::I64
                    }
                });
                let inputs: Vec<Scalar> = inputs.collect();
                let kernel = self.mixed_kernel(inputs[0])?;
                Some(Loop {
                    inputs,
                    output: Scalar::Bool,
                    kernel,
                })
            }
            (Rule::Logic, &[a, b]) if a != b => self.uniform(Scalar::Bool),
            (Rule::Quotient, _) if integers => self.uniform(Scalar::F64),
            (Rule::Choice, &[_, a, b]) => {
                let output = promote_scalars(a, b);
                let kernel = self.kernel(output)?;
                Some(Loop {
                    inputs: vec![Scalar::Bool, output, output],
                    output,
                    kernel,
                })
            }
            (Rule::Beside, &[a, b]) => self.beside(a, b),
            (Rule::Draw, _) => {
                let mut found = self.uniform(Scalar::I64).filter(|_| integers)?;
                found.output = Scalar::F64;
                Some(found)
            }
            // NumPy's `angle` makes an int64 of a bool, by way of a Python integer.
            (_, &[Scalar::Bool]) if self == Op::Angle => self.uniform(Scalar::F64),
            // NumPy has no loop for a lone bool here, and does not make it an integer.
            _ if self.refuses_bool() && inputs.iter().all(|&input| input == Scalar::Bool) => None,
            _ => {
                let holds_all = |scalar: Scalar| {
                    inputs
                        .iter()
                        .all(|&input| promote_scalars(input, scalar) == scalar)
                };
                let mut fitting = Scalar::ALL
                    .iter()
                    .copied()
                    .filter(|&scalar| holds_all(scalar));
                fitting.find_map(|scalar| self.uniform(scalar))
            }
        }
    }

    /// Whether its second operand is a whole number, whatever the dtype of the first: the exponent of
    /// `ldexp`, the decimals of `round`.
    pub fn counts_with_second(self) -> bool {
        self.rule() == Rule::Beside
    }

    /// The loop beside a whole number.
    fn beside(self, first: Scalar, second: Scalar) -> Option<Loop> {
        let lossless =
            second == Scalar::Bool || promote_scalars(second, Scalar::I64) == Scalar::I64;
        // NumPy makes the smallest float of a bool here, not the smallest integer.
        let first = if first == Scalar::Bool {
            Scalar::F16
        } else {
            first
        };
        let holds = |scalar: &Scalar| promote_scalars(first, *scalar) == *scalar;
        let mut fitting = Scalar::ALL
            .iter()
            .copied()
            .filter(holds)
            .filter(|_| lossless);
        let mut found = fitting.find_map(|scalar| self.uniform(scalar))?;
        found.inputs[1] = Scalar::I64;
        Some(found)
    }

    fn refuses_bool(self) -> bool {
        matches!(
            self,
            Op::Subtract | Op::Negative | Op::Positive | Op::Sign | Op::Gcd | Op::Lcm
        )
    }

    /// The loop whose operands all have this dtype.
    fn uniform(self, scalar: Scalar) -> Option<Loop> {
        let kernel = self.kernel(scalar)?;
        let output = match (self.rule(), scalar) {
            (Rule::Truth | Rule::Order | Rule::Logic, _) => Scalar::Bool,
            (Rule::Real, Scalar::C64) => Scalar::F32,
            (Rule::Real, Scalar::C128) => Scalar::F64,
            (Rule::Count, _) => Scalar::U8,
            (Rule::Exponent, _) => Scalar::I32,
            _ => scalar,
        };
        Some(Loop {
            inputs: vec![scalar; self.arity()],
            output,
            kernel,
        })
    }
}

/// Whether one is `uint64` and the other a signed integer: no dtype holds both.
fn mixes_signs(a: Scalar, b: Scalar) -> bool {
    let meet = |a: Scalar, b: Scalar| a == Scalar::U64 && b.kind() == Kind::Signed;
    meet(a, b) || meet(b, a)
}
