"""Which operators are more than NumPy's function of that name?

``numpy.ndarray`` compares what no function compares, has powers of its own, and steps back where an
array of another class has rules of its own. A container does as it does.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from . import _engine, _unit
from ._results import is_foreign, is_known, results, unwrap


def _are_plain(*operands: Any) -> bool:
    """Whether none has a unit, and none wants to have its say."""
    return all(
        is_known(value) and _unit.unit_of(value) is None and not _unit.is_unit(value)
        for value in operands
    )


def _is_measurable(value: Any) -> bool:
    """Whether it is of a kind that can be compared with numbers in a unit."""
    if _unit.is_unit(value) or _unit.is_foreign(value) or not is_known(value):
        return True
    try:
        return np.asarray(unwrap(value)).dtype.kind in "biufcmM"
    except ValueError:
        # A list of lists of unlike lengths: NumPy has its word for it.
        return True


def _has_own_power(array: Any, exponent: Any) -> bool:
    """Whether an ndarray's power by a number may be another than that of ``numpy.power``."""
    # The square of a bool is none of the function's results; large arrays are the engine's.
    is_number = isinstance(exponent, (int, float, complex, np.generic))
    return is_number and (array.dtype.kind == "b" or array.nbytes < _engine.LARGE)


def _deferring(name: str) -> Callable[..., Any]:
    """An operator that steps back before masks and matrices, which have it in their own way."""
    numpys = getattr(NDArrayOperatorsMixin, name)

    def call(self: Any, other: Any) -> Any:
        if is_foreign(other) and self._unit is None:
            return NotImplemented
        return numpys(self, other)

    return _named(call, name)


def _comparing(name: str) -> Callable[..., Any]:
    """``==`` or ``!=``, which have an answer for operands of unlike kinds, and for records."""
    numpys, sign = getattr(NDArrayOperatorsMixin, name), getattr(operator, name)

    def call(self: Any, other: Any) -> Any:
        if is_foreign(other) and self._unit is None:
            return NotImplemented
        if _unit.unit_of(self) is not None and not _is_measurable(other):
            # A text, or None, is equal to no number in any unit.
            return results(sign(self._array(), unwrap(other)))
        if not _are_plain(self, other):
            return numpys(self, other)
        try:
            return numpys(self, other)
        except TypeError:
            return results(sign(self._array(), unwrap(other)))

    return _named(call, name)


def _named(call: Callable[..., Any], name: str) -> Callable[..., Any]:
    call.__name__ = name
    call.__qualname__ = f"Operators.{name}"
    return call


class Operators(NDArrayOperatorsMixin):
    """The operators of ``numpy.ndarray`` for a container."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __pow__(self: Any, other: Any) -> Any:
        if is_foreign(other) and self._unit is None:
            found = other.__rpow__(self)
            if found is not NotImplemented:
                return found
        elif _are_plain(self, other) and _has_own_power(self._array(), other):
            return results(self._array() ** other)
        return super().__pow__(other)

    def __ipow__(self: Any, other: Any) -> Any:
        if _are_plain(self, other) and _has_own_power(self._array(), other):
            array = self._array()
            array **= other
            return self
        return super().__ipow__(other)

    def __imatmul__(self: Any, other: Any) -> Any:  # type: ignore[misc]
        if _unit.among((self, other)):
            return np.matmul(self, other, out=self)
        array = self._array()
        array @= unwrap(other)
        return self


for _name in "lt le gt ge add sub mul matmul truediv floordiv mod divmod".split():
    setattr(Operators, f"__{_name}__", _deferring(f"__{_name}__"))
for _name in "lshift rshift and xor or".split():
    setattr(Operators, f"__{_name}__", _deferring(f"__{_name}__"))
for _name in ("__eq__", "__ne__"):
    setattr(Operators, _name, _comparing(_name))
