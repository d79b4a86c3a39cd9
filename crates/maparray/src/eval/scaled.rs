//! How does a computation read numbers that are stored scaled?
//!
//! What stands for the stored numbers is an expression over them, which takes their place in the tree
//! before it is planned: it is computed strip by strip, with all the rest.
//!
//! Knows: arrays, expressions. Must not know: formats, maps.

use std::sync::Arc;

use super::Eval;
use crate::array::{MemMapArray, Opened, Scaled};
use crate::dtype::Scalar;
use crate::error::Result;
use crate::expr::{Expr, Literal, Typed, What, infer, where_};
use crate::unit::Unit;

/// What stands for the numbers of an array.
pub(super) struct Meaning {
    pub(super) name: String,
    expr: Expr,
    pub(super) unit: Option<Arc<Unit>>,
}

/// A meaning with its dtype and shape.
pub(super) struct Meant<'m> {
    pub(super) meaning: &'m Meaning,
    pub(super) typed: Typed,
}

impl<'a> Eval<'a> {
    /// Binds numbers that are stored scaled to a name of the expression, which stands for what they
    /// mean.
    ///
    /// ```
    /// use maparray::{Eval, MemMapArray, Scaled, format::Scaling};
    /// let raw = MemMapArray::from_slice(&[0_i16, 4]);
    /// let counts = Scaled::new(raw, Scaling { scale: 0.5, zero: 1.0, blank: None })?;
    /// let twice = Eval::new("2 * a".parse()?).scaled("a", &counts).run()?;
    /// assert_eq!(twice.to_vec::<f32>()?, [2.0, 6.0]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn scaled(mut self, name: &str, scaled: &'a Scaled) -> Eval<'a> {
        self.meanings.push(Meaning {
            name: name.into(),
            expr: meaning(name, scaled),
            unit: scaled.shared_unit().cloned(),
        });
        self.array(name, scaled.raw())
    }

    /// Binds an array, scaled or not, to a name of the expression.
    ///
    /// ```
    /// use maparray::{Eval, MemMapArray, Mode, Opened};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// # MemMapArray::from_slice(&[1_i64, 2]).save(&path)?;
    /// let a = Opened::open(&path, Mode::Read)?;
    /// let sum = Eval::new("sum(a)".parse()?).opened("a", &a).run()?;
    /// assert_eq!(sum.get::<i64>(&[])?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn opened(self, name: &str, opened: &'a Opened) -> Eval<'a> {
        match opened {
            Opened::Plain(array) => self.array(name, array),
            Opened::Scaled(scaled) => self.scaled(name, scaled),
        }
    }

    /// The meanings with their dtypes and shapes.
    pub(super) fn meant(&self) -> Result<Vec<Meant<'_>>> {
        let stored = |name: &str| {
            let source = &self.arrays.iter().find(|(known, _)| known == name)?.1;
            Some((source.dtype().clone(), source.layout().shape().to_vec()))
        };
        let each = self.meanings.iter().map(|meaning| {
            let typed = infer(&meaning.expr, &stored)?;
            Ok(Meant { meaning, typed })
        });
        each.collect()
    }
}

/// What the stored numbers of a name stand for.
fn meaning(name: &str, scaled: &Scaled) -> Expr {
    let (scaling, raw) = (scaled.scaling(), scaled.raw());
    let own = Expr::array(name);
    let stored = raw.dtype().scalar().unwrap_or(Scalar::F64);
    if let Some(turned) = scaling.turned(stored) {
        let half: i128 = match turned {
            Scalar::I8 => -128,
            turned => 1 << (8 * turned.size() - 1),
        };
        return own.cast(turned) ^ Expr::from(Literal::Int(half));
    }
    let mut meant = own.cast(scaling.scalar(stored));
    if scaling.scale != 1.0 {
        meant = meant * scaling.scale;
    }
    if scaling.zero != 0.0 {
        meant = meant + scaling.zero;
    }
    match scaling
        .blank_of(stored)
        .filter(|blank| holds(stored, *blank))
    {
        Some(blank) => where_(
            own.equal(Expr::from(Literal::Int(blank.into()))),
            f64::NAN,
            meant,
        ),
        None => meant,
    }
}

/// Whether a stored number can be this.
fn holds(stored: Scalar, number: i64) -> bool {
    match stored {
        Scalar::U8 => u8::try_from(number).is_ok(),
        Scalar::I16 => i16::try_from(number).is_ok(),
        Scalar::I32 => i32::try_from(number).is_ok(),
        _ => true,
    }
}

/// A tree with meanings in the place of the names that they belong to.
pub(super) fn told(typed: Typed, meant: &[Meant<'_>]) -> Typed {
    if meant.is_empty() {
        return typed;
    }
    let within = |part: Box<Typed>| Box::new(told(*part, meant));
    let each = |parts: Vec<Typed>| parts.into_iter().map(|part| told(part, meant)).collect();
    let what = match typed.what {
        What::Array(name) => match meant.iter().find(|meant| meant.meaning.name == name) {
            Some(meant) => meant.typed.what.clone(),
            None => What::Array(name),
        },
        What::Apply(work, parts) => What::Apply(work, each(parts)),
        What::Reduce {
            fold,
            of,
            mask,
            initial,
            axes,
            keep,
            ddof,
        } => What::Reduce {
            fold,
            of: within(of),
            mask: mask.map(within),
            initial: initial.map(within),
            axes,
            keep,
            ddof,
        },
        What::Whole {
            function,
            operands,
            parameters,
        } => What::Whole {
            function,
            operands: each(operands),
            parameters,
        },
        What::Unless {
            lacking,
            refusal,
            value,
        } => What::Unless {
            lacking: within(lacking),
            refusal,
            value: within(value),
        },
        What::Constant(bytes) => What::Constant(bytes),
        What::Index => What::Index,
    };
    Typed { what, ..typed }
}

impl Scaled {
    /// A copy in memory with the numbers that are meant converted to another unit, as
    /// [`MemMapArray::to`].
    ///
    /// # Errors
    /// As [`MemMapArray::to`].
    ///
    /// ```
    /// use maparray::{MemMapArray, Scaled, Unit, format::Scaling};
    /// let raw = MemMapArray::from_slice(&[0_i16, 4]).with_unit(Unit::parse("km")?);
    /// let scaled = Scaled::new(raw, Scaling { scale: 0.5, zero: 1.0, blank: None })?;
    /// assert_eq!(scaled.to(&"m".parse()?)?.to_vec::<f32>()?, [1000.0, 3000.0]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn to(&self, unit: &Unit) -> Result<MemMapArray> {
        let own = self.unit().cloned().unwrap_or_default();
        let factor = own.factor_to(unit)?;
        let converted = Eval::new(Expr::array("a") * factor)
            .scaled("a", self)
            .run()?;
        Ok(converted.with_unit(unit.clone()))
    }
}
