//! How do many elements become one number?
//!
//! A [`Reduction`] chooses its dtypes as NumPy does; its [`Fold`] starts [`Accumulator`]s, which take
//! elements strip by strip and merge. Floats are summed in `f64`, integers in 64 bits.
//!
//! Knows: elements and slots. Must not know: arrays, axes, threads.

mod extreme;
mod spread;
mod sum;
mod truth;

use std::any::Any;
use std::marker::PhantomData;

use half::{bf16, f16};
use num_complex::Complex;

use super::kernel::Narrow;
use crate::dtype::{Kind, Scalar};
use crate::error::Result;
use crate::strip::Strip;
use extreme::{Extremes, Places};
use spread::Spreads;
use sum::{Products, Sums, Totals};
use truth::Truths;

/// An operation that makes one number of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are NumPy's")]
pub enum Reduction {
    Sum,
    Prod,
    Mean,
    Var,
    Std,
    Min,
    Max,
    Any,
    All,
    CountNonzero,
    ArgMin,
    ArgMax,
}

/// How a reduction runs for elements of one dtype.
#[derive(Clone, Debug)]
pub struct Fold {
    /// Which reduction it is.
    pub reduction: Reduction,
    /// The dtype of the elements.
    pub input: Scalar,
    /// The dtype of the results.
    pub output: Scalar,
    /// Makes an accumulator for so many results; `ddof` is NumPy's, for variances.
    pub start: Start,
}

/// Makes an accumulator: for so many slots, with NumPy's `ddof`.
pub type Start = fn(slots: usize, ddof: f64) -> Box<dyn Accumulator>;

/// Partial results of a reduction, one per slot.
///
/// Elements are native and whole, as for a [`Kernel`](super::Kernel). The index of an element is its place among the elements of its slot; only the positions of extremes
/// need it. Elements may come in any order, but sums of floats then differ in their last bits.
pub trait Accumulator: Send + Any {
    /// Folds `values` into one slot; `index` is that of the first, `step` the distance to the next.
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, index: u64, step: u64);

    /// Folds `values[i]` into slot `first + i`; all have the same index.
    fn fold_column(&mut self, first: usize, values: Strip<'_>, index: u64);

    /// Adds the partial results of another accumulator of the same fold and number of slots.
    fn merge(&mut self, other: &dyn Accumulator);

    /// Writes the result of every slot.
    fn finish(&self, output: &mut [u8]);
}

/// Constructor of the accumulators below; each serves several reductions.
trait Begin: Accumulator {
    fn begin(plan: Plan) -> Self;
}

/// What an accumulator is to compute.
#[derive(Clone, Copy)]
struct Plan {
    reduction: Reduction,
    slots: usize,
    ddof: f64,
    output: Scalar,
}

/// The other accumulator, as the type of this one.
fn same<A: Accumulator>(other: &dyn Accumulator) -> &A {
    let other: &dyn Any = other;
    // Both were started by one `Fold`, so they have one type.
    other
        .downcast_ref()
        .expect("an accumulator of the same fold")
}

/// For every dtype of the list, a function that starts an accumulator of that element type; halves
/// are folded as `f32`.
macro_rules! starts {
    ($input:expr, $reduction:ident, $accumulator:ident, $($scalar:ident $type:ty),*) => {
        match $input {
            $(Scalar::$scalar => {
                let start: Start = |slots, ddof| {
                    let (reduction, input) = (Reduction::$reduction, Scalar::$scalar);
                    let output = reduction.output(input);
                    Box::new($accumulator::<$type>::begin(Plan { reduction, slots, ddof, output }))
                };
                start
            })*
            Scalar::BF16 => |slots, ddof| {
                let reduction = Reduction::$reduction;
                let output = reduction.output(Scalar::BF16);
                let singles = $accumulator::<f32>::begin(Plan { reduction, slots, ddof, output });
                Box::new(Halves::<bf16>(Box::new(singles), PhantomData))
            },
            _ => |slots, ddof| {
                let reduction = Reduction::$reduction;
                let output = reduction.output(Scalar::F16);
                let singles = $accumulator::<f32>::begin(Plan { reduction, slots, ddof, output });
                Box::new(Halves::<f16>(Box::new(singles), PhantomData))
            },
        }
    };
    ($input:expr, $reduction:ident, $accumulator:ident) => {
        starts!($input, $reduction, $accumulator, Bool bool, I8 i8, U8 u8, I16 i16, U16 u16,
            I32 i32, U32 u32, I64 i64, U64 u64, F32 f32, F64 f64, C64 Complex<f32>,
            C128 Complex<f64>)
    };
    ($input:expr, $reduction:ident, $integers:ident, $floats:ident) => {
        if $input.kind() <= Kind::Signed {
            starts!($input, $reduction, $integers, Bool bool, I8 i8, U8 u8, I16 i16, U16 u16,
                I32 i32, U32 u32, I64 i64, U64 u64)
        } else {
            starts!($input, $reduction, $floats, F32 f32, F64 f64, C64 Complex<f32>,
                C128 Complex<f64>)
        }
    };
}

impl Reduction {
    /// Every reduction.
    pub const ALL: &'static [Reduction] = &[
        Reduction::Sum,
        Reduction::Prod,
        Reduction::Mean,
        Reduction::Var,
        Reduction::Std,
        Reduction::Min,
        Reduction::Max,
        Reduction::Any,
        Reduction::All,
        Reduction::CountNonzero,
        Reduction::ArgMin,
        Reduction::ArgMax,
    ];

    /// NumPy's name.
    pub fn name(self) -> &'static str {
        match self {
            Reduction::Sum => "sum",
            Reduction::Prod => "prod",
            Reduction::Mean => "mean",
            Reduction::Var => "var",
            Reduction::Std => "std",
            Reduction::Min => "min",
            Reduction::Max => "max",
            Reduction::Any => "any",
            Reduction::All => "all",
            Reduction::CountNonzero => "count_nonzero",
            Reduction::ArgMin => "argmin",
            Reduction::ArgMax => "argmax",
        }
    }

    /// The reduction with this name of NumPy's; `amin` and `amax` are `min` and `max`.
    pub fn find(name: &str) -> Option<Reduction> {
        match name {
            "amin" => Some(Reduction::Min),
            "amax" => Some(Reduction::Max),
            _ => Reduction::ALL
                .iter()
                .copied()
                .find(|reduction| reduction.name() == name),
        }
    }

    /// Whether it has a result for no elements at all; `mean`, `var` and `std` answer NaN there.
    pub fn has_identity(self) -> bool {
        use Reduction::{ArgMax, ArgMin, Max, Min};
        !matches!(self, Min | Max | ArgMin | ArgMax)
    }

    fn output(self, input: Scalar) -> Scalar {
        use Reduction as R;
        let integer = input.kind() <= Kind::Signed;
        match self {
            R::Sum | R::Prod if input.kind() == Kind::Unsigned => Scalar::U64,
            R::Sum | R::Prod if integer => Scalar::I64,
            R::Mean | R::Var | R::Std if integer => Scalar::F64,
            R::Var | R::Std if input == Scalar::C64 => Scalar::F32,
            R::Var | R::Std if input == Scalar::C128 => Scalar::F64,
            R::Sum | R::Prod | R::Mean | R::Var | R::Std | R::Min | R::Max => input,
            R::Any | R::All => Scalar::Bool,
            R::CountNonzero | R::ArgMin | R::ArgMax => Scalar::I64,
        }
    }

    /// How to reduce elements of this dtype.
    ///
    /// ```
    /// use maparray::{Scalar, ops::Reduction};
    /// let fold = Reduction::Sum.resolve(Scalar::I8)?;
    /// let mut total = (fold.start)(1, 0.0);
    /// total.fold_row(0, (&[100_u8, 100][..]).into(), 0, 1);
    /// let mut result = [0_i64];
    /// total.finish(bytemuck::cast_slice_mut(&mut result));
    /// assert_eq!(result, [200]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    ///
    /// # Errors
    /// None today: every reduction takes every number.
    pub fn resolve(self, input: Scalar) -> Result<Fold> {
        let start: Start = match self {
            Reduction::Sum => starts!(input, Sum, Totals, Sums),
            Reduction::Prod => starts!(input, Prod, Totals, Products),
            Reduction::Mean => starts!(input, Mean, Sums),
            Reduction::Var => starts!(input, Var, Spreads),
            Reduction::Std => starts!(input, Std, Spreads),
            Reduction::Min => starts!(input, Min, Extremes),
            Reduction::Max => starts!(input, Max, Extremes),
            Reduction::Any => starts!(input, Any, Truths),
            Reduction::All => starts!(input, All, Truths),
            Reduction::CountNonzero => starts!(input, CountNonzero, Truths),
            Reduction::ArgMin => starts!(input, ArgMin, Places),
            Reduction::ArgMax => starts!(input, ArgMax, Places),
        };
        Ok(Fold {
            reduction: self,
            input,
            output: self.output(input),
            start,
        })
    }
}

/// An accumulator of `f32` that is given halves.
struct Halves<N>(Box<dyn Accumulator>, PhantomData<N>);

/// Halves converted at a time.
const PIECE: usize = 256;

#[repr(C, align(16))]
struct Singles([f32; PIECE]);

impl<N: Narrow<Wide = f32> + Send + 'static> Accumulator for Halves<N> {
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, index: u64, step: u64) {
        let mut singles = Singles([0.0; PIECE]);
        let mut index = index;
        for halves in values.elements::<N>().chunks(PIECE) {
            let singles = &mut singles.0[..halves.len()];
            N::widen(halves, singles);
            self.0.fold_row(slot, Strip::from(&*singles), index, step);
            index = index.wrapping_add(step.wrapping_mul(halves.len() as u64));
        }
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, index: u64) {
        let mut singles = Singles([0.0; PIECE]);
        let mut first = first;
        for halves in values.elements::<N>().chunks(PIECE) {
            let singles = &mut singles.0[..halves.len()];
            N::widen(halves, singles);
            self.0.fold_column(first, Strip::from(&*singles), index);
            first += halves.len();
        }
    }

    fn merge(&mut self, other: &dyn Accumulator) {
        self.0.merge(same::<Halves<N>>(other).0.as_ref());
    }

    fn finish(&self, output: &mut [u8]) {
        self.0.finish(output);
    }
}
