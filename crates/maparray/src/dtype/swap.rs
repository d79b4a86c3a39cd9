//! How does an element of foreign byte order become native?
//!
//! Knows: dtypes. Must not know: files.

use super::{DType, TimeStep};
use crate::strip::dispatch::widest;

impl DType {
    /// Reverses the bytes of every part of `elements` whose order is not this machine's.
    pub(crate) fn swap_to_native(&self, elements: &mut [u8]) {
        if self.is_native() {
            return;
        }
        match self {
            DType::Number(scalar, _) => swap_pieces(scalar.swap_size(), elements),
            DType::Text(..) => swap_pieces(4, elements),
            DType::Moment(TimeStep { .. }, _) | DType::Duration(..) => swap_pieces(8, elements),
            DType::LongDouble { size, complex, .. } => {
                swap_pieces(if *complex { size / 2 } else { *size }, elements);
            }
            DType::Bytes(_) | DType::Void(_) => {}
            DType::Record(record) => {
                for element in elements.chunks_exact_mut(record.size.max(1)) {
                    for field in &record.fields {
                        let end = field.offset + field.dtype.size();
                        if let Some(part) = element.get_mut(field.offset..end) {
                            field.dtype.swap_to_native(part);
                        }
                    }
                }
            }
            DType::SubArray(block) => block.0.swap_to_native(elements),
        }
    }
}

/// Reverses each piece of so many bytes; a rest that does not make a whole piece stays as it is.
fn swap_pieces(piece: usize, bytes: &mut [u8]) {
    // As integers, which the compiler swaps several at a time.
    macro_rules! swap {
        ($integer:ty) => {
            widest(
                #[inline(always)]
                || {
                    for piece in bytes.as_chunks_mut::<{ size_of::<$integer>() }>().0 {
                        *piece = <$integer>::from_le_bytes(*piece).to_be_bytes();
                    }
                },
            )
        };
    }
    match piece {
        0 | 1 => {}
        2 => swap!(u16),
        4 => swap!(u32),
        8 => swap!(u64),
        16 => swap!(u128),
        _ => bytes.chunks_exact_mut(piece).for_each(<[u8]>::reverse),
    }
}

#[cfg(test)]
mod tests {
    use super::swap_pieces;

    #[test]
    fn bytes_swap_within_each_piece() {
        let mut bytes: Vec<u8> = (0..33).collect();
        swap_pieces(1, &mut bytes);
        assert_eq!(bytes, (0..33).collect::<Vec<u8>>());
        for piece in [2, 4, 8, 16] {
            let mut bytes: Vec<u8> = (0..33).collect();
            swap_pieces(piece, &mut bytes);
            let expected = |i: usize| {
                if i < 32 {
                    i / piece * piece + piece - 1 - i % piece
                } else {
                    i
                }
            };
            assert!(
                bytes
                    .iter()
                    .enumerate()
                    .all(|(i, &byte)| byte as usize == expected(i)),
                "{piece}"
            );
            swap_pieces(piece, &mut bytes);
            assert_eq!(bytes, (0..33).collect::<Vec<u8>>());
        }
    }
}
