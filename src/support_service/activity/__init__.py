"""Who did, saw or was refused what: an account that can only be added to, for audits."""

from support_service.activity.service import record
from support_service.activity.views import Denials, ViewRecorder

__all__ = ["Denials", "ViewRecorder", "record"]
