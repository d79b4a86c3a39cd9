"""Safetensors files, beside the package that defines them."""

import json

import numpy as np
import pytest

import maparray

safetensors = pytest.importorskip("safetensors", reason="safetensors is not installed")
ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")

NAMES = {
    "BOOL": np.bool_,
    "U8": np.uint8,
    "I8": np.int8,
    "U16": np.uint16,
    "I16": np.int16,
    "U32": np.uint32,
    "I32": np.int32,
    "U64": np.uint64,
    "I64": np.int64,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "F32": np.float32,
    "F64": np.float64,
    "C64": np.complex64,
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2,
}


def arrays():
    """One array of each dtype, in shapes that leave none at a multiple of anything."""
    made = {}
    for place, (name, dtype) in enumerate(NAMES.items()):
        shape = [(3,), (2, 3), (), (0, 2), (1, 5, 2)][place % 5]
        values = np.arange(np.prod(shape, dtype=int)).reshape(shape) % 5
        made[f"layer.{place}.{name}"] = np.asarray(values, dtype)
    return made


def reference(made, metadata=None):
    """What the package writes."""
    tensors = {
        name: safetensors.TensorSpec(
            dtype=array.dtype.name,
            shape=array.shape,
            data_ptr=array.ctypes.data,
            data_len=array.nbytes,
        )
        for name, array in made.items()
    }
    return safetensors.serialize(tensors, metadata)


def test_files_are_byte_for_byte_those_of_the_package(tmp_path):
    path = tmp_path / "ours.safetensors"
    for metadata in [None, {"format": 'n"p\n é'}]:
        maparray.save_safetensors(path, arrays(), metadata)
        assert path.read_bytes() == reference(arrays(), metadata)


@pytest.mark.parametrize("count", range(12))
def test_headers_of_every_length_are_padded_as_theirs(tmp_path, count):
    path = tmp_path / "ours.safetensors"
    made = {"x" * count: np.arange(3.0), 'a"\\\n\x01é': np.zeros((0,), "u1")}
    maparray.save_safetensors(path, made)
    assert path.read_bytes() == reference(made)


def test_what_the_package_wrote_opens_mapped_under_its_names(tmp_path):
    path = tmp_path / "theirs.safetensors"
    path.write_bytes(reference(arrays(), {"format": "np", "b": "2"}))
    assert maparray.safetensors_metadata(path) == {"format": "np", "b": "2"}
    for name, expected in arrays().items():
        opened = maparray.open(f"{path}:{name}")
        found = np.asarray(opened)
        assert found.dtype == expected.dtype, name
        assert found.shape == expected.shape
        assert found.tobytes() == expected.tobytes()
        assert maparray.read(f"{path}:{name}").tobytes() == expected.tobytes()


def test_the_package_reads_what_was_written(tmp_path):
    path = tmp_path / "ours.safetensors"
    matrix = np.arange(12.0, dtype=">f4").reshape(3, 4)
    maparray.save_safetensors(path, {"m": matrix.T, "n": maparray.MemMapArray(np.arange(3))})
    with safetensors.safe_open(path, framework="np") as file:
        np.testing.assert_array_equal(file.get_tensor("m"), matrix.T)
        np.testing.assert_array_equal(file.get_tensor("n"), np.arange(3))


def test_parts_are_named_by_their_address_and_changed_in_place(tmp_path):
    path = tmp_path / "m.safetensors"
    maparray.save_safetensors(path, {"layer.0.weight": np.arange(12.0).reshape(3, 4), "b": [1, 2]})
    part = maparray.open(f"{path}:layer.0.weight[0:2]", "r+")
    assert part.shape == (2, 4)
    part[1, -1] = 70
    part.flush()
    with safetensors.safe_open(path, framework="np") as file:
        assert file.get_tensor("layer.0.weight")[1, 3] == 70
    total = maparray.eval("sum(w)", w=path.with_name("m.safetensors:layer.0.weight[:, 0]"))
    assert total == 0 + 4 + 8


def test_an_unknown_name_lists_those_that_are_there(tmp_path):
    path = tmp_path / "m.safetensors"
    maparray.save_safetensors(path, {"a": np.zeros(2), "b": np.zeros(3)})
    with pytest.raises(LookupError, match="expected one of `a`, `b`"):
        maparray.open(f"{path}:c")
    with pytest.raises(ValueError, match="several arrays"):
        maparray.open(path)


def test_a_file_of_the_package_that_was_cut_short_is_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    whole = reference({"a": np.arange(5.0)})
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(maparray.FormatError):
            maparray.open(path)
        with pytest.raises(safetensors.SafetensorError):
            safetensors.deserialize(whole[:length])


def test_what_the_package_refuses_is_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    with pytest.raises(maparray.UnsupportedError):
        maparray.save_safetensors(path, {"a": np.zeros(2, "c16")})
    with pytest.raises(ValueError, match="bad name"):
        maparray.save_safetensors(path, {"__metadata__": np.zeros(2)})
    assert not path.exists()
    header = json.dumps({"x": {"dtype": "F4", "shape": [4], "data_offsets": [0, 2]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0")
    with pytest.raises(maparray.UnsupportedError, match="smaller than a byte"):
        maparray.open(path)


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2"])
def test_floats_of_eight_bits_are_cast_as_ml_dtypes_casts_them(tmp_path, name):
    dtype = np.dtype(getattr(ml_dtypes, name))
    path = tmp_path / "m.safetensors"
    codes = np.arange(256, dtype=np.uint8).view(dtype)
    maparray.save_safetensors(path, {"w": codes})
    opened = maparray.open(path)
    assert opened.dtype == dtype
    wide = maparray.eval("float32(w)", w=opened)
    with np.errstate(all="ignore"):
        expected = codes.astype(np.float32)
        np.testing.assert_array_equal(wide.view("u4"), expected.view("u4"))
        bits = np.random.default_rng(8).integers(0, 2**32, 200_000, dtype=np.uint32)
        singles = bits.view(np.float32)
        near = np.float32(2.0) ** np.arange(-20, 20, dtype=np.float32)
        singles = np.concatenate([singles, np.outer(near, np.arange(64) / 32).ravel()])
        narrow = maparray.eval(f"{name}(a)", a=singles)
        assert narrow.dtype == dtype
        np.testing.assert_array_equal(narrow.view("u1"), singles.astype(dtype).view("u1"))
    doubled = maparray.eval("w * 2", w=codes[:4])
    assert doubled.dtype == np.float32
