"""Whom a case is about: the customer's page, and the other cases on its order."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from support_service.activity import ViewRecorder, record
from support_service.cases import Cases, Filters, Ticket, must_see, watched
from support_service.desk import customer_schemas as schemas
from support_service.desk.errors import CustomerNotFound
from support_service.desk.schemas import TicketPage, TicketResponse
from support_service.directory import Directory, Principal
from support_service.kit.database import Database
from support_service.kit.paging import encode_cursor
from support_service.sources import subjects
from support_service.timeline import CaseKey, Served, Timeline

CASES_SHOWN = 50
ORDERS_SHOWN = 50
RELATED_SHOWN = 5
MOST_RELATED = 50
"""Other cases on an order that are counted."""


class Customers:
    """The customers of the cases in a principal's sight."""

    def __init__(
        self, database: Database, directory: Directory, cases: Cases, timeline: Timeline, views: ViewRecorder
    ) -> None:
        """Take the rooms below."""
        self._database = database
        self._directory = directory
        self._cases = cases
        self._timeline = timeline
        self._views = views

    async def read(self, principal: Principal, customer_id: str) -> Served:
        """All that is known of a customer, and the timeline of their newest orders with how each source stands.

        That somebody looked is recorded before they are shown anything, with the newest case they see: the record holds
        nothing personal.

        Raises:
            CustomerNotFound: nobody is known by this id, or no case of theirs is in sight.
        """
        async with self._database.transaction() as tx:
            since = await self._directory.customer_since(tx, customer_id)
            filters = Filters(customer_id=customer_id)
            found = await self._cases.list_cases(tx, principal, filters, before=None, limit=CASES_SHOWN + 1)
            newest = found[0].ticket_id if found else await self._cases.newest_of(tx, customer_id)
            seen = since is not None and (bool(found) or principal.sight.everything)
            if seen:
                await record(tx, agent_id=principal.principal_id, action="customer.viewed", ticket_id=newest)
            known = await subjects.orders_of(tx, customer_id, ORDERS_SHOWN + 1)
        if since is None or not seen:
            if newest is not None:
                await self._views.denied(principal.principal_id, "customer.out_of_sight", newest)
            raise CustomerNotFound
        timeline = await self._timeline.first_page(CaseKey(customer_id, None), principal.profile)
        cases = found[:CASES_SHOWN]
        orders, complete = _orders(from_json(timeline.body), known, cases)
        person = schemas.CustomerResponse(
            customer_id=customer_id,
            known_since=since,
            contact=next((dict(case.contact) for case in cases if case.contact), None),
            languages=tuple(dict.fromkeys(case.language for case in cases if case.language)),
            cases=_page(cases, principal, more=len(found) > CASES_SHOWN),
            orders=orders,
            orders_complete=complete,
            repeat_contacts=_repeat_contacts(cases),
            timeline=None,
        )
        content = person.model_dump_json(exclude={"timeline"}).encode()
        return Served(content[:-1] + b',"timeline":' + timeline.body + b"}", None)

    async def related(self, principal: Principal, ticket_id: UUID) -> schemas.RelatedCases:
        """The other cases in sight on the order of a case, newest first: whether it is a repeat contact.

        Raises:
            CaseNotFound: there is no such case, or none in sight.
        """
        order_id, found = await watched(self._views, principal, self._on_its_order(principal, ticket_id))
        others = [case for case in found if case.ticket_id != ticket_id]
        shown = tuple(TicketResponse.of(case, principal.profile) for case in others[:RELATED_SHOWN])
        count = min(len(others), MOST_RELATED)
        return schemas.RelatedCases(order_id=order_id, count=count, more=len(others) > count, items=shown)

    async def _on_its_order(self, principal: Principal, ticket_id: UUID) -> tuple[str | None, Sequence[Ticket]]:
        """The order of a case in sight, and the newest cases in sight on it."""
        async with self._database.connection() as connection:
            facts = await self._cases.facts(connection, ticket_id)
            must_see(principal, facts)
            if facts.order_id is None:
                return None, ()
            filters = Filters(order_id=facts.order_id)
            found = await self._cases.list_cases(connection, principal, filters, before=None, limit=MOST_RELATED + 2)
        return facts.order_id, found


def _page(cases: Sequence[Ticket], principal: Principal, *, more: bool) -> TicketPage:
    items = tuple(TicketResponse.of(case, principal.profile) for case in cases)
    return TicketPage(items=items, next_cursor=encode_cursor([str(cases[-1].ticket_id)]) if more else None)


def _orders(
    timeline: dict[str, Any], known: Sequence[str], cases: Sequence[Ticket]
) -> tuple[tuple[schemas.CustomerOrder, ...], bool]:
    """The orders that anything tells of, those of the newest facts first, and whether these are all, as they stand now."""
    states: dict[str, dict[str, Any]] = {}
    for entry in timeline["entries"]:  # newest first
        if entry["source"] == "order":
            states.setdefault(entry["order_id"], entry)
    of_facts = [entry["order_id"] for entry in timeline["entries"]]
    of_cases = [case.order_id for case in cases if case.order_id is not None]
    order_ids = list(dict.fromkeys([*of_facts, *known]))[:ORDERS_SHOWN]
    (source,) = (source for source in timeline["sources"] if source["source"] == "order")
    whole = source["status"] == "ok" and not source["truncated"] and timeline["next_cursor"] is None
    orders = tuple(
        schemas.CustomerOrder(
            order_id=order_id,
            status=states[order_id]["data"]["status"] if order_id in states else None,
            status_since=states[order_id]["occurred_at"] if order_id in states else None,
            cases=of_cases.count(order_id),
        )
        for order_id in order_ids
    )
    return orders, whole and len(known) <= ORDERS_SHOWN and all(order.status is not None for order in orders)


def _repeat_contacts(cases: Sequence[Ticket]) -> tuple[schemas.RepeatContact, ...]:
    by_order: dict[str, list[Ticket]] = {}
    for case in cases:
        if case.order_id is not None:
            by_order.setdefault(case.order_id, []).append(case)
    return tuple(
        schemas.RepeatContact(order_id=order_id, cases=len(found), newest=found[0].ticket_id)
        for order_id, found in by_order.items()
        if len(found) > 1
    )
