"""The cache that processes share, in Redis.

A body is a hash under its key, a floor a number, a lease a token with a time; the braces in their keys put those of one
customer into one Cluster slot, so each step is one script that Redis runs whole.

No caller ever holds a connection: what is asked within one turn of the loop leaves together, in a task of its own. That
costs a fifth of single commands, and a caller who is cancelled cannot leave a reply behind for the next one to take for
theirs (CVE-2023-28858). Calls have a deadline; after failures in a row Redis is left alone for a while, and all goes on
without it.
"""

import asyncio
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from hiredis import pack_command
from prometheus_client import Counter, Gauge
from redis.asyncio import BlockingConnectionPool, Connection, Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from support_service.kit import logs
from support_service.ports.cache import FLOOR_KEPT_S, LONGEST_TTL_S, CachedBody, Found

_DEADLINE_S = 0.1
_CONNECTIONS = 8
_MOST_AT_ONCE = 200
_MOST_WAITING = 5_000
_LARGEST_BODY = 1024 * 1024
_FAILURES = 3
_LEFT_ALONE_S = 1.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CALLS = Counter("support_shared_cache_calls_total", "Calls to the shared cache, by how they went.", ["call", "outcome"])
AWAY = Gauge("support_shared_cache_away", "Whether the shared cache is being left alone as it failed: 1 while it is.")

_log = logs.get_logger(__name__)

_FIND = """
local kept = redis.call('HMGET', KEYS[1], 'key', 'generation', 'filled_at', 'fresh', 'body')
local floor = tonumber(redis.call('GET', KEYS[2]) or '0')
local superseded = kept[1] and tonumber(kept[2]) < floor
if ARGV[1] == '' then return {kept, superseded and 1 or 0} end
local until_us = kept[1] and tonumber(kept[3]) + tonumber(kept[4]) * tonumber(ARGV[4])
if kept[1] and not superseded and tonumber(ARGV[3]) < until_us then return {kept, 0} end
local holder = redis.call('GET', KEYS[3])
if holder and holder ~= ARGV[1] then return {'taken'} end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
return {'leased'}
"""
"""Keys: body, floor, lease. Arguments: a new lease (empty: only look), its ms, now in us, the part of the fresh time."""

_PUT = """
local holder = redis.call('GET', KEYS[3])
if ARGV[1] ~= '' and holder and holder ~= ARGV[1] then return 0 end
if holder == ARGV[1] then redis.call('DEL', KEYS[3]) end
local generation, filled_at = tonumber(ARGV[3]), tonumber(ARGV[4])
if generation < tonumber(redis.call('GET', KEYS[2]) or '0') then return 0 end
local kept = redis.call('HMGET', KEYS[1], 'generation', 'filled_at')
if kept[1] then
    local kept_generation = tonumber(kept[1])
    if generation < kept_generation then return 0 end
    if generation == kept_generation and filled_at < tonumber(kept[2]) then return 0 end
end
redis.call('HSET', KEYS[1], 'key', ARGV[2], 'generation', ARGV[3], 'filled_at', ARGV[4], 'fresh', ARGV[5], 'body', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[7])
return 1
"""
"""Keys: body, floor, lease. Arguments: lease or empty, key, generation, filled_at and fresh in us, body, ms to keep it."""

_RAISE = """
for i, key in ipairs(KEYS) do
    local floor = math.max(tonumber(ARGV[i + 1]), tonumber(redis.call('GET', key) or '0'))
    redis.call('SET', key, string.format('%.0f', floor), 'PX', ARGV[1])
end
"""
"""Keys: floors. Arguments: their ms, then the least that each is to be."""

_GIVE_BACK = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class _Away(Exception):  # noqa: N818 - a state, told by None to whoever asked
    """Redis does not answer, or is being left alone."""


class _Connection(Connection):
    """A connection that has commands packed by hiredis, as it has answers read: redis-py itself takes seven times as long."""

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[bytes]:
        """The bytes of these commands."""
        return [pack_command(tuple(command)) for command in commands]


class _Client(Protocol):
    """What is used of redis-py's clients of one server and of a cluster."""

    def pipeline(self, transaction: Any = ...) -> Any: ...

    async def aclose(self) -> None: ...


_Call = tuple[Sequence[tuple[Any, ...]], "asyncio.Future[list[Any]]"]
"""Commands, and their answers."""


class _Deadline:
    """Ends the wait for one answer. Redis is given the time that the loop took from it by being late, once."""

    __slots__ = ("_answer", "_due", "_loop", "_seconds", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[Any]", seconds: float) -> None:
        self._loop, self._answer, self._seconds = loop, answer, seconds
        self._due = loop.time() + seconds
        self._timer = loop.call_later(seconds, self._passed)

    def over(self) -> None:
        """Nobody waits any more; an answer that has not come need not be sent."""
        self._timer.cancel()
        self._answer.cancel()

    def _passed(self) -> None:
        more_s = min(self._seconds, self._loop.time() - self._due)
        self._timer = self._loop.call_later(more_s, self._expire)

    def _expire(self) -> None:
        if not self._answer.done():
            self._answer.set_exception(TimeoutError())


class RedisCache:
    """Fulfils `ports.cache.SharedCache`. Belongs to one event loop; connects when it is first asked."""

    def __init__(
        self,
        url: str,
        *,
        deadline_s: float = _DEADLINE_S,
        connections: int = _CONNECTIONS,
        left_alone_s: float = _LEFT_ALONE_S,
        largest_body: int = _LARGEST_BODY,
    ) -> None:
        """Say where Redis is.

        Args:
            url: redis:// or, with TLS, rediss://user:password@host:port/0 (what else redis-py reads from a URL, such as
                `ssl_ca_certs`, too); redis+sentinel://host:port,host:port/0?master=name&sentinel_password=...; redis+cluster://host:port,host:port.
            deadline_s: seconds that anybody waits for an answer.
            connections: to one server at most; as many batches are under way.
            left_alone_s: seconds without a call after three failed ones in a row.
            largest_body: bytes of a body that is still kept.

        Raises:
            ValueError: the address is not one.
        """
        self._client = _client(url, connections=connections, deadline_s=deadline_s)
        self._deadline_s = deadline_s
        self._left_alone_s = left_alone_s
        self._largest_body = largest_body
        self._connections = connections
        self._waiting: list[_Call] = []
        self._batches: set[asyncio.Task[None]] = set()
        self._failed = 0
        self._away_until: float | None = None

    async def get(self, key: str, floor_key: str) -> CachedBody | None:
        """The body kept under a key, `superseded` when it is below the floor."""
        answer = await self.run("get", _FIND, (key, floor_key, _lease_key(key)), "", 0, 0, 1)
        return None if answer is None else _body(answer, key)

    async def put(self, key: str, floor_key: str, body: CachedBody, ttl_s: float) -> bool:
        """Keep a body for at most `LONGEST_TTL_S` seconds; see the port for what is refused."""
        return await self.put_leased(key, floor_key, body, ttl_s, None)

    async def put_leased(self, key: str, floor_key: str, body: CachedBody, ttl_s: float, lease: str | None) -> bool:
        """Keep a body and give the lease back, in one step."""
        if body.key != key or len(body.body) > self._largest_body:
            if lease is not None:
                await self.give_back(key, lease)
            return False
        filled_us, fresh_us = _microseconds(body.filled_at - _EPOCH), int(body.fresh_s * 1_000_000)
        kept_ms = int(min(ttl_s, LONGEST_TTL_S) * 1000)
        keys = (key, floor_key, _lease_key(key))
        answer = await self.run(
            "put", _PUT, keys, lease or "", key, body.generation, filled_us, fresh_us, body.body, kept_ms
        )
        return bool(answer == 1)

    async def raise_floors(self, floors: Mapping[str, int]) -> None:
        """From now on bodies below these generations are outdated; a floor never sinks."""
        if not floors:
            return
        keys, least, kept_ms = list(floors), list(floors.values()), int(FLOOR_KEPT_S * 1000)
        # In a Cluster each customer's keys have a slot of their own, and a script takes those of one.
        step = 1 if isinstance(self._client, RedisCluster) else _MOST_AT_ONCE
        parts = [slice(at, at + step) for at in range(0, len(keys), step)]
        await self._tried(
            "raise_floors", [("EVAL", _RAISE, len(keys[part]), *keys[part], kept_ms, *least[part]) for part in parts]
        )

    async def find_or_lease(
        self, key: str, floor_key: str, *, lease_s: float, now: datetime, part: float = 1.0
    ) -> Found:
        """The body that will do, or the right to fill it, in one step."""
        lease = secrets.token_hex(8)
        keys = (key, floor_key, _lease_key(key))
        now_us = _microseconds(now - _EPOCH)
        answer = await self.run("find_or_lease", _FIND, keys, lease, int(lease_s * 1000), now_us, part)
        match answer:
            case None:
                return Found()
            case [b"taken"]:
                return Found(taken=True)
            case [b"leased"]:
                return Found(lease=lease)
            case _:
                return Found(body=_body(answer, key))

    async def give_back(self, key: str, lease: str) -> None:
        """End a lease without a body."""
        await self.run("give_back", _GIVE_BACK, (_lease_key(key),), lease)

    async def close(self) -> None:
        """Let go of every connection."""
        for batch in self._batches:
            batch.cancel()
        await asyncio.gather(*self._batches, return_exceptions=True)
        await self._client.aclose()

    async def run(self, call: str, script: str, keys: Sequence[str], *arguments: object) -> Any:
        """One script's answer; None when Redis does not give one in time."""
        answers = await self._tried(call, [("EVAL", script, len(keys), *keys, *arguments)])
        return None if answers is None else answers[0]

    async def _tried(self, call: str, commands: Sequence[tuple[Any, ...]]) -> list[Any] | None:
        try:
            answers = await self._answers(commands)
        except _Away:
            CALLS.labels(call, "away").inc()
        except TimeoutError:
            CALLS.labels(call, "timeout").inc()
        except (RedisError, OSError):
            CALLS.labels(call, "error").inc()
        else:
            CALLS.labels(call, "ok").inc()
            return answers
        return None

    async def _answers(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        if self._left_alone() or len(self._waiting) >= _MOST_WAITING:
            raise _Away
        loop = asyncio.get_running_loop()
        answers: asyncio.Future[list[Any]] = loop.create_future()
        self._waiting.append((commands, answers))
        self._take_off()
        deadline = _Deadline(loop, answers, self._deadline_s)
        try:
            return await answers
        finally:
            deadline.over()

    def _take_off(self) -> None:
        """Send what waits, once everybody who asks in this turn of the loop has asked."""
        if self._waiting and len(self._batches) < self._connections:
            batch = asyncio.create_task(self._batch())
            self._batches.add(batch)
            batch.add_done_callback(self._landed)

    def _landed(self, batch: "asyncio.Task[None]") -> None:
        self._batches.discard(batch)
        self._take_off()

    async def _batch(self) -> None:
        boarded, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
        boarded = [one for one in boarded if not one[1].done()]
        if not boarded:
            return
        started = time.monotonic()
        answers: Sequence[Any]
        try:
            pipeline = self._client.pipeline(transaction=False)
            for commands, _ in boarded:
                for command in commands:
                    pipeline.execute_command(*command)
            answers = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError, TimeoutError) as error:
            answers = [error] * sum(len(commands) for commands, _ in boarded)
        self._learn(_failure(answers, slow=time.monotonic() - started > 2 * self._deadline_s))
        left = iter(answers)
        for commands, answered in boarded:
            told = list(islice(left, len(commands)))
            if not answered.done():
                errors = [one for one in told if isinstance(one, Exception)]
                if errors:
                    answered.set_exception(errors[0])
                else:
                    answered.set_result(told)

    def _left_alone(self) -> bool:
        """Whether no call is to be made now; when the time is over one batch at a time is, until one succeeds."""
        if self._away_until is None:
            return False
        return time.monotonic() < self._away_until or bool(self._batches)

    def _learn(self, failure: str | None) -> None:
        if failure is None:
            if self._away_until is not None:
                _log.info("redis.back")
            self._failed, self._away_until = 0, None
            AWAY.set(0)
            return
        self._failed += 1
        if self._failed >= _FAILURES:
            if self._away_until is None:
                _log.warning("redis.away", failure=failure)
            self._away_until = time.monotonic() + self._left_alone_s
            AWAY.set(1)


def _failure(answers: Sequence[Any], *, slow: bool) -> str | None:
    """Why the server is to blame, if it is, and not one command: every answer is an error, or came too late."""
    if all(isinstance(answer, Exception) for answer in answers):
        return type(answers[0]).__name__
    return "slow" if slow else None


def _lease_key(key: str) -> str:
    return f"lease:{key}"


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _body(answer: Any, key: str) -> CachedBody | None:
    """The body in an answer; None when there is none, or it was made for another key or by another release."""
    try:
        (found_key, generation, filled_us, fresh_us, body), superseded = answer
        if found_key is None:
            return None
        if found_key.decode() != key:
            CALLS.labels("get", "foreign").inc()
            return None
        filled_at = _EPOCH + timedelta(microseconds=int(filled_us))
        return CachedBody(key, int(generation), filled_at, bytes(body), int(fresh_us) / 1_000_000, bool(superseded))
    except (TypeError, ValueError, AttributeError):
        CALLS.labels("get", "foreign").inc()
        return None


def _client(url: str, *, connections: int, deadline_s: float) -> _Client:
    """A client of what the address names; none of them connects before it is used."""
    parts = urlsplit(url)
    scheme, _, kind = parts.scheme.partition("+")
    if scheme not in {"redis", "rediss"} or kind not in {"", "sentinel", "cluster"} or not parts.netloc:
        message = "an address is redis(s)://host:port, redis(s)+sentinel:// or redis(s)+cluster://"
        raise ValueError(message)
    options: dict[str, Any] = {
        "socket_timeout": 5 * deadline_s,  # callers go after deadline_s; later a connection is given up, too
        "socket_connect_timeout": 5 * deadline_s,
        "retry": Retry(NoBackoff(), 1),  # once: a connection may have died while it was not used
    }
    if kind == "":
        if scheme == "redis":
            options["connection_class"] = _Connection
        pool = BlockingConnectionPool.from_url(url, max_connections=connections, timeout=deadline_s, **options)
        return Redis.from_pool(pool)
    sign_in, _, hosts = parts.netloc.rpartition("@")
    user, _, password = sign_in.partition(":")
    options |= {"username": user or None, "password": password or None, "ssl": scheme == "rediss"}
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if "ssl_ca_certs" in asked:
        options["ssl_ca_certs"] = asked["ssl_ca_certs"]
    addresses = [
        (urlsplit(f"//{host}").hostname or "", urlsplit(f"//{host}").port or 6379) for host in hosts.split(",")
    ]
    if kind == "cluster":
        nodes = [ClusterNode(host, port) for host, port in addresses]
        return RedisCluster(startup_nodes=nodes, max_connections=connections, **options)
    if "master" not in asked:
        message = "an address of sentinels needs ?master=name"
        raise ValueError(message)
    database = int(parts.path.strip("/") or 0)
    of_sentinels = {name: value for name, value in options.items() if name not in {"username", "password"}}
    of_sentinels["password"] = asked.get("sentinel_password")  # they have one of their own, or none
    sentinel = Sentinel(addresses, sentinel_kwargs=of_sentinels, **options)  # type: ignore[no-untyped-call] # theirs
    master: Redis = sentinel.master_for(asked["master"], db=database, max_connections=connections)
    return master
