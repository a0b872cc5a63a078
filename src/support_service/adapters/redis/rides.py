"""Rides in Redis: who leads and has how much room, who rides, and their answers.

All keys have one tag, so that they lie in one Cluster slot and each step is one script. Every key has an end.
"""

import secrets
from collections.abc import Sequence

from pydantic_core import from_json, to_json

from support_service.adapters.redis.cache import RedisCache
from support_service.ports.rides import Passenger, Seat

_ANNOUNCED_MS = 1_000
_ANSWER_KEPT_MS = 5_000

_COMING = "rides:{lake}:coming"
_LEAD = "rides:{lake}:lead"
_RIDING = "rides:{lake}:riding"
_ANSWER = "rides:{lake}:answer:"

_ANNOUNCE = """
redis.call('HSET', KEYS[1], ARGV[1], 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

_BOARD = """
redis.call('HDEL', KEYS[1], ARGV[1])
local room = redis.call('HGET', KEYS[2], 'room')
if not room then
    redis.call('DEL', KEYS[3])
    redis.call('HSET', KEYS[2], 'token', ARGV[2], 'room', tonumber(ARGV[5]) - tonumber(ARGV[4]))
    redis.call('PEXPIRE', KEYS[2], ARGV[6])
    return 'leads'
end
if tonumber(room) < tonumber(ARGV[4]) then return 'alone' end
redis.call('HINCRBY', KEYS[2], 'room', -tonumber(ARGV[4]))
redis.call('RPUSH', KEYS[3], ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[6])
return 'rides'
"""
"""Keys: coming, lead, riding. Arguments: process, token, token and ids as JSON, how many, how many at most, ms of the lead."""

_DEPART = """
if redis.call('HGET', KEYS[2], 'token') ~= ARGV[1] then return {} end
local room = tonumber(redis.call('HGET', KEYS[2], 'room'))
if ARGV[2] == '0' and room > 0 and redis.call('HLEN', KEYS[1]) > 0 then return 'wait' end
local riding = redis.call('LRANGE', KEYS[3], 0, -1)
redis.call('DEL', KEYS[2], KEYS[3])
return riding
"""


class RedisRides:
    """Fulfils `ports.rides.Rides` over the shared cache's connections, deadlines and rest after failures."""

    def __init__(self, redis: RedisCache) -> None:
        """Ask by `redis`, which whoever made it closes."""
        self._redis = redis
        self._process = secrets.token_hex(8)

    async def announce(self) -> None:
        """Say that a crowd is gathering here."""
        await self._redis.run("announce", _ANNOUNCE, (_COMING,), self._process, _ANNOUNCED_MS)

    async def board(self, ids: Sequence[str], *, most_ids: int, lead_s: float) -> Seat | None:
        """Ride with whoever leads and has room, or lead."""
        token = secrets.token_hex(8)
        told = to_json([token, list(ids)])
        keys, lead_ms = (_COMING, _LEAD, _RIDING), int(lead_s * 1000)
        said = await self._redis.run("board", _BOARD, keys, self._process, token, told, len(ids), most_ids, lead_ms)
        return Seat(token, leads=said == b"leads") if said in {b"leads", b"rides"} else None

    async def depart(self, token: str, *, now: bool) -> Sequence[Passenger] | None:
        """Let nobody board any more, and say who rides along."""
        riding = await self._redis.run("depart", _DEPART, (_COMING, _LEAD, _RIDING), token, int(now))
        if riding == b"wait":
            return None
        return [Passenger(*from_json(one)) for one in riding or ()]

    async def deliver(self, token: str, answer: bytes) -> None:
        """Leave a passenger's answer."""
        script = "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])"
        await self._redis.run("deliver", script, (_ANSWER + token,), answer, _ANSWER_KEPT_MS)

    async def collect(self, token: str) -> bytes | None:
        """A passenger's answer."""
        answer = await self._redis.run("collect", "return redis.call('GETDEL', KEYS[1])", (_ANSWER + token,))
        return answer if isinstance(answer, bytes) else None
