"""What supervisors do about webhooks, in the record of activity."""

from uuid import UUID

from support_service.activity import record
from support_service.directory import Principal
from support_service.kit.database import Tx


async def note(tx: Tx, principal: Principal, action: str, webhook_id: UUID, **detail: object) -> None:
    """Record it in the transaction that does it; `detail` holds ids and codes."""
    told = {"webhook_id": str(webhook_id), **detail}
    await record(tx, agent_id=principal.principal_id, action=action, detail=told)
