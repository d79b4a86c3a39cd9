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
