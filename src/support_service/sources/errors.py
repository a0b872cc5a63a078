"""What can be wrong with what the shop sends."""


class MalformedEvent(Exception):  # noqa: N818 - says what it is: the event, not the reading of it
    """A shop event that cannot be used; `reason` is a code that quotes nothing of the event."""

    def __init__(self, reason: str) -> None:
        """Say why: not-json, unknown-topic, wrong-type or invalid-<field>."""
        super().__init__(reason)
        self.reason = reason


class MalformedRow(Exception):  # noqa: N818 - likewise
    """A row of the lake or an item of a REST answer that cannot be used; `field` is the first one at fault."""

    def __init__(self, field: str) -> None:
        """Name the field."""
        super().__init__(field)
        self.field = field
