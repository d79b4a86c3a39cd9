"""Numbers that are stored scaled: astropy reads the same, and they are as good as an array."""

import operator
import subprocess
import sys

import numpy as np
import pytest

import maparray
from maparray import MemMapArray, Scaled, Unit, UnsupportedError, _engine

fits = pytest.importorskip("astropy.io.fits")

OPERATORS = "add sub mul truediv floordiv mod pow lt le gt ge eq ne".split()
SHAPE = (16, 70)


def write(path, shape, dtype="u2", **cards):
    """An image of unsigned integers, or one that cards say to be scaled."""
    data = np.random.default_rng(3).integers(1, 120, shape).astype(dtype)
    fits.PrimaryHDU(data).writeto(path)
    describe(path, cards)
    return str(path)


def describe(path, cards):
    """Put cards in a header as they are: astropy would scale the data."""
    with open(path, "r+b") as file:
        header = fits.Header.fromstring(file.read(2880))
        header.update(cards)
        file.seek(0)
        file.write(header.tostring().encode())


@pytest.fixture(params=["numpy", "engine"])
def who(request, monkeypatch):
    """Who computes: so few numbers are NumPy's else."""
    if request.param == "engine":
        monkeypatch.setattr(_engine, "LARGE", 64)


@pytest.fixture
def images(who, tmp_path):
    paths = [
        write(tmp_path / "a.fits", SHAPE),
        write(tmp_path / "b.fits", SHAPE, "i2", BSCALE=0.5, BZERO=3.0, BLANK=7),
    ]
    return [(maparray.open(path), np.asarray(fits.getdata(path))) for path in paths]


def same(found, expected):
    """Equal in kind, size and every element, NaN included."""
    assert np.asarray(found).dtype == np.asarray(expected).dtype
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", OPERATORS)
def test_operators_give_what_they_give_for_a_container(images, name):
    work = getattr(operator, name)
    (a, x), (b, y) = images
    for scaled, numbers in images:
        same(scaled, numbers)
        m = MemMapArray(numbers)
        for other in (3, 2.0, np.float32(2), numbers, m):
            found, expected = work(scaled, other), work(m, other)
            assert type(found) is type(expected) is MemMapArray
            same(found, expected)
            same(work(other, scaled), work(other, m))
    same(work(a, b), work(MemMapArray(x), MemMapArray(y)))
    same(work(a, a), work(MemMapArray(x), MemMapArray(x)))


@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("name", ["sum", "mean", "std", "min", "max", "argmax", "any"])
def test_reductions_give_what_they_give_for_a_container(images, name, axis):
    for scaled, numbers in images:
        m = MemMapArray(numbers)
        same(getattr(scaled, name)(axis=axis), getattr(m, name)(axis=axis))
        if name != "argmax":
            options = {"axis": axis, "keepdims": True}
            same(getattr(scaled, name)(**options), getattr(m, name)(**options))
        ours = getattr(np, name)(scaled, axis=axis)
        np.testing.assert_allclose(ours, getattr(np, name)(numbers, axis=axis), rtol=1e-5)
    same(a := images[0][0].astype("f4"), images[0][1].astype("f4"))
    assert type(a) is MemMapArray


def test_functions_of_numpy_take_them_as_arrays(images):
    for scaled, numbers in images:
        m = MemMapArray(numbers)
        for function in (np.sqrt, np.negative, np.isnan, abs, np.transpose, np.ravel, np.copy):
            same(function(scaled), function(m))
        same(np.where(scaled > 9, scaled, 0), np.where(m > 9, m, 0))
        same(np.concatenate([scaled, numbers]), np.concatenate([m, numbers]))
        same(np.add(scaled, 1, out=np.zeros(m.shape)), np.add(m, 1, out=np.zeros(m.shape)))
        same(np.maximum.reduce(scaled), np.maximum.reduce(m))
        same(np.nanmax(scaled, axis=0), np.nanmax(m, axis=0))
        same(scaled.T, m.T)
        same(scaled.reshape(-1), m.reshape(-1))
        assert (scaled == "a text").any() == (m == "a text").any()
        assert (scaled.nbytes, scaled.itemsize, len(scaled)) == (m.nbytes, m.itemsize, len(m))


def test_an_index_is_that_of_an_array(images):
    for scaled, numbers in images:
        rows = np.array([3, -1, 0])
        for index in [
            0, -1, (1, 2), slice(None, None, -2), (..., 1), (None, 2), rows, (slice(None), rows),
            ([0, 1], [1, 2]), numbers > 9, (slice(1, 3), slice(2, 0, -1)), (),
        ]:  # fmt: skip
            same(scaled[index], numbers[index])
        same(scaled[scaled > 9], numbers[numbers > 9])
        for found, row in zip(scaled, numbers, strict=True):
            np.testing.assert_array_equal(found, row)
        with pytest.raises(IndexError):
            scaled[len(numbers)]


def test_rows_and_chunks_carry_the_numbers_that_are_meant(images, tmp_path):
    for number, (scaled, numbers) in enumerate(images):
        rows = np.array([[3, -1], [0, 0]])
        keep = numbers[0] > 9
        for source in (scaled, scaled.filename):
            same(maparray.take(source, rows), numbers.take(rows, 0))
            same(maparray.take(source, [1, -1], 1), numbers.take([1, -1], 1))
            same(maparray.compress(keep, source, 1), numbers.compress(keep, 1))
            chunks = list(maparray.iter_chunks(source, rows=4, release=True))
            same(np.concatenate(chunks), numbers)
            assert len(chunks[0]) == 4
        out = np.zeros((2, *numbers.shape[1:]), numbers.dtype)
        assert maparray.take(scaled, [1, 2], out=out) is out
        same(out, numbers[1:3])
        same(scaled.take([1, 2], 0), numbers[1:3])
        same(scaled.take([1, 2]), numbers.take([1, 2]))
        taken = maparray.take(scaled, [2, 0], out=tmp_path / f"{number}.fits")
        assert isinstance(taken, Scaled) == (numbers.dtype.kind == "u")
        np.testing.assert_array_equal(np.asarray(taken), numbers[[2, 0]])
        np.testing.assert_array_equal(fits.getdata(taken.filename), numbers[[2, 0]])
        most = max(numbers[0].nbytes, 1 << 16)
        assert all(chunk.nbytes <= most for chunk in scaled.iter_chunks(1 << 16))


def test_rows_of_numbers_that_are_stored_as_they_are_go_into_fits_too(tmp_path):
    data = np.arange(12, dtype="f4").reshape(4, 3)
    maparray.take(data, [2, 0], out=tmp_path / "a.fits")
    np.testing.assert_array_equal(fits.getdata(tmp_path / "a.fits"), data[[2, 0]])


def test_files_made_of_them_hold_the_numbers_that_are_meant(images, tmp_path):
    (a, x), (b, y) = images
    maparray.convert(a, tmp_path / "a.npy")
    same(np.load(tmp_path / "a.npy"), x)
    maparray.convert(b.filename, tmp_path / "b.npy", dtype=">f8", axes=(1, 0), order="F")
    same(np.load(tmp_path / "b.npy"), y.T.astype(">f8"))
    for axis in (0, 1):
        for arrays in ((a, b, a), (a, x), (a.filename, y)):
            numbers = [np.asarray(v if hasattr(v, "shape") else fits.getdata(v)) for v in arrays]
            found = maparray.concatenate(arrays, axis, memory=1 << 16)
            same(found, np.concatenate(numbers, axis))
    joined = maparray.concatenate([a, a], out=tmp_path / "c.fits")
    assert isinstance(joined, Scaled)
    same(joined, np.concatenate([x, x]))
    same(np.asarray(fits.getdata(tmp_path / "c.fits")), np.concatenate([x, x]))


@pytest.mark.parametrize("dtype", ["i1", "u2", "u4", "u8"])
def test_a_new_file_of_unsigned_numbers_is_given_mapped(tmp_path, dtype):
    data = np.arange(24, dtype=dtype).reshape(4, 6)
    found = maparray.eval("a + 1", a=data, out=tmp_path / "a.fits")
    assert isinstance(found, Scaled)
    assert found.filename == tmp_path / "a.fits"
    same(found, data + np.dtype(dtype).type(1))
    same(np.asarray(fits.getdata(tmp_path / "a.fits")), np.asarray(found))
    assert found.header["BZERO"] == found.zero
    (other,) = maparray.eval_many(["a"], a=found, out=[tmp_path / "b.fits"])
    assert isinstance(other, Scaled)
    same(other, found)


def test_what_would_change_them_is_refused(tmp_path):
    a = maparray.open(write(tmp_path / "a.fits", (3, 4)))
    before = np.asarray(a)
    with pytest.raises(UnsupportedError, match="scaled"):
        a[0] = 1
    with pytest.raises(UnsupportedError, match="scaled"):
        a += 1
    with pytest.raises(UnsupportedError, match="scaled"):
        a @= np.eye(4)
    with pytest.raises(UnsupportedError, match="scaled"):
        np.add(before, 1, out=a)
    with pytest.raises(UnsupportedError, match="scaled"):
        a.sort()
    with pytest.raises(UnsupportedError, match="scaled"):
        a.fill(0)
    assert not hasattr(a, "flags")
    with pytest.raises(TypeError, match="unhashable"):
        hash(a)
    same(a, before)


def test_units_go_along(who, tmp_path):
    a = maparray.open(write(tmp_path / "a.fits", SHAPE, BUNIT="adu"))
    m = MemMapArray(np.asarray(a), unit="adu")
    for work in (lambda v: v * v, lambda v: v + v, lambda v: v / 2, np.sqrt, lambda v: v.mean()):
        found, expected = work(a), work(m)
        assert found.unit == expected.unit
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-6)
    assert (a > m).dtype == "?"
    assert (a + m)._unit == Unit("adu")
    assert next(maparray.iter_chunks(a)).unit == m.unit
    assert next(iter(a)).unit == m.unit
    assert a.quantity.unit == m.unit
    with pytest.raises(maparray.UnitError):
        a + 1


def test_contents_tell_the_scaling(tmp_path):
    path = write(tmp_path / "a.fits", (3, 4), "i2", BSCALE=0.5, BZERO=3.0, BLANK=7)
    with maparray.contents(path) as file:
        (key,) = file
        info = file.info(key)
        assert info["scaling"] == {"scale": 0.5, "zero": 3.0, "blank": 7}
        assert info["dtype"] == ">i2"
    maparray.save_fits(tmp_path / "b.fits", np.zeros(3))
    with maparray.contents(tmp_path / "b.fits") as file:
        assert file.info(next(iter(file)))["scaling"] is None


def test_text_tells_what_it_is(tmp_path):
    a = maparray.open(write(tmp_path / "a.fits", (2, 3)))
    assert repr(a) == "Scaled(shape=(2, 3), dtype=uint16, stored as >i2)"
    assert str(a) == str(np.asarray(a))
    a.close()
    assert str(a) == repr(a) == "Scaled(closed)"


BOUNDED = """
import resource, sys, maparray, numpy as np
from pathlib import Path
path, folder = sys.argv[1], Path(sys.argv[1]).parent
a = maparray.open(path)
page = resource.getpagesize()
used = int(open("/proc/self/statm").read().split()[5]) * page
# The numbers that are meant are 32 MiB.
resource.setrlimit(resource.RLIMIT_DATA, (used + (20 << 20),) * 2)
how = dict(memory=4 << 20, threads=2, overwrite=True)
out = folder / "out.npy"
maparray.convert(a, out, **how)
maparray.convert(path, out, dtype="f8", axes=(1, 0), **how)
maparray.concatenate([a, path], out=out, **how)
b = maparray.open(path + "[1]")
joined = maparray.concatenate([b, b], out=folder / "o.fits", **how)
assert isinstance(joined, maparray.Scaled)
assert a.sum() == maparray.eval("sum(a)", a=path) == 1.5 * a.size
assert np.mean(a, axis=1).shape == (2048,)
chunks = maparray.iter_chunks(path, 1 << 20, release=True)
total = sum(chunk.sum(dtype="f8") for chunk in chunks)
assert total == 1.5 * a.size
maparray.take(a, np.arange(2048), out=folder / "t.npy")
try:
    np.asarray(a)
except (OSError, MemoryError):
    pass
else:
    raise SystemExit("the limit limits nothing")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much memory is in use")
def test_images_larger_than_the_memory_that_is_allowed_go_through(tmp_path):
    path = tmp_path / "a.fits"
    stored = np.ones((2048, 4096), "i2")
    hdus = [fits.PrimaryHDU(stored), fits.ImageHDU(stored.astype("u2"))]
    fits.HDUList(hdus).writeto(path)
    describe(path, {"BSCALE": 0.5, "BZERO": 1.0})
    ended = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(path)], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
