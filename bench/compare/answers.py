"""What is the right answer, and is this one it?

Every check takes an answer and gives None, or what is wrong. Our sums and means must be the
float64 answer rounded to the result's dtype; peers may be off by one part in 100,000, and in sums
of columns, which NumPy adds up in float32, by ten.
"""

import math
from functools import cache

import numpy as np
from files import CHUNK, COLUMN, SIZES, chunks, load, need, picks

LOOSE = 1e-5
COLUMNS = 1e-4
# Rounded twice, or in another order, or two units in the last place of an exponential.
CLOSE = 5e-7


@cache
def exact(name):
    """Sum, least, greatest, mean, variance of a file, in float64."""
    array = load(name)
    parts = [(part.sum(dtype="f8"), part.min(), part.max()) for (part,) in chunks(array)]
    sums, least, greatest = zip(*parts, strict=True)
    total = math.fsum(sums)
    mean = total / array.size
    spread = math.fsum(((part.astype("f8") - mean) ** 2).sum() for (part,) in chunks(array))
    return {
        "sum": total,
        "min": min(least),
        "max": max(greatest),
        "mean": mean,
        "var": spread / array.size,
        "std": math.sqrt(spread / array.size),
    }


@cache
def exact_square():
    """The mean of (a - b)**2."""
    squares = (((x.astype("f8") - y) ** 2).sum() for x, y in chunks(load("a.npy"), load("b.npy")))
    return math.fsum(squares) / load("a.npy").size


def forget():
    """Of files that are made anew in another size."""
    for known in (exact, exact_square, need, picks):
        known.cache_clear()


def differs(found, expected, rtol):
    """A sentence, if numbers are not those expected; rtol 0 is to the bit."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape:
        return f"found shape {found.shape}, expected {expected.shape}"
    same = found == expected if rtol == 0 else np.isclose(found, expected, rtol=rtol, atol=0)
    if np.all(same):
        return None
    at = np.unravel_index(np.argmin(same), same.shape) if found.ndim else ()
    return f"found {found[at]}, expected {expected[at]}"


def numbers(name, *what, strict=True):
    """Scalars of a file."""

    def check(answer, ours, whole):
        right = np.array([exact(name)[key] for key in what], "f8").astype("f4")
        found = np.asarray(answer, "f8").reshape(-1).astype("f4")
        return differs(found, right, 0 if ours and strict else LOOSE)

    return check


def square(answer, ours, whole):
    return differs(np.float64(answer), np.float64(exact_square()), CLOSE if ours else LOOSE)


def along(axis):
    """Sums of the table."""

    @cache
    def right():
        return np.sum(load("table.npy"), axis=axis, dtype="f8").astype("f4")

    def check(answer, ours, whole):
        return differs(np.asarray(answer), right(), 0 if ours else COLUMNS if axis == 0 else LOOSE)

    return check


def file(expected, *inputs, rtol=0.0, name="out.npy"):
    """A file whose parts are a function of the parts of others, computed in float64.

    Each side's first file is compared whole, later ones in every sixteenth part.
    """

    def check(answer, ours, whole):
        found = load(name)
        like = load(inputs[0])
        if found.shape != like.shape or found.dtype != np.dtype("f4"):
            return f"found {found.dtype} {found.shape}, expected float32 {like.shape}"
        for part, (out, *parts) in enumerate(chunks(found, *map(load, inputs))):
            if whole or part % 16 == 0:
                right = expected(*(part.astype("f8") for part in parts)).astype("f4")
                wrong = differs(out, right, rtol)
                if wrong:
                    return f"part {part} of the file: {wrong}"
        return None

    return check


def transposed(answer, ours, whole):
    found, square = load("out.npy"), load("square.npy")
    if not found.flags.c_contiguous:
        return "the file is in Fortran's order, which is no transposed copy"
    step = max(CHUNK // SIZES.side, 1)
    for start in range(0, SIZES.side, step if whole else 16 * step):
        wrong = differs(found[start : start + step], square[:, start : start + step].T, 0)
        if wrong:
            return f"row {start} and after: {wrong}"
    return None


def gathered(answer, ours, whole):
    right = (picks() % 32768).astype("f4")
    found = np.asarray(answer)
    if found.shape != (len(right), 128):
        return f"found shape {found.shape}, expected {(len(right), 128)}"
    return differs(found, right[:, None] + np.arange(128, dtype="f4") / 256, 0)


def column(answer, ours, whole):
    right = np.arange(SIZES.array // 128) % 32768 + COLUMN / 256
    return differs(np.asarray(answer), right.astype("f4"), 0)


class Counted:
    """A file to whose every element 1 was added in each run."""

    def __init__(self):
        self.added = 0

    def before(self):
        self.added = int(load("count.npy")[0]) + 1

    def check(self, answer, ours, whole):
        for part, (found,) in enumerate(chunks(load("count.npy"))):
            if whole or part % 16 == 0:
                start = part * CHUNK
                right = np.arange(start, start + found.size) % 1000 + self.added
                wrong = differs(found, right.astype("f4"), 0)
                if wrong:
                    return f"part {part} of the file: {wrong}"
        return None


def small(answer, ours, whole):
    return differs(np.float64(answer), np.float64(sum(range(SIZES.small))), 0)
