//! What went wrong?
//!
//! One opaque [`Error`] around a private `Problem`, one variant per distinct failure; a kind says
//! what the caller can do. The messages are in `message.rs`.
//!
//! Knows: nothing. Must not know: anything.

mod formats;
mod message;
mod problem;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use message::show;
pub(crate) use problem::Problem;

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be done.
///
/// Read it as text, or ask [`Error::kind`] what can be done about it.
pub struct Error(Box<Report>);

struct Report {
    path: Option<PathBuf>,
    problem: Problem,
}

/// What the caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused: open, map, disk full.
    Io,
    /// The file's bytes contradict its format.
    Malformed,
    /// Real, but not for us: object dtypes, borrowing foreign byte order.
    Unsupported,
    /// The dtype or shape asked for is not that of the file or of the other operand.
    Mismatch,
    /// An index or axis outside the array.
    OutOfBounds,
    /// An expression that cannot be understood.
    Expression,
    /// A write to an array that was opened for reading.
    ReadOnly,
    /// Somebody else holds what would have to be ours alone.
    InUse,
    /// The caller asked for the work to stop.
    Cancelled,
    /// A container without an array was asked for its elements.
    Empty,
    /// A text that is no unit, or units that do not fit together.
    Unit,
}

impl ErrorKind {
    /// Every kind, so that a door can prove that it maps each of them.
    pub const ALL: &'static [ErrorKind] = &[
        ErrorKind::Io,
        ErrorKind::Malformed,
        ErrorKind::Unsupported,
        ErrorKind::Mismatch,
        ErrorKind::OutOfBounds,
        ErrorKind::Expression,
        ErrorKind::ReadOnly,
        ErrorKind::InUse,
        ErrorKind::Cancelled,
        ErrorKind::Empty,
        ErrorKind::Unit,
    ];
}

impl Error {
    pub(crate) fn new(problem: Problem) -> Error {
        Error(Box::new(Report {
            path: None,
            problem,
        }))
    }

    /// An operating-system error and what was being done.
    pub(crate) fn io(doing: &'static str, source: io::Error) -> Error {
        Error::new(Problem::Io { doing, source })
    }

    /// The same error, with the file it is about; the first path given stays.
    #[must_use]
    pub fn at(mut self, path: impl AsRef<Path>) -> Error {
        if self.0.path.is_none() {
            self.0.path = Some(path.as_ref().to_path_buf());
        }
        self
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        use ErrorKind as Kind;
        match &self.0.problem {
            Problem::Io { .. } | Problem::NotAFile { .. } | Problem::Exists => Kind::Io,
            Problem::OtherDisk | Problem::LostGrowth => Kind::Io,
            Problem::OutOfMemory { .. } => Kind::Io,
            Problem::TooShort { .. }
            | Problem::TooBig { .. }
            | Problem::TooManyAxes { .. }
            | Problem::ItemSize { .. }
            | Problem::ItemTooBig { .. }
            | Problem::NotWhole { .. }
            | Problem::NotNpy { .. }
            | Problem::NpyVersion { .. }
            | Problem::HeaderTruncated { .. }
            | Problem::HeaderTooLong { .. }
            | Problem::Header { .. }
            | Problem::HeaderKey { .. }
            | Problem::Offsets { .. }
            | Problem::HeaderGone
            | Problem::ShortData { .. } => Kind::Malformed,
            Problem::FitsCard { .. }
            | Problem::FitsMissing { .. }
            | Problem::FitsTwice { .. }
            | Problem::FitsNoEnd { .. } => Kind::Malformed,
            Problem::FitsKind { .. }
            | Problem::FitsCompressed
            | Problem::NotAlone { .. }
            | Problem::FitsAxes
            | Problem::FitsDType { .. }
            | Problem::Scaled { .. }
            | Problem::Gzipped => Kind::Unsupported,
            Problem::FitsNoData { .. } => Kind::Empty,
            Problem::FitsValue { .. }
            | Problem::FitsChanged
            | Problem::FitsNoRoom { .. }
            | Problem::FitsStructure { .. } => Kind::Mismatch,
            Problem::NotZip
            | Problem::MemberNotNpy { .. }
            | Problem::ZipField { .. }
            | Problem::MemberTwice { .. }
            | Problem::MemberOverlap { .. }
            | Problem::Inflate { .. }
            | Problem::Checksum { .. } => Kind::Malformed,
            Problem::Encrypted { .. }
            | Problem::Compression { .. }
            | Problem::Compressed { .. }
            | Problem::InflateLimit { .. }
            | Problem::Deflate
            | Problem::NotForSeveral { .. }
            | Problem::WavPacked
            | Problem::NotOneArray { .. } => Kind::Unsupported,
            Problem::MemberKnown { .. }
            | Problem::FitsName { .. }
            | Problem::FitsNameKnown { .. }
            | Problem::NotAdded { .. }
            | Problem::MemberName { .. }
            | Problem::Alignment { .. } => Kind::Mismatch,
            Problem::TensorsHeader { .. }
            | Problem::TensorPlace { .. }
            | Problem::TensorsEnd { .. }
            | Problem::SidecarValue { .. }
            | Problem::Marker { .. } => Kind::Malformed,
            Problem::PartOfAByte { .. }
            | Problem::NotForOne { .. }
            | Problem::ForeignDType { .. }
            | Problem::SidecarVersion { .. }
            | Problem::WavCode { .. } => Kind::Unsupported,
            Problem::TensorName { .. } | Problem::RecordLength { .. } => Kind::Mismatch,
            Problem::ObjectDType
            | Problem::NoDescriptor { .. }
            | Problem::NpyVersionUnfit { .. }
            | Problem::NoRoomInHeader { .. }
            | Problem::TornHeader { .. }
            | Problem::NotANumber { .. }
            | Problem::NoPromise
            | Problem::Overlapping { .. }
            | Problem::ForeignOrder { .. }
            | Problem::Misaligned { .. }
            | Problem::Strided { .. } => Kind::Unsupported,
            Problem::DTypeText { .. }
            | Problem::NoPromotion { .. }
            | Problem::ShapeText { .. }
            | Problem::UnknownShape { .. }
            | Problem::TwoInferred { .. }
            | Problem::CannotInfer { .. }
            | Problem::SliceStep
            | Problem::PicksText { .. }
            | Problem::SeveralArrays { .. }
            | Problem::Broadcast { .. }
            | Problem::WrongDType { .. }
            | Problem::WrongShape { .. }
            | Problem::SameOutput { .. }
            | Problem::NoLoop { .. }
            | Problem::Literal { .. }
            | Problem::OneAxis { .. }
            | Problem::MaskDType { .. }
            | Problem::MaskWithoutInitial { .. }
            | Problem::AllNan { .. }
            | Problem::Parameter { .. }
            | Problem::Inner { .. }
            | Problem::UnknownLength { .. }
            | Problem::EmptyReduction { .. }
            | Problem::NoFile
            | Problem::CannotGrow { .. }
            | Problem::FilenameLocked { .. }
            | Problem::OtherFile
            | Problem::NameGone
            | Problem::NotOurs => Kind::Mismatch,
            Problem::MapRange { .. }
            | Problem::Reach { .. }
            | Problem::StrideCount { .. }
            | Problem::OffsetPastEnd { .. }
            | Problem::IndexCount { .. }
            | Problem::NoSuchArray { .. }
            | Problem::Index { .. }
            | Problem::Axis { .. }
            | Problem::AxisTwice { .. } => Kind::OutOfBounds,
            Problem::Parse { .. }
            | Problem::UnknownName { .. }
            | Problem::ArgumentCount { .. }
            | Problem::NegativePower
            | Problem::Constant { .. }
            | Problem::TreeSize { .. }
            | Problem::Ddof { .. }
            | Problem::Keyword { .. }
            | Problem::Unused { .. } => Kind::Expression,
            Problem::ReadOnly => Kind::ReadOnly,
            Problem::Shared { .. } | Problem::Growing | Problem::RestlessHeader => Kind::InUse,
            Problem::Cancelled => Kind::Cancelled,
            Problem::Empty => Kind::Empty,
            Problem::UnitText { .. }
            | Problem::UnitName { .. }
            | Problem::UnitPower { .. }
            | Problem::UnitScale { .. }
            | Problem::UnitSpelling { .. }
            | Problem::UnlikeUnits { .. }
            | Problem::UnitOperand { .. }
            | Problem::UnitExponent { .. }
            | Problem::UnitOfTime { .. } => Kind::Unit,
        }
    }

    /// The file it is about, if it is about one.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The error number of the operating system, if it came from there.
    pub fn os_error(&self) -> Option<i32> {
        match &self.0.problem {
            Problem::Io { source, .. } => source.raw_os_error(),
            Problem::Exists => Some(17),
            _ => None,
        }
    }

    /// Column of the expression or unit, counted from 1, where it went wrong.
    pub fn column(&self) -> Option<usize> {
        match self.0.problem {
            Problem::Parse { column, .. }
            | Problem::UnknownName { column, .. }
            | Problem::ArgumentCount { column, .. }
            | Problem::UnitText { column, .. }
            | Problem::UnitName { column, .. } => Some(column).filter(|column| *column > 0),
            _ => None,
        }
    }

    /// Whether a file could not get its name because that is on another disk.
    pub(crate) fn is_about_disks(&self) -> bool {
        matches!(self.0.problem, Problem::OtherDisk)
    }

    /// Whether a file could not get its name because there is one of that name.
    pub(crate) fn is_about_name(&self) -> bool {
        matches!(self.0.problem, Problem::Exists)
    }

    /// Whether the program or the system has too many files open.
    pub(crate) fn is_about_open_files(&self) -> bool {
        const TOO_MANY: [i32; 2] = [23, 24];
        cfg!(unix) && self.os_error().is_some_and(|code| TOO_MANY.contains(&code))
    }

    /// The same of a member of an archive, which it names if it is no array at all.
    pub(crate) fn of_member(self, member: &str) -> Error {
        match self.0.problem {
            Problem::NotNpy { found } => Error::new(Problem::MemberNotNpy {
                name: member.to_owned(),
                found,
            }),
            _ => self,
        }
    }

    /// Whether a header has no room for what is to be written into it.
    pub(crate) fn is_about_room(&self) -> bool {
        matches!(
            self.0.problem,
            Problem::FitsNoRoom { .. }
                | Problem::NoRoomInHeader { .. }
                | Problem::TornHeader { .. }
        )
    }

    /// One line on what to do about it, for a door to print after the message.
    pub fn hint(&self) -> Option<&'static str> {
        match &self.0.problem {
            Problem::NotNpy { .. } => Some(
                "a file without a header opens with a dtype; `maparray wrap` writes it down beside it",
            ),
            Problem::ObjectDType => Some(
                "object arrays hold Python pickles, which can run code; save numbers or records instead",
            ),
            Problem::NoPromise => Some(
                "copy with `read`, or promise that nobody else changes the file: `array.promise(stable)`",
            ),
            Problem::ForeignOrder { .. } | Problem::Misaligned { .. } => {
                Some("copy with `to_native`")
            }
            Problem::ReadOnly => {
                Some("open it with mode `r+` to change the file, or `c` to change a private copy")
            }
            Problem::Shared { .. } => Some(
                "let the others go first, or go on with a copy; of parts, the whole can be moved",
            ),
            Problem::ShortData { .. } => Some("the file was cut short or is still being written"),
            Problem::Growing => {
                Some("try again when it is done; files of one writer need no turns")
            }
            Problem::NoRoomInHeader { .. } | Problem::TornHeader { .. } => Some(
                "save the array anew, or let `append` rewrite the file (`rewrite`, `--rewrite`): the new \
                 one has room to grow",
            ),
            Problem::OtherFile | Problem::NameGone => {
                Some("open the file anew by the name that it has now")
            }
            Problem::LostGrowth => Some("save the array to another disk, and see to this one"),
            Problem::FitsChanged => Some("read it again, then change it"),
            Problem::FitsCompressed => Some("unpack it with `funpack`, then open the new file"),
            Problem::Gzipped => Some("unpack it with `gunzip -k`, then open the new file"),
            Problem::Scaled { .. } => Some(
                "`Scaled::open` maps it and computes with what the numbers stand for; `read` copies that",
            ),
            Problem::FitsNoRoom { .. } => Some("`rewrite` writes the whole file anew"),
            Problem::FitsDType { .. } => Some("convert with `astype` first"),
            Problem::Compressed { .. } => Some(
                "copy it with `read`, allow it to be inflated (`inflate=True`), or store the members \
                 as they are: `maparray npz align --inflate`",
            ),
            Problem::WavPacked => Some(
                "copy them with `read`, or allow it where they are opened (`inflate=True`); the bytes \
                 alone are a raw file of dtype V3",
            ),
            Problem::InflateLimit { .. } => {
                Some("raise the limit if the archive comes from somebody you trust")
            }
            Problem::Exists => Some("mode `w+` replaces a file, mode `x` never does"),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = self.path() {
            write!(f, "{}: ", show(&path.to_string_lossy()))?;
        }
        self.0.problem.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}, {self})", self.kind())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.problem {
            Problem::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
