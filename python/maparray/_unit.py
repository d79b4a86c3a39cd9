"""What do numbers of Python measure, and what do NumPy's methods make of that?

Units are computed with by the library. Astropy need not be there: where it is, numbers with a unit
are its Quantities, and what the library has no rule for is done by it.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from . import _engine, _maparray
from ._maparray import Unit, unit_of

PLAIN = Unit()
"""The unit of plain numbers."""


def astropy() -> Any:
    """The module astropy.units, or None if it is not installed."""
    if "units" not in _ASTROPY:
        try:
            _ASTROPY["units"] = importlib.import_module("astropy.units")
        except ImportError:
            _ASTROPY["units"] = None
    return _ASTROPY["units"]


# What was found out about astropy, and its units by their texts.
_ASTROPY: dict[str, Any] = {}
_UNITS: dict[str, Any] = {}


def needed(operation: str) -> Any:
    """The module astropy.units for an operation that only it can do."""
    units = astropy()
    if units is None:
        message = f"{operation} of what has a unit: found no astropy, expected it to be installed"
        error = _maparray.UnitError(message)
        error.add_note("hint: `numpy.asarray(array)` is the numbers alone")
        raise error
    return units


def public(unit: Unit | None) -> Any:
    """A unit as others get it: one of astropy, where that is installed."""
    units = astropy()
    if units is None:
        return PLAIN if unit is None else unit
    if unit is None or unit == PLAIN:
        return units.dimensionless_unscaled
    text = str(unit)
    if text not in _UNITS:
        if len(_UNITS) > 1000:
            _UNITS.clear()
        _UNITS[text] = _of_astropy(text)
    return _UNITS[text]


def _of_astropy(text: str) -> Any:
    units = astropy()
    try:
        return units.Unit(text)
    except ValueError:
        # Names that astropy has in its drawers.
        for drawer in ("imperial", "required_by_vounit", "deprecated", "cds"):
            module = importlib.import_module(f"astropy.units.{drawer}")
            try:
                with units.add_enabled_units([module]):
                    return units.Unit(text)
            except ValueError:
                continue
        raise


def is_unit(value: Any) -> bool:
    """Whether it is a unit, ours or astropy's."""
    if isinstance(value, Unit):
        return True
    return not isinstance(value, (np.ndarray, np.generic)) and hasattr(value, "physical_type")


def is_quantity(value: Any) -> bool:
    """Whether it is an array of astropy with a unit."""
    return isinstance(value, np.ndarray) and hasattr(value, "unit")


def quantity(array: Any, unit: Unit | None, operation: str = "quantity") -> Any:
    """A Quantity over the same memory."""
    units = needed(operation)
    copied = not isinstance(array, np.ndarray)
    return units.Quantity(array, public(unit), dtype=array.dtype, copy=copied)


def numbers(value: Any, unit: Unit | None, operation: str | None = None) -> Any:
    """The numbers that a value is in a unit; UnitError if it measures something else.

    Zero, infinity and NaN are that in every unit.
    """
    own = unit_of(value)
    if isinstance(value, _maparray.Container):
        value = value.view()
    elif own is not None:
        value = np.asarray(value)
    if own is None:
        if unit is None or unit == PLAIN or _are_of_any_unit(value):
            return value
        own = PLAIN
    factor = own.to(PLAIN if unit is None else unit)
    return value if factor == 1.0 else value * factor


def _are_of_any_unit(value: Any) -> bool:
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        return False
    return bool(np.all((array == 0) | ~np.isfinite(array)))


# The methods of ndarray by what they do to a unit. Behind the name: which arguments are values in
# the unit of the array, by position and by name.

_KEEP: dict[str, tuple[int | str, ...]] = {
    "astype": (),
    "byteswap": (),
    "clip": (0, 1, "min", "max"),
    "compress": (),
    "conj": (),
    "conjugate": (),
    "cumsum": (),
    "diagonal": (),
    "fill": (0, "value"),
    "flatten": (),
    "max": ("initial",),
    "mean": (),
    "min": ("initial",),
    "partition": (),
    "put": (1, "values"),
    "ravel": (),
    "repeat": (),
    "reshape": (),
    "resize": (),
    "round": (),
    "sort": (),
    "squeeze": (),
    "std": (),
    "sum": ("initial",),
    "swapaxes": (),
    "take": (),
    "trace": (),
    "transpose": (),
}
_DROP: dict[str, tuple[int | str, ...]] = {
    "all": (),
    "any": (),
    "argmax": (),
    "argmin": (),
    "argpartition": (),
    "argsort": (),
    "dump": (),
    "dumps": (),
    "getfield": (),
    "nonzero": (),
    "searchsorted": (0, "v"),
    "setfield": (),
    "setflags": (),
    "tobytes": (),
    "tofile": (),
    "tolist": (),
}


def method(
    name: str, array: Any, unit: Unit, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[Any, Unit | None]:
    """What a method of an array in this unit gives, and the unit of that."""
    if name in _KEEP or name in _DROP:
        values = _KEEP.get(name, _DROP.get(name, ()))
        args = tuple(
            numbers(value, unit) if place in values and value is not None else value
            for place, value in enumerate(args)
        )
        options = {
            key: numbers(value, unit) if key in values and value is not None else value
            for key, value in options.items()
        }
        result = _engine.method(name, array, args, options)
        return result, unit if name in _KEEP else None
    if name == "item":
        return array[_index(array, args)], unit
    if name == "var":
        return _engine.method(name, array, args, options), unit**2
    if name == "dot":
        other = unit_of(args[0]) or PLAIN
        return array.dot(bare(args[0]), *args[1:], **options), unit * other
    # Products of many, and choices: of plain numbers.
    return _engine.method(name, array * unit.to(PLAIN), args, options), None


def _index(array: Any, args: tuple[Any, ...]) -> Any:
    """Where the element is that `item` names."""
    if not args and array.size != 1:
        raise ValueError("can only convert an array of size 1 to a Python scalar")
    if not args:
        return (0,) * array.ndim
    if len(args) == 1:
        return args[0] if isinstance(args[0], tuple) else np.unravel_index(args[0], array.shape)
    return args


def bare(value: Any) -> Any:
    """The numbers of what has a unit."""
    if isinstance(value, _maparray.Container):
        return value.view()
    return np.asarray(value) if is_quantity(value) else value


def compute(ufunc: Any, method: str, inputs: Any, out: Any, options: Any) -> Any:
    """What a ufunc gives for operands of which some have a unit."""
    name = ufunc.__name__
    if method == "__call__" and not options:
        if any(map(is_unit, inputs)):
            return _scaled(name, inputs, out)
        if name == "divmod" and not out:
            return np.floor_divide(*inputs), np.remainder(*inputs)
        if name == "matmul" and not out:
            units = [unit_of(value) or PLAIN for value in inputs]
            return _maparray.over(np.matmul(*map(bare, inputs)), units[0] * units[1])
        quiet = _engine.is_calm() or astropy() is None
        if len(out) <= 1 and _engine.has(name, inputs) and quiet:
            return _by_engine(name, inputs, out)
    return _by_astropy(ufunc, method, inputs, out, options)


def _scaled(name: str, inputs: Any, out: Any) -> Any:
    """The same numbers in another unit: those of a product with a unit, or of a quotient by one."""
    value, unit = inputs[0], inputs[-1]
    if name == "multiply" and is_unit(value):
        value, unit = unit, value
    if name not in ("multiply", "divide") or is_unit(value):
        found = inputs[0] if is_unit(inputs[0]) else unit
        raise _maparray.UnitError(
            f"operand of {name}: found a unit, `{found}`, expected numbers; "
            f"a unit is multiplied with, and divided by"
        )
    own, other = unit_of(value) or PLAIN, unit_of(unit) or PLAIN
    new = own * other if name == "multiply" else own / other
    if out:
        np.copyto(bare(out[0]), bare(value), casting="same_kind")
        out[0].set_unit(new)
        return out[0]
    return _maparray.over(bare(value).copy(), new)


def _by_engine(name: str, inputs: Any, out: Any) -> Any:
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
    if not out:
        return getattr(ufunc, method)(*values, **options)
    places = tuple(
        quantity(value.view(), value._unit) if isinstance(value, _maparray.Container) else value
        for value in out
    )
    found = getattr(ufunc, method)(*values, out=places, **options)
    for value, place in zip(out, places, strict=True):
        if isinstance(value, _maparray.Container) and place.unit != public(value._unit):
            value.set_unit(place.unit)
    if len(out) == 1:
        return out[0]
    return tuple(new if value is None else value for value, new in zip(out, found, strict=True))


def with_quantities(value: Any, operation: str, given: list[Any] | None = None) -> Any:
    """The same arguments with Quantities, or arrays, instead of containers.

    All arrays are noted in ``given``, each with what it stands for.
    """
    if isinstance(value, _maparray.Container):
        array = value.view()
        if value._unit is not None:
            array = quantity(array, value._unit, operation)
        if given is not None:
            given.append((array, value))
        return array
    if type(value) in (tuple, list):
        return type(value)(with_quantities(item, operation, given) for item in value)
    if type(value) is dict:
        return {name: with_quantities(item, operation, given) for name, item in value.items()}
    if given is not None and isinstance(value, np.ndarray):
        given.append((value, value))
    return value


def among(value: Any) -> bool:
    """Whether something in these arguments has a unit."""
    if isinstance(value, _maparray.Container):
        return value._unit is not None
    if type(value) in (tuple, list):
        return any(map(among, value))
    if type(value) is dict:
        return any(map(among, value.values()))
    return is_quantity(value)
