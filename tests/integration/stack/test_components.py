"""The real components, started from what the registries serve, do what the service's tests and benchmarks need."""

import json
import time
from contextlib import closing

import asyncpg
import pytest
from tools.stack import Proxies, Running, StackError
from tools.stack.components.trino import run_statement

from support.stack import SharedStack
from support_service.demo.tables import TABLES
from support_service.sources.catalog import SOURCES, timeline_view_sql

CATALOGS = {source.service: TABLES[source.name] for source in SOURCES}
VIEW = "support.analytics.vw_stack_test"


def ask_redis(redis: Running, *words: str) -> bytes:
    import socket

    host, _, port = redis.url.removeprefix("redis://").removesuffix("/0").partition(":")
    with closing(socket.create_connection((host, int(port)), timeout=5)) as connection:
        connection.sendall(f"{' '.join(words)}\r\n".encode())
        return connection.recv(4096)


def test_redis_runs_scripts_and_forgets_by_time(redis: Running) -> None:
    assert (
        ask_redis(redis, "EVAL", "\"return redis.call('set',KEYS[1],'v','PX','60000','GET')\"", "1", "stack")
        == b"$-1\r\n"
    )
    assert ask_redis(redis, "GETDEL", "stack") == b"$1\r\nv\r\n"


async def test_each_service_of_the_shop_has_its_own_database_with_its_own_table(stack: SharedStack) -> None:
    for catalog, table in CATALOGS.items():
        connection = await asyncpg.connect(stack["postgres"][f"shop_{catalog}"], timeout=5)
        try:
            there = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = 'shop'"
            assert [row[0] for row in await connection.fetch(there)] == [table]
        finally:
            await connection.close()


async def test_trino_reads_them_as_a_role_that_may_only_read(stack: SharedStack, trino: Running) -> None:
    with pytest.raises(StackError, match="permission denied"):
        run_statement(trino.url, "DELETE FROM orders.shop.order_history")


def test_trino_answers_over_all_catalogs(trino: Running) -> None:
    counts = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {trino[name]}" for name in CATALOGS)
    assert {row[0] for row in run_statement(trino.url, counts)} == set(CATALOGS)


async def test_the_sources_selects_are_a_view_there_that_outlives_a_restart(
    alone: None, stack: SharedStack, trino: Running
) -> None:
    orders = await asyncpg.connect(stack["postgres"]["shop_orders"], timeout=5)
    try:
        await orders.execute(
            "INSERT INTO shop.order_history (order_id, version, customer_id, status, occurred_at, time_known, currency)"
            " VALUES ('stack-test', 1, 'c', 'created', now(), true, 'EUR') ON CONFLICT DO NOTHING"
        )
    finally:
        await orders.close()
    tables = {source.name: trino[source.service] for source in SOURCES}
    run_statement(trino.url, f"CREATE OR REPLACE VIEW {VIEW} AS {timeline_view_sql(tables)}")
    url = trino.url
    trino.kill()
    trino.start()
    assert trino.url == url
    [[kind, data]] = run_statement(url, f"SELECT kind, data FROM {VIEW} WHERE order_id IN ('stack-test', 'other')")
    assert kind == "order.created"
    assert json.loads(str(data))["currency"] == "EUR"


def test_one_catalog_is_cut_and_the_others_answer(alone: None, trino: Running, proxies: Proxies) -> None:
    with proxies["fraud"].cut():
        with pytest.raises(StackError, match="JDBC_ERROR"):
            run_statement(trino.url, f"SELECT count(*) FROM {trino['fraud']}")
        assert run_statement(trino.url, f"SELECT count(*) FROM {trino['payments']}")
    assert run_statement(trino.url, f"SELECT count(*) FROM {trino['fraud']}")


def test_a_catalog_that_is_silent_is_known_within_seconds(alone: None, trino: Running, proxies: Proxies) -> None:
    with proxies["fraud"].silent():
        began = time.monotonic()
        with pytest.raises(StackError, match="JDBC_ERROR"):
            run_statement(trino.url, f"SELECT count(*) FROM {trino['fraud']}")
        assert 1 < time.monotonic() - began < 10


def test_the_services_queries_have_a_resource_group_of_their_own(trino: Running) -> None:
    marked = run_statement(trino.url, "SELECT 1", source="support-service-test")
    assert marked == [[1]]
    groups = "SELECT DISTINCT resource_group_id FROM system.runtime.queries WHERE source = 'support-service-test'"
    assert run_statement(trino.url, groups) == [[["support"]]]


def test_postgres_comes_back_with_its_data_at_the_same_address(alone: None, stack: SharedStack, trino: Running) -> None:
    postgres = stack["postgres"]
    url = postgres.url
    postgres.kill()
    postgres.start()
    assert postgres.url == url
    assert run_statement(trino.url, f"SELECT count(*) FROM {trino['orders']}")


def test_every_setting_of_a_catalog_is_written_down_with_its_reason(stack: SharedStack, trino: Running) -> None:
    lines = (trino.log.parent / "etc" / "catalog" / "orders.properties").read_text().splitlines()
    names = [line.partition("=")[0] for line in lines if not line.startswith("#")]
    assert {"metadata.cache-ttl", "metadata.cache-missing", "domain-compaction-threshold"} <= set(names)
    assert {"dynamic-filtering.wait-timeout", "connection-url"} <= set(names)
    assert (trino.log.parent / "etc" / "catalog" / "orders.properties").stat().st_mode & 0o077 == 0


def test_what_trino_warns_of_its_configuration_is_nothing(trino: Running) -> None:
    said = trino.log.read_text()
    assert "was not used" not in said
    assert "deprecated and should not be used" not in said


def test_the_addresses_stand_in_a_file(trino: Running) -> None:
    told = json.loads((trino.log.parents[1] / "stack.json").read_text())
    assert told["trino"]["url"] == trino.url
