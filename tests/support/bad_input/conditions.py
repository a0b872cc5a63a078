"""Changes to what has changed meanwhile, and lists that are gone through wrongly."""

from support.api import CASES
from support.bad_input.row import CASE, HOOK, HOOKS, LETTERS, MESSAGES, TAKEN, Row, as_json
from support_service.kit.paging import encode_cursor

_CURSOR, _INVALID, _UNREADABLE = "invalid-cursor", "invalid-input", "version-unreadable"


def change(name: str, status: int, kind: str, **headers: str) -> Row:
    return Row(name, "PATCH", CASE, status, kind, as_json({"priority": "HIGH"}), headers=headers)


def listed(name: str, kind: str, query: str, path: str = CASES) -> Row:
    shown = query if len(query) < 50 else f"{query[:20]}..."
    pointers = None if kind == _CURSOR else (query.partition("=")[0],)
    return Row(name, "GET", f"{path}?{query}", 422, kind, None, pointers, shows=f"{path}?{shown}")


ROWS = (
    change("a change without If-Match", 428, "version-required"),
    change("a stale If-Match", 412, "case-changed", if_match='"0"'),
    change("an If-Match of the future", 412, "case-changed", if_match='"999999999999999999"'),
    change("an If-Match of 19 digits", 422, _UNREADABLE, if_match='"9999999999999999999"'),
    change("an If-Match without quotes", 422, _UNREADABLE, if_match="1"),
    change("an If-Match of one quote", 422, _UNREADABLE, if_match='"1'),
    change("an empty If-Match", 422, _UNREADABLE, if_match=""),
    change("an If-Match that is no version", 422, _UNREADABLE, if_match='"x"'),
    change("a negative If-Match", 422, _UNREADABLE, if_match='"-1"'),
    change("a list in If-Match", 422, _UNREADABLE, if_match='"1", "2"'),
    change("`*` in If-Match", 422, _UNREADABLE, if_match="*"),
    change("a weak If-Match: proxies weaken tags on their way", 200, TAKEN, if_match='W/"1"'),
    Row(
        "a webhook's stale If-Match",
        "PATCH",
        HOOK,
        412,
        "webhook-changed",
        as_json({"active": False}),
        headers={"if_match": '"9"'},
    ),
    Row("a webhook's change without If-Match", "PATCH", HOOK, 428, "version-required", as_json({"active": False})),
    Row(
        "a stale `seen_through`",
        "POST",
        "/support/cases/{answered}/messages",
        409,
        "conversation-moved",
        as_json({"message": "Hello", "seen_through": "{first_message}"}),
        shows=MESSAGES,
    ),
    Row(
        "a move that the case cannot make",
        "PATCH",
        "/support/cases/{closed}",
        409,
        "move-not-allowed",
        as_json({"status": "OPEN"}),
        headers={"if_match": '"2"'},
        shows=CASE,
    ),
    Row(
        "a message to a closed case",
        "POST",
        "/support/cases/{closed}/messages",
        409,
        "case-closed",
        as_json({"message": "Hello"}),
        shows=MESSAGES,
    ),
    listed("a page of a million", _INVALID, "limit=1000000"),
    listed("a page of nothing", _INVALID, "limit=0"),
    listed("a page of less than nothing", _INVALID, "limit=-1"),
    listed("a page of 10^30", _INVALID, "limit=1" + "0" * 30),
    listed("a page of a million messages", _INVALID, "limit=1000000", MESSAGES),
    listed("a page of a million facts", _INVALID, "limit=1000000", f"{CASE}/timeline"),
    listed("a page of a million webhooks", _INVALID, "limit=1000000", HOOKS),
    listed("a page of a million deliveries", _INVALID, "limit=1000000", f"{HOOK}/deliveries"),
    listed("a page of a million dead letters", _INVALID, "limit=1000000", LETTERS),
    listed("a forged cursor", _CURSOR, f"cursor={encode_cursor(['x'])}"),
    listed("a forged cursor of an injection", _CURSOR, f"cursor={encode_cursor(['1 OR 1=1'])}"),
    listed("a forged cursor of NUL", _CURSOR, f"cursor={encode_cursor([chr(0)])}"),
    listed("a cursor of a huge number", _CURSOR, f"cursor={encode_cursor([10**30])}", MESSAGES),
    listed("a cursor of a negative number", _CURSOR, f"cursor={encode_cursor([-1])}", MESSAGES),
    listed("a cursor that is no base64", _CURSOR, "cursor=!!!!"),
    listed("a truncated cursor", _CURSOR, "cursor={truncated}"),
    listed("a cursor of another list", _CURSOR, "cursor={cursor}", MESSAGES),
    listed(
        "a cursor of another list for webhooks' deliveries",
        _CURSOR,
        f"cursor={encode_cursor([1, 2])}",
        f"{HOOK}/deliveries",
    ),
    listed("a forged cursor for dead letters", _CURSOR, f"cursor={encode_cursor([chr(0)])}", LETTERS),
    listed("an empty cursor", _CURSOR, "cursor="),
    listed("a cursor of 513 characters", _INVALID, "cursor=" + "a" * 513),
)
