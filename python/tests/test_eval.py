"""Expressions: every operation against the NumPy function of its name, and where results go."""

import io
import itertools
import math
import re
import signal
import threading
import time
import warnings

import numpy as np
import pytest

import maparray
from maparray import _maparray

DTYPES = list("?bBhHiIlLefdFD")
OPERATIONS = {name: arity for name, _aliases, _sign, arity in _maparray.OPERATIONS}
# NumPy has no such function, or one that takes no arrays there; each has a test of its own.
WITHOUT_NUMPY = {"random", "round"}
# The rest must agree to the last bit. These are computed by other libraries than NumPy's.
INEXACT = {
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "power", "cbrt", "hypot"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh"),
    *("arcsinh", "arccosh", "arctanh", "deg2rad", "rad2deg", "angle"),
    *("float_power", "logaddexp", "logaddexp2", "sinc"),
}
INEXACT_COMPLEX = {"absolute", "sqrt"}
ULPS = 4


def edge_values(code):
    """Values at which arithmetic of this dtype goes wrong if it can."""
    dtype = np.dtype(code)
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        values = [0, 1, 2, 3, 5, 7, 31, 100, info.max - 1, info.max, info.min, info.min + 1]
        signed = [-1, -2, -3, -7] if dtype.kind == "i" else []
        return np.array(values + signed, dtype)
    if dtype.kind == "f":
        info = np.finfo(dtype)
        values = [0, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, np.pi, 10, 100.5, np.inf]
        values += [info.max, info.tiny, info.smallest_subnormal, 1 + info.eps]
        return np.array([*values, *(-value for value in values), np.nan], dtype)
    values = [0, -0.0, 0.5, 1, -1, 2.5, -3, 20]
    return np.array([complex(a, b) for a, b in itertools.product(values, values)], dtype)


def assert_agrees(found, expected, exact, what, ulps=ULPS):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype, what
    assert found.shape == expected.shape, what
    if found.dtype.kind in "biu":
        bad = found != expected
    elif exact:
        same = found == expected
        if found.dtype.kind == "f":
            same &= np.signbit(found) == np.signbit(expected)
        bad = ~(same | np.isnan(found) & np.isnan(expected))
    else:
        bad = ~is_near(found, expected, ulps)
    if bad.any():
        places = np.argwhere(bad)[:5]
        shown = [(tuple(i), found[tuple(i)], expected[tuple(i)]) for i in places]
        pytest.fail(f"{what}: {bad.sum()} of {bad.size} differ (place, found, expected): {shown}")


def is_near(found, expected, ulps):
    """Whether numbers agree within some units in the last place, of the modulus if complex."""
    with np.errstate(all="ignore"):
        size = np.abs(expected)
        spacing = np.spacing(np.where(np.isfinite(size), size, 0).astype(size.dtype))
        near = np.abs(found - expected) <= ulps * spacing
    if found.dtype.kind == "c":
        both_odd = ~np.isfinite(found) & ~np.isfinite(expected)
        return near | both_odd
    return near | (found == expected) | (np.isnan(found) & np.isnan(expected))


def numpys(name):
    """NumPy's function; `frexp[1]` is the second result of its `frexp`."""
    name, bracket, half = name.partition("[")
    function = getattr(np, name)
    return (lambda *arrays: function(*arrays)[int(half[0])]) if bracket else function


def call(name, arguments):
    """The text of a call."""
    name, bracket, half = name.partition("[")
    return f"{name}({', '.join(arguments)}){bracket}{half}"


def check(name, arrays):
    """One call of an operation by both."""
    is_complex = any(array.dtype.kind == "c" for array in arrays)
    exact = name not in INEXACT and not (is_complex and name in INEXACT_COMPLEX)
    what = f"{name}({', '.join(array.dtype.name for array in arrays)})"
    names = dict(zip("abc", arrays, strict=False))
    text = call(name, names)
    with np.errstate(all="ignore"):
        try:
            expected = numpys(name)(*arrays)
        except TypeError:
            with pytest.raises(TypeError):
                maparray.eval(text, **names)
            return
        if not exact and expected.dtype == np.complex64:
            # NumPy loses some of its few digits on the way; ours is held to the true answer.
            expected = numpys(name)(*(array.astype("D") for array in arrays)).astype("F")
        if name == "sinc" and expected.dtype == np.float16:
            # It takes several steps, each rounded to half precision.
            expected = np.sinc(arrays[0].astype("f")).astype("e")
        ulps = ULPS
        if name in ("power", "float_power") and is_complex:
            # The angle of the result is that of the logarithm, whose digits it uses up.
            angle = np.nan_to_num(np.abs(arrays[1] * np.log(np.abs(arrays[0]))), posinf=0)
            ulps = ULPS * (1 + angle.astype("d"))
    assert_agrees(maparray.eval(text, **names), expected, exact, what, ulps)


# Every operation


@pytest.mark.parametrize("code", DTYPES)
@pytest.mark.parametrize("name", [n for n, k in OPERATIONS.items() if k == 1])
def test_an_operation_of_one_is_numpys(name, code):
    check(name, [edge_values(code)])


@pytest.mark.parametrize(
    "name", [n for n, k in OPERATIONS.items() if k == 2 and n not in WITHOUT_NUMPY]
)
def test_an_operation_of_two_is_numpys_for_every_pair_of_dtypes(name):
    for left, right in itertools.product(DTYPES, DTYPES):
        a, b = edge_values(left)[:, None], edge_values(right)[None, :]
        if name == "power" and np.result_type(left, right).kind == "i":
            # Both refuse integers to negative powers, looking at each; see the next test.
            b = b[:, b[0] >= 0]
        check(name, [a, b])


def test_integers_to_negative_powers_are_refused_as_in_numpy():
    for exponents in (np.array([2, -1]), -1, np.int8(-2)):
        with pytest.raises(ValueError, match="negative integer powers"):
            np.arange(2) ** exponents
        with pytest.raises(ValueError, match="negative"):
            maparray.eval("a ** n", a=np.arange(2), n=exponents)
    assert maparray.eval("a ** -1", a=np.array([2.0])) == 0.5


@pytest.mark.parametrize("name", [n for n, k in OPERATIONS.items() if k == 3])
def test_an_operation_of_three_is_numpys(name):
    if name == "where":
        for left, right in itertools.product(DTYPES, DTYPES):
            a, b = edge_values(left)[:, None], edge_values(right)[None, :]
            check(name, [np.array([[True], [False]])[:, :, None], a, b])
    else:
        for code in DTYPES:
            a = edge_values(code)
            check(name, [a[:, None, None], a[None, :, None], a[None, None, :]])


def test_every_operation_was_tested():
    known = {n for n in OPERATIONS if hasattr(np, n.partition("[")[0])}
    untested = {n for n, k in OPERATIONS.items() if k > 3 or n not in known}
    assert untested <= WITHOUT_NUMPY


def test_every_ufunc_for_plain_numbers_is_there():
    others = {"isnat", "matmul", "matvec", "vecdot", "vecmat"}
    names = {n for n in dir(np) if isinstance(getattr(np, n), np.ufunc)} - others
    known = set(OPERATIONS).union(*(row[1] for row in _maparray.OPERATIONS))
    assert names <= known | {n.partition("[")[0] for n in known}


@pytest.mark.parametrize("decimals", [0, 1, 3, -1, -2])
@pytest.mark.parametrize("code", [code for code in DTYPES if code != "?"])
def test_rounding_to_decimals_is_numpys(code, decimals):
    a = edge_values(code)
    if a.dtype.kind == "f":
        # NumPy overflows on the way.
        a = a[(abs(a) < np.finfo(code).max / 1000) | ~np.isfinite(a)]
    elif a.dtype.kind in "iu" and decimals < 0:
        # Rounded beyond its range an integer is another one on every machine.
        limits = np.iinfo(code)
        a = a[(a == 0) | (a >= limits.min // 3) & (a <= limits.max // 3)]
    if code == "e":
        expected = np.round(a.astype("f"), decimals).astype("e")
    else:
        expected = np.round(a, decimals)
    found = maparray.eval(f"round(a, {decimals})", a=a)
    assert_agrees(found, expected, True, f"round({code}, {decimals})")
    assert maparray.eval("round(2.675, decimals=1)") == 2.7


def test_dates_and_durations_are_computed_on():
    days = np.array(["2024-02-28", "2024-03-01", "NaT"], "M8[D]")
    hours = np.array([36, -1, 5], "m8[h]")
    for text, expected in [
        ("a + b", days + hours),
        ("a - b", days - hours),
        ("a - c", days - days[::-1]),
        ("a < c", days < days[::-1]),
        ("b * 2", hours * 2),
        ("b / d", hours / np.timedelta64(90, "s")),
        ("isnat(a)", np.isnat(days)),
        ("max(b) - min(b)", hours.max() - hours.min()),
        ("mean(b)", hours.mean()),
    ]:
        given = {"a": days, "b": hours, "c": days[::-1], "d": np.timedelta64(90, "s")}
        given = {name: given[name] for name in set(re.findall(r"\b[a-d]\b", text))}
        found = np.asarray(maparray.eval(text, **given))
        assert found.dtype == np.asarray(expected).dtype, text
        assert found.tobytes() == np.asarray(expected).tobytes(), text
    with pytest.raises(TypeError, match="not defined"):
        maparray.eval("a + a", a=days)


def test_bfloat16_is_that_of_ml_dtypes(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    a = np.array([1.5, -2.25, 3e38, np.nan, 1e-3], ml_dtypes.bfloat16)
    b = np.array([1, 2, 3, 4, 5], "i1")
    doubled = maparray.eval("a * b + 1", a=a, b=b)
    assert doubled.dtype == ml_dtypes.bfloat16
    # One rounding for each operation.
    expected = ((a.astype("f") * b).astype(a.dtype).astype("f") + 1).astype(a.dtype)
    assert np.array_equal(doubled.view("u2"), expected.view("u2"))
    assert maparray.eval("sum(float32(a))", a=a[:2]) == -0.75
    maparray.save(tmp_path / "a.npy", a)
    assert np.array_equal(np.load(tmp_path / "a.npy").view(a.dtype).view("u2"), a.view("u2"))


@pytest.mark.parametrize("left", DTYPES)
def test_isclose_is_numpys(left):
    for right in DTYPES:
        a, b = edge_values(left)[:, None], edge_values(right)[None, :]
        with np.errstate(all="ignore"):
            expected = np.isclose(a, b), np.isclose(a, b, 0.1, 0.5, equal_nan=True)
        found = maparray.eval("isclose(a, b)", a=a, b=b)
        wider = maparray.eval("isclose(a, b, rtol=0.1, atol=0.5, equal_nan=True)", a=a, b=b)
        assert np.array_equal(found, expected[0]), right
        assert np.array_equal(wider, expected[1]), right


def test_functions_with_two_results_give_both():
    a, b = np.array([7.5, -7.5, np.inf, -0.0]), np.array([2, -2, 3, 5])
    with np.errstate(all="ignore"):
        expected_of_divmod = np.divmod(a, b)
    for found, expected in [
        (maparray.divmod(a, b), expected_of_divmod),
        (maparray.frexp(a), np.frexp(a)),
        (maparray.modf(a), np.modf(a)),
    ]:
        assert len(found) == 2
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == other.dtype
            assert np.array_equal(one, other, equal_nan=True)
    with pytest.raises(maparray.ExpressionError, match="two results"):
        maparray.eval("frexp(a)", a=a)


def test_other_names_and_signs_mean_the_same():
    a, b = np.array([7, 8, 9]), np.array([2, 3, 4])
    for name, aliases, sign, arity in _maparray.OPERATIONS:
        given = dict(zip("ab", (a, b)[:arity], strict=False))
        expected = maparray.eval(call(name, given), **given) if arity < 3 else None
        for alias in aliases if arity < 3 else ():
            found = maparray.eval(call(alias, given), **given)
            assert np.array_equal(found, expected, equal_nan=True), alias
        if sign is not None:
            text = f"a {sign} b" if arity == 2 else f"{sign}a"
            assert np.array_equal(maparray.eval(text, **given), expected), sign


def test_random_numbers_follow_the_seed_and_lie_between_0_and_1():
    where = np.arange(100_000)
    drawn = maparray.eval("random(seed, a)", seed=np.int64(3), a=where)
    again = maparray.eval("random(seed, a)", seed=np.int64(3), a=where)
    other = maparray.eval("random(seed, a)", seed=np.int64(4), a=where)
    assert np.array_equal(drawn, again)
    assert not np.array_equal(drawn, other)
    assert 0 <= drawn.min() < 0.001
    assert 0.999 < drawn.max() < 1
    assert abs(drawn.mean() - 0.5) < 0.005


# Numbers of Python's


@pytest.mark.parametrize("number", [True, 0, 1, -1, 300, 2**40, 2**70, 2.5, 1e300, 2 + 1j])
@pytest.mark.parametrize("code", DTYPES)
def test_a_number_adapts_to_the_array_as_in_numpy(code, number):
    a = edge_values(code)
    with np.errstate(all="ignore"):
        try:
            expected = a + number
        except (OverflowError, TypeError):
            with pytest.raises((ValueError, TypeError)):
                maparray.eval("a + n", a=a, n=number)
            return
    assert_agrees(maparray.eval("a + n", a=a, n=number), expected, True, f"{code} + {number}")


def test_a_number_of_numpys_has_its_dtype():
    a = np.arange(3, dtype="f4")
    assert maparray.eval("a * n", a=a, n=np.float64(2)).dtype == np.float64
    assert maparray.eval("a * n", a=a, n=2.0).dtype == np.float32


def test_numbers_alone_are_an_expression():
    assert maparray.eval("1 + 2 * 3") == 7
    assert maparray.eval("n ** 2", n=3) == 9


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
            pytest.fail(f"{text}: NumPy raises {expected}")
        return
    found = np.asarray(ours())
    assert found.dtype == np.asarray(expected).dtype, text
    assert found.shape == np.asarray(expected).shape, text
    # NumPy adds small floats in their own type; ours are held to what float64 gives.
    exact = np.asarray(expected if wide is None else wide)
    if found.dtype.kind in "fc":
        eps = np.finfo(found.dtype).eps
        with np.errstate(all="ignore"):
            near = np.abs(found - exact) <= 8 * eps * np.abs(exact) + 8 * eps
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
    with pytest.raises(ValueError):
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
