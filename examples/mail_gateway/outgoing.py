"""Replies on their way out: each one mail, by SMTP, and what the mail server says of it reported."""

import asyncio
import logging
import re
import smtplib
import ssl
from datetime import UTC, datetime, timedelta
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from examples.mail_gateway.reading import one_line
from examples.mail_gateway.settings import Settings
from examples.mail_gateway.support_api import SupportApi, SupportAway

_log = logging.getLogger(__name__)
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}")
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,250}>")
_ENHANCED = re.compile(r"(?<![\d.])[245]\.(\d{1,3})\.(\d{1,3})(?!\.?\d)")
_LONG_LINES = policy.SMTP.clone(max_line_length=998)
"""As RFC 5322, 2.1.1 allows: an id that is longer than a line would be sent as encoded words, which nobody reads as one."""
_TIMEOUT_S = 30.0
_GIVEN_UP_AFTER = timedelta(days=2)
_PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
_PERMANENT = 500


def compose(item: dict[str, Any], settings: Settings) -> EmailMessage | None:
    """The mail for a reply; None when no address is known of the customer.

    A person wrote it, so it is not `Auto-Submitted` (RFC 3834, 5). It follows the customer's first mail and our replies before it
    (RFC 5322, 3.6.4), and what others wrote into a header stands on one line of it.
    """
    contact = item["contact"] or {}
    to = str(contact.get("email", ""))
    if not _ADDRESS.fullmatch(to):
        return None
    ticket_id = item["ticket_id"]
    subject = one_line(item["subject"])
    mail = EmailMessage(_LONG_LINES)
    mail["From"] = Address(settings.mail_name, addr_spec=settings.mail_address)
    mail["To"] = Address(one_line(str(contact.get("name", "")), 100), addr_spec=to)
    mail["Reply-To"] = Address(settings.mail_name, addr_spec=settings.reply_to(ticket_id))
    mail["Subject"] = f"{'' if subject.lower().startswith('re:') else 'Re: '}{subject} [{item['reference']}]"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = settings.message_id(ticket_id, item["conversation_id"])
    first = str((item["metadata"] or {}).get("message_id", ""))
    thread = [first] if _MESSAGE_ID.fullmatch(first) else []
    thread += [settings.message_id(ticket_id, earlier) for earlier in item["earlier"]]
    if thread:
        mail["In-Reply-To"] = thread[-1]
        mail["References"] = " ".join(thread)
    mail["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    mail.set_content(item["message"])
    return mail


def hand_over(mail: EmailMessage, settings: Settings) -> str | None:
    """Give a mail to the server; blocking, 30 s a step. What makes it impossible, as a reason; None: it was taken.

    Raises:
        OSError: not now (also a server that refuses us, not the mail: SMTPException is an OSError).
    """
    with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=_TIMEOUT_S) as smtp:
        if settings.smtp_starttls:
            smtp.starttls(context=ssl.create_default_context())
        if settings.smtp_user:
            smtp.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        try:
            smtp.send_message(mail, from_addr=settings.mail_address)
        except smtplib.SMTPRecipientsRefused as refused:
            code, said = next(iter(refused.recipients.values()))
        except smtplib.SMTPDataError as refused:
            code, said = refused.smtp_code, bytes(refused.smtp_error)  # type: ignore[arg-type] # bytes, as it is read
        else:
            return None
    words = said.decode(errors="replace")
    if code < _PERMANENT:
        raise OSError(f"{code} {words}")
    return reason_of(words, "mailbox_full" if code == 552 else "refused")  # noqa: PLR2004 - RFC 5321, 4.2.3


def reason_of(words: str, otherwise: str) -> str:
    """A reason code of the API by the enhanced status (RFC 3463) in a mail server's words."""
    found = _ENHANCED.search(words)
    if found is None:
        return otherwise
    subject, detail = map(int, found.groups())
    if subject == 1:
        return "unknown_address"
    if (subject, detail) == (2, 2):
        return "mailbox_full"
    if (subject, detail) == (4, 7):
        return "expired"
    return "refused" if subject == 7 else otherwise  # noqa: PLR2004 - RFC 3463, 3.8: policy


class Outgoing:
    """Brings what waits, one after the other; run one of it."""

    def __init__(self, api: SupportApi, settings: Settings) -> None:
        """Nothing is under way."""
        self._api = api
        self._settings = settings
        self._later: dict[str, tuple[datetime, int]] = {}
        """When a reply is tried again, and how often it was tried."""
        self._outcomes: dict[str, dict[str, str]] = {}
        """What the API has not been told yet: reported before anything else, so that nothing is sent again."""

    async def run(self, every_s: float = 5.0) -> None:
        """Go on until cancelled."""
        while True:
            try:
                await self.round()
            except SupportAway as away:
                _log.warning("%s", away)
            await asyncio.sleep(every_s)

    async def round(self) -> None:
        """Bring all that waits now.

        Raises:
            SupportAway: the API; what was brought is reported in the next round.
        """
        async for item in self._api.queued():
            reply, now = item["conversation_id"], datetime.now(UTC)
            if reply not in self._outcomes:
                if now < self._later.get(reply, (now, 0))[0]:
                    continue
                outcome = await self._bring(item, now)
                if outcome is None:
                    continue
                self._outcomes[reply] = outcome | {"reported_at": datetime.now(UTC).isoformat()}
            await self._api.report(item["ticket_id"], reply, self._outcomes[reply])
            del self._outcomes[reply]
            self._later.pop(reply, None)

    async def _bring(self, item: dict[str, Any], now: datetime) -> dict[str, str] | None:
        mail = compose(item, self._settings)
        if mail is None:
            return {"state": "failed", "reason": "unknown_address"}
        try:
            reason = await asyncio.to_thread(hand_over, mail, self._settings)
        except OSError as error:
            _log.warning("%s is tried again: %s", mail["Message-ID"], error)
            if now - datetime.fromisoformat(item["created_at"]) > _GIVEN_UP_AFTER:
                return {"state": "failed", "reason": "expired"}
            tries = self._later.get(item["conversation_id"], (now, 0))[1]
            self._later[item["conversation_id"]] = now + _PAUSES[min(tries, len(_PAUSES) - 1)], tries + 1
            return None
        if reason is not None:
            return {"state": "failed", "reason": reason}
        return {"state": "sent", "provider_id": str(mail["Message-ID"])}
