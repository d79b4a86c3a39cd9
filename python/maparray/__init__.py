"""Memory-mapped N-dimensional arrays, and arithmetic on them in bounded memory."""

from ._maparray import (
    ExpressionError,
    FormatError,
    MemMapArray,
    MismatchError,
    ReadOnlyError,
    UnsupportedError,
    create,
    eval,
    frombuffer,
    open,
    read,
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
    "create",
    "divmod",
    "eval",
    "frexp",
    "frombuffer",
    "load",
    "memmap",
    "modf",
    "open",
    "open_memmap",
    "read",
    "save",
]
