"""Where results go: files that others want as well, full disks, and work that is stopped."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import maparray


@pytest.fixture
def huge(tmp_path):
    """An array of 32 GiB that takes no space."""
    path = tmp_path / "huge.npy"
    maparray.create(path, shape=1 << 32, dtype="f8", allocate="sparse").close()
    return path


def pressed(seconds, work):
    """Whether Ctrl-C after so long stops the work, and how soon."""

    def press(_signal, _frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, press)
    started = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with pytest.raises(KeyboardInterrupt):
            work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return time.monotonic() - started


def test_ctrl_c_stops_a_copy_and_leaves_the_old_file(huge):
    old = huge.parent / "old.npy"
    np.save(old, [1.0])
    long = maparray.load(huge, mmap_mode="r")[: 1 << 29]
    rows = np.zeros(1 << 26, "i8")
    rows[1:] = np.random.default_rng(0).integers(0, 1 << 29, rows.size - 1)
    for work in [
        lambda: maparray.save(old, long),
        lambda: maparray.take(huge, rows, out=old),
        lambda: maparray.take(huge, rows),
    ]:
        assert pressed(0.1, work) < 5
        assert np.load(old).tolist() == [1.0]
    assert sorted(entry.name for entry in huge.parent.iterdir()) == ["huge.npy", "old.npy"]


def test_a_result_in_a_file_is_ours_though_others_write_to_the_same_name(tmp_path):
    path = tmp_path / "same.npy"
    a = np.zeros(5000)

    def write(number):
        for _ in range(100):
            for found in [
                maparray.eval("a + n", out=path, a=a, n=number),
                maparray.eval_many(["a + n"], out=[path], a=a, n=number)[0],
                maparray.take(a + number, [0, 1], out=path),
            ]:
                if found[0] != number:
                    return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(write, range(4)))


FULL = """
import errno, sys
import numpy as np, maparray
path = sys.argv[1]
wide = maparray.create(path, shape=1 << 20, dtype="f8", allocate="sparse")
for work in [
    lambda: maparray.eval("a + 1", a=np.ones(1 << 20), out=wide),
    lambda: maparray.cumsum(np.ones(1 << 20), out=wide),
    lambda: maparray.sort(np.ones(1 << 20), out=wide),
    lambda: maparray.eval("rolling_sum(a, 2)", a=np.ones((1 << 20) + 1), out=wide),
    lambda: maparray.take(np.ones(1 << 20), np.arange(1 << 20), out=wide),
    lambda: maparray.take(np.ones((2, 1 << 20)), 0, out=wide),
]:
    try:
        work()
    except OSError as error:
        assert error.errno == errno.ENOSPC, error
        assert error.filename == path, error
    else:
        raise AssertionError("it cannot fit")
print("done")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a small file system")
def test_a_full_disk_under_a_sparse_file_is_an_error_and_no_signal(tmp_path):
    script = 'mount -t tmpfs -o size=4m none "$1" && shift && exec "$@"'
    unshare = ["unshare", "-rm", "sh", "-c"]
    probe = [*unshare, script, "sh", tmp_path, "true"]
    if not shutil.which("unshare") or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    command = [*unshare, script, "sh", tmp_path, sys.executable, "-c", FULL, tmp_path / "s.npy"]
    found = subprocess.run(command, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "done\n"), found.stderr


def test_two_results_in_one_file_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.symlink(tmp_path, tmp_path / "link")
    for out in [["s.npy", "s.npy"], ["s.npy", "./s.npy"], [tmp_path / "s.npy", "link/s.npy"]]:
        with pytest.raises(maparray.MismatchError, match="expected a file for each"):
            maparray.eval_many(["a", "a + 1"], out=out, a=np.arange(3.0))
    assert [entry.name for entry in tmp_path.iterdir()] == ["link"]


def test_numbers_that_make_no_sense_are_errors_that_name_the_argument():
    for name in ["threads", "memory"]:
        for wrong, kind in [(-1, ValueError), (2**70, ValueError), ("x", TypeError)]:
            with pytest.raises(kind, match=f"{name}: found {wrong}, expected a whole number"):
                maparray.eval("a + 1", a=np.arange(3), **{name: wrong})
    with pytest.raises(maparray.ExpressionError, match="unknown name `x`"):
        maparray.eval("x + 1", y=3)
    with pytest.raises(TypeError, match="expected a list of expressions"):
        maparray.eval_many("ab", a=1)
    for threads in [2**31, 2**62, 2**63, 2**64 - 1]:
        assert maparray.eval("a + 1", a=np.zeros(200_000), threads=threads).sum() == 200_000


def test_ctrl_c_stops_an_image_and_leaves_the_old_file(huge):
    old = huge.parent / "old.fits"
    maparray.save_fits(old, np.ones(1))
    long = maparray.load(huge, mmap_mode="r")[: 1 << 29]
    assert pressed(0.1, lambda: maparray.save_fits(old, long, overwrite=True)) < 5
    assert maparray.read(old).tolist() == [1.0]
    assert sorted(entry.name for entry in huge.parent.iterdir()) == ["huge.npy", "old.fits"]
