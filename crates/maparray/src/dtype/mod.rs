//! What is an element?
//!
//! `DType` is NumPy's dtype as a run-time value; `Scalar` names the plain numbers that the engine
//! computes on, one row each; `Element` ties such a row to its Rust type.
//!
//! Knows: errors. Must not know: files.

mod eight;
pub(crate) mod literal;
mod promote;
mod show;
mod swap;
pub(crate) mod text;

pub use eight::{F8E4M3, F8E5M2};
pub use promote::{promote, promote_scalars};
pub(crate) use promote::{steps_in, turn};

use std::fmt;
use std::sync::Arc;

use half::{bf16, f16};
use num_complex::Complex;

use crate::error::{Error, Problem, Result};

/// Order of the bytes inside one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// Least significant byte first; also used for elements of one byte, where order has no meaning.
    Little,
    /// Most significant byte first.
    Big,
}

impl ByteOrder {
    /// The order of the machine that runs this program.
    pub const NATIVE: ByteOrder = if cfg!(target_endian = "big") {
        ByteOrder::Big
    } else {
        ByteOrder::Little
    };

    /// NumPy's sign for it: `<` or `>`.
    pub fn sign(self) -> char {
        match self {
            ByteOrder::Little => '<',
            ByteOrder::Big => '>',
        }
    }
}

/// What kind of number a [`Scalar`] is; ordered as NumPy promotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Truth values.
    Bool,
    /// Integers without a sign.
    Unsigned,
    /// Integers in two's complement.
    Signed,
    /// IEEE 754 numbers.
    Float,
    /// Pairs of IEEE 754 numbers.
    Complex,
}

macro_rules! scalars {
    (
        $($computed:ident)*;
        $($variant:ident $type:ty, $size:literal, $name:literal, $letter:literal, $code:literal, $kind:ident;)*
    ) => {
        /// A plain number: the element types that the engine computes on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Scalar {
            $(#[doc = concat!("NumPy's `", $name, "`.")] $variant,)*
        }

        impl Scalar {
            /// Every number that is computed on, in NumPy's order.
            pub const ALL: &'static [Scalar] = &[$(Scalar::$computed),*];

            /// Every row of the table: also those that are cast before they are computed on.
            pub const STORED: &'static [Scalar] = &[$(Scalar::$variant),*];

            /// Bytes of one element.
            pub const fn size(self) -> usize {
                match self { $(Scalar::$variant => $size),* }
            }

            /// NumPy's name, such as `float32`.
            pub const fn name(self) -> &'static str {
                match self { $(Scalar::$variant => $name),* }
            }

            /// The letter that stands in a descriptor such as `<f4`: one of `b i u f c`, and `V` for
            /// `bfloat16`, which NumPy does not know: its text is `<bf16`, and `<V2` in files.
            pub const fn letter(self) -> char {
                match self { $(Scalar::$variant => $letter),* }
            }

            /// NumPy's one-letter type code (`dtype.char`), such as `d`.
            pub const fn code(self) -> char {
                match self { $(Scalar::$variant => $code),* }
            }

            /// What kind of number it is.
            pub const fn kind(self) -> Kind {
                match self { $(Scalar::$variant => Kind::$kind),* }
            }
        }

        $(
            impl sealed::Sealed for $type {}
            impl Element for $type {
                const SCALAR: Scalar = Scalar::$variant;
            }
        )*
    };
}

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that an array's elements can be viewed as.
///
/// Sealed: the rows of the scalar table implement it. Every implementor is plain data; `bool` is
/// checked byte by byte when borrowed, because not every byte is a `bool`.
pub trait Element:
    bytemuck::CheckedBitPattern
    + bytemuck::NoUninit
    + fmt::Debug
    + PartialEq
    + Send
    + Sync
    + sealed::Sealed
{
    /// The row of this type.
    const SCALAR: Scalar;
}

scalars! {
    Bool I8 U8 I16 U16 I32 U32 I64 U64 F16 BF16 F32 F64 C64 C128;
    Bool bool,           1,  "bool",       'b', '?', Bool;
    I8   i8,             1,  "int8",       'i', 'b', Signed;
    U8   u8,             1,  "uint8",      'u', 'B', Unsigned;
    I16  i16,            2,  "int16",      'i', 'h', Signed;
    U16  u16,            2,  "uint16",     'u', 'H', Unsigned;
    I32  i32,            4,  "int32",      'i', 'i', Signed;
    U32  u32,            4,  "uint32",     'u', 'I', Unsigned;
    I64  i64,            8,  "int64",      'i', 'l', Signed;
    U64  u64,            8,  "uint64",     'u', 'L', Unsigned;
    F16  f16,            2,  "float16",    'f', 'e', Float;
    BF16 bf16,           2,  "bfloat16",   'V', 'E', Float;
    F32  f32,            4,  "float32",    'f', 'f', Float;
    F64  f64,            8,  "float64",    'f', 'd', Float;
    C64  Complex<f32>,   8,  "complex64",  'c', 'F', Complex;
    C128 Complex<f64>,   16, "complex128", 'c', 'D', Complex;
    F8E4M3 F8E4M3,       1,  "float8_e4m3fn", 'V', '4', Float;
    F8E5M2 F8E5M2,       1,  "float8_e5m2",   'V', '5', Float;
}

impl Scalar {
    /// Whether it is a float of eight bits.
    pub const fn is_eight_bits(self) -> bool {
        matches!(self, Scalar::F8E4M3 | Scalar::F8E5M2)
    }

    /// The number that it is computed on as: `float32` for floats of eight bits, else itself.
    pub const fn computed(self) -> Scalar {
        if self.is_eight_bits() {
            Scalar::F32
        } else {
            self
        }
    }

    /// Bytes of the piece that byte order applies to: half of an element for complex numbers.
    pub const fn swap_size(self) -> usize {
        match self {
            Scalar::C64 | Scalar::C128 => self.size() / 2,
            _ => self.size(),
        }
    }

    /// The dtype of this number in the machine's byte order.
    pub const fn native(self) -> DType {
        DType::Number(
            self,
            if self.size() == 1 {
                ByteOrder::Little
            } else {
                ByteOrder::NATIVE
            },
        )
    }
}

/// Unit of a `datetime64` or `timedelta64`, NumPy's code in parentheses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TimeUnit {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
    Picosecond,
    Femtosecond,
    Attosecond,
    /// No unit: `datetime64` as such.
    Generic,
}

/// A time unit and how many of it make one step: `[25s]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeStep {
    /// The unit.
    pub unit: TimeUnit,
    /// Units in one step, at least 1.
    pub count: u32,
}

/// One field of a structured dtype, padding included.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Its name; empty for padding.
    pub name: String,
    /// Its title, if it has one.
    pub title: Option<String>,
    /// Its dtype; a [`DType::SubArray`] where the field holds several elements.
    pub dtype: DType,
    /// Where it begins inside the record, in bytes.
    pub offset: usize,
}

/// A record of named fields.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// The fields in order; padding is not listed, it is the gap between offsets.
    pub fields: Vec<Field>,
    /// Bytes of one record, trailing padding included.
    pub size: usize,
}

/// The dtype of an array's elements, known at run time.
///
/// Every dtype that NumPy writes into a `.npy` header has a value here, except `O`, which is always
/// refused. Source: NumPy, "Data type objects (dtype)".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// A plain number; the order is `Little` where one byte makes an element.
    Number(Scalar, ByteOrder),
    /// `S`: so many bytes, padded with NUL.
    Bytes(usize),
    /// `U`: so many UCS-4 characters, padded with NUL.
    Text(usize, ByteOrder),
    /// `V`: so many bytes without meaning.
    Void(usize),
    /// `datetime64`: 64-bit steps since 1970.
    Moment(TimeStep, ByteOrder),
    /// `timedelta64`: 64-bit steps.
    Duration(TimeStep, ByteOrder),
    /// `longdouble` or `clongdouble` of so many bytes: stored, never computed on.
    LongDouble {
        /// Bytes of one element.
        size: usize,
        /// Whether it is a pair of long doubles.
        complex: bool,
        /// Order of the bytes.
        order: ByteOrder,
    },
    /// A structured dtype.
    Record(Arc<Record>),
    /// A fixed-shape block of elements inside a field.
    SubArray(Arc<(DType, Vec<usize>)>),
}

impl DType {
    /// The dtype of a Rust element type, in the machine's byte order.
    pub const fn of<T: Element>() -> DType {
        T::SCALAR.native()
    }

    /// Bytes of one element.
    pub fn size(&self) -> usize {
        match self {
            DType::Number(scalar, _) => scalar.size(),
            DType::Bytes(size) | DType::Void(size) => *size,
            DType::Text(characters, _) => characters * 4,
            DType::Moment(..) | DType::Duration(..) => 8,
            DType::LongDouble { size, .. } => *size,
            DType::Record(record) => record.size,
            DType::SubArray(block) => block.1.iter().product::<usize>() * block.0.size(),
        }
    }

    /// The number type, whatever its byte order; `None` for anything the engine cannot compute on.
    pub fn scalar(&self) -> Option<Scalar> {
        match self {
            DType::Number(scalar, _) => Some(*scalar),
            _ => None,
        }
    }

    /// The number type, or an error that says what the dtype is and what is computed on.
    ///
    /// # Errors
    /// `Unsupported` for strings, dates, records and the like.
    ///
    /// ```
    /// use maparray::{DType, Scalar};
    /// assert_eq!(">f4".parse::<DType>()?.number()?, Scalar::F32);
    /// assert!("U5".parse::<DType>()?.number().is_err());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn number(&self) -> Result<Scalar> {
        self.scalar().ok_or_else(|| {
            Error::new(Problem::NotANumber {
                dtype: self.to_string(),
            })
        })
    }

    /// Whether the elements are laid out as this machine lays them out.
    pub fn is_native(&self) -> bool {
        match self {
            DType::Number(scalar, order) => scalar.size() == 1 || *order == ByteOrder::NATIVE,
            DType::Text(_, order)
            | DType::Moment(_, order)
            | DType::Duration(_, order)
            | DType::LongDouble { order, .. } => *order == ByteOrder::NATIVE,
            DType::Bytes(_) | DType::Void(_) => true,
            DType::Record(record) => record.fields.iter().all(|field| field.dtype.is_native()),
            DType::SubArray(block) => block.0.is_native(),
        }
    }
}

impl From<Scalar> for DType {
    fn from(scalar: Scalar) -> DType {
        scalar.native()
    }
}
