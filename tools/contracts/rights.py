"""Who may call which operation: contracts/rights.toml, read, and held to the API and to the matrix of actions.

An operation without a table, a table without an operation, and an id in a path without its cells are all faults, each told
with what to write where.
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from support_service.directory import MATRIX, Action, Role

Document = Mapping[str, Any]

FILE: Final = "rights.toml"
CALLERS: Final = ("AGENT", "AGENT of another team", "SUPERVISOR", "ANALYST", "SERVICE", "another SERVICE")
ROLES: Final = (Role.AGENT, Role.AGENT, Role.SUPERVISOR, Role.ANALYST, Role.SERVICE, Role.SERVICE)
PLACES: Final = ("elsewhere", "nowhere")

_METHODS: Final = ("get", "put", "post", "delete", "patch")
_OWN_KEYS: Final = frozenset({"open", "needs", "query", "body", "answers"})
_NOTHING_SAID: Final[Document] = {}
_REFUSED: Final = 403


@dataclass(frozen=True, slots=True)
class Right:
    """One table: what is sent, and what each of `CALLERS` is answered."""

    operation: str
    """As `GET /support/cases/{ticket_id}`."""
    open: bool = False
    """To all, without a token."""
    needs: str | None = None
    """The action that it asks for."""
    query: str = ""
    body: Any = None
    cells: Mapping[tuple[str, str], Sequence[int]] = field(default_factory=dict)
    """By id and place; what lies where the path says has neither: `("", "")`."""

    @property
    def method(self) -> str:
        """In capitals."""
        return self.operation.partition(" ")[0]

    @property
    def path(self) -> str:
        """With its ids in braces, and with the query."""
        path = self.operation.partition(" ")[2]
        return f"{path}?{self.query}" if self.query else path

    @property
    def ids(self) -> list[str]:
        """The names of the ids in the path, outermost first."""
        return _ids(self.operation)


def _ids(operation: str) -> list[str]:
    return re.findall(r"{(\w+)}", operation)


def read(folder: Path) -> list[Right]:
    """The tables as they are kept in this folder, whatever is wrong with them."""
    kept = tomllib.loads((folder / FILE).read_text("utf-8"))
    return [_right(operation, table) for operation, tables in kept.items() for table in tables]


def _right(operation: str, table: Document) -> Right:
    cells = {("", ""): table["answers"]} if "answers" in table else {}
    for name in (name for name in table if name not in _OWN_KEYS):
        cells |= {(name, place): answers for place, answers in table[name].items()}
    told = {name: table[name] for name in ("open", "needs", "query", "body") if name in table}
    return Right(operation, **told, cells=cells)


def judge(api: Document, undocumented: Collection[str], rights: Sequence[Right]) -> list[str]:
    """What is wrong with these tables, for this API and what it answers besides."""
    operations = dict.fromkeys(sorted(undocumented), _NOTHING_SAID) | {
        f"{method.upper()} {path}": methods[method]
        for path, methods in api["paths"].items()
        for method in _METHODS
        if method in methods
    }
    known = {right.operation for right in rights}
    wrong = [_missing(name, operation) for name, operation in operations.items() if name not in known]
    for right in rights:
        if right.operation not in operations:
            wrong.append(f"{FILE}: {right.operation} is no operation of the API; take its table out")
        else:
            guarded = bool(operations[right.operation].get("security"))
            wrong += [f"{FILE}: {right.operation}: {what}" for what in _faults(right, guarded=guarded)]
    return wrong


def _missing(name: str, operation: Document) -> str:
    lines = [f'[["{name}"]]', 'needs = "..."', *(["body = { ... }"] if "requestBody" in operation else [])]
    lines += [_row("answers"), *(_row(f"{one}.{place}") for one in _ids(name) for place in PLACES)]
    if not operation.get("security"):
        lines = [
            lines[0],
            "open = true",
            "",
            "or, as it asks for no token now, give it guard.permit(...) and",
            "",
            *lines,
        ]
    shown = "".join(f"\n    {line}" for line in lines)
    return f"{name} has no rights: say in contracts/{FILE} who may ({', '.join(CALLERS)})\n{shown}\n"


def _row(name: str) -> str:
    return f"{name} = [{', '.join('...' for _ in CALLERS)}]"


def _faults(right: Right, *, guarded: bool) -> Iterator[str]:
    if right.open == guarded:
        yield (
            "open = true, and yet it asks for a token"
            if guarded
            else "it asks for no token: guard it, or say open = true"
        )
        return
    if right.open:
        yield from (
            "what is open to all needs nothing and has no answers" for _ in filter(None, (right.needs, right.cells))
        )
        return
    if right.needs not in set(Action):
        yield f"needs = {right.needs!r} is no action of docs/access.md"
        return
    wanted = [("", ""), *((one, place) for one in right.ids for place in PLACES)]
    yield from (f"{_name(cell)} is missing: add {_row(_name(cell))}" for cell in wanted if cell not in right.cells)
    yield from (f"{_name(cell)} is of no id in its path" for cell in right.cells if cell not in wanted)
    for cell, answers in right.cells.items():
        yield from _unlike_the_matrix(_name(cell), answers, MATRIX[Action(right.needs)], right.needs)


def _unlike_the_matrix(row: str, answers: Any, allowed: frozenset[Role], action: str) -> Iterator[str]:
    if not isinstance(answers, list) or [type(one) for one in answers] != [int] * len(CALLERS):
        yield f"{row} must hold {len(CALLERS)} statuses: {', '.join(CALLERS)}"
        return
    for caller, role, status in zip(CALLERS, ROLES, answers, strict=True):
        if (status == _REFUSED) == (role in allowed):
            word = "may" if role in allowed else "may not"
            yield f"{row} answers {caller} {status}, who {word} {action}"
        if row.endswith(".nowhere") and status not in {_REFUSED, 404}:
            yield f"{row} answers {caller} {status} about what does not exist"


def _name(cell: tuple[str, str]) -> str:
    return ".".join(cell) if any(cell) else "answers"
