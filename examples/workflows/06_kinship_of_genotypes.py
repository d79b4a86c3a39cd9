"""Kinship: int8 genotypes are standardised and multiplied with themselves, in a few megabytes."""

import sys
import tempfile
from pathlib import Path

import numpy as np

import maparray


def main(folder):
    rng = np.random.default_rng(6)
    people, markers = 120, 3000
    share = rng.uniform(0.1, 0.5, markers)
    genotypes = rng.binomial(2, share, (people, markers)).astype("i1")
    genotypes[1] = genotypes[0]  # twins
    np.save(folder / "g.npy", genotypes)

    # Each marker to mean 0 and deviation 1: a file of float32, four times as large as that of int8.
    maparray.eval(
        "(g - mean(g, axis=0, dtype=float32)) / std(g, axis=0, dtype=float32)",
        g=folder / "g.npy",
        out=folder / "z.npy",
        memory=4 << 20,
    ).close()

    # The product with itself, from file to file.
    with (
        maparray.open(folder / "z.npy") as z,
        maparray.eval(
            "matmul(z, t) / n", z=z, t=z.T, n=markers, out=folder / "k.npy", memory=4 << 20
        ) as kinship,
    ):
        most = kinship.view().copy()

    centred = genotypes - genotypes.mean(axis=0)
    expected = centred / genotypes.std(axis=0)
    assert np.allclose(most, expected @ expected.T / markers, atol=1e-4)
    np.fill_diagonal(most, 0)
    first = np.unravel_index(most.argmax(), most.shape)
    assert sorted(first) == [0, 1]
    print(f"kinship of {most.shape}: persons {sorted(map(int, first))} are twins")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
