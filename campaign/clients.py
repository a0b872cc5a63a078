"""Careful clients: they name what they ask for, ask until they are answered, and write down what they were told."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import uuid4

import aiohttp

from campaign.history import Change, History, Look, Outcome, Said
from support.api import CASES, PROBLEM_TYPE, new_case
from support.service import Answer, Person

PATIENCE_S = 60.0
"""So long a client asks for one thing."""

_PAUSE_S = 0.1
_READS_S = 0.03
"""At most so long somebody looks at a case before they change it or answer; meanwhile others do the same."""

_TRIES = 5
_REMEMBERED = 40
_ASK_AGAIN = frozenset({429, 500, 502, 503, 504})
_CREATED, _OK, _CONFLICT, _STALE = 201, 200, 409, 412
_REFUSALS = frozenset({"conversation-moved", "case-closed", "move-not-allowed", "case-changed"})
"""What it is right to be refused for, when others work on the same case."""

_marks = itertools.count(1)


@dataclass(slots=True)
class Client:
    """Somebody at work by any of the API's addresses, each request by another as if spread by a balancer."""

    people: Sequence[Person]
    """One person, by each address."""
    history: History
    rng: Random
    cases: list[str] = field(default_factory=list)
    """Cases that are known, shared with others if wanted."""
    agent_id: str = ""
    strange: Counter[str] = field(default_factory=Counter)
    """Answers that nobody should get."""

    async def sign_in(self) -> None:
        """Learn who one is; a machine is nobody here."""
        answer, _ = await self.ask("GET", "/support/agents/me")
        self.agent_id = answer.body["agent_id"] if answer is not None and answer.status == _OK else ""

    async def ask(
        self, method: str, path: str, body: object = None, *, once: bool = False, **headers: str
    ) -> tuple[Answer | None, bool]:
        """The answer, asked for again until there is one; and whether an attempt before it may have had an effect."""
        unsure = False
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                answer = await self.rng.choice(self.people).ask(method, path, body, **headers)
            except aiohttp.ClientConnectorError:
                pass  # nothing was sent
            except (aiohttp.ClientError, OSError, TimeoutError):
                unsure = True
                self.history.broken += 1
            else:
                self.history.statuses[answer.status] += 1
                if answer.status not in _ASK_AGAIN and code_of(answer) != "request-in-progress":
                    return answer, unsure
                unsure |= answer.status >= 500  # noqa: PLR2004 - it may have come to nothing after its effect
            if once:
                return None, unsure
            await asyncio.sleep(self.rng.uniform(0.5, 1.5) * _PAUSE_S)
        return None, unsure

    async def open_case(self, *, careful: bool = True, **fields: object) -> Said:
        """Open a case; who is not careful asks once, without a key."""
        said = self._new(opens=True)
        customer = f"c-{self.rng.randrange(20)}"
        order = self.rng.choice([None, f"o-{customer}-{self.rng.randrange(3)}"])
        body = new_case(customer_id=customer, order_id=order, description=said.mark) | fields
        answer = await self._say(CASES, body, careful=careful)
        if answer is not None and answer.status == _CREATED:
            said.outcome, said.ticket_id = Outcome.DONE, answer.body["ticket_id"]
            self.cases.append(said.ticket_id)
            del self.cases[:-_REMEMBERED]
        elif answer is not None:
            said.outcome = Outcome.REFUSED
            self._wonder(answer)
        return said

    async def post(self, ticket_id: str, *, careful: bool = True, **fields: object) -> Said:
        """Say something in a case."""
        said = self._new(opens=False)
        answer = await self._say(f"{CASES}/{ticket_id}/messages", {"message": said.mark, **fields}, careful=careful)
        self._posted(said, answer)
        return said

    async def reply(self, ticket_id: str) -> None:
        """Answer what one has read; when others have written meanwhile, read that first."""
        said = self._new(opens=False)
        for _ in range(_TRIES):
            page = await self.look(f"{CASES}/{ticket_id}/messages?limit=1", ticket_id)
            if page is None:
                break
            await self._read()
            body = {"message": said.mark, "seen_through": page["items"][0]["conversation_id"]}
            answer = await self._say(f"{CASES}/{ticket_id}/messages", body)
            self._posted(said, answer)
            if said.outcome is not Outcome.REFUSED or code_of(answer) != "conversation-moved":
                return
        said.outcome = Outcome.REFUSED

    async def change(self, ticket_id: str, **fields: object) -> None:
        """Change a case at the version that one has read; when it has moved on meanwhile, read it anew."""
        for _ in range(_TRIES):
            case = await self.look(f"{CASES}/{ticket_id}?includeTimeline=true", ticket_id)
            if case is None:
                return
            await self._read()
            change = Change(ticket_id, case["version"], f"mark {next(_marks)}")
            self.history.changes.append(change)
            answer, unsure = await self.ask(
                "PATCH", f"{CASES}/{ticket_id}", {"category": change.mark, **fields}, if_match=f'"{change.version}"'
            )
            if answer is None:
                return
            if answer.status == _OK:
                change.outcome = Outcome.DONE
                return
            change.outcome = Outcome.UNKNOWN if unsure else Outcome.REFUSED
            self._wonder(answer)
            if answer.status != _STALE:
                return

    async def look(self, path: str, ticket_id: str) -> Any:
        """What a GET about a case shows; None when nobody answers."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            began, person = time.time(), self.rng.choice(self.people)
            try:
                answer = await person.ask("GET", path)
            except (aiohttp.ClientError, OSError, TimeoutError):
                await asyncio.sleep(_PAUSE_S)
                continue
            self.history.statuses[answer.status] += 1
            if answer.status == _OK:
                self.history.looks.append(Look(self.agent_id, ticket_id, person.url, began, time.time()))
                return answer.body
            if answer.status not in _ASK_AGAIN:
                self._wonder(answer)
                return None
            await asyncio.sleep(_PAUSE_S)
        return None

    async def _read(self) -> None:
        await asyncio.sleep(self.rng.uniform(0, _READS_S))

    async def _say(self, path: str, body: object, *, careful: bool = True) -> Answer | None:
        headers = {"idempotency_key": str(uuid4())} if careful else {}
        answer, _ = await self.ask("POST", path, body, once=not careful, **headers)
        return answer

    def _posted(self, said: Said, answer: Answer | None) -> None:
        if answer is None:
            return
        if answer.status == _CREATED:
            said.outcome = Outcome.DONE
            said.ticket_id, said.conversation_id = answer.body["ticket_id"], answer.body["conversation_id"]
        else:
            said.outcome = Outcome.REFUSED
            self._wonder(answer)

    def _new(self, *, opens: bool) -> Said:
        said = Said(f"words {next(_marks)}", opens)
        self.history.said.append(said)
        return said

    def _wonder(self, answer: Answer) -> None:
        code = code_of(answer)
        if code in _REFUSALS:
            self.history.refused[code] += 1
        else:
            self.strange[f"{answer.status} {code}"] += 1


def code_of(answer: Answer | None) -> str:
    """Which problem an answer tells of; empty for none."""
    told = answer.body.get("type", "") if answer is not None and isinstance(answer.body, dict) else ""
    return str(told).removeprefix(PROBLEM_TYPE) if str(told).startswith(PROBLEM_TYPE) else ""
