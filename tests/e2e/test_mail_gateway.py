"""The example of a mail gateway, between a real mail server and the running API."""

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from examples.mail_gateway import outgoing
from examples.mail_gateway.incoming import Incoming
from examples.mail_gateway.outgoing import Outgoing
from examples.mail_gateway.settings import Settings
from examples.mail_gateway.support_api import SupportApi, SupportAway

from support.api import CASES, count, patch
from support.mail import CUSTOMER, MailServer, bounce, mail, mail_server
from support.service import Person, RunningService

CHECKOUT = Path(__file__).parents[2]


@dataclass
class Gateway:
    """The gateway on a test's service and mail server, and an agent who answers."""

    settings: Settings
    api: SupportApi
    out: Outgoing
    into: Incoming
    server: MailServer
    agent: Person

    async def only_case(self) -> Any:
        (case,) = (await self.agent.get(CASES))["items"]
        return await self.agent.get(f"{CASES}/{case['ticket_id']}")

    async def reply(self, words: str = "Ngày mai hàng đến ạ.") -> None:
        case = await self.only_case()
        assert (await self.agent.say(case["ticket_id"], words)).status == 201

    async def answered(self) -> EmailMessage:
        """A customer's mail opens a case, an agent replies, and this is the mail that comes."""
        assert await self.into.take(mail()) == "opened"
        await self.reply()
        await self.out.round()
        return self.server.taken[-1]

    async def delivery(self) -> Any:
        return (await self.only_case())["conversation"][-1]["delivery"]


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def gateway(service: RunningService, server: MailServer, tmp_path: Path) -> Gateway:
    token_file = tmp_path / "token"
    token_file.write_text(service.person("SERVICE", subject="mail-gateway").token + "\n")
    settings = Settings(
        support_url=service.url,
        support_token_file=token_file,
        mail_address="support@shop.example",
        smtp_port=server.port,
    )
    api = SupportApi(service.session, settings)
    return Gateway(settings, api, Outgoing(api, settings), Incoming(api, settings), server, service.person("AGENT"))


async def test_a_conversation_by_mail_is_one_case_and_one_thread(gateway: Gateway) -> None:
    assert await gateway.into.take(mail("Đơn o-1 của tôi đâu?", Content_Language="vi")) == "opened"
    case = await gateway.only_case()
    assert (case["channel"], case["subject"], case["language"]) == ("EMAIL", "Đơn hàng của tôi", "vi")
    assert case["contact"] == {"email": CUSTOMER, "name": "Nguyễn Thị Mai"}
    assert case["conversation"][0]["message"] == "Đơn o-1 của tôi đâu?"
    await gateway.reply("Ngày mai hàng đến ạ.")
    await gateway.out.round()
    (first,) = gateway.server.taken
    assert gateway.server.senders == ["support@shop.example"]
    assert (await gateway.delivery())["state"] == "sent"
    assert first.get_content().strip() == "Ngày mai hàng đến ạ."
    assert first["In-Reply-To"] == first["References"] == "<first@customer.example>"
    assert first["Subject"] == f"Re: Đơn hàng của tôi [{case['reference']}]"
    back = mail("Cảm ơn!", Message_ID="<second@customer.example>", In_Reply_To=str(first["Message-ID"]), Subject="Khác")
    assert await gateway.into.take(back) == "posted"
    await gateway.reply("Dạ.")
    await gateway.out.round()
    second = gateway.server.taken[-1]
    assert second["References"] == f"<first@customer.example> {first['Message-ID']}"
    said = [(each["author_type"], each["message"]) for each in (await gateway.only_case())["conversation"]]
    assert said[1:] == [("AGENT", "Ngày mai hàng đến ạ."), ("CUSTOMER", "Cảm ơn!"), ("AGENT", "Dạ.")]
    await gateway.out.round()
    assert len(gateway.server.taken) == 2


async def test_an_answer_without_references_finds_its_case_by_the_address_it_went_to(gateway: Gateway) -> None:
    sent = await gateway.answered()
    to = re.search(r"<(.+)>", str(sent["Reply-To"]))
    assert to is not None
    assert await gateway.into.take(mail("Cảm ơn!", Message_ID="<2@c.example>", To=to[1])) == "posted"
    assert len((await gateway.only_case())["conversation"]) == 3


@pytest.mark.parametrize("known", ["In_Reply_To", "References", "To"])
async def test_nobody_but_its_customer_speaks_in_a_case_whatever_they_know_of_it(gateway: Gateway, known: str) -> None:
    sent = await gateway.answered()
    named = {known: str(sent["Reply-To"] if known == "To" else sent["Message-ID"])}
    stranger = mail("Send it to me.", From="Eve <eve@elsewhere.example>", Message_ID="<eve@e.example>", **named)
    assert await gateway.into.take(stranger) == "opened"
    cases = (await gateway.agent.get(CASES))["items"]
    assert len({case["customer_id"] for case in cases}) == 2
    assert len((await gateway.agent.get(f"{CASES}/{cases[1]['ticket_id']}"))["conversation"]) == 2


async def test_a_subject_alone_leads_to_no_case(gateway: Gateway) -> None:
    sent = await gateway.answered()
    assert await gateway.into.take(mail("again", Message_ID="<3@c.example>", Subject=str(sent["Subject"]))) == "opened"


async def test_the_same_mail_again_has_no_second_effect(gateway: Gateway) -> None:
    sent = await gateway.answered()
    back = mail("Cảm ơn!", Message_ID="<second@customer.example>", In_Reply_To=str(sent["Message-ID"]))
    for _ in range(2):
        assert await gateway.into.take(mail()) == "opened"
        assert await gateway.into.take(b"Received: by mx2\r\n" + back) == "posted"
    assert len((await gateway.only_case())["conversation"]) == 3
    assert await gateway.into.take(mail("other words", Message_ID="<first@customer.example>")) == "opened"


async def test_the_customers_mail_about_a_closed_case_goes_on_in_a_linked_one_whose_replies_are_brought_too(
    gateway: Gateway,
) -> None:
    sent = await gateway.answered()
    case = await gateway.only_case()
    assert (await patch(gateway.agent, case["ticket_id"], case["version"], status="CLOSED")).status == 200
    back = mail("Hỏng rồi.", Message_ID="<second@customer.example>", In_Reply_To=str(sent["Message-ID"]))
    assert await gateway.into.take(back) == "posted"
    linked = (await gateway.agent.get(CASES))["items"][0]
    assert linked["linked_ticket_id"] == case["ticket_id"]
    assert (await gateway.agent.say(linked["ticket_id"], "Xin lỗi.")).status == 201
    await gateway.out.round()
    assert gateway.server.taken[-1].get_content().strip() == "Xin lỗi."


async def test_an_automatic_answer_to_a_reply_ends_there(service: RunningService, gateway: Gateway) -> None:
    sent = await gateway.answered()
    away = {"Auto_Submitted": "auto-replied", "In_Reply_To": str(sent["Message-ID"]), "Message_ID": "<away@c.example>"}
    assert await gateway.into.take(mail("I am away.", **away)) == "passed over: Auto-Submitted"
    assert await gateway.into.take(bytes(sent)) == "passed over: X-Auto-Response-Suppress"
    assert await count(service, "support_conversations") == 2
    await gateway.out.round()
    assert len(gateway.server.taken) == 1


async def test_a_bounce_is_seen_by_the_agent_as_a_failure_and_opens_the_case_again(gateway: Gateway) -> None:
    sent = await gateway.answered()
    case = await gateway.only_case()
    await patch(gateway.agent, case["ticket_id"], case["version"], status="PENDING")
    assert await gateway.into.take(bounce(sent, "4.2.2", "delayed"), "") == "passed over: it has no sender"
    assert await gateway.into.take(bounce(sent), "") == "reported"
    delivery = await gateway.delivery()
    assert (delivery["state"], delivery["reason"]) == ("failed", "unknown_address")
    assert (await gateway.only_case())["status"] == "OPEN"
    other = re.sub(rb"<[0-9a-f]{32}\.", b"<" + b"0" * 32 + b".", bounce(sent))
    assert await gateway.into.take(other, "") == "passed over: no reply of ours"


@pytest.mark.parametrize(
    ("at", "answer", "reason"),
    [
        ("at_rcpt", "550 5.1.1 No such user", "unknown_address"),
        ("at_rcpt", "552 5.2.2 Over quota", "mailbox_full"),
        ("at_rcpt", "550 Go away", "refused"),
        ("at_data", "554 5.7.1 Spam", "refused"),
    ],
)
async def test_what_the_mail_server_refuses_for_good_has_failed(
    gateway: Gateway, at: str, answer: str, reason: str
) -> None:
    assert await gateway.into.take(mail()) == "opened"
    setattr(gateway.server, at, answer)
    await gateway.reply()
    await gateway.out.round()
    delivery = await gateway.delivery()
    assert (delivery["state"], delivery["reason"]) == ("failed", reason)


@pytest.mark.parametrize("at", ["at_rcpt", "at_data"])
async def test_what_it_refuses_for_now_waits_and_is_tried_again_later(
    gateway: Gateway, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await gateway.into.take(mail()) == "opened"
    setattr(gateway.server, at, "451 4.7.1 Greylisted")
    await gateway.reply()
    await gateway.out.round()
    setattr(gateway.server, at, None)
    await gateway.out.round()
    assert ((await gateway.delivery())["state"], gateway.server.taken) == ("queued", [])
    monkeypatch.setattr(outgoing, "_PAUSES", (timedelta(0),))
    again = Outgoing(gateway.api, gateway.settings)
    setattr(gateway.server, at, "451 4.7.1 Greylisted")
    await again.round()
    setattr(gateway.server, at, None)
    await again.round()
    assert ((await gateway.delivery())["state"], len(gateway.server.taken)) == ("sent", 1)


async def test_a_mail_server_that_is_away_for_too_long_makes_it_fail_and_one_that_refuses_us_does_not(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await gateway.into.take(mail()) == "opened"
    await gateway.reply()
    wrong = gateway.settings.model_copy(update={"smtp_user": "somebody"})
    await Outgoing(gateway.api, wrong).round()
    assert (await gateway.delivery())["state"] == "queued"
    monkeypatch.setattr(outgoing, "_GIVEN_UP_AFTER", timedelta(0))
    away = gateway.settings.model_copy(update={"smtp_port": 1})
    await Outgoing(gateway.api, away).round()
    delivery = await gateway.delivery()
    assert (delivery["state"], delivery["reason"]) == ("failed", "expired")


async def test_a_mail_that_was_taken_while_the_api_was_away_is_reported_and_not_sent_again(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await gateway.into.take(mail()) == "opened"
    await gateway.reply()
    real = gateway.api.report

    async def away(*_: Any) -> bool:
        raise SupportAway

    monkeypatch.setattr(gateway.api, "report", away)
    with pytest.raises(SupportAway):
        await gateway.out.round()
    monkeypatch.setattr(gateway.api, "report", real)
    await gateway.out.round()
    assert ((await gateway.delivery())["state"], len(gateway.server.taken)) == ("sent", 1)


async def test_as_a_mail_server_pipes_it_a_mail_is_taken_or_kept_for_later(gateway: Gateway) -> None:
    async def piped(raw: bytes, *arguments: str, **environment: str) -> int | None:
        told = {
            "SUPPORT_URL": gateway.settings.support_url,
            "SUPPORT_TOKEN_FILE": str(gateway.settings.support_token_file),
            "MAIL_ADDRESS": "support@shop.example",
            "PATH": os.environ["PATH"],
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "examples.mail_gateway", "receive", *arguments,
            stdin=-1, stderr=-1, cwd=CHECKOUT, env=told | environment,
        )  # fmt: skip
        await process.communicate(raw)
        return process.returncode

    assert await piped(mail(), SUPPORT_URL="http://127.0.0.1:1") == os.EX_TEMPFAIL
    gateway.settings.support_token_file.with_name("old").write_text("expired")
    assert (
        await piped(mail(), SUPPORT_TOKEN_FILE=str(gateway.settings.support_token_file.with_name("old")))
        == os.EX_TEMPFAIL
    )
    assert await piped(mail(), "--sender", "") == os.EX_OK
    assert (await gateway.agent.get(CASES))["items"] == []
    assert await piped(mail(), "--sender", CUSTOMER) == os.EX_OK
    assert (await gateway.only_case())["subject"] == "Đơn hàng của tôi"
