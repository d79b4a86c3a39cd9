"""Files of several arrays: `contents`, what `load` gives of an archive, and `savez`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from . import _maparray
from ._container import MemMapArray
from ._maparray import UnsupportedError
from ._memmap import _attach, _full_name, _plain, memmap

_Path: TypeAlias = str | bytes | PathLike[str] | PathLike[bytes]
# Whoever puts our functions in the place of these means files with names.
_stored_by_numpy, _compressed_by_numpy = np.savez, np.savez_compressed


class Contents(Mapping[str, MemMapArray | Any]):
    """The arrays of a file by their names, each mapped when it is asked for.

    Every format will do, and a FITS image that is stored scaled is a `Scaled`. A file of one array
    has it under the name "". Compressed arrays cannot be mapped: ``inflate`` says that they
    may be copied, True to a size that is usual, a number to so many bytes.
    """

    def __init__(
        self, path: _Path, mode: Literal["r", "r+", "c"] = "r", *, inflate: bool | int = False
    ) -> None:
        """Look into a file."""
        self._opened = _maparray.Opened(path, mode, inflate)
        self.mode = mode

    @property
    def format(self) -> str:
        """The name of the format, such as 'npz'."""
        return self._opened.format

    @property
    def closed(self) -> bool:
        """Whether the file was let go."""
        return self._opened.closed

    def close(self) -> None:
        """Let go of the file; arrays that were taken out of it stay as they are."""
        self._opened.close()

    def info(self, key: str) -> dict[str, Any]:
        """What an array is, without touching its elements.

        A dict of key, dtype, shape, order, unit, nbytes, offset (the byte of the file where its
        elements begin; None if they are compressed), compressed (to how many bytes; None if
        they are not), sample_rate (frames of sound in a second; None of what is no sound) and
        scaling: None, or a dict of the scale, zero and blank of numbers that are stored scaled.
        Their dtype here is the stored one.
        """
        return self._opened.info(self._find(key))

    def check(self, key: str) -> None:
        """Compare the data of an array with the checksum in the file, which maps do not."""
        self._opened.verify(self._find(key))

    def _find(self, key: Any) -> int:
        if not isinstance(key, str):
            raise KeyError(key)
        try:
            return self._opened.find(key)
        except (IndexError, UnicodeEncodeError):
            raise KeyError(key) from None

    def __getitem__(self, key: str) -> MemMapArray | Any:
        return self._opened.open(self._find(key))

    def __contains__(self, key: object) -> bool:
        try:
            self._find(key)
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._opened.keys())

    def __len__(self) -> int:
        return len(self._opened.keys())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self.closed:
            return "<maparray.Contents, closed>"
        return f"<maparray.Contents of {self._opened.path}: {len(self)} arrays>"


Contents.__module__ = "maparray"


def contents(
    path: _Path, mode: Literal["r", "r+", "c"] = "r", *, inflate: bool | int = False
) -> Contents:
    """Look into a file of any format: a mapping of names to arrays.

    >>> import maparray, tempfile
    >>> path = tempfile.mkdtemp() + "/a.npz"
    >>> maparray.savez(path, x=[1.5, 2.5])
    >>> with maparray.contents(path) as file:
    ...     print(file["x"].sum(), file.info("x")["offset"])
    4.0 192
    """
    return Contents(path, mode, inflate=inflate)


class _Fields:
    """The arrays of an archive as attributes, as ``numpy.lib.npyio.NpzFile.f`` has them."""

    def __init__(self, archive):
        self._archive = archive

    def __getattr__(self, name):
        try:
            return self._archive[name]
        except KeyError:
            raise AttributeError(name) from None

    def __dir__(self):
        return list(self._archive.files)


class _Archive(Mapping[str, Any]):
    """An archive as ``numpy.load`` gives it, whose arrays are maps."""

    # NumPy's has an open file here, unless it is closed or somebody else's.
    fid = None
    zip = None

    def __init__(self, path: _Path, mode: str, inflate: bool | int) -> None:
        self._opened = _maparray.Opened(path, mode, inflate)
        self._name, self._mode = _full_name(path), mode
        self.files = self._opened.keys()
        self.f = _Fields(self)

    def close(self) -> None:
        """Let go of the file; arrays that were taken out of it stay as they are."""
        self._opened.close()

    def __getitem__(self, key: str) -> Any:
        try:
            if not isinstance(key, str):
                raise IndexError
            index = self._opened.find(key)
        except (IndexError, UnicodeEncodeError):
            raise KeyError(f"{key} is not a file in the archive") from None
        found = self._opened.lease(index)
        if isinstance(found, np.ndarray):
            return found
        lease, dtype, shape, order, offset = found
        start = offset - lease.file_offset
        array = lease.array(memmap, shape, dtype=dtype, offset=start, order=order)
        return _attach(array, lease, self._name, offset, self._mode)

    def __contains__(self, key: object) -> bool:
        return key in self.files or f"{key}".removesuffix(".npy") in self.files

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        keys = ", ".join(self.files[:5]) + ("..." if len(self.files) > 5 else "")
        return f"NpzFile {os.fspath(self._name)!r} with keys: {keys}"


def savez(
    file: Any, *args: ArrayLike, allow_pickle: bool = True, align: int = 64, **kwds: ArrayLike
) -> None:
    """Save arrays to an archive as numpy.savez does, but whole or not at all.

    A file name gets ``.npz`` at its end if it lacks it. Arrays without a name are called arr_0,
    arr_1 and so on. The elements of each begin at a multiple of ``align`` bytes, so that they can
    be mapped as they are: see `load` and `contents`. Python objects are refused, even if
    ``allow_pickle`` is given.
    """
    _save(file, args, kwds, False, align)


def savez_compressed(
    file: Any, *args: ArrayLike, allow_pickle: bool = True, align: int = 64, **kwds: ArrayLike
) -> None:
    """Save arrays to an archive as numpy.savez_compressed does, but whole or not at all.

    They are deflated on all cores, and cannot be mapped. The arguments are those of `savez`.
    """
    _save(file, args, kwds, True, align)


def append_npz(
    file: _Path, *, compressed: bool = False, align: int = 64, **kwds: ArrayLike
) -> None:
    """Add arrays to an archive in place, all of them or none, or make one.

    Whenever the program is stopped, the file is the old archive or the new one. Arrays that are
    mapped from it stay where they are.
    """
    arrays = [(name, _saved(array)) for name, array in kwds.items()]
    if arrays:
        _maparray.append_npz(file, arrays, compressed, align)


def _saved(array):
    """What an array is saved as: a container says its unit, too."""
    if isinstance(array, _maparray.Container):
        return array
    array = np.asanyarray(array)
    _plain(array.dtype)
    if isinstance(array, np.ma.MaskedArray):
        raise UnsupportedError("masked array: found numpy.ma.MaskedArray, whose mask would be lost")
    return array


def _save(file, args, kwds, compressed, align):
    arrays = {name: _saved(array) for name, array in kwds.items()}
    for number, array in enumerate(args):
        name = f"arr_{number}"
        if name in arrays:
            raise ValueError(f"Cannot use un-named variables and keyword {name}")
        arrays[name] = _saved(array)
    if hasattr(file, "write"):
        write = _compressed_by_numpy if compressed else _stored_by_numpy
        write(file, allow_pickle=False, **{k: np.asarray(v) for k, v in arrays.items()})
        return
    path = os.fsdecode(file)
    path = path if path.endswith(".npz") else path + ".npz"
    _maparray.save_npz(path, list(arrays.items()), compressed, align)
