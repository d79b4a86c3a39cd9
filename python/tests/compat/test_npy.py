"""Files: what NumPy writes we open, and what we write is NumPy's to the byte."""

import io
import itertools

import numpy as np
import pytest

import maparray

RECORD = [
    ("a", "<i4"),
    ("b", ">f8", (2,)),
    (("title", "c"), "S3"),
    ("d", [("x", "u1"), ("y", "<M8[ms]")]),
]
DTYPES = [
    *("?", "i1", "u1", "S1", "S7", "V3", "U1", "U5"),
    *(order + code for order in "<>" for code in ("i2", "i4", "i8", "u2", "u4", "u8")),
    *(order + code for order in "<>" for code in ("f2", "f4", "f8", "c8", "c16", "U3")),
    *(order + code for order in "<>" for code in ("M8", "M8[D]", "M8[25s]", "m8[ns]", "m8")),
    np.dtype("longdouble").str,
    np.dtype("clongdouble").str,
    RECORD,
    [("ä", "<i2")],
    np.dtype({"names": ["a", "b"], "formats": ["<i2", "<f8"], "offsets": [1, 8], "itemsize": 24}),
    np.dtype([("a", "i1"), ("b", "f8")], align=True),
]
SHAPES = [(), (0,), (1,), (5,), (3, 4), (2, 0, 3), (2, 3, 4), (1, 1, 1, 1)]


def filled(dtype, shape, order):
    """An array with bytes that are valid for the dtype and not all the same."""
    dtype = np.dtype(dtype)
    array = np.zeros(shape, dtype, order=order)
    flat = np.arange(array.size) % 100
    if dtype.kind == "V":
        raw = (np.arange(array.nbytes) % 100).astype("u1")
        if dtype.names is None:
            return raw.view(dtype).reshape(shape, order=order)
        for name in dtype.names:
            field = array[name]
            if field.dtype.names is None:
                field[...] = np.resize(flat % 50, field.shape).astype(field.dtype)
        return array
    if dtype.kind == "?":
        flat = flat % 2
    values = flat.astype(f"S{dtype.itemsize}") if dtype.kind == "S" else flat
    array[...] = values.astype(dtype).reshape(shape)
    return array


def has_padding(dtype):
    fields = dtype.fields or {}
    named = sum(dtype.fields[name][0].itemsize for name in dtype.names or ())
    return bool(fields) and named != dtype.itemsize


def name_of(case):
    return str(case)


def written(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


@pytest.mark.parametrize("dtype", DTYPES, ids=name_of)
@pytest.mark.filterwarnings("ignore:Stored array in format")
def test_numpy_writes_and_we_open(tmp_path, dtype):
    path = tmp_path / "x.npy"
    for shape, order, version in itertools.product(SHAPES, "CF", [(1, 0), (2, 0), (3, 0)]):
        array = filled(dtype, shape, order)
        try:
            path.write_bytes(written(array, version))
        except (ValueError, UnicodeError):
            assert version != (3, 0)
            continue
        with maparray.open(path) as ours:
            assert ours.dtype == array.dtype
            assert ours.shape == array.shape
            assert np.asarray(ours).tobytes("A") == array.tobytes("A")
        mapped = maparray.open_memmap(path, mode="r")
        assert mapped.dtype == array.dtype
        assert mapped.flags.f_contiguous == array.flags.f_contiguous
        assert mapped.tobytes("A") == array.tobytes("A")


@pytest.mark.parametrize("dtype", DTYPES, ids=name_of)
@pytest.mark.filterwarnings("ignore:Stored array in format")
def test_we_write_what_numpy_writes(tmp_path, dtype):
    path = tmp_path / "x.npy"
    for shape, order in itertools.product(SHAPES, "CF"):
        array = filled(dtype, shape, order)
        expected = written(array)
        maparray.save(path, array)
        assert path.read_bytes() == expected
        assert np.array_equal(np.load(path), array)
        # Strides of any kind are written as NumPy writes them.
        for part in (array[::-1], array.T, array[..., ::2]) if array.ndim else ():
            maparray.save(path, part)
            if has_padding(array.dtype):
                # NumPy writes whatever its copy has there.
                assert np.array_equal(np.load(path), part)
            else:
                assert path.read_bytes() == written(part)


@pytest.mark.parametrize("dtype", DTYPES, ids=name_of)
@pytest.mark.filterwarnings("ignore:Stored array in format")
def test_a_file_made_to_be_filled_is_numpys_too(tmp_path, dtype):
    ours, theirs = tmp_path / "ours.npy", tmp_path / "theirs.npy"
    for shape, order in itertools.product([(5,), (3, 4)], "CF"):
        array = filled(dtype, shape, order)
        for make in (
            lambda path, shape=shape, order=order: maparray.create(
                path, shape=shape, dtype=dtype, order=order
            ),
            lambda path, shape=shape, order=order: maparray.open_memmap(
                path, mode="w+", dtype=dtype, shape=shape, fortran_order=order == "F"
            ),
        ):
            made = make(ours)
            made[...] = array
            made.flush()
            filling = np.lib.format.open_memmap(
                theirs, mode="w+", dtype=dtype, shape=shape, fortran_order=order == "F"
            )
            filling[...] = array
            filling.flush()
            assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_open_memmap_writes_each_version_as_numpy_does(tmp_path, version):
    array = np.arange(6, dtype="<f4").reshape(2, 3)
    path = tmp_path / "x.npy"
    made = maparray.open_memmap(path, mode="w+", dtype="<f4", shape=(2, 3), version=version)
    made[...] = array
    assert path.read_bytes() == written(array, version)


def test_a_dtype_that_comes_back_is_the_same():
    for dtype in DTYPES:
        array = maparray.frombuffer(bytes(480), dtype, shape=2)
        assert array.dtype == np.dtype(dtype)
        assert repr(array.dtype) == repr(
            np.lib.format.descr_to_dtype(np.lib.format.dtype_to_descr(np.dtype(dtype)))
        )
