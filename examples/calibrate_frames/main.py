"""Frames in adu move to a file under the eyes of their owner, and come back calibrated."""

import sys
import tempfile
from pathlib import Path

import numpy as np

import maparray
from maparray import MemMapArray


def main(folder):
    data = np.arange(12.0).reshape(3, 4) * 10 + 100
    frames = MemMapArray(data, folder / "frames.npy", unit="adu")
    bias = MemMapArray(np.full(4, 100.0), unit="adu")
    time = MemMapArray([2.0], unit="s")
    corner = frames.view()[:1, :1]  # plain NumPy

    # In memory, then in the file, then in memory again: the same instance, and the same view.
    frames.enable_memmap()
    corner += 20
    seen = np.load(folder / "frames.npy")[0, 0]
    rate = (frames - bias) / time
    frames.disable_memmap(remove=True)

    assert seen == 120 == frames.view()[0, 0]
    assert str(rate.unit) == "adu / s"
    assert rate.view().tolist() == ((frames.view() - 100) / 2).tolist()
    # What measures something else is refused before an element is read.
    try:
        frames + time
    except maparray.UnitError as error:
        print(error)
    else:
        raise AssertionError("adu and seconds were added")
    print("the last element is", rate.view()[2, 3], rate.unit)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
