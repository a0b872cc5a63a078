"""Finding cases by words: the SQL of `support_case_search`, which has a row for a case's head and one for each message.

Every term of a query must stand somewhere in a case. However many cases there are, one search reads so many only:

1. few texts hold its rarest term: their cases, newest first, until the page is full;
2. else the newest cases, which fill the page when a term is common;
3. else the cases of all texts that hold the term, if there are at most `MOST_HITS`;
4. else the cases of a window, and the page says how far that reaches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from support_service.cases import metrics
from support_service.cases.model import Message, NewCase, Ticket
from support_service.cases.store import Filters, narrowed, ticket, ticket_of
from support_service.directory import Sight
from support_service.kit.database import Tx
from support_service.kit.sql import load_queries
from support_service.kit.together import Together
from support_service.kit.words import texts_in, words_of

FEW_HITS = 1_000
"""Texts that are read before any case is."""

NEWEST = 500
"""Cases that are looked through, whoever sees them, before more texts are read."""

MOST_HITS = 25_000
"""Texts that one search reads at most."""

WINDOW = 5_000
"""Cases that one search looks through at most for terms that stand in more texts."""

_HEAD = 0
"""The number of a case's head; messages count from 1."""

_SQL = load_queries("support_service.cases")


@dataclass(frozen=True, slots=True)
class Found:
    """Cases that were found, newest first; `looked_to`: older ones than this were not looked at, whatever is in them."""

    tickets: Sequence[Ticket]
    looked_to: UUID | None = None


async def write_opened(together: Together, case: NewCase) -> None:
    """Let a case that is sent as `opened` be found."""
    head = _joined(*_said(case.subject, case.customer_id, case.order_id), *texts_in(case.contact))
    await together.execute(_SQL["insert_words_of_opened"], head, _joined(case.description))


async def write_head(tx: Tx, changed: Ticket) -> None:
    """Let a case be found by what its head says now."""
    await tx.execute(_SQL["insert_words"], changed.ticket_id, _HEAD, False, _head(changed))


async def write_message(tx: Tx, message: Message) -> None:
    """Let a case be found by a message that was just added."""
    words = _joined(message.message)
    await tx.execute(_SQL["insert_words"], message.ticket_id, message.number, message.internal, words)


async def find(
    tx: Tx, sight: Sight, filters: Filters, terms: Sequence[str], *, before: UUID | None, limit: int
) -> Found:
    """The newest cases in sight that match the filters and hold every term, older than `before`.

    Whoever sees only what they opened is a machine, and does not find by internal notes.
    """
    await tx.execute(_SQL["always_by_index"])
    terms = sorted(terms, key=len, reverse=True)  # the longest is likely to be the rarest
    notes = sight.opened_by is None
    values: list[object] = [limit, notes, *terms]
    where, narrowing = narrowed(sight, filters, before=before, first=len(values) + 1)
    wanted = _Wanted(f"{where} AND {_holds(len(terms))}", [*values, *narrowing], before)
    if filters.customer_id is not None or filters.order_id is not None:
        return _by("named", await _walk(tx, wanted, None))
    for number, term in enumerate(terms):
        if await tx.fetchval(_SQL["hits"], term, notes, FEW_HITS + 1) <= FEW_HITS:
            return _by("rare", await _of_hits(tx, wanted, number) or Found(()))
    newest = await _walk(tx, wanted, NEWEST)
    if len(newest.tickets) == limit or newest.looked_to is None:
        return _by("newest", newest)
    found = await _of_hits(tx, wanted, 0)
    return _by("window", await _walk(tx, wanted, WINDOW)) if found is None else _by("texts", found)


def _by(way: str, found: Found) -> Found:
    metrics.SEARCHES.labels(way).inc()
    return found


class _Wanted(NamedTuple):
    """The condition of what is to be found with its values: the limit, whether by notes, the terms, and what narrows."""

    where: str
    values: list[object]
    before: UUID | None


async def _of_hits(tx: Tx, wanted: _Wanted, number: int) -> Found | None:
    """What is found among the texts that hold a term; None if these are too many."""
    most = f"${len(wanted.values) + 1}"
    text = f"""
        WITH hits AS MATERIALIZED (
            SELECT ticket_id AS hit FROM support_case_search
            WHERE words @@ ${3 + number}::tsquery AND ($2 OR NOT internal) LIMIT {most}::int + 1
        )
        SELECT (SELECT count(*) FROM hits) > {most} AS too_many, found.* FROM (VALUES (1)) AS one LEFT JOIN (
            SELECT t.* FROM (SELECT DISTINCT hit FROM hits ORDER BY hit DESC) AS newest
            CROSS JOIN LATERAL (SELECT * FROM support_tickets WHERE ticket_id = hit AND {wanted.where} OFFSET 0) AS t
            WHERE (SELECT count(*) FROM hits) <= {most} LIMIT $1
        ) AS found ON true"""  # noqa: S608 - fixed parts
    rows = await tx.fetch(text, *wanted.values, MOST_HITS)
    return None if rows[0]["too_many"] else Found([ticket_of(row) for row in rows if row["ticket_id"] is not None])


async def _walk(tx: Tx, wanted: _Wanted, most: int | None) -> Found:
    """What is found among so many of the newest cases, whoever sees these."""
    end: UUID | None = None if most is None else await tx.fetchval(_SQL["window_end"], wanted.before, most - 1)
    where, values = wanted.where, wanted.values
    if end is not None:
        where, values = f"ticket_id >= ${len(values) + 1} AND {where}", [*values, end]
    text = f"SELECT * FROM support_tickets WHERE {where} ORDER BY ticket_id DESC LIMIT $1"  # noqa: S608 - fixed parts
    return Found([ticket_of(row) for row in await tx.fetch(text, *values)], end)


def _holds(terms: int) -> str:
    """The condition that a case holds every one of so many terms, each in whichever of its texts."""
    each = " AND ".join(f"bool_or(words @@ ${3 + number}::tsquery)" for number in range(terms))
    found = "FROM support_case_search AS s WHERE s.ticket_id = support_tickets.ticket_id AND ($2 OR NOT s.internal)"
    return f"(SELECT {each} {found})"


async def fill(tx: Tx, since: UUID, limit: int) -> int:
    """Let messages be found, and the heads of their cases, that were written without their words; says how many there were.

    Args:
        tx: their transaction.
        since: the least id of a message to look at.
        limit: how many at most.
    """
    rows = await tx.fetch(_SQL["without_words"], since, limit)
    for row in rows:
        known = await ticket(tx, row["ticket_id"]) if row["number"] == 1 else None
        if known is not None:
            await write_head(tx, known)
    said = [(row["ticket_id"], row["number"], row["internal"], _joined(row["message"])) for row in rows]
    if said:
        await tx.execute(_SQL["fill_words"], *map(list, zip(*said, strict=True)))
    return len(rows)


def _joined(*texts: str) -> str:
    """The words of texts as one text, in which no word has a space: the driver takes ten times as long for a list."""
    return " ".join(words_of(*texts))


def _head(case: Ticket) -> str:
    said = _said(case.reference, case.subject, case.customer_id, case.order_id, case.category, *case.tags)
    return _joined(*said, *texts_in(case.contact))


def _said(*texts: str | None) -> Iterator[str]:
    return filter(None, texts)
