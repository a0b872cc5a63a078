"""Reading all sources at once from the lake, in shared queries, behind a breaker."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from support_service.kit.clock import Clock
from support_service.ports.lake import Lake, LakeError, LakeRow
from support_service.ports.rides import Rides
from support_service.sources import metrics
from support_service.sources.approach import Approach
from support_service.sources.batching import IN_FLIGHT, LakeBatcher
from support_service.sources.breaker import PROBE_S, Breaker, BreakerOpen
from support_service.sources.catalog import BY_NAME
from support_service.sources.lake_answer import LakeAnswer
from support_service.sources.probing import LAKE_PROBE_S, LakeProbing
from support_service.sources.reading import MOST_FACTS, RECOVERING, Reading, failed, usable
from support_service.sources.riding import Riding
from support_service.sources.slow_start import PATIENCE_S, SlowStart

A = TypeVar("A")

MOST_ROWS = 20_000
"""Rows one query may give; when there are more its orders are asked for in two halves."""

_DEADLINE_S = 2.0
_DEADLINE_PER_ID_S = 0.005
_LONGEST_DEADLINE_S = 8.0


class LakeReader:
    """Asks the lake; a dead lake or catalog is an answer that is missing, never an exception."""

    def __init__(
        self,
        lake: Lake,
        clock: Clock,
        *,
        window: timedelta,
        newest: int,
        approach: Approach | None = None,
        rides: Rides | None = None,
    ) -> None:
        """Read from this lake, what happened within the window before now, of as many of a customer's newest orders."""
        self._lake = lake
        self._clock = clock
        self._window = window
        self._newest = newest
        self._breaker = Breaker("lake", clock, probe_s=LAKE_PROBE_S)
        self._slow_start = SlowStart(clock)
        self._probing = LakeProbing(lake, self._breaker, clock, back=self._slow_start.begin)
        self._rests_until: dict[str, float] = {}
        self._riding = Riding(rides, self._ask_facts, clock)
        self._facts = LakeBatcher(
            self._riding.ask, clock, in_flight=self._in_flight, approach=approach, crowd=self._crowd
        )
        self._orders = LakeBatcher(self._ask_newest, clock, in_flight=self._in_flight)

    @property
    def answers(self) -> bool:
        """Whether it is asked now, as it is not known to be away."""
        return self._breaker.closed

    @property
    def is_well(self) -> bool:
        """Whether it answers, and is not starting slowly."""
        return self._breaker.closed and not self._slow_start.under_way

    async def newest_orders(self, customer_id: str, *, patient: bool = False) -> list[str] | None:
        """The customer's newest orders; None when the lake does not say."""
        answer = await self._ask(self._orders, [customer_id], patient=patient)
        return None if answer is None else answer.get(customer_id, [])

    async def facts(self, order_ids: Sequence[str], *, patient: bool = False) -> dict[str, Reading]:
        """What each source says of these orders, without the sources that did not answer.

        `patient` is who waits as long as it takes also for a lake that has just come back.
        """
        answer = await self._ask(self._facts, order_ids, patient=patient)
        return {} if answer is None else _by_source(answer, order_ids)

    async def close(self) -> None:
        """Give up a probe that is under way, and wait for the queries."""
        await self._probing.close()
        await self._facts.close()
        await self._orders.close()

    async def _ask(self, batcher: LakeBatcher[A], ids: Sequence[str], *, patient: bool) -> A | None:
        """What a query says that is shared with whoever asks at the same time (`batching`)."""
        if not self._probing.may_ask():
            failed(BY_NAME, "lake", BreakerOpen.reason)
            return None
        if patient or not self._slow_start.under_way:
            return await batcher.ask(ids)
        if batcher.busy:
            failed(BY_NAME, "lake", RECOVERING)
            return None
        return await batcher.ask(ids, wait_s=PATIENCE_S)

    async def _ask_newest(self, customer_ids: Sequence[str]) -> dict[str, list[str]] | None:
        """One query for many customers."""
        started = self._clock.monotonic()
        try:
            with self._breaker.guard(_is_failure):
                found = await self._lake.newest_orders(
                    customer_ids, limit=self._newest, deadline_s=self._deadline_s(customer_ids)
                )
        except BreakerOpen:
            failed(BY_NAME, "lake", BreakerOpen.reason)
            return None
        except LakeError as error:
            self._took(started, error.reason)
            failed(BY_NAME, "lake", error.reason)
            return None
        self._took(started, "ok")
        return found

    async def _ask_facts(self, order_ids: Sequence[str]) -> LakeAnswer | None:
        """One query for many orders; when they have more rows than one may give, one for each half of them."""
        answer = await self._ask_once(order_ids)
        if answer is None or not answer.truncated or len(order_ids) == 1:
            return answer
        middle = len(order_ids) // 2
        first, second = [await self._ask_facts(part) for part in (order_ids[:middle], order_ids[middle:])]
        if first is None or second is None:
            return None
        names = tuple(name for name in first.names if name in second.names)
        as_of, truncated = min(first.as_of, second.as_of), first.truncated or second.truncated
        return LakeAnswer(names, {**first.rows, **second.rows}, as_of, truncated)

    async def _ask_once(self, order_ids: Sequence[str]) -> LakeAnswer | None:
        """One query for many orders of many askers.

        A source whose catalog alone is to blame is left out for a while, and the others are asked again at once, within
        the same deadline.
        """
        now = self._clock.monotonic()
        deadline = now + self._deadline_s(order_ids)
        resting = {name for name in BY_NAME if self._rests_until.get(name, now) > now}
        failed(resting, "lake", BreakerOpen.reason)
        names = [name for name in BY_NAME if name not in resting]
        while names:
            as_of = self._clock.now()
            try:
                rows = await self._query(order_ids, names, as_of - self._window, deadline)
            except BreakerOpen:
                failed(names, "lake", BreakerOpen.reason)
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
        took_s = self._clock.monotonic() - started
        metrics.READ_SECONDS.labels("lake", outcome).observe(took_s)
        if outcome == "ok":
            self._slow_start.answered(took_s)

    def _crowd(self) -> None:
        if self.is_well:  # else each process has to learn by itself how the lake fares
            self._riding.announce()

    def _in_flight(self) -> int:
        return 1 if self._slow_start.under_way else IN_FLIGHT

    def _deadline_s(self, ids: Sequence[str]) -> float:
        if self._slow_start.under_way:
            return _LONGEST_DEADLINE_S  # what is cut off has warmed up nothing, and is asked for again
        return min(_LONGEST_DEADLINE_S, _DEADLINE_S + _DEADLINE_PER_ID_S * len(ids))


def _is_failure(error: Exception) -> bool:
    """Whether the lake itself is to blame: not one catalog, and not the query."""
    return isinstance(error, LakeError) and error.source is None and error.reason != "rejected"


def _by_source(answer: LakeAnswer, order_ids: Sequence[str]) -> dict[str, Reading]:
    """One asker's part of an answer."""
    rows = [row for order_id in dict.fromkeys(order_ids) for row in answer.rows.get(order_id, ())]
    if len(order_ids) > 1:  # those of one are in this order already
        rows.sort(key=lambda row: row.occurred_at, reverse=True)
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
