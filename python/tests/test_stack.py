"""Stacks of arrays beside NumPy and astropy."""

import os
import subprocess
import sys

import numpy as np
import pytest
from astropy import units as u
from astropy.stats import sigma_clip

import maparray

NAN = np.nan


@pytest.fixture
def frames(tmp_path):
    rng = np.random.default_rng(5)
    data = rng.normal(100, 5, (13, 40, 33)).astype("f4")
    data[rng.random(data.shape) < 0.03] += 500
    for i, frame in enumerate(data):
        np.save(tmp_path / f"frame{i:02}.npy", frame)
    return data, tmp_path


@pytest.mark.parametrize("name", ["mean", "median", "sum", "min", "max", "std", "var"])
@pytest.mark.parametrize("dtype", ["f4", ">f4", "f8", ">i2", "u1", "i8", "?"])
def test_statistics_are_numpys(name, dtype, frames):
    data = frames[0].astype(dtype)
    expected = getattr(np, name)(data.astype("f8"), axis=0)
    result = getattr(maparray.stack(list(data)), name)()
    assert result.dtype == ("f4" if dtype.endswith("f4") else "f8")
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_medians_are_numpys_to_the_bit(frames):
    data, folder = frames
    stack = maparray.stack(folder / "frame*.npy")
    assert stack.shape == data.shape
    assert (len(stack), stack.ndim, stack.dtype) == (13, 3, np.dtype("f4"))
    np.testing.assert_array_equal(stack.median(), np.median(data, axis=0))
    np.testing.assert_array_equal(
        maparray.stack(list(data[:12])).median(memory=1, threads=1), np.median(data[:12], axis=0)
    )


@pytest.mark.parametrize("q", [0, 3.7, 25, 50, 99, 100])
def test_percentiles_are_numpys(q, frames):
    data = frames[0].astype("f8")
    result = maparray.stack(list(data)).percentile(q)
    np.testing.assert_allclose(result, np.percentile(data, q, axis=0), rtol=1e-12)


def test_nan_spreads_or_is_skipped(frames):
    data = frames[0].copy()
    data[::3, 5, :7] = NAN
    data[:, 0, 0] = NAN
    stack = maparray.stack(list(data))
    np.testing.assert_array_equal(stack.median(), np.median(data, axis=0))
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning):
        expected = np.nanmedian(data, axis=0)
    np.testing.assert_array_equal(stack.median(skipna=True), expected)
    np.testing.assert_array_equal(stack.count(skipna=True), np.isfinite(data).sum(axis=0))


@pytest.mark.parametrize("maxiters", [1, 2, 5, None])
@pytest.mark.parametrize("cenfunc", ["median", "mean"])
@pytest.mark.parametrize("limits", [(3, 3), (1.5, 2.5)])
def test_clipped_means_are_astropys(limits, cenfunc, maxiters, frames):
    data = frames[0].astype("f8")
    data[4, 3, :9] = NAN
    data[2, 7, :9] = np.inf
    low, high = limits
    with pytest.warns(match="invalid values"):
        masked = sigma_clip(
            data, sigma_lower=low, sigma_upper=high, axis=0, cenfunc=cenfunc, maxiters=maxiters
        )
    clipped = maparray.stack(list(data)).sigma_clip(
        sigma_lower=low, sigma_upper=high, cenfunc=cenfunc, maxiters=maxiters
    )
    np.testing.assert_array_equal(clipped.count(), masked.count(axis=0))
    np.testing.assert_allclose(clipped.mean(), masked.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(clipped.std(), masked.std(axis=0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(clipped.median(), np.ma.median(masked, axis=0), rtol=1e-15)


def test_results_go_to_files(frames):
    data, folder = frames
    stack = maparray.stack([folder / f"frame{i:02}.npy" for i in range(13)])
    result = stack.max(out=folder / "max.npy")
    assert result.filename == folder / "max.npy"
    np.testing.assert_array_equal(np.load(folder / "max.npy"), data.max(axis=0))


def test_units_are_kept(tmp_path):
    for i in range(3):
        made = maparray.create(tmp_path / f"{i}.npy", shape=(4,), unit="adu")
        made[...] = float(i) * u.adu
        made.close()
    stack = maparray.stack(str(tmp_path / "*.npy"))
    assert stack.unit == u.adu
    assert stack.mean().unit == u.adu
    assert stack.var().unit == u.adu**2
    assert maparray.open(tmp_path / "0.npy").unit == u.adu
    assert stack.sum(out=tmp_path / "sum.npy").unit == u.adu


def test_parts_are_those_of_one_large_array(frames):
    data, folder = frames
    stack = maparray.stack(folder / "frame*.npy")
    np.testing.assert_array_equal(stack, data)
    for index in [3, -1, slice(2, 9, 3), (1, 5), (slice(None), 0, 4), (..., 2), (slice(0, 0), 1)]:
        np.testing.assert_array_equal(stack[index], data[index])
    parts = maparray.stack([f"{folder}/frame{i:02}.npy[3:9, ::2]" for i in range(13)])
    np.testing.assert_array_equal(parts.median(), np.median(data[:, 3:9, ::2], axis=0))


def test_what_does_not_fit_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="found no file"):
        maparray.stack(tmp_path / "*.npy")
    with pytest.raises(ValueError, match="as the first has"):
        maparray.stack([np.zeros(3), np.zeros(4)])
    with pytest.raises(ValueError, match="no arrays"):
        maparray.stack([])
    with pytest.raises(ValueError, match="axis"):
        maparray.stack([np.zeros(3)]).mean(axis=1)
    with pytest.raises(ValueError, match="0 to 100"):
        maparray.stack([np.zeros(3)]).percentile(101)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 1.5])
@pytest.mark.parametrize("maxiters", [1, 3, 9, None])
@pytest.mark.parametrize("cenfunc", ["median", "mean"])
def test_narrow_limits_leave_out_what_those_of_astropy_do(sigma, maxiters, cenfunc):
    # The middle moves: what one step left out may be inside the limits of the last.
    rng = np.random.default_rng(3)
    data = rng.integers(-100, 100, (90, 200)).astype("f8")
    masked = sigma_clip(data, sigma=sigma, axis=0, cenfunc=cenfunc, maxiters=maxiters)
    clipped = maparray.stack(list(data)).sigma_clip(sigma, maxiters=maxiters, cenfunc=cenfunc)
    np.testing.assert_array_equal(clipped.count(), masked.count(axis=0))
    expected = masked.mean(axis=0).filled(NAN)
    np.testing.assert_allclose(clipped.mean(), expected, rtol=1e-12)


@pytest.mark.parametrize("sigma", [-1.0, NAN])
def test_limits_that_make_no_sense_are_told(sigma):
    with pytest.raises(ValueError, match="sigma"):
        maparray.stack([np.zeros(3)]).sigma_clip(sigma).mean()


def test_the_sum_of_skipped_numbers_is_that_of_nansum():
    data = np.array([[NAN, 1.0], [NAN, NAN]])
    result = maparray.stack(list(data)).sum(skipna=True)
    np.testing.assert_array_equal(result, np.nansum(data, axis=0))


def test_scaled_and_plain_frames_are_stacked_wherever_they_are(tmp_path):
    data = np.array([[1, 60000], [3, 4]], "u2")
    maparray.save_fits(tmp_path / "a.fits", data)
    path = tmp_path / "a.fits"
    for frames in [
        [path, data],
        [maparray.open(path), data],
        [maparray.open(path), path],
        [maparray.open(path), maparray.open(path)],
    ]:
        stack = maparray.stack(frames)
        assert stack.dtype == data.dtype
        np.testing.assert_array_equal(stack.mean(), data)
    images = [np.array([1.0, 2.0]) * u.adu]
    maparray.save_fits(tmp_path / "b.fits", images[0].value, {"BUNIT": "adu", "BSCALE": 1.0})
    assert maparray.stack([maparray.open(tmp_path / "b.fits")]).unit == u.adu


def test_frames_are_found_by_integers_of_numpy_and_by_nothing_else():
    data = np.arange(12.0).reshape(3, 4)
    stack = maparray.stack(list(data))
    np.testing.assert_array_equal(stack[np.int64(1)], data[1])
    np.testing.assert_array_equal(stack[np.uint8(2), 1], data[2, 1])
    np.testing.assert_array_equal(stack[()], data)
    for index in [None, [0, 1], np.array([True, False, True]), 1.5, (np.arange(2), 0)]:
        with pytest.raises(TypeError, match="index of a stack"):
            stack[index]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path):
    np.save(tmp_path / "a[1].npy", np.ones(3))
    assert maparray.stack(tmp_path / "a[1].npy").shape == (1, 3)


def test_a_frame_that_has_another_dtype_by_now_is_told(tmp_path):
    for i in range(130):
        np.save(tmp_path / f"f{i:03}.npy", np.ones((2, 3), "f4"))
    stack = maparray.stack(tmp_path / "f*.npy")
    assert stack.mean().sum() == 6
    np.save(tmp_path / "f007.npy", np.ones((2, 3), "c8"))
    with pytest.raises(ValueError, match="f007.npy: wrong dtype"):
        stack.mean()


def test_no_step_at_most_is_no_limit_as_astropy_has_it(frames):
    data = frames[0].astype("f8")
    data[4, 3, :9] = NAN
    with pytest.warns(match="invalid values"):
        masked = sigma_clip(data, sigma=1, axis=0, maxiters=0)
    clipped = maparray.stack(list(data)).sigma_clip(1, maxiters=0)
    np.testing.assert_array_equal(clipped.count(), masked.count(axis=0))
    np.testing.assert_allclose(clipped.mean(), masked.mean(axis=0), rtol=1e-12)
    with pytest.raises(ValueError, match="maxiters: found -1"):
        maparray.stack(list(data)).sigma_clip(maxiters=-1)


def test_several_percentiles_are_on_a_new_first_axis(frames, tmp_path):
    data, _ = frames
    stack = maparray.stack(list(data))
    for q in ([5, 50, 95], np.array([[10.0, 20.0]]), (7,)):
        np.testing.assert_allclose(stack.percentile(q), np.percentile(data, q, axis=0), rtol=1e-6)
    with pytest.raises(ValueError, match="several percentiles"):
        stack.percentile([5, 95], out=tmp_path / "a.npy")
    flux = maparray.create(tmp_path / "a.npy", shape=(4,), unit="adu")
    assert maparray.stack([flux]).percentile([5, 95]).unit == u.adu


@pytest.mark.skipif(os.name != "posix", reason="limits of open files are told by resource")
def test_a_stack_of_more_files_than_may_be_open_is_read_one_by_one(frames):
    script = """if True:
        import resource, sys, numpy as np, maparray
        files = [f"{sys.argv[1]}/frame{n % 13:02}.npy" for n in range(13)]
        copies = [np.load(file) for file in files]
        for n in range(100):
            np.save(f"{sys.argv[1]}/many{n:03}.npy", copies[n % 13])
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
        stack = maparray.stack(sys.argv[1] + "/many*.npy")
        assert stack.shape[0] == 100
        expected = np.median([copies[n % 13] for n in range(100)], axis=0)
        np.testing.assert_allclose(stack.median(), expected, rtol=1e-6)
    """
    subprocess.run([sys.executable, "-c", script, str(frames[1])], check=True)
