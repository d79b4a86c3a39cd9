"""The container in both states, in memory and mapped, is the array that NumPy has."""

import copy
import inspect
import math
import mmap
import operator
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maparray
from maparray import EmptyDataError, MemMapArray

STATES = ["in memory", "mapped"]


@pytest.fixture(params=STATES)
def make(request, tmp_path):
    """Makes a container in the one state or the other."""
    made = []

    def make(data, **options):
        made.append(tmp_path / f"{len(made)}.npy")
        return MemMapArray(data, made[-1], memmap=request.param == "mapped", **options)

    return make


def same(found, expected):
    """Found is a container with the very elements of an array, or the same scalar."""
    if isinstance(expected, np.ndarray):
        assert isinstance(found, MemMapArray)
    assert np.shape(found) == np.shape(expected)
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


# Operators

VALUES = [
    (1, 2),
    (0, 3),
    (-4, 2),
    (5, 0),
    (2.5, 0.5),
    (math.nan, 1.0),
    (math.inf, -1.0),
    (7, 7),
    (0, 0),
]
BINARY = [
    *(operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne),
    *(operator.add, operator.sub, operator.mul, operator.pow, operator.truediv, operator.floordiv),
    *(operator.mod, operator.lshift, operator.rshift, operator.and_, operator.or_, operator.xor),
    *(operator.matmul, divmod),
]
UNARY = [operator.neg, operator.pos, operator.abs, operator.invert]
IN_PLACE = [
    *(operator.iadd, operator.isub, operator.imul, operator.ipow, operator.itruediv),
    *(operator.ifloordiv, operator.imod, operator.ilshift, operator.irshift),
    *(operator.iand, operator.ior, operator.ixor, operator.imatmul),
]


def outcome(work):
    """What it gives, or the class of what it raises."""
    with np.errstate(all="ignore"):
        try:
            return work()
        except Exception as error:
            return type(error)


def agree(found, expected):
    if isinstance(expected, type):
        assert found is expected
    elif isinstance(expected, tuple):
        for part, right in zip(found, expected, strict=True):
            same(part, right)
    else:
        same(found, expected)


@pytest.mark.parametrize("values", VALUES, ids=str)
@pytest.mark.parametrize("sign", BINARY, ids=lambda sign: sign.__name__)
def test_a_binary_operator_gives_what_numpy_gives(make, sign, values):
    left, right = np.array([values[0]] * 3), np.array([values[1]] * 3)
    ours, other = make(left), make(right)
    expected = outcome(lambda: sign(left, right))
    agree(outcome(lambda: sign(ours, other)), expected)
    agree(outcome(lambda: sign(ours, right)), expected)
    agree(outcome(lambda: sign(left, other)), expected)
    agree(outcome(lambda: sign(ours, values[1])), outcome(lambda: sign(left, values[1])))
    agree(outcome(lambda: sign(values[0], other)), outcome(lambda: sign(values[0], right)))
    same(ours, left)


@pytest.mark.parametrize("values", VALUES, ids=str)
@pytest.mark.parametrize("sign", UNARY, ids=lambda sign: sign.__name__)
def test_a_unary_operator_gives_what_numpy_gives(make, sign, values):
    array = np.array(values)
    agree(outcome(lambda: sign(make(array))), outcome(lambda: sign(array)))


@pytest.mark.parametrize("values", VALUES, ids=str)
@pytest.mark.parametrize("sign", IN_PLACE, ids=lambda sign: sign.__name__)
def test_an_operator_in_place_changes_the_file_and_keeps_the_container(make, sign, values):
    left, right = np.array([values[0]] * 3), np.array([values[1]] * 3)
    ours, mapped = make(left), None
    mapped, name, before = ours.memmap, ours.filename, ours
    view = np.asarray(ours)
    expected = left.copy()
    wrong = outcome(lambda: sign(expected, right))
    found = outcome(lambda: sign(ours, make(right)))
    if isinstance(wrong, type):
        assert found is wrong
    else:
        assert found is before
    assert (ours.memmap, ours.filename) == (mapped, name)
    same(ours, expected)
    np.testing.assert_array_equal(view, expected)
    if mapped:
        np.testing.assert_array_equal(np.load(name), expected)


@pytest.mark.parametrize("convert", [bool, int, float, complex, operator.index, len])
@pytest.mark.parametrize("data", [3, [4], [2.5], [1, 2], [], True, [[1]]], ids=str)
def test_a_conversion_gives_what_numpy_gives(make, convert, data):
    array = np.array(data)
    one = array.size == 1 and convert in (int, float, complex)
    expected = outcome(lambda: convert(array.reshape(()) if one else array))
    assert outcome(lambda: convert(make(array))) == expected


def test_round_is_that_of_the_only_element_or_of_all(make):
    assert round(make([2.6])) == 3
    same(round(make([2.64, 1.0]), 1), np.array([2.6, 1.0]))
    with pytest.raises(TypeError):
        round(make([1.0, 2.0]))


def test_in_and_iteration_are_numpys(make):
    ours = make([[1, 2], [3, 4]])
    assert 3 in ours
    assert 5 not in ours
    assert [row.tolist() for row in ours] == [[1, 2], [3, 4]]
    with pytest.raises(TypeError, match="unhashable"):
        hash(ours)


# The names of an ndarray

ONE = np.array([[3.0, 1.0, 2.0], [6.0, 5.0, 4.0]])
CALLS = {
    "all": (), "any": (), "argmax": (0,), "argmin": (), "argpartition": (1,), "argsort": (),
    "astype": ("i4",), "byteswap": (), "choose": (np.arange(7) * 10,), "clip": (2, 4),
    "compress": ([True, False], 0), "conj": (), "copy": (), "cumprod": (1,), "cumsum": (),
    "diagonal": (), "dot": (np.ones(3),), "flatten": (), "getfield": ("f4", 4), "item": (4,),
    "max": (), "mean": (0,), "min": (1,), "nonzero": (), "prod": (), "ptp": (), "ravel": (),
    "repeat": (2,), "reshape": (3, 2), "round": (0,), "searchsorted": (2.5,), "squeeze": (),
    "std": (), "sum": (1,), "swapaxes": (0, 1), "take": ([0, 5],), "tobytes": (), "tolist": (),
    "tostring": (), "trace": (), "transpose": (), "var": (),
}  # fmt: skip
CHANGES = {"fill": (7,), "itemset": (2, 9.0), "partition": (1,), "put": ([0], [8.0]), "sort": ()}


@pytest.mark.parametrize("name", CALLS)
def test_a_method_gives_what_numpys_gives(make, name):
    arrays = {"choose": ONE.astype(int), "searchsorted": np.array([1.0, 2.0, 3.0])}
    array = arrays.get(name, ONE)
    ours, args = make(array), CALLS[name]
    numpys = {"ptp": lambda: np.ptp(array), "tostring": lambda: array.tobytes()}
    expected = numpys.get(name, lambda: getattr(array, name)(*args))()
    found = getattr(ours, name)(*args)
    if isinstance(expected, (bytes, list)):
        assert found == expected
    else:
        agree(found, expected)


@pytest.mark.parametrize("name", CHANGES)
def test_a_method_that_changes_the_array_changes_the_file(make, name):
    ours, expected = make(ONE), ONE.copy()
    if name == "itemset":
        expected[0, 2] = 9.0
    else:
        getattr(expected, name)(*CHANGES[name])
    assert getattr(ours, name)(*CHANGES[name]) is None
    same(ours, expected)
    if ours.memmap:
        np.testing.assert_array_equal(np.load(ours.filename), expected)


def test_every_redirected_name_is_there(make, tmp_path):
    ours = make(ONE)
    names = (
        "flags shape strides ndim data size itemsize nbytes base dtype T real imag flat ctypes "
        "item tolist itemset tostring tobytes tofile dump dumps astype byteswap copy view "
        "getfield setflags reshape resize transpose swapaxes flatten ravel squeeze take put "
        "repeat choose sort argsort partition argpartition searchsorted nonzero compress "
        "diagonal max argmax min argmin ptp conj round trace sum cumsum mean var std prod "
        "cumprod all any "
    ).split()
    assert len(names) == 65
    for name in names:
        assert hasattr(ours, name), name
        assert inspect.getdoc(getattr(MemMapArray, name)), name
    same(ours.T, ONE.T)
    same(ours.real, ONE)
    assert ours.flat[4] == 5.0
    ours.tofile(tmp_path / "raw")
    assert (tmp_path / "raw").read_bytes() == ONE.tobytes()
    assert pickle.loads(ours.dumps()).tolist() == ONE.tolist()


def test_a_view_of_a_container_shares_its_memory(make):
    ours = make(ONE)
    for part in (ours.T, ours.reshape(3, 2), ours.real, ours.ravel(), ours.squeeze()):
        assert isinstance(part, MemMapArray)
        assert np.shares_memory(np.asarray(part), np.asarray(ours))
    ours[0][1] = 50.0
    assert ours[0, 1] == 50.0


# Empty


def test_an_empty_container_says_so():
    empty = MemMapArray()
    assert empty.empty
    assert not empty.memmap
    assert empty.filename is None
    assert issubclass(EmptyDataError, ValueError)
    assert repr(empty) == "MemMapArray(empty)"
    uses = [
        lambda: empty.shape, lambda: empty[0], lambda: len(empty), lambda: empty + 1,
        lambda: 1 + empty, lambda: empty == 1, lambda: empty.sum(), lambda: np.asarray(empty),
        lambda: empty.view(), lambda: -empty, lambda: float(empty), lambda: np.sin(empty),
        lambda: empty.__setitem__(0, 1), lambda: maparray.eval("a + 1", a=empty),
    ]  # fmt: skip
    for use in uses:
        with pytest.raises(EmptyDataError, match="empty"):
            use()
    empty.flush()
    assert copy.copy(empty).empty


def test_an_empty_container_can_be_mapped_before_it_has_data(tmp_path):
    name = tmp_path / "later.npy"
    ours = MemMapArray(None, name, memmap=True)
    assert ours.memmap
    assert ours.empty
    assert not name.exists()
    ours.flush()
    ours.reset_data([1, 2, 3])
    assert np.load(name).tolist() == [1, 2, 3]
    ours.reset_data()
    assert ours.empty
    assert ours.memmap
    assert name.exists()
    ours.disable_memmap()
    assert not ours.memmap


# Moving


def test_the_seven_defects_of_the_reference_are_absent(tmp_path):
    name, other = tmp_path / "a.npy", tmp_path / "precious.npy"
    np.save(other, np.arange(3))
    # 1: in place.
    ours = MemMapArray([1.0, 2.0], name, memmap=True)
    alias = ours
    ours += 1
    assert ours is alias
    assert ours.memmap
    # 2: other data while mapped.
    ours.reset_data([7.0, 8.0, 9.0])
    assert np.load(name).tolist() == [7.0, 8.0, 9.0]
    ours[0] = 1
    assert np.load(name)[0] == 1
    # 3: nothing is deleted unless asked, and never a file of somebody else.
    for stranger in (MemMapArray([1], other), copy.copy(ours), MemMapArray([1], other)):
        del stranger
    with pytest.raises(OSError, match="exists"):
        MemMapArray([1], other, memmap=True)
    opened = maparray.open(other, "r+")
    with pytest.raises(TypeError, match="not made by this"):
        opened.disable_memmap(remove=True)
    assert opened.memmap
    opened.close()
    assert np.load(other).tolist() == [0, 1, 2]
    assert name.exists()
    # 4: no axes.
    point = MemMapArray(5.0, tmp_path / "point.npy", memmap=True)
    point += 1
    assert isinstance(point.base, mmap.mmap)
    assert np.load(point.filename) == 6.0
    point.disable_memmap()
    assert point[()] == 6.0
    # 5: copies and pickles.
    for twin in (copy.copy(ours), copy.deepcopy(ours)):
        assert not twin.memmap
        assert twin.tolist() == [1.0, 8.0, 9.0]
        twin[0] = 100
    again = pickle.loads(pickle.dumps(ours))
    assert again.memmap
    again[1] = 55
    assert ours[1] == 55
    # 6: big-endian.
    big = MemMapArray(np.array([1, 2], ">i4"), tmp_path / "big.npy", memmap=True)
    assert big.dtype == ">i4"
    assert (big + 1).tolist() == [2, 3]
    # 7: flush while mapped and empty; 8: no copy.
    ours.reset_data()
    ours.flush()
    assert np.shares_memory(np.asarray(big), np.asarray(big))


def test_what_is_contained_is_what_the_state_says(tmp_path):
    ours = MemMapArray([1, 2, 3], tmp_path / "a.npy")
    assert type(ours._contained) is np.ndarray
    assert ours.base is None
    ours.enable_memmap()
    assert isinstance(ours._contained, np.memmap)
    assert isinstance(ours.base, mmap.mmap)
    assert ours._contained.filename == ours.filename
    ours.disable_memmap()
    assert type(ours._contained) is np.ndarray
    assert MemMapArray()._contained is None


def test_views_taken_before_a_switch_see_and_reach_the_file(tmp_path):
    name = tmp_path / "a.npy"
    ours = MemMapArray(np.arange(6.0).reshape(2, 3), name)
    row, column, back = ours[1], ours.view()[:, 0], np.asarray(ours)[::-1]
    raw = memoryview(ours)
    ours.enable_memmap()
    row[0] = 30
    assert np.load(name)[1, 0] == 30
    assert column[1] == back[0, 0] == 30
    ours[0, 0] = -1
    assert back[1, 0] == raw[0, 0] == -1
    ours.disable_memmap()
    row[1] = 40
    assert ours[1, 1] == 40
    assert np.load(name)[1, 1] == 4
    with pytest.raises(BufferError):
        ours.close()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("format", ["npy", "raw"])
def test_a_file_holds_what_the_array_holds(tmp_path, format, order):
    name = tmp_path / "a.bin"
    data = np.asarray(np.arange(12, dtype=">u2").reshape(3, 4), order=order)
    ours = MemMapArray(data, name)
    ours.enable_memmap(format=format)
    ours[1, 1] = 99
    data[1, 1] = 99
    if format == "npy":
        stored = np.load(name)
        assert stored.flags.f_contiguous == (order == "F")
        np.testing.assert_array_equal(stored, data)
    else:
        assert name.read_bytes() == data.tobytes(order="A")


def test_the_name_of_the_file_is_locked(tmp_path):
    ours = MemMapArray([1, 2], tmp_path / "a.npy")
    with pytest.raises(ValueError, match="Filename locked"):
        ours.enable_memmap(tmp_path / "b.npy")
    assert not ours.memmap
    ours.enable_memmap(tmp_path / "a.npy")
    with pytest.raises(ValueError, match="Filename locked"):
        ours.filename = tmp_path / "b.npy"
    ours.filename = tmp_path / "a.npy"
    late = MemMapArray([1, 2])
    late.enable_memmap(tmp_path / "late.npy")
    assert np.load(tmp_path / "late.npy").tolist() == [1, 2]


def test_a_name_can_be_changed_and_takes_the_map_along(tmp_path):
    ours = MemMapArray([1, 2], tmp_path / "a.npy", memmap=True)
    view = ours.view()
    ours.set_filename(tmp_path / "b.npy")
    assert not (tmp_path / "a.npy").exists()
    view[0] = 10
    assert np.load(tmp_path / "b.npy").tolist() == [10, 2]
    np.save(tmp_path / "taken.npy", [0])
    with pytest.raises(OSError, match="exists"):
        ours.set_filename(tmp_path / "taken.npy")
    assert str(ours.filename) == str(tmp_path / "b.npy")
    ours.set_filename(tmp_path / "taken.npy", overwrite=True)
    assert np.load(tmp_path / "taken.npy").tolist() == [10, 2]
    idle = MemMapArray([3], tmp_path / "x.npy")
    idle.set_filename(tmp_path / "y.npy")
    idle.enable_memmap()
    assert np.load(tmp_path / "y.npy").tolist() == [3]


def test_without_a_name_the_file_is_seen_by_nobody(tmp_path):
    ours = MemMapArray([1, 2, 3])
    ours.enable_memmap(folder=tmp_path)
    assert ours.memmap
    assert ours.filename is None
    assert list(tmp_path.iterdir()) == []
    ours += 1
    ours.disable_memmap()
    assert ours.tolist() == [2, 3, 4]


def test_a_failed_switch_leaves_the_array_as_it_was(tmp_path):
    ours = MemMapArray(np.arange(4), tmp_path / "no" / "a.npy")
    view = ours.view()
    with pytest.raises(FileNotFoundError):
        ours.enable_memmap()
    view[0] = 5
    assert not ours.memmap
    assert ours.tolist() == [5, 1, 2, 3]
    taken = tmp_path / "taken.npy"
    taken.write_bytes(b"precious")
    mine = MemMapArray([1], taken)
    with pytest.raises(OSError, match="exists"):
        mine.enable_memmap()
    assert taken.read_bytes() == b"precious"
    mine.enable_memmap(overwrite=True)
    assert np.load(taken).tolist() == [1]


def test_a_file_that_was_opened_moves_to_memory_and_keeps_what_it_has(tmp_path):
    name = tmp_path / "a.npy"
    for mode in ("r", "r+", "c"):
        np.save(name, np.arange(4.0))
        ours = maparray.open(name, mode)
        if mode != "r":
            ours[0] = 9
        view = np.asarray(ours)
        ours.disable_memmap()
        assert not ours.memmap
        assert ours.mode is None
        ours[1] = 7
        assert view[1] == 7
        assert np.load(name).tolist() == [9.0 if mode == "r+" else 0.0, 1.0, 2.0, 3.0]


def test_a_result_that_is_too_large_for_memory_is_made_in_a_file(monkeypatch):
    monkeypatch.setattr(MemMapArray, "result_limit", 1000)
    ours = MemMapArray(np.arange(200.0))
    small, large = ours[:100] + 1, ours + 1
    assert large.memmap
    assert large.filename is None
    assert large.tolist() == list(np.arange(200.0) + 1)
    assert not (MemMapArray(small) + 1).memmap


@pytest.mark.parametrize("count", [1 << 18, 5])
def test_numpys_protocols_take_the_container_for_an_array(make, count):
    array = np.arange(count, dtype="f8")
    ours = make(array)
    # The engine's functions differ by two units in the last place at most.
    np.testing.assert_allclose(np.sin(ours), np.sin(array), rtol=5e-16)
    same(np.add(ours, 1, where=array > 2, out=make(array)), np.where(array > 2, array + 1, array))
    out = make(np.zeros(count))
    assert np.multiply(ours, 2, out=out) is out
    same(out, array * 2)
    same(np.add.accumulate(ours), np.add.accumulate(array))
    assert np.add.reduce(ours) == np.add.reduce(array)
    same(np.concatenate([ours, ours]), np.concatenate([array, array]))
    same(np.where(ours > 2, ours, 0), np.where(array > 2, array, 0))
    assert np.mean(ours) == ours.mean() == array.mean()
    same(np.cumsum(ours, out=out), np.cumsum(array))
    assert np.may_share_memory(np.asarray(ours), np.asarray(ours))
    assert ours.__array_interface__["shape"] == (count,)
    assert memoryview(ours).nbytes == bytes(ours).__len__() == array.nbytes
    same(np.from_dlpack(ours)[:3] * MemMapArray(1.0), array[:3])
    assert ours.__array_namespace__() is np
    assert ours.device == "cpu"
    mantissa, exponent = np.frexp(ours)
    same(mantissa, np.frexp(array)[0])
    same(exponent, np.frexp(array)[1])


# Pickles of parts

PARTS = {
    "diagonal": lambda m: m.diagonal(),
    "every third": lambda m: m.reshape(-1)[::3],
    "other axes": lambda m: m.swapaxes(0, 1),
    "backwards": lambda m: m.reshape(-1)[::-1],
    "transposed": lambda m: m.T,
    "one row": lambda m: m[1],
    "imaginary": lambda m: m.imag,
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("file", ["made", "opened", "unnamed"])
@pytest.mark.parametrize("unit", [None, "m"])
def test_a_part_of_a_file_is_pickled_with_the_way_it_lies(tmp_path, part, file, unit):
    name = None if file == "unnamed" else tmp_path / "a.npy"
    whole = MemMapArray(np.arange(24).reshape(4, 6) * (1 + 2j), name, unit=unit, memmap=True)
    if file == "opened":
        whole.close()
        whole = maparray.open(name, "r+")
    ours = PARTS[part](whole)
    ours = ours if isinstance(ours, MemMapArray) else maparray._maparray.over(ours)
    again = pickle.loads(pickle.dumps(ours))
    np.testing.assert_array_equal(again.view(), ours.view())
    assert again._unit == ours._unit
    if file == "opened":
        again.view()[0] = 99
        np.testing.assert_array_equal(again.view(), ours.view())


@pytest.mark.parametrize("mode", ["r", "c"])
def test_a_part_that_may_not_change_the_file_does_not_after_a_pickle(tmp_path, mode):
    np.save(tmp_path / "a.npy", np.arange(6.0))
    whole = maparray.open(tmp_path / "a.npy", mode)
    if mode == "c":
        whole[2] = 7.0
    part = maparray._maparray.over(whole[1:4])
    again = pickle.loads(pickle.dumps(part))
    assert again.tolist() == part.tolist()
    if mode == "c":
        again[0] = 8.0
    else:
        assert not again.view().flags.writeable
    assert np.load(tmp_path / "a.npy").tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_an_empty_container_stays_one_that_will_be_mapped(tmp_path, twin):
    empty = MemMapArray(None, tmp_path / "a.npy", unit="adu", memmap=True)
    found = twin(empty)
    assert found.empty
    assert found.memmap
    assert (found.filename, str(found._unit)) == (empty.filename, "adu")
    assert not twin(MemMapArray()).memmap


def test_a_name_without_letters_is_refused():
    for memmap in (False, True):
        with pytest.raises(ValueError, match="filename: found ''"):
            MemMapArray([1.0], "", memmap=memmap)


# Threads


def test_array_and_memory_belong_together_though_others_replace_them():
    class Raced(MemMapArray):
        others = 2

        def lease(self):
            if self.others:
                self.others -= 1
                self.reset_data(np.full(1 << 15, float(self.others)))
            return super().lease()

    for look in (lambda m: m._contained, lambda m: np.asarray(m.__array_interface__["data"])):
        ours = Raced(np.full(1 << 15, 9.0), memmap=True)
        kept = ours.view()
        found = np.frombuffer(look(ours), "f8")
        assert found.tolist() == [0.0] * (1 << 15)
        assert kept[0] == 9.0


# Functions of the later astropop


def test_the_functions_of_the_later_astropop(tmp_path):
    name = tmp_path / "a.npy"
    assert maparray.create_array_memmap(name, None) is None
    with pytest.raises(ValueError, match="filename"):
        maparray.create_array_memmap(None, [1])
    mapped = maparray.create_array_memmap(name, [1, 2, 3], dtype="f4")
    assert isinstance(mapped, np.memmap)
    mapped[0] = 9
    assert np.load(name).tolist() == [9, 2, 3]
    mapped = maparray.reset_memmap_array(mapped, [[5.0]])
    assert np.load(name).tolist() == [[5.0]]
    data = maparray.delete_array_memmap(mapped)
    assert type(data) is np.ndarray
    assert data.tolist() == [[5.0]]
    assert name.exists()
    assert maparray.delete_array_memmap(mapped, read=False, remove=True) is None
    assert not name.exists()
    assert maparray.delete_array_memmap(None) is None
    point = maparray.create_array_memmap(name, 4.0)
    assert maparray.reset_memmap_array(point, None) is None
    assert not name.exists()


@pytest.mark.parametrize(
    "work",
    [
        lambda a: maparray.delete_array_memmap(a, remove=True),
        lambda a: maparray.reset_memmap_array(a, None),
        lambda a: maparray.reset_memmap_array(a, 4.0),
        lambda a: maparray.reset_memmap_array(a, [3.0]),
    ],
)
def test_a_file_that_took_the_name_is_left_alone(tmp_path, work):
    name = tmp_path / "a.npy"
    mapped = maparray.create_array_memmap(name, [1.0, 2.0])
    np.save(tmp_path / "b.npy", [8.0, 8.0])
    (tmp_path / "b.npy").replace(name)
    with pytest.raises(FileExistsError, match="another file has this name"):
        work(mapped)
    assert np.load(name).tolist() == [8.0, 8.0]
    assert mapped.tolist() == [1.0, 2.0]
    assert list(tmp_path.iterdir()) == [name]


# Any story


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_story_of_switches_and_writes_is_that_of_a_plain_array(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("story")
    count = data.draw(st.integers(1, 5000))
    oracle = np.arange(count, dtype="i8")
    ours = MemMapArray(oracle, folder / "a.npy")
    views = [ours.view()]
    for step in range(data.draw(st.integers(1, 12))):
        what = data.draw(st.sampled_from(["on", "off", "gone", "write", "add", "view", "rename"]))
        at = data.draw(st.integers(0, count - 1))
        match what:
            case "on":
                ours.enable_memmap()
            case "off" | "gone":
                ours.disable_memmap(remove=what == "gone")
            case "write":
                views[at % len(views)][at] = oracle[at] = step
            case "add":
                ours += 1
                oracle += 1
            case "view":
                views.append(np.asarray(ours))
            case "rename":
                ours.set_filename(folder / f"{step}.npy", overwrite=True)
        for view in views:
            np.testing.assert_array_equal(view, oracle)
        if ours.memmap:
            np.testing.assert_array_equal(np.load(ours.filename), oracle)
