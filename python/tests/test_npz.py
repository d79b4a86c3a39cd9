"""Archives: ours read by NumPy, NumPy's mapped by us, in all modes, cut, changed and added to."""

import os
import pickle
import shutil
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
import zlib

import numpy as np
import pytest

import maparray

DTYPES = ["?", "i1", "<i2", ">i4", "<u8", "<f2", "<f4", ">f8", "<c8", "<c16", "S5", "<U3", "M8[s]"]
RECORD = np.dtype([("a", "<i4"), ("b", "u1"), ("c", ">f8", (2,))])


def arrays(dtype):
    """Give arrays of a dtype in each shape and order, by names of many lengths."""
    dtype = np.dtype(dtype)
    rng = np.random.default_rng(7)
    some = np.frombuffer(rng.integers(0, 2, 60 * dtype.itemsize, "u1").tobytes(), dtype)
    return {
        "c": some.reshape(3, 4, 5),
        "of": some.reshape(3, 4, 5).copy("F"),
        "odd": some[:7],
        "none": some[:0],
        "zero": some[:1].reshape(()),
        "back": some[::-2],
    }


def of_numpy(path, name):
    """Give an array as NumPy reads it, which compares the checksum."""
    with np.load(path) as archive:
        return archive[name]


def files(path):
    """Give the names that NumPy finds."""
    with np.load(path) as archive:
        return archive.files


def same(found, expected):
    """Check values, dtype, shape, and order where there is one."""
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("writer", ["savez", "savez_compressed"])
@pytest.mark.parametrize("dtype", [*DTYPES, RECORD], ids=str)
class TestMatrix:
    def test_what_numpy_writes_is_read(self, tmp_path, dtype, writer):
        path, made = tmp_path / "a.npz", arrays(dtype)
        getattr(np, writer)(path, **made)
        compressed = writer == "savez_compressed"
        for mode in ["r", "c"]:
            with maparray.load(path, mmap_mode=mode, inflate=compressed) as archive:
                assert archive.files == list(made)
                for name, expected in made.items():
                    found = archive[name]
                    same(found, expected)
                    assert isinstance(found, maparray.memmap) == (not compressed)
            with maparray.contents(path, mode, inflate=compressed) as file:
                assert list(file) == list(made)
                for name, expected in made.items():
                    same(file[name].view(), expected)
                    assert (file.info(name)["compressed"] is None) == (not compressed)
        for name, expected in made.items():
            same(maparray.read(f"{path}:{name}"), expected.astype(expected.dtype.newbyteorder("=")))

    def test_numpy_reads_what_is_written(self, tmp_path, dtype, writer):
        path, made = tmp_path / "a.npz", arrays(dtype)
        getattr(maparray, writer)(path, **made)
        with np.load(path) as archive:
            assert archive.files == list(made)
            for name, expected in made.items():
                same(archive[name], expected)
                if name == "of":
                    assert archive[name].flags.f_contiguous
        assert zipfile.ZipFile(path).testzip() is None


@pytest.mark.parametrize("dtype", ["i1", "<i2", "<f4", "<f8", ">f8", "<c16"])
def test_odd_places_are_computed_and_changed(tmp_path, dtype):
    path = tmp_path / "a.npz"
    values = (np.arange(50_001) % 100).astype(dtype)
    # The header of a member of NumPy's has 20 more bytes than the name.
    np.savez(path, abc=values, abcd=values)
    offsets = []
    for name in ["abc", "abcd"]:
        mapped = maparray.load(path, mmap_mode="r")[name]
        offsets.append(mapped.offset % 2)
        assert mapped.flags.aligned == (mapped.ctypes.data % mapped.dtype.alignment == 0)
        assert mapped.sum() == values.sum()
        assert maparray.eval("sum(a)", a=mapped) == values.sum()
        assert maparray.eval("sum(a)", a=f"{path}:{name}") == values.sum()
        changed = maparray.load(path, mmap_mode="r+")[name]
        changed[7] = 3
        changed += 1
        del changed
        expected = values.copy()
        expected[7] = 3
        same(of_numpy(path, name), (expected + 1).astype(dtype))
    assert 1 in offsets


class TestChanged:
    def test_the_checksum_follows_a_flush_and_the_end_of_the_array(self, tmp_path):
        path = tmp_path / "a.npz"
        for writer in [np.savez, maparray.savez]:
            writer(path, x=np.arange(1000.0), y=np.arange(5))
            mapped = maparray.load(path, mmap_mode="r+")["x"]
            mapped[3] = 99
            mapped.flush()
            assert of_numpy(path, "x")[3] == 99
            mapped[4] = 98
            with pytest.raises(zipfile.BadZipFile):
                of_numpy(path, "x")
            del mapped
            assert of_numpy(path, "x")[4] == 98
            assert of_numpy(path, "y")[4] == 4

    def test_a_container_mends_it_when_it_is_closed(self, tmp_path):
        path = tmp_path / "a.npz"
        maparray.savez(path, x=np.arange(1000.0))
        with maparray.open(f"{path}:x", "r+") as container:
            container[:] = 7
        assert (of_numpy(path, "x") == 7).all()
        with maparray.contents(path, "r+") as file, file["x"] as container:
            container += 1
        assert (of_numpy(path, "x") == 8).all()
        with maparray.contents(path) as file:
            file.check("x")

    def test_a_private_copy_changes_nothing(self, tmp_path):
        path = tmp_path / "a.npz"
        np.savez(path, x=np.arange(1000.0))
        before = path.read_bytes()
        private = maparray.load(path, mmap_mode="c")["x"]
        private[:] = 0
        del private
        assert path.read_bytes() == before
        with pytest.raises(ValueError, match="read-only"):
            maparray.load(path, mmap_mode="r")["x"][0] = 1

    def test_sizes_behind_the_data_have_a_checksum_there(self, tmp_path):
        path = tmp_path / "a.npz"

        class Pipe:
            def __init__(self):
                self.file = open(path, "wb")  # noqa: SIM115

            def read(self):
                raise OSError("a pipe is written")

            def write(self, data):
                return self.file.write(data)

            def flush(self):
                self.file.flush()

        pipe = Pipe()
        np.savez(pipe, x=np.arange(30.0))
        pipe.file.close()
        mapped = maparray.load(path, mmap_mode="r+")["x"]
        mapped[0] = 5
        del mapped
        assert of_numpy(path, "x")[0] == 5
        crc = zipfile.ZipFile(path).getinfo("x.npy").CRC
        assert crc.to_bytes(4, "little") in path.read_bytes()[: -22 - 46 - 5]


class TestCompressed:
    def test_it_is_never_inflated_silently(self, tmp_path):
        path = tmp_path / "a.npz"
        np.savez_compressed(path, x=np.arange(1000.0))
        for opening in [
            lambda: maparray.load(path, mmap_mode="r")["x"],
            lambda: maparray.open(path),
            lambda: maparray.open(path, inflate=False),
            lambda: maparray.contents(path)["x"],
        ]:
            with pytest.raises(maparray.UnsupportedError, match="compressed data"):
                opening()
        assert maparray.open(path, inflate=True).sum() == 499500
        assert maparray.contents(path, inflate=True)["x"][-1] == 999
        assert maparray.read(path)[-1] == 999
        with pytest.raises(maparray.UnsupportedError, match="at most 100"):
            maparray.open(path, inflate=100)
        with pytest.raises(maparray.UnsupportedError):
            maparray.open(path, "r+", inflate=True)
        with pytest.raises(TypeError, match="inflate"):
            maparray.open(path, inflate="yes")

    def test_a_damaged_copy_is_refused(self, tmp_path):
        path = tmp_path / "a.npz"
        np.savez(path, x=np.arange(1000.0))
        content = bytearray(path.read_bytes())
        content[5000] ^= 1
        path.write_bytes(content)
        with pytest.raises(maparray.FormatError, match="checksum"):
            maparray.read(f"{path}:x")
        with pytest.raises(maparray.FormatError, match="checksum"):
            maparray.contents(path).check("x")
        # A map is not compared.
        assert len(maparray.load(path, mmap_mode="r")["x"]) == 1000


class TestMapping:
    def test_load_gives_a_mapping_as_numpys(self, tmp_path):
        path = tmp_path / "a.npz"
        np.savez(path, np.arange(3), x=np.arange(4))
        archive = maparray.load(path, mmap_mode="r")
        with np.load(path) as theirs:
            assert archive.files == theirs.files == ["x", "arr_0"]
            assert dict(archive).keys() == dict(theirs).keys()
            assert dir(archive.f) == dir(theirs.f)
        assert len(archive) == 2
        assert "x" in archive
        assert "x.npy" in archive
        assert "y" not in archive
        assert archive["x.npy"].tolist() == archive.f.x.tolist() == [0, 1, 2, 3]
        with pytest.raises(KeyError, match="y is not a file in the archive"):
            archive["y"]
        with pytest.raises(AttributeError):
            _ = archive.f.y
        assert "with keys: x, arr_0" in repr(archive)
        kept = archive["x"]
        archive.close()
        with pytest.raises(ValueError, match="closed"):
            archive["x"]
        assert kept.filename == path
        assert kept.mode == "r"
        assert kept.offset > 0
        with maparray.load(path) as unmapped:
            assert type(unmapped) is type(theirs)

    def test_contents_are_for_every_format(self, tmp_path):
        np.save(tmp_path / "a.npy", np.arange(3))
        np.savez(tmp_path / "a.npz", x=np.arange(4), y=np.zeros((2, 3), ">f4"))
        with maparray.contents(tmp_path / "a.npy") as one:
            assert (one.format, list(one), one[""].tolist()) == ("npy", [""], [0, 1, 2])
        with maparray.contents(tmp_path / "a.npz") as several:
            assert isinstance(several["x"], maparray.MemMapArray)
            info = several.info("y")
            assert info["dtype"] == ">f4"
            assert info["shape"] == (2, 3)
            assert info["order"] == "C"
            assert info["nbytes"] == 24
            assert info["compressed"] is None
            assert "x" in several
            assert "z" not in several
            assert 3 not in several
            with pytest.raises(KeyError):
                several["z"]
            assert "2 arrays" in repr(several)
        assert several.closed
        assert "closed" in repr(several)
        with pytest.raises(ValueError, match="closed"):
            several["x"]

    def test_a_member_that_is_no_array_is_listed(self, tmp_path):
        path = tmp_path / "a.npz"
        np.savez(path, x=np.arange(3), o=np.array([None]))
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("README", "hello")
        with maparray.contents(path) as file:
            assert list(file) == ["x", "o", "README"]
            with pytest.raises(maparray.FormatError):
                file["README"]
            with pytest.raises(maparray.UnsupportedError, match="object"):
                file["o"]
            assert file["x"].tolist() == [0, 1, 2]


class TestSaving:
    def test_numpys_signature(self, tmp_path):
        maparray.savez(tmp_path / "a", [1, 2], x=3.5, y=maparray.MemMapArray([1.0]))
        with np.load(tmp_path / "a.npz") as archive:
            assert set(archive.files) == {"arr_0", "x", "y"}
            assert archive["x"] == 3.5
            assert archive["arr_0"].tolist() == [1, 2]
        with pytest.raises(ValueError, match="arr_0"):
            maparray.savez(tmp_path / "a", [1], arr_0=[2])
        with pytest.raises(maparray.UnsupportedError):
            maparray.savez(tmp_path / "b", x=[None])
        with pytest.raises(maparray.UnsupportedError, match="mask"):
            maparray.savez(tmp_path / "b", x=np.ma.array([1]))
        assert not (tmp_path / "b.npz").exists()
        with open(tmp_path / "c.npz", "wb") as file:
            maparray.savez_compressed(file, x=[1])
        assert of_numpy(tmp_path / "c.npz", "x").tolist() == [1]

    @pytest.mark.parametrize("align", [64, 4096])
    def test_elements_are_aligned(self, tmp_path, align):
        made = {"n" * n: np.arange(n) for n in range(1, 30)}
        maparray.savez(tmp_path / "a.npz", align=align, **made)
        with maparray.contents(tmp_path / "a.npz") as file:
            assert all(file.info(name)["offset"] % align == 0 for name in made)
        with np.load(tmp_path / "a.npz") as archive:
            assert all(archive[name].tolist() == made[name].tolist() for name in made)

    def test_a_unit_is_kept(self, tmp_path):
        maparray.savez(tmp_path / "a.npz", x=maparray.MemMapArray([1.0], unit="adu"))
        assert maparray.open(f"{tmp_path}/a.npz:x").unit == "adu"
        assert of_numpy(tmp_path / "a.npz", "x").tolist() == [1]

    def test_zip64_fields_that_are_forced_are_read(self, tmp_path):
        path = tmp_path / "a.npz"
        with zipfile.ZipFile(path, "w") as archive:
            for name in "xy":
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.arange(5))
        assert maparray.load(path, mmap_mode="r")["y"].tolist() == [0, 1, 2, 3, 4]


class TestAdding:
    def test_numpy_reads_what_was_added_to_its_archives(self, tmp_path):
        path = tmp_path / "a.npz"
        np.savez(path, x=np.arange(10))
        kept = maparray.load(path, mmap_mode="r")["x"]
        for n in range(6):
            maparray.append_npz(path, compressed=n % 2 == 1, **{f"y{n}": np.arange(n) * 1.5})
        with np.load(path) as archive:
            assert archive.files == ["x", *(f"y{n}" for n in range(6))]
            assert [archive[f"y{n}"].sum() for n in range(6)] == [
                (np.arange(n) * 1.5).sum() for n in range(6)
            ]
        assert zipfile.ZipFile(path).testzip() is None
        assert kept.tolist() == list(range(10))
        with pytest.raises(ValueError, match="name is taken"):
            maparray.append_npz(path, x=[1])

    def test_a_program_that_is_killed_leaves_an_archive_that_numpy_reads(self, tmp_path):
        path, one = tmp_path / "a.npz", tmp_path / "one.npz"
        program = textwrap.dedent("""
            import sys, numpy as np, maparray
            print("ready", flush=True)
            for n in range(10_000):
                maparray.append_npz(sys.argv[1], **{f"y{n}": np.full(5000, n)})
                print(n, flush=True)
        """)
        np.savez(one, x=np.arange(10))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        for turn in range(12):
            shutil.copy(one, path)
            with subprocess.Popen(
                [sys.executable, "-c", program, path],
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            ) as child:
                assert child.stdout.readline() == "ready\n"
                for _ in range(turn % 4):
                    child.stdout.readline()
                time.sleep(0.0007 * turn)
                child.kill()
                done = [int(line) for line in child.stdout.read().split()]
            acknowledged = done[-1] + 1 if done else turn % 4
            with np.load(path) as archive, maparray.load(path, mmap_mode="r") as ours:
                assert archive.files == ours.files
                assert len(archive.files) in (acknowledged + 1, acknowledged + 2)
                assert archive["x"].tolist() == list(range(10))
                for n in range(len(archive.files) - 1):
                    assert (archive[f"y{n}"] == n).all()
                    assert (ours[f"y{n}"] == n).all()

    def test_numpy_reads_an_archive_that_was_cut_but_in_its_last_22_bytes(self, tmp_path):
        path, cut = tmp_path / "a.npz", tmp_path / "cut.npz"
        maparray.savez(path, x=np.arange(10))
        start = path.stat().st_size
        maparray.append_npz(path, y=np.arange(20))
        content = path.read_bytes()
        ends = [i for i in range(start, len(content)) if content[i : i + 4] == b"PK\5\6"]
        assert len(ends) == 2
        for length in range(start, len(content) + 1):
            cut.write_bytes(content[:length])
            expected = ["x", "y"] if length == len(content) else ["x"]
            assert maparray.load(cut, mmap_mode="r").files == expected
            # NumPy takes the beginning of an end record for one, and gives up.
            if not any(end + 4 <= length < end + 22 for end in ends):
                assert files(cut) == expected


def test_checksums_are_those_of_zlib(tmp_path):
    values = np.arange(3_000_000, dtype="<u4")
    for writer in [maparray.savez, maparray.savez_compressed]:
        writer(tmp_path / "a.npz", x=values)
        with zipfile.ZipFile(tmp_path / "a.npz") as archive:
            assert zlib.crc32(archive.read("x.npy")) == archive.getinfo("x.npy").CRC


def test_threads_that_add_at_once_lose_nothing(tmp_path):
    path, added = tmp_path / "a.npz", []
    maparray.savez(path)

    def add(thread):
        for n in range(5):
            name = f"t{thread}_{n}"
            try:
                maparray.append_npz(path, **{name: np.full(1000, 10 * thread + n)})
            except BufferError:
                continue
            added.append(name)

    threads = [threading.Thread(target=add, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with np.load(path) as archive:
        assert sorted(archive.files) == sorted(added)
        for name in added:
            assert (archive[name] == 10 * int(name[1]) + int(name[3])).all()


def test_a_checksum_follows_while_other_arrays_are_added(tmp_path):
    path, done = tmp_path / "a.npz", threading.Event()
    maparray.savez(path, x=np.zeros(1000))

    def change():
        x = maparray.open(f"{path}:x", "r+")
        while not done.is_set():
            x[0] = x[0] + 1
            x.flush()

    thread = threading.Thread(target=change)
    thread.start()
    for n in range(20):
        maparray.append_npz(path, **{f"y{n}": np.ones(10)})
    done.set()
    thread.join()
    assert zipfile.ZipFile(path).testzip() is None
    assert len(files(path)) == 21


@pytest.mark.parametrize("door", ["load", "open", "part"])
def test_the_checksum_follows_an_array_that_was_pickled(tmp_path, door):
    path = tmp_path / "a.npz"
    maparray.savez(path, w=np.arange(3), x=np.arange(6.0), y=np.arange(4))
    if door == "load":
        array = maparray.load(path, mmap_mode="r+")["x"]
    else:
        array = maparray.open(f"{path}:x" + ("[2:]" if door == "part" else ""), "r+")
    text = pickle.dumps(array)
    del array
    again = pickle.loads(text)
    again[...] = 7
    again.flush()
    del again
    expected = [0.0, 1.0, 7.0, 7.0, 7.0, 7.0] if door == "part" else [7.0] * 6
    assert of_numpy(path, "x").tolist() == expected


def test_a_name_with_brackets_comes_before_a_part(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, **{"x": np.arange(3), "x[0]": np.arange(4), "[1]": np.arange(5)})
    assert maparray.open(f"{path}:x[0]").shape == (4,)
    assert maparray.open(f"{path}:[1]").shape == (5,)
    assert maparray.open(f"{path}:x[0][1:]").shape == (3,)
    assert maparray.open(f"{path}:x[1:]").shape == (2,)


def test_a_key_that_is_no_text_is_not_in_the_archive(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(3))
    archive = maparray.load(path, mmap_mode="r")
    for key in [5, None, b"x", "\udcff"]:
        assert archive.get(key, "none") == "none"
        assert key not in maparray.contents(path)
        with pytest.raises(KeyError):
            archive[key]


def test_a_container_of_a_file_of_several_arrays_is_pickled(tmp_path):
    path = tmp_path / "a.npz"
    maparray.savez(path, x=maparray.create(tmp_path / "x.npy", shape=3, unit="adu"), y=np.ones(2))
    again = pickle.loads(pickle.dumps(maparray.open(f"{path}:x")))
    assert (str(again.unit), again.shape) == ("adu", (3,))
    path = tmp_path / "a.safetensors"
    maparray.save_safetensors(path, {"x": np.arange(3), "y": np.ones(2)})
    again = pickle.loads(pickle.dumps(maparray.open(f"{path}:x[1:]")))
    assert np.asarray(again).tolist() == [1, 2]


def test_parts_without_elements_are_arrays(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros((5, 0)), y=np.zeros((0, 5)), z=np.arange(6).reshape(2, 3))
    for part in ["x[1:]", "x[::-1]", "y[:, 1:3]", "z[:, 3:]", "z[2:]"]:
        name, _, picks = part.partition("[")
        whole = of_numpy(path, name)
        expected = eval(f"whole[{picks}", {"whole": whole})
        assert np.asarray(maparray.open(f"{path}:{part}")).shape == expected.shape


def test_what_only_begins_as_an_archive_is_unpickled(tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(b"PK\3\4" + bytes(60))
    again = pickle.loads(pickle.dumps(maparray.open(path, "r+", dtype="u1")))
    assert np.asarray(again).tobytes() == path.read_bytes()


def test_arrays_are_added_all_or_none(tmp_path):
    path = tmp_path / "a.npz"
    maparray.savez(path, x=np.arange(3))
    for compressed in (False, True):
        before = path.read_bytes()
        with pytest.raises(maparray.MismatchError):
            maparray.append_npz(path, compressed=compressed, new=[1], x=[2])
        assert path.read_bytes() == before
        more = {f"{compressed}{n}": np.arange(5000 * n) for n in range(4)}
        maparray.append_npz(path, compressed=compressed, **more)
        with np.load(path) as archive:
            assert archive["x"].tolist() == [0, 1, 2]
            for name, array in more.items():
                np.testing.assert_array_equal(archive[name], array)
    # At every length that the file could have been cut to, there are all of them or none.
    added = path.read_bytes()
    known = {3: 0}
    for stop in range(len(before), len(added), 977):
        (tmp_path / "cut.npz").write_bytes(added[:stop])
        try:
            count = len(maparray.contents(tmp_path / "cut.npz").keys())
        except maparray.FormatError:
            continue
        known[count] = known.get(count, 0) + 1
    assert set(known) <= {3, 5, 9}, known


def test_a_member_that_is_no_array_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    for read in (maparray.open, maparray.read):
        with pytest.raises(maparray.FormatError, match="member `readme.txt` is not a .npy file"):
            read(f"{tmp_path}/a.npz:readme.txt")
    with pytest.raises(maparray.FormatError, match="readme.txt"):
        maparray.load(tmp_path / "a.npz", mmap_mode="r")["readme.txt"]
