-- name: insert_deliveries
INSERT INTO support_webhook_deliveries
    (delivery_id, webhook_id, event_id, type, body, status, next_at, created_at)
SELECT delivery_id, webhook_id, event_id, type, body, 'PENDING', $6, $6
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[])
    AS fresh (delivery_id, webhook_id, event_id, type, body)

-- name: deliveries
SELECT delivery_id, webhook_id, event_id, type, status, attempts, next_at, created_at, finished_at
FROM support_webhook_deliveries
WHERE webhook_id = $1 AND ($2::text IS NULL OR status = $2) AND ($3::uuid IS NULL OR delivery_id < $3)
ORDER BY delivery_id DESC LIMIT $4

-- name: delivery
SELECT delivery_id, webhook_id, event_id, type, status, attempts, next_at, created_at, finished_at
FROM support_webhook_deliveries WHERE webhook_id = $1 AND delivery_id = $2

-- name: replay
-- Not while it is being sent: what comes of that would be written over what is begun here.
UPDATE support_webhook_deliveries SET status = 'PENDING', tries = 0, next_at = $3, finished_at = NULL, claim = NULL
WHERE webhook_id = $1 AND delivery_id = $2 AND (claim IS NULL OR next_at <= $3)
RETURNING delivery_id, webhook_id, event_id, type, status, attempts, next_at, created_at, finished_at

-- name: replay_failed
UPDATE support_webhook_deliveries SET status = 'PENDING', tries = 0, next_at = $3, finished_at = NULL
WHERE delivery_id IN (
    SELECT delivery_id FROM support_webhook_deliveries
    WHERE webhook_id = $1 AND status = 'FAILED' AND delivery_id >= $2 AND type <> $4
    ORDER BY delivery_id LIMIT $5 FOR UPDATE SKIP LOCKED
)

-- name: webhooks_due
SELECT webhook_id FROM support_webhooks AS webhook
WHERE active AND EXISTS (
    SELECT FROM support_webhook_deliveries AS delivery
    WHERE delivery.webhook_id = webhook.webhook_id AND status = 'PENDING' AND next_at <= $1
)

-- name: lock_webhooks
-- Whoever holds these rows claims for them; a second sender goes on without them, so that what is under way is counted
-- by one at a time.
SELECT webhook_id FROM support_webhooks WHERE webhook_id = ANY ($1) AND active FOR NO KEY UPDATE SKIP LOCKED

-- name: claim
-- A statement of its own after lock_webhooks: its snapshot is younger than the locks. A claim is a lease: the time moves
-- ahead, and what was claimed by somebody who died comes due again. Of each webhook as many as it has room for.
WITH picked AS (
    SELECT due.delivery_id
    FROM unnest($1::uuid[]) AS mine (webhook_id)
    CROSS JOIN LATERAL (
        SELECT delivery.delivery_id, delivery.next_at
        FROM support_webhook_deliveries AS delivery
        WHERE delivery.webhook_id = mine.webhook_id AND delivery.status = 'PENDING' AND delivery.next_at <= $2
        ORDER BY delivery.next_at
        LIMIT greatest(0, $3::bigint - (
            SELECT count(*) FROM support_webhook_deliveries AS under_way
            WHERE under_way.webhook_id = mine.webhook_id AND under_way.claim IS NOT NULL AND under_way.next_at > $2
        ))
    ) AS due
    ORDER BY due.next_at LIMIT $4
)
UPDATE support_webhook_deliveries AS delivery SET claim = $5, next_at = $6, tries = tries + 1
FROM picked, support_webhooks AS webhook
WHERE delivery.delivery_id = picked.delivery_id AND webhook.webhook_id = delivery.webhook_id
RETURNING delivery.delivery_id, delivery.webhook_id, delivery.event_id, delivery.type, delivery.body, delivery.tries,
    delivery.attempts, webhook.url, webhook.secret, webhook.failing_since,
    CASE WHEN webhook.previous_secret_until > $2 THEN webhook.previous_secret END AS previous_secret

-- name: record_attempt
-- Only by whoever claimed it: a lease that ran out is somebody else's by now.
UPDATE support_webhook_deliveries
SET status = $3, next_at = $4, finished_at = $5, attempts = $6, claim = NULL
WHERE delivery_id = $1 AND claim = $2

-- name: oldest_due
SELECT coalesce(extract(epoch FROM $1::timestamptz - min(due.next_at)), 0)::float8
FROM support_webhooks AS webhook
CROSS JOIN LATERAL (
    SELECT next_at FROM support_webhook_deliveries AS delivery
    WHERE delivery.webhook_id = webhook.webhook_id AND status = 'PENDING' AND next_at <= $1
    ORDER BY next_at LIMIT 1
) AS due
WHERE webhook.active

-- name: purge_deliveries
-- Ids begin with the time they were made at.
DELETE FROM support_webhook_deliveries WHERE delivery_id IN (
    SELECT delivery_id FROM support_webhook_deliveries WHERE delivery_id < $1 ORDER BY delivery_id LIMIT $2
    FOR UPDATE SKIP LOCKED
)

-- name: forget_deliveries
DELETE FROM support_webhook_deliveries WHERE delivery_id IN (
    SELECT delivery_id FROM support_webhook_deliveries WHERE webhook_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED
)
