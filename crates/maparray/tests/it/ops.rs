//! Operations, casts and reductions answer as NumPy's, over edge values of every dtype.
//!
//! The expected answers in `fixtures/ops` are written by `fixtures/ops.py`.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use half::{bf16, f16};
use maparray::ops::{Accumulator, Op, Reduction, cast};
use maparray::strip::Strip;
use maparray::{ErrorKind, Scalar};

/// Bytes that begin at a multiple of 16.
#[derive(Clone)]
struct Bytes {
    room: Vec<u128>,
    len: usize,
}

impl Bytes {
    fn zeros(len: usize) -> Bytes {
        Bytes {
            room: vec![0; len.div_ceil(16)],
            len,
        }
    }

    fn new(bytes: &[u8]) -> Bytes {
        let mut copy = Bytes::zeros(bytes.len());
        copy.get_mut().copy_from_slice(bytes);
        copy
    }

    fn get(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.room)[..self.len]
    }

    fn get_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.room)[..self.len]
    }
}

fn fixture(name: &str) -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/ops/");
    std::fs::read(format!("{path}{name}")).unwrap()
}

fn by_code(code: char) -> Scalar {
    *Scalar::ALL
        .iter()
        .find(|scalar| scalar.code() == code)
        .unwrap()
}

/// One row of `values.bin`.
struct Row {
    words: Vec<String>,
    bytes: Bytes,
}

/// The lists and the rows that use them, in the order of the file.
fn values() -> (HashMap<String, (Scalar, Bytes)>, Vec<Row>) {
    values_of("values.bin")
}

fn values_of(name: &str) -> (HashMap<String, (Scalar, Bytes)>, Vec<Row>) {
    let file = fixture(name);
    let (mut lists, mut rows) = (HashMap::<String, (Scalar, Bytes)>::new(), vec![]);
    let mut rest = &file[..];
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let line = std::str::from_utf8(&rest[..end]).unwrap();
        let words: Vec<String> = line.split(' ').map(String::from).collect();
        rest = &rest[end + 1..];
        let scalar = |word: &str| by_code(word.chars().next().unwrap());
        let count_of = |name: &String| {
            let (scalar, bytes) = &lists[name];
            bytes.len / scalar.size()
        };
        let (dtype, count) = match words[0].as_str() {
            "list" => (scalar(&words[2]), words[3].parse().unwrap()),
            "cast" => (scalar(&words[1]), count_of(&words[2])),
            "apply" => (scalar(&words[2]), words[3..].iter().map(count_of).product()),
            "reduce" => (scalar(&words[2]), 1),
            other => panic!("{other}"),
        };
        let (bytes, after) = rest.split_at(count * dtype.size());
        rest = after;
        let bytes = Bytes::new(bytes);
        if words[0] == "list" {
            lists.insert(words[1].clone(), (dtype, bytes));
        } else {
            rows.push(Row { words, bytes });
        }
    }
    (lists, rows)
}

/// How far two elements are apart: 0 if they are the same or both NaN, else steps of the dtype; zeros
/// of different sign are 1/2 apart, which no tolerance allows.
fn distance(scalar: Scalar, a: &[u8], b: &[u8]) -> f64 {
    fn steps(a: i64, b: i64, sign: i64) -> f64 {
        let ordered = |bits: i64| {
            if bits < 0 {
                sign.wrapping_sub(bits)
            } else {
                bits
            }
        };
        let apart = ordered(a).abs_diff(ordered(b));
        if apart == 0 { 0.5 } else { apart as f64 }
    }
    if a == b {
        return 0.0;
    }
    match scalar {
        Scalar::C64 | Scalar::C128 => {
            let part = if scalar == Scalar::C64 {
                Scalar::F32
            } else {
                Scalar::F64
            };
            let middle = scalar.size() / 2;
            let parts = a.chunks(middle).zip(b.chunks(middle));
            parts.map(|(a, b)| distance(part, a, b)).fold(0.0, f64::max)
        }
        Scalar::F16 | Scalar::BF16 | Scalar::F32 | Scalar::F64 => {
            let wide = |bytes: &[u8]| match scalar {
                Scalar::F16 => f64::from(f16::from_le_bytes(bytes.try_into().unwrap())),
                Scalar::BF16 => f64::from(bf16::from_le_bytes(bytes.try_into().unwrap())),
                Scalar::F32 => f64::from(f32::from_le_bytes(bytes.try_into().unwrap())),
                _ => f64::from_le_bytes(bytes.try_into().unwrap()),
            };
            let bits = |bytes: &[u8]| match scalar {
                Scalar::F16 | Scalar::BF16 => {
                    i64::from(i16::from_le_bytes(bytes.try_into().unwrap()))
                }
                Scalar::F32 => i64::from(i32::from_le_bytes(bytes.try_into().unwrap())),
                _ => i64::from_le_bytes(bytes.try_into().unwrap()),
            };
            match (wide(a).is_nan(), wide(b).is_nan()) {
                (true, true) => 0.0,
                (false, false) => steps(bits(a), bits(b), i64::MIN >> (64 - 8 * scalar.size())),
                _ => f64::INFINITY,
            }
        }
        _ => f64::INFINITY,
    }
}

/// An element as text.
fn show(scalar: Scalar, element: &[u8]) -> String {
    scalar.native().show(element)
}

/// Runs an operation on elements of any dtype: casts, then the loop.
fn run(op: Op, operands: &[(Scalar, &[u8])]) -> (Scalar, Bytes) {
    let scalars: Vec<Scalar> = operands.iter().map(|operand| operand.0).collect();
    let found = op.resolve(&scalars).unwrap();
    let count = operands[0].1.len() / operands[0].0.size();
    let inputs: Vec<Bytes> = operands
        .iter()
        .zip(&found.inputs)
        .map(|(&(from, bytes), &to)| {
            let mut input = Bytes::zeros(count * to.size());
            cast(from, to)(&[bytes.into()], input.get_mut());
            input
        })
        .collect();
    let inputs: Vec<Strip<'_>> = inputs.iter().map(|input| input.get().into()).collect();
    let mut output = Bytes::zeros(count * found.output.size());
    (found.kernel)(&inputs, output.get_mut());
    (found.output, output)
}

/// Every combination of elements, the last list fastest.
fn combinations(lists: &[&(Scalar, Bytes)]) -> Vec<(Scalar, Bytes)> {
    let counts: Vec<usize> = lists
        .iter()
        .map(|(scalar, list)| list.len / scalar.size())
        .collect();
    let total: usize = counts.iter().product();
    let column = |(axis, &(scalar, list)): (usize, &&(Scalar, Bytes))| {
        let below: usize = counts[axis + 1..].iter().product();
        let elements: Vec<&[u8]> = list.get().chunks(scalar.size()).collect();
        let pick = |position: usize| elements[position / below % counts[axis]];
        (
            *scalar,
            Bytes::new(&(0..total).flat_map(pick).copied().collect::<Vec<u8>>()),
        )
    };
    lists.iter().enumerate().map(column).collect()
}

#[test]
fn every_operation_answers_as_numpys_over_edge_values() {
    let tried = compare_operations(values());
    assert!(tried > 50_000, "{tried}");
}

#[test]
fn every_operation_on_bfloat16_answers_as_that_of_ml_dtypes() {
    let tried = compare_operations(values_of("bf16.bin"));
    assert!(tried > 10_000, "{tried}");
}

/// Holds operations to the answers of a fixture; returns how many elements it compared.
fn compare_operations((lists, rows): (HashMap<String, (Scalar, Bytes)>, Vec<Row>)) -> usize {
    let mut report = BTreeMap::<(String, char), (f64, usize, String)>::new();
    let mut tried = 0;
    for row in rows.iter().filter(|row| row.words[0] == "apply") {
        let op = Op::find(&row.words[1]).unwrap();
        let arguments: Vec<&(Scalar, Bytes)> =
            row.words[3..].iter().map(|name| &lists[name]).collect();
        let operands = combinations(&arguments);
        let borrowed: Vec<(Scalar, &[u8])> = operands
            .iter()
            .map(|(scalar, bytes)| (*scalar, bytes.get()))
            .collect();
        let (scalar, found) = run(op, &borrowed);
        assert_eq!(
            scalar.code().to_string(),
            row.words[2],
            "{}",
            row.words.join(" ")
        );
        let size = scalar.size();
        let pairs = found.get().chunks(size).zip(row.bytes.get().chunks(size));
        for (place, (found, expected)) in pairs.enumerate() {
            tried += 1;
            let steps = distance(scalar, found, expected);
            if steps > tolerance(op, scalar) || (steps == 0.5 && !may_change_zeros(op)) {
                let case = operands[0].0.code();
                let entry = report.entry((row.words[1].clone(), case)).or_default();
                entry.0 = entry.0.max(steps);
                entry.1 += 1;
                if entry.1 <= 12 {
                    let operands = operands.iter().map(|(scalar, bytes)| {
                        show(
                            *scalar,
                            &bytes.get()[place * scalar.size()..][..scalar.size()],
                        )
                    });
                    let operands: Vec<String> = operands.collect();
                    let (found, expected) = (show(scalar, found), show(scalar, expected));
                    writeln!(
                        entry.2,
                        "  {operands:?}: found {found}, expected {expected}"
                    )
                    .unwrap();
                }
            }
        }
    }
    let mut text = String::new();
    for ((op, dtype), (worst, count, cases)) in &report {
        writeln!(
            text,
            "{op} {dtype}: {count} wrong, by up to {worst}\n{cases}"
        )
        .unwrap();
    }
    assert!(report.is_empty(), "{text}");
    tried
}

/// Steps of the dtype that an answer may be away from NumPy's: none where IEEE 754 or NumPy fixes
/// it, one or two for transcendentals, whose last bit is the C library's.
fn tolerance(op: Op, scalar: Scalar) -> f64 {
    let complex = matches!(scalar, Scalar::C64 | Scalar::C128);
    match op {
        // NumPy rounds the square root of a sum of squares.
        Op::Absolute if scalar == Scalar::F64 => 1.0,
        Op::Sqrt if !complex => 0.0,
        // A sum whose parts may cancel: near zero, a step of theirs is many of its own.
        Op::Logaddexp | Op::Logaddexp2 => 8.0,
        _ if is_transcendental(op) => {
            if complex {
                2.0
            } else {
                1.0
            }
        }
        _ if may_change_zeros(op) => 0.5,
        _ => 0.0,
    }
}

/// Whether NumPy leaves open which of two zeros is the answer.
fn may_change_zeros(op: Op) -> bool {
    matches!(
        op,
        Op::Maximum | Op::Minimum | Op::Fmax | Op::Fmin | Op::Clip | Op::Nextafter
    )
}

fn is_transcendental(op: Op) -> bool {
    #[rustfmt::skip]
    let transcendental = [
        Op::Power, Op::Sqrt, Op::Cbrt, Op::Exp, Op::Exp2, Op::Expm1, Op::Log, Op::Log2, Op::Log10,
        Op::Log1p, Op::Sin, Op::Cos, Op::Tan, Op::Arcsin, Op::Arccos, Op::Arctan, Op::Arctan2,
        Op::FloatPower, Op::Sinc, Op::Hypot, Op::Sinh, Op::Cosh, Op::Tanh, Op::Arcsinh,
        Op::Arccosh, Op::Arctanh, Op::Angle,
    ];
    transcendental.contains(&op)
}

#[test]
fn every_combination_of_dtypes_gives_numpys_dtype_or_refusal() {
    let text = String::from_utf8(fixture("types.txt")).unwrap();
    let numpys = Scalar::ALL.iter().copied();
    let all: Vec<Scalar> = numpys.filter(|&scalar| scalar != Scalar::BF16).collect();
    let mut wrong = vec![];
    let mut named = vec![];
    for line in text.lines() {
        let (name, codes) = line.split_once(' ').unwrap();
        named.push(name);
        let operands = codes.len().ilog(all.len());
        for (place, expected) in codes.chars().enumerate() {
            let digit = |axis: u32| all[place / all.len().pow(operands - 1 - axis) % all.len()];
            let inputs: Vec<Scalar> = (0..operands).map(digit).collect();
            let found = match (Op::find(name), Reduction::find(name)) {
                (Some(op), _) => op.resolve(&inputs).map(|found| found.output),
                (_, Some(reduction)) => reduction.resolve(inputs[0]).map(|fold| fold.output),
                _ => panic!("{name}"),
            };
            let found = found.map_or('-', Scalar::code);
            if found != expected {
                wrong.push(format!(
                    "{name} of {inputs:?}: found {found}, expected {expected}"
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let tried = |op: &Op| named.contains(&op.name()) || *op == Op::Random;
    assert!(Op::ALL.iter().all(tried) && Reduction::ALL.iter().all(|r| named.contains(&r.name())));
}

#[test]
fn bfloat16_has_the_loops_that_float16_has() {
    let twin = |scalar| match scalar {
        Scalar::BF16 => Scalar::F16,
        other => other,
    };
    for &op in Op::ALL {
        for &other in Scalar::ALL {
            let inputs = [other, Scalar::BF16, Scalar::BF16];
            let inputs = match op {
                Op::Where => [Scalar::Bool, other, Scalar::BF16],
                Op::Ldexp | Op::Round => [Scalar::BF16, other, other],
                _ => inputs,
            };
            let inputs = &inputs[..op.arity()];
            // The two kinds of halves meet as `float32`, like any half and a `float32`.
            let single = inputs.contains(&Scalar::F16);
            let twins = inputs.iter().map(|&scalar| match scalar {
                Scalar::BF16 | Scalar::F16 if single && op.arity() > 1 => Scalar::F32,
                other => twin(other),
            });
            let expected = op.resolve(&twins.collect::<Vec<_>>()).ok();
            let found = op.resolve(inputs).ok();
            assert_eq!(
                found.map(|found| twin(found.output)),
                expected.map(|expected| expected.output),
                "{op:?} {inputs:?}"
            );
        }
    }
    for &reduction in Reduction::ALL {
        let of = |scalar| reduction.resolve(scalar).unwrap().output;
        assert_eq!(twin(of(Scalar::BF16)), of(Scalar::F16));
    }
}

#[test]
fn operations_on_bfloat16_are_those_on_float32_rounded() {
    let (lists, _) = values_of("bf16.bin");
    let list = &lists["edges.E"];
    let own = [
        Op::FrexpExponent,
        Op::Ldexp,
        Op::Nextafter,
        Op::Spacing,
        Op::NanToNum,
    ];
    for &op in Op::ALL {
        let scalars = [Scalar::BF16; 3];
        let plain = op.resolve(&scalars[..op.arity()]);
        if own.contains(&op) || op == Op::Round || op == Op::Where || plain.is_err() {
            continue;
        }
        let operands = combinations(&vec![list; op.arity()]);
        let cast_all = |(from, bytes): &(Scalar, Bytes), to: Scalar| {
            let mut wide = Bytes::zeros(bytes.len / from.size() * to.size());
            cast(*from, to)(&[bytes.get().into()], wide.get_mut());
            (to, wide)
        };
        let wide: Vec<_> = operands.iter().map(|o| cast_all(o, Scalar::F32)).collect();
        fn borrowed(operands: &[(Scalar, Bytes)]) -> Vec<(Scalar, &[u8])> {
            operands
                .iter()
                .map(|(s, bytes)| (*s, bytes.get()))
                .collect()
        }
        let found = run(op, &borrowed(&operands));
        let expected = cast_all(&run(op, &borrowed(&wide)), found.0);
        assert_eq!(found.1.get(), expected.1.get(), "{op:?}");
    }
}

#[test]
fn operands_are_cast_without_loss_to_what_the_loop_takes() {
    for &op in Op::ALL {
        for &a in Scalar::ALL {
            for &b in Scalar::ALL {
                let Ok(found) = op.resolve(&[a, b, b][..op.arity()]) else {
                    continue;
                };
                assert_eq!(found.inputs.len(), op.arity());
                let to_bool = found.inputs.contains(&Scalar::Bool);
                for (&from, &to) in [a, b, b].iter().zip(&found.inputs) {
                    let lossless = maparray::dtype::promote_scalars(from, to) == to;
                    assert!(
                        lossless || to_bool || op == Op::Random,
                        "{op:?} {a:?} {b:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn an_operation_without_a_loop_says_for_which_dtypes() {
    let error = Op::LeftShift
        .resolve(&[Scalar::F64, Scalar::I8])
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("left_shift"), "{error}");
    assert!(error.to_string().contains("float64, int8"), "{error}");
    assert!(Op::Add.resolve(&[Scalar::F64]).is_err());
}

#[test]
fn names_signs_and_aliases_find_their_operation() {
    for &op in Op::ALL {
        assert_eq!(Op::find(op.name()), Some(op));
        for alias in op.aliases() {
            assert_eq!(Op::find(alias), Some(op));
        }
    }
    assert_eq!(Op::find("abs"), Some(Op::Absolute));
    assert_eq!(Op::Power.sign(), Some("**"));
    assert_eq!(Op::Sin.sign(), None);
    let comparisons = Op::ALL.iter().filter(|op| op.is_comparison());
    let signs: Vec<_> = comparisons.filter_map(|op| op.sign()).collect();
    assert_eq!(signs, ["==", "!=", "<", "<=", ">", ">="]);
    assert_eq!(Reduction::find("argmax"), Some(Reduction::ArgMax));
    assert_eq!(Reduction::find("amin"), Some(Reduction::Min));
}

#[test]
fn every_cast_is_numpys_over_edge_values() {
    compare_casts(values(), 3_000);
}

#[test]
fn every_cast_from_and_to_bfloat16_rounds_once() {
    compare_casts(values_of("bf16.bin"), 400);
}

fn compare_casts((lists, rows): (HashMap<String, (Scalar, Bytes)>, Vec<Row>), least: usize) {
    let mut tried = 0;
    let mut wrong = vec![];
    for row in rows.iter().filter(|row| row.words[0] == "cast") {
        let to = by_code(row.words[1].chars().next().unwrap());
        let (from, list) = &lists[&row.words[2]];
        let mut found = Bytes::zeros(row.bytes.len);
        cast(*from, to)(&[list.get().into()], found.get_mut());
        let pairs = found
            .get()
            .chunks(to.size())
            .zip(row.bytes.get().chunks(to.size()));
        for (place, (found, expected)) in pairs.enumerate() {
            tried += 1;
            if distance(to, found, expected) > 0.0 {
                let value = show(*from, &list.get()[place * from.size()..][..from.size()]);
                let (found, expected) = (show(to, found), show(to, expected));
                wrong.push(format!(
                    "{value} {from:?} as {to:?}: found {found}, expected {expected}"
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(tried > least, "{tried}");
}

#[test]
fn any_byte_but_zero_is_true() {
    let odd = Bytes::new(&[0, 1, 2, 255]);
    for (to, expected) in [
        (Scalar::Bool, vec![0, 1, 1, 1]),
        (Scalar::I8, vec![0, 1, 1, 1]),
    ] {
        let mut found = Bytes::zeros(4);
        cast(Scalar::Bool, to)(&[odd.get().into()], found.get_mut());
        assert_eq!(found.get(), expected);
    }
    let (_, found) = run(
        Op::Add,
        &[(Scalar::Bool, odd.get()), (Scalar::Bool, odd.get())],
    );
    assert_eq!(found.get(), [0, 1, 1, 1]);
    let (_, found) = run(
        Op::Equal,
        &[(Scalar::Bool, odd.get()), (Scalar::Bool, &[1, 1, 1, 1])],
    );
    assert_eq!(found.get(), [0, 1, 1, 1]);
}

#[test]
fn long_strips_go_through_every_piece_of_a_widened_loop() {
    let halves: Vec<f16> = (0..3000)
        .map(|i| f16::from_f32((i % 2000) as f32))
        .collect();
    let halves = Bytes::new(bytemuck::cast_slice(&halves));
    let (scalar, doubled) = run(
        Op::Add,
        &[(Scalar::F16, halves.get()), (Scalar::F16, halves.get())],
    );
    let doubled: &[f16] = bytemuck::cast_slice(doubled.get());
    assert_eq!(scalar, Scalar::F16);
    assert!(
        doubled
            .iter()
            .enumerate()
            .all(|(i, x)| x.to_f32() == (2 * (i % 2000)) as f32)
    );
    let (_, same) = run(
        Op::Equal,
        &[(Scalar::F16, halves.get()), (Scalar::F16, halves.get())],
    );
    assert_eq!(same.get(), vec![1; 3000]);
    let mut longs = Bytes::zeros(3000 * 8);
    cast(Scalar::F16, Scalar::I64)(&[halves.get().into()], longs.get_mut());
    let longs: &[i64] = bytemuck::cast_slice(longs.get());
    assert!(longs.iter().enumerate().all(|(i, &x)| x == i as i64 % 2000));
}

#[test]
fn a_negative_integer_exponent_leaves_the_whole_part() {
    let bases: Vec<i64> = vec![-3, -2, -1, -1, 0, 1, 2, i64::MIN];
    let exponents: Vec<i64> = vec![-1, -2, -1, -2, -1, -5, i64::MIN, -1];
    let (bases, exponents) = (
        Bytes::new(bytemuck::cast_slice(&bases)),
        Bytes::new(bytemuck::cast_slice(&exponents)),
    );
    let operands = [(Scalar::I64, bases.get()), (Scalar::I64, exponents.get())];
    let (_, found) = run(Op::Power, &operands);
    let found: &[i64] = bytemuck::cast_slice(found.get());
    assert_eq!(found, [0, 0, -1, 1, 0, 1, 0, 0]);
}

#[test]
fn random_numbers_depend_on_seed_and_index_alone() {
    let indices: Vec<i64> = (0..20_000).collect();
    let draw = |seed: i64, indices: &[i64]| -> Vec<f64> {
        let seeds = Bytes::new(bytemuck::cast_slice(&vec![seed; indices.len()]));
        let indices = Bytes::new(bytemuck::cast_slice(indices));
        let operands = [(Scalar::I64, seeds.get()), (Scalar::I64, indices.get())];
        bytemuck::cast_slice(run(Op::Random, &operands).1.get()).to_vec()
    };
    let all = draw(42, &indices);
    assert_eq!(draw(42, &indices[5000..5010]), all[5000..5010]);
    assert_ne!(draw(43, &indices[..10]), all[..10]);
    assert!(all.iter().all(|x| (0.0..1.0).contains(x)));
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    assert!((mean - 0.5).abs() < 0.01, "{mean}");
    let mut tenths = [0; 10];
    all.iter().for_each(|x| tenths[(x * 10.0) as usize] += 1);
    assert!(
        tenths.iter().all(|count| (1800..2200).contains(count)),
        "{tenths:?}"
    );
    // Neighbouring numbers do not hang together.
    let together: f64 = all
        .windows(2)
        .map(|pair| (pair[0] - 0.5) * (pair[1] - 0.5))
        .sum();
    assert!((together / all.len() as f64).abs() < 0.002, "{together}");
    assert!(Op::Random.resolve(&[Scalar::F64, Scalar::I64]).is_err());
}

/// Folds a list into one slot by rows, by columns, in parts that are merged, backwards.
fn reduce_every_way(reduction: Reduction, scalar: Scalar, list: &Bytes) -> Vec<Bytes> {
    let fold = reduction.resolve(scalar).unwrap();
    assert_eq!(fold.input, scalar);
    let size = scalar.size();
    let count = list.len / size;
    let part = |from: usize, to: usize| Bytes::new(&list.get()[from * size..to * size]);
    let finish = |accumulator: &dyn Accumulator, slots: usize| {
        let mut output = Bytes::zeros(slots * fold.output.size());
        accumulator.finish(output.get_mut());
        output
    };

    let mut row = (fold.start)(1, 0.0);
    row.fold_row(0, list.get().into(), 0, 1);

    // The second of three slots; the others stay empty.
    let mut columns = (fold.start)(3, 0.0);
    for i in 0..count {
        columns.fold_column(1, part(i, i + 1).get().into(), i as u64);
    }
    let columns = finish(columns.as_ref(), 3);
    let columns = Bytes::new(&columns.get()[fold.output.size()..2 * fold.output.size()]);

    let cut = count / 3;
    let (mut first, mut second) = ((fold.start)(1, 0.0), (fold.start)(1, 0.0));
    first.fold_row(0, part(cut, count).get().into(), cut as u64, 1);
    second.fold_row(0, part(0, cut).get().into(), 0, 1);
    first.merge(second.as_ref());
    first.merge((fold.start)(1, 0.0).as_ref());

    let mut strips = (fold.start)(1, 0.0);
    for begin in (0..count).step_by(16).rev() {
        strips.fold_row(
            0,
            part(begin, count.min(begin + 16)).get().into(),
            begin as u64,
            1,
        );
    }
    vec![
        finish(row.as_ref(), 1),
        columns,
        finish(first.as_ref(), 1),
        finish(strips.as_ref(), 1),
    ]
}

#[test]
fn every_reduction_is_numpys_however_its_elements_come() {
    let (lists, rows) = values();
    let mut tried = 0;
    let mut wrong = vec![];
    for row in rows.iter().filter(|row| row.words[0] == "reduce") {
        let reduction = Reduction::find(&row.words[1]).unwrap();
        let (scalar, list) = &lists[&row.words[3]];
        let output = by_code(row.words[2].chars().next().unwrap());
        for (way, found) in reduce_every_way(reduction, *scalar, list)
            .iter()
            .enumerate()
        {
            tried += 1;
            let steps = distance(output, found.get(), row.bytes.get());
            // Exact sums are rounded once; a chain of 999 products or a variance not quite.
            let allowed = match (reduction, output) {
                (Reduction::Prod, Scalar::F64 | Scalar::C128) => 500.0,
                (_, Scalar::F64 | Scalar::C128) => 4.0,
                _ => 1.0,
            };
            if steps > allowed {
                let (found, expected) = (show(output, found.get()), show(output, row.bytes.get()));
                let words = row.words.join(" ");
                wrong.push(format!(
                    "{words} ({way}): found {found}, expected {expected}, {steps} steps"
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(tried > 2_000, "{tried}");
}
