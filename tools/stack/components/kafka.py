"""Apache Kafka 4.3.1 in KRaft mode: one node, which is broker and controller.

There is no archive of it on Maven Central, so it is put together from its jars there.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from tools.stack.cache import Cache
from tools.stack.certificates import self_signed
from tools.stack.component import Component, Facts, Site
from tools.stack.errors import StackError
from tools.stack.fetch import MavenJars, maven_jars, run
from tools.stack.java import java_home, java_provisioned
from tools.stack.ports import HOST
from tools.stack.processes import Process
from tools.stack.proxies import Proxies
from tools.stack.records import write_private

VERSION: Final = "4.3.1"
_JARS: Final = MavenJars(
    (
        f"org.apache.kafka:kafka_2.13:{VERSION}",
        f"org.apache.kafka:kafka-tools:{VERSION}",
        "org.apache.logging.log4j:log4j-slf4j-impl:2.25.3",
    ),
    "8b33c67fc6530684a3d27c24c03c5b7f16677c9e9ee43fc877f4ff65563cb3a0",
)
_ENTRY: Final = f"kafka-{VERSION}"
_CLUSTER_ID: Final = "c3VwcG9ydC1zdGFjay0wMQ"
"""Any 16 bytes in base64; the same in every stack, as each has a folder of its own."""

_OPTIONAL: Final = ("proxied", "secured")
"""Listeners by their settings, and their ports by the same names."""

_USER: Final = "support"

_READY_TIMEOUT_S: Final = 1.0
_OFFSETS_DEADLINE_S: Final = 30.0


class Kafka(Component):
    """One node without passwords, on loopback; whoever needs a topic makes it."""

    name = "kafka"
    title = f"Kafka {VERSION}"
    size = "57 MB with its Java"
    settings: ClassVar[Mapping[str, str]] = {"heap": "384M", "proxied": "no", "secured": "no"}
    """`heap`: Java's -Xmx. `proxied=yes`: the fact `proxied` is the address of a second listener, which clients reach
    through a proxy of Toxiproxy called kafka, so that tests can cut it. `secured=yes`: the fact `secured` is the address of a
    listener with TLS for who signs in (SASL PLAIN) as `user` with `password`; `ca_file` vouches for it.
    """
    ready_deadline_s = 60.0

    def needs(self, settings: Mapping[str, str]) -> Sequence[str]:
        return ("toxiproxy",) if settings["proxied"] == "yes" else ()

    def ports(self, settings: Mapping[str, str]) -> Sequence[str]:
        return ("main", "controller", *(port for port in _OPTIONAL if settings[port] == "yes"))

    def provisioned(self, cache: Cache) -> bool:
        return java_provisioned(cache) and _ENTRY in cache

    def provision(self, cache: Cache) -> None:
        java_home(cache)
        cache.entry(_ENTRY, lambda folder: maven_jars(_JARS, folder / "libs"))

    def start(self, site: Site) -> Process:
        if site.settings["secured"] == "yes":
            self_signed(_certificate(site), HOST)
            write_private(_password(site), secrets.token_urlsafe(18))
        settings = site.folder / "server.properties"
        settings.write_text("".join(f"{name}={value}\n" for name, value in _properties(site).items()), "utf-8")
        if not (site.folder / "data" / "meta.properties").exists():
            run([*_java(site), "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", settings], cwd=site.folder)
        return site.spawn(*_java(site), "kafka.Kafka", settings)

    def ready(self, site: Site) -> bool:
        return _brokers(site.ports["main"]) > 0

    def settle(self, site: Site) -> Facts:
        address = f"{HOST}:{site.ports['main']}"
        _make_offsets_topic(address)
        proxied = {"proxied": _proxy(site)} if site.settings["proxied"] == "yes" else {}
        return {"url": f"kafka://{address}", "bootstrap": address, **proxied, **_signing_in(site)}


def _java(site: Site) -> list[str | Path]:
    """Java as light as a node that is started for a test should be: one collector thread, little compiling."""
    heap = site.settings["heap"]
    light = ("-Xms128m", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    log = f"-Dlog4j2.configurationFile={_log_settings(site.folder)}"
    return [java_home(site.cache) / "bin" / "java", *light, log, "-cp", f"{site.cache.path(_ENTRY)}/libs/*"]


def _log_settings(folder: Path) -> Path:
    file = folder / "log4j2.properties"
    file.write_text(
        "rootLogger.level=warn\nrootLogger.appenderRef.out.ref=out\nappender.out.name=out\nappender.out.type=Console\n"
        "appender.out.layout.type=PatternLayout\nappender.out.layout.pattern=%d %p %c{1}: %m%n\n",
        "utf-8",
    )
    return file


def _properties(site: Site) -> Mapping[str, str | int]:
    listeners = {"PLAIN": site.ports["main"], "CONTROLLER": site.ports["controller"]}
    advertised = {"PLAIN": f"{HOST}:{site.ports['main']}"}
    if site.settings["proxied"] == "yes":
        listeners["PROXIED"] = site.ports["proxied"]
        advertised["PROXIED"] = _proxy(site)
    protocols = dict.fromkeys(listeners, "PLAINTEXT")
    secured: Mapping[str, str] = {}
    if site.settings["secured"] == "yes":
        listeners["SECURED"], protocols["SECURED"] = site.ports["secured"], "SASL_SSL"
        advertised["SECURED"] = f"{HOST}:{site.ports['secured']}"
        secured = _secured(site)
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{site.ports['controller']}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAIN",
        "listeners": ",".join(f"{name}://{HOST}:{port}" for name, port in listeners.items()),
        "advertised.listeners": ",".join(f"{name}://{address}" for name, address in advertised.items()),
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
        **secured,
        "log.dirs": str(site.folder / "data"),
        # One node can keep one copy only.
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.num.partitions": 4,
        # A test's only consumer need not wait for others to join it.
        "group.initial.rebalance.delay.ms": 0,
        "auto.create.topics.enable": "false",
    }


def _secured(site: Site) -> Mapping[str, str]:
    password = _password(site).read_text("utf-8")
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    own = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(_certificate(site)),
        "sasl.enabled.mechanisms": "PLAIN",
        "plain.sasl.jaas.config": f'{login} user_{_USER}="{password}";',
    }
    return {f"listener.name.secured.{name}": value for name, value in own.items()}


def _signing_in(site: Site) -> Facts:
    if site.settings["secured"] != "yes":
        return {}
    return {
        "secured": f"{HOST}:{site.ports['secured']}",
        "ca_file": str(_certificate(site)),
        "user": _USER,
        "password": _password(site).read_text("utf-8"),
    }


def _certificate(site: Site) -> Path:
    return site.folder / "certificate.pem"


def _password(site: Site) -> Path:
    return site.folder / "password"


def _proxy(site: Site) -> str:
    upstream = f"{HOST}:{site.ports['proxied']}"
    return Proxies(site.others["toxiproxy"]["url"]).create("kafka", upstream).address


def _brokers(port: int) -> int:
    """How many brokers a client of this port is told of; none while it does not answer."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": f"{HOST}:{port}", "log_level": 0})
    try:
        return len(client.list_topics(timeout=_READY_TIMEOUT_S).brokers)
    except KafkaException:
        return 0


def _make_offsets_topic(address: str) -> None:
    """Kafka makes it when a group first asks for its offsets; that takes seconds, which no test's first consumer expects."""
    from confluent_kafka import Consumer, KafkaException, TopicPartition

    consumer = Consumer({"bootstrap.servers": address, "group.id": "stack", "log_level": 0})
    deadline = time.monotonic() + _OFFSETS_DEADLINE_S
    try:
        while True:
            try:
                consumer.committed([TopicPartition("any", 0)], timeout=_READY_TIMEOUT_S)
            except KafkaException as error:
                if time.monotonic() > deadline:
                    raise StackError(f"Kafka keeps no offsets: {error}") from error
                time.sleep(0.1)
            else:
                return
    finally:
        consumer.close()


COMPONENT = Kafka()
