"""Numbers with a unit, as found by those who tried to break them."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import maparray
from maparray import MemMapArray, Unit, UnitError

u = pytest.importorskip("astropy.units", reason="astropy is optional")


@pytest.mark.parametrize("exponent", [np.int64(-2), np.array(-2), MemMapArray(-2)])
@pytest.mark.parametrize("dtype", ["i2", "i8", "u1", "?"])
def test_integers_have_no_negative_powers_in_a_unit_either(tmp_path, exponent, dtype):
    m = MemMapArray(np.array([1, 4, 5], dtype), tmp_path / "a.npy", unit="s", memmap=True)
    before = np.load(m.filename)
    with pytest.raises(ValueError, match="[Ii]ntegers to negative integer powers"):
        m**exponent
    with pytest.raises(ValueError, match="[Ii]ntegers to negative integer powers"):
        m **= exponent
    with pytest.raises(ValueError, match="[Ii]ntegers to negative integer powers"):
        maparray.eval("a**b", a=m, b=exponent)
    np.testing.assert_array_equal(np.load(m.filename), before)
    assert str(m.unit) == "s"


def test_integers_have_no_negative_powers_of_any_spelling():
    for base, exponent in [
        (MemMapArray([2, 3]), MemMapArray(-1, unit="m/m")),
        (MemMapArray([2, 3], unit="m/km"), MemMapArray(-1)),
    ]:
        with pytest.raises(ValueError, match="[Ii]ntegers to negative integer powers"):
            maparray.eval("a**b", a=base, b=exponent)
    squares = maparray.eval("a**b", a=MemMapArray([2, 3], unit="s"), b=np.array(2))
    np.testing.assert_array_equal(squares.view(), [4, 9])
    assert str(squares.unit) == "s2"


def test_a_pickle_has_the_unit_of_its_array(tmp_path):
    path = tmp_path / "a.npy"
    whole = MemMapArray([1.0, 2, 3], path, unit="adu", memmap=True)
    part = whole[1:]
    part.set_unit("electron")
    assert str(copy.deepcopy(part).unit) == str(pickle.loads(pickle.dumps(part)).unit) == "electron"
    part.set_unit(None)
    assert pickle.loads(pickle.dumps(part))._unit is None
    read = maparray.open(path)
    read.set_unit("electron")
    assert str(pickle.loads(pickle.dumps(read)).unit) == "electron"


def test_a_place_of_integers_takes_whole_numbers_in_its_own_unit_too():
    m = MemMapArray([1, 2, 3], unit="m")
    for value in (1.5 * u.m, 150 * u.cm):
        with pytest.raises(UnitError, match="fraction"):
            m[0] = value
        with pytest.raises(UnitError, match="fraction"):
            m.fill(value)
    np.testing.assert_array_equal(m.view(), [1, 2, 3])
    m[0] = 7.0 * u.m
    m[1] = 800 * u.cm
    np.testing.assert_array_equal(m.view(), [7, 8, 3])


@pytest.mark.parametrize("ufunc", [np.add, np.floor_divide, np.remainder])
def test_integers_in_unlike_units_are_floats_where_some_are_left_out(ufunc):
    left, right = MemMapArray([1, 2], unit="m"), MemMapArray([1, 2], unit="km")
    unit = "" if ufunc is np.floor_divide else "m"
    out = MemMapArray([9.0, 9], unit=unit)
    ufunc(left, right, out=out, where=[True, False])
    expected = ufunc(left.quantity, right.quantity)
    np.testing.assert_array_equal(out.view(), [expected.value[0], 9])


def test_nothing_that_is_no_number_is_equal():
    m = MemMapArray([1.0, 2], unit="km")
    for other in (None, "a"):
        np.testing.assert_array_equal(m == other, [False, False])
        np.testing.assert_array_equal(m != other, [True, True])
    assert 3 not in m
    assert 1 * u.s not in m
    assert 1000 * u.m in m
    with pytest.raises(UnitError):
        m == 1 * u.s  # noqa: B015


def test_questions_without_units_need_no_astropy():
    program = """
import sys
sys.modules["astropy"] = None
import numpy as np
from maparray import MemMapArray, UnitError
m = MemMapArray([[3.0, 1.0], [2.0, 0.0]], unit="adu")
assert (np.shape(m), np.ndim(m), np.size(m)) == ((2, 2), 2, 4)
assert np.result_type(m, np.float32) == "f8" and not np.iscomplexobj(m)
assert np.may_share_memory(m, m.view()) and np.shares_memory(m, m.view())
assert np.squeeze(m[:1]).shape == (2,) and len(np.nonzero(m)[0]) == 3
assert np.argsort(m).tolist() == [[1, 0], [1, 0]] and str(np.trace(m).unit) == "adu"
np.copyto(m, MemMapArray([5.0, 6.0], unit="adu"))
assert m.view().tolist() == [[5, 6], [5, 6]]
try:
    np.copyto(m, MemMapArray([5.0, 6.0], unit="s"))
except UnitError:
    pass
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("text", ["mag(1)", "dex(1)", "dB(2)", "mag(AB)"])
def test_logarithms_are_refused(text):
    with pytest.raises(UnitError, match="logarithm"):
        Unit(text)


def test_logarithms_of_astropy_are_refused():
    for unit in (u.mag(u.one), u.dex(u.cm)):
        with pytest.raises(UnitError):
            MemMapArray([1.0], unit=unit)
    with pytest.raises(UnitError):
        MemMapArray(u.Magnitude([1.0, 2.0] * u.one))
    for power in ((1, 2), (3, 2)):
        text = (u.dex ** (power[0] / power[1])).to_string()
        assert Unit(text) == Unit(u.dex ** (power[0] / power[1]))


@pytest.mark.parametrize("name", ["arcsin", "arctan", "arccos"])
def test_one_number_has_the_unit_of_many(name):
    one, many = MemMapArray(0.5, unit=""), MemMapArray([0.5], unit="")
    found, expected = getattr(np, name)(one), getattr(np, name)(many)
    assert found.unit == expected.unit == u.rad
    assert found.value == expected.view()[0]


def test_text_that_is_no_text_is_no_unit():
    for make in (Unit, lambda text: MemMapArray([1.0], unit=text), MemMapArray([1.0]).to):
        with pytest.raises(UnitError):
            make("m\ud800")


def test_an_empty_container_has_nothing_to_convert():
    for m in (MemMapArray(), MemMapArray(None, unit="s")):
        with pytest.raises(maparray.EmptyDataError):
            m.to("s")


def test_numpy_saves_no_units(tmp_path):
    m = MemMapArray([1.0], unit="km")
    with pytest.raises(UnitError) as caught:
        np.save(tmp_path / "a.npy", m)
    assert "maparray.save" in caught.value.__notes__[0]
    assert not (tmp_path / "a.npy").exists()
    maparray.save(tmp_path / "a.npy", m)
    assert str(maparray.open(tmp_path / "a.npy").unit) == "km"
