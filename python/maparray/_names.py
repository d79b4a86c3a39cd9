"""The names of ``numpy.ndarray`` that a container has, and those that NumPy 2 has no more."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from . import _engine, _maparray, _measured, _unit
from ._results import make_room, results, unwrap, unwrap_all, with_unit

# Properties that are an array of the same elements.
_PARTS = frozenset({"T", "imag", "mT", "real"})

# Where `out` stands among the arguments.
_OUT = {
    "all": 1, "any": 1, "argmax": 1, "argmin": 1, "choose": 1, "clip": 2, "compress": 2,
    "cumprod": 2, "cumsum": 2, "dot": 1, "max": 1, "mean": 2, "min": 1, "prod": 2, "round": 1,
    "std": 2, "sum": 2, "take": 2, "trace": 4, "var": 2,
}  # fmt: skip


def _property(name: str) -> property:
    def get(self: Any) -> Any:
        if name == "flat" and self._unit is not None:
            return _measured.Flat(self, with_unit)
        part = getattr(self._array(), name)
        return with_unit(part, self._unit) if name in _PARTS else results(part)

    def put(self: Any, value: Any) -> None:
        array = self._array()
        setattr(array, name, _unit.numbers(value, self._unit, array.dtype))

    return property(get, put, doc=f"As numpy.ndarray.{name}.")


def _method(name: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **options: Any) -> Any:
        return _call(self, name, args, options)

    call.__name__ = name
    call.__qualname__ = f"MemMapArray.{name}"
    call.__doc__ = f"As numpy.ndarray.{name}; an array that it makes is a MemMapArray."
    return call


def _call(self: Any, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What a method gives; the very container that was given as ``out``, if there was one."""
    if self._unit is not None or _unit.among((args, options)):
        return _measured.method(name, self, args, options, with_unit)
    array = self._array()
    place, out = _OUT.get(name), options.get("out")
    bare = unwrap(out)
    if out is not None:
        options = {**options, "out": bare}
    elif place is not None and len(args) > place:
        out = args[place]
        bare = unwrap(out)
        args = (*args[:place], bare, *args[place + 1 :])
    result = _engine.method(name, array, unwrap_all(args), unwrap_all(options))
    return results(result) if result is not bare else _placed(result, out)


def _placed(result: Any, out: Any) -> Any:
    """A result in the place that was wanted for it."""
    return out if isinstance(out, _maparray.Container) or result is out else results(result)


def _is_row_of(array: Any, axis: Any, out: Any) -> bool:
    """Whether rows along an axis are ours to copy: NumPy knows all the rest."""
    if out is not None and not _is_path(out) and _unit.among((array, out)):
        return False
    known = axis is None or (type(axis) is int and -array.ndim <= axis < array.ndim)
    return known and (array.nbytes >= _engine.LARGE or _is_path(out))


def _is_path(out: Any) -> bool:
    return isinstance(out, (str, bytes, PathLike))


def _is_place(out: Any, shape: tuple[int, ...], source: Any) -> bool:
    """Whether rows of an array can be copied there as they are."""
    if out is None or _is_path(out):
        return True
    out = unwrap(out)
    fits = type(out) is np.ndarray and (out.shape, out.dtype) == (shape, source.dtype)
    return fits and out.flags.writeable and not np.may_share_memory(out, source)


class Flags:
    """The flags of a container's array, as ``numpy.ndarray.flags``; they tell and set nothing."""

    __slots__ = ("_flags",)

    def __init__(self, flags: Any) -> None:
        """Take over NumPy's."""
        object.__setattr__(self, "_flags", flags)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._flags, name)

    def __getitem__(self, name: str) -> Any:
        return self._flags[name]

    def __setattr__(self, name: str, value: Any) -> None:
        _refuse_to_lock(name in ("writeable", "w") and self._flags.writeable and not value)
        setattr(self._flags, name, value)

    def __setitem__(self, name: str, value: Any) -> None:
        _refuse_to_lock(name in ("WRITEABLE", "W") and self._flags.writeable and not value)
        self._flags[name] = value

    def __eq__(self, other: object) -> bool:
        other = other._flags if isinstance(other, Flags) else other
        return bool(self._flags == other)

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return str(self._flags)

    def __repr__(self) -> str:
        return repr(self._flags)


def _refuse_to_lock(wanted: bool) -> None:
    """ValueError, if a container is to be made read-only: others may write to its memory."""
    if wanted:
        error = ValueError("writeable: found False, but a container that is writable stays so")
        hint = "hint: `view = m.view(); view.flags.writeable = False`, or open the file with 'r'"
        error.add_note(hint)
        raise error


class Names:
    """The properties and methods of ``numpy.ndarray`` for a container."""

    __slots__ = ()

    T = _property("T")
    ctypes = _property("ctypes")
    data = _property("data")
    flat = _property("flat")
    imag = _property("imag")
    mT = _property("mT")
    real = _property("real")
    all = _method("all")
    any = _method("any")
    argmax = _method("argmax")
    argmin = _method("argmin")
    argpartition = _method("argpartition")
    argsort = _method("argsort")
    astype = _method("astype")
    byteswap = _method("byteswap")
    choose = _method("choose")
    clip = _method("clip")
    conj = _method("conj")
    conjugate = _method("conjugate")
    cumprod = _method("cumprod")
    cumsum = _method("cumsum")
    diagonal = _method("diagonal")
    dot = _method("dot")
    dump = _method("dump")
    dumps = _method("dumps")
    fill = _method("fill")
    flatten = _method("flatten")
    getfield = _method("getfield")
    item = _method("item")
    max = _method("max")
    mean = _method("mean")
    min = _method("min")
    nonzero = _method("nonzero")
    partition = _method("partition")
    prod = _method("prod")
    put = _method("put")
    ravel = _method("ravel")
    repeat = _method("repeat")
    reshape = _method("reshape")
    round = _method("round")
    searchsorted = _method("searchsorted")
    setfield = _method("setfield")
    sort = _method("sort")
    squeeze = _method("squeeze")
    std = _method("std")
    sum = _method("sum")
    swapaxes = _method("swapaxes")
    tobytes = _method("tobytes")
    tofile = _method("tofile")
    tolist = _method("tolist")
    trace = _method("trace")
    transpose = _method("transpose")
    var = _method("var")

    @property
    def flags(self: Any) -> Flags:
        """As numpy.ndarray.flags, but none can be set: see `setflags`."""
        return Flags(self._array().flags)

    def setflags(
        self: Any, write: bool | None = None, align: bool | None = None, uic: bool | None = None
    ) -> None:
        """As numpy.ndarray.setflags, but ``write=False`` is a ValueError for what is writable.

        Other arrays may lie on the memory, and they would go on writing. A view can be locked, and
        a file can be opened for reading.
        """
        array = self._array()
        _refuse_to_lock(write is not None and not write and array.flags.writeable)
        array.setflags(write, align, uic)

    def take(
        self: Any,
        indices: ArrayLike,
        axis: int | None = None,
        out: Any = None,
        mode: Any = "raise",
    ) -> Any:
        """The rows at some indices along an axis, or elements: as numpy.ndarray.take.

        Rows are copied by several threads, and asked for ahead where they are not in memory.
        """
        array, at = self._array(), 0 if axis is None else axis
        if _is_row_of(self, axis, out) and mode in ("raise", "wrap", "clip"):
            rows = np.asarray(unwrap(indices))
            source = self if axis is not None else self.reshape(-1)
            shape = (*source.shape[:at], *rows.shape, *source.shape[at:][1:])
            if rows.dtype.kind in "iu" and _is_place(out, shape, array):
                return _placed(_maparray.take(source, rows, at, out, mode=mode), out)
        return _call(self, "take", (indices, axis), {"out": out, "mode": mode})

    def compress(self: Any, condition: ArrayLike, axis: int | None = None, out: Any = None) -> Any:
        """The rows, or elements, where a condition is true: as numpy.ndarray.compress."""
        array, at = self._array(), 0 if axis is None else axis
        if _is_row_of(self, axis, out):
            rows = np.asarray(unwrap(condition))
            source = self if axis is not None else self.reshape(-1)
            count = np.count_nonzero(rows)
            shape = (*source.shape[:at], count, *source.shape[at:][1:])
            if rows.dtype.kind == "b" and rows.ndim == 1 and _is_place(out, shape, array):
                return _placed(_maparray.compress(rows, source, at, out), out)
        return _call(self, "compress", (condition, axis), {"out": out})

    def resize(self: Any, *shape: Any, refcheck: bool = True) -> None:
        """Another shape in place, with zeros behind the old elements: as numpy.ndarray.resize.

        Arrays that were made of the container before keep the old elements, whatever ``refcheck``
        is. A container that is mapped stays so: its file is replaced in one step.
        """
        if not shape or shape == (None,):
            return
        array = self._array()
        if not array.flags.writeable:
            raise ValueError("resize: found a read-only array, expected a writable one")
        order: Literal["C", "F"] = "F" if array.flags.fnc else "C"
        # NumPy's rules for shapes, without its memory.
        length = shape[0] if len(shape) == 1 else shape
        shape = np.broadcast_to(np.empty((), array.dtype), length).shape
        room = make_room(shape, array.dtype, order)
        new, old = room.view().reshape(-1, order=order), array.reshape(-1, order=order)
        count = min(new.size, old.size)
        new[:count] = old[:count]
        if self._unit is not None:
            room.set_unit(self._unit)
        del new, old, array
        self.put_in(room)

    # Names that NumPy 2 has no more.

    def itemset(self: Any, *args: Any) -> None:
        """Set one element: ``m[index] = value``."""
        *index, value = args
        array = self._array()
        if not index and array.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        where: Any = tuple(index) if index else (0,) * array.ndim
        if len(index) == 1:
            where = (
                index[0] if isinstance(index[0], tuple) else np.unravel_index(index[0], self.shape)
            )
        array[where] = _unit.numbers(value, self._unit, array.dtype)

    def ptp(self: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        """The greatest minus the least element along an axis: numpy.ptp."""
        if _unit.among((self, out)):
            options = {"axis": axis, "out": out, "keepdims": keepdims}
            return _measured.method("ptp", self, (), options, with_unit)
        found = np.ptp(self._array(), axis=axis, out=unwrap(out), keepdims=keepdims)
        return results(found) if out is None else _placed(found, out)

    def tostring(self: Any, order: Literal["C", "F", "A"] = "C") -> bytes:
        """The old name of ``tobytes``."""
        return self._array().tobytes(order)  # type: ignore[no-any-return]
