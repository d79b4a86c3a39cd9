"""What numba's users would write: parallel loops, with `fastmath` where they sum."""

import numba
import numpy as np

# Compiled once for all: the second benchmark does not wait for it.
loop = numba.njit(parallel=True, cache=True)
quick_loop = numba.njit(parallel=True, fastmath=True, cache=True)


@quick_loop
def total(a):
    result = np.float32(0)
    for i in numba.prange(a.size):
        result += a[i]
    return result


@quick_loop
def extremes(a):
    least, greatest = a[0], a[0]
    for i in numba.prange(a.size):
        least = min(least, a[i])
        greatest = max(greatest, a[i])
    return least, greatest


@quick_loop
def variance(a):
    """Shifted by the first element, in one pass, in double precision."""
    shift, total, squares = np.float64(a[0]), 0.0, 0.0
    for i in numba.prange(a.size):
        rest = a[i] - shift
        total += rest
        squares += rest * rest
    return squares / a.size - (total / a.size) ** 2


@quick_loop
def square(a, b):
    result = np.float32(0)
    for i in numba.prange(a.size):
        result += (a[i] - b[i]) ** 2
    return result / a.size


@loop
def add(a, b, out):
    for i in numba.prange(a.size):
        out[i] = a[i] + b[i]


@loop
def mix(a, b, c, out):
    for i in numba.prange(a.size):
        out[i] = (a[i] * np.float32(0.5) + b[i]) / (c[i] + np.float32(1))


@loop
def sqrt(a, out):
    for i in numba.prange(a.size):
        out[i] = np.sqrt(a[i])


@loop
def exp(a, out):
    for i in numba.prange(a.size):
        out[i] = np.exp(a[i])


@loop
def add_one(a):
    for i in numba.prange(a.size):
        a[i] += np.float32(1)


@loop
def transpose(a, out):
    """In tiles, each of which fits into the first cache."""
    tile = 64
    rows, columns = a.shape
    for band in numba.prange((columns + tile - 1) // tile):
        first = band * tile
        last = min(first + tile, columns)
        for start in range(0, rows, tile):
            for j in range(first, last):
                for i in range(start, min(start + tile, rows)):
                    out[j, i] = a[i, j]


@loop
def gather(a, picks, out):
    for i in numba.prange(picks.size):
        out[i] = a[picks[i]]
