"""What the gateway is told by its environment, and the names that it gives things by."""

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    """Read from the environment under these names, in capitals."""

    support_url: str
    support_token_file: Path
    """Holds a token of a SERVICE client; read for each request, as tokens are short."""
    mail_address: str = Field(pattern=r"^[a-z0-9._-]{1,31}@[a-z0-9.-]+$")
    """Ours. Mail to `local+anything@domain` must come here, too: 32 of the 64 characters of `local` (RFC 5321) are for that."""
    mail_name: str = "Support"
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 25
    smtp_starttls: bool = False
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")

    @property
    def domain(self) -> str:
        """Of our address."""
        return self.mail_address.rpartition("@")[2]

    def message_id(self, ticket_id: str, conversation_id: str) -> str:
        """The Message-ID of a reply: the same however often it is sent, and it names its case."""
        return f"<{conversation_id.replace('-', '')}.{ticket_id.replace('-', '')}@{self.domain}>"

    def replies_in(self, text: str) -> Iterator[tuple[str, str]]:
        """The (ticket, conversation) of each of our Message-IDs in a header, in their order."""
        for conversation, ticket in re.findall(rf"<([0-9a-f]{{32}})\.([0-9a-f]{{32}})@{re.escape(self.domain)}>", text):
            yield ticket, conversation

    def reply_to(self, ticket_id: str) -> str:
        """Our address for answers about a case."""
        return f"{self.mail_address.partition('@')[0]}+{ticket_id.replace('-', '')}@{self.domain}"

    def cases_in(self, text: str) -> list[str]:
        """The cases that addresses of ours in a header name."""
        local = re.escape(self.mail_address.partition("@")[0])
        return re.findall(rf"\b{local}\+([0-9a-f]{{32}})@{re.escape(self.domain)}\b", text.lower())

    def is_own(self, address: str) -> bool:
        """Whether an address is ours, tagged or not."""
        local, _, domain = address.lower().rpartition("@")
        return f"{local.partition('+')[0]}@{domain}" == self.mail_address
