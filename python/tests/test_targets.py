"""Files of several arrays as targets, read by NumPy, safetensors and astropy."""

import itertools

import numpy as np
import pytest
from astropy.io import fits
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import maparray

RNG = np.random.default_rng(5)
DATA = (RNG.normal(size=(3, 4, 5)) * 100).astype("f4")


def read(path, name):
    """What the format's own tool finds under a name."""
    if path.suffix == ".npz":
        with np.load(path) as archive:
            return archive[name]
    if path.suffix == ".safetensors":
        return load_file(path)[name]
    with fits.open(path) as hdus:
        hdus.verify("exception")
        return np.array(hdus[0 if name == "arr_0" else name].data)


@pytest.mark.parametrize("ending", ["npz", "safetensors", "fits"])
@pytest.mark.parametrize("name", ["", ":weights"])
@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i4", "<u2", ">f4", "<f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_goes_to_a_file_that_names_its_arrays(ending, name, dtype, order, tmp_path):
    source, path = tmp_path / "a.npy", tmp_path / f"out.{ending}"
    np.save(source, DATA)
    maparray.convert(source, f"{path}{name}", dtype=dtype, order=order)
    # NumPy compares the checksum of a member that it reads.
    found = read(path, name.removeprefix(":") or "arr_0")
    np.testing.assert_array_equal(found, DATA.astype(dtype))
    if ending == "npz":
        assert found.dtype == np.dtype(dtype)
        assert found.flags.f_contiguous == (order == "F")
        assert maparray.open(path).view().ctypes.data % 64 == 0
    np.testing.assert_array_equal(np.asarray(maparray.read(path)), found)
    with pytest.raises(FileExistsError if not name or ending != "npz" else ValueError):
        maparray.convert(source, f"{path}{name}")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npy", path.name]


def test_a_named_array_is_added_to_an_archive_that_is_there(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(5))
    maparray.convert(DATA, f"{path}:y", dtype="f8", order="F")
    maparray.eval("x * 2", x=f"{path}:x", out=f"{path}:z")
    with np.load(path) as archive:
        assert archive.files == ["x", "y", "z"]
        assert archive["x"].tolist() == list(range(5))
        np.testing.assert_array_equal(archive["y"], DATA.astype("f8"))
        assert archive["z"].tolist() == [0, 2, 4, 6, 8]
    # What is there is not replaced, whatever is said.
    for name, overwrite in itertools.product(["x", "y"], [False, True]):
        with pytest.raises(ValueError, match="name is taken"):
            maparray.convert(DATA, f"{path}:{name}", overwrite=overwrite)
    assert np.load(path)["x"].tolist() == list(range(5))
    maparray.convert(DATA, path, overwrite=True)
    assert np.load(path).files == ["arr_0"]


def test_files_of_several_tensors_are_not_replaced_for_one(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"v": DATA, "w": DATA}, path)
    with pytest.raises(FileExistsError):
        maparray.convert(DATA, f"{path}:w")
    with pytest.raises(ValueError, match="holds `v`"):
        maparray.convert(DATA, f"{path}:w", overwrite=True)
    assert sorted(load_file(path)) == ["v", "w"]
    for _ in range(2):
        maparray.convert(DATA, f"{tmp_path / 'b.safetensors'}:w", overwrite=True)
    assert list(load_file(tmp_path / "b.safetensors")) == ["w"]


def test_what_is_computed_goes_there_as_well(tmp_path):
    np.save(tmp_path / "a.npy", DATA)
    a = tmp_path / "a.npy"
    for ending, name in itertools.product(["npz", "safetensors", "fits"], ["", ":sum"]):
        out = tmp_path / f"sums{len(name)}.{ending}"
        result = maparray.eval("a + a", a=a, out=f"{out}{name}")
        np.testing.assert_array_equal(np.asarray(result), DATA + DATA)
        np.testing.assert_array_equal(read(out, name[1:] or "arr_0"), DATA + DATA)
        joined = tmp_path / f"joined{len(name)}.{ending}"
        result = maparray.concatenate([a, a], axis=1, out=f"{joined}{name}")
        expected = np.concatenate([DATA, DATA], axis=1)
        np.testing.assert_array_equal(np.asarray(result), expected)
        np.testing.assert_array_equal(read(joined, name[1:] or "arr_0"), expected)


ARRAYS = {"b": np.arange(6, dtype="<i4").reshape(2, 3), "a": DATA, "c": np.ones(3, "u1")}


def write(path):
    if path.suffix == ".npz":
        np.savez_compressed(path, **ARRAYS)
    elif path.suffix == ".safetensors":
        save_file(ARRAYS, path, metadata={"made": "today"})
    else:
        images = [fits.ImageHDU(value, name=name) for name, value in ARRAYS.items()]
        fits.HDUList([fits.PrimaryHDU(), *images]).writeto(path)


@pytest.mark.parametrize("before", ["npz", "safetensors", "fits"])
@pytest.mark.parametrize("after", ["npz", "safetensors", "fits"])
def test_all_arrays_of_a_file_go_to_another(before, after, tmp_path):
    source, path = tmp_path / f"one.{before}", tmp_path / f"other.{after}"
    write(source)
    if before == "npz":
        with pytest.raises(ValueError, match="inflate=True"):
            maparray.convert(source, path)
        assert not path.exists()
    maparray.convert(source, path, inflate=True)
    for name, expected in ARRAYS.items():
        found = read(path, name.upper() if before == "fits" else name)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype.newbyteorder("=") == expected.dtype
    with pytest.raises(FileExistsError):
        maparray.convert(source, path, inflate=True)
    if before != "fits":
        # FITS has a first image, which stands for the file.
        with pytest.raises(ValueError, match="several arrays"):
            maparray.convert(source, tmp_path / "a.npy")
    if before == after == "safetensors":
        with safe_open(path, "numpy") as tensors:
            assert tensors.metadata() == {"made": "today"}


def test_images_keep_their_cards_and_meanings(tmp_path):
    counts = np.array([[0, 65535], [1, 2]], "u2")
    scaled = fits.ImageHDU(np.array([1.0, 2.5], "f4"), name="SCALED")
    scaled.scale("int16", bscale=0.5, bzero=1)
    plain = [fits.ImageHDU(np.arange(n + 2.0), name="SCI", ver=n + 1) for n in range(2)]
    primary = fits.PrimaryHDU(counts)
    primary.header["OBSERVER"] = "me"
    fits.HDUList([primary, scaled, *plain]).writeto(tmp_path / "a.fits")
    maparray.convert(tmp_path / "a.fits", tmp_path / "b.fits")
    with fits.open(tmp_path / "b.fits") as found, fits.open(tmp_path / "a.fits") as expected:
        found.verify("exception")
        assert found[0].header["OBSERVER"] == "me"
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one.data, other.data)
            assert (one.name, one.ver) == (other.name, other.ver)
    maparray.convert(tmp_path / "a.fits", tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz") as found:
        assert found.files == ["0", "SCALED", "SCI,1", "SCI,2"]
        np.testing.assert_array_equal(found["0"], counts)
        assert found["SCALED"].tolist() == [1.0, 2.5]


def test_what_a_format_has_not_is_refused_and_leaves_nothing(tmp_path):
    records = np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")])
    np.savez(tmp_path / "a.npz", r=records, x=np.arange(3))
    for ending in ["safetensors", "fits"]:
        with pytest.raises(ValueError, match="dtype|stored"):
            maparray.convert(tmp_path / "a.npz", tmp_path / f"b.{ending}")
    with pytest.raises(ValueError, match="not a name"):
        maparray.convert(DATA, f"{tmp_path / 'b.npz'}:")
    with pytest.raises(ValueError, match="wav"):
        maparray.convert(DATA, tmp_path / "b.wav")
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_a_number_is_the_place_of_an_image_and_no_name(tmp_path):
    a = np.arange(3.0)
    maparray.savez(tmp_path / "a.npz", **{"1": a, "0": a + 1})
    maparray.savez(tmp_path / "b.npz", **{"0": a, "1": a + 1})
    with pytest.raises(ValueError, match="found `1`, which is the place of another"):
        maparray.convert(tmp_path / "a.npz", tmp_path / "a.fits")
    with pytest.raises(ValueError, match="found `1`"):
        maparray.convert(a, f"{tmp_path}/a.fits:1")
    with pytest.raises(ValueError, match="found `1`"):
        maparray.save_fits(tmp_path / "a.fits", {"1": a, "0": a + 1})
    assert not (tmp_path / "a.fits").exists()
    maparray.convert(tmp_path / "b.npz", tmp_path / "b.fits")
    for key, expected in [("0", a), ("1", a + 1)]:
        assert (maparray.read(f"{tmp_path}/b.fits:{key}") == expected).all()


def test_names_of_images_differ_in_more_than_capitals(tmp_path):
    maparray.savez(tmp_path / "a.npz", SCI=np.arange(3.0), sci=np.arange(2.0))
    with pytest.raises(ValueError, match="found `sci` twice"):
        maparray.convert(tmp_path / "a.npz", tmp_path / "a.fits")
    assert not (tmp_path / "a.fits").exists()


def test_a_single_element_is_no_image(tmp_path):
    with pytest.raises(maparray.UnsupportedError, match="single element, expected an axis"):
        maparray.convert(np.array(3), tmp_path / "a.fits")
