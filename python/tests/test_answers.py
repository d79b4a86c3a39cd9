"""A container of any size answers as NumPy's array does, and fails as that does."""

import operator
import tracemalloc

import numpy as np
import pytest

from maparray import MemMapArray, UnsupportedError, memmap

LARGE = 1 << 18
SIZES = [pytest.param(4, id="small"), pytest.param(LARGE, id="large")]


def answer(work):
    """What it gives, as the parts that tell it from other answers, or the class of the error."""
    try:
        return told(work())
    except Exception as error:
        return type(error).__name__


def told(value):
    if isinstance(value, (tuple, list)):
        return [told(item) for item in value]
    if isinstance(value, (str, bytes)):
        return value
    array = np.asarray(value)
    return str(array.dtype), array.shape, repr(array.tolist()) if array.size < 100 else array.sum()


def agree(work):
    """The work, which makes its arrays itself, gives the same with containers and with arrays."""
    assert answer(lambda: work(MemMapArray)) == answer(lambda: work(np.array))


# What a container is made of

RECORD = [("a", "i4"), ("b", "f8")]
DATA = [
    ([2**63 + 5, 2**64 - 1, 1], "u8"),
    ([2**62 + 1, 0.0], "i8"),
    ([300], "u1"),
    ([-1], "u1"),
    (300, "u1"),
    ([np.nan], "i4"),
    ([1 + 2j], float),
    ([(1, 2.0)], RECORD),
    ([(1, 2.0)], None),
    ([1, 2], "(2,)f8"),
    (["abc"], "S"),
    (["abc", "d"], str),
    (["2020-01-01"], "M8"),
    ([True, 2], "i1"),
    ([[1, 2], [3]], None),
    (["x"], float),
    (np.arange(300), "u1"),
    (np.arange(3.0), "S"),
    (np.array(["2020-01-01", "2021-02-02T03"]), "M8"),
    (np.array(["1", "2"]), "i8"),
    (np.array([1, 2]), "(2,)f8"),
    (np.array([1, 2]), RECORD),
    (np.array([(1, 2.0)], RECORD), [("b", "f4"), ("a", "i8")]),
    (np.array([1, 2], ">i4"), "<f4"),
    (np.array([1, 2], object), "i2"),
    (np.arange(3).astype("M8[D]"), "M8[s]"),
    (np.arange(3).astype("M8[D]"), "M8"),
    (range(3), np.float32),
    (memoryview(b"abc"), "i8"),
]


@pytest.mark.parametrize(("data", "dtype"), DATA, ids=str)
def test_a_container_is_made_of_what_numpy_makes_of_the_data(data, dtype):
    expected = answer(lambda: np.array(data, dtype))
    assert answer(lambda: MemMapArray(data, dtype=dtype)) == expected
    ours = MemMapArray([0.5])
    assert answer(lambda: ours.reset_data(data, dtype=dtype) or ours) == expected


def test_what_cannot_be_made_leaves_the_old_data():
    ours = MemMapArray([0.5])
    with pytest.raises(OverflowError):
        ours.reset_data([300], dtype="u1")
    assert ours.tolist() == [0.5]


@pytest.mark.parametrize("dtype", [None, "f8", "f4", ">i8"])
def test_a_large_array_is_converted_without_another_copy(dtype):
    data = np.ones(LARGE)
    tracemalloc.start()
    try:
        ours = MemMapArray(data, dtype=dtype)
        assert tracemalloc.get_traced_memory()[1] < data.nbytes // 2
    finally:
        tracemalloc.stop()
    assert ours.sum() == LARGE


# Classes with rules of their own


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "sign", "add sub mul truediv floordiv mod pow lt le gt ge eq ne".split(), ids=str
)
def test_a_masked_array_beside_a_container_keeps_its_mask(size, sign):
    sign = getattr(operator, sign)
    array = np.arange(1.0, size + 1) % 5 + 1
    masked = np.ma.array(array[::-1].copy(), mask=np.arange(size) % 2)
    ours = MemMapArray(array)
    for found, expected in [
        (sign(ours, masked), sign(array, masked)),
        (sign(masked, ours), sign(masked, array)),
    ]:
        assert type(found) is np.ma.MaskedArray
        np.testing.assert_array_equal(found.mask, expected.mask)
        np.testing.assert_array_equal(found.filled(0), expected.filled(0))


def test_functions_leave_masks_to_numpy():
    ours, masked = MemMapArray([1.0, 2.0]), np.ma.array([5.0, 7.0], mask=[0, 1])
    for found in (np.add(ours, masked), np.ma.add(ours, masked), divmod(masked, ours)[0]):
        assert type(found) is np.ma.MaskedArray
        assert found.mask.tolist() == [False, True]
    assert type(np.concatenate([ours, masked])) is np.ma.MaskedArray
    with pytest.raises(UnsupportedError, match="mask would be lost"):
        MemMapArray([1.0, 2.0], unit="m") * masked


def test_a_masked_quantity_keeps_mask_and_unit():
    units = pytest.importorskip("astropy.units", reason="astropy is not installed")
    masked = pytest.importorskip("astropy.utils.masked", reason="astropy is not installed").Masked(
        [1.0, 2.0] * units.m, mask=[0, 1]
    )
    found = MemMapArray([1.0, 2.0], unit="m") + masked
    assert type(found) is type(masked)
    assert found.mask.tolist() == [False, True]
    assert found.unit is units.m


@pytest.mark.parametrize("sign", "add sub mul matmul pow eq".split())
def test_a_matrix_keeps_its_product(sign):
    sign = getattr(operator, sign)
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix([[1, 2], [3, 4]])
    array = np.array([[1, 2], [3, 4]])
    found, expected = sign(MemMapArray(array), matrix), sign(array, matrix)
    assert type(found) is np.matrix
    assert found.tolist() == expected.tolist()


def test_mapped_arrays_and_quantities_are_known(tmp_path):
    np.save(tmp_path / "a.npy", [1.0, 2.0])
    ours = MemMapArray([1.0, 2.0])
    for other in (np.load(tmp_path / "a.npy", mmap_mode="r"), memmap(tmp_path / "a.npy", "f8")[:2]):
        assert isinstance(ours + other, MemMapArray)
        assert isinstance(other + ours, MemMapArray)


# Places for results


@pytest.mark.parametrize("size", SIZES)
def test_of_two_results_one_may_have_a_place(size):
    ours, array = MemMapArray(np.full(size, 5.5)), np.full(size, 5.5)
    for function, operands in [(np.modf, ()), (np.divmod, (2,)), (np.frexp, ())]:
        expected = function(array, *operands)
        for place in (0, 1):
            for kind in (MemMapArray, np.array):
                out = [None, None]
                out[place] = kind(np.zeros_like(expected[place]))
                found = function(ours, *operands, out=tuple(out))
                assert found[place] is out[place]
                assert isinstance(found[1 - place], MemMapArray)
                assert told(found) == told(expected)


@pytest.mark.parametrize("size", SIZES)
def test_a_place_that_is_given_by_position_comes_back(size):
    array = np.arange(2.0 * size).reshape(2, size)
    ours = MemMapArray(array)
    rows = [
        (lambda a, out: a.sum(0, None, out), size),
        (lambda a, out: a.max(0, out), size),
        (lambda a, out: a.std(0, None, out, 1), size),
        (lambda a, out: a.cumsum(1, None, out), (2, size)),
        (lambda a, out: a.clip(1, 2, out), (2, size)),
        (lambda a, out: a.round(0, out), (2, size)),
        (lambda a, out: a.take([1, 0], 0, out), (2, size)),
        (lambda a, out: a.take([1, 0], 0, out, "clip"), (2, size)),
        (lambda a, out: a.compress([True, False], 0, out), (1, size)),
        (lambda a, out: a.dot(np.ones((size, 1)), out), (2, 1)),
        (lambda a, out: np.cumsum(a, 0, None, out), (2, size)),
        (lambda a, out: np.sum(a, 0, None, out), size),
        (lambda a, out: np.take(a, [1, 0], 0, out), (2, size)),
        (lambda a, out: np.round(a, 0, out), (2, size)),
        (lambda a, out: np.take(a, [1, 0], axis=0, out=out), (2, size)),
    ]
    for work, shape in rows:
        expected = work(array, np.zeros(shape))
        for out in (MemMapArray(np.zeros(shape)), np.zeros(shape)):
            assert work(ours, out) is out
            np.testing.assert_allclose(np.asarray(out), expected)
    measured = MemMapArray(array, unit="m")
    out = MemMapArray(np.zeros(size))
    assert measured.sum(0, None, out) is out
    assert str(out._unit) == "m"


# Flags


@pytest.mark.parametrize("lock", [
    lambda m: m.setflags(write=False),
    lambda m: m.setflags(0),
    lambda m: setattr(m.flags, "writeable", False),
    lambda m: operator.setitem(m.flags, "WRITEABLE", False),
    lambda m: operator.setitem(m.flags, "W", False),
])  # fmt: skip
def test_a_container_that_cannot_be_locked_says_so(lock):
    ours = MemMapArray([1.0, 2.0])
    with pytest.raises(ValueError, match="stays so"):
        lock(ours)
    ours[0] = 5.0
    assert ours.flags.writeable
    ours.flags.writeable = True
    ours.setflags(write=True)
    assert ours.flags == ours.view().flags
    assert str(ours.flags) == str(ours.view().flags)
    assert ours.flags["C"]


# Errors of arithmetic


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", ["f8", "i8", "f4", "c16"])
def test_what_errstate_asks_for_happens(size, dtype):
    zeros = np.zeros(size, dtype)
    for work in [
        lambda a: a / 0,
        lambda a: np.divide(1, a),
        np.log,
        lambda a: a + 1,
        lambda a: (a + 1e300) * 1e300,
        lambda a: (a + 1e30).prod(),
    ]:
        with np.errstate(all="raise"):
            agree(lambda make, work=work: work(make(zeros)))
    called = []
    before = np.seterrcall(lambda kind, _flag: called.append(kind))
    try:
        with np.errstate(all="call"):
            MemMapArray(zeros) / 0
    finally:
        np.seterrcall(before)
    assert called


def test_large_arrays_are_computed_without_a_warning():
    assert np.isnan((MemMapArray(np.zeros(LARGE)) / 0)[0])


def test_errstate_counts_for_what_has_a_unit():
    pytest.importorskip("astropy", reason="astropy is not installed")
    for size in (4, LARGE):
        ours = MemMapArray(np.zeros(size), unit="m")
        with np.errstate(all="raise"), pytest.raises(FloatingPointError):
            ours / ours


# Long doubles, arguments, unlike kinds


def squared(array):
    # An array that has a name: NumPy computes on others in place, which bools have no room for.
    return array**2


WORKS = {
    "g + 1": lambda make, n: make(np.ones(n, "g")) + 1,
    "g.sum()": lambda make, n: make(np.ones(n, "g")).sum(),
    "G * 2": lambda make, n: make(np.ones(n, "G")) * 2,
    "f8 * g": lambda make, n: make(np.ones(n)) * np.longdouble(1.5),
    "f8 * g array": lambda make, n: make(np.ones(n)) * np.ones(n, "g"),
    "sum(keepdims=1)": lambda make, n: make(np.ones(n)).sum(keepdims=1),
    "sum(axis=True)": lambda make, n: make(np.ones(n)).sum(axis=True),
    "sum(axis=int64)": lambda make, n: make(np.ones(n)).sum(axis=np.int64(0)),
    "sum(axis=5)": lambda make, n: make(np.ones(n)).sum(axis=5),
    "sum(-2)": lambda make, n: make(np.ones(n)).sum(-2),
    "sum(0, axis=0)": lambda make, n: make(np.ones(n)).sum(0, axis=0),
    "var(axis=True)": lambda make, n: make(np.ones(n)).var(axis=True),
    "prod(ddof=1)": lambda make, n: make(np.ones(n)).prod(ddof=1),
    "argmax(ddof=1)": lambda make, n: make(np.ones(n)).argmax(ddof=1),
    "var(ddof=1)": lambda make, n: make(np.arange(n) % 2).var(ddof=1),
    "u2 + 2**64": lambda make, n: make(np.ones(4 * n, "u2")) + 2**64,
    "u8 + -1": lambda make, n: make(np.ones(n, "u8")) + -1,
    "u1 & 300": lambda make, n: make(np.ones(8 * n, "u1")) & 300,
    "300 + u1": lambda make, n: 300 + make(np.ones(8 * n, "u1")),
    "u1 < 300": lambda make, n: make(np.ones(8 * n, "u1")) < 300,
    "i8 == 2**70": lambda make, n: make(np.ones(n, "i8")) == 2**70,
    "u8 >= -5": lambda make, n: make(np.ones(n, "u8")) >= -5,
    "f8 + 10**400": lambda make, n: make(np.ones(n)) + 10**400,
    "f8 * 2**60": lambda make, n: make(np.ones(n)) * 2**60,
    "i8 ** -1": lambda make, n: make(np.ones(n, "i8")) ** -1,
    "f8 ** -1": lambda make, n: make(np.ones(n)) ** -1,
    "bool ** 2": lambda make, n: squared(make(np.ones(8 * n, "?"))),
    "c8 ** 0.5": lambda make, n: make(np.full(n, 4.0, "c8")) ** 0.5,
    "i8 += 2**70": lambda make, n: operator.iadd(make(np.ones(n, "i8")), 2**70),
    "i8 **= 2": lambda make, n: operator.ipow(make(np.ones(n, "i8")), 2),
    "bool **= 2": lambda make, n: operator.ipow(make(np.ones(8 * n, "?")), 2),
    "take axis": lambda make, n: make(np.ones(n)).take([0], axis=5),
    "take(0.5)": lambda make, n: make(np.ones(n)).take(0.5),
    "take mode": lambda make, n: make(np.ones(n)).take([0], mode="x"),
    "take": lambda make, n: make(np.arange(n)).take(make(np.array([0, -1]))),
    "compress axis": lambda make, n: make(np.ones(n)).compress([True], 1),
    "compress": lambda make, n: make(np.arange(n)).compress([0, 1, 1]),
    "compress True": lambda make, n: make(np.arange(n)).compress([False, True]),
    "== text": lambda make, n: make(np.ones(n)) == "abc",
    "!= text": lambda make, n: make(np.ones(n)) != "abc",
    "text ==": lambda make, n: "abc" == make(np.ones(n)),  # noqa: SIM300
    "== None": lambda make, n: make(np.ones(n)) == None,  # noqa: E711
    "m8 == f8": lambda make, n: make(np.ones(n, "m8[s]")) == 1.5,
    "m8 != f8": lambda make, n: make(np.ones(n, "m8[s]")) != 1.5,
    "== of other shape": lambda make, n: make(np.ones(n)) == np.ones(3),
    "records ==": lambda make, n: make(np.zeros(n, RECORD)) == make(np.zeros(n, RECORD)),
    "records !=": lambda make, n: make(np.zeros(n, RECORD)) != np.zeros(n, RECORD),
    "records == other": lambda make, n: make(np.zeros(n, RECORD)) == np.zeros(n, [("z", "S3")]),
    "copy(X)": lambda make, n: make(np.ones(n)).copy("X"),
    "copy(F)": lambda make, n: make(np.ones((n, 2))).copy("F").flags.fnc,
    "copy(k)": lambda make, n: make(np.ones((2, n)).T).copy("k").flags.fnc,
    "bytes": lambda make, n: bytes(make(np.zeros(n, RECORD))),
    "format": lambda make, n: format(make(np.ones(n)), ".2f"),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", WORKS)
def test_every_size_answers_as_numpy(size, name):
    agree(lambda make: WORKS[name](make, size))


@pytest.mark.parametrize("size", SIZES)
def test_a_wrong_axis_is_an_error_of_value_and_of_index(size):
    for work in [lambda m: m.sum(axis=5), lambda m: m.take([0], 5), lambda m: m.compress([1], 5)]:
        for kind in (np.exceptions.AxisError, ValueError, IndexError):
            with pytest.raises(kind):
                work(MemMapArray(np.ones(size)))


def test_a_container_without_axes_answers_as_numpy():
    point = np.array(3.5)
    agree(lambda make: format(make(point), ".2f"))
    agree(lambda make: format(make(point), ""))
    agree(lambda make: make(point).compress([1], 0))
    agree(lambda make: make(point).compress([True]))
    agree(lambda make: make(point).take(0))
    assert format(MemMapArray(3.5, unit="m"), ".2f") == "3.50 m"


@pytest.mark.parametrize("shape", [(0,), (4, 0), (0, 3), (2, 0, 5)], ids=str)
def test_strides_without_elements_are_numpys(shape):
    assert MemMapArray(np.ones(shape)).strides == np.ones(shape).strides


@pytest.mark.parametrize("shape", [(5,), (3, 3), (2,), (0,), (-1,), (2, 3)], ids=str)
@pytest.mark.parametrize("state", ["memory", "mapped"])
def test_resize_is_numpys_and_the_file_follows(tmp_path, shape, state):
    ours = MemMapArray(np.arange(6.0).reshape(2, 3), tmp_path / "a.npy", memmap=state == "mapped")
    expected = np.arange(6.0).reshape(2, 3).copy()
    old = ours.view()
    assert answer(lambda: ours.resize(*shape)) == answer(
        lambda: expected.resize(*shape, refcheck=False)
    )
    assert told(ours) == told(expected)
    assert old.tolist() == [[0, 1, 2], [3, 4, 5]]
    ours.resize(shape if shape != (-1,) else None)
    assert told(ours) == told(expected)
    if state == "mapped":
        assert told(np.load(tmp_path / "a.npy")) == told(expected)
