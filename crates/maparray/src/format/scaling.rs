//! Which numbers do stored numbers stand for?
//!
//! As astropy answers: integers whose zero is the middle of their range are unsigned, without a
//! detour over floats; other small ones become `float32`, large ones `float64`.
//!
//! Knows: dtypes. Must not know: files.

use super::Scaling;
use crate::dtype::{Kind, Scalar};

impl Scaling {
    /// What stored numbers become: the same bits with the first one turned over, or floats.
    ///
    /// ```
    /// use maparray::{Scalar, format::Scaling};
    /// let unsigned = Scaling { scale: 1.0, zero: 32768.0, blank: None };
    /// assert_eq!(unsigned.scalar(Scalar::I16), Scalar::U16);
    /// assert_eq!(unsigned.scalar(Scalar::I32), Scalar::F64);
    /// ```
    pub fn scalar(&self, stored: Scalar) -> Scalar {
        match self.turned(stored) {
            Some(scalar) => scalar,
            None if stored.kind() == Kind::Float => stored,
            None if stored.size() <= 2 => Scalar::F32,
            None => Scalar::F64,
        }
    }

    /// The integers that differ in their first bit only, if these are meant.
    pub(crate) fn turned(&self, stored: Scalar) -> Option<Scalar> {
        let (scalar, zero) = match stored {
            Scalar::U8 => (Scalar::I8, -128.0),
            Scalar::I16 => (Scalar::U16, 32_768.0),
            Scalar::I32 => (Scalar::U32, 2_147_483_648.0),
            Scalar::I64 => (Scalar::U64, 9_223_372_036_854_775_808.0),
            _ => return None,
        };
        (self.scale == 1.0 && self.zero == zero).then_some(scalar)
    }

    /// The stored number that stands for none, if it counts: unsigned integers have no NaN.
    pub(crate) fn blank_of(&self, stored: Scalar) -> Option<i64> {
        let counts = self.turned(stored).is_none() && stored.kind() != Kind::Float;
        self.blank.filter(|_| counts)
    }

    /// Writes what stored numbers stand for, both in the byte order of the machine.
    pub(crate) fn convert(&self, stored: Scalar, from: &[u8], to: &mut [u8]) {
        if self.turned(stored).is_some() {
            return turn(stored.size(), from, to);
        }
        let own = Scaling {
            blank: self.blank_of(stored),
            ..*self
        };
        match stored {
            Scalar::U8 => own.floats(from, to, |x: u8| (x as f32, x.into())),
            Scalar::I16 => own.floats(from, to, |x: i16| (x as f32, x.into())),
            Scalar::I32 => own.doubles(from, to, |x: i32| (x.into(), x.into())),
            Scalar::I64 => own.doubles(from, to, |x: i64| (x as f64, x)),
            Scalar::F32 => own.floats(from, to, |x: f32| (x, i64::MIN)),
            _ => own.doubles(from, to, |x: f64| (x, i64::MIN)),
        }
    }

    fn floats<T: bytemuck::AnyBitPattern>(
        &self,
        from: &[u8],
        to: &mut [u8],
        read: impl Fn(T) -> (f32, i64),
    ) {
        let (scale, zero) = (self.scale as f32, self.zero as f32);
        let blank = self.blank;
        each(from, to, |x: T| {
            let (x, whole) = read(x);
            if blank == Some(whole) {
                return f32::NAN;
            }
            let x = if self.scale == 1.0 { x } else { x * scale };
            if self.zero == 0.0 { x } else { x + zero }
        });
    }

    fn doubles<T: bytemuck::AnyBitPattern>(
        &self,
        from: &[u8],
        to: &mut [u8],
        read: impl Fn(T) -> (f64, i64),
    ) {
        let blank = self.blank;
        each(from, to, |x: T| {
            let (x, whole) = read(x);
            if blank == Some(whole) {
                return f64::NAN;
            }
            let x = if self.scale == 1.0 { x } else { x * self.scale };
            if self.zero == 0.0 { x } else { x + self.zero }
        });
    }
}

/// Copies integers with their first bit turned over.
fn turn(size: usize, from: &[u8], to: &mut [u8]) {
    to.copy_from_slice(from);
    let first = if cfg!(target_endian = "big") {
        0
    } else {
        size - 1
    };
    for byte in to.iter_mut().skip(first).step_by(size) {
        *byte ^= 0x80;
    }
}

fn each<T: bytemuck::AnyBitPattern, U: bytemuck::NoUninit>(
    from: &[u8],
    to: &mut [u8],
    convert: impl Fn(T) -> U,
) {
    let numbers = from.chunks_exact(size_of::<T>());
    for (number, place) in numbers.zip(to.chunks_exact_mut(size_of::<U>())) {
        let number = convert(bytemuck::pod_read_unaligned(number));
        place.copy_from_slice(bytemuck::bytes_of(&number));
    }
}
