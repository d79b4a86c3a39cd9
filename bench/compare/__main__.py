"""maparray and its peers: the same work on the same files, in the same run, in turns.

`cargo xtask bench` prepares everything and calls this; README.md says how to read the table.
"""

import argparse
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
import warnings
from pathlib import Path

import access
import facts
import formats
import growth
import limit
import measure
import outputs
import reductions
import table
import units
import untouched
from files import SIZES, need

SIZE, ROUNDS = 512 << 20, 7
# Quick means within a minute.
QUICK_SIZE, QUICK_ROUNDS = 16 << 20, 2
CHECK_SIZE = 1 << 20
PEERS = ("numexpr", "dask", "blosc2", "numba", "polars")


def size(text):
    """Bytes, as in 64M or 2G."""
    unit = {"K": 10, "M": 20, "G": 30}.get(text[-1:].upper())
    return int(float(text[:-1]) * 2**unit) if unit else int(text)


def arguments():
    parser = argparse.ArgumentParser(prog="cargo xtask bench", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="small arrays, few rounds: about a minute")
    add("--check", action="store_true", help="no times: are NumPy's answers and ours right?")
    add("--size", type=size, help="of each array [512M]")
    add("--rounds", type=int, help="runs of each side [7]")
    add("--only", nargs="+", metavar="ROW", default=[], help="these rows only; see --list")
    add("--list", action="store_true", help="print the names of the rows")
    add("--limit", type=size, help="the part with so much memory, as in 256M, and no other")
    add("--growth", action="store_true", help="the part with growing arrays, and no other")
    add("--units", action="store_true", help="the part with frames in adu, and no other")
    add("--formats", action="store_true", help="the part with archives and frames, and no other")
    add("--touch", action="store_true", help="touch free memory first, as the whole table does")
    add("--folder", help="where the files go, in a folder of their own [a temporary folder]")
    add("--program", help="our benchmark program, for what is measured from Rust")
    chosen = parser.parse_args()
    small = CHECK_SIZE if chosen.check else QUICK_SIZE
    chosen.full = not (chosen.quick or chosen.check or chosen.size or chosen.only)
    chosen.size = chosen.size or (small if chosen.quick or chosen.check else SIZE)
    chosen.rounds = chosen.rounds or (QUICK_ROUNDS if chosen.quick else ROUNDS)
    if chosen.program:
        chosen.program = str(Path(chosen.program).resolve())
    return chosen


def say(text):
    print(text, flush=True)


def all_rows(program):
    return [untouched.row(), *reductions.rows(), *outputs.rows(), *access.rows(program)]


def choose(rows, names):
    known = {row.name: row for row in rows}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"no row {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names] if names else rows


def prepare(row):
    for name in row.files:
        need(name)


def check(rows):
    """Are NumPy's answers and ours right? Nothing is timed."""
    wrong = []
    for row in rows:
        prepare(row)
        for side, work in ((row.against, row.theirs), ("maparray", row.ours)):
            _, answer, _ = measure.run_once(row, work)
            found = row.check(answer, ours=side == "maparray", whole=True)
            if found:
                wrong.append(f"{row.name}: {side}: {found}")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(rows)} rows, all answers right")


def installed(row):
    """The sides of a row that can run here."""
    missing = [peer for peer in PEERS if not importlib.util.find_spec(peer)]
    return {side: work for side, work in row.sides().items() if side not in missing}


def compare(rows, rounds, touch):
    """Warm rows, then cold ones: files read anew lie in the page cache in other pieces."""
    results, lines = [], []

    def add(result):
        results.append(result)
        say(table.line(result))

    say(table.HEAD)
    for row in rows:
        if row.name == "add-untouched":
            prepare(row)
            lines.append(
                f"first touch of memory before anything else: {untouched.speed():.2f} GiB/s"
            )
            add(measure.measure(row, row.sides(), min(rounds, 3)))
            row.let_go()
    if touch:
        amount = untouched.touch_all()
        lines.append(
            f"then {facts.gib(amount)} of free memory were touched once; first touch by a process "
            f"after that: {untouched.speed():.2f} GiB/s"
        )
    for row in rows:
        if row.name != "add-untouched":
            prepare(row)
            add(measure.measure(row, installed(row), rounds))
            row.let_go()
    for row in rows:
        if row.cold:
            pair = {row.against: row.theirs, "maparray": row.ours}
            add(measure.measure(row, pair, min(rounds, 5), row.files))
    remarks = [*(f"- {line}" for line in lines), *table.notes(results)]
    others = table.peers(results)
    say("\n".join(["", *remarks, "", *others]))
    whole = [table.HEAD, *(table.line(result) for result in results)]
    return [*remarks, "", *whole, "", "The same for every side:", "", *others]


def run(chosen, rows):
    """Each part that was asked for, as titles and lines."""
    if chosen.limit:
        title = f"In {facts.gib(chosen.limit)} of memory"
        try:
            lines = limit.measure(rows, chosen.limit, min(chosen.rounds, 3), say)
        except limit.Unavailable as error:
            lines = [f"No control group with a limit could be made: {error}."]
            say(lines[0])
        yield title, lines
    if chosen.growth:
        largest = growth.SIZES[1] if chosen.quick else growth.SIZES[-1]
        yield "Growth", growth.measure(largest, chosen.rounds, say)
    if chosen.units:
        yield "Frames in adu", units.measure(chosen.size, min(chosen.rounds, 5), say)
    if chosen.formats:
        yield "Archives, frames, orders", formats.measure(min(chosen.rounds, 5), say)
    if not (chosen.limit or chosen.growth or chosen.units or chosen.formats):
        yield "Workloads", compare(rows, chosen.rounds, chosen.full or chosen.touch)


def command(chosen):
    """What one types to have the same done again."""
    words = ["cargo xtask bench"]
    if chosen.limit:
        words.append(f"--limit {chosen.limit >> 20}M")
    if chosen.growth:
        words.append("--growth")
    if chosen.units:
        words.append("--units")
    if chosen.formats:
        words.append("--formats")
    if chosen.rounds != ROUNDS:
        words.append(f"--rounds {chosen.rounds}")
    return " ".join(words)


def main():
    # An end by a signal is an end by an exception: files and control groups are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Peers say what they will change one day; it is their users who should hear that.
    warnings.simplefilter("ignore")
    chosen = arguments()
    rows = all_rows(chosen.program)
    if chosen.list:
        print("\n".join(f"{row.name:15} {row.title}" for row in rows))
        return
    rows = choose(rows, chosen.only)
    SIZES.fit(chosen.size)
    busy, home = facts.load_average(), Path.cwd()
    folder = tempfile.mkdtemp(prefix="maparray-bench-", dir=chosen.folder)
    try:
        os.chdir(folder)
        if chosen.check:
            check(rows)
            return
        for title, lines in run(chosen, rows):
            if chosen.full:
                head = facts.preamble(command(chosen), busy)
                facts.write(title, [*head, *lines])
                print(f"\nwritten to {facts.RESULTS.name}: {title}")
    finally:
        os.chdir(home)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
