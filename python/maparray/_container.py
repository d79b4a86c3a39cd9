"""The container: one array, or none, in memory or in a file, with NumPy's names and operators.

Its elements move between memory and a file while every view of them stays valid. Operators and
methods are those of ``numpy.ndarray``; what they make is a container again, in memory, or in a file
that nobody sees if it is too large for memory.
"""

from __future__ import annotations

import copy
import operator
import os
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from typing import Any, Literal, Self, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from . import _engine, _grow, _maparray, _measured, _pickles, _results, _unit
from ._maparray import EmptyDataError, Lease, Unit, UnitError
from ._memmap import memmap
from ._names import Names
from ._operators import Operators

_Path: TypeAlias = str | bytes | PathLike[str] | PathLike[bytes]


class MemMapArray(_maparray.Container, Names, Operators):
    """An array in memory or in a mapped file, which moves between the two and can be closed.

    ``data`` is copied, whatever it is; None makes an empty container. ``filename`` names the file
    that the array goes to when it is mapped: with ``memmap=True`` now, else with `enable_memmap`.
    Nothing is written before that, and no file is replaced that this container did not make, unless
    ``overwrite`` says so. A name that is known is locked: only `set_filename` changes it.
    ``unit`` is what the elements measure, a text or a unit of astropy; a Quantity says it by
    itself.

    Large arrays are computed by the library's own loops, which are silent: no warning comes from
    them, and what `numpy.errstate` has raised, called, printed or logged is computed by NumPy.

    >>> m = MemMapArray([1.0, 2.0])
    >>> m += 1
    >>> m.sum()
    np.float64(5.0)

    `maparray.open` and `maparray.create` give containers of files.
    """

    # No hash: it is compared element by element, as an ndarray.
    __hash__ = None  # type: ignore[assignment]

    result_limit: int | None = None
    """Results of more bytes go to a file that nobody sees; None: half of the free memory.

    Those of operators and plain calls of ufuncs, and copies, are made there; what else NumPy makes
    in memory is put there afterwards.
    """

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
        if name == "":
            raise ValueError("filename: found '', expected the name of a file, or None")
        data = _unit.brought(data, unit)
        own = None if data is None else _unit.unit_of(data)
        if unit is not None and own is not None:
            raise ValueError(
                f"unit: found {unit!r} for data that is in `{own}`, expected one of them"
            )
        self = super().__new__(cls, _results.copied(data, dtype), name)
        if unit is not None or (own is not None and self.empty):
            self.set_unit(own if unit is None else unit)
        if memmap:
            self.enable_memmap(format=format, overwrite=overwrite, folder=folder)
        return self

    @property
    def _contained(self) -> Any:
        """What is in it: an ndarray, a memmap if it is mapped, or None."""
        try:
            mode, name = self.mode, self.filename
            array, lease, first = self._held()
        except EmptyDataError:
            return None
        if mode is None or lease.identity() is None:
            return array
        return memmap._over(lease, array, first, name, lease.file_offset + first, mode)

    def _held(self) -> tuple[NDArray[Any], Lease, int]:
        """The array, a share of the memory that it lies in, and at which byte of that."""
        while True:
            array, lease = self.view(), self.lease()
            under: Any = array
            while isinstance(under, np.ndarray):
                under = under.base
            # Another thread may have put another array in its place between the two.
            if under.address == lease.address and len(under) == len(lease):
                return array, lease, array.__array_interface__["data"][0] - lease.address

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
        new = _results.copied(_unit.brought(data, unit), dtype)
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
        array, unit = self._array(), Unit(unit)
        (self._unit or _unit.PLAIN).to(unit)
        dtype = array.dtype if array.dtype.kind in "fc" else np.dtype(np.float64)
        room = _make_room(array.shape, dtype, "F" if array.flags.fnc else "C")
        room.set_unit(unit)
        _maparray.eval("positive(a)" if dtype == array.dtype else "a * 1.0", out=room, a=self)
        return room

    # Elements

    @property
    def strides(self) -> tuple[int, ...]:
        """Bytes from an element to the next along each axis."""
        array = self._array()
        # Without elements there is no next one; what NumPy says then is up to NumPy.
        return (array if array.size else np.empty(array.shape, array.dtype)).strides

    def __len__(self) -> int:
        return len(self._array())

    def __iter__(self) -> Iterator[Any]:
        if self._unit is None:
            return iter(self.view())
        return (_with_unit(part, self._unit) for part in self.view())

    def __contains__(self, value: Any) -> bool:
        try:
            return _unit.numbers(value, self._unit) in self._array()
        except UnitError:
            # What measures something else is none of these.
            return False

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

    def __round__(self, digits: int | None = None) -> Any:
        if digits is None and self._unit is None:
            return round(_only(self._array()))
        return self.round(digits or 0)

    def __bytes__(self) -> bytes:
        return bytes(self._array())

    def __format__(self, how: str) -> str:
        if not how:
            return str(self)
        return format(self._array(), how) + ("" if self._unit is None else f" {self._unit}")

    def __str__(self) -> str:
        if self.closed:
            return "MemMapArray(closed)"
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

    # Copies

    def copy(self, order: Literal["K", "A", "C", "F"] = "C") -> MemMapArray:
        """A copy in memory."""
        array = self._array()
        # NumPy knows all orders by all their names.
        like = np.empty((2, 2), order="F" if array.flags.fnc else "C").copy(order)
        order = "F" if like.flags.fnc else "C"
        return _results.filled(array, order=order, unit=self._unit)  # type: ignore[no-any-return]

    def __copy__(self) -> Self:
        if self.empty:
            new = MemMapArray(None, self.filename, unit=self._unit, memmap=self.memmap)
        else:
            new = self.copy("K")
        if type(self) is not MemMapArray:
            new = _maparray.Container.__new__(type(self), new)
        new.__dict__.update(self.__dict__)
        return new  # type: ignore[return-value]

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        new = copy.copy(self)
        new.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return new

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """By reference if a file holds it, else by value.

        A file without a name can be opened as long as this process has it.
        """
        return _pickles.reduce(self, type(self))

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

    # Rows of a file

    def append(self, rows: ArrayLike, durable: bool = True, *, rewrite: bool = False) -> None:
        """Add rows to the file, along the first axis, of Fortran order the last: one row, or some.

        The array must be all of a .npy or raw file, mapped with 'r+'. Views that were taken before
        stay as they are, on the same elements. When ``durable`` returns, the rows are there also
        after a crash. An array of another dtype is refused.

        A file whose header has no room for the number of rows is refused, but for ``rewrite``: the
        whole file is written anew then, and takes the place of the old one in one step.
        """
        _grow.append(self, rows, durable, rewrite)

    def extend(
        self, rows: Iterable[ArrayLike], durable: bool = True, *, rewrite: bool = False
    ) -> None:
        """Add rows one by one, as `append`; some at a time are written, and there or not."""
        _grow.extend(self, rows, durable, rewrite)

    def resize_rows(self, rows: int, durable: bool = True) -> None:
        """Give the file another number of rows: new ones are zero, others are forgotten.

        No file becomes shorter: what is left stays behind the data until it is overwritten.
        """
        _maparray.resize_rows(self, rows, durable)

    def reserve(self, nbytes: int = 0) -> None:
        """Take addresses for what the array will grow to, so that it keeps its own.

        Without it the array moves once, when it first grows; views of before stay where they are.
        """
        _maparray.reserve(self, nbytes)

    def refresh(self) -> bool:
        """Look at the file again, for rows that others have added; whether there are any."""
        return _maparray.refresh(self)

    # NumPy's protocols

    def _array(self) -> NDArray[Any]:
        """The array over all of it; EmptyDataError if there is none."""
        return self.view()

    @property
    def __array_interface__(self) -> dict[str, Any]:
        # A share of the memory, not its bare address: `close` knows of it.
        array, lease, first = self._held()
        if array.dtype.isbuiltin == 2 or array.dtype.kind == "V":
            raise AttributeError(f"the array interface does not say all about dtype {array.dtype}")
        interface = array.__array_interface__
        return interface | {"data": lease, "offset": first, "strides": array.strides}

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", ())
        inputs = tuple(map(_unit.as_known, inputs))
        foreign = False
        for value in (*inputs, *out):
            if not _results.is_known(value):
                return NotImplemented
            foreign = foreign or _results.is_foreign(value)
        if foreign:
            options |= {"out": out} if out else {}
            return self._by_others(getattr(ufunc, method), inputs, options)
        if "where" in options:
            options["where"] = _results.unwrap(options["where"])
        if any(_unit.unit_of(value) is not None for value in (*inputs, *out)):
            result = _measured.compute(ufunc, method, inputs, out, options)
            return result if out else _results.results(result)
        arrays = [_results.unwrap(value) for value in inputs]
        if out:
            places = tuple(map(_results.unwrap, out))
            result = _engine.compute(ufunc, method, arrays, places, options)
            new = result if len(out) > 1 else (result,)
            found = [
                _results.results(made) if place is None else place
                for place, made in zip(out, new, strict=True)
            ]
            return found[0] if len(out) == 1 else tuple(found)
        # Finding out what a small result will be takes longer than copying it.
        small = all(getattr(array, "nbytes", 0) <= _TINY for array in arrays)
        room = None if small else self._room(ufunc, method, arrays, options)
        if room is not None:
            _engine.compute(ufunc, method, arrays, (room.view(),), options)
            return room
        result = _engine.compute(ufunc, method, arrays, (), options)
        # Small operands can make a large result, as those of an outer product do.
        if small and isinstance(result, np.ndarray) and not result.dtype.hasobject:
            return _results.filled(result)
        return _results.results(result)

    def _by_others(self, func: Any, args: Any, options: Any) -> Any:
        """What a function of NumPy gives for arrays, or Quantities, in the place of containers."""
        given: list[Any] = []
        if _unit.among((args, options)):
            _results.check_masks(args)
            name = f"numpy.{func.__name__}"
            args = _unit.with_quantities(args, name, given)
            options = _unit.with_quantities(options, name, given)
        else:
            args, options = (
                _results.unwrap_all(args, given),
                _results.unwrap_all(options, given),
            )
        return _results.results(func(*args, **options), given)

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
            _results.check_masks(args)
            result = _measured.function(func, args, options)
            return result if out is not None else _results.results(result)
        result = self._by_others(func, args, options)
        return out if isinstance(out, MemMapArray) else result

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

    # `view` and `T.view` of the array: NumPy's, which shares the memory.
    def view(self, *args: Any, **options: Any) -> NDArray[Any]:
        """A NumPy array that shares the memory; the arguments are those of numpy.ndarray.view."""
        whole = super().view()
        return whole.view(*args, **options) if args or options else whole


MemMapArray.__module__ = "maparray"

# By these names the compiled part asks for them.
_make_room, _with_unit = _results.make_room, _results.with_unit


def _wrap(source: _maparray.Container) -> MemMapArray:
    """The same as a MemMapArray; `source` is closed by that."""
    return _maparray.Container.__new__(MemMapArray, source)


_TINY = 1 << 12


def _only(array: NDArray[Any]) -> Any:
    """The only element; NumPy's error if there are others."""
    return array.reshape(())[()] if array.size == 1 else array
