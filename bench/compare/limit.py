"""What happens where memory is scarce? The same work in a control group with a limit.

The group is a child of the one that this process is in, so that whatever holds for us holds for it,
and it is removed at the end, also after an error.
"""

import json
import os
import statistics
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import alone
import answers
from facts import gib, seconds, verdict
from files import SIZES, need
from measure import OUT, drop

# Peak anonymous memory, interpreter included, and time against the run without a limit.
MOST_MEMORY = 64 << 20
MOST_TIME = 1.2
# NumPy is ended if it takes so many times as long as we, and so many seconds.
PATIENCE, LEAST_PATIENCE = 20.0, 30.0
# How many times the usual size arrays are, and which rows run on them: 1.5 to 6 GiB of data.
STAGES = {1: ["add", "mix"], 4: ["sum", "std", "square", "inplace", "add"]}


class Unavailable(Exception):
    """Why there is no group with a limit."""


class Group:
    """A control group with a limit of memory, of version 1 or 2."""

    def __init__(self, limit):
        self.folder = None
        reasons = []
        for version, parent, file in places():
            folder = parent / f"maparray-bench-{os.getpid()}"
            try:
                folder.mkdir()
                try:
                    (folder / file).write_text(str(limit))
                except OSError:
                    folder.rmdir()
                    raise
            except OSError as error:
                reasons.append(f"version {version}: {error.strerror} ({file})")
                continue
            self.folder, self.version = folder, version
            return
        raise Unavailable("; ".join(reasons) or "no control groups are mounted here")

    def join(self):
        """Called by a new process before it becomes the program: 0 is whoever writes it."""
        (self.folder / "cgroup.procs").write_text("0")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for _ in range(50):
            try:
                self.folder.rmdir()
                return
            except OSError:  # the last process is not quite gone
                time.sleep(0.1)
        self.folder.rmdir()


def places():
    """Where our own groups are, and the name of the file that holds the limit."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
        groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return
    for _, controllers, path in groups:
        path = path.lstrip("/")
        for _, at, kind, options, *_ in mounts:
            if kind == "cgroup" and controllers == "memory" and "memory" in options.split(","):
                yield 1, Path(at) / path, "memory.limit_in_bytes"
            if kind == "cgroup2" and controllers == "":
                yield 2, Path(at) / path, "memory.max"


@dataclass
class Run:
    """One run in a process of its own."""

    # None, if it was killed.
    seconds: float | None
    durable: float
    answer: object
    anonymous: int
    ended: str = ""


def watch(process, peak):
    """The most anonymous memory that the process had, looked at every few milliseconds."""
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        try:
            for line in status.read_text().splitlines():
                if line.startswith("RssAnon:"):
                    peak[0] = max(peak[0], int(line.split()[1]) << 10)
        except OSError:
            return
        time.sleep(0.005)


def end(process):
    process.kill()
    process.communicate()


def run(row, side, group=None, patience=600.0):
    """A side of a row, its files out of the page cache first, ended after `patience` seconds."""
    row.before()
    os.sync()
    left = drop(row.files)
    if left > 0.01:
        raise RuntimeError(f"{left:.0%} of the files stayed in the page cache")
    process = subprocess.Popen(
        alone.command(row.name, side),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=group.join if group else None,
    )
    peak = [0]
    watcher = threading.Thread(target=watch, args=(process, peak))
    watcher.start()
    try:
        out, err = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        # Its pages are thrown out as fast as it asks for them.
        end(process)
        return Run(None, 0.0, None, peak[0], f"not done after {patience:.0f} s")
    except BaseException:
        end(process)
        raise
    finally:
        watcher.join()
    if process.returncode:
        killed = process.returncode == -9
        ended = "killed" if killed else (err.strip().splitlines() or ["no message"])[-1]
        return Run(None, 0.0, None, peak[0], ended)
    took, answer = json.loads(out)
    started = time.perf_counter()
    written = Path(OUT if Path(OUT).exists() else row.files[0])
    with written.open("rb") as file:
        os.fsync(file.fileno())
    return Run(took, took + time.perf_counter() - started, answer, peak[0])


def median(runs, what):
    return statistics.median(getattr(run, what) for run in runs)


HEAD = (
    "| work | data | NumPy | ours, limited | ours, without limit, cold | limited / without "
    f"(least to greatest) | at most {MOST_TIME:g} | until durable: limited, without "
    f"| peak anonymous | at most {gib(MOST_MEMORY)} |\n|---|---|---|---|---|---|---|---|---|---|"
)


def data(row):
    """Bytes that a workload reads and writes."""
    files = [*row.files, *([OUT] if Path(OUT).exists() else [])]
    return sum(os.path.getsize(name) for name in files)


def line(row, group, rounds):
    limited, free = [], []
    for turn in range(rounds):
        pair = [(group, limited), (None, free)]
        for where, runs in pair if turn % 2 == 0 else reversed(pair):
            done = run(row, "ours", where)
            if done.seconds is None:
                return f"| {row.title} | - | - | **{done.ended}** |" + " - |" * 6
            wrong = row.check(done.answer, ours=True, whole=turn == 0)
            if wrong:
                return f"| {row.title} | - | - | **wrong: {wrong}** |" + " - |" * 6
            runs.append(done)
    size = data(row)
    patience = max(LEAST_PATIENCE, PATIENCE * median(limited, "seconds"))
    theirs = run(row, "theirs", group, patience)
    numpy = f"**{theirs.ended}**" if theirs.seconds is None else seconds(theirs.seconds)
    ratios = sorted(a.seconds / b.seconds for a, b in zip(limited, free, strict=True))
    ratio = statistics.median(ratios)
    peak = max(run.anonymous for run in limited)
    cells = [
        row.title,
        gib(round(size / 2**24) * 2**24),
        numpy,
        seconds(median(limited, "seconds")),
        seconds(median(free, "seconds")),
        f"**{ratio:.2f}** ({ratios[0]:.2f} to {ratios[-1]:.2f})",
        verdict(-ratio, -MOST_TIME).partition(": ")[2],
        f"{seconds(median(limited, 'durable'))}, {seconds(median(free, 'durable'))}",
        gib(round(peak / 2**20) * 2**20),
        verdict(-peak, -MOST_MEMORY).partition(": ")[2],
    ]
    return f"| {' | '.join(cells)} |"


def measure(rows, limit, rounds, say):
    """The lines of the table; `say` prints each as it comes."""
    named, size = {row.name: row for row in rows}, SIZES.array
    lines = [HEAD]
    with Group(limit) as group:
        say(HEAD)
        for factor, names in STAGES.items():
            SIZES.fit(factor * size)
            for name in names:
                if name in named:
                    for file in named[name].files:
                        need(file)
                    lines.append(line(named[name], group, rounds))
                    say(lines[-1])
            remove()
        version = group.version
    return [*lines, "", f"In a control group of version {version} with a limit of {gib(limit)}."]


def remove():
    """The next files have the same names and other sizes."""
    for file in Path().glob("*.npy"):
        file.unlink()
    answers.forget()
