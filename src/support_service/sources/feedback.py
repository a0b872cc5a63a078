"""Feedback: the reviews that customers write of what they bought. It has no event; only lake and REST tell of it."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from support_service.kit.privacy import DataClass
from support_service.sources.source import Identifier, Row, Source, Text
from support_service.sources.wording import plain, sentence


class FeedbackRow(Row):
    """One version of a review; the score goes from 1 (worst) to 5."""

    feedback_id: Annotated[Identifier, DataClass.NONE]
    score: Annotated[Annotated[int, Field(ge=1, le=5)] | None, DataClass.NONE] = None
    title: Annotated[Text | None, DataClass.PERSONAL] = None
    comment: Annotated[Text | None, DataClass.PERSONAL] = None


def _summary(data: Mapping[str, Any]) -> str:
    return sentence(
        f"Feedback {plain(data['status'])}",
        None if data["score"] is None else f"{data['score']} of 5",
        data["title"],
    )


FEEDBACK = Source(
    name="feedback",
    entity="feedback_id",
    row=FeedbackRow,
    statuses=("requested", "answered"),
    topic=None,
    service="feedback",
    select="""\
SELECT 'feedback' AS source, feedback_id AS entity_id, customer_id, order_id, CAST(version AS bigint) AS version,
    'feedback.' || status AS kind, occurred_at,
    CAST(json_object(
        'status' VALUE status, 'score' VALUE score, 'title' VALUE title, 'comment' VALUE comment,
        'time_known' VALUE time_known
    ) AS varchar) AS data
FROM {table}""",
    summary=_summary,
)
