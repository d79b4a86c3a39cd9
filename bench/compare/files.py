"""Which files are read, and what is in them?

Made when a row asks for them, in the working folder, as `np.save` makes them; random numbers in
[0, 1) unless said.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.lib.format import open_memmap

CHUNK = 1 << 20


@dataclass
class Sizes:
    """How large everything is; set once, before anything is made."""

    # Bytes of each array.
    array: int = 512 << 20
    # Side of the square matrix that is transposed, and files that are opened.
    side: int = 16384
    small: int = 1000
    # Rows that are picked at random from an array of four times `array` bytes.
    picks: int = 100_000

    def fit(self, array):
        """All sizes for arrays of so many bytes."""
        part = array / (512 << 20)
        self.array = array // 16384 * 16384
        self.side = max(int(16384 * min(part, 1.0) ** 0.5) // 64 * 64, 64)
        self.picks = max(int(100_000 * min(part, 1.0)), 100)


SIZES = Sizes()
COLUMNS = 4096
WIDTH = 128
COLUMN = 5


def load(name, mode="r"):
    """A file as NumPy's users open it."""
    return np.load(name, mmap_mode=mode)


def new_file(like, name="out.npy", shape=None):
    return open_memmap(name, mode="w+", dtype=like.dtype, shape=shape or like.shape)


def chunks(*arrays):
    """The same parts of several arrays, one after the other."""
    for start in range(0, arrays[0].size, CHUNK):
        yield [array.reshape(-1)[start : start + CHUNK] for array in arrays]


def random(seed, shape):
    return np.random.default_rng(seed).random(shape, dtype="f4")


def make_array(name):
    np.save(name, random(ord(name[0]), SIZES.array // 4))


def make_big():
    """The numbers of a, in the other order of bytes."""
    need("a.npy")
    np.save("big.npy", np.load("a.npy").astype(">f4"))


def make_table():
    np.save("table.npy", random(1, (SIZES.array // 4 // COLUMNS, COLUMNS)))


def make_rows():
    """Row i holds i, i + 1/256, i + 2/256, …: what was picked can be told from what was not."""
    count = SIZES.array // WIDTH
    rows = np.empty((count, WIDTH), "f4")
    rows[:] = np.arange(WIDTH, dtype="f4") / 256
    # Below 2^15, so that every number is exact.
    rows += (np.arange(count) % 32768).astype("f4")[:, None]
    np.save("rows.npy", rows)


def make_square():
    np.save("square.npy", random(2, (SIZES.side, SIZES.side)))


def make_count():
    """Small whole numbers, so that 1 can be added many times without rounding."""
    count = np.empty(SIZES.array // 4, "f4")
    for start in range(0, count.size, CHUNK):
        part = count[start : start + CHUNK]
        part[:] = np.arange(start, start + part.size) % 1000
    np.save("count.npy", count)


def make_old():
    """An output that exists, of the size of a."""
    np.save("old.npy", np.zeros(SIZES.array // 4, "f4"))


def small_names():
    return [f"small{number}.npy" for number in range(SIZES.small)]


def make_small():
    """Files of a kilobyte; the first element is the file's number."""
    for number, name in enumerate(small_names()):
        np.save(name, np.arange(number, number + 256, dtype="f4"))


def make_written():
    """The numbers of a, written by us."""
    import maparray

    need("a.npy")
    maparray.save("written.npy", load("a.npy"))


def make_mapped():
    """The numbers of a, written through a map, as results of NumPy are that do not fit."""
    need("a.npy")
    new_file(load("a.npy"), "mapped.npy")[:] = load("a.npy")


def make_member():
    """A quarter of a, alone and in an archive."""
    member = random(4, SIZES.array // 16)
    np.save("member.npy", member)
    np.savez("member.npz", x=member)


MAKERS = {
    "member.npz": make_member,
    "big.npy": make_big,
    "table.npy": make_table,
    "rows.npy": make_rows,
    "square.npy": make_square,
    "count.npy": make_count,
    "old.npy": make_old,
    "small": make_small,
    "written.npy": make_written,
    "mapped.npy": make_mapped,
}


@cache
def need(name):
    """Makes a file unless it was made."""
    if name in MAKERS:
        MAKERS[name]()
    else:
        make_array(name)


@cache
def picks():
    """The rows that are gathered."""
    return np.random.default_rng(3).integers(0, SIZES.array // WIDTH, SIZES.picks)
