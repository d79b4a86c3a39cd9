"""Which of NumPy's operations does the engine compute, and which does NumPy?

The engine gets those that it has, on arrays so large that its threads and its blocks pay off. All
else, with every option that NumPy knows, is NumPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _maparray

# From so many bytes on, the engine is faster.
LARGE = 1 << 20

_OPERATIONS = {name: arity for name, _aliases, _sign, arity in _maparray.OPERATIONS}
_REDUCTIONS = frozenset(_maparray.REDUCTIONS) - {"count_nonzero"}
_NAMES = "abcdef"


def _is_large(arrays: Any) -> bool:
    return any(isinstance(array, np.ndarray) and array.nbytes >= LARGE for array in arrays)


def _is_plain(value: Any) -> bool:
    """Whether an operand is a number, or an array of numbers without a class of its own."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biufc" and type(value).__module__ in ("numpy", "maparray")
    return isinstance(value, (bool, int, float, complex, np.number, np.bool_))


def has(name: str, operands: Any) -> bool:
    """Whether the engine has this operation, for these operands."""
    return _OPERATIONS.get(name) == len(operands) and all(
        isinstance(value, _maparray.Container) or _is_plain(np.asarray(value)) for value in operands
    )


def result_of(ufunc: Any, method: str, arrays: Any, options: Any) -> Any:
    """Shape and dtype of the one result of a plain call; None where only NumPy can tell."""
    if method != "__call__" or ufunc.nout != 1 or ufunc.signature is not None or options:
        return None
    try:
        kinds = [
            type(a) if type(a) in (int, float, complex) else np.asarray(a).dtype for a in arrays
        ]
        dtype = ufunc.resolve_dtypes((*kinds, None))[-1]
        return np.broadcast_shapes(*(np.shape(array) for array in arrays)), dtype
    except (TypeError, ValueError):
        return None


def compute(ufunc: Any, method: str, arrays: Any, out: Any, options: Any) -> Any:
    """What the ufunc's method gives, computed by the engine if it can and that pays off."""
    name = ufunc.__name__
    if (
        method == "__call__"
        and len(out) == 1
        and not options
        and _OPERATIONS.get(name) == len(arrays)
        and _is_large(out)
        and all(map(_is_plain, (*arrays, *out)))
        and result_of(ufunc, method, arrays, options) == (out[0].shape, out[0].dtype)
    ):
        bound = dict(zip(_NAMES, arrays, strict=False))
        expression = f"{name}({', '.join(bound)})"
        return _maparray.eval(expression, out=out[0], **bound)
    if out:
        options = {**options, "out": out if len(out) > 1 else out[0]}
    return getattr(ufunc, method)(*arrays, **options)


def method(name: str, array: Any, args: Any, options: Any) -> Any:
    """What the array's method gives, computed by the engine if it can and that pays off."""
    if (
        name in _REDUCTIONS
        and array.nbytes >= LARGE
        and _is_plain(array)
        and len(args) <= 1
        and options.keys() <= {"axis", "keepdims", "ddof"}
    ):
        axis = options.get("axis", args[0] if args else None)
        if axis is None or isinstance(axis, int):
            extra = {key: options[key] for key in ("keepdims", "ddof") if key in options}
            if all(type(value) in (bool, int) for value in extra.values()):
                words = "".join(f", {key}={value}" for key, value in extra.items())
                return _maparray.eval(f"{name}(a, axis={axis}{words})", a=array)
    return getattr(array, name)(*args, **options)
