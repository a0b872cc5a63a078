"""The campaign of events in its short form, on components of its own."""

import asyncio
import os
from math import ceil
from pathlib import Path

import pytest
from campaign.events import Plan, campaign
from campaign.story import chapters, chapters_of, shop_facts
from tools.stack import NotProvisioned, Stack

from support.olist import REAL

KILLS = 10
EVENTS = 20_000


@pytest.mark.timeout(600)
def test_ten_deaths_and_every_fault_leave_what_each_event_once_and_in_order_leaves(tmp_path: Path) -> None:
    if not os.environ.get("SUPPORT_REQUIRE_COMPONENTS"):
        try:
            Stack(tmp_path).refuse_unprovisioned("kafka", "toxiproxy")
        except NotProvisioned as reason:
            pytest.skip(str(reason))
    facts = shop_facts(REAL if REAL.is_dir() else None)
    number = chapters_of(facts, EVENTS, copies=1)
    plan = Plan(KILLS, chapters(facts, EVENTS, copies=1), kills_a_chapter=ceil(KILLS / number))
    verdict = asyncio.run(campaign(plan, print))
    assert verdict.wrong == []
    assert verdict.counts["kill -9"] == KILLS
    assert verdict.counts["events in the inbox"] == EVENTS
    assert verdict.counts["records sent"] >= 2 * EVENTS
    assert verdict.counts["facts in the contexts of cases"] > 0
    assert verdict.counts["dead letters"] >= EVENTS // 100 - number
