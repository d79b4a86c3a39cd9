"""Arrays in memory that programs share, by a name or without one.

A name stands for a .npy file in a file system that lives in memory (``/dev/shm`` on Linux;
elsewhere the folder of temporary files), so that it says itself which array it holds. It stays
until somebody unlinks it, or the machine stops.

>>> import maparray
>>> ours = maparray.shm.create("maparray-example", (3,), "i8")
>>> theirs = maparray.shm.open("maparray-example")
>>> theirs[1] = 5
>>> ours.tolist()
[0, 5, 0]
>>> ours.atomic_add(0, 1), theirs.wait(0, seen=0, timeout=1)
(0, 1)
>>> maparray.shm.unlink("maparray-example")

Without a name it is given to a child process, as an argument or by fork, and goes away with the
last process that has it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from typing import Literal, SupportsIndex

from numpy.typing import DTypeLike

from . import _maparray
from ._container import MemMapArray

__all__ = ["anonymous", "create", "open", "unlink"]


def _folder() -> str:
    return "/dev/shm" if os.path.isdir("/dev/shm") else tempfile.gettempdir()


def _path(name: str) -> str:
    if not name or name in (".", "..") or os.path.basename(name) != name or "\0" in name:
        raise ValueError(f"name: found {name!r}, expected the name of a file without folders")
    return os.path.join(_folder(), name)


def create(
    name: str,
    shape: SupportsIndex | Sequence[SupportsIndex],
    dtype: DTypeLike | None = None,
    order: Literal["C", "F"] = "C",
) -> MemMapArray:
    """Zeros in shared memory of a name; FileExistsError if it is taken."""
    return _maparray.create(_path(name), shape=shape, dtype=dtype, order=order, mode="x")


def open(name: str, mode: Literal["r", "r+", "c"] = "r+") -> MemMapArray:
    """The array in shared memory of a name."""
    return _maparray.open(_path(name), mode)


def unlink(name: str) -> None:
    """Take the name away; who has the array keeps it."""
    os.unlink(_path(name))


def anonymous(
    shape: SupportsIndex | Sequence[SupportsIndex],
    dtype: DTypeLike | None = None,
    order: Literal["C", "F"] = "C",
) -> MemMapArray:
    """Zeros in shared memory without a name, to be given to child processes."""
    return _maparray.temporary(shape, "f8" if dtype is None else dtype, order, _folder())
