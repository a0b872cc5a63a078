"""The feed: the simulated shop goes on in time, one small step every second or three.

Each step is one transaction under the feed's lock: new versions in the shop's tables and their events, positions in the
order of commits. What happens is decided by the seed and the number of the step, so the same seed on the same start
state tells the same story. Orders that support has open cases on are preferred, so that one who looks at a case sees it
live. The tables stay bounded: an order is told about at most some 60 times, and of the orders that the feed placed the
oldest finished one leaves when there are more than `MOST_PLACED`.
"""

import asyncio
import contextlib
import os
import signal
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from random import Random

from support_service.demo.api import SupportApi
from support_service.demo.carrier import carry_on
from support_service.demo.facts import Customer, ShopFact
from support_service.demo.lifecycle import AT_REST, OrderState, advance, place_order, raise_alert, state_of
from support_service.demo.tables import SQL, add_facts, facts_of_orders, lock_feed
from support_service.kit import logs
from support_service.kit.clock import Clock, SystemClock
from support_service.kit.database import Database, DatabaseError, LostConnection, Tx
from support_service.kit.problems import Problem

MOST_PLACED = 400
_MOST_LOOKED_AT = 40
_MOST_OTHERS = 12

_NEW_ORDER = 0.10
_ALERT = 0.05
_LOOKED_AT_FIRST = 0.8
_NEWEST_CASE_FIRST = 0.5

_ATTENTION_EVERY_S = 3.0
_AGAIN_AFTER_S = 2.0

_log = logs.get_logger("support_service.demo.feed")  # the module also runs as __main__

Attention = Callable[[], Awaitable[Sequence[str]]]
"""Says which orders support has open cases on, the newest case first; may raise, then the last answer holds."""


class Feed:
    """Moves the shop on, one step at a time."""

    def __init__(self, database: Database, clock: Clock, *, seed: int) -> None:
        """Start where the shop stands; nothing is read yet."""
        self._database = database
        self._clock = clock
        self._seed = seed
        self._under_way: set[str] | None = None

    async def step(self, looked_at: Sequence[str]) -> list[ShopFact]:
        """Let something happen.

        Args:
            looked_at: ids of orders to prefer, the most interesting first; unknown ones are passed over.

        Returns:
            What happened, committed together with its events; nothing when everything is at rest.
        """
        preferred = list(dict.fromkeys(looked_at))[:_MOST_LOOKED_AT]
        try:
            async with self._database.transaction() as tx:
                await lock_feed(tx)
                number = int(await tx.fetchval(SQL["next_step"]))
                rng = Random(f"feed:{self._seed}:{number}")
                facts = await self._happen(tx, rng, preferred)
                await add_facts(tx, facts)
        except BaseException:
            self._under_way = None  # it may know of orders that were rolled back
            raise
        return facts

    async def _happen(self, tx: Tx, rng: Random, looked_at: Sequence[str]) -> list[ShopFact]:
        if self._under_way is None:
            rows = await tx.fetch(SQL["orders_under_way"], sorted(AT_REST))
            self._under_way = {row["order_id"] for row in rows}
        if rng.random() >= _NEW_ORDER:
            candidates = _candidates(sorted(self._under_way), looked_at, rng)
            states = await _states(tx, candidates)
            for order_id in candidates:
                told = self._move(states.get(order_id), order_id in looked_at, rng)
                if told:
                    return told
                self._under_way.discard(order_id)
        placed = await self._place(tx, rng, looked_at)
        self._under_way.update(fact.order_id for fact in placed)
        return placed

    def _move(self, state: OrderState | None, looked_at: bool, rng: Random) -> list[ShopFact]:  # noqa: FBT001 - one of two callers' facts, not an option
        if state is None:
            return []
        now = self._clock.now()
        suspicious = rng.random() < _ALERT
        told = raise_alert(state, rng, now) if suspicious and state.order.status not in AT_REST else ()
        told = told or advance(state, rng, now)
        if not told and suspicious and looked_at:
            told = raise_alert(state, rng, now)
        return list(told)

    async def _place(self, tx: Tx, rng: Random, looked_at: Sequence[str]) -> list[ShopFact]:
        """A new order of some customer; the oldest finished one makes room for it."""
        row = await tx.fetchrow(SQL["customer_at"], rng.randrange(1_000_000))
        if row is None:
            return []
        if await tx.fetchval(SQL["placed_count"]) >= MOST_PLACED:
            leaving = await tx.fetchval(SQL["oldest_placed"], list(looked_at), sorted(AT_REST))
            if leaving is None:
                return []
            await tx.execute(SQL["forget_order"], leaving)
        order_id = f"SO-{rng.randrange(16**10):010x}"
        await tx.execute(SQL["note_placed"], order_id)
        return [place_order(Customer(**dict(row.items())), order_id, rng, self._clock.now())]


def _candidates(under_way: list[str], looked_at: Sequence[str], rng: Random) -> list[str]:
    """Orders in the sequence in which they are tried: the first that can go on does."""
    others = rng.sample(under_way, k=min(_MOST_OTHERS, len(under_way)))
    first = looked_at[:1] if rng.random() < _NEWEST_CASE_FIRST else []
    looked = [*first, *rng.sample(looked_at, k=len(looked_at))]
    ordered = [*looked, *others] if rng.random() < _LOOKED_AT_FIRST else [*others, *looked]
    return list(dict.fromkeys(ordered))


async def _states(tx: Tx, order_ids: Sequence[str]) -> Mapping[str, OrderState]:
    facts: dict[str, list[ShopFact]] = defaultdict(list)
    for fact in await facts_of_orders(tx, order_ids):
        facts[fact.order_id].append(fact)
    return {order_id: state_of(told) for order_id, told in facts.items()}


async def run_feed(
    dsn: str,
    *,
    seed: int,
    clock: Clock,
    attention: Attention,
    stop: asyncio.Event,
    pace_s: tuple[float, float] = (1.0, 3.0),
) -> None:
    """Go on until told to stop; a database that is away is waited for.

    Args:
        dsn: the shop's database, as the role that owns its tables.
        seed: decides what happens and when.
        clock: tells the time of what happens.
        attention: asked every few seconds.
        stop: ends the feed after the step it is in.
        pace_s: shortest and longest pause between steps, in seconds.
    """
    rng = Random(f"pace:{seed}")
    looked_at: list[str] = []
    database = Database(dsn, name="shop-feed", max_size=2)
    feed = Feed(database, clock, seed=seed)
    watcher = asyncio.create_task(_watch(attention, looked_at))
    try:
        while not stop.is_set():
            try:
                for fact in await feed.step(looked_at):
                    _log.info("shop.fact", source=fact.source, status=fact.status, version=fact.version)
            except (Problem, DatabaseError, *LostConnection) as error:
                _log.warning("shop.feed_waits", exc_info=error)
                await _pause(stop, _AGAIN_AFTER_S)
            await _pause(stop, rng.uniform(*pace_s))
    finally:
        watcher.cancel()
        await database.close()


def main() -> None:
    """Feed as the demo runs it, until SIGTERM: SHOP_DATABASE_URL, SHOP_SEED, SUPPORT_API_URL, LOCAL_ISSUER_KEY."""
    logs.configure(log_format="json", level=os.environ.get("LOG_LEVEL", "info"))
    asyncio.run(_run_until_told())


async def _run_until_told() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    api = SupportApi(os.environ["SUPPORT_API_URL"], Path(os.environ["LOCAL_ISSUER_KEY"]))

    async def attention() -> Sequence[str]:
        return await asyncio.to_thread(api.orders_looked_at)

    carrier = asyncio.create_task(carry_on(api))
    try:
        await run_feed(
            os.environ["SHOP_DATABASE_URL"],
            seed=int(os.environ["SHOP_SEED"]),
            clock=SystemClock(),
            attention=attention,
            stop=stop,
        )
    finally:
        carrier.cancel()


async def _watch(attention: Attention, looked_at: list[str]) -> None:
    while True:
        try:
            looked_at[:] = await attention()
        except Exception as error:  # noqa: BLE001 - what support looks at is a nicety: the feed goes on without
            _log.info("shop.attention_unknown", exc_info=error)
        await asyncio.sleep(_ATTENTION_EVERY_S)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


if __name__ == "__main__":
    main()
