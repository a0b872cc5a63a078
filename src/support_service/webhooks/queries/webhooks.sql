-- name: lock_creation
-- One at a time, so that the count holds.
SELECT pg_advisory_xact_lock(hashtextextended('support_webhooks', 0))

-- name: count_webhooks
SELECT count(*) FROM support_webhooks

-- name: insert_webhook
INSERT INTO support_webhooks
    (webhook_id, url, types, description, active, version, secret, from_position, created_by, created_at, updated_at)
VALUES ($1, $2, $3, $4, true, 1, $5, $6, $7, $8, $8)
RETURNING webhook_id, url, types, description, active, off_reason, version, failing_since, previous_secret_until,
    created_by, created_at, updated_at

-- name: webhook
SELECT webhook_id, url, types, description, active, off_reason, version, failing_since, previous_secret_until,
    created_by, created_at, updated_at
FROM support_webhooks WHERE webhook_id = $1

-- name: webhook_locked
SELECT webhook_id, url, types, description, active, off_reason, version, failing_since, previous_secret_until,
    created_by, created_at, updated_at
FROM support_webhooks WHERE webhook_id = $1 FOR NO KEY UPDATE

-- name: webhooks
SELECT webhook_id, url, types, description, active, off_reason, version, failing_since, previous_secret_until,
    created_by, created_at, updated_at
FROM support_webhooks WHERE $1::uuid IS NULL OR webhook_id < $1 ORDER BY webhook_id DESC LIMIT $2

-- name: save_webhook
-- Switched on again it has not failed yet, and is told of what happens from then on.
UPDATE support_webhooks
SET url = $2, types = $3, description = $4, active = $5, off_reason = $6, version = version + 1, updated_at = $7,
    failing_since = CASE WHEN active = $5 THEN failing_since END,
    from_position = CASE WHEN active = $5 THEN from_position ELSE $8 END
WHERE webhook_id = $1
RETURNING webhook_id, url, types, description, active, off_reason, version, failing_since, previous_secret_until,
    created_by, created_at, updated_at

-- name: rotate_secret
UPDATE support_webhooks
SET previous_secret = secret, previous_secret_until = $3, secret = $2, version = version + 1, updated_at = $4
WHERE webhook_id = $1
RETURNING webhook_id, url, types, description, active, off_reason, version, failing_since, previous_secret_until,
    created_by, created_at, updated_at

-- name: delete_webhook
DELETE FROM support_webhooks WHERE webhook_id = $1 RETURNING webhook_id

-- name: listeners
SELECT webhook_id, types, from_position FROM support_webhooks WHERE active

-- name: works_again
UPDATE support_webhooks SET failing_since = NULL WHERE webhook_id = $1 AND failing_since IS NOT NULL

-- name: fails
UPDATE support_webhooks SET failing_since = $2 WHERE webhook_id = $1 AND failing_since IS NULL

-- name: switch_off
UPDATE support_webhooks SET active = false, off_reason = $2, version = version + 1, updated_at = $3
WHERE webhook_id = $1 AND active
RETURNING webhook_id

-- name: states
SELECT CASE WHEN active THEN 'active' ELSE off_reason END AS state, count(*) AS webhooks
FROM support_webhooks GROUP BY 1
