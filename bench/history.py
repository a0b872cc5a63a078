"""Judges a history of writes and reads by what docs/cache.md promises; pure, and of no part of the service.

All times are seconds of one clock. A write was committed at some moment from `began` to `committed`, so a read is held
only to what had been committed for certain, and is allowed whatever may have been.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf
from typing import TypeVar

BOUND_S = 0.5
QUIET_S = 10.0
_SOON_S = 1.0
_SUCCESS = frozenset({200, 304})
_Thing = TypeVar("_Thing")
_Key = TypeVar("_Key")

PROMISES: Mapping[str, str] = {
    "P1": "a read that began more than the bound after a commit showed less",
    "P2": "somebody's own write was not in their next read",
    "P3": "a session's read went back",
    "P4": "after the quiet a read was not what had been written last",
    "unwritten": "a read showed what nobody had begun to write",
}


@dataclass(frozen=True, slots=True)
class Write:
    """A version of a subject (an order, a case), and whose it is if somebody reads their own writes."""

    subject: str
    version: int
    began: float
    committed: float
    """It was committed by then; for its own session: they had been told so."""
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """What a session was shown of a subject: its highest version, 0 for none. 304 shows what the session had."""

    session: str
    process: str
    subject: str
    began: float
    ended: float
    version: int
    status: int = 200


@dataclass(frozen=True, slots=True)
class Breach:
    """How often a promise was broken, and the first read that did."""

    count: int
    example: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a history."""

    reads: int
    """All that were answered with success."""
    refused: int
    """The others; nothing is known of them."""
    held: int
    """Reads begun later than the bound after a commit: they had to show more than the subject's first version."""
    raced: int
    """Reads that were under way during a write, or began within the bound after it."""
    covered: int
    """Writes after whose bound a read began within a second."""
    breaches: Mapping[str, Breach]
    """By promise; those that were kept are not in it."""

    @property
    def stale(self) -> int:
        """Reads that showed less than they had to, past the bound."""
        return self.breaches["P1"].count if "P1" in self.breaches else 0

    def __str__(self) -> str:
        """Every broken promise in words."""
        return "; ".join(
            f"{name} broken {breach.count} times ({PROMISES[name]}): {breach.example}"
            for name, breach in self.breaches.items()
        )


class _Newest:
    """The newest version known at a time, of pairs of a time and a version."""

    def __init__(self, pairs: Iterable[tuple[float, int]]) -> None:
        ordered = sorted(pairs)
        self.times = [time for time, _ in ordered]
        self._versions = list(accumulate((version for _, version in ordered), max))

    @property
    def first(self) -> int:
        return self._versions[0] if self._versions else 0

    def before(self, time: float) -> int:
        known = bisect_left(self.times, time)
        return self._versions[known - 1] if known else 0

    def settled(self, since: float) -> int | None:
        """The newest of all, if there is none from then on."""
        return self._versions[-1] if self.times and self.times[-1] < since else None

    def count(self, before: float) -> int:
        """How many there are before a time."""
        return bisect_left(self.times, before)


def judge(
    writes: Sequence[Write], reads: Sequence[Read], *, bound_s: float = BOUND_S, quiet_s: float = QUIET_S
) -> Verdict:
    """Hold every read with success to P1 to P4.

    Args:
        writes: all that the subjects' versions can come from, those of before the reads included.
        reads: in any order; those of one session may overlap, and are then not compared with each other.
        bound_s: seconds after a commit from which reads have to show it.
        quiet_s: seconds without a write after which reads show exactly the last one.
    """
    good = [read for read in reads if read.status in _SUCCESS]
    committed = _by(writes, lambda write: write.subject, lambda write: (write.committed, write.version))
    own = _by(writes, lambda write: (write.session, write.subject), lambda write: (write.committed, write.version))
    shown = _by(good, lambda read: (read.session, read.subject), lambda read: (read.ended, read.version))
    started = _by(writes, lambda write: write.subject, lambda write: (write.began, write.version))
    begun = {(write.subject, write.version): write.began for write in writes}
    nothing, held, raced = _Newest(()), 0, 0
    broken: dict[str, list[str]] = defaultdict(list)
    for read in sorted(good, key=lambda read: read.began):
        log = committed.get(read.subject, nothing)
        due = log.before(read.began - bound_s)
        held += due > log.first
        raced += started.get(read.subject, nothing).count(read.ended) > log.count(read.began - bound_s)
        least = {
            "P1": due,
            "P2": own.get((read.session, read.subject), nothing).before(read.began),
            "P3": shown[read.session, read.subject].before(read.began),
        }
        wrote_at = begun.get((read.subject, read.version), inf)
        for promise, example in _broken_by(read, least, log.settled(read.began - quiet_s), wrote_at):
            broken[promise].append(example)
    return Verdict(
        reads=len(good),
        refused=len(reads) - len(good),
        held=held,
        raced=raced,
        covered=_covered(writes, good, bound_s),
        breaches={name: Breach(len(broken[name]), broken[name][0]) for name in PROMISES if name in broken},
    )


def _broken_by(read: Read, least: Mapping[str, int], last: int | None, wrote_at: float) -> Iterator[tuple[str, str]]:
    """The promises that a read breaks, each with the read in words.

    Args:
        read: what was shown.
        least: by promise, the version it had to show.
        last: the one version it might show, once the quiet had lasted.
        wrote_at: when somebody began to write what it showed.
    """
    for promise, version in least.items():
        if read.version < version:
            yield promise, f"{read} had to show {version}"
    if last is not None and read.version != last:
        yield "P4", f"{read} had to show {last}"
    if read.version and wrote_at > read.ended:
        yield "unwritten", str(read)


def _by(
    things: Iterable[_Thing], key: Callable[[_Thing], _Key], pair: Callable[[_Thing], tuple[float, int]]
) -> dict[_Key, _Newest]:
    pairs: dict[_Key, list[tuple[float, int]]] = defaultdict(list)
    for thing in things:
        pairs[key(thing)].append(pair(thing))
    return {name: _Newest(found) for name, found in pairs.items()}


def _covered(writes: Iterable[Write], reads: Iterable[Read], bound_s: float) -> int:
    begun = _by(reads, lambda read: read.subject, lambda read: (read.began, 0))

    def checked(write: Write) -> bool:
        known, bound = begun.get(write.subject), write.committed + bound_s
        return known is not None and known.count(bound + _SOON_S) > known.count(bound)

    return sum(map(checked, writes))
