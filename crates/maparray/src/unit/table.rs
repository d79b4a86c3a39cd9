//! Which units are there?
//!
//! One row for each unit, one for each prefix. Names, values and spellings are those of astropy 8.0;
//! `fixtures/units.py` says what it makes of them.
//!
//! Knows: names and numbers. Must not know: grammar, arithmetic.

use std::f64::consts::PI;

/// Which prefixes a unit takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefixes {
    No,
    /// Short ones before short names, long ones before long names.
    Si,
    SiAndBinary,
    /// Milli alone.
    Milli,
    /// Milli alone, and its short and long form before each name.
    AnyMilli,
    Nano,
}

/// A named unit.
pub(super) struct Row {
    /// Names that take short prefixes; the first of them is written.
    pub(super) short: &'static str,
    /// Names that take long prefixes.
    pub(super) long: &'static str,
    pub(super) scale: f64,
    /// What it is the scale times of: rows above, with powers. Nothing, if it is a base unit.
    pub(super) means: &'static str,
    pub(super) prefixes: Prefixes,
    /// Prefixes that it does not take.
    pub(super) except: &'static str,
    /// Its names in FITS, the one that is written first; `*` after those that take prefixes.
    pub(super) fits: &'static str,
    /// Its names in VOUnit; `**` after those that take binary prefixes too.
    pub(super) vounit: &'static str,
}

/// A prefix; its first symbol is written.
pub(super) struct Prefix {
    pub(super) symbols: &'static [&'static str],
    pub(super) names: &'static [&'static str],
    pub(super) factor: f64,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// In the standards of FITS and VOUnit.
    Si,
    /// Younger than these standards.
    Young,
    Binary,
}

macro_rules! prefixes {
    ($($kind:ident $symbols:expr, $names:expr, $factor:expr;)*) => {
        pub(super) const PREFIXES: &[Prefix] = &[$(Prefix {
            symbols: &$symbols, names: &$names, factor: $factor, kind: Kind::$kind,
        }),*];
    };
}

prefixes! {
    Young ["Q"], ["quetta"], 1e30;
    Young ["R"], ["ronna"], 1e27;
    Si ["Y"], ["yotta"], 1e24;
    Si ["Z"], ["zetta"], 1e21;
    Si ["E"], ["exa"], 1e18;
    Si ["P"], ["peta"], 1e15;
    Si ["T"], ["tera"], 1e12;
    Si ["G"], ["giga"], 1e9;
    Si ["M"], ["mega"], 1e6;
    Si ["k"], ["kilo"], 1e3;
    Si ["h"], ["hecto"], 1e2;
    Si ["da"], ["deka", "deca"], 1e1;
    Si ["d"], ["deci"], 1e-1;
    Si ["c"], ["centi"], 1e-2;
    Si ["m"], ["milli"], 1e-3;
    Si ["u", "\u{b5}", "\u{3bc}"], ["micro"], 1e-6;
    Si ["n"], ["nano"], 1e-9;
    Si ["p"], ["pico"], 1e-12;
    Si ["f"], ["femto"], 1e-15;
    Si ["a"], ["atto"], 1e-18;
    Si ["z"], ["zepto"], 1e-21;
    Si ["y"], ["yocto"], 1e-24;
    Young ["r"], ["ronto"], 1e-27;
    Young ["q"], ["quecto"], 1e-30;
    Binary ["Ki"], ["kibi"], (1_u128 << 10) as f64;
    Binary ["Mi"], ["mebi"], (1_u128 << 20) as f64;
    Binary ["Gi"], ["gibi"], (1_u128 << 30) as f64;
    Binary ["Ti"], ["tebi"], (1_u128 << 40) as f64;
    Binary ["Pi"], ["pebi"], (1_u128 << 50) as f64;
    Binary ["Ei"], ["exbi"], (1_u128 << 60) as f64;
    Binary ["Zi"], ["zebi"], (1_u128 << 70) as f64;
    Binary ["Yi"], ["yobi"], (1_u128 << 80) as f64;
}

macro_rules! units {
    ($($short:literal $long:literal = $scale:expr, $means:literal; $prefixes:ident $except:literal
        $fits:literal $vounit:literal;)*) => {
        pub(super) const ROWS: &[Row] = &[$(Row {
            short: $short, long: $long, scale: $scale, means: $means,
            prefixes: Prefixes::$prefixes, except: $except, fits: $fits, vounit: $vounit,
        }),*];
    };
}

units! {
    // short names, long names = definition; prefixes but not these; FITS, VOUnit
    // numbers
    "percent" "pct" = 0.01, "1"; No "" "" "";

    // length, area, volume
    "m" "meter" = 1.0, ""; Si "c" "m*" "m*";
    "cm" "centimeter" = 0.01, "m"; No "" "" "";
    "micron" "" = 1.0, "um"; No "" "" "";
    "Angstrom" "AA angstrom Å" = 0.1, "nm"; AnyMilli "" "Angstrom angstrom" "Angstrom angstrom";
    "ha" "hectare" = 1e4, "m^2"; No "" "" "";
    "l L ℓ" "liter" = 1000.0, "cm^3"; Si "" "" "";
    "barn" "barn" = 1e-28, "m^2"; Si "" "barn*" "barn*";

    // angles
    "rad" "radian" = 1.0, ""; Si "" "rad*" "rad*";
    "deg" "degree" = PI / 180.0, "rad"; Si "" "deg" "deg*";
    "hourangle" "" = 15.0, "deg"; No "" "" "";
    "arcmin" "arcminute" = 1.0 / 60.0, "deg"; Si "" "arcmin" "arcmin*";
    "arcsec" "arcsecond" = 1.0 / 3600.0, "deg"; Si "" "arcsec" "arcsec*";
    "mas" "" = 0.001, "arcsec"; No "" "mas" "mas";
    "uas \u{b5}as \u{3bc}as" "" = 1e-6, "arcsec"; No "" "" "";
    "sr" "steradian" = 1.0, "rad^2"; Si "" "sr*" "sr*";
    "cycle" "cy" = 2.0 * PI, "rad"; No "" "" "";
    "spat" "sp" = 4.0 * PI, "sr"; No "" "" "";

    // time
    "s" "second" = 1.0, ""; Si "" "s*" "s*";
    "min" "minute" = 60.0, "s"; Si "" "min" "min*";
    "h" "hour hr" = 3600.0, "s"; Si "p" "h" "h*";
    "d" "day" = 24.0, "h"; Si "c y" "d" "d*";
    "sday" "" = 86164.09053, "s"; No "" "" "";
    "wk" "week" = 7.0, "d"; No "" "" "";
    "fortnight" "" = 2.0, "wk"; No "" "" "";
    "a" "annum" = 365.25, "d"; Si "P h" "a*" "a*";
    "yr" "year" = 365.25, "d"; Si "" "yr*" "yr*";
    "Hz" "Hertz hertz" = 1.0, "s^-1"; Si "" "Hz*" "Hz*";

    // mass, amount, temperature
    "kg" "kilogram" = 1.0, ""; No "" "" "";
    "g" "gram" = 1e-3, "kg"; Si "k kilo" "g*" "g*";
    "t" "tonne" = 1000.0, "kg"; No "" "" "";
    "mol" "mole" = 1.0, ""; Si "" "mol*" "mol*";
    "kat" "katal" = 1.0, "mol s^-1"; Si "" "" "";
    "K" "Kelvin" = 1.0, ""; Si "" "K*" "K*";
    "deg_R" "Rankine" = 5.0 / 9.0, "K"; No "" "" "";

    // mechanics
    "N" "Newton newton" = 1.0, "kg m s^-2"; Si "" "N*" "N*";
    "J" "Joule joule" = 1.0, "N m"; Si "" "J*" "J*";
    "Pa" "Pascal pascal" = 1.0, "J m^-3"; Si "" "Pa*" "Pa*";
    "W" "Watt watt" = 1.0, "J s^-1"; Si "" "W*" "W*";

    // electricity and magnetism
    "A" "ampere amp" = 1.0, ""; Si "" "A*" "A*";
    "C" "coulomb" = 1.0, "A s"; Si "" "C*" "C*";
    "V" "Volt volt" = 1.0, "J C^-1"; Si "" "V*" "V*";
    "Ohm ohm Ω" "Ohm" = 1.0, "V A^-1"; Si "" "Ohm*" "Ohm*";
    "S" "Siemens siemens" = 1.0, "A V^-1"; Si "" "S*" "S*";
    "F" "Farad farad" = 1.0, "C V^-1"; Si "" "F*" "F*";
    "Wb" "Weber weber" = 1.0, "V s"; Si "" "Wb*" "Wb*";
    "T" "Tesla tesla" = 1.0, "Wb m^-2"; Si "" "T*" "T*";
    "H" "Henry henry" = 1.0, "Wb A^-1"; Si "" "H*" "H*";

    // light and radiation
    "cd" "candela" = 1.0, ""; Si "" "cd*" "cd*";
    "lm" "lumen" = 1.0, "cd sr"; Si "" "lm*" "lm*";
    "lx" "lux" = 1.0, "lm m^-2"; Si "" "lx*" "lx*";
    "Bq" "becquerel" = 1.0, "s^-1"; Si "" "" "";
    "Ci" "curie" = 3.7e10, "Bq"; Si "" "" "";
    "Gy" "gray" = 1.0, "J kg^-1"; Si "" "" "";
    "Sv" "sievert" = 1.0, "J kg^-1"; Si "" "" "";

    // centimetre, gram, second
    "Gal" "gal" = 1.0, "cm s^-2"; Si "" "" "";
    "erg" "" = 1.0, "cm^2 g s^-2"; Si "" "erg" "erg*";
    "dyn" "dyne" = 1.0, "cm g s^-2"; Si "" "" "";
    "Ba" "Barye barye" = 1.0, "g cm^-1 s^-2"; Si "" "" "Ba";
    "P" "poise" = 1.0, "g cm^-1 s^-1"; Si "" "" "";
    "St" "stokes" = 1.0, "cm^2 s^-1"; Si "" "" "";
    "k" "Kayser kayser" = 1.0, "cm^-1"; Si "" "" "";
    "D" "Debye debye" = 1e-29 / 3.0, "C m"; Si "" "D" "D*";
    "Fr" "Franklin statcoulomb statC esu" = 1.0, "cm^3/2 g^1/2 s^-1"; No "" "" "";
    "statA" "statampere" = 1.0, "Fr s^-1"; No "" "" "";
    "Bi" "Biot abA abampere" = 1.0, "cm^1/2 g^1/2 s^-1"; No "" "" "";
    "abC" "abcoulomb" = 1.0, "Bi s"; No "" "" "";
    "G" "Gauss gauss" = 1e-4, "T"; Si "" "G*" "G*";
    "Mx" "Maxwell maxwell" = 1e-8, "Wb"; No "" "" "";
    "Oe" "Oersted oersted" = 1e3 / (4.0 * PI), "A m^-1"; Si "" "" "";

    // astronomy
    "AU au" "astronomical_unit" = 149_597_870_700.0, "m"; Si "" "AU" "AU au";
    "pc" "parsec" = 3.085677581491367e16, "m"; Si "" "pc*" "pc*";
    "solRad" "R_sun Rsun" = 695_700_000.0, "m"; Si "" "solRad" "solRad*";
    "jupiterRad" "R_jup Rjup R_jupiter Rjupiter" = 71_492_000.0, "m"; No "" "" "";
    "earthRad" "R_earth Rearth" = 6_378_100.0, "m"; No "" "" "";
    "lyr" "lightyear" = 9_460_730_472_580_800.0, "m"; Si "" "lyr" "lyr*";
    "lsec" "lightsecond" = 299_792_458.0, "m"; No "" "" "";
    "solMass" "M_sun Msun" = 1.988409870698051e30, "kg"; Si "" "solMass" "solMass*";
    "jupiterMass" "M_jup Mjup M_jupiter Mjupiter" = 1.8981245973360505e27, "kg"; No "" "" "";
    "earthMass" "M_earth Mearth" = 5.972167867791379e24, "kg"; No "" "" "";
    "foe" "Bethe bethe" = 1e51, "cm^2 g s^-2"; No "" "" "";
    "solLum" "L_sun Lsun" = 3.828e26, "W"; Si "" "solLum" "solLum*";
    "Jy" "Jansky jansky" = 1e-26, "W Hz^-1 m^-2"; Si "" "Jy*" "Jy*";
    "Sun" "" = 1.0, ""; No "" "Sun" "Sun";

    // counts
    "ph photon" "photon" = 1.0, ""; Si "" "ph photon" "photon* ph*";
    "R" "Rayleigh rayleigh" = 1e10 / (4.0 * PI), "ph s^-1 sr^-1 m^-2"; Si "" "R*" "R*";
    "ct count" "count" = 1.0, ""; Si "p" "count ct" "count* ct*";
    "adu" "" = 1.0, ""; Si "" "adu" "adu*";
    "DN" "dn" = 1.0, ""; No "" "" "";
    "chan" "" = 1.0, ""; Si "" "chan" "chan*";
    "bin" "" = 1.0, ""; Si "" "bin" "bin*";
    "beam" "" = 1.0, ""; Si "" "beam" "beam*";
    "electron" "" = 1.0, ""; No "" "" "";
    "bit b" "bit" = 1.0, ""; SiAndBinary "" "bit*" "bit**";
    "byte B" "byte" = 8.0, "bit"; SiAndBinary "d" "byte*" "byte** B**";
    "pix pixel" "pixel" = 1.0, ""; Si "" "pix pixel" "pixel* pix*";
    "vox voxel" "voxel" = 1.0, ""; Si "" "voxel" "voxel*";

    // pressure, particles, energy
    "bar" "" = 1e5, "Pa"; Milli "" "" "";
    "Torr" "torr" = 101_325.0 / 760.0, "Pa"; Milli "" "" "";
    "M_p" "" = 1.67262192595e-27, "kg"; No "" "" "";
    "M_e" "" = 9.1093837139e-31, "kg"; No "" "" "";
    "u" "Da Dalton" = 1.66053906892e-27, "kg"; Si "a da" "u" "u*";
    "eV" "electronvolt" = 1.602176634e-19, "J"; Si "" "eV*" "eV*";
    "Ry" "rydberg" = 13.605693122990514, "eV"; Si "" "Ry" "Ry*";

    // brightness
    "Bol" "L_bol" = 3.0128e28, "W"; No "" "" "";
    "bol" "f_bol" = 2.3975100627363112e25, "W pc^-2"; No "" "" "";
    "AB" "ABflux" = 3.630780547701003e-20, "erg Hz^-1 s^-1 cm^-2"; No "" "" "";
    "ST" "STflux" = 3.6307805477010028e-9, "erg Angstrom^-1 s^-1 cm^-2"; No "" "" "";
    "mgy" "maggy" = 1.0, ""; Nano "" "" "";
    "dex" "" = 1.0, ""; No "" "" "";
    "dB" "decibel" = 0.1, "dex"; No "" "" "dB";
    "mag" "" = -0.4, "dex"; Si "" "mag*" "mag*";

    // imperial
    "inch" "" = 2.54, "cm"; No "" "" "";
    "ft" "foot" = 12.0, "inch"; No "" "" "";
    "yd" "yard" = 3.0, "ft"; No "" "" "";
    "mi" "mile" = 5280.0, "ft"; No "" "" "";
    "mil" "thou" = 0.001, "inch"; No "" "" "";
    "nmi" "nauticalmile NM" = 1852.0, "m"; No "" "" "";
    "fur" "furlong" = 660.0, "ft"; No "" "" "";
    "ac" "acre" = 43560.0, "ft^2"; No "" "" "";
    "gallon" "" = 1.0 / 0.264172052, "l"; No "" "" "";
    "quart" "" = 0.25, "gallon"; No "" "" "";
    "pint" "" = 0.5, "quart"; No "" "" "";
    "cup" "" = 0.5, "pint"; No "" "" "";
    "foz" "fluid_oz fluid_ounce" = 0.125, "cup"; No "" "" "";
    "tbsp" "tablespoon" = 0.5, "foz"; No "" "" "";
    "tsp" "teaspoon" = 1.0 / 3.0, "tbsp"; No "" "" "";
    "oz" "ounce" = 28.349523125, "g"; No "" "" "";
    "lb" "lbm pound" = 16.0, "oz"; No "" "" "";
    "st" "stone" = 14.0, "lb"; No "" "" "";
    "ton" "" = 2000.0, "lb"; No "" "" "";
    "slug" "" = 32.174049, "lb"; No "" "" "";
    "kn" "kt knot NMPH" = 1.0, "nmi h^-1"; No "" "" "";
    "lbf" "" = 1.0, "ft slug s^-2"; No "" "" "";
    "kip" "kilopound" = 1000.0, "lbf"; No "" "" "";
    "BTU" "btu" = 1.05505585, "kJ"; No "" "" "";
    "cal" "calorie" = 4.184, "J"; No "" "" "";
    "kcal" "Cal Calorie kilocal kilocalorie" = 1000.0, "cal"; No "" "" "";
    "psi" "" = 1.0, "lbf inch^-2"; No "" "" "";
    "hp" "horsepower" = 1.0 / 0.00134102209, "W"; No "" "" "";
}

/// Temperatures whose zero lies elsewhere: no factor converts them.
pub(super) const OFFSETS: &[&str] = &["deg_C", "Celsius", "°C", "deg_F", "Fahrenheit", "°F"];

/// Names of logarithmic units.
pub(super) const LOGARITHMS: &[&str] = &["ABmag", "STmag", "M_bol", "m_bol"];

/// Names that the prefixes of the VOUnit standard would make, but which it does not have.
pub(super) const NOT_VOUNIT: &[&str] = &["pct", "pcount", "yd", "dbyte"];

/// Signs for units, which only the generic spelling has.
pub(super) const SIGNS: &[(&str, &str)] = &[
    ("%", "percent"),
    ("°", "deg"),
    ("\u{2032}", "arcmin"),
    ("\u{2033}", "arcsec"),
    ("ʰ", "hourangle"),
    ("e⁻", "electron"),
    ("°R", "deg_R"),
];

/// Signs at the end of a name, and what they stand for.
pub(super) const ENDINGS: &[(&str, &str)] = &[
    ("⊙", "sun"),
    ("☉", "sun"),
    ("⊕", "earth"),
    ("♁", "earth"),
    ("♃", "jupiter"),
    ("ₑ", "_e"),
    ("ₚ", "_p"),
    ("R∞", "Ry"),
];
