"""Where numbers with a unit are put: out=, assignments, lists, methods, and what is refused."""

import operator

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time, TimeDelta
from astropy.utils.masked import Masked

import maparray
from maparray import MemMapArray, Unit, UnitError, UnsupportedError

ONES = np.ones((4, 4))


def tight(path, unit=""):
    """A file of two elements whose header has no room for a longer unit."""
    comment = f"  # unit: '{unit}'" if unit else ""
    text = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }" + comment + "\n"
    start = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()
    path.write_bytes(start + np.ones(2).tobytes())
    return path


@pytest.mark.parametrize(
    "name", "sum mean max median std nansum nanmean nanmedian nanmax ptp".split()
)
@pytest.mark.parametrize("mapped", [False, True])
def test_a_function_writes_numbers_in_the_unit_of_the_place(name, mapped, tmp_path):
    function = getattr(np, name)
    values = np.arange(16.0).reshape(4, 4) * u.m
    right = function(values, axis=0)
    for source in (values, MemMapArray(values)):
        path = tmp_path / "out.npy"
        place = MemMapArray(np.zeros(4), path, unit="km", memmap=mapped, overwrite=True)
        assert function(source, axis=0, out=place) is place
        np.testing.assert_allclose(place.quantity.to_value(u.m), right.value)
        assert place.unit is u.km
        if mapped:
            assert maparray.open(path).unit is u.km
        fresh = MemMapArray(np.zeros(4))
        function(source, axis=0, out=fresh)
        np.testing.assert_allclose(fresh.view(), right.value)
        assert fresh.unit is u.m
        wrong = MemMapArray(np.full(4, 7.0), unit="s")
        with pytest.raises(UnitError):
            function(source, axis=0, out=wrong)
        assert (wrong == 7 * u.s).all()


def test_a_place_is_found_by_position_too():
    place = MemMapArray(np.zeros(4), unit="km")
    np.median(ONES * u.m, 0, place)
    np.testing.assert_array_equal(place.view(), 0.001)
    np.sum(ONES * u.m, 0, None, place)
    np.testing.assert_array_equal(place.view(), 0.004)
    np.einsum("ij->i", MemMapArray(ONES, unit="m"), out=place)
    np.testing.assert_array_equal(place.view(), 0.004)
    joined = MemMapArray(np.zeros((8, 4)), unit="cm")
    np.concatenate([ONES * u.m, MemMapArray(ONES, unit="km")], out=joined)
    np.testing.assert_array_equal(joined.view()[[0, 7], 0], [100, 100_000])


def test_plain_numbers_do_not_go_to_a_place_with_a_unit():
    place = MemMapArray(np.full(4, 7.0), unit="km")
    for work in (
        lambda: np.cumsum(np.ones(4), out=place),
        lambda: np.sum(ONES, axis=0, out=place),
        lambda: np.median(ONES, axis=0, out=place),
        lambda: MemMapArray(ONES).sum(axis=0, out=place),
        lambda: MemMapArray(ONES).sum(0, None, place),
        lambda: MemMapArray(ONES, unit="m").argmax(axis=0, out=place),
    ):
        with pytest.raises(UnitError):
            work()
    np.testing.assert_array_equal(place.view(), 7)


@pytest.mark.parametrize(
    "work",
    [
        lambda a, out: np.multiply(a, 1 * u.s, out=out),
        lambda a, out: np.multiply(a, u.s, out=out),
        lambda a, out: a.clip(0, np.inf, out=out),
        lambda a, out: a.cumsum(out=out),
        lambda a, out: a.round(0, out),
        lambda a, out: np.add.accumulate(a, out=out),
        lambda a, out: np.add(a, a, dtype="f8", out=out),
        lambda a, out: np.cumsum(a, out=out),
        lambda a, out: operator.imul(out, 7 * a),
        lambda a, out: operator.imul(out, a._unit),
    ],
)
def test_a_header_without_room_is_known_before_a_number_is_written(work, tmp_path):
    path = tight(tmp_path / "tight.npy")
    source = MemMapArray([7.0, 8.0], unit="erg / (s cm2 Angstrom)")
    place = maparray.open(path, "r+")
    with pytest.raises(UnitError, match="header"):
        work(source, place)
    np.testing.assert_array_equal(place.view(), 1)
    assert place.unit is u.dimensionless_unscaled
    again = maparray.open(path)
    assert again.unit is u.dimensionless_unscaled
    np.testing.assert_array_equal(again.view(), 1)


def test_a_matrix_product_in_place_changes_the_unit_or_nothing(tmp_path):
    path = tmp_path / "m.npy"
    m = MemMapArray(np.eye(2) * 3, path, unit="s", memmap=True)
    with pytest.raises(TypeError):
        m @= MemMapArray(np.eye(2).astype("c16"), unit="m")
    assert maparray.open(path).unit is m.unit is u.s
    kept = m
    m @= np.eye(2) * u.m
    assert m is kept
    assert maparray.open(path).unit == u.m * u.s
    np.testing.assert_array_equal(m.view(), np.eye(2) * 3)


def test_what_where_leaves_out_is_not_renamed():
    a, some = MemMapArray(np.ones(4), unit="m"), np.array([True, False, True, False])
    place = MemMapArray(np.full(4, 5.0), unit="km")
    for options in ({}, {"dtype": "f8"}, {"where": some}, {"where": True}):
        place.fill(5 * u.km)
        np.add(a, a, out=place, **options)
        left = 5 if options.get("where") is some else 0.002
        assert place.unit is u.km
        np.testing.assert_array_equal(place.view(), [0.002, left] * 2)
    plain = MemMapArray(np.full(4, 5.0))
    for work in (
        lambda: np.add(a, a, out=plain, where=some),
        lambda: a.clip(0 * u.m, 1 * u.m, out=plain, where=some),
        lambda: np.multiply(a, 2 * u.s, out=a, where=some),
    ):
        with pytest.raises(UnitError):
            work()
    np.testing.assert_array_equal(plain.view(), 5)
    np.testing.assert_array_equal(a.view(), 1)
    less = MemMapArray(np.zeros(4, bool))
    np.less(a, 2 * u.m, out=less, where=some)
    np.testing.assert_array_equal(less.view(), some)


@pytest.mark.parametrize("name", "sum mean std max min cumsum".split())
def test_a_method_brings_its_result_to_any_place(name):
    m = MemMapArray(np.arange(4.0).reshape(2, 2), unit="m")
    right = getattr(m.quantity, name)(axis=0)
    for out in (np.zeros(right.shape) * u.km, MemMapArray(np.zeros(right.shape), unit="km")):
        assert getattr(m, name)(axis=0, out=out) is out
        np.testing.assert_allclose(u.Quantity(out).to_value(u.m), right.value)
        assert out.unit is u.km
    bare = np.zeros(right.shape)
    with pytest.raises(UnitError):
        getattr(m, name)(axis=0, out=bare)
    with pytest.raises(ValueError, match="shape"):
        getattr(m, name)(axis=0, out=np.zeros((3, *right.shape)) * u.m)
    np.testing.assert_array_equal(bare, 0)


def test_places_and_first_values_by_position_are_checked():
    m = MemMapArray(np.ones((2, 2)), unit="m")
    place = MemMapArray(np.zeros(2))
    assert m.sum(0, None, place) is place
    assert place.unit is u.m
    squares = MemMapArray(np.zeros(2), unit="cm2")
    m.var(0, None, squares, 1)
    assert m.sum(None, None, None, False, 5 * u.km) == 5004 * u.m
    assert m.max(None, None, False, 5 * u.km) == 5000 * u.m
    for work in (
        lambda: m.sum(None, None, None, False, 5),
        lambda: m.max(None, None, False, 500),
        lambda: m.var(0, None, MemMapArray(np.zeros(2), unit="m")),
        lambda: m.round(0, np.zeros((2, 2))),
        lambda: m.std(mean=1),
    ):
        with pytest.raises(UnitError):
            work()
    assert m.std(mean=1 * u.m) == 0 * u.m
    fresh = MemMapArray(np.zeros((1, 2)))
    assert m.take([0], 0, fresh).unit is u.m
    with pytest.raises(UnitError):
        maparray.take(m, [0], 0, MemMapArray(np.zeros((1, 2))))
    with pytest.raises(UnitError):
        m.compress([True, False], 0, np.zeros((1, 2)))


def test_rows_come_back_in_the_place_that_was_given():
    m, out = MemMapArray(np.ones((2, 2)), unit="m"), np.zeros((1, 2)) * u.m
    assert m.take([0], 0, out) is out
    assert m.compress([True, False], 0, out) is out
    np.testing.assert_array_equal(out.value, 1)


def test_of_two_places_none_is_written_if_one_does_not_fit():
    m = MemMapArray([7.0], unit="m")
    places = MemMapArray([5.0]), MemMapArray([5.0], unit="s")
    with pytest.raises(UnitError):
        np.divmod(m, 2 * u.m, out=places)
    assert [float(place.view()[0]) for place in places] == [5, 5]
    rest = MemMapArray([5.0], unit="cm")
    np.divmod(m, 2 * u.m, out=(places[0], rest))
    assert (float(places[0][0]), rest[0]) == (3, 100 * u.cm)


def test_flat_has_the_unit():
    m = MemMapArray([[1.0, 4.0], [9.0, 16.0]], unit="m")
    m.flat[0:2] = [5, 6] * u.km
    m.flat[3] = 0
    assert m.flat[1] == 6000 * u.m
    assert m.flat[1:].unit is u.m
    assert len(m.flat) == 4
    assert u.Quantity(list(m.flat)).to_value(u.m).tolist() == [5000, 6000, 9, 0]
    np.testing.assert_array_equal(m.flat, [5000, 6000, 9, 0])
    for value in (5, 5 * u.s, [1, 2]):
        with pytest.raises(UnitError):
            m.flat[0:2] = value
    assert m.flat.copy().unit is u.m
    assert isinstance(MemMapArray([1.0]).flat, np.flatiter)


def test_lists_are_brought_to_one_unit():
    rows = [[1, 2] * u.m, [3, 4] * u.km]
    right = [[1, 2], [3000, 4000]]
    boxes = [MemMapArray([1.0, 2.0], unit="m"), MemMapArray([3.0, 4.0], unit="km")]
    for data in (rows, tuple(rows), boxes, [[1 * u.m, 2 * u.m], [3 * u.km, 4 * u.km]]):
        made = MemMapArray(data)
        assert made.unit is u.m
        np.testing.assert_array_equal(made.view(), right)
        made = MemMapArray(data, unit="cm")
        assert made.unit is u.cm
        np.testing.assert_array_equal(made.view(), np.multiply(right, 100))
        made[:] = 0
        made[:] = data
        np.testing.assert_array_equal(made.view(), np.multiply(right, 100))
        made.reset_data(data, "mm")
        np.testing.assert_array_equal(made.view(), np.multiply(right, 1000))
        total = maparray.eval("sum(a)", a=data)
        assert total == 7003 * u.m
        assert (made + data).sum() == 2 * 7003 * u.m
        plain = MemMapArray(np.zeros((2, 2)))
        with pytest.raises(UnitError):
            plain[:] = data
        np.testing.assert_array_equal(plain.view(), 0)
    for data in ([1 * u.m, 2 * u.s], [1 * u.m, 2], [[1, 2] * u.m, [1.0, 2.0]]):
        with pytest.raises(UnitError):
            MemMapArray(data)
    np.testing.assert_array_equal(MemMapArray([1 * u.m, 0]).view(), [1, 0])


def test_percents_take_lists():
    p = MemMapArray([1.0, 2.0], unit="%")
    p[:] = [1, 2]
    p.put([0], [3])
    np.testing.assert_array_equal(p.view(), [300, 200])
    assert MemMapArray([50.0, 70.0], unit="%").searchsorted([0.6]) == [1]


def test_durations_keep_their_unit_and_masks_are_not_lost():
    m = MemMapArray([1.0, 2.0], unit="m")
    lapse = TimeDelta([3, 4], format="sec")
    for found in (m * lapse, MemMapArray(lapse) * m):
        assert found.unit == u.day * u.m
        np.testing.assert_allclose(found.view(), ([1.0, 2.0] * u.m * lapse).value)
    assert MemMapArray(lapse).unit is u.day
    clock = MemMapArray([0.0, 0.0], unit="s")
    clock[:] = lapse
    np.testing.assert_allclose(clock.view(), [3, 4])
    with pytest.raises(TypeError):
        m * Time([50000, 50001], format="mjd")
    for masked in (
        Masked([1.0, 2.0] * u.m, mask=[True, False]),
        Masked([1.0, 2.0], mask=[True, False]),
        np.ma.array([1.0, 2.0], mask=[True, False]),
    ):
        for work in (MemMapArray, lambda data: operator.setitem(m, slice(None), data)):
            with pytest.raises(UnsupportedError, match="mask"):
                work(masked)
    np.testing.assert_array_equal(m.view(), [1, 2])


def test_integers_take_no_fractions_that_a_conversion_made():
    m = MemMapArray([1, 1], unit="s")
    for work in (
        lambda: m.put([1], 1.51 * u.min),
        lambda: m.fill(1.51 * u.min),
        lambda: m.itemset(0, 1.51 * u.min),
        lambda: operator.setitem(m.flat, 0, 1.51 * u.min),
    ):
        with pytest.raises(UnitError, match="fraction"):
            work()
    m.put([1], 1.5 * u.min)
    np.testing.assert_array_equal(m.view(), [1, 90])


def test_plain_numbers_said_to_be_so_are_as_others():
    data = np.array([2**62 + 1, 1])
    assert MemMapArray(data, unit="").prod() == data.prod()
    assert MemMapArray([0, 1], unit="").choose([1, 2]).view().tolist() == [1, 2]
    chosen = MemMapArray([0, 1]).choose([[1, 2] * u.m, [3, 4] * u.km])
    assert chosen.unit is u.m
    assert chosen.view().tolist() == [1, 4000]


def test_units_of_ours_multiply_numbers():
    second, m = Unit("s"), MemMapArray([2.0, 4.0], unit="m")
    for found, numbers, unit in [
        (second / m, [0.5, 0.25], u.s / u.m),
        (m / second, [2, 4], u.m / u.s),
        (second * m, [2, 4], u.m * u.s),
        (np.ones(2) * second, [1, 1], u.s),
        (second * np.ones(2), [1, 1], u.s),
        (second * 2, 2, u.s),
        (2 / second, 2, 1 / u.s),
        (second / [2, 4], [0.5, 0.25], u.s),
    ]:
        assert isinstance(found, MemMapArray)
        assert found.unit == unit
        np.testing.assert_array_equal(found.view(), numbers)
    assert "s" * Unit("m") == Unit("m s")
    assert "s" / Unit("m") == Unit("s / m")
    m *= second
    assert m.unit == u.m * u.s
    with pytest.raises(TypeError):
        second * object()
    with pytest.raises(UnitError):
        np.add(np.ones(2), second)


def test_a_quantity_in_place_is_changed_as_by_another_quantity():
    q = np.array([2.0, 3.0]) * u.s
    kept = q
    q *= MemMapArray([2.0, 4.0], unit="m")
    assert q is kept
    assert q.unit == u.s * u.m
    np.testing.assert_array_equal(q.value, [4, 12])
    out = np.zeros(2) * u.km
    np.multiply(MemMapArray([2.0, 4.0]), u.m, out=out)
    np.testing.assert_array_equal(out.value, [0.002, 0.004])
    with pytest.raises(UnitError):
        np.multiply(MemMapArray([2.0, 4.0]), u.m, out=np.zeros(2))


def test_numbers_that_are_known_are_constants_and_keep_their_dtype():
    m = MemMapArray(np.array([1.0, 4.0], "f4"), unit="m")
    for two in (np.float32(2), np.int8(2), np.array(np.float32(2)), 2 * u.one, 200 * u.percent):
        found = m**two
        assert found.unit == u.m**2
        np.testing.assert_array_equal(found.view(), [1, 16])
    assert (m ** np.float32(2)).dtype == np.float32
    assert (m ** np.float64(2)).dtype == np.float64
    assert (m * np.float64(2)).dtype == np.float64
    assert (m > np.float64(0)).all()
    assert (m + np.float32(0)).dtype == np.float32
    assert np.maximum(m, np.array(-np.inf)).unit is u.m
    with pytest.raises(UnitError):
        m + np.float64(1)


def test_numpys_names_of_arguments_are_known():
    m = MemMapArray([[1.0, 4.0], [9.0, 2.5]], unit="m")
    assert np.clip(m, a_min=2 * u.m, a_max=3 * u.m).max() == 3 * u.m
    assert np.clip(m, min=2 * u.m, max=None).min() == 2 * u.m
    assert np.reshape(m, shape=(4,)).shape == (4,)
    assert np.transpose(m, axes=(1, 0))[0, 1] == 9 * u.m
    assert np.std(m, correction=1) == m.std(ddof=1)
    assert np.var(m, correction=1) == m.var(ddof=1)


def test_histograms_take_edges_and_a_range_in_any_unit(tmp_path):
    m = MemMapArray([1.0, 4.0, 9.0], tmp_path / "m.npy", unit="m", memmap=True)
    for a in (m, tmp_path / "m.npy"):
        counts, edges = maparray.histogram(a, [0, 500, 1000] * u.cm)
        assert counts.tolist() == [2, 1]
        assert edges.unit is u.m
        assert edges.view().tolist() == [0, 5, 10]
        counts, edges = maparray.histogram(a, 2, range=(0 * u.m, 0.01 * u.km))
        assert counts.tolist() == [2, 1]
        assert edges.view().tolist() == [0, 5, 10]
        edges = maparray.histogram_bin_edges(a, [0, 2] * u.km)
        assert edges.unit is u.m
        with pytest.raises(UnitError):
            maparray.histogram(a, [0, 1] * u.s)


def test_large_results_with_a_unit_go_where_the_limit_says(monkeypatch):
    monkeypatch.setattr(MemMapArray, "result_limit", 100)
    m, some = MemMapArray(np.ones(1000), unit="m"), np.ones(1000, bool)
    for found in (
        m * u.s,
        m * Unit("s"),
        m + m,
        np.concatenate([m, m]),
        np.where(some, m, m),
        np.sort(m),
        m @ np.ones((1000, 20)),
    ):
        assert found.memmap
    parts = m.reshape(10, 100)
    parts[0, 0] = 5 * u.m
    assert m[0] == 5 * u.m


def test_a_fraction_that_a_conversion_made_does_not_become_an_integer():
    seconds = MemMapArray([1, 2], unit="s")
    for work in (
        lambda: operator.setitem(seconds, 0, 1.51 * u.min),
        lambda: seconds.put([0], 1.51 * u.min),
    ):
        with pytest.raises(UnitError, match="expected integers"):
            work()
    seconds[0] = 1.5 * u.min
    assert np.asarray(seconds).tolist() == [90, 2]
