"""The unit in a header: NumPy reads such files as any other."""

import numpy as np
import pytest

import maparray


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_numpy_reads_a_header_with_a_unit(tmp_path, version):
    path = tmp_path / "a.npy"
    text = "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }  # unit: 'adu / s'"
    prefix = 10 if version == (1, 0) else 12
    length = -(prefix + len(text) + 1) % 64 + len(text) + 1
    header = b"\x93NUMPY" + bytes(version) + length.to_bytes(prefix - 8, "little")
    header += text.encode().ljust(length - 1) + b"\n"
    path.write_bytes(header + np.arange(3.0).tobytes())
    with path.open("rb") as file:
        assert np.lib.format.read_magic(file) == version
    assert np.load(path).tolist() == [0, 1, 2]
    mapped = np.load(path, mmap_mode="r+")
    mapped[0] = 5
    mapped.flush()
    assert np.lib.format.open_memmap(path, mode="r").tolist() == [5, 1, 2]
    assert np.asarray(maparray.open(path)).tolist() == [5, 1, 2]
