"""What do numbers of Python measure?

Units are computed with by the library. Astropy need not be there: where it is, numbers with a unit
are its Quantities, and what the library has no rule for is done by it. Units cross by their parts,
each of which is the same thing on both sides, or is crossed by what it consists of.
"""

from __future__ import annotations

import importlib
import math
from fractions import Fraction
from typing import Any

import numpy as np

from . import _maparray
from ._maparray import Unit, UnitError, unit_error, unit_of

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


# What was found out about astropy: its units by our texts, ours by the addresses of its named ones,
# which are kept alive, and its units by names that are no attributes.
_ASTROPY: dict[str, Any] = {}
_UNITS: dict[str, Any] = {}
_OURS: dict[int, tuple[Any, Unit]] = {}
_NAMES: dict[str, Any] = {}

# Where astropy keeps units that have a name of their own here, too.
_DRAWERS = ("astropy.units", "astropy.units.imperial", "astropy.units.required_by_vounit")


def needed(operation: str) -> Any:
    """The module astropy.units for an operation that only it can do."""
    units = astropy()
    if units is None:
        message = f"{operation} of what has a unit: found no astropy, expected it to be installed"
        error = unit_error(message)
        error.add_note("hint: `numpy.asarray(array)` is the numbers alone")
        raise error
    return units


# Units here and there


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
        _UNITS[text] = _to_astropy(unit)
    return _UNITS[text]


def _to_astropy(unit: Unit) -> Any:
    """Not by its text: what that means depends on the units that a program has enabled."""
    scale, parts = _maparray.parts_of(unit)
    bases = [_of_name(name) for name, _above, _below in parts]
    if None in bases:
        name = parts[bases.index(None)][0]
        raise unit_error(f"unit of astropy: found none called `{name}`, as in `{unit}`")
    powers = [Fraction(above, below) for _name, above, below in parts]
    if scale == 1 and powers == [1]:
        return bases[0]
    return needed("unit").CompositeUnit(scale, bases, powers)


def _of_name(name: str) -> Any:
    """The unit of astropy that has this name where astropy keeps its own; None if there is none."""
    kind = needed("unit").UnitBase
    for drawer in _DRAWERS:
        found = getattr(importlib.import_module(drawer), name, None)
        if isinstance(found, kind):
            return found
    if not _NAMES:
        _NAMES.update(_all_names(kind))
    return _NAMES.get(name)


def _all_names(kind: type) -> dict[str, Any]:
    """The units of astropy by all their names; some are no names of Python, such as `as`."""
    found: dict[str, Any] = {}
    for drawer in _DRAWERS:
        for unit in vars(importlib.import_module(drawer)).values():
            if isinstance(unit, kind):
                for name in getattr(unit, "names", ()):
                    found.setdefault(name, unit)
    return found


def of_astropy(unit: Any) -> Unit:
    """Our unit that is the same as one of astropy."""
    if not hasattr(unit, "bases"):
        # Magnitudes and the like, which the parser refuses with its own words.
        return Unit(unit.to_string())
    return _product(unit, _of_base)


def _product(unit: Any, of_base: Any) -> Unit:
    scale = unit.scale
    if isinstance(scale, complex):
        raise unit_error(f"unit: found scale {scale}, expected a real number")
    made = PLAIN if scale == 1 else Unit(repr(float(scale)))
    for base, power in zip(unit.bases, unit.powers, strict=True):
        made = made * of_base(base) ** power
    return made


def _of_base(base: Any) -> Unit:
    if id(base) in _OURS:
        return _OURS[id(base)][1]
    try:
        named = Unit(base.name)
    except UnitError as error:
        named, refused = None, error
    try:
        whole = _product(base.decompose(), _of_irreducible)
    except UnitError:
        # The parser's own words, if it has some for this name.
        if named is None:
            raise refused from None
        raise
    found = named if named is not None and _is_same(named, whole) else whole
    if len(_OURS) > 1000:
        _OURS.clear()
    _OURS[id(base)] = (base, found)
    return found


def _of_irreducible(base: Any) -> Unit:
    """Our unit that is this one, and not only called so."""
    if _of_name(base.name) is not base:
        raise unit_error(
            f"unit: found `{base.name}`, defined by somebody else, expected a known one"
        )
    return Unit(base.name)


def _is_same(left: Unit, right: Unit) -> bool:
    return left.is_equivalent(right) and math.isclose(left.to(right), 1.0, rel_tol=1e-9)


def fraction(power: Any) -> tuple[int, int]:
    """A power as a fraction: exactly, or but for the rounding of a number that has no exact one."""
    try:
        above, below = power.numerator, power.denominator
    except AttributeError:
        found = _near(float(power))
        above, below = found.numerator, found.denominator
    if max(abs(above), below) >= 1 << 31:
        raise unit_error(f"power of a unit: found {power}, expected a fraction of 32-bit integers")
    return int(above), int(below)


def _near(number: float) -> Fraction:
    if not math.isfinite(number):
        raise unit_error(f"power of a unit: found {number}, expected a fraction")
    for below in range(1, 101):
        above = number * below
        if abs(above - round(above)) <= 4 * np.finfo(float).eps * abs(above):
            return Fraction(round(above), below)
    # What was written: 0.123 is 123/1000.
    return Fraction(repr(number))


# Numbers with a unit


def is_unit(value: Any) -> bool:
    """Whether it is a unit, ours or astropy's."""
    if isinstance(value, Unit):
        return True
    return not isinstance(value, (np.ndarray, np.generic)) and hasattr(value, "physical_type")


def is_quantity(value: Any) -> bool:
    """Whether it is an array of astropy with a unit, and without a mask."""
    if type(value) is np.ndarray or not isinstance(value, np.ndarray):
        return False
    return hasattr(value, "unit") and not hasattr(type(value), "mask")


def as_known(value: Any) -> Any:
    """A duration of astropy as a Quantity; whatever else it is as it is."""
    return value.to("day") if is_foreign(value) and hasattr(value, "to") else value


def is_foreign(value: Any) -> bool:
    """Whether it measures something and is no array, such as the times of astropy."""
    known = (np.ndarray, np.generic, int, float, complex, str, list, tuple, _maparray.Container)
    if isinstance(value, known):
        return False
    return hasattr(value, "to_value")


def quantity(array: Any, unit: Unit | None, operation: str = "quantity") -> Any:
    """A Quantity over the same memory."""
    units = needed(operation)
    copied = not isinstance(array, np.ndarray)
    return units.Quantity(array, public(unit), dtype=array.dtype, copy=copied)


def measured(value: Any) -> tuple[Any, Unit | None]:
    """A value without its unit, and the unit; parts of a list are brought to that of the first."""
    own = unit_of(value)
    if type(value) in (list, tuple):
        return (value if own is None else numbers(value, own)), own
    return bare(value), own


def brought(data: Any, unit: Any) -> Any:
    """Data for an array in a unit: the parts of a list that have one are brought to it."""
    data = as_known(data)
    if unit is None or type(data) not in (list, tuple) or not among(data):
        return data
    return numbers(data, Unit(unit))


def bare(value: Any) -> Any:
    """The numbers of what has a unit."""
    if isinstance(value, _maparray.Container):
        return value.view()
    return np.asarray(value) if is_quantity(value) else value


def numbers(value: Any, unit: Unit | None, dtype: Any = None) -> Any:
    """The numbers that a value is in a unit; UnitError if it measures something else.

    Zero, infinity and NaN are that in every unit. For a place of integers, a conversion makes none
    of what they are not.
    """
    value = as_known(value)
    if type(value) in (list, tuple) and among(value):
        return np.asarray([numbers(item, unit, dtype) for item in value])
    if is_unit(value):
        raise unit_error(f"value: found a unit, `{value}`, expected numbers")
    _maparray.refuse_masked(value)
    value, own = measured(value)
    if own is None:
        if unit is None or unit == PLAIN or _are_of_any_unit(value):
            return value
        own = PLAIN
    factor = own.to(PLAIN if unit is None else unit)
    array = np.asarray(value) if type(value) in (list, tuple) else value
    found = value if factor == 1.0 else array * factor
    whole = (
        dtype is None or np.dtype(dtype).kind not in "iu" or np.asarray(found).dtype.kind in "biu"
    )
    if not whole and not np.all(found == np.rint(found)):
        raise unit_error(
            f"value in `{unit}`: found a fraction, expected integers, as dtype {dtype}"
        )
    return found


def _are_of_any_unit(value: Any) -> bool:
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        return False
    return bool(np.all((array == 0) | ~np.isfinite(array)))


def is_part(array: Any) -> bool:
    """Whether an array that NumPy made lies on memory that others may have."""
    base = array.base
    # A Quantity is a view of an array that nobody else has.
    if is_quantity(array) and type(base) is np.ndarray and base.size == array.size:
        base = base.base
    return base is not None


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
    return as_known(value)


def among(value: Any) -> bool:
    """Whether something in these arguments has a unit."""
    if isinstance(value, _maparray.Container):
        return value._unit is not None
    if type(value) in (tuple, list):
        return any(map(among, value))
    if type(value) is dict:
        return any(map(among, value.values()))
    return is_quantity(value)


# A pickled UnitError, which may be one of astropy, too.


def _reduced(error: Any) -> Any:
    return _error_again, error.args, error.__dict__


def _error_again(*args: Any) -> Any:
    return unit_error(*args)
