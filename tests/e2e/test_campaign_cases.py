"""The campaign of cases in its short form, on processes of its own."""

import asyncio

import pytest
from campaign.cases import Plan, campaign

KILLS = 24
SECONDS = 150.0
"""At most; a machine with two idle cores needs about 70."""


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_desk_whose_servers_and_workers_are_killed_at_every_point_loses_and_doubles_nothing() -> None:
    verdict = asyncio.run(campaign(Plan(KILLS, SECONDS), print))
    assert verdict.wrong == []
    assert verdict.counts["kill -9"] >= KILLS
    assert verdict.counts["cases acknowledged"] > KILLS
    assert verdict.counts["messages acknowledged"] > KILLS
    assert verdict.counts["changes acknowledged"] > 0
    assert verdict.counts["refused by case-changed"] > 0
    assert verdict.counts["refused by conversation-moved"] > 0
    assert verdict.counts["requests that got no answer"] > 0
    assert verdict.counts["resumptions of the stream"] > 1
