"""W3C Trace Context: the `traceparent` that a request comes with, and that goes on with what it causes."""

import re

_TRACE_ID = "(?!0{32})[0-9a-f]{32}"
_ALONE = re.compile(_TRACE_ID)
_PARENT = re.compile(rf"(?!ff)[0-9a-f]{{2}}-({_TRACE_ID})-(?!0{{16}})[0-9a-f]{{16}}-[0-9a-f]{{2}}(-.*)?")


def trace_in(traceparent: str) -> str | None:
    """The id of the trace that a header names; None when it names none."""
    found = _PARENT.fullmatch(traceparent)
    return None if found is None else found[1]


def traceparent(trace: str, parent: str) -> str | None:
    """The header by which a trace goes on from a parent (16 hex digits); None when its id is none of a trace."""
    return f"00-{trace}-{parent}-01" if _ALONE.fullmatch(trace) else None
