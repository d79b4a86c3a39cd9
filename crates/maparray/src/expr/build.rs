//! How is an expression built in Rust?
//!
//! Operators with expressions and numbers on both sides, and a method for each operation.
//!
//! Knows: the tree, names of operations. Must not know: arrays, files.

use std::ops::{Add, BitAnd, BitOr, BitXor, Deref, Div, Mul, Neg, Not, Rem, Shl, Shr, Sub};

use half::{bf16, f16};
use num_complex::Complex;

use super::{Axes, Expr, KeepAxes, Literal, Node, Reduce};
use crate::dtype::Scalar;
use crate::ops::{Nans, Op, Reduction};

/// A reduction that may still say along which axes it runs. It is used wherever an [`Expr`] is.
///
/// ```
/// use maparray::expr::Expr;
/// let a = Expr::array("a");
/// let spread = (&a - a.mean().axis(0).keep_axes()) / a.std().axis(0).ddof(1.0).keep_axes();
/// assert_eq!(
///     spread.to_string(),
///     "(a - mean(a, axis=0, keepdims=True)) / std(a, axis=0, ddof=1.0, keepdims=True)",
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Reduced(Expr);

impl Reduced {
    fn new(reduction: Reduction, of: &Expr) -> Reduced {
        Reduced(Reduce::new(reduction, of.clone()).into())
    }

    fn with(self, change: impl FnOnce(&mut Reduce)) -> Reduced {
        match self.0.node() {
            Node::Reduce(reduce) => {
                let mut reduce = reduce.clone();
                change(&mut reduce);
                Reduced(reduce.into())
            }
            _ => self,
        }
    }

    /// Along this axis only; counted from the back if negative.
    #[must_use]
    pub fn axis(self, axis: i64) -> Reduced {
        self.axes(&[axis])
    }

    /// Along these axes only.
    #[must_use]
    pub fn axes(self, axes: &[i64]) -> Reduced {
        self.with(|reduce| reduce.axes = Axes::Named(axes.to_vec()))
    }

    /// The reduced axes stay, with length 1 (NumPy's `keepdims=True`).
    #[must_use]
    pub fn keep_axes(self) -> Reduced {
        self.with(|reduce| reduce.keep = KeepAxes::Keep)
    }

    /// Only where this is true (NumPy's `where=`).
    ///
    /// ```
    /// use maparray::expr::Expr;
    /// let a = Expr::array("a");
    /// assert_eq!(a.mean().axis(0).only(a.greater(0)).to_string(), "mean(a, axis=0, where=a > 0)");
    /// ```
    #[must_use]
    pub fn only(self, mask: impl Into<Expr>) -> Reduced {
        self.with(|reduce| reduce.mask = Some(mask.into()))
    }

    /// With one more number: for `sum`, `prod`, `min` and `max`.
    ///
    /// ```
    /// use maparray::expr::Expr;
    /// assert_eq!(Expr::array("a").min().initial(0).to_string(), "min(a, initial=0)");
    /// ```
    #[must_use]
    pub fn initial(self, number: impl Into<Expr>) -> Reduced {
        self.with(|reduce| reduce.initial = Some(number.into()))
    }

    /// NaNs take no part, as in NumPy's `nansum` and its kind.
    ///
    /// ```
    /// use maparray::expr::Expr;
    /// assert_eq!(Expr::array("a").std().skip_nans().to_string(), "nanstd(a)");
    /// ```
    #[must_use]
    pub fn skip_nans(self) -> Reduced {
        self.with(|reduce| reduce.nans = Nans::Skip)
    }

    /// For `var` and `std`: divide by the number of elements minus this.
    #[must_use]
    pub fn ddof(self, ddof: f64) -> Reduced {
        self.with(|reduce| reduce.ddof = ddof)
    }
}

impl Deref for Reduced {
    type Target = Expr;

    fn deref(&self) -> &Expr {
        &self.0
    }
}

impl From<Reduced> for Expr {
    fn from(reduced: Reduced) -> Expr {
        reduced.0
    }
}

impl From<&Reduced> for Expr {
    fn from(reduced: &Reduced) -> Expr {
        reduced.0.clone()
    }
}

impl From<&Expr> for Expr {
    fn from(expr: &Expr) -> Expr {
        expr.clone()
    }
}

/// `then` where the condition is true, `otherwise` elsewhere.
///
/// ```
/// use maparray::expr::{Expr, where_};
/// let a = Expr::array("a");
/// assert_eq!(where_(a.less(0), 0, &a).to_string(), "where(a < 0, 0, a)");
/// ```
pub fn where_(
    condition: impl Into<Expr>,
    then: impl Into<Expr>,
    otherwise: impl Into<Expr>,
) -> Expr {
    let arguments = vec![condition.into(), then.into(), otherwise.into()];
    Expr::new(Node::Apply(Op::Where, arguments))
}

impl Expr {
    /// The same numbers in another type, as NumPy's `astype`.
    ///
    /// ```
    /// use maparray::{Expr, Scalar};
    /// assert_eq!(Expr::array("a").cast(Scalar::F32).to_string(), "float32(a)");
    /// ```
    #[must_use]
    pub fn cast(&self, scalar: Scalar) -> Expr {
        Expr::new(Node::Cast(scalar, self.clone()))
    }

    /// NumPy's `clip`: nothing less than `low`, nothing greater than `high`.
    ///
    /// ```
    /// use maparray::Expr;
    /// assert_eq!(Expr::array("a").clip(0, 1).to_string(), "clip(a, 0, 1)");
    /// ```
    #[must_use]
    pub fn clip(&self, low: impl Into<Expr>, high: impl Into<Expr>) -> Expr {
        Expr::new(Node::Apply(
            Op::Clip,
            vec![self.clone(), low.into(), high.into()],
        ))
    }

    /// NumPy's `round`: to so many decimals, or tens and hundreds if negative.
    ///
    /// ```
    /// use maparray::Expr;
    /// assert_eq!(Expr::array("a").round(2).to_string(), "round(a, 2)");
    /// ```
    #[must_use]
    pub fn round(&self, decimals: i64) -> Expr {
        Expr::new(Node::Apply(Op::Round, vec![self.clone(), decimals.into()]))
    }

    /// NumPy's `divmod`: the quotient rounded down, and the remainder.
    ///
    /// ```
    /// use maparray::Expr;
    /// let [quotient, remainder] = Expr::array("a").divmod(3);
    /// assert_eq!((quotient.to_string(), remainder.to_string()), ("a // 3".into(), "a % 3".into()));
    /// ```
    #[must_use]
    pub fn divmod(&self, other: impl Into<Expr>) -> [Expr; 2] {
        let operands = vec![self.clone(), other.into()];
        [Op::FloorDivide, Op::Remainder].map(|op| Expr::new(Node::Apply(op, operands.clone())))
    }

    /// NumPy's `modf`: the part behind the point, and the whole part.
    ///
    /// ```
    /// use maparray::Expr;
    /// let [fraction, whole] = Expr::array("a").modf();
    /// assert_eq!((fraction.to_string(), whole.to_string()), ("modf(a)[0]".into(), "modf(a)[1]".into()));
    /// ```
    #[must_use]
    pub fn modf(&self) -> [Expr; 2] {
        let half = |op| Expr::new(Node::Apply(op, vec![self.clone()]));
        [half(Op::ModfFraction), half(Op::ModfWhole)]
    }

    /// NumPy's `frexp`: a mantissa between ½ and 1, and the power of two that it is multiplied with.
    ///
    /// ```
    /// use maparray::{Eval, Expr};
    /// let [mantissa, exponent] = Expr::from(10.0).frexp();
    /// assert_eq!(Eval::new(mantissa).run()?.get::<f64>(&[])?, 0.625);
    /// assert_eq!(Eval::new(exponent).run()?.get::<i32>(&[])?, 4);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn frexp(&self) -> [Expr; 2] {
        let half = |op| Expr::new(Node::Apply(op, vec![self.clone()]));
        [half(Op::FrexpMantissa), half(Op::FrexpExponent)]
    }

    /// NumPy's `isclose`: whether the difference is at most `absolute` plus so much of the other's
    /// size.
    ///
    /// ```
    /// use maparray::{Eval, MemMapArray, Expr};
    /// let a = MemMapArray::from_slice(&[1.0, 1.1, f64::INFINITY]);
    /// let b = MemMapArray::from_slice(&[1.000001, 1.0, f64::INFINITY]);
    /// let close = Expr::array("a").isclose(Expr::array("b"), 1e-5, 1e-8);
    /// let close = Eval::new(close).array("a", &a).array("b", &b).run()?;
    /// assert_eq!(close.to_vec::<bool>()?, [true, false, true]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn isclose(
        &self,
        other: impl Into<Expr>,
        relative: impl Into<Expr>,
        absolute: impl Into<Expr>,
    ) -> Expr {
        // A float, so that sizes and differences neither wrap nor overflow.
        let other = other.into() - 0.0;
        let allowed = absolute.into() + relative.into() * other.absolute();
        let near = (self - &other).absolute().less_equal(allowed);
        near & other.isfinite() | self.equal(&other)
    }

    /// A number in [0, 1) for each element, which is taken as a position in a row of random numbers;
    /// the seed chooses the row.
    ///
    /// ```
    /// use maparray::{Eval, Expr};
    /// let numbers = Eval::new(Expr::index(&[3]).random(42)).run()?;
    /// assert!(numbers.to_vec::<f64>()?.iter().all(|x| (0.0..1.0).contains(x)));
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn random(&self, seed: impl Into<Expr>) -> Expr {
        Expr::new(Node::Apply(Op::Random, vec![seed.into(), self.clone()]))
    }

    /// This, taken as a condition: `then` where it is true, `otherwise` elsewhere.
    #[must_use]
    pub fn where_(&self, then: impl Into<Expr>, otherwise: impl Into<Expr>) -> Expr {
        where_(self, then, otherwise)
    }
}

/// A method for each row: the operations of `ops/table.rs` under NumPy's names.
macro_rules! methods {
    (
        unary { $($unary:ident $unary_op:ident,)* }
        binary { $($binary:ident $binary_op:ident,)* }
        reductions { $($reduction:ident $row:ident,)* }
    ) => {
        /// Operations that have a method; those with a sign have an operator.
        #[cfg(test)]
        const METHODS: &[Op] = &[$(Op::$unary_op,)* $(Op::$binary_op,)*
            Op::Clip, Op::Random, Op::Where, Op::Round, Op::ModfFraction, Op::ModfWhole,
            Op::FrexpMantissa, Op::FrexpExponent];

        impl Expr {
            $(
                #[doc = concat!("NumPy's `", stringify!($unary), "` of each element.")]
                #[must_use]
                pub fn $unary(&self) -> Expr {
                    Expr::new(Node::Apply(Op::$unary_op, vec![self.clone()]))
                }
            )*
            $(
                #[doc = concat!("NumPy's `", stringify!($binary), "` with another expression.")]
                #[must_use]
                pub fn $binary(&self, other: impl Into<Expr>) -> Expr {
                    Expr::new(Node::Apply(Op::$binary_op, vec![self.clone(), other.into()]))
                }
            )*
            $(
                #[doc = concat!("NumPy's `", stringify!($reduction), "` over all axes, or those named after it.")]
                #[must_use]
                pub fn $reduction(&self) -> Reduced {
                    Reduced::new(Reduction::$row, self)
                }
            )*
        }
    };
}

methods! {
    unary {
        absolute Absolute, fabs Fabs, sign Sign, square Square, reciprocal Reciprocal, sqrt Sqrt,
        cbrt Cbrt, exp Exp, exp2 Exp2, expm1 Expm1, log Log, log2 Log2, log10 Log10, log1p Log1p,
        sin Sin, cos Cos, tan Tan, arcsin Arcsin, arccos Arccos, arctan Arctan, sinh Sinh,
        cosh Cosh, tanh Tanh, arcsinh Arcsinh, arccosh Arccosh, arctanh Arctanh, deg2rad Deg2rad,
        rad2deg Rad2deg, floor Floor, ceil Ceil, trunc Trunc, rint Rint, isnan Isnan, isinf Isinf,
        isfinite Isfinite, isnat Isnat, signbit Signbit, logical_not LogicalNot, conjugate Conjugate, real Real,
        imag Imag, angle Angle, sinc Sinc, spacing Spacing, nan_to_num NanToNum,
        isposinf Isposinf, isneginf Isneginf, isreal Isreal, iscomplex Iscomplex,
        bitwise_count BitwiseCount,
    }
    binary {
        floor_divide FloorDivide, fmod Fmod, power Power, arctan2 Arctan2, hypot Hypot,
        copysign Copysign, maximum Maximum, minimum Minimum, fmax Fmax, fmin Fmin, equal Equal,
        not_equal NotEqual, less Less, less_equal LessEqual, greater Greater,
        greater_equal GreaterEqual, logical_and LogicalAnd, logical_or LogicalOr,
        logical_xor LogicalXor, float_power FloatPower, logaddexp Logaddexp,
        logaddexp2 Logaddexp2, ldexp Ldexp, nextafter Nextafter, heaviside Heaviside, gcd Gcd,
        lcm Lcm,
    }
    reductions {
        sum Sum, prod Prod, mean Mean, var Var, std Std, min Min, max Max, any Any, all All,
        count_nonzero CountNonzero, argmin ArgMin, argmax ArgMax,
    }
}

macro_rules! numbers {
    (int $($int:ty)*; float $($float:ty)*) => {
        $(impl From<$int> for Expr {
            fn from(value: $int) -> Expr {
                Literal::Int(value as i128).into()
            }
        })*
        $(impl From<$float> for Expr {
            fn from(value: $float) -> Expr {
                Literal::Float(f64::from(value)).into()
            }
        })*
    };
}

numbers! { int i8 u8 i16 u16 i32 u32 i64 u64 isize usize; float f16 bf16 f32 f64 }

impl From<bool> for Expr {
    fn from(value: bool) -> Expr {
        Literal::Bool(value).into()
    }
}

impl From<Complex<f32>> for Expr {
    fn from(value: Complex<f32>) -> Expr {
        Literal::Complex(f64::from(value.re), f64::from(value.im)).into()
    }
}

impl From<Complex<f64>> for Expr {
    fn from(value: Complex<f64>) -> Expr {
        Literal::Complex(value.re, value.im).into()
    }
}

macro_rules! operator {
    ($trait:ident $method:ident $op:ident: $($left:ty)*) => {
        $(impl<R: Into<Expr>> $trait<R> for $left {
            type Output = Expr;

            fn $method(self, right: R) -> Expr {
                Expr::new(Node::Apply(Op::$op, vec![self.into(), right.into()]))
            }
        })*
    };
}

/// One type of integers and one of floats on the left: with more, `2 * a` would be ambiguous.
macro_rules! operator_after_number {
    ($trait:ident $method:ident $op:ident $right:ty: $($number:ty)*) => {
        $(impl $trait<$right> for $number {
            type Output = Expr;

            fn $method(self, right: $right) -> Expr {
                Expr::new(Node::Apply(Op::$op, vec![self.into(), right.into()]))
            }
        })*
    };
}

macro_rules! operators {
    ($($trait:ident $method:ident $op:ident,)*) => {$(
        operator! { $trait $method $op: Expr &Expr Reduced &Reduced }
        operators! { @numbers $trait $method $op Expr }
        operators! { @numbers $trait $method $op &Expr }
        operators! { @numbers $trait $method $op Reduced }
        operators! { @numbers $trait $method $op &Reduced }
    )*};
    (@numbers $trait:ident $method:ident $op:ident $right:ty) => {
        operator_after_number! {
            $trait $method $op $right: i64 f64 Complex<f64>
        }
    };
}

operators! {
    Add add Add,
    Sub sub Subtract,
    Mul mul Multiply,
    Div div Divide,
    Rem rem Remainder,
    Shl shl LeftShift,
    Shr shr RightShift,
    BitAnd bitand BitwiseAnd,
    BitOr bitor BitwiseOr,
    BitXor bitxor BitwiseXor,
}

macro_rules! signs {
    ($($trait:ident $method:ident $op:ident: $($of:ty)*;)*) => {$($(
        impl $trait for $of {
            type Output = Expr;

            fn $method(self) -> Expr {
                Expr::new(Node::Apply(Op::$op, vec![self.into()]))
            }
        }
    )*)*};
}

signs! {
    Neg neg Negative: Expr &Expr Reduced &Reduced;
    Not not Invert: Expr &Expr Reduced &Reduced;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_without_a_sign_has_a_method() {
        for op in Op::ALL {
            assert!(
                op.sign().is_some() || METHODS.contains(op),
                "add a method for {op:?}"
            );
        }
    }
}
