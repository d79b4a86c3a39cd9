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

__all__ = [
    "ExpressionError",
    "FormatError",
    "MemMapArray",
    "MismatchError",
    "ReadOnlyError",
    "UnsupportedError",
    "create",
    "eval",
    "frombuffer",
    "load",
    "memmap",
    "open",
    "open_memmap",
    "read",
    "save",
]
