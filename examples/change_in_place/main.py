"""A file is changed where it lies, and NumPy sees the change."""

import sys
import tempfile
from pathlib import Path

import numpy as np

import maparray


def main(folder):
    file = folder / "a.npy"
    np.save(file, np.array([1.0, 2.0, 3.0]))
    reader = np.load(file, mmap_mode="r")

    # One element, then all of them; `flush` returns when they are on the disk.
    with maparray.open(file, "r+") as a:
        a[-1] = 30
        maparray.eval("a + 1", a=a, out=a)
        a.flush()

    seen = reader.tolist()
    assert seen == [2.0, 3.0, 31.0], seen
    print(f"the file holds {seen} now")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
