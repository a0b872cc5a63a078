"""What the API's document knows of, held against every answer that a test has had of it."""

import json
from functools import cache
from pathlib import Path

from support_service.kit.metrics import REQUEST_SECONDS

_DOCUMENT = Path(__file__).parents[2] / "contracts" / "openapi.json"


def undocumented() -> set[tuple[str, str, str]]:
    """Method, path and status of the answers of this process that the document does not tell of; nought is right."""
    labels = [sample.labels for metric in REQUEST_SECONDS.collect() for sample in metric.samples]
    answered = {(one["method"], one["route"], one["status"]) for one in labels}
    return {
        (method, route, status)
        for method, route, status in answered
        if status not in _documented().get((method, route), {status})
    }


@cache
def _documented() -> dict[tuple[str, str], set[str]]:
    """The statuses of every operation, by method and path."""
    paths = json.loads(_DOCUMENT.read_text("utf-8"))["paths"]
    return {
        (method.upper(), path): set(operation["responses"])
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
