"""The drop-in for numpy.memmap: an ndarray subclass over memory that Rust maps.

A compiled class cannot extend an ndarray, so this one is Python. It keeps the signature, attributes
and rules of numpy.memmap; where it differs, its docstring says so.
"""

from __future__ import annotations

import math
import operator
import os
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Self, SupportsIndex

import numpy as np
from numpy.typing import DTypeLike

from . import _maparray
from ._maparray import FormatError, UnsupportedError

_ALIASES = {"readonly": "r", "copyonwrite": "c", "readwrite": "r+", "write": "w+"}
_MODES = ["r", "c", "r+", "w+", "x"]
_ndarray_getitem = np.ndarray.__getitem__
_ndarray_wrap = np.ndarray.__array_wrap__


class memmap(np.memmap):
    """An array in a file, as numpy.memmap; its memory is mapped by maparray.

    The differences:

    * ``w+`` by file name makes a new file in the old one's place: who has the old one mapped keeps
      it. The space is allocated at once, so a full disk is an error here and not a signal later.
    * ``x`` is ``w+`` that refuses to replace a file.
    * One length of the shape may be -1.
    * ``object`` dtypes are refused.
    * ``r+`` with a shape larger than a file that has content extends it, and warns.
    * Pickles hold the name of the file and the place in it, unless the mode is ``c`` or the file
      has no name; loading fails if the name means another file by then.
    * The object under the array is not an ``mmap.mmap``, though it claims to be: its ``close``
      refuses while an array is alive.
    """

    # What arrays without a file have; those with one have their own.
    _mmap: _maparray.Lease | None = None
    filename: str | Path | None = None  # type: ignore[assignment]
    offset: int | None = None  # type: ignore[assignment]
    mode: str | None = None  # type: ignore[assignment]

    def __new__(
        cls,
        filename: Any,
        dtype: DTypeLike = np.uint8,
        mode: str = "r+",
        offset: SupportsIndex = 0,
        shape: SupportsIndex | Sequence[SupportsIndex] | None = None,
        order: Literal["C", "F"] = "C",
    ) -> Self:
        """Map a file; the arguments are those of numpy.memmap."""
        mode = _short_mode(mode)
        if mode in ("w+", "x") and shape is None:
            raise ValueError(f"shape must be given if mode == {mode!r}")
        dtype = _plain(dtype)
        offset = operator.index(offset)
        if offset < 0:
            raise ValueError(f"negative offset: found {offset}, expected 0 or more")
        if shape is not None:
            shape = _as_shape(shape)
        if hasattr(filename, "read"):
            lease, shape = _map_file_object(filename, dtype, mode, offset, shape)
            name = getattr(filename, "name", None)
            name = os.path.abspath(name) if isinstance(name, str) else None
        else:
            lease, shape = _map_path(os.fsdecode(filename), dtype, mode, offset, shape)
            name = _full_name(filename)
        start = offset - lease.file_offset
        self = lease.array(cls, shape, dtype=dtype, offset=start, order=order)
        return _attach(self, lease, name, offset, mode)

    def __array_finalize__(self, obj):
        lease = getattr(obj, "_mmap", None)
        if lease is None:
            return
        base = self.base
        if base is None:
            return
        # A view's base is what it was made from, or what that was a view of. Anything else is rare
        # and needs the question that NumPy asks.
        if base is obj or base is obj.base or np.may_share_memory(self, obj):
            self._mmap = lease
            self.filename = obj.filename
            self.offset = obj.offset
            self.mode = obj.mode

    def __getitem__(self, index):
        found = _ndarray_getitem(self, index)
        if type(found) is memmap and found._mmap is None:
            return found.view(np.ndarray)
        return found

    def __array_wrap__(self, array, context=None, return_scalar=False):
        # A user's subclass keeps its class, and `out=` is what it was.
        if type(self) is not memmap:
            return _ndarray_wrap(self, array, context)
        if array is self:
            return array
        if return_scalar:
            return array[()]
        return array if type(array) is np.ndarray else array.view(np.ndarray)

    @classmethod
    def _over(cls, lease, like, first, name, offset, mode):
        """The array over bytes of a lease, from `first` on, with the shape and dtype of another."""
        options = {"dtype": like.dtype, "offset": first, "strides": like.strides}
        return _attach(lease.array(cls, like.shape, **options), lease, name, offset, mode)

    def flush(self) -> None:
        """Write changes to the file and wait until they are on the disk."""
        if self._mmap is not None:
            self._mmap.flush()

    def __reduce_ex__(self, protocol):
        place = place_of(self)
        if place is not None:
            return reopen, (type(self), *place)
        if type(self) is memmap:
            return self.view(np.ndarray).__reduce_ex__(protocol)
        return super().__reduce_ex__(protocol)


memmap.__module__ = "maparray"


def _short_mode(mode):
    short = _ALIASES.get(mode, mode)
    if short not in _MODES:
        known = _MODES + list(_ALIASES)
        raise ValueError(f"mode must be one of {known!r} (got {mode!r})")
    return short


def _plain(dtype):
    """The dtype, if its elements are plain data."""
    dtype = np.dtype(dtype)
    if dtype.hasobject:
        raise UnsupportedError("Python objects in dtype: found `O`, expected plain data")
    return dtype


def _as_shape(shape):
    """The shape as a tuple of int, whatever kind of integers or sequence it was."""
    try:
        return (operator.index(shape),)
    except TypeError:
        return tuple(operator.index(length) for length in shape)


def _full_name(filename):
    """The file's name as the attribute `filename` shows it."""
    if isinstance(filename, os.PathLike):
        return Path(filename).resolve()
    return os.path.abspath(os.fsdecode(filename))


def _fill_in(shape, dtype, offset, file_size):
    """The shape with what was left open filled in: a -1, or all of it."""
    available = max(file_size - offset, 0)
    if shape is None:
        if offset > file_size:
            raise ValueError(
                f"offset past the end of the file: found {offset}, expected at most {file_size}"
            )
        if dtype.itemsize == 0 or available % dtype.itemsize:
            raise ValueError("Size of available data is not a multiple of the data-type size.")
        return (available // dtype.itemsize,)
    if -1 in shape:
        return tuple(_maparray.infer_shape(shape, dtype.itemsize, available))
    if any(length < 0 for length in shape):
        raise ValueError(f"negative dimensions are not allowed (got {shape})")
    return shape


def _map_existing(file, dtype, mode, offset, shape, name):
    """The memory of a file that is there, with NumPy's rules for one that is too short."""
    open_mode = "r+" if mode in ("w+", "x") else mode
    opened = _maparray.File(file, open_mode)
    file_size = opened.size()
    shape = _fill_in(shape, dtype, offset, file_size)
    end = offset + math.prod(shape) * dtype.itemsize
    if open_mode == "r+":
        # A file for no elements has one byte, as NumPy makes it.
        end = max(end, 1)
        if mode == "r+" and 0 < file_size < end:
            warnings.warn(
                f"{name} has {file_size} bytes and is extended to the {end} bytes that shape "
                f"{shape} needs",
                stacklevel=5,
            )
    elif file_size == 0:
        raise ValueError("cannot mmap an empty file")
    return opened.map(offset, end - offset, extend=True), shape


def _map_file_object(file, dtype, mode, offset, shape):
    """A file object is used in place, whatever its mode, and not closed."""
    if hasattr(file, "flush"):
        file.flush()
    name = getattr(file, "name", "the file")
    return _map_existing(file.fileno(), dtype, mode, offset, shape, name)


def _map_path(path, dtype, mode, offset, shape):
    if mode not in ("w+", "x"):
        return _map_existing(path, dtype, mode, offset, shape, path)
    shape = _fill_in(shape, dtype, offset, offset)
    end = offset + math.prod(shape) * dtype.itemsize
    return _maparray.make_file(path, max(end, 1), replace=mode == "w+"), shape


def _attach(self, lease, name, offset, mode):
    """Give an array that was made on a lease the attributes of one with a file."""
    self._mmap = lease
    self.filename = name
    self.offset = offset
    self.mode = mode
    return self


def place_of(array):
    """Where in which file the array lies, so that it can be found again; None if nowhere."""
    lease, name = array._mmap, array.filename
    if lease is None or name is None or array.mode == "c" or array.size == 0:
        return None
    try:
        found = os.stat(name)
    except OSError:
        return None
    # The name may mean another file by now; then only the elements tell what the array is.
    if (found.st_dev, found.st_ino) != lease.identity():
        return None
    identity = (found.st_dev, found.st_ino, found.st_size)
    first = array.__array_interface__["data"][0] - lease.address + lease.file_offset
    mode = "r" if array.mode == "r" else "r+"
    return name, identity, mode, array.offset, array.dtype, array.shape, array.strides, first


def reopen(cls, name, identity, mode, offset, dtype, shape, strides, first):
    """Map what a pickle stands for."""
    found = os.stat(name)
    if (found.st_dev, found.st_ino, found.st_size) != identity:
        raise FormatError(f"{name}: not the file that was pickled, or its size has changed")
    reach = [(length - 1) * stride for length, stride in zip(shape, strides, strict=True)]
    low = first + sum(part for part in reach if part < 0)
    high = first + sum(part for part in reach if part > 0) + dtype.itemsize
    lease = _lease_of(name, mode, low, high)
    if lease.identity() != identity[:2]:
        raise FormatError(f"{name}: replaced while it was opened")
    start = first - lease.file_offset
    self = lease.array(cls, shape, dtype=dtype, offset=start, strides=strides)
    return _attach(self, lease, name, offset, mode)


def _lease_of(name, mode, low, high):
    """Bytes of a file; of an archive to write to, the whole array, whose checksum has to follow."""
    name = os.fspath(name)
    if mode == "r+":
        with open(name, "rb") as start:
            archive = start.read(4) == b"PK\3\4"
        # What only begins as an archive is mapped as what it is.
        with suppress(FormatError):
            opened = _maparray.Opened(name, mode, False) if archive else None
            for index in range(len(opened.keys()) if opened else 0):
                with suppress(FormatError, UnsupportedError):
                    info = opened.info(index)
                    begin = info["offset"]
                    if begin is not None and begin <= low and high <= begin + info["nbytes"]:
                        return opened.lease(index)[0]
    return _maparray.File(name, mode).map(low, high - low)
