"""Archives, stacks of frames, other orders: time beside those who do it today, and memory.

Each side runs in a process of its own, `formats.py WORK SIDE`, with its files in the page cache. It
says its seconds, its answer, and how much memory it held more than after its imports.
"""

import json
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
from facts import gib, seconds, verdict
from files import SIZES, random

MEMORY = 1 << 30
LITTLE = 256 << 20
FRAMES = 40
MEMBERS = 8
HEAD = (
    "| work | side | time (least to greatest) | its time / ours | memory without a file, MiB "
    "| all memory, MiB | bar |\n|---|---|---|---|---|---|---|"
)


def size():
    """Bytes of a member; eight of them are an archive, and five a stack of 40 frames."""
    return SIZES.array


def side_of_frames():
    return int((size() * 5 / FRAMES / 4) ** 0.5) // 64 * 64


# Files, as NumPy and astropy write them.


def make_archive():
    """Members where `np.savez` puts them: at odd places."""
    arrays = {f"x{number}": random(number, size() // 4) for number in range(MEMBERS)}
    np.savez("big.npz", **arrays)
    np.save("x3.npy", arrays["x3"])


def frames():
    return [f"frame{number:02}.fits" for number in range(FRAMES)]


def make_frames():
    """Counts around 1000 with the noise of counts, and now and then a cosmic ray."""
    from astropy.io import fits

    side, dice = side_of_frames(), np.random.default_rng(7)
    for name in frames():
        frame = dice.normal(1000, 30, (side, side)).astype("f4")
        frame.reshape(-1)[dice.integers(0, frame.size, frame.size // 1000)] += 20000
        fits.PrimaryHDU(frame).writeto(name)


def make_square():
    np.save("square.npy", random(2, (SIZES.side, SIZES.side)))


# What each side does. What comes before `yield` is not counted.


def directory():
    import zipfile

    yield
    with zipfile.ZipFile("big.npz") as archive:
        yield len(archive.namelist())


def open_numpy():
    yield
    with np.load("big.npz") as archive:
        yield len(archive.files)


def open_ours():
    import maparray

    yield
    yield len(maparray.contents("big.npz"))


def open_member():
    import maparray

    yield
    yield maparray.open("big.npz:x3").shape[0]


def sum_numpy():
    yield
    with np.load("big.npz") as archive:
        yield float(archive["x3"].sum())


def sum_ours(name, **options):
    def work():
        import maparray

        yield
        yield float(maparray.eval("sum(a)", a=name, **options))

    return work


def sum_all():
    import maparray

    yield
    names = [f"big.npz:x{number}" for number in range(MEMBERS)]
    yield sum(float(maparray.eval("sum(a)", a=name, memory=LITTLE)) for name in names)


def in_memory():
    """The frames read into memory as one array; not counted."""
    from astropy.io import fits

    return np.stack([fits.getdata(name).astype("f4") for name in frames()])


def kept(result):
    """An answer that is an image."""
    np.save("answer.npy", np.asarray(result, "f4"))
    return "answer.npy"


def median_numpy():
    data = in_memory()
    yield
    result = np.median(data, axis=0)
    yield kept(result)


def ccdproc(**how):
    def work():
        import logging
        import warnings

        import ccdproc

        warnings.simplefilter("ignore")
        logging.disable()
        yield
        result = ccdproc.combine(frames(), unit="adu", mem_limit=MEMORY, dtype="float32", **how)
        yield kept(result.data)

    return work


CLIPPED = {"sigma_clip": True, "sigma_clip_low_thresh": 3, "sigma_clip_high_thresh": 3}


def clip_astropy():
    from astropy.stats import sigma_clipped_stats

    data = in_memory()
    yield
    result = sigma_clipped_stats(data, axis=0, sigma=3, maxiters=1, cenfunc="mean")[0]
    yield kept(result)


def stack(work):
    def side():
        import maparray

        yield
        result = work(maparray.stack(frames()))
        yield kept(result)

    return side


def clip_ours(stack):
    return stack.sigma_clip(3, cenfunc="mean", maxiters=1).mean(memory=MEMORY)


def copy_of_square():
    """The bound: the same bytes read and written, in the order in which they lie."""
    import maparray

    source = maparray.open("square.npy")
    yield
    maparray.save("copy.npy", source)
    yield None


def transpose_numpy():
    yield
    source = np.load("square.npy", mmap_mode="r")
    new = np.lib.format.open_memmap("turned.npy", "w+", "f4", source.shape)
    new[:] = source.T
    yield None


def transpose_ours():
    import maparray

    yield
    source = maparray.open("square.npy")
    turned = maparray.create("turned.npy", shape=source.shape[::-1], dtype=source.dtype)
    maparray.eval("a", a=source.view().T, out=turned)
    yield None


# For each work: what it is, its files, its sides, whose time the bar compares with ours, the bar.
WORKS = {
    "open": (
        "open an archive of eight members, name them",
        make_archive,
        {
            "zipfile, the directory alone": directory,
            "NumPy": open_numpy,
            "maparray": open_ours,
            "maparray, one member, mapped": open_member,
        },
        ("NumPy", 1.0),
    ),
    "sum": (
        "sum of a stored member at an odd place",
        make_archive,
        {
            "NumPy": sum_numpy,
            "maparray": sum_ours("big.npz:x3"),
            "maparray, a plain .npy of it": sum_ours("x3.npy"),
        },
        ("NumPy", 5.0),
    ),
    "all": (
        f"sums of all members in {gib(LITTLE)}",
        make_archive,
        {"maparray": sum_all},
        (None, None),
    ),
    "median": (
        f"median of {FRAMES} frames in {gib(MEMORY)}",
        make_frames,
        {
            "NumPy, read before": median_numpy,
            "ccdproc": ccdproc(method="median"),
            "maparray": stack(lambda stack: stack.median(memory=MEMORY)),
        },
        ("ccdproc", 1.0),
    ),
    "clip": (
        f"mean within 3 sigma of {FRAMES} frames in {gib(MEMORY)}",
        make_frames,
        {
            "astropy, read before": clip_astropy,
            "ccdproc": ccdproc(method="average", **CLIPPED),
            "maparray": stack(clip_ours),
        },
        ("ccdproc", 1.0),
    ),
    "transpose": (
        "transposed copy of a square matrix, a new file",
        make_square,
        {
            "NumPy": transpose_numpy,
            "maparray, a copy, not transposed": copy_of_square,
            "maparray": transpose_ours,
        },
        ("NumPy", 1.0),
    ),
}


def memory():
    """Bytes of this process: those that no file stands behind, and all."""
    found = {}
    for line in Path("/proc/self/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key in ("RssAnon", "VmRSS"):
            found[key] = int(value.split()[0]) << 10
    return found["RssAnon"], found["VmRSS"]


def alone(work, side):
    """One side, once."""
    import astropy.io.fits  # noqa: F401

    import maparray  # noqa: F401

    steps = WORKS[work][2][side]()
    next(steps)
    before = most = memory()
    over = threading.Event()

    def look():
        nonlocal most
        while not over.wait(0.002):
            most = tuple(map(max, most, memory()))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    started = time.perf_counter()
    answer = next(steps)
    took = time.perf_counter() - started
    over.set()
    watcher.join()
    held = [after - first for after, first in zip(most, before, strict=True)]
    return {"seconds": took, "held": held, "answer": answer}


def run(work, side):
    command = [sys.executable, __file__, work, side, str(SIZES.array)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {"wrong": f"ended with {done.returncode}: {last[:150]}"}
    return json.loads(done.stdout)


def exact_sum(number):
    return float(np.sum(random(number, size() // 4), dtype="f8"))


class Answers:
    """What is right: computed once for each work, by NumPy."""

    def __init__(self):
        self.known = {}

    def of(self, work):
        if work not in self.known:
            self.known[work] = self.compute(work)
        return self.known[work]

    def compute(self, work):
        if work == "sum":
            return exact_sum(3)
        if work == "all":
            return sum(map(exact_sum, range(MEMBERS)))
        # Some rows of the image, each pixel by itself.
        from astropy.io import fits

        rows = np.linspace(0, side_of_frames() - 1, 16).astype(int)
        data = np.stack([fits.getdata(name)[rows] for name in frames()]).astype("f8")
        if work == "median":
            return rows, np.median(data, axis=0)
        middle, spread = data.mean(axis=0), data.std(axis=0)
        inside = abs(data - middle) <= 3 * spread
        return rows, np.where(inside, data, 0).sum(axis=0) / inside.sum(axis=0)

    def wrong(self, work, side, answer):
        """What is wrong with an answer, if anything is."""
        if work == "open":
            expected = size() // 4 if "mapped" in side else MEMBERS
            return None if answer == expected else f"found {answer}, expected {expected}"
        if work in ("sum", "all"):
            right, loose = self.of(work), 1e-7 if side.startswith("maparray") else 1e-5
            near = abs(answer - right) <= loose * right
            return None if near else f"found {answer}, expected {right}"
        if work == "transpose":
            return wrong_square(side)
        rows, right = self.of(work)
        near = np.isclose(np.load(answer)[rows], right, rtol=1e-6, atol=0)
        return None if near.all() else f"{np.mean(~near):.2%} of the pixels are others"


def wrong_square(side):
    square = np.load("square.npy", mmap_mode="r")
    found = np.load("copy.npy" if "copy" in side else "turned.npy", mmap_mode="r")
    if not found.flags.c_contiguous:
        return "not in C order"
    for row in range(0, SIZES.side, max(SIZES.side // 64, 1)):
        if not np.array_equal(found[row], square[row] if "copy" in side else square[:, row]):
            return f"row {row} is another"
    return None


def lines_of(work, rounds, answers):
    """A line for each side of a work, `rounds` times in turns."""
    title, _, sides, (against, bar) = WORKS[work]
    runs, wrong = {side: [] for side in sides}, {}
    for turn in range(rounds + 1):
        for side in list(sides)[:: 1 if turn % 2 else -1]:
            # Those who take minutes run once.
            if side in wrong or (runs[side] and runs[side][0]["seconds"] > 20):
                continue
            found = run(work, side)
            error = found.get("wrong") or answers.wrong(work, side, found["answer"])
            for made in ("turned.npy", "copy.npy", "answer.npy"):
                Path(made).unlink(missing_ok=True)
            if error:
                wrong[side] = error
            elif turn or found["seconds"] > 20:
                runs[side].append(found)
    for side in sides:
        if side in wrong or "maparray" in wrong:
            yield f"| {title} | {side} | **{wrong.get(side, '-')}** |" + " - |" * 4
            continue
        times = sorted(one["seconds"] for one in runs[side])
        middle = statistics.median(times)
        ours = statistics.median(one["seconds"] for one in runs["maparray"])
        held = [max(one["held"][kind] for one in runs[side]) / 2**20 for kind in (0, 1)]
        cells = [
            title,
            side,
            f"{seconds(middle)} ({seconds(times[0])} to {seconds(times[-1])})",
            f"**{middle / ours:.2f}**" if side != "maparray" else "",
            *(f"{part:.0f}" for part in held),
            verdict(middle / ours, bar) if side == against else "-",
        ]
        yield f"| {' | '.join(cells)} |"


def measure(rounds, say):
    """The lines of the chapter."""
    lines, made, answers = [HEAD], None, Answers()
    say(HEAD)
    for work, (_, make, _, _) in WORKS.items():
        if make is not made:
            for old in [*Path().glob("*.fits"), *Path().glob("*.np[yz]")]:
                old.unlink()
            make()
            made = make
        for line in lines_of(work, rounds, answers):
            lines.append(line)
            say(line)
    data = f"A member is {gib(size())}, an archive {gib(MEMBERS * size())}"
    side = side_of_frames()
    frame = f"a frame {side} x {side}, the matrix {SIZES.side} x {SIZES.side}, all float32"
    return [*lines, "", f"{data}, {frame}."]


if __name__ == "__main__":
    SIZES.fit(int(sys.argv[3]))
    print(json.dumps(alone(sys.argv[1], sys.argv[2])))
