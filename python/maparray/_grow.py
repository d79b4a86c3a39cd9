"""Rows that are added to the file of a container, and files that were cut short."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _maparray, _unit

_Path: TypeAlias = str | bytes | PathLike[str] | PathLike[bytes]

# So many rows, or bytes of them, are written at once.
_ROWS, _BYTES = 4096, 1 << 20


class Recovered(NamedTuple):
    """What `recover` found: rows that are whole, rows that were claimed, bytes behind them."""

    rows: int
    claimed: int
    surplus_bytes: int


def recover(path: _Path) -> Recovered:
    """Make the header of a .npy file that was cut short speak of its whole rows.

    Nothing is deleted: bytes behind the last whole row stay, and the next append overwrites them.
    """
    return Recovered(*_maparray.recover(path))


def append(container: Any, rows: ArrayLike, durable: bool, rewrite: bool) -> None:
    """Add rows to the file."""
    _maparray.append(container, [_rows(container, rows)], durable, rewrite)


def extend(container: Any, rows: Iterable[ArrayLike], durable: bool, rewrite: bool) -> None:
    """Add rows one by one, written some at once."""
    if isinstance(rows, (np.ndarray, _maparray.Container)):
        append(container, rows, durable, rewrite)
        return
    batch: list[NDArray[Any]] = []
    size = 0
    for row in rows:
        batch.append(_rows(container, row))
        size += batch[-1].nbytes
        if len(batch) >= _ROWS or size >= _BYTES:
            _maparray.append(container, batch, durable, rewrite)
            batch, size = [], 0
    if batch:
        _maparray.append(container, batch, durable, rewrite)


def _rows(container: Any, rows: ArrayLike) -> NDArray[Any]:
    """Rows as an array: an array keeps its dtype, other things get that of the container."""
    dtype = container.dtype
    _maparray.refuse_masked(rows)
    if container._unit is not None or _unit.among(rows):
        rows = _unit.numbers(rows, container._unit, dtype)
    if isinstance(rows, (np.ndarray, _maparray.Container)):
        return np.asarray(rows)
    return np.asarray(rows, dtype)
