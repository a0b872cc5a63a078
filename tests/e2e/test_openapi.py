"""The OpenAPI document: its examples hold, its references lead somewhere, and what is answered is in it."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel

from support.api import CASES, new_case, patch, send
from support.service import Person, RunningService
from support_service.attachments import schemas as of_attachments
from support_service.desk import carrier_schemas as of_deliveries
from support_service.desk import schemas as of_cases
from support_service.directory import schemas as of_teams
from support_service.webhooks import schemas as of_webhooks

ROOMS = (of_attachments, of_cases, of_deliveries, of_webhooks, of_teams)
DELIVERY = ("PUT", CASES + "/{ticket_id}/messages/{conversation_id}/delivery")
PROBLEM = {"$ref": "#/components/schemas/ProblemBody"}


@pytest.fixture
async def document(service: RunningService) -> Any:
    answer = await send(service, "GET", "/openapi.json")
    assert answer.status == 200
    return answer.body


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value of a document, however deep."""
    for key, member in value.items() if isinstance(value, dict) else enumerate(value):
        yield str(key), member
        if isinstance(member, dict | list):
            yield from members(member)


def operations(document: Any) -> dict[tuple[str, str], Any]:
    return {
        (method.upper(), path): told for path, methods in document["paths"].items() for method, told in methods.items()
    }


async def test_every_reference_leads_to_a_schema_and_none_to_the_frameworks_own_errors(document: Any) -> None:
    found = {str(value) for key, value in members(document) if key == "$ref"}
    assert PROBLEM["$ref"] in found
    for reference in found:
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert place["type"] or place["enum"], reference
    assert "ValidationError" not in str(document)
    assert set(document["components"]["schemas"]["ProblemBody"]["properties"]) >= {"type", "title", "status", "detail"}


async def test_every_body_that_can_be_sent_has_an_example_that_is_valid_and_works(
    service: RunningService, document: Any
) -> None:
    examples = {}
    for (method, path), operation in operations(document).items():
        if "requestBody" not in operation or not path.startswith("/support"):
            continue
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        name = reference.rpartition("/")[2]
        (found,) = {getattr(room, name) for room in ROOMS if hasattr(room, name)}
        model: type[BaseModel] = found
        examples[method, path] = document["components"]["schemas"][name]["examples"]
        for example in examples[method, path]:
            assert model.model_validate(example).model_dump(mode="json", exclude_unset=True) == example
    assert {where for where in examples if where[1].startswith(CASES)} == {
        ("POST", CASES), ("PATCH", CASES + "/{ticket_id}"), ("POST", CASES + "/{ticket_id}/messages"),
        DELIVERY,
        ("POST", CASES + "/{ticket_id}/attachments"),
    }  # fmt: skip
    del examples[DELIVERY]  # a machine's alone: tests/e2e/test_delivery.py
    agent = service.person("AGENT", teams=("orders",))
    # Of webhooks, whose receivers are not there to be asked, and of teams, which tokens tell here.
    assert len(examples) == 4 + 3 + 2
    for (method, path), bodies in ((where, bodies) for where, bodies in examples.items() if where[1].startswith(CASES)):
        for body in bodies:
            ticket_id = (await agent.open_case())["ticket_id"]
            answer = await agent.ask(method, path.format(ticket_id=ticket_id), body, if_match='"1"')
            assert answer.status in {200, 201}, answer


async def test_every_operation_says_what_it_is_and_that_it_needs_a_token_and_refuses_unknown_fields(
    document: Any,
) -> None:
    for (_, path), operation in operations(document).items():
        assert operation["summary"]
        assert operation["description"]
        assert operation["tags"]
        if path.startswith("/support"):
            assert operation["security"] == [{"accessToken": []}]
            assert {"401", "403", "500", "503"} <= set(operation["responses"])
        for status, told in operation["responses"].items():
            if status >= "400" and path.startswith("/support"):
                assert told["content"] == {"application/problem+json": {"schema": PROBLEM}}, (path, status)
    for name in (
        "TicketCreate",
        "TicketChange",
        "MessageCreate",
        "DeliveryReport",
        "AttachmentCreate",
        "WebhookCreate",
        "WebhookChange",
        "ReplayRequest",
    ):
        assert document["components"]["schemas"][name]["additionalProperties"] is False


async def test_what_is_answered_has_the_shape_and_the_status_that_the_document_tells(
    service: RunningService, document: Any
) -> None:
    agent = service.person("AGENT", teams=("orders",))
    told = operations(document)
    for method, path, answer in [each async for each in everything(service, agent)]:
        (operation,) = [
            operation
            for (each, template), operation in told.items()
            if each == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path.partition("?")[0])
        ]
        assert str(answer.status) in operation["responses"], (method, path, answer)
        kind = answer.headers["content-type"]
        schema = operation["responses"][str(answer.status)]["content"][kind]["schema"]
        shape = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if answer.status < 400:
            assert set(shape.get("required", [])) <= set(answer.body) <= set(shape["properties"]), (method, path)
        else:
            assert set(shape["required"]) <= set(answer.body)


async def everything(service: RunningService, agent: Person) -> Any:
    """Requests that are answered in every way the tests of this folder know, with their answers."""
    analyst, stranger = service.person("ANALYST"), service.person("AGENT", teams=("payments",))
    ticket_id = (await agent.open_case(order_id="o-1"))["ticket_id"]
    closed = (await agent.open_case())["ticket_id"]
    assert (await patch(agent, closed, 1, status="CLOSED")).status == 200
    case, closed_path = f"{CASES}/{ticket_id}", f"{CASES}/{closed}"
    messages, timeline = f"{case}/messages", f"{case}/timeline"
    me = await agent.get("/support/agents/me")
    workload = f"/support/agents/{me['agent_id']}/workload"
    reads = [CASES, case, f"{case}?includeTimeline=true", messages, timeline, "/support/agents/me", workload]
    reads += [f"{case}/related", "/support/customers/c-1", "/support/teams", "/support/teams/orders"]
    reads += ["/support/teams/orders/members"]
    for path in reads:
        yield "GET", path, await agent.ask("GET", path)
        yield "GET", path, await send(service, "GET", path)
        yield "GET", path, await send(service, "GET", path, token="garbage")
        if path not in {"/support/agents/me", f"{case}/related", "/support/customers/c-1", "/support/teams/orders"}:
            yield "GET", path, await agent.ask("GET", f"{path}?nope=1")
    for path in (case, messages, timeline, f"{CASES}/{uuid4()}", f"/support/agents/{uuid4()}/workload"):
        yield "GET", path, await stranger.ask("GET", path)
    yield "GET", CASES, await analyst.ask("GET", f"{CASES}?customer_id=c-1")
    for method, path, body in (
        ("POST", CASES, new_case()),
        ("POST", messages, {"message": "Hello"}),
        ("PATCH", case, {"priority": "HIGH"}),
    ):
        yield method, path, await agent.ask(method, path, body, if_match='"2"' if method == "PATCH" else "-")
        yield method, path, await agent.ask(method, path, {"nope": 1}, if_match='"1"')
        yield method, path, await analyst.ask(method, path, body, if_match='"1"')
        yield method, path, await send(service, method, path, b"{}")
        yield method, path, await send(service, method, path, b"\xff", agent.token)
        yield method, path, await send(service, method, path, b" " * 1_000_001, agent.token)
    yield "PATCH", case, await agent.ask("PATCH", case, {"priority": "LOW"})
    yield "PATCH", case, await agent.ask("PATCH", case, {"priority": "LOW"}, if_match='"1"')
    yield "PATCH", case, await stranger.ask("PATCH", case, {"priority": "LOW"}, if_match='"3"')
    yield "PATCH", closed_path, await agent.ask("PATCH", closed_path, {"status": "OPEN"}, if_match='"2"')
    yield "POST", messages, await stranger.ask("POST", messages, {"message": "Hello"})
    yield "POST", closed_path + "/messages", await agent.ask("POST", closed_path + "/messages", {"message": "Hello"})
