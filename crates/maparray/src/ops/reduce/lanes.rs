//! How do long rows and many columns run at the speed of memory?
//!
//! Rows by many partial results side by side, [`over_lanes`], as many on every machine; columns
//! through a [`Tile`] of partial results that costs little to add to and is emptied now and then.
//!
//! Knows: elements and slots. Must not know: what is computed, axes, threads.

use bytemuck::Pod;

use crate::strip::Elements;

/// Folds elements into `N` lanes, in turns.
#[inline(always)]
pub(super) fn over_lanes<L: Copy, R: Pod, const N: usize>(
    lanes: &mut [L; N],
    values: Elements<'_, R>,
    join: impl Fn(L, R) -> L,
) {
    over_arrays::<R, N>(
        values,
        #[inline(always)]
        |lane, raw| lanes[lane] = join(lanes[lane], raw),
    );
}

/// As [`over_lanes`], where a lane holds several numbers, each in an array of its own: `take` gets the
/// number of the lane and an element.
#[inline(always)]
pub(super) fn over_arrays<R: Pod, const N: usize>(
    values: Elements<'_, R>,
    mut take: impl FnMut(usize, R),
) {
    let whole = values.len() / N;
    for i in 0..whole {
        let chunk = values.chunk::<N>(i);
        // By number: of iterators over arrays the compiler makes no vectors here.
        #[expect(clippy::needless_range_loop, reason = "said above")]
        for lane in 0..N {
            take(lane, chunk[lane]);
        }
    }
    let rest = values.from(whole * N);
    for lane in 0..rest.len() {
        take(lane, rest.get(lane));
    }
}

/// Joins one element of each row to each slot, the rows in their order.
#[inline(always)]
pub(super) fn side_by_side<L: Copy, R: Pod, const ROWS: usize>(
    slots: &mut [L],
    rows: [Elements<'_, R>; ROWS],
    join: impl Fn(L, R) -> L,
) {
    // Of many rows, as many slots as stay in registers.
    if ROWS == 1 {
        blocks::<L, R, ROWS, 64>(slots, rows, join);
    } else {
        blocks::<L, R, ROWS, 16>(slots, rows, join);
    }
}

#[inline(always)]
fn blocks<L: Copy, R: Pod, const ROWS: usize, const N: usize>(
    slots: &mut [L],
    rows: [Elements<'_, R>; ROWS],
    join: impl Fn(L, R) -> L,
) {
    let (blocks, rest) = slots.as_chunks_mut::<N>();
    let done = blocks.len() * N;
    for (i, block) in blocks.iter_mut().enumerate() {
        let mut lanes = *block;
        for row in &rows {
            let chunk = row.chunk::<N>(i);
            for lane in 0..N {
                lanes[lane] = join(lanes[lane], chunk[lane]);
            }
        }
        *block = lanes;
    }
    for (i, slot) in rest.iter_mut().enumerate() {
        for row in &rows {
            *slot = join(*slot, row.get(done + i));
        }
    }
}

/// Joins the lanes to the first `left` of them, a power of two as `N`.
#[inline(always)]
pub(super) fn together<L: Copy, const N: usize>(
    mut lanes: [L; N],
    left: usize,
    join: impl Fn(L, L) -> L,
) -> [L; N] {
    let mut width = N / 2;
    while width >= left {
        for i in 0..width {
            lanes[i] = join(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes
}

/// Slots whose rows are counted together.
const GROUP: usize = 256;

/// Partial results of columns, a few rows of each, from the first column on.
pub(super) struct Tile<L> {
    slots: usize,
    /// Made when the first row comes.
    lanes: Vec<L>,
    /// Rows that each group holds at most.
    rows: Vec<u32>,
}

impl<L: Pod> Tile<L> {
    pub(super) fn new(slots: usize) -> Tile<L> {
        Tile {
            slots,
            lanes: vec![],
            rows: vec![],
        }
    }

    /// Joins rows of one length to it, and calls `empty` with a group and its first slot before it
    /// holds more than `most` rows; it must leave zeros.
    #[inline(always)]
    pub(super) fn add<R: Pod, const ROWS: usize>(
        &mut self,
        first: usize,
        rows: [Elements<'_, R>; ROWS],
        most: u32,
        join: impl Fn(L, R) -> L,
        mut empty: impl FnMut(usize, &mut [L]),
    ) {
        self.make();
        let len = rows[0].len();
        let mut done = 0;
        while done < len {
            let group = (first + done) / GROUP;
            let count = ((group + 1) * GROUP - first - done).min(len - done);
            self.rows[group] += ROWS as u32;
            if self.rows[group] > most {
                self.rows[group] = ROWS as u32;
                let end = ((group + 1) * GROUP).min(self.slots);
                empty(group * GROUP, &mut self.lanes[group * GROUP..end]);
            }
            let lanes = &mut self.lanes[first + done..first + done + count];
            let pieces = rows.map(
                #[inline(always)]
                |row| row.from(done).first(count),
            );
            side_by_side(lanes, pieces, &join);
            done += count;
        }
    }

    #[inline(never)]
    fn make(&mut self) {
        if self.lanes.is_empty() {
            self.lanes = vec![L::zeroed(); self.slots];
            self.rows = vec![0; self.slots.div_ceil(GROUP)];
        }
    }

    /// What it holds for each slot; nothing if no row came.
    pub(super) fn lanes(&self) -> &[L] {
        &self.lanes
    }

    /// What it holds for each slot, to be taken out.
    pub(super) fn lanes_mut(&mut self) -> &mut [L] {
        self.rows.fill(0);
        &mut self.lanes
    }
}

/// How many elements each slot has met.
#[derive(Default)]
pub(super) struct Counts {
    each: Vec<u64>,
    /// Rows that met all slots of a group.
    groups: Vec<u64>,
}

impl Counts {
    pub(super) fn new(slots: usize) -> Counts {
        Counts {
            each: vec![0; slots],
            groups: vec![0; slots.div_ceil(GROUP)],
        }
    }

    /// So many elements for one slot.
    pub(super) fn row(&mut self, slot: usize, count: usize) {
        if let Some(each) = self.each.get_mut(slot) {
            *each += count as u64;
        }
    }

    /// One element for each of so many slots.
    pub(super) fn column(&mut self, first: usize, count: usize) {
        let slots = self.each.len();
        let end = (first + count).min(slots);
        let mut start = first;
        while start < end {
            let group = start / GROUP;
            let stop = ((group + 1) * GROUP).min(slots);
            if start == group * GROUP && end >= stop {
                self.groups[group] += 1;
            } else {
                for each in &mut self.each[start..stop.min(end)] {
                    *each += 1;
                }
            }
            start = stop;
        }
    }

    pub(super) fn get(&self, slot: usize) -> u64 {
        self.each[slot] + self.groups[slot / GROUP]
    }

    pub(super) fn merge(&mut self, other: &Counts) {
        for (count, more) in self.each.iter_mut().zip(&other.each) {
            *count += more;
        }
        for (count, more) in self.groups.iter_mut().zip(&other.groups) {
            *count += more;
        }
    }
}
