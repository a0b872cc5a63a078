"""Which mails the gateway passes over, what a bounce tells, and how a reply is written as a mail."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from examples.mail_gateway.incoming import bounced, not_written
from examples.mail_gateway.outgoing import compose, reason_of
from examples.mail_gateway.reading import parse, text_of
from examples.mail_gateway.settings import Settings

from support.mail import CUSTOMER, bounce, mail

SETTINGS = Settings(support_url="http://127.0.0.1", support_token_file=Path("x"), mail_address="support@shop.example")
TICKET, REPLY = str(uuid4()), str(uuid4())


def item(**fields: Any) -> dict[str, Any]:
    usual = {
        "ticket_id": TICKET, "conversation_id": REPLY, "reference": "S-1042", "subject": "Đơn hàng", "message": "Xin chào",
        "contact": {"email": CUSTOMER, "name": "Mai"}, "metadata": {"message_id": "<first@customer.example>"}, "earlier": [],
    }  # fmt: skip
    return usual | fields


@pytest.mark.parametrize(
    ("headers", "sender", "why"),
    [
        ({}, None, None),
        ({}, CUSTOMER, None),
        ({"Auto_Submitted": "no"}, None, None),
        ({"X_Auto_Response_Suppress": "None"}, None, None),
        ({}, "", "it has no sender"),
        ({"Return_Path": "<>"}, None, "it has no sender"),
        ({"Auto_Submitted": "auto-replied (vacation)"}, None, "Auto-Submitted"),
        ({"Auto_Submitted": "Auto-Generated; x=y"}, None, "Auto-Submitted"),
        ({"Precedence": "Bulk"}, None, "Precedence"),
        ({"Precedence": "junk"}, None, "Precedence"),
        ({"Precedence": "list"}, None, "Precedence"),
        ({"List_Id": "<news.example>"}, None, "List-Id"),
        ({"X_Auto_Response_Suppress": "All"}, None, "X-Auto-Response-Suppress"),
        ({"From": "Support <SUPPORT@shop.example>"}, None, "it is our own"),
        ({"From": f"support+{'a' * 32}@shop.example"}, None, "it is our own"),
        ({}, "support@shop.example", "it is our own"),
        ({"From": ""}, None, "no From"),
    ],
)
def test_what_no_person_wrote_is_passed_over(headers: dict[str, str], sender: str | None, why: str | None) -> None:
    assert not_written(parse(mail(**headers)), sender, SETTINGS) == why


@pytest.mark.parametrize(
    ("status", "action", "reason"),
    [("5.1.1", "failed", "unknown_address"), ("5.2.2", "failed", "mailbox_full"), ("5.7.1", "FAILED", "refused"),
     ("4.4.7", "failed", "expired"), ("5.0.0", "failed", "bounced"), ("", "failed", "bounced"),
     ("4.4.1", "delayed", None), ("2.0.0", "delivered", None), ("2.0.0", "relayed", None)],
)  # fmt: skip
def test_a_bounce_names_the_reply_and_why_it_failed(status: str, action: str, reason: str | None) -> None:
    sent = compose(item(), SETTINGS)
    assert sent is not None
    told = bounced(parse(bounce(sent, status, action)), SETTINGS)
    assert told == (None if reason is None else (UUID(TICKET).hex, UUID(REPLY).hex, reason))


def test_a_bounce_of_somebody_elses_mail_and_a_mail_about_ours_tell_nothing() -> None:
    sent = compose(item(), SETTINGS)
    assert sent is not None
    assert bounced(parse(mail(In_Reply_To=str(sent["Message-ID"]))), SETTINGS) is None
    passed_on = bounce(sent).replace(b"multipart/report; report-type=delivery-status", b"multipart/mixed")
    assert bounced(parse(passed_on), SETTINGS) is None
    del sent["Message-ID"]
    sent["Message-ID"] = "<other@customer.example>"
    assert bounced(parse(bounce(sent)), SETTINGS) is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [("5.1.1 no such user", "unknown_address"), ("5.2.2 over quota", "mailbox_full"), ("5.7.26 policy", "refused"),
     ("5.3.4 too big", "other"), ("no code", "other"), ("see 192.5.1.1", "other")],
)  # fmt: skip
def test_a_reason_is_read_from_the_enhanced_status(words: str, reason: str) -> None:
    assert reason_of(words, "other") == reason


def test_a_reply_is_a_mail_in_its_thread_with_its_case_in_the_address_to_answer_to() -> None:
    earlier = str(uuid4())
    sent = compose(item(earlier=[earlier]), SETTINGS)
    assert sent is not None
    assert str(sent["Message-ID"]) == f"<{UUID(REPLY).hex}.{UUID(TICKET).hex}@shop.example>"
    before = f"<{UUID(earlier).hex}.{UUID(TICKET).hex}@shop.example>"
    assert (str(sent["In-Reply-To"]), str(sent["References"])) == (before, f"<first@customer.example> {before}")
    assert b"\r\nIn-Reply-To: " + before.encode() + b"\r\n" in bytes(sent)
    assert str(sent["Reply-To"]) == f"Support <support+{UUID(TICKET).hex}@shop.example>"
    assert str(sent["Subject"]) == "Re: Đơn hàng [S-1042]"
    assert str(sent["To"]) == f"Mai <{CUSTOMER}>"
    assert sent["Auto-Submitted"] is None
    assert sent.get_content() == "Xin chào\n"


def test_the_ids_of_a_long_thread_stand_in_the_mail_as_they_are() -> None:
    earlier = [str(uuid4()) for _ in range(20)]
    sent = compose(item(earlier=earlier), SETTINGS)
    assert sent is not None
    written = parse(bytes(sent))["References"].split()
    assert written == [
        "<first@customer.example>",
        *[f"<{UUID(one).hex}.{UUID(TICKET).hex}@shop.example>" for one in earlier],
    ]
    assert max(map(len, bytes(sent).splitlines())) <= 998


def test_nobody_writes_further_headers_through_what_they_call_themselves() -> None:
    evil = "x\r\nBcc: victim@shop.example\r\n\r\nbody\u2028y"
    sent = compose(
        item(
            subject=evil,
            contact={"email": CUSTOMER, "name": evil},
            metadata={"message_id": f"<a@b>\r\nBcc: {CUSTOMER}"},
        ),
        SETTINGS,
    )
    assert sent is not None
    again = parse(bytes(sent))
    assert (again["Bcc"], again["In-Reply-To"], text_of(again)) == (None, None, "Xin chào")


@pytest.mark.parametrize(
    "email", ["", "a", "a@b\r\nBcc: c@d.example", "a@b, c@d", "a b@c", "<a@b>", "é@b.example", None]
)
def test_what_is_no_address_is_written_to_by_nobody(email: object) -> None:
    assert compose(item(contact={"email": email}), SETTINGS) is None
    assert compose(item(contact=None), SETTINGS) is None
