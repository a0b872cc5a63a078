"""Finding cases by words: in Vietnamese and English, only in sight, page by page, and never more work than is bounded."""

import asyncio
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from support.api import CASES, agent_id, patch, pointers, problem, rows
from support.service import Person, RunningService
from support_service.cases import search


async def found(person: Person, q: str, more: str = "") -> list[str]:
    """The ids of what is found, newest first."""
    page = await person.get(f"{CASES}?q={quote(q)}{more}")
    return [case["ticket_id"] for case in page["items"]]


@pytest.fixture
def agent(service: RunningService) -> Person:
    return service.person("AGENT", teams=("orders",))


async def test_a_case_is_found_by_every_kind_of_word_in_it_as_it_is_typed(agent: Person) -> None:
    await agent.open_case(subject="Something else", description="Nothing of that.")
    case = await agent.open_case(
        customer_id="c-77",
        order_id="o-0815",
        subject="Đơn hàng chưa tới",
        description="Tôi đã gọi (+84) 912 345 678, hoặc viết cho Linh.Nguyen@shop.example về tấm ảnh.",
        contact={"email": "tuyet@mail.example", "phones": ["028 3822 1234"]},
    )
    ticket_id = case["ticket_id"]
    assert (await agent.say(ticket_id, "Your refund was sent by bank transfer.")).status == 201
    assert (await patch(agent, ticket_id, 2, category="lost parcel", tags=["khẩn"])).status == 200
    queries = [
        "Đơn hàng chưa tới", "don hang chua toi", "DON HANG", unicodedata.normalize("NFD", "Đơn hàng"), "đơn", "d\u200bon",
        case["reference"], case["reference"].lower(), "o-0815", "c-77", "0912345678", "+84912345678", "0912.345.678",
        "linh.nguyen@shop.example", "linh.nguyen", "tuyet@mail.example", "02838221234", "refund bank", "bank refu",
        "refund tam anh", "tới refund", "lost", "khan",
    ]  # fmt: skip
    assert {q: await found(agent, q) for q in queries} == {q: [ticket_id] for q in queries}
    for q in ("refund never", "efund", "refu bank", f"{case['reference']}0", "hàng-tới"):
        assert await found(agent, q) == [], q


async def test_words_that_a_case_no_longer_has_in_its_head_do_not_find_it(agent: Person) -> None:
    case = await agent.open_case(subject="Broken kettle", order_id="o-1", description="Hello.")
    assert (await patch(agent, case["ticket_id"], 1, subject="Broken teapot", order_id="o-2")).status == 200
    assert await found(agent, "kettle") == await found(agent, "o-1") == []
    assert await found(agent, "teapot") == await found(agent, "o-2") == [case["ticket_id"]]


async def test_a_search_is_narrowed_by_the_lists_filters(agent: Person) -> None:
    me = await agent_id(agent)
    first = (await agent.open_case(customer_id="c-1", order_id="o-1", description="late parcel"))["ticket_id"]
    second = (await agent.open_case(customer_id="c-2", order_id="o-2", description="late parcel"))["ticket_id"]
    assert (await patch(agent, first, 1, status="PENDING", assignee=me)).status == 200
    expected = {
        "": [second, first],
        "&status=PENDING": [first],
        f"&assignee={me}": [first],
        "&team=orders": [second, first],
        "&team=payments": [],
        "&customer_id=c-2": [second],
        "&order_id=o-1": [first],
        "&customer_id=c-2&status=PENDING": [],
    }
    assert {more: await found(agent, "parcel", more) for more in expected} == expected


async def test_nobody_finds_what_is_out_of_their_sight_and_a_machine_finds_nothing_by_notes(
    service: RunningService, agent: Person
) -> None:
    machine, other = service.person("SERVICE"), service.person("AGENT", teams=("payments",))
    ticket_id = (await machine.open_case(description="pink umbrella"))["ticket_id"]
    assert (await patch(agent, ticket_id, 1, team="orders")).status == 200
    assert (await agent.say(ticket_id, "suspicious stranger", internal=True)).status == 201
    people = {"agent": agent, "other": other, "supervisor": service.person("SUPERVISOR"), "machine": machine}
    people["another machine"] = service.person("SERVICE")
    seen = {name: (await found(who, "umbrella"), await found(who, "stranger")) for name, who in people.items()}
    mine = [ticket_id]
    assert seen == {
        "agent": (mine, mine),
        "other": ([], []),
        "supervisor": (mine, mine),
        "machine": (mine, []),
        "another machine": ([], []),
    }
    assert await found(machine, "umbrella stranger") == []
    assert await found(machine, "stranger", "&customer_id=c-1") == []


async def test_an_analyst_may_not_search_whatever_is_asked_for_and_that_is_written_down(
    service: RunningService,
) -> None:
    analyst = service.person("ANALYST")
    answer = await analyst.ask("GET", f"{CASES}?q=umbrella")
    assert problem(answer) == (403, "role-not-allowed")
    assert answer.body["action"] == "case.search"
    (written,) = await rows(service, "SELECT action, detail FROM support_agent_activity")
    assert written == {"action": "role.refused", "detail": {"needed": "case.search"}}


@pytest.mark.parametrize("q", ["", "%20", "!!!", "%26%7C", "%E2%80%8B", "a" * 201, "+".join("abcdefghijk"), "%00"])
async def test_a_query_without_a_word_or_beyond_its_bounds_is_422(agent: Person, q: str) -> None:
    assert pointers(await agent.ask("GET", f"{CASES}?q={q}")) == ["q"]


async def test_what_looks_like_a_query_language_is_words(agent: Person) -> None:
    ticket_id = (await agent.open_case(description="nothing or all"))["ticket_id"]
    for q in ("all'; DROP TABLE support_tickets; --", "all | nothing", "!all", "x:* | all", "\\' all", "all <-> or"):
        assert set(await found(agent, q)) <= {ticket_id}, q
    assert await found(agent, "!all") == await found(agent, "all & (nothing") == [ticket_id]
    assert await found(agent, "zzz | all") == [], "every word must match"


async def all_pages(person: Person, q: str, limit: int) -> tuple[list[str], list[int]]:
    """Everything that is found, and how much was on each page."""
    ids: list[str] = []
    sizes: list[int] = []
    after = ""
    while True:
        page = await person.get(f"{CASES}?q={quote(q)}&limit={limit}{after}")
        ids += [case["ticket_id"] for case in page["items"]]
        sizes.append(len(page["items"]))
        if page["next_cursor"] is None:
            return ids, sizes
        after = f"&cursor={quote(page['next_cursor'])}"


WAYS = {"few hits": {}, "newest, then hits": {"FEW_HITS": 2, "NEWEST": 7},
        "windows": {"FEW_HITS": 2, "NEWEST": 2, "MOST_HITS": 3, "WINDOW": 6}}  # fmt: skip


@pytest.fixture(params=WAYS)
def bounds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How a search goes about terms that stand in many texts."""
    for name, value in WAYS[request.param].items():
        monkeypatch.setattr(search, name, value)
    return str(request.param)


async def test_what_is_found_comes_once_newest_first_page_by_page_while_new_ones_come_in(
    agent: Person, bounds: str
) -> None:
    there = [
        (await agent.open_case(description=f"parcel {'red' if n % 4 else 'blue'}"))["ticket_id"] for n in range(24)
    ]
    other = asyncio.create_task(_open(agent, 12))
    ids, sizes = await all_pages(agent, "parcel red", 5)
    newer = await other
    expected = [ticket_id for n, ticket_id in enumerate(there) if n % 4][::-1]
    assert [ticket_id for ticket_id in ids if ticket_id in there] == expected
    assert len(ids) == len(set(ids))
    assert set(ids) - set(there) <= set(newer)
    if bounds == "windows":
        assert len(sizes) > len(ids) / 5, "a page ends where its window does, and says where to go on"
    assert await all_pages(agent, "parcel purple", 5) == ([], [0])


@pytest.mark.usefixtures("bounds")
async def test_all_ways_of_looking_find_the_same(agent: Person) -> None:
    wanted = []
    for n in range(18):
        case = await agent.open_case(description="parcel")
        if n % 5 == 0:
            await agent.say(case["ticket_id"], "hidden gem")
            wanted.append(case["ticket_id"])
    assert (await all_pages(agent, "parcel gem", 2))[0] == wanted[::-1]
    assert (await all_pages(agent, "hidden gem parcel", 100))[0] == wanted[::-1]


async def _open(agent: Person, count: int) -> list[str]:
    return [(await agent.open_case(description="parcel red"))["ticket_id"] for _ in range(count)]


async def test_what_the_version_before_wrote_without_words_is_found_after_the_workers_sweep(
    service: RunningService, agent: Person
) -> None:
    case: Any = await agent.open_case(subject="Old teapot", description="cracked lid")
    ticket_id = case["ticket_id"]
    assert (await agent.say(ticket_id, "new message")).status == 201
    async with service.api.database.transaction() as tx:
        await tx.execute("DELETE FROM support_case_search WHERE ticket_id = $1", ticket_id)
    assert await found(agent, "teapot lid") == []
    since = datetime.now(UTC) - timedelta(minutes=5)
    assert await service.worker.cases.fill_words(service.worker.database, since) == 2
    assert await service.worker.cases.fill_words(service.worker.database, since) == 0
    assert await found(agent, "teapot lid message") == [ticket_id]
