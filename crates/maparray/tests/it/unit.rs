//! Units are read, written and converted as astropy does.
//!
//! `fixtures/units.tsv` is astropy's own word; `fixtures/units.py` writes it.

use std::collections::{BTreeMap, BTreeSet};

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

/// The units of astropy that we refuse: no factor converts them.
const REFUSED: [&str; 4] = ["deg_C", "Celsius", "deg_F", "Fahrenheit"];

/// What astropy writes, or nothing where it cannot.
fn spelling<'a>(cell: &'a str, first: &'a str) -> Option<&'a str> {
    match cell {
        "-" => None,
        "=" => Some(first),
        text => Some(text),
    }
}

/// Whether we write what astropy writes, but for digits of a scale that it leaves out.
fn agree(unit: &Unit, found: Option<&str>, wanted: Option<&str>, format: UnitFormat) -> bool {
    let (Some(found), Some(wanted)) = (found, wanted) else {
        return found == wanted;
    };
    // What stands behind the scale.
    let units = |text: &str| {
        let number = |c: char| c.is_ascii_digit() || ".e+-".contains(c);
        text.trim_start_matches(number).to_owned()
    };
    let read = |text| Unit::parse_as(text, format).ok();
    let lost = || read(wanted).as_ref() != Some(unit) && read(found).as_ref() == Some(unit);
    found == wanted || units(found) == units(wanted) && lost()
}

/// Everything in which a unit differs from these cells: scale, powers and the three spellings.
fn differences(unit: &Unit, first: &str, cells: &[String]) -> Vec<String> {
    let mut found: Vec<String> = difference(unit, &cells[0], &cells[1]).into_iter().collect();
    for ((_, format), cell) in FORMATS.iter().zip(&cells[2..]) {
        let (ours, theirs) = (unit.to_text(*format).ok(), spelling(cell, first));
        if !agree(unit, ours.as_deref(), theirs, *format) {
            found.push(format!("{format:?}: {ours:?}, astropy writes {theirs:?}"));
        }
    }
    found
}

#[test]
fn every_unit_of_astropy_is_known_by_all_its_names() {
    let mut count = 0;
    for row in rows("unit") {
        for name in row[1].split(' ') {
            let unit: Unit = match name.parse() {
                Err(_) if REFUSED.contains(&name) => continue,
                unit => unit.unwrap(),
            };
            let first = row[1].split(' ').next().unwrap();
            let found = differences(&unit, first, &row[2..]);
            assert!(found.is_empty(), "{name}: {found:#?}");
            count += 1;
        }
    }
    assert!(count > 4700, "{count}");
}

#[test]
fn fits_and_vounit_know_the_names_of_their_standards_and_no_others() {
    let units = rows("unit");
    let all = units.iter().flat_map(|row| row[1].split(' '));
    let all: BTreeSet<&str> = all.collect();
    for row in rows("names") {
        let known: BTreeSet<&str> = row[2].split(' ').collect();
        for name in all.union(&known) {
            let wanted = known.contains(name) && !REFUSED.contains(name);
            let found = Unit::parse_as(name, format(&row[1])).is_ok();
            assert_eq!(found, wanted, "{} and {name}", row[1]);
        }
    }
}

/// Texts that astropy reads and we do not, and in how many formats.
const MISSING: &[(&str, usize)] = &[
    ("'furlong'", 1),
    ("1e400 m", 2),
    ("Celsius", 2),
    ("Fahrenheit", 1),
    ("deg C", 1),
    ("deg_C", 1),
    ("deg_F", 1),
    ("m'as'", 1),
    ("m99999999999", 3),
    ("°C", 1),
    ("°F", 1),
];

/// Texts of which astropy makes something else than a unit: logarithms, records, nothing.
const ELSE: &[(&str, usize)] = &[
    ("UNKNOWN", 1),
    ("dB(W)", 1),
    ("dex(cm s-2)", 1),
    ("m,s", 3),
    ("mag(AB)", 1),
    ("mag(ct/s)", 1),
    ("unknown", 1),
];

/// Texts that we read and astropy does not.
const BEYOND: &[(&str, usize)] = &[
    ("(m/s)", 3),
    ("10(3) m", 3),
    ("10**-17 dex(1/2) micron(1/2) mJy(0.5)", 1),
    ("2.5*dex(2/3) Myr kpc2", 1),
    ("2**3 m", 2),
    ("sqrt(m)2", 3),
];

/// Texts whose power astropy writes as a decimal.
const DECIMAL: &[&str] = &["m(0.123)", "m(1/128)"];

#[test]
fn texts_mean_what_they_mean_to_astropy() {
    let mut lists: [BTreeMap<String, usize>; 3] = Default::default();
    let mut count = 0;
    for row in rows("text") {
        let (name, text) = (row[1].as_str(), row[2].as_str());
        let found = Unit::parse_as(text, format(name));
        let list = match (row[3].as_str(), found) {
            ("-", Err(error)) => {
                assert_eq!(error.kind(), ErrorKind::Unit, "{text}");
                continue;
            }
            (cell, Ok(unit)) if cell != "-" && cell != "?" => {
                let found = match DECIMAL.contains(&text) {
                    true => difference(&unit, &row[3], &row[4]).into_iter().collect(),
                    false => differences(&unit, "", &row[3..]),
                };
                assert!(found.is_empty(), "{name}, {text}: {found:#?}");
                count += 1;
                continue;
            }
            // astropy counts the stroke of a negative fraction as a division, of which VOUnit has
            // one; without the sign it does not.
            ("-", Ok(_)) if name == "vounit" && text.contains("(-3/2)") => continue,
            ("-", Ok(_)) => 2,
            ("?", Err(_)) => 1,
            (_, Err(_)) => 0,
            (_, Ok(unit)) => panic!("{name}, {text}: {unit}, and to astropy no unit"),
        };
        *lists[list].entry(text.to_owned()).or_default() += 1;
    }
    let wanted = [MISSING, ELSE, BEYOND].map(|list| {
        let entries = list.iter().map(|&(text, count)| (text.to_owned(), count));
        entries.collect::<BTreeMap<_, _>>()
    });
    assert_eq!(lists, wanted);
    assert!(count > 1300, "{count}");
}

#[test]
fn what_astropy_does_not_enable_is_no_unit_or_another() {
    let mut absent = Vec::new();
    let mut other = Vec::new();
    for row in rows("elsewhere") {
        match row[2].parse::<Unit>() {
            Err(_) => absent.push(row[2].clone()),
            Ok(unit) => {
                let powers = row.get(4).map_or("", String::as_str);
                // Bases of their own are not ours, and so no unit of ours is the same.
                if difference(&unit, &row[3], powers).is_some() {
                    other.push(row[2].clone());
                }
            }
        }
    }
    let wanted = "- --- Angstroem Crab JD MJD Mgeo Rgeo \\h alpha arcm arcs atm c e eps0 geoMass \
                  jovMass me mmHg mp muB pi ppm sec µ0 emu";
    assert_eq!(absent.join(" "), wanted);
    assert_eq!(other.join(" "), "G R a0 al cal k mu0");
    for row in rows("attribute") {
        for name in row[1..].iter() {
            assert!(name.parse::<Unit>().is_err(), "{name}");
        }
    }
}

#[test]
fn messages_tell_the_text_the_column_and_the_remedy() {
    for (text, column, words) in [
        (
            "erg / Angstroms",
            7,
            "unit `erg / Angstroms`, column 7: unknown unit `Angstroms`, expected `Angstrom`",
        ),
        ("jy", 1, "unknown unit `jy`, expected `Jy`"),
        ("counts / s", 1, "unknown unit `counts`, expected `count`"),
        ("µµ m", 1, "unknown unit `µµ`"),
        (
            "Å s-",
            4,
            "column 4: found `-`, expected a sign right before a digit",
        ),
        ("mag(AB)", 1, "found logarithmic unit `mag(…)`"),
        ("m ABmag", 3, "found logarithmic unit `ABmag`"),
        ("W / deg_C", 5, "found temperature with an offset `deg_C`"),
        ("(m s", 5, "found the end, expected `)`"),
        ("m s)", 4, "found `)`, expected a unit"),
        ("1/s/m", 4, "expected the end, or parentheses"),
        ("2 3 m", 3, "found a second number, expected a power of 10"),
        ("m(s)", 3, "found `s`, expected a power"),
        ("m,s", 2, "found `,`"),
    ] {
        let error = text.parse::<Unit>().unwrap_err();
        let message = error.to_string();
        assert!(message.contains(words), "{message}");
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Unit, Some(column)),
            "{message}"
        );
    }
    let refused = |text: &str, format| Unit::parse_as(text, format).unwrap_err().to_string();
    assert!(refused("3 m", UnitFormat::Fits).contains("found the number 3"));
    assert!(refused("m/s/kg", UnitFormat::VoUnit).contains("found a second `/`"));
    assert!(refused("µm", UnitFormat::Fits).contains("expected letters of ASCII"));
    let message = unit("m").factor_to(&unit("s")).unwrap_err().to_string();
    assert_eq!(message, "units do not measure the same: found `m` and `s`");
    let message = unit("2 m")
        .to_text(UnitFormat::Fits)
        .unwrap_err()
        .to_string();
    assert!(
        message.ends_with("for FITS: found a scale of 2, expected a power of 10"),
        "{message}"
    );
}

#[test]
fn hostile_texts_are_errors() {
    let long = "m ".repeat(513);
    let deep = format!("{}m{}", "(".repeat(400), ")".repeat(400));
    let roots = format!("{}m{}", "sqrt(".repeat(60), ")".repeat(60));
    let tall = format!("{}m", "m2147483647 ".repeat(60));
    let digits = format!("m{}", "9".repeat(1000));
    let wide = "9".repeat(1000);
    let texts = [
        long.as_str(),
        &deep,
        &roots,
        &tall,
        &digits,
        &wide,
        "m(1/0)",
        "m(0/0)",
        "m-2147483648",
        "m2147483648",
        "m(1e300)",
        "m(-9223372036854775808/-9223372036854775808)",
        "J2147483647",
        "km400",
        "solMass-11",
        "0 m",
        "1e-400",
        "nan",
        "inf m",
        "10**-2147483647",
        "10**99999999999999999999",
        "mag(1/2)",
        "\0",
        "m\n",
        "\u{301}m\u{200b}",
        "\u{663}m",
        "²",
        "⁻",
    ];
    for text in texts {
        let error = text.parse::<Unit>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unit, "{error}");
        assert!(error.to_string().len() < 600, "{error}");
    }
    let big = unit("m2000000000");
    assert_eq!(big.multiply(&big).unwrap_err().kind(), ErrorKind::Unit);
    assert_eq!(
        big.pow(Power::from(i32::MIN)).unwrap_err().kind(),
        ErrorKind::Unit
    );
    assert_eq!(
        unit("m").pow(Power::from(i32::MIN)).unwrap_err().kind(),
        ErrorKind::Unit
    );
    assert_eq!(
        unit("m").scaled(f64::NAN).unwrap_err().kind(),
        ErrorKind::Unit
    );
    assert_eq!(unit("-1 m").sqrt().unwrap_err().kind(), ErrorKind::Unit);
}

const NAMES: [&str; 24] = [
    "m", "cm", "km", "Angstrom", "um", "s", "h", "yr", "kg", "g", "solMass", "erg", "J", "eV",
    "Jy", "adu", "electron", "count", "pixel", "deg", "arcsec", "K", "kbyte", "pc",
];

prop_compose! {
    fn powers()(above in -2..3_i32, below in 1..5_i32) -> Power {
        Power::new(above, below).unwrap()
    }
}

prop_compose! {
    fn units()(
        scale in prop_oneof![Just(1.0), 1e-6..1e6_f64, (-12..12_i32).prop_map(|n| 10_f64.powi(n))],
        parts in prop::collection::vec((prop::sample::select(&NAMES[..]), powers()), 0..4),
    ) -> Unit {
        parts.into_iter().fold(Unit::dimensionless().scaled(scale).unwrap(), |unit, part| {
            unit.multiply(&part.0.parse::<Unit>().unwrap().pow(part.1).unwrap()).unwrap()
        })
    }
}

/// Whether two units are the same but for a few roundings.
fn near(left: &Unit, right: &Unit) -> bool {
    left.factor_to(right)
        .is_ok_and(|factor| (factor - 1.0).abs() < 1e-12)
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(unit in units()) {
        for (name, format) in FORMATS {
            let Ok(text) = unit.to_text(format) else {
                prop_assert!(format != UnitFormat::Generic);
                continue;
            };
            let read = Unit::parse_as(&text, format).unwrap();
            prop_assert!(read == unit, "{name}: {text} is read as {read}");
            let again = read.to_text(format).unwrap();
            prop_assert!(Unit::parse_as(&again, format).unwrap() == unit, "{name}: {again}");
        }
    }

    #[test]
    fn multiplying_and_dividing_cancel(a in units(), b in units()) {
        let product = a.multiply(&b).unwrap();
        prop_assert!(near(&product, &b.multiply(&a).unwrap()));
        prop_assert!(near(&product.divide(&b).unwrap(), &a));
        prop_assert!(a.divide(&a).unwrap().is_dimensionless());
        prop_assert!(near(&a.pow(2.into()).unwrap().sqrt().unwrap(), &a));
        prop_assert!(a.pow(0.into()).unwrap().is_unity());
    }

    #[test]
    fn factors_compose(a in units(), first in 1e-6..1e6_f64, second in 1e-6..1e6_f64) {
        let (b, c) = (a.scaled(first).unwrap(), a.in_base_units().scaled(second).unwrap());
        let direct = a.factor_to(&c).unwrap();
        let both = a.factor_to(&b).unwrap() * b.factor_to(&c).unwrap();
        prop_assert!((both / direct - 1.0).abs() < 1e-14);
        prop_assert!((a.factor_to(&b).unwrap() * first - 1.0).abs() < 1e-14);
        prop_assert!(a.same_dimensions(&c) && a == a.in_base_units());
    }

    #[test]
    fn no_text_makes_it_panic(text in "[mskgPaerg0-9 ./*^()+eE°²⁻√'−-]{0,40}") {
        for (_, format) in FORMATS {
            if let Ok(unit) = Unit::parse_as(&text, format) {
                let _ = unit.to_text(format);
                prop_assert!(unit.to_string().parse::<Unit>().unwrap() == unit, "{text}");
            }
        }
    }
}
