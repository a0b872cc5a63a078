"""How a run with Trino killed in it is judged."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bench.load import Outcome, Second
from bench.outage import Moments, Outage, breakers_open, figures
from bench.seconds import in_words, share_of_lake, shares, table
from bench.trino_killed import cold_order

LAKE, REST = "order ok/lake, payment ok/lake", "order ok/lake, payment ok/rest"
BEGUN = 1000.0


def _second(lake: int = 100, rest: int = 0, **others: float | Mapping[str, int]) -> Second:
    seen: dict[str, object] = {
        "requests": lake + rest,
        "p50_ms": 1.0,
        "p99_ms": 5.0,
        "max_ms": 9.0,
        "cold": 2,
        "cold_p99_ms": 5.0,
        "statuses": {"200": lake + rest},
        "faults": {},
        "said": {LAKE: lake, REST: rest} if rest else {LAKE: lake},
        "cache": {"hit": 98, "fwd=bypass": 2},
    }
    return Second(**(seen | others))  # type: ignore[arg-type]


def _outage(seconds: Sequence[Second], *, opened: float | None = 3.5, back: float = 6.2) -> Outage:
    faults: dict[str, int] = {}
    for second in seconds:
        for fault, count in second.faults.items():
            faults[fault] = faults.get(fault, 0) + count
    none: frozenset[tuple[int, int, int]] = frozenset()
    requests = sum(second.requests for second in seconds)
    outcome = Outcome(requests, len(seconds), {}, faults, 1.0, 5.0, none, none, none, (), (), BEGUN, seconds)
    moments = Moments(BEGUN + 3.2, None if opened is None else BEGUN + opened, BEGUN + 5.0, BEGUN + back)
    return Outage(outcome, moments)


WELL, AWAY = _second(), _second(0, 100)
RUN = [WELL] * 3 + [AWAY] * 6 + [WELL] * 4


def test_a_run_that_went_well_is_told_by_its_figures() -> None:
    found = {name: figure.median for name, figure in figures(_outage(RUN), "a load").items()}
    assert found == {
        "trino_killed_5xx": 0,
        "trino_killed_wrong_answers": 0,
        "trino_killed_p99_ms": 5.0,
        "trino_back_to_lake_s": 2.8,
        "trino_flaps": 0,
    }


def test_server_errors_and_everything_else_that_is_wrong_are_counted_apart() -> None:
    bad = _second(
        statuses={"200": 97, "503": 2, "429": 1},
        faults={"status 503": 2, "status 429": 1, "a source that is not ok: unavailable from none": 4},
    )
    outage = _outage([*RUN, bad])
    assert outage.server_errors == 2
    assert outage.wrong_answers == 5


def test_a_slow_second_counts_once_the_breakers_are_open_and_not_before() -> None:
    slow = _second(0, 100, p99_ms=2500.0)
    assert _outage([*RUN[:3], slow, *RUN[4:]]).p99_ms == 5.0
    assert _outage([*RUN[:4], slow, *RUN[5:]]).p99_ms == 2500.0
    assert _outage([*RUN, slow]).p99_ms == 2500.0


def test_without_an_open_breaker_in_every_process_there_is_no_99th_percentile() -> None:
    figure = figures(_outage(RUN, opened=None), "a load")["trino_killed_p99_ms"]
    assert figure.median is None
    assert figure.note.startswith("FAILED")


def test_it_is_back_when_99_of_100_answers_are_the_lakes_alone_and_a_lake_before_its_return_does_not_count() -> None:
    assert _outage([*RUN[:6], _second(98, 2), _second(99, 1), WELL]).back_to_lake_s == pytest.approx(0.8)
    assert _outage([WELL, WELL, WELL, WELL, AWAY, AWAY, AWAY]).back_to_lake_s is None


def test_every_falling_away_after_its_return_is_a_flap() -> None:
    assert _outage([*RUN, AWAY, AWAY, WELL, _second(90, 10), WELL]).flaps == 2
    assert _outage([*RUN, _second(99, 1)]).flaps == 0


def test_the_breakers_are_open_when_each_process_has_said_so_since_the_killing(tmp_path: Path) -> None:
    log = tmp_path / "api.log"

    def said(at: float, **others: object) -> str:
        moment = datetime.fromtimestamp(at, UTC).isoformat()
        return json.dumps({"event": "breaker.opened", "backend": "lake", "probe": False, "timestamp": moment} | others)

    lines = [said(5), said(11), "not json", said(12, backend="rest:orders"), said(13, probe=True)]
    log.write_text("\n".join(lines), "utf-8")
    assert breakers_open(log, 10, 30, processes=2) is None
    log.write_text("\n".join([*lines, said(14)]), "utf-8")
    assert breakers_open(log, 10, 30, processes=2) == 14


def test_of_five_cold_requests_one_is_a_cases_first_read_and_none_is_asked_for_twice() -> None:
    order = list(cold_order(1000, 300))
    first_reads = [path for path in order if path < 1300]
    assert first_reads == list(range(1000, 1300)) == order[0:1500:5]
    assert set(order) - set(first_reads) == set(range(1300, 1600))


def test_the_table_tells_shares_statuses_standings_and_events() -> None:
    stale = _second(said={"order stale/context, payment ok/rest": 10}, statuses={"200": 10, "503": 1}, faults={"x": 1})
    lines = table([WELL, stale], {1: "killed"})
    assert len(lines) == 3
    for words in ("200 x 10", "503 x 1", "order stale/context x 10", "FAULT x x 1", "<-- killed", "50.0%", "98.0%"):
        assert words in lines[2]
    assert shares(WELL, _second(0, 100)) == {"lake": 0.75, "rest": 0.25, "context": 0.0, "events": 0.0, "none": 0.0}
    assert in_words([_second(0, 100)]) == "lake 50.0%, rest 50.0%"
    assert share_of_lake(_second(3, 1)) == 0.75
