//! Which failures are there?
//!
//! Knows: nothing. Must not know: anything.

use std::io;

/// One variant per distinct failure; fields, never a finished sentence.
#[derive(Debug)]
pub(crate) enum Problem {
    // map
    Io {
        doing: &'static str,
        source: io::Error,
    },
    NotAFile {
        found: &'static str,
    },
    TooShort {
        file_len: u64,
        needed: u64,
    },
    ReadOnly,
    Shared {
        holders: usize,
    },
    Empty,
    NoFile,
    OtherDisk,
    FilenameLocked {
        found: String,
        locked: String,
    },
    NotOurs,
    OtherFile,
    NameGone,
    HeaderGone,
    NoPromise,
    Growing,
    LostGrowth,
    CannotGrow {
        found: &'static str,
    },
    RestlessHeader,
    Offsets {
        item: usize,
        found: String,
        rows: usize,
    },
    Overlapping {
        strides: String,
    },
    MapRange {
        offset: u64,
        len: u64,
        region_len: u64,
    },

    // dtype
    ObjectDType,
    DTypeText {
        text: String,
        at: usize,
        expected: &'static str,
    },
    ItemSize {
        dtype: String,
    },
    ItemTooBig {
        dtype: String,
    },
    NoDescriptor {
        dtype: String,
    },
    NotANumber {
        dtype: String,
    },
    NoPromotion {
        left: String,
        right: String,
    },

    // layout
    TooBig {
        shape: String,
        item_size: usize,
    },
    TooManyAxes {
        found: usize,
    },
    ShapeText {
        text: String,
    },
    UnknownShape {
        shape: String,
    },
    TwoInferred {
        shape: String,
    },
    CannotInfer {
        shape: String,
        available: u64,
        item_size: usize,
    },
    NotWhole {
        available: u64,
        item_size: usize,
    },
    StrideCount {
        found: usize,
        ndim: usize,
    },
    Reach {
        low: i64,
        high: i64,
        region_len: u64,
    },
    IndexCount {
        found: usize,
        ndim: usize,
    },
    Index {
        index: i64,
        axis: usize,
        len: u64,
    },
    Axis {
        axis: i64,
        ndim: usize,
    },
    AxisTwice {
        axis: usize,
    },
    SliceStep,
    PicksText {
        text: String,
    },
    Broadcast {
        left: String,
        right: String,
    },
    OutOfMemory {
        bytes: u64,
    },

    // format
    NotNpy {
        found: Vec<u8>,
    },
    NpyVersion {
        major: u8,
        minor: u8,
    },
    HeaderTruncated {
        file_len: u64,
        needed: u64,
    },
    HeaderTooLong {
        len: u64,
        limit: u64,
    },
    Header {
        at: usize,
        found: String,
        expected: &'static str,
    },
    HeaderKey {
        at: usize,
        key: String,
        problem: &'static str,
    },
    NoRoomInHeader {
        found: usize,
        needed: usize,
    },
    TornHeader {
        at: usize,
    },
    ShortData {
        found: u64,
        needed: u64,
        whole_rows: u64,
    },
    NpyVersionUnfit {
        major: u8,
        problem: &'static str,
    },
    OffsetPastEnd {
        offset: u64,
        file_len: u64,
    },

    // fits
    FitsCard {
        at: u64,
        keyword: String,
        found: String,
        expected: &'static str,
    },
    FitsMissing {
        at: u64,
        keyword: String,
    },
    FitsTwice {
        at: u64,
        keyword: String,
    },
    FitsNoEnd {
        at: u64,
        read: u64,
    },
    FitsKind {
        found: String,
    },
    FitsChanged,
    FitsCompressed,
    FitsNoData {
        number: usize,
    },
    FitsValue {
        keyword: String,
        found: String,
        expected: &'static str,
    },
    FitsNoRoom {
        needed: u64,
        found: u64,
    },
    FitsStructure {
        keyword: String,
    },
    FitsAxes,
    FitsName {
        name: String,
        place: usize,
    },
    FitsNameKnown {
        name: String,
    },
    FitsDType {
        dtype: String,
    },
    Scaled {
        stored: String,
    },
    Gzipped,
    TensorsHeader {
        len: u64,
        limit: u64,
    },
    TensorPlace {
        name: String,
        begin: u64,
        end: u64,
        expected: String,
    },
    TensorsEnd {
        found: u64,
        expected: u64,
    },
    TensorName {
        name: String,
    },
    PartOfAByte {
        dtype: &'static str,
    },
    SidecarVersion {
        found: String,
    },
    SidecarValue {
        key: String,
        found: String,
        expected: &'static str,
    },
    WavCode {
        code: u16,
        bytes: u16,
    },
    Marker {
        record: u64,
        at: u64,
        found: u64,
        expected: String,
    },
    RecordLength {
        record: u64,
        found: u64,
        expected: u64,
    },
    NotForOne {
        format: &'static str,
    },
    ForeignDType {
        dtype: String,
        format: &'static str,
    },

    // array
    SeveralArrays {
        found: usize,
        names: String,
    },
    NotAlone {
        format: &'static str,
    },
    NoSuchArray {
        key: String,
        names: String,
    },
    WrongDType {
        found: String,
        expected: String,
    },
    WrongShape {
        found: String,
        expected: String,
    },
    SameOutput {
        first: String,
        second: String,
    },
    ForeignOrder {
        dtype: String,
    },
    Misaligned {
        address: usize,
        align: usize,
    },
    Strided {
        strides: String,
        item_size: usize,
    },
    Exists,

    // ops, expr, eval
    NoLoop {
        operation: &'static str,
        dtypes: String,
    },
    Literal {
        literal: String,
        dtype: String,
    },
    Parse {
        column: usize,
        found: String,
        expected: String,
    },
    UnknownName {
        column: usize,
        name: String,
        known: String,
    },
    ArgumentCount {
        column: usize,
        function: String,
        found: usize,
        expected: String,
    },
    Unused {
        name: String,
    },
    NegativePower,
    EmptyReduction {
        operation: &'static str,
    },
    Constant {
        text: String,
        problem: &'static str,
    },
    TreeSize {
        depth: usize,
        size: usize,
    },
    OneAxis {
        operation: &'static str,
        found: usize,
    },
    Ddof {
        operation: &'static str,
    },
    Keyword {
        keyword: &'static str,
        operation: &'static str,
    },
    MaskDType {
        found: String,
    },
    MaskWithoutInitial {
        operation: &'static str,
    },
    AllNan {
        operation: &'static str,
    },
    Parameter {
        function: &'static str,
        name: String,
        found: String,
        expected: String,
    },
    Inner {
        left: String,
        right: String,
    },
    UnknownLength {
        operation: &'static str,
    },
    Cancelled,

    // unit
    UnitText {
        text: String,
        column: usize,
        found: String,
        expected: &'static str,
    },
    UnitName {
        text: String,
        column: usize,
        name: String,
        format: &'static str,
        near: Vec<String>,
    },
    UnitPower {
        found: String,
    },
    UnitScale {
        found: String,
    },
    UnitSpelling {
        unit: String,
        format: &'static str,
        found: String,
        expected: &'static str,
    },
    UnlikeUnits {
        left: String,
        right: String,
    },
    UnitOperand {
        operation: &'static str,
        found: String,
        expected: String,
    },
    UnitExponent {
        unit: String,
    },
    UnitOfTime {
        unit: String,
        dtype: String,
    },

    // archives
    NotZip,
    ZipField {
        at: u64,
        field: &'static str,
        found: String,
        expected: String,
    },
    MemberTwice {
        name: String,
    },
    MemberOverlap {
        name: String,
        other: String,
    },
    Encrypted {
        name: String,
    },
    Compression {
        name: String,
        method: u16,
    },
    Compressed {
        name: String,
        packed: u64,
        plain: u64,
    },
    InflateLimit {
        name: String,
        plain: u64,
        limit: u64,
    },
    Inflate {
        name: String,
        plain: u64,
    },
    Deflate,
    Checksum {
        name: String,
        found: u32,
        expected: u32,
    },
    MemberNotNpy {
        name: String,
        found: Vec<u8>,
    },
    MemberKnown {
        name: String,
    },
    MemberName {
        name: String,
    },
    Alignment {
        found: u64,
    },
    NotOneArray {
        format: &'static str,
    },
    /// Samples of three bytes, which are no numbers.
    WavPacked,
    NotForSeveral {
        format: &'static str,
    },
    /// A file that is made anew would be replaced for one array, and holds another.
    NotAdded {
        found: String,
        other: String,
    },
}
