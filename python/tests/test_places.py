"""Which file is a container's own? Names, pickles and threads, as found by those who tried."""

import copy
import gc
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import maparray
from maparray import MemMapArray

DATA = np.arange(4.0)


def test_an_array_over_old_memory_is_not_kept_when_another_has_come(tmp_path):
    path = tmp_path / "a.npy"
    m = MemMapArray(np.zeros(4), path, memmap=True)
    armed = False

    def other(phase, info):
        nonlocal armed
        if armed:
            armed = False
            m.reset_data(np.full(4, 2.0))

    gc.callbacks.append(other)
    thresholds = gc.get_threshold()
    # What is there already, the tests above all, is not walked 200 times.
    gc.freeze()
    met = 0
    try:
        for turn in range(200):
            m.reset_data(np.full(4, 1.0))
            gc.collect()
            gc.set_threshold(turn % 20 + 1, 1, 1)
            armed = True
            m.view()
            met += not armed
            armed = False
            gc.set_threshold(*thresholds)
            assert m.view()[0] == np.load(path)[0] == maparray.eval("max(a)", a=m)
    finally:
        gc.unfreeze()
        gc.callbacks.remove(other)
        gc.set_threshold(*thresholds)
    assert met > 0, "the array was never replaced while a view was made"


def test_a_file_without_a_name_goes_to_the_one_it_is_given(tmp_path):
    m = MemMapArray(DATA, memmap=True)
    view = m.view()
    m.set_filename(tmp_path / "a.npy")
    view[0] = 5
    m.flush()
    assert m.filename == tmp_path / "a.npy"
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), [5, 1, 2, 3])


def test_a_file_without_a_name_takes_nobodys_name(tmp_path):
    np.save(tmp_path / "a.npy", DATA)
    m = MemMapArray([7.0], memmap=True)
    with pytest.raises(FileExistsError):
        m.set_filename(tmp_path / "a.npy")
    assert m.filename is None
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), DATA)
    np.testing.assert_array_equal(m, [7])


def test_a_part_gets_no_name(tmp_path):
    m = MemMapArray(np.ones((2, 3)), tmp_path / "a.npy", memmap=True)
    part = m.T
    with pytest.raises(BufferError):
        part.set_filename(tmp_path / "b.npy")
    assert part.filename is None
    assert not (tmp_path / "b.npy").exists()


@pytest.mark.parametrize("make", ["open", "create"])
def test_an_opened_file_is_remembered(tmp_path, make):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(3))
    m = maparray.open(path, "r+") if make == "open" else maparray.create(path, shape=3)
    m.disable_memmap()
    assert m.filename == path
    m += 1
    np.testing.assert_array_equal(np.load(path), 0)
    if make == "open":
        with pytest.raises(FileExistsError):
            m.enable_memmap()
        np.testing.assert_array_equal(np.load(path), 0)
    m.enable_memmap(overwrite=make == "open")
    np.testing.assert_array_equal(np.load(path), 1)


def test_what_else_is_in_an_opened_file_is_not_lost(tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(b"header.." + np.zeros(3).tobytes() + b"more")
    m = maparray.open(path, "r+", dtype="f8", shape=3, offset=8)
    m.disable_memmap()
    with pytest.raises(FileExistsError):
        m.enable_memmap()
    assert path.read_bytes() == b"header.." + np.zeros(3).tobytes() + b"more"


def test_a_file_opened_for_reading_is_not_replaced(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, DATA)
    m = maparray.open(path)
    m.disable_memmap()
    m += 1
    with pytest.raises(FileExistsError):
        m.enable_memmap()
    np.testing.assert_array_equal(np.load(path), DATA)
    m.enable_memmap(overwrite=True)
    np.testing.assert_array_equal(np.load(path), DATA + 1)


def test_a_created_file_may_be_removed(tmp_path):
    m = maparray.create(tmp_path / "a.npy", shape=3, unit="adu")
    assert str(m.unit) == "adu"
    assert str(maparray.open(m.filename).unit) == "adu"
    m.disable_memmap(remove=True)
    assert not (tmp_path / "a.npy").exists()


def test_an_unpickled_array_knows_its_file(tmp_path):
    path = tmp_path / "a.npy"
    program = f"""
import pickle, numpy as np
from maparray import MemMapArray
m = MemMapArray(np.arange(4.0), {str(path)!r}, memmap=True)
again = pickle.loads(pickle.dumps(m))
assert again.filename == m.filename, again
for number, array in enumerate([m, again, m.T]):
    open({str(tmp_path)!r} + f"/{{number}}.pkl", "wb").write(pickle.dumps(array))
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    for number in range(3):
        again = pickle.loads((tmp_path / f"{number}.pkl").read_bytes())
        np.testing.assert_array_equal(again[:-1], DATA[:-1])
        assert again.filename == path
        again[-1] += 1
    assert np.load(path)[-1] == 6


def test_a_file_without_a_name_has_none_for_others_either():
    m = MemMapArray(DATA, memmap=True)
    again = pickle.loads(pickle.dumps(m))
    assert again.filename is None
    assert again.memmap
    again[0] = 9
    assert m[0] == 9


def test_what_is_closed_takes_nothing():
    m = MemMapArray(DATA)
    m.close()
    with pytest.raises(ValueError, match="closed"):
        m.reset_data(DATA)
    assert str(m) == repr(m) == "MemMapArray(closed)"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_leads_to_its_file_again(tmp_path, overwrite):
    target, link = tmp_path / "target.npy", tmp_path / "link.npy"
    np.save(target, [0.0])
    os.symlink("target.npy", link)
    m = MemMapArray(DATA, link, memmap=True, overwrite=True)
    m.disable_memmap(remove=True)
    assert link.is_symlink()
    assert not target.exists()
    m.enable_memmap(overwrite=overwrite)
    assert link.is_symlink()
    np.testing.assert_array_equal(np.load(target), DATA)


def test_a_shortened_file_is_told_by_its_length(tmp_path):
    m = MemMapArray(np.zeros(100_000), tmp_path / "a.npy", memmap=True)
    os.truncate(m.filename, 1000)
    for call in (m.flush, m.disable_memmap):
        with pytest.raises(ValueError, match="found 1000 bytes"):
            call()


def test_a_name_may_be_spelled_otherwise(tmp_path):
    (tmp_path / "sub").mkdir()
    m = MemMapArray(DATA, tmp_path / "a.npy", memmap=True)
    m.set_filename(tmp_path / "sub" / ".." / "a.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), DATA)


def test_a_name_that_is_known_is_locked(tmp_path):
    path = tmp_path / "a.npy"
    m = MemMapArray(DATA)
    m.filename = path
    for mapped in (False, True):
        if mapped:
            m.enable_memmap()
        m.filename = str(path)
        with pytest.raises(ValueError, match="Filename locked"):
            m.filename = tmp_path / "b.npy"
        with pytest.raises(ValueError, match="Filename locked"):
            m.enable_memmap(tmp_path / "b.npy")
    m.set_filename(tmp_path / "b.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), DATA)


class Frame(MemMapArray):
    """A class of somebody else's."""


def test_copies_keep_their_class(tmp_path):
    frame = Frame(DATA, tmp_path / "a.npy", unit="adu")
    frame.night = ["Tuesday"]
    for mapped in (False, True):
        if mapped:
            frame.enable_memmap()
        for made in (copy.copy(frame), copy.deepcopy(frame), pickle.loads(pickle.dumps(frame))):
            assert type(made) is Frame
            assert made.night == ["Tuesday"]
            assert str(made.unit) == "adu"
            np.testing.assert_array_equal(made.view(), DATA)
    assert copy.copy(frame).night is frame.night
    assert copy.deepcopy(frame).night is not frame.night
    assert type(copy.copy(Frame())) is Frame


def test_large_results_are_in_a_file(monkeypatch):
    m = MemMapArray(np.ones((600, 600)))
    monkeypatch.setattr(MemMapArray, "result_limit", 1 << 20)
    half = np.arange(360_000).reshape(600, 600) % 2 == 0
    results = {
        "where": np.add(m, 1, where=half),
        "dtype": np.add(m, 1, dtype="f8"),
        "divmod": divmod(m, 2)[0],
        "matmul": m @ m,
        "accumulate": np.add.accumulate(m),
        "astype": m.astype("i8"),
        "cumsum": m.cumsum(),
        "repeat": m.repeat(2),
        "flatten": m.flatten(),
        "round": m.round(),
        "clip": m.clip(0, 2),
        "concatenate": np.concatenate([m, m]),
        "zeros_like": np.zeros_like(m),
    }
    for name, result in results.items():
        assert (result.memmap, result.filename) == (True, None), name
    np.testing.assert_array_equal(results["where"].view()[half], 2)
    np.testing.assert_array_equal(results["cumsum"].view(), np.arange(1, 360_001))
    assert not m.T.memmap
