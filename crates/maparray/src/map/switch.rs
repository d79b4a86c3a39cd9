//! How do a region's bytes move between memory and a file while others use them?
//!
//! Their addresses stay: the pages behind them are exchanged in one step, for pages with the same
//! bytes. From the first copied byte to that step the region is frozen (`freeze.rs`): who reads goes
//! on, who writes waits, so that nothing is lost.
//!
//! Knows: errors. Must not know: what the bytes mean.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};

use memmap2::MmapRaw;

use super::freeze::Freeze;
use super::{Backing, Mode, OpenFile, Place, Region, heap, platform};
use crate::error::{Error, Problem, Result};

/// Bytes that are copied at once.
const PIECE: usize = 8 << 20;

/// A region whose bytes nobody can change, until this is gone.
pub(crate) struct Frozen<'a> {
    region: &'a Region,
    /// Whether nobody else holds the region.
    alone: bool,
    /// Gone before the next one may begin.
    _freeze: Option<Freeze>,
    _moving: MutexGuard<'a, ()>,
}

/// The right to move a region's bytes, which one holder has at a time.
#[derive(Clone, Debug)]
pub(crate) struct Claim(Arc<Claimed>);

#[derive(Debug)]
struct Claimed(Arc<AtomicBool>);

impl Claim {
    pub(crate) fn is_of(&self, region: &Region) -> bool {
        Arc::ptr_eq(&self.0.0, &region.claimed)
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Region {
    /// Zeroed memory of our own in pages, which others may reach by its address: their bytes can be
    /// moved to a file and back under their eyes.
    ///
    /// # Errors
    /// `Io` if the system has no room for so many bytes.
    ///
    /// ```
    /// let region = maparray::Region::pages(100)?;
    /// assert!(!region.is_private() && region.is_writable());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn pages(len: usize) -> Result<Region> {
        let region = Region::from_map(heap::anonymous(len)?, Backing::Memory);
        region.open.store(true, Ordering::Release);
        Ok(region)
    }

    /// Notes that others reach the bytes by their address: no slice is made of them any more without a
    /// promise, and many may write.
    pub(crate) fn note_others(&mut self) {
        self.open.store(true, Ordering::Release);
    }

    /// The right to move the bytes, unless somebody has it: who shows the same bytes in another shape
    /// must not move them for all.
    pub(crate) fn claim(&self) -> Option<Claim> {
        let taken = self.claimed.swap(true, Ordering::AcqRel);
        (!taken).then(|| Claim(Arc::new(Claimed(Arc::clone(&self.claimed)))))
    }

    /// Whether its bytes can be moved without moving their addresses.
    pub(crate) fn can_switch(&self) -> bool {
        let own = match &self.place {
            Place::Map(_) => true,
            // Regions of other lengths would show half of it.
            Place::Ahead(map) => Arc::strong_count(map) == 1,
            _ => false,
        };
        platform::CAN_MOVE_PAGES && own
    }

    /// Bytes between the start of a page and the region's first byte: a file can take its place if
    /// its data begins as far behind a page.
    ///
    /// # Errors
    /// As [`Region::as_ptr`].
    pub(crate) fn lead(&self) -> Result<usize> {
        Ok(self.start()?.as_ptr().addr() % platform::page_size())
    }

    /// The first byte of a file, from `at` on, whose data can take the place of the region's.
    pub(crate) fn place_in_file(&self, at: usize) -> usize {
        let page = platform::page_size();
        let lead = self.lead().unwrap_or(0);
        at + (lead + page - at % page) % page
    }

    /// Makes whoever writes wait.
    ///
    /// # Errors
    /// `InUse` if slices of it may be alive, or if others hold it and its pages cannot be exchanged;
    /// `Io` if the system refuses.
    pub(crate) fn freeze(region: &mut Arc<Region>) -> Result<Frozen<'_>> {
        let holders = Arc::strong_count(region);
        let alone = Arc::get_mut(region).is_some();
        if !region.can_switch() || (!alone && region.needs_one_writer()) {
            return Err(Error::new(Problem::Shared { holders }));
        }
        let region: &Arc<Region> = region;
        let moving = region.moving.lock();
        let moving = moving.unwrap_or_else(PoisonError::into_inner);
        // A region of another length may have been made since; from here on none is.
        if !region.can_switch() {
            return Err(Error::new(Problem::Shared { holders }));
        }
        let start = region.start()?.as_ptr();
        let freeze = match (alone, region.len) {
            // Nobody else can write.
            (true, _) | (_, 0) => None,
            _ => {
                let lead = region.lead()?;
                let (first, len) = (start.wrapping_sub(lead), lead + region.len);
                // SAFETY: these pages are those of the region's mapping, which lives while `region`
                // is borrowed; the freeze is gone before that ends.
                let freeze = unsafe { Freeze::new(first, len, region.is_writable()) };
                Some(freeze.map_err(|error| Error::io("protect the memory", error))?)
            }
        };
        Ok(Frozen {
            region,
            alone,
            _freeze: freeze,
            _moving: moving,
        })
    }
}

impl Frozen<'_> {
    /// Copies all bytes to a file, from `offset` on.
    ///
    /// # Errors
    /// `Io` if the system cannot write, `Malformed` if a mapped file has become too short.
    pub(crate) fn copy_to(&self, file: &OpenFile, offset: u64) -> Result<()> {
        if self.region.mode().is_none() && self.region.len > 0 {
            let start = self.region.start()?.as_ptr();
            // SAFETY: invariant 1; and nobody writes to this memory, which has no other addresses than
            // these, while it is frozen or its one holder is borrowed.
            let bytes = unsafe { std::slice::from_raw_parts(start, self.region.len) };
            return file.write_at(offset, bytes);
        }
        let (mut buffer, bytes) = (vec![], PIECE.min(self.region.len));
        let no_room = |_| {
            let bytes = bytes as u64;
            Error::new(Problem::OutOfMemory { bytes })
        };
        buffer.try_reserve_exact(bytes).map_err(no_room)?;
        buffer.resize(bytes, 0);
        for at in (0..self.region.len).step_by(PIECE) {
            let bytes = &mut buffer[..PIECE.min(self.region.len - at)];
            self.read(at, bytes)?;
            file.write_at(offset + at as u64, bytes)?;
        }
        Ok(())
    }

    /// Number of bytes.
    pub(crate) fn len(&self) -> usize {
        self.region.len
    }

    /// Copies bytes out, from the file itself if there is one: what it has lost is an error there,
    /// and a signal in a map.
    fn read(&self, at: usize, out: &mut [u8]) -> Result<()> {
        match (self.region.mode(), self.region.file()) {
            (Some(Mode::Read | Mode::ReadWrite), Some(file)) => {
                file.read_all(self.region.file_offset() + at as u64, out)
            }
            (Some(Mode::CopyOnWrite), Some(file)) => {
                file.check_not_shorter()?;
                self.region.read(at, out)
            }
            _ => self.region.read(at, out),
        }
    }

    /// Puts a file behind the bytes, which it has from `offset` on: what is written from now on
    /// reaches the file. `before` is done last, when nothing else can go wrong.
    ///
    /// # Errors
    /// `Io` if the system cannot map the file, and what `before` finds; then all is as it was.
    pub(crate) fn become_file(
        self,
        file: &Arc<OpenFile>,
        offset: u64,
        before: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let map = file.map_raw(offset, self.region.len)?;
        rehearse()?;
        before()?;
        let backing = Backing::File {
            file: Arc::clone(file),
            offset,
            mode: Mode::ReadWrite,
        };
        self.exchange(map, backing)
    }

    /// Puts memory of our own behind the bytes, and copies them there. The file keeps what it has.
    ///
    /// # Errors
    /// `Io` if there is no room, `Malformed` if the file has become too short; then all is as it was.
    pub(crate) fn become_memory(self) -> Result<()> {
        let lead = self.region.lead()?;
        let map = match self.region.len {
            0 => None,
            len => heap::anonymous(lead + len)?,
        };
        if let Some(map) = &map {
            for at in (0..self.region.len).step_by(PIECE) {
                let len = PIECE.min(self.region.len - at);
                let to = map.as_mut_ptr().wrapping_add(lead + at);
                // SAFETY: `map` has `lead + region.len` writable bytes that nobody else knows of.
                let out = unsafe { std::slice::from_raw_parts_mut(to, len) };
                self.read(at, out)?;
            }
        }
        self.exchange(map, Backing::Memory)
    }

    /// Exchanges the pages. `map` has the same bytes, as far behind a page as the region's are.
    fn exchange(self, map: Option<MmapRaw>, backing: Backing) -> Result<()> {
        let region = self.region;
        let mut now = region
            .backing
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(map) = map {
            let page = platform::page_size();
            let lead = region.lead()?;
            let from = map.as_mut_ptr();
            let from = from.wrapping_sub(from.addr() % page);
            let to = region.start()?.as_ptr().wrapping_sub(lead);
            // SAFETY: both are whole pages of mappings of the same length: of `map`, which is ours and
            // given up below, and of the region, which `place` keeps and will unmap as before. The
            // bytes at the region's addresses are the same afterwards, and nobody changes them
            // meanwhile; invariant 1 holds.
            let moved = unsafe { platform::move_pages(from, lead + region.len, to) };
            moved.map_err(|error| Error::io("exchange the memory", error))?;
            std::mem::forget(map);
            region.moved.store(true, Ordering::Release);
        }
        if !self.alone {
            // No slice of the bytes is alive: `freeze` was refused where there could be one.
            region.open.store(true, Ordering::Release);
        }
        region.ready.clear(0..region.len);
        *now = backing;
        Ok(())
    }
}

/// Exchanges a page for another. A process that has as many mappings as it may have cannot do that,
/// nor exchange the pages of a region: here it is found before a file has got its name.
fn rehearse() -> Result<()> {
    let page = platform::page_size();
    let (Some(from), Some(to)) = (heap::anonymous(page)?, heap::anonymous(page)?) else {
        return Ok(());
    };
    // SAFETY: both are a page that nobody else knows of; `from` is given up below, and `to` unmaps what
    // has come to its place.
    let moved = unsafe { platform::move_pages(from.as_mut_ptr(), page, to.as_mut_ptr()) };
    moved.map_err(|error| Error::io("exchange the memory", error))?;
    std::mem::forget(from);
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::path::Path;
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::map::{Allocate, Existing, Flush, NewFile};

    /// Increments by threads that know the address only, while the bytes move to a file and back.
    #[test]
    fn no_store_is_lost_by_a_switch() -> Result<()> {
        let folder = tempfile::tempdir().map_err(|error| Error::io("make a folder", error))?;
        let (len, threads) = (1 << 20, 3);
        let mut region = Arc::new(Region::pages(len)?);
        let holder = Arc::clone(&region);
        let start = region.as_ptr()?.cast::<AtomicU64>();
        // SAFETY: pages are aligned, zeroed and writable, and `holder` keeps them to the end.
        let counts = unsafe { std::slice::from_raw_parts(start, len / 8) };
        let asked = std::env::var("MAPARRAY_SWITCHES").ok();
        let switches: usize = asked.map_or(200, |text| text.parse().expect("a number of switches"));
        let stop = AtomicBool::new(false);
        let turns = std::thread::scope(|scope| {
            let work = |thread: usize| {
                let mut turns = 0;
                while !stop.load(Ordering::Relaxed) {
                    for count in counts[thread..].iter().step_by(threads) {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    turns += 1;
                }
                turns
            };
            let workers: Vec<_> = (0..threads)
                .map(|thread| scope.spawn(move || work(thread)))
                .collect();
            let mut switch = || {
                for turn in 0..switches.div_ceil(2) {
                    into_file(
                        &mut region,
                        &folder.path().join(format!("{}.raw", turn % 4)),
                    )?;
                    Region::freeze(&mut region)?.become_memory()?;
                }
                into_file(&mut region, &folder.path().join("last.raw"))
            };
            let switched = switch();
            stop.store(true, Ordering::Relaxed);
            let turns: Vec<u64> = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or(0))
                .collect();
            switched.map(|()| turns)
        })?;
        assert!(turns.iter().all(|&turns| turns > 0));
        let bytes = std::fs::read(folder.path().join("last.raw"));
        let bytes = bytes.map_err(|error| Error::io("read", error))?;
        for (at, count) in bytes.chunks_exact(8).enumerate() {
            let count: u64 = bytemuck::pod_read_unaligned(count);
            assert_eq!(count, turns[at % threads]);
        }
        drop(holder);
        Ok(())
    }

    fn into_file(region: &mut Arc<Region>, path: &Path) -> Result<()> {
        let frozen = Region::freeze(region)?;
        let (replace, full) = (Existing::Replace, Allocate::Full);
        let new = NewFile::create(path, frozen.len() as u64, replace, full)?;
        let file = OpenFile::from_file(new.share()?)?;
        frozen.copy_to(&file, 0)?;
        frozen.become_file(&file, 0, || new.commit(Flush::Start))
    }
}
