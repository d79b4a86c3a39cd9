//! Accumulators, fed strip by strip: the same bits at every level of instructions, masks, accuracy.

use maparray::Scalar;
use maparray::ops::{Accumulator, Fold, Nans, Reduction, fold_column_where, fold_row_where};
use maparray::strip::Strip;

/// A source of bits: splitmix64.
struct Bits(u64);

impl Bits {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Elements of this type: numbers of many sizes, if `odd` also infinities and NaNs.
    fn elements(&mut self, scalar: Scalar, count: usize, odd: bool) -> Vec<u8> {
        let mut bytes = vec![];
        while bytes.len() < count * scalar.size() {
            let bits = self.next();
            let size = [1.0, 1e-3, 1e4, 1e9][(bits >> 60) as usize % 4];
            let number = ((bits >> 11) as f64 / (1_u64 << 52) as f64 - 1.0) * size;
            let number = match bits % 97 {
                0 if odd => f64::NAN,
                1 if odd => f64::INFINITY,
                2..9 => 0.0,
                _ => number,
            };
            match scalar {
                Scalar::F16 => bytes.extend(bytemuck::bytes_of(&half::f16::from_f64(number))),
                Scalar::F32 | Scalar::C64 => bytes.extend(bytemuck::bytes_of(&(number as f32))),
                Scalar::F64 | Scalar::C128 => bytes.extend(bytemuck::bytes_of(&number)),
                Scalar::Bool => bytes.push((bits >> 32) as u8 & 1),
                _ => bytes.extend(bytemuck::bytes_of(&bits)),
            }
        }
        bytes.truncate(count * scalar.size());
        bytes
    }
}

fn finished(fold: &Fold, accumulator: &dyn Accumulator, slots: usize) -> Vec<u8> {
    let mut room = vec![0_u128; slots * fold.output.size() / 16 + 1];
    let bytes = &mut bytemuck::cast_slice_mut(&mut room)[..slots * fold.output.size()];
    accumulator.finish(bytes);
    bytes.to_vec()
}

fn numbers<T: bytemuck::Pod>(bytes: &[u8]) -> Vec<T> {
    let chunks = bytes.chunks_exact(size_of::<T>());
    chunks.map(bytemuck::pod_read_unaligned).collect()
}

/// Results of every reduction of every type over rows, columns and masked rows of many lengths.
fn every_result() -> Vec<u8> {
    let mut bits = Bits(7);
    let mut results = vec![];
    for &scalar in Scalar::ALL {
        for odd in [false, true] {
            for length in [1, 7, 31, 64, 300, 1025, 20_000] {
                let bytes = bits.elements(scalar, length + 1, odd);
                let mask: Vec<u8> = (0..length).map(|_| (bits.next() % 3) as u8).collect();
                // At any alignment.
                let mut shifted = vec![0; 1];
                shifted.extend(&bytes);
                let (mask, size) = (Strip::from(&mask[..]), scalar.size());
                let values = Strip::from(&shifted[..]).part(1..1 + length * size);
                for &reduction in Reduction::ALL {
                    let fold = reduction.resolve(scalar).unwrap();
                    let (mut row, mut masked) = ((fold.start)(1, 0.0), (fold.start)(1, 0.0));
                    row.fold_row(0, values, 0, 1);
                    fold_row_where(masked.as_mut(), 0, values, mask, 0, 1);
                    let width = length.min(300);
                    let mut columns = (fold.start)(width, 1.0);
                    for (index, first) in (0..length + 1 - width).step_by(width).enumerate() {
                        let values = values.part(first * size..(first + width) * size);
                        columns.fold_column(0, values, 2 * index as u64);
                        let mask = mask.part(first..first + width);
                        let next = 2 * index as u64 + 1;
                        fold_column_where(columns.as_mut(), 0, values, mask, next);
                    }
                    results.extend(finished(&fold, row.as_ref(), 1));
                    results.extend(finished(&fold, masked.as_ref(), 1));
                    results.extend(finished(&fold, columns.as_ref(), width));
                }
            }
        }
    }
    results
}

fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |digest, &byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The test starts itself anew at lower levels.
#[test]
fn every_level_of_instructions_gives_the_same_bits() {
    const NAME: &str = "reduce::every_level_of_instructions_gives_the_same_bits";
    let own = format!("digest {:x}", digest(&every_result()));
    if std::env::var_os("MAPARRAY_LEVEL").is_some() {
        println!("{own}");
        return;
    }
    for level in ["baseline", "avx2"] {
        let found = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env("MAPARRAY_LEVEL", level)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&found.stdout);
        assert!(text.contains(&own), "{level}: expected {own}, found {text}");
    }
}

/// The elements of a mask's true places, as many as it has.
fn selected(values: &[u8], mask: &[u8], size: usize) -> Vec<u8> {
    let pairs = values.chunks(size).zip(mask);
    pairs
        .filter(|(_, byte)| **byte != 0)
        .flat_map(|(value, _)| value.to_vec())
        .collect()
}

#[test]
fn a_mask_leaves_what_a_copy_of_its_elements_leaves() {
    let mut bits = Bits(3);
    for &scalar in &[
        Scalar::U8,
        Scalar::I16,
        Scalar::F32,
        Scalar::I64,
        Scalar::C128,
    ] {
        let size = scalar.size();
        for often in [1_u64, 2, 9, 1500] {
            for length in [1, 63, 64, 65, 1000, 5000] {
                let values = bits.elements(scalar, length, false);
                let first = bits.next() % 2;
                let mask: Vec<u8> = (0..length as u64)
                    .map(|i| 3 * ((first + i / often) % 2) as u8)
                    .collect();
                let chosen = selected(&values, &mask, size);
                for reduction in [Reduction::CountNonzero, Reduction::Any, Reduction::Max] {
                    let fold = reduction.resolve(scalar).unwrap();
                    let (mut masked, mut copied) = ((fold.start)(1, 0.0), (fold.start)(1, 0.0));
                    let (strip, bools) = (Strip::from(&values[..]), Strip::from(&mask[..]));
                    fold_row_where(masked.as_mut(), 0, strip, bools, 5, 1);
                    copied.fold_row(0, Strip::from(&chosen[..]), 5, 1);
                    let found = finished(&fold, masked.as_ref(), 1);
                    let expected = finished(&fold, copied.as_ref(), 1);
                    assert_eq!(
                        found, expected,
                        "{reduction:?} of {length} {scalar:?}, {often}"
                    );

                    let mut columns = (fold.start)(length, 0.0);
                    let mut each = (fold.start)(length, 0.0);
                    fold_column_where(columns.as_mut(), 0, strip, bools, 0);
                    for i in (0..length).filter(|&i| mask[i] != 0) {
                        each.fold_row(i, strip.part(i * size..(i + 1) * size), 0, 1);
                    }
                    let found = finished(&fold, columns.as_ref(), length);
                    assert!(
                        found == finished(&fold, each.as_ref(), length),
                        "{reduction:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_place_of_an_extreme_is_that_of_the_first_whose_mask_is_true() {
    let values: Vec<f32> = (0..3000).map(|i| ((i * 7919) % 100) as f32).collect();
    for (start, step, best) in [(0_u64, 1_u64, 0.0), (9000, 3_u64.wrapping_neg(), 99.0)] {
        for rest in [2, 3, 50] {
            let mask: Vec<u8> = (0..3000)
                .map(|i| u8::from(i > 20 && i % rest == 1))
                .collect();
            let reduction = if best == 0.0 {
                Reduction::ArgMin
            } else {
                Reduction::ArgMax
            };
            let fold = reduction.resolve(Scalar::F32).unwrap();
            let mut place = (fold.start)(1, 0.0);
            let (strip, bools) = (Strip::from(&values[..]), Strip::from(&mask[..]));
            fold_row_where(place.as_mut(), 0, strip, bools, start, step);
            let taken = (0..3000).filter(|&i| mask[i] != 0);
            let better = |a: f32, b: f32| if best == 0.0 { a < b } else { a > b };
            let index = |i: usize| start.wrapping_add(step.wrapping_mul(i as u64));
            let expected = taken.reduce(|a, b| {
                let earlier = values[a] == values[b] && index(b) < index(a);
                if better(values[b], values[a]) || earlier {
                    b
                } else {
                    a
                }
            });
            let expected = index(expected.unwrap()) as i64;
            let found = finished(&fold, place.as_ref(), 1);
            assert_eq!(found, bytemuck::bytes_of(&expected));
        }
    }
}

#[test]
fn extremes_and_variances_of_none_are_nan_where_nans_are_left_out() {
    for reduction in [
        Reduction::Min,
        Reduction::Max,
        Reduction::Var,
        Reduction::Std,
    ] {
        let fold = reduction.resolve_with(Scalar::F64, Nans::Skip).unwrap();
        let mut some = (fold.start)(2, 0.0);
        some.fold_row(0, Strip::from(&[f64::INFINITY, 1.0][..]), 0, 1);
        let found = finished(&fold, some.as_ref(), 2);
        let found: Vec<f64> = numbers(&found);
        assert!(found[1].is_nan(), "{reduction:?}: {found:?}");
        let spread = matches!(reduction, Reduction::Var | Reduction::Std);
        assert_eq!(found[0].is_nan(), spread, "{reduction:?}: {found:?}");
    }
}

/// The variance by rows, by columns, and of halves that are merged.
fn variances(values: &[f64]) -> [f64; 3] {
    let fold = Reduction::Var.resolve(Scalar::F64).unwrap();
    let mut accumulators = [
        (fold.start)(1, 0.0),
        (fold.start)(1, 0.0),
        (fold.start)(1, 0.0),
    ];
    let [row, column, merged] = &mut accumulators;
    row.fold_row(0, Strip::from(values), 0, 1);
    for value in values.chunks(1) {
        column.fold_column(0, Strip::from(value), 0);
    }
    let (left, right) = values.split_at(values.len() / 2);
    let mut other = (fold.start)(1, 0.0);
    merged.fold_row(0, Strip::from(left), 0, 1);
    other.fold_row(0, Strip::from(right), 0, 1);
    merged.merge(other.as_ref());
    accumulators
        .map(|accumulator| bytemuck::pod_read_unaligned(&finished(&fold, accumulator.as_ref(), 1)))
}

#[test]
fn variances_of_numbers_too_far_apart_are_infinite_and_of_infinities_unknown() {
    let far: Vec<f64> = (0..500)
        .map(|i| if i % 2 == 0 { 1.7e308 } else { -1.7e308 })
        .collect();
    for values in [
        vec![1e308, -1e308],
        vec![1.7e308; 5],
        far.clone(),
        [vec![0.0; 200], far].concat(),
    ] {
        let sum: f64 = values.iter().sum();
        // As for NumPy, a mean that overflows is infinitely far from everything; ours may do without.
        for variance in variances(&values) {
            assert!(
                variance == f64::INFINITY || (sum.is_infinite() && variance >= 0.0),
                "{variance}"
            );
        }
    }
    for odd in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        for place in [0, 1, 99, 1500] {
            let mut values = [1e308, -1e308].repeat(1000);
            values[place] = odd;
            assert!(
                variances(&values).iter().all(|x| x.is_nan()),
                "{odd} at {place}"
            );
        }
    }
}

#[test]
fn variances_keep_their_digits_where_all_numbers_are_large_or_one_is() {
    let mut bits = Bits(11);
    for offset in [0.0, 1e4, 1e8, 1e12] {
        let near: Vec<f64> = (0..5000)
            .map(|_| (bits.next() % 1024) as f64 / 64.0)
            .collect();
        let mut values: Vec<f64> = near.iter().map(|x| x + offset).collect();
        for first in [None, Some(offset + 1e6)] {
            values[0] = first.unwrap_or(values[0]);
            let shifted: Vec<f64> = values.iter().map(|x| x - offset).collect();
            let mean = shifted.iter().sum::<f64>() / 5000.0;
            let exact = shifted.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 5000.0;
            for variance in variances(&values) {
                let error = (variance - exact).abs() / exact;
                assert!(error < 1e-14, "{offset} {first:?}: {error}");
            }
        }
    }
}

#[test]
fn sums_of_floats_are_exact_where_float64_holds_them() {
    let singles: Vec<f32> = (0..100_000)
        .map(|i| 1e4 + (i % 1000) as f32 / 1024.0)
        .collect();
    let exact: f64 = singles.iter().map(|&x| f64::from(x)).sum();
    let fold = Reduction::Sum.resolve(Scalar::F32).unwrap();
    let mut row = (fold.start)(1, 0.0);
    row.fold_row(0, Strip::from(&singles[..]), 0, 1);
    let mut columns = (fold.start)(1000, 0.0);
    for row in singles.chunks(1000) {
        columns.fold_column(0, Strip::from(row), 0);
    }
    let found: f32 = bytemuck::pod_read_unaligned(&finished(&fold, row.as_ref(), 1));
    assert_eq!(found, exact as f32);
    let found: Vec<f32> = numbers(&finished(&fold, columns.as_ref(), 1000));
    let column = |i: usize| singles.iter().skip(i).step_by(1000);
    for (i, &found) in found.iter().enumerate() {
        assert_eq!(found, column(i).map(|&x| f64::from(x)).sum::<f64>() as f32);
    }
}

#[test]
fn products_overflow_only_as_a_whole() {
    let fold = Reduction::Prod.resolve(Scalar::F64).unwrap();
    let mut values = vec![1e300; 40];
    values.extend(vec![1e-300; 40]);
    values.extend([5e-324, 2.0, 1e300, 1e23]);
    let mut row = (fold.start)(1, 0.0);
    row.fold_row(0, Strip::from(&values[..]), 0, 1);
    let found: f64 = bytemuck::pod_read_unaligned(&finished(&fold, row.as_ref(), 1));
    let expected = 5e-324 * 2.0 * 1e300 * 1e23;
    assert!(
        (found - expected).abs() < 1e-13 * expected,
        "{found} {expected}"
    );
    let mut zero = (fold.start)(1, 0.0);
    zero.fold_row(0, Strip::from(&[0.0, f64::INFINITY][..]), 0, 1);
    let found: f64 = bytemuck::pod_read_unaligned(&finished(&fold, zero.as_ref(), 1));
    assert!(found.is_nan());
}
