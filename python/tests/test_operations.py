"""Operations: each against the NumPy function of its name."""

import itertools
import re

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
        if name in ("logaddexp", "logaddexp2"):
            # A sum whose parts may cancel: its steps are those of its parts.
            size = np.maximum(*map(np.abs, np.broadcast_arrays(*(a.astype("d") for a in arrays))))
            ulps = ULPS * (1 + np.nan_to_num(size / np.abs(expected), posinf=1e300))
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
    ml_dtypes = pytest.importorskip(
        "ml_dtypes", reason="ml_dtypes, which has bfloat16, is not installed"
    )
    a = np.array([1.5, -2.25, 3e38, np.nan, 1e-3], ml_dtypes.bfloat16)
    b = np.array([1, 2, 3, 4, 5], "i1")
    doubled = maparray.eval("a * b + 1", a=a, b=b)
    assert doubled.dtype == ml_dtypes.bfloat16
    # One rounding for each operation.
    with np.errstate(over="ignore"):
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
        if name == "isnat":
            given = {"a": a.astype("M8[s]")}
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
