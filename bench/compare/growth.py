"""Does the time for a byte stay the same as arrays grow, and what does a second thread bring?"""

import math
import os
import statistics
from pathlib import Path

import numpy as np
import untouched
from answers import differs
from facts import gib
from files import chunks, load
from measure import OUT, Row, run_once

import maparray

SIZES = [64 << 20, 256 << 20, 1 << 30, 4 << 30, 8 << 30]
HEAD = (
    "| work | data | two threads: ms for a GiB | one thread: ms for a GiB "
    "| one / two (least to greatest) |\n|---|---|---|---|---|"
)


def fill(name, count):
    """Numbers that are cheap to make and whose sum is known: 0, 1, … 255, over and over.

    Written, not mapped: a map's pages come one by one in a small file and in larger folios in a
    large one, and then the sizes would not be compared with each other.
    """
    with open(name, "wb") as file:
        head = {"descr": "<f4", "fortran_order": False, "shape": (count,)}
        np.lib.format.write_array_header_1_0(file, head)
        for start in range(0, count, 1 << 20):
            part = np.arange(start, min(start + (1 << 20), count)) % 256
            file.write(part.astype("f4").tobytes())


def sum_of(size, threads):
    return lambda: maparray.eval("sum(a)", a="one.npy", threads=threads)


def add_of(size, threads):
    return lambda: maparray.eval("a + b", a="one.npy", b="two.npy", out=OUT, threads=threads)


def right_sum(answer, ours, whole):
    count = load("one.npy").size
    full, rest = divmod(count, 256)
    right = full * 32640 + rest * (rest - 1) // 2
    return differs(np.float32(answer), np.float32(right), 0)


def right_add(answer, ours, whole):
    for part, (out, one) in enumerate(chunks(load(OUT), load("one.npy"))):
        if part % 16 == 0 and not np.array_equal(out, one * 2):
            return f"part {part} of the file has other elements"
    return None


WORK = [
    ("`sum(a)`", 1, sum_of, right_sum),
    ("`c = a + b`, a new file", 3, add_of, right_add),
]


def line(title, files, work, right, size, rounds):
    """`size` counts all bytes, those that are read and those that are written."""
    untouched.touch_all()
    count = size // files // 4
    fill("one.npy", count)
    if files == 3:
        fill("two.npy", count)
    row = Row("growth", title, work(size, 1), work(size, 2), right)
    times = {1: [], 2: []}
    for turn in range(rounds + 1):
        for threads in (1, 2) if turn % 2 else (2, 1):
            took, answer, _ = run_once(row, work(size, threads))
            wrong = right(answer, ours=True, whole=False)
            if wrong:
                return f"| {title} | {gib(size)} | **wrong: {wrong}** | - | - |"
            if turn:
                times[threads].append(took)
    for name in ("one.npy", "two.npy", OUT):
        Path(name).unlink(missing_ok=True)
    ratios = sorted(one / two for one, two in zip(times[1], times[2], strict=True))
    one, two = (statistics.median(times[threads]) * 1000 / (size / 2**30) for threads in (1, 2))
    middle = statistics.median(ratios)
    spread = f"{middle:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    return f"| {title} | {gib(size)} | {two:.0f} | {one:.0f} | {spread} |"


def measure(largest, rounds, say):
    """The lines of the table, for all data up to `largest` bytes that fits on the disk."""
    lines = [HEAD]
    say(HEAD)
    disk = os.statvfs(".")
    room = disk.f_bavail * disk.f_frsize // 2
    for title, files, work, right in WORK:
        for size in SIZES:
            if size > largest:
                continue
            if size > room:
                lines.append(f"| {title} | {gib(size)} | no room on the disk | - | - |")
            else:
                again = rounds if size <= 1 << 30 else math.ceil(rounds / 2)
                lines.append(line(title, files, work, right, size, again))
            say(lines[-1])
    return lines
