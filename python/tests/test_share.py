"""Programs that share an array: two of Python, Python and Rust, a parent and its children."""

import doctest
import multiprocessing
import operator
import os
import pickle
import subprocess
import sys
import time

import numpy as np
import pytest

import maparray
from maparray import MemMapArray, shm


@pytest.fixture
def name():
    name = f"maparray-test-{os.getpid()}"
    yield name
    if os.path.exists(shm._path(name)):
        shm.unlink(name)


EXAMPLES = os.environ.get("MAPARRAY_EXAMPLES")


def python(script, *arguments):
    return subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)])


def test_the_example_runs():
    done = doctest.testmod(shm)
    assert (done.failed, done.attempted) == (0, 7)


def test_shared_memory_of_a_name_is_one_for_two_programs(name):
    ours = shm.create(name, (4,), "f4")
    with pytest.raises(FileExistsError):
        shm.create(name, (4,))
    script = "import sys; from maparray import shm; shm.open(sys.argv[1])[:] = [1, 2, 3, 4]"
    assert python(script, name).wait() == 0
    assert ours.tolist() == [1, 2, 3, 4]
    shm.unlink(name)
    ours += 1
    assert ours.tolist() == [2, 3, 4, 5]
    with pytest.raises(FileNotFoundError):
        shm.open(name)
    for wrong in ["", ".", "..", "a/b", "/etc/passwd"]:
        with pytest.raises(ValueError, match="name"):
            shm.open(wrong)


ADDS = """
import sys, maparray
with maparray.open(sys.argv[1], "r+") as counts:
    for _ in range(2000):
        counts.atomic_add(1, 1)
        while True:
            seen = counts.atomic_load(2)
            if counts.compare_exchange(2, seen, seen + 3) == seen:
                break
    counts.atomic_add(0, 1)
"""


@pytest.mark.skipif(
    EXAMPLES is None,
    reason="MAPARRAY_EXAMPLES does not say where Rust's examples are built; cargo xtask test does",
)
def test_rows_that_a_program_in_rust_writes_are_seen_when_its_counter_says_so(tmp_path):
    table = maparray.create(tmp_path / "table.npy", shape=(1 + 300, 5), dtype="i8")
    view, columns = table.view(), np.arange(5)
    program = os.path.join(EXAMPLES, "write_rows.exe" if os.name == "nt" else "write_rows")
    with subprocess.Popen([program, table.filename], stdout=subprocess.PIPE, text=True) as rust:
        for row in range(1, 301):
            assert table.wait((0, 0), row - 1, timeout=60) == row
            assert rust.poll() is None
            assert view[row].tolist() == (row * row + columns).tolist()
            assert not view[row + 1 :].any()
            assert table.atomic_add((0, 1), 1) == row - 1
        said, _ = rust.communicate(timeout=60)
    assert (rust.returncode, said) == (0, "300 rows written\n")
    assert view[0].tolist() == [300, 300, 0, 0, 0]


@pytest.mark.parametrize("dtype", ["i4", "u4", "i8", "u8"])
def test_additions_of_several_programs_are_all_there(tmp_path, dtype):
    ours = maparray.create(tmp_path / "a.npy", shape=3, dtype=dtype)
    programs = [python(ADDS, tmp_path / "a.npy") for _ in range(3)]
    done = 0
    while done < 3:
        done = ours.wait(0, done, timeout=60)
    assert [program.wait() for program in programs] == [0, 0, 0]
    assert ours.tolist() == [3, 6000, 18000]


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_an_operation_on_an_integer_tells_what_was_there_and_wraps(dtype):
    ours = MemMapArray(np.zeros((2, 3), dtype))
    info = np.iinfo(dtype)
    assert ours.atomic_swap((1, -1), info.max) == 0
    assert ours.atomic_add((1, 2), 1) == info.max
    assert ours.atomic_load((1, 2)) == ours[1, 2] == info.min
    assert ours.compare_exchange((1, 2), 5, 6) == info.min
    assert ours.compare_exchange((1, 2), info.min, 6) == info.min
    assert ours[1, 2] == 6
    with pytest.raises(OverflowError):
        ours.atomic_add((0, 0), info.max + 1)
    with pytest.raises(IndexError):
        ours.atomic_add((2, 0), 1)


def test_what_is_no_native_integer_in_its_place_is_refused(tmp_path):
    for dtype, error in [("f8", TypeError), ("?", TypeError), (">i4", ValueError)]:
        with pytest.raises(error):
            MemMapArray(np.zeros(3, dtype)).atomic_add(0, 1)
    (tmp_path / "raw").write_bytes(bytes(33))
    odd = maparray.open(tmp_path / "raw", "r+", dtype="i8", shape=4, offset=1)
    with pytest.raises(ValueError, match="misaligned"):
        odd.atomic_add(0, 1)
    read_only = maparray.open(tmp_path / "raw", "r", dtype="i8", shape=4)
    assert read_only.atomic_load(0) == read_only.wait(0, 0, timeout=0) == 0
    with pytest.raises(maparray.ReadOnlyError):
        read_only.atomic_add(0, 1)


def test_waiting_ends_in_time():
    ours = MemMapArray(np.zeros(1, "i4"))
    begin = time.monotonic()
    assert ours.wait(0, seen=0, timeout=0.05) == 0
    assert ours.wait(0, seen=1) == 0
    assert 0.05 <= time.monotonic() - begin < 30
    with pytest.raises(ValueError, match="timeout"):
        ours.wait(0, 0, timeout=-1)


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
@pytest.mark.skipif(sys.platform != "linux", reason="names of open files are Linux's")
def test_memory_without_a_name_is_shared_with_children(start):
    context = multiprocessing.get_context(start)
    ours = shm.anonymous(5, "i8")
    assert ours.filename is None
    children = [context.Process(target=operator.setitem, args=(ours, at, at)) for at in (2, 3)]
    children += [context.Process(target=MemMapArray.atomic_add, args=(ours, 0, 1))]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    assert ours.tolist() == [1, 0, 2, 3, 0]


@pytest.mark.skipif(sys.platform != "linux", reason="names of open files are Linux's")
def test_a_pickle_of_memory_without_a_name_fails_when_it_is_gone():
    ours = shm.anonymous(5, "i8")
    pickled = pickle.dumps(ours)
    again = pickle.loads(pickled)
    again[1] = 7
    assert ours[1] == 7
    del again
    ours.close()
    with pytest.raises(maparray.FormatError):
        pickle.loads(pickled)
