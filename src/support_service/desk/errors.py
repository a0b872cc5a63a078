"""What the desk can refuse besides what the rooms below do."""

from support_service.kit.problems import InvalidInput, NotFound, PreconditionRequired


class AgentNotFound(NotFound):
    """There is no such agent, or none that you may see."""


class VersionRequired(PreconditionRequired):
    """Say which version of the case you are changing, with If-Match."""


class VersionUnreadable(InvalidInput):
    """If-Match must hold one ETag of this case, such as "7"."""


class IdempotencyKeyUnreadable(InvalidInput):
    """Idempotency-Key must hold 1 to 255 printable characters."""
