//! What can be asked for on the command line?
//!
//! The arguments as types; clap reads them and writes the help from these comments.

mod files;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use maparray::{DType, Unit};

pub(crate) use files::{
    Combine, Convert, Join, NewFile, Pack, Split, Statistic, Transpose, Unpack,
};

/// Memory-mapped arrays: describe, create and compute on array files of any size
#[derive(Debug, Parser)]
#[command(name = "maparray", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) how: How,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 a check failed, 2 usage, 3 the system refused \
    (no such file, disk full), 4 malformed or unsupported file, 5 dtype, shape or index do not \
    fit or the array cannot be written, 6 expression not understood, 130 stopped by Ctrl-C, 143 by \
    SIGTERM, 129 by SIGHUP";

/// How every command works
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct How {
    /// Print JSON
    #[arg(long, global = true, help_heading = "For every command")]
    pub(crate) json: bool,
    /// Print nothing but answers: no progress, no line about a file that was made
    #[arg(long, short, global = true, help_heading = "For every command")]
    pub(crate) quiet: bool,
    /// Threads that compute [default: as many as there are cores]
    #[arg(
        long,
        global = true,
        allow_negative_numbers = true,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "For every command"
    )]
    pub(crate) threads: Option<u16>,
    /// Compute elementary functions by the C library, one by one, instead of many at a time
    #[arg(long, global = true, help_heading = "For every command")]
    pub(crate) strict: bool,
    /// Memory to keep to, such as 64M or 2G [default: 256M; demo: 64M]
    #[arg(
        long,
        global = true,
        value_name = "SIZE",
        help_heading = "For every command"
    )]
    pub(crate) memory: Option<Size>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Describe array files without touching their data
    Info {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        raw: RawArgs,
    },
    /// Print the first rows of an array
    Head(Rows),
    /// Print the last rows of an array
    Tail {
        #[command(flatten)]
        rows: Rows,
        /// Go on, and print rows that others append, until Ctrl-C
        #[arg(long, short)]
        follow: bool,
    },
    /// Add rows to an array file, along its first axis, of Fortran order the last
    Append(Append),
    /// Give an array file another number of rows: new ones are zero, others are forgotten
    Resize(Resize),
    /// Make the header of a .npy file that was cut short speak of its whole rows; nothing is deleted
    Recover {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make a .npy file
    Create(Create),
    /// Compute an expression over array files
    #[command(after_help = "Examples:\n  \
        maparray eval 'a * 0.5 + b' a=x.npy b=y.npy -o z.npy\n  \
        maparray eval 'mean((a - b) ** 2)' a=x.npy b=y.npy\n  \
        maparray eval 'max(a, axis=0)' a=samples.raw --dtype '<i2' --shape -1,24")]
    Eval(Eval),
    /// Count, least, greatest, mean and spread of an array's elements
    Stats {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        raw: RawArgs,
    },
    /// Make one array of many of one shape: their median, or their mean without outliers
    #[command(after_help = "Examples:\n  \
        maparray combine median dark-*.npy -o dark.npy\n  \
        maparray combine mean light-*.npy --sigma-clip 3 --memory 1G -o light.npy")]
    Combine(Combine),
    /// Write an array as a file of another format, dtype, byte order or order
    #[command(after_help = "Examples:\n  \
        maparray convert a.npy b.npy --to float32 --as-order F\n  \
        maparray convert a.npy results.npz:a\n  \
        maparray convert model.npz model.safetensors\n  \
        maparray convert samples.bin --dtype '<i2' --shape -1,24 -o samples.npy")]
    Convert(Convert),
    /// Write several arrays into one new file, an archive, safetensors or FITS
    #[command(after_help = "Example: maparray pack all.npz a.npy mean=b.npy c.npz:x")]
    Pack(Pack),
    /// Write the arrays of a file to .npy files, one each
    #[command(after_help = "Example: maparray unpack all.npz folder")]
    Unpack(Unpack),
    /// Write an array with its axes in another order
    Transpose(Transpose),
    /// Write arrays behind each other, along an axis that they have
    Concat(Join),
    /// Write arrays of one shape behind each other, along a new axis
    Stack(Join),
    /// Write rows of an array to files of their own
    #[command(after_help = "Examples:\n  \
        maparray split a.npy --parts 4 -o 'part-{}.npy'")]
    Split(Split),
    /// List, add, extract and align the arrays of .npz archives
    #[command(subcommand)]
    Npz(Npz),
    /// Write down beside a file without a header what it holds, so that it opens without being told
    Wrap(Wrap),
    /// Add two large arrays into a third in little memory, and look at time and memory
    Demo(Demo),
}

#[derive(Args, Debug)]
pub(crate) struct Append {
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Array files: a row each, or some; all of them are appended, or none
    #[arg(required = true, value_name = "ROWS")]
    pub(crate) rows: Vec<PathBuf>,
    /// Wait until they are on the disk
    #[arg(long)]
    pub(crate) durable: bool,
    /// Write the whole file anew if its header has no room for so many rows
    #[arg(long)]
    pub(crate) rewrite: bool,
    #[command(flatten)]
    pub(crate) raw: RawArgs,
}

#[derive(Args, Debug)]
pub(crate) struct Resize {
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[arg(value_name = "ROWS")]
    pub(crate) rows: usize,
    /// Wait until that is on the disk
    #[arg(long)]
    pub(crate) durable: bool,
    #[command(flatten)]
    pub(crate) raw: RawArgs,
}

#[derive(Args, Debug)]
pub(crate) struct Rows {
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Rows along the first axis
    #[arg(
        short = 'n',
        long = "rows",
        value_name = "N",
        default_value_t = 10,
        allow_negative_numbers = true
    )]
    pub(crate) rows: u32,
    #[command(flatten)]
    pub(crate) raw: RawArgs,
}

/// For files without a header: what is in them
#[derive(Args, Clone, Debug)]
pub(crate) struct RawArgs {
    /// The file has no header: the dtype of its elements, such as '<i2' or float32
    #[arg(
        long,
        value_name = "DTYPE",
        help_heading = "For files without a header"
    )]
    pub(crate) dtype: Option<DType>,
    /// Its shape, one axis may be -1 [default: one axis to the end of the file]
    #[arg(
        long,
        requires = "dtype",
        allow_hyphen_values = true,
        value_name = "SHAPE",
        help_heading = "For files without a header"
    )]
    pub(crate) shape: Option<Shape>,
    /// The byte where the elements begin
    #[arg(
        long,
        requires = "dtype",
        allow_negative_numbers = true,
        value_name = "BYTES",
        default_value_t = 0,
        help_heading = "For files without a header"
    )]
    pub(crate) offset: u64,
    /// Order of the elements
    #[arg(
        long,
        requires = "dtype",
        value_name = "ORDER",
        default_value = "C",
        help_heading = "For files without a header"
    )]
    pub(crate) order: Order,
    /// The file is of Fortran's records, each between two markers of so many bytes: 4 or 8
    #[arg(
        long,
        requires = "dtype",
        conflicts_with_all = ["shape", "offset", "order"],
        value_name = "BYTES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "4",
        value_parser = ["4", "8"],
        help_heading = "For files without a header"
    )]
    pub(crate) fortran: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Create {
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Type of the elements, such as float32, '>i2' or "[('x', '<f8'), ('n', '<i4')]"
    #[arg(long, default_value = "float64")]
    pub(crate) dtype: DType,
    /// Length of each axis, such as 1000 or 20,30
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) shape: Shape,
    /// Every element is this number, or this expression of numbers
    #[arg(long, value_name = "X", group = "values", allow_hyphen_values = true)]
    pub(crate) fill: Option<String>,
    /// The elements count up in C order, from START (0) in steps of STEP (1); the dtype must hold them
    #[arg(
        long,
        value_name = "START[:STEP]",
        group = "values",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "0"
    )]
    pub(crate) arange: Option<String>,
    /// Random elements: floats in [0, 1), integers over their whole range
    #[arg(long, group = "values")]
    pub(crate) random: bool,
    /// Another seed gives other random elements; the same, the same
    #[arg(
        long,
        requires = "random",
        default_value_t = 0,
        allow_hyphen_values = true
    )]
    pub(crate) seed: i64,
    /// What the elements measure, such as 'adu' or 'erg / (s cm2)'
    #[arg(long)]
    pub(crate) unit: Option<Unit>,
    /// Order of the elements in the file
    #[arg(long, default_value = "C")]
    pub(crate) order: Order,
    /// Never replace a file
    #[arg(long)]
    pub(crate) exclusive: bool,
    /// Take blocks of the disk only when they are written
    #[arg(long)]
    pub(crate) sparse: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Eval {
    /// What to compute: NumPy's functions and Python's operators
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) expr: String,
    /// The file for each name in the expression
    #[arg(
        value_name = "NAME=FILE",
        value_parser = OsStringValueParser::new().try_map(Binding::parse)
    )]
    pub(crate) arrays: Vec<Binding>,
    /// Write the result to this .npy file instead of printing it
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Say what would be done, and how long it may take, instead of computing
    #[arg(long, conflicts_with = "output")]
    pub(crate) explain: bool,
    /// Rows of the result to print
    #[arg(
        short = 'n',
        long = "rows",
        value_name = "N",
        default_value_t = 10,
        allow_negative_numbers = true
    )]
    pub(crate) rows: u32,
    /// These apply to files whose names end as those of no known format
    #[command(flatten)]
    pub(crate) raw: RawArgs,
}

#[derive(Args, Debug)]
pub(crate) struct Wrap {
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Type of the elements, such as '<i2' or float32
    #[arg(long)]
    pub(crate) dtype: DType,
    /// Length of each axis, one may be -1 [default: one axis to the end of the file]
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) shape: Option<Shape>,
    /// The byte where the elements begin
    #[arg(
        long,
        value_name = "BYTES",
        allow_negative_numbers = true,
        default_value_t = 0
    )]
    pub(crate) offset: u64,
    /// Order of the elements
    #[arg(long, default_value = "C")]
    pub(crate) order: Order,
    /// What the elements measure, such as 'adu' or 'erg / (s cm2)'
    #[arg(long)]
    pub(crate) unit: Option<Unit>,
}

#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Size of each array
    #[arg(long, default_value = "512M")]
    pub(crate) size: Size,
    /// Where the files go, in a folder of their own
    #[arg(long, default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Keep the files
    #[arg(long)]
    pub(crate) keep: bool,
}

/// What to do with an archive.
#[derive(Debug, Subcommand)]
pub(crate) enum Npz {
    /// Name its arrays, how large they are and where they lie
    List {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Add arrays in place; an archive that is not there is made
    #[command(after_help = "Example: maparray npz add results.npz x=x.npy y=other.npz:y")]
    Add {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The name that each array gets in the archive, and the file that it comes from
        #[arg(
            required = true,
            value_name = "NAME=FILE",
            value_parser = OsStringValueParser::new().try_map(Binding::parse)
        )]
        arrays: Vec<Binding>,
        /// Deflate them: they take less room and cannot be mapped
        #[arg(long)]
        deflate: bool,
        #[command(flatten)]
        align: Places,
    },
    /// Write arrays to .npy files, one each
    Extract {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Their names [default: all]
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// The folder that they go to
        #[arg(short, long, value_name = "FOLDER", default_value = ".")]
        directory: PathBuf,
        #[command(flatten)]
        limit: InflateLimit,
    },
    /// Write the archive anew, its arrays aligned and without bytes that nobody needs
    Align {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Write to this file instead of replacing the old one
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Store what is deflated, so that it can be mapped
        #[arg(long)]
        inflate: bool,
        #[command(flatten)]
        align: Places,
        #[command(flatten)]
        limit: InflateLimit,
    },
    /// Compare all data with their checksums, which maps do not
    Check {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Cut off what an append left that was not finished, and compute checksums anew of arrays that
        /// were changed in place by a program that was killed
        #[arg(long)]
        repair: bool,
    },
}

/// Where elements begin.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Places {
    /// Elements begin at multiples of so many bytes, a power of two
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    pub(crate) align: u32,
}

/// How much may come of what is deflated.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct InflateLimit {
    /// Inflate to so much at most [default: 1000 times the deflated size, 4G at most]
    #[arg(long, value_name = "SIZE")]
    pub(crate) limit: Option<Size>,
}

/// Order of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// The last axis varies fastest
    #[value(name = "C", alias = "c")]
    C,
    /// The first axis varies fastest
    #[value(name = "F", alias = "f")]
    F,
}

impl From<Order> for maparray::Order {
    fn from(order: Order) -> maparray::Order {
        match order {
            Order::C => maparray::Order::C,
            Order::F => maparray::Order::F,
        }
    }
}

/// `3,4`, `(3, 4)`, `-1,24`, `7`, `()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape(pub(crate) Vec<i64>);

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Shape, String> {
        let trimmed = text.trim();
        let inner = trimmed
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'));
        let list = inner.unwrap_or(trimmed).trim();
        let list = list.strip_suffix(',').unwrap_or(list);
        if list.is_empty() {
            return match inner {
                Some(_) => Ok(Shape(Vec::new())),
                None => Err("found nothing, expected lengths such as 20,30".to_owned()),
            };
        }
        let length = |part: &str| {
            let length: Result<i64, _> = part.trim().replace('_', "").parse();
            length
                .ok()
                .filter(|length| *length >= -1)
                .ok_or_else(|| format!("found `{}`, expected a whole number, or -1", part.trim()))
        };
        list.split(',')
            .map(length)
            .collect::<Result<_, _>>()
            .map(Shape)
    }
}

/// Bytes, as `64M`, `1.5GiB`, `4096`; the units are powers of 1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let text = text.trim();
        let digits = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let shift = match unit.trim().to_ascii_uppercase().as_str() {
            "" | "B" => Some(0),
            "K" | "KB" | "KIB" => Some(10),
            "M" | "MB" | "MIB" => Some(20),
            "G" | "GB" | "GIB" => Some(30),
            "T" | "TB" | "TIB" => Some(40),
            _ => None,
        };
        let bytes = number
            .parse::<f64>()
            .ok()
            .zip(shift)
            .map(|(number, shift)| number * (1u64 << shift) as f64);
        match bytes {
            // Up to here every whole number of bytes is exact.
            Some(bytes) if (1.0..=9e15).contains(&bytes) => Ok(Size(bytes as usize)),
            _ => Err("expected a size such as 64M or 1.5G".to_owned()),
        }
    }
}

/// `name=file`.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
}

impl Binding {
    /// A file with a name, or one whose own name it is: `a.npy`, `b.npz:x`.
    fn named(argument: OsString) -> Result<Binding, String> {
        let file = PathBuf::from(&argument);
        if let (Ok(binding), false) = (Binding::parse(argument), file.exists()) {
            return Ok(binding);
        }
        let address = maparray::Address::parse(&file).map_err(|error| error.to_string())?;
        let stem = || Some(address.path.file_stem()?.to_str()?.to_owned());
        let name = match address.key {
            Some(maparray::Key::Name(key) | maparray::Key::Bracket(key)) => Some(key),
            None => stem(),
        };
        let name = name.filter(|name| !name.is_empty());
        let name = name.ok_or("expected a name that is text, or one before it: `a=file.npy`")?;
        Ok(Binding { name, file })
    }

    fn parse(argument: OsString) -> Result<Binding, String> {
        match split(&argument) {
            Some((name, file)) if !name.trim().is_empty() && !file.is_empty() => Ok(Binding {
                name: name.trim().to_owned(),
                file: file.into(),
            }),
            _ => Err("expected a name and a file: `a=file.npy`".to_owned()),
        }
    }
}

/// What stands before and after the first `=`. Names of files need not be text, and few are not.
#[cfg(unix)]
fn split(argument: &OsStr) -> Option<(&str, &OsStr)> {
    use std::os::unix::ffi::OsStrExt;

    let bytes = argument.as_bytes();
    let sign = bytes.iter().position(|byte| *byte == b'=')?;
    let name = std::str::from_utf8(&bytes[..sign]).ok()?;
    Some((name, OsStr::from_bytes(&bytes[sign + 1..])))
}

/// What stands before and after the first `=`.
#[cfg(not(unix))]
fn split(argument: &OsStr) -> Option<(&str, &OsStr)> {
    let (name, file) = argument.to_str()?.split_once('=')?;
    Some((name, OsStr::new(file)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn shapes_read_as_numpy_prints_them_and_as_people_type_them() {
        let shape = |text: &str| text.parse::<Shape>().map(|shape| shape.0);
        assert_eq!(shape("3,4"), Ok(vec![3, 4]));
        assert_eq!(shape("(3, 4)"), Ok(vec![3, 4]));
        assert_eq!(shape("(7,)"), Ok(vec![7]));
        assert_eq!(shape("-1,24"), Ok(vec![-1, 24]));
        assert_eq!(shape("1_000"), Ok(vec![1000]));
        assert_eq!(shape("()"), Ok(vec![]));
        for text in ["", "x", "3,,4", "-2", "3;4", "(3", "99999999999999999999"] {
            assert!(shape(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_count_in_powers_of_1024() {
        let size = |text: &str| text.parse::<Size>().map(|size| size.0);
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(size("64M"), Ok(64 << 20));
        assert_eq!(size("1.5 GiB"), Ok(3 << 29));
        assert_eq!(size("2kb"), Ok(2048));
        for text in ["", "M", "-1", "1X", "0", "1e3", "nan", "1e99", "99999999T"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
