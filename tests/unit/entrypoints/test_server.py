"""Serving: the API, and by the same settings whatever is to be compared with it."""

from typing import Any

import pytest
from granian.constants import Interfaces

from support_service.entrypoints import server


def test_another_application_is_served_exactly_as_the_api_is(monkeypatch: pytest.MonkeyPatch) -> None:
    served: dict[str, dict[str, Any]] = {}

    class Recorded:
        def __init__(self, target: str, **options: Any) -> None:
            served[target] = options

        def serve(self) -> None:
            pass

    monkeypatch.setattr(server, "_Server", Recorded)
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1/none")
    server.serve()
    server.serve("elsewhere:app", interface=Interfaces.ASGI)
    (ours, own), (other, others) = served.items()
    assert (ours, own.pop("factory")) == ("support_service.entrypoints.http:create_app", True)
    assert (other, others.pop("factory")) == ("elsewhere:app", False)
    assert (own.pop("interface"), others.pop("interface")) == (Interfaces.RSGI, Interfaces.ASGI)
    assert own == others
