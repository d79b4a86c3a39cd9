"""What does NumPy get for a container, and what comes back for what NumPy gives?"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import _container, _maparray, _unit
from ._maparray import Container, Unit

# Arrays of fewer bytes are copied to pages, which can be moved to a file under all who use them.
SMALL = 1 << 20

# The arrays that were given to NumPy, each with what it stands for: a container, or itself.
Given: TypeAlias = Sequence[tuple[NDArray[Any], Any]]


def make_room(shape: tuple[int, ...], dtype: np.dtype[Any], order: Any = "C") -> Any:
    """Zeros in memory, or in a file that nobody sees if they are too many."""
    if _is_for_file(math.prod(shape) * dtype.itemsize):
        return _maparray.temporary(shape, dtype, order)
    return _maparray.pages(shape, dtype, order)


def _is_for_file(size: int) -> bool:
    """Whether so many bytes of a result are too many for memory."""
    limit = _container.MemMapArray.result_limit
    # Asking how much memory is free takes longer than making a small array.
    if limit is None and size > SMALL:
        limit = _maparray.free_memory() // 2
    return limit is not None and size > limit


def filled(
    array: NDArray[Any], dtype: DTypeLike | None = None, order: Any = "K", unit: Any = None
) -> Any:
    """A copy of an array in pages."""
    fortran = array.flags.fnc if order in ("K", "A") else order == "F"
    kind = array.dtype if dtype is None else np.dtype(dtype)
    room = make_room(array.shape, kind, "F" if fortran else "C")
    np.copyto(room.view(), array, casting="unsafe")
    if unit is not None:
        room.set_unit(unit)
    return room


def copied(data: Any, dtype: DTypeLike | None) -> Any:
    """A container of what ``numpy.array(data, dtype)`` is; None of None."""
    if data is None or (isinstance(data, Container) and data.empty):
        return None
    if isinstance(data, Container):
        unit, data = data._unit, data.view()
    else:
        _maparray.refuse_masked(data)
        data, unit = _unit.measured(data)
    if isinstance(data, np.ndarray) and (dtype is None or _is_complete(np.dtype(dtype))):
        # Converted on the way, without another copy.
        return filled(np.asarray(data), dtype, unit=unit)
    return filled(np.asarray(data, dtype), unit=unit)


def _is_complete(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype says all about an element, and an element is all that it speaks of."""
    if dtype.itemsize == 0 or dtype.subdtype is not None or dtype.names is not None:
        return False
    return dtype.kind not in "mM" or np.datetime_data(dtype)[0] != "generic"


def unwrap(value: Any) -> Any:
    """An array for a container; all else as it is."""
    return value.view() if isinstance(value, Container) else value


def unwrap_all(value: Any, given: list[tuple[NDArray[Any], Any]] | None = None) -> Any:
    """The same arguments with arrays instead of containers; all arrays are noted in ``given``."""
    if isinstance(value, Container):
        array = value.view()
        if given is not None:
            given.append((array, value))
        return array
    if type(value) in (tuple, list):
        return type(value)(unwrap_all(item, given) for item in value)
    if type(value) is dict:
        return {name: unwrap_all(item, given) for name, item in value.items()}
    if given is not None and isinstance(value, np.ndarray):
        given.append((value, value))
    return value


def results(value: Any, given: Given = ()) -> Any:
    """The same results with containers instead of arrays; scalars stay as they are.

    An array that was given, as ``out`` is, comes back as what it stands for.
    """
    return with_unit(value, None, given)


def with_unit(value: Any, unit: Any, given: Given = ()) -> Any:
    """The same results in a unit: arrays as containers, numbers as Quantities."""
    for array, original in given:
        if value is array:
            return original
    if type(value) in (tuple, list):
        return type(value)(with_unit(item, unit, given) for item in value)
    if is_foreign(value):
        return value
    if unit is not None and unit == _unit.PLAIN:
        unit = None
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        unit = unit or _unit.unit_of(value)
        if value.ndim == 0 and unit is not None and _unit.is_quantity(value):
            return value
        is_part = _unit.is_part(value)
        value = np.asarray(value) if unit is not None else value
        if is_part or (value.nbytes > SMALL and not _is_for_file(value.nbytes)):
            return _maparray.over(value, unit)
        return filled(value, unit=unit)
    if unit is None or not isinstance(value, np.generic):
        return value
    if _unit.astropy() is None:
        return filled(np.asarray(value), unit=unit)
    return _unit.quantity(value, unit)


_NUMPYS_OWN = np.ndarray.__array_ufunc__


def is_known(value: Any) -> bool:
    """Whether no other kind of array wants to have its say."""
    kind = type(value)
    if kind is np.ndarray or isinstance(value, Container):
        return True
    handler = getattr(kind, "__array_ufunc__", _NUMPYS_OWN)
    if handler is _NUMPYS_OWN:
        return not _unit.is_foreign(value)
    # A Quantity, also one with a mask.
    return isinstance(value, Unit) or (isinstance(value, np.ndarray) and hasattr(value, "unit"))


def is_foreign(value: Any) -> bool:
    """Whether it is an array of a class with rules of its own, as masks and matrices have them."""
    if type(value) is np.ndarray or not isinstance(value, np.ndarray):
        return False
    if hasattr(value, "mask"):
        return True
    return not (isinstance(value, np.memmap) or _unit.is_quantity(value))


def check_masks(operands: Any) -> None:
    """UnsupportedError if one is a masked array of NumPy's, which Quantities know nothing of."""
    # Where nobody has imported `numpy.ma`, there is none.
    masks = sys.modules.get("numpy.ma")
    if masks and any(isinstance(value, masks.MaskedArray) for value in operands):
        message = "masked array beside a unit: found numpy.ma.MaskedArray, whose mask would be lost"
        error = _maparray.UnsupportedError(message)
        error.add_note("hint: `astropy.utils.masked.Masked` has both")
        raise error
