"""What an agent's desk does: the use cases of the rooms below, composed, each in one transaction with its answer."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

from support_service.activity import ViewRecorder
from support_service.attachments import Attachments
from support_service.attachments import metrics as attachment_metrics
from support_service.cases import (
    AuthorType,
    Awaited,
    AwaitedAlready,
    CaseFacts,
    CaseNotFound,
    Cases,
    Filters,
    Found,
    NewMessage,
    Ticket,
    in_sight,
    must_see,
    watched,
)
from support_service.cases import (
    metrics as case_metrics,
)
from support_service.desk import schemas
from support_service.desk.errors import AgentNotFound
from support_service.desk.recent import Body, Known, RecentCases
from support_service.directory import Action, Directory, Principal, Profile, Role, permit
from support_service.kit import logs
from support_service.kit.clock import Clock
from support_service.kit.database import Database, Tx
from support_service.kit.idempotency import Answer
from support_service.kit.loader import Loader
from support_service.kit.paging import InvalidCursor, PageQuery, cut, decode_cursor, encode_cursor, id_in
from support_service.kit.problems import Forbidden
from support_service.kit.words import tsqueries
from support_service.kit.writes import Once, etag_of, run_once
from support_service.timeline import DEFAULT_LIMIT, Served, Timeline

_log = logs.get_logger(__name__)
_T = TypeVar("_T")
_LAST_NUMBER = 2**31 - 1
"""What PostgreSQL's integer can count messages to."""


class Desk:
    """Cases, messages, timelines and workload for one principal at a time."""

    def __init__(
        self,
        database: Database,
        directory: Directory,
        cases: Cases,
        timeline: Timeline,
        views: ViewRecorder,
        *,
        attachments: Attachments,
        recent: RecentCases,
        clock: Clock,
    ) -> None:
        """Take the rooms below."""
        self._database = database
        self._directory = directory
        self._cases = cases
        self._attachments = attachments
        self._timeline = timeline
        self._views = views
        self._recent = recent
        self._clock = clock
        self._facts: Loader[UUID, CaseFacts] = Loader(self._load_facts)

    async def open_case(self, principal: Principal, new: schemas.TicketCreate, once: Once | None) -> Answer:
        """Open a case: 201 with the ticket. See `Cases.open_case` for what it refuses."""

        async def effect(tx: Tx) -> tuple[Answer, Callable[[], None]]:
            opened = await self._cases.open_case(tx, principal, new.case())
            body = schemas.TicketResponse.of(opened.ticket, principal.profile)
            headers = {"location": f"/support/cases/{opened.ticket.ticket_id}", "etag": etag_of(opened.ticket.version)}

            def afterwards() -> None:
                logs.bind(ticket_id=opened.ticket.ticket_id)
                case_metrics.CREATED.labels(opened.ticket.channel).inc()
                _log.info("case.opened", channel=opened.ticket.channel.value, linked=False)

            return Answer(201, headers, body.model_dump_json().encode()), afterwards

        return await run_once(self._database, self._clock, once, effect, at_once=True)

    async def post_message(
        self, principal: Principal, ticket_id: UUID, new: schemas.MessageCreate, once: Once | None
    ) -> Answer:
        """Add a message: 201 with it. See `Cases.post_message` for what it refuses."""
        author_type, action = _author_of(principal, on_behalf_of_customer=new.on_behalf_of_customer)
        await self._permit(principal, action, ticket_id)
        said = NewMessage(new.message, author_type, new.internal, new.seen_through)
        wanted = tuple(dict.fromkeys(new.attachment_ids))

        async def effect(tx: Tx) -> tuple[Answer, Callable[[], None]]:
            posted = await self._cases.post_message(tx, principal, ticket_id, said)
            message, files = await self._attachments.attach(tx, principal, ticket_id, posted.message, wanted)
            body = schemas.ConversationMessage.of(message, principal.profile, files)
            headers = {"location": f"/support/cases/{posted.ticket.ticket_id}", "etag": etag_of(posted.ticket.version)}

            def afterwards() -> None:
                if posted.linked:
                    case_metrics.CREATED.labels(posted.ticket.channel).inc()
                if posted.response is not None:
                    response = posted.response
                    case_metrics.RESPONSE_SECONDS.labels(response.kind, response.channel).observe(response.seconds)
                attachment_metrics.STATES.labels("attached").inc(len(files))
                _log.info("message.posted", author_type=author_type.value, internal=new.internal, linked=posted.linked)

            return Answer(201, headers, body.model_dump_json().encode()), afterwards

        return await self._watched(principal, run_once(self._database, self._clock, once, effect))

    async def change_case(
        self, principal: Principal, ticket_id: UUID, change: schemas.TicketChange, *, version: int
    ) -> Answer:
        """Change a case that is at this version: 200 with the ticket. See `Cases.change` for what it refuses.

        Raises:
            AwaitedAlready: it is to wait for what its timeline shows already.
        """
        changes = change.changes()

        async def changed() -> Ticket:
            async with self._database.transaction() as tx:
                return await self._cases.change(tx, principal, ticket_id, version=version, changes=changes)

        awaited = changes.get("waits_for")
        if isinstance(awaited, Awaited):
            facts = await self._watched(principal, self._current_facts(principal, ticket_id))
            order_id = change.order_id if "order_id" in changes else facts.order_id
            if order_id is not None and await self._timeline.shows(facts.customer_id, order_id, awaited.kind):
                raise AwaitedAlready
        ticket = await self._watched(principal, changed())
        self._recent.forget(str(ticket_id))  # the log tells of it soon, but what one wrote is in one's next read
        _log.info("case.changed", fields=sorted(change.model_fields_set))
        body = schemas.TicketResponse.of(ticket, principal.profile)
        return Answer(200, {"etag": etag_of(ticket.version)}, body.model_dump_json().encode())

    async def read_case(
        self, principal: Principal, ticket_id: UUID, *, include_timeline: bool, if_none_match: str | None = None
    ) -> Served:
        """A case with its conversation, current, and its timeline when asked for.

        The bytes of the case are made anew only when its version, which is read each time, has moved.
        """
        if include_timeline:
            await self._permit(principal, Action.TIMELINE_READ, ticket_id)
        profile = principal.profile
        body = await self._watched(principal, self._current_body(principal, ticket_id, profile))
        timeline = None
        if include_timeline:
            timeline = await self._timeline.first_page(body.key, profile, if_none_match=if_none_match)
        await self._views.viewed(principal.principal_id, ticket_id, request_id=logs.current_request_id())
        return _shown(body, timeline).unless_known(if_none_match)

    async def hot_case(
        self, principal: Principal, ticket_id: UUID, *, request_id: str | None, if_none_match: str | None = None
    ) -> Served | None:
        """A case with its timeline, when this process knows both but for the version, which it asks for; else None.

        Whoever may not see it gets None too, as with `hot_timeline`.
        """
        profile = principal.profile
        if not self._recent.has_body(ticket_id, profile):
            return None
        facts = await self._facts.get(ticket_id)
        if facts is None or not in_sight(principal, facts):
            return None
        body = self._recent.body(ticket_id, profile, facts.shown)
        if body is None:
            return None
        if not (self._timeline.informed or await self._timeline.hears()):
            return None
        timeline = self._timeline.at_hand(body.key, profile, if_none_match=if_none_match)
        if timeline is None:
            return None
        await self._views.viewed(principal.principal_id, ticket_id, request_id=request_id)
        return _shown(body, timeline).unless_known(if_none_match)

    async def read_timeline(
        self, principal: Principal, ticket_id: UUID, page: PageQuery, *, if_none_match: str | None = None
    ) -> Served:
        """One page of the timeline of a case."""
        if page.cursor is None and page.limit == DEFAULT_LIMIT:
            known = await self.hot_timeline(
                principal, ticket_id, request_id=logs.current_request_id(), if_none_match=if_none_match
            )
            if known is not None:
                return known
        return await self.ask_for_timeline(principal, ticket_id, page, if_none_match=if_none_match)

    async def ask_for_timeline(
        self, principal: Principal, ticket_id: UUID, page: PageQuery, *, if_none_match: str | None = None
    ) -> Served:
        """The same, for whoever knows that it takes more than this process remembers."""
        with self._timeline.soon():
            key = Known(await self._watched(principal, self._current_facts(principal, ticket_id))).key
        profile = principal.profile
        await self._views.viewed(principal.principal_id, ticket_id, request_id=logs.current_request_id())
        if page.cursor is None and page.limit == DEFAULT_LIMIT:
            served = await self._timeline.first_page(key, profile, if_none_match=if_none_match)
            return served.unless_known(if_none_match)
        return await self._timeline.page(key, profile, cursor=page.cursor, limit=page.limit)

    async def hot_timeline(
        self, principal: Principal, ticket_id: UUID, *, request_id: str | None, if_none_match: str | None = None
    ) -> Served | None:
        """The first page of a timeline, when this process knows all it takes; None when it has to ask somebody.

        Whoever may not see it gets None too: the slow road refuses, and records the denial.
        """
        if not (self._timeline.informed or await self._timeline.hears()):
            return None
        known = self._recent.known(ticket_id)
        if known is None or not in_sight(principal, known.facts):
            return None
        served = self._timeline.at_hand(known.key, principal.profile, if_none_match=if_none_match)
        if served is None:
            return None
        await self._views.viewed(principal.principal_id, ticket_id, request_id=request_id)
        return served.unless_known(if_none_match)

    async def _current_facts(self, principal: Principal, ticket_id: UUID) -> CaseFacts:
        with self._recent.reading(ticket_id) as keep:
            facts = await self._facts.get(ticket_id)
            if facts is None:
                raise CaseNotFound
            keep(facts)
        must_see(principal, facts)
        return facts

    async def _load_facts(self, ticket_ids: Sequence[UUID]) -> dict[UUID, CaseFacts]:
        async with self._database.connection() as connection:
            return await self._cases.facts_of_many(connection, ticket_ids)

    async def _current_body(self, principal: Principal, ticket_id: UUID, profile: Profile) -> Body:
        known = None
        if self._recent.has_body(ticket_id, profile):
            facts = await self._current_facts(principal, ticket_id)
            known = self._recent.body(ticket_id, profile, facts.shown)
        if known is not None:
            return known
        async with self._database.connection() as connection:
            ticket, conversation = await self._cases.read(connection, principal, ticket_id)
            attached = await self._attachments.of_messages(connection, conversation.messages, profile)
        detail = schemas.TicketDetail.with_conversation(ticket, conversation, profile, attached)
        body = Body(ticket.facts, detail.model_dump_json(exclude={"timeline"}).encode())
        self._recent.keep_body(profile, body)
        return body

    async def read_messages(self, principal: Principal, ticket_id: UUID, page: PageQuery) -> schemas.MessagePage:
        """Messages of a case, newest first."""
        before = _LAST_NUMBER if page.cursor is None else _number_in(page.cursor)

        async def read() -> schemas.MessagePage:
            async with self._database.connection() as connection:
                found = await self._cases.messages_before(
                    connection, principal, ticket_id, number=before, limit=page.limit + 1
                )
                (shown, more), profile = cut(found, page.limit, lambda one: one.number), principal.profile
                files = await self._attachments.of_messages(connection, shown, profile)
            items = tuple(
                schemas.ConversationMessage.of(each, profile, files.get(each.conversation_id, ())) for each in shown
            )
            return schemas.MessagePage(items=items, next_cursor=more)

        messages = await self._watched(principal, read())
        await self._views.viewed(principal.principal_id, ticket_id, request_id=logs.current_request_id())
        return messages

    async def list_cases(self, principal: Principal, query: schemas.CaseQuery) -> schemas.TicketPage:
        """The newest cases in the principal's sight that match."""
        if query.customer_id is not None:
            await self._permit(principal, Action.FILTER_BY_CUSTOMER)
        if query.q is not None:
            await self._permit(principal, Action.CASE_SEARCH)
        before = None if query.cursor is None else id_in(query.cursor)
        filters = Filters(
            query.status, query.assignee, query.team, query.customer_id, query.order_id, query.undelivered
        )
        found = await self._found(principal, filters, query.q, before=before, limit=query.limit + 1)
        shown = found.tickets[: query.limit]
        last = shown[-1].ticket_id if len(found.tickets) > query.limit else found.looked_to
        more = None if last is None else encode_cursor([str(last)])
        profile = principal.profile
        return schemas.TicketPage(
            items=tuple(schemas.TicketResponse.of(ticket, profile) for ticket in shown), next_cursor=more
        )

    async def _found(
        self, principal: Principal, filters: Filters, query: str | None, *, before: UUID | None, limit: int
    ) -> Found:
        if query is None:
            async with self._database.connection() as connection:
                return Found(await self._cases.list_cases(connection, principal, filters, before=before, limit=limit))
        async with self._database.transaction() as tx:
            return await self._cases.search(tx, principal, filters, tsqueries(query), before=before, limit=limit)

    async def workload(self, principal: Principal, agent_id: UUID) -> schemas.WorkloadResponse:
        """What lies with an agent; an agent sees only the agent's own.

        Raises:
            AgentNotFound: there is no such agent, or it is another and the reader is an agent.
        """
        if agent_id != principal.principal_id and not principal.roles & {Role.SUPERVISOR, Role.ANALYST}:
            raise AgentNotFound
        async with self._database.connection() as connection:
            if await self._directory.agent(connection, agent_id) is None:
                raise AgentNotFound
            return schemas.WorkloadResponse.of(await self._cases.workload(connection, agent_id))

    async def _permit(self, principal: Principal, action: Action, ticket_id: UUID | None = None) -> None:
        """Refuse what no role of theirs allows, recorded at once: what follows from how a route is used."""
        try:
            permit(principal, action)
        except Forbidden:
            await self._views.denied(principal.principal_id, "role.refused", ticket_id, needed=action.value)
            raise

    async def _watched(self, principal: Principal, reading: Awaitable[_T]) -> _T:
        return await watched(self._views, principal, reading)


def _author_of(principal: Principal, *, on_behalf_of_customer: bool) -> tuple[AuthorType, Action]:
    """Whose words these are, and what one must be allowed to say them."""
    if on_behalf_of_customer:
        return AuthorType.CUSTOMER, Action.MESSAGE_AS_CUSTOMER
    if Role.SERVICE in principal.roles:
        return AuthorType.BOT, Action.MESSAGE_AS_BOT
    return AuthorType.AGENT, Action.MESSAGE_AS_AGENT


def _shown(body: Body, timeline: Served | None) -> Served:
    """A case as it is sent; with its timeline the ETag tells both, and If-Match takes either.

    Deliveries that were reported stand behind the version, too: they are no change that If-Match would refuse.
    """
    version = etag_of(body.facts.version)
    if body.facts.reports:
        version = f'{version[:-1]}-{body.facts.reports}"'
    if timeline is None or timeline.etag is None:
        return Served(body.content, version)
    content = body.content[:-1] + b',"timeline":' + timeline.body + b"}"
    return Served(content, f"{version[:-1]}-{timeline.etag[1:]}", timeline.cache)


def _number_in(cursor: str) -> int:
    number = int(decode_cursor(cursor, (int,))[0])
    if not 0 < number <= _LAST_NUMBER:
        raise InvalidCursor
    return number
