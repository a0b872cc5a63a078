"""The views are made once, made anew when they differ, and never missing meanwhile."""

import asyncio

import pytest

from support.shop import DAY, every_fact
from support.trino import SOURCE_NAMES, TrinoShop
from support_service.adapters.trino import TrinoError, TrinoLake, apply_view, view_statements
from support_service.ports.lake import LakeError


async def test_applying_again_changes_nothing(shop: TrinoShop) -> None:
    applied = await apply_view(shop.client, view=shop.view, selects=shop.selects)
    assert {one.state for one in applied} == {"unchanged"}
    assert [one.name for one in applied] == [*(f"{shop.view}_{name}" for name in SOURCE_NAMES), shop.view]


async def test_another_select_replaces_its_view_alone_while_readers_go_on(shop: TrinoShop, lake: TrinoLake) -> None:
    await shop.add(every_fact("o1", "c1"))
    stop = asyncio.Event()

    async def read() -> int:
        reads = 0
        while not stop.is_set():
            rows = await lake.facts(["o1"], sources=SOURCE_NAMES, since=DAY, limit=100, deadline_s=20)
            assert len(rows) == len(every_fact("o1", "c1"))
            reads += 1
        return reads

    reading = asyncio.create_task(read())
    for mark in ("1 = 1", "2 = 2"):
        changed = {**shop.selects, "fraud": f"{shop.selects['fraud']} WHERE {mark}"}
        applied = await apply_view(shop.client, view=shop.view, selects=changed)
        assert [one.name for one in applied if one.state == "replaced"] == [f"{shop.view}_fraud"]
        await asyncio.sleep(0.5)
    stop.set()
    assert await reading > 0
    await apply_view(shop.client, view=shop.view, selects=shop.selects)


async def test_in_an_empty_catalog_schema_and_views_are_made(shop: TrinoShop) -> None:
    view = f"{shop.view.partition('.')[0]}.made_anew.timeline"
    applied = await apply_view(shop.client, view=view, selects=shop.selects)
    assert {one.state for one in applied} == {"created"}
    assert await shop.query(f"SELECT count(*) FROM {view}") == [[0]]
    for one in reversed(applied):
        await shop.query(f"DROP VIEW {one.name}")
    await shop.query(f"DROP SCHEMA {view.rpartition('.')[0]}")


async def test_a_select_that_trino_does_not_take_is_told_in_its_words(shop: TrinoShop) -> None:
    with pytest.raises(TrinoError, match="no_such_column"):
        await apply_view(shop.client, view=shop.view, selects={**shop.selects, "fraud": "SELECT no_such_column"})
    await apply_view(shop.client, view=shop.view, selects=shop.selects)


async def test_one_source_without_its_view_is_that_sources_fault(shop: TrinoShop, lake: TrinoLake) -> None:
    await shop.query(f"DROP VIEW {shop.view}_fraud")
    with pytest.raises(LakeError) as raised:
        await lake.facts(["o1"], sources=SOURCE_NAMES, since=DAY, limit=1, deadline_s=20)
    assert raised.value.source == "fraud"


def test_the_statements_can_be_reviewed_without_a_trino(shop: TrinoShop) -> None:
    statements = view_statements("support.analytics.v", {"order": "SELECT 1", "fraud": "SELECT 2"})
    assert [one.name for one in statements] == [f"support.analytics.v{end}" for end in ("_order", "_fraud", "")]
    assert statements[-1].sql.endswith(
        "SELECT * FROM support.analytics.v_order\nUNION ALL\nSELECT * FROM support.analytics.v_fraud"
    )
    with pytest.raises(ValueError, match="plain view name"):
        view_statements("v; DROP", {})
