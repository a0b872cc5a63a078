"""What a source of customer truth is: one value of `Source`, in one file, listed in `catalog`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import from_json

from support_service.kit.privacy import DataClass
from support_service.ports.lake import LakeRow
from support_service.sources.errors import MalformedRow
from support_service.sources.model import Fact, kind_of

_LARGEST = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 8259, section 6)."""


def _utc(value: object) -> datetime:
    if not isinstance(value, str):
        message = "not text"
        raise ValueError(message)  # noqa: TRY004 - pydantic turns a ValueError into its own
    return in_utc(datetime.fromisoformat(value))


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC.

    Raises:
        ValueError: it has no offset, or is out of what a datetime holds.
    """
    if moment.tzinfo is None:
        message = "no offset"
        raise ValueError(message)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError from error


@lru_cache(maxsize=4_096)
def _real_day(value: str) -> str:
    date.fromisoformat(value)
    return value


Identifier = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=20_000)]
"""PostgreSQL keeps no NUL, in text nor in jsonb."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Minor = Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)]
Count = Annotated[int, Field(ge=0, le=_LARGEST)]
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_real_day)]
UtcTime = Annotated[datetime, BeforeValidator(_utc)]
"""RFC 3339 text with an offset."""


class Row(BaseModel):
    """One version of one entity as REST and events tell it; a source adds its entity's id and its own fields.

    Types are strict; fields that are not known here are left out, so a service may add some. A status that is not known
    yet is taken as it is: it shows under its bare name instead of being withheld from whoever answers the customer.
    """

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    version: Annotated[int, Field(ge=1, le=2**31 - 1), DataClass.NONE]
    order_id: Annotated[Identifier, DataClass.NONE]
    customer_id: Annotated[Identifier | None, DataClass.PERSONAL] = None
    occurred_at: Annotated[UtcTime, DataClass.NONE]
    status: Annotated[Code, DataClass.NONE]
    time_known: Annotated[bool, DataClass.NONE] = True


@dataclass(frozen=True)
class Source:
    """One source: where its facts come from, what they hold and how they read."""

    name: str
    entity: str
    """Name of the entity's id, in the tables, in REST and in events."""
    row: type[Row]
    statuses: tuple[str, ...]
    topic: str | None
    """Topic of its events, None when it has none."""
    service: str
    """Its REST service, which answers `history?order_ids=a,b`."""
    select: str
    """Its rows in the shape of the timeline view, ANSI SQL for Trino 476 and PostgreSQL 18; `{table}` is its table."""
    summary: Callable[[Mapping[str, Any]], str]
    """One plain English sentence from `data`, also of a masked one."""

    @cached_property
    def data_keys(self) -> tuple[str, ...]:
        """The keys of a fact's `data`, all of them always there."""
        own = [name for name in self.row.model_fields if name not in Row.model_fields and name != self.entity]
        return ("status", *own, "time_known")

    @cached_property
    def personal_keys(self) -> frozenset[str]:
        """The keys of `data` that say something about a person."""
        return frozenset(key for key in self.data_keys if DataClass.NONE not in self.row.model_fields[key].metadata)

    def from_item(self, item: object) -> Fact:
        """The fact that a REST item, or an event laid out as one, tells.

        Raises:
            MalformedRow: a field is missing or wrong.
        """
        try:
            row = self.row.model_validate(item)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            raise MalformedRow(str(first["loc"][0]) if first["loc"] else "item") from None
        data = {key: getattr(row, key) for key in self.data_keys}
        return Fact(
            source=self.name,
            entity_id=getattr(row, self.entity),
            customer_id=row.customer_id,
            order_id=row.order_id,
            version=row.version,
            kind=kind_of(self.name, data),
            occurred_at=row.occurred_at,
            data=data,
        )

    def from_lake(self, row: LakeRow) -> Fact:
        """The fact in a row of the view, whose types its SELECT vouches for.

        Raises:
            MalformedRow: `data` is not a JSON object, or holds what PostgreSQL cannot keep.
        """
        try:
            data = from_json(row.data)
        except ValueError:
            raise MalformedRow("data") from None
        if not isinstance(data, dict) or "\\u0000" in row.data:
            raise MalformedRow("data")
        return Fact(
            source=self.name,
            entity_id=row.entity_id,
            customer_id=row.customer_id,
            order_id=row.order_id,
            version=row.version,
            kind=row.kind,
            occurred_at=row.occurred_at,
            data={key: data.get(key) for key in self.data_keys},
        )
