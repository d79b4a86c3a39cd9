"""Tokens of a language model: a file of uint16 without a header, batches of windows, a corpus
that grows without anybody knowing its length before."""

import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import maparray


def main(folder):
    rng = np.random.default_rng(1)
    tokens = rng.integers(0, 50_257, 300_000, dtype="u2")
    # What `prepare.py` writes: numbers and nothing else.
    tokens.tofile(folder / "train.bin")

    # Said once, in a small file beside it; who opens it need not know what it holds.
    maparray.wrap(folder / "train.bin", "<u2")
    data = maparray.open(folder / "train.bin")
    assert (data.dtype, data.shape) == (np.dtype("u2"), tokens.shape)
    data.advise("random")

    # A view of all windows costs nothing; one call takes a whole batch of them.
    block, batch = 256, 12
    windows = sliding_window_view(data.view(), block + 1)
    starts = rng.integers(0, len(windows), batch)
    taken = maparray.take(windows, starts).astype("i8")
    x, y = taken[:, :-1], taken[:, 1:]
    assert (x == np.stack([tokens[i : i + block] for i in starts])).all()
    assert (y == np.stack([tokens[i + 1 : i + 1 + block] for i in starts])).all()

    # The writer: documents of any length, one after the other; a reader sees them when it looks.
    documents = np.split(tokens, np.sort(rng.integers(0, len(tokens), 40)))
    with maparray.create(folder / "corpus.npy", shape=(0,), dtype="u2") as corpus:
        reader = maparray.open(folder / "corpus.npy")
        for document in documents:
            corpus.append(document, durable=False)
        corpus.flush()
    assert reader.refresh()
    assert (np.load(folder / "corpus.npy", mmap_mode="r") == tokens).all()
    print(f"a batch of {x.shape} tokens; {len(reader)} tokens came in {len(documents)} documents")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
