"""The container: one array, or none, in memory or in a file, with NumPy's names and operators.

Its elements move between memory and a file while every view of them stays valid. Operators and
methods are those of ``numpy.ndarray``; what they make is a container again, in memory, or in a file
that nobody sees if it is too large for memory.
"""

from __future__ import annotations

import copy
import operator
import os
from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from typing import Any, Literal, Self, SupportsIndex, TypeAlias

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import ArrayLike, DTypeLike, NDArray

from . import _engine, _maparray
from ._maparray import EmptyDataError, FormatError
from ._memmap import memmap, place_of, reopen

_Path: TypeAlias = str | bytes | PathLike[str] | PathLike[bytes]


def _property(name: str) -> property:
    def get(self: Any) -> Any:
        return _results(getattr(self._array(), name))

    def put(self: Any, value: Any) -> None:
        setattr(self._array(), name, _unwrap(value))

    return property(get, put, doc=f"As numpy.ndarray.{name}.")


def _method(name: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **options: Any) -> Any:
        array = self._array()
        args, options = _unwrap_all(args), dict(_unwrap_all(options))
        given = options.get("out")
        result = _engine.method(name, array, args, options)
        # The container that was given as `out`, not the array in it.
        return given if given is not None and result is given else _results(result)

    call.__name__ = name
    call.__qualname__ = f"MemMapArray.{name}"
    call.__doc__ = f"As numpy.ndarray.{name}; an array that it makes is a MemMapArray."
    return call


class MemMapArray(_maparray.Container, NDArrayOperatorsMixin):
    """An array in memory or in a mapped file, which moves between the two and can be closed.

    ``data`` is copied, whatever it is; None makes an empty container. ``filename`` names the file
    that the array goes to when it is mapped: with ``memmap=True`` now, else with `enable_memmap`.
    Nothing is written before that, and no file is replaced that this container did not make, unless
    ``overwrite`` says so.

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
        memmap: bool = False,
        *,
        format: Literal["npy", "raw"] = "npy",
        overwrite: bool = False,
        folder: _Path | None = None,
    ) -> Self:
        """Copy an array, or make an empty container."""
        name = None if filename is None else os.fsdecode(filename)
        self = super().__new__(cls, _copy(data, dtype), name)
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

    def reset_data(self, data: ArrayLike | None = None, dtype: DTypeLike | None = None) -> None:
        """Put a copy of other data in the place of the array, or nothing.

        Its shape and dtype may be others. A container that is mapped stays so: its file is replaced
        in one step. Views of the old array keep it.
        """
        self.put_in(_copy(data, dtype))

    # Elements

    def __len__(self) -> int:
        return len(self._array())

    def __iter__(self) -> Iterator[Any]:
        return iter(self.view())

    def __bool__(self) -> bool:
        return bool(self._array())

    def __int__(self) -> int:
        return int(_only(self._array()))

    def __float__(self) -> float:
        return float(_only(self._array()))

    def __complex__(self) -> complex:
        return complex(_only(self._array()))

    def __index__(self) -> int:
        return operator.index(self._array())

    def __imatmul__(self, other: Any) -> Self:
        array = self._array()
        array @= _unwrap(other)
        return self

    def __round__(self, digits: int | None = None) -> Any:
        if digits is None:
            return round(_only(self._array()))
        return self.round(digits)

    def __str__(self) -> str:
        return "MemMapArray(empty)" if self.empty else str(self._array())

    def __repr__(self) -> str:
        if self.closed:
            return "MemMapArray(closed)"
        name = self.filename
        if self.empty:
            place = "" if name is None else f", filename={os.fsdecode(name)!r}"
            return f"MemMapArray(empty{place})"
        what = f"shape={self.shape!r}, dtype={str(self.dtype)!r}"
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
        return _filled(self._array(), order=order)

    def __copy__(self) -> MemMapArray:
        return MemMapArray() if self.empty else self.copy("K")

    def __deepcopy__(self, memo: dict[int, Any]) -> MemMapArray:
        return copy.copy(self)

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """By reference if a file holds it, else by value.

        A file without a name can be opened as long as this process has it.
        """
        place = None if self.empty else place_of(self._contained)
        if place is not None:
            return _open_again, place
        link = None if self.empty or self.filename is not None else self.link()
        if link is not None and self.size:
            order = "F" if self._array().flags.fnc else "C"
            identity = self.lease().identity()
            return _open_link, (link, identity, self.dtype, self.shape, self.offset, order)
        return _from_value, (None if self.empty else self._array().copy(), self.filename)

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
        for value in (*inputs, *out):
            if not _is_known(value):
                return NotImplemented
        arrays = [_unwrap(value) for value in inputs]
        if "where" in options:
            options["where"] = _unwrap(options["where"])
        if out:
            _engine.compute(ufunc, method, arrays, tuple(map(_unwrap, out)), options)
            return out[0] if len(out) == 1 else out
        room = self._room(ufunc, method, arrays, options)
        if room is not None:
            _engine.compute(ufunc, method, arrays, (room.view(),), options)
            return room
        return _results(_engine.compute(ufunc, method, arrays, (), options))

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
        result = func(*_unwrap_all(args), **_unwrap_all(options))
        out = options.get("out")
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
        array: Any = self if axis is not None else self._array().reshape(-1)
        indices = _unwrap(indices)
        return _results(_maparray.take(array, indices, axis or 0, out, mode=mode))

    def compress(self, condition: ArrayLike, axis: int | None = None, out: Any = None) -> Any:
        """The rows, or elements, where a condition is true: as numpy.ndarray.compress."""
        array: Any = self if axis is not None else self._array().reshape(-1)
        return _results(_maparray.compress(_unwrap(condition), array, axis or 0, out))

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
        array[where] = value

    def ptp(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        """The greatest minus the least element along an axis: numpy.ptp."""
        return _results(np.ptp(self._array(), axis=axis, out=_unwrap(out), keepdims=keepdims))

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


def _make_room(shape: tuple[int, ...], dtype: np.dtype[Any]) -> MemMapArray:
    """Zeros in memory, or in a file that nobody sees if they are too many."""
    limit = MemMapArray.result_limit
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if size > (_maparray.free_memory() // 2 if limit is None else limit):
        return _maparray.temporary(shape, dtype)
    return _maparray.pages(shape, dtype)


def _filled(array: NDArray[Any], dtype: DTypeLike | None = None, order: Any = "K") -> Any:
    """A copy of an array in pages."""
    fortran = array.flags.fnc if order in ("K", "A") else order == "F"
    kind = array.dtype if dtype is None else np.dtype(dtype)
    room = _maparray.pages(array.shape, kind, "F" if fortran else "C")
    np.copyto(room.view(), array, casting="unsafe")
    return room


def _copy(data: Any, dtype: DTypeLike | None) -> Any:
    """A container of a copy; None of None."""
    if data is None:
        return None
    if isinstance(data, MemMapArray):
        return None if data.empty else _filled(data._array(), dtype)
    return _filled(np.asarray(data), dtype)


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
    if type(value) in (tuple, list):
        return type(value)(_results(item) for item in value)
    if not isinstance(value, np.ndarray) or value.dtype.hasobject:
        return value
    if value.nbytes > _SMALL or value.base is not None:
        return _maparray.over(value)
    return _filled(value)


# Arrays of fewer bytes are copied to pages, which can be moved to a file under all who use them.
_SMALL = 1 << 20

_NUMPYS_OWN = (np.ndarray.__array_ufunc__, MemMapArray.__array_ufunc__)


def _is_known(value: Any) -> bool:
    """Whether no other kind of array wants to have its say."""
    handler = getattr(type(value), "__array_ufunc__", np.ndarray.__array_ufunc__)
    return handler in _NUMPYS_OWN


def _only(array: NDArray[Any]) -> Any:
    """The only element; NumPy's error if there are others."""
    return array.reshape(())[()] if array.size == 1 else array


def _open_again(*place: Any) -> MemMapArray:
    return _maparray.over(reopen(memmap, *place))


def _open_link(
    link: PathLike[str],
    identity: tuple[int, int],
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    offset: int,
    order: Literal["C", "F"],
) -> MemMapArray:
    """Map the file without a name that a pickle stands for."""
    try:
        found = _maparray.open(link, "r+", dtype=dtype, shape=shape, offset=offset, order=order)
    except FileNotFoundError as error:
        raise FormatError(f"{link}: the process that had this file open has closed it") from error
    if found.lease().identity() != identity:
        raise FormatError(f"{link}: not the file that was pickled")
    return found


def _from_value(array: Any, filename: _Path | None) -> MemMapArray:
    return MemMapArray(array, filename)


def create_array_memmap(
    filename: _Path | None, data: ArrayLike | None, dtype: DTypeLike | None = None
) -> Any:
    """A .npy file with a copy of data, mapped for reading and writing; None of None."""
    if data is None:
        return None
    if filename is None:
        raise ValueError("filename: found None, expected the name of a file")
    container = MemMapArray(data, filename, dtype, memmap=True, overwrite=True)
    return container._contained


def delete_array_memmap(array: Any, read: bool = True, remove: bool = False) -> Any:
    """The data of a mapped array in memory, or None if it is not to be read.

    The file stays, unless ``remove`` says that it is not needed any more. What is no mapped array
    is given back as it is.
    """
    if array is None or not isinstance(array, np.memmap):
        return array
    data = np.array(array) if read else None
    if remove and array.filename is not None:
        os.remove(array.filename)
    return data


def reset_memmap_array(array: Any, data: ArrayLike | None, dtype: DTypeLike | None = None) -> Any:
    """Other data in the file of a mapped array; None or one number take the file away."""
    if not isinstance(array, np.memmap) or array.filename is None:
        raise TypeError(f"array: found {type(array).__name__}, expected a memmap with a file")
    if data is None or np.ndim(data) == 0:
        os.remove(array.filename)
        return data
    return create_array_memmap(array.filename, data, dtype)


__all__ = [
    "EmptyDataError",
    "MemMapArray",
    "create_array_memmap",
    "delete_array_memmap",
    "reset_memmap_array",
]
