"""NumPy's functions for .npy files, over memory that Rust maps: open_memmap, load, save."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from os import PathLike
from typing import Any, Literal, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import _maparray
from ._contents import _Archive
from ._maparray import FormatError, UnsupportedError
from ._memmap import _as_shape, _attach, _full_name, _plain, _short_mode, memmap

_Path: TypeAlias = str | bytes | PathLike[str] | PathLike[bytes]
_NUMPY_HEADER_LIMIT = 10000
_NO_HEADER_LIMIT = 2**31
_READERS = {2: "1.9", 3: "1.17"}


def open_memmap(
    filename: _Path,
    mode: str = "r+",
    dtype: DTypeLike | None = None,
    shape: SupportsIndex | Sequence[SupportsIndex] | None = None,
    fortran_order: bool = False,
    version: tuple[int, int] | None = None,
    *,
    max_header_size: int = _NUMPY_HEADER_LIMIT,
) -> memmap:
    """Open or make a .npy file as a memmap, as numpy.lib.format.open_memmap does.

    ``w+`` and ``x`` make a file; every other mode opens one. A header longer than
    ``max_header_size`` is refused.
    """
    if hasattr(filename, "read"):
        raise ValueError(
            "Filename must be a string or a path-like object."
            "  Memmap cannot use existing file handles."
        )
    path, mode = os.fsdecode(filename), _short_mode(mode)
    order: Literal["C", "F"] = "F" if fortran_order else "C"
    if mode in ("w+", "x"):
        if shape is None:
            raise ValueError(f"shape must be given if mode == {mode!r}")
        dtype, shape = _plain(dtype), _as_shape(shape)
        lease, offset = _make_npy(path, mode, dtype, shape, order, version)
        mode = "r+"
    else:
        limit = min(max_header_size, _NO_HEADER_LIMIT)
        try:
            lease, (dtype, shape, order, offset) = _maparray.open_npy(path, mode, limit)
        except FormatError as error:
            if "header too long" not in str(error):
                raise
            raise FormatError(
                f"Header info length is large and may not be safe to load securely: {error}. To "
                "allow loading, adjust `max_header_size`."
            ) from error
    start = offset - lease.file_offset
    array = lease.array(memmap, shape, dtype=dtype, offset=start, order=order)
    return _attach(array, lease, _full_name(filename), offset, mode)


def _make_npy(path, mode, dtype, shape, order, version):
    """A new file with the header of such an array, and where in it the elements begin."""
    header = _maparray.npy_header(dtype, shape, order, version)
    major, offset = header[6], len(header)
    if version is None and major > 1:
        warnings.warn(
            f"Stored array in format {major}.0. It can only be read by NumPy >= {_READERS[major]}",
            stacklevel=4,
        )
    if version is None and mode == "w+" and offset <= _maparray.HEADER_LIMIT:
        return _maparray.make_npy(path, dtype, shape, order), offset
    # A header of the caller's choice goes in through the map.
    end = offset + math.prod(shape) * dtype.itemsize
    lease = _maparray.make_file(path, end, replace=mode == "w+")
    memoryview(lease)[:offset] = header
    return lease, offset


def load(
    file: Any,
    mmap_mode: str | None = None,
    allow_pickle: bool = False,
    fix_imports: bool = True,
    encoding: Literal["ASCII", "latin1", "bytes"] = "ASCII",
    *,
    max_header_size: int = _NUMPY_HEADER_LIMIT,
    inflate: bool | int = False,
) -> Any:
    """Load an array as numpy.load does; with ``mmap_mode`` it is a maparray.memmap.

    ``mmap_mode`` is one of r, r+ and c: a mode that would empty the file is refused. Of an archive,
    a mapping is returned as numpy.load does, whose arrays are mapped where they lie in the archive
    when they are asked for. Those that are compressed cannot be: ``inflate`` says that they may be
    copied, True to a size that is usual, a number to so many bytes.
    """
    if mmap_mode is None:
        return np.load(
            file,
            allow_pickle=allow_pickle,
            fix_imports=fix_imports,
            encoding=encoding,
            max_header_size=max_header_size,
        )
    mode = _short_mode(mmap_mode)
    if mode in ("w+", "x"):
        raise ValueError(f"mmap_mode to load a file: found {mode!r}, expected 'r', 'r+' or 'c'")
    if allow_pickle:
        # NumPy's rule: who lets a file run code trusts its header, too.
        max_header_size = _NO_HEADER_LIMIT
    if not hasattr(file, "read") and _is_archive(file):
        return _Archive(file, mode, inflate)
    return open_memmap(file, mode=mode, max_header_size=max_header_size)


def _is_archive(path):
    # Who asks for no more than that of a pipe would wait for its other end.
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as start:
        return start.read(4) in (b"PK\3\4", b"PK\5\6")


def save(file: Any, arr: ArrayLike, allow_pickle: bool = False) -> None:
    """Save an array as numpy.save does, byte for byte, but whole or not at all.

    A file name gets ``.npy`` at its end if it lacks it, as NumPy has it. The file takes the place
    of an old one in one step, also of one that the array itself is mapped from. Python objects are
    refused, even if ``allow_pickle`` is given.
    """
    array = np.asanyarray(arr)
    _plain(array.dtype)
    if type(array) is not np.ndarray and isinstance(array, np.ma.MaskedArray):
        raise UnsupportedError("masked array: found numpy.ma.MaskedArray, whose mask would be lost")
    if hasattr(file, "write"):
        np.lib.format.write_array(file, array, allow_pickle=False)
        return
    path = os.fsdecode(file)
    # A container says its unit, too.
    whole = arr if isinstance(arr, _maparray.Container) else array
    _maparray.save(path if path.endswith(".npy") else path + ".npy", whole)
