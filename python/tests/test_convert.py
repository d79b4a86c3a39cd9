"""Files that are written of other files, beside NumPy."""

import numpy as np
import pytest
from astropy import units as u

import maparray

DTYPES = ["?", "u1", "<i2", ">i4", "<f4", ">f8", "c16"]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("wanted", DTYPES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_casts_are_those_of_astype(dtype, wanted, order, tmp_path):
    data = (np.arange(24).reshape(2, 3, 4) * 7 % 120).astype(dtype)
    np.save(tmp_path / "a.npy", data)
    maparray.convert(tmp_path / "a.npy", tmp_path / "b.npy", dtype=wanted, order=order)
    found = np.load(tmp_path / "b.npy")
    np.testing.assert_array_equal(found, data.astype(wanted))
    assert found.dtype == np.dtype(wanted)
    assert found.flags.f_contiguous == (order == "F")


def test_records_and_texts_stay_what_they_are(tmp_path):
    records = np.array([(1, b"x"), (2, b"yz")], [("n", ">i4"), ("s", "S3")])
    maparray.convert(records, tmp_path / "b.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), records)
    with pytest.raises(ValueError, match="cannot compute"):
        maparray.convert(records, tmp_path / "c.npy", dtype="f8")


def test_raw_files_have_the_elements_alone(tmp_path):
    data = np.arange(12, dtype=">i2").reshape(3, 4)
    maparray.convert(data, tmp_path / "a.bin", format="raw")
    np.testing.assert_array_equal(np.fromfile(tmp_path / "a.bin", ">i2"), data.ravel())


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (-1, 1, 0)])
def test_axes_are_turned(axes, tmp_path):
    data = np.random.default_rng(1).normal(size=(30, 40, 50)).astype("f4")
    np.save(tmp_path / "a.npy", data)
    maparray.convert(tmp_path / "a.npy", tmp_path / "b.npy", axes=axes, memory=1 << 16)
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), data.transpose(axes))


def test_no_file_is_replaced_unless_that_is_said(tmp_path):
    maparray.save(tmp_path / "a.npy", [1, 2])
    with pytest.raises(FileExistsError):
        maparray.convert(np.zeros(3), tmp_path / "a.npy")
    assert np.load(tmp_path / "a.npy").tolist() == [1, 2]
    maparray.convert(tmp_path / "a.npy", tmp_path / "a.npy", dtype="f8", overwrite=True)
    assert np.load(tmp_path / "a.npy").dtype == "f8"


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_joined_arrays_are_those_of_numpy(axis, tmp_path):
    rng = np.random.default_rng(2)
    arrays = []
    for i, dtype in enumerate(["i2", ">f4", "u1"]):
        shape = [4, 5, 6]
        shape[axis] = i + 1
        arrays.append(rng.integers(0, 100, shape).astype(dtype))
        np.save(tmp_path / f"{i}.npy", arrays[-1])
    expected = np.concatenate(arrays, axis)
    joined = maparray.concatenate(arrays, axis)
    np.testing.assert_array_equal(joined, expected)
    assert joined.dtype == expected.dtype.newbyteorder("=")
    paths = [tmp_path / f"{i}.npy" for i in range(3)]
    with maparray.concatenate(paths, axis, out=tmp_path / "all.npy") as file:
        np.testing.assert_array_equal(file, expected)
    np.testing.assert_array_equal(np.load(tmp_path / "all.npy"), expected)


def test_units_go_along(tmp_path):
    adu = maparray.MemMapArray([1.0, 2.0], unit="adu")
    assert maparray.concatenate([adu, adu]).unit == u.adu
    maparray.convert(adu, tmp_path / "a.npy", dtype="f4")
    assert maparray.open(tmp_path / "a.npy").unit == u.adu
    with pytest.raises(maparray.UnitError):
        maparray.concatenate([adu, np.zeros(2)])


@pytest.mark.parametrize(
    "dtypes", [["u2", "i1", "c8"], ["u2", ">i2", "f4"], ["i1", "u1", "f2"], ["i4", "u2", "c8"]]
)
def test_many_dtypes_are_promoted_as_numpy_does(dtypes):
    parts = [np.ones(2, dtype) for dtype in dtypes]
    expected = np.concatenate(parts).dtype
    assert maparray.concatenate(parts).dtype == expected
    if expected.kind != "c":
        assert maparray.stack(parts).dtype == expected


@pytest.mark.parametrize("part", ["[2:]", "[::-1]", "[1]", "[1:, 2:]"])
@pytest.mark.parametrize("shape", [(3, 0), (3, 0, 4), (3, 4, 0)])
def test_parts_of_nothing_are_nothing(shape, part, tmp_path):
    data = np.zeros(shape)
    np.save(tmp_path / "a.npy", data)
    expected = eval(f"data{part}")
    assert np.asarray(maparray.open(f"{tmp_path}/a.npy{part}")).shape == expected.shape
    assert maparray.read(f"{tmp_path}/a.npy{part}").shape == expected.shape
