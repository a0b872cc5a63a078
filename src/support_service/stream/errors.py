"""Why a stream is not opened."""

from support_service.kit.problems import Problem


class TooManyStreams(Problem):
    """There are too many open streams."""

    status = 503

    def __init__(self) -> None:
        """Say when to try again."""
        super().__init__("Close some, or try again in a moment.", headers={"retry-after": "5"})
