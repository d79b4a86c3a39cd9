"""Numbers that are stored scaled, with NumPy's names and operators.

What is done with them gives what the same gives for a container of the numbers that are meant.
From a size on, the engine converts them strip by strip; else, and for what only NumPy has, they are
read.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import _engine, _maparray, _measured, _results, _unit
from ._maparray import UnsupportedError
from ._names import Names
from ._operators import Operators

# Names of what changes an array, and of what shows its memory: a copy is all there is.
_CHANGING = frozenset("fill itemset partition put resize setfield setflags sort".split())
_OF_MEMORY = frozenset("ctypes data flags flat".split())


class Scaled(_maparray.Scaled, Names, Operators):
    """An array of a file whose stored numbers stand for others: BSCALE, BZERO, BLANK of FITS.

    `shape`, `dtype` and `unit` are those of the numbers that are meant; `raw` is the MemMapArray of
    those that are stored. Operators, functions and methods are those of a MemMapArray, and so is
    what they give. An index converts a part, and `read()` all of it. To change numbers, change
    ``raw``.
    """

    # No hash: it is compared element by element, as an ndarray.
    __hash__ = None  # type: ignore[assignment]

    @property
    def itemsize(self) -> int:
        """Bytes of a number that is meant."""
        return int(self.dtype.itemsize)

    @property
    def nbytes(self) -> int:
        """Bytes of all numbers that are meant."""
        return self.size * self.itemsize

    @property
    def quantity(self) -> Any:
        """A Quantity of astropy, of a copy."""
        return self.read().quantity

    def to(self, unit: Any) -> Any:
        """A copy with the numbers converted to another unit; integers become float64."""
        return self.read().to(unit)

    def read(self) -> Any:
        """A MemMapArray of the numbers that are meant.

        It is in memory, or in a file that nobody sees if it is too large for that.
        """
        room = _results.make_room(self.shape, self.dtype)
        if not room.memmap:
            return super().read()
        if self._unit is not None:
            room.set_unit(self._unit)
        _maparray.eval("positive(a)", out=room, a=self)
        return room

    def copy(self) -> Any:
        """The same as `read`."""
        return self.read()

    def take(
        self, indices: ArrayLike, axis: int | None = None, out: Any = None, mode: Any = "raise"
    ) -> Any:
        """The rows at some indices along an axis, or elements: as MemMapArray.take."""
        if axis is None:
            return self.read().take(indices, axis, out, mode)
        found = _maparray.take(self, indices, axis, out, mode=mode)
        return found if out is not None else _results.results(found)

    def compress(self, condition: ArrayLike, axis: int | None = None, out: Any = None) -> Any:
        """The rows, or elements, where a condition is true: as MemMapArray.compress."""
        if axis is None:
            return self.read().compress(condition, axis, out)
        found = _maparray.compress(condition, self, axis, out)
        return found if out is not None else _results.results(found)

    def iter_chunks(
        self, chunk_bytes: int | None = None, *, rows: int | None = None, release: bool = False
    ) -> Any:
        """Consecutive parts along the first axis, converted when they come up."""
        return _maparray.iter_chunks(self, chunk_bytes, rows=rows, release=release)

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (row for chunk in self.iter_chunks() for row in chunk)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise _unchangeable()

    def __contains__(self, value: Any) -> bool:
        return value in self.read()

    def __bool__(self) -> bool:
        return bool(self.read())

    def __int__(self) -> int:
        return int(self.read())

    def __float__(self) -> float:
        return float(self.read())

    def __complex__(self) -> complex:
        return complex(self.read())

    def __index__(self) -> int:
        return operator.index(self.read())

    def __round__(self, digits: int | None = None) -> Any:
        return round(self.read(), digits)

    def __format__(self, how: str) -> str:
        return format(self.read(), how) if how else str(self)

    def __str__(self) -> str:
        # As NumPy, which shows all of an array up to a size.
        if self.closed or self.size > np.get_printoptions()["threshold"]:
            return repr(self)
        return str(self.read())

    def __imatmul__(self, other: Any) -> Any:
        raise _unchangeable()

    def _array(self) -> Any:
        return self.read().view()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if any(isinstance(place, Scaled) for place in options.get("out", ())):
            raise _unchangeable()
        if method == "__call__" and not options:
            found = _computed(ufunc, inputs)
            if found is not None:
                return found
        return getattr(ufunc, method)(*_numbers(inputs), **_numbers(options))

    def __array_function__(self, func: Any, types: Any, args: Any, options: Any) -> Any:
        name = func.__name__
        if args and args[0] is self and getattr(np, name, None) is func:
            expression = _engine.reduction(name, self, args[1:], options)
            if expression is not None:
                return _results.results(_maparray.eval(expression, a=self))
        return func(*_numbers(args), **_numbers(options))


Scaled.__module__ = "maparray"


def _wrap(source: _maparray.Scaled) -> Scaled:
    return Scaled(source)


def _unchangeable() -> Exception:
    error = UnsupportedError("change of numbers that are stored scaled: found a Scaled")
    error.add_note("hint: change the stored numbers, `raw`, or a copy, `read()`")
    return error


def _numbers(value: Any) -> Any:
    """The same arguments with containers of the numbers that are meant."""
    if isinstance(value, Scaled):
        return value.read()
    if type(value) in (tuple, list):
        return type(value)(map(_numbers, value))
    if type(value) is dict:
        return {name: _numbers(item) for name, item in value.items()}
    return value


def _stand_in(value: Any) -> Any:
    """An array of the same shape and dtype, without the numbers."""
    if isinstance(value, Scaled):
        return np.broadcast_to(np.empty((), value.dtype), value.shape)
    return _results.unwrap(value)


def _computed(ufunc: Any, inputs: Any) -> Any:
    """What the engine makes of operands where they lie; None if it is not for the engine."""
    alone = (value for value in inputs if not isinstance(value, Scaled))
    if not all(_results.is_known(value) and not _results.is_foreign(value) for value in alone):
        return None
    stand_ins = [_stand_in(value) for value in inputs]
    found = _engine.result_of(ufunc, "__call__", stand_ins, {})
    if found is None or not found[0]:
        return None
    shape, dtype = found
    place = np.broadcast_to(np.empty((), dtype), shape)
    if any(_unit.unit_of(value) is not None for value in inputs):
        if place.nbytes < _engine.LARGE or any(map(_unit.is_unit, inputs)):
            return None
        if not _engine.is_calm() or not _engine.has(ufunc.__name__, stand_ins):
            return None
        return _results.results(_measured.by_engine(ufunc.__name__, inputs, ()))
    if not _engine.can(ufunc, "__call__", stand_ins, (place,), {}):
        return None
    room = _results.make_room(shape, dtype)
    return _engine.call(ufunc, inputs, room)


def _method(name: str) -> Callable[..., Any]:
    @functools.wraps(vars(Names)[name])
    def call(self: Any, *args: Any, **options: Any) -> Any:
        if name in _CHANGING:
            raise _unchangeable()
        expression = _engine.reduction(name, self, args, options)
        if expression is not None:
            return _results.results(_maparray.eval(expression, a=self))
        return getattr(self.read(), name)(*_numbers(args), **_numbers(options))

    return _named(call, name)


def _operator(name: str) -> Callable[..., Any]:
    """An operator that is more than NumPy's function, which a container knows about."""

    def call(self: Any, other: Any) -> Any:
        known = self.nbytes >= _engine.LARGE and not isinstance(other, (str, bytes, type(None)))
        if known:
            return getattr(Operators, name)(self, other)
        return getattr(self.read(), name)(_numbers(other))

    return _named(call, name)


def _named(call: Callable[..., Any], name: str) -> Callable[..., Any]:
    call.__name__ = name
    call.__qualname__ = f"Scaled.{name}"
    return call


def _property(name: str) -> property:
    def get(self: Any) -> Any:
        if name in _OF_MEMORY:
            raise AttributeError(f"{name} of numbers that are stored scaled: see `raw`")
        return getattr(self.read(), name)

    def put(self: Any, value: Any) -> None:
        raise _unchangeable()

    known = vars(Names)[name]
    return property(get, None if known.fset is None else put, doc=known.__doc__)


for _name, _what in vars(Names).items():
    if not _name.startswith("_") and _name not in vars(Scaled):
        _is_property = isinstance(_what, property)
        setattr(Scaled, _name, _property(_name) if _is_property else _method(_name))
for _name in ("__eq__", "__ne__", "__pow__"):
    setattr(Scaled, _name, _operator(_name))
