"""Which exception is raised for which kind of error, and what it says."""

import errno

import numpy as np
import pytest

import maparray
from maparray import _maparray


def test_every_kind_of_error_has_an_exception_of_its_own():
    kinds = _maparray.ERROR_KINDS
    assert len(set(kinds.values())) == len(kinds)
    # What the door falls back to for a kind it does not know.
    assert RuntimeError not in kinds.values()


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        ("Io", OSError),
        ("Malformed", ValueError),
        ("Unsupported", ValueError),
        ("Mismatch", TypeError),
        ("Mismatch", ValueError),
        ("OutOfBounds", IndexError),
        ("Expression", ValueError),
        ("ReadOnly", ValueError),
        ("InUse", BufferError),
        ("Cancelled", KeyboardInterrupt),
        ("Unit", TypeError),
        ("Unit", ValueError),
    ],
)
def test_a_kind_is_what_numpy_users_catch(kind, base):
    assert issubclass(_maparray.ERROR_KINDS[kind], base)


def test_our_exceptions_live_in_the_package():
    for name in (
        "FormatError",
        "UnsupportedError",
        "MismatchError",
        "ExpressionError",
        "ReadOnlyError",
        "UnitError",
    ):
        exception = getattr(maparray, name)
        assert (exception.__module__, exception.__name__) == ("maparray", name)
        assert exception.__doc__


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        maparray.open(tmp_path / "no.npy")
    assert caught.value.errno == errno.ENOENT
    assert caught.value.filename == str(tmp_path / "no.npy")


def every_use_of_a_path(path):
    a = np.arange(3)
    return [
        lambda: maparray.open(path),
        lambda: maparray.open(path, "r+"),
        lambda: maparray.open(path, dtype="u1"),
        lambda: maparray.read(path),
        lambda: maparray.create(path, shape=3),
        lambda: maparray.eval("a + 1", a=a, out=path),
        lambda: maparray.memmap(path),
        lambda: maparray.memmap(path, mode="r"),
        lambda: maparray.memmap(path, mode="w+", shape=3),
        lambda: maparray.open_memmap(path, mode="r"),
        lambda: maparray.load(path, mmap_mode="r"),
        lambda: _maparray.save(path, a),
    ]


def test_a_folder(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for use in every_use_of_a_path(str(folder)):
        with pytest.raises(IsADirectoryError, match="folder|directory") as caught:
            use()
        assert caught.value.errno == errno.EISDIR
        assert caught.value.filename == str(folder)
    assert list(tmp_path.iterdir()) == [folder]


def test_a_path_with_a_null_byte(tmp_path):
    for use in every_use_of_a_path(str(tmp_path / "a\0b")):
        with pytest.raises(ValueError, match="null byte"):
            use()
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_permission(tmp_path):
    path = tmp_path / "x.npy"
    with pytest.raises(OSError, match="No such file"):
        maparray.create(tmp_path / "nowhere" / "x.npy", shape=3)
    assert not path.exists()


def test_a_file_that_is_no_array(tmp_path):
    path = tmp_path / "x.npy"
    path.write_text("hello")
    with pytest.raises(maparray.FormatError, match=r"x\.npy: "):
        maparray.open(path)


def test_a_file_that_was_cut_short(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.arange(10.0))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(maparray.FormatError, match="found 79 bytes.*expected 80") as caught:
        maparray.open(path)
    assert caught.value.__notes__


def test_an_expression_that_cannot_be_read_knows_the_column():
    with pytest.raises(maparray.ExpressionError, match="column 5") as caught:
        maparray.eval("a + * b", a=1, b=2)
    assert caught.value.column == 5


def test_an_unknown_name_and_an_unused_one():
    with pytest.raises(maparray.ExpressionError, match="unknown name `b`"):
        maparray.eval("a + b", a=np.arange(3))
    with pytest.raises(maparray.ExpressionError, match="`c` is given but not used"):
        maparray.eval("a + 1", a=np.arange(3), c=np.arange(3))
    with pytest.raises(maparray.ExpressionError, match="`c` is given but not used"):
        maparray.eval("a + 1", a=np.arange(3), c=5)


def test_shapes_that_do_not_go_together():
    with pytest.raises(maparray.MismatchError, match=r"\(3,\).*\(4,\)"):
        maparray.eval("a + b", a=np.arange(3), b=np.arange(4))


def test_an_operation_that_a_dtype_lacks():
    with pytest.raises(TypeError, match="`subtract` is not defined"):
        maparray.eval("a - b", a=np.array([True]), b=np.array([True]))


def test_arithmetic_on_text():
    with pytest.raises(maparray.UnsupportedError, match="<U1"):
        maparray.eval("a + 1", a=np.array(["x"]))


def test_an_axis_that_is_not_there():
    with pytest.raises(IndexError, match="axis"):
        maparray.eval("sum(a, axis=2)", a=np.arange(3))


def test_a_result_that_cannot_be_written():
    a = np.arange(3.0)
    out = np.zeros(3)
    out.flags.writeable = False
    with pytest.raises(maparray.ReadOnlyError):
        maparray.eval("a + 1", a=a, out=out)
    with pytest.raises(maparray.MismatchError, match="float64"):
        maparray.eval("a + 1", a=a, out=np.zeros(3, "i4"))
    with pytest.raises(maparray.MismatchError):
        maparray.eval("a + 1", a=a, out=np.zeros(4))
    with pytest.raises(TypeError, match="found list, expected a path"):
        maparray.eval("a + 1", a=a, out=[1, 2, 3])


@pytest.mark.parametrize(
    ("work", "error", "message"),
    [
        (lambda a: maparray.iter_chunks(a, rows=-1), ValueError, "rows: found -1, expected"),
        (lambda a: maparray.iter_chunks(a, -5), ValueError, "chunk_bytes: found -5, expected"),
        (lambda a: maparray.iter_chunks(a, "x"), TypeError, "chunk_bytes: found x, expected"),
        (lambda a: maparray.frombuffer(a, "f8", offset=-3), ValueError, "offset: found -3"),
        (
            lambda a: maparray.frombuffer(a, "f8", shape=(2,), strides="a"),
            TypeError,
            "strides: found 'a', expected a sequence",
        ),
        (
            lambda a: maparray.frombuffer(a, "f8", shape=(2,), strides=(8, 8)),
            IndexError,
            "wrong number of strides: found 2, expected 1",
        ),
        (
            lambda a: maparray.frombuffer(a, "f8", shape=(2,), strides=(80,)),
            IndexError,
            "found bytes 0 to 88, expected 0 to 80",
        ),
    ],
)
def test_numbers_that_make_no_sense_are_named(work, error, message):
    with pytest.raises(error, match=message):
        work(np.zeros(10))
