"""Arrays of one shape as one with a new first axis, and what is made of them place by place."""

from __future__ import annotations

import glob
import operator
import os
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _maparray, _unit
from ._container import _with_unit

_Path: TypeAlias = str | bytes | PathLike[str] | PathLike[bytes]


class Stack:
    """Arrays of one shape above each other, most of them in files that stay where they are.

    Its first axis counts the arrays. What is computed along it needs memory for pieces of the
    arrays only: ``maparray.stack("*.npy").sigma_clip(3).mean(out="master.npy", memory=2**30)``.
    Results are NumPy arrays (with a unit: containers); with ``out`` they are files, opened.
    """

    def __init__(self, arrays: Iterable[Any]) -> None:
        """Look at each array, and see that they fit."""
        self._arrays = list(arrays)
        self._stack = _maparray.Stack(self._arrays)
        self._limits: Any = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of arrays, and the shape of each."""
        return self._stack.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype that holds the numbers of all arrays."""
        return self._stack.dtype

    @property
    def unit(self) -> Any:
        """What the numbers of all arrays measure, or None."""
        return _unit.public(self._stack._unit)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return f"Stack(shape={self.shape!r}, dtype={str(self.dtype)!r})"

    def frame(self, index: int) -> Any:
        """One of the arrays, opened."""
        array = self._arrays[index]
        if isinstance(array, (str, bytes, PathLike)):
            return _maparray.open(array)
        return array

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """A copy of a part: frames first, as of one large array."""
        index = index if isinstance(index, tuple) else (index,)
        first, rest = (index[0], index[1:]) if index else (..., ())
        if first is Ellipsis:
            first, rest = slice(None), index
        if not isinstance(first, slice):
            try:
                first = operator.index(first)
            except TypeError:
                found = type(first).__name__
                message = f"index of a stack: found {found}, expected an integer or a slice first"
                raise TypeError(message) from None
            return np.array(np.asarray(self.frame(first))[rest], self.dtype)
        frames = range(len(self))[first]
        if not frames:
            return np.empty((0, *self.shape[1:]), self.dtype)[:, *rest]
        return np.stack([np.asarray(self.frame(i))[rest] for i in frames], dtype=self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("a stack is copied to become one array, and no copy is allowed")
        return self[:].astype(dtype or self.dtype, copy=False)

    def sigma_clip(
        self,
        sigma: float = 3.0,
        *,
        sigma_lower: float | None = None,
        sigma_upper: float | None = None,
        maxiters: int | None = 5,
        cenfunc: Literal["median", "mean"] = "median",
    ) -> Self:
        """The same stack, of which numbers too far from the others at their place are left out.

        As `sigma_clip` of astropy: those farther than ``sigma`` standard deviations from the
        middle, and all that are not finite; again with those that are left, ``maxiters`` times or
        until nothing is left out any more (None).
        """
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        low = sigma if sigma_lower is None else sigma_lower
        high = sigma if sigma_upper is None else sigma_upper
        if maxiters is not None and operator.index(maxiters) < 0:
            raise ValueError(f"maxiters: found {maxiters}, expected a count or None")
        # No step at most is no limit, as astropy has it.
        new._limits = (float(low), float(high), cenfunc, maxiters or None)
        return new

    def _combine(
        self,
        statistic: str,
        axis: int,
        skipna: bool,
        out: _Path | None,
        threads: int | None,
        memory: int | None,
        percent: float = 0.0,
    ) -> Any:
        if axis != 0:
            raise ValueError(f"axis: found {axis!r}, expected 0, the axis of the stack")
        path = None if out is None else os.fsdecode(out)
        return self._stack.combine(statistic, percent, self._limits, skipna, path, threads, memory)

    def median(
        self,
        axis: int = 0,
        *,
        skipna: bool = False,
        out: _Path | None = None,
        threads: int | None = None,
        memory: int | None = None,
    ) -> Any:
        """The median at each place; NaN where there is one, or of the others if ``skipna``."""
        return self._combine("median", axis, skipna, out, threads, memory)

    def mean(
        self,
        axis: int = 0,
        *,
        skipna: bool = False,
        out: _Path | None = None,
        threads: int | None = None,
        memory: int | None = None,
    ) -> Any:
        """The mean at each place."""
        return self._combine("mean", axis, skipna, out, threads, memory)

    def sum(
        self,
        axis: int = 0,
        *,
        skipna: bool = False,
        out: _Path | None = None,
        threads: int | None = None,
        memory: int | None = None,
    ) -> Any:
        """The sum at each place."""
        return self._combine("sum", axis, skipna, out, threads, memory)

    def min(
        self,
        axis: int = 0,
        *,
        skipna: bool = False,
        out: _Path | None = None,
        threads: int | None = None,
        memory: int | None = None,
    ) -> Any:
        """The least number at each place."""
        return self._combine("min", axis, skipna, out, threads, memory)

    def max(
        self,
        axis: int = 0,
        *,
        skipna: bool = False,
        out: _Path | None = None,
        threads: int | None = None,
        memory: int | None = None,
    ) -> Any:
        """The greatest number at each place."""
        return self._combine("max", axis, skipna, out, threads, memory)

    def std(
        self,
        axis: int = 0,
        *,
        skipna: bool = False,
        out: _Path | None = None,
        threads: int | None = None,
        memory: int | None = None,
    ) -> Any:
        """The standard deviation (of the population) at each place."""
        return self._combine("std", axis, skipna, out, threads, memory)

    def var(
        self,
        axis: int = 0,
        *,
        skipna: bool = False,
        out: _Path | None = None,
        threads: int | None = None,
        memory: int | None = None,
    ) -> Any:
        """The variance (of the population) at each place."""
        return self._combine("var", axis, skipna, out, threads, memory)

    def count(
        self,
        axis: int = 0,
        *,
        skipna: bool = False,
        out: _Path | None = None,
        threads: int | None = None,
        memory: int | None = None,
    ) -> Any:
        """How many numbers were not left out at each place."""
        return self._combine("count", axis, skipna, out, threads, memory)

    def percentile(
        self,
        q: float | Sequence[float] | NDArray[Any],
        axis: int = 0,
        *,
        skipna: bool = False,
        out: _Path | None = None,
        threads: int | None = None,
        memory: int | None = None,
    ) -> Any:
        """The number at each place that ``q`` percent of the numbers there do not exceed.

        Of several ``q`` the first axis of the result counts them; each is computed by itself.
        """
        if np.ndim(q) > 0:
            if out is not None:
                raise ValueError(
                    f"out: found {out!r} for several percentiles, expected one for each"
                )
            whole = np.empty(
                (np.size(q), *self.shape[1:]),
                "f4" if np.result_type(self.dtype, "f4") == "f4" else "f8",
            )
            for place, one in enumerate(np.ravel(q)):
                found = self._combine("percentile", axis, skipna, None, threads, memory, float(one))
                whole[place] = np.asarray(found)
            whole = whole.reshape(np.shape(q) + self.shape[1:])
            unit = self._stack._unit
            return whole if unit is None else _with_unit(whole, unit)
        percent: Any = q
        return self._combine("percentile", axis, skipna, out, threads, memory, percent)


def stack(arrays: _Path | Iterable[Any]) -> Stack:
    """Arrays of one shape as one with a new first axis: a `Stack`.

    ``arrays`` are paths (or arrays in files, as ``"a.fits[1]"``), arrays, or one pattern such as
    ``"dark-*.npy"``, whose files are taken in the order of their names.
    """
    if isinstance(arrays, (str, bytes, PathLike)):
        pattern = os.fsdecode(arrays)
        # A name may have signs of a pattern in it.
        exact = os.path.exists(pattern)
        arrays = [pattern] if exact else sorted(glob.glob(pattern))
        if not arrays:
            raise FileNotFoundError(f"stack: found no file, expected some like {pattern!r}")
    return Stack(arrays)
