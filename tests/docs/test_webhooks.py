"""docs/webhooks.md: its ten lines verify what is sent, and it names every error and every event that is sent."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

from support_service.ports.receivers import PostFault
from support_service.webhooks.model import MOST_WEBHOOKS, TEST_EVENT, error_of
from support_service.webhooks.schemas import AttemptResponse
from support_service.webhooks.signing import new_secret, signed_headers

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "webhooks.md").read_text("utf-8")


def documented_verify() -> Any:
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert code is not None
    assert len(code[1].strip().splitlines()) <= 12
    found: dict[str, Any] = {}
    exec(code[1], found)  # noqa: S102 - it is what readers are told to run
    return found["verify"]


def test_the_documented_lines_verify_what_is_sent_and_nothing_else() -> None:
    verify, new, old = documented_verify(), new_secret(), new_secret()
    headers = signed_headers((new, old), uuid4(), datetime.now(UTC), b'{"type":"x"}')
    assert verify(new, headers, b'{"type":"x"}')
    assert verify(old, headers, b'{"type":"x"}')
    assert not verify(new_secret(), headers, b'{"type":"x"}')
    assert not verify(new, headers, b'{"type":"y"}')
    late = signed_headers((new,), uuid4(), datetime.fromtimestamp(time.time() - 301, UTC), b"{}")
    assert not verify(new, late, b"{}")


def test_every_error_of_an_attempt_is_explained() -> None:
    errors = {*get_args(PostFault), *(error for code in (302, 410, 500) if (error := error_of(code)))}
    described = AttemptResponse.model_fields["error"].description or ""
    for error in errors:
        assert f"`{error}`" in PAGE.partition("| error |")[2]
        assert f"`{error}`" in described


def test_the_test_event_and_the_limit_are_named() -> None:
    assert TEST_EVENT in PAGE
    assert f"At most {MOST_WEBHOOKS}" in PAGE
