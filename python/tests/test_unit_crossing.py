"""Units that cross between us and astropy, and what carries them: files, pickles, copies."""

import copy
import io
import operator
import pickle
from fractions import Fraction

import astropy.units as u
import numpy as np
import pytest
from astropy.units import cds

import maparray
from maparray import MemMapArray, Unit, UnitError


@pytest.mark.parametrize(
    "theirs",
    [
        cds.G,
        cds.k,
        cds.R,
        cds.a0,
        cds.mu0,
        cds.cal,
        cds.kt,
        cds.al,
        cds.G**2 / cds.kt,
        u.def_unit("furlong", 220 * u.m),
        u.def_unit("bin", 5 * u.AA),
        u.def_unit("h2", 3 * u.s),
        u.def_unit("ft", 0.33 * u.m),
        u.def_unit("a b", 5 * u.AA),
        u.def_unit("mine", 5 * u.def_unit("ours", 2 * u.adu)) / u.s,
    ],
)
def test_a_unit_of_astropy_is_what_it_measures_and_not_what_it_is_called(theirs):
    ours = MemMapArray([1.0], unit=theirs).unit
    assert ours == theirs
    np.testing.assert_allclose(theirs.to(ours), 1, rtol=1e-12)


@pytest.mark.parametrize(
    "theirs",
    [
        u.def_unit("adu"),
        u.def_unit("nobody"),
        u.def_unit("mine", 5 * u.def_unit("m")),
        u.Unit("gibberish", parse_strict="silent"),
    ],
)
def test_a_unit_that_somebody_else_defined_is_refused(theirs):
    with pytest.raises(UnitError):
        Unit(theirs)


def test_what_a_unit_is_does_not_depend_on_what_is_enabled():
    with cds.enable():
        assert MemMapArray([1.0], unit="R").unit is u.R
        assert MemMapArray([1.0], unit="R / s").unit == u.R / u.s
    with u.set_enabled_units([u.m]):
        assert MemMapArray([1.0], unit="electron").unit is u.electron
        assert MemMapArray([1.0], unit="ft electron").unit == u.imperial.ft * u.electron
    assert MemMapArray([1.0], unit="R").unit is u.R
    assert MemMapArray([1.0], unit="as").unit == u.attosecond


def test_roots_of_logarithms_come_out():
    root = np.sqrt(MemMapArray([4.0, 9.0], unit="dex"))
    assert root.unit == u.dex**0.5
    assert root[0] == 2 * u.dex**0.5
    assert (root * root).unit is u.dex


@pytest.mark.parametrize(
    ("power", "text"),
    [
        (2, "m2"),
        (0.5, "m(1/2)"),
        (1 / 3, "m(1/3)"),
        (0.123, "m(123/1000)"),
        (0.001, "m(1/1000)"),
        (3.14159, "m(314159/100000)"),
        (Fraction(1, 101), "m(1/101)"),
        (np.int64(-3), "1 / m3"),
        (np.float32(0.25), "m(1/4)"),
    ],
)
def test_powers_are_exact(power, text):
    assert str(Unit("m") ** power) == text
    assert str(Unit(u.m**power)) == text
    m = MemMapArray([2.0], unit=text)
    assert Unit(m.unit) == m._unit
    np.testing.assert_array_equal((m + m.quantity).view(), [4])


@pytest.mark.parametrize("power", [0.1234567890123, 1e-20, 1e300, np.inf, np.nan, 1 << 40])
def test_powers_that_cannot_be_are_refused(power):
    with pytest.raises(UnitError, match="power"):
        Unit("m") ** power


def test_units_of_any_scale_have_a_hash():
    assert hash(Unit("1e-310 m")) == hash(Unit("1e-310 m"))
    assert hash(Unit("km")) == hash(Unit("1000 m"))


def test_a_pickle_says_the_unit_that_the_file_has(tmp_path):
    m = MemMapArray([1.0, 2.0], tmp_path / "m.npy", unit="adu", memmap=True)
    text = pickle.dumps(m)
    m *= 2 * u.s
    again = pickle.loads(text)
    assert again.unit == u.adu * u.s
    assert again[1] == 4 * u.adu * u.s


def test_an_error_survives_a_pickle():
    with pytest.raises(UnitError) as caught:
        MemMapArray([1.0], unit="m") + 1
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is type(caught.value)
    assert isinstance(again, UnitError)
    assert isinstance(again, u.UnitConversionError)
    assert again.args == caught.value.args


def test_what_is_saved_copied_rounded_or_walked_over_keeps_its_unit(tmp_path):
    m = MemMapArray([1.4, 4.0], unit="m")
    maparray.save(tmp_path / "m.npy", m)
    assert maparray.open(tmp_path / "m.npy").unit is u.m
    for a in (m, tmp_path / "m.npy"):
        parts = list(maparray.iter_chunks(a, rows=1))
        assert [part.unit for part in parts] == [u.m, u.m]
        assert parts[1][0] == 4 * u.m
    part = next(m.iter_chunks(rows=1))
    part[0] = 1.3 * u.m
    assert m[0] == 1.3 * u.m
    assert isinstance(next(maparray.iter_chunks(MemMapArray([1.0]))), np.ndarray)
    assert round(m).view().tolist() == [1, 4]
    assert round(m[:1]).unit is u.m
    assert round(MemMapArray([1.4])) == 1
    assert copy.copy(MemMapArray(unit="m")).unit is u.m
    assert MemMapArray(MemMapArray(unit="m")).unit is u.m
    file = io.BytesIO()
    maparray.save(file, m)
    assert np.load(io.BytesIO(file.getvalue())).tolist() == [1.3, 4]


def test_rows_do_not_go_to_a_place_without_a_unit(tmp_path):
    m = MemMapArray([1.0, 4.0], unit="m")
    place = MemMapArray([7.0, 7.0])
    for out in (place, np.full(2, 7.0), MemMapArray([7.0, 7.0], unit="s")):
        for work in (
            lambda out: maparray.take(m, [0, 1], out=out),
            lambda out: maparray.compress([True, True], m, out=out),
        ):
            with pytest.raises(UnitError, match="out"):
                work(out)
        np.testing.assert_array_equal(np.asarray(out), 7)
    place.set_unit("m")
    maparray.take(m, [1, 0], out=place)
    assert place[0] == 4 * u.m
    with pytest.raises(UnitError):
        maparray.take(np.ones(2), [0, 1], out=place)
    made = maparray.take(m, [1], out=tmp_path / "made.npy")
    assert made.unit is u.m
    assert operator.eq(maparray.take(m, 1), 4 * u.m)
