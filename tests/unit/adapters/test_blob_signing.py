"""Signatures of addresses: what was signed, and nothing else, is known again."""

from datetime import UTC, datetime, timedelta

import pytest

from support_service.adapters.embedded.blobs.signing import Signer

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
PARTS = ["staging/1", "image/png", "10", "10"]


def test_what_was_signed_is_known_again_by_whoever_has_the_secret() -> None:
    signature = Signer("s" * 32).sign("POST", PARTS, AT)
    assert Signer("s" * 32).is_signed(signature, "POST", PARTS, AT)
    assert not Signer("t" * 32).is_signed(signature, "POST", PARTS, AT)


@pytest.mark.parametrize(
    ("method", "parts", "at"),
    [
        ("GET", PARTS, AT),
        ("POST", PARTS, AT + timedelta(seconds=1)),
        ("POST", ["staging/11", "image/png", "0", "10"], AT),
        ("POST", ["staging/1image/png", "", "10", "10"], AT),  # the same letters, cut elsewhere
        ("POST", PARTS[:3], AT),
        ("POST", [*PARTS, ""], AT),
        ("POST", PARTS[::-1], AT),
    ],
)
def test_anything_else_is_not(method: str, parts: list[str], at: datetime) -> None:
    signer = Signer("s" * 32)
    assert not signer.is_signed(signer.sign("POST", PARTS, AT), method, parts, at)


@pytest.mark.parametrize("signature", ["", "0" * 64, "é" * 64, "A" * 64])
def test_what_is_no_signature_is_refused_without_failing(signature: str) -> None:
    assert not Signer("s" * 32).is_signed(signature, "POST", PARTS, AT)
