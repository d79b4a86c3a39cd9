"""Functions over whole arrays with NumPy's names and arguments.

Each writes the expression that `eval` computes; any array may be the path of a .npy file.
"""

from __future__ import annotations

from os import PathLike
from typing import Any, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from . import _maparray, _unit

_Array: TypeAlias = ArrayLike | _maparray.Container | PathLike[str] | PathLike[bytes]
_Out: TypeAlias = str | PathLike[str] | NDArray[Any] | _maparray.Container | None


def _text(value: Any) -> str:
    """A value as an expression writes it."""
    if value is None or isinstance(value, (bool, np.bool_)):
        return str(value)
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, (tuple, list, np.ndarray)):
        return "[" + ", ".join(_text(item) for item in value) + "]"
    if hasattr(value, "__index__"):
        return str(value.__index__())
    number = float(value)
    return repr(number) if np.isfinite(number) else f"float('{number}')"


def _call(
    function: str,
    arrays: dict[str, Any],
    parameters: dict[str, Any],
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """Computes ``function(array, …, parameter=value, …)``.

    Arrays come first, but those whose name is a parameter's go by that name.
    """
    first = [name for name in arrays if name not in parameters]
    values = {name: name if name in arrays else _text(value) for name, value in parameters.items()}
    texts = [*first, *(f"{name}={value}" for name, value in values.items())]
    # A number of Python's own would become a part of the expression.
    bound: dict[str, Any] = {
        name: np.asarray(array) if np.isscalar(array) and not isinstance(array, str) else array
        for name, array in arrays.items()
    }
    expression = f"{function}({', '.join(texts)})"
    return _maparray.eval(expression, out=out, threads=threads, memory=memory, **bound)


def _running(
    function: str,
    a: _Array,
    axis: SupportsIndex | None,
    dtype: DTypeLike | None,
    out: _Out,
    threads: int | None,
    memory: int | None,
) -> Any:
    parameters: dict[str, Any] = {"axis": axis}
    if dtype is not None:
        parameters["dtype"] = np.dtype(dtype).name
    return _call(function, {"a": a}, parameters, out, threads, memory)


def cumsum(
    a: _Array,
    axis: SupportsIndex | None = None,
    dtype: DTypeLike | None = None,
    out: _Out = None,
    *,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The sums of all elements so far, along an axis or in C order: numpy.cumsum."""
    return _running("cumsum", a, axis, dtype, out, threads, memory)


def cumprod(
    a: _Array,
    axis: SupportsIndex | None = None,
    dtype: DTypeLike | None = None,
    out: _Out = None,
    *,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The products of all elements so far, along an axis or in C order: numpy.cumprod."""
    return _running("cumprod", a, axis, dtype, out, threads, memory)


def nancumsum(
    a: _Array,
    axis: SupportsIndex | None = None,
    dtype: DTypeLike | None = None,
    out: _Out = None,
    *,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The sums of all elements so far that are numbers: numpy.nancumsum."""
    return _running("nancumsum", a, axis, dtype, out, threads, memory)


def nancumprod(
    a: _Array,
    axis: SupportsIndex | None = None,
    dtype: DTypeLike | None = None,
    out: _Out = None,
    *,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The products of all elements so far that are numbers: numpy.nancumprod."""
    return _running("nancumprod", a, axis, dtype, out, threads, memory)


def diff(
    a: _Array,
    n: SupportsIndex = 1,
    axis: SupportsIndex = -1,
    *,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """Each element less the one before it, ``n`` times over: numpy.diff."""
    return _call("diff", {"a": a}, {"n": n, "axis": axis}, out, threads, memory)


def histogram_bin_edges(
    a: _Array,
    bins: SupportsIndex | ArrayLike = 10,
    range: tuple[float, float] | None = None,
    *,
    threads: int | None = None,
    memory: int | None = None,
) -> NDArray[Any]:
    """The edges of bins of equal width: numpy.histogram_bin_edges, without its estimators."""
    if isinstance(bins, str):
        raise ValueError(f"bins: found {bins!r}, expected a number of bins or their edges")
    if _unit.among(bins):
        unit = _unit_of(a)
        return _maparray.over(np.asarray(_unit.numbers(bins, unit)), unit)  # type: ignore[return-value]
    if np.asarray(bins).ndim > 0:
        return np.asarray(bins)
    if range is not None and _unit.among(range):
        low, high = (_unit.numbers(end, _unit_of(a)) for end in range)
        range = float(low), float(high)
    parameters = {"bins": bins, "range": range}
    edges: NDArray[Any] = _call("histogram_bin_edges", {"a": a}, parameters, None, threads, memory)
    return edges


def _unit_of(a: Any) -> _maparray.Unit:
    """The unit of an array or of what is in a file."""
    if isinstance(a, (str, bytes)) or hasattr(a, "__fspath__"):
        a = _maparray.open(a)
    return _maparray.unit_of(a) or _unit.PLAIN


def histogram(
    a: _Array,
    bins: SupportsIndex | ArrayLike = 10,
    range: tuple[float, float] | None = None,
    density: bool | None = None,
    weights: _Array | None = None,
    *,
    threads: int | None = None,
    memory: int | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """How many elements lie in each bin, and the edges of the bins: numpy.histogram."""
    edges = histogram_bin_edges(a, bins, range, threads=threads, memory=memory)
    arrays, parameters = {"a": a, "bins": edges}, {"bins": edges, "density": bool(density)}
    if weights is not None:
        arrays["weights"] = parameters["weights"] = weights
    return _call("histogram", arrays, parameters, None, threads, memory), edges


def matmul(
    x1: _Array,
    x2: _Array,
    /,
    out: _Out = None,
    *,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The product of two matrices or stacks of them: numpy.matmul."""
    return _call("matmul", {"x1": x1, "x2": x2}, {}, out, threads, memory)


def dot(
    a: _Array,
    b: _Array,
    out: _Out = None,
    *,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The sum of products along the last axis of ``a`` and the last but one of ``b``: numpy.dot."""
    return _call("dot", {"a": a, "b": b}, {}, out, threads, memory)


def rolling_sum(
    a: _Array,
    window: SupportsIndex,
    axis: SupportsIndex = -1,
    *,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The sum of each window: ``sliding_window_view(a, window, axis).sum(-1)``."""
    return _call("rolling_sum", {"a": a}, {"window": window, "axis": axis}, out, threads, memory)


def rolling_mean(
    a: _Array,
    window: SupportsIndex,
    axis: SupportsIndex = -1,
    *,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The mean of each window: ``sliding_window_view(a, window, axis).mean(-1)``."""
    return _call("rolling_mean", {"a": a}, {"window": window, "axis": axis}, out, threads, memory)


def rolling_min(
    a: _Array,
    window: SupportsIndex,
    axis: SupportsIndex = -1,
    *,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The least element of each window: ``sliding_window_view(a, window, axis).min(-1)``."""
    return _call("rolling_min", {"a": a}, {"window": window, "axis": axis}, out, threads, memory)


def rolling_max(
    a: _Array,
    window: SupportsIndex,
    axis: SupportsIndex = -1,
    *,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The greatest element of each window: ``sliding_window_view(a, window, axis).max(-1)``."""
    return _call("rolling_max", {"a": a}, {"window": window, "axis": axis}, out, threads, memory)


def rolling_var(
    a: _Array,
    window: SupportsIndex,
    axis: SupportsIndex = -1,
    *,
    ddof: float = 0,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The variance of each window: ``sliding_window_view(a, window, axis).var(-1)``."""
    parameters = {"window": window, "axis": axis, "ddof": ddof}
    return _call("rolling_var", {"a": a}, parameters, out, threads, memory)


def rolling_std(
    a: _Array,
    window: SupportsIndex,
    axis: SupportsIndex = -1,
    *,
    ddof: float = 0,
    out: _Out = None,
    threads: int | None = None,
    memory: int | None = None,
) -> Any:
    """The standard deviation of each window: ``sliding_window_view(a, window, axis).std(-1)``."""
    parameters = {"window": window, "axis": axis, "ddof": ddof}
    return _call("rolling_std", {"a": a}, parameters, out, threads, memory)
