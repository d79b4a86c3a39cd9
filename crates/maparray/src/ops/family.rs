//! How does a row of the table become names, rules and loops?
//!
//! The macro `operations` and its parts. A family of element types is a list in `loops`: bool, int,
//! float (`f16` and `bf16` run as `f32`), complex, and double_complex (which runs `complex64` in double
//! precision). To add a dtype, add it to its family there.
//!
//! Knows: families of dtypes. Must not know: which operations there are.

use num_complex::Complex;

/// How the dtypes of an operation's loop follow from those of its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// All operands and the result have one dtype.
    Same,
    /// One dtype for the operands, the result is bool.
    Truth,
    /// As `Truth`; `int64` and `uint64` meet as they are.
    Order,
    /// As `Truth`; operands of different dtypes meet as bool.
    Logic,
    /// As `Same`, but for complex operands the result is real.
    Real,
    /// As `Same`; integers and bools become `float64`.
    Quotient,
    /// As `Same`, after a condition that is a bool.
    Choice,
    /// As `Same`, beside an `int64`; bools become the smallest float.
    Beside,
    /// The result is a `uint8`.
    Count,
    /// The result is an `int32`.
    Exponent,
    /// `int64` operands, a `float64` result.
    Draw,
}

macro_rules! operations {
    ($(
        $op:ident $name:literal $(| $alias:literal)* $(as $sign:literal)? : $arity:tt $rule:ident {
            $($family:ident: $function:expr,)*
            $(@ $($form:ident)+: $time:expr,)*
        }
    )*) => {
        /// An elementwise operation; `Op::Add.name()` is NumPy's name for it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Op {
            $(#[doc = concat!("`", $name, "`")] $op,)*
        }

        impl Op {
            /// Every operation, in the order of the table.
            pub const ALL: &'static [Op] = &[$(Op::$op),*];

            /// NumPy's name.
            pub fn name(self) -> &'static str {
                match self { $(Op::$op => $name),* }
            }

            /// Other names that NumPy has for it.
            pub fn aliases(self) -> &'static [&'static str] {
                match self { $(Op::$op => &[$($alias),*]),* }
            }

            /// The sign that stands for it in expressions; `-` is both subtraction and negation.
            pub fn sign(self) -> Option<&'static str> {
                match self { $(Op::$op => sign!($($sign)?)),* }
            }

            /// How many operands it takes.
            pub fn arity(self) -> usize {
                match self { $(Op::$op => $arity),* }
            }

            pub(super) fn rule(self) -> Rule {
                match self { $(Op::$op => Rule::$rule),* }
            }

            /// The loop over operands of this dtype, if there is one.
            pub(super) fn kernel(self, scalar: Scalar) -> Option<Kernel> {
                match self {
                    $(Op::$op => { $(loops!(scalar, $op $arity $rule $family $function);)* })*
                }
                None
            }

            /// The loops over moments and durations, by the letters of their operands and result.
            pub(super) fn time_loops(self) -> &'static [(&'static str, Kernel)] {
                match self {
                    $(Op::$op => &[$($((stringify!($form), times!($form $time)),)+)*],)*
                }
            }

            /// The loop that calls the C library where the usual one computes itself, if they differ.
            pub(super) fn strict_kernel(self, scalar: Scalar) -> Option<Kernel> {
                match self {
                    $(Op::$op => { $(strict!(scalar, $op $arity $rule $family $function);)* })*
                }
                None
            }

            /// The loop that compares `int64` with `uint64`, or the other way round, as they are.
            pub(super) fn mixed_kernel(self, first: Scalar) -> Option<Kernel> {
                match self {
                    $(Op::$op => { $(mixed!(first, $rule $family $function);)* })*
                }
                None
            }
        }
    };
}

macro_rules! sign {
    () => {
        None
    };
    ($sign:literal) => {
        Some($sign)
    };
}

/// Returns the loop of one family, if the dtype belongs to it.
macro_rules! loops {
    ($scalar:ident, $op:ident $arity:tt $rule:ident bool $f:expr) => {
        loops!(@ $scalar $arity $rule $f; Bool bool)
    };
    ($scalar:ident, $op:ident $arity:tt $rule:ident int $f:expr) => {
        loops!(@ $scalar $arity $rule $f; I8 i8, U8 u8, I16 i16, U16 u16, I32 i32, U32 u32,
            I64 i64, U64 u64)
    };
    ($scalar:ident, $op:ident $arity:tt $rule:ident float $f:expr) => {
        loops!(@ $scalar $arity $rule $f; F32 f32, F64 f64);
        if $scalar == Scalar::F16 {
            return Some(|i, o| through!($rule f16, i, o, Op::$op, Scalar::F32));
        }
        if $scalar == Scalar::BF16 {
            return Some(|i, o| through!($rule bf16, i, o, Op::$op, Scalar::F32));
        }
    };
    // As `float`, by a function of `Math`; it is called from a closure that is inlined by order, lest
    // the compiler find it too long to become part of the loop.
    ($scalar:ident, $op:ident $arity:tt $rule:ident math $f:expr) => {
        match $scalar {
            Scalar::F16 => return Some(|i, o| through!($rule f16, i, o, Op::$op, Scalar::F32)),
            Scalar::BF16 => return Some(|i, o| through!($rule bf16, i, o, Op::$op, Scalar::F32)),
            Scalar::F32 => return Some(|i, o| math!($arity f32, i, o, $f)),
            Scalar::F64 => return Some(|i, o| math!($arity f64, i, o, $f)),
            _ => {}
        }
    };
    // As `math`, three functions: the second says which operands are rare, the third is for those.
    ($scalar:ident, $op:ident $arity:tt $rule:ident math_but $f:expr) => {
        match $scalar {
            Scalar::F16 => return Some(|i, o| through!($rule f16, i, o, Op::$op, Scalar::F32)),
            Scalar::BF16 => return Some(|i, o| through!($rule bf16, i, o, Op::$op, Scalar::F32)),
            Scalar::F32 => return Some(|i, o| math!(but $arity f32, i, o, $f)),
            Scalar::F64 => return Some(|i, o| math!(but $arity f64, i, o, $f)),
            _ => {}
        }
    };
    // See `strict`.
    ($scalar:ident, $op:ident $arity:tt $rule:ident strict_float $f:expr) => {};
    ($scalar:ident, $op:ident $arity:tt $rule:ident complex $f:expr) => {
        loops!(@ $scalar $arity $rule $f; C64 Complex<f32>, C128 Complex<f64>)
    };
    // Only computed in double precision.
    ($scalar:ident, $op:ident $arity:tt $rule:ident double_complex $f:expr) => {
        loops!(@ $scalar $arity $rule $f; C128 Complex<f64>);
        if $scalar == Scalar::C64 {
            return Some(|i, o| through!($rule Complex<f32>, i, o, Op::$op, Scalar::C128));
        }
    };
    // Elements that are only moved.
    ($scalar:ident, $op:ident 3 Choice any $f:expr) => {
        return Some(match $scalar.size() {
            1 => |i, o| ternary::<bool, u8, u8, u8>(i, o, $f),
            2 => |i, o| ternary::<bool, u16, u16, u16>(i, o, $f),
            4 => |i, o| ternary::<bool, u32, u32, u32>(i, o, $f),
            8 => |i, o| ternary::<bool, u64, u64, u64>(i, o, $f),
            _ => |i, o| ternary::<bool, [u64; 2], [u64; 2], [u64; 2]>(i, o, $f),
        })
    };
    // Halves as they are, not as `f32`.
    ($scalar:ident, $op:ident $arity:tt $rule:ident every_float $f:expr) => {
        loops!(@ $scalar $arity $rule $f; F16 f16, BF16 bf16, F32 f32, F64 f64)
    };
    // Only in double precision, also for operands that are not.
    ($scalar:ident, $op:ident $arity:tt $rule:ident double $f:expr) => {
        loops!(@ $scalar $arity $rule $f; F64 f64)
    };
    ($scalar:ident, $op:ident $arity:tt $rule:ident wide_complex $f:expr) => {
        loops!(@ $scalar $arity $rule $f; C128 Complex<f64>)
    };
    ($scalar:ident, $op:ident 2 Draw long $f:expr) => {
        if $scalar == Scalar::I64 {
            return Some(|i, o| binary::<i64, i64, f64>(i, o, $f));
        }
    };
    (@ $scalar:ident $arity:tt $rule:ident $f:expr; $($variant:ident $type:ty),*) => {
        match $scalar {
            $(Scalar::$variant => {
                return Some(|i, o| run!($arity $rule $type, result!($rule $type), i, o, $f));
            })*
            _ => {}
        }
    };
}

/// The loop over times of one form: moments (`M`) and durations (`m`) beside `int64` (`q`), `float64`
/// (`d`) and bools (`b`).
macro_rules! times {
    (m_m $f:expr) => { |i, o| unary::<i64, i64>(i, o, $f) };
    (M_b $f:expr) => { |i, o| unary::<i64, bool>(i, o, $f) };
    (m_b $f:expr) => { times!(M_b $f) };
    (mm_b $f:expr) => { |i, o| binary::<i64, i64, bool>(i, o, $f) };
    (MM_b $f:expr) => { times!(mm_b $f) };
    (mm_d $f:expr) => { |i, o| binary::<i64, i64, f64>(i, o, $f) };
    (md_m $f:expr) => { |i, o| binary::<i64, f64, i64>(i, o, $f) };
    (dm_m $f:expr) => { |i, o| binary::<f64, i64, i64>(i, o, $f) };
    (mmm_m $f:expr) => { |i, o| ternary::<i64, i64, i64, i64>(i, o, $f) };
    (MMM_M $f:expr) => { times!(mmm_m $f) };
    (bmm_m $f:expr) => { |i, o| ternary::<bool, i64, i64, i64>(i, o, $f) };
    (bMM_M $f:expr) => { times!(bmm_m $f) };
    ($two:ident $f:expr) => { |i, o| binary::<i64, i64, i64>(i, o, $f) };
}

/// Returns the loop that calls the C library, if it is that family and the dtype belongs to it.
macro_rules! strict {
    ($scalar:ident, $op:ident $arity:tt $rule:ident strict_float $f:expr) => {
        loops!(@ $scalar $arity $rule $f; F32 f32, F64 f64);
        if $scalar == Scalar::F16 {
            return Some(|i, o| {
                if let Some(kernel) = Op::$op.strict_kernel(Scalar::F32) {
                    widened::<f16>(i, o, kernel);
                }
            });
        }
        if $scalar == Scalar::BF16 {
            return Some(|i, o| {
                if let Some(kernel) = Op::$op.strict_kernel(Scalar::F32) {
                    widened::<bf16>(i, o, kernel);
                }
            });
        }
    };
    ($($other_family:tt)*) => {};
}

macro_rules! mixed {
    ($first:ident, Order int $f:expr) => {
        return match $first {
            Scalar::I64 => Some(|i, o| {
                let compare: fn(i128, i128) -> bool = $f;
                binary(i, o, |a: i64, b: u64| compare(i128::from(a), i128::from(b)));
            }),
            Scalar::U64 => Some(|i, o| {
                let compare: fn(i128, i128) -> bool = $f;
                binary(i, o, |a: u64, b: i64| compare(i128::from(a), i128::from(b)));
            }),
            _ => None,
        }
    };
    ($($other_rule_or_family:tt)*) => {};
}

/// The Rust type of the result.
macro_rules! result {
    (Truth $type:ty) => {
        bool
    };
    (Order $type:ty) => {
        bool
    };
    (Logic $type:ty) => {
        bool
    };
    (Real $type:ty) => {
        <$type as RealPart>::Part
    };
    (Count $type:ty) => {
        u8
    };
    (Exponent $type:ty) => {
        i32
    };
    ($same:ident $type:ty) => {
        $type
    };
}

/// The type of a number's real part.
pub(super) trait RealPart {
    type Part;
}

macro_rules! real_parts {
    ($($type:ty => $part:ty),*) => {
        $(impl RealPart for $type { type Part = $part; })*
    };
}
real_parts! {
    bool => bool, i8 => i8, u8 => u8, i16 => i16, u16 => u16, i32 => i32, u32 => u32, i64 => i64,
    u64 => u64, f32 => f32, f64 => f64, Complex<f32> => f32, Complex<f64> => f64
}

macro_rules! run {
    (2 Beside $type:ty, $result:ty, $i:ident, $o:ident, $f:expr) => {
        binary::<$type, i64, $result>($i, $o, $f)
    };
    (1 $rule:ident $type:ty, $result:ty, $i:ident, $o:ident, $f:expr) => {
        unary::<$type, $result>($i, $o, $f)
    };
    (2 $rule:ident $type:ty, $result:ty, $i:ident, $o:ident, $f:expr) => {
        binary::<$type, $type, $result>($i, $o, $f)
    };
    (3 $rule:ident $type:ty, $result:ty, $i:ident, $o:ident, $f:expr) => {
        ternary::<$type, $type, $type, $result>($i, $o, $f)
    };
}

macro_rules! math {
    (1 $type:ty, $i:ident, $o:ident, $f:expr) => {
        unary::<$type, $type>(
            $i,
            $o,
            #[inline(always)]
            |a| $f(a),
        )
    };
    (2 $type:ty, $i:ident, $o:ident, $f:expr) => {
        binary::<$type, $type, $type>(
            $i,
            $o,
            #[inline(always)]
            |a, b| $f(a, b),
        )
    };
    (but 1 $type:ty, $i:ident, $o:ident, $f:expr) => {{
        let (function, is_rare, slowly) = $f;
        unary_but::<$type>(
            $i,
            $o,
            #[inline(always)]
            |a| function(a),
            #[inline(always)]
            |a| is_rare(a),
            slowly,
        )
    }};
    (but 2 $type:ty, $i:ident, $o:ident, $f:expr) => {{
        let (function, is_rare, slowly) = $f;
        binary_but::<$type>(
            $i,
            $o,
            #[inline(always)]
            |a, b| function(a, b),
            #[inline(always)]
            |a, b| is_rare(a, b),
            slowly,
        )
    }};
}

/// Runs the loop of the wider type.
macro_rules! through {
    (Truth $type:ty, $i:ident, $o:ident, $op:expr, $wide:expr) => {
        through!(@ widened_to_bool::<$type>, $i, $o, $op, $wide)
    };
    (Order $type:ty, $i:ident, $o:ident, $op:expr, $wide:expr) => {
        through!(@ widened_to_bool::<$type>, $i, $o, $op, $wide)
    };
    (Logic $type:ty, $i:ident, $o:ident, $op:expr, $wide:expr) => {
        through!(@ widened_to_bool::<$type>, $i, $o, $op, $wide)
    };
    ($other:ident $type:ty, $i:ident, $o:ident, $op:expr, $wide:expr) => {
        through!(@ widened::<$type>, $i, $o, $op, $wide)
    };
    (@ $widened:expr, $i:ident, $o:ident, $op:expr, $wide:expr) => {
        // The same row has the wider loop.
        if let Some(kernel) = $op.kernel($wide) {
            $widened($i, $o, kernel);
        }
    };
}
