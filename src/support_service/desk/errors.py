"""What the desk can refuse besides what the rooms below do."""

from support_service.kit.problems import NotFound


class AgentNotFound(NotFound):
    """There is no such agent, or none that you may see."""


class CustomerNotFound(NotFound):
    """There is no such customer, or none of whom you see a case."""
