"""A clock that a test moves by hand."""

from datetime import UTC, datetime, timedelta


class HandClock:
    """Stands still at 2026-06-01 12:00 UTC until it is told to go on."""

    def __init__(self) -> None:
        self._at = datetime(2026, 6, 1, 12, tzinfo=UTC)
        self._seconds = 1_000.0

    def go_on(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)
        self._seconds += seconds

    def now(self) -> datetime:
        return self._at

    def monotonic(self) -> float:
        return self._seconds
