-- name: record
INSERT INTO support_agent_activity (occurred_at, agent_id, action, ticket_id, detail, request_id)
VALUES ($1, $2, $3, $4, $5, $6)

-- name: record_views
-- In the order of the unique index, so that two processes with the same views wait for each other and no more.
INSERT INTO support_agent_activity (occurred_at, agent_id, action, ticket_id, minute, request_id)
SELECT occurred_at, agent_id, 'case.viewed', ticket_id, date_trunc('minute', occurred_at), request_id
FROM unnest($1::timestamptz[], $2::uuid[], $3::uuid[], $4::text[])
    AS seen (occurred_at, agent_id, ticket_id, request_id)
ORDER BY ticket_id, agent_id, occurred_at
ON CONFLICT (ticket_id, agent_id, minute) WHERE action = 'case.viewed' DO NOTHING
