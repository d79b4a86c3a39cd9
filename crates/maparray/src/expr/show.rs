//! How does an expression read?
//!
//! Writes the text that the parser reads back to an equal tree, with no more parentheses than
//! precedence asks for.
//!
//! Knows: the tree. Must not know: arrays, files.

use std::fmt;

use super::parse::{Binding, is_plain_name, operator};
use super::{Axes, DEPTH_LIMIT, Expr, KeepAxes, Literal, Node, Reduce, SIZE_LIMIT, Whole};
use crate::ops::Nans;

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.depth() > DEPTH_LIMIT || self.size() > SIZE_LIMIT {
            return write!(f, "… {} operations …", self.size());
        }
        write_node(f, self.node())
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Literal::Bool(true) => write!(f, "True"),
            Literal::Bool(false) => write!(f, "False"),
            Literal::Int(value) => write!(f, "{value}"),
            Literal::Float(value) => write_float(f, value),
            Literal::Complex(real, imaginary)
                if real.to_bits() == 0 && imaginary.is_finite() && imaginary.is_sign_positive() =>
            {
                write!(f, "{imaginary:?}j")
            }
            Literal::Complex(real, imaginary) => {
                write!(f, "complex(")?;
                write_float(f, real)?;
                write!(f, ", ")?;
                write_float(f, imaginary)?;
                write!(f, ")")
            }
        }
    }
}

pub(super) fn write_float(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    if value.is_nan() {
        write!(f, "float('nan')")
    } else if value.is_infinite() {
        write!(f, "{}float('inf')", if value < 0.0 { "-" } else { "" })
    } else {
        write!(f, "{value:?}")
    }
}

fn write_node(f: &mut fmt::Formatter<'_>, node: &Node) -> fmt::Result {
    match node {
        Node::Name { name, .. } if is_plain_name(name) => write!(f, "{name}"),
        Node::Name { name, .. } => write!(f, "`{}`", name.replace('`', "``")),
        Node::Literal(literal) => write!(f, "{literal}"),
        Node::Index(shape) => write_list(f, "index", shape),
        Node::Cast(scalar, of) => write_list(f, scalar.name(), &[of]),
        Node::Reduce(reduce) => write_reduce(f, reduce),
        Node::Whole {
            function: Whole::MatMul,
            operands,
            ..
        } if operands.len() == 2 => {
            write_within(f, &operands[0], Binding::Product)?;
            write!(f, " @ ")?;
            write_within(f, &operands[1], Binding::Product.tighter())
        }
        Node::Whole {
            function,
            operands,
            parameters,
        } => super::whole::write(f, *function, operands, parameters),
        Node::Apply(op, arguments) => match (operator(*op), arguments.as_slice()) {
            (Some((sign, Binding::Power)), [left, right]) => {
                write_within(f, left, Binding::Atom)?;
                write!(f, " {sign} ")?;
                write_within(f, right, Binding::Unary)
            }
            (Some((sign, binding)), [left, right]) => {
                let chain = binding == Binding::Comparison;
                write_within(f, left, if chain { binding.tighter() } else { binding })?;
                write!(f, " {sign} ")?;
                write_within(f, right, binding.tighter())
            }
            // The parser takes a sign right before a number for a part of the number.
            (Some((sign, _)), [of]) if matches!(of.node(), Node::Literal(_)) => {
                write!(f, "{sign}({of})")
            }
            (Some((sign, _)), [of]) => {
                write!(f, "{sign}")?;
                write_within(f, of, Binding::Unary)
            }
            _ => match op.name().split_once('[') {
                // One of the two results of a function: `frexp(a)[0]`.
                Some((function, half)) => {
                    write_list(f, function, arguments)?;
                    write!(f, "[{half}")
                }
                None => write_list(f, op.name(), arguments),
            },
        },
    }
}

fn write_list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, name: &str, list: &[T]) -> fmt::Result {
    write!(f, "{name}(")?;
    for (place, item) in list.iter().enumerate() {
        write!(f, "{}{item}", if place == 0 { "" } else { ", " })?;
    }
    write!(f, ")")
}

fn write_reduce(f: &mut fmt::Formatter<'_>, reduce: &Reduce) -> fmt::Result {
    let nan = match reduce.nans {
        Nans::Count => "",
        Nans::Skip => "nan",
    };
    write!(f, "{nan}{}({}", reduce.reduction.name(), reduce.of)?;
    match &reduce.axes {
        Axes::All => {}
        Axes::Named(axes) => match axes.as_slice() {
            [axis] => write!(f, ", axis={axis}")?,
            axes => {
                write!(f, ", axis=")?;
                write_list(f, "", axes)?;
            }
        },
    }
    if reduce.ddof.to_bits() != 0 {
        write!(f, ", ddof=")?;
        write_float(f, reduce.ddof)?;
    }
    if reduce.keep == KeepAxes::Keep {
        write!(f, ", keepdims=True")?;
    }
    if let Some(initial) = &reduce.initial {
        write!(f, ", initial={initial}")?;
    }
    if let Some(mask) = &reduce.mask {
        write!(f, ", where={mask}")?;
    }
    write!(f, ")")
}

/// Writes a part, in parentheses if it binds less tightly than its place asks for.
fn write_within(f: &mut fmt::Formatter<'_>, part: &Expr, place: Binding) -> fmt::Result {
    let own = match part.node() {
        Node::Literal(Literal::Int(value)) if *value < 0 => Binding::Unary,
        Node::Literal(Literal::Float(value)) if value.is_sign_negative() && !value.is_nan() => {
            Binding::Unary
        }
        Node::Apply(op, arguments) => match (operator(*op), arguments.len()) {
            (Some((_, binding)), 1 | 2) => binding,
            _ => Binding::Atom,
        },
        Node::Whole {
            function: Whole::MatMul,
            ..
        } => Binding::Product,
        _ => Binding::Atom,
    };
    if own < place {
        write!(f, "({part})")
    } else {
        write!(f, "{part}")
    }
}
