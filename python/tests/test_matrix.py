"""Every format with each of its dtypes in each mode, beside the tool that defines the format."""

import numpy as np
import pytest

import maparray

fits = pytest.importorskip("astropy.io.fits", reason="astropy is not installed")
tensors = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")

PLAIN = ["?", *"bBhHiIlLefd", "F", "D"]
OTHERS = [">i2", ">u4", ">f8", ">c16", "S5", "<U3", "V7", "<M8[us]", ">m8[s]"]
RECORD = [("a", "<i4"), ("b", ">f8", (2,)), ("c", "S3")]


class Npy:
    """NumPy's own."""

    ending, dtypes, orders = ".npy", [*PLAIN, *OTHERS, RECORD], "CF"

    def write(self, path, array):
        np.save(path, array)

    def ours(self, path, array):
        maparray.save(path, array)

    def read(self, path):
        return np.load(path)

    def address(self, path):
        return path


class Npz(Npy):
    """Several of them, at odd places."""

    ending = ".npz"

    def write(self, path, array):
        np.savez(path, other=np.arange(3), x=array)

    def ours(self, path, array):
        maparray.savez(path, other=np.arange(3), x=array)

    def read(self, path):
        with np.load(path) as archive:
            return archive["x"]

    def address(self, path):
        return f"{path}:x"


class Fits:
    """Images of astropy's."""

    ending, orders = ".fits", "C"
    dtypes = "u1 >i2 >i4 >i8 >f4 >f8".split()

    def write(self, path, array):
        fits.PrimaryHDU(array).writeto(path)

    def ours(self, path, array):
        maparray.save_fits(path, array)

    def read(self, path):
        return fits.getdata(path, memmap=False)

    def address(self, path):
        return path


class Tensors:
    """Tensors of the package."""

    ending, orders = ".safetensors", "C"
    dtypes = "? u1 i1 <u2 <i2 <u4 <i4 <u8 <i8 <f2 <f4 <f8 <c8".split()

    def write(self, path, array):
        tensors.save_file({"other": np.arange(3), "x": array}, path)

    def ours(self, path, array):
        maparray.save_safetensors(path, {"other": np.arange(3), "x": array})

    def read(self, path):
        return tensors.load_file(path)["x"]

    def address(self, path):
        return f"{path}:x"


CASES = [
    pytest.param(form(), np.dtype(dtype), order, id=f"{form.__name__}-{np.dtype(dtype)}-{order}")
    for form in (Npy, Npz, Fits, Tensors)
    for dtype in form.dtypes
    for order in form.orders
]


def numbers(dtype, order):
    """Bytes at random, which NaNs of all kinds are among; bools are 0 and 1."""
    count = 3 * 4 * 5
    some = np.random.default_rng(5).integers(0, 256, count * dtype.itemsize, "u1")
    some = some & 1 if dtype == np.bool_ else some
    if dtype.kind == "U":
        return np.array(["", "a", "bß", "cde"] * 15, dtype).reshape(3, 4, 5).copy(order)
    return np.frombuffer(some.tobytes(), dtype).reshape(3, 4, 5).copy(order)


def same(found, expected):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize(("form", "dtype", "order"), CASES)
def test_a_file_is_the_same_for_both_in_each_mode(tmp_path, form, dtype, order):
    array, path = numbers(dtype, order), str(tmp_path / f"theirs{form.ending}")
    form.write(path, array)
    first = array.reshape(-1)[-1]
    for mode in ["r", "c", "r+"]:
        with maparray.open(form.address(path), mode) as opened:
            same(np.asarray(opened), array)
            assert opened.filename is not None
            if mode == "r":
                with pytest.raises(ValueError, match="read-only"):
                    opened[0, 0, 0] = first
            else:
                opened[0, 0, 0] = first
                opened.flush()
        expected = array.copy(order)
        if mode == "r+":
            expected[0, 0, 0] = first
        # Its own reader compares checksums where there are some.
        same(form.read(path), expected)


@pytest.mark.parametrize(("form", "dtype", "order"), CASES)
def test_what_we_write_is_what_the_tool_writes(tmp_path, form, dtype, order):
    array, path = numbers(dtype, order), str(tmp_path / f"ours{form.ending}")
    form.ours(path, array)
    same(form.read(path), array)
    if form.ending in (".npy", ".safetensors"):
        theirs = tmp_path / f"theirs{form.ending}"
        form.write(str(theirs), array)
        assert (tmp_path / f"ours{form.ending}").read_bytes() == theirs.read_bytes()
