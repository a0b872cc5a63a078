"""Every operation and every id of its path says who may, or `make check` fails and says what to write where."""

import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from tools.contracts.api import document, undocumented
from tools.contracts.rights import CALLERS, Right, judge, read

RIGHTS = read(Path(__file__).parents[3] / "contracts")
API, BESIDES = document(), undocumented()
REPLAY = "POST /support/webhooks/{webhook_id}/deliveries/{delivery_id}/replay"
CASE, HEALTH = "GET /support/cases/{ticket_id}", "GET /healthz"


def changed(operation: str, **members: Any) -> list[Right]:
    """The tables, with the first of an operation changed."""
    number = next(number for number, right in enumerate(RIGHTS) if right.operation == operation)
    return [*RIGHTS[:number], dataclasses.replace(RIGHTS[number], **members), *RIGHTS[number + 1 :]]


def cells(operation: str) -> dict[tuple[str, str], Any]:
    return dict(next(right.cells for right in RIGHTS if right.operation == operation))


def test_the_declared_rights_are_whole() -> None:
    assert judge(API, BESIDES, RIGHTS) == []


def test_an_operation_without_a_table_is_found_and_told_what_to_write() -> None:
    more = copy.deepcopy(API)
    more["paths"]["/support/cases/{ticket_id}/files/{file_id}"] = {
        "put": {"security": [{"accessToken": []}], "requestBody": {}}
    }
    (said,) = judge(more, BESIDES, RIGHTS)
    assert "PUT /support/cases/{ticket_id}/files/{file_id} has no rights" in said
    row = "[..., ..., ..., ..., ..., ...]"
    for line in (
        "contracts/rights.toml",
        '[["PUT /support/cases/{ticket_id}/files/{file_id}"]]',
        'needs = "..."',
        "body = { ... }",
        f"answers = {row}",
        *(f"{one}.{place} = {row}" for one in ("ticket_id", "file_id") for place in ("elsewhere", "nowhere")),
    ):
        assert line in said


def test_a_route_that_is_not_in_the_document_needs_a_table_too() -> None:
    (said,) = judge(API, {*BESIDES, "GET /debug"}, RIGHTS)
    assert "GET /debug has no rights" in said
    assert "open = true" in said
    assert "guard.permit" in said


@pytest.mark.parametrize("gone", sorted({right.operation for right in RIGHTS}))
def test_each_table_is_missed(gone: str) -> None:
    (said,) = judge(API, BESIDES, [right for right in RIGHTS if right.operation != gone])
    assert f"{gone} has no rights" in said


@pytest.mark.parametrize("cell", list(cells(REPLAY)))
def test_each_id_of_a_path_is_missed(cell: tuple[str, str]) -> None:
    rest = {name: answers for name, answers in cells(REPLAY).items() if name != cell}
    (said,) = judge(API, BESIDES, changed(REPLAY, cells=rest))
    assert f"{'.'.join(cell) if cell[0] else 'answers'} = [" in said


def test_a_table_without_an_operation_is_found() -> None:
    (said,) = judge(API, BESIDES, [*RIGHTS, Right("GET /support/nothing", open=True)])
    assert "GET /support/nothing is no operation" in said


ANSWERS = [200, 404, 200, 200, 200, 404]
WRONG: dict[str, tuple[list[Right], str]] = {
    "an id that is not in the path": (
        changed(CASE, cells=cells(CASE) | {("file_id", "nowhere"): ANSWERS}),
        "file_id.nowhere is of no id",
    ),
    "a place that there is not": (
        changed(CASE, cells=cells(CASE) | {("ticket_id", "here"): ANSWERS}),
        "ticket_id.here is of no id",
    ),
    "an action that there is not": (changed(CASE, needs="case.eat"), "is no action"),
    "no action": (changed(CASE, needs=None), "is no action"),
    "said to be open, and guarded": (changed(CASE, open=True, needs=None, cells={}), "asks for a token"),
    "said to be guarded, and open": (changed(HEALTH, open=False, needs="case.read"), "asks for no token"),
    "open with answers": (changed(HEALTH, cells={("", ""): ANSWERS}), "needs nothing"),
    "an answer too few": (changed(CASE, cells=cells(CASE) | {("", ""): ANSWERS[1:]}), "must hold 6 statuses"),
    "an answer that is a word": (changed(CASE, cells=cells(CASE) | {("", ""): "no"}), "must hold 6 statuses"),
    "an answer to what does not exist": (
        changed(CASE, cells=cells(CASE) | {("ticket_id", "nowhere"): [200, *[404] * 5]}),
        "about what does not exist",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_table_that_cannot_be_true_is_found(name: str) -> None:
    rights, what = WRONG[name]
    assert any(what in said for said in judge(API, BESIDES, rights))


@pytest.mark.parametrize("caller", range(len(CALLERS)))
def test_who_may_not_is_403_and_who_may_is_not_as_the_matrix_of_actions_has_it(caller: int) -> None:
    for operation in (CASE, REPLAY):
        answers = list(cells(operation)["", ""])
        answers[caller] = 200 if answers[caller] == 403 else 403
        (said,) = judge(API, BESIDES, changed(operation, cells=cells(operation) | {("", ""): answers}))
        assert f"answers answers {CALLERS[caller]} {answers[caller]}, who may" in said
