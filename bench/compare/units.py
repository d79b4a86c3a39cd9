"""A stack of frames in adu, put into a file, calibrated, taken back to memory: time and memory.

Each side runs in a process of its own, `units.py SIDE SIZE`, which says its seconds and how much
memory without a file behind it it held at most, the interpreter and its modules not counted.
"""

import gc
import json
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

FRAME = 2048
HEAD = (
    "| `enable`, `(m - bias) / flat`, `disable` | enable, ms | compute, ms | disable, ms | all, ms "
    "| its time / that of our operators (least to greatest) | most anonymous memory, MiB |\n"
    "|---|---|---|---|---|---|---|"
)
MINE = "maparray, operators"


def inputs(size):
    """Frames of float32, a bias like them, and a flat of plain numbers."""
    row = np.arange(FRAME, dtype="f4")
    frames = np.empty((max(size // (4 * FRAME * FRAME), 1), FRAME, FRAME), "f4")
    for number, frame in enumerate(frames):
        np.add.outer(row % 7, row % 5 + number + 100, out=frame)
    return frames, np.add.outer(row % 3, row % 2), 1 + np.add.outer(row % 4, row % 8) / 16


# A side makes its data, enables, computes and disables; it stops behind each of these.


def quantity(size):
    """NumPy and astropy: a copy in a file, a Quantity over its map, a copy back."""
    import astropy.units as u

    frames, bias, flat = inputs(size)
    frames, bias = (u.Quantity(array, u.adu, dtype="f4", copy=False) for array in (frames, bias))
    yield
    mapped = np.lib.format.open_memmap("q.npy", "w+", "f4", frames.shape)
    mapped[...] = frames.value
    frames = u.Quantity(mapped, u.adu, dtype="f4", copy=False)
    yield
    result = (frames - bias) / flat
    yield
    frames = u.Quantity(np.array(mapped), u.adu, dtype="f4", copy=False)
    yield
    yield frames, result


def ours(work):
    def side(size):
        import maparray

        frames, bias, flat = inputs(size)
        frames = maparray.MemMapArray(frames, "m.npy", unit="adu")
        bias = maparray.MemMapArray(bias, unit="adu")
        yield
        frames.enable_memmap()
        yield
        result = work(frames, bias, flat)
        yield
        frames.disable_memmap()
        yield
        yield frames, result

    return side


def fused(**options):
    def work(m, bias, flat):
        import maparray

        return maparray.eval("(m - bias) / flat", m=m, bias=bias, flat=flat, **options)

    return work


SIDES = {
    "NumPy and astropy": quantity,
    MINE: ours(lambda m, bias, flat: (m - bias) / flat),
    "maparray, `eval`": ours(fused()),
    "maparray, `eval` into a file": ours(fused(out="rate.npy")),
}


def anonymous():
    """Bytes of this process that no file stands behind."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if "RssAnon" in line)


def alone(name, size):
    """One side, once: seconds of each step, bytes, and what is wrong."""
    import astropy.units  # noqa: F401

    import maparray  # noqa: F401

    before = most = anonymous()
    steps, seconds = SIDES[name](size), []
    next(steps)
    gc.collect()
    over = threading.Event()

    def look():
        nonlocal most
        while not over.wait(0.001):
            most = max(most, anonymous())

    watcher = threading.Thread(target=look)
    watcher.start()
    for _ in range(3):
        started = time.perf_counter()
        next(steps)
        seconds.append(time.perf_counter() - started)
    over.set()
    watcher.join()
    return {"seconds": seconds, "bytes": most - before, "wrong": wrong(*next(steps), size)}


def wrong(frames, result, size):
    """What is wrong with the answers, if anything is."""
    data, bias, flat = inputs(size)
    if {str(frames.unit), str(result.unit)} != {"adu"}:
        return f"found units {frames.unit} and {result.unit}, expected adu"
    for number, frame in enumerate(data):
        if not np.array_equal(np.asarray(frames[number]), frame):
            return f"frame {number} came back changed"
        if not np.array_equal(np.asarray(result[number]), (frame - bias) / flat):
            return f"frame {number} has other numbers"
    return None


def run(name, size):
    command = [sys.executable, __file__, name, str(size)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    for made in ("q.npy", "m.npy", "rate.npy"):
        Path(made).unlink(missing_ok=True)
    return json.loads(done.stdout)


def measure(size, rounds, say):
    """The lines of the table: each side `rounds` times, in turns."""
    runs = {name: [] for name in SIDES}
    for turn in range(rounds + 1):
        for name in list(SIDES)[:: 1 if turn % 2 else -1]:
            found = run(name, size)
            if found["wrong"]:
                return [f"{name}: **wrong: {found['wrong']}**"]
            if turn:
                runs[name].append(found)
    lines = [HEAD]
    for name, found in runs.items():
        pairs = zip(found, runs[MINE], strict=True)
        ratios = sorted(sum(one["seconds"]) / sum(two["seconds"]) for one, two in pairs)
        steps = zip(*(one["seconds"] for one in found), strict=True)
        steps = [1000 * statistics.median(part) for part in steps]
        whole = 1000 * statistics.median(sum(one["seconds"]) for one in found)
        spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        most = max(one["bytes"] for one in found) / 2**20
        cells = [name, *(f"{step:.0f}" for step in steps), f"{whole:.0f}", spread, f"{most:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    say("\n".join(lines))
    return lines


if __name__ == "__main__":
    print(json.dumps(alone(sys.argv[1], int(sys.argv[2]))))
