"""Files in cases: asked for, uploaded by a signed form, checked, and then attached to a message.

Owns `support_attachments`. The files themselves lie in a store (`ports.blobs`) and pass through no process of ours, but for
being checked.
"""

from support_service.attachments import metrics
from support_service.attachments.jobs import SETTLE, AttachmentJobs
from support_service.attachments.kinds import DEFAULT_TYPES, KINDS
from support_service.attachments.model import AttachmentLimits
from support_service.attachments.routes import create_attachment_routes
from support_service.attachments.schemas import MOST_PER_MESSAGE, AttachedFile
from support_service.attachments.service import Attachments

__all__ = [
    "DEFAULT_TYPES",
    "KINDS",
    "MOST_PER_MESSAGE",
    "SETTLE",
    "AttachedFile",
    "AttachmentJobs",
    "AttachmentLimits",
    "Attachments",
    "create_attachment_routes",
    "metrics",
]
