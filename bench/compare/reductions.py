"""Rows whose answer is a number, or one for each row or column."""

import answers
import numpy as np
from files import chunks, load
from measure import Row

import maparray

# How each side computes one thing of one array. Peers are imported when they are first used.


def numexpr_of(text, *names):
    def work():
        import numexpr

        return numexpr.evaluate(text, {name[0]: load(name) for name in names})

    return work


def dask_of(compute, *names):
    def work():
        import dask.array

        return compute(*(dask.array.from_array(load(name)) for name in names)).compute()

    return work


def blosc2_of(text, *names):
    def work():
        import blosc2

        return blosc2.lazyexpr(text, {name[0]: load(name) for name in names})[()]

    return work


def polars_of(compute, *names):
    def work():
        import polars

        frame = polars.DataFrame({name[0]: load(name) for name in names})
        columns = [polars.col(name[0]) for name in names]
        found = frame.lazy().select(compute(*columns)).collect().row(0)
        return found[0] if len(found) == 1 else found

    return work


def numba_of(kernel, *names):
    def work():
        import kernels

        return getattr(kernels, kernel)(*(load(name) for name in names))

    return work


def ours(text, *names):
    return lambda: maparray.eval(text, **{name[0]: name for name in names})


def our_extremes():
    texts = ["min(a)", "max(a)"]
    # Both in one sweep, where the library can.
    many = getattr(maparray, "eval_many", None)
    if many:
        return many(texts, a="a.npy")
    return [maparray.eval(text, a="a.npy") for text in texts]


def numpy_extremes():
    a = load("a.npy")
    return a.min(), a.max()


def numexpr_extremes():
    return [numexpr_of(text, "a.npy")() for text in ("min(a)", "max(a)")]


def blosc2_extremes():
    return [blosc2_of(text, "a.npy")() for text in ("min(a)", "max(a)")]


def dask_extremes():
    import dask
    import dask.array

    a = dask.array.from_array(load("a.npy"))
    return dask.compute(a.min(), a.max())


def variance_by_hand():
    """Sums and sums of squares, piece by piece."""
    a, total, squares = load("a.npy"), 0.0, 0.0
    for (part,) in chunks(a):
        total += float(part.sum(dtype="f8"))
        squares += float(np.dot(part, part))
    return squares / a.size - (total / a.size) ** 2


def mean_of_big_by_hand():
    """Each piece is turned to the machine's order of bytes first."""
    a = load("big.npy")
    return sum(float(part.astype("f4").sum(dtype="f8")) for (part,) in chunks(a)) / a.size


def square_by_hand():
    a, b = load("a.npy"), load("b.npy")
    total = 0.0
    for x, y in chunks(a, b):
        rest = x - y
        total += float(np.dot(rest, rest))
    return total / a.size


def numpy_square():
    a, b = load("a.npy"), load("b.npy")
    return np.mean((a - b) ** 2)


def of_a(name, theirs, **options):
    """A row for one function of the array a."""
    text = f"{name}(a)"
    return Row(
        name,
        f"`{text}`",
        theirs=theirs,
        ours=ours(text, "a.npy"),
        check=answers.numbers("a.npy", name),
        files=("a.npy",),
        **options,
    )


def rows():
    """The reductions of the table."""
    a = "a.npy"
    return [
        of_a(
            "sum",
            lambda: load(a).sum(),
            bar=1.5,
            best=0.95,
            cold=True,
            peers={
                "numexpr": numexpr_of("sum(a)", a),
                "dask": dask_of(lambda a: a.sum(), a),
                "blosc2": blosc2_of("sum(a)", a),
                "numba": numba_of("total", a),
                "polars": polars_of(lambda a: a.sum(), a),
            },
        ),
        Row(
            "minmax",
            "`min(a)` and `max(a)` together",
            theirs=numpy_extremes,
            ours=our_extremes,
            check=answers.numbers(a, "min", "max"),
            bar=1.5,
            best=0.95,
            files=(a,),
            peers={
                "numexpr": numexpr_extremes,
                "dask": dask_extremes,
                "blosc2": blosc2_extremes,
                "numba": numba_of("extremes", a),
                "polars": polars_of(lambda a: [a.min().alias("x"), a.max().alias("y")], a),
            },
        ),
        of_a(
            "mean",
            lambda: load(a).mean(),
            bar=1.5,
            best=0.95,
            peers={
                "numexpr": lambda: numexpr_of("sum(a)", a)() / load(a).size,
                "dask": dask_of(lambda a: a.mean(), a),
                "blosc2": blosc2_of("mean(a)", a),
                "numba": lambda: numba_of("total", a)() / load(a).size,
                "polars": polars_of(lambda a: a.mean(), a),
            },
        ),
        of_a(
            "std",
            lambda: load(a).std(),
            bar=7.0,
            cold=True,
            peers={
                "by pieces": lambda: variance_by_hand() ** 0.5,
                "dask": dask_of(lambda a: a.std(), a),
                "blosc2": blosc2_of("std(a)", a),
                "numba": lambda: numba_of("variance", a)() ** 0.5,
                "polars": polars_of(lambda a: a.std(ddof=0), a),
            },
        ),
        of_a(
            "var",
            lambda: load(a).var(),
            bar=7.0,
            peers={
                "by pieces": variance_by_hand,
                "dask": dask_of(lambda a: a.var(), a),
                "blosc2": blosc2_of("var(a)", a),
                "numba": numba_of("variance", a),
                "polars": polars_of(lambda a: a.var(ddof=0), a),
            },
        ),
        *(along(axis) for axis in (0, 1)),
        Row(
            "big",
            "`mean(a)`, big-endian",
            theirs=lambda: load("big.npy").mean(),
            ours=ours("mean(b)", "big.npy"),
            check=answers.numbers("big.npy", "mean"),
            bar=3.3,
            files=("big.npy",),
            cold=True,
            peers={
                "by pieces": mean_of_big_by_hand,
                "numexpr": lambda: numexpr_of("sum(b)", "big.npy")() / load("big.npy").size,
                "dask": dask_of(lambda a: a.mean(), "big.npy"),
                "blosc2": blosc2_of("mean(b)", "big.npy"),
            },
        ),
        Row(
            "square",
            "`mean((a - b)**2)`",
            theirs=numpy_square,
            ours=ours("mean((a - b)**2)", a, "b.npy"),
            check=answers.square,
            bar=3.8,
            best=0.95,
            files=(a, "b.npy"),
            cold=True,
            peers={
                "by pieces": square_by_hand,
                "numexpr": lambda: numexpr_of("sum((a - b)**2)", a, "b.npy")() / load(a).size,
                "dask": dask_of(lambda a, b: ((a - b) ** 2).mean(), a, "b.npy"),
                "blosc2": blosc2_of("mean((a - b)**2)", a, "b.npy"),
                "numba": numba_of("square", a, "b.npy"),
                "polars": polars_of(lambda a, b: ((a - b) ** 2).mean(), a, "b.npy"),
            },
        ),
    ]


def along(axis):
    table = "table.npy"
    return Row(
        f"sum{axis}",
        f"`sum(a, axis={axis})`",
        theirs=lambda: load(table).sum(axis=axis),
        ours=ours(f"sum(t, axis={axis})", table),
        check=answers.along(axis),
        bar=1.4,
        files=(table,),
        peers={
            "numexpr": numexpr_of(f"sum(t, axis={axis})", table),
            "dask": dask_of(lambda a: a.sum(axis=axis), table),
            "blosc2": blosc2_of(f"sum(t, axis={axis})", table),
        },
    )
