"""The demo's cases: every story is whole, and is told of an order that it fits."""

from collections import defaultdict
from datetime import UTC, datetime

import pytest

from support_service.demo.cases import Cast, cast, stories
from support_service.demo.facts import Customer, ShopFact
from support_service.demo.generate import generate
from support_service.demo.lifecycle import OrderState, state_of
from support_service.demo.people import LINH, PEOPLE, TEAMS, first_with_role, person

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)


def _orders() -> list[tuple[OrderState, Customer]]:
    customers, facts = generate(7, NOW)
    by_id = {customer.customer_id: customer for customer in customers}
    by_order: dict[str, list[ShopFact]] = defaultdict(list)
    for fact in facts:
        by_order[fact.order_id].append(fact)
    states = [state_of(told) for told in by_order.values()]
    return [(state, by_id[state.order.customer_id or ""]) for state in states]


def _casting() -> list[Cast]:
    return list(cast(stories(("vi", "en")), _orders(), NOW.date()))


def test_every_story_finds_an_order_of_its_own_in_the_simulated_shop() -> None:
    parts = _casting()

    assert len(parts) == len(stories(("vi", "en")))
    assert len({part.order.order.order_id for part in parts}) == len(parts)
    assert all(part.customer.language == part.story.language for part in parts)


def test_the_choice_of_orders_is_the_same_every_time() -> None:
    assert _casting() == _casting()


@pytest.mark.parametrize("languages", [("vi", "en"), ("pt", "en")], ids=str)
def test_about_25_cases_stand_over_all_teams_and_statuses(languages: tuple[str, ...]) -> None:
    told = stories(languages)

    assert 24 <= len(told) <= 27
    assert {story.team for story in told} == {*TEAMS, None}
    assert {story.status for story in told} == {"OPEN", "PENDING", "ON_HOLD", "RESOLVED", "CLOSED"}
    assert len({story.slug for story in told}) == len(told)


@pytest.mark.parametrize("language", ["vi", "en", "pt"])
def test_every_line_has_a_speaker_and_an_agent_who_sees_the_case_speaks(language: str) -> None:
    for story in stories((language,)):
        speakers = [speaker for speaker, _ in story.conversation]
        assert speakers[0] == "customer"
        assert set(speakers) <= {"customer", "bot", "agent", "note"}
        assert all(words for _, words in story.conversation)
        if {"agent", "note"} & set(speakers):
            assert story.agent is not None
            assert story.team is None or story.team in person(story.agent).teams


def test_the_default_agent_may_see_cases_whose_orders_move() -> None:
    moving = [part for part in _casting() if part.story.fits in {"preparing", "late", "under way"}]

    assert any(part.story.team in {*LINH.teams, None} for part in moving)


def test_people_have_unique_subjects_and_the_first_agent_is_the_default() -> None:
    assert len({who.subject for who in PEOPLE}) == len(PEOPLE)
    assert first_with_role("AGENT") == PEOPLE[0]
    assert {role for who in PEOPLE for role in who.roles} == {"AGENT", "SUPERVISOR", "ANALYST", "SERVICE"}
    with pytest.raises(LookupError):
        person("nobody")
    with pytest.raises(LookupError):
        first_with_role("CEO")
