"""The Python code in the documents runs, as the Rust code does among Rust's doc tests."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PHRASE_BOOK = ROOT / "crates/maparray/docs/for-numpy-users.md"


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def test_every_phrase_runs(tmp_path, monkeypatch):
    found = blocks(PHRASE_BOOK.read_text(encoding="utf-8"))
    assert len(found) > 5
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in found:
        exec(compile(block, PHRASE_BOOK.name, "exec"), names)
    assert names["row"].tolist() == [3.0, 4.0, 5.0]


def test_the_readme_runs(tmp_path, monkeypatch):
    found = blocks((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in found:
        exec(compile(block, "README.md", "exec"), names)
    assert (tmp_path / "b.npy").exists()
