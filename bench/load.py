"""Runs the load generator (`bench/load`, in Go) and measures what the side under load cost meanwhile."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench import golang
from bench.cpu import cpu_seconds

SETTLE_S = 1.2
"""Counted after the last answer at least: the service writes who looked once a second."""

_GENERATOR = Path(__file__).with_name("load")
_SPARE_S = 60.0


@dataclass(frozen=True, slots=True)
class Expected:
    """A body to compare with: its beginning, up to the sources' states, or all of it."""

    head: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Post:
    """A request with a body: wherever it says `{n}` each has another number, from `first` on."""

    body: str
    header: str = ""
    """A line beside the usual ones."""
    first: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask; see `bench/load/main.go`."""

    address: str
    connections: int
    seconds: float
    paths: Sequence[str]
    tokens: Sequence[str]
    expected: Sequence[Expected]
    exponent: float = 1.0
    seed: int = 1
    fresh_s: float = 0.0
    stale: bool = False
    once: bool = False
    rate: float = 0.0
    hot: int = 0
    cold_share: float = 0.0
    cold: Sequence[int] = ()
    series: bool = False
    patience_s: float = 20.0
    scheme: str = "Bearer"
    post: Post | None = None


@dataclass(frozen=True, slots=True)
class Second:
    """What was seen of the requests that were due in one second of a run; latencies count from when they were due."""

    requests: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    cold: int
    """Answers to the plan's cold paths."""
    cold_p99_ms: float
    statuses: Mapping[str, int]
    faults: Mapping[str, int]
    said: Mapping[str, int]
    """Answers by what their sources said: `order ok/lake, payment ok/rest, ...`."""
    cache: Mapping[str, int]
    """Answers by what the service's cache said: `hit`, `fwd=miss`, `fwd=bypass`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    requests: int
    seconds: float
    """From the first request to the last answer."""
    cpu: Mapping[str, float]
    """User and system seconds of each process tree of the side, from the first request until what it left to do was done, `SETTLE_S` at least."""
    faults: Mapping[str, int]
    p50_ms: float
    p99_ms: float
    looks: frozenset[tuple[int, int, int]]
    """(token, path, Unix minute) of the answered requests."""
    perhaps: frozenset[tuple[int, int, int]]
    """The same of those answered in the minute after: the look counts in one of the two."""
    refused: frozenset[tuple[int, int, int]]
    """The same of requests without success: they may have been noted before they failed."""
    bodies: Sequence[str]
    latencies_ms: Sequence[float]
    begun: float = 0.0
    """Unix time at which the first second began."""
    series: Sequence[Second] = ()
    wrong: Mapping[str, str] | None = None
    """`path` and `body` of the first answer that was another one than expected."""

    @property
    def per_cpu_second(self) -> float:
        """Requests for each second of CPU time."""
        return self.requests / sum(self.cpu.values())

    @property
    def cost(self) -> str:
        """What a request cost in each process tree, in microseconds."""
        return " + ".join(f"{name} {seconds / self.requests * 1e6:.0f}" for name, seconds in self.cpu.items())


async def run(
    plan: Plan,
    roots: Mapping[str, int],
    folder: Path,
    settled: Callable[[Outcome], Awaitable[None]] | None = None,
    *,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> Outcome:
    """Put load on a side.

    Args:
        plan: what to ask.
        roots: the side's process trees, by their names.
        folder: for the plan and the result.
        settled: waits until the side has finished what the requests left it to do; its CPU time counts until then.
        meanwhile: happens under the load, which ends with it, if the plan's time has not passed by then.

    Raises:
        RuntimeError: the generator did not get its connections, or did not end.
    """
    async with golang.running(_GENERATOR, asdict(plan), folder) as generator:
        before = _cpu(roots)
        await generator.tell("go")
        if meanwhile is not None:
            await meanwhile()
            with contextlib.suppress(ConnectionError):  # its time had passed
                await generator.tell("stop")
        outcome = _outcome(await generator.result(plan.seconds + 2 * plan.patience_s + _SPARE_S))
        await asyncio.sleep(SETTLE_S)
        if settled is not None:
            await settled(outcome)
        cpu = {name: seconds - before[name] for name, seconds in _cpu(roots).items()}
        return replace(outcome, cpu=cpu)


def _cpu(roots: Mapping[str, int]) -> dict[str, float]:
    return {name: cpu_seconds([root]) for name, root in roots.items()}


def _outcome(told: Mapping[str, Any]) -> Outcome:
    return Outcome(
        requests=told["requests"],
        seconds=told["seconds"],
        cpu={},
        faults=told["faults"],
        p50_ms=told["p50_ms"],
        p99_ms=told["p99_ms"],
        looks=frozenset(map(tuple, told["looks"])),
        perhaps=frozenset(map(tuple, told["perhaps"])),
        refused=frozenset(map(tuple, told["refused"])),
        bodies=told["bodies"] or (),
        latencies_ms=told["latencies_ms"] or (),
        begun=told["begun"],
        series=[Second(**second) for second in told["series"] or ()],
        wrong=told["wrong"],
    )
