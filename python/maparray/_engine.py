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
    if isinstance(value, (np.ndarray, np.generic)):
        # Long doubles are NumPy's.
        is_number = value.dtype.kind in "biufc" and value.dtype.char not in "gG"
        return is_number and type(value).__module__ in ("numpy", "maparray")
    return isinstance(value, (bool, int, float, complex))


def is_calm() -> bool:
    """Whether nobody waits for NumPy's word on overflow or division by zero.

    The engine says none: what NumPy would warn of, or ignore, it computes.
    """
    return _LOUD.isdisjoint(np.geterr().values())


_LOUD = frozenset({"raise", "call", "print", "log"})


def has(name: str, operands: Any) -> bool:
    """Whether the engine has this operation, for these operands."""
    return _OPERATIONS.get(name) == len(operands) and all(
        _is_plain(np.asarray(value)) for value in operands
    )


def result_of(ufunc: Any, method: str, arrays: Any, options: Any) -> Any:
    """Shape and dtype of the one result of a plain call; None where only NumPy can tell."""
    if method != "__call__" or ufunc.nout != 1 or ufunc.signature is not None:
        return None
    if not options.keys() <= {"where", "dtype", "casting"}:
        return None
    try:
        wanted = options.get("dtype")
        dtype = _dtypes(ufunc, arrays)[-1] if wanted is None else np.dtype(wanted)
        shapes = map(np.shape, (*arrays, options.get("where", True)))
        return np.broadcast_shapes(*shapes), dtype
    except (TypeError, ValueError):
        return None


def _dtypes(ufunc: Any, arrays: Any) -> Any:
    """The dtypes that a ufunc of one result computes in, and that of the result."""
    kinds = [type(a) if type(a) in (int, float, complex) else np.asarray(a).dtype for a in arrays]
    return ufunc.resolve_dtypes((*kinds, None))


def _fit(ufunc: Any, arrays: Any) -> bool:
    """Whether Python's integers are numbers of the dtypes that they are computed in.

    NumPy has an error for those that are not, an answer if they are only compared.
    """
    if not any(type(value) is int for value in arrays):
        return True
    for value, dtype in zip(arrays, _dtypes(ufunc, arrays), strict=False):
        if type(value) is not int:
            continue
        if dtype.kind in "iu":
            limits: Any = np.iinfo(dtype)
            if not limits.min <= value <= limits.max or (ufunc is np.power and value < 0):
                return False
        elif dtype.kind not in "fc" or abs(value) > _EXACT:
            return False
    return True


# Every dtype of floats but float16 has these integers, and float16 the infinities beyond.
_EXACT = 1 << 53


def compute(ufunc: Any, method: str, arrays: Any, out: Any, options: Any) -> Any:
    """What the ufunc's method gives, computed by the engine if it can and that pays off."""
    if can(ufunc, method, arrays, out, options):
        return call(ufunc, arrays, out[0])
    if out:
        options = {**options, "out": out if len(out) > 1 else out[0]}
    return getattr(ufunc, method)(*arrays, **options)


def can(ufunc: Any, method: str, arrays: Any, out: Any, options: Any) -> bool:
    """Whether the engine can compute what the ufunc's method gives, and that pays off."""
    return (
        method == "__call__"
        and len(out) == 1
        and not options
        and _OPERATIONS.get(ufunc.__name__) == len(arrays)
        and _is_large(out)
        and all(map(_is_plain, (*arrays, *out)))
        and result_of(ufunc, method, arrays, options) == (out[0].shape, out[0].dtype)
        and _fit(ufunc, arrays)
        and is_calm()
    )


def call(ufunc: Any, operands: Any, out: Any) -> Any:
    """What the engine computes as a ufunc does, in a place for it."""
    bound = dict(zip(_NAMES, operands, strict=False))
    expression = f"{ufunc.__name__}({', '.join(bound)})"
    return _maparray.eval(expression, out=out, **bound)


def method(name: str, array: Any, args: Any, options: Any) -> Any:
    """What the array's method gives, computed by the engine if it can and that pays off."""
    expression = reduction(name, array, args, options) if _is_plain(array) else None
    if expression is not None:
        return _maparray.eval(expression, a=array)
    return getattr(array, name)(*args, **options)


def reduction(name: str, array: Any, args: Any, options: Any) -> str | None:
    """A method as an expression of an array `a`; None if that does not pay off, or is NumPy's."""
    if name not in _REDUCTIONS or array.nbytes < LARGE or not is_calm():
        return None
    words = _words(name, array.ndim, args, options)
    return None if words is None else f"{name}(a{words})"


def _words(name: str, ndim: int, args: Any, options: dict[str, Any]) -> str | None:
    """The arguments of a reduction as an expression has them; None if only NumPy knows them."""
    kinds = _KINDS[name in ("std", "var")]
    if len(args) > 1 or (args and "axis" in options):
        return None
    axis = args[0] if args else options.get("axis")
    axis = int(axis) if isinstance(axis, np.integer) else axis
    extra = {key: value for key, value in options.items() if key != "axis"}
    if not (axis is None or (type(axis) is int and -ndim <= axis < ndim)):
        return None
    if any(type(value) is not kinds.get(key) for key, value in extra.items()):
        return None
    return "".join(f", {key}={value}" for key, value in {"axis": axis, **extra}.items())


# The kinds of further arguments that need no look of NumPy's, also of those that know `ddof`.
_KINDS: tuple[dict[str, type], ...] = ({"keepdims": bool}, {"keepdims": bool, "ddof": int})
