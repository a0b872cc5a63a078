"""Dead letters as the API shows them."""

from base64 import b64encode
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from support_service.kit.deadletters import KeptLetter
from support_service.kit.inputs import Printable
from support_service.kit.models import Output
from support_service.kit.paging import PageQuery


class DeadLetterQuery(PageQuery):
    """Which dead letters are wanted."""

    topic: Annotated[str, Printable] | None = Field(default=None, max_length=249)


class DeadLetterItem(Output):
    """A message that could not be used: where it came from and why, without what it says."""

    dead_letter_id: UUID
    received_at: datetime
    topic: str
    partition: int
    offset: int
    attempts: int = Field(description="How often it was tried.")
    reason: str = Field(description="Why it could not be used, as a code.")

    @classmethod
    def of(cls, kept: KeptLetter) -> Self:
        """A dead letter without what it says."""
        letter = kept.letter
        return cls(
            dead_letter_id=kept.dead_letter_id,
            received_at=kept.received_at,
            topic=letter.topic,
            partition=letter.partition,
            offset=letter.position,
            attempts=letter.attempts,
            reason=letter.reason,
        )


class DeadLetterDetail(DeadLetterItem):
    """The same, whole."""

    headers: tuple[tuple[str, str], ...]
    key: str | None = Field(description="As text; what is no UTF-8 stands as `\\xNN`.")
    value: str = Field(description="As text, likewise.")
    value_base64: str = Field(description="The very bytes.")

    @classmethod
    def of(cls, kept: KeptLetter) -> Self:
        """A dead letter whole."""
        letter = kept.letter
        return cls(
            **DeadLetterItem.of(kept).model_dump(),
            headers=tuple((name, _text(value)) for name, value in letter.headers),
            key=None if letter.key is None else _text(letter.key),
            value=_text(letter.value),
            value_base64=b64encode(letter.value).decode(),
        )


class DeadLetterPage(Output):
    """Dead letters, oldest first."""

    items: tuple[DeadLetterItem, ...]
    next_cursor: str | None


class DeadLetterReplay(Output):
    """What came of taking a dead letter in once more."""

    taken_in: bool = Field(description="Whether it could be used; it then is a dead letter no more.")
    reason: str | None = Field(description="Why it still cannot be used.")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")
