"""The benchmark's own promises: what it must refuse to time, and in which order sides run."""

from pathlib import Path

import numpy as np
import pytest

COMPARE = Path(__file__).parents[2] / "bench" / "compare"


@pytest.fixture
def measure(monkeypatch):
    monkeypatch.syspath_prepend(COMPARE)
    import measure

    return measure


@pytest.fixture
def answers(monkeypatch):
    monkeypatch.syspath_prepend(COMPARE)
    import answers

    return answers


def row(measure, **sides):
    def check(answer, ours, whole):
        return None if answer == 7 else f"found {answer}, expected 7"

    return measure.Row("row", "row", check=check, before=measure.nothing, against="NumPy", **sides)


def test_a_side_with_a_wrong_answer_is_shown_as_wrong_and_never_the_best(measure):
    sides = {"theirs": lambda: 7, "ours": lambda: 7, "peers": {"quick": lambda: 8}}
    work = row(measure, **sides)
    result = measure.measure(work, work.sides(), 2)
    assert result.wrong == {"quick": "found 8, expected 7"}
    assert result.best() == "NumPy"
    assert set(result.times) == {"NumPy", "maparray"}


def test_a_side_that_turns_wrong_later_is_not_timed_either(measure):
    found = iter([7, 7, 9, 7])
    work = row(measure, theirs=lambda: 7, ours=lambda: next(found))
    result = measure.measure(work, work.sides(), 3)
    assert result.wrong == {"maparray": "found 9, expected 7"}
    assert "maparray" not in result.times


def test_a_side_that_raises_does_not_end_the_table(measure):
    work = row(measure, theirs=lambda: 7, ours=lambda: 7, peers={"broken": lambda: 1 / 0})
    result = measure.measure(work, work.sides(), 1)
    assert result.wrong == {"broken": "ZeroDivisionError: division by zero"}


def test_who_begins_changes_and_the_pair_of_the_bar_are_neighbours(measure):
    sides = ["NumPy", "maparray", "one", "two"]
    orders = [measure.order(sides, "NumPy", turn) for turn in range(4)]
    assert {order[0] for order in orders} == {"NumPy", "maparray", "one", "two"}
    for order in orders:
        assert sorted(order) == sorted(sides)
        assert abs(order.index("NumPy") - order.index("maparray")) == 1


def test_one_wrong_element_in_a_file_is_found(answers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a = np.arange(1000, dtype="f4")
    np.save("a.npy", a)
    check = answers.file(lambda a: a + 1, "a.npy")
    np.save("out.npy", a + 1)
    assert check(None, ours=True, whole=True) is None
    a[998] = 5
    np.save("out.npy", a + 1)
    assert check(None, ours=True, whole=True) == "part 0 of the file: found 6.0, expected 999.0"


def test_our_sum_must_be_right_to_the_bit_and_a_peer_nearly(answers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("one.npy", np.full(1000, 0.1, "f4"))
    check = answers.numbers("one.npy", "sum")
    right = np.full(1000, 0.1, "f4").sum(dtype="f8").astype("f4")
    near = np.nextafter(right, np.float32(0))
    assert check(right, ours=True, whole=True) is None
    assert check(near, ours=True, whole=True) is not None
    assert check(near, ours=False, whole=True) is None
    assert check(right * np.float32(1.001), ours=False, whole=True) is not None
