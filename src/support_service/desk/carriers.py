"""The desk of the machine clients that bring replies to customers: what waits for them, and what they report."""

from uuid import UUID

from support_service.activity import ViewRecorder
from support_service.cases import Carrying, Delivery, watched
from support_service.cases import metrics as case_metrics
from support_service.desk import carrier_schemas as schemas
from support_service.directory import Principal
from support_service.kit import logs
from support_service.kit.database import Database
from support_service.kit.paging import cut, id_in

_log = logs.get_logger(__name__)


class Carriers:
    """Deliveries for one principal at a time."""

    def __init__(self, database: Database, carrying: Carrying, views: ViewRecorder) -> None:
        """Take the rooms below."""
        self._database = database
        self._carrying = carrying
        self._views = views

    async def deliveries(self, principal: Principal, query: schemas.DeliveryQuery) -> schemas.ReplyDeliveryPage:
        """The replies in this state of the cases that the principal opened, oldest first."""
        after = None if query.cursor is None else id_in(query.cursor)
        async with self._database.connection() as connection:
            found = await self._carrying.parcels(connection, principal, query.state, after=after, limit=query.limit + 1)
        shown, more = cut(found, query.limit, lambda one: one.conversation_id)
        return schemas.ReplyDeliveryPage(items=tuple(map(schemas.DeliveryItem.of_parcel, shown)), next_cursor=more)

    async def report(
        self, principal: Principal, ticket_id: UUID, conversation_id: UUID, report: schemas.DeliveryReport
    ) -> schemas.ReportedDelivery:
        """How a delivery stands after a report. See `Carrying.report` for what it refuses."""

        async def reported() -> tuple[Delivery, bool]:
            async with self._database.transaction() as tx:
                return await self._carrying.report(tx, principal, ticket_id, conversation_id, report.delivery())

        standing, changed = await watched(self._views, principal, reported())
        if changed:
            case_metrics.REPORTS.labels(standing.state).inc()
        _log.info("delivery.reported", state=report.state.value, standing=standing.state.value)
        return schemas.ReportedDelivery.of(conversation_id, standing)
