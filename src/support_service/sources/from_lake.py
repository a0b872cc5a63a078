"""Reading all sources at once from the lake, in shared queries, behind a breaker."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from support_service.kit.clock import Clock
from support_service.ports.lake import Lake, LakeError, LakeRow
from support_service.sources import metrics
from support_service.sources.batching import MOST_ROWS, LakeAnswer, LakeBatcher
from support_service.sources.breaker import PROBE_S, Breaker, BreakerOpen
from support_service.sources.catalog import BY_NAME
from support_service.sources.reading import BREAKER_OPEN, MOST_FACTS, Reading, failed, usable

_DEADLINE_S = 2.0
_DEADLINE_PER_ORDER_S = 0.005
_LONGEST_DEADLINE_S = 8.0


class LakeReader:
    """Asks the lake; a dead lake or catalog is an answer that is missing, never an exception."""

    def __init__(self, lake: Lake, clock: Clock) -> None:
        """Read from this lake."""
        self._lake = lake
        self._clock = clock
        self._breaker = Breaker("lake", clock)
        self._rests_until: dict[str, float] = {}
        self._batcher = LakeBatcher(self._ask, clock)

    async def newest_orders(self, customer_id: str, limit: int) -> list[str] | None:
        """The customer's newest orders; None when the lake does not say."""
        started = self._clock.monotonic()
        try:
            with self._breaker.guard(_is_failure):
                found = await self._lake.newest_orders(customer_id, limit=limit, deadline_s=_DEADLINE_S)
        except BreakerOpen:
            failed(BY_NAME, "lake", BREAKER_OPEN)
        except LakeError as error:
            self._took(started, error.reason)
            failed(BY_NAME, "lake", error.reason)
        else:
            self._took(started, "ok")
            return found
        return None

    async def facts(self, order_ids: Sequence[str], since: datetime) -> dict[str, Reading]:
        """What each source says of these orders, without the sources that did not answer.

        Whoever asks at the same time shares one query (`batching`).
        """
        if not self._breaker.lets_through:
            failed(BY_NAME, "lake", BREAKER_OPEN)
            return {}
        answer = await self._batcher.ask(order_ids, since)
        return {} if answer is None else _by_source(answer, order_ids)

    async def close(self) -> None:
        """Wait for the queries under way."""
        await self._batcher.close()

    async def _ask(self, order_ids: Sequence[str], since: datetime) -> LakeAnswer | None:
        """One query for many orders of many askers.

        A source whose catalog alone is to blame is left out for a while, and the others are asked again at once, within
        the same deadline.
        """
        now = self._clock.monotonic()
        deadline = now + min(_LONGEST_DEADLINE_S, _DEADLINE_S + _DEADLINE_PER_ORDER_S * len(order_ids))
        resting = {name for name in BY_NAME if self._rests_until.get(name, now) > now}
        failed(resting, "lake", BREAKER_OPEN)
        names = [name for name in BY_NAME if name not in resting]
        while names:
            as_of = self._clock.now()
            try:
                rows = await self._query(order_ids, names, since, deadline)
            except BreakerOpen:
                failed(names, "lake", BREAKER_OPEN)
                return None
            except LakeError as error:
                if error.source not in names:
                    failed(names, "lake", error.reason)
                    return None
                failed([error.source], "lake", error.reason)
                self._rests_until[error.source] = self._clock.monotonic() + PROBE_S
                names.remove(error.source)
            else:
                return LakeAnswer.of(rows, names, as_of, truncated=len(rows) > MOST_ROWS)
        return None

    async def _query(
        self, order_ids: Sequence[str], names: Sequence[str], since: datetime, deadline: float
    ) -> list[LakeRow]:
        started = self._clock.monotonic()
        try:
            with self._breaker.guard(_is_failure):
                rows = await self._lake.facts(
                    order_ids, sources=names, since=since, limit=MOST_ROWS + 1, deadline_s=max(0.0, deadline - started)
                )
        except LakeError as error:
            self._took(started, error.reason)
            raise
        self._took(started, "ok")
        return rows

    def _took(self, started: float, outcome: str) -> None:
        metrics.READ_SECONDS.labels("lake", outcome).observe(self._clock.monotonic() - started)


def _is_failure(error: Exception) -> bool:
    """Whether the lake itself is to blame: not one catalog, and not the query."""
    return isinstance(error, LakeError) and error.source is None and error.reason != "rejected"


def _by_source(answer: LakeAnswer, order_ids: Sequence[str]) -> dict[str, Reading]:
    """One asker's part of an answer."""
    rows = sorted(
        (row for order_id in dict.fromkeys(order_ids) for row in answer.rows.get(order_id, ())),
        key=lambda row: row.occurred_at,
        reverse=True,
    )
    truncated = answer.truncated or len(rows) > MOST_FACTS
    grouped: defaultdict[str, list[LakeRow]] = defaultdict(list)
    for row in rows[:MOST_FACTS]:
        grouped[row.source].append(row)
    asked = frozenset(order_ids)
    readings: dict[str, Reading] = {}
    for name in answer.names:
        facts, whole = usable(name, "lake", grouped[name], BY_NAME[name].from_lake, asked)
        readings[name] = Reading(tuple(facts), answer.as_of, truncated or not whole)
    return readings
