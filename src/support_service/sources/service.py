"""Fetching a customer's truth: the lake first, then for each source that is missing its own service."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from support_service.kit import logs
from support_service.kit.clock import Clock
from support_service.kit.database import Database, DatabaseError, DatabaseUnavailable, LostConnection
from support_service.ports.commerce import Commerce
from support_service.ports.lake import Lake
from support_service.ports.rides import Rides
from support_service.sources import metrics, subjects
from support_service.sources.approach import Approach
from support_service.sources.catalog import BY_NAME, SOURCES
from support_service.sources.from_lake import LakeReader
from support_service.sources.from_rest import ServiceReader
from support_service.sources.model import Fact, Fetched, FetchKey, ServedFrom, SourceState
from support_service.sources.ownership import may_see, owners_told
from support_service.sources.reading import Reading

_NEWEST_ORDERS = 20
_LEARNT_REMEMBERED, _LEARNT_FOR_S = 20_000, 300.0
"""Owners that were written down, and for how long: meanwhile others may have learnt another, and then the shop's word counts again."""

_log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Orders:
    """Which orders to ask for, who named them, and whether these are all that were asked for."""

    ids: tuple[str, ...]
    named_by: ServedFrom
    whole: bool
    lake_failed: bool = False


class Sources:
    """Reads the sources and learns whose the orders are. One a process; many reads at once."""

    def __init__(
        self,
        database: Database,
        lake: Lake | None,
        commerce: Commerce,
        clock: Clock,
        *,
        window_days: int,
        rides: Rides | None = None,
    ) -> None:
        """Take what reading needs.

        Args:
            database: the service's own, for `order_subjects`.
            lake: None when there is none; every source is then asked for by itself.
            commerce: the shop's services.
            clock: decides deadlines, windows and when a breaker probes.
            window_days: facts older than so many days are not read.
            rides: by which processes share queries of the lake; None when this one shares with nobody.
        """
        self._database = database
        self._window = timedelta(days=window_days)
        self.approach = Approach()
        """Whoever is going to `fetch` soon sets out here, and arrives by calling it."""
        self._lake: LakeReader | None = None
        if lake is not None:
            limit = _NEWEST_ORDERS + 1
            self._lake = LakeReader(lake, clock, window=self._window, newest=limit, approach=self.approach, rides=rides)
        self._services = ServiceReader(commerce, clock)
        self._clock = clock
        self._learnt: dict[str, str] = {}
        self._learnt_until = 0.0
        self._unwritten: dict[str, str] = {}
        self._writing: asyncio.Task[None] | None = None

    @property
    def lake_answers(self) -> bool:
        """Whether there is a lake that is not known to be away."""
        return self._lake is not None and self._lake.answers

    @property
    def lake_is_well(self) -> bool:
        """Whether it answers, and is as fast as readers need it to be, as far as is known."""
        return self._lake is not None and self._lake.is_well

    async def fetch(self, key: FetchKey, *, patient: bool = False) -> Fetched:
        """What every source says now; one that does not answer is `unavailable`, never an exception.

        Facts known to be another customer's are left out, whatever the key claims. `patient` is who nobody waits for: the
        lake is then given all the time it may need.

        Raises:
            DatabaseUnavailable: the service's own database was needed to tell whose an order is, and is away.
        """
        started = self._clock.now()
        orders = await self._orders(key, patient=patient)
        if not orders.ids:
            return Fetched((), {name: _of_no_orders(name, orders, started) for name in BY_NAME}, ())
        readings = await self._read(orders, started - self._window, patient=patient)
        facts = [fact for _, reading in readings.values() for fact in reading.facts]
        told = owners_told(facts)
        self._learn(told)
        mine = await self._own(key.customer_id, facts, told)
        states = {name: _state(name, readings.get(name), whole=orders.whole) for name in BY_NAME}
        return Fetched(tuple(mine), states, orders.ids)

    async def close(self) -> None:
        """Wait for the lake's queries under way, and until everything learnt is written down, or could not be."""
        if self._lake is not None:
            await self._lake.close()
        if self._writing is not None:
            await self._writing

    async def _orders(self, key: FetchKey, *, patient: bool) -> _Orders:
        if key.order_ids:
            return _Orders(tuple(dict.fromkeys(key.order_ids)), "none", whole=True)
        asked = _NEWEST_ORDERS + 1
        found = None if self._lake is None else await self._lake.newest_orders(key.customer_id, patient=patient)
        if found is not None:
            return _Orders(tuple(found[:_NEWEST_ORDERS]), "lake", whole=len(found) < asked)
        found = await self._services.newest_orders(key.customer_id, asked)
        if found is not None:
            return _Orders(tuple(found[:_NEWEST_ORDERS]), "rest", whole=len(found) < asked, lake_failed=True)
        async with self._database.connection() as connection:
            known = await subjects.orders_of(connection, key.customer_id, _NEWEST_ORDERS)
        return _Orders(tuple(known), "none", whole=False, lake_failed=True)

    async def _read(self, orders: _Orders, since: datetime, *, patient: bool) -> dict[str, tuple[ServedFrom, Reading]]:
        readings: dict[str, tuple[ServedFrom, Reading]] = {}
        if self._lake is not None and not orders.lake_failed:
            answered = await self._lake.facts(orders.ids, patient=patient)
            readings |= {name: ("lake", reading) for name, reading in answered.items()}
        missing = [source for source in SOURCES if source.name not in readings]
        if not missing:
            return readings
        answers = await asyncio.gather(*(self._services.facts(source, orders.ids, since) for source in missing))
        for source, reading in zip(missing, answers, strict=True):
            if reading is not None:
                readings[source.name] = ("rest", reading)
        return readings

    async def _own(self, customer_id: str, facts: Sequence[Fact], told: Mapping[str, str]) -> list[Fact]:
        owners = dict(told)
        untold = {fact.order_id for fact in facts} - owners.keys()
        if untold:
            async with self._database.connection() as connection:
                owners |= await subjects.owners_learnt(connection, sorted(untold))
        mine: list[Fact] = []
        for fact in facts:
            if may_see(customer_id, fact, owners):
                mine.append(fact)
            else:
                metrics.FACTS_DROPPED.labels(fact.source, "another_customer").inc()
        return mine

    def _learn(self, told: Mapping[str, str]) -> None:
        """Write down what is new, beside the read that told it."""
        now = self._clock.monotonic()
        if now >= self._learnt_until or len(self._learnt) > _LEARNT_REMEMBERED:
            self._learnt, self._learnt_until = {}, now + _LEARNT_FOR_S
        new = {order_id: owner for order_id, owner in told.items() if self._learnt.get(order_id) != owner}
        if not new:
            return
        self._learnt |= new
        self._unwritten |= new
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_down())

    async def _write_down(self) -> None:
        """All that was learnt since this last looked goes into one transaction: a storm of reads learns at once."""
        while self._unwritten:
            owners, self._unwritten = self._unwritten, {}
            try:
                async with self._database.transaction() as tx:
                    await subjects.learn(tx, owners)
            except (DatabaseUnavailable, DatabaseError, *LostConnection) as error:
                for order_id in owners:
                    self._learnt.pop(order_id, None)
                metrics.LEARN_FAILURES.inc()
                _log.warning("sources.learning_failed", exc_info=error)


def _state(name: str, answer: tuple[ServedFrom, Reading] | None, *, whole: bool) -> SourceState:
    if answer is None:
        return SourceState(name, "unavailable", "none", None, truncated=False)
    served_from, reading = answer
    return SourceState(name, "ok", served_from, reading.as_of, truncated=reading.truncated or not whole)


def _of_no_orders(name: str, orders: _Orders, as_of: datetime) -> SourceState:
    """No orders according to the shop is an answer; no orders according to nobody is none."""
    if orders.named_by == "none":
        return SourceState(name, "unavailable", "none", None, truncated=False)
    return SourceState(name, "ok", orders.named_by, as_of, truncated=False)
