"""What moves stays in order with others around: parts, children, signal handlers, large results."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import maparray
from maparray import MemMapArray

DATA = np.arange(1000.0)


@pytest.fixture
def little_room(monkeypatch):
    """Results of more than 1000 bytes go to files that nobody sees."""
    monkeypatch.setattr(MemMapArray, "result_limit", 1000)


@pytest.mark.usefixtures("little_room")
def test_what_is_too_large_for_memory_reaches_its_file_all_the_same(tmp_path):
    path = tmp_path / "a.npy"
    ours = MemMapArray(DATA, path, memmap=True)
    ours[0] = 7
    assert np.load(path)[0] == 7
    with pytest.raises(FileExistsError):
        MemMapArray(DATA, path, memmap=True)
    result = MemMapArray(DATA) + 1
    view = result.view()
    result.enable_memmap(tmp_path / "b.npy")
    view[0] = 8
    assert np.load(tmp_path / "b.npy")[0] == 8
    mapped = maparray.create_array_memmap(tmp_path / "c.npy", DATA)
    mapped[0] = 9
    assert np.load(tmp_path / "c.npy")[0] == 9


@pytest.mark.parametrize("part", [lambda m: m.T, lambda m: m.reshape(-1), lambda m: m.ravel()[5:]])
def test_a_part_does_not_move_the_bytes_of_the_whole(tmp_path, part):
    ours = MemMapArray(DATA.reshape(10, 100), tmp_path / "a.npy", unit="s", memmap=True)
    seen = part(ours)
    for work in (seen.disable_memmap, lambda: seen.enable_memmap(tmp_path / "b.npy")):
        with pytest.raises(BufferError, match="memory is shared"):
            work()
    ours[:] = np.zeros((10, 100))
    assert not np.load(tmp_path / "a.npy").any()
    ours.disable_memmap()
    assert not seen.memmap
    # Whoever is left may move them.
    first = (MemMapArray(DATA) + 1).reshape(10, 100)
    first.enable_memmap(tmp_path / "c.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "c.npy"), (DATA + 1).reshape(10, 100))


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_an_opened_array_in_memory_is_as_any_other(tmp_path, mode):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(200_000))
    ours = maparray.open(path, mode)
    view = ours.view()
    ours.disable_memmap()
    ours += 1
    maparray.eval("a + 1", a=ours, out=ours)
    assert ours.atomic_add(3, 5) == 5
    assert ours[3] == 10
    assert view[0] == 2
    assert np.load(path)[0] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_of_a_moving_array_can_store_and_move(tmp_path):
    ours = MemMapArray(np.zeros(1 << 20), tmp_path / "a.npy")
    view, over = ours.view(), threading.Event()

    def move():
        while not over.is_set():
            ours.enable_memmap()
            ours.disable_memmap()

    mover = threading.Thread(target=move)
    mover.start()
    try:
        for turn in range(10):
            time.sleep(0.003 * turn)
            child = os.fork()
            if child == 0:
                # In vain if it hangs.
                signal.alarm(20)
                view[7] = 1.0
                ours.disable_memmap()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        over.set()
        mover.join()


def run(program):
    """The exit code of a program of its own."""
    command = [sys.executable, "-c", textwrap.dedent(program)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody waits in a signal handler")
def test_handlers_of_others_do_not_hide_ours(tmp_path):
    program = f"""
        import faulthandler, threading
        import numpy as np
        from maparray import MemMapArray
        ours = MemMapArray(np.zeros(1 << 18), {str(tmp_path / "a.npy")!r})
        view = ours.view()
        ours.enable_memmap()
        faulthandler.enable()
        over = False
        def store():
            count = 0
            while not over:
                count += 1
                view[count % len(view)] = count
        writer = threading.Thread(target=store)
        writer.start()
        for _ in range(50):
            ours.disable_memmap()
            ours.enable_memmap()
        over = True
        writer.join()
    """
    done = run(program)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody waits in a signal handler")
@pytest.mark.parametrize("when", ["never", "before", "after", "off again"])
def test_a_real_fault_still_ends_the_program(tmp_path, when):
    program = f"""
        import ctypes, faulthandler
        import numpy as np
        from maparray import MemMapArray
        when = {when!r}
        if when in ("before", "off again"):
            faulthandler.enable()
        ours = MemMapArray(np.zeros(100), {str(tmp_path / "a.npy")!r})
        view = ours.view()
        other = ours.view()
        ours.enable_memmap()
        if when == "off again":
            faulthandler.disable()
        ours.disable_memmap()
        if when == "after":
            faulthandler.enable()
        ours.enable_memmap()
        ctypes.string_at(8)
    """
    done = run(program)
    assert done.returncode == -signal.SIGSEGV
    assert (b"Segmentation fault" in done.stderr) == (when in ("before", "after"))
