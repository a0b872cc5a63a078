"""The CPU time of PostgreSQL for one database: of the processes that serve its connections."""

from bench.cpu import cpu_seconds
from support_service.kit.database import Database


async def cpu_of(server: Database, database: str) -> dict[int, float]:
    """User and system seconds of each process that serves a connection to this database now."""
    async with server.connection() as connection:
        rows = await connection.fetch("SELECT pid FROM pg_stat_activity WHERE datname = $1", database)
    return {row["pid"]: cpu_seconds([row["pid"]]) for row in rows}


def since(before: dict[int, float], after: dict[int, float]) -> float:
    """Seconds used between two readings, also by those that were started meanwhile."""
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())
