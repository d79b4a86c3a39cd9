//! What do files do that nobody should write? One file of `fixtures/hostile` per row of the table.
#![expect(
    unsafe_code,
    reason = "counting what is allocated takes an allocator, which is an unsafe trait"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use maparray::format::{Header, Parsed, npy};
use maparray::{Error, ErrorKind, MemMapArray, Mode, Order, StableFiles, layout};

/// The system's allocator, with the bytes counted that each thread asks for.
struct Counting;

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    // A thread that is ending has no counter any more, and nobody who would read it.
    let _ = ASKED.try_with(|asked| asked.set(asked.get().saturating_add(bytes)));
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to `System`, which keeps the contract; the counter takes no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the same contract towards us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the same contract towards us.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller keeps the same contract towards us; `old` came from `System`.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the same contract towards us; `old` came from `System`.
        unsafe { System.dealloc(old, layout) }
    }
}

/// What a file may cost, whatever it claims: the longest header there is, many times over.
const MEMORY: usize = 1 << 20;
const TIME: Duration = Duration::from_millis(500);

/// Runs something that a file could try to make expensive.
pub(crate) fn cheaply<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let before = ASKED.get();
    let start = Instant::now();
    let result = run();
    let (time, asked) = (start.elapsed(), ASKED.get() - before);
    assert!(time < TIME, "{what} took {time:?}");
    assert!(asked < MEMORY, "{what} allocated {asked} bytes");
    result
}

/// Reads the header as a file would be read: as few bytes as are asked for.
fn read(file: &[u8]) -> Result<Header, Error> {
    let file_len = file.len() as u64;
    let mut have = 0;
    let header = loop {
        match npy::parse(&file[..have], file_len)? {
            Parsed::Header(header) => break header,
            Parsed::Needs(needed) => {
                assert!(needed > have, "asked again for what is there");
                assert!(needed <= file.len(), "asked for more than the file has");
                have = needed;
            }
        }
    };
    header.check_len(file_len)?;
    Ok(header)
}

struct Attack {
    row: u32,
    name: String,
    file: Vec<u8>,
    answer: String,
    words: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/hostile")
}

fn attacks() -> Vec<Attack> {
    let index = std::fs::read_to_string(folder().join("index.tsv")).expect("the index");
    let mut attacks: Vec<Attack> = index
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let [row, name, answer, words] = columns[..] else {
                panic!("four columns: {line}");
            };
            Attack {
                row: row.parse().expect("a row"),
                name: name.into(),
                file: std::fs::read(folder().join(name)).expect(name),
                answer: answer.into(),
                words: words.into(),
            }
        })
        .collect();
    attacks.push(Attack {
        row: 44,
        name: "record_of_100000_fields".into(),
        file: record_of_100_000_fields(),
        answer: "Malformed".into(),
        words: "header too long".into(),
    });
    attacks
}

fn record_of_100_000_fields() -> Vec<u8> {
    let fields: String = (0..100_000).map(|i| format!("('f{i}', '<f8'), ")).collect();
    let header =
        format!("{{'descr': [{fields}], 'fortran_order': False, 'shape': (0,), }}\n").into_bytes();
    let mut file = b"\x93NUMPY\x02\x00".to_vec();
    file.extend((header.len() as u32).to_le_bytes());
    file.extend(header);
    file
}

#[test]
fn every_row_of_the_table_has_its_file() {
    let mut rows: Vec<u32> = attacks().iter().map(|attack| attack.row).collect();
    rows.sort_unstable();
    assert_eq!(rows, (1..=65).collect::<Vec<u32>>());
}

/// Dtype, shape and order of a good file, as the index says them.
fn words(header: &Header) -> String {
    let order = match header.order {
        Order::C => "C",
        Order::F => "F",
    };
    let shape = layout::shape_text(&header.shape);
    format!("{} {shape} {order}", header.dtype)
}

#[test]
fn every_attack_gets_the_right_answer_in_no_time_and_without_memory() {
    for attack in attacks() {
        let what = format!("row {}, {}", attack.row, attack.name);
        let found = cheaply(&what, || read(&attack.file));
        match (attack.answer.as_str(), found) {
            ("any", _) => {}
            ("accept", Ok(header)) => {
                assert_eq!(words(&header), attack.words, "{what}");
                let data = &attack.file[header.data_offset as usize..];
                assert!(data.starts_with(&1.5f64.to_le_bytes()), "{what}");
            }
            (_, Err(error)) => {
                assert_eq!(
                    format!("{:?}", error.kind()),
                    attack.answer,
                    "{what}: {error}"
                );
                assert!(error.to_string().contains(&attack.words), "{what}: {error}");
            }
            (_, Ok(header)) => panic!("{what} was accepted as {header:?}"),
        }
    }
}

#[test]
fn opening_an_attack_gives_the_same_answer_and_leaves_the_file_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    for attack in attacks() {
        let path = folder.path().join(&attack.name);
        std::fs::write(&path, &attack.file).expect("a copy");
        for mode in [Mode::Read, Mode::ReadWrite, Mode::CopyOnWrite] {
            let what = format!("row {}, {}, {mode:?}", attack.row, attack.name);
            let found = cheaply(&what, || MemMapArray::open(&path, mode));
            match (attack.answer.as_str(), found) {
                ("any", _) => {}
                ("accept", Ok(array)) => {
                    let data: &[f64] = if array.ndim() == 0 {
                        &[1.5]
                    } else {
                        &[1.5, 2.5, 3.5]
                    };
                    assert_eq!(array.to_vec::<f64>().expect("all there"), data, "{what}");
                }
                (_, Err(error)) => {
                    assert_eq!(
                        format!("{:?}", error.kind()),
                        attack.answer,
                        "{what}: {error}"
                    );
                    assert!(error.to_string().contains(&attack.words), "{what}: {error}");
                    assert_eq!(error.path(), Some(path.as_path()), "{what}: {error}");
                }
                (_, Ok(_)) => panic!("{what} was opened"),
            }
            assert!(
                std::fs::read(&path).expect("still there") == attack.file,
                "{what}"
            );
        }
    }
}

#[test]
fn data_at_an_odd_offset_can_be_copied_but_not_borrowed() {
    let path = folder().join("data_at_an_odd_offset.npy");
    // SAFETY: nothing writes to the committed fixtures while tests run.
    let stable = unsafe { StableFiles::promise() };
    let array = MemMapArray::open(path, Mode::Read).expect("a good header");
    assert_eq!(array.data_offset() % 2, 1);
    let array = array.promise(stable);
    let error = array.view::<f64>().expect_err("misaligned");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(array.to_vec::<f64>().expect("a copy"), [1.5, 2.5, 3.5]);
}

#[test]
fn a_header_as_long_as_the_caller_allows_is_read_in_linear_time() {
    let file = record_of_100_000_fields();
    let start = Instant::now();
    let parsed = npy::parse_limited(&file, file.len() as u64, 1 << 21).expect("a good header");
    let Parsed::Header(header) = parsed else {
        panic!("all bytes were there");
    };
    assert_eq!(header.dtype.size(), 800_000);
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[test]
fn every_attack_that_is_cut_short_is_still_harmless() {
    for attack in attacks() {
        let short = attack.file.len().min(300);
        for len in 0..short {
            cheaply(&attack.name, || {
                let _ = read(&attack.file[..len]);
            });
        }
    }
}
