"""Rows whose answer is a file."""

import answers
import numpy as np
from files import load, new_file
from measure import OUT, Row, nothing
from numpy.lib.format import header_data_from_array_1_0, write_array_header_1_0

import maparray

PIECE = 1 << 18


def maps(names):
    return [load(name) for name in names]


def numpy_into(compute, *names):
    """`c[:] = …`, as it is written: the whole result is a temporary first."""

    def work():
        inputs = maps(names)
        out = new_file(inputs[0])
        out[:] = compute(*inputs)

    return work


def ufunc_into(ufunc, *names):
    """One ufunc with `out=`: no temporary."""

    def work():
        inputs = maps(names)
        ufunc(*inputs, out=new_file(inputs[0]))

    return work


def written(compute, *names):
    """Pieces of a mebibyte, computed and written to a file one after the other."""

    def work():
        inputs = maps(names)
        with open(OUT, "wb") as out:
            write_array_header_1_0(out, header_data_from_array_1_0(inputs[0]))
            buffer = np.empty(PIECE, "f4")
            for start in range(0, inputs[0].size, PIECE):
                parts = [array[start : start + PIECE] for array in inputs]
                part = buffer[: parts[0].size]
                compute(*parts, part)
                out.write(part)

    return work


def mix_piece(a, b, c, out):
    np.multiply(a, 0.5, out=out)
    np.add(out, b, out=out)
    np.divide(out, c + 1, out=out)


def numexpr_into(text, *names):
    def work():
        import numexpr

        inputs = {name[0]: load(name) for name in names}
        out = new_file(inputs["a"])
        numexpr.evaluate(text, inputs, out=out, casting="same_kind")

    return work


def dask_into(compute, *names):
    def work():
        import dask.array

        inputs = maps(names)
        out = new_file(inputs[0])
        dask.array.store(compute(*map(dask.array.from_array, inputs)), out)

    return work


def blosc2_into(text, *names):
    def work():
        import blosc2

        inputs = {name[0]: load(name) for name in names}
        out = new_file(inputs["a"])
        out[:] = blosc2.lazyexpr(text, inputs)[:]

    return work


def numba_into(kernel, *names):
    def work():
        import kernels

        inputs = maps(names)
        getattr(kernels, kernel)(*inputs, new_file(inputs[0]))

    return work


def polars_into(compute, *names):
    def work():
        import polars

        inputs = maps(names)
        out = new_file(inputs[0])
        out[:] = compute(*map(polars.Series, inputs)).to_numpy()

    return work


def ours_into(text, *names):
    return lambda: maparray.eval(text, **{name[0]: name for name in names}, out=OUT)


# Onto a file that exists.


def numpy_over():
    np.add(load("a.npy"), load("b.npy"), out=load("old.npy", "r+"))


def numexpr_over():
    import numexpr

    inputs = {"a": load("a.npy"), "b": load("b.npy")}
    numexpr.evaluate("a + b", inputs, out=load("old.npy", "r+"))


def numba_over():
    import kernels

    kernels.add(load("a.npy"), load("b.npy"), load("old.npy", "r+"))


def blosc2_over():
    import blosc2

    inputs = {"a": load("a.npy"), "b": load("b.npy")}
    load("old.npy", "r+")[:] = blosc2.lazyexpr("a + b", inputs)[:]


def our_over():
    maparray.eval("a + b", a="a.npy", b="b.npy", out=maparray.open("old.npy", "r+"))


def numpy_add_one():
    a = load("count.npy", "r+")
    a += 1


def ufunc_add_one():
    a = load("count.npy", "r+")
    np.add(a, np.float32(1), out=a)


def numexpr_add_one():
    import numexpr

    a = load("count.npy", "r+")
    numexpr.evaluate("a + 1", {"a": a}, out=a)


def dask_add_one():
    import dask.array

    a = load("count.npy", "r+")
    dask.array.store(dask.array.from_array(a) + np.float32(1), a)


def numba_add_one():
    import kernels

    kernels.add_one(load("count.npy", "r+"))


def our_add_one():
    a = maparray.open("count.npy", "r+")
    maparray.eval("a + 1", a=a, out=a)


# Turned over.


def numpy_transpose():
    a = load("square.npy")
    out = new_file(a, shape=a.shape[::-1])
    out[:] = a.T


def tiled_transpose():
    a = load("square.npy")
    out = new_file(a, shape=a.shape[::-1])
    for i in range(0, a.shape[0], 512):
        for j in range(0, a.shape[1], 512):
            out[j : j + 512, i : i + 512] = a[i : i + 512, j : j + 512].T


def dask_transpose():
    import dask.array

    a = load("square.npy")
    dask.array.store(dask.array.from_array(a).T, new_file(a, shape=a.shape[::-1]))


def numba_transpose():
    import kernels

    a = load("square.npy")
    kernels.transpose(a, new_file(a, shape=a.shape[::-1]))


def our_transpose():
    # Not `out=OUT`: a new file of ours keeps the order of its input, so nothing would be turned.
    a = maparray.open("square.npy")
    out = maparray.create(OUT, shape=a.shape[::-1], dtype=a.dtype)
    maparray.eval("a", a=a.view().T, out=out)


def add(a, b):
    return a + b


def mix(a, b, c):
    return (a * 0.5 + b) / (c + 1)


def rows():
    """The rows of the table that write."""
    a, b, c = "a.npy", "b.npy", "c.npy"
    added = answers.file(add, a, b)
    mixed = "(a*0.5 + b) / (c + 1)"
    counted = answers.Counted()
    return [
        Row(
            "add",
            "`c = a + b`, a new file",
            theirs=numpy_into(add, a, b),
            ours=ours_into("a + b", a, b),
            check=added,
            bar=3.0,
            best=1.6,
            against="`c[:] = a + b`",
            files=(a, b),
            cold=True,
            peers={
                "np.add(out=)": ufunc_into(np.add, a, b),
                "pieces to write": written(np.add, a, b),
                "numexpr": numexpr_into("a + b", a, b),
                "dask": dask_into(add, a, b),
                "blosc2": blosc2_into("a + b", a, b),
                "numba": numba_into("add", a, b),
                "polars": polars_into(add, a, b),
            },
        ),
        Row(
            "add-out",
            "`c = a + b`, a new file",
            theirs=ufunc_into(np.add, a, b),
            ours=ours_into("a + b", a, b),
            check=added,
            bar=1.9,
            against="`np.add(a, b, out=c)`",
            files=(a, b),
        ),
        Row(
            "over",
            "`a + b` over a file that exists",
            theirs=numpy_over,
            ours=our_over,
            check=answers.file(add, a, b, name="old.npy"),
            bar=1.35,
            best=1.0,
            against="`np.add(a, b, out=c)`",
            files=(a, b, "old.npy"),
            before=nothing,
            peers={"numexpr": numexpr_over, "numba": numba_over, "blosc2": blosc2_over},
        ),
        Row(
            "mix",
            "`(a*0.5 + b)/(c + 1)`, a new file",
            theirs=numpy_into(mix, a, b, c),
            ours=ours_into(mixed, a, b, c),
            check=answers.file(mix, a, b, c, rtol=answers.CLOSE),
            bar=3.8,
            best=1.4,
            files=(a, b, c),
            cold=True,
            peers={
                "pieces to write": written(mix_piece, a, b, c),
                "numexpr": numexpr_into(mixed, a, b, c),
                "dask": dask_into(mix, a, b, c),
                "blosc2": blosc2_into(mixed, a, b, c),
                "numba": numba_into("mix", a, b, c),
                "polars": polars_into(mix, a, b, c),
            },
        ),
        *(of_one(name, bar) for name, bar in (("sqrt", 3.3), ("exp", 3.5))),
        Row(
            "transpose",
            "transposed copy, a new file",
            theirs=numpy_transpose,
            ours=our_transpose,
            check=answers.transposed,
            bar=9.0,
            best=1.6,
            against="`o[:] = a.T`",
            files=("square.npy",),
            peers={
                "tiles of 512": tiled_transpose,
                "dask": dask_transpose,
                "numba": numba_transpose,
            },
        ),
        Row(
            "inplace",
            "`a += 1` on an `r+` file",
            theirs=numpy_add_one,
            ours=our_add_one,
            check=counted.check,
            bar=5.0,
            files=("count.npy",),
            before=counted.before,
            peers={
                "np.add(out=)": ufunc_add_one,
                "numexpr": numexpr_add_one,
                "dask": dask_add_one,
                "numba": numba_add_one,
            },
        ),
    ]


def of_one(name, bar):
    a, ufunc = "a.npy", getattr(np, name)
    return Row(
        name,
        f"`{name}(a)`, a new file",
        theirs=numpy_into(ufunc, a),
        ours=ours_into(f"{name}(a)", a),
        check=answers.file(ufunc, a, rtol=answers.CLOSE),
        bar=bar,
        files=(a,),
        peers={
            "ufunc(out=)": ufunc_into(ufunc, a),
            "numexpr": numexpr_into(f"{name}(a)", a),
            "dask": dask_into(ufunc, a),
            "blosc2": blosc2_into(f"{name}(a)", a),
            "numba": numba_into(name, a),
        },
    )
