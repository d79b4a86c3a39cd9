//! How are elements read that lie across the order in which they are wanted?
//!
//! A transposed operand is read in bands: as many of its neighbours as share cache lines at once,
//! turned around in small tiles that stay in registers and the first-level cache.
//!
//! Knows: arrays, layouts. Must not know: formats, maps.

use super::plan::Plan;
use crate::array::Source;
use crate::error::Result;
use crate::layout::Walk;
use crate::strip::Strip;
use crate::strip::dispatch::widest;

/// A load whose elements are neighbours along another axis than the innermost.
pub(super) struct Crossed<'a> {
    /// Which load of the plan it is.
    pub(super) load: usize,
    source: &'a Source,
    /// A walk over all but the band axis.
    walk: Walk,
    item: usize,
}

/// How a plan with crossed loads sees its elements: outer positions, a band axis, inner positions.
pub(super) struct Bands<'a> {
    pub(super) crossed: Vec<Crossed<'a>>,
    pub(super) outer: usize,
    pub(super) rows: usize,
    pub(super) inner: usize,
}

/// The elements of one band: some rows, and some inner positions of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    pub(super) outer: usize,
    pub(super) row: usize,
    pub(super) rows: usize,
    pub(super) inner: usize,
    pub(super) width: usize,
}

/// Fewer neighbours than this are not worth a band.
const LEAST: usize = 8;

/// Elements of a tile's side.
const SIDE: usize = 16;

impl<'a> Bands<'a> {
    /// The bands of a plan over `shape`, its axes taken in the order `axes`; `None` if every operand
    /// lies well.
    pub(super) fn of(
        plan: &Plan<'a>,
        shape: &[usize],
        axes: &[usize],
    ) -> Result<Option<Bands<'a>>> {
        let mut found: Option<(usize, Bands<'a>)> = None;
        for (load, of) in plan.loads.iter().enumerate() {
            let Some(source) = of.source else { continue };
            let layout = source.layout().broadcast_to(shape)?.permuted(axes);
            let item = layout.item_size();
            let strides = layout.strides();
            let many = |axis: &usize| layout.shape()[*axis] >= LEAST;
            let Some(last) = (0..layout.ndim())
                .rev()
                .find(|&axis| layout.shape()[axis] != 1)
            else {
                continue;
            };
            let neighbours = (0..last)
                .filter(many)
                .find(|&axis| strides[axis] == item as isize);
            let Some(band_axis) = neighbours
                .filter(|_| strides[last] != item as isize && strides[last] != 0 && many(&last))
            else {
                continue;
            };
            let sizes = layout.shape();
            let rest: Vec<usize> = (0..layout.ndim())
                .filter(|&axis| axis != band_axis)
                .collect();
            let crossed = Crossed {
                load,
                source,
                walk: Walk::new(&layout.permuted(&rest)),
                item,
            };
            match &mut found {
                None => {
                    let bands = Bands {
                        crossed: vec![crossed],
                        outer: sizes[..band_axis].iter().product(),
                        rows: sizes[band_axis],
                        inner: sizes[band_axis + 1..].iter().product(),
                    };
                    found = Some((band_axis, bands));
                }
                Some((axis, bands)) if *axis == band_axis => bands.crossed.push(crossed),
                // Two ways across at once: the second is gathered element by element.
                Some(_) => {}
            }
        }
        Ok(found.map(|(_, bands)| bands))
    }

    /// Position of the first element of a row of a band.
    pub(super) fn position(&self, band: &Band, row: usize) -> usize {
        (band.outer * self.rows + band.row + row) * self.inner + band.inner
    }
}

impl Crossed<'_> {
    /// Fills `out` with the elements of a band, row by row, in the machine's byte order.
    pub(super) fn fill(&self, bands: &Bands<'_>, band: &Band, out: &mut [u8]) -> Result<()> {
        let start = band.outer * bands.inner + band.inner;
        let len = band.rows * self.item;
        let mut strips: Vec<Strip<'_>> = Vec::with_capacity(SIDE);
        let mut column = 0;
        let first = band.row * self.item;
        self.source
            .strips(&self.walk, start, band.width, first + len, |strip| {
                strips.push(strip.part(first..first + len));
                if strips.len() == SIDE {
                    turn(self.item, &strips, out, band.width, column);
                    column += SIDE;
                    strips.clear();
                }
                Ok(())
            })?;
        turn(self.item, &strips, out, band.width, column);
        self.source.dtype().swap_to_native(out);
        Ok(())
    }
}

/// Makes columns of strips: element `i` of strip `k` becomes element `column + k` of row `i`.
fn turn(item: usize, strips: &[Strip<'_>], out: &mut [u8], width: usize, column: usize) {
    match item {
        1 => turn_as::<u8>(strips, out, width, column),
        2 => turn_as::<u16>(strips, out, width, column),
        4 => turn_as::<u32>(strips, out, width, column),
        8 => turn_as::<u64>(strips, out, width, column),
        _ => turn_as::<u128>(strips, out, width, column),
    }
}

fn turn_as<T: bytemuck::Pod>(strips: &[Strip<'_>], out: &mut [u8], width: usize, column: usize) {
    let out: &mut [T] = bytemuck::cast_slice_mut(out);
    let rows = out.len() / width.max(1);
    let tiles = if strips.len() == SIDE { rows / SIDE } else { 0 };
    widest(
        #[inline(always)]
        || {
            for tile in 0..tiles {
                let mut square = [[T::zeroed(); SIDE]; SIDE];
                for (side, strip) in square.iter_mut().zip(strips) {
                    *side = strip.elements::<T>().chunk::<SIDE>(tile);
                }
                for row in 0..SIDE {
                    let at = (tile * SIDE + row) * width + column;
                    for (to, from) in out[at..at + SIDE].iter_mut().zip(&square) {
                        *to = from[row];
                    }
                }
            }
        },
    );
    for (k, strip) in strips.iter().enumerate() {
        let elements = strip.elements::<T>();
        for row in tiles * SIDE..rows {
            out[row * width + column + k] = elements.get(row);
        }
    }
}
