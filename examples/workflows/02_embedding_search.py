"""Search among embeddings: the ten nearest by cosine of float16 vectors that stay in their file."""

import sys
import tempfile
from pathlib import Path

import numpy as np

import maparray


def main(folder):
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(4000, 96)).astype("f2")
    np.save(folder / "e.npy", vectors)
    queries = (vectors[[7, 1234]] + rng.normal(size=(2, 96)) * 0.1).astype("f4")
    memory = 1 << 20

    # Once: the length of each vector, kept beside them.
    maparray.eval(
        "sqrt(sum(float32(e) ** 2, axis=1))",
        e=folder / "e.npy",
        out=folder / "norms.npy",
        memory=memory,
    ).close()

    # For each question: scores in one pass over the file, then the best of them.
    scores = maparray.eval(
        "matmul(float32(e), q) / norms",
        e=folder / "e.npy",
        q=(queries / np.linalg.norm(queries, axis=1, keepdims=True)).T,
        norms=np.load(folder / "norms.npy")[:, None],
        memory=memory,
    )
    best = maparray.argtopk(scores, 10, axis=0)

    wide = vectors.astype("f8")
    expected = wide @ queries.T.astype("f8") / np.linalg.norm(wide, axis=1)[:, None]
    assert best[0].tolist() == [7, 1234]
    assert (best == np.argsort(-expected, axis=0, kind="stable")[:10]).all()
    print(f"nearest to each query: {best[:3].T.tolist()}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
