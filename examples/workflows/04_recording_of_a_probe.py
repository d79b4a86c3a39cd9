"""A recording of 385 channels: int16 without a header becomes microvolts, one second at a time."""

import sys
import tempfile
from pathlib import Path

import numpy as np

import maparray

CHANNELS, RATE, MICROVOLTS = 385, 1000, 2.34375


def main(folder):
    rng = np.random.default_rng(4)
    counts = rng.integers(-300, 300, (2 * RATE, CHANNELS), dtype="i2")
    counts[:, 17] += 900
    counts.tofile(folder / "a.dat")

    # The length of the file says how many samples there are.
    with maparray.open(folder / "a.dat", dtype="<i2", shape=(-1, CHANNELS)) as recording:
        assert recording.shape == counts.shape

        # From piece to piece, and the memory of each is given back.
        loudest = np.zeros(CHANNELS, "i4")
        for second in maparray.iter_chunks(recording, rows=RATE, release=True):
            loudest = np.maximum(loudest, np.abs(second.astype("i4")).max(axis=0))
        assert (loudest == np.abs(counts.astype("i4")).max(axis=0)).all()

        # In microvolts, without the common noise and the offset of each channel; float32, in 1 MB.
        with maparray.eval(
            "(float32(a) - mean(a, axis=0, dtype=float32)) * s",
            a=recording,
            s=np.float32(MICROVOLTS),
            out=folder / "microvolts.npy",
            memory=1 << 20,
        ) as clean:
            assert clean.dtype == np.dtype("f4")
            noise = maparray.eval("std(a, axis=0)", a=clean)

    expected = (counts - counts.mean(axis=0)) * MICROVOLTS
    assert np.allclose(np.load(folder / "microvolts.npy"), expected, atol=0.05)
    assert np.allclose(noise, expected.std(axis=0), rtol=1e-4)
    print(f"channel {loudest.argmax()} is the loudest; noise is {np.median(noise):.0f} uV")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
