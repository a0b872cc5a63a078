"""Values as Trino SQL literals, the only way a value gets into a statement.

Trino's dialect reads everything between two quotes as it stands, a doubled quote as one quote, and has no backslash
escapes (https://trino.io/docs/current/language/types.html#varchar). The property test sends any text there and back.
"""

from datetime import UTC, datetime


def text_literal(value: str) -> str:
    """A varchar.

    Raises:
        ValueError: a lone surrogate, which no UTF-8 text has.
    """
    value.encode()
    return "'" + value.replace("'", "''") + "'"


def timestamp_literal(value: datetime) -> str:
    """A timestamp(6) with time zone, in UTC.

    Raises:
        ValueError: not aware.
    """
    if value.tzinfo is None:
        message = "a moment needs its offset"
        raise ValueError(message)
    told = (
        value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    )  # years of four digits, as Trino wants
    return f"TIMESTAMP '{told} UTC'"
