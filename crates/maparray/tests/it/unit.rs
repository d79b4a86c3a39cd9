//! Units are read, written and converted as astropy does.
//!
//! `fixtures/units.tsv` is astropy's own word; `fixtures/units.py` writes it.

use std::collections::BTreeSet;

use maparray::{ErrorKind, Power, Unit, UnitFormat};
use proptest::prelude::*;

const FORMATS: [(&str, UnitFormat); 3] = [
    ("generic", UnitFormat::Generic),
    ("fits", UnitFormat::Fits),
    ("vounit", UnitFormat::VoUnit),
];

fn rows(kind: &str) -> Vec<Vec<String>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/units.tsv");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().map(|line| line.split('\t').map(str::to_owned));
    let rows = rows.map(Iterator::collect::<Vec<_>>);
    rows.filter(|row| row[0] == kind).collect()
}

fn format(name: &str) -> UnitFormat {
    FORMATS.iter().find(|(known, _)| *known == name).unwrap().1
}

fn unit(text: &str) -> Unit {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// What differs between a unit and what astropy says of it, if anything.
fn difference(unit: &Unit, scale: &str, powers: &str) -> Option<String> {
    let wanted = unit_of(scale, powers);
    let found = unit.in_base_units();
    match unit.factor_to(&wanted) {
        Err(error) => Some(error.to_string()),
        Ok(factor) if (factor - 1.0).abs() > 1e-14 => Some(format!("{found:?} and {wanted:?}")),
        Ok(_) => None,
    }
}

/// A number of base units, as the fixture writes them: `kg^1 m^1/2`.
fn unit_of(scale: &str, powers: &str) -> Unit {
    let mut unit = Unit::dimensionless();
    for part in powers.split_whitespace() {
        let (name, power) = part.split_once('^').unwrap();
        let (above, below) = power.split_once('/').unwrap_or((power, "1"));
        let power = Power::new(above.parse().unwrap(), below.parse().unwrap()).unwrap();
        let part = name.parse::<Unit>().unwrap().pow(power).unwrap();
        unit = unit.multiply(&part).unwrap();
    }
    unit.scaled(scale.parse().unwrap()).unwrap()
}

#[test]
fn look() {
    for row in rows("unit") {
        let names: Vec<&str> = row[1].split(' ').collect();
        for name in &names {
            let unit = match name.parse::<Unit>() {
                Ok(unit) => unit,
                Err(error) => { println!("UNIT {name}: {error}"); continue }
            };
            if let Some(d) = difference(&unit, &row[2], &row[3]) { println!("UNIT {name}: {d}") }
            for (i, (_, format)) in FORMATS.iter().enumerate() {
                let wanted = if row[4+i] == "=" { names[0] } else { &row[4+i] };
                let found = unit.to_text(*format).unwrap_or("-".into());
                if found != wanted { println!("UNIT {name} {format:?}: {found} not {wanted}") }
            }
        }
    }
    let all: BTreeSet<String> = rows("unit").iter().flat_map(|r| r[1].split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    for row in rows("names") {
        let known: BTreeSet<String> = row[2].split(' ').map(str::to_owned).collect();
        for name in all.union(&known) {
            let found = Unit::parse_as(name, format(&row[1]));
            if found.is_ok() != known.contains(name) { println!("NAME {} {name} {found:?}", row[1]) }
        }
    }
    for row in rows("text") {
        let found = Unit::parse_as(&row[2], format(&row[1]));
        match (&found, row[3].as_str()) {
            (Err(_), "-") => {}
            (Ok(u), "-") => println!("TEXT {} beyond: `{}` = {u}", row[1], row[2]),
            (Err(e), _) => println!("TEXT {} missing: `{}` {e}", row[1], row[2]),
            (Ok(u), _) => {
                if let Some(d) = difference(u, &row[3], &row[4]) { println!("TEXT {} {}: {d}", row[1], row[2]) }
                for (i, (_, format)) in FORMATS.iter().enumerate() {
                    let found = u.to_text(*format);
                    let text = found.as_ref().map_or("-".into(), |t| t.clone());
                    if text != row[5+i] { println!("TEXT {} `{}` {format:?}: {found:?} not {}", row[1], row[2], row[5+i]) }
                }
            }
        }
    }
}
