"""Cases by the hundred thousand, as years of a busy shop leave them: written by SQL, as all are needed and none's history is.

Each is about an order of its own, of which it is known whose it is.

Twenty teams of very different sizes, the first with a fifth of all cases; 7 of 100 lie with none. 90 of 100 are closed or
resolved, 10 are open, pending or on hold, at any age. Two machine clients opened them; two of three have one of 200 assignees.
"""

from support_service.kit.database import Database

TEAMS = tuple(f"team-{number:02}" for number in range(1, 21))
"""From the largest to the smallest."""

_AT_ONCE = 100_000
_PEOPLE = """
    WITH teams AS (
        INSERT INTO support_teams (team, name, created_at) SELECT team, team, now() FROM unnest($1::text[]) AS team
        ON CONFLICT (team) DO NOTHING
    ), agents AS (
        INSERT INTO support_agents (agent_id, issuer, subject, roles, teams, created_at, last_seen_at)
        SELECT uuidv7(), 'made', n, '{}', '{}', now(), now() FROM generate_series(1, 202) AS n
        ON CONFLICT (issuer, subject) DO NOTHING
    )
    INSERT INTO support_customers (customer_id, created_at) SELECT 'made-' || n, now() FROM generate_series(0, $2::int / 3) AS n
    ON CONFLICT (customer_id) DO NOTHING
"""
_ORDERS = """
    INSERT INTO order_subjects (order_id, customer_id, origin, learnt_at)
    SELECT order_id, customer_id, 'learnt', created_at FROM support_tickets WHERE reference LIKE 'M-%'
    ON CONFLICT (order_id) DO NOTHING
"""
_CASES = """
    INSERT INTO support_tickets (ticket_id, reference, customer_id, order_id, channel, subject, priority, status, assignee, team,
        language, version, opened_by, awaiting_since, created_at, updated_at, resolved_at, closed_at)
    SELECT uuidv7(at - clock_timestamp()), 'M-' || n, 'made-' || n % ($1::int / 3), 'made-' || n, 'WEB', 'Where is order made-' || n,
        'NORMAL', status, CASE WHEN d % 3 > 0 THEN agents[d % 200 + 1] END, team, 'vi', 3, agents[201 + d % 2],
        CASE WHEN status = 'OPEN' THEN at END, at, at, CASE WHEN status IN ('RESOLVED', 'CLOSED') THEN at + interval '1 day' END,
        CASE WHEN status = 'CLOSED' THEN at + interval '3 days' END
    FROM (
        SELECT n, d, now() - interval '700 days' * (1 - n / $1::float8) AS at,
            CASE WHEN d % 100 < 80 THEN 'CLOSED' WHEN d % 100 < 90 THEN 'RESOLVED' WHEN d % 100 < 95 THEN 'OPEN'
                WHEN d % 100 < 99 THEN 'PENDING' ELSE 'ON_HOLD' END AS status,
            CASE WHEN e % 100 >= 7 THEN ($2::text[])[1 + floor(20 * power(f % 1000 / 1000.0, 2))::int] END AS team
        FROM (
            SELECT n, abs(hashint4extended(n, 1)) AS d, abs(hashint4extended(n, 2)) AS e, abs(hashint4extended(n, 3)) AS f
            FROM generate_series((SELECT count(*)::int + 1 FROM support_tickets WHERE reference LIKE 'M-%'), $3::int) AS n
        ) AS drawn
    ) AS made, (SELECT array_agg(agent_id ORDER BY agent_id) AS agents FROM support_agents WHERE issuer = 'made') AS people
    ORDER BY n
"""


_MESSAGES = """
    INSERT INTO support_conversations (conversation_id, ticket_id, author_type, message, created_at, number, author_id)
    SELECT uuidv7(), ticket_id, 'CUSTOMER', $2, created_at, number, opened_by
    FROM support_tickets, generate_series(1, $1::int) AS number
    WHERE reference LIKE 'M-%' ORDER BY ticket_id, number
    ON CONFLICT (ticket_id, number) DO NOTHING
"""


async def fill(owner: Database, count: int, *, messages: int = 0, text: str = "") -> None:
    """Let there be so many cases, none newer than now, and PostgreSQL know how many: a million in less than a minute.

    Args:
        owner: the service's database as its owner.
        count: cases in all.
        messages: in each conversation.
        text: of each message.
    """
    async with owner.connection() as connection:
        await connection.execute(_PEOPLE, TEAMS, count)
        for upto in range(_AT_ONCE, count + _AT_ONCE, _AT_ONCE):
            await connection.execute(_CASES, count, TEAMS, min(upto, count))
        await connection.execute(_ORDERS)
        await connection.execute(_MESSAGES, messages, text)
        await connection.execute("VACUUM (ANALYZE)")
