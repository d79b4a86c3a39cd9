"""Two files are added into a third, in less memory than any of them takes."""

import sys
import tempfile
from pathlib import Path

import numpy as np

import maparray


def main(folder):
    # Two files of 16 MB: one counts up, the other counts down.
    up = np.arange(4_000_000, dtype="f4").reshape(2000, 2000)
    np.save(folder / "x.npy", up)
    np.save(folder / "y.npy", 4_000_000 - up)

    # From file to file, in 8 MB at most.
    with maparray.eval(
        "x + y", x=folder / "x.npy", y=folder / "y.npy", out=folder / "z.npy", memory=8 << 20
    ) as z:
        print(f"z.npy: {z.dtype.str} {z.shape}, {z.nbytes} bytes")
        assert maparray.eval("all(z == 4000000)", z=z), "a wrong sum"
    print("every sum is 4000000")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
