"""Files that grow: NumPy reads them at every stage, and views of before stay where they are."""

import gc
import multiprocessing
import os
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maparray

DTYPES = ["?", ">i2", "<f4", "c16", "S3", "<U2", "<M8[s]", [("id", ">u2"), ("x", "<f4", (2,))]]
unix = pytest.mark.skipif(os.name != "posix", reason="elsewhere growth moves the array")


def some(dtype, shape):
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = (np.arange(count) * 7 % 127).astype("u1")
    return (raw % 2 if dtype == "?" else raw).view(dtype).reshape(shape)


def address(array):
    return np.asarray(array).__array_interface__["data"][0]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_numpy_reads_the_file_at_every_stage(dtype, order, tmp_path):
    path = tmp_path / "a.npy"
    whole = some(dtype, (130, 3))
    whole = np.asfortranarray(whole.T) if order == "F" else whole
    rows = (lambda i, j: whole[:, i:j]) if order == "F" else (lambda i, j: whole[i:j])
    np.save(path, rows(0, 9).copy(order))
    array = maparray.open(path, "r+")
    start, stop = 9, 10
    while start < 130:
        array.append(rows(start, stop), durable=start < 20)
        for found in [np.load(path), np.load(path, mmap_mode="r"), np.asarray(array)]:
            assert found.dtype == whole.dtype
            assert found.flags.fnc == (order == "F")
            assert found.tobytes() == rows(0, stop).tobytes()
        start, stop = stop, min(130, stop + 30)


@unix
def test_views_of_before_stay_valid_write_through_and_keep_their_address(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(5.0))
    array = maparray.open(path, "r+")
    first = array.view()
    array.append([5.0])
    views, start = [], address(array.view())
    for i in range(6, 3000):
        views.append(array.view())
        array.append(float(i), durable=False)
        assert len(views[-1]) == i
    assert {address(view) for view in views} == {start, address(array)} == {start}
    first[0], views[0][1], views[-1][2] = -1, -2, -3
    assert list(array[:5]) == [-1, -2, -3, 3, 4]
    assert list(np.load(path)[:5]) == [-1, -2, -3, 3, 4]
    array[4] = 9
    assert first[4] == views[0][4] == 9
    with pytest.raises(BufferError):
        array.close()
    del first, views
    gc.collect()
    array.close()
    assert np.load(path).shape == (3000,)


@unix
def test_with_addresses_reserved_the_first_growth_does_not_move_either(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((2, 2), "i4"))
    array = maparray.open(path, "r+")
    array.reserve()
    view = array.view()
    array.append([[1, 2], [3, 4]])
    array.resize_rows(100_000, durable=False)
    assert address(array) == address(view)
    assert array[3].tolist() == [3, 4]


def test_lists_and_numbers_take_the_dtype_of_the_file_and_arrays_keep_theirs(tmp_path):
    array = maparray.create(tmp_path / "a.npy", shape=(0, 2), dtype="f4")
    array.append([1, 2])
    array.append([(3, 4), (5, 6)])
    array.append(array)
    assert array.shape == (6, 2)
    with pytest.raises(maparray.MismatchError, match="found `<f8`, expected `<f4`"):
        array.append(np.zeros(2))
    with pytest.raises(maparray.MismatchError, match=r"found \(3,\), expected \(2,\) or \(n, 2\)"):
        array.append([1, 2, 3])
    with pytest.raises(maparray.ReadOnlyError):
        maparray.open(tmp_path / "a.npy").append([1, 2])
    with pytest.raises(maparray.MismatchError, match="expected all of"):
        maparray.MemMapArray([1.0]).append(2.0)
    assert np.load(tmp_path / "a.npy").tolist() == 2 * [[1, 2], [3, 4], [5, 6]]


def test_extend_takes_whatever_gives_rows(tmp_path):
    array = maparray.create(tmp_path / "a.npy", shape=(0,), dtype="i8")
    array.extend(range(10_000))
    array.extend(np.arange(3))
    array.extend([[1, 2], 3, np.int64(4), []])
    expected = [*range(10_000), 0, 1, 2, 1, 2, 3, 4]
    assert np.load(tmp_path / "a.npy").tolist() == expected

    def breaks():
        yield 5
        raise KeyError("no more")

    with pytest.raises(KeyError):
        array.extend(breaks())
    assert array[:].tolist() == expected


def test_units_are_those_of_the_file(tmp_path):
    path = tmp_path / "a.npy"
    array = maparray.create(path, shape=(1,), dtype="f8", unit="km")
    array.append(maparray.MemMapArray([500.0], unit="m"))
    array.extend(maparray.MemMapArray([2.0, 3.0], unit="km"))
    assert np.load(path).tolist() == [0, 0.5, 2, 3]
    with pytest.raises(maparray.UnitError):
        array.append(maparray.MemMapArray([1.0], unit="s"))
    assert maparray.open(path)._unit == maparray.Unit("km")


def test_fewer_rows_are_forgotten_and_more_are_zero(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(10))
    array = maparray.open(path, "r+")
    view, size = array.view(), path.stat().st_size
    array.resize_rows(3)
    assert np.load(path).tolist() == np.load(path, mmap_mode="r").tolist() == [0, 1, 2]
    assert path.stat().st_size == size
    assert view.tolist() == list(range(10))
    array.resize_rows(12)
    assert np.load(path).tolist() == [0, 1, 2] + 9 * [0]
    # NumPy's own method is another one.
    array.resize(4)
    assert array.tolist() == [0, 1, 2, 0]


def test_a_reader_sees_more_rows_when_it_looks_again(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(3))
    writer, reader = maparray.open(path, "r+"), maparray.open(path)
    held = reader.view()
    assert not reader.refresh()
    assert reader.view() is not None
    writer.append([3, 4])
    assert len(reader) == 3
    assert reader.refresh()
    assert len(reader) == 5
    assert reader.tolist() == [0, 1, 2, 3, 4]
    assert held.tolist() == [0, 1, 2]
    with pytest.raises(maparray.MismatchError):
        maparray.open(path, "c").refresh()


def test_a_file_that_was_cut_opens_in_part_and_is_repaired(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(1000))
    os.truncate(path, 128 + 8 * 40 + 3)
    with pytest.raises(maparray.FormatError, match="40 whole rows"):
        maparray.open(path)
    with pytest.warns(UserWarning, match="a.npy: 960 rows are missing"):
        part = maparray.open(path, partial=True)
    assert part.tolist() == list(range(40))
    part.close()
    assert maparray.recover(path) == (40, 1000, 3)
    assert maparray.recover(path).surplus_bytes == 3
    assert np.load(path).tolist() == list(range(40))
    assert maparray.open(path, "r+", partial=True).shape == (40,)


def _append_many(path, first, count):
    array = maparray.open(path, "r+")
    for i in range(first, first + count):
        while True:
            try:
                array.append(i, durable=False)
                break
            except BufferError:
                # Another program is at it.
                continue


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_two_programs_that_append_lose_no_row(method, tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(0))
    keep = maparray.open(path, "r+")
    context = multiprocessing.get_context(method)
    jobs = [context.Process(target=_append_many, args=(path, i * 1000, 300)) for i in range(3)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
        assert job.exitcode == 0
    assert keep.refresh()
    found = keep.view()
    for i in range(3):
        part = found[(found >= i * 1000) & (found < i * 1000 + 1000)]
        assert part.tolist() == list(range(i * 1000, i * 1000 + 300))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=25))
def test_any_growth_with_views_alive_is_a_lists(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("grow") / "a.npy"
    np.save(path, np.arange(0))
    array, expected, views = maparray.open(path, "r+"), [], []
    for what, count in steps:
        if what == 0:
            more = list(range(len(expected), len(expected) + count))
            array.append(np.array(more, "i8"), durable=False)
            expected += more
        elif what == 1:
            array.resize_rows(count, durable=False)
            expected = (expected + count * [0])[:count]
        elif what == 2:
            views.append(array.view())
        elif expected:
            expected[count % len(expected)] = array[count % len(expected)] = -count
        assert array.tolist() == np.load(path).tolist() == expected
        for view in views:
            both = min(len(view), len(expected))
            assert view[:both].tolist() == expected[:both]


def test_ragged_items_come_back_as_they_were_given(tmp_path):
    path = tmp_path / "words"
    items = maparray.ragged(path, "x", dtype="u1")
    words = [b"map", b"", b"array", b"of", b"rows"]
    items.append(np.frombuffer(words[0], "u1"))
    items.extend(np.frombuffer(word, "u1") for word in words[1:])
    reader = maparray.ragged(path)
    assert len(reader) == 5
    assert [bytes(item) for item in reader] == words
    assert bytes(reader[-1]) == b"rows"
    with pytest.raises(IndexError):
        reader[5]
    values, offsets = reader.gather([2, 0, -1, 1])
    assert bytes(values) == b"arraymaprows"
    assert offsets.tolist() == [0, 5, 8, 12, 12]
    held = reader[2]
    items.append([1, 2, 3])
    assert reader.refresh()
    assert len(reader) == 6
    assert not reader.refresh()
    assert reader[5].tolist() == [1, 2, 3]
    assert bytes(held) == b"array"
    assert np.load(path / "offsets.npy").tolist() == [0, 3, 3, 8, 10, 14, 17]
    assert bytes(np.load(path / "values.npy")[:14]) == b"".join(words)
    with pytest.raises(OSError, match="exists"):
        maparray.ragged(path, "x", dtype="u1")
    with pytest.raises(maparray.MismatchError):
        items.append(np.zeros(2))
    with pytest.raises(maparray.ReadOnlyError):
        reader.append([1])
    with pytest.raises(TypeError, match="dtype"):
        maparray.ragged(path, "w+")
    with pytest.raises(TypeError, match="new files"):
        maparray.ragged(path, dtype="u1")
    assert len(maparray.ragged(path, "w+", dtype="u1")) == 0


def test_ragged_rows_may_have_axes(tmp_path):
    tracks = maparray.ragged(tmp_path / "tracks", "w+", dtype=">f4", row=(2,))
    tracks.extend([[[1, 2], [3, 4]], [[5, 6]], np.zeros((0, 2), ">f4")], durable=False)
    assert [track.shape for track in tracks] == [(2, 2), (1, 2), (0, 2)]
    values, offsets = tracks.gather([1, 0])
    assert values.tolist() == [[5, 6], [1, 2], [3, 4]]
    assert offsets.tolist() == [0, 1, 3]
    with pytest.raises(maparray.MismatchError):
        tracks.append([1, 2])
    assert tracks.dtype == ">f4"
    assert repr(tracks) == "<maparray.Ragged: 3 items of >f4>"


def test_ragged_files_are_let_go_of(tmp_path):
    path = tmp_path / "words"
    with maparray.ragged(path, "x", dtype="u1") as items:
        items.append([1, 2], durable=False)
        items.flush()
        items.extend([[3], [4, 5]], durable=False)
        held = items[2]
        assert not items.closed
    assert items.closed
    assert repr(items) == "<maparray.Ragged, closed>"
    assert held.tolist() == [4, 5]
    assert np.load(path / "offsets.npy").tolist() == [0, 2, 3, 5]
    items.close()
    for use in [lambda: items[0], lambda: len(items), lambda: items.append([6]), items.flush]:
        with pytest.raises(ValueError, match="closed"):
            use()
    with pytest.raises(ValueError, match="closed"), items:
        pass
    with pytest.raises(KeyError), maparray.ragged(path) as reader:
        raise KeyError(reader[0][1])
    assert reader.closed


def test_rows_with_a_mask_are_refused(tmp_path):
    log = maparray.create(tmp_path / "a.npy", shape=(1,), dtype="f8")
    rows = np.ma.array([1.0, 2.0], mask=[True, False])
    for add in [log.append, log.extend, lambda rows: log.extend(list(rows))]:
        with pytest.raises(maparray.UnsupportedError, match="mask would be lost"):
            add(rows)
    assert np.load(tmp_path / "a.npy").tolist() == [0.0]


def test_ragged_rows_may_have_no_elements(tmp_path):
    items = maparray.ragged(tmp_path / "a", "w+", dtype="f4", row=(0,))
    items.extend([np.zeros((2, 0), "f4"), np.zeros((3, 0), "f4")])
    assert [item.shape for item in items] == [(2, 0), (3, 0)]


def tight(path):
    """A file whose header has no blank to spare."""
    text = b"{'descr':'<i8','fortran_order':False,'shape':(9,)}\n"
    start = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    path.write_bytes(start + np.arange(9, dtype="<i8").tobytes())


def test_a_file_without_room_is_written_anew_only_if_told(tmp_path):
    path = tmp_path / "a.npy"
    tight(path)
    array = maparray.open(path, "r+")
    view = np.asarray(array)
    with pytest.raises(maparray.UnsupportedError, match="no room"):
        array.append([9, 10])
    array.append([9, 10], rewrite=True)
    array.extend(iter(range(11, 130)), rewrite=True)
    array[0] = 77
    array.flush()
    assert np.load(path).tolist() == array.tolist() == [77, *range(1, 130)]
    assert view.tolist() == list(range(9))
    assert os.listdir(tmp_path) == ["a.npy"]


def test_part_of_a_cut_file_is_one_of_its_whole_rows(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(1000))
    os.truncate(path, 128 + 8 * 40)
    with pytest.warns(UserWarning, match="960 rows are missing"):
        assert maparray.open(f"{path}[-3:]", partial=True).tolist() == [37, 38, 39]
    for other in ({"dtype": "<i8"}, {"inflate": True}):
        with pytest.raises(TypeError, match="partial"):
            maparray.open(path, partial=True, **other)
    np.savez(tmp_path / "a.npz", x=[1])
    with pytest.raises(maparray.FormatError, match="not a .npy file"):
        maparray.open(tmp_path / "a.npz", partial=True)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(3, 1), (1, 3), (1, 1), (2, 1, 1), (1, 1, 2), (1, 2, 1), (0, 1)])
def test_arrays_with_axes_of_one_grow_along_the_axis_of_their_order(shape, order, tmp_path):
    path = tmp_path / "a.npy"
    axis = 0 if order == "C" else len(shape) - 1
    start = np.arange(np.prod(shape), dtype="f8").reshape(shape, order=order)
    array = maparray.create(path, shape=shape, order=order)
    array[...] = start
    more = np.full([2 if n == axis else length for n, length in enumerate(shape)], 7.5)
    array.append(more)
    array.close()
    expected = np.concatenate([start, more], axis=axis)
    for seen in (np.load(path), maparray.read(path), maparray.open(path, "r+")):
        np.testing.assert_array_equal(np.asarray(seen), expected)
    wrong = np.zeros([length + 1 for length in expected.shape])
    with pytest.raises(maparray.MismatchError):
        maparray.open(path, "r+").append(wrong)
