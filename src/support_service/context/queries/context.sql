-- name: seen_events
SELECT order_id, source, entity_id, version FROM support_timeline_events
WHERE (order_id, source, entity_id, version) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]))

-- name: insert_events
-- The inbox: what was seen before is not returned and has no effect.
INSERT INTO support_timeline_events (order_id, source, entity_id, version, event_id, customer_id, occurred_at, data)
SELECT order_id, source, entity_id, version, event_id, customer_id, occurred_at, data::jsonb
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[], $8::text[]
) AS event (order_id, source, entity_id, version, event_id, customer_id, occurred_at, data)
ORDER BY order_id COLLATE "C", source COLLATE "C", entity_id COLLATE "C", version
ON CONFLICT DO NOTHING
RETURNING order_id, source, entity_id, version

-- name: add_facts
-- Facts are a set keyed by entity and version, so adding them in any order, and twice, ends in the same.
WITH fresh AS (
    SELECT owner, entry_id, body, body ->> 'source' AS source, body ->> 'order_id' AS order_id
    FROM jsonb_to_recordset($1) AS fact (owner text, entry_id text, body jsonb)
), hit AS (
    SELECT context.ticket_id, context.source, jsonb_object_agg(fresh.entry_id, fresh.body) AS facts
    FROM fresh JOIN support_case_context AS context
        ON context.live AND context.source = fresh.source AND context.customer_id = fresh.owner
            AND (context.order_id IS NULL OR context.order_id = fresh.order_id)
    GROUP BY context.ticket_id, context.source
)
UPDATE support_case_context AS context SET facts = context.facts || hit.facts
FROM hit WHERE context.ticket_id = hit.ticket_id AND context.source = hit.source

-- name: events_of_orders
SELECT order_id, source, entity_id, version, event_id, customer_id, occurred_at, data, received_at
FROM support_timeline_events WHERE order_id = ANY ($1)

-- name: events_of_customer
-- Of some orders everything, of the customer's others what tells of the customer.
-- Materialized: found by orders first, whatever the planner thinks of walking all events back in time.
WITH mine AS MATERIALIZED (
    SELECT order_id, source, entity_id, version, event_id, customer_id, occurred_at, data, received_at
    FROM support_timeline_events
    WHERE order_id = ANY ($1::text[] || $2::text[]) AND (customer_id = $3 OR order_id = ANY ($1))
)
SELECT * FROM mine ORDER BY received_at DESC LIMIT $4

-- name: put_context
-- A source that did not answer keeps what is known of it: its facts and the time they were whole.
INSERT INTO support_case_context (ticket_id, source, customer_id, order_id, live, facts, served_from, as_of)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (ticket_id, source) DO UPDATE
SET live = excluded.live,
    facts = support_case_context.facts || excluded.facts,
    served_from = CASE WHEN excluded.as_of IS NULL THEN support_case_context.served_from ELSE excluded.served_from END,
    as_of = coalesce(excluded.as_of, support_case_context.as_of)

-- name: context_of
SELECT source, facts, as_of FROM support_case_context
WHERE customer_id = $1 AND order_id IS NOT DISTINCT FROM $2
ORDER BY as_of NULLS FIRST

-- name: forget_context
DELETE FROM support_case_context WHERE ticket_id = $1

-- name: rest_context
UPDATE support_case_context SET live = false WHERE ticket_id = ANY ($1)

-- name: inbox_blocks
SELECT pg_relation_size('support_timeline_events') / current_setting('block_size')::bigint

-- name: purge_events
-- Kept a week, or while a case of that customer is live. Found by their places: an index on the time would cost every event
-- that comes more than it costs to look at each once a day.
DELETE FROM support_timeline_events AS event
WHERE ctid >= $2::tid AND ctid < $3::tid AND received_at < $1
    AND NOT EXISTS (
        SELECT FROM support_case_context AS context
        WHERE context.live AND (context.order_id = event.order_id OR context.customer_id = event.customer_id)
    )
