"""Sorting and order statistics with NumPy's names and arguments.

Each writes the expression that `eval` computes; any array may be the path of a .npy file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ._functions import _Array, _call, _Out

_Axes: TypeAlias = SupportsIndex | Sequence[SupportsIndex] | None


def sort(
    a: _Array,
    axis: SupportsIndex | None = -1,
    *,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The elements in ascending order, NaN last: numpy.sort."""
    return _call("sort", {"a": a}, {"axis": axis}, out, threads, memory)


def argsort(
    a: _Array,
    axis: SupportsIndex | None = -1,
    *,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """Where the elements in ascending order are; always as numpy.argsort(kind="stable")."""
    return _call("argsort", {"a": a}, {"axis": axis}, out, threads, memory)


def unique(
    a: _Array,
    *,
    return_counts: bool = False,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The elements in ascending order, each once: numpy.unique."""
    values = _call("unique", {"a": a}, {}, None, threads, memory)
    if not return_counts:
        return values
    return values, _call("unique_counts", {"a": a}, {}, None, threads, memory)


def topk(
    a: _Array,
    k: SupportsIndex,
    axis: SupportsIndex | None = -1,
    *,
    largest: bool = True,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The ``k`` greatest elements, the greatest first, or the least; NaN is above all."""
    parameters = {"k": k, "axis": axis, "largest": largest}
    return _call("topk", {"a": a}, parameters, out, threads, memory)


def argtopk(
    a: _Array,
    k: SupportsIndex,
    axis: SupportsIndex | None = -1,
    *,
    largest: bool = True,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """Where the elements of `topk` are; of equal ones the first."""
    parameters = {"k": k, "axis": axis, "largest": largest}
    return _call("argtopk", {"a": a}, parameters, out, threads, memory)


def _quantile(
    function: str,
    a: _Array,
    q: ArrayLike,
    axis: _Axes,
    method: str,
    keepdims: bool,
    out: _Out,
    threads: int | None,
    memory: int | None,
) -> Any:
    shares = np.asarray(q, np.float64)
    if shares.ndim > 1:
        raise ValueError("`q` has more than one axis: expected a number or a list of them")
    if np.asarray(q).dtype.kind in "iu" and method == "linear" and "quantile" in function:
        # The whole shares 0 and 1 are elements: NumPy does not interpolate, and keeps their type.
        method = "lower"
    parameters: dict[str, Any] = {"axis": axis, "method": method, "keepdims": keepdims}
    # One number of Python's keeps the elements' type; NumPy's own types count.
    one = type(q) in (int, float)
    if isinstance(q, np.floating) and isinstance(dtype := getattr(a, "dtype", None), np.dtype):
        # A number of NumPy's that is no wider than the elements changes nothing.
        one = dtype.kind == "f" and dtype == np.promote_types(dtype, q.dtype)
    parameters["q"] = float(shares) if one else shares.reshape(-1)
    if one or shares.ndim == 1:
        return _call(function, {"a": a}, parameters, out, threads, memory)
    if out is not None:
        raise ValueError("`out` with a `q` of NumPy's own: expected a Python number or a list")
    return _call(function, {"a": a}, parameters, None, threads, memory)[0]


def quantile(
    a: _Array,
    q: ArrayLike,
    axis: _Axes = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The number that a share ``q`` of the elements is below: numpy.quantile."""
    return _quantile("quantile", a, q, axis, method, keepdims, out, threads, memory)


def percentile(
    a: _Array,
    q: ArrayLike,
    axis: _Axes = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The same with ``q`` from 0 to 100: numpy.percentile."""
    return _quantile("percentile", a, q, axis, method, keepdims, out, threads, memory)


def nanquantile(
    a: _Array,
    q: ArrayLike,
    axis: _Axes = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """`quantile` of the elements that are numbers: numpy.nanquantile."""
    return _quantile("nanquantile", a, q, axis, method, keepdims, out, threads, memory)


def nanpercentile(
    a: _Array,
    q: ArrayLike,
    axis: _Axes = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """`percentile` of the elements that are numbers: numpy.nanpercentile."""
    return _quantile("nanpercentile", a, q, axis, method, keepdims, out, threads, memory)


def median(
    a: _Array,
    axis: _Axes = None,
    *,
    keepdims: bool = False,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The number that half of the elements are below: numpy.median."""
    return _call("median", {"a": a}, {"axis": axis, "keepdims": keepdims}, out, threads, memory)


def nanmedian(
    a: _Array,
    axis: _Axes = None,
    *,
    keepdims: bool = False,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """`median` of the elements that are numbers: numpy.nanmedian."""
    return _call("nanmedian", {"a": a}, {"axis": axis, "keepdims": keepdims}, out, threads, memory)
