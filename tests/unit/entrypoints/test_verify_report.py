"""What `verify-cache` says, and with which exit status."""

import json

import pytest

from support_service.entrypoints.page_comparison import Difference
from support_service.entrypoints.verify_cache import Behind, Report, _print

LATE = Behind("t-1", Difference(missing=tuple(f"order:[/o]:{n}" for n in range(5)), behind_s=7.25, past_promise=True))
WITHIN = Behind("t-2", Difference(extra=("fraud:f:1",), behind_s=20.0))


@pytest.mark.parametrize(
    ("report", "status"),
    [
        (Report("API"), 0),
        (Report("API", cases=2, compared=1, not_compared=1, behind=[WITHIN]), 0),
        (Report("API", cases=2, compared=1, behind=[WITHIN, LATE], complete=False), 1),
        (Report("API", cases=2, not_compared=2), 2),
        (Report("API", cases=2, not_cached=2), 0),
        (Report("API", cases=2, complete=False), 2),
    ],
)
def test_the_exit_status_tells_a_broken_promise_from_nothing_compared(report: Report, status: int) -> None:
    assert report.status == status
    assert json.loads(report.as_json())["past_promise"] == (status == 1)


def test_the_worst_comes_first_and_ids_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    _print(Report("API", cases=2, compared=2, behind=[WITHIN, LATE]))
    shown = capsys.readouterr().out
    assert shown.index("t-1") < shown.index("t-2")
    assert "order:[/o]:0" in shown
    assert "and 2 more" in " ".join(shown.split())
    assert "2 behind, 1 past the promise" in " ".join(shown.split())
