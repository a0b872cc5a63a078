"""Lists of cases: each way of narrowing finds what a look at every case finds, and reads little more than it shows."""

import itertools
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from support.postgres import DatabaseDsns
from support_service.cases import Filters, Status, store
from support_service.directory import Sight
from support_service.kit.database import Database, Tx

_TEAMS = ["east", "north", "south", "west"]
_AGENTS = [UUID(int=n) for n in (1, 2, 3)]
_FILL = """
    INSERT INTO support_tickets (ticket_id, reference, customer_id, order_id, channel, subject, priority, status, assignee,
        team, version, opened_by, created_at, updated_at)
    SELECT uuidv7(n * interval '1 minute'), 'R-' || n, 'c-' || n % 400, 'o-' || n % 2000, 'WEB', 'made', 'NORMAL',
        CASE WHEN team = 'west' THEN 'CLOSED' ELSE (ARRAY['CLOSED', 'RESOLVED', 'CLOSED', 'OPEN', 'PENDING'])[n % 5 + 1] END,
        (ARRAY[NULL, $2::uuid, $3::uuid])[n % 3 + 1], team, 1, $2, now(), now()
    FROM (SELECT n, (ARRAY['east', 'north', 'west', NULL, 'west', 'west'])[n % 6 + 1] AS team FROM generate_series(1, $1::int) n) m
"""
_ROWS_READ = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'support_tickets'"
_SHOWN = 26


@pytest.fixture
async def connection(database_dsns: DatabaseDsns) -> AsyncIterator[Tx]:
    """A connection to a database with 6,000 cases, none of which is on hold, and none of the west's open."""
    database = Database(database_dsns.owner, name="test")
    async with database.connection() as made:
        await made.execute(
            "INSERT INTO support_teams (team, name, created_at) SELECT team, team, now() FROM unnest($1::text[]) team",
            _TEAMS,
        )
        await made.execute(
            "INSERT INTO support_agents (agent_id, issuer, subject, roles, teams, created_at, last_seen_at)"
            " SELECT id, 'i', id::text, '{}', '{}', now(), now() FROM unnest($1::uuid[]) id",
            _AGENTS,
        )
        await made.execute("INSERT INTO support_customers SELECT 'c-' || n, 0, now() FROM generate_series(0, 399) n")
        await made.execute(_FILL, 6_000, *_AGENTS[:2])
        await made.execute("ANALYZE support_tickets")
        yield made
    await database.close()


def _sights() -> list[Sight]:
    return [
        Sight(everything=True, teams=frozenset({"east"}), opened_by=None),
        Sight(everything=False, teams=frozenset({"east", "west"}), opened_by=None),
        Sight(everything=False, teams=frozenset(), opened_by=None),
        *(Sight(everything=False, teams=frozenset(), opened_by=agent) for agent in _AGENTS[:2]),
    ]


def _filters() -> list[Filters]:
    statuses = (None, [Status.OPEN], [Status.OPEN, Status.PENDING, Status.OPEN], [Status.ON_HOLD])
    teams, assignees = (None, "east", "south", "nowhere"), (None, _AGENTS[1], _AGENTS[2])
    narrowed = [Filters(*each) for each in itertools.product(statuses, assignees, teams)]
    ones = itertools.product(statuses[:3], assignees[:2], teams[:2], (None, "c-3"), ("o-43", None))
    return narrowed + [Filters(*each) for each in ones if each[-1] or each[-2]]


async def _found(connection: Tx, sight: Sight, filters: Filters, limit: int) -> list[UUID]:
    found: list[UUID] = []
    while True:
        before = found[-1] if found else None
        page = await store.page(connection, sight, filters, teams=_TEAMS, before=before, limit=limit)
        found += [ticket.ticket_id for ticket in page]
        if len(page) < limit:
            return found


async def test_every_way_of_narrowing_finds_what_a_look_at_every_case_finds(connection: Tx) -> None:
    everything = Sight(everything=True, teams=frozenset(), opened_by=None)
    tickets = await store.page(connection, everything, Filters(), teams=_TEAMS, before=None, limit=10_000)
    assert len(tickets) == await connection.fetchval("SELECT count(*) FROM support_tickets") == 6_000
    sizes = set()
    for sight, filters in itertools.product(_sights(), _filters()):
        wanted = [
            ticket.ticket_id
            for ticket in sorted(tickets, key=lambda each: each.ticket_id, reverse=True)
            if sight.sees(ticket.team, ticket.opened_by)
            and (filters.status is None or ticket.status in filters.status)
            and all(
                getattr(filters, name) in (None, getattr(ticket, name))
                for name in ("assignee", "team", "customer_id", "order_id")
            )
        ]
        sizes.add(len(wanted))
        for limit in (700, 1_600) if len(wanted) > 50 else (7, 51):
            assert await _found(connection, sight, filters, limit) == wanted, (sight, filters, limit)
    assert {0, 6_000} < sizes


@pytest.mark.parametrize(
    ("sight", "filters"),
    [
        (
            Sight(everything=False, teams=frozenset({"west", "south"}), opened_by=None),
            Filters([Status.OPEN], team="west"),
        ),
        (Sight(everything=False, teams=frozenset({"west", "east"}), opened_by=None), Filters([Status.OPEN])),
        (Sight(everything=False, teams=frozenset({"west"}), opened_by=None), Filters([Status.ON_HOLD])),
        (Sight(everything=True, teams=frozenset(), opened_by=None), Filters([Status.ON_HOLD])),
        (Sight(everything=True, teams=frozenset(), opened_by=None), Filters([Status.ON_HOLD], assignee=_AGENTS[1])),
        (Sight(everything=False, teams=frozenset(), opened_by=_AGENTS[0]), Filters([Status.ON_HOLD])),
        (Sight(everything=False, teams=frozenset({"west"}), opened_by=None), Filters()),
        (Sight(everything=True, teams=frozenset(), opened_by=None), Filters()),
        (Sight(everything=True, teams=frozenset(), opened_by=None), Filters(customer_id="c-3")),
    ],
)
async def test_a_page_reads_few_rows_however_deep_it_is_and_however_few_match(
    connection: Tx, sight: Sight, filters: Filters
) -> None:
    deep = await connection.fetchval("SELECT ticket_id FROM support_tickets ORDER BY ticket_id OFFSET 1000 LIMIT 1")
    for before in (None, deep):
        for _ in range(8):  # from the sixth time on PostgreSQL may use one plan for all values
            async with connection.transaction():
                first = await connection.fetchval(_ROWS_READ)
                await store.page(connection, sight, filters, teams=_TEAMS, before=before, limit=_SHOWN)
                read = await connection.fetchval(_ROWS_READ) - first
            assert read <= _SHOWN * (1 + (len(_TEAMS) + 1) * len(Status))
