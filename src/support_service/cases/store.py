"""All SQL of cases and conversations."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from uuid import UUID

from support_service.cases import delivery_store
from support_service.cases.model import (
    AuthorType,
    Awaited,
    CaseFacts,
    Channel,
    Message,
    Priority,
    Status,
    Ticket,
    Waiting,
)
from support_service.directory import Sight
from support_service.kit.database import Row, Tx
from support_service.kit.ids import new_id
from support_service.kit.sql import load_queries
from support_service.kit.together import Sends, Together

_SQL = load_queries("support_service.cases")
_TICKET_FIELDS = tuple(field.name for field in fields(Ticket))
_MESSAGE_FIELDS = tuple(field.name for field in fields(Message) if field.name != "delivery")
_AFTER_ALL = UUID(int=2**128 - 1)
_UNDELIVERED = "ticket_id = ANY (ARRAY(SELECT ticket_id FROM support_reply_deliveries WHERE state = 'failed'))"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of cases is narrowed to; None does not narrow."""

    status: Sequence[Status] | None = None
    assignee: UUID | None = None
    team: str | None = None
    customer_id: str | None = None
    order_id: str | None = None
    undelivered: bool = False
    """Only those with a reply that has failed to reach the customer."""


def insert_ticket(together: Together, new: Ticket) -> None:
    """Add a case; what is sent with it reads it as `opened`, and `opened` gives what it then is."""
    together.keep(
        "opened",
        _SQL["insert_ticket"],
        new.ticket_id,
        new.customer_id,
        new.order_id,
        new.channel,
        new.subject,
        new.priority,
        new.status,
        new.team,
        new.language,
        new.contact,
        new.metadata,
        new.opened_by,
        new.created_at,
        new.linked_ticket_id,
    )


async def opened(together: Together, new: Ticket) -> Ticket:
    """Send what was gathered with a new case, and give the case with what the database made of it."""
    row = await together.fetchrow(_SQL["opened"])
    assert row is not None  # noqa: S101 - INSERT ... RETURNING always answers
    return replace(new, reference=row["reference"], contact=row["contact"], metadata=row["metadata"])


async def ticket(connection: Tx, ticket_id: UUID, *, lock: bool = False) -> Ticket | None:
    """The case as it stands, locked until the transaction ends if wanted."""
    row = await connection.fetchrow(_SQL["lock_ticket" if lock else "ticket"], ticket_id)
    return None if row is None else ticket_of(row)


async def case_facts(connection: Tx, ticket_ids: Collection[UUID]) -> dict[UUID, CaseFacts]:
    """What decides who sees a case and what its timeline is about, of those cases that there are."""
    rows = await connection.fetch(_SQL["case_facts"], list(ticket_ids))
    return {row["ticket_id"]: CaseFacts(*row) for row in rows}


async def cases_about(connection: Tx, orders: Collection[tuple[str, str]]) -> dict[tuple[str, str], list[CaseFacts]]:
    """The cases, not yet closed, whose timelines show these (customer, order): those about it, and those about no order."""
    rows = await connection.fetch(
        _SQL["cases_about"], [customer_id for customer_id, _ in orders], [order_id for _, order_id in orders]
    )
    found: dict[tuple[str, str], list[CaseFacts]] = {}
    for row in rows:
        *facts, moved = row
        found.setdefault((row["customer_id"], moved), []).append(CaseFacts(*facts))
    return found


async def lock_live(tx: Tx, after: UUID | None, limit: int) -> list[CaseFacts]:
    """The next cases by their ids that are not closed; what they are about stays until the transaction ends."""
    return [CaseFacts(*row) for row in await tx.fetch(_SQL["lock_live_cases"], after, limit)]


async def is_live(connection: Tx, ticket_id: UUID) -> bool:
    """Whether there is this case and it is not closed."""
    return bool(await connection.fetchval(_SQL["is_live"], ticket_id))


async def waiting(tx: Tx, order_ids: Collection[str], ticket_ids: Collection[UUID]) -> list[Waiting]:
    """The cases among these, and those about these orders, that wait for something; by their ids."""
    rows = await tx.fetch(_SQL["waiting_cases"], list(order_ids), list(ticket_ids))
    return [Waiting(row["ticket_id"], row["order_id"], Awaited(**row["waits_for"])) for row in rows]


async def unfinished_link(tx: Tx, ticket_id: UUID) -> CaseFacts | None:
    """The newest case that goes on from this one and is not closed."""
    row = await tx.fetchrow(_SQL["unfinished_link"], ticket_id)
    return None if row is None else CaseFacts(*row)


async def save(tx: Tx, after: Ticket, at: datetime) -> Ticket:
    """Write what may change of a locked case; its version grows by one."""
    row = await tx.fetchrow(
        _SQL["save_ticket"],
        after.ticket_id,
        after.order_id,
        after.subject,
        after.category,
        after.priority,
        after.status,
        after.assignee,
        after.team,
        list(after.tags),
        after.language,
        after.awaiting_since,
        after.first_responded_at,
        after.resolved_at,
        after.closed_at,
        at,
        None if after.waits_for is None else asdict(after.waits_for),
    )
    assert row is not None  # noqa: S101 - the row is locked by this transaction
    return ticket_of(row)


async def page(
    connection: Tx, sight: Sight, filters: Filters, *, teams: Collection[str], before: UUID | None, limit: int
) -> Sequence[Ticket]:
    """The newest cases in sight that match, older than `before`; `teams` are all, for whoever sees everything.

    Each way of narrowing walks an index that has its cases in order, so the work is bounded by the page, by one customer,
    or by the replies that failed.
    """
    statuses = sorted(set(filters.status or Status))
    if filters.customer_id is not None or filters.order_id is not None or filters.undelivered:
        rows = await _page_of_one(connection, sight, filters, before=before, limit=limit)
    elif filters.assignee is not None:
        seen = None if sight.everything or sight.opened_by is not None else sorted(sight.teams)
        whose: tuple[object, ...] = (filters.assignee, statuses, filters.team, seen, sight.opened_by)
        rows = await connection.fetch(_SQL["page_of_assignee"], limit, before or _AFTER_ALL, *whose)
    elif sight.opened_by is not None:
        whose = (sight.opened_by, statuses, filters.team)
        rows = await connection.fetch(_SQL["page_of_opener"], limit, before or _AFTER_ALL, *whose)
    elif sight.everything and filters.team is None and not filters.status:
        rows = await connection.fetch(_SQL["page_of_all"], limit, before or _AFTER_ALL)
    else:
        of = set(teams if sight.everything else sight.teams)
        whose = (sorted(of if filters.team is None else of & {filters.team}), statuses, filters.team is None)
        rows = await connection.fetch(_SQL["page_of_teams"], limit, before or _AFTER_ALL, *whose)
    return [ticket_of(row) for row in rows]


async def _page_of_one(
    connection: Tx, sight: Sight, filters: Filters, *, before: UUID | None, limit: int
) -> Sequence[Row]:
    """The same of one customer or order, or with a reply that failed: few, whatever else is wanted of them.

    The text is put together from fixed parts, as one text with `$1 IS NULL OR` for each filter gets one plan for all.
    """
    where, values = narrowed(sight, filters, before=before, first=2)
    text = f"SELECT * FROM support_tickets WHERE {where} ORDER BY ticket_id DESC LIMIT $1"  # noqa: S608 - fixed parts
    return await connection.fetch(text, limit, *values)


def narrowed(sight: Sight, filters: Filters, *, before: UUID | None, first: int) -> tuple[str, list[object]]:
    """The condition of cases in sight that match and are older than `before`, and its values from `$first` on."""
    wanted: list[tuple[str, object]] = []
    if sight.opened_by is not None:
        wanted.append(("opened_by = {}", sight.opened_by))
    elif not sight.everything:
        wanted.append(("(team IS NULL OR team = ANY({}))", sorted(sight.teams)))
    narrowing: tuple[tuple[str, object | None], ...] = (
        ("status = ANY({}::text[])", list(filters.status or ()) or None),
        ("assignee = {}", filters.assignee),
        ("team = {}", filters.team),
        ("customer_id = {}", filters.customer_id),
        ("order_id = {}", filters.order_id),
        ("ticket_id < {}", before),
    )
    wanted += [(clause, value) for clause, value in narrowing if value is not None]
    clauses = [clause.format(f"${n}") for n, (clause, _) in enumerate(wanted, first)]
    clauses += [_UNDELIVERED] if filters.undelivered else []
    return " AND ".join(["true", *clauses]), [value for _, value in wanted]


async def insert_message(
    tx: Tx,
    ticket_id: UUID,
    *,
    author_type: AuthorType,
    text: str,
    internal: bool,
    author_id: UUID,
    recorded_by: UUID | None,
    at: datetime,
) -> Message:
    """Add a message; the case's row is locked by this transaction, so numbers have no gaps and no ties.

    An agent's reply is queued for the case's carrier, if it has one.
    """
    row = await tx.fetchrow(
        _SQL["insert_message"], new_id(), ticket_id, author_type, text, at, internal, author_id, recorded_by
    )
    assert row is not None  # noqa: S101 - INSERT ... RETURNING always answers
    message = _message(row)
    if internal or author_type is not AuthorType.AGENT:
        return message
    return replace(message, delivery=await delivery_store.queue(tx, ticket_id, message.conversation_id))


async def insert_first_message(
    tx: Sends, ticket_id: UUID, *, text: str, author_id: UUID, recorded_by: UUID | None, at: datetime
) -> Message:
    """Add the customer's first message of a case that is opened by the same transaction."""
    message = Message(
        conversation_id=new_id(),
        ticket_id=ticket_id,
        number=1,
        author_type=AuthorType.CUSTOMER,
        message=text,
        internal=False,
        author_id=author_id,
        recorded_by=recorded_by,
        attachment_uri=None,
        sentiment=None,
        metadata=None,
        created_at=at,
        delivery=None,
    )
    first = (message.author_type, text, at, author_id, recorded_by)
    await tx.execute(_SQL["insert_first_message"], message.conversation_id, ticket_id, *first)
    return message


async def set_attachment_uri(tx: Tx, conversation_id: UUID, uri: str) -> None:
    """Name the first file that a message holds."""
    await tx.execute(_SQL["set_attachment_uri"], conversation_id, uri)


async def newest_messages(connection: Tx, ticket_id: UUID, limit: int) -> list[Message]:
    """The newest messages of a case, newest first."""
    return [_message(row) for row in await connection.fetch(_SQL["newest_messages"], ticket_id, limit)]


async def messages_before(connection: Tx, ticket_id: UUID, number: int, limit: int) -> list[Message]:
    """The messages before one, newest first."""
    return [_message(row) for row in await connection.fetch(_SQL["messages_before"], ticket_id, number, limit)]


async def newer_than_seen(connection: Tx, ticket_id: UUID, seen_through: UUID, reader: UUID) -> bool | None:
    """Whether others have written since; None when the message seen is not one of this case."""
    newer: bool | None = await connection.fetchval(_SQL["newer_than_seen"], ticket_id, seen_through, reader)
    return newer


async def workload(connection: Tx, agent_id: UUID) -> Sequence[Row]:
    """The unfinished cases of an agent, counted by status and priority, with the longest wait of each."""
    return await connection.fetch(_SQL["workload"], agent_id)


async def newest_of(connection: Tx, customer_id: str) -> UUID | None:
    """The newest case of a customer."""
    newest: UUID | None = await connection.fetchval(_SQL["newest_of"], customer_id)
    return newest


async def unfinished_with(connection: Tx, team: str) -> bool:
    """Whether there is an unfinished case of a team."""
    return bool(await connection.fetchval(_SQL["unfinished_with"], team))


async def backlog(connection: Tx) -> Sequence[Row]:
    """All unfinished cases, counted by status and priority."""
    return await connection.fetch(_SQL["backlog"])


def ticket_of(row: Row) -> Ticket:
    """A case as its row tells it."""
    values = {name: row[name] for name in _TICKET_FIELDS}
    return Ticket(
        **values
        | {
            "channel": Channel(row["channel"]),
            "priority": Priority(row["priority"]),
            "status": Status(row["status"]),
            "tags": tuple(row["tags"]),
            "waits_for": None if row["waits_for"] is None else Awaited(**row["waits_for"]),
        }
    )


def _message(row: Row) -> Message:
    values = {name: row[name] for name in _MESSAGE_FIELDS}
    delivery = delivery_store.shown_with(row)
    return Message(**values | {"author_type": AuthorType(row["author_type"]), "delivery": delivery})
