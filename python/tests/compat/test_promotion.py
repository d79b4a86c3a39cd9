"""Promotion: the dtype that two dtypes have in common is NumPy's, for every pair."""

import itertools

import numpy as np
import pytest

from maparray import _maparray

NUMBERS = [np.dtype(code) for code in "?bBhHiIlLqQefdgFDG"]
OTHERS = [
    *(np.dtype(code) for code in ("S1", "S5", "S30", "U1", "U5", "U30", "V1", "V7")),
    *(np.dtype(code) for code in ("M8", "M8[D]", "M8[s]", "M8[25s]", "M8[ns]", "M8[Y]", "M8[M]")),
    *(np.dtype(code) for code in ("m8", "m8[D]", "m8[s]", "m8[7s]", "m8[ns]", "m8[Y]", "m8[M]")),
    *(np.dtype(code) for code in (">i4", ">f8", ">U5", ">M8[s]", ">c8")),
    np.dtype([("a", "i4"), ("b", "f4")]),
    np.dtype([("a", "i8"), ("b", "f4")]),
    np.dtype([("a", "i4"), ("c", "f4")]),
]


@pytest.mark.parametrize("left", NUMBERS + OTHERS, ids=str)
def test_every_pair_is_promoted_as_numpy_does(left):
    for right in NUMBERS + OTHERS:
        try:
            expected = np.promote_types(left, right)
        except (TypeError, OverflowError):
            with pytest.raises(TypeError):
                _maparray.promote_types(left, right)
            continue
        found = _maparray.promote_types(left, right)
        assert found == expected, (left, right)


def test_result_type_of_numbers_is_the_same_rule():
    for left, right in itertools.product(NUMBERS, NUMBERS):
        assert _maparray.promote_types(left, right) == np.result_type(left, right)
