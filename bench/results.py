"""What was measured: figures, their medians, and bench/results/latest.json of one commit."""

import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench.cpu import load_average

CHECKOUT = Path(__file__).parents[1]
LATEST = Path(__file__).with_name("results") / "latest.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    `median` is the median of the runs; for counts, 99th percentiles and zeros it is the worst run; None when it could
    not be measured, and `note` then begins with FAILED.
    """

    median: float | None
    runs: tuple[float, ...]
    unit: str
    note: str


def failed(reason: str, *, unit: str, runs: Sequence[float] = ()) -> Figure:
    """A figure that could not be measured, or not as it has to be."""
    return Figure(None, tuple(runs), unit, f"FAILED: {reason}")


def median_of(runs: Sequence[float], *, unit: str, note: str) -> Figure:
    """A figure by its middle run."""
    return Figure(_rounded(median(runs)), tuple(map(_rounded, runs)), unit, note)


def worst_of(runs: Sequence[float], *, unit: str, note: str) -> Figure:
    """A figure by its greatest run: counts, 99th percentiles, zeros."""
    return Figure(_rounded(max(runs)), tuple(map(_rounded, runs)), unit, note)


def farthest_of(runs: Sequence[float], wanted: float, *, unit: str, note: str) -> Figure:
    """A figure by the run that is farthest from the one right number."""
    worst = max(runs, key=lambda run: abs(run - wanted))
    return Figure(_rounded(worst), tuple(map(_rounded, runs)), unit, note)


def lowest_condition(conditions: Mapping[str, Sequence[float]], *, unit: str, note: str) -> Figure:
    """The worst of several conditions of a figure of which more is better; the others are said in the note."""
    return _condition(min, conditions, unit=unit, note=note)


def highest_condition(conditions: Mapping[str, Sequence[float]], *, unit: str, note: str) -> Figure:
    """The worst of several conditions of a figure of which less is better; the others are said in the note."""
    return _condition(max, conditions, unit=unit, note=note)


def merge(figures: Mapping[str, Figure], file: Path = LATEST, *, commit: str | None = None) -> dict[str, Any]:
    """Add figures to the file if it is of this commit, else start it anew; returns what it now holds.

    `commit` ends in `-dirty` when the checkout is not what was committed.
    """
    commit = commit or current_commit()
    held = _held(file)
    if held.get("commit") != commit:
        held = {"commit": commit, "started_at": _now(), "figures": {}}
    held |= _circumstances()
    held["figures"] |= {name: asdict(figure) for name, figure in figures.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    fresh.write_text(json.dumps(held, indent=2) + "\n", "utf-8")
    fresh.replace(file)
    return held


def preview(figures: Mapping[str, Figure]) -> dict[str, Any]:
    """The same shape of these figures alone, kept nowhere."""
    return {
        "commit": current_commit(),
        "started_at": _now(),
        **_circumstances(),
        "figures": {name: asdict(figure) for name, figure in figures.items()},
    }


def current_commit() -> str:
    """The commit of this checkout."""
    commit = _git("rev-parse", "HEAD")
    return f"{commit}-dirty" if _git("status", "--porcelain", "--untracked-files=no") else commit


def _condition(
    worst_of_all: Callable[[Iterable[float]], float], conditions: Mapping[str, Sequence[float]], *, unit: str, note: str
) -> Figure:
    medians = {condition: median(runs) for condition, runs in conditions.items()}
    worst = worst_of_all(medians.values())
    told = ", ".join(f"{condition}: {value:.2f}" for condition, value in medians.items())
    runs = next(conditions[condition] for condition, value in medians.items() if value == worst)
    return median_of(runs, unit=unit, note=f"{told}. {note}")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _circumstances() -> dict[str, Any]:
    return {"machine": _machine(), "load": load_average()}


def _held(file: Path) -> dict[str, Any]:
    try:
        held: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return held


def _git(*words: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed words
        ["git", *words],  # noqa: S607 - the person's git
        cwd=CHECKOUT,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def _machine() -> str:
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = ""
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    system = f"{platform.system()} {platform.release()}"
    python = f"Python {platform.python_version()} built {platform.python_build()[1]}"
    return f"{os.cpu_count()} x {model or platform.machine()}, {memory_gib:.0f} GiB, {system}, {python}"


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
