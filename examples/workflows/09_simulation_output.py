"""A simulation: records of a Fortran program, the speed of a flow, and where two runs part."""

import sys
import tempfile
from pathlib import Path

import numpy as np

import maparray


def write(path, arrays):
    """What `write(unit) a` of an unformatted file does: the length, the bytes, the length."""
    with path.open("wb") as file:
        for array in arrays:
            marker = np.array(array.nbytes, "<i4").tobytes()
            file.write(marker + array.tobytes(order="F") + marker)


def main(folder):
    rng = np.random.default_rng(9)
    shape = (50, 40)
    u, v = rng.normal(size=(2, *shape))
    # A dump to restart from: the number of the step, then two fields, each a record.
    dump = folder / "restart.dat"
    write(dump, [np.array(1200, "<i4"), u, v])

    # The markers say where each record is; what it holds only the program knows.
    step, *fields = maparray.fortran_records(dump, "<i4")
    assert step.tolist() == [1200]
    u_file, v_file = (
        maparray.open(dump, dtype="<f8", shape=shape, offset=field.offset, order="F")
        for field in fields
    )
    # Fields that a header of 4 bytes puts at odd places are computed on all the same, in 64 kB.
    maparray.eval(
        "sqrt(u**2 + v**2)", u=u_file, v=v_file, out=folder / "speed.npy", memory=1 << 16
    ).close()
    assert np.allclose(np.load(folder / "speed.npy"), np.hypot(u, v), rtol=1e-12)

    # Two runs, a record of one length for each step: when did they part?
    first = rng.normal(size=(20, 600))
    second = first.copy()
    second[13:] += 1e-3
    write(folder / "a.dat", first)
    write(folder / "b.dat", second)
    steps = [maparray.open_fortran(folder / name, "<f8") for name in ("a.dat", "b.dat")]
    apart = maparray.eval("max(abs(a - b), axis=1) > 1e-6", a=steps[0], b=steps[1])
    assert int(np.argmax(apart)) == 13
    print(
        f"the greatest speed is {np.load(folder / 'speed.npy').max():.2f}; the runs part at step 13"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
