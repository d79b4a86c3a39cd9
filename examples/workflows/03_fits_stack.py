"""Frames of a telescope: uint16 FITS files, as cameras write them, become one clipped master."""

import sys
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.stats import sigma_clip

import maparray


def main(folder):
    rng = np.random.default_rng(3)
    frames = rng.normal(40_000, 60, (9, 60, 80))
    frames[rng.random(frames.shape) < 0.01] += 20_000  # cosmic rays
    frames = frames.clip(0, 65_535).astype("u2")
    for i, frame in enumerate(frames):
        # The file has signed numbers and BZERO = 32768, which is why few can map it.
        image = fits.PrimaryHDU(frame)
        image.header["BUNIT"] = "adu"
        image.header["EXPTIME"] = (30.0, "seconds")
        image.writeto(folder / f"dark-{i:02}.fits")

    stack = maparray.stack(folder / "dark-*.fits")
    assert (stack.shape, stack.dtype, str(stack.unit)) == (frames.shape, np.dtype("u2"), "adu")
    middle = stack.median(memory=1 << 18)
    clipped = stack.sigma_clip(3, maxiters=5)
    mean = clipped.mean(memory=1 << 18)

    expected = sigma_clip(frames.astype("f8"), sigma=3, maxiters=5, axis=0)
    assert (middle.view() == np.median(frames, axis=0)).all()
    assert np.allclose(mean.view(), expected.mean(axis=0), rtol=1e-12)
    assert (clipped.median().view() == np.ma.median(expected, axis=0)).all()
    left_out = frames.size - int(np.sum(clipped.count()))

    # The master is a FITS file again, with a header that says what it is made of.
    exposure = maparray.fits_header(folder / "dark-00.fits")["EXPTIME"]
    cards = {"EXPTIME": exposure, "NCOMBINE": (len(stack), "frames combined")}
    maparray.save_fits(folder / "master.fits", mean, header=cards)
    master, header = fits.getdata(folder / "master.fits", header=True)
    assert (master == mean.view()).all()
    assert (header["BUNIT"], header["EXPTIME"], header["NCOMBINE"]) == ("adu", 30.0, len(stack))
    print(f"{len(stack)} frames, {left_out} numbers left out, mean {master.mean():.1f} {mean.unit}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
