"""Rows taken, chunks walked, memory asked for and given back: as NumPy has it, where it has it."""

import gc
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maparray

DTYPES = ["?", "i1", ">i2", "<u4", "<i8", "<f2", "<f4", ">f8", "c8", ">c16", "S3", ">U2", "V5"]
DTYPES += ["<M8[s]", [("id", ">u2"), ("x", "<f4", (2,))]]
linux = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux what is in memory")


def some(dtype, shape=(6, 5, 4)):
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = (np.arange(count) * 7 % 127).astype("u1")
    return (raw % 2 if dtype == "?" else raw).view(dtype).reshape(shape)


def kinds(array, folder):
    """The array as everything that `take` accepts, and views of it in every layout."""
    path = folder / "a.npy"
    np.save(path, array)
    mapped = maparray.load(path, mmap_mode="r")
    yield array, array
    yield mapped, array
    yield maparray.open(path), array
    yield path, array
    yield str(path), array
    for part in [np.s_[::-1], np.s_[1:, ::-2], np.s_[..., ::3], np.s_[..., ::-1], np.s_[2]]:
        yield mapped[part], array[part]
    yield mapped.T, array.T
    yield np.asfortranarray(array), array


def same(found, expected):
    assert np.shape(found) == np.shape(expected)
    assert np.asarray(found).dtype == np.asarray(expected).dtype
    assert np.asarray(found).tobytes() == np.asarray(expected).tobytes()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_rows_of_every_dtype_and_layout_are_numpys(dtype, tmp_path):
    for ours, array in kinds(some(dtype), tmp_path):
        for axis in range(-array.ndim, array.ndim):
            for indices in [[0, -1, 1, 1], 1, [[1, 0], [-1, 1]], np.array([], "i8")]:
                same(maparray.take(ours, indices, axis), np.take(array, indices, axis))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_take_of_any_shape_is_numpys(data):
    shape = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple))
    array = some("<f4", shape)
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    length = shape[axis]
    inside = st.integers(-length, length - 1)
    flat = data.draw(st.lists(inside, max_size=12))
    same(maparray.take(array, np.array(flat, "i8"), axis), array.take(np.array(flat, "i8"), axis))
    anywhere = data.draw(st.lists(st.integers(-20, 20), min_size=1, max_size=5))
    for mode in ["wrap", "clip"]:
        same(
            maparray.take(array, anywhere, axis, mode=mode),
            np.take(array, anywhere, axis, mode=mode),
        )


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", ">i4", "u4", "i8", "u8", "?"])
def test_indices_of_every_integer_dtype_are_taken(dtype):
    array = np.arange(10.0)
    indices = np.array([0, 1, 1], dtype)
    same(maparray.take(array, indices), array[indices.astype("i8")])


def test_an_index_outside_is_an_index_error_that_names_it_and_the_bound(tmp_path):
    array = np.arange(12).reshape(3, 4)
    out = np.zeros((2, 4), array.dtype)
    for index in [3, -4, 2**62, np.uint64(2**64 - 1)]:
        with pytest.raises(IndexError, match=r"axis 0, expected -3 to 2"):
            maparray.take(array, [0, index] if isinstance(index, int) else index, out=None)
    with pytest.raises(IndexError, match="found 7 for axis 1"):
        maparray.take(array, [7], axis=1)
    with pytest.raises(IndexError):
        maparray.take(array, [0, 3], out=out)
    assert not out.any()
    with pytest.raises(IndexError):
        maparray.take(array, [0], axis=2)
    for wrong in [[0.5], ["a"], [None]]:
        with pytest.raises(TypeError):
            maparray.take(array, wrong)


def test_rows_go_into_arrays_of_any_layout(tmp_path):
    array = np.arange(60, dtype="f4").reshape(5, 4, 3)
    expected = array[[4, 0]]
    wide = np.zeros((2, 4, 6), "f4")
    for out in [np.zeros((2, 4, 3), "f4"), np.zeros((2, 4, 3), "f4", order="F"), wide[..., ::-2]]:
        assert maparray.take(array, [4, 0], out=out) is out
        assert (out == expected).all()
    swapped = np.zeros((2, 4, 3), ">f4")
    maparray.take(array, [4, 0], out=swapped)
    assert (swapped == expected).all()
    mapped = maparray.memmap(tmp_path / "raw", "f4", "w+", shape=(2, 4, 3))
    maparray.take(array, [4, 0], out=mapped)
    assert (np.fromfile(tmp_path / "raw", "f4").reshape(2, 4, 3) == expected).all()
    with maparray.create(tmp_path / "c.npy", shape=(2, 4, 3), dtype="f4") as container:
        assert maparray.take(array, [4, 0], out=container) is container
    assert (np.load(tmp_path / "c.npy") == expected).all()
    for wrong in [np.zeros((2, 4), "f4"), np.zeros((2, 4, 3), "f8")]:
        with pytest.raises(maparray.MismatchError):
            maparray.take(array, [4, 0], out=wrong)
    wide.flags.writeable = False
    with pytest.raises(maparray.ReadOnlyError):
        maparray.take(array, [4, 0], out=wide)


def test_rows_go_into_a_new_file_of_their_dtype_and_shape(tmp_path):
    for dtype in [">f4", "S3", [("id", ">u2"), ("x", "<f4")]]:
        array = some(dtype)
        for indices in [[4, 0], 3, [[0, 1], [2, -1]]]:
            found = maparray.take(array, indices, axis=1, out=tmp_path / "rows.npy")
            same(found.view(), np.take(array, indices, axis=1))
            same(np.load(tmp_path / "rows.npy"), np.take(array, indices, axis=1))
            found.close()


def test_rows_may_go_into_the_array_that_they_come_from(tmp_path):
    array = np.arange(1000)
    back = np.arange(1000)[::-1].copy()
    maparray.take(array, back, out=array)
    assert (array == back).all()
    mapped = maparray.memmap(tmp_path / "raw", "i8", "w+", shape=(1000,))
    mapped[:] = np.arange(1000)
    maparray.take(mapped[::2], [1, 0], out=mapped[:2])
    assert mapped[:2].tolist() == [2, 0]


def test_a_mask_keeps_rows_as_compress_does():
    array = np.arange(12).reshape(3, 4)
    for axis, mask in [(0, [True, False, True]), (1, [False, True]), (1, [0, 1, 2, 0])]:
        same(maparray.compress(mask, array, axis), np.compress(mask, array, axis))
    with pytest.raises(IndexError):
        maparray.compress([False] * 3 + [True], array)
    with pytest.raises(ValueError, match="1-d"):
        maparray.compress([[True]], array)


def test_the_container_has_the_functions_as_methods(tmp_path):
    array = np.arange(12, dtype="i4").reshape(3, 4)
    np.save(tmp_path / "a.npy", array)
    with maparray.open(tmp_path / "a.npy") as container:
        same(container.take([2, 0]), array.take([2, 0]))
        same(container.take([2, 0], axis=0), array[[2, 0]])
        same(container.take(1, axis=1), array[:, 1])
        same(container.compress([True], axis=1), array[:, :1])
        assert [chunk.tolist() for chunk in container.iter_chunks(rows=2)] == [
            array[:2].tolist(),
            array[2:].tolist(),
        ]
        for advice in ["normal", "sequential", "random", "willneed"]:
            container.advise(advice)
        with pytest.raises(ValueError, match="advice"):
            container.advise("whatever")
        container.prefetch()
        container.prefetch(1, 2)
        assert container.resident() >= 0
        container.release()
        same(container.view(), array)
    for call in [container.resident, container.release, container.prefetch]:
        with pytest.raises(ValueError, match="closed"):
            call()


def test_chunks_are_views_and_together_the_array(tmp_path):
    array = some("<f4", (10, 3))
    for ours, expected in kinds(array, tmp_path):
        for size in [{"rows": 3}, {"chunk_bytes": 25}, {"chunk_bytes": 1}, {}, {"rows": 0}]:
            chunks = list(maparray.iter_chunks(ours, **size))
            same(np.concatenate(chunks), expected)
    base = np.zeros((4, 2))
    for chunk in maparray.iter_chunks(base, rows=1):
        chunk[:] = 1
    assert base.all()
    assert isinstance(next(maparray.iter_chunks(maparray.load(tmp_path / "a.npy", "r"))), np.memmap)
    assert list(maparray.iter_chunks(np.zeros((0, 3)))) == []
    with pytest.raises(TypeError, match="both"):
        maparray.iter_chunks(base, 1, rows=1)
    with pytest.raises(IndexError):
        maparray.iter_chunks(np.float64(1))


def test_a_chunk_keeps_its_container_open(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(10))
    container = maparray.open(tmp_path / "a.npy")
    chunks = maparray.iter_chunks(container, rows=5)
    chunk = next(chunks)
    with pytest.raises(BufferError):
        container.close()
    del chunk, chunks
    gc.collect()
    container.close()


@linux
def test_memory_is_released_and_comes_back(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(1 << 20))
    with open(tmp_path / "a.npy", "rb+") as file:
        import os

        os.fsync(file.fileno())
    for open_it in [maparray.open, lambda path: maparray.load(path, mmap_mode="r")]:
        array = open_it(tmp_path / "a.npy")
        assert np.asarray(array).sum() == (1 << 20) * ((1 << 20) - 1) // 2
        assert maparray.resident(array) == 8 << 20
        maparray.release(array)
        assert maparray.resident(array) < 1 << 20
        maparray.prefetch(array)
        assert maparray.take(array, [-1])[0] == (1 << 20) - 1
        for _ in maparray.iter_chunks(array, 1 << 20, release=True):
            pass
        del array
    private = maparray.open(tmp_path / "a.npy", "c")
    private[5] = 77
    private.release()
    assert private[5] == 77


def test_the_first_element_of_a_file_is_numpys_scalar_and_so_is_the_second(tmp_path):
    for dtype in DTYPES:
        array = some(dtype, (4,))
        np.save(tmp_path / "a.npy", array)
        container = maparray.open(tmp_path / "a.npy")
        for index in [1, -1]:
            assert type(container[index]) is type(array[index])
            assert container[index].tobytes() == array[index].tobytes()
        container.close()
        container = maparray.open(tmp_path / "a.npy")
        with pytest.raises(IndexError, match="index 4 is out of bounds"):
            container[4]
        assert container[0].tobytes() == array[0].tobytes()
        container.close()


def test_a_small_file_shows_what_others_write(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(4))
    container = maparray.open(tmp_path / "a.npy")
    assert container[2] == 2
    np.load(tmp_path / "a.npy", mmap_mode="r+")[2] = 9
    assert container[2] == 9
    assert container.view()[2] == 9


def test_rows_of_empty_arrays_are_wrong_where_numpy_says_so():
    for shape, indices, axis in [
        ((0, 3), [0], 0),
        ((0, 3), [5], 1),
        ((3, 0), [7], 0),
        ((3, 0), [0], 1),
        ((0, 3), np.array([], "i8"), 0),
        ((4,), [], 0),
    ]:
        a = np.zeros(shape)
        try:
            expected = np.take(a, indices, axis)
        except IndexError:
            with pytest.raises(IndexError):
                maparray.take(a, indices, axis)
        else:
            same(maparray.take(a, indices, axis), expected)
    same(maparray.compress([0, 0, 0, 1], np.zeros((0, 3)), 1), np.zeros((0, 1)))
    with pytest.raises(TypeError, match="found dtype float64"):
        maparray.take(np.arange(3), np.array([], "f8"))


def test_unsigned_indices_beyond_int64_are_what_they_say():
    a = np.arange(10)
    great = np.array([2**63 + 1, 2**64 - 1, 3], "u8")
    expected = [int(index) % 10 for index in great]
    assert maparray.take(a, great, mode="wrap").tolist() == expected
    assert maparray.take(a, great, mode="clip").tolist() == [9, 9, 3]
    with pytest.raises(IndexError, match=f"found {2**63 + 1} for axis 0, expected -10 to 9"):
        maparray.take(a, great)


def test_a_mask_of_any_kind_compresses_as_numpys(tmp_path):
    a = np.arange(24).reshape(4, 6)
    for axis, mask in [(0, [1, 0, 2, 0]), (1, np.array([0.5, 0, 1, 0, 0, np.nan])), (1, [True])]:
        expected = np.compress(mask, a, axis)
        same(maparray.compress(mask, a, axis), expected)
        out = np.empty_like(expected)
        assert maparray.compress(mask, a, axis, out) is out
        same(out, expected)
        saved = maparray.compress(mask, a, axis, tmp_path / "c.npy")
        same(saved[:], expected)
