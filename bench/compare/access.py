"""Rows about reaching elements: gathering, columns, opening, and who wrote the file."""

import os
import subprocess

import answers
import numpy as np
from files import COLUMN, WIDTH, load, picks, small_names
from measure import Row, Timed, nothing

import maparray

ROWS = "rows.npy"


class Kept:
    """Maps of one file that stay open from run to run."""

    def __init__(self):
        self.let_go()

    def let_go(self):
        self.theirs = self.ours = None

    def numpy(self):
        self.theirs = load(ROWS) if self.theirs is None else self.theirs
        return self.theirs

    def maparray(self):
        self.ours = maparray.open(ROWS) if self.ours is None else self.ours
        return self.ours


def take(array):
    """Rows of one of our arrays."""
    ours = getattr(maparray, "take", None)
    return ours(array, picks()) if ours else array[picks()]


def gather(kept):
    def by_take():
        out = np.empty((len(picks()), WIDTH), "f4")
        return np.take(kept.numpy(), picks(), axis=0, out=out, mode="clip")

    def dask():
        import dask.array

        return dask.array.from_array(kept.numpy())[picks()].compute()

    def numba():
        import kernels

        out = np.empty((len(picks()), WIDTH), "f4")
        kernels.gather(kept.numpy(), picks(), out)
        return out

    return Row(
        "gather",
        "rows at random, map kept open",
        theirs=lambda: np.asarray(kept.numpy()[picks()]),
        ours=lambda: take(kept.maparray()),
        check=answers.gathered,
        bar=3.5,
        against="`a[idx]`",
        files=(ROWS,),
        before=nothing,
        let_go=kept.let_go,
        cold=True,
        cold_bar=1.7,
        peers={"np.take(out=)": by_take, "dask": dask, "numba": numba},
    )


def column(kept):
    def numexpr():
        import numexpr

        return numexpr.evaluate("a", {"a": kept.numpy()[:, COLUMN]})

    def dask():
        import dask.array

        return dask.array.from_array(kept.numpy())[:, COLUMN].compute()

    def ours():
        return maparray.eval("a", a=kept.maparray().view()[:, COLUMN])

    return Row(
        "column",
        "one column",
        theirs=lambda: np.array(kept.numpy()[:, COLUMN]),
        ours=ours,
        check=answers.column,
        bar=1.5,
        against="`np.array(a[:, 5])`",
        files=(ROWS,),
        before=nothing,
        let_go=kept.let_go,
        cold=True,
        peers={"numexpr": numexpr, "dask": dask},
    )


# Many small files.


def numpy_open():
    return sum(float(load(name)[0]) for name in small_names())


def open_by_hand():
    """For who knows what is in them: 128 bytes of header, then float32."""
    total = 0.0
    for name in small_names():
        descriptor = os.open(name, os.O_RDONLY)
        total += float(np.frombuffer(os.pread(descriptor, 4, 128), "f4")[0])
        os.close(descriptor)
    return total


def our_open():
    return sum(float(maparray.open(name)[0]) for name in small_names())


def our_open_in_rust(program):
    """A program of ours; it looks at the clock itself, so that starting it is not counted."""

    def work():
        command = [program, "open", *small_names()]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds, answer = done.stdout.split()
        return Timed(float(seconds), float(answer))

    return work


def opening(program):
    title = "open 1000 small files, read the first element"
    row = {"check": answers.small, "files": ("small",), "before": nothing}
    rows = [
        Row(
            "open",
            f"{title}, from Python",
            theirs=numpy_open,
            ours=our_open,
            bar=5.0,
            peers={"os.open, os.pread": open_by_hand},
            **row,
        )
    ]
    if program:
        found = our_open_in_rust(program)
        rows.append(
            Row("open-rust", f"{title}, from Rust", theirs=numpy_open, ours=found, bar=10.0, **row)
        )
    return rows


# Writers decide how fast readers will be.


def numpy_sum(name):
    return lambda: load(name).sum()


def our_sum(name):
    return lambda: maparray.eval("sum(a)", a=name)


def who_wrote(name, title, work):
    return Row(
        name,
        title,
        theirs=work("a.npy"),
        ours=work("written.npy"),
        check=answers.numbers("a.npy", "sum", strict=False),
        bar=1.5,
        against="the file of `np.save`",
        files=("a.npy", "written.npy", "mapped.npy"),
        before=nothing,
        peers={"written through numpy.memmap": work("mapped.npy")},
    )


def member():
    """A stored member of an archive, at an odd place, where `np.savez` puts it."""

    def numpy():
        with np.load("member.npz") as archive:
            return archive["x"].sum()

    return Row(
        "npz",
        "sum of a stored member of an archive, from opening it",
        theirs=numpy,
        ours=our_sum("member.npz:x"),
        check=answers.numbers("member.npy", "sum", strict=False),
        bar=5.0,
        against="`np.load(npz)['x']`",
        files=("member.npz",),
        before=nothing,
        peers={"maparray, a plain .npy": our_sum("member.npy")},
    )


def rows(program=None):
    """The rows of the table that reach for elements."""
    kept = Kept()
    return [
        gather(kept),
        column(kept),
        *opening(program),
        member(),
        who_wrote("written-numpy", "a file we wrote, summed by NumPy", numpy_sum),
        who_wrote("written-ours", "a file we wrote, summed by us", our_sum),
    ]
