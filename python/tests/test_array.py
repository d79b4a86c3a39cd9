"""The container: opening, lending, closing."""

import array as std_array
import ctypes
import gc
import mmap
import os
import threading
import time

import numpy as np
import pytest

import maparray


@pytest.fixture
def path(tmp_path):
    """A .npy file of 0 … 23 in three rows."""
    path = tmp_path / "data.npy"
    np.save(path, np.arange(24.0).reshape(3, 8))
    return path


# Opening


def test_open_reads_only_by_default(path):
    array = maparray.open(path)
    assert array.mode == "r"
    with pytest.raises(maparray.ReadOnlyError, match=r"data\.npy: assignment destination"):
        array[0, 0] = 1
    assert not array.view().flags.writeable


def test_the_attributes_are_those_of_an_array(path):
    array, expected = maparray.open(path), np.load(path)
    for name in ("shape", "dtype", "ndim", "size", "nbytes", "itemsize", "strides"):
        assert getattr(array, name) == getattr(expected, name)
    assert os.fspath(array.filename) == str(path)
    assert array.offset == 128
    assert array.closed is False
    assert len(array) == 3


def test_a_path_is_text_or_a_path(path):
    for name in (path, str(path), os.fsencode(path)):
        assert maparray.open(name).size == 24
    with pytest.raises(TypeError, match="found int, expected str or os.PathLike"):
        maparray.open(3)


def test_changes_reach_the_file(path):
    with maparray.open(path, "r+") as array:
        array[1] = 7
        array[2, ::2] = [1, 2, 3, 4]
        array.flush()
        array.flush(durable=False)
    assert np.load(path)[1].tolist() == [7] * 8
    assert np.load(path)[2, 4] == 3


def test_changes_to_a_private_copy_stay_here(path):
    with maparray.open(path, "c") as array:
        array[0, 0] = 99
        assert array[0, 0] == 99
    assert np.load(path)[0, 0] == 0


def test_modes_that_make_files_are_refused_with_a_hint(path):
    before = path.read_bytes()
    with pytest.raises(ValueError, match='found "w\\+"') as caught:
        maparray.open(path, "w+")
    assert caught.value.__notes__ == ["hint: `maparray.create` makes files"]
    assert path.read_bytes() == before


def test_raw_files_are_opened_as_the_caller_says(tmp_path):
    path = tmp_path / "raw"
    path.write_bytes(b"head" + np.arange(6, dtype=">u2").tobytes())
    array = maparray.open(path, dtype=">u2", offset=4, shape=(-1, 2))
    assert array.shape == (3, 2)
    assert array.dtype == ">u2"
    assert np.asarray(array).tolist() == [[0, 1], [2, 3], [4, 5]]
    fortran = maparray.open(path, dtype=">u2", offset=4, shape=(3, 2), order="F")
    assert fortran[1, 1] == 4
    assert maparray.open(path, dtype="u1").shape == (16,)


def test_a_raw_file_needs_a_dtype(path):
    with pytest.raises(TypeError, match="dtype is missing"):
        maparray.open(path, shape=3)


def test_a_raw_file_is_never_extended(tmp_path):
    path = tmp_path / "raw"
    path.write_bytes(b"12345678")
    with pytest.raises(maparray.FormatError):
        maparray.open(path, "r+", dtype="f8", shape=2)
    with pytest.raises(IndexError, match="100"):
        maparray.open(path, dtype="f8", offset=100)
    assert path.stat().st_size == 8


def test_open_does_not_read_objects(tmp_path):
    path = tmp_path / "o.npy"
    np.save(path, np.array([1, "a"], dtype=object), allow_pickle=True)
    with pytest.raises(maparray.UnsupportedError, match="object") as caught:
        maparray.open(path)
    assert "pickles" in caught.value.__notes__[0]


# Making


def test_create_makes_a_file_of_zeros(tmp_path):
    path = tmp_path / "new.npy"
    with maparray.create(path, shape=(2, 3), dtype="f4", order="F") as array:
        assert array.mode == "r+"
        array[1] = 5
    loaded = np.load(path)
    assert loaded.tolist() == [[0, 0, 0], [5, 5, 5]]
    assert loaded.flags.f_contiguous
    assert maparray.create(path, shape=3).dtype == np.float64


def test_create_takes_its_space_unless_told_not_to(tmp_path):
    full = maparray.create(tmp_path / "full.npy", shape=1 << 20, dtype="u1")
    sparse = maparray.create(tmp_path / "sparse.npy", shape=1 << 20, dtype="u1", allocate="sparse")
    assert os.stat(full.filename).st_blocks * 512 >= 1 << 20
    assert os.stat(sparse.filename).st_blocks * 512 < 1 << 18


def test_create_can_refuse_to_replace(path):
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        maparray.create(path, shape=3, mode="x")
    assert path.read_bytes() == before


def test_create_leaves_the_old_file_to_its_readers(path):
    old = maparray.open(path)
    maparray.create(path, shape=3)
    assert old[2, 7] == 23


def test_a_shape_for_a_new_file_is_complete(tmp_path):
    with pytest.raises(ValueError, match="-1"):
        maparray.create(tmp_path / "x.npy", shape=(-1, 2))


@pytest.mark.parametrize("shape", [(), (0,), (0, 4), (3, 0, 2)])
def test_no_elements_and_no_axes_are_real_arrays(tmp_path, shape):
    path = tmp_path / "x.npy"
    with maparray.create(path, shape=shape, dtype="i4") as array:
        assert array.shape == shape
        assert array.view().shape == shape
    with maparray.open(path, "r+") as array:
        assert np.asarray(array).tolist() == np.zeros(shape, "i4").tolist()
    assert path.read_bytes()[128:] == np.zeros(shape, "i4").tobytes()


# Indexing


@pytest.mark.parametrize(
    "index",
    [
        0,
        -1,
        (1, 2),
        slice(None, None, -1),
        (Ellipsis, 3),
        (slice(1, 3), slice(0, 8, 3)),
        None,
        [2, 0],
        np.array([[True] * 8, [False] * 8, [True] * 8]),
    ],
)
def test_indexing_is_numpys(path, index):
    array, expected = maparray.open(path), np.load(path)
    found = array[index]
    assert type(found) is type(expected[index])
    assert np.array_equal(found, expected[index])


def test_an_index_out_of_bounds_is_an_index_error(path):
    with pytest.raises(IndexError):
        maparray.open(path)[3]


def test_iteration_goes_along_the_first_axis(path):
    rows = list(maparray.open(path))
    assert [row[0] for row in rows] == [0, 8, 16]
    assert 23.0 in maparray.open(path)
    assert 99.0 not in maparray.open(path)


def test_numpy_takes_it_as_an_array(path):
    array = maparray.open(path)
    assert np.sum(array) == 276
    assert np.shares_memory(np.asarray(array), array.view())
    assert np.asarray(array, dtype="i4").dtype == np.int32
    copied = np.array(array)
    assert copied.flags.owndata
    with pytest.raises(ValueError, match="copy"):
        np.asarray(array, dtype="i4", copy=False)


# Lending and closing


def test_close_refuses_while_an_array_is_lent(path):
    array = maparray.open(path)
    view = array.view()
    with pytest.raises(BufferError, match="found 1 arrays") as caught:
        array.close()
    assert "copy" in caught.value.__notes__[0]
    assert not array.closed
    assert view[0, 1] == 1
    del view
    array.close()
    assert array.closed


def test_close_refuses_for_a_slice_of_a_view_and_for_its_memoryview(path):
    array = maparray.open(path)
    for take in (
        lambda: array[1:][0],
        lambda: memoryview(array.view()),
        lambda: np.asarray(array).T,
        lambda: array.view().base,
    ):
        lent = take()
        with pytest.raises(BufferError):
            array.close()
        del lent
    array.close()


def test_a_scalar_and_a_fancy_read_are_copies(path):
    array = maparray.open(path)
    element, rows = array[0, 1], array[[0, 2]]
    array.close()
    assert element == 1
    assert rows[1, 0] == 16


def test_a_view_outlives_its_container(path):
    array = maparray.open(path)
    view = array[1:]
    del array
    gc.collect()
    assert view[0, 0] == 8


def test_the_end_of_a_with_block_closes_and_leaves_the_file_to_what_was_lent(path):
    with maparray.open(path, "r+") as array:
        view = array[1:]
        array[1, 0] = 77
    assert array.closed
    assert view[0, 0] == 77
    assert np.load(path)[1, 0] == 77
    view[0, 0] = 78
    assert np.load(path)[1, 0] == 78
    with pytest.raises(ZeroDivisionError), maparray.open(path) as array:
        array[0, 0] / (1 // 0)
    assert array.closed


def test_closing_lets_go_of_the_file(path):
    def mapped():
        with open("/proc/self/maps") as maps:
            return str(path) in maps.read()

    array = maparray.open(path)
    # A small file is mapped when its elements are first wanted in place.
    assert array.view().size > 0
    assert mapped()
    array.close()
    assert not mapped()
    array.close()


def test_a_closed_array_says_so(path):
    array = maparray.open(path)
    array.close()
    for use in (
        lambda: array.shape,
        lambda: array[0],
        lambda: array.view(),
        lambda: array.flush(),
        lambda: np.asarray(array),
        lambda: array.__enter__(),
    ):
        with pytest.raises(ValueError, match="array is closed"):
            use()
    assert repr(array) == "MemMapArray(closed)"


def test_with_closes_and_does_not_hide_an_exception(path):
    with maparray.open(path) as array:
        pass
    assert array.closed

    def fail():
        with maparray.open(path) as array:
            lent = array.view()
            return [1 / 0, lent]

    with pytest.raises(ZeroDivisionError):
        fail()


def test_read_only_memory_cannot_be_made_writable(path):
    view = maparray.open(path).view()
    for attempt in (
        lambda: view.setflags(write=True),
        lambda: setattr(view.flags, "writeable", True),
        lambda: setattr(view.base.flags, "writeable", True),
    ):
        with pytest.raises(ValueError, match="WRITEABLE"):
            attempt()


def test_what_is_lent_is_a_plain_array_that_claims_no_mmap(path):
    view = maparray.open(path).view()
    assert type(view) is np.ndarray
    bottom = view
    while isinstance(bottom, np.ndarray):
        bottom = bottom.base
    assert not isinstance(bottom, mmap.mmap)


def test_repr_names_the_file_and_reads_no_element(tmp_path):
    path = tmp_path / "x.npy"
    array = maparray.create(path, shape=(1 << 40,), dtype="u1", allocate="sparse")
    assert repr(array) == (
        f"MemMapArray(shape=({1 << 40},), dtype='uint8', filename='{path}', mode='r+')"
    )


def test_threads_may_use_and_close_one_array_at_once(path):
    box, unexpected, finished = [maparray.open(path, "r+")], [], set()
    end = time.monotonic() + 1

    def evaluate():
        assert maparray.eval("sum(a)", a=box[0], threads=1) == 276

    def evaluate_in_place():
        maparray.eval("a * 1", a=box[0], out=box[0], threads=1)

    def index():
        array = box[0]
        assert array[2, 7] == 23
        array[1, 1] = 9

    def describe():
        array = box[0]
        assert array.shape == (3, 8)
        assert "MemMapArray(" in repr(array)
        array.flush(durable=False)

    def close():
        box[0].close()

    def leave():
        with maparray.open(path, "r+") as array:
            box[0] = array
            time.sleep(0.001)

    def repeat(use):
        while time.monotonic() < end:
            try:
                use()
                finished.add(use)
            except BufferError as error:
                if "cannot close" not in str(error):
                    unexpected.append(error)
            except ValueError as error:
                if str(error) != "array is closed":
                    unexpected.append(error)
            except BaseException as error:
                unexpected.append(error)

    uses = [evaluate, evaluate_in_place, index, describe, close, leave]
    threads = [threading.Thread(target=repeat, args=(use,)) for use in uses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert unexpected == []
    assert finished == set(uses)
    assert box[0].closed
    assert np.load(path).sum() == 276


def test_a_value_that_closes_the_array_is_refused(path):
    array = maparray.open(path, "r+")

    class Closes:
        def __float__(self):
            array.close()
            return 0.0

    with pytest.raises((BufferError, TypeError)) as caught:
        array[0, 0] = Closes()
    assert "found 1 arrays" in repr(caught.value) + repr(caught.value.__cause__)
    array.close()


# Reading, and other people's memory


@pytest.mark.parametrize(
    "dtype", ["<f8", ">f8", ">U3", ">c8", ">M8[s]", [("a", ">i4"), ("b", "S2")]]
)
def test_read_copies_in_the_order_of_the_machine(tmp_path, dtype):
    path = tmp_path / "x.npy"
    expected = np.zeros((2, 3), dtype)
    np.save(path, expected)
    found = maparray.read(path)
    assert type(found) is np.ndarray
    assert found.flags.owndata
    assert found.flags.writeable
    assert found.dtype == np.dtype(dtype).newbyteorder("=")
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    "buffer",
    [
        b"\0\1\2\3\4\5\6\7",
        bytearray(b"\0\1\2\3\4\5\6\7"),
        memoryview(b"\0\1\2\3\4\5\6\7"),
        std_array.array("H", [0x0100, 0x0302, 0x0504, 0x0706]),
        np.arange(8, dtype="u1"),
        (ctypes.c_uint16 * 4)(0x0100, 0x0302, 0x0504, 0x0706),
        memoryview(np.array(0x0706050403020100, "<u8")),
        np.frombuffer(bytes(range(8)), [("O", "<u2"), ("b", "<u2", (3,))]),
    ],
)
def test_any_buffer_is_an_array(buffer):
    array = maparray.frombuffer(buffer, "<u2", shape=(-1, 2))
    assert np.asarray(array).tolist() == [[0x0100, 0x0302], [0x0504, 0x0706]]
    assert array.filename is None
    assert array.mode is None
    assert array.view().flags.writeable == (not memoryview(buffer).readonly)
    assert maparray.eval("sum(a)", a=array) == 0x0100 + 0x0302 + 0x0504 + 0x0706


def test_a_buffer_may_be_read_with_strides():
    array = maparray.frombuffer(bytes(range(12)), "u1", (3, 2), offset=9, strides=(-4, 1))
    assert np.asarray(array).tolist() == [[9, 10], [5, 6], [1, 2]]
    with pytest.raises(IndexError, match="outside"):
        maparray.frombuffer(bytes(12), "u1", (3, 2), offset=7, strides=(-4, 1))


def test_a_buffer_that_is_too_short_is_refused():
    with pytest.raises(maparray.FormatError):
        maparray.frombuffer(bytes(12), "f8", shape=2)
    with pytest.raises(IndexError):
        maparray.frombuffer(bytes(12), "u1", offset=13)


def test_a_borrowed_buffer_stays_in_place_until_it_is_given_back():
    buffer = bytearray(16)
    array = maparray.frombuffer(buffer, "u1")
    with pytest.raises(BufferError):
        buffer.append(1)
    array[3] = 7
    assert buffer[3] == 7
    array.close()
    buffer.append(1)


@pytest.mark.parametrize(
    "buffer",
    [
        memoryview(bytes(10))[::2],
        memoryview(bytes(10))[::-1],
        np.zeros((2, 3), order="F"),
        np.zeros((4, 4))[:, 1:3],
    ],
)
def test_a_buffer_with_gaps_or_in_another_order_is_refused(buffer):
    with pytest.raises(BufferError, match="gaps or in another order"):
        maparray.frombuffer(buffer, "u1")


@pytest.mark.parametrize(
    "buffer",
    [
        np.array(["one", None], object),
        np.zeros(2, [("a", "i4"), ("b", "O")]),
        np.zeros(2, [("a", "i4"), ("b", [("c", "u1"), ("d", "O", (2,))])]),
        np.array("one", object),
        (ctypes.py_object * 2)("one", None),
    ],
)
def test_a_buffer_of_python_objects_is_refused(buffer):
    with pytest.raises(maparray.UnsupportedError, match="Python objects in buffer"):
        maparray.frombuffer(buffer, "u8")


@pytest.mark.parametrize("buffer", [b"", bytearray(), np.zeros((0, 3)), (ctypes.c_int * 0)()])
def test_a_buffer_may_have_no_bytes(buffer):
    array = maparray.frombuffer(buffer, "f8")
    assert array.shape == (0,)
    assert array.view().flags.writeable == (not memoryview(buffer).readonly)
