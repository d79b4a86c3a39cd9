"""Mapped arrays by functions instead of a class, as the astropop of today has them."""

from __future__ import annotations

import errno
import os
from os import PathLike
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ._container import MemMapArray
from ._memmap import memmap

_Path: TypeAlias = str | bytes | PathLike[str] | PathLike[bytes]


def create_array_memmap(
    filename: _Path | None, data: ArrayLike | None, dtype: DTypeLike | None = None
) -> Any:
    """A .npy file with a copy of data, mapped for reading and writing; None of None."""
    if data is None:
        return None
    if filename is None:
        raise ValueError("filename: found None, expected the name of a file")
    container = MemMapArray(data, filename, dtype, memmap=True, overwrite=True)
    return container._contained


def delete_array_memmap(array: Any, read: bool = True, remove: bool = False) -> Any:
    """The data of a mapped array in memory, or None if it is not to be read.

    The file stays, unless ``remove`` says that it is not needed any more; FileExistsError if
    another has its name by then. What is no mapped array is given back as it is.
    """
    if array is None or not isinstance(array, np.memmap):
        return array
    name = array.filename if remove else None
    if name is not None:
        _check_own(array)
    data = np.array(array) if read else None
    if name is not None:
        _check_own(array)
        os.remove(name)
    return data


def reset_memmap_array(array: Any, data: ArrayLike | None, dtype: DTypeLike | None = None) -> Any:
    """Other data in the file of a mapped array; None or one number take the file away.

    FileExistsError if another file has its name by then.
    """
    if not isinstance(array, np.memmap) or array.filename is None:
        raise TypeError(f"array: found {type(array).__name__}, expected a memmap with a file")
    _check_own(array)
    if data is None or np.ndim(data) == 0:
        os.remove(array.filename)
        return data
    container = MemMapArray(data, array.filename, dtype)
    _check_own(array)
    container.enable_memmap(overwrite=True)
    return container._contained


def _check_own(array: Any) -> None:
    """FileExistsError if the array's file is there no more, and another has its name.

    Of a map that is NumPy's own, only the name is known.
    """
    name, identity = array.filename, None
    if isinstance(array, memmap) and array._mmap is not None:
        identity = array._mmap.identity()
    found = os.stat(name)
    if identity is not None and (found.st_dev, found.st_ino) != identity:
        message = "another file has this name by now, expected the one that is mapped"
        raise FileExistsError(errno.EEXIST, message, os.fspath(name))
