"""What do NumPy's operations make of numbers with a unit?

The library has rules for the ufuncs that it has; here is a row for each method of an array. The
rest is done by astropy over the same memory. What goes to a place is brought to its unit, and a
container without one takes over that of the result; nothing is written before that is settled.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import numpy as np

from . import _engine, _maparray
from ._maparray import Unit, unit_error, unit_of
from ._unit import (
    PLAIN,
    among,
    as_known,
    astropy,
    bare,
    is_quantity,
    is_unit,
    measured,
    needed,
    numbers,
    quantity,
    with_quantities,
)


class _Rule(NamedTuple):
    """What a method does to a unit, and which of its arguments are what."""

    gives: Literal["unit", "square", "nothing", "plain"]
    """The unit of the array, its square, none at all, or that of plain numbers, of which it is."""

    values: tuple[int | str, ...] = ()
    """Which arguments are in the unit of the array, by position and by name."""

    out: int | None = None
    """Where the place for the result stands among the arguments."""


_RULES = {
    "all": _Rule("nothing", out=1),
    "any": _Rule("nothing", out=1),
    "argmax": _Rule("nothing", out=1),
    "argmin": _Rule("nothing", out=1),
    "argpartition": _Rule("nothing"),
    "argsort": _Rule("nothing"),
    "astype": _Rule("unit"),
    "byteswap": _Rule("unit"),
    "choose": _Rule("plain", out=1),
    "clip": _Rule("unit", (0, 1, "min", "max"), out=2),
    "compress": _Rule("unit", out=2),
    "conj": _Rule("unit", out=0),
    "conjugate": _Rule("unit", out=0),
    "cumprod": _Rule("plain", out=2),
    "cumsum": _Rule("unit", out=2),
    "diagonal": _Rule("unit"),
    "dot": _Rule("plain", out=1),
    "dump": _Rule("nothing"),
    "dumps": _Rule("nothing"),
    "fill": _Rule("unit", (0, "value")),
    "flatten": _Rule("unit"),
    "getfield": _Rule("nothing"),
    "item": _Rule("unit"),
    "max": _Rule("unit", (3, "initial"), out=1),
    "mean": _Rule("unit", out=2),
    "min": _Rule("unit", (3, "initial"), out=1),
    "nonzero": _Rule("nothing"),
    "partition": _Rule("unit"),
    "prod": _Rule("plain", (4, "initial"), out=2),
    "ptp": _Rule("unit", out=1),
    "put": _Rule("unit", (1, "values")),
    "ravel": _Rule("unit"),
    "repeat": _Rule("unit"),
    "reshape": _Rule("unit"),
    "resize": _Rule("unit"),
    "round": _Rule("unit", out=1),
    "searchsorted": _Rule("nothing", (0, "v")),
    "setfield": _Rule("nothing"),
    "setflags": _Rule("nothing"),
    "sort": _Rule("unit"),
    "squeeze": _Rule("unit"),
    "std": _Rule("unit", ("mean",), out=2),
    "sum": _Rule("unit", (4, "initial"), out=2),
    "swapaxes": _Rule("unit"),
    "take": _Rule("unit", out=2),
    "tobytes": _Rule("nothing"),
    "tofile": _Rule("nothing"),
    "tolist": _Rule("nothing"),
    "trace": _Rule("unit", out=4),
    "transpose": _Rule("unit"),
    "var": _Rule("square", ("mean",), out=2),
}

# Functions of NumPy that are a method, too, and names of arguments that the method has otherwise;
# those that it only has by position come with a number.
_FUNCTIONS: dict[str, dict[str, str | int]] = {
    "all": {},
    "any": {},
    "argmax": {},
    "argmin": {},
    "argpartition": {},
    "argsort": {},
    "clip": {"a_min": "min", "a_max": "max"},
    "cumprod": {},
    "cumsum": {},
    "diagonal": {},
    "max": {},
    "mean": {},
    "min": {},
    "nonzero": {},
    "prod": {},
    "ptp": {},
    "ravel": {},
    "repeat": {},
    "reshape": {"shape": 0},
    "round": {},
    "searchsorted": {},
    "squeeze": {},
    "std": {"correction": "ddof"},
    "sum": {},
    "swapaxes": {},
    "take": {},
    "trace": {},
    "transpose": {"axes": 0},
    "var": {"correction": "ddof"},
}

# Methods that put their argument into the array, which may be one of integers.
_PUTTING = frozenset({"fill", "put"})


def method(name: str, array: Any, args: Any, options: Any, give: Any) -> Any:
    """What a method of a container gives, as `give` makes it from numbers and a unit."""
    rule, unit = _RULES[name], array._unit or PLAIN
    out, args, options = _split_out(rule.out, args, options)
    if out is None:
        return give(*_method(name, rule, array.view(), unit, args, options))
    own = PLAIN if rule.gives == "nothing" else _given(rule, unit)
    if _is_direct(name, out, own, options):
        # Nothing to convert: no second array of that size.
        with _saying(out, None if rule.gives == "nothing" else own):
            _method(name, rule, array.view(), unit, args, {**options, "out": out.view()})
        return out
    where = options.pop("where", True) if name == "clip" else True
    result, own = _method(name, rule, array.view(), unit, args, options)
    return store(out, np.asarray(result), own, where=where)


def _is_direct(name: str, out: Any, own: Unit | None, options: Any) -> bool:
    """Whether a method may write to the place itself."""
    if own is None or not isinstance(out, _maparray.Container):
        return False
    # `conj` knows its place by position only; `clip` may leave elements out.
    if name.startswith("conj") or (name == "clip" and "where" in options):
        return False
    return out._unit is None or out._unit == own


def _method(
    name: str, rule: _Rule, array: Any, unit: Unit, args: Any, options: Any
) -> tuple[Any, Unit | None]:
    if name == "item":
        return array[_index(array, args)], unit
    if name == "ptp":
        return np.ptp(array, *args, **options), unit
    if name == "dot":
        other, own = measured(args[0])
        return array.dot(other, *args[1:], **options), unit * (own or PLAIN)
    if name == "choose" and among(args[0]):
        own = unit_of(args[0]) or PLAIN
        choices = [numbers(choice, own) for choice in args[0]]
        return _plain(array, unit).choose(choices, *args[1:], **options), own
    if rule.gives == "plain":
        array, unit = _plain(array, unit), PLAIN
    dtype = array.dtype if name in _PUTTING else None
    args = tuple(
        numbers(value, unit, dtype) if place in rule.values and value is not None else value
        for place, value in enumerate(args)
    )
    options = {
        key: numbers(value, unit, dtype) if key in rule.values and value is not None else value
        for key, value in options.items()
    }
    result = _engine.method(name, array, args, options)
    return result, _given(rule, unit)


def _given(rule: _Rule, unit: Unit) -> Unit | None:
    """The unit of what a method gives; None if it has none, or only the result tells."""
    if rule.gives == "square":
        return unit**2
    return unit if rule.gives == "unit" else None


def _plain(array: Any, unit: Unit) -> Any:
    factor = unit.to(PLAIN)
    return array if factor == 1.0 else array * factor


def _index(array: Any, args: Any) -> Any:
    """Where the element is that `item` names."""
    if not args and array.size != 1:
        raise ValueError("can only convert an array of size 1 to a Python scalar")
    if not args:
        return (0,) * array.ndim
    if len(args) == 1:
        return args[0] if isinstance(args[0], tuple) else np.unravel_index(args[0], array.shape)
    return args


# Places for results


def _split_out(place: int | None, args: Any, options: Any) -> tuple[Any, Any, Any]:
    """The place for the result, and the arguments without it."""
    options = dict(options)
    out = options.pop("out", None)
    if out is None and place is not None and len(args) > place:
        out = args[place]
        # None means no place; where it is the last one, nothing does.
        args = (*args[:place], None, *args[place + 1 :]) if args[place + 1 :] else args[:place]
    if isinstance(out, tuple) and len(out) == 1:
        (out,) = out
    return out, args, options


@contextmanager
def _saying(container: Any, unit: Unit | None) -> Iterator[None]:
    """Says the unit first, as a header may have no room for it; takes it back if the work fails."""
    old = container._unit
    if old == unit or (old is None and unit == PLAIN):
        yield
        return
    container.set_unit(unit)
    try:
        yield
    except BaseException:
        container.set_unit(old)
        raise


def replace(container: Any, result: Any, unit: Unit | None) -> Any:
    """Puts a result in the place of a container's numbers and of its unit."""
    with _saying(container, unit):
        np.copyto(container.view(), result, casting="same_kind")
    return container


def store(
    out: Any,
    result: Any,
    unit: Unit | None,
    *,
    where: Any = True,
    casting: Any = "same_kind",
    broadcast: bool = False,
) -> Any:
    """Writes numbers in a unit to a place in another, or to one that takes over their unit."""
    if not broadcast and np.shape(result) != out.shape:
        raise ValueError(f"out: found shape {out.shape}, expected {np.shape(result)}")
    unit = unit or PLAIN
    own = unit_of(out)
    if isinstance(out, _maparray.Container) and own is None and unit != PLAIN and where is True:
        return replace(out, result, unit)
    factor = unit.to(own or PLAIN)
    result = result if factor == 1.0 else result * factor
    np.copyto(bare(out), result, casting=casting, where=where)
    return out


# Ufuncs


def compute(ufunc: Any, method: str, inputs: Any, out: Any, options: Any) -> Any:
    """What a ufunc gives for operands of which some have a unit."""
    name = ufunc.__name__
    options = {key: value for key, value in options.items() if value is not True or key != "where"}
    inputs = tuple(map(_operand, inputs))
    if method == "__call__" and not options:
        if any(map(is_unit, inputs)):
            return _scaled(name, inputs, out)
        if name == "divmod" and not out:
            return np.floor_divide(*inputs), np.remainder(*inputs)
        if name == "matmul":
            return _matmul(inputs, out)
        in_place = bool(out) and out[0] is inputs[0] and is_quantity(out[0])
        # Whoever waits for NumPy's word on overflow gets it from astropy.
        quiet = _engine.is_calm() or astropy() is None
        if len(out) <= 1 and not in_place and quiet and _engine.has(name, inputs):
            return by_engine(name, inputs, out)
    return _by_astropy(ufunc, method, inputs, out, options)


def _operand(value: Any) -> Any:
    """An operand of a kind that is known: an array in one unit for a list of several."""
    if type(value) in (list, tuple) and among(value):
        return _maparray.over(*measured(value))
    return as_known(value)


def _scaled(name: str, inputs: Any, out: Any) -> Any:
    """The same numbers in another unit: those of a product with a unit, or of a quotient."""
    value, unit = inputs[0], inputs[-1]
    if name == "multiply" and is_unit(value):
        value, unit = unit, value
    upside_down = name == "divide" and is_unit(value) and not is_unit(unit)
    if upside_down:
        value, unit = unit, value
    if name not in ("multiply", "divide") or is_unit(value):
        found = inputs[0] if is_unit(inputs[0]) else unit
        raise unit_error(
            f"operand of {name}: found a unit, `{found}`, expected numbers; "
            f"a unit is multiplied with, and divided by"
        )
    value, own = measured(value)
    value, own, other = np.asarray(value), own or PLAIN, unit_of(unit) or PLAIN
    if upside_down:
        value, new = np.divide(1.0, value), other / own
    else:
        new = own * other if name == "multiply" else own / other
    if out:
        (place,) = out
        if place is inputs[0] and isinstance(place, _maparray.Container):
            return replace(place, value, new)
        return store(place, value, new, broadcast=True)
    return filled(value, None if new == PLAIN else new)


def filled(array: Any, unit: Unit | None) -> Any:
    """A copy in pages, or in a file if it is large."""
    from ._results import filled

    return filled(array, unit=unit)


def _matmul(inputs: Any, out: Any) -> Any:
    (left, own), (right, other) = map(measured, inputs)
    product, unit = np.matmul(left, right), (own or PLAIN) * (other or PLAIN)
    if not out:
        from ._results import with_unit

        return with_unit(product, unit)
    (place,) = out
    if place is inputs[0] and isinstance(place, _maparray.Container):
        if np.shape(product) != place.shape:
            raise ValueError(f"matmul: found shape {np.shape(product)}, expected {place.shape}")
        return replace(place, product, unit)
    return store(place, product, unit, broadcast=True)


def by_engine(name: str, inputs: Any, out: Any) -> Any:
    """What the engine makes of operands of which some have a unit."""
    if name in ("power", "float_power") and among(inputs[1]):
        # An exponent is known now.
        exponent = np.asarray(numbers(inputs[1], None))
        inputs = (inputs[0], exponent[()] if exponent.ndim == 0 else exponent)
    bound = dict(zip("abcdef", inputs, strict=False))
    expression = f"{name}({', '.join(bound)})"
    if not out:
        return _maparray.eval(expression, **bound)
    (target,) = out
    if isinstance(target, _maparray.Container) and (target._unit is None or target is inputs[0]):
        return _maparray.update(expression, target, **bound)
    return _maparray.eval(expression, out=target, **bound)


def _by_astropy(ufunc: Any, method: str, inputs: Any, out: Any, options: Any) -> Any:
    operation = f"numpy.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    needed(operation)
    values = [with_quantities(value, operation) for value in inputs]
    work = getattr(ufunc, method)
    if not out:
        return work(*values, **options)
    if is_quantity(out[0]) and out[0] is inputs[0] and not options and len(out) == 1:
        # In place, where astropy changes the unit.
        return work(*values, out=out[0])
    where, casting = True, options.get("casting", "same_kind")
    if method == "__call__" and "where" in options:
        where = options["where"]
        options = {**options, "out": _scratch(ufunc, values, options)}
    results = work(*values, **options)
    results = results if isinstance(results, tuple) else (results,)
    found = [(place, *measured(result)) for place, result in zip(out, results, strict=True)]
    for place, _number, unit in found[1:]:
        # Before the first is written, the others are known to fit.
        if unit_of(place) is not None or not isinstance(place, _maparray.Container):
            (unit or PLAIN).to(unit_of(place) or PLAIN)
    for place, number, unit in found:
        store(place, number, unit, where=where, casting=casting, broadcast=True)
    return out[0] if len(out) == 1 else out


def _scratch(ufunc: Any, values: Any, options: Any) -> Any:
    """Where elements go of which some are left out; a Quantity where that is the result."""
    plain = [bare(value) for value in values]
    found = _dtypes_of(ufunc, plain, values, options)
    where = options["where"]
    shape = np.broadcast_shapes(np.shape(where), *(np.shape(array) for array in plain))
    from ._results import make_room

    rooms = [make_room(shape, dtype).view() for dtype in found]
    bare_result = ufunc.__name__ == "sign" or found[0].kind == "b"
    return tuple(room if bare_result else quantity(room, None) for room in rooms)


def _dtypes_of(ufunc: Any, plain: Any, values: Any, options: Any) -> Any:
    """The dtypes of the results. Integers that are brought to another unit become floats."""
    units = {str(unit_of(value)) for value in values if is_quantity(value)}
    if len(units) > 1:
        plain = [
            a.astype(np.float64) if is_quantity(value) and a.dtype.kind in "iu" else a
            for a, value in zip(plain, values, strict=True)
        ]
    more = {}
    if options.get("dtype") is not None:
        kinds_of_out = [np.dtype(options["dtype"])] * ufunc.nout
        more["signature"] = (*[None] * ufunc.nin, *kinds_of_out)
    kinds = [type(a) if type(a) in (int, float, complex) else np.asarray(a).dtype for a in plain]
    return ufunc.resolve_dtypes((*kinds, *[None] * ufunc.nout), **more)[ufunc.nin :]


def ufunc_of_unit(ufunc: Any, method: str, inputs: Any, options: Any) -> Any:
    """What a ufunc gives for a unit of ours, beside arrays and numbers."""
    options = dict(options or {})
    out = options.pop("out", ())
    if method != "__call__" or options:
        return NotImplemented
    return _scaled(ufunc.__name__, inputs, out)


def with_numbers(name: str, left: Any, right: Any) -> Any:
    """The product or the quotient of a unit of ours and of numbers."""
    other = right if isinstance(left, Unit) else left
    known = isinstance(other, (_maparray.Container, np.ndarray, np.generic, list, tuple))
    if isinstance(other, (bool, int, float, complex)) or known:
        return _scaled(name, (left, right), ())
    return NotImplemented


# Functions


def function(func: Any, args: Any, options: Any) -> Any:
    """What a function of NumPy gives for arguments of which some have a unit."""
    name = func.__name__
    if func in _UNITLESS:
        return func(*_without_units(args), **_without_units(options))
    if func in _SAVING:
        error = unit_error(f"numpy.{name}: found an array in a unit, expected plain numbers")
        error.add_note("hint: `maparray.save` keeps the unit; `array.view()` is the numbers alone")
        raise error
    if func is np.copyto and isinstance(args[0], _maparray.Container):
        return _copyto(*args, **options)
    known = name in _FUNCTIONS and func is getattr(np, name)
    if known and args and isinstance(args[0], _maparray.Container):
        options = dict(options)
        for key, other in _FUNCTIONS[name].items():
            if key in options and isinstance(other, int):
                args = (*args, options.pop(key))
            elif key in options:
                options[other] = options.pop(key)
        return getattr(args[0], name)(*args[1:], **options)
    out, args, options = _split_out(_place_of_out(func), args, options)
    operation = f"numpy.{name}"
    result = func(*with_quantities(args, operation), **with_quantities(options, operation))
    if out is None:
        return result
    return store(out, *measured(result))


# Functions that ask for no values, and those that have no place for a unit.
_UNITLESS = frozenset(
    {
        np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.min_scalar_type,
        np.iscomplexobj, np.isrealobj, np.may_share_memory, np.shares_memory,
    }
)  # fmt: skip
_SAVING = frozenset({np.save, np.savez, np.savez_compressed, np.savetxt})


def _without_units(value: Any) -> Any:
    if type(value) in (tuple, list):
        return type(value)(map(_without_units, value))
    if type(value) is dict:
        return {name: _without_units(item) for name, item in value.items()}
    return bare(value)


def _copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    np.copyto(dst.view(), numbers(src, dst._unit, dst.dtype), casting=casting, where=bare(where))


_PLACES: dict[Any, int | None] = {}


def _place_of_out(func: Any) -> int | None:
    """Where the place for the result stands among the arguments of a function."""
    if func not in _PLACES:
        try:
            parameters = inspect.signature(func).parameters.values()
        except (TypeError, ValueError):
            return None
        free = any(one.kind is one.VAR_POSITIONAL for one in parameters)
        names = [one.name for one in parameters]
        _PLACES[func] = names.index("out") if "out" in names and not free else None
    return _PLACES[func]


class Flat:
    """The elements of a container with a unit in C order, as numpy.ndarray.flat."""

    def __init__(self, container: Any, give: Any) -> None:
        """Over a container; `give` makes results of numbers and a unit."""
        self._container, self._give = container, give

    def __len__(self) -> int:
        return self._container.size  # type: ignore[no-any-return]

    def __getitem__(self, index: Any) -> Any:
        return self._give(self._container.view().flat[index], self._container._unit)

    def __setitem__(self, index: Any, value: Any) -> None:
        container = self._container
        container.view().flat[index] = numbers(value, container._unit, container.dtype)

    def __iter__(self) -> Iterator[Any]:
        unit = self._container._unit
        return (self._give(number, unit) for number in self._container.view().flat)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self._container.view().flat, dtype=dtype)

    def copy(self) -> Any:
        """A copy of all of them, along one axis."""
        return self._container.flatten()
