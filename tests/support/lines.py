"""What the service logs, read line by line."""

import contextlib
import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from support_service.kit import logs


class Lines:
    """What was logged, as text and line by line."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def of(self, **members: object) -> list[dict[str, Any]]:
        return [line for line in self.all() if members.items() <= line.items()]

    def events(self, **members: object) -> set[str]:
        return {line["event"] for line in self.of(**members)}

    def assert_nothing_personal(self) -> None:
        """What a test plants has PLANTED in it."""
        assert "planted" not in self.text.lower()


@contextlib.contextmanager
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """The service's logs as it writes them on standard error, at their most talkative."""
    found, root = Lines(), logging.getLogger()
    level = root.level
    monkeypatch.setattr(sys, "stderr", found.stream)
    logs.configure(log_format="json", level="debug")
    (ours,) = root.handlers
    yield found
    root.removeHandler(ours)
    root.setLevel(level)
