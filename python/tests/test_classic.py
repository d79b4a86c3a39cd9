"""The function of 2002 and what its author wished for."""

import doctest

import numpy as np
import pytest

import maparray
from maparray import _classic


# Its examples leave files to be closed by themselves.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_every_wish_has_an_example_that_runs():
    runner = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    for test in doctest.DocTestFinder().find(_classic.maparray, "maparray", globs=vars(_classic)):
        runner.run(test)
    assert runner.failures == 0
    assert runner.tries > 20


def test_an_open_file_is_used_in_place(tmp_path):
    (tmp_path / "a").write_bytes(bytes(24))
    with open(tmp_path / "a", "r+b") as opened:
        array, lease, file = maparray.maparray(opened, shape=(3,))
        assert file is opened
        assert array.dtype == np.dtype("l")
        array[2] = 7
        lease.flush()
    assert np.fromfile(tmp_path / "a", "l").tolist() == [0, 0, 7]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"shape": (-1, -1)},
        {"shape": "x"},
        {"typecode": "O", "shape": 3},
        {"offset": -1, "shape": 3},
        {"shape": 10**17},
        {"shape": 3, "mode": "w"},
    ],
    ids=str,
)
def test_what_makes_no_sense_leaves_the_old_file_alone(tmp_path, wrong):
    name = tmp_path / "a"
    name.write_bytes(b"precious")
    with pytest.raises((ValueError, TypeError, OSError)):
        maparray.maparray(name, **({"typecode": "d", "mode": "w+"} | wrong))
    assert name.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [name]


def test_who_has_the_old_file_mapped_keeps_it(tmp_path):
    name = tmp_path / "a"
    name.write_bytes(bytes(8 * 600))
    old = maparray.open(name, dtype="f8").view()
    array, lease, file = maparray.maparray(name, "d", 1, "w+")
    array[0] = 5.0
    lease.flush()
    assert file.read() == np.float64(5.0).tobytes()
    file.close()
    assert old.tolist() == [0.0] * 600
