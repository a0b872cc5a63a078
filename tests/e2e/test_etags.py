"""ETags of timelines and cases: 304 when nothing has changed, and nothing older from a process that is behind."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace

import pytest

from support.service import Answer, Person, RunningService, eventually, serving
from support.shop import every_fact
from support_service import wiring


@dataclass(slots=True)
class Desk:
    """An agent with a case whose order has facts still to come."""

    agent: Person
    path: str

    async def read(self, path: str = "/timeline", etag: str | None = None, *, of: Person | None = None) -> Answer:
        headers = {} if etag is None else {"If_None_Match": etag}
        return await (of or self.agent).ask("GET", self.path + path, **headers)


@pytest.fixture
async def desk(service: RunningService) -> Desk:
    await service.shop.add(every_fact("o-1", "c-1")[:1])
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case(order_id="o-1")
    return Desk(agent, f"/support/cases/{case['ticket_id']}")


@pytest.fixture
async def behind(service: RunningService, desk: Desk) -> AsyncIterator[Person]:
    """The agent at another process, which takes every change for one that it has no page of."""
    services = wiring.Services(service.api.settings, name="test-api-behind")

    async def hear_nothing(floors: Mapping[str, int]) -> None:
        """The floors stay where they are."""

    services.cache.raise_floors = hear_nothing  # type: ignore[method-assign] # broken on purpose
    async with serving(services) as url:
        yield replace(desk.agent, url=url)


def versions(answer: Answer) -> set[int]:
    return {entry["version"] for entry in answer.body["entries"] if entry["source"] == "order"}


async def hit(desk: Desk, person: Person) -> None:
    async def answered_from_near() -> bool:
        return "hit" in (await desk.read(of=person)).headers["cache-status"]

    await eventually(answered_from_near)


@pytest.mark.parametrize(
    "path", ["/timeline", "/timeline?limit=100", "?includeTimeline=true", "?includeTimeline=1", ""]
)
async def test_who_has_the_current_answer_is_told_so_without_its_body(desk: Desk, path: str) -> None:
    async def not_modified() -> Answer | None:
        etag = (await desk.read(path)).headers["etag"]
        answer = await desk.read(path, f'"something-else", W/{etag}')  # put together anew at times: then once more
        assert answer.status == 304 or answer.headers["etag"] != etag
        return answer if answer.status == 304 else None

    answer = await eventually(not_modified)
    assert not answer.body
    assert answer.headers["etag"]
    assert "content-type" not in answer.headers


@pytest.mark.parametrize("etag", ["*", '"7"', "nonsense", '"1-2-3"', '"99999999999999999999-1-00000000"', ""])
async def test_a_tag_that_says_nothing_is_ignored(desk: Desk, etag: str) -> None:
    for path in ("/timeline", "/timeline?limit=100", "?includeTimeline=true"):
        answer = await desk.read(path, etag)
        assert answer.status == 200
        assert answer.body


async def test_a_new_fact_and_a_new_message_end_what_a_tag_stands_for(service: RunningService, desk: Desk) -> None:
    timeline, case = await desk.read(), await desk.read("?includeTimeline=true")
    await service.shop.add(every_fact("o-1", "c-1")[1:2])

    async def both_shown() -> bool:
        return versions(await desk.read()) == {1, 2}

    await eventually(both_shown)
    assert versions(await desk.read("/timeline", timeline.headers["etag"])) == {1, 2}
    assert (await desk.read("?includeTimeline=true", case.headers["etag"])).status == 200
    case = await desk.read("?includeTimeline=true")
    await desk.agent.say(case.body["ticket_id"], "It is on its way.")
    again = await desk.read("?includeTimeline=true", case.headers["etag"])
    assert again.status == 200
    assert again.headers["etag"] != case.headers["etag"]


async def test_the_tag_of_a_case_with_its_timeline_will_do_for_changing_the_case(desk: Desk) -> None:
    shown = await desk.read("?includeTimeline=true")
    changed = await desk.agent.ask("PATCH", desk.path, {"priority": "HIGH"}, If_Match=shown.headers["etag"])
    assert (changed.status, changed.headers["etag"]) == (200, '"2"')
    again = await desk.agent.ask("PATCH", desk.path, {"priority": "LOW"}, If_Match=shown.headers["etag"])
    assert again.status == 412


async def test_a_process_that_is_behind_shows_nothing_older_to_who_was_shown_more_elsewhere(
    service: RunningService, desk: Desk, behind: Person
) -> None:
    await hit(desk, behind)
    await service.shop.add(every_fact("o-1", "c-1")[1:2])

    async def shown_here() -> Answer | None:
        answer = await desk.read()
        return answer if versions(answer) == {1, 2} else None

    ahead = await eventually(shown_here)
    assert versions(await desk.read(of=behind)) == {1}, "the process was meant to be behind"
    assert versions(await desk.read("/timeline", ahead.headers["etag"], of=behind)) == {1, 2}
    assert versions(await desk.read(of=behind)) == {1, 2}  # it has caught up for everybody


async def test_of_two_pages_of_one_generation_the_later_fill_is_the_newer(desk: Desk, behind: Person) -> None:
    await hit(desk, behind)
    earlier = await desk.read(of=behind)
    later = await eventually(lambda: filled_after(desk, earlier))
    again = await desk.read("/timeline", later.headers["etag"], of=behind)
    assert as_of(again) >= as_of(later) > as_of(earlier)
    back = await desk.read("/timeline", earlier.headers["etag"])
    assert (back.status, back.headers["etag"]) == (200, later.headers["etag"])


async def filled_after(desk: Desk, earlier: Answer) -> Answer | None:
    answer = await desk.read()
    return answer if as_of(answer) > as_of(earlier) else None


def as_of(answer: Answer) -> str:
    return min(str(source["as_of"]) for source in answer.body["sources"])
