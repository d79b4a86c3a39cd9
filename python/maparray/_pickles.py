"""What a pickle of a container stands for: a file, by its name or by who has it open."""

from __future__ import annotations

from os import PathLike
from typing import Any, Literal

import numpy as np

from . import _maparray
from ._maparray import FormatError
from ._memmap import memmap, reopen


def open_again(unit: Any, *place: Any) -> Any:
    """Map the part of a file that a pickle stands for."""
    array = reopen(memmap, *place)
    return _maparray.over(array, _unit_now(place[0], unit))


def _unit_now(path: Any, unit: Any) -> Any:
    """The unit that a file says now; the one that it had, if it says none."""
    try:
        return _maparray.open(path)._unit or unit
    except FormatError:
        return unit


def open_link(
    link: PathLike[str],
    identity: tuple[int, int],
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    offset: int,
    order: Literal["C", "F"],
    unit: Any,
) -> Any:
    """Map the file without a name that a pickle stands for."""
    try:
        found = _maparray.open(link, "r+", dtype=dtype, shape=shape, offset=offset, order=order)
    except FileNotFoundError as error:
        raise FormatError(f"{link}: the process that had this file open has closed it") from error
    if found.lease().identity() != identity:
        raise FormatError(f"{link}: not the file that was pickled")
    unit = _unit_now(link, unit)
    if unit is not None:
        found.set_unit(unit)
    return found
