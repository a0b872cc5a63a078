"""The composition root: settings in, services out. The only place that chooses between embedded and real parts."""

import contextlib
import tomllib
from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import SecretStr

from support_service.activity import ViewRecorder
from support_service.adapters.embedded.blobs import EmbeddedBlobs
from support_service.adapters.embedded.cache import EmbeddedCache
from support_service.adapters.embedded.events import EmbeddedEvents
from support_service.adapters.embedded.issuer import (
    ALGORITHM,
    ISSUER,
    ROLES_CLAIM,
    TEAMS_CLAIM,
    LocalIssuer,
    LocalIssuerRefused,
    require_demo,
)
from support_service.adapters.embedded.lake import EmbeddedLake
from support_service.adapters.kafka import KafkaEvents, KafkaPublisher, KafkaReplay
from support_service.adapters.oidc import IssuerKeys, KeySource, TokenVerifier
from support_service.adapters.receivers import HttpReceivers
from support_service.adapters.redis import RedisCache, RedisRides
from support_service.adapters.rest import RestCommerce
from support_service.adapters.trino import SignIn, TrinoClient, TrinoLake
from support_service.attachments import DEFAULT_TYPES, KINDS, SETTLE, AttachmentJobs, AttachmentLimits, Attachments
from support_service.cases import Carrying, CaseOpened, Cases
from support_service.config import Settings
from support_service.context import ENRICH, Context, DeadLetters, TimelineChanged, WaitingCases
from support_service.desk import Carriers, Customers, Desk, RecentCases
from support_service.directory import ClaimPaths, Directory, Guard, Teams
from support_service.kit import deadletters, eventlog, idempotency, metrics
from support_service.kit.clock import Clock, SystemClock
from support_service.kit.database import Database, DatabaseError, LostConnection
from support_service.kit.due import Again, Due, DueWorker
from support_service.kit.eventlog import Follower, Heard, LogTail, Relay
from support_service.kit.loader import Loader
from support_service.kit.problems import Problem
from support_service.kit.rates import Limits, Rate, Rates
from support_service.ports.events import EventSource
from support_service.ports.lake import Lake
from support_service.publishing import PUBLISHED_AT_ONCE, Publishing
from support_service.sources import SOURCES, LakeWarming, Mappings, Sources, mappings_in
from support_service.stream import Stream
from support_service.timeline import SharedPages, Timeline, floor_key
from support_service.webhooks import FORGET, Deliveries, Sender, WebhookJobs, Webhooks

_TAIL_POLL_S = 0.1
SHOP_SERVICES = ("orders", "payments", "shipments", "fraud", "feedback")
_SWEEP_EVERY = timedelta(hours=1)
_WRITTEN_WITHOUT_WORDS = timedelta(days=2)
"""Longer than the version before this one goes on writing beside it."""


class NotConfigured(Exception):  # noqa: N818 - the settings' fault, told to the operator
    """The settings do not say what is needed."""


class Services:
    """Every service of one process, and the parts below them; nothing connects before it is used."""

    def __init__(self, settings: Settings, *, name: str, clock: Clock | None = None) -> None:
        """Put the process together.

        Args:
            settings: what to use.
            name: of the process, as PostgreSQL shows it.
            clock: the machine's own when absent.

        Raises:
            NotConfigured: something that is needed is not set, or set in a way that is not safe.
        """
        clock = clock or SystemClock()
        self.settings = settings
        self.database = _database(settings, name, max_size=settings.database_pool)
        # Of its own: behind a queue of requests the tail would fall silent, and then every read would join that queue.
        self.tail_database = _database(settings, f"{name}-tail", max_size=1)
        self.issuer = _issuer(settings, clock)
        self.keys: KeySource = self.issuer or _issuer_keys(settings, clock)
        self.identity = _verifier(settings, self.keys)
        self.lake = _lake(settings, name)
        self.commerce = _commerce(settings)
        self.events = _events(settings)
        self.cache = EmbeddedCache(clock)
        self.shared_cache = _shared_cache(settings)

        kept_here = settings.teams_from == "service"
        self.directory = Directory(clock, claims=_claims(settings, self.issuer), keeps_teams=kept_here)
        self.views = ViewRecorder(self.database, clock)
        self.guard = Guard(
            self.database,
            self.identity,
            self.directory,
            self.views,
            clock,
            limits=Limits(_rates(settings), clock.monotonic),
            trusted_proxies=settings.trusted_proxies,
        )
        self.sources = Sources(
            self.database,
            self.lake,
            self.commerce,
            clock,
            window_days=settings.timeline_window_days,
            rides=None if self.shared_cache is None else RedisRides(self.shared_cache),
        )
        self.warming = LakeWarming(self.lake, clock)
        self.cases = Cases(self.directory, clock)
        self.teams = Teams(self.database, clock, kept_here=kept_here, unfinished=self.cases.unfinished_with)
        self._generations: Loader[str, int] = Loader(self._load_generations)
        self.shared = SharedPages(
            self.shared_cache, generation_of=self._generation_of, floor_key=floor_key, clock=clock
        )
        self.context = Context(
            self.database,
            self.sources,
            self.directory,
            clock,
            after_commit=self.shared.raise_floors,
            mappings=_mappings(settings),
        )
        self.dead_letters = DeadLetters(self.database, self.context)
        self.tail = LogTail(self.tail_database, self._hear, clock, poll_s=_TAIL_POLL_S)
        self.timeline = Timeline(
            self.database,
            self.sources,
            self.context,
            self.directory,
            self.cache,
            shared=self.shared,
            tail=self.tail,
            clock=clock,
        )
        self.blobs = _blobs(settings, clock)
        self.attachments = Attachments(
            self.database, self.cases, self.blobs, self.views, limits=_attachment_limits(settings), clock=clock
        )
        self.recent = RecentCases()
        self.desk = Desk(
            self.database,
            self.directory,
            self.cases,
            self.timeline,
            self.views,
            attachments=self.attachments,
            recent=self.recent,
            clock=clock,
        )
        self.customers = Customers(self.database, self.directory, self.cases, self.timeline, self.views)

        self.carrying = Carrying(clock)
        self.carriers = Carriers(self.database, self.carrying, self.views)
        self.stream = Stream(self.database, self.cases)
        self.receivers = HttpReceivers(settings.webhooks_private_networks)
        self.webhooks = Webhooks(self.database, self.receivers, clock)
        self.deliveries = Deliveries(self.database, clock)
        self.webhook_jobs = WebhookJobs(self.database, clock)
        self.webhook_sender = Sender(self.database, self.receivers, clock)

        self.relay = Relay(self.database)
        self.publisher = _publisher(settings)
        self.followers = [
            Follower(self.database, "context", self.context.follow),
            Follower(self.database, "waiting", WaitingCases(self.context, self.cases).follow),
            Follower(self.database, "webhooks", self.webhook_jobs.follow),
        ]
        if self.publisher is not None:
            follow = Publishing(self.publisher).follow
            self.followers.append(Follower(self.database, "kafka", follow, batch=PUBLISHED_AT_ONCE))
        self.due = DueWorker(
            self.database,
            clock,
            {
                ENRICH: self.context.enrich,
                "sweep": self._sweep,
                FORGET: self.webhook_jobs.forget,
                SETTLE: AttachmentJobs(self.database, self.blobs).settle,
            },
            periodic=("sweep",),
        )
        self._clock = clock

    async def measure(self) -> None:
        """Set the gauges that only the database can tell."""
        async with self.database.connection() as connection:
            await self.cases.measure(connection)
            await self.carrying.measure(connection)
            rows, oldest_s = await eventlog.unstamped(connection)
            metrics.LOG_UNSTAMPED.set(rows)
            metrics.LOG_UNSTAMPED_SECONDS.set(oldest_s)
            for follower, behind in (await eventlog.lags(connection)).items():
                metrics.FOLLOWER_BEHIND.labels(follower).set(behind)
            metrics.DEAD_LETTERS_WAITING.set(await deadletters.waiting(connection))
            await self.webhook_jobs.measure(connection)

    async def close(self) -> None:
        """Finish what is under way and let go of every connection."""
        await self.timeline.close()
        await self.shared.close()
        with contextlib.suppress(Problem, DatabaseError, *LostConnection):
            await self.views.flush()
        await self.sources.close()
        for part in (
            self.lake,
            self.commerce,
            self.events,
            self.publisher,
            self.identity,
            self.cache,
            self.shared_cache,
            self.receivers,
            self.blobs,
        ):
            if part is not None:
                await part.close()
        await self.tail_database.close()
        await self.database.close()

    async def _hear(self, rows: Sequence[Heard]) -> None:
        """Make outdated what the event log tells of, in the process that serves reads."""
        moved: dict[str, int] = {}
        for row in rows:
            if row.type == TimelineChanged.type_:
                moved[row.subject] = max(row.sequence, moved.get(row.subject, 0))
            elif row.type != CaseOpened.type_:  # nobody remembers a case from before it was opened
                self.recent.forget(row.subject)
        await self.cache.raise_floors({floor_key(customer_id): reached for customer_id, reached in moved.items()})

    async def _generation_of(self, customer_id: str) -> int:
        return await self._generations.get(customer_id) or 0

    async def _load_generations(self, customer_ids: Sequence[str]) -> dict[str, int]:
        async with self.database.connection() as connection:
            return await self.directory.generations(connection, customer_ids)

    async def _sweep(self, _due: Due) -> Again:
        now = self._clock.now()
        await idempotency.purge(self.database, now)
        await self.context.purge(now)
        await self.webhook_jobs.purge(now)
        await self.cases.fill_words(self.database, now - _WRITTEN_WITHOUT_WORDS)
        return Again(now + _SWEEP_EVERY)


def _database(settings: Settings, name: str, *, max_size: int) -> Database:
    return Database(
        settings.database_url.get_secret_value(),
        name=name,
        max_size=max_size,
        statement_cache=settings.database_statement_cache,
    )


def _rates(settings: Settings) -> Rates:
    return Rates(
        reads=Rate.of(settings.rate_limit_reads),
        writes=Rate.of(settings.rate_limit_writes),
        machine_reads=Rate.of(settings.rate_limit_machine_reads),
        machine_writes=Rate.of(settings.rate_limit_machine_writes),
        failed_sign_ins=Rate.of(settings.rate_limit_failed_sign_ins),
    )


def _issuer(settings: Settings, clock: Clock) -> LocalIssuer | None:
    if settings.local_issuer_key is None:
        return None
    try:
        require_demo(demo=settings.demo, host=settings.host)
        return LocalIssuer.from_file(settings.local_issuer_key, audience=settings.oidc_audience, clock=clock)
    except LocalIssuerRefused as error:
        raise NotConfigured(str(error)) from error


def _claims(settings: Settings, issuer: LocalIssuer | None) -> ClaimPaths:
    if issuer is not None:
        return ClaimPaths(ROLES_CLAIM, TEAMS_CLAIM)
    return ClaimPaths(settings.oidc_roles_claim, settings.oidc_teams_claim)


def _issuer_keys(settings: Settings, clock: Clock) -> IssuerKeys:
    if settings.oidc_issuer is None:
        raise NotConfigured("Set OIDC_ISSUER to the issuer of your access tokens.")
    try:
        return IssuerKeys(settings.oidc_issuer, clock)
    except ValueError as error:
        raise NotConfigured(f"OIDC_ISSUER: {error}.") from error


def _verifier(settings: Settings, keys: KeySource) -> TokenVerifier:
    if isinstance(keys, LocalIssuer):
        return TokenVerifier(keys, issuer=ISSUER, audience=settings.oidc_audience, algorithms=(ALGORITHM,))
    return TokenVerifier(
        keys,
        issuer=settings.oidc_issuer or "",
        audience=settings.oidc_audience,
        algorithms=settings.oidc_algorithms,
    )


def trino_client(settings: Settings, *, process: str) -> TrinoClient:
    """The client of the Trino that the settings name; there its queries bear the name of the process.

    Raises:
        NotConfigured: they name none, or one that a secret cannot safely be sent to.
    """
    if settings.trino_url is None:
        raise NotConfigured("Set TRINO_URL to Trino's coordinator.")
    sign_in = SignIn(
        user=settings.trino_user,
        password=_secret(settings.trino_password),
        token=_secret(settings.trino_token),
        ca_file=settings.trino_ca_file,
    )
    try:
        return TrinoClient(
            settings.trino_url,
            sign_in=sign_in,
            source=f"support-service-{process}",
            session=settings.trino_session,
        )
    except ValueError as error:
        raise NotConfigured(f"TRINO_URL: {error}.") from error


def _secret(value: SecretStr | None) -> str | None:
    return None if value is None else value.get_secret_value()


def _shared_cache(settings: Settings) -> RedisCache | None:
    if settings.redis_url is None:
        return None
    try:
        return RedisCache(settings.redis_url.get_secret_value())
    except ValueError as error:
        raise NotConfigured(f"REDIS_URL: {error}.") from error


def _blobs(settings: Settings, clock: Clock) -> EmbeddedBlobs | None:
    if settings.blobs_directory is None:
        return None
    try:
        return EmbeddedBlobs(settings.blobs_directory, secret=_secret(settings.blobs_secret) or "", clock=clock)
    except ValueError as error:
        raise NotConfigured(f"BLOBS_SECRET: {error}.") from error


def _attachment_limits(settings: Settings) -> AttachmentLimits:
    if unknown := set(settings.attachments_types) - KINDS.keys():
        raise NotConfigured(f"ATTACHMENTS_TYPES: nothing is known of {', '.join(sorted(unknown))}.")
    return AttachmentLimits(settings.attachments_most_bytes, frozenset(settings.attachments_types or DEFAULT_TYPES))


def _lake(settings: Settings, name: str) -> Lake | None:
    if settings.trino_url is not None:
        sources = [source.name for source in SOURCES]
        return TrinoLake(trino_client(settings, process=name), view=settings.trino_view, sources=sources)
    if settings.lake_url is None:
        return None
    return EmbeddedLake(settings.lake_url.get_secret_value(), view=settings.lake_view)


def _commerce(settings: Settings) -> RestCommerce:
    token = _secret(settings.shop_api_token)
    base = (settings.shop_api_url or "").rstrip("/")
    return RestCommerce({service: f"{base}/{service}" for service in SHOP_SERVICES} if base else {}, token=token)


def _publisher(settings: Settings) -> KafkaPublisher | None:
    if settings.kafka_servers is None or settings.kafka_publish_topic is None:
        return None
    return KafkaPublisher(settings.kafka_servers, topic=settings.kafka_publish_topic, options=_kafka_options(settings))


def _kafka_options(settings: Settings) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in settings.kafka_options.items()}


def _mappings(settings: Settings) -> Mappings:
    if settings.shop_events_mapping is None:
        return {}
    try:
        return mappings_in(tomllib.loads(settings.shop_events_mapping.read_text("utf-8")))
    except (OSError, ValueError) as error:  # TOMLDecodeError and MappingError are ValueErrors
        raise NotConfigured(f"SHOP_EVENTS_MAPPING: {error}.") from error


def replay(settings: Settings, since: datetime, until: datetime | None, *, anew: bool) -> KafkaReplay:
    """What the shop said from a time on, to before another or to now, read once more.

    Raises:
        NotConfigured: the shop's events do not come from Kafka.
    """
    if settings.kafka_servers is None:
        raise NotConfigured("Set KAFKA_SERVERS: only Kafka holds what was said before.")
    return KafkaReplay(
        settings.kafka_servers,
        topics=_topics(settings),
        group=settings.kafka_group,
        period=(since, until),
        anew=anew,
        options=_kafka_options(settings),
    )


def _topics(settings: Settings) -> dict[str, str]:
    """The type of the events in each topic."""
    names = {source.topic: settings.kafka_topics.get(source.topic, source.topic) for source in SOURCES if source.topic}
    if unknown := settings.kafka_topics.keys() - names.keys():
        raise NotConfigured(f"KAFKA_TOPICS: there are no events {', '.join(sorted(unknown))}.")
    return {topic: type_ for type_, topic in names.items()}


def _events(settings: Settings) -> EventSource | None:
    if settings.kafka_servers is not None:
        return KafkaEvents(
            settings.kafka_servers,
            topics=_topics(settings),
            group=settings.kafka_group,
            instance=settings.kafka_instance,
            options=_kafka_options(settings),
        )
    if settings.shop_events_url is None:
        return None
    return EmbeddedEvents(settings.shop_events_url.get_secret_value(), group="support-service")
