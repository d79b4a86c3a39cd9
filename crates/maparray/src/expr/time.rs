//! What do dates and durations become?
//!
//! Their elements are counts of steps, which `int64` loops compute on once all have the same step: the
//! longest that both are multiples of, as in NumPy. Whole numbers beside durations are durations of any
//! step.
//!
//! Knows: operations, dtypes, shapes. Must not know: arrays, files.

use bytemuck::bytes_of;

use super::adapt::{constant, default_scalar};
use super::infer::{self, Does, Part, Typed, What, Work, run, strong, working};
use super::{Literal, Reduce};
use crate::dtype::{ByteOrder, DType, Kind, Scalar, TimeStep, TimeUnit, promote, steps_in};
use crate::error::{Error, Problem, Result};
use crate::ops::{COARSER, DAYS, Kernel, NAT, Op, Reduction};

/// What the `int64` elements of a [`Typed`] count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// Steps since 1970: `datetime64`.
    Moment(TimeStep),
    /// Steps: `timedelta64`.
    Duration(TimeStep),
}

impl Time {
    fn step(self) -> TimeStep {
        match self {
            Time::Moment(step) | Time::Duration(step) => step,
        }
    }

    fn letter(self) -> char {
        match self {
            Time::Moment(_) => 'M',
            Time::Duration(_) => 'm',
        }
    }
}

impl From<Time> for DType {
    fn from(time: Time) -> DType {
        match time {
            Time::Moment(step) => DType::Moment(step, ByteOrder::NATIVE),
            Time::Duration(step) => DType::Duration(step, ByteOrder::NATIVE),
        }
    }
}

/// What the elements of an array of this dtype are, and what they count.
///
/// # Errors
/// `Unsupported` for strings, records and the like.
pub(super) fn elements_of(dtype: &DType) -> Result<(Scalar, Option<Time>)> {
    match dtype {
        DType::Moment(step, _) => Ok((Scalar::I64, Some(Time::Moment(*step)))),
        DType::Duration(step, _) => Ok((Scalar::I64, Some(Time::Duration(*step)))),
        other => Ok((other.number()?, None)),
    }
}

impl Typed {
    /// The dtype of the elements, in the machine's byte order.
    pub fn dtype(&self) -> DType {
        self.time.map_or(self.scalar.native(), DType::from)
    }

    /// What the elements are to be cast to for an array of this dtype: by NumPy's casting rule
    /// `same_kind`, to the same kind of number or a wider one. Times are stored as they are.
    ///
    /// # Errors
    /// `Mismatch` if they are of another kind, or count other steps.
    pub fn fits(&self, dtype: &DType) -> Result<Scalar> {
        let wanted = elements_of(dtype)?;
        let (scalar, time) = wanted;
        if time == self.time && (time.is_some() || self.scalar.kind() <= scalar.kind()) {
            return Ok(scalar);
        }
        let name = |scalar: Scalar, time: Option<Time>| match time {
            Some(time) => DType::from(time).to_string(),
            None => scalar.name().to_owned(),
        };
        Err(Error::new(Problem::WrongDType {
            found: name(self.scalar, self.time),
            expected: name(scalar, time),
        }))
    }

    /// The same elements as numbers that count nothing.
    pub(super) fn plain(self) -> Typed {
        Typed { time: None, ..self }
    }

    fn counting(self, time: Time) -> Typed {
        Typed {
            time: Some(time),
            ..self
        }
    }
}

/// Whether one of the parts is a time.
pub(super) fn among(parts: &[Part]) -> bool {
    parts.iter().any(|part| part.time().is_some())
}

impl Part {
    fn time(&self) -> Option<Time> {
        match self {
            Part::Strong(typed) => typed.time,
            Part::Weak(_) => None,
        }
    }

    /// The letter that stands for it in the form of a loop over times.
    fn letter(&self) -> char {
        let kind = match self {
            Part::Weak(literal) => literal.kind(),
            Part::Strong(Typed {
                time: Some(time), ..
            }) => return time.letter(),
            // No `int64` holds it.
            Part::Strong(typed) if typed.scalar == Scalar::U64 => Kind::Float,
            Part::Strong(typed) => typed.scalar.kind(),
        };
        match kind {
            Kind::Bool | Kind::Unsigned | Kind::Signed => 'q',
            Kind::Float => 'd',
            Kind::Complex => 'D',
        }
    }

    fn name(&self) -> String {
        match self {
            Part::Strong(typed) if typed.time.is_some() => typed.dtype().to_string(),
            Part::Strong(typed) => typed.scalar.name().to_owned(),
            Part::Weak(literal) => default_scalar(*literal).name().to_owned(),
        }
    }
}

/// An operation some of whose operands are times.
pub(super) fn apply(op: Op, parts: Vec<Part>) -> Result<Typed> {
    let mut letters: String = parts.iter().map(Part::letter).collect();
    if op == Op::Where {
        letters.replace_range(..1, "b");
    }
    let found = op
        .time_loop(&letters)
        .or_else(|| op.time_loop(&letters.replace('q', "m")))
        .filter(|found| found.form.starts_with(&letters) || adapts(op));
    let Some(found) = found else {
        let names: Vec<String> = parts.iter().map(Part::name).collect();
        return Err(Error::new(Problem::NoLoop {
            operation: op.name(),
            dtypes: names.join(", "),
        }));
    };
    let common = (parts.iter().filter_map(Part::time).map(DType::from))
        .map(Ok)
        .reduce(|a: Result<DType>, b| promote(&a?, &b?));
    let step = match common {
        Some(Ok(DType::Moment(step, _) | DType::Duration(step, _))) => step,
        Some(Err(error)) => return Err(error),
        _ => GENERIC,
    };
    let mut operands = Vec::with_capacity(parts.len());
    for (part, letter) in parts.into_iter().zip(found.form.chars()) {
        operands.push(match (letter, part.time()) {
            ('b', _) => infer::cast_to(Scalar::Bool, strong(part)?)?,
            ('M' | 'm', Some(time)) => converted(strong(part)?, time, step)?,
            ('d', _) => number(part, Scalar::F64)?,
            _ => number(part, Scalar::I64)?,
        });
    }
    let does = Does::Time(op, found.form);
    let work = Work {
        does,
        kernel: found.kernel,
    };
    Ok(match found.form.chars().last() {
        Some('M') => run(work, Scalar::I64, operands)?.counting(Time::Moment(step)),
        Some('m') => run(work, Scalar::I64, operands)?.counting(Time::Duration(step)),
        Some('d') => run(work, Scalar::F64, operands)?,
        Some('b') => run(work, Scalar::Bool, operands)?,
        _ => run(work, Scalar::I64, operands)?,
    })
}

/// Whether whole numbers beside a duration are durations of its steps.
fn adapts(op: Op) -> bool {
    !matches!(op, Op::Divide | Op::FloorDivide | Op::Remainder)
}

const GENERIC: TimeStep = TimeStep {
    unit: TimeUnit::Generic,
    count: 1,
};

fn number(part: Part, scalar: Scalar) -> Result<Typed> {
    match part {
        Part::Weak(literal) => constant(literal, scalar),
        Part::Strong(typed) => infer::cast_to(scalar, typed),
    }
}

/// The same times in other steps, which are no longer than theirs.
///
/// # Errors
/// `Mismatch` for durations of years or months in steps of days, which the calendar would have to say.
fn converted(of: Typed, from: Time, step: TimeStep) -> Result<Typed> {
    let to = match from {
        Time::Moment(_) => Time::Moment(step),
        Time::Duration(_) => Time::Duration(step),
    };
    let of = of.plain();
    let own = from.step();
    if let Some(factor) = steps_in(own, step) {
        let adapts = own.unit == TimeUnit::Generic && step != GENERIC;
        return match from {
            Time::Moment(_) if adapts => Err(apart(from, to)),
            _ => Ok(times(of, factor)?.counting(to)),
        };
    }
    let one = |unit| TimeStep { unit, count: 1 };
    let months = steps_in(own, one(TimeUnit::Month));
    let (Time::Moment(_), Some(months)) = (from, months) else {
        return Err(apart(from, to));
    };
    let days = hidden(Does::Days, DAYS, vec![times(of, months)?])?;
    // Weeks and longer steps need not begin where a month does.
    let (finest, per_step) = match step.unit {
        TimeUnit::Week => (TimeUnit::Day, 7 * i64::from(step.count)),
        unit => (unit, i64::from(step.count)),
    };
    let Some(in_day) = steps_in(one(TimeUnit::Day), one(finest)) else {
        return Err(apart(from, to));
    };
    let fine = times(days, in_day)?;
    Ok(match per_step {
        1 => fine,
        _ => hidden(Does::Coarser, COARSER, vec![fine, count(per_step)?])?,
    }
    .counting(to))
}

fn apart(from: Time, to: Time) -> Error {
    Error::new(Problem::NoPromotion {
        left: DType::from(from).to_string(),
        right: DType::from(to).to_string(),
    })
}

fn count(value: i64) -> Result<Typed> {
    constant(Literal::Int(value.into()), Scalar::I64)
}

fn hidden(does: Does, kernel: Kernel, operands: Vec<Typed>) -> Result<Typed> {
    run(Work { does, kernel }, Scalar::I64, operands)
}

/// Counts times a factor; NaT stays.
fn times(of: Typed, factor: i64) -> Result<Typed> {
    match (factor, Op::Multiply.time_loop("mq")) {
        (2.., Some(found)) => {
            let does = Does::Time(Op::Multiply, found.form);
            hidden(does, found.kernel, vec![of, count(factor)?])
        }
        _ => Ok(of),
    }
}

/// A reduction of times: as NumPy has them, and NaT wherever one takes part.
pub(super) fn reduced(
    reduce: &Reduce,
    of: Typed,
    mask: Option<Typed>,
    initial: Option<Part>,
    time: Time,
) -> Result<Typed> {
    use Reduction as R;
    // A mean of some durations would have to count them, and NaT is no NaN.
    let unfit = match reduce.reduction {
        _ if initial.is_some() => Some("initial"),
        _ if reduce.nans == crate::ops::Nans::Skip => Some("skip_nans"),
        R::Mean if mask.is_some() => Some("where"),
        _ => None,
    };
    if let Some(keyword) = unfit {
        let operation = reduce.reduction.name();
        return Err(Error::new(Problem::Keyword { keyword, operation }));
    }
    let as_numbers = |reduction: Reduction, of: Typed| {
        let reduce = Reduce {
            reduction,
            ..reduce.clone()
        };
        super::reduced::reduced(&reduce, of, mask.clone(), None)
    };
    let plain = of.clone().plain();
    match (reduce.reduction, time) {
        (R::Any | R::All | R::CountNonzero | R::ArgMin, _) => as_numbers(reduce.reduction, plain),
        // NaT is the least number, and hence every minimum that it takes part in.
        (R::Min, _) => Ok(as_numbers(R::Min, plain)?.counting(time)),
        // One less makes it the greatest.
        (R::ArgMax, _) => as_numbers(R::ArgMax, shifted(plain, Op::Subtract)?),
        (R::Max, _) => {
            let greatest = as_numbers(R::Max, shifted(plain, Op::Subtract)?)?;
            Ok(shifted(greatest, Op::Add)?.counting(time))
        }
        (R::Sum | R::Mean, Time::Duration(_)) => {
            let nat = apply(Op::Isnat, vec![Part::Strong(of)])?;
            let unknown = as_numbers(R::Any, nat)?;
            let elements: usize = plain.shape.iter().product();
            let sum = as_numbers(R::Sum, plain)?;
            let parts = (elements / sum.shape.iter().product::<usize>().max(1)) as i64;
            let none = Typed {
                scalar: Scalar::I64,
                time: Some(time),
                unit: None,
                shape: vec![],
                what: What::Constant(cell(NAT)),
            };
            let operands = [unknown, none, sum.counting(time)];
            let sum = apply(Op::Where, operands.map(Part::Strong).into())?;
            match reduce.reduction {
                R::Sum => Ok(sum),
                _ => apply(
                    Op::Divide,
                    vec![Part::Strong(sum), Part::Strong(count(parts)?)],
                ),
            }
        }
        (reduction, _) => Err(Error::new(Problem::NoLoop {
            operation: reduction.name(),
            dtypes: of.dtype().to_string(),
        })),
    }
}

fn cell(value: i64) -> [u8; 16] {
    let mut cell = [0; 16];
    cell[..8].copy_from_slice(bytes_of(&value));
    cell
}

/// Numbers one greater or less, wrapping.
fn shifted(of: Typed, op: Op) -> Result<Typed> {
    let found = op.resolve(&[Scalar::I64, Scalar::I64])?;
    run(working(op, found.kernel), Scalar::I64, vec![of, count(1)?])
}
