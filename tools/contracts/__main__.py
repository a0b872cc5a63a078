"""`python -m tools.contracts check` (for `make check`), and `write`, which adds a version where an event has changed."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tools.contracts import rights
from tools.contracts.api import Document, api_breaks, document, undocumented
from tools.contracts.compatibility import breaks
from tools.contracts.events import asyncapi, event_types, schema_of
from tools.contracts.pages import api_page, events_page, rights_page
from tools.contracts.problems import problems_page

_CHECKOUT: Final = Path(__file__).parents[2]
_STALE: Final = "is stale: run .venv/bin/python -m tools.contracts write"


def main(mode: str, folder: Path = _CHECKOUT / "contracts", pages: Path = _CHECKOUT / "docs") -> int:
    """Check, or write and check; returns 1 when something is wrong."""
    schemas, api = {event.type_: schema_of(event) for event in event_types()}, document()
    if mode == "write":
        write(schemas, folder)
        write_api(api, folder)
        write_pages(folder, pages)
    wrong = judge(schemas, folder) + judge_api(api, folder) + rights.judge(api, undocumented(), rights.read(folder))
    wrong += judge_pages(folder, pages)
    for line in wrong:
        print(f"contracts: {line}")
    return int(bool(wrong))


def judge_pages(folder: Path, pages: Path) -> list[str]:
    """Which pages do not show the documents as they are kept."""
    shown = _pages(folder, pages)
    return [
        f"docs/{path.name} {_STALE}"
        for path, text in shown.items()
        if not path.exists() or path.read_text("utf-8") != text
    ]


def write_pages(folder: Path, pages: Path) -> None:
    """Show the documents as they are kept."""
    for path, text in _pages(folder, pages).items():
        path.write_text(text, "utf-8")


def _pages(folder: Path, pages: Path) -> dict[Path, str]:
    return {
        pages / "contract-events.md": events_page(_read(folder / "asyncapi.json")),
        pages / "contract-api.md": api_page(_read(folder / "openapi.json")),
        pages / "problems.md": problems_page(),
        pages / "contract-rights.md": rights_page(rights.read(folder)),
    }


def judge(schemas: Mapping[str, Mapping[str, Any]], folder: Path) -> "list[str]":
    """What is wrong with events of these schemas, held to every version released."""
    wrong: list[str] = []
    kept = {path.name for path in (folder / "events").iterdir()} if (folder / "events").exists() else set()
    wrong += [f"{type_} was released, and is gone" for type_ in sorted(kept - schemas.keys())]
    for type_, schema in schemas.items():
        released = versions(folder, type_)
        for number, old in released.items():
            wrong += [f"{type_}: {what} (since version {number})" for what in breaks(old, schema)]
        if not released or list(released.values())[-1] != schema:
            wrong.append(f"{type_} has changed: run .venv/bin/python -m tools.contracts write")
    if _read(folder / "asyncapi.json") != asyncapi(schemas):
        wrong.append(f"asyncapi.json {_STALE}")
    return wrong


def write(schemas: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Keep a further version of every event that has changed in a way that breaks nobody, and the document."""
    for type_, schema in schemas.items():
        released = versions(folder, type_)
        if any(any(breaks(old, schema)) for old in released.values()):
            continue
        if not released or list(released.values())[-1] != schema:
            _write(folder / "events" / type_ / f"{len(released) + 1}.json", schema)
    _write(folder / "asyncapi.json", asyncapi(schemas))


def judge_api(api: Document, folder: Path) -> list[str]:
    """What is wrong with this API, held to every version released."""
    wrong = [
        f"{what} (since version {old['info']['version']})"
        for old in api_versions(folder)
        for what in api_breaks(old, api)
    ]
    if _read(folder / "openapi.json") != api:
        wrong.append(f"openapi.json {_STALE}")
    return wrong


def write_api(api: Document, folder: Path) -> None:
    """Keep the document, unless that breaks a client of any version; that of an earlier version stays beside it."""
    before = _read(folder / "openapi.json")
    if any(any(api_breaks(old, api)) for old in api_versions(folder)):
        return
    if before is not None and before["info"]["version"] != api["info"]["version"]:
        _write(folder / "openapi" / f"{before['info']['version']}.json", before)
    _write(folder / "openapi.json", api)


def api_versions(folder: Path) -> list[Any]:
    """The documents of every version released, and the one kept last."""
    earlier = [_read(path) for path in sorted((folder / "openapi").glob("*.json"))]
    return [*earlier, *([last] if (last := _read(folder / "openapi.json")) is not None else [])]


def versions(folder: Path, type_: str) -> dict[int, Any]:
    """The released schemas of an event, by their number."""
    there = (folder / "events" / type_).glob("*.json")
    return {number: _read(path) for number, path in sorted((int(path.stem), path) for path in there)}


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    if sys.argv[1:] not in (["check"], ["write"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
