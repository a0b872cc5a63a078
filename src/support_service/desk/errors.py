"""What the desk can refuse besides what the rooms below do."""

from support_service.kit.problems import NotFound


class AgentNotFound(NotFound):
    """There is no such agent, or none that you may see."""
