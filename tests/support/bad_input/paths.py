"""Paths, methods and queries that lead nowhere."""

from support.api import CASES
from support.bad_input.bodies import GOOD
from support.bad_input.row import BLANK, BY_SERVER, CASE, HOOK, TAKEN, Row

_INVALID = "invalid-input"
_LONG = "x" * 60_000


def asked(name: str, status: int, kind: str, path: str, *pointers: str, shows: str = "", method: str = "GET") -> Row:
    return Row(name, method, path, status, kind, None, pointers or None, shows=shows)


def line(name: str, status: int, kind: str, method: bytes, target: bytes, *, shows: str) -> Row:
    """A request line that no client library would write."""
    raw = method + b" " + target + b" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    return Row(name, method.decode(), target.decode("latin-1"), status, kind, raw=raw, shows=shows)


ROWS = (
    asked("a parameter that there is not", 422, _INVALID, f"{CASES}?nope=1", "nope"),
    asked("a parameter in another case", 422, _INVALID, f"{CASES}?Limit=1", "Limit"),
    asked("a parameter where there is none", 422, _INVALID, "/support/agents/me?nope=1", "nope"),
    asked("a parameter of another operation", 422, _INVALID, f"{CASE}/timeline?status=OPEN", "status"),
    Row("a parameter beside a body", "POST", f"{CASES}?priority=HIGH", 422, _INVALID, lambda: GOOD, ("priority",)),
    asked("a parameter twice", 422, _INVALID, f"{CASES}?limit=1&limit=2", "limit"),
    asked(
        "a parameter twice, the same",
        422,
        _INVALID,
        f"{CASE}?includeTimeline=true&includeTimeline=true",
        "includeTimeline",
    ),
    asked("a parameter that may be there twice", 200, TAKEN, f"{CASES}?status=OPEN&status=PENDING"),
    asked("a parameter that is no UTF-8", 422, _INVALID, f"{CASES}?team=%ff", ""),
    asked("a surrogate as UTF-8 in a parameter", 422, _INVALID, f"{CASES}?team=%ed%a0%80", ""),
    asked(
        "a thousand parameters",
        422,
        _INVALID,
        f"{CASES}?{'&'.join(['status=OPEN'] * 1000)}",
        "",
        shows=f"{CASES}?status=OPEN&...",
    ),
    asked("a query of 60 KB", 422, _INVALID, f"{CASES}?team={_LONG}", "team", shows=f"{CASES}?team=xxx..."),
    Row("a body where none is read", "GET", CASES, 200, TAKEN, lambda: b"{"),
    asked("a method that there is not here", 405, BLANK, CASES, method="DELETE"),
    asked("another one", 405, BLANK, CASE, method="PUT"),
    asked("a method of HTTP that is not served", 405, BLANK, CASES, method="OPTIONS"),
    asked("a method for a part that has another", 405, BLANK, f"{CASE}/timeline", method="POST"),
    asked("a method for a webhook that there is not", 405, BLANK, HOOK, method="POST"),
    asked("a method for the state of the process", 405, BLANK, "/healthz", method="POST"),
    line("a method that nobody knows", 405, BLANK, b"BREW", CASES.encode(), shows=CASES),
    asked("a path that leads nowhere", 404, BLANK, "/support/nowhere"),
    asked("a path that goes on", 404, BLANK, f"{CASE}/nowhere"),
    asked("a path with a slash behind it", 404, BLANK, f"{CASES}/"),
    asked("a path in another case", 404, BLANK, "/Support/cases"),
    asked("a path of two slashes", 404, BLANK, "//support/cases"),
    line("dots in a path", 422, _INVALID, b"GET", b"/support/cases/..", shows=f"{CASES}/.."),
    line(
        "dots in a path, as escapes",
        404,
        BLANK,
        b"GET",
        b"/support/cases/%2e%2e/%2e%2e/etc",
        shows=f"{CASES}/%2e%2e/%2e%2e/etc",
    ),
    line(
        "an encoded slash in place of an id's part", 404, BLANK, b"GET", b"/support/cases/a%2fb", shows=f"{CASES}/a%2fb"
    ),
    line("NUL in a path, as an escape", 422, _INVALID, b"GET", b"/support/cases/%00", shows=f"{CASES}/%00"),
    line("NUL in a path", 400, BY_SERVER, b"GET", b"/support/cases/\0", shows=f"{CASES}/(NUL)"),
    line("a path that is no UTF-8", 422, _INVALID, b"GET", b"/support/cases/%ff%fe", shows=f"{CASES}/%ff%fe"),
    line("a broken escape in a path", 422, _INVALID, b"GET", b"/support/cases/%zz", shows=f"{CASES}/%zz"),
    line(
        "line breaks in a path, as escapes",
        422,
        _INVALID,
        b"GET",
        b"/support/cases/a%0d%0aX-Other:%20b",
        shows=f"{CASES}/a%0d%0aX-Other:%20b",
    ),
    asked("a path of 60 KB", 422, _INVALID, f"{CASES}/{_LONG}", "ticket_id", shows=f"{CASES}/xxx..."),
    asked("a path of 600 KB", 431, BY_SERVER, f"{CASES}/{_LONG * 10}", shows=f"{CASES}/xxx..."),
)
