"""A camera's raw stack: its mean over time, a small preview, and a film watched as it grows."""

import sys
import tempfile
from pathlib import Path

import numpy as np

import maparray


def main(folder):
    rng = np.random.default_rng(7)
    film = rng.integers(90, 160, (40, 64, 48), dtype="u2")
    film[:, 20:24, 30:33] += 500
    film.tofile(folder / "film.raw")

    maparray.wrap(folder / "film.raw", "<u2", (-1, 64, 48))
    with maparray.open(folder / "film.raw") as stack:
        background = maparray.eval("mean(a, axis=0)", a=stack, memory=1 << 18)
    # Every tenth frame, every second pixel, from file to file: an address can name a part.
    maparray.convert(f"{folder / 'film.raw'}[::10,::2,::2]", folder / "preview.npy")
    assert np.allclose(background, film.mean(axis=0), rtol=1e-12)
    assert (np.load(folder / "preview.npy") == film[::10, ::2, ::2]).all()

    # The camera adds a frame at a time; whoever watches sees whole frames only.
    live = folder / "live.npy"
    with maparray.create(live, shape=(0, 64, 48), dtype="u2") as camera:
        watcher = maparray.open(live)
        seen = 0
        for number, frame in enumerate(film, 1):
            camera.append(frame, durable=False)
            if number % 8 == 0:
                assert watcher.refresh()
                assert (watcher[seen:] == film[seen:number]).all()
                seen = len(watcher)
        camera.flush()
    assert (np.load(live) == film).all()
    spot = np.unravel_index(background.argmax(), background.shape)
    print(f"the spot is near {tuple(map(int, spot))}; {seen} frames were watched")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
