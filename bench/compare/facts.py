"""On which machine, with which versions, and how are results written down?"""

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path

RESULTS = Path(__file__).parent.parent / "RESULTS.md"
PACKAGES = (
    "maparray",
    "numpy",
    "numexpr",
    "dask",
    "blosc2",
    "numba",
    "polars",
    "astropy",
    "ccdproc",
)
HEAD = "# maparray and its peers\n\nHow to read this: [README.md](README.md).\n"


def machine():
    """The facts that a time means nothing without; no names of machines or folders."""
    facts = [f"{os.cpu_count()} cores"]
    try:
        with open("/proc/cpuinfo") as lines:
            models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
        facts += models[:1]
    except OSError:
        pass
    facts.append(f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}")
    try:
        facts.append(platform.freedesktop_os_release()["PRETTY_NAME"])
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        facts.append(f"{memory:.0f} GiB of memory")
    except (OSError, ValueError, AttributeError):
        pass
    return ", ".join(facts)


def load_average():
    """How much else the machine did in the minute before; above 0.5 the times are worth little."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def versions():
    found = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def preamble(command, busy):
    return [
        f"- {datetime.date.today().isoformat()}; {machine()}",
        f"- load of the machine in the minute before: {busy}",
        f"- {versions()}",
        f"- `{command}`",
    ]


def write(title, lines):
    """Puts a chapter into RESULTS.md, in the place of the one with this title."""
    chapters = {}
    if RESULTS.exists():
        _, *old = RESULTS.read_text(encoding="utf-8").split("\n## ")
        for chapter in old:
            name, _, text = chapter.partition("\n")
            chapters[name] = text.strip()
    chapters[title] = "\n".join(lines).strip()
    parts = [f"\n## {name}\n\n{text}\n" for name, text in chapters.items()]
    RESULTS.write_text(HEAD + "".join(parts), encoding="utf-8")


def gib(size):
    return f"{size / 2**30:g} GiB" if size >= 2**30 else f"{size / 2**20:g} MiB"


def seconds(value):
    return f"{value:.3f} s" if value >= 0.01 else f"{value * 1000:.2f} ms"


def verdict(found, bar):
    """A ratio's bar, and whether it was met."""
    if bar is None:
        return "-"
    return f"{bar:g}: {'met' if found >= bar else '**missed**'}"
