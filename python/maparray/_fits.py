"""FITS files: headers as mappings, and the function that writes images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from . import _maparray

_Path: TypeAlias = str | bytes | PathLike[str] | PathLike[bytes]
_Hdu: TypeAlias = int | str | tuple[str, int]

# Keywords of cards without a value, of which there may be many.
_SPEAKING = frozenset({"COMMENT", "HISTORY", ""})


class FitsHeader(MutableMapping[str, Any]):
    """The header of an HDU: keywords in upper or lower case, and their values.

    ``header["EXPTIME"] = 30.0`` changes a value, ``= (30.0, "[s]")`` the comment, too. `COMMENT`,
    `HISTORY` and "" have a list of all their texts, and setting one adds a text. What is changed
    is in memory until `flush` writes it.
    """

    __slots__ = ("_cards",)

    def __init__(self, path: _Path, hdu: _Hdu | None = None) -> None:
        """Read a header: of the first HDU, or of the one that ``hdu`` or the address names."""
        self._cards = _maparray.Cards(path, hdu)

    @property
    def filename(self) -> Path:
        """The file."""
        return self._cards.filename

    @property
    def number(self) -> int:
        """The number of the HDU; the first one's is 0."""
        return self._cards.number

    @property
    def cards(self) -> list[tuple[str, Any, str]]:
        """All cards in their order: keyword, value and comment."""
        return self._cards.cards()

    @property
    def comments(self) -> Comments:
        """The comments by keyword; they can be set."""
        return Comments(self._cards)

    def add(self, keyword: str, text: str) -> None:
        """Add a text under COMMENT, HISTORY or nothing, on as many cards as it takes."""
        self._cards.add(keyword, text)

    def flush(self, *, rewrite: bool = False) -> None:
        """Write the cards where they stand in the file; the data is not touched.

        With more cards than have room that is a MismatchError, but for ``rewrite``: the whole file
        is written anew then, and takes the place of the old one in one step.
        """
        self._cards.flush(rewrite)

    def __getitem__(self, keyword: str | int) -> Any:
        if isinstance(keyword, int):
            return self.cards[keyword][1]
        if keyword.strip().upper() in _SPEAKING:
            wanted = keyword.strip().upper()
            texts = [value for name, value, _ in self.cards if name.upper() == wanted]
            if not texts:
                raise KeyError(keyword)
            return texts
        return self._cards.get(keyword)[0]

    def __setitem__(self, keyword: str, value: Any) -> None:
        comment = None
        if isinstance(value, tuple):
            value, comment = value
        if keyword.strip().upper() in _SPEAKING:
            self._cards.add(keyword.strip(), value)
        else:
            self._cards.set(keyword, value, comment)

    def __delitem__(self, keyword: str) -> None:
        if not self._cards.remove(keyword):
            raise KeyError(keyword)

    def __contains__(self, keyword: object) -> bool:
        return isinstance(keyword, str) and self._cards.has(keyword)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _, _ in self.cards))

    def __len__(self) -> int:
        return len({name for name, _, _ in self.cards})

    def __repr__(self) -> str:
        return self._cards.text()

    def __copy__(self) -> FitsHeader:
        return _wrap(self._cards.copy())

    def __deepcopy__(self, memo: dict[int, Any]) -> FitsHeader:
        return _wrap(self._cards.copy())

    def __reduce__(self) -> tuple[Any, ...]:
        # What is pickled is where the header stands, so that it must stand there.
        if repr(self) != repr(FitsHeader(self.filename, self.number)):
            raise TypeError("header to be pickled: found changes, expected that they were flushed")
        return FitsHeader, (self.filename, self.number)


class Comments:
    """The comments of a header by keyword."""

    __slots__ = ("_cards",)

    def __init__(self, cards: _maparray.Cards) -> None:
        """Over the cards of a header."""
        self._cards = cards

    def __getitem__(self, keyword: str) -> str:
        return self._cards.get(keyword)[1]

    def __setitem__(self, keyword: str, comment: str) -> None:
        self._cards.set(keyword, self._cards.get(keyword)[0], comment)


def _wrap(cards: _maparray.Cards) -> FitsHeader:
    header = FitsHeader.__new__(FitsHeader)
    header._cards = cards
    return header


def fits_header(path: _Path, hdu: _Hdu | None = None) -> FitsHeader:
    """The header of an HDU of a file, as a mapping; of the first HDU if none is named."""
    return FitsHeader(path, hdu)


def save_fits(
    path: _Path,
    data: Any,
    header: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a new FITS file, whole or not at all.

    ``data`` is an array, or a dict of arrays by name: the first one is the primary image, the
    others are extensions. A unit becomes BUNIT. ``header`` has further cards for the first image: a
    `FitsHeader`, a header of astropy, or a dict of values, or of values and comments.
    """
    named = data.items() if isinstance(data, dict) else [(None, data)]
    cards = list(_cards(header)) if header is not None else []
    images = [(array, name, [] if at else cards) for at, (name, array) in enumerate(named)]
    _maparray.write_fits(path, images, overwrite)


def _cards(header: Mapping[str, Any]) -> Iterable[tuple[str, Any, str | None]]:
    cards = getattr(header, "cards", None)
    if cards is not None:
        for keyword, value, comment in cards:
            yield keyword, value, comment
        return
    for keyword, value in header.items():
        values = (
            value if keyword.strip().upper() in _SPEAKING and isinstance(value, list) else [value]
        )
        for one in values:
            yield (keyword, *one) if isinstance(one, tuple) else (keyword, one, None)
