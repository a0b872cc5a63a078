"""The shop's events as they come in: batches of records whose offsets are committed when their effects are."""

from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """A message as it came; (topic, partition, offset) is its identity, and `timestamp` is in seconds since 1970, exact to 1 ms."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    timestamp: float


class EventSourceError(Exception):
    """The events cannot be read, or their offsets not be kept, right now."""


class EventSource(Protocol):
    """What the worker needs of a broker. One task uses it, one batch at a time.

    At least once: a process that dies between a batch's effects and `commit` is given the batch again after it starts,
    as is another that takes over.
    """

    async def poll(self, *, max_records: int, timeout_s: float) -> list[Record]:
        """The next records, in the order of their offsets within a partition.

        Each call goes on after the one before, committed or not; a new process goes on after the last commit, and
        begins with the oldest record there is when there was none.

        Args:
            max_records: at most this many.
            timeout_s: how long to wait while there is none; then the answer is empty.

        Raises:
            EventSourceError: the broker does not answer; the next call tries again from the same place.
        """

    async def commit(self) -> None:
        """Keep the offsets of everything polled so far.

        Raises:
            EventSourceError: they could not be kept.
        """

    async def close(self) -> None:
        """Stop reading; what was not committed is read again."""
