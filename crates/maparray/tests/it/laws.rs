//! The law: whatever the tree, the types, the layouts, the blocks and the threads, the engine gives
//! what the naive evaluator gives.

use half::{bf16, f16};
use maparray::dtype::Kind;
use maparray::expr::{Axes, Expr, KeepAxes, Node, Reduce};
use maparray::ops::{Op, Reduction};
use maparray::{ByteOrder, DType, Eval, Layout, MemMapArray, Region, Scalar, Select};
use num_complex::Complex;
use proptest::prelude::*;

use crate::naive::{self, Naive, Value};

/// A source of choices: splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % count as u64) as usize
    }

    fn often(&mut self) -> bool {
        self.below(4) > 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// Arrays as the engine and as the naive evaluator see them.
struct World {
    dice: Dice,
    shape: Vec<usize>,
    arrays: Vec<(String, MemMapArray, Naive)>,
}

impl World {
    fn new(seed: u64) -> World {
        let mut dice = Dice(seed);
        let ndim = dice.below(5);
        let longest = dice.pick(&[2, 4, 8, 14]);
        let mut shape: Vec<usize> = (0..ndim).map(|_| 1 + dice.below(longest)).collect();
        if ndim == 1 && dice.often() {
            shape[0] = 900 + dice.below(3000);
        }
        if ndim > 0 && dice.below(20) == 0 {
            shape[dice.below(ndim)] = 0;
        }
        World {
            dice,
            shape,
            arrays: vec![],
        }
    }

    /// A new array that broadcasts to the world's shape.
    fn array(&mut self) -> Expr {
        let scalar = self.dice.pick(Scalar::ALL);
        let skip = if self.dice.often() {
            0
        } else {
            self.dice.below(self.shape.len() + 1)
        };
        let mut shape = self.shape[skip..].to_vec();
        for len in &mut shape {
            if !self.dice.often() && *len > 0 {
                *len = 1;
            }
        }
        let count: usize = shape.iter().product();
        let values: Vec<Value> = (0..count)
            .map(|_| {
                let halves = self.dice.below(19) as f64 / 2.0 - 4.0;
                let value = if matches!(
                    scalar,
                    Scalar::F16
                        | Scalar::BF16
                        | Scalar::F32
                        | Scalar::F64
                        | Scalar::C64
                        | Scalar::C128
                ) {
                    Value::Real(halves)
                } else {
                    Value::Int(halves as i128)
                };
                naive::fit(value, scalar)
            })
            .collect();
        self.known(scalar, shape, values)
    }

    /// Bools that broadcast to the shape of an expression: mixed, or in runs, or nearly all the same.
    fn mask(&mut self, of: &Expr) -> Expr {
        let mut shape = self.eval(of).describe().unwrap().1;
        let skip = if self.dice.often() {
            0
        } else {
            self.dice.below(shape.len() + 1)
        };
        shape.drain(..skip);
        let count: usize = shape.iter().product();
        let often = self.dice.pick(&[0, 1, 2, 20, 400]);
        let mut truth = self.dice.below(2) == 0;
        let values: Vec<Value> = (0..count)
            .map(|_| {
                truth ^= self.dice.below(often + 1) == 0;
                Value::Int(i128::from(truth))
            })
            .collect();
        self.known(Scalar::Bool, shape, values)
    }

    /// A small number, as an array without axes.
    fn number(&mut self) -> Expr {
        let value = Value::Int(self.dice.below(4) as i128);
        self.known(Scalar::U8, vec![], vec![value])
    }

    /// A new array of these values.
    fn known(&mut self, scalar: Scalar, shape: Vec<usize>, values: Vec<Value>) -> Expr {
        let array = self.place(scalar, &shape, &values);
        let name = format!("x{}", self.arrays.len());
        let naive = Naive {
            scalar,
            shape,
            values,
        };
        self.arrays.push((name.clone(), array, naive));
        Expr::array(&name)
    }

    /// Puts elements anywhere: any order of the axes, gaps, backwards, either byte order, any offset.
    fn place(&mut self, scalar: Scalar, shape: &[usize], values: &[Value]) -> MemMapArray {
        let order = self.dice.pick(&[ByteOrder::Little, ByteOrder::Big]);
        let dtype = DType::Number(
            scalar,
            if scalar.size() == 1 {
                ByteOrder::Little
            } else {
                order
            },
        );
        let mut axes: Vec<usize> = (0..shape.len()).collect();
        if !self.dice.often() {
            axes.reverse();
        } else if !self.dice.often() && axes.len() > 1 {
            axes.swap(0, 1);
        }
        let steps: Vec<i64> = axes
            .iter()
            .map(|_| self.dice.pick(&[1, 1, 1, 1, -1, 2, -3]))
            .collect();
        let wide: Vec<usize> = axes
            .iter()
            .zip(&steps)
            .map(|(&axis, step)| shape[axis] * step.unsigned_abs() as usize)
            .collect();
        let offset = self.dice.pick(&[0, 0, 1, 5]);
        let layout = Layout::contiguous(&wide, scalar.size(), Default::default(), offset).unwrap();
        let picks: Vec<Select> = steps
            .iter()
            .map(|&step| Select::Range {
                start: None,
                stop: None,
                step,
            })
            .collect();
        let mut inverse = vec![0; axes.len()];
        axes.iter()
            .enumerate()
            .for_each(|(place, &axis)| inverse[axis] = place);
        let region = Region::heap(layout.byte_len() + offset).unwrap();
        let layout = layout.select(&picks).unwrap().permuted(&inverse);
        assert_eq!(layout.shape(), shape);
        let mut array = MemMapArray::from_region(region, dtype, layout).unwrap();
        for (index, &value) in naive::indices(shape).iter().zip(values) {
            let index: Vec<i64> = index.iter().map(|&i| i as i64).collect();
            set(&mut array, scalar, &index, value);
        }
        array
    }

    /// The expression with its arrays; those that it does not name must not be given.
    fn eval(&self, expr: &Expr) -> Eval<'_> {
        let names = expr.names();
        let named = self.arrays.iter().filter(|(name, ..)| names.contains(name));
        named.fold(Eval::new(expr.clone()), |eval, (name, array, _)| {
            eval.array(name, array)
        })
    }

    fn scalar_of(&self, expr: &Expr) -> Scalar {
        self.eval(expr).describe().unwrap().0.scalar().unwrap()
    }

    /// A random tree of elementwise operations.
    fn tree(&mut self, depth: usize) -> Expr {
        if depth == 0 || !self.dice.often() {
            return self.array();
        }
        if self.dice.below(6) == 0 {
            let of = self.tree(depth - 1);
            // A float beyond an integer's range has no integer to become.
            let fractions = self.scalar_of(&of).kind() >= Kind::Float;
            let integers = [Scalar::I16, Scalar::U8, Scalar::I64];
            let floats = [Scalar::F16, Scalar::BF16, Scalar::F32, Scalar::F64];
            let scalar = self.dice.pick(if fractions { &floats } else { &integers });
            return of.cast(scalar);
        }
        const OPS: &[Op] = &[
            Op::Add,
            Op::Subtract,
            Op::Multiply,
            Op::Maximum,
            Op::Minimum,
            Op::Less,
            Op::GreaterEqual,
            Op::Equal,
            Op::LogicalNot,
            Op::LogicalXor,
            Op::Where,
            Op::Absolute,
            Op::Square,
        ];
        let op = self.dice.pick(OPS);
        let mut parts: Vec<Expr> = (0..op.arity()).map(|_| self.tree(depth - 1)).collect();
        let real = |scalar: Scalar| !matches!(scalar, Scalar::C64 | Scalar::C128);
        let scalars: Vec<Scalar> = parts.iter().map(|part| self.scalar_of(part)).collect();
        // The naive evaluator keeps to the real line; uint64 beyond 2^53 does not fit a float there.
        if !scalars.iter().all(|&scalar| real(scalar)) || op.resolve(&scalars).is_err() {
            parts = parts.iter().map(|part| part.cast(Scalar::F64)).collect();
        }
        Expr::new(Node::Apply(op, parts))
    }

    fn check(&mut self, expr: &Expr) {
        let lookup = |name: &str| {
            self.arrays
                .iter()
                .find(|(known, ..)| known == name)
                .map(|(.., naive)| naive.clone())
                .unwrap()
        };
        let expected = naive::evaluate(expr, &lookup);
        let (threads, memory) = (
            1 + self.dice.below(3),
            self.dice.pick(&[1, 1 << 16, 1 << 30]),
        );
        let ours = self
            .eval(expr)
            .threads(threads)
            .memory(memory)
            .run()
            .unwrap();
        assert_eq!(ours.shape(), expected.shape, "{expr}");
        assert_eq!(ours.dtype().scalar(), Some(expected.scalar), "{expr}");
        for (index, &value) in naive::indices(&expected.shape).iter().zip(&expected.values) {
            let index: Vec<i64> = index.iter().map(|&i| i as i64).collect();
            let (found, value) = (get(&ours, expected.scalar, &index), value.real());
            // Sums of halves are exact; products and variances round in their own order.
            let close = (found - value).abs() <= 1e-12 * value.abs().max(1.0);
            let rounded = |x: f64| naive::fit(Value::Real(x), expected.scalar).real();
            let fine = found == value
                || (found.is_nan() && value.is_nan())
                || close
                || (rounded(value * (1.0 + 1e-3)) >= found.min(value)
                    && (found - value).abs() <= epsilon(expected.scalar) * value.abs());
            assert!(fine, "{expr} at {index:?}: found {found}, expected {value}");
        }
    }
}

fn epsilon(scalar: Scalar) -> f64 {
    match scalar {
        Scalar::F16 => 1e-3,
        Scalar::BF16 => 8e-3,
        Scalar::F32 | Scalar::C64 => 1.2e-7,
        _ => 0.0,
    }
}

fn set(array: &mut MemMapArray, scalar: Scalar, index: &[i64], value: Value) {
    let real = value.real();
    match scalar {
        Scalar::Bool => array.set(index, real != 0.0),
        Scalar::I8 => array.set(index, real as i8),
        Scalar::U8 => array.set(index, real as i64 as u8),
        Scalar::I16 => array.set(index, real as i16),
        Scalar::U16 => array.set(index, real as i64 as u16),
        Scalar::I32 => array.set(index, real as i32),
        Scalar::U32 => array.set(index, real as i64 as u32),
        Scalar::I64 => array.set(index, real as i64),
        Scalar::U64 => match value {
            Value::Int(value) => array.set(index, value as u64),
            Value::Real(value) => array.set(index, value as u64),
        },
        Scalar::F16 => array.set(index, f16::from_f64(real)),
        Scalar::BF16 => array.set(index, bf16::from_f64(real)),
        Scalar::F32 => array.set(index, real as f32),
        Scalar::F64 => array.set(index, real),
        Scalar::C64 => array.set(index, Complex::new(real as f32, 0.0)),
        Scalar::C128 => array.set(index, Complex::new(real, 0.0)),
        Scalar::F8E4M3 | Scalar::F8E5M2 => unreachable!("not among those that are computed on"),
    }
    .unwrap();
}

fn get(array: &MemMapArray, scalar: Scalar, index: &[i64]) -> f64 {
    match scalar {
        Scalar::Bool => array.get::<bool>(index).map(|x| f64::from(u8::from(x))),
        Scalar::I8 => array.get::<i8>(index).map(f64::from),
        Scalar::U8 => array.get::<u8>(index).map(f64::from),
        Scalar::I16 => array.get::<i16>(index).map(f64::from),
        Scalar::U16 => array.get::<u16>(index).map(f64::from),
        Scalar::I32 => array.get::<i32>(index).map(f64::from),
        Scalar::U32 => array.get::<u32>(index).map(f64::from),
        Scalar::I64 => array.get::<i64>(index).map(|x| x as f64),
        Scalar::U64 => array.get::<u64>(index).map(|x| x as f64),
        Scalar::BF16 => array.get::<bf16>(index).map(f64::from),
        Scalar::F16 => array.get::<f16>(index).map(f64::from),
        Scalar::F32 => array.get::<f32>(index).map(f64::from),
        Scalar::F64 => array.get::<f64>(index),
        Scalar::C64 => array.get::<Complex<f32>>(index).map(|x| f64::from(x.re)),
        Scalar::C128 => array.get::<Complex<f64>>(index).map(|x| x.re),
        Scalar::F8E4M3 | Scalar::F8E5M2 => unreachable!("not among those that are computed on"),
    }
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_trees_give_what_the_naive_evaluator_gives(seed: u64) {
        let mut world = World::new(seed);
        let tree = world.tree(3);
        world.check(&tree);
    }

    #[test]
    fn random_reductions_give_what_the_naive_evaluator_gives(seed: u64) {
        let mut world = World::new(seed);
        let mut of = world.tree(1);
        if matches!(world.scalar_of(&of), Scalar::C64 | Scalar::C128) {
            of = of.cast(Scalar::F32);
        }
        let ndim = world.eval(&of).describe().unwrap().1.len();
        let axes = match world.dice.below(3) {
            0 => Axes::All,
            _ => Axes::Named((0..ndim as i64).filter(|_| world.dice.below(2) == 0).collect()),
        };
        let empty = world.eval(&of).describe().unwrap().1.contains(&0);
        let reduction = world.dice.pick(Reduction::ALL);
        prop_assume!(!empty || reduction.has_identity());
        // Arg-reductions of several named axes have no meaning in NumPy.
        let axes = match (&axes, reduction) {
            (Axes::Named(named), Reduction::ArgMin | Reduction::ArgMax) if named.len() != 1 => Axes::All,
            _ => axes,
        };
        let keep = if world.dice.often() { KeepAxes::Drop } else { KeepAxes::Keep };
        let ddof = 0.0;
        let mask = (reduction.takes_mask() && world.dice.often()).then(|| world.mask(&of));
        let least = !reduction.has_identity() && mask.is_some();
        let initial = (reduction.join().is_some() && (least || !world.dice.often()))
            .then(|| world.number());
        let plain = Reduce::new(reduction, of);
        world.check(&Reduce { mask, initial, axes, keep, ddof, ..plain }.into());
    }
}
