"""Asking the running API from outside: raw requests, problems, and what stands in the database afterwards."""

import json
from typing import Any

from support.service import Answer, Person, RunningService

CASES = "/support/cases"
PROBLEM_TYPE = "urn:support-service:problem:"


def new_case(**fields: object) -> dict[str, Any]:
    """The least body that opens a case, with these fields besides or instead."""
    return {"customer_id": "c-1", "channel": "WEB", "subject": "Where is it?", "description": "It is late.", **fields}


async def send(
    service: RunningService, method: str, path: str, data: Any = None, token: str | None = None, **headers: str
) -> Answer:
    """Send bytes as they are (an iterator: without content-length), declared as JSON; header names with underscores."""
    sent = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    async with service.session.request(method, service.url + path, data=data, headers=sent) as answer:
        text = await answer.text()
        is_json = "json" in answer.headers.get("content-type", "")
        return Answer(answer.status, json.loads(text) if is_json and text else text, answer.headers)


async def patch(person: Person, ticket_id: str, version: int | str, **changes: object) -> Answer:
    """Change a case that is at this version."""
    return await person.ask("PATCH", f"{CASES}/{ticket_id}", changes, if_match=f'"{version}"')


def problem(answer: Answer) -> tuple[int, str]:
    """Status and kind of an answer that must be an RFC 9457 problem; the kind of a plain one is `about:blank`."""
    assert answer.headers["content-type"] == "application/problem+json", answer
    assert answer.body["status"] == answer.status, answer
    assert answer.body["title"], answer
    return answer.status, answer.body["type"].removeprefix(PROBLEM_TYPE)


def pointers(answer: Answer) -> list[str]:
    """The fields that a 422 names."""
    assert problem(answer) == (422, "invalid-input")
    return sorted(error["pointer"] for error in answer.body["errors"])


async def rows(service: RunningService, query: str, *values: object) -> list[dict[str, Any]]:
    """What the service's own role finds in its database."""
    async with service.api.database.connection() as connection:
        return [dict(row) for row in await connection.fetch(query, *values)]


async def count(service: RunningService, what: str, *values: object) -> int:
    """How many rows there are of `what`: a table, with a WHERE if wanted."""
    return int((await rows(service, f"SELECT count(*) AS n FROM {what}", *values))[0]["n"])


async def agent_id(person: Person) -> str:
    """A person's id here; an agent, supervisor or analyst is thereby signed in."""
    return str((await person.get("/support/agents/me"))["agent_id"])
