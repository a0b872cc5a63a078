"""Redis: the cache that processes share, and the rides that they give each other in queries of the lake."""

from support_service.adapters.redis.cache import RedisCache
from support_service.adapters.redis.rides import RedisRides

__all__ = ["RedisCache", "RedisRides"]
