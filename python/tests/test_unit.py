"""Containers with a unit: what they carry and what comes out, with astropy and without."""

import copy
import operator
import pickle
import subprocess
import sys
import textwrap

import astropy.units as u
import numpy as np
import pytest
from astropy.units import imperial

import maparray
from maparray import EmptyDataError, MemMapArray, UnitError

DATA = np.array([[1.0, 4.0], [9.0, 2.5]])


@pytest.fixture(params=["in memory", "mapped"])
def m(request, tmp_path):
    """A frame in adu, in memory or mapped."""
    path = tmp_path / "frame.npy"
    return MemMapArray(DATA, path, unit="adu", memmap=request.param == "mapped")


def same(found, expected):
    """Found is what a Quantity is, with the numbers and the unit of this one."""
    if isinstance(expected, u.Quantity):
        assert found.unit == expected.unit
        if expected.unit != u.dimensionless_unscaled and expected.ndim == 0:
            assert isinstance(found, u.Quantity)
        expected = expected.value
    elif isinstance(found, MemMapArray):
        assert found.unit is u.dimensionless_unscaled
    if np.ndim(expected):
        assert isinstance(found, (MemMapArray, u.Quantity))
    found = np.asarray(found)
    assert found.dtype == np.asarray(expected).dtype
    np.testing.assert_array_equal(found, expected)


# What the container of astropop promised


def test_the_unit_is_said_when_it_is_made():
    assert MemMapArray(DATA, unit="adu").unit is u.adu
    assert MemMapArray(DATA, unit=u.adu).unit is u.adu
    assert MemMapArray(DATA, unit=maparray.Unit("adu")).unit is u.adu
    assert MemMapArray(DATA, unit=None).unit is u.dimensionless_unscaled
    assert MemMapArray().unit is u.dimensionless_unscaled
    assert MemMapArray(unit="adu").unit is u.adu
    assert MemMapArray(DATA * u.s).unit is u.s
    assert MemMapArray(MemMapArray(DATA, unit="s")).unit is u.s


@pytest.mark.parametrize("unit", ["s", "adu", u.s])
def test_data_with_a_unit_take_no_second_one(unit):
    with pytest.raises(ValueError, match="expected one of them"):
        MemMapArray(DATA * u.s, unit=unit)


@pytest.mark.parametrize("unit", ["gibberish", "adu adu adu /", u.ABmag, "mag(AB)"])
def test_what_is_no_unit_is_refused(unit):
    with pytest.raises(ValueError, match="unit"):
        MemMapArray(DATA, unit=unit)
    ours = MemMapArray(DATA, unit="s")
    with pytest.raises(ValueError, match="unit"):
        ours.set_unit(unit)
    assert ours.unit is u.s
    with pytest.raises(TypeError, match="expected str"):
        ours.set_unit(5)


def test_the_unit_cannot_be_assigned_but_set(m):
    with pytest.raises(AttributeError):
        m.unit = "s"
    m.set_unit("s")
    assert m.unit is u.s
    m.set_unit()
    assert m.unit is u.dimensionless_unscaled
    np.testing.assert_array_equal(m, DATA)


def test_other_data_bring_a_unit_or_keep_the_old_one(m):
    m.reset_data([1, 2])
    assert (m.unit, m.dtype) == (u.adu, np.int64)
    m.reset_data([1, 2] * u.s)
    assert m.unit is u.s
    m.reset_data([1, 2], "m", "f4")
    assert (m.unit, m.dtype) == (u.m, np.float32)
    m.reset_data([1, 2] * u.s, "s")
    for unit in ("m", u.m):
        with pytest.raises(ValueError, match="unit: found"):
            m.reset_data([7] * u.s, unit=unit)
    same(m, [1.0, 2.0] * u.s)
    if m.memmap:
        assert maparray.open(m.filename).unit is u.s
    m.reset_data(None)
    assert m.empty
    assert m.unit is u.dimensionless_unscaled
    with pytest.raises(EmptyDataError):
        m + 1 * u.s


# What comes out: the table "expression -> ours"

SECONDS = 2 * u.s


@pytest.mark.parametrize(
    "work",
    [
        lambda m: m + m,
        lambda m: -m,
        abs,
        lambda m: m.T,
        lambda m: m[0:2],
        lambda m: m[:, 1],
        lambda m: m[m > 3 * u.adu],
        lambda m: m[0, 1],
        lambda m: m.copy(),
        lambda m: m.reshape(4),
        lambda m: m.sum(),
        lambda m: m.sum(axis=0),
        lambda m: m.sum(axis=1, keepdims=True),
        lambda m: m.mean(),
        lambda m: m.var(),
        lambda m: m.std(axis=0),
        lambda m: m.argmax(),
        lambda m: m * SECONDS,
        lambda m: SECONDS * m,
        lambda m: m * u.s,
        lambda m: u.s * m,
        lambda m: m / u.s,
        lambda m: u.s / m,
        lambda m: m + 1 * u.adu,
        lambda m: 1 * u.adu + m,
        lambda m: m == m,
        lambda m: m <= 4 * u.adu,
        lambda m: m * 2,
        lambda m: 2 / m,
        lambda m: m**2,
        lambda m: m**0.5,
        lambda m: m / m,
        lambda m: m // (2 * u.adu),
        lambda m: m % (2 * u.adu),
        lambda m: divmod(m, 2 * u.adu)[0],
        lambda m: divmod(m, 2 * u.adu)[1],
        lambda m: m @ m,
        lambda m: m.dot(m),
        lambda m: m + 0,
        lambda m: np.inf > m,
        np.sqrt,
        # The last bit of NumPy's cube roots depends on the machine.
        lambda m: np.round(np.cbrt(m), 12),
        np.square,
        np.reciprocal,
        np.sign,
        np.isfinite,
        lambda m: np.maximum(m, 3 * u.adu),
        lambda m: np.hypot(m, m),
        lambda m: np.arctan2(m, m),
        lambda m: np.sin(m * (u.deg / u.adu)),
        lambda m: np.sum(m, axis=0),
        np.mean,
        np.max,
        np.ptp,
        np.median,
        np.var,
        lambda m: np.add.reduce(m, axis=1),
        np.add.accumulate,
        lambda m: np.multiply.outer(m, m),
        lambda m: np.concatenate([m, m]),
        lambda m: np.where(m > 3 * u.adu, m, 0 * u.adu),
        lambda m: np.clip(m, 2 * u.adu, 5 * u.adu),
        lambda m: m.clip(2 * u.adu, 5 * u.adu),
        lambda m: m.cumsum(),
        lambda m: m.cumsum(axis=1),
        lambda m: m.max(axis=0),
        lambda m: m.min(initial=0.5 * u.adu),
        lambda m: m.round(),
        lambda m: m.real,
        lambda m: m.ravel(),
        lambda m: m.flatten("F"),
        lambda m: m.transpose(),
        lambda m: m.swapaxes(0, 1),
        lambda m: m.squeeze(),
        lambda m: m.diagonal(),
        lambda m: m.trace(),
        lambda m: m.repeat(2),
        lambda m: m.take([0, 3]),
        lambda m: m.take([1], axis=1),
        lambda m: m.compress([True, False], axis=0),
        lambda m: m.astype("f4"),
        lambda m: m.conj(),
        lambda m: m.item(2),
        lambda m: m.item(1, 0),
        lambda m: m.argsort(axis=0),
        lambda m: m.nonzero()[0],
        lambda m: m.ravel().searchsorted(2 * u.adu),
        lambda m: (2 * u.adu) in m,
        copy.copy,
        copy.deepcopy,
        lambda m: next(iter(m)),
        lambda m: next(iter(m[0])),
        lambda m: m.to("kadu") if hasattr(m, "reset_data") else m.to(u.kadu),
    ],
)
def test_what_comes_out_is_what_a_quantity_gives(m, work):
    same(work(m), work(DATA * u.adu))


@pytest.mark.parametrize(
    "work",
    [
        lambda m: m + 1,
        lambda m: 2 + m,
        lambda m: np.ones(2) + m,
        lambda m: m + SECONDS,
        lambda m: m < 1,
        lambda m: m == SECONDS,
        np.sin,
        np.exp,
        lambda m: 2**m,
        lambda m: m**m,
        lambda m: m.prod(),
        lambda m: m.cumprod(),
        float,
        lambda m: float(m[0, 0:1]),
        lambda m: m.clip(1, 2),
        lambda m: m.fill(1),
        lambda m: m.put([0], [1]),
        lambda m: m.itemset(0, 1),
        lambda m: operator.setitem(m, 0, 1),
        lambda m: operator.setitem(m, 0, SECONDS),
        lambda m: operator.iadd(m, 1),
        lambda m: operator.iadd(m, SECONDS),
        lambda m: np.add(m, m, out=np.zeros((2, 2))),
        lambda m: np.add(m, m, out=MemMapArray(DATA, unit="s")),
        lambda m: m.to("s"),
        lambda m: m + u.s,
        lambda m: maparray.eval("a + 1", a=m),
    ],
)
def test_what_measures_something_else_is_refused_and_nothing_changed(m, work):
    with pytest.raises((UnitError, u.UnitConversionError)) as caught:
        work(m)
    # Who knows astropy and not us catches the same.
    assert isinstance(caught.value, (u.UnitConversionError, TypeError))
    same(m, DATA * u.adu)


def test_a_file_brings_the_unit_back(tmp_path):
    path = tmp_path / "frame.npy"
    with MemMapArray(DATA, path, unit="adu", memmap=True) as m:
        m *= SECONDS
    again = maparray.open(path, "r+")
    same(again, DATA * SECONDS * u.adu)
    again.set_unit("electron")
    assert maparray.open(path).unit is u.electron
    again.set_unit(None)
    assert maparray.open(path).unit is u.dimensionless_unscaled
    np.testing.assert_array_equal(np.load(path), DATA * 2)
    # What may not be written still can be said, for this container alone.
    reading = maparray.open(path)
    reading.set_unit("m")
    same(reading + 1 * u.m, DATA * 2 * u.m + 1 * u.m)
    assert maparray.open(path).unit is u.dimensionless_unscaled


def test_in_place_the_file_and_its_unit_change_and_the_container_stays(tmp_path):
    path = tmp_path / "frame.npy"
    m = kept = MemMapArray(DATA, path, unit="adu", memmap=True)
    expected = DATA * u.adu
    for sign, operand in [
        (operator.iadd, 1 * u.adu),
        (operator.isub, 500 * u.Unit("0.001 adu")),
        (operator.imul, 3),
        (operator.imul, SECONDS),
        (operator.itruediv, 4 * u.s**2),
        (operator.ipow, 2),
        (operator.imul, u.s**2),
        (operator.itruediv, u.adu),
    ]:
        m, expected = sign(m, operand), sign(expected, operand)
        assert m is kept
        same(m, expected)
        same(maparray.open(path), expected)
    m[0] = 7000 * u.Unit("0.001 adu")
    m[1, 0] = np.nan
    m[1, 1:] = MemMapArray([0.0])
    same(maparray.open(path), [[7, 7], [np.nan, 0]] * u.adu)


@pytest.mark.parametrize(
    ("other", "error"),
    [
        (np.eye(2, dtype="c16"), TypeError),
        (np.ones((3, 2)), ValueError),
        (np.ones(2), ValueError),
    ],
    ids=["kind", "shape", "axes"],
)
def test_a_matrix_product_in_place_that_fails_changes_nothing(tmp_path, other, error):
    path = tmp_path / "frame.npy"
    m = MemMapArray(DATA, path, unit="m", memmap=True)
    with pytest.raises(error):
        m @= MemMapArray(other, unit="s")
    same(m, DATA * u.m)
    same(maparray.open(path), DATA * u.m)
    m @= MemMapArray(np.eye(2) * 2, unit="s")
    same(m, DATA * 2 * u.m * u.s)
    same(maparray.open(path), DATA * 2 * u.m * u.s)


def test_a_result_goes_where_it_is_wanted_in_the_unit_of_the_place(m, tmp_path):
    out = MemMapArray(np.zeros((2, 2)), unit=u.Unit("0.001 adu"))
    assert np.add(m, m, out=out) is out
    same(out, DATA * 2000 * u.Unit("0.001 adu"))
    fresh = MemMapArray(np.zeros((2, 2)))
    assert np.multiply(m, SECONDS, out=fresh) is fresh
    same(fresh, DATA * u.adu * SECONDS)
    theirs = np.zeros((2, 2)) << u.adu
    np.add(m, m, out=theirs)
    same(theirs, DATA * 2 * u.adu)
    row = MemMapArray(np.zeros(2))
    assert m.sum(axis=0, out=row) is row
    same(row, DATA.sum(axis=0) * u.adu)
    saved = maparray.eval("a / b", a=m, b=SECONDS, out=tmp_path / "rate.npy")
    same(saved, DATA * u.adu / SECONDS)
    same(maparray.eval("mean(a)", a=m), DATA.mean() * u.adu)
    found = maparray.eval_many(["sum(a)", "a * a", "a > b"], a=m, b=2 * u.adu)
    for result, expected in zip(
        found, [DATA.sum() * u.adu, DATA**2 * u.adu**2, DATA > 2], strict=True
    ):
        if isinstance(expected, u.Quantity):
            same(result, expected)
        np.testing.assert_array_equal(np.asarray(result), np.asarray(expected))
    same(maparray.take(m, [1]), DATA[[1]] * u.adu)
    same(maparray.sort(m, axis=None), np.sort(DATA, axis=None) * u.adu)


def test_a_quantity_lies_on_the_same_memory(m):
    for ours in (m, MemMapArray(np.arange(4), unit="ct")):
        quantity = ours.quantity
        assert quantity.dtype == ours.dtype
        assert np.shares_memory(quantity, ours.view())
        quantity[0] = 77 * quantity.unit
        assert (ours.view()[0] == 77).all()
    m[0] = 78 * u.adu
    same(u.Quantity(m), m.quantity)


def test_parts_share_the_memory_and_the_unit_across_a_switch(m):
    part = m[1]
    m.enable_memmap() if not m.memmap else m.disable_memmap()
    part[0] = 5 * u.adu
    same(m, [[1, 4], [5, 2.5]] * u.adu)
    part *= 2
    same(m[1], [10, 5] * u.adu)


def test_pickles_keep_the_unit(m):
    same(pickle.loads(pickle.dumps(m)), DATA * u.adu)
    unseen = MemMapArray(DATA, unit="s")
    same(pickle.loads(pickle.dumps(unseen)), DATA * u.s)
    unseen.enable_memmap()
    same(pickle.loads(pickle.dumps(unseen)), DATA * u.s)


def test_it_says_its_unit(m):
    assert "unit='adu'" in repr(m)
    assert str(m).endswith("] adu")


def test_percent_are_numbers():
    half = MemMapArray([50.0], unit="%")
    assert float(half) == 0.5
    assert int(half * 4) == 2
    same(half + 1, ([50.0] * u.percent) + 1)
    assert half.prod() == 0.5


def test_units_are_values():
    metre = maparray.Unit("m")
    assert metre == maparray.Unit("100 cm") == u.m
    assert u.m == metre
    assert hash(metre) == hash(maparray.Unit("100 cm"))
    assert metre != maparray.Unit("s")
    assert metre != 5
    assert str(metre * "s" / u.kg) == "m s / kg"
    assert (metre**0.5) ** 2 == metre
    assert metre.to("km") == 1e-3
    assert metre.is_equivalent(u.lyr)
    assert not metre.is_equivalent("s")
    assert maparray.Unit("erg s-1").to_string("vounit") == "erg.s**-1"
    assert pickle.loads(pickle.dumps(metre)) == metre
    assert repr(metre) == 'Unit("m")'
    third = u.Unit(u.m / 3)
    assert maparray.Unit(third).to(u.m) == third.to(u.m)
    assert MemMapArray([1.0], unit=third).unit.scale == third.scale
    with pytest.raises(UnitError, match="plain numbers"):
        metre.to("")


def known_units():
    """Every unit of astropy's namespaces that is one, by its own name."""
    for space in (u, imperial, u.si, u.cgs, u.astrophys, u.photometric, u.misc):
        for name in sorted(vars(space)):
            unit = getattr(space, name)
            if isinstance(unit, u.UnitBase):
                yield name, unit


def test_every_unit_of_astropy_goes_in_and_comes_out():
    refused, count = [], 0
    for name, unit in known_units():
        try:
            ours = MemMapArray([1.0], unit=unit)
        except UnitError:
            refused.append(name)
            continue
        count += 1
        assert ours.unit == unit, name
    assert count > 2000
    # What no factor converts, and degrees with a zero of their own.
    assert set(refused) == {"Celsius", "deg_C", "Fahrenheit", "deg_F"}


def test_large_arrays_keep_to_the_rules_too(tmp_path):
    data = np.linspace(1, 2, 1 << 18)
    m = MemMapArray(data, tmp_path / "a.npy", unit="adu", memmap=True)
    same(m + m, data * u.adu + data * u.adu)
    same(m * SECONDS, data * u.adu * SECONDS)
    assert m.sum().unit is u.adu
    np.testing.assert_allclose(m.var().value, data.var())
    assert m.var().unit == u.adu**2
    frame = (m - 1 * u.adu) / MemMapArray(np.full(len(data), 2.0))
    same(frame, (data * u.adu - 1 * u.adu) / 2.0)
    frame.enable_memmap(tmp_path / "b.npy")
    assert maparray.open(tmp_path / "b.npy").unit is u.adu


def test_without_astropy_units_are_our_own():
    program = """
        import sys
        sys.modules["astropy"] = None
        import numpy as np, maparray
        from maparray import MemMapArray, Unit
        m = MemMapArray([1.0, 2.0], unit="adu")
        assert m.unit == Unit("adu") and isinstance(m.unit, Unit)
        assert MemMapArray([1.0]).unit == Unit()
        total = (m * MemMapArray(2.0, unit="s")).sum()
        assert isinstance(total, MemMapArray) and total.shape == ()
        assert total.unit == Unit("adu s") and total.view() == 6.0
        assert m[0].unit == Unit("adu") and (m[0] + m[1]).view() == 3.0
        assert (m * Unit("s")).unit == Unit("adu s")
        assert m.to("1000 adu").view().tolist() == [0.001, 0.002]
        assert (m == m).all() and m.argmax() == 1
        out = MemMapArray(np.zeros(2), unit="1000 adu")
        assert m.cumsum(out=out) is out and out.view().tolist() == [0.001, 0.003]
        assert np.cumsum(m, out=out) is out and np.add(m, m, out=out) is out
        assert MemMapArray([m, out], unit="adu").view().tolist() == [[1, 2], [2, 4]]
        assert m.flat[1].unit == Unit("adu") and (2 * Unit("s")).unit == Unit("s")
        assert (m ** np.float64(2)).unit == Unit("adu2") and (m @ m).unit == Unit("adu2")
        assert np.clip(m, a_min=m[1], a_max=None).view().tolist() == [2, 2]
        assert maparray.histogram(m, MemMapArray([0.0, 1.5], unit="adu"))[0].tolist() == [1]
        for work in (lambda: m + 1, lambda: m.quantity, lambda: np.median(m), lambda: np.sin(m)):
            try:
                work()
            except maparray.UnitError:
                continue
            raise SystemExit("no error")
        print("good")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("good\n", "")
