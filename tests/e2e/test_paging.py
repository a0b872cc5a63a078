"""Lists: what narrows them, and paging by key: everything once while new things come in."""

import asyncio
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from support.api import CASES, agent_id, patch, pointers, problem
from support.service import Person, RunningService
from support.shop import every_fact
from support_service.kit.paging import encode_cursor

CONVERSATION_SHOWN = 200
"""Messages given with a case."""


async def pages(person: Person, path: str, limit: int, items: str = "items") -> list[list[dict[str, Any]]]:
    """Every page of a list from the first on."""
    found, cursor = [], None
    while True:
        after = "" if cursor is None else f"&cursor={quote(cursor)}"
        page = await person.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{after}")
        found.append(page[items])
        cursor = page["next_cursor"]
        if cursor is None:
            return found


async def ids(person: Person, query: str = "") -> list[str]:
    return [case["ticket_id"] for case in (await person.get(f"{CASES}{query}"))["items"]]


async def test_a_list_is_narrowed_by_every_filter_and_by_several_at_once(service: RunningService) -> None:
    agent = service.person("AGENT", teams=("orders", "payments"))
    me = await agent_id(agent)
    first = (await agent.open_case(customer_id="c-1", order_id="o-1"))["ticket_id"]
    second = (await agent.open_case(customer_id="c-2", order_id="o-2"))["ticket_id"]
    third = (await agent.open_case(customer_id="c-1"))["ticket_id"]
    assert (await patch(agent, first, 1, status="PENDING", team="orders", assignee=me)).status == 200
    assert (await patch(agent, second, 1, status="CLOSED", team="payments")).status == 200
    assert await ids(agent) == [third, second, first], "the newest first"
    expected = {
        "status=PENDING": [first],
        "status=PENDING&status=OPEN": [third, first],
        f"assignee={me}": [first],
        f"assignee={uuid4()}": [],
        "team=payments": [second],
        "team=no-such-team": [],
        "customer_id=c-1": [third, first],
        "order_id=o-2": [second],
        f"customer_id=c-1&status=PENDING&team=orders&assignee={me}&order_id=o-1": [first],
        "customer_id=c-1&order_id=o-2": [],
    }
    assert {query: await ids(agent, f"?{query}") for query in expected} == expected
    (shown,) = (await agent.get(f"{CASES}?order_id=o-1"))["items"]
    detail = await agent.get(f"{CASES}/{first}")
    assert shown == {name: value for name, value in detail.items() if name in shown}


async def test_what_a_list_cannot_be_asked_for_is_422_and_named(service: RunningService) -> None:
    agent = service.person("AGENT", teams=("orders",))
    ticket_id = (await agent.open_case())["ticket_id"]
    for query, name in (
        ("limit=101", "limit"), ("limit=0", "limit"), ("limit=many", "limit"), ("status=open", "status0"),
        ("assignee=me", "assignee"), ("team=", "team"), ("team=%00", "team"), ("customer_id=%00", "customer_id"),
        ("order_id=o%20o", "order_id"), ("sort=subject", "sort"), ("cursor=" + "a" * 513, "cursor"),
    ):  # fmt: skip
        assert pointers(await agent.ask("GET", f"{CASES}?{query}")) == [name], query
    for part in ("messages", "timeline"):
        path = f"{CASES}/{ticket_id}/{part}"
        assert pointers(await agent.ask("GET", f"{path}?limit=101")) == ["limit"]
        assert pointers(await agent.ask("GET", f"{path}?status=OPEN")) == ["status"]
    assert pointers(await agent.ask("GET", f"{CASES}/{ticket_id}?includeTimeline=maybe")) == ["includeTimeline"]
    assert len((await agent.get(f"{CASES}?limit=100"))["items"]) == 1


async def test_a_cursor_that_another_list_gave_or_nobody_is_422(service: RunningService) -> None:
    await service.shop.add(every_fact("o-1", "c-1"))
    agent = service.person("AGENT", teams=("orders",))
    ticket_id = (await agent.open_case(order_id="o-1"))["ticket_id"]
    await agent.open_case()
    await agent.say(ticket_id, "reply")
    paths = {part: f"{CASES}/{ticket_id}/{part}" for part in ("messages", "timeline")} | {"cases": CASES}
    given = {name: (await agent.get(f"{path}?limit=1"))["next_cursor"] for name, path in paths.items()}
    made_up = ["", "%00", "!!!!", "e30", encode_cursor([]), encode_cursor(["x"]), encode_cursor(["\0"])]
    made_up += [encode_cursor([n]) for n in (0, -1, 2**31, 2**63, 10**30)] + [encode_cursor([1, 2])]
    for name, path in paths.items():
        assert given[name] is not None
        foreign = [cursor for other, cursor in given.items() if other != name]
        for cursor in [*foreign, *made_up]:
            assert problem(await agent.ask("GET", f"{path}?cursor={cursor}")) == (422, "invalid-cursor"), (name, cursor)
        assert (await agent.ask("GET", f"{path}?cursor={given[name]}")).status == 200


async def test_every_case_is_listed_once_in_order_while_new_ones_come_in(service: RunningService) -> None:
    agent = service.person("AGENT", teams=("orders",))
    there = [(await agent.open_case())["ticket_id"] for _ in range(23)]
    reading = asyncio.Event()

    async def open_more() -> None:
        while not reading.is_set():
            await agent.open_case()

    opening = asyncio.create_task(open_more())
    try:
        found = await pages(agent, CASES, 4)
    finally:
        reading.set()
        await opening
    listed = [case["ticket_id"] for page in found for case in page]
    assert [ticket_id for ticket_id in listed if ticket_id in there] == there[::-1]
    assert len(listed) == len(set(listed))
    assert all(len(page) == 4 for page in found[:-1])
    assert len(await ids(agent)) > len(there), "none came in meanwhile"


async def test_a_long_conversation_shows_its_newest_messages_in_order_and_pages_back_to_the_first(
    service: RunningService,
) -> None:
    agent, machine = service.person("AGENT", teams=("orders",)), service.person("SERVICE")
    ticket_id = (await machine.open_case(description="1"))["ticket_id"]
    async with service.api.database.transaction() as tx:
        await tx.execute(
            "INSERT INTO support_conversations (conversation_id, ticket_id, author_type, message, created_at, number,"
            " author_id) SELECT gen_random_uuid(), ticket_id, 'AGENT', n::text, created_at, n, author_id"
            " FROM support_conversations, generate_series(2, $1) AS n",
            CONVERSATION_SHOWN,
        )
    whole = await agent.get(f"{CASES}/{ticket_id}")
    assert [each["number"] for each in whole["conversation"]] == list(range(1, CONVERSATION_SHOWN + 1))
    assert whole["older_messages"] is False
    reply = (await agent.say(ticket_id, str(CONVERSATION_SHOWN + 1))).body
    assert reply["number"] == CONVERSATION_SHOWN + 1
    newest = await agent.get(f"{CASES}/{ticket_id}")
    assert [each["number"] for each in newest["conversation"]] == list(range(2, CONVERSATION_SHOWN + 2))
    assert newest["older_messages"] is True
    paged = [each for page in await pages(agent, f"{CASES}/{ticket_id}/messages", 67) for each in page]
    assert [each["number"] for each in paged] == list(range(CONVERSATION_SHOWN + 1, 0, -1))
    assert [each["message"] for each in paged] == [str(each["number"]) for each in paged]
    assert paged[0] == reply


async def test_thirty_messages_at_once_get_thirty_numbers_without_a_gap(service: RunningService) -> None:
    agent = service.person("AGENT", teams=("orders",))
    ticket_id = (await agent.open_case())["ticket_id"]
    answers = await asyncio.gather(*(agent.say(ticket_id, f"reply {n}") for n in range(30)))
    assert sorted(answer.body["number"] for answer in answers) == list(range(2, 32))
    case = await agent.get(f"{CASES}/{ticket_id}")
    assert [each["number"] for each in case["conversation"]] == list(range(1, 32))
    assert case["version"] == 31
    told = {answer.body["number"]: answer.body["message"] for answer in answers}
    assert {each["number"]: each["message"] for each in case["conversation"][1:]} == told


async def test_a_timeline_pages_through_every_fact_once_in_one_order(service: RunningService) -> None:
    facts = every_fact("o-1", "c-1")
    await service.shop.add(facts)
    agent = service.person("AGENT", teams=("orders",))
    path = f"{CASES}/{(await agent.open_case(order_id='o-1'))['ticket_id']}/timeline"
    whole = (await agent.get(path))["entries"]
    paged = await pages(agent, path, 7, "entries")
    assert [entry for page in paged for entry in page] == whole
    assert {entry["entry_id"] for entry in whole} == {
        f"{fact.source}:{fact.entity_id}:{fact.version}" for fact in facts
    }
    assert all(len(page) == 7 for page in paged[:-1])
