"""Logs: one JSON object a line (coloured text in a terminal), on standard error, with the ids of what is being done.

`bound(ticket_id=...)` adds ids to every line written inside it, also by code that knows nothing of tickets. Log lines
hold ids and codes only. An exception is logged as its class names and its frames, without its message: messages of
drivers and validators quote the values they refuse, and those may be a customer's.
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Literal, TextIO

import structlog

LogFormat = Literal["auto", "json", "console"]

_JSON = json.JSONEncoder(default=repr)
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "exception": 40, "critical": 50}
_QUIET = ("asyncio", "aiohttp.access", "_granian", "granian.access", "uvicorn.access")


class _Lines:
    """Where our own lines go: past the standard library's logging, which costs twice what all the rest of a line does."""

    stream: TextIO = sys.stderr
    render: structlog.typing.Processor

    def __init__(self, name: str) -> None:
        self.name = name

    def write(self, line: str) -> None:
        try:
            _Lines.stream.write(f"{line}\n")
        except (OSError, ValueError):  # nobody reads it any more: that must not stop what was to be told of
            return

    debug = info = warning = error = exception = critical = write


def configure(*, log_format: LogFormat, level: str) -> None:
    """Send structlog's and the standard library's records to standard error, in one format."""
    as_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _exception_without_message,
    ]
    renderer: structlog.typing.Processor = (
        _as_json if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    _Lines.stream, _Lines.render = sys.stderr, renderer
    structlog.configure(
        processors=[_drop_unless_wanted, *shared, _render],
        logger_factory=_Lines,
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger named after its module."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


@contextmanager
def bound(**ids: object) -> Iterator[None]:
    """Add ids (those that are not None) to every line logged inside the block, also in tasks started there."""
    with structlog.contextvars.bound_contextvars(
        **{key: str(value) for key, value in ids.items() if value is not None}
    ):
        yield


def bind(**ids: object) -> None:
    """Add ids to every further line of this request or job; `clear` ends it."""
    structlog.contextvars.bind_contextvars(**{key: str(value) for key, value in ids.items() if value is not None})


def clear() -> None:
    """Forget the ids bound so far: a new request or job begins."""
    structlog.contextvars.clear_contextvars()


def current_request_id() -> str | None:
    """The id of the request or job being served, as bound under `request_id`."""
    value = structlog.contextvars.get_contextvars().get("request_id")
    return None if value is None else str(value)


def _drop_unless_wanted(_logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if _LEVELS[method] < logging.root.level:
        raise structlog.DropEvent
    return event


def _render(logger: object, method: str, event: MutableMapping[str, Any]) -> Any:
    return _Lines.render(logger, method, event)


def _as_json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    return _JSON.encode(event)


def _exception_without_message(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    exc_info = event.pop("exc_info", None)
    if not exc_info:
        return event
    error = exc_info if isinstance(exc_info, BaseException) else sys.exc_info()[1]
    if isinstance(exc_info, tuple):
        error = exc_info[1]
    if error is None:
        return event
    chain: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        chain.append(f"{type(seen).__module__}.{type(seen).__qualname__}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    frames = traceback.extract_tb(error.__traceback__)
    event["error"] = chain
    event["frames"] = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
    return event
