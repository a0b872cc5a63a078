"""The demo's page: files that need nothing from elsewhere, words in two languages, a sign-in for this machine only."""

import json
import re
from collections.abc import MutableMapping
from importlib.resources import files
from typing import Any

import pytest
from fastapi import FastAPI

from support_service.cases import Channel, DeliveryState, FailureReason, Priority, Status
from support_service.demo.goods import METHODS, RULES
from support_service.demo.page import create_router
from support_service.demo.people import PEOPLE
from support_service.kit.web import install_problem_handlers
from support_service.sources import SOURCES

STATIC = {
    entry.name: entry.read_text(encoding="utf-8")
    for entry in files("support_service.demo.page").joinpath("static").iterdir()
}
SCRIPTS = {name: text for name, text in STATIC.items() if name.endswith(".js")}
WORDS = {
    language: dict(
        re.findall(r'^  "?([\w.-]+)"?:\s+"((?:[^"\\]|\\.)*)",$', STATIC[f"words.{language}.js"], re.MULTILINE)
    )
    for language in ("en", "vi")
}


class NamingSigner:
    """Signs with the subject's name."""

    def token(self, *, subject: str, name: str, email: str, roles: tuple[str, ...], teams: tuple[str, ...]) -> str:
        return f"token of {subject}"


async def ask(method: str, path: str, body: object = None, *, host: str = "127.0.0.1:8360", **headers: str) -> Any:
    """Status, headers and text of the page's answer."""
    app = FastAPI()
    install_problem_handlers(app)
    app.include_router(create_router(NamingSigner(), PEOPLE))
    sent: list[MutableMapping[str, Any]] = []
    content = b"" if body is None else json.dumps(body).encode()

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    told = {"host": host, "content-type": "application/json"} | {n.replace("_", "-"): v for n, v in headers.items()}
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "http_version": "1.1"}
    scope |= {"scheme": "http", "headers": [(name.encode(), value.encode()) for name, value in told.items()]}
    await app(scope, receive, send)
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answered, b"".join(part.get("body", b"") for part in sent[1:]).decode()


async def test_the_page_may_run_its_own_files_and_nothing_else() -> None:
    status, headers, text = await ask("GET", "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "<style" not in text
    assert " style=" not in text
    assert not re.search(r"<script(?![^>]* src=\"/page/)", text)
    assert not re.search(r"\son\w+=", text)


@pytest.mark.parametrize("name", sorted(STATIC))
async def test_each_file_is_served_with_its_type_and_only_once_to_who_has_it(name: str) -> None:
    status, headers, text = await ask("GET", f"/page/{name}")
    assert (status, text) == (200, STATIC[name])
    assert headers["content-type"].startswith(("text/", "image/svg+xml"))
    status, _, text = await ask("GET", f"/page/{name}", if_none_match=headers["etag"])
    assert (status, text) == (304, "")


@pytest.mark.parametrize("name", ["__init__.py", "nothing.js", "..%2F__init__.py", "../page.html", ""])
async def test_nothing_else_is_served(name: str) -> None:
    status, _, _ = await ask("GET", f"/page/{name}")
    assert status in {404, 307}


@pytest.mark.parametrize("name", sorted(STATIC))
def test_the_files_name_no_host_and_what_they_name_is_there(name: str) -> None:
    hosts = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", STATIC[name]))
    assert hosts <= {"http://www.w3.org/2000/svg"}
    named = re.findall(r'"(?:\./|/page/)([\w.]+)"', STATIC[name])
    assert set(named) <= set(STATIC)


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_text_never_becomes_markup(name: str) -> None:
    unsafe = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc|javascript:|DOMParser"
    )
    assert not re.search(unsafe, SCRIPTS[name])


def test_both_languages_say_the_same_things_with_the_same_blanks() -> None:
    assert len(WORDS["en"]) > 150
    assert set(WORDS["en"]) == set(WORDS["vi"])
    for key, english in WORDS["en"].items():
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", WORDS["vi"][key])), key


def test_there_are_words_for_everything_the_service_can_tell() -> None:
    needed = {f"fact.{source.name}.{status}" for source in SOURCES for status in source.statuses}
    needed |= {f"source.{source.name}" for source in SOURCES}
    needed |= {f"status.{status}" for status in Status} | {f"priority.{priority}" for priority in Priority}
    needed |= {f"channel.{channel}" for channel in Channel}
    needed |= {f"delivery.{state}" for state in DeliveryState} | {f"failure.{reason}" for reason in FailureReason}
    needed |= {f"state.{state}" for state in ("ok", "stale", "unavailable")}
    needed |= {f"from.{served}" for served in ("lake", "rest", "events", "context", "none")}
    needed |= {f"method.{method}" for methods in METHODS.values() for method in methods if method != "boleto"}
    needed |= {f"rule.{rule}" for rule in RULES}
    assert needed <= set(WORDS["en"])


def test_every_word_asked_for_in_the_scripts_is_there() -> None:
    asked = {key for text in SCRIPTS.values() for key in re.findall(r"\bt\(\"([\w.-]+)\"", text)}
    asked |= set(re.findall(r"data-text=\"(\w+)\"", STATIC["page.html"]))
    assert len(asked) > 60
    assert asked <= set(WORDS["en"])


async def test_people_can_be_signed_in_and_machines_cannot() -> None:
    _, _, text = await ask("GET", "/demo/people")
    offered = {person["subject"] for person in json.loads(text)["items"]}
    assert offered == {person.subject for person in PEOPLE if "SERVICE" not in person.roles}
    status, _, text = await ask("POST", "/demo/sign-in", {"subject": "demo-linh"})
    assert (status, json.loads(text)) == (200, {"token": "token of demo-linh"})
    for nobody in ("demo-storefront", "root", "x" * 64):
        status, _, _ = await ask("POST", "/demo/sign-in", {"subject": nobody})
        assert status == 404


async def test_the_sign_in_takes_nothing_but_a_subject() -> None:
    for body in ({}, {"subject": 7}, {"subject": "demo-linh", "roles": ["SUPERVISOR"]}, ["demo-linh"]):
        status, _, _ = await ask("POST", "/demo/sign-in", body)
        assert status == 422


@pytest.mark.parametrize("host", ["localhost:8360", "127.0.0.1", "127.0.0.9:1", "[::1]:8360"])
async def test_a_name_of_this_machine_is_answered(host: str) -> None:
    status, _, _ = await ask("GET", "/demo/people", host=host)
    assert status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8360", "10.0.0.4:8360", "[fe80::1]", ""])
async def test_a_page_elsewhere_cannot_sign_in_by_pointing_its_name_here(host: str) -> None:
    for method, path in (("GET", "/demo/people"), ("POST", "/demo/sign-in")):
        status, _, text = await ask(method, path, {"subject": "demo-linh"}, host=host)
        assert status == 403
        assert "token of" not in text
