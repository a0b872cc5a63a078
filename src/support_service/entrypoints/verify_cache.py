"""`support-service verify-cache`: what readers are shown from caches, compared with what the sources say now.

The shared cache is read directly. The near caches of API processes can only be read as a reader does, over HTTP. Every
page is held against one that is put together anew, which no cache sees. Between batches it rests as long as the sources
took, so at most half of their time is spent on it; the reads of a batch share a query of the lake.
"""

import asyncio
import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Literal

from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from support_service import wiring
from support_service.config import Settings
from support_service.demo.state import DemoFolder
from support_service.directory import Profile
from support_service.entrypoints.page_comparison import Difference, Shown, compare
from support_service.entrypoints.page_readers import ApiPages, CannotRead, Case, PageReader, SharedCachePages
from support_service.kit import logs
from support_service.kit.database import DatabaseError, LostConnection
from support_service.kit.problems import Problem
from support_service.timeline import CaseKey, TimelineResponse

_BATCH = 50
_EVERYTHING = 10_000
"""More entries than a timeline has: the sources' answers are bounded below it."""

_SECOND_LOOK_AFTER_S = 1.0
_WITHOUT_ORDER_AT_ONCE = 2
_SHOWN = 20
_IDS_SHOWN = 3

Verdict = Literal["same", "not_cached", "not_compared"]


@dataclass(frozen=True, slots=True)
class Behind:
    """A case whose page differs, for the report: ids alone."""

    ticket_id: str
    difference: Difference


@dataclass(slots=True)
class Report:
    """What was found."""

    where: str
    cases: int = 0
    """Different timelines in the sample."""
    compared: int = 0
    from_cache: int = 0
    not_cached: int = 0
    """Of which no page is kept that a reader would be shown."""
    not_compared: int = 0
    """Of which no source spoke, or the page could not be had."""
    complete: bool = True
    """Whether the whole sample was looked at in time."""
    behind: list[Behind] = field(default_factory=list)

    @property
    def past_promise(self) -> int:
        """How many pages are further behind than docs/cache.md allows."""
        return sum(one.difference.past_promise for one in self.behind)

    @property
    def status(self) -> int:
        """The exit status: 0 all within the promise, 1 not so, 2 nothing that could be compared was."""
        if self.past_promise:
            return 1
        unseen = self.not_compared > 0 or not self.complete
        return 2 if unseen and not self.compared else 0

    def as_json(self) -> str:
        """The whole report."""
        behind = [{"ticket_id": one.ticket_id, **asdict(one.difference)} for one in self.behind]
        whole = asdict(self) | {"past_promise": self.past_promise, "behind": behind}
        return json.dumps(whole, indent=2)


def verify(*, cases: int, at_most_s: float, url: str | None, token: str | None, as_json: bool) -> int:
    """Compare, print what was found, and return the exit status.

    Without settings of its own it looks at this checkout's running demo.
    """
    logs.configure(log_format="console", level="error")
    DemoFolder.of_this_checkout().lend_settings()
    console = Console(stderr=True, highlight=False)
    try:
        services = wiring.Services(Settings(), name="support-verify")
        report = asyncio.run(verified(services, cases=cases, at_most_s=at_most_s, url=url, token=token))
    except ValidationError as error:
        names = ", ".join("_".join(map(str, one["loc"])).upper() for one in error.errors(include_input=False))
        console.print(f"[red]Not compared:[/] settings are missing or wrong: {names}; see docs/settings.md")
        return 2
    except (CannotRead, wiring.NotConfigured, Problem, DatabaseError, *LostConnection) as error:
        console.print(f"[red]Not compared:[/] {str(error) or type(error).__name__}")
        return 2
    print(report.as_json()) if as_json else _print(report)  # noqa: T201 - the report alone, to be piped
    return report.status


async def verified(
    services: wiring.Services, *, cases: int, at_most_s: float, url: str | None = None, token: str | None = None
) -> Report:
    """Compare and close the services.

    Args:
        services: of a process of its own: their near cache is empty and stays so.
        cases: how many of the newest open cases.
        at_most_s: seconds after which what was found so far is the report.
        url: of the API to read from; the shared cache is read when absent.
        token: of an AGENT or SUPERVISOR, for the API.

    Raises:
        CannotRead: there is no such cache, or it does not answer.
    """
    async with contextlib.AsyncExitStack() as opened:
        opened.push_async_callback(services.close)
        pages: PageReader = SharedCachePages(services) if url is None else ApiPages(url, token)
        opened.push_async_callback(pages.close)
        check = Verification(services, pages)
        try:
            async with asyncio.timeout(at_most_s):
                await check.run(cases)
        except TimeoutError:
            check.report.complete = False
        return check.report


class Verification:
    """One run over a sample of cases."""

    def __init__(self, services: wiring.Services, pages: PageReader) -> None:
        """Nothing is compared yet."""
        self._services = services
        self._pages = pages
        self._without_order = asyncio.Semaphore(_WITHOUT_ORDER_AT_ONCE)
        self._cached: set[Case] = set()
        self.report = Report(pages.where)

    async def run(self, count: int) -> None:
        """Compare batch by batch; what is past the promise at a first look gets a second one before it is blamed."""
        found = await self._pages.newest(count)
        sample = list({case.key: case for case in found}.values())
        self.report.cases = len(sample)
        clock = asyncio.get_running_loop()
        rest_s = 0.0
        for batch in _batches(sample):
            await asyncio.sleep(rest_s)
            began = clock.time()
            await self._compare(batch)
            rest_s = clock.time() - began
        if not self.report.past_promise:
            await self._pages.still_there()

    async def _compare(self, batch: Sequence[Case]) -> None:
        outcomes = await self._look(batch)
        suspects = [case for case, found in outcomes.items() if isinstance(found, Difference) and found.past_promise]
        if suspects:
            await asyncio.sleep(_SECOND_LOOK_AFTER_S)
            for case, found in (await self._look(suspects)).items():
                first = outcomes[case]
                assert isinstance(first, Difference)  # noqa: S101 - it is a suspect
                # What caught up meanwhile was behind, but may have been committed only as the page was read.
                outcomes[case] = found if isinstance(found, Difference) else replace(first, past_promise=False)
        for case, found in outcomes.items():
            self._count(case, found)

    def _count(self, case: Case, found: Difference | Verdict) -> None:
        if found == "not_cached":
            self.report.not_cached += 1
        elif found == "not_compared":
            self.report.not_compared += 1
        else:
            self.report.compared += 1
            self.report.from_cache += case in self._cached
            if isinstance(found, Difference):
                self.report.behind.append(Behind(case.ticket_id, found))

    async def _look(self, cases: Sequence[Case]) -> "dict[Case, Difference | Verdict]":
        """All pages first, then all timelines at one moment, so that they share a query of the lake."""
        pages = await asyncio.gather(*map(self._page, cases))
        outcomes = await asyncio.gather(*map(self._judged, cases, pages))
        return dict(zip(cases, outcomes, strict=True))

    async def _page(self, case: Case) -> "Shown | Verdict":
        try:
            shown = await self._pages.shown(case)
        except CannotRead:
            return "not_compared"
        if shown is not None and shown.from_cache:
            self._cached.add(case)
        return shown or "not_cached"

    async def _judged(self, case: Case, shown: "Shown | Verdict") -> "Difference | Verdict":
        if not isinstance(shown, Shown):
            return shown
        truth = await self._put_together(case.key)
        if not any(source.status == "ok" for source in truth.sources):
            return "not_compared"
        return compare(shown, truth, await self._received(case.key, truth)) or "same"

    async def _put_together(self, key: CaseKey) -> TimelineResponse:
        """All of a timeline, past every cache. Asking which orders a customer has is a query for each who has no order."""
        timeline = self._services.timeline
        gate = contextlib.nullcontext() if key.order_id is not None else self._without_order
        async with gate:
            served = await timeline.page(key, Profile.CLEAR, cursor=None, limit=_EVERYTHING)
        return TimelineResponse.model_validate_json(served.body)

    async def _received(self, key: CaseKey, truth: TimelineResponse) -> dict[str, datetime]:
        """When each fact that came by event was received."""
        orders = sorted({entry.order_id for entry in truth.entries})
        whose = key.customer_id if key.order_id is None else None
        async with self._services.database.connection() as connection:
            came = await self._services.context.events_of(connection, orders, whose)
        return {fact.entry_id: at for fact, at in came}


def _batches(cases: Sequence[Case]) -> Iterator[Sequence[Case]]:
    return (cases[start : start + _BATCH] for start in range(0, len(cases), _BATCH))


def _print(report: Report) -> None:
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("case", "behind", "", "missing", "extra", "changed"):
        table.add_column(heading, overflow="fold")
    for one in sorted(report.behind, key=lambda one: (-one.difference.past_promise, -one.difference.behind_s))[:_SHOWN]:
        found = one.difference
        mark = "[red]PAST THE PROMISE" if found.past_promise else "[green]within"
        late = f"{found.behind_s:.1f} s" if found.readable else "unreadable"
        lists = map(_listed, (found.missing, found.extra, found.changed))
        table.add_row(one.ticket_id, late, mark, *lists)
    if report.behind:
        console.print(table)
    told = f"{report.where}: {report.compared} of {report.cases} timelines compared, {report.from_cache} from a cache"
    told += f", {report.not_cached} not cached, {report.not_compared} could not be compared"
    told += f"; {len(report.behind)} behind, {report.past_promise} past the promise"
    console.print(told + ("." if report.complete else "; stopped for lack of time."))


def _listed(ids: Sequence[str]) -> str:
    more = len(ids) - _IDS_SHOWN
    return escape(", ".join(ids[:_IDS_SHOWN])) + (f" and {more} more" if more > 0 else "")
