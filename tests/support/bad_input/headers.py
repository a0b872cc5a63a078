"""Headers that prove nothing, name nothing, or would be more than one."""

from support.api import CASES, new_case
from support.bad_input.bodies import posted
from support.bad_input.row import BY_SERVER, TAKEN, Row, as_json

_REUSED, _UNREADABLE = "idempotency-key-reused", "idempotency-key-unreadable"


def keyed(name: str, status: int, kind: str, key: str, before: str = "") -> Row:
    return Row(name, "POST", CASES, status, kind, as_json(new_case()), headers={"idempotency_key": key}, before=before)


def reading(name: str, status: int, kind: str, caller: str) -> Row:
    return Row(name, "GET", CASES, status, kind, caller=caller)


ROWS = (
    reading("no token", 401, "token-missing", "nobody"),
    reading("a token that is none", 401, "token-invalid", "garbage"),
    reading("an expired token", 401, "token-invalid", "expired"),
    reading("a token signed with another key", 401, "token-invalid", "forged"),
    reading("a token without a role of ours", 403, "role-missing", "passer-by"),
    Row("broken JSON without a token", "POST", CASES, 401, "token-missing", lambda: b"{", caller="nobody"),
    Row(
        "a body of another kind without a token",
        "POST",
        CASES,
        401,
        "token-missing",
        lambda: b"x",
        headers={"content_type": "text/plain"},
        caller="nobody",
    ),
    Row(
        "a parameter that there is not, without a token",
        "GET",
        f"{CASES}?nope=1",
        401,
        "token-missing",
        caller="nobody",
    ),
    Row(
        "broken JSON of a role that may not",
        "POST",
        "/support/webhooks",
        403,
        "role-not-allowed",
        lambda: b"{",
        caller="agent",
    ),
    keyed("an idempotency key used with another body", 422, _REUSED, "used", "used key"),
    keyed("an idempotency key whose request is under way", 409, "request-in-progress", "held", "held key"),
    keyed("an empty idempotency key", 422, _UNREADABLE, ""),
    keyed("an idempotency key of 256 characters", 422, _UNREADABLE, "k" * 256),
    keyed("an idempotency key of 255 characters", 201, TAKEN, "k" * 255),
    keyed("an idempotency key with a tab", 422, _UNREADABLE, "a\tb"),
    keyed("an idempotency key that is not ASCII", 422, _UNREADABLE, "clé"),
    Row(
        "a line break in a header",
        "POST",
        CASES,
        400,
        BY_SERVER,
        raw=posted(b"Idempotency-Key: a\rX-Other: b", b"Content-Length: 2", body=b"{}"),
    ),
    Row(
        "NUL in a header",
        "POST",
        CASES,
        400,
        BY_SERVER,
        raw=posted(b"Idempotency-Key: a\0", b"Content-Length: 2", body=b"{}"),
    ),
    Row("a request id with more than an id in it", "GET", CASES, 200, TAKEN, headers={"x_request_id": "a id <script>"}),
    Row("a header of 64 KB", "GET", CASES, 200, TAKEN, headers={"x_other": "x" * 60_000}),
    Row("headers of 2 MB", "GET", CASES, 431, BY_SERVER, headers={"x_other": "x" * 2_000_000}),
    Row(
        "a thousand headers",
        "GET",
        CASES,
        431,
        BY_SERVER,
        headers={f"x_other_{number}": "x" for number in range(1_000)},
    ),
)
