"""The container: one array, or none, in memory or in a file, with NumPy's names and operators.

Its elements move between memory and a file while every view of them stays valid. Operators and
methods are those of ``numpy.ndarray``; what they make is a container again, in memory, or in a file
that nobody sees if it is too large for memory.
"""

from __future__ import annotations

import copy
import math
import operator
import os
from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from typing import Any, Literal, Self, SupportsIndex, TypeAlias

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import ArrayLike, DTypeLike, NDArray

from . import _engine, _maparray, _measured, _pickles, _unit
from ._maparray import Unit
from ._memmap import memmap, place_of

_Path: TypeAlias = str | bytes | PathLike[str] | PathLike[bytes]


def _property(name: str) -> property:
    def get(self: Any) -> Any:
        if name == "flat" and self._unit is not None:
            return _measured.Flat(self, _with_unit)
        part = getattr(self._array(), name)
        return _with_unit(part, self._unit) if name in _PARTS else _results(part)

    def put(self: Any, value: Any) -> None:
        array = self._array()
        setattr(array, name, _unit.numbers(value, self._unit, array.dtype))

    return property(get, put, doc=f"As numpy.ndarray.{name}.")


def _method(name: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **options: Any) -> Any:
        array = self._array()
        if self._unit is not None or _unit.among((args, options)):
            return _measured.method(name, self, args, options, _with_unit)
        out = options.get("out")
        options = _unwrap_all(options)
        result = _engine.method(name, array, _unwrap_all(args), options)
        return _results(result) if out is None or result is not options["out"] else out

    call.__name__ = name
    call.__qualname__ = f"MemMapArray.{name}"
    call.__doc__ = f"As numpy.ndarray.{name}; an array that it makes is a MemMapArray."
    return call


class MemMapArray(_maparray.Container, NDArrayOperatorsMixin):
    """An array in memory or in a mapped file, which moves between the two and can be closed.

    ``data`` is copied, whatever it is; None makes an empty container. ``filename`` names the file
    that the array goes to when it is mapped: with ``memmap=True`` now, else with `enable_memmap`.
    Nothing is written before that, and no file is replaced that this container did not make, unless
    ``overwrite`` says so. ``unit`` is what the elements measure, a text or a unit of astropy; a
    Quantity says it by itself.

    >>> m = MemMapArray([1.0, 2.0])
    >>> m += 1
    >>> m.sum()
    np.float64(5.0)

    `maparray.open` and `maparray.create` give containers of files.
    """

    # No hash: it is compared element by element, as an ndarray.
    __hash__ = None  # type: ignore[assignment]

    result_limit: int | None = None
    """Results of more bytes are made in a file that nobody sees; None: half of the free memory."""

    def __new__(
        cls,
        data: ArrayLike | None = None,
        filename: _Path | None = None,
        dtype: DTypeLike | None = None,
        unit: Any = None,
        memmap: bool = False,
        *,
        format: Literal["npy", "raw"] = "npy",
        overwrite: bool = False,
        folder: _Path | None = None,
    ) -> Self:
        """Copy an array, or make an empty container."""
        name = None if filename is None else os.fsdecode(filename)
        data = _unit.brought(data, unit)
        own = None if data is None else _unit.unit_of(data)
        if unit is not None and own is not None:
            raise ValueError(
                f"unit: found {unit!r} for data that is in `{own}`, expected one of them"
            )
        self = super().__new__(cls, _copy(data, dtype), name)
        if unit is not None or (own is not None and self.empty):
            self.set_unit(own if unit is None else unit)
        if memmap:
            self.enable_memmap(format=format, overwrite=overwrite, folder=folder)
        return self

    @property
    def _contained(self) -> Any:
        """What is in it: an ndarray, a memmap if it is mapped, or None."""
        if self.empty:
            return None
        array = self.view()
        if not self.memmap:
            return array
        lease = self.lease()
        first = array.__array_interface__["data"][0] - lease.address
        return memmap._over(lease, array, first, self.filename, self.offset, self.mode)

    @property
    def base(self) -> Any:
        """What the elements lie on: an object like mmap.mmap if they are mapped, else None."""
        contained = self._contained
        return contained.base if isinstance(contained, memmap) else None

    def reset_data(
        self, data: ArrayLike | None = None, unit: Any = None, dtype: DTypeLike | None = None
    ) -> None:
        """Put a copy of other data in the place of the array, or nothing.

        Shape and dtype may be others. The unit is that of the data, or ``unit``, or the old one. A
        container that is mapped stays so: its file is replaced in one step. Views of the old array
        keep it.
        """
        new = _copy(_unit.brought(data, unit), dtype)
        if new is not None and unit is not None:
            if new._unit is not None and new._unit != unit:
                raise ValueError(f"unit: found {unit!r} for data that is in `{new._unit}`")
            new.set_unit(unit)
        self.put_in(new)

    # Units

    @property
    def unit(self) -> Any:
        """What the elements measure: a unit of astropy, where that is installed, else a `Unit`.

        Read-only; see `set_unit`, which leaves the numbers as they are, and `to`.
        """
        return _unit.public(self._unit)

    @property
    def quantity(self) -> Any:
        """A Quantity of astropy over the same memory."""
        return _unit.quantity(self._array(), self._unit)

    def to(self, unit: Any) -> MemMapArray:
        """A copy with the numbers converted to another unit; integers become float64."""
        unit = Unit(unit)
        (self._unit or _unit.PLAIN).to(unit)
        array = self._array()
        dtype = array.dtype if array.dtype.kind in "fc" else np.dtype(np.float64)
        room = _make_room(array.shape, dtype, "F" if array.flags.fnc else "C")
        room.set_unit(unit)
        _maparray.eval("positive(a)" if dtype == array.dtype else "a * 1.0", out=room, a=self)
        return room

    # Elements

    def __len__(self) -> int:
        return len(self._array())

    def __iter__(self) -> Iterator[Any]:
        if self._unit is None:
            return iter(self.view())
        return (_with_unit(part, self._unit) for part in self.view())

    def __contains__(self, value: Any) -> bool:
        return _unit.numbers(value, self._unit) in self._array()

    def __bool__(self) -> bool:
        return bool(self._array())

    def __int__(self) -> int:
        return int(_only(self._plain()))

    def __float__(self) -> float:
        return float(_only(self._plain()))

    def __complex__(self) -> complex:
        return complex(_only(self._plain()))

    def __index__(self) -> int:
        return operator.index(self._plain())

    def _plain(self) -> NDArray[Any]:
        """The array as plain numbers; UnitError if it measures something."""
        return _unit.numbers(self if self._unit else self._array(), None)  # type: ignore[no-any-return]

    def __imatmul__(self, other: Any) -> Self:
        array = self._array()
        if _unit.among((self, other)):
            return np.matmul(self, other, out=self)  # type: ignore[call-overload,no-any-return]
        array @= _unwrap(other)
        return self

    def __round__(self, digits: int | None = None) -> Any:
        if digits is None and self._unit is None:
            return round(_only(self._array()))
        return self.round(digits or 0)

    def __str__(self) -> str:
        if self.empty:
            return "MemMapArray(empty)"
        return str(self._array()) + ("" if self._unit is None else f" {self._unit}")

    def __repr__(self) -> str:
        if self.closed:
            return "MemMapArray(closed)"
        name = self.filename
        if self.empty:
            place = "" if name is None else f", filename={os.fsdecode(name)!r}"
            return f"MemMapArray(empty{place})"
        what = f"shape={self.shape!r}, dtype={str(self.dtype)!r}"
        if self._unit is not None:
            what += f", unit={str(self._unit)!r}"
        if not self.memmap:
            return f"MemMapArray({what}, in memory)"
        place = "a file without a name" if name is None else f"filename={os.fsdecode(name)!r}"
        return f"MemMapArray({what}, {place}, mode={self.mode!r})"

    # Names of numpy.ndarray; there are more of them above and below.

    T = _property("T")
    ctypes = _property("ctypes")
    data = _property("data")
    flags = _property("flags")
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
    resize = _method("resize")
    round = _method("round")
    searchsorted = _method("searchsorted")
    setfield = _method("setfield")
    setflags = _method("setflags")
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

    # Copies

    def copy(self, order: Literal["K", "A", "C", "F"] = "C") -> MemMapArray:
        """A copy in memory."""
        return _filled(self._array(), order=order, unit=self._unit)

    def __copy__(self) -> MemMapArray:
        return MemMapArray(unit=self._unit) if self.empty else self.copy("K")

    def __deepcopy__(self, memo: dict[int, Any]) -> MemMapArray:
        return copy.copy(self)

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """By reference if a file holds it, else by value.

        A file without a name can be opened as long as this process has it.
        """
        contained = self._contained
        place = place_of(contained) if isinstance(contained, memmap) else None
        unit = self._unit
        if place is not None:
            return _pickles.open_again, (unit, *place)
        link = None if self.empty or self.filename is not None else self.link()
        if link is not None and self.size:
            order = "F" if self._array().flags.fnc else "C"
            identity = self.lease().identity()
            place = (link, identity, self.dtype, self.shape, self.offset, order, unit)
            return _pickles.open_link, place
        value = None if self.empty else self._array().copy()
        return MemMapArray, (value, self.filename, None, unit)

    # Sharing

    def atomic_load(self, index: int | Sequence[int]) -> int:
        """An integer, read as a whole, whatever other programs do to it."""
        return _maparray.atomic_load(self, index)

    def atomic_swap(self, index: int | Sequence[int], new: int) -> int:
        """Put an integer in the place of another, in one step; what was there before."""
        return _maparray.atomic_swap(self, index, new)

    def atomic_add(self, index: int | Sequence[int], by: int) -> int:
        """Add to an integer, wrapping around, in one step; what was there before."""
        return _maparray.atomic_add(self, index, by)

    def compare_exchange(self, index: int | Sequence[int], current: int, new: int) -> int:
        """Put ``new`` where ``current`` is, if it is there, in one step; what was there."""
        return _maparray.compare_exchange(self, index, current, new)

    def wait(self, index: int | Sequence[int], seen: int, timeout: float | None = None) -> int:
        """Wait until an integer is another than ``seen``, ``timeout`` seconds at most; what it is.

        With a counter that writers raise by `atomic_add` when their work is done, it tells a reader
        that there is something new.
        """
        return _maparray.wait(self, index, seen, timeout)

    # NumPy's protocols

    def _array(self) -> NDArray[Any]:
        """The array over all of it; EmptyDataError if there is none."""
        return self.view()

    @property
    def __array_interface__(self) -> dict[str, Any]:
        # A share of the memory, not its bare address: `close` knows of it.
        array = self._array()
        if array.dtype.isbuiltin == 2 or array.dtype.kind == "V":
            raise AttributeError(f"the array interface does not say all about dtype {array.dtype}")
        lease, interface = self.lease(), array.__array_interface__
        first = interface["data"][0] - lease.address
        return interface | {"data": lease, "offset": first, "strides": array.strides}

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", ())
        inputs = tuple(map(_unit.as_known, inputs))
        for value in (*inputs, *out):
            if not _is_known(value):
                return NotImplemented
        if "where" in options:
            options["where"] = _unwrap(options["where"])
        if any(_unit.unit_of(value) is not None for value in (*inputs, *out)):
            result = _measured.compute(ufunc, method, inputs, out, options)
            return result if out else _results(result)
        arrays = [_unwrap(value) for value in inputs]
        if out:
            _engine.compute(ufunc, method, arrays, tuple(map(_unwrap, out)), options)
            return out[0] if len(out) == 1 else out
        # Finding out what a small result will be takes longer than copying it.
        small = all(getattr(array, "nbytes", 0) <= _TINY for array in arrays)
        room = None if small else self._room(ufunc, method, arrays, options)
        if room is not None:
            _engine.compute(ufunc, method, arrays, (room.view(),), options)
            return room
        result = _engine.compute(ufunc, method, arrays, (), options)
        # Small operands can make a large result, as those of an outer product do.
        if small and isinstance(result, np.ndarray) and not result.dtype.hasobject:
            return _filled(result)
        return _results(result)

    def _room(self, ufunc: Any, method: str, arrays: Any, options: Any) -> Any:
        """Where a result goes that is an array of a shape and dtype known beforehand."""
        found = _engine.result_of(ufunc, method, arrays, options)
        if found is None:
            return None
        shape, dtype = found
        if not shape or dtype.hasobject:
            return None
        return _make_room(shape, dtype)

    def __array_function__(self, func: Any, types: Any, args: Any, options: Any) -> Any:
        out = options.get("out")
        if _unit.among((args, options)):
            result = _measured.function(func, args, options)
            return result if out is not None else _results(result)
        result = func(*_unwrap_all(args), **_unwrap_all(options))
        return out if isinstance(out, MemMapArray) else _results(result)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return np

    @property
    def device(self) -> str:
        """Where the elements are, in the words of the array API: always "cpu"."""
        return "cpu"

    def to_device(self, device: str, /, *, stream: Any = None) -> Self:
        """Itself, for the device "cpu", which is the only one."""
        if device != self.device:
            raise ValueError(f"device: found {device!r}, expected 'cpu'")
        return self

    def __dlpack__(self, **options: Any) -> Any:
        return self._array().__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array().__dlpack_device__()

    def take(
        self, indices: ArrayLike, axis: int | None = None, out: Any = None, mode: Any = "raise"
    ) -> Any:
        """The rows at some indices along an axis, or elements: as numpy.ndarray.take.

        Rows are copied by several threads, and asked for ahead where they are not in memory.
        """
        array: Any = self if axis is not None else self.reshape(-1)
        indices = _unwrap(indices)
        taken = _maparray.take(array, indices, axis or 0, out, mode=mode)
        return out if taken is out else _results(taken)

    def compress(self, condition: ArrayLike, axis: int | None = None, out: Any = None) -> Any:
        """The rows, or elements, where a condition is true: as numpy.ndarray.compress."""
        array: Any = self if axis is not None else self.reshape(-1)
        taken = _maparray.compress(_unwrap(condition), array, axis or 0, out)
        return out if taken is out else _results(taken)

    # Names that NumPy 2 has no more.

    def itemset(self, *args: Any) -> None:
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

    def ptp(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        """The greatest minus the least element along an axis: numpy.ptp."""
        array = self._array()
        if _unit.among((self, out)):
            options = {"axis": axis, "out": out, "keepdims": keepdims}
            return _measured.method("ptp", self, (), options, _with_unit)
        return _results(np.ptp(array, axis=axis, out=_unwrap(out), keepdims=keepdims))

    def tostring(self, order: Literal["C", "F", "A"] = "C") -> bytes:
        """The old name of ``tobytes``."""
        return self._array().tobytes(order)

    # `view` and `T.view` of the array: NumPy's, which shares the memory.
    def view(self, *args: Any, **options: Any) -> NDArray[Any]:
        """A NumPy array that shares the memory; the arguments are those of numpy.ndarray.view."""
        whole = super().view()
        return whole.view(*args, **options) if args or options else whole


MemMapArray.__module__ = "maparray"


def _wrap(source: _maparray.Container) -> MemMapArray:
    """The same as a MemMapArray; `source` is closed by that."""
    return _maparray.Container.__new__(MemMapArray, source)


def _make_room(shape: tuple[int, ...], dtype: np.dtype[Any], order: Any = "C") -> MemMapArray:
    """Zeros in memory, or in a file that nobody sees if they are too many."""
    limit = MemMapArray.result_limit
    size = math.prod(shape) * dtype.itemsize
    # Asking how much memory is free takes longer than making a small array.
    if limit is None and size > _SMALL:
        limit = _maparray.free_memory() // 2
    if limit is not None and size > limit:
        return _maparray.temporary(shape, dtype, order)
    return _maparray.pages(shape, dtype, order)


def _filled(
    array: NDArray[Any], dtype: DTypeLike | None = None, order: Any = "K", unit: Any = None
) -> Any:
    """A copy of an array in pages."""
    fortran = array.flags.fnc if order in ("K", "A") else order == "F"
    kind = array.dtype if dtype is None else np.dtype(dtype)
    room = _make_room(array.shape, kind, "F" if fortran else "C")
    np.copyto(room.view(), array, casting="unsafe")
    if unit is not None:
        room.set_unit(unit)
    return room


def _copy(data: Any, dtype: DTypeLike | None) -> Any:
    """A container of a copy; None of None."""
    if data is None:
        return None
    if isinstance(data, MemMapArray):
        return None if data.empty else _filled(data._array(), dtype, unit=data._unit)
    _maparray.refuse_masked(data)
    data, unit = _unit.measured(data)
    return _filled(np.asarray(data), dtype, unit=unit)


def _unwrap(value: Any) -> Any:
    return value._array() if isinstance(value, MemMapArray) else value


def _unwrap_all(value: Any) -> Any:
    """The same arguments with arrays instead of containers."""
    if isinstance(value, MemMapArray):
        return value._array()
    if type(value) in (tuple, list):
        return type(value)(_unwrap_all(item) for item in value)
    if type(value) is dict:
        return {name: _unwrap_all(item) for name, item in value.items()}
    return value


def _results(value: Any) -> Any:
    """The same results with containers instead of arrays; scalars stay as they are."""
    return _with_unit(value, None)


def _with_unit(value: Any, unit: Any) -> Any:
    """The same results in a unit: arrays as containers, numbers as Quantities."""
    if type(value) in (tuple, list):
        return type(value)(_with_unit(item, unit) for item in value)
    if unit is not None and unit == _unit.PLAIN:
        unit = None
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        unit = unit or _unit.unit_of(value)
        if value.ndim == 0 and unit is not None and _unit.is_quantity(value):
            return value
        own = not _unit.is_part(value)
        value = np.asarray(value) if unit is not None else value
        if value.nbytes > _SMALL or not own:
            return _maparray.over(value, unit)
        return _filled(value, unit=unit)
    if unit is None or not isinstance(value, np.generic):
        return value
    if _unit.astropy() is None:
        return _filled(np.asarray(value), unit=unit)
    return _unit.quantity(value, unit)


# Properties that are an array of the same elements.
_PARTS = frozenset({"T", "imag", "mT", "real"})

# Arrays of fewer bytes are copied to pages, which can be moved to a file under all who use them.
_SMALL = 1 << 20
_TINY = 1 << 12

_NUMPYS_OWN = (np.ndarray.__array_ufunc__, MemMapArray.__array_ufunc__)


def _is_known(value: Any) -> bool:
    """Whether no other kind of array wants to have its say."""
    handler = getattr(type(value), "__array_ufunc__", np.ndarray.__array_ufunc__)
    if handler in _NUMPYS_OWN:
        return not _unit.is_foreign(value)
    return _unit.is_quantity(value) or isinstance(value, Unit)


def _only(array: NDArray[Any]) -> Any:
    """The only element; NumPy's error if there are others."""
    return array.reshape(())[()] if array.size == 1 else array
