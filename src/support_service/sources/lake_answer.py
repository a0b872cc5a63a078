"""What one query of the lake said, and the part of it that belongs to one process, as bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic_core import from_json, to_json

from support_service.ports.lake import LakeRow

_SHAPE = 1
"""Raised when the bytes or the meaning of a row change, so that no release reads another's."""


@dataclass(frozen=True, slots=True)
class LakeAnswer:
    """What one query said: which sources answered, their rows by order, when the query began."""

    names: tuple[str, ...]
    rows: Mapping[str, Sequence[LakeRow]]
    as_of: datetime
    truncated: bool

    @classmethod
    def of(cls, rows: Sequence[LakeRow], names: Sequence[str], as_of: datetime, *, truncated: bool) -> "LakeAnswer":
        """Sort rows by their order."""
        by_order: dict[str, list[LakeRow]] = {}
        for row in rows:
            by_order.setdefault(row.order_id, []).append(row)
        return cls(tuple(names), by_order, as_of, truncated)

    def part(self, order_ids: Sequence[str]) -> bytes:
        """What it says of these orders, for another process."""
        rows = [row for order_id in order_ids for row in self.rows.get(order_id, ())]
        return to_json([_SHAPE, self.names, self.as_of, self.truncated, rows])

    @classmethod
    def of_part(cls, part: bytes) -> "LakeAnswer":
        """What another process was told.

        Raises:
            ValueError: another release wrote it, or nobody did.
        """
        try:
            shape, names, as_of, truncated, rows = from_json(part)
            if shape != _SHAPE:
                raise ValueError(shape)
            read = [
                LakeRow(source, entity_id, customer_id, order_id, version, kind, datetime.fromisoformat(at), data)
                for source, entity_id, customer_id, order_id, version, kind, at, data in rows
            ]
            return cls.of(read, names, datetime.fromisoformat(as_of), truncated=bool(truncated))
        except (TypeError, IndexError) as error:
            raise ValueError from error
