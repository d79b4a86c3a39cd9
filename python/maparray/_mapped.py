"""Mapped arrays by functions instead of a class, as the astropop of today has them."""

from __future__ import annotations

import os
from os import PathLike
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ._container import MemMapArray

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

    The file stays, unless ``remove`` says that it is not needed any more. What is no mapped array
    is given back as it is.
    """
    if array is None or not isinstance(array, np.memmap):
        return array
    data = np.array(array) if read else None
    if remove and array.filename is not None:
        os.remove(array.filename)
    return data


def reset_memmap_array(array: Any, data: ArrayLike | None, dtype: DTypeLike | None = None) -> Any:
    """Other data in the file of a mapped array; None or one number take the file away."""
    if not isinstance(array, np.memmap) or array.filename is None:
        raise TypeError(f"array: found {type(array).__name__}, expected a memmap with a file")
    if data is None or np.ndim(data) == 0:
        os.remove(array.filename)
        return data
    return create_array_memmap(array.filename, data, dtype)
