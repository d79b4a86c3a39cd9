"""The drop-in: what numpy.memmap promises, and each trap of the original that ours avoids.

NumPy's own tests for the class run beside these, see numpy_suite/.
"""

import copy
import io
import mmap
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

import maparray


@pytest.fixture
def path(tmp_path):
    """A file of 24 float64: 0, 1, 2, …"""
    path = tmp_path / "data.bin"
    np.arange(24.0).tofile(path)
    return path


def descriptors():
    return len(os.listdir("/proc/self/fd"))


# What NumPy promises


def test_it_is_a_numpy_memmap(path):
    array = maparray.memmap(path, dtype="f8")
    assert isinstance(array, np.memmap)
    assert isinstance(array, np.ndarray)
    assert array.__array_priority__ == -100.0


@pytest.mark.parametrize(
    ("mode", "short"),
    [("r", "r"), ("readonly", "r"), ("c", "c"), ("copyonwrite", "c"), ("readwrite", "r+")],
)
def test_the_mode_is_kept_in_its_short_form(path, mode, short):
    assert maparray.memmap(path, dtype="f8", mode=mode).mode == short


def test_an_unknown_mode_is_told_the_known_ones(path):
    with pytest.raises(ValueError, match=r"'readonly'.*\(got 'q'\)"):
        maparray.memmap(path, mode="q")


def test_a_new_file_needs_a_shape(tmp_path):
    with pytest.raises(ValueError, match="shape must be given if mode == 'w\\+'"):
        maparray.memmap(tmp_path / "new", mode="w+")
    assert not (tmp_path / "new").exists()


def test_a_file_that_is_no_multiple_of_the_item_is_refused(path):
    with pytest.raises(ValueError, match="not a multiple of the data-type size"):
        maparray.memmap(path, dtype="V5", mode="r")


@pytest.mark.parametrize("mode", ["r", "c"])
def test_a_shape_beyond_the_end_is_refused_for_reading(path, mode):
    with pytest.raises(ValueError, match="mmap length is greater than file size"):
        maparray.memmap(path, dtype="f8", mode=mode, shape=25)


@pytest.mark.parametrize("shape", [6, np.int32(6), (6,), [6], np.array([6])])
def test_any_kind_of_integers_is_a_shape(path, shape):
    assert maparray.memmap(path, dtype="f8", shape=shape).shape == (6,)


def test_read_only_is_read_only(path):
    array = maparray.memmap(path, dtype="f8", mode="r")
    assert not array.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.flags.writeable = True
    with pytest.raises((BufferError, ValueError, TypeError)):
        memoryview(array._mmap).cast("B")[0] = 1


def test_changes_reach_the_file_and_other_maps(path):
    array, other = (maparray.memmap(path, dtype="f8", mode="r+") for _ in range(2))
    array[3] = 99
    assert other[3] == 99
    array.flush()
    assert np.fromfile(path)[3] == 99


def test_copy_on_write_stays_private_and_flushes_harmlessly(path):
    array = maparray.memmap(path, dtype="f8", mode="c")
    array[3] = 99
    assert array.flush() is None
    assert np.fromfile(path)[3] == 3
    assert array[3] == 99


def test_copy_on_write_opens_a_file_that_cannot_be_written(path):
    path.chmod(0o444)
    array = maparray.memmap(path, dtype="f8", mode="c")
    array[0] = 5
    assert array.flags.writeable


def test_fortran_order_and_an_unaligned_offset_are_fine(tmp_path):
    expected = np.arange(6, dtype="<i4").reshape(2, 3)
    (tmp_path / "f").write_bytes(b"abc" + expected.tobytes(order="F"))
    array = maparray.memmap(
        tmp_path / "f", dtype="<i4", mode="r", offset=3, shape=(2, 3), order="F"
    )
    assert np.array_equal(array, expected)
    assert array.flags.f_contiguous
    assert array.offset == 3


def test_the_filename_is_a_path_for_a_path_and_text_for_text(path):
    assert maparray.memmap(path, dtype="f8").filename == path.resolve()
    assert maparray.memmap(str(path), dtype="f8").filename == str(path)
    assert maparray.memmap(os.fsencode(path), dtype="f8").filename == str(path)
    with open(path, "r+b") as file:
        assert maparray.memmap(file, dtype="f8").filename == str(path)


def test_an_unnamed_file_has_no_filename():
    with tempfile.TemporaryFile() as file:
        array = maparray.memmap(file, shape=4, mode="w+")
        assert array.filename is None
        array[:] = 7
        file.seek(0)
        assert file.read() == b"\7\7\7\7"


def test_a_file_object_is_used_where_it_is_and_stays_open(path):
    with open(path, "r+b") as file:
        file.seek(17)
        inode = os.fstat(file.fileno()).st_ino
        array = maparray.memmap(file, dtype="f8", mode="w+", shape=3)
        array[:] = [7, 8, 9]
        array.flush()
        assert not file.closed
        assert file.tell() == 17
    assert path.stat().st_ino == inode
    assert np.fromfile(path)[:4].tolist() == [7, 8, 9, 3]


def test_what_a_file_object_has_buffered_counts(tmp_path):
    with open(tmp_path / "f", "w+b") as file:
        file.write(b"12345678")
        assert maparray.memmap(file, mode="r+").tobytes() == b"12345678"


def test_a_view_shares_the_attributes_and_keeps_the_offset(path):
    array = maparray.memmap(path, dtype="f8", offset=8, shape=(4, 5))
    for view in (array[1:], array.T, array.reshape(5, 4), array[::-1], array.view("i8")):
        assert type(view) is maparray.memmap
        assert view._mmap is array._mmap
        assert (view.filename, view.offset, view.mode) == (path.resolve(), 8, "r+")


def test_bases_are_as_numpy_has_them(path):
    array = maparray.memmap(path, dtype="f8")
    assert array.view().base is array
    assert array.view().view().base is array
    assert np.asarray(array).base is array
    assert isinstance(array.base, mmap.mmap)
    assert type(array.base) is not mmap.mmap


def test_as_strided_keeps_the_file(path):
    array = maparray.memmap(path, dtype="f8")
    windows = np.lib.stride_tricks.as_strided(array, (3, 2), (8, 8), subok=True)
    assert windows._mmap is array._mmap


@pytest.mark.parametrize(
    "compute",
    [
        lambda a: a + 1,
        lambda a: a * a,
        lambda a: np.sqrt(a),
        lambda a: a.sum(axis=0),
        lambda a: np.where(a > 3, a, 0),
        lambda a: a[[0, 1]],
        lambda a: a[a > 3],
    ],
)
def test_results_without_a_file_are_plain_arrays(path, compute):
    array = maparray.memmap(path, dtype="f8", shape=(4, 6))
    result = compute(array)
    assert type(result) is np.ndarray
    assert np.array_equal(result, compute(np.asarray(array)))


def test_a_sum_is_a_numpy_scalar(path):
    array = maparray.memmap(path, dtype="f8")
    assert type(array.sum()) is np.float64
    assert type(np.median(array)) is np.float64


def test_in_place_operations_stay_in_the_file(path):
    array = maparray.memmap(path, dtype="f8")
    array += 1
    np.add(array, 1, out=array)
    assert type(array) is maparray.memmap
    array.flush()
    assert np.fromfile(path)[0] == 2


def test_a_users_subclass_keeps_its_class(path):
    class Mine(maparray.memmap):
        pass

    array = Mine(path, dtype="f8", shape=(4, 6))
    for result in (array[1:], array[[0]], array + 1, array.sum(axis=0), array.sum()):
        assert type(result) is Mine


def test_repr_is_numpys(path):
    assert repr(maparray.memmap(path, dtype="f8", shape=2)) == "memmap([0., 1.])"


def test_flush_works_from_a_view_and_returns_nothing(path):
    view = maparray.memmap(path, dtype="f8")[2:5]
    view[0] = 77
    assert view.flush() is None
    assert np.fromfile(path)[2] == 77
    assert (view + 1).view(maparray.memmap).flush() is None


@pytest.mark.parametrize("mode", ["w+", "r+"])
def test_no_elements_make_a_file_of_one_byte(tmp_path, mode):
    path = tmp_path / "f"
    path.touch()
    assert maparray.memmap(path, mode=mode, shape=(0, 4)).shape == (0, 4)
    assert path.stat().st_size == 1


@pytest.mark.parametrize("mode", ["r", "c"])
def test_an_empty_file_cannot_be_read(tmp_path, mode):
    (tmp_path / "f").touch()
    with pytest.raises(ValueError, match="cannot mmap an empty file"):
        maparray.memmap(tmp_path / "f", mode=mode, shape=(0, 4))


def test_an_array_without_axes_works(path):
    array = maparray.memmap(path, dtype="f8", shape=(), offset=16)
    assert array[()] == 2


# The traps


def test_trap_2_closing_the_map_under_a_view_is_refused(path):
    array = maparray.memmap(path, dtype="f8")
    lease, view = array._mmap, array[3:]
    del array
    with pytest.raises(BufferError, match="cannot close: found 1 arrays"):
        lease.close()
    assert view[0] == 3
    del view
    lease.close()
    assert lease.closed
    with pytest.raises(ValueError, match="closed"):
        memoryview(lease)


def test_trap_2_a_memoryview_counts_as_well(path):
    lease = maparray.memmap(path, dtype="f8")._mmap
    exported = memoryview(lease)
    with pytest.raises(BufferError):
        lease.close()
    assert exported[8:16].tobytes() == np.float64(1).tobytes()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")
def test_trap_3_fifty_maps_of_a_file_share_a_descriptor(path):
    before = descriptors()
    arrays = [maparray.memmap(path, dtype="f8", mode="r") for _ in range(50)]
    assert descriptors() - before == 1
    del arrays
    assert descriptors() == before


def test_trap_6_loading_with_w_plus_leaves_the_file_alone(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.arange(1000))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="mmap_mode"):
        maparray.load(path, mmap_mode="w+")
    assert path.read_bytes() == before


def test_trap_8_extending_a_file_that_has_content_warns(path):
    with pytest.warns(UserWarning, match="has 192 bytes and is extended to the 240 bytes"):
        array = maparray.memmap(path, dtype="f8", mode="r+", shape=30)
    assert path.stat().st_size == 240
    assert array[29] == 0


def test_trap_9_a_new_file_leaves_the_old_one_to_its_readers(path):
    old = maparray.memmap(path, dtype="f8", mode="r")
    new = maparray.memmap(path, dtype="u1", mode="w+", shape=3)
    assert old[-1] == 23
    assert new.tolist() == [0, 0, 0]
    assert path.stat().st_size == 3


def test_trap_10_saving_over_the_file_that_is_mapped_works(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.arange(5000))
    mapped = maparray.load(path, mmap_mode="r")
    maparray.save(path, mapped[::-1][:100])
    assert mapped[0] == 0
    assert np.load(path)[0] == 4999


def test_trap_12_a_new_file_has_its_space(tmp_path):
    path = tmp_path / "f"
    maparray.memmap(path, mode="w+", shape=1 << 20)
    assert path.stat().st_blocks * 512 >= 1 << 20


def test_trap_12_no_room_for_a_new_file_is_an_error_at_creation(tmp_path):
    code = """
import os, resource, sys, maparray
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
try:
    maparray.memmap("f", mode="w+", shape=1 << 20)
except OSError as error:
    sys.exit(0 if "allocate" in str(error) and not os.listdir() else str(error))
sys.exit("made")
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


@pytest.mark.parametrize("dtype", [object, [("a", "i4"), ("b", object)]])
def test_trap_13_objects_are_refused(tmp_path, dtype):
    with pytest.raises(maparray.UnsupportedError, match="object"):
        maparray.memmap(tmp_path / "f", dtype=dtype, mode="w+", shape=3)
    with pytest.raises(ValueError, match="Python objects in dtype"):
        maparray.open_memmap(tmp_path / "f", dtype=dtype, mode="w+", shape=3)
    with pytest.raises(maparray.UnsupportedError):
        maparray.save(tmp_path / "f", np.zeros(3, dtype))
    assert os.listdir(tmp_path) == []


def test_trap_14_mode_x_makes_a_file_and_never_replaces_one(tmp_path):
    path = tmp_path / "f"
    maparray.memmap(path, mode="x", shape=3)[:] = 1
    with pytest.raises(FileExistsError):
        maparray.memmap(path, mode="x", shape=3)
    assert path.read_bytes() == b"\1\1\1"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "take",
    [
        lambda a: a,
        lambda a: a[1:3, ::2],
        lambda a: a[::-1, ::-1],
        lambda a: a.T[2],
        lambda a: a[2, 3, ...],
    ],
)
def test_trap_16_a_pickle_is_a_place_in_the_file(path, protocol, take):
    array = take(maparray.memmap(path, dtype=">f8", mode="r", shape=(4, 5), offset=16))
    pickled = pickle.dumps(array, protocol)
    again = pickle.loads(pickled)
    assert type(again) is maparray.memmap
    assert again.dtype == array.dtype
    assert np.array_equal(again, array)
    assert (again.filename, again.offset, again.mode) == (path.resolve(), 16, "r")
    assert len(pickled) < 1000


def test_trap_16_a_pickle_writes_to_the_same_file(path):
    made = maparray.memmap(path, dtype="f8", mode="w+", shape=10)
    again = pickle.loads(pickle.dumps(made[4:]))
    assert again.mode == "r+"
    again[0] = 5
    assert made[4] == 5


def test_trap_16_another_process_sees_the_same_memory(path):
    array = maparray.memmap(path, dtype="f8", mode="r+")
    code = "import pickle, sys; pickle.load(sys.stdin.buffer)[7] = 70"
    subprocess.run([sys.executable, "-c", code], input=pickle.dumps(array), check=True)
    assert array[7] == 70


def test_trap_16_a_pickle_refuses_another_file_of_that_name(path):
    pickled = pickle.dumps(maparray.memmap(path, dtype="f8", mode="r"))
    maparray.memmap(path, dtype="f8", mode="w+", shape=24)
    with pytest.raises(maparray.FormatError, match="not the file that was pickled"):
        pickle.loads(pickled)


def test_trap_16_what_no_name_leads_to_is_pickled_by_value(path):
    private = maparray.memmap(path, dtype="f8", mode="c")
    private[0] = 5
    replaced = maparray.memmap(path, dtype="f8", mode="r")
    maparray.memmap(path, dtype="f8", mode="w+", shape=1)
    for array in (private, replaced):
        again = pickle.loads(pickle.dumps(array))
        assert type(again) is np.ndarray
        assert np.array_equal(again, array)


def test_a_deep_copy_is_a_copy(path):
    array = maparray.memmap(path, dtype="f8")
    copied = copy.deepcopy(array)
    copied[0] = 5
    assert array[0] == 0


def test_trap_21_numpy_integers_in_a_shape_make_a_good_header(tmp_path):
    path = tmp_path / "x.npy"
    maparray.open_memmap(path, mode="w+", dtype="i2", shape=(np.int64(3), np.int64(2)))
    assert np.load(path).shape == (3, 2)


@pytest.mark.parametrize("integer", [np.uint32, np.int32, np.int64])
def test_trap_22_the_type_of_the_offset_does_not_matter(tmp_path, integer):
    path = tmp_path / "big"
    with open(path, "wb") as file:
        file.truncate((1 << 32) + 8192)
    array = maparray.memmap(path, dtype="u1", mode="r", offset=integer(4096))
    assert array.size == (1 << 32) + 4096


def test_trap_23_one_length_may_be_left_open(path):
    assert maparray.memmap(path, dtype="f8", mode="r", shape=(-1, 6)).shape == (4, 6)
    with pytest.raises(ValueError, match="-1"):
        maparray.memmap(path, dtype="f8", mode="r", shape=(-1, 7))
    with pytest.raises(ValueError, match="more than one unknown"):
        maparray.memmap(path, dtype="f8", mode="r", shape=(-1, -1))


def test_trap_25_an_offset_past_the_end_is_told_both_numbers(path):
    with pytest.raises(ValueError, match="found 1000, expected at most 192"):
        maparray.memmap(path, dtype="f8", mode="r", offset=1000)


def test_trap_27_members_of_an_archive_are_not_read_by_stealth(tmp_path):
    path = tmp_path / "z.npz"
    np.savez(path, x=np.arange(3))
    mapped = maparray.load(path, mmap_mode="r")["x"]
    assert type(mapped) is maparray.memmap
    assert mapped.tolist() == [0, 1, 2]
    np.savez_compressed(path, x=np.arange(3))
    with pytest.raises(maparray.UnsupportedError, match="compressed"):
        maparray.load(path, mmap_mode="r")["x"]
    assert maparray.load(path)["x"].tolist() == [0, 1, 2]


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    raised = []

    def load():
        with pytest.raises(OSError, match="found a pipe") as caught:
            maparray.load(path, mmap_mode="r")
        raised.append(caught.value)

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    thread.join(timeout=10)
    assert raised


def test_a_file_that_is_neither_an_array_nor_an_archive_is_malformed(tmp_path):
    path = tmp_path / "x.npy"
    for content in (b"", b"P", b"text, and more of it"):
        path.write_bytes(content)
        with pytest.raises(maparray.FormatError):
            maparray.load(path, mmap_mode="r")


def test_trap_30_ravel_of_fortran_order_copies_as_in_numpy(path):
    array = maparray.memmap(path, dtype="f8", shape=(4, 6), order="F")
    assert not np.may_share_memory(array.ravel(), array)
    assert np.may_share_memory(array.ravel("K"), array)


# .npy


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_load_maps_a_npy_file(tmp_path, mode):
    path = tmp_path / "x.npy"
    np.save(path, np.arange(12).reshape(3, 4))
    array = maparray.load(path, mmap_mode=mode)
    assert (type(array), array.mode, array.offset) == (maparray.memmap, mode, 128)
    assert array[2, 3] == 11


def test_open_memmap_makes_what_save_makes(tmp_path):
    expected = np.arange(12, dtype=">f4").reshape(3, 4)
    np.save(tmp_path / "n.npy", expected)
    ours = maparray.open_memmap(tmp_path / "m.npy", mode="w+", dtype=">f4", shape=(3, 4))
    assert ours.mode == "r+"
    assert ours.ctypes.data % 64 == 0
    ours[...] = expected
    ours.flush()
    assert (tmp_path / "m.npy").read_bytes() == (tmp_path / "n.npy").read_bytes()


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_open_memmap_writes_the_version_asked_for(tmp_path, version):
    path = tmp_path / "x.npy"
    maparray.open_memmap(path, mode="w+", dtype="i4", shape=3, version=version)[:] = 5
    assert tuple(path.read_bytes()[6:8]) == version
    assert np.load(path).tolist() == [5, 5, 5]


def test_open_memmap_takes_no_file_objects(tmp_path):
    with pytest.raises(ValueError, match="existing file handles"):
        maparray.open_memmap(io.BytesIO())


def test_open_memmap_in_mode_x_never_replaces(tmp_path):
    path = tmp_path / "x.npy"
    maparray.open_memmap(path, mode="x", dtype="i4", shape=3)
    with pytest.raises(FileExistsError):
        maparray.open_memmap(path, mode="x", dtype="i4", shape=3)


def test_save_adds_the_ending_and_writes_to_file_objects(tmp_path):
    array = np.arange(5)
    maparray.save(tmp_path / "x", array)
    assert np.load(tmp_path / "x.npy").tolist() == [0, 1, 2, 3, 4]
    file, expected = io.BytesIO(), io.BytesIO()
    maparray.save(file, array)
    np.save(expected, array)
    assert file.getvalue() == expected.getvalue()


# The lease


def test_the_lease_answers_like_a_mmap(path):
    array = maparray.memmap(path, dtype="f8", mode="r+", offset=8)
    lease = array._mmap
    assert len(lease) == 184
    assert lease.size() == 192
    assert lease.closed is False
    assert lease.flush() is None
    assert lease.flush(0, 8) is None
    with pytest.raises(ValueError, match="at most 184"):
        lease.flush(0, 185)
    lease.madvise(mmap.MADV_RANDOM)
    array[5] = 5
    lease.madvise(mmap.MADV_DONTNEED)
    assert array[5] == 5
    with pytest.raises(OSError, match="advice 12345"):
        lease.madvise(12345)


def test_nobody_can_talk_a_lease_into_closing_under_an_array(path):
    array = maparray.memmap(path, dtype="f8")
    lease = array._mmap
    foreign = np.ndarray.__new__(maparray.memmap, 3, dtype="f8", buffer=lease)
    assert not hasattr(lease, "watch")
    other = lease.array(np.ndarray, (2, 3), dtype="f8", offset=8, order="F")
    assert other.tolist() == [[1, 3, 5], [2, 4, 6]]
    del array, other
    with pytest.raises(BufferError):
        lease.close()
    assert foreign[2] == 2


def test_a_lease_waits_for_every_array_that_it_made(path):
    lease = maparray.memmap(path, dtype="f8")._mmap
    arrays = [lease.array(np.ndarray, 3, dtype="f8"), lease.array(maparray.memmap, 3)[1:]]
    while arrays:
        with pytest.raises(BufferError):
            lease.close()
        arrays.pop()
    lease.close()
    with pytest.raises(ValueError, match="closed"):
        lease.array(np.ndarray, 3)


def test_an_array_on_a_lease_lies_on_that_lease(path):
    lease = maparray.memmap(path, dtype="f8")._mmap
    array = lease.array(np.ndarray, 3, dtype="u1", buffer=bytearray(b"abc"))
    assert array.base is lease
    with pytest.raises(TypeError, match="buffer is too small"):
        lease.array(np.ndarray, 193, dtype="u1")


def test_a_flush_reports_a_file_that_was_cut_short(path):
    array = maparray.memmap(path, dtype="f8", mode="r+")
    os.truncate(path, 8)
    with pytest.raises(maparray.FormatError, match="greater than file size"):
        array.flush()
    os.truncate(path, 192)


def test_a_missing_file_is_file_not_found(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        maparray.memmap(tmp_path / "nothing", mode="r")
    assert Path(caught.value.filename) == tmp_path / "nothing"


def test_opening_warns_of_nothing(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        maparray.memmap(path, dtype="f8", shape=24)
        maparray.memmap(path, dtype="f8", shape=3)
