//! Which dtype holds the values of two others?
//!
//! NumPy's promotion (NEP 50): symmetric, and never by value.
//!
//! Knows: dtypes. Must not know: operations, files.

use super::{Kind, Scalar};

/// The smallest number type that holds the values of both: NumPy's `promote_types`.
///
/// ```
/// use maparray::Scalar;
/// use maparray::dtype::promote_scalars;
/// assert_eq!(promote_scalars(Scalar::I16, Scalar::U16), Scalar::I32);
/// assert_eq!(promote_scalars(Scalar::I64, Scalar::U64), Scalar::F64);
/// ```
pub fn promote_scalars(left: Scalar, right: Scalar) -> Scalar {
    let (low, high) = if (left.kind(), left.size()) <= (right.kind(), right.size()) {
        (left, right)
    } else {
        (right, left)
    };
    if low.kind() == Kind::Bool || low.kind() == high.kind() {
        return high;
    }
    match high.kind() {
        Kind::Bool | Kind::Unsigned => high,
        // From here on `low` is of a lesser kind.
        Kind::Signed if low.size() < high.size() => high,
        Kind::Signed => match low.size() {
            1 => Scalar::I16,
            2 => Scalar::I32,
            4 => Scalar::I64,
            _ => Scalar::F64,
        },
        Kind::Float => wider(high, float_for(low)),
        Kind::Complex => match float_for(low) {
            Scalar::F64 => Scalar::C128,
            _ => high,
        },
    }
}

fn wider(left: Scalar, right: Scalar) -> Scalar {
    if left.size() < right.size() {
        right
    } else {
        left
    }
}

/// The float that holds a real number's values, as nearly as NumPy asks for.
fn float_for(scalar: Scalar) -> Scalar {
    match (scalar.kind(), scalar.size()) {
        (Kind::Float, _) => scalar,
        (_, 1) => Scalar::F16,
        (_, 2) => Scalar::F32,
        _ => Scalar::F64,
    }
}
