"""Identifiers: UUID version 7 (RFC 9562, 5.7), whose leading 48 bits are the time, so that keys made together lie together."""

import secrets
import time
from datetime import datetime
from uuid import UUID


def new_id() -> UUID:
    """A new UUIDv7: 48 bits of Unix time in milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random_bits = secrets.randbits(74)
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76
    value |= (random_bits >> 62) << 64
    value |= 0b10 << 62
    value |= random_bits & (1 << 62) - 1
    return UUID(int=value)


def first_id_at(moment: datetime) -> UUID:
    """The least UUIDv7 of a moment: ids made before it are less, those made from then on are not."""
    milliseconds = max(0, int(moment.timestamp() * 1_000))
    return UUID(int=milliseconds << 80)
