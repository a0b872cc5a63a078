"""A mail server for the mail gateway to deliver to, and mails as customers' programs write them."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from support.ports import free_port

CUSTOMER = "mai@customer.example"


@dataclass
class MailServer:
    """What it was given, and what it answers; None accepts."""

    port: int
    taken: list[EmailMessage] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    at_rcpt: str | None = None
    at_data: str | None = None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's word
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        if self.at_rcpt is not None:
            return self.at_rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - likewise
        if self.at_data is not None:
            return self.at_data
        self.taken.append(message_from_bytes(envelope.content, policy=policy.default))
        self.senders.append(envelope.mail_from)
        return "250 OK"


@contextlib.contextmanager
def mail_server() -> Iterator[MailServer]:
    """A real SMTP server on 127.0.0.1 for as long as the block runs."""
    server = MailServer(free_port())
    controller = Controller(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


def mail(text: str = "Where is it?", **headers: str) -> bytes:
    """A customer's mail; header names with underscores, an empty one leaves it out."""
    usual = {
        "From": f"Nguyễn Thị Mai <{CUSTOMER}>",
        "To": "support@shop.example",
        "Subject": "Đơn hàng của tôi",
        "Message-ID": "<first@customer.example>",
    }
    made = EmailMessage(policy.SMTP.clone(max_line_length=998))
    made.set_content(text)
    for name, value in (usual | {name.replace("_", "-"): value for name, value in headers.items()}).items():
        if value:
            made[name] = value
    return bytes(made)


def bounce(of: EmailMessage, status: str = "5.1.1", action: str = "failed") -> bytes:
    """A delivery status notification about a mail, as a mail server sends it (RFC 3464)."""
    return (
        "From: MAILER-DAEMON@mx.example\r\nTo: support@shop.example\r\nSubject: Undelivered\r\nAuto-Submitted: auto-replied\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nNo such user.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; {CUSTOMER}\r\nAction: {action}\r\nStatus: {status}\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {of['Message-ID']}\r\nSubject: x\r\n\r\n--b--\r\n"
    ).encode()
