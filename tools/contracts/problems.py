"""docs/problems.md: every type of problem that there is, from the classes."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Final

import support_service
from support_service.kit.problems import TYPE_PREFIX, Problem

_HEAD: Final = f"""\
# Types of problems

Every error is a problem as RFC 9457 has it. Its `type` is `{TYPE_PREFIX}` and one of the words below, which stay; titles
and details are for people and may be worded anew. `about:blank` says no more than the status does: a path that leads nowhere
(404), a method that it does not have (405; `Allow` names those that it has).

Some carry more: `errors` (`invalid-input`), `version` (what it is now, with a 412), `reason` (why a token or a URL was refused),
`action` (what your role may not do). A 429 and most 503 say in `Retry-After` when to try again, in seconds.
What is answered to what is in [bad-input.md](bad-input.md).

| type | status | title |
|---|---|---|
"""


def problems_page() -> str:
    """The page, by status."""
    rows = sorted({(each.status, each.code, each.title) for each in _problems()})
    return _HEAD + "".join(f"| `{code}` | {status} | {title} |\n" for status, code, title in rows)


def _problems() -> Iterator[type[Problem]]:
    for module in pkgutil.walk_packages(support_service.__path__, "support_service."):
        if not module.name.startswith("support_service.migrations."):  # which run when they are imported
            importlib.import_module(module.name)
    yield from (each for each in _below(Problem) if each.__module__.startswith("support_service."))


def _below(kind: type[Problem]) -> Iterator[type[Problem]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _below(each)
