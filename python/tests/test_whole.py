"""Functions over whole arrays against the NumPy functions of their names."""

import warnings

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import maparray

DTYPES = list("?bBhHiIlLefdFD")
REAL = list("?bBhHiIlLefd")
SHAPES = [(0,), (1,), (40_000,), (3, 5), (9, 2, 2000), (2, 20_000), (20_000, 3), (5, 0, 3)]


def numbers(code, shape, seed=0):
    random = np.random.default_rng(seed)
    least = 0 if np.dtype(code).kind in "bu" else -9
    values = random.integers(least, 9, shape)
    if np.dtype(code).kind == "c":
        values = values + 1j * random.integers(least, 9, shape)
    return values.astype(code)


def layouts(array):
    yield array
    yield np.asfortranarray(array)
    yield array.T[::-1]
    yield array.astype(array.dtype.newbyteorder(">"))


def assert_agrees(found, expected, what, tolerance=1e-5):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, what
    assert found.dtype == expected.dtype.newbyteorder("="), what
    if found.dtype.kind in "biu":
        assert np.array_equal(found, expected), what
    else:
        assert np.allclose(found, expected, tolerance, tolerance, equal_nan=True), what


@pytest.mark.parametrize("code", DTYPES)
def test_running_sums_and_differences_are_those_of_numpy(code):
    for shape in SHAPES:
        if code == "e" and np.prod(shape) > 1000:
            continue  # NumPy adds halves as halves.
        for a in layouts(numbers(code, shape)):
            for axis in [None, *range(-1, a.ndim)]:
                found = maparray.cumsum(a, axis, threads=1 + a.ndim % 2)
                assert_agrees(found, np.cumsum(a, axis), ("cumsum", shape, axis))
                if axis is None:
                    continue
                for n in (0, 1, 3) if axis == 0 else (2,):
                    found = maparray.diff(a, n, axis)
                    assert_agrees(found, np.diff(a, n, axis), ("diff", shape, n, axis))


@pytest.mark.parametrize("code", DTYPES)
def test_running_products_are_those_of_numpy(code):
    for shape in SHAPES:
        a = numbers(code, shape)
        a = np.where(np.abs(a) > 4, 1, np.sign(a)).astype(code) if a.dtype.kind != "b" else a
        for axis in [None, *range(a.ndim)]:
            assert_agrees(maparray.cumprod(a, axis), np.cumprod(a, axis), (shape, axis))


def test_a_running_sum_takes_a_dtype_and_leaves_out_what_is_no_number():
    a = np.arange(1000, dtype=np.int16)
    assert_agrees(maparray.cumsum(a, dtype=np.int8), np.cumsum(a, dtype=np.int8), "int8")
    assert_agrees(maparray.cumsum(a, dtype="f4"), np.cumsum(a, dtype="f4"), "f4")
    a = np.random.default_rng(1).normal(size=100_000)
    a[::7] = np.nan
    assert_agrees(maparray.nancumsum(a), np.nancumsum(a), "nancumsum")
    a[:] = 1.0
    a[5] = np.nan
    assert_agrees(maparray.nancumprod(a), np.nancumprod(a), "nancumprod")


def test_a_running_sum_of_singles_is_more_exact_than_that_of_numpy():
    a = np.random.default_rng(2).random(1_000_000, dtype=np.float32)
    exact = np.cumsum(a, dtype=np.float64)
    error = np.abs(maparray.cumsum(a) - exact).max()
    assert error <= np.spacing(np.float32(exact[-1]))
    assert error < np.abs(np.cumsum(a) - exact).max()


def test_a_running_sum_does_not_depend_on_threads_and_never_decreases():
    a = np.random.default_rng(3).lognormal(size=500_000)
    found = [maparray.cumsum(a, threads=threads) for threads in (1, 2, 3, 8)]
    assert all(np.array_equal(found[0], other) for other in found)
    assert (np.diff(found[0]) >= 0).all()


@pytest.mark.parametrize("code", DTYPES)
def test_moving_windows_are_those_of_a_sliding_window_view(code):
    shapes = [(5,), (300,), (7, 9), (300, 7), (6, 2, 70)]
    shapes += [(2, 20_000), (20_000, 3)] if code in "hdD" else []
    for shape in shapes:
        for a in layouts(numbers(code, shape)):
            for axis in range(a.ndim):
                for window in (1, 3, 100):
                    if window > a.shape[axis] or window * a.size > 1_000_000:
                        continue
                    view = sliding_window_view(a, window, axis)
                    names = ["sum", "mean"]
                    names += ["min", "max", "var", "std"] if a.dtype.kind != "c" else []
                    for name in names:
                        if code == "e" and name in ("sum", "mean", "var", "std"):
                            continue  # NumPy adds halves as halves.
                        found = getattr(maparray, f"rolling_{name}")(a, window, axis)
                        expected = getattr(view, name)(-1)
                        assert_agrees(found, expected, (name, shape, axis, window))


def test_a_window_forgets_what_is_not_finite():
    a = np.random.default_rng(4).normal(size=100)
    a[20], a[50], a[70] = np.inf, np.nan, -np.inf
    view = sliding_window_view(a, 7)
    with np.errstate(invalid="ignore"):
        for name in ("sum", "mean", "min", "max", "std"):
            found = getattr(maparray, f"rolling_{name}")(a, 7)
            assert_agrees(found, getattr(view, name)(-1), name)
    found = maparray.rolling_std(a[:15], 5, ddof=1)
    assert_agrees(found, sliding_window_view(a[:15], 5).std(-1, ddof=1), "ddof")


def test_a_moving_mean_does_not_drift():
    a = np.full(1_000_000, 0.1)
    a[10] = 1e16
    found = maparray.rolling_mean(a, 5)
    assert (found[20:] == (0.1 + 0.1 + 0.1 + 0.1 + 0.1) / 5).all()


@pytest.mark.parametrize("code", REAL)
@pytest.mark.filterwarnings("ignore")
def test_histograms_are_those_of_numpy(code):
    random = np.random.default_rng(5)
    for count in (0, 1, 10, 1000, 200_001 if code in "hfd" else 100):
        a = random.normal(size=count).astype(code) if code in "fd" else numbers(code, (count,))
        for bins in (1, 3, 10, 1000):
            for limits in (None, (0, 5), (-2.5, 3.3)):
                what = (count, bins, limits)
                try:
                    expected, edges = np.histogram(a, bins, limits)
                except ValueError:
                    with pytest.raises(ValueError, match="bins"):
                        maparray.histogram(a, bins, limits)
                    continue
                found, found_edges = maparray.histogram(a, bins, limits)
                if code != "?":
                    assert_agrees(found_edges, edges, what, 0)
                assert_agrees(found, expected, what)
                found = maparray.eval(f"histogram(a, {bins}, range={limits})", a=a)
                assert_agrees(found, expected, what)
                found, _ = maparray.histogram(a, bins, limits, density=True)
                assert_agrees(found, np.histogram(a, bins, limits, density=True)[0], what)
                for weight in "ifdD" if count and code != "?" else "":
                    w = numbers(weight, (count,), 1)
                    found, _ = maparray.histogram(a, bins, limits, weights=w)
                    expected, _ = np.histogram(a, bins, limits, weights=w)
                    assert_agrees(found, expected, (weight, *what), 1e-4)
        edges = np.array([-3.0, -1, -1, 0, 2.5, 4])
        found, found_edges = maparray.histogram(a, edges)
        assert_agrees(found, np.histogram(a, edges)[0], count)
        assert found_edges is edges


def test_a_histogram_of_what_is_not_finite_needs_a_range():
    a = np.array([1.0, np.nan, np.inf])
    with pytest.raises(ValueError, match="finite"):
        maparray.histogram(a)
    assert maparray.histogram(a, 2, (0, 2))[0].tolist() == [0, 1]
    with pytest.raises(ValueError, match="bins"):
        maparray.histogram(a, "auto")
    with pytest.raises(ValueError, match="ascending"):
        maparray.histogram(a, [3, 2, 1])


@pytest.mark.parametrize("code", DTYPES)
def test_products_of_matrices_are_those_of_numpy(code):
    pairs = [
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (3, 2)),
        ((2, 3), (3, 4)),
        ((300, 200), (200, 150)),
        ((5, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)),
        ((4, 1, 2, 3), (5, 3, 2)),
        ((0, 3), (3, 2)),
        ((2, 0), (0, 2)),
        ((130, 1100), (1100, 140)),
    ]
    for left, right in pairs:
        if code == "e" and left[-1] > 100:
            continue  # NumPy adds halves as halves.
        for a in layouts(numbers(code, left)):
            if a.shape != left:
                continue
            for b in (numbers(code, right), np.asfortranarray(numbers(code, right))):
                assert_agrees(maparray.eval("a @ b", a=a, b=b), a @ b, ("@", left, right))
                assert_agrees(maparray.matmul(a, b), np.matmul(a, b), ("matmul", left, right))
                assert_agrees(maparray.dot(a, b), np.dot(a, b), ("dot", left, right))


def test_matrices_must_fit_together():
    a = np.ones((2, 3))
    with pytest.raises(ValueError, match="fit together"):
        maparray.matmul(a, a)
    with pytest.raises(ValueError, match="axis"):
        maparray.matmul(a, 2.0)
    assert np.array_equal(maparray.dot(a, 2.0), np.dot(a, 2.0))


def test_results_go_to_files_and_arrays(tmp_path):
    a = np.random.default_rng(6).normal(size=(500, 300))
    np.save(tmp_path / "a.npy", a)
    saved = maparray.cumsum(tmp_path / "a.npy", axis=0, out=tmp_path / "c.npy")
    assert_agrees(saved, np.cumsum(a, 0), "file")
    assert_agrees(np.load(tmp_path / "c.npy"), np.cumsum(a, 0), "file")
    out = np.empty((500, 300), np.float32, order="F")
    assert maparray.cumsum(a, 1, out=out) is out
    assert_agrees(out, np.cumsum(a, 1).astype("f4"), "other dtype and order")
    maparray.cumsum(a, 1, out=a)
    assert_agrees(a, np.cumsum(np.load(tmp_path / "a.npy"), 1), "in place")
    b = np.arange(9.0).reshape(3, 3)
    maparray.matmul(b, b, out=b)
    assert_agrees(b, np.matmul(*[np.arange(9.0).reshape(3, 3)] * 2), "in place")


def test_functions_stand_inside_expressions():
    a, b = np.arange(12.0).reshape(3, 4), np.arange(4.0)
    found = maparray.eval("sum(diff(a * 2, axis=0) @ b) + mean(cumsum(b))", a=a, b=b)
    assert found == (np.diff(a * 2, axis=0) @ b).sum() + np.cumsum(b).mean()
    with pytest.raises(ValueError, match="on top"):
        maparray.eval("unique(a) + 1", a=a)


def test_little_memory_is_enough(tmp_path):
    a = np.random.default_rng(7).normal(size=(2000, 4096))
    np.save(tmp_path / "a.npy", a)
    path, memory = tmp_path / "a.npy", 4 << 20
    for function, arguments in [
        ("cumsum", {"axis": 0}),
        ("cumsum", {"axis": 1}),
        ("diff", {"axis": 0}),
        ("rolling_mean", {"window": 20, "axis": 0}),
        ("rolling_std", {"window": 20, "axis": 1}),
    ]:
        given = getattr(maparray, function)(path, **arguments)
        little = getattr(maparray, function)(
            path, **arguments, memory=memory, out=tmp_path / "o.npy"
        )
        assert np.array_equal(little, given), function
    product = maparray.matmul(path, a[:300].T, memory=memory, out=tmp_path / "o.npy")
    assert_agrees(product, a @ a[:300].T, "matmul")
    with pytest.raises(ValueError, match="window"):
        maparray.rolling_mean(a.ravel(), 500_000, memory=1 << 16)


@pytest.mark.parametrize("code", "bBhilL?")
def test_nan_functions_skip_nan_before_they_cast_to_integers(code):
    for a in [
        np.array([np.nan, 1, 2, np.nan, 3], "e"),
        np.array([[np.nan, 1], [2, np.nan]]),
        np.array([np.nan, 2, 1j + 1], "F"),
    ]:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in ["nansum", "nanprod"]:
                expected = getattr(np, name)(a, dtype=code)
                text = f"{name}(a, dtype='{np.dtype(code).name}')"
                assert maparray.eval(text, a=a) == expected, text
                masked = f"{name}(a, dtype='{np.dtype(code).name}', where=a != 2)"
                clean = np.where(np.isnan(a), 0 if name == "nansum" else 1, a).astype(code)
                plain = getattr(np, name[3:])(clean, dtype=code, where=a != 2)
                assert maparray.eval(masked, a=a) == plain, masked
            for name in ["nancumsum", "nancumprod"]:
                expected = getattr(np, name)(a, dtype=code)
                found = getattr(maparray, name)(a, dtype=code)
                assert_agrees(found, expected, (name, code, a))


def test_running_sums_and_products_of_bools_are_or_and_and():
    for a in [np.array([1, -1, 0]), np.array([0.25, 0]), np.array([0, 0, 3, 0] * 30_000, "u1")]:
        for name in ["cumsum", "cumprod"]:
            expected = getattr(np, name)(a, dtype=bool)
            assert_agrees(getattr(maparray, name)(a, dtype=bool), expected, name)
