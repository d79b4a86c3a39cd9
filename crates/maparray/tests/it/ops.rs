//! Operations, casts and reductions answer as NumPy's, over edge values of every dtype.
//!
//! The expected answers in `fixtures/ops` are written by `fixtures/ops.py`.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use half::f16;
use maparray::ops::{Op, Reduction, cast, swap_bytes};
use maparray::{ErrorKind, Scalar};

/// Bytes that begin at a multiple of 16.
#[derive(Clone)]
struct Bytes {
    room: Vec<u128>,
    len: usize,
}

impl Bytes {
    fn zeros(len: usize) -> Bytes {
        Bytes { room: vec![0; len.div_ceil(16)], len }
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
    *Scalar::ALL.iter().find(|scalar| scalar.code() == code).unwrap()
}

/// One row of `values.bin`.
struct Row {
    words: Vec<String>,
    bytes: Bytes,
}

/// The lists and the rows that use them, in the order of the file.
fn values() -> (HashMap<String, (Scalar, Bytes)>, Vec<Row>) {
    let file = fixture("values.bin");
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

/// How far two elements are apart: 0 if equal, both zero or both NaN, else steps of the dtype.
fn distance(scalar: Scalar, a: &[u8], b: &[u8]) -> u64 {
    fn steps(a: i64, b: i64, sign: i64) -> u64 {
        let ordered = |bits: i64| if bits < 0 { sign.wrapping_sub(bits) } else { bits };
        ordered(a).abs_diff(ordered(b))
    }
    let double = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().unwrap());
    let single = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().unwrap());
    let half = |bytes: &[u8]| f16::from_le_bytes(bytes.try_into().unwrap());
    match scalar {
        _ if a == b => 0,
        Scalar::C64 | Scalar::C128 => {
            let part = if scalar == Scalar::C64 { Scalar::F32 } else { Scalar::F64 };
            let middle = scalar.size() / 2;
            let (re, im) =
                (distance(part, &a[..middle], &b[..middle]), distance(part, &a[middle..], &b[middle..]));
            re.max(im)
        }
        Scalar::F64 => match (double(a), double(b)) {
            (a, b) if a.is_nan() && b.is_nan() => 0,
            (a, b) if a.is_nan() || b.is_nan() => u64::MAX,
            (a, b) => steps(a.to_bits() as i64, b.to_bits() as i64, i64::MIN),
        },
        Scalar::F32 => match (single(a), single(b)) {
            (a, b) if a.is_nan() && b.is_nan() => 0,
            (a, b) if a.is_nan() || b.is_nan() => u64::MAX,
            (a, b) => {
                let bits = |x: f32| i64::from(x.to_bits() as i32);
                steps(bits(a), bits(b), i64::from(i32::MIN))
            }
        },
        Scalar::F16 => match (half(a), half(b)) {
            (a, b) if a.is_nan() && b.is_nan() => 0,
            (a, b) if a.is_nan() || b.is_nan() => u64::MAX,
            (a, b) => {
                let bits = |x: f16| i64::from(x.to_bits() as i16);
                steps(bits(a), bits(b), i64::from(i16::MIN))
            }
        },
        _ => u64::MAX,
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
            cast(from, to)(&[bytes], input.get_mut());
            input
        })
        .collect();
    let inputs: Vec<&[u8]> = inputs.iter().map(Bytes::get).collect();
    let mut output = Bytes::zeros(count * found.output.size());
    (found.kernel)(&inputs, output.get_mut());
    (found.output, output)
}

/// Every combination of elements, the last list fastest.
fn combinations(lists: &[&(Scalar, Bytes)]) -> Vec<(Scalar, Bytes)> {
    let counts: Vec<usize> = lists.iter().map(|(scalar, list)| list.len / scalar.size()).collect();
    let total: usize = counts.iter().product();
    let column = |(axis, &(scalar, list)): (usize, &&(Scalar, Bytes))| {
        let below: usize = counts[axis + 1..].iter().product();
        let elements: Vec<&[u8]> = list.get().chunks(scalar.size()).collect();
        let pick = |position: usize| elements[position / below % counts[axis]];
        (*scalar, Bytes::new(&(0..total).flat_map(pick).copied().collect::<Vec<u8>>()))
    };
    lists.iter().enumerate().map(column).collect()
}
