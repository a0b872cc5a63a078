"""What must be true of the tables of cases, whatever happened: each effect stands once in each of them; pure SQL."""

from collections.abc import Mapping

CASE_TABLES: Mapping[str, str] = {
    "cases not opened once in the log": """
        SELECT count(*) FROM support_tickets AS t
        LEFT JOIN (
            SELECT subject, count(*) AS times FROM event_log WHERE type = 'support.case.opened' GROUP BY 1
        ) AS l ON l.subject = t.ticket_id::text
        WHERE times IS DISTINCT FROM 1""",
    "messages not posted once in the log": """
        SELECT count(*) FROM support_conversations AS m
        LEFT JOIN (
            SELECT data->>'conversation_id' AS id, count(*) AS times FROM event_log
            WHERE type = 'support.case.message.posted' GROUP BY 1
        ) AS l ON l.id = m.conversation_id::text
        WHERE coalesce(times, 0) <> (m.number > 1)::int""",
    "events of no case or message": """
        SELECT count(*) FROM event_log AS l
        LEFT JOIN support_tickets AS t ON t.ticket_id::text = l.subject
        LEFT JOIN support_conversations AS m ON m.conversation_id::text = l.data->>'conversation_id'
        WHERE t.ticket_id IS NULL OR (l.data ? 'conversation_id' AND m.conversation_id IS NULL)""",
    "cases whose versions have gaps in the log": """
        SELECT count(*) FROM support_tickets AS t
        LEFT JOIN (
            SELECT subject, array_agg(DISTINCT sequence ORDER BY sequence) AS versions FROM event_log GROUP BY 1
        ) AS l ON l.subject = t.ticket_id::text
        WHERE versions IS DISTINCT FROM ARRAY(SELECT generate_series(1, t.version))""",
    "cases whose messages are not numbered from 1 on": """
        SELECT count(*) FROM support_tickets AS t
        LEFT JOIN (
            SELECT ticket_id, count(*) AS messages, max(number) AS last, min(number) AS first
            FROM support_conversations GROUP BY 1
        ) AS m USING (ticket_id)
        WHERE (first, last) IS DISTINCT FROM (1, messages::int)""",
    "cases not opened once in the activity": """
        SELECT count(*) FROM support_tickets AS t
        LEFT JOIN (
            SELECT ticket_id, count(*) AS times FROM support_agent_activity WHERE action = 'case.opened' GROUP BY 1
        ) AS a USING (ticket_id)
        WHERE times IS DISTINCT FROM 1""",
    "messages not posted once in the activity": """
        SELECT count(*) FROM support_conversations AS m
        LEFT JOIN (
            SELECT detail->>'conversation_id' AS id, count(*) AS times FROM support_agent_activity
            WHERE action = 'message.posted' GROUP BY 1
        ) AS a ON a.id = m.conversation_id::text
        WHERE coalesce(times, 0) <> (m.number > 1)::int""",
    "cases whose changes are not each in the activity once": """
        SELECT count(*) FROM support_tickets AS t
        LEFT JOIN (
            SELECT ticket_id, count(*) AS changes FROM support_agent_activity WHERE action = 'case.changed' GROUP BY 1
        ) AS a USING (ticket_id)
        LEFT JOIN (SELECT ticket_id, count(*) AS messages FROM support_conversations GROUP BY 1) AS m USING (ticket_id)
        WHERE coalesce(changes, 0) + coalesce(messages, 0) <> t.version""",
    "activity of no case or message": """
        SELECT count(*) FROM support_agent_activity AS a
        LEFT JOIN support_tickets AS t USING (ticket_id)
        LEFT JOIN support_conversations AS m ON m.conversation_id::text = a.detail->>'conversation_id'
        WHERE (a.ticket_id IS NOT NULL AND t.ticket_id IS NULL)
            OR (a.detail ? 'conversation_id' AND m.conversation_id IS NULL)""",
    "live cases without the whole context of five sources": """
        SELECT count(*) FROM support_tickets AS t
        LEFT JOIN (
            SELECT ticket_id, count(*) AS sources FROM support_case_context WHERE live AND as_of IS NOT NULL GROUP BY 1
        ) AS c USING (ticket_id)
        WHERE t.status <> 'CLOSED' AND sources IS DISTINCT FROM 5""",
    "closed cases whose context is still kept up": """
        SELECT count(*) FROM support_tickets AS t
        WHERE t.status = 'CLOSED'
            AND EXISTS (SELECT FROM support_case_context AS c WHERE c.ticket_id = t.ticket_id AND c.live)""",
    "enrichments that are still due": "SELECT count(*) FROM due_work WHERE kind = 'context.enrich'",
    "events without one delivery for each webhook": """
        SELECT count(*) FROM (SELECT event_id FROM event_log) AS l
        FULL JOIN (
            SELECT event_id, count(*) AS deliveries, count(DISTINCT webhook_id) AS webhooks
            FROM support_webhook_deliveries GROUP BY 1
        ) AS d USING (event_id)
        CROSS JOIN (SELECT count(*) AS webhooks FROM support_webhooks) AS of_all
        WHERE l.event_id IS NULL OR (deliveries, d.webhooks) IS DISTINCT FROM (of_all.webhooks, of_all.webhooks)""",
    "deliveries that were not taken": "SELECT count(*) FROM support_webhook_deliveries WHERE status <> 'DELIVERED'",
}
"""Counts that must be nought. A version is the opening, a message or a change; a case's first message comes with its opening."""
