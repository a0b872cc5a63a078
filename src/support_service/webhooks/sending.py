"""Sending what is due: a few at a time for each webhook, so that a slow receiver holds up nobody but itself.

A delivery is claimed, sent and recorded, each in a step of its own. Whoever dies between the second and the third leaves a
claim that runs out, and the event is sent once more, under the same id: at least once, never silently not at all.
"""

import asyncio
import random
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from support_service.kit import logs
from support_service.kit.clock import Clock
from support_service.kit.database import Database, DatabaseError, LostConnection
from support_service.kit.eventlog import wait_for
from support_service.kit.ids import new_id
from support_service.kit.problems import Problem
from support_service.ports.receivers import PostError, Receivers
from support_service.webhooks import metrics, store
from support_service.webhooks.model import (
    MOST_WEBHOOKS,
    TEST_EVENT,
    Attempt,
    Claimed,
    DeliveryStatus,
    Verdict,
    error_of,
    verdict,
)
from support_service.webhooks.signing import signed_headers

MOST_OF_ONE = 4
"""Deliveries of one webhook that are under way at once, whichever process sends them."""

_MOST = MOST_OF_ONE * MOST_WEBHOOKS
"""Deliveries that one process has under way at once: room for all, so that no number of slow receivers holds up another."""

LEASE = timedelta(seconds=30)
"""How long a claim holds: three times what a receiver is given to answer."""

_POLL_S, _BUSY_POLL_S = 0.2, 0.02
_log = logs.get_logger(__name__)


class Sender:
    """Sends what is due. Any number of processes may; each delivery is one's at a time."""

    def __init__(
        self, database: Database, receivers: Receivers, clock: Clock, *, chance: Callable[[], float] = random.random
    ) -> None:
        """Send to these receivers; `chance` gives numbers from 0 to 1 that spread what is tried again."""
        self._database = database
        self._receivers = receivers
        self._clock = clock
        self._chance = chance
        self._under_way: set[asyncio.Task[None]] = set()

    async def step(self) -> int:
        """Claim what is due and begin to send it; returns how many."""
        room = _MOST - len(self._under_way)
        if room <= 0:
            return 0
        now, claim_id = self._clock.now(), new_id()
        async with self._database.connection() as connection:
            webhook_ids = await store.webhooks_due(connection, now)
        if not webhook_ids:
            return 0
        async with self._database.transaction() as tx:
            claimed = await store.claim(
                tx, webhook_ids, claim_id, at=now, until=now + LEASE, each=MOST_OF_ONE, most=room
            )
        for one in claimed:
            task = asyncio.create_task(self._deliver(one, claim_id))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return len(claimed)

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop`, going on after any failure of the database; then finish what is under way."""
        try:
            while not stop.is_set():
                try:
                    begun = await self.step()
                except (DatabaseError, Problem, *LostConnection) as error:
                    begun = 0
                    _log.warning("webhook.claim_failed", exc_info=error)
                await wait_for(stop, _BUSY_POLL_S if begun else _POLL_S)
        finally:
            await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is under way any more."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _deliver(self, claimed: Claimed, claim_id: UUID) -> None:
        with logs.bound(webhook_id=claimed.webhook_id, delivery_id=claimed.delivery_id):
            try:
                attempt, retry_after_s = await self._attempt(claimed)
                follows = verdict(claimed, attempt, retry_after_s=retry_after_s, spread=self._chance())
                await self._record(claimed, claim_id, attempt, follows)
            except Exception as error:  # noqa: BLE001 - whatever it is, the claim runs out and it is sent again
                _log.warning("webhook.not_recorded", exc_info=error)

    async def _attempt(self, claimed: Claimed) -> tuple[Attempt, float | None]:
        """Send it once; also gives the seconds that the receiver asked to be left alone for."""
        at, started = self._clock.now(), time.perf_counter()
        body = claimed.body.encode()
        headers = signed_headers(claimed.secrets, claimed.event_id, at, body)
        status_code, error, excerpt, retry_after_s = None, None, None, None
        try:
            reply = await self._receivers.post(claimed.url, headers, body)
        except PostError as failure:
            error = str(failure.fault)
        else:
            status_code, error, retry_after_s = reply.status, error_of(reply.status), reply.retry_after_s
            excerpt = None if error is None else reply.excerpt
        took_ms = round((time.perf_counter() - started) * 1_000)
        return Attempt(at, took_ms, status_code, error, excerpt), retry_after_s

    async def _record(self, claimed: Claimed, claim_id: UUID, attempt: Attempt, follows: Verdict) -> None:
        off = False
        async with self._database.transaction() as tx:
            # The webhook first, as whoever claims does: in another order the two could wait for each other.
            if follows.status is DeliveryStatus.DELIVERED:
                await store.works_again(tx, claimed.webhook_id)
            elif claimed.type != TEST_EVENT:  # nobody is blamed for what was only tried out
                await store.fails(tx, claimed.webhook_id, attempt.at)
            if follows.off is not None:
                off = await store.switch_off(tx, claimed.webhook_id, follows.off, self._clock.now())
            recorded = await store.record_attempt(tx, claimed, claim_id, attempt, follows)
        outcome = _outcome(follows) if recorded else "late"
        metrics.ATTEMPTS.labels(outcome).inc()
        _log.info(
            "webhook.sent",
            outcome=outcome,
            error=attempt.error,
            status_code=attempt.status_code,
            ms=attempt.duration_ms,
            event_id=str(claimed.event_id),
        )
        if off and follows.off is not None:
            metrics.SWITCHED_OFF.labels(follows.off).inc()
            _log.warning("webhook.switched_off", reason=follows.off.value)


def _outcome(follows: Verdict) -> str:
    return "retried" if follows.status is DeliveryStatus.PENDING else follows.status.lower()
