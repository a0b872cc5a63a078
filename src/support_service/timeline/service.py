"""Reading a timeline: from the near cache when that is proven current, else put together anew, once for all who ask.

A first page is cached as ready bytes under `tl:{customer}:<order|->:<profile>:<schema>`. It is served while it is
young, not below its customer's floor, and only while this process is known to hear of changes; a fill that ends below
the floor is not kept. What came by event is therefore in every answer that starts half a second after it was
committed; facts without an event are at most a minute old, and `as_of` says so.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from support_service.context import Context, StoredSource
from support_service.directory import Directory, Profile
from support_service.kit import logs
from support_service.kit.broadcast import Broadcast
from support_service.kit.clock import Clock
from support_service.kit.database import Database
from support_service.kit.eventlog import LogTail
from support_service.ports.cache import LONGEST_TTL_S, CachedBody, NearCache
from support_service.sources import FetchKey, Sources
from support_service.timeline import metrics
from support_service.timeline.model import DEFAULT_LIMIT, Assembled, CaseKey, assemble
from support_service.timeline.news import Newsroom
from support_service.timeline.rendering import render, said_by
from support_service.timeline.sharing import SharedPages
from support_service.timeline.stand_ins import StandIns
from support_service.timeline.tags import PageState, newest_seen, older, tag_of

FRESH_S = 60.0
FROM_REST_FRESH_S = 30.0
"""For a page that the services had a part in: while the lake is away they are asked for it twice as often."""

BACK_TO_LAKE_S = 5.0
"""When such a page is this old it is put together anew ahead of time while the lake answers, to be back at it soon."""

DEGRADED_FRESH_S = 2.0
"""How long a page in which a source did not speak is repeated: long enough to spare a sick source, and no longer."""

_AHEAD_AT_ONCE = 50
_AHEAD_BY_LAKE = 250
"""Ahead of time nothing is put together while so many fills are under way: nobody waits for it. The lake takes many as one."""

REFRESH_FROM = 0.8
"""The part of its fresh time after which a page is put together anew ahead of time: from 48 s of 60."""

LONGEST_SILENCE_S = 0.3
"""A cached body is served only if all changes up to this long ago are known here."""

_DEGRADED = ":degraded"
_CONTENT = (("content-type", "application/json"),)
_BYPASSED = (("cache-status", "support; fwd=bypass"),)
_log = logs.get_logger(__name__)


class Served(NamedTuple):
    """A page of a timeline, or a case with one, as ready bytes."""

    body: bytes
    etag: str | None
    """How far it is (`tags`); None for a page that is never cached."""
    cache: Sequence[tuple[str, str]] = ()
    """Headers that say how the cache answered: Cache-Status (RFC 9211) and Age."""
    status: int = HTTPStatus.OK.value

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All headers but those of every answer and the length."""
        tag = () if self.etag is None else (("etag", self.etag),)
        return [*(_CONTENT if self.body else ()), *tag, *self.cache]

    def unless_known(self, if_none_match: str | None) -> "Served":
        """304 without a body to whoever has this very page already (RFC 9110, section 13.1.2), else all of it."""
        if if_none_match is None or self.etag is None or self.etag not in if_none_match:
            return self
        return self._replace(body=b"", status=HTTPStatus.NOT_MODIFIED.value)


class _Fill(NamedTuple):
    """A page that is being put together."""

    task: asyncio.Task[None]
    page: Broadcast[CachedBody]


class Timeline:
    """The timelines of all cases, for this process."""

    def __init__(
        self,
        database: Database,
        sources: Sources,
        context: Context,
        directory: Directory,
        cache: NearCache,
        *,
        shared: SharedPages,
        tail: LogTail,
        clock: Clock,
    ) -> None:
        """Take what a timeline is put together from.

        Args:
            database: for what came by event and what is stored.
            sources: lake and services.
            context: reads what came by event and what is stored.
            directory: knows each customer's generation.
            cache: the near cache.
            shared: the pages of other processes.
            tail: by which this process hears of every change.
            clock: tells the age of what is cached.
        """
        self._database = database
        self._sources = sources
        self._context = context
        self._cache = cache
        self._shared = shared
        self._tail = tail
        self._clock = clock
        self._newsroom = Newsroom(database, context, directory)
        self._fills: dict[str, _Fill] = {}
        self._stand_ins = StandIns()

    async def hears(self) -> bool:
        """Whether this process knows of every change up to 300 ms before now, so that what it keeps may be shown.

        A process so busy that it does not look every 100 ms looks then, once for all who wait for that.
        """
        return self.informed or await self._tail.learn(self._clock.monotonic() - LONGEST_SILENCE_S)

    @property
    def informed(self) -> bool:
        """The same, without looking."""
        return self._tail.knows(self._clock.monotonic() - LONGEST_SILENCE_S)

    @contextmanager
    def soon(self) -> Iterator[None]:
        """Around what has to be known before a page that is not cached is asked for: queries wait for it a little."""
        arrived = self._sources.approach.set_out()
        try:
            yield
        finally:
            arrived()

    async def first_page(self, key: CaseKey, profile: Profile, *, if_none_match: str | None = None) -> Served:
        """The first page at its default size, cached when that is safe; never one from before what `if_none_match` names."""
        cached = self.at_hand(key, profile, if_none_match=if_none_match) if await self.hears() else None
        if cached is not None:
            return cached
        name = key.pages[profile]
        filled = await self._fill(name, key, profile).wait()
        if older(filled, newest_seen(if_none_match, name)):
            # It was at its very end when this call joined it, or the shared cache had missed the newer page.
            filled, _ = await self._put_together(name, key, profile)
        metrics.READS.labels("miss").inc()
        age = str(int(self._age_s(filled)))
        return Served(filled.body, _etag(filled), (("cache-status", "support; fwd=miss"), ("age", age)))

    def at_hand(self, key: CaseKey, profile: Profile, *, if_none_match: str | None = None) -> Served | None:
        """The first page if it is cached and may be shown as it is; has it put together anew before it is too old.

        To be asked only while this process `hears`, without waiting for anything in between.
        """
        if self._stand_ins and self._sources.lake_answers and self._has_room_ahead():
            self._take_one_back()
        name = key.pages[profile]
        seen = newest_seen(if_none_match, name)
        cached = self._current(name, key.floor, seen)
        if cached is not None and cached[1] < self._refresh_s(cached[0]):
            return _hit(*cached)
        degraded = self._current(name + _DEGRADED, key.floor, seen)
        if cached is not None and degraded is None and self._has_room_ahead():
            self._fill(name, key, profile, ahead=True)
        shown = cached or degraded
        return None if shown is None else _hit(*shown)

    async def page(self, key: CaseKey, profile: Profile, *, cursor: str | None, limit: int) -> Served:
        """Any page, put together anew.

        Raises:
            InvalidCursor: the cursor was not given out by this timeline.
        """
        assembled, _ = await self._assemble(key, profile)
        return Served(render(assembled, profile, cursor=cursor, limit=limit), None, _BYPASSED)

    async def shows(self, customer_id: str, order_id: str, kind: str) -> bool:
        """Whether a fact of this kind is known of an order, from whatever source answers now."""
        assembled, _ = await self._assemble(CaseKey(customer_id, order_id), Profile.CLEAR)
        return any(fact.kind == kind and fact.order_id == order_id for fact in assembled.facts)

    async def shared_page(self, key: CaseKey, profile: Profile) -> CachedBody | None:
        """The first page that other processes would find in the shared cache, however old, for holding it to account."""
        return await self._shared.last(key.pages[profile], key.customer_id)

    async def close(self) -> None:
        """Give up the fills under way."""
        fills = list(self._fills.values())
        for fill in fills:
            fill.task.cancel()
            fill.page.cancel()
        await asyncio.gather(*(fill.task for fill in fills), return_exceptions=True)

    def _current(self, name: str, floor: str, seen: PageState | None) -> tuple[CachedBody, float] | None:
        """What is cached, if it is young, not superseded and not from before what was seen, and its age in seconds."""
        cached = self._cache.look(name, floor)
        if cached is None or cached.superseded or (seen is not None and older(cached, seen)):
            return None
        age_s = self._age_s(cached)
        return None if age_s >= cached.fresh_s else (cached, age_s)

    def _refresh_s(self, cached: CachedBody) -> float:
        """After how many seconds it is put together anew ahead of time."""
        back = _by_services(cached) and self._sources.lake_answers
        return BACK_TO_LAKE_S if back else REFRESH_FROM * cached.fresh_s

    def _take_one_back(self) -> None:
        """Have the lake make one of the pages that the services stood in for, if it may still be shown."""
        found = self._stand_ins.take(self._clock.now() - timedelta(seconds=BACK_TO_LAKE_S))
        if found is None:
            return
        key, profile = found
        cached = self._current(key.pages[profile], key.floor, None)
        if cached is not None and _by_services(cached[0]):
            self._fill(key.pages[profile], key, profile, ahead=True)

    def _has_room_ahead(self) -> bool:
        return len(self._fills) < (_AHEAD_BY_LAKE if self._sources.lake_answers else _AHEAD_AT_ONCE)

    def _fill(self, name: str, key: CaseKey, profile: Profile, *, ahead: bool = False) -> Broadcast[CachedBody]:
        """The one fill of this key that is under way: a task of its own, so that no caller's going away ends it.

        Joining one is always safe: what came by event is read at a fill's very end.
        """
        fill = self._fills.get(name)
        if fill is None:
            arrived, page = self._sources.approach.set_out(), Broadcast[CachedBody]()
            filling = self._fill_and_tell(name, key, profile, page, arrived=arrived, ahead=ahead)
            fill = self._fills[name] = _Fill(asyncio.create_task(filling, name=f"fill:{profile}"), page)
        return fill.page

    async def _fill_and_tell(
        self,
        name: str,
        key: CaseKey,
        profile: Profile,
        page: Broadcast[CachedBody],
        *,
        arrived: Callable[[], None],
        ahead: bool,
    ) -> None:
        try:
            page.tell(await self._filled(name, key, profile, arrived, ahead=ahead))
        except Exception as error:  # noqa: BLE001 - theirs who asked
            _log.warning("timeline.fill_failed", exc_info=error)
            page.fail(error)
        finally:
            arrived()
            del self._fills[name]

    async def _filled(
        self, name: str, key: CaseKey, profile: Profile, arrived: Callable[[], None], *, ahead: bool
    ) -> CachedBody:
        part = 1.0
        if ahead:
            near = self._cache.look(name, key.floor)
            part = REFRESH_FROM if near is None else self._refresh_s(near) / near.fresh_s
        async with self._shared.turn(name, key.customer_id, part=part) as turn:
            arrived()
            if turn.page is not None:
                return await self._kept_near(turn.page, key, profile, self._shared.ttl_s(turn.page))
            body, whole = await self._put_together(name, key, profile, patient=ahead)
            if whole:
                self._shared.keep(name, key.customer_id, body, LONGEST_TTL_S, turn)  # nobody here waits for that
        return body

    async def _put_together(
        self, name: str, key: CaseKey, profile: Profile, *, patient: bool = False
    ) -> tuple[CachedBody, bool]:
        started_at = self._clock.now()
        with metrics.FILL_SECONDS.time():
            assembled, generation = await self._assemble(key, profile, patient=patient)
        # A degraded body has a key of its own: it must not push out the last whole one, which it is made from.
        name, ttl_s = (name, LONGEST_TTL_S) if assembled.whole else (name + _DEGRADED, DEGRADED_FRESH_S)
        page = render(assembled, profile, cursor=None, limit=DEFAULT_LIMIT)
        body = CachedBody(name, generation, started_at, page, _fresh_s(assembled))
        body = await self._kept_near(body, key, profile, ttl_s)
        for state in assembled.states:
            metrics.source_state(state.source, state.status, state.served_from).inc()
        return body, assembled.whole

    async def _kept_near(self, body: CachedBody, key: CaseKey, profile: Profile, ttl_s: float) -> CachedBody:
        if _by_services(body) and not self._sources.lake_is_well:
            self._stand_ins.note(key, profile, body.filled_at)
        tagged = replace(body, tag=_etag(body))
        if not await self._cache.put(body.key, key.floor, tagged, ttl_s):
            metrics.STORES_REFUSED.inc()
        return tagged

    async def _assemble(self, key: CaseKey, profile: Profile, *, patient: bool = False) -> tuple[Assembled, int]:
        """A timeline from everything that can say something, and the customer's generation that it is at."""
        order_ids = () if key.order_id is None else (key.order_id,)
        fetched = await self._sources.fetch(FetchKey(key.customer_id, order_ids), patient=patient)
        silent = any(state.status != "ok" for state in fetched.states.values())
        shown = await self._last_shown(key, profile) if silent else {}
        news = await self._newsroom.news(key, fetched.order_ids)
        stored = await self._stored(key) if silent else {}
        return assemble(fetched, news.came, (shown, stored), key.customer_id), news.generation

    async def _stored(self, key: CaseKey) -> dict[str, StoredSource]:
        async with self._database.connection() as connection:
            return await self._context.stored(connection, key.customer_id, key.order_id)

    async def _last_shown(self, key: CaseKey, profile: Profile) -> dict[str, StoredSource]:
        """What the last timeline shown said of the sources that had spoken: it may be younger than what is stored."""
        name = key.pages[profile]
        cached = await self._cache.get(name, key.floor)
        cached = cached or await self._shared.last(name, key.customer_id)
        return {} if cached is None else said_by(cached.body, key.customer_id)

    def _age_s(self, cached: CachedBody) -> float:
        return max(0.0, (self._clock.now() - cached.filled_at).total_seconds())


def _hit(cached: CachedBody, age_s: float) -> Served:
    metrics.HITS.inc()
    return Served(cached.body, _etag(cached), _of_hit(int(cached.fresh_s - age_s), int(age_s)))


@lru_cache(maxsize=1_000)
def _of_hit(left_s: int, age_s: int) -> tuple[tuple[str, str], ...]:
    return ("cache-status", f"support; hit; ttl={left_s}"), ("age", str(age_s))


def _etag(page: CachedBody) -> str:
    return page.tag or tag_of(page.key.removesuffix(_DEGRADED), page)


def _by_services(page: CachedBody) -> bool:
    """Whether the services had a part in a page."""
    return page.fresh_s == FROM_REST_FRESH_S


def _fresh_s(assembled: Assembled) -> float:
    if not assembled.whole:
        return DEGRADED_FRESH_S
    from_rest = any(state.served_from == "rest" for state in assembled.states)
    return FROM_REST_FRESH_S if from_rest else FRESH_S
