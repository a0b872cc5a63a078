"""Asking the lake once for many: reads that come together share one query.

A federated query costs about the same for one id as for hundreds, and a lake does few at once. So while a query is
under way who comes waits, and goes together with everybody else who does. A second one sets out beside it only when half
a load waits, or when the first takes twice as long as they lately did. Before a query sets out a short window still
gathers who comes at the same moment: a twentieth of what queries lately took, again and again while more come, up to a
fifth of it; while they come in crowds, or are on their way (`approach`), up to the whole of it, half a second at most. So it vanishes where queries are fast,
and a storm goes in few.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from support_service.kit import logs
from support_service.kit.clock import Clock
from support_service.sources import metrics
from support_service.sources.approach import Approach

A = TypeVar("A")

MOST_IDS = 750
"""Orders, or customers, that one query asks for: half of a storm of 1,000 on two processes, however unevenly it falls."""

IN_FLIGHT = 2
_SECOND_FROM = MOST_IDS // 2
_OVERDUE = 2.0
LONGEST_WAIT_S = 8.0
"""How long anybody waits for an answer, the wait for a slot included; then the services are asked."""

_LONGEST_WINDOW_S = 0.1
_LOOK_S = 0.005


@dataclass(frozen=True, slots=True)
class _Patience:
    """How long a query waits for more to come, in parts of what queries lately took."""

    window_part: float
    longest_part: float
    longest_s: float


_FEW = _Patience(window_part=0.05, longest_part=0.2, longest_s=0.1)
_CROWD = _Patience(window_part=0.1, longest_part=1.0, longest_s=0.5)
_CROWD_FROM = 10
"""As many who come within one window are a storm, of which the front work has only let the first ones through."""

_LEARNING = 0.3

_log = logs.get_logger(__name__)


@dataclass(slots=True)
class _Waiting(Generic[A]):
    ids: Sequence[str]
    answer: "asyncio.Future[A | None]" = field(repr=False)


class LakeBatcher(Generic[A]):
    """Gathers askers into queries. Belongs to one event loop."""

    def __init__(
        self,
        ask: Callable[[Sequence[str]], Awaitable[A | None]],
        clock: Clock,
        *,
        in_flight: Callable[[], int] = lambda: IN_FLIGHT,
        approach: Approach | None = None,
        crowd: Callable[[], None] = lambda: None,
    ) -> None:
        """Make queries with `ask`: it is given ids, each once, and returns None when the lake does not answer.

        `in_flight` says how many queries there may be at once now, `approach` counts who is on the way here.
        `crowd` is told when the next query is to be one of a crowd, while that still gathers.
        """
        self._ask = ask
        self._in_flight = in_flight
        self._approach = approach or Approach()
        self._crowd = crowd
        self._clock = clock
        self._waiting: deque[_Waiting[A]] = deque()
        self._flights: set[asyncio.Task[None]] = set()
        self._gathering = False
        self._departed_at = 0.0
        self._lately_s = 0.0

    @property
    def busy(self) -> bool:
        """Whether whoever asks now would wait for others."""
        return bool(self._flights or self._waiting)

    async def ask(self, ids: Sequence[str], *, wait_s: float = LONGEST_WAIT_S) -> A | None:
        """The answer of the query that these ids went into; None when there was none within `wait_s` seconds."""
        waiting = _Waiting[A](ids, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._take_off()
        too_long = asyncio.get_running_loop().call_later(wait_s, _give_up, waiting)
        try:
            return await waiting.answer
        finally:
            too_long.cancel()

    async def close(self) -> None:
        """Wait for the queries under way."""
        await asyncio.gather(*self._flights, return_exceptions=True)

    def _take_off(self) -> None:
        if self._waiting and not self._gathering and self._has_room():
            self._gathering = True
            flight = asyncio.create_task(self._fly())
            self._flights.add(flight)
            flight.add_done_callback(self._landed)

    def _has_room(self) -> bool:
        if len(self._flights) >= self._in_flight():
            return False
        overdue = self._clock.monotonic() - self._departed_at >= _OVERDUE * self._lately_s
        return not self._flights or overdue or len(self._waiting) >= _SECOND_FROM

    def _landed(self, flight: "asyncio.Task[None]") -> None:
        self._flights.discard(flight)
        if not flight.cancelled() and (error := flight.exception()) is not None:
            _log.error("lake.batch_failed", exc_info=error)
        self._take_off()

    async def _fly(self) -> None:
        try:
            await self._gather()
            boarded = self._board()
        finally:
            self._gathering = False
        if not boarded:
            return
        self._departed_at = self._clock.monotonic()
        self._take_off()  # for those who did not find a place
        asyncio.get_running_loop().call_later(_OVERDUE * self._lately_s, self._take_off)
        answer: A | None = None
        started = self._clock.monotonic()
        try:
            ids = list(dict.fromkeys(one_id for one in boarded for one_id in one.ids))
            metrics.BATCH_IDS.observe(len(ids))
            answer = await self._ask(ids)
        finally:
            took = self._clock.monotonic() - started
            self._lately_s += _LEARNING * (took - self._lately_s)
            for one in boarded:
                if not one.answer.done():
                    one.answer.set_result(answer)

    async def _gather(self) -> None:
        """Wait while more come or are on their way, but not long; for crowds as long as a query takes."""
        began = self._clock.monotonic()
        before = 0
        while (count := len(self._waiting)) < MOST_IDS:
            on_way = self._approach.count
            coming = on_way or count - before
            patience = _CROWD if coming >= _CROWD_FROM else _FEW
            if patience is _CROWD:
                self._crowd()
            waited_s = self._clock.monotonic() - began
            if not coming or waited_s > min(patience.longest_s, self._lately_s * patience.longest_part):
                return
            before = count
            await asyncio.sleep(_LOOK_S if on_way else min(_LONGEST_WINDOW_S, self._lately_s * patience.window_part))

    def _board(self) -> list[_Waiting[A]]:
        """Those who have waited longest, up to `MOST_IDS` ids; who gave up stays behind."""
        boarded: list[_Waiting[A]] = []
        count = 0
        while self._waiting and (not boarded or count + len(self._waiting[0].ids) <= MOST_IDS):
            one = self._waiting.popleft()
            if not one.answer.done():
                boarded.append(one)
                count += len(one.ids)
        return boarded


def _give_up(waiting: _Waiting[Any]) -> None:
    if not waiting.answer.done():
        metrics.BATCH_TIMEOUTS.inc()
        waiting.answer.set_result(None)
