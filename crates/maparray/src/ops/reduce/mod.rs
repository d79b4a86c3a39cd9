//! How do many elements become one number?
//!
//! A [`Reduction`] chooses its dtypes as NumPy does; its [`Fold`] starts [`Accumulator`]s, which take
//! elements strip by strip and merge. Floats are summed in `f64`, integers in 64 bits.
//!
//! Knows: elements and slots. Must not know: arrays, axes, threads.

mod extreme;
mod lanes;
mod mask;
mod place;
mod product;
mod spread;
mod sum;
mod total;
mod truth;

use std::any::Any;
use std::marker::PhantomData;

use bytemuck::Zeroable;
use half::{bf16, f16};
use num_complex::Complex;

use super::kernel::Narrow;
use super::table::Op;
use crate::dtype::{Kind, Scalar};
use crate::error::Result;
use crate::strip::Strip;
use extreme::Extremes;
pub use mask::{fold_column_where, fold_row_where};
use place::Places;
use product::Products;
use spread::Spreads;
use sum::Sums;
use total::{Powers, Totals};
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

/// What a reduction does with NaNs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Nans {
    /// They are numbers like any other: most results are NaN where one takes part.
    #[default]
    Count,
    /// They take no part, as in NumPy's `nansum` and its kind.
    Skip,
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
    /// Whether NaNs are left out, by whoever folds: then extremes of none are NaN.
    pub nans: Nans,
    /// Makes an accumulator for so many results; `ddof` is NumPy's, for variances.
    pub start: Start,
}

/// Makes an accumulator: for so many slots, with NumPy's `ddof`.
pub type Start = fn(slots: usize, ddof: f64) -> Box<dyn Accumulator>;

/// Rows of columns that are folded together: so many streams a machine reads at full speed.
pub const ABREAST: usize = 8;

/// Partial results of a reduction, one per slot.
///
/// Elements are native and whole, as for a [`Kernel`](super::Kernel). The index of an element is its place among the elements of its slot; only the positions of extremes
/// need it. Elements may come in any order, but sums of floats then differ in their last bits.
pub trait Accumulator: Send + Any {
    /// Folds `values` into one slot; `index` is that of the first, `step` the distance to the next.
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, index: u64, step: u64);

    /// Folds `values[i]` into slot `first + i`; all have the same index.
    fn fold_column(&mut self, first: usize, values: Strip<'_>, index: u64);

    /// Folds rows of one length, each with its index, in their order and as
    /// [`fold_column`](Accumulator::fold_column) does.
    fn fold_columns(&mut self, first: usize, rows: &[(Strip<'_>, u64); ABREAST]) {
        for (values, index) in rows {
            self.fold_column(first, *values, *index);
        }
    }

    /// Adds the partial results of another accumulator of the same fold and number of slots.
    fn merge(&mut self, other: &dyn Accumulator);

    /// Writes the result of every slot.
    fn finish(&self, output: &mut [u8]);

    /// Whether it does not matter that an element is folded again, at a later index: as for extremes.
    fn takes_again(&self) -> bool {
        false
    }
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
    nans: Nans,
}

/// The other accumulator, as the type of this one.
fn same<A: Accumulator>(other: &dyn Accumulator) -> &A {
    let other: &dyn Any = other;
    // Both were started by one `Fold`, so they have one type.
    other
        .downcast_ref()
        .expect("an accumulator of the same fold")
}

/// The number; of all NaNs the same one, for their signs depend on how sums were compiled.
fn same_nan(number: f64) -> f64 {
    if number.is_nan() { f64::NAN } else { number }
}

/// A function that starts the accumulator of a reduction for elements of one type.
macro_rules! start {
    ($reduction:ident, $nans:ident, $scalar:ident, $type:ty, $($make:tt)*) => {{
        let start: Start = |slots, ddof| {
            Box::new($($make)*(<$type>::begin(Plan {
                reduction: Reduction::$reduction,
                slots,
                ddof,
                output: Reduction::$reduction.output(Scalar::$scalar),
                nans: Nans::$nans,
            })))
        };
        start
    }};
}

/// For every dtype, a function that starts an accumulator of that element type; halves are folded as
/// `f32`.
macro_rules! starts {
    ($input:expr, $reduction:ident, $nans:ident, $integers:ident, $floats:ident) => {
        match $input {
            Scalar::Bool => start!($reduction, $nans, Bool, $integers<bool>,),
            Scalar::I8 => start!($reduction, $nans, I8, $integers<i8>,),
            Scalar::U8 => start!($reduction, $nans, U8, $integers<u8>,),
            Scalar::I16 => start!($reduction, $nans, I16, $integers<i16>,),
            Scalar::U16 => start!($reduction, $nans, U16, $integers<u16>,),
            Scalar::I32 => start!($reduction, $nans, I32, $integers<i32>,),
            Scalar::U32 => start!($reduction, $nans, U32, $integers<u32>,),
            Scalar::I64 => start!($reduction, $nans, I64, $integers<i64>,),
            Scalar::U64 => start!($reduction, $nans, U64, $integers<u64>,),
            Scalar::F16 => start!($reduction, $nans, F16, $floats<f32>, Halves::<f16>::new),
            Scalar::BF16 => start!($reduction, $nans, BF16, $floats<f32>, Halves::<bf16>::new),
            // Those of eight bits are cast before.
            Scalar::F32 | Scalar::F8E4M3 | Scalar::F8E5M2 => {
                start!($reduction, $nans, F32, $floats<f32>,)
            }
            Scalar::F64 => start!($reduction, $nans, F64, $floats<f64>,),
            Scalar::C64 => start!($reduction, $nans, C64, $floats<Complex<f32>>,),
            Scalar::C128 => start!($reduction, $nans, C128, $floats<Complex<f64>>,),
        }
    };
    ($input:expr, $reduction:ident, $nans:ident, $accumulator:ident) => {
        starts!($input, $reduction, $nans, $accumulator, $accumulator)
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
        self.resolve_with(input, Nans::Count)
    }

    /// As [`resolve`](Reduction::resolve), for elements whose NaNs are left out by whoever folds: then
    /// extremes and variances of too few elements are NaN, and not what they are of a whole array.
    ///
    /// # Errors
    /// None today.
    pub fn resolve_with(self, input: Scalar, nans: Nans) -> Result<Fold> {
        let input = input.computed();
        let nans = if input.kind() < Kind::Float {
            Nans::Count
        } else {
            nans
        };
        let start: Start = match (self, nans) {
            (Reduction::Sum, _) => starts!(input, Sum, Count, Totals, Sums),
            (Reduction::Prod, _) => starts!(input, Prod, Count, Powers, Products),
            (Reduction::Mean, _) => starts!(input, Mean, Count, Sums),
            (Reduction::Var, Nans::Count) => starts!(input, Var, Count, Spreads),
            (Reduction::Std, Nans::Count) => starts!(input, Std, Count, Spreads),
            (Reduction::Var, Nans::Skip) => starts!(input, Var, Skip, Spreads),
            (Reduction::Std, Nans::Skip) => starts!(input, Std, Skip, Spreads),
            // Faster than comparisons, and the same.
            (Reduction::Min, _) if input == Scalar::Bool => start!(All, Count, Bool, Truths<bool>,),
            (Reduction::Max, _) if input == Scalar::Bool => start!(Any, Count, Bool, Truths<bool>,),
            (Reduction::Min, Nans::Count) => starts!(input, Min, Count, Extremes),
            (Reduction::Max, Nans::Count) => starts!(input, Max, Count, Extremes),
            (Reduction::Min, Nans::Skip) => starts!(input, Min, Skip, Extremes),
            (Reduction::Max, Nans::Skip) => starts!(input, Max, Skip, Extremes),
            (Reduction::Any, _) => starts!(input, Any, Count, Truths),
            (Reduction::All, _) => starts!(input, All, Count, Truths),
            (Reduction::CountNonzero, _) => starts!(input, CountNonzero, Count, Truths),
            (Reduction::ArgMin, _) => starts!(input, ArgMin, Count, Places),
            (Reduction::ArgMax, _) => starts!(input, ArgMax, Count, Places),
        };
        Ok(Fold {
            reduction: self,
            input,
            output: self.output(input),
            nans,
            start,
        })
    }

    /// Whether there is a variant that leaves out NaNs: NumPy's `nansum` and its kind.
    pub fn skips_nans(self) -> bool {
        use Reduction::{All, Any, CountNonzero};
        !matches!(self, Any | All | CountNonzero)
    }

    /// Whether NumPy's `where=` may leave out elements.
    pub fn takes_mask(self) -> bool {
        use Reduction::{ArgMax, ArgMin, CountNonzero};
        !matches!(self, ArgMin | ArgMax | CountNonzero)
    }

    /// The operation that joins a result with NumPy's `initial=`, if the reduction takes it.
    pub fn join(self) -> Option<Op> {
        match self {
            Reduction::Sum => Some(Op::Add),
            Reduction::Prod => Some(Op::Multiply),
            Reduction::Min => Some(Op::Minimum),
            Reduction::Max => Some(Op::Maximum),
            _ => None,
        }
    }
}

/// An accumulator of wide elements that is given narrow ones: halves.
struct Halves<N> {
    wide: Box<dyn Accumulator>,
    narrow: PhantomData<N>,
}

/// Narrow elements converted at a time.
const PIECE: usize = 1024;

impl<N: Narrow + Send + 'static> Halves<N> {
    fn new(wide: impl Accumulator) -> Halves<N> {
        Halves {
            wide: Box::new(wide),
            narrow: PhantomData,
        }
    }

    /// Calls `each` with wide elements and how many came before them.
    #[inline(always)]
    fn widened(
        &mut self,
        values: Strip<'_>,
        each: impl Fn(&mut dyn Accumulator, usize, Strip<'_>),
    ) {
        let values = values.elements::<N>();
        let mut room = vec![N::Wide::zeroed(); values.len().min(PIECE)];
        let mut done = 0;
        for narrow in values.chunks(PIECE) {
            let wide = &mut room[..narrow.len()];
            N::widen(narrow, wide);
            each(self.wide.as_mut(), done, Strip::from(&*wide));
            done += narrow.len();
        }
    }
}

impl<N: Narrow + Send + 'static> Accumulator for Halves<N> {
    fn fold_row(&mut self, slot: usize, values: Strip<'_>, index: u64, step: u64) {
        self.widened(values, |wide, done, values| {
            let index = index.wrapping_add(step.wrapping_mul(done as u64));
            wide.fold_row(slot, values, index, step);
        });
    }

    fn fold_column(&mut self, first: usize, values: Strip<'_>, index: u64) {
        self.widened(values, |wide, done, values| {
            wide.fold_column(first + done, values, index);
        });
    }

    fn merge(&mut self, other: &dyn Accumulator) {
        self.wide.merge(same::<Halves<N>>(other).wide.as_ref());
    }

    fn finish(&self, output: &mut [u8]) {
        self.wide.finish(output);
    }

    fn takes_again(&self) -> bool {
        self.wide.takes_again()
    }
}
