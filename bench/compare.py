"""maparray against NumPy: the same work on the same files, in the same run, in turns."""

import argparse
import datetime
import gc
import importlib.metadata
import math
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

import maparray

CHUNK = 1 << 20
RESULTS = Path(__file__).with_name("RESULTS.md")


def load(name):
    return np.load(name, mmap_mode="r")


# What is measured, NumPy's way and ours. A result is a number, or the file "out.npy".


def numpy_sum():
    return load("a.npy").sum()


def our_sum():
    return maparray.eval("sum(a)", a="a.npy")


def numpy_std():
    return load("a.npy").std()


def our_std():
    return maparray.eval("std(a)", a="a.npy")


def numpy_square():
    a, b = load("a.npy"), load("b.npy")
    return np.mean((a - b) ** 2)


def our_square():
    return maparray.eval("mean((a - b)**2)", a="a.npy", b="b.npy")


def numpy_add():
    a, b = load("a.npy"), load("b.npy")
    c = open_memmap("out.npy", mode="w+", dtype=a.dtype, shape=a.shape)
    c[:] = a + b


def our_add():
    maparray.eval("a + b", a="a.npy", b="b.npy", out="out.npy")


def numpy_mix():
    a, b, c = load("a.npy"), load("b.npy"), load("c.npy")
    d = open_memmap("out.npy", mode="w+", dtype=a.dtype, shape=a.shape)
    d[:] = (a * 0.5 + b) / (c + 1)


def our_mix():
    maparray.eval("(a * 0.5 + b) / (c + 1)", a="a.npy", b="b.npy", c="c.npy", out="out.npy")


def numpy_big():
    return load("big.npy").mean()


def our_big():
    return maparray.eval("mean(a)", a="big.npy")


WORK = [
    ("`sum(a)`", numpy_sum, our_sum),
    ("`std(a)`", numpy_std, our_std),
    ("`mean((a - b)**2)`", numpy_square, our_square),
    ("`c = a + b`, a new file", numpy_add, our_add),
    ("`d = (a*0.5 + b) / (c + 1)`, a new file", numpy_mix, our_mix),
    ("`mean(a)`, big-endian", numpy_big, our_big),
]


def chunks(*arrays):
    """The same parts of several arrays, one after the other."""
    for start in range(0, arrays[0].size, CHUNK):
        yield [array[start : start + CHUNK] for array in arrays]


def make_files(count):
    """Random numbers in [0, 1); the big-endian file holds those of a."""
    random = np.random.default_rng(2002)
    for name in ("a.npy", "b.npy", "c.npy"):
        array = open_memmap(name, mode="w+", dtype="<f4", shape=(count,))
        for (part,) in chunks(array):
            part[:] = random.random(part.size, dtype="f4")
    big = open_memmap("big.npy", mode="w+", dtype=">f4", shape=(count,))
    for to, part in chunks(big, load("a.npy")):
        to[:] = part


def right_answers():
    """Each answer in float64, part by part; for files, a function that makes the part."""
    a, b = load("a.npy"), load("b.npy")
    total = sum(float(part.sum(dtype="f8")) for (part,) in chunks(a))
    mean = total / a.size
    spread = sum(float(((part.astype("f8") - mean) ** 2).sum()) for (part,) in chunks(a))
    square = sum(float(((x.astype("f8") - y) ** 2).sum()) for x, y in chunks(a, b))
    return [
        total,
        math.sqrt(spread / a.size),
        square / a.size,
        lambda a, b, _: a + b,
        lambda a, b, c: (a * np.float32(0.5) + b) / (c + np.float32(1)),
        mean,
    ]


def check(title, who, answer, right):
    """Stops unless the answer is right: to the bit for files, to five digits for numbers."""
    if callable(right):
        names = ("out.npy", "a.npy", "b.npy", "c.npy")
        good = all(np.array_equal(out, right(*parts)) for out, *parts in chunks(*map(load, names)))
        found, expected = "the file", "other elements"
    else:
        good = math.isclose(answer, right, rel_tol=1e-5)
        found, expected = answer, right
    if not good:
        sys.exit(f"{title}: {who} found {found}, expected {expected}")


def measure(work):
    """Seconds that it takes, and its answer. What earlier work left behind is done with first."""
    Path("out.npy").unlink(missing_ok=True)
    gc.collect()
    if hasattr(os, "sync"):
        os.sync()
    started = time.perf_counter()
    answer = work()
    return time.perf_counter() - started, answer


def compare(title, theirs, ours, right, rounds):
    """Times of both, in pairs."""
    sides = [("NumPy", theirs), ("maparray", ours)]
    for who, work in sides:
        check(title, who, measure(work)[1], right)
    pairs = []
    for turn in range(rounds):
        times = {}
        for who, work in sides if turn % 2 == 0 else reversed(sides):
            times[who], answer = measure(work)
            check(title, who, answer, right)
        pairs.append((times["NumPy"], times["maparray"]))
    return pairs


def row(title, pairs):
    theirs, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratios = sorted(theirs / ours for theirs, ours in pairs)
    ratio = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    return f"| {title} | {theirs:.3f} s | {ours:.3f} s | {ratio} |"


HEAD = "| work | NumPy | maparray | NumPy's time / ours |\n|---|---|---|---|"


def machine():
    """The facts that a time means nothing without; no names of machines or folders."""
    system = f"{platform.system()} {platform.machine()}"
    try:
        system += f", {platform.freedesktop_os_release()['PRETTY_NAME']}"
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        system += f", {memory:.0f} GiB of memory"
    except (OSError, ValueError, AttributeError):
        pass
    return f"{os.cpu_count()} cores, {system}"


def load_average():
    """How much else the machine did in the minute before; above 0.5 the times are worth little."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def versions():
    try:
        ours = importlib.metadata.version("maparray")
    except importlib.metadata.PackageNotFoundError:
        ours = "not installed as a package"
    return f"maparray {ours}, NumPy {np.__version__}, Python {platform.python_version()}"


def size(text):
    """Bytes, as in 64M or 2G."""
    unit = {"K": 10, "M": 20, "G": 30}.get(text[-1:].upper())
    return int(float(text[:-1]) * 2**unit) if unit else int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=size, default="256M", help="of each array [256M]")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side [5]")
    parser.add_argument("--folder", help="where the files go [a temporary folder]")
    parser.add_argument("--check", action="store_true", help="only check the answers, on 1M")
    chosen = parser.parse_args()
    if chosen.check:
        chosen.size, chosen.rounds = 1 << 20, 1
    lines, busy = [HEAD], load_average()
    home = Path.cwd()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        os.chdir(folder)
        try:
            make_files(max(chosen.size // 4, 1))
            for (title, theirs, ours), right in zip(WORK, right_answers(), strict=True):
                lines.append(row(title, compare(title, theirs, ours, right, chosen.rounds)))
                if not chosen.check:
                    print("\n".join(lines) if len(lines) == 2 else lines[-1], flush=True)
        finally:
            os.chdir(home)
    if chosen.check:
        print(f"{len(WORK)} comparisons, all answers right")
        return
    command = f"python bench/compare.py --size {chosen.size // 2**20}M --rounds {chosen.rounds}"
    facts = [
        "# maparray and NumPy",
        "",
        f"- {datetime.date.today().isoformat()}; {machine()}",
        f"- load of the machine in the minute before: {busy}",
        f"- {versions()}",
        f"- `{command}`: float32 arrays of {chosen.size / 2**20:g} MiB each, in the page cache",
        "- medians; the ratio is the median over pairs of neighbouring runs (least to greatest)",
        "",
    ]
    RESULTS.write_text("\n".join(facts + lines) + "\n", encoding="utf-8")
    print(f"written to {RESULTS.name}")


if __name__ == "__main__":
    main()
