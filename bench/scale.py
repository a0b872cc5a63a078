"""How much is measured: all of it, or less for a first look."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Rounds and seconds of the comparisons."""

    rounds: int = 5
    seconds: float = 20.0
    """Of load on our side, in each turn."""
    rival_seconds: float = 8.0
    warm_seconds: float = 8.0
    """Before each turn: as long as two processes need to put 1,000 pages together and to verify 200 tokens."""
    events: int = 300
    """Of each round that are followed to the screen."""
    heats: int = 5
    """Of each round, in each of which 4,000 invalidations race fills."""
    shop_orders: int = 10_000
    """Whose events are taken in, in each turn."""
    log_rows: int = 200_000
    """Of the event log that are published, in each turn."""


QUICK = Scale(
    rounds=2,
    seconds=8.0,
    rival_seconds=4.0,
    warm_seconds=8.0,
    events=60,
    heats=1,
    shop_orders=1_500,
    log_rows=10_000,
)
"""For a first look; never what the figures are recorded with."""
