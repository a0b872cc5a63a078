"""How many reads are on their way to the lake: a query that waits for them spares them one of their own."""

from collections.abc import Callable


class Approach:
    """Counts them. Belongs to one event loop."""

    def __init__(self) -> None:
        """Nobody is on the way."""
        self.count = 0

    def set_out(self) -> Callable[[], None]:
        """One more is on its way; call what this returns when it is there, or will not come. A second call says nothing."""
        self.count += 1
        on_way = True

        def arrived() -> None:
            nonlocal on_way
            self.count -= on_way
            on_way = False

        return arrived
