"""Memory-mapped N-dimensional arrays, and arithmetic on them in bounded memory."""

from ._maparray import (
    ExpressionError,
    FormatError,
    MemMapArray,
    MismatchError,
    ReadOnlyError,
    UnsupportedError,
    advise,
    compress,
    create,
    eval,
    frombuffer,
    iter_chunks,
    open,
    prefetch,
    read,
    release,
    resident,
    take,
)
from ._memmap import memmap
from ._npy import load, open_memmap, save
from ._pairs import divmod, frexp, modf

__all__ = [
    "ExpressionError",
    "FormatError",
    "MemMapArray",
    "MismatchError",
    "ReadOnlyError",
    "UnsupportedError",
    "advise",
    "compress",
    "create",
    "divmod",
    "eval",
    "frexp",
    "frombuffer",
    "iter_chunks",
    "load",
    "memmap",
    "modf",
    "open",
    "open_memmap",
    "prefetch",
    "read",
    "release",
    "resident",
    "save",
    "take",
]
