"""Named SQL: a slice keeps its queries in `queries/*.sql`, each under a line `-- name: some_name`."""

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

_NAME = re.compile(r"^-- name: (?P<name>[a-z_0-9]+)\s*$", re.MULTILINE)


def load_queries(package: str) -> Mapping[str, str]:
    """All named queries of a package, by name.

    Comment lines stay in the text sent to the server, so that its log shows which query it was.

    Raises:
        ValueError: a file has text before its first name, or two queries share one.
    """
    queries: dict[str, str] = {}
    for resource in sorted(files(package).joinpath("queries").iterdir(), key=lambda entry: entry.name):
        if not resource.name.endswith(".sql"):
            continue
        head, *blocks = _NAME.split(resource.read_text(encoding="utf-8"))
        if head.strip():
            message = f"{package}/queries/{resource.name} has text before its first '-- name:' line"
            raise ValueError(message)
        for name, text in zip(blocks[::2], blocks[1::2], strict=True):
            if name in queries:
                message = f"{package} has two queries named {name}"
                raise ValueError(message)
            queries[name] = f"-- {package.rpartition('.')[2]}.{name}\n{text.strip()}"
    return MappingProxyType(queries)


def rows_in(tag: str) -> int:
    """The number of rows that a command tag such as `UPDATE 3` tells."""
    return int(tag.rpartition(" ")[2])
