"""Switching under live views: nothing is lost, whoever writes, and whatever fails."""

import os
import random
import resource
import subprocess
import sys
import threading

import numpy as np
import pytest

import maparray
from maparray import MemMapArray

SWITCHES = 10_000


def test_ten_thousand_switches_lose_nothing(tmp_path):
    chance = random.Random(20261121)
    oracle = np.arange(3000, dtype="i8")
    ours = MemMapArray(oracle, tmp_path / "a.npy")
    views = [ours.view(), np.asarray(ours)[::-1][::-1], np.frombuffer(memoryview(ours), "i8")]
    for switch in range(SWITCHES):
        if ours.memmap:
            ours.disable_memmap(remove=chance.random() < 0.1)
        else:
            ours.enable_memmap()
        view, at = chance.choice(views), chance.randrange(3000)
        view[at] = oracle[at] = switch
        if switch % 7 == 0:
            ours += 1
            oracle += 1
        at = chance.randrange(3000)
        assert chance.choice(views)[at] == oracle[at]
        if switch % 500 == 0:
            for view in views:
                np.testing.assert_array_equal(view, oracle)
            if ours.memmap:
                np.testing.assert_array_equal(np.load(ours.filename), oracle)
    np.testing.assert_array_equal(ours, oracle)


@pytest.fixture
def eager():
    """Threads take turns often."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("count", [1500, 400_000])
def test_threads_that_write_meanwhile_lose_nothing(tmp_path, count, named, eager):
    threads, chance = 4, random.Random(20261122)
    names = [tmp_path / f"{name}.npy" for name in range(3)]
    ours = MemMapArray(np.zeros(count, "i8"), names[0] if named else None)
    # Each thread remembers here what it wrote to its elements; the first is everybody's counter.
    oracle, turns = np.zeros(count, "i8"), [0] * threads
    stop, failed = threading.Event(), []

    def work(thread):
        view, wrote = ours.view()[1 + thread :: threads], oracle[1 + thread :: threads]
        chance = random.Random(thread)
        try:
            while not stop.is_set():
                for _ in range(20):
                    at = chance.randrange(len(wrote))
                    assert view[at] == wrote[at]
                    view[at] = wrote[at] = chance.getrandbits(62)
                np.add(view, 1, out=view)
                np.add(wrote, 1, out=wrote)
                np.testing.assert_array_equal(view, wrote)
                ours.atomic_add(0, 1)
                turns[thread] += 1
        except BaseException as error:
            failed.append(error)

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    counted = 0
    try:
        for _ in range(int(os.environ.get("MAPARRAY_SWITCHES", "300"))):
            what = chance.randrange(6)
            if named and what == 0:
                ours.set_filename(chance.choice(names), overwrite=True)
            elif ours.memmap:
                ours.disable_memmap(remove=named and what == 1)
            else:
                ours.enable_memmap(format=chance.choice(["npy", "raw"]), overwrite=True)
            before, counted = counted, ours.atomic_load(0)
            assert before <= counted
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert not failed
    assert min(turns) > 0
    oracle[0] = sum(turns)
    np.testing.assert_array_equal(ours, oracle)
    ours.disable_memmap()
    ours.enable_memmap(overwrite=True)
    np.testing.assert_array_equal(np.load(ours.filename) if named else ours, oracle)


def test_two_threads_may_switch_at_once(tmp_path):
    ours = MemMapArray(np.arange(1000), tmp_path / "a.npy")

    def work():
        for _ in range(200):
            ours.enable_memmap()
            ours.disable_memmap()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert ours.tolist() == list(range(1000))
    assert not ours.memmap


def test_computing_goes_on_while_the_array_moves(tmp_path):
    ours = MemMapArray(np.ones(1 << 20), tmp_path / "a.npy")
    stop, sums = threading.Event(), []

    def work():
        while not stop.is_set():
            sums.append(maparray.eval("sum(a * 2)", a=ours))

    worker = threading.Thread(target=work)
    worker.start()
    for _ in range(20):
        ours.enable_memmap()
        ours.disable_memmap()
    stop.set()
    worker.join()
    assert set(sums) == {2.0 * (1 << 20)}


def run(script, *arguments, **options):
    """Runs a script in a process of its own."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, **options)


FULL = """
import sys, numpy as np, maparray
data = np.arange(1 << 18, dtype="i8")
folder, kind = sys.argv[1:]
name = None if kind == "nameless" else folder + "/a"
ours = maparray.MemMapArray(data, name)
view = ours.view()
how = {"folder": folder} if name is None else {"format": kind}
for attempt in range(2):
    try:
        ours.enable_memmap(**how)
    except OSError as error:
        assert not ours.memmap
        assert (view == data).all()
        view[0] = data[0] = attempt
    else:
        raise SystemExit("the file was made")
assert (ours.view() == data).all()
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no limit of file sizes here")
@pytest.mark.parametrize("room", [0, 100, 4096, 5000, 1 << 20, (1 << 21) - 1])
@pytest.mark.parametrize("kind", ["npy", "raw", "nameless"])
def test_a_full_disk_leaves_the_data_whole(tmp_path, room, kind):
    def limit():
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    ended = run(FULL, tmp_path, kind, preexec_fn=limit)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert os.listdir(tmp_path) == []


NO_MEMORY = """
import sys, resource, numpy as np, maparray
np.save(sys.argv[1], np.arange(1 << 25, dtype="i8"))
ours = maparray.open(sys.argv[1], "r+")
view = np.asarray(ours)
pages = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (pages + (64 << 20),) * 2)
try:
    ours.disable_memmap()
except OSError as error:
    assert ours.memmap
    view[1] = 5
    with open(sys.argv[1], "rb") as file:
        file.seek(128 + 8)
        assert ours[1] == 5 == int.from_bytes(file.read(8), "little")
else:
    raise SystemExit("there was memory")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much memory is in use")
def test_too_little_memory_leaves_the_array_in_its_file(tmp_path):
    ended = run(NO_MEMORY, tmp_path / "a.npy")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_store_to_read_only_memory_still_ends_the_process(tmp_path):
    """The handler of faults passes on what is not its business."""
    script = """
import sys, ctypes, numpy as np, maparray
ours = maparray.MemMapArray(np.arange(1000), sys.argv[1])
view = ours.view()
ours.enable_memmap()
ours.disable_memmap()
np.save(sys.argv[1] + "b.npy", np.arange(1000))
other = maparray.load(sys.argv[1] + "b.npy", mmap_mode="r")
ctypes.memset(other.ctypes.data, 1, 8)
"""
    ended = run(script, tmp_path / "a.npy")
    assert ended.returncode == -11
