//! Unit → text.
//!
//! Three formats that differ in the signs between units, in whether there is a fraction, and in
//! which units and scales they can express.
//!
//! Knows: units and their names. Must not know: how text is read.

use std::fmt;

use super::names::{Named, knows};
use super::{Power, Unit, UnitFormat};
use crate::error::{Error, Problem, Result};

type Parts = [(Named, Power)];

/// What the standards call themselves.
pub(super) fn name(format: UnitFormat) -> &'static str {
    match format {
        UnitFormat::Generic => "generic",
        UnitFormat::Fits => "FITS",
        UnitFormat::VoUnit => "VOUnit",
    }
}

pub(super) fn generic(unit: &Unit, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if unit.scale != 1.0 {
        f.write_str(&number(unit.scale, 6))?;
        if !unit.parts.is_empty() {
            f.write_str(" ")?;
        }
    }
    // The highest power comes first.
    let above = unit
        .parts
        .partition_point(|(_, power)| !power.is_negative());
    let (above, below) = unit.parts.split_at(above);
    f.write_str(&list(above, UnitFormat::Generic))?;
    if below.is_empty() {
        return Ok(());
    }
    let text = list_of_inverse(below);
    match (above.is_empty(), unit.scale == 1.0) {
        (true, true) => f.write_str("1 / ")?,
        (true, false) => f.write_str("/ ")?,
        (false, _) => f.write_str(" / ")?,
    }
    match below.len() {
        1 => f.write_str(&text),
        _ => write!(f, "({text})"),
    }
}

pub(super) fn to_text(unit: &Unit, format: UnitFormat) -> Result<String> {
    let refused = |found: String, expected| {
        Error::new(Problem::UnitSpelling {
            unit: unit.to_string(),
            format: name(format),
            found,
            expected,
        })
    };
    if format == UnitFormat::Generic {
        return Ok(unit.to_string());
    }
    let known = known(unit, format)?;
    let text = list(&known.parts, format);
    if known.scale == 1.0 {
        return Ok(text);
    }
    let found = || format!("a scale of {}", number(known.scale, 6));
    match format {
        UnitFormat::VoUnit if known.is_dimensionless() => {
            Err(refused(found(), "no scale without a dimension"))
        }
        UnitFormat::VoUnit => Ok(format!("{}{text}", number(known.scale, 8))),
        _ => {
            let exponent = known.scale.log10();
            if exponent.fract() != 0.0 {
                return Err(refused(found(), "a power of 10"));
            }
            let space = if text.is_empty() { "" } else { " " };
            Ok(format!("10**{exponent}{space}{text}"))
        }
    }
}

/// The same unit in units that the standard of the format has.
fn known(unit: &Unit, format: UnitFormat) -> Result<Unit> {
    let mut scale = unit.scale;
    let mut parts = Vec::with_capacity(unit.parts.len());
    let mut left: Vec<(Named, Power)> = unit.parts.iter().rev().copied().collect();
    while let Some((named, power)) = left.pop() {
        let discouraged = format == UnitFormat::VoUnit && named.is_of_ten();
        if !discouraged && knows(format, &named.name_in(format)) {
            parts.push((named, power));
            continue;
        }
        let Some((factor, meaning)) = named.meaning() else {
            return Err(Error::new(Problem::UnitSpelling {
                unit: unit.to_string(),
                format: name(format),
                found: format!("`{}`", named.name()),
                expected: "units of that standard",
            }));
        };
        scale *= power.of(factor);
        for (inner, inner_power) in meaning.into_iter().rev() {
            left.push((inner, inner_power.times(power)?));
        }
    }
    Unit::product(scale, parts)
}

/// Units with their powers, one after the other.
fn list(parts: &Parts, format: UnitFormat) -> String {
    let powers = parts.iter().map(|&(named, power)| {
        let name = named.name_in(format);
        let stars = if format == UnitFormat::VoUnit {
            "**"
        } else {
            ""
        };
        match (power.denominator(), power) {
            (1, power) if power == Power::from(1) => name.into_owned(),
            (1, power) => format!("{name}{stars}{power}"),
            (_, power) => format!("{name}{stars}({power})"),
        }
    });
    let space = if format == UnitFormat::VoUnit {
        "."
    } else {
        " "
    };
    powers.collect::<Vec<_>>().join(space)
}

/// What stands under the line.
fn list_of_inverse(parts: &Parts) -> String {
    let positive = |&(named, power): &(Named, Power)| {
        // Units have no power without a counterpart: `Power` refuses the only one there is.
        let power = power.times(Power::from(-1)).unwrap_or(power);
        (named, power)
    };
    let parts: Vec<_> = parts.iter().map(positive).collect();
    list(&parts, UnitFormat::Generic)
}

/// A number with this many digits, or as many more as it takes to read the same number or its neighbour
/// again; zeros at the end are left out.
fn number(value: f64, digits: usize) -> String {
    let mut text = String::new();
    for digits in digits..=17 {
        text = with_digits(value, digits);
        if text
            .parse()
            .is_ok_and(|read: f64| read.to_bits().abs_diff(value.to_bits()) <= 1)
        {
            break;
        }
    }
    text
}

/// As `%g` of C: an exponent where it is below -4 or the number would need zeros before its point.
fn with_digits(value: f64, digits: usize) -> String {
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    match usize::try_from(exponent.saturating_add(4)) {
        Ok(above) if above < digits + 4 => {
            let decimals = (digits + 3).saturating_sub(above);
            trim(&format!("{value:.decimals$}"))
        }
        _ => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{}e{sign}{:02}", trim(mantissa), exponent.unsigned_abs())
        }
    }
}
