"""One side of one row, once, in a process of its own: `alone.py ROW SIDE`.

Prints, as JSON, the seconds it took and its answer. Imports are not counted.
"""

import gc
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np


def side_of(name, side):
    import access
    import outputs
    import reductions

    rows = [*reductions.rows(), *outputs.rows(), *access.rows()]
    row = next(row for row in rows if row.name == name)
    return {"theirs": row.theirs, "ours": row.ours}.get(side) or row.peers[side]


def main():
    work = side_of(*sys.argv[1:])
    gc.collect()
    started = time.perf_counter()
    answer = work()
    seconds = time.perf_counter() - started
    answer = None if answer is None or hasattr(answer, "close") else np.asarray(answer).tolist()
    print(json.dumps([seconds, answer]))


def command(row, side):
    return [sys.executable, str(Path(__file__)), row, side]


def run(row, side):
    """The same for a caller: seconds and the answer."""
    done = subprocess.run(command(row, side), check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
