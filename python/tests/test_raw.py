"""Raw files with a description beside them, sounds and Fortran records, beside NumPy and `wave`."""

import json
import random
import struct
import wave

import numpy as np
import pytest

import maparray


@pytest.mark.parametrize(
    "dtype", ["u1", "<i2", ">f4", "<c16", "M8[s]", "S3", [("x", "<f4"), ("n", "u1")]]
)
def test_what_tofile_wrote_opens_without_retelling(tmp_path, dtype):
    path = tmp_path / "frame.bin"
    array = np.zeros((2, 3), dtype)
    array.view("u1")[...] = np.arange(array.nbytes, dtype="u1").reshape(2, -1) % 100
    array.tofile(path)
    beside = maparray.wrap(path, dtype, (2, -1))
    assert beside == tmp_path / "frame.bin.json"
    assert json.loads(beside.read_text()) == {
        "format": "maparray-raw",
        "version": 1,
        "dtype": json.loads(beside.read_text())["dtype"],
        "shape": [2, 3],
        "order": "C",
        "offset": 0,
    }
    opened = maparray.open(path)
    assert opened.dtype == array.dtype
    assert np.asarray(opened).tobytes() == array.tobytes()
    assert maparray.open(f"{path}[1, 0:2]").shape == (2,)


def test_a_description_keeps_order_offset_and_unit(tmp_path):
    path = tmp_path / "frame.bin"
    path.write_bytes(b"head" + np.arange(6, dtype="<u2").reshape(2, 3).tobytes("F"))
    maparray.wrap(path, "<u2", (2, 3), offset=4, order="F", unit="adu")
    opened = maparray.open(path, "r+")
    np.testing.assert_array_equal(np.asarray(opened), np.arange(6).reshape(2, 3))
    assert opened.unit == maparray.Unit("adu")
    np.asarray(opened)[1, 2] = 70
    opened.flush()
    assert path.read_bytes()[-2:] == struct.pack("<H", 70)
    with pytest.raises(maparray.FormatError, match="cut short"):
        maparray.wrap(path, "<u2", (3, 3), offset=4)


def test_envi_headers_are_read_in_each_interleave(tmp_path):
    cube = np.arange(24, dtype=">i4").reshape(2, 3, 4)  # bands, lines, samples
    for interleave, axes in {"bsq": (0, 1, 2), "bil": (1, 0, 2), "bip": (1, 2, 0)}.items():
        path = tmp_path / f"{interleave}.img"
        cube.transpose(axes).tofile(path)
        (tmp_path / f"{interleave}.hdr").write_text(
            f"ENVI\nsamples = 4\nlines = 3\nbands = 2\ndata type = 3\ninterleave = {interleave}\n"
            "byte order = 1\nheader offset = 0\n"
        )
        np.testing.assert_array_equal(np.asarray(maparray.open(path)), cube.transpose(axes))


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize(("width", "dtype"), [(1, "u1"), (2, "<i2"), (4, "<i4")])
def test_sounds_are_those_that_wave_wrote(tmp_path, channels, width, dtype):
    path = tmp_path / "sound.wav"
    frames = np.arange(7 * channels * width, dtype="u1").tobytes()
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(8000)
        sound.writeframes(frames)
    opened = maparray.open(path)
    assert opened.shape == ((7,) if channels == 1 else (7, channels))
    assert opened.dtype == np.dtype(dtype)
    assert np.asarray(opened).tobytes() == frames
    changed = maparray.open(path, "r+")
    changed[3] = changed[0]
    changed.flush()
    with wave.open(str(path), "rb") as sound:
        again = sound.readframes(7)
    size = width * channels
    assert again[3 * size : 4 * size] == frames[:size]


@pytest.mark.parametrize("channels", [1, 3])
def test_samples_of_24_bits_are_copied_where_that_is_asked_for(tmp_path, channels):
    path = tmp_path / "sound.wav"
    values = np.array([0, 1, -1, 2**23 - 1, -(2**23), 65536], "<i4").repeat(channels)
    packed = values.view("u1").reshape(-1, 4)[:, :3].tobytes()
    with wave.open(str(path), "wb") as sound:
        sound.setparams((channels, 3, 44100, 0, "NONE", ""))
        sound.writeframes(packed)
    expected = values if channels == 1 else values.reshape(-1, channels)
    for mode in ["r", "r+", "c"]:
        with pytest.raises(maparray.UnsupportedError, match="24 bits"):
            maparray.open(path, mode)
    with pytest.raises(maparray.UnsupportedError, match="24 bits"):
        maparray.open(path, "r+", inflate=True)
    copies = [maparray.open(path, inflate=True), maparray.open(path, "c", inflate=1000)]
    copies.append(maparray.read(path))
    with maparray.contents(path, inflate=True) as file:
        assert (file.info("")["sample_rate"], file.info("")["compressed"]) == (44100, len(packed))
        copies.append(file[""])
        file.check("")
    for copy in copies:
        assert copy.dtype == "i4"
        np.testing.assert_array_equal(np.asarray(copy), expected)
    with pytest.raises(maparray.UnsupportedError, match="too much"):
        maparray.open(path, inflate=10)
    path.write_bytes(path.read_bytes()[:-2])
    for ask in [lambda: maparray.read(path), lambda: maparray.open(path, inflate=True)]:
        with pytest.raises(maparray.FormatError, match="cut short"):
            ask()


def sound_of(rng, channels, width, frames, extensible):
    """A WAV file with chunks around its data, and the bytes of these."""

    def chunk(name, body):
        return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)

    def others(names):
        some = range(rng.randrange(3))
        return b"".join(chunk(rng.choice(names), rng.randbytes(rng.randrange(60))) for _ in some)

    block = channels * width
    code = 0xFFFE if extensible else 1
    how = struct.pack("<HHIIHH", code, channels, 8000, 8000 * block, block, 8 * width)
    if extensible:
        how += struct.pack("<HHIH", 22, 8 * width, 0, 1) + bytes(14)
    data = rng.randbytes(frames * block)
    body = b"WAVE" + others([b"LIST", b"JUNK"]) + chunk(b"fmt ", how) + others([b"fact"])
    body += chunk(b"data", data) + others([b"LIST"])
    return b"RIFF" + struct.pack("<I", len(body)) + body, data


def test_random_programs_over_mapped_sounds_end_as_wave_reads_them(tmp_path):
    for seed in range(80):
        rng = random.Random(seed)
        path = tmp_path / f"{seed}.wav"
        channels, width = rng.choice([1, 1, 2, 3, 5]), rng.choice([1, 2, 4])
        frames, extensible = rng.randrange(50), rng.random() < 0.3
        file, data = sound_of(rng, channels, width, frames, extensible)
        path.write_bytes(file)
        shape = (frames,) if channels == 1 else (frames, channels)
        model = np.frombuffer(data, f"<{'u' if width == 1 else 'i'}{width}").reshape(shape).copy()
        opened = maparray.open(path, "r+")
        assert opened.shape == shape
        for _ in range(rng.randrange(6) if frames else 0):
            first, other = rng.randrange(frames), rng.randrange(frames)
            kind = rng.randrange(3)
            for array in [opened, model]:
                if kind == 0:
                    array[first] = model[other]
                elif kind == 1:
                    array[first:] = 7
                else:
                    array += 1
            if rng.random() < 0.5:
                opened.flush()
            if rng.random() < 0.3:
                opened.close()
                opened = maparray.open(path, "r+")
        opened.close()
        # Nothing but the samples has changed.
        start = b"data" + struct.pack("<I", len(data))
        assert path.read_bytes() == file.replace(start + data, start + model.tobytes()), seed
        np.testing.assert_array_equal(np.asarray(maparray.open(path)), model)
        if not extensible:
            with wave.open(str(path), "rb") as sound:
                assert sound.readframes(frames) == model.tobytes()


def written(path, arrays, marker="<i"):
    with path.open("wb") as file:
        for array in arrays:
            size = struct.pack(marker, array.nbytes)
            file.write(size + array.tobytes() + size)


@pytest.mark.parametrize("marker", ["<i", ">i", "<q", ">q"])
def test_records_are_arrays_or_rows(tmp_path, marker):
    path = tmp_path / "fields.dat"
    how = {"marker": struct.calcsize(marker), "byteorder": marker[0]}
    rows = np.arange(12, dtype="<f8").reshape(3, 4)
    written(path, rows, marker)
    opened = maparray.open_fortran(path, "<f8", mode="r+", **how)
    np.testing.assert_array_equal(np.asarray(opened), rows)
    assert maparray.eval("sum(a)", a=opened) == 66
    opened[1, 2] = -1
    opened.flush()
    records = maparray.fortran_records(path, "<f8", **how)
    assert [record.shape for record in records] == [(4,)] * 3
    assert records[1][2] == -1
    written(path, [rows[0], rows[0, :2]], marker)
    with pytest.raises(ValueError, match="several lengths"):
        maparray.open_fortran(path, "<f8", **how)
    assert [len(record) for record in maparray.fortran_records(path, "<f8", **how)] == [4, 2]


def test_markers_that_are_read_wrongly_are_an_error(tmp_path):
    path = tmp_path / "fields.dat"
    written(path, [np.arange(3.0)])
    with pytest.raises(maparray.FormatError, match="bad marker of record 0"):
        maparray.fortran_records(path, "<f8", byteorder=">")
    with pytest.raises(ValueError, match="expected 4 or 8"):
        maparray.fortran_records(path, "<f8", marker=3)


def records(*parts):
    """Give the bytes of records as Fortran writes them."""
    marked = [(struct.pack("=i", part.nbytes), part.tobytes()) for part in parts]
    return b"".join(marker + part + marker for marker, part in marked)


def test_records_can_be_changed(tmp_path):
    path = tmp_path / "a.dat"
    path.write_bytes(records(np.zeros(3, "f4"), np.ones(2, "f4")))
    last = maparray.fortran_records(path, "f4", mode="r+")[1]
    last[0] = 5
    last.flush()
    assert path.read_bytes() == records(np.zeros(3, "f4"), np.array([5, 1], "f4"))


def test_what_something_else_measures_does_not_grow(tmp_path):
    fortran, raw, envi, wav = (tmp_path / name for name in ["a.dat", "b.bin", "c.raw", "d.wav"])
    fortran.write_bytes(records(np.ones(1, "f4")))
    for path in [raw, envi]:
        path.write_bytes(np.arange(10, dtype="<i4").tobytes())
    maparray.wrap(raw, "<i4", (4,), offset=4)
    text = "samples = 4\nlines = 2\nbands = 1\ndata type = 3\ninterleave = bsq\nbyte order = 0\n"
    envi.with_suffix(".hdr").write_text(f"ENVI\n{text}")
    with wave.open(str(wav), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", None))
        sound.writeframes(b"abcd")
    for path in [fortran, raw, envi, wav]:
        before = path.read_bytes()
        if path == fortran:
            array = maparray.open_fortran(path, "f4", mode="r+")
        else:
            array = maparray.open(path, "r+")
        shape = array.shape
        grow = [
            array.refresh,
            lambda a=array: a.append(np.asarray(a)),
            lambda a=array: a.reserve(9),
        ]
        for change in grow:
            with pytest.raises(maparray.MismatchError, match="cannot change its rows"):
                change()
        assert array.shape == shape
        assert path.read_bytes() == before
