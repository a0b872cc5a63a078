"""Attachments as the API takes and shows them. What would tell of a person is null for a reader who may not see it."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from support_service.attachments.model import Attachment, Reason, State
from support_service.attachments.names import LONGEST_NAME, checked
from support_service.directory import Profile
from support_service.kit.models import Input, Output
from support_service.ports.blobs import SignedDownload, SignedUpload

MOST_PER_MESSAGE = 10
"""Files that one message holds."""

_FileName = Annotated[str, StringConstraints(min_length=1, max_length=4 * LONGEST_NAME), AfterValidator(checked)]
_ContentType = Annotated[str, StringConstraints(max_length=127, pattern=r"^[a-z]+/[a-z0-9.+-]+$")]
_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class AttachmentCreate(Input):
    """A file that is to be uploaded."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "file_name": "Hóa đơn.pdf",
                    "content_type": "application/pdf",
                    "size": 48213,
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                }
            ]
        }
    )

    file_name: _FileName = Field(description="In any script, of at most 255 characters, ending as such files do.")
    content_type: _ContentType = Field(description="In lower case and without parameters, such as `image/png`.")
    size: int = Field(ge=1, le=2**53 - 1, description="Bytes.")
    sha256: _Sha256 = Field(description="Of the file, in hexadecimal digits.")


class UploadForm(Output):
    """A form to post: all of `fields`, then the file as the field `file`, as multipart/form-data."""

    method: Literal["POST"] = "POST"
    url: str = Field(description="Absolute, or a path of this API's own address. No access token is needed there.")
    fields: dict[str, str]
    expires_at: datetime

    @classmethod
    def of(cls, signed: SignedUpload) -> Self:
        """A signed upload as it is sent."""
        return cls(url=signed.url, fields=dict(signed.fields), expires_at=signed.expires_at)


class AttachmentResponse(Output):
    """A file of a case."""

    attachment_id: UUID
    state: State
    reason: Reason | None = Field(description="Why it was rejected.")
    file_name: str | None
    content_type: str
    size: int
    conversation_id: UUID | None = Field(description="The message that holds it. Until one does only you see it.")
    created_at: datetime

    @classmethod
    def of(cls, attachment: Attachment, profile: Profile) -> Self:
        """An attachment as a reader of this profile sees it."""
        return cls(**_fields(attachment, profile))


class AttachmentRequested(AttachmentResponse):
    """A file of a case, and how to upload it."""

    upload: UploadForm | None = Field(description="Null once the file was uploaded and checked.")

    @classmethod
    def with_upload(cls, attachment: Attachment, signed: SignedUpload | None) -> Self:
        """An attachment and its form, as who asked for it sees them."""
        upload = None if signed is None else UploadForm.of(signed)
        return cls(**_fields(attachment, Profile.CLEAR), upload=upload)


class AttachmentDetail(AttachmentResponse):
    """A file of a case, and where to fetch it."""

    download_url: str | None = Field(
        description="Absolute, or a path of this API's own address. No access token is needed there. Null until it is ready."
    )
    download_expires_at: datetime | None

    @classmethod
    def with_download(cls, attachment: Attachment, profile: Profile, signed: SignedDownload | None) -> Self:
        """An attachment and its address as a reader of this profile sees them."""
        return cls(
            **_fields(attachment, profile),
            download_url=None if signed is None else signed.url,
            download_expires_at=None if signed is None else signed.expires_at,
        )


class AttachedFile(Output):
    """A file that a message holds."""

    attachment_id: UUID
    file_name: str | None
    content_type: str
    size: int

    @classmethod
    def of(cls, attachment: Attachment, profile: Profile) -> Self:
        """A file as a reader of this profile sees it."""
        shown = _fields(attachment, profile)
        return cls(**{name: shown[name] for name in cls.model_fields})


def _fields(attachment: Attachment, profile: Profile) -> dict[str, Any]:
    shown: dict[str, Any] = {name: getattr(attachment, name) for name in AttachmentResponse.model_fields}
    return shown | ({"file_name": None} if profile is Profile.MASKED else {})
