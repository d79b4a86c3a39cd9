"""Runs NumPy's own tests on our class: a pytest plugin that swaps it in before they import it.

Load it with ``-p numpy_suite_plugin``. It counts, for each test, how many arrays our class was
asked to map; a test that passes without one has tested somebody else's class, and fails here.
"""

import functools

import numpy as np
import numpy.lib._format_impl
import numpy.lib.format
import pytest

import maparray

_constructed = 0
_counts = {}


def _count(construct):
    @functools.wraps(construct)
    def counted(*arguments, **options):
        global _constructed
        _constructed += 1
        return construct(*arguments, **options)

    return counted


# The class itself stays, so that `type(x) is memmap` holds; what it maps goes through the counter.
maparray._memmap._attach = _count(maparray._memmap._attach)
maparray._npy._attach = _count(maparray._npy._attach)

maparray._contents._attach = _count(maparray._contents._attach)
# What ours writes counts, too.
maparray._contents._save = _count(maparray._contents._save)

_load = np.load


@functools.wraps(_load)
def _load_mapped(file, mmap_mode=None, **options):
    """Give what ours gives of an archive that is to be mapped, else what NumPy's does."""
    named = not hasattr(file, "read")
    if mmap_mode is not None and named and maparray._npy._is_archive(file):
        return maparray.load(file, mmap_mode, inflate=True, **options)
    return _load(file, mmap_mode, **options)


np.load = _load_mapped
np.savez = maparray.savez
np.savez_compressed = maparray.savez_compressed
np.memmap = maparray.memmap
for _format in (numpy.lib.format, numpy.lib._format_impl):
    # `numpy.load` finds it here.
    _format.open_memmap = maparray.open_memmap


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Count what one test constructs."""
    before = _constructed
    result = yield
    _counts[item.nodeid] = _constructed - before
    return result


def pytest_sessionfinish(session, exitstatus):
    """Fail a run in which a test never reached our class."""
    never = [name for name, count in _counts.items() if count == 0]
    if never or not _counts:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    """Say how many maps each run made, and who made none."""
    total = sum(_counts.values())
    terminalreporter.write_line(f"{len(_counts)} tests constructed maparray.memmap {total} times")
    for name, count in _counts.items():
        if count == 0:
            terminalreporter.write_line(f"FAILED: {name} never constructed maparray.memmap")
