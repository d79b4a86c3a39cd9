"""How are sides measured: in turns, warm or cold, and never without a look at the answer?"""

import ctypes
import gc
import mmap
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any

# A peer is run this often only, if it takes longer than both of these.
FEW_ROUNDS, SLOW_SECONDS, SLOW_RATIO = 2, 1.0, 5.0
PAGE = mmap.PAGESIZE
OUT = "out.npy"


def nothing():
    """What a row does before its runs if its output is there already."""


@dataclass(frozen=True)
class Timed:
    """The answer of a side that looks at the clock itself, as programs of their own do."""

    seconds: float
    answer: Any


@dataclass
class Row:
    """One workload: our side, the side its bar speaks of, and the peers."""

    name: str
    title: str
    theirs: Callable[[], Any]
    ours: Callable[[], Any]
    # Says what is wrong with an answer. Our side is held to stricter rules.
    check: Callable[..., str | None]
    _: KW_ONLY
    # How many times as fast as their side, and as the fastest peer, we must be; None: no bar.
    bar: float | None = None
    best: float | None = None
    against: str = "NumPy"
    peers: dict[str, Callable[[], Any]] = field(default_factory=dict)
    # The files it reads, by their names in files.py.
    files: tuple[str, ...] = ()
    # What is done before each run, outside the time that is taken.
    before: Callable[[], Any] = lambda: Path(OUT).unlink(missing_ok=True)
    # Closes what stays open from run to run: a page that is mapped cannot leave the page cache.
    let_go: Callable[[], Any] = nothing
    # Measured with the files out of the page cache, too; the bar that holds then.
    cold: bool = False
    cold_bar: float | None = None

    def sides(self):
        return {self.against: self.theirs, "maparray": self.ours} | self.peers


@dataclass
class Result:
    row: Row
    cache: str
    times: dict[str, list[float]]
    # Why a side is not among those that are timed.
    wrong: dict[str, str]
    notes: list[str]

    def median(self, side):
        return statistics.median(self.times[side])

    def ratios(self, side):
        """Its time over ours, in each round that both took part in."""
        pairs = zip(self.times[side], self.times["maparray"], strict=False)
        return sorted(theirs / ours for theirs, ours in pairs)

    def ratio(self, side):
        return statistics.median(self.ratios(side))

    def best(self):
        """The fastest side that is not ours, and has the right answer."""
        others = [side for side in self.times if side != "maparray"]
        return min(others, key=self.median, default=None)


def run_once(row, work, files=()):
    """Seconds that it takes, and its answer. What earlier work left behind is done with first."""
    row.before()
    if files:
        row.let_go()
    gc.collect()
    if hasattr(os, "sync"):
        os.sync()
    left = drop(files) if files else 0.0
    started = time.perf_counter()
    answer = work()
    seconds = time.perf_counter() - started
    if isinstance(answer, Timed):
        seconds, answer = answer.seconds, answer.answer
    return seconds, answer, left


def measure(row, sides, rounds, cold_files=()):
    """Every side `rounds` times, in turns, after a run of each that is checked and not counted."""
    result = Result(row, "cold" if cold_files else "warm", {}, {}, [])
    stayed = 0.0

    def attempt(side, whole):
        """The seconds of a run, and whether it was right."""
        nonlocal stayed
        try:
            seconds, answer, left = run_once(row, sides[side], cold_files)
            wrong = row.check(answer, ours=side == "maparray", whole=whole)
        except Exception as error:  # whatever a peer does, the table goes on and says so
            said = str(error).splitlines() or ["no message"]
            seconds, left, wrong = 0.0, 0.0, f"{type(error).__name__}: {said[0][:120]}"
        stayed = max(stayed, left)
        if wrong:
            result.wrong[side] = wrong
        return seconds

    first = {side: attempt(side, whole=True) for side in sides}
    for turn in range(rounds):
        for side in order([side for side in sides if side not in result.wrong], row.against, turn):
            ours = first.get("maparray", 0.0)
            if turn < FEW_ROUNDS or side == row.against or not slow(first[side], ours):
                result.times.setdefault(side, []).append(attempt(side, whole=False))
    for side in result.wrong:
        result.times.pop(side, None)
    if stayed > 0.01:
        result.notes.append(f"up to {stayed:.0%} of the files stayed in the page cache")
    return result


def slow(seconds, ours):
    return seconds > SLOW_SECONDS and seconds > SLOW_RATIO * ours


def order(sides, against, turn):
    """The pair of the bar are neighbours always; who begins changes, and peers move around them."""
    pair = [side for side in (against, "maparray") if side in sides]
    others = [side for side in sides if side not in pair]
    if turn % 2:
        pair.reverse()
    start = turn % max(len(others), 1)
    others = others[start:] + others[:start]
    return others + pair if turn % 4 >= 2 else pair + others


def drop(names):
    """Takes files out of the page cache; the part of them that stayed."""
    worst = 0.0
    for name in names:
        descriptor = os.open(name, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            worst = max(worst, resident(descriptor))
        finally:
            os.close(descriptor)
    return worst


def resident(descriptor):
    """The part of a file that is in the page cache."""
    length = os.fstat(descriptor).st_size
    if length == 0:
        return 0.0
    system = ctypes.CDLL(None, use_errno=True)
    system.mmap.restype = ctypes.c_void_p
    system.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    system.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    system.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    address = system.mmap(None, length, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    pages = ctypes.create_string_buffer(-(-length // PAGE))
    failed = system.mincore(address, length, pages)
    system.munmap(address, length)
    if failed:
        raise OSError(ctypes.get_errno(), "mincore")
    return sum(byte & 1 for byte in pages.raw[:-1]) / max(len(pages) - 1, 1)
