"""Uploading by a signed form, as a browser does it, and files to upload."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import uuid4

import aiohttp

from support.service import Answer, Person, RunningService

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + bytes(64)
PDF = b"%PDF-1.7\n" + b"x" * 500


def declared(content: bytes, **fields: object) -> dict[str, Any]:
    """What is said of a file before it is uploaded; a PNG unless said otherwise."""
    told = {"file_name": "ảnh.png", "content_type": "image/png", "size": len(content)}
    return {**told, "sha256": sha256(content).hexdigest(), **fields}


async def post_form(session: aiohttp.ClientSession, url: str, fields: Mapping[str, str], content: bytes) -> int:
    """Post the fields and then the file; gives the status."""
    form = aiohttp.FormData(quote_fields=False)
    for name, value in fields.items():
        form.add_field(name, value)
    form.add_field("file", BytesIO(content), filename="blob", content_type="application/octet-stream")
    async with session.post(url, data=form()) as answer:
        await answer.read()
        return answer.status


async def attached(service: RunningService, ticket_id: str) -> str:
    """The id of a file that the newest message of a case holds, put there behind the service's back."""
    attachment_id = str(uuid4())
    async with service.api.database.connection() as connection:
        await connection.execute(
            "INSERT INTO support_attachments (attachment_id, ticket_id, requested_by, file_name, content_type, size,"
            " sha256, state, staging_key, object_key, conversation_id, place, created_at)"
            " SELECT $1, ticket_id, author_id, 'PLANTED.png', 'image/png', 72, repeat('0', 64), 'ready', 'staging/0',"
            " 'attachments/0', conversation_id, 1, now() FROM support_conversations WHERE ticket_id = $2"
            " ORDER BY number DESC LIMIT 1",
            attachment_id,
            ticket_id,
        )
        await connection.execute(
            "UPDATE support_conversations SET attachment_uri = 'urn:PLANTED' FROM support_attachments AS file"
            " WHERE file.attachment_id = $1 AND file.conversation_id = support_conversations.conversation_id",
            attachment_id,
        )
    return attachment_id


@dataclass(slots=True)
class Uploader:
    """Somebody who uploads files to one case."""

    service: RunningService
    person: Person
    ticket_id: str

    @property
    def path(self) -> str:
        return f"/support/cases/{self.ticket_id}/attachments"

    async def request(self, content: bytes = PNG, **fields: Any) -> Any:
        """Ask for an upload, which must be granted."""
        answer = await self.person.ask("POST", self.path, declared(content, **fields))
        assert answer.status == 201, answer
        return answer.body

    async def put(self, requested: Any, content: bytes = PNG, *, altered: Mapping[str, str] | None = None) -> int:
        """Post the form that was given; gives the status."""
        upload = requested["upload"]
        fields = {**upload["fields"], **(altered or {})}
        return await post_form(self.service.session, self.service.url + upload["url"], fields, content)

    async def complete(self, requested: Any) -> Answer:
        """Have it checked."""
        return await self.person.ask("POST", f"{self.path}/{requested['attachment_id']}/complete")

    async def ready(self, content: bytes = PNG, **fields: Any) -> str:
        """The id of a file that is ready."""
        requested = await self.request(content, **fields)
        assert await self.put(requested, content) == 204
        answer = await self.complete(requested)
        assert answer.status == 200, answer
        assert answer.body["state"] == "ready", answer
        return str(requested["attachment_id"])
