//! Elementary functions are within two units in the last place, everywhere, with the same bits on
//! every instruction set; what is computed without branches is what the plain way computes.
//!
//! The true values in `fixtures/elementary` are written by `fixtures/elementary.py`.

use std::process::Command;

use half::f16;
use maparray::Scalar;
use maparray::ops::{Accuracy, Op, cast};
use maparray::strip::Strip;

/// The functions that compute themselves, as they are named in the fixture, with one operand.
const UNARY: &[Op] = &[
    Op::Exp,
    Op::Exp2,
    Op::Expm1,
    Op::Log,
    Op::Log2,
    Op::Log10,
    Op::Log1p,
    Op::Sin,
    Op::Cos,
    Op::Tan,
    Op::Arcsin,
    Op::Arccos,
    Op::Arctan,
    Op::Sinh,
    Op::Cosh,
    Op::Tanh,
    Op::Arcsinh,
    Op::Arccosh,
    Op::Arctanh,
    Op::Cbrt,
];

const BINARY: &[Op] = &[Op::Arctan2, Op::Hypot, Op::Power];

/// Runs the loop of an operation.
fn run<T: bytemuck::Pod + Default>(
    op: Op,
    scalar: Scalar,
    accuracy: Accuracy,
    operands: &[&[T]],
) -> Vec<T> {
    let scalars = vec![scalar; operands.len()];
    let found = op.resolve_to(&scalars, accuracy).unwrap();
    assert_eq!(found.output, scalar);
    let strips: Vec<Strip<'_>> = operands.iter().map(|&list| Strip::from(list)).collect();
    let mut result = vec![T::default(); operands[0].len()];
    (found.kernel)(&strips, bytemuck::cast_slice_mut(&mut result));
    result
}

/// Numbers of single precision with every exponent, sign and many mantissas.
fn singles(step: usize) -> Vec<f32> {
    let edges = [
        0.0,
        1.0,
        f32::INFINITY,
        f32::NAN,
        f32::MAX,
        f32::MIN_POSITIVE,
        1e-45,
        0.5,
    ];
    let all = (0..=u32::MAX).step_by(step).map(f32::from_bits);
    all.chain(edges).chain(edges.map(|edge| -edge)).collect()
}

/// Numbers of double precision, as [`singles`].
fn doubles(step: usize) -> Vec<f64> {
    let spread = |bits: u64| f64::from_bits((bits << 32) | (bits.wrapping_mul(0x9E37_79B9) >> 3));
    let all = (0..=u64::from(u32::MAX)).step_by(step).map(spread);
    all.chain(singles(step * 64).into_iter().map(f64::from))
        .collect()
}

/// How far a number is from the true value, in units in its last place.
fn units(found: f64, high: f64, low: f64) -> f64 {
    if found == high && (low == 0.0 || high.is_infinite()) {
        return 0.0;
    }
    if high.is_infinite() || found.is_infinite() {
        let close = found.abs().min(high.abs()) == f64::MAX;
        return if close { 1.0 } else { f64::INFINITY };
    }
    let size = high.abs().min(f64::MAX / 4.0);
    let unit = f64::from_bits(size.to_bits() + 1) - size;
    let unit = if high.abs() > size { 4.0 * unit } else { unit };
    (((found - high) - low) / unit).abs()
}

#[test]
fn functions_of_doubles_are_within_two_units_of_the_true_value() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/elementary/values.bin"
    );
    let file = std::fs::read(path).unwrap();
    let (mut rest, mut named, mut wrong) = (&file[..], 0, vec![]);
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let line = std::str::from_utf8(&rest[..end]).unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let op = Op::find(words[0]).unwrap();
        let (operands, rows): (usize, usize) =
            (words[1].parse().unwrap(), words[2].parse().unwrap());
        let (table, after) = rest[end + 1..].split_at(rows * (operands + 2) * 8);
        rest = after;
        let numbers: Vec<f64> = table
            .chunks(8)
            .map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()))
            .collect();
        let column = |at: usize| -> Vec<f64> {
            let rows = numbers.chunks(operands + 2);
            rows.map(|row| row[at]).collect()
        };
        let columns: Vec<Vec<f64>> = (0..operands).map(column).collect();
        let borrowed: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let found = run(op, Scalar::F64, Accuracy::Fast, &borrowed);
        for (row, found) in numbers.chunks(operands + 2).zip(found) {
            let away = units(found, row[operands], row[operands + 1]);
            if away.is_nan() || away > 2.0 {
                wrong.push(format!(
                    "{op:?} of {row:?}: found {found:e}, {away} units away"
                ));
            }
        }
        assert!(rows > 100);
        named += 1;
    }
    assert_eq!(named, UNARY.len() + BINARY.len());
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// How far a single is from the value that double precision gives.
fn units_of_single(found: f32, expected: f64) -> f64 {
    let nearest = expected as f32;
    if nearest.is_nan() || found.is_nan() {
        return if nearest.is_nan() && found.is_nan() {
            0.0
        } else {
            f64::INFINITY
        };
    }
    if nearest == found {
        let other_zero = found == 0.0 && found.is_sign_negative() != nearest.is_sign_negative();
        return if other_zero { f64::INFINITY } else { 0.0 };
    }
    f64::from((found.to_bits() as i32).abs_diff(nearest.to_bits() as i32))
}

#[test]
fn functions_of_singles_are_within_two_units_of_the_true_value() {
    let singles = singles(4099);
    let doubles: Vec<f64> = singles.iter().copied().map(f64::from).collect();
    let mut wrong = vec![];
    for &op in UNARY {
        let found = run(op, Scalar::F32, Accuracy::Fast, &[&singles]);
        let expected = run(op, Scalar::F64, Accuracy::Strict, &[&doubles]);
        for ((found, expected), x) in found.iter().zip(expected).zip(&singles) {
            if units_of_single(*found, expected) > 2.0 {
                wrong.push(format!(
                    "{op:?} of {x:e}: found {found:e}, expected {expected:e}"
                ));
            }
        }
    }
    for &op in BINARY {
        for shift in [1, 77_777, 524_287, 600_001] {
            let (mut turned, mut turned_doubles) = (singles.clone(), doubles.clone());
            turned.rotate_left(shift);
            turned_doubles.rotate_left(shift);
            let found = run(op, Scalar::F32, Accuracy::Fast, &[&singles, &turned]);
            let wide: [&[f64]; 2] = [&doubles, &turned_doubles];
            let expected = run(op, Scalar::F64, Accuracy::Strict, &wide);
            for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
                if units_of_single(*found, expected) > 2.0 {
                    let (x, y) = (singles[i], turned[i]);
                    wrong.push(format!(
                        "{op:?} of {x:e}, {y:e}: {found:e}, not {expected:e}"
                    ));
                }
            }
        }
    }
    wrong.truncate(20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn strict_functions_are_those_of_the_c_library() {
    let doubles: Vec<f64> = doubles(1_000_003);
    let found = run(Op::Exp, Scalar::F64, Accuracy::Strict, &[&doubles]);
    for (found, x) in found.iter().zip(&doubles) {
        assert_eq!(found.to_bits(), x.exp().to_bits(), "{x:e}");
    }
    // Where both compute the same anyway, there is one loop.
    let plain = |accuracy| {
        Op::Add
            .resolve_to(&[Scalar::F64; 2], accuracy)
            .unwrap()
            .kernel
    };
    assert!(std::ptr::fn_addr_eq(
        plain(Accuracy::Fast),
        plain(Accuracy::Strict)
    ));
}

/// The same bits, or both not a number.
fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

#[test]
fn remainders_are_exact_however_large_the_quotient() {
    let doubles = doubles(40_009);
    for shift in [1, 3, 101, 5003] {
        let mut divisors = doubles.clone();
        divisors.rotate_left(shift);
        let found = run(
            Op::Fmod,
            Scalar::F64,
            Accuracy::Fast,
            &[&doubles, &divisors],
        );
        for ((found, &a), &b) in found.iter().zip(&doubles).zip(&divisors) {
            assert!(same(*found, a % b), "{a:e} % {b:e}: found {found:e}");
        }
        let narrow = |list: &[f64]| -> Vec<f32> { list.iter().map(|&x| x as f32).collect() };
        let (a, b) = (narrow(&doubles), narrow(&divisors));
        let found = run(Op::Fmod, Scalar::F32, Accuracy::Fast, &[&a, &b]);
        for ((&found, &a), &b) in found.iter().zip(&a).zip(&b) {
            assert!(
                same(found.into(), (a % b).into()),
                "{a:e} % {b:e}: found {found:e}"
            );
        }
    }
}

#[test]
fn rounding_is_that_of_the_standard_library() {
    let mut doubles = doubles(40_009);
    doubles.extend((-4000..4000).map(|i| f64::from(i) / 4.0));
    let singles: Vec<f32> = doubles.iter().map(|&x| x as f32).collect();
    #[expect(clippy::type_complexity, reason = "a table, once")]
    let plain: [(Op, fn(f64) -> f64, fn(f32) -> f32); 4] = [
        (Op::Floor, f64::floor, f32::floor),
        (Op::Ceil, f64::ceil, f32::ceil),
        (Op::Trunc, f64::trunc, f32::trunc),
        (Op::Rint, f64::round_ties_even, f32::round_ties_even),
    ];
    for (op, wide, narrow) in plain {
        let found = run(op, Scalar::F64, Accuracy::Fast, &[&doubles]);
        for (found, &x) in found.iter().zip(&doubles) {
            assert!(same(*found, wide(x)), "{op:?} of {x:e}: found {found:e}");
        }
        let found = run(op, Scalar::F32, Accuracy::Fast, &[&singles]);
        for (&found, &x) in found.iter().zip(&singles) {
            assert!(
                same(found.into(), narrow(x).into()),
                "{op:?} of {x:e}: found {found:e}"
            );
        }
    }
}

fn converted<A: bytemuck::Pod, B: bytemuck::Pod + Default>(
    from: Scalar,
    to: Scalar,
    list: &[A],
) -> Vec<B> {
    let mut result = vec![B::default(); list.len()];
    cast(from, to)(&[Strip::from(list)], bytemuck::cast_slice_mut(&mut result));
    result
}

#[test]
fn halves_are_converted_as_ieee_754_says() {
    let halves: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).collect();
    let found: Vec<f32> = converted(Scalar::F16, Scalar::F32, &halves);
    for (&found, half) in found.iter().zip(&halves) {
        assert!(
            same(found.into(), half.to_f64()),
            "{half:?}: found {found:e}"
        );
    }
    let mut singles = singles(1009);
    // Halfway between two halves, and beside that.
    singles.extend(found.windows(2).flat_map(|pair| {
        let middle = (pair[0] + pair[1]) / 2.0;
        [middle.next_down(), middle, middle.next_up()]
    }));
    let found: Vec<f16> = converted(Scalar::F32, Scalar::F16, &singles);
    for (found, &single) in found.iter().zip(&singles) {
        let expected = f16::from_f32(single);
        assert!(
            same(found.to_f64(), expected.to_f64()),
            "{single:e}: found {found:?}"
        );
    }
}

#[test]
fn floats_are_cut_to_integers_as_numpy_does_on_x86() {
    let mut doubles = doubles(40_009);
    let ends = [31, 32, 52, 53, 62, 63, 64].map(|bits| 2.0_f64.powi(bits));
    doubles.extend(ends.iter().flat_map(|&end| {
        let below = [
            end.next_down(),
            end - 0.5,
            end - 1.0,
            end,
            end.next_up(),
            end + 1.5,
        ];
        below
            .into_iter()
            .chain(below.map(|x| -x))
            .collect::<Vec<_>>()
    }));
    let least = |x: f64, bits: i32| {
        let limit = 2.0_f64.powi(bits - 1);
        let fits = x.trunc() >= -limit && x.trunc() < limit;
        if fits { x as i64 } else { (-limit) as i64 }
    };
    let ints: Vec<i32> = converted(Scalar::F64, Scalar::I32, &doubles);
    let longs: Vec<i64> = converted(Scalar::F64, Scalar::I64, &doubles);
    let bytes: Vec<u8> = converted(Scalar::F64, Scalar::U8, &doubles);
    let unsigned: Vec<u64> = converted(Scalar::F64, Scalar::U64, &doubles);
    for (i, &x) in doubles.iter().enumerate() {
        assert_eq!(i64::from(ints[i]), least(x, 32), "{x:e}");
        assert_eq!(longs[i], least(x, 64), "{x:e}");
        assert_eq!(bytes[i], least(x, 32) as u8, "{x:e}");
        if (0.0..2.0_f64.powi(64)).contains(&x) {
            assert_eq!(unsigned[i], x as u64, "{x:e}");
        }
    }
}

/// A number that depends on every bit of many results; NaN counts as one value.
fn digest() -> u64 {
    let (singles, doubles) = (singles(40_009), doubles(80_021));
    let mut digest = 0_u64;
    let mut add = |value: f64| {
        let bits = if value.is_nan() { 1 } else { value.to_bits() };
        digest = (digest.rotate_left(5) ^ bits).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    };
    let others = [Op::FloorDivide, Op::Remainder, Op::Fmod];
    for &op in UNARY.iter().chain(BINARY).chain(&others) {
        let (mut turned, mut turned_doubles) = (singles.clone(), doubles.clone());
        turned.rotate_left(1234);
        turned_doubles.rotate_left(1234);
        let narrow: [&[f32]; 2] = [&singles, &turned];
        let wide: [&[f64]; 2] = [&doubles, &turned_doubles];
        let found = run(op, Scalar::F32, Accuracy::Fast, &narrow[..op.arity()]);
        found.iter().for_each(|&value| add(value.into()));
        let found = run(op, Scalar::F64, Accuracy::Fast, &wide[..op.arity()]);
        found.iter().for_each(|&value| add(value));
    }
    digest
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    const ASKED: &str = "MAPARRAY_TEST_DIGEST";
    if std::env::var_os(ASKED).is_some() {
        println!("digest {}", digest());
        return;
    }
    let at = |level: &str| {
        let name = "elementary::every_instruction_set_gives_the_same_bits";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(ASKED, "1")
            .env("MAPARRAY_LEVEL", level)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (_, after) = text.split_once("digest ").unwrap();
        after.lines().next().unwrap().to_owned()
    };
    let widest = digest().to_string();
    assert_eq!(at("baseline"), widest);
    assert_eq!(at("avx2"), widest);
}
