"""FITS beside astropy: what one writes, the other reads."""

import copy
import gzip
import io
import pickle
import subprocess
import sys

import numpy as np
import pytest

import maparray
from maparray import (
    EmptyDataError,
    FormatError,
    MismatchError,
    Scaled,
    UnsupportedError,
    fits_header,
    save_fits,
)

fits = pytest.importorskip("astropy.io.fits")
pytestmark = pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyWarning")

STORED = ["u1", "i2", "i4", "i8", "f4", "f8"]
SHIFTED = ["i1", "u2", "u4", "u8"]
SHAPES = [(7,), (3, 5), (2, 3, 4), (2, 1, 3, 2), (2, 2, 1, 2, 3)]


def numbers(dtype, shape):
    """Numbers from the whole range of a dtype."""
    count = int(np.prod(shape))
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return np.linspace(-3.5, 1e6, count, dtype=dtype).reshape(shape)
    info = np.iinfo(dtype)
    ends = [info.min, info.max, info.min // 3, 0, 1]
    return np.resize(np.array(ends, dtype), shape)


def same(ours, theirs):
    """Equal in kind, size and every element, NaN included."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.dtype.newbyteorder("=") == theirs.dtype.newbyteorder("=")
    np.testing.assert_array_equal(ours, theirs)


def write(path, *hdus):
    """Write HDUs with astropy."""
    fits.HDUList(list(hdus)).writeto(path, overwrite=True)
    return str(path)


@pytest.mark.parametrize("shape", SHAPES, ids=len)
@pytest.mark.parametrize("dtype", STORED + SHIFTED)
def test_an_image_of_astropys_is_the_same_here(tmp_path, dtype, shape):
    data = numbers(dtype, shape)
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(data), fits.ImageHDU(data, name="SCI"))
    for address in (path, path + "[0]", path + "[1]", path + "[sci]", path + ":SCI"):
        opened = maparray.open(address)
        assert isinstance(opened, Scaled) == (dtype in SHIFTED)
        assert opened.shape == shape
        same(opened, data)
        same(maparray.read(address), data)
        same(maparray.eval("a", a=opened), data)
        same(maparray.eval("sum(a)", a=opened), maparray.eval("sum(a)", a=data))


@pytest.mark.parametrize("shape", SHAPES, ids=len)
@pytest.mark.parametrize("dtype", STORED + SHIFTED)
def test_an_image_of_ours_verifies_and_differs_in_nothing(tmp_path, dtype, shape):
    data = numbers(dtype, shape)
    theirs, ours = tmp_path / "theirs.fits", tmp_path / "ours.fits"
    write(theirs, fits.PrimaryHDU(data), fits.ImageHDU(data, name="SCI"))
    save_fits(ours, {None: data, "SCI": data})
    with fits.open(ours) as found:
        found.verify("exception")
        same(found[0].data, data)
        same(found[1].data, data)
    diff = fits.FITSDiff(str(ours), str(theirs))
    assert diff.identical, diff.report()
    assert ours.stat().st_size == theirs.stat().st_size


def test_several_images_with_names_differ_in_nothing(tmp_path):
    first, second = numbers("f4", (3, 4)), numbers("u2", (2, 5))
    header = fits.Header([("OBJECT", "M 31", "what"), ("EXPTIME", 2.5), ("HISTORY", "made up")])
    save_fits(tmp_path / "ours.fits", {"A": first, "SCI": second}, header)
    primary = fits.PrimaryHDU(first, header)
    primary.header["EXTNAME"] = ("A", "extension name")
    theirs = write(tmp_path / "theirs.fits", primary, fits.ImageHDU(second, name="SCI"))
    diff = fits.FITSDiff(str(tmp_path / "ours.fits"), theirs)
    assert diff.identical, diff.report()


def write_scaled(path, stored, scale, zero, blank):
    """Write cards as they are: astropy would scale the data."""
    text = io.BytesIO()
    fits.PrimaryHDU(stored).writeto(text)
    header = fits.Header.fromstring(text.getvalue()[:2880])
    header["BSCALE"], header["BZERO"] = scale, zero
    if blank is not None:
        header["BLANK"] = blank
    path.write_bytes(header.tostring().encode() + text.getvalue()[2880:])


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "i8", "f4", "f8"])
@pytest.mark.parametrize(
    ("scale", "zero", "blank"),
    [(2.5, 10, None), (1, 0, 1), (0.1, -3.25, 0), (1, 5, None), (2, 0, None), (1, 32768, 0)],
)
def test_scaled_numbers_are_astropys(tmp_path, dtype, scale, zero, blank):
    stored = numbers(dtype, (3, 5))
    path = tmp_path / "a.fits"
    write_scaled(path, stored, scale, zero, blank)
    theirs = fits.getdata(path)
    if blank == 0 and theirs.dtype.kind == "f" and dtype[0] != "f":
        # astropy takes a blank of 0 for none, which the standard does not say.
        theirs[stored == 0] = np.nan
    opened = maparray.open(path)
    if dtype[0] == "f" and (scale, zero) == (1, 0):
        assert not isinstance(opened, Scaled)
    same(opened, theirs)
    same(maparray.read(path), theirs)
    same(maparray.eval("a", a=opened), theirs)
    same(maparray.eval("a", a=str(path)), theirs)
    if isinstance(opened, Scaled):
        same(opened[1], theirs[1])
        same(opened[:, ::2], theirs[:, ::2])
        same(opened[1, 1], theirs[1, 1])
        same(opened[theirs == theirs], theirs[theirs == theirs])
        opened.save(tmp_path / "a.npy")
        same(np.load(tmp_path / "a.npy"), theirs)


def test_scaled_operands_are_part_of_expressions(tmp_path):
    data = numbers("u2", (100, 30))
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(data))
    a = maparray.open(path)
    found = maparray.eval_many(["median(a)", "mean(a * 2)", "a - mean(a, axis=0)"], a=a)
    assert found[0] == np.median(data)
    assert found[1] == np.mean(data * np.uint16(2))
    same(found[2], data - maparray.eval("mean(a, axis=0)", a=data))
    assert "bitwise_xor" in maparray.explain("a + 1", a=a)
    assert maparray.median(a) == np.median(data)


def test_units_come_and_go_as_bunit(tmp_path):
    hdu = fits.PrimaryHDU(numbers("f4", (3, 4)))
    hdu.header["BUNIT"] = "erg / (s cm2 Angstrom)"
    counts = fits.ImageHDU(numbers("u2", (3, 4)), name="N")
    counts.header["BUNIT"] = "adu"
    odd = fits.ImageHDU(numbers("f4", (3,)), name="ODD")
    odd.header["BUNIT"] = "furlongs of last week"
    path = write(tmp_path / "a.fits", hdu, counts, odd)
    assert maparray.open(path).unit == maparray.Unit("erg / (s cm2 Angstrom)")
    assert maparray.open(path + "[N]").unit == maparray.Unit("adu")
    assert maparray.eval("var(a)", a=path + "[N]").unit == maparray.Unit("adu2")
    # Units of somebody's own are no reason to refuse the numbers.
    assert maparray.open(path + "[ODD]")._unit is None
    assert fits_header(path, "ODD")["BUNIT"] == "furlongs of last week"

    with maparray.open(path, "r+") as m:
        m.set_unit("adu")
    assert fits.getheader(path)["BUNIT"] == "adu"
    with maparray.open(path, "r+") as m:
        m.set_unit(None)
    assert "BUNIT" not in fits.getheader(path)
    assert fits.getheader(path, 1)["BUNIT"] == "adu"

    m = maparray.MemMapArray([1.0, 2.0], unit="electron / s")
    save_fits(tmp_path / "b.fits", m)
    assert maparray.open(tmp_path / "b.fits").unit == maparray.Unit("electron / s")
    astropy_units = pytest.importorskip("astropy.units")
    text = fits.getheader(tmp_path / "b.fits")["BUNIT"]
    assert astropy_units.Unit(text) == astropy_units.electron / astropy_units.s


def test_a_unit_that_has_no_room_is_refused_and_the_old_one_stays(tmp_path):
    # With `END` there are 36 cards in a block.
    hdu = fits.PrimaryHDU(np.zeros(3))
    while len(hdu.header) < 35:
        hdu.header["HISTORY"] = "full"
    path = write(tmp_path / "a.fits", hdu)
    before = (tmp_path / "a.fits").read_bytes()
    m = maparray.open(path, "r+")
    with pytest.raises(MismatchError, match="no room"):
        m.set_unit("adu")
    assert m._unit is None
    assert (tmp_path / "a.fits").read_bytes() == before


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_a_mapped_image_is_written_as_its_mode_says(tmp_path, mode):
    data = numbers("f4", (3, 4))
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(), fits.ImageHDU(data))
    m = maparray.open(path, mode)
    if mode == "r":
        with pytest.raises(ValueError, match="read-only"):
            m[0, 0] = 7
    else:
        m[0, 0] = 7
    m.flush()
    m.close()
    expected = data.copy()
    if mode == "r+":
        expected[0, 0] = 7
    same(fits.getdata(path), expected)


def test_stored_numbers_can_be_changed_through_raw(tmp_path):
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(numbers("u2", (3, 4))))
    a = maparray.open(path, "r+")
    a.raw[0, 0] = -32768 + 5
    a.raw.flush()
    assert a[0, 0] == 5
    assert fits.getdata(path)[0, 0] == 5


def test_addresses_find_hdus_by_number_name_and_version(tmp_path):
    images = [fits.ImageHDU(np.full(3, v, "i4"), name="SCI", ver=v) for v in (1, 2)]
    other = fits.ImageHDU(np.full(3, 9, "i4"), name="ERR")
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(), *images, other)
    expected = {"": 1, "[1]": 1, "[SCI]": 1, "[SCI,2]": 2, "['SCI', 2]": 2, ":SCI": 1, ":SCI,2": 2}
    expected |= {"[2]": 2, "[err]": 9, ":ERR": 9, "[3][1:]": 9}
    for suffix, value in expected.items():
        assert maparray.open(path + suffix)[0] == value, suffix
    assert maparray.open(path + "[3][1:]").shape == (2,)
    with pytest.raises(EmptyDataError, match="NAXIS = 0"):
        maparray.open(path + "[0]")
    for suffix in ("[4]", "[SCI,3]", ":WHT"):
        with pytest.raises(IndexError, match="SCI,1"):
            maparray.open(path + suffix)


def test_a_file_without_data_has_no_array(tmp_path):
    path = write(tmp_path / "a.fits", fits.PrimaryHDU())
    with pytest.raises(MismatchError, match="no array"):
        maparray.open(path)
    assert fits_header(path)["NAXIS"] == 0


@pytest.mark.parametrize("count", [64, 65, 999])
def test_more_axes_than_an_array_has_are_refused(tmp_path, count):
    cards = ["SIMPLE  =                    T", "BITPIX  =                    8"]
    cards.append(f"NAXIS   = {count:20}")
    cards += [f"NAXIS{axis:<3}=                    1" for axis in range(1, count + 1)]
    text = "".join(f"{card:80}" for card in [*cards, "END"])
    text += " " * (-len(text) % 2880)
    path = tmp_path / "a.fits"
    path.write_bytes(text.encode() + bytes(2880))
    if count == 64:
        assert maparray.open(path).shape == (1,) * 64
    else:
        with pytest.raises(FormatError, match=f"too many axes: found {count}"):
            maparray.open(path)


CARDS = [
    ("INTEGER", 42, "a number"),
    ("NEGATIVE", -7, ""),
    ("BIG", 2**70, ""),
    ("FLOAT", 2.5, "[s] a / in it"),
    ("SMALL", 1.25e-300, ""),
    ("TRUE", True, "yes"),
    ("FALSE", False, ""),
    ("COMPLEX", 1.5 - 2j, ""),
    ("QUOTED", "it's a ''test''", "with quotes"),
    ("SLASH", "a / b", "a slash"),
    ("NOTHING", "", "no text"),
    ("LONG", "x" * 50 + " it's long " + "y" * 150, "and its comment, which is long, too"),
    ("LONGER", "abc " * 80, ""),
    ("ESO DET DIT", 0.25, "a keyword of many"),
    ("ESO OBS NAME", "a name", ""),
    ("lower case", 3, ""),
]


def test_cards_of_astropys_are_the_same_here(tmp_path):
    hdu = fits.PrimaryHDU(np.zeros(3, "f4"))
    for keyword, value, comment in CARDS:
        key = keyword if len(keyword) <= 8 and " " not in keyword else "HIERARCH " + keyword
        hdu.header[key] = (value, comment)
    hdu.header["UNDEF"] = None
    hdu.header["COMMENT"] = "one comment"
    hdu.header["COMMENT"] = "two comments"
    hdu.header["HISTORY"] = "h" * 100
    hdu.header[""] = "a blank one"
    path = write(tmp_path / "a.fits", hdu)
    theirs, ours = fits.getheader(path), fits_header(path)
    assert len(ours.cards) == len(theirs.cards)
    for (keyword, value, comment), card in zip(ours.cards, theirs.cards, strict=True):
        assert keyword.upper() == card.keyword.upper()
        expected = card.value
        if isinstance(expected, fits.card.Undefined):
            expected = None
        assert value == expected, keyword
        assert type(value) is type(expected)
        assert comment == card.comment, keyword
    assert ours["COMMENT"] == list(theirs["COMMENT"])
    assert ours["history"] == list(theirs["HISTORY"])
    assert ours.comments["float"] == "[s] a / in it"


def test_cards_of_ours_are_the_same_for_astropy(tmp_path):
    header = {keyword: (value, comment) for keyword, value, comment in CARDS}
    save_fits(tmp_path / "a.fits", np.zeros(3, "f4"), header | {"UNDEF": None})
    with fits.open(tmp_path / "a.fits") as found:
        found.verify("exception")
        theirs = found[0].header
        for keyword, value, comment in CARDS:
            assert theirs[keyword] == (value.rstrip() if isinstance(value, str) else value)
            assert theirs.comments[keyword] == comment, keyword
        assert theirs["UNDEF"] is None


def test_a_header_is_edited_in_place(tmp_path):
    data = numbers("f4", (30, 40))
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(data), fits.ImageHDU(data, name="SCI"))
    before = (tmp_path / "a.fits").read_bytes()
    mapped = maparray.open(path + "[SCI]", "r+")
    header = fits_header(path, "SCI")
    header["OBJECT"] = ("M 31", "what")
    header["ESO DET DIT"] = 0.5
    header["HISTORY"] = "flat fielded"
    del header["GCOUNT"]
    with pytest.raises(MismatchError, match="GCOUNT"):
        header.flush()
    header = fits_header(path, ("SCI", 1))
    header["OBJECT"] = ("M 31", "what")
    header["ESO DET DIT"] = 0.5
    header["HISTORY"] = "flat fielded"
    header.flush()
    assert (tmp_path / "a.fits").stat().st_size == len(before)
    with fits.open(path) as found:
        found.verify("exception")
        assert found[1].header["OBJECT"] == "M 31"
        assert found[1].header.comments["OBJECT"] == "what"
        assert found[1].header["ESO DET DIT"] == 0.5
        same(found[1].data, data)
    same(mapped, data)
    del header["object"]
    assert "OBJECT" not in header
    header.flush()
    assert "OBJECT" not in fits.getheader(path, 1)

    for number in range(100):
        header["HISTORY"] = f"step {number}"
    with pytest.raises(MismatchError, match="no room for the header"):
        header.flush()
    header.flush(rewrite=True)
    with fits.open(path) as found:
        found.verify("exception")
        assert len(found[1].header["HISTORY"]) == 101
        same(found[0].data, data)
        same(found[1].data, data)
    # Back again: the blocks that are free now stay.
    for keyword in ("HISTORY", "ESO DET DIT"):
        del header[keyword]
    header.flush()
    with fits.open(path) as found:
        found.verify("exception")
        assert "HISTORY" not in found[1].header
        same(found[1].data, data)


@pytest.mark.parametrize(
    "value", ["ä", "a\nb", float("nan"), float("inf"), object(), "x" * 10 + "\0"]
)
def test_what_no_card_can_hold_is_refused(tmp_path, value):
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(np.zeros(3)))
    header = fits_header(path)
    with pytest.raises((MismatchError, TypeError)):
        header["X"] = value
    assert "X" not in header


def test_a_table_is_a_structured_array(tmp_path):
    rows = 4
    columns = [
        fits.Column("flag", "L", array=np.array([True, False, True, True])),
        fits.Column("byte", "B", array=np.arange(rows, dtype="u1")),
        fits.Column("short", "I", array=np.arange(rows, dtype="i2") - 2),
        fits.Column("int", "J", array=np.arange(rows, dtype="i4") * -70000),
        fits.Column("long", "K", array=np.arange(rows, dtype="i8") << 40),
        fits.Column("single", "E", unit="s", array=np.linspace(0, 1, rows, dtype="f4")),
        fits.Column("double", "D", array=np.linspace(0, 1, rows)),
        fits.Column("complex", "C", array=np.arange(rows) * np.complex64(1 + 2j)),
        fits.Column("wide", "M", array=np.arange(rows) * np.complex128(1 - 2j)),
        fits.Column("name", "12A", array=np.array(["a", "bb", "", "dddd dddd ddd"[:12]])),
        fits.Column("vector", "3J", array=np.arange(3 * rows).reshape(rows, 3)),
        fits.Column("matrix", "6D", dim="(3,2)", array=np.arange(6.0 * rows).reshape(rows, 2, 3)),
        fits.Column("words", "10A", dim="(5,2)", array=np.array([["ab", "cdefg"]] * rows)),
        fits.Column("bits", "11X", array=np.arange(11 * rows).reshape(rows, 11) % 3 == 0),
        fits.Column("ragged", "PJ()", array=np.array([[1], [1, 2], [], [3]], dtype=object)),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="TAB")
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(), table)
    m = maparray.open(path + "[TAB]")
    ours = m.view()
    assert ours.shape == (rows,)
    with fits.open(path) as found:
        theirs = found[1].data
        assert ours.dtype.names == tuple(theirs.names)
        for name in ("byte", "short", "int", "long", "single", "double", "complex", "wide"):
            same(ours[name], theirs[name])
        same(ours["vector"], theirs["vector"])
        same(ours["matrix"], theirs["matrix"])
        np.testing.assert_array_equal(ours["flag"] == b"T", theirs["flag"])
        np.testing.assert_array_equal(np.char.rstrip(ours["name"].astype(str)), theirs["name"])
        np.testing.assert_array_equal(ours["words"].astype(str), theirs["words"])
        bits = np.unpackbits(ours["bits"], axis=1)[:, :11].astype(bool)
        np.testing.assert_array_equal(bits, theirs["bits"])
        np.testing.assert_array_equal(ours["ragged"][:, 0], [1, 2, 0, 1])
        raw = np.asarray(found[1].data.view(np.ndarray))
        assert ours.dtype.itemsize == raw.dtype.itemsize
        assert ours.tobytes() == raw.tobytes()
    same(maparray.open(path + "[TAB][1:3]").view()["int"], ours["int"][1:3])


def test_scaling_of_columns_is_left_to_the_caller(tmp_path):
    column = fits.Column("u", "I", bzero=32768, array=np.array([0, 65535], "u2"))
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(), fits.BinTableHDU.from_columns([column]))
    assert list(maparray.open(path).view()["u"]) == [-32768, 32767]
    assert fits_header(path, 1)["TZERO1"] == 32768


def test_a_header_that_another_changed_meanwhile_is_not_overwritten(tmp_path):
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(np.zeros(3)))
    header = fits_header(path)
    header["OBJECT"] = "M 31"
    with maparray.open(path, "r+") as m:
        m.set_unit("adu")
    with pytest.raises(MismatchError, match="changed meanwhile"):
        header.flush()
    assert fits.getheader(path)["BUNIT"] == "adu"
    again = fits_header(path)
    again[""] = ""
    again["OBJECT"] = "M 31"
    again.flush()
    again["OBJECT"] = "M 33"
    again[""] = ""
    again.flush()
    again.flush()
    assert fits.getheader(path)["OBJECT"] == "M 33"


@pytest.mark.parametrize("content", [b"", b"hello", b"SIMPLE", b"XTENSION= 'IMAGE   '"])
def test_what_only_calls_itself_fits_is_no_fits_file(tmp_path, content):
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="no card `SIMPLE`"):
        maparray.open(path)
    with pytest.raises(FormatError):
        fits_header(path)


def test_many_hdus_have_names_of_their_own(tmp_path):
    names = ["A", "a", "B", "", "7"]
    hdus = [fits.ImageHDU(np.full(2, place), name=name) for place, name in enumerate(names)]
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(), *hdus)
    with pytest.raises(IndexError, match="`1`, `2`, `B`, `4`, `5`"):
        maparray.open(path + "[Z]")


def test_what_is_compressed_is_refused_with_the_way_out(tmp_path):
    data = numbers("i2", (20, 20))
    tiles = write(tmp_path / "t.fits", fits.PrimaryHDU(), fits.CompImageHDU(data, name="T"))
    with pytest.raises(UnsupportedError, match="compressed in tiles") as raised:
        maparray.open(tiles)
    assert any("funpack" in note for note in raised.value.__notes__)
    with pytest.raises(UnsupportedError, match="compressed in tiles"):
        maparray.read(tiles + "[T]")
    plain = write(tmp_path / "p.fits", fits.PrimaryHDU(data))
    packed = tmp_path / "p.fits.gz"
    packed.write_bytes(gzip.compress((tmp_path / "p.fits").read_bytes()))
    with pytest.raises(UnsupportedError, match="gzip") as raised:
        maparray.open(packed)
    assert any("gunzip" in note for note in raised.value.__notes__)
    same(maparray.open(plain), data)


def test_a_table_of_text_is_refused(tmp_path):
    column = fits.Column("a", "F8.2", array=np.array([1.5, 2.5]), ascii=True)
    table = fits.TableHDU.from_columns([column])
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(np.zeros(3)), table)
    assert maparray.open(path).shape == (3,)
    with pytest.raises(UnsupportedError, match="table of text"):
        maparray.open(path + "[1]")


@pytest.mark.parametrize("dtype", ["?", "f2", "c8", "c16", "S3", "m8[s]"])
def test_what_fits_has_no_image_of_is_refused(tmp_path, dtype):
    with pytest.raises(UnsupportedError, match="cannot be an image"):
        save_fits(tmp_path / "a.fits", np.zeros(3, dtype))
    assert not (tmp_path / "a.fits").exists()


def test_a_file_is_replaced_only_if_told(tmp_path):
    path = tmp_path / "a.fits"
    save_fits(path, np.zeros(3))
    with pytest.raises(FileExistsError):
        save_fits(path, np.ones(3))
    same(fits.getdata(path), np.zeros(3))
    old = maparray.open(path)
    save_fits(path, np.ones(3), overwrite=True)
    same(fits.getdata(path), np.ones(3))
    same(old, np.zeros(3))


def test_arrays_in_any_order_are_written_in_c_order(tmp_path):
    data = np.asfortranarray(numbers("f4", (300, 200)))
    save_fits(tmp_path / "a.fits", data[::2, ::-1])
    same(fits.getdata(tmp_path / "a.fits"), data[::2, ::-1])
    save_fits(tmp_path / "b.fits", np.zeros((0, 3)))
    assert maparray.open(tmp_path / "b.fits").shape == (0, 3)


def test_a_header_goes_from_file_to_file(tmp_path):
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(numbers("u2", (3, 4))))
    header = fits_header(path)
    header["OBJECT"] = ("M 31", "what")
    header["COMMENT"] = "kept"
    save_fits(tmp_path / "b.fits", maparray.read(path).astype("f4"), header)
    with fits.open(tmp_path / "b.fits") as found:
        found.verify("exception")
        assert "BZERO" not in found[0].header
        assert found[0].header["OBJECT"] == "M 31"
        assert list(found[0].header["COMMENT"]) == ["kept"]
        same(found[0].data, fits.getdata(path).astype("f4"))


def test_a_scaled_image_tells_what_it_is(tmp_path):
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(numbers("u2", (3, 4))))
    a = maparray.open(path)
    assert (a.ndim, a.size, len(a), a.dtype) == (2, 12, 3, np.uint16)
    assert (a.scale, a.zero, a.blank) == (1.0, 32768.0, None)
    assert str(a.filename) == path
    assert a.header["BZERO"] == 32768
    assert repr(a) == "Scaled(shape=(3, 4), dtype=uint16, stored as >i2)"
    assert a.raw.dtype == ">i2"
    with pytest.raises(ValueError, match="copy"):
        np.array(a, copy=False)
    same(np.asarray(a, "f8"), numbers("u2", (3, 4)).astype("f8"))
    same(a.read(), numbers("u2", (3, 4)))


def test_a_scaled_image_is_closed_as_any_array(tmp_path):
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(numbers("u2", (3, 4))))
    with maparray.open(path, "r+") as a:
        a.raw[0, 0] = -32768 + 7
        part = a[0]
        assert not a.closed
    assert a.closed
    assert repr(a) == "Scaled(closed)"
    assert fits.getdata(path)[0, 0] == 7 == part[0]
    a.close()
    for use in [lambda: a[0], lambda: a.shape, a.read, lambda: maparray.eval("a + 1", a=a)]:
        with pytest.raises(ValueError, match="closed"):
            use()
    with pytest.raises(ValueError, match="closed"), a:
        pass
    with pytest.raises(KeyError), maparray.open(path) as a:
        raise KeyError(a[0, 0])
    assert a.closed


def test_astropy_need_not_be_there(tmp_path):
    script = """
import sys
sys.modules["astropy"] = None
import numpy, maparray
maparray.save_fits("a.fits", numpy.arange(3, dtype="u2"), {"OBJECT": "M 31"})
print(maparray.eval("sum(a)", a="a.fits"), maparray.fits_header("a.fits")["OBJECT"])
"""
    run = [sys.executable, "-c", script]
    found = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.stdout == "3 M 31\n", found.stderr


def test_contents_give_scaled_images_as_open_does(tmp_path):
    path = tmp_path / "a.fits"
    data = np.array([1, 60000], "u2")
    maparray.save_fits(path, {"A": data, "B": np.ones(2)})
    with maparray.contents(path) as file:
        assert isinstance(file["A"], maparray.Scaled)
        np.testing.assert_array_equal(file["A"], data)
        np.testing.assert_array_equal(file["B"], np.ones(2))


@pytest.mark.parametrize("address", ["[0]", "[PRIMARY]"])
def test_a_file_without_any_data_is_told(address, tmp_path):
    path = tmp_path / "a.fits"
    fits.PrimaryHDU().writeto(path)
    with pytest.raises(ValueError, match="without data"):
        maparray.read(f"{path}{address}")
    with pytest.raises(IndexError, match="SCI"):
        maparray.read(f"{path}[SCI]")


@pytest.mark.parametrize("length", [30, 67, 68, 100, 134, 200])
@pytest.mark.parametrize("comment", [None, "a comment"])
def test_an_ampersand_at_the_end_of_a_text_stays(length, comment, tmp_path):
    path = tmp_path / "a.fits"
    text = "x" * (length - 1) + "&"
    save_fits(path, np.ones(2), {"A": (text, comment) if comment else text})
    assert fits_header(path)["A"] == text


@pytest.mark.parametrize("keyword", ["END", "end ", "CONTINUE"])
def test_keywords_that_end_things_are_refused(keyword, tmp_path):
    path = tmp_path / "a.fits"
    save_fits(path, np.ones(2))
    header = fits_header(path)
    with pytest.raises(ValueError, match="another keyword"):
        header[keyword] = "x"
    with pytest.raises(ValueError, match="another keyword"):
        header.add(keyword, "x")
    with pytest.raises(IndexError, match="found -1"):
        fits_header(path, -1)


def test_whole_numbers_of_any_length_are_read_and_too_long_ones_not_written(tmp_path):
    path = tmp_path / "a.fits"
    maparray.save_fits(path, np.zeros(3), {"SMALL": 1})
    raw = path.read_bytes()
    card = f"SMALL   = {10**60}".ljust(80).encode()
    at = raw.index(b"SMALL ")
    path.write_bytes(raw[:at] + card + raw[at + 80 :])
    header = maparray.fits_header(path)
    assert header["SMALL"] == 10**60 == fits.getheader(path)["SMALL"]
    with pytest.raises(ValueError, match="38 digits"):
        header["SMALL"] = 10**60


def test_headers_are_copied_and_pickled(tmp_path):
    path = tmp_path / "a.fits"
    maparray.save_fits(path, np.zeros(3), {"EXPTIME": 30.0})
    header = maparray.fits_header(path)
    assert header[0] == fits.getheader(path)[0] is True
    for other in (copy.copy(header), copy.deepcopy(header)):
        other["EXPTIME"] = 1.0
        assert header["EXPTIME"] == 30.0
    assert repr(pickle.loads(pickle.dumps(header))) == repr(header)
    header["EXPTIME"] = 2.0
    with pytest.raises(TypeError, match="flushed"):
        pickle.dumps(header)
    header.flush()
    assert pickle.loads(pickle.dumps(header))["EXPTIME"] == 2.0
