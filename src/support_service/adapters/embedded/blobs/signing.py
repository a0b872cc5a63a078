"""Signatures of addresses: HMAC-SHA256 over the method and everything that the address allows."""

import hmac
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

LEAST_SECRET = 32
"""Characters that a secret must have."""


class Signer:
    """Signs, and knows its own signatures."""

    def __init__(self, secret: str) -> None:
        """Sign with a secret.

        Raises:
            ValueError: it is too short to be one.
        """
        if len(secret) < LEAST_SECRET:
            message = f"it must have at least {LEAST_SECRET} characters"
            raise ValueError(message)
        self._secret = secret.encode()

    def sign(self, method: str, parts: Sequence[str], expires: datetime) -> str:
        """The signature of what may be done by this method until then, in hexadecimal digits."""
        digest = hmac.new(self._secret, digestmod=sha256)
        # Each part under its length, so that no two lists of parts read the same.
        for part in (method, str(int(expires.timestamp())), *parts):
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(8) + encoded)
        return digest.hexdigest()

    def is_signed(self, signature: str, method: str, parts: Sequence[str], expires: datetime) -> bool:
        """Whether this is that signature, found out in a time that tells nothing."""
        return hmac.compare_digest(self.sign(method, parts, expires).encode(), signature.encode())
