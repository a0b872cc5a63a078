"""The contracts as pages to read, docs/contract-*.md: events from the AsyncAPI document, the API from the OpenAPI one, rights."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tools.contracts.rights import CALLERS, Right

Document = Mapping[str, Any]

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_REF: Final = "$ref"


def events_page(document: Document) -> str:
    """Every published event with its fields."""
    messages, schemas = document["components"]["messages"], document["components"]["schemas"]
    lines = [
        "# Published events",
        "",
        "From contracts/asyncapi.json (AsyncAPI 3). " + str(document["info"]["description"]),
        "",
        "## Headers of every event",
        *_table(("header", "says"), _headers(next(iter(messages.values())))),
    ]
    for type_, schema in schemas.items():
        fields = (
            (f"`{name}`", _kind(field), str(field["x-data-class"]), _says(field))
            for name, field in _required_first(schema)
        )
        lines += ["", f"## {type_}", _one_line(schema["description"]), ""]
        lines += _table(("field", "type", "data class", "says"), fields)
    return "\n".join(lines) + "\n"


def api_page(document: Document) -> str:
    """Every route with its parameters, body and answers."""
    lines = [
        "# The API",
        "",
        "From contracts/openapi.json (OpenAPI 3.1); with examples, and to be tried, at `/docs` of a running service.",
        "",
        _one_line(document["info"]["description"]),
    ]
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                lines += ["", *_route(method.upper(), path, methods[method])]
    lines += ["", "# What is sent and answered"]
    for name, schema in document["components"]["schemas"].items():
        if "properties" in schema:
            lines += ["", f"## {name}", *_described(schema), *_fields(schema)]
    return "\n".join(lines) + "\n"


_RIGHTS: Final = """\
# Who is answered what

From contracts/rights.toml; a test asks a running service for every cell. What is asked for is the first team's and was opened
by the first SERVICE; an `elsewhere` is the other team's and the other SERVICE's, or belongs to another parent than the path
says; a `nowhere` does not exist. Without a token, and with an expired one, every operation that needs an action is answered 401.
"""


def rights_page(rights: Sequence[Right]) -> str:
    """Every operation with what each caller is answered."""
    return _RIGHTS + "\n" + "\n".join(_table(("operation", "needs", *CALLERS), list(_rights_rows(rights)))) + "\n"


def _rights_rows(rights: Sequence[Right]) -> Iterator[list[str]]:
    for right in rights:
        sent = f" `{_brief(right.body)}`" if right.body is not None else ""
        asked = f"`{right.method} {right.path}`{sent}"
        if right.open:
            yield [asked, "", *("200" for _ in CALLERS)]
        for (one, place), answers in right.cells.items():
            what = f"... `{one}` {place}" if one else asked
            yield [what, "" if one else f"`{right.needs}`", *map(str, answers)]


def _brief(body: Document) -> str:
    """What of a body matters: the fields that are switches, or its names."""
    switches = [name for name, value in body.items() if value is True]
    return ", ".join(switches or body)


def _route(method: str, path: str, route: Document) -> Iterator[str]:
    yield f"## {method} {path}"
    yield _one_line(route.get("description", ""))
    yield ""
    parameters = [
        (f"`{one['name']}`", one["in"] + (", needed" if one.get("required") else ""), _kind(one["schema"]), _says(one))
        for one in route.get("parameters", ())
    ]
    if parameters:
        yield from _table(("parameter", "in", "type", "says"), parameters)
        yield ""
    body = route.get("requestBody")
    if body is not None:
        yield f"Body: {_content(body)}."
    answers = ", ".join(f"{status} {_content(answer)}".strip() for status, answer in route["responses"].items())
    yield f"Answers: {answers}."


def _content(said: Document) -> str:
    kinds = {
        _kind(media["schema"]) if "schema" in media else kind
        for kind, media in said.get("content", {}).items()
        if kind != "application/problem+json"
    }
    return " or ".join(sorted(kinds - {"any"}))


def _described(schema: Document) -> list[str]:
    return [_one_line(schema["description"]), ""] if "description" in schema else []


def _fields(schema: Document) -> list[str]:
    needed = set(schema.get("required", ()))
    return _table(
        ("field", "type", "says"),
        (
            (f"`{name}`" + ("" if name in needed else "?"), _kind(one), _says(one))
            for name, one in _required_first(schema)
        ),
    )


def _required_first(schema: Document) -> Iterator[tuple[str, Any]]:
    """The fields as the model has them where it is kept, the others behind."""
    fields, needed = schema["properties"], schema.get("required", ())
    yield from ((name, fields[name]) for name in needed if name in fields)
    yield from ((name, field) for name, field in fields.items() if name not in needed)


def _headers(message: Document) -> Iterator[tuple[str, str]]:
    for name, header in message["headers"]["properties"].items():
        yield f"`{name}`", _one_line(header.get("description", "The event's type."))


def _kind(schema: Document) -> str:
    """A schema in a word or two."""
    if _REF in schema:
        return f"`{str(schema[_REF]).rpartition('/')[2]}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(dict.fromkeys(_kind(one) for one in schema[choice]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type") or "any")


def _says(field: Document) -> str:
    return _one_line(field.get("description", ""))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _table(names: Sequence[str], rows: "Iterator[Sequence[str]] | Sequence[Sequence[str]]") -> list[str]:
    body = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names), *body]
