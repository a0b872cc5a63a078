"""The timeline as it is sent: the shape shared by the API, its documentation and the cache."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class TimelineEntry(BaseModel):
    """One fact: what happened to one thing, at one version of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entry_id: str = Field(description="`source:entity_id:version`, the same from every origin.")
    source: str = Field(description="order, payment, shipment, fraud or feedback.")
    kind: str = Field(description="What happened, such as `shipment.delivered`; clients render from kind and data.")
    occurred_at: datetime = Field(description="When it happened, UTC; `data.time_known` is false for a borrowed time.")
    entity_id: str
    order_id: str
    version: int = Field(description="Grows with each change of the entity; entries of one entity never swap.")
    summary: str = Field(description="Plain English, for a client that knows no better.")
    data: Mapping[str, Any]


class TimelineSource(BaseModel):
    """How one source stands in this answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(description="order, payment, shipment, fraud or feedback.")
    status: Literal["ok", "stale", "unavailable"]
    served_from: Literal["lake", "rest", "events", "context", "none"]
    as_of: datetime | None = Field(description="When what is shown was the whole truth of this source.")
    truncated: bool = Field(description="Whether there are older facts that are not shown.")


class TimelineResponse(BaseModel):
    """One merged timeline, newest first, and how each of its sources stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entries: tuple[TimelineEntry, ...]
    sources: tuple[TimelineSource, ...]
    next_cursor: str | None
