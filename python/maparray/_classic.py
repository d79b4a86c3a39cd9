"""The function of 2002 that this package has its name from: Kragen Sitaker's ``maparray``.

It mapped a file as a Numeric array and gave the array, the map and the file. Its author wished for
more; what he wished for is here, line by line, each with an example that runs.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from os import PathLike
from typing import IO, Literal, SupportsIndex

from numpy.typing import DTypeLike

from ._maparray import Lease
from ._memmap import memmap

_OPENED = {"r": "rb", "r+": "r+b", "w+": "w+b", "c": "rb"}


def maparray(
    file: str | bytes | PathLike[str] | PathLike[bytes] | IO[bytes],
    typecode: DTypeLike = "l",
    shape: SupportsIndex | Sequence[SupportsIndex] | None = None,
    mode: Literal["r", "r+", "w+", "c"] = "r+",
    offset: int = 0,
) -> tuple[memmap, Lease, IO[bytes]]:
    """Map a file without a header: the array, the map under it, and the open file.

    ``typecode`` is a dtype, or one of NumPy's letters for one. The shape may have one -1; without
    it the array has one axis, to the end of the file. With ``w+`` a new file takes the place of an
    old one in one step; who has that mapped keeps it. The map has ``flush()``, which waits until
    what was changed is on the disk, and ``close()``.

    >>> import pathlib, tempfile
    >>> name = pathlib.Path(tempfile.mkdtemp(), "numbers")
    >>> _ = name.write_bytes(bytes(48))
    >>> array, map, file = maparray(name, "d", (-1, 2))
    >>> array.shape
    (3, 2)

    Only what is modified gets written, and all of it when ``flush`` returns.

    >>> array[1] = 5.0, 7.0
    >>> map.flush()
    >>> file.seek(16), file.read(1).hex(), file.read(1).hex()
    (16, '00', '00')

    *Read-only without a segfault*: a store is an error of Python.

    >>> safe, _, _ = maparray(name, "d", mode="r")
    >>> safe[0] = 1.0
    Traceback (most recent call last):
        ...
    ValueError: assignment destination is read-only

    *Part of a file*, from any byte on.

    >>> maparray(name, "d", 2, offset=16)[0].tolist()
    [5.0, 7.0]

    *Creation with an explicit length.*

    >>> new, _, _ = maparray(name.with_name("new"), "i2", (2, 3), mode="w+")
    >>> new.nbytes, name.with_name("new").stat().st_size
    (12, 12)

    *No crash after close*: the map refuses to close while an array needs it.

    >>> map.close()
    Traceback (most recent call last):
        ...
    BufferError: cannot close: found 1 arrays or buffers on this memory, expected none
    >>> file.close()
    >>> array[1].tolist()
    [5.0, 7.0]
    >>> del array, _
    >>> map.close()
    >>> map.closed
    True

    *Shared between programs*: what one writes, the other sees.

    >>> import subprocess, sys
    >>> here, _, _ = maparray(name, "d")
    >>> script = "import sys, maparray; maparray.maparray(sys.argv[1], 'd')[0][:] = 3"
    >>> subprocess.run([sys.executable, "-c", script, name]).returncode
    0
    >>> here.sum()
    np.float64(18.0)
    """
    if isinstance(file, (str, bytes, PathLike)):
        if mode not in _OPENED:
            raise ValueError(f"mode: found {mode!r}, expected one of {list(_OPENED)}")
        if mode == "w+":
            # A new file in the old one's place, when all else is known to be right.
            array = memmap(file, typecode, mode, offset, shape)
            return _parts(array, builtins.open(file, "r+b"))
        file = builtins.open(file, _OPENED[mode])  # noqa: SIM115 (the caller closes it)
        try:
            return _parts(memmap(file, typecode, mode, offset, shape), file)
        except BaseException:
            file.close()
            raise
    return _parts(memmap(file, typecode, mode, offset, shape), file)


def _parts(array: memmap, file: IO[bytes]) -> tuple[memmap, Lease, IO[bytes]]:
    assert array._mmap is not None
    return array, array._mmap, file


maparray.__module__ = "maparray"
