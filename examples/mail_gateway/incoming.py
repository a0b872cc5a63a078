"""A mail that came in: a customer's words, a bounce of one of our replies, or something that nobody wrote."""

import hashlib
import re
from datetime import UTC, datetime
from email.message import Message
from email.utils import getaddresses
from typing import Any

from examples.mail_gateway.outgoing import reason_of
from examples.mail_gateway.reading import header, parse, sender_of, text_of, words_of
from examples.mail_gateway.settings import Settings
from examples.mail_gateway.support_api import SupportApi

MOST_BYTES = 10_000_000
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_MOST_LOOKED_UP = 5


def not_written(mail: Message, sender: str | None, settings: Settings) -> str | None:
    """Why no person wrote this to us, so that it opens no case and is answered by nobody (RFC 3834, 2); None: one did."""
    if sender == "" or header(mail, "Return-Path").replace(" ", "") == "<>":
        return "it has no sender"
    if header(mail, "Auto-Submitted").partition(";")[0].strip().lower() not in {"", "no"}:
        return "Auto-Submitted"
    if header(mail, "Precedence").lower() in {"bulk", "junk", "list"}:
        return "Precedence"
    for name, harmless in (("List-Id", {""}), ("X-Auto-Response-Suppress", {"", "none"})):
        if header(mail, name).lower() not in harmless:
            return name
    address = sender_of(mail)[1]
    if "@" not in address:
        return "no From"
    return "it is our own" if settings.is_own(address) or settings.is_own(sender or "") else None


def bounced(mail: Message, settings: Settings) -> tuple[str, str, str] | None:
    """The (ticket, conversation, reason) of a reply of ours that a delivery status notification (RFC 3464) says has failed."""
    if mail.get_content_type() != "multipart/report" or mail.get_param("report-type") != "delivery-status":
        return None
    failed, reply = None, None
    for part in mail.walk():
        if part.get_content_type() == "message/delivery-status" and isinstance(part.get_payload(), list):
            for group in part.get_payload():
                if isinstance(group, Message) and header(group, "Action").lower() == "failed":
                    failed = failed or reason_of(header(group, "Status"), "bounced")
        if part.get_content_type() == "text/rfc822-headers":
            part = parse(bytes(part.get_payload(decode=True) or b""))  # noqa: PLW2901 - the headers in it are meant
        reply = reply or next(settings.replies_in(header(part, "Message-ID")), None)
    return None if failed is None or reply is None else (*reply, failed)


class Incoming:
    """Takes mails, each once however often it comes."""

    def __init__(self, api: SupportApi, settings: Settings) -> None:
        """Take them for this API."""
        self._api = api
        self._settings = settings

    async def take(self, raw: bytes, sender: str | None = None) -> str:
        """Take a mail; says what became of it.

        Args:
            raw: the mail; what is longer than 10 MB is read up to there.
            sender: of its envelope, empty for a bounce; None when that is not known.

        Raises:
            SupportAway: it is not taken: come again.
        """
        mail = parse(raw[:MOST_BYTES])
        if (bounce := bounced(mail, self._settings)) is not None:
            of_case, reply, reason = bounce
            report = {"state": "failed", "reason": reason, "reported_at": datetime.now(UTC).isoformat()}
            return "reported" if await self._api.report(of_case, reply, report) else "passed over: no reply of ours"
        if (why := not_written(mail, sender, self._settings)) is not None:
            return f"passed over: {why}"
        # With what it says: who knows the id of another's mail cannot keep that mail out.
        known_by = "\n".join([header(mail, "Message-ID"), sender_of(mail)[1], text_of(mail)])
        key = hashlib.sha256(known_by.encode()).hexdigest()
        ticket_id = await self._case_of(mail)
        if ticket_id is not None:
            said = {"message": text_of(mail), "on_behalf_of_customer": True}
            await self._api.post(f"/support/cases/{ticket_id}/messages", said, key)
            return "posted"
        await self._api.post("/support/cases", _new_case(mail), key)
        return "opened"

    async def _case_of(self, mail: Message) -> str | None:
        """The case that a mail answers, by the replies it follows, else by the address it went to; never by its subject.

        Only its own customer speaks in a case: another's mail opens one of its own.
        """
        follows = list(self._settings.replies_in(header(mail, "References") + header(mail, "In-Reply-To")))
        named = [ticket for ticket, _ in reversed(follows)]
        for name in ("To", "Cc", "Delivered-To", "X-Original-To"):
            named += self._settings.cases_in(" ".join(address for _, address in getaddresses([header(mail, name)])))
        address = sender_of(mail)[1]
        for ticket_id in list(dict.fromkeys(named))[:_MOST_LOOKED_UP]:
            case = await self._api.case(ticket_id)
            if case is not None and str((case["contact"] or {}).get("email", "")).lower() == address:
                return ticket_id
        return None


def _new_case(mail: Message) -> dict[str, Any]:
    name, address = sender_of(mail)
    language = header(mail, "Content-Language")
    return {
        # Your shop knows who this is: ask it, and give its own customer id.
        "customer_id": f"mail-{hashlib.sha256(address.encode()).hexdigest()[:32]}",
        "channel": "EMAIL",
        "subject": words_of(header(mail, "Subject")) or "(no subject)",
        "description": text_of(mail),
        "language": language if _LANGUAGE.fullmatch(language) else None,
        "contact": {"email": address, "name": name},
        "metadata": {"message_id": header(mail, "Message-ID")[:255]},
    }
