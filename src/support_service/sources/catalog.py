"""All sources, in their order; a new one is a file of its own and one name in `SOURCES`."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from support_service.sources.feedback import FEEDBACK
from support_service.sources.fraud import FRAUD
from support_service.sources.model import Fact
from support_service.sources.order import ORDER
from support_service.sources.payment import PAYMENT
from support_service.sources.shipment import SHIPMENT
from support_service.sources.source import Source

SOURCES: tuple[Source, ...] = (ORDER, PAYMENT, SHIPMENT, FRAUD, FEEDBACK)
BY_NAME: Mapping[str, Source] = MappingProxyType({source.name: source for source in SOURCES})
BY_TOPIC: Mapping[str, Source] = MappingProxyType(
    {source.topic: source for source in SOURCES if source.topic is not None}
)
RANK: Mapping[str, int] = MappingProxyType({source.name: rank for rank, source in enumerate(SOURCES)})

_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,2}")


def timeline_selects(tables: Mapping[str, str]) -> dict[str, str]:
    """Each source's SELECT over its table, by the source's name.

    Args:
        tables: the table of each source, by the source's name; qualified by schema, for Trino by catalog and schema.

    Raises:
        ValueError: a source has no table, or a name is not a plain one.
    """
    if set(tables) != set(BY_NAME):
        message = f"every source needs one table: {', '.join(BY_NAME)}"
        raise ValueError(message)
    for table in tables.values():
        if not _TABLE.fullmatch(table):
            message = f"not a plain table name: {table!r}"
            raise ValueError(message)
    return {source.name: source.select.replace("{table}", tables[source.name]) for source in SOURCES}


def timeline_view_sql(tables: Mapping[str, str]) -> str:
    """The query that the timeline view is made of: every source's SELECT, put together; see `timeline_selects`."""
    return "\nUNION ALL\n".join(timeline_selects(tables).values())


def summary(fact: Fact) -> str:
    """A fact in one plain English sentence, for clients that do not render `kind` and `data` themselves."""
    return BY_NAME[fact.source].summary(fact.data)


def masked(fact: Fact) -> Fact:
    """The fact without what it says about a person: such keys of its data are None."""
    personal = BY_NAME[fact.source].personal_keys
    if not personal:
        return fact
    return fact._replace(data={key: None if key in personal else value for key, value in fact.data.items()})
