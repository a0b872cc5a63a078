"""What readers got while Trino was killed and came back: how a run is judged."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from bench import results
from bench.environment import API_WORKERS
from bench.load import Outcome, Second
from bench.results import Figure
from bench.seconds import in_words, share_of_lake, table

NAMES = ("trino_killed_5xx", "trino_killed_wrong_answers", "trino_killed_p99_ms", "trino_back_to_lake_s", "trino_flaps")
TABLE = results.LATEST.with_name("trino_killed.txt")

_BACK_FROM = 0.99
_MOST_SERVER_ERROR = 600
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Moments:
    """Unix times: Trino was killed, the last process's breaker opened, Trino was started, and said that it is up."""

    killed: float
    opened: float | None
    started: float
    back: float


@dataclass(frozen=True, slots=True)
class Outage:
    """A run with Trino killed in it."""

    outcome: Outcome
    moments: Moments

    def second(self, moment: float) -> int:
        """The second of the run that a moment falls into."""
        return int(moment - self.outcome.begun)

    def since(self, moment: float) -> Sequence[Second]:
        """The whole seconds after a moment."""
        return self.outcome.series[self.second(moment) + 1 :]

    @property
    def server_errors(self) -> int:
        """Answers with 5xx."""
        return sum(
            count
            for second in self.outcome.series
            for status, count in second.statuses.items()
            if _SERVER_ERROR <= int(status) < _MOST_SERVER_ERROR
        )

    @property
    def wrong_answers(self) -> int:
        """Everything else that was not as it has to be: other facts, an unavailable source, an old page, no answer."""
        return sum(self.outcome.faults.values()) - self.server_errors

    @property
    def p99_ms(self) -> float | None:
        """The greatest of all seconds' 99th percentiles, from when the breakers were open to the end; None if they were not."""
        opened = self.moments.opened
        return None if opened is None else max(second.p99_ms for second in self.since(opened))

    @property
    def back_to_lake_s(self) -> float | None:
        """Seconds from Trino's return until a second in which 99% of the answers came from the lake alone."""
        first = self._first_back
        return None if first is None else max(0.0, self.outcome.begun + first - self.moments.back)

    @property
    def flaps(self) -> int:
        """How often, once that was so, it ceased to be."""
        first = self._first_back
        if first is None:
            return 0
        well = [share_of_lake(second) >= _BACK_FROM for second in self.outcome.series[first:]]
        return sum(before and not after for before, after in pairwise(well))

    @property
    def _first_back(self) -> int | None:
        back = self.second(self.moments.back)
        later = enumerate(self.outcome.series[back:], back)
        return next((at for at, second in later if share_of_lake(second) >= _BACK_FROM), None)

    @property
    def lines(self) -> list[str]:
        """The table, second by second."""
        told = {"killed": self.moments.killed, "breakers open": self.moments.opened}
        told |= {"started": self.moments.started, "back": self.moments.back}
        events: dict[int, str] = {}
        for word, moment in told.items():
            if moment is not None:
                at = self.second(moment)
                events[at] = f"{events[at]}, {word}" if at in events else word
        return table(self.outcome.series, events)


def breakers_open(log: Path, killed: float, back: float, processes: int = API_WORKERS) -> float | None:
    """When the last of the API's processes first opened its breaker of the lake in this time; None when one did not."""
    opened: list[float] = []
    for line in log.read_text("utf-8").splitlines():
        told = json.loads(line) if line.startswith("{") else {}
        if told.get("event") == "breaker.opened" and told["backend"] == "lake" and not told["probe"]:
            moment = datetime.fromisoformat(told["timestamp"]).timestamp()
            if killed <= moment <= back:
                opened.append(moment)
    return max(opened) if len(opened) >= processes else None


def figures(outage: Outage, load: str) -> Mapping[str, Figure]:
    """The figures of one run under a load, which is said in words."""
    note = _note(outage, load)
    zero = "of all requests of the run"
    counts = {
        "trino_killed_5xx": (float(outage.server_errors), zero),
        "trino_killed_wrong_answers": (float(outage.wrong_answers), zero),
        "trino_killed_p99_ms": (outage.p99_ms, "ms, the worst second once the breakers are open"),
        "trino_back_to_lake_s": (outage.back_to_lake_s, "s after Trino says that it is up"),
        "trino_flaps": (float(outage.flaps), "times fewer than 99% of the answers came from the lake after its return"),
    }
    return {
        name: results.failed(f"it never came to that. {note}", unit=unit)
        if value is None
        else results.worst_of([value], unit=unit, note=note)
        for name, (value, unit) in counts.items()
    }


def _note(outage: Outage, load: str) -> str:
    outcome, moments = outage.outcome, outage.moments
    cold = sum(second.cold for second in outcome.series)
    away, last = outcome.series[outage.second(moments.killed) : outage.second(moments.back)], outcome.series[-30:]
    wrong = f" Faults: {dict(outcome.faults)}." if outcome.faults else ""
    return (
        f"{load}: {outcome.requests} requests, {cold} of them cold; p50 {outcome.p50_ms:.1f} ms, p99 {outcome.p99_ms:.0f} ms over all. Trino was away "
        f"{moments.back - moments.killed:.0f} s; the sources were then told by {in_words(away)}, in the end by {in_words(last)}."
        f"{wrong} Second by second: {TABLE.name}."
    )
