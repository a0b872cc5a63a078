"""What operators watch about attachments."""

from prometheus_client import Counter

STATES = Counter(
    "support_attachments_total",
    "Attachments that came to be requested, ready, rejected, attached or deleted.",
    ["state"],
)
REJECTED = Counter("support_attachments_rejected_total", "Uploads that were not what was declared.", ["reason"])
BYTES = Counter("support_attachment_bytes_total", "Bytes of the files that were found ready.")
