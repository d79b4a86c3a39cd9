//! Which unit has this name, and which name has this unit?
//!
//! The rows of the table, looked up by name and prefix; each row reduced to base units, once.
//!
//! Knows: the table, formats. Must not know: grammar.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use super::table::{
    ENDINGS, Kind, LOGARITHMS, NOT_VOUNIT, OFFSETS, PREFIXES, Prefix, Prefixes, ROWS, Row, SIGNS,
};
use super::{Base, Power, UnitFormat};

/// A unit of the table with a prefix: numbers of the row and of the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    row: usize,
    prefix: Option<usize>,
}

/// What a name stands for.
pub(super) enum Found {
    Unit(Named),
    /// A temperature whose zero lies elsewhere.
    Offset,
    /// A unit of logarithms.
    Logarithm,
}

struct Names {
    exact: HashMap<&'static str, usize>,
    meanings: Vec<Meaning>,
}

/// What a row is: a number of other units, and so a number of base units.
struct Meaning {
    parts: Vec<(Named, Power)>,
    base: Base,
}

/// The table with its names and meanings, made once.
fn names() -> &'static Names {
    static NAMES: OnceLock<Names> = OnceLock::new();
    NAMES.get_or_init(|| {
        let mut exact = HashMap::new();
        for (row, unit) in ROWS.iter().enumerate() {
            exact.extend(all_names(unit).map(|name| (name, row)));
        }
        let mut names = Names {
            exact,
            meanings: Vec::with_capacity(ROWS.len()),
        };
        for (row, unit) in ROWS.iter().enumerate() {
            let parts: Option<Vec<_>> = match unit.means {
                "" | "1" => Some(Vec::new()),
                means => means.split(' ').map(|part| names.part(part)).collect(),
            };
            let parts = parts.expect("the table names its own units");
            let base = match unit.means {
                "" => Some(Base::one(row)),
                _ => Base::product(unit.scale, &parts, |named| names.base_of(named)).ok(),
            };
            let base = base.expect("the values of the table are within bounds");
            names.meanings.push(Meaning { parts, base });
        }
        names
    })
}

impl Names {
    /// A unit of the table with its power: `s^-1`.
    fn part(&self, text: &str) -> Option<(Named, Power)> {
        let (name, power) = text.split_once('^').unwrap_or((text, "1"));
        let (above, below) = power.split_once('/').unwrap_or((power, "1"));
        let power = Power::new(above.parse().ok()?, below.parse().ok()?).ok()?;
        Some((self.named(name)?, power))
    }

    /// The unit of this name in the generic spelling.
    fn named(&self, name: &str) -> Option<Named> {
        if let Some(&row) = self.exact.get(name) {
            return Some(Named { row, prefix: None });
        }
        for (number, prefix) in PREFIXES.iter().enumerate() {
            for (symbol, kind) in symbols(prefix) {
                let rest = name.strip_prefix(symbol);
                let Some((rest, &row)) = rest.and_then(|rest| Some((rest, self.exact.get(rest)?)))
                else {
                    continue;
                };
                if ROWS[row].takes(prefix, symbol, kind, rest) {
                    let prefix = Some(number);
                    return Some(Named { row, prefix });
                }
            }
        }
        None
    }

    fn base_of(&self, named: Named) -> Base {
        let mut base = self.meanings[named.row].base.clone();
        base.scale *= named.factor();
        base
    }
}

/// Whether a prefix is a symbol or a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    Short,
    Long,
}

/// Every form of a prefix, the one that is written first.
fn symbols(prefix: &Prefix) -> impl Iterator<Item = (&'static str, Length)> {
    let short = prefix.symbols.iter().map(|&symbol| (symbol, Length::Short));
    short.chain(prefix.names.iter().map(|&name| (name, Length::Long)))
}

fn all_names(row: &'static Row) -> impl Iterator<Item = &'static str> {
    row.short.split(' ').chain(row.long.split_terminator(' '))
}

impl Row {
    /// Whether this form of a prefix may stand before this name.
    fn takes(&self, prefix: &Prefix, symbol: &str, length: Length, name: &str) -> bool {
        let milli = prefix.factor == 1e-3;
        let kind = match self.prefixes {
            Prefixes::No => false,
            Prefixes::Si => prefix.kind != Kind::Binary,
            Prefixes::SiAndBinary => true,
            Prefixes::Milli | Prefixes::AnyMilli => milli,
            Prefixes::Nano => prefix.factor == 1e-9,
        };
        let has = |list: &str, wanted: &str| list.split(' ').any(|entry| entry == wanted);
        let fits = match length {
            _ if self.prefixes == Prefixes::AnyMilli => true,
            Length::Short => has(self.short, name),
            Length::Long => has(self.long, name),
        };
        kind && fits && !has(self.except, symbol)
    }
}

impl Named {
    pub(super) fn base_unit(row: usize) -> Named {
        Named { row, prefix: None }
    }

    fn unit(self) -> &'static Row {
        &ROWS[self.row]
    }

    /// What the prefix multiplies by.
    pub(super) fn factor(self) -> f64 {
        self.prefix.map_or(1.0, |prefix| PREFIXES[prefix].factor)
    }

    pub(super) fn base(self) -> Base {
        names().base_of(self)
    }

    /// The number and the units that this unit stands for; none for a base unit.
    pub(super) fn meaning(self) -> Option<(f64, Vec<(Named, Power)>)> {
        if self.prefix.is_some() {
            let unit = Named::base_unit(self.row);
            return Some((self.factor(), vec![(unit, Power::from(1))]));
        }
        let unit = self.unit();
        (!unit.means.is_empty()).then(|| (unit.scale, names().meanings[self.row].parts.clone()))
    }

    /// The name that orders units, and under which the generic format writes almost all.
    pub(super) fn name(self) -> Cow<'static, str> {
        let unit = self.unit();
        let first = unit.short.split(' ').next().unwrap_or_default();
        let Some(prefix) = self.prefix else {
            return first.into();
        };
        let prefix = &PREFIXES[prefix];
        let allowed = |symbol: &&&str| !unit.except.split(' ').any(|entry| entry == **symbol);
        match prefix.symbols.iter().find(allowed) {
            Some(symbol) => format!("{symbol}{first}").into(),
            // A prefix that could be misunderstood is written in full.
            None => format!(
                "{}{}",
                prefix.names[0],
                unit.long.split(' ').next().unwrap_or(first)
            )
            .into(),
        }
    }

    /// The name in this format, whether or not its standard knows it.
    pub(super) fn name_in(self, format: UnitFormat) -> Cow<'static, str> {
        let unit = self.unit();
        let list = match format {
            UnitFormat::Generic if unit.short == "percent" => return "%".into(),
            UnitFormat::Generic => "",
            UnitFormat::Fits => unit.fits,
            UnitFormat::VoUnit => unit.vounit,
        };
        let Some(first) = list.split_terminator(' ').next() else {
            return self.name();
        };
        let first = first.trim_end_matches('*');
        match self.prefix {
            None => first.into(),
            Some(prefix) => {
                let symbol = PREFIXES[prefix].symbols[0];
                if unit.except.split(' ').any(|entry| entry == symbol) {
                    return self.name();
                }
                format!("{symbol}{first}").into()
            }
        }
    }

    /// Whether the prefix is one of deka and deci, which VOUnit advises against.
    pub(super) fn is_of_ten(self) -> bool {
        matches!(self.factor(), 10.0 | 0.1)
    }
}

/// The unit of this name, if there is one in this format.
pub(super) fn find(name: &str, format: UnitFormat) -> Option<Found> {
    if OFFSETS.contains(&name) {
        return Some(Found::Offset);
    }
    if LOGARITHMS.contains(&name) {
        return Some(Found::Logarithm);
    }
    let found = match format {
        UnitFormat::Generic => names()
            .named(name)
            .or_else(|| names().named(&spelled_out(name)?)),
        // The standard has a tenth of a byte, the generic spelling not, for the sake of decibels.
        UnitFormat::Fits if name == "dbyte" => names().named("decibyte"),
        _ if !knows(format, name) => None,
        _ => names().named(name),
    };
    found.map(Found::Unit)
}

/// A name with signs, in letters.
fn spelled_out(name: &str) -> Option<String> {
    if let Some((_, letters)) = SIGNS.iter().find(|(sign, _)| *sign == name) {
        return Some((*letters).to_owned());
    }
    ENDINGS.iter().find_map(|(sign, letters)| {
        let start = name.strip_suffix(sign)?;
        Some(format!("{start}{letters}"))
    })
}

/// Whether the standard of this format has such a name.
pub(super) fn knows(format: UnitFormat, name: &str) -> bool {
    static LISTS: OnceLock<[HashMap<&'static str, usize>; 2]> = OnceLock::new();
    let lists = LISTS.get_or_init(|| {
        [|row: &Row| row.fits, |row: &Row| row.vounit].map(|list| {
            let entries = ROWS.iter().flat_map(|row| list(row).split_terminator(' '));
            let stars = |entry: &str| entry.len() - entry.trim_end_matches('*').len();
            entries
                .map(|entry| (entry.trim_end_matches('*'), stars(entry)))
                .collect()
        })
    });
    let list = match format {
        UnitFormat::Generic => return matches!(find(name, format), Some(Found::Unit(_))),
        UnitFormat::Fits => &lists[0],
        UnitFormat::VoUnit if NOT_VOUNIT.contains(&name) => return false,
        UnitFormat::VoUnit => &lists[1],
    };
    let prefixed = |prefix: &Prefix| {
        let stars = match prefix.kind {
            Kind::Si => 1,
            Kind::Binary => 2,
            Kind::Young => return false,
        };
        let rest = name.strip_prefix(prefix.symbols[0]);
        rest.and_then(|rest| list.get(rest))
            .is_some_and(|&found| found >= stars)
    };
    list.contains_key(name) || PREFIXES.iter().any(prefixed)
}

/// Names of this format that one slip of the finger turns into this one, the plainest first.
pub(super) fn near(name: &str, format: UnitFormat) -> Vec<String> {
    const LONGEST: usize = 24;
    const MOST: usize = 4;
    if name.len() > LONGEST {
        return Vec::new();
    }
    let wanted: Vec<char> = name.chars().collect();
    let mut found: Vec<(u8, usize, String)> = Vec::new();
    let mut offer = |prefixed: u8, candidate: String| {
        let other: Vec<char> = candidate.chars().collect();
        let rank = match (candidate.eq_ignore_ascii_case(name), wanted.len()) {
            (true, _) => prefixed,
            // One letter out of two leaves nothing to recognise.
            (false, 3..) if one_slip(&wanted, &other) => 2 + prefixed,
            _ => return,
        };
        if format == UnitFormat::Generic || knows(format, &candidate) {
            found.push((rank, other.len(), candidate));
        }
    };
    for row in ROWS {
        for unit in all_names(row) {
            offer(0, unit.to_owned());
            for prefix in PREFIXES {
                for (symbol, length) in symbols(prefix) {
                    let len = symbol.chars().count() + unit.chars().count();
                    if len.abs_diff(wanted.len()) <= 1 && row.takes(prefix, symbol, length, unit) {
                        offer(1, format!("{symbol}{unit}"));
                    }
                }
            }
        }
    }
    found.sort();
    found.dedup();
    found.truncate(MOST);
    found.into_iter().map(|(_, _, name)| name).collect()
}

/// Whether two words differ by one letter more, less or other, or by two that changed places.
fn one_slip(left: &[char], right: &[char]) -> bool {
    let same = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let (left, right) = (&left[same..], &right[same..]);
    match (left, right) {
        ([], [_]) | ([_], []) => true,
        ([a, b, left @ ..], [c, d, right @ ..]) if a == d && b == c && left == right => true,
        ([_, left @ ..], [_, right @ ..]) if left == right => true,
        ([_, rest @ ..], other) if rest == other => true,
        (other, [_, rest @ ..]) => rest == other,
        _ => false,
    }
}
