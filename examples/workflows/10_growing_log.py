"""A log of ticks: rows of a structured dtype are added, read meanwhile, and survive a crash."""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

import maparray

TICK = np.dtype([("time", "<i8"), ("price", "<f8"), ("size", "<u4")])


def main(folder):
    rng = np.random.default_rng(10)
    ticks = np.empty(3000, TICK)
    ticks["time"] = np.cumsum(rng.integers(1, 50, len(ticks)))
    ticks["price"] = 100 + rng.normal(size=len(ticks)).cumsum()
    ticks["size"] = rng.integers(1, 900, len(ticks))
    file = folder / "ticks.npy"

    writer = maparray.create(file, shape=(0,), dtype=TICK)
    reader = maparray.open(file)
    writer.extend(ticks[:2000], durable=False)
    for tick in ticks[2000:2010]:
        writer.append(tick)  # there after a power failure, too
    assert (len(reader), reader.refresh(), len(reader)) == (0, True, 2010)
    writer.append(ticks[2010:])
    writer.close()
    reader.refresh()

    # What happened between two moments: the times are in order, so that a few pages are read.
    view = reader.view()
    first, last = np.searchsorted(view["time"], [20_000, 30_000])
    between = maparray.eval(
        "sum(p * s) / sum(s)", p=view["price"][first:last], s=view["size"][first:last]
    )
    some = ticks[(ticks["time"] >= 20_000) & (ticks["time"] < 30_000)]
    assert len(some) == last - first > 0
    assert np.isclose(between, np.average(some["price"], weights=some["size"]))
    del view
    reader.close()

    # A copy that lost its end in the middle of a row, as a full disk leaves it.
    os.truncate(file, file.stat().st_size - 30)
    found = maparray.recover(file)
    assert (found.rows, found.claimed) == (len(ticks) - 2, len(ticks))
    assert (np.load(file) == ticks[:-2]).all()
    with maparray.open(file, "r+") as writer:
        writer.append(ticks[-2:])
    assert (np.load(file) == ticks).all()
    print(f"{len(some)} ticks between; {found.rows} of {found.claimed} rows outlived the cut")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
