"""What happens where memory was never touched, and how is it touched?

A page that a virtual machine gives out for the first time is given to it by its host first, which
takes much longer than clearing it. NumPy's temporaries pay for that on a fresh machine, and not on
one that has been at work; so memory is touched before anything is measured, but for one row.
"""

import mmap
import time
from pathlib import Path

import alone
import answers
from files import SIZES
from measure import Row, Timed
from outputs import add

PIECE = 256 << 20
SPARE = 1 << 30


def free():
    """Bytes that hold nothing, as far as the system says it."""
    try:
        with open("/proc/meminfo") as facts:
            for line in facts:
                if line.startswith("MemFree:"):
                    return int(line.split()[1]) << 10
    except OSError:
        pass
    return 0


def touched(size):
    """New memory with every page written, and the seconds that took."""
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    started = time.perf_counter()
    for page in range(0, size, mmap.PAGESIZE):
        memory[page] = 1
    return memory, time.perf_counter() - started


def speed(size=PIECE):
    """GiB a second that are touched for the first time by a process."""
    memory, seconds = touched(size)
    memory.close()
    return size / 2**30 / seconds


def touch_all():
    """Every free page once; what holds something was touched when it came."""
    held = []
    while free() > SPARE + PIECE:
        held.append(touched(PIECE)[0])
    total = len(held) * PIECE
    for memory in held:
        memory.close()
    return total


class Fresh:
    """Gives each run memory that earlier ones did not have, by keeping what those gave back."""

    def __init__(self):
        self.held = []

    def before(self):
        Path("out.npy").unlink(missing_ok=True)
        # The temporary and the page cache of the output.
        wanted = 2 * SIZES.array
        if free() > 4 * wanted + SPARE:
            self.held.append(touched(wanted)[0])

    def let_go(self):
        for memory in self.held:
            memory.close()
        self.held.clear()


def in_process(side):
    return lambda: Timed(*alone.run("add", side))


def row():
    """`c = a + b` before memory was touched, each run in a process of its own."""
    fresh = Fresh()
    return Row(
        "add-untouched",
        "`c = a + b`, a new file, memory not touched before",
        theirs=in_process("theirs"),
        ours=in_process("ours"),
        check=answers.file(add, "a.npy", "b.npy"),
        bar=9.0,
        against="`c[:] = a + b`",
        files=("a.npy", "b.npy"),
        before=fresh.before,
        let_go=fresh.let_go,
    )
