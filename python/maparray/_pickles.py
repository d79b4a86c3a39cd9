"""What does a pickle of a container stand for: a file, by its name or its holder, or elements?"""

from __future__ import annotations

from os import PathLike
from typing import Any, Literal

import numpy as np

from . import _container, _maparray
from ._maparray import FormatError
from ._memmap import memmap, place_of, reopen


def reduce(container: Any, kind: Any) -> Any:
    """By reference if a file holds the array, also a part of it, else by value."""
    state = container.__dict__ or None
    made, arguments = _reduced(container, kind)
    return (made, arguments, state) if state else (made, arguments)


def _reduced(container: Any, kind: Any) -> tuple[Any, tuple[Any, ...]]:
    contained, unit = container._contained, container._unit
    if contained is None:
        return make_again, (kind, None, container.filename, unit, container.memmap)
    if isinstance(contained, memmap) and contained.size and contained.mode != "c":
        link = container.link()
        if contained.filename is None:
            contained.filename = container.name()
        place = place_of(contained)
        if place is not None:
            # What the file says later counts, unless this array says something else already.
            follows = _unit_of_file(contained.filename) in (None, unit)
            return open_again, (kind, unit, follows, *place)
        # What lies apart in a file without a name goes by value.
        if link is not None and contained.filename is None and contained.flags.forc:
            order = "F" if contained.flags.fnc else "C"
            identity = container.lease().identity()
            where = (contained.dtype, contained.shape, contained.offset, order)
            return open_link, (kind, link, identity, *where, unit, contained.mode)
    return make_again, (kind, np.array(contained), container.filename, unit, False)


def make_again(kind: Any, data: Any, filename: Any, unit: Any, memmap: bool) -> Any:
    """A container of elements, or an empty one."""
    return _as(kind, _container.MemMapArray(data, filename, None, unit, memmap))


def _as(kind: Any, container: Any) -> Any:
    """The same as a container of another class, as which nothing is called."""
    if kind is _container.MemMapArray:
        return container
    return _maparray.Container.__new__(kind, container)


def open_again(kind: Any, unit: Any, follows: bool, *place: Any) -> Any:
    """Map the part of a file that a pickle stands for."""
    array = reopen(memmap, *place)
    unit = (_unit_of_file(place[0]) or unit) if follows else unit
    return _as(kind, _maparray.over(array, unit, named=True))


def _unit_of_file(path: Any) -> Any:
    """The unit that a file says, if it says one."""
    try:
        return getattr(_maparray.open(path), "_unit", None)
    except ValueError:
        # Not of a file of one array.
        return None


def open_link(
    kind: Any,
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
    # Its name is none that others know.
    return _as(kind, _maparray.over(found.view(), unit))
