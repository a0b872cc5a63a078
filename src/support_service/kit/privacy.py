"""Data classes: what a column or an event field may hold about a person.

Every column (`kit.schema.column`) and every field of a logged event (`Annotated[type, DataClass.X]`) carries one; a
test fails for a field without.
"""

from enum import StrEnum


class DataClass(StrEnum):
    """How much a value tells about a person."""

    NONE = "none"
    """Says nothing about a person: a status, a time, an amount, our own identifier."""

    PERSONAL = "personal"
    """Says something about an identifiable person: a name, a customer number, free text."""

    SENSITIVE = "sensitive"
    """Would harm a person if it leaked: a card number, a national identity number."""
