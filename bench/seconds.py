"""What a run under load looked like, second by second: a table, and the questions that are asked of it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from bench.load import Second

BASES = ("lake", "rest", "context", "events", "none")


def shares(*seconds: Second) -> Mapping[str, float]:
    """For each base the part, from 0 to 1, of all that the sources of these answers said."""
    counts: Counter[str] = Counter()
    for second in seconds:
        for said, count in second.said.items():
            for one in said.split(", "):
                counts[one.rpartition("/")[2]] += count
    return {base: counts[base] / max(1, counts.total()) for base in BASES}


def in_words(seconds: Sequence[Second]) -> str:
    """The same as a phrase."""
    return ", ".join(f"{base} {100 * share:.1f}%" for base, share in shares(*seconds).items() if share)


def share_of_lake(second: Second) -> float:
    """The part of a second's answers, from 0 to 1, in which every source came from the lake; 1 when there are none."""
    answers = sum(second.said.values())
    wholly = sum(count for said, count in second.said.items() if _standings(said) == {"ok/lake"})
    return wholly / answers if answers else 1.0


def share_cached(second: Second) -> float:
    """The part of a second's answers that came from the cache."""
    return second.cache.get("hit", 0) / max(1, sum(second.cache.values()))


def table(seconds: Sequence[Second], events: Mapping[int, str]) -> list[str]:
    """A line for each second under a line of titles.

    Args:
        seconds: of a run.
        events: what happened, by the second it happened in.
    """
    head = f"{'s':>4} {'requests':>8} {'p50 ms':>7} {'p99 ms':>7} {'cold':>5} {'p99 ms':>7} {'cached':>6} "
    lines = [head + " ".join(f"{base:>7}" for base in BASES) + "  statuses, other standings, faults, events"]
    lines += [_line(at, second, events.get(at, "")) for at, second in enumerate(seconds)]
    return lines


def _line(at: int, second: Second, event: str) -> str:
    bases = " ".join(f"{100 * share:6.1f}%" for share in shares(second).values())
    told = [f"{status} x {count}" for status, count in second.statuses.items()]
    told += [f"{standing} x {count}" for standing, count in _not_ok(second)]
    told += [f"FAULT {fault} x {count}" for fault, count in second.faults.items()]
    told += [f"<-- {event}"] if event else []
    return (
        f"{at:4} {second.requests:8} {second.p50_ms:7.1f} {second.p99_ms:7.1f} {second.cold:5} {second.cold_p99_ms:7.1f} "
        f"{100 * share_cached(second):5.1f}% {bases}  {', '.join(told)}"
    )


def _not_ok(second: Second) -> Iterator[tuple[str, int]]:
    counts: Counter[str] = Counter()
    for said, count in second.said.items():
        for one in said.split(", "):
            if " ok/" not in one:
                counts[one] += count
    yield from counts.items()


def _standings(said: str) -> set[str]:
    return {one.rpartition(" ")[2] for one in said.split(", ")}
