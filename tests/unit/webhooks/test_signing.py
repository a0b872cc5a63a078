"""Signatures that any library of Standard Webhooks verifies."""

import base64
from datetime import UTC, datetime
from uuid import uuid4

from support.receivers import Got, verified
from support_service.webhooks.signing import new_secret, signature, signed_headers

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_holds_as_many_random_bytes_as_the_standard_wants_and_is_never_the_same() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    for secret in made:
        assert secret.startswith("whsec_")
        assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64


def test_a_message_is_signed_by_every_secret_that_holds_and_by_no_other() -> None:
    new, old, other = new_secret(), new_secret(), new_secret()
    body = '{"type":"support.case.opened","words":"ể"}'.encode()
    got = Got("/", signed_headers((new, old), uuid4(), AT, body), body)
    assert verified(got, new)
    assert verified(got, old)
    assert not verified(got, other)
    assert got.headers["webhook-signature"].count(" ") == 1
    assert got.headers["webhook-timestamp"] == str(int(AT.timestamp()))


def test_whatever_is_changed_of_a_message_breaks_its_signature() -> None:
    secret = new_secret()
    headers = signed_headers((secret,), uuid4(), AT, b"{}")
    assert verified(Got("/", headers, b"{}"), secret)
    assert not verified(Got("/", headers, b"{ }"), secret)
    assert not verified(Got("/", headers | {"webhook-id": str(uuid4())}, b"{}"), secret)
    assert not verified(Got("/", headers | {"webhook-timestamp": "1"}, b"{}"), secret)
