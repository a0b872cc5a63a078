"""What the context can refuse."""

from support_service.kit.problems import NotFound


class DeadLetterNotFound(NotFound):
    """There is no such dead letter, or it has been taken in."""
