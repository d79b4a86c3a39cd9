//! What can be asked of files that are made of other files?
//!
//! The arguments of `combine`, `convert`, `transpose`, `concat`, `stack` and `split`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use maparray::DType;

use super::{Binding, InflateLimit, Order, RawArgs};

#[derive(Args, Debug)]
pub(crate) struct Combine {
    /// What to compute of the numbers at each place
    #[arg(value_enum, value_name = "STATISTIC")]
    pub(crate) statistic: Statistic,
    /// Arrays of one shape
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Write the result to this .npy file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Leave out numbers farther than so many standard deviations from the middle
    #[arg(long, value_name = "SIGMA")]
    pub(crate) sigma_clip: Option<f64>,
    /// Count deviations from the mean and not from the median
    #[arg(long, requires = "sigma_clip")]
    pub(crate) from_mean: bool,
    /// Times that numbers are left out, at most
    #[arg(
        long,
        requires = "sigma_clip",
        value_name = "N",
        default_value_t = 5,
        allow_negative_numbers = true
    )]
    pub(crate) steps: u32,
    /// Leave out NaN
    #[arg(long)]
    pub(crate) skip_nan: bool,
    /// Which percentile
    #[arg(
        long,
        value_name = "PERCENT",
        default_value_t = 50.0,
        allow_negative_numbers = true
    )]
    pub(crate) percent: f64,
}

/// What is computed at each place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Statistic {
    Mean,
    Median,
    Sum,
    Min,
    Max,
    Std,
    Var,
    Percentile,
    /// How many numbers were not left out
    Count,
}

/// A file to be made
#[derive(Args, Clone, Debug)]
pub(crate) struct NewFile {
    /// The new file; the end of its name says its format
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Replace a file of that name
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Write the elements alone, without a header
    #[arg(long)]
    pub(crate) raw: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Convert {
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The new file; the end of its name says its format. A name behind a colon is that of the array:
    /// out.npz:x
    #[arg(value_name = "OUTPUT", required_unless_present = "output")]
    pub(crate) target: Option<PathBuf>,
    /// The same
    #[arg(short, long, value_name = "FILE", conflicts_with = "target")]
    pub(crate) output: Option<PathBuf>,
    /// Replace a file of that name
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Write the elements alone, without a header
    #[arg(long)]
    pub(crate) raw: bool,
    /// The dtype of the new elements; numbers are cut and wrap as NumPy's `astype` has it
    #[arg(long, value_name = "DTYPE")]
    pub(crate) to: Option<DType>,
    /// The order of the new elements
    #[arg(long, value_name = "ORDER")]
    pub(crate) as_order: Option<Order>,
    /// Most significant byte first
    #[arg(long, conflicts_with = "little_endian")]
    pub(crate) big_endian: bool,
    /// Least significant byte first
    #[arg(long)]
    pub(crate) little_endian: bool,
    #[command(flatten)]
    pub(crate) source: RawArgs,
}

impl Convert {
    /// The file to be made.
    pub(crate) fn new_file(&self) -> NewFile {
        let output = self.target.as_ref().or(self.output.as_ref());
        NewFile {
            output: output.cloned().unwrap_or_default(),
            overwrite: self.overwrite,
            raw: self.raw,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Pack {
    /// The new file: .npz, .safetensors or .fits
    #[arg(value_name = "OUTPUT")]
    pub(crate) output: PathBuf,
    /// Arrays; each is called as its file, or as is said before it
    #[arg(
        required = true,
        value_name = "[NAME=]FILE",
        value_parser = OsStringValueParser::new().try_map(Binding::named)
    )]
    pub(crate) arrays: Vec<Binding>,
    /// Replace a file of that name
    #[arg(long)]
    pub(crate) overwrite: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Unpack {
    /// An archive, safetensors or FITS
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The folder that they go to
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Only these [default: all]
    #[arg(long = "name", value_name = "NAME")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) limit: InflateLimit,
}

#[derive(Args, Debug)]
pub(crate) struct Transpose {
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The old axes in their new order, such as 2,0,1 [default: the opposite one]
    #[arg(value_name = "AXES", allow_hyphen_values = true)]
    pub(crate) axes: Option<Axes>,
    #[command(flatten)]
    pub(crate) new: NewFile,
    #[command(flatten)]
    pub(crate) source: RawArgs,
}

#[derive(Args, Debug)]
pub(crate) struct Join {
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Along which axis
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) axis: i64,
    #[command(flatten)]
    pub(crate) new: NewFile,
}

#[derive(Args, Debug)]
pub(crate) struct Split {
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// So many rows in each file
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rows: Option<u32>,
    /// So many files of about as many rows
    #[arg(long, value_name = "N", conflicts_with = "rows",
        value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) parts: Option<u32>,
    #[command(flatten)]
    pub(crate) new: NewFile,
    #[command(flatten)]
    pub(crate) source: RawArgs,
}

/// `2,0,1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Axes(pub(crate) Vec<i64>);

impl FromStr for Axes {
    type Err = String;

    fn from_str(text: &str) -> Result<Axes, String> {
        let axis = |part: &str| part.trim().parse().ok();
        let axes: Option<Vec<i64>> = text.split(',').map(axis).collect();
        axes.map(Axes)
            .ok_or_else(|| format!("found `{text}`, expected axes such as 2,0,1"))
    }
}
