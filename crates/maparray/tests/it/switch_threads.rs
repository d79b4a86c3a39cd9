//! Switches in random order while threads read and write, each of which remembers what it wrote.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use maparray::format::Format;
use maparray::{DType, Existing, MemMapArray, Mode, Order};

/// How long a test goes on unless `MAPARRAY_SWITCHES` says how many switches it makes.
const USUAL: Duration = Duration::from_secs(4);

/// Numbers that look random: xorshift.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// Whoever writes some elements of an array, and nobody else does; the first element is everybody's
/// counter.
struct Worker {
    view: MemMapArray,
    /// Its elements are `first`, `first + step`, …, and what it wrote there last is `oracle`.
    first: usize,
    step: usize,
    oracle: Vec<i64>,
    added: i64,
    chance: Chance,
}

impl Worker {
    fn new(array: &MemMapArray, first: usize, step: usize) -> Worker {
        Worker {
            view: array.clone(),
            first,
            step,
            oracle: vec![0; (first..array.len()).step_by(step).len()],
            added: 0,
            chance: Chance(0x9E37_79B9_7F4A_7C15 ^ (first as u64) << 32),
        }
    }

    fn place(&self, at: usize) -> [i64; 1] {
        [(self.first + at * self.step) as i64]
    }

    /// Reads one element, writes another, and adds to the counter.
    fn turn(&mut self) {
        let at = self.chance.below(self.oracle.len());
        let found: i64 = self.view.get(&self.place(at)).unwrap();
        assert_eq!(found, self.oracle[at], "element {:?}", self.place(at));
        let (at, value) = (
            self.chance.below(self.oracle.len()),
            self.chance.next() as i64,
        );
        self.view.set(&self.place(at), value).unwrap();
        self.oracle[at] = value;
        self.view.fetch_add(&[0], 1_i64).unwrap();
        self.added += 1;
    }

    /// Reads all of its elements.
    fn look(&self) {
        let found = self.view.to_vec::<i64>().unwrap();
        let mine = found[self.first..].iter().step_by(self.step);
        assert!(
            mine.eq(&self.oracle),
            "an element of {} is lost",
            self.first
        );
    }
}

/// The array whose elements move, and the files that it has had.
struct Mover {
    array: MemMapArray,
    folder: PathBuf,
    chance: Chance,
    counts: [usize; 4],
    /// The counter was at least this.
    seen: i64,
}

impl Mover {
    fn new(array: MemMapArray, folder: &Path) -> Mover {
        Mover {
            array,
            folder: folder.to_path_buf(),
            chance: Chance(20_261_122),
            counts: [0; 4],
            seen: 0,
        }
    }

    /// One of few names, so that files are replaced, too.
    fn name(&mut self) -> (PathBuf, Existing) {
        let path = self.folder.join(format!("{}.npy", self.chance.below(4)));
        let existing = match path.exists() {
            true => Existing::Replace,
            false => Existing::Refuse,
        };
        (path, existing)
    }

    /// One move, of any kind that is possible now.
    fn switch(&mut self) {
        let format = [Format::Npy, Format::Raw][self.chance.below(2)];
        let (path, existing) = self.name();
        let mapped = self.array.mode().is_some();
        let kind = match self.chance.below(if mapped { 6 } else { 3 }) {
            0 | 1 => {
                self.array.enable_memmap(&path, format, existing).unwrap();
                0
            }
            2 => {
                self.array.enable_temporary(Some(&self.folder)).unwrap();
                1
            }
            3 if self.array.path().is_some_and(|old| old != path) => {
                self.array.rename(&path, existing).unwrap();
                2
            }
            _ => {
                self.array.disable_memmap().unwrap();
                3
            }
        };
        self.counts[kind] += 1;
        self.check();
    }

    /// What others find in the file is what is in the array: the counter goes on.
    fn check(&mut self) {
        if let Some(path) = self.array.path() {
            let (dtype, from) = (DType::of::<i64>(), self.array.data_offset());
            let layout = maparray::Layout::contiguous(&[1], 8, Order::C, 0).unwrap();
            let file = maparray::OpenFile::open(path, Mode::Read).unwrap();
            let span = maparray::Span {
                offset: from,
                len: Some(8),
            };
            let region = file.map(span, Mode::Read, maparray::Extend::Never).unwrap();
            let file = MemMapArray::from_region(region, dtype, layout).unwrap();
            self.go_on(file.atomic_load(&[0]).unwrap());
        }
        self.go_on(self.array.atomic_load(&[0]).unwrap());
    }

    fn go_on(&mut self, now: i64) {
        assert!(now >= self.seen, "{now} additions after {}", self.seen);
        self.seen = now;
    }
}

/// As many switches as are asked for, or as the usual time has room for.
fn go_on_for(mut switch: impl FnMut()) -> usize {
    let asked = std::env::var("MAPARRAY_SWITCHES").ok();
    let asked: Option<usize> = asked.map(|text| text.parse().expect("a number of switches"));
    let (begin, mut done) = (Instant::now(), 0);
    while asked.map_or_else(|| begin.elapsed() < USUAL, |asked| done < asked) {
        switch();
        done += 1;
    }
    done
}

/// Moves an array of `count` elements while `threads` write; one thread writes between the moves.
fn nothing_is_lost(count: usize, threads: usize) {
    let folder = tempfile::tempdir().unwrap();
    let array = MemMapArray::pages(&DType::of::<i64>(), &[count], Order::C).unwrap();
    let mut workers: Vec<Worker> = (0..threads)
        .map(|thread| Worker::new(&array, 1 + thread, threads))
        .collect();
    let address = array.region().as_ptr().unwrap().addr();
    let mut mover = Mover::new(array, folder.path());
    let begin = Instant::now();
    let done = if let [worker] = workers.as_mut_slice() {
        go_on_for(|| {
            mover.switch();
            (0..20).for_each(|_| worker.turn());
            worker.look();
        })
    } else {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for worker in &mut workers {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        (0..500).for_each(|_| worker.turn());
                        worker.look();
                    }
                });
            }
            // The others would never stop if this thread left without telling them.
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                go_on_for(|| mover.switch())
            }));
            stop.store(true, Ordering::Relaxed);
            done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    };
    let [named, unnamed, renamed, back] = mover.counts;
    let turns: i64 = workers.iter().map(|worker| worker.added).sum();
    println!(
        "{done} switches of {count} elements with {threads} writing threads in {:.1} s ({named} to a name, \
         {unnamed} to none, {renamed} renamed, {back} to memory), {turns} turns",
        begin.elapsed().as_secs_f64()
    );
    assert!(done > 0 && workers.iter().all(|worker| worker.added > 0));
    assert_eq!(mover.array.region().as_ptr().unwrap().addr(), address);
    let mut oracle = vec![turns; count];
    for worker in &workers {
        worker.look();
        for (at, value) in worker.oracle.iter().enumerate() {
            oracle[worker.first + at * worker.step] = *value;
        }
    }
    assert!(mover.array.to_vec::<i64>().unwrap() == oracle);
    let last = folder.path().join("last.npy");
    mover
        .array
        .enable_memmap(&last, Format::Npy, Existing::Refuse)
        .unwrap();
    let stored = MemMapArray::read(&last).unwrap();
    assert!(stored.to_vec::<i64>().unwrap() == oracle);
}

#[test]
fn one_thread_that_writes_between_switches_of_a_few_pages_loses_nothing() {
    nothing_is_lost(1500, 1);
}

#[test]
fn four_threads_that_write_during_switches_of_a_few_pages_lose_nothing() {
    nothing_is_lost(1500, 4);
}

#[test]
fn four_threads_that_write_during_switches_of_some_mebibytes_lose_nothing() {
    nothing_is_lost(500_000, 4);
}
