"""Sorting and order statistics against the NumPy functions of their names."""

import numpy as np
import pytest

import maparray

REAL = list("?bBhHiIlLefd")
SHAPES = [(1,), (7,), (3000,), (70_000,), (300, 3), (3, 300), (5, 40, 6), (2, 0, 3)]
TINY = 1


def numbers(code, shape, seed=0):
    """Numbers with duplicates; both zeros, infinities and NaNs among floats."""
    random = np.random.default_rng(seed)
    dtype = np.dtype(code)
    if dtype.kind == "b":
        return random.random(shape) < 0.4
    if dtype.kind in "iu":
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        few = random.integers(max(low, -5), 5, shape, dtype=dtype)
        return np.where(random.random(shape) < 0.5, few, random.integers(low, high, shape, dtype))
    special = random.choice([0.0, -0.0, np.inf, -np.inf, 1.5], shape)
    values = np.where(random.random(shape) < 0.1, special, random.standard_normal(shape) * 100)
    return values.astype(dtype)


def with_nans(array, seed=1):
    array = array.copy()
    if array.dtype.kind == "f":
        array[np.random.default_rng(seed).random(array.shape) < 0.05] = np.nan
    return array


def layouts(array):
    yield array
    yield np.asfortranarray(array)
    yield array.T[::-1]
    yield array.astype(array.dtype.newbyteorder(">"))


def assert_equal(found, expected, what):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype.newbyteorder("=") == expected.dtype.newbyteorder("="), what
    np.testing.assert_array_equal(found, expected, err_msg=str(what))


@pytest.mark.parametrize("code", [*REAL, "F", "D"])
@pytest.mark.parametrize("memory", [None, TINY])
def test_arrays_are_sorted_as_numpy_sorts_them(code, memory):
    for shape in SHAPES:
        if code in "FD":
            array = np.empty(shape, code)
            array.real = with_nans(numbers(code.lower(), shape))
            array.imag = with_nans(numbers(code.lower(), shape, 5), 6)
        else:
            array = with_nans(numbers(code, shape))
        for a in layouts(array):
            for axis in [None, *range(-a.ndim, a.ndim)]:
                found = maparray.sort(a, axis, memory=memory)
                assert_equal(found, np.sort(a, axis), ("sort", shape, axis))
                found = maparray.argsort(a, axis, memory=memory)
                expected = np.argsort(a, axis, kind="stable")
                assert_equal(found, expected, ("argsort", shape, axis))


def test_the_greatest_complex_numbers_are_at_the_end_of_their_order():
    a = np.empty(500, "D")
    a.real, a.imag = numbers("d", 500), with_nans(numbers("d", 500, 3))
    for largest in [True, False]:
        places = maparray.argtopk(a, 20, largest=largest)
        order = np.argsort(a, kind="stable")
        expected = a[order[::-1][:20] if largest else order[:20]]
        assert_equal(a[places], expected, largest)


@pytest.mark.parametrize("code", "efd")
@pytest.mark.parametrize("function", ["median", "nanmedian"])
def test_a_median_of_numbers_whose_sum_is_too_large_is_one_of_them(function, code):
    great = np.finfo(code).max
    for count in [1, 2, 3, 200_000]:
        for a in [np.full(count, great, code), np.full((count, 2), -great, code)]:
            assert getattr(maparray, function)(a) == a.flat[0]
            assert (getattr(maparray, function)(a, axis=0) == a[0]).all()
    assert getattr(maparray, function)(np.array([np.inf, great], code)) == np.inf


def test_a_share_of_numpys_own_that_is_no_wider_keeps_the_dtype():
    for code, share, expected in [
        ("f", np.float32(0.3), "f"),
        ("f", np.float16(0.3), "f"),
        ("d", np.float32(0.3), "d"),
        ("f", np.float64(0.3), "d"),
        ("i", np.float32(0.3), "d"),
    ]:
        a = np.arange(5).astype(code)
        for name, q in [("quantile", share), ("percentile", 100 * share)]:
            found = getattr(maparray, name)(a, q)
            assert found.dtype == getattr(np, name)(a, q).dtype == expected, (code, share)


def test_a_number_is_an_array_of_one_element_to_argsort_and_running_sums():
    for axis in [0, -1, None]:
        assert_equal(maparray.argsort(np.array(3), axis), np.array([0]), axis)
        for name in ["cumsum", "cumprod", "nancumsum"]:
            assert_equal(getattr(maparray, name)(np.array(3), axis), np.array([3]), axis)
    for wrong in [lambda: maparray.argsort(np.array(3), 1), lambda: maparray.sort(np.array(3))]:
        with pytest.raises(IndexError, match="axis out of bounds"):
            wrong()


@pytest.mark.parametrize("method", ["hazen", "weibull"])
def test_a_method_that_is_not_known_is_refused_with_those_that_are(method):
    with pytest.raises(maparray.ExpressionError, match=f"{method}.*'linear' or 'lower'"):
        maparray.quantile(np.arange(5.0), 0.3, method=method)


@pytest.mark.parametrize("code", [*REAL, "F", "D"])
def test_different_elements_are_those_of_numpy(code):
    for shape in SHAPES:
        if code in "FD":
            array = numbers("b", shape) + 1j * numbers("b", shape, 2).astype(code)
            array = array.astype(code)
        else:
            array = with_nans(numbers(code, shape))
        for a in layouts(array):
            for memory in (None, TINY):
                values, counts = maparray.unique(a, return_counts=True, memory=memory)
                expected, times = np.unique(a, return_counts=True)
                assert_equal(values, expected, ("unique", shape))
                assert_equal(counts, times, ("counts", shape))
                assert_equal(maparray.unique(a, memory=memory), expected, shape)


@pytest.mark.parametrize("code", REAL)
def test_the_greatest_and_the_least_are_the_ends_of_sorted_rows(code):
    for shape in SHAPES:
        for a in layouts(with_nans(numbers(code, shape))):
            for axis in range(a.ndim):
                k = min(5, a.shape[axis])
                rising = np.sort(a, axis)
                least = np.take(rising, range(k), axis)
                last = range(a.shape[axis] - k, a.shape[axis])
                greatest = np.flip(np.take(rising, last, axis), axis)
                for largest, expected in ((True, greatest), (False, least)):
                    found = maparray.topk(a, k, axis, largest=largest)
                    assert_equal(found, expected, ("topk", shape, axis, largest))
                    places = maparray.argtopk(a, k, axis, largest=largest)
                    assert_equal(np.take_along_axis(a, places, axis), expected, ("argtopk", shape))


@pytest.mark.parametrize("code", REAL)
@pytest.mark.parametrize("nans", [False, True])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_quantiles_are_bit_for_bit_those_of_numpy(code, nans):
    methods = ["linear", "lower", "higher", "midpoint", "nearest"]
    for shape in SHAPES[:-1]:
        array = numbers(code, shape)
        if np.dtype(code).kind in "iu":
            # NumPy subtracts integers in their own type, where they wrap.
            array = array // 4
        array = with_nans(array) if nans else array
        for a in layouts(array):
            axes = [None, *range(a.ndim)] + ([(0, 1), (2, 0)] if a.ndim == 3 else [])
            for axis in axes:
                for name in ("median", "nanmedian"):
                    found = getattr(maparray, name)(a, axis, memory=TINY)
                    assert_equal(found, getattr(np, name)(a, axis), (name, shape, axis))
                for method in methods:
                    if code == "?" and method in ("linear", "midpoint"):
                        continue  # NumPy refuses these.
                    for q in (0.3, [0.0, 0.5, 0.77, 1.0], 1):
                        # NumPy computes its nanquantile row by row, slowly.
                        nan_too = method == "linear" or (nans and isinstance(q, list))
                        for name in ("quantile", "nanquantile") if nan_too else ("quantile",):
                            what = (name, shape, axis, method, q)
                            found = getattr(maparray, name)(a, q, axis, method=method)
                            expected = getattr(np, name)(a, q, axis, method=method)
                            assert_equal(found, expected, what)


def test_percentiles_and_kept_axes():
    a = np.arange(24.0).reshape(2, 3, 4)
    for q in (30, [10, 99.5]):
        for axis in (None, 1, (0, 2)):
            expected = np.percentile(a, q, axis, keepdims=True)
            assert_equal(maparray.percentile(a, q, axis, keepdims=True), expected, (q, axis))
            expected = np.nanpercentile(a, q, axis)
            assert_equal(maparray.nanpercentile(a, q, axis), expected, (q, axis))


def test_integers_far_apart_do_not_wrap():
    a = np.array([-128, 127], np.int8)
    assert maparray.quantile(a, 0.5) == -0.5


def test_files_are_sorted_into_files(tmp_path):
    a = np.random.default_rng(3).standard_normal(200_000)
    np.save(tmp_path / "a.npy", a)
    maparray.sort(tmp_path / "a.npy", out=tmp_path / "b.npy", memory=TINY)
    assert_equal(np.load(tmp_path / "b.npy"), np.sort(a), "sort")
    a = a.reshape(400, 500)
    np.save(tmp_path / "a.npy", np.asfortranarray(a))
    maparray.sort(tmp_path / "a.npy", 0, out=tmp_path / "c.npy")
    assert_equal(np.load(tmp_path / "c.npy"), np.sort(a, 0), "sort")
    assert maparray.median(tmp_path / "b.npy") == np.median(a)
