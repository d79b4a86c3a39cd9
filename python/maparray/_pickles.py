"""What does a pickle of a container stand for: a file, by its name or its holder, or elements?"""

from __future__ import annotations

import os
from os import PathLike
from typing import Any, Literal

import numpy as np

from . import _maparray
from ._maparray import FormatError
from ._memmap import memmap, place_of, reopen


def reduce(container: Any, kind: Any) -> Any:
    """By reference if a file holds the array, also a part of it, else by value."""
    contained, unit = container._contained, container._unit
    if contained is None:
        return kind, (None, container.filename, None, unit, container.memmap)
    if isinstance(contained, memmap) and contained.size and contained.mode != "c":
        link = container.link()
        if contained.filename is None and link is not None:
            contained.filename = _name_behind(link)
        place = place_of(contained)
        if place is not None:
            return open_again, (unit, *place)
        # What lies apart in a file without a name goes by value.
        if link is not None and contained.filename is None and contained.flags.forc:
            order = "F" if contained.flags.fnc else "C"
            identity = container.lease().identity()
            where = (contained.dtype, contained.shape, contained.offset, order)
            return open_link, (link, identity, *where, unit, contained.mode)
    return kind, (np.array(contained), container.filename, None, unit)


def _name_behind(link: PathLike[str]) -> str | None:
    """The name of the file that a link of the system means; None if it has none."""
    try:
        name = os.readlink(link)
        return name if os.path.samefile(name, link) else None
    except OSError:
        return None


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
    mode: Literal["r", "r+"] = "r+",
) -> Any:
    """Map the file without a name that a pickle stands for."""
    try:
        found = _maparray.open(link, mode, dtype=dtype, shape=shape, offset=offset, order=order)
    except FileNotFoundError as error:
        raise FormatError(f"{link}: the process that had this file open has closed it") from error
    if found.lease().identity() != identity:
        raise FormatError(f"{link}: not the file that was pickled")
    unit = _unit_now(link, unit)
    if unit is not None:
        found.set_unit(unit)
    return found
