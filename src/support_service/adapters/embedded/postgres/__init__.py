"""PostgreSQL 18 from a wheel: a server of our own beside the process that starts it.

It listens on 127.0.0.1 only, with SCRAM passwords and no Unix socket. One running process owns a data directory (a
lock says so); a server left over by a killed owner is ended before a new one starts.
"""

from support_service.adapters.embedded.postgres.programs import EmbeddedPostgresError
from support_service.adapters.embedded.postgres.server import OWNER, EmbeddedPostgres

__all__ = ["OWNER", "EmbeddedPostgres", "EmbeddedPostgresError"]
