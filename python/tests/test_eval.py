"""Expressions: reductions against NumPy's, where arrays come from, and where results go."""

import io
import itertools
import math
import signal
import threading
import time
import warnings

import numpy as np
import pytest
from test_operations import DTYPES, edge_values

import maparray
from maparray import _maparray

# Reductions


def axes_of(ndim):
    yield {}
    for axis in range(-1, ndim):
        yield {"axis": axis}
        yield {"axis": axis, "keepdims": True}


@pytest.mark.parametrize("code", DTYPES)
@pytest.mark.parametrize("name", _maparray.REDUCTIONS)
def test_a_reduction_is_numpys(name, code):
    values = edge_values(code)
    if values.dtype.kind == "f":
        # Sums over infinities and overflow are in another test: here their order may matter.
        values = values[np.isfinite(values) & (np.abs(values) < 200)]
    values = np.resize(values, (5, 7, 4))
    for array in (values, np.asfortranarray(values), values[::-1, :, ::2], values.T):
        for options in axes_of(3):
            given = "".join(f", {key}={value}" for key, value in options.items())
            with np.errstate(all="ignore"):
                try:
                    expected = getattr(np, name)(array, **options)
                except TypeError:
                    with pytest.raises(TypeError):
                        maparray.eval(f"{name}(a{given})", a=array)
                    continue
            found = maparray.eval(f"{name}(a{given})", a=array)
            what = f"{name}({array.dtype}{given})"
            assert np.asarray(found).dtype == np.asarray(expected).dtype, what
            if found.dtype.kind in "fc" and name not in ("min", "max"):
                # Ours add in float64 all the way; NumPy does not for small dtypes, so it is asked
                # with large ones.
                with np.errstate(all="ignore"):
                    wide = array.astype("D" if array.dtype.kind == "c" else "d")
                    exact = getattr(np, name)(wide, **options).astype(found.dtype)
                    reach = np.abs(wide).sum() if name in ("sum", "mean") else 0
                    near = 4 * np.finfo(found.dtype).eps * np.abs(exact) + 1e-15 * reach
                    same = (np.abs(found - exact) <= near) | (found == exact)
                assert np.all(same), what
            else:
                assert np.array_equal(found, expected), what


@pytest.mark.parametrize("name", ["min", "max", "argmin", "argmax", "sum", "any"])
def test_a_reduction_meets_nan_and_infinity_as_numpy(name):
    for values in ([1, np.nan, 3], [np.inf, -np.inf, 1], [np.inf, 2, 3], [-0.0, 0.0]):
        with np.errstate(all="ignore"):
            expected = getattr(np, name)(np.array(values))
        assert np.array_equal(maparray.eval(f"{name}(a)", a=values), expected, equal_nan=True)


def test_a_reduction_of_nothing():
    empty = np.empty((0, 3))
    assert maparray.eval("sum(a)", a=empty) == 0
    assert maparray.eval("prod(a, axis=0)", a=empty).tolist() == [1, 1, 1]
    assert np.isnan(maparray.eval("mean(a)", a=empty))
    for name in ("min", "argmax"):
        with pytest.raises(ValueError, match="no elements"):
            maparray.eval(f"{name}(a)", a=empty)


def both(name, array, axis, **more):
    """What NumPy answers, or the class of its error, and a call of ours."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = getattr(np, name)(array, axis=axis, **more)
        except (TypeError, ValueError) as error:
            expected = type(error)
    names = {"where": "m", "initial": "i"}
    given = "".join(f", {key}={names.get(key, value)}" for key, value in more.items())
    arrays = {names[key]: value for key, value in more.items() if key in names}
    text = f"{name}(a, axis={axis}{given})"
    return expected, text, lambda: maparray.eval(text, a=array, **arrays)


def assert_reduces_alike(expected, text, ours, wide=None):
    if isinstance(expected, type):
        with pytest.raises((TypeError, ValueError)):
            ours()
        return
    found = np.asarray(ours())
    assert found.dtype == np.asarray(expected).dtype, text
    assert found.shape == np.asarray(expected).shape, text
    # NumPy adds small floats in their own type; ours are held to what float64 gives.
    exact = np.asarray(expected if wide is None else wide)
    if found.dtype.kind in "fc":
        eps = np.finfo(found.dtype).eps
        with np.errstate(all="ignore"):
            # Down columns NumPy adds one by one, and is some hundred times less exact than ours.
            near = np.abs(found - exact) <= (8 * eps + 1e-12) * np.abs(exact) + 8 * eps
        same = near | (found == exact) | (np.isnan(found) & np.isnan(exact))
        assert np.all(same), (text, found, exact)
    else:
        assert np.array_equal(found, exact), (text, found, exact)


NANS = [name for name in _maparray.REDUCTIONS if hasattr(np, f"nan{name}")]


@pytest.mark.parametrize("code", "?bHiQefdFD")
@pytest.mark.parametrize("name", NANS)
def test_nans_are_left_out_as_numpy_leaves_them_out(name, code):
    random = np.random.default_rng(3)
    for shape, missing in [((40, 33), 0.2), ((7, 1500), 0.01), ((1500, 7), 0.9), ((3, 5), 1.0)]:
        a = (random.integers(0, 40, shape) / (8 if name != "prod" else 20)).astype(code)
        if a.dtype.kind in "fc":
            a[random.random(shape) < missing] = np.nan
        for axis in (None, 0, 1):
            for array in (a, np.asfortranarray(a), a[:, ::-2]):
                expected, text, ours = both(f"nan{name}", array, axis)
                wide = None
                if not isinstance(expected, type) and np.asarray(expected).dtype.kind in "fc":
                    double = array.astype("D" if array.dtype.kind == "c" else "d")
                    wide, _, _ = both(f"nan{name}", double, axis)
                    with np.errstate(all="ignore"):
                        wide = np.asarray(wide).astype(np.asarray(expected).dtype)
                assert_reduces_alike(expected, text, ours, wide)


def test_degrees_of_freedom_of_what_is_not_nan():
    a = np.array([[1, np.nan, 2], [3, np.nan, np.nan], [1, 2, 3]])
    for ddof in (0, 1, 2):
        assert_reduces_alike(*both("nanvar", a, 1, ddof=ddof))
        assert_reduces_alike(*both("nanstd", a, 0, ddof=ddof))


def test_nothing_but_nan_has_no_least_place():
    a = np.array([[np.nan, np.nan], [np.nan, 1]])
    for name in ("nanargmin", "nanargmax"):
        assert maparray.eval(f"{name}(a)", a=a) == 3
        with pytest.raises(ValueError, match="NaN"):
            maparray.eval(f"{name}(a, axis=0)", a=a)
    assert np.isnan(maparray.eval("nanmin(a, axis=1)", a=a)).tolist() == [True, False]
    assert np.isnan(maparray.eval("nanmax(a)", a=a[0]))


@pytest.mark.parametrize("code", "?bHiQefdFD")
@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std", "min", "max", "any", "all"])
def test_a_mask_chooses_elements_as_in_numpy(name, code):
    random = np.random.default_rng(4)
    for shape in [(40, 33), (6, 1500), (1500, 6)]:
        a = (random.integers(0, 40, shape) / (8 if name != "prod" else 20)).astype(code)
        for share in (0, 0.03, 0.5, 0.999, 1):
            for part in (shape, shape[1:], (shape[0], 1)):
                mask = random.random(part) < share
                more = {"where": mask}
                if name in ("min", "max"):
                    more["initial"] = a.dtype.type(1)
                for axis in (None, 0, 1):
                    expected, text, ours = both(name, a, axis, **more)
                    wide = None
                    if np.asarray(expected).dtype.kind in "fc" and name not in ("min", "max"):
                        double = a.astype("D" if a.dtype.kind == "c" else "d")
                        wide, _, _ = both(name, double, axis, **more)
                        with np.errstate(all="ignore"):
                            wide = np.asarray(wide).astype(np.asarray(expected).dtype)
                    assert_reduces_alike(expected, text, ours, wide)


def test_a_mask_must_be_bools_that_fit():
    a = np.ones((2, 3))
    with pytest.raises((TypeError, ValueError), match="bool"):
        maparray.eval("sum(a, where=m)", a=a, m=np.ones((2, 3), "i4"))
    with pytest.raises(ValueError, match="broadcast"):
        maparray.eval("sum(a, where=m)", a=a, m=np.ones((4, 2, 3), "?"))
    for name in ("min", "nanmax"):
        with pytest.raises(ValueError, match="initial"):
            maparray.eval(f"{name}(a, where=a > 0)", a=a)
    assert maparray.eval("sum(a, where=True)", a=a) == 6
    assert maparray.eval("nansum(a, where=a < 0)", a=a) == 0


@pytest.mark.parametrize("code", "?bHiQefdFD")
@pytest.mark.parametrize("name", ["sum", "prod", "min", "max"])
def test_an_initial_number_takes_part_as_in_numpy(name, code):
    a = np.array([[3, 1, 2], [5, 0, 7]]).astype(code)
    for array in (a, a[:0]):
        for initial in (0, 2, 1.5, 100, True):
            for axis in (None, 0):
                with np.errstate(all="ignore"):
                    expected = getattr(np, name)(array, axis=axis, initial=initial)
                text = f"{name}(a, axis={axis}, initial={initial})"
                assert_reduces_alike(expected, text, lambda: maparray.eval(text, a=array))  # noqa: B023
    if code in "efd":
        b = np.array([np.nan, np.nan])
        assert maparray.eval("nanmin(b, initial=5)", b=b) == np.nanmin(b, initial=5)
        assert np.isnan(maparray.eval("min(b, initial=5)", b=b))


def test_the_distance_of_the_extremes():
    for a in (np.arange(12.0).reshape(3, 4) ** 2, np.array([[-100, 100]], "i1"), [[np.nan, 1]]):
        for axis in (None, 0, 1):
            expected = np.ptp(a, axis=axis)
            found = maparray.eval(f"ptp(a, axis={axis})", a=np.asarray(a))
            assert np.array_equal(found, expected, equal_nan=True)


def test_degrees_of_freedom():
    a = np.random.default_rng(1).normal(size=(50, 3))
    for name in ("var", "std"):
        expected = getattr(np, name)(a, axis=0, ddof=1)
        assert np.allclose(maparray.eval(f"{name}(a, axis=0, ddof=1)", a=a), expected, rtol=1e-14)


def test_the_answer_does_not_depend_on_the_number_of_threads():
    a = np.random.default_rng(1).normal(size=3_000_001).astype("f4")
    answers = {maparray.eval("sum(a * a)", a=a, threads=n).tobytes() for n in (1, 2, 3, 8)}
    assert len(answers) == 1


# Where arrays come from


def test_files_maps_containers_and_lists_are_arrays(tmp_path):
    path = tmp_path / "a.npy"
    a = np.arange(5.0)
    np.save(path, a)
    for argument in (
        a,
        path,
        str(path),
        maparray.open(path),
        maparray.load(path, mmap_mode="r"),
        np.load(path, mmap_mode="c"),
        [0, 1.0, 2, 3, 4],
        a.astype(">f8"),
        np.arange(10.0)[::2] / 2,
        np.arange(4.0, -1, -1)[::-1],
    ):
        assert maparray.eval("a * 2", a=argument).tolist() == [0, 2, 4, 6, 8]


def test_misaligned_elements_are_read():
    record = np.zeros(3, dtype=[("pad", "u1"), ("x", "f8")])
    record["x"] = [1, 2, 3]
    assert maparray.eval("x + 1", x=record["x"]).tolist() == [2, 3, 4]


def test_shapes_broadcast():
    a, b = np.arange(3.0)[:, None], np.arange(4.0)
    assert np.array_equal(maparray.eval("a * 10 + b", a=a, b=b), a * 10 + b)
    wide = np.broadcast_to(np.float64(2), (1000, 1000))
    assert maparray.eval("sum(a)", a=wide) == 2_000_000


def test_a_text_expression_over_large_arrays():
    random = np.random.default_rng(1)
    a, b = random.normal(size=(700, 900)), random.normal(size=(700, 900)).astype("f4")
    assert np.array_equal(maparray.eval("a*0.5 + b", a=a, b=b), a * 0.5 + b)
    expected = np.mean((a - b) ** 2)
    assert np.isclose(maparray.eval("mean((a-b)**2)", a=a, b=b), expected, rtol=1e-14)
    assert np.array_equal(maparray.eval("where(a > 0, a, -b)", a=a, b=b), np.where(a > 0, a, -b))


def test_a_masked_array_is_refused_since_its_mask_would_be_lost(tmp_path):
    masked = np.ma.masked_array([1.0, 2.0, 3.0], mask=[False, True, False])
    uses = [
        lambda: maparray.eval("sum(x)", x=masked),
        lambda: maparray.eval("x + 1", x=np.arange(3.0), out=masked),
        lambda: maparray.save(tmp_path / "x.npy", masked),
        lambda: maparray.save(io.BytesIO(), masked),
        lambda: _maparray.save(tmp_path / "x.npy", masked),
    ]
    for use in uses:
        with pytest.raises(maparray.UnsupportedError, match="mask would be lost"):
            use()
    assert masked.tolist() == [1, None, 3]
    assert masked.data.tolist() == [1, 2, 3]
    assert list(tmp_path.iterdir()) == []
    assert maparray.eval("sum(x)", x=masked.data) == 6


# Where results go


def test_without_out_the_result_is_an_array_of_its_own():
    a = np.arange(6.0).reshape(2, 3)
    result = maparray.eval("a + 1", a=a)
    assert type(result) is np.ndarray
    assert result.flags.owndata
    assert result.flags.c_contiguous
    assert maparray.eval("a + 1", a=np.asfortranarray(a)).flags.f_contiguous


def test_a_result_without_axes_is_a_numpy_scalar():
    assert type(maparray.eval("sum(a)", a=np.arange(3))) is np.int64
    assert type(maparray.eval("a + 1", a=np.float32(1))) is np.float32


def test_out_takes_the_result_in_place(tmp_path):
    a = np.arange(6.0)
    out = np.zeros(6, "f4")
    assert maparray.eval("a + 1", a=a, out=out) is out
    assert out.tolist() == [1, 2, 3, 4, 5, 6]
    strided = np.zeros(12)[::-2]
    maparray.eval("a + 1", a=a, out=strided)
    assert strided.tolist() == [1, 2, 3, 4, 5, 6]
    mapped = maparray.memmap(tmp_path / "m", dtype=">f8", mode="w+", shape=6)
    maparray.eval("a + 1", a=a, out=mapped)
    assert np.fromfile(tmp_path / "m", ">f8").tolist() == [1, 2, 3, 4, 5, 6]
    with maparray.create(tmp_path / "c.npy", shape=6) as container:
        maparray.eval("a + 1", a=a, out=container)
    assert np.load(tmp_path / "c.npy").tolist() == [1, 2, 3, 4, 5, 6]


def test_out_may_be_an_input_even_shifted():
    a = np.arange(200_000.0)
    expected = a + 1
    maparray.eval("a + 1", a=a, out=a)
    assert np.array_equal(a, expected)
    expected = a[:-1] * 2
    maparray.eval("a * 2", a=a[:-1], out=a[1:])
    assert np.array_equal(a[1:], expected)
    expected = a[::-1].copy()
    maparray.eval("a", a=a[::-1], out=a)
    assert np.array_equal(a, expected)


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_out_as_a_path_makes_a_file(tmp_path, kind):
    path = tmp_path / "out.npy"
    result = maparray.eval("a + 1", a=np.arange(4, dtype="i2"), out=kind(path))
    assert isinstance(result, maparray.MemMapArray)
    assert result.mode == "r"
    assert np.load(path).tolist() == [1, 2, 3, 4]
    assert path.read_bytes() == saved(np.arange(1, 5, dtype="i2"), tmp_path)


def test_out_may_replace_the_file_that_is_read(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(100_000.0))
    maparray.eval("a + 1", a=path, out=path)
    assert np.array_equal(np.load(path), np.arange(1.0, 100_001))
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npy"]


def saved(array, folder):
    np.save(folder / "expected.npy", array)
    return (folder / "expected.npy").read_bytes()


def test_out_may_be_a_view_of_the_file_that_is_read(tmp_path):
    path = tmp_path / "s.npy"
    expected = np.arange(300_000.0)[::-1] * 2
    sources = [
        lambda: path,
        lambda: maparray.open(path),
        lambda: maparray.open(path).view(),
        lambda: maparray.load(path, mmap_mode="r"),
        lambda: read_only(maparray.load(path, mmap_mode="r+")),
    ]
    targets = [
        lambda: maparray.load(path, mmap_mode="r+")[::-1],
        lambda: maparray.open(path, "r+")[::-1],
        lambda: maparray.load(path, mmap_mode="r+").view(np.ndarray)[::-1],
    ]
    for source, target in itertools.product(sources, targets):
        np.save(path, np.arange(300_000.0))
        out = target()
        maparray.eval("y * 2", y=source(), out=out)
        assert np.array_equal(out, expected[::-1])
        assert np.array_equal(np.load(path), expected)


def read_only(array):
    array.flags.writeable = False
    return array


def test_out_keeps_a_private_copy_private(tmp_path):
    path = tmp_path / "s.npy"
    np.save(path, np.arange(300_000.0))
    out = maparray.load(path, mmap_mode="c")
    maparray.eval("y * 2", y=path, out=out[::-1])
    assert np.array_equal(out, np.arange(300_000.0)[::-1] * 2)
    assert np.load(path)[1] == 1


def test_a_view_that_is_read_only_is_no_out(tmp_path):
    path = tmp_path / "s.npy"
    np.save(path, np.arange(3.0))
    for array in (maparray.load(path, mmap_mode="r+"), maparray.open(path, "r+").view()):
        with pytest.raises(maparray.ReadOnlyError):
            maparray.eval("y * 2", y=path, out=read_only(array))
    assert np.load(path).tolist() == [0, 1, 2]


def test_a_container_stays_open_while_its_views_are_computed_with(tmp_path):
    path = tmp_path / "s.npy"
    np.save(path, np.arange(8_000_000.0))
    array, raised = maparray.open(path), []
    names = {"y": array.view()}
    thread = threading.Thread(target=lambda: maparray.eval("sum(sin(cos(y)))", **names))
    thread.start()
    time.sleep(0.01)
    names.clear()
    while thread.is_alive() and not raised:
        try:
            array.close()
            break
        except BufferError as error:
            raised.append(error)
    thread.join()
    assert raised
    array.close()


# The interpreter meanwhile


@pytest.fixture
def huge(tmp_path):
    """An array of 32 GiB that takes no space."""
    path = tmp_path / "huge.npy"
    maparray.create(path, shape=1 << 32, dtype="f8", allocate="sparse").close()
    return path


def test_ctrl_c_stops_a_long_computation_and_leaves_no_litter(huge):
    def press(_signal, _frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, press)
    started = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            maparray.eval("sum(exp(a))", a=huge)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - started < 5
    assert [entry.name for entry in huge.parent.iterdir()] == ["huge.npy"]


def test_an_exception_of_a_signal_handler_is_raised_as_it_is(tmp_path):
    def complain(_signal, _frame):
        raise LookupError("from the handler")

    a = np.ones(8_000_000)
    text = "sin(exp(sin(exp(sin(exp(sin(exp(a))))))))"
    before = signal.signal(signal.SIGALRM, complain)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(LookupError, match="from the handler"):
            maparray.eval(text, a=a, out=tmp_path / "result.npy", threads=1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert list(tmp_path.iterdir()) == []


def test_other_threads_run_while_one_computes():
    a = np.ones(4_000_000)
    counted = 0
    done = threading.Event()

    def compute():
        maparray.eval("sum(sin(a) * cos(a) + exp(-a) + log1p(a))", a=a, threads=1)
        done.set()

    thread = threading.Thread(target=compute)
    thread.start()
    while not done.is_set():
        counted += 1
        time.sleep(0.001)
    thread.join()
    assert counted > 5


def test_an_array_that_is_computed_on_cannot_be_closed(tmp_path):
    array = maparray.create(tmp_path / "a.npy", shape=1 << 23, allocate="sparse")
    refusals = []

    def close_it(_signal, _frame):
        try:
            array.close()
        except BufferError as refusal:
            refusals.append(refusal)

    before = signal.signal(signal.SIGALRM, close_it)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        # Handlers run on this thread, in the middle of the computation.
        assert maparray.eval("sum(sin(exp(sin(exp(sin(a))))))", a=array, threads=1) > 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(refusals) == 1
    array.close()


def test_threads_and_memory_can_be_limited():
    a = np.arange(1_000_000.0)
    result = maparray.eval("a + 1", a=a, threads=1, memory=1 << 20)
    assert result[-1] == 1_000_000


def test_strict_functions_are_those_of_the_c_library():
    a = np.linspace(-3.0, 3.0, 1001)
    strict = maparray.eval("sin(a)", a=a, strict=True)
    assert strict.tolist() == [math.sin(x) for x in a]
    np.testing.assert_array_max_ulp(maparray.eval("sin(a)", a=a), strict, maxulp=2)
