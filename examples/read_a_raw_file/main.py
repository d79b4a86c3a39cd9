"""A file without a .npy header: big-endian numbers after ten bytes that are skipped."""

import sys
import tempfile
from pathlib import Path

import maparray


def main(folder):
    # What an instrument wrote: its name, then rows of three 16-bit numbers.
    file = folder / "samples.raw"
    file.write_bytes(b"sensor 7:\n" + b"".join(n.to_bytes(2, "big") for n in range(1, 7)))

    # The length of the file tells how many rows there are.
    with maparray.open(file, dtype=">i2", shape=(-1, 3), offset=10) as samples:
        print(f"samples.raw: {samples.dtype.str} {samples.shape}")
        means = maparray.eval("mean(a, axis=1)", a=samples).tolist()
    assert means == [2.0, 5.0], means
    print(f"the mean of each row is {means}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
