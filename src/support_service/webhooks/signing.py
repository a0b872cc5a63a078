"""Secrets and signatures as Standard Webhooks 1.0.0 has them, so that any of its libraries verifies them."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """A new secret: `whsec_` and 32 random bytes as base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of a message by one secret: `v1,` and an HMAC-SHA256 as base64.

    Args:
        secret: as `new_secret` makes it.
        message_id: the message's id; it must hold no dot.
        timestamp: seconds since 1970, as sent.
        body: as sent.
    """
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    signed = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(signed.digest()).decode()


def signed_headers(secrets_: Sequence[str], event_id: UUID, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of a message, signed by each secret that holds: a receiver needs to know one of them."""
    message_id, timestamp = str(event_id), int(at.timestamp())
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, message_id, timestamp, body) for secret in secrets_),
    }
