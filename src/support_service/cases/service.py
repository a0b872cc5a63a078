"""The use cases of cases. Each runs in its caller's transaction and writes its event to the log and the activity in it.

Whoever changes a case locks its row first, so that versions, message numbers and log rows of one case are in one order.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from support_service import activity
from support_service.cases import delivery_store, errors, events, metrics, search, store
from support_service.cases.model import (
    MOVES,
    UNFINISHED,
    AuthorType,
    CaseFacts,
    Message,
    NewCase,
    NewMessage,
    Priority,
    Response,
    Standing,
    Status,
    Ticket,
    Waiting,
    after_message,
)
from support_service.cases.search import Found
from support_service.cases.store import Filters
from support_service.directory import Directory, Principal, Role
from support_service.kit.clock import Clock
from support_service.kit.database import Database, Tx
from support_service.kit.eventlog import append
from support_service.kit.ids import first_id_at, new_id
from support_service.kit.together import Sends, Together
from support_service.sources import subjects

CONVERSATION_SHOWN = 200
"""Messages given with a case; older ones have a list of their own."""

_WORDS_OF_HEAD = {"subject", "order_id", "category", "tags"}
"""The fields by whose words a case is found, of those that can change."""

_FILLED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Opened:
    """A case just opened and its first message."""

    ticket: Ticket
    message: Message


@dataclass(frozen=True, slots=True)
class Posted:
    """A message just posted, the case it stands in, and the wait it ended; `linked` when it opened a new case."""

    message: Message
    ticket: Ticket
    response: Response | None
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """The newest messages of a case, oldest first; `older` says whether there are more.

    `carrier` is the client that brings replies to the customer; None: nobody does, as a person opened the case.
    """

    messages: Sequence[Message]
    older: bool
    carrier: UUID | None


@dataclass(frozen=True, slots=True)
class Workload:
    """What lies with one agent: counts of unfinished cases and the longest wait of a customer, in seconds."""

    agent_id: UUID
    open: int
    by_status: dict[str, int]
    by_priority: dict[str, int]
    oldest_wait_seconds: float


class Cases:
    """Opening, reading, answering and changing cases."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        """Take what the use cases need besides a transaction."""
        self._directory = directory
        self._clock = clock

    async def open_case(self, tx: Tx, principal: Principal, case: NewCase) -> Opened:
        """Open a case; its description is the customer's first message.

        All of it is written by one statement, which is a transaction of its own where the caller has none.

        A case for no team yet belongs to the team of who opens it, when they have exactly one.

        Raises:
            OrderOfAnotherCustomer: the order is known to be somebody else's.
        """
        now = self._clock.now()
        team = case.team or (next(iter(principal.teams)) if len(principal.teams) == 1 else None)
        together = Together(tx)
        new = case.ticket(new_id(), team=team, opened_by=principal.principal_id, at=now)
        if case.order_id is not None:
            await subjects.claim(together, case.order_id, case.customer_id)
        await self._directory.ensure_customer(together, case.customer_id)
        message = await store.insert_first_message(
            together,
            new.ticket_id,
            text=case.description,
            author_id=principal.principal_id,
            recorded_by=None if Role.SERVICE in principal.roles else principal.principal_id,
            at=now,
        )
        await append(together, _opening(new), subject=str(new.ticket_id), sequence=new.version)
        await self._note(together, principal, "case.opened", new)
        store.insert_ticket(together, new)
        await search.write_opened(together, case)
        with subjects.refusing_claims(errors.OrderOfAnotherCustomer):
            ticket = await store.opened(together, new)
        return Opened(ticket, message)

    async def read(self, connection: Tx, principal: Principal, ticket_id: UUID) -> tuple[Ticket, Conversation]:
        """A case with its newest messages.

        Raises:
            CaseNotFound: there is none, or none in this principal's sight.
        """
        ticket = self._in_sight(await store.ticket(connection, ticket_id), principal)
        newest = await store.newest_messages(connection, ticket_id, CONVERSATION_SHOWN + 1)
        carrier = await delivery_store.carrier(connection, ticket_id)
        shown = newest[CONVERSATION_SHOWN - 1 :: -1]
        return ticket, Conversation(shown, older=len(newest) > CONVERSATION_SHOWN, carrier=carrier)

    async def facts(self, connection: Tx, ticket_id: UUID) -> CaseFacts:
        """What decides who sees a case and what its timeline is about, whoever asks.

        Raises:
            CaseNotFound: there is none.
        """
        found = await store.case_facts(connection, [ticket_id])
        if not found:
            raise errors.CaseNotFound
        return found[ticket_id]

    async def facts_of_many(self, connection: Tx, ticket_ids: Collection[UUID]) -> dict[UUID, CaseFacts]:
        """The same of many cases, without those that there are not."""
        return await store.case_facts(connection, ticket_ids)

    async def live_after(self, tx: Tx, after: UUID | None, limit: int) -> list[CaseFacts]:
        """The next cases by their ids that are not closed; what they are about stays until the transaction ends."""
        return await store.lock_live(tx, after, limit)

    async def about(
        self, connection: Tx, orders: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], list[CaseFacts]]:
        """By (customer, order): the cases, not yet closed, whose timelines show it."""
        return await store.cases_about(connection, orders)

    async def messages_before(
        self, connection: Tx, principal: Principal, ticket_id: UUID, *, number: int, limit: int
    ) -> list[Message]:
        """Older messages of a case, newest first.

        Raises:
            CaseNotFound: there is none, or none in this principal's sight.
        """
        must_see(principal, await self.facts(connection, ticket_id))
        return await store.messages_before(connection, ticket_id, number, limit)

    async def list_cases(
        self, connection: Tx, principal: Principal, filters: Filters, *, before: UUID | None, limit: int
    ) -> Sequence[Ticket]:
        """The newest cases in this principal's sight that match, older than `before`."""
        teams = await self._directory.teams(connection) if principal.sight.everything else ()
        return await store.page(connection, principal.sight, filters, teams=teams, before=before, limit=limit)

    async def search(
        self,
        tx: Tx,
        principal: Principal,
        filters: Filters,
        terms: Sequence[str],
        *,
        before: UUID | None,
        limit: int,
    ) -> Found:
        """The same of those that hold every one of these terms (`kit.words.tsqueries`), as far as was looked at once."""
        return await search.find(tx, principal.sight, filters, terms, before=before, limit=limit)

    async def fill_words(self, database: Database, since: datetime) -> int:
        """Let be found what was written since then without its words, as the version before does; says how much."""
        filled, least = 0, first_id_at(since)
        while True:
            async with database.transaction() as tx:
                found = await search.fill(tx, least, _FILLED_AT_ONCE)
            filled += found
            if found < _FILLED_AT_ONCE:
                return filled

    async def newest_of(self, connection: Tx, customer_id: str) -> UUID | None:
        """The newest case of a customer, whoever sees it."""
        return await store.newest_of(connection, customer_id)

    async def unfinished_with(self, connection: Tx, team: str) -> bool:
        """Whether cases lie with a team that are not finished."""
        return await store.unfinished_with(connection, team)

    async def workload(self, connection: Tx, agent_id: UUID) -> Workload:
        """What lies with an agent now."""
        by_status: dict[str, int] = {status.value: 0 for status in sorted(UNFINISHED)}
        by_priority: dict[str, int] = {}
        oldest: datetime | None = None
        for row in await store.workload(connection, agent_id):
            by_status[row["status"]] += row["cases"]
            by_priority[row["priority"]] = by_priority.get(row["priority"], 0) + row["cases"]
            since = row["awaiting_since"]
            oldest = min(filter(None, (oldest, since)), default=None)
        wait = 0.0 if oldest is None else (self._clock.now() - oldest).total_seconds()
        return Workload(agent_id, sum(by_status.values()), by_status, by_priority, max(0.0, wait))

    async def measure(self, connection: Tx) -> None:
        """Set the gauges of the backlog: counts, the unanswered, and the longest wait."""
        counts = dict.fromkeys(((status, priority) for status in UNFINISHED for priority in Priority), 0)
        unanswered, oldest = 0, None
        for row in await store.backlog(connection):
            counts[Status(row["status"]), Priority(row["priority"])] = row["cases"]
            unanswered += row["unanswered"]
            oldest = min(filter(None, (oldest, row["awaiting_since"])), default=None)
        for (status, priority), cases in counts.items():
            metrics.BACKLOG.labels(status, priority).set(cases)
        metrics.UNANSWERED.set(unanswered)
        wait = 0.0 if oldest is None else (self._clock.now() - oldest).total_seconds()
        metrics.LONGEST_WAIT_SECONDS.set(max(0.0, wait))

    async def post_message(self, tx: Tx, principal: Principal, ticket_id: UUID, new: NewMessage) -> Posted:
        """Add a message to a case.

        A customer's message opens a resolved case again; on a closed one it opens a new case that is linked to it, or
        stands in the one it opened before.

        Raises:
            CaseNotFound: there is none, or none in this principal's sight.
            CaseClosed: a public reply on a closed case.
            ConversationMoved: others have written since the message that `seen_through` names.
            UnknownMessage: `seen_through` is not a message of this case.
        """
        ticket = self._in_sight(await store.ticket(tx, ticket_id, lock=True), principal)
        if new.seen_through is not None:
            await self._must_be_up_to_date(tx, principal, ticket_id, new.seen_through)
        if ticket.status is Status.CLOSED and not new.internal:
            if new.author_type is not AuthorType.CUSTOMER:
                raise errors.CaseClosed
            return await self._go_on(tx, principal, ticket, new)
        now = self._clock.now()
        by_person = new.author_type is AuthorType.CUSTOMER and Role.SERVICE not in principal.roles
        message = await store.insert_message(
            tx,
            ticket_id,
            author_type=new.author_type,
            text=new.text,
            internal=new.internal,
            author_id=principal.principal_id,
            recorded_by=principal.principal_id if by_person else None,
            at=now,
        )
        await search.write_message(tx, message)
        before = Standing(ticket.status, ticket.awaiting_since, ticket.first_responded_at)
        standing, waited = after_message(before, new, now)
        after = replace(
            ticket,
            status=standing.status,
            awaiting_since=standing.awaiting_since,
            first_responded_at=standing.first_responded_at,
            resolved_at=None if standing.status is Status.OPEN else ticket.resolved_at,
        )
        saved = await store.save(tx, after, now)
        await self._log_message(tx, saved, message)
        if ticket.status is not saved.status:
            await log_status(tx, ticket.status, saved)
        await self._note(tx, principal, "message.posted", saved, conversation_id=str(message.conversation_id))
        kind = "first" if ticket.first_responded_at is None else "next"
        return Posted(message, saved, None if waited is None else Response(kind, waited, saved.channel))

    async def set_attachment_uri(self, tx: Tx, message: Message, uri: str) -> Message:
        """Name the first file that a message holds, in the transaction that posts it; gives the message as it is then."""
        await store.set_attachment_uri(tx, message.conversation_id, uri)
        return replace(message, attachment_uri=uri)

    async def change(
        self, tx: Tx, principal: Principal, ticket_id: UUID, *, version: int, changes: dict[str, object]
    ) -> Ticket:
        """Change fields of a case that is at this version; `changes` holds fields of `Ticket` under their names.

        Raises:
            CaseNotFound: there is none, or none in this principal's sight.
            CaseChanged: it is not at this version any more.
            MoveNotAllowed: the state machine has no such move.
            AssigneeNotAllowed: unknown assignee or team, or one an agent may not give a case to.
            OrderOfAnotherCustomer: the order is known to be somebody else's.
            NoOrderToWaitFor: it is to wait for something, and is about no order.
        """
        ticket = self._in_sight(await store.ticket(tx, ticket_id, lock=True), principal)
        if ticket.version != version:
            raise errors.CaseChanged(version=ticket.version)
        wanted = replace(ticket, **changes)  # type: ignore[arg-type]
        changed = tuple(sorted(name for name in changes if getattr(wanted, name) != getattr(ticket, name)))
        if not changed:
            return ticket
        if "status" in changed and wanted.status not in MOVES[ticket.status]:
            raise errors.MoveNotAllowed(
                f"From {ticket.status} a case can go to: {', '.join(sorted(MOVES[ticket.status])) or 'nowhere'}."
            )
        await self._may_give(
            tx,
            principal,
            assignee=wanted.assignee if "assignee" in changed else None,
            team=wanted.team if "team" in changed else None,
        )
        if "order_id" in changed:
            await self._claim_order(tx, wanted.order_id, wanted.customer_id)
        if "waits_for" in changed and wanted.waits_for is not None and wanted.order_id is None:
            raise errors.NoOrderToWaitFor
        if wanted.status is Status.CLOSED or ("order_id" in changed and "waits_for" not in changed):
            wanted = replace(wanted, waits_for=None)
        saved = await store.save(tx, _with_times(ticket, wanted, self._clock.now()), self._clock.now())
        await self._log_changes(tx, ticket, saved, changed)
        await self._note(tx, principal, "case.changed", saved, fields=list(changed))
        return saved

    async def waiting(self, tx: Tx, order_ids: Collection[str], ticket_ids: Collection[UUID]) -> list[Waiting]:
        """The cases among these, and those about these orders, that wait for something; by their ids."""
        return await store.waiting(tx, order_ids, ticket_ids)

    async def awaited_came(self, tx: Tx, waiting: Waiting, entry_id: str) -> bool:
        """What a case waits for has come, as this entry tells: it is opened again. Says whether it still waited for that."""
        ticket = await store.ticket(tx, waiting.ticket_id, lock=True)
        if ticket is None or (ticket.order_id, ticket.waits_for) != (waiting.order_id, waiting.awaited):
            return False
        if ticket.status is Status.CLOSED:  # by a process of the version before, which knows of no waiting
            return False
        after = replace(ticket, status=Status.OPEN, waits_for=None, resolved_at=None)
        saved = await store.save(tx, after, self._clock.now())
        came = events.AwaitedCame(
            ticket_id=saved.ticket_id,
            source=waiting.awaited.source,
            status=waiting.awaited.status,
            entry_id=entry_id,
            assignee=saved.assignee,
            team=saved.team,
        )
        await append(tx, came, subject=str(saved.ticket_id), sequence=saved.version)
        if ticket.status is not saved.status:
            await log_status(tx, ticket.status, saved)
        return True

    def _in_sight(self, ticket: Ticket | None, principal: Principal) -> Ticket:
        if ticket is None:
            raise errors.CaseNotFound
        must_see(principal, ticket.facts)
        return ticket

    async def _claim_order(self, tx: Tx, order_id: str | None, customer_id: str) -> None:
        if order_id is not None:
            with subjects.refusing_claims(errors.OrderOfAnotherCustomer):
                await subjects.claim(tx, order_id, customer_id)

    async def _must_be_up_to_date(self, tx: Tx, principal: Principal, ticket_id: UUID, seen_through: UUID) -> None:
        newer = await store.newer_than_seen(tx, ticket_id, seen_through, principal.principal_id)
        if newer is None:
            raise errors.UnknownMessage
        if newer:
            raise errors.ConversationMoved

    async def _may_give(self, tx: Tx, principal: Principal, *, assignee: UUID | None, team: str | None) -> None:
        """Refuse a new assignee or team that this principal may not give a case to; None is always allowed."""
        member = None if assignee is None else await self._directory.agent(tx, assignee)
        if assignee is not None and (member is None or not member.roles & {Role.AGENT, Role.SUPERVISOR}):
            raise errors.AssigneeNotAllowed("There is no such agent.")
        if team is not None and not await self._directory.team_exists(tx, team):
            raise errors.AssigneeNotAllowed("There is no such team.")
        if Role.SUPERVISOR in principal.roles:
            return
        if team is not None and team not in principal.teams:
            raise errors.AssigneeNotAllowed("An agent gives cases to the agent's own teams only.")
        if member is not None and member.agent_id != principal.principal_id and not member.teams & principal.teams:
            raise errors.AssigneeNotAllowed("An agent gives cases to members of the agent's own teams only.")

    async def _go_on(self, tx: Tx, principal: Principal, closed: Ticket, new: NewMessage) -> Posted:
        """A customer's message on a closed case: said in the case that goes on from it, which it opens if need be."""
        linked = await store.unfinished_link(tx, closed.ticket_id)
        if linked is not None and in_sight(principal, linked):
            return await self.post_message(tx, principal, linked.ticket_id, replace(new, seen_through=None))
        return await self._open_linked(tx, principal, closed, new.text)

    async def _open_linked(self, tx: Tx, principal: Principal, closed: Ticket, text: str) -> Posted:
        """Go on from a closed case, with its team; without its order if that turned out to be another customer's."""
        owner = None if closed.order_id is None else await subjects.owner_of(tx, closed.order_id)
        case = NewCase(
            customer_id=closed.customer_id,
            order_id=closed.order_id if owner in {None, closed.customer_id} else None,
            channel=closed.channel,
            subject=closed.subject,
            description=text,
            priority=closed.priority,
            language=closed.language,
            contact=closed.contact,
            metadata=None,
            linked_ticket_id=closed.ticket_id,
            team=closed.team,
        )
        opened = await self.open_case(tx, principal, case)
        return Posted(opened.message, opened.ticket, None, linked=True)

    async def _log_message(self, tx: Tx, ticket: Ticket, message: Message) -> None:
        posted = events.MessagePosted(
            ticket_id=ticket.ticket_id,
            conversation_id=message.conversation_id,
            number=message.number,
            author_type=message.author_type,
            internal=message.internal,
            team=ticket.team,
        )
        await append(tx, posted, subject=str(ticket.ticket_id), sequence=ticket.version)

    async def _log_changes(self, tx: Tx, before: Ticket, after: Ticket, changed: tuple[str, ...]) -> None:
        if "status" in changed:
            await log_status(tx, before.status, after)
        if {"assignee", "team"} & set(changed):
            assigned = events.CaseAssigned(
                ticket_id=after.ticket_id, assignee=after.assignee, team=after.team, team_before=before.team
            )
            await append(tx, assigned, subject=str(after.ticket_id), sequence=after.version)
        others = tuple(name for name in changed if name not in {"status", "assignee", "team"})
        if _WORDS_OF_HEAD & set(others):
            await search.write_head(tx, after)
        if others:
            updated = events.CaseUpdated(
                ticket_id=after.ticket_id,
                fields=others,
                customer_id=after.customer_id,
                order_id=after.order_id,
                team=after.team,
            )
            await append(tx, updated, subject=str(after.ticket_id), sequence=after.version)

    async def _note(self, tx: Sends, principal: Principal, action: str, ticket: Ticket, **detail: object) -> None:
        await activity.record(
            tx, agent_id=principal.principal_id, action=action, ticket_id=ticket.ticket_id, detail=detail
        )


async def log_status(tx: Tx, before: Status, ticket: Ticket) -> None:
    """Tell that a case has moved from a status to the one it has now."""
    moved = events.StatusChanged(ticket_id=ticket.ticket_id, before=before, after=ticket.status, team=ticket.team)
    await append(tx, moved, subject=str(ticket.ticket_id), sequence=ticket.version)
    if ticket.status is Status.CLOSED and ticket.closed_at is not None:
        closed = events.CaseClosed(ticket_id=ticket.ticket_id, closed_at=ticket.closed_at, team=ticket.team)
        await append(tx, closed, subject=str(ticket.ticket_id), sequence=ticket.version)


def _opening(new: Ticket) -> events.CaseOpened:
    return events.CaseOpened(
        ticket_id=new.ticket_id,
        customer_id=new.customer_id,
        order_id=new.order_id,
        channel=new.channel,
        priority=new.priority,
        team=new.team,
        linked_ticket_id=new.linked_ticket_id,
    )


def in_sight(principal: Principal, facts: CaseFacts) -> bool:
    """Whether the principal sees the case."""
    return principal.sight.sees(facts.team, facts.opened_by)


def must_see(principal: Principal, facts: CaseFacts) -> None:
    """Return if the case is in the principal's sight.

    Raises:
        CaseNotFound: it is not; the answer is as if it did not exist.
    """
    if not in_sight(principal, facts):
        raise errors.CaseNotFound.withheld(facts.ticket_id)


def _with_times(before: Ticket, wanted: Ticket, at: datetime) -> Ticket:
    """The ticket with the times that its move sets: resolved and closed once, cleared when it opens again."""
    if wanted.status is Status.RESOLVED:
        return replace(wanted, resolved_at=before.resolved_at or at)
    if wanted.status is Status.CLOSED:
        return replace(wanted, resolved_at=before.resolved_at or at, closed_at=before.closed_at or at)
    return replace(wanted, resolved_at=None)
