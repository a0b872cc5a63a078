"""Whether two JSON Schemas of one event can be read by each other's readers (Confluent calls it FULL).

Readers ignore fields that they do not know. So a field may come, and one that need not be there may go; every field that
both know must say the same, and be there as surely.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_SAYS_NOTHING = frozenset({"title", "description", "default", "examples", "$schema"})
_SETS = frozenset({"enum", "anyOf", "required"})


def breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What a reader of one could not read of the other, in words; nothing when each reads the other."""
    yield from _differ(plain(inlined(old, old)), plain(inlined(new, new)), "")


def _differ(old: Any, new: Any, where: str) -> Iterator[str]:
    if not (_is_object(old) and _is_object(new)):
        if old != new:
            yield f"{where or 'the event'} was {_brief(old)} and is {_brief(new)}"
        return
    before, after = old["properties"], new["properties"]
    needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(before.keys() | after.keys()):
        path = f"{where}.{name}".lstrip(".")
        if name not in after:
            if name in needed_before:
                yield f"{path} is gone, and earlier readers need it"
        elif name not in before:
            if name in needed_after:
                yield f"{path} is new, and is needed where earlier events lack it"
        else:
            if (name in needed_before) != (name in needed_after):
                yield f"{path} was {'' if name in needed_before else 'not '}always there, and now is otherwise"
            yield from _differ(before[name], after[name], path)


def _is_object(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "object" and "properties" in schema


def inlined(schema: Any, root: Mapping[str, Any]) -> Any:
    """The schema with what its references lead to in their place."""
    if isinstance(schema, list):
        return [inlined(one, root) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        own = {key: value for key, value in schema.items() if key != "$ref"}
        return inlined({**root["$defs"][schema["$ref"].rpartition("/")[2]], **own}, root)
    return {key: inlined(value, root) for key, value in schema.items() if key != "$defs"}


def plain(schema: Any) -> Any:
    """The schema without what says nothing about values; lists that are sets are sorted."""
    if isinstance(schema, list):
        return [plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            kept[key] = {name: plain(one) for name, one in value.items()}
        elif key in _SETS and isinstance(value, list):  # of a parameter `required` is one word
            kept[key] = sorted((plain(one) for one in value), key=_in_order)
        elif key not in _SAYS_NOTHING:
            kept[key] = plain(value)
    return kept


def _in_order(schema: Any) -> str:
    return json.dumps(schema, sort_keys=True)


def _brief(schema: Any) -> str:
    return str(schema) if schema is not None else "nothing"
