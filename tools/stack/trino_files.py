"""Trino's configuration, each setting with its reason; used by our launcher and, rendered, by the compose file.

The reasons stand in the written files, too, so that whoever runs a Trino of their own can take them over.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from tools.stack.catalogs import VIEW_CATALOG

Setting = tuple[str, str, str]
"""Name, value, and the reason for it; an empty reason belongs to the setting before."""

CLIENT_PATIENCE_S: Final = 8
"""The longest the service waits for an answer of Trino."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """A catalog over one PostgreSQL database."""

    name: str
    server: str
    """host:port; a proxy's where tests are to cut it."""
    database: str
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class TrinoPlace:
    """Where a Trino runs and what it keeps."""

    bind: str | None
    """The address to listen on; None in a container: all of its own, with its data where the image has it."""
    port: int
    heap: str
    """Java's -Xmx, such as 1G or 1500M."""
    views: Path
    """Where views are kept."""
    archive: Path | None = None
    """Java's archive of Trino's classes: halves the time to start."""
    quick: bool = False
    """Compile lightly: up in half the time and for half the CPU, slower under load."""


def write_trino(folder: Path, place: TrinoPlace, catalogs: Sequence[Catalog]) -> None:
    """Write all of Trino's `etc` into the folder; only its owner may read it, for passwords are in it."""
    files = trino_files(place, catalogs, etc=folder)
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
        file.write_text(text, "utf-8")
    for left in set((folder / "catalog").glob("*")) - {folder / name for name in files}:
        left.unlink()


def trino_files(place: TrinoPlace, catalogs: Sequence[Catalog], *, etc: Path) -> Mapping[str, str]:
    """The text of every file of Trino's `etc` by its name; `etc` is where Trino will find them."""
    groups = {"resource-groups.properties": _properties(_resource_group_settings(etc)), **_RESOURCE_GROUPS}
    return {
        "node.properties": _properties(_node(place)),
        "config.properties": _properties(_server(place)),
        "jvm.config": "".join(f"{option}\n" for option in _java(place)),
        "log.properties": "io.trino=WARN\nio.airlift=WARN\nBootstrap=WARN\nio.trino.server.Server=INFO\n",
        f"catalog/{VIEW_CATALOG}.properties": _properties(_view_catalog(place)),
        **{f"catalog/{catalog.name}.properties": _properties(_source_catalog(catalog)) for catalog in catalogs},
        **groups,
    }


def heap_mb(heap: str) -> int:
    """The MB of a -Xmx value; ValueError when it is none."""
    found = re.fullmatch(r"(\d+)([MmGg])", heap)
    if found is None:
        message = f"not a heap size such as 1G or 1500M: {heap}"
        raise ValueError(message)
    return int(found[1]) * (1024 if found[2] in "Gg" else 1)


def _source_catalog(catalog: Catalog) -> Sequence[Setting]:
    return (
        ("connector.name", "postgresql", "One catalog a service of the shop, so that each fails alone."),
        *_connection(catalog),
        *_planning(catalog),
    )


def _connection(catalog: Catalog) -> Sequence[Setting]:
    parameters = {
        "ApplicationName": f"trino-{catalog.name}",
        "connectTimeout": "2",
        "loginTimeout": "2",
        "socketTimeout": str(CLIENT_PATIENCE_S),
        "tcpKeepAlive": "true",
    }
    return (
        (
            "connection-url",
            f"jdbc:postgresql://{catalog.server}/{catalog.database}?{urlencode(parameters)}",
            (
                "Seconds. A server that is dead, or accepts and stays silent, is known after 2: each query connects anew. One\n"
                "that falls silent within a query is known after socketTimeout, the longest the service waits: later\n"
                "nobody reads the answer. ApplicationName shows in pg_stat_activity who holds a connection."
            ),
        ),
        ("connection-user", catalog.user, "A role that may read this one table and nothing else."),
        ("connection-password", catalog.password, ""),
    )


def _planning(catalog: Catalog) -> Sequence[Setting]:
    return (
        (
            "metadata.cache-ttl",
            "10m",
            (
                "Else every query asks PostgreSQL again for schemas, tables, columns and statistics. The shape of these\n"
                f"tables changes with a deployment; `CALL {catalog.name}.system.flush_metadata_cache()` makes it known at once."
            ),
        ),
        ("metadata.cache-missing", "true", "The same for what is not there: a name is looked up in several places."),
        (
            "domain-compaction-threshold",
            "1000",
            (
                "A batch asks for up to 750 orders by IN, one for several processes for 1,000. Beyond this threshold, 256 by\n"
                "default, Trino turns the list into the range from its smallest to its largest id, and PostgreSQL reads most of it."
            ),
        ),
        (
            "dynamic-filtering.wait-timeout",
            "1s",
            (
                "The timeline has no joins. Where an analyst's query has one, waiting the default 20 s for a filter costs\n"
                "more than the filter saves."
            ),
        ),
    )


def _view_catalog(place: TrinoPlace) -> Sequence[Setting]:
    return (
        (
            "connector.name",
            "hive",
            (
                "Keeps views over a restart, which the postgresql connector cannot and the memory connector does not;\n"
                "needs no server: its metastore is files in a folder."
            ),
        ),
        ("hive.metastore", "file", ""),
        ("hive.metastore.catalog.dir", "local:///meta", ""),
        ("fs.native-local.enabled", "true", ""),
        ("local.location", str(place.views), ""),
        (
            "hive.security",
            "allow-all",
            "Who may reach this Trino at all may see the view; rights are kept in PostgreSQL.",
        ),
    )


def _node(place: TrinoPlace) -> Sequence[Setting]:
    if place.bind is None:
        own: Sequence[Setting] = (("node.data-dir", "/data/trino", ""),)
    else:
        announced = "Else it announces the machine's name, which may lead anywhere."
        own = (("node.internal-address", place.bind, announced), ("node.bind-ip", place.bind, ""))
    return (("node.environment", "support_stack", ""), ("node.id", "support-stack", ""), *own)


def _server(place: TrinoPlace) -> Sequence[Setting]:
    query_mb = heap_mb(place.heap) * 4 // 10
    return (
        ("coordinator", "true", "One node that plans and works."),
        ("node-scheduler.include-coordinator", "true", ""),
        ("http-server.http.port", str(place.port), ""),
        ("discovery.uri", f"http://{place.bind or 'localhost'}:{place.port}", ""),
        ("http-server.log.enabled", "false", "A line for each poll of each query would be most of the disk's work."),
        (
            "query.max-memory-per-node",
            f"{query_mb}MB",
            "A query that outgrows its share fails alone with EXCEEDED_LOCAL_MEMORY_LIMIT instead of taking the JVM along.",
        ),
        ("query.max-memory", f"{query_mb}MB", ""),
        (
            "query.max-execution-time",
            "30s",
            "The service gives up after 8 s and cancels; this ends what a killed service left.",
        ),
        ("query.max-run-time", "60s", "The same with its time in the queue."),
        (
            "query.client.timeout",
            "30s",
            "A client that stopped asking for its rows has gone; the default is 5 minutes.",
        ),
        (
            "query.max-history",
            "20",
            (
                "What is kept of queries that are over: whole plans of the last so many, and for 2 minutes who asked what, by\n"
                "which tests and benchmarks count them. A batch leaves up to 4 MB. After a quarter of an hour, as is the\n"
                "default, they fill the heap, and marking it takes one of two cores without an end."
            ),
        ),
        ("query.min-expire-age", "2m", ""),
        ("task.info.max-age", "1m", ""),
    )


def _java(place: TrinoPlace) -> Sequence[str]:
    quick = ("-XX:TieredStopAtLevel=1",) if place.quick else ()
    archive = () if place.archive is None else (f"-XX:SharedArchiveFile={place.archive}", "-Xlog:cds=off")
    return (
        "-server",
        # All of the heap from the start, and marked only when it is well filled: one that grows as it must, or is marked as
        # early as Java would by itself, is marked again and again, each time for a second of one core.
        f"-Xms{place.heap}",
        f"-Xmx{place.heap}",
        "-XX:-G1UseAdaptiveIHOP",
        "-XX:InitiatingHeapOccupancyPercent=60",
        "-XX:G1HeapRegionSize=8M",  # an array of half a region also has it marked
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-OmitStackTraceInFastThrow",
        "-XX:ReservedCodeCacheSize=256M",
        "-XX:PerMethodRecompilationCutoff=10000",
        "-XX:PerBytecodeRecompilationCutoff=10000",
        "-Djdk.attach.allowAttachSelf=true",
        "-Dfile.encoding=UTF-8",
        *quick,
        *archive,
    )


def _resource_group_settings(etc: Path) -> Sequence[Setting]:
    return (
        ("resource-groups.configuration-manager", "file", "How many queries run at once, by who asks."),
        ("resource-groups.config-file", str(etc / "resource-groups.json"), ""),
    )


_RESOURCE_GROUPS: Final = {
    # On two cores one query costs 0.2-0.6 s of CPU whatever it asks, so more at once only wait for each other. The
    # service keeps 2 in flight a machine; 4 leave room for a second one. What waits beyond 20 is refused at once with
    # QUERY_QUEUE_FULL, and the service answers from elsewhere. People and tests have a group of their own.
    "resource-groups.json": json.dumps(
        {
            "rootGroups": [
                {"name": "support", "softMemoryLimit": "80%", "hardConcurrencyLimit": 4, "maxQueued": 20},
                {"name": "people", "softMemoryLimit": "50%", "hardConcurrencyLimit": 2, "maxQueued": 20},
            ],
            "selectors": [{"source": "support-service.*", "group": "support"}, {"group": "people"}],
        },
        indent=2,
    )
    + "\n"
}


def _properties(settings: Sequence[Setting]) -> str:
    lines: list[str] = []
    for name, value, reason in settings:
        lines += [f"# {line}" for line in reason.splitlines()]
        lines.append(f"{name}={value}")
    return "\n".join(lines) + "\n"
