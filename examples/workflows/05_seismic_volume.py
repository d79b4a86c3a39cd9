"""A seismic volume: big-endian, Fortran order, behind a header; turned so that depth is first."""

import sys
import tempfile
from pathlib import Path

import numpy as np

import maparray

MISSING = -32_768


def main(folder):
    rng = np.random.default_rng(5)
    volume = rng.integers(-9000, 9000, (31, 40, 50)).astype(">i2")
    volume[rng.random(volume.shape) < 0.02] = MISSING
    file = folder / "x.img"
    file.write_bytes(b"C 1 CLIENT".ljust(3072) + volume.tobytes(order="F"))

    # Described once; x.img opens by its name from now on.
    maparray.wrap(file, ">i2", volume.shape, offset=3072, order="F")
    with maparray.open(file) as cube:
        assert (cube.dtype, cube.shape) == (volume.dtype, volume.shape)
        assert (cube[3, 4] == volume[3, 4]).all()  # a trace: strided, a page for each number
        mean = maparray.eval(f"mean(a, axis=2, where=a != {MISSING})", a=cube, memory=1 << 16)

    expected = np.mean(volume, axis=2, where=volume != MISSING)
    assert np.allclose(mean, expected, rtol=1e-12)

    # Depth first, in this machine's byte order, C order: slices of depth are read at a stretch.
    maparray.convert(file, folder / "z.npy", axes=(2, 0, 1), dtype="<i2", order="C", memory=1 << 16)
    turned = np.load(folder / "z.npy", mmap_mode="r")
    assert (turned == volume.transpose(2, 0, 1)).all()
    assert (turned.dtype.str, turned.flags.c_contiguous) == ("<i2", True)
    print(f"{volume.shape} {volume.dtype.str} became {turned.shape} {turned.dtype.str}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
